//! What `wrap` wants, and when it wants nothing.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use quaestor_core::{AccountId, Action, Amount, AssetId, Value, snapshot::CoinReading, strategy::StrategyHold};
use world::{World, address, named, text, usdc, volatile};

const WETH: AssetId = AssetId(1);
const OPERATIONS: AccountId = AccountId(0);
const ETHER: u128 = 1_000_000_000_000_000_000;

/// Operations keeps half of the coin's unit and has this much of it, in thousandths.
fn world(thousandths: Option<u128>) -> World {
    let params = [("account", "operations"), ("asset", "WETH"), ("keep", "0.5 WETH"), ("wrap_min", "0.1 WETH")];
    let mut world = World::new(&[usdc(None, 1_000, 0), volatile("WETH", 10, (0, 5_000, 10_000), 3)]);
    world.terms.wrapped_coin = Some(WETH);
    let balance = thousandths.map(|number| Amount(number * ETHER / 1_000));
    world.snapshot.coins = vec![CoinReading { account: OPERATIONS, balance }];
    world.with(named("wrap", "wrap", &params))
}

#[test]
fn what_is_above_the_rest_that_stays_is_wrapped() {
    let decided = world(Some(2_000)).decide();
    let [intent] = decided.intents.as_slice() else { panic!("{:?}", decided.intents) };
    assert_eq!((intent.account, intent.asset, intent.counterparty), (OPERATIONS, WETH, address("WETH")));
    assert_eq!((intent.amount, intent.value), (Amount::ZERO, Value::ZERO));
    assert_eq!(intent.actions[..], [Action::Wrap { asset: WETH, amount: Amount(ETHER * 3 / 2) }]);
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    assert_eq!(world(Some(600)).decide().intents.len(), 1);
}

#[test]
fn dust_and_what_cannot_be_read_wait() {
    for thousandths in [0, 500, 599] {
        let decided = world(Some(thousandths)).decide();
        assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0), "{thousandths}");
    }
    let decided = world(None).decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 1));
    assert!(format!("{:?}", decided.holds).contains(&format!("{:?}", StrategyHold::NoBalance)), "{:?}", decided.holds);
}

#[test]
fn another_asset_and_dust_say_what_to_write() {
    let wrong = world(None).strategy(|it| {
        for (key, value) in [("asset", "USDC"), ("keep", "1 USDC"), ("wrap_min", "0 USDC")] {
            it.params.insert(key.into(), text(value));
        }
    });
    let problems = wrong.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("write `wrapped_coin = \"one-for-one\"` in `assets.USDC`"), "{problems:?}");
    assert!(problems[1].contains("is zero, so that it would wrap dust"), "{problems:?}");
}
