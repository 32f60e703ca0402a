//! Training together from the command line: what is printed, what is written, and what bad input says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use quaestor_federation::privacy::Budget;
use quaestor_risk::learned::LearnedModel;
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");

fn quaestor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quaestor")).args(args).output().unwrap()
}

fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn complaint(args: &[&str], code: i32) -> String {
    let output = quaestor(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn train(out: &Path, more: &[&str]) -> Output {
    let out = out.display().to_string();
    let args = ["train", "--prices", PRICES, "--until", "2021-05-01", "--trees", "8", "--out", &out, "--json"];
    quaestor(&[&args, more].concat())
}

#[test]
fn the_cost_of_noise_is_exact_and_its_reverse_gives_it_back() {
    let cost = ["privacy", "epsilon", "--noise-multiplier", "10", "--rounds", "50", "--delta", "1e-5", "--json"];
    let found = document(&quaestor(&cost));
    let epsilon = found["epsilon"].as_f64().unwrap();
    assert!((epsilon - 2.943_225).abs() <= 1e-5, "{epsilon}");
    assert_eq!(found["method"], "gaussian-exact");
    let epsilon = epsilon.to_string();
    let noise = ["privacy", "noise", "--epsilon", &epsilon, "--rounds", "50", "--delta", "1e-5", "--json"];
    let multiplier = document(&quaestor(&noise))["noise_multiplier"].as_f64().unwrap();
    assert!((multiplier - 10.0).abs() < 1e-6, "{multiplier}");
}

#[test]
fn impossible_questions_about_privacy_say_what_to_write() {
    for (option, value, said) in [
        ("--noise-multiplier", "0", "the noise multiplier is 0; write a finite number above 0, such as 10"),
        ("--noise-multiplier", "NaN", "the noise multiplier is NaN"),
        ("--rounds", "0", "0 rounds; write a number from 1"),
        ("--delta", "1", "delta is 1; write a number from"),
    ] {
        let mut args = vec!["privacy", "epsilon"];
        for (name, usual) in [("--noise-multiplier", "10"), ("--rounds", "50"), ("--delta", "1e-5")] {
            args.extend([name, if name == option { value } else { usual }]);
        }
        let found = complaint(&args, 2);
        assert!(found.contains(said), "{option} {value}: {found}");
    }
}

#[test]
fn a_simulated_federation_bears_liars_with_a_robust_rule_and_not_with_the_mean() {
    let simulate = |rule: &str| {
        let args = ["federation", "simulate", "--members", "10", "--liars", "0.3", "--attack", "sign-flip", "--json"];
        let found = document(&quaestor(&[&args[..], &["--aggregation", rule]].concat()));
        assert_eq!((&found["synthetic"], &found["liars"]), (&Value::Bool(true), &Value::from(3)));
        found["clean"]["auc"].as_f64().unwrap() - found["trained"]["auc"].as_f64().unwrap()
    };
    assert!(simulate("multi-krum") < 0.01);
    assert!(simulate("weighted-mean") > 0.01);
}

#[test]
fn a_simulation_tells_reputations_and_who_sends_too_much() {
    let args = ["federation", "simulate", "--members", "12", "--liars", "0.25", "--reputation"];
    let found = document(&quaestor(&[&args[..], &["--json"]].concat()));
    let reputations = found["reputations"].as_array().unwrap();
    let excluded = reputations.iter().filter(|one| one["excluded"] == true);
    assert_eq!((reputations.len(), excluded.count()), (12, 3));
    assert!((found["concentration"].as_f64().unwrap() - 1.0 / 9.0).abs() < 1e-12, "{}", found["concentration"]);
    let told = String::from_utf8(quaestor(&args).stdout).unwrap();
    for said in [
        "concentration of weights in the last round 0.1111 (Herfindahl–Hirschman; 0.1111 if all 9 weighed the same)",
        "3 of 12 members excluded by reputation",
        "member            score  contribution",
        "member-00001      0.000     -0.0",
        "and 4 with a better one",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert_eq!(told.lines().filter(|line| line.ends_with("  excluded")).count(), 3, "{told}");
    // A gradient a hundred times too long is above any honest one, and its sender is told.
    let scaled = ["federation", "simulate", "--members", "10", "--liars", "0.1", "--attack", "scale"];
    let told = String::from_utf8(quaestor(&scaled).stdout).unwrap();
    assert!(told.contains("norm above "), "{told}");
}

#[test]
fn members_train_a_model_that_is_the_file_of_its_hash_and_has_a_card() {
    let folder = tempfile::tempdir().unwrap();
    let found = document(&train(folder.path(), &["--synthetic", "1"]));
    let hash = found["hash"].as_str().unwrap();
    assert_eq!(found["excluded"], Value::Array(vec![]), "all four are honest");
    let model = fs::read(found["model"].as_str().unwrap()).unwrap();
    LearnedModel::parse(&model, hash.parse().unwrap()).unwrap();
    let card = fs::read_to_string(found["card"].as_str().unwrap()).unwrap();
    assert!(card.contains(hash) && card.contains("synthetic"), "{card}");
    // The same seed on the same machine gives the same model.
    let again = tempfile::tempdir().unwrap();
    assert_eq!(document(&train(again.path(), &["--synthetic", "1"]))["hash"], hash);
}

#[test]
fn members_that_send_no_sums_train_by_averages_and_the_model_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let averages = ["--synthetic", "1", "--drawdown-fit", "fedavg", "--aggregation", "trimmed-mean"];
    let found = document(&train(folder.path(), &averages));
    let hash = found["hash"].as_str().unwrap();
    assert_eq!(found["excluded"], Value::Array(vec![]), "all four are honest");
    let model = fs::read(found["model"].as_str().unwrap()).unwrap();
    LearnedModel::parse(&model, hash.parse().unwrap()).unwrap();
    assert!(String::from_utf8(model).unwrap().contains(r#","fit":"fedavg","#));
    let card = fs::read_to_string(found["card"].as_str().unwrap()).unwrap();
    assert!(card.contains("Its drawdown probability was fitted by averages of the members' own steps (FedAvg)."));
    assert!(
        card.contains("| drawdown | averaged logistic") || card.contains("| averaged logistic | together |"),
        "{card}"
    );
    let refused = train(folder.path(), &[&averages[..], &["--noise-multiplier", "40"]].concat());
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("no noise hides a record in them; fit by `newton`, or train without noise"), "{said}");
}

#[test]
fn a_member_that_poisons_is_found_out_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let found = document(&train(folder.path(), &["--synthetic", "1", "--poison", "uni-holder"]));
    assert_eq!(found["excluded"], serde_json::json!(["uni-holder"]));
    let nobody = train(folder.path(), &["--synthetic", "1", "--poison", "uni"]);
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert_eq!(nobody.status.code(), Some(3), "{said}");
    assert!(said.contains("`uni` is no made-up member; name one of eth-holder, btc-holder, uni-holder"), "{said}");
    let reputations = &found["reputations"];
    assert!(reputations["found_out"]["uni-holder"]["contribution"].as_f64().unwrap() < -0.05, "{reputations}");
    let parts: Vec<&Value> = reputations["parts"].as_array().unwrap().iter().collect();
    let drawdown = parts.iter().find(|one| one["part"] == "drawdown").unwrap();
    let left: Vec<&str> =
        drawdown["members"].as_array().unwrap().iter().map(|one| one["member"].as_str().unwrap()).collect();
    assert!(left.len() == 3 && !left.contains(&"uni-holder"), "{drawdown}");
    let concentration = drawdown["concentration"].as_f64().unwrap();
    assert!((1.0 / 3.0..0.5).contains(&concentration), "{drawdown}");
    assert!(found["auc_bps"].as_u64().is_some());
    let card: Value = serde_json::from_slice(&fs::read(found["card_json"].as_str().unwrap()).unwrap()).unwrap();
    let left_out = card["left_out"].as_array().unwrap();
    let members = |list: &Value| list.as_array().unwrap().iter().map(|it| it["member"].clone()).collect::<Vec<_>>();
    assert_eq!((&left_out[0]["part"], members(&card["left_out"])), (&"everything".into(), vec!["uni-holder".into()]));
    assert_eq!(members(&card["data"]), ["eth-holder", "btc-holder", "aave-holder"], "its trees are gone as well");
}

#[test]
fn what_a_year_spent_is_remembered_and_a_training_beyond_it_refused_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let noisy = ["--synthetic", "1", "--noise-multiplier", "3"];
    // Without a budget it is written down as well.
    let found = document(&train(folder.path(), &noisy));
    let spent = found["privacy"]["epsilon_record"].as_f64().unwrap();
    assert!(spent > 7.0 && spent <= 12.2, "one training fits into the budget and two do not: {spent}");
    let year = &found["privacy"]["year"];
    assert!((year["epsilon_record"].as_f64().unwrap() - spent).abs() < 1e-9 && year["epsilon_max"].is_null(), "{year}");
    let card = fs::read_to_string(found["card"].as_str().unwrap()).unwrap();
    assert!(card.contains(&format!("The ledger of {} stood at ε = {spent:.4} a record", year["year"])), "{card}");
    let models = || fs::read_dir(folder.path()).unwrap().filter(|one| is_model(one.as_ref().unwrap())).count();
    let (before, ledger) = (models(), fs::read(folder.path().join(LEDGER)).unwrap());
    let budget = |most| [&noisy[..], &["--epsilon-year-max", most]].concat();
    let again = train(folder.path(), &budget("12.2"));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("the privacy budget of {} does not cover this training", year["year"])), "{said}");
    assert!(said.contains("vote a larger `risk.epsilon_year_max`"), "{said}");
    assert_eq!(models(), before, "no model is written");
    assert_eq!(fs::read(folder.path().join(LEDGER)).unwrap(), ledger, "nothing was released");
    assert!(!folder.path().join(CHECKPOINT).exists());
    // A larger budget counts what was spent under none.
    let voted = document(&train(folder.path(), &budget("40")));
    let year = voted["privacy"]["year"]["epsilon_record"].as_f64().unwrap();
    assert!(year > 1.3 * spent && year < 40.0, "{year} after {spent}");
    fs::remove_file(folder.path().join(LEDGER)).unwrap();
    let gone = train(folder.path(), &noisy);
    assert_eq!(gone.status.code(), Some(3));
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(said.contains("says that noise was spent") && said.contains("restore it from a copy"), "{said}");
    fs::write(folder.path().join(LEDGER), "{").unwrap();
    let broken = train(folder.path(), &budget("40"));
    assert_eq!(broken.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("is no privacy ledger"));
}

