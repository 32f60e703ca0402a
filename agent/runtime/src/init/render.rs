//! The text of `agent.toml`.

use crate::{
    config::{MULTICALL3, profile},
    keys::KeySource,
};
use alloy::primitives::Address;
use quaestor_core::Caip10;
use std::path::PathBuf;

/// A table `[training]` to begin with; it is written as a comment.
const TRAINING: [&str; 4] = [
    "[training]",
    "prices = \"prices\" # a CSV file of daily prices for each asset",
    "records = [\"records/own.csv\"] # a file for each member",
    "noise_multiplier = 5 # needed if the policy sets `risk.epsilon_year_max`, else left out",
];

/// What an `agent.toml` is written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFacts {
    /// The node's URL, or `env:NAME`.
    pub rpc_url: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `EmergencyBrake`.
    pub brake: Address,
    /// `DecisionGate`.
    pub gate: Address,
    /// Safe's MultiSendCallOnly.
    pub multisend_call_only: Address,
    /// Multicall3; written only where it is not at its usual address.
    pub multicall3: Address,
    /// Events are read from this block on.
    pub deployed_block: u64,
    /// The operator.
    pub operator: Address,
    /// Where its key is; a keystore's path is relative to the file.
    pub key: KeySource,
    /// Policy files, and directories of them, relative to the file.
    pub policies: Vec<PathBuf>,
    /// Time between two looks at the newest block, milliseconds; `None`: as the chain has it.
    pub poll_interval_ms: Option<u64>,
}

/// A commented `agent.toml` that says what `facts` say; it loads with [`crate::config::Config::load`] wherever its policy
/// files are.
pub fn render_config(facts: &ConfigFacts) -> String {
    let account = |address: Address| quoted(&Caip10 { chain_id: facts.chain_id, address }.to_string());
    let mut lines = vec![
        "# The agent of one operator. Paths are relative to this file. No secret stands here.".to_owned(),
        String::new(),
        "[chain]".to_owned(),
        "# A URL that holds a key belongs into the environment: rpc_url = \"env:NAME\".".to_owned(),
        format!("rpc_url = {}", quoted(&facts.rpc_url)),
    ];
    let name = profile(facts.chain_id).map_or_else(String::new, |known| format!(" # {}", known.name));
    lines.push(format!("chain_id = {}{name}", facts.chain_id));
    if profile(facts.chain_id).is_none() {
        lines.push("# This chain is not one that the agent knows; see that these three fit it.".to_owned());
        lines.push("confirmations = 12 # blocks after a decision's block before the decision is taken".to_owned());
        lines.push("finality = \"finalized\" # or a number of blocks".to_owned());
        lines.push("head_age_secs_max = 300 # an older newest block means that the node is behind".to_owned());
    }
    if let Some(interval) = facts.poll_interval_ms {
        lines.push(format!("poll_interval_ms = {interval} # between two looks at the newest block"));
    }
    lines.extend([
        String::new(),
        "# A policy that names other contracts than these is refused.".to_owned(),
        "[contracts]".to_owned(),
    ]);
    let contracts = [
        ("registry", facts.registry, "PolicyRegistry"),
        ("brake", facts.brake, "EmergencyBrake"),
        ("gate", facts.gate, "DecisionGate"),
        ("multisend_call_only", facts.multisend_call_only, "Safe's, of the version of the DAO's Safe"),
    ];
    let row = |(key, address, about): (&str, Address, &str)| format!("{key} = {} # {about}", account(address));
    lines.extend(contracts.map(row));
    if facts.multicall3 != MULTICALL3 {
        lines.push(row(("multicall3", facts.multicall3, "not at its usual address on this chain")));
    }
    lines.push(format!("deployed_block = {} # events are read from here on", facts.deployed_block));
    lines.extend([
        String::new(),
        "# The brake lists this address as an operator, and the Safe has it as an owner.".to_owned(),
        "[operator]".to_owned(),
        format!("address = {}", account(facts.operator)),
        format!("key = {}", key(&facts.key)),
        String::new(),
        "[files]".to_owned(),
    ]);
    let policies: Vec<String> = facts.policies.iter().map(|path| quoted(&path.to_string_lossy())).collect();
    lines.push("# Files, or directories of them; the vote says by its hash which one is in force.".to_owned());
    lines.push(format!("policies = [{}]", policies.join(", ")));
    lines.extend([
        "journal = \"journal.db\" # never delete it: what waits on a Safe is known from it alone".to_owned(),
        "bundles = \"bundles\" # publish these: with them anybody can recompute a decision".to_owned(),
        "models = \"models\" # risk models and their cards; the policy says by hash or score which one forecasts"
            .to_owned(),
        "# ipfs_gateway = \"http://127.0.0.1:8080\" # where `quaestor policy fetch` asks for `ipfs:` files".to_owned(),
        String::new(),
        "# Under a policy whose `risk.model` is \"trained\" the agent trains at its schedule, from what stands here."
            .to_owned(),
    ]);
    lines.extend(TRAINING.map(|line| format!("# {line}")));
    lines.extend([
        String::new(),
        "[log]".to_owned(),
        "format = \"text\" # or \"json\"".to_owned(),
        "filter = \"info\"".to_owned(),
        String::new(),
    ]);
    lines.join("\n")
}

