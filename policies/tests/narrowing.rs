//! Narrowing one number never allows what the wider policy refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, World, address};
use proptest::prelude::*;
use quaestor_core::{
    AssetId, Intent, Policy, Purpose, Value,
    policy::Limits,
    snapshot::{Spend, Tally},
};
use quaestor_policies::{Facts, VotedPolicy};
use std::sync::LazyLock;

static WIDE: LazyLock<VotedPolicy> = LazyLock::new(|| fixture::policy(&fixture::facts()));

/// The number at `slot` of the envelope's order, narrowed.
fn narrowed(mut limits: Limits, slot: usize, by: u64) -> Limits {
    let cap = |number: &mut u64| *number = number.saturating_sub(by);
    match slot {
        0 => cap(&mut limits.proposal_bps_max),
        1..=4 => cap(&mut limits.window_bps_max[slot - 1]),
        5 => cap(&mut limits.slippage_bps_max),
        6 => limits.proposals_per_day_max = limits.proposals_per_day_max.saturating_sub(by % 4),
        7 => limits.stable_share_bps_min = (limits.stable_share_bps_min + by).min(6_000),
        _ => limits.cooldown_secs_min += by * 10,
    }
    limits
}

#[derive(Debug, Clone)]
struct Case {
    swap: bool,
    sell: u16,
    buy: u16,
    value_usd: u128,
    slippage_bps: u64,
    spends: Vec<(u64, u128)>,
    volatility_bps: Option<u64>,
    weth: u128,
    earlier: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let sides = (any::<bool>(), 0u16..7, 0u16..7);
    let spends = prop::collection::vec((0u64..3_000_000, 0u128..900_000), 0..5);
    (sides, 1u128..800_000, 0u64..100, spends, prop::option::of(0u64..9_000), 0u128..4_000, any::<bool>()).prop_map(
        |((swap, sell, buy), value_usd, slippage_bps, spends, volatility_bps, weth, earlier)| Case {
            swap,
            sell,
            buy,
            value_usd,
            slippage_bps,
            spends,
            volatility_bps,
            weth,
            earlier,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn allowed_under_the_narrow_is_allowed_under_the_wide(case in cases(), slot in 0usize..9, by in 0u64..600) {
        let wide = &*WIDE;
        let limits = narrowed(fixture::limits(), slot, by);
        let narrow = fixture::policy(&Facts { limits, ..fixture::facts() });
        let mut world = World::new(wide);
        world.snapshot.accounts[0].balances[fixture::WETH.index()] = world.tokens(fixture::WETH, case.weth);
        world.revalue(wide);
        world.risk.treasury_volatility_bps = case.volatility_bps;
        let mut spends = case.spends.clone();
        spends.sort_unstable_by_key(|(secs_ago, _)| std::cmp::Reverse(*secs_ago));
        world.history.spends = spends.iter().map(|(secs_ago, usd)| Spend {
            timestamp: NOW - secs_ago,
            account: OPERATIONS,
            decision: keccak256(secs_ago.to_be_bytes()),
            once_key: keccak256("another"),
            line: keccak256("rebalance"),
            asset: None,
            counterparty: address("router"),
            value: Value(usd * 10u128.pow(18)),
        }).collect();
        let (sell, buy) = (AssetId(case.sell), AssetId(case.buy));
        let cx = world.cx(wide);
        let whole = world.tokens(sell, 1);
        let price = cx.value_of(sell, whole).unwrap().0 / 10u128.pow(18);
        let whole = (case.value_usd / price).max(1);
        let intent = if case.swap {
            world.swap(wide, sell, buy, whole, case.slippage_bps)
        } else {
            world.transfer(wide, RESERVE, USDC, case.value_usd, address("operations"))
        };
        let mut earlier: Vec<Intent> = Vec::new();
        if case.earlier {
            let mut first = world.swap(wide, fixture::WBTC, USDC, 2, 50);
            first.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 9 };
            earlier.push(first);
        }
        let tally = Tally::before(intent.account, &earlier, &[]);
        let by_narrow = narrow.judge(&world.cx(&narrow), &tally, &intent).is_allowed();
        let by_wide = wide.judge(&cx, &tally, &intent).is_allowed();
        prop_assert!(!by_narrow || by_wide);
    }
}
