//! The gate: the only place that makes a [`Cleared`], and proposing accepts nothing else.
//!
//! A batch is cleared when the policy in force is anchored at the snapshot's block and at the finalised one, the brake
//! was read as released, the batch says of its intents what they are, every intent is allowed, the calldata is to the
//! last byte what was judged, it ran in a dry run at the snapshot's block, and the balances after it satisfy the policy
//! again. A withdrawal is cleared always.
//!
//! Nothing outside this module can make a clearance:
//!
//! ```compile_fail,E0451
//! use quaestor_core::{BlockRef, gate::{Cleared, Withdrawal}};
//!
//! fn forge(item: Withdrawal) -> Cleared<Withdrawal> {
//!     let (decision, policy) = Default::default();
//!     Cleared { item, calls: Vec::new(), decision, policy, seen: BlockRef::default(), pulls: 0, expires_at: u64::MAX }
//! }
//! ```
//!
//! nor change one:
//!
//! ```compile_fail,E0616
//! use quaestor_core::{Batch, gate::Cleared};
//!
//! fn prolong(cleared: &mut Cleared<Batch>) {
//!     cleared.expires_at = u64::MAX;
//! }
//! ```
//!
//! nor read one back from where it was written down:
//!
//! ```compile_fail,E0277
//! use quaestor_core::{Batch, gate::Cleared};
//!
//! fn read(text: &str) -> Option<Cleared<Batch>> {
//!     serde_json::from_str(text).ok()
//! }
//! ```

use crate::{
    Batch, Call, Codec, Decision, Entry, Intent, Refusal, Rule, Terms, Verdict,
    action::INTENTS_PER_DECISION_MAX,
    decision::{BatchHead, BatchItem},
    pipeline::{Context, Inputs, judge_all, precondition},
    policy::Policy,
    snapshot::{Anchor, BlockRef, BrakeReading, Control, History, Snapshot, Sums},
    valuation::{Prices, Valuation},
    verdict::Quantity,
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Longest life of a clearance, in seconds of chain time.
pub const CLEARANCE_SECS_MAX: u64 = 300;

/// The outcome of executing a batch in a dry run from the real sender's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// The calls that ran.
    pub calls: Vec<Call>,
    /// The block on whose state they ran.
    pub block: BlockRef,
    /// What they did.
    pub outcome: DryRunOutcome,
}

/// What a dry run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DryRunOutcome {
    /// It ran; the balances of all accounts afterwards, accounts and assets in the policy's order.
    Ran {
        /// Balances after it.
        balances: Vec<Vec<crate::Amount>>,
        /// Gas used by the whole transaction.
        gas_used: u64,
    },
    /// It reverted.
    Reverted {
        /// The reason, decoded where it could be.
        reason: String,
    },
}

/// What the gate is shown beside the inputs of the decision.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The registry at the finalised block.
    pub anchor_finalised: Anchor,
    /// The newest reading of the brake.
    pub brake: BrakeReading,
    /// The whole calldata of the batch, `enter` first.
    pub calls: &'a [Call],
    /// Its dry run.
    pub dry_run: &'a DryRun,
    /// Reads calldata.
    pub codec: &'a dyn Codec,
}

impl std::fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("brake", &self.brake).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// Something that passed the gate. It cannot be made elsewhere and goes stale.
#[derive(Debug)]
pub struct Cleared<T> {
    item: T,
    calls: Vec<Call>,
    decision: B256,
    policy: B256,
    /// The newest block that was looked at.
    seen: BlockRef,
    pulls: u64,
    expires_at: u64,
}

impl<T> Cleared<T> {
    /// What was cleared.
    pub fn item(&self) -> &T {
        &self.item
    }

    /// The exact calls that were cleared.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The hash under which the batch enters `DecisionGate`.
    pub fn decision(&self) -> B256 {
        self.decision
    }
}

