//! What the demo says: a line a step for people, one JSON line at the end.

use crate::devnet::dao::DaoAsset;
use quaestor_contracts::explain::{plain, share, whole_tokens};
use quaestor_core::{Amount, Terms};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// One step of the story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The sentence.
    pub name: String,
    /// Whether the chain bears it out.
    pub ok: bool,
    /// What was found.
    pub detail: Facts,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its name, or the sentence that must hold.
    pub name: String,
    /// What was found; of a sentence, whether it holds.
    pub value: Value,
    /// The line for people, where name and value read better otherwise.
    pub words: Option<String>,
}

/// Facts by name, in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts(pub Vec<Fact>);

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|fact| (&fact.name, &fact.value)))
    }
}

/// The whole story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether every step is true.
    pub ok: bool,
    /// How long it took.
    pub elapsed_secs: f64,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// Facts of a step, each either borne out by the chain or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    failed: Vec<&'static str>,
    facts: Facts,
}

impl Findings {
    /// A fact that must be true for the step to be.
    pub(super) fn check(&mut self, fact: &'static str, holds: bool) {
        self.push(fact, Value::Bool(holds), None);
        if !holds {
            self.failed.push(fact);
        }
    }

    /// A fact worth showing.
    pub(super) fn note(&mut self, fact: &str, value: impl Serialize) {
        // What cannot be written as JSON is shown as null; it decides nothing.
        self.push(fact, serde_json::to_value(value).unwrap_or(Value::Null), None);
    }

    /// A fact that people are told in `words` alone, programs as `value`.
    pub(super) fn told(&mut self, fact: &str, value: impl Serialize, words: impl Into<String>) {
        self.push(fact, serde_json::to_value(value).unwrap_or(Value::Null), Some(words.into()));
    }

    /// An amount, after `words` for people.
    pub(super) fn amount(&mut self, fact: &str, words: &str, amount: Amount, asset: &DaoAsset) {
        let told = format!("{words} {} {}", whole_tokens(amount.to_u256(), asset.decimals), asset.symbol);
        self.told(fact, amount.display(asset.decimals).to_string(), told);
    }

    fn push(&mut self, name: &str, value: Value, words: Option<String>) {
        self.facts.0.push(Fact { name: name.to_owned(), value, words });
    }

    pub(super) fn step(self, name: &str) -> Step {
        Step { name: name.to_owned(), ok: self.failed.is_empty(), detail: self.facts }
    }
}

/// Shares of the assets of a policy, such as `USDC 35.00 %, WETH 65.00 %`.
pub(super) fn shares(terms: &Terms, weights_bps: &[u64]) -> String {
    let each = terms.assets.iter().zip(weights_bps);
    each.map(|(asset, bps)| format!("{} {}", plain(&asset.symbol), share(*bps))).collect::<Vec<_>>().join(", ")
}

/// A text of a JSON document; empty if it is none.
pub(super) fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
