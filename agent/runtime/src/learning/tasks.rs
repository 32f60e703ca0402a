//! How sums of members become the next model.

use quaestor_federation::{Aggregate, Kind, Refusal, Shape, Task, task::Newton};
use quaestor_risk::{
    models::{drawdown, quantile},
    train::Loss,
};

/// Sums as they are: the model is the aggregate.
pub(super) struct Sum(pub(super) usize);

impl Task for Sum {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Sums, parameters: self.0, update: self.0 }
    }

    fn advance(&self, _parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        // The last number carries the records, so that the hold-out can form means.
        Ok(aggregate.values.clone())
    }
}

/// What forests say of so many public records: the mean of what members' trees say.
pub(super) struct Votes(pub(super) usize);

impl Task for Votes {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Mean, parameters: self.0, update: self.0 }
    }

    fn advance(&self, _parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        Ok(aggregate.values.clone())
    }
}

/// Newton's method whose steps are not longer than the loss can bear.
pub(super) struct Limited {
    pub(super) newton: Newton,
    pub(super) limited: bool,
}

impl Task for Limited {
    fn shape(&self) -> Shape {
        self.newton.shape()
    }

    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        let next = self.newton.advance(parameters, aggregate)?;
        Ok(if self.limited { limited(parameters, next) } else { next })
    }
}

/// Lengths agree; what cannot be limited is refused as it is.
fn limited(parameters: &[f64], next: Vec<f64>) -> Vec<f64> {
    quantile::limited(parameters, &next, quantile::CHANGE_MAX).unwrap_or(next)
}

/// Features stand in groups that rise and fall together, so that a Hessian bends in a few directions more than in each
/// alone: about so many times.
const TOGETHER: f64 = 3.0;
/// Least bend of a record's loss.
const BEND_MIN: f64 = 0.05;

/// Newton's method with noise: members release gradients alone. A Hessian of twelve parameters has 78 numbers more, and
/// noise on each of them leaves nothing to divide by. Features are at mean zero and variance one, so the bend of the loss
/// at a record of zeros, which the model itself knows, says how far to go. The fixed point is the same, for it is where
/// the gradient is zero; only the way there is longer.
pub(super) struct Descent {
    pub(super) parameters: usize,
    pub(super) ridge: f64,
    pub(super) loss: Loss,
}

impl Descent {
    /// ℓ″ of a record of mean features, in expectation.
    fn bend(&self, intercept: f64) -> f64 {
        let bend = match self.loss {
            Loss::Logistic => drawdown::sigmoid(intercept) * drawdown::sigmoid(-intercept),
            // How many targets of variance one lie around the quantile, were they normal.
            Loss::Pinball(_) => libm::exp(-0.5 * intercept * intercept) / libm::sqrt(core::f64::consts::TAU),
        };
        bend.max(BEND_MIN)
    }
}

impl Task for Descent {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Sums, parameters: self.parameters, update: self.parameters }
    }

    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        let bend = self.bend(parameters.last().copied().unwrap_or_default()) * aggregate.records as f64;
        let moved = |(place, (theta, slope)): (usize, (&f64, &f64))| match place + 1 < self.parameters {
            true => theta - (slope + self.ridge * theta) / (TOGETHER * bend + self.ridge),
            false => theta - slope / bend,
        };
        let next = parameters.iter().zip(&aggregate.values).enumerate().map(moved).collect();
        Ok(match self.loss {
            Loss::Logistic => next,
            Loss::Pinball(_) => limited(parameters, next),
        })
    }
}
