//! What is wrong with a file of market data, by file and line.

use crate::Day;
use std::fmt;

/// Most problems that are kept of one loading; the rest is counted.
pub const PROBLEMS_MAX: usize = 1_000;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Its line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// Kinds of problems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The file or folder could not be read, or is no text.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// In the words of the system or the parser.
        reason: String,
    },
    /// More bytes than [`crate::FILE_BYTES_MAX`].
    #[error("has {found} bytes, more than {allowed}; split it or take coarser data")]
    TooLarge {
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// The columns are others.
    #[error("the header is `{found}`; write `{}`", crate::HEADER.join(","))]
    Header {
        /// What was read.
        found: String,
    },
    /// There is no row.
    #[error("has no rows; give at least one day")]
    Empty,
    /// A folder without data.
    #[error("has no file that ends in .csv; name the folder that holds the daily prices")]
    NoFiles,
    /// A row has too few or too many fields.
    #[error("has {found} fields; write {}: {}", crate::HEADER.len(), crate::HEADER.join(","))]
    Fields {
        /// Fields found.
        found: usize,
    },
    /// The date is none.
    #[error("`{text}` is no day; write such as `2020-03-12`")]
    Date {
        /// What was read.
        text: String,
    },
    /// A field is no number.
    #[error("{column} `{text}` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`")]
    Number {
        /// The column.
        column: &'static str,
        /// What was read.
        text: String,
    },
    /// A price is zero or negative.
    #[error("{column} `{text}` is not above zero; a day without a price is no row")]
    NonPositive {
        /// The column.
        column: &'static str,
        /// What was read.
        text: String,
    },
    /// A volume or capitalisation is negative.
    #[error("{column} `{text}` is below zero; write 0 where none was recorded")]
    Negative {
        /// The column.
        column: &'static str,
        /// What was read.
        text: String,
    },
    /// The prices of a day contradict each other.
    #[error("low, open, close and high of {day} are not in order; low is the least and high the greatest")]
    Range {
        /// The day.
        day: Day,
    },
    /// The day stands there already.
    #[error("{day} stands on line {first_line} already; keep one of them")]
    Duplicate {
        /// The day.
        day: Day,
        /// Where it stood first.
        first_line: u64,
    },
    /// The day lies before the one above it.
    #[error("{day} comes after {before}; sort the rows by day")]
    Disorder {
        /// The day.
        day: Day,
        /// The latest day above it.
        before: Day,
    },
    /// Days are missing.
    #[error("days missing between {after} and {day}: {missing}; nothing is filled in, so add them or cut the file")]
    Gap {
        /// The last day before.
        after: Day,
        /// The day of this row.
        day: Day,
        /// How many lie between.
        missing: usize,
    },
    /// The day is not over.
    #[error("{day} closes after the present time {now}; remove the row or check the clock")]
    Future {
        /// The day.
        day: Day,
        /// Unix seconds.
        now: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.kind),
            line => write!(f, "{}:{line}: {}", self.file, self.kind),
        }
    }
}

/// Everything that is wrong with what was to be loaded, in the order of files and lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataError {
    /// The problems, at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl DataError {
    pub(crate) fn push(&mut self, file: &str, line: u64, kind: ProblemKind) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { file: file.to_owned(), line, kind });
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        for Problem { file, line, kind } in other.problems {
            self.push(&file, line, kind);
        }
        self.more += other.more;
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for DataError {}
