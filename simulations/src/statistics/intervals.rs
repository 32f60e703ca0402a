//! Confidence intervals of the figures of a run.

use super::Blocks;
use crate::{
    draw::Streams,
    metrics::{Figures, quantile},
};
use rayon::prelude::*;
use serde::Serialize;

/// Share of resamples that an interval holds.
pub const LEVEL: f64 = 0.95;
/// Resamples.
pub const RESAMPLES: usize = 1_000;
/// Fewest resamples: the ends of an interval are then its fifth smallest and fifth largest.
const RESAMPLES_MIN: usize = 200;
/// Most returns that are drawn, about a second; long histories have fewer resamples.
const DRAWN_MAX: usize = 20_000_000;
/// Fewest returns that say anything about what might have been.
const RETURNS_MIN: usize = 20;

/// From the 2.5th to the 97.5th percentile of resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What figures might have been, had the days of the run come in other blocks: percentile intervals of the stationary
/// bootstrap. A figure that one resample in twenty does not have has none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Share of resamples within.
    pub level: f64,
    /// Resamples.
    pub resamples: usize,
    /// Mean length of a block, bars.
    pub block: f64,
    /// Seed of what was drawn.
    pub seed: u64,
    /// Growth a year.
    pub cagr: Option<Interval>,
    /// Yearly.
    pub volatility: Option<Interval>,
    /// Sharpe ratio.
    pub sharpe: Option<Interval>,
    /// Sortino ratio.
    pub sortino: Option<Interval>,
    /// CAGR / |deepest fall|.
    pub calmar: Option<Interval>,
    /// Deepest fall.
    pub max_drawdown: Option<Interval>,
    /// Fifth percentile of the returns of a bar.
    pub var95: Option<Interval>,
    /// Mean of the returns not above it.
    pub cvar95: Option<Interval>,
}

impl Intervals {
    /// Of `returns` with so many `periods` a year, drawn with `seed`, in blocks of their number's cube root in the mean: the
    /// order at which the variance of a mean is estimated best (Politis and White 2004). `None` of fewer than twenty.
    pub fn of(returns: &[f64], periods: f64, seed: u64) -> Option<Self> {
        if returns.len() < RETURNS_MIN {
            return None;
        }
        let block = libm::round(libm::cbrt(returns.len() as f64));
        let resamples = (DRAWN_MAX / returns.len()).clamp(RESAMPLES_MIN, RESAMPLES);
        let (blocks, streams) = (Blocks::new(returns.len(), block), Streams::new(seed));
        let resample = |room: &mut Vec<f64>, number: usize| {
            blocks.resample(&mut streams.stream(number as u64), returns, room);
            Figures::of(room, periods)
        };
        // Each resample is named by its number, so that threads change nothing.
        let found: Vec<Figures> =
            (0..resamples).into_par_iter().map_init(|| vec![0.0; returns.len()], resample).collect();
        let of = |pick: fn(&Figures) -> Option<f64>| {
            let known: Vec<f64> = found.iter().filter_map(pick).collect();
            let enough = known.len() * 20 >= resamples * 19;
            let tail = (1.0 - LEVEL) / 2.0;
            let ends = quantile(&known, tail).zip(quantile(&known, 1.0 - tail)).filter(|_| enough);
            ends.map(|(low, high)| Interval { low, high })
        };
        Some(Self {
            level: LEVEL,
            resamples,
            block,
            seed,
            cagr: of(|it| it.cagr),
            volatility: of(|it| it.volatility),
            sharpe: of(|it| it.sharpe),
            sortino: of(|it| it.sortino),
            calmar: of(|it| it.calmar),
            max_drawdown: of(|it| Some(it.max_drawdown)),
            var95: of(|it| it.var95),
            cvar95: of(|it| it.cvar95),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::normal_quantile;

    /// Independent normal returns: the standard error of a mean is σ / √n, and that of a Sharpe ratio is
    /// √((1 + SR² / 2) / n) a period (Lo, "The statistics of Sharpe ratios", Financial Analysts Journal 58, 2002).
    #[test]
    fn intervals_of_independent_returns_are_those_of_the_theory() {
        let (mut sharpe_width, mut volatility_width, mut within) = (0.0, 0.0, 0);
        for sample in 0..10 {
            let mut draw = Streams::new(5).stream(sample);
            let returns: Vec<f64> = (0..500).map(|_| 0.001 + 0.02 * normal_quantile(draw.unit())).collect();
            let found = Intervals::of(&returns, 365.0, 1).unwrap();
            assert_eq!((found.resamples, found.block), (1_000, 8.0));
            let (sharpe, volatility) = (found.sharpe.unwrap(), found.volatility.unwrap());
            sharpe_width += (sharpe.high - sharpe.low) / 10.0;
            volatility_width += (volatility.high - volatility.low) / 10.0;
            let truth = 0.05 * 365f64.sqrt();
            within += usize::from(sharpe.low < truth && truth < sharpe.high);
            let fall = found.max_drawdown.unwrap();
            assert!(fall.low < fall.high && fall.high < 0.0);
        }
        let expected = 2.0 * 1.96 * ((1.0 + 0.05f64.powi(2) / 2.0) / 500.0 * 365.0).sqrt();
        assert!((sharpe_width / expected - 1.0).abs() < 0.1, "{sharpe_width} and not {expected}");
        let expected = 2.0 * 1.96 * 0.02 * 365f64.sqrt() / 1_000f64.sqrt();
        assert!((volatility_width / expected - 1.0).abs() < 0.1, "{volatility_width} and not {expected}");
        assert!(within >= 8, "{within} of ten intervals hold the truth");
    }

    #[test]
    fn threads_change_nothing_and_a_seed_does() {
        let returns: Vec<f64> = (0..300).map(|day| if day % 7 == 0 { -0.03 } else { 0.006 }).collect();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Intervals::of(&returns, 365.0, 9))
        };
        assert_eq!(on(1), on(16));
        assert_ne!(on(1), Intervals::of(&returns, 365.0, 10));
        assert_eq!(Intervals::of(&returns[..19], 365.0, 9), None);
        let flat = Intervals::of(&[0.0; 50], 365.0, 1).unwrap();
        assert_eq!((flat.sharpe, flat.calmar), (None, None), "what does not exist has no interval");
    }
}
