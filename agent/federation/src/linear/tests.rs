use super::*;
use proptest::prelude::*;

fn packed(dimension: usize, at: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..dimension).flat_map(|row| (row..dimension).map(move |column| (row, column))).map(|(r, c)| at(r, c)).collect()
}

#[test]
fn the_packing_is_the_upper_triangle_row_by_row() {
    for dimension in 1..9 {
        let mut next = 0;
        for row in 0..dimension {
            for column in row..dimension {
                assert_eq!(packed_upper_index(dimension, row, column), next);
                assert_eq!(packed_upper_index(dimension, column, row), next);
                next += 1;
            }
        }
        assert_eq!(packed_len(dimension), next);
    }
}

#[test]
fn a_known_matrix_is_factored_and_solved() {
    // The textbook matrix whose factor has whole numbers: rows (2), (6, 1), (−8, 5, 3).
    let upper = [4.0, 12.0, -16.0, 37.0, -43.0, 98.0];
    let factor = Cholesky::new(3, &upper, &[]).unwrap();
    assert_eq!(factor.lower, [2.0, 6.0, 1.0, -8.0, 5.0, 3.0]);
    let x = factor.solve(&[-20.0, -43.0, 192.0]);
    for (found, expected) in x.iter().zip([1.0, 2.0, 3.0]) {
        assert!((found - expected).abs() < 1e-12, "{x:?}");
    }
    assert_eq!(packed_trace(3, &upper), 139.0);
}

#[test]
fn what_is_not_positive_definite_says_which_row() {
    let indefinite = Cholesky::new(2, &[1.0, 2.0, 1.0], &[]).unwrap_err();
    assert_eq!((indefinite.row, indefinite.pivot), (1, -3.0));
    let singular = Cholesky::new(2, &[1.0, 1.0, 1.0], &[]).unwrap_err();
    assert_eq!(singular.row, 1);
    assert!(Cholesky::new(2, &[1.0, 1.0, 1.0], &[0.5, 0.5]).is_ok(), "a ridge makes it definite");
    assert!(Cholesky::new(2, &[f64::NAN, 0.0, 1.0], &[]).unwrap_err().pivot.is_nan());
    assert_eq!(Cholesky::new(2, &[1.0, 0.0, f64::INFINITY], &[]).unwrap_err().row, 0);
    assert!(Cholesky::new(2, &[1.0, 0.0], &[]).unwrap_err().pivot.is_nan(), "another length");
}

#[test]
fn sums_of_every_length_have_all_their_terms() {
    let a: Vec<f64> = (1..=13).map(f64::from).collect();
    for length in 0..=a.len() {
        let n = length as f64;
        assert_eq!(dot(&a[..length], &a), n * (n + 1.0) * (2.0 * n + 1.0) / 6.0);
        assert_eq!(squared_distance(&a[..length], &[1.0; 20]), (n - 1.0) * n * (2.0 * n - 1.0) / 6.0);
    }
}

#[test]
fn overflow_and_bad_numbers_are_seen() {
    assert_eq!(norm(&[1e200, 1e200]), f64::INFINITY);
    assert!(norm(&[1.0, f64::NAN]).is_nan());
    assert_eq!(first_not_finite(&[1.0, f64::INFINITY, f64::NAN]), Some(1));
    assert_eq!(first_not_finite(&[1.0, -0.0]), None);
}

proptest! {
    /// `A = B·Bᵀ + I` is positive definite, and solving gives back the vector that was multiplied.
    #[test]
    fn solving_undoes_multiplying(
        dimension in 1usize..9,
        numbers in prop::collection::vec(-3.0f64..3.0, 81),
        x in prop::collection::vec(-5.0f64..5.0, 9),
    ) {
        let b = |row: usize, column: usize| numbers[row * 9 + column];
        let full = |row: usize, column: usize| {
            (0..dimension).map(|k| b(row, k) * b(column, k)).sum::<f64>() + f64::from(u8::from(row == column))
        };
        let right: Vec<f64> = (0..dimension).map(|row| (0..dimension).map(|c| full(row, c) * x[c]).sum()).collect();
        let factor = Cholesky::new(dimension, &packed(dimension, full), &[]).unwrap();
        for (found, expected) in factor.solve(&right).iter().zip(&x) {
            prop_assert!((found - expected).abs() < 1e-8);
        }
    }
}
