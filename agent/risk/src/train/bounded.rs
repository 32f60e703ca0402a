//! Sums that noise can hide records in: what each day of a member adds is a row of bounded length.
//!
//! **Unit.** A record is one day of a member. All that a part makes of that day (the variances of all assets held, say) is
//! one row, shortened jointly to the part's bound, so that a part is one release of that sensitivity. Which days a member
//! has is public; a day that says nothing of a part has a row of zeros, so that nobody is seen to be left out.
//!
//! **Scale.** Logarithms of variances lie around −7, and their products with each other around 50; noise that hides such
//! products hides everything. Numbers are therefore first brought to about mean zero and variance one: variances by the
//! moments of public prices, features by what is typical ([`TYPICAL`]), which cost nothing. The first number of a row is
//! its count, which is shortened with the rest, so that sums of shortened rows are those of a regression that weighs far
//! records less.
//!
//! **What is left out.** How far correlations are drawn to their mean is taken from public prices alone, and costs nothing.
//! Regimes and forests have no such sums and are not trained.

use super::{BoundedShard, TrainError, parts::residual_of};
use crate::{
    Examples,
    data::{Closes, FEATURES, HELD_MIN, Shard, VOLATILITY},
    forecast::VolatilityParameters,
    linalg::{Symmetric, packed_len},
    models::{
        ModelError, Moments, Scaling,
        har::{self, HarParameters},
        quantile::{self, QuantileScaling},
        tail::{BIN_WIDTH, BINS, ResidualSums, SUMS_LEN},
    },
    train::Part,
};

/// Longest row of the variance regression.
pub const VOLATILITY_BOUND: f64 = 6.0;
/// Longest row of the scaling.
pub const SCALING_BOUND: f64 = 8.0;
/// Longest row of the tail: it is a single count.
pub const TAIL_BOUND: f64 = 1.0;
/// Longest row of the expected shortfall beside the quantile regression.
pub const SHORTFALL_BOUND: f64 = 1.5;

/// Numbers of a record of the variance regression: three regressors and the target.
const VARIANCES: usize = 4;
/// Least variance that a direction of the noisy moments must have, as a share of the public one's.
const VARIANCE_SHARE_MIN: f64 = 0.02;
/// Squared error on public records, as a share of that of their mean, from which on a regression says nothing. The fit
/// without noise has about two thirds.
const ERROR_SHARE_MAX: f64 = 0.9;
/// How many times the residual variance may differ from the squared error on public records.
const RESIDUAL_RATIO_MAX: f64 = 2.0;
/// For how many days the moments of public prices count beside those of members: what noise makes of a few hundred days
/// would otherwise lead; of many thousand they are a small part.
const PUBLIC_DAYS: f64 = 500.0;
/// What features of a treasury of volatile assets are about, in the order of [`crate::data::FEATURE_NAMES`]: a middle and a spread.
/// They bound what a record adds and say nothing of any member; what is far from them is found with more noise.
pub const TYPICAL: [(f64, f64); FEATURES] = [
    (0.0, 0.04),
    (0.0, 0.1),
    (0.03, 0.25),
    (0.5, 0.5),
    (0.7, 0.35),
    (0.7, 0.3),
    (0.15, 0.15),
    (0.8, 0.2),
    (0.55, 0.15),
    (0.02, 0.02),
    (12.0, 10.0),
];
/// Spread of a day's log return.
const TYPICAL_RETURN: f64 = 0.04;
/// A feature counts at most so many spreads from its middle.
const REACH: f64 = 3.0;
/// Least deviation of a feature, as a share of its spread; below it noise would be all there is.
const DEVIATION_SHARE_MIN: f64 = 0.3;
/// Edges of losses between which residuals are counted, standard deviations, the worst first. Few, since each has noise
/// of its own.
const EDGES: [f64; 12] = [4.0, 3.0, 2.5, 2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25, 0.0];
/// What a residual beyond the first edge counts as.
const BEYOND: f64 = 5.0;
/// Ratio of expected shortfall to value at risk around which members' own are summed, and their largest distance from it.
const RATIO_CENTRE: f64 = 1.5;
const RATIO_REACH: f64 = 1.0;

