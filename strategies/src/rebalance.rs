//! `rebalance`: back to the targets when an asset has left its band.
//!
//! Idea: where trading costs, there is a region around the best shares in which it is best not to trade (Davis and Norman,
//! "Portfolio Selection with Transaction Costs", Mathematics of Operations Research 15, 1990).
//!
//! Room under the caps is granted to the largest deviation first, of equal ones to the asset that the policy lists
//! first; a second pass grants buys what the sales granted meanwhile can pay. In the batch sales come before buys, and
//! after each of its swaps cash is within its band, each bounded part of the treasury within its share and the stable share
//! above its least, or nearer to it than before: whichever way a judge looks at the batch, those rules do not refuse it. So where cash has a tight band or caps are
//! tight, a rebalancing takes several decisions.

use crate::{
    rooms::{Granted, part_room},
    swap::{Market, Order, check_trader, least_output},
};
use alloy_primitives::B256;
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, Amount, AssetId, AssetKind, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms, Value,
    action::INTENTS_PER_DECISION_MAX,
    amount::{BPS_FACTOR, BPS_ONE},
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};
use std::cmp::Ordering;

/// The kind `rebalance`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "rebalance",
    summary: "When an asset's share of the treasury leaves its band, trades back to the targets: first sales for cash, \
              then buys with it.",
    build,
};

/// See [`SPEC`]. Trades only what its account holds; the shares are those of the whole treasury.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebalance {
    line: B256,
    account: AccountId,
    cash: AssetId,
    trade_min: Value,
    /// The pool of each asset with cash, in the order of the assets.
    markets: Vec<Option<Market>>,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, cash, trade_min) = (params.account("account"), params.asset("cash"), params.value("trade_min"));
    check_trader(params, account);
    if !params.terms().bands.iter().any(|band| Some(band.asset) != cash) {
        params.problem("", "finds no band to return to; give an asset beside `cash` a band with a target");
    }
    let trade_min = trade_min?;
    if trade_min.is_zero() {
        params.problem("trade_min", "is zero, so that it would trade dust; write such as `100 USD`");
    }
    let (account, cash) = (account?, cash?);
    let ids = (0..params.terms().assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
    let markets = ids.map(|asset| Market::cheapest(params.terms(), asset, cash)).collect();
    Some(Box::new(Rebalance { line: params.line(), account, cash, trade_min, markets }))
}

impl Strategy for Rebalance {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, cash) = (terms.name_of(self.account), terms.symbol_of(self.cash));
        vec![
            format!(
                "When the share of an asset has left its band, it trades with what {account} holds: what is above its \
                 target is sold for {cash}, what is below is bought with {cash}, the largest deviation first."
            ),
            format!("A trade worth less than {} waits.", words::sum(self.trade_min)),
        ]
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        if !any_outside(cx, &outlook).ok_or(StrategyHold::OutOfRange)? {
            return Ok(());
        }
        let mut plan = Plan::new(self, cx, &outlook, cx.room_of(self.line, self.account, &tally))
            .ok_or(StrategyHold::OutOfRange)?;
        let mut legs = Legs::new();
        plan.find(&mut legs).ok_or(StrategyHold::OutOfRange)?;
        plan.grant(&mut legs);
        let short = plan.short;
        let of_side = |side| legs.iter().filter(move |leg| leg.side == side);
        let ordered = || of_side(Side::Sell).chain(of_side(Side::Buy));
        for leg in ordered().filter(|leg| !leg.granted.is_zero()) {
            out.push(leg.intent(self, cx).ok_or(StrategyHold::OutOfRange)?);
        }
        short.or_else(|| ordered().find_map(|leg| leg.short)).map_or(Ok(()), Err)
    }
}

impl Rebalance {
    /// The pool of `asset` with cash.
    fn market(&self, asset: AssetId) -> Option<&Market> {
        self.markets.get(asset.index())?.as_ref()
    }
}

