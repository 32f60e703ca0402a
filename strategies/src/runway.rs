//! `runway`: keeps months of the DAO's burn in stable assets on one account.
//!
//! Idea: the cash policy of Miller and Orr ("A Model of the Demand for Money by Firms", The Quarterly Journal of
//! Economics 80, 1966): nothing is moved while cash lies above a lower limit, and from there it is brought back to a
//! return point in one go, because every transfer has a price (here signatures, votes and slippage). What counts is the
//! stable assets alone: the DAO's own token falls when the DAO needs it most (Hasu, "A New Mental Model for DeFi
//! Treasuries", 2021). Shares of a vault do not count either, for they must be redeemed first: a DAO that lends its stable
//! assets keeps as much out of the vaults as the runway asks for.
//!
//! The sources are drawn on in the order of the policy, each as far as balance, caps, bands and the least stable share
//! let it; the next one gives what is still missing. While a Governor proposal binds a source, nothing is drawn: what
//! waits there may be what is missing.

use crate::{
    refill::{PART_BPS_MIN, transfer},
    swap::{Market, Order, band_room, check_trader, is_stable},
};
use alloy_primitives::B256;
use quaestor_core::{
    AccountId, Amount, AssetId, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms, Value,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};

/// Most sources.
pub const SOURCES_MAX: usize = 16;
/// Most months.
pub const MONTHS_MAX: u64 = 120;

/// The kind `runway`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "runway",
    summary: "When an account holds fewer months of the DAO's burn in stable assets than a low mark, brings it back to a \
              target: stable assets from other accounts first, then sales, by the policy's order.",
    build,
};

/// See [`SPEC`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runway {
    line: B256,
    account: AccountId,
    /// The stable asset that sales bring.
    cash: AssetId,
    low: Value,
    target: Value,
    sources: Vec<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A stable asset in another account.
    Transfer { from: AccountId, asset: AssetId },
    /// An asset of the account itself.
    Sale { asset: AssetId, market: Market },
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, cash) = (params.account("account"), params.asset("cash"));
    let months_min = params.integer("months_min", 1, MONTHS_MAX);
    let months_target = params.integer("months_target", 1, MONTHS_MAX);
    let given = params.holdings("sources", SOURCES_MAX);
    let burn = params.terms().risk.burn_monthly;
    if burn.is_zero() {
        params.problem("", "needs what the DAO pays in a month; write `burn_monthly`, such as `50000 USD`, in [risk]");
    }
    if cash.is_some_and(|cash| !is_liquid(params.terms(), cash)) {
        params.problem("cash", "is not a stable asset; write one that is");
    }
    if let (Some(least), Some(target)) = (months_min, months_target)
        && target < least
    {
        params.problem("months_target", "is less than `months_min`; write the months to refill to, as many or more");
    }
    if given.as_ref().is_some_and(Vec::is_empty) {
        params.problem("sources", "is empty, so nothing could be refilled; write such as `[[\"reserve\", \"USDC\"]]`");
    }
    let (account, cash, given) = (account?, cash?, given?);
    let mut sources = Vec::with_capacity(given.len());
    for (from, asset) in given {
        sources.extend(source(params, account, cash, from, asset));
    }
    if sources.iter().any(|source| matches!(source, Source::Sale { .. })) {
        check_trader(params, Some(account));
    }
    let worth = |months: Option<u64>| burn.0.checked_mul(u128::from(months?)).map(Value);
    let worths = (worth(months_min), worth(months_target));
    if let (Some(_), Some(_), (None, _) | (_, None)) = (months_min, months_target, worths) {
        params.problem("", "asks for more money than can be counted; lower the months or `burn_monthly`");
    }
    Some(Box::new(Runway { line: params.line(), account, cash, low: worths.0?, target: worths.1?, sources }))
}

/// Stable, and money at once: shares of a vault must be redeemed first.
fn is_liquid(terms: &Terms, asset: AssetId) -> bool {
    is_stable(terms, asset) && terms.vault_of(asset).is_none()
}

fn source(
    params: &mut Params<'_>,
    account: AccountId,
    cash: AssetId,
    from: AccountId,
    asset: AssetId,
) -> Option<Source> {
    let liquid = is_liquid(params.terms(), asset);
    if from != account {
        if !liquid {
            params.problem("sources", "another account gives stable assets only; sales are made in `account` itself");
        }
        return liquid.then_some(Source::Transfer { from, asset });
    }
    if liquid {
        params.problem("sources", "a stable asset of `account` counts already; write what it may sell or who may send");
        return None;
    }
    Market::required(params, "sources", asset, cash).map(|market| Source::Sale { asset, market })
}

