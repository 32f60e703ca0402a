//! Votes that may be delegated: how a policy lists to whom, what is judged, and what a change of the list opens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::{Address, keccak256};
use fixture::{OPERATIONS, RESERVE, USDC, WETH, World, address, catalog, facts};
use quaestor_core::{
    Action, Amount, Intent, Policy, Purpose, Rule, Value, Verdict, snapshot::Tally, verdict::Quantity,
};
use quaestor_policies::{
    VotedPolicy,
    diff::{Diff, Effort, Mark, Overall},
    parse, starting_policy,
};

/// The policy of the fixture, in which the votes of WETH may go to these.
fn listing(to: &[&str]) -> Result<VotedPolicy, String> {
    let ids: Vec<String> = to.iter().map(|name| format!("\"eip155:31337:{}\"", address(name))).collect();
    let text = starting_policy(&facts());
    let listed = text.replacen("[assets.WETH]\n", &format!("[assets.WETH]\ndelegates = [{}]\n", ids.join(", ")), 1);
    assert_ne!(listed, text);
    parse(listed.as_bytes(), &catalog()).map_err(|problems| problems.to_string())
}

fn delegation(to: Address) -> Intent {
    Intent {
        account: OPERATIONS,
        purpose: Purpose::Strategy { line: keccak256("rebalance"), leg: 0 },
        asset: WETH,
        counterparty: to,
        amount: Amount::ZERO,
        value: Value::ZERO,
        actions: [Action::Delegate { asset: WETH, to }].into_iter().collect(),
    }
}

fn verdict(policy: &VotedPolicy, world: &World, intent: &Intent) -> Option<(Rule, Quantity)> {
    match policy.judge(&world.cx(policy), &Tally::default(), intent) {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some((refusal.rule, refusal.found)),
    }
}

#[test]
fn votes_go_to_those_who_are_listed_and_spend_nothing() {
    let policy = listing(&["ada", "bob"]).unwrap();
    let world = World::new(&policy);
    let refused = |change: &dyn Fn(&mut Intent)| {
        let mut intent = delegation(address("ada"));
        change(&mut intent);
        verdict(&policy, &world, &intent)
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|it| it.account = RESERVE), None, "members may vote it too: no price is in it");
    let eve = delegation(address("eve"));
    assert_eq!(verdict(&policy, &world, &eve), Some((Rule::DelegateListed, Quantity::Address(address("eve")))));
    let of_usdc = |it: &mut Intent| {
        it.asset = USDC;
        it.actions[0] = Action::Delegate { asset: USDC, to: address("ada") };
    };
    assert_eq!(refused(&of_usdc).map(|it| it.0), Some(Rule::DelegateListed));
    let mismatches: [&dyn Fn(&mut Intent); 5] = [
        &|it| it.counterparty = address("bob"),
        &|it| it.asset = USDC,
        &|it| it.amount = Amount(1),
        &|it| it.value = Value(1),
        &|it| it.actions.push(Action::Transfer { asset: WETH, to: address("ada"), amount: Amount(1) }),
    ];
    for change in mismatches {
        assert_eq!(refused(change).map(|it| it.0), Some(Rule::IntentMatchesActions));
    }
    // Nothing is left behind by it, and where only what reduces risk goes on it does not.
    let intents = [delegation(address("ada"))];
    assert!(policy.judge_outcome(&world.cx(&policy), &world.cx(&policy), &intents).is_allowed());
    let mut breached = world.clone();
    breached.risk.treasury_volatility_bps = None;
    assert_eq!(verdict(&policy, &breached, &intents[0]).map(|it| it.0), Some(Rule::VolatilityBpsMax));
}

#[test]
fn it_is_counted_among_proposals_and_waits_for_its_turn() {
    let text = listing(&["ada"]).unwrap().to_toml();
    let key = text.lines().find(|line| line.starts_with("proposals_per_day_max")).unwrap();
    let closed = text.replacen(key, "proposals_per_day_max = 0", 1);
    let policy = parse(closed.as_bytes(), &catalog()).unwrap();
    let found = verdict(&policy, &World::new(&policy), &delegation(address("ada")));
    assert_eq!(found.map(|it| it.0), Some(Rule::ProposalsPerDayMax));
}

#[test]
fn another_delegate_widens_with_a_witness_and_one_less_narrows() {
    let (old, new) = (listing(&["ada"]).unwrap(), listing(&["ada", "bob"]).unwrap());
    let wider = Diff::between(&old, &new, &Effort::default());
    assert_eq!((wider.verdict, wider.changes.len()), (Overall::Widens, 1));
    let [change] = wider.changes.as_slice() else { panic!("{:?}", wider.changes) };
    let path = format!("assets.WETH.delegates[eip155:31337:{}]", address("bob"));
    assert_eq!((change.path.as_str(), change.mark), (path.as_str(), Mark::Widens), "{}", wider.text());
    assert!(wider.text().contains("a delegation of the votes of WETH by"), "{}", wider.text());
    let narrower = Diff::between(&new, &old, &Effort::default());
    assert_eq!(narrower.verdict, Overall::Narrows, "{}", narrower.text());
}

#[test]
fn a_list_of_nobody_says_what_to_write() {
    let problems = listing(&[]).unwrap_err();
    assert!(problems.contains("assets.WETH.delegates: names nobody; write all of them, or leave it out"), "{problems}");
    let problems = listing(&["ada", "ada"]).unwrap_err();
    assert!(problems.contains("assets.WETH.delegates[1]: is listed twice; remove one"), "{problems}");
}
