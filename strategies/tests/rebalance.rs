//! What `rebalance` wants, and what it never does.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod treasuries;
mod world;

use proptest::prelude::*;
use quaestor_core::{
    Action, AssetId, Pool, Value, VenueId,
    amount::WAD,
    strategy::{ParamValue, StrategyHold},
};
use world::{CASH, OPERATIONS, USDC_ONE, World, address, named, rebalance, usdc, volatile};

const ETH: AssetId = AssetId(1);
const UNI: AssetId = AssetId(2);

/// NAV 10,000 USD: 20 % cash, 70 % ETH, 10 % UNI, with targets of 40, 40 and 20 %.
fn strayed() -> World {
    let cash = usdc(Some((1_000, 4_000, 9_000)), 2_000 * USDC_ONE, 0);
    let eth = volatile("WETH", 2_000, (3_000, 4_000, 5_000), 7 * WAD / 2);
    let uni = volatile("UNI", 10, (1_000, 2_000, 3_000), 100 * WAD);
    World::new(&[cash, eth, uni]).with(rebalance("100 USD"))
}

#[test]
fn it_trades_back_to_the_targets_sales_first() {
    let world = strayed();
    let decided = world.decide();
    // 30 % of NAV of ETH is 1.5 ETH for at least 2,985 USDC (0.5 % slippage); 10 % is 1,000 USDC for at least 99.5 UNI.
    let sale = (ETH, CASH, 3 * WAD / 2, 2_985 * USDC_ONE);
    let buy = (CASH, UNI, 1_000 * USDC_ONE, 199 * WAD / 2);
    assert_eq!(decided.swaps(), [sale, buy]);
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    let after = world.after(&decided.intents);
    assert_eq!(after.valuation().weights_bps(), [4_000, 4_000, 2_000]);
    assert_eq!(after.decide().intents, []);
}

#[test]
fn each_swap_is_approved_exactly() {
    let decided = strayed().decide();
    for intent in &decided.intents {
        assert_eq!((intent.account, intent.counterparty), (OPERATIONS, address("uniswap")));
        let approve = Action::Approve { asset: intent.asset, spender: VenueId(0), amount: intent.amount };
        assert_eq!(intent.actions[0], approve);
        assert!(matches!(intent.actions[1], Action::Swap { amount_in, .. } if amount_in == intent.amount));
        assert_eq!(intent.actions.len(), 2);
    }
}

#[test]
fn inside_all_bands_it_does_nothing() {
    let mut world = strayed();
    world.terms.bands[1].max_bps = 7_000;
    let decided = world.decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
}

#[test]
fn the_cheapest_pool_is_taken_and_without_one_it_holds() {
    let mut world = strayed();
    world.terms.venues[0].pools.push(Pool { a: ETH, b: CASH, fee_pips: 500 });
    world.terms.venues[0].pools.retain(|pool| pool.b != UNI);
    let decided = world.decide();
    assert_eq!(decided.swaps().len(), 1);
    assert!(matches!(decided.intents[0].actions[1], Action::Swap { fee_pips: 500, .. }));
    assert_eq!(decided.holds, [StrategyHold::NoPool]);
}

#[test]
fn trades_below_the_minimum_wait() {
    let mut world = strayed();
    world.terms.strategies[0] = rebalance("1500 USD");
    assert_eq!(world.decide().swaps().len(), 1);
    world.terms.strategies[0] = rebalance("5000 USD");
    let decided = world.decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::BelowMinimum]));
}

