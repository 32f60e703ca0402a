//! One series: equal steps, typed values, and what was done to read it.

use crate::problem::{DataError, Problem, ProblemKind};
use alloy_primitives::{B256, Keccak256};
use quaestor_core::{Price, Value, amount::mul_div};

/// Raised whenever the same series would hash otherwise.
const VERSION: u8 = 1;
/// One of an index: 10^27, a ray, as Aave writes its liquidity index.
pub const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;

/// What a series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Prices of an asset in dollars.
    Price,
    /// What one unit that was lent at first has grown to: Aave's liquidity index, or assets for a share of an ERC-4626
    /// vault; in rays.
    Index,
    /// Price of gas, gwei with eighteen decimal places.
    Gas,
    /// Liquidity of a pool in range, Uniswap v3's `L`.
    Liquidity,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Price, Self::Index, Self::Gas, Self::Liquidity];

    /// As files and reports write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Index => "index",
            Self::Gas => "gas",
            Self::Liquidity => "liquidity",
        }
    }

    /// Decimal places of its values.
    pub fn places(self) -> u8 {
        match self {
            Self::Price | Self::Gas => 18,
            Self::Index => 27,
            Self::Liquidity => 0,
        }
    }
}

/// In what a volume is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeUnit {
    /// Dollars.
    Dollars,
    /// Whole tokens of the asset.
    Tokens,
}

/// Prices bar by bar; every column is as long as `close`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// First price.
    pub open: Vec<Price>,
    /// Greatest and least price, where there are some.
    pub range: Option<(Vec<Price>, Vec<Price>)>,
    /// Last price.
    pub close: Vec<Price>,
    /// Traded, with eighteen decimal places, where that is known.
    pub volume: Option<(VolumeUnit, Vec<u128>)>,
    /// Market capitalisation at the end of the bar in dollars, where that is known.
    pub market_cap: Option<Vec<Value>>,
}

/// Values of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Of [`Kind::Price`].
    Prices(Prices),
    /// Of the other kinds, in the unit of each.
    Samples(Vec<u128>),
}

/// Numbers with more decimal places than are kept; they were rounded toward zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rounding {
    /// How many.
    pub count: u64,
    /// The first one: line, column, text.
    pub first: Option<(u64, &'static str, String)>,
}

/// What a named rule put where rows were missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filled {
    /// Rows.
    pub rows: u64,
    /// Most of them one after the other.
    pub longest: u64,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Whose: an asset, the shares of a vault, a chain, a pool.
    pub name: String,
    /// What it says.
    pub kind: Kind,
    /// When the first row is, Unix seconds: where a bar begins, when a sample was taken.
    pub begin: u64,
    /// Seconds from each row to the next.
    pub step: u64,
    /// One a row; at least one.
    pub values: Values,
    /// Numbers that could not be kept whole.
    pub rounding: Rounding,
    /// What a rule filled in.
    pub filled: Filled,
    /// Of [`Kind::Liquidity`]: decimals of the pool's tokens, which its file does not say; see [`super::PoolTokens`].
    pub pool_decimals: [u8; 2],
    /// What else was done to read it, for people.
    pub notes: Vec<String>,
    /// Columns of its file that say nothing known.
    pub ignored: Vec<String>,
}

