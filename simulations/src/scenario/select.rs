//! Which assets a table of a scenario means in a policy.

use super::{Kind, Which};
use quaestor_core::{AssetId, AssetKind, Terms};

/// Whether the asset at `index` is the shares of a vault.
fn is_shares(terms: &Terms, index: usize) -> bool {
    u16::try_from(index).is_ok_and(|index| terms.vault_of(AssetId(index)).is_some())
}

fn is_of(terms: &Terms, index: usize, kind: Kind) -> bool {
    let own = match terms.assets.get(index).map(|asset| asset.kind) {
        Some(AssetKind::Stable) => Kind::Stable,
        Some(AssetKind::Native) => Kind::Native,
        _ => Kind::Volatile,
    };
    // Shares go with their asset; their own change is what the vault loses.
    if is_shares(terms, index) { kind == Kind::Shares } else { kind == own }
}

/// Places of the assets meant, in the policy's order; `opening` is what the treasury has of each at first.
///
/// # Errors
/// The name of an asset that must be there and is not.
pub(super) fn places(which: &Which, terms: &Terms, opening: &[f64]) -> Result<Vec<usize>, String> {
    let all = || 0..terms.assets.len();
    let called = |name: &str| terms.assets.iter().position(|asset| asset.symbol == name);
    Ok(match which {
        Which::All => all().filter(|index| !is_shares(terms, *index)).collect(),
        Which::Kind(kind) => all().filter(|index| is_of(terms, *index, *kind)).collect(),
        Which::Largest(kind) => {
            let mut most: Option<usize> = None;
            for index in all().filter(|index| is_of(terms, *index, *kind)) {
                // Of equal ones the first.
                if most.is_none_or(|most| opening[index] > opening[most]) {
                    most = Some(index);
                }
            }
            most.into_iter().collect()
        }
        Which::Asset(name) => vec![called(name).ok_or_else(|| name.clone())?],
        Which::AnyOf(names) => {
            let mut found: Vec<usize> = names.iter().filter_map(|name| called(name)).collect();
            found.sort_unstable();
            found.dedup();
            found
        }
    })
}

/// For people, where nothing is meant: what the policy lacks.
pub(super) fn lacking(which: &Which) -> String {
    match which {
        Which::All => "an asset with feeds".to_owned(),
        Which::Kind(kind) | Which::Largest(kind) => match kind {
            Kind::Stable => "a stable asset".to_owned(),
            Kind::Volatile => "a volatile asset".to_owned(),
            Kind::Native => "a token of its own".to_owned(),
            Kind::Shares => "shares of a vault".to_owned(),
        },
        Which::Asset(name) => name.clone(),
        Which::AnyOf(names) => format!("any of {}", names.join(", ")),
    }
}
