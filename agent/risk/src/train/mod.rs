//! Training: from shards to [`Parameters`], with whatever adds up handed in.
//!
//! [`train`] goes through the parts in a fixed order. Each turns shards into vectors, hands them to [`Rounds`], and makes
//! parameters of what comes back. With [`PlainRounds`] this is the pooled fit, with one shard the fit of a member alone;
//! a federation implements [`Rounds`] and nothing else. Forests have no sums: members grow trees, which [`Rounds`] join.
//!
//! A member that a part cannot use is excluded from it by name; a part that cannot be trained is missing by name. Only
//! without volatility is there no model.
//!
//! The logistic regression is fitted one of two ways ([`DrawdownFit`]): on sums, or by averages of what members reach by
//! themselves.
//!
//! Where [`Rounds::noisy`] holds, a member releases sums of bounded records and nothing else; see [`bounded`].

mod averaging;
pub mod bounded;
mod parts;
mod rounds;

pub use averaging::{AVERAGING_ROUNDS, LOCAL_STEPS, shared_ridge};
pub(crate) use parts::{logistic, logistic_shard};
pub use rounds::{BoundedShard, Contribution, GrownTrees, Loss, NewtonShard, Part, PlainRounds, Rounds, RoundsError};

use crate::{
    data::{FEATURE_NAMES, Shard, Target, VOLATILITY},
    forecast::VolatilityParameters,
    model_file::{KIND, MemberData, ModelFile, VERSION},
    models::{ModelError, drawdown::DrawdownFit, forest::TREES_MAX},
    parameters::Parameters,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How to train. Numbers are checked by the models.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Fewest records of a member; one with fewer is left out.
    pub records_min: usize,
    /// Fewest events, and fewest records without one, over all members.
    pub events_min: usize,
    /// λ of the variance regression.
    pub volatility_ridge: f64,
    /// λ of the logistic regression.
    pub drawdown_ridge: f64,
    /// How the logistic regression is fitted together.
    pub drawdown_fit: DrawdownFit,
    /// λ of the quantile regression.
    pub quantile_ridge: f64,
    /// Trees of the joined forest, at most; each member grows an equal part, at least one.
    pub trees: u16,
    /// Depth of a tree, at most.
    pub tree_depth: u16,
    /// Fewest records of a leaf.
    pub leaf_records_min: u16,
    /// How many regimes.
    pub regimes: usize,
    /// Of the forests' draws.
    pub seed: u64,
}

impl Default for Settings {
    /// Ridges are strong because targets overlap: a fall counts in the records of each of the fourteen days before it, so
    /// that a thousand records are worth some seventy. Of 1, 14, 100 and 300, scores on the demo's members from June 2019
    /// to January 2021 chose 100; what is shown of later days did not take part in that.
    fn default() -> Self {
        Self {
            records_min: 60,
            events_min: 10,
            volatility_ridge: 100.0,
            drawdown_ridge: 100.0,
            drawdown_fit: DrawdownFit::Newton,
            quantile_ridge: 100.0,
            trees: 100,
            tree_depth: 4,
            leaf_records_min: 20,
            regimes: 3,
            seed: 1,
        }
    }
}

/// A member that a part could not use.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The member.
    pub member: String,
    /// From what it was left out; `None`: from everything.
    pub part: Option<Part>,
    /// Why, with the counts.
    pub reason: ModelError,
}

/// Why a part, or a whole training, gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Nobody has records.
    #[error("no member has enough records to train; give longer histories{}", list(.excluded))]
    NoMembers {
        /// Those left out, and why.
        excluded: Vec<Exclusion>,
    },
    /// Shards that forecast different things.
    #[error("`{member}` is to forecast {found:?}, the members before it {expected:?}; build all shards for one target")]
    OtherTarget {
        /// The member.
        member: String,
        /// What the first one forecasts.
        expected: Target,
        /// What this one does.
        found: Target,
    },
    /// No member could contribute to a part.
    #[error("{part}: no member can contribute; give longer histories{}", list(.excluded))]
    NoContribution {
        /// Which part.
        part: Part,
        /// Those left out, and why.
        excluded: Vec<Exclusion>,
    },
    /// The numbers do not allow it.
    #[error("{part}: {source}")]
    Model {
        /// Which part.
        part: Part,
        /// Why.
        source: ModelError,
    },
    /// It has no sums of bounded records.
    #[error("{part}: with noise a part without sums of bounded records is not trained")]
    Unbounded {
        /// Which part.
        part: Part,
    },
    /// Nothing to bound records by.
    #[error("{part}: with noise, bounds of records are taken from public ones; give public records")]
    NoPublic {
        /// Which part.
        part: Part,
    },
    /// The noise is too strong for the records.
    #[error("{part}: noise drowns the sums: {why}; use less noise, or train with more records")]
    Drowned {
        /// Which part.
        part: Part,
        /// What gave it away.
        why: String,
    },
    /// The rounds failed.
    #[error("{part}: the rounds failed: {source}")]
    Rounds {
        /// Which part.
        part: Part,
        /// Why.
        source: RoundsError,
    },
}

