//! What a batch leaves behind, by the balances that its dry run found.

use super::{
    Flow, Lookup,
    intent::{Move, moved},
    parts, refuse,
    shares::{compare_share, compare_shares},
};
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, Amount, AssetId, Intent, Rule, Terms, Value,
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
    let (mut dues, mut totals) = (Dues::new(), Totals::default());
    outcome.count(&mut dues, &mut totals)?;
    outcome.balances(&dues)?;
    outcome.loss(&totals)?;
    let worth = outcome.worth(&totals);
    outcome.bands(worth, totals.wrapped)?;
    parts::of_outcome(lookup, (before, after), worth, intents, |value| outcome.slipped(value))?;
    outcome.stable_share(&totals)
}

/// What intents bring to an account and take from it, of one asset.
struct Due {
    /// [`key`] of the two.
    key: u32,
    account: AccountId,
    asset: AssetId,
    /// At least, base units, saturating.
    incoming: u128,
    /// Base units, saturating.
    outgoing: u128,
}

/// Both numbers in one, so that two balances are told apart at once.
#[inline]
fn key(account: AccountId, asset: AssetId) -> u32 {
    u32::from(account.0) << u16::BITS | u32::from(asset.0)
}

/// No batch has more intents than a decision, and each touches two balances at most.
type Dues = ArrayVec<Due, { 2 * INTENTS_PER_DECISION_MAX }>;

/// Value that intents move, wad, saturating.
#[derive(Default)]
struct Totals {
    exchanged: u128,
    paid: u128,
    /// What Aave may round away.
    rounded: u128,
    /// What was there as the coin of the chain, and counts only from now on.
    wrapped: u128,
    /// What of the exchanged is stable and given for a stable asset.
    among_stables: u128,
}

/// The entry of this balance; there is room for every one.
#[inline]
fn due(dues: &mut Dues, account: AccountId, asset: AssetId) -> Option<&mut Due> {
    let key = key(account, asset);
    let place = match dues.iter().position(|due| due.key == key) {
        Some(place) => place,
        None => {
            dues.try_push(Due { key, account, asset, incoming: 0, outgoing: 0 }).ok()?;
            dues.len().checked_sub(1)?
        }
    };
    dues.get_mut(place)
}

struct Outcome<'a> {
    terms: &'a Terms,
    lookup: &'a Lookup,
    before: &'a Context<'a>,
    after: &'a Context<'a>,
    intents: &'a [Intent],
}

