//! Clipping a record's contribution.

use crate::linear;

/// Below one by more than the rounding errors of scaling and of a norm over 2 million numbers.
const SHRINK: f64 = 1.0 - 1e-9;

/// Shortens a record's contribution to a norm of at most `bound`, and says by which factor (1 when it was short
/// enough).
///
/// `contribution` is everything that the record adds to the released vector, gradient and packed Hessian together:
/// one norm over both, so that what is released is one vector of sensitivity `bound` and not two. A contribution that
/// is not finite becomes zero: it has no direction that could be kept.
pub fn clip(contribution: &mut [f64], bound: f64) -> f64 {
    let norm = linear::norm(contribution);
    if norm <= bound * SHRINK {
        return 1.0;
    }
    let factor = bound / norm * SHRINK;
    // An overflowing norm gives a factor of zero, NaN one that is neither.
    if !(norm.is_finite() && factor > 0.0) {
        contribution.fill(0.0);
        return 0.0;
    }
    contribution.iter_mut().for_each(|value| *value *= factor);
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gradient_and_hessian_share_one_norm() {
        let mut contribution = [3.0, 0.0, 4.0];
        assert_eq!(clip(&mut contribution, 10.0), 1.0);
        assert_eq!(contribution, [3.0, 0.0, 4.0]);
        assert!((clip(&mut contribution, 1.0) - 0.2).abs() < 1e-8, "the norm is 5, not 3 and 4");
    }

    #[test]
    fn what_is_not_finite_contributes_nothing() {
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            let mut contribution = [1.0, bad];
            assert_eq!(clip(&mut contribution, 1.0), 0.0);
            assert_eq!(contribution, [0.0, 0.0]);
        }
    }

    proptest! {
        #[test]
        fn the_norm_is_never_above_the_bound(
            mut contribution in prop::collection::vec(-1e6f64..1e6, 1..60),
            bound in 1e-3f64..1e3,
        ) {
            clip(&mut contribution, bound);
            prop_assert!(linear::norm(&contribution) <= bound);
        }
    }
}
