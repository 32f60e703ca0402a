use super::*;
use proptest::prelude::*;

/// `mu, delta, epsilon`, the last with 25 digits from the same formula in 80-digit arithmetic (mpmath 1.3), found by
/// bisection; `testdata/epsilon.py` makes the file.
fn known() -> Vec<(f64, f64, f64)> {
    let rows = include_str!("../../../testdata/epsilon.csv").lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &str| {
        let mut numbers = line.split(',').map(|number| number.parse::<f64>().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap())
    };
    rows.map(parse).collect()
}

#[test]
fn the_published_figure() {
    let epsilon = epsilon(10.0, 50, 1e-5).unwrap();
    assert!((epsilon - 2.943225).abs() < 1e-5, "{epsilon}");
}

#[test]
fn never_below_the_truth_and_close_above_it() {
    let known = known();
    assert!(known.len() > 300, "{} rows", known.len());
    for (mu, delta, truth) in known {
        let found = epsilon_of_mu(mu, delta).unwrap();
        // The file's 25 digits were rounded to a float: one float of room.
        assert!(found >= truth.next_down(), "mu {mu}, delta {delta}: {found} is below {truth}");
        // δ of two nearly equal tails has fewer digits when μ is tiny; above 1e-4 six digits and more are exact.
        let room = if mu >= 1e-4 { 1e-6 } else { 1e-2 };
        assert!(found <= truth * (1.0 + room) + 1e-12, "mu {mu}, delta {delta}: {found} is far above {truth}");
    }
}

/// An independent way to δ(ε): the integral over t of e^ε·P(loss > t)-like tails would use the same functions, so this
/// integrates the densities themselves, `∫ max(p(x) − e^ε·q(x), 0) dx`, by Simpson's rule.
fn delta_by_quadrature(epsilon: f64, mu: f64) -> f64 {
    let log_root = 0.5 * (2.0 * std::f64::consts::PI).ln();
    // p is centred at μ, q at 0; p > e^ε·q from here on.
    let start = epsilon / mu + mu / 2.0;
    let end = (mu + 12.0).max(start + 12.0);
    let excess = |x: f64| (-(x - mu).powi(2) / 2.0 - log_root).exp() - (epsilon - x * x / 2.0 - log_root).exp();
    let steps = 20_000;
    let width = (end - start) / f64::from(steps);
    let weight = |k: i32| if k == 0 || k == steps { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    (0..=steps).map(|k| weight(k) * excess(start + f64::from(k) * width)).sum::<f64>() * width / 3.0
}

#[test]
fn what_cannot_be_answered_says_why() {
    assert_eq!(epsilon(-1.0, 5, 1e-5), Err(PrivacyError::NoiseMultiplier { found: -1.0 }));
    assert!(matches!(epsilon(f64::NAN, 5, 1e-5), Err(PrivacyError::NoiseMultiplier { .. })));
    assert!(matches!(epsilon(f64::INFINITY, 5, 1e-5), Err(PrivacyError::NoiseMultiplier { .. })));
    assert_eq!(epsilon(1.0, 0, 1e-5), Err(PrivacyError::Rounds { found: 0 }));
    for delta in [0.0, -1e-5, 1.0, 2.0, 1e-201, f64::INFINITY] {
        assert_eq!(epsilon(1.0, 1, delta), Err(PrivacyError::Delta { found: delta }));
    }
    assert!(matches!(epsilon(1.0, 1, f64::NAN), Err(PrivacyError::Delta { .. })));
    assert_eq!(epsilon(1e-7, 1, 1e-5), Err(PrivacyError::OutOfRange { mu: 1e7 }));
    assert_eq!(noise_multiplier(-0.5, 1, 1e-5), Err(PrivacyError::Epsilon { found: -0.5 }));
    assert!(matches!(noise_multiplier(f64::NAN, 1, 1e-5), Err(PrivacyError::Epsilon { .. })));
    assert_eq!(epsilon_of_group(1.0, 1, 1e-5, 0), Err(PrivacyError::Group { found: 0 }));
    assert!(matches!(noise_multiplier(0.0, 1, 1e-12), Err(PrivacyError::OutOfRange { .. })), "no noise is enough");
}

#[test]
fn a_large_delta_costs_nothing() {
    // δ(0) = 2·Φ(μ/2) − 1 = 0.0398776… for μ = 0.1.
    assert_eq!(epsilon_of_mu(0.1, 0.04).unwrap(), 0.0);
    assert!(epsilon_of_mu(0.1, 0.0398).unwrap() > 0.0);
}

#[test]
fn a_group_multiplies_the_sensitivity() {
    assert_eq!(epsilon_of_group(20.0, 16, 1e-6, 4).unwrap(), epsilon(5.0, 16, 1e-6).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_agrees_with_quadrature(mu in 0.05f64..8.0, delta_exponent in -9.0f64..-1.0) {
        let delta = 10f64.powf(delta_exponent);
        let epsilon = epsilon_of_mu(mu, delta).unwrap();
        prop_assume!(epsilon > 0.0);
        let found = delta_by_quadrature(epsilon, mu);
        prop_assert!((found / delta - 1.0).abs() < 1e-6, "delta {found:e} instead of {delta:e}");
    }

    #[test]
    fn the_reverse_is_the_least_noise(
        epsilon_asked in 0.01f64..60.0,
        rounds in 1u32..5_000,
        delta_exponent in -12.0f64..-2.0,
    ) {
        let delta = 10f64.powf(delta_exponent);
        let noise = noise_multiplier(epsilon_asked, rounds, delta).unwrap();
        prop_assert!(epsilon(noise, rounds, delta).unwrap() <= epsilon_asked);
        prop_assert!(epsilon(noise * (1.0 - 1e-6), rounds, delta).unwrap() > epsilon_asked, "less noise would do");
    }

    #[test]
    fn more_rounds_cost_more_and_more_noise_less(noise in 0.1f64..100.0, rounds in 1u32..1_000) {
        let at = |noise: f64, rounds: u32| epsilon(noise, rounds, 1e-5).unwrap();
        prop_assert!(at(noise, rounds + 1) > at(noise, rounds));
        prop_assert!(at(noise * 1.01, rounds) < at(noise, rounds));
    }
}
