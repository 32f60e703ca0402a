//! Policies in plain English, as voters read them. `snapshots/` has the whole texts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use quaestor_core::Catalog;
use quaestor_policies::{Explanation, parse, starting_policy};

fn told(text: &str, catalog: &Catalog) -> Explanation {
    parse(text.as_bytes(), catalog).unwrap_or_else(|problems| panic!("{problems}")).explain(catalog)
}

#[test]
fn a_policy_with_everything_is_told_whole() {
    let explained = told(include_str!("everything.toml"), &quaestor_strategies::catalog());
    insta::assert_snapshot!(explained.to_text());
}

#[test]
fn what_a_strategy_does_not_tell_of_its_parameters_is_told_as_it_stands() {
    let explained = told(&starting_policy(&fixture::facts()), &fixture::catalog());
    let strategies = explained.sections.iter().filter(|section| section.heading.starts_with("Strategy"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&strategies.collect::<Vec<_>>()).unwrap());
}

#[test]
fn markdown_says_the_same() {
    let explained = told(&starting_policy(&fixture::facts()), &fixture::catalog());
    insta::assert_snapshot!(explained.to_markdown());
}

#[test]
fn a_variation_is_explained_as_it_is() {
    let catalog = quaestor_strategies::catalog();
    let base = parse(include_bytes!("everything.toml"), &catalog).unwrap();
    let varied = base.vary(&[("limits.day_bps_max", quaestor_core::strategy::ParamValue::Integer(450))], &catalog);
    let changed = include_str!("everything.toml").replace("day_bps_max = 500", "day_bps_max = 450");
    assert_eq!(varied.unwrap().explain(&catalog).sections, told(&changed, &catalog).sections);
}
