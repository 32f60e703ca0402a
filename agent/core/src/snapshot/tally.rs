//! What was allowed before the intent at hand.

use crate::{AccountId, Action, Amount, AssetId, Intent, Purpose, Value, Verdict, pipeline::Context};
use alloy_primitives::{Address, B256};

/// What the intents allowed before the one at hand add to [`History`] and take from balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally<'a> {
    /// Value of the intents allowed so far.
    pub value: Value,
    /// Value of the intents allowed so far, for the account of the batch at hand.
    pub batch_value: Value,
    /// Whether any of them is a transfer: without one nothing leaves the treasury.
    transfers: bool,
    /// Whether they are of more than one strategy or budget line.
    mixed: bool,
    /// A bit for each [`mark`] of what they are for.
    seen: u64,
    /// The first of them.
    first: Option<&'a Intent>,
    intents: &'a [Intent],
    verdicts: &'a [Verdict],
    /// What they come to by asset, where somebody keeps count; else it is found by a walk over them.
    sums: Option<&'a Sums>,
}

impl<'a> Tally<'a> {
    /// Before the next intent of `account`. An intent without a verdict counts as allowed, as a strategy must assume
    /// of those before its own. Sums saturate.
    pub fn before(account: AccountId, intents: &'a [Intent], verdicts: &'a [Verdict]) -> Self {
        let mut tally = Self { intents, verdicts, ..Self::default() };
        tally.first = tally.allowed().next();
        tally.allowed().for_each(|intent| tally.add(account, intent, tally.first.unwrap_or(intent)));
        tally
    }

    /// The same count, said of these intents and verdicts; `first` is the first that was allowed.
    #[inline]
    pub(crate) fn over<'b>(
        &self,
        first: Option<&'b Intent>,
        (intents, verdicts): (&'b [Intent], &'b [Verdict]),
        sums: Option<&'b Sums>,
    ) -> Tally<'b> {
        let Self { value, batch_value, transfers, mixed, seen, .. } = *self;
        Tally { value, batch_value, transfers, mixed, seen, first, intents, verdicts, sums }
    }

    /// Counts one more intent as allowed, before the next of `account`; `first` is the first that was.
    #[inline]
    pub(crate) fn add(&mut self, account: AccountId, intent: &Intent, first: &Intent) {
        self.value = self.value.saturating_add(intent.value);
        if intent.account == account {
            self.batch_value = self.batch_value.saturating_add(intent.value);
        }
        self.seen |= mark(&intent.purpose);
        self.mixed = self.mixed || !intent.purpose.is_of(first.purpose.line());
        self.transfers |= intent.actions.iter().any(|action| matches!(action, Action::Transfer { .. }));
    }

    /// Whether any of them may be for this; where not, none is.
    #[inline]
    pub fn may_have(&self, purpose: Purpose) -> bool {
        self.seen & mark(&purpose) != 0
    }

    /// Whether all of them are of this strategy or budget line.
    #[inline]
    pub(crate) fn is_all_of(&self, line: B256) -> bool {
        !self.mixed && self.first.is_none_or(|first| first.purpose.is_of(line))
    }

    /// What they come to for `asset`, where somebody keeps count of it.
    #[inline]
    pub(crate) fn sum(&self, asset: AssetId) -> Option<Sum> {
        self.sums.map(|sums| sums.of(asset))
    }

    /// What they come to in value for `assets` together, where somebody keeps count of it.
    pub(crate) fn sum_of(&self, assets: impl Iterator<Item = AssetId>) -> Option<Sum> {
        let sums = self.sums?;
        Some(assets.fold(Sum::default(), |sum, asset| sum.with(sums.of(asset))))
    }

    /// Whether any of the intents allowed so far is a transfer.
    #[inline]
    pub(crate) fn has_transfers(&self) -> bool {
        self.transfers
    }

    /// Whether there is no intent before.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty()
    }

    /// The intents allowed so far, in order.
    #[inline]
    pub fn allowed(&self) -> impl Iterator<Item = &'a Intent> + use<'a> {
        let verdicts = self.verdicts;
        let refused = move |position: usize| verdicts.get(position).is_some_and(|verdict| !verdict.is_allowed());
        self.intents.iter().enumerate().filter(move |(position, _)| !refused(*position)).map(|(_, intent)| intent)
    }

    /// [`Tally::received_min`] and [`Tally::spent`] in one walk.
    pub(crate) fn received_and_spent(&self, account: AccountId, asset: AssetId) -> (Amount, Amount) {
        if let Some(sums) = self.sums.filter(|sums| sums.account == Some(account)) {
            let Sum { received, spent, .. } = sums.of(asset);
            return (received, spent);
        }
        let (mut received, mut spent) = (Amount::ZERO, Amount::ZERO);
        for intent in self.allowed().filter(|intent| intent.account == account) {
            for action in &intent.actions {
                match (action, action.exchange()) {
                    (_, Some(exchange)) => {
                        if exchange.take == asset {
                            received = received.saturating_add(exchange.amount_out_min);
                        }
                        if exchange.give == asset {
                            spent = spent.saturating_add(exchange.amount_in);
                        }
                    }
                    (Action::Transfer { asset: given, amount, .. }, None) if *given == asset => {
                        spent = spent.saturating_add(*amount);
                    }
                    _ => {}
                }
            }
        }
        (received, spent)
    }

    /// What they take of `asset` from `account`, saturating.
    pub fn spent(&self, account: AccountId, asset: AssetId) -> Amount {
        self.received_and_spent(account, asset).1
    }

    /// What exchanges of `account` bring it of `asset` at least, saturating. What other accounts send it does not count:
    /// that is another batch.
    pub fn received_min(&self, account: AccountId, asset: AssetId) -> Amount {
        self.received_and_spent(account, asset).0
    }

    /// What transfers bring the account at `to` of `asset`. It cannot be spent yet: what other accounts send is another
    /// batch. But nobody should send it twice.
    pub fn incoming(&self, to: Address, asset: AssetId) -> Amount {
        let amount = |action: &Action| match action {
            Action::Transfer { asset: sent, to: receiver, amount } if *sent == asset && *receiver == to => *amount,
            _ => Amount::ZERO,
        };
        let actions = self.allowed().flat_map(|intent| &intent.actions);
        actions.fold(Amount::ZERO, |sum, action| sum.saturating_add(amount(action)))
    }

    /// What they wrap of the coin of `account`, saturating.
    pub fn wrapped(&self, account: AccountId) -> Amount {
        let own = self.allowed().filter(|intent| intent.account == account).flat_map(|intent| &intent.actions);
        own.fold(Amount::ZERO, |sum, action| match action {
            Action::Wrap { amount, .. } => sum.saturating_add(*amount),
            _ => sum,
        })
    }

    /// Value of the intents that pay the counterparty at `to`: those of `account` alone, and all of them; saturating.
    pub fn paid_to(&self, to: Address, account: AccountId) -> (Value, Value) {
        let (mut own, mut all) = (Value::ZERO, Value::ZERO);
        for intent in self.allowed().filter(|intent| intent.counterparty == to) {
            all = all.saturating_add(intent.value);
            own = if intent.account == account { own.saturating_add(intent.value) } else { own };
        }
        (own, all)
    }

    /// Value of the intents of `line` for `account`, saturating.
    pub fn line_value(&self, account: AccountId, line: B256) -> Value {
        let own = self.allowed().filter(|intent| intent.account == account && intent.purpose.is_of(line));
        own.fold(Value::ZERO, |sum, intent| sum.saturating_add(intent.value))
    }
}

