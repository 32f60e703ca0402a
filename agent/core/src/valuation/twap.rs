//! Time-weighted prices of Uniswap v3 pools, in exact integers.
//!
//! A pool sums up its tick second by second; the difference of two sums over the seconds between them is the mean tick, and
//! 1.0001 to its power the geometric mean of the price (Uniswap v3 Core, 5.2; `OracleLibrary.consult` rounds the tick down).

use super::Dropped;
use crate::{AssetId, Price, Terms, amount::WAD};
use alloy_primitives::{Address, U256, U512};
use serde::{Deserialize, Serialize};

/// Greatest tick of a pool, `TickMath.MAX_TICK`; the least one is as far below zero.
pub const TICK_MAX: i32 = 887_272;

/// 2^128 / 1.0001^(2^i / 2), to the nearest, for each bit i of a tick: what `TickMath.getSqrtRatioAtTick` multiplies.
const ROOTS: [u128; 20] = [
    0xfffc_b933_bd6f_ad37_aa2d_162d_1a59_4001,
    0xfff9_7272_373d_4132_59a4_6990_580e_213a,
    0xfff2_e50f_5f65_6932_ef12_357c_f3c7_fdcc,
    0xffe5_caca_7e10_e4e6_1c36_24ea_a094_1cd0,
    0xffcb_9843_d60f_6159_c9db_5883_5c92_6644,
    0xff97_3b41_fa98_c081_472e_6896_dfb2_54c0,
    0xff2e_a164_66c9_6a38_43ec_78b3_26b5_2861,
    0xfe5d_ee04_6a99_a2a8_11c4_61f1_969c_3053,
    0xfcbe_86c7_900a_88ae_dcff_c83b_479a_a3a4,
    0xf987_a725_3ac4_1317_6f2b_074c_f781_5e54,
    0xf339_2b08_22b7_0005_940c_7a39_8e4b_70f3,
    0xe715_9475_a2c2_9b74_43b2_9c7f_a6e8_89d9,
    0xd097_f3bd_fd20_22b8_845a_d8f7_92aa_5825,
    0xa9f7_4646_2d87_0fdf_8a65_dc1f_90e0_61e5,
    0x70d8_69a1_56d2_a1b8_90bb_3df6_2baf_32f7,
    0x31be_135f_97d0_8fd9_8123_1505_542f_cfa6,
    0x09aa_508b_5b7a_84e1_c677_de54_f3e9_9bc9,
    0x005d_6af8_dedb_8119_6699_c329_225e_e604,
    0x0000_2216_e584_f5fa_1ea9_2604_1bed_fe98,
    0x0000_0000_048a_1703_91f7_dc42_444e_8fa2,
];

/// A pool whose time-weighted price is a source of an asset's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twap {
    /// The asset that it prices.
    pub asset: AssetId,
    /// The Uniswap v3 pool.
    pub pool: Address,
    /// The pool's other token, which feeds price.
    pub quote: AssetId,
    /// Over how many seconds, up to the snapshot's block.
    pub window_secs: u32,
}

/// What was read of a pool at the snapshot's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwapReading {
    /// The pool.
    pub pool: Address,
    /// `token0` and `token1`; `None` where they could not be read.
    pub tokens: Option<[Address; 2]>,
    /// `tickCumulatives` of `observe([window, 0])`, the older one first; `None` where the pool remembers less, or could not be
    /// read.
    pub tick_cumulatives: Option<[i64; 2]>,
}

impl TwapReading {
    /// One whole asset of `twap` in the quote currency, rounded down, where one whole quote asset is worth `quote`.
    pub(super) fn price(&self, terms: &Terms, twap: &Twap, quote: Option<Price>) -> Result<Price, Dropped> {
        let (Some(asset), Some(other)) = (terms.asset(twap.asset), terms.asset(twap.quote)) else {
            return Err(Dropped::Unread);
        };
        let is_first = match self.tokens {
            Some(tokens) if tokens == [asset.address, other.address] => true,
            Some(tokens) if tokens == [other.address, asset.address] => false,
            _ => return Err(Dropped::Unread),
        };
        let tick = self.mean_tick(twap.window_secs).ok_or(Dropped::Unread)?;
        let quote = quote.ok_or(Dropped::Unquoted)?;
        let found = price_at(tick, is_first, asset.unit(), other.unit(), quote);
        found.filter(|price| !price.is_zero()).ok_or(Dropped::NonPositive)
    }

