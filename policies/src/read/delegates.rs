//! What may be done with a token beside trading it: `assets.*.delegates`, to whom its votes may be delegated, and
//! `assets.*.wrapped_coin`, whether the coin of the chain may be wrapped into it.

use super::values;
use crate::document::{Report, Section};
use quaestor_core::{Asset, AssetId, policy::Delegates};

/// Of the coin of every chain of Ethereum's kind.
const COIN_DECIMALS: u8 = 18;
/// Most accounts of a list.
const DELEGATES_MAX: usize = 64;

/// Of every asset that names some. `assets` are those of the file in its order of names.
pub(super) fn delegates(
    root: &Section<'_>,
    report: &mut Report<'_>,
    chain_id: Option<u64>,
    assets: &[Asset],
) -> Vec<Delegates> {
    let mut found = Vec::new();
    for ((_, section), asset) in root.named(report, "assets").iter().zip(0..u16::MAX).take(assets.len()) {
        let Some(field) = section.may("delegates") else { continue };
        let to = values::accounts(report, &field, chain_id, DELEGATES_MAX);
        found.push(Delegates { asset: AssetId(asset), to });
    }
    found
}

/// The asset into which the coin of the chain may be wrapped.
pub(super) fn wrapped_coin(root: &Section<'_>, report: &mut Report<'_>, assets: &[Asset]) -> Option<AssetId> {
    let mut found: Option<AssetId> = None;
    for ((_, section), (asset, id)) in root.named(report, "assets").iter().zip(assets.iter().zip(0..)) {
        let Some(field) = section.may("wrapped_coin") else { continue };
        if values::choice(report, &field, &[("one-for-one", ())]).is_none() {
            continue;
        }
        if asset.decimals != COIN_DECIMALS {
            let message = format!("has {} decimals, and the coin of the chain has {COIN_DECIMALS}", asset.decimals);
            report.conflict(&field.path, format!("{message}; only what stands for it one for one can be it"));
        }
        if let Some(first) = found.and_then(|first| assets.get(first.index())) {
            let message = format!("is said of `{}` too; the coin of the chain has one wrapped form", first.symbol);
            report.conflict(&field.path, message);
        }
        found = found.or(Some(AssetId(id)));
    }
    found
}
