//! Exact money: token base units, prices, values and basis points. No float is ever an amount.

use alloy_primitives::{U256, ruint::UintTryTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{cmp::Ordering, fmt, str::FromStr};

/// Decimal places of [`Price`] and [`Value`].
pub const WAD_DECIMALS: u8 = 18;
/// One whole unit of the quote currency in wad.
pub const WAD: u128 = 1_000_000_000_000_000_000;
/// Basis points in one whole.
pub const BPS_ONE: u128 = 10_000;
/// The same, as a factor.
pub const BPS_FACTOR: u64 = 10_000;

/// Hundredths of a basis point in one whole: the unit of Uniswap's fees.
pub const PIPS_ONE: u64 = 1_000_000;

/// Why a number is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is not a plain decimal number.
    #[error("`{text}` is not a plain decimal number; write digits with at most one point, such as `1250.5`")]
    Malformed {
        /// What was read.
        text: String,
    },
    /// The text has more decimal places than the token.
    #[error("`{text}` has {found} decimal places, the unit has {allowed}; write at most {allowed}")]
    TooPrecise {
        /// What was read.
        text: String,
        /// Decimal places found.
        found: usize,
        /// Decimal places of the unit.
        allowed: u8,
    },
    /// The number does not fit in 128 bits of base units.
    #[error("`{text}` is larger than 2^128 - 1 base units; write a smaller amount")]
    TooLarge {
        /// What was read.
        text: String,
    },
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u128);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// Whether it is nothing.
            #[inline]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The sum, or `None` above 2^128 - 1.
            #[inline]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The sum, or 2^128 - 1 above it.
            #[inline]
            pub fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, or zero.
            #[inline]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// The share `bps` of it, rounded down; `None` above 2^128 - 1.
            #[inline]
            pub fn share(self, bps: u64) -> Option<Self> {
                let (low, high) = scaled(self.0, bps);
                Constant::<BPS_FACTOR>::divide(low, high).map(Self)
            }

            /// As a `uint256`.
            pub fn to_u256(self) -> U256 {
                U256::from(self.0)
            }

            /// From a `uint256`; `None` above 2^128 - 1, which no token that the agent handles reaches.
            pub fn from_u256(wide: U256) -> Option<Self> {
                UintTryTo::<u128>::uint_try_to(&wide).ok().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                u128::from_str(&text).map(Self).map_err(|_| {
                    de::Error::custom(format!("`{text}` is not an integer from 0 to 2^128 - 1 in decimal digits"))
                })
            }
        }
    };
}

quantity! {
    /// Token base units (wei, for a token of 18 decimals). JSON: a decimal string.
    Amount
}
quantity! {
    /// Quote currency for one whole token, in wad (10^-18 of the quote unit). JSON: a decimal string.
    Price
}
quantity! {
    /// Quote currency in wad (10^-18 of the quote unit). JSON: a decimal string.
    Value
}

impl Amount {
    /// Parses a decimal number of whole tokens, such as `1250.5`, exactly.
    ///
    /// # Errors
    /// If it is not a plain decimal number, is finer than `decimals` places, or does not fit.
    pub fn parse(text: &str, decimals: u8) -> Result<Self, AmountError> {
        parse_decimal(text, decimals).map(Self)
    }

    /// What it is worth at `price`, rounded down; `None` when it does not fit.
    ///
    /// `unit` is 10^decimals of the token ([`crate::Asset::unit`]).
    #[inline]
    pub fn value_at(self, price: Price, unit: u128) -> Option<Value> {
        // A dollar of eighteen decimals: nothing to reckon, and simulations have one in every trade.
        if price.0 == unit && unit != 0 {
            return Some(Value(self.0));
        }
        let (low, high) = self.0.carrying_mul(price.0, 0);
        // The units of nearly all tokens; constants divide several times quicker, and who calls knows the first of them.
        let value = if unit == WAD {
            Constant::<1_000_000_000_000_000_000>::divide_long(low, high)
        } else {
            by_seldom_unit(low, high, unit)
        };
        value.map(Value)
    }

