//! How fast futures are made up: 365 days of seven assets.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

#[allow(dead_code, reason = "it shares this load with others, which use more of it")]
mod load;

use criterion::{Criterion, criterion_group, criterion_main};
use load::{bare, draw, policy, told};
use quaestor_core::{Policy, Price, amount::WAD};
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    market::MarketError,
    montecarlo::Scene,
    paths::{Futures, PathTerms, Paths},
    statistics::{BlockSums, Intervals, overfitting},
};
use rayon::prelude::*;
use std::hint::black_box;

const ASSETS: usize = 7;
const DAYS: usize = 786;
const PATHS: u64 = 5_000;

/// The bare loop on the same futures.
fn bare_paths(paths: &Paths) -> f64 {
    let one = |(panel, [held, values, returns]): &mut (Panel, [Vec<f64>; 3]), number: u64| {
        paths.fill(number, panel.marks_mut());
        bare::values(panel.rows(0..panel.len()), &[0.1357; ASSETS], 30, held, values);
        let (sharpe, drawdown) = bare::figures(values, 365.0, returns);
        sharpe + drawdown
    };
    (0..PATHS).into_par_iter().map_init(|| (paths.panel(), Default::default()), one).sum()
}

fn history() -> Panel {
    let symbols = (0..ASSETS).map(|index| format!("A{index}")).collect();
    let ends = (1..=DAYS as u64).map(|day| day * 86_400).collect();
    let (mut state, mut level, mut close) = (7u64, [1.0f64; ASSETS], Vec::new());
    for _ in 0..DAYS {
        for level in &mut level {
            *level *= 1.0 + 0.05 * (0..4).map(|_| draw(&mut state) - 0.5).sum::<f64>();
            close.push(Price((*level * WAD as f64) as u128));
        }
    }
    Panel::new(symbols, 0, ends, close.clone(), close).unwrap()
}

fn bench(c: &mut Criterion) {
    let history = history();
    let mut group = c.benchmark_group("a path of 365 days, 7 assets");
    for futures in [Futures::Bootstrap, Futures::Gbm, Futures::Jump, Futures::Regimes] {
        let paths = Paths::fit(&history, 0, PathTerms { futures, bars: 365, past: 2, block: 30.0, seed: 1 }).unwrap();
        let (mut room, mut number) = (paths.panel(), 0u64);
        group.bench_function(format!("{futures:?}"), |b| {
            b.iter(|| {
                number += 1;
                paths.fill(black_box(number), room.marks_mut());
            })
        });
    }
    group.finish();
    let policy = policy(&[1_357; ASSETS]);
    let (assumed, model) = (told(30).check(policy.terms()).unwrap(), EwmaModel::default());
    let terms = PathTerms { futures: Futures::Bootstrap, bars: 365, past: 2, block: 30.0, seed: 1 };
    let paths = Paths::fit(&history, 0, terms).unwrap();
    let scene = Scene { policy: &policy, model: &model, assumed: &assumed, paths: &paths };
    let mut group = c.benchmark_group("B3: outcomes of 5000 paths, a decision every 30");
    group.sample_size(10);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        group.bench_function(format!("{threads} threads"), |b| {
            b.iter(|| {
                pool.install(|| scene.run(0..PATHS, |made| Ok::<_, MarketError>(!black_box(made).is_empty())).unwrap())
            })
        });
        group.bench_function(format!("the bare loop, {threads} threads"), |b| {
            b.iter(|| pool.install(|| bare_paths(black_box(&paths))))
        });
    }
    group.finish();
    let mut state = 5u64;
    let returns: Vec<f64> = (0..365).map(|_| 0.02 * (draw(&mut state) - 0.49)).collect();
    c.bench_function("intervals of 365 returns", |b| b.iter(|| Intervals::of(black_box(&returns), 365.0, 1)));
    let mut sums = BlockSums::new(10, DAYS).unwrap();
    for _ in 0..1_000 {
        let row = sums.of((0..DAYS).map(|_| draw(&mut state) - 0.5).collect::<Vec<_>>().into_iter()).unwrap();
        sums.push(&row).unwrap();
    }
    c.bench_function("overfitting of 1000 configurations, 10 blocks", |b| b.iter(|| overfitting(black_box(&sums))));
}

criterion_group!(benches, bench);
criterion_main!(benches);
