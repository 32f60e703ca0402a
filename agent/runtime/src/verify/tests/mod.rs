//! Every single value of a bundle is bound to the others, or is declared not to be.

pub(crate) mod treasury;

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

fn catalog() -> Catalog {
    quaestor_strategies::catalog()
}

fn verified(value: &Value) -> Option<(Bundle, Report)> {
    let bundle = Bundle::parse(&serde_json::to_vec(value).unwrap()).ok()?;
    let report = verify_offline(&bundle, &catalog());
    Some((bundle, report))
}

#[test]
fn an_untouched_bundle_is_recomputed_whole() {
    let bundle = treasury::bundle();
    assert_eq!(bundle.proposals.len(), 2, "{:?}", bundle.decision);
    let report = verify_offline(&bundle, &catalog());
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.recomputed.len(), 8 + 2 * 2);
    assert!(report.compared.is_empty());
    assert_eq!(report.not_checked.len(), 4 + 2);
    insta::assert_snapshot!(report);
}

#[test]
fn it_survives_being_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = treasury::bundle();
    let name = bundle.publish(folder.path()).unwrap();
    let Published::Bundle(read) = read_published(&folder.path().join(name)).unwrap() else { panic!("a receipt") };
    assert_eq!(read, bundle);
    let missing = read_published(&folder.path().join("none.json")).unwrap_err();
    assert!(missing.to_string().contains("name a bundle"), "{missing}");
    std::fs::write(folder.path().join("no.json"), "{}").unwrap();
    let malformed = read_published(&folder.path().join("no.json")).unwrap_err();
    assert!(malformed.to_string().contains("not a bundle"), "{malformed}");
}

#[test]
fn what_is_flipped_is_named() {
    let original = serde_json::to_value(treasury::bundle()).unwrap();
    let safe = original["proposals"].as_array().unwrap().iter().position(|it| it["route"]["path"] == "safe").unwrap();
    let governor = 1 - safe;
    let reads = original["reads"].as_array().unwrap();
    let balance = reads.iter().position(|it| it["data"].as_str().unwrap().starts_with("0x70a08231")).unwrap();
    let cases = [
        ("/policy".to_owned(), "/decision/policy"),
        (format!("/reads/{balance}/answer"), "/snapshot/accounts"),
        ("/decision/judged/0/intent/amount".to_owned(), "/decision/judged/0/intent/amount"),
        ("/decision/nav".to_owned(), "/decision/nav"),
        (format!("/proposals/{safe}/calls/1/data"), "/proposals"),
        (format!("/proposals/{safe}/route/safe_tx_hash"), "/route/safe_tx_hash"),
        (format!("/proposals/{safe}/route/rejection_hash"), "/route/rejection_hash"),
        (format!("/proposals/{governor}/route/proposal_id"), "/route/proposal_id"),
        (format!("/proposals/{governor}/route/description"), "/route/description"),
        (format!("/proposals/{governor}/decision"), "/decision"),
        ("/model/params/lambda_permille".to_owned(), "/decision/model"),
        ("/contracts/multisend".to_owned(), "/route/rejection_hash|/route/safe_tx_hash"),
    ];
    for (pointer, named) in cases {
        let mut value = original.clone();
        let leaf = value.pointer_mut(&pointer).unwrap_or_else(|| panic!("no {pointer}"));
        *leaf = mutations(leaf).pop().unwrap();
        let (_, report) = verified(&value).unwrap_or_else(|| panic!("{pointer} does not parse"));
        let places: Vec<&str> = report.differences().map(|(_, difference)| difference.at.as_str()).collect();
        let is_named = named.split('|').any(|part| places.iter().any(|at| at.contains(part)));
        assert!(is_named, "{pointer}: {places:?}");
    }
}

#[test]
fn a_changed_verdict_is_reported() {
    let mut bundle = treasury::bundle();
    let refusal = quaestor_core::Refusal::new(
        quaestor_core::Rule::DryRun,
        quaestor_core::verdict::Quantity::None,
        quaestor_core::verdict::Quantity::None,
        bundle.snapshot.block,
        bundle.decision.policy,
    );
    bundle.decision.judged[0].verdict = quaestor_core::Verdict::Refused(refusal);
    let report = verify_offline(&bundle, &catalog());
    let (what, difference) = report.differences().next().unwrap();
    assert!(what.contains("byte for byte"));
    assert!(difference.at.starts_with("/decision/judged/0/"), "{difference:?}");
}

#[test]
fn a_value_that_no_check_binds_is_declared() {
    let original = serde_json::to_value(treasury::bundle()).unwrap();
    let whole: Bundle = serde_json::from_value(original.clone()).unwrap();
    let (mut undetected, mut detected) = (BTreeSet::new(), 0);
    for pointer in leaves("", &original) {
        for changed in mutations(original.pointer(&pointer).unwrap()) {
            let mut value = original.clone();
            *value.pointer_mut(&pointer).unwrap() = changed;
            match verified(&value) {
                // It is not a bundle any more, or means the same: hexadecimal digits may be written in either case.
                None => {}
                Some((bundle, _)) if bundle == whole => {}
                Some((_, report)) if report.is_ok() => drop(undetected.insert(pointer.clone())),
                Some(_) => detected += 1,
            }
        }
    }
    assert!(detected > 200, "{detected}");
    let declared: Vec<&str> = INFORMATIONAL.iter().chain(&ON_CHAIN_ONLY).map(|it| it.at).collect();
    let undeclared: Vec<&String> =
        undetected.iter().filter(|at| !declared.iter().any(|pattern| lies_in(at, pattern))).collect();
    assert!(undeclared.is_empty(), "{undeclared:#?}");
    // The list is not longer than it must be.
    for at in ["/program", "/reads/0/answer"] {
        assert!(undetected.iter().any(|found| found.starts_with(at.trim_end_matches("0/answer"))), "{at}");
    }
}

/// Whether `at` is at or below `pattern`, in which `*` stands for any index.
fn lies_in(at: &str, pattern: &str) -> bool {
    let mut parts = at.split('/');
    pattern.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

pub(crate) fn leaves(at: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(name, value)| leaves(&format!("{at}/{name}"), value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().flat_map(|(index, value)| leaves(&format!("{at}/{index}"), value)).collect()
        }
        _ => vec![at.to_owned()],
    }
}

/// Other values of the same type: a text with one character changed at either end and in the middle.
pub(crate) fn mutations(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => {
            let chars: Vec<char> = text.chars().collect();
            let places: BTreeSet<usize> =
                [2, chars.len() / 3, chars.len() / 2, chars.len().saturating_sub(1)].into_iter().collect();
            let flip = |place: usize| {
                let mut changed = chars.clone();
                let slot = changed.get_mut(place)?;
                *slot = if *slot == '1' { '2' } else { '1' };
                Some(Value::String(changed.into_iter().collect()))
            };
            places.into_iter().filter_map(flip).collect()
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            [number.checked_add(1), number.checked_sub(1)].into_iter().flatten().map(Value::from).collect()
        }
        Value::Bool(found) => vec![Value::Bool(!found)],
        Value::Null => vec![Value::from(1), Value::from("0x"), Value::from("1")],
        Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}
