//! Symmetric matrices, packed: the upper triangle row by row, `d(d + 1)/2` numbers.

/// Numbers in the packed upper triangle of a symmetric matrix of `dimension` rows.
pub const fn packed_len(dimension: usize) -> usize {
    dimension * (dimension + 1) / 2
}

/// Where the element of `row` and `column` stands, in either order. Both are below `dimension`.
pub const fn packed_upper_index(dimension: usize, row: usize, column: usize) -> usize {
    let (low, high) = if row <= column { (row, column) } else { (column, row) };
    // Rows before `low` hold dimension, dimension − 1, … numbers; twice their sum stays an even number.
    low * (2 * dimension + 1 - low) / 2 + (high - low)
}

/// Sum of the diagonal of a packed symmetric matrix.
pub fn packed_trace(dimension: usize, upper: &[f64]) -> f64 {
    let mut sum = 0.0;
    for row in 0..dimension {
        sum += upper.get(packed_upper_index(dimension, row, row)).copied().unwrap_or(f64::NAN);
    }
    sum
}

/// A matrix that is not (numerically) positive definite, or of another size than stated.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("not positive definite: pivot {pivot:e} of row {row} is not above {least:e}")]
pub struct NotPositiveDefinite {
    /// Row whose pivot failed.
    pub row: usize,
    /// The pivot; NaN when the matrix has NaN or another length than its dimension says.
    pub pivot: f64,
    /// What it had to exceed: the dimension times the machine's precision times the largest diagonal element.
    pub least: f64,
}

/// `A = L·Lᵀ` of a positive definite matrix. About `d³/6` multiplications, in a fixed order.
///
/// Golub and Van Loan, *Matrix Computations*, 4th edition, section 4.2.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    dimension: usize,
    /// Row by row, lower triangle only: row `i` starts at `i(i + 1)/2`.
    pub(super) lower: Vec<f64>,
}

impl Cholesky {
    /// Of a packed matrix with `add[i]` added to its diagonal (`add` may be shorter; the rest is zero).
    ///
    /// # Errors
    /// If a pivot is not clearly above zero, or `upper` is not [`packed_len`] long.
    pub fn new(dimension: usize, upper: &[f64], add: &[f64]) -> Result<Self, NotPositiveDefinite> {
        if upper.len() != packed_len(dimension) {
            return Err(NotPositiveDefinite { row: 0, pivot: f64::NAN, least: 0.0 });
        }
        let added = |row: usize| add.get(row).copied().unwrap_or(0.0);
        let diagonal = |row: usize| upper[packed_upper_index(dimension, row, row)] + added(row);
        let largest = (0..dimension).map(diagonal).fold(0.0, f64::max);
        let least = dimension as f64 * f64::EPSILON * largest;
        let mut lower = vec![0.0; packed_len(dimension)];
        for row in 0..dimension {
            let (done, current) = lower.split_at_mut(row * (row + 1) / 2);
            for column in 0..row {
                let above = &done[column * (column + 1) / 2..];
                let inner = super::dot(&current[..column], &above[..column]);
                current[column] = (upper[packed_upper_index(dimension, row, column)] - inner) / above[column];
            }
            let pivot = diagonal(row) - super::dot(&current[..row], &current[..row]);
            // Written so that NaN fails too.
            if !(pivot > least && pivot.is_finite()) {
                return Err(NotPositiveDefinite { row, pivot, least });
            }
            current[row] = libm::sqrt(pivot);
        }
        Ok(Self { dimension, lower })
    }

    /// Solves `A·x = right`. Elements of `right` beyond the dimension are ignored, missing ones are zero.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let row_of = |row: usize| &self.lower[row * (row + 1) / 2..][..=row];
        let mut x: Vec<f64> = right.iter().copied().chain(std::iter::repeat(0.0)).take(self.dimension).collect();
        for row in 0..self.dimension {
            let factors = row_of(row);
            x[row] = (x[row] - super::dot(&factors[..row], &x[..row])) / factors[row];
        }
        for row in (0..self.dimension).rev() {
            let factors = row_of(row);
            x[row] /= factors[row];
            let solved = x[row];
            super::add_scaled(&mut x[..row], -solved, &factors[..row]);
        }
        x
    }
}
