//! What a run came to: values bar by bar, proposals and what became of them, refusals, costs.

use crate::engine::{Forecast, Plan};
use quaestor_core::{
    AccountId, AssetKind, Intent, Policy, RiskReport, Rule, Terms, Value, Verdict, amount::BPS_FACTOR, policy::Band,
    strategy::StrategyHold, valuation::Valuation,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The change of value, by where it came from; dollars. Opening value, these, and nothing else make the value at the end.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Split {
    /// Prices moved.
    pub price_usd: f64,
    /// Vaults earned.
    pub yield_usd: f64,
    /// What flowed in, less what flowed out.
    pub flows_usd: f64,
    /// Fees, slippage, price impact and gas.
    pub costs_usd: f64,
    /// What should have flowed out and could not; no part of the change.
    pub unpaid_usd: f64,
}

fn in_dollars(value: Value) -> f64 {
    value.0 as f64 / quaestor_core::amount::WAD as f64
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It still waits at the end of the run.
    Waiting,
    /// It ran.
    Executed {
        /// When, Unix seconds.
        at: u64,
    },
    /// The gate refused it when it was judged again, and it was withdrawn.
    Withdrawn {
        /// When, Unix seconds.
        at: u64,
        /// By which rule.
        rule: Rule,
    },
    /// Its time passed before people had decided.
    Expired {
        /// When, Unix seconds.
        at: u64,
    },
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposed {
    /// When, Unix seconds.
    pub at: u64,
    /// Index of the account.
    pub account: u16,
    /// Intents.
    pub intents: usize,
    /// Value that it moves, dollars.
    pub value_usd: f64,
    /// How long people take for it, seconds.
    pub delay_secs: u64,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// How often it would have reverted when people tried to execute it.
    pub reverts: u32,
}

impl Proposed {
    pub(crate) fn new(at: u64, account: AccountId, intents: usize, value: Value, delay_secs: u64) -> Self {
        let value_usd = in_dollars(value);
        Self { at, account: account.0, intents, value_usd, delay_secs, fate: Fate::Waiting, reverts: 0 }
    }
}

/// Something that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Refused {
    /// When, Unix seconds.
    pub at: u64,
    /// By which rule.
    pub rule: Rule,
    /// What would have moved, dollars; nothing where no strategy was asked.
    pub value_usd: f64,
}

/// What trading cost, dollars.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Paid {
    /// Fees of pools.
    pub fees_usd: f64,
    /// Slippage.
    pub slippage_usd: f64,
    /// By how much swaps moved prices.
    pub impact_usd: f64,
    /// Gas.
    pub gas_usd: f64,
}

impl Paid {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.fees_usd + self.slippage_usd + self.impact_usd + self.gas_usd
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// First bar.
    pub start: usize,
    /// Value before the first bar, dollars.
    pub initial_value: f64,
    /// Value at the end of each bar, dollars.
    pub values: Vec<f64>,
    /// What flowed in during each bar less what flowed out, dollars.
    pub inflows: Vec<f64>,
    /// Value of each asset at the beginning and at the end of each bar, dollars, bar by bar; of a thorough run.
    pub holdings: Vec<f64>,
    /// Assets.
    pub width: usize,
    /// Where the change of value came from.
    pub split: Split,
    /// What trading cost.
    pub paid: Paid,
    /// Value that swaps gave, dollars.
    pub traded_usd: f64,
    /// Swaps, deposits and redemptions.
    pub trades: u64,
    /// Decisions taken.
    pub decisions: u64,
    /// Of these, those at which strategies were asked: nothing forbade proposing.
    pub asked: u64,
    /// Proposals, in the order in which they were made.
    pub proposals: Vec<Proposed>,
    /// What each of them does; of a thorough run.
    #[serde(skip)]
    pub intents: Vec<Vec<Intent>>,
    /// Intents, batches and whole decisions that were refused, by rule.
    pub refusals: BTreeMap<Rule, u64>,
    /// Each of them, in the order in which they came.
    pub refused: Vec<Refused>,
    /// Allowed batches that were held back because something of the same account, or of the same cap, still waited.
    pub withheld: u64,
    /// Decisions at which a strategy wanted less than it should, by the strategy's place in the policy and why.
    pub holds: BTreeMap<usize, BTreeMap<&'static str, u64>>,
    /// Decisions at which an asset's share lay outside of its band.
    pub outside_bands: u64,
    /// What was forecast at each decision of a thorough run.
    pub forecasts: Vec<Forecast>,
    /// Stable value at the end of each bar, without the shares of vaults, dollars; of a thorough run, and where the policy names
    /// a burn.
    pub stable: Vec<f64>,
    #[serde(skip)]
    cash: Vec<bool>,
}

