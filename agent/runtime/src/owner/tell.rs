//! The words and the JSON of a case, for the person who decides.

use super::{Case, Errand, Outcome};
use crate::verify::{Difference, Report};
use alloy::primitives::Address;
use quaestor_contracts::{
    explain::{explain_batch, explain_call, plain, wad},
    utc::Utc,
};
use quaestor_core::{Caip10, Policy, Value};
use serde_json::json;

/// Most differences of a bundle that are shown; one is reason enough to doubt it.
const DOUBTS_MAX: usize = 10;
/// Most letters of a value that differs.
const VALUE_LETTERS_MAX: usize = 120;

/// What of a bundle does not recompute, a line each.
pub(super) fn doubts(report: &Report) -> Vec<String> {
    let line = |(what, difference): (&str, &Difference)| {
        let Difference { at, expected, found } = difference;
        format!("{what}: at {at} it should be {}, it is {}", short(&expected.to_string()), short(&found.to_string()))
    };
    report.differences().take(DOUBTS_MAX).map(line).collect()
}

impl Case {
    /// What the batch is worth, by the gate's own entry; saturating.
    pub fn worth(&self) -> Value {
        let items = self.proposed.entry.items.iter();
        items.fold(Value::ZERO, |sum, item| Value(sum.0.saturating_add(item.value.0)))
    }

    fn role(&self, owner: Address) -> &'static str {
        match owner {
            it if self.standing.operators.contains(&it) => " (the agent)",
            it if it == self.signer => " (you)",
            _ => "",
        }
    }

    /// Everything that a person should see before signing: whole addresses, exact amounts.
    pub fn text(&self, errand: Errand) -> String {
        let (proposed, standing, terms) = (&self.proposed, &self.standing, self.proposed.terms());
        let name = terms.account_at(proposed.safe).and_then(|id| terms.account(id));
        let name = name.map_or_else(String::new, |account| format!("{} ", plain(&account.name)));
        let block = proposed.bundle.decision.block;
        let mut lines = vec![
            format!("Safe transaction {}", proposed.hash),
            format!("  of        {name}{}, nonce {}", on(terms.chain_id, proposed.safe), proposed.tx.nonce),
            format!("  policy    {}, epoch {}, {}", plain(&terms.name), standing.epoch, proposed.policy.hash()),
            format!("  anchored  by {}, owned by {}", on(terms.chain_id, terms.registry), standing.dao),
            format!("  gate      {}{}", terms.gate, self.gate_note()),
            format!(
                "  decided   at block {} ({}), decision {}",
                block.number,
                Utc(block.timestamp),
                proposed.entry.decision
            ),
            format!("  worth     {} USD", wad(self.worth().to_u256())),
            format!("  valid     until {}", Utc(proposed.entry.valid_until)),
            format!("  through   MultiSendCallOnly {} ({})", standing.multisend, proposed.tx.to),
            format!("  confirmed {} of {} needed:", standing.approved.len(), standing.threshold),
        ];
        lines.extend(standing.approved.iter().map(|owner| format!("    {owner}{}", self.role(*owner))));
        lines.push("It makes these calls, in this order:".to_owned());
        lines.extend(explain_batch(terms, &proposed.calls).lines().map(|line| format!("  {line}")));
        if !self.doubts.is_empty() {
            lines.push(
                "WARNING: THE DECISION IN THE BUNDLE DOES NOT RECOMPUTE, so its reasons are not to be relied on:"
                    .into(),
            );
            lines.extend(self.doubts.iter().map(|doubt| format!("  {}", visible(doubt))));
        }
        lines.push(match errand {
            Errand::Confirm => format!("{} would approve it on the Safe.", self.signer),
            Errand::Execute => format!("{} would execute it now.", self.signer),
        });
        lines.join("\n")
    }

    fn gate_note(&self) -> &'static str {
        if self.pins.gate.is_some() { "" } else { "; see that it is your DAO's, or name it with --gate" }
    }

    /// The same for programs.
    pub fn document(&self) -> serde_json::Value {
        let (proposed, standing, terms) = (&self.proposed, &self.standing, self.proposed.terms());
        let calls = proposed.calls.iter().map(
            |call| json!({ "to": call.to, "value": call.value, "data": call.data, "words": explain_call(terms, call) }),
        );
        json!({
            "safe_tx_hash": proposed.hash,
            "safe": Caip10 { chain_id: terms.chain_id, address: proposed.safe }.to_string(),
            "nonce": proposed.tx.nonce,
            "policy": { "name": terms.name, "epoch": standing.epoch, "hash": proposed.policy.hash() },
            "decision": proposed.entry.decision,
            "gate": terms.gate,
            "worth_usd": wad(self.worth().to_u256()).replace(',', ""),
            "valid_until": proposed.entry.valid_until,
            "signer": self.signer,
            "threshold": standing.threshold,
            "confirmed": standing.approved,
            "missing": standing.missing(None),
            "recomputes": self.doubts.is_empty(),
            "doubts": self.doubts,
            "calls": calls.collect::<Vec<_>>(),
        })
    }
}

impl Outcome {
    /// One line for people.
    pub fn text(&self, case: &Case) -> String {
        match self {
            Self::Confirmed(mined) => {
                let missing = case.standing.missing(Some(case.signer));
                let next = match missing {
                    0 => "all confirmations are there: any owner may `safe execute` it".to_owned(),
                    1 => "1 confirmation is still missing".to_owned(),
                    more => format!("{more} confirmations are still missing"),
                };
                format!("confirmed in transaction {} (block {}); {next}", mined.tx, mined.block.number)
            }
            Self::AlreadyConfirmed => format!("{} has confirmed it before; nothing was sent", case.signer),
            Self::Executed(mined) => format!("executed in transaction {} (block {})", mined.tx, mined.block.number),
        }
    }

    /// The same for programs.
    pub fn document(&self, case: &Case) -> serde_json::Value {
        let (done, mined) = match self {
            Self::Confirmed(mined) => ("confirmed", Some(mined)),
            Self::AlreadyConfirmed => ("already_confirmed", None),
            Self::Executed(mined) => ("executed", Some(mined)),
        };
        json!({
            "ok": true, "done": done, "tx": mined.map(|mined| mined.tx), "block": mined.map(|mined| mined.block.number),
            "missing": case.standing.missing(Some(case.signer)), "transaction": case.document(),
        })
    }
}

fn on(chain_id: u64, address: Address) -> String {
    Caip10 { chain_id, address }.to_string()
}

fn short(text: &str) -> String {
    if text.chars().count() <= VALUE_LETTERS_MAX {
        return text.to_owned();
    }
    format!("{} …", text.chars().take(VALUE_LETTERS_MAX).collect::<String>())
}

/// The text of a bundle in a terminal: nothing in it may move the cursor or turn the direction of what follows.
fn visible(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_ascii_graphic() || letter == ' ' {
            letter.to_string()
        } else {
            letter.escape_unicode().to_string()
        }
    };
    text.chars().map(shown).collect()
}
