//! Forecasts for people: a word and its facts a line.

use super::{Explained, Forecast, drivers::target_words};
use quaestor_contracts::{
    explain::{plain, share, wad},
    utc::Utc,
};
use std::fmt::{self, Display, Formatter};

/// Width of the words at the left.
const WORD: usize = 11;
/// Width of a name in a table.
const NAME: usize = 22;
/// Width of a number in a table.
const NUMBER: usize = 10;

fn line(f: &mut Formatter<'_>, word: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "{word:WORD$}{text}")
}

fn bps(found: Option<u64>) -> String {
    found.map_or_else(|| "unknown".to_owned(), share)
}

fn percent(found: Option<f64>) -> String {
    found.map_or_else(|| "unknown".to_owned(), |found| format!("{:.2} %", found * 100.0))
}

impl Display for Forecast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, self)?;
        line(f, "assets", format_args!("{:NAME$}{:>NUMBER$}  {:>NUMBER$}", "", "volatility", "of NAV"))?;
        for asset in &self.assets {
            let (volatility, weight) = (percent(asset.volatility), bps(asset.weight_bps));
            line(f, "", format_args!("{:NAME$}{volatility:>NUMBER$}  {weight:>NUMBER$}", plain(&asset.symbol)))?;
        }
        line(f, "treasury", format_args!("{:NAME$}{:>NUMBER$}  {:>NUMBER$}", "", "forecast", "ceiling"))?;
        for it in &self.ceilings {
            let (forecast, ceiling) = (bps(it.forecast_bps), it.ceiling_bps.map_or_else(|| "none".to_owned(), share));
            let verdict = match (it.ceiling_bps, it.forecast_bps) {
                (None, _) => "",
                (Some(_), None) => "  BREACHED: unknown is unsafe",
                (Some(_), Some(_)) if it.is_breached => "  BREACHED",
                (Some(_), Some(_)) => "  within",
            };
            line(f, "", format_args!("{:NAME$}{forecast:>NUMBER$}  {ceiling:>NUMBER$}{verdict}", it.subject.words()))?;
        }
        if let Some(words) = target_words(self) {
            line(f, "", words)?;
        }
        write!(f, "{:WORD$}{}", "so", self.permitted.words())
    }
}

fn head(f: &mut Formatter<'_>, it: &Forecast) -> fmt::Result {
    line(f, "block", format_args!("{}, {}", it.block.number, Utc(it.block.timestamp)))?;
    line(f, "policy", format_args!("epoch {}, {}", it.epoch, plain(&it.name)))?;
    let [which, why] = it.model.lines();
    line(f, "model", which)?;
    line(f, "", why)?;
    if let Some(warning) = it.model.warning() {
        line(f, "", warning)?;
    }
    match it.nav {
        Some(nav) => line(f, "NAV", format_args!("{} USD", wad(nav.to_u256()))),
        None => line(f, "NAV", "unknown: a held asset has no usable price"),
    }
}

impl Display for Explained {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let it = &self.forecast;
        head(f, it)?;
        if let Some(words) = target_words(it) {
            line(f, "forecasts", words)?;
        }
        if !self.drivers.is_empty() {
            line(f, "drivers", "of the logistic score, the largest first")?;
        }
        for driver in &self.drivers {
            let towards = if driver.log_odds > 0.0 { "raises" } else { "lowers" };
            let (name, odds, deviations) = (plain(&driver.feature), driver.log_odds.abs(), driver.deviations);
            let usual = if deviations < 0.0 { "below" } else { "above" };
            line(
                f,
                "",
                format_args!(
                    "{name:NAME$}{}: {:.1} deviations {usual} the usual, {towards} the log-odds by {odds:.2}",
                    driver.words,
                    deviations.abs()
                ),
            )?;
        }
        let said = bps(it
            .ceilings
            .iter()
            .find(|it| it.subject == super::Subject::DrawdownProbability)
            .and_then(|it| it.forecast_bps));
        if it.target.is_some() {
            line(f, "drawdown", format_args!("{:NAME$}{:>NUMBER$}", "logistic regression", percent(self.logistic)))?;
            line(
                f,
                "",
                format_args!("{:NAME$}{:>NUMBER$}  it may only raise the former", "forest", percent(self.forest)),
            )?;
            line(f, "", format_args!("{:NAME$}{said:>NUMBER$}", "the model says"))?;
            line(
                f,
                "risk",
                format_args!(
                    "{:NAME$}{:>NUMBER$}  the model says this one",
                    "filtered history",
                    percent(self.filtered)
                ),
            )?;
            line(
                f,
                "",
                format_args!("{:NAME$}{:>NUMBER$}  for comparison", "quantile regression", percent(self.regression)),
            )?;
            match self.regime {
                Some(found) => {
                    line(f, "regime", format_args!("{} of {}, 1 being the calmest", found.regime + 1, found.of))?
                }
                None => line(f, "regime", "unknown")?,
            }
        }
        for (index, unknown) in self.unknown.iter().enumerate() {
            line(f, if index == 0 { "unknown" } else { "" }, unknown)?;
        }
        for (index, sentence) in self.policy_says.iter().enumerate() {
            line(f, if index == 0 { "ceilings" } else { "" }, sentence)?;
        }
        write!(f, "{:WORD$}{}", "so", it.permitted.words())
    }
}
