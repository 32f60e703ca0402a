//! Whether a value at risk is breached as often as it says, and not in clusters. Neither linfa nor smartcore has these tests.
//!
//! P-values have closed forms: the chi-square law with one degree of freedom has the survival function
//! erfc(√(x / 2)), with two exp(−x / 2).

use serde::{Deserialize, Serialize};

/// Why breaches cannot be tested.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CoverageError {
    /// Too few days for a likelihood of transitions.
    #[error("{found} days are too few to test breaches; give at least two")]
    TooFewDays {
        /// Days given.
        found: usize,
    },
    /// The stated probability is none, or certain.
    #[error("a breach is said to come with probability {tail}; give a number between 0 and 1")]
    Tail {
        /// What was given.
        tail: f64,
    },
}

/// Tests of a series of breaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Days.
    pub days: usize,
    /// Days on which the loss exceeded the value at risk.
    pub breaches: usize,
    /// How many there should have been.
    pub expected: f64,
    /// p-value of the proportion of failures. Kupiec, "Techniques for verifying the accuracy of risk measurement models",
    /// Journal of Derivatives 3 (1995).
    pub kupiec_p: f64,
    /// p-value of independence from the day before. Christoffersen, "Evaluating interval forecasts", International
    /// Economic Review 39 (1998).
    pub independence_p: f64,
    /// p-value of both together, same source.
    pub conditional_p: f64,
}

/// x · ln p, zero where x is: what never happened adds nothing to a likelihood.
fn term(count: f64, probability: f64) -> f64 {
    if count > 0.0 { count * libm::log(probability) } else { 0.0 }
}

fn log_likelihood(without: f64, with: f64, probability: f64) -> f64 {
    term(without, 1.0 - probability) + term(with, probability)
}

fn share(with: f64, without: f64) -> f64 {
    if with > 0.0 { with / (with + without) } else { 0.0 }
}

/// Tests breaches day by day, oldest first, against the probability `tail` of each.
///
/// # Errors
/// If there are fewer than two days, or `tail` is not between zero and one.
pub fn coverage(breached: &[bool], tail: f64) -> Result<Coverage, CoverageError> {
    if breached.len() < 2 {
        return Err(CoverageError::TooFewDays { found: breached.len() });
    }
    if !(tail > 0.0 && tail < 1.0) {
        return Err(CoverageError::Tail { tail });
    }
    let breaches = breached.iter().filter(|one| **one).count();
    let (days, with) = (breached.len() as f64, breaches as f64);
    let without = days - with;
    let unconditional =
        2.0 * (log_likelihood(without, with, share(with, without)) - log_likelihood(without, with, tail));
    // [today after a day without breach][breach], then [after a breach][breach].
    let mut moves = [[0.0f64; 2]; 2];
    for pair in breached.windows(2) {
        moves[usize::from(pair[0])][usize::from(pair[1])] += 1.0;
    }
    let [[calm, broke], [recovered, again]] = moves;
    let apart =
        log_likelihood(calm, broke, share(broke, calm)) + log_likelihood(recovered, again, share(again, recovered));
    let (moved_without, moved_with) = (calm + recovered, broke + again);
    let together = log_likelihood(moved_without, moved_with, share(moved_with, moved_without));
    // A likelihood ratio is never negative; its rounding may be.
    let (unconditional, independence) = (unconditional.max(0.0), (2.0 * (apart - together)).max(0.0));
    Ok(Coverage {
        days: breached.len(),
        breaches,
        expected: days * tail,
        kupiec_p: libm::erfc(libm::sqrt(unconditional / 2.0)),
        independence_p: libm::erfc(libm::sqrt(independence / 2.0)),
        conditional_p: libm::exp(-(unconditional + independence) / 2.0),
    })
}

#[cfg(test)]
mod tests;
