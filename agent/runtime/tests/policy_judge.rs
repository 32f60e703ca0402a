//! `policy judge` and the receipts that it writes, as a person sees them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod judging;

use judging::{policy, policy_text, quaestor, seen, snapshot, spent, swap, write};
use quaestor_core::RiskReport;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A folder with the policy, a snapshot, a history, a modest intent and two more that go beyond.
fn room() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("policy.toml"), policy_text()).unwrap();
    let policy = policy(&policy_text());
    write(path, "snapshot.json", &snapshot(&policy));
    write(path, "history.json", &spent(&policy, 140_000));
    write(path, "intent.json", &swap(&policy, 12_000));
    write(path, "large.json", &swap(&policy, 120_000));
    let mut second = swap(&policy, 90_000);
    second.purpose = quaestor_core::Purpose::Strategy { line: second.purpose.line(), leg: 1 };
    write(path, "two.json", &[swap(&policy, 6_000), second]);
    folder
}

const JUDGE: [&str; 6] = ["policy", "judge", "--intent", "intent.json", "--snapshot", "snapshot.json"];

fn judge(folder: &Path, changed: &[(&str, &str)], more: &[&str]) -> String {
    let args = JUDGE.map(|arg| changed.iter().find(|(from, _)| *from == arg).map_or(arg, |(_, to)| *to));
    seen(folder, &[&args, more].concat())
}

