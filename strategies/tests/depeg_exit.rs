//! When `depeg_exit` leaves, how fast, and when it stops.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use proptest::prelude::*;
use quaestor_core::{
    AssetId, Price, Value,
    amount::WAD,
    policy::StrategyTerms,
    snapshot::{FeedReading, Round},
    strategy::StrategyHold,
};
use world::{CASH, NOW, USDC_ONE, World, address, dai, number, strategy, text, usdc};

const DAI: AssetId = AssetId(1);

fn exit() -> StrategyTerms {
    let params = vec![
        ("account", text("operations")),
        ("asset", text("DAI")),
        ("into", text("USDC")),
        ("price_min", text("0.98 USD")),
        ("price_floor", text("0.7 USD")),
        ("rounds_min", number(3)),
        ("step_bps", number(2_500)),
        ("trade_min", text("10 USD")),
    ];
    strategy("leave dai", "depeg_exit", params)
}

/// 1,000 USDC and 8,000 DAI with these answers, in millionths.
fn world(micros: &[u128]) -> World {
    World::new(&[usdc(None, 1_000 * USDC_ONE, 0), dai(8_000, 0)]).with(exit()).answering(DAI, micros)
}

fn hold(world: &World) -> StrategyHold {
    let decided = world.decide();
    assert_eq!(decided.intents, []);
    assert_eq!(decided.holds.len(), 1, "{:?}", decided.holds);
    decided.holds[0]
}

#[test]
fn below_the_least_price_it_leaves_a_step_at_a_time() {
    let mut world = world(&[1_000_000, 975_000, 970_000, 950_000]);
    let mut given = Vec::new();
    for _ in 0..3 {
        let decided = world.decide();
        assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
        assert!(decided.swaps().iter().all(|swap| (swap.0, swap.1) == (DAI, CASH)));
        given.push(decided.intents[0].amount.0 / WAD);
        world = world.after(&decided.intents);
    }
    assert_eq!(given, [2_000, 1_500, 1_125]);
}

#[test]
fn on_its_peg_it_does_nothing() {
    let decided = world(&[970_000, 970_000, 970_000, 980_000]).decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
}

#[test]
fn a_round_or_two_are_not_enough() {
    assert_eq!(hold(&world(&[1_000_000, 1_000_000, 1_000_000, 900_000])), StrategyHold::Unconfirmed);
    assert_eq!(hold(&world(&[900_000, 980_000, 900_000, 900_000])), StrategyHold::Unconfirmed, "in a row");
    assert_eq!(hold(&world(&[900_000, 900_000])), StrategyHold::Unconfirmed, "too short a history");
    let mut silent = world(&[900_000, 900_000, 900_000]);
    silent.snapshot.assets[DAI.index()].feeds[0].rounds[1].price = None;
    assert_eq!(hold(&silent), StrategyHold::Unconfirmed, "a round without an answer");
}

#[test]
fn below_the_floor_it_stops_and_says_so() {
    assert_eq!(hold(&world(&[600_000, 600_000, 699_999])), StrategyHold::PriceLimit);
    assert_eq!(world(&[600_000, 600_000, 700_000]).decide().intents.len(), 1);
}

#[test]
fn most_feeds_in_use_must_have_seen_it() {
    let with = |feeds: &[(&[u128], u64)]| {
        let mut world = world(&[]);
        let round = |price: &u128, age| Round { price: Some(Price(price * WAD / 1_000_000)), updated_at: NOW - age };
        let feed = |(position, (micros, age)): (usize, &(&[u128], u64))| FeedReading {
            feed: address(&format!("feed {position}")),
            rounds: micros.iter().map(|price| round(price, *age)).collect(),
        };
        let readings: Vec<FeedReading> = feeds.iter().enumerate().map(feed).collect();
        world.terms.assets[DAI.index()].feeds = readings.iter().map(|reading| reading.feed).collect();
        world.snapshot.assets[DAI.index()].feeds = readings;
        world
    };
    let (low, late): (&[u128], &[u128]) = (&[950_000; 3], &[1_000_000, 950_000, 950_000]);
    assert_eq!(hold(&with(&[(low, 60), (late, 60)])), StrategyHold::Unconfirmed, "one of two");
    assert_eq!(with(&[(low, 60), (low, 60), (late, 60)]).decide().intents.len(), 1, "two of three");
    assert_eq!(with(&[(low, 60), (late, 9_000)]).decide().intents.len(), 1, "the other one is stale");
    assert_eq!(hold(&with(&[(late, 60), (low, 9_000)])), StrategyHold::Unconfirmed, "a stale one says nothing");
}

#[test]
fn the_last_steps_are_of_the_least_trade() {
    let mut world = world(&[950_000; 3]);
    world.snapshot.accounts[0].balances[DAI.index()].0 = 25 * WAD;
    let mut count = 0;
    while world.decide().intents.len() == 1 {
        let decided = world.decide();
        assert!(decided.value() >= Value(10 * WAD));
        world = world.after(&decided.intents);
        count += 1;
        assert!(count < 10, "it ends");
    }
    assert_eq!((count, hold(&world)), (2, StrategyHold::BelowMinimum));
    world.snapshot.accounts[0].balances[DAI.index()].0 = 0;
    let decided = world.decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
}

