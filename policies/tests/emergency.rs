//! What goes on where only what reduces risk does, who may have trained a model, and when members look again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::{RESERVE, USDC, WETH, World, address, catalog, facts, policy_with, text_with};
use quaestor_core::{Policy, Rule, Verdict, policy::OnlyReduce, snapshot::Tally};
use quaestor_policies::{VotedPolicy, parse};

const ALL: OnlyReduce = OnlyReduce { transfers: true, swaps: true, redemptions: true };

fn only(list: &str) -> VotedPolicy {
    policy_with(&facts(), &format!("[emergency]\nonly_reduce = [{list}]"))
}

fn problems(sections: &str) -> String {
    parse(text_with(&facts(), sections).as_bytes(), &catalog()).unwrap_err().to_string()
}

#[test]
fn above_a_ceiling_goes_on_what_the_policy_lists() {
    for (list, transfers, swaps) in [
        ("\"transfers\", \"swaps\", \"redemptions\"", true, true),
        ("\"swaps\"", false, true),
        ("\"transfers\"", true, false),
        ("\"redemptions\"", false, false),
    ] {
        let policy = only(list);
        let mut world = World::new(&policy);
        let intents = [
            (world.transfer(&policy, RESERVE, USDC, 1, address("operations")), transfers),
            (world.swap(&policy, WETH, USDC, 1, 0), swaps),
            (world.swap(&policy, USDC, WETH, 1_000, 0), false),
        ];
        for (forecast, is_breached) in [(Some(6_000), false), (Some(6_001), true), (None, true)] {
            world.risk.treasury_volatility_bps = forecast;
            for (intent, goes_on) in &intents {
                match policy.judge(&world.cx(&policy), &Tally::default(), intent) {
                    Verdict::Allowed => assert!(!is_breached || *goes_on, "{list}: {intent:?}"),
                    Verdict::Refused(refusal) => {
                        assert!(is_breached && !*goes_on, "{list}: {refusal:?}");
                        assert_eq!(refusal.rule, Rule::VolatilityBpsMax);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_said_is_all_of_it_and_another_file() {
    let (unsaid, said) = (policy_with(&facts(), ""), only("\"transfers\", \"swaps\", \"redemptions\""));
    assert_eq!((unsaid.terms().risk.only_reduce, said.terms().risk.only_reduce), (ALL, ALL));
    let fewer = only("\"transfers\", \"swaps\"");
    assert_eq!(fewer.terms().risk.only_reduce, OnlyReduce { redemptions: false, ..ALL });
    assert!(fewer.rest().contains(r#""emergency":{"only_reduce":["transfers","swaps"]}"#), "{}", fewer.rest());
}

#[test]
fn a_review_and_a_federation_are_read_and_part_of_what_is_voted() {
    let federation = "[federation]\nmembers = [\"alpha\", \"beta\"]\npresent_min = 2\naggregation = \"krum\"";
    let text = text_with(&facts(), federation);
    let text = text.replacen("version = 1", "version = 1\nreview = \"2027-02-01T00:00:00Z\"", 1);
    let policy = parse(text.as_bytes(), &catalog()).unwrap_or_else(|problems| panic!("{problems}"));
    let terms = policy.terms();
    let found = &terms.risk.federation;
    assert_eq!((found.members.as_slice(), found.present_min), (&["alpha".to_owned(), "beta".to_owned()][..], 2));
    assert_eq!((found.aggregation.as_deref(), terms.review_at), (Some("krum"), 1_801_440_000));
    assert!(policy.rest().contains(r#""review":1801440000"#), "{}", policy.rest());
    let unsaid = policy_with(&facts(), "");
    assert_eq!((unsaid.terms().review_at, unsaid.terms().risk.federation.present_min), (u64::MAX, 0));
}

#[test]
fn slips_say_where_and_what_to_write() {
    for (sections, expected) in [
        ("[emergency]\nonly_reduce = []", "emergency.only_reduce: is empty, so that nothing would go on"),
        (
            "[emergency]\nonly_reduce = [\"swap\"]",
            "`swap` is not known here; write one of: transfers, swaps, redemptions",
        ),
        ("[emergency]\nonly_reduce = [\"swaps\", \"swaps\"]", "emergency.only_reduce[1]: is listed twice; remove one"),
        ("[emergency]\nguardian = \"me\"", "emergency.guardian: `guardian` is not part of the language"),
        ("[federation]\nmembers = []", "federation.members: is empty, so that no model would do"),
        ("[federation]\nmembers = [\"\"]", "federation.members[0]: is no name of a member; write 1 to 128 bytes"),
        ("[federation]\nmembers = [\"a\", \"a\"]", "federation.members[1]: this member is listed twice; remove one"),
        (
            "[federation]\nmembers = [\"a\", \"b\"]\npresent_min = 3",
            "federation.present_min: is 3, and `members` names 2, so that no model would do; write at most that",
        ),
        ("[federation]\naggregation = \"mean\"", "`mean` is not known here; write one of: weighted-mean,"),
    ] {
        let found = problems(sections);
        assert!(found.contains(expected), "{expected}\n{found}");
    }
    let late = text_with(&facts(), "").replacen("version = 1", "version = 1\nreview = \"2029-01-01T00:00:00Z\"", 1);
    let found = parse(late.as_bytes(), &catalog()).unwrap_err().to_string();
    assert!(found.contains("policy.review: is not before `expires`, when nothing is permitted any more"), "{found}");
}
