//! What it wants by itself: the strategies, in their order.

use super::{Section, Told, moments};
use crate::print;
use quaestor_core::{Catalog, Rule, Strategy, policy::StrategyTerms, strategy::ParamValue, words};
use std::str::FromStr;

/// What holds for all, and then each.
pub(super) fn sections(told: &Told<'_>, catalog: &Catalog) -> Vec<Section> {
    let listed = &told.terms.strategies;
    let mut first = Section::new("Strategies");
    if listed.is_empty() {
        first.say("No strategy is listed, so that the agent proposes nothing.", &["strategies"], &[Rule::LineListed]);
        return vec![first];
    }
    let names = words::list(listed.iter().map(|strategy| strategy.name.as_str()), "then");
    first.say(
        format!("Whatever it proposes is wanted by one of its strategies, which act in this order: {names}."),
        &["strategies"],
        &[Rule::LineListed],
    );
    if listed.len() > 1 {
        first.say(
            "None undoes what an earlier one does in the same decision, by buying what that one sells, selling what it buys, \
             or sending money back.",
            &[],
            &[Rule::Opposed],
        );
    }
    let built = told.policy.strategies().iter();
    let each = listed.iter().zip(built).enumerate();
    let each = each.map(|(place, (strategy, built))| section(told, catalog, place, strategy, built.as_ref()));
    std::iter::once(first).chain(each).collect()
}

fn section(told: &Told<'_>, catalog: &Catalog, place: usize, named: &StrategyTerms, built: &dyn Strategy) -> Section {
    let StrategyTerms { name, line: _, kind, share_bps_max, schedule, params } = named;
    let at = |key: &str| format!("strategies[{place}].{key}");
    let mut section = Section::new(format!("Strategy {}: {name}", place + 1));
    let spec = catalog.specs().iter().find(|spec| spec.kind == *kind);
    let summary = spec.map_or_else(String::new, |spec| format!(" {}", spec.summary));
    section.say(format!("It is of the kind {kind}.{summary}"), &[&at("name"), &at("kind")], &[]);
    let mut keys = Vec::new();
    params.iter().for_each(|(key, value)| leaves(&mut keys, at(key), value));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let said = built.explain(told.terms);
    said.iter().for_each(|sentence| section.say(sentence, &keys, &[]));
    if said.is_empty() {
        for (key, value) in params {
            let mut keys = Vec::new();
            leaves(&mut keys, at(key), value);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            section.say(format!("Its {key} is {}.", print::written(value)), &keys, &[]);
        }
    }
    say_share(told, &mut section, &at("share_bps_max"), *share_bps_max);
    let when = match schedule.as_deref().map(cron::Schedule::from_str) {
        None => "It acts in every decision.".to_owned(),
        Some(Ok(own)) => {
            format!("It acts only in the first decision after each of these times: {}.", moments::in_words(&own))
        }
        Some(Err(_)) => "It never acts.".to_owned(),
    };
    section.say(when, &[&at("schedule")], &[]);
    section
}

fn say_share(told: &Told<'_>, section: &mut Section, key: &str, share_bps: Option<u64>) {
    let proposal_bps = told.terms.limits.proposal_bps_max;
    match share_bps {
        None => section.say("It has no cap of its own beside those of the whole policy.", &[key], &[]),
        Some(share) if proposal_bps == u64::MAX => {
            let text = format!("In one proposal it may move at most {} of the treasury.", words::share(share));
            section.say(text, &[key], &[Rule::ShareBpsMax]);
        }
        Some(share) => {
            let text = format!(
                "It may move at most {} of what one proposal may move, which is {} of the treasury.",
                words::share(share),
                words::share_of(share, proposal_bps)
            );
            section.say(text, &[key], &[Rule::ShareBpsMax]);
        }
    }
}

/// The keys of everything in `value`, which stands at `path`.
fn leaves(keys: &mut Vec<String>, path: String, value: &ParamValue) {
    match value {
        ParamValue::List(items) => {
            for (place, item) in items.iter().enumerate() {
                leaves(keys, format!("{path}[{place}]"), item);
            }
        }
        ParamValue::Table(fields) => {
            for (key, field) in fields {
                leaves(keys, format!("{path}.{key}"), field);
            }
        }
        _ => keys.push(path),
    }
}
