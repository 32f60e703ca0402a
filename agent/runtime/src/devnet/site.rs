//! The files of an agent on the local DAO: configuration, policy, keystores.

use super::{Dao, Devnet, dao::DaoVault, keystores::Keystores};
use crate::{
    config::{Config, ConfigProblems},
    init::{ConfigFacts, render_config},
    keys::KeyError,
};
use quaestor_core::{
    Account, Asset, AssetId, AssetKind, Limits, Pool, Route, Venue, VenueKind,
    policy::{Band, RiskTerms, Schedule},
    strategy::ParamValue,
};
use quaestor_policies::{Facts, StrategyFacts, starting_policy};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// How far an asset's share may be from its target, in bps.
const BAND_BPS: u64 = 700;
/// Likewise for the stable asset, downward: a small fall is seen soon.
const STABLE_BAND_BPS: u64 = 200;
/// Blocks between the two readings of a vault's rate: the local chain has a block when something happens, not every
/// twelve seconds.
const RATE_LOOKBACK_BLOCKS: u64 = 6;
/// Time between two looks at the newest block, in milliseconds.
const POLL_MS: u64 = 50;

/// Why the files were not written.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The folder.
    #[error("{path}: {source}; name another folder with --dir, or remove what is there")]
    File {
        /// What could not be written.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A keystore.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The configuration that was written does not load.
    #[error(transparent)]
    Config(#[from] ConfigProblems),
}

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder of all of them.
    pub folder: PathBuf,
    /// `agent.toml`.
    pub config: PathBuf,
    /// `policy.toml`, the first policy.
    pub policy: PathBuf,
    /// The folder of later policies; the agent looks through it too.
    pub policies: PathBuf,
    /// Keystores of the operator and the other owners.
    pub keystores: Keystores,
    /// The agent's log, if it is started here.
    pub log: PathBuf,
}

impl Site {
    /// Writes everything into `folder`: the first policy, and an agent that asks the node at `rpc_url` and finds its
    /// password in `password_var`.
    ///
    /// # Errors
    /// If a file exists already or cannot be written.
    pub fn write(
        folder: &Path,
        devnet: &Devnet,
        policy_text: &str,
        rpc_url: &str,
        password_var: &str,
        password: &str,
    ) -> Result<Self, SiteError> {
        let keys = folder.join("keys");
        let policies = folder.join("policies");
        for made in [&keys, &policies] {
            fs::create_dir_all(made).map_err(|source| SiteError::File { path: made.clone(), source })?;
        }
        let keystores = devnet.write_keystores(&keys, password)?;
        let config = folder.join("agent.toml");
        let dao = &devnet.dao;
        let facts = ConfigFacts {
            rpc_url: rpc_url.to_owned(),
            chain_id: dao.chain_id,
            registry: dao.controls.registry,
            brake: dao.controls.brake,
            gate: dao.controls.gate,
            multisend_call_only: dao.safe.multi_send,
            multicall3: dao.multicall,
            deployed_block: 0,
            operator: dao.people.operator.address(),
            key: crate::keys::KeySource::Keystore {
                path: PathBuf::from("keys/operator.json"),
                password: password_var.to_owned(),
            },
            policies: vec![PathBuf::from("policy.toml"), PathBuf::from("policies/")],
            poll_interval_ms: Some(POLL_MS),
        };
        write_new(&config, &render_config(&facts))?;
        let policy = folder.join("policy.toml");
        write_new(&policy, policy_text)?;
        let log = folder.join("agent.log");
        Ok(Self { folder: folder.to_owned(), config, policy, policies, keystores, log })
    }

    /// Writes a later policy.
    ///
    /// # Errors
    /// If it exists already or cannot be written.
    pub fn write_policy(&self, name: &str, text: &str) -> Result<PathBuf, SiteError> {
        let path = self.policies.join(name);
        write_new(&path, text)?;
        Ok(path)
    }

