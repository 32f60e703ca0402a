//! What is wrong with a file of market data, by file and line.

use crate::data::Moment;
use std::fmt;

/// Most problems that are kept of one loading; the rest is counted.
pub const PROBLEMS_MAX: usize = 1_000;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Its line, from 1, or its row where the file is Parquet; 0 for the file as a whole.
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
    /// More bytes than are read.
    #[error("has {found} bytes, more than {allowed}; split it or take coarser data")]
    TooLarge {
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// There is no row.
    #[error("has no rows; give at least one day")]
    Empty,
    /// A folder without data.
    #[error("has no file that ends in {endings}; name the folder that holds the data")]
    NoFiles {
        /// How files end that are read.
        endings: &'static str,
    },
    /// A row has too few or too many fields.
    #[error("has {found} fields; write {wanted}: {header}")]
    Fields {
        /// Fields found.
        found: usize,
        /// Columns.
        wanted: usize,
        /// Their names.
        header: String,
    },
    /// The columns hold nothing that is known.
    #[error("the header is `{found}`; {wanted}")]
    Columns {
        /// What was read.
        found: String,
        /// What to write.
        wanted: &'static str,
    },
    /// A column stands there twice.
    #[error("the header names `{column}` twice; keep one of them")]
    ColumnTwice {
        /// Which, by what it means.
        column: &'static str,
    },
    /// More bytes than are unpacked.
    #[error("unpacks to more than {allowed} bytes; split it or take coarser data")]
    Unpacks {
        /// Bytes allowed.
        allowed: u64,
    },
    /// The end is missing.
    #[error("ends before its end: {reason}; copy or fetch it again")]
    Truncated {
        /// In the words of the system or the parser.
        reason: String,
    },
    /// More rows than are kept.
    #[error("has more than {allowed} rows; split it or take coarser data")]
    TooManyRows {
        /// Rows allowed.
        allowed: usize,
    },
    /// More series than are kept of a file.
    #[error("has more than {allowed} series; split it")]
    TooManySeries {
        /// Series allowed.
        allowed: usize,
    },
    /// The time is none.
    #[error("`{text}` is no time; write Unix seconds, `2020-03-12` or `2020-03-12 14:05`, of UTC")]
    Time {
        /// What was read.
        text: String,
    },
    /// The time is in another unit.
    #[error("`{text}` is in {unit}, as {rows} rows are; a timestamp is in seconds, so divide by {divisor}")]
    TimeUnit {
        /// What was read first.
        text: String,
        /// The unit.
        unit: &'static str,
        /// How many of it make a second.
        divisor: u64,
        /// How many rows.
        rows: u64,
    },
    /// A price of gas that can only be in wei.
    #[error("{column} `{text}` is above a million gwei; if it is in wei, divide by 1000000000")]
    GasUnit {
        /// The column.
        column: &'static str,
        /// What was read.
        text: String,
    },
    /// The step cannot be told.
    #[error("has one row, from which no step can be told; give at least two, or name the day in a column `date`")]
    OneRow,
    /// The step is finer than a minute or coarser than a day.
    #[error("rows are {step} s apart; a step is from a minute (60) to a day (86400)")]
    Step {
        /// Seconds between most rows.
        step: u64,
    },
    /// The step changes.
    #[error("from {at} on rows are {found} s apart, elsewhere {step} s; write each step into a file of its own")]
    MixedSteps {
        /// Where it changes.
        at: Moment,
        /// Seconds between rows there.
        found: u64,
        /// Seconds between most rows.
        step: u64,
    },
    /// The time lies between two steps.
    #[error("{at} is not a whole number of steps of {step} s after the first row; correct the time or remove the row")]
    OffGrid {
        /// The time.
        at: Moment,
        /// Seconds between most rows.
        step: u64,
    },
    /// Two files hold the same series.
    #[error("{kind} of `{name}` are in {other} already; keep one of them, or name this one otherwise")]
    SeriesTwice {
        /// What.
        kind: &'static str,
        /// Whose.
        name: String,
        /// The other file.
        other: String,
    },
    /// A kind of series that is not known.
    #[error("`{text}` is no kind of series; write price, index, gas or liquidity")]
    Kind {
        /// What was read.
        text: String,
    },
    /// A number that a canonical file cannot hold.
    #[error("{column} `{text}` has more than 38 digits and cannot be written; remove the row or the column")]
    Digits {
        /// The column.
        column: &'static str,
        /// The number.
        text: String,
    },
    /// A tick that no pool has.
    #[error("{column} `{text}` is no tick; write a whole number from -887272 to 887272")]
    Tick {
        /// The column.
        column: &'static str,
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
    #[error("low, open, close and high of {at} are not in order; low is the least and high the greatest")]
    Range {
        /// When.
        at: Moment,
    },
    /// The time stands there already.
    #[error("{at} stands on {first} already; keep one of them")]
    Duplicate {
        /// When.
        at: Moment,
        /// Where it stood first, such as `line 3`.
        first: String,
    },
    /// The row lies before the one above it.
    #[error("{at} comes after {before}; sort the rows by {}", .at.column())]
    Disorder {
        /// When.
        at: Moment,
        /// The latest above it.
        before: Moment,
    },
    /// Rows are missing.
    #[error(
        "{} missing between {after} and {at}: {missing}; nothing is filled in, so add them or cut the file",
        .at.rows()
    )]
    Gap {
        /// The last before.
        after: Moment,
        /// That of this row.
        at: Moment,
        /// How many lie between.
        missing: u64,
    },
    /// The bar is not over.
    #[error("{at} closes after the present time {now}; remove the row or check the clock")]
    Future {
        /// When.
        at: Moment,
        /// Unix seconds.
        now: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            row if row > 0 && self.file.ends_with(".parquet") => write!(f, "{}: row {row}: {}", self.file, self.kind),
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

    /// Puts the problems of one file in the order of its lines.
    pub(crate) fn sort(&mut self) {
        self.problems.sort_by_key(|problem| problem.line);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds those of another loading.
    pub fn extend(&mut self, other: Self) {
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
