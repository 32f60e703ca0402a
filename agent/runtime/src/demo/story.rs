//! The fifteen steps.

mod audit;
mod reading;
mod refusals;
mod risk;

use super::{
    charter,
    report::{Findings, Step, shares, text_of},
    scene::*,
    stage::{DemoError, Scenery, Stage},
};
use crate::{
    agent::{Path, Plan, Record},
    devnet::demo_limits,
};
use alloy::primitives::{B256, U256};
use quaestor_contracts::{
    bindings::{ISafe, PolicyRegistry},
    explain::{explain_reason, share, wad},
    governor::ProposalState,
};
use quaestor_core::{
    Limits, Policy,
    amount::{WAD, pow10},
    lifecycle::{Errand, Event, Outcome, Reason},
};
use std::time::Duration;

/// The crash of May 2021: the tokens of all four members that train have prices since autumn 2020.
pub(super) const SCENERY: Scenery =
    Scenery { past: ("2021-02-01", "2021-05-09"), ahead: ("2021-05-10", "2021-07-06"), charter: charter::first };

/// How many months more than operations hold the members want them to keep.
const MONTHS_MORE: u64 = 3;

/// A step of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chapter {
    Stands,
    Votes,
    Learns,
    Rebalances,
    RefusesIntent,
    RefusesFile,
    Brakes,
    Reads,
    Tightens,
    SurvivesKill,
    Withdraws,
    Derisks,
    Refills,
    Verifies,
    Audits,
}

/// The order in which they are told.
pub(super) const CHAPTERS: &[Chapter] = &[
    Chapter::Stands,
    Chapter::Votes,
    Chapter::Learns,
    Chapter::Rebalances,
    Chapter::RefusesIntent,
    Chapter::RefusesFile,
    Chapter::Brakes,
    Chapter::Reads,
    Chapter::Tightens,
    Chapter::SurvivesKill,
    Chapter::Withdraws,
    Chapter::Derisks,
    Chapter::Refills,
    Chapter::Verifies,
    Chapter::Audits,
];

impl Chapter {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Stands => "the DAO and its treasury stand",
            Self::Votes => "members vote policy epoch 1 through the Governor and it is anchored",
            Self::Learns => "four members train a risk model together; one that poisons it is caught",
            Self::Rebalances => "prices crash, the agent proposes on the Safe, two people confirm, the batch executes",
            Self::RefusesIntent => "an intent beyond the policy is refused with a receipt",
            Self::RefusesFile => "a policy file with one changed byte is refused",
            Self::Brakes => "a guardian pulls the brake: a fully confirmed proposal can never execute",
            Self::Reads => "members read a tighter policy: what it permits, what it changes, what it would have done",
            Self::Tightens => "members release the brake and vote it as epoch 2; the agent obeys it; epoch 3 is vetoed",
            Self::SurvivesKill => "the agent is killed between journal and send, and nothing is proposed twice",
            Self::Withdraws => "prices move while a proposal waits, and the agent withdraws it",
            Self::Derisks => {
                "members vote a ceiling on risk; the market falls, the forecast breaches it, derisk proposes"
            }
            Self::Refills => {
                "members vote a longer runway: a refill from the reserve is proposed, voted, queued and executed"
            }
            Self::Verifies => "the journal verifies and a decision is recomputed",
            Self::Audits => "an audit finds that everything that was done was allowed by the policy of its time",
        }
    }
}

/// What later steps need of earlier ones.
#[derive(Debug, Default)]
pub(super) struct Story {
    policy: Option<String>,
    /// The model that the members trained.
    model: Option<B256>,
    /// The ceiling on the value at risk that they voted, bps of NAV.
    ceiling_bps: u64,
    /// A Safe plan that waits for confirmations.
    waiting: Option<Plan>,
    /// What the members read of the tighter policy before they vote on it.
    read: reading::Read,
}

