//! ε of Gaussian releases, exact and rounded up, and the least noise for an ε.

use super::{
    PrivacyError,
    normal::{ERFCX_RELATIVE_ERROR, erfcx},
};
use std::f64::consts::SQRT_2;

/// How the figures are made, for whoever prints them.
pub const METHOD: &str = "gaussian-exact";
/// Smallest δ.
pub const DELTA_MIN: f64 = 1e-200;
/// Smallest `√T/σ`.
pub const MU_MIN: f64 = 1e-9;
/// Largest `√T/σ`.
pub const MU_MAX: f64 = 1e6;
/// Most rounds.
pub const ROUNDS_MAX: u32 = 1_000_000_000;

/// Halvings of an interval between two positive floats until nothing lies between them: 64 bits, and one.
const HALVINGS_MAX: u32 = 65;
/// More noise, by this share, where the ε of the noise that was found is above the one asked for, and how often at most:
/// of 20,000 random questions a twentieth needed it, by no more than three in 10¹³.
const NUDGE: f64 = 1e-13;
const NUDGES_MAX: u32 = 100;
/// Of an addition, a division or a square root, and a few of them in a row.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// ε of `rounds` releases with this noise multiplier, at this δ. Never below the true value.
///
/// # Errors
/// If a number is out of range.
pub fn epsilon(noise_multiplier: f64, rounds: u32, delta: f64) -> Result<f64, PrivacyError> {
    epsilon_of_group(noise_multiplier, rounds, delta, 1)
}

/// ε with which `group` records are hidden together, such as the records that one day's price enters. Never below the
/// true value.
///
/// # Errors
/// If a number is out of range.
pub fn epsilon_of_group(noise_multiplier: f64, rounds: u32, delta: f64, group: u32) -> Result<f64, PrivacyError> {
    if group == 0 {
        return Err(PrivacyError::Group { found: group });
    }
    epsilon_of_mu(mu(noise_multiplier, rounds)? * f64::from(group), delta)
}

/// ε of a Gaussian mechanism with this μ (sensitivity over standard deviation). Never below the true value.
///
/// # Errors
/// If a number is out of range.
pub fn epsilon_of_mu(mu: f64, delta: f64) -> Result<f64, PrivacyError> {
    check_delta(delta)?;
    if !(MU_MIN..=MU_MAX).contains(&mu) {
        return Err(PrivacyError::OutOfRange { mu });
    }
    // μ itself may have been rounded down.
    let mu = mu * (1.0 + ROUNDING);
    if delta_at_most(0.0, mu) <= delta {
        return Ok(0.0);
    }
    // Beyond μ·(40 + μ/2) the first term alone is below Φ(−40), far below the least δ.
    Ok(least(0.0, mu * (40.0 + mu / 2.0), |epsilon| delta_at_most(epsilon, mu) <= delta))
}

/// The least noise multiplier with which `rounds` releases cost at most `epsilon` at this δ. Rounded up: [`epsilon`] of
/// the result is never above the one asked for.
///
/// # Errors
/// If a number is out of range, or no noise multiplier that the accountant speaks of is enough.
pub fn noise_multiplier(epsilon: f64, rounds: u32, delta: f64) -> Result<f64, PrivacyError> {
    check_rounds(rounds)?;
    let root = libm::sqrt(f64::from(rounds));
    let mu = mu_of_epsilon(epsilon, delta)?;
    // A μ that is slightly smaller than allowed covers the rounding of the division.
    let mut noise_multiplier = root / (mu * (1.0 - 2.0 * ROUNDING));
    // Both searches round against the caller, each at its own last digits: what comes back may still say a little more.
    for _ in 0..NUDGES_MAX {
        if self::epsilon(noise_multiplier, rounds, delta)? <= epsilon {
            break;
        }
        noise_multiplier *= 1.0 + NUDGE;
    }
    Ok(noise_multiplier)
}

