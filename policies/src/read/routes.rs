//! Where money lies and where it may go: accounts, venues with their pools, counterparties.

use super::{
    numbers::WINDOW_BPS_MAX,
    values::{self, SHARE_BPS_MAX},
    vaults::{self, Shares},
};
use crate::{
    document::{Field, Report, Section},
    problem::ProblemKind,
};
use alloy_primitives::Address;
use quaestor_core::{Account, Asset, AssetId, Pool, Route, Venue, VenueKind, policy::Counterparty};

/// Most accounts of a treasury.
const ACCOUNTS_MAX: usize = 16;
/// Most venues.
const VENUES_MAX: usize = 16;
/// Most pools of a venue.
const POOLS_MAX: usize = 64;
/// Greatest price impact that is a bound.
const PRICE_IMPACT_BPS_MAX: u64 = 9_999;
/// Most counterparties.
const COUNTERPARTIES_MAX: usize = 256;

pub(super) const SAFE_KEYS: [&str; 4] = ["kind", "address", "owners", "threshold"];
pub(super) const GOVERNOR_KEYS: [&str; 4] = ["kind", "address", "governor", "proposer"];
pub(super) const VENUE_KEYS: [&str; 5] = ["kind", "address", "code_hash", "pools", "price_impact_bps_max"];
pub(super) const POOL_KEYS: [&str; 2] = ["pair", "fee_pips"];
pub(super) const COUNTERPARTY_KEYS: [&str; 6] =
    ["address", "proposal_bps_max", "hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];

/// Caps on what a counterparty is paid, the greatest that each may be, and where each stands.
pub(crate) type CounterpartyCap = (&'static str, u64, fn(&mut Counterparty) -> &mut u64);
pub(crate) const COUNTERPARTY_CAPS: [CounterpartyCap; 5] = [
    ("proposal_bps_max", SHARE_BPS_MAX, |it| &mut it.proposal_bps_max),
    ("hour_bps_max", WINDOW_BPS_MAX, |Counterparty { window_bps_max: [hour, ..], .. }| hour),
    ("day_bps_max", WINDOW_BPS_MAX, |Counterparty { window_bps_max: [_, day, ..], .. }| day),
    ("week_bps_max", WINDOW_BPS_MAX, |Counterparty { window_bps_max: [.., week, _], .. }| week),
    ("month_bps_max", WINDOW_BPS_MAX, |Counterparty { window_bps_max: [.., month], .. }| month),
];

/// All accounts by name.
pub(super) fn accounts(root: &Section<'_>, report: &mut Report<'_>, chain_id: Option<u64>) -> Vec<Account> {
    let sections = root.named(report, "accounts");
    if sections.is_empty() {
        let message = "no account is listed; write a section such as `[accounts.operations]`";
        report.at("accounts", ProblemKind::Missing, message);
    }
    if sections.len() > ACCOUNTS_MAX {
        report.value("accounts", format!("lists {} accounts; write at most {ACCOUNTS_MAX}", sections.len()));
    }
    sections.iter().take(ACCOUNTS_MAX).map(|(name, section)| account(section, report, name, chain_id)).collect()
}

fn account(section: &Section<'_>, report: &mut Report<'_>, name: &str, chain_id: Option<u64>) -> Account {
    let kind = section.need(report, "kind", "\"safe\"` (or `governor");
    let governed = kind.and_then(|field| values::choice(report, &field, &[("safe", false), ("governor", true)]));
    section.only(report, if governed == Some(false) { &SAFE_KEYS } else { &GOVERNOR_KEYS });
    let mut at = |key: &str| {
        let field = section.need(report, key, "\"eip155:1:0x…\"")?;
        values::account(report, &field, chain_id)
    };
    let address = at("address").unwrap_or_default();
    let route = match governed {
        Some(true) => Route::Governor {
            governor: at("governor").unwrap_or_default(),
            proposer: at("proposer").unwrap_or_default(),
        },
        _ => Route::Safe,
    };
    Account { name: name.to_owned(), address, route }
}

/// What a venue of a kind is, given its asset and its shares; a router has neither.
type Of = Option<fn(AssetId, AssetId) -> VenueKind>;
const VENUE_KINDS: [(&str, Of); 3] = [
    ("uniswap-v3", None),
    ("erc-4626", Some(|asset, shares| VenueKind::Erc4626 { asset, shares })),
    ("aave-v3", Some(|asset, shares| VenueKind::AaveV3 { asset, shares })),
];

/// All venues by name.
pub(super) fn venues(
    root: &Section<'_>,
    report: &mut Report<'_>,
    chain_id: Option<u64>,
    assets: &[Asset],
    shares: &Shares,
) -> Vec<Venue> {
    let sections = root.named(report, "venues");
    if sections.len() > VENUES_MAX {
        report.value("venues", format!("lists {} venues; write at most {VENUES_MAX}", sections.len()));
    }
    let venue = |(name, section): &(&str, Section<'_>)| {
        let kind = section.need(report, "kind", "\"uniswap-v3\"");
        let vault = kind.and_then(|field| values::choice(report, &field, &VENUE_KINDS)).flatten();
        section.only(report, if vault.is_some() { &vaults::VAULT_KEYS } else { &VENUE_KEYS });
        let address = section.need(report, "address", "\"eip155:1:0x…\"");
        let code_hash = section.need(report, "code_hash", "\"0x…\"");
        let (kind, pools) = if let Some(of) = vault {
            let sides = vaults::sides(section, report, name, assets, shares);
            (sides.map(|(asset, shares)| of(asset, shares)), Vec::new())
        } else {
            let pools = section.need(report, "pools", "[{ pair = [\"WETH\", \"USDC\"], fee_pips = 3000 }]");
            (None, pools.map(|field| pool_list(report, &field, assets)).unwrap_or_default())
        };
        let share = section.may("share_bps_max").filter(|_| vault.is_some());
        let impact = section.may("price_impact_bps_max").filter(|_| vault.is_none());
        Venue {
            name: (*name).to_owned(),
            kind: kind.unwrap_or(VenueKind::UniswapV3),
            address: address.and_then(|field| values::account(report, &field, chain_id)).unwrap_or_default(),
            code_hash: code_hash.and_then(|field| values::hash(report, &field)).unwrap_or_default(),
            pools,
            share_bps_max: share.and_then(|field| field.integer(report, 0, values::SHARE_BPS_MAX)),
            price_impact_bps_max: impact.and_then(|field| field.integer(report, 1, PRICE_IMPACT_BPS_MAX)),
        }
    };
    sections.iter().take(VENUES_MAX).map(venue).collect()
}

fn pool_list(report: &mut Report<'_>, field: &Field<'_>, assets: &[Asset]) -> Vec<Pool> {
    let fields = field.list(report, POOLS_MAX);
    if fields.is_empty() {
        report.value(&field.path, "lists no pool, so nothing could be traded there; write one or remove the venue");
    }
    let mut pools: Vec<Pool> = Vec::with_capacity(fields.len());
    for field in fields {
        let path = field.path.clone();
        let Some(section) = field.section(report) else { continue };
        section.only(report, &POOL_KEYS);
        // Of Uniswap v3's fees, one million would be the whole amount.
        let fee = section.need(report, "fee_pips", "3000").and_then(|field| field.integer(report, 1, 999_999));
        let pair = section.need(report, "pair", "[\"WETH\", \"USDC\"]").and_then(|field| pair(report, &field, assets));
        let (Some(fee), Some((a, b))) = (fee.and_then(|fee| u32::try_from(fee).ok()), pair) else { continue };
        let same = |pool: &Pool| pool.fee_pips == fee && ((pool.a, pool.b) == (a, b) || (pool.a, pool.b) == (b, a));
        if pools.iter().any(same) {
            report.conflict(&path, "this pool is listed twice; remove one");
        }
        pools.push(Pool { a, b, fee_pips: fee });
    }
    pools
}

fn pair(report: &mut Report<'_>, field: &Field<'_>, assets: &[Asset]) -> Option<(AssetId, AssetId)> {
    let sides = field.list(report, 2);
    let found: Vec<Option<AssetId>> = sides.iter().map(|side| values::asset(report, side, assets)).collect();
    match found.as_slice() {
        [Some(a), Some(b)] if a == b => {
            report.value(&field.path, "has the same asset on both sides; write two different ones");
            None
        }
        [Some(a), Some(b)] => Some((*a, *b)),
        [_, _] => None,
        _ => {
            report.value(&field.path, "is not a pair; write two assets, such as `[\"WETH\", \"USDC\"]`");
            None
        }
    }
}

/// All counterparties, by name.
pub(super) fn counterparties(root: &Section<'_>, report: &mut Report<'_>, chain_id: Option<u64>) -> Vec<Counterparty> {
    let Some(section) = root.may("counterparties").and_then(|field| field.section(report)) else { return Vec::new() };
    let entries = section.entries();
    if entries.len() > COUNTERPARTIES_MAX {
        let message = format!("lists {} receivers; write at most {COUNTERPARTIES_MAX}", entries.len());
        report.value(&section.path, message);
    }
    let entries = entries.iter().take(COUNTERPARTIES_MAX);
    entries.map(|(name, field)| counterparty(report, name, field, chain_id)).collect()
}

/// An address, or a table with the address and caps.
fn counterparty(report: &mut Report<'_>, name: &str, field: &Field<'_>, chain_id: Option<u64>) -> Counterparty {
    if !field.is_table() {
        let address = values::account(report, field, chain_id).unwrap_or_default();
        return Counterparty::new(name, address);
    }
    let Some(section) = field.clone().section(report) else { return Counterparty::new(name, Address::ZERO) };
    section.only(report, &COUNTERPARTY_KEYS);
    let address = section.need(report, "address", "\"eip155:1:0x…\"");
    let address = address.and_then(|field| values::account(report, &field, chain_id)).unwrap_or_default();
    let mut found = Counterparty::new(name, address);
    for (key, most, slot) in COUNTERPARTY_CAPS {
        if let Some(bps) = section.may(key).and_then(|field| field.integer(report, 0, most)) {
            *slot(&mut found) = bps;
        }
    }
    found
}
