//! Groups of assets, with the share of NAV that each may have together.

use super::values::{self, SHARE_BPS_MAX};
use crate::document::{Report, Section};
use quaestor_core::{Asset, AssetId, policy::Group};

/// Most groups.
pub(super) const GROUPS_MAX: usize = 16;
pub(super) const GROUP_KEYS: [&str; 3] = ["assets", "min_bps", "max_bps"];

/// All groups by name.
pub(super) fn groups(root: &Section<'_>, report: &mut Report<'_>, assets: &[Asset]) -> Vec<Group> {
    let sections = root.named(report, "groups");
    if sections.len() > GROUPS_MAX {
        report.value("groups", format!("lists {} groups; write at most {GROUPS_MAX}", sections.len()));
    }
    sections.iter().take(GROUPS_MAX).map(|(name, section)| group(section, report, name, assets)).collect()
}

fn group(section: &Section<'_>, report: &mut Report<'_>, name: &str, assets: &[Asset]) -> Group {
    section.only(report, &GROUP_KEYS);
    let members = section.need(report, "assets", "[\"WETH\", \"WBTC\"]");
    let mut found: Vec<AssetId> = Vec::new();
    if let Some(field) = members {
        let fields = field.list(report, assets.len().max(1));
        if fields.is_empty() && !report.has_problem_in(&field.path) {
            report.value(&field.path, "is empty, so that nothing is bounded; write its assets or remove the group");
        }
        for field in fields {
            let Some(asset) = values::asset(report, &field, assets) else { continue };
            if found.contains(&asset) {
                report.conflict(&field.path, "this asset is listed twice; remove one");
            }
            found.push(asset);
        }
    }
    let (least, most) = (section.may("min_bps"), section.may("max_bps"));
    if least.is_none() && most.is_none() {
        report.value(&section.path, "bounds nothing; write `max_bps`, `min_bps` or both");
    }
    let least = least.and_then(|field| field.integer(report, 0, SHARE_BPS_MAX)).unwrap_or(0);
    let most = most.and_then(|field| field.integer(report, 0, SHARE_BPS_MAX)).unwrap_or(SHARE_BPS_MAX);
    if least > most {
        let message = format!("is {least}, above `max_bps`, {most}; write at most {most}");
        report.conflict(&section.path_of("min_bps"), message);
    }
    Group { name: name.to_owned(), assets: found, min_bps: least, max_bps: most }
}
