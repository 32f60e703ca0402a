//! The local DAO: who and what it is made of.

use alloy::{
    primitives::{Address, B256, address},
    signers::local::PrivateKeySigner,
};
use quaestor_core::{Amount, AssetKind};
use std::collections::BTreeMap;

/// Where Multicall3 is on every chain.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

/// The people of the local DAO: anvil's development accounts, whose keys everybody knows.
#[derive(Debug, Clone)]
pub struct People {
    /// Deploys the contracts and keeps no right in them.
    pub deployer: PrivateKeySigner,
    /// The agent: owner of the Safe and listed operator, with 1 % of the votes.
    pub operator: PrivateKeySigner,
    /// The other three owners of the Safe.
    pub owners: [PrivateKeySigner; 3],
    /// May pull the brake and veto policies.
    pub guardians: [PrivateKeySigner; 2],
    /// Hold 33 % of the votes each.
    pub members: [PrivateKeySigner; 3],
    /// Liquidity provider, arbitrageur and publisher of prices.
    pub market: PrivateKeySigner,
    /// Nobody to the DAO.
    pub stranger: PrivateKeySigner,
}

/// How many development accounts [`People`] takes.
pub(super) const PEOPLE: u8 = 12;

impl People {
    pub(super) fn new(keys: &[PrivateKeySigner]) -> Option<Self> {
        let [deployer, operator, a, b, c, guardian, second_guardian, x, y, z, market, stranger] = keys else {
            return None;
        };
        Some(Self {
            deployer: deployer.clone(),
            operator: operator.clone(),
            owners: [a, b, c].map(Clone::clone),
            guardians: [guardian, second_guardian].map(Clone::clone),
            members: [x, y, z].map(Clone::clone),
            market: market.clone(),
            stranger: stranger.clone(),
        })
    }
}

/// The Safe that holds the operations' money, and what it was made from (Safe 1.5.0).
#[derive(Debug, Clone, Copy)]
pub struct SafeContracts {
    /// The account: four owners, three must confirm.
    pub account: Address,
    /// The code behind the proxy.
    pub singleton: Address,
    /// What made the proxy.
    pub proxy_factory: Address,
    /// `MultiSendCallOnly`.
    pub multi_send: Address,
    /// `CompatibilityFallbackHandler`.
    pub fallback_handler: Address,
}

/// OpenZeppelin Governor 5.7 and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct Governance {
    /// The token that votes, counted by block number.
    pub votes: Address,
    /// The Governor: proposer and canceller of the timelock.
    pub governor: Address,
    /// Holds the reserve and owns the contracts of [`Controls`]; anyone may execute what was voted.
    pub timelock: Address,
    /// Blocks between a proposal and its vote.
    pub voting_delay_blocks: u64,
    /// Blocks of a vote.
    pub voting_period_blocks: u32,
    /// Seconds between queue and execution.
    pub timelock_delay_secs: u64,
}

/// Our own contracts.
#[derive(Debug, Clone, Copy)]
pub struct Controls {
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `EmergencyBrake`.
    pub brake: Address,
    /// `DecisionGate`.
    pub gate: Address,
    /// Seconds that a wider policy waits.
    pub registry_delay_secs: u64,
    /// Seconds that a pull holds.
    pub pull_secs: u64,
    /// End of the operators' first lease, Unix seconds.
    pub lease_until: u64,
}

/// Uniswap v3.
#[derive(Debug, Clone, Copy)]
pub struct Uniswap {
    /// `UniswapV3Factory`.
    pub factory: Address,
    /// `SwapRouter`.
    pub router: Address,
    /// `NonfungiblePositionManager`.
    pub positions: Address,
    /// Fee of every pool, hundredths of a basis point.
    pub fee_pips: u32,
}

/// An asset with its price feed.
#[derive(Debug, Clone)]
pub struct DaoAsset {
    /// Symbol.
    pub symbol: String,
    /// The token.
    pub address: Address,
    /// Decimal places.
    pub decimals: u8,
    /// What it is to the treasury.
    pub kind: AssetKind,
    /// Share of the treasury at the start, in bps.
    pub share_bps: u64,
    /// Its `ReplayFeed`, in US dollars with [`super::market::FEED_DECIMALS`] decimals.
    pub feed: Address,
    /// What the Safe was given.
    pub in_safe: Amount,
    /// What the timelock was given.
    pub in_timelock: Amount,
}

/// An ERC-4626 vault for the first asset.
#[derive(Debug, Clone)]
pub struct DaoVault {
    /// Name of the venue in the policy.
    pub name: String,
    /// Symbol of its shares, which have the decimals of the asset.
    pub symbol: String,
    /// The vault, and the token of its shares.
    pub address: Address,
}

/// A Uniswap v3 pool.
#[derive(Debug, Clone, Copy)]
pub struct DaoPool {
    /// Position of the traded asset in [`Dao::assets`].
    pub base: usize,
    /// Position of the asset it is traded against: the first.
    pub quote: usize,
    /// The pool.
    pub address: Address,
}

/// The local DAO. Its addresses are the same on every start with the same [`super::Options`].
#[derive(Debug, Clone)]
pub struct Dao {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Who they are.
    pub people: People,
    /// The operations' account.
    pub safe: SafeContracts,
    /// The votes and the reserve's account.
    pub governance: Governance,
    /// Our contracts.
    pub controls: Controls,
    /// The venue.
    pub uniswap: Uniswap,
    /// Multicall3.
    pub multicall: Address,
    /// The assets, the quote first.
    pub assets: Vec<DaoAsset>,
    /// One pool for every asset but the first.
    pub pools: Vec<DaoPool>,
    /// Vaults for the first asset.
    pub vaults: Vec<DaoVault>,
    /// keccak256 of the runtime code (EIP-1052) of each contract above.
    pub code_hashes: BTreeMap<Address, B256>,
    /// The block in which the last part of it stood.
    pub block: u64,
}

impl Dao {
    /// The asset of this symbol.
    pub fn asset(&self, symbol: &str) -> Option<&DaoAsset> {
        self.assets.iter().find(|asset| asset.symbol == symbol)
    }

    /// The vault of this name.
    pub fn vault(&self, name: &str) -> Option<&DaoVault> {
        self.vaults.iter().find(|vault| vault.name == name)
    }

    /// keccak256 of the runtime code of a contract of this DAO.
    pub fn code_hash(&self, contract: Address) -> Option<B256> {
        self.code_hashes.get(&contract).copied()
    }
}
