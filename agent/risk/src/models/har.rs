//! Variance forecasts from the realised variance of a day, a week and a month.
//!
//! F. Corsi, *A simple approximate long-memory model of realized volatility*, Journal of Financial Econometrics 7
//! (2009), 174–196: tomorrow's realised variance is linear in those of the last day, week and month, because traders
//! look at these horizons. Realised variance is taken from squared daily log returns, for a snapshot holds nothing
//! finer; weeks have seven days and months thirty, for these markets never close. One set of coefficients serves all
//! assets, so members with different assets can train it together.

use super::{
    ModelError, Moments,
    error::{expect_finite, expect_setting},
    ridge,
};
use crate::{
    examples::{Examples, ExamplesError},
    linalg::dot,
};
use serde::{Deserialize, Serialize};

/// Days of a week in markets without holidays.
pub const WEEK_DAYS: usize = 7;
/// Days of a month in markets without holidays; also the fewest returns a forecast needs.
pub const MONTH_DAYS: usize = 30;
/// Least daily variance, that of 0.01 % volatility: below it a price has not moved, and its logarithm says nothing.
pub const VARIANCE_MIN: f64 = 1e-8;
/// Greatest daily variance of a forecast, that of 300 % volatility a day: more is an extrapolation.
pub const VARIANCE_MAX: f64 = 9.0;
/// Longest horizon, days.
pub const HORIZON_DAYS_MAX: u16 = 90;

/// In which form variances enter the regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HarForm {
    /// As they are. Simple, and led by the largest days.
    Level,
    /// Their logarithms, which are nearer to normal. The forecast is brought back by half the residual variance.
    Log,
}

/// What is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HarTarget {
    /// In which form.
    pub form: HarForm,
    /// Over how many days the variance is averaged, 1 to [`HORIZON_DAYS_MAX`].
    pub horizon_days: u16,
}

/// Coefficients of a trained forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HarParameters {
    /// What is forecast.
    pub target: HarTarget,
    /// Constant.
    pub intercept: f64,
    /// Weights of the day, the week and the month.
    pub weights: [f64; 3],
    /// Mean squared residual of the regression.
    pub residual_variance: f64,
}

/// Names of the three regressors.
pub fn names() -> Vec<String> {
    ["variance_day", "variance_week", "variance_month"].map(str::to_owned).to_vec()
}

fn mean_square(returns: &[f64]) -> f64 {
    dot(returns, returns) / returns.len() as f64
}

fn formed(form: HarForm, variance: f64) -> f64 {
    let bounded = variance.clamp(VARIANCE_MIN, VARIANCE_MAX);
    match form {
        HarForm::Level => bounded,
        HarForm::Log => libm::log(bounded),
    }
}

/// Realised variance of the last day, week and month, in the form of the regression. `None` with fewer than
/// [`MONTH_DAYS`] returns or when one of them is not finite.
pub fn regressors(form: HarForm, returns: &[f64]) -> Option<[f64; 3]> {
    let month = returns.last_chunk::<MONTH_DAYS>()?;
    if !month.iter().all(|found| found.is_finite()) {
        return None;
    }
    let over = |days: usize| formed(form, mean_square(&month[MONTH_DAYS - days..]));
    Some([over(1), over(WEEK_DAYS), over(MONTH_DAYS)])
}

/// Records of one asset. `returns` are daily log returns without gaps, oldest first, the first one ending at
/// `first_day` (since 1970-01-01). Each record's day is the last one that its features know; its target is the mean
/// realised variance over the horizon after it.
///
/// # Errors
/// If the horizon is out of range, there are not [`MONTH_DAYS`] returns and a horizon (with the counts), or one is not
/// finite.
pub fn examples(first_day: u32, returns: &[f64], target: HarTarget) -> Result<Examples, ModelError> {
    check_target(target)?;
    expect_finite("daily returns", returns)?;
    let horizon = usize::from(target.horizon_days);
    let least = MONTH_DAYS + horizon;
    if returns.len() < least {
        return Err(ExamplesError::TooFewRecords { found: returns.len(), least }.into());
    }
    let records = returns.len() - least + 1;
    let (mut features, mut targets) = (Vec::with_capacity(records * 3), Vec::with_capacity(records));
    let mut days = Vec::with_capacity(records);
    for (record, window) in returns.windows(least).enumerate() {
        let (known, later) = window.split_at(MONTH_DAYS);
        features.extend(regressors(target.form, known).into_iter().flatten());
        targets.push(formed(target.form, mean_square(later)));
        // At most RECORDS_MAX records follow; the constructor refuses more.
        days.push(first_day.saturating_add(u32::try_from(record + MONTH_DAYS - 1).unwrap_or(u32::MAX)));
    }
    Ok(Examples::new(names(), features, targets, days)?)
}

