//! The days on the local chain, one bar after the other: what is ready is executed, money flows, feeds and pools close, the
//! agent decides.

use super::{End, FidelityError, Holdings, OnChain, People, Progress, Side, home, people, prices, seen, world::World};
use crate::devnet::ReplayDay;
use alloy::primitives::{Address, B256};
use quaestor_core::{Amount, Catalog, Policy, amount::WAD, lifecycle::Stage};
use quaestor_policies::VotedPolicy;
use quaestor_simulations::{
    assumptions::Checked,
    market::{BAR_WHOLE, Market},
};

/// What is due at the very close of a bar happens this long before, so that the close finds it done.
const BEFORE_CLOSE_SECS: u64 = 30;
/// Time that the agent may take to see something through; closer to the close it does so after it.
const REST_SECS: u64 = 720;
/// Time for building the DAO and for its first vote, the timelock aside.
const BUILD_SECS: u64 = 86_400;
/// More than the local chain's confirmations.
const AT_REST_BLOCKS: u64 = 4;
/// A vote's time counts from the block of its proposal, which is a few after the decision.
const VOTE_SLACK_SECS: u64 = 60;

/// What is played.
pub(super) struct Days<'a> {
    pub(super) market: &'a Market<'a>,
    pub(super) policy: &'a VotedPolicy,
    pub(super) assumed: &'a Checked,
    pub(super) people: People,
    /// The first bar that is decided at.
    pub(super) start: usize,
}

/// What the chain says in the end.
pub(super) struct Found {
    pub(super) side: Side,
    pub(super) chain: OnChain,
    pub(super) alarms: Vec<String>,
}

/// When the chain must begin so that the DAO and its policy stand by `ready`, Unix seconds.
pub(super) fn begins_at(ready: u64, delays: &People) -> u64 {
    ready.saturating_sub(delays.timelock_secs.saturating_add(BUILD_SECS))
}

/// What somebody does next for a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Owners confirm and execute.
    Execute,
    /// Members vote.
    Vote,
    /// The vote ends; the agent queues.
    Queue,
    /// The timelock ends; the agent executes.
    Run,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    id: B256,
    task: Task,
    /// When, Unix seconds.
    due_at: u64,
    /// When the engine executes, Unix seconds: the prices are those of then.
    priced_at: u64,
    /// The bar in which it was tried last.
    tried: Option<usize>,
}

/// The days under way.
struct Play<'a, 'w> {
    days: &'a Days<'a>,
    world: &'w mut World,
    turns: Vec<Turn>,
    /// Base units that each flow has moved, and those that it could not.
    flowed: Vec<(u128, u128)>,
    reverts: u32,
}

impl Days<'_> {
    /// Builds up to the first bar, plays all of them, and reads what the chain holds then.
    ///
    /// # Errors
    /// If the chain or the agent fails.
    pub(super) async fn play(
        &self,
        world: &mut World,
        catalog: &Catalog,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Found, FidelityError> {
        let ends = self.market.panel.ends();
        people::adopt(&world.devnet, self.policy).await?;
        self.fund(world).await?;
        world.devnet.warp_to(self.market.panel.begins_at(self.start)).await?;
        // So deep that the agent, which decides at what comes after its first look, takes no decision at that block.
        world.devnet.mine(AT_REST_BLOCKS).await?;
        world.start_agent(catalog).await?;
        let flowed = vec![(0, 0); self.assumed.flows.len()];
        let mut play = Play { days: self, world, turns: Vec::new(), flowed, reverts: 0 };
        let mut nav = Vec::with_capacity(ends.len() - self.start);
        for (bar, end) in ends.iter().enumerate().skip(self.start) {
            play.execute_due(bar).await?;
            play.flow(*end).await?;
            play.close(bar).await?;
            nav.push(seen::nav(&play.world.devnet, self.policy.terms()).await?);
            play.decide().await?;
            tell(Progress { done: bar + 1 - self.start, bars: ends.len() - self.start, at: *end });
        }
        let reverts = play.reverts;
        let (proposals, chain) = seen::proposals(world, self.policy.terms()).await?;
        let alarms = std::mem::take(&mut world.alarms);
        Ok(Found { side: Side { nav, proposals }, chain: OnChain { reverts, ..chain }, alarms })
    }

    /// Gives every account what it holds at first, and makes sure that it holds nothing else.
    async fn fund(&self, world: &World) -> Result<(), FidelityError> {
        let nothing = Holdings::new();
        let wanted = self.assumed.holdings.as_ref().unwrap_or(&nothing);
        for (account, row) in self.policy.terms().accounts.iter().zip(wanted) {
            for (asset, wanted) in self.policy.terms().assets.iter().zip(row) {
                let local = home::asset(&world.devnet.dao, &asset.symbol)?;
                if !wanted.is_zero() {
                    people::give(&world.devnet, local, account.address, *wanted).await?;
                }
                let held = people::balance(&world.devnet, local, account.address).await?;
                if held != *wanted {
                    let what =
                        format!("{} holds {} base units of {}, not {}", account.name, held.0, asset.symbol, wanted.0);
                    return Err(FidelityError::Chain { what });
                }
            }
        }
        Ok(())
    }

    /// Prices when this time has come in `bar`, for a block of time `block`.
    fn prices(&self, world: &World, bar: usize, at: u64, block: u64) -> ReplayDay {
        let panel = self.market.panel;
        let (begin, end) = (panel.begins_at(bar), panel.ends().get(bar).copied().unwrap_or_default());
        let passed =
            u128::from(at.clamp(begin, end) - begin) * u128::from(BAR_WHOLE) / u128::from((end - begin).max(1));
        let through = u64::try_from(passed).unwrap_or(BAR_WHOLE);
        let mut day = prices::at(self.market, self.policy.terms(), bar, through, block);
        home::complete(&world.devnet.dao, &mut day);
        day
    }
}