const LEDGER: &str = "privacy-ledger.json";
const CHECKPOINT: &str = "training-checkpoint";

fn is_model(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with("model-")
}

/// Trains until the checkpoint has so many lines, and kills it (SIGKILL). False if it ended before.
fn train_and_kill(out: &Path, more: &[&str], lines: usize) -> bool {
    let folder = out.display().to_string();
    let args = ["train", "--prices", PRICES, "--until", "2021-05-01", "--trees", "8", "--out", &folder, "--json"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_quaestor"))
        .args(args)
        .args(more)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let written = || fs::read(out.join(CHECKPOINT)).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count());
    // At most a minute.
    for _ in 0..60_000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if written() > lines {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("no {lines} lines in a minute");
}

/// A folder in which a training was killed so often, and never came to its end. On a busy machine it may be faster than
/// who looks, and is tried again.
fn killed_at(more: &[&str], lines: &[usize]) -> tempfile::TempDir {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        if lines.iter().all(|lines| train_and_kill(folder.path(), more, *lines)) {
            return folder;
        }
    }
    panic!("it always ended before {lines:?} lines");
}

#[test]
fn a_training_that_is_killed_goes_on_and_gives_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let whole = document(&train(folder.path(), &["--synthetic", "1"]));
    let killed = killed_at(&["--synthetic", "1"], &[1, 25, 90]);
    assert_eq!(document(&train(killed.path(), &["--synthetic", "1"]))["hash"], whole["hash"]);
    assert!(!killed.path().join(CHECKPOINT).exists(), "a model is written");
}

