//! A round: open → update → aggregate → check → model.
//!
//! ```text
//!  open ──▶ members answer ──▶ close: quorum ─▶ aggregate ─▶ length, finiteness, norm ─▶ task's checks and step
//!   │            │                                                                              │
//!   │ charges    │ late, failed, unusable:                                                      ▼
//!   │ the budget │ excluded by name,                             hold-out: accepted, or rolled back with the numbers
//!   ▼            ▼ the round goes on                                                            │
//!  checkpoint                                                                      reputations ─┴─▶ checkpoint
//! ```
//!
//! A coordinator that is killed between two of these resumes from its last checkpoint and opens the round anew. With
//! noise that is another release, so the budget is charged when a round opens, and the caller keeps the checkpoint
//! before it shows what was opened to anyone.

mod close;
mod collect;
mod settings;

pub use collect::{OpenRound, Opened, ReceiveError};
pub use settings::{Settings, SettingsError, WAIT_TICKS_MAX};

use crate::{
    AggregationError, Excluded, MemberId, Refusal, Shape, Standing, Task, bits,
    checkpoint::{self, CheckpointError},
    linear,
    privacy::{Budget, BudgetError},
    reputation::{Contribution, REPUTATION_MEMBERS_MAX},
    update::not_finite_kind,
};
use serde::{Deserialize, Serialize};

/// Most members of a federation.
pub const MEMBERS_MAX: usize = 10_000;

/// Judges parameters on data that everybody may see.
pub trait Holdout {
    /// The loss of these parameters, lower is better. The same bits for the same parameters.
    fn loss(&self, parameters: &[f64]) -> f64;
}

impl<F: Fn(&[f64]) -> f64> Holdout for F {
    fn loss(&self, parameters: &[f64]) -> f64 {
        self(parameters)
    }
}

/// Everything that a coordinator knows between rounds; see [`checkpoint`] for its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Rounds closed.
    pub round: u64,
    /// Rounds opened, also those that never closed. A member that answers twice for one round answers two attempts,
    /// and never uses the same randomness for both.
    pub attempt: u64,
    /// The model.
    #[serde(with = "bits::list")]
    pub parameters: Vec<f64>,
    /// Lengths of the task.
    pub shape: Shape,
    /// What holds in every round.
    pub settings: Settings,
    /// Members by name.
    pub standings: Vec<Standing>,
    /// What training may cost; none means that nobody counts.
    pub budget: Option<Budget>,
}

/// What became of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The parameters moved.
    Accepted,
    /// They stay as they were.
    Refused {
        /// Why, with the numbers.
        #[serde(flatten)]
        why: Refusal,
    },
}

/// A closed round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundReport {
    /// Which round, from 1.
    pub round: u64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Hold-out loss of the parameters afterwards; `None` when it is not finite.
    pub loss: Option<f64>,
    /// Members in the aggregate.
    pub members: usize,
    /// Their records.
    pub records: u64,
    /// The Herfindahl–Hirschman index of their weights.
    pub concentration: f64,
    /// Ticks from opening until the last answer or the end of waiting.
    pub waited_ticks: u64,
    /// Who is not in the aggregate, and why.
    pub excluded: Vec<Excluded>,
    /// Leave-one-out contributions, when the settings ask for reputations.
    pub contributions: Vec<Contribution>,
}

/// Why there is no coordinator.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CoordinatorError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nobody, or too many.
    #[error("{found} members; write 1 to {most}")]
    Members {
        /// Members given.
        found: usize,
        /// [`MEMBERS_MAX`], or [`REPUTATION_MEMBERS_MAX`] with reputations.
        most: usize,
    },
    /// The same name twice.
    #[error("member {member} is listed twice")]
    Twice {
        /// The name.
        member: MemberId,
    },
    /// More answers are needed than there are members.
    #[error("a quorum of {quorum} among {members} members")]
    Quorum {
        /// `quorum` of the settings.
        quorum: usize,
        /// Members given.
        members: usize,
    },
    /// Initial parameters of another length.
    #[error("{found} initial parameters; the task has {expected}")]
    Parameters {
        /// Length given.
        found: usize,
        /// Length of the task.
        expected: usize,
    },
    /// Initial parameters with a NaN or an infinite number.
    #[error("initial parameter {index} is {kind}")]
    NotFinite {
        /// First such place.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        kind: &'static str,
    },
    /// The state was made with a task of another shape.
    #[error("the state was made for {found:?}; the task is {expected:?}")]
    Shape {
        /// Shape in the state.
        found: Shape,
        /// Shape of the task.
        expected: Shape,
    },
}

