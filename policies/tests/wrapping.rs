//! The coin of the chain: into what a policy lets it be wrapped, what is judged, and what a change of it opens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{OPERATIONS, RESERVE, USDC, WETH, World, address, catalog, facts, policy};
use quaestor_core::{
    Action, Amount, Intent, Policy, Purpose, Rule, Value, Verdict,
    snapshot::{CoinReading, Tally},
};
use quaestor_policies::{
    VotedPolicy,
    diff::{Diff, Effort, Overall},
    parse, starting_policy,
};

const ETHER: u128 = 1_000_000_000_000_000_000;

fn wrapping(symbols: &[&str]) -> Result<VotedPolicy, String> {
    let mut text = starting_policy(&facts());
    for symbol in symbols {
        let head = format!("[assets.{symbol}]\n");
        let with = text.replacen(&head, &format!("{head}wrapped_coin = \"one-for-one\"\n"), 1);
        assert_ne!(with, text);
        text = with;
    }
    parse(text.as_bytes(), &catalog()).map_err(|problems| problems.to_string())
}

fn wrap(amount: u128) -> Intent {
    Intent {
        account: OPERATIONS,
        purpose: Purpose::Strategy { line: keccak256("rebalance"), leg: 0 },
        asset: WETH,
        counterparty: address("WETH"),
        amount: Amount::ZERO,
        value: Value::ZERO,
        actions: [Action::Wrap { asset: WETH, amount: Amount(amount) }].into_iter().collect(),
    }
}

/// The treasury of the fixture, with two of the coin in operations and one in the reserve.
fn world(policy: &VotedPolicy) -> World {
    let mut world = World::new(policy);
    let coins = [(OPERATIONS, 2 * ETHER), (RESERVE, ETHER)];
    world.snapshot.coins =
        coins.map(|(account, wei)| CoinReading { account, balance: Some(Amount(wei)) }).into_iter().collect();
    world
}

fn rule(policy: &VotedPolicy, world: &World, before: &[Intent], intent: &Intent) -> Option<Rule> {
    let tally = Tally::before(intent.account, before, &[]);
    match policy.judge(&world.cx(policy), &tally, intent) {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal.rule),
    }
}

#[test]
fn an_account_wraps_what_it_has_of_the_coin() {
    let policy = wrapping(&["WETH"]).unwrap();
    let world = world(&policy);
    let refused = |intent: &Intent| rule(&policy, &world, &[], intent);
    assert_eq!(refused(&wrap(2 * ETHER)), None);
    assert_eq!(refused(&wrap(2 * ETHER + 1)), Some(Rule::BalanceSufficient));
    assert_eq!(refused(&wrap(0)), Some(Rule::BalanceSufficient));
    assert_eq!(refused(&Intent { account: RESERVE, ..wrap(ETHER) }), None, "members may vote it too");
    assert_eq!(refused(&Intent { account: RESERVE, ..wrap(ETHER + 1) }), Some(Rule::BalanceSufficient));
    let again = Intent { purpose: Purpose::Strategy { line: keccak256("rebalance"), leg: 1 }, ..wrap(ETHER) };
    assert_eq!(rule(&policy, &world, &[wrap(ETHER)], &again), None);
    assert_eq!(rule(&policy, &world, &[wrap(ETHER + 1)], &again), Some(Rule::BalanceSufficient), "but not twice");
    for change in [
        |it: &mut Intent| it.counterparty = address("eve"),
        |it: &mut Intent| it.amount = Amount(1),
        |it: &mut Intent| it.value = Value(1),
    ] {
        let mut intent = wrap(ETHER);
        change(&mut intent);
        assert_eq!(refused(&intent), Some(Rule::IntentMatchesActions));
    }
    let plain = self::policy(&facts());
    assert_eq!(rule(&plain, &self::world(&plain), &[], &wrap(1)), Some(Rule::WrapListed));
    let mut unread = world.clone();
    unread.snapshot.coins[0].balance = None;
    assert_eq!(rule(&policy, &unread, &[], &wrap(1)), Some(Rule::BalanceSufficient));
}

