//! What the treasury did as an ERC-4824 activity log: what a DAO's `activityLogURI` may point to.
//!
//! Source: ERC-4824, "Activity Log JSON-LD Schema" and "Proposals JSON-LD Schema". A proposal is named
//! `CAIP10_ADDRESS?proposalId=COUNTER`: by its number at a Governor, by its safeTxHash at a Safe, by its operation at a
//! timelock whose vote is not known, by its transaction where nothing proposed it.

use super::{
    deed::Origin,
    report::{Audit, CallTold, Judged, Verdict},
};
use alloy::primitives::Address;
use quaestor_core::Caip10;
use serde_json::{Value, json};

/// The JSON-LD context of the schemas.
const CONTEXT: &str = "https://www.daostar.org/schemas";

impl Audit {
    /// The activity log.
    pub fn activities(&self) -> Value {
        let activities: Vec<Value> = self.judged.iter().map(|judged| self.activity(judged)).collect();
        json!({ "@context": CONTEXT, "type": "DAO", "name": self.name, "activities": activities })
    }

    fn activity(&self, it: &Judged) -> Value {
        let account = self.named(it.account.address);
        let mut proposal =
            json!({ "type": "proposal", "id": self.proposal(it), "name": name(it), "status": "executed" });
        // What has no value is left out, as the schemas say.
        if !it.calls.is_empty() {
            proposal["calls"] = it.calls.iter().map(|call| called(it, call)).collect();
        }
        json!({
            "id": format!("{account}?activityId={}-{}", it.tx, it.log_index),
            "type": "activity",
            "proposal": proposal,
            "member": { "type": "EthereumAddress", "id": it.sender.to_string() },
        })
    }

    fn named(&self, address: Address) -> Caip10 {
        Caip10 { chain_id: self.chain_id, address }
    }

    fn proposal(&self, it: &Judged) -> String {
        let account = self.named(it.account.address);
        match (&it.origin, &it.vote) {
            (_, Some(vote)) => format!("{}?proposalId={}", self.named(vote.governor), vote.proposal_id),
            (Origin::Owners { safe_tx_hash, .. }, None) => format!("{account}?proposalId={safe_tx_hash}"),
            (Origin::Vote { operation }, None) => format!("{account}?proposalId={operation}"),
            (Origin::Module { .. } | Origin::Allowance, None) => format!("{account}?proposalId={}", it.tx),
        }
    }
}

fn name(it: &Judged) -> String {
    let epoch = it.epoch.map_or_else(|| "no policy".to_owned(), |epoch| format!("policy epoch {epoch}"));
    match &it.verdict {
        Verdict::Allowed { .. } => format!("allowed under {epoch}"),
        Verdict::NotAllowed { why } => format!("not allowed under {epoch}: {why}"),
        Verdict::ByHand { .. } => format!("by hand, under {epoch}"),
        Verdict::Unjudged { why } => format!("not judged, under {epoch}: {why}"),
        Verdict::Rejection => "empty, in the place of a withdrawn proposal".to_owned(),
        Verdict::Governance => it.vote.as_ref().map_or_else(|| "governance".to_owned(), |vote| vote.title.clone()),
    }
}

fn called(it: &Judged, call: &CallTold) -> Value {
    json!({
        "type": "CallDataEVM", "operation": call.operation, "from": it.account.address.to_string(),
        "to": call.to.to_string(),
        "value": call.value, "data": call.data,
    })
}
