//! Groups of assets: what they mean, and what they forbid.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{DAO, LINK, OPERATIONS, STETH, USDC, WBTC, WETH, World};
use quaestor_core::{
    Amount, AssetId, Intent, Policy, Pool, Purpose, Refusal, Rule, Value, Verdict,
    policy::{Group, GroupId},
    snapshot::Tally,
    strategy::ParamValue,
    verdict::{InputName, Quantity},
};
use quaestor_policies::{VotedPolicy, parse};

/// STETH, WBTC and WETH are 45 % of ten million, within the group's share; LINK is outside of it.
const BLUE: &str = "[groups.blue]\nassets = [\"STETH\", \"WBTC\", \"WETH\"]\nmin_bps = 4000\nmax_bps = 4700\n";

/// The fixture without what else would refuse, with these sections.
fn setup(sections: &str) -> (VotedPolicy, World) {
    let mut facts = fixture::facts();
    facts.limits.proposal_bps_max = u64::MAX;
    facts.limits.window_bps_max = [u64::MAX; 4];
    facts.bands.clear();
    facts.strategies.remove(0);
    facts.venues[0].pools.push(Pool { a: STETH, b: WETH, fee_pips: fixture::FEE_PIPS });
    let policy = fixture::policy_with(&facts, sections);
    let world = World::new(&policy);
    (policy, world)
}

fn refusal(verdict: Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal),
    }
}

fn swap((policy, world): &(VotedPolicy, World), sell: AssetId, buy: AssetId, whole: u128) -> Intent {
    let intent = world.swap(policy, sell, buy, whole, 50);
    Intent { purpose: Purpose::Strategy { line: keccak256("refill"), leg: 0 }, ..intent }
}

fn judged(case: &(VotedPolicy, World), before: &[Intent], intent: &Intent) -> Option<(Rule, Quantity, Quantity)> {
    let (policy, world) = case;
    let tally = Tally::before(intent.account, before, &[]);
    refusal(policy.judge(&world.cx(policy), &tally, intent)).map(|it| (it.rule, it.limit, it.found))
}

#[test]
fn a_group_is_read_with_its_assets_and_bounds() {
    let (policy, _) = setup(&format!("{BLUE}\n[groups.alone]\nassets = [\"LINK\"]\nmax_bps = 900"));
    let group = |name: &str, assets: &[AssetId], min_bps, max_bps| Group {
        name: name.into(),
        assets: assets.to_vec(),
        min_bps,
        max_bps,
    };
    let expected = [group("alone", &[LINK], 0, 900), group("blue", &[STETH, WBTC, WETH], 4_000, 4_700)];
    assert_eq!(policy.terms().groups, expected);
    let part = r#""groups":{"alone":{"assets":["LINK"],"max_bps":900},"blue":{"assets":["STETH","WBTC","WETH"],"max_bps":4700,"min_bps":4000}}"#;
    assert!(policy.rest().contains(part), "{}", policy.rest());
}

#[test]
fn a_bound_that_holds_anyway_is_not_in_the_form() {
    let rest = |bounds: &str| setup(&format!("[groups.blue]\nassets = [\"STETH\", \"WETH\"]\n{bounds}")).0.rest_hash();
    assert_eq!(rest("max_bps = 5000\nmin_bps = 0"), rest("max_bps = 5000"));
    assert_eq!(rest("min_bps = 100\nmax_bps = 10000"), rest("min_bps = 100"));
    assert_ne!(rest("max_bps = 5000"), rest("max_bps = 5001"));
    assert_eq!(fixture::policy(&fixture::facts()).rest(), fixture::policy_with(&fixture::facts(), "[groups]").rest());
}

#[test]
fn what_is_bought_may_not_bring_its_group_above_its_share() {
    let case = setup(BLUE);
    // Two percent of ten million are missing to the ceiling.
    assert_eq!(judged(&case, &[], &swap(&case, USDC, WETH, 200_000)), None);
    let refused = Some((Rule::GroupMax, Quantity::Bps(4_700), Quantity::Bps(4_701)));
    assert_eq!(judged(&case, &[], &swap(&case, USDC, WETH, 200_001)), refused);
    // Many small steps, each in another asset, are no way around it.
    let first = swap(&case, USDC, STETH, 150_000);
    let mut second = swap(&case, USDC, WBTC, 50_000);
    second.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(judged(&case, std::slice::from_ref(&first), &second), None);
    second = Intent { purpose: second.purpose, ..swap(&case, USDC, WBTC, 50_001) };
    assert_eq!(judged(&case, &[first], &second), refused);
}

