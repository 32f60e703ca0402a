//! What `policy judge` found, in one file with all that it was found from, so that anyone can judge again.

use super::{Check, Difference, Finding, Unchecked, onchain::answered, report::print_level};
use crate::{
    chain::{Chain, ChainError, Contracts, HistoryReader, ObserveError, observe},
    risk::{Admission, Model, admit},
};
use alloy::rpc::types::BlockNumberOrTag;
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    BlockRef, Catalog, History, Intent, Policy, RiskModel, RiskReport, Snapshot, Verdict, snapshot::Anchor,
};
use quaestor_policies::{Hearing, Stated, Told, VotedPolicy, intent_text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the receipt's form.
pub const RECEIPT_VERSION: u32 = 1;
/// Most intents of a receipt: more than a decision may have, so that the rule about that can refuse.
pub const INTENTS_MAX: usize = 64;

/// Intents with the policy's verdicts on them, and everything that these depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this form.
    pub quaestor_receipt: u32,
    /// Version of the program that judged.
    pub program: String,
    /// The exact text of the policy.
    pub policy: String,
    /// Whether it was judged as if the policy were the one in force, whatever the snapshot says.
    pub anchor_assumed: bool,
    /// Where the forecast comes from.
    pub forecast: Forecast,
    /// What was read of the chain.
    pub snapshot: Snapshot,
    /// What the agent did before.
    pub history: History,
    /// What was judged, in order, as one decision.
    pub intents: Vec<Intent>,
    /// The verdicts, in the same order.
    pub verdicts: Vec<Verdict>,
}

/// Where a forecast comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// A model: name and parameters, or the text of its file.
    Model(serde_json::Value),
    /// Whoever asked stated it.
    Stated(RiskReport),
}

/// Why a file is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// It does not parse.
    #[error("not a receipt: {0}; write one with `quaestor policy judge … --out FILE`")]
    Malformed(#[source] serde_json::Error),
    /// It is of another version.
    #[error("receipt version {found}; this program reads version {RECEIPT_VERSION}")]
    Version {
        /// As found.
        found: u32,
    },
    /// It judges nothing, or too much.
    #[error("it has {found} intents; a receipt has 1 to {INTENTS_MAX}")]
    Intents {
        /// As found.
        found: usize,
    },
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// If it is none of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let receipt: Self = serde_json::from_slice(bytes).map_err(ReceiptError::Malformed)?;
        if receipt.quaestor_receipt != RECEIPT_VERSION {
            return Err(ReceiptError::Version { found: receipt.quaestor_receipt });
        }
        let found = receipt.intents.len();
        if (1..=INTENTS_MAX).contains(&found) { Ok(receipt) } else { Err(ReceiptError::Intents { found }) }
    }

    /// The form in which it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // Maps with text keys, lists, strings and numbers only: serialising cannot fail.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The block of the snapshot.
    pub fn block(&self) -> BlockRef {
        self.snapshot.block
    }

    /// Whether the policy allows all of it.
    pub fn is_allowed(&self) -> bool {
        self.verdicts.iter().all(Verdict::is_allowed)
    }

    /// The verdicts that `policy` gives with the forecast of `model`.
    pub fn judged(&self, policy: &VotedPolicy, model: &dyn RiskModel) -> Vec<Verdict> {
        let mut snapshot = self.snapshot.clone();
        if self.anchor_assumed {
            snapshot.anchor = Anchor { epoch: snapshot.anchor.epoch.max(1), policy_hash: policy.hash() };
        }
        match Hearing::new(policy, &snapshot, &self.history, model) {
            Ok(hearing) => hearing.verdicts(&self.intents),
            // What forbids any proposal forbids each.
            Err(refusal) => vec![Verdict::Refused(refusal); self.intents.len()],
        }
    }

    /// Intents and verdicts in words, as a policy that reads them says them.
    pub fn told(&self, policy: &VotedPolicy) -> String {
        let terms = policy.terms();
        let mut lines = Vec::new();
        for (intent, verdict) in self.intents.iter().zip(&self.verdicts) {
            let strategy = terms.strategy(intent.purpose.line()).map(|it| format!(" ({})", it.name));
            lines.push(format!("intent    {}{}", intent_text(terms, intent), strategy.unwrap_or_default()));
            match verdict {
                Verdict::Allowed => lines.push("verdict   allowed".to_owned()),
                Verdict::Refused(refusal) => {
                    let told = Told::of(terms, refusal);
                    lines.push(format!("verdict   refused by {}: {}", told.rule, told.about));
                    let mut parts = vec![("limit", told.limit), ("found", told.found)];
                    parts.extend(told.inputs);
                    parts.retain(|(_, value)| !value.is_empty());
                    lines.extend(parts.into_iter().map(|(name, value)| format!("  {name:<28} {value}")));
                }
            }
        }
        lines.join("\n")
    }
}

