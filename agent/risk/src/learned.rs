//! A trained model at work: forecasts from a snapshot, the same bits on every machine.

use crate::{
    data::{AssetView, FEATURE_NAMES, FEATURES, TreasuryView, features},
    forecast::{CORRELATION_DAYS, VolatilityForecast},
    model_file::{ModelFile, ModelFileError},
    models::{drawdown::Driver, tail::Losses},
    parameters::{HISTORY_DAYS_MIN, Parameters},
    returns::newest_daily_log_returns,
    train::Part,
};
use alloy_primitives::{B256, keccak256};
use quaestor_core::{
    AssetId, AssetKind, RiskModel, RiskReport, Snapshot, Terms,
    valuation::{Prices, Valuation},
};
use serde::Serialize;

/// Forecasts with a model file: volatility of each asset by HAR, correlations drawn to their mean, value at risk and
/// expected shortfall of a day by filtered historical simulation at the weights at hand, and the probability of a
/// drawdown as the greater of logistic regression and forest.
///
/// What it needs and the snapshot does not hold makes a forecast `None`; what follows from that the policy says.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedModel {
    file: ModelFile,
    hash: B256,
}

/// Why a forecast is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Unknown {
    /// A held asset has too short a history.
    #[error("`{asset}` has {found} daily returns; {least} are needed: read more rounds of its feed, or wait")]
    History {
        /// The asset.
        asset: String,
        /// Daily returns found.
        found: usize,
        /// Daily returns needed.
        least: usize,
    },
    /// The treasury has no value: it is empty, or a price is missing.
    #[error("the treasury has no value at this block: it holds nothing, or a held asset has no price")]
    Value,
    /// A part of the model was not trained.
    #[error("the model has no part `{part}`: train with longer histories")]
    Part {
        /// Which.
        part: Part,
    },
}

/// Why a forecast is what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The model.
    pub model: B256,
    /// Features of the treasury and their values; empty where they are unknown.
    pub features: Vec<(&'static str, f64)>,
    /// What each adds to the log-odds of a drawdown, the largest in magnitude first.
    pub drivers: Vec<Driver>,
    /// Probability of a drawdown by logistic regression.
    pub logistic: Option<f64>,
    /// Share of trees that say "drawdown"; it may only raise the former.
    pub forest: Option<f64>,
    /// Regime, zero being the calmest, of how many.
    pub regime: Option<(usize, usize)>,
    /// Value at risk of a day by filtered historical simulation, share of NAV: what the model says.
    pub filtered: Option<f64>,
    /// Value at risk of a day by quantile regression, share of NAV: for comparison.
    pub regression: Option<f64>,
    /// What is unknown, and why.
    pub unknown: Vec<Unknown>,
}

/// Newest daily returns that a forecast looks at: correlations look back furthest.
const HISTORY_DAYS_MOST: usize = CORRELATION_DAYS;

/// A snapshot seen by the model.
struct Scene {
    returns: Vec<Vec<f64>>,
    stable: Vec<bool>,
    weights: Vec<f64>,
    burn_month: Option<f64>,
}

impl Scene {
    fn of(terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> Self {
        let mut found = Self { returns: vec![], stable: vec![], weights: vec![], burn_month: None };
        for (index, asset) in terms.assets.iter().enumerate() {
            // The shares of a vault move as its asset does.
            let priced_by = u16::try_from(index).ok().map(|index| terms.priced_by(AssetId(index)));
            let reading = priced_by.and_then(|asset| snapshot.assets.get(asset.index()));
            let newest = |it| newest_daily_log_returns(it, snapshot.block.timestamp, HISTORY_DAYS_MOST);
            found.returns.push(reading.map_or_else(Vec::new, newest));
            found.stable.push(asset.kind == AssetKind::Stable);
            // Basis points fit a float; weights of another treasury are no weights.
            let weight = if weights_bps.len() == terms.assets.len() { weights_bps[index] } else { 0 };
            found.weights.push(weight as f64);
        }
        let mut valuation = Valuation::default();
        if valuation.fill(terms, snapshot, prices).is_some() && !valuation.nav.is_zero() {
            found.burn_month = Some(terms.risk.burn_monthly.0 as f64 / valuation.nav.0 as f64);
        }
        found
    }

    fn views(&self) -> Vec<AssetView<'_>> {
        let assets = self.returns.iter().zip(&self.stable).zip(&self.weights);
        assets.map(|((returns, stable), weight)| AssetView { weight: *weight, stable: *stable, returns }).collect()
    }

