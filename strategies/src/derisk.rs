//! `derisk`: cuts the share of volatile assets as the forecast of risk rises.
//!
//! Idea: exposure follows the forecast of risk instead of the calendar (Moreira and Muir, "Volatility-Managed
//! Portfolios", The Journal of Finance 72, 2017; for drawdowns Grossman and Zhou, "Optimal Investment Strategies for
//! Controlling Drawdowns", Mathematical Finance 3, 1993). The band in which nothing is traded is that of Davis and Norman
//! ("Portfolio Selection with Transaction Costs", Mathematics of Operations Research 15, 1990): a forecast that trembles
//! must not trade.
//!
//! ```text
//! share allowed
//!   share_bps_max ─────────┐
//!                          │╲
//!                          │  ╲
//!   risky_share_bps_min    │    ╲───────────
//!                      start_bps full_bps      forecast
//! ```
//!
//! At or below `start_bps` it does nothing whatever the share is. Above, it acts when the share is more than
//! `move_bps_min` above the line, sells at most `step_bps_max` of NAV in a decision, each asset in proportion to what the
//! account holds of it, and stops at the line. It never buys: the way back is `rebalance`'s, in its own bands, below
//! which no sale of this strategy takes an asset. The DAO's own token is neither counted nor sold.

use crate::swap::{Market, Order, band_room, check_trader, is_stable};
use alloy_primitives::B256;
use quaestor_core::{
    AccountId, AssetId, AssetKind, Intent, Outlook, Purpose, RiskReport, Strategy, StrategySpec, Terms, Value,
    amount::mul_div,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};

/// Largest forecast that a parameter may name, bps: ten times the treasury's value, for yearly volatilities may be above
/// one.
pub const FORECAST_BPS_MAX: u64 = 100_000;

/// The kind `derisk`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "derisk",
    summary: "As the forecast of risk rises above a start, sells volatile assets for cash in steps, down to a share that \
              falls linearly to a floor; never buys back.",
    build,
};

/// What is forecast; see [`RiskReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `drawdown-probability`.
    DrawdownProbability,
    /// `value-at-risk`.
    ValueAtRisk,
    /// `expected-shortfall`.
    ExpectedShortfall,
    /// `volatility`: yearly, of the whole treasury.
    Volatility,
}

impl Signal {
    const ALL: [(&'static str, Self); 4] = [
        ("drawdown-probability", Self::DrawdownProbability),
        ("value-at-risk", Self::ValueAtRisk),
        ("expected-shortfall", Self::ExpectedShortfall),
        ("volatility", Self::Volatility),
    ];

    fn of(self, report: &RiskReport) -> Option<u64> {
        match self {
            Self::DrawdownProbability => report.drawdown_probability_bps,
            Self::ValueAtRisk => report.value_at_risk_bps,
            Self::ExpectedShortfall => report.expected_shortfall_bps,
            Self::Volatility => report.treasury_volatility_bps,
        }
    }
}

/// See [`SPEC`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derisk {
    line: B256,
    account: AccountId,
    cash: AssetId,
    signal: Signal,
    curve: Curve,
    step_bps_max: u64,
    move_bps_min: u64,
    trade_min: Value,
    /// The volatile assets, each with its pool with cash.
    markets: Vec<(AssetId, Option<Market>)>,
}

/// The share of NAV that a forecast allows volatile assets to have; all in bps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Curve {
    start: u64,
    full: u64,
    share_max: u64,
    share_min: u64,
}