impl Play<'_, '_> {
    /// Everything that is due in `bar`, each at its own time. What would revert is tried again at the beginning of the next.
    async fn execute_due(&mut self, bar: usize) -> Result<(), FidelityError> {
        let panel = self.days.market.panel;
        let (begin, end) = (panel.begins_at(bar), panel.ends().get(bar).copied().unwrap_or_default());
        loop {
            let due = self.turns.iter().enumerate().filter(|(_, turn)| turn.tried != Some(bar) && turn.due_at <= end);
            let Some((place, turn)) = due.min_by_key(|(_, turn)| turn.due_at).map(|(place, turn)| (place, *turn))
            else {
                return Ok(());
            };
            if !self.world.is_live(turn.id) {
                self.turns.remove(place);
                continue;
            }
            let at = turn.due_at.max(begin).min(end - BEFORE_CLOSE_SECS);
            self.world.pass_until(at).await?;
            let next = self.take(bar, at, turn).await?;
            self.turns.remove(place);
            self.turns.extend(next);
            if self.world.now().await? + REST_SECS < end {
                self.world.rest().await?;
            } else {
                self.world.step().await?;
            }
            self.settle_votes(turn);
        }
    }

    /// Takes one turn; what comes after it for the same proposal.
    async fn take(&mut self, bar: usize, at: u64, turn: Turn) -> Result<Option<Turn>, FidelityError> {
        let Some(plan) = self.world.plans.get(&turn.id).cloned() else { return Ok(None) };
        let priced_at = turn.priced_at;
        match (turn.task, people::vote_of(&plan)) {
            (Task::Vote, Some(vote)) => {
                people::cast(self.world, &vote).await?;
                let due_at = turn.due_at + self.days.people.voting_period_secs;
                Ok(Some(Turn { task: Task::Queue, due_at, ..turn }))
            }
            (Task::Queue, Some(vote)) => {
                self.world.devnet.close_vote(&vote).await?;
                self.world.step().await?;
                // When the timelock ends is known once it is queued.
                Ok(Some(Turn { task: Task::Run, due_at: u64::MAX, ..turn }))
            }
            (Task::Run, Some(_)) => {
                self.move_pools(bar, priced_at, at.saturating_sub(1)).await?;
                self.world.stamp(at).await?;
                self.world.devnet.mine(1).await?;
                Ok(None)
            }
            _ => {
                people::confirm(self.world, &plan, at).await?;
                self.move_pools(bar, priced_at, at.saturating_sub(1)).await?;
                if people::execute(self.world, &plan, at).await? {
                    return Ok(None);
                }
                self.reverts += 1;
                Ok(Some(Turn { tried: Some(bar), ..turn }))
            }
        }
    }

