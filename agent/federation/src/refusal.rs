//! Why an aggregate does not become a model.

use crate::AggregationError;
use serde::Serialize;

/// Why an aggregate was refused. The parameters stay as they were.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// Too few usable updates came in.
    #[error("{found} usable updates, {least} are needed")]
    NoQuorum {
        /// Usable updates.
        found: usize,
        /// `quorum` of the settings.
        least: usize,
    },
    /// The updates cannot be made into one.
    #[error("aggregation failed: {error}")]
    Aggregation {
        /// Why.
        error: AggregationError,
    },
    /// The aggregate has another length.
    #[error("the aggregate has {found} numbers instead of {expected}")]
    Length {
        /// Its length.
        found: usize,
        /// The length that the task states.
        expected: usize,
    },
    /// A number of the aggregate or of the next parameters is NaN or infinite.
    #[error("number {index} of the {of} is {kind}")]
    NotFinite {
        /// `aggregate` or `parameters`.
        of: &'static str,
        /// First such place.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        kind: &'static str,
    },
    /// The aggregate's norm (of sums: of the mean per record) exceeds the bound.
    #[error("the aggregate's norm {found:?} is above {most:e}")]
    Norm {
        /// The norm; `None` when it overflows.
        found: Option<f64>,
        /// `norm_max` of the settings.
        most: f64,
    },
    /// The trace of the Hessian or of the moments is not above zero, or above what its records can give.
    #[error("the trace {found:e} of {records} records is not above 0 and at most {most:e}")]
    Trace {
        /// The trace.
        found: f64,
        /// Records in the aggregate.
        records: u64,
        /// The bound per record times the records.
        most: f64,
    },
    /// The Hessian or the moments, ridge included, are not positive definite.
    #[error("the matrix is not positive definite: pivot {pivot:e} of row {row} is not above {least:e}")]
    NotPositiveDefinite {
        /// Row whose pivot failed.
        row: usize,
        /// The pivot.
        pivot: f64,
        /// What it had to exceed.
        least: f64,
    },
    /// Another opening of the round was closed before this one.
    #[error("round {opened} was opened, and the training is at round {current}")]
    Stale {
        /// Round that was opened.
        opened: u64,
        /// Round that would be next.
        current: u64,
    },
    /// The next model does worse on the hold-out than the tolerance permits: rolled back.
    #[error("rolled back: hold-out loss {after:?} after {before:?}, tolerance {tolerance:e}")]
    Worse {
        /// Hold-out loss of the parameters that stay; `None` when it is not finite.
        before: Option<f64>,
        /// Hold-out loss of the refused ones; `None` when it is not finite.
        after: Option<f64>,
        /// `tolerance` of the settings, in units of the loss.
        tolerance: f64,
    },
}
