//! Treasuries to decide on.

use crate::world::{Holding, USDC_ONE, World, rebalance, usdc, volatile};
use proptest::prelude::*;
use quaestor_core::amount::WAD;

const SYMBOLS: [&str; 49] = [
    "T01", "T02", "T03", "T04", "T05", "T06", "T07", "T08", "T09", "T10", "T11", "T12", "T13", "T14", "T15", "T16",
    "T17", "T18", "T19", "T20", "T21", "T22", "T23", "T24", "T25", "T26", "T27", "T28", "T29", "T30", "T31", "T32",
    "T33", "T34", "T35", "T36", "T37", "T38", "T39", "T40", "T41", "T42", "T43", "T44", "T45", "T46", "T47", "T48",
    "T49",
];

/// `assets` of equal shares, exactly at their targets, worth ten million; a tenth of cash more.
pub fn quiet(assets: usize) -> World {
    strayed(assets, 0)
}

/// The same, `trades` of them half a share off their targets, sales and buys in turn.
pub fn strayed(assets: usize, trades: usize) -> World {
    let others = u64::try_from(assets - 1).unwrap();
    let target = 9_000 / others;
    let cash_target = 10_000 - target * others;
    let value = |bps: u64| u128::from(bps) * 1_000;
    // Cash pays for what the others have too much, so that the treasury is worth the same.
    let cash_held = cash_target - target / 2 * u64::try_from(trades % 2).unwrap();
    let cash = usdc(Some((cash_target / 5, cash_target, 10_000)), value(cash_held) * USDC_ONE, 0);
    let holding = |position: usize| {
        let price = 7 + 13 * u128::try_from(position).unwrap();
        let bps = match (position < trades, position % 2) {
            (true, 0) => target + target / 2,
            (true, _) => target - target / 2,
            (false, _) => target,
        };
        let band = (target * 3 / 4, target, target * 5 / 4);
        // One base unit more than the value divided by the price, so that it is not below its target.
        volatile(SYMBOLS[position], price, band, value(bps) * WAD / price + 1)
    };
    let holdings: Vec<Holding> = std::iter::once(cash).chain((0..assets - 1).map(holding)).collect();
    World::new(&holdings).with(rebalance("1000 USD"))
}

/// A treasury whose targets sum to one, with holdings anywhere.
pub fn any() -> impl Strategy<Value = World> {
    let asset = (1u64..=1_000, 1u64..=100_000, 0u64..=1_000_000, 0u64..=3_000);
    (proptest::collection::vec(asset, 2..8), 0u64..=1_000_000, 0u64..=1_000_000).prop_map(|(rows, cash, reserve)| {
        let parts: u64 = rows.iter().map(|row| row.0).sum::<u64>() + 500;
        let mut holdings = vec![usdc(None, u128::from(cash) * USDC_ONE, u128::from(reserve) * USDC_ONE)];
        let mut left = 10_000;
        for ((part, price, held, width), symbol) in rows.iter().zip(SYMBOLS) {
            let target = part * 10_000 / parts;
            left -= target;
            let band = (target.saturating_sub(*width), target, (target + width).min(10_000));
            let amount = u128::from(*held) * WAD / u128::from(*price);
            holdings.push(volatile(symbol, u128::from(*price), band, amount));
        }
        holdings[0].band = Some((left / 2, left, 10_000));
        World::new(&holdings).with(rebalance("1 USD"))
    })
}

/// With caps, a least stable share and a greatest share of cash.
pub fn bound(world: &mut World, cap: u64, window: u64, stable: u64, cash_max: u64) {
    world.terms.limits.proposal_bps_max = cap;
    world.terms.limits.window_bps_max[2] = window;
    let band = &mut world.terms.bands[0];
    band.max_bps = cash_max.max(band.target_bps);
    world.terms.limits.stable_share_bps_min = stable.min(band.max_bps);
}
