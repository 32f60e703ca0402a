//! A plain comparison: weights and a calendar, no chain and no addresses. It is a policy like any other, made here.

use crate::assumptions::Fill;
use alloy_primitives::B256;
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, AssetId, Catalog, Context, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms, Value,
    snapshot::Tally,
    strategy::{ParamValue, Params, StrategyHold},
};
use quaestor_strategies::swap::{Market, Order};
use std::fmt::Write as _;

/// The cash of a plain policy: a dollar that is always one.
pub const CASH: &str = "CASH";
/// The account of a plain policy.
pub const ACCOUNT: &str = "operations";
/// Assets beside cash, at most.
const SHARES_MAX: usize = 30;
/// How far a price may move until a swap reverts, beside what it costs, and so how much of a sale cannot be spent at once.
const MOVE_BPS: u64 = 300;
/// Hundredths of a percent in one.
const BPS_ONE: u64 = 10_000;

/// Why weights are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// No weight at all.
    #[error("there is no weight; write such as `ETH=5000,BTC=3000`, in basis points")]
    Empty,
    /// Something else than a name and a number.
    #[error("`{found}` is no weight; write an asset of the data and its basis points, such as `ETH=5000`")]
    Form {
        /// What was read.
        found: String,
    },
    /// A name that a policy does not take.
    #[error("`{found}` is no name of an asset; write letters and digits")]
    Name {
        /// What was read.
        found: String,
    },
    /// The same asset twice.
    #[error("`{found}` is there twice")]
    Twice {
        /// Which.
        found: String,
    },
    /// More than a policy takes.
    #[error("there are {found} weights; write {SHARES_MAX} at most")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// More than all.
    #[error("the weights come to {found} basis points; write 10000 at most, what is left is cash")]
    Sum {
        /// Their sum.
        found: u64,
    },
}

/// Reads `ETH=5000,BTC=3000`.
///
/// # Errors
/// What is wrong with it.
pub fn weights(text: &str) -> Result<Vec<(String, u64)>, PlainError> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let form = || PlainError::Form { found: entry.to_owned() };
        let (name, bps) = entry.split_once('=').ok_or_else(form)?;
        let bps: u64 = bps.trim().parse().map_err(|_| form())?;
        let name = name.trim();
        if name.is_empty() || name == CASH || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PlainError::Name { found: name.to_owned() });
        }
        if found.iter().any(|(known, _)| known == name) {
            return Err(PlainError::Twice { found: name.to_owned() });
        }
        found.push((name.to_owned(), bps));
    }
    let sum = found.iter().fold(0u64, |sum, (_, bps)| sum.saturating_add(*bps));
    if found.len() > SHARES_MAX {
        return Err(PlainError::TooMany { found: found.len() });
    }
    match (found.is_empty(), sum > BPS_ONE) {
        (true, _) => Err(PlainError::Empty),
        (_, true) => Err(PlainError::Sum { found: sum }),
        _ => Ok(found),
    }
}

/// The kind `weights`: at every decision back to the very shares, however little an asset has strayed.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "weights",
    summary: "At every decision trades back to the shares that it is given: first sales for cash, then buys with it.",
    build,
};

/// See [`SPEC`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Weights {
    line: B256,
    account: AccountId,
    cash: AssetId,
    /// Shares, and where each asset is traded.
    targets: Vec<(AssetId, u64, Market)>,
    /// Most that a sale may lose, bps: what it brings at the least can be spent at once.
    sale_loss_bps_max: Option<u64>,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, cash) = (params.account("account"), params.asset("cash"));
    let shares = params.tables("shares", SHARES_MAX, |share| {
        let (asset, bps) = (share.asset("asset"), share.integer("bps", 0, BPS_ONE));
        Some((asset?, bps?))
    });
    let sale_loss_bps_max =
        if params.has("sale_loss_bps_max") { Some(params.integer("sale_loss_bps_max", 0, BPS_ONE - 1)?) } else { None };
    let (account, cash) = (account?, cash?);
    let targets =
        shares?.into_iter().map(|(asset, bps)| Some((asset, bps, Market::required(params, "shares", asset, cash)?)));
    let targets = targets.collect::<Option<Vec<_>>>()?;
    Some(Box::new(Weights { line: params.line(), account, cash, targets, sale_loss_bps_max }))
}

impl Strategy for Weights {
    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let nav = cx.valuation.nav;
        let order = |asset: AssetId, market: Market, sell, buy, amount_in| {
            let purpose = Purpose::Strategy { line: self.line, leg: asset.0 };
            Order { account: self.account, purpose, market, sell, buy, amount_in }
        };
        let range = StrategyHold::OutOfRange;
        let sale_loss_bps_max = self.sale_loss_bps_max.unwrap_or(cx.terms.limits.slippage_bps_max);
        let mut buys: ArrayVec<(AssetId, Market, Value), SHARES_MAX> = ArrayVec::new();
        for (asset, bps, market) in &self.targets {
            let (held, target) = (cx.valuation.value_of(*asset), nav.share(*bps).ok_or(range)?);
            if held <= target {
                // There are no more targets than that.
                buys.push((*asset, *market, target.saturating_sub(held)));
                continue;
            }
            let amount = cx.amount_of(*asset, held.saturating_sub(target)).ok_or(StrategyHold::NoPrice)?;
            let amount = amount.min(cx.balance(self.account, *asset));
            if !amount.is_zero() {
                let sale = order(*asset, *market, *asset, self.cash, amount);
                sale.push_within(cx, sale_loss_bps_max, out).ok_or(range)?;
            }
        }
        // Where cash runs short it is the largest that goes without, as vectorbt has it; of equal ones the last.
        buys.sort_by_key(|(_, _, missing)| *missing);
        // What sales bring at the least can be spent.
        let tally = Tally::before(self.account, out, &[]);
        let mut left = Outlook::new(cx, tally).spendable(self.account, self.cash);
        for (asset, market, missing) in &buys {
            let amount = cx.amount_of(self.cash, *missing).ok_or(StrategyHold::NoPrice)?.min(left);
            if !amount.is_zero() {
                left = left.saturating_sub(amount);
                order(*asset, *market, self.cash, *asset, amount).push(cx, out).ok_or(range)?;
            }
        }
        Ok(())
    }
}