impl Curve {
    /// Falls from `share_max` at `start` to `share_min` at `full`, rounded up.
    fn allowed_bps(self, forecast_bps: u64) -> Option<u64> {
        let above = u128::from(forecast_bps.clamp(self.start, self.full).checked_sub(self.start)?);
        let width = u128::from(self.full.checked_sub(self.start)?);
        let fall = mul_div(u128::from(self.share_max.checked_sub(self.share_min)?), above, width)?;
        self.share_max.checked_sub(u64::try_from(fall).ok()?)
    }
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, cash) = (params.account("account"), params.asset("cash"));
    let signal = params.choice("signal", &Signal::ALL.map(|(word, _)| word));
    let start = params.integer("start_bps", 0, FORECAST_BPS_MAX);
    let full = params.integer("full_bps", 1, FORECAST_BPS_MAX);
    let share_max = params.integer("risky_share_bps_max", 0, 10_000);
    let share_min = params.integer("risky_share_bps_min", 0, 10_000);
    let step_bps_max = params.integer("step_bps_max", 1, 10_000);
    let move_bps_min = params.integer("move_bps_min", 1, 10_000);
    let trade_min = params.value("trade_min");
    check_trader(params, account);
    if cash.is_some_and(|cash| !is_stable(params.terms(), cash)) {
        params.problem("cash", "is not a stable asset; write one that is");
    }
    if matches!((start, full), (Some(start), Some(full)) if full <= start) {
        params.problem("full_bps", "is not above `start_bps`; write the forecast at which the least share is reached");
    }
    if matches!((share_max, share_min), (Some(most), Some(least)) if most < least) {
        params.problem(
            "risky_share_bps_max",
            "is less than `risky_share_bps_min`; write the share allowed at `start_bps`",
        );
    }
    if trade_min.is_some_and(Value::is_zero) {
        params.problem("trade_min", "is zero, so that it would trade dust; write such as `100 USD`");
    }
    let (account, cash) = (account?, cash?);
    let (_, signal) = *Signal::ALL.get(signal?)?;
    let curve = Curve { start: start?, full: full?, share_max: share_max?, share_min: share_min? };
    let markets = markets(params.terms(), cash);
    if markets.iter().all(|(_, market)| market.is_none()) {
        params.problem("cash", "no volatile asset of this policy has a pool with it; list one at a venue");
    }
    let (step_bps_max, move_bps_min, trade_min) = (step_bps_max?, move_bps_min?, trade_min?);
    let line = params.line();
    Some(Box::new(Derisk { line, account, cash, signal, curve, step_bps_max, move_bps_min, trade_min, markets }))
}

fn markets(terms: &Terms, cash: AssetId) -> Vec<(AssetId, Option<Market>)> {
    let ids = (0..terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
    let volatile = ids.filter(|id| terms.asset(*id).is_some_and(|asset| asset.kind == AssetKind::Volatile));
    volatile.map(|id| (id, Market::cheapest(terms, id, cash))).collect()
}

impl Strategy for Derisk {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let Curve { start, full, share_max, share_min } = self.curve;
        let forecast = match self.signal {
            Signal::DrawdownProbability => "probability of a drawdown of the treasury",
            Signal::ValueAtRisk => "value at risk of the treasury",
            Signal::ExpectedShortfall => "expected shortfall of the treasury",
            Signal::Volatility => "yearly volatility of the treasury",
        };
        let (account, cash) = (terms.name_of(self.account), terms.symbol_of(self.cash));
        vec![
            format!(
                "It looks at the forecast {forecast}. Up to {} it does nothing. From there on volatile assets may be {} of \
                 the treasury, from {} on {}, and in between in proportion.",
                words::share(start),
                words::share(share_max),
                words::share(full),
                words::share(share_min)
            ),
            format!(
                "When they are more than {} of the treasury above that, it sells them from {account} for {cash}, each in \
                 proportion, at most {} of the treasury in one decision; a sale worth less than {} is left out.",
                words::share(self.move_bps_min),
                words::share(self.step_bps_max),
                words::sum(self.trade_min)
            ),
            "It never buys back, and the DAO's own token is neither counted nor sold. Without the forecast it does nothing."
                .to_owned(),
        ]
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let forecast = self.signal.of(cx.risk).ok_or(StrategyHold::NoForecast)?;
        if forecast <= self.curve.start {
            return Ok(());
        }
        let excess = self.excess(cx, out, forecast).ok_or(StrategyHold::OutOfRange)?;
        if excess.is_zero() {
            return Ok(());
        }
        let step = cx.valuation.nav.share(self.step_bps_max).ok_or(StrategyHold::OutOfRange)?;
        let wanted = excess.min(step);
        let (held, mut short) = self.sellable(cx, out)?;
        if held.is_zero() {
            return Err(short.unwrap_or(StrategyHold::NoBalance));
        }
        let mut sold = false;
        // As many as the policy has volatile assets.
        for (asset, market) in self.markets.iter().filter_map(|(asset, market)| Some((*asset, (*market)?))) {
            match self.sell(cx, out, asset, market, wanted.min(held), held) {
                Ok(intent) => {
                    sold = true;
                    out.push(intent);
                }
                Err(StrategyHold::BelowMinimum) if sold => {}
                Err(reason) => short = short.or(Some(reason)),
            }
        }
        if sold { Ok(()) } else { Err(short.unwrap_or(StrategyHold::BelowMinimum)) }
    }
}

