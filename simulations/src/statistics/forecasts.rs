//! Whether what a run forecast came true.

use crate::{engine::Forecast, run::Run};
use quaestor_risk::{
    DAY_SECS, PERIODS_PER_YEAR,
    judge::{Coverage, coverage, qlike},
};
use serde::Serialize;

/// Fewest forecasts that say anything.
const FORECASTS_MIN: usize = 20;
/// Basis points in one.
const BPS_ONE: f64 = 10_000.0;

/// Forecasts of a run against what the treasury returned on the day after each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ForecastTests {
    /// Forecasts of volatility that a day followed; of two whose days overlap the second is left out.
    pub forecasts: usize,
    /// QLIKE of the variance of a day, mean of ln f + r² / f: lower is better, and only models are comparable by it.
    pub qlike: Option<f64>,
    /// Kupiec's and Christoffersen's tests of the value at risk, where the model has one and says how often it is exceeded.
    pub var: Option<Coverage>,
}

/// Of a run with bars of `bar_secs`, whose model says that its value at risk is exceeded with the probability `tail`.
/// `None` where fewer than twenty forecasts were followed by a whole day, or a day is no whole number of bars.
pub fn forecast_tests(run: &Run, bar_secs: u64, tail: Option<f64>) -> Option<ForecastTests> {
    if bar_secs == 0 || !DAY_SECS.is_multiple_of(bar_secs) {
        return None;
    }
    let day = usize::try_from(DAY_SECS / bar_secs).ok()?;
    tests_of(&run.forecasts, &run.returns(), run.start, day, tail)
}

fn tests_of(
    forecasts: &[Forecast],
    returns: &[f64],
    start: usize,
    day: usize,
    tail: Option<f64>,
) -> Option<ForecastTests> {
    let (mut variances, mut squares, mut breaches) = (Vec::new(), Vec::new(), Vec::new());
    let mut free_from = 0;
    for forecast in forecasts {
        let from = (forecast.bar + 1).saturating_sub(start);
        let Some(window) = returns.get(from..from + day).filter(|_| from >= free_from) else { continue };
        free_from = from + day;
        let earned = window.iter().fold(1.0, |grown, found| grown * (1.0 + found)) - 1.0;
        if let Some(bps) = forecast.volatility_bps.filter(|bps| *bps > 0) {
            let yearly = bps as f64 / BPS_ONE;
            variances.push(yearly * yearly / PERIODS_PER_YEAR);
            squares.push(earned * earned);
        }
        if let Some(bps) = forecast.value_at_risk_bps {
            breaches.push(-earned > bps as f64 / BPS_ONE);
        }
    }
    if variances.len() < FORECASTS_MIN {
        return None;
    }
    let var = tail.filter(|_| breaches.len() >= FORECASTS_MIN).and_then(|tail| coverage(&breaches, tail).ok());
    Some(ForecastTests { forecasts: variances.len(), qlike: qlike(&variances, &squares).ok(), var })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(bar: usize) -> Forecast {
        Forecast {
            bar,
            // About √365, so that a day's variance is about one.
            volatility_bps: Some(191_050),
            value_at_risk_bps: Some(200),
            expected_shortfall_bps: None,
            drawdown_probability_bps: None,
        }
    }

    /// By hand: the run begins at bar 10; each day has two bars, and each bar has its forecast, of which every other one's
    /// day overlaps.
    #[test]
    fn a_forecast_meets_the_day_after_it() {
        let mut returns = vec![0.0; 60];
        returns[1] = -0.015;
        returns[2] = -0.015;
        returns[59] = -0.5;
        let forecasts: Vec<Forecast> = (10..70).map(forecast).collect();
        let found = tests_of(&forecasts, &returns, 10, 2, Some(0.05)).unwrap();
        assert_eq!(found.forecasts, 29, "the last bar is no whole day");
        let var = found.var.unwrap();
        assert_eq!((var.days, var.breaches), (29, 1), "two bars of one day add up");
        let earned = 0.985f64 * 0.985 - 1.0;
        let variance = 19.105f64 * 19.105 / 365.0;
        let expected = variance.ln() + earned * earned / variance / 29.0;
        assert!((found.qlike.unwrap() - expected).abs() < 1e-15, "{found:?} {expected}");
        assert_eq!(tests_of(&forecasts[..30], &returns, 10, 2, None), None, "too few");
        assert_eq!(tests_of(&forecasts, &returns, 10, 2, None).unwrap().var, None);
    }
}
