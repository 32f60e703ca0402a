//! The parts of a training, each from shards to parameters.

use super::{
    BoundedShard, Contribution, Exclusion, GrownTrees, Loss, NewtonShard, Part, Rounds, RoundsError, Settings,
    TrainError,
    bounded::{self, VarianceScale},
};
use crate::{
    ExamplesError,
    data::{FEATURE_NAMES, FEATURES, RETURNS_MOST, Shard, TreasuryDay, VOLATILITY},
    forecast::VolatilityParameters,
    linalg::packed_len,
    models::{
        ModelError, Moments, Scaling,
        covariance::{CovarianceSums, DAYS_MIN, Shrinkage},
        drawdown::{DrawdownFit, LogisticParameters},
        forest::{self, ForestParameters, ForestSettings},
        har::HarParameters,
        quantile::{self, QuantileParameters, QuantileScaling, QuantileTarget},
        regime::{self, Point, RegimeParameters},
        tail::{ResidualSums, TailParameters},
    },
    parameters::regime_point,
};

/// Lloyd rounds at most.
const LLOYD_ROUNDS_MAX: usize = 50;
/// Movement of a centre, in standard deviations, at which they have settled.
const CENTRES_SETTLED: f64 = 1e-6;
/// Least and most confidence of the tail follow from the bounds of a target.
const BPS_ONE: u32 = 10_000;

/// Scales and counts, from all members' moments.
pub(super) struct Scales {
    features: Scaling,
    quantile: QuantileScaling,
    records: usize,
    events: usize,
}

/// One training under way.
pub(super) struct Training<'a> {
    pub(super) shards: Vec<&'a Shard>,
    pub(super) holdout: Option<&'a Shard>,
    pub(super) settings: &'a Settings,
    pub(super) rounds: &'a mut dyn Rounds,
    pub(super) excluded: Vec<Exclusion>,
}

