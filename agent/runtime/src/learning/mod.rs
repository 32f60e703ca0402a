//! Training risk models together: what `quaestor-risk` forms is added up in the rounds of `quaestor-federation`.
//!
//! This is the federation in one process, the default: every member is a value here, and nothing of its records leaves
//! it but sums. Members behind a network implement the same [`quaestor_federation::Member`].

mod account;
mod adding;
pub mod along;
mod averaging;
mod checkpoint;
mod files;
#[cfg(test)]
mod fixture;
mod joining;
mod members;
mod records;
mod regimes;
mod rounds;
mod schedule;
mod tasks;
mod training;

pub use account::{NoiseSettings, Price, Spent, Uncovered, YearSpent};
pub use files::{Grounds, Ledger, MODEL_ENTRIES_MAX, ModelFiles, TrainedFiles};
pub use records::{Sources, SourcesError, day_number};
pub use rounds::{Federated, FoundOut, RoundsSettings, Told};
pub use schedule::{due_slot, newest_slot};
pub use training::{Fit, Progress, Rule, Taught, Training, day_of, year_of};

use quaestor_federation::privacy::{BudgetError, PrivacyError};
use quaestor_risk::{
    card::{Card, EVERYTHING, LeftOut, Privacy, YearPrivacy},
    data::Shard,
    judge::{self, Basis, JudgementError, Plan},
    learned::LearnedModel,
    model_file::ModelFileError,
    train::{self, TrainError},
};

/// Why nothing was trained.
#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    /// Prices or records are wrong.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// It could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgementError),
    /// What was trained is no model.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// The year's privacy budget does not cover the training; what was released so far is charged.
    #[error(
        "training stopped: {0}; wait for the next period, a year, or vote a larger `risk.epsilon_year_max` (by hand: give a \
         larger --epsilon-year-max)"
    )]
    Spent(BudgetError),
    /// The year's privacy budget does not cover what a whole training releases.
    #[error(transparent)]
    Uncovered(Box<Uncovered>),
    /// A number of the noise or its budget is out of range.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The year has a budget, and nothing to charge to it.
    #[error(
        "the policy lets a record cost epsilon {epsilon} a year, and training adds no noise, so that a record would cost \
         more than any budget; set `training.noise_multiplier` in agent.toml, such as 5 (`quaestor privacy epsilon` says \
         what it costs)"
    )]
    NoNoise {
        /// The budget.
        epsilon: f64,
    },
    /// Averages of parameters and noise exclude each other.
    #[error(
        "`fedavg` averages parameters, which are no sums of bounded records, so that no noise hides a record in them; fit \
         by `newton`, or train without noise"
    )]
    NoisyAverages,
    /// Everybody was found out.
    #[error(
        "all {members} members were found out, one after the other: where members hold different things, Krum and rules like \
         it follow one of them away from public records; choose another rule, such as the weighted mean, or train with more \
         members"
    )]
    AllOut {
        /// Members.
        members: usize,
    },
    /// Another training has the folder.
    #[error("another training runs in {folder}; wait for its end")]
    Busy {
        /// The folder of models.
        folder: String,
    },
    /// One model more, and the agent could no longer look through the folder.
    #[error("{folder} has {entries} entries, and no room for another model; remove models that are no longer used")]
    Full {
        /// The folder of models.
        folder: String,
        /// Entries that it has.
        entries: usize,
    },
    /// Who is to poison is nobody, or keeps real records.
    #[error("`{member}` is no made-up member; name one of {members}")]
    NobodyToPoison {
        /// The name.
        member: String,
        /// Those that are.
        members: String,
    },
    /// There is no randomness for noise.
    #[error("the system gives no random numbers: {reason}")]
    Random {
        /// The system's words.
        reason: String,
    },
    /// A checkpoint cannot be used or kept.
    #[error("{file}: {reason}")]
    Checkpoint {
        /// Which.
        file: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The ledger was removed.
    #[error(
        "{card} says that noise was spent, and {ledger}, which counts it, is not there; restore it from a copy, so that what \
         was released stays counted; cards of a version that kept no ledger without a budget go with their models into a \
         folder of their own"
    )]
    NoLedger {
        /// Where it would be.
        ledger: String,
        /// A card with privacy that was spent.
        card: String,
    },
    /// A budget file is not one.
    #[error("{file} is no privacy ledger: {reason}; restore it from a copy, or what the year has spent is not known")]
    Ledger {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}

impl LearningError {
    /// Whether it came between, so that the same training may go on later.
    fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Spent(_) | Self::Uncovered(_) | Self::File { .. } | Self::Ledger { .. } | Self::Checkpoint { .. }
        )
    }
}

