//! `quaestor data` as an analyst types it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn quaestor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quaestor")).current_dir(ROOT).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn help_shows_how_it_is_typed() {
    let help = |command: &str| text(&quaestor(&["data", command, "--help"]).stdout);
    insta::assert_snapshot!("data_check_help", help("check"));
    insta::assert_snapshot!("data_import_help", help("import"));
}

#[test]
fn good_data_is_described() {
    let folders =
        ["data", "check", "simulations/data/daily", "simulations/data/polygon-2023-08", "--fill-gaps", "previous"];
    let output = quaestor(&folders);
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!("data_check", text(&output.stdout));
    let found = document(&quaestor(&[&folders[..], &["--json"]].concat()));
    assert_eq!((found["ok"].as_bool(), found["series"].as_array().unwrap().len()), (Some(true), 10));
    let gas = found["series"].as_array().unwrap().iter().find(|one| one["kind"] == "gas").unwrap();
    assert_eq!((gas["bars"].as_u64(), gas["step_secs"].as_u64()), (Some(5_760), Some(60)));
}

#[test]
fn bad_data_is_told_by_line_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ETH.csv"), "timestamp,close\n1583971200000,1\n1583971260000,0\n").unwrap();
    fs::write(folder.path().join("UNI.csv"), "date,close\n2020-03-12,1\n2020-03-14,1\n2020-03-13,1\n").unwrap();
    let path = folder.path().display().to_string();
    let output = quaestor(&["data", "check", &path]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("data_check_bad", text(&output.stderr).replace(&path, "DIR"));
    let output = quaestor(&["data", "check", &path, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = document(&output);
    let problems = found["detail"]["problems"].as_array().unwrap();
    assert_eq!((found["ok"].as_bool(), problems.len()), (Some(false), 4));
    assert_eq!((problems[0]["line"].as_u64(), problems[2]["line"].as_u64()), (Some(2), Some(3)));
}

#[test]
fn the_same_data_is_imported_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let hash = |path: &str| document(&quaestor(&["data", "check", path, "--json"]))["hash"].clone();
    let (parquet, packed) = (out("a.parquet"), out("a.csv.gz"));
    let import = |from: &str, to: &str| quaestor(&["data", "import", from, "--out", to]);
    let two = ["simulations/data/daily/AAVE.csv", "simulations/data/daily/UNI.csv"];
    assert!(quaestor(&[&["data", "import"], &two[..], &["--out", &parquet]].concat()).status.success());
    assert!(import(&parquet, &packed).status.success());
    let again = out("b.parquet");
    assert!(import(&packed, &again).status.success());
    assert_eq!(fs::read(&parquet).unwrap(), fs::read(&again).unwrap());
    let first = document(&quaestor(&[&["data", "check", "--json"], &two[..]].concat()))["hash"].clone();
    assert!(first.is_string() && first == hash(&parquet) && first == hash(&packed));
    let refused = import(&parquet, &again);
    assert_eq!(refused.status.code(), Some(1), "a file that exists is never replaced");
    assert_eq!(import(&parquet, &out("c.xlsx")).status.code(), Some(2));
    let several = quaestor(&["data", "import", &parquet, "--name", "X", "--out", &out("d.parquet")]);
    assert_eq!((several.status.code(), Path::new(&out("d.parquet")).exists()), (Some(2), false));
}

/// The year 2020 of the shipped days, from one Parquet file and beside a history of gas.
#[test]
fn a_backtest_takes_a_file_and_gas_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("all.parquet").display().to_string();
    assert!(quaestor(&["data", "import", "simulations/data/daily", "--out", &all]).status.success());
    let run = |data: &str| {
        let year = ["--from", "2020-01-01", "--to", "2020-12-31", "--assume", "simulations/examples/balanced.toml"];
        let head = ["backtest", "--policy", "policies/library/balanced.toml", "--json", "--data", data];
        let output = quaestor(&[&head[..], &year[..]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        document(&output)
    };
    let (from_folder, from_file) = (run("simulations/data/daily"), run(&all));
    for key in ["data_hash", "final_value", "proposals_made", "assumptions"] {
        assert_eq!(from_folder[key], from_file[key], "{key}");
    }
    for file in ["ETH", "USDC"] {
        fs::copy(format!("{ROOT}/simulations/data/daily/{file}.csv"), folder.path().join(format!("{file}.csv")))
            .unwrap();
    }
    fs::remove_file(&all).unwrap();
    // Sixty gwei an hour throughout: twice of what is assumed where the data says nothing.
    let hours: String = (0..24 * 800).map(|hour| format!("{},60\n", 1_546_300_800 + hour * 3_600)).collect();
    fs::write(folder.path().join("ETH.gas.csv"), format!("timestamp,gas_gwei\n{hours}")).unwrap();
    let found = run(&folder.path().display().to_string());
    let gas = |found: &Value| found["paid"]["gas_usd"].as_f64().unwrap();
    let ratio = gas(&found) / gas(&from_folder);
    assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
    let said = found["assumptions"].to_string();
    assert!(said.contains("gas costs what the data says, in gwei of ETH, each bar its mean"), "{said}");
    assert_ne!(found["data_hash"], from_folder["data_hash"]);
}

#[test]
fn a_backtest_takes_minutes_and_tells_what_was_filled() {
    let args = [
        "backtest",
        "--policy",
        "policies/library/balanced.toml",
        "--data",
        "simulations/data/polygon-2023-08",
        "--json",
        "--from",
        "2023-08-15",
        "--to",
        "2023-08-16 11:59",
        "--assume",
        "simulations/examples/balanced.toml",
    ];
    let output = quaestor(&args);
    assert_eq!(output.status.code(), Some(3), "a minute is missing, and nothing is filled in");
    assert!(
        text(&output.stderr).contains("WETH.uniswap-v3.minute.csv.gz:1442: rows missing"),
        "{}",
        text(&output.stderr)
    );
    let output = quaestor(&[&args[..], &["--fill-gaps", "previous"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = document(&output);
    assert_eq!(found["bars"].as_u64(), Some(36 * 60));
    let said = found["assumptions"].to_string();
    for expected in [
        "price of WETH: missing rows of 60 s that repeat the one before: 1, at most 1 in a row",
        "gas of MATIC is not used: there is no price of MATIC",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
}