impl Training<'_> {
    /// Forms each member's contribution, leaving out by name those who have none, and has them added.
    fn sum(
        &mut self,
        part: Part,
        form: impl Fn(&Shard) -> Result<(u64, Vec<f64>), ModelError>,
    ) -> Result<Vec<f64>, TrainError> {
        let form = contribution(form);
        let found = self.members(part, &form)?;
        let holdout = self.public(form);
        self.rounds.sum(part, &found, holdout.as_ref()).map_err(|source| TrainError::Rounds { part, source })
    }

    /// What the public records have; a part that they cannot speak of goes without.
    fn public<T>(&self, form: impl Fn(&Shard) -> Result<T, ModelError>) -> Option<T> {
        self.holdout.and_then(|shard| form(shard).ok())
    }

    /// What each member has for `part`; those who have nothing are left out by name.
    fn members<T>(&mut self, part: Part, form: impl Fn(&Shard) -> Result<T, ModelError>) -> Result<Vec<T>, TrainError> {
        let (mut found, mut excluded) = (Vec::with_capacity(self.shards.len()), Vec::new());
        for shard in &self.shards {
            match form(shard) {
                Ok(one) => found.push(one),
                Err(reason) => {
                    excluded.push(Exclusion { member: shard.member().to_owned(), part: Some(part), reason });
                }
            }
        }
        if found.is_empty() {
            return Err(TrainError::NoContribution { part, excluded });
        }
        self.excluded.extend(excluded);
        Ok(found)
    }

    /// The noisy sum of each member's rows. Nobody is left out: that would say something of its records.
    fn sum_bounded(
        &mut self,
        part: Part,
        form: impl Fn(&Shard) -> Result<BoundedShard, ModelError>,
    ) -> Result<Vec<f64>, TrainError> {
        let failed = |source| TrainError::Model { part, source };
        let shards = self.shards.iter().map(|shard| form(shard)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let holdout = self.public(form);
        let sum = self.rounds.sum_bounded(part, &shards, holdout.as_ref());
        sum.map_err(|source| TrainError::Rounds { part, source })
    }

    /// Public records, without which noise has no scale.
    fn expect_public(&self, part: Part) -> Result<&Shard, TrainError> {
        self.holdout.ok_or(TrainError::NoPublic { part })
    }

    fn confidence_bps(&self) -> u16 {
        let tail_bps = self.shards.first().map_or(0, |shard| shard.target().tail_bps);
        // A target's bounds keep it within; an impossible one is refused by the tail.
        u16::try_from(BPS_ONE.saturating_sub(tail_bps)).unwrap_or(u16::MAX)
    }

    pub(super) fn volatility(&mut self) -> Result<HarParameters, TrainError> {
        let part = Part::Volatility;
        if self.rounds.noisy() {
            let scale = VarianceScale::of(self.expect_public(part)?)?;
            let sum = self.sum_bounded(part, |shard| Ok(scale.rows(shard)))?;
            return scale.fit(sum, self.settings.volatility_ridge);
        }
        let sum = self.sum(part, |shard| {
            let examples = shard.variance().ok_or(ExamplesError::Empty)?;
            Ok((examples.len() as u64, Moments::of_regression(examples).as_slice().to_vec()))
        })?;
        let moments = Moments::from_vec(4, sum);
        let fit = |moments| HarParameters::from_moments(&moments, VOLATILITY, self.settings.volatility_ridge);
        moments.and_then(fit).map_err(|source| TrainError::Model { part, source })
    }

    /// Members hold different assets, so their products do not add up. Each forms κ of its own; the model's is their mean
    /// weighted by days. Without any member with two assets it is zero, and the least intensity holds. With noise it is
    /// that of public records.
    pub(super) fn shrinkage(&mut self) -> Result<Shrinkage, TrainError> {
        let part = Part::Correlation;
        if self.rounds.noisy() {
            let sums = kappa(self.expect_public(part)?).ok();
            return Ok(Shrinkage { kappa: sums.map_or(0.0, |(_, sums)| sums[1] / sums[0]) });
        }
        let sum = match self.sum(part, kappa) {
            Ok(sum) => sum,
            Err(TrainError::NoContribution { excluded, .. }) => {
                self.excluded.extend(excluded);
                return Ok(Shrinkage { kappa: 0.0 });
            }
            Err(error) => return Err(error),
        };
        let found = match sum.as_slice() {
            [days, weighted] if *days > 0.0 => Shrinkage { kappa: weighted / days },
            _ => Shrinkage { kappa: 0.0 },
        };
        found.check().map_err(|source| TrainError::Model { part, source })?;
        Ok(found)
    }

    pub(super) fn scaling(&mut self) -> Result<Scales, TrainError> {
        let part = Part::Scaling;
        if self.rounds.noisy() {
            let sum = self.sum_bounded(part, |shard| Ok(bounded::scaling_rows(shard)))?;
            let found = bounded::scales(&sum)?;
            return Ok(Scales {
                features: found.scaling.features.clone(),
                quantile: found.scaling,
                // Saturate: only compared with least counts.
                records: libm::round(found.records) as usize,
                events: libm::round(found.events) as usize,
            });
        }
        let mut sum = self.sum(part, |shard| {
            let mut values = Moments::of_regression(shard.tail()).as_slice().to_vec();
            values.push(shard.counts().events as f64);
            Ok((shard.days().len() as u64, values))
        })?;
        let events = sum.split_off(sum.len().min(packed_len(FEATURES + 2)));
        let names = names();
        let scales = || {
            let moments = Moments::from_vec(FEATURES + 1, sum)?;
            Ok(Scales {
                features: Scaling::sparing_constants(&moments, &names)?,
                quantile: QuantileScaling::from_moments(&moments, &names)?,
                // Saturate: only compared with least counts.
                records: libm::round(moments.records()) as usize,
                events: libm::round(events.iter().sum::<f64>()) as usize,
            })
        };
        scales().map_err(|source| TrainError::Model { part, source })
    }

    pub(super) fn drawdown(&mut self, scales: &Scales) -> Result<LogisticParameters, TrainError> {
        let part = Part::Drawdown;
        let Scales { records, events, .. } = *scales;
        let least = self.settings.events_min;
        let quiet = records.saturating_sub(events);
        if events < least || quiet < least {
            let source = match events == 0 || quiet == 0 {
                true => ExamplesError::OneClass { records, events },
                false => ExamplesError::TooFewEvents { records, events, least },
            };
            return Err(TrainError::Model { part, source: source.into() });
        }
        let (fit, ridge) = (self.settings.drawdown_fit, self.settings.drawdown_ridge);
        if fit == DrawdownFit::FedAvg && self.rounds.noisy() {
            return Err(TrainError::Unbounded { part });
        }
        let form = |shard: &Shard| logistic_shard(shard, &scales.features, fit);
        let shards = self.members(part, form)?;
        // Public records of one class judge as well as others.
        let holdout = self.public(|shard| logistic_shard(shard, &scales.features, DrawdownFit::Newton));
        let theta = logistic(self.rounds, fit, &shards, holdout.as_ref(), ridge);
        let theta = theta.map_err(|source| TrainError::Rounds { part, source })?;
        let found = LogisticParameters { features: names(), fit, scaling: scales.features.clone(), theta };
        found.check().map_err(|source| TrainError::Model { part, source })?;
        Ok(found)
    }

    pub(super) fn quantile(&mut self, scales: &Scales) -> Result<QuantileParameters, TrainError> {
        let part = Part::Quantile;
        let failed = |source| TrainError::Model { part, source };
        let target = QuantileTarget::for_records(self.confidence_bps(), scales.records, FEATURES).map_err(failed)?;
        let form = |shard: &Shard| {
            let scaled = scales.quantile.apply(shard.tail())?;
            Ok(NewtonShard::new(shard.member().to_owned(), scaled, Loss::Pinball(target)))
        };
        let (shards, holdout) = (self.members(part, form)?, self.public(form));
        let theta = self.rounds.newton(part, &shards, holdout.as_ref(), self.settings.quantile_ridge);
        let theta = theta.map_err(|source| TrainError::Rounds { part, source })?;
        let beyond = self.shortfall(scales, &theta)?;
        QuantileParameters::new(names(), scales.quantile.clone(), theta, target, beyond).map_err(failed)
    }

    /// How many records lie beyond the quantile, and the sum of their ratios to it.
    fn shortfall(&mut self, scales: &Scales, theta: &[f64]) -> Result<[f64; 2], TrainError> {
        let part = Part::Quantile;
        if self.rounds.noisy() {
            let sum = self.sum_bounded(part, |shard| bounded::shortfall_rows(shard, &scales.quantile, theta))?;
            return Ok(bounded::shortfall_sums(&sum));
        }
        let beyond = self.sum(part, |shard| {
            let scaled = scales.quantile.apply(shard.tail())?;
            Ok((scaled.len() as u64, quantile::shortfall_sums(&scaled, theta)?.to_vec()))
        })?;
        <[f64; 2]>::try_from(beyond.as_slice()).map_err(|_| {
            let source = ModelError::Length { what: "shortfall sums", expected: 2, found: beyond.len() };
            TrainError::Model { part, source }
        })
    }

    pub(super) fn tail(&mut self, volatility: &VolatilityParameters) -> Result<TailParameters, TrainError> {
        let part = Part::Tail;
        let confidence_bps = self.confidence_bps();
        if self.rounds.noisy() {
            let counts = self.sum_bounded(part, |shard| Ok(bounded::tail_rows(shard, volatility)))?;
            let found = bounded::tail_sums(&counts).and_then(|sums| TailParameters::from_sums(&sums, confidence_bps));
            return found.map_err(|source| TrainError::Model { part, source });
        }
        let sum = self.sum(part, |shard| {
            let residuals = residuals(shard, volatility);
            Ok((residuals.len() as u64, ResidualSums::of(&residuals)?.as_slice().to_vec()))
        })?;
        let sums = ResidualSums::from_vec(sum);
        let quantile = |sums: ResidualSums| TailParameters::from_sums(&sums, confidence_bps);
        sums.and_then(quantile).map_err(|source| TrainError::Model { part, source })
    }

    pub(super) fn forest(&mut self, trees_most: usize) -> Result<ForestParameters, TrainError> {
        let part = Part::Forest;
        if self.rounds.noisy() {
            return Err(TrainError::Unbounded { part });
        }
        let most = usize::from(self.settings.trees).min(trees_most).max(1);
        // At most TREES_MAX.
        let each = (most / self.shards.len()).max(1) as u16;
        let settings = ForestSettings {
            trees: each,
            depth_max: self.settings.tree_depth,
            leaf_records_min: self.settings.leaf_records_min,
            seed: self.settings.seed,
        };
        let mut grown = self.members(part, |shard| {
            shard.drawdown().expect_both_classes(self.settings.events_min)?;
            Ok(GrownTrees { member: shard.member().to_owned(), forest: forest::fit(shard.drawdown(), settings)? })
        })?;
        // More members than trees: those who come first are heard.
        grown.truncate(most);
        let joined = self.rounds.join(part, &grown, settings, self.holdout.map(Shard::drawdown));
        joined.map_err(|source| TrainError::Rounds { part, source })
    }

    pub(super) fn regimes(&mut self) -> Result<RegimeParameters, TrainError> {
        let part = Part::Regimes;
        if self.rounds.noisy() {
            return Err(TrainError::Unbounded { part });
        }
        let failed = |source| TrainError::Model { part, source };
        let sum = self.sum(part, |shard| {
            let moments = regime::moments(&points(shard))?;
            Ok((shard.days().len() as u64, moments.as_slice().to_vec()))
        })?;
        let scaling = Moments::from_vec(2, sum).and_then(|moments| regime::scaling(&moments)).map_err(failed)?;
        let mut found = RegimeParameters::start(self.settings.regimes, scaling).map_err(failed)?;
        let public = self.holdout.map(points);
        for _ in 0..LLOYD_ROUNDS_MAX {
            let form = contribution(|shard| Ok((shard.days().len() as u64, found.sums(&points(shard))?)));
            let sums = self.members(part, form)?;
            let sum = self.rounds.centres(part, &sums, &found, public.as_deref());
            let sum = sum.map_err(|source| TrainError::Rounds { part, source })?;
            let next = found.step(&sum).map_err(failed)?;
            let moved =
                |(before, after): (&Point, &Point)| (before[0] - after[0]).abs().max((before[1] - after[1]).abs());
            let furthest = found.centres.iter().zip(&next.centres).map(moved).fold(0.0, f64::max);
            found = next;
            if furthest <= CENTRES_SETTLED {
                break;
            }
        }
        Ok(found)
    }
}

