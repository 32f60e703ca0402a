//! People whom a policy names, against the real registry, brake and Safe.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use local::fresh;
use quaestor::{
    chain::{Contracts, observe},
    devnet::{Devnet, demo_limits, people, policy_text},
    verify::connect,
};
use quaestor_contracts::{bindings::EmergencyBrake, explain::explain_refusal};
use quaestor_core::{Policy, Refusal, Rule, pipeline::precondition};

/// A policy of the local DAO that names these.
fn naming(devnet: &Devnet, guardians: &[Address], operators: &[Address], owners: &[Address], threshold: u64) -> String {
    let id = devnet.dao.chain_id;
    let list = |of: &[Address]| of.iter().map(|it| format!("\"eip155:{id}:{it}\"")).collect::<Vec<_>>().join(", ");
    let people = format!("kind = \"safe\"\nowners = [{}]\nthreshold = {threshold}", list(owners));
    let text = policy_text(&devnet.dao, demo_limits()).replacen("kind = \"safe\"", &people, 1);
    format!("{text}\n[roles]\nguardians = [{}]\noperators = [{}]\n", list(guardians), list(operators))
}

/// What the chain says to it, were it in force.
async fn refused(devnet: &Devnet, text: &str) -> Option<(Refusal, String)> {
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let controls = devnet.dao.controls;
    let contracts = Contracts { registry: controls.registry, brake: controls.brake, gate: controls.gate };
    let chain = connect(devnet.chain.url().clone()).unwrap();
    let block = chain.block(alloy::rpc::types::BlockNumberOrTag::Latest).await.unwrap();
    let mut snapshot = observe(&chain, policy.terms(), &contracts, block).await.unwrap().snapshot;
    (snapshot.anchor.policy_hash, snapshot.anchor.epoch) = (policy.hash(), 1);
    let refusal = precondition(policy.terms(), policy.hash(), &snapshot)?;
    let words = explain_refusal(policy.terms(), &refusal);
    Some((refusal, words))
}

fn addresses(of: &[PrivateKeySigner]) -> Vec<Address> {
    of.iter().map(PrivateKeySigner::address).collect()
}

#[tokio::test]
async fn who_is_named_must_be_who_the_chain_lists() {
    let devnet = fresh().await;
    let dao = &devnet.dao;
    let guardians = addresses(&dao.people.guardians);
    let operators = [dao.people.operator.address()];
    let owners: Vec<Address> = operators.into_iter().chain(addresses(&dao.people.owners)).collect();
    let right = naming(&devnet, &guardians, &operators, &owners, 3);
    assert_eq!(refused(&devnet, &right).await, None);

    let (gone, eve) = (guardians[1], dao.people.stranger.address());
    for (text, rule, expected) in [
        (
            naming(&devnet, &guardians[..1], &operators, &owners, 3),
            Rule::GuardiansNamed,
            format!("the registry lists {gone}, whom roles.guardians does not name"),
        ),
        (
            naming(&devnet, &guardians, &[operators[0], eve], &owners, 3),
            Rule::OperatorsNamed,
            format!("roles.operators names {eve}, whom the brake does not list"),
        ),
        (
            naming(&devnet, &guardians, &operators, &owners[1..], 3),
            Rule::OwnersNamed,
            format!("the Safe operations lists {}, whom accounts.operations.owners does not name", owners[0]),
        ),
        (
            naming(&devnet, &guardians, &operators, &owners, 4),
            Rule::OwnersNamed,
            "accounts.operations.threshold is 4, the Safe operations asks for 3".to_owned(),
        ),
    ] {
        let (refusal, words) = refused(&devnet, &text).await.unwrap();
        assert_eq!((refusal.rule, words), (rule, expected));
    }

    let elsewhere = right.replace(&dao.governance.governor.to_string(), &eve.to_string());
    let (refusal, words) = refused(&devnet, &elsewhere).await.unwrap();
    assert_eq!(refusal.rule, Rule::AccountListed, "the timelock lets this Governor do nothing: {words}");

    // The members list another operator: the file that was right is right no longer.
    let list = EmergencyBrake::setOperatorCall { operator: eve, listed: true };
    devnet.vote_through(&[people::call(dao.controls.brake, &list)], "# Another operator").await.unwrap();
    let (refusal, words) = refused(&devnet, &right).await.unwrap();
    assert_eq!(refusal.rule, Rule::OperatorsNamed);
    assert_eq!(words, format!("the brake lists {eve}, whom roles.operators does not name"));
}
