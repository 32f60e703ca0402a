//! An example of a DAO's own strategy in a crate of its own: buys the DAO's own token back while it is cheap.
//!
//! A strategy is a [`StrategySpec`] (name, sentence for voters, parameter check) and a [`Strategy`]. Added to the
//! catalogue, a policy may name it as `kind = "buyback"`; every rule of the policy judges what it wants, as it judges what
//! the strategies that come with Quaestor want.

use alloy_primitives::B256;
use quaestor_core::{
    AccountId, AssetId, AssetKind, Catalog, Context, Intent, Outlook, Price, Purpose, Strategy, StrategySpec, Terms,
    Value,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};
use quaestor_strategies::swap::{Market, Order, band_room, check_trader, is_stable};

/// The strategies of Quaestor and this one.
pub fn catalog() -> Catalog {
    let mut catalog = quaestor_strategies::catalog();
    catalog.add(SPEC);
    catalog
}

/// The kind `buyback`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "buyback",
    summary: "While the DAO's own token costs less than a price, buys it with a share of the cash that lies above a floor, \
              at each decision.",
    build,
};

#[derive(Debug)]
struct Buyback {
    line: B256,
    account: AccountId,
    cash: AssetId,
    token: AssetId,
    price_max: Price,
    keep: Value,
    share_bps: u64,
    trade_min: Value,
    market: Market,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    // Everything is read before giving up, so that all problems are reported at once.
    let (account, cash, token) = (params.account("account"), params.asset("cash"), params.asset("token"));
    let (price_max, keep) = (params.price("price_max"), params.value("keep"));
    let (share_bps, trade_min) = (params.integer("share_bps", 1, 10_000), params.value("trade_min"));
    check_trader(params, account);
    let kind = |id: Option<AssetId>, params: &Params<'_>| params.terms().asset(id?).map(|asset| asset.kind);
    if kind(token, params).is_some_and(|kind| kind != AssetKind::Native) {
        params.problem("token", "is not the DAO's own; write an asset of kind `native`");
    }
    if cash.is_some_and(|cash| !is_stable(params.terms(), cash)) {
        params.problem("cash", "is not a stable asset; write one that is");
    }
    if trade_min.is_some_and(Value::is_zero) {
        params.problem("trade_min", "is zero, so that it would trade dust; write such as `100 USD`");
    }
    let (account, cash, token, trade_min) = (account?, cash?, token?, trade_min?);
    let market = Market::required(params, "token", cash, token)?;
    let (price_max, keep, share_bps) = (price_max?, keep?, share_bps?);
    let line = params.line();
    Some(Box::new(Buyback { line, account, cash, token, price_max, keep, share_bps, trade_min, market }))
}

impl Strategy for Buyback {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, cash, token) =
            (terms.name_of(self.account), terms.symbol_of(self.cash), terms.symbol_of(self.token));
        vec![
            format!(
                "While {token} costs less than {}, it buys it at each decision with {} of the {cash} of {account} that lie \
                 above {}.",
                words::price(self.price_max),
                words::share(self.share_bps),
                words::sum(self.keep)
            ),
            format!("A purchase worth less than {} is left out.", words::sum(self.trade_min)),
        ]
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        // What stands in `out` is wanted by the strategies before: its money is spent.
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        if cx.prices.of(self.token).ok_or(StrategyHold::NoPrice)? >= self.price_max {
            return Ok(());
        }
        if outlook.opposed_exchange(self.line, self.cash, self.token).is_some() {
            return Err(StrategyHold::Opposed);
        }
        let range = StrategyHold::OutOfRange;
        let held = outlook.spendable(self.account, self.cash);
        let spare = cx.value_of(self.cash, held).ok_or(StrategyHold::NoPrice)?.saturating_sub(self.keep);
        let wanted = spare.share(self.share_bps).ok_or(range)?;
        if wanted < self.trade_min {
            // Cash at its floor is how it should be.
            return Ok(());
        }
        let room = cx.room_of(self.line, self.account, &tally);
        let room = room.min(band_room(cx, &outlook, self.cash, self.token).ok_or(range)?);
        let amount_in = cx.amount_of(self.cash, wanted.min(room)).ok_or(range)?.min(held);
        if cx.value_of(self.cash, amount_in).ok_or(range)? < self.trade_min {
            return Err(StrategyHold::NoRoom);
        }
        let purpose = Purpose::Strategy { line: self.line, leg: 0 };
        let Self { account, market, cash, token, .. } = *self;
        let order = Order { account, purpose, market, sell: cash, buy: token, amount_in };
        out.push(order.intent(cx).ok_or(range)?);
        Ok(())
    }
}
