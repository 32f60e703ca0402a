//! What was deployed, as it is written down.

use super::Plan;
use crate::sender::Mined;
use alloy::primitives::{Address, B256};
use quaestor_core::Caip10;
use serde::{Deserialize, Serialize};

/// Version of the form of [`ContractsFile`].
pub const FILE_FORM: u32 = 1;

/// `contracts.json`: written after each contract, so that an interrupted run leaves what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractsFile {
    /// Version of this form.
    pub quaestor_contracts: u32,
    /// Version of the program that deployed.
    pub program: String,
    /// Whether all three stand and were read back. A file that says `false` is of a run that was interrupted.
    pub complete: bool,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Block of the first of them; events are read from it on.
    pub deployed_block: u64,
    /// `PolicyRegistry`.
    pub registry: Option<ContractRecord>,
    /// `EmergencyBrake`.
    pub brake: Option<ContractRecord>,
    /// `DecisionGate`.
    pub gate: Option<ContractRecord>,
    /// The newest MultiSendCallOnly of Safe at its usual address; the DAO's Safe may be of another version.
    pub multisend_call_only: Option<Address>,
    /// Owner of registry and brake.
    pub owner: String,
    /// Guardians, all armed.
    pub guardians: Vec<String>,
    /// Operators.
    pub operators: Vec<String>,
    /// How long a wider policy waits, seconds.
    pub delay_secs: u64,
    /// How long a pull holds, seconds.
    pub pull_secs: u64,
    /// End of the first lease, Unix seconds.
    pub lease_until: u64,
    /// Ceilings by slot.
    pub ceilings: [u64; 32],
    /// Who deployed them; has no right in them unless listed above.
    pub deployer: String,
}

/// One contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractRecord {
    /// CAIP-10.
    pub account: String,
    /// keccak256 of its runtime code (EIP-1052).
    pub code_hash: B256,
    /// Block in which it was deployed.
    pub block: u64,
    /// The transaction.
    pub tx: B256,
}

impl ContractRecord {
    pub(super) fn new(address: Address, code_hash: B256, mined: &Mined) -> Self {
        let account = Caip10 { chain_id: mined.chain_id, address }.to_string();
        Self { account, code_hash, block: mined.block.number, tx: mined.tx }
    }
}

impl ContractsFile {
    pub(super) fn begin(chain_id: u64, plan: &Plan, deployer: Address) -> Self {
        let account = |address: &Address| Caip10 { chain_id, address: *address }.to_string();
        Self {
            quaestor_contracts: FILE_FORM,
            program: env!("CARGO_PKG_VERSION").into(),
            complete: false,
            chain_id,
            deployed_block: 0,
            registry: None,
            brake: None,
            gate: None,
            multisend_call_only: None,
            owner: account(&plan.timelock),
            guardians: plan.guardians.iter().map(account).collect(),
            operators: plan.operators.iter().map(account).collect(),
            delay_secs: plan.delay_secs,
            pull_secs: plan.pull_secs,
            lease_until: plan.lease_until,
            ceilings: plan.ceilings,
            deployer: account(&deployer),
        }
    }

    /// The form in which it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // Only structs, lists, strings and numbers: serialising cannot fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The section `[contracts]` of an `agent.toml`.
    pub fn config_section(&self) -> String {
        let mut lines = vec!["[contracts]".to_owned()];
        let contracts = [("registry", &self.registry), ("brake", &self.brake), ("gate", &self.gate)];
        for (key, record) in contracts {
            if let Some(record) = record {
                lines.push(format!("{key} = \"{}\"", record.account));
            }
        }
        lines.push(match self.multisend_call_only {
            Some(address) => {
                let account = Caip10 { chain_id: self.chain_id, address };
                format!("multisend_call_only = \"{account}\" # see that it is of your Safe's version")
            }
            None => "# multisend_call_only = \"…\" # write the MultiSendCallOnly of your Safe's version".to_owned(),
        });
        lines.push(format!("deployed_block = {}", self.deployed_block));
        lines.join("\n")
    }
}
