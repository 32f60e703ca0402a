//! Judging allocates nothing, whether it allows or refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use allocation_counter::measure;
use fixture::{RESERVE, USDC, WETH, World, address};
use quaestor_core::{Policy, snapshot::Tally};

#[test]
fn judging_allocates_nothing() {
    let sections = "[groups.blue]\nassets = [\"WBTC\", \"WETH\"]\nmin_bps = 1000\nmax_bps = 5000";
    let policy = fixture::policy_with(&fixture::facts(), sections);
    let world = World::new(&policy);
    let cx = world.cx(&policy);
    let intents = [
        world.swap(&policy, WETH, USDC, 100, 50),
        world.transfer(&policy, RESERVE, USDC, 100_000, address("operations")),
        world.transfer(&policy, RESERVE, USDC, 900_000, address("operations")),
    ];
    let tally = Tally::before(intents[0].account, &intents[..2], &[]);
    let before = Tally::default();
    // What the first one leaves behind.
    let mut after = world.clone();
    let balances = &mut after.snapshot.accounts[0].balances;
    balances[WETH.index()].0 -= intents[0].amount.0;
    balances[USDC.index()].0 += world.tokens(USDC, 200_000).0;
    after.revalue(&policy);
    let mut allowed = 0;
    let counted = measure(|| {
        for intent in &intents {
            allowed += u32::from(policy.judge(&cx, &before, intent).is_allowed());
            allowed += u32::from(policy.judge(&cx, &tally, intent).is_allowed());
        }
        allowed += u32::from(policy.judge_outcome(&cx, &cx, &[]).is_allowed());
        allowed += u32::from(policy.judge_outcome(&cx, &after.cx(&policy), &intents[..1]).is_allowed());
    });
    assert_eq!(allowed, 4);
    assert_eq!(counted.count_total, 0);
}
