//! What a policy costs: reading and checking one, and judging one intent among seven assets, and among fifty under every
//! rule that there is for it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench")]

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use criterion::{Criterion, criterion_group, criterion_main};
use fixture::{OPERATIONS, RESERVE, USDC, WETH, World, wide};
use quaestor_core::{AssetId, Policy, snapshot::Tally, strategy::ParamValue};
use quaestor_policies::Variations;
use std::hint::black_box;

fn judge(c: &mut Criterion) {
    let facts = fixture::facts();
    let policy = fixture::policy(&facts);
    let world = World::new(&policy);
    let cx = world.cx(&policy);
    let tally = Tally::default();
    let swap = world.swap(&policy, WETH, USDC, 100, 50);
    let refill = world.transfer(&policy, RESERVE, USDC, 100_000, fixture::address("operations"));
    assert!(policy.judge(&cx, &tally, &swap).is_allowed() && policy.judge(&cx, &tally, &refill).is_allowed());
    assert_eq!(swap.account, OPERATIONS);
    c.bench_function("judge a swap, 7 assets", |b| {
        b.iter(|| policy.judge(black_box(&cx), black_box(&tally), black_box(&swap)).is_allowed())
    });
    c.bench_function("judge a transfer, 7 assets", |b| {
        b.iter(|| policy.judge(black_box(&cx), black_box(&tally), black_box(&refill)).is_allowed())
    });
}

/// Fifty assets and 32 rules: at most two microseconds.
fn judge_wide(c: &mut Criterion) {
    let policy = fixture::policy(&wide::wide_facts());
    let world = wide::wide_world(&policy);
    let cx = world.cx(&policy);
    let swap = wide::wide_swap(&world, &policy, AssetId(40), 10_000);
    assert!(policy.judge(&cx, &Tally::default(), &swap).is_allowed());
    c.bench_function("judge a swap, 50 assets, 32 rules", |b| {
        b.iter(|| policy.judge(black_box(&cx), black_box(&Tally::default()), black_box(&swap)).is_allowed())
    });
    // The last of a decision that is as large as one may be.
    let before = wide::wide_decision(&world, &policy);
    let tally = Tally::before(swap.account, &before, &[]);
    assert!(policy.judge(&cx, &tally, &swap).is_allowed());
    c.bench_function("judge a swap after 31 others, 50 assets, 32 rules", |b| {
        b.iter(|| policy.judge(black_box(&cx), black_box(&tally), black_box(&swap)).is_allowed())
    });
}

fn read(c: &mut Criterion) {
    let text = quaestor_policies::starting_policy(&fixture::facts());
    let catalog = fixture::catalog();
    c.bench_function("parse and check a policy, 7 assets", |b| {
        b.iter(|| quaestor_policies::parse(black_box(text.as_bytes()), &catalog).unwrap())
    });
    let base = fixture::policy(&fixture::facts());
    let paths = ["limits.week_bps_max", "risk.volatility_bps_max", "strategies.rebalance.trade_min"];
    let many = Variations::new(&base, &paths, &catalog).unwrap();
    let values = [ParamValue::Integer(1_900), ParamValue::Integer(5_000), ParamValue::Text("250 USD".into())];
    c.bench_function("vary two limits and a parameter, 7 assets", |b| {
        b.iter(|| many.with(black_box(&values)).unwrap())
    });
    let slow = Variations::new(&base, &["policy.validity"], &catalog).unwrap();
    let values = [ParamValue::Text("24h".into())];
    c.bench_function("vary what is read again, 7 assets", |b| b.iter(|| slow.with(black_box(&values)).unwrap()));
}

criterion_group!(benches, judge, judge_wide, read);
criterion_main!(benches);
