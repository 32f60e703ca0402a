//! Vaults: ERC-4626, and the reserves of Aave. The venue says which asset it takes; the asset that is its shares says which
//! vault it is of, and has everything else from there: kind, price and, of an ERC-4626 vault, which is the token of its
//! shares itself, the address.

use super::values;
use crate::{
    document::{Report, Section},
    problem::{ProblemKind, listed},
};
use quaestor_core::{Asset, AssetId, Venue, VenueKind};

/// Keys of an asset that is the shares of a vault.
pub(super) const SHARE_KEYS: [&str; 3] = ["vault", "address", "decimals"];
/// Keys of a venue that is a vault.
pub(super) const VAULT_KEYS: [&str; 5] = ["kind", "address", "code_hash", "asset", "share_bps_max"];

/// The assets that say that they are the shares of a vault, with its name; in the order of the assets.
#[derive(Debug)]
pub(super) struct Shares(Vec<(AssetId, String)>);

impl Shares {
    /// What the file says, the sections being those that assets are made from.
    pub(super) fn named(root: &Section<'_>, report: &mut Report<'_>, assets: &[Asset]) -> Self {
        let mut named = Vec::new();
        for (position, (_, section)) in root.named(report, "assets").iter().take(assets.len()).enumerate() {
            if let Some(field) = section.may("vault")
                && let Some(vault) = field.text(report, "savings")
                && let Ok(position) = u16::try_from(position)
            {
                named.push((AssetId(position), vault.to_owned()));
            }
        }
        Self(named)
    }

    fn is_share(&self, asset: AssetId) -> bool {
        self.0.iter().any(|(shares, _)| *shares == asset)
    }

    fn of(&self, vault: &str) -> Option<AssetId> {
        self.0.iter().find(|(_, named)| named == vault).map(|(shares, _)| *shares)
    }
}

/// Asset and shares of the vault `name`. `None`, reported, when one of them is missing.
pub(super) fn sides(
    section: &Section<'_>,
    report: &mut Report<'_>,
    name: &str,
    assets: &[Asset],
    shares: &Shares,
) -> Option<(AssetId, AssetId)> {
    let field = section.need(report, "asset", "\"USDC\"");
    let asset = field.as_ref().and_then(|field| values::asset(report, field, assets));
    if let (Some(field), Some(asset)) = (&field, asset)
        && shares.is_share(asset)
    {
        report.conflict(&field.path, "is the shares of a vault itself; name an asset that has feeds of its own");
        return None;
    }
    let Some(shares) = shares.of(name) else {
        let message = format!(
            "has no shares: no asset says `vault = \"{name}\"`; write a section such as `[assets.SHARES]` with \
             `vault = \"{name}\"` and the `decimals` of the vault"
        );
        report.conflict(&section.path, message);
        return None;
    };
    Some((asset?, shares))
}

/// Gives each asset that is the shares of a vault what it has from there.
pub(super) fn complete(report: &mut Report<'_>, assets: &mut [Asset], venues: &[Venue], shares: &Shares) {
    let symbol = |assets: &[Asset], id: AssetId| assets.get(id.index()).map(|it| it.symbol.clone()).unwrap_or_default();
    for (id, vault) in &shares.0 {
        let path = format!("assets.{}.vault", symbol(assets, *id));
        let Some(venue) = venues.iter().find(|venue| venue.name == *vault) else {
            let known = listed(venues.iter().filter(|it| is_vault(it)).map(|it| it.name.as_str()));
            let remedy = match known.as_str() {
                "" => format!("write a section `[venues.{vault}]` of kind `erc-4626` or `aave-v3`"),
                known => format!("write one of: {known}"),
            };
            report.conflict(&path, format!("`{vault}` is no venue of this policy; {remedy}"));
            continue;
        };
        match venue.kind.vault() {
            Some((asset, shares)) if shares == *id => {
                let Some(of) = assets.get(asset.index()).cloned() else { continue };
                let own = has_address(report, &symbol(assets, *id), venue);
                if let Some(slot) = assets.get_mut(id.index()) {
                    slot.address = if own { slot.address } else { venue.address };
                    (slot.kind, slot.staleness_secs_max) = (of.kind, of.staleness_secs_max);
                }
            }
            Some((_, first)) => {
                let message =
                    format!("`{vault}` has its shares in `assets.{}` already; remove one", symbol(assets, first));
                report.conflict(&path, message);
            }
            // What was reported of the venue itself is not said twice.
            None if report.has_problem_in(&format!("venues.{vault}")) => {}
            None => {
                report.conflict(&path, format!("`{vault}` is no vault; name a venue of kind `erc-4626` or `aave-v3`"));
            }
        }
    }
}

/// Whether the shares called `symbol` have an address of their own, as the aTokens of a Pool must and the shares of an
/// ERC-4626 vault must not.
fn has_address(report: &mut Report<'_>, symbol: &str, venue: &Venue) -> bool {
    let path = format!("assets.{symbol}.address");
    match (venue.kind, report.is_there(&path)) {
        (VenueKind::AaveV3 { .. }, false) => {
            let message = "is missing; write the token that the Pool gives for the asset, `address = \"eip155:1:0x…\"`";
            report.at(&path, ProblemKind::Missing, message);
        }
        (VenueKind::Erc4626 { .. }, true) => {
            report.conflict(&path, format!("is that of the vault, `venues.{}.address`; remove it here", venue.name));
        }
        _ => {}
    }
    matches!(venue.kind, VenueKind::AaveV3 { .. })
}

fn is_vault(venue: &Venue) -> bool {
    venue.kind.vault().is_some()
}
