//! What was decided at one block, and the batches that carry it out.

use crate::{
    AccountId, Action, Amount, Call, Entry, Intent, Refusal, Value, Verdict,
    action::EntryItem,
    policy::Terms,
    snapshot::{BlockRef, History, Snapshot},
    strategy::StrategyHold,
    valuation::AssetPrice,
};
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// An intent with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What was wanted.
    pub intent: Intent,
    /// What the policy says.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Why nothing, or less than wanted, is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
pub enum Hold {
    /// A rule forbids any proposal at this block.
    Rule {
        /// The receipt.
        receipt: Refusal,
    },
    /// A strategy wants nothing although something is amiss.
    Strategy {
        /// Its line.
        line: B256,
        /// Why.
        reason: StrategyHold,
    },
}

/// What was decided at one block. The same snapshot, history, policy and model give the same bytes on every machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The snapshot's block.
    pub block: BlockRef,
    /// The policy's epoch.
    pub epoch: u64,
    /// keccak256 of the policy file.
    pub policy: B256,
    /// Hash of the risk model.
    pub model: B256,
    /// [`inputs_hash`] of the snapshot and the history.
    pub inputs: B256,
    /// Net asset value; zero when it could not be formed.
    pub nav: Value,
    /// Shares of NAV in bps, in the order of the assets.
    pub weights_bps: Vec<u64>,
    /// Prices used and dropped, in the order of the assets.
    pub prices: Vec<AssetPrice>,
    /// Why nothing, or less than wanted, is proposed.
    pub holds: Vec<Hold>,
    /// All intents with their verdicts, in the order in which they were judged.
    pub judged: Vec<Judged>,
    /// Allowed intents, one batch an account.
    pub batches: Vec<Batch>,
}

impl Decision {
    /// The canonical bytes: compact JSON in the order in which the fields are declared.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        // Every field is a struct, list, string or integer; none of their serialisers can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// keccak256 of the compact JSON of `[snapshot, history]`, so that a decision binds everything it was made from.
pub fn inputs_hash(snapshot: &Snapshot, history: &History) -> B256 {
    // As in `canonical_bytes`, serialising cannot fail.
    keccak256(serde_json::to_vec(&(snapshot, history)).unwrap_or_default())
}

/// The allowed intents of one account: one proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The account.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// The Safe's nonce at the snapshot; `None` on a Governor route.
    pub safe_nonce: Option<u64>,
    /// After this the gate refuses it, Unix seconds.
    pub valid_until: u64,
    /// The brake's count of pulls at the snapshot.
    pub pulls: u64,
    /// The items.
    pub items: Vec<BatchItem>,
}

/// One intent of a batch, with what the gate is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchItem {
    /// What is wanted.
    pub intent: Intent,
    /// What the gate is told of it.
    pub entry: EntryItem,
}

#[derive(Serialize)]
struct HashedBatch<'a> {
    chain_id: u64,
    block: B256,
    policy: B256,
    model: B256,
    inputs: B256,
    account: Address,
    valid_until: u64,
    pulls: u64,
    items: Vec<&'a EntryItem>,
    calls: &'a [Call],
}

impl Batch {
    /// The batch of `intents`. `None` when there is none, when they are not all of one account, or when the policy lacks
    /// what one of them names.
    pub fn new(terms: &Terms, head: &BatchHead, intents: &[Intent]) -> Option<Self> {
        let account = intents.first()?.account;
        if intents.iter().any(|intent| intent.account != account) {
            return None;
        }
        let address = terms.account(account)?.address;
        let item = |intent: &Intent| {
            let entry = EntryItem {
                once_key: intent.purpose.once_key(address, head.block),
                line: intent.purpose.line(),
                asset: terms.asset(intent.asset)?.address,
                counterparty: intent.counterparty,
                amount: intent.amount,
                value: intent.value,
            };
            Some(BatchItem { intent: intent.clone(), entry })
        };
        Some(Self {
            account,
            address,
            safe_nonce: head.safe_nonce,
            valid_until: head.valid_until,
            pulls: head.pulls,
            items: intents.iter().map(item).collect::<Option<_>>()?,
        })
    }

    /// Every action, in order.
    pub fn actions(&self) -> Vec<Action> {
        self.items.iter().flat_map(|item| item.intent.actions.iter().copied()).collect()
    }

    /// Its intents, in order.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.items.iter().map(|item| &item.intent)
    }

    /// Its worth: the sum of its intents, saturating.
    pub fn value(&self) -> Value {
        self.intents().fold(Value::ZERO, |sum, intent| Value(sum.0.saturating_add(intent.value.0)))
    }

    /// What `DecisionGate.enter` is given. `calls` are those after it; the decision's hash covers them.
    pub fn entry(&self, decision: &Decision, calls: &[Call]) -> Entry {
        let items: Vec<EntryItem> = self.items.iter().map(|item| item.entry).collect();
        let hashed = HashedBatch {
            chain_id: decision.chain_id,
            block: decision.block.hash,
            policy: decision.policy,
            model: decision.model,
            inputs: decision.inputs,
            account: self.address,
            valid_until: self.valid_until,
            pulls: self.pulls,
            items: items.iter().collect(),
            calls,
        };
        // As in `canonical_bytes`, serialising cannot fail.
        let bytes = serde_json::to_vec(&hashed).unwrap_or_default();
        Entry {
            decision: keccak256(bytes),
            policy: decision.policy,
            model: decision.model,
            valid_until: self.valid_until,
            pulls: self.pulls,
            items,
        }
    }
}

/// What a batch has from the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHead {
    /// Hash of the decision block.
    pub block: B256,
    /// The Safe's nonce; `None` on a Governor route.
    pub safe_nonce: Option<u64>,
    /// After this the gate refuses it, Unix seconds.
    pub valid_until: u64,
    /// The brake's count of pulls.
    pub pulls: u64,
}

/// The least output of a swap: `amount_in` at oracle prices less `slippage_bps`, rounded down.
#[inline]
pub fn amount_out_min(value_in: Value, price_out: crate::Price, unit_out: u128, slippage_bps: u64) -> Option<Amount> {
    let kept = u64::try_from(crate::amount::BPS_ONE).ok()?.checked_sub(slippage_bps)?;
    value_in.share(kept)?.amount_at(price_out, unit_out)
}

#[cfg(test)]
mod tests;
