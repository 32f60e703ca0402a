//! Strategies with a schedule of their own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::{NOW, OPERATIONS, WETH, World, facts};
use quaestor_core::{Amount, Policy, Strategy};
use quaestor_policies::{
    VotedPolicy,
    diff::{Diff, Effort, Overall},
    parse, starting_policy,
};

/// The policy of the fixture, whose rebalancing has these keys too.
fn with(keys: &str) -> Result<VotedPolicy, String> {
    let text = starting_policy(&facts()).replacen("kind = \"rebalance\"", &format!("kind = \"rebalance\"\n{keys}"), 1);
    parse(text.as_bytes(), &quaestor_strategies::catalog()).map_err(|problems| problems.to_string())
}

/// Whether the strategy wants anything at this time, when the treasury is far off its targets.
fn wants(policy: &VotedPolicy, at: u64) -> bool {
    let mut world = World::new(policy);
    world.snapshot.accounts[OPERATIONS.index()].balances[WETH.index()] = Amount::ZERO;
    world.revalue(policy);
    world.snapshot.block.timestamp = at;
    let rebalance: &dyn Strategy = policy.strategies()[0].as_ref();
    let mut found = Vec::new();
    // Whatever holds it back, it wants something in a decision of its own and nothing in another.
    let _ = rebalance.propose(&world.cx(policy), &mut found);
    !found.is_empty()
}

#[test]
fn it_acts_in_the_decision_after_its_tick_alone() {
    let (always, hourly) = (with("").unwrap(), with("schedule = \"0 0 * * * *\"").unwrap());
    assert!(wants(&always, NOW));
    let yearly = with("schedule = \"0 0 0 1 1 *\"").unwrap();
    assert!(wants(&hourly, NOW) && !wants(&yearly, NOW));
    assert_eq!(hourly.terms().strategies[0].schedule.as_deref(), Some("0 0 * * * *"));
    assert!(hourly.rest().contains(r#""schedule":"0 0 * * * *""#));
}

#[test]
fn it_changes_nothing_that_is_permitted() {
    let (always, weekly) = (with("").unwrap(), with("schedule = \"0  0 8 * * Mon\"").unwrap());
    let diff = Diff::between(&always, &weekly, &Effort::default());
    assert_eq!((diff.verdict, diff.changes.len()), (Overall::Neutral, 1), "{}", diff.text());
    assert!(diff.text().contains("acts in the first decision after each tick"), "{}", diff.text());
    assert_eq!(weekly.terms().strategies[0].schedule.as_deref(), Some("0 0 8 * * Mon"), "one space between fields");
}

#[test]
fn what_is_no_time_and_a_policy_that_decides_by_blocks_say_what_to_write() {
    let problems = with("schedule = \"daily\"").unwrap_err();
    assert!(problems.contains("strategies[0].schedule: `daily`"), "{problems}");
    let text = starting_policy(&facts()).replacen(
        "kind = \"rebalance\"",
        "kind = \"rebalance\"\nschedule = \"0 0 8 * * Mon\"",
        1,
    );
    let line = text.lines().find(|line| line.starts_with("schedule = ")).unwrap();
    let blocks = text.replacen(line, "every_blocks = 100", 1);
    let problems = parse(blocks.as_bytes(), &quaestor_strategies::catalog()).unwrap_err().to_string();
    assert!(
        problems.contains("strategies[0].schedule: is a time, and the policy decides `every_blocks`"),
        "{problems}"
    );
}
