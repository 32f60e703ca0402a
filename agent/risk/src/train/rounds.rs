//! The seam to whoever adds up: members' vectors go out, their sum or common parameters come back.

use super::averaging;
use crate::{
    Examples, linalg,
    models::{
        ModelError, drawdown,
        forest::{ForestParameters, ForestSettings},
        newton::NewtonSums,
        quantile::{self, QuantileTarget},
        regime::{Point, RegimeParameters},
    },
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Variance of assets: summed moments, one round.
    Volatility,
    /// How far correlations are drawn to their mean: one round.
    Correlation,
    /// Means and deviations of features: one round.
    Scaling,
    /// Logistic regression of drawdowns: Newton rounds.
    Drawdown,
    /// Histogram of standardised residuals: one round.
    Tail,
    /// Quantile regression: Newton rounds.
    Quantile,
    /// Trees of drawdowns, joined.
    Forest,
    /// Centres of regimes: Lloyd rounds.
    Regimes,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Volatility => "volatility",
            Self::Correlation => "correlation",
            Self::Scaling => "scaling",
            Self::Drawdown => "drawdown",
            Self::Tail => "tail",
            Self::Quantile => "quantile",
            Self::Forest => "forest",
            Self::Regimes => "regimes",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Numbers of one member, to be added place by place to those of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The member.
    pub member: String,
    /// How many records they are of.
    pub records: u64,
    /// The numbers.
    pub values: Vec<f64>,
}

/// What each of a member's records adds to a sum, and how long that may be. It stays with the member: what leaves it is
/// the sum over records, each shortened to the bound, with noise.
///
/// A record is one day of the member, and all that a part makes of that day is one row.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundedShard {
    member: String,
    bound: f64,
    width: usize,
    rows: Vec<f64>,
}

impl BoundedShard {
    pub(super) fn new(member: String, bound: f64, width: usize, rows: Vec<f64>) -> Self {
        Self { member, bound, width, rows }
    }

    /// The member.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Largest norm of a row that enters the sum.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.rows().len() as u64
    }

    /// Rows as they are, to be shortened to [`Self::bound`] before they are added.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.rows.chunks_exact(self.width.max(1))
    }
}

/// Whose loss Newton's method lowers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Log loss of events.
    Logistic,
    /// Smoothed pinball loss at a level.
    Pinball(QuantileTarget),
}

/// Scaled records of one member and the loss on them. It stays with the member.
#[derive(Debug, Clone, PartialEq)]
pub struct NewtonShard {
    member: String,
    examples: Examples,
    loss: Loss,
}

impl NewtonShard {
    pub(super) fn new(member: String, examples: Examples, loss: Loss) -> Self {
        Self { member, examples, loss }
    }

    /// The member.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.examples.len() as u64
    }

    /// Length of θ: a weight a feature, and the intercept last.
    pub fn parameters(&self) -> usize {
        self.examples.width() + 1
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Gradient, Hessian and loss at θ, without ridge.
    ///
    /// # Errors
    /// If θ has another length or is not finite.
    pub fn sums(&self, theta: &[f64]) -> Result<NewtonSums, ModelError> {
        match self.loss {
            Loss::Logistic => drawdown::newton_sums(&self.examples, theta),
            Loss::Pinball(target) => quantile::newton_sums(&self.examples, theta, target),
        }
    }

    /// Each record's own part of [`Self::sums`], for whoever clips records before adding.
    ///
    /// # Errors
    /// Like [`Self::sums`].
    pub fn contributions(&self, theta: &[f64], visit: impl FnMut(&[f64])) -> Result<(), ModelError> {
        match self.loss {
            Loss::Logistic => drawdown::contributions(&self.examples, theta, visit),
            Loss::Pinball(target) => quantile::contributions(&self.examples, theta, target, visit),
        }
    }

    /// θ after a few steps of its own from `theta`, for averaging. `None` where the loss has no such solver.
    ///
    /// # Errors
    /// If the records are of one class, or the solver fails.
    pub fn local_steps(&self, theta: &[f64], ridge: f64, iterations: u64) -> Option<Result<Vec<f64>, ModelError>> {
        match self.loss {
            Loss::Logistic => Some(drawdown::local_steps(&self.examples, theta, ridge, iterations)),
            Loss::Pinball(_) => None,
        }
    }
}

/// Trees that a member grew on its own records. They leave it.
#[derive(Debug, Clone, PartialEq)]
pub struct GrownTrees {
    /// The member.
    pub member: String,
    /// Its trees.
    pub forest: ForestParameters,
}

/// Why a round gave nothing.
pub type RoundsError = Box<dyn std::error::Error + Send + Sync>;

