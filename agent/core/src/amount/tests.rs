use super::*;
use proptest::prelude::*;

#[test]
fn decimal_text_is_exact_or_refused() {
    assert_eq!(Amount::parse("1250.5", 6), Ok(Amount(1_250_500_000)));
    assert_eq!(Amount::parse("0.000001", 6), Ok(Amount(1)));
    assert!(matches!(Amount::parse("0.0000001", 6), Err(AmountError::TooPrecise { found: 7, allowed: 6, .. })));
    for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "0x10", "١", " 1", "1 "] {
        assert!(matches!(Amount::parse(bad, 6), Err(AmountError::Malformed { .. })), "{bad}");
    }
    assert!(matches!(Amount::parse(&"9".repeat(40), 0), Err(AmountError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn what_is_shown_parses_back(raw: u128, decimals in 0u8..=24) {
        prop_assert_eq!(Amount::parse(&Amount(raw).display(decimals).to_string(), decimals), Ok(Amount(raw)));
    }

    #[test]
    fn mul_div_agrees_with_256_bits(a: u128, b: u128, d in 1u128..) {
        let wide = U256::from(a) * U256::from(b) / U256::from(d);
        prop_assert_eq!(mul_div(a, b, d), Amount::from_u256(wide).map(|amount| amount.0));
    }

    #[test]
    fn mul_div_agrees_with_256_bits_for_numbers_of_any_length(
        parts in prop::array::uniform3((any::<u128>(), 0u32..128, any::<bool>())),
    ) {
        // Long runs of ones and zeros are where estimates of a digit are worst.
        let [a, b, d] = parts.map(|(random, shift, ones)| if ones { u128::MAX >> shift } else { random >> shift });
        for (a, b, d) in [(a, b, d), (a.rotate_left(64), b, d), (a, b, d.rotate_left(63)), (a, b, !d)] {
            let expected = U256::from(a).wrapping_mul(U256::from(b)).checked_div(U256::from(d));
            prop_assert_eq!(mul_div(a, b, d), expected.and_then(Amount::from_u256).map(|amount| amount.0));
        }
    }

    #[test]
    fn constants_divide_as_in_256_bits(
        parts in prop::array::uniform2((any::<u128>(), 0u32..128, any::<bool>())), off in -2i128..=2, bps: u64,
    ) {
        let [a, b] = parts.map(|(random, shift, ones)| if ones { u128::MAX >> shift } else { random >> shift });
        let units = [10u128.pow(18), 1_000_000, 100_000_000];
        // Anywhere, and next to multiples of the divisor, where an estimate is worst.
        let cases = units.into_iter().flat_map(|unit| {
            let near = a.checked_mul(unit).and_then(|product| product.checked_add_signed(off)).unwrap_or(a);
            [(a, b, unit), (near, 1, unit), (near, b, unit), (a, unit, unit)]
        });
        for (a, b, unit) in cases {
            let expected = U256::from(a) * U256::from(b) / U256::from(unit);
            prop_assert_eq!(Amount(a).value_at(Price(b), unit), Value::from_u256(expected));
        }
        let near = (a / BPS_ONE * BPS_ONE).saturating_add_signed(off);
        for (whole, bps) in [(a, bps), (a, bps % 20_000), (near, 1), (near, bps), (b, u64::MAX)] {
            let wide = U256::from(whole) * U256::from(bps);
            prop_assert_eq!(Value(whole).share(bps), Value::from_u256(wide / U256::from(BPS_ONE)));
            prop_assert_eq!(Value(whole).times(bps), Value::from_u256(wide).map(|value| value.0));
            prop_assert_eq!(compare_scaled(whole, bps, b, 7), wide.cmp(&(U256::from(b) * U256::from(7))));
        }
    }

    #[test]
    fn products_are_compared_as_in_256_bits(a: u128, b: u128, c: u128, d: u128) {
        let wide = |a: u128, b: u128| U256::from(a) * U256::from(b);
        prop_assert_eq!(compare_products(a, b, c, d), wide(a, b).cmp(&wide(c, d)));
        prop_assert_eq!(compare_products(a, b, b, a), Ordering::Equal);
    }

    #[test]
    fn worth_and_cover_agree_with_the_divisions(
        parts in prop::array::uniform3((any::<u128>(), 0u32..128)), decimals in 0u8..=36, off in -2i128..=2,
        is_one_to_one: bool,
    ) {
        let [amount, price, stated] = parts.map(|(random, shift)| random >> shift);
        let unit = pow10(decimals);
        let (amount, price) = (Amount(amount), Price(if is_one_to_one { unit } else { price }));
        let exact = |a: u128, b: u128, d: u128| U256::from(a).wrapping_mul(U256::from(b)).checked_div(U256::from(d));
        // Next to the true worth, where rounding decides, and anywhere.
        let value = amount.value_at(price, unit);
        prop_assert_eq!(value, exact(amount.0, price.0, unit).and_then(Value::from_u256));
        prop_assert_eq!(Value(stated).amount_at(price, unit), exact(stated, unit, price.0).and_then(Amount::from_u256));
        let near = value.and_then(|value| value.0.checked_add_signed(off)).unwrap_or(stated);
        for stated in [near, stated].map(Value) {
            prop_assert_eq!(amount.is_worth(stated, price, unit), value == Some(stated));
            let least = stated.amount_at(price, unit);
            let around = least.and_then(|least| least.0.checked_add_signed(off)).map_or(amount, Amount);
            for held in [amount, around] {
                prop_assert_eq!(held.covers(stated, price, unit), least.is_some_and(|least| held >= least));
            }
        }
    }

    #[test]
    fn ceil_is_the_least_share_that_covers(part in 0u128..1 << 100, whole in 1u128..1 << 100) {
        let ceil = u128::from(Value(part).bps_of_ceil(Value(whole)).unwrap_or(u64::MAX));
        prop_assume!(ceil < u128::from(u64::MAX));
        prop_assert!(whole * ceil >= part * BPS_ONE);
        prop_assert!(ceil == 0 || whole * (ceil - 1) < part * BPS_ONE);
    }
}
