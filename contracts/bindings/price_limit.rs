//! Where a swap stops: the square-root price that a Uniswap v3 pool may not pass.
//!
//! A policy bounds how far beyond the oracle's price a swap may push its pool. What a swap must bring at least says that
//! price, lowered by the allowed slippage, so that the limit follows from the action and the policy alone: it is encoded
//! from them, and read back only if it is that very number. Uniswap v3 core, `UniswapV3Pool.swap` and `TickMath.sol`.

use alloy_primitives::{Address, U160, U512, uint};
use quaestor_core::{Amount, amount::BPS_ONE};

/// `TickMath.MIN_SQRT_RATIO + 1` and `MAX_SQRT_RATIO - 1`: the loosest limits that a pool takes.
const LEAST: U160 = uint!(4295128740_U160);
const MOST: U160 = uint!(1461446703485210103287273052203988822378723970341_U160);

/// A swap, as far as its limit goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded {
    /// Given and received tokens.
    pub(crate) sell: Address,
    pub(crate) buy: Address,
    /// Given, and received at least, base units.
    pub(crate) amount_in: Amount,
    pub(crate) amount_out_min: Amount,
    /// `limits.slippage_bps_max`, by which the least output lies below the oracle.
    pub(crate) slippage_bps_max: u64,
    /// `venues.*.price_impact_bps_max`.
    pub(crate) price_impact_bps_max: u64,
}

impl Bounded {
    /// The limit, `sqrtPriceLimitX96`: √(token1 for one token0, base units) · 2^96, rounded so that it is no looser.
    pub(crate) fn sqrt_price_limit_x96(&self) -> U160 {
        let kept = |bps: u64| U512::from(BPS_ONE.saturating_sub(u128::from(bps)));
        // What one base unit given may bring in the end, at least: the oracle's price less the impact.
        let brought = U512::from(self.amount_out_min.0) * kept(self.price_impact_bps_max);
        let given = U512::from(self.amount_in.0) * kept(self.slippage_bps_max);
        let falls = self.sell < self.buy;
        let (numerator, denominator) = if falls { (brought, given) } else { (given, brought) };
        let Some(ratio) = (numerator << 192_usize).checked_div(denominator) else {
            return if falls { LEAST } else { MOST };
        };
        let root = ratio.root(2);
        let is_exact = (root * root).checked_mul(denominator) == Some(numerator << 192_usize);
        let tight = if falls && !is_exact { root + U512::ONE } else { root };
        tight.clamp(U512::from(LEAST), U512::from(MOST)).to::<U160>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOW: Address = Address::repeat_byte(1);
    const HIGH: Address = Address::repeat_byte(2);

    fn bounded(sell: Address, amount_in: u128, amount_out_min: u128) -> Bounded {
        let buy = if sell == LOW { HIGH } else { LOW };
        let (amount_in, amount_out_min) = (Amount(amount_in), Amount(amount_out_min));
        Bounded { sell, buy, amount_in, amount_out_min, slippage_bps_max: 100, price_impact_bps_max: 100 }
    }

    #[test]
    fn with_the_same_bounds_it_is_the_price_of_the_least_output() {
        // 2^96 · √(4/1), and the other way round √(1/4).
        assert_eq!(bounded(LOW, 100, 400).sqrt_price_limit_x96(), U160::ONE << 97_usize);
        assert_eq!(bounded(HIGH, 100, 400).sqrt_price_limit_x96(), U160::ONE << 95_usize);
        // Half of the price may be lost to impact: 0.99 · √(4/2) of it.
        let half = Bounded { price_impact_bps_max: 5_050, ..bounded(LOW, 100, 400) };
        let (found, exact) = (half.sqrt_price_limit_x96(), U160::ONE << 97_usize);
        assert!(found < exact && found > U160::ONE << 96_usize, "{found}");
    }

    #[test]
    fn what_no_pool_takes_is_the_loosest_that_it_does() {
        assert_eq!(bounded(LOW, u128::MAX, 1).sqrt_price_limit_x96(), LEAST);
        assert_eq!(bounded(LOW, 0, 1).sqrt_price_limit_x96(), LEAST);
        assert_eq!(bounded(HIGH, u128::MAX, 1).sqrt_price_limit_x96(), MOST);
        assert_eq!(bounded(HIGH, 1, 0).sqrt_price_limit_x96(), MOST);
    }

    proptest! {
        #[test]
        fn it_is_never_looser_than_said(
            amount_in in 1u128.., amount_out_min in 1u128.., slippage in 0u64..9_999, impact in 1u64..9_999, falls: bool,
        ) {
            let it = Bounded {
                slippage_bps_max: slippage,
                price_impact_bps_max: impact,
                ..bounded(if falls { LOW } else { HIGH }, amount_in, amount_out_min)
            };
            let root = U512::from(it.sqrt_price_limit_x96());
            prop_assume!(root != U512::from(LEAST) && root != U512::from(MOST));
            // The pool's last price, what it brings for one given: no less than the oracle's less the impact.
            let brought = U512::from(amount_out_min) * U512::from(10_000 - impact);
            let given = U512::from(amount_in) * U512::from(10_000 - slippage);
            let square = root * root;
            let (left, right) = if falls { (square * given, brought << 192_usize) } else { (given << 192_usize, square * brought) };
            prop_assert!(left >= right);
        }
    }
}
