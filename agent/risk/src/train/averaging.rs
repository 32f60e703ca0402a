//! Parameters by averages: for members that send no sums.
//!
//! McMahan et al., *Communication-efficient learning of deep networks from decentralized data* (AISTATS 2017): in each
//! round a member goes a few steps of linfa's solver from the common θ, and the results are averaged by records.

use super::{NewtonShard, RoundsError};

/// Rounds. Newton's method needs about eight, each with a gradient and a Hessian instead of parameters.
pub const AVERAGING_ROUNDS: u32 = 20;
/// Steps of a member in a round, at most. More lead each member to its own fit, away from the common one.
pub const LOCAL_STEPS: u64 = 5;

/// What of the common ridge is a member's: as much as it has of all records, so that members' objectives add up to the
/// pooled one. `all` counts the records of everybody who takes part.
pub fn shared_ridge(ridge: f64, records: u64, all: u64) -> f64 {
    ridge * records as f64 / all.max(1) as f64
}

/// Rounds from zero, without a federation. A member whose steps the solver cannot go is left out of that round.
pub(super) fn plain(shards: &[NewtonShard], ridge: f64) -> Result<Vec<f64>, RoundsError> {
    let first = shards.first().ok_or("no member contributed")?;
    let all = shards.iter().map(NewtonShard::records).sum();
    let mut theta = vec![0.0; first.parameters()];
    for _ in 0..AVERAGING_ROUNDS {
        let (mut sum, mut weight, mut failed) = (vec![0.0; theta.len()], 0.0, None);
        for shard in shards {
            let own = shared_ridge(ridge, shard.records(), all);
            match shard.local_steps(&theta, own, LOCAL_STEPS).ok_or("this loss has no steps to average")? {
                Ok(own) => {
                    let records = shard.records() as f64;
                    weight += records;
                    sum.iter_mut().zip(&own).for_each(|(sum, own)| *sum += records * own);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if weight == 0.0 => return Err(error.into()),
            _ => theta = sum.iter().map(|sum| sum / weight).collect(),
        }
    }
    Ok(theta)
}

#[cfg(test)]
mod tests;
