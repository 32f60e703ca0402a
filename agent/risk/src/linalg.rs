//! Symmetric matrices in a fixed order of operations.
//!
//! Why not a matrix library: its kernels choose instructions at run time, so that the last bits of a sum differ between
//! processors. What is solved here is at most a few hundred numbers wide, once a round or once a training.

/// Widest matrix: the features of a record and an intercept, with room for the moments of a regression.
pub const ORDER_MAX: usize = crate::examples::FEATURES_MAX + 2;
/// A pivot below this share of its diagonal element is rounding, not information.
pub const PIVOT_SHARE_MIN: f64 = 1e-14;

/// Why a matrix could not be used.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LinalgError {
    /// A list of numbers is no packed triangle of this order, or no vector of this length.
    #[error("{found} numbers where {expected} are needed; send as many as the round's parameters say")]
    Length {
        /// What the order asks for.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The matrix is not positive definite.
    #[error(
        "not positive definite: pivot {row} is {pivot:e}; raise the ridge or leave out a feature that repeats others"
    )]
    NotPositiveDefinite {
        /// The row, from zero.
        row: usize,
        /// What was left of its diagonal element.
        pivot: f64,
    },
}

/// A symmetric matrix, kept as its upper triangle row by row: (0,0), (0,1), …, (0,n−1), (1,1), …
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetric {
    order: usize,
    packed: Vec<f64>,
}

/// Numbers of a packed triangle of `order` rows.
pub const fn packed_len(order: usize) -> usize {
    order * (order + 1) / 2
}

impl Symmetric {
    /// All zero.
    pub fn zeros(order: usize) -> Self {
        Self { order, packed: vec![0.0; packed_len(order)] }
    }

    /// From its packed upper triangle.
    ///
    /// # Errors
    /// If `packed` has not `order · (order + 1) / 2` numbers.
    pub fn from_packed(order: usize, packed: Vec<f64>) -> Result<Self, LinalgError> {
        match (packed_len(order), packed.len()) {
            (expected, found) if expected != found => Err(LinalgError::Length { expected, found }),
            _ => Ok(Self { order, packed }),
        }
    }

    /// Rows, and columns.
    pub fn order(&self) -> usize {
        self.order
    }

    /// The upper triangle, row by row.
    pub fn packed(&self) -> &[f64] {
        &self.packed
    }

    fn index(&self, row: usize, column: usize) -> usize {
        let (row, column) = if row <= column { (row, column) } else { (column, row) };
        row * self.order - row * (row + 1) / 2 + column
    }

    /// One element.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.packed[self.index(row, column)]
    }

    /// Sets one element and its mirror image.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        let index = self.index(row, column);
        self.packed[index] = value;
    }

    /// Adds `weight · v vᵀ`.
    pub fn add_outer(&mut self, v: &[f64], weight: f64) {
        let mut packed = self.packed.iter_mut();
        for (row, left) in v.iter().enumerate() {
            let scaled = weight * left;
            for (right, sum) in v[row..].iter().zip(&mut packed) {
                *sum += scaled * right;
            }
        }
    }

    /// Adds `value` to the first `rows` elements of the diagonal.
    pub fn add_diagonal(&mut self, rows: usize, value: f64) {
        for row in 0..rows.min(self.order) {
            let index = self.index(row, row);
            self.packed[index] += value;
        }
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.order).map(|row| self.get(row, row)).sum()
    }

    /// The factor L of A = L Lᵀ.
    ///
    /// # Errors
    /// If the matrix is not positive definite, NaN included.
    pub fn cholesky(&self) -> Result<Cholesky, LinalgError> {
        let order = self.order;
        let mut lower = vec![0.0; packed_len(order)];
        for row in 0..order {
            for column in 0..=row {
                let [left, right] = [&lower[packed_len(row)..][..column], &lower[packed_len(column)..][..column]];
                let dot: f64 = left.iter().zip(right).fold(0.0, |sum, (x, y)| sum + x * y);
                let rest = self.get(row, column) - dot;
                lower[packed_len(row) + column] = if row == column {
                    let usable = rest > PIVOT_SHARE_MIN * self.get(row, row) && rest.is_finite();
                    if !usable {
                        return Err(LinalgError::NotPositiveDefinite { row, pivot: rest });
                    }
                    libm::sqrt(rest)
                } else {
                    rest / lower[packed_len(column) + column]
                };
            }
        }
        Ok(Cholesky { order, lower })
    }
}

/// Adds `more` to `sums`, place by place.
///
/// # Errors
/// If they differ in length.
pub fn add(sums: &mut [f64], more: &[f64]) -> Result<(), LinalgError> {
    if sums.len() != more.len() {
        return Err(LinalgError::Length { expected: sums.len(), found: more.len() });
    }
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
    Ok(())
}

/// Σ xᵢ yᵢ from the first to the last.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + x * y)
}

/// The lower triangular factor of a positive definite matrix, kept row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    order: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    fn row(&self, row: usize) -> &[f64] {
        &self.lower[packed_len(row)..=packed_len(row) + row]
    }

    /// The x of A x = b.
    ///
    /// # Errors
    /// If `b` has another length than the matrix has rows.
    pub fn solve(&self, b: &[f64]) -> Result<Vec<f64>, LinalgError> {
        if b.len() != self.order {
            return Err(LinalgError::Length { expected: self.order, found: b.len() });
        }
        let mut x = b.to_vec();
        for row in 0..self.order {
            let factors = self.row(row);
            x[row] = (x[row] - dot(&factors[..row], &x[..row])) / factors[row];
        }
        for row in (0..self.order).rev() {
            x[row] /= self.row(row)[row];
            let solved = x[row];
            for (column, factor) in self.row(row).iter().take(row).enumerate() {
                x[column] -= factor * solved;
            }
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests;
