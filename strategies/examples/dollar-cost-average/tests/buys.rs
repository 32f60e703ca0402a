//! What it buys, and when it does not.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

#[path = "../../../tests/world/mod.rs"]
mod world;

use quaestor_core::{amount::WAD, policy::StrategyTerms, strategy::StrategyHold};
use world::{CASH, USDC_ONE, World, named, usdc, volatile};

fn buys(value: &str) -> StrategyTerms {
    let params = [("account", "operations"), ("cash", "USDC"), ("buy", "WETH"), ("value", value)];
    named("savings", "dollar-cost-average", &params)
}

fn treasury(cash: u128) -> World {
    let holdings = [usdc(None, cash * USDC_ONE, 0), volatile("WETH", 2_000, (0, 5_000, 10_000), WAD)];
    World::new(&holdings).with(buys("500 USD"))
}

fn decide(world: &World) -> world::Decided {
    world.decide_with(&world.build(&dollar_cost_average::catalog()).expect("parameters are right"))
}

#[test]
fn it_buys_for_its_value_at_each_decision() {
    let mut world = treasury(1_200);
    for _ in 0..2 {
        let decided = decide(&world);
        // A quarter of a token of 2,000 USD, less half a percent of slippage.
        let least = WAD / 4 * 9_950 / 10_000;
        assert_eq!(decided.swaps(), [(CASH, quaestor_core::AssetId(1), 500 * USDC_ONE, least)]);
        assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
        world = world.after(&decided.intents);
    }
    let decided = decide(&world);
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoBalance]));
}

#[test]
fn without_room_under_the_caps_it_waits() {
    let mut world = treasury(1_200);
    world.terms.limits.proposal_bps_max = 1_000;
    let decided = decide(&world);
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn a_policy_that_names_it_wrongly_is_told_what_to_write() {
    let mut world = treasury(0);
    world.terms.strategies = vec![buys("0 USD")];
    world.terms.venues.clear();
    let found = world.build(&dollar_cost_average::catalog()).expect_err("it is wrong");
    let keys: Vec<_> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["buy", "value"]);
}
