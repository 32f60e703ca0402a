//! Training at the policy's schedule, on a thread beside the steps.
//!
//! A step only looks whether the thread is done: nothing waits for it, neither a decision nor the end of the process,
//! which takes the thread with it. A training that was cut off so is not in the journal, and the next start makes up for
//! it; what it had written, it had written whole.

use super::{
    Agent, AgentError,
    record::{Record, TrainingEnd},
};
use crate::{
    config::Config,
    learning::{LearningError, Progress, Rule, Taught, Told, Training, day_of, due_slot, year_of},
};
use alloy::primitives::B256;
use clap::ValueEnum;
use quaestor_contracts::utc::Utc;
use quaestor_core::{
    BlockRef, Policy,
    policy::{ModelTerms, RiskTerms},
};
use std::{
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    thread,
};

/// Name of the thread.
const THREAD: &str = "training";

/// When an agent trains, by the chain's time, and what its machine's clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The moment of the schedule, Unix seconds: days before its day are trained on, so that every agent that trains for
    /// this moment learns the same.
    pub slot: u64,
    /// The time of the chain's newest final block, Unix seconds: its year is charged.
    pub chain: u64,
    /// The machine's clock, Unix seconds. It only refuses prices of days that have not come.
    pub machine: u64,
}

/// What the agent of `config` trains under a policy with these terms; `None` if it has no `[training]`.
pub fn training_of(config: &Config, risk: &RiskTerms, when: When) -> Option<Training> {
    let training = config.training.as_ref()?;
    // At most a million thousandths: exact.
    let epsilon_year_max = risk.epsilon_permille_year_max.map(|permille| permille as f64 / 1_000.0);
    Some(Training {
        prices: training.prices.clone(),
        records: training.records.clone(),
        synthetic: None,
        stable: training.stable.clone(),
        until: day_of(when.slot),
        now: when.machine.max(when.chain),
        test_days: training.test_days,
        aggregation: rule_of(risk).unwrap_or(training.aggregation),
        drawdown_fit: training.drawdown_fit,
        trees: training.trees,
        noise_multiplier: training.noise_multiplier,
        delta: training.delta,
        exact_scores: training.exact_scores,
        year: year_of(when.chain),
        epsilon_year_max,
        folder: config.files.models.clone(),
        poison: None,
    })
}

/// How members are added up, where the policy says it.
fn rule_of(risk: &RiskTerms) -> Option<Rule> {
    Rule::from_str(risk.federation.aggregation.as_deref()?, false).ok()
}

/// The training beside the steps; there is one at a time.
#[derive(Debug, Default)]
pub(super) struct Trainer {
    running: Option<Running>,
    /// The moment whose training waits for another one's end, told once.
    held_up: Option<u64>,
    /// The policy of which it was told that nobody trains for it here.
    left_to_operators: Option<B256>,
}

#[derive(Debug)]
struct Running {
    slot: u64,
    ended: Receiver<Ended>,
}

/// What the thread hands over.
#[derive(Debug)]
enum Ended {
    /// A model; its area under the ROC curve on later days, bps, if the test had one.
    Model { hash: B256, auc_bps: Option<u64> },
    /// None.
    Failed { reason: String },
    /// Another process trains in the folder.
    Busy { reason: String },
}

impl Agent {
    /// Begins the training that the schedule of the policy in force asks for, if it was not made yet and none is under
    /// way. One that was missed is made up for, and of several the newest. The chain's time is that of its newest final
    /// block, which does not come back.
    pub(super) fn train_if_due(&mut self, finalised: BlockRef) {
        let Some(held) = &self.in_force else { return };
        let terms = held.policy.terms();
        let ModelTerms::Trained { schedule, .. } = &terms.risk.model else { return };
        // An expired policy permits nothing, and no privacy is spent for it.
        if self.trainer.running.is_some() || finalised.timestamp >= terms.expires_at {
            return;
        }
        let Some(slot) = due_slot(schedule, self.book.trained, finalised.timestamp) else { return };
        let when = When { slot, chain: finalised.timestamp, machine: self.now_unix_ms() / 1_000 };
        let Some(training) = training_of(&self.config, &terms.risk, when) else {
            let policy = held.policy.hash();
            if self.trainer.left_to_operators != Some(policy) {
                tracing::info!(
                    "the policy asks for a model that is trained here, at `{schedule}`, and agent.toml has no \
                     `[training]`: operators run `quaestor train`"
                );
                self.trainer.left_to_operators = Some(policy);
            }
            return;
        };
        if self.trainer.held_up != Some(slot) {
            tracing::info!(slot = %Utc(slot), "training begins");
        }
        self.trainer.running = Some(begin(slot, training));
    }

