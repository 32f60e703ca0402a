//! `policy diff`, as a person and as a program see it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod judging;

use judging::{policy_text, quaestor, seen};
use serde_json::{Value, json};
use std::fs;

/// A folder with the policy, one that narrows a number, and one that changes several things.
fn room() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = policy_text();
    let narrow = text.replace("day_bps_max = 1500", "day_bps_max = 1200");
    let next = narrow.replace("slippage_bps_max = 50", "slippage_bps_max = 80").replace(
        "[venues.uniswap]",
        "[counterparties]\nauditor = \"eip155:31337:0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa\"\n\n[venues.uniswap]",
    );
    for (name, text) in [("old.toml", &text), ("narrow.toml", &narrow), ("next.toml", &next)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_change_is_told_in_a_terminal_and_for_a_forum() {
    let room = room();
    let path = room.path();
    fs::write(path.join("bad.toml"), "[policy]\nversion = 2\n").unwrap();
    let texts = [
        &["policy", "diff", "old.toml", "next.toml"][..],
        &["policy", "diff", "old.toml", "narrow.toml"],
        &["policy", "diff", "old.toml", "old.toml"],
        &["policy", "diff", "old.toml", "next.toml", "--md"],
        &["policy", "diff", "old.toml", "none.toml"],
        &["policy", "diff", "old.toml"],
    ];
    insta::assert_snapshot!(texts.map(|args| seen(path, args)).join("\n"));
    let (status, _, stderr) = quaestor(path, &["policy", "diff", "old.toml", "bad.toml"]);
    assert!(status == 3 && stderr.contains("bad.toml:2:11: policy.version"), "{stderr}");
}

#[test]
fn a_program_finds_verdict_witnesses_and_the_shape_of_a_seatbelt_report() {
    let room = room();
    let (status, stdout, _) = quaestor(room.path(), &["policy", "diff", "old.toml", "next.toml", "--json"]);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &told["verdict"]), (0, &json!("widens_and_narrows")));
    assert_eq!(
        told["activation"],
        json!({ "activation": "delayed", "wider": ["limits.slippage_bps_max"], "rest_differs": true })
    );
    let marks: Vec<_> = told["changes"].as_array().unwrap().iter().map(|it| (&it["path"], &it["mark"])).collect();
    let expected = [
        ("limits.day_bps_max", "narrows"),
        ("limits.slippage_bps_max", "widens"),
        ("counterparties.auditor", "widens"),
    ];
    assert_eq!(
        marks,
        expected
            .each_ref()
            .map(|(path, mark)| (json!(path), json!(mark)))
            .iter()
            .map(|(a, b)| (a, b))
            .collect::<Vec<_>>()
    );
    assert_eq!(told["changes"][1]["opens"]["refused"]["verdicts"][0]["receipt"]["rule"], "slippage_bps_max");
    let report = &told["report"]["structuredReport"];
    assert_eq!((&told["report"]["status"], &report["metadata"]["schemaVersion"]), (&json!("warning"), &json!(1)));
    assert_eq!(
        (report["checks"].as_array().unwrap().len(), report["permissionsDiff"].as_array().unwrap().len()),
        (4, 3)
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(report).unwrap());
}

#[test]
fn witnesses_are_receipts_that_verify() {
    let room = room();
    let path = room.path();
    let (status, ..) = quaestor(path, &["policy", "diff", "old.toml", "next.toml", "--out", "witnesses"]);
    assert_eq!(status, 0);
    let mut names: Vec<String> = fs::read_dir(path.join("witnesses"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "1-narrows-allowed.json",
        "1-narrows-refused.json",
        "2-widens-allowed.json",
        "2-widens-refused.json",
        "3-widens-allowed.json",
        "3-widens-refused.json",
    ];
    assert_eq!(names, expected);
    for name in names {
        let (status, stdout, _) = quaestor(path, &["verify", &format!("witnesses/{name}")]);
        let refused = if name.contains("refused") { "1 refused" } else { "0 refused" };
        assert!(status == 0 && stdout.contains(refused), "{name}: {stdout}");
    }
}
