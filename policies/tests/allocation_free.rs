//! Judging allocates nothing, whether it allows or refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use allocation_counter::measure;
use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, WETH, World, address, wide};
use quaestor_core::{
    AssetId, Intent, Policy, Purpose, Rule, Value, Verdict,
    amount::WAD,
    policy::Limits,
    snapshot::{Paid, Spend, Tally},
};
use quaestor_policies::Facts;

#[test]
fn judging_allocates_nothing() {
    let auditor =
        format!("[counterparties.auditor]\naddress = \"eip155:31337:{}\"\nweek_bps_max = 50", address("auditor"));
    let audits = "[[payments]]\nname = \"audits\"\naccount = \"operations\"\nto = \"auditor\"\nasset = \"USDC\"\n\
                  amount = \"20000 USDC\"\nevery = \"month\"\nbegin = \"2026-12-31T00:00:00Z\"\ncatch_up = 2";
    let sections =
        format!("[groups.blue]\nassets = [\"WBTC\", \"WETH\"]\nmin_bps = 1000\nmax_bps = 5000\n{auditor}\n{audits}");
    let policy = fixture::policy_with(&Facts { counterparties: vec![], ..fixture::facts() }, &sections);
    let mut world = World::new(&policy);
    world.history.spends.push_back(Spend {
        timestamp: NOW - 100_000,
        account: RESERVE,
        decision: keccak256("decision"),
        once_key: keccak256("another"),
        line: keccak256("refill"),
        asset: Some(USDC),
        counterparty: address("auditor"),
        value: Value(WAD),
    });
    let line = keccak256("audits");
    world.history.paid.push(Paid { account: OPERATIONS, line, period: 1 });
    let payment = |period| {
        let transfer = world.transfer(&policy, OPERATIONS, USDC, 20_000, address("auditor"));
        Intent { purpose: Purpose::Payment { line, period }, ..transfer }
    };
    let cx = world.cx(&policy);
    let intents = [
        world.swap(&policy, WETH, USDC, 100, 50),
        world.transfer(&policy, RESERVE, USDC, 100_000, address("operations")),
        world.transfer(&policy, RESERVE, USDC, 900_000, address("operations")),
        world.transfer(&policy, OPERATIONS, USDC, 49_000, address("auditor")),
        payment(0),
        payment(1),
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
    assert_eq!(allowed, 8);
    assert_eq!(counted.count_total, 0);
}

/// With fifty assets and every rule that an exchange can break: each of the numbers of the policy refuses it when it is
/// tightened, so that each was looked at.
#[test]
fn judging_among_fifty_assets_under_every_rule_allocates_nothing() {
    let policy = fixture::policy(&wide::wide_facts());
    let world = wide::wide_world(&policy);
    let cx = world.cx(&policy);
    let swap = wide::wide_swap(&world, &policy, AssetId(40), 10_000);
    assert_eq!(policy.terms().assets.len(), 50);
    let before = wide::wide_decision(&world, &policy);
    for tally in [Tally::default(), Tally::before(swap.account, &before, &[])] {
        let mut is_allowed = false;
        let counted = measure(|| is_allowed = policy.judge(&cx, &tally, &swap).is_allowed());
        assert!(is_allowed && counted.count_total == 0);
    }
    let windows = |place: usize| {
        let mut limits = wide::wide_facts().limits;
        limits.window_bps_max[place] = 1;
        limits
    };
    let of = |change: fn(&mut Limits)| {
        let mut limits = wide::wide_facts().limits;
        change(&mut limits);
        limits
    };
    let tightened = [
        (windows(0), Rule::HourBpsMax),
        (windows(1), Rule::DayBpsMax),
        (windows(2), Rule::WeekBpsMax),
        (windows(3), Rule::MonthBpsMax),
        (of(|limits| limits.proposal_bps_max = 1), Rule::ProposalBpsMax),
        (of(|limits| limits.slippage_bps_max = 1), Rule::SlippageBpsMax),
        (of(|limits| limits.proposals_per_day_max = 1), Rule::ProposalsPerDayMax),
        (of(|limits| limits.cooldown_secs_min = 10_000), Rule::CooldownSecsMin),
        (of(|limits| limits.stable_share_bps_min = 1_000), Rule::StableShareBpsMin),
    ];
    for (limits, rule) in tightened {
        let tight = fixture::policy(&quaestor_policies::Facts { limits, ..wide::wide_facts() });
        let Verdict::Refused(refusal) = tight.judge(&world.cx(&tight), &Tally::default(), &swap) else {
            panic!("{rule:?}")
        };
        assert_eq!(refusal.rule, rule);
    }
}
