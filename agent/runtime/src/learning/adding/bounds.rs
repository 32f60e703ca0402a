//! How large a member's numbers may be: the mean of its records.

use quaestor_federation::privacy::FixedPoint;
use quaestor_risk::train::{BoundedShard, Contribution, NewtonShard};

/// So many times the norm of the public records' own mean, where records are not clipped. Members hold other assets than
/// the public treasury does: the mean of an honest one was 14 times as long at most (quantile regression, seeds 1 to 12).
/// Rounds and reputations see to what is wrong below this; the bound keeps out what would drown all others at once.
const OF_PUBLIC: f64 = 100.0;
/// Noise is longer than its expected length by so many deviations of a single number with probability 2·10⁻⁸ at most
/// (exp(−k²/2): a norm changes no faster than its vector).
const DEVIATIONS: f64 = 6.0;

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    libm::sqrt(values.map(|value| value * value).sum())
}

/// Of sums as they are, with their count beside them. Without public records nothing is known of their scale.
pub(in super::super) fn of_sums(public: Option<&Contribution>) -> f64 {
    public.map_or(f64::INFINITY, |one| {
        let records = one.records.max(1) as f64;
        OF_PUBLIC * norm(one.values.iter().map(|value| value / records).chain([1.0]))
    })
}

/// Of gradients, Hessians and losses, by those of public records where the rounds start.
pub(super) fn of_newton(public: Option<&NewtonShard>, start: &[f64]) -> f64 {
    let sums = public.and_then(|shard| Some((shard.sums(start).ok()?.to_vec(), shard.records().max(1) as f64)));
    sums.map_or(f64::INFINITY, |(sums, records)| OF_PUBLIC * norm(sums.iter().map(|value| value / records)))
}

/// Of clipped records with noise, with their count beside them: no mean of records is longer than the clip, and noise is
/// as long as its numbers make it, in the mean of the fewest records the most.
pub(super) fn of_clipped(grid: FixedPoint, width: usize, records_least: u64) -> f64 {
    let noise = grid.noise_multiplier * (libm::sqrt(width as f64) + DEVIATIONS) / records_least.max(1) as f64;
    norm([grid.clip * (1.0 + noise), 1.0].into_iter())
}

/// Fewest records of a member.
pub(super) fn least<'a>(records: impl Iterator<Item = u64> + 'a) -> u64 {
    records.min().unwrap_or(1)
}

/// The same of bounded shards.
pub(super) fn least_of(shards: &[BoundedShard]) -> u64 {
    least(shards.iter().map(BoundedShard::records))
}
