//! Newton's method on summed gradients and Hessians.
//!
//! A loss that is a sum over records has a gradient and a Hessian that are sums over records too, so a step on the
//! members' sums is the step on the records of all. (linfa keeps cost and gradient of its own fits private.)
//!
//! A record with features x, target y and score s = θ·(x, 1) (the intercept stands last) adds ℓ(s, y) to the loss,
//! ℓ′·(x, 1) to the gradient and ℓ″·(x, 1)(x, 1)ᵀ to the Hessian. The ridge ½ λ |θ|², intercept left out, belongs to
//! whoever solves: it is added once, not by each member.

use super::{
    ModelError,
    error::{expect_finite, expect_length, expect_setting},
};
use crate::{
    examples::Examples,
    linalg::{Symmetric, dot, packed_len},
};

/// Most Newton steps of a fit; a logistic one with a ridge needs about eight.
pub const STEPS_MAX: usize = 60;
/// Most times a step of a local fit is halved before the fit is given up.
pub const HALVINGS_MAX: usize = 40;

/// Value and first two derivatives of a record's loss in its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// ℓ.
    pub loss: f64,
    /// ℓ′.
    pub slope: f64,
    /// ℓ″, never negative.
    pub bend: f64,
}

/// Summed gradient, Hessian and loss of a shard at some θ, without ridge.
#[derive(Debug, Clone, PartialEq)]
pub struct NewtonSums {
    /// How many records they are of.
    pub records: u64,
    /// Gradient, as long as θ.
    pub gradient: Vec<f64>,
    /// Hessian.
    pub hessian: Symmetric,
    /// Loss.
    pub loss: f64,
}

/// Numbers of [`NewtonSums`] as a vector, for θ of `parameters` numbers.
pub const fn sums_len(parameters: usize) -> usize {
    parameters + packed_len(parameters) + 1
}

impl NewtonSums {
    /// Of no records.
    pub fn none(parameters: usize) -> Self {
        Self { records: 0, gradient: vec![0.0; parameters], hessian: Symmetric::zeros(parameters), loss: 0.0 }
    }

    /// Gradient, then the upper triangle of the Hessian row by row, then the loss; to be added place by place. The
    /// count of records goes beside it.
    pub fn to_vec(&self) -> Vec<f64> {
        let mut vector = Vec::with_capacity(sums_len(self.gradient.len()));
        vector.extend_from_slice(&self.gradient);
        vector.extend_from_slice(self.hessian.packed());
        vector.push(self.loss);
        vector
    }

    /// From what [`Self::to_vec`] says, added up over members.
    ///
    /// # Errors
    /// If there are more or fewer numbers than θ asks for, or one is not finite.
    pub fn from_slice(parameters: usize, records: u64, vector: &[f64]) -> Result<Self, ModelError> {
        let what = "summed gradients";
        expect_length(what, sums_len(parameters), vector.len())?;
        expect_finite(what, vector)?;
        let (gradient, rest) = vector.split_at(parameters);
        let (packed, loss) = rest.split_at(packed_len(parameters));
        let hessian = Symmetric::from_packed(parameters, packed.to_vec()).map_err(ModelError::linalg(what))?;
        Ok(Self { records, gradient: gradient.to_vec(), hessian, loss: loss.iter().sum() })
    }

    /// Adds those of another shard.
    ///
    /// # Errors
    /// If θ has another length there.
    pub fn add(&mut self, other: &Self) -> Result<(), ModelError> {
        let mut vector = self.to_vec();
        let add = crate::linalg::add(&mut vector, &other.to_vec());
        add.map_err(ModelError::linalg("summed gradients"))?;
        *self = Self::from_slice(self.gradient.len(), self.records.saturating_add(other.records), &vector)?;
        Ok(())
    }

    /// θ − (H + λI)⁻¹(g + λθ), the intercept (last) without ridge.
    ///
    /// # Errors
    /// If θ has another length, the ridge is negative, or H + λI is not positive definite: with no ridge, when a
    /// feature repeats others.
    pub fn step(&self, theta: &[f64], ridge: f64) -> Result<Vec<f64>, ModelError> {
        let what = "Newton step";
        expect_length(what, self.gradient.len(), theta.len())?;
        expect_ridge(ridge)?;
        let features = theta.len().saturating_sub(1);
        let mut hessian = self.hessian.clone();
        hessian.add_diagonal(features, ridge);
        let mut gradient = self.gradient.clone();
        for (slope, weight) in gradient.iter_mut().zip(theta).take(features) {
            *slope += ridge * weight;
        }
        let step = hessian.cholesky().and_then(|factor| factor.solve(&gradient)).map_err(ModelError::linalg(what))?;
        let next: Vec<f64> = theta.iter().zip(&step).map(|(before, step)| before - step).collect();
        expect_finite(what, &next)?;
        Ok(next)
    }

