//! Krum's scores.

use crate::linear;

/// Indices from the best score to the worst, equal scores in the order of the vectors. A score is the sum of the
/// squared distances to the `n − liars − 2` nearest other vectors; there are at least `2·liars + 3` vectors.
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
    let scores: Vec<f64> = distances
        .chunks_exact_mut(count)
        .enumerate()
        .map(|(own, row)| {
            // Its own distance is zero; moved to the end it never counts.
            row[own] = f64::INFINITY;
            row.sort_unstable_by(f64::total_cmp);
            row[..neighbours].iter().fold(0.0, |sum, distance| sum + distance)
        })
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order
}
