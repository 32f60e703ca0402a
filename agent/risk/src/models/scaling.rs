//! Features brought to mean zero and variance one.
//!
//! Ours rather than linfa's: a scaling is fixed from the summed moments of all members before the first round, and
//! linfa's scalers see one data set. (`linfa-preprocessing` also brings the `encoding` crate, which nobody keeps.)

use super::{
    ModelError, Moments,
    error::{expect_finite, expect_length},
};
use crate::examples::{Examples, ExamplesError};
use serde::{Deserialize, Serialize};

/// Means and standard deviations of features, the same for all members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Standard deviations, above zero.
    pub deviations: Vec<f64>,
    /// Means.
    pub means: Vec<f64>,
}

impl Scaling {
    /// From the summed moments of the features; numbers behind them (a target) are left out. `names` are those of the
    /// features.
    ///
    /// # Errors
    /// If a feature has one value only, by name, or there are fewer moments than names.
    pub fn from_moments(moments: &Moments, names: &[String]) -> Result<Self, ModelError> {
        if moments.width() < names.len() {
            return Err(ModelError::Length { what: "moments", expected: names.len(), found: moments.width() });
        }
        let means: Vec<f64> = (0..names.len()).map(|position| moments.mean(position)).collect();
        let mut deviations = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            let constant = || ExamplesError::Constant {
                name: name.clone(),
                value: means[position],
                // Saturates; the count is only shown.
                records: moments.records() as usize,
            };
            deviations.push(moments.deviation(position).ok_or_else(constant)?);
        }
        Ok(Self { deviations, means })
    }

    /// The same where a feature with one value only is brought to zero and not stretched. Nothing can be learned from it, and
    /// a ridge leaves it without weight: a treasury with one asset that is not stable has a correlation that never changes,
    /// one that names no burn a runway.
    ///
    /// # Errors
    /// If there are fewer moments than names.
    pub fn sparing_constants(moments: &Moments, names: &[String]) -> Result<Self, ModelError> {
        if moments.width() < names.len() {
            return Err(ModelError::Length { what: "moments", expected: names.len(), found: moments.width() });
        }
        let means = (0..names.len()).map(|position| moments.mean(position)).collect();
        let deviations = (0..names.len()).map(|position| moments.deviation(position).unwrap_or(1.0)).collect();
        Ok(Self { deviations, means })
    }

    /// Fails if it does not fit `width` features or holds impossible numbers.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self, width: usize) -> Result<(), ModelError> {
        expect_length("means", width, self.means.len())?;
        expect_length("deviations", width, self.deviations.len())?;
        expect_finite("means", &self.means)?;
        expect_finite("deviations", &self.deviations)?;
        match self.deviations.iter().position(|deviation| *deviation <= 0.0) {
            Some(position) => Err(ModelError::Number {
                what: "deviations",
                position,
                found: self.deviations[position],
                wanted: "a standard deviation is above zero",
            }),
            None => Ok(()),
        }
    }

    /// The features of one record, brought to scale. Further features are left out.
    pub fn row<'a>(&'a self, features: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        features.iter().zip(&self.means).zip(&self.deviations).map(|((x, mean), deviation)| (x - mean) / deviation)
    }

    /// All records, brought to scale.
    ///
    /// # Errors
    /// If they have another number of features, or one leaves the range of a feature.
    pub fn apply(&self, examples: &Examples) -> Result<Examples, ModelError> {
        self.check(examples.width())?;
        let scaled = examples.rows().flat_map(|row| self.row(row)).collect();
        Ok(examples.with_features(scaled)?)
    }
}

#[cfg(test)]
mod tests;
