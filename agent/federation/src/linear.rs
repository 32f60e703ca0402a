//! Vectors and packed symmetric matrices whose sums have a fixed order.
//!
//! Matrix libraries choose their kernels, and with them the order of additions, by the processor they run on. A model
//! must be the same bytes on every machine, so the few operations that a round needs are written out here.

mod symmetric;

pub use symmetric::{Cholesky, NotPositiveDefinite, packed_len, packed_trace, packed_upper_index};

/// Terms of pairs added up in four running sums, each from its first element to its last, then joined; what is left of
/// a length that four does not divide comes last. One running sum would wait for every addition before the next.
fn sum_of(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let length = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..length].as_chunks::<4>(), b[..length].as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += term(*a, *b);
        }
    }
    let mut sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum += term(*a, *b);
    }
    sum
}

/// Σ `a[i]·b[i]` over the shorter length.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum_of(a, b, |a, b| a * b)
}

/// Euclidean norm. Infinite when a square overflows, NaN when an element is NaN.
pub fn norm(a: &[f64]) -> f64 {
    libm::sqrt(dot(a, a))
}

/// Squared Euclidean distance over the shorter length.
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    sum_of(a, b, |a, b| (a - b) * (a - b))
}

/// `into[i] += factor · from[i]` over the shorter length.
pub fn add_scaled(into: &mut [f64], factor: f64, from: &[f64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += factor * from;
    }
}

/// Index of the first element that is NaN or infinite.
pub fn first_not_finite(a: &[f64]) -> Option<usize> {
    a.iter().position(|value| !value.is_finite())
}

#[cfg(test)]
mod tests;
