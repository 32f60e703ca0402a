//! One member's records of a logistic regression, and what it computes from them.

use crate::{
    linear::{add_scaled, dot},
    task::Newton,
};

/// Records of a logistic regression. The last feature is the constant 1 of the intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// Numbers of a record.
    pub dimension: usize,
    /// Row by row, `dimension` numbers a record.
    pub features: Vec<f64>,
    /// 0 or 1, one a record.
    pub labels: Vec<f64>,
}

/// `1/(1 + e^{−z})` without overflow.
fn logistic(z: f64) -> f64 {
    match z >= 0.0 {
        true => 1.0 / (1.0 + libm::exp(-z)),
        false => libm::exp(z) / (1.0 + libm::exp(z)),
    }
}

/// `ln(1 + e^z)` without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + libm::log1p(libm::exp(-z.abs()))
}

impl Shard {
    /// How many records.
    pub fn records(&self) -> u64 {
        self.labels.len() as u64
    }

    fn rows(&self, turned: bool) -> impl Iterator<Item = (&[f64], f64)> {
        let labels = self.labels.iter().map(move |label| if turned { 1.0 - label } else { *label });
        self.features.chunks_exact(self.dimension.max(1)).zip(labels)
    }

    /// Linear scores, one a record.
    pub fn scores(&self, parameters: &[f64]) -> Vec<f64> {
        self.rows(false).map(|(features, _)| dot(features, parameters)).collect()
    }

    /// Mean of the negative log likelihood.
    pub fn mean_loss(&self, parameters: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (features, label) in self.rows(false) {
            let z = dot(features, parameters);
            sum += softplus(z) - label * z;
        }
        sum / self.labels.len().max(1) as f64
    }

    /// An update of [`Newton`]: gradient ‖ packed upper Hessian ‖ loss, summed over the records; with turned labels
    /// when asked.
    pub fn sums(&self, parameters: &[f64], turned: bool) -> Vec<f64> {
        let mut sums = vec![0.0; Newton::update_len(self.dimension)];
        for (features, label) in self.rows(turned) {
            add_record(&mut sums, features, label, parameters);
        }
        sums
    }

    /// The same of each record by itself, handed to `each`. The loss, which no step needs, is left out: it would cost
    /// privacy for nothing.
    pub fn each_record<E>(
        &self,
        parameters: &[f64],
        turned: bool,
        mut each: impl FnMut(&mut [f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut record = vec![0.0; Newton::update_len(self.dimension)];
        for (features, label) in self.rows(turned) {
            record.fill(0.0);
            add_record(&mut record, features, label, parameters);
            if let Some(loss) = record.last_mut() {
                *loss = 0.0;
            }
            each(&mut record)?;
        }
        Ok(())
    }

    /// `steps` of gradient descent on the mean loss with `ridge` a record, from `parameters`: what FedAvg averages.
    pub fn descend(&self, parameters: &[f64], turned: bool, steps: u32, rate: f64, ridge: f64) -> Vec<f64> {
        let mut local = parameters.to_vec();
        let records = self.labels.len().max(1) as f64;
        for _ in 0..steps {
            let mut gradient = vec![0.0; self.dimension];
            for (features, label) in self.rows(turned) {
                add_scaled(&mut gradient, logistic(dot(features, &local)) - label, features);
            }
            let penalised = self.dimension.saturating_sub(1);
            for (gradient, theta) in gradient.iter_mut().zip(&local).take(penalised) {
                *gradient += ridge * records * theta;
            }
            add_scaled(&mut local, -rate / records, &gradient);
        }
        local
    }
}

fn add_record(sums: &mut [f64], features: &[f64], label: f64, parameters: &[f64]) {
    let z = dot(features, parameters);
    let probability = logistic(z);
    let (gradient, mut rest) = sums.split_at_mut(features.len());
    add_scaled(gradient, probability - label, features);
    let curvature = probability * (1.0 - probability);
    for (row, feature) in features.iter().enumerate() {
        let (upper, below) = rest.split_at_mut(features.len() - row);
        add_scaled(upper, curvature * feature, &features[row..]);
        rest = below;
    }
    if let [loss] = rest {
        *loss += softplus(z) - label * z;
    }
}
