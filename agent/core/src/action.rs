//! Typed calls, what they are for, and the seam to calldata.

use crate::{AccountId, Amount, AssetId, Decision, Value, VenueId, decision::Batch, pipeline::Context};
use alloy_primitives::{Address, B256, Bytes, Keccak256};
use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

/// One typed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// ERC-20 `transfer`.
    Transfer {
        /// The token.
        asset: AssetId,
        /// The receiver.
        to: Address,
        /// Base units.
        amount: Amount,
    },
    /// ERC-20 `approve`, exact, for the action that follows it.
    Approve {
        /// The token.
        asset: AssetId,
        /// Who may take it: a venue.
        spender: VenueId,
        /// Base units.
        amount: Amount,
    },
    /// A swap of an exact input, the output sent to the account itself.
    Swap {
        /// Where.
        venue: VenueId,
        /// What is given.
        sell: AssetId,
        /// What is received.
        buy: AssetId,
        /// Fee of the pool in hundredths of a basis point.
        fee_pips: u32,
        /// Given, base units.
        amount_in: Amount,
        /// Received at least, base units.
        amount_out_min: Amount,
    },
    /// ERC-4626 `deposit` or Aave v3 `supply`, the shares to the account itself.
    Deposit {
        /// The vault.
        venue: VenueId,
        /// Its asset, which is given.
        asset: AssetId,
        /// Its shares, which are received.
        shares: AssetId,
        /// Given, base units of `asset`.
        amount: Amount,
        /// Received at least, base units of `shares`; see [`Action::as_called`].
        shares_min: Amount,
    },
    /// ERC-4626 `redeem` or Aave v3 `withdraw` of the account's own shares, the asset to the account itself.
    Redeem {
        /// The vault.
        venue: VenueId,
        /// Its shares, which are given.
        shares: AssetId,
        /// Its asset, which is received.
        asset: AssetId,
        /// Given, base units of `shares`.
        amount: Amount,
        /// Received at least, base units of `asset`; see [`Action::as_called`].
        assets_min: Amount,
    },
    /// ERC-5805 `delegate`: the votes of the account's tokens go to somebody, the tokens stay.
    Delegate {
        /// The token.
        asset: AssetId,
        /// Who has the votes from then on.
        to: Address,
    },
    /// WETH9 `deposit`: the coin of the chain into its wrapped form, one for one.
    Wrap {
        /// The wrapped coin.
        asset: AssetId,
        /// Wei.
        amount: Amount,
    },
}

/// One asset given for another at a venue: what a swap, a deposit and a redemption have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Where.
    pub venue: VenueId,
    /// What is given.
    pub give: AssetId,
    /// What is received.
    pub take: AssetId,
    /// Given, base units.
    pub amount_in: Amount,
    /// Received at least, base units.
    pub amount_out_min: Amount,
}

impl Action {
    /// What it gives for what; `None` when it is no exchange.
    #[inline]
    pub fn exchange(&self) -> Option<Exchange> {
        match *self {
            Self::Transfer { .. } | Self::Approve { .. } | Self::Delegate { .. } | Self::Wrap { .. } => None,
            Self::Swap { venue, sell, buy, amount_in, amount_out_min, .. } => {
                Some(Exchange { venue, give: sell, take: buy, amount_in, amount_out_min })
            }
            Self::Deposit { venue, asset, shares, amount, shares_min } => {
                Some(Exchange { venue, give: asset, take: shares, amount_in: amount, amount_out_min: shares_min })
            }
            Self::Redeem { venue, shares, asset, amount, assets_min } => {
                Some(Exchange { venue, give: shares, take: asset, amount_in: amount, amount_out_min: assets_min })
            }
        }
    }

