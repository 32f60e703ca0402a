//! `quaestor backtest` as an analyst types it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn backtest(more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(ROOT).args(["backtest", "--policy", "policies/library/balanced.toml"]);
    command.args(["--data", "simulations/data/daily"]).args(more).output().unwrap()
}

const YEAR: [&str; 6] =
    ["--from", "2020-01-01", "--to", "2020-12-31", "--assume", "simulations/examples/balanced.toml"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    text(&output.stderr)
}

#[test]
fn it_tells_what_the_policy_would_have_done() {
    let output = backtest(&YEAR);
    assert!(output.status.success(), "{}", failure(&output));
    let told = text(&output.stdout);
    let (head, rest) = told.split_once(" bars in ").unwrap();
    let (_, rest) = rest.split_once(" s\n").unwrap();
    insta::assert_snapshot!("backtest", format!("{head} bars in … s\n{rest}"));
}

#[test]
fn programs_get_one_document_and_the_same_run_gives_the_same_one() {
    let document = || {
        let output = backtest(&[&YEAR[..], &["--json"]].concat());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let found = document();
    assert_eq!(found, document());
    for key in [
        "initial_value",
        "final_value",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "max_drawdown",
        "var95",
        "cvar95",
        "turnover",
        "costs",
        "trades",
        "proposals",
        "refusals",
        "seed",
    ] {
        assert!(found[key].is_number(), "{key}: {}", found[key]);
    }
    for key in ["data_hash", "policy_hash", "model_hash", "assumptions_hash"] {
        assert_eq!(found[key].as_str().unwrap().len(), 66, "{key}");
    }
    assert!(found.as_object().unwrap().contains_key("runway_months_min"));
    let hash = Command::new(env!("CARGO_BIN_EXE_quaestor"))
        .current_dir(ROOT)
        .args(["policy", "hash", "policies/library/balanced.toml", "--json"])
        .output()
        .unwrap();
    let hash: Value = serde_json::from_slice(&hash.stdout).unwrap();
    assert_eq!(found["policy_hash"], hash["hash"]);
}

/// No policy and no addresses; `simulations/tests/parity.rs` says whose numbers these are.
#[test]
fn plain_weights_need_no_policy() {
    let plain = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
        command.current_dir(ROOT).args(["backtest", "--data", "simulations/data/daily", "--weights"]);
        command.args(["ETH=5000,BTC=3000", "--every", "7", "--value", "1000000", "--fee-bps", "10"]);
        command
            .args(["--slippage-bps", "10", "--from", "2020-01-01", "--to", "2020-12-31"])
            .args(more)
            .output()
            .unwrap()
    };
    let said = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let compared = said(&plain(&["--json", "--fill", "same-bar", "--targets", "before-costs"]));
    let value = compared["final_value"].as_f64().unwrap();
    assert!((value / 3_931_379.207_089_084 - 1.0).abs() < 1e-9, "{value}");
    assert!(compared["assumptions"].to_string().contains("LOOK-AHEAD"));
    let honest = said(&plain(&["--json"]));
    assert_ne!(honest["final_value"], compared["final_value"]);
    assert!(!honest["assumptions"].to_string().contains("LOOK-AHEAD"));
    assert!(failure(&plain(&["--policy", "policy.toml"])).contains("cannot be used with"));
}

#[test]
fn report_and_table_need_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (report, table) = (file("report.html"), file("values.csv"));
    let output = backtest(&[&YEAR[..], &["--out", &report, "--csv", &table]].concat());
    assert!(output.status.success(), "{}", failure(&output));
    let html = std::fs::read_to_string(&report).unwrap();
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("name=\"viewport\""));
    assert!(html.matches("<svg").count() >= 8, "each chart is there wide and narrow");
    let rows = std::fs::read_to_string(&table).unwrap();
    assert_eq!(rows.lines().count(), 367, "a head, and each day of a leap year");
    assert!(rows.starts_with("time,value_usd,inflow_usd,return,USDC_usd,VOTE_usd,WETH_usd\n"));
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let misspelt = write("misspelt.toml", "[cost]\nslippage_bps = 5\n");
    let said = failure(&backtest(&["--assume", &misspelt]));
    assert!(
        said.contains("misspelt.toml") && said.contains("unknown field `cost`") && said.contains("line 1"),
        "{said}"
    );
    let unknown = write("unknown.toml", "[holdings.operations]\nDOGE = \"1\"\nUSDC = \"1.12345678\"\n");
    let said = failure(&backtest(&["--assume", &unknown]));
    assert!(said.contains("`DOGE` is no asset") && said.contains("holdings.operations.USDC"), "{said}");
    let said = failure(&backtest(&[]));
    assert!(said.contains("`VOTE`") && said.contains("prices.VOTE"), "{said}");
    let said = failure(&backtest(&["--from", "yesterday"]));
    assert!(said.contains("`yesterday` is no day"), "{said}");
    let early = [&YEAR[..4], &["--from", "1999-01-01"]].concat();
    assert!(!backtest(&early[2..]).status.success());
    let said = failure(&backtest(&["--assume", &Path::new("missing.toml").display().to_string()]));
    assert!(said.contains("missing.toml"), "{said}");
}

#[test]
fn two_results_are_held_against_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let saved = |name: &str, to: &str, slippage_bps: &str| {
        let path = folder.path().join(name);
        let year = ["--from", "2020-01-01", "--assume", YEAR[5], "--to", to, "--slippage-bps", slippage_bps, "--json"];
        std::fs::write(&path, backtest(&year).stdout).unwrap();
        path
    };
    let compare = |a: &Path, b: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
        command.arg("compare").args([a, b]).args(more).output().unwrap()
    };
    let (cheap, dear) = (saved("cheap.json", YEAR[3], "5"), saved("dear.json", YEAR[3], "40"));
    let output = compare(&cheap, &dear, &[]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    insta::assert_snapshot!("compare", text(&output.stdout));
    let found: Value = serde_json::from_slice(&compare(&cheap, &dear, &["--json"]).stdout).unwrap();
    assert_eq!(found["differs"], serde_json::json!(["assumptions_hash"]));
    assert!(found["figures"]["costs"]["difference"].as_f64().unwrap() > 0.0);
    let short = saved("short.json", "2020-06-30", "5");
    let warned = text(&compare(&cheap, &short, &[]).stderr);
    assert!(warned.contains("not of the same data and time"), "{warned}");
    std::fs::write(&short, "{}").unwrap();
    let refused = failure(&compare(&cheap, &short, &[]));
    assert!(refused.contains("is no result of a simulation"), "{refused}");
}
