//! A policy in which one difference alone is as in another policy: what the difference does by itself.

use super::changes::{Difference, Of, entry_name, opened};
use crate::{
    document::{Report, Section},
    print::{self, Plain},
    problem::{PROBLEMS_MAX, Problem, ProblemKind},
    read,
    voted::VotedPolicy,
};
use alloy_primitives::keccak256;
use quaestor_core::{Catalog, Route, Terms, strategy::ParamValue};
use toml::de::DeTable;

/// `plain` with the place of `difference` as `value` has it. `None` where the place means nothing alone: it names what
/// only the other policy has.
pub(super) fn with(plain: &Plain, difference: &Difference, value: Option<&ParamValue>) -> Option<VotedPolicy> {
    if difference.of == Of::Order || difference.parts == ["policy", "chain"] {
        return None;
    }
    let mut changed = plain.clone();
    match (difference.of, difference.parts.as_slice()) {
        (Of::Entry, parts) => entry(&mut changed, parts, difference, value.is_some())?,
        (_, [section, name, rest @ ..]) if section == "strategies" || section == "payments" => {
            listed(&mut changed, section, name, rest, value)?;
        }
        (_, [section, name, _]) if section == "counterparties" => {
            if let Some(ParamValue::Table(receivers)) = changed.get_mut(section)
                && let Some(receiver) = receivers.get_mut(name)
            {
                *receiver = opened(receiver);
            }
            put(&mut changed, &difference.parts, value)?;
        }
        (_, parts) => put(&mut changed, parts, value)?,
    }
    read(&print::text(&changed))
}

/// What a text says, if nothing in it is left open: places that do not go together are let pass, for they are weighed
/// alone here.
fn read(text: &str) -> Option<VotedPolicy> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut report = Report::of(text, root.get_ref(), &errors);
    let (terms, _) = read::terms(&Section::root(root.get_ref()), &mut report, &Catalog::default());
    let problems = report.into_problems();
    let harmless = |problem: &Problem| {
        // Of a budget line that names what is not there, something else would be read.
        problem.kind == ProblemKind::Conflict && !problem.path.starts_with("payments")
            || problem.path.starts_with("strategies")
            || problem.path.ends_with(".pools")
            || problem.path == "assets"
            || problem.path == "accounts"
    };
    // More than are told may not be harmless.
    if problems.len() >= PROBLEMS_MAX || !problems.iter().all(harmless) || has_stand_ins(&terms) {
        return None;
    }
    Some(VotedPolicy::of(keccak256(text), text.into(), Vec::new(), terms, Vec::new(), None))
}

/// Whether an address stands for one that could not be read.
fn has_stand_ins(terms: &Terms) -> bool {
    let mut addresses = vec![terms.registry, terms.brake, terms.gate];
    addresses.extend(terms.assets.iter().flat_map(|asset| asset.feeds.iter().chain([&asset.address])));
    addresses.extend(terms.twaps.iter().map(|twap| twap.pool));
    addresses.extend(terms.venues.iter().map(|venue| venue.address));
    addresses.extend(terms.counterparties.iter().map(|receiver| receiver.address));
    for account in &terms.accounts {
        addresses.push(account.address);
        if let Route::Governor { governor, proposer } = account.route {
            addresses.extend([governor, proposer]);
        }
    }
    addresses.iter().any(|address| address.is_zero())
}

fn put(fields: &mut Plain, parts: &[String], value: Option<&ParamValue>) -> Option<()> {
    let (first, rest) = parts.split_first()?;
    if !rest.is_empty() {
        let inner = fields.entry(first.clone()).or_insert_with(|| ParamValue::Table(Plain::new()));
        let ParamValue::Table(inner) = inner else { return None };
        return put(inner, rest, value);
    }
    match value {
        Some(value) => drop(fields.insert(first.clone(), value.clone())),
        None => drop(fields.remove(first)),
    }
    Some(())
}

fn listed(plain: &mut Plain, section: &str, name: &str, rest: &[String], value: Option<&ParamValue>) -> Option<()> {
    let list = plain.entry(section.to_owned()).or_insert_with(|| ParamValue::List(Vec::new()));
    let ParamValue::List(list) = list else { return None };
    let is_named = |strategy: &ParamValue| match strategy {
        ParamValue::Table(fields) => fields.get("name") == Some(&ParamValue::Text(name.to_owned())),
        _ => false,
    };
    let place = list.iter().position(is_named);
    match (place, rest, value) {
        (Some(place), [], None) => drop(list.remove(place)),
        (None, [], Some(value)) => list.push(value.clone()),
        (Some(place), rest, value) => {
            let Some(ParamValue::Table(fields)) = list.get_mut(place) else { return None };
            put(fields, rest, value)?;
        }
        _ => return None,
    }
    Some(())
}

fn entry(plain: &mut Plain, parts: &[String], difference: &Difference, wanted: bool) -> Option<()> {
    let entry = difference.old.as_ref().or(difference.new.as_ref())?;
    let (first, rest) = parts.split_first()?;
    let list = rest.iter().try_fold(plain.get_mut(first)?, |value, part| match value {
        ParamValue::Table(fields) => fields.get_mut(part),
        _ => None,
    });
    let ParamValue::List(list) = list? else { return None };
    list.retain(|known| entry_name(known) != entry_name(entry));
    if wanted {
        list.push(entry.clone());
    }
    Some(())
}