    /// The mean tick, rounded down.
    fn mean_tick(&self, window_secs: u32) -> Option<i32> {
        let [before, after] = self.tick_cumulatives?;
        let window = i64::from(window_secs);
        // The pool lets its sums overflow, and so may their difference.
        let tick = after.wrapping_sub(before).checked_div_euclid(window)?;
        i32::try_from(tick).ok().filter(|tick| (-TICK_MAX..=TICK_MAX).contains(tick))
    }
}

/// √1.0001^tick · 2^96, rounded up, as `TickMath.getSqrtRatioAtTick` has it.
fn root_at(tick: i32) -> U256 {
    let mut ratio: U256 = U256::ONE << 128;
    for (bit, root) in ROOTS.iter().enumerate() {
        if tick.unsigned_abs() >> bit & 1 == 1 {
            ratio = (ratio * U256::from(*root)) >> 128;
        }
    }
    if tick > 0 {
        ratio = U256::MAX / ratio;
    }
    let below: U256 = ratio & U256::from(u32::MAX);
    let whole: U256 = ratio >> 32;
    whole + U256::from(!below.is_zero())
}

/// One whole asset of `unit` base units at a mean tick. `is_first`: the asset is the pool's `token0`, in base units of which a
/// tick tells the price. `None` when the number leaves its range.
fn price_at(tick: i32, is_first: bool, unit: u128, quote_unit: u128, quote: Price) -> Option<Price> {
    let root = U512::from(root_at(tick));
    let one: U512 = U512::ONE << 192;
    let square = root.checked_mul(root)?;
    let (times, over) = if is_first { (square, one) } else { (one, square) };
    let worth = U512::from(unit).checked_mul(U512::from(quote.0))?.checked_mul(times)?;
    let price = worth.checked_div(over.checked_mul(U512::from(quote_unit))?)?;
    u128::try_from(price).ok().map(Price)
}

