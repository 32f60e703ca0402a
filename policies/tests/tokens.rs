//! Tokens whose code a policy pins: what the chain must have there, and what a change of it opens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::{B256, keccak256};
use fixture::{World, address, catalog, facts};
use quaestor_core::{Policy, Rule, pipeline::precondition, snapshot::CodeReading, verdict::Quantity};
use quaestor_policies::{
    VotedPolicy,
    diff::{Diff, Effort, Mark, Overall},
    parse, starting_policy,
};

/// The policy of the fixture, in which the code of WETH has this hash, or any.
fn pinned(code_hash: Option<B256>) -> VotedPolicy {
    let mut facts = facts();
    facts.assets.iter_mut().find(|asset| asset.symbol == "WETH").unwrap().code_hash = code_hash;
    parse(starting_policy(&facts).as_bytes(), &catalog()).unwrap()
}

#[test]
fn nothing_is_proposed_while_a_token_has_other_code() {
    let (said, other) = (keccak256("token code"), keccak256("another code"));
    let policy = pinned(Some(said));
    let mut world = World::new(&policy);
    let refused = |world: &World| precondition(policy.terms(), policy.hash(), &world.snapshot);
    // What was not read is not known.
    assert_eq!(refused(&world).unwrap().rule, Rule::SnapshotComplete);
    world.snapshot.code.push(CodeReading { address: address("WETH"), code_hash: said });
    assert_eq!(refused(&world), None);
    world.snapshot.code[1].code_hash = other;
    let refusal = refused(&world).unwrap();
    let found = (refusal.rule, refusal.limit, refusal.found);
    assert_eq!(found, (Rule::AssetCodeHash, Quantity::Hash(said), Quantity::Hash(other)));
    world.snapshot.code[1] = CodeReading { address: address("USDC"), code_hash: said };
    assert_eq!(refused(&world).unwrap().rule, Rule::AssetCodeHash, "the code of something else");
}

#[test]
fn who_pins_a_token_narrows_and_who_no_longer_does_widens() {
    let [any, one, other] = [None, Some(keccak256("one")), Some(keccak256("other"))].map(pinned);
    for (old, new, overall, mark) in [
        (&any, &one, Overall::Narrows, Mark::Narrows),
        (&one, &any, Overall::Widens, Mark::Widens),
        (&one, &other, Overall::WidensAndNarrows, Mark::WidensAndNarrows),
    ] {
        let diff = Diff::between(old, new, &Effort::default());
        let [change] = diff.changes.as_slice() else { panic!("{}", diff.text()) };
        assert_eq!(change.path, "assets.WETH.code_hash");
        assert_eq!((diff.verdict, change.mark), (overall, mark), "{}", diff.text());
        assert!(diff.text().contains("while the code of WETH is 0x"), "{}", diff.text());
        assert!(diff.text().contains("refuses by assets.*.code_hash"), "{}", diff.text());
    }
}

#[test]
fn explain_says_which_tokens_are_called_whatever_their_code() {
    let told =
        |policy: &VotedPolicy| policy.explain(&catalog()).to_text().split_whitespace().collect::<Vec<_>>().join(" ");
    let (any, one) = (told(&pinned(None)), told(&pinned(Some(keccak256("one")))));
    assert!(any.contains("It calls every token at its address, whatever code is there."), "{any}");
    let hash = keccak256("one");
    assert!(
        one.contains(&format!("If the code of WETH had another hash than {hash}, nothing would be proposed.")),
        "{one}"
    );
    assert!(!one.contains("every token at its address"), "{one}");
}
