//! The agent is killed with SIGKILL after each kind of journal row and at moments that a seed chooses, through whole lives
//! of proposals. `QUAESTOR_CAMPAIGN=200` makes so many kills on each route, `QUAESTOR_SEED` chooses the moments.

use super::{
    audit::{Audit, audit},
    stand::{self, Lives, Watch, label},
};
use alloy::primitives::{Address, B256};
use quaestor::{
    agent::{Path, Plan, Record},
    journal::JournalReader,
};
use quaestor_contracts::governor::{Proposal, ProposalState};
use quaestor_core::{AssetId, lifecycle::Outcome};
use quaestor_tests::Stage;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Rows after which the agent is killed while a proposal of the Safe is executed.
const EXECUTED: &[&str] = &[
    "decided",
    "planned",
    "prepared propose",
    "signed propose",
    "sent",
    "included",
    "finalised",
    "observed",
    "executed",
];
/// Likewise while one is withdrawn.
const WITHDRAWN: &[&str] = &["withdraw", "prepared revoke", "signed revoke", "signed tidy"];
/// Likewise on the way through the Governor.
const VOTED: &[&str] = &["planned", "signed propose", "observed", "signed queue", "signed execute", "executed"];
/// Kills at moments of the seed's choice in a campaign that is not told how many to make.
const RANDOM_KILLS: usize = 2;
/// Latest such moment after a start, milliseconds.
const RANDOM_MS_MAX: u64 = 900;
/// Such moments in one life.
const RANDOM_PER_LIFE: usize = 4;
/// Lives of a campaign at most, beside one for each kill that the seed chooses.
const LIVES: usize = 6;
/// Longest life.
const LIFE_MAX: Duration = Duration::from_secs(90);
/// Time between two looks at the journal, and between two blocks.
const LOOK: Duration = Duration::from_millis(2);
const BLOCK: Duration = Duration::from_millis(50);

/// Position of WETH in the policy.
const WETH: AssetId = AssetId(1);

