//! What one path came to.

use super::hold::hold;
use crate::{
    market::Market,
    metrics::runway_months,
    run::Run,
    table::{Column, Table},
};
use quaestor_core::{Terms, amount::WAD};

/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;

/// Figures of a series of values and returns, made in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Figures {
    /// Value at the end, dollars.
    pub final_value: f64,
    /// Growth of one unit less one, without what flowed.
    pub total_return: f64,
    /// The same in a year of 365 days.
    pub cagr: Option<f64>,
    /// Deepest fall from a peak, negative or zero.
    pub max_drawdown: f64,
    /// Mean / standard deviation · √(periods a year).
    pub sharpe: Option<f64>,
}

impl Figures {
    /// Of bars of `bar_secs`, each its value at the end and what flowed in by then, as [`crate::metrics`] defines them. `seen`
    /// gets the place and the value of each, how far one unit has grown by then, and the most that it had grown.
    pub(super) fn of(
        bars: impl Iterator<Item = (f64, f64)>,
        initial_value: f64,
        bar_secs: f64,
        mut seen: impl FnMut(usize, f64, f64, f64),
    ) -> Self {
        let (mut level, mut peak, mut worst, mut before) = (1.0f64, 1.0f64, 1.0f64, initial_value);
        // What a unit has grown to, by dollar of value: it changes where something flows alone, so that no bar waits for
        // the product of those before it.
        let mut by_value = if initial_value > 0.0 { 1.0 / initial_value } else { 0.0 };
        // Moments about the first return, so that returns that never differ have no variance, to the last bit.
        let (mut count, mut first, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for (place, (value, inflow)) in bars.enumerate() {
            let end = value - inflow;
            let mut found = 0.0;
            if before > 0.0 {
                (found, level) = (end / before - 1.0, end * by_value);
            }
            if inflow != 0.0 && value > 0.0 {
                by_value = level / value;
            }
            before = value;
            peak = peak.max(level);
            // Divided only where it is deeper.
            if level < worst * peak {
                worst = level / peak;
            }
            if place == 0 {
                first = found;
            }
            let off = found - first;
            count += 1.0;
            sum += off;
            squares += off * off;
            seen(place, value, level, peak);
        }
        let years = count * bar_secs / YEAR_SECS;
        let cagr = (years > 0.0 && level > 0.0).then(|| libm::pow(level, 1.0 / years) - 1.0);
        let spread = if count > 1.0 { (squares - sum * sum / count) / (count - 1.0) } else { 0.0 };
        let sharpe =
            (spread > 0.0).then(|| (first + sum / count) / libm::sqrt(spread) * libm::sqrt(YEAR_SECS / bar_secs));
        Self {
            final_value: before,
            total_return: level - 1.0,
            cagr: cagr.filter(|found| found.is_finite()),
            max_drawdown: worst - 1.0,
            sharpe: sharpe.filter(|found| found.is_finite()),
        }
    }
}

/// What one path came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Its number.
    pub number: u64,
    /// Under the policy.
    pub policy: Figures,
    /// Of a treasury that keeps what it holds at first, with the same flows and without costs.
    pub hold: Figures,
    /// Least months that stable assets lasted at the policy's burn.
    pub runway_months_min: Option<f64>,
    /// Intents, batches and whole decisions that were refused.
    pub refusals: u64,
    /// Proposals made.
    pub proposals: u64,
    /// Of these executed.
    pub executed: u64,
    /// Value at some times and fall at the same times, one after the other; of the first paths. Single precision: a band of a
    /// chart has no more.
    pub fan: Vec<f32>,
}

