//! Centred clipping.

use super::coordinates;
use crate::linear;

/// Times that the centre moves. The radius of each is the median distance to the centre before it.
pub const CLIPPING_ITERATIONS_MAX: usize = 5;

pub(super) fn centred(vectors: &[&[f64]]) -> Vec<f64> {
    let mut centre = coordinates::median(vectors);
    let mut difference = vec![0.0; centre.len()];
    for _ in 0..CLIPPING_ITERATIONS_MAX {
        let distances: Vec<f64> =
            vectors.iter().map(|vector| libm::sqrt(linear::squared_distance(vector, &centre))).collect();
        let radius = coordinates::middle(&mut distances.clone());
        let mut moved = vec![0.0; centre.len()];
        for (vector, distance) in vectors.iter().zip(&distances) {
            for (into, (value, centre)) in difference.iter_mut().zip(vector.iter().zip(&centre)) {
                *into = value - centre;
            }
            let keep = if *distance > radius { radius / distance } else { 1.0 };
            linear::add_scaled(&mut moved, keep, &difference);
        }
        linear::add_scaled(&mut centre, 1.0 / vectors.len() as f64, &moved);
    }
    centre
}