/// What people do with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Execute,
    /// Nobody confirms, and prices move until it is unfit.
    Withdraw,
    Vote,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_safe_route_goes_on_once() {
    let mut campaign = Campaign::begin([EXECUTED, WITHDRAWN].concat()).await;
    let mut percents = [60, 100].into_iter().cycle();
    while campaign.goes_on() {
        let wish = if campaign.lives % 2 == 1 { Wish::Withdraw } else { Wish::Execute };
        stand::price(&campaign.stage, percents.next().unwrap()).await;
        campaign.life(wish).await;
        if wish == Wish::Withdraw {
            // The swing that withdrew it is answered next.
            percents.next();
        }
    }
    campaign.ends("Safe").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_governor_route_goes_on_once() {
    let mut campaign = Campaign::begin(VOTED.to_vec()).await;
    while campaign.goes_on() {
        stand::price(&campaign.stage, 100).await;
        stand::drain(&campaign.stage).await;
        campaign.life(Wish::Vote).await;
    }
    let audit = campaign.ends("Governor").await;
    assert!(audit.proposed > 0);
}

/// Numbers from a seed (SplitMix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

struct Campaign {
    stage: Stage,
    watch: Watch,
    world: Lives,
    dice: Dice,
    /// Rows after which a kill is due, each once.
    targets: Vec<&'static str>,
    random_left: usize,
    random_in_life: usize,
    random_at: Option<Instant>,
    lives: usize,
    lives_max: usize,
    kills: Vec<String>,
    executed: BTreeSet<B256>,
}

impl Campaign {
    async fn begin(targets: Vec<&'static str>) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
        let total = number("QUAESTOR_CAMPAIGN").unwrap_or(targets.len() + RANDOM_KILLS);
        let stage = stand::stand().await;
        let random_left = total.saturating_sub(targets.len());
        Self {
            watch: Watch::new(&stage),
            stage,
            world: Lives::default(),
            dice: Dice(number("QUAESTOR_SEED").unwrap_or(1).try_into().unwrap()),
            targets,
            random_left,
            random_in_life: 0,
            random_at: None,
            lives: 0,
            lives_max: LIVES + random_left,
            kills: Vec::new(),
            executed: BTreeSet::new(),
        }
    }

    fn goes_on(&self) -> bool {
        (!self.targets.is_empty() || self.random_left > 0) && self.lives < self.lives_max
    }

    /// A proposal from its decision to its end, with the kills that are due on the way.
    async fn life(&mut self, wish: Wish) {
        self.lives += 1;
        let dao = &self.stage.devnet.dao;
        let account = if wish == Wish::Vote { dao.governance.timelock } else { dao.safe.account };
        self.random_in_life = RANDOM_PER_LIFE;
        // Half of what a long campaign leaves to the seed are rows again, the other half moments.
        if self.targets.is_empty() && self.random_left > 1 {
            self.random_left -= 1;
            let kinds = match wish {
                Wish::Execute => EXECUTED,
                Wish::Withdraw => WITHDRAWN,
                Wish::Vote => VOTED,
            };
            let chosen = self.dice.below(kinds.len().try_into().unwrap());
            self.targets.push(kinds[usize::try_from(chosen).unwrap()]);
        }
        self.plan_random();
        let begun = Instant::now();
        let (mut plan, mut ticked, mut mined): (Option<Plan>, u64, _) = (None, 0, Instant::now());
        let mut people = People::default();
        while begun.elapsed() < LIFE_MAX {
            if self.look(account, &mut plan).await {
                continue;
            }
            if let Some(outcome) = plan.as_ref().and_then(|plan| self.world.outcomes.get(&plan.id)) {
                let plan = plan.as_ref().unwrap();
                match (wish, outcome) {
                    (Wish::Withdraw, Outcome::Withdrawn { .. } | Outcome::Abandoned { .. }) => {}
                    (Wish::Execute | Wish::Vote, Outcome::Executed { .. }) => {
                        self.executed.insert(plan.id);
                    }
                    _ => panic!("it was to be {wish:?} and ended {outcome:?}"),
                }
                return;
            }
            if mined.elapsed() >= BLOCK {
                match &plan {
                    // A decision may be lost to a kill before its plan is written: the next hour brings another.
                    None if ticked % 15 == 0 => self.next_hour().await,
                    Some(plan) if wish == Wish::Vote => people.vote(&self.stage, plan).await,
                    Some(plan) => people.confirm(&self.stage, plan, wish).await,
                    None => {}
                }
                if people.moved && wish == Wish::Withdraw && ticked % 15 == 0 {
                    self.next_hour().await;
                }
                ticked += 1;
                self.stage.devnet.mine(1).await.unwrap();
                mined = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("the proposal {:?} is not over; killed: {:#?}", plan.map(|plan| plan.id), self.kills);
    }

    async fn next_hour(&self) {
        let now = self.stage.devnet.chain.now().await.unwrap();
        self.stage.devnet.warp_to((now / 3_600 + 1) * 3_600).await.unwrap();
        self.stage.devnet.mine(3).await.unwrap();
    }

    /// Folds what is new in the journal; kills if that is due. Whether it was.
    async fn look(&mut self, account: Address, plan: &mut Option<Plan>) -> bool {
        let mut due = None;
        for record in self.watch.fresh() {
            self.world.apply(&record);
            let label = label(&record);
            if let Some(position) = self.targets.iter().position(|target| *target == label) {
                due = due.or_else(|| Some(self.targets.remove(position).to_owned()));
            }
            if let Record::Planned(found) = record
                && found.batch.address == account
                && plan.as_ref().is_none_or(|before| self.world.outcomes.contains_key(&before.id))
            {
                *plan = Some(*found);
            }
        }
        if due.is_none() && self.random_at.is_some_and(|at| at <= Instant::now()) {
            self.random_left -= 1;
            self.random_in_life -= 1;
            due = Some("a moment of the seed".to_owned());
        }
        let Some(due) = due else { return false };
        self.stage.kill_agent().unwrap();
        let reader = JournalReader::open(&self.stage.config.files.journal).unwrap();
        let rows = reader.verify().unwrap().rows;
        let last: Record = reader.rows(rows, 1).unwrap()[0].decode().unwrap();
        self.kills.push(format!("after {due}; the last row is {rows}, {}", label(&last)));
        self.stage.start_agent().unwrap();
        self.plan_random();
        true
    }

    fn plan_random(&mut self) {
        let wanted = self.targets.is_empty() || self.dice.below(3) == 0;
        self.random_at = (wanted && self.random_left > 0 && self.random_in_life > 0)
            .then(|| Instant::now() + Duration::from_millis(self.dice.below(RANDOM_MS_MAX)));
    }

    /// Nothing is left to kill: chain and journal are checked, and it is told what was killed where.
    async fn ends(mut self, route: &str) -> Audit {
        assert!(self.targets.is_empty() && self.random_left == 0, "not killed after {:?}", self.targets);
        self.stage.devnet.mine(3).await.unwrap();
        self.stage.journal_is_whole().await;
        let audit = audit(&self.stage, &self.executed).await;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for kill in &self.kills {
            *counts.entry(kill.as_str()).or_default() += 1;
        }
        println!("{route}: {} kills in {} lives, {audit:?}", self.kills.len(), self.lives);
        for (kill, count) in counts {
            println!("  {count} × {kill}");
        }
        audit
    }
}

/// What people have done with the proposal at hand.
#[derive(Debug, Default)]
struct People {
    executed: bool,
    moved: bool,
    voted: bool,
    waited: bool,
}

impl People {
    async fn confirm(&mut self, stage: &Stage, plan: &Plan, wish: Wish) {
        if self.executed || self.moved || !stand::is_proposed(stage, plan).await {
            return;
        }
        if wish == Wish::Execute {
            stand::people_execute(stage, plan).await;
            self.executed = true;
        } else {
            // Whichever of the two prices it was made at, the other is past its bound.
            let sells_weth = plan.batch.intents().any(|intent| intent.asset == WETH);
            stand::price(stage, if sells_weth { 60 } else { 100 }).await;
            self.moved = true;
        }
    }

    async fn vote(&mut self, stage: &Stage, plan: &Plan) {
        let Path::Governor { proposal_id, .. } = plan.route else { panic!("{:?}", plan.route) };
        let proposals = stage.devnet.proposals().await.unwrap();
        let Some(proposal) = proposals.iter().find(|proposal: &&Proposal| proposal.id() == proposal_id) else { return };
        if !self.voted {
            stage.devnet.vote(proposal).await.unwrap();
            self.voted = true;
        }
        if !self.waited && stage.devnet.proposal_state(proposal).await.unwrap() == ProposalState::Queued {
            stage.devnet.warp_by(stage.devnet.dao.governance.timelock_delay_secs + 60).await.unwrap();
            self.waited = true;
        }
    }
}
