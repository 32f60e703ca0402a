//! The same days of several series.

use crate::{DailyBar, DailySeries, Day};
use std::fmt;

/// Series side by side: the same days in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aligned<'a> {
    /// The days, oldest first.
    pub days: Vec<Day>,
    /// The rows of each series, in the order in which the series were given; each as long as `days`.
    pub rows: Vec<&'a [DailyBar]>,
}

/// Days that a series lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Whose.
    pub symbol: String,
    /// The first day that is missing.
    pub from: Day,
    /// The last one of those that follow without a break.
    pub to: Day,
}

/// Why series cannot be put side by side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlignError {
    /// No series was given.
    #[error("there is no series to align; name at least one")]
    NoSeries,
    /// The last day lies before the first.
    #[error("{from} lies after {to}; write the earlier day first")]
    Backward {
        /// First day wanted.
        from: Day,
        /// Last day wanted.
        to: Day,
    },
    /// Days are missing; all of them are named.
    #[error("days are missing and nothing is filled in: {}; choose other days or leave the series out", Listed(.absences))]
    Missing {
        /// Which, in the order of the series.
        absences: Vec<Absence>,
    },
}

struct Listed<'a>(&'a [Absence]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Absence { symbol, from, to }) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{symbol} from {from} to {to}")?;
        }
        Ok(())
    }
}

/// The rows of all `series` from day `from` to day `to`, both included.
///
/// # Errors
/// If a series lacks any of these days, with all that are missing.
pub fn align(series: &[DailySeries], from: Day, to: Day) -> Result<Aligned<'_>, AlignError> {
    if series.is_empty() {
        return Err(AlignError::NoSeries);
    }
    let mut days = vec![from];
    days.extend(std::iter::successors(from.next(), |day| day.next()).take_while(|day| *day <= to));
    if from > to {
        return Err(AlignError::Backward { from, to });
    }
    let mut absences = Vec::new();
    let mut rows = Vec::with_capacity(series.len());
    for one in series {
        let missing = |day: &&Day| one.at(**day).is_none();
        let absent: Vec<Day> = days.iter().filter(missing).copied().collect();
        if absent.is_empty() {
            // A series has no gaps, so that the days stand in one piece.
            let start = one.rows().partition_point(|row| row.day < from);
            rows.extend(one.rows().get(start..start + days.len()));
        }
        absences.extend(runs(one.symbol(), &absent));
    }
    if absences.is_empty() { Ok(Aligned { days, rows }) } else { Err(AlignError::Missing { absences }) }
}

fn runs(symbol: &str, absent: &[Day]) -> Vec<Absence> {
    let run = |run: &[Day]| {
        let (from, to) = (*run.first()?, *run.last()?);
        Some(Absence { symbol: symbol.to_owned(), from, to })
    };
    absent.chunk_by(|a, b| a.next() == Some(*b)).filter_map(run).collect()
}
