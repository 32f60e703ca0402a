//! Forecasts that need no training, which a model must beat to be worth its trouble.

use crate::data::{Shard, TreasuryDay, TreasuryView};

/// Weight of a day against the day after it, of RiskMetrics (1996).
const LAMBDA: f64 = 0.94;
/// Days of a treasury's past at its present weights.
const DAYS: usize = 60;
/// Halvings that find a quantile of the normal law: more than a float has bits.
const HALVINGS: usize = 80;

/// Exponentially weighted mean of squared daily log returns, oldest first; `None` when they never moved.
pub(super) fn variance(returns: &[f64]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for one in returns {
        sum = LAMBDA * sum + one * one;
        weights = LAMBDA * weights + 1.0;
    }
    (sum > 0.0).then(|| sum / weights)
}

/// Quantile of the next day's log return if it were normal with the exponentially weighted variance of the past at
/// present weights. `None` when that never moved.
pub(super) fn quantile(shard: &Shard, day: &TreasuryDay) -> Option<f64> {
    let views = shard.views(day, DAYS);
    let simple = TreasuryView { assets: &views, burn_month: day.burn_month }.returns_at_weights(DAYS)?;
    let logs: Vec<f64> = simple.iter().map(|one| libm::log1p(*one)).collect();
    Some(normal_quantile(shard.target().tail()) * libm::sqrt(variance(&logs)?))
}

/// x with Φ(x) = `share`, by halving; Φ(x) is erfc(−x / √2) / 2.
fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// How often drawdowns came in training.
pub(super) struct BaseRates {
    members: Vec<(String, f64)>,
    all: f64,
}

impl BaseRates {
    /// Of these training records. One event and one record without are added (Laplace), for nothing is certain.
    pub(super) fn of(past: &[Shard]) -> Self {
        let rate = |events: usize, records: usize| (events as f64 + 1.0) / (records as f64 + 2.0);
        let counts = past.iter().map(|shard| (shard.member().to_owned(), shard.counts()));
        let members = counts.map(|(member, counts)| (member, rate(counts.events, counts.records))).collect();
        let (events, records) = past
            .iter()
            .map(Shard::counts)
            .fold((0, 0), |(events, records), counts| (events + counts.events, records + counts.records));
        Self { members, all: rate(events, records) }
    }

    /// Of this member; of all where it has no training records.
    pub(super) fn of_member(&self, member: &str) -> f64 {
        self.members.iter().find(|(name, _)| name == member).map_or(self.all, |(_, rate)| *rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_law_are_known() {
        // Abramowitz and Stegun, table 26.5.
        assert!((normal_quantile(0.05) + 1.644_853_627).abs() < 1e-9);
        assert!((normal_quantile(0.01) + 2.326_347_874).abs() < 1e-9);
        assert!(normal_quantile(0.5).abs() < 1e-12);
    }

    #[test]
    fn newer_days_weigh_more() {
        assert_eq!(variance(&[0.0; 9]), None);
        assert_eq!(variance(&[0.1]), Some(0.1 * 0.1));
        assert!(variance(&[0.0, 0.1]) > variance(&[0.1, 0.0]));
    }
}
