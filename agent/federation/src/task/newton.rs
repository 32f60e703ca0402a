use super::{Intercept, Kind, Shape, Task, TaskError, check_trace, checked, factor};
use crate::{
    Aggregate, Refusal,
    linear::{packed_len, packed_trace},
};
use serde::{Deserialize, Serialize};

/// A Newton step on summed gradients and Hessians; after a few rounds equal to the fit on everybody's records.
///
/// An update is gradient (`d`) ‖ packed upper Hessian (`d(d + 1)/2`) ‖ loss (1), each summed over the member's
/// records. The step is `θ − (H + ridge·R)⁻¹·(g + ridge·R·θ)`, with `R` the identity but for an intercept that is not
/// penalised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newton {
    parameters: usize,
    ridge: f64,
    intercept: Intercept,
    trace_per_record_max: f64,
}

impl Newton {
    /// With this many parameters; `trace_per_record_max` bounds the trace of one record's Hessian (of logistic
    /// regression a quarter of the largest squared norm of a record).
    ///
    /// # Errors
    /// If a number makes no sense.
    pub fn new(
        parameters: usize,
        ridge: f64,
        intercept: Intercept,
        trace_per_record_max: f64,
    ) -> Result<Self, TaskError> {
        checked(parameters, ridge, trace_per_record_max)?;
        Ok(Self { parameters, ridge, intercept, trace_per_record_max })
    }

    /// Numbers of an update with `parameters` parameters.
    pub const fn update_len(parameters: usize) -> usize {
        parameters + packed_len(parameters) + 1
    }
}

impl Task for Newton {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Sums, parameters: self.parameters, update: Self::update_len(self.parameters) }
    }

    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        let (gradient, rest) = aggregate.values.split_at(self.parameters);
        let hessian = &rest[..packed_len(self.parameters)];
        check_trace(packed_trace(self.parameters, hessian), aggregate.records, self.trace_per_record_max)?;
        let penalty = self.intercept.penalty(self.ridge, self.parameters);
        let factor = factor(self.parameters, hessian, &penalty)?;
        let penalised: Vec<f64> =
            gradient.iter().zip(penalty.iter().zip(parameters)).map(|(g, (ridge, theta))| g + ridge * theta).collect();
        let step = factor.solve(&penalised);
        Ok(parameters.iter().zip(&step).map(|(theta, step)| theta - step).collect())
    }
}
