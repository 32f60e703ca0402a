//! The seam to strategies, and the catalogue through which a DAO adds its own.

use crate::{Intent, Terms, amount::AmountError, pipeline::Context};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Why a strategy wants nothing although something is amiss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyHold {
    /// No pool of the policy joins the assets.
    NoPool,
    /// What it would move is smaller than its least trade.
    BelowMinimum,
    /// Caps leave no room now.
    NoRoom,
    /// The account lacks what it would move.
    NoBalance,
    /// An asset that it would buy has no price.
    NoPrice,
    /// What a vault earns is not known.
    NoRate,
    /// A number left its range.
    OutOfRange,
    /// An earlier strategy of the decision does the opposite.
    Opposed,
    /// The price lies beyond the limit that the policy gives it.
    PriceLimit,
    /// The feeds have not shown the price often enough to act on it.
    Unconfirmed,
    /// The token does not say to whom its votes are delegated.
    NoDelegate,
    /// The model makes no such forecast.
    NoForecast,
    /// A proposal binds the account that would give.
    Waiting,
}

/// Turns snapshot, history and risk into intents. Pure.
pub trait Strategy: Send + Sync + fmt::Debug {
    /// Appends what it wants to `out`; what stands there already comes from the strategies before it.
    ///
    /// # Errors
    /// Why it wants nothing although something is amiss. What it appended before is kept.
    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold>;

    /// What it does with the parameters that it was built with, under the policy of `terms`: whole sentences for voters, in
    /// which every parameter has its say ([`crate::words`] says numbers). Without any, a policy that is explained tells
    /// the parameters as they stand in the file.
    fn explain(&self, _terms: &Terms) -> Vec<String> {
        Vec::new()
    }

    /// Whether it may pay somebody outside of the treasury. Where no strategy does, a policy that lists receivers is warned of.
    fn pays_others(&self) -> bool {
        true
    }

    /// Whether it pays the budget lines of the policy. Where no strategy does, a policy that has some is warned of.
    fn pays_budget_lines(&self) -> bool {
        false
    }

    /// Whether it looks at [`Context::risk`] or at rounds of feeds before the latest. A simulation forms nothing that nobody
    /// looks at.
    fn reads_past(&self) -> bool {
        true
    }
}

/// A parameter as the policy file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text; amounts are texts.
    Text(String),
    /// A list.
    List(Vec<ParamValue>),
    /// A table, such as `{ venue = "savings", max_bps = 3000 }`.
    Table(BTreeMap<String, ParamValue>),
}

/// A strategy's parameters, unchecked.
pub type StrategyParams = BTreeMap<String, ParamValue>;

/// What is wrong with a parameter, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamProblem {
    /// The key; empty for the strategy as a whole.
    pub key: String,
    /// What was read and what to write instead.
    pub message: String,
}

/// A kind of strategy: its name, and how parameters become a [`Strategy`].
#[derive(Clone, Copy)]
pub struct StrategySpec {
    /// What the policy writes as `kind`.
    pub kind: &'static str,
    /// What it does, in a sentence for voters.
    pub summary: &'static str,
    /// Checks the parameters and builds it.
    pub build: fn(&mut Params<'_>) -> Option<Box<dyn Strategy>>,
}

impl fmt::Debug for StrategySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrategySpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The kinds of strategy that an agent was built with.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    specs: Vec<StrategySpec>,
}

impl Catalog {
    /// With these kinds; a later one of the same name replaces an earlier one.
    pub fn new(specs: impl IntoIterator<Item = StrategySpec>) -> Self {
        let mut catalog = Self::default();
        specs.into_iter().for_each(|spec| catalog.add(spec));
        catalog
    }

    /// Adds a kind, or replaces the one of that name.
    pub fn add(&mut self, spec: StrategySpec) {
        self.specs.retain(|known| known.kind != spec.kind);
        self.specs.push(spec);
    }

    /// The kinds, in the order in which they were added.
    pub fn specs(&self) -> &[StrategySpec] {
        &self.specs
    }

    /// Builds the strategy that the policy names.
    ///
    /// # Errors
    /// All problems of its parameters at once.
    pub fn build(&self, terms: &Terms, index: usize) -> Result<Box<dyn Strategy>, Vec<ParamProblem>> {
        let Some(named) = terms.strategies.get(index) else {
            return Err(vec![ParamProblem { key: String::new(), message: format!("there is no strategy {index}") }]);
        };
        let Some(spec) = self.specs.iter().find(|spec| spec.kind == named.kind) else {
            let known: Vec<_> = self.specs.iter().map(|spec| spec.kind).collect();
            let message = format!("`{}` is not a kind this agent has; it has: {}", named.kind, known.join(", "));
            return Err(vec![ParamProblem { key: "kind".into(), message }]);
        };
        let mut params = Params { terms, line: named.line, given: named.params.clone(), problems: Vec::new() };
        let built = (spec.build)(&mut params);
        params.all_known(&format!("`{}`", named.kind));
        if built.is_none() && params.problems.is_empty() {
            params.problem("", format!("`{}` refuses these parameters without saying why", named.kind));
        }
        match built {
            Some(strategy) if params.problems.is_empty() => Ok(strategy),
            _ => Err(params.problems),
        }
    }
}

