//! Two results of simulations side by side: their figures, refusals and proposals.

use super::{Failure, Output};
use quaestor_simulations::{
    Day,
    report::{number, percent, usd},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a run depends on: which of these differ explains why figures do.
pub(super) const GROUNDS: [(&str, &str); 8] = [
    ("data_hash", "data"),
    ("from", "first bar"),
    ("to", "last bar"),
    ("policy_hash", "policy"),
    ("assumptions_hash", "assumptions"),
    ("model_hash", "model"),
    ("scenario_hash", "scenario"),
    ("seed", "seed"),
];
/// How a figure is written.
#[derive(Clone, Copy)]
enum Unit {
    Usd,
    Share,
    Number,
    Count,
}

/// The figures that a person reads, in the order of the report.
const FIGURES: [(&str, &str, Unit); 21] = [
    ("final_value", "value at the end, USD", Unit::Usd),
    ("total_return", "return", Unit::Share),
    ("cagr", "growth a year", Unit::Share),
    ("volatility", "volatility a year", Unit::Share),
    ("sharpe", "Sharpe", Unit::Number),
    ("sortino", "Sortino", Unit::Number),
    ("calmar", "Calmar", Unit::Number),
    ("max_drawdown", "deepest fall", Unit::Share),
    ("drawdown_periods_max", "longest under a peak, bars", Unit::Count),
    ("var95", "VaR 95 of a bar", Unit::Share),
    ("cvar95", "CVaR 95 of a bar", Unit::Share),
    ("turnover", "turnover a year", Unit::Share),
    ("costs", "costs, USD", Unit::Usd),
    ("trades", "trades", Unit::Count),
    ("proposals", "proposals", Unit::Count),
    ("executed", "executed", Unit::Count),
    ("withdrawn", "withdrawn", Unit::Count),
    ("expired", "expired", Unit::Count),
    ("refusals", "refusals", Unit::Count),
    ("outside_bands_share", "decisions outside of bands", Unit::Share),
    ("runway_months_min", "least runway, months", Unit::Number),
];

impl Unit {
    fn write(self, found: Option<f64>) -> String {
        match self {
            Self::Usd => found.map_or_else(|| "–".to_owned(), usd),
            Self::Share => percent(found),
            Self::Number => number(found),
            Self::Count => found.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}")),
        }
    }

    /// A difference, with its sign.
    fn difference(self, of: f64) -> String {
        let text = self.write(Some(of));
        if of > 0.0 { format!("+{text}") } else { text }
    }
}

/// Two results, as `--json` prints them.
pub(super) struct Differences<'a> {
    pub(super) a: &'a Map<String, Value>,
    pub(super) b: &'a Map<String, Value>,
}

impl Differences<'_> {
    /// Figures, refusals and withdrawals in three columns, and from which proposal on the two part.
    pub(super) fn tell(&self, [name_a, name_b]: [&str; 2], output: Output) -> Result<(), Failure> {
        let Self { a, b } = *self;
        let less = format!("{name_b} less {name_a}");
        output.line(format_args!("{:<28}{name_a:>18}{name_b:>18}{less:>16}", ""))?;
        for (key, name, unit) in FIGURES {
            let [in_a, in_b] = [a, b].map(|of| of.get(key).and_then(Value::as_f64));
            if in_a.is_none() && in_b.is_none() {
                continue;
            }
            let difference = in_a.zip(in_b).map(|(a, b)| b - a);
            let difference = difference.map_or_else(|| "–".to_owned(), |found| unit.difference(found));
            output.line(format_args!("{name:<28}{:>18}{:>18}{difference:>16}", unit.write(in_a), unit.write(in_b)))?;
        }
        for (name, counts) in &rules(a, b) {
            for (rule, [in_a, in_b]) in counts {
                output.line(format_args!(
                    "{name} {:<width$}{in_a:>18}{in_b:>18}{:>+16}",
                    rule,
                    *in_b as i64 - *in_a as i64,
                    width = 27 - name.len()
                ))?;
            }
        }
        output.line("")?;
        output.line(match parting(a, b) {
            Some((count, None)) => format!("the same {count} proposals"),
            Some((count, Some(at))) => format!("the same {count} proposals at first; they part on {}", day(at)),
            None => "one of the two says nothing of its proposals".to_owned(),
        })
    }

    /// Every number of both by its path, with their difference; and from where on proposals part.
    pub(super) fn document(&self) -> Value {
        let Self { a, b } = *self;
        let [figures_a, figures_b] = [leaves(a), leaves(b)];
        let keys: std::collections::BTreeSet<&String> = figures_a.keys().chain(figures_b.keys()).collect();
        let figures: Map<String, Value> = keys
            .into_iter()
            .map(|key| {
                let (a, b) = (figures_a.get(key), figures_b.get(key));
                (key.clone(), json!({ "a": a, "b": b, "difference": a.zip(b).map(|(a, b)| b - a) }))
            })
            .collect();
        let parting = parting(a, b);
        json!({
            "figures": figures,
            "same_proposals": parting.map(|(count, _)| count),
            "parts_at": parting.and_then(|(_, at)| at),
        })
    }
}

