//! `quaestor montecarlo` as an analyst types it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor_simulations::{
    montecarlo::{Outcome, PART_KIND},
    part::Reader,
};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Plain weights on the shipped prices.
fn command(threads: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(ROOT).env("RAYON_NUM_THREADS", threads).args(["montecarlo", "--data"]);
    command.arg(Path::new(ROOT).join("simulations/data/daily"));
    command.args(["--weights", "ETH=4000,BTC=4000", "--every", "30", "--from", "2019-01-01"]);
    command.args(["--days", "200", "--seed", "3"]).args(more);
    command
}

fn montecarlo(threads: &str, more: &[&str]) -> Output {
    command(threads, &[&["--paths", "150"], more].concat()).output().unwrap()
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

/// Paths of a part's file.
fn paths(file: &Path) -> Vec<Outcome> {
    let bytes = std::fs::read(file).unwrap();
    let reader = Reader::<_, Outcome>::open("part", PART_KIND, bytes.as_slice()).unwrap();
    reader.map(Result::unwrap).collect()
}

#[test]
fn what_was_kept_is_gone_on_with_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (part, shard) = (folder.path().join("all.part"), folder.path().join("second.part"));
    let (part_name, shard_name) = (part.display().to_string(), shard.display().to_string());
    said(&montecarlo("2", &["--shard", "1/1", "--part", &part_name]));
    // As the loss of power or a full disk in the middle of a path would leave it.
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() / 3]).unwrap();
    let before = paths(&part).len();
    assert!((40..60).contains(&before), "{before}");
    let (whole, resumed) = (montecarlo("2", &["--json"]), montecarlo("2", &["--json", "--resume", &part_name]));
    assert_eq!(said(&whole), said(&resumed));
    assert!(std::fs::read(&part).unwrap() == bytes, "the file is the whole one too");
    let found: Value =
        serde_json::from_str(&said(&montecarlo("2", &["--shard", "2/4", "--part", &shard_name, "--json"]))).unwrap();
    assert_eq!((&found["paths"], &found["of"]), (&38.into(), &38.into()));
    let (all, own) = (paths(&part), paths(&shard));
    assert_eq!((own[0].number, &own[..]), (37, &all[37..75]), "a part has its own paths");
    let other = failure(&montecarlo("2", &["--resume", &part_name, "--drawdown", "20"]));
    assert!(other.contains("is of another simulation: what is run differs: drawdown;"), "{other}");
    let other = failure(&montecarlo("2", &["--resume", &part_name, "--futures", "gbm"]));
    assert!(other.contains("is of another simulation: what is run differs:") && other.contains("futures"), "{other}");
    let other = failure(&montecarlo("2", &["--resume", &shard_name]));
    assert!(other.contains("another --shard"), "{other}");
    let other = failure(&montecarlo("2", &["--part", &part_name]));
    assert!(other.contains("it exists already"), "{other}");
}

/// A signal in the middle of it; then it goes on, and nobody can tell.
#[test]
fn what_is_interrupted_is_kept_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let part = || {
        let mut entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|it| it == "part"))
    };
    let many = ["--paths", "200000"];
    let running = command("2", &many).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut running = running.unwrap();
    let begun = Instant::now();
    while part().is_none() {
        let is_running = running.try_wait().unwrap().is_none();
        assert!(begun.elapsed() < Duration::from_secs(120) && is_running, "it was over too soon");
        thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    let told = failure(&running.wait_with_output().unwrap());
    let file = part().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let goes_on = format!("of 200000 paths are kept in {name}; the same command with --resume {name} goes on");
    assert!(told.contains(&goes_on) && name.starts_with("montecarlo-"), "{told}");
    let kept = paths(&file);
    assert!(told.contains(&format!("stopped: {} of", kept.len())), "{told}");
    // The fewest that are enough to hold them against: its first paths, made at once.
    let first = folder.path().join("first");
    let few = ["--paths", "64", "--shard", "1/1", "--part", &first.display().to_string()];
    said(&command("2", &few).output().unwrap());
    assert_eq!(kept[..64], paths(&first)[..]);
    let told = failure(&command("2", &many).current_dir(folder.path()).output().unwrap());
    assert!(told.contains("is there from an earlier run of this simulation"), "{told}");
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
    let files = folder.path().join("merged.csv").display().to_string();
    said(&merge(&[&first, &last, "--csv", &files]));
    assert_eq!(std::fs::read_to_string(&files).unwrap().lines().count(), 151);
    assert!(failure(&merge(&[&last])).contains("rows 0 to 74 of 150 are missing"));
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    assert!(failure(&montecarlo("2", &["--shard", "3/2", "--part", "x"])).contains("such as 2/8"));
    assert!(failure(&montecarlo("2", &["--shard", "1/2"])).contains("with --part FILE"));
    assert!(failure(&montecarlo("2", &["--shard", "1/2", "--part", "x", "--csv", "x.csv"])).contains("to `merge`"));
    assert!(failure(&montecarlo("2", &["--to", "2019-01-20"])).contains("give at least 30"));
    assert!(failure(&montecarlo("2", &["--resume", "missing.part"])).contains("missing.part"));
}