#[test]
fn what_was_released_before_a_kill_is_in_ledger_and_card() {
    let noisy = ["--synthetic", "1", "--noise-multiplier", "3", "--epsilon-year-max", "40"];
    let folder = killed_at(&noisy, &[3, 20]);
    let found = document(&train(folder.path(), &noisy));
    let ledger: Budget = serde_json::from_slice(&fs::read(folder.path().join("privacy-ledger.json")).unwrap()).unwrap();
    let (spent, charged) = (found["privacy"]["epsilon_record"].as_f64().unwrap(), ledger.spent_epsilon().unwrap());
    let rounds = found["privacy"]["rounds"].as_u64().unwrap() as u32;
    assert!(charged >= spent - 1e-9, "the card says {spent}, the ledger {charged}");
    // A kill between ledger and checkpoint is charged and released nothing.
    assert!(charged <= quaestor_federation::privacy::epsilon(3.0, rounds + 2, 1e-5).unwrap());
}

/// A member that holds an asset and dollars, and pays the same every day.
fn records(folder: &Path, symbol: &str, held: u32) -> String {
    let file = folder.join(format!("{symbol}.csv"));
    let from = "2019-06-01".parse::<chrono::NaiveDate>().unwrap();
    let rows: String = from.iter_days().take(699).map(|day| format!("{day},{held},100000,900,100\n")).collect();
    fs::write(&file, format!("date,{symbol},USDC,burn_usd,revenue_usd\n{rows}")).unwrap();
    file.display().to_string()
}

