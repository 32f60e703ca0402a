//! Correlations drawn towards their mean, from sums over days.
//!
//! O. Ledoit and M. Wolf, *Honey, I shrunk the sample covariance matrix*, Journal of Portfolio Management 30 (2004),
//! 110–119: a sample covariance from few days is unstable and may be singular; drawn towards the matrix of constant
//! correlation by an intensity κ/T it is neither. The authors' other target, a multiple of the identity (Journal of
//! Multivariate Analysis 88, 2004), is not used: a treasury holds stable and volatile assets side by side, and that
//! target would give a dollar token the variance of the average asset.
//!
//! κ cannot be had from Σ x and Σ x xᵀ alone, for it is about how much products of returns vary. It can be had exactly
//! from two more sums, Σ xᵢ² xⱼ² and Σ xᵢ³ xⱼ. Daily returns are taken around zero, as everywhere in this crate, which
//! spares the mixed sums that demeaning would ask for. Members that hold the same assets could add these sums; those that hold
//! different ones cannot, so in training each forms its own κ from them, and the model's is the mean by days.

use super::{
    ModelError,
    error::{expect_finite, expect_length, expect_setting},
};
use crate::{
    examples::{ExamplesError, RECORDS_MAX},
    linalg::{self, Symmetric, packed_len},
};
use serde::{Deserialize, Serialize};

/// Most assets whose sums are formed; these are about 2·assets² numbers.
pub const ASSETS_MAX: usize = 128;
/// Fewest days that say anything of a correlation.
pub const DAYS_MIN: usize = 30;
/// Least intensity, so that the result is positive definite whatever the sample.
pub const INTENSITY_MIN: f64 = 0.01;
/// Greatest correlation of the target; with [`INTENSITY_MIN`] no eigenvalue falls below 10⁻⁴.
pub const MEAN_CORRELATION_MAX: f64 = 0.99;
/// Largest daily log return that enters, in magnitude; larger ones are not prices.
pub const RETURN_MAX: f64 = 50.0;

/// Sums over days of products of daily log returns.
///
/// As a vector: the number of days; Σ xᵢxⱼ and Σ xᵢ²xⱼ², each an upper triangle row by row; Σ xᵢ³xⱼ row by row in full.
#[derive(Debug, Clone, PartialEq)]
pub struct CovarianceSums {
    assets: usize,
    values: Vec<f64>,
}

/// Numbers of [`CovarianceSums`] as a vector.
pub const fn sums_len(assets: usize) -> usize {
    1 + 2 * packed_len(assets) + assets * assets
}

impl CovarianceSums {
    /// Of no days.
    ///
    /// # Errors
    /// If there are fewer than two assets or more than [`ASSETS_MAX`].
    pub fn none(assets: usize) -> Result<Self, ModelError> {
        let range = 2.0..=ASSETS_MAX as f64;
        expect_setting("assets", assets as f64, range, "from 2 to 128 assets")?;
        Ok(Self { assets, values: vec![0.0; sums_len(assets)] })
    }

    /// Of `returns`, day by day, each with one number an asset.
    ///
    /// # Errors
    /// If there are fewer than two assets or too many, the last day is not complete, or a return is not finite or
    /// beyond [`RETURN_MAX`].
    pub fn of(assets: usize, returns: &[f64]) -> Result<Self, ModelError> {
        let mut sums = Self::none(assets)?;
        let days = returns.len() / assets;
        expect_length("returns", days * assets, returns.len())?;
        if days > RECORDS_MAX {
            return Err(ExamplesError::TooMany { found: days }.into());
        }
        if let Some(position) = returns.iter().position(|found| found.is_nan() || found.abs() > RETURN_MAX) {
            let wanted = "a daily log return lies between -50 and 50";
            return Err(ModelError::Number { what: "returns", position, found: returns[position], wanted });
        }
        for day in returns.chunks_exact(assets) {
            sums.add_day(day);
        }
        Ok(sums)
    }

    fn add_day(&mut self, day: &[f64]) {
        let triangle = packed_len(self.assets);
        let Some((days, rest)) = self.values.split_first_mut() else { return };
        let (products, rest) = rest.split_at_mut(triangle);
        let (squares, cubes) = rest.split_at_mut(triangle);
        *days += 1.0;
        let mut packed = products.iter_mut().zip(squares);
        for (row, x) in day.iter().enumerate() {
            for (y, (product, square)) in day[row..].iter().zip(&mut packed) {
                *product += x * y;
                *square += (x * x) * (y * y);
            }
        }
        for (x, cubes) in day.iter().zip(cubes.chunks_exact_mut(self.assets)) {
            for (y, cube) in day.iter().zip(cubes) {
                *cube += x * x * x * y;
            }
        }
    }

    /// As numbers to add up.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// From added numbers.
    ///
    /// # Errors
    /// If there are more or fewer than `assets` ask for, or one is not finite.
    pub fn from_vec(assets: usize, values: Vec<f64>) -> Result<Self, ModelError> {
        Self::none(assets)?;
        expect_length("covariance sums", sums_len(assets), values.len())?;
        expect_finite("covariance sums", &values)?;
        Ok(Self { assets, values })
    }

    /// Adds those of another shard.
    ///
    /// # Errors
    /// If it has another number of assets.
    pub fn add(&mut self, other: &Self) -> Result<(), ModelError> {
        linalg::add(&mut self.values, &other.values).map_err(ModelError::linalg("covariance sums"))
    }

