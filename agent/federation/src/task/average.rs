use super::{Kind, PARAMETERS_MAX, Shape, Task, TaskError};
use crate::{Aggregate, Refusal};
use serde::{Deserialize, Serialize};

/// Parameters replaced by their average: FedAvg, for models that have no sums.
///
/// McMahan, Moore, Ramage, Hampson and Agüera y Arcas, *Communication-Efficient Learning of Deep Networks from
/// Decentralized Data*, AISTATS 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    parameters: usize,
}

impl Average {
    /// Of models with this many parameters.
    ///
    /// # Errors
    /// If there are none or too many.
    pub fn new(parameters: usize) -> Result<Self, TaskError> {
        match (1..=PARAMETERS_MAX).contains(&parameters) {
            true => Ok(Self { parameters }),
            false => Err(TaskError::Parameters { found: parameters }),
        }
    }
}

impl Task for Average {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Mean, parameters: self.parameters, update: self.parameters }
    }

    fn advance(&self, _parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        Ok(aggregate.values.clone())
    }
}
