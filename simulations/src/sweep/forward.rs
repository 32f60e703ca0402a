//! Walk-forward selection: what is best on each stretch of time is held in the next one.

use super::metric::Metric;
#[cfg(test)]
use crate::metrics::Figures;
use crate::metrics::{drawdown, growth};
use serde::{Deserialize, Serialize};

/// Most windows.
pub const WINDOWS_MAX: usize = 1_000;

/// Lengths of the windows, bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkForward {
    /// What a pick is made on.
    pub train: usize,
    /// What it is held in, right after; the next window begins so much later.
    pub test: usize,
}

impl WalkForward {
    /// Windows in so many bars, each whole.
    pub fn windows(self, bars: usize) -> usize {
        bars.saturating_sub(self.train) / self.test.max(1)
    }
}

/// What a configuration did in one window. Of a piece of time it is all that is needed to put pieces together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// The metric on the bars for training; no number where it does not exist.
    pub score: f64,
    /// Growth of one unit on the bars after them.
    pub growth: f64,
    /// Sum of their returns.
    pub sum: f64,
    /// Sum of the squares of their returns.
    pub squares: f64,
    /// Lowest that one unit came to on them.
    pub low: f64,
    /// Highest that one unit came to on them, at least one.
    pub high: f64,
    /// Deepest fall on them.
    pub max_drawdown: f64,
}

/// Real numbers of a window.
const REALS: usize = 7;
/// Bytes of a window.
pub(super) const BYTES: usize = 8 * REALS;

impl Window {
    pub(super) fn of(train: &[f64], test: &[f64], by: Metric, periods: f64, room: &mut Vec<f64>) -> Self {
        let (mut low, mut high, mut level) = (1.0f64, 1.0f64, 1.0f64);
        let (mut sum, mut squares) = (0.0, 0.0);
        for found in test {
            level *= 1.0 + found;
            (low, high) = (low.min(level), high.max(level));
            sum += found;
            squares += found * found;
        }
        let score = by.of_returns(train, periods, room).unwrap_or(f64::NAN);
        Self { score, growth: growth(test), sum, squares, low, high, max_drawdown: drawdown(test).0 }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let all = [self.score, self.growth, self.sum, self.squares, self.low, self.high, self.max_drawdown];
        all.iter().for_each(|found| out.extend(found.to_le_bytes()));
    }

    pub(super) fn read(bytes: &[u8; BYTES]) -> Self {
        let mut all = [0.0; REALS];
        all.iter_mut().zip(bytes.as_chunks().0).for_each(|(into, from)| *into = f64::from_le_bytes(*from));
        let [score, growth, sum, squares, low, high, max_drawdown] = all;
        Self { score, growth, sum, squares, low, high, max_drawdown }
    }
}

/// What was picked for one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pick {
    /// Row of the configuration.
    pub row: u64,
    /// What it did.
    #[serde(flatten)]
    pub window: Window,
}

/// Figures of windows one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Joined {
    /// Bars.
    pub bars: usize,
    /// Growth of one unit, less one.
    pub total_return: f64,
    /// Compound growth in a year.
    pub cagr: Option<f64>,
    /// Sharpe ratio of a year.
    pub sharpe: Option<f64>,
    /// Deepest fall from a peak.
    pub max_drawdown: f64,
}

impl Joined {
    /// Of windows of `test` bars each, in order.
    pub(super) fn of<'w>(windows: impl Iterator<Item = &'w Window>, test: usize, periods: f64) -> Self {
        let (mut level, mut peak, mut deepest) = (1.0f64, 1.0f64, 0.0f64);
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0usize);
        for window in windows {
            deepest = deepest.min(window.max_drawdown).min(level * window.low / peak - 1.0);
            peak = peak.max(level * window.high);
            level *= window.growth;
            sum += window.sum;
            squares += window.squares;
            count += test;
        }
        let bars = count as f64;
        let (mean, years) = (sum / bars, bars / periods);
        let spread = squares - sum * mean;
        let is_moving = count > 1 && spread > squares * 1e-12;
        let cagr = (years > 0.0 && level > 0.0).then(|| libm::pow(level, 1.0 / years) - 1.0);
        Self {
            bars: count,
            total_return: level - 1.0,
            cagr: cagr.filter(|found| found.is_finite()),
            sharpe: is_moving.then(|| mean / libm::sqrt(spread / (bars - 1.0)) * libm::sqrt(periods)),
            max_drawdown: deepest,
        }
    }

    /// The same of returns, for tests.
    #[cfg(test)]
    pub(super) fn of_returns(returns: &[f64], periods: f64) -> Self {
        let Figures { total_return, cagr, sharpe, max_drawdown, .. } = Figures::of(returns, periods);
        Self { bars: returns.len(), total_return, cagr, sharpe, max_drawdown }
    }
}

