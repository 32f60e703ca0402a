//! The slow way: the document is changed and read again.

use super::{Change, place};
use crate::{document::Report, problem::Problems, voted::VotedPolicy};
use alloy_primitives::B256;
use place::Step;
use quaestor_core::Catalog;
use std::{borrow::Cow, sync::Arc};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A policy with changes, as the language reads it.
pub(crate) fn read(
    base: &VotedPolicy,
    changes: Vec<Change>,
    hash: B256,
    catalog: &Catalog,
) -> Result<VotedPolicy, Problems> {
    let values = written(&changes);
    let root = changed(&base.text, &changes, &values);
    let report = Report::of(&base.text, &root, &[]);
    let found = VotedPolicy::read(Arc::clone(&base.text), hash, &root, report, catalog)?;
    Ok(VotedPolicy { changes, file_hash: base.file_hash, ..found })
}

/// What `of` makes of the changed document.
pub(crate) fn document<T>(text: &str, changes: &[Change], of: impl FnOnce(&DeTable<'_>) -> T) -> T {
    let values = written(changes);
    of(&changed(text, changes, &values))
}

/// Each value as a file has it.
pub(super) fn written(changes: &[Change]) -> Vec<String> {
    // Booleans, integers, texts, lists and maps with text keys: nothing that could fail to serialise.
    let text =
        |change: &Change| toml::Value::try_from(&change.value).map(|value| value.to_string()).unwrap_or_default();
    changes.iter().map(text).collect()
}

fn changed<'d>(text: &'d str, changes: &[Change], values: &'d [String]) -> DeTable<'d> {
    // It was read before, so that nothing is wrong with it.
    let mut root = DeTable::parse_recoverable(text).0.into_inner();
    for (change, value) in changes.iter().zip(values) {
        let (Some(steps), Ok(value)) = (place::steps(&change.path), DeValue::parse(value)) else { continue };
        let value = value.into_inner();
        match steps.as_slice() {
            // It decides by one of the two.
            [Step::Key(policy), Step::Key(key)]
                if policy == "policy" && (key == "schedule" || key == "every_blocks") =>
            {
                let other = if key == "schedule" { "every_blocks" } else { "schedule" };
                if let Some(DeValue::Table(policy)) = root.get_mut("policy").map(Spanned::get_mut) {
                    policy.remove(other);
                }
                put(&mut root, 0, &steps, value);
            }
            _ => put(&mut root, 0, &steps, value),
        }
    }
    root
}

/// Puts `value` where `steps` lead from `table`, which stands at the byte `at`; a table on the way that is not there is made.
/// What leads through something else is left to the language, which then finds a key that it does not know.
fn put<'d>(table: &mut DeTable<'d>, at: usize, steps: &[Step], value: DeValue<'d>) {
    let Some((Step::Key(key), rest)) = steps.split_first() else { return };
    if table.get(key.as_str()).is_none() {
        let name: Spanned<Cow<'d, str>> = Spanned::new(at..at, Cow::Owned(key.clone()));
        table.insert(name, Spanned::new(at..at, DeValue::Table(DeTable::new())));
    }
    let Some(found) = table.get_mut(key.as_str()) else { return };
    put_in(found, rest, value);
}

fn put_in<'d>(found: &mut Spanned<DeValue<'d>>, steps: &[Step], value: DeValue<'d>) {
    let at = found.span().start;
    match (steps.first(), found.get_mut()) {
        (None, old) => *old = value,
        (Some(Step::Item(position)), DeValue::Array(list)) => {
            if let Some(item) = list.get_mut(*position) {
                put_in(item, steps.get(1..).unwrap_or_default(), value);
            }
        }
        (Some(Step::Key(_)), DeValue::Table(table)) => put(table, at, steps, value),
        // A key of something that has none.
        (Some(_), old) => {
            let mut table = DeTable::new();
            put(&mut table, at, steps, value);
            *old = DeValue::Table(table);
        }
    }
}
