//! Value at risk and expected shortfall from features: linear quantile regression.
//!
//! R. Koenker and G. Bassett, *Regression quantiles*, Econometrica 46 (1978), 33–50. The pinball loss has a kink, so
//! that Newton's method has nothing to hold on to; it is smoothed by a logistic kernel of bandwidth h, which turns
//! τ·u + max(−u, 0) into τ·u + h·ln(1 + e^(−u/h)) (S. Zheng, *Gradient descent algorithms for quantile regression with
//! smooth approximation*, International Journal of Machine Learning and Cybernetics 2 (2011), 191–207; X. He, X. Pan,
//! K. Tan and W. Zhou, *Smoothed quantile regression with large-scale inference*, Journal of Econometrics 232 (2023),
//! 367–388). Gradient and Hessian of that are sums over records, so members train it together like a drawdown.
//!
//! The expected shortfall is a constant multiple of the value at risk (J. Taylor, *Forecasting value at risk and
//! expected shortfall using a semiparametric approach based on the asymmetric Laplace distribution*, Journal of Business
//! and Economic Statistics 37 (2019), 121–133), the mean ratio of the losses beyond it, in one more round.
//!
//! linfa and smartcore have no quantile regression.

use super::{
    ModelError, Moments, Scaling,
    drawdown::{sigmoid, softplus},
    error::{expect_finite, expect_length, expect_setting},
    newton::{self, Curve, NewtonSums, score},
    tail::{Losses, TAIL_RECORDS_MIN, tail_share},
};
use crate::examples::{Examples, ExamplesError};
use serde::{Deserialize, Serialize};

/// Least bandwidth, standard deviations of the target.
pub const BANDWIDTH_MIN: f64 = 0.05;
/// Largest bandwidth, standard deviations of the target.
pub const BANDWIDTH_MAX: f64 = 2.0;
/// Largest change of a parameter in a round that starts far away; see [`limited`].
pub const CHANGE_MAX: f64 = 0.5;
/// Largest ratio of expected shortfall to value at risk.
pub const RATIO_MAX: f64 = 100.0;
/// Largest change of a parameter at which a fit has settled.
const SETTLED: f64 = 1e-9;

/// What is trained, the same for all members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileTarget {
    /// Share of outcomes that are no worse than the value at risk, bps.
    pub confidence_bps: u16,
    /// h, standard deviations of the target, [`BANDWIDTH_MIN`] to [`BANDWIDTH_MAX`].
    pub bandwidth: f64,
}

/// Scales of features and target, fixed from all members' moments before the first round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileScaling {
    /// Of the features.
    pub features: Scaling,
    /// Standard deviation of the target, a log return; its mean is taken as zero.
    pub target_deviation: f64,
}

impl QuantileScaling {
    /// From summed [`Moments::of_regression`].
    ///
    /// # Errors
    /// If the target has one value only.
    pub fn from_moments(moments: &Moments, names: &[String]) -> Result<Self, ModelError> {
        expect_length("moments", names.len() + 1, moments.width())?;
        let constant = || ExamplesError::Constant {
            name: "target".to_owned(),
            value: moments.mean(names.len()),
            // Saturates; the count is only shown.
            records: moments.records() as usize,
        };
        let target_deviation = moments.deviation(names.len()).ok_or_else(constant)?;
        Ok(Self { features: Scaling::sparing_constants(moments, names)?, target_deviation })
    }

    /// Records brought to scale.
    ///
    /// # Errors
    /// If they have another number of features.
    pub fn apply(&self, examples: &Examples) -> Result<Examples, ModelError> {
        let targets = examples.targets().iter().map(|target| target / self.target_deviation).collect();
        Ok(self.features.apply(examples)?.with_targets(targets)?)
    }
}