/// The greatest mean tick at which one whole asset of `unit` base units, a pool's `token0`, costs no more than `price` whole
/// quote assets of `quote_unit`; `None` where no tick is so low. For whoever makes up a pool.
pub fn tick_of(price: Price, unit: u128, quote_unit: u128) -> Option<i32> {
    let costs_more = |tick: i32| price_at(tick, true, unit, quote_unit, Price(WAD)).is_none_or(|found| found > price);
    let (mut low, mut high) = (-TICK_MAX, TICK_MAX);
    if costs_more(low) {
        return None;
    }
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if costs_more(middle) { high = middle - 1 } else { low = middle }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{USDC, WETH, snapshot, terms},
        valuation::Prices,
    };
    use proptest::prelude::*;

    const POOL: Address = Address::repeat_byte(0x31);

    #[test]
    fn roots_are_those_of_tick_math() {
        // `TickMath.MIN_SQRT_RATIO` and `MAX_SQRT_RATIO`, and values of its own tests (v3-core, TickMath.spec.ts).
        let root = |tick| root_at(tick).to_string();
        assert_eq!(root(-TICK_MAX), "4295128739");
        assert_eq!(root(TICK_MAX), "1461446703485210103287273052203988822378723970342");
        let one: U256 = U256::ONE << 96;
        assert_eq!(root(0), one.to_string());
        assert_eq!(root(-TICK_MAX + 1), "4295343490");
        assert_eq!(root(TICK_MAX - 1), "1461373636630004318706518188784493106690254656249");
    }

    /// By Python's decimal at 60 digits: 1.0001^tick · 10^(asset decimals − quote decimals), and its inverse.
    #[test]
    fn a_tick_is_a_price() {
        let (usdc, ether, one) = (1_000_000, WAD, Price(WAD));
        for (tick, is_first, unit, quote_unit, price) in [
            (-202_693, true, ether, usdc, 1_576_140_653_167_555_309_u128),
            (202_693, false, ether, usdc, 1_576_140_653_167_555_309),
            (0, true, ether, ether, 1_000_000_000_000_000),
        ] {
            let found = price_at(tick, is_first, unit, quote_unit, one).unwrap().0;
            let expected = price * 1_000;
            assert!(found.abs_diff(expected) <= expected / 1_000_000_000_000, "{tick}: {found} instead of {expected}");
        }
        assert_eq!(price_at(TICK_MAX, true, u128::MAX, 1, Price(u128::MAX)), None);
        assert_eq!(price_at(TICK_MAX, false, 1, u128::MAX, one), Some(Price(0)));
    }

    fn reading(tokens: [Address; 2], tick_cumulatives: [i64; 2]) -> TwapReading {
        TwapReading { pool: POOL, tokens: Some(tokens), tick_cumulatives: Some(tick_cumulatives) }
    }

    #[test]
    fn a_pool_is_one_source_among_the_feeds() {
        let (mut terms, mut snapshot) = (terms(), snapshot(100));
        terms.twaps.push(Twap { asset: WETH, pool: POOL, quote: USDC, window_secs: 1_800 });
        let (usdc, weth) = (terms.assets[USDC.index()].address, terms.assets[WETH.index()].address);
        let at = |reading: TwapReading, snapshot: &mut crate::Snapshot| {
            snapshot.twaps = vec![reading];
            Prices::resolve(&terms, snapshot).0.swap_remove(WETH.index())
        };
        // 3,000 dollars for an ether, and the feed says 2,000: 1.0001^-196257 · 10^12 is 2,999.8.
        let fair = -196_257i64 * 1_800;
        let found = at(reading([weth, usdc], [7, 7 + fair]), &mut snapshot);
        assert_eq!((found.usable, &found.dropped[..]), (2, &[][..]));
        let price = found.price.unwrap().0;
        assert!(price.abs_diff(2_500 * WAD) < WAD / 2, "{price}");
        for unread in [
            reading([weth, Address::ZERO], [7, 7 + fair]),
            TwapReading { tokens: None, ..reading([weth, usdc], [7, 7 + fair]) },
            TwapReading { tick_cumulatives: None, ..reading([weth, usdc], [0, 0]) },
            reading([weth, usdc], [0, i64::from(TICK_MAX + 1) * 1_800]),
        ] {
            let found = at(unread, &mut snapshot);
            assert_eq!(found.usable, 1, "{unread:?}");
            assert_eq!(found.dropped, [(POOL, Dropped::Unread)]);
        }
        // What it is quoted in has no price itself.
        snapshot.assets[USDC.index()].feeds[0].rounds.clear();
        let found = at(reading([weth, usdc], [7, 7 + fair]), &mut snapshot);
        assert_eq!(found.dropped, [(POOL, Dropped::Unquoted)]);
    }

    #[test]
    fn a_mean_tick_is_rounded_down_and_sums_may_overflow() {
        let tick = |sums| reading([POOL, POOL], sums).mean_tick(10);
        assert_eq!((tick([0, 19]), tick([0, -1]), tick([5, -15])), (Some(1), Some(-1), Some(-2)));
        assert_eq!(tick([i64::MAX, i64::MIN + 9]), Some(1));
        assert_eq!(reading([POOL, POOL], [0, 1]).mean_tick(0), None);
    }

    proptest! {
        #[test]
        fn a_higher_tick_is_a_higher_price(tick in -TICK_MAX..TICK_MAX) {
            prop_assert!(root_at(tick) < root_at(tick + 1));
        }

        #[test]
        fn the_other_way_round_is_the_inverse(tick in -400_000i32..400_000) {
            let one = |is_first| price_at(tick, is_first, WAD, WAD, Price(WAD)).map(|price| price.0);
            if let (Some(there), Some(back)) = (one(true), one(false)) {
                let product = U512::from(there) * U512::from(back);
                let whole = U512::from(WAD) * U512::from(WAD);
                // Each is rounded down, and the root up.
                let off = product.abs_diff(whole);
                let most = U512::from(there.max(back)) + whole / U512::from(1_000_000_000_000u64);
                prop_assert!(off <= most, "{} {}", there, back);
            }
        }
    }
}
