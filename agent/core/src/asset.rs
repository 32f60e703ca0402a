//! What a treasury holds and where: assets, accounts, venues.

use crate::{Amount, amount::pow10};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Index of an asset in [`crate::Terms::assets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetId(pub u16);

/// Index of an account in [`crate::Terms::accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u16);

/// Index of a venue in [`crate::Terms::venues`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VenueId(pub u16);

macro_rules! index {
    ($name:ident) => {
        impl $name {
            /// Position in its list.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}
index!(AssetId);
index!(AccountId);
index!(VenueId);

/// What an asset is to the treasury.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssetKind {
    /// Meant to keep the value of the quote currency.
    Stable,
    /// The DAO's own token.
    Native,
    /// Anything else.
    Volatile,
}

/// An ERC-20 token that the policy allows the treasury to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Short name in the policy, such as `WETH`.
    pub symbol: String,
    /// The token contract.
    pub address: Address,
    /// Decimal places of a whole token; at most 36.
    pub decimals: u8,
    /// What it is to the treasury.
    pub kind: AssetKind,
    /// Chainlink-compatible price feeds (AggregatorV3Interface) in the quote currency; none for the shares of a vault,
    /// whose price is that of the vault's asset at the vault's rate ([`crate::Terms::vault_of`]).
    pub feeds: Vec<Address>,
    /// A price older than this is no price, in seconds.
    pub staleness_secs_max: u64,
    /// keccak256 of the token's runtime code, where the policy pins it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<B256>,
}

impl Asset {
    /// Base units of one whole token.
    pub fn unit(&self) -> u128 {
        pow10(self.decimals)
    }
}

/// How an account is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Route {
    /// A Safe: owners confirm.
    Safe,
    /// The timelock of an OpenZeppelin Governor: members vote.
    Governor {
        /// The Governor that drives the timelock.
        governor: Address,
        /// The only operator that may propose for this account.
        proposer: Address,
    },
}

/// A part of the treasury, at one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Name in the policy, such as `operations`.
    pub name: String,
    /// The Safe or the timelock.
    pub address: Address,
    /// How it is moved.
    pub route: Route,
}

/// A contract that an action may call, pinned by its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Venue {
    /// Name in the policy.
    pub name: String,
    /// What it is.
    pub kind: VenueKind,
    /// The contract.
    pub address: Address,
    /// keccak256 of its runtime code (EIP-1052).
    pub code_hash: B256,
    /// Pools that may be traded, each with its fee in hundredths of a basis point; a vault has none.
    pub pools: Vec<Pool>,
    /// Greatest share of NAV that a deposit in the vault may lead to, bps; a router has none.
    pub share_bps_max: Option<u64>,
    /// How far beyond the oracle's price a swap may leave its pool, bps; a vault has none.
    pub price_impact_bps_max: Option<u64>,
}

/// The interface of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueKind {
    /// Uniswap v3 `SwapRouter` (`exactInputSingle` with a deadline).
    UniswapV3,
    /// An ERC-4626 vault; its address is that of its shares too.
    #[serde(rename = "erc-4626")]
    Erc4626 {
        /// What it takes and gives back.
        asset: AssetId,
        /// Its shares.
        shares: AssetId,
    },
    /// The Pool of Aave v3, for one of its reserves. Its shares are the reserve's aTokens, of which a unit is a unit of
    /// the asset for ever: what they earn makes the balance grow.
    AaveV3 {
        /// What is supplied and withdrawn.
        asset: AssetId,
        /// Its aTokens.
        shares: AssetId,
    },
}

/// Base units by which what becomes of a balance of aTokens may miss what moved: it is kept divided by an index, and both
/// ways are rounded. More than a unit only once the index is above one, and more than two above two.
pub const ATOKEN_ROUNDING: Amount = Amount(2);

impl VenueKind {
    /// What it takes and gives back, and its shares, if it is a vault.
    pub fn vault(self) -> Option<(AssetId, AssetId)> {
        match self {
            Self::UniswapV3 => None,
            Self::Erc4626 { asset, shares } | Self::AaveV3 { asset, shares } => Some((asset, shares)),
        }
    }
}

/// A venue in which an asset is deposited for shares: an ERC-4626 vault, or a reserve of an Aave Pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vault {
    /// The venue that it is.
    pub venue: VenueId,
    /// Its interface.
    pub kind: VenueKind,
    /// The contract that is called; that of its shares too, if it is an ERC-4626 vault.
    pub address: Address,
    /// What it takes and gives back.
    pub asset: AssetId,
    /// Its shares.
    pub shares: AssetId,
}

/// A pair that a venue may trade, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// One side.
    pub a: AssetId,
    /// The other side.
    pub b: AssetId,
    /// Fee in hundredths of a basis point (3000 is 0.3 %).
    pub fee_pips: u32,
}