impl Derisk {
    /// Value of volatile assets above the share that the forecast allows; zero while that is within the band in which
    /// nothing is traded. `None` when a number leaves its range.
    fn excess(&self, cx: &Context<'_>, out: &[Intent], forecast: u64) -> Option<Value> {
        let outlook = Outlook::new(cx, Tally::before(self.account, out, &[]));
        let nav = outlook.nav()?;
        let mut risky = Value::ZERO;
        for (asset, _) in &self.markets {
            risky = risky.checked_add(outlook.value_of(*asset)?)?;
        }
        let excess = risky.saturating_sub(nav.share(self.curve.allowed_bps(forecast)?)?);
        Some(if excess > nav.share(self.move_bps_min)? { excess } else { Value::ZERO })
    }

    /// Value of what the account may sell, and why some volatile asset is left out.
    fn sellable(&self, cx: &Context<'_>, out: &[Intent]) -> Result<(Value, Option<StrategyHold>), StrategyHold> {
        let outlook = Outlook::new(cx, Tally::before(self.account, out, &[]));
        let (mut held, mut short) = (Value::ZERO, None);
        for (asset, market) in &self.markets {
            let amount = outlook.spendable(self.account, *asset);
            if amount.is_zero() {
                continue;
            }
            if market.is_none() {
                short = short.or(Some(StrategyHold::NoPool));
                continue;
            }
            let value = cx.value_of(*asset, amount).ok_or(StrategyHold::OutOfRange)?;
            held = held.checked_add(value).ok_or(StrategyHold::OutOfRange)?;
        }
        Ok((held, short))
    }

    /// The part of `wanted` that falls to `asset`: as much as it is of `held`.
    fn sell(
        &self,
        cx: &Context<'_>,
        out: &[Intent],
        asset: AssetId,
        market: Market,
        wanted: Value,
        held: Value,
    ) -> Result<Intent, StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let amount = outlook.spendable(self.account, asset);
        if amount.is_zero() {
            return Err(StrategyHold::BelowMinimum);
        }
        if outlook.opposed_exchange(self.line, asset, self.cash).is_some() {
            return Err(StrategyHold::Opposed);
        }
        let range = StrategyHold::OutOfRange;
        let value = cx.value_of(asset, amount).ok_or(range)?;
        let part = Value(mul_div(wanted.0, value.0, held.0).ok_or(range)?);
        if part < self.trade_min {
            return Err(StrategyHold::BelowMinimum);
        }
        let bands = band_room(cx, &outlook, asset, self.cash).ok_or(range)?;
        let room = bands.min(cx.room_of(self.line, self.account, &tally));
        let amount_in = cx.amount_of(asset, part.min(room)).ok_or(StrategyHold::NoPrice)?.min(amount);
        if cx.value_of(asset, amount_in).ok_or(range)? < self.trade_min {
            return Err(StrategyHold::NoRoom);
        }
        let purpose = Purpose::Strategy { line: self.line, leg: asset.0 };
        let order = Order { account: self.account, purpose, market, sell: asset, buy: self.cash, amount_in };
        order.intent(cx).ok_or(StrategyHold::NoPrice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_share_allowed_falls_linearly_from_the_start_to_the_floor() {
        let curve = Curve { start: 1_000, full: 3_000, share_max: 8_000, share_min: 2_000 };
        let allowed = [0, 1_000, 1_001, 2_000, 2_999, 3_000, 90_000].map(|forecast| curve.allowed_bps(forecast));
        assert_eq!(allowed, [8_000, 8_000, 7_997, 5_000, 2_003, 2_000, 2_000].map(Some));
    }

    proptest! {
        #[test]
        fn a_higher_forecast_never_allows_more(
            (start, width) in (0u64..50_000, 1u64..50_000),
            (least, more) in (0u64..=5_000, 0u64..=5_000),
            (a, b) in (0u64..120_000, 0u64..120_000),
        ) {
            let curve = Curve { start, full: start + width, share_max: least + more, share_min: least };
            let (low, high) = (curve.allowed_bps(a.min(b)).unwrap(), curve.allowed_bps(a.max(b)).unwrap());
            prop_assert!(least <= high && high <= low && low <= least + more);
        }
    }
}
