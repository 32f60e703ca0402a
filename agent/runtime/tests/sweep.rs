//! `quaestor sweep` and `quaestor merge` as an analyst types them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs in `folder`, where whatever is not named goes.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(folder);
    command
}

/// Plain weights on the shipped prices, with what is varied.
fn sweep(folder: &Path, more: &[&str]) -> Output {
    plain(folder, more).output().unwrap()
}

fn plain(folder: &Path, more: &[&str]) -> Command {
    let mut command = command(folder);
    command.args([
        "sweep",
        "--weights",
        "ETH=4000,BTC=4000",
        "--every",
        "7",
        "--fee-bps",
        "10",
        "--from",
        "2020-01-01",
        "--to",
    ]);
    command.args(["2020-06-30", "--data"]).arg(Path::new(ROOT).join("simulations/data/daily")).args(more);
    command
}

const AXES: [&str; 6] = ["--vary", "costs.slippage_bps=5..30:5", "--vary", "every=1,7,30", "--walk-forward", "60,20"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}

fn success(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn it_tells_what_is_best_and_how_much_of_it_is_luck() {
    let folder = tempfile::tempdir().unwrap();
    let told = success(&sweep(folder.path(), &AXES));
    // How fast it was is another thing each time.
    let told: Vec<&str> = told.lines().filter(|line| !line.contains(" made in ")).collect();
    insta::assert_snapshot!("sweep", told.join("\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

/// What a swap may cost by the policy of the weights is another number in both, and far away.
#[test]
fn a_row_is_the_backtest_that_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let found: Value =
        serde_json::from_str(&success(&sweep(folder.path(), &[&AXES[..], &["--json"]].concat()))).unwrap();
    assert_eq!(found["rows"].as_array().unwrap().len(), 18);
    for key in ["data_hash", "policy_hash", "seed"] {
        assert!(!found["provenance"][key].is_null(), "{key}");
    }
    let row = &found["rows"][7];
    assert_eq!(row["values"], serde_json::json!(["15", "7"]));
    let mut command = command(folder.path());
    command.args([
        "backtest",
        "--weights",
        "ETH=4000,BTC=4000",
        "--every",
        "7",
        "--fee-bps",
        "10",
        "--slippage-bps",
        "15",
    ]);
    command.args(["--from", "2020-01-01", "--to", "2020-06-30", "--json", "--data"]);
    let told = command.arg(Path::new(ROOT).join("simulations/data/daily")).output().unwrap();
    let told: Value = serde_json::from_str(&success(&told)).unwrap();
    for key in ["final_value", "cagr", "sharpe", "max_drawdown", "costs", "trades", "proposals"] {
        assert_eq!(row[key], told[key], "{key}");
    }
}

#[test]
fn parts_are_merged_to_the_bytes_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let whole = success(&sweep(
        folder.path(),
        &[&AXES[..], &["--json", "--out", "whole.html", "--csv", "whole.csv", "--parquet", "whole.parquet"]].concat(),
    ));
    for part in ["1/3", "2/3", "3/3"] {
        let file = format!("part-{}", &part[..1]);
        let told = success(&sweep(folder.path(), &[&AXES[..], &["--shard", part, "--part", &file]].concat()));
        assert!(told.contains("6 configurations are in part-"), "{told}");
    }
    let merge = |arguments: &[&str]| command(folder.path()).arg("merge").args(arguments).output().unwrap();
    let files = ["--json", "--out", "merged.html", "--csv", "merged.csv", "--parquet", "merged.parquet"];
    let merged = success(&merge(&[&["part-3", "part-1", "part-2"], &files[..]].concat()));
    assert_eq!(merged, whole);
    for kind in ["html", "csv", "parquet"] {
        assert!(read(&format!("merged.{kind}")) == read(&format!("whole.{kind}")), "{kind}");
    }
    assert_eq!(text(&read("whole.csv")).lines().count(), 19);
    let said = failure(&merge(&["part-3", "part-1"]));
    assert!(said.contains("rows 6 to 11 of 18 are missing"), "{said}");
    let said = failure(&merge(&["part-1", "part-2", "part-3", "part-2"]));
    assert!(said.contains("rows 6 to 11 are in part-2 and in part-2"), "{said}");
    success(&sweep(folder.path(), &["--vary", "every=1,7", "--shard", "1/2", "--part", "other"]));
    let said = failure(&merge(&["part-1", "part-2", "other"]));
    assert!(said.contains("other is of another run than part-1"), "{said}");
    let mut futures = command(folder.path());
    futures.args([
        "montecarlo",
        "--weights",
        "ETH=4000",
        "--to",
        "2020-06-30",
        "--paths",
        "10",
        "--days",
        "20",
        "--data",
    ]);
    futures.arg(Path::new(ROOT).join("simulations/data/daily")).args(["--shard", "1/1", "--part", "futures"]);
    success(&futures.output().unwrap());
    let said = failure(&merge(&["part-1", "futures"]));
    assert!(said.contains("futures: it holds rows of `montecarlo`, not of `sweep`"), "{said}");
    let mut damaged = read("part-2");
    let last = damaged.len() - 9;
    damaged[last] ^= 1;
    fs::write(folder.path().join("damaged"), damaged).unwrap();
    let said = failure(&merge(&["part-1", "damaged", "part-3"]));
    assert!(said.contains("damaged: row 11 is damaged"), "{said}");
}

#[test]
fn a_report_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["--random-weights", "60", "--vary", "every=7,30", "--out", "sweep.html", "--heat", "weights.ETH,every"];
    success(&sweep(folder.path(), &arguments));
    let html = fs::read_to_string(folder.path().join("sweep.html")).unwrap();
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    assert!(html.contains("Sharpe by weights.ETH (across) and every (down)"));
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("name=\"viewport\"") && !html.contains("NaN"));
    let said = failure(&sweep(folder.path(), &["--vary", "every=1,7", "--out", "x.html", "--heat", "every,limits.x"]));
    assert!(said.contains("write two of what is varied"), "{said}");
}