fn any_outside(cx: &Context<'_>, outlook: &Outlook<'_>) -> Option<bool> {
    let nav = outlook.nav()?;
    for band in &cx.terms.bands {
        // Products compare shares exactly and cost no division.
        let scaled = outlook.value_of(band.asset)?.times(BPS_FACTOR)?;
        if scaled < nav.times(band.min_bps)? || scaled > nav.times(band.max_bps)? {
            return Some(true);
        }
    }
    Some(false)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Sell,
    Buy,
}

/// One asset's way back to its target.
#[derive(Debug, Clone, Copy)]
struct Leg {
    asset: AssetId,
    side: Side,
    kind: AssetKind,
    /// How far from its target.
    deviation: Value,
    /// Base units spent: of the asset in a sale, of cash in a buy.
    amount_in: Amount,
    /// What `amount_in` is worth.
    granted: Value,
    /// The least cash that a sale must bring.
    brought: Amount,
    /// Why less is granted than the deviation asks.
    short: Option<StrategyHold>,
}

/// Largest deviation first, of equal ones the asset listed first.
type Legs = ArrayVec<Leg, INTENTS_PER_DECISION_MAX>;

impl Leg {
    /// What it sells and what it buys.
    fn sides(&self, cash: AssetId) -> (AssetId, AssetId) {
        match self.side {
            Side::Sell => (self.asset, cash),
            Side::Buy => (cash, self.asset),
        }
    }

    fn intent(&self, by: &Rebalance, cx: &Context<'_>) -> Option<Intent> {
        let (sell, buy) = self.sides(by.cash);
        let least = match self.side {
            Side::Sell => self.brought,
            Side::Buy => least_output(cx, self.granted, self.asset)?,
        };
        let purpose = Purpose::Strategy { line: by.line, leg: self.asset.0 };
        let order = Order {
            account: by.account,
            purpose,
            market: *by.market(self.asset)?,
            sell,
            buy,
            amount_in: self.amount_in,
        };
        Some(order.priced(self.granted, least))
    }
}

/// What is left for legs.
struct Plan<'a> {
    by: &'a Rebalance,
    cx: &'a Context<'a>,
    outlook: &'a Outlook<'a>,
    nav: Value,
    /// What the caps leave.
    room: Value,
    /// Cash that the account can spend, sales counted at their least output.
    cash: Amount,
    /// How much more cash sales may bring before the treasury holds too much of it, buys not counted.
    cash_headroom: Value,
    /// Value of the treasury's cash, and below which buys stop.
    cash_held: Value,
    cash_floor: Value,
    /// The same of all stable assets.
    stable_held: Value,
    stable_floor: Value,
    cash_is_stable: bool,
    /// The first reason for which an asset has no leg although it is off its target.
    short: Option<StrategyHold>,
}

impl<'a> Plan<'a> {
    fn new(by: &'a Rebalance, cx: &'a Context<'a>, outlook: &'a Outlook<'a>, room: Value) -> Option<Self> {
        let nav = outlook.nav()?;
        let (cash_floor, cash_max) = match cx.terms.bands.iter().find(|band| band.asset == by.cash) {
            Some(band) => (nav.share(band.min_bps)?, nav.share(band.max_bps)?),
            None => (Value::ZERO, nav),
        };
        let cash_held = outlook.value_of(by.cash)?;
        Some(Self {
            by,
            cx,
            outlook,
            nav,
            room,
            cash: outlook.spendable(by.account, by.cash),
            cash_headroom: cash_max.saturating_sub(cash_held),
            cash_held,
            cash_floor,
            stable_held: outlook.stable()?,
            stable_floor: nav.share(cx.terms.limits.stable_share_bps_min)?,
            cash_is_stable: cx.terms.asset(by.cash)?.kind == AssetKind::Stable,
            short: None,
        })
    }