    /// Days; a float, since it may come out of noisy sums.
    pub fn days(&self) -> f64 {
        self.values.first().copied().unwrap_or_default()
    }

    /// Daily covariance around zero, not shrunk.
    ///
    /// # Errors
    /// If there are fewer than [`DAYS_MIN`] days, or an asset's price never moved.
    pub fn covariance(&self) -> Result<Symmetric, ModelError> {
        let days = self.days();
        if days < DAYS_MIN as f64 {
            // Saturates; the count is only shown.
            return Err(ExamplesError::TooFewRecords { found: days as usize, least: DAYS_MIN }.into());
        }
        let products = &self.values[1..=packed_len(self.assets)];
        let scaled = products.iter().map(|sum| sum / days).collect();
        let matrix = Symmetric::from_packed(self.assets, scaled).map_err(ModelError::linalg("covariance"))?;
        for position in 0..self.assets {
            let found = matrix.get(position, position);
            if found <= 0.0 {
                let wanted = "leave out an asset whose price never moved";
                return Err(ModelError::Number { what: "variances", position, found, wanted });
            }
        }
        Ok(matrix)
    }

    fn square(&self, row: usize, column: usize) -> f64 {
        let (row, column) = (row.min(column), row.max(column));
        let triangle = packed_len(self.assets);
        self.values[1 + triangle + row * self.assets - row * (row + 1) / 2 + column]
    }

    fn cube(&self, cubed: usize, other: usize) -> f64 {
        self.values[1 + 2 * packed_len(self.assets) + cubed * self.assets + other]
    }
}

/// How strongly correlations are drawn to their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shrinkage {
    /// κ, from 0: the intensity is κ over the number of days.
    pub kappa: f64,
}

impl Shrinkage {
    /// κ of Ledoit and Wolf (2004), appendix B, from summed sums.
    ///
    /// # Errors
    /// Like [`CovarianceSums::covariance`].
    pub fn from_sums(sums: &CovarianceSums) -> Result<Self, ModelError> {
        let covariance = sums.covariance()?;
        let (assets, days) = (sums.assets, sums.days());
        let deviation = |asset: usize| libm::sqrt(covariance.get(asset, asset));
        let correlation = |i: usize, j: usize| covariance.get(i, j) / (deviation(i) * deviation(j));
        let mut mean = 0.0;
        for i in 0..assets {
            for j in i + 1..assets {
                mean += correlation(i, j);
            }
        }
        mean /= packed_len(assets - 1) as f64;
        let (mut pi, mut rho, mut gamma) = (0.0, 0.0, 0.0);
        for i in 0..assets {
            for j in 0..assets {
                let found = covariance.get(i, j);
                let varies = sums.square(i, j) / days - found * found;
                pi += varies;
                if i == j {
                    rho += varies;
                    continue;
                }
                let theta = |own: usize, other: usize| sums.cube(own, other) / days - covariance.get(own, own) * found;
                let ratio = deviation(j) / deviation(i);
                rho += 0.5 * mean * (ratio * theta(i, j) + theta(j, i) / ratio);
                let off = mean * deviation(i) * deviation(j) - found;
                gamma += off * off;
            }
        }
        // All correlations equal: the sample is the target, and any intensity gives it.
        let kappa = if gamma > 0.0 { ((pi - rho) / gamma).clamp(0.0, days) } else { 0.0 };
        expect_finite("shrinkage", &[kappa])?;
        Ok(Self { kappa })
    }

    /// Fails if κ is impossible.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn check(&self) -> Result<(), ModelError> {
        expect_setting("kappa", self.kappa, 0.0..=f64::MAX, "a finite number from 0")
    }

    /// Intensity for a sample of `days`, from [`INTENSITY_MIN`] to 1.
    pub fn intensity(&self, days: usize) -> f64 {
        match days {
            0 => 1.0,
            _ => (self.kappa / days as f64).clamp(INTENSITY_MIN, 1.0),
        }
    }

    /// Draws the sample correlations of the assets in `known` towards their mean, in place. `correlation` is row by row,
    /// `known.len()²` numbers from `days` days, and positive semidefinite; rows and columns of other assets are left as
    /// they are. A mean below zero counts as zero. The result is positive definite.
    ///
    /// # Errors
    /// If `correlation` is not `known.len()²` finite numbers.
    pub fn apply(&self, correlation: &mut [f64], known: &[bool], days: usize) -> Result<(), ModelError> {
        let assets = known.len();
        expect_length("correlations", assets * assets, correlation.len())?;
        expect_finite("correlations", correlation)?;
        let both = |i: usize, j: usize| i != j && known[i] && known[j];
        let (mut sum, mut pairs) = (0.0, 0.0);
        for i in 0..assets {
            for j in 0..assets {
                if both(i, j) {
                    sum += correlation[i * assets + j];
                    pairs += 1.0;
                }
            }
        }
        let mean = if pairs > 0.0 { (sum / pairs).clamp(0.0, MEAN_CORRELATION_MAX) } else { 0.0 };
        let intensity = self.intensity(days);
        for i in 0..assets {
            for j in 0..assets {
                if both(i, j) {
                    let found = &mut correlation[i * assets + j];
                    *found = intensity * mean + (1.0 - intensity) * found.clamp(-1.0, 1.0);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
