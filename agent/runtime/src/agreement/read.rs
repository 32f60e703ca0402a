//! What is held against each other: the registry, the files, the journal.

use super::{Agreement, judge};
use crate::{
    agent::{Expected, StartError, connect, find_policy},
    chain::{Chain, ChainError},
    config::{Config, FilesConfig, read_bounded},
    registry::{Epoch, Scheduled, active_at, scheduled_at},
    status::{PendingNow, Reading, Written, pending, read_journal},
    verify::{Published, read_published},
};
use alloy::{
    primitives::{B256, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quaestor_core::{BlockRef, Catalog};
use quaestor_policies::{FILE_BYTES_MAX, VotedPolicy};
use std::path::PathBuf;

/// Why nothing can be held against the chain.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// There is no node to ask.
    #[error(transparent)]
    Connect(#[from] StartError),
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// The file of the hash that is anchored, among those of the configuration.
#[derive(Debug)]
pub(super) enum File {
    /// It is there.
    Here {
        /// Where.
        path: PathBuf,
        /// What it says, or all its problems.
        policy: Result<Box<VotedPolicy>, String>,
    },
    /// It is not; what there is, with its hashes.
    Others(Vec<(PathBuf, B256)>),
    /// The files cannot be looked through.
    Unreadable(String),
}

/// The policy that a decision named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided {
    pub(super) block: BlockRef,
    pub(super) epoch: u64,
    pub(super) policy: B256,
}

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) config: PathBuf,
    pub(super) expected: Expected,
    pub(super) finalised: BlockRef,
    pub(super) head: BlockRef,
    /// At the final block.
    pub(super) active: Option<Epoch>,
    /// At the newest block; it may be ahead.
    pub(super) coming: Option<u64>,
    pub(super) file: File,
    pub(super) written: Written,
    /// The agent's last decision; `None` where there is none, or its bundle cannot be read.
    pub(super) decided: Option<Decided>,
    pub(super) pending: Option<PendingNow>,
    /// Whether the file of the epoch that waits is among those of the configuration.
    pub(super) has_pending: bool,
    pub(super) scheduled: Scheduled,
}

/// Reads registry, files and journal, and holds them against each other.
///
/// # Errors
/// If the chain cannot be read. What is wrong with files and journal is in the lines.
pub async fn read(config: &Config, catalog: &Catalog) -> Result<Agreement, AgreementError> {
    let chain = connect(config)?;
    Ok(judge::agreement(&seen(config, catalog, &chain).await?))
}

async fn seen(config: &Config, catalog: &Catalog, chain: &Chain) -> Result<Seen, ChainError> {
    chain.check_chain_id(config.chain.chain_id).await?;
    let registry = config.contracts.registry;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let finalised = chain.block(config.chain.finality.tag(head.number)).await?;
    let active = active_at(chain, registry, finalised.hash).await?;
    let coming = active_at(chain, registry, head.hash).await?.map(|epoch| epoch.number);
    let pending = pending(config, chain, head).await?;
    let scheduled = scheduled_at(chain, registry, head.hash).await?;
    let file = match &active {
        Some(active) => file(&config.files, active.policyHash, catalog),
        None => File::Others(Vec::new()),
    };
    let candidates = config.files.policy_candidates().unwrap_or_default();
    let has_pending = pending.as_ref().is_some_and(|it| find_policy(&candidates, it.hash).is_some());
    let written = read_journal(config, catalog);
    let decided = match &written.decision {
        Reading::Known(Some(decision)) => match read_published(&decision.bundle) {
            Ok(Published::Bundle(bundle)) => Some(bundle.decision),
            _ => None,
        },
        _ => None,
    };
    let decided =
        decided.map(|decision| Decided { block: decision.block, epoch: decision.epoch, policy: decision.policy });
    Ok(Seen {
        config: config.file.clone(),
        expected: Expected::of(config),
        finalised,
        head,
        active,
        coming,
        file,
        written,
        decided,
        pending,
        has_pending,
        scheduled,
    })
}

fn file(files: &FilesConfig, hash: B256, catalog: &Catalog) -> File {
    let candidates = match files.policy_candidates() {
        Ok(candidates) => candidates,
        Err(error) => return File::Unreadable(error.to_string()),
    };
    if let Some((path, bytes)) = find_policy(&candidates, hash) {
        let policy = quaestor_policies::parse(&bytes, catalog).map(Box::new);
        let policy = policy.map_err(|problems| problems.in_file(path.display().to_string()).to_string());
        return File::Here { path, policy };
    }
    let others = candidates.into_iter().filter_map(|path| {
        let bytes = read_bounded(&path, u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)).ok()?;
        Some((path, keccak256(bytes)))
    });
    File::Others(others.collect())
}
