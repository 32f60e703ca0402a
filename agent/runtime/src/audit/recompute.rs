//! A decision recomputed from the chain alone: its block is found by its time and by the keys that hold the block's hash.

use super::deed::Deed;
use crate::{
    chain::{Chain, ChainError, Contracts, HistoryReader, ObserveError, first_block_at, observe},
    risk::{Model, admit},
};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::BlockNumberOrTag,
};
use quaestor_contracts::{
    PolicyCodec,
    bindings::{DecisionGate, IDecisionGate::Item},
    codec::entry_item,
};
use quaestor_core::{
    BlockRef, Call, Entry, History, Inputs, Policy, Purpose, Snapshot, Terms,
    action::{INTENTS_PER_DECISION_MAX, encode_batch},
    pipeline,
};
use quaestor_policies::VotedPolicy;

/// Most blocks of one second that are tried.
const SAME_SECOND_MAX: u64 = 64;
/// Most periods of a budget line that are tried: eighty years of weeks.
const PERIODS_MAX: u64 = 4_160;

/// What the chain says of a decision.
#[derive(Debug)]
pub(super) enum Recomputed {
    /// It is the decision of this block, and so it was entered: its calls after `enter`.
    Same { block: BlockRef, calls: Vec<Call>, entry: Box<Entry> },
    /// Of this block the policy decided otherwise.
    Otherwise { block: BlockRef },
    /// There is no block of which it could be.
    NoBlock,
    /// It cannot be told: why.
    Unknown(String),
}

/// Reads the chain at single blocks.
#[derive(Debug, Clone)]
pub(super) struct Past<'a> {
    pub(super) chain: &'a Chain,
    pub(super) contracts: Contracts,
    pub(super) deployed_block: u64,
}

impl Past<'_> {
    /// Everything that a decision at `block` under `policy` is made from; the inner error says what this node lacks.
    ///
    /// # Errors
    /// If the node does not answer.
    pub(super) async fn scene(
        &self,
        terms: &Terms,
        block: BlockRef,
    ) -> Result<Result<(Snapshot, History), String>, ChainError> {
        let lacking = |error: ChainError| match error.is_of_this_node() {
            true => Ok(format!("this node lacks the state of block {}: {error}", block.number)),
            false => Err(error),
        };
        let snapshot = match observe(self.chain, terms, &self.contracts, block).await {
            Ok(observation) => observation.snapshot,
            Err(ObserveError::Chain(error)) => return lacking(error).map(Err),
            Err(error @ ObserveError::Unreadable { .. }) => return Ok(Err(error.to_string())),
        };
        let mut reader = HistoryReader::new(self.deployed_block);
        let codec = PolicyCodec::new(terms);
        match reader.read(self.chain, terms, &codec, block, block.number).await {
            Ok(history) => Ok(Ok((snapshot, history))),
            Err(error) => lacking(error).map(Err),
        }
    }

    /// The block before `block`.
    ///
    /// # Errors
    /// If the node does not answer.
    pub(super) async fn before(&self, block: BlockRef) -> Result<BlockRef, ChainError> {
        self.chain.block(BlockNumberOrTag::Number(block.number.saturating_sub(1))).await
    }

    /// Takes the decision of `entered` again.
    ///
    /// # Errors
    /// If the node does not answer.
    pub(super) async fn recompute(
        &self,
        policy: &VotedPolicy,
        model: Option<&Model>,
        deed: &Deed,
        entered: &DecisionGate::Entered,
    ) -> Result<Recomputed, ChainError> {
        let terms = policy.terms();
        if entered.validUntil >= terms.expires_at {
            return Ok(Recomputed::Unknown("it ends with its policy, so that its time says nothing".to_owned()));
        }
        let Some(decided_at) = entered.validUntil.checked_sub(terms.validity_secs_longest()) else {
            return Ok(Recomputed::NoBlock);
        };
        let mut otherwise = None;
        for block in self.blocks_of(decided_at, deed.block).await? {
            if !entered.items.iter().all(|item| may_be_of(deed, item, block)) {
                continue;
            }
            let Some(model) = model else {
                let why = format!("the risk model {} that it was decided with is not at hand", entered.model);
                return Ok(Recomputed::Unknown(why));
            };
            let (snapshot, history) = match self.scene(terms, block).await? {
                Ok(scene) => scene,
                Err(why) => return Ok(Recomputed::Unknown(why)),
            };
            match self.decided(policy, model, deed, entered.decision, &snapshot, &history) {
                Recomputed::Otherwise { block } => otherwise = Some(block),
                same => return Ok(same),
            }
        }
        Ok(otherwise.map_or(Recomputed::NoBlock, |block| Recomputed::Otherwise { block }))
    }

    fn decided(
        &self,
        policy: &VotedPolicy,
        model: &Model,
        deed: &Deed,
        id: B256,
        snapshot: &Snapshot,
        history: &History,
    ) -> Recomputed {
        let (terms, block) = (policy.terms(), snapshot.block);
        if admit(&terms.risk, model, block.timestamp).is_err() {
            return Recomputed::Otherwise { block };
        }
        let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model };
        let decision = pipeline::decide(&inputs);
        let batch = decision.batches.iter().find(|batch| batch.address == deed.account.address);
        let same = batch.and_then(|batch| {
            let calls = encode_batch(&PolicyCodec::new(terms), &decision, batch).ok()?.split_off(1);
            let entry = batch.entry(&decision, &calls);
            (entry.decision == id).then(|| Recomputed::Same { block, calls, entry: Box::new(entry) })
        });
        same.unwrap_or(Recomputed::Otherwise { block })
    }

    /// The blocks of this second, not after `last`.
    async fn blocks_of(&self, timestamp: u64, last: BlockRef) -> Result<Vec<BlockRef>, ChainError> {
        let before = timestamp.saturating_sub(1);
        let first = first_block_at(self.chain, self.deployed_block, last, before).await?;
        let mut found = Vec::new();
        for number in first..=last.number.min(first.saturating_add(SAME_SECOND_MAX)) {
            let block = self.chain.block(BlockNumberOrTag::Number(number)).await?;
            if block.timestamp != timestamp {
                break;
            }
            found.push(block);
        }
        Ok(found)
    }
}

