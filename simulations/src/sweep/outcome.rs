//! What one configuration came to, in numbers alone: 136 bytes, so that many fit in memory and in a part.

use crate::{metrics::Figures, run::Run, statistics::Shape};

/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;

/// Length of a run's bars, from its first end to its last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Bars.
    pub bars: usize,
    /// Mean length of a bar, seconds.
    pub step_secs: f64,
}

impl Span {
    /// Of bars that end at these times, the first of which begins at `begin`, Unix seconds.
    pub fn of(begin: u64, ends: &[u64]) -> Self {
        let (first, last) = (ends.first().copied().unwrap_or(begin), ends.last().copied().unwrap_or(begin));
        // From end to end: the first bar of the data may begin a second late.
        let step_secs = match ends.len() {
            0 | 1 => last.saturating_sub(begin).max(1) as f64,
            bars => (last - first) as f64 / (bars - 1) as f64,
        };
        Self { bars: ends.len(), step_secs }
    }

    /// Bars in a year.
    pub fn periods(self) -> f64 {
        YEAR_SECS / self.step_secs
    }
}

/// Figures of one configuration, as a backtest of it says them. One that does not exist is no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Value at the end, dollars.
    pub final_value: f64,
    /// Compound growth in a year.
    pub cagr: f64,
    /// Yearly.
    pub volatility: f64,
    /// Without a riskless rate.
    pub sharpe: f64,
    /// Target zero.
    pub sortino: f64,
    /// CAGR / |deepest fall|.
    pub calmar: f64,
    /// Deepest fall from a peak, negative.
    pub max_drawdown: f64,
    /// Fifth percentile of the returns of a bar.
    pub var95: f64,
    /// Mean of the returns not above it.
    pub cvar95: f64,
    /// Third standardised moment of the returns.
    pub skewness: f64,
    /// Fourth standardised moment of the returns.
    pub kurtosis: f64,
    /// Value that swaps gave in a year, as a share of the mean value.
    pub turnover: f64,
    /// Fees, slippage and gas, dollars.
    pub costs: f64,
    /// Share of decisions at which an asset lay outside of its band.
    pub outside_bands_share: f64,
    /// Most bars under a peak.
    pub drawdown_periods_max: u32,
    /// Swaps, deposits and redemptions.
    pub trades: u32,
    /// Decisions.
    pub decisions: u32,
    /// Proposals made.
    pub proposals: u32,
    /// Of these executed.
    pub executed: u32,
    /// Refusals, all rules.
    pub refusals: u32,
}

/// Real numbers of an outcome.
const REALS: usize = 14;
/// Whole numbers of an outcome.
const WHOLES: usize = 6;
/// Bytes of an outcome.
pub(super) const BYTES: usize = 8 * REALS + 4 * WHOLES;

fn whole(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Outcome {
    /// Of a configuration that the language refuses: nothing exists.
    pub const NONE: Self = Self::of_numbers([f64::NAN; REALS], [0; WHOLES]);

    /// Of a run and its returns; `room` is used again.
    pub(super) fn of(run: &Run, returns: &[f64], span: Span, room: &mut Vec<f64>) -> Self {
        let figures = Figures::of_in(returns, span.periods(), room);
        let shape = Shape::of(returns);
        let mean_value = run.values.iter().fold(0.0, |sum, value| sum + value) / run.values.len().max(1) as f64;
        let length = span.step_secs * run.values.len() as f64;
        let turnover = if mean_value > 0.0 { run.traded_usd / mean_value * YEAR_SECS / length } else { 0.0 };
        let or_none = |found: Option<f64>| found.unwrap_or(f64::NAN);
        Self {
            final_value: run.final_value(),
            cagr: or_none(figures.cagr),
            volatility: or_none(figures.volatility),
            sharpe: or_none(figures.sharpe),
            sortino: or_none(figures.sortino),
            calmar: or_none(figures.calmar),
            max_drawdown: figures.max_drawdown,
            var95: or_none(figures.var95),
            cvar95: or_none(figures.cvar95),
            skewness: or_none(shape.map(|shape| shape.skewness)),
            kurtosis: or_none(shape.map(|shape| shape.kurtosis)),
            turnover,
            costs: run.paid.fees_usd + run.paid.slippage_usd + run.paid.gas_usd,
            outside_bands_share: run.outside_bands as f64 / run.asked.max(1) as f64,
            drawdown_periods_max: whole(figures.drawdown_periods_max as u64),
            trades: whole(run.trades),
            decisions: whole(run.decisions),
            proposals: whole(run.proposals.len() as u64),
            executed: whole(run.count(|fate| matches!(fate, crate::run::Fate::Executed { .. })) as u64),
            refusals: whole(run.refusals.values().sum()),
        }
    }

    /// Whether it ran.
    pub fn is_some(&self) -> bool {
        !self.final_value.is_nan()
    }

    /// Its real numbers, by name.
    pub fn reals(&self) -> [(&'static str, f64); REALS] {
        [
            ("final_value", self.final_value),
            ("cagr", self.cagr),
            ("volatility", self.volatility),
            ("sharpe", self.sharpe),
            ("sortino", self.sortino),
            ("calmar", self.calmar),
            ("max_drawdown", self.max_drawdown),
            ("var95", self.var95),
            ("cvar95", self.cvar95),
            ("skewness", self.skewness),
            ("kurtosis", self.kurtosis),
            ("turnover", self.turnover),
            ("costs", self.costs),
            ("outside_bands_share", self.outside_bands_share),
        ]
    }

    /// Its whole numbers, by name.
    pub fn wholes(&self) -> [(&'static str, u32); WHOLES] {
        [
            ("drawdown_periods_max", self.drawdown_periods_max),
            ("trades", self.trades),
            ("decisions", self.decisions),
            ("proposals", self.proposals),
            ("executed", self.executed),
            ("refusals", self.refusals),
        ]
    }

    const fn of_numbers(reals: [f64; REALS], wholes: [u32; WHOLES]) -> Self {
        let [
            final_value,
            cagr,
            volatility,
            sharpe,
            sortino,
            calmar,
            max_drawdown,
            var95,
            cvar95,
            skewness,
            kurtosis,
            turnover,
            costs,
            outside_bands_share,
        ] = reals;
        let [drawdown_periods_max, trades, decisions, proposals, executed, refusals] = wholes;
        Self {
            final_value,
            cagr,
            volatility,
            sharpe,
            sortino,
            calmar,
            max_drawdown,
            var95,
            cvar95,
            skewness,
            kurtosis,
            turnover,
            costs,
            outside_bands_share,
            drawdown_periods_max,
            trades,
            decisions,
            proposals,
            executed,
            refusals,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.reals().iter().for_each(|(_, found)| out.extend(found.to_le_bytes()));
        self.wholes().iter().for_each(|(_, found)| out.extend(found.to_le_bytes()));
    }

    pub(super) fn read(bytes: &[u8; BYTES]) -> Self {
        let (reals, wholes) = bytes.split_at(8 * REALS);
        let mut of = ([0.0; REALS], [0; WHOLES]);
        for (into, from) in of.0.iter_mut().zip(reals.as_chunks().0) {
            *into = f64::from_le_bytes(*from);
        }
        for (into, from) in of.1.iter_mut().zip(wholes.as_chunks().0) {
            *into = u32::from_le_bytes(*from);
        }
        Self::of_numbers(of.0, of.1)
    }
}
