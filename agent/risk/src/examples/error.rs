//! Why records cannot be learned from.

use super::{FEATURES_MAX, MAGNITUDE_MAX, RECORDS_MAX};

/// Why records cannot be learned from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExamplesError {
    /// No records.
    #[error("there are no records; give at least one, or leave this member out")]
    Empty,
    /// No features, too many, or two of one name.
    #[error("{found} features; give from 1 to {}, each with a name of its own", FEATURES_MAX)]
    Features {
        /// How many were named.
        found: usize,
    },
    /// Two features of one name.
    #[error("feature `{name}` is named twice; name each feature once")]
    FeatureTwice {
        /// The name.
        name: String,
    },
    /// More records than [`RECORDS_MAX`].
    #[error("{found} records are more than {}; split the shard", RECORDS_MAX)]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A list is not as long as the records and features say.
    #[error("{list} has {found} numbers where {expected} are needed; give as many of them as records and features say")]
    Dimension {
        /// Which list.
        list: &'static str,
        /// What the other lists ask for.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// Features of joined series, or of records and a model, differ.
    #[error("feature {position} is `{found}` where `{expected}` is needed; give the same features in the same order")]
    OtherFeatures {
        /// Its place, from zero.
        position: usize,
        /// What the first series or the model says.
        expected: String,
        /// What was given; empty if there is none.
        found: String,
    },
    /// NaN, infinite, or beyond [`MAGNITUDE_MAX`].
    #[error("`{name}` of record {record} (day {day}) is {found}; give finite numbers up to {MAGNITUDE_MAX:e}")]
    NotFinite {
        /// The feature, or `target`.
        name: String,
        /// The record, from zero.
        record: usize,
        /// Its day since 1970-01-01.
        day: u32,
        /// What was given.
        found: f64,
    },
    /// A day comes twice in a series.
    #[error("day {day} (since 1970-01-01) comes twice, at record {record}; keep one record a day")]
    DayTwice {
        /// The second record of that day, from zero.
        record: usize,
        /// The day.
        day: u32,
    },
    /// A day comes after a later one in a series.
    #[error("record {record} is of day {day} (since 1970-01-01), after one of day {before}; sort by day, oldest first")]
    DaysUnordered {
        /// The record, from zero.
        record: usize,
        /// The day of the record before it.
        before: u32,
        /// Its own day.
        day: u32,
    },
    /// A feature has the same value in all records, so that nothing can be learned from it.
    #[error("feature `{name}` is {value} in all {records} records; leave it out or give a longer history")]
    Constant {
        /// The feature.
        name: String,
        /// Its only value.
        value: f64,
        /// How many records.
        records: usize,
    },
    /// A target of a classification is neither zero nor one.
    #[error("the target of record {record} is {found}; write 1 for an event and 0 for none")]
    NotAClass {
        /// The record, from zero.
        record: usize,
        /// What was given.
        found: f64,
    },
    /// All records are events, or none is.
    #[error(
        "{events} of {records} records are events; a fit needs both kinds, so give a longer history or exclude this member"
    )]
    OneClass {
        /// Records in all.
        records: usize,
        /// Events among them.
        events: usize,
    },
    /// Fewer records than a fit needs.
    #[error("{found} records are fewer than the {least} that are needed; give a longer history")]
    TooFewRecords {
        /// Records in all.
        found: usize,
        /// What is needed.
        least: usize,
    },
    /// Fewer events, or fewer records without one, than a fit needs.
    #[error("{events} events in {records} records; at least {least} events and {least} records without one are needed")]
    TooFewEvents {
        /// Records in all.
        records: usize,
        /// Events among them.
        events: usize,
        /// What is needed of each kind.
        least: usize,
    },
}
