//! Decimal text, as floats are written, to integers and back without a float between.

/// Longest text that is a number.
const TEXT_BYTES_MAX: usize = 64;

/// A number read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// Its magnitude in the last place, rounded toward zero.
    pub(crate) magnitude: u128,
    /// Whether anything was lost by rounding.
    pub(crate) rounded: bool,
    /// Whether it is below zero.
    pub(crate) negative: bool,
}

/// Reads `12.5`, `-3` or `1.25e-7`: digits with at most one point, and perhaps an exponent, as a number with so many decimal
/// places. `None` for anything else, and for what does not fit in 128 bits then.
pub(crate) fn parse_places(text: &str, places: i32) -> Option<Decimal> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if whole.is_empty() || !(whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits before this position count, the others are rounded away.
    let kept = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(places)?;
    let (mut magnitude, mut rounded, mut position) = (0u128, false, 0i32);
    for byte in whole.bytes().chain(fraction.bytes()) {
        if position < kept {
            magnitude = magnitude.checked_mul(10)?.checked_add(u128::from(byte - b'0'))?;
        } else {
            rounded |= byte != b'0';
        }
        position += 1;
    }
    // At most exponent + places steps, and the first that overflows ends it.
    while position < kept && magnitude > 0 {
        magnitude = magnitude.checked_mul(10)?;
        position += 1;
    }
    Some(Decimal { magnitude, rounded, negative: negative && (magnitude > 0 || rounded) })
}

/// The decimal text of `magnitude` with so many places, without zeros at its end: what [`parse_places`] reads back.
pub(crate) fn text(magnitude: u128, places: usize) -> String {
    let digits = format!("{magnitude:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u128 = 1_000_000_000_000_000_000;

    fn parse(text: &str) -> Option<Decimal> {
        parse_places(text, 18)
    }

    #[test]
    fn plain_and_exponent_forms_are_exact() {
        let exact = [
            ("0", 0),
            ("1", ONE),
            ("0.7533249855041504", 753_324_985_504_150_400),
            ("0.000000000000000001", 1),
            ("1.25e-7", 125_000_000_000),
            ("1.25E+2", 125 * ONE),
            ("100e-20", 1),
            ("0e999", 0),
            ("632696207199.7", 632_696_207_199_700_000_000_000_000_000),
            ("1.50000000000000000000000", ONE * 3 / 2),
        ];
        for (text, magnitude) in exact {
            assert_eq!(parse(text), Some(Decimal { magnitude, rounded: false, negative: false }), "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_wad_is_rounded_toward_zero_and_says_so() {
        for (text, magnitude) in [("1.0000000000000000019", ONE + 1), ("1e-19", 0), ("99e-19", 9), ("5e-999", 0)] {
            assert_eq!(parse(text), Some(Decimal { magnitude, rounded: true, negative: false }), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for places in [0, 18, 27] {
            for magnitude in [0, 1, 10, 999, ONE, ONE + 1, 27 * ONE, u128::MAX] {
                let written = text(magnitude, places);
                let read = parse_places(&written, i32::try_from(places).unwrap());
                assert_eq!(read, Some(Decimal { magnitude, rounded: false, negative: false }), "{written}");
            }
        }
        assert_eq!(text(1_500, 3), "1.5");
    }

    #[test]
    fn below_zero_is_told_apart() {
        assert_eq!(parse("-1.5"), Some(Decimal { magnitude: ONE * 3 / 2, rounded: false, negative: true }));
        assert_eq!(parse("-0.0"), Some(Decimal { magnitude: 0, rounded: false, negative: false }));
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "1".repeat(65);
        let bad = [
            "",
            ".",
            "1.",
            ".5",
            "+1",
            "--1",
            "1,000",
            "0x10",
            "nan",
            "inf",
            "1e",
            "e5",
            "1e+",
            "1e1.5",
            "1e1000",
            "1 ",
            " 1",
            "1_000",
            "١",
            "1.2.3",
            "1e25",
            "340282366920938463464",
            &long,
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
