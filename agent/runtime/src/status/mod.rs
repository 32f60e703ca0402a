//! `quaestor status`: how the agent and its DAO stand, from the journal and the chain. Nothing is written, and what
//! cannot be read is said and not guessed.

mod chain;
mod journal;
mod print;
#[cfg(test)]
mod tests;
mod treasury;

pub(crate) use chain::pending;
pub use journal::{Alarm, JournalNow, Lifetime, TrainingNow};
pub(crate) use journal::{Written, read as read_journal};
pub(crate) use print::one_line;
pub use treasury::{AccountNow, AssetNow, TreasuryNow};

use crate::{
    agent::{Path, connect},
    cli::Exit,
    config::Config,
    risk::ModelNow,
};
use alloy::primitives::{Address, B256};
use quaestor_core::{
    BlockRef, Catalog, Hold, Value,
    lifecycle::{Stage, State},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::path::PathBuf;

/// Something that was read, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// As read.
    Known(T),
    /// It could not be read.
    Unknown {
        /// Why, and what to do.
        why: String,
        /// How the command ends for it; [`Exit::Ok`] where nothing is wrong with chain, journal or files.
        exit: Exit,
    },
}

impl<T> Reading<T> {
    pub(crate) fn unknown(why: impl ToString, exit: Exit) -> Self {
        Self::Unknown { why: why.to_string(), exit }
    }

    /// What was read, if anything was.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(found) => Some(found),
            Self::Unknown { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Known(_) => Exit::Ok,
            Self::Unknown { exit, .. } => *exit,
        }
    }

    /// The same ignorance of something else.
    fn because<U>(&self) -> Option<Reading<U>> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { why, exit } => Some(Reading::Unknown { why: why.clone(), exit: *exit }),
        }
    }
}

/// What was read as itself, and what was not as `{"unknown":"why"}`.
impl<T: Serialize> Serialize for Reading<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(found) => found.serialize(serializer),
            Self::Unknown { why, .. } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("unknown", why)?;
                map.end()
            }
        }
    }
}

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The configuration that was read.
    pub config: PathBuf,
    /// The chain.
    pub chain: Reading<ChainNow>,
    /// The operator.
    pub operator: OperatorNow,
    /// The policy in force: anchored at the final block, its file found.
    pub policy: Reading<PolicyNow>,
    /// The risk model in force, at the head.
    pub model: Reading<ModelNow>,
    /// The epoch that waits, at the head.
    pub pending: Reading<Option<PendingNow>>,
    /// The brake, at the head.
    pub brake: Reading<BrakeNow>,
    /// What the treasury holds, at the head.
    pub treasury: Reading<TreasuryNow>,
    /// Proposals that are not over.
    pub proposals: Reading<Vec<ProposalNow>>,
    /// The last decision.
    pub decision: Reading<Option<DecisionNow>>,
    /// The journal; `None` when there is none yet.
    pub journal: Reading<Option<JournalNow>>,
}

/// The chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainNow {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The newest block.
    pub head: BlockRef,
    /// How old it is by this machine's clock, seconds.
    pub head_age_secs: u64,
    /// Whether it is older than `chain.head_age_secs_max`: the agent does nothing then.
    pub is_behind: bool,
    /// The newest final block.
    pub finalised: BlockRef,
}

/// The operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorNow {
    /// Its address.
    pub address: Address,
    /// Wei for gas.
    pub gas_wei: Reading<quaestor_core::Amount>,
    /// Whether the brake lists it.
    pub is_listed: Reading<bool>,
    /// Safes of the policy that it owns, by account name.
    pub owner_of: Reading<Vec<String>>,
    /// Accounts for which the policy lets it propose to the Governor.
    pub proposer_for: Reading<Vec<String>>,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyNow {
    /// Its epoch.
    pub epoch: u64,
    /// keccak256 of its file.
    pub hash: B256,
    /// The file.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// From this Unix time on it permits nothing.
    pub expires_at: u64,
    /// Whether that time has come, at the head.
    pub is_expired: bool,
    /// By this Unix time the members mean to look at it again, where they say.
    pub review_at: Option<u64>,
    /// Whether that time has come, at the head.
    pub is_review_due: bool,
}

