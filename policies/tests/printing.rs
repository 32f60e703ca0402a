//! A policy that is printed reads as the same policy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;
mod mutation;

use mutation::{Dice, mutated, read, texts};
use proptest::prelude::*;
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;

fn same(found: &VotedPolicy, read: &VotedPolicy) {
    assert_eq!(found.terms(), read.terms());
    assert_eq!(found.envelope(), read.envelope());
    assert_eq!((found.rest(), found.rest_hash()), (read.rest(), read.rest_hash()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn parse_print_parse_is_the_identity(seed: u64, which in 0usize..3, edits in 0u64..12) {
        let (policy, text) = mutated(&mut Dice(seed), texts()[which], edits);
        let printed = policy.to_toml();
        let again = read(&printed);
        same(&again, &policy);
        prop_assert_eq!(again.to_toml(), printed, "{}", text);
    }
}

#[test]
fn the_one_spelling_is_pleasant_to_read() {
    insta::assert_snapshot!(read(texts()[2]).to_toml());
}

#[test]
fn a_variation_is_printed_with_its_values() {
    let base = fixture::policy(&fixture::facts());
    let changes = [("limits.week_bps_max", quaestor_core::strategy::ParamValue::Integer(1_234))];
    let varied = base.vary(&changes, &fixture::catalog()).unwrap();
    let printed = varied.to_toml();
    assert!(printed.contains("week_bps_max = 1234"), "{printed}");
    same(&quaestor_policies::parse(printed.as_bytes(), &fixture::catalog()).unwrap(), &varied);
}
