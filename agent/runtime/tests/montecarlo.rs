//! `quaestor montecarlo` as an analyst types it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::process::{Command, Output};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn montecarlo(threads: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(ROOT).env("RAYON_NUM_THREADS", threads).args([
        "montecarlo",
        "--data",
        "simulations/data/daily",
    ]);
    command.args(["--weights", "ETH=4000,BTC=4000", "--every", "30", "--from", "2019-01-01", "--paths", "150"]);
    command.args(["--days", "200", "--seed", "3"]).args(more).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn one_and_sixteen_threads_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let run = |threads: &str| {
        let files = ["html", "csv", "parquet"].map(|ending| file(&format!("{threads}.{ending}")));
        let [out, csv, parquet] = &files;
        let text = said(&montecarlo(threads, &["--json", "--out", out, "--csv", csv, "--parquet", parquet]));
        (text, files.map(|path| std::fs::read(path).unwrap()))
    };
    let (one, sixteen) = (run("1"), run("16"));
    assert!(one == sixteen, "what is said or written differs");
    let found: Value = serde_json::from_str(&one.0).unwrap();
    assert_eq!((&found["paths"], &found["synthetic"], &found["seed"]), (&150.into(), &true.into(), &3.into()));
    for key in ["final_value", "cagr", "max_drawdown", "sharpe"] {
        let quantiles = ["p05", "p25", "p50", "p75", "p95"].map(|level| found["policy"][key][level].as_f64().unwrap());
        assert!(quantiles.windows(2).all(|pair| pair[0] < pair[1]), "{key}: {quantiles:?}");
    }
    for key in ["loss_probability", "drawdown_probability"] {
        assert!((0.0..=1.0).contains(&found["policy"][key].as_f64().unwrap()), "{key}");
    }
    assert!(found["assumptions"].to_string().contains("SYNTHETIC"));
    let [html, csv, parquet] = one.1;
    let (html, csv) = (String::from_utf8(html).unwrap(), String::from_utf8(csv).unwrap());
    assert!(html.contains("Synthetic") && html.contains("prefers-color-scheme:dark"));
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    assert!(csv.starts_with("path,final_value,total_return,") && csv.lines().count() == 151);
    assert!(parquet.starts_with(b"PAR1"));
}

#[test]
fn what_was_kept_is_gone_on_with_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (part, shard) = (folder.path().join("all.part"), folder.path().join("second.part"));
    let (part_name, shard_name) = (part.display().to_string(), shard.display().to_string());
    said(&montecarlo("2", &["--shard", "1/1", "--part", &part_name]));
    // As Ctrl-C in the middle of it would leave it, and a full disk in the middle of a line.
    let text = std::fs::read_to_string(&part).unwrap();
    let kept: String = text.lines().take(41).map(|line| format!("{line}\n")).collect();
    std::fs::write(&part, format!("{kept}40,0,7,")).unwrap();
    let (whole, resumed) = (montecarlo("2", &["--json"]), montecarlo("2", &["--json", "--resume", &part_name]));
    assert_eq!(said(&whole), said(&resumed));
    let found: Value =
        serde_json::from_str(&said(&montecarlo("2", &["--shard", "2/4", "--part", &shard_name, "--json"]))).unwrap();
    assert_eq!((&found["paths"], &found["of"]), (&38.into(), &38.into()));
    let rows = std::fs::read_to_string(&shard).unwrap();
    assert!(rows.lines().nth(1).unwrap().starts_with("37,"), "a part has its own paths");
    assert_eq!(rows.lines().nth(1), text.lines().nth(38));
    let other = failure(&montecarlo("2", &["--resume", &part_name, "--seed", "4"]));
    assert!(other.contains("cannot be used multiple times") || other.contains("the seed differs"), "{other}");
    let other = failure(&montecarlo("2", &["--resume", &part_name, "--futures", "gbm"]));
    assert!(other.contains("how futures are made up differs"), "{other}");
    let other = failure(&montecarlo("2", &["--resume", &shard_name]));
    assert!(other.contains("another --shard"), "{other}");
}

#[test]
fn parts_of_several_machines_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let part = |place: &str| {
        let path = folder.path().join(place.replace('/', "-")).display().to_string();
        said(&montecarlo("2", &["--shard", place, "--part", &path]));
        path
    };
    let (last, first) = (part("2/2"), part("1/2"));
    let merge = |parts: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
        command.arg("merge").args(parts).arg("--json").output().unwrap()
    };
    assert_eq!(said(&merge(&[&last, &first])), said(&montecarlo("2", &["--json"])));
    assert!(failure(&merge(&[&last])).contains("paths 0 to 74 are missing"));
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    assert!(failure(&montecarlo("2", &["--shard", "3/2", "--part", "x"])).contains("such as 2/8"));
    assert!(failure(&montecarlo("2", &["--shard", "1/2"])).contains("--part"));
    assert!(failure(&montecarlo("2", &["--to", "2019-01-20"])).contains("give at least 30"));
    assert!(failure(&montecarlo("2", &["--resume", "missing.part"])).contains("missing.part"));
}