impl Outcome<'_> {
    /// What the intents move, by balance and in all.
    fn count(&self, dues: &mut Dues, totals: &mut Totals) -> Flow {
        if self.intents.len() > INTENTS_PER_DECISION_MAX {
            let count = |number| Quantity::Count(u64::try_from(number).unwrap_or(u64::MAX));
            let (limit, found) = (count(INTENTS_PER_DECISION_MAX), count(self.intents.len()));
            return refuse(self.before, Rule::IntentsMax, limit, found, &[]);
        }
        for intent in self.intents {
            let value = intent.value.0;
            let received = match moved(self.lookup, intent) {
                Continue(Move::Own) => {
                    self.terms.account_at(intent.counterparty).map(|to| (to, intent.asset, intent.amount))
                }
                Continue(Move::Exchange { venue, buy, least }) => {
                    totals.exchanged = totals.exchanged.saturating_add(value);
                    if self.lookup.has_reserves() {
                        let (_, rounding) = self.terms.loss_max(venue);
                        totals.rounded = totals.rounded.saturating_add(self.rounded(rounding, intent.asset, buy));
                    }
                    if self.lookup.is_stable(intent.asset) && self.lookup.is_stable(buy) {
                        totals.among_stables = totals.among_stables.saturating_add(self.slipped(intent.value));
                    }
                    Some((intent.account, buy, least))
                }
                Continue(Move::Delegation) => continue,
                Continue(Move::Wrap { amount }) => {
                    let worth = self.before.value_of(intent.asset, amount).unwrap_or(Value::ZERO);
                    totals.wrapped = totals.wrapped.saturating_add(worth.0);
                    Some((intent.account, intent.asset, amount))
                }
                Continue(Move::Payment) => {
                    totals.paid = totals.paid.saturating_add(value);
                    None
                }
                Break(()) => {
                    let found = Quantity::Count(u64::try_from(intent.actions.len()).unwrap_or(u64::MAX));
                    return refuse(self.before, Rule::IntentMatchesActions, Quantity::Count(1), found, &[]);
                }
            };
            if let Some(due) = due(dues, intent.account, intent.asset) {
                let rounding = self.rounding_of(intent.asset);
                due.outgoing = due.outgoing.saturating_add(intent.amount.0).saturating_add(rounding.0);
            }
            let to_own = received.is_some_and(|(_, asset, _)| asset == intent.asset);
            if let Some((to, asset, amount)) = received
                && let Some(due) = due(dues, to, asset)
            {
                // What an exchange brings at least is said with its rounding.
                let moved = if to_own { amount.saturating_sub(self.rounding_of(asset)) } else { amount };
                due.incoming = due.incoming.saturating_add(moved.0);
            }
        }
        Continue(())
    }

    /// Nothing fell but what was spent, and everything that was due came in.
    fn balances(&self, dues: &Dues) -> Flow {
        for due in dues {
            let before = self.before.balance(due.account, due.asset);
            let least = before.0.saturating_add(due.incoming).saturating_sub(due.outgoing);
            self.at_least(due.account, due.asset, Amount(least))?;
        }
        for (index, before) in self.before.snapshot.accounts.iter().enumerate() {
            let after = self.after.snapshot.accounts.get(index);
            let after = after.map(|account| account.balances.as_slice()).unwrap_or_default();
            for (asset, before) in before.balances.iter().enumerate() {
                // What is not said is nothing.
                if after.get(asset).is_some_and(|after| after >= before) {
                    continue;
                }
                let ids = u16::try_from(index).ok().map(AccountId).zip(u16::try_from(asset).ok().map(AssetId));
                let Some((account, asset)) = ids else { continue };
                if !dues.iter().any(|due| due.key == key(account, asset)) {
                    self.at_least(account, asset, *before)?;
                }
            }
        }
        Continue(())
    }

    #[inline]
    fn at_least(&self, account: AccountId, asset: AssetId, least: Amount) -> Flow {
        let found = self.after.balance(account, asset);
        if found >= least {
            return Continue(());
        }
        let inputs = [(InputName::Account, Quantity::Account(account)), (InputName::Asset, Quantity::Asset(asset))];
        let (limit, found) = (Quantity::Amount(least), Quantity::Amount(found));
        refuse(self.before, Rule::IntentMatchesActions, limit, found, &inputs)
    }

    /// NAV before, with what was there as the coin of the chain.
    fn nav_before(&self, wrapped: u128) -> Value {
        self.before.valuation.nav.saturating_add(Value(wrapped))
    }

    /// By how much a balance of `asset` may miss what moved.
    #[inline]
    fn rounding_of(&self, asset: AssetId) -> Amount {
        if self.lookup.has_reserves() { self.terms.rounding_of(asset) } else { Amount::ZERO }
    }

    /// What is missing where both sides of an exchange are rounded so.
    fn rounded(&self, rounding: Amount, give: AssetId, take: AssetId) -> u128 {
        let worth = |asset| self.before.value_of(asset, rounding).unwrap_or(Value::ZERO).0;
        worth(give).saturating_add(worth(take))
    }

    /// Most that an exchange of this value may lose.
    fn slipped(&self, value: Value) -> u128 {
        value.share(self.terms.limits.slippage_bps_max).unwrap_or(Value::ZERO).0
    }

    /// NAV fell by no more than payments to others and the allowed slippage of what was swapped.
    fn loss(&self, totals: &Totals) -> Flow {
        let Totals { exchanged, paid, rounded, wrapped, .. } = *totals;
        let is_unbounded = self.terms.limits.slippage_bps_max == u64::MAX;
        let slipped = if is_unbounded { exchanged } else { self.slipped(Value(exchanged)) };
        // Each value was rounded down by less than one smallest unit.
        let rounding = u128::try_from(self.terms.assets.len().saturating_add(self.intents.len())).unwrap_or_default();
        let allowed = paid.saturating_add(slipped).saturating_add(rounded).saturating_add(rounding);
        let (nav, left) = (self.nav_before(wrapped), self.after.valuation.nav);
        let lost = nav.0.saturating_sub(left.0);
        if lost <= allowed {
            return Continue(());
        }
        let inputs = [
            (InputName::Nav, Quantity::Value(nav)),
            (InputName::BatchValue, Quantity::Value(Value(exchanged.saturating_add(paid)))),
        ];
        let (limit, found) = (Quantity::Value(Value(allowed)), Quantity::Value(Value(lost)));
        refuse(self.before, Rule::SlippageBpsMax, limit, found, &inputs)
    }

    /// What greatest shares are shares of: NAV before what exchanges have lost. What is bought up to its greatest share is not
    /// above it because another exchange of the batch brings a little less.
    fn worth(&self, totals: &Totals) -> Value {
        let (nav, left) = (self.nav_before(totals.wrapped), self.after.valuation.nav);
        left.max(Value(nav.0.saturating_sub(totals.paid)))
    }

    /// What was sold or bought is inside its band, or nearer to it than before. Shares that only moved because the
    /// treasury as a whole became smaller are not the batch's doing.
    fn bands(&self, worth: Value, wrapped: u128) -> Flow {
        if !self.lookup.has_bands() {
            return Continue(());
        }
        for intent in self.intents {
            if let Continue(Move::Exchange { buy, .. }) = moved(self.lookup, intent) {
                self.band(intent.asset, worth, wrapped)?;
                self.band(buy, worth, wrapped)?;
            }
        }
        Continue(())
    }

    fn band(&self, asset: AssetId, worth: Value, wrapped: u128) -> Flow {
        let Some(band) = self.lookup.band(asset) else { return Continue(()) };
        let (value, nav) = (self.after.valuation.value_of(asset), self.after.valuation.nav);
        let coin = if self.terms.wrapped_coin == Some(asset) { wrapped } else { 0 };
        let value_before = self.before.valuation.value_of(asset).saturating_add(Value(coin));
        let nav_before = self.nav_before(wrapped);
        let moved = |whole| compare_shares(value, whole, value_before, nav_before);
        if compare_share(value, nav, band.min_bps) == Ordering::Less && moved(nav) == Ordering::Less {
            return self.outside(Rule::AllocationMin, Some(asset), band.min_bps, value.bps_of(nav));
        }
        if compare_share(value, worth, band.max_bps) == Ordering::Greater && moved(worth) == Ordering::Greater {
            return self.outside(Rule::AllocationMax, Some(asset), band.max_bps, value.bps_of_ceil(worth));
        }
        Continue(())
    }

    /// Who leaves one stable asset for another does not leave stable assets: what slips there, `among_stables`, is bounded as
    /// a loss.
    fn stable_share(&self, totals: &Totals) -> Flow {
        let Totals { among_stables, wrapped, .. } = *totals;
        let floor = self.terms.limits.stable_share_bps_min;
        if floor == 0 {
            return Continue(());
        }
        let (stable, nav) = (self.after.valuation.stable, self.after.valuation.nav);
        let (stable_before, nav_before) = (self.before.valuation.stable, self.nav_before(wrapped));
        let [kept, kept_nav] = [stable, nav].map(|value| Value(value.0.saturating_add(among_stables)));
        let below = compare_share(kept, kept_nav, floor) == Ordering::Less;
        if below && compare_shares(kept, kept_nav, stable_before, nav_before) == Ordering::Less {
            return self.outside(Rule::StableShareBpsMin, None, floor, stable.bps_of(nav));
        }
        Continue(())
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