#[test]
fn what_is_sold_may_not_bring_its_group_below_its_share() {
    let case = setup(BLUE);
    assert_eq!(judged(&case, &[], &swap(&case, WETH, USDC, 250)), None);
    let refused = Some((Rule::GroupMin, Quantity::Bps(4_000), Quantity::Bps(3_998)));
    assert_eq!(judged(&case, &[], &swap(&case, WETH, USDC, 251)), refused);
    // Within the group nothing changes, however much it is; outside of it neither.
    assert_eq!(judged(&case, &[], &swap(&case, WETH, STETH, 1_000)), None);
    assert_eq!(judged(&case, &[], &swap(&case, LINK, USDC, 40_000)), None);
}

#[test]
fn what_leads_back_is_allowed_while_still_outside() {
    let mut case = setup(BLUE);
    case.1.snapshot.accounts[0].balances[WETH.index()] = case.1.tokens(WETH, 2_000);
    case.1.revalue(&case.0);
    assert_eq!(judged(&case, &[], &swap(&case, WETH, USDC, 1)), None);
    assert_eq!(judged(&case, &[], &swap(&case, USDC, WETH, 1_000)).unwrap().0, Rule::GroupMax);
    case.1.snapshot.accounts[0].balances[WETH.index()] = case.1.tokens(WETH, 500);
    case.1.revalue(&case.0);
    assert_eq!(judged(&case, &[], &swap(&case, USDC, WETH, 1_000)), None);
    assert_eq!(judged(&case, &[], &swap(&case, WETH, USDC, 1)).unwrap().0, Rule::GroupMin);
}