impl Story {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) async fn tell(&mut self, chapter: Chapter, stage: &mut Stage) -> Result<Step, DemoError> {
        let mut found = Findings::default();
        match chapter {
            Chapter::Stands => self.stands(stage, &mut found).await?,
            Chapter::Votes => self.votes(stage, &mut found).await?,
            Chapter::Learns => self.learns(stage, &mut found).await?,
            Chapter::Rebalances => self.rebalances(stage, &mut found).await?,
            Chapter::RefusesIntent => self.refuses_intent(stage, &mut found).await?,
            Chapter::RefusesFile => self.refuses_file(stage, &mut found).await?,
            Chapter::Brakes => self.brakes(stage, &mut found).await?,
            Chapter::Reads => self.reads(stage, &mut found).await?,
            Chapter::Tightens => self.tightens(stage, &mut found).await?,
            Chapter::SurvivesKill => self.survives_kill(stage, &mut found).await?,
            Chapter::Withdraws => self.withdraws(stage, &mut found).await?,
            Chapter::Derisks => self.derisks(stage, &mut found).await?,
            Chapter::Refills => self.refills(stage, &mut found).await?,
            Chapter::Verifies => self.verifies(stage, &mut found).await?,
            Chapter::Audits => self.audits(stage, &mut found).await?,
        }
        Ok(found.step(chapter.sentence()))
    }

    async fn stands(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let dao = stage.devnet.dao.clone();
        let owners = read(stage, dao.safe.account, &ISafe::getOwnersCall {}).await?;
        let threshold = read(stage, dao.safe.account, &ISafe::getThresholdCall {}).await?;
        found.check(
            "four owners, the agent one of them",
            owners.len() == 4 && owners.contains(&dao.people.operator.address()),
        );
        found.check("three must confirm", threshold == U256::from(3));
        let owner = read(stage, dao.controls.registry, &PolicyRegistry::ownerCall {}).await?;
        found.check("the timelock owns the policy registry", owner == dao.governance.timelock);
        let epoch = read(stage, dao.controls.registry, &PolicyRegistry::activeCall {}).await?.number;
        found.check("no policy is in force: nothing is permitted", epoch == 0);
        for asset in &dao.assets {
            let held = stage.balance(asset.address, dao.safe.account).await?;
            found.amount(&format!("safe {}", asset.symbol), "the Safe holds", held, asset);
            let held = stage.balance(asset.address, dao.governance.timelock).await?;
            found.amount(&format!("timelock {}", asset.symbol), "the timelock holds", held, asset);
        }
        Ok(())
    }

    async fn votes(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let (text, anchored) = adopt_first_policy(stage).await?;
        reading::tell_vote(stage, &anchored, found);
        found.check("epoch 1 waits its delay", anchored.epoch == 1 && anchored.vetoable);
        let active = active(stage).await?;
        let policy = parse(&text)?;
        found.check("epoch 1 is active by time alone", active == (1, policy.hash()));
        found.note("policy", policy.hash());
        stage.start_agent()?;
        stage
            .wait_for("take the policy into force", 0, |record| {
                matches!(record, Record::PolicyInForce { epoch: 1, .. })
            })
            .await?;
        found.check("the agent has it in force", true);
        self.policy = Some(text);
        Ok(())
    }

    async fn rebalances(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let mut days = 0;
        let plan = loop {
            let Some(day) = stage.next_day().await? else {
                found.check("a band breaks within the replayed days", false);
                return Ok(());
            };
            days += 1;
            let skip = stage.rows()?.len();
            stage.next_decision().await?;
            if let Some(plan) = stage.plans(skip)?.into_iter().next() {
                found.note("day", date(day.timestamp));
                break plan;
            }
        };
        found.told("days_replayed", days, format!("days replayed: {days}"));
        let policy = parse(self.text())?;
        let nav = plan.decision.nav;
        found.told("nav_usd", nav.display().to_string(), format!("the treasury is worth {} USD", wad(nav.to_u256())));
        let weights = &plan.decision.weights_bps;
        found.told("weights_bps_before", weights, format!("shares before: {}", shares(policy.terms(), weights)));
        found.check("the agent proposes on the Safe", matches!(plan.route, Path::Safe { .. }));
        let before = stage.safe_balances().await?;
        propose_lands(stage, &plan).await?;
        for owner in &stage.site.keystores.owners.clone()[..2] {
            owner_types(stage, "confirm", &plan, owner).await?;
        }
        found.check("two people confirm with `safe confirm`", true);
        owner_types(stage, "execute", &plan, &stage.site.keystores.owners[0].clone()).await?;
        found.check("the batch executed", stage.entered(&plan).await?);
        ended(stage, &plan, |outcome| matches!(outcome, Outcome::Executed { .. })).await?;
        let after = stage.safe_balances().await?;
        found.check("balances changed", before != after);
        stage.next_decision().await?;
        let decision = last_decision(stage)?;
        let weights = &decision.weights_bps;
        found.told("weights_bps_after", weights, format!("shares after: {}", shares(policy.terms(), weights)));
        found.check("every share is within its band again", in_bands(&decision, &policy));
        Ok(())
    }

    async fn brakes(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let plan = next_plan(stage, true).await?;
        propose_lands(stage, &plan).await?;
        for owner in &stage.site.keystores.owners.clone()[..2] {
            owner_types(stage, "confirm", &plan, owner).await?;
        }
        let skip = stage.rows()?.len();
        let guardian = stage.devnet.dao.people.guardians[0].address();
        stage.devnet.pull(guardian).await?;
        found.check("the proposal had all its confirmations", confirmations(stage, &plan).await? >= 3);
        found.check("executing it reverts while the brake is pulled", reverts(stage, &plan).await?);
        ended(stage, &plan, |outcome| matches!(outcome, Outcome::Withdrawn { reason: Reason::BrakePulled })).await?;
        found.check("the agent revoked it at the gate", stage.revoked(&plan).await?);
        stage.next_decision().await?;
        let records = stage.records(skip)?;
        let sent: Vec<Errand> = records.iter().filter_map(signed_errand).collect();
        found.check(
            "nothing but withdrawals left the agent",
            !sent.is_empty() && sent.iter().all(|it| matches!(it, Errand::Revoke | Errand::Tidy)),
        );
        found.check("it goes on observing", records.iter().any(|record| matches!(record, Record::Decided { .. })));
        self.waiting = Some(plan);
        Ok(())
    }

    async fn tightens(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let guardian = stage.devnet.dao.people.guardians[0].address();
        stage.devnet.vote_release(&[guardian], "Release the brake and arm the guardian again").await?;
        if let Some(plan) = self.waiting.take() {
            found.check(
                "what was confirmed before the pull reverts after the release too",
                reverts(stage, &plan).await?,
            );
        }
        let reading::Read { text, path, world, sentences } = std::mem::take(&mut self.read);
        let world: Vec<&str> = world.iter().map(String::as_str).collect();
        let anchored = vote_file(stage, &path, reading::WHY, &world).await?;
        reading::tell_vote(stage, &anchored, found);
        let description = &anchored.voted.proposal.description;
        let is_said = |sentence: &String| description.contains(sentence.as_str());
        found
            .check("the text has what the members read before", !sentences.is_empty() && sentences.iter().all(is_said));
        let policy = parse(&text)?;
        found.check(
            "epoch 2 only narrows and is active at once",
            !anchored.vetoable && active(stage).await? == (anchored.epoch, policy.hash()),
        );
        stage
            .mine_until("swap to epoch 2", 0, |record| matches!(record, Record::PolicyInForce { epoch: 2, .. }))
            .await?;
        found.check("the running agent swaps to it", stage.agent_runs());
        self.policy = Some(text);
        let plan = next_plan(stage, false).await?;
        let proposed_bps = plan.batch.value().bps_of_ceil(plan.decision.nav).unwrap_or(u64::MAX);
        found.check("its next proposal obeys it", proposed_bps <= 150 && plan.decision.policy == policy.hash());
        found.told("proposal_bps", proposed_bps, format!("it moves {} of NAV", share(proposed_bps)));
        let looser = Limits { proposal_bps_max: 4_000, ..demo_limits() };
        let (_, anchored) = vote(stage, "epoch-3.toml", looser, "Larger steps, now that the fall is over.").await?;
        found.check("epoch 3 widens and waits", anchored.vetoable && anchored.epoch == 3);
        stage.devnet.veto(guardian, anchored.epoch).await?;
        let now = active(stage).await?;
        found.check("a guardian vetoes it: epoch 2 stays", now == (2, policy.hash()));
        self.waiting = Some(plan);
        Ok(())
    }

    async fn survives_kill(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        // What waits is executed first, so that the Safe is free for the next proposal.
        if let Some(plan) = self.waiting.take() {
            carry(stage, &plan).await?;
        }
        stage.proxy.hold("eth_sendRawTransaction");
        let plan = next_plan(stage, false).await?;
        let (id, skip) = (plan.id, 0);
        stage
            .wait_for(
                "write down what it signed",
                skip,
                |record| matches!(record, Record::Signed { decision, .. } if *decision == id),
            )
            .await?;
        stage.kill_agent()?;
        let sent = stage.records(0)?.iter().any(
            |record| matches!(record, Record::Happened { decision, event: Event::Sent { .. } } if *decision == id),
        );
        found.check("killed after the journal, before the send", !sent && confirmations(stage, &plan).await? == 0);
        stage.proxy.restore("eth_sendRawTransaction");
        stage.start_agent()?;
        propose_lands(stage, &plan).await?;
        let again: Vec<B256> = stage
            .records(0)?
            .iter()
            .filter_map(|record| match record {
                Record::Signed { decision, errand: Errand::Propose, tx } if *decision == id => Some(tx.hash),
                _ => None,
            })
            .collect();
        found.check(
            "the restarted agent sends the same bytes",
            again.len() == 1 && confirmations(stage, &plan).await? == 1,
        );
        let plans = stage.plans(0)?;
        let same = plans.iter().filter(|other| shares_key(other, &plan)).count();
        found.check("no second proposal for the same purpose", same == 1);
        carry(stage, &plan).await?;
        found.check("it executes once", stage.entered(&plan).await?);
        let by_hand = by_hand_again(stage, &plan).await?;
        found.check("the same decision at a second Safe nonce reverts", by_hand);
        Ok(())
    }

    async fn withdraws(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let plan = next_plan(stage, true).await?;
        propose_lands(stage, &plan).await?;
        let mut moved = 0;
        // A day's move of the real prices is enough; a quiet day may not be.
        while moved < 5 && withdrawal(stage, &plan)?.is_none() {
            let day = stage.next_day().await?;
            moved += 1;
            found.note("day", day.map(|day| date(day.timestamp)));
            stage.next_decision().await?;
        }
        ended(stage, &plan, |outcome| matches!(outcome, Outcome::Withdrawn { reason: Reason::Unfit { .. } })).await?;
        if let Some(reason) = withdrawal(stage, &plan)? {
            let policy = parse(self.text())?;
            found.told(
                "reason",
                &reason,
                format!("reason: {}", explain_reason(Some((policy.hash(), policy.terms())), &reason)),
            );
        }
        found.check("revoked at the gate", stage.revoked(&plan).await?);
        for owner in &stage.devnet.dao.people.owners.clone()[..2] {
            if let Some(hash) = Stage::safe_tx_hash(&plan) {
                stage.devnet.approve(owner.address(), hash).await?;
            }
        }
        found.check("executing it reverts although all have confirmed", reverts(stage, &plan).await?);
        Ok(())
    }

    async fn refills(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let dao = stage.devnet.dao.clone();
        let Some(cash) = dao.assets.first().cloned() else { return Ok(()) };
        self.lengthens_runway(stage, found).await?;
        let reserve = stage.balance(cash.address, dao.governance.timelock).await?;
        let plan = next_plan_on(stage, dao.governance.timelock).await?;
        found.check("the agent proposes to the Governor", matches!(plan.route, Path::Governor { .. }));
        let Path::Governor { proposal_id, description, .. } = &plan.route else { return Ok(()) };
        found.check(
            "the description names its proposer at its very end",
            description.ends_with(&format!("#proposer={}", dao.people.operator.address())),
        );
        propose_lands(stage, &plan).await?;
        let proposal = stage.devnet.proposals().await?.into_iter().find(|proposal| proposal.id() == *proposal_id);
        let Some(proposal) = proposal else {
            found.check("the proposal is on chain", false);
            return Ok(());
        };
        stage.devnet.vote(&proposal).await?;
        found.check("members vote for it", true);
        let (decision, queue) = (plan.id, Errand::Queue);
        stage.mine_until("queue it", 0, |record| matches!(record, Record::Signed { decision: of, errand, .. } if *of == decision && *errand == queue)).await?;
        let mut state = stage.devnet.proposal_state(&proposal).await?;
        for _ in 0..50 {
            if state == ProposalState::Queued {
                break;
            }
            stage.devnet.mine(1).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            state = stage.devnet.proposal_state(&proposal).await?;
        }
        found.check("the agent queues it", state == ProposalState::Queued);
        stage.devnet.warp_by(dao.governance.timelock_delay_secs + 60).await?;
        ended(stage, &plan, |outcome| matches!(outcome, Outcome::Executed { .. })).await?;
        let paid = plan.batch.items.first().map(|item| item.entry.amount).unwrap_or_default();
        let left = stage.balance(cash.address, dao.governance.timelock).await?;
        found.check(
            "the agent executes it and the reserve has paid",
            reserve.saturating_sub(left) == paid && !paid.is_zero(),
        );
        found.amount("refilled", "refilled:", paid, &cash);
        Ok(())
    }

    /// The members want more months of burn in stable assets than operations hold.
    async fn lengthens_runway(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let dao = stage.devnet.dao.clone();
        let Some(cash) = dao.assets.first() else { return Ok(()) };
        let held = stage.balance(cash.address, dao.safe.account).await?;
        let month = charter::BURN_MONTHLY.0 / WAD * pow10(cash.decimals);
        let months = u64::try_from(held.0 / month).unwrap_or(u64::MAX);
        found.told("months_held", months, format!("operations hold {months} months of burn"));
        let wanted = (months + MONTHS_MORE, months + 2 * MONTHS_MORE);
        let text = charter::guarded(&dao, demo_limits(), self.ceiling_bps, wanted);
        let why = "Operations should be paid for longer without a vote.";
        let anchored = vote_text(stage, "epoch-5.toml", &text, why).await?;
        stage.pass_until(anchored.active_at).await?;
        let epoch = anchored.epoch;
        let swapped = move |it: &Record| matches!(it, Record::PolicyInForce { epoch: of, .. } if *of == epoch);
        stage.mine_until("swap to the policy with a longer runway", 0, swapped).await?;
        found.told("months_wanted", wanted.0, format!("members vote that they keep {} at the least", wanted.0));
        self.policy = Some(text);
        Ok(())
    }

    async fn verifies(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let (took, code) = stage.stop_agent().await?;
        found.check("the agent stops cleanly within five seconds", took < Duration::from_secs(5) && code == Some(0));
        let config = stage.site.config.display().to_string();
        let journal = stage.says(&["journal", "verify", "--config", &config]).await?;
        let words = format!(
            "journal: {} rows, each chained to the one before, head {}",
            journal["rows"],
            text_of(&journal["head"])
        );
        found.told("journal", journal, words);
        let name = stage.plans(0)?.last().map(|plan| plan.bundle.clone()).unwrap_or_default();
        let bundle = stage.config.files.bundles.join(name).display().to_string();
        let rpc = stage.proxy.url();
        let verified = stage.says(&["verify", &bundle, "--rpc-url", &rpc]).await?;
        let count = |level: &str| verified["levels"][level].as_array().map_or(0, Vec::len);
        let (offline, compared) = (count("recomputed"), count("compared"));
        let words = format!(
            "decision {}: {offline} checks recomputed offline and {compared} compared with the chain, nothing differs",
            text_of(&verified["decision"])
        );
        found.told("verify", &verified, words);
        found.check("`journal verify` and `verify` both end with 0", true);
        Ok(())
    }

    fn text(&self) -> &str {
        self.policy.as_deref().unwrap_or_default()
    }
}
