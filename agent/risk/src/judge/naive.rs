//! Forecasts that need no training, which a model must beat to be worth its trouble.

use super::shortfall::{Tail, normal_density};
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

/// The next day's log return in the tail if it were normal with the exponentially weighted variance of the past at
/// present weights. `None` when that never moved.
pub(super) fn tail(shard: &Shard, day: &TreasuryDay) -> Option<Tail> {
    let views = shard.views(day, DAYS);
    let simple = TreasuryView { assets: &views, burn_month: day.burn_month }.returns_at_weights(DAYS)?;
    let logs: Vec<f64> = simple.iter().map(|one| libm::log1p(*one)).collect();
    let deviation = libm::sqrt(variance(&logs)?);
    let share = shard.target().tail();
    let quantile = normal_quantile(share);
    // The mean of a normal variable below its quantile z is −φ(z) over the probability of that.
    Some(Tail { quantile: quantile * deviation, shortfall: -normal_density(quantile) / share * deviation })
}

/// x with Φ(x) = `share`, by halving; Φ(x) is erfc(−x / √2) / 2.
pub(super) fn normal_quantile(share: f64) -> f64 {
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
