//! What could be tried in a treasury: every kind of call that either policy might let pass, and how large.

use super::{
    treasury::Pair,
    world::{Call, Deed, World},
};
use alloy_primitives::{Address, B256};
use quaestor_core::{
    Amount, AssetId, AssetKind, Outlook, Terms, Value,
    amount::{BPS_ONE, WAD},
    pipeline::Context,
    policy::PartShare,
    snapshot::Tally,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most plans that are tried in one treasury.
const PLANS_MAX: usize = 48;
/// Most tokens, receivers and accounts that both list, and that one lists, of which plans are made.
const ALIKE_MAX: usize = 8;
/// Most sizes that are tried of one plan.
const SIZES_MAX: usize = 12;

/// More than the one and less than the other.
pub(super) type Size = (Value, Value);

/// A call without its amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan {
    pub(super) give: Address,
    pub(super) call: Call,
    pub(super) line: B256,
    /// Of a budget line, which of its periods.
    pub(super) period: Option<u64>,
}

/// What sort of plan it is; what leaves the treasury tells most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Payment,
    Exchange,
    Delegation,
    Wrap,
    OwnTransfer,
}

/// What a plan should have to do with, to be tried first.
#[derive(Debug, Clone, Default)]
pub(super) struct Focus {
    /// Tokens, accounts, counterparties, venues.
    pub(super) address: Option<Address>,
    /// The line of a strategy, or a budget line.
    pub(super) line: Option<B256>,
    /// Of a budget line, which of its periods.
    pub(super) period: Option<u64>,
    /// Whether only what has to do with it is tried.
    pub(super) only: bool,
    /// How much an exchange loses by its least output, twentieths of a per mille (half basis points).
    pub(super) lost_half_bps: u64,
}

impl Call {
    /// What is received for what is given.
    fn take(&self) -> Option<Address> {
        match *self {
            Self::Transfer { .. } | Self::Delegate { .. } | Self::Wrap => None,
            Self::Swap { take, .. } | Self::Deposit { take, .. } | Self::Redeem { take, .. } => Some(take),
        }
    }
}

impl Plan {
    /// Whether it has to do with what lies at an address.
    fn concerns(&self, address: Address) -> bool {
        let at = match self.call {
            Call::Transfer { to } | Call::Delegate { to } => [Some(to), None],
            Call::Wrap => [None, None],
            Call::Swap { router: venue, take, .. }
            | Call::Deposit { vault: venue, take }
            | Call::Redeem { vault: venue, take } => [Some(venue), Some(take)],
        };
        self.give == address || at.contains(&Some(address))
    }
}

impl Pair<'_> {
    /// The plans of `main`, those that have to do with the focus first, and of these what both policies list.
    pub(super) fn plans(&self, main: Address, focus: &Focus) -> Vec<Plan> {
        let line = focus.line.unwrap_or_else(|| self.line());
        let mut calls: Vec<(Address, Call)> = self.exchanges.keys().copied().collect();
        let own = self.accounts.iter().filter(|(account, _)| **account != main);
        let receivers: Vec<Address> = some(self.payees.iter(), focus).into_iter().chain(some(own, focus)).collect();
        for give in some(self.tokens.iter().map(|(token, it)| (token, &it.is_common)), focus) {
            calls.extend(receivers.iter().map(|to| (give, Call::Transfer { to: *to })));
        }
        let period = focus.period;
        let plans = calls.into_iter().map(|(give, call)| Plan { give, call, line, period });
        let is_meant = |plan: &Plan| focus.address.is_none_or(|address| plan.concerns(address) || address == main);
        // What is meant and listed by both comes first, and of that each kind in turn.
        let mut kinds: BTreeMap<(bool, usize, Kind), usize> = BTreeMap::new();
        let mut ranked: Vec<_> = plans
            .filter(|plan| !focus.only || is_meant(plan))
            .map(|plan| {
                let (unmeant, rank, kind) = (!is_meant(&plan), self.rank(&plan), self.kind(&plan));
                let turn = kinds.entry((unmeant, rank, kind)).or_default();
                *turn += 1;
                ((unmeant, rank, *turn, kind), plan)
            })
            .collect();
        ranked.sort_by_key(|(order, _)| *order);
        ranked.into_iter().take(PLANS_MAX).map(|(_, plan)| plan).collect()
    }

    fn kind(&self, plan: &Plan) -> Kind {
        match plan.call {
            Call::Transfer { to } if self.accounts.contains_key(&to) => Kind::OwnTransfer,
            Call::Transfer { .. } => Kind::Payment,
            Call::Delegate { .. } => Kind::Delegation,
            Call::Wrap => Kind::Wrap,
            Call::Swap { .. } | Call::Deposit { .. } | Call::Redeem { .. } => Kind::Exchange,
        }
    }

    /// How much of it only one policy lists.
    fn rank(&self, plan: &Plan) -> usize {
        let token = |address: &Address| self.tokens.get(address).is_some_and(|token| token.is_common);
        let there = match plan.call {
            Call::Transfer { to } => self.payees.get(&to).or_else(|| self.accounts.get(&to)) == Some(&true),
            Call::Swap { .. } | Call::Redeem { .. } | Call::Deposit { .. } | Call::Delegate { .. } | Call::Wrap => {
                self.exchanges.get(&(plan.give, plan.call)) == Some(&true)
            }
        };
        usize::from(!token(&plan.give))
            + plan.call.take().map_or(0, |take| usize::from(!token(&take)))
            + usize::from(!there)
    }
}