/// The largest μ whose ε at this δ is at most `epsilon`, rounded down.
///
/// # Errors
/// If a number is out of range, or even the smallest μ costs more.
pub fn mu_of_epsilon(epsilon: f64, delta: f64) -> Result<f64, PrivacyError> {
    check_delta(delta)?;
    if !(epsilon >= 0.0 && epsilon.is_finite()) {
        return Err(PrivacyError::Epsilon { found: epsilon });
    }
    let within = |mu: f64| delta_at_most(epsilon, mu * (1.0 + ROUNDING)) <= delta;
    if !within(MU_MIN) {
        return Err(PrivacyError::OutOfRange { mu: MU_MIN });
    }
    if within(MU_MAX) {
        return Ok(MU_MAX);
    }
    // The least μ that is too much, and the float before it.
    Ok(least(MU_MIN, MU_MAX, |mu| !within(mu)).next_down())
}

fn mu(noise_multiplier: f64, rounds: u32) -> Result<f64, PrivacyError> {
    check_rounds(rounds)?;
    if !(noise_multiplier > 0.0 && noise_multiplier.is_finite()) {
        return Err(PrivacyError::NoiseMultiplier { found: noise_multiplier });
    }
    Ok(libm::sqrt(f64::from(rounds)) / noise_multiplier)
}

fn check_rounds(rounds: u32) -> Result<(), PrivacyError> {
    match (1..=ROUNDS_MAX).contains(&rounds) {
        true => Ok(()),
        false => Err(PrivacyError::Rounds { found: rounds }),
    }
}

fn check_delta(delta: f64) -> Result<(), PrivacyError> {
    match (DELTA_MIN..1.0).contains(&delta) {
        true => Ok(()),
        false => Err(PrivacyError::Delta { found: delta }),
    }
}

/// The least float above `low` for which a monotone `holds`, when it does not hold at `low` and does at `high`.
fn least(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    // Bits of floats that are not negative have the order of the floats.
    let (mut low, mut high) = (low.to_bits(), high.to_bits());
    for _ in 0..HALVINGS_MAX {
        let middle = low + (high - low) / 2;
        if middle == low {
            break;
        }
        if holds(f64::from_bits(middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::from_bits(high)
}

/// δ(ε) of a Gaussian mechanism, with every rounding error counted against it.
///
/// With `a = μ/2 − ε/μ` and `b = a − μ`: `e^ε·φ(b) = φ(a)`, so both terms are `φ(a)` times a ratio of tail to density
/// (`erfcx`), and nothing overflows.
fn delta_at_most(epsilon: f64, mu: f64) -> f64 {
    let ratio = epsilon / mu;
    let slack = ROUNDING * (ratio + mu / 2.0);
    let (a, b) = (mu / 2.0 - ratio + slack, -mu / 2.0 - ratio - slack);
    // Half of e^{−x²/2}, at least and at most; the exponent's own rounding weighs in with its size.
    let half_density = |x: f64, sign: f64| {
        let exponent = -x * x / 2.0;
        0.5 * libm::exp(exponent) * (1.0 + sign * (ROUNDING - ROUNDING * exponent))
    };
    // The second term, e^ε·Φ(b), at least: the density at the a that is furthest from zero.
    let furthest = (a.abs() + 2.0 * slack) * (1.0 + ROUNDING);
    let second = half_density(furthest, -1.0) * erfcx(-b / SQRT_2) * (1.0 - ERFCX_RELATIVE_ERROR);
    let first = match a <= 0.0 {
        true => half_density(a, 1.0) * erfcx(-a / SQRT_2) * (1.0 + ERFCX_RELATIVE_ERROR),
        // Φ(a) = 1 − Φ(−a), the tail at least.
        false => 1.0 - half_density(a, -1.0) * erfcx(a / SQRT_2) * (1.0 - ERFCX_RELATIVE_ERROR) + f64::EPSILON,
    };
    (first - second.max(0.0)) * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE
}

#[cfg(test)]
mod tests;
