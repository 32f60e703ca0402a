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

/// What is drawn and what moves prices, as an analyst reads it.
#[test]
fn it_tells_what_people_took_and_what_swaps_cost_by_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.toml");
    let told = std::fs::read_to_string(Path::new(ROOT).join(YEAR[5])).unwrap();
    let drawn = told
        .replace("safe_secs = 43200 # signers: half a day", "safe_secs = { median_secs = 43200, p90_secs = 172800 }")
        .replace("[prices]", "[depth_usd]\nWETH = \"1000000\"\n\n[prices]");
    assert!(drawn.contains("median_secs") && drawn.contains("depth_usd"));
    std::fs::write(&path, drawn).unwrap();
    let path = path.display().to_string();
    let run = |more: &[&str]| backtest(&[&YEAR[..4], &["--assume", &path], more].concat());
    let output = run(&[]);
    assert!(output.status.success(), "{}", failure(&output));
    let said = text(&output.stdout);
    let lines = |starts: &[&str]| -> String {
        let kept = said.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
        kept.map(|line| format!("{line}\n")).collect()
    };
    insta::assert_snapshot!(
        "slow_and_shallow",
        lines(&["value", "proposals", "delay", "people", "turnover", "assumed"])
    );
    let document = |seed: &str| serde_json::from_slice::<Value>(&run(&["--json", "--seed", seed]).stdout).unwrap();
    let (first, second) = (document("1"), document("2"));
    assert_eq!(first, document("1"));
    assert_ne!(first["final_value"], second["final_value"], "another seed draws otherwise");
    assert_eq!((&first["seed"], &second["seed"]), (&1.into(), &2.into()));
    assert!(first["paid"]["impact_usd"].as_f64().unwrap() > 0.0);
    let of_proposals = first["proposals_made"].as_array().unwrap().iter().map(|it| it["delay_secs"].as_u64().unwrap());
    assert_eq!(first["people_hours"]["longest"].as_f64().unwrap() * 3_600.0, of_proposals.max().unwrap() as f64);
}

/// `tests/walk_forward.rs` says what a model knows.
#[test]
fn models_trained_along_the_way_are_told_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html").display().to_string();
    let train = |more: &[&str]| backtest(&[&YEAR[..], &["--train-every", "180"], more].concat());
    let output = train(&["--json", "--out", &report]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", failure(&output)));
    let trainings = found["trainings"].as_array().unwrap();
    assert_eq!(trainings.len(), 3);
    assert_eq!(trainings[0]["at"], 1_577_836_799, "at the end of the day before the first decision");
    assert!(trainings[0]["records"].as_u64().unwrap() > 300, "the past of all files counts: {}", trainings[0]);
    // A tenth in ether falls by 15 % in no fortnight, so that there is nothing to tell apart.
    for training in trainings {
        assert!(training["refused"].as_str().unwrap().contains("no drawdown came in its test"), "{training}");
        assert!(training["hash"].is_string());
    }
    assert!(std::fs::read_to_string(report).unwrap().contains("Models trained along the way"));
    let plain: Value = serde_json::from_slice(&backtest(&[&YEAR[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!((&plain["trainings"], &plain["data_hash"]), (&Value::Array(vec![]), &found["data_hash"]));
    assert_ne!(plain["model_hash"], found["model_hash"]);
    assert_eq!(plain["final_value"], found["final_value"], "none was good enough, so that ewma forecast");
    assert!(failure(&train(&["--model", "model.json"])).contains("cannot be used with"));
    let often = [&YEAR[..], &["--train-every", "1"]].concat();
    assert!(failure(&backtest(&often)).contains("is done 366 times in this run, and 260 at most"));
    // Under a policy that holds without its model nobody would have decided.
    let policy = std::fs::read_to_string(Path::new(ROOT).join("policies/library/balanced.toml")).unwrap();
    let holds = "history_rounds = 256\nfallback = \"hold\"\n\n[risk.model]\nkind = \"trained\"\nschedule = \"0 0 3 * * Mon\"\n\
                 age_max = \"90d\"\nauc_bps_min = 6000\n";
    let path = folder.path().join("holds.toml");
    std::fs::write(&path, policy.replace("history_rounds = 256\n", holds)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(ROOT).args(["backtest", "--data", "simulations/data/daily", "--train-every", "180"]);
    let said = failure(&command.arg("--policy").arg(&path).args(YEAR).output().unwrap());
    assert!(said.contains("no model may forecast at 2020-01-01 23:59:59") && said.contains("fallback"), "{said}");
    assert!(said.contains("no drawdown came in its test"), "{said}");
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
    let slow =
        write("slow.toml", "[delays]\nsafe_secs = { median_secs = 9, p90_secs = 5 }\ntimelock_secs = { mean = 5 }\n");
    let said = failure(&backtest(&["--assume", &slow]));
    assert!(said.contains("slow.toml") && said.contains("unknown field `mean`") && said.contains("line 3"), "{said}");
    let slow = write("slow.toml", "[delays]\nsafe_secs = { median_secs = 9, p90_secs = 5 }\n");
    let said = failure(&backtest(&["--assume", &slow]));
    assert!(said.contains("delays.safe_secs: `p90_secs` 5 is below `median_secs` 9"), "{said}");
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
    assert!(refused.contains("is no result of a backtest"), "{refused}");
}
