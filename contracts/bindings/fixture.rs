//! A policy's terms for the tests of this crate.

use alloy_primitives::{Address, B256, address, keccak256};
use quaestor_core::{
    Account, AccountId, Amount, Asset, AssetId, AssetKind, Limits, Pool, Route, Terms, Venue, VenueId, VenueKind,
    policy::{Band, BudgetLine, Counterparty, Every, Group, RiskTerms, Schedule, StrategyTerms},
};

pub(crate) const OPERATIONS: AccountId = AccountId(0);
pub(crate) const RESERVE: AccountId = AccountId(1);
pub(crate) const USDC: AssetId = AssetId(0);
pub(crate) const WETH: AssetId = AssetId(1);
pub(crate) const SECOND_VENUE: VenueId = VenueId(1);
/// A vault for USDC, and its shares.
pub(crate) const SAVINGS: VenueId = VenueId(2);
pub(crate) const SHARES: AssetId = AssetId(3);
/// A reserve of USDC in an Aave Pool, and its aTokens.
pub(crate) const AAVE: VenueId = VenueId(3);
pub(crate) const ATOKENS: AssetId = AssetId(4);
pub(crate) const PROPOSER: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
pub(crate) const GOVERNOR: Address = address!("0x2279B7A0a67DB372996a5FaB50D91eAA73d2eBe6");
pub(crate) const COUNTERPARTY: Address = Address::repeat_byte(0x71);

pub(crate) fn terms() -> Terms {
    let asset = |symbol: &str, address, decimals, kind| Asset {
        symbol: symbol.into(),
        address,
        decimals,
        kind,
        feeds: vec![],
        staleness_secs_max: 3_600,
        code_hash: None,
    };
    let venue = |name: &str, byte| Venue {
        name: name.into(),
        kind: VenueKind::UniswapV3,
        address: Address::repeat_byte(byte),
        code_hash: B256::ZERO,
        pools: vec![Pool { a: USDC, b: WETH, fee_pips: 3_000 }],
        share_bps_max: None,
        price_impact_bps_max: None,
    };
    let savings =
        Venue { kind: VenueKind::Erc4626 { asset: USDC, shares: SHARES }, pools: vec![], ..venue("savings", 0x33) };
    let aave = Venue { kind: VenueKind::AaveV3 { asset: USDC, shares: ATOKENS }, pools: vec![], ..venue("aave", 0x34) };
    let strategy = |name: &str| StrategyTerms {
        name: name.into(),
        line: keccak256(name),
        kind: name.into(),
        share_bps_max: None,
        schedule: None,
        params: Default::default(),
    };
    Terms {
        name: "Example".into(),
        chain_id: 31_337,
        registry: Address::repeat_byte(0x51),
        brake: Address::repeat_byte(0x52),
        gate: Address::repeat_byte(0x53),
        expires_at: 1_609_459_200,
        review_at: u64::MAX,
        roles: quaestor_core::policy::Roles::default(),
        delegates: vec![],
        wrapped_coin: None,
        on_disagreement: Default::default(),
        twaps: vec![],
        schedule: Schedule::EveryBlocks(10),
        validity_secs: 86_400,
        assets: vec![
            asset("USDC", address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), 6, AssetKind::Stable),
            asset("WETH", address!("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), 18, AssetKind::Volatile),
            asset("GOV", Address::repeat_byte(0x13), 0, AssetKind::Native),
            asset("sUSDC", Address::repeat_byte(0x33), 6, AssetKind::Stable),
            asset("aUSDC", Address::repeat_byte(0x14), 6, AssetKind::Stable),
        ],
        accounts: vec![
            Account { name: "operations".into(), address: Address::repeat_byte(0x21), route: Route::Safe },
            Account {
                name: "reserve".into(),
                address: Address::repeat_byte(0x22),
                route: Route::Governor { governor: GOVERNOR, proposer: PROPOSER },
            },
        ],
        venues: vec![venue("uniswap", 0x31), venue("other", 0x32), savings, aave],
        counterparties: vec![Counterparty {
            window_bps_max: [u64::MAX, 200, u64::MAX, u64::MAX],
            ..Counterparty::new("auditor", COUNTERPARTY)
        }],
        bands: vec![Band { asset: USDC, min_bps: 4_000, target_bps: 5_000, max_bps: 6_050 }],
        groups: vec![Group { name: "liquid".into(), assets: vec![USDC, WETH], min_bps: 2_000, max_bps: 9_000 }],
        limits: Limits::default(),
        risk: RiskTerms::default(),
        payments: vec![BudgetLine {
            name: "payroll".into(),
            line: keccak256("payroll"),
            account: OPERATIONS,
            to: COUNTERPARTY,
            asset: USDC,
            amount: Amount(25_000_000_000),
            every: Every::Months(1),
            begin: 1_580_515_200,
            end: u64::MAX,
            catch_up: 0,
        }],
        strategies: vec![strategy("rebalance"), strategy("refill")],
    }
}
