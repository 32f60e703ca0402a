//! The agent: observe, assess, decide, check, preflight, propose, track; one step at each new head. Models are trained
//! beside the steps.

mod bundle;
mod decide;
mod errand;
mod model;
mod policy_files;
mod propose;
mod record;
mod route;
mod start;
mod supervise;
mod track;
mod training;

pub use bundle::{
    BUNDLE_BYTES_MAX, BUNDLE_VERSION, Bundle, BundleContracts, BundleEarlier, BundleError, BundleProposal, BundleRead,
    bundle_earlier, bundle_reads, decision_hash,
};
pub(crate) use errand::read_route;
pub use policy_files::{Expected, InForce, Part, PolicyRefused, in_force};
pub(crate) use policy_files::{differences, find as find_policy};
pub use record::{Book, Entry, Path, Plan, Record, TrainingEnd};
pub use route::{Rehearsal, rehearse, route_of};
pub use start::StartError;
pub(crate) use start::connect;
pub use supervise::{RunError, run};
pub use training::{When, training_of};

use crate::{
    chain::{Chain, ChainError, Contracts, HistoryReader, ObserveError, read_brake},
    config::Config,
    journal::{Journal, JournalError},
    risk::Models,
};
use alloy::{
    primitives::{Address, B256},
    rpc::types::BlockNumberOrTag,
    signers::local::PrivateKeySigner,
};
use quaestor_core::{BlockRef, BrakeReading, Catalog, Policy, lifecycle::Effect};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use training::Trainer;

/// Most blocks that are looked through for a decision point; older ones are not made up for. Full nodes keep the state of
/// 128 blocks.
const CATCH_UP_BLOCKS_MAX: u64 = 96;

/// What ends a step. A chain that does not answer ends only the step; a journal that cannot be written ends the agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A snapshot could not be taken.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The journal could not be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A bundle could not be published.
    #[error("the bundle could not be written to `{folder}`: {source}; nothing is proposed until it can be")]
    Bundle {
        /// The folder.
        folder: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
}

/// The agent between two steps.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    chain: Chain,
    contracts: Contracts,
    operator: Address,
    signer: PrivateKeySigner,
    catalog: Catalog,
    models: Models,
    journal: Journal,
    book: Book,
    history: HistoryReader,
    /// Shared, so that the agent can change while it is looked at.
    in_force: Option<Arc<InForce>>,
    considered: Option<BlockRef>,
    last_head: Option<B256>,
    last_alarm: Option<String>,
    /// What people were told last of the risk model.
    model_told: Option<String>,
    /// The training beside the steps.
    trainer: Trainer,
    /// Why each account's newest batch was withheld.
    withheld: BTreeMap<Address, String>,
    offered_at: BTreeMap<B256, u64>,
    /// Whether something that waits could not be judged because nothing might leave.
    held_back: bool,
}

/// The newest blocks and the brake, read at the beginning of a step.
#[derive(Debug, Clone, Copy)]
struct Moment {
    head: BlockRef,
    finalised: BlockRef,
    brake: BrakeReading,
}

impl Agent {
    /// One step: looks at the newest block, follows what is under way, decides if a decision is due. Nothing happens
    /// while the head stays.
    ///
    /// # Errors
    /// If the chain, the journal or the disk fails; nothing is lost, and the next step goes on from the journal.
    pub async fn step(&mut self) -> Result<(), AgentError> {
        self.take_up_training()?;
        let head = self.chain.block(BlockNumberOrTag::Latest).await?;
        if self.too_old(head) {
            self.alarm(format!(
                "the newest block is older than `chain.head_age_secs_max`, {} s; the node is behind or the chain halted, and nothing but withdrawals leaves",
                self.config.chain.head_age_secs_max
            ))?;
        }
        if self.last_head == Some(head.hash) {
            return Ok(());
        }
        let finalised = self.finalised(head).await?;
        let brake = self.brake_at(head).await;
        let moment = Moment { head, finalised, brake };
        // What cannot be read keeps nothing from being withdrawn.
        let refreshed = unless_lasting(self.refresh_policy(finalised).await)?;
        if refreshed.is_ok() {
            self.train_if_due(finalised);
        }
        let tracked = unless_lasting(self.track(&moment).await)?;
        let decided = match refreshed.is_ok() && tracked.is_ok() {
            true => unless_lasting(self.decide_if_due(&moment).await)?,
            false => Ok(()),
        };
        let decided = decided.and(unless_lasting(self.judge_held_back(&moment).await)?);
        let driven = self.drive(&moment).await;
        refreshed.and(tracked).and(decided).and(driven)?;
        self.last_head = Some(head.hash);
        Ok(())
    }

    async fn decide_if_due(&mut self, moment: &Moment) -> Result<(), AgentError> {
        let (due, considered) = self.due_block(moment).await?;
        // What was written down is not decided again, even if nothing of it could be sent: its bundle is published.
        if let Some(block) = due.filter(|block| self.book.decided != Some(*block)) {
            self.decide(block, moment).await?;
        }
        // Only now: a decision that could not be taken is taken in the next step.
        self.considered = Some(considered);
        Ok(())
    }

