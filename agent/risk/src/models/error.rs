//! What can go wrong in a model.

use crate::{examples::ExamplesError, linalg::LinalgError};

/// Why a model could not be trained or used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The records do not allow it.
    #[error(transparent)]
    Examples(#[from] ExamplesError),
    /// Its sums are no matrix that can be solved, or of another length.
    #[error("{what}: {source}")]
    Linalg {
        /// What was solved or added.
        what: &'static str,
        /// Why not.
        #[source]
        source: LinalgError,
    },
    /// A number of sums or parameters is NaN, infinite, or impossible.
    #[error("{what}: number {position} is {found}; {wanted}")]
    Number {
        /// Of what.
        what: &'static str,
        /// Its place in them, from zero.
        position: usize,
        /// What was found.
        found: f64,
        /// What is possible.
        wanted: &'static str,
    },
    /// Sums or parameters of another length than asked for.
    #[error("{what} has {found} numbers where {expected} are needed; use those of the same model and features")]
    Length {
        /// What it is.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A setting is out of range.
    #[error("{name} is {found}; write {wanted}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was given.
        found: f64,
        /// What is possible.
        wanted: &'static str,
    },
    /// A fit did not settle within its bound.
    #[error(
        "{what} did not settle in {steps} steps (last step {last:e}); raise the ridge, or look for a feature that separates the classes"
    )]
    Unsettled {
        /// Which fit.
        what: &'static str,
        /// Steps taken.
        steps: usize,
        /// Largest change of a parameter in the last of them.
        last: f64,
    },
    /// A library's fit failed.
    #[error("{library} {version}: {reason}; look at the records of this member, or leave it out")]
    Library {
        /// Which.
        library: &'static str,
        /// Its version.
        version: &'static str,
        /// What it said.
        reason: String,
    },
    /// Trees that cannot be joined or walked.
    #[error("tree {tree}: {reason}; use a forest of this version and these features")]
    Tree {
        /// Which, from zero.
        tree: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl ModelError {
    /// Names what was solved or added.
    pub(super) fn linalg(what: &'static str) -> impl Fn(LinalgError) -> Self {
        move |source| Self::Linalg { what, source }
    }
}

/// Fails at the first number that is not finite.
pub(super) fn expect_finite(what: &'static str, numbers: &[f64]) -> Result<(), ModelError> {
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(position) => Err(ModelError::Number {
            what,
            position,
            found: numbers[position],
            wanted: "only finite numbers are usable",
        }),
        None => Ok(()),
    }
}

/// Fails if there are more or fewer numbers.
pub(super) fn expect_length(what: &'static str, expected: usize, found: usize) -> Result<(), ModelError> {
    if expected == found { Ok(()) } else { Err(ModelError::Length { what, expected, found }) }
}

/// Fails if a setting is not in `range`, NaN included.
pub(super) fn expect_setting(
    name: &'static str,
    found: f64,
    range: std::ops::RangeInclusive<f64>,
    wanted: &'static str,
) -> Result<(), ModelError> {
    if range.contains(&found) { Ok(()) } else { Err(ModelError::Setting { name, found, wanted }) }
}
