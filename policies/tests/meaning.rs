//! What a file means: its terms, its hashes, its envelope.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use proptest::prelude::*;
use quaestor_core::{
    Limits, Policy, Value,
    policy::{Counterparty, ModelFallback, ModelTerms, OnBreach, RiskTerms, Schedule},
};
use quaestor_policies::{Facts, VotedPolicy, parse, starting_policy};

fn read(text: &str) -> VotedPolicy {
    parse(text.as_bytes(), &fixture::catalog()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

#[test]
fn a_starting_policy_says_what_it_was_written_from() {
    let facts = fixture::facts();
    let policy = fixture::policy(&facts);
    let terms = policy.terms();
    // The fixture lists everything by name already.
    assert_eq!((&terms.name, terms.chain_id), (&facts.name, facts.chain_id));
    assert_eq!((terms.registry, terms.brake, terms.gate), (facts.registry, facts.brake, facts.gate));
    assert_eq!((terms.expires_at, Some(terms.validity_secs)), (facts.expires_at, facts.validity_secs));
    assert_eq!((&terms.schedule, terms.limits, &terms.risk), (&facts.schedule, facts.limits, &facts.risk));
    assert_eq!((&terms.assets, &terms.accounts, &terms.venues), (&facts.assets, &facts.accounts, &facts.venues));
    assert_eq!(terms.bands, facts.bands);
    let (name, address) = &facts.counterparties[0];
    assert_eq!(terms.counterparties, [Counterparty::new(name, *address)]);
    for (read, written) in terms.strategies.iter().zip(&facts.strategies) {
        assert_eq!((&read.name, &read.kind, read.line), (&written.name, &written.kind, keccak256(&written.name)));
        assert_eq!(read.params, written.params.iter().cloned().collect());
    }
    assert_eq!(policy.strategies().len(), 2);
}

#[test]
fn a_starting_policy_is_pleasant_to_read() {
    insta::assert_snapshot!(starting_policy(&fixture::facts()));
}

#[test]
fn the_canonical_form_is_as_documented() {
    let policy = fixture::policy(&fixture::facts());
    insta::assert_snapshot!(policy.rest());
    assert_eq!(policy.rest_hash(), keccak256(policy.rest()));
}

#[test]
fn the_hash_is_of_the_exact_bytes() {
    let text = starting_policy(&fixture::facts());
    assert_eq!(read(&text).hash(), keccak256(&text));
    let windows = text.replace('\n', "\r\n");
    assert_ne!(read(&windows).hash(), read(&text).hash());
    assert_eq!(read(&windows).rest_hash(), read(&text).rest_hash());
}

#[test]
fn what_says_the_same_otherwise_has_the_same_rest() {
    let facts = Facts { risk: RiskTerms { history_rounds: 128, ..Default::default() }, ..fixture::facts() };
    let text = starting_policy(&facts);
    let same = [
        ("history_rounds = 128", ""),
        ("[risk]\nhistory_rounds = 128", ""),
        ("validity = \"48h\"", "validity = \"2d\""),
        ("validity = \"48h\"", "validity = \"172800s\""),
        ("schedule = \"0 0 0 * * *\"", "\"schedule\" = '0  0 0 *  * *'"),
        ("decimals = 18", "decimals = 1_8"),
        ("[counterparties]", "[counterparties] # nobody else"),
    ];
    for (from, to) in same {
        assert!(text.contains(from), "{from}");
        let changed = read(&text.replacen(from, to, 1));
        assert_eq!(changed.rest(), read(&text).rest(), "{from} -> {to}");
    }
}

#[test]
fn every_other_meaning_has_another_rest() {
    let text = starting_policy(&fixture::facts());
    let others = [
        ("Example DAO", "Another DAO"),
        ("2028-01-01", "2028-01-02"),
        ("0 0 0 * * *", "0 0 1 * * *"),
        ("validity = \"48h\"", "validity = \"47h\""),
        ("staleness_max = \"26h\"", "staleness_max = \"27h\""),
        ("min_bps = 1500", "min_bps = 1501"),
        ("volatility_bps_max = 6000", "volatility_bps_max = 6001"),
        ("history_rounds = 90", "history_rounds = 91"),
        ("fee_pips = 3000", "fee_pips = 500"),
        ("auditor = ", "accountant = "),
        ("100 USD", "101 USD"),
        ("kind = \"native\"", "kind = \"volatile\""),
    ];
    let mut seen = vec![read(&text).rest_hash()];
    for (from, to) in others {
        assert!(text.contains(from), "{from}");
        let rest_hash = read(&text.replacen(from, to, 1)).rest_hash();
        assert!(!seen.contains(&rest_hash), "{from} -> {to}");
        seen.push(rest_hash);
    }
}

#[test]
fn what_is_said_of_risk_is_read_and_written_back() {
    let terms = RiskTerms {
        history_rounds: 256,
        value_at_risk_bps_max: Some(1_200),
        expected_shortfall_bps_max: Some(1_800),
        drawdown_probability_bps_max: Some(2_500),
        on_breach: OnBreach::Hold,
        fallback: ModelFallback::Hold,
        burn_monthly: Value::parse("120000").unwrap(),
        epsilon_permille_year_max: Some(8_000),
        model: ModelTerms::File { hash: keccak256("a model"), age_secs_max: 90 * 86_400 },
        ..RiskTerms::default()
    };
    let trained = ModelTerms::Trained { schedule: "0 0 3 * * Mon".into(), age_secs_max: 86_400, auc_bps_min: 6_000 };
    let mut seen = Vec::new();
    for risk in [RiskTerms { model: trained, ..terms.clone() }, terms] {
        let policy = read(&starting_policy(&Facts { risk: risk.clone(), ..fixture::facts() }));
        assert_eq!(policy.terms().risk, risk);
        seen.push(policy.rest_hash());
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn what_is_wrong_of_risk_is_said_at_its_place() {
    let text = starting_policy(&fixture::facts());
    for (written, said) in [
        ("on_breach = \"stop\"", "`stop` is not known here; write one of: only-reduce, hold"),
        ("burn_monthly = \"120000\"", "`120000` is not a sum of money; write such as `\"120000 USD\"`"),
        ("epsilon_year_max = \"0\"", "`0` is not a privacy budget"),
        ("drawdown_probability_bps_max = 10001", "10001"),
        ("model = { kind = \"file\", age_max = \"90d\" }", "hash"),
        ("model = { kind = \"ewma\", hash = \"0x00\" }", "hash"),
        (
            "model = { kind = \"trained\", schedule = \"0 3 * * Mon\", age_max = \"9d\", auc_bps_min = 1 }",
            "five fields",
        ),
    ] {
        let changed = text.replacen("[risk]", &format!("[risk]\n{written}"), 1);
        let problems = parse(changed.as_bytes(), &fixture::catalog()).unwrap_err();
        assert!(problems.to_string().contains(said), "{written}: {problems}");
    }
}

#[test]
fn an_unset_number_is_the_widest() {
    let limits = Limits { slippage_bps_max: 30, validity_secs_max: 86_400, ..Limits::default() };
    let facts = Facts { limits, validity_secs: None, schedule: Schedule::EveryBlocks(7_200), ..fixture::facts() };
    let policy = fixture::policy(&facts);
    assert_eq!(policy.envelope(), limits.envelope());
    assert_eq!((policy.envelope()[0], policy.envelope()[5], policy.envelope()[16]), (u64::MAX, 30, 0));
    assert_eq!(policy.terms().validity_secs, 86_400);
}

/// The blocks of a file, each a section with its comments; blocks may stand in any order, but strategies keep theirs.
fn shuffled(text: &str, order: &[prop::sample::Index]) -> String {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let (strategies, mut others): (Vec<&str>, Vec<&str>) =
        blocks.iter().partition(|block| block.contains("[[strategies]]"));
    for (position, index) in order.iter().enumerate().take(others.len()) {
        let other = index.index(others.len());
        others.swap(position, other);
    }
    others.into_iter().chain(strategies).collect::<Vec<_>>().join("\n\n")
}

/// The same lines with other spaces, comments and quotes.
fn respaced(text: &str, spaces: usize) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((key, value)) if !line.starts_with(['#', ' ']) && !value.ends_with('[') => {
            let value = value.split(" # ").next().unwrap_or(value);
            format!("{0}{key}{0} ={0}{value}{0}# changed\n", " ".repeat(spaces))
        }
        _ if line.starts_with('#') => "# another comment\n\n".to_owned(),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let bps = || 0u64..=10_000;
    let windows = prop::array::uniform4(0u64..=1_000_000);
    // The target of the own token, 10 %, stays within its greatest share.
    let native = prop_oneof![1_000u64..=10_000, Just(u64::MAX)];
    let caps = (bps(), windows, 0u64..=9_999, bps(), native);
    (caps, 1u64..1_000_000, 0u64..=10_000, 172_800u64..1_000_000, 0u64..=6_000, 1u64..1_000_000).prop_map(
        |((proposal, window_bps_max, slippage, deviation, native), age, per_day, validity, stable, cooldown)| Limits {
            proposal_bps_max: proposal,
            window_bps_max,
            slippage_bps_max: slippage,
            price_age_secs_max: age,
            price_deviation_bps_max: deviation,
            proposals_per_day_max: per_day,
            validity_secs_max: validity,
            native_share_bps_max: native,
            stable_share_bps_min: stable,
            price_quorum_min: 1,
            cooldown_secs_min: cooldown,
        },
    )
}

proptest! {
    // Each case reads a whole file or two, unoptimised.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn formatting_changes_neither_rest_nor_envelope(
        order in prop::collection::vec(any::<prop::sample::Index>(), 30), spaces in 0usize..4
    ) {
        let text = starting_policy(&fixture::facts());
        let other = respaced(&shuffled(&text, &order), spaces);
        let (policy, changed) = (read(&text), read(&other));
        prop_assert_eq!(policy.rest(), changed.rest());
        prop_assert_eq!(policy.rest_hash(), changed.rest_hash());
        prop_assert_eq!(policy.envelope(), changed.envelope());
        prop_assert_eq!(policy.terms(), changed.terms());
    }

    #[test]
    fn the_numbers_of_the_envelope_are_not_in_the_rest(limits in any_limits()) {
        let policy = fixture::policy(&Facts { limits, ..fixture::facts() });
        prop_assert_eq!(policy.rest_hash(), fixture::policy(&fixture::facts()).rest_hash());
        prop_assert_eq!(policy.envelope(), limits.envelope());
        prop_assert_eq!(policy.terms().limits, limits);
    }

    #[test]
    fn no_bytes_make_the_parser_fail_otherwise_than_by_problems(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!parse(&bytes, &fixture::catalog()).unwrap_err().problems.is_empty());
    }

    #[test]
    fn a_file_with_one_damaged_place_is_read_or_refused_in_words(at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let mut bytes = starting_policy(&fixture::facts()).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(problems) = parse(&bytes, &fixture::catalog()) {
            prop_assert!(problems.problems.iter().all(|problem| problem.line > 0 && !problem.message.is_empty()));
        }
    }
}
