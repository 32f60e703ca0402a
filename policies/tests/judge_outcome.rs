//! What a batch may leave behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::{DAI, DAO, LINK, OPERATIONS, RESERVE, USDC, WETH, World, address};
use quaestor_core::{AccountId, Action, Amount, AssetId, Intent, Policy, Rule, Verdict, verdict::Quantity};
use quaestor_policies::VotedPolicy;

fn setup() -> (VotedPolicy, World) {
    let policy = fixture::policy(&fixture::facts());
    let world = World::new(&policy);
    (policy, world)
}

/// Adds `gained` and takes `lost`, base units.
fn put(world: &mut World, account: AccountId, asset: AssetId, gained: u128, lost: u128) {
    let balance = &mut world.snapshot.accounts[account.index()].balances[asset.index()];
    *balance = Amount(balance.0 + gained - lost);
}

fn judge(
    policy: &VotedPolicy,
    before: &World,
    after: &mut World,
    intents: &[Intent],
) -> Option<(Rule, Quantity, Quantity)> {
    after.revalue(policy);
    match policy.judge_outcome(&before.cx(policy), &after.cx(policy), intents) {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some((refusal.rule, refusal.limit, refusal.found)),
    }
}

fn out_min(intent: &Intent) -> u128 {
    match intent.actions[1] {
        Action::Swap { amount_out_min, .. } => amount_out_min.0,
        _ => panic!("not a swap"),
    }
}

#[test]
fn a_swap_that_brings_its_least_output_is_fine_and_one_unit_less_is_not() {
    let (policy, before) = setup();
    let swap = before.swap(&policy, WETH, USDC, 100, 50);
    let least = out_min(&swap);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, WETH, 0, swap.amount.0);
    put(&mut after, OPERATIONS, USDC, least, 0);
    assert_eq!(judge(&policy, &before, &mut after, std::slice::from_ref(&swap)), None);
    put(&mut after, OPERATIONS, USDC, 0, 1);
    let held = before.tokens(USDC, 2_000_000).0;
    let (limit, found) = (Quantity::Amount(Amount(held + least)), Quantity::Amount(Amount(held + least - 1)));
    let refused = judge(&policy, &before, &mut after, &[swap]);
    assert_eq!(refused, Some((Rule::IntentMatchesActions, limit, found)));
}

#[test]
fn nothing_else_falls() {
    let (policy, before) = setup();
    let swap = before.swap(&policy, WETH, USDC, 100, 50);
    for (account, asset) in [(OPERATIONS, DAI), (RESERVE, USDC), (OPERATIONS, WETH)] {
        let mut after = before.clone();
        put(&mut after, OPERATIONS, WETH, 0, swap.amount.0);
        put(&mut after, OPERATIONS, USDC, out_min(&swap), 0);
        put(&mut after, account, asset, 0, 1);
        let refused = judge(&policy, &before, &mut after, std::slice::from_ref(&swap)).unwrap();
        assert_eq!(refused.0, Rule::IntentMatchesActions, "{account:?} {asset:?}");
    }
}

#[test]
fn a_transfer_between_own_accounts_arrives_in_full() {
    let (policy, before) = setup();
    let refill = before.transfer(&policy, RESERVE, USDC, 100_000, address("operations"));
    let mut after = before.clone();
    put(&mut after, RESERVE, USDC, 0, refill.amount.0);
    put(&mut after, OPERATIONS, USDC, refill.amount.0, 0);
    assert_eq!(judge(&policy, &before, &mut after, std::slice::from_ref(&refill)), None);
    put(&mut after, OPERATIONS, USDC, 0, 1);
    assert_eq!(judge(&policy, &before, &mut after, &[refill]).unwrap().0, Rule::IntentMatchesActions);
}

#[test]
fn a_payment_leaves_and_counts_as_paid() {
    let (policy, before) = setup();
    let payment = before.transfer(&policy, OPERATIONS, USDC, 1_000, address("auditor"));
    let mut after = before.clone();
    put(&mut after, OPERATIONS, USDC, 0, payment.amount.0);
    assert_eq!(judge(&policy, &before, &mut after, &[payment]), None);
}

#[test]
fn the_treasury_loses_no_more_than_slippage() {
    let mut facts = fixture::facts();
    facts.limits.slippage_bps_max = 100;
    let wide = fixture::policy(&facts);
    let policy = fixture::policy(&fixture::facts());
    let before = World::new(&policy);
    // A least output that the wide policy allows and the tight one would have refused.
    let swap = before.swap(&policy, WETH, USDC, 100, 100);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, WETH, 0, swap.amount.0);
    put(&mut after, OPERATIONS, USDC, out_min(&swap), 0);
    assert_eq!(judge(&wide, &before, &mut after, std::slice::from_ref(&swap)), None);
    assert_eq!(judge(&policy, &before, &mut after, &[swap]).unwrap().0, Rule::SlippageBpsMax);
}

