//! A normal distribution of the log returns of several assets.

use super::WIDTH_MAX;
use crate::{draw::Draw, statistics::normal_quantile};

/// A pivot below this share of its variance is rounding: the asset moves as those before it do, or stands still.
const PIVOT_SHARE_MIN: f64 = 1e-12;

/// Mean and covariance, the latter as its lower triangular factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Normal {
    /// Mean log return of each asset.
    pub mean: Vec<f64>,
    /// L of L Lᵀ, row by row, `assets × assets`.
    pub lower: Vec<f64>,
}

impl Normal {
    /// Of weighted rows; the covariance is divided by the sum of weights less `less`. One row has no covariance.
    pub(super) fn weighted<'a>(width: usize, rows: impl Iterator<Item = (f64, &'a [f64])> + Clone, less: f64) -> Self {
        let (mut mean, mut total) = (vec![0.0; width], 0.0);
        for (weight, row) in rows.clone() {
            total += weight;
            mean.iter_mut().zip(row).for_each(|(mean, log)| *mean += weight * log);
        }
        mean.iter_mut().for_each(|mean| *mean /= if total > 0.0 { total } else { 1.0 });
        let mut covariance = vec![0.0; width * width];
        for (weight, row) in rows {
            for (into, (log, of)) in covariance.chunks_exact_mut(width).zip(row.iter().zip(&mean)) {
                let scaled = weight * (log - of);
                into.iter_mut().zip(row.iter().zip(&mean)).for_each(|(into, (log, of))| *into += scaled * (log - of));
            }
        }
        let count = total - less;
        covariance.iter_mut().for_each(|sum| *sum = if count > 0.0 { *sum / count } else { 0.0 });
        Self { mean, lower: factor(&covariance, width) }
    }

    /// Adds a draw whose mean is `times` the mean and whose covariance is `times` the covariance: the sum of so many.
    #[inline]
    pub(super) fn add(&self, times: f64, draw: &mut Draw, logs: &mut [f64]) {
        let (width, spread) = (self.mean.len(), libm::sqrt(times));
        let mut drawn = [0.0; WIDTH_MAX];
        drawn[..width].iter_mut().for_each(|one| *one = normal_quantile(draw.unit()));
        for (row, ((log, mean), lower)) in
            logs.iter_mut().zip(&self.mean).zip(self.lower.chunks_exact(width.max(1))).enumerate()
        {
            let moved = lower[..=row].iter().zip(&drawn).fold(0.0, |sum, (factor, one)| sum + factor * one);
            *log += times * mean + spread * moved;
        }
    }

    /// Its density, with `floor` added to the variance of each asset. Assets that have no variance then have no say.
    pub(super) fn density(&self, floor: &[f64]) -> Density {
        let width = self.mean.len();
        let mut covariance: Vec<f64> =
            (0..width * width).map(|place| self.covariance(place / width, place % width)).collect();
        covariance.iter_mut().step_by(width + 1).zip(floor).for_each(|(variance, floor)| *variance += floor);
        let lower = factor(&covariance, width);
        let pivots = lower.iter().step_by(width + 1).filter(|pivot| **pivot > 0.0);
        let log_scale = pivots.fold(0.0, |sum, pivot| sum + libm::log(*pivot));
        Density { mean: self.mean.clone(), lower, log_scale }
    }

    /// Covariance of two assets.
    pub fn covariance(&self, one: usize, other: usize) -> f64 {
        let width = self.mean.len();
        let row = |asset: usize| &self.lower[asset * width..][..width];
        row(one).iter().zip(row(other)).fold(0.0, |sum, (x, y)| sum + x * y)
    }

    /// Standard deviation of the log returns of an asset.
    pub fn deviation(&self, asset: usize) -> f64 {
        libm::sqrt(self.covariance(asset, asset))
    }
}

/// A density, but for a factor that all of as many assets share.
pub(super) struct Density {
    mean: Vec<f64>,
    lower: Vec<f64>,
    log_scale: f64,
}

impl Density {
    /// Its logarithm.
    pub(super) fn log(&self, row: &[f64]) -> f64 {
        let width = self.mean.len();
        let (mut solved, mut squares) = ([0.0; WIDTH_MAX], 0.0);
        for (asset, ((log, mean), lower)) in row.iter().zip(&self.mean).zip(self.lower.chunks_exact(width)).enumerate()
        {
            if lower[asset] > 0.0 {
                let known = lower[..asset].iter().zip(&solved).fold(0.0, |sum, (factor, one)| sum + factor * one);
                solved[asset] = (log - mean - known) / lower[asset];
                squares += solved[asset] * solved[asset];
            }
        }
        -0.5 * squares - self.log_scale
    }
}

/// Cholesky's factor of a matrix that may be singular, as with two tokens of one thing, or one that stands still:
/// `quaestor_risk::linalg` refuses these, because it solves with it.
fn factor(covariance: &[f64], width: usize) -> Vec<f64> {
    let mut lower = vec![0.0; width * width];
    for column in 0..width {
        let dot = |lower: &[f64], row: usize| {
            let [x, y] = [row, column].map(|row| &lower[row * width..][..column]);
            x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + x * y)
        };
        let variance = covariance[column * width + column];
        let pivot = variance - dot(&lower, column);
        if pivot.is_nan() || pivot <= PIVOT_SHARE_MIN * variance {
            continue;
        }
        let root = libm::sqrt(pivot);
        lower[column * width + column] = root;
        for row in column + 1..width {
            lower[row * width + column] = (covariance[row * width + column] - dot(&lower, row)) / root;
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of 4, 2, 5 the factor is 2; 1, 2. An asset that moves as twice the first, and one that stands still, have no
    /// movement of their own.
    #[test]
    fn a_singular_covariance_has_a_factor() {
        assert_eq!(factor(&[4.0, 2.0, 2.0, 5.0], 2), [2.0, 0.0, 1.0, 2.0]);
        let singular = [4.0, 8.0, 0.0, 8.0, 16.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(factor(&singular, 3), [2.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn moments_are_those_of_the_rows() {
        let rows = [[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]];
        let found = Normal::weighted(2, rows.iter().map(|row| (1.0, &row[..])), 1.0);
        assert_eq!(found.mean, [3.0, 4.0]);
        for (pair, expected) in [((0, 0), 4.0), ((0, 1), 6.0), ((1, 1), 12.0)] {
            assert!((found.covariance(pair.0, pair.1) - expected).abs() < 1e-12, "{pair:?}");
        }
        let one = Normal::weighted(2, rows[..1].iter().map(|row| (1.0, &row[..])), 1.0);
        assert_eq!((one.mean.clone(), one.covariance(0, 0)), (vec![1.0, 2.0], 0.0));
    }
}
