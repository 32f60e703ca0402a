//! A swap as an intent: through which pool, and with which least output.

use alloy_primitives::Address;
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, Action, Amount, AssetId, AssetKind, Intent, Outlook, Purpose, Route, Terms, Value, VenueId, VenueKind,
    amount::BPS_ONE, decision::amount_out_min, pipeline::Context, policy::PartShare, strategy::Params,
};

/// A pool of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// The venue that trades it.
    pub venue: VenueId,
    /// The venue's contract.
    pub address: Address,
    /// Its fee in hundredths of a basis point.
    pub fee_pips: u32,
}

impl Market {
    /// The pool of `a` and `b` with the lowest fee; of equal ones the first that the policy lists.
    pub fn cheapest(terms: &Terms, a: AssetId, b: AssetId) -> Option<Self> {
        let mut best: Option<Self> = None;
        for (position, venue) in terms.venues.iter().enumerate() {
            if venue.kind != VenueKind::UniswapV3 {
                continue;
            }
            let joins = |pool: &&quaestor_core::Pool| (pool.a, pool.b) == (a, b) || (pool.a, pool.b) == (b, a);
            for pool in venue.pools.iter().filter(joins) {
                if best.is_none_or(|found| pool.fee_pips < found.fee_pips) {
                    let id = VenueId(u16::try_from(position).ok()?);
                    best = Some(Self { venue: id, address: venue.address, fee_pips: pool.fee_pips });
                }
            }
        }
        best
    }

    /// The same, as a problem of `key` where there is none.
    pub fn required(params: &mut Params<'_>, key: &str, a: AssetId, b: AssetId) -> Option<Self> {
        let found = Self::cheapest(params.terms(), a, b);
        if found.is_none() {
            let symbol = |id| params.terms().asset(id).map_or("", |asset| asset.symbol.as_str());
            let message = format!(
                "no pool of this policy joins {} and {}; list one at a venue or write another asset",
                symbol(a),
                symbol(b)
            );
            params.problem(key, message);
        }
        found
    }
}

/// What is to be swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The account that pays and receives.
    pub account: AccountId,
    /// What it is for.
    pub purpose: Purpose,
    /// Where.
    pub market: Market,
    /// What is given.
    pub sell: AssetId,
    /// What is received.
    pub buy: AssetId,
    /// Given, base units of `sell`.
    pub amount_in: Amount,
}

impl Order {
    /// An exact approval and the swap. `None` when an asset has no price, the policy bounds no slippage
    /// ([`is_bounded`]), or a number leaves its range.
    pub fn intent(&self, cx: &Context<'_>) -> Option<Intent> {
        let value = cx.value_of(self.sell, self.amount_in)?;
        Some(self.priced(value, least_output(cx, value, self.buy)?))
    }

