//! Runs of the whole pipeline on prices of a seeded random walk: the loads by which backtesters are compared.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

use alloy_primitives::B256;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quaestor_core::{Policy, Price, amount::WAD};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Checked, Costs, Delays},
    engine::{self, Plan},
    market::Market,
    metrics::{drawdown, sharpe},
    plain,
    report::Provenance,
    sweep::{Axis, Design, Ground, Metric, Results, Spec, Sweep},
};
use std::hint::black_box;

const ASSETS: usize = 7;
const BEGIN: u64 = 1_600_041_600;

/// SplitMix64 (Steele, Lea and Flood 2014): a bench needs numbers, not good ones.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 11) as f64 / (1u64 << 53) as f64
}

fn panel(bars: usize, bar_secs: u64, step: f64) -> Panel {
    let symbols = (0..ASSETS).map(|index| format!("A{index}")).collect();
    let ends = (1..=bars as u64).map(|bar| BEGIN + bar * bar_secs).collect();
    let (mut state, mut level) = (7u64, [1.0f64; ASSETS]);
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

/// Seven assets with these weights in basis points, the rest in cash.
fn policy(weights: &[u64]) -> VotedPolicy {
    let named: Vec<(String, u64)> =
        weights.iter().enumerate().map(|(index, bps)| (format!("A{index}"), *bps)).collect();
    quaestor_policies::parse(plain::policy(&named, 20).as_bytes(), &plain::catalog()).unwrap()
}

fn assumed(policy: &VotedPolicy, every: u64) -> Checked {
    told(every).check(policy.terms()).unwrap()
}

fn told(every: u64) -> Assumptions {
    let costs = Costs { slippage_bps: 10, fee_bps: Some(10), gas_gwei: 0, ..Costs::default() };
    let cash = [(plain::CASH.to_owned(), "1000000".to_owned())].into();
    let holdings = [(plain::ACCOUNT.to_owned(), cash)].into();
    let delays = Delays { safe_secs: 0.into(), ..Delays::default() };
    Assumptions { holdings, costs, delays, every_bars: Some(every), ..Assumptions::default() }
}

/// Configurations of the sweep that is measured.
const CONFIGURATIONS: u64 = 2_000;

/// The whole sweep: configurations, runs, figures, and what selection and overfitting need of them.
fn sweep(days: &Panel) -> Results {
    let (base, told, catalog, model) = (policy(&[1_357; ASSETS]), told(7), plain::catalog(), EwmaModel::default());
    let assumed = told.check(base.terms()).unwrap();
    let market = Market::new(days, base.terms(), &assumed).unwrap();
    let axes = vec![Axis::parse("every=7,14,30,90").unwrap()];
    let design = Design::RandomWeights(CONFIGURATIONS);
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

fn run(market: &Market<'_>, policy: &VotedPolicy, assumed: &Checked) -> f64 {
    let model = EwmaModel::default();
    let plan = Plan { policy, model: &model, market, assumed, start: 0, seed: 1, events: None, thorough: false };
    let found = engine::run(plan);
    let returns = found.returns();
    let periods = 31_536_000.0 / (market.panel.ends()[1] - market.panel.ends()[0]) as f64;
    found.final_value() + sharpe(&returns, periods).unwrap_or_default() + drawdown(&returns).0
}

fn bench(c: &mut Criterion) {
    let hours = panel(18_861, 3_600, 0.01);
    let equal = policy(&[1_357; ASSETS]);
    let checked = assumed(&equal, 168);
    let market = Market::new(&hours, equal.terms(), &checked).unwrap();
    c.bench_function("B1: 18861 hours, 7 assets, a decision every 168", |b| {
        b.iter(|| run(black_box(&market), &equal, &checked))
    });
    let days = panel(786, 86_400, 0.05);
    let mut group = c.benchmark_group("B2: 786 days, 7 assets, random weights");
    let mut state = 11u64;
    let weights: Vec<u64> = (0..ASSETS).map(|_| 300 + (draw(&mut state) * 1_000.0) as u64).collect();
    let voted = policy(&weights);
    for every in [7, 14, 30, 90] {
        let checked = assumed(&voted, every);
        let market = Market::new(&days, voted.terms(), &checked).unwrap();
        group.bench_function(format!("a decision every {every}"), |b| {
            b.iter(|| run(black_box(&market), &voted, &checked))
        });
    }
    group.finish();
    let mut group = c.benchmark_group("B2: a whole sweep of 2000 configurations");
    group.throughput(Throughput::Elements(CONFIGURATIONS)).sample_size(10);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        group.bench_function(format!("threads: {threads}"), |b| b.iter(|| pool.install(|| sweep(black_box(&days)))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
