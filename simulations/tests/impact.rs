//! Swaps that move the price they trade at, by hand-worked numbers.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor_core::{Policy, Price, Rule, amount::WAD};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Costs, Delays, Fill, Targets},
    engine::{self, Plan},
    market::Market,
    plain,
    run::Run,
};
use std::collections::BTreeMap;

const DAY: u64 = 86_400;

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// ETH and BTC at these prices, which stand still for three days.
fn panel(eth: u128, btc: u128) -> Panel {
    let prices = [eth, btc].map(|dollars| Price(dollars * WAD)).repeat(3);
    let symbols = vec!["ETH".to_owned(), "BTC".to_owned()];
    Panel::new(symbols, 0, (1..=3).map(|day| day * DAY).collect(), prices.clone(), prices).unwrap()
}

/// A million in cash, half of it to be ETH from the first bar on, without fees.
fn assumptions() -> Assumptions {
    Assumptions {
        holdings: [(plain::ACCOUNT.to_owned(), texts(&[(plain::CASH, "1000000")]))].into(),
        costs: Costs { slippage_bps: 0, fee_bps: Some(0), gas_gwei: 0, ..Costs::default() },
        delays: Delays { safe_secs: 0.into(), ..Delays::default() },
        every_bars: Some(10),
        fill: Fill::SameBar,
        ..Assumptions::default()
    }
}

fn half_eth() -> VotedPolicy {
    let weights = plain::weights("ETH=5000").unwrap();
    quaestor_policies::parse(plain::policy(&weights, 0, Fill::NextBar).as_bytes(), &plain::catalog()).unwrap()
}

fn run(panel: &Panel, assumptions: &Assumptions) -> Run {
    let policy = half_eth();
    let assumed = assumptions.check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    let model = EwmaModel::default();
    let plan = |thorough| Plan {
        policy: &policy,
        model: &model,
        market: &market,
        assumed: &assumed,
        start: 0,
        seed: 1,
        events: None,
        thorough,
    };
    let found = engine::run(plan(true));
    assert_eq!(engine::run(plan(false)).values, found.values, "a quick run is the same run");
    found
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found}, not {expected}");
}

/// L = 5·10^24 at 100 dollars and eighteen decimals each: a side holds L·√100 = 50,000,000 dollars. 500,000 dollars bring
/// 500,000 · 50/50.5 = 495,049.504950 dollars' worth.
#[test]
fn liquidity_of_the_data_moves_the_price() {
    let shallow = panel(100, 1).with_liquidity("ETH", vec![5_000_000_000_000_000_000_000_000; 3], [18, 18]);
    let found = run(&shallow, &assumptions());
    near(found.paid.impact_usd, 4_950.495_049_505);
    near(found.final_value(), 995_049.504_950_495);
    near(found.split.costs_usd, found.paid.total());
    near(found.paid.fees_usd, 0.0);
    near(found.traded_usd, 500_000.0);
    // The pool's own decimals count, whatever the policy's tokens have: L · √(100 / 10^24) with six and eighteen.
    let usdc = panel(100, 1).with_liquidity("ETH", vec![5_000_000_000_000_000_000; 3], [6, 18]);
    assert_eq!(run(&usdc, &assumptions()).values, found.values);
    assert_ne!(shallow.hash(), panel(100, 1).hash());
    assert_eq!(shallow.prefix(3).hash(), shallow.hash());
}

/// 249,378.106 dollars raise the price by a percent where a side holds 50,000,000: 50,000,000 · (√1.01 − 1).
#[test]
fn a_depth_that_is_assumed_does_the_same() {
    let depth_usd = texts(&[("ETH", "249378.105604451351")]);
    let found = run(&panel(100, 1), &Assumptions { depth_usd: depth_usd.clone(), ..assumptions() });
    near(found.paid.impact_usd, 4_950.495_049_505);
    let measured = panel(100, 1).with_liquidity("ETH", vec![0; 3], [18, 18]);
    let found = run(&measured, &Assumptions { depth_usd, ..assumptions() });
    assert_eq!(found.trades, 0, "what was measured counts, and not what was assumed");
}

/// The policy lets a swap lose three percent. Where a side holds 10,000,000 dollars, 500,000 lose 1/21 of themselves.
#[test]
fn a_swap_too_large_for_its_pool_is_not_made() {
    let shallow = panel(100, 1).with_liquidity("ETH", vec![1_000_000_000_000_000_000_000_000; 3], [18, 18]);
    let found = run(&shallow, &assumptions());
    assert_eq!((found.trades, found.paid.total()), (0, 0.0));
    assert_eq!(found.refusals.get(&Rule::DryRun), Some(&1));
    assert_eq!(found.final_value(), 1_000_000.0);
}

/// Costs on top of what is bought do not count the impact among them: that comes out of it.
#[test]
fn impact_comes_out_of_what_is_bought_even_where_costs_come_on_top() {
    let costs = Costs { targets: Targets::BeforeCosts, fee_bps: Some(10), ..assumptions().costs };
    let shallow = panel(100, 1).with_liquidity("ETH", vec![5_000_000_000_000_000_000_000_000; 3], [18, 18]);
    let found = run(&shallow, &Assumptions { costs, ..assumptions() });
    near(found.paid.impact_usd, 4_950.495_049_505);
    near(found.paid.fees_usd, 500.0);
    near(found.final_value(), 994_549.504_950_495);
    near(found.split.costs_usd, found.paid.total());
}

#[test]
fn where_nothing_is_known_pools_are_deep() {
    let found = run(&panel(100, 1), &assumptions());
    assert_eq!(found.paid.impact_usd, 0.0);
    assert_eq!(found.final_value(), 1_000_000.0);
    // Of what is not traded nothing is asked, and liquidity without a column is none.
    let other = panel(100, 1).with_liquidity("BTC", vec![1; 3], [18, 18]).with_liquidity("UNI", vec![1; 3], [18, 18]);
    assert_eq!(run(&other, &assumptions()).values, found.values);
    assert_eq!(other.liquidity(0, 1), Some((1, [18, 18])));
}
