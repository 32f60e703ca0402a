//! What a person reads of a change of policy, kind by kind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod mutation;

use mutation::{read, texts};
use quaestor_policies::diff::{Diff, Effort, Evidence, Mark};

fn rich() -> &'static str {
    texts()[2]
}

/// `text` with one thing written otherwise.
fn with(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

/// What is told of each change.
fn changes(diff: &Diff) -> String {
    let text = diff.text();
    text.split_once("\n\n").unwrap().1.to_owned()
}

/// Each with what it is written as now and then; both directions are held against each other.
const NUMBERS: [(&str, &str); 29] = [
    ("proposal_bps_max = 300", "proposal_bps_max = 200"),
    ("hour_bps_max = 300", "hour_bps_max = 250"),
    ("day_bps_max = 500", "day_bps_max = 499"),
    ("week_bps_max = 1000", ""),
    ("month_bps_max = 2500", "month_bps_max = 1200"),
    ("slippage_bps_max = 50", "slippage_bps_max = 51"),
    ("proposals_per_day_max = 4", "proposals_per_day_max = 2"),
    ("cooldown_min = \"1h\"", "cooldown_min = \"4h\""),
    ("stable_share_bps_min = 2500", "stable_share_bps_min = 4000"),
    ("price_quorum_min = 1", "price_quorum_min = 0"),
    ("volatility_bps_max = 8000", "volatility_bps_max = 7000"),
    ("value_at_risk_bps_max = 600", ""),
    ("on_breach = \"only-reduce\"", "on_breach = \"hold\""),
    ("WETH = { min_bps = 1000,", "WETH = { min_bps = 1500,"),
    ("target_bps = 3000, max_bps = 4000", "target_bps = 3000, max_bps = 3500"),
    ("sUSDC = { min_bps = 0, target_bps = 1000, max_bps = 3000 }", ""),
    ("share_bps_max = 6000", "share_bps_max = 5000"),
    (
        "decimals = 18\nfeeds = [\"eip155:1:0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9\"]\nstaleness_max = \"2h\"",
        "decimals = 18\nfeeds = [\"eip155:1:0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9\"]\nstaleness_max = \"1h\"",
    ),
    ("expires = \"2028-01-01T00:00:00Z\"", "expires = \"2027-07-01T00:00:00Z\""),
    ("min_bps = 1500\nmax_bps = 6000", "min_bps = 2500\nmax_bps = 6000"),
    ("min_bps = 1500\nmax_bps = 6000", "min_bps = 1500\nmax_bps = 4500"),
    ("native_share_bps_max = 4500", "native_share_bps_max = 3000"),
    ("\nshare_bps_max = 4000", "\nshare_bps_max = 2500"),
    ("proposal_bps_max = 250", "proposal_bps_max = 150"),
    ("day_bps_max = 290, ", ""),
    ("month_bps_max = 900", "month_bps_max = 600"),
    ("amount = \"90000 USDC\"", "amount = \"85000.5 USDC\""),
    ("end = \"2027-12-01T00:00:00Z\"", "end = \"2027-08-01T00:00:00Z\""),
    ("catch_up = 1", "catch_up = 3"),
];

/// A number has a witness for each direction, and none for the other.
#[test]
fn a_number_that_is_tightened_narrows_and_one_that_is_loosened_widens() {
    let mut told = String::new();
    for (from, to) in NUMBERS {
        // What a list of targets no longer sums to is not what is asked here.
        let (here, there) = (read(rich()), read(&with(rich(), from, to)));
        for (old, new) in [(&here, &there), (&there, &here)] {
            let diff = Diff::between(old, new, &Effort::default());
            let [change] = diff.changes.as_slice() else { panic!("{}", diff.text()) };
            let (found, other) =
                if change.opens.may_be() { (&change.opens, &change.closes) } else { (&change.closes, &change.opens) };
            let nothing = from.starts_with("price_quorum");
            assert_eq!(*other, Evidence::RuledOut, "{}", diff.text());
            assert!(nothing || found.witness().is_some_and(|witness| witness.whole), "{}", diff.text());
            told += &changes(&diff);
        }
    }
    insta::assert_snapshot!(told);
}

/// A model that a policy refuses leaves its place to another forecast, which may be lower: only where none takes it, or no
/// ceiling looks at it, is a stricter choice of models a narrower policy.
#[test]
fn a_stricter_choice_of_models_narrows_only_where_no_other_forecast_takes_the_place() {
    let file = ["0x", &"12".repeat(32)].concat();
    let trained =
        "model = { kind = \"trained\", schedule = \"0 0 3  * * Mon\", age_max = \"90d\", auc_bps_min = 6000 }";
    let named = with(rich(), trained, &format!("model = {{ kind = \"file\", hash = \"{file}\", age_max = \"90d\" }}"));
    let named = with(&named, "fallback = \"ewma\"", "fallback = \"hold\"");
    let unheard = with(rich(), "volatility_bps_max = 8000\nvalue_at_risk_bps_max = 600\n", "");
    let unheard = with(&unheard, "on_breach = \"only-reduce\"\n", "");
    let unheard = with(&unheard, "[emergency]\nonly_reduce = [\"transfers\", \"swaps\"]\n", "");
    for (from, to) in [
        ("members = [\"alpha\", \"beta dao\"]\npresent_min = 2", "members = [\"alpha\"]\npresent_min = 1"),
        (
            "members = [\"alpha\", \"beta dao\"]\npresent_min = 2",
            "members = [\"alpha\", \"beta dao\"]\npresent_min = 1",
        ),
    ] {
        let mark = |text: &str| {
            let diff = Diff::between(&read(text), &read(&with(text, from, to)), &Effort::default());
            diff.changes.iter().map(|change| change.mark).collect::<Vec<_>>()
        };
        assert!(mark(rich()).iter().all(|mark| *mark == Mark::WidensAndNarrows), "{to}: {:?}", mark(rich()));
        assert!(
            mark(&named).iter().all(|mark| matches!(mark, Mark::Narrows | Mark::Widens)),
            "{to}: {:?}",
            mark(&named)
        );
        assert!(mark(&unheard).iter().all(|mark| *mark == Mark::Neutral), "{to}: {:?}", mark(&unheard));
    }
    let budget = |from: &str, to: &str| {
        let diff =
            Diff::between(&read(from), &read(&with(from, "epsilon_year_max = \"8.50\"", to)), &Effort::default());
        diff.changes[0].mark
    };
    assert_eq!(budget(rich(), "epsilon_year_max = \"8\""), Mark::WidensAndNarrows);
    assert_eq!(budget(&unheard, "epsilon_year_max = \"8\""), Mark::Narrows, "it spends less of what members have");
    // Without its model one proposes nothing, whether a ceiling looks at forecasts or not.
    for text in [rich(), &unheard] {
        let diff = Diff::between(
            &read(text),
            &read(&with(text, "fallback = \"ewma\"", "fallback = \"hold\"")),
            &Effort::default(),
        );
        assert_eq!(diff.changes[0].mark, Mark::Narrows, "{}", diff.text());
    }
}

/// What is listed, what is read, what is sought, when.
const OTHERS: [(&str, &str); 39] = [
    ("auditor = \"eip155:1:0x9999999999999999999999999999999999990002\"\n", ""),
    (
        "payroll = \"eip155:1:0x9999999999999999999999999999999999990003\"",
        "salaries = \"eip155:1:0x9999999999999999999999999999999999990003\"",
    ),
    (
        "payroll = \"eip155:1:0x9999999999999999999999999999999999990003\"",
        "payroll = \"eip155:1:0x9999999999999999999999999999999999990007\"",
    ),
    (", { fee_pips = 100, pair = [\"DAI\", \"USDC\"] }", ""),
    ("{ pair = [\"WETH\", \"USDC\"], fee_pips = 500 }", "{ pair = [\"USDC\", \"WETH\"], fee_pips = 500 }"),
    (
        "code_hash = \"0x1111111111111111111111111111111111111111111111111111111111111111\"",
        "code_hash = \"0x1111111111111111111111111111111111111111111111111111111111111112\"",
    ),
    (
        "grants.kind = \"safe\"\ngrants.address = \"eip155:1:0x4444444444444444444444444444444444440444\"\n",
        "grants.kind = \"safe\"\ngrants.address = \"eip155:1:0x4444444444444444444444444444444444440445\"\n",
    ),
    (
        "proposer = \"eip155:1:0x7777777777777777777777777777777777777777\"",
        "proposer = \"eip155:1:0x7777777777777777777777777777777777777778\"",
    ),
    ("kind = \"native\"", "kind = \"stable\""),
    ("kind = \"native\"", "kind = \"volatile\""),
    (", \"eip155:1:0x8888888888888888888888888888888888880003\"]", "]"),
    ("price_deviation_bps_max = 200", "price_deviation_bps_max = 100"),
    ("price_age_max = \"25h\"", "price_age_max = \"30h\""),
    ("price_age_max = \"25h\"", "price_age_max = \"1h\""),
    (
        "brake = \"eip155:1:0x2222222222222222222222222222222222222222\"",
        "brake = \"eip155:1:0x2222222222222222222222222222222222222223\"",
    ),
    ("schedule = \"0  0 8 * * Mon-Fri\"", "schedule = \"0 0 8 * * *\""),
    ("validity = \"2880m\"", "validity = \"60h\""),
    ("trade_min = \"5000 USD\"", "trade_min = \"4000 USD\""),
    ("target_bps = 3000, max_bps = 7000", "target_bps = 2500, max_bps = 7000"),
    ("epsilon_year_max = \"8.50\"", "epsilon_year_max = \"9\""),
    ("review = \"2027-05-01T00:00:00Z\"\n", ""),
    ("only_reduce = [\"transfers\", \"swaps\"]", "only_reduce = [\"transfers\", \"redemptions\"]"),
    ("[emergency]\nonly_reduce = [\"transfers\", \"swaps\"]\n", ""),
    ("members = [\"alpha\", \"beta dao\"]", "members = [\"alpha\", \"gamma\"]"),
    ("history_step = \"12h\"\n", ""),
    ("present_min = 2", "present_min = 1"),
    ("present_min = 2", "present_min = 2\naggregation = \"krum\""),
    (
        "twaps = [{ quote = \"USDC\", window = \"1800s\", pool = \"eip155:1:0x8888888888888888888888888888888888880009\" }]\n",
        "",
    ),
    ("window = \"1800s\"", "window = \"1h\""),
    ("[limits]\n", "[oracles]\non_disagreement = \"hold\"\n\n[limits]\n"),
    ("[groups.blue]\nassets = [\"VOTE\", \"WETH\"]\nmin_bps = 1500\nmax_bps = 6000\n", ""),
    ("[groups.blue]", "[groups.chips]"),
    ("assets = [\"VOTE\", \"WETH\"]", "assets = [\"WETH\"]"),
    (", proposal_bps_max = 250, day_bps_max = 290, month_bps_max = 900 }", " }"),
    (
        "team = \"eip155:1:0x9999999999999999999999999999999999990005\"",
        "team = { address = \"eip155:1:0x9999999999999999999999999999999999990006\", week_bps_max = 100 }",
    ),
    ("to = \"team\"", "to = \"auditor\""),
    ("every = \"14d\"", "every = \"quarter\""),
    ("begin = \"2027-01-01T00:00:00Z\"", "begin = \"2027-01-15T00:00:00Z\""),
    ("name = \"salaries\"\naccount = \"operations\"", "name = \"salaries\"\naccount = \"grants\""),
];

#[test]
fn every_other_kind_of_change_says_what_it_does() {
    let mut told = String::new();
    for (from, to) in OTHERS {
        let diff = Diff::between(&read(rich()), &read(&with(rich(), from, to)), &Effort::default());
        told += &changes(&diff);
        told += &format!("     overall {}, on chain {}\n", diff.verdict.word(), diff.activation.sentence());
        told += &diff.warning().map_or_else(String::new, |warning| format!("     {warning}\n"));
        told += "\n";
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_rule_that_another_one_makes_pointless_is_masked_by_it() {
    let base = with(rich(), "week_bps_max = 1000", "week_bps_max = 400");
    let diff =
        Diff::between(&read(&base), &read(&with(&base, "day_bps_max = 500", "day_bps_max = 900")), &Effort::default());
    let [change] = diff.changes.as_slice() else { panic!("{}", diff.text()) };
    assert_eq!(change.opens, Evidence::Masked { rule: "limits.week_bps_max".into() });
    assert_eq!((diff.verdict.word(), change.mark.word()), ("neutral", "neutral"));
    // A wider number waits its delay all the same.
    assert_eq!(diff.activation.sentence(), "waits the registry's delay: wider: limits.day_bps_max");
    // Where the other rule is tightened in the same vote, the one widens alone, and the vote narrows as a whole.
    let tighter =
        with(&with(rich(), "day_bps_max = 500", "day_bps_max = 900"), "week_bps_max = 1000", "week_bps_max = 400");
    let diff = Diff::between(&read(rich()), &read(&tighter), &Effort::default());
    let marks: Vec<&str> = diff.changes.iter().map(|change| change.mark.word()).collect();
    assert_eq!((diff.verdict.word(), marks), ("narrows", vec!["widens", "narrows"]), "{}", diff.text());
    let witness = diff.changes[0].opens.witness().unwrap();
    assert!(
        !witness.whole && witness.sentence.contains("new refuses it by limits.week_bps_max"),
        "{}",
        witness.sentence
    );
}

#[test]
fn numbers_of_the_envelope_that_only_narrow_are_in_force_at_once() {
    let narrow = with(rich(), "day_bps_max = 500", "day_bps_max = 400");
    let diff = Diff::between(&read(rich()), &read(&narrow), &Effort::default());
    assert_eq!(serde_json::to_value(&diff.activation).unwrap(), serde_json::json!({ "activation": "at_once" }));
    let both = with(&narrow, "name = \"rebalance\"", "name = \"balance\"");
    let diff = Diff::between(&read(rich()), &read(&both), &Effort::default());
    let told = serde_json::json!({ "activation": "delayed", "wider": [], "rest_differs": true });
    assert_eq!(serde_json::to_value(&diff.activation).unwrap(), told);
}

#[test]
fn a_whole_vote_reads_well() {
    let old = texts()[0];
    let new = with(old, "day_bps_max = 500", "day_bps_max = 600");
    let new = with(&new, "slippage_bps_max = 50", "slippage_bps_max = 30");
    let new = with(&new, "name = \"Balanced treasury\"", "name = \"Balanced treasury, autumn\"");
    let new = with(
        &new,
        "# Returns the shares",
        "[counterparties]\nauditor = \"eip155:1:0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa\"\n\n# Returns the shares",
    );
    let diff = Diff::between(&read(old), &read(&new), &Effort::default());
    insta::assert_snapshot!("a_whole_vote_in_a_terminal", diff.text());
    insta::assert_snapshot!("a_whole_vote_in_a_forum", diff.markdown());
}

#[test]
fn another_chain_has_nothing_in_common() {
    let other = rich().replace("eip155:1\"", "eip155:10\"").replace("eip155:1:", "eip155:10:");
    let diff = Diff::between(&read(rich()), &read(&other), &Effort { trials: 500, random: 0 });
    let chain = diff.changes.iter().find(|change| change.path == "policy.chain").unwrap();
    assert_eq!(chain.mark.word(), "widens and narrows");
    let opens = chain.opens.witness().unwrap();
    assert!(
        opens.whole && opens.sentence.contains("old refuses by policy.chain (limit 1, found 10)"),
        "{}",
        opens.sentence
    );
    assert_eq!(diff.verdict.word(), "widens and narrows");
}
