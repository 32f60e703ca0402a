//! Prices and liquidity of a Uniswap v3 pool, bar by bar.
//!
//! At each boundary of two bars the last block before it is read: the cumulative of ticks (`observe`), price and tick
//! (`slot0`) and `liquidity`. No trade lies between that block and the boundary, so that the cumulative at the boundary
//! follows exactly, however few observations the pool keeps.

use super::{
    FetchError, Tell,
    bars::{Bars, Sample},
    node::{Node, of_past},
    partial::Partial,
};
use crate::chain::Read;
use alloy::primitives::{Address, U256, U512, utils::format_units};
use quaestor_contracts::bindings::{IERC20, IUniswapV3Pool};
use quaestor_core::{BlockRef, amount::pow10};
use quaestor_simulations::data::Moment;
use serde::{Deserialize, Serialize};

/// Most decimal places of a token that is read.
const DECIMALS_MAX: u8 = 36;
/// Boundaries between two lines of progress.
const TOLD_EACH: usize = 24;

/// Which price of a bar is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PoolPrice {
    /// The geometric mean over the bar, as the pool's own oracle gives it
    TimeWeighted,
    /// Where the pool stands at the bar's end
    Last,
}

/// What is the same for every boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) bars: Bars,
    pub(super) chain_id: u64,
    /// The newest block when the first run began.
    pub(super) block: BlockRef,
    pub(super) tokens: [Address; 2],
    pub(super) decimals: [u8; 2],
    pub(super) fee_pips: u32,
}

/// A boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Unix seconds.
    at: u64,
    /// The last block before it.
    pub(super) block: BlockRef,
    /// Sum of tick · seconds up to that block.
    cumulative: i64,
    /// Tick since the last trade.
    tick: i32,
    /// √(token1 for token0) · 2^96.
    root: U256,
    /// Uniswap's `L`, 128 bits of it; numbers of JSON have 64.
    liquidity: U256,
}

impl Mark {
    /// Sum of tick · seconds up to the boundary.
    fn cumulative(&self) -> i128 {
        i128::from(self.cumulative) + i128::from(self.tick) * i128::from(self.at - self.block.timestamp)
    }
}

/// Reads what does not change.
pub(super) async fn settle(node: &Node, pool: Address, bars: Bars, block: BlockRef) -> Result<Settled, FetchError> {
    let none = |address, what| FetchError::NoContract { address, what, block: block.number };
    let (zero, one, fee) = (IUniswapV3Pool::token0Call {}, IUniswapV3Pool::token1Call {}, IUniswapV3Pool::feeCall {});
    let reads = vec![Read::new(pool, &zero), Read::new(pool, &one), Read::new(pool, &fee)];
    let found = node.chain.read_each_at(block.hash, reads).await?;
    let wrong = || none(pool, "a Uniswap v3 pool");
    let tokens = [found.get(pool, &zero).ok_or_else(wrong)?, found.get(pool, &one).ok_or_else(wrong)?];
    let fee_pips = found.get(pool, &fee).ok_or_else(wrong)?.to::<u32>();
    let call = IERC20::decimalsCall {};
    let found = node.chain.read_each_at(block.hash, tokens.map(|token| Read::new(token, &call)).to_vec()).await?;
    let mut decimals = [0; 2];
    for (token, slot) in tokens.into_iter().zip(&mut decimals) {
        let known = found.get(token, &call).filter(|decimals| *decimals <= DECIMALS_MAX);
        *slot = known.ok_or_else(|| none(token, "a token with decimals"))?;
    }
    Ok(Settled { bars, chain_id: node.chain_id().await?, block, tokens, decimals, fee_pips })
}

/// The boundaries of the bars: those that `partial` has, and the others from `node`.
///
/// # Errors
/// If the node does not answer, or has no pool there then.
pub(super) async fn marks(
    node: &Node,
    pool: Address,
    settled: &Settled,
    partial: &mut Partial,
    tell: &Tell,
) -> Result<Vec<Mark>, FetchError> {
    let mut marks: Vec<Mark> = partial.pages()?;
    let bars = settled.bars;
    let boundaries: Vec<u64> = bars.begins().chain([bars.after()]).collect();
    for (number, at) in boundaries.iter().enumerate().skip(marks.len()) {
        let after = marks.last().map(|mark| mark.block);
        let block = node.last_before(*at, after, settled.block).await?;
        let mark = mark(node, pool, *at, block).await?;
        if (number + 1).is_multiple_of(TOLD_EACH) || number + 1 == boundaries.len() {
            tell(&format!("{} of {} times: {}, block {}", number + 1, boundaries.len(), Moment::at(*at), block.number));
        }
        partial.push(&mark)?;
        marks.push(mark);
    }
    Ok(marks)
}

