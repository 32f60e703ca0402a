//! Members of a simulation.

use super::{NoisePlan, Shard, data::uniform_of};
use crate::{Answer, Failure, Member, MemberId, Opened, Update, privacy};
use rand::{SeedableRng, rngs::ChaCha20Rng};
use serde::Serialize;

/// What a simulated member does with what it computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conduct {
    /// Sends it.
    Honest,
    /// Sends the gradient (of averaging: the change) times minus this.
    SignFlipped(f64),
    /// Sends the gradient (of averaging: the change) times this.
    Scaled(f64),
    /// Trains on turned labels.
    LabelFlipped,
    /// Sends a NaN.
    NotFinite,
}

/// What a simulated member computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Training {
    /// Sums for a Newton step.
    Sums,
    /// Parameters after some steps of gradient descent.
    Descent {
        /// How many.
        steps: u32,
        /// How long each.
        rate: f64,
        /// Ridge a record.
        ridge: f64,
    },
}

/// A member with a shard of its own.
#[derive(Debug, Clone)]
pub struct ShardMember {
    id: MemberId,
    /// Its place among the members, which picks its random numbers.
    place: u64,
    seed: u64,
    shard: Shard,
    /// What it computes.
    pub training: Training,
    /// What it does with it.
    pub conduct: Conduct,
    /// Chance to be gone in a round, in basis points.
    pub gone_bps: u16,
    /// Ticks that it takes to answer.
    pub delay_ticks: u64,
}

/// Draws of a simulation that are not data.
const STREAM_GONE: u64 = 1 << 62;

impl ShardMember {
    /// An honest, quick and faithful member. Members of one federation differ in their places; the seed is the same.
    pub fn new(id: MemberId, place: u64, seed: u64, shard: Shard, training: Training) -> Self {
        Self { id, place, seed, shard, training, conduct: Conduct::Honest, gone_bps: 0, delay_ticks: 0 }
    }

    /// Its records.
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// A stream of random numbers that no other attempt and no other member has.
    fn stream(&self, attempt: u64) -> u64 {
        (attempt << 24) | self.place
    }

    fn values(&self, opened: &Opened) -> Result<Vec<f64>, Failure> {
        let turned = self.conduct == Conduct::LabelFlipped;
        match (self.training, opened.noise) {
            (Training::Sums, None) => Ok(self.shard.sums(&opened.parameters, turned)),
            (Training::Sums, Some(grid)) => {
                let mut sum = grid.sum(opened.shape.update.saturating_sub(1));
                let length = opened.shape.update.saturating_sub(1);
                let clipped = self.shard.each_record(&opened.parameters, turned, |record| {
                    let record = record.get_mut(..length).unwrap_or_default();
                    privacy::clip(record, grid.clip);
                    sum.add(record)
                });
                clipped.map_err(|error| Failure::Noise { error })?;
                let mut random = ChaCha20Rng::seed_from_u64(self.seed);
                random.set_stream(self.stream(opened.attempt));
                let mut released = sum.release(&mut random).map_err(|error| Failure::Noise { error })?;
                released.push(0.0);
                Ok(released)
            }
            (Training::Descent { steps, rate, ridge }, _) => {
                Ok(self.shard.descend(&opened.parameters, turned, steps, rate, ridge))
            }
        }
    }

    /// Turns what was computed into what is sent.
    fn twist(&self, opened: &Opened, values: &mut [f64]) {
        let factor = match self.conduct {
            Conduct::Honest | Conduct::LabelFlipped => return,
            Conduct::SignFlipped(by) => -by,
            Conduct::Scaled(by) => by,
            Conduct::NotFinite => f64::NAN,
        };
        // Of sums the gradient, which stands first; of parameters the change.
        for (value, old) in values.iter_mut().zip(&opened.parameters) {
            *value = match self.training {
                Training::Sums => factor * *value,
                Training::Descent { .. } => old + factor * (*value - old),
            };
        }
    }
}

impl Member for ShardMember {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, opened: &Opened, now_tick: u64) -> Answer {
        if opened.parameters.len() != self.shard.dimension {
            let (found, expected) = (opened.parameters.len(), self.shard.dimension);
            return Answer::Failed(Failure::Dimension { found, expected });
        }
        if self.gone_bps > 0 {
            let draw = uniform_of(self.seed, STREAM_GONE | self.stream(opened.attempt));
            if draw * 10_000.0 < f64::from(self.gone_bps) {
                return Answer::Failed(Failure::Gone);
            }
        }
        if now_tick < opened.opened_tick.saturating_add(self.delay_ticks) {
            return Answer::NotYet;
        }
        if self.shard.labels.is_empty() {
            return Answer::Failed(Failure::EmptyShard);
        }
        match self.values(opened) {
            Err(failure) => Answer::Failed(failure),
            Ok(mut values) => {
                self.twist(opened, &mut values);
                Answer::Update(Update { values, records: self.shard.records() })
            }
        }
    }
}

impl NoisePlan {
    /// Honest members that a sum with this quorum surely has: those of the plan's share, and one at least.
    pub(super) fn honest_min(&self, quorum: usize) -> u32 {
        let honest = quorum.saturating_mul(usize::from(self.honest_bps)) / 10_000;
        u32::try_from(honest.max(1)).unwrap_or(u32::MAX)
    }
}
