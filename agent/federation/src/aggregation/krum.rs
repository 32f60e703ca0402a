//! Krum's scores.
//!
//! Distances are those of the vectors themselves, for all pairs. Products of vectors would need two thirds of the
//! arithmetic, and a matrix library would do them faster; but |a|² + |b|² − 2ab cancels where honest members are, close
//! to each other, and such a library chooses the order of its additions by the processor.

use crate::linear;
use std::{num::NonZero, thread};

/// Threads at most. Each distance is found by one of them, so their number changes no bit.
const THREADS_MAX: usize = 8;
/// Below so many subtractions another thread costs more than it saves.
const WORK_MIN: usize = 4_000_000;

/// Indices from the best score to the worst, equal scores in the order of the vectors. A score is the sum of the
/// squared distances to the `n − liars − 2` nearest other vectors; there are at least `2·liars + 3` vectors. Keeps `n²`
/// numbers: 8 MB for 1,000 vectors.
pub(super) fn order(vectors: &[&[f64]], liars: usize) -> Vec<usize> {
    let count = vectors.len();
    let work = count.saturating_mul(count) / 2 * vectors.first().map_or(0, |first| first.len());
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let mut distances = distances(vectors, (work / WORK_MIN).clamp(1, processors.min(THREADS_MAX)));
    let neighbours = count.saturating_sub(liars + 2);
    let mut scratch = Vec::with_capacity(count);
    let scores: Vec<f64> = distances
        .chunks_exact_mut(count)
        .enumerate()
        .map(|(own, row)| {
            // Its own distance is zero; beyond all others it never counts.
            row[own] = f64::INFINITY;
            nearest(row, neighbours, &mut scratch)
        })
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order
}

/// Squared distances of all pairs, row by row. Rows get shorter towards the end, so threads take turns with them.
fn distances(vectors: &[&[f64]], threads: usize) -> Vec<f64> {
    let count = vectors.len();
    let mut distances = vec![0.0; count * count];
    let mut shares: Vec<Vec<(usize, &mut [f64])>> = (0..threads).map(|_| Vec::new()).collect();
    for (row, found) in distances.chunks_exact_mut(count).enumerate() {
        shares[row % threads].push((row, found));
    }
    let find = |share: Vec<(usize, &mut [f64])>| {
        for (row, found) in share {
            for (found, other) in found.iter_mut().zip(vectors).skip(row + 1) {
                *found = linear::squared_distance(vectors[row], other);
            }
        }
    };
    let own = shares.pop();
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| find(share));
        }
        if let Some(own) = own {
            find(own);
        }
    });
    for row in 1..count {
        for column in 0..row {
            distances[row * count + column] = distances[column * count + row];
        }
    }
    distances
}

/// The sum of the `least` smallest of these distances, in the order in which they stand. Selected, for sorting them all
/// costs as much as finding short vectors' distances.
fn nearest(distances: &[f64], least: usize, scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend_from_slice(distances);
    let Some(last) = least.checked_sub(1).filter(|last| *last < distances.len()) else { return 0.0 };
    let (_, furthest, _) = scratch.select_nth_unstable_by(last, f64::total_cmp);
    let furthest = *furthest;
    let (mut sum, mut nearer) = (0.0, 0usize);
    for distance in distances.iter().filter(|distance| **distance < furthest) {
        sum += distance;
        nearer += 1;
    }
    // Of those that are as far, as many as are wanted: one or more.
    sum + furthest * (least - nearer) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let number = |place: usize| ((place * 7_919) % 1_009) as f64 / 37.0;
        let vectors: Vec<Vec<f64>> = (0..23).map(|row| (0..13).map(|at| number(row * 13 + at)).collect()).collect();
        let vectors: Vec<&[f64]> = vectors.iter().map(Vec::as_slice).collect();
        let alone = distances(&vectors, 1);
        for row in 0..23 {
            for column in 0..23 {
                assert_eq!(alone[row * 23 + column], linear::squared_distance(vectors[row], vectors[column]));
            }
        }
        for threads in [2, 3, 8, 40] {
            assert_eq!(distances(&vectors, threads), alone);
        }
    }
}