#[test]
fn verdicts_are_told_with_what_they_looked_at() {
    let room = room();
    let path = room.path();
    let next = policy_text().replace("day_bps_max = 1500", "day_bps_max = 1600");
    fs::write(path.join("next.toml"), next).unwrap();
    let texts = [
        judge(path, &[], &[]),
        judge(path, &[("intent.json", "large.json")], &[]),
        judge(path, &[("intent.json", "two.json")], &["--history", "history.json"]),
        judge(path, &[("policy", "policy")], &["next.toml"]),
        judge(path, &[], &["next.toml", "--history", "history.json", "--assume-anchored", "--out", "receipt.json"]),
        seen(path, &["verify", "receipt.json"]),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_refusal_is_a_receipt_that_anyone_can_check() {
    let room = room();
    let path = room.path();
    let (status, printed, _) =
        quaestor(path, &[&JUDGE[..], &["--history", "history.json", "--json", "--out", "receipt.json"]].concat());
    assert_eq!(status, 1);
    let receipt: Value = serde_json::from_str(&printed).unwrap();
    let written: Value = serde_json::from_slice(&fs::read(path.join("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt, written);
    let refusal = &receipt["verdicts"][0]["receipt"];
    assert_eq!(
        (&refusal["rule"], &refusal["limit"]),
        (&json!("day_bps_max"), &json!({ "unit": "bps", "value": 1500 }))
    );
    assert_eq!(refusal["found"], json!({ "unit": "bps", "value": 1520 }));
    assert_eq!((&refusal["block"]["number"], refusal["policy"].as_str()), (&json!(4200), Some(&*hash())));
    insta::assert_snapshot!(
        [seen(path, &["verify", "receipt.json"]), seen(path, &["verify", "receipt.json", "--json"])].join("\n")
    );
}

fn hash() -> String {
    quaestor_core::Policy::hash(&policy(&policy_text())).to_string()
}

/// Each value of a receipt that verdicts depend on, changed a little.
#[test]
fn a_receipt_that_was_changed_is_found_out() {
    let room = room();
    let path = room.path();
    assert_eq!(quaestor(path, &[&JUDGE[..], &["--history", "history.json", "--out", "receipt.json"]].concat()).0, 1);
    let receipt: Value = serde_json::from_slice(&fs::read(path.join("receipt.json")).unwrap()).unwrap();
    let policy = receipt["policy"].as_str().unwrap();
    let changes = [
        ("/verdicts/0/receipt/found/value", json!(1_519)),
        ("/verdicts/0/receipt/rule", json!("week_bps_max")),
        ("/verdicts/0/receipt/block/number", json!(4_199)),
        ("/verdicts/0", json!({ "verdict": "allowed" })),
        ("/verdicts", json!([])),
        ("/policy", json!(policy.replace("day_bps_max = 1500", "day_bps_max = 1501"))),
        ("/policy", json!("[policy]")),
        ("/history/spends/0/value", json!("1")),
        ("/snapshot/accounts/0/balances/0", json!("300000000001")),
        ("/snapshot/assets/1/feeds/0/rounds/0/price", json!("2000000000000000000001")),
        ("/snapshot/block/number", json!(4_201)),
        ("/snapshot/anchor/epoch", json!(0)),
        ("/intents/0/value", json!("12000000000000000000001")),
        ("/forecast/model/params/lambda_permille", json!(941)),
    ];
    for (pointer, value) in changes {
        let mut changed = receipt.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        write(path, "changed.json", &changed);
        let (status, stdout, stderr) = quaestor(path, &["verify", "changed.json"]);
        assert!(status == 1 && stdout.contains("DIFFERS"), "{pointer}: {status} {stdout}{stderr}");
    }
}

#[test]
fn ceilings_look_at_a_model_or_at_what_is_stated() {
    let room = room();
    let path = room.path();
    let ceiling = policy_text().replace("[risk]", "[risk]\nvolatility_bps_max = 5000");
    let named = "kind = \"file\"\nhash = \"0x1111111111111111111111111111111111111111111111111111111111111111\"\nage_max = \"90d\"";
    let model = ceiling.replace("[venues.uniswap]", &format!("[risk.model]\n{named}\n\n[venues.uniswap]"));
    fs::write(path.join("ceiling.toml"), ceiling).unwrap();
    fs::write(path.join("model.toml"), model).unwrap();
    for (name, bps) in [("calm.json", 4_000), ("wild.json", 6_000)] {
        let forecast = RiskReport { treasury_volatility_bps: Some(bps), ..RiskReport::default() };
        write(path, name, &forecast);
    }
    let texts = [
        // One round of each feed is no history, so that the plain estimate knows nothing.
        judge(path, &[], &["ceiling.toml", "--assume-anchored"]),
        judge(path, &[], &["model.toml", "--assume-anchored"]),
        judge(path, &[], &["model.toml", "--assume-anchored", "--model", "intent.json"]),
        judge(path, &[], &["model.toml", "--assume-anchored", "--forecast", "wild.json"]),
        judge(path, &[], &["model.toml", "--assume-anchored", "--forecast", "calm.json", "--out", "receipt.json"]),
        seen(path, &["verify", "receipt.json"]),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn bad_files_are_named_with_place_and_remedy() {
    let room = room();
    let path = room.path();
    let intent = fs::read_to_string(path.join("intent.json")).unwrap();
    let files = [
        ("typo.json", intent.replace("\"counterparty\"", "\"counterpart\"")),
        ("more.json", intent.replacen('{', "{\n  \"urgent\": true,", 1)),
        ("number.json", intent.replacen("\"12000000000\"", "12000000000", 1)),
        ("word.json", intent.replacen("\"swap\"", "\"swop\"", 1)),
        ("cut.json", intent[..intent.len() / 2].to_owned()),
        ("empty.json", "[]".to_owned()),
        ("none.json", String::new()),
    ];
    let mut texts = Vec::new();
    for (name, text) in files {
        fs::write(path.join(name), text).unwrap();
        texts.push(judge(path, &[("intent.json", name)], &[]));
    }
    texts.push(judge(path, &[("snapshot.json", "intent.json")], &[]));
    texts.push(judge(path, &[("snapshot.json", "missing.json")], &["--json"]));
    texts.push(judge(path, &[], &["missing.toml"]));
    texts.push(judge(path, &[], &["--out", "no/such/folder.json"]));
    fs::write(path.join("other.json"), "{ \"quaestor_receipt\": 9 }").unwrap();
    texts.push(seen(path, &["verify", "other.json"]));
    fs::write(path.join("neither.json"), "{}").unwrap();
    texts.push(seen(path, &["verify", "neither.json"]));
    texts.push(seen(path, &["verify", "missing.json"]));
    texts.push(seen(path, &["policy", "judge", "--intent", "intent.json"]));
    insta::assert_snapshot!(texts.join("\n"));
}