#[test]
fn caps_go_to_the_largest_deviation_first() {
    let mut world = strayed();
    world.terms.limits.proposal_bps_max = 3_500;
    let decided = world.decide();
    let spent: Vec<_> = decided.intents.iter().map(|intent| (intent.asset, intent.value.0 / WAD)).collect();
    assert_eq!(spent, [(ETH, 3_000), (CASH, 500)]);
    assert_eq!((decided.refused().len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
    world.terms.limits.proposal_bps_max = 0;
    assert_eq!(world.decide().intents, []);
}

#[test]
fn equal_deviations_go_in_the_order_of_the_assets() {
    let cash = usdc(None, 0, 0);
    let eth = volatile("WETH", 2_000, (0, 2_000, 4_000), 3 * WAD);
    let uni = volatile("UNI", 10, (0, 2_000, 4_000), 600 * WAD);
    let mut world = World::new(&[cash, eth, uni]).with(rebalance("100 USD"));
    world.terms.limits.proposal_bps_max = 1_000;
    let decided = world.decide();
    assert_eq!(decided.intents.iter().map(|intent| intent.asset).collect::<Vec<_>>(), [ETH]);
}

#[test]
fn a_buy_with_the_largest_deviation_is_paid_by_later_sales() {
    let cash = usdc(None, 0, 0);
    let eth = volatile("WETH", 2_000, (4_000, 5_000, 6_000), WAD / 2);
    let uni = volatile("UNI", 10, (2_000, 2_500, 3_000), 450 * WAD);
    let aave = volatile("AAVE", 100, (2_000, 2_500, 3_000), 45 * WAD);
    let world = World::new(&[cash, eth, uni, aave]).with(rebalance("100 USD"));
    let decided = world.decide();
    let sold: Vec<_> = decided.swaps().iter().map(|swap| swap.0).collect();
    assert_eq!(sold, [UNI, AssetId(3), CASH]);
    // 4,000 USD sold bring 3,980 at least, which is all that may be spent.
    assert_eq!(decided.swaps()[2].2, 3_980 * USDC_ONE);
    assert_eq!(decided.holds, [StrategyHold::NoBalance]);
    assert_eq!(world.after(&decided.intents).outside(), [""; 0]);
}

#[test]
fn sales_stop_where_cash_would_leave_its_band() {
    let mut world = strayed();
    world.terms.bands[0].max_bps = 4_000;
    let decided = world.decide();
    assert_eq!((decided.intents[0].asset, decided.intents[0].value), (ETH, Value(2_000 * WAD)));
    assert_eq!((decided.refused().len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn buys_stop_at_the_least_stable_share() {
    let cash = usdc(None, 6_000 * USDC_ONE, 0);
    let world = World::new(&[cash, volatile("WETH", 2_000, (5_000, 6_000, 7_000), 2 * WAD)]).with(rebalance("100 USD"));
    assert_eq!(world.decide().value(), Value(2_000 * WAD));
    let mut bounded = world.clone();
    bounded.terms.limits.stable_share_bps_min = 5_500;
    let decided = bounded.decide();
    assert_eq!((decided.value(), decided.holds), (Value(500 * WAD), vec![StrategyHold::NoRoom]));
}

#[test]
fn only_its_account_trades_though_all_accounts_count() {
    let cash = usdc(Some((1_000, 4_000, 9_000)), 500 * USDC_ONE, 7_500 * USDC_ONE);
    let world = World::new(&[cash, volatile("WETH", 2_000, (5_000, 6_000, 7_000), WAD)]).with(rebalance("100 USD"));
    let decided = world.decide();
    assert_eq!((decided.value(), decided.holds), (Value(500 * WAD), vec![StrategyHold::NoBalance]));
}

#[test]
fn a_second_strategy_sees_what_the_first_one_wants() {
    let mut world = strayed();
    let mut again = rebalance("100 USD");
    again.line = alloy_primitives::keccak256("again");
    world.terms.strategies.push(again);
    assert_eq!(world.decide().intents, strayed().decide().intents);
}

#[test]
fn an_asset_without_a_price_is_not_bought() {
    let cash = usdc(None, 10_000 * USDC_ONE, 0);
    let mut unpriced = volatile("UNI", 10, (2_000, 2_500, 3_000), 0);
    unpriced.price = 0;
    let world = World::new(&[cash, volatile("WETH", 2_000, (2_000, 2_500, 3_000), 0), unpriced]);
    let decided = world.with(rebalance("100 USD")).decide();
    assert_eq!(decided.swaps().iter().map(|swap| swap.1).collect::<Vec<_>>(), [ETH]);
    assert_eq!(decided.holds, [StrategyHold::NoPrice]);
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let problems = |world: &World| {
        let found = world.build(&quaestor_strategies::catalog()).expect_err("it is wrong");
        found.into_iter().map(|it| format!("{}: {}", it.key, it.message)).collect::<Vec<_>>()
    };
    let mut world = strayed();
    world.terms.strategies = vec![named("b", "rebalance", &[("account", "reserve"), ("cash", "DAI"), ("limit", "1")])];
    assert_eq!(
        problems(&world),
        [
            "cash: `DAI` is no asset of this policy; write one of: USDC, WETH, UNI",
            "trade_min: `trade_min` is missing; write a text in quotes",
            "account: is moved by a Governor, whose swaps execute too late for their price; name a Safe",
            "limit: unknown key for `rebalance`; remove it",
        ]
    );
    world.terms.strategies = vec![rebalance("0 USD")];
    world.terms.limits.slippage_bps_max = u64::MAX;
    world.terms.bands.clear();
    assert_eq!(
        problems(&world),
        [
            ": needs a bound on slippage; write `slippage_bps_max` below 10000 in the policy's limits",
            ": finds no band to return to; give an asset beside `cash` a band with a target",
            "trade_min: is zero, so that it would trade dust; write such as `100 USD`",
        ]
    );
    world.terms.strategies[0].params.insert("trade_min".into(), ParamValue::Integer(100));
    assert!(
        problems(&world).contains(&"trade_min: `trade_min` is of another type; write a text in quotes".to_string())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn with_room_and_cash_every_band_is_satisfied(mut world in treasuries::any()) {
        // All cash in the account that trades, least outputs without slippage, and no dust.
        let all = world.snapshot.accounts[1].balances[0];
        world.snapshot.accounts[1].balances[0] = Default::default();
        let held = &mut world.snapshot.accounts[0].balances[0];
        *held = held.checked_add(all).unwrap();
        world.terms.limits.slippage_bps_max = 0;
        prop_assume!(world.valuation().nav >= Value(1_000_000 * WAD));
        // A trade below a dollar may be left undone: a band must be wider than that.
        for band in &mut world.terms.bands {
            band.min_bps = band.min_bps.min(band.target_bps.saturating_sub(1));
            band.max_bps = band.max_bps.max(band.target_bps + 1);
        }
        let decided = world.decide();
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        let after = world.after(&decided.intents);
        prop_assert_eq!(after.outside(), [""; 0]);
        prop_assert_eq!(after.decide().intents, []);
    }

    #[test]
    fn nothing_it_wants_is_refused(
        mut world in treasuries::any(),
        cap in 0u64..=10_000,
        window in 0u64..=10_000,
        stable in 0u64..=10_000,
        cash_max in 0u64..=10_000,
    ) {
        treasuries::bound(&mut world, cap, window, stable, cash_max);
        prop_assume!(!world.valuation().nav.is_zero());
        let decided = world.decide();
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        let nav = world.valuation().nav;
        prop_assert!(decided.value() <= nav.share(cap.min(window)).unwrap());
        prop_assert!(decided.intents.iter().all(|intent| intent.value >= Value(WAD)));
        // Sales come first, and buys spend no more than is there at least.
        let swaps = decided.swaps();
        prop_assert!(swaps.is_sorted_by_key(|swap| swap.0 == CASH));
        let proceeds: u128 = swaps.iter().filter(|swap| swap.1 == CASH).map(|swap| swap.3).sum();
        let bought: u128 = swaps.iter().filter(|swap| swap.0 == CASH).map(|swap| swap.2).sum();
        prop_assert!(bought <= world.snapshot.accounts[0].balances[0].0 + proceeds);
        // `after` panics if more is given than is held.
        world.after(&decided.intents);
        prop_assert_eq!(world.decide(), decided);
    }

    #[test]
    fn under_a_cap_it_arrives_step_by_step(mut world in treasuries::any(), cap in 1_000u64..=5_000) {
        world.terms.limits.proposal_bps_max = cap;
        world.terms.limits.slippage_bps_max = 0;
        prop_assume!(world.valuation().nav >= Value(1_000_000 * WAD));
        world.snapshot.accounts[1].balances[0] = Default::default();
        prop_assume!(world.valuation().nav >= Value(1_000_000 * WAD));
        for band in &mut world.terms.bands {
            band.min_bps = band.min_bps.min(band.target_bps.saturating_sub(1));
            band.max_bps = band.max_bps.max(band.target_bps + 1);
        }
        // Each step moves a tenth of NAV at least, and twice NAV is the most there is to move.
        for _ in 0..22 {
            let decided = world.decide();
            prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
            world = world.after(&decided.intents);
        }
        prop_assert_eq!(world.outside(), [""; 0]);
    }
}