    /// [`Order::intent`] at the end of `out`, without a copy on the way.
    #[inline]
    pub fn push(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Option<()> {
        self.push_within(cx, cx.terms.limits.slippage_bps_max, out)
    }

    /// The same of a swap that may lose so many bps at most; no judge allows more than the policy does.
    #[inline]
    pub fn push_within(&self, cx: &Context<'_>, loss_bps_max: u64, out: &mut Vec<Intent>) -> Option<()> {
        let value = cx.value_of(self.sell, self.amount_in)?;
        let amount_out_min = least_within(cx, value, self.buy, loss_bps_max)?;
        out.push(self.priced(value, amount_out_min));
        Some(())
    }

    /// The same where it is known already what `amount_in` is worth and that it must bring `amount_out_min`.
    #[inline]
    pub(crate) fn priced(&self, value: Value, amount_out_min: Amount) -> Intent {
        let Self { account, purpose, market, sell, buy, amount_in } = *self;
        let Market { venue, address, fee_pips } = market;
        let approve = Action::Approve { asset: sell, spender: venue, amount: amount_in };
        let swap = Action::Swap { venue, sell, buy, fee_pips, amount_in, amount_out_min };
        let mut actions = ArrayVec::new();
        actions.push(approve);
        actions.push(swap);
        Intent { account, purpose, asset: sell, counterparty: address, amount: amount_in, value, actions }
    }
}

/// The least that a swap of `value` must bring of `buy`: its worth at the oracle's price less the policy's greatest
/// slippage, rounded down. `None` as for [`Order::intent`].
#[inline]
pub fn least_output(cx: &Context<'_>, value: Value, buy: AssetId) -> Option<Amount> {
    least_within(cx, value, buy, cx.terms.limits.slippage_bps_max)
}

#[inline]
fn least_within(cx: &Context<'_>, value: Value, take: AssetId, loss_bps_max: u64) -> Option<Amount> {
    if !is_bounded(cx.terms) {
        return None;
    }
    amount_out_min(value, cx.prices.of(take)?, cx.terms.asset(take)?.unit(), loss_bps_max)
}

/// [`least_output`] of an exchange at `venue`, which may be bound to lose less.
pub fn least_at(cx: &Context<'_>, venue: VenueId, value: Value, take: AssetId) -> Option<Amount> {
    let (bps, rounding) = cx.terms.loss_max(venue);
    Some(least_within(cx, value, take, bps)?.saturating_sub(rounding))
}

/// Whether the policy bounds slippage. A swap that may return nothing is never wanted.
#[inline]
pub fn is_bounded(terms: &Terms) -> bool {
    u128::from(terms.limits.slippage_bps_max) < BPS_ONE
}

/// Reports what keeps `account` from trading under this policy. Every strategy that swaps asks this of its parameters.
pub fn check_trader(params: &mut Params<'_>, account: Option<AccountId>) {
    let governed = account.and_then(|id| params.terms().account(id)).is_some_and(|it| it.route != Route::Safe);
    if governed {
        // The gate refuses such a swap: it may execute long after the price that bounds it.
        params.problem("account", "is moved by a Governor, whose swaps execute too late for their price; name a Safe");
    }
    if !is_bounded(params.terms()) {
        params.problem("", "needs a bound on slippage; write `slippage_bps_max` below 10000 in the policy's limits");
    }
}

/// Most value that a swap may move from `sell` to `buy` so that neither leaves its band, no part of the treasury its share,
/// and the stable share stays at its least, after what `outlook` counts as done. `None` when a number leaves its range.
pub fn band_room(cx: &Context<'_>, outlook: &Outlook<'_>, sell: AssetId, buy: AssetId) -> Option<Value> {
    let nav = outlook.nav()?;
    let least = |bps: u64| least_share(nav, bps);
    let mut room = Value(u128::MAX);
    for band in &cx.terms.bands {
        if band.asset == sell {
            room = room.min(outlook.value_of(sell)?.saturating_sub(least(band.min_bps)?));
        }
        if band.asset == buy {
            room = room.min(nav.share(band.max_bps)?.saturating_sub(outlook.value_of(buy)?));
        }
    }
    for PartShare { part, min_bps, max_bps } in cx.terms.parts() {
        match (cx.terms.is_in(part, sell), cx.terms.is_in(part, buy)) {
            (true, false) => room = room.min(outlook.value_in(part)?.saturating_sub(least(min_bps)?)),
            (false, true) => room = room.min(nav.share(max_bps)?.saturating_sub(outlook.value_in(part)?)),
            _ => {}
        }
    }
    if is_stable(cx.terms, sell) && !is_stable(cx.terms, buy) {
        room = room.min(outlook.stable()?.saturating_sub(least(cx.terms.limits.stable_share_bps_min)?));
    }
    Some(room)
}

/// A least share of NAV, rounded up: one that is short by one smallest unit is short.
pub(crate) fn least_share(nav: Value, bps: u64) -> Option<Value> {
    if bps == 0 { Some(Value::ZERO) } else { nav.share(bps)?.checked_add(Value(1)) }
}

/// Whether `asset` is one that keeps the value of the quote currency.
pub fn is_stable(terms: &Terms, asset: AssetId) -> bool {
    terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable)
}