/// Rows of one member, one a day.
fn shard_of(shard: &Shard, bound: f64, width: usize, rows: Vec<f64>) -> BoundedShard {
    BoundedShard::new(shard.member().to_owned(), bound, width, rows)
}

/// Records of the variance regression over all prices of an asset, which are public.
fn examples_of(asset: &Closes) -> Option<Examples> {
    // The first return ends on the second day.
    let (start, returns) = (asset.days().start + 1, asset.returns_before(u32::MAX, usize::MAX));
    har::examples(start, returns, VOLATILITY).ok()
}

/// Adds (1, z)(1, z)ᵀ to a packed upper triangle.
fn add_products(row: &mut [f64], z: &[f64]) {
    let at = |place: usize| place.checked_sub(1).map_or(1.0, |place| z[place]);
    let pairs = (0..=z.len()).flat_map(|left| (left..=z.len()).map(move |right| (left, right)));
    for (sum, (left, right)) in row.iter_mut().zip(pairs) {
        *sum += at(left) * at(right);
    }
}

/// Scale of the variance regression, from public records.
#[derive(Debug, Clone, PartialEq)]
pub struct VarianceScale {
    scaling: Scaling,
    public: Moments,
    /// Mean products of the scaled public records, laid out like a row.
    products: Vec<f64>,
}

impl VarianceScale {
    /// From the prices of what the public treasury holds, up to its last record.
    ///
    /// # Errors
    /// If none of it has a history, or prices never vary.
    pub fn of(public: &Shard) -> Result<Self, TrainError> {
        let part = Part::Volatility;
        let last = public.window().last;
        let mut moments: Option<Moments> = None;
        for asset in public.assets().iter().filter(|asset| !asset.is_stable()) {
            let Some(known) = examples_of(asset).and_then(|all| all.within(0..last + 1).ok()) else { continue };
            let more = Moments::of_regression(&known);
            match &mut moments {
                None => moments = Some(more),
                Some(sum) => sum.add(&more).map_err(|source| TrainError::Model { part, source })?,
            }
        }
        let public = moments.ok_or(TrainError::NoPublic { part })?;
        let names: Vec<String> = har::names().into_iter().chain(["target".to_owned()]).collect();
        let scaling = Scaling::from_moments(&public, &names).map_err(|source| TrainError::Model { part, source })?;
        let mut products = Vec::with_capacity(packed_len(VARIANCES + 1));
        for left in 0..=VARIANCES {
            for right in left..=VARIANCES {
                let spread = |place: usize| scaling.deviations[place - 1];
                products.push(match (left, right) {
                    (0, 0) => 1.0,
                    (0, _) => 0.0,
                    _ => public.covariance(left - 1, right - 1) / (spread(left) * spread(right)),
                });
            }
        }
        Ok(Self { scaling, public, products })
    }

    /// For each day the mean over its assets of their records' products: a day weighs the same whatever it held. What was
    /// held on another day says nothing here, or one day could change the rows of all.
    pub fn rows(&self, shard: &Shard) -> BoundedShard {
        let width = packed_len(VARIANCES + 1);
        let mut rows = vec![0.0; width * shard.days().len()];
        for (position, asset) in shard.assets().iter().enumerate().filter(|(_, asset)| !asset.is_stable()) {
            let Some(examples) = examples_of(asset) else { continue };
            for (row, day) in rows.chunks_exact_mut(width).zip(shard.days()) {
                let held = day.weights.get(position).is_some_and(|weight| *weight >= HELD_MIN);
                let Some(place) = held.then(|| examples.days().binary_search(&day.day).ok()).flatten() else {
                    continue;
                };
                let target = examples.targets().get(place).copied();
                let record: Vec<f64> = examples.row(place).iter().copied().chain(target).collect();
                add_products(row, &self.scaling.row(&record).collect::<Vec<_>>());
            }
        }
        for row in rows.chunks_exact_mut(width) {
            let assets = row[0].max(1.0);
            row.iter_mut().for_each(|number| *number /= assets);
        }
        shard_of(shard, VOLATILITY_BOUND, width, rows)
    }