/// What a member sends to be added.
fn contribution(
    form: impl Fn(&Shard) -> Result<(u64, Vec<f64>), ModelError>,
) -> impl Fn(&Shard) -> Result<Contribution, ModelError> {
    move |shard| {
        let (records, values) = form(shard)?;
        Ok(Contribution { member: shard.member().to_owned(), records, values })
    }
}

/// What a member has for the logistic regression. Of one class its records count in sums as they do in the pooled fit,
/// but there is nothing that it could fit by itself.
pub(crate) fn logistic_shard(shard: &Shard, scaling: &Scaling, fit: DrawdownFit) -> Result<NewtonShard, ModelError> {
    let scaled = scaling.apply(shard.drawdown())?;
    if fit == DrawdownFit::FedAvg {
        scaled.expect_both_classes(1)?;
    }
    Ok(NewtonShard::new(shard.member().to_owned(), scaled, Loss::Logistic))
}

/// θ of the logistic regression, either way.
pub(crate) fn logistic(
    rounds: &mut dyn Rounds,
    fit: DrawdownFit,
    shards: &[NewtonShard],
    holdout: Option<&NewtonShard>,
    ridge: f64,
) -> Result<Vec<f64>, RoundsError> {
    match fit {
        DrawdownFit::Newton => rounds.newton(Part::Drawdown, shards, holdout, ridge),
        DrawdownFit::FedAvg => rounds.average(Part::Drawdown, shards, holdout, ridge),
    }
}