impl Cleared<Batch> {
    /// Looks once more, at latest before it is signed, sent, queued or executed.
    ///
    /// # Errors
    /// If the brake is pulled, was pulled since, or the lease lapsed; or if the clearance is too old, or `brake` was read
    /// before what the clearance saw or on another chain of blocks.
    pub fn still_holds(&self, brake: &BrakeReading) -> Result<(), Refusal> {
        let refuse = |rule, limit, found| Err(Refusal::new(rule, limit, found, brake.block, self.policy));
        if brake.pulled || brake.pulls != self.pulls {
            return refuse(Rule::BrakePulled, Quantity::Count(self.pulls), Quantity::Count(brake.pulls));
        }
        if !brake.is_released() {
            let (limit, found) = (Quantity::Secs(brake.lease_until), Quantity::Secs(brake.block.timestamp));
            return refuse(Rule::LeaseLapsed, limit, found);
        }
        let precedes = brake.block.number < self.seen.number;
        let elsewhere = brake.block.number == self.seen.number && brake.block.hash != self.seen.hash;
        if brake.block.timestamp > self.expires_at || precedes || elsewhere {
            let (limit, found) = (Quantity::Secs(self.expires_at), Quantity::Secs(brake.block.timestamp));
            return refuse(Rule::ClearanceFresh, limit, found);
        }
        Ok(())
    }
}

/// What may leave even while the brake is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "withdrawal", rename_all = "snake_case")]
pub enum Withdrawal {
    /// `DecisionGate.revoke(account, decision)`.
    Revoke {
        /// The account of the batch.
        account: Address,
        /// The batch's decision.
        decision: B256,
    },
    /// `Governor.cancel` of the agent's own proposal, while Pending.
    CancelProposal {
        /// The Governor.
        governor: Address,
        /// The proposal's calls.
        calls: Vec<Call>,
        /// The proposal's description.
        description: String,
    },
    /// `Safe.approveHash` of an empty transaction at the same nonce: owners may execute it to free the nonce.
    RejectSafeNonce {
        /// The Safe.
        safe: Address,
        /// The nonce.
        nonce: u64,
    },
}

/// Clears a withdrawal: nothing forbids one.
pub fn clear_withdrawal(withdrawal: Withdrawal, brake: &BrakeReading) -> Cleared<Withdrawal> {
    let decision = match &withdrawal {
        Withdrawal::Revoke { decision, .. } => *decision,
        _ => B256::ZERO,
    };
    let (seen, pulls) = (brake.block, brake.pulls);
    Cleared { item: withdrawal, calls: Vec::new(), decision, policy: B256::ZERO, seen, pulls, expires_at: u64::MAX }
}

/// Clears a batch of `decision`, at the snapshot it was decided on or at a later one: what waits is judged at the prices
/// of the later one, and does not count against itself.
///
/// # Errors
/// The receipt of the first rule that refuses.
pub fn clear(
    inputs: &Inputs<'_>,
    decision: &Decision,
    batch: &Batch,
    evidence: &Evidence<'_>,
) -> Result<Cleared<Batch>, Refusal> {
    let (block, policy, terms) = (inputs.snapshot.block, inputs.policy.hash(), inputs.policy.terms());
    let refuse = |rule, limit, found| Refusal::new(rule, limit, found, block, policy);
    if let Some(refusal) = precondition(terms, policy, inputs.snapshot) {
        return Err(refusal);
    }
    if evidence.anchor_finalised.policy_hash != policy || evidence.anchor_finalised.epoch == 0 {
        let anchored = Quantity::Hash(evidence.anchor_finalised.policy_hash);
        return Err(refuse(Rule::PolicyAnchored, anchored, Quantity::Hash(policy)));
    }
    decision_stands(inputs, decision)?;
    batch_stands(inputs, decision, batch)?;
    let entry = batch.entry(decision, evidence.calls.get(1..).unwrap_or_default());
    let id = entry.decision;
    if !calldata_matches(terms, batch, &entry, evidence) {
        let entry = evidence.calls.first().and_then(|call| evidence.codec.decode_entry(call).ok());
        let found = entry.map_or(Quantity::None, |entry| Quantity::Hash(entry.decision));
        return Err(refuse(Rule::CalldataMatches, Quantity::Hash(id), found));
    }
    permitted(inputs, decision, batch, id, evidence.dry_run)?;
    let now = evidence.brake.block.timestamp;
    let cleared = Cleared {
        item: batch.clone(),
        calls: evidence.calls.to_vec(),
        decision: id,
        policy,
        seen: block,
        pulls: batch.pulls,
        expires_at: now.saturating_add(CLEARANCE_SECS_MAX).min(batch.valid_until),
    };
    cleared.still_holds(&evidence.brake)?;
    Ok(Cleared { seen: evidence.brake.block, ..cleared })
}

