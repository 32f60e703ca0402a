//! `quaestor policy new` as somebody types it who begins a policy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_policies::LIBRARY;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Status, stdout and stderr of the program run in `folder`.
fn quaestor(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    let output = command.args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn new(folder: &Path, args: &[&str]) -> String {
    let (status, told, error) = quaestor(folder, &[&["policy", "new"], args].concat());
    assert_eq!((status, error.as_str()), (0, ""), "{told}");
    told
}

const SAFE: &str = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9";

#[test]
fn out_of_answers_comes_a_commented_policy_that_passes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let answers = [
        "--hold",
        "USDC=60",
        "--hold",
        "WETH=30",
        "--hold",
        "VOTE=10:native",
        "--reserve",
        "--refill",
        "100000:250000",
    ];
    let others = [
        "--name",
        "Example DAO",
        "--expires",
        "2028-01-01T00:00:00Z",
        "--safe",
        SAFE,
        "--set",
        "limits.day_bps_max=1500",
    ];
    let told = new(folder.path(), &[&answers[..], &others].concat());
    let text = fs::read_to_string(folder.path().join("policy.toml")).unwrap();
    insta::assert_snapshot!(format!("{told}\n{text}"));
    let (status, checked, _) = quaestor(folder.path(), &["policy", "check"]);
    assert_eq!(status, 0, "{checked}");
    assert!(checked.starts_with("policy.toml: no problems, 9 warnings\n"), "{checked}");
    assert!(
        checked.contains(
            "warning: policy.toml:10:8: policy.gate: is an example, one digit repeated; write the DecisionGate"
        ),
        "{checked}"
    );
}

#[test]
fn out_of_the_library_comes_the_same_file_with_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    for shipped in LIBRARY {
        let out = format!("{}.toml", shipped.name);
        new(folder.path(), &["--from", shipped.name, "--out", &out]);
        let text = fs::read_to_string(folder.path().join(&out)).unwrap();
        // Beside the comments that say what is to be filled in it is what was voted on by nobody yet.
        for (line, written) in shipped.text.lines().zip(text.lines()) {
            let is_kept = line == written
                || (written.contains(" # fill in: ") && written.starts_with(line.split(" #").next().unwrap()));
            assert!(is_kept, "{}: `{line}` became `{written}`", shipped.name);
        }
        let (status, told, _) = quaestor(folder.path(), &["policy", "check", &out, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((status, &told["ok"]), (0, &json!(true)), "{}", shipped.name);
        let examples = told["warnings"].as_array().unwrap().iter().filter(|it| it["kind"] == "example").count();
        assert_eq!(
            text.matches(" # fill in: ").count() - text.matches("as the token says").count(),
            examples,
            "{}",
            shipped.name
        );
    }
    let contracts = json!({
        "quaestor_contracts": 1, "program": "0.1.0", "complete": true, "chain_id": 1, "deployed_block": 1,
        "registry": record("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        "brake": record("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
        "gate": record("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"),
        "multisend_call_only": null, "owner": "", "guardians": [], "operators": [], "delay_secs": 1, "pull_secs": 1,
        "lease_until": 1, "ceilings": vec![0u64; 32], "deployer": "",
    });
    fs::write(folder.path().join("contracts.json"), contracts.to_string()).unwrap();
    let said = [
        "--from",
        "balanced",
        "--contracts",
        "contracts.json",
        "--safe",
        SAFE,
        "--name",
        "Ours",
        "--json",
        "--out",
        "ours.toml",
    ];
    let told: Value = serde_json::from_str(&new(folder.path(), &said)).unwrap();
    let left: Vec<&str> =
        told["to_fill_in"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert!(!left.contains(&"policy.gate") && !left.contains(&"accounts.operations.address"), "{left:?}");
    assert!(left.contains(&"accounts.reserve.governor"), "{left:?}");
    let text = fs::read_to_string(folder.path().join("ours.toml")).unwrap();
    for line in ["name = \"Ours\"\n", "gate = \"eip155:1:0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0\"\n"] {
        assert!(text.contains(line), "{text}");
    }
}

fn record(account: &str) -> Value {
    let zero = format!("0x{}", "0".repeat(64));
    json!({ "account": format!("eip155:1:{account}"), "code_hash": zero, "block": 1, "tx": zero })
}

#[test]
fn the_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let told = new(folder.path(), &["--list"]);
    assert_eq!(told.lines().count(), LIBRARY.len());
    assert!(
        told.starts_with(
            "balanced              A treasury of dollars, ether and the DAO's own token, kept in balance.\n"
        ),
        "{told}"
    );
}

#[test]
fn what_makes_no_policy_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |args: &[&str], exit: i32, said: &str| {
        let (status, told, error) = quaestor(folder.path(), &[&["policy", "new"], args].concat());
        assert!(status == exit && error.contains(said), "{args:?}: {status} {told}{error}");
        assert!(!folder.path().join("policy.toml").exists());
    };
    refused(&[], 2, "say --from NAME for a policy of the library (balanced, grants-runway");
    refused(&["--from", "ballanced"], 2, "the library has no `ballanced`; it has: balanced");
    refused(&["--from", "own-token", "--governor", SAFE], 2, "this policy has no account for --governor");
    refused(&["--hold", "USDC=60"], 2, "the shares sum to 6000 bps");
    refused(&["--hold", "USDC=60", "--hold", "VOTE=40"], 2, "say what it is, such as VOTE=20:volatile");
    refused(&["--hold", "USDC=100", "--refill", "1:2", "--from", "balanced"], 2, "cannot be used with");
    refused(&["--from", "balanced", "--set", "limits.day_bps_mx=1"], 2, "write `day_bps_max`, if that is meant");
    refused(&["--from", "balanced", "--set", "limits.day_bps_max=x"], 2, "write a whole number from 0 to 1000000");
    refused(&["--from", "balanced", "--expires", "tomorrow"], 2, "`tomorrow` is not a time in UTC");
    fs::write(folder.path().join("mine.toml"), "mine").unwrap();
    refused(&["--from", "balanced", "--out", "mine.toml"], 3, "never replaced");
    assert_eq!(fs::read_to_string(folder.path().join("mine.toml")).unwrap(), "mine");
}
