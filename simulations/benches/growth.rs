//! How cost grows with bars, assets and configurations: where it grows linearly, what one of them costs stays the same.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

#[allow(dead_code, reason = "it shares this load with others, which use more of it")]
mod load;

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use load::{panel, policy, sweep, told};
use quaestor_core::Policy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    engine::{self, Plan},
    market::Market,
};
use std::hint::black_box;

/// Bars between two decisions.
const EVERY: u64 = 7;

/// One run over `panel`, with equal weights of its `assets`.
fn run(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, panel: &Panel, assets: usize) {
    let policy = policy(&vec![9_500 / assets as u64; assets]);
    let assumed = told(EVERY).check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    let model = EwmaModel::default();
    group.throughput(Throughput::Elements(size as u64)).bench_function(BenchmarkId::from_parameter(size), |b| {
        b.iter(|| {
            let market = black_box(&market);
            let plan = Plan {
                policy: &policy,
                model: &model,
                market,
                assumed: &assumed,
                start: 0,
                seed: 1,
                events: None,
                thorough: false,
            };
            engine::run(plan).final_value()
        })
    });
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("bars, 7 assets");
    group.sample_size(10);
    for bars in [200, 2_000, 20_000, 200_000] {
        run(&mut group, bars, &panel(7, bars, 60, 0.002), 7);
    }
    group.finish();
    // A policy of weights takes no more, and a decision 32 intents.
    let mut group = c.benchmark_group("assets, 2000 bars");
    group.sample_size(10);
    for assets in [1, 3, 10, 30] {
        run(&mut group, assets, &panel(assets, 2_000, 60, 0.002), assets);
    }
    group.finish();
    let days = panel(7, 786, 86_400, 0.05);
    let mut group = c.benchmark_group("configurations, 786 bars, 7 assets, all threads");
    group.sample_size(10);
    for configurations in [100, 1_000, 10_000, 100_000] {
        group
            .throughput(Throughput::Elements(configurations))
            .bench_function(BenchmarkId::from_parameter(configurations), |b| {
                b.iter(|| sweep(black_box(&days), configurations))
            });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
