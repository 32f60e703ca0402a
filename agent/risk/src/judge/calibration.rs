//! Whether forecast probabilities come true as often as they say. Neither linfa nor smartcore has reliability diagrams or
//! recalibration slopes.

use super::metrics::{MetricError, brier};
use crate::{Examples, models::drawdown};
use serde::{Deserialize, Serialize};

/// Bins of a reliability diagram, all of one width.
pub const BINS: usize = 10;
/// Probabilities are kept this far from zero and one before their log-odds are taken.
const PROBABILITY_MIN: f64 = 1e-6;

/// Records whose forecast lay in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// How many.
    pub records: usize,
    /// Mean forecast.
    pub forecast: f64,
    /// Share that were events.
    pub observed: f64,
}

/// Calibration of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Bins with records, by rising forecast.
    pub bins: Vec<Bin>,
    /// a of log-odds(event) = a + b · log-odds(forecast), zero when calibrated. `None` when the fit does not exist.
    /// Cox, "Two further applications of a model for binary regression", Biometrika 45 (1958).
    pub intercept: Option<f64>,
    /// b of the same, one when calibrated, below one when forecasts are too sure.
    pub slope: Option<f64>,
}

/// Compares probabilities with events (1 or 0).
///
/// # Errors
/// As of [`brier`].
pub fn calibration(probabilities: &[f64], events: &[f64]) -> Result<Calibration, MetricError> {
    brier(probabilities, events)?;
    let mut sums = [(0usize, 0.0, 0.0); BINS];
    for (p, y) in probabilities.iter().zip(events) {
        let (records, forecast, observed) = &mut sums[((p * BINS as f64) as usize).min(BINS - 1)];
        *records += 1;
        *forecast += p;
        *observed += y;
    }
    let bins = sums.iter().filter(|(records, ..)| *records > 0).map(|&(records, forecast, observed)| {
        let of = records as f64;
        Bin { records, forecast: forecast / of, observed: observed / of }
    });
    let fitted = recalibrate(probabilities, events);
    Ok(Calibration {
        bins: bins.collect(),
        intercept: fitted.map(|(intercept, _)| intercept),
        slope: fitted.map(|(_, slope)| slope),
    })
}

/// Unpenalised logistic regression of events on the log-odds of their forecasts: intercept and slope. `None` when it
/// does not settle, as when forecasts are all alike or separate events perfectly.
fn recalibrate(probabilities: &[f64], events: &[f64]) -> Option<(f64, f64)> {
    let clamped = probabilities.iter().map(|p| p.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN));
    let log_odds = clamped.map(|p| libm::log(p / (1.0 - p))).collect();
    // Records have no day here; their place keeps them apart.
    let days = (0..).take(events.len()).collect();
    let examples = Examples::new(vec!["log_odds".into()], log_odds, events.to_vec(), days).ok()?;
    match drawdown::fit(&examples, 0.0).ok()?.as_slice() {
        [slope, intercept] => Some((*intercept, *slope)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_was_forecast_and_what_came() {
        let found = calibration(&[0.05, 0.05, 0.95, 1.0], &[0.0, 1.0, 1.0, 1.0]).unwrap();
        let expected =
            [Bin { records: 2, forecast: 0.05, observed: 0.5 }, Bin { records: 2, forecast: 0.975, observed: 1.0 }];
        assert_eq!(found.bins, expected);
    }

    /// Of a hundred records with log-odds ±ln 9, forecast with ±ln 9 · 2 too sure: intercept 0, slope ½.
    #[test]
    fn forecasts_that_are_too_sure_have_a_slope_below_one() {
        let sure = 81.0 / 82.0;
        let (mut forecasts, mut events) = (vec![], vec![]);
        for record in 0..100 {
            let high = record < 50;
            forecasts.push(if high { sure } else { 1.0 - sure });
            // Nine of ten come as the sign says.
            events.push(f64::from(u8::from(high == (record % 10 != 0))));
        }
        let found = calibration(&forecasts, &events).unwrap();
        assert!(found.intercept.unwrap().abs() < 1e-9);
        assert!((found.slope.unwrap() - 0.5).abs() < 1e-9, "{:?}", found.slope);
    }

    #[test]
    fn a_fit_that_does_not_exist_is_none() {
        let same = calibration(&[0.3; 4], &[0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!((same.intercept, same.slope), (None, None));
        let separated = calibration(&[0.1, 0.2, 0.8, 0.9], &[0.0, 0.0, 1.0, 1.0]).unwrap();
        assert_eq!(separated.slope, None);
    }
}
