//! Runs of the whole pipeline on prices of a seeded random walk: the loads by which backtesters are compared.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

mod load;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use load::{bare, draw, panel, policy, sweep, told};
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    assumptions::Checked,
    engine::{self, Plan},
    market::Market,
    metrics::{drawdown, sharpe},
};
use rayon::prelude::*;
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

/// Room of the bare loop.
type Room = [Vec<f64>; 3];

/// The bare loop of these weights: Sharpe and drawdown.
fn bare(panel: &Panel, weights: &[f64], every: usize, [held, values, returns]: &mut Room) -> (f64, f64) {
    bare::values(panel.rows(0..panel.len()), weights, every, held, values);
    bare::figures(values, 365.0, returns)
}

/// The bare loop of a sweep of random weights.
fn bare_sweep(days: &Panel, configurations: u64) -> f64 {
    let one = |room: &mut Room, number: u64| {
        let mut state = number;
        let drawn: [f64; ASSETS] = std::array::from_fn(|_| draw(&mut state));
        let whole = drawn.iter().sum::<f64>() / 0.95;
        let (sharpe, drawdown) =
            bare(days, &drawn.map(|part| part / whole), [7, 14, 30, 90][number as usize % 4], room);
        sharpe + drawdown
    };
    (0..configurations).into_par_iter().map_init(Room::default, one).sum()
}

/// Both do the same: else they could not be compared.
fn check(market: &Market<'_>, policy: &VotedPolicy, assumed: &Checked, every: usize) {
    let model = EwmaModel::default();
    let plan = Plan { policy, model: &model, market, assumed, start: 0, seed: 1, events: None, thorough: false };
    let (found, mut room) = (engine::run(plan).final_value(), Room::default());
    bare(market.panel, &[0.1357; ASSETS], every, &mut room);
    let expected = *room[1].last().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
}

fn bench(c: &mut Criterion) {
    let hours = panel(ASSETS, 18_861, 3_600, 0.01);
    let equal = policy(&[1_357; ASSETS]);
    let checked = assumed(&equal, 168);
    let market = Market::new(&hours, equal.terms(), &checked).unwrap();
    check(&market, &equal, &checked, 168);
    c.bench_function("B1: 18861 hours, 7 assets, a decision every 168", |b| {
        b.iter(|| run(black_box(&market), &equal, &checked))
    });
    let mut room = Room::default();
    c.bench_function("B1: the bare loop", |b| b.iter(|| bare(black_box(&hours), &[0.1357; ASSETS], 168, &mut room)));
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
        group.bench_function(format!("the bare loop, threads: {threads}"), |b| {
            b.iter(|| pool.install(|| bare_sweep(black_box(&days), CONFIGURATIONS)))
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
