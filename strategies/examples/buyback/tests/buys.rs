//! What it buys, and when it does not.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

#[path = "../../../tests/world/mod.rs"]
mod world;

use quaestor_core::{AssetId, AssetKind, Value, amount::WAD, policy::StrategyTerms, strategy::StrategyHold};
use world::{CASH, USDC_ONE, World, number, strategy, text, usdc, volatile};

const TOKEN: AssetId = AssetId(1);

/// A tenth of what lies above 50,000 USD, below 5 USD.
fn buys() -> StrategyTerms {
    let params = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("token", text("DAO")),
        ("price_max", text("5 USD")),
        ("keep", text("50000 USD")),
        ("share_bps", number(1_000)),
        ("trade_min", text("100 USD")),
    ];
    strategy("buyback", "buyback", params)
}

fn treasury(cash: u128, price: u128) -> World {
    let mut world = World::new(&[usdc(None, cash * USDC_ONE, 0), volatile("DAO", price, (0, 0, 10_000), 1_000 * WAD)]);
    world.terms.assets[TOKEN.index()].kind = AssetKind::Native;
    world.with(buys())
}

fn decide(world: &World) -> world::Decided {
    world.decide_with(&world.build(&buyback::catalog()).expect("parameters are right"))
}

#[test]
fn while_the_token_is_cheap_it_buys_with_a_share_of_what_is_spare() {
    let mut world = treasury(60_000, 4);
    let mut spent = Vec::new();
    for _ in 0..3 {
        let decided = decide(&world);
        assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
        assert!(decided.swaps().iter().all(|swap| (swap.0, swap.1) == (CASH, TOKEN)));
        spent.push(decided.value().0 / WAD);
        world = world.after(&decided.intents);
    }
    assert_eq!(spent, [1_000, 900, 810]);
}

#[test]
fn at_its_price_or_at_the_floor_of_cash_it_does_nothing() {
    for (cash, price) in [(60_000, 5), (50_000, 4), (50_999, 4), (0, 4)] {
        let decided = decide(&treasury(cash, price));
        assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0), "{cash} {price}");
    }
}

#[test]
fn it_tells_voters_what_it_does() {
    let world = treasury(60_000, 4);
    let built = world.build(&buyback::catalog()).expect("parameters are right");
    let told = built.iter().flat_map(|strategy| strategy.explain(&world.terms)).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "While DAO costs less than 5 USD, it buys it at each decision with 10 % of the USDC of operations that lie above \
             50,000 USD.",
            "A purchase worth less than 100 USD is left out.",
        ]
    );
}

#[test]
fn without_room_under_the_caps_it_waits() {
    let mut world = treasury(60_000, 4);
    world.terms.limits.proposal_bps_max = 100;
    assert_eq!(decide(&world).value(), Value(640 * WAD));
    world.terms.limits.proposal_bps_max = 10;
    let decided = decide(&world);
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn a_policy_that_names_it_wrongly_is_told_what_to_write() {
    let mut world = treasury(0, 1).strategy(|it| drop(it.params.insert("trade_min".into(), text("0 USD"))));
    world.terms.assets[TOKEN.index()].kind = AssetKind::Volatile;
    world.terms.venues.clear();
    let found = world.build(&buyback::catalog()).expect_err("it is wrong");
    let keys: Vec<_> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["token", "trade_min", "token"]);
}
