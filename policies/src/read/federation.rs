//! `[federation]`: who may have trained a model, and how.

use super::values;
use crate::document::{Report, Section};
use quaestor_core::policy::FederationTerms;

pub(super) const FEDERATION_KEYS: [&str; 3] = ["members", "present_min", "aggregation"];
/// Most members that are named.
const MEMBERS_MAX: usize = 256;
/// Longest name of a member, bytes.
const NAME_BYTES_MAX: usize = 128;
/// Ways to make one of what members send, as `agent.toml` has them.
pub const AGGREGATIONS: [&str; 7] = [
    "weighted-mean",
    "coordinate-median",
    "trimmed-mean",
    "geometric-median",
    "krum",
    "multi-krum",
    "centred-clipping",
];

pub(super) fn federation(root: &Section<'_>, report: &mut Report<'_>) -> FederationTerms {
    let Some(section) = root.may("federation").and_then(|field| field.section(report)) else {
        return FederationTerms::default();
    };
    section.only(report, &FEDERATION_KEYS);
    let members = members(&section, report);
    let most = u64::try_from(MEMBERS_MAX).unwrap_or(u64::MAX);
    let present = section.may("present_min").and_then(|field| field.integer(report, 1, most));
    if let (Some(present), Some(named)) = (present, members.as_ref().filter(|members| !members.is_empty()))
        && u64::try_from(named.len()).is_ok_and(|named| present > named)
    {
        let message =
            format!("is {present}, and `members` names {}, so that no model would do; write at most that", named.len());
        report.conflict(&section.path_of("present_min"), message);
    }
    let known = AGGREGATIONS.map(|name| (name, name));
    let aggregation = section.may("aggregation").and_then(|field| values::choice(report, &field, &known));
    FederationTerms {
        members: members.unwrap_or_default(),
        present_min: present.and_then(|number| u16::try_from(number).ok()).unwrap_or_default(),
        aggregation: aggregation.map(str::to_owned),
    }
}

fn members(section: &Section<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let field = section.may("members")?;
    let mut found: Vec<String> = Vec::new();
    let fields = field.list(report, MEMBERS_MAX);
    if fields.is_empty() && !report.has_problem_in(&field.path) {
        report.value(&field.path, "is empty, so that no model would do; name the members, or leave it out");
    }
    for field in fields {
        let Some(name) = field.text(report, "alpha") else { continue };
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let message =
                format!("is no name of a member; write 1 to {NAME_BYTES_MAX} bytes, as the model's card has it");
            report.value(&field.path, message);
        } else if found.iter().any(|known| known == name) {
            report.conflict(&field.path, "this member is listed twice; remove one");
        }
        found.push(name.to_owned());
    }
    Some(found)
}
