//! How far a swap moves the price of what it trades.
//!
//! Within its active range a Uniswap v3 pool of liquidity `L` trades as one of constant product does with the virtual
//! reserves `x = L / √P` and `y = L · √P`, of base units (Adams et al., *Uniswap v3 Core*, 2021, 6.2): a swap of `Δy` moves
//! √P by `Δy / L`, and gives `Δx = L · (1/√P − 1/√P′)`. With `P = y / x` this is
//!
//! ```text
//! Δx = Δy / P · y / (y + Δy)
//! ```
//!
//! in which only one number is the pool's: how much more than `Δy` lies on the side that is paid into. Both sides are worth
//! the same, and in dollars this is `D = L · √(p₀ · p₁ / 10^(d₀ + d₁))`, from the prices and decimals of its tokens in either
//! order. A swap of the value `v` brings `v · D / (D + v)`, and the price is then `(1 + v/D)²` times what it was.
//!
//! That `L` stays as it is beyond the active range is assumed, and so is that others have brought the price back before the
//! next swap.

use alloy_primitives::U512;
use quaestor_core::{Price, amount::WAD, amount::mul_div};

/// What a side holds of dollars that raise the price by one percent: 1 / (√1.01 − 1) = 100 · (√1.01 + 1), in wad.
const BY_PERCENT: u128 = 200_498_756_211_208_902_702;

/// What each side of a pool is worth, dollars with eighteen decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth(u128);

impl Depth {
    /// Of a pool of this liquidity whose tokens have these decimals, where one is worth a dollar and the other `price`.
    /// `None` beyond 2^128 − 1.
    pub fn of_pool(liquidity: u128, price: Price, decimals: [u8; 2]) -> Option<Self> {
        // L² · p · WAD < 2^(256 + 128 + 60).
        let square = U512::from(liquidity) * U512::from(liquidity) * U512::from(price.0) * U512::from(WAD);
        let places = usize::from(decimals[0]) + usize::from(decimals[1]);
        let unit = U512::from(10u8).checked_pow(U512::from(places))?;
        u128::try_from((square / unit).root(2)).ok().map(Self)
    }

    /// Of a pool of constant product in which a purchase for so many dollars (wad) raises the price by one percent. `None`
    /// beyond 2^128 − 1.
    pub fn of_percent(dollars: u128) -> Option<Self> {
        mul_div(dollars, BY_PERCENT, WAD).map(Self)
    }

    /// What a swap of this value brings, dollars with eighteen decimal places, rounded down; nothing where nothing is there.
    /// `None` beyond 2^128 − 1.
    pub fn brought_by(self, value: u128) -> Option<u128> {
        if value == 0 {
            return Some(0);
        }
        mul_div(value, self.0, self.0.checked_add(value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: u128 = WAD;

    fn bought(depth: Depth, dollars: u128, price: Price, unit: u128) -> u128 {
        mul_div(depth.brought_by(dollars).unwrap(), unit, price.0).unwrap()
    }

    /// The first swaps of the *Uniswap V3 Development Book* (Jeiwan, 2022; "Calculating liquidity" and "Output amount
    /// calculation"): ether at 5,000, tokens of eighteen decimals, L = 1517882343751509868544. For 42 dollars it gives
    /// 0.008396714242162444 ether, for 0.01337 ether 66.808388890199406684 dollars; here one part in 10^15 may be missing,
    /// for the book's √P has 96 bits after the point.
    #[test]
    fn a_swap_gives_what_the_development_book_says() {
        let price = Price(5_000 * WAD);
        let depth = Depth::of_pool(1_517_882_343_751_509_868_544, price, [18, 18]).unwrap();
        let ether = bought(depth, 42 * DOLLAR, price, WAD);
        assert!(ether.abs_diff(8_396_714_242_162_444) <= 8, "{ether}");
        let dollars = depth.brought_by(5_000 * 13_370_000_000_000_000).unwrap();
        assert!(dollars.abs_diff(66_808_388_890_199_406_684) <= 66_808, "{dollars}");
    }

    /// A row of the shipped pool (USDC of 6 and WETH of 18 decimals, 2023-08-13 01:40: tick 201095, L =
    /// 2361676464547025946), and what `SqrtPriceMath.sol` of Uniswap's v3-core gives: `getNextSqrtPriceFromInput`, then
    /// `getAmount0Delta` or `getAmount1Delta`, each written out in Python's integers, √P = 1.0001^(tick/2) with 80 digits.
    #[test]
    fn a_swap_gives_what_the_pools_contract_gives() {
        let price = Price(1_849_233_529_606_045_217_192);
        let depth = Depth::of_pool(2_361_676_464_547_025_946, price, [6, 18]).unwrap();
        for (dollars, wei) in [
            (1_000, 540_759_259_198_819_776),
            (100_000, 54_023_264_149_117_189_169),
            (1_000_000, 535_491_841_133_413_141_511u128),
        ] {
            let found = bought(depth, dollars * DOLLAR, price, WAD);
            // 1e-15 of it: the contract's √P has 96 bits after the point, and prices here 18 places.
            assert!(found.abs_diff(wei) <= wei / 1_000_000_000_000_000 + 1, "{dollars}: {found}");
        }
        for (ether, micros) in [(1, 1_849_199_858u128), (50, 92_377_573_374), (500, 916_274_745_337)] {
            let found = depth.brought_by(ether * price.0).unwrap() / 1_000_000_000_000;
            assert!(found.abs_diff(micros) <= 1, "{ether}: {found}");
        }
    }

    /// With 1,000,000 dollars for a percent, a side holds 200,498,756.21 dollars. A purchase for just these moves √P by
    /// √1.01, so that the price paid is √1.01 times what it was: 1,000,000 / 1.00498756211209 = 995,037.190209989 dollars' worth.
    #[test]
    fn dollars_that_move_a_price_by_a_percent_do() {
        let depth = Depth::of_percent(1_000_000 * DOLLAR).unwrap();
        assert_eq!(depth.0 / DOLLAR, 200_498_756);
        let (held, paid) = (depth.0 as f64, 1_000_000.0 * DOLLAR as f64);
        let moved = (1.0 + paid / held) * (1.0 + paid / held);
        assert!((moved - 1.01).abs() < 1e-12, "{moved}");
        let brought = depth.brought_by(1_000_000 * DOLLAR).unwrap() as f64 / DOLLAR as f64;
        assert!((brought - 995_037.190_209_989).abs() < 1e-6, "{brought}");
    }

    #[test]
    fn what_does_not_fit_or_is_not_there_is_told() {
        assert_eq!(Depth::of_pool(u128::MAX, Price(u128::MAX), [0, 0]), None);
        assert_eq!(Depth::of_percent(u128::MAX), None);
        let empty = Depth::of_pool(0, Price(WAD), [6, 18]).unwrap();
        assert_eq!((empty.brought_by(5), empty.brought_by(0)), (Some(0), Some(0)));
        assert_eq!(Depth(u128::MAX).brought_by(1), None);
        assert_eq!(Depth(10).brought_by(10), Some(5));
    }
}
