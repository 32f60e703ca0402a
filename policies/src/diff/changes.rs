//! What differs between two policies, key by key, in the language's own words.

use crate::print::Plain;
use quaestor_core::strategy::ParamValue;

/// One difference as it stands in the files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// The key, such as `limits.day_bps_max`; entries of lists of tables by name, `strategies.rebalance.kind`.
    pub(super) path: String,
    /// The parts of the key, without the entry of a list that has no name.
    pub(super) parts: Vec<String>,
    /// What it is a difference of.
    pub(super) of: Of,
    /// What the old policy has there.
    pub(super) old: Option<ParamValue>,
    /// What the new one has.
    pub(super) new: Option<ParamValue>,
}

/// What a [`Difference`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A value or a section.
    Value,
    /// One entry of a list whose order has no meaning.
    Entry,
    /// The order of a list.
    Order,
}

/// The sections that are gone through key by key.
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

/// All differences, in the order of the language.
pub(super) fn between(old: &Plain, new: &Plain) -> Vec<Difference> {
    let mut found = Found { old, new, all: Vec::new() };
    found.policy();
    found.fields(&["roles"]);
    for section in ["accounts", "assets"] {
        found.named(section);
    }
    found.named("allocation");
    found.named("groups");
    found.fields(&["oracles"]);
    found.fields(&["limits"]);
    found.fields(&["risk"]);
    found.fields(&["emergency"]);
    found.fields(&["federation"]);
    found.named("venues");
    found.counterparties();
    found.listed("payments");
    found.listed("strategies");
    found.others();
    found.all
}

struct Found<'p> {
    old: &'p Plain,
    new: &'p Plain,
    all: Vec<Difference>,
}

impl<'p> Found<'p> {
    fn push(&mut self, parts: &[&str], of: Of, old: Option<&ParamValue>, new: Option<&ParamValue>) {
        let entry = old.or(new).filter(|_| of == Of::Entry).map(entry_name);
        let path = parts.join(".") + &entry.map(|name| format!("[{name}]")).unwrap_or_default();
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        self.all.push(Difference { path, parts, of, old: old.cloned(), new: new.cloned() });
    }

    /// A value where it differs.
    fn value(&mut self, parts: &[&str], old: Option<&ParamValue>, new: Option<&ParamValue>) {
        if old != new {
            self.push(parts, Of::Value, old, new);
        }
    }

    fn policy(&mut self) {
        let key = |plain: &'p Plain, key: &str| field(plain, &["policy", key]);
        let when = |plain: &'p Plain| key(plain, "schedule").or_else(|| key(plain, "every_blocks"));
        for name in keys(field(self.old, &["policy"]), field(self.new, &["policy"])) {
            match name {
                // Each file has one of the two.
                "every_blocks" if key(self.old, name).is_some() && key(self.new, name).is_some() => {
                    self.value(&["policy", name], key(self.old, name), key(self.new, name));
                }
                "every_blocks" => {}
                "schedule" => self.value(&["policy", name], when(self.old), when(self.new)),
                _ => self.value(&["policy", name], key(self.old, name), key(self.new, name)),
            }
        }
    }

    /// The fields of a section.
    fn fields(&mut self, at: &[&str]) {
        self.fields_of(at, field(self.old, at), field(self.new, at));
    }

    fn fields_of(&mut self, at: &[&str], old: Option<&ParamValue>, new: Option<&ParamValue>) {
        for name in keys(old, new) {
            let parts = [at, &[name]].concat();
            let (old, new) = (inner(old, name), inner(new, name));
            match (old, new) {
                (Some(ParamValue::List(old)), Some(ParamValue::List(new)))
                    if [
                        "pools",
                        "feeds",
                        "twaps",
                        "delegates",
                        "assets",
                        "only_reduce",
                        "members",
                        "guardians",
                        "operators",
                        "owners",
                    ]
                    .contains(&name) =>
                {
                    self.entries(&parts, old, new);
                }
                _ => self.value(&parts, old, new),
            }
        }
    }

    /// Sections by name: one that only one of the two has is one difference.
    fn named(&mut self, section: &str) {
        let (old, new) = (field(self.old, &[section]), field(self.new, &[section]));
        for name in keys(old, new) {
            match (inner(old, name), inner(new, name)) {
                (Some(_), Some(_)) => self.fields(&[section, name]),
                (old, new) => self.value(&[section, name], old, new),
            }
        }
    }

    /// Entries of a list whose order has no meaning.
    fn entries(&mut self, parts: &[&str], old: &[ParamValue], new: &[ParamValue]) {
        let has = |list: &[ParamValue], entry: &ParamValue| list.iter().any(|it| entry_name(it) == entry_name(entry));
        let gone: Vec<&ParamValue> = old.iter().filter(|entry| !has(new, entry)).collect();
        let come: Vec<&ParamValue> = new.iter().filter(|entry| !has(old, entry)).collect();
        if gone.is_empty() && come.is_empty() && old != new {
            let list = |entries: &[ParamValue]| ParamValue::List(entries.to_vec());
            self.push(parts, Of::Order, Some(&list(old)), Some(&list(new)));
        }
        let gone = gone.into_iter().map(|entry| (entry_name(entry), Some(entry), None));
        let come = come.into_iter().map(|entry| (entry_name(entry), None, Some(entry)));
        let mut all: Vec<_> = gone.chain(come).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        for (_, old, new) in all {
            self.push(parts, Of::Entry, old, new);
        }
    }