impl QuantileTarget {
    /// With the bandwidth that He et al. (2023) propose for `records` of `width` features.
    ///
    /// # Errors
    /// If the confidence is out of range.
    pub fn for_records(confidence_bps: u16, records: usize, width: usize) -> Result<Self, ModelError> {
        let share = tail_share(confidence_bps)?;
        let records = records.max(2) as f64;
        let rate = libm::pow((width as f64 + libm::log(records)) / records, 0.4);
        let bandwidth = (libm::sqrt(share * (1.0 - share)) * rate).clamp(BANDWIDTH_MIN, BANDWIDTH_MAX);
        Ok(Self { confidence_bps, bandwidth })
    }

    fn curve(self) -> Result<impl Fn(f64, f64) -> Curve + Copy, ModelError> {
        let share = tail_share(self.confidence_bps)?;
        let h = self.bandwidth;
        expect_setting("bandwidth", h, BANDWIDTH_MIN..=BANDWIDTH_MAX, "from 0.05 to 2 standard deviations")?;
        Ok(move |score: f64, target: f64| {
            let residual = target - score;
            let below = sigmoid(-residual / h);
            Curve {
                loss: share * residual + h * softplus(-residual / h),
                slope: below - share,
                bend: below * sigmoid(residual / h) / h,
            }
        })
    }

    /// θ before the first round: no feature weighs, and the intercept is the quantile of a logistic variable with the
    /// target's standard deviation, which lies where the smoothed loss bends.
    ///
    /// # Errors
    /// If the confidence is out of range.
    pub fn start(self, width: usize) -> Result<Vec<f64>, ModelError> {
        let share = tail_share(self.confidence_bps)?;
        let scale = libm::sqrt(3.0) / core::f64::consts::PI;
        let mut theta = vec![0.0; width + 1];
        theta[width] = scale * libm::log(share / (1.0 - share));
        Ok(theta)
    }
}

/// Gradient, Hessian and loss of scaled records at θ, without ridge.
///
/// # Errors
/// If the target's settings are out of range, or θ has not one number a feature and one more.
pub fn newton_sums(scaled: &Examples, theta: &[f64], target: QuantileTarget) -> Result<NewtonSums, ModelError> {
    newton::sums(scaled, theta, target.curve()?)
}

/// Each scaled record's own part of [`newton_sums`], laid out like [`NewtonSums::to_vec`].
///
/// # Errors
/// Like [`newton_sums`].
pub fn contributions(
    scaled: &Examples,
    theta: &[f64],
    target: QuantileTarget,
    visit: impl FnMut(&[f64]),
) -> Result<(), ModelError> {
    newton::contributions(scaled, theta, target.curve()?, visit)
}

/// `next`, or the point on the way to it from `theta` where no parameter has changed by more than `change_max`. The
/// smoothed loss is nearly straight far from the quantile, where a whole Newton step would go too far.
///
/// # Errors
/// If they differ in length.
pub fn limited(theta: &[f64], next: &[f64], change_max: f64) -> Result<Vec<f64>, ModelError> {
    expect_length("θ", theta.len(), next.len())?;
    let furthest = theta.iter().zip(next).fold(0.0, |most: f64, (before, after)| most.max((after - before).abs()));
    let share = if furthest > change_max { change_max / furthest } else { 1.0 };
    Ok(theta.iter().zip(next).map(|(before, after)| before + share * (after - before)).collect())
}

/// θ of the scaled records alone, with steps that are halved where they go too far.
///
/// # Errors
/// If fewer than [`TAIL_RECORDS_MIN`] records can lie in the tail (with the counts), or the fit does not settle.
pub fn fit(scaled: &Examples, target: QuantileTarget, ridge: f64) -> Result<Vec<f64>, ModelError> {
    let least = TAIL_RECORDS_MIN as f64 / tail_share(target.confidence_bps)?;
    // A few ten thousand at most.
    scaled.expect_records(libm::ceil(least) as usize)?;
    let start = target.start(scaled.width())?;
    newton::minimise("quantile regression", scaled, &start, ridge, SETTLED, target.curve()?)
}

