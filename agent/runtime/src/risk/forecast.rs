//! What the model in force says of the treasury at one block, against the policy's ceilings.

use super::{Choice, Model, ModelNow};
use alloy::primitives::B256;
use quaestor_core::{
    BlockRef, RiskModel, RiskReport, Rule, Snapshot, Terms, Value,
    policy::OnBreach,
    valuation::{Prices, Valuation},
};
use quaestor_risk::data::Target;
use serde::Serialize;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The terms of the policy in force.
    pub terms: &'a Terms,
    /// keccak256 of its file.
    pub policy: B256,
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// The model.
    pub choice: &'a Choice,
}

/// What a ceiling is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Yearly volatility of the treasury.
    Volatility,
    /// Value at risk of a day.
    ValueAtRisk,
    /// Mean loss beyond it.
    ExpectedShortfall,
    /// Probability of a drawdown.
    DrawdownProbability,
}

impl Subject {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Volatility => "volatility a year",
            Self::ValueAtRisk => "value at risk",
            Self::ExpectedShortfall => "expected shortfall",
            Self::DrawdownProbability => "drawdown probability",
        }
    }

    /// The rule that refuses above the ceiling.
    pub fn rule(self) -> Rule {
        match self {
            Self::Volatility => Rule::VolatilityBpsMax,
            Self::ValueAtRisk => Rule::ValueAtRiskBpsMax,
            Self::ExpectedShortfall => Rule::ExpectedShortfallBpsMax,
            Self::DrawdownProbability => Rule::DrawdownProbabilityBpsMax,
        }
    }
}

/// A forecast of the whole treasury against its ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ceiling {
    /// What it is on.
    pub subject: Subject,
    /// What the model says, bps rounded up; `None`: unknown.
    pub forecast_bps: Option<u64>,
    /// The policy's ceiling; `None`: there is none.
    pub ceiling_bps: Option<u64>,
    /// Whether it is breached. What is unknown breaches any ceiling.
    pub is_breached: bool,
}

/// What the forecast leaves allowed, of what the policy allows otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permitted {
    /// All of it.
    Everything,
    /// Only what reduces risk.
    OnlyReduce,
    /// Nothing.
    Nothing,
}

impl Permitted {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Everything => "the forecast forbids nothing",
            Self::OnlyReduce => {
                "only what reduces risk is allowed: transfers within the treasury, and swaps and redemptions into stable \
                 assets"
            }
            Self::Nothing => "nothing is allowed",
        }
    }
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetRisk {
    /// Its symbol.
    pub symbol: String,
    /// Its share of NAV, bps; `None` without a price of every held asset.
    pub weight_bps: Option<u64>,
    /// Yearly volatility, 1 being 100 %; `None`: unknown.
    pub volatility: Option<f64>,
}

/// What the model in force says at one block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The block.
    pub block: BlockRef,
    /// Epoch of the policy at that block.
    pub epoch: u64,
    /// keccak256 of the policy in force.
    pub policy: B256,
    /// The policy's name.
    pub name: String,
    /// The model.
    pub model: ModelNow,
    /// What a trained model calls a drawdown and a value at risk.
    pub target: Option<Target>,
    /// Net asset value; `None` without a price of every held asset.
    pub nav: Option<Value>,
    /// Assets, in the policy's order.
    pub assets: Vec<AssetRisk>,
    /// Forecasts of the whole treasury.
    pub ceilings: [Ceiling; 4],
    /// What follows.
    pub permitted: Permitted,
}

/// Valuation and report of a scene.
#[derive(Debug)]
pub(super) struct Assessed {
    pub(super) prices: Prices,
    pub(super) valuation: Option<Valuation>,
    pub(super) weights_bps: Vec<u64>,
    pub(super) report: RiskReport,
}

impl Assessed {
    /// As the pipeline does it before a decision.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let Scene { terms, snapshot, choice, .. } = *scene;
        let prices = Prices::resolve(terms, snapshot);
        let mut valuation = Valuation::default();
        let valuation = valuation.fill(terms, snapshot, &prices).map(|()| valuation);
        let weights_bps = valuation.as_ref().map(Valuation::weights_bps).unwrap_or_default();
        let report = choice.model().map(|model| model.assess(terms, snapshot, &prices, &weights_bps));
        Self { prices, valuation, weights_bps, report: report.unwrap_or_default() }
    }
}

impl Forecast {
    /// What is forecast of `scene`.
    pub fn of(scene: &Scene<'_>) -> Self {
        Self::assessed(scene, &Assessed::of(scene))
    }

    pub(super) fn assessed(scene: &Scene<'_>, assessed: &Assessed) -> Self {
        let Scene { terms, policy, snapshot, choice } = *scene;
        let Assessed { valuation, weights_bps, report, .. } = assessed;
        let asset = |(position, asset): (usize, &quaestor_core::Asset)| AssetRisk {
            symbol: asset.symbol.clone(),
            weight_bps: weights_bps.get(position).copied(),
            volatility: report.volatility.get(position).copied().flatten(),
        };
        let ceilings = ceilings(terms, report);
        let permitted = match (choice, terms.risk.on_breach) {
            (Choice::Hold { .. }, _) => Permitted::Nothing,
            _ if ceilings.iter().all(|ceiling| !ceiling.is_breached) => Permitted::Everything,
            (_, OnBreach::OnlyReduce) => Permitted::OnlyReduce,
            (_, OnBreach::Hold) => Permitted::Nothing,
        };
        Self {
            block: snapshot.block,
            epoch: snapshot.anchor.epoch,
            policy,
            name: terms.name.clone(),
            model: ModelNow::of(choice, &terms.risk, snapshot.block.timestamp),
            target: choice.model().and_then(Model::learned).map(|model| model.file().target),
            nav: valuation.as_ref().map(|valuation| valuation.nav),
            assets: terms.assets.iter().enumerate().map(asset).collect(),
            ceilings,
            permitted,
        }
    }
}

/// The judge's own rule: a ceiling is breached above it, and where the forecast is unknown.
fn ceilings(terms: &Terms, report: &RiskReport) -> [Ceiling; 4] {
    let risk = &terms.risk;
    let rows = [
        (Subject::Volatility, report.treasury_volatility_bps, risk.volatility_bps_max),
        (Subject::ValueAtRisk, report.value_at_risk_bps, risk.value_at_risk_bps_max),
        (Subject::ExpectedShortfall, report.expected_shortfall_bps, risk.expected_shortfall_bps_max),
        (Subject::DrawdownProbability, report.drawdown_probability_bps, risk.drawdown_probability_bps_max),
    ];
    rows.map(|(subject, forecast_bps, ceiling_bps)| {
        let above = |ceiling| forecast_bps.is_none_or(|bps| bps > ceiling);
        Ceiling { subject, forecast_bps, ceiling_bps, is_breached: ceiling_bps.is_some_and(above) }
    })
}