/// Refusals and withdrawals by rule, where any of the two has some.
fn rules(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<(&'static str, BTreeMap<String, [u64; 2]>)> {
    let count = |key: &str| {
        let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for (place, of) in [a, b].into_iter().enumerate() {
            for (rule, found) in of.get(key).and_then(Value::as_object).into_iter().flatten() {
                counts.entry(rule.clone()).or_default()[place] = found.as_u64().unwrap_or_default();
            }
        }
        counts
    };
    vec![("refused", count("refusals_by_rule")), ("withdrawn", count("withdrawn_by_rule"))]
}

/// How many proposals both begin with, and when the first one was made that is not the same; a proposal is the same where it
/// was made at the same time for the same account over the same value.
fn parting(a: &Map<String, Value>, b: &Map<String, Value>) -> Option<(usize, Option<u64>)> {
    let of = |from: &Map<String, Value>| from.get("proposals_made").and_then(Value::as_array).cloned();
    let (a, b) = (of(a)?, of(b)?);
    let name = |proposal: &Value| ["at", "account", "value_usd"].map(|key| proposal.get(key).cloned());
    let same = a.iter().zip(&b).take_while(|(a, b)| name(a) == name(b)).count();
    let at = |list: &[Value]| list.get(same).and_then(|it| it.get("at")).and_then(Value::as_u64);
    Some((same, [at(&a), at(&b)].into_iter().flatten().min()))
}

/// Every number of a result by its path. Lists are left out, but for those of things with a name.
fn leaves(found: &Map<String, Value>) -> BTreeMap<String, f64> {
    fn walk(path: &str, value: &Value, into: &mut BTreeMap<String, f64>) {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Number(number) => {
                into.extend(number.as_f64().map(|found| (path.to_owned(), found)));
            }
            Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(&below(key), value, into)),
            Value::Array(items) => {
                for item in items {
                    if let Some(name) = item.get("name").and_then(Value::as_str) {
                        walk(&below(name), item, into);
                    }
                }
            }
            _ => {}
        }
    }
    let mut into = BTreeMap::new();
    found.iter().filter(|(key, _)| GROUNDS.iter().all(|(ground, _)| ground != key)).for_each(|(key, value)| {
        walk(key, value, &mut into);
    });
    into
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn proposals_part_at_the_first_that_differs() {
        let of = |values: &[(u64, f64)]| {
            let made: Vec<Value> =
                values.iter().map(|(at, usd)| json!({ "at": at, "account": 0, "value_usd": usd })).collect();
            object(json!({ "proposals_made": made }))
        };
        let (a, b) = (of(&[(1, 5.0), (2, 6.0), (4, 7.0)]), of(&[(1, 5.0), (3, 6.0)]));
        assert_eq!(parting(&a, &b), Some((1, Some(2))));
        assert_eq!(parting(&a, &a), Some((3, None)));
        assert_eq!(parting(&a, &of(&[(1, 5.0)])), Some((1, Some(2))), "one that goes on parts from one that ended");
        assert_eq!(parting(&a, &object(json!({}))), None);
    }

    #[test]
    fn every_number_has_a_path_and_what_it_depends_on_is_none() {
        let found = leaves(&object(json!({
            "seed": 1, "sharpe": 2.5, "cagr": null, "paid": { "gas_usd": 3 }, "values": [1, 2],
            "rivals": [{ "name": "hold", "figures": { "sharpe": 1.5 } }],
        })));
        let expected = [("paid.gas_usd", 3.0), ("rivals.hold.figures.sharpe", 1.5), ("sharpe", 2.5)];
        assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value)).into());
    }
}