    /// The action as its calldata says it. Neither ERC-4626 nor Aave has a word for a least output: the minimum of a deposit or a
    /// redemption is judged, and the dry run must bring it, but nothing holds the vault to it when the batch executes.
    /// Here it is zero.
    #[must_use]
    pub fn as_called(self) -> Self {
        match self {
            Self::Deposit { venue, asset, shares, amount, .. } => {
                Self::Deposit { venue, asset, shares, amount, shares_min: Amount::ZERO }
            }
            Self::Redeem { venue, shares, asset, amount, .. } => {
                Self::Redeem { venue, shares, asset, amount, assets_min: Amount::ZERO }
            }
            bound @ (Self::Transfer { .. }
            | Self::Approve { .. }
            | Self::Swap { .. }
            | Self::Delegate { .. }
            | Self::Wrap { .. }) => bound,
        }
    }
}

/// Most actions of one intent.
pub const ACTIONS_PER_INTENT_MAX: usize = 4;
/// Most intents of one decision; `DecisionGate` takes no more items in a batch.
pub const INTENTS_PER_DECISION_MAX: usize = 32;

/// What an intent is for. Its identity never depends on how it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Purpose {
    /// A payment: at most once per account, budget line and period.
    Payment {
        /// The budget line: keccak256 of its name.
        line: B256,
        /// Number of the period since the line began.
        period: u64,
    },
    /// A trade or refill: at most once per account, strategy, leg and decision block.
    Strategy {
        /// The strategy's line: keccak256 of its name in the policy.
        line: B256,
        /// Tells apart the intents of one strategy in one decision.
        leg: u16,
    },
}

impl Purpose {
    /// Budget line or strategy.
    #[inline]
    pub fn line(&self) -> B256 {
        match self {
            Self::Payment { line, .. } | Self::Strategy { line, .. } => *line,
        }
    }

    /// Whether it is of this budget line or strategy.
    #[inline]
    pub fn is_of(&self, line: B256) -> bool {
        match self {
            Self::Payment { line: own, .. } | Self::Strategy { line: own, .. } => *own == line,
        }
    }

    /// The key under which `DecisionGate` lets it pass once: keccak256 of `account ‖ line ‖ tag ‖ period` for a
    /// payment and of `account ‖ line ‖ tag ‖ leg ‖ decision block hash` for a strategy.
    pub fn once_key(&self, account: Address, decision_block: B256) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(account);
        match self {
            Self::Payment { line, period } => {
                hasher.update(line);
                hasher.update([0]);
                hasher.update(period.to_be_bytes());
            }
            Self::Strategy { line, leg } => {
                hasher.update(line);
                hasher.update([1]);
                hasher.update(leg.to_be_bytes());
                hasher.update(decision_block);
            }
        }
        hasher.finalize()
    }
}

/// What a strategy wants: one item of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The account that pays.
    pub account: AccountId,
    /// What it is for.
    pub purpose: Purpose,
    /// What it spends.
    pub asset: AssetId,
    /// To whom: receiver or venue.
    pub counterparty: Address,
    /// How much it spends, base units of `asset`.
    pub amount: Amount,
    /// What that is worth at the snapshot's price, rounded down.
    pub value: Value,
    /// The calls, in order.
    pub actions: ArrayVec<Action, ACTIONS_PER_INTENT_MAX>,
}

impl Intent {
    /// What `amount` of `asset` is worth. Where it is what the intent spends the intent says so, and no judge allows one
    /// that says it wrongly.
    #[inline]
    pub(crate) fn worth(&self, cx: &Context<'_>, asset: AssetId, amount: Amount) -> Option<Value> {
        let said = (self.asset, self.amount) == (asset, amount);
        if said { Some(self.value) } else { cx.value_of(asset, amount) }
    }
}

/// A call as it goes on chain; never a delegatecall.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call {
    /// Target.
    pub to: Address,
    /// Wei.
    pub value: Amount,
    /// Calldata.
    pub data: Bytes,
}