/// Judged again, and none of its keys used, as if it did not wait itself.
fn permitted(
    inputs: &Inputs<'_>,
    decision: &Decision,
    batch: &Batch,
    id: B256,
    dry_run: &DryRun,
) -> Result<(), Refusal> {
    let history = inputs.history.without(id);
    judged_again(inputs, decision, batch, dry_run, &history)?;
    match used_key(batch, &history) {
        Some(twice) => {
            let (block, policy) = (inputs.snapshot.block, inputs.policy.hash());
            Err(Refusal::new(Rule::OnceKeyUnused, Quantity::None, Quantity::Hash(twice), block, policy))
        }
        None => Ok(()),
    }
}

/// The decision is of this chain, policy and model, and was taken at the snapshot or before it.
fn decision_stands(inputs: &Inputs<'_>, decision: &Decision) -> Result<(), Refusal> {
    let (block, policy, chain_id) = (inputs.snapshot.block, inputs.policy.hash(), inputs.policy.terms().chain_id);
    let refuse = |rule, limit, found| Err(Refusal::new(rule, limit, found, block, policy));
    if decision.chain_id != chain_id {
        return refuse(Rule::ChainId, Quantity::Count(chain_id), Quantity::Count(decision.chain_id));
    }
    if decision.policy != policy {
        return refuse(Rule::PolicyAnchored, Quantity::Hash(policy), Quantity::Hash(decision.policy));
    }
    if decision.model != inputs.model.hash() {
        let (limit, found) = (Quantity::Hash(inputs.model.hash()), Quantity::Hash(decision.model));
        return refuse(Rule::ModelInForce, limit, found);
    }
    let earlier = decision.block.number < block.number && decision.block.timestamp <= block.timestamp;
    if decision.block != block && !earlier {
        let (limit, found) = (Quantity::Count(block.number), Quantity::Count(decision.block.number));
        return refuse(Rule::ClearanceFresh, limit, found);
    }
    Ok(())
}

/// The batch is one of the decision's, lives no longer than the policy lets it, is for the snapshot's nonce and count of
/// pulls, and says of each intent what the intent is.
fn batch_stands(inputs: &Inputs<'_>, decision: &Decision, batch: &Batch) -> Result<(), Refusal> {
    let (block, policy, terms) = (inputs.snapshot.block, inputs.policy.hash(), inputs.policy.terms());
    let refuse = |rule, limit, found| Err(Refusal::new(rule, limit, found, block, policy));
    let until = Quantity::Secs(batch.valid_until);
    if batch.valid_until > terms.expires_at || batch.valid_until <= block.timestamp {
        return refuse(Rule::PolicyExpiresAt, Quantity::Secs(terms.expires_at), until);
    }
    let longest = decision.block.timestamp.saturating_add(terms.validity_secs_longest());
    if batch.valid_until > longest {
        return refuse(Rule::ValiditySecsMax, Quantity::Secs(longest), until);
    }
    let pulls = inputs.snapshot.brake.pulls;
    if batch.pulls != pulls {
        return refuse(Rule::BrakePulled, Quantity::Count(batch.pulls), Quantity::Count(pulls));
    }
    let count = |number: usize| Quantity::Count(u64::try_from(number).unwrap_or(u64::MAX));
    if batch.items.len() > INTENTS_PER_DECISION_MAX {
        return refuse(Rule::IntentsMax, count(INTENTS_PER_DECISION_MAX), count(batch.items.len()));
    }
    if batch.intents().any(|intent| intent.actions.is_empty()) {
        return refuse(Rule::IntentMatchesActions, count(1), count(0));
    }
    let safe_nonce = match inputs.snapshot.accounts.get(batch.account.index()).map(|account| &account.control) {
        Some(Control::Safe { nonce, .. }) => Some(*nonce),
        _ => None,
    };
    if batch.safe_nonce != safe_nonce {
        let nonce = |found: Option<u64>| found.map_or(Quantity::None, Quantity::Count);
        return refuse(Rule::CalldataMatches, nonce(safe_nonce), nonce(batch.safe_nonce));
    }
    let intents: Vec<Intent> = batch.intents().cloned().collect();
    let head = BatchHead { block: decision.block.hash, safe_nonce, valid_until: batch.valid_until, pulls };
    if Batch::new(terms, &head, &intents).as_ref() != Some(batch) || !decision.batches.contains(batch) {
        return refuse(Rule::CalldataMatches, Quantity::None, Quantity::None);
    }
    Ok(())
}