#[test]
fn bands_and_the_stable_share_hold_afterwards_or_are_nearer() {
    let (policy, before) = setup();
    let buy = before.swap(&policy, USDC, LINK, 600_000, 50);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, USDC, 0, buy.amount.0);
    put(&mut after, OPERATIONS, LINK, before.tokens(LINK, 60_000).0, 0);
    let refused = judge(&policy, &before, &mut after, std::slice::from_ref(&buy));
    assert_eq!(refused, Some((Rule::AllocationMax, Quantity::Bps(1_000), Quantity::Bps(1_100))));

    let mut facts = fixture::facts();
    facts.limits.native_share_bps_max = 1_200;
    let policy = fixture::policy(&facts);
    let buy = before.swap(&policy, USDC, DAO, 200_000, 50);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, USDC, 0, buy.amount.0);
    put(&mut after, OPERATIONS, DAO, before.tokens(DAO, 200_000).0, 0);
    assert_eq!(judge(&policy, &before, &mut after, std::slice::from_ref(&buy)), None);
    put(&mut after, OPERATIONS, DAO, before.tokens(DAO, 2_000).0, 0);
    let refused = judge(&policy, &before, &mut after, &[buy]);
    assert_eq!(refused, Some((Rule::NativeShareBpsMax, Quantity::Bps(1_200), Quantity::Bps(1_202))));

    let mut facts = fixture::facts();
    facts.limits.stable_share_bps_min = 3_900;
    let policy = fixture::policy(&facts);
    let buy = before.swap(&policy, USDC, LINK, 200_000, 50);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, USDC, 0, buy.amount.0);
    put(&mut after, OPERATIONS, LINK, before.tokens(LINK, 20_000).0, 0);
    let refused = judge(&policy, &before, &mut after, &[buy]);
    assert_eq!(refused, Some((Rule::StableShareBpsMin, Quantity::Bps(3_900), Quantity::Bps(3_800))));

    // Down to the floor itself, and what slips beside it between two stable assets does not count.
    let (buy, exit) = (before.swap(&policy, USDC, LINK, 100_000, 50), before.swap(&policy, DAI, USDC, 1_000, 50));
    let mut after = before.clone();
    put(&mut after, OPERATIONS, DAI, 0, exit.amount.0);
    put(&mut after, OPERATIONS, USDC, out_min(&exit), buy.amount.0);
    put(&mut after, OPERATIONS, LINK, before.tokens(LINK, 10_000).0, 0);
    assert_eq!(judge(&policy, &before, &mut after, &[buy.clone(), exit]), None);
    assert_eq!(judge(&policy, &before, &mut after, &[buy]).unwrap().0, Rule::IntentMatchesActions);

    // Below the floor one stable asset may still be left for another, at no more than the slippage.
    let mut facts = fixture::facts();
    facts.limits.stable_share_bps_min = 7_000;
    let policy = fixture::policy(&facts);
    let exit = before.swap(&policy, DAI, USDC, 1_000, 50);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, DAI, 0, exit.amount.0);
    put(&mut after, OPERATIONS, USDC, out_min(&exit), 0);
    assert_eq!(judge(&policy, &before, &mut after, std::slice::from_ref(&exit)), None);
    let buy = before.swap(&policy, USDC, LINK, 100, 50);
    put(&mut after, OPERATIONS, USDC, 0, buy.amount.0);
    put(&mut after, OPERATIONS, LINK, before.tokens(LINK, 10).0, 0);
    assert_eq!(judge(&policy, &before, &mut after, &[exit, buy]).unwrap().0, Rule::StableShareBpsMin);

    // Far above its band, WETH is sold down to less far above: allowed.
    let (policy, mut before) = setup();
    let more = before.tokens(WETH, 2_000).0;
    put(&mut before, OPERATIONS, WETH, more, 0);
    before.revalue(&policy);
    let sale = before.swap(&policy, WETH, USDC, 100, 50);
    let mut after = before.clone();
    put(&mut after, OPERATIONS, WETH, 0, sale.amount.0);
    put(&mut after, OPERATIONS, USDC, out_min(&sale), 0);
    assert_eq!(judge(&policy, &before, &mut after, &[sale]), None);
}
