//! Numbers as people say them: shares, sums, lengths of time, lists. All of them exact, so that two numbers that differ
//! are never told alike.

use crate::{Amount, Asset, Price, Value, amount::WAD_DECIMALS};

/// A share in percent: 250 bps are `2.5 %`.
pub fn share(bps: u64) -> String {
    format!("{} %", decimal(bps.into(), 2))
}

/// A share of a share in percent: `part` bps of `whole` bps.
pub fn share_of(part: u64, whole: u64) -> String {
    format!("{} %", decimal(u128::from(part).saturating_mul(whole.into()), 6))
}

/// A fee in percent, from hundredths of a basis point: 3000 are `0.3 %`.
pub fn fee(pips: u32) -> String {
    format!("{} %", decimal(pips.into(), 4))
}

/// A sum in the quote currency: `1,250.5 USD`.
pub fn sum(value: Value) -> String {
    format!("{} USD", decimal(value.0, WAD_DECIMALS))
}

/// A price of one whole token in the quote currency: `0.98 USD`.
pub fn price(price: Price) -> String {
    sum(Value(price.0))
}

/// An amount with its unit: `250,000 USDC`. Base units where there is no such asset.
pub fn amount(amount: Amount, asset: Option<&Asset>) -> String {
    match asset {
        Some(asset) => format!("{} {}", decimal(amount.0, asset.decimals), asset.symbol),
        None => counted(amount.0, "base unit"),
    }
}

/// A number from its thousandths: 2500 are `2.5`.
pub fn thousandths(number: u64) -> String {
    decimal(number.into(), 3)
}

/// A whole number: `7,200`.
pub fn count(number: impl Into<u128>) -> String {
    decimal(number.into(), 0)
}

/// A whole number with what it counts, whose plural ends with an s: `1 hour`, `7,200 blocks`.
pub fn counted(number: impl Into<u128>, unit: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", count(number))
}

/// A length of time, in days if it is whole days and more than three, else in the largest unit up to hours that it is
/// whole in: `48 hours`, `90 minutes`, `30 days`.
pub fn duration(secs: u64) -> String {
    match secs {
        _ if secs.is_multiple_of(86_400) && secs > 259_200 => counted(secs / 86_400, "day"),
        _ if secs.is_multiple_of(3_600) && secs > 0 => counted(secs / 3_600, "hour"),
        _ if secs.is_multiple_of(60) && secs > 0 => counted(secs / 60, "minute"),
        _ => counted(secs, "second"),
    }
}

/// A list with `last` before its last item: `a, b and c`.
pub fn list(items: impl IntoIterator<Item = impl Into<String>>, last: &str) -> String {
    let mut items: Vec<String> = items.into_iter().map(Into::into).collect();
    match items.pop() {
        Some(end) if items.is_empty() => end,
        Some(end) => format!("{} {last} {end}", items.join(", ")),
        None => String::new(),
    }
}

/// `digits` with a point before the last `decimals` of them, without zeros at the end, in groups of three.
fn decimal(digits: u128, decimals: u8) -> String {
    let (text, places) = (digits.to_string(), usize::from(decimals));
    let padded = format!("{text:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let mut said = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        said.push('.');
        said.push_str(fraction);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AssetKind;

    #[test]
    fn numbers_are_said_exactly() {
        assert_eq!(
            [0, 1, 50, 250, 10_000, 1_000_000].map(share),
            ["0 %", "0.01 %", "0.5 %", "2.5 %", "100 %", "10,000 %"]
        );
        assert_eq!(
            [(5_000, 300), (1, 1), (10_000, 10_000)].map(|(part, whole)| share_of(part, whole)),
            ["1.5 %", "0.000001 %", "100 %"]
        );
        assert_eq!([1, 100, 500, 3_000, 999_999].map(fee), ["0.0001 %", "0.01 %", "0.05 %", "0.3 %", "99.9999 %"]);
        assert_eq!(
            ["0", "0.98", "1250.5", "1000000"].map(|text| sum(Value::parse(text).unwrap())),
            ["0 USD", "0.98 USD", "1,250.5 USD", "1,000,000 USD"]
        );
        assert_eq!([0, 999, 1_000, u64::MAX].map(count), ["0", "999", "1,000", "18,446,744,073,709,551,615"]);
        assert_eq!([8_000, 2_500, 125].map(thousandths), ["8", "2.5", "0.125"]);
        assert_eq!((counted(1u8, "block"), counted(2u8, "block")), ("1 block".into(), "2 blocks".into()));
    }

    #[test]
    fn amounts_have_the_places_of_their_token() {
        let asset = |decimals| Asset {
            symbol: "T".into(),
            address: alloy_primitives::Address::ZERO,
            decimals,
            kind: AssetKind::Stable,
            feeds: Vec::new(),
            staleness_secs_max: 0,
            code_hash: None,
        };
        let said = [(0, 1_234), (6, 1), (6, 1_500_000), (36, u128::MAX)]
            .map(|(decimals, digits)| amount(Amount(digits), Some(&asset(decimals))));
        assert_eq!(said, ["1,234 T", "0.000001 T", "1.5 T", "340.282366920938463463374607431768211455 T"]);
        assert_eq!(amount(Amount(2), None), "2 base units");
    }

    #[test]
    fn lengths_of_time_are_said_as_people_say_them() {
        let said = [0, 1, 90, 120, 3_600, 5_400, 86_400, 172_800, 259_200, 345_600, 360_000].map(duration);
        let wanted = [
            "0 seconds",
            "1 second",
            "90 seconds",
            "2 minutes",
            "1 hour",
            "90 minutes",
            "24 hours",
            "48 hours",
            "72 hours",
            "4 days",
            "100 hours",
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_list_ends_with_a_word() {
        assert_eq!(list(["a"], "and"), "a");
        assert_eq!(list(["a", "b"], "or"), "a or b");
        assert_eq!(list(["a", "b", "c"], "and"), "a, b and c");
        assert_eq!(list(Vec::<String>::new(), "and"), "");
    }
}
