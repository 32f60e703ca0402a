use super::{Intercept, Kind, Shape, Task, TaskError, check_trace, checked, factor};
use crate::{
    Aggregate, Refusal,
    linear::{packed_len, packed_trace},
};
use serde::{Deserialize, Serialize};

/// Ridge regression from summed moments: one round gives the fit on everybody's records.
///
/// An update is packed upper `XᵀX` (`d(d + 1)/2`) ‖ `Xᵀy` (`d`) ‖ `yᵀy` (1). The parameters are
/// `(XᵀX + ridge·R)⁻¹·Xᵀy`, with `R` the identity but for an intercept that is not penalised; those before the round
/// do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    parameters: usize,
    ridge: f64,
    intercept: Intercept,
    trace_per_record_max: f64,
}

impl Moments {
    /// With this many parameters; `trace_per_record_max` bounds the squared norm of one record.
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
        packed_len(parameters) + parameters + 1
    }
}

impl Task for Moments {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Sums, parameters: self.parameters, update: Self::update_len(self.parameters) }
    }

    fn advance(&self, _parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        let (moments, rest) = aggregate.values.split_at(packed_len(self.parameters));
        check_trace(packed_trace(self.parameters, moments), aggregate.records, self.trace_per_record_max)?;
        let penalty = self.intercept.penalty(self.ridge, self.parameters);
        Ok(factor(self.parameters, moments, &penalty)?.solve(&rest[..self.parameters]))
    }
}
