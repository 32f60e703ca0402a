//! The probability of a drawdown: logistic regression.
//!
//! Two ways to train it together. Newton's method on summed gradients and Hessians ([`newton_sums`] and
//! [`NewtonSums::step`]) equals the fit on pooled records. Where members may not send sums, each takes a few steps of
//! its own from the common θ ([`local_steps`], with linfa's solver and its warm start) and the results are averaged
//! (McMahan et al., *Communication-efficient learning of deep networks from decentralized data*, AISTATS 2017); this
//! comes near the pooled fit and does not reach it. Which of the two made a model is in it ([`DrawdownFit`]).
//!
//! Records are brought to scale first ([`Scaling`], fixed from all members' moments before the first round), so that
//! one ridge suits all features. θ has a weight a feature and the intercept last, as in linfa.

use super::{
    ModelError, Scaling,
    error::{expect_length, expect_setting},
    newton::{self, Curve, NewtonSums, score},
};
use crate::examples::Examples;
use linfa::{Dataset, traits::Fit};
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Version of linfa-logistic that the fits come from; it belongs in a model's card.
pub const LINFA_VERSION: &str = "0.8.1";
/// Most iterations of a [`local_steps`].
pub const ITERATIONS_MAX: u64 = 1_000;
/// Largest change of a parameter at which a fit has settled.
const SETTLED: f64 = 1e-10;
/// Largest gradient at which linfa's solver stops; its line search fails below the rounding of the summed loss.
const GRADIENT_SETTLED: f64 = 1e-6;

/// How θ is found by members together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrawdownFit {
    /// Newton's method on summed gradients and Hessians; equal to the pooled fit.
    #[default]
    Newton,
    /// Members' own steps, averaged; near the pooled fit.
    FedAvg,
}

impl DrawdownFit {
    /// What was done, for people.
    pub fn said(self) -> &'static str {
        match self {
            Self::Newton => "Newton's method on summed gradients and Hessians",
            Self::FedAvg => "averages of the members' own steps (FedAvg)",
        }
    }

    /// The other way, to compare with.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Newton => Self::FedAvg,
            Self::FedAvg => Self::Newton,
        }
    }
}

/// A trained probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticParameters {
    /// Names of the features, in order.
    pub features: Vec<String>,
    /// How θ was found.
    pub fit: DrawdownFit,
    /// Their scale.
    pub scaling: Scaling,
    /// A weight a scaled feature, and the intercept.
    pub theta: Vec<f64>,
}

/// What one feature does to a forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Driver {
    /// The feature.
    pub feature: String,
    /// Its value, in its own unit.
    pub value: f64,
    /// How many standard deviations the value lies above the mean of the training records.
    pub deviations: f64,
    /// What it adds to the log-odds against a record with the mean of this feature.
    pub log_odds: f64,
}

