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
    /// A number left its range.
    OutOfRange,
}

/// Turns snapshot, history and risk into intents. Pure.
pub trait Strategy: Send + Sync + fmt::Debug {
    /// Appends what it wants to `out`; what stands there already comes from the strategies before it.
    ///
    /// # Errors
    /// Why it wants nothing although something is amiss. What it appended before is kept.
    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold>;
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
        let unknown: Vec<_> = params.given.keys().cloned().collect();
        for key in unknown {
            params.problem(&key, format!("unknown key for `{}`; remove it", named.kind));
        }
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

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.given.remove(key) {
            Some(ParamValue::Text(text)) => Some(text),
            other => self.missing(key, other.is_some(), "a text in quotes"),
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

#[cfg(test)]
mod tests;