async fn mark(node: &Node, pool: Address, at: u64, block: BlockRef) -> Result<Mark, FetchError> {
    let observe = IUniswapV3Pool::observeCall { secondsAgos: vec![0] };
    let (slot0, liquidity) = (IUniswapV3Pool::slot0Call {}, IUniswapV3Pool::liquidityCall {});
    let reads = vec![Read::new(pool, &observe), Read::new(pool, &slot0), Read::new(pool, &liquidity)];
    let found = node.chain.read_each_at(block.hash, reads).await.map_err(|error| of_past(error, block.number))?;
    let mark = || {
        let slot0 = found.get(pool, &slot0).filter(|slot0| !slot0.sqrtPriceX96.is_zero())?;
        let observed = found.get(pool, &observe)?;
        Some(Mark {
            at,
            block,
            cumulative: i64::try_from(*observed.tickCumulatives.first()?).ok()?,
            tick: i32::try_from(slot0.tick).ok()?,
            root: U256::from(slot0.sqrtPriceX96),
            liquidity: U256::from(found.get(pool, &liquidity)?),
        })
    };
    mark().ok_or(FetchError::NoContract { address: pool, what: "a Uniswap v3 pool with a price", block: block.number })
}

/// What each bar's price is in dollars for a whole one of the token that is no dollar.
pub(super) fn prices(marks: &[Mark], settled: &Settled, dollar: usize, price: PoolPrice) -> Vec<Sample> {
    let of = |pair: &[Mark]| {
        let [from, to] = pair else { return None };
        let text = match price {
            PoolPrice::TimeWeighted => {
                let mean = (to.cumulative() - from.cumulative()) as f64 / settled.bars.step as f64;
                mean_price(mean, settled.decimals, dollar).to_string()
            }
            PoolPrice::Last => last_price(to.root, settled.decimals, dollar)?,
        };
        // Known at the last second of the bar.
        Some(Sample(from.at + settled.bars.step - 1, text))
    };
    marks.windows(2).filter_map(of).collect()
}

/// Liquidity in range when each bar begins.
pub(super) fn liquidity(marks: &[Mark]) -> Vec<(u64, U256)> {
    let bars = marks.len().saturating_sub(1);
    marks.iter().take(bars).map(|mark| (mark.at, mark.liquidity)).collect()
}

/// 1.0001^`tick`, whole tokens of the dollar for one of the other. A mean of ticks has no exact price; this one is right to
/// about 14 digits, the same on every machine.
fn mean_price(tick: f64, [zero, one]: [u8; 2], dollar: usize) -> f64 {
    let (tick, places) = match dollar {
        0 => (-tick, i32::from(one) - i32::from(zero)),
        _ => (tick, i32::from(zero) - i32::from(one)),
    };
    libm::exp(tick * libm::log1p(0.0001)) * libm::pow(10.0, f64::from(places))
}

/// The price at a root, exact to 18 decimal places, the last one rounded to the nearest.
fn last_price(root: U256, [zero, one]: [u8; 2], dollar: usize) -> Option<String> {
    let square = U512::from(root) * U512::from(root);
    let (ten, wad) = (|places| U512::from(pow10(places)), U512::from(quaestor_core::amount::WAD));
    let whole = U512::from(1u8) << 192_usize;
    let (up, down) = match dollar {
        // Token0 is the dollar: its units for one of token1.
        0 => (whole.checked_mul(ten(one))?.checked_mul(wad)?, square.checked_mul(ten(zero))?),
        _ => (square.checked_mul(ten(zero))?.checked_mul(wad)?, whole.checked_mul(ten(one))?),
    };
    let found = up.checked_add(down >> 1)?.checked_div(down)?;
    let found = U256::from(u128::try_from(found).ok()?);
    format_units(found, 18).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^96 is a price of one base unit for one; the others are (root / 2^96)² with the decimals' power of ten.
    #[test]
    fn a_root_is_a_price_of_whole_tokens() {
        let one = U256::from(1) << 96;
        assert_eq!(last_price(one, [18, 18], 1).unwrap(), "1.000000000000000000");
        assert_eq!(last_price(one * U256::from(3), [18, 18], 1).unwrap(), "9.000000000000000000");
        assert_eq!(last_price(one * U256::from(3), [18, 18], 0).unwrap(), "0.111111111111111111");
        // 10^12 / 2^40 = 0.909494701772928237915…
        assert_eq!(last_price(one >> 20, [18, 6], 1).unwrap(), "0.909494701772928238");
        assert_eq!(last_price(one << 20, [6, 18], 0).unwrap(), "0.909494701772928238");
        assert_eq!(last_price(U256::ZERO, [18, 18], 0), None);
    }

    /// The prices of whole ticks are those that `simulations` tests against sixty digits of Python's `decimal`.
    #[test]
    fn a_mean_tick_is_a_price() {
        for (tick, price) in [(202_693.0, 1_576.140_653_167_555_3), (201_101.0, 1_848.124_377_723_789)] {
            let found = mean_price(tick, [6, 18], 0);
            assert!((found / price - 1.0).abs() < 1e-12, "{found}");
            let inverse = mean_price(-tick, [18, 6], 1);
            assert!((inverse / price - 1.0).abs() < 1e-12, "{inverse}");
        }
        let between = mean_price(0.5, [18, 18], 1);
        assert!((between * between - 1.0001).abs() < 1e-15);
    }
}