#[test]
fn caps_bands_and_earlier_strategies_hold_it_back() {
    let mut capped = world(&[950_000; 3]);
    capped.terms.limits.proposal_bps_max = 1_000;
    let decided = capped.decide();
    let cap = capped.valuation().nav.share(1_000).unwrap();
    assert!(decided.value() <= cap && decided.value().0 > cap.0 - WAD);
    capped.terms.limits.proposal_bps_max = 0;
    assert_eq!(hold(&capped), StrategyHold::NoRoom);

    let band = |min_bps| quaestor_core::policy::Band { asset: DAI, min_bps, target_bps: 9_000, max_bps: 10_000 };
    let mut banded = world(&[950_000; 3]);
    banded.terms.bands = vec![band(9_000)];
    assert_eq!(hold(&banded), StrategyHold::NoRoom);

    let mut unpriced = world(&[950_000; 3]).answering(CASH, &[]);
    unpriced.snapshot.accounts[0].balances[CASH.index()].0 = 0;
    assert_eq!(hold(&unpriced), StrategyHold::NoPrice);

    // Who buys it first does not sell it a moment later.
    let mut bought = world(&[950_000; 3]);
    bought.terms.bands = vec![band(9_500)];
    bought.terms.bands[0].target_bps = 9_800;
    bought.terms.strategies.insert(0, world::rebalance("10 USD"));
    let decided = bought.decide();
    assert_eq!(decided.swaps().iter().map(|swap| swap.0).collect::<Vec<_>>(), [CASH]);
    assert_eq!(decided.holds, [StrategyHold::Opposed]);
    // And first come, the exit has its way.
    bought.terms.bands[0].min_bps = 0;
    bought.terms.bands[0].max_bps = 2_000;
    bought.terms.bands[0].target_bps = 1_000;
    bought.terms.strategies.reverse();
    assert!(bought.decide().swaps().iter().all(|swap| swap.0 == DAI));
}

#[test]
fn a_floor_on_the_stable_share_does_not_hold_who_leaves_one_stable_for_another() {
    let mut world = world(&[950_000; 3]);
    world.terms.limits.stable_share_bps_min = 10_000;
    let decided = world.decide();
    assert_eq!((decided.refused().len(), decided.intents.len()), (0, 1));
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let changed = |changes: &[(&str, quaestor_core::strategy::ParamValue)]| {
        let change =
            |it: &mut StrategyTerms| it.params.extend(changes.iter().map(|(key, to)| (key.to_string(), to.clone())));
        world(&[1_000_000]).strategy(change).problems()
    };
    let all = [("price_floor", text("0.98 USD")), ("trade_min", text("0 USD")), ("into", text("DAI"))];
    assert_eq!(
        changed(&all),
        [
            "price_floor: is not below `price_min`; write the price below which people decide",
            "trade_min: is zero, so that it would trade dust; write such as `100 USD`",
            "into: is what is left; write another asset",
        ]
    );
    assert_eq!(
        changed(&[("rounds_min", number(31))]),
        ["rounds_min: 31 is out of range; write a number from 2 to 30"],
        "the snapshot holds thirty"
    );
    assert_eq!(changed(&[("rounds_min", number(1))]).len(), 1);
    let volatile = world::volatile("WETH", 2_000, (0, 0, 0), 0);
    let mut other = World::new(&[usdc(None, 0, 0), dai(0, 0), volatile]).with(exit());
    other.terms.strategies[0].params.insert("asset".into(), text("WETH"));
    assert_eq!(other.problems(), ["asset: is not a stable asset; `derisk` and `dca` sell others"]);
    other.terms.strategies[0] = exit();
    other.terms.strategies[0].params.insert("into".into(), text("WETH"));
    assert_eq!(
        other.problems(),
        ["into: no pool of this policy joins DAI and WETH; list one at a venue or write another asset"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_sells_exactly_when_price_and_rounds_say_so(
        micros in prop::collection::vec(600_000u128..1_050_000, 1..6),
        (held, step) in (0u128..1_000_000, 1i64..=10_000),
        (cap, stable) in (0u64..=10_000, 0u64..=10_000),
    ) {
        let mut world = world(&micros).strategy(|it| drop(it.params.insert("step_bps".into(), number(step))));
        world.snapshot.accounts[0].balances[DAI.index()].0 = held * WAD / 100;
        world.terms.limits.proposal_bps_max = cap;
        // Both are stable, so that a floor on their share does not hold it.
        world.terms.limits.stable_share_bps_min = stable;
        let decided = world.decide();
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        let last = *micros.last().unwrap();
        let low = micros.len() >= 3 && micros.iter().rev().take(3).all(|price| *price < 980_000);
        let may = low && last >= 700_000;
        prop_assert!(may || decided.intents.is_empty());
        prop_assert_eq!(decided.holds.len() + decided.intents.len(), usize::from(held > 0 && last < 980_000));
        for intent in &decided.intents {
            prop_assert!(intent.value >= Value(10 * WAD));
            prop_assert!(intent.value <= world.valuation().nav.share(cap).unwrap());
            let step = held * WAD / 100 * u128::try_from(step).unwrap() / 10_000;
            let least = 10 * WAD * 1_000_000 / last + 2;
            prop_assert!(intent.amount.0 <= step.max(least));
        }
        world.after(&decided.intents);
        prop_assert_eq!(world.decide(), decided);
    }
}
