//! Ridge regression from summed moments.
//!
//! The moments of all members' records are the moments of their pooled records, so one round gives the pooled fit, and
//! there is nothing to iterate. (linfa's ridge, an elastic net without its l1 part, wants the records themselves and
//! settles by coordinate descent; the tests compare with it.)

use super::{ModelError, Moments, Scaling, newton::expect_ridge};
use crate::{
    examples::{Examples, ExamplesError},
    linalg::Symmetric,
};

/// Least squares with a ridge: y ≈ intercept + weights · x.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeFit {
    /// One a feature, in the features' own units.
    pub weights: Vec<f64>,
    /// What a record of zeros has.
    pub intercept: f64,
    /// Mean squared residual over the records.
    pub residual_variance: f64,
    /// Records.
    pub records: f64,
}

/// Minimises Σ (y − a − b·z)² + `ridge` · |b|², z being the features brought to scale by the moments themselves (so
/// that the ridge has no unit) and a being free. `moments` are of features with the target behind them; `names` are
/// the features'.
///
/// # Errors
/// If a feature or the target has one value only (by name), there are not more records than features, the ridge is
/// negative, or, without a ridge, a feature repeats others.
pub fn solve(moments: &Moments, names: &[String], ridge: f64) -> Result<RidgeFit, ModelError> {
    expect_ridge(ridge)?;
    let width = names.len();
    if moments.width() != width + 1 {
        return Err(ModelError::Length { what: "moments", expected: width + 1, found: moments.width() });
    }
    let records = moments.records();
    if records <= width as f64 + 1.0 {
        // Saturates; the count is only shown.
        return Err(ExamplesError::TooFewRecords { found: records as usize, least: width + 2 }.into());
    }
    let with_target: Vec<String> = names.iter().cloned().chain(["target".to_owned()]).collect();
    let scaling = Scaling::from_moments(moments, &with_target)?;
    let mut normal = Symmetric::zeros(width);
    for row in 0..width {
        for column in row..width {
            let scale = scaling.deviations[row] * scaling.deviations[column];
            normal.set(row, column, moments.covariance(row, column) / scale);
        }
    }
    normal.add_diagonal(width, ridge / records);
    let cross: Vec<f64> =
        (0..width).map(|position| moments.covariance(position, width) / scaling.deviations[position]).collect();
    let solved = normal.cholesky().and_then(|factor| factor.solve(&cross)).map_err(ModelError::linalg("ridge"))?;
    let weights: Vec<f64> = solved.iter().zip(&scaling.deviations).map(|(b, deviation)| b / deviation).collect();
    let mut intercept = moments.mean(width);
    let mut residual_variance = moments.covariance(width, width);
    for (left, weight) in weights.iter().enumerate() {
        intercept -= weight * moments.mean(left);
        residual_variance -= 2.0 * weight * moments.covariance(left, width);
        for (right, other) in weights.iter().enumerate() {
            residual_variance += weight * other * moments.covariance(left, right);
        }
    }
    // A perfect fit may leave a rounding error below zero.
    Ok(RidgeFit { weights, intercept, residual_variance: residual_variance.max(0.0), records })
}

/// [`solve`] on the records of one shard.
///
/// # Errors
/// Like [`solve`].
pub fn fit(examples: &Examples, ridge: f64) -> Result<RidgeFit, ModelError> {
    solve(&Moments::of_regression(examples), examples.names(), ridge)
}

#[cfg(test)]
mod tests;