/// Reads a strategy's parameters one by one and collects every problem.
#[derive(Debug)]
pub struct Params<'a> {
    terms: &'a Terms,
    line: alloy_primitives::B256,
    given: StrategyParams,
    problems: Vec<ParamProblem>,
}

impl Params<'_> {
    /// The policy's terms.
    pub fn terms(&self) -> &Terms {
        self.terms
    }

    /// The strategy's line: keccak256 of its name in the policy.
    pub fn line(&self) -> alloy_primitives::B256 {
        self.line
    }

    /// Reports a problem of `key`.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(ParamProblem { key: key.to_owned(), message: message.into() });
    }

    /// The account named by `key`.
    pub fn account(&mut self, key: &str) -> Option<crate::AccountId> {
        let name = self.text(key)?;
        let found = self.terms.account_named(&name);
        if found.is_none() {
            let known: Vec<_> = self.terms.accounts.iter().map(|account| account.name.clone()).collect();
            self.problem(key, format!("`{name}` is no account of this policy; write one of: {}", known.join(", ")));
        }
        found
    }

    /// The venue named by `key`.
    pub fn venue(&mut self, key: &str) -> Option<crate::VenueId> {
        let name = self.text(key)?;
        let found = self.terms.venue_named(&name);
        if found.is_none() {
            let known: Vec<_> = self.terms.venues.iter().map(|venue| venue.name.clone()).collect();
            self.problem(key, format!("`{name}` is no venue of this policy; write one of: {}", known.join(", ")));
        }
        found
    }

    /// The asset named by `key`.
    pub fn asset(&mut self, key: &str) -> Option<crate::AssetId> {
        let symbol = self.text(key)?;
        let found = self.terms.asset_named(&symbol);
        if found.is_none() {
            let known: Vec<_> = self.terms.assets.iter().map(|asset| asset.symbol.clone()).collect();
            self.problem(key, format!("`{symbol}` is no asset of this policy; write one of: {}", known.join(", ")));
        }
        found
    }

    /// An amount with its unit, such as `"1250.5 USDC"`, in base units of `asset`. Without an asset, whose own problem
    /// was reported, only the key is taken.
    pub fn amount(&mut self, key: &str, asset: impl Into<Option<crate::AssetId>>) -> Option<crate::Amount> {
        let text = self.text(key)?;
        let listed = self.terms.asset(asset.into()?)?;
        let (symbol, decimals) = (listed.symbol.clone(), listed.decimals);
        let number = self.with_unit(key, &text, &symbol)?;
        self.exact(key, crate::Amount::parse(&number, decimals))
    }

    /// A value in the quote currency, such as `"500 USD"`.
    pub fn value(&mut self, key: &str) -> Option<crate::Value> {
        let text = self.text(key)?;
        let number = self.with_unit(key, &text, "USD")?;
        self.exact(key, crate::Value::parse(&number))
    }

    /// A whole number from `least` to `most`.
    pub fn integer(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        match self.given.remove(key) {
            Some(ParamValue::Integer(found)) => match u64::try_from(found) {
                Ok(found) if (least..=most).contains(&found) => Some(found),
                _ => {
                    self.problem(key, format!("{found} is out of range; write a number from {least} to {most}"));
                    None
                }
            },
            other => self.missing(key, other.is_some(), "a whole number without quotes"),
        }
    }

    /// Whether `key` is given.
    pub fn has(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// A price in the quote currency, such as `"0.98 USD"`; above zero.
    pub fn price(&mut self, key: &str) -> Option<crate::Price> {
        let price = crate::Price(self.value(key)?.0);
        if price.is_zero() {
            self.problem(key, "is zero; write a price such as `1500 USD`");
            return None;
        }
        Some(price)
    }

    /// A length of time such as `"12h"` or `"7d"`, in seconds, from `least` to `most`.
    pub fn duration(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        let text = self.text(key)?;
        let secs = duration_secs(&text).filter(|secs| (least..=most).contains(secs));
        if secs.is_none() {
            let message = format!(
                "`{text}` is not a duration from {least}s to {most}s; write a whole number with s, m, h or d, such as `7d`"
            );
            self.problem(key, message);
        }
        secs
    }

    /// Which of the words of `known`, by its place there.
    pub fn choice(&mut self, key: &str, known: &[&str]) -> Option<usize> {
        let text = self.text(key)?;
        let found = known.iter().position(|word| *word == text);
        if found.is_none() {
            self.problem(key, format!("`{text}` is not known here; write one of: {}", known.join(", ")));
        }
        found
    }

    /// A list of pairs of account and asset, such as `[["reserve", "USDC"], ["operations", "WETH"]]`, at most `most`.
    pub fn holdings(&mut self, key: &str, most: usize) -> Option<Vec<(crate::AccountId, crate::AssetId)>> {
        let wanted = "a list of pairs of account and asset, such as `[[\"reserve\", \"USDC\"]]`";
        let items = match self.given.remove(key) {
            Some(ParamValue::List(items)) => items,
            other => return self.missing(key, other.is_some(), wanted),
        };
        if items.len() > most {
            self.problem(key, format!("has {} entries; write at most {most}", items.len()));
            return None;
        }
        let found: Vec<_> = items.iter().map(|item| self.holding(key, item)).collect();
        found.into_iter().collect()
    }

    fn holding(&mut self, key: &str, item: &ParamValue) -> Option<(crate::AccountId, crate::AssetId)> {
        let pair = match item {
            ParamValue::List(pair) => pair.as_slice(),
            _ => &[],
        };
        let [ParamValue::Text(account), ParamValue::Text(asset)] = pair else {
            self.problem(key, "an entry is not a pair; write such as `[\"reserve\", \"USDC\"]`");
            return None;
        };
        let found = (self.terms.account_named(account), self.terms.asset_named(asset));
        if found.0.is_none() {
            self.problem(key, format!("`{account}` is no account of this policy; write one that is"));
        }
        if found.1.is_none() {
            self.problem(key, format!("`{asset}` is no asset of this policy; write one that is"));
        }
        Some((found.0?, found.1?))
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.given.remove(key) {
            Some(ParamValue::Text(text)) => Some(text),
            other => self.missing(key, other.is_some(), "a text in quotes"),
        }
    }

    /// A list of 1 to `most` tables, each read by `read` as a strategy's parameters are. `None` when any has a problem.
    pub fn tables<T>(
        &mut self,
        key: &str,
        most: usize,
        mut read: impl FnMut(&mut Params<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let wanted = "a list of tables, such as `[{ … }, { … }]`";
        let items = match self.given.remove(key) {
            Some(ParamValue::List(items)) => items,
            other => return self.missing(key, other.is_some(), wanted),
        };
        if items.is_empty() || items.len() > most {
            self.problem(key, format!("has {} entries; write 1 to {most}", items.len()));
            return None;
        }
        let (mut found, before) = (Vec::with_capacity(items.len()), self.problems.len());
        for (position, item) in items.into_iter().enumerate() {
            let at = format!("{key}[{position}]");
            let ParamValue::Table(given) = item else {
                self.problem(&at, "is no table; write such as `{ … }`");
                continue;
            };
            let mut inner = Params { terms: self.terms, line: self.line, given, problems: Vec::new() };
            let item = read(&mut inner);
            inner.all_known(&format!("an entry of `{key}`"));
            if item.is_none() && inner.problems.is_empty() {
                inner.problem("", "is refused without saying why");
            }
            for ParamProblem { key, message } in inner.problems {
                let key = if key.is_empty() { at.clone() } else { format!("{at}.{key}") };
                self.problems.push(ParamProblem { key, message });
            }
            found.extend(item);
        }
        (self.problems.len() == before).then_some(found)
    }

    /// Reports every key that was not asked for.
    fn all_known(&mut self, whose: &str) {
        for key in std::mem::take(&mut self.given).into_keys() {
            self.problem(&key, format!("unknown key for {whose}; remove it"));
        }
    }

    fn missing<T>(&mut self, key: &str, present: bool, wanted: &str) -> Option<T> {
        let found = if present { "is of another type" } else { "is missing" };
        self.problem(key, format!("`{key}` {found}; write {wanted}"));
        None
    }

    fn with_unit(&mut self, key: &str, text: &str, unit: &str) -> Option<String> {
        match text.rsplit_once(' ') {
            Some((number, found)) if found == unit => Some(number.to_owned()),
            _ => {
                self.problem(key, format!("`{text}` has not the unit {unit}; write such as `1250.5 {unit}`"));
                None
            }
        }
    }

    fn exact<T>(&mut self, key: &str, parsed: Result<T, AmountError>) -> Option<T> {
        parsed.map_err(|problem| self.problem(key, problem.to_string())).ok()
    }
}

/// The seconds of a duration such as `90s`, `30m`, `12h` or `7d`: a whole number above zero and one unit.
fn duration_secs(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit_secs = match text.get(number.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    if plain { number.parse::<u64>().ok()?.checked_mul(unit_secs) } else { None }
}

#[cfg(test)]
mod tests;
