//! Made-up futures that are fitted to history: what the prices of the next bars might be. All of it is synthetic, and every
//! report says so.
//!
//! A path is a function of the fit, a seed and its number alone, so that any path can be made by itself, again, or on another
//! machine. It begins with real bars, the past that feeds show, and goes on from the last of them.

mod growth;
mod jumps;
mod normal;
mod regimes;

pub use jumps::Jumps;
pub use normal::Normal;
pub use regimes::Regimes;

use crate::{Panel, draw::Streams, statistics::Blocks};
use alloy_primitives::{B256, Keccak256};
use growth::Growth;

/// Fewest bars of history that anything is fitted to.
pub const ROWS_MIN: usize = 30;
/// Most assets.
pub const WIDTH_MAX: usize = 64;
/// Most bars of a path, the past included.
pub const BARS_MAX: usize = 1 << 20;

/// How futures are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Futures {
    /// Bars of history in blocks, the same bars for all assets.
    Bootstrap,
    /// Geometric Brownian motions that are correlated.
    Gbm,
    /// The same with jumps that all assets have at once.
    Jump,
    /// A calm and a stormy regime that follow each other.
    Regimes,
}

/// What is made up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathTerms {
    /// How.
    pub futures: Futures,
    /// Made-up bars of a path.
    pub bars: usize,
    /// Real bars before them, as far as there are some; at least one.
    pub past: usize,
    /// Mean length of a block of the bootstrap, bars.
    pub block: f64,
    /// Names what is drawn.
    pub seed: u64,
}

/// Why nothing can be made up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// Too little history.
    #[error("{found} bars of history are too few to make up others; give at least {ROWS_MIN}")]
    TooShort {
        /// Bars.
        found: usize,
    },
    /// Too many assets.
    #[error("{found} assets are too many; give at most {WIDTH_MAX}")]
    TooWide {
        /// Assets.
        found: usize,
    },
    /// No bar, or too many.
    #[error("a path of {found} bars; give one to {BARS_MAX}, its past included")]
    Bars {
        /// Bars.
        found: usize,
    },
    /// A price that no growth can be formed of.
    #[error("bar {bar} of `{symbol}` has no price above zero")]
    Price {
        /// Bar of the history.
        bar: usize,
        /// Asset.
        symbol: String,
    },
    /// Prices that stand still.
    #[error("no price of the history moves, so that there are no regimes to tell apart; take --futures bootstrap")]
    Still,
}

/// What was fitted.
#[derive(Debug, Clone, PartialEq)]
enum Fit {
    Bootstrap(Blocks),
    Gbm(Normal),
    Jump(Jumps),
    Regimes(Regimes),
}

/// Made-up futures.
#[derive(Debug, Clone)]
pub struct Paths {
    terms: PathTerms,
    symbols: Vec<String>,
    begin: u64,
    ends: Vec<u64>,
    past: Vec<f64>,
    /// The history that paths are fitted to: its first row is the one before the first bar.
    levels: Vec<f64>,
    fit: Fit,
    streams: Streams,
    hash: B256,
}

