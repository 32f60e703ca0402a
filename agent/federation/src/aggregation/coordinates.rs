//! Rules that look at each coordinate by itself.

/// The values of one coordinate, in place of those that `into` had.
fn gather(vectors: &[&[f64]], coordinate: usize, into: &mut Vec<f64>) {
    into.clear();
    into.extend(vectors.iter().map(|vector| vector[coordinate]));
}

/// The middle value; of an even number the mean of the two middle ones. Zero of none. Changes the order.
pub(super) fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let even = values.len().is_multiple_of(2);
    let (below, high, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let high = *high;
    match below.iter().copied().max_by(f64::total_cmp) {
        // Halved before they are added: two large numbers must not overflow.
        Some(low) if even => low / 2.0 + high / 2.0,
        _ => high,
    }
}

pub(super) fn median(vectors: &[&[f64]]) -> Vec<f64> {
    let mut values = Vec::with_capacity(vectors.len());
    (0..vectors.first().map_or(0, |first| first.len()))
        .map(|coordinate| {
            gather(vectors, coordinate, &mut values);
            middle(&mut values)
        })
        .collect()
}

/// Without the `trim` lowest and highest of each coordinate; `2·trim` is below the number of vectors.
pub(super) fn trimmed_mean(vectors: &[&[f64]], trim: usize) -> Vec<f64> {
    let mut values = Vec::with_capacity(vectors.len());
    (0..vectors.first().map_or(0, |first| first.len()))
        .map(|coordinate| {
            gather(vectors, coordinate, &mut values);
            // Sorted, so that the sum does not depend on the order of the members.
            values.sort_unstable_by(f64::total_cmp);
            let kept = &values[trim..values.len() - trim];
            kept.iter().fold(0.0, |sum, value| sum + value) / kept.len() as f64
        })
        .collect()
}