/// Adds up what members send. Federated training implements it with rounds, checks, robust aggregation and noise;
/// [`PlainRounds`] is the pooled fit.
pub trait Rounds {
    /// Whether noise hides single records. Then [`Self::sum`] is never asked, [`Self::sum_bounded`] is in its place, and
    /// parts that are no sums of bounded records are not trained.
    fn noisy(&self) -> bool {
        false
    }

    /// One round: the sum of all rows, each shortened to its bound, with noise. There is at least one shard, and all are
    /// of one width and bound. `holdout` is of public records; it is compared with the sum and never enters it.
    ///
    /// # Errors
    /// If the round failed, or these rounds add no noise.
    fn sum_bounded(
        &mut self,
        part: Part,
        shards: &[BoundedShard],
        holdout: Option<&BoundedShard>,
    ) -> Result<Vec<f64>, RoundsError> {
        let _ = (shards, holdout);
        Err(format!("{part}: these rounds add no noise").into())
    }

    /// One round: the sum of all contributions, place by place. There is at least one, and all are of one length. What
    /// `holdout` says is of public records; it is compared with the sum and never enters it.
    ///
    /// # Errors
    /// If the round failed; the part is then missing.
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError>;

    /// θ that minimises the summed loss of all shards plus ½ `ridge` |θ|², the intercept without. There is at least one
    /// shard, all with one loss. The loss on `holdout`, whose records are public, judges a step and never enters one.
    ///
    /// # Errors
    /// If the rounds failed; the part is then missing.
    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError>;

    /// θ by averaging what members reach with steps of their own, each with its [`shared_ridge`](super::shared_ridge) of
    /// `ridge`. There is at least one shard, all with a loss that has [`NewtonShard::local_steps`]. Of `holdout` the same
    /// holds as in [`Self::newton`]. It is never asked where [`Self::noisy`] holds.
    ///
    /// # Errors
    /// If the rounds failed, or these do not average; the part is then missing.
    fn average(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let _ = (shards, holdout, ridge);
        Err(format!("{part}: these rounds do not average parameters").into())
    }

    /// The trees of all members as one forest, in the order given. Each was asked for trees of `settings`; there is at
    /// least one member. `holdout` has public records in the features' own units, by which the forest is judged. It is
    /// never asked where [`Self::noisy`] holds.
    ///
    /// # Errors
    /// If no forest came about; the part is then missing.
    fn join(
        &mut self,
        part: Part,
        grown: &[GrownTrees],
        settings: ForestSettings,
        holdout: Option<&Examples>,
    ) -> Result<ForestParameters, RoundsError> {
        let _ = (part, settings, holdout);
        let forests: Vec<&ForestParameters> = grown.iter().map(|one| &one.forest).collect();
        Ok(ForestParameters::joined(&forests)?)
    }

    /// One of Lloyd's rounds: the sum of what members' days add around the centres of `from`, see
    /// [`RegimeParameters::sums`]. By how far the `public` days are from the centres that the sum leads to it is judged.
    /// It is never asked where [`Self::noisy`] holds.
    ///
    /// # Errors
    /// Like [`Self::sum`].
    fn centres(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        from: &RegimeParameters,
        public: Option<&[Point]>,
    ) -> Result<Vec<f64>, RoundsError> {
        let _ = (from, public);
        self.sum(part, contributions, None)
    }
}

/// Adds without rounds: what training on the pooled records gives. It sees them all, so it is a rival to compare with
/// and a member's way to train alone, and no way to train together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlainRounds;

impl Rounds for PlainRounds {
    fn sum(
        &mut self,
        _part: Part,
        contributions: &[Contribution],
        _holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        let (first, rest) = contributions.split_first().ok_or("no member contributed")?;
        let mut sum = first.values.clone();
        for one in rest {
            linalg::add(&mut sum, &one.values)?;
        }
        Ok(sum)
    }

    fn newton(
        &mut self,
        _part: Part,
        shards: &[NewtonShard],
        _holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let loss = shards.first().ok_or("no member contributed")?.loss;
        let pooled: Vec<Examples> = shards.iter().map(|shard| shard.examples.clone()).collect();
        let pooled = Examples::joined(&pooled)?;
        Ok(match loss {
            Loss::Logistic => drawdown::fit(&pooled, ridge)?,
            Loss::Pinball(target) => quantile::fit(&pooled, target, ridge)?,
        })
    }

    /// The same steps and averages as in a federation where everybody is honest. It is not the pooled fit.
    fn average(
        &mut self,
        _part: Part,
        shards: &[NewtonShard],
        _holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        averaging::plain(shards, ridge)
    }
}
