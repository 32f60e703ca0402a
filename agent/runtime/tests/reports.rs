//! Reports as a reader meets them: opened in headless Chromium, offline, in light and dark, on a desktop and on a phone.
//! `SHOTS=folder` keeps a picture of each.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor::devnet::Packages;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");
/// WCAG 2.2, 1.4.3: least contrast of text.
const CONTRAST_MIN: f64 = 4.5;
/// Smaller letters are hard to read on a phone.
const LETTER_PX_MIN: f64 = 9.0;

/// What `look.mjs` says of a page.
#[derive(Debug, Deserialize)]
struct Seen {
    file: String,
    screen: String,
    scheme: String,
    errors: Vec<String>,
    asked: Vec<String>,
    title: String,
    headings: Vec<String>,
    contrast: f64,
    is_dark: bool,
    sideways: f64,
    charts: usize,
    charts_outside: usize,
    unnamed_charts: usize,
    least_letter_px: Option<f64>,
    odd_words: usize,
}

/// Writes the report of a command into `folder`.
fn report(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    let output = command.current_dir(ROOT).args(args).arg("--out").arg(&path).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

fn look(files: &[PathBuf]) -> Vec<Seen> {
    Packages::ensure(Some(Path::new(BROWSER))).unwrap();
    let output = Command::new("node").arg(format!("{BROWSER}/look.mjs")).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_report_is_readable_offline_in_light_and_dark_and_on_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    let policy = ["--policy", "policies/library/balanced.toml", "--data", "simulations/data/daily"];
    let assume = ["--assume", "simulations/examples/balanced.toml"];
    let year = ["--from", "2020-01-01", "--to", "2020-12-31"];
    let of = |command: &'static str, more: &[&'static str]| {
        let args = [&[command][..], &policy, &assume, more].concat();
        report(folder.path(), &format!("{command}.html"), &args)
    };
    let vary = ["--vary", "limits.proposal_bps_max=100..500:200", "--vary", "every=7,30", "--from", "2020-01-01"];
    let narrowed = folder.path().join("narrowed.toml");
    let text = std::fs::read_to_string(Path::new(ROOT).join(policy[1])).unwrap();
    std::fs::write(&narrowed, text.replace("proposal_bps_max = 300", "proposal_bps_max = 100")).unwrap();
    let changed = ["policy", "impact", policy[1], narrowed.to_str().unwrap(), policy[2], policy[3]];
    let files = [
        report(folder.path(), "impact.html", &[&changed[..], &assume, &year].concat()),
        of("backtest", &year),
        of("stress", &[]),
        of("montecarlo", &[&year[..], &["--paths", "20"]].concat()),
        of("sweep", &[&vary[..], &["--to", "2020-12-31"]].concat()),
    ];
    // Headings that a report must have, and charts at least.
    let expected: [(&str, &[&str], usize); 5] = [
        (
            "impact.html",
            &["Value", "Figures", "Shares of the treasury", "Refused and withdrawn", "Operations", "To run it again"],
            5,
        ),
        (
            "backtest.html",
            &[
                "Value",
                "Shares of the treasury",
                "Fall from the highest value",
                "Forecast risk and what happened",
                "Proposals",
            ],
            5,
        ),
        ("stress.html", &["Broad downturn", "Broken correlation", "Operations", "To run it again"], 9),
        ("montecarlo.html", &["Value", "Fall from the highest value", "How often", "To run it again"], 2),
        ("sweep.html", &["The best by Sharpe", "How much of it is luck", "All configurations: Sharpe"], 2),
    ];
    let seen = look(&files);
    assert_eq!(seen.len(), files.len() * 4, "light and dark, desktop and phone");
    for page in &seen {
        let whose = format!("{} {} {}: {page:?}", page.file, page.screen, page.scheme);
        assert!(page.errors.is_empty() && page.asked.is_empty(), "it needs nothing else: {whose}");
        assert_eq!(page.is_dark, page.scheme == "dark", "{whose}");
        assert!(page.contrast >= CONTRAST_MIN, "{whose}");
        assert!(page.sideways <= 0.0 && page.charts_outside == 0, "nothing is cut off: {whose}");
        assert!(page.unnamed_charts == 0, "each chart says what it shows: {whose}");
        assert!(page.least_letter_px.is_none_or(|px| px >= LETTER_PX_MIN), "{whose}");
        assert!(page.odd_words == 0 && !page.title.is_empty(), "{whose}");
        let (_, headings, charts) = expected.iter().find(|(file, ..)| *file == page.file).unwrap();
        assert!(page.charts >= *charts, "{whose}");
        for heading in *headings {
            assert!(page.headings.iter().any(|found| found == heading), "no heading {heading}: {whose}");
        }
    }
}
