//! What all paths came to.

use super::{About, Figures, Outcome};
use serde::Serialize;

/// Levels of quantiles, of distributions and of bands.
pub const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Quantiles and mean of a figure over the paths that have it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// Paths that have it.
    pub known: usize,
    /// Mean.
    pub mean: f64,
    /// Fifth percentile.
    pub p05: f64,
    /// Lower quartile.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// Upper quartile.
    pub p75: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// Quantiles of sorted values at [`LEVELS`], each on the straight line between the two nearest.
fn quantiles(sorted: &[f64]) -> Option<[f64; 5]> {
    let last = sorted.len().checked_sub(1)?;
    Some(LEVELS.map(|level| {
        let place = level * last as f64;
        let low = (place as usize).min(last);
        let (below, above) = (sorted[low], sorted[(low + 1).min(last)]);
        below + (place - low as f64) * (above - below)
    }))
}

impl Distribution {
    /// Of these; `None` where there is none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        let mean = values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64;
        values.sort_unstable_by(f64::total_cmp);
        let [p05, p25, p50, p75, p95] = quantiles(&values)?;
        Some(Self { known: values.len(), mean, p05, p25, p50, p75, p95 })
    }

    /// Its quantiles, at [`LEVELS`].
    pub fn quantiles(&self) -> [f64; 5] {
        [self.p05, self.p25, self.p50, self.p75, self.p95]
    }
}

/// Distributions of the figures of one way to keep the treasury.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Side {
    /// Value at the end, dollars.
    pub final_value: Option<Distribution>,
    /// Growth a year.
    pub cagr: Option<Distribution>,
    /// Deepest fall.
    pub max_drawdown: Option<Distribution>,
    /// Sharpe ratio.
    pub sharpe: Option<Distribution>,
    /// Share of paths that lost, what flowed aside.
    pub loss_probability: f64,
    /// Share of paths that fell deeper than was asked.
    pub drawdown_probability: f64,
}

impl Side {
    fn of(outcomes: &[Outcome], pick: fn(&Outcome) -> &Figures, drawdown: f64) -> Self {
        let of = |value: fn(&Figures) -> Option<f64>| Distribution::of(outcomes.iter().map(pick).filter_map(value));
        Self {
            final_value: of(|it| Some(it.final_value)),
            cagr: of(|it| it.cagr),
            max_drawdown: of(|it| Some(it.max_drawdown)),
            sharpe: of(|it| it.sharpe),
            loss_probability: share(outcomes, |it| pick(it).total_return < 0.0),
            drawdown_probability: share(outcomes, |it| pick(it).max_drawdown < -drawdown),
        }
    }
}

fn share(outcomes: &[Outcome], is: impl Fn(&Outcome) -> bool) -> f64 {
    outcomes.iter().filter(|outcome| is(outcome)).count() as f64 / outcomes.len().max(1) as f64
}

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Odds {
    /// Share of paths whose runway fell below what was asked; `None` where the policy names no burn.
    pub runway_probability: Option<f64>,
    /// Share of paths in which anything was refused.
    pub refused_share: f64,
}

/// Quantiles over time, at [`LEVELS`], of the first paths.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Fan {
    /// Paths that it is of.
    pub paths: usize,
    /// When, Unix seconds.
    pub times: Vec<u64>,
    /// Of value, dollars.
    pub value: Vec<[f64; 5]>,
    /// Of the fall from the highest value.
    pub drawdown: Vec<[f64; 5]>,
}

/// What all paths came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Paths.
    pub paths: usize,
    /// Under the policy.
    pub policy: Side,
    /// Of a treasury that keeps what it holds at first.
    pub hold: Side,
    /// Least months that stable assets lasted.
    pub runway_months_min: Option<Distribution>,
    /// How often something happened.
    #[serde(flatten)]
    pub odds: Odds,
    /// Proposals of a path, in the mean.
    pub proposals_mean: f64,
    /// Of these executed.
    pub executed_mean: f64,
    /// Over time.
    pub fan: Fan,
}

impl Results {
    /// Of outcomes in the order of their numbers.
    pub fn of(about: &About, outcomes: &[Outcome]) -> Self {
        let count = outcomes.len().max(1) as f64;
        let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>() as f64;
        let known: Vec<f64> = outcomes.iter().filter_map(|it| it.runway_months_min).collect();
        let below = known.iter().filter(|months| **months < about.runway_months).count();
        Self {
            paths: outcomes.len(),
            policy: Side::of(outcomes, |it| &it.policy, about.drawdown),
            hold: Side::of(outcomes, |it| &it.hold, about.drawdown),
            odds: Odds {
                runway_probability: (!known.is_empty()).then(|| below as f64 / count),
                refused_share: share(outcomes, |it| it.refusals > 0),
            },
            runway_months_min: Distribution::of(known.into_iter()),
            proposals_mean: sum(|it| it.proposals) / count,
            executed_mean: sum(|it| it.executed) / count,
            fan: Fan::of(&about.times, outcomes),
        }
    }
}

impl Fan {
    fn of(times: &[u64], outcomes: &[Outcome]) -> Self {
        let with: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.fan.len() == 2 * times.len()).collect();
        let mut room = Vec::with_capacity(with.len());
        let mut at = |place: usize| {
            room.clear();
            room.extend(with.iter().map(|outcome| f64::from(outcome.fan[place])));
            room.sort_unstable_by(f64::total_cmp);
            quantiles(&room)
        };
        let value: Vec<[f64; 5]> = (0..times.len()).map_while(&mut at).collect();
        let drawdown: Vec<[f64; 5]> = (times.len()..2 * times.len()).map_while(&mut at).collect();
        let times = if value.is_empty() { Vec::new() } else { times.to_vec() };
        Self { paths: with.len(), times, value, drawdown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of 0 to 100 each percentile is itself.
    #[test]
    fn quantiles_lie_on_the_line_between() {
        let found = Distribution::of((0..=100).rev().map(f64::from)).unwrap();
        assert_eq!(found.quantiles(), [5.0, 25.0, 50.0, 75.0, 95.0]);
        assert_eq!((found.mean, found.known), (50.0, 101));
        let two = Distribution::of([1.0, 2.0].into_iter()).unwrap();
        assert_eq!((two.p05, two.p50), (1.05, 1.5));
        assert_eq!(Distribution::of(std::iter::empty()), None);
    }
}
