//! The scaled complementary error function, from which tails of the normal distribution follow without underflow.

use std::f64::consts::PI;

/// A bound on the relative error of [`erfcx`] in the range that the accountant uses, with room to spare.
pub(super) const ERFCX_RELATIVE_ERROR: f64 = 64.0 * f64::EPSILON;

/// Levels of the continued fraction. From x = 2 on what lies below the last level is smaller than e^{-80} of the whole.
const LEVELS: u32 = 200;

/// `erfcx(x) = e^{x²}·erfc(x)` for `x ≥ −1`.
///
/// Below 2 it is the product; above, Laplace's continued fraction (Abramowitz and Stegun 7.1.14), evaluated from the
/// last level up, where every term is positive and rounding errors shrink.
pub(super) fn erfcx(x: f64) -> f64 {
    if x < 2.0 {
        return libm::exp(x * x) * libm::erfc(x);
    }
    let mut tail = x;
    for level in (1..=LEVELS).rev() {
        tail = x + f64::from(level) / 2.0 / tail;
    }
    1.0 / (libm::sqrt(PI) * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_fifty_digits() {
        // mpmath 1.3, 50 digits: exp(x*x)*erfc(x).
        let known = include_str!("../../testdata/erfcx.csv");
        let mut rows = 0;
        for line in known.lines().filter(|line| !line.starts_with('#')) {
            let (x, expected) = line.split_once(',').unwrap();
            let (x, expected): (f64, f64) = (x.parse().unwrap(), expected.parse().unwrap());
            let error = (erfcx(x) / expected - 1.0).abs();
            assert!(error < ERFCX_RELATIVE_ERROR / 2.0, "erfcx({x}) is off by {error:e}");
            rows += 1;
        }
        assert!(rows > 50);
    }
}
