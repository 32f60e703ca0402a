//! A policy in plain English, for those who vote on it and read neither Rust nor TOML.
//!
//! Everything is made from what was parsed, never from the text of the file, so that it says what the agent will do and
//! not what a comment promises. What the policy sets has a sentence, and what it leaves unset has one too. Each sentence
//! names the keys of the file that it is made from and the rules that refuse by it.

mod caps;
mod chain;
mod doing;
mod holdings;
mod moments;
mod pace;
pub(crate) mod payments;
mod prices;
mod print;
mod receipts;
mod risk;
mod short;
mod stops;
mod strategies;
#[cfg(test)]
mod tests;
mod venues;
mod who;

use crate::VotedPolicy;
use alloy_primitives::B256;
use quaestor_core::{Catalog, Policy, Rule, Terms};
use serde::Serialize;

/// A policy in plain English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Name of the policy.
    pub name: String,
    /// keccak256 of the file's bytes: what the members vote.
    pub hash: B256,
    /// keccak256 of the canonical policy without the numbers of the envelope.
    pub rest_hash: B256,
    /// What it says, in the order in which it is read.
    pub sections: Vec<Section>,
}

/// A part of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What it is about.
    pub heading: String,
    /// What it says.
    pub sentences: Vec<Sentence>,
}

/// One thing that a policy says; sometimes more than one sentence of English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// In plain English, on one line.
    pub text: String,
    /// The keys of the file that it is made from, such as `limits.day_bps_max`, set or not.
    pub keys: Vec<String>,
    /// The rules that refuse by it; none where it says that something is not bounded.
    pub rules: Vec<Rule>,
}

impl VotedPolicy {
    /// The policy in plain English. `catalog` says in a sentence what each kind of strategy does; it is the one that the
    /// policy was parsed with.
    pub fn explain(&self, catalog: &Catalog) -> Explanation {
        let told = Told { policy: self, terms: &self.terms };
        let mut sections = vec![
            short::section(&told),
            doing::section(&told),
            who::section(&told),
            caps::section(&told),
            pace::section(&told),
            holdings::section(&told),
            venues::section(&told),
            payments::section(&told),
            prices::section(&told),
            risk::section(&told),
        ];
        sections.extend(strategies::sections(&told, catalog));
        sections.extend([stops::section(&told), chain::section(&told)]);
        sections.push(receipts::section(&sections));
        Explanation { name: one_line(&self.terms.name), hash: self.hash, rest_hash: self.rest_hash(), sections }
    }
}

/// What is explained.
struct Told<'p> {
    policy: &'p VotedPolicy,
    terms: &'p Terms,
}

impl Section {
    fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), sentences: Vec::new() }
    }

    /// One more sentence; the caller says of what it is made.
    fn say(&mut self, text: impl AsRef<str>, keys: &[&str], rules: &[Rule]) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.sentences.push(Sentence { text: one_line(text.as_ref()), keys, rules: rules.to_vec() });
    }
}

/// Without line ends, which a name may have and which would look like another sentence.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