#[test]
fn with_noise_real_records_are_scored_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [eth, btc] = [records(folder.path(), "ETH", 1_000), records(folder.path(), "BTC", 50)];
    let noisy = ["--records", &eth, "--records", &btc, "--noise-multiplier", "1"];
    let card_of = |found: &Value| -> (Value, String) {
        let json = fs::read(found["card_json"].as_str().unwrap()).unwrap();
        (serde_json::from_slice(&json).unwrap(), fs::read_to_string(found["card"].as_str().unwrap()).unwrap())
    };
    let ways = |card: &Value| -> std::collections::BTreeSet<String> {
        let rows = card["judgement"]["rows"].as_array().unwrap();
        rows.iter().map(|row| row["way"].as_str().unwrap().to_owned()).collect()
    };
    let found = document(&train(&folder.path().join("public"), &noisy));
    let (card, page) = card_of(&found);
    assert_eq!(ways(&card), ["naive", "together"].map(str::to_owned).into());
    assert_eq!(
        (&card["judgement"]["basis"], &card["judgement"]["members"]),
        (&"public".into(), &serde_json::json!([]))
    );
    assert!(page.contains("Judged on public records alone, not on members'. Absent are:\n\n- pooled: it is fitted to"));
    assert!(page.contains("scores are of public records alone") && !page.contains("members' own records and exact"));
    assert!(found["auc_bps"].as_u64().is_some());
    let found = document(&train(&folder.path().join("exact"), &[&noisy[..], &["--exact-scores"]].concat()));
    let (card, page) = card_of(&found);
    assert_eq!(ways(&card), ["alone", "naive", "pooled", "together"].map(str::to_owned).into());
    assert!(page.contains("the scores on this card are of members' own records and exact"), "{page}");
    let alone = complaint(&["train", "--prices", PRICES, "--records", &eth, "--exact-scores"], 2);
    assert!(alone.contains("--noise-multiplier"), "{alone}");
}

