//! Why the model says what it says.

use super::{
    Forecast, Model, Subject,
    forecast::{Assessed, Ceiling, Scene},
};
use quaestor_contracts::explain::{plain, rule_key, share};
use quaestor_risk::{
    EwmaModel, daily_log_returns,
    data::RUNWAY_MONTHS_MAX,
    learned::{Explanation, Unknown},
};
use serde::Serialize;

/// One feature in the logistic score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriverNow {
    /// Its name.
    pub feature: String,
    /// Its value, in its own unit.
    pub value: f64,
    /// The same in words.
    pub words: String,
    /// How many standard deviations it lies above the mean of the training records.
    pub deviations: f64,
    /// What it adds to the log-odds of a drawdown.
    pub log_odds: f64,
}

/// The regime of the market as the treasury feels it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RegimeNow {
    /// Zero is the calmest.
    pub regime: usize,
    /// How many there are.
    pub of: usize,
}

/// A forecast and why it is so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The forecast.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// What each feature adds to the logistic score, the largest in magnitude first; empty where there is no such score.
    pub drivers: Vec<DriverNow>,
    /// Probability of a drawdown by logistic regression.
    pub logistic: Option<f64>,
    /// Share of trees that say "drawdown"; it may only raise the former.
    pub forest: Option<f64>,
    /// The regime.
    pub regime: Option<RegimeNow>,
    /// Value at risk by filtered historical simulation, share of NAV: what the model says.
    pub filtered: Option<f64>,
    /// Value at risk by quantile regression, share of NAV: for comparison.
    pub regression: Option<f64>,
    /// What is unknown, and why.
    pub unknown: Vec<String>,
    /// What the policy makes of each forecast.
    pub policy_says: Vec<String>,
}

impl Explained {
    /// Why the forecast of `scene` is what it is.
    pub fn of(scene: &Scene<'_>) -> Self {
        let assessed = Assessed::of(scene);
        let forecast = Forecast::assessed(scene, &assessed);
        let explanation = scene
            .choice
            .model()
            .and_then(Model::learned)
            .map(|model| model.explain(scene.terms, scene.snapshot, &assessed.prices, &assessed.weights_bps));
        let unknown = match (&explanation, scene.choice.model()) {
            (Some(explanation), _) => explanation.unknown.iter().map(ToString::to_string).collect(),
            (None, Some(Model::Ewma(model))) => unknown_to_ewma(scene, &assessed, model),
            (None, _) => vec!["everything: there is no model".to_owned()],
        };
        let policy_says = forecast.ceilings.iter().map(sentence).collect();
        let drivers = explanation.iter().flat_map(|it| &it.drivers).map(|driver| DriverNow {
            feature: driver.feature.clone(),
            value: driver.value,
            words: feature_words(&driver.feature, driver.value),
            deviations: driver.deviations,
            log_odds: driver.log_odds,
        });
        let part = |of: fn(&Explanation) -> Option<f64>| explanation.as_ref().and_then(of);
        let regime = explanation.as_ref().and_then(|it| it.regime);
        Self {
            drivers: drivers.collect(),
            logistic: part(|it| it.logistic),
            forest: part(|it| it.forest),
            regime: regime.map(|(regime, of)| RegimeNow { regime, of }),
            filtered: part(|it| it.filtered),
            regression: part(|it| it.regression),
            unknown,
            policy_says,
            forecast,
        }
    }
}

/// What the plain estimate leaves open.
fn unknown_to_ewma(scene: &Scene<'_>, assessed: &Assessed, model: &EwmaModel) -> Vec<String> {
    let Scene { terms, snapshot, .. } = *scene;
    let least = usize::from(model.params().min_returns);
    let mut unknown = Vec::new();
    for (asset, position) in terms.assets.iter().zip(0u16..) {
        let priced_by = terms.priced_by(quaestor_core::AssetId(position));
        let reading = snapshot.assets.get(priced_by.index());
        let found = reading.map_or(0, |it| daily_log_returns(it, snapshot.block.timestamp).len());
        if found < least {
            unknown.push(Unknown::History { asset: asset.symbol.clone(), found, least }.to_string());
        }
    }
    if assessed.valuation.as_ref().is_none_or(|valuation| valuation.nav.is_zero()) {
        unknown.push(Unknown::Value.to_string());
    }
    for subject in [Subject::ValueAtRisk, Subject::ExpectedShortfall, Subject::DrawdownProbability] {
        unknown.push(format!("the plain estimate has no {}", subject.words()));
    }
    unknown
}

fn sentence(ceiling: &Ceiling) -> String {
    let Ceiling { subject, forecast_bps, ceiling_bps, is_breached } = *ceiling;
    let key = rule_key(subject.rule());
    let forecast = forecast_bps.map_or_else(|| "unknown".to_owned(), share);
    match ceiling_bps {
        None => format!("{key} is not set, the forecast is {forecast}: it forbids nothing"),
        Some(ceiling) if is_breached => format!("{key} is {}, the forecast is {forecast}: BREACHED", share(ceiling)),
        Some(ceiling) => format!("{key} is {}, the forecast is {forecast}: within it", share(ceiling)),
    }
}

/// A feature's value as a person says it.
fn feature_words(feature: &str, value: f64) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let moved = |log: f64, over: &str| format!("{:+.1} % {over}", libm::expm1(log) * 100.0);
    match feature {
        "return_day" => moved(value, "in a day"),
        "return_week" => moved(value, "in a week"),
        "return_month" => moved(value, "in thirty days"),
        "volatility_day" => format!("the last day moved as {} a year", percent(value)),
        "volatility_week" => format!("the last week moved as {} a year", percent(value)),
        "volatility_month" => format!("the last thirty days moved as {} a year", percent(value)),
        "drawdown" => format!("{} below the highest value of sixty days", percent(value)),
        "correlation" => format!("correlation {value:.2} of what is not stable"),
        "concentration" => format!("concentration {value:.2}, where 1 is a single asset"),
        "burn_month" => format!("{} of NAV paid in thirty days", percent(value)),
        "runway_months" if value >= RUNWAY_MONTHS_MAX => {
            format!("stable assets pay for {RUNWAY_MONTHS_MAX:.0} months or more")
        }
        "runway_months" => format!("stable assets pay for {value:.1} months"),
        other => format!("{} {value}", plain(other)),
    }
}

/// What a trained model's words mean, such as `a day loses more with probability 5.00 %`.
pub(super) fn target_words(forecast: &Forecast) -> Option<String> {
    let target = forecast.target?;
    Some(format!(
        "value at risk: a day loses more with probability {}; drawdown: a fall by {} or more within {} d",
        share(target.tail_bps.into()),
        share(target.loss_bps.into()),
        target.horizon_days
    ))
}
