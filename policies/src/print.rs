//! A policy in its one spelling: the sections and keys in the order of the language, without comments.
//!
//! What is printed reads as the same policy: the same terms, envelope and rest hash. Only the bytes differ, and with them
//! the hash of the file.

use crate::{
    read::{
        payments::PAYMENT_KEYS,
        risk::epsilon_permille,
        values::{duration_secs, duration_text},
    },
    variation::edit,
    voted::VotedPolicy,
};
use quaestor_core::strategy::{ParamValue, StrategyParams};
use std::fmt::Write;
use toml::de::{DeTable, DeValue};

/// A document or a section of one.
pub(crate) type Plain = StrategyParams;

/// Sections that have sections of their own by name.
const NAMED: [&str; 4] = ["accounts", "assets", "groups", "venues"];
/// Keys in the order in which they are written; others come after them by name.
const KEYS: [&str; 73] = [
    "version",
    "name",
    "kind",
    "chain",
    "registry",
    "brake",
    "gate",
    "expires",
    "review",
    "schedule",
    "every_blocks",
    "validity",
    "address",
    "governor",
    "proposer",
    "owners",
    "threshold",
    "guardians",
    "operators",
    "code_hash",
    "asset",
    "vault",
    "decimals",
    "feeds",
    "staleness_max",
    "twaps",
    "delegates",
    "wrapped_coin",
    "pool",
    "quote",
    "window",
    "pools",
    "share_bps_max",
    "price_impact_bps_max",
    "assets",
    "pair",
    "fee_pips",
    "min_bps",
    "target_bps",
    "max_bps",
    "proposal_bps_max",
    "hour_bps_max",
    "day_bps_max",
    "week_bps_max",
    "month_bps_max",
    "slippage_bps_max",
    "price_age_max",
    "price_deviation_bps_max",
    "price_quorum_min",
    "proposals_per_day_max",
    "cooldown_min",
    "validity_max",
    "stable_share_bps_min",
    "native_share_bps_max",
    "volatility_bps_max",
    "value_at_risk_bps_max",
    "expected_shortfall_bps_max",
    "drawdown_probability_bps_max",
    "on_breach",
    "fallback",
    "burn_monthly",
    "epsilon_year_max",
    "history_rounds",
    "history_step",
    "rate_lookback_blocks",
    "hash",
    "age_max",
    "auc_bps_min",
    "on_disagreement",
    "only_reduce",
    "members",
    "present_min",
    "aggregation",
];
/// What every strategy has, before its parameters.
const STRATEGY_KEYS: [&str; 4] = ["name", "kind", "share_bps_max", "schedule"];
/// The sections of a file.
const SECTIONS: [&str; 15] = [
    "policy",
    "roles",
    "accounts",
    "assets",
    "allocation",
    "groups",
    "oracles",
    "limits",
    "risk",
    "emergency",
    "federation",
    "venues",
    "counterparties",
    "payments",
    "strategies",
];
const DURATIONS: [&str; 8] = [
    "assets.*.twaps.window",
    "payments.every",
    "policy.validity",
    "assets.*.staleness_max",
    "risk.model.age_max",
    "limits.price_age_max",
    "limits.cooldown_min",
    "limits.validity_max",
];
const CRON_LINES: [&str; 3] = ["policy.schedule", "risk.model.schedule", "strategies.schedule"];

impl VotedPolicy {
    /// The policy as a file in its one spelling, without comments. It reads as the same terms, envelope and rest hash.
    pub fn to_toml(&self) -> String {
        text(&self.plain())
    }

    /// What the file says, each value in its one spelling.
    pub(crate) fn plain(&self) -> Plain {
        edit::document(&self.text, &self.changes, |root| table(&mut Vec::new(), root))
    }
}

fn table(path: &mut Vec<String>, found: &DeTable<'_>) -> Plain {
    let mut fields = Plain::new();
    for (key, value) in found {
        path.push(key.get_ref().to_string());
        if let Some(value) = node(path, value.get_ref()) {
            fields.insert(key.get_ref().to_string(), value);
        }
        path.pop();
    }
    fields
}

