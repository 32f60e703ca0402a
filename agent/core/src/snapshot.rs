//! What was read from the chain at one block: the whole input of a decision, besides policy and model.

mod tally;

pub use tally::{Sums, Tally};

use crate::{
    AccountId, Amount, AssetId, Price, Purpose, Value,
    amount::{BPS_ONE, compare_products, mul_div},
    policy::Due,
    valuation::TwapReading,
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A block, by number, hash and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Unix time in seconds.
    pub timestamp: u64,
}

/// One round of a price feed, scaled to wad. Zero and negative answers are kept as `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The answer; `None` when the feed answered zero, a negative number, or one above 128 bits.
    pub price: Option<Price>,
    /// When the feed says it was updated, Unix seconds.
    pub updated_at: u64,
}

/// What one feed said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedReading {
    /// The feed contract.
    pub feed: Address,
    /// Its rounds, oldest first, the latest last; empty when it could not be read.
    pub rounds: Vec<Round>,
}

/// What was read of one asset; in the order of [`crate::Terms::assets`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetReading {
    /// The token contract.
    pub address: Address,
    /// Its decimals as the chain says; `None` when they could not be read.
    pub decimals: Option<u8>,
    /// Its feeds, in the policy's order.
    pub feeds: Vec<FeedReading>,
    /// Its rate, if it is the shares of a vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateReading>,
}

/// What a vault says one whole share is worth: ERC-4626 `convertToAssets(10^decimals)`, without fees, rounded down. A
/// whole aToken of Aave is a whole asset now, and was as much less earlier as its balance has grown since by
/// `getReserveNormalizedIncome`, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RateReading {
    /// What the vault says its asset is, or the Pool of Aave the aToken of the asset ([`crate::Terms::vouched_by`]);
    /// `None` when it could not be read.
    pub asset: Option<Address>,
    /// Base units of the asset at the snapshot's block; `None` when it could not be read, is zero or above 128 bits, or
    /// the reserve is not active.
    pub now: Option<Amount>,
    /// The same at an earlier block; `None` when the node has not that state, the vault was not there, or the reserve is
    /// frozen or paused: what it earned says nothing of what it takes.
    pub earlier: Option<EarlierRate>,
}

/// A rate of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRate {
    /// When: [`crate::policy::RiskTerms::rate_lookback_blocks`] before the snapshot.
    pub block: BlockRef,
    /// Base units of the asset for one whole share, not zero.
    pub rate: Amount,
}

/// A year of 365 days, over which growth is stated.
const YEAR_SECS: u128 = 31_536_000;

impl RateReading {
    /// What a share gained since the earlier reading, as simple growth in a year of 365 days, bps rounded down; negative
    /// if it lost. `now` is the time of the snapshot, Unix seconds. `None` when a reading is missing, no time passed
    /// between the two, or the number does not fit.
    pub fn growth_bps_yearly(&self, now: u64) -> Option<i64> {
        let (late, early) = (self.now?.0, self.earlier?);
        let secs = now.checked_sub(early.block.timestamp).filter(|secs| *secs > 0)?;
        let (scale, whole) = (BPS_ONE * YEAR_SECS, early.rate.0.checked_mul(secs.into())?);
        let change = late.abs_diff(early.rate.0);
        let bps = mul_div(change, scale, whole)?;
        if late >= early.rate.0 {
            return i64::try_from(bps).ok();
        }
        let exact = compare_products(change, scale, bps, whole).is_eq();
        let loss = if exact { bps } else { bps.checked_add(1)? };
        i64::try_from(loss).ok()?.checked_neg()
    }
}

/// What was read of one account; in the order of [`crate::Terms::accounts`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReading {
    /// Its address.
    pub address: Address,
    /// Balances in the order of the assets.
    pub balances: Vec<Amount>,
    /// Who may move it.
    pub control: Control,
}

/// Who may move an account, as the chain says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Control {
    /// A Safe.
    Safe {
        /// The next nonce.
        nonce: u64,
        /// Confirmations needed.
        threshold: u64,
        /// Owners.
        owners: Vec<Address>,
    },
    /// A timelock.
    Timelock {
        /// Least delay of an operation in seconds.
        delay_secs: u64,
        /// Whether the policy's Governor may schedule operations there.
        governor_schedules: bool,
    },
}

/// The code of a contract that the policy pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeReading {
    /// The contract.
    pub address: Address,
    /// keccak256 of its runtime code; zero when there is none.
    pub code_hash: B256,
}

/// To whom the votes of an account's tokens are delegated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegateReading {
    /// Whose.
    pub account: AccountId,
    /// The token.
    pub asset: AssetId,
    /// ERC-5805 `delegates`, zero for nobody; `None` when it could not be read.
    pub to: Option<Address>,
}

