//! Krum's scores.
//!
//! Distances are those of the vectors themselves, for all pairs. Products of vectors would need two thirds of the
//! arithmetic, and a matrix library would do them faster; but |a|² + |b|² − 2ab cancels where honest members are, close
//! to each other, and such a library chooses the order of its additions by the processor.

use crate::linear;

/// Indices from the best score to the worst, equal scores in the order of the vectors. A score is the sum of the
/// squared distances to the `n − liars − 2` nearest other vectors; there are at least `2·liars + 3` vectors. Keeps `n²`
/// numbers: 8 MB for 1,000 vectors.
pub(super) fn order(vectors: &[&[f64]], liars: usize) -> Vec<usize> {
    let count = vectors.len();
    let mut distances = vec![0.0; count * count];
    for row in 0..count {
        for column in row + 1..count {
            let distance = linear::squared_distance(vectors[row], vectors[column]);
            distances[row * count + column] = distance;
            distances[column * count + row] = distance;
        }
    }
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