fn names() -> Vec<String> {
    FEATURE_NAMES.map(str::to_owned).to_vec()
}

fn points(shard: &Shard) -> Vec<Point> {
    shard.drawdown().rows().map(regime_point).collect()
}

/// Days, and days times κ, of one member's assets over the days of its records.
fn kappa(shard: &Shard) -> Result<(u64, Vec<f64>), ModelError> {
    let window = shard.window();
    let days = (window.last - window.first + 1) as usize;
    let series = shard.assets().iter().filter_map(|asset| asset.returns_to(window.last, days));
    let moving: Vec<&[f64]> = series.filter(|returns| returns.iter().any(|one| *one != 0.0)).collect();
    let by_day: Vec<f64> = (0..days).flat_map(|day| moving.iter().map(move |returns| returns[day])).collect();
    if days < DAYS_MIN {
        return Err(ExamplesError::TooFewRecords { found: days, least: DAYS_MIN }.into());
    }
    let shrinkage = Shrinkage::from_sums(&CovarianceSums::of(moving.len(), &by_day)?)?;
    Ok((days as u64, vec![days as f64, days as f64 * shrinkage.kappa]))
}

/// Log returns of the days after over what was forecast for them. A day without a forecast, or with none but zero, has
/// no residual.
pub(crate) fn residuals(shard: &Shard, volatility: &VolatilityParameters) -> Vec<f64> {
    let days = shard.days().iter().zip(shard.tail().targets());
    days.filter_map(|(day, outcome)| residual_of(shard, day, *outcome, volatility)).collect()
}

/// The same of one day.
pub(super) fn residual_of(
    shard: &Shard,
    day: &TreasuryDay,
    outcome: f64,
    volatility: &VolatilityParameters,
) -> Option<f64> {
    let views = shard.views(day, RETURNS_MOST);
    let daily = volatility.forecast(&views).treasury_daily(day.weights.iter().copied())?;
    (daily > 0.0).then(|| outcome / daily)
}
