//! Prices of the local market: what a feed answers and where a Uniswap v3 pool stands, in exact integers.

use alloy::primitives::{
    U160, U512,
    aliases::{I24, U24},
    ruint::{UintTryFrom, UintTryTo},
};
use quaestor_core::{Price, amount::pow10};

/// Decimal places of every feed, as Chainlink's dollar feeds have them.
pub const FEED_DECIMALS: u8 = 8;
/// Wad has 18 decimal places, a feed eight.
const WAD_PER_FEED_UNIT: u128 = 10_000_000_000;
/// `TickMath.MAX_TICK` of Uniswap v3 core.
const TICK_MAX: i32 = 887_272;

/// What a feed answers for this price, rounded down.
pub fn feed_answer(price: Price) -> u128 {
    price.0 / WAD_PER_FEED_UNIT
}

/// One side of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    /// The feed's answer.
    pub answer: u128,
    /// Decimal places of the token.
    pub decimals: u8,
}

/// The `sqrtPriceX96` at which a pool gives what the feeds say: ⌊2^96 · √(base units of token1 for one of token0)⌋.
/// `None` if an answer is zero or it does not fit in 160 bits.
pub fn sqrt_price_x96(token0: Side, token1: Side) -> Option<U160> {
    let numerator = U512::from(token0.answer) * U512::from(pow10(token1.decimals));
    let denominator = U512::from(token1.answer) * U512::from(pow10(token0.decimals));
    if numerator.is_zero() || denominator.is_zero() {
        return None;
    }
    U160::uint_try_from((numerator << 192_usize).checked_div(denominator)?.root(2)).ok()
}

/// Price of one whole token0 in whole token1 at `sqrt_price`, in wad, rounded down; `None` if it does not fit.
pub fn pool_price(sqrt_price: U160, decimals0: u8, decimals1: u8) -> Option<Price> {
    let root = U512::from(sqrt_price);
    let scaled = root * root * U512::from(pow10(decimals0)) / U512::from(pow10(decimals1));
    let wad = (scaled * U512::from(quaestor_core::amount::WAD)) >> 192_usize;
    UintTryTo::<u128>::uint_try_to(&wad).ok().map(Price)
}

/// The widest position that the pools of this fee allow, as lower and upper tick; `None` for a fee that the factory
/// does not know at its deployment.
pub fn full_range(fee_pips: u32) -> Option<(I24, I24)> {
    let spacing = match fee_pips {
        500 => 10,
        3_000 => 60,
        10_000 => 200,
        _ => return None,
    };
    let upper = I24::try_from(TICK_MAX / spacing * spacing).ok()?;
    Some((-upper, upper))
}

/// As Solidity's `uint24`; `None` above 2^24 - 1.
pub fn fee(fee_pips: u32) -> Option<U24> {
    U24::try_from(fee_pips).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: Side = Side { answer: 100_000_000, decimals: 6 };
    const WETH: Side = Side { answer: 200_000_000_000, decimals: 18 };

    #[test]
    fn a_pool_at_the_feeds_price_gives_that_price_back() {
        let root = sqrt_price_x96(WETH, USDC).unwrap();
        let price = pool_price(root, 18, 6).unwrap().0;
        // 2000 USDC for 1 WETH, less at most the rounding of the root.
        assert!((1_999_999_999_999_000_000_000..=2_000_000_000_000_000_000_000).contains(&price), "{price}");

        let inverse = pool_price(sqrt_price_x96(USDC, WETH).unwrap(), 6, 18).unwrap().0;
        assert!((499_999_999_999_000..=500_000_000_000_000).contains(&inverse), "{inverse}");
    }

    #[test]
    fn equal_sides_stand_at_two_to_the_96() {
        let side = Side { answer: 7, decimals: 18 };
        assert_eq!(sqrt_price_x96(side, side), Some(U160::from(1) << 96_usize));
    }

    #[test]
    fn no_price_no_pool() {
        assert_eq!(sqrt_price_x96(Side { answer: 0, decimals: 6 }, WETH), None);
        assert_eq!(sqrt_price_x96(WETH, Side { answer: 0, decimals: 6 }), None);
        assert_eq!(full_range(499), None);
    }
}