impl Series {
    /// Rows.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Prices(prices) => prices.close.len(),
            Values::Samples(samples) => samples.len(),
        }
    }

    /// Whether there is no row; there always is one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When row `at` is, Unix seconds.
    pub fn time(&self, at: usize) -> u64 {
        self.begin + self.step * at as u64
    }

    /// The last second of bar `at`.
    pub fn end(&self, at: usize) -> u64 {
        self.time(at) + self.step - 1
    }

    /// The last second of the last row.
    pub fn last(&self) -> u64 {
        self.end(self.len().saturating_sub(1))
    }

    /// The row in which Unix time `time` lies: that of the bar then, or of the newest sample.
    pub fn row_at(&self, time: u64) -> Option<usize> {
        let row = usize::try_from(time.checked_sub(self.begin)? / self.step).ok()?;
        (row < self.len()).then_some(row)
    }

    /// Prices, where it has some.
    pub fn prices(&self) -> Option<&Prices> {
        match &self.values {
            Values::Prices(prices) => Some(prices),
            Values::Samples(_) => None,
        }
    }

    /// Samples, where it has some.
    pub fn samples(&self) -> Option<&[u128]> {
        match &self.values {
            Values::Prices(_) => None,
            Values::Samples(samples) => Some(samples),
        }
    }

    /// What was known at `time`: the newest sample, which holds until the next one is due. `None` before the first and
    /// after the last has run out.
    pub fn known_at(&self, time: u64) -> Option<u128> {
        self.samples()?.get(self.row_at(time)?).copied()
    }

    /// The mean of the samples from `from` to `to`, both included, rounded down; the newest before where there is none
    /// between.
    pub fn mean_over(&self, from: u64, to: u64) -> Option<u128> {
        let samples = self.samples()?;
        let row = |time: u64| usize::try_from(time.checked_sub(self.begin)? / self.step).ok();
        // The first sample that is not before `from`.
        let first = row((from + self.step - 1).max(self.begin))?;
        let last = row(to)?;
        if last >= samples.len() {
            return None;
        }
        if first > last || self.begin > from {
            return self.known_at(to);
        }
        let found = &samples[first..=last];
        let sum = found.iter().try_fold(0u128, |sum, sample| sum.checked_add(*sample))?;
        Some(sum / found.len() as u128)
    }

    /// Volume of bar `at` in dollars; one in tokens at the bar's close.
    pub fn volume(&self, at: usize) -> Option<Value> {
        let prices = self.prices()?;
        let (unit, volumes) = prices.volume.as_ref()?;
        let volume = *volumes.get(at)?;
        match unit {
            VolumeUnit::Dollars => Some(Value(volume)),
            VolumeUnit::Tokens => mul_div(volume, prices.close.get(at)?.0, quaestor_core::amount::WAD).map(Value),
        }
    }

    /// keccak256 of kind, name, times and values. Files that say the same have the same.
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update([VERSION, self.kind as u8]);
        hasher.update((self.name.len() as u64).to_le_bytes());
        hasher.update(&self.name);
        for number in [self.begin, self.step, self.len() as u64] {
            hasher.update(number.to_le_bytes());
        }
        let mut column = |tag: u8, values: &mut dyn Iterator<Item = u128>| {
            hasher.update([tag]);
            for value in values {
                hasher.update(value.to_le_bytes());
            }
        };
        match &self.values {
            Values::Samples(samples) => column(0, &mut samples.iter().copied()),
            Values::Prices(prices) => {
                column(1, &mut prices.open.iter().map(|price| price.0));
                if let Some((high, low)) = &prices.range {
                    column(2, &mut high.iter().chain(low).map(|price| price.0));
                }
                column(3, &mut prices.close.iter().map(|price| price.0));
                if let Some((unit, volume)) = &prices.volume {
                    let tag = if *unit == VolumeUnit::Dollars { 4 } else { 5 };
                    column(tag, &mut volume.iter().copied());
                }
                if let Some(caps) = &prices.market_cap {
                    column(6, &mut caps.iter().map(|cap| cap.0));
                }
            }
        }
        hasher.finalize()
    }
}

/// Series of one loading, by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataSet {
    series: Vec<(String, Series)>,
}

impl DataSet {
    /// Adds what a file holds.
    pub(crate) fn add(&mut self, file: &str, series: Series) -> Result<(), Problem> {
        let key = |one: &Series| (one.kind, one.name.clone());
        match self.series.binary_search_by_key(&key(&series), |(_, one)| key(one)) {
            Ok(found) => {
                let other = self.series[found].0.clone();
                let kind = ProblemKind::SeriesTwice { kind: series.kind.word(), name: series.name, other };
                Err(Problem { file: file.to_owned(), line: 0, kind })
            }
            Err(place) => {
                self.series.insert(place, (file.to_owned(), series));
                Ok(())
            }
        }
    }

    /// Adds the series of another.
    ///
    /// # Errors
    /// Each that is here already.
    pub fn extend(&mut self, other: Self) -> Result<(), DataError> {
        let mut problems = DataError::default();
        for (file, series) in other.series {
            if let Err(problem) = self.add(&file, series) {
                problems.push(&problem.file, problem.line, problem.kind);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Every series with its file, prices first, then by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.series.iter().map(|(file, series)| (file.as_str(), series))
    }

    /// Those of a kind, by name.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Series> {
        self.series.iter().map(|(_, series)| series).filter(move |series| series.kind == kind)
    }

    /// The one of this kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Series> {
        self.of(kind).find(|series| series.name == name)
    }

    /// Calls every series `name`, where no two are of one kind; whether that is so.
    pub fn rename(&mut self, name: &str) -> bool {
        let is_one_each = Kind::ALL.iter().all(|kind| self.of(*kind).count() <= 1);
        for (_, series) in self.series.iter_mut().filter(|_| is_one_each) {
            name.clone_into(&mut series.name);
        }
        is_one_each
    }

    /// keccak256 of the hashes of all series.
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        for (_, series) in &self.series {
            hasher.update(series.hash());
        }
        hasher.finalize()
    }
}
