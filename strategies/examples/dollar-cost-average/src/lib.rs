//! An example of a DAO's own strategy in a crate of its own: buys for a fixed value at each decision.
//!
//! A strategy is a [`StrategySpec`] (name, sentence for voters, parameter check) and a [`Strategy`]. Added to the
//! catalogue, a policy may name it as `kind = "dollar-cost-average"`; every rule of the policy judges what it wants, as it
//! judges what the strategies that come with Quaestor want.

use quaestor_core::{
    AccountId, AssetId, Catalog, Context, Intent, Outlook, Purpose, Route, Strategy, StrategySpec, Value,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
};
use quaestor_strategies::swap::{Market, Order, is_bounded};

/// The strategies of Quaestor and this one.
pub fn catalog() -> Catalog {
    let mut catalog = quaestor_strategies::catalog();
    catalog.add(SPEC);
    catalog
}

/// The kind `dollar-cost-average`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "dollar-cost-average",
    summary: "At each decision buys an asset for a fixed value from cash, as long as there is cash and room for all of it.",
    build,
};

#[derive(Debug)]
struct DollarCostAverage {
    line: alloy_primitives::B256,
    account: AccountId,
    cash: AssetId,
    buy: AssetId,
    value: Value,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, cash, buy) = (params.account("account"), params.asset("cash"), params.asset("buy"));
    let value = params.value("value");
    if !is_bounded(params.terms()) {
        params.problem("", "needs a bound on slippage; write `slippage_bps_max` below 10000 in the policy's limits");
    }
    let (account, cash, buy, value) = (account?, cash?, buy?, value?);
    if params.terms().account(account).is_some_and(|it| it.route != Route::Safe) {
        params.problem("account", "is moved by a Governor, whose swaps execute too late for their price; name a Safe");
    }
    if Market::cheapest(params.terms(), cash, buy).is_none() {
        params
            .problem("buy", "no pool of this policy joins it with `cash`; list one at a venue or write another asset");
    }
    if value.is_zero() {
        params.problem("value", "is zero; write what to buy for at each decision, such as `500 USD`");
    }
    Some(Box::new(DollarCostAverage { line: params.line(), account, cash, buy, value }))
}

impl Strategy for DollarCostAverage {
    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let market = Market::cheapest(cx.terms, self.cash, self.buy).ok_or(StrategyHold::NoPool)?;
        if cx.prices.of(self.buy).is_none() {
            return Err(StrategyHold::NoPrice);
        }
        let amount_in = cx.amount_of(self.cash, self.value).ok_or(StrategyHold::NoPrice)?;
        if amount_in.is_zero() || amount_in > outlook.spendable(self.account, self.cash) {
            return Err(StrategyHold::NoBalance);
        }
        if self.value > cx.room(&tally) {
            return Err(StrategyHold::NoRoom);
        }
        let purpose = Purpose::Strategy { line: self.line, leg: 0 };
        let order = Order { account: self.account, purpose, market, sell: self.cash, buy: self.buy, amount_in };
        let intent = order.intent(cx).ok_or(StrategyHold::OutOfRange)?;
        out.push(intent);
        Ok(())
    }
}