    /// Pools take the prices of `priced_at` in a block of time `block`, or of the next second.
    async fn move_pools(&self, bar: usize, priced_at: u64, block: u64) -> Result<(), FidelityError> {
        let block = block.max(self.world.now().await? + 1);
        let moment = self.days.prices(self.world, bar, priced_at, block);
        Ok(self.world.devnet.move_pools(&moment).await?)
    }

    /// When the timelock of what was queued ends.
    fn settle_votes(&mut self, turn: Turn) {
        let Some(Stage::Queued { ready_at, .. }) = self.world.stage(turn.id) else { return };
        for waits in self.turns.iter_mut().filter(|it| it.id == turn.id && it.task == Task::Run) {
            waits.due_at = ready_at;
        }
    }

    /// What flows until `end`: the whole so far, less what has moved already, as the engine counts it.
    async fn flow(&mut self, end: u64) -> Result<(), FidelityError> {
        let terms = self.days.policy.terms();
        let started_at = self.days.market.panel.begins_at(self.days.start);
        let mut at = end.saturating_sub(BEFORE_CLOSE_SECS / 2);
        self.world.pass_until(at).await?;
        let mut flowed = std::mem::take(&mut self.flowed);
        for (flow, (moved, missed)) in self.days.assumed.flows.iter().zip(&mut flowed) {
            let Some(whole) = flow.in_secs(flow.secs(started_at, end)) else { continue };
            let due = whole.saturating_sub(*moved).saturating_sub(*missed);
            let (Some(asset), Some(account)) = (terms.assets.get(flow.asset), terms.accounts.get(flow.account)) else {
                continue;
            };
            let local = home::asset(&self.world.devnet.dao, &asset.symbol)?;
            let held = people::balance(&self.world.devnet, local, account.address).await?;
            let paid = if flow.leaves { due.min(held.0) } else { due };
            if paid > 0 {
                self.world.stamp(at).await?;
                self.pay(flow.leaves, local, account.address, Amount(paid)).await?;
                at += 1;
            }
            *moved += paid;
            *missed += due - paid;
        }
        self.flowed = flowed;
        Ok(())
    }

    async fn pay(
        &self,
        leaves: bool,
        asset: &crate::devnet::dao::DaoAsset,
        account: Address,
        amount: Amount,
    ) -> Result<(), FidelityError> {
        match leaves {
            true => people::take(&self.world.devnet, asset, account, amount).await,
            false => people::give(&self.world.devnet, asset, account, amount).await,
        }
    }

    /// Feeds and pools take the prices of the close.
    async fn close(&mut self, bar: usize) -> Result<(), FidelityError> {
        let end = self.days.market.panel.ends().get(bar).copied().unwrap_or_default();
        let day = self.days.prices(self.world, bar, end, end);
        Ok(self.world.devnet.replay(std::slice::from_ref(&day)).await?)
    }

    /// The agent decides at the close; whom its proposals wait for.
    async fn decide(&mut self) -> Result<(), FidelityError> {
        self.world.rest().await?;
        let delays = self.days.people;
        for id in self.world.take_fresh() {
            let Some(plan) = self.world.plans.get(&id) else { continue };
            let decided_at = plan.decision.block.timestamp;
            let turn = Turn { id, task: Task::Execute, due_at: 0, priced_at: 0, tried: None };
            self.turns.push(match people::vote_of(plan) {
                None => {
                    let due_at = decided_at + delays.safe_secs;
                    Turn { due_at, priced_at: due_at, ..turn }
                }
                Some(_) => Turn {
                    task: Task::Vote,
                    due_at: decided_at + delays.voting_delay_secs + VOTE_SLACK_SECS,
                    priced_at: decided_at + delays.governor_secs(),
                    ..turn
                },
            });
        }
        Ok(())
    }
}

/// Dollars of a price in wad.
pub(super) fn dollars(wad: u128) -> f64 {
    wad as f64 / WAD as f64
}

/// How a plan ended, by what the chain holds of it.
pub(super) fn end_of(ran_at: Option<u64>, revoked: bool, valid_until: u64, now: u64) -> End {
    match (ran_at, revoked) {
        (Some(ran_at), _) => End::Executed { ran_at },
        (None, true) => End::Withdrawn,
        (None, false) if valid_until < now => End::Expired,
        (None, false) => End::Waiting,
    }
}
