//! Privacy of a record: clipping, noise, what a training costs, and a budget for a year.
//!
//! **Unit.** The record, not the member: with few members, noise that hides a whole member destroys the model.
//! Neighbouring data sets differ in one record, present in the one and contributing nothing in the other; the number
//! of records is public. Replacing a record by another one counts as two.
//!
//! **What is released** in a round is one vector of sums, to which the members together add Gaussian noise of
//! `noise multiplier × clip`. A record's contribution to the whole vector, gradient and Hessian jointly, has a norm of
//! at most the clip ([`clip`]), so a round of Newton is one release and not two.
//!
//! **From whom.** From everybody who sees the sum. Members share the noise, so who sees a single member's update before
//! it is summed sees less of it; with `honest_min` 1 each member adds all of it and the figures hold against the
//! coordinator too ([`FixedPoint::member_noise_multiplier`]).
//!
//! **A day.** A day's price enters every record whose window covers it. Hiding a day means hiding `window` records at
//! once: the same noise, `window` times the sensitivity ([`epsilon_of_group`]).
//!
//! **What it costs.** With everybody's records in every round, `T` releases with noise multiplier `σ` are one Gaussian
//! mechanism with `μ = √T/σ` (Dong, Roth and Su, *Gaussian Differential Privacy*, JRSS B 84, 2022), whose exact curve is
//! `δ(ε) = Φ(−ε/μ + μ/2) − e^ε·Φ(−ε/μ − μ/2)` (Balle and Wang, *Improving the Gaussian Mechanism for Differential
//! Privacy*, ICML 2018). There is no subsampling and none is claimed.

mod accountant;
mod budget;
mod clip;
mod noise;
mod normal;

pub use accountant::{
    DELTA_MIN, METHOD, MU_MAX, MU_MIN, ROUNDS_MAX, epsilon, epsilon_of_group, epsilon_of_mu, mu_of_epsilon,
    noise_multiplier,
};
pub use budget::{Budget, BudgetError};
pub use clip::clip;
pub use noise::{FRACTION_BITS_MAX, FixedPoint, NoiseError, NoisySum, STEPS_PER_DEVIATION_MIN};

/// A question about privacy that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PrivacyError {
    /// δ is not a probability strictly between zero and one, or smaller than the accountant can resolve.
    #[error("delta is {found}; write a number from {DELTA_MIN:e} to below 1, such as 1e-5")]
    Delta {
        /// What was given.
        found: f64,
    },
    /// ε is negative or not finite.
    #[error("epsilon is {found}; write a finite number that is not negative, such as 1")]
    Epsilon {
        /// What was given.
        found: f64,
    },
    /// The noise multiplier is not above zero or not finite.
    #[error("the noise multiplier is {found}; write a finite number above 0, such as 10")]
    NoiseMultiplier {
        /// What was given.
        found: f64,
    },
    /// No rounds, or too many.
    #[error("{found} rounds; write a number from 1 to {ROUNDS_MAX}")]
    Rounds {
        /// What was given.
        found: u32,
    },
    /// A group of no records.
    #[error("a group of {found} records; write 1 or more")]
    Group {
        /// What was given.
        found: u32,
    },
    /// The noise is so weak or so strong for the rounds that the accountant does not speak of it.
    #[error("sqrt(rounds)/noise multiplier is {mu:e}, outside of {MU_MIN:e} to {MU_MAX:e}")]
    OutOfRange {
        /// The mechanism's μ.
        mu: f64,
    },
}
