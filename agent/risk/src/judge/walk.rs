//! Walking forward: train on the past, forecast what came after, for the model and each of its rivals.

use super::{
    naive,
    other_fit::other_fit,
    shortfall::Tail,
    table::{Family, Key, Series, Way},
};
use crate::{
    data::{FEATURES, Fold, RETURNS_MOST, Shard, SplitError, TreasuryDay, VOLATILITY, walk_forward},
    models::{
        drawdown::{DrawdownFit, LogisticParameters},
        forest::{self, ForestSettings},
        tail::Losses,
    },
    parameters::Parameters,
    train::{PlainRounds, Rounds, Settings, TrainError, Trained, train},
};
use std::collections::BTreeMap;

/// The loss of everything has no logarithm; a forecast of more than this counts as this.
const LOSS_MOST: f64 = 1.0 - 1e-12;

/// Where the test begins and how it walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// First day of the test, since 1970-01-01.
    pub test_from: u32,
    /// Days of a fold; each is judged by models trained before it.
    pub fold_days: u32,
    /// Days between training and test, at least the horizon.
    pub embargo_days: u32,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// No shards.
    #[error("there is no shard to judge; give at least one member's")]
    NoShards,
    /// Days cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A fold could not be trained.
    #[error("fold {fold} cannot be trained: {source}")]
    Train {
        /// Which, from zero.
        fold: usize,
        /// Why.
        source: TrainError,
    },
    /// No member has a record in any test.
    #[error("no member has a record in {folds} test folds; begin the test earlier")]
    NothingToTest {
        /// Folds.
        folds: usize,
    },
    /// The public records have none in any test.
    #[error("the public records have none in {folds} test folds; give prices up to the members' last days")]
    NothingPublic {
        /// Folds.
        folds: usize,
    },
    /// The volatility forecast covers other days than the embargo keeps apart.
    #[error(
        "an embargo of {embargo} days is shorter than the {horizon} days that volatility looks ahead; make it at least as long"
    )]
    VolatilityHorizon {
        /// Days between training and test.
        embargo: u32,
        /// Days of the volatility forecast.
        horizon: u32,
    },
}

/// Forecasts and outcomes of all folds, by family, way and member.
pub(super) type Collected = BTreeMap<Key, Vec<Series>>;

/// Trains and forecasts fold by fold.
pub(super) fn walk(
    shards: &[Shard],
    holdout: Option<&Shard>,
    settings: &Settings,
    plan: Plan,
    rounds: &mut dyn Rounds,
) -> Result<(Vec<Fold>, Collected), JudgeError> {
    let folds = folds(shards, plan)?;
    let mut collected = Collected::new();
    for (number, fold) in folds.iter().enumerate() {
        let failed = |source| JudgeError::Train { fold: number, source };
        let past: Vec<Shard> = shards.iter().filter_map(|shard| shard.within(fold.train.clone()).ok()).collect();
        let public = holdout.and_then(|shard| shard.within(fold.train.clone()).ok());
        let together = train(&past, public.as_ref(), settings, rounds).map_err(failed)?;
        let pooled = pooled(&past, settings).map_err(failed)?;
        let long = |shard: &&Shard| shard.drawdown().expect_records(settings.records_min).is_ok();
        let used: Vec<&Shard> = past.iter().filter(long).collect();
        let fitted = together.parameters.drawdown.as_ref();
        let other = fitted.and_then(|model| other_fit(&used, model, settings.drawdown_ridge));
        let rates = naive::BaseRates::of(&past);
        for (member, shard) in shards.iter().enumerate() {
            let Ok(test) = shard.within(fold.test.clone()) else { continue };
            let own = past.iter().find(|past| past.member() == shard.member());
            let alone =
                own.and_then(|own| train(std::slice::from_ref(own), None, &by_sums(settings), &mut PlainRounds).ok());
            let ways = [
                (Way::Together, Some(&together.parameters)),
                (Way::Pooled, Some(&pooled.parameters)),
                (Way::Alone, alone.as_ref().map(|trained| &trained.parameters)),
            ];
            let mut desk =
                Desk { collected: &mut collected, member, members: shards.len(), fit: settings.drawdown_fit };
            desk.volatility(&test, &ways);
            let others = [(family(settings.drawdown_fit.other()), other.as_ref())];
            desk.treasury(&test, &ways, &others, rates.of_member(shard.member()));
        }
    }
    if collected.is_empty() {
        return Err(JudgeError::NothingToTest { folds: folds.len() });
    }
    Ok((folds, collected))
}

