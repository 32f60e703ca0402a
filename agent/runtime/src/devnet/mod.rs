//! A whole DAO on a local chain: what `quaestor devnet`, `quaestor demo` and the tests run on.
//!
//! The chain is the real anvil; the DAO is made of the real contracts from the pinned npm packages, and of ours. Its
//! prices are replayed from history, into feeds and pools alike.

mod aave;
pub mod anvil;
pub mod dao;
mod deploy;
mod keeper;
pub mod keystores;
pub mod market;
pub mod options;
mod owners;
pub mod packages;
pub mod people;
pub mod proxy;
pub mod replay;
mod site;
mod vaults;

pub use aave::AaveMarket;
pub use anvil::{Chain, ChainError};
pub use dao::Dao;
pub use keystores::Keystores;
pub use options::{AssetPlan, Issue, Options, VaultPlan};
pub use owners::Executed;
pub use packages::{Packages, PackagesError};
pub use people::{Anchored, Voted};
pub use proxy::{Proxy, ProxyError};
pub use replay::ReplayDay;
pub(crate) use site::policy_facts;
pub use site::{Site, SiteError, demo_limits, policy_text};

use alloy::primitives::{Address, B256};
use quaestor_contracts::governor::ProposalState;

/// Why the local DAO does not stand or does not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// The chain or a contract refuses.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is no past price.
    #[error("the local DAO needs at least one day of past prices")]
    NoHistory,
    /// A day has no price of an asset.
    #[error("the day at {timestamp} has no price of {symbol}, or one below 10^-8")]
    NoPrice {
        /// The asset.
        symbol: String,
        /// The day's close, Unix seconds.
        timestamp: u64,
    },
    /// A day does not lie after the one before it.
    #[error("the day at {timestamp} does not come after the chain's time {now}")]
    Past {
        /// The day's close, Unix seconds.
        timestamp: u64,
        /// The chain's or the earlier day's time.
        now: u64,
    },
    /// The options ask for what cannot be built.
    #[error("the local DAO cannot be built: {reason}")]
    Options {
        /// What is wrong.
        reason: &'static str,
    },
    /// A proposal is not in the state that the step needs.
    #[error("proposal {id} is {found:?} to the Governor, not {expected:?}")]
    ProposalState {
        /// The proposal.
        id: B256,
        /// The state it needs.
        expected: ProposalState,
        /// The state it is in.
        found: ProposalState,
    },
    /// An account has no such event or owner.
    #[error("{contract} has no {what}")]
    Missing {
        /// The contract.
        contract: Address,
        /// What was looked for.
        what: &'static str,
    },
}

impl From<PackagesError> for DevnetError {
    fn from(error: PackagesError) -> Self {
        Self::Chain(error.into())
    }
}

/// A local chain with a DAO on it. The chain ends with this value.
#[derive(Debug)]
pub struct Devnet {
    /// The chain.
    pub chain: Chain,
    /// The DAO.
    pub dao: Dao,
}

impl Devnet {
    /// Installs the packages if they are missing, starts the chain at the time of the last day of the history, or when the
    /// options say, and deploys and funds the DAO.
    ///
    /// # Errors
    /// If packages, chain or deployment fail; each error says what to do.
    pub async fn start(options: &Options) -> Result<Self, DevnetError> {
        let named = options.packages.clone();
        let found = tokio::task::spawn_blocking(move || Packages::ensure(named.as_deref())).await;
        let packages = found.map_err(|error| ChainError::Spawn { what: "looking for it", source: error.into() })??;
        let genesis = options.history.last().ok_or(DevnetError::NoHistory)?.timestamp;
        let genesis = options.begins_at.map_or(genesis, |at| at.min(genesis));
        let chain = Chain::start(&packages, genesis, dao::PEOPLE).await?;
        let dao = deploy::deploy(&chain, &packages, options).await?;
        Ok(Self { chain, dao })
    }
}