#[test]
fn prices_are_daily_and_from_whatever_file() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("all.parquet").display().to_string();
    assert!(quaestor(&["data", "import", PRICES, "--out", &parquet]).status.success());
    let model = |prices: &str, out: &str| {
        let out = folder.path().join(out).display().to_string();
        let args = ["train", "--prices", prices, "--until", "2021-05-01", "--trees", "2", "--synthetic", "1"];
        document(&quaestor(&[&args[..], &["--out", &out, "--json"]].concat()))["hash"].clone()
    };
    assert_eq!(model(PRICES, "csv"), model(&parquet, "parquet"));
    let hours = folder.path().join("ETH.csv");
    fs::write(&hours, "timestamp,close\n1583971200,1\n1583974800,2\n").unwrap();
    let said = complaint(&["train", "--prices", &hours.display().to_string(), "--synthetic", "1"], 3);
    assert!(said.contains("prices of ETH have a bar every 3600 s; a model learns from days"), "{said}");
    fs::write(&hours, "date,close\n2020-03-12,1\n2020-03-14,2\n").unwrap();
    let said = complaint(&["train", "--prices", &hours.display().to_string(), "--synthetic", "1"], 3);
    assert!(said.contains("ETH.csv:3: days missing between 2020-03-12 and 2020-03-14: 1"), "{said}");
}

#[test]
fn bad_records_say_file_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    let name = file.display().to_string();
    let header = "date,ETH,USDC,burn_usd,revenue_usd\n";
    for (text, said) in [
        ("day,ETH\n".to_owned(), "own.csv:1: the header is `day,ETH`; write `date,ETH,…,burn_usd,revenue_usd`"),
        (format!("{header}2021-1-1,1,1,1,1\n"), "own.csv:2: `2021-1-1` is not a date"),
        (format!("{header}2021-01-01,1,1,1\n"), "but the previous record has 5 fields; give 5 columns"),
        (format!("{header}2021-01-01,NaN,1,1,1\n"), "own.csv:2: `NaN` in column ETH is not a number from zero on"),
        (format!("{header}2021-01-01,1,1,1,1\n2021-01-01,1,1,1,1\n"), "2021-01-01 twice"),
        (format!("{header}2021-01-02,1,1,1,1\n2021-01-01,1,1,1,1\n"), "2021-01-01"),
        (header.to_owned(), "has no days"),
    ] {
        fs::write(&file, &text).unwrap();
        let found = complaint(&["train", "--prices", PRICES, "--records", &name], 3);
        assert!(found.contains(said), "{text}: {found}");
    }
    let day = "2021-01-01,1,1,1,1\n";
    let twin = folder.path().join("OWN.csv");
    fs::write(&file, format!("{header}{day}")).unwrap();
    fs::write(&twin, format!("{header}{day}")).unwrap();
    let twin = twin.display().to_string();
    let found = complaint(&["train", "--prices", PRICES, "--records", &name, "--records", &twin], 3);
    assert!(found.contains("the member `own` comes twice; give each file a name of its own"), "{found}");
    assert!(complaint(&["train", "--prices", PRICES], 3).contains("nobody to learn from"));
}

#[test]
fn what_the_agent_trains_is_not_mixed_with_options() {
    for more in [
        ["--trees", "8"],
        ["--drawdown-fit", "fedavg"],
        ["--prices", PRICES],
        ["--noise-multiplier", "40"],
        ["--exact-scores", "--noise-multiplier=40"],
        ["--out", "models"],
    ] {
        let found = complaint(&[&["train", "--config", "agent.toml"][..], &more].concat(), 2);
        assert!(found.contains("cannot be used with") && found.contains(more[0]), "{more:?}: {found}");
    }
    assert!(complaint(&["train", "--policy", "policy.toml"], 2).contains("--config"));
    assert!(complaint(&["train"], 2).contains("--config"));
    assert!(complaint(&["train", "--config", "none.toml"], 3).contains("quaestor init"));
}
