//! Where a path leads.

use crate::{
    problem::nearest,
    read::{
        numbers::{self, DURATIONS, NUMBERS, QUORUM, VALIDITY},
        risk::CEILINGS,
        routes::COUNTERPARTY_CAPS,
    },
};
use quaestor_core::{
    Terms,
    policy::{Band, Counterparty, Group, RiskTerms},
    strategy::{ParamValue, StrategyParams},
};

/// Most parts of a path.
const STEPS_MAX: usize = 8;

/// A place that a value can be put in at once, or one for which the file is read again.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A number of the envelope, and the most that it may be.
    Limit(u64, numbers::Slot),
    /// A length of time of the envelope.
    Duration(numbers::Slot),
    /// A ceiling, and the most that it may be.
    Ceiling(u64, fn(&mut RiskTerms) -> &mut Option<u64>),
    /// A number of the band at this place.
    Band(usize, fn(&mut Band) -> &mut u64),
    /// A bound of the group at this place.
    Group(usize, fn(&mut Group) -> &mut u64),
    /// The share of NAV that may lie in the vault at this place.
    Vault(usize),
    /// A cap on what the counterparty at this place is paid.
    Counterparty(usize, u64, fn(&mut Counterparty) -> &mut u64),
    /// What the strategy at this place may move.
    Share(usize),
    /// Something that the strategy at this place takes.
    Param(usize, Vec<Step>),
    /// Anything else.
    Elsewhere,
}

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A key of a table.
    Key(String),
    /// An entry of a list.
    Item(usize),
}

impl Step {
    /// What stands there.
    pub(super) fn of<'v>(&self, value: &'v mut ParamValue) -> Option<&'v mut ParamValue> {
        match (self, value) {
            (Self::Key(key), ParamValue::Table(table)) => table.get_mut(key),
            (Self::Item(position), ParamValue::List(list)) => list.get_mut(*position),
            _ => None,
        }
    }
}

/// A path as steps: names between points, numbers in brackets. `None` where it is none.
pub(super) fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, items) = part.split_at(part.find('[').unwrap_or(part.len()));
        let is_named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b']');
        is_named.then(|| steps.push(Step::Key(name.to_owned())))?;
        let mut items = items;
        while let Some(rest) = items.strip_prefix('[') {
            let (number, rest) = rest.split_once(']')?;
            steps.push(Step::Item(number.parse().ok()?));
            items = rest;
        }
        items.is_empty().then_some(())?;
    }
    (steps.len() <= STEPS_MAX).then_some(steps)
}

/// The path as the file's own problems write it.
fn path_of(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.extend([".", key]),
            Step::Item(position) => path.push_str(&format!("[{position}]")),
        }
    }
    path
}

