//! What a run assumes beside prices: what the treasury holds at first, what flows in and out, what acting costs, and how
//! long people take.

pub use crate::{
    delays::Delays,
    flows::{Flow, FlowTerms},
};

use crate::{Day, depth::Depth};
use quaestor_core::{Amount, Price, Terms, amount::BPS_ONE};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Seconds of thirty days, the month of every monthly figure.
pub const MONTH_SECS: u64 = 2_592_000;
/// Gas of a batch before its actions: Safe or Governor, MultiSend, and the gate's entry.
const BATCH_GAS: u64 = 180_000;

/// Assumptions of a run, unchecked: a TOML file, or the defaults. Names are those of the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// What each account holds at first, whole tokens by symbol. Without any, `value_usd` is spread by the policy's targets.
    pub holdings: BTreeMap<String, BTreeMap<String, String>>,
    /// What the treasury is worth at first, where no holdings are given, whole dollars.
    pub value_usd: Option<u64>,
    /// What flows in and out.
    pub flows: Vec<FlowTerms>,
    /// What acting costs.
    pub costs: Costs,
    /// How long people take.
    pub delays: Delays,
    /// Dollars that raise the price of an asset by one percent when it is bought for them, where the data has no liquidity
    /// of its pool: whole dollars by symbol. An asset without any is taken to be deep.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub depth_usd: BTreeMap<String, String>,
    /// What vaults earn, bps a year, by the name of the venue, where the data has no index of their shares.
    pub yields: BTreeMap<String, i64>,
    /// Assets that the data lacks, each at a constant price in dollars.
    pub prices: BTreeMap<String, String>,
    /// Under which name the data has an asset of the policy.
    pub names: BTreeMap<String, String>,
    /// Decide every so many bars, the first one included, instead of at the policy's schedule.
    pub every_bars: Option<u64>,
    /// When what is proposed is executed at the earliest.
    pub fill: Fill,
}

/// When what is proposed is executed at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// In the bar after the decision's.
    #[default]
    NextBar,
    /// At once, at the very price that was decided on, as nobody can: for comparison with backtesters that do.
    SameBar,
}

/// What of a purchase is the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Targets {
    /// What is spent: fee and slippage come out of what is bought, as at an exchange on chain.
    #[default]
    AfterCosts,
    /// What is bought: fee and slippage come on top of what is spent, as other backtesters count.
    BeforeCosts,
}

/// What acting costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// Of a swap, beside the pool's fee, bps.
    pub slippage_bps: u64,
    /// Fee of a swap, bps; absent: the pool's own.
    pub fee_bps: Option<u64>,
    /// Price of gas, gwei, where the data has none.
    pub gas_gwei: u64,
    /// What of a purchase is the target.
    pub targets: Targets,
}

impl Default for Costs {
    fn default() -> Self {
        Self { slippage_bps: 10, fee_bps: None, gas_gwei: 30, targets: Targets::AfterCosts }
    }
}

impl Costs {
    /// Fee of a swap, hundredths of a basis point, where the pool has this one.
    pub fn fee_pips(&self, pool_fee_pips: u32) -> u64 {
        self.fee_bps.map_or(u64::from(pool_fee_pips), |bps| bps.saturating_mul(100))
    }

    /// Slippage, hundredths of a basis point.
    pub fn slippage_pips(&self) -> u64 {
        self.slippage_bps.saturating_mul(100)
    }

    /// Gas of a batch of so many actions.
    pub fn gas_of(actions: usize) -> u64 {
        /// A swap or a deposit with its approval, the dearest of what a batch holds.
        const ACTION_GAS: u64 = 90_000;
        BATCH_GAS.saturating_add(ACTION_GAS.saturating_mul(actions as u64))
    }
}

/// Something that an assumption says and the policy or the data does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumptionProblem {
    /// Where, such as `holdings.operations.WETH`.
    pub key: String,
    /// What was read and what to write instead.
    pub message: String,
}

impl fmt::Display for AssumptionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Assumptions that fit a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Opening balances by account and asset; `None`: `value_usd` by the targets.
    pub holdings: Option<Vec<Vec<Amount>>>,
    /// Opening value, whole dollars.
    pub value_usd: u64,
    /// Flows.
    pub flows: Vec<Flow>,
    /// Costs.
    pub costs: Costs,
    /// Delays.
    pub delays: Delays,
    /// Depth of each asset that has one.
    pub depths: Vec<Option<Depth>>,
    /// Yield of each venue, bps a year.
    pub yields_bps: Vec<Option<i64>>,
    /// Constant price of each asset that has one.
    pub prices: Vec<Option<Price>>,
    /// Name of each asset in the data, where it is another.
    pub names: Vec<Option<String>>,
    /// Bars between two decisions, where it is not the policy that says when.
    pub every_bars: Option<u64>,
    /// When what is proposed is executed at the earliest.
    pub fill: Fill,
}

/// What a treasury is worth at first where nothing is said: ten million dollars.
pub const VALUE_USD: u64 = 10_000_000;
/// Most and least that a vault may earn in a year, bps.
const YIELD_BPS_MAX: i64 = 100_000;

struct Checker<'a> {
    terms: &'a Terms,
    problems: Vec<AssumptionProblem>,
}

