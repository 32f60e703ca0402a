//! `quaestor init`: the files that an agent starts from, for a DAO that exists.
//!
//! A person names accounts, tokens, feeds and the key; symbols, decimals, code hashes, pools, the timelock, ceilings and
//! present shares are read from the chain. What is written loads and parses, or nothing is written.

mod answers;
pub(crate) mod cautious;
mod policy;
mod render;
mod survey;
mod wish;

pub use answers::{AnswerError, Answers, Holding, parse_holding};
pub use render::{ConfigFacts, render_config};
pub use wish::{AssetWish, ContractsWish, PoolWish, Wishes, parse_asset, parse_pool};

use crate::{
    chain::{Chain, ChainError, ObserveError},
    config::{Config, ConfigProblems, MULTICALL3},
};
use alloy::{primitives::Address, providers::Provider, rpc::types::BlockNumberOrTag};
use quaestor_contracts::deploy::{CodeError, Contract};
use quaestor_core::{Asset, AssetId, AssetKind, Catalog};
use quaestor_policies::Problems;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// File name of the configuration.
pub const CONFIG_FILE: &str = "agent.toml";
/// File name of the policy.
pub const POLICY_FILE: &str = "policy.toml";

/// Why no files were written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The chain cannot be read, or lacks a contract.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The treasury cannot be read.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A contract does not answer.
    #[error("{address} does not answer {what}; it is another contract than you think, correct its address")]
    Unreadable {
        /// The contract.
        address: Address,
        /// What was asked.
        what: &'static str,
    },
    /// The file of contracts is of a run that was interrupted.
    #[error(
        "the file of contracts says `complete: false` or names no gate; run `quaestor contracts deploy` to its end"
    )]
    Incomplete,
    /// The file of contracts is of another chain.
    #[error("the file of contracts is of chain {expected}, the node serves chain {found}; name a node of that chain")]
    WrongChain {
        /// The file's.
        expected: u64,
        /// The node's.
        found: u64,
    },
    /// One of our contracts is not that.
    #[error("{address} is not the {contract:?} that it should be: {source}; correct the address of the gate")]
    Code {
        /// Where.
        address: Address,
        /// Which contract.
        contract: Contract,
        /// What differs.
        #[source]
        source: CodeError,
    },
    /// The treasury has no account.
    #[error("the treasury has no account; name its Safe, its Governor or both")]
    NoAccount,
    /// The treasury has no asset.
    #[error("the treasury has no asset; name each with its price feed")]
    NoAsset,
    /// The operators alone could move the Safe.
    #[error(
        "{operators} owners of the Safe {safe} are operators and its threshold is {threshold}: programs alone could move it; \
         raise the threshold or take operators out"
    )]
    OperatorsReachThreshold {
        /// The Safe.
        safe: Address,
        /// Owners that are operators.
        operators: usize,
        /// Confirmations needed.
        threshold: usize,
    },
    /// No MultiSendCallOnly at its usual address.
    #[error("no MultiSendCallOnly stands at its usual addresses on this chain; name it with --multisend")]
    NoMultiSend,
    /// Unknown code.
    #[error("the code at {address} is no MultiSendCallOnly that Safe published; correct --multisend")]
    UnknownMultiSend {
        /// Where.
        address: Address,
    },
    /// A pool of an asset that was not named.
    #[error("a pool names `{symbol}`, which is no asset here; name the asset too, or correct the pool")]
    PoolAsset {
        /// Its symbol.
        symbol: String,
    },
    /// Nothing can be traded.
    #[error(
        "the router {router} has no pool of these assets with the first stable one; name pools with --pool, or leave the router out"
    )]
    NoPool {
        /// The router.
        router: Address,
    },
    /// The configuration would not load.
    #[error("the configuration would not load, and nothing was written:\n{0}")]
    Config(#[from] ConfigProblems),
    /// The policy would not parse.
    #[error("the policy would not parse, and nothing was written:\n{0}")]
    Policy(#[from] Problems),
    /// A file cannot be written.
    #[error("{path}: {source}; files that exist are never replaced, name another folder with --dir")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Text of `agent.toml`.
    pub config: String,
    /// Text of `policy.toml`.
    pub policy: String,
    /// What is still to be done before an agent can run, a line each.
    pub notes: Vec<String>,
}

/// Cash: the first stable asset.
fn cash(assets: &[Asset]) -> Option<AssetId> {
    let position = assets.iter().position(|asset| asset.kind == AssetKind::Stable)?;
    u16::try_from(position).ok().map(AssetId)
}

/// Reads from the chain what `wishes` leave open, and makes the files. Writes nothing.
///
/// # Errors
/// If something that was named is not there or not that, or the files would not be read again.
pub async fn prepare(chain: &Chain, wishes: &Wishes, catalog: &Catalog) -> Result<Files, InitError> {
    if wishes.safe.is_none() && wishes.governor.is_none() {
        return Err(InitError::NoAccount);
    }
    if wishes.assets.is_empty() {
        return Err(InitError::NoAsset);
    }
    let chain_id = chain.provider().get_chain_id().await.map_err(chain.failed("eth_chainId"))?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let mut survey = survey::survey(chain, chain_id, wishes, head).await?;
    let policy = policy::starting(chain, chain_id, wishes, &mut survey, catalog).await?;
    let facts = ConfigFacts {
        rpc_url: wishes.rpc_url.clone(),
        chain_id,
        registry: survey.contracts.registry,
        brake: survey.contracts.brake,
        gate: survey.contracts.gate,
        multisend_call_only: survey.multisend,
        multicall3: MULTICALL3,
        deployed_block: survey.deployed_block,
        operator: wishes.operator,
        key: wishes.key.clone(),
        policies: vec![POLICY_FILE.into()],
        poll_interval_ms: None,
    };
    let config = render_config(&facts);
    Config::parse(&config, Path::new(CONFIG_FILE))?;
    Ok(Files { config, policy, notes: survey.notes })
}

impl Files {
    /// Writes both into `folder`, which is made if it is not there; nothing if one of them exists.
    ///
    /// # Errors
    /// If one exists or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<[PathBuf; 2], InitError> {
        let paths = [CONFIG_FILE, POLICY_FILE].map(|name| folder.join(name));
        let failed = |path: &Path, source| InitError::File { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        for path in &paths {
            if path.symlink_metadata().is_ok() {
                return Err(failed(path, io::ErrorKind::AlreadyExists.into()));
            }
        }
        for (path, text) in paths.iter().zip([&self.config, &self.policy]) {
            let mut file = fs::File::create_new(path).map_err(|source| failed(path, source))?;
            io::Write::write_all(&mut file, text.as_bytes()).map_err(|source| failed(path, source))?;
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_exists_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { config: "a".into(), policy: "b".into(), notes: Vec::new() };
        fs::write(folder.path().join(POLICY_FILE), "mine").unwrap();
        assert!(files.write(folder.path()).unwrap_err().to_string().contains("never replaced"));
        assert!(!folder.path().join(CONFIG_FILE).exists(), "neither file is written");
        assert_eq!(fs::read_to_string(folder.path().join(POLICY_FILE)).unwrap(), "mine");
        let inner = folder.path().join("new");
        let [config, policy] = files.write(&inner).unwrap();
        assert_eq!(
            (fs::read_to_string(config).unwrap(), fs::read_to_string(policy).unwrap()),
            ("a".into(), "b".into())
        );
    }
}
