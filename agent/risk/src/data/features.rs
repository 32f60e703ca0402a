//! What a model sees of a treasury on one day.

/// Daily log returns that features look back on. Any shorter history gives no features.
pub const LOOKBACK_DAYS: usize = 60;
/// Runway is counted up to this many months: beyond three years it changes nothing.
pub const RUNWAY_MONTHS_MAX: f64 = 36.0;
/// Number of features.
pub const FEATURES: usize = 11;
/// Their names, in order.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "return_day",
    "return_week",
    "return_month",
    "volatility_day",
    "volatility_week",
    "volatility_month",
    "drawdown",
    "correlation",
    "concentration",
    "burn_month",
    "runway_months",
];

const WEEK: usize = 7;
const MONTH: usize = 30;
/// A share of less than a basis point is not held: shares of a snapshot are whole basis points.
const HELD_MIN: f64 = 1e-4;

/// One asset of a treasury, as it was on one day.
#[derive(Debug, Clone, Copy)]
pub struct AssetView<'a> {
    /// Its share of NAV, from zero to one.
    pub weight: f64,
    /// Whether it is meant to keep the value of the quote currency.
    pub stable: bool,
    /// Daily log returns up to that day, oldest first.
    pub returns: &'a [f64],
}

/// A treasury on one day.
#[derive(Debug, Clone, Copy)]
pub struct TreasuryView<'a> {
    /// What it holds. Weights are scaled to sum to one.
    pub assets: &'a [AssetView<'a>],
    /// Paid in thirty days, as a share of NAV.
    pub burn_month: f64,
}

impl TreasuryView<'_> {
    /// Assets that are held, with weights that sum to one. `None` when weights are no shares, nothing is held, or an
    /// asset that is held has fewer than `least` returns.
    fn held(&self, least: usize) -> Option<Vec<AssetView<'_>>> {
        let total: f64 = self.assets.iter().map(|asset| asset.weight).sum();
        let usable = |asset: &AssetView<'_>| asset.weight >= 0.0;
        if !(total.is_finite() && total > 0.0 && self.assets.iter().all(usable)) {
            return None;
        }
        let scaled = self.assets.iter().map(|asset| AssetView { weight: asset.weight / total, ..*asset });
        let held: Vec<_> = scaled.filter(|asset| asset.weight >= HELD_MIN).collect();
        let long = held.iter().all(|asset| asset.returns.len() >= least);
        (long && !held.is_empty()).then_some(held)
    }

    /// Simple returns of the last `days` days that the treasury would have had at today's weights, oldest first. `None`
    /// as of [`features`].
    pub(crate) fn returns_at_weights(&self, days: usize) -> Option<Vec<f64>> {
        Some(at_weights(&self.held(days)?, days))
    }
}

fn at_weights(held: &[AssetView<'_>], days: usize) -> Vec<f64> {
    let mut sums = vec![0.0; days];
    for asset in held {
        let newest = &asset.returns[asset.returns.len() - days..];
        for (sum, one) in sums.iter_mut().zip(newest) {
            *sum += asset.weight * libm::expm1(*one);
        }
    }
    sums
}

/// The features of a treasury, in the order of [`FEATURE_NAMES`]: log returns of the last day, week and month at
/// today's weights; yearly volatilities over the same; fall from the highest value in [`LOOKBACK_DAYS`]; mean pairwise
/// correlation of assets that are not stable, weighted by the product of their weights (1 where there is no pair);
/// Herfindahl index of weights; burn of thirty days as a share of NAV; months that stable assets pay for it.
///
/// `None` when weights are no shares, nothing is held, an asset that is held has a history shorter than
/// [`LOOKBACK_DAYS`], or a number is not finite: unknown is no feature.
pub fn features(view: &TreasuryView<'_>) -> Option<[f64; FEATURES]> {
    let held = view.held(LOOKBACK_DAYS)?;
    let simple = at_weights(&held, LOOKBACK_DAYS);
    let logs: Vec<f64> = simple.iter().map(|one| libm::log1p(*one)).collect();
    let sum = |days: usize| logs[LOOKBACK_DAYS - days..].iter().sum::<f64>();
    let volatility = |days: usize| {
        let squares: f64 = logs[LOOKBACK_DAYS - days..].iter().map(|one| one * one).sum();
        libm::sqrt(squares / days as f64 * crate::PERIODS_PER_YEAR)
    };
    let stable: f64 = held.iter().filter(|asset| asset.stable).map(|asset| asset.weight).sum();
    let runway =
        if view.burn_month > 0.0 { (stable / view.burn_month).min(RUNWAY_MONTHS_MAX) } else { RUNWAY_MONTHS_MAX };
    let found = [
        sum(1),
        sum(WEEK),
        sum(MONTH),
        volatility(1),
        volatility(WEEK),
        volatility(MONTH),
        fall_from_peak(&logs),
        mean_correlation(&held),
        held.iter().map(|asset| asset.weight * asset.weight).sum(),
        view.burn_month,
        runway,
    ];
    found.iter().all(|one| one.is_finite()).then_some(found)
}

/// Share of the highest value of the window, its beginning included, that is lost at its end.
fn fall_from_peak(logs: &[f64]) -> f64 {
    let (mut level, mut peak) = (0.0f64, 0.0f64);
    for one in logs {
        level += one;
        peak = peak.max(level);
    }
    -libm::expm1(level - peak)
}

/// With u = r / |r|, the sum over pairs of wᵢwⱼρᵢⱼ is half of |Σ wᵢuᵢ|² − Σ wᵢ²|uᵢ|²: one pass over assets instead of one
/// over pairs. Means are taken as zero, as everywhere for daily returns.
fn mean_correlation(held: &[AssetView<'_>]) -> f64 {
    let mut along = [0.0; LOOKBACK_DAYS];
    let (mut own, mut weights, mut squares, mut count) = (0.0, 0.0, 0.0, 0);
    for asset in held.iter().filter(|asset| !asset.stable) {
        let newest = &asset.returns[asset.returns.len() - LOOKBACK_DAYS..];
        let norm = libm::sqrt(newest.iter().map(|one| one * one).sum());
        if norm > 0.0 {
            for (sum, one) in along.iter_mut().zip(newest) {
                *sum += asset.weight * one / norm;
            }
            own += asset.weight * asset.weight;
        }
        weights += asset.weight;
        squares += asset.weight * asset.weight;
        count += 1;
    }
    if count < 2 {
        return 1.0;
    }
    let together: f64 = along.iter().map(|one| one * one).sum();
    ((together - own) / (weights * weights - squares)).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests;
