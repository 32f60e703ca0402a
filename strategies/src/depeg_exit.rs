//! `depeg_exit`: leaves a stable asset whose price has fallen, in steps.
//!
//! Idea: a stop order, made slow. Stable coins leave their peg and come back (USDC in March 2023, when a bank of its issuer
//! failed: near 0.88 USD and back within days) or do not (UST in May 2022); arbitrage with the issuer is what brings them
//! back (Lyons and Viswanath-Natraj, "What keeps stablecoins stable?", Journal of International Money and Finance 131,
//! 2023). Nobody can tell in time which it is, so a part of the holding leaves at each decision while the price stays low:
//! a short dip costs one step, a collapse leaves little behind.
//!
//! Three prices decide. At or above `price_min` nothing happens. Between `price_floor` and `price_min` it sells a step.
//! Below `price_floor` it stops and says so: who sells there sells at the bottom or into an empty pool, and that is for
//! people to decide. And no single round of a feed sells anything: more than half of the feeds in use must show their
//! last `rounds_min` rounds below `price_min`.

use crate::swap::{Market, Order, band_room, check_trader, is_stable};
use alloy_primitives::B256;
use quaestor_core::{
    AccountId, AssetId, Intent, Outlook, Price, Purpose, Strategy, StrategySpec, Terms, Value,
    pipeline::Context,
    snapshot::{FeedReading, Tally},
    strategy::{Params, StrategyHold},
    words,
};

/// The kind `depeg_exit`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "depeg_exit",
    summary: "While a stable asset's price stays below a least price for several rounds of its feeds, sells a share of \
              the holding at each decision; below a floor it stops.",
    build,
};

/// See [`SPEC`]. At most one swap a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepegExit {
    line: B256,
    account: AccountId,
    asset: AssetId,
    into: AssetId,
    price_min: Price,
    price_floor: Price,
    rounds_min: usize,
    step_bps: u64,
    trade_min: Value,
    market: Market,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, asset, into) = (params.account("account"), params.asset("asset"), params.asset("into"));
    let (price_min, price_floor) = (params.price("price_min"), params.price("price_floor"));
    // A single round must not be enough, and more than the snapshot holds could never be seen.
    let rounds_most = u64::from(params.terms().risk.history_rounds).max(2);
    let rounds_min = params.integer("rounds_min", 2, rounds_most);
    let step_bps = params.integer("step_bps", 1, 10_000);
    let trade_min = params.value("trade_min");
    check_trader(params, account);
    if asset.is_some_and(|asset| !is_stable(params.terms(), asset)) {
        params.problem("asset", "is not a stable asset; `derisk` and `dca` sell others");
    }
    if matches!((price_min, price_floor), (Some(least), Some(floor)) if floor >= least) {
        params.problem("price_floor", "is not below `price_min`; write the price below which people decide");
    }
    if trade_min.is_some_and(Value::is_zero) {
        params.problem("trade_min", "is zero, so that it would trade dust; write such as `100 USD`");
    }
    let (account, asset, into) = (account?, asset?, into?);
    if asset == into {
        params.problem("into", "is what is left; write another asset");
        return None;
    }
    let market = Market::required(params, "into", asset, into)?;
    Some(Box::new(DepegExit {
        line: params.line(),
        account,
        asset,
        into,
        price_min: price_min?,
        price_floor: price_floor?,
        rounds_min: usize::try_from(rounds_min?).ok()?,
        step_bps: step_bps?,
        trade_min: trade_min?,
        market,
    }))
}

impl Strategy for DepegExit {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, asset, into) =
            (terms.name_of(self.account), terms.symbol_of(self.asset), terms.symbol_of(self.into));
        vec![
            format!(
                "While {asset} costs less than {}, and more than half of its feeds in use showed that in each of their last \
                 {} rounds, it sells {} of the {asset} of {account} for {into} at each decision, but never less than {} \
                 worth.",
                words::price(self.price_min),
                self.rounds_min,
                words::share(self.step_bps),
                words::sum(self.trade_min)
            ),
            format!("Below {} it stops: that is for people to decide.", words::price(self.price_floor)),
        ]
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let held = outlook.spendable(self.account, self.asset);
        if held.is_zero() {
            return Ok(());
        }
        let price = cx.prices.of(self.asset).ok_or(StrategyHold::NoPrice)?;
        if price >= self.price_min {
            return Ok(());
        }
        if price < self.price_floor {
            return Err(StrategyHold::PriceLimit);
        }
        if !self.is_confirmed(cx) {
            return Err(StrategyHold::Unconfirmed);
        }
        if cx.prices.of(self.into).is_none() {
            return Err(StrategyHold::NoPrice);
        }
        if outlook.opposed_exchange(self.line, self.asset, self.into).is_some() {
            return Err(StrategyHold::Opposed);
        }
        let range = StrategyHold::OutOfRange;
        let worth = |amount| cx.value_of(self.asset, amount).ok_or(range);
        let bands = band_room(cx, &outlook, self.asset, self.into).ok_or(range)?;
        let room = bands.min(cx.room_of(self.line, self.account, &tally));
        // Steps that become smaller for ever would never end: the last ones are of the least trade.
        let least = cx.amount_of(self.asset, self.trade_min).ok_or(range)?.checked_add(quaestor_core::Amount(1));
        let wanted = held.share(self.step_bps).ok_or(range)?.max(least.ok_or(range)?).min(held);
        if worth(wanted)? < self.trade_min {
            return Err(StrategyHold::BelowMinimum);
        }
        // What does not fit in an amount is more than anybody holds.
        let amount_in = cx.amount_of(self.asset, room).map_or(wanted, |most| wanted.min(most));
        if worth(amount_in)? < self.trade_min {
            return Err(StrategyHold::NoRoom);
        }
        let purpose = Purpose::Strategy { line: self.line, leg: 0 };
        let Self { account, market, asset, into, .. } = *self;
        let order = Order { account, purpose, market, sell: asset, buy: into, amount_in };
        out.push(order.intent(cx).ok_or(range)?);
        Ok(())
    }
}

impl DepegExit {
    /// Whether more than half of the feeds in use have shown it long enough.
    fn is_confirmed(&self, cx: &Context<'_>) -> bool {
        let (Some(reading), Some(found)) =
            (cx.snapshot.assets.get(self.asset.index()), cx.prices.0.get(self.asset.index()))
        else {
            return false;
        };
        let in_use = |feed: &&FeedReading| !found.dropped.iter().any(|(dropped, _)| *dropped == feed.feed);
        let feeds = || reading.feeds.iter().filter(in_use);
        let low = feeds().filter(|feed| self.is_low(feed)).count();
        low > feeds().count() / 2
    }

    /// Whether the last rounds are all below the least price. A round without an answer says nothing.
    fn is_low(&self, feed: &FeedReading) -> bool {
        let low = |price: Option<Price>| price.is_some_and(|price| price < self.price_min);
        feed.rounds.len() >= self.rounds_min
            && feed.rounds.iter().rev().take(self.rounds_min).all(|round| low(round.price))
    }
}