    /// The configuration.
    ///
    /// # Errors
    /// All its problems.
    pub fn load(&self) -> Result<Config, SiteError> {
        Ok(Config::load(&self.config)?)
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), SiteError> {
    let failed = |source| SiteError::File { path: path.to_owned(), source };
    let mut file = fs::File::create_new(path).map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

/// The numbers of the local DAO's first policy.
pub fn demo_limits() -> Limits {
    Limits {
        proposal_bps_max: 2_500,
        window_bps_max: [u64::MAX, 4_000, 8_000, u64::MAX],
        slippage_bps_max: 100,
        price_age_secs_max: 26 * HOUR,
        price_deviation_bps_max: 300,
        proposals_per_day_max: 24,
        validity_secs_max: 3 * DAY,
        native_share_bps_max: u64::MAX,
        stable_share_bps_min: 1_500,
        price_quorum_min: 1,
        cooldown_secs_min: 0,
    }
}

/// The policy of the local DAO with these numbers: its Safe returns to the treasury's starting shares, and is refilled
/// from the timelock.
pub fn policy_text(dao: &Dao, limits: Limits) -> String {
    starting_policy(&policy_facts(dao, limits))
}

/// The facts from which [`policy_text`] is written.
pub(crate) fn policy_facts(dao: &Dao, limits: Limits) -> Facts {
    let text = |text: &str| ParamValue::Text(text.to_owned());
    let stable = dao.assets.first().map(|asset| asset.symbol.clone()).unwrap_or_default();
    Facts {
        name: "Local DAO treasury".into(),
        chain_id: dao.chain_id,
        registry: dao.controls.registry,
        brake: dao.controls.brake,
        gate: dao.controls.gate,
        // The first lease ends then as well; a DAO renews both.
        expires_at: dao.controls.lease_until,
        schedule: Schedule::Cron("0 0 * * * *".into()),
        validity_secs: Some(2 * DAY),
        accounts: accounts(dao),
        assets: dao
            .assets
            .iter()
            .map(|it| asset(dao, it))
            .chain(dao.vaults.iter().filter_map(|vault| shares(dao, vault)))
            .collect(),
        bands: bands(dao),
        limits,
        risk: RiskTerms { history_rounds: 60, rate_lookback_blocks: RATE_LOOKBACK_BLOCKS, ..Default::default() },
        venues: std::iter::once(venue(dao)).chain(vaults(dao)).collect(),
        counterparties: Vec::new(),
        strategies: vec![
            StrategyFacts {
                name: "rebalance".into(),
                kind: "rebalance".into(),
                about: "When a share leaves its band, trade back to the targets.".into(),
                params: vec![
                    ("account".into(), text("operations")),
                    ("cash".into(), text(&stable)),
                    ("trade_min".into(), text("1000 USD")),
                ],
            },
            StrategyFacts {
                name: "refill".into(),
                kind: "refill".into(),
                about: "When operations run low, ask the members for money from the reserve.".into(),
                params: vec![
                    ("from".into(), text("reserve")),
                    ("to".into(), text("operations")),
                    ("asset".into(), text(&stable)),
                    ("low".into(), text(&format!("200000 {stable}"))),
                    ("target".into(), text(&format!("600000 {stable}"))),
                ],
            },
        ],
    }
}

fn accounts(dao: &Dao) -> Vec<Account> {
    let (governor, proposer) = (dao.governance.governor, dao.people.operator.address());
    vec![
        Account { name: "operations".into(), address: dao.safe.account, route: Route::Safe },
        Account {
            name: "reserve".into(),
            address: dao.governance.timelock,
            route: Route::Governor { governor, proposer },
        },
    ]
}

fn asset(dao: &Dao, asset: &super::dao::DaoAsset) -> Asset {
    Asset {
        symbol: asset.symbol.clone(),
        address: asset.address,
        decimals: asset.decimals,
        kind: asset.kind,
        feeds: vec![asset.feed],
        staleness_secs_max: 26 * HOUR,
        code_hash: dao.code_hash(asset.address),
    }
}

/// The shares of a vault; a policy takes all but their decimals from the vault.
fn shares(dao: &Dao, vault: &DaoVault) -> Option<Asset> {
    let first = dao.assets.first().map(|first| asset(dao, first))?;
    Some(Asset { symbol: vault.symbol.clone(), address: vault.address, feeds: Vec::new(), code_hash: None, ..first })
}

fn vaults(dao: &Dao) -> impl Iterator<Item = Venue> {
    // After the assets come the shares, in the order of the vaults.
    dao.vaults.iter().zip(dao.assets.len()..).filter_map(|(vault, position)| {
        let shares = AssetId(u16::try_from(position).ok()?);
        Some(Venue {
            name: vault.name.clone(),
            kind: VenueKind::Erc4626 { asset: AssetId(0), shares },
            address: vault.address,
            code_hash: dao.code_hash(vault.address)?,
            pools: Vec::new(),
            share_bps_max: None,
            price_impact_bps_max: None,
        })
    })
}

fn bands(dao: &Dao) -> Vec<Band> {
    let band = |(index, asset): (usize, &super::dao::DaoAsset)| {
        let down = if asset.kind == AssetKind::Stable { STABLE_BAND_BPS } else { BAND_BPS };
        Some(Band {
            asset: AssetId(u16::try_from(index).ok()?),
            min_bps: asset.share_bps.saturating_sub(down),
            target_bps: asset.share_bps,
            max_bps: asset.share_bps + BAND_BPS,
        })
    };
    dao.assets.iter().enumerate().filter_map(band).collect()
}

fn venue(dao: &Dao) -> Venue {
    let id = |position: usize| u16::try_from(position).ok().map(AssetId);
    let pool = |pool: &super::dao::DaoPool| {
        Some(Pool { a: id(pool.base)?, b: id(pool.quote)?, fee_pips: dao.uniswap.fee_pips })
    };
    Venue {
        name: "uniswap".into(),
        kind: VenueKind::UniswapV3,
        address: dao.uniswap.router,
        code_hash: dao.code_hash(dao.uniswap.router).unwrap_or_default(),
        pools: dao.pools.iter().filter_map(pool).collect(),
        share_bps_max: None,
        price_impact_bps_max: None,
    }
}