/// A model and its card.
#[derive(Debug)]
pub struct Lesson {
    /// The model.
    pub model: LearnedModel,
    /// Its card.
    pub card: Card,
}

/// What is trained and how it is judged.
#[derive(Debug)]
pub struct Class<'a> {
    /// Members' shards.
    pub shards: &'a [Shard],
    /// Public records.
    pub holdout: &'a Shard,
    /// Of the models.
    pub settings: &'a train::Settings,
    /// Of the test.
    pub plan: Plan,
    /// On whose records it is judged.
    pub basis: Basis,
}

/// Works with the shards of all who were not found out. Gives nothing if somebody is found out on the way: what was added
/// up before then has that member in it.
fn if_clean<T, E>(
    shards: &[Shard],
    rounds: &mut Federated,
    work: impl FnOnce(&[Shard], &mut Federated) -> Result<T, E>,
) -> Result<Option<T>, LearningError>
where
    LearningError: From<E>,
{
    let before = rounds.excluded().count();
    let is_out = |shard: &Shard| rounds.excluded().any(|member| member == shard.member());
    let kept: Vec<Shard> = shards.iter().filter(|shard| !is_out(shard)).cloned().collect();
    if kept.is_empty() && !shards.is_empty() {
        return Err(LearningError::AllOut { members: shards.len() });
    }
    let done = work(&kept, rounds);
    // A part that could not be trained for want of budget is not missing: it stops everything.
    if let Some(stopped) = rounds.take_stop() {
        return Err(stopped);
    }
    // A failure with somebody found out may be over without them.
    if rounds.excluded().count() == before {
        return Ok(Some(done?));
    }
    rounds.begin_anew();
    Ok(None)
}

/// Judges training together on later days, then trains on all days. Where a checkpoint is kept, one that was killed goes
/// on.
///
/// # Errors
/// If days cannot be split, a part without which there is no model cannot be trained, or the budget or a file stops it.
pub fn learn(class: &Class<'_>, rounds: &mut Federated) -> Result<Lesson, LearningError> {
    let begun = rounds.begin(class)?;
    let lesson = price(class, rounds).and_then(|()| learn_once(class, rounds));
    // What stopped it may be over the next time; what failed would fail again.
    if lesson.as_ref().is_err_and(|error| !error.is_stop() || (!begun && matches!(error, LearningError::Uncovered(_))))
    {
        rounds.forget()?;
    }
    lesson
}

/// Each fold of the test is a training of its own, and the one on all days comes after them.
fn price(class: &Class<'_>, rounds: &mut Federated) -> Result<(), LearningError> {
    let folds = judge::folds(class.shards, class.plan).map_err(JudgementError::from)?;
    rounds.price(folds.len() + 1)
}

fn learn_once(class: &Class<'_>, rounds: &mut Federated) -> Result<Lesson, LearningError> {
    let Class { shards, holdout, settings, plan, basis } = *class;
    let (judgement, trained) = loop {
        rounds.stage(match basis {
            Basis::Members => "judging on later days",
            Basis::Public => "judging on later days of public records",
        });
        let judged = if_clean(shards, rounds, |shards, rounds| match basis {
            Basis::Members => judge::judge(shards, Some(holdout), settings, plan, rounds),
            Basis::Public => judge::judge_public(shards, holdout, settings, plan, rounds),
        })?;
        // Scores are those of the members that the model is of. Whenever somebody is found out, here or below, it is judged
        // without them first, which may find out others: what the model is of is then released once. Each time somebody is
        // out for good, so it ends, at latest after as many times as there are members.
        let Some(judgement) = judged else { continue };
        rounds.stage("training on all days");
        let trained = if_clean(shards, rounds, |shards, rounds| train::train(shards, Some(holdout), settings, rounds))?;
        if let Some(trained) = trained {
            break (judgement, trained);
        }
    };
    let privacy = rounds.privacy().map(|spent| Privacy {
        epsilon_record: spent.epsilon_record,
        epsilon_day: spent.epsilon_day,
        delta: spent.delta,
        year: spent.year.map(|spent| YearPrivacy { year: spent.year, epsilon_record: spent.epsilon_record }),
    });
    let mut card = Card::new(&trained, judgement, privacy)?;
    card.left_out.extend(rounds.found_out().map(|(member, why)| LeftOut {
        member: member.to_owned(),
        part: EVERYTHING.to_owned(),
        reason: why.to_string(),
    }));
    Ok(Lesson { model: LearnedModel::new(trained.file())?, card })
}