/// The calldata decodes to what was judged, is the encoding of it, enters the policy's gate, and is what ran.
fn calldata_matches(terms: &Terms, batch: &Batch, entry: &Entry, evidence: &Evidence<'_>) -> bool {
    let Some((first, rest)) = evidence.calls.split_first() else { return false };
    let (codec, account, until) = (evidence.codec, batch.account, batch.valid_until);
    let actions = batch.actions();
    let called = || actions.iter().map(|action| action.as_called());
    let decodes = codec.decode_entry(first).is_ok_and(|found| found == *entry)
        && codec.decode(account, until, rest).is_ok_and(|found| found.into_iter().eq(called()));
    // Not left to the decoder alone: one that is lax about a target or about wei must not let them through.
    let encodes = codec.encode_entry(entry) == *first
        && codec.encode(account, until, &actions).is_ok_and(|calls| calls == rest)
        && first.to == terms.gate
        && first.value.is_zero();
    decodes && encodes && evidence.dry_run.calls == evidence.calls
}

/// A key of `batch` that it has twice, or that its account has used or bound already.
fn used_key(batch: &Batch, history: &History) -> Option<B256> {
    let keys = || batch.items.iter().map(|item| item.entry.once_key);
    let twice = |position: usize, key: B256| keys().take(position).any(|before| before == key);
    let is_done = |item: &BatchItem| {
        history.is_used(batch.account, item.entry.once_key) || history.is_paid(batch.account, item.intent.purpose)
    };
    let mut items = batch.items.iter().enumerate();
    let used = items.find(|(position, item)| twice(*position, item.entry.once_key) || is_done(item));
    used.map(|(_, item)| item.entry.once_key)
}