fn node(path: &mut Vec<String>, value: &DeValue<'_>) -> Option<ParamValue> {
    match value {
        DeValue::Boolean(flag) => Some(ParamValue::Bool(*flag)),
        DeValue::Integer(number) => number.as_str().parse().ok().map(ParamValue::Integer),
        DeValue::String(text) => Some(ParamValue::Text(spelled(path, text))),
        DeValue::Array(list) => {
            Some(ParamValue::List(list.iter().filter_map(|item| node(path, item.get_ref())).collect()))
        }
        DeValue::Table(inner) => Some(ParamValue::Table(table(path, inner))),
        // A checked document has neither.
        DeValue::Float(_) | DeValue::Datetime(_) => None,
    }
}

/// A text in its one spelling.
fn spelled(path: &[String], text: &str) -> String {
    let is_of = |pattern: &str| {
        let mut parts = pattern.split('.');
        path.iter().all(|name| parts.next().is_some_and(|part| part == "*" || part == name)) && parts.next().is_none()
    };
    if DURATIONS.iter().any(|pattern| is_of(pattern)) {
        return duration_secs(text).map_or_else(|| text.to_owned(), duration_text);
    }
    if CRON_LINES.iter().any(|pattern| is_of(pattern)) {
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if is_of("risk.epsilon_year_max") {
        return epsilon_permille(text).map_or_else(|| text.to_owned(), epsilon_text);
    }
    text.to_owned()
}

/// The decimal of thousandths, without zeros at its end.
pub(crate) fn epsilon_text(permille: u64) -> String {
    let text = format!("{}.{:03}", permille / 1_000, permille % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The file of a document.
pub(crate) fn text(document: &Plain) -> String {
    let mut sections = Vec::new();
    for (name, value) in in_order(document, &SECTIONS) {
        match value {
            ParamValue::Table(inner) if NAMED.contains(&name) => {
                for (key, value) in inner {
                    sections.extend(section(&format!("[{name}.{key}]"), value, &KEYS));
                }
            }
            ParamValue::Table(inner) if name == "risk" => {
                let (models, own): (Plain, Plain) = inner.clone().into_iter().partition(|(key, _)| key == "model");
                sections.extend(section("[risk]", &ParamValue::Table(own), &KEYS));
                sections.extend(models.get("model").and_then(|model| section("[risk.model]", model, &KEYS)));
            }
            ParamValue::List(items) => {
                let order: &[&str] = if name == "payments" { &PAYMENT_KEYS } else { &STRATEGY_KEYS };
                sections.extend(items.iter().filter_map(|item| section(&format!("[[{name}]]"), item, order)));
            }
            value => sections.extend(section(&format!("[{name}]"), value, &KEYS)),
        }
    }
    sections.join("\n")
}

/// A section with its title, its keys in `order`; none where it is empty.
fn section(title: &str, value: &ParamValue, order: &[&str]) -> Option<String> {
    let ParamValue::Table(fields) = value else { return None };
    if fields.is_empty() {
        return None;
    }
    let mut text = format!("{title}\n");
    for (key, value) in in_order(fields, order) {
        // Writing to a `String` cannot fail.
        let _ = match value {
            ParamValue::List(items) if key == "pools" && items.len() > 1 => {
                let lines: Vec<String> = items.iter().map(|item| format!("  {},\n", written(item))).collect();
                writeln!(text, "{key} = [\n{}]", lines.concat())
            }
            value => writeln!(text, "{key} = {}", written(value)),
        };
    }
    Some(text)
}

/// The fields by their place in `order`, the others after them by name.
fn in_order<'t>(fields: &'t Plain, order: &[&str]) -> Vec<(&'t str, &'t ParamValue)> {
    let place = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
    let mut sorted: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
    sorted.sort_by_key(|(key, _)| place(key));
    sorted
}

/// A value as a file has it.
pub(crate) fn written(value: &ParamValue) -> String {
    match value {
        ParamValue::Bool(flag) => flag.to_string(),
        ParamValue::Integer(number) => number.to_string(),
        ParamValue::Text(text) => quoted(text),
        ParamValue::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        ParamValue::Table(fields) if fields.is_empty() => "{}".to_owned(),
        ParamValue::Table(fields) => {
            let field = |(key, value): (&str, &ParamValue)| format!("{key} = {}", written(value));
            format!("{{ {} }}", in_order(fields, &KEYS).into_iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
