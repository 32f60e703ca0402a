//! What a decision costs: valuing the treasury, asking the strategy and judging what it wants, inputs borrowed, under a
//! policy that was read from its text. `tests/voted.rs` shows that it allocates nothing.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a bench, and fixtures of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench ends where its fixture is wrong")]

#[path = "../tests/ready/mod.rs"]
mod ready;
#[path = "../tests/treasuries/mod.rs"]
mod treasuries;
#[path = "../tests/world/mod.rs"]
mod world;

use alloy_primitives::keccak256;
use criterion::{Criterion, criterion_group, criterion_main};
use quaestor_core::{Value, amount::WAD, pipeline::Workspace, snapshot::Spend};
use ready::Ready;
use std::hint::black_box;
use world::{CASH, NOW, OPERATIONS, World};

/// `world` after `spends` of its Safe within the longest window, a day or less apart.
fn remembering(mut world: World, spends: u64) -> World {
    let line = world.terms.strategies.first().expect("it has a strategy").line;
    let spend = |ago: u64| {
        let decision = keccak256(ago.to_be_bytes());
        Spend {
            timestamp: NOW - ago * 80_000,
            account: OPERATIONS,
            decision,
            once_key: keccak256(decision),
            line,
            asset: Some(CASH),
            counterparty: world::address("uniswap"),
            value: Value(1_000 * WAD),
        }
    };
    world.history.spends = (1..=spends).rev().map(spend).collect();
    world
}

fn decide(c: &mut Criterion) {
    let cases = [
        ("decide + judge, 7 assets, nothing to do", treasuries::quiet(7), 0),
        ("decide + judge, 7 assets, 1 intent", treasuries::strayed(7, 1), 1),
        ("decide + judge, 7 assets, 3 intents", treasuries::strayed(7, 3), 3),
        ("decide + judge, 7 assets, 3 intents, 30 spends before", remembering(treasuries::strayed(7, 3), 30), 3),
        ("decide + judge, 50 assets, 10 intents", treasuries::strayed(50, 10), 10),
    ];
    for (name, world, intents) in cases {
        let ready = Ready::new(world, &quaestor_strategies::catalog());
        let mut work = Workspace::new();
        ready.decide(&mut work);
        assert_eq!(work.verdicts.iter().filter(|verdict| verdict.is_allowed()).count(), intents);
        c.bench_function(name, |b| {
            b.iter(|| {
                black_box(&ready).decide(&mut work);
                work.intents.len()
            })
        });
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
