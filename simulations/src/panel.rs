//! Prices of several assets at the same bars.

use crate::{AlignError, DailySeries, Day, align};
use alloy_primitives::{B256, Keccak256};
use quaestor_core::{Price, amount::WAD};

/// Raised whenever the same prices would hash otherwise.
const VERSION: u8 = 1;

/// Open and close of each asset at each bar, oldest first. Bars follow each other without a gap: what a source lacks is an
/// error where it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    symbols: Vec<String>,
    /// Unix seconds at which each bar ends.
    ends: Vec<u64>,
    /// When the first bar began, Unix seconds.
    begin: u64,
    open: Vec<Price>,
    close: Vec<Price>,
    /// Closes in dollars, for marks.
    marks: Vec<f64>,
    hash: B256,
}

/// Why columns are no panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    /// A column is longer or shorter.
    #[error("{found} prices; bars times assets are {expected}")]
    Length {
        /// Prices found.
        found: usize,
        /// Bars times assets.
        expected: usize,
    },
    /// A bar does not end after the one before it.
    #[error("bar {bar} ends at {end}, not after {before}")]
    Disorder {
        /// Which.
        bar: usize,
        /// When the one before it ends, Unix seconds.
        before: u64,
        /// When it ends, Unix seconds.
        end: u64,
    },
    /// A price of zero is no price.
    #[error("bar {bar} has no price of `{symbol}`")]
    Zero {
        /// Which bar.
        bar: usize,
        /// Of which asset.
        symbol: String,
    },
}

impl Panel {
    /// Of daily series, from `from` to `to`, both included.
    ///
    /// # Errors
    /// If a series lacks one of these days.
    pub fn daily(series: &[DailySeries], from: Day, to: Day) -> Result<Self, AlignError> {
        let aligned = align(series, from, to)?;
        let ends: Vec<u64> = aligned.days.iter().map(|day| day.close_timestamp()).collect();
        let bars = 0..ends.len();
        let of = |price: fn(&crate::DailyBar) -> Price| -> Vec<Price> {
            bars.clone().flat_map(|bar| aligned.rows.iter().map(move |rows| price(&rows[bar]))).collect()
        };
        let symbols = series.iter().map(|one| one.symbol().to_owned()).collect();
        Ok(Self::hashed(symbols, from.open_timestamp(), ends, of(|row| row.open), of(|row| row.close)))
    }

    /// Of columns: `ends` rise strictly from `begin`, `open` and `close` hold `ends.len() × symbols.len()` prices above zero,
    /// bar by bar.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(
        symbols: Vec<String>,
        begin: u64,
        ends: Vec<u64>,
        open: Vec<Price>,
        close: Vec<Price>,
    ) -> Result<Self, PanelError> {
        let expected = ends.len() * symbols.len();
        for found in [open.len(), close.len()] {
            if found != expected {
                return Err(PanelError::Length { found, expected });
            }
        }
        let mut before = begin;
        for (bar, end) in ends.iter().enumerate() {
            if *end <= before {
                return Err(PanelError::Disorder { bar, before, end: *end });
            }
            before = *end;
        }
        if let Some(place) = open.iter().chain(&close).position(|price| price.is_zero()) {
            let (bar, column) = (place % expected / symbols.len(), place % symbols.len());
            return Err(PanelError::Zero { bar, symbol: symbols[column].clone() });
        }
        Ok(Self::hashed(symbols, begin, ends, open, close))
    }

    fn hashed(symbols: Vec<String>, begin: u64, ends: Vec<u64>, open: Vec<Price>, close: Vec<Price>) -> Self {
        let mut hasher = Keccak256::new();
        hasher.update([VERSION]);
        for symbol in &symbols {
            hasher.update((symbol.len() as u64).to_le_bytes());
            hasher.update(symbol);
        }
        let times = std::iter::once(&begin).chain(&ends).flat_map(|time| time.to_le_bytes());
        hasher.update(times.collect::<Vec<u8>>());
        for prices in [&open, &close] {
            hasher.update(prices.iter().flat_map(|price| price.0.to_le_bytes()).collect::<Vec<u8>>());
        }
        let marks = close.iter().map(|price| price.0 as f64 / WAD as f64).collect();
        Self { symbols, ends, begin, open, close, marks, hash: hasher.finalize() }
    }

    /// Names of the assets, in the order of their columns.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The column of this name.
    pub fn column(&self, symbol: &str) -> Option<usize> {
        self.symbols.iter().position(|known| known == symbol)
    }

    /// Bars.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no bar.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// When each bar ends, Unix seconds.
    pub fn ends(&self) -> &[u64] {
        &self.ends
    }

    /// When `bar` begins, Unix seconds: where the one before it ends.
    pub fn begins_at(&self, bar: usize) -> u64 {
        bar.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(self.begin)
    }

    /// Open of `column` at `bar`.
    pub fn open(&self, bar: usize, column: usize) -> Price {
        self.open[bar * self.symbols.len() + column]
    }

    /// Close of `column` at `bar`.
    pub fn close(&self, bar: usize, column: usize) -> Price {
        self.close[bar * self.symbols.len() + column]
    }

    /// Close of each column at `bar`, dollars.
    #[inline]
    pub fn marks(&self, bar: usize) -> &[f64] {
        let width = self.symbols.len();
        &self.marks[bar * width..(bar + 1) * width]
    }

    /// keccak256 of names, times and prices.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The first `bars` bars: what was known then.
    #[must_use]
    pub fn prefix(&self, bars: usize) -> Self {
        let (bars, width) = (bars.min(self.len()), self.symbols.len());
        let (open, close) = (self.open[..bars * width].to_vec(), self.close[..bars * width].to_vec());
        Self::hashed(self.symbols.clone(), self.begin, self.ends[..bars].to_vec(), open, close)
    }
}