/// An epoch that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingNow {
    /// Its number.
    pub epoch: u64,
    /// keccak256 of its file.
    pub hash: B256,
    /// Where the DAO says that its file is.
    pub uri: String,
    /// When it becomes active, Unix seconds; until then a guardian may veto it.
    pub active_at: u64,
    /// Whether a guardian may veto it.
    pub is_vetoable: bool,
}

/// The brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrakeNow {
    /// Whether it is pulled.
    pub is_pulled: bool,
    /// Until when, Unix seconds, unless the DAO releases or extends it.
    pub pulled_until: u64,
    /// How often it was pulled so far.
    pub pulls: u64,
    /// End of the operators' lease, Unix seconds.
    pub lease_until: u64,
    /// Whether the lease has lapsed, at the head.
    pub is_lapsed: bool,
}

/// A proposal that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalNow {
    /// Hash under which its batch enters the gate.
    pub decision: B256,
    /// The account that it moves.
    pub account: Address,
    /// How it goes on chain.
    pub route: Path,
    /// What it spends, in the quote currency.
    pub value: Value,
    /// After this the gate refuses it, Unix seconds.
    pub valid_until: u64,
    /// What the journal says.
    pub state: State,
    /// What the chain says, at the head; `None` when it is no longer open there.
    pub stage: Reading<Option<Stage>>,
    /// What it waits for, in words.
    pub waits_for: String,
    /// The file of its bundle.
    pub bundle: PathBuf,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionNow {
    /// Its block.
    pub block: BlockRef,
    /// keccak256 of its canonical bytes.
    pub hash: B256,
    /// Intents allowed.
    pub allowed: usize,
    /// Intents refused.
    pub refused: usize,
    /// The file of its bundle.
    pub bundle: PathBuf,
    /// Why nothing, or less than wanted, was proposed; from the bundle.
    pub holds: Reading<Vec<HoldNow>>,
}

/// Why nothing, or less than wanted, was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldNow {
    /// In parts.
    #[serde(flatten)]
    pub hold: Hold,
    /// In words, with the names of the policy.
    pub words: String,
}

impl Status {
    /// How the command ends: by the first thing that could not be read for a fault of the configuration, the journal or
    /// the chain.
    pub fn exit(&self) -> Exit {
        let operator = &self.operator;
        let exits = [
            self.chain.exit(),
            self.journal.exit(),
            operator.gas_wei.exit(),
            operator.is_listed.exit(),
            self.policy.exit(),
            self.pending.exit(),
            self.brake.exit(),
            self.treasury.exit(),
            self.proposals.exit(),
        ];
        exits.into_iter().find(|exit| *exit != Exit::Ok).unwrap_or(Exit::Ok)
    }
}

/// Reads everything, at `now_unix_secs` by this machine's clock. Asks for no key and takes no lock.
pub async fn read(config: &Config, catalog: &Catalog, now_unix_secs: u64) -> Status {
    let written = journal::read(config, catalog);
    let chain = match connect(config) {
        Ok(chain) => chain::read(config, catalog, &chain, &written, now_unix_secs).await,
        Err(error) => chain::OnChain::unknown(config, &written, &error.to_string(), Exit::Configuration),
    };
    let address = config.operator.address;
    let chain::OnChain {
        chain,
        gas_wei,
        is_listed,
        owner_of,
        proposer_for,
        policy,
        model,
        pending,
        brake,
        treasury,
        proposals,
    } = chain;
    Status {
        config: config.file.clone(),
        chain,
        operator: OperatorNow { address, gas_wei, is_listed, owner_of, proposer_for },
        policy,
        model,
        pending,
        brake,
        treasury,
        proposals,
        decision: written.decision,
        journal: written.journal,
    }
}
