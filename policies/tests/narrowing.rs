//! Narrowing one number never allows what the wider policy refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, World, address};
use proptest::prelude::*;
use quaestor_core::{
    AssetId, Intent, Policy, Purpose, Value,
    policy::Limits,
    snapshot::{Spend, Tally},
};
use quaestor_policies::{Facts, VotedPolicy};
use std::sync::LazyLock;

static WIDE: LazyLock<VotedPolicy> = LazyLock::new(|| policy(fixture::limits(), Sections::WIDE));

/// What stands in the file beside the numbers of the envelope.
#[derive(Debug, Clone, Copy)]
struct Sections {
    group_min_bps: u64,
    group_max_bps: u64,
    /// Caps on what the auditor is paid: in a proposal, and in the windows.
    paid_bps_max: [u64; 5],
    /// Of the budget line, paid to the auditor each week from the 18th of December 2026 on: period 4 is under way.
    amount_usd: u64,
    end_day: u64,
    catch_up: u64,
}

impl Sections {
    const WIDE: Self = Self {
        group_min_bps: 3_800,
        group_max_bps: 5_200,
        paid_bps_max: [700, 900, 1_000, 1_500, 2_500],
        amount_usd: 400_000,
        end_day: 31,
        catch_up: 3,
    };

    fn text(self) -> String {
        let Self { group_min_bps, group_max_bps, amount_usd, end_day, catch_up, .. } = self;
        let [proposal, hour, day, week, month] = self.paid_bps_max;
        format!(
            "[groups.blue]\nassets = [\"STETH\", \"WBTC\", \"WETH\"]\nmin_bps = {group_min_bps}\nmax_bps = {group_max_bps}\n\n\
             [counterparties.auditor]\naddress = \"eip155:31337:{}\"\nproposal_bps_max = {proposal}\nhour_bps_max = {hour}\n\
             day_bps_max = {day}\nweek_bps_max = {week}\nmonth_bps_max = {month}\n\n\
             [[payments]]\nname = \"audits\"\naccount = \"operations\"\nto = \"auditor\"\nasset = \"USDC\"\n\
             amount = \"{amount_usd} USDC\"\nevery = \"7d\"\nbegin = \"2026-12-18T00:00:00Z\"\n\
             end = \"2027-01-{end_day:02}T00:00:00Z\"\ncatch_up = {catch_up}\n",
            address("auditor"),
        )
    }
}

/// The wide policy with the number at `slot` narrowed.
fn narrow(slot: usize, by: u64) -> VotedPolicy {
    let (mut limits, mut sections) = (fixture::limits(), Sections::WIDE);
    match slot {
        0..ENVELOPE => limits = narrowed(limits, slot, by),
        // The targets of its assets, 45 %, stay within the group's share.
        10 => sections.group_max_bps -= by,
        11 => sections.group_min_bps += by,
        cap @ 12..17 => sections.paid_bps_max[cap - 12] -= by,
        17 => sections.amount_usd -= by * 600,
        18 => sections.end_day -= by % 30,
        _ => sections.catch_up -= by % 4,
    }
    policy(limits, sections)
}

fn policy(limits: Limits, sections: Sections) -> VotedPolicy {
    let facts = Facts { limits, counterparties: vec![], ..fixture::facts() };
    fixture::policy_with(&facts, &sections.text())
}

/// How many numbers of the envelope are narrowed.
const ENVELOPE: usize = 10;
/// How many numbers in all.
const SLOTS: usize = 20;

/// The number at `slot` of the envelope's order, narrowed.
fn narrowed(mut limits: Limits, slot: usize, by: u64) -> Limits {
    let cap = |number: &mut u64| *number = number.saturating_sub(by);
    match slot {
        0 => cap(&mut limits.proposal_bps_max),
        1..=4 => cap(&mut limits.window_bps_max[slot - 1]),
        5 => cap(&mut limits.slippage_bps_max),
        6 => limits.proposals_per_day_max = limits.proposals_per_day_max.saturating_sub(by % 4),
        7 => limits.stable_share_bps_min = (limits.stable_share_bps_min + by).min(6_000),
        // The target of the own token is 10 %.
        8 => limits.native_share_bps_max = 1_600 - by,
        _ => limits.cooldown_secs_min += by * 10,
    }
    limits
}

