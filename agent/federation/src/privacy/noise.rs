//! Sums in fixed point with discrete Gaussian noise.
//!
//! The sampler is the exact one of Canonne, Kamath and Steinke (*The Discrete Gaussian for Differential Privacy*,
//! NeurIPS 2020) from the `prio` crate, on integers throughout: floats leak through their rounding.
//!
//! No member is trusted to add all the noise. Each adds a variance of `σ²/h`, with `h` the number of honest members
//! that are guaranteed to be in the sum, so that honest noise alone has the variance `σ²`. That hides a record from
//! whoever sees the sum, and no more. Where single updates are seen (by the coordinator when sums are not secret, by a
//! robust rule, by reputations) `h` is 1: each member hides its own records, and the mean is noisier. Sums of discrete Gaussians
//! are not exactly discrete Gaussian; their distance is of the order of `h·e^{−π²s²}` with `s` the deviation of one
//! member's noise in steps (Kairouz, Liu and Steinke, *The Distributed Discrete Gaussian Mechanism for Federated
//! Learning with Secure Aggregation*, ICML 2021). A grid with fewer than [`STEPS_PER_DEVIATION_MIN`] steps is refused;
//! at that many the distance is below `e^{−10⁹}`, and the accountant speaks of the Gaussian that the grid approaches.

use crate::bits;
use prio::dp::{Rational, distributions::DiscreteGaussian};
use rand::{CryptoRng, distr::Distribution};
use serde::{Deserialize, Serialize};

/// Fewest steps of the grid in one standard deviation of a member's noise.
pub const STEPS_PER_DEVIATION_MIN: f64 = 65_536.0;
/// Most bits after the point.
pub const FRACTION_BITS_MAX: u8 = 48;

/// Why noise cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum NoiseError {
    /// A number is not above zero or not finite.
    #[error("{name} is {found}; write a finite number above 0")]
    NotPositive {
        /// Which number.
        name: &'static str,
        /// What was given.
        found: f64,
    },
    /// Too many bits after the point.
    #[error("{found} bits after the point; write at most {FRACTION_BITS_MAX}")]
    FractionBits {
        /// What was given.
        found: u8,
    },
    /// No honest member is guaranteed.
    #[error("noise is shared by guaranteed honest members, and none is")]
    NoHonest,
    /// The grid is too coarse for the noise.
    #[error("a deviation of {found:e} steps, fewer than {STEPS_PER_DEVIATION_MIN}; use more bits after the point")]
    Coarse {
        /// Steps of the grid in one deviation.
        found: f64,
    },
    /// A sum or its noise leaves the range of 64 bits; use fewer bits after the point or fewer records.
    #[error("number {index} of the sum leaves the range of 64 bits; use fewer bits after the point")]
    Overflow {
        /// Which number of the vector.
        index: usize,
    },
    /// A contribution is longer than the clip or not finite.
    #[error("a contribution has the norm {found}, above the clip of {most}")]
    NotClipped {
        /// Its norm.
        found: f64,
        /// The clip.
        most: f64,
    },
    /// A contribution has another length than the sum.
    #[error("a contribution has {found} numbers instead of {expected}")]
    Length {
        /// Its length.
        found: usize,
        /// Length of the sum.
        expected: usize,
    },
}

/// How numbers and noise stand on a grid. All members of a federation use the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedPoint {
    /// Bits after the point: a step is `2^-fraction_bits`.
    pub fraction_bits: u8,
    /// Largest norm of a record's contribution.
    #[serde(with = "bits")]
    pub clip: f64,
    /// Standard deviation of the whole noise, in clips.
    #[serde(with = "bits")]
    pub noise_multiplier: f64,
    /// Honest members that are guaranteed to be in the sum; 1 where single updates are seen.
    pub honest_min: u32,
}

impl FixedPoint {
    fn step(self) -> f64 {
        libm::ldexp(1.0, -i32::from(self.fraction_bits))
    }