/// The walk forward beside what is best in hindsight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forward {
    /// Lengths of the windows.
    #[serde(flatten)]
    pub lengths: WalkForward,
    /// What was picked for each window, on the bars before it.
    pub picks: Vec<Pick>,
    /// The picks one after the other: nobody knew the future.
    pub out_of_sample: Joined,
    /// The best of the whole time over the same bars: it was picked with them in sight.
    pub in_sample: Option<Joined>,
}

/// Picks the best of each window while rows come by; of equally good ones the first.
#[derive(Debug, Default)]
pub(super) struct Walking {
    picks: Vec<Option<Pick>>,
    best: Option<(f64, Vec<Window>)>,
}

impl Walking {
    /// Rows come in order. `score` is that of the whole time.
    pub(super) fn push(&mut self, row: u64, score: Option<f64>, windows: &[Window]) {
        self.picks.resize(windows.len().max(self.picks.len()), None);
        for (pick, window) in self.picks.iter_mut().zip(windows).filter(|(_, window)| !window.score.is_nan()) {
            if pick.is_none_or(|known| window.score > known.window.score) {
                *pick = Some(Pick { row, window: *window });
            }
        }
        if let Some(score) = score
            && self.best.as_ref().is_none_or(|(known, _)| score > *known)
        {
            self.best = Some((score, windows.to_vec()));
        }
    }

    /// `None` where a window had nothing to pick.
    pub(super) fn end(&self, lengths: WalkForward, periods: f64) -> Option<Forward> {
        let picks: Vec<Pick> = self.picks.iter().copied().collect::<Option<_>>()?;
        let joined = |windows: &mut dyn Iterator<Item = &Window>| Joined::of(windows, lengths.test, periods);
        let out_of_sample = joined(&mut picks.iter().map(|pick| &pick.window));
        let in_sample = self.best.as_ref().map(|(_, windows)| joined(&mut windows.iter()));
        (!picks.is_empty()).then_some(Forward { lengths, picks, out_of_sample, in_sample })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Pieces put together are the whole.
        #[test]
        fn windows_join_to_the_returns_that_they_are_of(
            returns in prop::collection::vec(-0.2f64..0.2, 12..90), test in 1usize..12, train in 1usize..12,
        ) {
            let lengths = WalkForward { train, test };
            let count = lengths.windows(returns.len());
            let mut room = Vec::new();
            let windows: Vec<Window> = (0..count).map(|window| {
                let at = window * test;
                let (train_on, rest) = returns[at..].split_at(train);
                Window::of(train_on, &rest[..test], Metric::Sharpe, 365.0, &mut room)
            }).collect();
            prop_assume!(count * test > 1);
            let found = Joined::of(windows.iter(), test, 365.0);
            let whole = Joined::of_returns(&returns[train..train + count * test], 365.0);
            let near = |found: Option<f64>, whole: Option<f64>| match (found, whole) {
                (Some(found), Some(whole)) => (found - whole).abs() <= 1e-9 * whole.abs().max(1.0),
                (found, whole) => found == whole,
            };
            prop_assert_eq!(found.bars, whole.bars);
            prop_assert!(near(Some(found.total_return), Some(whole.total_return)));
            prop_assert!(near(found.cagr, whole.cagr));
            prop_assert!(near(found.sharpe, whole.sharpe), "{found:?} {whole:?}");
            prop_assert!(near(Some(found.max_drawdown), Some(whole.max_drawdown)), "{found:?} {whole:?}");
        }
    }

    /// By hand: three configurations, two windows. The first is best on the first training, the second on the second; the
    /// third, equally good there, comes later.
    #[test]
    fn the_best_of_each_training_is_held() {
        let window = |score, growth: f64| Window {
            score,
            growth,
            sum: growth - 1.0,
            squares: 0.0,
            low: growth.min(1.0),
            high: growth.max(1.0),
            max_drawdown: growth.min(1.0) - 1.0,
        };
        let mut walking = Walking::default();
        walking.push(0, Some(1.0), &[window(2.0, 0.9), window(1.0, 1.3)]);
        walking.push(1, Some(3.0), &[window(1.0, 1.5), window(4.0, 1.2)]);
        walking.push(2, None, &[window(f64::NAN, 9.0), window(4.0, 7.0)]);
        let found = walking.end(WalkForward { train: 5, test: 1 }, 365.0).unwrap();
        assert_eq!(found.picks.iter().map(|pick| pick.row).collect::<Vec<_>>(), [0, 1]);
        assert!((found.out_of_sample.total_return - (0.9 * 1.2 - 1.0)).abs() < 1e-12);
        assert!((found.out_of_sample.max_drawdown + 0.1).abs() < 1e-12);
        assert!((found.in_sample.unwrap().total_return - (1.5 * 1.2 - 1.0)).abs() < 1e-12);
        assert_eq!(Walking::default().end(WalkForward { train: 5, test: 1 }, 365.0), None);
    }
}