/// What an account has of the coin of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoinReading {
    /// Whose.
    pub account: AccountId,
    /// Wei; `None` when it could not be read.
    pub balance: Option<Amount>,
}

/// What the registry says of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Anchor {
    /// Number of the active epoch; 0 permits nothing.
    pub epoch: u64,
    /// keccak256 of the policy file's bytes.
    pub policy_hash: B256,
}

/// What the brake says. An unreadable brake is a pulled brake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakeReading {
    /// Whether it is pulled.
    pub pulled: bool,
    /// How often it was pulled so far.
    pub pulls: u64,
    /// Until when the operators' lease runs, Unix seconds.
    pub lease_until: u64,
    /// The block of this reading.
    pub block: BlockRef,
}

impl BrakeReading {
    /// The reading that stands for a brake that could not be read.
    pub fn unreadable(block: BlockRef) -> Self {
        Self { pulled: true, pulls: u64::MAX, lease_until: 0, block }
    }

    /// Whether operators may act at its block.
    pub fn is_released(&self) -> bool {
        !self.pulled && self.lease_until > self.block.timestamp
    }
}

/// Everything read at one block hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The block of every reading.
    pub block: BlockRef,
    /// The policy anchored at this block.
    pub anchor: Anchor,
    /// The brake at this block.
    pub brake: BrakeReading,
    /// Operators that the brake lists.
    pub operators: Vec<Address>,
    /// Guardians that the registry lists, if the policy names them and they could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardians: Option<Vec<Address>>,
    /// Assets, in the policy's order.
    pub assets: Vec<AssetReading>,
    /// Accounts, in the policy's order.
    pub accounts: Vec<AccountReading>,
    /// Code of the contracts that the policy pins, venues in the policy's order.
    pub code: Vec<CodeReading>,
    /// To whom votes are delegated, for each account in the policy's order and each asset of [`crate::Terms::delegates`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<DelegateReading>,
    /// What each account has of the chain's coin, in the policy's order, if the policy says what it may be wrapped into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coins: Vec<CoinReading>,
    /// Pools whose time-weighted prices count, in the policy's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twaps: Vec<TwapReading>,
}

/// One item of a batch that passed the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// When, Unix seconds.
    pub timestamp: u64,
    /// From which account.
    pub account: AccountId,
    /// The decision it belonged to.
    pub decision: B256,
    /// What it was for.
    pub once_key: B256,
    /// Budget line or strategy.
    pub line: B256,
    /// What was spent; `None` when the policy in force no longer lists it.
    pub asset: Option<AssetId>,
    /// To whom.
    pub counterparty: Address,
    /// What it was worth when it was decided.
    pub value: Value,
}

/// A Governor proposal of the agent that may still execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    /// The account it moves.
    pub account: AccountId,
    /// Its proposal id, as 32 bytes.
    pub proposal_id: B256,
    /// The decision its batch enters.
    pub decision: B256,
    /// When it was proposed, Unix seconds.
    pub proposed_at: u64,
    /// After this the gate refuses it, Unix seconds.
    pub valid_until: u64,
    /// What each of its intents is for.
    pub once_keys: Vec<B256>,
    /// What it would spend, summed.
    pub value: Value,
    /// What of it would be paid to counterparties that the policy caps ([`crate::Terms::dues`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dues: Vec<Due>,
}

impl Outstanding {
    /// What it would pay to `to`, if the policy caps that; saturating.
    fn due_to(&self, to: Address) -> Value {
        let own = self.dues.iter().filter(|due| due.to == to);
        own.fold(Value::ZERO, |sum, due| sum.saturating_add(due.value))
    }
}

/// Lengths of the rolling windows: an hour, a day, a week and thirty days, in seconds.
pub const WINDOW_SECS: [u64; 4] = [3_600, 86_400, 604_800, 2_592_000];

/// What the agent did before the snapshot's block, from the gate's events and the Governor's proposals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// Items that passed the gate within the longest window, oldest first. A run forgets at one end and adds at the other.
    pub spends: VecDeque<Spend>,
    /// Governor proposals that may still execute.
    pub outstanding: Vec<Outstanding>,
    /// Periods of budget lines that were paid, however long ago, as far as they could still be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paid: Vec<Paid>,
}

/// A period of a budget line whose once-only key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// By which account.
    pub account: AccountId,
    /// The budget line.
    pub line: B256,
    /// The period.
    pub period: u64,
}

impl History {
    /// Value spent or bound in the window of `secs` before `now`, saturating.
    pub fn value_within(&self, now: u64, secs: u64) -> Value {
        let since = now.saturating_sub(secs);
        let spent = self.spends.iter().rev().take_while(|spend| spend.timestamp > since).map(|spend| spend.value);
        let bound = self.outstanding.iter().filter(|proposal| proposal.valid_until >= now).map(|it| it.value);
        spent.chain(bound).fold(Value::ZERO, |sum, value| Value(sum.0.saturating_add(value.0)))
    }

