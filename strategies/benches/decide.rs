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

use criterion::{Criterion, criterion_group, criterion_main};
use quaestor_core::pipeline::Workspace;
use ready::Ready;
use std::hint::black_box;

fn decide(c: &mut Criterion) {
    let cases = [
        ("decide + judge, 7 assets, nothing to do", treasuries::quiet(7), 0),
        ("decide + judge, 7 assets, 3 intents", treasuries::strayed(7, 3), 3),
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
