//! Scores of forecasts. All are means over records, in the order of the records.

use smartcore::metrics::{mean_squared_error, roc_auc_score};

/// Probabilities are kept this far from zero and one before their logarithm is taken.
const PROBABILITY_MIN: f64 = 1e-12;
/// An expected shortfall nearer to zero than a hundredth of a percent counts as this: a score that takes its logarithm and
/// divides by it has no bottom there.
const SHORTFALL_MIN: f64 = 1e-4;

/// Why forecasts have no score.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// No records.
    #[error("there is nothing to score; give at least one record")]
    Empty,
    /// Forecasts and outcomes differ in number.
    #[error("{forecasts} forecasts for {outcomes} outcomes; give one forecast an outcome")]
    Lengths {
        /// Forecasts.
        forecasts: usize,
        /// Outcomes.
        outcomes: usize,
    },
    /// A number that the score is not defined for.
    #[error("{what} {record} is {found}; give {wanted}")]
    Number {
        /// `forecast`, `shortfall` or `outcome`.
        what: &'static str,
        /// The record, from zero.
        record: usize,
        /// What was given.
        found: f64,
        /// What the score is defined for.
        wanted: &'static str,
    },
    /// The tail's probability is none, or certain.
    #[error("a tail of probability {tail}; give a number between 0 and 1")]
    Tail {
        /// What was given.
        tail: f64,
    },
    /// The score needs events and records without one.
    #[error("{events} of {records} records are events; this score needs both kinds, so test on more days")]
    OneClass {
        /// Records in all.
        records: usize,
        /// Events among them.
        events: usize,
    },
}

