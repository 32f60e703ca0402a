//! Members in this process.

use quaestor_federation::{
    Answer, Failure, Member, MemberId, Opened, Update,
    privacy::{self, NoiseError},
};
use quaestor_risk::train::{Contribution, NewtonShard};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

/// A member that has one vector to give.
#[derive(Debug)]
pub(super) struct Summand {
    pub(super) id: MemberId,
    pub(super) contribution: Contribution,
    /// What it multiplies its numbers with; one if it is honest.
    pub(super) factor: f64,
}

impl Member for Summand {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, _opened: &Opened, _now_tick: u64) -> Answer {
        let Contribution { values, records, .. } = &self.contribution;
        Answer::Update(Update { values: scaled(values, self.factor), records: *records })
    }
}

/// A member that answers rounds of Newton's method.
#[derive(Debug)]
pub(super) struct Learner<'a> {
    pub(super) id: MemberId,
    pub(super) shard: &'a NewtonShard,
    /// What it multiplies its numbers with; one if it is honest.
    pub(super) factor: f64,
    /// Key of its noise: its own, of this training alone, and never told.
    pub(super) noise_key: [u8; 32],
}

impl Learner<'_> {
    fn values(&self, opened: &Opened) -> Result<Vec<f64>, Failure> {
        let expected = self.shard.parameters();
        let dimension = |_| Failure::Dimension { found: opened.parameters.len(), expected };
        let Some(grid) = opened.noise else {
            return Ok(self.shard.sums(&opened.parameters).map_err(dimension)?.to_vec());
        };
        // The loss stands last, and is not released.
        let length = opened.shape.update.saturating_sub(1);
        let (mut sum, mut failed) = (grid.sum(length), None::<NoiseError>);
        let mut clipped = vec![0.0; length];
        self.shard
            .contributions(&opened.parameters, |record| {
                for (kept, value) in clipped.iter_mut().zip(record) {
                    *kept = *value;
                }
                privacy::clip(&mut clipped, grid.clip);
                if let Err(error) = sum.add(&clipped) {
                    failed.get_or_insert(error);
                }
            })
            .map_err(dimension)?;
        if let Some(error) = failed {
            return Err(Failure::Noise { error });
        }
        let mut random = ChaCha20Rng::from_seed(self.noise_key);
        random.set_stream(opened.attempt);
        let mut released = sum.release(&mut random).map_err(|error| Failure::Noise { error })?;
        released.push(0.0);
        Ok(released)
    }
}

impl Member for Learner<'_> {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, opened: &Opened, _now_tick: u64) -> Answer {
        match self.values(opened) {
            Ok(values) => {
                Answer::Update(Update { values: scaled(&values, self.factor), records: self.shard.records() })
            }
            Err(failure) => Answer::Failed(failure),
        }
    }
}
