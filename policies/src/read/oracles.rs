//! `[oracles]`: what happens when the sources of a price disagree.

use super::values;
use crate::document::{Report, Section};
use quaestor_core::policy::OnDisagreement;

pub(super) const ORACLE_KEYS: [&str; 1] = ["on_disagreement"];

pub(super) fn on_disagreement(root: &Section<'_>, report: &mut Report<'_>) -> OnDisagreement {
    let Some(section) = root.may("oracles").and_then(|field| field.section(report)) else {
        return OnDisagreement::default();
    };
    section.only(report, &ORACLE_KEYS);
    let known = [("drop", OnDisagreement::Drop), ("hold", OnDisagreement::Hold)];
    let found = section.may("on_disagreement").and_then(|field| values::choice(report, &field, &known));
    found.unwrap_or_default()
}
