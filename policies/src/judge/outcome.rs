//! What a batch leaves behind, by the balances that its dry run found.

use super::{
    Flow, Lookup,
    intent::{Move, moved},
    refuse,
    shares::{compare_share, compare_shares},
};
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, Amount, AssetId, AssetKind, Intent, Rule, Terms, Value,
    action::INTENTS_PER_DECISION_MAX,
    pipeline::Context,
    verdict::{InputName, Quantity},
};
use std::{
    cmp::Ordering,
    ops::ControlFlow::{Break, Continue},
};

/// Judges the balances of `after`, which `intents` led to from `before`; both at the same prices.
pub(crate) fn judge(
    terms: &Terms,
    lookup: &Lookup,
    before: &Context<'_>,
    after: &Context<'_>,
    intents: &[Intent],
) -> Flow {
    let outcome = Outcome { terms, lookup, before, after, intents };
    outcome.balances()?;
    outcome.loss()?;
    outcome.bands()?;
    outcome.stable_share()
}

/// What an intent takes from an account and brings to one: of which asset, and how much.
struct Moved {
    spent: (AccountId, AssetId, Amount),
    received: Option<(AccountId, AssetId, Amount)>,
}

impl Moved {
    /// Adds what it brings to and takes from `account` of `asset`, saturating.
    #[inline]
    fn count(&self, account: AccountId, asset: AssetId, (incoming, outgoing): &mut (u128, u128)) {
        if (self.spent.0, self.spent.1) == (account, asset) {
            *outgoing = outgoing.saturating_add(self.spent.2.0);
        }
        if let Some((to, received, amount)) = self.received
            && (to, received) == (account, asset)
        {
            *incoming = incoming.saturating_add(amount.0);
        }
    }
}

struct Outcome<'a> {
    terms: &'a Terms,
    lookup: &'a Lookup,
    before: &'a Context<'a>,
    after: &'a Context<'a>,
    intents: &'a [Intent],
}