    /// Loss with the ridge of θ.
    pub fn penalised_loss(&self, theta: &[f64], ridge: f64) -> f64 {
        let weights = theta.split_last().map_or(theta, |(_, weights)| weights);
        self.loss + 0.5 * ridge * dot(weights, weights)
    }
}

/// Fails if a ridge is negative, infinite or NaN.
pub(super) fn expect_ridge(ridge: f64) -> Result<(), ModelError> {
    expect_setting("ridge", ridge, 0.0..=1e12, "a finite number from 0, such as 1")
}

/// Fails if θ does not fit the features and an intercept, or is not finite.
pub(super) fn expect_theta(width: usize, theta: &[f64]) -> Result<(), ModelError> {
    expect_length("θ (a weight a feature and the intercept)", width + 1, theta.len())?;
    expect_finite("θ", theta)
}

/// θ·(x, 1): from the first feature to the last, the intercept at the end.
pub fn score(theta: &[f64], features: impl IntoIterator<Item = f64>) -> f64 {
    let Some((intercept, weights)) = theta.split_last() else { return 0.0 };
    weights.iter().zip(features).fold(0.0, |sum, (weight, feature)| sum + weight * feature) + intercept
}

/// Sums over the records, one after the other.
///
/// # Errors
/// If θ has not one number a feature and one more, or is not finite.
pub(super) fn sums(
    examples: &Examples,
    theta: &[f64],
    curve: impl Fn(f64, f64) -> Curve,
) -> Result<NewtonSums, ModelError> {
    expect_theta(examples.width(), theta)?;
    let mut sums = NewtonSums::none(theta.len());
    let mut extended = Vec::with_capacity(theta.len());
    for (row, target) in examples.records() {
        extended.clear();
        extended.extend_from_slice(row);
        extended.push(1.0);
        let Curve { loss, slope, bend } = curve(score(theta, row.iter().copied()), target);
        sums.records += 1;
        sums.loss += loss;
        for (sum, x) in sums.gradient.iter_mut().zip(&extended) {
            *sum += slope * x;
        }
        sums.hessian.add_outer(&extended, bend);
    }
    expect_finite("summed gradients", &sums.to_vec())?;
    Ok(sums)
}

/// Hands each record's own part of the sums to `visit`, laid out like [`NewtonSums::to_vec`], so that whoever protects
/// records can clip gradient and Hessian of one jointly before adding.
///
/// # Errors
/// If θ has not one number a feature and one more, or is not finite.
pub(super) fn contributions(
    examples: &Examples,
    theta: &[f64],
    curve: impl Fn(f64, f64) -> Curve,
    mut visit: impl FnMut(&[f64]),
) -> Result<(), ModelError> {
    expect_theta(examples.width(), theta)?;
    let mut part = Vec::with_capacity(sums_len(theta.len()));
    for (row, target) in examples.records() {
        let Curve { loss, slope, bend } = curve(score(theta, row.iter().copied()), target);
        let at = |position: usize| row.get(position).copied().unwrap_or(1.0);
        part.clear();
        part.extend((0..theta.len()).map(|position| slope * at(position)));
        for left in 0..theta.len() {
            part.extend((left..theta.len()).map(|right| bend * at(left) * at(right)));
        }
        part.push(loss);
        visit(&part);
    }
    Ok(())
}

/// Lowers the loss of one shard until no parameter moves by more than `tolerance`. A step that raises the loss is
/// halved, at most [`HALVINGS_MAX`] times; there are at most [`STEPS_MAX`] steps.
///
/// # Errors
/// If it does not settle within these bounds, or a step fails.
pub(super) fn minimise(
    what: &'static str,
    examples: &Examples,
    start: &[f64],
    ridge: f64,
    tolerance: f64,
    curve: impl Fn(f64, f64) -> Curve + Copy,
) -> Result<Vec<f64>, ModelError> {
    let mut theta = start.to_vec();
    let mut here = sums(examples, &theta, curve)?;
    let mut last = f64::INFINITY;
    for _ in 0..STEPS_MAX {
        let mut next = here.step(&theta, ridge)?;
        let mut there = sums(examples, &next, curve)?;
        // Rounding of the summed losses, which no halving could get below.
        let bound = here.penalised_loss(&theta, ridge);
        let bound = bound + 1e-12 * bound.abs();
        for _ in 0..HALVINGS_MAX {
            if there.penalised_loss(&next, ridge) <= bound {
                break;
            }
            for (next, theta) in next.iter_mut().zip(&theta) {
                *next = 0.5 * (*next + theta);
            }
            there = sums(examples, &next, curve)?;
        }
        last = next.iter().zip(&theta).fold(0.0, |most: f64, (next, theta)| most.max((next - theta).abs()));
        (theta, here) = (next, there);
        if last <= tolerance {
            return Ok(theta);
        }
    }
    Err(ModelError::Unsettled { what, steps: STEPS_MAX, last })
}