fn check(
    forecasts: &[f64],
    outcomes: &[f64],
    forecast: (fn(f64) -> bool, &'static str),
    outcome: (fn(f64) -> bool, &'static str),
) -> Result<(), MetricError> {
    if forecasts.len() != outcomes.len() {
        return Err(MetricError::Lengths { forecasts: forecasts.len(), outcomes: outcomes.len() });
    }
    if forecasts.is_empty() {
        return Err(MetricError::Empty);
    }
    for (what, numbers, (holds, wanted)) in [("forecast", forecasts, forecast), ("outcome", outcomes, outcome)] {
        for (record, found) in numbers.iter().enumerate() {
            if !holds(*found) {
                return Err(MetricError::Number { what, record, found: *found, wanted });
            }
        }
    }
    Ok(())
}

fn mean(terms: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = terms.len();
    terms.sum::<f64>() / count as f64
}

const FINITE: (fn(f64) -> bool, &str) = (f64::is_finite, "a finite number");
const POSITIVE: (fn(f64) -> bool, &str) = (|one| one.is_finite() && one > 0.0, "a finite number above zero");
const NOT_NEGATIVE: (fn(f64) -> bool, &str) = (|one| one.is_finite() && one >= 0.0, "a finite number from zero on");
const PROBABILITY: (fn(f64) -> bool, &str) = (|one| (0.0..=1.0).contains(&one), "a probability");
const CLASS: (fn(f64) -> bool, &str) = (|one| one == 0.0 || one == 1.0, "1 for an event and 0 for none");

/// QLIKE of variance forecasts: mean of ln f + y / f over realised variances y. Patton, "Volatility forecast comparison
/// using imperfect volatility proxies", Journal of Econometrics 160 (2011). It ranks forecasts as the true variance
/// would although squared returns are noisy, and is defined on days without movement. Lower is better.
///
/// # Errors
/// If there is no record, numbers differ in count, a forecast is not above zero or an outcome below it.
pub fn qlike(forecasts: &[f64], realised: &[f64]) -> Result<f64, MetricError> {
    check(forecasts, realised, POSITIVE, NOT_NEGATIVE)?;
    Ok(mean(forecasts.iter().zip(realised).map(|(f, y)| libm::log(*f) + y / f)))
}

/// Brier score: mean of (p − y)², y being 1 for an event and 0 for none. Lower is better.
///
/// # Errors
/// If there is no record, numbers differ in count, a forecast is no probability or an outcome neither 0 nor 1.
pub fn brier(probabilities: &[f64], events: &[f64]) -> Result<f64, MetricError> {
    check(probabilities, events, PROBABILITY, CLASS)?;
    Ok(mean_squared_error(&events.to_vec(), &probabilities.to_vec()))
}

/// Mean of −ln of the probability given to what happened. linfa's has 32-bit floats and a forecast of zero makes it
/// infinite, hence ours. Lower is better.
///
/// # Errors
/// As of [`brier`].
pub fn log_loss(probabilities: &[f64], events: &[f64]) -> Result<f64, MetricError> {
    check(probabilities, events, PROBABILITY, CLASS)?;
    let of = |(p, y): (&f64, &f64)| {
        let given = if *y == 1.0 { *p } else { 1.0 - *p };
        -libm::log(given.max(PROBABILITY_MIN))
    };
    Ok(mean(probabilities.iter().zip(events).map(of)))
}

/// Area under the ROC curve: the probability that an event got a higher forecast than a record without one, ties
/// counting half. smartcore's, because linfa rounds scores to 32 bits, which makes ties of what differs. Higher is
/// better.
///
/// # Errors
/// As of [`brier`], or if all records are events or none is.
pub fn auc(scores: &[f64], events: &[f64]) -> Result<f64, MetricError> {
    check(scores, events, FINITE, CLASS)?;
    both_classes(events)?;
    Ok(roc_auc_score(&events.to_vec(), &scores.to_vec()))
}

fn both_classes(outcomes: &[f64]) -> Result<(), MetricError> {
    let events = outcomes.iter().filter(|one| **one == 1.0).count();
    match events {
        0 => Err(MetricError::OneClass { records: outcomes.len(), events }),
        _ if events == outcomes.len() => Err(MetricError::OneClass { records: outcomes.len(), events }),
        _ => Ok(()),
    }
}

/// Pinball loss of quantile forecasts at the level `tail`: mean of (tail − [y < q]) · (y − q). Koenker and Bassett
/// (1978). Lower is better.
///
/// # Errors
/// If there is no record, numbers differ in count, or one is not finite.
pub fn pinball(quantiles: &[f64], outcomes: &[f64], tail: f64) -> Result<f64, MetricError> {
    check(quantiles, outcomes, FINITE, FINITE)?;
    let of = |(q, y): (&f64, &f64)| (tail - if y < q { 1.0 } else { 0.0 }) * (y - q);
    Ok(mean(quantiles.iter().zip(outcomes).map(of)))
}

/// FZ0 loss of forecasts of a quantile v and of the mean e below it, jointly, of outcomes y: mean of
/// −[y ≤ v]·(v − y) / (tail·e) + v / e + ln(−e) − 1. Patton, Ziegel and Chen, "Dynamic semiparametric models for expected
/// shortfall (and value-at-risk)", Journal of Econometrics 211 (2019), equation 6; of the family of Fissler and Ziegel,
/// "Higher order elicitability and Osband's principle", Annals of Statistics 44 (2016). No score of an expected shortfall
/// alone is least at the truth, and this one of the pair is. It is that of returns below zero for a loss, and scaling
/// returns and forecasts moves all scores alike. Lower is better.
///
/// # Errors
/// If there is no record, numbers differ in count, one is not finite, a shortfall is above its quantile, or `tail` is not
/// between zero and one.
pub fn fissler_ziegel(quantiles: &[f64], shortfalls: &[f64], outcomes: &[f64], tail: f64) -> Result<f64, MetricError> {
    check_tail(quantiles, shortfalls, outcomes, tail)?;
    let of = |((v, e), y): ((&f64, &f64), &f64)| {
        let e = least_shortfall(*e);
        let beyond = if y <= v { v - y } else { 0.0 };
        (v - beyond / tail) / e + libm::log(-e) - 1.0
    };
    Ok(mean(quantiles.iter().zip(shortfalls).zip(outcomes).map(of)))
}

/// Fails where forecasts of a tail cannot be compared with what came.
pub(super) fn check_tail(
    quantiles: &[f64],
    shortfalls: &[f64],
    outcomes: &[f64],
    tail: f64,
) -> Result<(), MetricError> {
    check(quantiles, outcomes, FINITE, FINITE)?;
    check(shortfalls, outcomes, FINITE, FINITE)?;
    let above = quantiles.iter().zip(shortfalls).position(|(quantile, shortfall)| shortfall > quantile);
    if let Some((record, found)) = above.and_then(|record| Some((record, *shortfalls.get(record)?))) {
        return Err(MetricError::Number {
            what: "shortfall",
            record,
            found,
            wanted: "a number no greater than its quantile",
        });
    }
    match tail > 0.0 && tail < 1.0 {
        true => Ok(()),
        false => Err(MetricError::Tail { tail }),
    }
}

/// The shortfall, or [`SHORTFALL_MIN`] below zero where it is nearer or a gain.
pub(super) fn least_shortfall(shortfall: f64) -> f64 {
    shortfall.min(-SHORTFALL_MIN)
}

#[cfg(test)]
mod tests;