    /// Writes down what a training came to, once it has come to its end, and tells people if it was nothing.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(super) fn take_up_training(&mut self) -> Result<(), AgentError> {
        let Some(running) = &self.trainer.running else { return Ok(()) };
        let slot = running.slot;
        let ended = match running.ended.try_recv() {
            Ok(ended) => ended,
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Ended::Failed { reason: "training panicked; report it".to_owned() },
        };
        self.trainer.running = None;
        let end = match ended {
            Ended::Busy { reason } => {
                // Tried again in the next step with a new head, for as long as this lasts.
                if self.trainer.held_up != Some(slot) {
                    tracing::info!(slot = %Utc(slot), "{reason}");
                    self.trainer.held_up = Some(slot);
                }
                return Ok(());
            }
            Ended::Model { hash, auc_bps } => {
                self.tell_score(hash, auc_bps);
                TrainingEnd::Model { hash }
            }
            Ended::Failed { reason } => {
                self.alarm(self.failure(slot, &reason))?;
                TrainingEnd::Failed { reason }
            }
        };
        self.record(&Record::Trained { slot, end }).map(drop)
    }

    fn failure(&self, slot: u64, reason: &str) -> String {
        let file = self.config.file.display();
        format!(
            "the training of {} gave no model: {reason}; the agent goes on with the model, or the policy's fallback, that \
             it has until the next time of the schedule; to train before that, correct this and run `quaestor train \
             --config {file}`",
            Utc(slot)
        )
    }

    /// Whether the policy then uses the model is said where it is chosen; that it is passed over for an older one is not.
    fn tell_score(&self, hash: B256, auc_bps: Option<u64>) {
        let terms = self.in_force.as_ref().map(|held| &held.policy.terms().risk.model);
        match terms {
            Some(ModelTerms::Trained { auc_bps_min, .. }) if auc_bps.is_none_or(|found| found < *auc_bps_min) => {
                tracing::warn!(%hash, auc_bps, auc_bps_min, "trained, and not good enough for the policy; see its card");
            }
            _ => tracing::info!(%hash, auc_bps, "trained"),
        }
    }
}

/// Begins on a thread of its own, detached on purpose: the end of the process does not wait for it.
fn begin(slot: u64, training: Training) -> Running {
    // Room for what the thread hands over, and for word that there is none.
    let (done, ended) = sync_channel(1);
    let refused = done.clone();
    // Nobody listens any more when the agent has ended.
    let work = move || drop(done.send(end_of(training.run(tell))));
    if let Err(error) = thread::Builder::new().name(THREAD.to_owned()).spawn(work) {
        drop(refused.send(Ended::Failed { reason: format!("the system gives no thread to train on: {error}") }));
    }
    Running { slot, ended }
}

fn end_of(trained: Result<Taught, LearningError>) -> Ended {
    match trained {
        Ok(taught) => Ended::Model { hash: taught.files.hash, auc_bps: taught.lesson.card.judgement.auc_bps() },
        Err(error @ LearningError::Busy { .. }) => Ended::Busy { reason: error.to_string() },
        Err(error) => Ended::Failed { reason: error.to_string() },
    }
}

fn tell(progress: &Progress<'_>) {
    match progress {
        Progress::Gathered { members, records, .. } => {
            tracing::info!(members, records, "training on members' records");
        }
        Progress::Rounds(Told::Stage(stage)) => tracing::info!("training: {stage}"),
        Progress::Rounds(Told::Resumed(parts)) => {
            tracing::info!(parts, "training goes on where it was killed");
        }
        Progress::Rounds(Told::Unusable(why)) => {
            tracing::warn!("the checkpoint of the training is of no use ({why}); it begins anew");
        }
        Progress::Rounds(Told::Excluded(member, part, why)) => {
            tracing::warn!("training: {part}: `{member}` is out for good: {why}");
        }
        Progress::Rounds(Told::Price(price)) => tracing::info!("training: {price}"),
        Progress::Rounds(Told::Round(part, round)) => {
            tracing::debug!("training: {part} round {}: {:?}", round.round, round.outcome);
        }
    }
}

#[cfg(test)]
mod tests;