    fn features(&self, views: &[AssetView<'_>]) -> Option<[f64; FEATURES]> {
        features(&TreasuryView { assets: views, burn_month: self.burn_month? })
    }

    fn treasury_daily(&self, forecast: &VolatilityForecast) -> Option<f64> {
        forecast.treasury_daily(self.weights.iter().copied())
    }

    fn unknown(&self, terms: &Terms) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        for ((asset, returns), weight) in terms.assets.iter().zip(&self.returns).zip(&self.weights) {
            let (found, least) = (returns.len(), HISTORY_DAYS_MIN);
            if *weight > 0.0 && found < least {
                unknown.push(Unknown::History { asset: asset.symbol.clone(), found, least });
            }
        }
        if self.burn_month.is_none() || self.weights.iter().all(|weight| *weight == 0.0) {
            unknown.push(Unknown::Value);
        }
        unknown
    }
}

impl LearnedModel {
    /// The model of the file with this hash.
    ///
    /// # Errors
    /// Like [`ModelFile::parse`].
    pub fn parse(bytes: &[u8], expected: B256) -> Result<Self, ModelFileError> {
        Ok(Self { file: ModelFile::parse(bytes, expected)?, hash: expected })
    }

    /// The model of a file that was just trained.
    ///
    /// # Errors
    /// Like [`ModelFile::to_bytes`].
    pub fn new(file: ModelFile) -> Result<Self, ModelFileError> {
        let hash = keccak256(file.to_bytes()?);
        Ok(Self { file, hash })
    }

    /// What it was made of.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    fn parameters(&self) -> &Parameters {
        &self.file.parameters
    }

    fn losses(&self, daily: Option<f64>) -> Option<Losses> {
        self.parameters().tail.as_ref()?.losses(daily?)
    }

    /// Why [`RiskModel::assess`] says what it says of the same inputs.
    pub fn explain(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> Explanation {
        let scene = Scene::of(terms, snapshot, prices, weights_bps);
        let views = scene.views();
        let seen = scene.features(&views);
        let Parameters { drawdown, forest, quantile, regimes, tail, volatility } = self.parameters();
        let mut unknown = scene.unknown(terms);
        let parts =
            [(Part::Drawdown, drawdown.is_some()), (Part::Forest, forest.is_some()), (Part::Tail, tail.is_some())];
        unknown.extend(parts.iter().filter(|(_, there)| !there).map(|(part, _)| Unknown::Part { part: *part }));
        let seen = seen.as_ref();
        let logistic = drawdown.as_ref().zip(seen);
        let daily = scene.treasury_daily(&volatility.forecast(&views));
        let quantile = quantile.as_ref().zip(seen).and_then(|(part, seen)| part.losses(seen).ok());
        Explanation {
            model: self.hash,
            features: seen.map_or_else(Vec::new, |seen| FEATURE_NAMES.into_iter().zip(*seen).collect()),
            drivers: logistic.and_then(|(part, seen)| part.explain(seen).ok()).unwrap_or_default(),
            logistic: logistic.and_then(|(part, seen)| part.probability(seen).ok()),
            forest: forest.as_ref().zip(seen).and_then(|(part, seen)| part.probability(seen).ok()),
            regime: seen
                .and_then(|seen| self.parameters().regime(seen))
                .zip(regimes.as_ref().map(|regimes| regimes.centres.len())),
            filtered: self.losses(daily).map(|losses| losses.value_at_risk),
            regression: quantile.map(|losses| losses.value_at_risk),
            unknown,
        }
    }
}

impl RiskModel for LearnedModel {
    /// keccak256 of the model file.
    fn hash(&self) -> B256 {
        self.hash
    }

    fn assess(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> RiskReport {
        let scene = Scene::of(terms, snapshot, prices, weights_bps);
        let views = scene.views();
        let forecast = self.parameters().volatility.forecast(&views);
        let daily = scene.treasury_daily(&forecast);
        let losses = self.losses(daily);
        let seen = scene.features(&views);
        let drawdown = seen.and_then(|seen| self.parameters().drawdown_probability(&seen));
        let yearly = |daily: f64| daily * libm::sqrt(crate::PERIODS_PER_YEAR);
        let any = forecast.daily.iter().any(Option::is_some);
        RiskReport {
            model: self.hash,
            volatility: forecast.daily.iter().map(|daily| daily.map(yearly)).collect(),
            correlation: if any { forecast.correlation } else { Vec::new() },
            treasury_volatility_bps: daily.map(yearly).and_then(bps),
            value_at_risk_bps: losses.and_then(|losses| bps(losses.value_at_risk)),
            expected_shortfall_bps: losses.and_then(|losses| bps(losses.expected_shortfall)),
            drawdown_probability_bps: drawdown.and_then(bps),
        }
    }
}

/// Basis points rounded up.
fn bps(share: f64) -> Option<u64> {
    let bps = libm::ceil(share * 10_000.0);
    // Far below 2^53 where it is finite and no nonsense; the conversion saturates.
    (bps.is_finite() && bps >= 0.0).then_some(bps as u64)
}

#[cfg(test)]
mod tests;