/// The same where nothing is computed of members' records but what `rounds` give: the model alone is trained on them, and
/// it is judged on `public` records beside forecasts that need none of theirs.
pub(super) fn walk_public(
    shards: &[Shard],
    public: &Shard,
    settings: &Settings,
    plan: Plan,
    rounds: &mut dyn Rounds,
) -> Result<(Vec<Fold>, Collected), JudgeError> {
    let folds = folds(shards, plan)?;
    let mut collected = Collected::new();
    for (number, fold) in folds.iter().enumerate() {
        let failed = |source| JudgeError::Train { fold: number, source };
        let past: Vec<Shard> = shards.iter().filter_map(|shard| shard.within(fold.train.clone()).ok()).collect();
        let known = public.within(fold.train.clone()).ok();
        let together = train(&past, known.as_ref(), settings, rounds).map_err(failed)?;
        let Ok(test) = public.within(fold.test.clone()) else { continue };
        let rates = naive::BaseRates::of(known.as_slice());
        let ways = [(Way::Together, Some(&together.parameters))];
        let mut desk = Desk { collected: &mut collected, member: 0, members: 1, fit: settings.drawdown_fit };
        desk.volatility(&test, &ways);
        desk.treasury(&test, &ways, &[], rates.of_member(public.member()));
    }
    match collected.is_empty() {
        true => Err(JudgeError::NothingPublic { folds: folds.len() }),
        false => Ok((folds, collected)),
    }
}

/// The folds of a walk over these shards.
///
/// # Errors
/// If there are no shards, days cannot be split, or the embargo is shorter than what is forecast.
pub fn folds(shards: &[Shard], plan: Plan) -> Result<Vec<Fold>, JudgeError> {
    let target = shards.first().ok_or(JudgeError::NoShards)?.target();
    let horizon = u32::from(VOLATILITY.horizon_days);
    if plan.embargo_days < horizon {
        return Err(JudgeError::VolatilityHorizon { embargo: plan.embargo_days, horizon });
    }
    let windows = || shards.iter().map(Shard::window);
    let first = windows().map(|window| window.first).min().unwrap_or(0);
    let end = windows().map(|window| window.last).max().unwrap_or(0).saturating_add(1);
    Ok(walk_forward(first..end, plan.test_from, plan.fold_days, plan.embargo_days, target.horizon_days)?)
}

/// Who sees all the records that are fitted has no use for averages.
fn by_sums(settings: &Settings) -> Settings {
    Settings { drawdown_fit: DrawdownFit::Newton, ..*settings }
}

/// The model of someone who sees all records: parameters from their sums, and one forest grown on all of them rather
/// than each member's trees joined.
///
/// # Errors
/// Like [`train`].
pub fn pooled(shards: &[Shard], settings: &Settings) -> Result<Trained, TrainError> {
    let mut trained = train(shards, None, &by_sums(settings), &mut PlainRounds)?;
    let all: Vec<_> = shards.iter().map(|shard| shard.drawdown().clone()).collect();
    let grown = crate::Examples::joined(&all).ok().and_then(|all| {
        let settings = ForestSettings {
            trees: settings.trees,
            depth_max: settings.tree_depth,
            leaf_records_min: settings.leaf_records_min,
            seed: settings.seed,
        };
        forest::fit(&all, settings).ok()
    });
    if grown.is_some() {
        trained.parameters.forest = grown;
    }
    Ok(trained)
}

type Ways<'a> = [(Way, Option<&'a Parameters>)];

/// Writes down what was forecast for one member, and what came.
struct Desk<'a> {
    collected: &'a mut Collected,
    member: usize,
    members: usize,
    /// Of the model.
    fit: DrawdownFit,
}

/// In whose row a fit is judged.
pub(super) fn family(fit: DrawdownFit) -> Family {
    match fit {
        DrawdownFit::Newton => Family::Logistic,
        DrawdownFit::FedAvg => Family::Averaged,
    }
}