    async fn finalised(&self, head: BlockRef) -> Result<BlockRef, AgentError> {
        Ok(self.chain.block(self.config.chain.finality.tag(head.number)).await?)
    }

    /// Whether a newest block is too old to be the head of the chain.
    fn too_old(&self, head: BlockRef) -> bool {
        let max_secs = self.config.chain.head_age_secs_max;
        max_secs > 0 && (self.now_unix_ms() / 1_000).saturating_sub(head.timestamp) > max_secs
    }

    /// The brake at the newest block. A reading of a block that is too old is none.
    async fn brake_at(&self, head: BlockRef) -> BrakeReading {
        if self.too_old(head) {
            BrakeReading::unreadable(head)
        } else {
            read_brake(&self.chain, self.contracts.brake, head).await
        }
    }

    /// The newest reading of the brake.
    async fn newest_brake(&self) -> Result<BrakeReading, ChainError> {
        let head = self.chain.block(BlockNumberOrTag::Latest).await?;
        Ok(self.brake_at(head).await)
    }

    /// Swaps in a newly active policy; whatever does not match leaves the last valid one and raises an alarm.
    async fn refresh_policy(&mut self, finalised: BlockRef) -> Result<(), AgentError> {
        let anchor = crate::chain::read_anchor(&self.chain, self.contracts.registry, finalised.hash).await?;
        let current = self.in_force.as_ref().map(|held| (held.epoch, held.policy.hash()));
        if current == Some((anchor.epoch, anchor.policy_hash)) {
            return Ok(());
        }
        let expected = Expected::of(&self.config);
        let seen = self.book.epoch.map(|(epoch, _)| epoch);
        let found =
            policy_files::in_force(&self.chain, &self.config.files, &self.catalog, &expected, finalised, seen).await?;
        match found {
            Ok(held) => {
                let (epoch, policy) = (held.epoch, held.policy.hash());
                if self.book.epoch != Some((epoch, policy)) {
                    self.record(&Record::PolicyInForce { epoch, policy, block: finalised })?;
                }
                tracing::info!(epoch, %policy, file = %held.path.display(), "policy in force");
                self.in_force = Some(Arc::new(held));
                self.last_alarm = None;
            }
            Err(refused) => self.alarm(refused.to_string())?,
        }
        Ok(())
    }

    /// The newest block, deep enough, at which a decision is due and that was not considered yet; and the block up to
    /// which all are considered then.
    async fn due_block(&self, moment: &Moment) -> Result<(Option<BlockRef>, BlockRef), AgentError> {
        let deepest = moment.head.number.saturating_sub(self.config.chain.confirmations);
        let target = self.chain.block(BlockNumberOrTag::Number(deepest)).await?;
        let (Some(before), Some(held)) = (self.considered, &self.in_force) else { return Ok((None, target)) };
        // After a reorganisation deeper than the confirmations, as at the start, deciding begins at the next tick.
        if !self.chain.is_canonical(&before).await? {
            return Ok((None, target));
        }
        let mut previous = before;
        if target.number.saturating_sub(previous.number) > CATCH_UP_BLOCKS_MAX {
            let from = target.number - CATCH_UP_BLOCKS_MAX;
            tracing::warn!(from, "the agent was away; decision points before this block are not made up for");
            previous = self.chain.block(BlockNumberOrTag::Number(from)).await?;
        }
        let mut due = None;
        while previous.number < target.number {
            let next = self.chain.block(BlockNumberOrTag::Number(previous.number + 1)).await?;
            if held.policy.is_due(previous.timestamp, next.timestamp, next.number) {
                due = Some(next);
            }
            previous = next;
        }
        Ok((due, previous))
    }

    /// Writes a record down, folds it into the book, and returns what it asks for.
    fn record(&mut self, record: &Record) -> Result<Vec<(B256, Effect)>, AgentError> {
        let now = self.now_unix_ms();
        self.journal.append(record.kind(), record, now)?;
        Ok(self.book.apply(record))
    }

    /// Tells people, once for the same text, and writes it down.
    fn alarm(&mut self, message: String) -> Result<(), AgentError> {
        if self.last_alarm.as_ref() == Some(&message) {
            return Ok(());
        }
        tracing::error!(alarm = true, "{message}");
        self.last_alarm = Some(message.clone());
        self.record(&Record::Alarm { message })?;
        Ok(())
    }

    fn now_unix_ms(&self) -> u64 {
        // A clock before 1970 stamps rows with zero; no decision reads it.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A failure that outlasts the step, of the journal or the bundles, ends it at once; any other is kept for its end.
fn unless_lasting(done: Result<(), AgentError>) -> Result<Result<(), AgentError>, AgentError> {
    match done {
        Err(error @ (AgentError::Journal(_) | AgentError::Bundle { .. })) => Err(error),
        done => Ok(done),
    }
}

/// The first failure of several; one that outlasts the step is returned at once.
fn first_failure(
    outcome: Result<(), AgentError>,
    done: Result<(), AgentError>,
) -> Result<Result<(), AgentError>, AgentError> {
    unless_lasting(done).map(|done| outcome.and(done))
}
