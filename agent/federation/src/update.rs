//! What a member sends, what becomes of it, and why it may be left out.

use crate::{Failure, Kind, MemberId, Shape, linear};
use serde::Serialize;

/// What a member sends in a round: a vector of the length that the [`Shape`] states, and its number of records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Update {
    /// Parameters ([`Kind::Mean`]) or sums over records ([`Kind::Sums`]).
    pub values: Vec<f64>,
    /// Records that the values are made from. A claim: only the weighted mean believes it.
    pub records: u64,
}

/// The updates of a round made into one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aggregate {
    /// As long as an update. Of [`Kind::Sums`] a sum over all records, also where a robust mode formed it.
    pub values: Vec<f64>,
    /// Records of all members in it.
    pub records: u64,
    /// Members in it.
    pub members: usize,
}

/// Why a member's update is not in the aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Exclusion {
    /// It did not answer in time.
    #[error("no answer within {waited_ticks} ticks")]
    Late {
        /// Ticks that the round waited.
        waited_ticks: u64,
    },
    /// It said that it cannot answer.
    #[error("failed: {failure}")]
    Failed {
        /// Its words.
        failure: Failure,
    },
    /// The update has another length.
    #[error("{found} numbers instead of {expected}")]
    Dimension {
        /// Length of the update.
        found: usize,
        /// Length that the task states.
        expected: usize,
    },
    /// Made from no records.
    #[error("made from no records")]
    NoRecords,
    /// Made from more records than the settings let one member claim.
    #[error("{found} records, more than {most}")]
    TooManyRecords {
        /// Records claimed.
        found: u64,
        /// `records_max` of the settings.
        most: u64,
    },
    /// A NaN or an infinite number.
    #[error("number {index} is {kind}")]
    NotFinite {
        /// First such place.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        kind: &'static str,
    },
    /// Its norm (of sums: of the mean per record) exceeds the bound.
    #[error("norm above {most:e}{}", found.map(|norm| format!(": {norm:e}")).unwrap_or_default())]
    TooLarge {
        /// The norm; `None` when it overflows.
        found: Option<f64>,
        /// `norm_max` of the settings.
        most: f64,
    },
    /// Its contribution was bad too often; it is out for good.
    #[error("excluded after {bad_rounds} bad rounds in a row")]
    Reputation {
        /// Bad rounds in a row when it was excluded.
        bad_rounds: u32,
    },
    /// Whoever leads the training put it out for good, in an earlier round.
    #[error("excluded in an earlier round")]
    Earlier,
}

/// A member that is not in a round's aggregate, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Excluded {
    /// Who.
    pub member: MemberId,
    /// Why.
    #[serde(flatten)]
    pub why: Exclusion,
}

/// Bounds on one member's update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) norm_max: f64,
    pub(crate) records_max: u64,
}

impl Update {
    /// Checks it against shape and bounds.
    pub(crate) fn inspect(&self, shape: Shape, bounds: Bounds) -> Result<(), Exclusion> {
        if self.values.len() != shape.update {
            return Err(Exclusion::Dimension { found: self.values.len(), expected: shape.update });
        }
        if self.records == 0 {
            return Err(Exclusion::NoRecords);
        }
        if self.records > bounds.records_max {
            return Err(Exclusion::TooManyRecords { found: self.records, most: bounds.records_max });
        }
        if let Some(index) = linear::first_not_finite(&self.values) {
            return Err(Exclusion::NotFinite { index, kind: not_finite_kind(self.values[index]) });
        }
        let scale = match shape.kind {
            Kind::Mean => 1.0,
            Kind::Sums => self.records as f64,
        };
        let norm = linear::norm(&self.values) / scale;
        match norm <= bounds.norm_max {
            true => Ok(()),
            false => Err(Exclusion::TooLarge { found: norm.is_finite().then_some(norm), most: bounds.norm_max }),
        }
    }
}

/// How a number that is not finite is called.
pub(crate) fn not_finite_kind(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "inf",
        _ => "-inf",
    }
}
