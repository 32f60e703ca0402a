//! The geometric median by Weiszfeld's algorithm.

use super::coordinates;
use crate::linear;

/// Most iterations. What is not converged by then is still a weighted mean of the vectors with the far ones weighing
/// little.
pub const WEISZFELD_ITERATIONS_MAX: usize = 200;
/// A step shorter than this share of the median distance ends the iteration.
const STEP_LEAST: f64 = 1e-10;
/// Distances below this share of the median distance count as this share, so that a vector at the centre does not get
/// all the weight (the smoothing of Pillutla et al.).
const SMOOTHING: f64 = 1e-6;

pub(super) fn median(vectors: &[&[f64]]) -> Vec<f64> {
    let mut centre = coordinates::median(vectors);
    let mut distances: Vec<f64> = vectors.iter().map(|vector| distance(vector, &centre)).collect();
    let mut next = vec![0.0; centre.len()];
    for _ in 0..WEISZFELD_ITERATIONS_MAX {
        let scale = coordinates::middle(&mut distances.clone());
        // More than half of the vectors are the centre itself.
        if scale == 0.0 {
            return centre;
        }
        let (mut total, least) = (0.0, SMOOTHING * scale);
        next.fill(0.0);
        for (vector, distance) in vectors.iter().zip(&distances) {
            let weight = scale / distance.max(least);
            total += weight;
            linear::add_scaled(&mut next, weight, vector);
        }
        next.iter_mut().for_each(|value| *value /= total);
        let step = distance(&next, &centre);
        std::mem::swap(&mut centre, &mut next);
        if step <= STEP_LEAST * scale {
            return centre;
        }
        for (distance_now, vector) in distances.iter_mut().zip(vectors) {
            *distance_now = distance(vector, &centre);
        }
    }
    centre
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    libm::sqrt(linear::squared_distance(a, b))
}
