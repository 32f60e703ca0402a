//! People whom a policy names: what the file may say, and that the chain decides.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::Address;
use fixture::{OPERATIONS, World, address, catalog, facts, policy, text_with};
use quaestor_core::{
    Policy, Rule, Snapshot,
    pipeline::precondition,
    policy::SafeRoles,
    snapshot::Control,
    verdict::{InputName, Quantity},
};
use quaestor_policies::{
    VotedPolicy,
    diff::{Diff, Effort, Mark},
    parse, starting_policy,
};

fn id(name: &str) -> String {
    format!("\"eip155:31337:{}\"", address(name))
}

fn roles(guardians: &[&str], operators: &[&str]) -> String {
    let list = |names: &[&str]| names.iter().map(|name| id(name)).collect::<Vec<_>>().join(", ");
    format!("[roles]\nguardians = [{}]\noperators = [{}]", list(guardians), list(operators))
}

/// The policy of the fixture, with these keys of its Safe.
fn with(roles: &str, keys: &str) -> Result<VotedPolicy, String> {
    let text = text_with(&facts(), roles).replacen("kind = \"safe\"", &format!("kind = \"safe\"\n{keys}"), 1);
    parse(text.as_bytes(), &catalog()).map_err(|problems| problems.to_string())
}

fn named() -> VotedPolicy {
    let owners = format!("owners = [{}, {}]\nthreshold = 2", id("ada"), id("bob"));
    with(&roles(&["gus"], &["olga", "otto"]), &owners).unwrap()
}

#[test]
fn people_are_read_and_part_of_what_is_voted() {
    let policy = named();
    let found = &policy.terms().roles;
    assert_eq!((found.guardians.as_slice(), found.operators.len()), ([address("gus")].as_slice(), 2));
    let owners = vec![address("ada"), address("bob")];
    assert_eq!(found.safes, [SafeRoles { account: OPERATIONS, owners, threshold: Some(2) }]);
    assert!(policy.rest().contains("\"roles\":{\"guardians\":["), "{}", policy.rest());
    assert_eq!(with("", "").unwrap().terms().roles, Default::default());
}

#[test]
fn what_cannot_be_meant_says_what_to_write() {
    let (ada, zero) = (id("ada"), format!("\"eip155:31337:{}\"", Address::ZERO));
    for (roles, keys, expected) in [
        ("[roles]\nguardians = []".to_owned(), "", "roles.guardians: names nobody; write all of them, or leave it out"),
        (format!("[roles]\noperators = [{ada}, {ada}]"), "", "roles.operators[1]: is listed twice; remove one"),
        (format!("[roles]\nmembers = [{ada}]"), "", "`members` is not part of the language"),
        (format!("[roles]\nguardians = [{zero}]"), "", "roles.guardians[0]: "),
        (String::new(), "owners = []", "accounts.operations.owners: names nobody"),
        (String::new(), "threshold = 0", "accounts.operations.threshold: "),
        (String::new(), &format!("owners = [{ada}]\nthreshold = 2"), "accounts.operations.threshold: "),
    ] {
        let problems = with(&roles, keys).unwrap_err();
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
    let governor =
        starting_policy(&facts()).replacen("kind = \"governor\"", &format!("kind = \"governor\"\nowners = [{ada}]"), 1);
    let problems = parse(governor.as_bytes(), &catalog()).unwrap_err().to_string();
    assert!(problems.contains("`owners` is not part of the language"), "{problems}");
}

type Change<'a> = &'a dyn Fn(&mut Snapshot);

#[test]
fn a_chain_that_lists_others_stops_everything() {
    let policy = named();
    let mut world = World::new(&policy);
    let safe = |owners: &[&str], threshold| Control::Safe {
        nonce: 0,
        threshold,
        owners: owners.iter().map(|name| address(name)).collect(),
    };
    world.snapshot.guardians = Some(vec![address("gus")]);
    world.snapshot.operators = vec![address("otto"), address("olga")];
    world.snapshot.accounts[OPERATIONS.index()].control = safe(&["bob", "ada"], 2);
    let refused = |change: Change<'_>| {
        let mut snapshot = world.snapshot.clone();
        change(&mut snapshot);
        precondition(policy.terms(), policy.hash(), &snapshot)
    };
    assert_eq!(refused(&|_| {}), None);
    let (gus, eve) = (Quantity::Address(address("gus")), Quantity::Address(address("eve")));
    let none = Quantity::None;
    let of_safe = |owners: &'static [&'static str], threshold| {
        move |it: &mut Snapshot| it.accounts[OPERATIONS.index()].control = safe(owners, threshold)
    };
    let cases: [(Rule, Quantity, Quantity, Change<'_>); 7] = [
        (Rule::GuardiansNamed, gus, none, &|it| it.guardians = None),
        (Rule::GuardiansNamed, gus, none, &|it| it.guardians = Some(vec![address("eve")])),
        (Rule::GuardiansNamed, none, eve, &|it| it.guardians = Some(vec![address("gus"), address("eve")])),
        (Rule::OperatorsNamed, none, eve, &|it| it.operators.push(address("eve"))),
        (Rule::OwnersNamed, none, eve, &of_safe(&["bob", "ada", "eve"], 2)),
        (Rule::OwnersNamed, Quantity::Address(address("ada")), none, &of_safe(&["bob"], 2)),
        (Rule::OwnersNamed, Quantity::Count(2), Quantity::Count(1), &of_safe(&["bob", "ada"], 1)),
    ];
    for (rule, limit, found, change) in cases {
        let refusal = refused(change).unwrap();
        assert_eq!((refusal.rule, refusal.limit, refusal.found), (rule, limit, found));
        let account = refusal.inputs.iter().find(|it| it.name == InputName::Account).map(|it| it.quantity);
        assert_eq!(account, (rule == Rule::OwnersNamed).then_some(Quantity::Account(OPERATIONS)));
    }
}

#[test]
fn to_name_others_permits_nothing_and_forbids_nothing() {
    let (plain, named) = (policy(&facts()), named());
    let diff = Diff::between(&plain, &named, &Effort::default());
    let differences: Vec<_> = diff.changes.iter().map(|it| (it.path.as_str(), it.mark)).collect();
    assert!(differences.iter().all(|(_, mark)| *mark == Mark::Neutral), "{differences:?}");
    assert_eq!(differences.len(), 4, "{differences:?}");
}
