use super::*;
use proptest::prelude::*;

fn on(days: usize, breached: &[usize]) -> Vec<bool> {
    (0..days).map(|day| breached.contains(&day)).collect()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

/// The expected figures come from Python's `math` alone, written from the papers' formulas.
#[test]
fn it_agrees_with_an_independent_calculation() {
    let breached = on(250, &[10, 11, 12, 60, 100, 101, 180, 240]);
    let at_five = coverage(&breached, 0.05).unwrap();
    assert_eq!((at_five.days, at_five.breaches), (250, 8));
    near(at_five.expected, 12.5);
    near(at_five.kupiec_p, 0.16322015045707824);
    near(at_five.independence_p, 0.0006906605953771443);
    near(at_five.conditional_p, 0.0011955193150403538);
    let at_one = coverage(&breached, 0.01).unwrap();
    near(at_one.kupiec_p, 0.005420405194127794);
    near(at_one.conditional_p, 6.613040387711755e-05);
}

#[test]
fn none_and_all_are_no_error() {
    let none = coverage(&[false; 250], 0.05).unwrap();
    // −2 · 250 · ln 0.95.
    near(none.kupiec_p, libm::erfc((-250.0 * 0.95f64.ln()).sqrt()));
    assert_eq!(none.independence_p, 1.0);
    let all = coverage(&[true; 250], 0.05).unwrap();
    assert!(all.kupiec_p < 1e-100 && all.independence_p == 1.0);
}

#[test]
fn what_cannot_be_tested_says_why() {
    assert_eq!(coverage(&[true], 0.05), Err(CoverageError::TooFewDays { found: 1 }));
    for tail in [0.0, 1.0, -0.1] {
        assert_eq!(coverage(&[false; 9], tail), Err(CoverageError::Tail { tail }));
    }
    assert!(coverage(&[false; 9], f64::NAN).is_err());
}

proptest! {
    #[test]
    fn p_values_are_probabilities(breached in proptest::collection::vec(any::<bool>(), 2..300), tail in 0.001f64..0.5) {
        let found = coverage(&breached, tail).unwrap();
        for p in [found.kupiec_p, found.independence_p, found.conditional_p] {
            prop_assert!((0.0..=1.0).contains(&p));
        }
    }
}
