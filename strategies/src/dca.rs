//! `dca`: sells a fixed amount for another asset once in every period, while the price is right.
//!
//! Idea: dollar-cost averaging (Graham, "The Intelligent Investor", 1949, as formula investing). On expectation it is no
//! better than trading at once (Constantinides, "A Note on the Suboptimality of Dollar-Cost Averaging as an Investment
//! Policy", Journal of Financial and Quantitative Analysis 14, 1979); what it buys is that the price of no single day
//! decides, that each trade is small against the pool, and that a plan is voted once instead of every trade.
//!
//! A period is counted from 1970-01-01 00:00 UTC in steps of `every`. The period is the identity of the trade
//! ([`Purpose::Payment`]), so that `DecisionGate` itself lets it pass at most once a period. A period in which the price
//! was wrong or money was lacking is left out, never made up for.

use crate::swap::{Market, Order, band_room, check_trader};
use alloy_primitives::B256;
use quaestor_core::{
    AccountId, Amount, AssetId, Intent, Outlook, Price, Purpose, Strategy, StrategySpec, Terms,
    pipeline::Context,
    snapshot::{Tally, WINDOW_SECS},
    strategy::{Params, StrategyHold},
    words,
};

/// Shortest period, seconds.
pub const EVERY_SECS_MIN: u64 = 3_600;
/// Longest period, seconds: as long as the history remembers what was done.
pub const EVERY_SECS_MAX: u64 = {
    let [.., longest] = WINDOW_SECS;
    longest
};

/// The kind `dca`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "dca",
    summary: "Once in every period sells a fixed amount of one asset for another, as long as the price lies within its \
              limit and all of it fits.",
    build,
};

/// See [`SPEC`]. All of the amount or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dca {
    line: B256,
    account: AccountId,
    sell: AssetId,
    buy: AssetId,
    amount: Amount,
    every_secs: u64,
    /// Of what is sold: at least this.
    price_min: Option<Price>,
    /// Of what is bought: at most this.
    price_max: Option<Price>,
    market: Market,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, sell, buy) = (params.account("account"), params.asset("sell"), params.asset("buy"));
    let amount = params.amount("amount", sell);
    let every_secs = params.duration("every", EVERY_SECS_MIN, EVERY_SECS_MAX);
    let limited = params.has("price_min") || params.has("price_max");
    let mut limit = |key: &str| if params.has(key) { params.price(key) } else { None };
    let (price_min, price_max) = (limit("price_min"), limit("price_max"));
    if !limited {
        let message = "trades at any price; write `price_min`, the least price of what is sold, or `price_max`, the greatest \
                       of what is bought, such as `2000 USD`";
        params.problem("", message);
    }
    check_trader(params, account);
    let (account, sell, buy, amount) = (account?, sell?, buy?, amount?);
    if amount.is_zero() {
        params.problem("amount", "is zero; write how much to sell in each period");
    }
    if sell == buy {
        params.problem("buy", "is what is sold; write another asset");
        return None;
    }
    let market = Market::required(params, "buy", sell, buy)?;
    let (line, every_secs) = (params.line(), every_secs?);
    Some(Box::new(Dca { line, account, sell, buy, amount, every_secs, price_min, price_max, market }))
}

impl Strategy for Dca {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (sell, buy) = (terms.symbol_of(self.sell), terms.symbol_of(self.buy));
        let mut told = vec![format!(
            "Once in every {}, counted from 1 January 1970, it sells {} of {} for {buy}: all of it or nothing. A period \
             that was left out is not made up for.",
            words::duration(self.every_secs),
            words::amount(self.amount, terms.asset(self.sell)),
            terms.name_of(self.account)
        )];
        told.extend(self.price_min.map(|least| format!("Not while {sell} costs less than {}.", words::price(least))));
        told.extend(self.price_max.map(|most| format!("Not while {buy} costs more than {}.", words::price(most))));
        told
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let block = cx.snapshot.block;
        let period = block.timestamp.checked_div(self.every_secs).ok_or(StrategyHold::OutOfRange)?;
        let purpose = Purpose::Payment { line: self.line, period };
        if self.is_done(cx, purpose) {
            return Ok(());
        }
        let price = |asset| cx.prices.of(asset).ok_or(StrategyHold::NoPrice);
        let (sold, bought) = (price(self.sell)?, price(self.buy)?);
        if self.price_min.is_some_and(|least| sold < least) || self.price_max.is_some_and(|most| bought > most) {
            return Err(StrategyHold::PriceLimit);
        }
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        if outlook.opposed_exchange(self.line, self.sell, self.buy).is_some() {
            return Err(StrategyHold::Opposed);
        }
        if self.amount > outlook.spendable(self.account, self.sell) {
            return Err(StrategyHold::NoBalance);
        }
        let value = cx.value_of(self.sell, self.amount).ok_or(StrategyHold::OutOfRange)?;
        let bands = band_room(cx, &outlook, self.sell, self.buy).ok_or(StrategyHold::OutOfRange)?;
        if value > bands.min(cx.room_of(self.line, self.account, &tally)) {
            return Err(StrategyHold::NoRoom);
        }
        let Self { account, market, sell, buy, amount, .. } = *self;
        let order = Order { account, purpose, market, sell, buy, amount_in: amount };
        out.push(order.intent(cx).ok_or(StrategyHold::OutOfRange)?);
        Ok(())
    }
}

impl Dca {
    /// Whether this period's trade was done. Nothing is hashed while there is no history.
    fn is_done(&self, cx: &Context<'_>, purpose: Purpose) -> bool {
        if cx.history.spends.is_empty() && cx.history.outstanding.is_empty() {
            return false;
        }
        let Some(account) = cx.terms.account(self.account) else { return false };
        cx.history.is_used(self.account, purpose.once_key(account.address, cx.snapshot.block.hash))
    }
}
