//! `assets.*.twaps`: pools whose time-weighted prices count beside an asset's feeds.

use super::values;
use crate::document::{Field, Report, Section};
use quaestor_core::{Asset, AssetId, valuation::Twap};

pub(super) const TWAP_KEYS: [&str; 3] = ["pool", "quote", "window"];
/// Most pools of an asset.
const TWAPS_MAX: usize = 4;
/// Shortest and longest window, seconds: who moves a pool for less is not outlived by it, and few pools remember more.
const WINDOW_SECS: std::ops::RangeInclusive<u64> = 300..=86_400;

/// All of them, in the order of the assets and of the file.
pub(super) fn twaps(root: &Section<'_>, report: &mut Report<'_>, chain_id: Option<u64>, assets: &[Asset]) -> Vec<Twap> {
    // With the place of what each is quoted in.
    let mut all: Vec<(Twap, String)> = Vec::new();
    for (position, (_, section)) in root.named(report, "assets").iter().take(assets.len()).enumerate() {
        let (Some(field), Ok(position)) = (section.may("twaps"), u16::try_from(position)) else { continue };
        if section.may("vault").is_some() {
            // Its keys are looked at where it is read.
            continue;
        }
        list(&field, report, chain_id, (AssetId(position), assets), &mut all);
    }
    for (Twap { asset, quote, .. }, path) in &all {
        if quote == asset {
            report.conflict(path, "is the asset itself; write the pool's other token");
        } else if all.iter().any(|(twap, _)| twap.asset == *quote) {
            report.conflict(path, "has pools itself; quote the pool in an asset that feeds alone price");
        } else if assets.get(quote.index()).is_some_and(|it| it.feeds.is_empty()) {
            report.conflict(path, "has no feeds; quote the pool in an asset that feeds price");
        }
    }
    all.into_iter().map(|(twap, _)| twap).collect()
}

fn list(
    field: &Field<'_>,
    report: &mut Report<'_>,
    chain_id: Option<u64>,
    (asset, assets): (AssetId, &[Asset]),
    all: &mut Vec<(Twap, String)>,
) {
    for field in field.list(report, TWAPS_MAX) {
        let path = field.path.clone();
        let Some(section) = field.section(report) else { continue };
        section.only(report, &TWAP_KEYS);
        let pool = section.need(report, "pool", "\"eip155:1:0x…\"");
        let pool = pool.and_then(|field| values::account(report, &field, chain_id));
        let quote = section.need(report, "quote", "\"USDC\"").and_then(|field| values::asset(report, &field, assets));
        let window = section.need(report, "window", "\"30m\"").and_then(|field| {
            let secs = values::duration(report, &field)?;
            if !WINDOW_SECS.contains(&secs) {
                report.value(&field.path, "is no window of a pool; write `5m` to `24h`, such as `30m`");
            }
            u32::try_from(secs).ok().filter(|secs| WINDOW_SECS.contains(&u64::from(*secs)))
        });
        let (Some(pool), Some(quote), Some(window_secs)) = (pool, quote, window) else { continue };
        if all.iter().any(|(twap, _)| twap.asset == asset && twap.pool == pool) {
            report.conflict(&path, "this pool is listed twice; it would count twice towards the quorum; remove one");
        }
        all.push((Twap { asset, pool, quote, window_secs }, format!("{path}.quote")));
    }
}
