//! A policy file that is not the one in force, or not of this DAO: what the agent says, in one table. The registry is the
//! real one; `tests/tests/bad_input/` tells what a running agent then does.

#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod local;

use alloy::{
    primitives::{Address, B256, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quaestor::{
    agent::{Expected, in_force},
    chain::{Chain, Contracts, observe},
    config::FilesConfig,
    devnet::{Devnet, demo_limits, people::call, policy_text},
    verify::connect,
};
use quaestor_contracts::{bindings::PolicyRegistry, deploy};
use quaestor_core::{Envelope, Limits, Policy};
use quaestor_policies::{FILE_BYTES_MAX, VotedPolicy};
use std::fs;
use tempfile::TempDir;

fn parse(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap()
}

/// A registry whose owner needs no vote and whose epochs are active at once, and the files of an agent.
struct Stand {
    devnet: Devnet,
    chain: Chain,
    registry: Address,
    folder: TempDir,
    files: FilesConfig,
}

impl Stand {
    async fn new() -> Self {
        let devnet = local::fresh().await;
        let deployer = devnet.dao.people.deployer.address();
        let arguments = PolicyRegistry::constructorCall {
            owner_: deployer,
            delaySecs_: 0,
            guardians_: vec![devnet.dao.people.guardians[0].address()],
            ceilings_: Limits::default().envelope(),
        };
        let code = deploy::policy_registry(&arguments);
        let registry = devnet.chain.deploy("PolicyRegistry", deployer, &code, &[]).await.unwrap();
        let chain = connect(devnet.chain.url().clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let within = |name: &str| folder.path().join(name);
        let files = FilesConfig {
            policies: vec![within("policies")],
            journal: within("journal.db"),
            bundles: within("bundles"),
            models: within("models"),
            ipfs_gateway: None,
        };
        fs::create_dir(within("policies")).unwrap();
        Self { devnet, chain, registry, folder, files }
    }

    /// A good policy of this DAO and this registry.
    fn text(&self) -> String {
        let dao = &self.devnet.dao;
        policy_text(dao, demo_limits()).replace(&dao.controls.registry.to_string(), &self.registry.to_string())
    }

    async fn submit(&self, hash: B256, rest: B256, envelope: Envelope) {
        let submit =
            PolicyRegistry::submitCall { policyHash: hash, restHash: rest, envelope, uri: "ipfs://the-policy".into() };
        let owner = self.devnet.dao.people.deployer.address();
        self.devnet.chain.send("submit", owner, &call(self.registry, &submit)).await.unwrap();
    }

    /// Anchors `text` as it should be.
    async fn anchor(&self, text: &str) {
        let policy = parse(text);
        self.submit(policy.hash(), policy.rest_hash(), policy.envelope()).await;
    }

    /// Has the one file of the agent say this.
    fn write(&self, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join("policies/policy.toml"), bytes).unwrap();
    }

    fn expected(&self) -> Expected {
        let controls = &self.devnet.dao.controls;
        Expected { chain_id: 31_337, registry: self.registry, brake: controls.brake, gate: controls.gate }
    }

    /// What the agent says, who has seen this epoch before: the policy's epoch, or why there is none. Of the problems of a
    /// file it says that there are some; the language's own tests have them.
    async fn says(&self, expected: &Expected, seen: Option<u64>) -> String {
        let block = self.chain.block(BlockNumberOrTag::Latest).await.unwrap();
        let catalog = quaestor_strategies::catalog();
        let found = in_force(&self.chain, &self.files, &catalog, expected, block, seen).await.unwrap();
        let said = found.map_or_else(|refused| refused.to_string(), |held| format!("epoch {} is in force", held.epoch));
        let controls = &self.devnet.dao.controls;
        let named = [
            (parse(&self.text()).hash().to_string(), "<hash>"),
            (self.registry.to_string(), "<registry>"),
            (controls.brake.to_string(), "<brake>"),
            (controls.gate.to_string(), "<gate>"),
        ];
        let first = said.lines().next().unwrap_or_default().to_owned();
        named.iter().fold(first, |said, (value, name)| said.replace(value, name))
    }
}

#[tokio::test]
async fn a_file_that_is_not_the_policy_in_force_is_told_and_never_used() {
    let stand = Stand::new().await;
    let (expected, text) = (stand.expected(), stand.text());
    let mut shown = String::new();
    macro_rules! told {
        ($name:expr, $expected:expr, $seen:expr) => {
            shown.push_str(&format!("== {}\n{}\n\n", $name, stand.says($expected, $seen).await));
        };
    }
    told!("before the first vote", &expected, None);
    stand.write(&text);
    stand.anchor(&text).await;
    told!("the file as it was voted", &expected, None);
    stand.write(text.replace('\n', "\r\n"));
    told!("the same with other line ends", &expected, None);
    stand.write(format!("{text}\n"));
    told!("the same with a line more", &expected, None);
    stand.write(&text[..text.len() - 1]);
    told!("the same without its last byte", &expected, None);
    stand.write("#".repeat(FILE_BYTES_MAX + 1));
    told!("a file that is too large to be a policy", &expected, None);
    fs::remove_file(stand.folder.path().join("policies/policy.toml")).unwrap();
    told!("no file", &expected, None);

    stand.write(&text);
    told!("an epoch older than one that was in force", &expected, Some(2));
    let elsewhere = |change: &dyn Fn(&mut Expected)| {
        let mut expected = stand.expected();
        change(&mut expected);
        expected
    };
    let other = Address::repeat_byte(0x77);
    told!("another chain", &elsewhere(&|it| it.chain_id = 1), None);
    told!("another brake", &elsewhere(&|it| it.brake = other), None);
    told!("another gate", &elsewhere(&|it| it.gate = other), None);
    // The agent asks its own registry, in which the file of another was anchored.
    let foreign = text.replace(&stand.registry.to_string(), &other.to_string());
    stand.write(&foreign);
    stand.anchor(&foreign).await;
    told!("the policy of another registry", &expected, None);

    let bad = text.replacen("slippage_bps_max", "slipage_bps_max", 1);
    stand.write(&bad);
    stand.submit(keccak256(&bad), keccak256("rest"), parse(&text).envelope()).await;
    told!("a file with problems was voted", &expected, None);
    let policy = parse(&text);
    stand.write(&text);
    let other = Limits { proposal_bps_max: 1, ..demo_limits() }.envelope();
    stand.submit(policy.hash(), policy.rest_hash(), other).await;
    told!("other numbers were voted than the file has", &expected, None);
    stand.submit(policy.hash(), keccak256("other words"), policy.envelope()).await;
    told!("other words were voted than the file has", &expected, None);
    stand.anchor(&text).await;
    told!("and again as it should be", &expected, Some(5));
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_policy_whose_accounts_are_not_those_of_the_chain_has_no_snapshot() {
    let devnet = local::fresh().await;
    let (dao, controls) = (&devnet.dao, &devnet.dao.controls);
    let chain = connect(devnet.chain.url().clone()).unwrap();
    let contracts = Contracts { registry: controls.registry, brake: controls.brake, gate: controls.gate };
    let block = chain.block(BlockNumberOrTag::Latest).await.unwrap();
    let text = policy_text(dao, demo_limits());
    let stranger = dao.people.stranger.address().to_string();
    let mut shown = String::new();
    let cases = [
        ("a Safe that is nobody's", dao.safe.account.to_string(), stranger.clone()),
        ("a Safe that is another contract", dao.safe.account.to_string(), dao.safe.multi_send.to_string()),
        ("a timelock that is nobody's", dao.governance.timelock.to_string(), stranger.clone()),
        ("a token that is none", dao.assets[1].address.to_string(), stranger),
    ];
    for (name, right, wrong) in cases {
        let policy = parse(&text.replace(&right, &wrong));
        let said = match observe(&chain, policy.terms(), &contracts, block).await {
            Ok(observation) => panic!("{name}: {observation:?}"),
            Err(error) => error.to_string(),
        };
        let said = said
            .replace(&wrong, "<address>")
            .replace(&dao.safe.account.to_string(), "<the Safe>")
            .replace(&format!("block {}", block.number), "block <number>");
        shown.push_str(&format!("== {name}\n{said}\n\n"));
    }
    insta::assert_snapshot!(shown);
}
