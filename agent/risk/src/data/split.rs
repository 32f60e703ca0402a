//! Train and test, apart in time.

use super::calendar::date;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most folds of one judgement: two years of months.
pub const FOLDS_MAX: usize = 24;

/// One step of walking forward: trained on `train`, judged on `test`, days since 1970-01-01.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Days of the records that it learns from. Their targets end before `test` begins.
    pub train: Range<u32>,
    /// Days of the records that it is judged on.
    pub test: Range<u32>,
}

/// Why days cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The embargo is shorter than the horizon, so that a training target would look into the test.
    #[error("an embargo of {embargo} days is shorter than the horizon of {horizon}; make it at least as long")]
    Embargo {
        /// Days between training and test.
        embargo: u32,
        /// Days that a target looks ahead.
        horizon: u32,
    },
    /// A fold without days, or too many of them.
    #[error("folds of {fold_days} days give {folds}; write a length that gives 1 to {}", FOLDS_MAX)]
    Folds {
        /// Days of a fold.
        fold_days: u32,
        /// How many there would be.
        folds: usize,
    },
    /// Nothing to learn from before the first test day.
    #[error(
        "records begin on {} and the test on {}: with an embargo of {embargo} days nothing is left to learn from; \
         begin the test later",
        date(*first), date(*test)
    )]
    NothingToTrain {
        /// First day with a record.
        first: u32,
        /// First day of the test.
        test: u32,
        /// Days between training and test.
        embargo: u32,
    },
}

/// Splits `days`: tests of `fold_days` each from `test` on, the last one shorter, each trained on everything up to
/// `embargo` days before it.
///
/// # Errors
/// If the embargo is shorter than `horizon`, no day is left to train or test, or there are more than [`FOLDS_MAX`]
/// folds.
pub fn walk_forward(
    days: Range<u32>,
    test: u32,
    fold_days: u32,
    embargo: u32,
    horizon: u32,
) -> Result<Vec<Fold>, SplitError> {
    if embargo < horizon {
        return Err(SplitError::Embargo { embargo, horizon });
    }
    let first_end = test.saturating_sub(embargo);
    if first_end <= days.start {
        return Err(SplitError::NothingToTrain { first: days.start, test, embargo });
    }
    let folds = days.end.saturating_sub(test).checked_div(fold_days).map_or(0, |_| {
        let left = days.end.saturating_sub(test);
        left.div_ceil(fold_days) as usize
    });
    if !(1..=FOLDS_MAX).contains(&folds) {
        return Err(SplitError::Folds { fold_days, folds });
    }
    let starts = (0..folds as u32).map(|fold| test + fold * fold_days);
    Ok(starts
        .map(|start| Fold { train: days.start..start - embargo, test: start..(start + fold_days).min(days.end) })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_training_target_reaches_into_its_test() {
        let folds = walk_forward(100..205, 150, 20, 14, 14).unwrap();
        assert_eq!(folds.len(), 3);
        assert_eq!(folds[0], Fold { train: 100..136, test: 150..170 });
        assert_eq!(folds[2], Fold { train: 100..176, test: 190..205 });
        for fold in folds {
            let last_target = fold.train.end - 1 + 14;
            assert!(last_target < fold.test.start);
        }
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let short = SplitError::Embargo { embargo: 13, horizon: 14 };
        assert_eq!(walk_forward(0..100, 50, 10, 13, 14), Err(short));
        assert_eq!(walk_forward(0..100, 50, 0, 14, 14), Err(SplitError::Folds { fold_days: 0, folds: 0 }));
        assert_eq!(walk_forward(0..100, 50, 1, 14, 14), Err(SplitError::Folds { fold_days: 1, folds: 50 }));
        assert_eq!(walk_forward(0..100, 100, 10, 14, 14), Err(SplitError::Folds { fold_days: 10, folds: 0 }));
        let nothing = SplitError::NothingToTrain { first: 40, test: 54, embargo: 14 };
        assert_eq!(walk_forward(40..100, 54, 10, 14, 14), Err(nothing));
    }
}
