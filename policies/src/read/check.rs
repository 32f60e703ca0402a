//! What must hold between sections.

use super::values::{SHARE_BPS_MAX, duration_text};
use crate::document::Report;
use alloy_primitives::Address;
use quaestor_core::{
    AssetId, AssetKind, Route, Terms, Venue, VenueKind,
    policy::{Counterparty, Group, Part, PartShare},
    snapshot::WINDOW_SECS,
};
use std::collections::BTreeMap;

/// Reports everything in `terms` that does not go together. `validity_said` is whether the file sets `policy.validity`.
pub(super) fn terms(report: &mut Report<'_>, terms: &Terms, validity_said: bool) {
    let [.., remembered_secs] = WINDOW_SECS;
    // An absent `validity_max` is reported as such.
    if terms.limits.validity_secs_max != u64::MAX && terms.validity_secs_longest() > remembered_secs {
        let message = "lets a proposal live longer than 30 days, which is all that an agent remembers; shorten it";
        report.conflict("limits.validity_max", message.to_owned());
    }
    if validity_said && terms.validity_secs > terms.limits.validity_secs_max {
        let (found, most) = (duration_text(terms.validity_secs), duration_text(terms.limits.validity_secs_max));
        let message = format!("is {found}, above `limits.validity_max`, {most}; shorten it or leave it out");
        report.conflict("policy.validity", message);
    }
    quorum(report, terms);
    allocation(report, terms);
    stable_share(report, terms);
    targets(report, terms);
    parts(report, terms);
    addresses(report, terms);
}

/// Whether bands and the stable floor go together, and what each band says.
pub(crate) fn shares_fit(terms: &Terms) -> bool {
    let mut report = Report::empty();
    allocation(&mut report, terms);
    stable_share(&mut report, terms);
    targets(&mut report, terms);
    parts(&mut report, terms);
    let in_order = |band: &quaestor_core::policy::Band| {
        band.min_bps <= band.target_bps && band.target_bps <= band.max_bps && band.max_bps <= SHARE_BPS_MAX
    };
    let is_band = |group: &Group| group.min_bps <= group.max_bps && group.max_bps <= SHARE_BPS_MAX;
    report.is_clean() && terms.bands.iter().all(in_order) && terms.groups.iter().all(is_band)
}

fn quorum(report: &mut Report<'_>, terms: &Terms) {
    let quorum = terms.limits.price_quorum_min.max(1);
    for asset in &terms.assets {
        // The shares of a vault have the price of its asset, whose feeds are counted.
        if report.is_there(&format!("assets.{}.vault", asset.symbol)) {
            continue;
        }
        let feeds = u64::try_from(asset.feeds.len()).unwrap_or(u64::MAX);
        if feeds < quorum {
            let path = format!("assets.{}.feeds", asset.symbol);
            let message = format!(
                "has {feeds} of the {quorum} feeds that `limits.price_quorum_min` asks for; list {quorum} or more"
            );
            report.conflict(&path, message);
        }
    }
}

fn allocation(report: &mut Report<'_>, terms: &Terms) {
    let sum = |share: fn(&quaestor_core::policy::Band) -> u64| terms.bands.iter().map(share).sum::<u64>();
    let (least, target, most) = (sum(|band| band.min_bps), sum(|band| band.target_bps), sum(|band| band.max_bps));
    let whole = SHARE_BPS_MAX;
    if terms.bands.is_empty() {
        return;
    }
    if terms.bands.len() == terms.assets.len() {
        if target != whole {
            let message = format!("the targets of all assets sum to {target} bps; they must sum to {whole}");
            report.conflict("allocation", message);
        } else if most < whole {
            report.conflict("allocation", format!("the maxima sum to {most} bps; no treasury fits below {whole}"));
        }
    } else if target > whole {
        report.conflict("allocation", format!("the targets sum to {target} bps; they may sum to at most {whole}"));
    }
    if least > whole {
        report.conflict("allocation", format!("the minima sum to {least} bps; they may sum to at most {whole}"));
    }
}

