//! `quaestor policy propose` against the real Governor, registry and Safe of the local DAO: what a member types, what the others
//! read, and what comes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(unreachable_pub, dead_code, reason = "shared with other tests")]

mod local;

use alloy::{hex, primitives::keccak256, sol};
use local::fresh;
use quaestor::devnet::{Devnet, Site, demo_limits, people, policy_text};
use quaestor_contracts::{
    bindings::PolicyRegistry,
    governor::ProposalState,
    safe::{Operation, SafeTx},
};
use quaestor_core::{Amount, Limits};
use serde_json::{Value, json};
use std::{
    fs,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

sol! {
    // OpenZeppelin 5.7, access/Ownable.sol
    function transferOwnership(address newOwner) external;
}

const PASSWORD: &str = "QUAESTOR_TEST_PROPOSE_PASSWORD";
const KEY: &str = "QUAESTOR_TEST_PROPOSE_KEY";

struct Room {
    devnet: Devnet,
    site: Site,
    _folder: TempDir,
}

impl Room {
    async fn new() -> Self {
        let devnet = fresh().await;
        let folder = tempfile::tempdir().unwrap();
        let text = policy_text(&devnet.dao, demo_limits());
        let url = devnet.chain.url().to_string();
        let site = Site::write(folder.path(), &devnet, &text, &url, PASSWORD, "never asked").unwrap();
        Self { devnet, site, _folder: folder }
    }

    fn types(&self, args: &[&str]) -> Output {
        let [member, ..] = &self.devnet.dao.people.members;
        Command::new(env!("CARGO_BIN_EXE_quaestor"))
            .args(["policy", "propose"])
            .args(args)
            .current_dir(&self.site.folder)
            .env(KEY, hex::encode_prefixed(member.to_bytes()))
            .env_remove("QUAESTOR_CONFIG")
            .env_remove("QUAESTOR_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn writes(&self, name: &str, limits: Limits) -> String {
        let text = policy_text(&self.devnet.dao, limits);
        fs::write(self.site.folder.join(name), &text).unwrap();
        text
    }

    /// Members vote the one proposal that waits, and it is executed and in force.
    async fn carries(&self) {
        let mut open = Vec::new();
        for proposal in self.devnet.proposals().await.unwrap() {
            if self.devnet.proposal_state(&proposal).await.unwrap() == ProposalState::Pending {
                open.push(proposal);
            }
        }
        let [proposal] = open.as_slice() else { panic!("{} proposals wait", open.len()) };
        self.devnet.carry(proposal).await.unwrap();
        let registry = self.devnet.dao.controls.registry;
        let pending = self.devnet.chain.read(registry, &PolicyRegistry::pendingEpochCall {}).await.unwrap();
        if pending.number > 0 {
            self.devnet.warp_to(pending.activeAt).await.unwrap();
        }
        self.devnet.mine(3).await.unwrap();
    }

    async fn active(&self) -> (u64, alloy::primitives::B256) {
        let registry = self.devnet.dao.controls.registry;
        let active = self.devnet.chain.read(registry, &PolicyRegistry::activeCall {}).await.unwrap();
        (active.number, active.policyHash)
    }
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_proposes_the_first_policy_and_then_a_change_and_both_come_into_force() {
    let room = Room::new().await;
    // The first: nothing is in force, so that it says what it permits.
    let sent = json(&room.types(&["policy.toml", "--uri", "file:policy.toml", "--key-env", KEY, "--yes", "--json"]));
    let text = fs::read(room.site.folder.join("policy.toml")).unwrap();
    assert_eq!(sent["policy_hash"], keccak256(&text).to_string());
    let name = sent["proposal_id"].as_str().unwrap();
    let governor = room.devnet.dao.governance.governor;
    assert!(name.starts_with(&format!("eip155:31337:{governor}?proposalId=")), "{name}");
    let description = sent["description"].as_str().unwrap();
    assert!(description.contains("adopt the first policy"), "{description}");
    let [member, ..] = &room.devnet.dao.people.members;
    assert!(description.ends_with(&format!("#proposer={}", member.address())), "{description}");
    room.carries().await;
    assert_eq!(room.active().await, (1, keccak256(&text)));

    // A change: what is narrowed, with a witness, and the commands that recompute it.
    let new = room.writes("new.toml", Limits { proposal_bps_max: 150, ..demo_limits() });
    let motivation = room.site.folder.join("why.md");
    fs::write(&motivation, "Smaller steps, until the new signers know the Safe.\n").unwrap();
    let change = ["new.toml", "--uri", "file:new.toml", "--motivation", "why.md", "--out", "proposal.md"];
    let shown = room.types(&[&change[..], &["--proposer", &member.address().to_string(), "--dry-run"]].concat());
    let told = said(&shown);
    assert!(shown.status.success(), "{told}");
    for words in [
        "## Motivation\n\nSmaller steps, until the new signers know the Safe.",
        "**narrows** `limits.proposal_bps_max`",
        "it is in force at once",
        "quaestor policy diff policy.toml new.toml",
        "trial      it runs now, and would be epoch 2",
    ] {
        assert!(told.contains(words), "no `{words}` in:\n{told}");
    }
    let written = fs::read_to_string(room.site.folder.join("proposal.md")).unwrap();
    assert!(told.starts_with(&written), "what is written is what is shown");
    assert_eq!(room.active().await.0, 1, "a dry run sends nothing");
    let sent = json(&room.types(&[&change[..], &["--key-env", KEY, "--yes", "--json"]].concat()));
    assert_eq!(sent["description"], written, "the proposal is the text that was shown");
    assert_eq!(sent["diff"]["verdict"], "narrows");
    room.carries().await;
    assert_eq!(room.active().await, (2, keccak256(&new)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_come_into_force_is_not_sent() {
    let room = Room::new().await;
    let [member, ..] = &room.devnet.dao.people.members;
    let me = member.address().to_string();
    // Beyond the constitution.
    room.writes("wide.toml", Limits { proposal_bps_max: 10_000, slippage_bps_max: 9_999, ..demo_limits() });
    let output = room.types(&["wide.toml", "--uri", "file:wide.toml", "--key-env", KEY, "--yes"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("numbers of the envelope lie beyond the registry's ceilings (slots "),
        "{}",
        said(&output)
    );
    // Without votes.
    let stranger = room.devnet.dao.people.stranger.address().to_string();
    let output =
        room.types(&["policy.toml", "--uri", "file:policy.toml", "--proposer", &stranger, "--dry-run", "--json"]);
    let hindrance = json(&output)["hindrance"].as_str().unwrap().to_owned();
    assert!(hindrance.contains(&format!("{stranger} has 0 votes and a proposer needs ")), "{hindrance}");
    // Of another registry.
    let text = fs::read_to_string(room.site.folder.join("policy.toml")).unwrap();
    let registry = room.devnet.dao.controls.registry.to_string();
    let other = room.devnet.dao.people.stranger.address().to_string();
    fs::write(room.site.folder.join("other.toml"), text.replacen(&registry, &other, 1)).unwrap();
    let output = room.types(&["other.toml", "--uri", "file:other.toml", "--proposer", &me, "--dry-run"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("the agent would not obey it"), "{}", said(&output));
    // Nobody can be asked in a pipe.
    // Nobody could get the file from there, or it is another one.
    for (uri, why) in [("ftp://dao.example/p.toml", "it is none of"), ("file:wide.toml", "the file there has the hash")]
    {
        let output = room.types(&["policy.toml", "--uri", uri, "--proposer", &me, "--dry-run"]);
        assert!(output.status.code() == Some(2) && said(&output).contains(why), "{}", said(&output));
    }
    // Owners of a Safe have nothing to sign where members vote.
    let safe = ["policy.toml", "--uri", "file:policy.toml", "--proposer", &me, "--safe-tx", "safe.json"];
    let output = room.types(&safe);
    assert!(!output.status.success() && said(&output).contains("and by no Safe"), "{}", said(&output));
    let output = room.types(&[&safe[..], &["--dry-run"]].concat());
    assert!(said(&output).contains("and by no Safe") && !room.site.folder.join("safe.json").exists());
    let output = room.types(&["policy.toml", "--uri", "file:policy.toml", "--key-env", KEY]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(room.devnet.proposals().await.unwrap().is_empty(), "nothing was sent");
}

/// What the Transaction Builder makes of its file: one call of the Safe, which its owners sign and anybody sends.
async fn carried_by_owners(devnet: &Devnet, file: &Value) {
    let dao = &devnet.dao;
    let [transaction] = file["transactions"].as_array().unwrap().as_slice() else { panic!("{file}") };
    let text = |key: &str| transaction[key].as_str().unwrap();
    let tx = SafeTx {
        to: text("to").parse().unwrap(),
        value: Amount(text("value").parse().unwrap()),
        data: text("data").parse().unwrap(),
        operation: Operation::Call,
        nonce: devnet.safe_nonce().await.unwrap(),
    };
    let hash = devnet.safe_tx_hash(&tx);
    for owner in &dao.people.owners {
        devnet.approve(owner.address(), hash).await.unwrap();
    }
    devnet.execute(dao.people.stranger.address(), &tx).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_of_a_safe_that_owns_the_registry_put_two_policies_in_force() {
    let room = Room::new().await;
    let dao = &room.devnet.dao;
    let to_safe = transferOwnershipCall { newOwner: dao.safe.account };
    room.devnet.vote_through(&[people::call(dao.controls.registry, &to_safe)], "# To the Safe").await.unwrap();

    // Who may not propose there is told whose matter it is.
    let output = room.types(&["policy.toml", "--uri", "file:policy.toml", "--key-env", KEY, "--yes"]);
    let told = said(&output);
    assert!(!output.status.success() && told.contains("--safe-tx"), "{told}");

    // What the registry would refuse is not written for them.
    room.writes("wide.toml", Limits { proposal_bps_max: 10_000, slippage_bps_max: 9_999, ..demo_limits() });
    let output = room.types(&["wide.toml", "--uri", "file:wide.toml", "--safe-tx", "wide.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!room.site.folder.join("wide.json").exists());

    let first = fs::read(room.site.folder.join("policy.toml")).unwrap();
    let new = room.writes("new.toml", Limits { proposal_bps_max: 150, ..demo_limits() });
    for (epoch, name, text, words) in [
        (1, "policy.toml", first.as_slice(), "adopt the first policy"),
        (2, "new.toml", new.as_bytes(), "**narrows** `limits.proposal_bps_max`"),
    ] {
        let uri = format!("file:{name}");
        let output = room.types(&[name, "--uri", &uri, "--safe-tx", &format!("{name}.json"), "--out", "text.md"]);
        let told = said(&output);
        assert!(output.status.success() && told.contains(words), "{told}");
        let written = fs::read(room.site.folder.join(format!("{name}.json"))).unwrap();
        let file: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!((&file["version"], &file["chainId"]), (&json!("1.0"), &json!("31337")));
        assert_eq!(file["meta"]["createdFromSafeAddress"], dao.safe.account.to_string());
        carried_by_owners(&room.devnet, &file).await;
        let pending = PolicyRegistry::pendingEpochCall {};
        let pending = room.devnet.chain.read(dao.controls.registry, &pending).await.unwrap();
        if pending.number > 0 {
            room.devnet.warp_to(pending.activeAt).await.unwrap();
        }
        room.devnet.mine(3).await.unwrap();
        assert_eq!(room.active().await, (epoch, keccak256(text)));
        fs::remove_file(room.site.folder.join("text.md")).unwrap();
    }
}