/// What judging a receipt again found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptReport {
    /// Its block.
    pub block: BlockRef,
    /// How many intents it has, and how many of them it says are refused.
    pub intents: (usize, usize),
    /// Recomputed offline.
    pub recomputed: Vec<Check>,
    /// Compared with the chain.
    pub compared: Vec<Check>,
    /// Not checked, and why.
    pub not_checked: Vec<Unchecked>,
}

impl ReceiptReport {
    /// Whether nothing that was checked differs.
    pub fn is_ok(&self) -> bool {
        self.recomputed.iter().chain(&self.compared).all(|check| check.finding == Finding::Ok)
    }

    fn recomputed(&mut self, what: &str, difference: Option<Difference>) {
        self.recomputed.push(Check::of(what, difference));
    }

    fn not_checked(&mut self, what: &str, why: &str) {
        self.not_checked.push(Unchecked { what: what.to_owned(), why: why.to_owned() });
    }
}

impl Serialize for ReceiptReport {
    /// `{"ok":…,"block":…,"intents":…,"refused":…,"levels":{"recomputed":[…],"compared":[…],"not_checked":[…]}}`
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { block, intents: (intents, refused), recomputed, compared, not_checked } = self;
        let levels = serde_json::json!({ "recomputed": recomputed, "compared": compared, "not_checked": not_checked });
        let document = serde_json::json!({
            "ok": self.is_ok(), "block": block, "intents": intents, "refused": refused, "levels": levels,
        });
        document.serialize(serializer)
    }
}

impl fmt::Display for ReceiptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, intents: (intents, refused), .. } = self;
        writeln!(f, "receipt of block {}: {intents} judged, {refused} refused", block.number)?;
        print_level(f, "recomputed offline", &self.recomputed)?;
        print_level(f, "compared with the chain", &self.compared)?;
        if !self.not_checked.is_empty() {
            writeln!(f, "not checked")?;
        }
        for Unchecked { what, why } in &self.not_checked {
            writeln!(f, "  -        {what}: {why}")?;
        }
        match self.is_ok() {
            true => write!(f, "nothing that was checked differs"),
            false => write!(f, "something DIFFERS: do not trust this receipt"),
        }
    }
}

/// Judges `receipt` again with the strategies of `catalog`, and compares its inputs with `chain` if one is given.
///
/// # Errors
/// If the node does not answer or serves another chain. Whatever is wrong with the receipt is in the report.
pub async fn verify_receipt(
    receipt: &Receipt,
    catalog: &Catalog,
    chain: Option<&Chain>,
) -> Result<ReceiptReport, ChainError> {
    let refused = receipt.verdicts.iter().filter(|verdict| !verdict.is_allowed()).count();
    let mut report = ReceiptReport {
        block: receipt.block(),
        intents: (receipt.intents.len(), refused),
        recomputed: Vec::new(),
        compared: Vec::new(),
        not_checked: Vec::new(),
    };
    let policy = recompute(receipt, catalog, &mut report);
    match (chain, policy) {
        (Some(chain), Some(policy)) => compare(receipt, &policy, chain, &mut report).await?,
        (Some(_), None) => report.not_checked(INPUTS, "they cannot be compared without the policy"),
        (None, _) => report.not_checked(INPUTS, "no node was named; name one with --rpc-url"),
    }
    Ok(report)
}

const INPUTS: &str = "snapshot and history are the chain's";

