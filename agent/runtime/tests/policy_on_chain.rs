//! Policies held against the registry of the local DAO: what `policy fetch` brings, and keeps from being lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(unreachable_pub, dead_code, reason = "shared with other tests")]

mod local;

use alloy::primitives::{B256, keccak256};
use local::fresh;
use quaestor::devnet::{Anchored, Devnet, Site, demo_limits, policy_text};
use quaestor_core::{Amount, Call, Limits, Policy};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Stdio},
};
use tempfile::TempDir;

const PASSWORD: &str = "QUAESTOR_TEST_POLICY_PASSWORD";

/// The local DAO with the files of an agent; no policy is voted.
struct Room {
    devnet: Devnet,
    site: Site,
    text: String,
    _folder: TempDir,
}

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Room {
    async fn new() -> Self {
        let devnet = fresh().await;
        let folder = tempfile::tempdir().unwrap();
        let text = policy_text(&devnet.dao, demo_limits());
        let url = devnet.chain.url().to_string();
        let site = Site::write(folder.path(), &devnet, &text, &url, PASSWORD, "never asked").unwrap();
        Self { devnet, site, text, _folder: folder }
    }

    /// Votes the policy of this text, whose file is at `uri`, and waits until it is in force, finally.
    async fn vote(&self, text: &str, uri: &str) -> Anchored {
        let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
        let (hash, rest) = (policy.hash(), policy.rest_hash());
        let voted = self.devnet.vote_policy(hash, rest, policy.envelope(), uri, &format!("# {uri}")).await.unwrap();
        self.devnet.warp_to(voted.active_at.max(self.devnet.chain.now().await.unwrap())).await.unwrap();
        self.devnet.mine(3).await.unwrap();
        voted
    }

    /// Puts bytes into the calldata of a transaction to nobody in particular; the URI of it.
    async fn publish(&self, bytes: &str) -> String {
        let stranger = self.devnet.dao.people.stranger.address();
        let call = Call { to: stranger, value: Amount::ZERO, data: bytes.as_bytes().to_vec().into() };
        let receipt = self.devnet.chain.send("a policy", stranger, &call).await.unwrap();
        format!("tx:{}", receipt.transaction_hash)
    }

    /// The real program, as a person types it.
    fn types(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_quaestor"))
            .args(args)
            .current_dir(&self.site.folder)
            .env_remove("QUAESTOR_CONFIG")
            .env_remove("QUAESTOR_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn tighter(&self) -> String {
        policy_text(&self.devnet.dao, Limits { proposal_bps_max: 1_000, ..demo_limits() })
    }
}

impl Ended {
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) {
        let told = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{told}");
        for words in words {
            assert!(told.contains(words), "no `{words}` in:\n{told}");
        }
    }
}

#[tokio::test]
async fn the_file_of_a_vote_is_fetched_from_a_transaction_and_never_written_over_another() {
    let room = Room::new().await;
    room.types(&["policy", "fetch"]).expect(1, &["no active policy", "vote one"]);
    let uri = room.publish(&room.text).await;
    room.vote(&room.text, &uri).await;
    let hash = keccak256(&room.text).to_string();

    // It is there already, since the agent's files were written with it; a copy goes where it is asked for.
    let first = room.site.policies.join("epoch-1.toml");
    room.types(&["policy", "fetch"]).expect(0, &["epoch    1", &uri, &hash, "epoch-1.toml", "bytes written"]);
    assert_eq!(fs::read_to_string(&first).unwrap(), room.text);
    room.types(&["policy", "fetch"]).expect(0, &["had it already"]);
    let ended = room.types(&["policy", "fetch", "--out", "copy.toml", "--json"]);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (ended.code, &told["epoch"], &told["written"], &told["file"]),
        (0, &1.into(), &true.into(), &"copy.toml".into())
    );
    assert_eq!((told["hash"].as_str(), told["uri"].as_str()), (Some(hash.as_str()), Some(uri.as_str())));

    // The next vote's file must not take its place, for what was done under it is judged by it.
    let tighter = room.tighter();
    let second = room.publish(&tighter).await;
    room.vote(&tighter, &second).await;
    room.types(&["policy", "fetch", "--out", "policy.toml"]).expect(
        3,
        &["policy.toml is another file", &hash, "it is the policy of epoch 1, which audits ask for", "--out"],
    );
    assert_eq!(fs::read_to_string(&room.site.policy).unwrap(), room.text);
    room.types(&["policy", "fetch"]).expect(0, &["epoch    2", "epoch-2.toml"]);
    assert_eq!(fs::read_to_string(room.site.policies.join("epoch-2.toml")).unwrap(), tighter);
    fs::remove_file(&first).unwrap();
    room.types(&["policy", "fetch", "--epoch", "1"]).expect(0, &["epoch    1", "epoch-1.toml"]);
    assert_eq!(fs::read_to_string(&first).unwrap(), room.text);
    room.types(&["policy", "fetch", "--epoch", "3"]).expect(1, &["has no epoch 3 yet"]);
}

#[tokio::test]
async fn a_file_that_is_not_the_anchored_one_is_refused_with_both_hashes() {
    let room = Room::new().await;
    let other = room.tighter();
    let uri = room.publish(&other).await;
    room.vote(&room.text, &uri).await;
    let before = fs::read_dir(&room.site.policies).unwrap().count();
    for args in [&["policy", "fetch"][..], &["policy", "fetch", "--out", "policy.toml"]] {
        let hashes = [keccak256(&room.text).to_string(), keccak256(&other).to_string()];
        room.types(args).expect(1, &["is not the policy of epoch 1", &hashes[0], &hashes[1], "thrown away"]);
    }
    assert_eq!(fs::read_to_string(&room.site.policy).unwrap(), room.text, "the good one is untouched");
    assert_eq!(fs::read_dir(&room.site.policies).unwrap().count(), before);
    let nothing = format!("tx:{}", B256::repeat_byte(7));
    room.vote(&other, &nothing).await;
    room.types(&["policy", "fetch"]).expect(4, &["which the node does not know", "archive node"]);
}