/// Why a round cannot be opened; nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// Too many members were excluded for a quorum to come together.
    #[error("{left} members are left of a quorum of {quorum}")]
    TooFewMembers {
        /// Members that are not excluded.
        left: usize,
        /// `quorum` of the settings.
        quorum: usize,
    },
    /// Too few members are left for the rule that makes one update of many.
    #[error(transparent)]
    Aggregation(#[from] AggregationError),
    /// The privacy budget does not cover it.
    #[error(transparent)]
    Budget(#[from] BudgetError),
}

/// Leads the rounds of one training.
#[derive(Debug, Clone)]
pub struct Coordinator<T> {
    task: T,
    state: State,
}

impl<T: Task> Coordinator<T> {
    /// A new training of these members from these parameters.
    ///
    /// # Errors
    /// If settings, members, parameters and task do not fit each other.
    pub fn new(
        task: T,
        settings: Settings,
        mut members: Vec<MemberId>,
        parameters: Vec<f64>,
        budget: Option<Budget>,
    ) -> Result<Self, CoordinatorError> {
        members.sort();
        let standings = members.into_iter().map(Standing::new).collect();
        let shape = task.shape();
        Self::resume(task, State { round: 0, attempt: 0, parameters, shape, settings, standings, budget })
    }

    /// Goes on from a state. The task must be the one that the state was made with; only its shape can be compared.
    ///
    /// # Errors
    /// If settings, members, parameters and task do not fit each other.
    pub fn resume(task: T, state: State) -> Result<Self, CoordinatorError> {
        let State { parameters, shape, settings, standings, .. } = &state;
        settings.check()?;
        let most = if settings.reputation.is_some() { REPUTATION_MEMBERS_MAX } else { MEMBERS_MAX };
        if !(1..=most).contains(&standings.len()) {
            return Err(CoordinatorError::Members { found: standings.len(), most });
        }
        if let Some(pair) = standings.windows(2).find(|pair| pair[0].member >= pair[1].member) {
            return Err(CoordinatorError::Twice { member: pair[1].member.clone() });
        }
        if settings.quorum > standings.len() {
            return Err(CoordinatorError::Quorum { quorum: settings.quorum, members: standings.len() });
        }
        if *shape != task.shape() {
            return Err(CoordinatorError::Shape { found: *shape, expected: task.shape() });
        }
        if parameters.len() != shape.parameters {
            return Err(CoordinatorError::Parameters { found: parameters.len(), expected: shape.parameters });
        }
        if let Some(index) = linear::first_not_finite(parameters) {
            return Err(CoordinatorError::NotFinite { index, kind: not_finite_kind(parameters[index]) });
        }
        Ok(Self { task, state })
    }

    /// The same with scores that members have from before, such as from another part of a training. A score outside of 0
    /// to 1 is brought there; NaN is 0.
    #[must_use]
    pub fn with_scores(mut self, score: impl Fn(&MemberId) -> f64) -> Self {
        for standing in &mut self.state.standings {
            let given = score(&standing.member);
            standing.score = if given.is_nan() { 0.0 } else { given.clamp(0.0, 1.0) };
        }
        self
    }

    /// What it knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The model.
    pub fn parameters(&self) -> &[f64] {
        &self.state.parameters
    }

    /// Puts a member out for good, for what its contributions do not show: an update that no honest member sends. Its count
    /// of bad rounds is then zero. A name that is none of the training's changes nothing.
    pub fn exclude(&mut self, member: &MemberId) {
        for standing in self.state.standings.iter_mut().filter(|standing| standing.member == *member) {
            (standing.excluded, standing.bad_rounds) = (true, 0);
        }
    }

    /// The state's bytes; see [`checkpoint`].
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        checkpoint::seal(&self.state)
    }

    /// Opens the next round at a tick, and charges it to the budget of `period` (such as the year) when noise is on.
    ///
    /// # Errors
    /// If too few members are left, for a quorum or for the aggregation, or the budget does not cover the round.
    pub fn open(&mut self, now_tick: u64, period: u32) -> Result<OpenRound, OpenError> {
        let State { settings, standings, .. } = &self.state;
        let left = standings.iter().filter(|standing| !standing.excluded).count();
        if left < settings.quorum {
            return Err(OpenError::TooFewMembers { left, quorum: settings.quorum });
        }
        settings.aggregation.check_members(left)?;
        if let (Some(budget), Some(noise)) = (&self.state.budget, &settings.noise) {
            self.state.budget = Some(budget.charged(period, noise.noise_multiplier, 1)?);
        }
        self.state.attempt += 1;
        Ok(OpenRound::new(&self.state, now_tick))
    }
}

#[cfg(test)]
mod tests;
