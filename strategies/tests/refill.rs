//! What `refill` wants, and when it waits.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use proptest::prelude::*;
use quaestor_core::{
    Action, Amount, Value, amount::WAD, policy::StrategyTerms, snapshot::Spend, strategy::StrategyHold,
};
use world::{CASH, NOW, RESERVE, USDC_ONE, World, address, named, rebalance, usdc, volatile, waiting_of};

fn refill(low: &str, target: &str) -> StrategyTerms {
    let params = [("from", "reserve"), ("to", "operations"), ("asset", "USDC"), ("low", low), ("target", target)];
    named("supply", "refill", &params)
}

fn world(operations: u128, reserve: u128) -> World {
    World::new(&[usdc(None, operations * USDC_ONE, reserve * USDC_ONE)]).with(refill("1000 USDC", "3000.5 USDC"))
}

#[test]
fn below_the_low_mark_it_refills_to_the_target() {
    let decided = world(999, 9_000).decide();
    assert_eq!(decided.intents.len(), 1);
    let intent = &decided.intents[0];
    let amount = Amount(2_001_500_000);
    assert_eq!((intent.account, intent.asset, intent.amount), (RESERVE, CASH, amount));
    assert_eq!((intent.counterparty, intent.value), (address("operations"), Value(2_001_500_000 * WAD / USDC_ONE)));
    assert_eq!(intent.actions[..], [Action::Transfer { asset: CASH, to: address("operations"), amount }]);
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
}

#[test]
fn at_the_low_mark_or_while_a_proposal_waits_it_does_nothing() {
    assert_eq!(world(1_000, 9_000).decide().intents, []);
    let mut waiting = world(0, 9_000);
    waiting.history.outstanding.push(waiting_of(RESERVE));
    let decided = waiting.decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
}

#[test]
fn a_small_reserve_gives_what_it_has_and_dust_is_not_voted_on() {
    let decided = world(500, 1_000).decide();
    assert_eq!(decided.intents[0].amount, Amount(1_000 * USDC_ONE));
    let decided = world(500, 250).decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoBalance]));
}

#[test]
fn it_stays_within_the_caps() {
    let mut capped = world(0, 10_000);
    capped.terms.limits.proposal_bps_max = 500;
    assert_eq!(capped.decide().intents[0].amount, Amount(500 * USDC_ONE));
    capped.terms.limits.window_bps_max[1] = 500;
    capped.history.spends.push_back(Spend {
        timestamp: NOW - 60,
        account: RESERVE,
        decision: Default::default(),
        once_key: Default::default(),
        line: Default::default(),
        asset: Some(CASH),
        counterparty: address("operations"),
        value: Value(400 * WAD),
    });
    let decided = capped.decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn what_an_earlier_strategy_spends_is_missing() {
    let cash = usdc(None, 2_000 * USDC_ONE, 8_000 * USDC_ONE);
    let eth = volatile("WETH", 2_000, (1_500, 2_000, 2_500), 0);
    let decided = World::new(&[cash, eth]).with(rebalance("100 USD")).with(refill("1000 USDC", "3000 USDC")).decide();
    assert_eq!(decided.intents.len(), 2);
    assert_eq!(decided.intents[1].amount, Amount(3_000 * USDC_ONE));
    assert_eq!(decided.refused().len(), 0);
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let problems = |strategy: StrategyTerms| {
        let mut wrong = world(0, 0);
        wrong.terms.strategies = vec![strategy];
        let found = wrong.build(&quaestor_strategies::catalog()).expect_err("it is wrong");
        found.into_iter().map(|it| format!("{}: {}", it.key, it.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        problems(refill("3000 USDC", "1000")),
        ["target: `1000` has not the unit USDC; write such as `1250.5 USDC`"]
    );
    assert_eq!(
        problems(refill("2 USDC", "1 USDC")),
        ["target: is less than `low`; write the amount to refill to, `low` or more"]
    );
    let same = [("from", "reserve"), ("to", "reserve"), ("asset", "USDC"), ("low", "0 USDC"), ("target", "1 USDC")];
    assert_eq!(
        problems(named("supply", "refill", &same)),
        [
            "to: is the account that gives; write another account of the treasury",
            "low: is zero, so nothing would ever be sent; write the least that `to` should hold",
        ]
    );
    let mut unknown = refill("1 USDC", "2 USDC");
    unknown.params.insert("asset".into(), world::text("DAI"));
    assert_eq!(problems(unknown), ["asset: `DAI` is no asset of this policy; write one of: USDC"]);
}

proptest! {
    #[test]
    fn it_never_gives_more_than_is_held_missing_or_allowed(
        operations in 0u128..5_000,
        reserve in 0u128..20_000,
        cap in 0u64..=10_000,
    ) {
        let mut world = world(operations, reserve);
        world.terms.limits.proposal_bps_max = cap;
        let decided = world.decide();
        prop_assert_eq!(decided.refused().len(), 0);
        for intent in &decided.intents {
            prop_assert!(operations < 1_000);
            prop_assert!(intent.amount.0 <= reserve * USDC_ONE);
            prop_assert!(intent.amount.0 + operations * USDC_ONE <= 3_000_500_000);
            prop_assert!(intent.value <= world.valuation().nav.share(cap).unwrap());
        }
    }
}