    /// Whether `value` is what [`Amount::value_at`] says, without its division.
    #[inline]
    pub fn is_worth(self, value: Value, price: Price, unit: u128) -> bool {
        if price.0 == unit && unit != 0 {
            return self.0 == value.0;
        }
        let ((low, high), (stated_low, stated_high)) = (self.0.carrying_mul(price.0, 0), times_unit(value, unit));
        let (rest, borrow) = low.overflowing_sub(stated_low);
        high.checked_sub(stated_high) == Some(u128::from(borrow)) && rest < unit
    }

    /// Whether it is no less than what [`Value::amount_at`] says of `value`, without its division. Not when that does
    /// not fit.
    #[inline]
    pub fn covers(self, value: Value, price: Price, unit: u128) -> bool {
        if price.0 == unit && unit != 0 {
            return self.0 >= value.0;
        }
        // Rounded down, the quotient is at most this exactly when it is below the next.
        let next = self.0.saturating_add(1);
        let ((low, high), (stated_low, stated_high)) = (next.carrying_mul(price.0, 0), times_unit(value, unit));
        (high, low) > (stated_high, stated_low)
    }

    /// Whole tokens with all their decimals, for people.
    pub fn display(self, decimals: u8) -> Decimal {
        Decimal { digits: self.0, decimals }
    }
}

impl Value {
    /// Parses a decimal number of quote units, such as `1250.5`, exactly.
    ///
    /// # Errors
    /// If it is not a plain decimal number, is finer than 18 places, or does not fit.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        parse_decimal(text, WAD_DECIMALS).map(Self)
    }

    /// How much of a token at `price` it buys, rounded down; `None` when the price is zero or it does not fit.
    #[inline]
    pub fn amount_at(self, price: Price, unit: u128) -> Option<Amount> {
        if price.0 == unit && unit != 0 {
            return Some(Amount(self.0));
        }
        mul_div(self.0, unit, price.0).map(Amount)
    }

    /// So many hundredths of a basis point of it, rounded down; `None` above 2^128 - 1.
    #[inline]
    pub fn share_pips(self, pips: u64) -> Option<Self> {
        let (low, high) = scaled(self.0, pips);
        Constant::<PIPS_ONE>::divide(low, high).map(Self)
    }

    /// `factor` times it, as a bare number; `None` above 2^128 - 1. Products compare shares without a division.
    #[inline]
    pub fn times(self, factor: u64) -> Option<u128> {
        let (low, high) = scaled(self.0, factor);
        (high == 0).then_some(low)
    }

    /// Its share of `whole` in basis points, rounded down; `None` when `whole` is zero.
    pub fn bps_of(self, whole: Self) -> Option<u64> {
        mul_div(self.0, BPS_ONE, whole.0).and_then(|bps| u64::try_from(bps).ok())
    }

    /// Its share of `whole` in basis points, rounded up; `None` when `whole` is zero.
    pub fn bps_of_ceil(self, whole: Self) -> Option<u64> {
        let floor = self.bps_of(whole)?;
        let exact = mul_div(whole.0, u128::from(floor), BPS_ONE)? == self.0
            && whole.0.checked_mul(u128::from(floor)).is_none_or(|product| product % BPS_ONE == 0);
        if exact { Some(floor) } else { floor.checked_add(1) }
    }

    /// Quote units with two decimals, rounded down, for people.
    pub fn display(self) -> Decimal {
        Decimal { digits: self.0 / 10_000_000_000_000_000, decimals: 2 }
    }
}

impl Price {
    /// Parses a decimal price, such as `1250.5`, exactly.
    ///
    /// # Errors
    /// If it is not a plain decimal number, is finer than 18 places, or does not fit.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        parse_decimal(text, WAD_DECIMALS).map(Self)
    }

    /// Quote units with two decimals, rounded down, for people.
    pub fn display(self) -> Decimal {
        Value(self.0).display()
    }
}

/// A number that prints as a plain decimal, such as `1250.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    digits: u128,
    decimals: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = pow10(self.decimals);
        if self.decimals == 0 {
            return f.pad(&self.digits.to_string());
        }
        let width = usize::from(self.decimals);
        f.pad(&format!("{}.{:0width$}", self.digits / unit, self.digits % unit))
    }
}