fn stable_share(report: &mut Report<'_>, terms: &Terms) {
    let floor = terms.limits.stable_share_bps_min;
    if floor == 0 {
        return;
    }
    let stables = terms.assets.iter().filter(|asset| asset.kind == AssetKind::Stable).count();
    let stable = |band: &&quaestor_core::policy::Band| {
        terms.asset(band.asset).is_some_and(|asset| asset.kind == AssetKind::Stable)
    };
    let banded = terms.bands.iter().filter(stable).count();
    let most: u64 = terms.bands.iter().filter(stable).map(|band| band.max_bps).sum();
    if stables == 0 {
        let message = format!("asks for {floor} bps in stable assets, and no asset is of kind `stable`; list one");
        report.conflict("limits.stable_share_bps_min", message);
    } else if banded == stables && most < floor {
        let message = format!("asks for {floor} bps in stable assets, and their bands allow {most}; raise a `max_bps`");
        report.conflict("limits.stable_share_bps_min", message);
    }
    stable_parts(report, terms, floor);
}

/// Whether a part that has all stable assets may be as large as their least share.
fn stable_parts(report: &mut Report<'_>, terms: &Terms, floor: u64) {
    let ids = (0..terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
    let is_stable = |id: &AssetId| terms.asset(*id).is_some_and(|asset| asset.kind == AssetKind::Stable);
    let stables: Vec<AssetId> = ids.filter(is_stable).collect();
    for PartShare { part, max_bps, .. } in terms.parts().filter(|share| share.max_bps < floor) {
        if !stables.is_empty() && stables.iter().all(|asset| terms.is_in(part, *asset)) {
            let (_, key) = share_keys(terms, part);
            let message =
                format!("asks for {floor} bps in stable assets, and `{key}` allows them {max_bps}; raise that");
            report.conflict("limits.stable_share_bps_min", message);
        }
    }
}

/// Whether each part leaves room for the targets of its assets.
fn targets(report: &mut Report<'_>, terms: &Terms) {
    for PartShare { part, min_bps: least, max_bps: most } in terms.parts() {
        let (least_key, most_key) = share_keys(terms, part);
        let assets = terms.assets_in(part).count();
        if assets > 0 && assets == terms.assets.len() {
            let message = "bounds every asset of the policy, and all of them are always the whole treasury";
            report.conflict(&most_key, format!("{message}; leave one out, or the bound"));
            continue;
        }
        let bands = || terms.bands.iter().filter(|band| terms.is_in(part, band.asset));
        let target = bands().map(|band| band.target_bps).sum::<u64>();
        if target > most {
            let message = format!("is {most}, and the targets of its assets sum to {target}; write {target} or more");
            report.conflict(&most_key, message);
        } else if target < least && bands().count() == assets {
            let message = format!("is {least}, and the targets of its assets sum to {target}; write at most {target}");
            report.conflict(&least_key, message);
        }
    }
}

/// Whether any two parts of the treasury can have their shares at once.
fn parts(report: &mut Report<'_>, terms: &Terms) {
    let has_assets = |share: &PartShare| terms.assets_in(share.part).next().is_some();
    let parts: Vec<PartShare> = terms.parts().filter(has_assets).collect();
    let is_within = |inner: Part, outer: Part| terms.assets_in(inner).all(|asset| terms.is_in(outer, asset));
    let is_apart = |one: Part, other: Part| !terms.assets_in(one).any(|asset| terms.is_in(other, asset));
    for (position, one) in parts.iter().enumerate() {
        for (place, other) in parts.iter().enumerate().filter(|(_, other)| other.part != one.part) {
            let (least_key, _) = share_keys(terms, one.part);
            let (other_least_key, most_key) = share_keys(terms, other.part);
            if one.min_bps > other.max_bps && is_within(one.part, other.part) {
                let (least, most) = (one.min_bps, other.max_bps);
                let message =
                    format!("is {least}, and `{most_key}` allows all of these assets {most}; write {most} or less");
                report.conflict(&least_key, message);
            }
            let both = one.min_bps.saturating_add(other.min_bps);
            if place < position && both > SHARE_BPS_MAX && is_apart(one.part, other.part) {
                let least = one.min_bps;
                let message =
                    format!("is {least}, and with `{other_least_key}` it is {both} of {SHARE_BPS_MAX}; lower one");
                report.conflict(&least_key, message);
            }
        }
    }
}

/// The keys of the least and of the greatest share of a part.
fn share_keys(terms: &Terms, part: Part) -> (String, String) {
    match part {
        Part::Group(id) => {
            let name = terms.group(id).map_or("", |group| group.name.as_str());
            (format!("groups.{name}.min_bps"), format!("groups.{name}.max_bps"))
        }
        // Of these there is no least share.
        Part::Vault(id) => {
            let name = terms.venue(id).map_or("", |venue| venue.name.as_str());
            (String::new(), format!("venues.{name}.share_bps_max"))
        }
        Part::Native => (String::new(), "limits.native_share_bps_max".to_owned()),
    }
}

/// One address has one role: a token that is also an account, or a venue that is also a receiver, is a slip or a trap.
fn addresses(report: &mut Report<'_>, terms: &Terms) {
    let mut roles: Vec<(String, Address)> = vec![
        ("policy.registry".into(), terms.registry),
        ("policy.brake".into(), terms.brake),
        ("policy.gate".into(), terms.gate),
    ];
    for account in &terms.accounts {
        roles.push((format!("accounts.{}.address", account.name), account.address));
        if let Route::Governor { governor, .. } = account.route {
            roles.push((format!("accounts.{}.governor", account.name), governor));
        }
    }
    // An ERC-4626 vault is the token of its shares, and stands among the venues.
    let is_venue = |vault: quaestor_core::Vault| matches!(vault.kind, VenueKind::Erc4626 { .. });
    let tokens = terms.assets.iter().zip(0..).filter(|(_, id)| !terms.vault_of(AssetId(*id)).is_some_and(is_venue));
    roles.extend(
        tokens.map(|(asset, _)| asset).map(|asset| (format!("assets.{}.address", asset.symbol), asset.address)),
    );
    let venues =
        terms.venues.iter().enumerate().filter(|(place, venue)| !is_further_reserve(report, terms, *place, venue));
    let venues: Vec<_> = venues.map(|(_, venue)| (format!("venues.{}.address", venue.name), venue.address)).collect();
    roles.extend(venues);
    // A stand-in for an address that could not be read is zero, and zero itself is refused where it is read.
    roles.retain(|(_, address)| !address.is_zero());
    let mut holders: BTreeMap<Address, String> = BTreeMap::new();
    for (path, address) in roles {
        match holders.get(&address) {
            Some(first) => {
                let line = report.line_of(first);
                let message = format!("is the address of `{first}` in line {line} too; each needs its own");
                report.conflict(&path, message);
            }
            None => {
                holders.insert(address, path);
            }
        }
    }
    receivers(report, terms, holders);
}

/// Whether an earlier venue is another reserve of the same Aave Pool, in which both have one address. What two venues say of
/// one Pool that cannot both be so is reported.
fn is_further_reserve(report: &mut Report<'_>, terms: &Terms, place: usize, venue: &Venue) -> bool {
    let VenueKind::AaveV3 { asset, .. } = venue.kind else { return false };
    let is_reserve = |it: &&Venue| matches!(it.kind, VenueKind::AaveV3 { .. }) && it.address == venue.address;
    let Some(first) = terms.venues.iter().take(place).find(is_reserve) else { return false };
    let path = |key: &str| format!("venues.{}.{key}", venue.name);
    if first.code_hash != venue.code_hash {
        let message = format!("`venues.{}` says another one of the same Pool; a contract has one", first.name);
        report.conflict(&path("code_hash"), message);
    }
    let same = terms
        .venues
        .iter()
        .take(place)
        .filter(is_reserve)
        .find(|it| matches!(it.kind, VenueKind::AaveV3 { asset: other, .. } if other == asset));
    if let Some(same) = same {
        report.conflict(&path("asset"), format!("is that of `venues.{}` in the same Pool; remove one", same.name));
    }
    true
}

fn receivers(report: &mut Report<'_>, terms: &Terms, mut holders: BTreeMap<Address, String>) {
    for Counterparty { name, address, .. } in &terms.counterparties {
        if address.is_zero() {
            continue;
        }
        let whole = format!("counterparties.{name}");
        let inner = format!("{whole}.address");
        let path = if report.is_there(&inner) { inner } else { whole };
        match holders.get(address) {
            Some(first) => {
                let line = report.line_of(first);
                let message = format!("is the address of `{first}` in line {line}; a counterparty is somebody else");
                report.conflict(&path, message);
            }
            None => {
                holders.insert(*address, path);
            }
        }
    }
}
