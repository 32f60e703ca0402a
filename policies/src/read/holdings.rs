//! Assets, and the bands in which their shares of NAV should lie.

use super::{
    values::{self, SHARE_BPS_MAX},
    vaults::SHARE_KEYS,
};
use crate::{
    document::{Field, Report, Section},
    problem::{ProblemKind, listed},
};
use alloy_primitives::Address;
use quaestor_core::{Asset, AssetId, AssetKind, policy::Band};

/// Most assets of a policy.
const ASSETS_MAX: usize = 64;
/// Most feeds of an asset.
const FEEDS_MAX: usize = 8;
/// The unit of values; no asset may be called so, or an amount would be ambiguous.
const QUOTE_UNIT: &str = "USD";

pub(super) const ASSET_KEYS: [&str; 9] =
    ["kind", "address", "code_hash", "decimals", "feeds", "staleness_max", "twaps", "delegates", "wrapped_coin"];
pub(super) const BAND_KEYS: [&str; 3] = ["min_bps", "target_bps", "max_bps"];
const KINDS: [(&str, AssetKind); 3] =
    [("stable", AssetKind::Stable), ("native", AssetKind::Native), ("volatile", AssetKind::Volatile)];

/// All assets by name, and the bands in the same order.
pub(super) fn assets_and_bands(
    root: &Section<'_>,
    report: &mut Report<'_>,
    chain_id: Option<u64>,
) -> (Vec<Asset>, Vec<Band>) {
    let sections = root.named(report, "assets");
    if sections.is_empty() {
        report.at("assets", ProblemKind::Missing, "no asset is listed; write a section such as `[assets.USDC]`");
    }
    if sections.len() > ASSETS_MAX {
        report.value("assets", format!("lists {} assets; write at most {ASSETS_MAX}", sections.len()));
    }
    let sections = sections.iter().take(ASSETS_MAX);
    let assets: Vec<Asset> = sections.map(|(name, section)| asset(section, report, name, chain_id)).collect();
    let bands = root.named(report, "allocation");
    if bands.len() > ASSETS_MAX {
        report.value("allocation", format!("lists {} bands; write at most {ASSETS_MAX}", bands.len()));
    }
    let bands = bands.into_iter().take(ASSETS_MAX);
    let bands = bands.filter_map(|(name, section)| band(&section, report, name, &assets)).collect();
    (assets, bands)
}

fn asset(section: &Section<'_>, report: &mut Report<'_>, name: &str, chain_id: Option<u64>) -> Asset {
    if name == QUOTE_UNIT {
        let message = "no asset may be called `USD`: that is the unit of values; write the token's own symbol";
        report.value(&section.path, message);
    }
    if section.may("vault").is_some() {
        return share(section, report, name, chain_id);
    }
    section.only(report, &ASSET_KEYS);
    let kind = section.need(report, "kind", "\"stable\"` (or `native`, `volatile");
    let address = section.need(report, "address", "\"eip155:1:0x…\"");
    let decimals = decimals(section, report);
    let staleness = section.need(report, "staleness_max", "\"26h\"");
    let feeds = section.need(report, "feeds", "[\"eip155:1:0x…\"]");
    Asset {
        symbol: name.to_owned(),
        address: address.and_then(|field| values::account(report, &field, chain_id)).unwrap_or_default(),
        decimals,
        kind: kind.and_then(|field| values::choice(report, &field, &KINDS)).unwrap_or(AssetKind::Volatile),
        feeds: feeds.map(|field| feed_list(report, &field, chain_id)).unwrap_or_default(),
        staleness_secs_max: staleness.and_then(|field| values::duration(report, &field)).unwrap_or_default(),
        code_hash: section.may("code_hash").and_then(|field| values::hash(report, &field)),
    }
}

/// The shares of a vault; what they have from it comes later.
fn share(section: &Section<'_>, report: &mut Report<'_>, name: &str, chain_id: Option<u64>) -> Asset {
    section.only(report, &SHARE_KEYS);
    let address = section.may("address").and_then(|field| values::account(report, &field, chain_id));
    Asset {
        symbol: name.to_owned(),
        address: address.unwrap_or_default(),
        decimals: decimals(section, report),
        kind: AssetKind::Volatile,
        feeds: Vec::new(),
        staleness_secs_max: 0,
        code_hash: None,
    }
}

fn decimals(section: &Section<'_>, report: &mut Report<'_>) -> u8 {
    let decimals = section.need(report, "decimals", "18").and_then(|field| field.integer(report, 0, 36));
    decimals.and_then(|number| u8::try_from(number).ok()).unwrap_or(18)
}

fn feed_list(report: &mut Report<'_>, field: &Field<'_>, chain_id: Option<u64>) -> Vec<Address> {
    let fields = field.list(report, FEEDS_MAX);
    let mut feeds = Vec::with_capacity(fields.len());
    for field in &fields {
        let feed = values::account(report, field, chain_id).unwrap_or_default();
        if !feed.is_zero() && feeds.contains(&feed) {
            report.conflict(
                &field.path,
                "this feed is listed twice; it would count twice towards the quorum; remove one",
            );
        }
        feeds.push(feed);
    }
    feeds
}

fn band(section: &Section<'_>, report: &mut Report<'_>, name: &str, assets: &[Asset]) -> Option<Band> {
    section.only(report, &BAND_KEYS);
    let mut share = |key: &str, example: &str| {
        let field = section.need(report, key, example)?;
        field.integer(report, 0, SHARE_BPS_MAX)
    };
    let shares = (share("min_bps", "2000"), share("target_bps", "3000"), share("max_bps", "4000"));
    let Some(position) = assets.iter().position(|asset| asset.symbol == name) else {
        let known = listed(assets.iter().map(|asset| asset.symbol.as_str()));
        let message = format!("`{name}` is no asset of this policy; write one of: {known}");
        report.conflict(&section.path, message);
        return None;
    };
    let asset = AssetId(u16::try_from(position).ok()?);
    let mut ordered = |less: (&str, Option<u64>), more: (&str, Option<u64>)| {
        if let ((key, Some(less)), (other, Some(more))) = (less, more)
            && less > more
        {
            report.conflict(&section.path_of(key), format!("is {less}, above `{other}`, {more}; write at most {more}"));
        }
    };
    let (min, target, max) = shares;
    ordered(("min_bps", min), ("target_bps", target));
    ordered(("target_bps", target), ("max_bps", max));
    Some(Band { asset, min_bps: min?, target_bps: target?, max_bps: max? })
}