impl Strategy for Runway {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, cash, burn) = (terms.name_of(self.account), terms.symbol_of(self.cash), terms.risk.burn_monthly);
        let months = |worth: Value| {
            let months = worth.0.checked_div(burn.0).unwrap_or_default();
            format!("{} ({})", words::counted(months, "month"), words::sum(worth))
        };
        let source = |source: &Source| match *source {
            Source::Transfer { from, asset } => {
                format!("a transfer of {} from {}", terms.symbol_of(asset), terms.name_of(from))
            }
            Source::Sale { asset, .. } => format!("a sale of {} of {account}", terms.symbol_of(asset)),
        };
        vec![
            format!(
                "When the stable assets of {account} (shares of vaults left out) last for less than {} of what the DAO \
                 pays, it brings them to {}.",
                months(self.low),
                months(self.target)
            ),
            format!(
                "It draws, in this order, on {}. What is sold is sold for {cash}.",
                words::list(self.sources.iter().map(source), "and")
            ),
            "A part smaller than a tenth of what is missing is left out, and nothing is done while a Governor's proposal \
             binds one of these accounts."
                .to_owned(),
        ]
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let held = self.held(cx, out).ok_or(StrategyHold::OutOfRange)?;
        if held >= self.low {
            return Ok(());
        }
        let waits = |source: &Source| match *source {
            Source::Transfer { from, .. } => cx.history.is_bound(from),
            Source::Sale { .. } => false,
        };
        if self.sources.iter().any(waits) {
            return Err(StrategyHold::Waiting);
        }
        let mut missing = self.target.saturating_sub(held);
        let least = bps(missing, PART_BPS_MIN).ok_or(StrategyHold::OutOfRange)?;
        let mut short = None;
        // At most `SOURCES_MAX`.
        for (position, source) in self.sources.iter().enumerate() {
            if missing < least {
                return Ok(());
            }
            match self.draw(cx, out, (position, source), missing, least) {
                Ok((intent, reason)) => {
                    missing = missing.saturating_sub(intent.value);
                    out.push(intent);
                    short = short.or(reason);
                }
                Err(reason) => short = short.or(Some(reason)),
            }
        }
        if missing < least { Ok(()) } else { short.map_or(Ok(()), Err) }
    }
}

fn bps(value: Value, bps: u128) -> Option<Value> {
    // Never nothing, so that a part of nothing is never worth it.
    value.share(u64::try_from(bps).ok()?).map(|share| share.max(Value(1)))
}

impl Runway {
    /// Value of the stable assets of the account, with what intents before send it.
    fn held(&self, cx: &Context<'_>, out: &[Intent]) -> Option<Value> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let to = cx.terms.account(self.account)?.address;
        let mut held = Value::ZERO;
        for (position, _) in cx.terms.assets.iter().enumerate() {
            let asset = AssetId(u16::try_from(position).ok()?);
            if !is_liquid(cx.terms, asset) {
                continue;
            }
            let amount = outlook.spendable(self.account, asset).checked_add(tally.incoming(to, asset))?;
            if !amount.is_zero() {
                held = held.checked_add(cx.value_of(asset, amount)?)?;
            }
        }
        Some(held)
    }

    /// What a source gives of `missing`, never less than `least`; and why it is not all.
    fn draw(
        &self,
        cx: &Context<'_>,
        out: &[Intent],
        (position, source): (usize, &Source),
        missing: Value,
        least: Value,
    ) -> Result<(Intent, Option<StrategyHold>), StrategyHold> {
        let (from, asset) = match *source {
            Source::Transfer { from, asset } => (from, asset),
            Source::Sale { asset, .. } => (self.account, asset),
        };
        let tally = Tally::before(from, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let within = match *source {
            Source::Transfer { .. } => {
                let to = cx.terms.account(self.account).ok_or(StrategyHold::OutOfRange)?.address;
                if outlook.is_opposed_transfer(self.line, from, to, asset) {
                    return Err(StrategyHold::Opposed);
                }
                cx.room_of(self.line, from, &tally)
            }
            Source::Sale { .. } => {
                if outlook.opposed_exchange(self.line, asset, self.cash).is_some() {
                    return Err(StrategyHold::Opposed);
                }
                let bands = band_room(cx, &outlook, asset, self.cash).ok_or(StrategyHold::OutOfRange)?;
                bands.min(cx.room_of(self.line, from, &tally))
            }
        };
        let held = outlook.spendable(from, asset);
        if held.is_zero() {
            return Err(StrategyHold::NoBalance);
        }
        // What does not fit in an amount is more than anybody holds.
        let amount = |value| cx.amount_of(asset, value).unwrap_or(Amount(u128::MAX));
        let worth = |amount| cx.value_of(asset, amount).ok_or(StrategyHold::NoPrice);
        let affordable = held.min(amount(missing));
        if worth(affordable)? < least {
            return Err(StrategyHold::NoBalance);
        }
        let given = affordable.min(amount(within));
        if worth(given)? < least {
            return Err(StrategyHold::NoRoom);
        }
        let short = (given < affordable).then_some(StrategyHold::NoRoom);
        let short = short.or((held == affordable).then_some(StrategyHold::NoBalance));
        let leg = u16::try_from(position).map_err(|_| StrategyHold::OutOfRange)?;
        let purpose = Purpose::Strategy { line: self.line, leg };
        let intent = match *source {
            Source::Transfer { .. } => transfer(cx, purpose, (from, self.account), asset, given),
            Source::Sale { market, .. } => {
                let order = Order { account: from, purpose, market, sell: asset, buy: self.cash, amount_in: given };
                order.intent(cx)
            }
        };
        intent.map(|intent| (intent, short)).ok_or(StrategyHold::NoPrice)
    }
}
