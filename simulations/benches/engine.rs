//! Runs of the whole pipeline on prices of a seeded random walk: the loads by which backtesters are compared.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

mod load;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use load::{draw, panel, policy, sweep, told};
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    assumptions::Checked,
    engine::{self, Plan},
    market::Market,
    metrics::{drawdown, sharpe},
};
use std::hint::black_box;

const ASSETS: usize = 7;
/// Configurations of the sweep that is measured.
const CONFIGURATIONS: u64 = 2_000;

fn assumed(policy: &VotedPolicy, every: u64) -> Checked {
    told(every).check(policy.terms()).unwrap()
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
    let hours = panel(ASSETS, 18_861, 3_600, 0.01);
    let equal = policy(&[1_357; ASSETS]);
    let checked = assumed(&equal, 168);
    let market = Market::new(&hours, equal.terms(), &checked).unwrap();
    c.bench_function("B1: 18861 hours, 7 assets, a decision every 168", |b| {
        b.iter(|| run(black_box(&market), &equal, &checked))
    });
    let days = panel(ASSETS, 786, 86_400, 0.05);
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
        group.bench_function(format!("threads: {threads}"), |b| {
            b.iter(|| pool.install(|| sweep(black_box(&days), CONFIGURATIONS)))
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