impl Place {
    /// Of a path, and the same path by numbers instead of names of strategies and entries. What is wrong with it.
    pub(super) fn of(terms: &Terms, path: &str) -> Result<(String, Self), String> {
        let Some(mut steps) = steps(path) else {
            return Err(format!("`{path}` is no path; write such as `limits.week_bps_max` or `strategies.NAME.KEY`"));
        };
        let keys: Vec<&str> = steps
            .iter()
            .map_while(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Item(_) => None,
            })
            .collect();
        let place = match keys.as_slice() {
            ["limits", key] if steps.len() == 2 => Self::limit(key),
            ["risk", key] if steps.len() == 2 => Self::ceiling(key),
            ["allocation", symbol, key] if steps.len() == 3 => Self::band(terms, symbol, key),
            ["groups", name, key] if steps.len() == 3 => Self::group(terms, name, key),
            ["venues", name, "share_bps_max"] if steps.len() == 3 => Self::vault(terms, name),
            ["counterparties", name, key] if steps.len() == 3 => Self::counterparty(terms, name, key),
            ["payments", ..] => return Self::payment(terms, steps.split_off(1)),
            ["strategies", ..] => return Self::strategy(terms, steps.split_off(1), path),
            _ => Self::Elsewhere,
        };
        Ok((path_of(&steps), place))
    }

    /// Whether the shares of the policy must be looked at together once more.
    pub(super) fn is_share(&self) -> bool {
        matches!(self, Self::Band(..) | Self::Group(..) | Self::Vault(_) | Self::Limit(..))
    }

    fn limit(key: &str) -> Self {
        // These two have to do with other places of the file.
        if key == QUORUM || key == VALIDITY {
            return Self::Elsewhere;
        }
        let number = NUMBERS.iter().find(|(known, ..)| *known == key);
        let duration = DURATIONS.iter().find(|(known, _)| *known == key);
        match (number, duration) {
            (Some((_, most, slot)), _) => Self::Limit(*most, *slot),
            (None, Some((_, slot))) => Self::Duration(*slot),
            (None, None) => Self::Elsewhere,
        }
    }

    fn ceiling(key: &str) -> Self {
        let found = CEILINGS.iter().find(|(known, ..)| *known == key);
        found.map_or(Self::Elsewhere, |(_, most, slot)| Self::Ceiling(*most, *slot))
    }

    fn band(terms: &Terms, symbol: &str, key: &str) -> Self {
        let asset = terms.asset_named(symbol);
        let position = terms.bands.iter().position(|band| Some(band.asset) == asset);
        match (position, key) {
            (Some(position), "min_bps") => Self::Band(position, |band| &mut band.min_bps),
            (Some(position), "target_bps") => Self::Band(position, |band| &mut band.target_bps),
            (Some(position), "max_bps") => Self::Band(position, |band| &mut band.max_bps),
            _ => Self::Elsewhere,
        }
    }

    fn group(terms: &Terms, name: &str, key: &str) -> Self {
        let position = terms.groups.iter().position(|group| group.name == name);
        match (position, key) {
            (Some(position), "min_bps") => Self::Group(position, |group| &mut group.min_bps),
            (Some(position), "max_bps") => Self::Group(position, |group| &mut group.max_bps),
            _ => Self::Elsewhere,
        }
    }

    fn vault(terms: &Terms, name: &str) -> Self {
        let vault = terms.venue_named(name).filter(|id| terms.vault(*id).is_some());
        vault.map_or(Self::Elsewhere, |id| Self::Vault(id.index()))
    }

    /// Of one without caps the file may have no table, in which a cap could be put.
    fn counterparty(terms: &Terms, name: &str, key: &str) -> Self {
        let found = terms.counterparties.iter().position(|it| it.name == name && it.is_capped());
        let cap = COUNTERPARTY_CAPS.iter().find(|(known, ..)| *known == key);
        match (found, cap) {
            (Some(position), Some((_, most, slot))) => Self::Counterparty(position, *most, *slot),
            _ => Self::Elsewhere,
        }
    }

    /// `steps` come after `payments`. An amount has its unit and a name its meaning, so that the file is read again.
    fn payment(terms: &Terms, steps: Vec<Step>) -> Result<(String, Self), String> {
        let mut rest = steps.into_iter();
        let names: Vec<&str> = terms.payments.iter().map(|line| line.name.as_str()).collect();
        let position = entry_of("payments", "budget line", &names, rest.next())?;
        let whole: Vec<Step> =
            [Step::Key("payments".to_owned()), Step::Item(position)].into_iter().chain(rest).collect();
        if whole.len() == 2 {
            return Err("names a whole budget line; write which of its keys".to_owned());
        }
        Ok((path_of(&whole), Self::Elsewhere))
    }

    /// `steps` come after `strategies`.
    fn strategy(terms: &Terms, steps: Vec<Step>, path: &str) -> Result<(String, Self), String> {
        let mut rest = steps.into_iter();
        let names: Vec<&str> = terms.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
        let position = entry_of("strategies", "strategy", &names, rest.next())?;
        let strategy = terms.strategies.get(position).ok_or_else(|| format!("there is no strategy {position}"))?;
        let steps = resolved(&strategy.params, rest.collect(), path)?;
        let whole = [vec![Step::Key("strategies".to_owned()), Step::Item(position)], steps.clone()].concat();
        let place = match steps.as_slice() {
            [] => return Err("names a whole strategy; write which of its keys".to_owned()),
            [Step::Key(key)] if key == "share_bps_max" => Self::Share(position),
            [Step::Key(key), ..] if key == "name" || key == "kind" || key == "schedule" => Self::Elsewhere,
            _ => Self::Param(position, steps),
        };
        Ok((path_of(&whole), place))
    }
}

