//! When `derisk` sells, how much, and that it never does the opposite.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use proptest::prelude::*;
use quaestor_core::{
    AssetId, AssetKind, RiskReport, Value, amount::WAD, policy::StrategyTerms, strategy::StrategyHold,
};
use world::{CASH, USDC_ONE, World, number, strategy, text, usdc, volatile};

const ETH: AssetId = AssetId(1);
const UNI: AssetId = AssetId(2);

/// From 20 % on less than 80 % may be at risk, from 60 % on 40 %.
fn derisk(signal: &str) -> StrategyTerms {
    let params = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("signal", text(signal)),
        ("start_bps", number(2_000)),
        ("full_bps", number(6_000)),
        ("risky_share_bps_max", number(8_000)),
        ("risky_share_bps_min", number(4_000)),
        ("step_bps_max", number(10_000)),
        ("move_bps_min", number(300)),
        ("trade_min", text("10 USD")),
    ];
    strategy("derisk", "derisk", params)
}

fn forecast(bps: u64) -> RiskReport {
    RiskReport { drawdown_probability_bps: Some(bps), ..RiskReport::default() }
}

/// NAV 10,000 USD: 60 % WETH, 20 % UNI, 20 % cash.
fn world(bps: u64) -> World {
    let cash = usdc(None, 2_000 * USDC_ONE, 0);
    let (eth, uni) =
        (volatile("WETH", 2_000, (0, 5_000, 10_000), 3 * WAD), volatile("UNI", 10, (0, 0, 10_000), 200 * WAD));
    let mut world = World::new(&[cash, eth, uni]).with(derisk("drawdown-probability"));
    world.risk = forecast(bps);
    world
}

fn sold(decided: &world::Decided) -> Vec<(AssetId, u128)> {
    decided.intents.iter().map(|intent| (intent.asset, intent.value.0 / WAD)).collect()
}

#[test]
fn it_sells_down_to_the_share_that_the_forecast_allows_each_asset_in_proportion() {
    // Half way between start and full: 60 % are allowed, 80 % are there.
    let world = world(4_000);
    let decided = world.decide();
    assert_eq!(sold(&decided), [(ETH, 1_500), (UNI, 500)]);
    assert!(decided.swaps().iter().all(|swap| swap.1 == CASH));
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    let after = world.after(&decided.intents);
    assert_eq!(after.valuation().weights_bps(), [4_000, 4_500, 1_500]);
    assert_eq!(after.decide().intents, [], "once is enough");
}

#[test]
fn a_forecast_that_trembles_does_not_trade() {
    for bps in [0, 2_000, 2_001, 2_299] {
        assert_eq!(world(bps).decide().intents, [], "{bps}");
    }
    // 300 above the line is the band; one more is outside.
    assert_eq!(world(2_300).decide().intents, []);
    assert_eq!(world(2_301).decide().value(), Value(301 * WAD));
    // Where it once sold, a forecast that falls again buys nothing.
    let after = world(6_000).after(&world(6_000).decide().intents);
    for bps in [5_900, 4_000, 2_000, 0] {
        let calm = World { risk: forecast(bps), ..after.clone() };
        assert_eq!(calm.decide().intents, [], "{bps}");
    }
}

#[test]
fn it_sells_in_steps_and_never_below_the_floor() {
    let mut world = world(10_000).strategy(|it| drop(it.params.insert("step_bps_max".into(), number(1_500))));
    let mut steps = Vec::new();
    for _ in 0..5 {
        let decided = world.decide();
        steps.push(decided.value().0 / WAD);
        world = world.after(&decided.intents);
    }
    assert_eq!(steps, [1_500, 1_500, 1_000, 0, 0]);
    assert_eq!(world.valuation().weights_bps()[0], 6_000);
}

#[test]
fn each_signal_is_its_own_and_an_unknown_one_is_said() {
    type Set = fn(&mut RiskReport);
    let signals: [(&str, Set); 4] = [
        ("drawdown-probability", |it| it.drawdown_probability_bps = Some(4_000)),
        ("value-at-risk", |it| it.value_at_risk_bps = Some(4_000)),
        ("expected-shortfall", |it| it.expected_shortfall_bps = Some(4_000)),
        ("volatility", |it| it.treasury_volatility_bps = Some(4_000)),
    ];
    for (word, _) in signals {
        for (other, set) in signals {
            let mut world = world(0);
            world.terms.strategies = vec![derisk(word)];
            world.risk = RiskReport::default();
            set(&mut world.risk);
            let decided = world.decide();
            let (intents, holds) = if word == other { (2, vec![]) } else { (0, vec![StrategyHold::NoForecast]) };
            assert_eq!((decided.intents.len(), decided.holds), (intents, holds), "{word} {other}");
        }
    }
}