/// Of many things of a kind a few: what is meant, and some that both list and some that one does.
fn some<'a>(all: impl Iterator<Item = (&'a Address, &'a bool)>, focus: &Focus) -> Vec<Address> {
    let mut left = [ALIKE_MAX; 2];
    let mut kept = Vec::new();
    for (address, common) in all {
        let [both, one] = &mut left;
        let left = if *common { both } else { one };
        if *left > 0 || focus.address == Some(*address) {
            *left = left.saturating_sub(1);
            kept.push(*address);
        }
    }
    kept
}

/// Every exchange that a policy lists, with what it gives, and every delegation and wrapping, with its token.
pub(super) fn exchanges(terms: &Terms) -> BTreeSet<(Address, Call)> {
    let token = |asset| terms.asset(asset).map(|it| it.address).unwrap_or_default();
    let mut all = BTreeSet::new();
    for venue in &terms.venues {
        match venue.kind.vault() {
            None => {
                for pool in &venue.pools {
                    for (give, take) in [(pool.a, pool.b), (pool.b, pool.a)] {
                        let swap = Call::Swap { router: venue.address, take: token(take), fee_pips: pool.fee_pips };
                        all.insert((token(give), swap));
                    }
                }
            }
            Some((asset, shares)) => {
                let vault = venue.address;
                all.insert((token(asset), Call::Deposit { vault, take: token(shares) }));
                all.insert((token(shares), Call::Redeem { vault, take: token(asset) }));
            }
        }
    }
    all.extend(terms.wrapped_coin.map(|asset| (token(asset), Call::Wrap)));
    for listed in &terms.delegates {
        all.extend(listed.to.iter().map(|to| (token(listed.asset), Call::Delegate { to: *to })));
    }
    all
}

/// Where a policy turns from one verdict to the other as `plan` grows: values, as far as it knows what it is about.
/// `moved` is what another account moves in the same decision.
pub(super) fn turns(terms: &Terms, cx: &Context<'_>, main: Address, plan: &Plan, moved: Value) -> Vec<Value> {
    let asset = |address: Address| {
        let place = terms.assets.iter().position(|asset| asset.address == address)?;
        u16::try_from(place).ok().map(AssetId)
    };
    let (nav, limits) = (cx.valuation.nav, &terms.limits);
    let share = |bps: u64| if bps == u64::MAX { None } else { nav.share(bps) };
    let mut turns: Vec<Option<Value>> = vec![share(limits.proposal_bps_max), cx.share_cap(plan.line)];
    let windows = limits.window_bps_max.iter().zip(cx.windows);
    turns.extend(windows.map(|(bps, spent)| share(*bps).map(|cap| cap.saturating_sub(spent).saturating_sub(moved))));
    let give = asset(plan.give);
    if let (Some(give), Some(account)) = (give, terms.account_at(main)) {
        turns.push(cx.value_of(give, cx.balance(account, give)));
    }
    let is_stable = |asset: Option<AssetId>| {
        asset.and_then(|asset| terms.asset(asset)).is_some_and(|it| it.kind == AssetKind::Stable)
    };
    let band = |asset: Option<AssetId>| terms.bands.iter().find(|band| Some(band.asset) == asset);
    if let (Some(_), Some(line)) = (plan.period, terms.budget_line(plan.line)) {
        turns.push(cx.value_of(line.asset, line.amount));
    }
    if let Call::Transfer { to } = plan.call
        && let Some(capped) = terms.counterparty_at(to)
    {
        let paid = cx.history.paid_to(to, cx.snapshot.block.timestamp);
        let windows = capped.window_bps_max.iter().zip(paid);
        turns.push(share(capped.proposal_bps_max));
        turns.extend(windows.map(|(bps, paid)| share(*bps).map(|cap| cap.saturating_sub(paid))));
    }
    if let (Some(give), Some(Some(take))) = (give, plan.call.take().map(asset)) {
        turns.extend(parts(terms, cx, give, take));
    }
    let stable = cx.valuation.stable;
    let floor = limits.stable_share_bps_min;
    match plan.call.take().map(asset) {
        Some(take) => {
            if let (Some(band), Some(give)) = (band(give), give) {
                turns.push(share(band.min_bps).map(|least| cx.valuation.value_of(give).saturating_sub(least)));
            }
            if let (Some(band), Some(take)) = (band(take), take) {
                turns.push(share(band.max_bps).map(|most| most.saturating_sub(cx.valuation.value_of(take))));
            }
            if is_stable(give) && !is_stable(take) {
                turns.push(share(floor).map(|least| stable.saturating_sub(least)));
            }
        }
        None if is_stable(give) && floor < 10_000 => {
            // (stable - v) / (nav - v) is the floor.
            let kept = BPS_ONE.saturating_sub(u128::from(floor));
            let above = stable.saturating_sub(nav.share(floor).unwrap_or(Value::ZERO));
            turns.push(above.0.checked_mul(BPS_ONE).and_then(|scaled| scaled.checked_div(kept)).map(Value));
        }
        None => {}
    }
    turns.into_iter().flatten().filter(|value| !value.is_zero()).collect()
}