/// A signal in the middle of it; then it goes on, and nobody can tell.
#[test]
fn what_is_interrupted_is_kept_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--random-weights", "40000", "--vary", "every=1,2", "--csv", "rows.csv"];
    let mut running = plain(folder.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let part = || {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|it| it == "part"))
    };
    let begun = Instant::now();
    while part().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(60) && running.try_wait().unwrap().is_none(),
            "it was over too soon"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    let output = running.wait_with_output().unwrap();
    let said = failure(&output);
    let file = part().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(
        said.contains(&format!(
            "of 40000 configurations are kept in {file}; the same command with --resume {file} goes on"
        )),
        "{said}"
    );
    assert!(!folder.path().join("rows.csv").exists());
    let said = failure(&sweep(folder.path(), &arguments));
    assert!(said.contains("is there from an earlier run of this sweep"), "{said}");
    let said = failure(&sweep(folder.path(), &["--vary", "every=1,2", "--resume", &file]));
    assert!(said.contains("is of another sweep"), "{said}");
    // A small one to its end, cut within a row.
    let small = ["--random-weights", "600", "--csv", "small.csv", "--part", "small"];
    let whole = success(&sweep(folder.path(), &small));
    let (rows, bytes) =
        (fs::read(folder.path().join("small.csv")).unwrap(), fs::read(folder.path().join("small")).unwrap());
    fs::write(folder.path().join("small"), &bytes[..bytes.len() / 2]).unwrap();
    let again = success(&sweep(folder.path(), &["--random-weights", "600", "--csv", "again.csv", "--resume", "small"]));
    assert!(fs::read(folder.path().join("again.csv")).unwrap() == rows);
    assert!(fs::read(folder.path().join("small")).unwrap() == bytes, "the file is the whole one too");
    let results = |told: &str| told.lines().filter(|line| !line.contains(" made in ")).collect::<Vec<_>>().join("\n");
    assert_eq!(results(&again), results(&whole));
    let said = failure(&sweep(folder.path(), &small));
    assert!(said.contains("it exists already"), "{said}");
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["--vary", "every"][..], "is no axis"),
        (&[], "nothing is varied"),
        (&["--vary", "every=1,2", "--by", "profit"], "write one of: sharpe, cagr, calmar, final_value, max_drawdown"),
        (&["--vary", "every=1,2", "--walk-forward", "60"], "write two numbers of bars"),
        (&["--vary", "limits.week_bps_mx=1,2"], "write `week_bps_max`"),
        (&["--vary", "every=1,2", "--shard", "3/2"], "write which part of how many"),
        (&["--vary", "every=1,2", "--shard", "1/2"], "with --part FILE"),
        (&["--vary", "every=1,2", "--shard", "1/2", "--part", "p", "--out", "x.html"], "to `merge`"),
        (&["--random", "5", "--random-weights", "5"], "cannot be used with"),
        (&["--vary", "every=1,2", "--resume", "missing"], "missing"),
    ] {
        let said = failure(&sweep(folder.path(), arguments));
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    fs::write(folder.path().join("prices.csv"), "date,close\n").unwrap();
    let said = failure(&command(folder.path()).args(["merge", "prices.csv"]).output().unwrap());
    assert!(said.contains("prices.csv: this is no part of a run"), "{said}");
}