impl Outcome<'_> {
    /// Nothing fell but what was spent, and everything that was due came in.
    fn balances(&self) -> Flow {
        let flows = self.flows()?;
        for account in (0..self.terms.accounts.len()).filter_map(|index| u16::try_from(index).ok().map(AccountId)) {
            for asset in (0..self.terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId)) {
                let mut due = (self.before.balance(account, asset).0, 0u128);
                for flow in &flows {
                    flow.count(account, asset, &mut due);
                }
                let (least, found) = (Amount(due.0.saturating_sub(due.1)), self.after.balance(account, asset));
                if found < least {
                    let inputs =
                        [(InputName::Account, Quantity::Account(account)), (InputName::Asset, Quantity::Asset(asset))];
                    let (limit, found) = (Quantity::Amount(least), Quantity::Amount(found));
                    return refuse(self.before, Rule::IntentMatchesActions, limit, found, &inputs);
                }
            }
        }
        Continue(())
    }

    /// What each intent moves; no batch has more intents than a decision.
    fn flows(&self) -> Flow<ArrayVec<Moved, INTENTS_PER_DECISION_MAX>> {
        let mut flows = ArrayVec::new();
        for intent in self.intents {
            let spent = (intent.account, intent.asset, intent.amount);
            let received = match moved(self.lookup, intent) {
                Continue(Move::Own) => {
                    self.terms.account_at(intent.counterparty).map(|to| (to, intent.asset, intent.amount))
                }
                Continue(Move::Exchange { buy, least }) => Some((intent.account, buy, least)),
                Continue(Move::Payment) => None,
                Break(()) => {
                    let found = Quantity::Count(u64::try_from(intent.actions.len()).unwrap_or(u64::MAX));
                    return refuse(self.before, Rule::IntentMatchesActions, Quantity::Count(1), found, &[]);
                }
            };
            if flows.try_push(Moved { spent, received }).is_err() {
                let count = |number| Quantity::Count(u64::try_from(number).unwrap_or(u64::MAX));
                let (limit, found) = (count(INTENTS_PER_DECISION_MAX), count(self.intents.len()));
                return refuse(self.before, Rule::IntentsMax, limit, found, &[]);
            }
        }
        Continue(flows)
    }

    /// NAV fell by no more than payments to others and the allowed slippage of what was swapped.
    fn loss(&self) -> Flow {
        let (mut swapped, mut paid) = (0u128, 0u128);
        for intent in self.intents {
            match moved(self.lookup, intent) {
                Continue(Move::Exchange { .. }) => swapped = swapped.saturating_add(intent.value.0),
                Continue(Move::Payment) => paid = paid.saturating_add(intent.value.0),
                Continue(Move::Own) | Break(()) => {}
            }
        }
        let bps = self.terms.limits.slippage_bps_max;
        let slipped = if bps == u64::MAX { swapped } else { Value(swapped).share(bps).unwrap_or(Value::ZERO).0 };
        // Each value was rounded down by less than one smallest unit.
        let rounding = u128::try_from(self.terms.assets.len().saturating_add(self.intents.len())).unwrap_or_default();
        let allowed = paid.saturating_add(slipped).saturating_add(rounding);
        let (nav, left) = (self.before.valuation.nav, self.after.valuation.nav);
        let lost = nav.0.saturating_sub(left.0);
        if lost <= allowed {
            return Continue(());
        }
        let inputs = [
            (InputName::Nav, Quantity::Value(nav)),
            (InputName::BatchValue, Quantity::Value(Value(swapped.saturating_add(paid)))),
        ];
        let (limit, found) = (Quantity::Value(Value(allowed)), Quantity::Value(Value(lost)));
        refuse(self.before, Rule::SlippageBpsMax, limit, found, &inputs)
    }

    /// What was sold or bought is inside its band, or nearer to it than before. Shares that only moved because the
    /// treasury as a whole became smaller are not the batch's doing.
    fn bands(&self) -> Flow {
        for intent in self.intents {
            if let Continue(Move::Exchange { buy, .. }) = moved(self.lookup, intent) {
                self.band(intent.asset)?;
                self.band(buy)?;
            }
        }
        Continue(())
    }

    fn band(&self, asset: AssetId) -> Flow {
        let Some(band) = self.lookup.band(asset) else { return Continue(()) };
        let (value, nav) = (self.after.valuation.value_of(asset), self.after.valuation.nav);
        let (value_before, nav_before) = (self.before.valuation.value_of(asset), self.before.valuation.nav);
        let moved = compare_shares(value, nav, value_before, nav_before);
        if compare_share(value, nav, band.min_bps) == Ordering::Less && moved == Ordering::Less {
            return self.outside(Rule::AllocationMin, Some(asset), band.min_bps, value.bps_of(nav));
        }
        if compare_share(value, nav, band.max_bps) == Ordering::Greater && moved == Ordering::Greater {
            return self.outside(Rule::AllocationMax, Some(asset), band.max_bps, value.bps_of_ceil(nav));
        }
        Continue(())
    }

    fn stable_share(&self) -> Flow {
        let floor = self.terms.limits.stable_share_bps_min;
        let (stable, nav) = (self.after.valuation.stable, self.after.valuation.nav);
        let (stable_before, nav_before) = (self.before.valuation.stable, self.before.valuation.nav);
        // Who leaves one stable asset for another does not leave stable assets: what slips there is bounded as a loss.
        let slipped = self.slipped_among_stables();
        let [kept, kept_nav] = [stable, nav].map(|value| Value(value.0.saturating_add(slipped)));
        let below = compare_share(kept, kept_nav, floor) == Ordering::Less;
        if below && compare_shares(kept, kept_nav, stable_before, nav_before) == Ordering::Less {
            return self.outside(Rule::StableShareBpsMin, None, floor, stable.bps_of(nav));
        }
        Continue(())
    }

    /// Most that the exchanges of a stable asset for another may lose.
    fn slipped_among_stables(&self) -> u128 {
        let is_stable = |asset| self.terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable);
        let bps = self.terms.limits.slippage_bps_max;
        let lost = |intent: &Intent| match moved(self.lookup, intent) {
            Continue(Move::Exchange { buy, .. }) if is_stable(intent.asset) && is_stable(buy) => {
                intent.value.share(bps).unwrap_or(Value::ZERO).0
            }
            _ => 0,
        };
        self.intents.iter().map(lost).fold(0, u128::saturating_add)
    }

    fn outside(&self, rule: Rule, asset: Option<AssetId>, limit: u64, found: Option<u64>) -> Flow {
        let nav = (InputName::Nav, Quantity::Value(self.after.valuation.nav));
        let found = Quantity::Bps(found.unwrap_or(u64::MAX));
        match asset {
            Some(asset) => {
                let inputs = [(InputName::Asset, Quantity::Asset(asset)), nav];
                refuse(self.before, rule, Quantity::Bps(limit), found, &inputs)
            }
            None => refuse(self.before, rule, Quantity::Bps(limit), found, &[nav]),
        }
    }
}