#[test]
fn what_was_wrapped_must_have_come_in() {
    let policy = wrapping(&["WETH"]).unwrap();
    let before = world(&policy);
    let outcome = |brought: u128| {
        let mut after = before.clone();
        let balances = &mut after.snapshot.accounts[OPERATIONS.index()].balances;
        balances[WETH.index()] = Amount(balances[WETH.index()].0 + brought);
        after.revalue(&policy);
        match policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), &[wrap(ETHER)]) {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(refusal.rule),
        }
    };
    assert_eq!(outcome(ETHER), None);
    assert_eq!(outcome(ETHER - 1), Some(Rule::IntentMatchesActions));
}

#[test]
fn what_counts_only_from_now_on_lowers_no_share() {
    // As much stable as must be: the coin of the chain lowers its share, and nothing was spent.
    let text = wrapping(&["WETH"]).unwrap().to_toml();
    let policy = parse(text.as_bytes(), &catalog()).unwrap();
    let before = world(&policy);
    let floor = before.valuation.stable.bps_of(before.valuation.nav).unwrap();
    let key = text.lines().find(|line| line.starts_with("stable_share_bps_min")).unwrap();
    let text = text.replacen(key, &format!("stable_share_bps_min = {floor}"), 1);
    let policy = parse(text.as_bytes(), &catalog()).unwrap();
    let outcome = |lost_usd: u128| {
        let mut after = before.clone();
        let balances = &mut after.snapshot.accounts[OPERATIONS.index()].balances;
        balances[WETH.index()].0 += ETHER;
        balances[USDC.index()].0 -= lost_usd * 1_000_000;
        after.revalue(&policy);
        match policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), &[wrap(ETHER)]) {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(refusal.rule),
        }
    };
    assert_eq!(outcome(0), None);
    assert_eq!(outcome(1), Some(Rule::IntentMatchesActions));
}

#[test]
fn what_was_wrapped_hides_no_loss_of_a_swap() {
    let policy = wrapping(&["WETH"]).unwrap();
    let before = world(&policy);
    let mut swap = before.swap(&policy, USDC, WETH, 10_000, 0);
    // That the least output is too small is for the judge of the intent to say.
    if let Some(Action::Swap { amount_out_min, .. }) = swap.actions.last_mut() {
        *amount_out_min = Amount(1);
    }
    // Of five ether that 10,000 USD buy so many thousandths come in.
    let outcome = |thousandths: u128| {
        let mut after = before.clone();
        let balances = &mut after.snapshot.accounts[OPERATIONS.index()].balances;
        balances[USDC.index()].0 -= swap.amount.0;
        balances[WETH.index()].0 += ETHER + 5 * ETHER / 1_000 * thousandths;
        after.revalue(&policy);
        match policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), &[wrap(ETHER), swap.clone()]) {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(refusal.rule),
        }
    };
    assert_eq!(outcome(1_000), None);
    assert_eq!(outcome(900), Some(Rule::SlippageBpsMax), "1,000 USD are lost, and 2,000 were wrapped");
}

#[test]
fn to_let_it_be_wrapped_widens_with_a_witness() {
    let (old, new) = (policy(&facts()), wrapping(&["WETH"]).unwrap());
    let wider = Diff::between(&old, &new, &Effort::default());
    assert_eq!((wider.verdict, wider.changes.len()), (Overall::Widens, 1), "{}", wider.text());
    assert!(wider.text().contains("a wrapping of the chain's coin into 1 WETH by"), "{}", wider.text());
    assert_eq!(Diff::between(&new, &old, &Effort::default()).verdict, Overall::Narrows);
}

#[test]
fn only_one_asset_can_be_it_and_only_with_its_decimals() {
    let problems = wrapping(&["USDC"]).unwrap_err();
    assert!(
        problems.contains("assets.USDC.wrapped_coin: has 6 decimals, and the coin of the chain has 18"),
        "{problems}"
    );
    let text = starting_policy(&facts()).replacen("[assets.WETH]\n", "[assets.WETH]\nwrapped_coin = \"yes\"\n", 1);
    let problems = parse(text.as_bytes(), &catalog()).unwrap_err().to_string();
    assert!(problems.contains("`yes` is not known here; write one of: one-for-one"), "{problems}");
    assert_eq!(wrapping(&[]).unwrap().terms().wrapped_coin, None);
}
