//! Where to read of the rule that a receipt of refusal names.

use super::Section;
use quaestor_core::Rule;
use std::collections::BTreeSet;

/// Of the sections before it, the rules by which each refuses.
pub(super) fn section(sections: &[Section]) -> Section {
    let mut told = Section::new("Names of rules");
    told.say("A refusal is a receipt that names a rule. Each is explained above:", &[], &[]);
    let mut seen = BTreeSet::new();
    for section in sections {
        let rules = section.sentences.iter().flat_map(|sentence| sentence.rules.iter().copied());
        let new: Vec<Rule> = rules.filter(|rule| seen.insert(*rule)).collect();
        if !new.is_empty() {
            let names: Vec<String> = new.iter().map(name).collect();
            told.say(format!("{}: {}.", section.heading, names.join(", ")), &[], &[]);
        }
    }
    told
}

/// As receipts have it.
fn name(rule: &Rule) -> String {
    match serde_json::to_value(rule) {
        Ok(serde_json::Value::String(name)) => name,
        // A rule without data is written as its name.
        _ => format!("{rule:?}"),
    }
}