#[test]
fn a_receipt_names_the_group_and_what_it_looked_at() {
    let case = setup(&format!("{BLUE}\n[groups.alone]\nassets = [\"LINK\"]\nmax_bps = 900"));
    let (policy, world) = &case;
    let intent = swap(&case, USDC, LINK, 400_001);
    let found = refusal(policy.judge(&world.cx(policy), &Tally::default(), &intent)).unwrap();
    assert_eq!((found.rule, found.limit, found.found), (Rule::GroupMax, Quantity::Bps(900), Quantity::Bps(901)));
    let usd = |whole: u128| Quantity::Value(Value(whole * 10u128.pow(18)));
    let inputs: Vec<_> = found.inputs.iter().map(|input| (input.name, input.quantity)).collect();
    let expected = [
        (InputName::Group, Quantity::Group(GroupId(0))),
        (InputName::Asset, Quantity::Asset(USDC)),
        (InputName::Nav, usd(10_000_000)),
        (InputName::IntentValue, usd(400_001)),
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn groups_that_cannot_have_their_shares_at_once_are_told() {
    let mut facts = fixture::facts();
    facts.bands.clear();
    facts.strategies.remove(0);
    let group = |name: &str, assets: &str, bound: &str| format!("[groups.{name}]\nassets = [{assets}]\n{bound}\n\n");
    for (groups, expected) in [
        (
            [group("inner", "\"WETH\"", "min_bps = 2500"), group("outer", "\"DAO\", \"WETH\"", "max_bps = 2000")],
            "groups.inner.min_bps: is 2500, and `groups.outer.max_bps` allows all of these assets 2000; write 2000 or less",
        ),
        (
            [group("cash", "\"DAI\", \"USDC\"", "min_bps = 7600"), group("rest", "\"WETH\"", "min_bps = 2500")],
            "groups.rest.min_bps: is 2500, and with `groups.cash.min_bps` it is 10100 of 10000; lower one",
        ),
        (
            [group("cash", "\"DAI\", \"USDC\"", "max_bps = 2999"), group("rest", "\"WETH\"", "min_bps = 2500")],
            "limits.stable_share_bps_min: asks for 3000 bps in stable assets, and `groups.cash.max_bps` allows them 2999; raise that",
        ),
    ] {
        let text = fixture::text_with(&facts, &groups.concat());
        let found = parse(text.as_bytes(), &fixture::catalog()).unwrap_err();
        let told: Vec<_> = found.problems.iter().map(|it| format!("{}: {}", it.path, it.message)).collect();
        assert_eq!(told, [expected]);
    }
}

/// Balances after `intents` brought `brought` whole tokens each.
fn outcome(case: &(VotedPolicy, World), done: &[(Intent, AssetId, u128)]) -> Option<(Rule, Quantity, Quantity)> {
    let (policy, before) = case;
    let mut after = before.clone();
    for (intent, buy, brought) in done {
        let balances = &mut after.snapshot.accounts[OPERATIONS.index()].balances;
        balances[intent.asset.index()] = Amount(balances[intent.asset.index()].0 - intent.amount.0);
        balances[buy.index()] = Amount(balances[buy.index()].0 + before.tokens(*buy, *brought).0);
    }
    after.revalue(policy);
    let intents: Vec<Intent> = done.iter().map(|(intent, ..)| intent.clone()).collect();
    let found = refusal(policy.judge_outcome(&before.cx(policy), &after.cx(policy), &intents))?;
    Some((found.rule, found.limit, found.found))
}

#[test]
fn after_the_dry_run_a_group_is_within_its_share_or_nearer_to_it() {
    let case = setup(BLUE);
    let buy = |usdc, weth| (swap(&case, USDC, WETH, usdc), WETH, weth);
    assert_eq!(outcome(&case, &[buy(200_000, 100)]), None);
    // More came in than was wanted.
    let above = Some((Rule::GroupMax, Quantity::Bps(4_700), Quantity::Bps(4_707)));
    assert_eq!(outcome(&case, &[buy(200_000, 106)]), above);
    let sell = |weth, usdc| (swap(&case, WETH, USDC, weth), USDC, usdc);
    assert_eq!(outcome(&case, &[sell(250, 500_000)]), None);
    let below = outcome(&case, &[sell(251, 502_000)]);
    assert_eq!(below, Some((Rule::GroupMin, Quantity::Bps(4_000), Quantity::Bps(3_998))));
    let mut low = setup(BLUE);
    low.1.snapshot.accounts[0].balances[WETH.index()] = low.1.tokens(WETH, 500);
    low.1.revalue(&low.0);
    assert_eq!(outcome(&low, &[(swap(&low, USDC, WETH, 20_000), WETH, 10)]), None);
}

#[test]
fn what_slips_within_a_group_does_not_count_against_its_least_share() {
    let case = setup(BLUE);
    // Down to the floor itself; beside it one asset of the group is left for another, at the most that may slip.
    let sale = (swap(&case, WETH, USDC, 250), USDC, 500_000);
    let mut within = swap(&case, WETH, STETH, 200);
    within.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(outcome(&case, &[sale.clone(), (within, STETH, 199)]), None);
    // A second sale is no slip.
    let mut more = swap(&case, WETH, USDC, 1);
    more.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(outcome(&case, &[sale, (more, USDC, 2_000)]).unwrap().0, Rule::GroupMin);
}

#[test]
fn what_is_bought_up_to_its_share_is_not_above_it_for_what_another_exchange_loses() {
    let case = setup(BLUE);
    let buy = (swap(&case, USDC, WETH, 200_000), WETH, 100);
    let mut other = swap(&case, LINK, USDC, 10_000);
    other.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(outcome(&case, &[buy.clone(), (other.clone(), USDC, 99_500)]), None);
    // What is paid to others does make the treasury smaller.
    let (policy, world) = &case;
    let mut payment = world.transfer(policy, OPERATIONS, USDC, 10_000, fixture::address("auditor"));
    payment.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 2 };
    let refused = Some((Rule::GroupMax, Quantity::Bps(4_700), Quantity::Bps(4_705)));
    assert_eq!(outcome(&case, &[buy, (other, USDC, 99_500), (payment, USDC, 0)]), refused);
}

#[test]
fn payments_and_transfers_are_not_a_groups_matter() {
    let case = setup("[groups.money]\nassets = [\"USDC\"]\nmin_bps = 3000");
    let (policy, world) = &case;
    for to in ["auditor", "reserve"] {
        let intent = world.transfer(policy, OPERATIONS, USDC, 100_000, fixture::address(to));
        assert_eq!(judged(&case, &[], &intent), None, "{to}");
    }
    assert_eq!(judged(&case, &[], &swap(&case, USDC, DAO, 1)).unwrap().0, Rule::GroupMin);
}

#[test]
fn a_variation_of_a_bound_is_the_changed_file() {
    let catalog = fixture::catalog();
    let base = fixture::policy_with(&fixture::facts(), BLUE);
    for (path, from, value) in
        [("groups.blue.max_bps", "max_bps = 4700", 4_900), ("groups.blue.min_bps", "min_bps = 4000", 4_450)]
    {
        let key = path.rsplit('.').next().unwrap();
        let changed = fixture::policy_with(&fixture::facts(), &BLUE.replace(from, &format!("{key} = {value}")));
        let varied = base.vary(&[(path, ParamValue::Integer(value))], &catalog).unwrap();
        assert_eq!((varied.terms(), varied.rest()), (changed.terms(), changed.rest()));
    }
    // The targets of its assets, 45 %, are no longer within it.
    let found = base.vary(&[("groups.blue.max_bps", ParamValue::Integer(4_499))], &catalog).unwrap_err();
    let text = fixture::text_with(&fixture::facts(), &BLUE.replace("max_bps = 4700", "max_bps = 4499"));
    assert_eq!(found, parse(text.as_bytes(), &catalog).unwrap_err());
    // What the file does not say can be varied too.
    let lean = fixture::policy_with(&fixture::facts(), &BLUE.replace("min_bps = 4000\n", ""));
    let varied = lean.vary(&[("groups.blue.min_bps", ParamValue::Integer(4_000))], &catalog).unwrap();
    assert_eq!((varied.terms(), varied.rest()), (base.terms(), base.rest()));
}