/// One of 64 bits: two purposes with different ones differ.
#[inline]
fn mark(purpose: &Purpose) -> u64 {
    let number = match *purpose {
        Purpose::Payment { period, .. } => period,
        Purpose::Strategy { leg, .. } => u64::from(leg),
    };
    1 << (number % 64)
}

/// What allowed intents come to by asset: kept while a decision is judged, so that each intent is judged without a walk over
/// those before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// Whose amounts are counted.
    account: Option<AccountId>,
    /// In the order of the assets.
    of: Vec<Sum>,
}

/// Of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    /// What exchanges bring the account at least, saturating.
    received: Amount,
    /// What is taken from the account, saturating.
    spent: Amount,
    /// Value that exchanges of all accounts bring of it, saturating.
    gained: Value,
    /// Value of it that exchanges of all accounts give, and transfers take out of the treasury, saturating.
    lost: Value,
}

impl Sum {
    /// The values together with those of another asset; amounts of two assets are no sum.
    fn with(self, other: Self) -> Self {
        let (gained, lost) = (self.gained.saturating_add(other.gained), self.lost.saturating_add(other.lost));
        Self { gained, lost, ..Self::default() }
    }

    /// `held` after it; `None` when a number has left its range.
    #[inline]
    pub(crate) fn after(self, held: Value) -> Option<Value> {
        let is_known = self.gained.0 != u128::MAX && self.lost.0 != u128::MAX;
        if is_known { Some(held.checked_add(self.gained)?.saturating_sub(self.lost)) } else { None }
    }
}

impl Sums {
    #[inline]
    fn of(&self, asset: AssetId) -> Sum {
        self.of.get(asset.index()).copied().unwrap_or_default()
    }

    /// Begins anew with so many assets, and with the amounts of `account`. What is said of other assets is not counted: no
    /// judge allows it.
    pub(crate) fn restart(&mut self, assets: usize, account: AccountId) {
        self.account = Some(account);
        self.of.clear();
        self.of.resize(assets, Sum::default());
    }

    /// Counts one more intent as allowed.
    #[inline]
    pub(crate) fn add(&mut self, cx: &Context<'_>, intent: &Intent) {
        let is_own = self.account == Some(intent.account);
        for action in &intent.actions {
            let (give, amount, take, is_lost) = match *action {
                Action::Approve { .. } | Action::Delegate { .. } | Action::Wrap { .. } => continue,
                Action::Transfer { asset, to, amount } => {
                    (asset, amount, None, !crate::valuation::is_own(&cx.terms.accounts, to))
                }
                Action::Swap { .. } | Action::Deposit { .. } | Action::Redeem { .. } => match action.exchange() {
                    Some(it) => (it.give, it.amount_in, Some((it.take, it.amount_out_min)), it.take != it.give),
                    None => continue,
                },
            };
            let worth = if is_lost { intent.worth(cx, give, amount).unwrap_or(Value(u128::MAX)) } else { Value::ZERO };
            if let Some(sum) = self.of.get_mut(give.index()) {
                sum.lost = sum.lost.saturating_add(worth);
                if is_own {
                    sum.spent = sum.spent.saturating_add(amount);
                }
            }
            if let Some((take, least)) = take
                && let Some(sum) = self.of.get_mut(take.index())
            {
                sum.gained = sum.gained.saturating_add(worth);
                if is_own {
                    sum.received = sum.received.saturating_add(least);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