#[test]
fn bands_caps_and_pools_hold_it_back() {
    let mut band = world(6_000);
    band.terms.bands[0].min_bps = 6_000;
    let decided = band.decide();
    assert_eq!((sold(&decided), decided.refused().len()), (vec![(UNI, 1_000)], 0));

    let mut capped = world(6_000);
    capped.terms.limits.proposal_bps_max = 500;
    let decided = capped.decide();
    assert_eq!((decided.value(), decided.refused().len()), (Value(500 * WAD), 0));
    capped.terms.limits.proposal_bps_max = 0;
    let decided = capped.decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoRoom]));

    let mut without = world(6_000);
    without.terms.venues[0].pools.retain(|pool| pool.b != ETH);
    // UNI is a fifth of NAV, and the way to the line is two.
    assert_eq!(sold(&without.decide()), [(UNI, 2_000)]);
    without.snapshot.accounts[0].balances[UNI.index()] = Default::default();
    assert_eq!(without.decide().holds, [StrategyHold::NoPool]);

    let mut elsewhere = world(6_000);
    let held = std::mem::take(&mut elsewhere.snapshot.accounts[0].balances);
    elsewhere.snapshot.accounts[0].balances = vec![Default::default(); held.len()];
    elsewhere.snapshot.accounts[1].balances = held;
    assert_eq!(elsewhere.decide().holds, [StrategyHold::NoBalance]);
}

#[test]
fn the_own_token_is_neither_counted_nor_sold() {
    let mut world = world(6_000);
    world.terms.assets[UNI.index()].kind = AssetKind::Native;
    assert_eq!(sold(&world.decide()), [(ETH, 2_000)]);
}

#[test]
fn a_later_rebalance_does_not_buy_back() {
    let mut world = world(6_000).with(world::rebalance("10 USD"));
    // ETH would be below its band after the sale, were the band not what derisk keeps to.
    world.terms.bands[0] =
        quaestor_core::policy::Band { asset: ETH, min_bps: 5_500, target_bps: 7_000, max_bps: 8_000 };
    let decided = world.decide();
    assert!(decided.swaps().iter().all(|swap| swap.1 == CASH), "{:?}", decided.swaps());
    // Outside its band it would buy, but not against the sale before it.
    world.terms.bands[1] =
        quaestor_core::policy::Band { asset: UNI, min_bps: 2_500, target_bps: 3_000, max_bps: 9_000 };
    let decided = world.decide();
    assert!(decided.swaps().iter().all(|swap| swap.1 == CASH), "{:?}", decided.swaps());
    assert!(decided.holds.contains(&StrategyHold::Opposed), "{:?}", decided.holds);
    assert_eq!(decided.refused().len(), 0);
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let changed = |changes: &[(&str, quaestor_core::strategy::ParamValue)]| {
        let change =
            |it: &mut StrategyTerms| it.params.extend(changes.iter().map(|(key, to)| (key.to_string(), to.clone())));
        world(0).strategy(change).problems()
    };
    let all = [
        ("cash", text("WETH")),
        ("full_bps", number(2_000)),
        ("risky_share_bps_max", number(3_999)),
        ("trade_min", text("0 USD")),
    ];
    assert_eq!(
        changed(&all),
        [
            "cash: is not a stable asset; write one that is",
            "full_bps: is not above `start_bps`; write the forecast at which the least share is reached",
            "risky_share_bps_max: is less than `risky_share_bps_min`; write the share allowed at `start_bps`",
            "trade_min: is zero, so that it would trade dust; write such as `100 USD`",
            "cash: no volatile asset of this policy has a pool with it; list one at a venue",
        ]
    );
    assert_eq!(
        changed(&[("signal", text("var"))]),
        ["signal: `var` is not known here; write one of: drawdown-probability, value-at-risk, expected-shortfall, \
             volatility"]
    );
    assert_eq!(changed(&[("account", text("reserve"))]).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_only_sells_volatile_assets_never_below_the_line_and_is_never_refused(
        bps in 0u64..12_000,
        (cash, eth, uni) in (0u128..10_000, 0u128..5_000, 0u128..100_000),
        (cap, step, eth_min) in (0u64..=10_000, 1i64..=10_000, 0u64..6_000),
    ) {
        let mut world = world(bps).strategy(|it| drop(it.params.insert("step_bps_max".into(), number(step))));
        for (held, amount) in world.snapshot.accounts[0].balances.iter_mut().zip([cash * USDC_ONE, eth * WAD / 100, uni * WAD / 100]) {
            held.0 = amount;
        }
        world.terms.limits.proposal_bps_max = cap;
        world.terms.bands[0].min_bps = eth_min;
        let nav = world.valuation().nav;
        prop_assume!(!nav.is_zero());
        let decided = world.decide();
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        prop_assert!(decided.swaps().iter().all(|swap| swap.0 != CASH && swap.1 == CASH));
        let risky = |world: &World| world.valuation().nav.saturating_sub(world.valuation().value_of(CASH));
        let allowed = 8_000 - (bps.clamp(2_000, 6_000) - 2_000);
        if decided.intents.is_empty() {
            let excess = risky(&world).saturating_sub(nav.share(allowed).unwrap());
            prop_assert!(bps <= 2_000 || excess <= nav.share(300).unwrap() || !decided.holds.is_empty());
        } else {
            prop_assert!(bps > 2_000);
            prop_assert!(decided.value() <= nav.share(u64::try_from(step).unwrap().min(cap)).unwrap());
            // Each sale is rounded down, so that the line is not crossed.
            prop_assert!(risky(&world).saturating_sub(decided.value()) >= nav.share(allowed).unwrap());
        }
        world.after(&decided.intents);
        prop_assert_eq!(world.decide(), decided);
    }
}
