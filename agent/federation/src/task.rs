//! What an update must look like, and how an aggregate becomes the next model.

mod average;
mod moments;
mod newton;

pub use average::Average;
pub use moments::Moments;
pub use newton::Newton;

use crate::{Aggregate, Refusal, linear::Cholesky, linear::NotPositiveDefinite};
use serde::{Deserialize, Serialize};

/// How updates add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Each update is a parameter vector, weighted by its records.
    Mean,
    /// Each update is a sum over records; sums add up to the sum over everybody's records.
    Sums,
}

/// Lengths that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How updates add up.
    pub kind: Kind,
    /// Numbers of a model.
    pub parameters: usize,
    /// Numbers of an update.
    pub update: usize,
}

/// The coordinator's side of a training: one implementation for each way to make a model from an aggregate.
pub trait Task {
    /// Lengths; the same at every call.
    fn shape(&self) -> Shape;

    /// The next parameters. `aggregate` has the right length and finite numbers within the norm bound.
    ///
    /// # Errors
    /// If the aggregate cannot be what honest members' updates add up to.
    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal>;
}

/// Which parameters the ridge does not touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intercept {
    /// Every parameter is penalised.
    #[default]
    None,
    /// The last parameter is an intercept and is not penalised.
    LastUnpenalised,
}

impl Intercept {
    /// The diagonal that the ridge adds.
    fn penalty(self, ridge: f64, parameters: usize) -> Vec<f64> {
        let mut penalty = vec![ridge; parameters];
        if let (Self::LastUnpenalised, Some(last)) = (self, penalty.last_mut()) {
            *last = 0.0;
        }
        penalty
    }
}

/// A task whose numbers make no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// No parameters, or more than [`PARAMETERS_MAX`].
    #[error("{found} parameters; write 1 to {PARAMETERS_MAX}")]
    Parameters {
        /// What was given.
        found: usize,
    },
    /// The ridge is negative or not finite.
    #[error("a ridge of {found}; write a finite number that is not negative")]
    Ridge {
        /// What was given.
        found: f64,
    },
    /// The bound on a record's trace is not positive.
    #[error("a trace of at most {found} a record; write a number above 0")]
    Trace {
        /// What was given.
        found: f64,
    },
}

/// Most parameters of a model: its Hessian then has 2 million numbers.
pub const PARAMETERS_MAX: usize = 2_000;

fn checked(parameters: usize, ridge: f64, trace_per_record_max: f64) -> Result<(), TaskError> {
    if !(1..=PARAMETERS_MAX).contains(&parameters) {
        return Err(TaskError::Parameters { found: parameters });
    }
    if !(ridge >= 0.0 && ridge.is_finite()) {
        return Err(TaskError::Ridge { found: ridge });
    }
    match trace_per_record_max > 0.0 {
        true => Ok(()),
        false => Err(TaskError::Trace { found: trace_per_record_max }),
    }
}

/// Trace above zero and no larger than `records` can give.
fn check_trace(trace: f64, records: u64, per_record_max: f64) -> Result<(), Refusal> {
    let most = per_record_max * records as f64;
    match trace > 0.0 && trace <= most {
        true => Ok(()),
        false => Err(Refusal::Trace { found: trace, records, most }),
    }
}

fn factor(parameters: usize, upper: &[f64], penalty: &[f64]) -> Result<Cholesky, Refusal> {
    Cholesky::new(parameters, upper, penalty)
        .map_err(|NotPositiveDefinite { row, pivot, least }| Refusal::NotPositiveDefinite { row, pivot, least })
}

#[cfg(test)]
mod tests;