/// What the expected shortfall needs of scaled records at the trained θ: how many lie beyond the value at risk, and the
/// sum of their ratios to it. Added up place by place. Records whose quantile is a gain are left out.
///
/// # Errors
/// If θ has not one number a feature and one more.
pub fn shortfall_sums(scaled: &Examples, theta: &[f64]) -> Result<[f64; 2], ModelError> {
    let mut sums = [0.0; 2];
    for ratio in shortfall_ratios(scaled, theta)?.flatten() {
        sums[0] += 1.0;
        sums[1] += ratio;
    }
    Ok(sums)
}

/// Record by record the ratio of a loss beyond the value at risk to it, at most [`RATIO_MAX`]; `None` of any other record.
///
/// # Errors
/// Like [`shortfall_sums`].
pub fn shortfall_ratios<'a>(
    scaled: &'a Examples,
    theta: &'a [f64],
) -> Result<impl Iterator<Item = Option<f64>> + 'a, ModelError> {
    newton::expect_theta(scaled.width(), theta)?;
    Ok(scaled.records().map(|(row, target)| {
        let quantile = score(theta, row.iter().copied());
        (quantile < 0.0 && target < quantile).then(|| (target / quantile).min(RATIO_MAX))
    }))
}

/// A trained quantile and the shortfall beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileParameters {
    /// Share of outcomes that are no worse than the value at risk, bps.
    pub confidence_bps: u16,
    /// Names of the features, in order.
    pub features: Vec<String>,
    /// Scales.
    pub scaling: QuantileScaling,
    /// Expected shortfall over value at risk, from 1 to [`RATIO_MAX`].
    pub shortfall_ratio: f64,
    /// A weight a scaled feature, and the intercept.
    pub theta: Vec<f64>,
}

impl QuantileParameters {
    /// From the trained θ and the summed [`shortfall_sums`].
    ///
    /// # Errors
    /// If fewer than [`TAIL_RECORDS_MIN`] records lie beyond the value at risk (with the counts), or the parts do not fit
    /// each other.
    pub fn new(
        features: Vec<String>,
        scaling: QuantileScaling,
        theta: Vec<f64>,
        target: QuantileTarget,
        shortfall: [f64; 2],
    ) -> Result<Self, ModelError> {
        expect_finite("shortfall sums", &shortfall)?;
        let [beyond, ratios] = shortfall;
        if beyond < TAIL_RECORDS_MIN as f64 {
            // Saturates; the count is only shown.
            return Err(ExamplesError::TooFewRecords { found: beyond as usize, least: TAIL_RECORDS_MIN }.into());
        }
        let shortfall_ratio = (ratios / beyond).clamp(1.0, RATIO_MAX);
        let found = Self { confidence_bps: target.confidence_bps, features, scaling, shortfall_ratio, theta };
        found.check()?;
        Ok(found)
    }

    /// Fails if the parts do not fit each other or hold impossible numbers.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        tail_share(self.confidence_bps)?;
        self.scaling.features.check(self.features.len())?;
        let deviations = f64::MIN_POSITIVE..=f64::MAX;
        expect_setting("target_deviation", self.scaling.target_deviation, deviations, "a number above 0")?;
        expect_setting("shortfall_ratio", self.shortfall_ratio, 1.0..=RATIO_MAX, "a number from 1 to 100")?;
        newton::expect_theta(self.features.len(), &self.theta)
    }

    /// Losses at one record's features, in their own units. A quantile that is a gain counts as no loss.
    ///
    /// # Errors
    /// If there are more or fewer features than the model has, or one is not finite.
    pub fn losses(&self, features: &[f64]) -> Result<Losses, ModelError> {
        expect_length("features", self.features.len(), features.len())?;
        expect_finite("features", features)?;
        let quantile = self.scaling.target_deviation * score(&self.theta, self.scaling.features.row(features));
        expect_finite("quantile", &[quantile])?;
        Ok(Losses::from_log(-quantile, -quantile * self.shortfall_ratio))
    }
}

#[cfg(test)]
mod tests;
