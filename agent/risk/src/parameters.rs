//! All that is trained, as it stands in a model file.

use crate::{
    data::{FEATURE_NAMES, FEATURES, LOOKBACK_DAYS},
    forecast::VolatilityParameters,
    models::{
        ModelError,
        drawdown::LogisticParameters,
        forest::{ForestParameters, second_opinion},
        quantile::QuantileParameters,
        regime::{Point, RegimeParameters},
        tail::TailParameters,
    },
};
use serde::{Deserialize, Serialize};

/// What was trained. A part that could not be trained is missing, and what it would forecast is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Drawdown probability, logistic.
    pub drawdown: Option<LogisticParameters>,
    /// Drawdown probability, second opinion.
    pub forest: Option<ForestParameters>,
    /// Quantile of a day's return, by regression on the features.
    pub quantile: Option<QuantileParameters>,
    /// Regimes of volatility and drawdown.
    pub regimes: Option<RegimeParameters>,
    /// Quantile of standardised residuals.
    pub tail: Option<TailParameters>,
    /// Volatility and correlation.
    pub volatility: VolatilityParameters,
}

/// Days of history that [`Parameters`] need of an asset that is held.
pub const HISTORY_DAYS_MIN: usize = LOOKBACK_DAYS;

impl Parameters {
    /// Fails if a part is impossible or over other features than [`FEATURE_NAMES`].
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        self.volatility.har.check()?;
        self.volatility.shrinkage.check()?;
        self.tail.iter().try_for_each(TailParameters::check)?;
        self.regimes.iter().try_for_each(RegimeParameters::check)?;
        if let Some(part) = &self.drawdown {
            part.check()?;
            expect_features(&part.features)?;
        }
        if let Some(part) = &self.forest {
            part.check()?;
            expect_features(&part.features)?;
        }
        if let Some(part) = &self.quantile {
            part.check()?;
            expect_features(&part.features)?;
        }
        Ok(())
    }

    /// Probability of a drawdown: the logistic one, raised by the forest's. `None` without the logistic part.
    pub fn drawdown_probability(&self, features: &[f64; FEATURES]) -> Option<f64> {
        let logistic = self.drawdown.as_ref()?.probability(features).ok()?;
        match &self.forest {
            None => Some(logistic),
            Some(forest) => Some(second_opinion(logistic, forest.probability(features).ok()?)),
        }
    }

    /// The regime, zero being the calmest.
    pub fn regime(&self, features: &[f64; FEATURES]) -> Option<usize> {
        self.regimes.as_ref()?.regime(regime_point(features))
    }
}

/// What regimes are told apart by: volatility of the month and drawdown, of features in the order of [`FEATURE_NAMES`].
pub fn regime_point(features: &[f64]) -> Point {
    let of = |name| FEATURE_NAMES.iter().position(|other| *other == name).and_then(|place| features.get(place));
    ["volatility_month", "drawdown"].map(|name| of(name).copied().unwrap_or(f64::NAN))
}

fn expect_features(features: &[String]) -> Result<(), ModelError> {
    for (position, expected) in FEATURE_NAMES.iter().enumerate() {
        let found = features.get(position).map_or("", String::as_str);
        if found != *expected {
            let [expected, found] = [*expected, found].map(str::to_owned);
            return Err(crate::ExamplesError::OtherFeatures { position, expected, found }.into());
        }
    }
    if features.len() == FEATURES {
        return Ok(());
    }
    Err(ModelError::Length { what: "features", expected: FEATURES, found: features.len() })
}
