//! Volatility of assets and of a treasury, from their histories and two trained parts. Training and inference both come
//! through here.

use crate::{
    data::AssetView,
    models::{
        covariance::{DAYS_MIN, Shrinkage},
        har::HarParameters,
    },
};
use serde::{Deserialize, Serialize};

/// Newest days, common to all assets, from which correlations are formed; at least [`DAYS_MIN`].
pub const CORRELATION_DAYS: usize = 120;

/// What is trained of volatility.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityParameters {
    /// Variance of an asset from its own history.
    pub har: HarParameters,
    /// How far correlations are drawn to their mean.
    pub shrinkage: Shrinkage,
}

/// Volatilities and correlations for the days to come.
#[derive(Debug, Clone, PartialEq)]
pub struct VolatilityForecast {
    /// Standard deviation of a day's log return of each asset; `None` where the history is too short.
    pub daily: Vec<Option<f64>>,
    /// Correlations, row by row. An asset without a forecast, or whose price never moved, has zero with the others.
    pub correlation: Vec<f64>,
}

impl VolatilityParameters {
    /// The forecast for these assets, whatever they weigh. Histories are of daily log returns, all up to the same day,
    /// oldest first.
    pub fn forecast(&self, assets: &[AssetView<'_>]) -> VolatilityForecast {
        let daily: Vec<Option<f64>> =
            assets.iter().map(|asset| self.har.daily_variance(asset.returns).map(libm::sqrt)).collect();
        let known: Vec<bool> = daily.iter().map(Option::is_some).collect();
        let lengths = assets.iter().zip(&known).filter(|(_, known)| **known).map(|(asset, _)| asset.returns.len());
        let days = lengths.min().unwrap_or(0).min(CORRELATION_DAYS);
        let mut correlation = correlations(assets, &known, days);
        let shrunk = if days >= DAYS_MIN { self.shrinkage.apply(&mut correlation, &known, days).ok() } else { None };
        if shrunk.is_none() {
            correlation.fill(0.0);
            correlation.iter_mut().step_by(assets.len() + 1).for_each(|own| *own = 1.0);
        }
        VolatilityForecast { daily, correlation }
    }
}

impl VolatilityForecast {
    /// Standard deviation of a day's return of a treasury with these weights, which are scaled to sum to one. `None` when
    /// it holds nothing, an asset that it holds has no forecast, or a weight is no share.
    pub fn treasury_daily(&self, weights: impl Iterator<Item = f64> + Clone) -> Option<f64> {
        let total: f64 = weights.clone().sum();
        if !(total.is_finite() && total > 0.0) {
            return None;
        }
        let mut scaled = Vec::with_capacity(self.daily.len());
        for (weight, daily) in weights.zip(&self.daily) {
            scaled.push(match weight {
                0.0 => 0.0,
                held if held > 0.0 => held / total * (*daily)?,
                _ => return None,
            });
        }
        if scaled.is_empty() || scaled.len() != self.daily.len() {
            return None;
        }
        let mut variance = 0.0;
        for (x, row) in scaled.iter().zip(self.correlation.chunks_exact(scaled.len())) {
            for (y, correlation) in scaled.iter().zip(row) {
                variance += x * y * correlation;
            }
        }
        // Opposite movements may leave a rounding error below zero.
        Some(libm::sqrt(variance.max(0.0)))
    }
}

/// Sample correlations around zero over the newest `days`, row by row; zero where an asset is not `known` or never
/// moved, one on the diagonal.
fn correlations(assets: &[AssetView<'_>], known: &[bool], days: usize) -> Vec<f64> {
    // One row an asset, of length one, so that a correlation is a product of rows.
    let mut rows = Vec::with_capacity(assets.len() * days);
    for (asset, known) in assets.iter().zip(known) {
        let newest = if *known { &asset.returns[asset.returns.len() - days..] } else { &[] };
        let norm = libm::sqrt(newest.iter().map(|one| one * one).sum());
        let start = rows.len();
        rows.extend(newest.iter().map(|one| if norm > 0.0 { one / norm } else { 0.0 }));
        rows.resize(start + days, 0.0);
    }
    let order = assets.len();
    let mut matrix = vec![0.0; order * order];
    for i in 0..order {
        matrix[i * order + i] = 1.0;
        for j in 0..i {
            let product = dot(&rows[i * days..][..days], &rows[j * days..][..days]);
            matrix[i * order + j] = product;
            matrix[j * order + i] = product;
        }
    }
    matrix
}

/// Σ xᵢyᵢ in four sums, every fourth product to each, which are added at the end. The order is fixed like that of one
/// sum, but four do not wait for each other.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (x, y) = (x.chunks_exact(4), y.chunks_exact(4));
    let rest: f64 = x.remainder().iter().zip(y.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x.zip(y) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::har::{HarForm, HarTarget};
    use proptest::prelude::*;

    /// Tomorrow's variance is that of the month.
    fn parameters(kappa: f64) -> VolatilityParameters {
        let target = HarTarget { form: HarForm::Level, horizon_days: 7 };
        let har = HarParameters { target, intercept: 0.0, weights: [0.0, 0.0, 1.0], residual_variance: 0.0 };
        VolatilityParameters { har, shrinkage: Shrinkage { kappa } }
    }

    fn view(returns: &[f64]) -> AssetView<'_> {
        AssetView { weight: 0.0, stable: false, returns }
    }

    fn alternating(days: usize, size: f64) -> Vec<f64> {
        (0..days).map(|day| if day % 2 == 0 { size } else { -size }).collect()
    }

    #[test]
    fn two_that_move_as_one_add_up() {
        let (one, two) = (alternating(60, 0.02), alternating(90, 0.04));
        let found = parameters(0.0).forecast(&[view(&one), view(&two)]);
        assert!((found.daily[0].unwrap() - 0.02).abs() < 1e-12);
        // The mean of one correlation is that correlation, but at most 0.99 of it counts, with the least intensity.
        assert!((found.correlation[1] - (0.01 * 0.99 + 0.99)).abs() < 1e-12);
        let both = found.treasury_daily([1.0, 3.0].into_iter()).unwrap();
        assert!((both - 0.035).abs() < 1e-4, "{both}");
        assert_eq!(found.treasury_daily([1.0, 0.0].into_iter()), found.daily[0]);
    }

    #[test]
    fn an_asset_without_history_stays_unknown() {
        let (long, short) = (alternating(60, 0.02), alternating(29, 0.04));
        let found = parameters(1.0).forecast(&[view(&long), view(&short), view(&long)]);
        assert_eq!(found.daily[1], None);
        assert_eq!((found.correlation[1], found.correlation[4], found.correlation[3]), (0.0, 1.0, 0.0));
        assert!(found.correlation[2] > 0.9);
        assert_eq!(found.treasury_daily([1.0, 1.0, 1.0].into_iter()), None);
        assert!(found.treasury_daily([1.0, 0.0, 1.0].into_iter()).is_some());
        assert_eq!(found.treasury_daily([0.0, 0.0, 0.0].into_iter()), None);
        assert_eq!(found.treasury_daily([2.0, 0.0, -1.0].into_iter()), None);
        assert_eq!(found.treasury_daily([f64::NAN, 0.0, 1.0].into_iter()), None);
        let nothing = parameters(1.0).forecast(&[]);
        assert_eq!((nothing.daily.len(), nothing.correlation.len()), (0, 0));
    }

    proptest! {
        #[test]
        fn correlations_are_positive_definite_and_symmetric(
            series in proptest::collection::vec(proptest::collection::vec(-0.5f64..0.5, 30..150), 4),
            along in proptest::collection::vec(-1.0f64..1.0, 4),
            kappa in 0.0f64..100.0,
        ) {
            let views: Vec<_> = series.iter().map(|returns| view(returns)).collect();
            let found = parameters(kappa).forecast(&views).correlation;
            let (mut form, mut size) = (0.0, 0.0);
            for i in 0..4 {
                size += along[i] * along[i];
                for j in 0..4 {
                    prop_assert_eq!(found[i * 4 + j].to_bits(), found[j * 4 + i].to_bits());
                    form += along[i] * along[j] * found[i * 4 + j];
                }
            }
            prop_assert!(form >= 1e-5 * size, "{} of {}", form, size);
        }

        #[test]
        fn four_sums_are_one(pairs in proptest::collection::vec((-1.0f64..1.0, -1.0f64..1.0), 0..50)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let plain: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            prop_assert!((dot(&x, &y) - plain).abs() < 1e-12);
        }
    }
}
