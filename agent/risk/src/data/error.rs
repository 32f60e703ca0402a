//! Why a member's data cannot be used.

use super::calendar::date;
use crate::ExamplesError;

/// Why closes, records or a shard cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// A series without days.
    #[error("`{series}` has no days; give at least one")]
    Empty {
        /// The asset or member.
        series: String,
    },
    /// A day comes twice.
    #[error("`{series}` has {} twice; keep one row a day", date(*day))]
    DayTwice {
        /// The asset or member.
        series: String,
        /// The day since 1970-01-01.
        day: u32,
    },
    /// A day comes after a later one.
    #[error("`{series}` has {} after {}; sort by day, oldest first", date(*day), date(*before))]
    DaysUnordered {
        /// The asset or member.
        series: String,
        /// The day before it in the list.
        before: u32,
        /// The day.
        day: u32,
    },
    /// A day is missing.
    #[error("`{series}` jumps from {} to {}; give every day, nothing is filled in", date(*before), date(*day))]
    DayMissing {
        /// The asset or member.
        series: String,
        /// The last day before the gap.
        before: u32,
        /// The first day after it.
        day: u32,
    },
    /// NaN, infinite, negative, or a price of zero.
    #[error("{what} of `{series}` on {} is {found}; give a finite number {}", date(*day), .least)]
    Number {
        /// The asset or member.
        series: String,
        /// Which number.
        what: &'static str,
        /// The day since 1970-01-01.
        day: u32,
        /// What was given.
        found: f64,
        /// `above zero` or `from zero on`.
        least: &'static str,
    },
    /// A day's holdings are not one number an asset.
    #[error("`{series}` holds {found} assets on {} where {expected} are named; give one number an asset", date(*day))]
    Holdings {
        /// The member.
        series: String,
        /// The day since 1970-01-01.
        day: u32,
        /// How many assets are named.
        expected: usize,
        /// How many numbers there are.
        found: usize,
    },
    /// Two assets of one name.
    #[error("asset `{symbol}` is given twice; give each asset once")]
    AssetTwice {
        /// Its name.
        symbol: String,
    },
    /// A member holds an asset without prices.
    #[error("`{member}` holds `{symbol}`, for which there are no closes; add its series or leave the asset out")]
    AssetUnknown {
        /// The member.
        member: String,
        /// The asset.
        symbol: String,
    },
    /// No day has history before it and the horizon after it.
    #[error(
        "`{member}` has {days} days of records and prices, of which none has {lookback} days before and {horizon} after; \
         give a longer history"
    )]
    TooShort {
        /// The member.
        member: String,
        /// Days of its records.
        days: usize,
        /// Days needed before a record.
        lookback: usize,
        /// Days needed after a record.
        horizon: u32,
    },
    /// The examples built from it are not usable.
    #[error("the records of `{member}`: {source}")]
    Examples {
        /// The member.
        member: String,
        /// Why.
        source: ExamplesError,
    },
}

/// Fails unless days follow one another without gap.
pub(super) fn expect_each_day(series: &str, days: impl Iterator<Item = u32>) -> Result<(), DataError> {
    let mut previous = None;
    for day in days {
        let series = || series.to_owned();
        match previous {
            Some(before) if day == before => return Err(DataError::DayTwice { series: series(), day }),
            Some(before) if day < before => return Err(DataError::DaysUnordered { series: series(), before, day }),
            Some(before) if day - before > 1 => return Err(DataError::DayMissing { series: series(), before, day }),
            _ => previous = Some(day),
        }
    }
    match previous {
        Some(_) => Ok(()),
        None => Err(DataError::Empty { series: series.to_owned() }),
    }
}