    /// Fills `legs`; `None` when a number leaves its range.
    fn find(&mut self, legs: &mut Legs) -> Option<()> {
        let least = self.by.trade_min.0.saturating_mul(BPS_ONE);
        let mut too_small = false;
        for band in self.cx.terms.bands.iter().filter(|band| band.asset != self.by.cash) {
            // In ten-thousandths, so that only what is traded costs a division.
            let held = self.outlook.value_of(band.asset)?.times(BPS_FACTOR)?;
            let target = self.nav.times(band.target_bps)?;
            let deviation = held.abs_diff(target);
            if deviation < least {
                too_small |= deviation >= BPS_ONE;
                continue;
            }
            if self.by.market(band.asset).is_none() {
                self.fall_short(StrategyHold::NoPool);
                continue;
            }
            let side = if held > target { Side::Sell } else { Side::Buy };
            let (sell, buy) = match side {
                Side::Sell => (band.asset, self.by.cash),
                Side::Buy => (self.by.cash, band.asset),
            };
            if self.outlook.opposed_exchange(self.by.line, sell, buy).is_some() {
                self.fall_short(StrategyHold::Opposed);
                continue;
            }
            let leg = Leg {
                asset: band.asset,
                side,
                kind: self.cx.terms.asset(band.asset)?.kind,
                deviation: Value(deviation).share(1)?,
                amount_in: Amount::ZERO,
                granted: Value::ZERO,
                brought: Amount::ZERO,
                short: None,
            };
            insert(legs, leg);
        }
        if too_small && legs.is_empty() {
            self.fall_short(StrategyHold::BelowMinimum);
        }
        Some(())
    }

    /// At most two passes over at most [`INTENTS_PER_DECISION_MAX`] legs: what later sales bring may pay for buys that
    /// fell short before them.
    fn grant(&mut self, legs: &mut Legs) {
        self.pass(legs, |_| true);
        self.pass(legs, |leg| leg.side == Side::Buy && leg.short.is_some());
    }

    fn pass(&mut self, legs: &mut Legs, is_due: impl Fn(&Leg) -> bool) {
        for position in 0..legs.len() {
            let Some(mut leg) = legs.get(position).copied().filter(&is_due) else { continue };
            let granted = match (self.parts(legs, &leg), leg.side) {
                (None, _) => Err(StrategyHold::OutOfRange),
                (Some(parts), Side::Sell) => self.sell(&mut leg, parts),
                (Some(parts), Side::Buy) => self.buy(&mut leg, parts),
            };
            leg.short = granted.err();
            if let Some(slot) = legs.get_mut(position) {
                *slot = leg;
            }
        }
    }

    /// What the other legs leave of the bounded parts of the treasury.
    fn parts(&self, legs: &Legs, next: &Leg) -> Option<Value> {
        let cash = self.by.cash;
        let others = legs.iter().filter(|leg| leg.asset != next.asset && !leg.granted.is_zero());
        let granted = others.map(|leg| {
            let (sell, buy) = leg.sides(cash);
            Granted {
                sell,
                buy,
                value: leg.granted,
                brought: self.cx.value_of(cash, leg.brought).unwrap_or(Value::ZERO),
            }
        });
        part_room(self.cx, self.outlook, granted, cash, next.sides(cash))
    }

    fn sell(&mut self, leg: &mut Leg, parts: Value) -> Result<(), StrategyHold> {
        let (cx, cash) = (self.cx, self.by.cash);
        let gives_stable = leg.kind == AssetKind::Stable;
        let mut limit = self.room.min(self.cash_headroom).min(parts);
        if gives_stable && !self.cash_is_stable {
            limit = limit.min(self.stable_held.saturating_sub(self.stable_floor));
        }
        let held = self.outlook.spendable(self.by.account, leg.asset);
        let (amount, short) = spend(cx, leg.asset, held, leg.deviation, limit);
        let value = cx.value_of(leg.asset, amount).ok_or(StrategyHold::OutOfRange)?;
        if value < self.by.trade_min {
            return Err(short.unwrap_or(StrategyHold::BelowMinimum));
        }
        let brought = least_output(cx, value, cash).ok_or(StrategyHold::NoPrice)?;
        let brought_value = cx.value_of(cash, brought).ok_or(StrategyHold::NoPrice)?;
        let add = |sum: Value, more: Value| sum.checked_add(more).ok_or(StrategyHold::OutOfRange);
        self.cash = self.cash.checked_add(brought).ok_or(StrategyHold::OutOfRange)?;
        self.cash_held = add(self.cash_held, brought_value)?;
        if self.cash_is_stable {
            self.stable_held = add(self.stable_held, brought_value)?;
        }
        if gives_stable {
            self.stable_held = self.stable_held.saturating_sub(value);
        }
        self.room = self.room.saturating_sub(value);
        self.cash_headroom = self.cash_headroom.saturating_sub(value);
        (leg.amount_in, leg.granted, leg.brought) = (amount, value, brought);
        short.map_or(Ok(()), Err)
    }