impl Desk<'_> {
    /// A way without a forecast of its own says what the naive one says, and that is counted.
    fn note(&mut self, family: Family, way: Way, forecast: Option<f64>, naive: f64, outcome: f64) -> &mut Series {
        let members = self.members;
        let series = self.collected.entry((family, way)).or_insert_with(|| vec![Series::default(); members]);
        let one = &mut series[self.member];
        one.forecasts.push(forecast.unwrap_or(naive));
        one.outcomes.push(outcome);
        one.fallbacks += usize::from(forecast.is_none());
        one
    }

    /// The same of a tail.
    fn note_tail(&mut self, family: Family, way: Way, forecast: Option<Tail>, naive: Tail, outcome: f64) {
        let quantile = forecast.map(|tail| tail.quantile);
        let series = self.note(family, way, quantile, naive.quantile, outcome);
        series.shortfalls.push(forecast.unwrap_or(naive).shortfall);
    }

    /// Mean daily variance of the week to come, of each asset that is held and not stable.
    fn volatility(&mut self, test: &Shard, ways: &Ways<'_>) {
        let horizon = usize::from(VOLATILITY.horizon_days);
        for day in test.days() {
            for (asset, weight) in test.assets().iter().zip(&day.weights) {
                let later = asset.returns_to(day.day + horizon as u32, horizon);
                let Some(later) = later.filter(|_| *weight > 0.0 && !asset.is_stable()) else { continue };
                let realised = later.iter().map(|one| one * one).sum::<f64>() / horizon as f64;
                let history = asset.returns_before(day.day, RETURNS_MOST);
                let Some(ewma) = naive::variance(history) else { continue };
                self.note(Family::Ewma, Way::Naive, Some(ewma), ewma, realised);
                for (way, parameters) in ways {
                    let forecast = parameters.and_then(|found| found.volatility.har.daily_variance(history));
                    self.note(Family::Har, *way, forecast, ewma, realised);
                }
            }
        }
    }

    /// Probability of a drawdown, and the tail of the next day's log return.
    fn treasury(
        &mut self,
        test: &Shard,
        ways: &Ways<'_>,
        others: &[(Family, Option<&LogisticParameters>)],
        base_rate: f64,
    ) {
        let outcomes = test.drawdown().targets().iter().zip(test.tail().targets());
        for ((day, row), (event, outcome)) in test.days().iter().zip(test.drawdown().rows()).zip(outcomes) {
            let Ok(features) = <[f64; FEATURES]>::try_from(row) else { continue };
            let Some(naive) = naive::tail(test, day) else { continue };
            self.note(Family::BaseRate, Way::Naive, Some(base_rate), base_rate, *event);
            for (family, other) in others {
                let by_other = other.and_then(|found| found.probability(&features).ok());
                self.note(*family, Way::Together, by_other, base_rate, *event);
            }
            self.note_tail(Family::EwmaNormal, Way::Naive, Some(naive), naive, *outcome);
            for &(way, parameters) in ways {
                let logistic = parameters.and_then(|found| found.drawdown.as_ref()?.probability(&features).ok());
                let forest = parameters.and_then(|found| found.forest.as_ref()?.probability(&features).ok());
                let combined = parameters.and_then(|found| found.drawdown_probability(&features));
                let filtered = parameters.and_then(|found| filtered(found, test, day));
                let regression = parameters.and_then(|found| found.quantile.as_ref()?.losses(&features).ok()).map(tail);
                // Alone and pooled there are no averages.
                let of_model = if way == Way::Together { family(self.fit) } else { Family::Logistic };
                self.note(of_model, way, logistic, base_rate, *event);
                self.note(Family::Forest, way, forest, base_rate, *event);
                self.note(Family::Combined, way, combined, base_rate, *event);
                self.note_tail(Family::FilteredHistory, way, filtered, naive, *outcome);
                self.note_tail(Family::QuantileRegression, way, regression, naive, *outcome);
            }
        }
    }
}

/// Tail of the next day's log return by filtered historical simulation.
fn filtered(parameters: &Parameters, shard: &Shard, day: &TreasuryDay) -> Option<Tail> {
    let forecast = parameters.volatility.forecast(&shard.views(day, RETURNS_MOST));
    let daily = forecast.treasury_daily(day.weights.iter().copied())?;
    Some(tail(parameters.tail.as_ref()?.losses(daily)?))
}

/// Losses as log returns, in which they were found.
fn tail(losses: Losses) -> Tail {
    let log = |loss: f64| libm::log1p(-loss.min(LOSS_MOST));
    Tail { quantile: log(losses.value_at_risk), shortfall: log(losses.expected_shortfall) }
}
