//! Judging allocates nothing, whether it allows or refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use allocation_counter::measure;
use fixture::{RESERVE, USDC, WETH, World, address};
use quaestor_core::{Policy, snapshot::Tally};

#[test]
fn judging_allocates_nothing() {
    let policy = fixture::policy(&fixture::facts());
    let world = World::new(&policy);
    let cx = world.cx(&policy);
    let intents = [
        world.swap(&policy, WETH, USDC, 100, 50),
        world.transfer(&policy, RESERVE, USDC, 100_000, address("operations")),
        world.transfer(&policy, RESERVE, USDC, 900_000, address("operations")),
    ];
    let tally = Tally::before(intents[0].account, &intents[..2], &[]);
    let before = Tally::default();
    let mut allowed = 0;
    let counted = measure(|| {
        for intent in &intents {
            allowed += u32::from(policy.judge(&cx, &before, intent).is_allowed());
            allowed += u32::from(policy.judge(&cx, &tally, intent).is_allowed());
        }
        allowed += u32::from(policy.judge_outcome(&cx, &cx, &[]).is_allowed());
    });
    assert_eq!(allowed, 3);
    assert_eq!(counted.count_total, 0);
}