    /// What was granted before is given back and granted anew from what there is now.
    fn buy(&mut self, leg: &mut Leg, parts: Value) -> Result<(), StrategyHold> {
        let (cx, cash) = (self.cx, self.by.cash);
        if cx.prices.of(leg.asset).is_none() {
            return Err(StrategyHold::NoPrice);
        }
        if !leg.granted.is_zero() {
            self.settle_buy(leg, Settle::GiveBack)?;
            (leg.amount_in, leg.granted) = (Amount::ZERO, Value::ZERO);
        }
        let mut limit = self.room.min(self.cash_held.saturating_sub(self.cash_floor)).min(parts);
        if self.cash_is_stable && leg.kind != AssetKind::Stable {
            limit = limit.min(self.stable_held.saturating_sub(self.stable_floor));
        }
        let (amount, short) = spend(cx, cash, self.cash, leg.deviation, limit);
        let value = cx.value_of(cash, amount).unwrap_or(Value::ZERO);
        if value < self.by.trade_min {
            return Err(short.unwrap_or(StrategyHold::BelowMinimum));
        }
        (leg.amount_in, leg.granted) = (amount, value);
        self.settle_buy(leg, Settle::Take)?;
        short.map_or(Ok(()), Err)
    }

    fn settle_buy(&mut self, leg: &Leg, settle: Settle) -> Result<(), StrategyHold> {
        let takes_stable = self.cash_is_stable && leg.kind != AssetKind::Stable;
        let stable = if takes_stable { leg.granted } else { Value::ZERO };
        let value = |sum: Value, part: Value| match settle {
            Settle::Take => sum.0.checked_sub(part.0),
            Settle::GiveBack => sum.0.checked_add(part.0),
        };
        let amount = match settle {
            Settle::Take => self.cash.0.checked_sub(leg.amount_in.0),
            Settle::GiveBack => self.cash.0.checked_add(leg.amount_in.0),
        };
        let range = StrategyHold::OutOfRange;
        self.cash = Amount(amount.ok_or(range)?);
        // Without a cap the room is the greatest value, which giving back cannot raise.
        self.room = Value(value(self.room, leg.granted).unwrap_or(u128::MAX));
        self.cash_held = Value(value(self.cash_held, leg.granted).ok_or(range)?);
        self.stable_held = Value(value(self.stable_held, stable).ok_or(range)?);
        Ok(())
    }

    fn fall_short(&mut self, reason: StrategyHold) {
        self.short.get_or_insert(reason);
    }
}

#[derive(Clone, Copy)]
enum Settle {
    Take,
    GiveBack,
}

/// How much of `asset` is worth `deviation`, within `limit` and what is `held`; and why it is less.
fn spend(
    cx: &Context<'_>,
    asset: AssetId,
    held: Amount,
    deviation: Value,
    limit: Value,
) -> (Amount, Option<StrategyHold>) {
    // What does not fit in an amount is more than anybody holds.
    let wanted = cx.amount_of(asset, deviation.min(limit)).unwrap_or(Amount(u128::MAX));
    let limited = limit < deviation;
    let short = match wanted.cmp(&held) {
        Ordering::Less => limited.then_some(StrategyHold::NoRoom),
        Ordering::Equal => limited.then_some(StrategyHold::NoBalance),
        Ordering::Greater => Some(StrategyHold::NoBalance),
    };
    (wanted.min(held), short)
}

/// Keeps the largest deviations, as far as a decision has places.
fn insert(legs: &mut Legs, leg: Leg) {
    let before = |other: &Leg| (leg.deviation, other.asset) > (other.deviation, leg.asset);
    let position = legs.iter().position(before).unwrap_or(legs.len());
    if legs.is_full() && position < legs.len() {
        legs.pop();
    }
    // A leg that finds no place waits for the next decision.
    let _ = legs.try_insert(position, leg);
}
