//! `quaestor policy verify`: whether chain, file and agent agree on the policy in force, line by line, each with what to
//! do where they do not. Nothing is written, and no key is asked for.

mod judge;
mod print;
mod read;
#[cfg(test)]
mod tests;

pub use read::{AgreementError, read};

use alloy::primitives::Address;
use quaestor_core::BlockRef;
use serde::Serialize;
use std::path::PathBuf;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// What the registry has in force.
    Chain,
    /// The file of that hash.
    File,
    /// Whether this program understands the file.
    Language,
    /// The rest hash: everything but the limits.
    Words,
    /// The envelope: the limits.
    Numbers,
    /// Chain and contracts that the file names.
    Contracts,
    /// When the policy ends.
    Expiry,
    /// What the agent obeys.
    Agent,
    /// Another epoch that comes.
    Epoch,
    /// Another delay that comes.
    Delay,
    /// Other guardians that come.
    Guardians,
    /// Other ceilings that come.
    Ceilings,
}

/// How a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is as it should be.
    Agrees,
    /// It is not.
    Differs,
    /// It could not be checked.
    Unchecked,
    /// It will change, by time alone.
    Pending,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub subject: Subject,
    /// How it stands.
    pub state: State,
    /// In words.
    pub says: String,
    /// What to do, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
    /// The configuration.
    pub config: PathBuf,
    /// The newest final block: policies are taken from it.
    pub finalised: BlockRef,
    /// The newest block.
    pub head: BlockRef,
    /// The lines, in the order of [`Subject`].
    pub lines: Vec<Line>,
}

impl Agreement {
    /// How many lines stand so.
    pub fn count(&self, state: State) -> usize {
        self.lines.iter().filter(|line| line.state == state).count()
    }
}
