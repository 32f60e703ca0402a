//! `quaestor policy impact`, as a member meets it who is asked to vote on a change.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const OLD: &str = "policies/library/balanced.toml";
const WORLD: [&str; 4] = ["--data", "simulations/data/daily", "--assume", "simulations/examples/balanced.toml"];
const YEAR: [&str; 4] = ["--from", "2020-01-01", "--to", "2020-12-31"];

fn impact(old: &str, new: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(ROOT).args(["policy", "impact", old, new]).args(more).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(old: &str, new: &str, more: &[&str]) -> Value {
    let output = impact(old, new, &[more, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The old policy with one line changed.
fn changed(folder: &Path, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(Path::new(ROOT).join(OLD)).unwrap();
    assert!(text.contains(from), "the policy has no `{from}`");
    let path = folder.join("new.toml");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

#[test]
fn a_member_reads_what_a_change_would_have_done() {
    let folder = tempfile::tempdir().unwrap();
    let new = changed(folder.path(), "proposal_bps_max = 300", "proposal_bps_max = 100");
    let scenarios = ["--scenario", "march-2020", "--scenario", "stable-depeg"];
    let found = text(&impact(OLD, new.to_str().unwrap(), &[&WORLD[..], &YEAR, &scenarios].concat()));
    // How long it took is nobody's golden text, and it says none.
    insta::assert_snapshot!("policy_impact", found);
}

#[test]
fn the_same_policy_changes_nothing() {
    let found = json(OLD, OLD, &[&WORLD[..], &YEAR].concat());
    let findings: Vec<&str> = found["findings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(
        findings,
        [
            "On this history the change would have changed nothing: the same proposals at the same times.",
            "In 10 of 10 scenarios it would have made no difference.",
        ]
    );
    assert_eq!(found["old"], found["new"]);
    let figures = found["differences"]["figures"].as_object().unwrap();
    assert!(figures.len() > 20 && figures.values().all(|it| it["difference"].as_f64().is_none_or(|it| it == 0.0)));
    assert_eq!(found["differences"]["parts_at"], Value::Null);
}

#[test]
fn history_under_each_is_what_a_backtest_of_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let new = changed(folder.path(), "stable_share_bps_min = 3000", "stable_share_bps_min = 4000");
    let new = new.to_str().unwrap();
    let found = json(OLD, new, &[&WORLD[..], &YEAR, &["--scenario", "march-2020"]].concat());
    for (name, policy) in [("old", OLD), ("new", new)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
        command.current_dir(ROOT).args(["backtest", "--policy", policy, "--json"]).args(WORLD).args(YEAR);
        let alone: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        for (key, value) in alone.as_object().unwrap() {
            assert_eq!(&found[name][key], value, "{key} under the {name} policy");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
        command
            .current_dir(ROOT)
            .args(["stress", "--policy", policy, "--scenario", "march-2020", "--json"])
            .args(WORLD);
        let alone: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        assert_eq!(found[name]["scenarios"], alone["scenarios"], "scenarios under the {name} policy");
    }
}

#[test]
fn without_holdings_the_treasury_is_the_old_policy_s() {
    let folder = tempfile::tempdir().unwrap();
    // VOTE has no prices in the data.
    let assume = folder.path().join("assume.toml");
    std::fs::write(&assume, "value_usd = 8000000\n[prices]\nVOTE = \"2.5\"\n").unwrap();
    let world = ["--data", WORLD[1], "--assume", assume.to_str().unwrap(), "--scenario", "march-2020"];
    let text = std::fs::read_to_string(Path::new(ROOT).join(OLD)).unwrap();
    let targets =
        text.replace("target_bps = 3000", "target_bps = 2500").replace("target_bps = 4000", "target_bps = 4500");
    assert_ne!(targets, text, "the policy has other targets");
    let new = folder.path().join("new.toml");
    std::fs::write(&new, targets).unwrap();
    let found = json(OLD, new.to_str().unwrap(), &[&world[..], &YEAR].concat());
    assert_eq!(found["old"]["initial_value"], found["new"]["initial_value"]);
    assert_eq!(found["old"]["assumptions_hash"], found["new"]["assumptions_hash"]);
    assert_ne!(found["old"]["final_value"], found["new"]["final_value"]);
}

#[test]
fn a_treasury_that_the_new_policy_does_not_list_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(ROOT).join(OLD)).unwrap();
    let new = folder.path().join("new.toml");
    std::fs::write(&new, text.replace("WETH", "WBTC")).unwrap();
    let assume = folder.path().join("assume.toml");
    // What is assumed of an asset that one of the two lists alone is fine.
    std::fs::write(&assume, "[prices]\nVOTE = \"2.5\"\nWETH = \"200\"\n").unwrap();
    let world = ["--data", WORLD[1], "--assume", assume.to_str().unwrap()];
    let output = impact(OLD, new.to_str().unwrap(), &[&world[..], &YEAR].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let new = new.display();
    assert_eq!(
        said,
        format!(
            "error: {new}: the treasury, as the old policy has it, holds what this policy does not list; say with --assume what \
             it holds under both\nholdings.operations.WETH: `WETH` is no asset of the policy; write one of: USDC, VOTE, WBTC\n"
        )
    );
}