/// A word for each hold, as reports say it.
fn word(hold: StrategyHold) -> &'static str {
    match hold {
        StrategyHold::NoPool => "no_pool",
        StrategyHold::BelowMinimum => "below_minimum",
        StrategyHold::NoRoom => "no_room",
        StrategyHold::NoBalance => "no_balance",
        StrategyHold::NoPrice => "no_price",
        StrategyHold::NoRate => "no_rate",
        StrategyHold::OutOfRange => "out_of_range",
        StrategyHold::Opposed => "opposed",
        StrategyHold::PriceLimit => "price_limit",
        StrategyHold::Unconfirmed => "unconfirmed",
        StrategyHold::NoDelegate => "no_delegate",
        StrategyHold::NoForecast => "no_forecast",
        StrategyHold::Waiting => "waiting",
    }
}

impl Run {
    pub(crate) fn new(plan: &Plan<'_>, opening: &[f64]) -> Self {
        let bars = plan.market.len() - plan.start;
        let width = opening.len();
        let terms = plan.policy.terms();
        let is_cash = |asset: &quaestor_core::Asset| asset.kind == AssetKind::Stable && !asset.feeds.is_empty();
        let mut holdings = Vec::with_capacity(if plan.thorough { (bars + 1) * width } else { width });
        holdings.extend_from_slice(opening);
        Self {
            start: plan.start,
            initial_value: opening.iter().sum(),
            values: Vec::with_capacity(bars),
            inflows: Vec::with_capacity(bars),
            holdings,
            width,
            split: Split::default(),
            paid: Paid::default(),
            traded_usd: 0.0,
            trades: 0,
            decisions: 0,
            asked: 0,
            proposals: Vec::new(),
            intents: Vec::new(),
            refusals: BTreeMap::new(),
            refused: Vec::new(),
            withheld: 0,
            holds: BTreeMap::new(),
            outside_bands: 0,
            forecasts: Vec::new(),
            stable: Vec::new(),
            cash: terms.assets.iter().map(is_cash).collect(),
        }
    }

    pub(crate) fn mark(&mut self, value: f64, inflow: f64) {
        self.values.push(value);
        self.inflows.push(inflow);
        self.split.flows_usd += inflow;
    }

    pub(crate) fn hold(&mut self, holdings: impl Iterator<Item = f64>) {
        let mut stable = 0.0;
        for (held, is_cash) in holdings.zip(&self.cash) {
            self.holdings.push(held);
            stable += if *is_cash { held } else { 0.0 };
        }
        self.stable.push(stable);
    }

    /// Something of this value was refused.
    pub(crate) fn refuse(&mut self, at: u64, rule: Rule, value: Value) {
        *self.refusals.entry(rule).or_default() += 1;
        self.refused.push(Refused { at, rule, value_usd: in_dollars(value) });
    }

    /// A decision that strategies were asked for, and what the treasury was worth then.
    pub(crate) fn decided<'a>(
        &mut self,
        at: u64,
        terms: &Terms,
        valuation: &Valuation,
        judged: impl Iterator<Item = (&'a Intent, &'a Verdict)>,
        holds: &[(usize, StrategyHold)],
    ) {
        self.asked += 1;
        for (intent, verdict) in judged {
            if let Verdict::Refused(receipt) = verdict {
                self.refuse(at, receipt.rule, intent.value);
            }
        }
        for (place, reason) in holds {
            *self.holds.entry(*place).or_default().entry(word(*reason)).or_default() += 1;
        }
        let outside = |band: &Band| {
            let share = valuation.value_of(band.asset).times(BPS_FACTOR);
            share < valuation.nav.times(band.min_bps) || share > valuation.nav.times(band.max_bps)
        };
        self.outside_bands += u64::from(terms.bands.iter().any(outside));
    }

    pub(crate) fn forecast(&mut self, bar: usize, report: &RiskReport) {
        self.forecasts.push(Forecast {
            bar,
            volatility_bps: report.treasury_volatility_bps,
            value_at_risk_bps: report.value_at_risk_bps,
            expected_shortfall_bps: report.expected_shortfall_bps,
            drawdown_probability_bps: report.drawdown_probability_bps,
        });
    }

    /// Value at the end, dollars.
    pub fn final_value(&self) -> f64 {
        self.values.last().copied().unwrap_or(self.initial_value)
    }

    /// Return of each bar without what flowed, as a share of the value before it; flows count at the end of a bar.
    pub fn returns(&self) -> Vec<f64> {
        let mut before = self.initial_value;
        let of = |(value, inflow): (&f64, &f64)| {
            let found = if before > 0.0 { (value - inflow) / before - 1.0 } else { 0.0 };
            before = *value;
            found
        };
        self.values.iter().zip(&self.inflows).map(of).collect()
    }

    /// Proposals with this fate.
    pub fn count(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.proposals.iter().filter(|proposal| is(&proposal.fate)).count()
    }
}