fn judged_again(
    inputs: &Inputs<'_>,
    decision: &Decision,
    batch: &Batch,
    dry_run: &DryRun,
    history: &History,
) -> Result<(), Refusal> {
    let (terms, policy) = (inputs.policy.terms(), inputs.policy.hash());
    let block = inputs.snapshot.block;
    let refuse = |rule| Refusal::new(rule, Quantity::None, Quantity::None, block, policy);
    let prices = Prices::resolve(terms, inputs.snapshot);
    let mut valuation = Valuation::default();
    valuation.fill(terms, inputs.snapshot, &prices).ok_or_else(|| refuse(Rule::PriceQuorumMin))?;
    let risk = inputs.model.assess(terms, inputs.snapshot, &prices, &valuation.weights_bps());
    let (snapshot, is_new) = (inputs.snapshot, inputs.snapshot.block == decision.block);
    let windows = terms.limits.windows_of(history, block.timestamp);
    let (prices, valuation, risk) = (&prices, &valuation, &risk);
    let before = Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new };
    let intents: Vec<Intent> = batch
        .intents()
        .map(|intent| before.revalued(intent))
        .collect::<Option<_>>()
        .ok_or_else(|| refuse(Rule::PriceQuorumMin))?;
    if is_new && let Some((stated, found)) = batch.intents().zip(&intents).find(|(stated, found)| stated != found) {
        let (limit, found) = (Quantity::Value(found.value), Quantity::Value(stated.value));
        return Err(Refusal::new(Rule::IntentMatchesActions, limit, found, block, policy));
    }
    let mut verdicts = Vec::with_capacity(intents.len());
    judge_all(inputs.policy, &before, &intents, &mut Sums::default(), &mut verdicts);
    if let Some(refusal) = verdicts.into_iter().find_map(refusal_of) {
        return Err(refusal);
    }
    if let Some(refusal) = unbounded(&before, batch.account, batch.intents()) {
        return Err(refusal);
    }
    let ran = match &dry_run.outcome {
        DryRunOutcome::Ran { balances, .. } if dry_run.block == block => Some(balances),
        _ => None,
    };
    let balances = ran.ok_or_else(|| refuse(Rule::DryRun))?;
    let left = after(inputs.snapshot, balances).ok_or_else(|| refuse(Rule::SnapshotComplete))?;
    match judge_left(inputs.policy, &before, &left, &mut Valuation::default(), &intents) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// On a Governor route nothing binds the price of an exchange when it is executed.
fn unbounded<'a>(
    cx: &Context<'_>,
    account: crate::AccountId,
    mut intents: impl Iterator<Item = &'a Intent>,
) -> Option<Refusal> {
    let is_vote = matches!(cx.terms.account(account), Some(account) if account.route != crate::Route::Safe);
    let exchanges = |intent: &Intent| intent.actions.iter().any(|action| action.exchange().is_some());
    (is_vote && intents.any(exchanges))
        .then(|| Refusal::new(Rule::GovernorSwapBound, Quantity::None, Quantity::None, cx.snapshot.block, cx.policy))
}

/// Judges what `intents` leave behind: `left` is the snapshot with the balances after them; `valued` is room.
fn judge_left(
    policy: &dyn Policy,
    before: &Context<'_>,
    left: &Snapshot,
    valued: &mut Valuation,
    intents: &[Intent],
) -> Option<Refusal> {
    if valued.fill(before.terms, left, before.prices).is_none() {
        let (block, policy) = (before.snapshot.block, before.policy);
        return Some(Refusal::new(Rule::PriceQuorumMin, Quantity::None, Quantity::None, block, policy));
    }
    let outcome = Context { snapshot: left, valuation: valued, ..*before };
    refusal_of(policy.judge_outcome(before, &outcome, intents))
}

/// What the gate says of the `intents` of one account that were just judged, or wait and were judged again, all allowed,
/// apart from brake, anchor and calldata: for who judges thousands of times and sends nothing. `left` is the snapshot with
/// the balances after them, `None` when they do not run. It clears nothing, and allocates nothing once `valued` has grown.
pub fn judge_outcome(
    policy: &dyn Policy,
    before: &Context<'_>,
    account: crate::AccountId,
    left: Option<&Snapshot>,
    valued: &mut Valuation,
    intents: &[Intent],
) -> Option<Refusal> {
    let dry_run = || Refusal::new(Rule::DryRun, Quantity::None, Quantity::None, before.snapshot.block, before.policy);
    unbounded(before, account, intents.iter()).or_else(|| match left {
        Some(left) => judge_left(policy, before, left, valued, intents),
        None => Some(dry_run()),
    })
}

fn refusal_of(verdict: Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal),
    }
}

fn after(snapshot: &Snapshot, balances: &[Vec<crate::Amount>]) -> Option<Snapshot> {
    let mut left = snapshot.clone();
    if balances.len() != left.accounts.len() {
        return None;
    }
    for (account, found) in left.accounts.iter_mut().zip(balances) {
        if account.balances.len() != found.len() {
            return None;
        }
        account.balances.clone_from(found);
    }
    Some(left)
}

#[cfg(test)]
mod tests;