fn recompute(receipt: &Receipt, catalog: &Catalog, report: &mut ReceiptReport) -> Option<VotedPolicy> {
    let policy = match quaestor_policies::parse(receipt.policy.as_bytes(), catalog) {
        Ok(policy) => policy,
        Err(problems) => {
            let readable = "a policy that this program reads";
            let difference = Difference::new("/policy", readable, problems.to_string());
            report.recomputed("the policy is understood", Some(difference));
            report.not_checked("the verdicts", "they cannot be recomputed without the policy");
            return None;
        }
    };
    report.recomputed("the policy is understood", None);
    if receipt.anchor_assumed {
        report.not_checked("the policy was in force at the block", "it was judged as if it were");
    }
    let what = "policy, snapshot, history and forecast give the verdicts, word for word";
    let verdicts = match &receipt.forecast {
        Forecast::Stated(forecast) => {
            let why = if policy.terms().risk.has_ceilings() {
                "whoever asked stated it, and the policy has ceilings on it"
            } else {
                "whoever asked stated it; the policy has no ceilings that look at it"
            };
            report.not_checked("the forecast", why);
            Some(receipt.judged(&policy, &Stated(forecast.clone())))
        }
        Forecast::Model(words) => model(receipt, &policy, words, report).map(|model| receipt.judged(&policy, &model)),
    };
    match verdicts {
        Some(verdicts) => report.recomputed(what, Difference::first("/verdicts", &verdicts, &receipt.verdicts)),
        None => report.not_checked("the verdicts", "they cannot be recomputed without the risk model"),
    }
    Some(policy)
}

fn model(
    receipt: &Receipt,
    policy: &VotedPolicy,
    words: &serde_json::Value,
    report: &mut ReceiptReport,
) -> Option<Model> {
    let what = "the policy lets this model forecast";
    let model = match Model::from_words(words) {
        Ok(model) => model,
        Err(error) => {
            let known = "a risk model that this program knows";
            report.recomputed(what, Some(Difference::new("/forecast/model", known, error.to_string())));
            return None;
        }
    };
    let risk = &policy.terms().risk;
    let admitted = admit(risk, &model, receipt.block().timestamp);
    let refused = admitted.as_ref().err();
    let refused = refused.map(|why| Difference::new("/forecast/model", &risk.model, why.to_string()));
    report.recomputed(what, refused);
    match admitted {
        Ok(Admission::Trained) => {
            report.not_checked("the model was the one in force", "scores stand in the cards of its operator alone");
        }
        Ok(Admission::Fallback) => {
            report.not_checked("the model that the policy names could not be used", "its operator alone knows");
        }
        Ok(Admission::Named) | Err(_) => {}
    }
    Some(model)
}

async fn compare(
    receipt: &Receipt,
    policy: &VotedPolicy,
    chain: &Chain,
    report: &mut ReceiptReport,
) -> Result<(), ChainError> {
    let (terms, block) = (policy.terms(), receipt.block());
    chain.check_chain_id(receipt.snapshot.chain_id).await?;
    let what = "the block is in the canonical chain";
    match answered(chain.block(BlockNumberOrTag::Number(block.number)).await)? {
        Ok(found) => report.compared.push(Check::of(what, Difference::first("/snapshot/block", &found, &block))),
        Err(why) => report.not_checked(what, &why),
    }
    if report.compared.last().is_none_or(|check| check.finding != Finding::Ok) {
        report.not_checked(INPUTS, "they are compared at the receipt's block alone");
        return Ok(());
    }
    let contracts = Contracts { registry: terms.registry, brake: terms.brake, gate: terms.gate };
    let what = "the snapshot is what the contracts answer";
    let observed = match observe(chain, terms, &contracts, block).await {
        Ok(observation) => Ok(observation.snapshot),
        Err(ObserveError::Chain(error)) => answered(Err(error))?,
        Err(error) => Err(error.to_string()),
    };
    match observed {
        Ok(snapshot) => {
            report.compared.push(Check::of(what, Difference::first("/snapshot", &snapshot, &receipt.snapshot)));
        }
        Err(why) => report.not_checked(what, &why),
    }
    let what = "the history is what the gate's events and the Governor say";
    let mut reader = HistoryReader::new(0);
    match answered(reader.read(chain, terms, &PolicyCodec::new(terms), block, block.number).await)? {
        Ok(history) => report.compared.push(Check::of(what, Difference::first("/history", &history, &receipt.history))),
        Err(why) => report.not_checked(what, &why),
    }
    Ok(())
}