#[derive(Debug, Clone)]
struct Case {
    /// A swap, a transfer between own accounts, a payment, or one of the budget line.
    kind: u8,
    sell: u16,
    buy: u16,
    value_usd: u128,
    slippage_bps: u64,
    spends: Vec<(u64, u128)>,
    volatility_bps: Option<u64>,
    weth: u128,
    earlier: bool,
    lost_bps: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let sides = (0u8..4, 0u16..7, 0u16..7);
    let spends = prop::collection::vec((0u64..3_000_000, 0u128..900_000), 0..5);
    (sides, 1u128..800_000, 0u64..100, spends, prop::option::of(0u64..9_000), 0u128..4_000, any::<bool>(), 0u64..100)
        .prop_map(|((kind, sell, buy), value_usd, slippage_bps, spends, volatility_bps, weth, earlier, lost_bps)| {
            Case { kind, sell, buy, value_usd, slippage_bps, spends, volatility_bps, weth, earlier, lost_bps }
        })
}

/// The treasury after `intent`; a swap loses so much, and what is paid is gone.
fn after(world: &World, policy: &VotedPolicy, intent: &Intent, buy: AssetId, lost_bps: u64) -> World {
    let mut left = world.clone();
    let given = &mut left.snapshot.accounts[intent.account.index()].balances[intent.asset.index()];
    *given = given.saturating_sub(intent.amount);
    let (asset, value) = match intent.actions.len() {
        2 => (buy, intent.value.share(10_000 - lost_bps).unwrap()),
        _ if intent.counterparty == address("auditor") => (intent.asset, Value::ZERO),
        _ => (intent.asset, intent.value),
    };
    let brought = world.cx(policy).amount_of(asset, value).unwrap();
    left.snapshot.accounts[OPERATIONS.index()].balances[asset.index()].0 += brought.0;
    left.revalue(policy);
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn allowed_under_the_narrow_is_allowed_under_the_wide(case in cases(), slot in 0..SLOTS, by in 0u64..600) {
        let wide = &*WIDE;
        let narrow = narrow(slot, by);
        let mut world = World::new(wide);
        world.snapshot.accounts[0].balances[fixture::WETH.index()] = world.tokens(fixture::WETH, case.weth);
        world.revalue(wide);
        world.risk.treasury_volatility_bps = case.volatility_bps;
        let mut spends = case.spends.clone();
        spends.sort_unstable_by_key(|(secs_ago, _)| std::cmp::Reverse(*secs_ago));
        world.history.spends = spends.iter().map(|(secs_ago, usd)| Spend {
            timestamp: NOW - secs_ago,
            account: OPERATIONS,
            decision: keccak256(secs_ago.to_be_bytes()),
            once_key: keccak256("another"),
            line: keccak256("rebalance"),
            asset: None,
            counterparty: address(if secs_ago % 2 == 0 { "router" } else { "auditor" }),
            value: Value(usd * 10u128.pow(18)),
        }).collect();
        let (sell, buy) = (AssetId(case.sell), AssetId(case.buy));
        let cx = world.cx(wide);
        let whole = world.tokens(sell, 1);
        let price = cx.value_of(sell, whole).unwrap().0 / 10u128.pow(18);
        let whole = (case.value_usd / price).max(1);
        let intent = match case.kind {
            0 => world.swap(wide, sell, buy, whole, case.slippage_bps),
            1 => world.transfer(wide, RESERVE, USDC, case.value_usd, address("operations")),
            2 => world.transfer(wide, OPERATIONS, USDC, case.value_usd, address("auditor")),
            _ => {
                let purpose = Purpose::Payment { line: keccak256("audits"), period: case.buy.into() };
                Intent { purpose, ..world.transfer(wide, OPERATIONS, USDC, case.value_usd, address("auditor")) }
            }
        };
        let mut earlier: Vec<Intent> = Vec::new();
        if case.earlier {
            let mut first = world.swap(wide, fixture::WBTC, USDC, 2, 50);
            first.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 9 };
            earlier.push(first);
        }
        let tally = Tally::before(intent.account, &earlier, &[]);
        let by_narrow = narrow.judge(&world.cx(&narrow), &tally, &intent).is_allowed();
        let by_wide = wide.judge(&cx, &tally, &intent).is_allowed();
        prop_assert!(!by_narrow || by_wide);
        // And so with what it leaves behind.
        let after = after(&world, wide, &intent, buy, case.lost_bps);
        let outcome = |policy: &VotedPolicy| {
            let intents = std::slice::from_ref(&intent);
            policy.judge_outcome(&world.cx(policy), &after.cx(policy), intents).is_allowed()
        };
        prop_assert!(!outcome(&narrow) || outcome(wide));
    }
}