    /// The regression of noisy sums.
    ///
    /// # Errors
    /// If noise has left no positive definite moments, or what it left forecasts public records worse than their mean.
    pub fn fit(&self, sums: Vec<f64>, ridge: f64) -> Result<HarParameters, TrainError> {
        let part = Part::Volatility;
        let failed = |source| TrainError::Model { part, source };
        let drowned = |why: String| TrainError::Drowned { part, why };
        let expected = packed_len(VARIANCES + 1);
        if sums.len() != expected {
            return Err(failed(ModelError::Length { what: "noisy moments", expected, found: sums.len() }));
        }
        let joined = sums.iter().zip(&self.products).map(|(sum, product)| sum + PUBLIC_DAYS * product).collect();
        let scaled = Moments::from_vec(VARIANCES, joined).map_err(|error| drowned(error.to_string()))?;
        let mut spread = Symmetric::zeros(VARIANCES);
        for row in 0..VARIANCES {
            for column in row..VARIANCES {
                spread.set(row, column, scaled.covariance(row, column));
            }
        }
        spread.add_diagonal(VARIANCES, -VARIANCE_SHARE_MIN);
        spread.cholesky().map_err(|error| drowned(error.to_string()))?;
        let found = HarParameters::from_moments(&self.unscaled(&scaled).map_err(failed)?, VOLATILITY, ridge);
        let found = found.map_err(failed)?;
        let (error, spread) =
            (found.mean_square_error(&self.public), self.public.covariance(VARIANCES - 1, VARIANCES - 1));
        if error.is_nan() || error >= ERROR_SHARE_MAX * spread {
            let share = error / spread;
            return Err(drowned(format!("on public records its squared error is {share:.2} of that of their mean")));
        }
        // Half of it is added to every forecast of a logarithm.
        let residual = found.residual_variance;
        if !(error / RESIDUAL_RATIO_MAX..=error * RESIDUAL_RATIO_MAX).contains(&residual) {
            let why = format!("its residual variance is {residual:.2} where that of public records is {error:.2}");
            return Err(drowned(why));
        }
        Ok(found)
    }

    /// Moments of z as moments of mean + deviation · z.
    fn unscaled(&self, scaled: &Moments) -> Result<Moments, ModelError> {
        let products = |left: usize, right: usize| scaled.product(left, right);
        // The number at `place` as a sum of the count and of one scaled number.
        let parts = |place: usize| match place.checked_sub(1) {
            None => [(0, 1.0), (0, 0.0)],
            Some(own) => [(0, self.scaling.means[own]), (place, self.scaling.deviations[own])],
        };
        let mut packed = Vec::with_capacity(packed_len(VARIANCES + 1));
        for left in 0..=VARIANCES {
            for right in left..=VARIANCES {
                let mut sum = 0.0;
                for (one, weight) in parts(left) {
                    for (other, second) in parts(right) {
                        sum += weight * second * products(one, other);
                    }
                }
                packed.push(sum);
            }
        }
        Moments::from_vec(VARIANCES, packed)
    }
}

/// What [`scales`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyScales {
    /// Of features and of the next day's return.
    pub scaling: QuantileScaling,
    /// Records, with noise.
    pub records: f64,
    /// Events among them, with noise.
    pub events: f64,
}

/// For each day its count, whether it is an event, and each typically scaled number with its square.
pub fn scaling_rows(shard: &Shard) -> BoundedShard {
    let width = 2 + 2 * (FEATURES + 1);
    let mut rows = Vec::with_capacity(width * shard.days().len());
    for ((features, outcome), event) in shard.tail().records().zip(shard.drawdown().targets()) {
        rows.extend([1.0, *event]);
        let own = features.iter().zip(TYPICAL).map(|(number, (middle, spread))| (number - middle) / spread);
        let own = own.chain([outcome / TYPICAL_RETURN]).map(|z| z.clamp(-REACH, REACH));
        rows.extend(own.flat_map(|z| [z, z * z]));
    }
    shard_of(shard, SCALING_BOUND, width, rows)
}

