//! Members in this process.

use quaestor_federation::{
    Answer, Failure, Member, MemberId, Opened, Update,
    privacy::{self, NoiseError, NoisySum},
};
use quaestor_risk::train::{BoundedShard, Contribution, LOCAL_STEPS, NewtonShard};
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

/// A sum of clipped records, as a member forms it before it adds its noise.
struct Clipped {
    sum: NoisySum,
    clip: f64,
    record: Vec<f64>,
    failed: Option<NoiseError>,
}

impl Clipped {
    fn new(opened: &Opened, length: usize) -> Option<Self> {
        let grid = opened.noise?;
        Some(Self { sum: grid.sum(length), clip: grid.clip, record: vec![0.0; length], failed: None })
    }

    /// Adds the first numbers of a record, as many as are released.
    fn add(&mut self, record: &[f64]) {
        for (kept, value) in self.record.iter_mut().zip(record) {
            *kept = *value;
        }
        privacy::clip(&mut self.record, self.clip);
        if let Err(error) = self.sum.add(&self.record) {
            self.failed.get_or_insert(error);
        }
    }

    /// With noise that no other release has: the key is of this training and member, the stream of this opening.
    fn release(self, noise_key: [u8; 32], opened: &Opened) -> Result<Vec<f64>, Failure> {
        if let Some(error) = self.failed {
            return Err(Failure::Noise { error });
        }
        let mut random = ChaCha20Rng::from_seed(noise_key);
        random.set_stream(opened.attempt);
        self.sum.release(&mut random).map_err(|error| Failure::Noise { error })
    }
}

/// A member that has one vector to give, in which noise hides its records.
#[derive(Debug)]
pub(super) struct Veiled<'a> {
    pub(super) id: MemberId,
    pub(super) shard: &'a BoundedShard,
    /// What it multiplies its numbers with; one if it is honest.
    pub(super) factor: f64,
    /// Key of its noise: its own, of this release alone, and never told.
    pub(super) noise_key: [u8; 32],
    /// What it said when it was asked first; asked again it says the same, which tells nothing more.
    pub(super) said: Option<Result<Vec<f64>, Failure>>,
}

impl Veiled<'_> {
    fn values(&self, opened: &Opened) -> Result<Vec<f64>, Failure> {
        let mut sum = Clipped::new(opened, self.shard.width()).ok_or(Failure::BudgetSpent)?;
        self.shard.rows().for_each(|row| sum.add(row));
        let mut released = scaled(&sum.release(self.noise_key, opened)?, self.factor);
        // How many records there are is public.
        released.push(self.shard.records() as f64);
        Ok(released)
    }
}

impl Member for Veiled<'_> {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, opened: &Opened, _now_tick: u64) -> Answer {
        let said = self.said.take().unwrap_or_else(|| self.values(opened));
        self.said = Some(said.clone());
        match said {
            Ok(values) => Answer::Update(Update { values, records: self.shard.records() }),
            Err(failure) => Answer::Failed(failure),
        }
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
        // With noise the gradient alone is asked for, which stands first.
        let Some(mut sum) = Clipped::new(opened, opened.shape.update) else {
            return Ok(self.shard.sums(&opened.parameters).map_err(dimension)?.to_vec());
        };
        self.shard.contributions(&opened.parameters, |record| sum.add(record)).map_err(dimension)?;
        sum.release(self.noise_key, opened)
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

/// A member that goes steps of its own from the common parameters, and sends where it got.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    pub(super) id: MemberId,
    pub(super) shard: &'a NewtonShard,
    /// What it multiplies its numbers with; one if it is honest.
    pub(super) factor: f64,
    /// Its share of the common ridge.
    pub(super) ridge: f64,
}

impl Member for Walker<'_> {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, opened: &Opened, _now_tick: u64) -> Answer {
        let expected = self.shard.parameters();
        let found = opened.parameters.len();
        match self.shard.local_steps(&opened.parameters, self.ridge, LOCAL_STEPS) {
            Some(Ok(values)) => {
                Answer::Update(Update { values: scaled(&values, self.factor), records: self.shard.records() })
            }
            _ if found != expected => Answer::Failed(Failure::Dimension { found, expected }),
            // Its solver found no way from here; it may from the next parameters.
            _ => Answer::Failed(Failure::Gone),
        }
    }
}
