//! Made-up data and the parts that members play, all from one seed.

use super::{Conduct, Method, Shard, ShardMember, SimulationPlan, Training};
use crate::MemberId;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use std::f64::consts::PI;

/// Standard deviation of the true scores: an area under the curve of about 0.85.
const SIGNAL: f64 = 1.7;
/// The true intercept: a third of the labels are 1.
const TRUE_INTERCEPT: f64 = -0.8;

/// One stream of random numbers for each purpose; those of members start at [`STREAM_MEMBERS`].
const STREAM_TRUTH: u64 = 1;
const STREAM_HOLDOUT: u64 = 2;
const STREAM_TEST: u64 = 3;
const STREAM_LIARS: u64 = 4;
const STREAM_STRAGGLERS: u64 = 5;
const STREAM_MEMBERS: u64 = 1 << 32;

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// Above 0 and at most 1, in steps of 2⁻⁵³.
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    ((random.next_u64() >> 11) + 1) as f64 * libm::ldexp(1.0, -53)
}

/// The first number of a stream, between 0 and 1.
pub(super) fn uniform_of(seed: u64, of: u64) -> f64 {
    uniform(&mut stream(seed, of))
}

/// Standard normal, by Box and Muller (1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(uniform(random)));
    radius * libm::cos(2.0 * PI * uniform(random))
}

fn shard(random: &mut ChaCha8Rng, truth: &[f64], records: usize, skew: f64) -> Shard {
    let dimension = truth.len();
    let shift: Vec<f64> = (1..dimension).map(|_| skew * normal(random)).collect();
    let mut features = Vec::with_capacity(records * dimension);
    let mut labels = Vec::with_capacity(records);
    for _ in 0..records {
        let start = features.len();
        features.extend(shift.iter().map(|shift| shift + normal(random)));
        features.push(1.0);
        let score = crate::linear::dot(&features[start..], truth);
        let is_one = uniform(random) * (1.0 + libm::exp(-score)) < 1.0;
        labels.push(f64::from(u8::from(is_one)));
    }
    Shard { dimension, features, labels }
}

/// The order of `count` places, shuffled (Fisher and Yates).
fn shuffled(random: &mut ChaCha8Rng, count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Floor of a share below one: never above `last`.
        let other = (uniform(random).next_down() * (last + 1) as f64) as usize;
        places.swap(last, other.min(last));
    }
    places
}

/// Data and members of a simulation.
pub(super) struct World {
    pub(super) members: Vec<ShardMember>,
    pub(super) holdout: Shard,
    pub(super) test: Shard,
}

impl World {
    /// Of a checked plan.
    pub(super) fn new(plan: &SimulationPlan) -> Self {
        let mut random = stream(plan.seed, STREAM_TRUTH);
        let scale = SIGNAL / libm::sqrt(plan.features as f64);
        let mut truth: Vec<f64> = (0..plan.features).map(|_| scale * normal(&mut random)).collect();
        truth.push(TRUE_INTERCEPT);
        let training = match plan.method {
            Method::Newton => Training::Sums,
            Method::Averaging { steps, rate } => {
                let records = (plan.members * plan.records_per_member) as f64;
                Training::Descent { steps, rate, ridge: plan.ridge / records }
            }
        };
        let skew = f64::from(plan.skew_permille) / 1_000.0;
        let member = |place: usize| {
            let mut random = stream(plan.seed, STREAM_MEMBERS + place as u64);
            let shard = shard(&mut random, &truth, plan.records_per_member, skew);
            // Five digits hold every place that a plan can have, and keep names in the order of places.
            let id = MemberId::new(format!("member-{place:05}")).ok()?;
            Some(ShardMember::new(id, place as u64, plan.seed, shard, training))
        };
        Self {
            members: (0..plan.members).filter_map(member).collect(),
            holdout: shard(&mut stream(plan.seed, STREAM_HOLDOUT), &truth, plan.holdout_records, 0.0),
            test: shard(&mut stream(plan.seed, STREAM_TEST), &truth, plan.test_records, 0.0),
        }
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = &Shard> + Clone {
        self.members.iter().map(ShardMember::shard)
    }

    /// Gives every member its part in a plan; the same places lie in every run of the same seed.
    pub(super) fn assign(&mut self, plan: &SimulationPlan) {
        let trouble = plan.trouble;
        let conducts = [
            (trouble.sign_flipped_bps, Conduct::SignFlipped(trouble.sign_flip_factor)),
            (trouble.scaled_bps, Conduct::Scaled(trouble.scale_factor)),
            (trouble.label_flipped_bps, Conduct::LabelFlipped),
            (trouble.not_finite_bps, Conduct::NotFinite),
        ];
        for member in &mut self.members {
            member.conduct = Conduct::Honest;
            member.gone_bps = trouble.gone_bps;
            member.delay_ticks = 0;
        }
        let mut places = shuffled(&mut stream(plan.seed, STREAM_LIARS), self.members.len()).into_iter();
        for (share, conduct) in conducts {
            for place in places.by_ref().take(plan.share(share)) {
                self.members[place].conduct = conduct;
            }
        }
        let places = shuffled(&mut stream(plan.seed, STREAM_STRAGGLERS), self.members.len());
        for place in places.into_iter().take(plan.share(trouble.stragglers_bps)) {
            self.members[place].delay_ticks = trouble.straggler_ticks;
        }
    }
}
