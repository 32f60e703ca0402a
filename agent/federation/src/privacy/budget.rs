//! What a year of trainings may cost.

use super::{PrivacyError, accountant::mu_of_epsilon, epsilon_of_mu};
use crate::bits;
use serde::{Deserialize, Serialize};

/// A ledger of what was released in a period. μ² of Gaussian releases add up exactly, so nothing is lost by charging
/// them one by one.
///
/// A charge stands once it was made, whether or not its round came to something: what was released cannot be called
/// back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    #[serde(with = "bits")]
    epsilon: f64,
    #[serde(with = "bits")]
    delta: f64,
    group: u32,
    period: u32,
    #[serde(with = "bits")]
    spent_mu_squared: f64,
}

/// Why a charge was refused; the ledger is as it was.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// The period's budget does not cover it.
    #[error(
        "the privacy budget of period {period} is spent: {spent_epsilon} of epsilon {epsilon} at delta {delta}, and this \
         would make it {asked_epsilon}"
    )]
    Spent {
        /// The period.
        period: u32,
        /// The budget.
        epsilon: f64,
        /// At this δ.
        delta: f64,
        /// ε spent so far.
        spent_epsilon: f64,
        /// ε after the charge.
        asked_epsilon: f64,
    },
    /// The charge is for an earlier period than the ledger's.
    #[error("a charge for period {asked}, and the ledger is at {period} already")]
    Past {
        /// Period of the charge.
        asked: u32,
        /// Period of the ledger.
        period: u32,
    },
    /// A number is out of range.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
}

impl Budget {
    /// A budget of ε at δ for each period, for `group` records hidden together (1, or the records that one day's price
    /// enters). `period` is the first one, such as the year.
    ///
    /// # Errors
    /// If a number is out of range, or the budget is too small for any release.
    pub fn new(epsilon: f64, delta: f64, group: u32, period: u32) -> Result<Self, PrivacyError> {
        mu_of_epsilon(epsilon, delta)?;
        match group {
            0 => Err(PrivacyError::Group { found: 0 }),
            _ => Ok(Self { epsilon, delta, group, period, spent_mu_squared: 0.0 }),
        }
    }

