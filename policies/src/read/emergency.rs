//! `[emergency]`: what goes on where only what reduces risk does.

use super::values;
use crate::document::{Report, Section};
use quaestor_core::policy::OnlyReduce;

pub(super) const EMERGENCY_KEYS: [&str; 1] = ["only_reduce"];

type Kind = (&'static str, fn(&mut OnlyReduce) -> &mut bool);
const KINDS: [Kind; 3] = [
    ("transfers", |may| &mut may.transfers),
    ("swaps", |may| &mut may.swaps),
    ("redemptions", |may| &mut may.redemptions),
];

pub(super) fn only_reduce(root: &Section<'_>, report: &mut Report<'_>) -> OnlyReduce {
    let Some(section) = root.may("emergency").and_then(|field| field.section(report)) else {
        return OnlyReduce::default();
    };
    section.only(report, &EMERGENCY_KEYS);
    let Some(field) = section.may("only_reduce") else { return OnlyReduce::default() };
    let mut may = OnlyReduce { transfers: false, swaps: false, redemptions: false };
    let fields = field.list(report, KINDS.len());
    if fields.is_empty() && !report.has_problem_in(&field.path) {
        let message = "is empty, so that nothing would go on; write some of \"transfers\", \"swaps\" and \"redemptions\", \
                       or `on_breach = \"hold\"` in [risk]";
        report.value(&field.path, message);
    }
    for field in fields {
        let Some(place) = values::choice(report, &field, &KINDS) else { continue };
        let flag = place(&mut may);
        if *flag {
            report.conflict(&field.path, "is listed twice; remove one");
        }
        *flag = true;
    }
    may
}
