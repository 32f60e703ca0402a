//! The whole agent on a local chain does what the fast engine says, over sixty days with the crash of May 2021 among them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use quaestor_tests::quaestor;
use serde_json::Value;
use std::process::{Command, Stdio};

/// The bound of the issue, bps of net asset value.
const NAV_BPS_MAX: f64 = 10.0;

/// Signers who take just a day are done when a bar of the engine ends, at that bar's close.
#[test]
fn people_who_are_done_when_a_day_ends_trade_at_its_close() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../simulations/examples/fidelity.toml");
    let day = text.replacen("safe_secs = 21600", "safe_secs = 86400", 1);
    assert_ne!(day, text);
    let assumed = folder.path().join("day.toml");
    std::fs::write(&assumed, day).unwrap();
    let mut command = Command::new(quaestor());
    command.args(["fidelity", "--from", "2021-04-15", "--days", "60", "--json", "--assume"]).arg(&assumed);
    let told = command.env("TMPDIR", folder.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert!(told["nav_end_bps"].as_f64().unwrap() < 1.0, "{}", told["nav_end_bps"]);
    assert!(told["matched"].as_array().unwrap().len() >= 3 && told["within"] == true);
}

#[test]
fn sixty_days_on_the_chain_and_in_the_engine_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fidelity.json");
    let mut command = Command::new(quaestor());
    command.args(["fidelity", "--from", "2021-04-15", "--days", "60", "--json", "--out"]).arg(&out);
    let told = command.env("TMPDIR", folder.path()).stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
    assert_eq!((told.status.code(), stdout.lines().count()), (Some(0), 1), "{stdout}\n{stderr}");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(told, serde_json::from_slice::<Value>(&std::fs::read(&out).unwrap()).unwrap());

    // The same proposals, and nearly the same value at every close.
    let count = |key: &str| told[key].as_array().unwrap().len();
    assert_eq!([count("missing"), count("extra"), count("differing"), count("alarms")], [0; 4]);
    let nav =
        |side: &str| told[side]["nav"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect::<Vec<_>>();
    let (agent, engine) = (nav("agent"), nav("engine"));
    assert_eq!((agent.len(), engine.len(), count("closes")), (60, 60, 60));
    let apart = |(agent, engine): (&f64, &f64)| (agent - engine).abs() / engine * 10_000.0;
    assert!(agent.iter().zip(&engine).map(apart).all(|bps| bps < NAV_BPS_MAX));
    assert!(told["nav_end_bps"].as_f64().unwrap() < NAV_BPS_MAX);
    assert_eq!(told["within"], true);
    // Pools have a depth on the chain alone: the same to the last digit would mean that nothing was read there.
    assert_ne!(agent.last(), engine.last());

    // And something happened: trades both ways and a refill by vote, executed and withdrawn.
    let chain = &told["chain"];
    let facts = ["approved", "proposed", "entered", "revoked"].map(|key| chain[key].as_u64().unwrap());
    let [approved, proposed, entered, revoked] = facts;
    assert_eq!(usize::try_from(approved + proposed).unwrap(), count("matched"));
    assert!(approved >= 5 && proposed >= 1 && entered >= 4 && revoked >= 1, "{chain}");
    let deeds: Vec<&str> = told["matched"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["deeds"].as_array().unwrap())
        .map(|deed| deed.as_str().unwrap())
        .collect();
    for wanted in [
        "refill transfer USDC operations",
        "rebalance swap WETH USDC",
        "rebalance swap USDC WBTC",
        "derisk swap WBTC USDC",
    ] {
        assert!(deeds.contains(&wanted), "no {wanted} in {deeds:?}");
    }

    // Nothing is left of it but what was asked for.
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["fidelity.json"]);
}