/// Scales of noisy sums of [`scaling_rows`].
///
/// # Errors
/// If the noise leaves no records.
pub fn scales(sums: &[f64]) -> Result<NoisyScales, TrainError> {
    let part = Part::Scaling;
    let [records, events, numbers @ ..] = sums else {
        return Err(TrainError::Drowned { part, why: "nothing is left".to_owned() });
    };
    if *records < 1.0 || records.is_nan() {
        return Err(TrainError::Drowned { part, why: format!("{records:.0} records are left") });
    }
    let pairs = numbers.as_chunks::<2>().0.iter().zip(TYPICAL.into_iter().chain([(0.0, TYPICAL_RETURN)]));
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    for (pair, (middle, spread)) in pairs {
        let [mean, square] = pair.map(|sum| sum / records);
        let mean = mean.clamp(-REACH, REACH);
        let least = DEVIATION_SHARE_MIN * DEVIATION_SHARE_MIN;
        means.push(middle + spread * mean);
        deviations.push(spread * libm::sqrt((square - mean * mean).clamp(least, REACH * REACH)));
    }
    means.pop();
    let target_deviation = deviations.pop().unwrap_or(TYPICAL_RETURN);
    let scaling = QuantileScaling { features: Scaling { deviations, means }, target_deviation };
    Ok(NoisyScales { scaling, records: *records, events: *events })
}

/// For each day a single one in the place of its residual.
pub fn tail_rows(shard: &Shard, volatility: &VolatilityParameters) -> BoundedShard {
    let width = EDGES.len() + 1;
    let mut rows = vec![0.0; width * shard.days().len()];
    let days = shard.days().iter().zip(shard.tail().targets());
    for (row, (day, outcome)) in rows.chunks_exact_mut(width).zip(days) {
        if let Some(residual) = residual_of(shard, day, *outcome, volatility) {
            // Gains, and no loss, lie behind the last edge.
            let place = EDGES.iter().position(|edge| -residual > *edge).unwrap_or(EDGES.len());
            row[place] = 1.0;
        }
    }
    shard_of(shard, TAIL_BOUND, width, rows)
}

/// The histogram of noisy counts: each count spread evenly between its edges. Counts that noise made negative are zero.
///
/// # Errors
/// If there are more or fewer counts than places.
pub fn tail_sums(counts: &[f64]) -> Result<ResidualSums, ModelError> {
    if counts.len() != EDGES.len() + 1 {
        return Err(ModelError::Length { what: "noisy counts", expected: EDGES.len() + 1, found: counts.len() });
    }
    let mut values = vec![0.0; SUMS_LEN];
    // Bin b holds residuals from (b − BINS) · BIN_WIDTH on; edges are whole numbers of bins.
    let bin = |loss: f64| BINS.saturating_sub(libm::round(loss / BIN_WIDTH) as usize);
    let mut from = bin(BEYOND) - 1;
    for (place, (count, edge)) in counts.iter().map(|count| count.max(0.0)).zip(EDGES).enumerate() {
        let to = if place == 0 { from + 1 } else { bin(edge) };
        let share = count / (to - from) as f64;
        for one in from..to {
            values[1 + one] = share;
            values[1 + BINS + one] = share * ((one as f64 + 0.5) - BINS as f64) * BIN_WIDTH;
        }
        from = bin(edge);
    }
    values[0] = counts.iter().map(|count| count.max(0.0)).sum();
    ResidualSums::from_vec(values)
}

/// For each day whether its loss lies beyond the quantile, and by how much its ratio to that differs from
/// [`RATIO_CENTRE`].
///
/// # Errors
/// If θ does not fit the features.
pub fn shortfall_rows(shard: &Shard, scaling: &QuantileScaling, theta: &[f64]) -> Result<BoundedShard, ModelError> {
    let scaled = scaling.apply(shard.tail())?;
    let mut rows = Vec::with_capacity(2 * scaled.len());
    for ratio in quantile::shortfall_ratios(&scaled, theta)? {
        let centred = |ratio: f64| (ratio - RATIO_CENTRE).clamp(-RATIO_REACH, RATIO_REACH);
        rows.extend(ratio.map_or([0.0, 0.0], |ratio| [1.0, centred(ratio)]));
    }
    Ok(shard_of(shard, SHORTFALL_BOUND, 2, rows))
}

/// Count and sum of ratios, of noisy sums of [`shortfall_rows`].
pub fn shortfall_sums(sums: &[f64]) -> [f64; 2] {
    match sums {
        [count, centred, ..] => [*count, centred + RATIO_CENTRE * count],
        _ => [0.0, 0.0],
    }
}

#[cfg(test)]
mod tests;
