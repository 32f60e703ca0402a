//! What `delegate` wants, and when it wants nothing.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use alloy_primitives::Address;
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Value, policy::Delegates, snapshot::DelegateReading, strategy::StrategyHold,
};
use world::{World, address, named, text, usdc, volatile, waiting_of};

const GOV: AssetId = AssetId(1);
const OPERATIONS: AccountId = AccountId(0);

/// `held` whole GOV in operations, whose votes are with `found`.
fn world(held: u128, found: Option<Address>) -> World {
    let to = format!("eip155:1:{}", address("ada"));
    let lend = named("lend", "delegate", &[("account", "operations"), ("asset", "GOV"), ("to", &to)]);
    let mut world = World::new(&[usdc(None, 1_000, 0), volatile("GOV", 10, (0, 5_000, 10_000), held)]).with(lend);
    world.terms.delegates = vec![Delegates { asset: GOV, to: vec![address("ada"), address("bob")] }];
    world.snapshot.delegates = vec![DelegateReading { account: OPERATIONS, asset: GOV, to: found }];
    world
}

#[test]
fn votes_that_are_elsewhere_go_to_the_delegate() {
    for found in [Address::ZERO, address("bob")] {
        let decided = world(7, Some(found)).decide();
        let [intent] = decided.intents.as_slice() else { panic!("{:?}", decided.intents) };
        assert_eq!((intent.account, intent.asset, intent.counterparty), (OPERATIONS, GOV, address("ada")));
        assert_eq!((intent.amount, intent.value), (Amount::ZERO, Value::ZERO));
        assert_eq!(intent.actions[..], [Action::Delegate { asset: GOV, to: address("ada") }]);
        assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));
    }
}

#[test]
fn where_they_are_already_and_where_there_are_none_nothing_is_wanted() {
    for world in [world(7, Some(address("ada"))), world(0, Some(Address::ZERO))] {
        let decided = world.decide();
        assert_eq!((decided.intents.len(), decided.holds.len()), (0, 0));
    }
    let mut waiting = world(7, Some(Address::ZERO));
    waiting.history.outstanding.push(waiting_of(OPERATIONS));
    assert_eq!(waiting.decide().intents, []);
}

#[test]
fn what_the_token_does_not_say_is_not_guessed() {
    let decided = world(7, None).decide();
    assert_eq!((decided.intents.len(), decided.holds.len()), (0, 1));
    assert!(format!("{:?}", decided.holds).contains(&format!("{:?}", StrategyHold::NoDelegate)), "{:?}", decided.holds);
}

#[test]
fn a_delegate_whom_the_policy_does_not_list_says_what_to_write() {
    for (to, expected) in [
        (
            format!("eip155:1:{}", address("eve")),
            "is not in `assets.GOV.delegates`; list it there, or write one that is",
        ),
        (format!("eip155:10:{}", address("ada")), "is on chain eip155:10; the policy is for eip155:1"),
        ("ada".to_owned(), "ada"),
    ] {
        let world = world(7, None).strategy(|it| {
            it.params.insert("to".into(), text(&to));
        });
        let problems = world.problems();
        assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}\n{problems:?}");
    }
}
