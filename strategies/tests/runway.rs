//! What `runway` draws on, in which order, and when it waits.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use proptest::prelude::*;
use quaestor_core::{
    Action, Amount, AssetId, Value,
    amount::WAD,
    policy::StrategyTerms,
    strategy::{ParamValue, StrategyHold},
};
use world::{
    CASH, OPERATIONS, RESERVE, USDC_ONE, World, address, dai, number, pairs, strategy, text, usdc, volatile, waiting_of,
};

const ETH: AssetId = AssetId(1);
const UNI: AssetId = AssetId(2);

fn runway(months: (i64, i64), sources: &[(&str, &str)]) -> StrategyTerms {
    let params = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("months_min", number(months.0)),
        ("months_target", number(months.1)),
        ("sources", pairs(sources)),
    ];
    strategy("runway", "runway", params)
}

const SOURCES: [(&str, &str); 4] =
    [("reserve", "USDC"), ("reserve", "DAI"), ("operations", "UNI"), ("operations", "WETH")];

/// Burns 10,000 USD a month and wants six of them, twelve when it is refilled. 10 WETH of 2,000 and 1,000 UNI of 10 USD.
fn world(operations: u128, reserve: u128, reserve_dai: u128) -> World {
    let cash = usdc(None, operations * USDC_ONE, reserve * USDC_ONE);
    let eth = volatile("WETH", 2_000, (0, 5_000, 10_000), 10 * WAD);
    let uni = volatile("UNI", 10, (0, 1_000, 10_000), 1_000 * WAD);
    let mut world = World::new(&[cash, eth, uni, dai(0, reserve_dai)]).with(runway((6, 12), &SOURCES));
    world.terms.risk.burn_monthly = Value(10_000 * WAD);
    world
}

fn given(decided: &world::Decided) -> Vec<(AssetId, u128)> {
    decided.intents.iter().map(|intent| (intent.asset, intent.value.0 / WAD)).collect()
}

#[test]
fn with_enough_months_it_does_nothing() {
    let decided = world(60_000, 500_000, 0).decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
}

#[test]
fn below_the_least_months_the_reserve_brings_it_to_the_target() {
    let world = world(59_999, 500_000, 0);
    let decided = world.decide();
    let amount = Amount(60_001 * USDC_ONE);
    assert_eq!(decided.intents.len(), 1);
    assert_eq!((decided.intents[0].account, decided.intents[0].counterparty), (RESERVE, address("operations")));
    assert_eq!(decided.intents[0].actions[..], [Action::Transfer { asset: CASH, to: address("operations"), amount }]);
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    assert_eq!(world.after(&decided.intents).decide().intents, []);
}

#[test]
fn sources_give_in_the_order_of_the_policy() {
    // 100,000 are missing: 30,000 and 45,000 in the reserve, 10,000 of UNI, and 15,000 of WETH.
    let decided = world(20_000, 30_000, 45_000).decide();
    let dai = AssetId(3);
    assert_eq!(given(&decided), [(CASH, 30_000), (dai, 45_000), (UNI, 10_000), (ETH, 15_000)]);
    assert_eq!(decided.swaps()[1], (ETH, CASH, 15 * WAD / 2, 14_925 * USDC_ONE));
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    assert!(decided.intents[2..].iter().all(|intent| intent.account == OPERATIONS));
}

#[test]
fn a_part_too_small_to_be_worth_it_is_left_to_the_next_source() {
    let decided = world(20_000, 9_999, 90_000).decide();
    assert_eq!(given(&decided), [(AssetId(3), 90_000), (UNI, 10_000)]);
}

#[test]
fn when_all_sources_are_dry_it_says_so() {
    let decided = world(0, 0, 0).decide();
    // 30,000 USD of UNI and WETH are all there is, of 120,000.
    assert_eq!((given(&decided), decided.holds), (vec![(ETH, 20_000)], vec![StrategyHold::NoBalance]));
}

#[test]
fn a_sale_stops_where_the_asset_would_leave_its_band() {
    let mut world = world(0, 0, 0);
    world.terms.strategies = vec![runway((1, 2), &[("operations", "WETH")])];
    world.terms.bands[0].min_bps = 4_000;
    let decided = world.decide();
    // 4,000 of 10,000 parts of 30,000 USD must stay.
    let sold = decided.value();
    assert!(sold <= Value(8_000 * WAD) && sold > Value(7_999 * WAD), "{sold:?}");
    assert_eq!((decided.refused().len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn what_a_proposal_may_bring_already_is_waited_for() {
    let mut waiting = world(20_000, 30_000, 45_000);
    waiting.history.outstanding.push(waiting_of(RESERVE));
    let decided = waiting.decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::Waiting]));
}

#[test]
fn what_an_earlier_strategy_sends_is_not_sent_again() {
    let mut world = world(20_000, 500_000, 0);
    let refill = [("from", "reserve"), ("to", "operations"), ("asset", "USDC"), ("low", "50000 USDC")];
    let mut params: Vec<(&str, ParamValue)> = refill.iter().map(|(key, value)| (*key, text(value))).collect();
    params.push(("target", text("70000 USDC")));
    world.terms.strategies.insert(0, strategy("supply", "refill", params));
    assert_eq!(given(&world.decide()), [(CASH, 50_000)], "with it there are seven months");
    world.terms.risk.burn_monthly = Value(20_000 * WAD);
    assert_eq!(given(&world.decide()), [(CASH, 50_000), (CASH, 170_000)]);
    // And the other way round.
    world.terms.strategies.reverse();
    assert_eq!(given(&world.decide()), [(CASH, 220_000)]);
}