fn key(source: &KeySource) -> String {
    match source {
        KeySource::Env(name) => quoted(&format!("env:{name}")),
        KeySource::Keystore { path, password } => {
            let (path, password) = (quoted(&path.to_string_lossy()), quoted(&format!("env:{password}")));
            format!("{{ keystore = {path}, password = {password} }}")
        }
    }
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Finality, RpcUrl};
    use std::path::Path;

    fn facts() -> ConfigFacts {
        ConfigFacts {
            rpc_url: "http://127.0.0.1:8545".into(),
            chain_id: 31_337,
            registry: Address::repeat_byte(0x51),
            brake: Address::repeat_byte(0x52),
            gate: Address::repeat_byte(0x53),
            multisend_call_only: Address::repeat_byte(0x54),
            multicall3: MULTICALL3,
            deployed_block: 17,
            operator: Address::repeat_byte(0x61),
            key: KeySource::Env("QUAESTOR_KEY".into()),
            policies: vec!["policy.toml".into()],
            poll_interval_ms: None,
        }
    }

    fn read(facts: &ConfigFacts) -> Config {
        Config::parse(&render_config(facts), Path::new("dao/agent.toml")).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let config = read(&facts());
        assert_eq!((config.chain.chain_id, config.contracts.deployed_block), (31_337, 17));
        assert_eq!(config.contracts.gate, Address::repeat_byte(0x53));
        assert_eq!(config.contracts.multisend_call_only, Address::repeat_byte(0x54));
        assert_eq!(config.operator.address, Address::repeat_byte(0x61));
        assert_eq!(config.operator.key, KeySource::Env("QUAESTOR_KEY".into()));
        assert_eq!(config.files.policies, [Path::new("dao/policy.toml")]);
        assert_eq!(config.files.models, Path::new("dao/models"));
    }

    #[test]
    fn the_table_of_training_is_a_comment_that_can_be_uncommented() {
        assert_eq!(read(&facts()).training, None);
        let mut text = render_config(&facts());
        for line in TRAINING {
            assert!(text.contains(&format!("# {line}\n")), "{text}");
            text = text.replace(&format!("# {line}\n"), &format!("{line}\n"));
        }
        let training = Config::parse(&text, Path::new("dao/agent.toml")).unwrap().training.unwrap();
        assert_eq!(training.records, [Path::new("dao/records/own.csv")]);
        assert_eq!(training.noise_multiplier, Some(5.0));
    }

    #[test]
    fn what_is_unusual_is_read_again_too() {
        let key = KeySource::Keystore { path: "keys/a \"b\" \\ c.json".into(), password: "PASSWORD".into() };
        let unusual = ConfigFacts {
            rpc_url: "env:RPC".into(),
            chain_id: 5,
            multicall3: Address::repeat_byte(0x55),
            policies: vec!["policies/".into(), "new line\n.toml".into()],
            poll_interval_ms: Some(50),
            key,
            ..facts()
        };
        let config = read(&unusual);
        assert_eq!((config.chain.chain_id, config.chain.finality), (5, Finality::Tag));
        assert_eq!((config.chain.rpc_url, config.chain.poll_interval_ms), (RpcUrl::Env("RPC".into()), 50));
        assert_eq!(config.contracts.multicall3, Address::repeat_byte(0x55));
        let path = Path::new("dao/keys/a \"b\" \\ c.json").to_owned();
        assert_eq!(config.operator.key, KeySource::Keystore { path, password: "PASSWORD".into() });
        assert_eq!(config.files.policies[1], Path::new("dao/new line\n.toml"));
    }
}
