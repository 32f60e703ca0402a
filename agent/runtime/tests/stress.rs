//! `quaestor stress` as an analyst types it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use serde_json::Value;
use std::process::{Command, Output};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn quaestor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quaestor")).current_dir(ROOT).arg("stress").args(args).output().unwrap()
}

fn stress(more: &[&str]) -> Output {
    let balanced = ["--policy", "policies/library/balanced.toml", "--data", "simulations/data/daily"];
    quaestor(&[&balanced[..], &["--assume", "simulations/examples/balanced.toml"], more].concat())
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The exit code and what was said on stderr.
fn failure(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn it_tells_what_the_policy_would_do_in_each_scenario() {
    insta::assert_snapshot!("stress", told(&stress(&[])));
}

#[test]
fn it_names_the_shipped_scenarios() {
    insta::assert_snapshot!("stress_list", told(&quaestor(&["--list"])));
}

#[test]
fn a_shipped_file_is_one_to_start_from() {
    let shown = told(&quaestor(&["--show", "venue-frozen"]));
    let file = format!("{ROOT}/simulations/scenarios/venue-frozen.toml");
    assert_eq!(shown, std::fs::read_to_string(file).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, shown.replace("from = \"9d\"", "from = \"12d\"")).unwrap();
    let own = own.display().to_string();
    let both = told(&stress(&["--scenario", &own, "--scenario", "venue-frozen", "--json"]));
    let both: Value = serde_json::from_str(&both).unwrap();
    let [first, second] = [0, 1].map(|place| &both["scenarios"][place]);
    assert_eq!([&first["name"], &second["name"]], ["own", "venue-frozen"]);
    assert_ne!(first["scenario_hash"], second["scenario_hash"]);
    assert_ne!(first["final_value"], second["final_value"], "three days later one more sale went through");
    assert_eq!(first["prices_hash"], second["prices_hash"], "prices are the same in both");
}

#[test]
fn programs_get_one_document_with_every_hash_and_the_same_run_gives_the_same_one() {
    let document = || serde_json::from_str::<Value>(&told(&stress(&["--json"]))).unwrap();
    let found = document();
    assert_eq!(found, document());
    for key in ["policy_hash", "model_hash", "assumptions_hash"] {
        assert_eq!(found[key].as_str().unwrap().len(), 66, "{key}");
    }
    let scenarios = found["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 10);
    assert_eq!(found["left_out"][0]["name"], "staked-depeg", "the policy has neither vaults nor staked tokens");
    for one in scenarios {
        for key in ["scenario_hash", "data_hash", "prices_hash"] {
            assert_eq!(one[key].as_str().unwrap().len(), 66, "{key}");
        }
        for key in [
            "initial_value",
            "final_value",
            "max_drawdown",
            "proposals",
            "executed",
            "withdrawn",
            "expired",
            "refusals",
        ] {
            assert!(one[key].is_number(), "{key}: {}", one[key]);
        }
        assert_eq!(one["values"].as_array().unwrap().len(), one["times"].as_array().unwrap().len());
        assert_eq!(one["is_synthetic"].as_bool().unwrap(), one["prices"] != "replayed");
    }
    let made_up: Vec<&str> =
        scenarios.iter().filter(|one| one["prices"] == "replayed").map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(made_up, ["march-2020", "may-2021"]);
}

#[test]
fn report_and_table_say_what_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (report, table) = (file("report.html"), file("values.csv"));
    told(&stress(&["--out", &report, "--csv", &table]));
    let html = std::fs::read_to_string(&report).unwrap();
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    assert_eq!(html.matches("<svg").count(), 20, "a chart of each, wide and narrow");
    assert!(html.contains("<rect") && html.contains("var(--s4)"), "what happens is shaded");
    assert_eq!(html.matches("SYNTHETIC").count(), 8, "all but the two that are replayed");
    assert!(html.contains("staked-depeg was not run"));
    let rows = std::fs::read_to_string(&table).unwrap();
    assert!(rows.starts_with("scenario,prices,time,value_usd,hold_usd,inflow_usd\n"));
    // 90 days, 79, 61, and seven times 45.
    assert_eq!(rows.lines().count(), 1 + 90 + 79 + 61 + 7 * 45);
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let one = write("one.toml", "title = \"x\"\ngroup = \"operations\"\n[synthetic]\nlenght = \"3d\"\n");
    let two = write("two.toml", "title = 5\n");
    let (code, said) = failure(&stress(&["--scenario", &one, "--scenario", &two]));
    assert_eq!(code, 3);
    for expected in [
        "one.toml:3: `length` is missing in [synthetic]; write such as length = \"60d\"",
        "one.toml:4: `lenght` is no key of [synthetic]; keys here are length",
        "two.toml:1: `title` is integer; write one sentence in quotes",
        "two.toml:1: `group` is missing",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    let names = write(
        "names.toml",
        "title = \"x\"\ngroup = \"operations\"\n[synthetic]\nlength = 9\n[[events]]\nwhat = \"venue-frozen\"\nvenue = \"curve\"\nfrom = 1\n",
    );
    let (code, said) = failure(&stress(&["--scenario", &names]));
    assert!(
        code == 3 && said.contains("names.toml:5: `curve` is no venue of the policy; write one of: uniswap"),
        "{said}"
    );
    let early = write(
        "early.toml",
        "title = \"x\"\ngroup = \"operations\"\n[replay]\nfrom = \"1999-01-01\"\nto = \"1999-02-01\"\n",
    );
    let (code, said) = failure(&stress(&["--scenario", &early]));
    assert!(code == 3 && said.contains("early: ") && said.contains("has prices from"), "{said}");
    let (code, said) = failure(&stress(&["--scenario", "staked-depeg"]));
    assert!(code == 3 && said.contains("staked-depeg: the policy has nothing that it changes"), "{said}");
    let (code, said) = failure(&stress(&["--scenario", "broken"]));
    assert!(code == 2 && said.contains("`broken` is no shipped scenario; those are: broad-downturn"), "{said}");
    let (code, said) = failure(&stress(&["--scenario", "missing.toml"]));
    assert!(code == 3 && said.contains("missing.toml"), "{said}");
    let (code, said) = failure(&stress(&["--from", "2020-01-01"]));
    assert!(code == 2 && said.contains("--from says nothing to scenarios"), "{said}");
    assert_eq!(failure(&quaestor(&["--show", "nothing"])).0, 2);
    assert_eq!(failure(&quaestor(&[])).0, 2);
}

/// What is made up goes on from the last prices of the data, or from those of `--to`.
#[test]
fn it_goes_on_from_the_last_bar() {
    let first = |more: &[&str]| {
        let args = [&["--scenario", "broad-downturn", "--json"], more].concat();
        let found: Value = serde_json::from_str(&told(&stress(&args))).unwrap();
        (found["scenarios"][0]["from"].as_u64().unwrap(), found["scenarios"][0]["initial_value"].as_f64().unwrap())
    };
    let (july, march) = (first(&[]), first(&["--to", "2020-03-12"]));
    assert_eq!((july.0, march.0), (1_625_615_999, 1_584_057_599), "the last seconds of 2021-07-06 and 2020-03-12");
    assert!(march.1 < july.1);
}
