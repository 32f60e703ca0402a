//! Prices of several assets at the same bars.

use alloy_primitives::{B256, Keccak256};
use quaestor_core::{Price, Value, amount::WAD};

/// Raised whenever the same prices would hash otherwise.
const VERSION: u8 = 1;

/// Open and close of each asset at each bar, oldest first, and beside them volumes, liquidity of pools, the price of gas, and
/// indices that yield is earned by, where the data has some. Bars follow each other without a gap: what a source lacks is an
/// error where it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    symbols: Vec<String>,
    /// Unix seconds at which each bar ends.
    ends: Vec<u64>,
    /// When the first bar began, Unix seconds.
    begin: u64,
    /// Opens and closes; `None` where there are marks alone.
    exact: Option<[Vec<Price>; 2]>,
    /// Closes in dollars.
    marks: Vec<f64>,
    /// Whether every asset opens where it closed before; empty of marks alone, where each does.
    continuous: Vec<bool>,
    /// Of each asset, in dollars, one a bar.
    volumes: Vec<Option<Vec<Value>>>,
    /// Of the pool of each asset, one a bar, and the decimals of its tokens.
    liquidity: Vec<Option<(Vec<u128>, [u8; 2])>>,
    /// The token that gas is paid in, and its price: gwei with eighteen decimal places, the mean of each bar.
    gas: Option<(String, Vec<u128>)>,
    /// By name, in rays, as known at the end of each bar.
    indices: Vec<(String, Vec<u128>)>,
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
        let volumes = vec![None; symbols.len()];
        Ok(Self::of_columns(symbols, begin, ends, [open, close], volumes))
    }

    /// Of columns that are known to be right: open and close bar by bar, and a volume a bar for each asset that has some.
    pub(crate) fn of_columns(
        symbols: Vec<String>,
        begin: u64,
        ends: Vec<u64>,
        [open, close]: [Vec<Price>; 2],
        volumes: Vec<Option<Vec<Value>>>,
    ) -> Self {
        let marks = close.iter().map(|price| price.0 as f64 / WAD as f64).collect();
        let width = symbols.len().max(1);
        let opens = open.chunks_exact(width).skip(1);
        let is_same = close.chunks_exact(width).zip(opens).map(|(before, open)| before == open);
        let continuous = std::iter::once(false).chain(is_same).collect();
        let (liquidity, exact) = (vec![None; symbols.len()], Some([open, close]));
        let (gas, indices, hash) = (None, Vec::new(), B256::ZERO);
        Self { symbols, ends, begin, exact, marks, continuous, volumes, liquidity, gas, indices, hash }.hashed()
    }

    /// Of prices that are made up, all zero until they are filled in ([`Self::marks_mut`]): a bar opens where the one before
    /// it closed, and a price is formed where it is read. `hash` names what they are made from.
    pub fn synthetic(symbols: Vec<String>, begin: u64, ends: Vec<u64>, hash: B256) -> Self {
        let (volumes, liquidity) = (vec![None; symbols.len()], vec![None; symbols.len()]);
        let marks = vec![0.0; ends.len() * symbols.len()];
        let (continuous, gas, indices) = (Vec::new(), None, Vec::new());
        Self { symbols, ends, begin, exact: None, marks, continuous, volumes, liquidity, gas, indices, hash }
    }

    /// The closes of a synthetic panel in dollars, bar by bar; empty of one that was read, which is as it is.
    pub fn marks_mut(&mut self) -> &mut [f64] {
        if self.exact.is_none() { &mut self.marks } else { &mut [] }
    }

    /// With the liquidity of a Uniswap v3 pool of `symbol` and a dollar for each bar, as known at its end, and the decimals of
    /// the pool's two tokens. One that lacks a bar, or of what has no column, is not taken.
    #[must_use]
    pub fn with_liquidity(mut self, symbol: &str, mut liquidity: Vec<u128>, decimals: [u8; 2]) -> Self {
        liquidity.truncate(self.len());
        if let (Some(column), true) = (self.column(symbol), liquidity.len() == self.len()) {
            self.liquidity[column] = Some((liquidity, decimals));
        }
        self.hashed()
    }

    /// With a price of gas for each bar, in gwei of `token` with eighteen decimal places. One that lacks a bar is not taken.
    #[must_use]
    pub fn with_gas(mut self, token: String, mut gas: Vec<u128>) -> Self {
        gas.truncate(self.len());
        self.gas = (gas.len() == self.len()).then_some((token, gas));
        self.hashed()
    }

    /// With an index that yield is earned by, in rays and above zero, at the end of each bar. One that lacks a bar is not
    /// taken.
    #[must_use]
    pub fn with_index(mut self, name: String, mut index: Vec<u128>) -> Self {
        index.truncate(self.len());
        if index.len() == self.len() && index.iter().all(|found| *found > 0) {
            self.indices.push((name, index));
        }
        self.hashed()
    }

    /// With the hash of what it holds.
    fn hashed(mut self) -> Self {
        let mut hasher = Keccak256::new();
        hasher.update([VERSION]);
        let mut name = |symbol: &str| {
            hasher.update((symbol.len() as u64).to_le_bytes());
            hasher.update(symbol);
        };
        self.symbols.iter().for_each(|symbol| name(symbol));
        self.indices.iter().chain(&self.gas).for_each(|(symbol, _)| name(symbol));
        let times = std::iter::once(&self.begin).chain(&self.ends).flat_map(|time| time.to_le_bytes());
        hasher.update(times.collect::<Vec<u8>>());
        for prices in self.exact.iter().flatten() {
            hasher.update(prices.iter().flat_map(|price| price.0.to_le_bytes()).collect::<Vec<u8>>());
        }
        let beside = self.indices.iter().chain(&self.gas).map(|(_, found)| (b's', found.clone()));
        let volumes = self.volumes.iter().enumerate().filter_map(|(place, volume)| {
            let volume = volume.as_ref()?.iter().map(|volume| volume.0).collect();
            Some((u8::try_from(place).unwrap_or(u8::MAX), volume))
        });
        for (tag, values) in volumes.chain(beside) {
            hasher.update([tag]);
            hasher.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        }
        for (column, found) in self.liquidity.iter().enumerate() {
            let Some((liquidity, [zero, one])) = found else { continue };
            hasher.update([b'l', u8::try_from(column).unwrap_or(u8::MAX), *zero, *one]);
            hasher.update(liquidity.iter().flat_map(|found| found.to_le_bytes()).collect::<Vec<u8>>());
        }
        self.hash = hasher.finalize();
        self
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

    /// Length of a bar, seconds: all have the same.
    pub fn step_secs(&self) -> u64 {
        match self.ends.as_slice() {
            [first, second, ..] => second.saturating_sub(*first).max(1),
            [only] => only.saturating_sub(self.begin).max(1),
            [] => 1,
        }
    }

    /// Open of `column` at `bar`.
    #[inline]
    pub fn open(&self, bar: usize, column: usize) -> Price {
        match &self.exact {
            Some([open, _]) => open[bar * self.symbols.len() + column],
            None => self.close(bar.saturating_sub(1), column),
        }
    }

    /// Close of `column` at `bar`.
    #[inline]
    pub fn close(&self, bar: usize, column: usize) -> Price {
        let place = bar * self.symbols.len() + column;
        match &self.exact {
            Some([_, close]) => close[place],
            // Rounded toward zero; what is no number, or below zero, is no price.
            None => Price((self.marks[place] * WAD as f64) as u128),
        }
    }

    /// Whether every asset opens at `bar` where it closed before: the end of one bar is the beginning of the next.
    #[inline]
    pub fn opens_at_close(&self, bar: usize) -> bool {
        bar > 0 && self.continuous.get(bar).copied().unwrap_or(self.exact.is_none())
    }

    /// Close of each column at `bar`, dollars.
    #[inline]
    pub fn marks(&self, bar: usize) -> &[f64] {
        let width = self.symbols.len();
        &self.marks[bar * width..(bar + 1) * width]
    }

    /// [`Self::marks`] of each of these bars; of a panel without columns none.
    #[inline]
    pub fn rows(&self, bars: std::ops::Range<usize>) -> std::slice::ChunksExact<'_, f64> {
        let width = self.symbols.len();
        self.marks[bars.start * width..bars.end * width].chunks_exact(width.max(1))
    }

    /// What was traded of `column` in `bar`, in dollars, where the data says so.
    pub fn volume(&self, bar: usize, column: usize) -> Option<Value> {
        self.volumes.get(column)?.as_ref()?.get(bar).copied()
    }

    /// Liquidity of the pool of `column` at the end of `bar`, and the decimals of the pool's tokens, where the data says so.
    pub fn liquidity(&self, bar: usize, column: usize) -> Option<(u128, [u8; 2])> {
        let (liquidity, decimals) = self.liquidity.get(column)?.as_ref()?;
        Some((*liquidity.get(bar)?, *decimals))
    }

    /// Mean price of gas in `bar`, gwei with eighteen decimal places, where the data says so.
    pub fn gas(&self, bar: usize) -> Option<u128> {
        self.gas.as_ref()?.1.get(bar).copied()
    }

    /// In which token gas is paid, where the data has its price.
    pub fn gas_token(&self) -> Option<&str> {
        self.gas.as_ref().map(|(token, _)| token.as_str())
    }

    /// The index of this name at the end of each bar, in rays.
    pub fn index(&self, name: &str) -> Option<&[u128]> {
        self.indices.iter().find(|(known, _)| known == name).map(|(_, index)| index.as_slice())
    }

    /// Names of its indices.
    pub fn indices(&self) -> impl Iterator<Item = &str> {
        self.indices.iter().map(|(name, _)| name.as_str())
    }

    /// keccak256 of names, times, prices, and what stands beside them.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The first `bars` bars: what was known then.
    #[must_use]
    pub fn prefix(&self, bars: usize) -> Self {
        self.cut(0..bars.min(self.len()))
    }

    /// The last `bars` bars, or all of them.
    #[must_use]
    pub(crate) fn suffix(&self, bars: usize) -> Self {
        self.cut(self.len().saturating_sub(bars)..self.len())
    }

    fn cut(&self, bars: std::ops::Range<usize>) -> Self {
        let width = self.symbols.len();
        let (of, rows) = (|values: &Vec<u128>| values[bars.clone()].to_vec(), bars.start * width..bars.end * width);
        let cut = Self {
            symbols: self.symbols.clone(),
            ends: self.ends[bars.clone()].to_vec(),
            begin: self.begins_at(bars.start),
            exact: self.exact.as_ref().map(|exact| exact.each_ref().map(|all| all[rows.clone()].to_vec())),
            marks: self.marks[rows.clone()].to_vec(),
            continuous: self.continuous.get(bars.clone()).unwrap_or_default().to_vec(),
            volumes: self.volumes.iter().map(|volume| Some(volume.as_ref()?[bars.clone()].to_vec())).collect(),
            liquidity: self.liquidity.iter().map(|it| it.as_ref().map(|(found, with)| (of(found), *with))).collect(),
            gas: self.gas.as_ref().map(|(token, gas)| (token.clone(), of(gas))),
            indices: self.indices.iter().map(|(name, index)| (name.clone(), of(index))).collect(),
            hash: self.hash,
        };
        // What a synthetic panel is made from its beginning is made from too.
        if self.exact.is_some() { cut.hashed() } else { cut }
    }
}