/// Where an exchange brings a part of the treasury to an end of its share.
fn parts(terms: &Terms, cx: &Context<'_>, give: AssetId, take: AssetId) -> Vec<Option<Value>> {
    let (nav, outlook) = (cx.valuation.nav, Outlook::new(cx, Tally::default()));
    let turn = |PartShare { part, min_bps, max_bps }: PartShare| {
        let held = outlook.value_in(part)?;
        match (terms.is_in(part, give), terms.is_in(part, take)) {
            (true, false) => nav.share(min_bps).map(|least| held.saturating_sub(least)),
            (false, true) => nav.share(max_bps).map(|most| most.saturating_sub(held)),
            _ => None,
        }
    };
    terms.parts().map(turn).collect()
}

/// Sizes of a plan that lie between the turns of all policies: those where not all turn alike, and the others.
pub(super) fn sizes(turns: &[Vec<Value>]) -> (Vec<Size>, Vec<Size>) {
    let mut all: Vec<Value> = turns.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let is_common = |value: &Value| value.is_zero() || turns.iter().all(|own| own.contains(value));
    let largest = all.last().copied().unwrap_or_default();
    // And one that is too large for everybody.
    let beyond = Value(largest.0.saturating_mul(2).max(2_000 * WAD));
    let ends: Vec<Value> = [Value::ZERO].into_iter().chain(all).chain([beyond]).collect();
    let between = ends.windows(2).filter_map(|pair| match pair {
        [least, most] => Some((*least, *most)),
        _ => None,
    });
    let (common, telling): (Vec<Size>, Vec<Size>) =
        between.partition(|(least, most)| is_common(least) && (is_common(most) || *most == beyond));
    (telling.into_iter().take(SIZES_MAX).collect(), common.into_iter().take(SIZES_MAX).collect())
}

/// A deed of `plan` worth something between two values, in a round number of tokens if there is one, at the prices of `cx`.
/// `None` where it has no price, or nothing lies between.
pub(super) fn deed(
    cx: &Context<'_>,
    main: Address,
    plan: &Plan,
    (least, most): Size,
    lost_half_bps: u64,
) -> Option<Deed> {
    let asset = |address: Address| {
        let place = cx.terms.assets.iter().position(|asset| asset.address == address)?;
        u16::try_from(place).ok().map(AssetId)
    };
    let give = asset(plan.give)?;
    if plan.call == Call::Wrap {
        let Plan { give, call, line, period } = *plan;
        return Some(Deed { account: main, line, period, give, call, amount: Amount(WAD), least: Amount::ZERO });
    }
    let amount = Amount(round_between(cx.amount_of(give, least)?.0, cx.amount_of(give, most)?.0)?);
    let out = match plan.call.take() {
        None => Amount::ZERO,
        Some(take) => {
            let value = cx.value_of(give, amount)?;
            let kept = (2 * BPS_ONE).checked_sub(u128::from(lost_half_bps))?;
            let kept = Value(value.0.checked_mul(kept)?.checked_div(2 * BPS_ONE)?);
            // Where the other side has no price here, anything will do.
            let least = asset(take).and_then(|take| cx.amount_of(take, kept)).unwrap_or(Amount(1));
            Amount(least.0.saturating_add(1))
        }
    };
    let Plan { give, call, line, period } = *plan;
    Some(Deed { account: main, line, period, give, call, amount, least: out })
}

/// The roundest number above `least` and below `most`, near the middle. `None` where there is none.
pub(super) fn round_between(least: u128, most: u128) -> Option<u128> {
    if most.checked_sub(least)? < 2 {
        return None;
    }
    let middle = least + (most - least) / 2;
    let mut step = 1u128;
    let mut best = middle;
    while let Some(next) = step.checked_mul(10) {
        let rounded = middle / next * next;
        let candidate = if rounded > least { rounded } else { rounded.saturating_add(next) };
        if candidate <= least || candidate >= most {
            break;
        }
        (best, step) = (candidate, next);
    }
    Some(best)
}

impl World {
    /// With a word on what is unusual about it.
    pub(super) fn noted(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_number_lies_strictly_between() {
        for (least, most, found) in [
            (0, 10, Some(5)),
            (49, 51, Some(50)),
            (500, 600, Some(550)),
            (123_456, 987_654, Some(500_000)),
            (5, 6, None),
        ] {
            assert_eq!(round_between(least, most), found, "{least} {most}");
        }
        assert_eq!(round_between(9, 9), None);
        assert_eq!(round_between(u128::MAX - 2, u128::MAX), Some(u128::MAX - 1));
    }
}