/// The place of the entry of a list of the file that a step names, by its number or its own name.
fn entry_of(list: &str, what: &str, names: &[&str], step: Option<Step>) -> Result<usize, String> {
    match step {
        Some(Step::Item(position)) if position < names.len() => Ok(position),
        Some(Step::Item(position)) => Err(format!("there is no {what} {position}")),
        Some(Step::Key(name)) => names.iter().position(|known| *known == name).ok_or_else(|| {
            let remedy = nearest(&name, names.iter().copied()).map_or_else(
                || format!("its {list} are: {}", names.join(", ")),
                |meant| format!("write `{meant}`, if that is meant"),
            );
            format!("`{name}` is no {what} of this policy; {remedy}")
        }),
        None => Err(format!("names no {what}; write such as `{list}.NAME.KEY`")),
    }
}

/// Steps in which names of entries are their numbers: an entry of a list is called as a text in it.
fn resolved(params: &StrategyParams, steps: Vec<Step>, path: &str) -> Result<Vec<Step>, String> {
    let mut at: Option<&ParamValue> = None;
    let mut found = Vec::with_capacity(steps.len());
    for (place, step) in steps.into_iter().enumerate() {
        let step = match (step, at) {
            (Step::Key(name), Some(ParamValue::List(entries))) => Step::Item(entry(entries, &name, path)?),
            (step, _) => step,
        };
        at = match (&step, at) {
            (Step::Key(key), None) if place == 0 => params.get(key),
            (Step::Key(key), Some(ParamValue::Table(table))) => table.get(key),
            (Step::Item(position), Some(ParamValue::List(entries))) => {
                let entry = entries.get(*position);
                Some(entry.ok_or_else(|| format!("`{path}`: the list has {} entries, from [0]", entries.len()))?)
            }
            _ => None,
        };
        found.push(step);
    }
    Ok(found)
}

/// The one entry with this text in it.
fn entry(entries: &[ParamValue], name: &str, path: &str) -> Result<usize, String> {
    let texts = |entry: &ParamValue| -> Vec<String> {
        let texts = |value: &ParamValue| match value {
            ParamValue::Text(text) => Some(text.clone()),
            _ => None,
        };
        match entry {
            ParamValue::Table(table) => table.values().filter_map(texts).collect(),
            ParamValue::List(list) => list.iter().filter_map(texts).collect(),
            other => texts(other).into_iter().collect(),
        }
    };
    let all: Vec<Vec<String>> = entries.iter().map(texts).collect();
    let mut with = all.iter().enumerate().filter(|(_, texts)| texts.iter().any(|text| text == name));
    match (with.next(), with.next()) {
        (Some((position, _)), None) => Ok(position),
        (Some(_), Some(_)) => {
            Err(format!("`{path}`: several entries say `{name}`; write the number of one, such as `[0]`"))
        }
        (None, _) => {
            let known = all.iter().flatten().map(String::as_str);
            let remedy = nearest(name, known.clone()).map_or_else(
                || format!("they say: {}", known.collect::<Vec<_>>().join(", ")),
                |meant| format!("write `{meant}`, if that is meant"),
            );
            Err(format!("`{path}`: no entry says `{name}`; {remedy}"))
        }
    }
}