impl Outcome {
    pub(super) fn of(number: u64, run: &Run, market: &Market<'_>, terms: &Terms, fan: &[usize]) -> Self {
        let ends = &market.panel.ends()[run.start..];
        let begin = market.panel.begins_at(run.start);
        let bar_secs = (ends.last().copied().unwrap_or(begin) - begin) as f64 / ends.len().max(1) as f64;
        let mut kept = vec![0.0f32; 2 * fan.len()];
        let (values, falls) = kept.split_at_mut(fan.len());
        let mut next = 0;
        let keep = |place: usize, value: f64, level: f64, peak: f64| {
            if fan.get(next) == Some(&place) {
                (values[next], falls[next]) = (value as f32, (level / peak - 1.0) as f32);
                next += 1;
            }
        };
        let bars = run.values.iter().copied().zip(run.inflows.iter().copied());
        let policy = Figures::of(bars, run.initial_value, bar_secs, keep);
        let burn = terms.risk.burn_monthly.0 as f64 / WAD as f64;
        let least = run.stable.iter().copied().reduce(f64::min);
        Self {
            number,
            policy,
            hold: hold(run, market, bar_secs),
            runway_months_min: least.and_then(|least| runway_months(least, burn, 0.0)),
            refusals: run.refusals.values().sum(),
            proposals: run.proposals.len() as u64,
            executed: run.count(|fate| matches!(fate, crate::run::Fate::Executed { .. })) as u64,
            fan: kept,
        }
    }
}

/// Paths for a notebook, a row each.
pub fn table(outcomes: &[Outcome]) -> Table {
    let whole = |of: fn(&Outcome) -> u64| {
        Column::Whole(outcomes.iter().map(|it| i64::try_from(of(it)).unwrap_or(i64::MAX)).collect())
    };
    let real = |of: fn(&Outcome) -> Option<f64>| Column::Real(outcomes.iter().map(of).collect());
    Table::default()
        .with("path", whole(|it| it.number))
        .with("final_value", real(|it| Some(it.policy.final_value)))
        .with("total_return", real(|it| Some(it.policy.total_return)))
        .with("cagr", real(|it| it.policy.cagr))
        .with("max_drawdown", real(|it| Some(it.policy.max_drawdown)))
        .with("sharpe", real(|it| it.policy.sharpe))
        .with("runway_months_min", real(|it| it.runway_months_min))
        .with("refusals", whole(|it| it.refusals))
        .with("proposals", whole(|it| it.proposals))
        .with("executed", whole(|it| it.executed))
        .with("hold_final_value", real(|it| Some(it.hold.final_value)))
        .with("hold_total_return", real(|it| Some(it.hold.total_return)))
        .with("hold_cagr", real(|it| it.hold.cagr))
        .with("hold_max_drawdown", real(|it| Some(it.hold.max_drawdown)))
        .with("hold_sharpe", real(|it| it.hold.sharpe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    /// One pass says what the definitions say, whatever flows.
    #[test]
    fn figures_are_those_of_the_metrics() {
        let returns = [0.01, -0.02, 0.03, -0.05, 0.0, 0.02];
        for flows in [[0.0; 6], [0.0, 250.0, 0.0, -400.0, -10.0, 0.0]] {
            let mut value = 1_000.0;
            let bars: Vec<(f64, f64)> = returns
                .iter()
                .zip(flows)
                .map(|(found, inflow)| {
                    value = value * (1.0 + found) + inflow;
                    (value, inflow)
                })
                .collect();
            let mut falls = Vec::new();
            let found = Figures::of(bars.iter().copied(), 1_000.0, 86_400.0, |_, _, level, peak| {
                falls.push(level / peak - 1.0);
            });
            let expected = metrics::Figures::of(&returns, 365.0);
            let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-12 * other.abs(), "{one} and {other}");
            assert_eq!(found.final_value, value);
            near(found.cagr.unwrap(), expected.cagr.unwrap());
            near(found.max_drawdown, expected.max_drawdown);
            near(found.total_return, expected.total_return);
            near(found.sharpe.unwrap(), expected.sharpe.unwrap());
            assert_eq!((falls.len(), falls[0]), (6, 0.0));
        }
        let flat = Figures::of([(5.0, 0.0); 4].into_iter(), 5.0, 86_400.0, |_, _, _, _| {});
        assert_eq!((flat.sharpe, flat.cagr, flat.max_drawdown), (None, Some(0.0), 0.0));
        let ruin = Figures::of([(0.0, 0.0)].into_iter(), 5.0, 86_400.0, |_, _, _, _| {});
        assert_eq!((ruin.cagr, ruin.max_drawdown), (None, -1.0));
        let saved = Figures::of([(0.0, 0.0), (7.0, 7.0), (14.0, 0.0)].into_iter(), 5.0, 86_400.0, |_, _, _, _| {});
        assert_eq!((saved.total_return, saved.final_value), (-1.0, 14.0), "what was lost stays lost");
    }
}