fn list(excluded: &[Exclusion]) -> String {
    excluded.iter().map(|one| format!("; `{}`: {}", one.member, one.reason)).collect()
}

/// What came out of a training.
#[derive(Debug)]
pub struct Trained {
    /// What is forecast.
    pub target: Target,
    /// What was trained.
    pub parameters: Parameters,
    /// What it was trained on, member by member; those left out of everything are not among them.
    pub data: Vec<MemberData>,
    /// Members left out, and of what.
    pub excluded: Vec<Exclusion>,
    /// Parts that are missing, and why.
    pub missing: Vec<TrainError>,
}

impl Trained {
    /// Its model file. The last day that training knew is that on which the newest target ended.
    pub fn file(&self) -> ModelFile {
        let ahead = self.target.horizon_days.max(VOLATILITY.horizon_days.into());
        let last = self.data.iter().map(|member| member.window.last).max().unwrap_or(0);
        ModelFile {
            crates: crate_versions(),
            data: self.data.clone(),
            features: FEATURE_NAMES.map(str::to_owned).to_vec(),
            kind: KIND.to_owned(),
            parameters: self.parameters.clone(),
            target: self.target,
            trained_at_day: last.saturating_add(ahead),
            version: VERSION,
        }
    }
}

/// Trains all parts, in this order: volatility and correlation, scaling, drawdown, forest, tail, quantile, regimes.
/// `holdout` holds public records, by which rounds are judged and of which nothing is learned; but with noise, where its
/// prices say the scale of variances, count beside those of members, and say how far correlations are drawn.
///
/// # Errors
/// If no member has [`Settings::records_min`] records, shards differ in target, or volatility cannot be trained.
pub fn train(
    shards: &[Shard],
    holdout: Option<&Shard>,
    settings: &Settings,
    rounds: &mut dyn Rounds,
) -> Result<Trained, TrainError> {
    let mut excluded = Vec::new();
    let mut used: Vec<&Shard> = Vec::with_capacity(shards.len());
    for shard in shards {
        let expected = shards.first().map_or(shard.target(), Shard::target);
        if shard.target() != expected {
            let member = shard.member().to_owned();
            return Err(TrainError::OtherTarget { member, expected, found: shard.target() });
        }
        match shard.drawdown().expect_records(settings.records_min) {
            Ok(()) => used.push(shard),
            Err(reason) => {
                let member = shard.member().to_owned();
                excluded.push(Exclusion { member, part: None, reason: reason.into() });
            }
        }
    }
    if used.is_empty() {
        return Err(TrainError::NoMembers { excluded });
    }
    let mut training = parts::Training { shards: used, holdout, settings, rounds, excluded };
    let har = training.volatility()?;
    let shrinkage = training.shrinkage()?;
    let volatility = VolatilityParameters { har, shrinkage };
    let mut missing = Vec::new();
    let mut drawdown = None;
    let mut quantile = None;
    match training.scaling() {
        Ok(scales) => {
            drawdown = keep(training.drawdown(&scales), &mut missing);
            quantile = keep(training.quantile(&scales), &mut missing);
        }
        Err(error) => missing.push(error),
    }
    let forest = keep(training.forest(TREES_MAX), &mut missing);
    let tail = keep(training.tail(&volatility), &mut missing);
    let regimes = keep(training.regimes(), &mut missing);
    let noisy = training.rounds.noisy();
    let data = training.shards.iter().map(|shard| member_data(shard, noisy)).collect();
    let parameters = Parameters { drawdown, forest, quantile, regimes, tail, volatility };
    let target = training.shards.first().map_or_else(Target::default, |shard| shard.target());
    Ok(Trained { target, parameters, data, excluded: training.excluded, missing })
}

fn keep<T>(found: Result<T, TrainError>, missing: &mut Vec<TrainError>) -> Option<T> {
    found.map_err(|error| missing.push(error)).ok()
}

/// How many records a member has is public where noise is added; how many of them are events is not.
fn member_data(shard: &Shard, noisy: bool) -> MemberData {
    let counts = shard.counts();
    MemberData {
        member: shard.member().to_owned(),
        origin: shard.origin(),
        window: shard.window(),
        records: counts.records,
        events: (!noisy).then_some(counts.events),
    }
}

/// Versions of the crates that fits depend on, by name.
pub fn crate_versions() -> BTreeMap<String, String> {
    let versions = [
        ("linfa-clustering", crate::models::regime::LINFA_VERSION),
        ("linfa-logistic", crate::models::drawdown::LINFA_VERSION),
        ("quaestor-risk", env!("CARGO_PKG_VERSION")),
        ("smartcore", crate::models::forest::SMARTCORE_VERSION),
    ];
    versions.map(|(name, version)| (name.to_owned(), version.to_owned())).into()
}

#[cfg(test)]
mod tests;