/// Whether `item` may have been decided at `block`: its key is that of a leg of a decision there, or that of a payment,
/// which holds no block.
fn may_be_of(deed: &Deed, item: &Item, block: BlockRef) -> bool {
    let legs = u16::try_from(INTENTS_PER_DECISION_MAX).unwrap_or(u16::MAX);
    let is = |purpose: Purpose| purpose.once_key(deed.account.address, block.hash) == item.onceKey;
    (0..=legs).any(|leg| is(Purpose::Strategy { line: item.line, leg }))
        || (0..=PERIODS_MAX).any(|period| is(Purpose::Payment { line: item.line, period }))
}

/// What was entered, as the agent writes it; `None` with amounts that no agent has.
pub(super) fn entry_of(entered: &DecisionGate::Entered) -> Option<Entry> {
    let items = entered.items.iter().map(entry_item).collect::<Option<_>>()?;
    Some(Entry {
        decision: entered.decision,
        policy: entered.policy,
        model: entered.model,
        valid_until: entered.validUntil,
        pulls: entered.pulls,
        items,
    })
}

/// A token of which more left the account than was entered, and how much; `None` if there is none.
pub(super) fn left_beyond(deed: &Deed, entry: &Entry) -> Option<(Address, U256)> {
    deed.out.iter().map(|moved| moved.token).find_map(|token| {
        let left = sum(deed.out.iter().filter(|moved| moved.token == token).map(|moved| moved.amount));
        let items = entry.items.iter().filter(|item| item.asset == token);
        let entered = sum(items.map(|item| item.amount.to_u256()));
        (left > entered).then(|| (token, left - entered))
    })
}

fn sum(amounts: impl Iterator<Item = U256>) -> U256 {
    amounts.fold(U256::ZERO, U256::saturating_add)
}