#[test]
fn shares_of_a_vault_are_no_money_yet() {
    let lent = world(20_000, 500_000, 0).with_vault("savings", (None, USDC_ONE), [100_000 * USDC_ONE, 0]);
    assert_eq!(given(&lent.decide()), [(CASH, 100_000)]);
    let mut lent = lent;
    lent.terms.strategies = vec![runway((6, 12), &[("reserve", "s-savings")])];
    assert_eq!(
        lent.problems(),
        ["sources: another account gives stable assets only; sales are made in `account` itself"]
    );
}

#[test]
fn it_stays_within_the_caps_and_its_share_of_them() {
    let mut world = world(20_000, 500_000, 0);
    world.terms.strategies = vec![runway((6, 12), &[("reserve", "USDC")])];
    world.terms.limits.proposal_bps_max = 1_000;
    let nav = world.valuation().nav;
    assert_eq!(world.decide().value(), nav.share(1_000).unwrap());
    let world = world.strategy(|it| it.share_bps_max = Some(5_000));
    let decided = world.decide();
    assert_eq!((decided.value(), decided.refused().len()), (nav.share(500).unwrap(), 0));
    assert_eq!(decided.holds, [StrategyHold::NoRoom]);
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let mut wrong = world(0, 0, 0);
    wrong.terms.risk.burn_monthly = Value::ZERO;
    wrong.terms.strategies = vec![runway((7, 6), &[])];
    assert_eq!(
        wrong.problems(),
        [
            ": needs what the DAO pays in a month; write `burn_monthly`, such as `50000 USD`, in [risk]",
            "months_target: is less than `months_min`; write the months to refill to, as many or more",
            "sources: is empty, so nothing could be refilled; write such as `[[\"reserve\", \"USDC\"]]`",
        ]
    );
    wrong.terms.risk.burn_monthly = Value(u128::MAX / 5);
    let sources = [("reserve", "WETH"), ("operations", "DAI"), ("treasury", "USDC")];
    wrong.terms.strategies = vec![runway((1, 6), &sources)];
    assert_eq!(wrong.problems(), ["sources: `treasury` is no account of this policy; write one that is"]);
    wrong.terms.venues[0].pools.clear();
    let sources = [("reserve", "WETH"), ("operations", "DAI"), ("operations", "UNI")];
    wrong.terms.strategies = vec![runway((1, 6), &sources)];
    assert_eq!(
        wrong.problems(),
        [
            "sources: another account gives stable assets only; sales are made in `account` itself",
            "sources: a stable asset of `account` counts already; write what it may sell or who may send",
            "sources: no pool of this policy joins UNI and USDC; list one at a venue or write another asset",
            ": asks for more money than can be counted; lower the months or `burn_monthly`",
        ]
    );
    let flat = ("sources", ParamValue::List(vec![text("reserve"), text("USDC")]));
    let world = world(0, 0, 0).strategy(|it| drop(it.params.insert(flat.0.into(), flat.1)));
    assert_eq!(world.problems()[0], "sources: an entry is not a pair; write such as `[\"reserve\", \"USDC\"]`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_never_asks_for_more_than_is_missing_and_is_never_refused(
        held in prop::array::uniform3(0u128..200_000),
        (cap, share) in (0u64..=10_000, 0u64..=10_000),
        (eth_min, stable) in (0u64..5_000, 0u64..9_000),
        burn in 1u128..30_000,
    ) {
        let mut world = world(held[0], held[1], held[2]).strategy(|it| it.share_bps_max = Some(share));
        world.terms.limits.proposal_bps_max = cap;
        world.terms.limits.stable_share_bps_min = stable;
        world.terms.bands[0].min_bps = eth_min;
        world.terms.risk.burn_monthly = Value(burn * WAD);
        let decided = world.decide();
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        if held[0] >= 6 * burn {
            prop_assert_eq!(decided.intents.len(), 0);
        } else {
            prop_assert!(decided.value() <= Value((12 * burn - held[0]) * WAD));
            prop_assert!(!decided.intents.is_empty() || !decided.holds.is_empty(), "it acts or says why not");
        }
        // `after` panics if more is given than is held.
        world.after(&decided.intents);
        prop_assert_eq!(world.decide(), decided);
    }

    #[test]
    fn with_room_and_money_one_decision_is_enough(held in 0u128..60_000, reserve in 120_000u128..1_000_000) {
        let world = world(held, reserve, 0);
        let after = world.after(&world.decide().intents);
        let left = after.decide();
        prop_assert_eq!((left.intents.len(), left.holds.len()), (0, 0));
        let got = after.snapshot.accounts[0].balances[0];
        prop_assert_eq!(got, Amount(if held < 60_000 { 120_000 } else { held } * USDC_ONE));
    }
}
