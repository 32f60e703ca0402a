//! The policy in force: the file whose exact bytes hash to what the registry anchors.

use crate::{
    chain::{Chain, ChainError},
    config::{Config, ContractsConfig, FilesConfig, read_bounded},
    registry::{Epoch, active_at, shown},
};
use alloy::primitives::{Address, B256, keccak256};
use quaestor_core::{BlockRef, Catalog, Policy};
use quaestor_policies::{FILE_BYTES_MAX, VotedPolicy};
use std::{fmt, path::PathBuf};

/// Why no policy, or not the newest, is in force here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefused {
    /// The DAO has voted none.
    #[error("the registry {registry} has no active policy (epoch 0 permits nothing); vote one")]
    None {
        /// The registry.
        registry: Address,
    },
    /// No file has the anchored hash.
    #[error(
        "epoch {epoch} anchors policy {expected}, and no file in `files.policies` has that hash; fetch it from `{uri}` and put it there unchanged, as `quaestor policy fetch` does"
    )]
    Missing {
        /// The active epoch.
        epoch: u64,
        /// The anchored hash.
        expected: B256,
        /// Where the DAO says the file is.
        uri: String,
    },
    /// The configured files cannot be looked through.
    #[error("the files of `files.policies` cannot be read: {reason}; correct the list")]
    Files {
        /// The system's words.
        reason: String,
    },
    /// The file does not parse.
    #[error("the file of epoch {epoch} has problems:\n{problems}")]
    Unreadable {
        /// The active epoch.
        epoch: u64,
        /// All problems.
        problems: String,
    },
    /// The file says something else than is anchored.
    #[error(
        "{what} of the file of epoch {epoch} differ from what is anchored; the submission was wrong, submit it anew with what `quaestor policy hash` prints"
    )]
    Differs {
        /// The active epoch.
        epoch: u64,
        /// Which part of it.
        what: Part,
    },
    /// The file is of another chain or names other contracts.
    #[error(
        "the file of epoch {epoch} is for {what} {found}, the configuration has {expected}; correct whichever is not this DAO's"
    )]
    Elsewhere {
        /// The active epoch.
        epoch: u64,
        /// What differs.
        what: &'static str,
        /// As configured.
        expected: String,
        /// In the file.
        found: String,
    },
    /// An epoch older than one seen before.
    #[error(
        "the chain says epoch {found}, but epoch {seen} was in force here before; nothing is proposed until it is back"
    )]
    Older {
        /// As the chain says.
        found: u64,
        /// As seen before.
        seen: u64,
    },
}

/// A part of a policy that is anchored by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything but the limits: the rest hash.
    Words,
    /// The limits: the envelope.
    Numbers,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "the words",
            Self::Numbers => "the numbers",
        })
    }
}

/// A policy that is in force.
#[derive(Debug)]
pub struct InForce {
    /// Its epoch.
    pub epoch: u64,
    /// The policy.
    pub policy: VotedPolicy,
    /// Its exact text.
    pub text: String,
    /// The file it was read from.
    pub path: PathBuf,
}

/// What a file must agree with, beside its hash.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
    /// The brake.
    pub brake: Address,
    /// The gate.
    pub gate: Address,
}

impl Expected {
    /// What `config` names.
    pub fn of(config: &Config) -> Self {
        let ContractsConfig { registry, brake, gate, .. } = config.contracts;
        Self { chain_id: config.chain.chain_id, registry, brake, gate }
    }
}

/// Finds and checks the policy that the registry has active at `block`.
///
/// # Errors
/// The outer error if the chain cannot be read, the inner one if there is no policy to act under.
pub async fn in_force(
    chain: &Chain,
    files: &FilesConfig,
    catalog: &Catalog,
    expected: &Expected,
    block: BlockRef,
    seen: Option<u64>,
) -> Result<Result<InForce, PolicyRefused>, ChainError> {
    let active = active_at(chain, expected.registry, block.hash).await?;
    let epoch = active.as_ref().map_or(0, |active| active.number);
    if let Some(seen) = seen.filter(|seen| epoch < *seen) {
        return Ok(Err(PolicyRefused::Older { found: epoch, seen }));
    }
    let Some(active) = active else { return Ok(Err(PolicyRefused::None { registry: expected.registry })) };
    let found = match files.policy_candidates() {
        Ok(candidates) => find(&candidates, active.policyHash),
        Err(error) => return Ok(Err(PolicyRefused::Files { reason: error.to_string() })),
    };
    let Some((path, bytes)) = found else {
        let (expected, uri) = (active.policyHash, shown(&active.uri));
        return Ok(Err(PolicyRefused::Missing { epoch, expected, uri }));
    };
    let policy = match quaestor_policies::parse(&bytes, catalog) {
        Ok(policy) => policy,
        Err(problems) => return Ok(Err(PolicyRefused::Unreadable { epoch, problems: problems.to_string() })),
    };
    if let Some(refused) = differences(&active, expected, &policy).into_iter().next() {
        return Ok(Err(refused));
    }
    // A policy file parses only as UTF-8.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ok(InForce { epoch, policy, text, path }))
}

/// Everything in which the file of `active` says something else than is anchored, or is for another agent than this.
pub(crate) fn differences(active: &Epoch, expected: &Expected, policy: &VotedPolicy) -> Vec<PolicyRefused> {
    let (epoch, terms) = (active.number, policy.terms());
    let mut found = Vec::new();
    if policy.rest_hash() != active.restHash {
        found.push(PolicyRefused::Differs { epoch, what: Part::Words });
    }
    if policy.envelope() != active.envelope {
        found.push(PolicyRefused::Differs { epoch, what: Part::Numbers });
    }
    let named = [
        ("chain", expected.chain_id.to_string(), terms.chain_id.to_string()),
        ("registry", expected.registry.to_string(), terms.registry.to_string()),
        ("brake", expected.brake.to_string(), terms.brake.to_string()),
        ("gate", expected.gate.to_string(), terms.gate.to_string()),
    ];
    for (what, expected, named) in named.into_iter().filter(|(_, expected, named)| expected != named) {
        found.push(PolicyRefused::Elsewhere { epoch, what, expected, found: named });
    }
    found
}

/// The file of this hash among `candidates`; one that cannot be read is not it.
pub(crate) fn find(candidates: &[PathBuf], hash: B256) -> Option<(PathBuf, Vec<u8>)> {
    let bytes_max = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    candidates.iter().find_map(|path| {
        let bytes = read_bounded(path, bytes_max).ok()?;
        (keccak256(&bytes) == hash).then(|| (path.clone(), bytes))
    })
}