/// 1 / (1 + e⁻ˢ), without overflow.
pub fn sigmoid(score: f64) -> f64 {
    let small = libm::exp(-score.abs());
    if score >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

/// ln(1 + eˢ), without overflow.
pub(super) fn softplus(score: f64) -> f64 {
    score.max(0.0) + libm::log1p(libm::exp(-score.abs()))
}

fn log_loss(score: f64, target: f64) -> Curve {
    let probability = sigmoid(score);
    Curve { loss: softplus(score) - target * score, slope: probability - target, bend: probability * sigmoid(-score) }
}

/// Gradient, Hessian and loss of scaled records at θ, without ridge. Records of one class have them too: it is the sum
/// over members that needs both.
///
/// # Errors
/// If a target is neither zero nor one, or θ has not one number a feature and one more.
pub fn newton_sums(scaled: &Examples, theta: &[f64]) -> Result<NewtonSums, ModelError> {
    scaled.classes()?;
    newton::sums(scaled, theta, log_loss)
}

/// Each scaled record's own part of [`newton_sums`], laid out like [`NewtonSums::to_vec`].
///
/// # Errors
/// Like [`newton_sums`].
pub fn contributions(scaled: &Examples, theta: &[f64], visit: impl FnMut(&[f64])) -> Result<(), ModelError> {
    scaled.classes()?;
    newton::contributions(scaled, theta, log_loss, visit)
}

/// θ of the scaled records alone, by the same Newton's method from zero.
///
/// # Errors
/// If they are of one class (with the counts), a target is neither zero nor one, or the fit does not settle.
pub fn fit(scaled: &Examples, ridge: f64) -> Result<Vec<f64>, ModelError> {
    scaled.expect_both_classes(1)?;
    newton::minimise("logistic regression", scaled, &vec![0.0; scaled.width() + 1], ridge, SETTLED, log_loss)
}

/// θ after at most `iterations` of linfa's L-BFGS on this shard's scaled records, started at `theta`. None leave it as
/// it is; a thousand give the fit of this shard alone.
///
/// linfa takes the class with more records as its positive one (of equal ones that of the first record), whatever its
/// value, so θ changes its sign on the way in and out where that class is not the event.
///
/// # Errors
/// If the records are of one class (with the counts: this member is left out of the round), `theta` has another length,
/// `iterations` is above [`ITERATIONS_MAX`], or linfa fails.
pub fn local_steps(scaled: &Examples, theta: &[f64], ridge: f64, iterations: u64) -> Result<Vec<f64>, ModelError> {
    let counts = scaled.expect_both_classes(1)?;
    newton::expect_theta(scaled.width(), theta)?;
    newton::expect_ridge(ridge)?;
    expect_setting("iterations", iterations as f64, 0.0..=ITERATIONS_MAX as f64, "a number up to 1000")?;
    let quiet = counts.records - counts.events;
    let event_first = scaled.targets().first() == Some(&1.0);
    let sign = match counts.events.cmp(&quiet) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Less => -1.0,
        std::cmp::Ordering::Equal => {
            if event_first {
                1.0
            } else {
                -1.0
            }
        }
    };
    let failed = |reason: String| ModelError::Library { library: "linfa-logistic", version: LINFA_VERSION, reason };
    let x = Array2::from_shape_vec((scaled.len(), scaled.width()), scaled.features().to_vec())
        .map_err(|shape| failed(shape.to_string()))?;
    let events: Array1<bool> = scaled.targets().iter().map(|target| *target == 1.0).collect();
    let fitted = LogisticRegression::default()
        .alpha(ridge)
        .gradient_tolerance(GRADIENT_SETTLED)
        .max_iterations(iterations)
        .initial_params(theta.iter().map(|number| sign * number).collect())
        .fit(&Dataset::new(x, events))
        .map_err(|error| failed(error.to_string()))?;
    let expected_positive = sign > 0.0;
    if fitted.labels().pos.class != expected_positive {
        return Err(failed("it chose its positive class otherwise than this version does".to_owned()));
    }
    let next: Vec<f64> =
        fitted.params().iter().copied().chain([fitted.intercept()]).map(|found| sign * found).collect();
    newton::expect_theta(scaled.width(), &next)?;
    Ok(next)
}

impl LogisticParameters {
    /// Fails if the parts do not fit each other or hold impossible numbers.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        self.scaling.check(self.features.len())?;
        newton::expect_theta(self.features.len(), &self.theta)
    }

    /// The score of one record's features, in their own units.
    ///
    /// # Errors
    /// If there are more or fewer than the model has, or one is not finite.
    pub fn log_odds(&self, features: &[f64]) -> Result<f64, ModelError> {
        expect_length("features", self.features.len(), features.len())?;
        super::error::expect_finite("features", features)?;
        let found = score(&self.theta, self.scaling.row(features));
        super::error::expect_finite("log-odds", &[found])?;
        Ok(found)
    }

    /// The probability of a drawdown, from 0 to 1.
    ///
    /// # Errors
    /// Like [`Self::log_odds`].
    pub fn probability(&self, features: &[f64]) -> Result<f64, ModelError> {
        self.log_odds(features).map(sigmoid)
    }

    /// What each feature adds to the log-odds, the largest in magnitude first; with the intercept they sum to
    /// [`Self::log_odds`].
    ///
    /// # Errors
    /// Like [`Self::log_odds`].
    pub fn explain(&self, features: &[f64]) -> Result<Vec<Driver>, ModelError> {
        self.log_odds(features)?;
        let parts = self.features.iter().zip(features).zip(self.scaling.row(features)).zip(&self.theta);
        let mut drivers: Vec<Driver> = parts
            .map(|(((feature, value), deviations), weight)| Driver {
                feature: feature.clone(),
                value: *value,
                deviations,
                log_odds: weight * deviations,
            })
            .collect();
        // Stable: equal ones stay in the order of the features.
        drivers.sort_by(|left, right| right.log_odds.abs().total_cmp(&left.log_odds.abs()));
        Ok(drivers)
    }
}

#[cfg(test)]
mod tests;