    /// [`History::value_within`] of each of [`WINDOW_SECS`].
    pub fn windows(&self, now: u64) -> [Value; 4] {
        self.within_each(now, |_| true, |proposal| proposal.value)
    }

    /// Value paid, or bound to be paid, to the counterparty at `to` in each of [`WINDOW_SECS`] before `now`, saturating.
    pub fn paid_to(&self, to: Address, now: u64) -> [Value; 4] {
        self.within_each(now, |spend| spend.counterparty == to, |proposal| proposal.due_to(to))
    }

    #[inline]
    fn within_each(
        &self,
        now: u64,
        counts: impl Fn(&Spend) -> bool,
        bound: impl Fn(&Outstanding) -> Value,
    ) -> [Value; 4] {
        let since = WINDOW_SECS.map(|secs| now.saturating_sub(secs));
        // Each window reaches further back than the one before it, so one walk over the spends fills them all.
        let (mut sums, mut shortest) = ([Value::ZERO; 4], 0);
        for spend in self.spends.iter().rev() {
            while since.get(shortest).is_some_and(|since| spend.timestamp <= *since) {
                shortest += 1;
            }
            let Some(sum) = sums.get_mut(shortest) else { break };
            if counts(spend) {
                sum.0 = sum.0.saturating_add(spend.value.0);
            }
        }
        let bound = self.outstanding.iter().filter(|proposal| proposal.valid_until >= now).map(bound);
        let mut total = bound.fold(0u128, |sum, value| sum.saturating_add(value.0));
        sums.map(|sum| {
            total = total.saturating_add(sum.0);
            Value(total)
        })
    }

    /// When the agent last acted: the newest batch executed or proposal made, Unix seconds.
    #[inline]
    pub fn last_action_at(&self) -> Option<u64> {
        let spent = self.spends.back().map(|spend| spend.timestamp);
        spent.max(self.outstanding.iter().map(|proposal| proposal.proposed_at).max())
    }

    /// Batches that executed or were proposed in the window of `secs` before `now`.
    pub fn batches_within(&self, now: u64, secs: u64) -> u64 {
        let since = now.saturating_sub(secs);
        let mut last = None;
        let mut count = 0u64;
        for spend in self.spends.iter().rev().take_while(|spend| spend.timestamp > since) {
            if last != Some(spend.decision) {
                last = Some(spend.decision);
                count = count.saturating_add(1);
            }
        }
        let bound = self.outstanding.iter().filter(|proposal| proposal.proposed_at > since).count();
        count.saturating_add(u64::try_from(bound).unwrap_or(u64::MAX))
    }

    /// Whether `once_key` was spent from `account` or is bound by an outstanding proposal.
    pub fn is_used(&self, account: AccountId, once_key: B256) -> bool {
        self.spends.iter().any(|spend| spend.account == account && spend.once_key == once_key)
            || self.outstanding.iter().any(|it| it.account == account && it.once_keys.contains(&once_key))
    }

    /// Whether what `purpose` is for was done by `account` or is bound by an outstanding proposal; nothing is hashed where
    /// nothing could have its key. `address` is that of the account, `block` the hash of the decision's block.
    pub fn is_done(&self, account: AccountId, address: Address, purpose: Purpose, block: B256) -> bool {
        self.is_paid(account, purpose)
            || self.concerns(account) && self.is_used(account, purpose.once_key(address, block))
    }

    /// Whether `purpose` is a period of a budget line that `account` has paid.
    pub fn is_paid(&self, account: AccountId, purpose: Purpose) -> bool {
        let Purpose::Payment { line, period } = purpose else { return false };
        self.paid.contains(&Paid { account, line, period })
    }

    /// Whether anything was spent from `account`, or is bound by an outstanding proposal of it.
    #[inline]
    pub fn concerns(&self, account: AccountId) -> bool {
        self.is_bound(account) || self.spends.iter().any(|spend| spend.account == account)
    }

    /// The history without the outstanding proposal of `decision`.
    #[must_use]
    pub fn without(&self, decision: B256) -> Self {
        let others = self.outstanding.iter().filter(|proposal| proposal.decision != decision);
        Self { spends: self.spends.clone(), outstanding: others.cloned().collect(), paid: self.paid.clone() }
    }

    /// Whether any outstanding proposal binds `account`.
    #[inline]
    pub fn is_bound(&self, account: AccountId) -> bool {
        self.outstanding.iter().any(|proposal| proposal.account == account)
    }
}

#[cfg(test)]
mod tests;
