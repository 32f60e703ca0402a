//! `assets.*.delegates`: to whom the votes of a token may be delegated.

use super::values;
use crate::document::{Report, Section};
use quaestor_core::{Asset, AssetId, policy::Delegates};

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