/// Why calldata is not the action it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The call is not one that Quaestor makes.
    #[error("the call to {to} with selector {selector} is none that a policy can allow")]
    Unknown {
        /// Target.
        to: Address,
        /// First four bytes.
        selector: Bytes,
    },
    /// The calldata does not decode to the last byte.
    #[error("calldata of the call to {to} does not decode: {reason}")]
    Malformed {
        /// Target.
        to: Address,
        /// The decoder's words.
        reason: String,
    },
    /// The calldata decodes, but a value in it is not the one that it must be.
    #[error("{field} of the call to {to} is {found}; it must be {expected}")]
    Field {
        /// Target.
        to: Address,
        /// Which value, such as `deadline`.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An action names an asset, account or venue that the policy lacks.
    #[error("an action names {what} number {index}, which the policy lacks")]
    Unlisted {
        /// asset, account or venue.
        what: &'static str,
        /// Its index.
        index: usize,
    },
}

/// What `DecisionGate.enter` is given: everything of a batch but the calls after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Hash of the decision's batch, the calls after `enter` included.
    pub decision: B256,
    /// keccak256 of the policy file.
    pub policy: B256,
    /// Hash of the risk model.
    pub model: B256,
    /// After this the gate refuses it, Unix seconds.
    pub valid_until: u64,
    /// The brake's count of pulls when it was decided.
    pub pulls: u64,
    /// What it spends.
    pub items: Vec<EntryItem>,
}

/// One item of an [`Entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryItem {
    /// What it is for; passes once.
    pub once_key: B256,
    /// Budget line or strategy.
    pub line: B256,
    /// Token spent.
    pub asset: Address,
    /// Receiver or venue.
    pub counterparty: Address,
    /// Base units.
    pub amount: Amount,
    /// Quote currency in wad.
    pub value: Value,
}

/// Actions to calldata and back. The gate reads the calldata again through it.
pub trait Codec: Send + Sync {
    /// The calls of `actions` for `account`, in order. `valid_until` becomes a swap's deadline.
    ///
    /// # Errors
    /// If an action names what the policy lacks.
    fn encode(&self, account: AccountId, valid_until: u64, actions: &[Action]) -> Result<Vec<Call>, CodecError>;

    /// The actions of `calls` made by `account`, as [`Action::as_called`] has them; each call must be exactly one, to the
    /// last byte.
    ///
    /// # Errors
    /// If a call is not one that Quaestor makes for this account with this deadline.
    fn decode(&self, account: AccountId, valid_until: u64, calls: &[Call]) -> Result<Vec<Action>, CodecError>;

    /// The call of `DecisionGate.enter`.
    fn encode_entry(&self, entry: &Entry) -> Call;

    /// The entry of a call to `DecisionGate.enter`.
    ///
    /// # Errors
    /// If it is not such a call.
    fn decode_entry(&self, call: &Call) -> Result<Entry, CodecError>;
}

/// The calls of a whole batch: `enter`, then the actions.
///
/// # Errors
/// If an action names what the policy lacks.
pub fn encode_batch(codec: &dyn Codec, decision: &Decision, batch: &Batch) -> Result<Vec<Call>, CodecError> {
    let calls = codec.encode(batch.account, batch.valid_until, &batch.actions())?;
    let entry = batch.entry(decision, &calls);
    let mut all = vec![codec.encode_entry(&entry)];
    all.extend(calls);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn a_once_key_is_the_hash_of_what_it_is_for() {
        let (account, line, block) = (Address::repeat_byte(1), B256::repeat_byte(2), B256::repeat_byte(3));
        let payment = Purpose::Payment { line, period: 0x0405 };
        let bytes = [account.as_slice(), line.as_slice(), &[0, 0, 0, 0, 0, 0, 0, 4, 5]].concat();
        assert_eq!(payment.once_key(account, block), keccak256(bytes));
        let leg = Purpose::Strategy { line, leg: 0x0607 };
        let bytes = [account.as_slice(), line.as_slice(), &[1, 6, 7], block.as_slice()].concat();
        assert_eq!(leg.once_key(account, block), keccak256(bytes));
    }
}
