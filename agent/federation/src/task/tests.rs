use super::*;
use crate::linear::{packed_len, packed_upper_index};
use proptest::prelude::*;

fn aggregate(values: Vec<f64>, records: u64) -> Aggregate {
    Aggregate { values, records, members: 3 }
}

/// Square roots of a factor round: equal but for the last digits.
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} instead of {expected:?}");
}

#[test]
fn a_newton_step_minimises_a_quadratic_at_once() {
    // Loss ½(2θ₀² + θ₁²) − 3θ₀ − θ₁ at (5, 7): gradient (7, 6), Hessian diag(2, 1), minimum (1.5, 1).
    let task = Newton::new(2, 0.0, Intercept::None, 10.0).unwrap();
    let next = task.advance(&[5.0, 7.0], &aggregate(vec![7.0, 6.0, 2.0, 0.0, 1.0, 0.0], 1)).unwrap();
    close(&next, &[1.5, 1.0]);
}

#[test]
fn the_ridge_spares_the_intercept() {
    let update = aggregate(vec![-3.0, -1.0, 2.0, 0.0, 1.0, 0.0], 1);
    let all = Newton::new(2, 1.0, Intercept::None, 10.0).unwrap().advance(&[0.0, 0.0], &update).unwrap();
    let last = Newton::new(2, 1.0, Intercept::LastUnpenalised, 10.0).unwrap().advance(&[0.0, 0.0], &update).unwrap();
    close(&all, &[1.0, 0.5]);
    close(&last, &[1.0, 1.0]);
}

#[test]
fn a_hessian_that_cannot_be_is_refused_with_its_numbers() {
    let task = Newton::new(2, 0.5, Intercept::None, 2.0).unwrap();
    let refuse = |values: Vec<f64>| task.advance(&[0.0, 0.0], &aggregate(values, 3)).unwrap_err();
    assert_eq!(
        refuse(vec![0.0, 0.0, -1.0, 0.0, -2.0, 0.0]),
        Refusal::Trace { found: -3.0, records: 3, most: 6.0 },
        "below zero"
    );
    assert_eq!(
        refuse(vec![0.0, 0.0, 4.0, 0.0, 3.0, 0.0]),
        Refusal::Trace { found: 7.0, records: 3, most: 6.0 },
        "more than three records can give"
    );
    let Refusal::NotPositiveDefinite { row: 1, pivot, .. } = refuse(vec![0.0, 0.0, 0.5, 2.0, 0.5, 0.0]) else {
        panic!("an indefinite Hessian was taken")
    };
    assert_eq!(pivot, -3.0);
}

#[test]
fn numbers_that_make_no_sense_are_errors() {
    assert_eq!(Newton::new(0, 1.0, Intercept::None, 1.0).unwrap_err(), TaskError::Parameters { found: 0 });
    assert_eq!(Moments::new(2, -1.0, Intercept::None, 1.0).unwrap_err(), TaskError::Ridge { found: -1.0 });
    assert!(matches!(Newton::new(2, f64::NAN, Intercept::None, 1.0), Err(TaskError::Ridge { .. })));
    assert!(matches!(Newton::new(2, 1.0, Intercept::None, f64::NAN), Err(TaskError::Trace { .. })));
    assert!(Average::new(PARAMETERS_MAX + 1).is_err());
}

proptest! {
    /// Sums of members' moments give the parameters that made the targets, whatever the split.
    #[test]
    fn one_round_of_moments_finds_an_exact_line(
        theta in prop::array::uniform3(-4.0f64..4.0),
        records in prop::collection::vec(prop::array::uniform2(-2.0f64..2.0), 12..40),
        owners in prop::collection::vec(0usize..4, 40),
    ) {
        let length = Moments::update_len(3);
        let mut members = vec![vec![0.0; length]; 4];
        for (record, owner) in records.iter().zip(&owners) {
            let x = [record[0], record[1], 1.0];
            let y: f64 = x.iter().zip(&theta).map(|(x, theta)| x * theta).sum();
            for row in 0..3 {
                for column in row..3 {
                    members[*owner][packed_upper_index(3, row, column)] += x[row] * x[column];
                }
                members[*owner][packed_len(3) + row] += x[row] * y;
            }
            members[*owner][length - 1] += y * y;
        }
        let sums: Vec<f64> = (0..length).map(|k| members.iter().map(|member| member[k]).sum()).collect();
        let task = Moments::new(3, 0.0, Intercept::LastUnpenalised, 10.0).unwrap();
        // Records on one line leave the matrix singular: then it is refused, not solved.
        if let Ok(found) = task.advance(&[0.0; 3], &aggregate(sums, records.len() as u64)) {
            let spread = (0..3).all(|k| (found[k] - theta[k]).abs() < 1e-3);
            prop_assert!(spread, "{found:?} instead of {theta:?}");
        }
    }
}
