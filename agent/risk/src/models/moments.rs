//! Counts, sums and products of records: all that a scaling or a least squares fit needs to know of them. linfa and smartcore
//! fit from records, which no member sends.

use super::{
    ModelError,
    error::{expect_finite, expect_length},
};
use crate::{
    examples::Examples,
    linalg::{self, Symmetric, packed_len},
};

/// A variance below this share of the squared mean is rounding of the sums, not a variance.
const VARIANCE_SHARE_MIN: f64 = 1e-12;

/// Σ (1, v)(1, v)ᵀ over records v: their number, Σ v and Σ v vᵀ.
///
/// As a vector it is the upper triangle row by row: n, Σ v₀, Σ v₁, …, Σ v₀v₀, Σ v₀v₁, …, so that shards add up place by
/// place.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    products: Symmetric,
}

impl Moments {
    /// Of no records of `width` numbers.
    pub fn none(width: usize) -> Self {
        Self { products: Symmetric::zeros(width + 1) }
    }

    /// Of the features.
    pub fn of_features(examples: &Examples) -> Self {
        Self::of(examples.width(), examples.records().map(|(row, _)| (row, None)))
    }

    /// Of the features with the target behind them.
    pub fn of_regression(examples: &Examples) -> Self {
        Self::of(examples.width() + 1, examples.records().map(|(row, target)| (row, Some(target))))
    }

    fn of<'a>(width: usize, records: impl Iterator<Item = (&'a [f64], Option<f64>)>) -> Self {
        let mut moments = Self::none(width);
        let mut augmented = Vec::with_capacity(width + 1);
        for (row, target) in records {
            augmented.clear();
            augmented.push(1.0);
            augmented.extend_from_slice(row);
            augmented.extend(target);
            moments.products.add_outer(&augmented, 1.0);
        }
        moments
    }

    /// As numbers to add up.
    pub fn as_slice(&self) -> &[f64] {
        self.products.packed()
    }

    /// From added numbers of records with `width` numbers each.
    ///
    /// # Errors
    /// If there are more or fewer numbers, one is not finite, or they are of no record.
    pub fn from_vec(width: usize, packed: Vec<f64>) -> Result<Self, ModelError> {
        let what = "moments";
        expect_length(what, packed_len(width + 1), packed.len())?;
        expect_finite(what, &packed)?;
        let moments = Self { products: Symmetric::from_packed(width + 1, packed).map_err(ModelError::linalg(what))? };
        match moments.records() {
            found if found < 1.0 => Err(ModelError::Number { what, position: 0, found, wanted: "at least one record" }),
            _ => Ok(moments),
        }
    }

    /// Adds those of another shard.
    ///
    /// # Errors
    /// If its records have another width.
    pub fn add(&mut self, other: &Self) -> Result<(), ModelError> {
        expect_length("moments", self.products.packed().len(), other.products.packed().len())?;
        let mut packed = self.products.packed().to_vec();
        linalg::add(&mut packed, other.products.packed()).map_err(ModelError::linalg("moments"))?;
        self.products = Symmetric::from_packed(self.products.order(), packed).map_err(ModelError::linalg("moments"))?;
        Ok(())
    }

    /// Numbers of a record.
    pub fn width(&self) -> usize {
        self.products.order() - 1
    }

    /// Records; a float, since it may come out of noisy sums.
    pub fn records(&self) -> f64 {
        self.products.get(0, 0)
    }

    /// Σ of products of two numbers of (1, v).
    pub(crate) fn product(&self, left: usize, right: usize) -> f64 {
        self.products.get(left, right)
    }

    /// Mean of the number at `position`.
    pub fn mean(&self, position: usize) -> f64 {
        self.products.get(0, position + 1) / self.records()
    }

    /// Mean product of the deviations of two numbers from their means (divided by n, not n − 1).
    pub fn covariance(&self, left: usize, right: usize) -> f64 {
        self.products.get(left + 1, right + 1) / self.records() - self.mean(left) * self.mean(right)
    }

    /// Standard deviation of the number at `position`; `None` if it has one value only, as far as sums can tell.
    pub fn deviation(&self, position: usize) -> Option<f64> {
        let (variance, mean) = (self.covariance(position, position), self.mean(position));
        // Also false for NaN.
        (variance > VARIANCE_SHARE_MIN * mean * mean).then(|| libm::sqrt(variance))
    }
}