impl Paths {
    /// Fitted to the bars of `panel` from `start` on.
    ///
    /// # Errors
    /// If there are too few of them, or too many bars or assets are wanted.
    pub fn fit(panel: &Panel, start: usize, terms: PathTerms) -> Result<Self, PathsError> {
        let (bars, width) = (panel.len(), panel.symbols().len());
        // Growth of a bar is from the close before it.
        let first = start.max(1);
        if bars < first + ROWS_MIN {
            return Err(PathsError::TooShort { found: bars.saturating_sub(first) });
        }
        if width > WIDTH_MAX {
            return Err(PathsError::TooWide { found: width });
        }
        let past = terms.past.clamp(1, bars - 1);
        if terms.bars == 0 || terms.bars.saturating_add(past) > BARS_MAX {
            return Err(PathsError::Bars { found: terms.bars.saturating_add(past) });
        }
        let rows = |from: usize| (from..bars).flat_map(|bar| panel.marks(bar).iter().copied()).collect::<Vec<f64>>();
        let levels = rows(first - 1);
        if let Some(place) = levels.iter().position(|mark| !(*mark > 0.0 && mark.is_finite())) {
            let (bar, symbol) = (first - 1 + place / width, panel.symbols()[place % width].clone());
            return Err(PathsError::Price { bar, symbol });
        }
        let growth = || Growth::of(&levels, width);
        let fit = match terms.futures {
            Futures::Bootstrap => Fit::Bootstrap(Blocks::new(bars - first, terms.block)),
            Futures::Gbm => Fit::Gbm(growth().normal()),
            Futures::Jump => Fit::Jump(Jumps::fit(&growth())),
            Futures::Regimes => Fit::Regimes(Regimes::fit(&growth()).ok_or(PathsError::Still)?),
        };
        let (last, step) = (panel.ends()[bars - 1], panel.ends()[bars - 1] - panel.ends()[bars - 2]);
        let mut ends = panel.ends()[bars - past..].to_vec();
        ends.extend((1..=terms.bars as u64).map(|bar| last + bar * step));
        let mut hasher = Keccak256::new();
        hasher.update(panel.hash());
        hasher.update(format!("{terms:?} from {first}"));
        Ok(Self {
            terms: PathTerms { past, ..terms },
            symbols: panel.symbols().to_vec(),
            begin: panel.begins_at(bars - past),
            ends,
            past: rows(bars - past),
            levels,
            fit,
            streams: Streams::new(terms.seed),
            hash: hasher.finalize(),
        })
    }

    /// Room for a path: names and times, and marks that [`Self::fill`] fills.
    pub fn panel(&self) -> Panel {
        Panel::synthetic(self.symbols.clone(), self.begin, self.ends.clone(), self.hash)
    }

    /// What they are made from and how, in one number.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// Seed of what is drawn on path `number` beside its prices, such as how long people take: of a stream that no path has.
    pub fn seed_of(&self, number: u64) -> u64 {
        self.streams.stream(!number).word()
    }

    /// The first bar that is made up; those before it are real.
    pub fn start(&self) -> usize {
        self.terms.past
    }

    /// What was asked for, `past` being what there is.
    pub fn terms(&self) -> PathTerms {
        self.terms
    }

    /// Bars of history that it was fitted to.
    pub fn rows(&self) -> usize {
        self.levels.len() / self.symbols.len().max(1) - 1
    }

    /// Writes path `number` into `marks`: past and made-up bars × assets, dollars, bar by bar; where these do not
    /// fit, nothing. It allocates nothing.
    pub fn fill(&self, number: u64, marks: &mut [f64]) {
        let width = self.symbols.len();
        let Some((past, rest)) = marks.split_at_mut_checked(self.past.len()) else { return };
        let Some(rest) = rest.get_mut(..self.terms.bars * width) else { return };
        past.copy_from_slice(&self.past);
        let mut draw = self.streams.stream(number);
        let last = &self.past[self.past.len() - width..];
        match &self.fit {
            Fit::Bootstrap(blocks) => growth::in_blocks(blocks, &self.levels, last, &mut draw, rest),
            Fit::Gbm(normal) => growth::step_by_step(last, rest, |logs| normal.add(1.0, &mut draw, logs)),
            Fit::Jump(jumps) => growth::step_by_step(last, rest, |logs| jumps.add(&mut draw, logs)),
            Fit::Regimes(regimes) => {
                let mut state = regimes.first(&mut draw);
                growth::step_by_step(last, rest, |logs| {
                    state = regimes.next(state, &mut draw);
                    regimes.states[state].add(1.0, &mut draw, logs);
                });
            }
        }
    }

    /// How they are made up, for every report.
    pub fn said(&self) -> Vec<String> {
        let (rows, bars) = (self.rows(), self.terms.bars);
        let how = match &self.fit {
            Fit::Bootstrap(blocks) => {
                format!("bars of history in blocks of {} in the mean, the same bars for all assets", blocks.mean())
            }
            Fit::Gbm(_) => {
                "correlated geometric Brownian motions with the mean and covariance of log returns".to_owned()
            }
            Fit::Jump(jumps) => jumps.said(),
            Fit::Regimes(regimes) => regimes.said(),
        };
        vec![
            format!("SYNTHETIC: {bars} bars that never were, fitted to {rows} bars of history: {how}"),
            "history's mean growth is taken to go on; prices of assets that the data lacks stand still".to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests;
