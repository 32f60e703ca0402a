//! What a year of trainings costs, and what it may.

use super::{PrivacyError, accountant::mu_of_epsilon, epsilon_of_mu};
use crate::bits;
use serde::{Deserialize, Serialize};

/// A ledger of what was released in a period, with or without a limit. μ² of Gaussian releases add up exactly, so nothing
/// is lost by charging them one by one.
///
/// A charge stands once it was made, whether or not its round came to something: what was released cannot be called
/// back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// `None`: every release is charged, and none refused.
    #[serde(with = "bits::optional")]
    epsilon: Option<f64>,
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
        Self::unlimited(delta, group, period)?.voted(Some(epsilon), delta)
    }

    /// The same without a limit: what is released is written down, and never refused.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn unlimited(delta: f64, group: u32, period: u32) -> Result<Self, PrivacyError> {
        check(None, delta)?;
        match group {
            0 => Err(PrivacyError::Group { found: 0 }),
            _ => Ok(Self { epsilon: None, delta, group, period, spent_mu_squared: 0.0 }),
        }
    }

    /// The same ledger with the budget as it is voted now, or with none: what was spent stays spent.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn voted(self, epsilon: Option<f64>, delta: f64) -> Result<Self, PrivacyError> {
        check(epsilon, delta)?;
        Ok(Self { epsilon, delta, ..self })
    }

    /// Whether its numbers are ones that charging gives: what was read from a file may not be.
    pub fn is_sound(&self) -> bool {
        let Self { epsilon, delta, group, spent_mu_squared, .. } = *self;
        check(epsilon, delta).is_ok() && group > 0 && spent_mu_squared >= 0.0 && spent_mu_squared.is_finite()
    }

    /// ε of a period; `None` without a limit.
    pub fn epsilon(&self) -> Option<f64> {
        self.epsilon
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

    /// ε spent in `period`, rounded up: zero in one that the ledger has not come to.
    ///
    /// # Errors
    /// If what was spent is beyond what the accountant speaks of.
    pub fn spent_epsilon_in(&self, period: u32) -> Result<f64, PrivacyError> {
        if period > self.period { Ok(0.0) } else { self.spent_epsilon() }
    }

    /// Whether `rounds` releases with this noise multiplier can be charged in `period`: the ledger afterwards. Without a
    /// limit, what is charged for a period before the ledger's counts in the ledger's.
    ///
    /// # Errors
    /// If they cannot.
    pub fn charged(&self, period: u32, noise_multiplier: f64, rounds: u32) -> Result<Self, BudgetError> {
        if period < self.period && self.epsilon.is_some() {
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
        // What is no number covers nothing.
        let mu = libm::sqrt(after).next_up();
        match self.epsilon {
            Some(epsilon) => {
                let covers = mu <= mu_of_epsilon(epsilon, self.delta)?;
                if !covers {
                    let (spent_epsilon, asked_epsilon) = (self.epsilon_of(before)?, self.epsilon_of(after)?);
                    return Err(BudgetError::Spent {
                        period,
                        epsilon,
                        delta: self.delta,
                        spent_epsilon,
                        asked_epsilon,
                    });
                }
            }
            None if after.is_finite() => {}
            None => return Err(PrivacyError::OutOfRange { mu }.into()),
        }
        Ok(Self { period: period.max(self.period), spent_mu_squared: after, ..*self })
    }

    /// How many of `rounds` releases with this noise multiplier it covers in `period`, charged one by one: all, or fewer.
    ///
    /// # Errors
    /// As of [`Self::charged`], but that the budget is spent is an answer.
    pub fn covered(&self, period: u32, noise_multiplier: f64, rounds: u32) -> Result<u32, BudgetError> {
        let mut ledger = *self;
        for covered in 0..rounds {
            ledger = match ledger.charged(period, noise_multiplier, 1) {
                Ok(charged) => charged,
                Err(BudgetError::Spent { .. }) => return Ok(covered),
                Err(other) => return Err(other),
            };
        }
        Ok(rounds)
    }

    fn epsilon_of(&self, mu_squared: f64) -> Result<f64, PrivacyError> {
        match mu_squared > 0.0 {
            true => epsilon_of_mu(libm::sqrt(mu_squared).next_up().max(super::MU_MIN), self.delta),
            false => Ok(0.0),
        }
    }
}

fn check(epsilon: Option<f64>, delta: f64) -> Result<(), PrivacyError> {
    match epsilon {
        Some(epsilon) => mu_of_epsilon(epsilon, delta).map(drop),
        None => epsilon_of_mu(1.0, delta).map(drop),
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
        assert!(!Budget { group: 0, ..budget }.is_sound() && !Budget { epsilon: Some(f64::NAN), ..budget }.is_sound());
        assert_eq!(Budget::unlimited(0.0, 1, 1), Err(PrivacyError::Delta { found: 0.0 }));
        assert!(!Budget { delta: 2.0, ..Budget::unlimited(1e-5, 1, 1).unwrap() }.is_sound());
    }

    #[test]
    fn without_a_limit_everything_is_charged_and_nothing_refused() {
        let mut ledger = Budget::unlimited(1e-5, 1, 2027).unwrap();
        for _ in 0..50 {
            ledger = ledger.charged(2027, 10.0, 1).unwrap();
        }
        assert!((ledger.spent_epsilon().unwrap() - 2.943225).abs() < 1e-5);
        assert_eq!(ledger.covered(2027, 0.1, 100), Ok(100));
        // A clock that went back charges the year that the ledger has come to.
        let back = ledger.charged(2026, 10.0, 1).unwrap();
        assert!(back.period() == 2027 && back.spent_epsilon().unwrap() > ledger.spent_epsilon().unwrap());
        assert_eq!((ledger.spent_epsilon_in(2028), ledger.charged(2028, 10.0, 1).unwrap().period()), (Ok(0.0), 2028));
        // A limit that is voted later counts what was spent before it.
        let voted = ledger.voted(Some(2.943226), 1e-5).unwrap();
        assert!(matches!(voted.charged(2027, 10.0, 1), Err(BudgetError::Spent { .. })));
        assert!(voted.voted(None, 1e-5).unwrap().charged(2027, 10.0, 1).is_ok());
        assert!(ledger.charged(2027, f64::MIN_POSITIVE, 1).is_err(), "what cannot be counted is not released");
    }

    #[test]
    fn what_is_covered_is_what_can_be_charged_one_by_one() {
        let budget = Budget::new(2.943226, 1e-5, 1, 2027).unwrap();
        assert_eq!((budget.covered(2027, 10.0, 50), budget.covered(2027, 10.0, 60)), (Ok(50), Ok(50)));
        let spent = budget.charged(2027, 10.0, 30).unwrap();
        assert_eq!((spent.covered(2027, 10.0, 50), spent.covered(2028, 10.0, 50)), (Ok(20), Ok(50)));
        assert!(matches!(spent.covered(2026, 10.0, 1), Err(BudgetError::Past { .. })));
    }

    #[test]
    fn files_of_before_are_read_and_a_missing_limit_is_null() {
        let before = r#"{"epsilon":"4020000000000000","delta":"3ee4f8b588e368f1","group":1,"period":2027,"spent_mu_squared":"3fe0000000000000"}"#;
        let read: Budget = serde_json::from_str(before).unwrap();
        assert_eq!((read.epsilon(), read.period(), read.spent_mu_squared), (Some(8.0), 2027, 0.5));
        assert_eq!(serde_json::to_string(&read).unwrap(), before);
        let unlimited = read.voted(None, 1e-5).unwrap();
        let text = serde_json::to_string(&unlimited).unwrap();
        assert!(text.starts_with(r#"{"epsilon":null,"#), "{text}");
        assert_eq!(serde_json::from_str::<Budget>(&text).unwrap(), unlimited);
    }
}