    /// Receivers; one that either of the two caps is compared cap by cap.
    fn counterparties(&mut self) {
        let (old, new) = (field(self.old, &["counterparties"]), field(self.new, &["counterparties"]));
        for name in keys(old, new) {
            let parts = ["counterparties", name];
            match (inner(old, name), inner(new, name)) {
                (Some(before), Some(after)) if is_table(before) || is_table(after) => {
                    self.fields_of(&parts, Some(&opened(before)), Some(&opened(after)));
                }
                (before, after) => self.value(&parts, before, after),
            }
        }
    }

    /// What the language may have beside, each section as a whole.
    fn others(&mut self) {
        let mut names: Vec<&str> = self.old.keys().chain(self.new.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| !SECTIONS.contains(name)) {
            self.value(&[name], self.old.get(name), self.new.get(name));
        }
    }

    /// A list of tables with names: what differs of each, and their order.
    fn listed(&mut self, section: &str) {
        let (old, new) = (entries(self.old, section), entries(self.new, section));
        let find = |list: &[(&str, &'p ParamValue)], name: &str| {
            list.iter().find(|(known, _)| *known == name).map(|(_, strategy)| *strategy)
        };
        let mut names: Vec<&str> = old.iter().chain(&new).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match (find(&old, name), find(&new, name)) {
                (Some(before), Some(after)) => {
                    for key in keys(Some(before), Some(after)) {
                        self.value(&[section, name, key], inner(Some(before), key), inner(Some(after), key));
                    }
                }
                (before, after) => self.value(&[section, name], before, after),
            }
        }
        let order = |list: &[(&str, &ParamValue)], other: &[(&str, &ParamValue)]| {
            let common = list.iter().filter(|(name, _)| find_name(other, name));
            ParamValue::List(common.map(|(name, _)| ParamValue::Text((*name).to_owned())).collect())
        };
        let (before, after) = (order(&old, &new), order(&new, &old));
        if before != after {
            self.push(&[section], Of::Order, Some(&before), Some(&after));
        }
    }
}

fn find_name(list: &[(&str, &ParamValue)], name: &str) -> bool {
    list.iter().any(|(known, _)| *known == name)
}

/// The value at a place of a document.
pub(super) fn field<'p>(plain: &'p Plain, parts: &[&str]) -> Option<&'p ParamValue> {
    let (first, rest) = parts.split_first()?;
    rest.iter().try_fold(plain.get(*first)?, |value, part| inner(Some(value), part))
}

fn inner<'p>(value: Option<&'p ParamValue>, key: &str) -> Option<&'p ParamValue> {
    match value {
        Some(ParamValue::Table(fields)) => fields.get(key),
        _ => None,
    }
}

/// The keys of either, sorted.
fn keys<'p>(old: Option<&'p ParamValue>, new: Option<&'p ParamValue>) -> Vec<&'p str> {
    let of = |value: Option<&'p ParamValue>| match value {
        Some(ParamValue::Table(fields)) => fields.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<&str> = of(old).into_iter().chain(of(new)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn is_table(value: &ParamValue) -> bool {
    matches!(value, ParamValue::Table(_))
}

/// A receiver with its caps; one that is written as its address alone has none.
pub(super) fn opened(receiver: &ParamValue) -> ParamValue {
    match receiver {
        ParamValue::Text(_) => ParamValue::Table([("address".to_owned(), receiver.clone())].into()),
        other => other.clone(),
    }
}

/// The tables of a list with their names, in order.
fn entries<'p>(plain: &'p Plain, section: &str) -> Vec<(&'p str, &'p ParamValue)> {
    let Some(ParamValue::List(list)) = plain.get(section) else { return Vec::new() };
    let named = |strategy| match inner(Some(strategy), "name") {
        Some(ParamValue::Text(name)) => Some((name.as_str(), strategy)),
        _ => None,
    };
    list.iter().filter_map(named).collect()
}

/// What tells entries of a list apart: of a pool its pair, whichever side is first, and its fee; of one that prices an asset
/// its address and its window.
pub(super) fn entry_name(entry: &ParamValue) -> String {
    match entry {
        ParamValue::Table(fields) => {
            let text = |value: &ParamValue| match value {
                ParamValue::Text(text) => text.clone(),
                other => crate::print::written(other),
            };
            let mut pair: Vec<String> = match fields.get("pair") {
                Some(ParamValue::List(sides)) => sides.iter().map(text).collect(),
                _ => Vec::new(),
            };
            pair.sort_unstable();
            if let Some(pool) = fields.get("pool") {
                return format!("{} {}", text(pool), fields.get("window").map(text).unwrap_or_default());
            }
            format!("{} {}", pair.join("/"), fields.get("fee_pips").map(text).unwrap_or_default())
        }
        ParamValue::Text(text) => text.clone(),
        other => crate::print::written(other),
    }
}