/// The text of a policy that returns to these weights at every decision, however little an asset has strayed. Addresses are
/// numbers; 18 decimals; no cap but that of what is there. A swap costs `cost_bps`. Where it is executed in the `fill` of a
/// later bar its price may have moved; where it is executed at once a sale brings what it costs less, and all of that can be
/// spent, while the last purchase may have to do with less than its part by what all others cost.
pub fn policy(weights: &[(String, u64)], cost_bps: u64, fill: Fill) -> String {
    let (slippage_bps_max, sale_loss) = match fill {
        Fill::NextBar => (cost_bps.saturating_add(MOVE_BPS), String::new()),
        Fill::SameBar => {
            let others = cost_bps.saturating_mul(weights.len() as u64 + 1);
            (others.saturating_add(MOVE_BPS), format!("sale_loss_bps_max = {}\n", cost_bps.min(BPS_ONE - 1)))
        }
    };
    let slippage_bps_max = slippage_bps_max.min(BPS_ONE - 1);
    let mut next = 0u32;
    let mut address = || {
        next += 1;
        format!("eip155:1:0x1{next:039}")
    };
    let mut text = format!(
        "[policy]\nversion = 1\nname = \"plain weights\"\nchain = \"eip155:1\"\nregistry = \"{}\"\nbrake = \"{}\"\ngate = \"{}\"\n\
         expires = \"9999-01-01T00:00:00Z\"\nevery_blocks = 1\nvalidity = \"1d\"\n\n[accounts.{ACCOUNT}]\nkind = \"safe\"\n\
         address = \"{}\"\n\n[limits]\nslippage_bps_max = {slippage_bps_max}\nvalidity_max = \"1d\"\n\n[risk]\n\
         history_rounds = 2\n\n",
        address(),
        address(),
        address(),
        address()
    );
    let mut asset = |symbol: &str, kind: &str| {
        format!(
            "[assets.{symbol}]\nkind = \"{kind}\"\naddress = \"{}\"\ndecimals = 18\nfeeds = [\"{}\"]\nstaleness_max = \"1d\"\n\n",
            address(),
            address()
        )
    };
    text.push_str(&asset(CASH, "stable"));
    for (symbol, _) in weights {
        text.push_str(&asset(symbol, "volatile"));
    }
    let pool = |(symbol, _): &(String, u64)| format!("{{ pair = [\"{symbol}\", \"{CASH}\"], fee_pips = 1 }}");
    let share = |(symbol, bps): &(String, u64)| format!("{{ asset = \"{symbol}\", bps = {bps} }}");
    let _ = write!(
        text,
        "[venues.market]\nkind = \"uniswap-v3\"\naddress = \"{}\"\ncode_hash = \"0x{:064}\"\npools = [{}]\n\n[[strategies]]\n\
         name = \"weights\"\nkind = \"weights\"\naccount = \"{ACCOUNT}\"\ncash = \"{CASH}\"\n{sale_loss}shares = [{}]\n",
        address(),
        1,
        weights.iter().map(pool).collect::<Vec<_>>().join(", "),
        weights.iter().map(share).collect::<Vec<_>>().join(", "),
    );
    text
}

/// The shares of NAV to which a plain policy returns, by its assets; `None` of any other policy.
pub(crate) fn targets(terms: &Terms) -> Option<Vec<f64>> {
    let [strategy] = terms.strategies.as_slice() else { return None };
    let Some(ParamValue::List(shares)) = strategy.params.get("shares").filter(|_| strategy.kind == SPEC.kind) else {
        return None;
    };
    let mut found = vec![0.0; terms.assets.len()];
    for share in shares {
        let ParamValue::Table(share) = share else { return None };
        let (Some(ParamValue::Text(symbol)), Some(ParamValue::Integer(bps))) = (share.get("asset"), share.get("bps"))
        else {
            return None;
        };
        *found.get_mut(terms.asset_named(symbol)?.index())? = *bps as f64 / BPS_ONE as f64;
    }
    *found.get_mut(terms.asset_named(CASH)?.index())? = 1.0 - found.iter().sum::<f64>();
    Some(found)
}

/// The catalogue that such a policy is read with.
pub fn catalog() -> Catalog {
    Catalog::new([SPEC])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_and_what_is_wrong_is_named() {
        assert_eq!(weights("ETH=5000, BTC=3000"), Ok(vec![("ETH".into(), 5_000), ("BTC".into(), 3_000)]));
        for (text, expected) in [
            ("", "there is no weight"),
            ("ETH", "`ETH` is no weight"),
            ("ETH=half", "`ETH=half` is no weight"),
            ("ETH=1,ETH=2", "`ETH` is there twice"),
            ("ETH=6000,BTC=5000", "come to 11000"),
            ("CASH=1", "`CASH` is no name"),
        ] {
            let found = weights(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn the_policy_is_one() {
        let text = policy(&weights("ETH=5000,BTC=3000").unwrap(), 20, Fill::SameBar);
        let found = quaestor_policies::parse(text.as_bytes(), &catalog());
        assert!(found.is_ok(), "{}\n{text}", found.unwrap_err());
    }
}
