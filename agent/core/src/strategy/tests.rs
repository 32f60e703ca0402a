use super::*;
use crate::{
    Amount, Value,
    fixture::{AsTold, LINE, OPERATIONS, USDC, terms},
};

fn told(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let account = params.account("account");
    let asset = params.asset("asset");
    let low = params.amount("low", asset);
    let least = params.value("trade_min");
    let steps = params.integer("steps", 1, 10);
    let found = (account?, asset?, low?, least?, steps?);
    assert_eq!(found, (OPERATIONS, USDC, Amount(1_250_500_000), Value(500 * crate::amount::WAD), 3));
    assert_eq!(params.line(), LINE);
    Some(Box::new(AsTold::default()))
}

fn text(text: &str) -> ParamValue {
    ParamValue::Text(text.into())
}

fn good() -> StrategyParams {
    let amounts = [("low", text("1250.5 USDC")), ("trade_min", text("500 USD")), ("steps", ParamValue::Integer(3))];
    let names = [("account", text("operations")), ("asset", text("USDC"))];
    amounts.into_iter().chain(names).map(|(key, value)| (key.to_owned(), value)).collect()
}

const TOLD: StrategySpec = StrategySpec { kind: "as-told", summary: "Wants what it is told", build: told };

/// Key and message of each problem with `good` after `change`.
fn problems(change: impl FnOnce(&mut StrategyParams)) -> Vec<(String, String)> {
    let mut terms = terms();
    terms.strategies[0].params = good();
    change(&mut terms.strategies[0].params);
    let built = Catalog::new([TOLD]).build(&terms, 0);
    let list = built.err().unwrap_or_default();
    list.into_iter().map(|problem| (problem.key, problem.message)).collect()
}

fn problem_with(key: &str, value: ParamValue) -> String {
    let mut found = problems(|params| drop(params.insert(key.into(), value)));
    assert_eq!(found.len(), 1, "{found:?}");
    let (at, message) = found.remove(0);
    assert_eq!(at, key);
    message
}

#[test]
fn good_parameters_build_the_strategy() {
    assert_eq!(problems(|_| {}), []);
}

#[test]
fn all_problems_are_reported_at_once() {
    let found = problems(|params| {
        params.remove("account");
        params.insert("asset".into(), text("DOGE"));
        params.insert("steps".into(), ParamValue::Integer(11));
        params.insert("trade_min".into(), ParamValue::Integer(500));
        params.insert("stpes".into(), ParamValue::Bool(true));
    });
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["account", "asset", "trade_min", "steps", "stpes"], "the amount of no asset adds nothing");
    for ((_, message), words) in found.iter().zip(["missing", "USDC, WETH", "text", "from 1 to 10", "unknown key"]) {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn each_problem_says_what_to_write() {
    assert!(problem_with("account", text("Operations")).contains("operations, reserve"));
    assert!(problem_with("low", text("1250.5")).contains("`1250.5 USDC`"));
    assert!(problem_with("low", text("1250.5 WETH")).contains("USDC"));
    assert!(problem_with("low", text("0.1234567 USDC")).contains("at most 6"));
    assert!(problem_with("low", text("-1 USDC")).contains("plain decimal"));
    assert!(problem_with("low", text("1  USDC")).contains("plain decimal"));
    assert!(problem_with("trade_min", text("500 EUR")).contains("USD"));
    assert!(problem_with("trade_min", ParamValue::List(vec![])).contains("another type"));
    assert!(problem_with("steps", text("3")).contains("without quotes"));
    for out in [0, -1, 11, i64::MIN] {
        assert!(problem_with("steps", ParamValue::Integer(out)).contains("from 1 to 10"), "{out}");
    }
    assert!(problem_with("more", ParamValue::Integer(1)).contains("remove it"));
}

#[test]
fn an_unknown_kind_names_those_that_are_known() {
    let mut terms = terms();
    terms.strategies[0].kind = "moon".into();
    let problems = Catalog::new([TOLD]).build(&terms, 0).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].key, "kind");
    assert!(problems[0].message.contains("`moon`") && problems[0].message.contains("as-told"));
    assert!(Catalog::new([TOLD]).build(&terms, 1).is_err());
}

#[test]
fn a_strategy_that_gives_up_without_a_reason_is_still_not_built() {
    let mut terms = terms();
    terms.strategies[0].params.clear();
    let silent = StrategySpec { build: |_| None, ..TOLD };
    let problems = Catalog::new([silent]).build(&terms, 0).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`as-told`"));
}

#[test]
fn a_dao_may_replace_a_kind_by_its_own() {
    let mine = StrategySpec { summary: "Mine", ..TOLD };
    let other = StrategySpec { kind: "other", ..TOLD };
    let mut catalog = Catalog::new([TOLD, other]);
    catalog.add(mine);
    let listed: Vec<_> = catalog.specs().iter().map(|spec| (spec.kind, spec.summary)).collect();
    assert_eq!(listed, [("other", TOLD.summary), ("as-told", "Mine")]);
}

