//! Histories of any step from a minute to a day: prices, yields by index, prices of gas, liquidity of pools.
//!
//! [`load`] reads CSV (plain or gzip) and Parquet, tells everything that is wrong at once, by file and line, and fills
//! nothing in unless a rule is named. [`write`] makes one canonical file of what was read, and [`panel`] the prices that a
//! run takes.
//!
//! The time of a row is where its bar begins, and its close is known at the bar's last second. A price alone, without an
//! open, is taken as the close of the bar that begins then: it is never known too early, and up to one step late. A sample
//! of an index or of gas is known when it is taken.

mod canonical;
mod check;
mod columns;
mod parquet_file;
mod pool;
mod select;
mod series;
mod source;
mod time;

pub use canonical::{Format, WriteError, write};
pub use pool::PoolTokens;
pub use select::{SelectError, Selected, Short, Window, panel};
pub use series::{DataSet, Filled, Kind, Prices, RAY, Rounding, Series, Values, VolumeUnit};
pub use source::{BYTES_MAX, ENDINGS, Options, UNPACKED_BYTES_MAX, load, load_text};
pub use time::{Moment, parse_moment};

/// Most rows of a series, those filled in included: seven years of minutes.
pub const ROWS_MAX: usize = 4_000_000;

/// What is done where rows are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Nothing: a gap is a problem.
    #[default]
    Nothing,
    /// The newest value stands until the next one: prices are the close before, volumes zero. What is filled is counted.
    Previous,
}
