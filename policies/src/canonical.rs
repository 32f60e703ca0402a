//! The canonical form of a policy without the numbers of the envelope: what `rest_hash` is the hash of.
//!
//! Two files that mean the same have the same form, however they are laid out. `policies/README.md` describes it so
//! that it can be built again without this code.

use crate::read::{
    risk::epsilon_permille,
    values::{duration_secs, unix_secs},
};
use serde::Serialize;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Keys whose value in the form is a number of seconds; `*` stands for any name.
const DURATIONS: [&str; 5] =
    ["policy.validity", "assets.*.staleness_max", "assets.*.twaps.window", "risk.model.age_max", "payments.every"];
/// Keys whose value in the form is a Unix time.
const TIMES: [&str; 4] = ["policy.expires", "policy.review", "payments.begin", "payments.end"];
/// Keys whose value in the form is a number of thousandths.
const PERMILLES: [&str; 1] = ["risk.epsilon_year_max"];
/// Cron lines: one space between two fields.
const CRON_LINES: [&str; 3] = ["policy.schedule", "risk.model.schedule", "strategies.schedule"];
/// A key that says what holds anyway is left out, as if it were not there.
const DEFAULTS: [(&str, &str); 9] = [
    ("oracles.on_disagreement", "drop"),
    ("payments.catch_up", "0"),
    ("groups.*.min_bps", "0"),
    ("groups.*.max_bps", "10000"),
    ("risk.history_rounds", "128"),
    ("risk.rate_lookback_blocks", "50400"),
    ("risk.on_breach", "only-reduce"),
    ("risk.fallback", "ewma"),
    ("risk.model.kind", "ewma"),
];

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Node {
    Bool(bool),
    Integer(u64),
    Text(String),
    List(Vec<Node>),
    // Sorted by the bytes of the keys.
    Table(BTreeMap<String, Node>),
}

/// Compact JSON of a checked document: keys sorted, `limits` and everything empty left out, durations and times as
/// numbers of seconds.
pub(crate) fn rest(root: &DeTable<'_>) -> String {
    let node = table(&[], root);
    // Booleans, integers, texts, lists and maps with text keys: nothing that could fail to serialise.
    serde_json::to_string(&node).unwrap_or_default()
}

fn table(path: &[&str], found: &DeTable<'_>) -> Option<Node> {
    let mut fields = BTreeMap::new();
    for (key, value) in found {
        let name = key.get_ref().as_ref();
        let inner: Vec<&str> = path.iter().copied().chain([name]).collect();
        if inner != ["limits"]
            && let Some(node) = node(&inner, value.get_ref())
        {
            fields.insert(name.to_owned(), node);
        }
    }
    (!fields.is_empty()).then_some(Node::Table(fields))
}

fn node(path: &[&str], value: &DeValue<'_>) -> Option<Node> {
    match value {
        DeValue::Boolean(flag) => Some(Node::Bool(*flag)),
        DeValue::Integer(number) => {
            if is_default(path, number.as_str()) {
                None
            } else {
                number.as_str().parse().ok().map(Node::Integer)
            }
        }
        DeValue::String(text) => (!is_default(path, text)).then(|| text_node(path, text)),
        DeValue::Array(list) => {
            // Every item is kept: a list has no keys by which one could be absent, and its order may matter.
            let item = |item: &toml::Spanned<DeValue<'_>>| node(path, item.get_ref()).unwrap_or(Node::List(Vec::new()));
            let items: Vec<Node> = list.iter().map(item).collect();
            (!items.is_empty()).then_some(Node::List(items))
        }
        DeValue::Table(inner) => table(path, inner),
        // A checked document has neither.
        DeValue::Float(_) | DeValue::Datetime(_) => None,
    }
}

fn is_default(path: &[&str], value: &str) -> bool {
    DEFAULTS.iter().any(|(key, usual)| matches(path, key) && *usual == value)
}

fn text_node(path: &[&str], text: &str) -> Node {
    let among = |keys: &[&str]| keys.iter().any(|key| matches(path, key));
    let number = if among(&DURATIONS) {
        duration_secs(text)
    } else if among(&PERMILLES) {
        epsilon_permille(text)
    } else if among(&TIMES) {
        unix_secs(text)
    } else {
        None
    };
    match number {
        Some(number) => Node::Integer(number),
        None if among(&CRON_LINES) => Node::Text(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => Node::Text(text.to_owned()),
    }
}

fn matches(path: &[&str], pattern: &str) -> bool {
    let parts = || pattern.split('.');
    parts().count() == path.len() && parts().zip(path).all(|(part, name)| part == "*" || part == *name)
}
