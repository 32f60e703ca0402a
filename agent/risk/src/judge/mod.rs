//! Whether a model is any good: on days after those that it learned from, against rivals.
//!
//! [`judge`] walks forward. In each fold the model is trained together, by someone who sees all records (pooled), and by
//! each member alone; all of them, their other families and the naive forecasts are scored on the same later records.
//! Where training together does not win, a [`Verdict`] says so, and so does the card.
//!
//! Scores of members' records are exact. Where noise is to hide those records, [`judge_public`] scores the model on public
//! ones instead, and goes without the rivals that it would cost.

mod calibration;
mod coverage;
mod metrics;
mod naive;
mod other_fit;
mod shortfall;
mod table;
mod verdict;
mod walk;

pub use calibration::{BINS, Bin, Calibration, calibration};
pub use coverage::{Coverage, CoverageError, coverage};
pub use metrics::{MetricError, auc, brier, fissler_ziegel, log_loss, pinball, qlike};
pub use shortfall::{Shortfall, shortfall};
pub use table::{CoverageRow, Family, MemberRow, Metric, Row, Task, Way};
pub use verdict::{Rival, Verdict};
pub use walk::{JudgeError, Plan, folds, pooled};

use crate::{
    data::{Fold, Shard},
    train::{Rounds, Settings},
};
use serde::{Deserialize, Serialize};

/// On whose later records a model is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Members' own, beside every rival. The scores are exact, and tell of those records whatever noise is in the model.
    #[default]
    Members,
    /// Public ones alone, beside naive forecasts of them and the model's other families: nothing is told of members that
    /// the rounds did not give.
    Public,
}

/// A rival that was not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Which.
    pub rival: String,
    /// Why.
    pub reason: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// On whose records.
    #[serde(default)]
    pub basis: Basis,
    /// Rivals that were not judged, and why.
    #[serde(default)]
    pub absent: Vec<Absent>,
    /// What was trained on and what judged on.
    pub folds: Vec<Fold>,
    /// Every family and way.
    pub rows: Vec<Row>,
    /// What training together gives each member.
    pub members: Vec<MemberRow>,
    /// Tests of every value at risk, and of the expected shortfall beside it.
    pub coverage: Vec<CoverageRow>,
    /// Calibration of the drawdown probability that the model says.
    pub calibration: Calibration,
    /// Who wins, by each metric of each task.
    pub verdicts: Vec<Verdict>,
}

impl Judgement {
    /// Scores of one family and way.
    pub fn row(&self, family: Family, way: Way) -> Option<&Row> {
        self.rows.iter().find(|row| (row.family, row.way) == (family, way))
    }

    /// Area under the ROC curve of the drawdown probability that the model says, bps rounded down; `None` where the test
    /// had no drawdown, or nothing else.
    pub fn auc_bps(&self) -> Option<u64> {
        let area = self.row(Task::Drawdown.used(), Way::Together)?.score(Metric::Auc)?;
        // From 0 to 10,000.
        Some((area * 10_000.0) as u64)
    }
}

/// Why nothing could be judged, or scored.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// Training or splitting failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A forecast has no score.
    #[error("the forecasts cannot be scored: {0}")]
    Metric(#[from] MetricError),
}

/// Judges training these shards together through `rounds`, walking forward as `plan` says. `holdout` is that of
/// [`crate::train::train`], in each fold its days before the test.
///
/// # Errors
/// If days cannot be split, a fold cannot be trained, or nobody has records in a test.
pub fn judge(
    shards: &[Shard],
    holdout: Option<&Shard>,
    settings: &Settings,
    plan: Plan,
    rounds: &mut dyn Rounds,
) -> Result<Judgement, JudgementError> {
    let (folds, collected) = walk::walk(shards, holdout, settings, plan, rounds)?;
    let members: Vec<&str> = shards.iter().map(Shard::member).collect();
    judged(shards, folds, &collected, &members, Basis::Members)
}

/// The same on public records alone: `public` is what [`judge`] calls `holdout`, of which each fold's model knows the days
/// before its test and is judged on the later ones. Members' records enter by what `rounds` give of them and in no other
/// way; rivals that need them are absent.
///
/// # Errors
/// If days cannot be split, a fold cannot be trained, or there are no public records in a test.
pub fn judge_public(
    shards: &[Shard],
    public: &Shard,
    settings: &Settings,
    plan: Plan,
    rounds: &mut dyn Rounds,
) -> Result<Judgement, JudgementError> {
    let (folds, collected) = walk::walk_public(shards, public, settings, plan, rounds)?;
    let other = walk::family(settings.drawdown_fit.other());
    let absent = [Way::Pooled.to_string(), Way::Alone.to_string(), other.to_string()];
    let reason = "it is fitted to members' own records, and its scores would tell of them outside of ε";
    let absent = absent.map(|rival| Absent { rival, reason: reason.to_owned() }).to_vec();
    Ok(Judgement { absent, ..judged(shards, folds, &collected, &[public.member()], Basis::Public)? })
}

/// `members` are whose records the forecasts are of.
fn judged(
    shards: &[Shard],
    folds: Vec<Fold>,
    collected: &walk::Collected,
    members: &[&str],
    basis: Basis,
) -> Result<Judgement, JudgementError> {
    let tail = shards.first().map_or(0.0, |shard| shard.target().tail());
    let rows = table::rows(collected, tail)?;
    let series = collected.get(&(Task::Drawdown.used(), Way::Together)).map_or(&[][..], Vec::as_slice);
    let flat = |of: fn(&table::Series) -> &Vec<f64>| series.iter().flat_map(|one| of(one).iter().copied()).collect();
    let (forecasts, outcomes): (Vec<f64>, Vec<f64>) = (flat(|one| &one.forecasts), flat(|one| &one.outcomes));
    Ok(Judgement {
        basis,
        absent: Vec::new(),
        folds,
        members: table::member_rows(collected, members, tail),
        coverage: table::coverage_rows(collected, members, tail),
        calibration: calibration(&forecasts, &outcomes)?,
        verdicts: table::judged().filter_map(|(task, metric)| Verdict::of(task, metric, &rows, basis)).collect(),
        rows,
    })
}

#[cfg(test)]
mod tests;
