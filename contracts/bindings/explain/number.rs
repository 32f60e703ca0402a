//! Exact numbers in words: whole tokens, quote currency, percent.

use alloy_primitives::U256;
use quaestor_core::amount::WAD_DECIMALS;

/// An amount of base units in whole tokens: every decimal that is not a trailing zero, thousands apart, such as
/// `12,345.678901`.
pub fn whole_tokens(amount: U256, decimals: u8) -> String {
    decimal(&amount.to_string(), usize::from(decimals))
}

/// A value in wad with two decimals, rounded down, thousands apart, such as `12,345.60`.
pub fn wad(value: U256) -> String {
    let digits = value.to_string();
    let places = usize::from(WAD_DECIMALS);
    let (whole, fraction) = split(&digits, places);
    let cents: String = fraction.chars().take(2).collect();
    format!("{}.{cents}", grouped(&whole))
}

/// `parts` of 10^`places` hundredths, such as `percent(3_000, 4)` for `0.3 %` of a fee in pips, or `percent(1_234, 2)`
/// for `12.34 %` in basis points.
pub fn percent(parts: u64, places: u8) -> String {
    format!("{} %", decimal(&parts.to_string(), usize::from(places)))
}

fn decimal(digits: &str, places: usize) -> String {
    let (whole, fraction) = split(digits, places);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped(&whole))
}

/// The digits before and after the point; at least one before it.
fn split(digits: &str, places: usize) -> (String, String) {
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len() - places).unwrap_or((&padded, ""));
    (whole.to_owned(), fraction.to_owned())
}

fn grouped(whole: &str) -> String {
    let mut out = String::with_capacity(whole.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quaestor_core::Amount;

    #[test]
    fn numbers_read_well() {
        for (amount, decimals, text) in [
            (0u128, 18, "0"),
            (1, 18, "0.000000000000000001"),
            (4_500_000_000_000_000_000, 18, "4.5"),
            (12_345_678_901, 6, "12,345.678901"),
            (1_000, 0, "1,000"),
            (999, 0, "999"),
            (1_234_567_000_000, 6, "1,234,567"),
        ] {
            assert_eq!(whole_tokens(U256::from(amount), decimals), text);
        }
        assert_eq!(wad(U256::from(999_999_999_999_999_999u64)), "0.99");
        assert_eq!(wad(U256::from(1_234_500_000_000_000_000_000u128)), "1,234.50");
        assert_eq!(percent(3_000, 4), "0.3 %");
        assert_eq!(percent(10_000, 2), "100 %");
        assert_eq!(percent(5, 2), "0.05 %");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_amount(raw: u128, decimals in 0u8..=24) {
            let text = whole_tokens(U256::from(raw), decimals).replace(',', "");
            prop_assert_eq!(Amount::parse(&text, decimals), Ok(Amount(raw)));
        }
    }
}
