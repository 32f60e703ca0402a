//! What a person sees: help, results and errors of the real program, with their exit codes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use quaestor::journal::Journal;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Status, stdout and stderr of the program run in `directory`.
fn quaestor(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quaestor"))
        .args(args)
        .current_dir(directory)
        .env_remove("QUAESTOR_CONFIG")
        .env_remove("QUAESTOR_LOG")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The same as one text, for the golden files.
fn seen(directory: &Path, args: &[&str]) -> String {
    let (status, stdout, stderr) = quaestor(directory, args);
    let mut text = format!("$ quaestor {}\n{stdout}", args.join(" "));
    if !stderr.is_empty() {
        text += &format!("stderr:\n{stderr}");
    }
    format!("{text}exit {status}\n")
}

/// A directory with a journal of three rows.
fn room() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&directory.path().join("journal.db")).unwrap();
    for number in 1..=3u64 {
        let payload = json!({ "block": 100 + number, "allowed": number != 2 });
        journal.append("decision.made", &payload, 1_767_225_600_000 + number * 500).unwrap();
    }
    directory
}

fn damage(directory: &Path) {
    let path = directory.join("journal.db");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(11).position(|window| window == b"\"block\":102").unwrap();
    bytes[place + 10] = b'9';
    fs::write(&path, bytes).unwrap();
}

#[test]
fn help_tells_commands_examples_and_exit_codes() {
    let directory = tempfile::tempdir().unwrap();
    let texts = [
        &["--help"][..],
        &["journal", "--help"],
        &["journal", "show", "--help"],
        &["policy", "--help"],
        &["risk", "show", "--help"],
    ];
    insta::assert_snapshot!(texts.map(|args| seen(directory.path(), args)).join("\n"));
}

#[test]
fn a_journal_is_shown_and_verified() {
    let room = room();
    let journal = ["--journal", "journal.db"];
    let texts = [
        &["journal", "show"][..],
        &["journal", "show", "--limit", "1"],
        &["journal", "show", "--from", "2", "--json"],
        &["journal", "verify"],
        &["journal", "verify", "--json"],
    ];
    insta::assert_snapshot!(texts.map(|args| seen(room.path(), &[args, &journal].concat())).join("\n"));
}

#[test]
fn a_damaged_journal_fails_its_check_and_cannot_be_shown() {
    let room = room();
    damage(room.path());
    let (status, stdout, stderr) = quaestor(room.path(), &["journal", "verify", "--journal", "journal.db", "--json"]);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &told["ok"], &told["exit"]), (1, &json!(false), &json!(1)));
    assert!(stderr.contains("row 2 was changed"), "{stderr}");
    let (status, _, stderr) = quaestor(room.path(), &["journal", "show", "--journal", "journal.db"]);
    assert_eq!(status, 5, "{stderr}");
}

#[test]
fn the_journal_is_found_through_the_configuration() {
    let room = room();
    let config = r#"
        [chain]
        rpc_url = "env:NODE"
        chain_id = 1
        [contracts]
        registry = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        brake = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
        gate = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
        multisend_call_only = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
        deployed_block = 1
        [operator]
        address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        key = "env:KEY"
    "#;
    fs::write(room.path().join("agent.toml"), config).unwrap();
    let (status, stdout, stderr) = quaestor(room.path(), &["journal", "verify"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("whole, 3 rows"), "{stdout}");
}

#[test]
fn errors_have_their_exit_codes() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("bad.toml"), "[chain]\nchain_id = \"one\"\n").unwrap();
    let texts = [
        &["journal", "verify", "--journal", "none.db"][..],
        &["journal", "show", "--config", "bad.toml"],
        &["journal", "show", "--config", "none.toml", "--json"],
        &["policy", "check", "none.toml"],
        &["journal", "dance"],
    ];
    insta::assert_snapshot!(texts.map(|args| seen(directory.path(), args)).join("\n"));
}

#[test]
fn a_policy_with_problems_is_told_with_places() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("policy.toml"), "nmae = \"treasury\"\n[limits]\nproposal_bps_max = \"x\"\n")
        .unwrap();
    let (status, stdout, stderr) = quaestor(directory.path(), &["policy", "check", "--json"]);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &told["ok"]), (3, &json!(false)));
    let problems = told["detail"]["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["line"] == 1) && problems.iter().any(|problem| problem["line"] == 3));
    assert!(stderr.contains("policy.toml:1:1: ") && stderr.contains("policy.toml:3:"), "{stderr}");
}

#[test]
fn a_policy_is_checked_and_hashed() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let texts = [
        &["policy", "check"][..],
        &["policy", "check", "--json"],
        &["policy", "hash"],
        &["policy", "hash", "policy.toml", "--json"],
    ];
    insta::assert_snapshot!(texts.map(|args| seen(&tests, args)).join("\n"));
}

#[test]
fn what_looks_like_a_slip_is_warned_of_and_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let policy = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy.toml")).unwrap();
    let slips = policy.replacen("[limits]\n", "[limits]\nhour_bps_max = 1600\n", 1);
    fs::write(directory.path().join("policy.toml"), slips).unwrap();
    let texts = [&["policy", "check"][..], &["policy", "check", "--json"]];
    insta::assert_snapshot!(texts.map(|args| seen(directory.path(), args)).join("\n"));
}

#[test]
fn a_policy_is_explained() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    insta::assert_snapshot!(seen(&tests, &["policy", "explain"]));
    let (status, markdown, _) = quaestor(&tests, &["policy", "explain", "policy.toml", "--md"]);
    assert!(status == 0 && markdown.starts_with("# Example DAO treasury\n"), "{markdown}");
    let (status, stdout, _) = quaestor(&tests, &["policy", "explain", "--json"]);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &told["ok"], &told["name"]), (0, &json!(true), &json!("Example DAO treasury")));
    let sections = told["sections"].as_array().unwrap();
    let sentences: Vec<&Value> = sections.iter().flat_map(|it| it["sentences"].as_array().unwrap()).collect();
    let cap = sentences.iter().find(|it| it["rules"] == json!(["proposal_bps_max"])).unwrap();
    assert_eq!(cap["keys"], json!(["limits.proposal_bps_max"]));
    assert!(markdown.contains(cap["text"].as_str().unwrap()), "{cap}");
    let (status, stdout, stderr) = quaestor(&tests, &["policy", "explain", "--md", "--json"]);
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
}

#[test]
fn completions_name_the_commands() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (status, stdout, _) = quaestor(directory.path(), &["completions", shell]);
        assert!(status == 0 && stdout.contains("journal") && stdout.contains("policy"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let room = room();
    let mut child = Command::new(env!("CARGO_BIN_EXE_quaestor"))
        .args(["journal", "show", "--journal", "journal.db"])
        .current_dir(room.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
