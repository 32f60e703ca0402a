//! What is published with each decision so that anyone can recompute it.

use crate::chain::{Contracts, Earlier, Read, Readings};
use alloy::primitives::{Address, B256, Bytes, keccak256};
use quaestor_core::{BlockRef, Call, Decision, History, Snapshot, gate::DryRun};
use serde::{Deserialize, Serialize};
use std::{fs, io, io::Write, path::Path};

/// Version of the bundle's form.
pub const BUNDLE_VERSION: u32 = 1;
/// A bundle is not larger than this.
pub const BUNDLE_BYTES_MAX: u64 = 32 << 20;

/// A decision with everything it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Version of this form.
    pub quaestor_bundle: u32,
    /// Version of the program that decided.
    pub program: String,
    /// Our three contracts: registry, brake, gate.
    pub contracts: BundleContracts,
    /// The exact text of the policy.
    pub policy: String,
    /// The risk model: name and parameters.
    pub model: serde_json::Value,
    /// Every call that was read at the snapshot's block, with its answer; `null` where it failed.
    pub reads: Vec<BundleRead>,
    /// What was read of the past; absent where the policy has no vaults or the node had not that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<BundleEarlier>,
    /// What the answers mean.
    pub snapshot: Snapshot,
    /// What the agent did before.
    pub history: History,
    /// The decision.
    pub decision: Decision,
    /// The proposals made of it.
    pub proposals: Vec<BundleProposal>,
}

/// Addresses of our contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleContracts {
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `EmergencyBrake`.
    pub brake: Address,
    /// `DecisionGate`.
    pub gate: Address,
    /// `MultiSendCallOnly`.
    pub multisend: Address,
}

/// A call that was read, with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRead {
    /// The call.
    #[serde(flatten)]
    pub read: Read,
    /// Its answer.
    pub answer: Option<Bytes>,
}

/// The rates of the vaults at an earlier block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEarlier {
    /// The block.
    pub block: BlockRef,
    /// Every call that was read there, with its answer; `null` where it failed.
    pub reads: Vec<BundleRead>,
}

/// A proposal made of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleProposal {
    /// Hash under which the batch enters the gate.
    pub decision: B256,
    /// The whole calldata, `enter` first.
    pub calls: Vec<Call>,
    /// How it goes on chain.
    pub route: super::record::Path,
    /// Its dry run.
    pub dry_run: DryRun,
}

impl Bundle {
    /// The raw answers.
    pub fn readings(&self) -> Readings {
        readings_of(&self.reads)
    }

    /// The raw answers of the past.
    pub fn earlier(&self) -> Option<Earlier> {
        self.earlier.as_ref().map(|it| Earlier { block: it.block, readings: readings_of(&it.reads) })
    }

    /// The contracts that were read.
    pub fn contracts(&self) -> Contracts {
        let BundleContracts { registry, brake, gate, .. } = self.contracts;
        Contracts { registry, brake, gate }
    }

    /// The form in which it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // Maps with text keys, lists, strings and numbers only: serialising cannot fail.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Writes it into `folder`, whole or not at all, and returns the file's name.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn publish(&self, folder: &Path) -> io::Result<String> {
        fs::create_dir_all(folder)?;
        let name = bundle_name(&self.decision);
        let (partial, path) = (folder.join(format!("{name}.partial")), folder.join(&name));
        let mut file = fs::File::create(&partial)?;
        file.write_all(&self.bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        Ok(name)
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// If the file is too large, cannot be read or is no bundle of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge);
        }
        let bundle: Self = serde_json::from_slice(bytes).map_err(BundleError::Malformed)?;
        if bundle.quaestor_bundle != BUNDLE_VERSION {
            return Err(BundleError::Version { found: bundle.quaestor_bundle });
        }
        Ok(bundle)
    }
}

/// Answers as a bundle lists them.
pub fn bundle_reads(readings: &Readings) -> Vec<BundleRead> {
    let row = |(read, answer): (&Read, &Option<Bytes>)| BundleRead { read: read.clone(), answer: answer.clone() };
    readings.iter().map(row).collect()
}

/// Answers of the past as a bundle lists them.
pub fn bundle_earlier(earlier: Option<&Earlier>) -> Option<BundleEarlier> {
    earlier.map(|it| BundleEarlier { block: it.block, reads: bundle_reads(&it.readings) })
}

fn readings_of(reads: &[BundleRead]) -> Readings {
    let mut readings = Readings::default();
    readings.extend(reads.iter().map(|it| (it.read.clone(), it.answer.clone())));
    readings
}

/// keccak256 of the decision's canonical bytes.
pub fn decision_hash(decision: &Decision) -> B256 {
    keccak256(decision.canonical_bytes())
}

/// File name of the bundle of `decision`.
pub(super) fn bundle_name(decision: &Decision) -> String {
    format!("{}-{:x}.json", decision.block.number, decision_hash(decision))
}

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is too large.
    #[error("larger than {BUNDLE_BYTES_MAX} bytes; a bundle is smaller")]
    TooLarge,
    /// It does not parse.
    #[error("not a bundle: {0}")]
    Malformed(#[source] serde_json::Error),
    /// It is of another version.
    #[error("bundle version {found}; this program reads version {BUNDLE_VERSION}")]
    Version {
        /// As found.
        found: u32,
    },
}