impl Checker<'_> {
    fn problem(&mut self, key: String, message: impl Into<String>) {
        self.problems.push(AssumptionProblem { key, message: message.into() });
    }

    fn account(&mut self, key: &str, name: &str) -> Option<usize> {
        let found = self.terms.account_named(name).map(|id| id.index());
        if found.is_none() {
            let known = self.terms.accounts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
            self.problem(key.to_owned(), format!("`{name}` is no account of the policy; write one of: {known}"));
        }
        found
    }

    fn asset(&mut self, key: &str, symbol: &str) -> Option<usize> {
        let found = self.terms.asset_named(symbol).map(|id| id.index());
        if found.is_none() {
            let known = self.terms.assets.iter().map(|it| it.symbol.as_str()).collect::<Vec<_>>().join(", ");
            self.problem(key.to_owned(), format!("`{symbol}` is no asset of the policy; write one of: {known}"));
        }
        found
    }

    fn amount(&mut self, key: &str, text: &str, asset: usize) -> Option<Amount> {
        let decimals = self.terms.assets.get(asset)?.decimals;
        Amount::parse(text, decimals).map_err(|error| self.problem(key.to_owned(), error.to_string())).ok()
    }
}

impl Assumptions {
    /// Fits them to a policy.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(&self, terms: &Terms) -> Result<Checked, Vec<AssumptionProblem>> {
        let mut checker = Checker { terms, problems: Vec::new() };
        let mut holdings = vec![vec![Amount::ZERO; terms.assets.len()]; terms.accounts.len()];
        for (account, held) in &self.holdings {
            let Some(row) = checker.account("holdings", account) else { continue };
            for (symbol, text) in held {
                let key = format!("holdings.{account}.{symbol}");
                let Some(asset) = checker.asset(&key, symbol) else { continue };
                if let Some(amount) = checker.amount(&key, text, asset) {
                    holdings[row][asset] = amount;
                }
            }
        }
        let mut flows = Vec::with_capacity(self.flows.len());
        for (position, flow) in self.flows.iter().enumerate() {
            let key = format!("flows[{position}]");
            let (account, asset) = (checker.account(&key, &flow.account), checker.asset(&key, &flow.asset));
            let (Some(account), Some(asset)) = (account, asset) else { continue };
            let (text, per_secs) = match flow.pace() {
                Ok(found) => found,
                Err((part, message)) => {
                    checker.problem(format!("{key}.{part}"), message);
                    continue;
                }
            };
            let leaving = text.strip_prefix('-');
            let leaves = leaving.is_some();
            let Some(amount) = checker.amount(&key, leaving.unwrap_or(text), asset) else { continue };
            let at = |day: Option<Day>, or: u64| day.map_or(or, Day::open_timestamp);
            let (from, until, cliff) = (at(flow.from, 0), at(flow.until, u64::MAX), at(flow.cliff, 0));
            flows.push(Flow { name: flow.name.clone(), account, asset, amount, per_secs, leaves, from, until, cliff });
        }
        let mut prices = vec![None; terms.assets.len()];
        for (symbol, text) in &self.prices {
            let key = format!("prices.{symbol}");
            let Some(asset) = checker.asset(&key, symbol) else { continue };
            match Price::parse(text) {
                Ok(price) if !price.is_zero() => prices[asset] = Some(price),
                Ok(_) => checker.problem(key, "is zero; write a price in dollars, such as \"2.5\""),
                Err(error) => checker.problem(key, error.to_string()),
            }
        }
        let mut depths = vec![None; terms.assets.len()];
        for (symbol, text) in &self.depth_usd {
            let key = format!("depth_usd.{symbol}");
            let Some(asset) = checker.asset(&key, symbol) else { continue };
            let dollars = Price::parse(text).ok().filter(|dollars| !dollars.is_zero());
            match dollars.and_then(|dollars| Depth::of_percent(dollars.0)) {
                Some(depth) => depths[asset] = Some(depth),
                None => checker.problem(key, format!("`{text}` is no depth; write dollars, such as \"5000000\"")),
            }
        }
        for (key, message) in self.delays.each().into_iter().filter_map(|(key, it)| Some((key, it.problem()?))) {
            checker.problem(key.to_owned(), message);
        }
        let mut names = vec![None; terms.assets.len()];
        for (symbol, name) in &self.names {
            if let Some(asset) = checker.asset(&format!("names.{symbol}"), symbol) {
                names[asset] = Some(name.clone());
            }
        }
        let mut yields_bps = vec![None; terms.venues.len()];
        for (venue, bps) in &self.yields {
            let key = format!("yields.{venue}");
            match terms.venue_named(venue).filter(|id| terms.vault(*id).is_some()) {
                None => checker.problem(key, format!("`{venue}` is no vault of the policy")),
                Some(_) if !(-9_999..=YIELD_BPS_MAX).contains(bps) => {
                    checker.problem(key, format!("{bps} is out of range; write -9999 to {YIELD_BPS_MAX}"));
                }
                Some(id) => yields_bps[id.index()] = Some(*bps),
            }
        }
        let costs =
            [("costs.slippage_bps", self.costs.slippage_bps), ("costs.fee_bps", self.costs.fee_bps.unwrap_or(0))];
        for (key, bps) in costs.into_iter().filter(|(_, bps)| u128::from(*bps) >= BPS_ONE) {
            checker.problem(key.to_owned(), format!("{bps} takes all of a swap; write less than {BPS_ONE}"));
        }
        if self.every_bars == Some(0) {
            checker.problem("every_bars".to_owned(), "is zero; write 1 or more");
        }
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        Ok(Checked {
            holdings: (!self.holdings.is_empty()).then_some(holdings),
            value_usd: self.value_usd.unwrap_or(VALUE_USD),
            flows,
            costs: self.costs,
            delays: self.delays.clone(),
            depths,
            yields_bps,
            prices,
            names,
            every_bars: self.every_bars,
            fill: self.fill,
        })
    }
}