fn check_target(target: HarTarget) -> Result<(), ModelError> {
    let range = 1.0..=f64::from(HORIZON_DAYS_MAX);
    expect_setting("horizon_days", f64::from(target.horizon_days), range, "a number of days from 1 to 90")
}

impl HarParameters {
    /// From summed [`Moments::of_regression`] of [`examples`].
    ///
    /// # Errors
    /// Like [`ridge::solve`].
    pub fn from_moments(moments: &Moments, target: HarTarget, ridge: f64) -> Result<Self, ModelError> {
        check_target(target)?;
        let fit = ridge::solve(moments, &names(), ridge)?;
        let weights = <[f64; 3]>::try_from(fit.weights.as_slice()).map_err(|_| ModelError::Length {
            what: "weights",
            expected: 3,
            found: fit.weights.len(),
        })?;
        let found = Self { target, intercept: fit.intercept, weights, residual_variance: fit.residual_variance };
        found.check()?;
        Ok(found)
    }

    /// Mean squared error of the regression on the records of these [`Moments::of_regression`].
    pub fn mean_square_error(&self, moments: &Moments) -> f64 {
        let width = self.weights.len();
        let mut error = moments.covariance(width, width);
        let mut offset = self.intercept - moments.mean(width);
        for (left, weight) in self.weights.iter().enumerate() {
            offset += weight * moments.mean(left);
            error -= 2.0 * weight * moments.covariance(left, width);
            for (right, other) in self.weights.iter().enumerate() {
                error += weight * other * moments.covariance(left, right);
            }
        }
        error + offset * offset
    }

    /// Fails if the parameters are impossible.
    ///
    /// # Errors
    /// With the first one that is.
    pub fn check(&self) -> Result<(), ModelError> {
        check_target(self.target)?;
        let [day, week, month] = self.weights;
        expect_finite("har", &[self.intercept, day, week, month, self.residual_variance])?;
        expect_setting("residual_variance", self.residual_variance, 0.0..=f64::MAX, "a variance from 0")
    }

    /// Mean daily variance over the horizon after the newest of `returns` (daily log returns, oldest first), between
    /// [`VARIANCE_MIN`] and [`VARIANCE_MAX`]. `None` with fewer than [`MONTH_DAYS`] returns or when one of them is not
    /// finite.
    pub fn daily_variance(&self, returns: &[f64]) -> Option<f64> {
        let fitted = self.intercept + dot(&self.weights, &regressors(self.target.form, returns)?);
        let variance = match self.target.form {
            HarForm::Level => fitted,
            // The mean of a lognormal variable.
            HarForm::Log => libm::exp(fitted + 0.5 * self.residual_variance),
        };
        (!variance.is_nan()).then(|| variance.clamp(VARIANCE_MIN, VARIANCE_MAX))
    }

    /// Standard deviation of the log return over the whole horizon.
    pub fn horizon_volatility(&self, returns: &[f64]) -> Option<f64> {
        Some(libm::sqrt(self.daily_variance(returns)? * f64::from(self.target.horizon_days)))
    }

    /// Yearly volatility, in the unit of [`crate::EwmaModel`].
    pub fn yearly_volatility(&self, returns: &[f64]) -> Option<f64> {
        Some(libm::sqrt(self.daily_variance(returns)? * crate::PERIODS_PER_YEAR))
    }
}

#[cfg(test)]
mod tests;
