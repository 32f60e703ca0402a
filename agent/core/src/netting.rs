//! No two strategies of one decision work against each other: the earlier one of the policy has its way.
//!
//! An asset that a strategy buys on net, by swaps, deposits and redemptions, is not sold by a later one in the same
//! decision, and one that it sells on net is not bought; nor does a later one send back what an earlier one sends to
//! another account. Within a strategy sales may pay for buys, which is why only net directions count. What a later
//! strategy may not do now it may do at the next decision, on balances that the earlier one has left.

use crate::{AccountId, Action, AssetId, Intent, Outlook, Value, pipeline::Context, snapshot::Tally};
use alloy_primitives::{Address, B256};
use std::cmp::Ordering;

impl Outlook<'_> {
    /// The asset with which an exchange by `line` of `give` for `take` would work against the strategies before it; `None`
    /// when it does not. A sum that leaves its range counts as one that does.
    #[inline]
    pub fn opposed_exchange(&self, line: B256, give: AssetId, take: AssetId) -> Option<AssetId> {
        if self.tally().is_empty() { None } else { self.opposed_by_others(line, give, take) }
    }

    fn opposed_by_others(&self, line: B256, give: AssetId, take: AssetId) -> Option<AssetId> {
        let others = || self.tally().allowed().filter(move |intent| !intent.purpose.is_of(line));
        others().next()?;
        let net = |asset: AssetId| {
            let (mut bought, mut sold) = (Value::ZERO, Value::ZERO);
            for intent in others() {
                for exchange in intent.actions.iter().filter_map(Action::exchange) {
                    if exchange.take == asset {
                        bought = bought.checked_add(intent.value)?;
                    }
                    if exchange.give == asset {
                        sold = sold.checked_add(intent.value)?;
                    }
                }
            }
            Some(bought.cmp(&sold))
        };
        match (net(give), net(take)) {
            (None | Some(Ordering::Greater), _) => Some(give),
            (_, None | Some(Ordering::Less)) => Some(take),
            _ => None,
        }
    }

    /// Whether `line` would send back `asset`, which a strategy before it sends from the account at `to` to `from`.
    pub fn is_opposed_transfer(&self, line: B256, from: AccountId, to: Address, asset: AssetId) -> bool {
        let terms = self.context().terms;
        let back = |intent: &Intent| {
            let returns = |action: &Action| match *action {
                Action::Transfer { asset: sent, to: receiver, .. } => {
                    sent == asset && terms.account_at(receiver) == Some(from)
                }
                _ => false,
            };
            !intent.purpose.is_of(line)
                && terms.account_at(to) == Some(intent.account)
                && intent.actions.iter().any(returns)
        };
        self.tally().allowed().any(back)
    }
}

/// The asset with which `intent` works against the strategies of `tally`.
pub(crate) fn opposed(cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Option<AssetId> {
    let line = intent.purpose.line();
    if tally.is_all_of(line) {
        return None;
    }
    let outlook = Outlook::new(cx, *tally);
    intent.actions.iter().find_map(|action| match (*action, action.exchange()) {
        (_, Some(exchange)) => outlook.opposed_exchange(line, exchange.give, exchange.take),
        (Action::Transfer { asset, to, .. }, _) => {
            outlook.is_opposed_transfer(line, intent.account, to, asset).then_some(asset)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
