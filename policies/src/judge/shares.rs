//! Comparing shares without dividing, exactly.

use quaestor_core::{
    Value,
    amount::{BPS_FACTOR, compare_products, compare_scaled},
};
use std::cmp::Ordering;

/// Compares `part / whole` with `bps / 10000`.
pub(crate) fn compare_share(part: Value, whole: Value, bps: u64) -> Ordering {
    compare_scaled(part.0, BPS_FACTOR, whole.0, bps)
}

/// Compares `part / whole` with `other_part / other_whole`; with a whole of zero nothing is a share, and they are equal.
pub(crate) fn compare_shares(part: Value, whole: Value, other_part: Value, other_whole: Value) -> Ordering {
    compare_products(part.0, other_whole.0, other_part.0, whole.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_is_within_a_cap_exactly_when_it_is_at_most_the_share_rounded_down(
            part: u128, whole: u128, bps in 0u64..20_000
        ) {
            let cap = Value(whole).share(bps);
            let within = compare_share(Value(part), Value(whole), bps) != Ordering::Greater;
            prop_assert_eq!(within, cap.is_none_or(|cap| Value(part) <= cap));
        }
    }
}
