//! What the local DAO is like.

use super::replay::ReplayDay;
use quaestor_core::{AssetKind, Envelope, Limits, Value};
use std::path::PathBuf;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Quote units in wad.
const MILLION: u128 = 1_000_000 * quaestor_core::amount::WAD;

/// How an asset of the local DAO comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// An ERC-20 that the market may mint.
    Minted,
    /// WETH9: deposited ether.
    WrappedEther,
}

/// An asset of the local DAO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetPlan {
    /// Symbol; the replayed prices name it so.
    pub symbol: String,
    /// The token's name.
    pub name: String,
    /// Decimal places; 18 for wrapped ether.
    pub decimals: u8,
    /// What it is to the treasury.
    pub kind: AssetKind,
    /// How it comes into being.
    pub issue: Issue,
    /// Share of the treasury at the start, in bps of its net asset value.
    pub share_bps: u64,
}

impl AssetPlan {
    fn new(symbol: &str, name: &str, decimals: u8, kind: AssetKind, issue: Issue, share_bps: u64) -> Self {
        Self { symbol: symbol.to_owned(), name: name.to_owned(), decimals, kind, issue, share_bps }
    }
}

/// An ERC-4626 vault of the local market, for the first asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPlan {
    /// Name of the venue in the policy.
    pub name: String,
    /// Symbol of its shares.
    pub symbol: String,
    /// Worth of what the market has in it from the start, in wad of the feeds' currency.
    pub seed: Value,
}

/// What the local DAO is like. [`Options::new`] gives the one of the demo.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the npm packages; `None`: see [`super::packages::Packages::ensure`].
    pub packages: Option<PathBuf>,
    /// Past daily prices, oldest first, at least one day: they become the feeds' rounds, and the last one the pools'
    /// prices. The chain begins at its time.
    pub history: Vec<ReplayDay>,
    /// When the chain begins instead, Unix seconds, earlier than the last day: time for a vote before that day is over.
    pub begins_at: Option<u64>,
    /// The assets. The first is the quote of every pool and the reserve.
    pub assets: Vec<AssetPlan>,
    /// Vaults for the first asset.
    pub vaults: Vec<VaultPlan>,
    /// Net asset value of the treasury at the start, in wad of the feeds' currency.
    pub nav: Value,
    /// What of it lies in the timelock, in the first asset; the rest is in the Safe.
    pub reserve: Value,
    /// Worth of each side of each pool. The treasury's trades should be small against it.
    pub pool_side: Value,
    /// Fee of the pools in hundredths of a basis point: 500, 3000 or 10000.
    pub pool_fee_pips: u32,
    /// Blocks between a proposal and its vote.
    pub voting_delay_blocks: u64,
    /// Blocks of a vote.
    pub voting_period_blocks: u32,
    /// Share of the votes that must take part, in per cent.
    pub quorum_percent: u64,
    /// Seconds between queue and execution.
    pub timelock_delay_secs: u64,
    /// Seconds that a widening policy waits and may be vetoed.
    pub registry_delay_secs: u64,
    /// The constitution: no policy may be wider.
    pub ceilings: Envelope,
    /// How long a pull of the brake holds, in seconds.
    pub pull_secs: u64,
    /// How long the operators' first lease runs from the start, in seconds; at most 366 days.
    pub lease_secs: u64,
}

impl Options {
    /// Ten million in USDC, WETH and WBTC, two of them as a reserve in the timelock; votes of a minute, an hour's
    /// timelock, two days in which a wider policy may be vetoed; and two vaults for USDC, which the market uses too.
    pub fn new(history: Vec<ReplayDay>) -> Self {
        let limits = Limits { proposal_bps_max: 5_000, slippage_bps_max: 500, ..Limits::default() };
        Self {
            packages: None,
            history,
            begins_at: None,
            assets: vec![
                AssetPlan::new("USDC", "USD Coin", 6, AssetKind::Stable, Issue::Minted, 3_500),
                AssetPlan::new("WETH", "Wrapped Ether", 18, AssetKind::Volatile, Issue::WrappedEther, 4_000),
                AssetPlan::new("WBTC", "Wrapped Bitcoin", 8, AssetKind::Volatile, Issue::Minted, 2_500),
            ],
            vaults: [("lending", "lUSDC"), ("savings", "sUSDC")]
                .map(|(name, symbol)| VaultPlan {
                    name: name.to_owned(),
                    symbol: symbol.to_owned(),
                    seed: Value(5 * MILLION),
                })
                .to_vec(),
            nav: Value(10 * MILLION),
            reserve: Value(2 * MILLION),
            pool_side: Value(1_000 * MILLION),
            pool_fee_pips: 500,
            voting_delay_blocks: 1,
            voting_period_blocks: 5,
            quorum_percent: 20,
            timelock_delay_secs: HOUR,
            registry_delay_secs: 2 * DAY,
            ceilings: limits.envelope(),
            pull_secs: 14 * DAY,
            lease_secs: 300 * DAY,
        }
    }
}