    /// The same ledger with the budget as it is voted now: what was spent stays spent.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn voted(self, epsilon: f64, delta: f64) -> Result<Self, PrivacyError> {
        mu_of_epsilon(epsilon, delta)?;
        Ok(Self { epsilon, delta, ..self })
    }

    /// Whether its numbers are ones that charging gives: what was read from a file may not be.
    pub fn is_sound(&self) -> bool {
        let Self { epsilon, delta, group, spent_mu_squared, .. } = *self;
        mu_of_epsilon(epsilon, delta).is_ok() && group > 0 && spent_mu_squared >= 0.0 && spent_mu_squared.is_finite()
    }

    /// Records that are counted together.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// Period that the ledger is at.
    pub fn period(&self) -> u32 {
        self.period
    }

    /// ε spent in the ledger's period, rounded up.
    ///
    /// # Errors
    /// If what was spent is beyond what the accountant speaks of.
    pub fn spent_epsilon(&self) -> Result<f64, PrivacyError> {
        self.epsilon_of(self.spent_mu_squared)
    }

    /// Whether `rounds` releases with this noise multiplier can be charged in `period`: the ledger afterwards.
    ///
    /// # Errors
    /// If they cannot.
    pub fn charged(&self, period: u32, noise_multiplier: f64, rounds: u32) -> Result<Self, BudgetError> {
        if period < self.period {
            return Err(BudgetError::Past { asked: period, period: self.period });
        }
        if !(noise_multiplier > 0.0 && noise_multiplier.is_finite()) {
            return Err(PrivacyError::NoiseMultiplier { found: noise_multiplier }.into());
        }
        let before = if period > self.period { 0.0 } else { self.spent_mu_squared };
        let sensitivity = f64::from(self.group) / noise_multiplier;
        // Two floats up for the rounding of each operation: the ledger is never below the truth.
        let release = (sensitivity * sensitivity).next_up().next_up().next_up() * f64::from(rounds);
        let after = (before + release.next_up()).next_up();
        let largest = mu_of_epsilon(self.epsilon, self.delta)?;
        // What is no number covers nothing.
        let covers = libm::sqrt(after).next_up() <= largest;
        if !covers {
            return Err(BudgetError::Spent {
                period,
                epsilon: self.epsilon,
                delta: self.delta,
                spent_epsilon: self.epsilon_of(before)?,
                asked_epsilon: self.epsilon_of(after)?,
            });
        }
        Ok(Self { period, spent_mu_squared: after, ..*self })
    }

    fn epsilon_of(&self, mu_squared: f64) -> Result<f64, PrivacyError> {
        match mu_squared > 0.0 {
            true => epsilon_of_mu(libm::sqrt(mu_squared).next_up().max(super::MU_MIN), self.delta),
            false => Ok(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_rounds_at_once_cost_what_fifty_single_ones_do() {
        let budget = Budget::new(2.943226, 1e-5, 1, 2027).unwrap();
        let at_once = budget.charged(2027, 10.0, 50).unwrap();
        let mut one_by_one = budget;
        for _ in 0..50 {
            one_by_one = one_by_one.charged(2027, 10.0, 1).unwrap();
        }
        assert!((at_once.spent_epsilon().unwrap() - 2.943225).abs() < 1e-5);
        assert!((one_by_one.spent_epsilon().unwrap() - 2.943225).abs() < 1e-5);
        let Err(BudgetError::Spent { spent_epsilon, asked_epsilon, period: 2027, .. }) =
            one_by_one.charged(2027, 10.0, 1)
        else {
            panic!("the fifty-first round was let through")
        };
        assert!(spent_epsilon < 2.943226 && asked_epsilon > 2.943226, "{spent_epsilon} then {asked_epsilon}");
    }

    #[test]
    fn a_new_period_starts_at_nothing_and_an_old_one_is_over() {
        let spent = Budget::new(1.0, 1e-5, 1, 2027).unwrap().charged(2027, 10.0, 6).unwrap();
        assert!(spent.charged(2027, 10.0, 6).is_err());
        let next = spent.charged(2028, 10.0, 6).unwrap();
        assert_eq!((next.period(), next.spent_epsilon().unwrap()), (2028, spent.spent_epsilon().unwrap()));
        assert_eq!(next.charged(2027, 10.0, 1), Err(BudgetError::Past { asked: 2027, period: 2028 }));
    }

    #[test]
    fn a_day_costs_more_than_a_record() {
        let record = Budget::new(50.0, 1e-5, 1, 1).unwrap().charged(1, 20.0, 10).unwrap().spent_epsilon().unwrap();
        let day = Budget::new(50.0, 1e-5, 5, 1).unwrap().charged(1, 20.0, 10).unwrap().spent_epsilon().unwrap();
        assert!(day > 5.0 * record, "{day} a day, {record} a record");
        assert!((day - super::super::epsilon_of_group(20.0, 10, 1e-5, 5).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn numbers_that_make_no_sense_are_errors() {
        assert_eq!(Budget::new(-1.0, 1e-5, 1, 1), Err(PrivacyError::Epsilon { found: -1.0 }));
        assert_eq!(Budget::new(1.0, 1.0, 1, 1), Err(PrivacyError::Delta { found: 1.0 }));
        assert_eq!(Budget::new(1.0, 1e-5, 0, 1), Err(PrivacyError::Group { found: 0 }));
        let budget = Budget::new(1.0, 1e-5, 1, 1).unwrap();
        assert!(budget.charged(1, 0.0, 1).is_err() && budget.charged(1, f64::NAN, 1).is_err());
        assert!(budget.is_sound());
        for spent_mu_squared in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(!Budget { spent_mu_squared, ..budget }.is_sound());
        }
        assert!(Budget { spent_mu_squared: f64::NAN, ..budget }.charged(1, 1e9, 1).is_err(), "no number covers it");
        assert!(!Budget { group: 0, ..budget }.is_sound() && !Budget { epsilon: f64::NAN, ..budget }.is_sound());
    }
}
