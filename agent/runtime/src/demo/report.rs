//! What the demo says: a line a step for people, one JSON line at the end.

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

/// Facts by name, in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts(pub Vec<(String, Value)>);

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
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
        self.facts.0.push((fact.to_owned(), Value::Bool(holds)));
        if !holds {
            self.failed.push(fact);
        }
    }

    /// A fact worth showing.
    pub(super) fn note(&mut self, fact: &str, value: impl Serialize) {
        // What cannot be written as JSON is shown as null; it decides nothing.
        self.facts.0.push((fact.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null)));
    }

    pub(super) fn step(self, name: &str) -> Step {
        Step { name: name.to_owned(), ok: self.failed.is_empty(), detail: self.facts }
    }
}