    /// Standard deviation of one member's noise in steps, a whole number rounded up.
    ///
    /// # Errors
    /// If a number makes no sense, or the grid is too coarse.
    pub fn member_deviation_steps(self) -> Result<u128, NoiseError> {
        for (name, found) in [("the clip", self.clip), ("the noise multiplier", self.noise_multiplier)] {
            if !(found > 0.0 && found.is_finite()) {
                return Err(NoiseError::NotPositive { name, found });
            }
        }
        if self.fraction_bits > FRACTION_BITS_MAX {
            return Err(NoiseError::FractionBits { found: self.fraction_bits });
        }
        if self.honest_min == 0 {
            return Err(NoiseError::NoHonest);
        }
        let deviation = self.noise_multiplier * (self.clip / self.step()) / libm::sqrt(f64::from(self.honest_min));
        // At least 2^16, so one step more covers the rounding of the line above up to 2^52.
        let steps = libm::ceil(deviation) + 1.0;
        match deviation {
            _ if deviation < STEPS_PER_DEVIATION_MIN => Err(NoiseError::Coarse { found: deviation }),
            _ if deviation > libm::ldexp(1.0, 52) => Err(NoiseError::Overflow { index: 0 }),
            // Whole and below 2^53: the conversion is exact.
            _ => Ok(steps as u128),
        }
    }

    /// Noise multiplier of a single member's update: what hides a record from whoever sees it.
    pub fn member_noise_multiplier(self) -> f64 {
        self.noise_multiplier / libm::sqrt(f64::from(self.honest_min.max(1)))
    }

    /// An empty sum of vectors of this length.
    pub fn sum(self, length: usize) -> NoisySum {
        NoisySum { grid: self, steps: vec![0; length] }
    }
}

/// A sum of clipped contributions in steps of the grid. Exact, whatever the order.
#[derive(Debug, Clone, PartialEq)]
pub struct NoisySum {
    grid: FixedPoint,
    steps: Vec<i64>,
}

impl NoisySum {
    /// Adds a record's contribution. Numbers are rounded towards zero, so that rounding never makes it longer.
    ///
    /// # Errors
    /// If it is not clipped, of another length, or the sum overflows; nothing is added then.
    pub fn add(&mut self, contribution: &[f64]) -> Result<(), NoiseError> {
        let (norm, step) = (crate::linear::norm(contribution), self.grid.step());
        if contribution.len() != self.steps.len() {
            return Err(NoiseError::Length { found: contribution.len(), expected: self.steps.len() });
        }
        if norm.is_nan() || norm > self.grid.clip {
            return Err(NoiseError::NotClipped { found: norm, most: self.grid.clip });
        }
        let mut sums = Vec::with_capacity(self.steps.len());
        for (index, (sum, value)) in self.steps.iter().zip(contribution).enumerate() {
            // The conversion saturates; what saturates fails the check after it.
            let steps = (value / step) as i64;
            let fits = steps.unsigned_abs() < 1 << 62;
            sums.push(sum.checked_add(steps).filter(|_| fits).ok_or(NoiseError::Overflow { index })?);
        }
        self.steps = sums;
        Ok(())
    }

    /// Adds this member's share of the noise to every number and gives the numbers as floats.
    ///
    /// `random` decides how private the result is: hand in a generator seeded by the operating system. A seeded one is
    /// for tests and simulations.
    ///
    /// # Errors
    /// If the grid makes no sense or a number overflows.
    pub fn release<R: CryptoRng>(self, random: &mut R) -> Result<Vec<f64>, NoiseError> {
        let deviation = self.grid.member_deviation_steps()?;
        let step = self.grid.step();
        let not_positive = NoiseError::NotPositive { name: "the deviation", found: 0.0 };
        // Fails for a denominator of zero only.
        let deviation = Rational::from_unsigned(deviation, 1).map_err(|_| not_positive)?;
        let gaussian = DiscreteGaussian::new(deviation).map_err(|_| not_positive)?;
        let mut released = Vec::with_capacity(self.steps.len());
        for (index, sum) in self.steps.into_iter().enumerate() {
            let noise = i64::try_from(gaussian.sample(random)).map_err(|_| NoiseError::Overflow { index })?;
            let noisy = sum.checked_add(noise).ok_or(NoiseError::Overflow { index })?;
            // Rounds to the nearest float: made from the noisy number alone, it reveals nothing more.
            released.push(noisy as f64 * step);
        }
        Ok(released)
    }
}

#[cfg(test)]
mod tests;