/// 10^0 to 10^38, all powers of ten below 2^128.
#[expect(clippy::indexing_slicing, reason = "an index out of bounds would not compile")]
const POWERS: [u128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// 10^`decimals`, saturating above 10^38.
pub fn pow10(decimals: u8) -> u128 {
    POWERS.get(usize::from(decimals)).copied().unwrap_or(u128::MAX)
}

/// `a * b / d` rounded down with a 256-bit product; `None` when `d` is zero or the result does not fit in 128 bits.
#[inline]
pub fn mul_div(a: u128, b: u128, d: u128) -> Option<u128> {
    let (low, high) = a.carrying_mul(b, 0);
    divide(low, high, d)
}

/// `(high * 2^128 + low) / d` rounded down; `None` when `d` is zero or the result does not fit in 128 bits.
#[inline]
fn divide(low: u128, high: u128, d: u128) -> Option<u128> {
    if high == 0 {
        low.checked_div(d)
    } else if high < d {
        Some(wide_quotient(high, low, d))
    } else {
        None
    }
}

/// [`divide`] by the unit of a token that has not eighteen decimals.
#[inline(never)]
fn by_seldom_unit(low: u128, high: u128, unit: u128) -> Option<u128> {
    match unit {
        1_000_000 => Constant::<1_000_000>::divide(low, high),
        100_000_000 => Constant::<100_000_000>::divide(low, high),
        _ => divide(low, high, unit),
    }
}

/// `a * b`, the lower 128 bits first: half as many multiplications as of two long numbers.
#[inline]
fn scaled(a: u128, b: u64) -> (u128, u128) {
    let b = u128::from(b);
    // Neither half's product exceeds (2^64 - 1)^2, and a carry still fits beside it.
    let lower = (a & HALF_MASK).wrapping_mul(b);
    let upper = (a >> HALF_BITS).wrapping_mul(b).wrapping_add(lower >> HALF_BITS);
    ((upper << HALF_BITS) | (lower & HALF_MASK), upper >> HALF_BITS)
}

/// `value * unit`, the lower 128 bits first. Units seldom have more than 64 bits.
#[inline]
fn times_unit(value: Value, unit: u128) -> (u128, u128) {
    match u64::try_from(unit) {
        Ok(unit) => scaled(value.0, unit),
        Err(_) => value.0.carrying_mul(unit, 0),
    }
}

/// Compares `a * b` with `c * d`, exactly.
#[inline]
pub fn compare_scaled(a: u128, b: u64, c: u128, d: u64) -> Ordering {
    let ((low, high), (other_low, other_high)) = (scaled(a, b), scaled(c, d));
    (high, low).cmp(&(other_high, other_low))
}

/// Division by a number that is known when this is compiled: two products instead of a division (Barrett, "Implementing
/// the Rivest Shamir and Adleman public key encryption algorithm", CRYPTO 1986).
struct Constant<const D: u64>;

impl<const D: u64> Constant<D> {
    /// Length of the divisor: `2^(BITS - 1) < D < 2^BITS`. Three times the divisor must fit in 64 bits.
    const BITS: u32 = {
        assert!(!D.is_power_of_two() && D <= u64::MAX / 3);
        u64::BITS - D.leading_zeros()
    };

    /// `2^(127 + BITS) / D` rounded down, which has 128 bits: long division, bit by bit.
    const RECIPROCAL: u128 = {
        let (mut quotient, mut rest, mut bit) = (0, 1 << (Self::BITS - 1), 0);
        while bit < u128::BITS {
            rest *= 2;
            quotient <<= 1;
            if rest >= D {
                rest -= D;
                quotient |= 1;
            }
            bit += 1;
        }
        quotient
    };

    /// [`Constant::divide_long`] for what seldom has more than 127 bits.
    #[inline]
    fn divide(low: u128, high: u128) -> Option<u128> {
        if high == 0 && low >> (u128::BITS - 1) == 0 {
            // Rounded up, the reciprocal is too great by less than one part in 2^127, which leads to no other quotient.
            let (_, quotient) = low.carrying_mul(Self::RECIPROCAL + 1, 0);
            return Some(quotient >> (Self::BITS - 1));
        }
        Self::divide_long(low, high)
    }

    /// `(high * 2^128 + low) / D` rounded down; `None` when it does not fit in 128 bits.
    #[inline]
    fn divide_long(low: u128, high: u128) -> Option<u128> {
        if high >> (Self::BITS - 1) != 0 {
            return divide(low, high, D.into());
        }
        let upper = (high << (u128::BITS + 1 - Self::BITS)) | (low >> (Self::BITS - 1));
        // Too small by two at most: one for each of the three roundings down, and they do not reach three.
        let (_, estimate) = upper.carrying_mul(Self::RECIPROCAL, 0);
        // Less than three divisors, so that the lower half is all of it.
        let rest = low.wrapping_sub(estimate.wrapping_mul(D.into())) & HALF_MASK;
        let missing = u128::from(rest >= u128::from(D)) + u128::from(rest >= 2 * u128::from(D));
        Some(estimate.wrapping_add(missing))
    }
}

/// Compares `a * b` with `c * d`, exactly.
pub fn compare_products(a: u128, b: u128, c: u128, d: u128) -> Ordering {
    let ((low, high), (other_low, other_high)) = (a.carrying_mul(b, 0), c.carrying_mul(d, 0));
    (high, low).cmp(&(other_high, other_low))
}

const HALF_BITS: u32 = 64;
const HALF_MASK: u128 = (1 << HALF_BITS) - 1;

/// `(high * 2^128 + low) / d` for `high < d`: two steps of long division in base 2^64 (Knuth, "The Art of Computer
/// Programming", volume 2, 4.3.1, algorithm D). Several times quicker than a division of 256 by 256 bits.
fn wide_quotient(high: u128, low: u128, d: u128) -> u128 {
    if d <= HALF_MASK {
        // One digit divides without estimates, and few units and prices have two.
        let upper = (high << HALF_BITS) | (low >> HALF_BITS);
        let (first, rest) = (upper / d, upper % d);
        return (first << HALF_BITS) | (((rest << HALF_BITS) | (low & HALF_MASK)) / d);
    }
    // The greatest bit of the divisor is set, so that an estimate of a digit is at most two too great.
    let shift = d.leading_zeros();
    let carried = low.checked_shr(u128::BITS - shift).unwrap_or(0);
    let (d, high, low) = (d << shift, (high << shift) | carried, low << shift);
    let (first, rest) = wide_digit(high, low >> HALF_BITS, d);
    let (second, _) = wide_digit(rest, low & HALF_MASK, d);
    (first << HALF_BITS) | second
}

/// Quotient and remainder of `rest * 2^64 + next` by `d`, for `rest < d`, `next < 2^64` and the greatest bit of `d` set.
fn wide_digit(rest: u128, next: u128, d: u128) -> (u128, u128) {
    let (d1, d0) = (d >> HALF_BITS, d & HALF_MASK);
    let mut digit = rest / d1;
    let mut left = rest - digit * d1;
    // At most twice.
    while left <= HALF_MASK && (digit > HALF_MASK || digit * d0 > (left << HALF_BITS | next)) {
        digit -= 1;
        left += d1;
    }
    // The true remainder is less than `d`: what wraps around cancels out.
    (digit, (rest << HALF_BITS | next).wrapping_sub(digit.wrapping_mul(d)))
}

fn parse_decimal(text: &str, decimals: u8) -> Result<u128, AmountError> {
    let malformed = || AmountError::Malformed { text: text.to_owned() };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (fraction.is_empty() && text.contains('.')) {
        return Err(malformed());
    }
    let places = usize::from(decimals);
    if fraction.len() > places {
        return Err(AmountError::TooPrecise { text: text.to_owned(), found: fraction.len(), allowed: decimals });
    }
    let padded = format!("{whole}{fraction:0<places$}");
    padded.parse().map_err(|_| AmountError::TooLarge { text: text.to_owned() })
}

#[cfg(test)]
mod tests;