fn listed(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let read = |entry: &mut Params<'_>| {
        let (venue, most) = (entry.venue("venue"), entry.integer("max_bps", 1, 9));
        Some((venue?, most?))
    };
    let found = params.tables("venues", 2, read)?;
    assert_eq!(found, [(crate::VenueId(0), 3)]);
    Some(Box::new(AsTold::default()))
}

/// Problems of a list of `entries`.
fn of_list(entries: ParamValue) -> Vec<(String, String)> {
    let mut terms = terms();
    terms.strategies[0].params = [("venues".to_owned(), entries)].into();
    let spec = StrategySpec { build: listed, ..TOLD };
    let list = Catalog::new([spec]).build(&terms, 0).err().unwrap_or_default();
    list.into_iter().map(|problem| (problem.key, problem.message)).collect()
}

#[test]
fn a_list_of_tables_reports_each_problem_at_its_entry() {
    let entry = |fields: &[(&str, ParamValue)]| {
        ParamValue::Table(fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    let (venue, most) = (("venue", text("uniswap")), |most| ("max_bps", ParamValue::Integer(most)));
    let list = |entries: &[ParamValue]| ParamValue::List(entries.to_vec());
    assert_eq!(of_list(list(&[entry(&[venue.clone(), most(3)])])), []);
    let keys = |entries: ParamValue| of_list(entries).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let second = entry(&[("venue", text("curve")), most(10), ("more", text("x"))]);
    let wrong = list(&[entry(&[venue.clone(), most(3)]), second]);
    assert_eq!(keys(wrong.clone()), ["venues[1].venue", "venues[1].max_bps", "venues[1].more"]);
    assert!(of_list(wrong)[0].1.contains("uniswap"));
    assert_eq!(keys(list(&[entry(&[venue, most(10)]), text("uniswap")])), ["venues[0].max_bps", "venues[1]"]);
    assert_eq!((keys(list(&[])), keys(text("uniswap"))), (vec!["venues".to_owned()], vec!["venues".to_owned()]));
    let three = list(&[text("a"), text("b"), text("c")]);
    assert!(of_list(three)[0].1.contains("1 to 2"));
}

fn read_all(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let price = params.price("price");
    let every = params.duration("every", 3_600, 604_800);
    let signal = params.choice("signal", &["low", "high"]);
    let sources = params.holdings("sources", 2);
    assert!(params.has("more") && !params.has("less"));
    params.text("more");
    let found = (price?, every?, signal?, sources?);
    assert_eq!(found, (crate::Price(98 * crate::amount::WAD / 100), 43_200, 1, vec![(OPERATIONS, USDC)]));
    Some(Box::new(AsTold::default()))
}

#[test]
fn prices_durations_choices_and_holdings_are_exact_or_refused() {
    let pair = |account: &str, asset: &str| ParamValue::List(vec![text(account), text(asset)]);
    let list = |items: Vec<ParamValue>| ParamValue::List(items);
    let problem = |key: &str, value: ParamValue| {
        let mut terms = terms();
        terms.strategies[0].params = [
            ("price", text("0.98 USD")),
            ("every", text("12h")),
            ("signal", text("high")),
            ("sources", list(vec![pair("operations", "USDC")])),
            ("more", text("")),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        terms.strategies[0].params.insert(key.into(), value);
        let built = Catalog::new([StrategySpec { build: read_all, ..TOLD }]).build(&terms, 0);
        let list = built.err().unwrap_or_default();
        list.into_iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(problem("more", text("nothing is wrong")), "");
    for (key, value, words) in [
        ("price", text("0 USD"), "is zero"),
        ("price", text("1"), "USD"),
        ("every", text("59m"), "from 3600s to 604800s"),
        ("every", text("8d"), "write a whole number"),
        ("every", text("012h"), "`7d`"),
        ("every", text("1.5d"), "`7d`"),
        ("every", text("18446744073709551615d"), "`7d`"),
        ("every", text("é"), "`7d`"),
        ("every", ParamValue::Integer(3_600), "another type"),
        ("signal", text("middle"), "low, high"),
        ("sources", list(vec![pair("operations", "USDC"); 3]), "at most 2"),
        ("sources", list(vec![pair("treasury", "USDC")]), "no account"),
        ("sources", list(vec![pair("operations", "DOGE")]), "no asset"),
        ("sources", list(vec![text("operations")]), "not a pair"),
        ("sources", text("operations"), "list of pairs"),
    ] {
        let message = problem(key, value);
        assert!(message.starts_with(&format!("{key}: ")) && message.contains(words), "{key}: {message}");
    }
}
