use super::*;
use proptest::prelude::*;

#[test]
fn the_upper_triangle_is_kept_row_by_row() {
    let matrix = Symmetric::from_packed(3, vec![0.0, 1.0, 2.0, 11.0, 12.0, 22.0]).unwrap();
    let rows: Vec<Vec<f64>> = (0..3).map(|row| (0..3).map(|column| matrix.get(row, column)).collect()).collect();
    assert_eq!(rows, [[0.0, 1.0, 2.0], [1.0, 11.0, 12.0], [2.0, 12.0, 22.0]]);
    assert_eq!(matrix.trace(), 33.0);
    assert_eq!(Symmetric::from_packed(3, vec![0.0; 5]), Err(LinalgError::Length { expected: 6, found: 5 }));
}

#[test]
fn what_is_not_positive_definite_is_refused() {
    let refused = |packed: [f64; 3]| Symmetric::from_packed(2, packed.to_vec()).unwrap().cholesky().is_err();
    assert!(!refused([2.0, 1.0, 2.0]));
    assert!(refused([1.0, 2.0, 1.0]), "indefinite");
    assert!(refused([1.0, 1.0, 1.0]), "singular");
    assert!(refused([0.0, 0.0, 1.0]), "a zero row");
    assert!(refused([f64::NAN, 0.0, 1.0]));
    assert!(refused([1.0, f64::INFINITY, 1.0]));
    assert!(refused([f64::INFINITY, 0.0, 1.0]));
}

#[test]
fn a_known_system_is_solved() {
    // [[4, 2], [2, 3]] x = [2, 1] has the solution (1/2, 0).
    let factor = Symmetric::from_packed(2, vec![4.0, 2.0, 3.0]).unwrap().cholesky().unwrap();
    assert_eq!(factor.solve(&[2.0, 1.0]).unwrap(), [0.5, 0.0]);
    assert_eq!(factor.solve(&[1.0]), Err(LinalgError::Length { expected: 2, found: 1 }));
}

proptest! {
    #[test]
    fn a_solution_solves_its_system(
        rows in prop::collection::vec(prop::collection::vec(-3.0..3.0f64, 5), 1..12),
        b in prop::collection::vec(-10.0..10.0f64, 5),
    ) {
        let mut matrix = Symmetric::zeros(5);
        matrix.add_diagonal(5, 0.5);
        for row in &rows {
            matrix.add_outer(row, 1.0);
        }
        let x = matrix.cholesky().unwrap().solve(&b).unwrap();
        for (row, wanted) in b.iter().enumerate() {
            let found: f64 = (0..5).map(|column| matrix.get(row, column) * x[column]).sum();
            prop_assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
        }
    }
}
