//! The load by which backtesters are compared: prices of a seeded random walk, weights, a calendar.

pub(crate) mod bare;

use alloy_primitives::B256;
use quaestor_core::{Policy, Price, amount::WAD};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Costs, Delays, Fill},
    market::Market,
    plain,
    report::Provenance,
    sweep::{Axis, Design, Ground, Metric, Results, Spec, Sweep},
};

const BEGIN: u64 = 1_600_041_600;

/// SplitMix64 (Steele, Lea and Flood 2014): a bench needs numbers, not good ones.
pub(crate) fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 11) as f64 / (1u64 << 53) as f64
}

/// `assets` called `A0`, `A1` and so on, which move by `step` a bar.
pub(crate) fn panel(assets: usize, bars: usize, bar_secs: u64, step: f64) -> Panel {
    let symbols = (0..assets).map(|index| format!("A{index}")).collect();
    let ends = (1..=bars as u64).map(|bar| BEGIN + bar * bar_secs).collect();
    let (mut state, mut level) = (7u64, vec![1.0f64; assets]);
    let (mut open, mut close) = (Vec::new(), Vec::new());
    let price = |level: f64| Price((level * WAD as f64) as u128);
    for _ in 0..bars {
        for level in &mut level {
            open.push(price(*level));
            let shock: f64 = (0..4).map(|_| draw(&mut state) - 0.5).sum();
            *level *= 1.0 + step * shock;
            close.push(price(*level));
        }
    }
    Panel::new(symbols, BEGIN, ends, open, close).unwrap()
}

/// The assets with these weights in basis points, the rest in cash.
pub(crate) fn policy(weights: &[u64]) -> VotedPolicy {
    let named: Vec<(String, u64)> =
        weights.iter().enumerate().map(|(index, bps)| (format!("A{index}"), *bps)).collect();
    quaestor_policies::parse(plain::policy(&named, 20, Fill::NextBar).as_bytes(), &plain::catalog()).unwrap()
}

/// A million dollars in cash, fees and slippage of ten basis points each, signers who confirm at once.
pub(crate) fn told(every: u64) -> Assumptions {
    let costs = Costs { slippage_bps: 10, fee_bps: Some(10), gas_gwei: 0, ..Costs::default() };
    let cash = [(plain::CASH.to_owned(), "1000000".to_owned())].into();
    let holdings = [(plain::ACCOUNT.to_owned(), cash)].into();
    let delays = Delays { safe_secs: 0.into(), ..Delays::default() };
    Assumptions { holdings, costs, delays, every_bars: Some(every), ..Assumptions::default() }
}

/// A whole sweep of random weights over a panel of seven assets, a decision every 7, 14, 30 or 90 bars: configurations, runs,
/// figures, and what selection and overfitting need of them.
pub(crate) fn sweep(days: &Panel, configurations: u64) -> Results {
    let (base, told, catalog, model) = (policy(&[1_357; 7]), told(7), plain::catalog(), EwmaModel::default());
    let assumed = told.check(base.terms()).unwrap();
    let market = Market::new(days, base.terms(), &assumed).unwrap();
    let axes = vec![Axis::parse("every=7,14,30,90").unwrap()];
    let design = Design::RandomWeights(configurations);
    let spec = Spec { axes, design, by: Metric::Sharpe, walk_forward: None, seed: 1 };
    let ground = Ground {
        base: &base,
        catalog: &catalog,
        told: &told,
        assumed: &assumed,
        market: &market,
        model: &model,
        start: 0,
    };
    let sweep = Sweep::new(spec, ground).unwrap();
    let none = B256::ZERO;
    let provenance =
        Provenance { data_hash: none, policy_hash: none, model_hash: none, assumptions_hash: none, seed: 1 };
    let mut results = Results::new(sweep.about(provenance, Vec::new()));
    let rows = sweep.run(0..sweep.total(), |_, rows| {
        rows.into_iter().for_each(|row| results.push(row));
        Ok::<_, std::convert::Infallible>(true)
    });
    rows.unwrap();
    results
}
