use super::*;
use proptest::prelude::*;

/// κ from its definition, day by day, as the paper's appendix has it (returns around zero).
fn by_definition(assets: usize, returns: &[f64]) -> f64 {
    let days: Vec<&[f64]> = returns.chunks_exact(assets).collect();
    let t = days.len() as f64;
    let mean_of = |term: &dyn Fn(&[f64]) -> f64| days.iter().map(|day| term(day)).sum::<f64>() / t;
    let s = |i: usize, j: usize| mean_of(&|day| day[i] * day[j]);
    let r = |i: usize, j: usize| s(i, j) / (s(i, i) * s(j, j)).sqrt();
    let mut mean = 0.0;
    for i in 0..assets {
        for j in 0..i {
            mean += r(i, j);
        }
    }
    mean *= 2.0 / (assets * (assets - 1)) as f64;
    let (mut pi, mut rho, mut gamma) = (0.0, 0.0, 0.0);
    for i in 0..assets {
        for j in 0..assets {
            let varies = mean_of(&|day| (day[i] * day[j] - s(i, j)).powi(2));
            pi += varies;
            if i == j {
                rho += varies;
                continue;
            }
            let theta = |own: usize| mean_of(&|day| (day[own].powi(2) - s(own, own)) * (day[i] * day[j] - s(i, j)));
            rho += mean / 2.0 * ((s(j, j) / s(i, i)).sqrt() * theta(i) + (s(i, i) / s(j, j)).sqrt() * theta(j));
            gamma += (mean * (s(i, i) * s(j, j)).sqrt() - s(i, j)).powi(2);
        }
    }
    ((pi - rho) / gamma).clamp(0.0, t)
}

fn returns() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-0.2..0.2f64, 4 * 30..4 * 80).prop_map(|mut flat| {
        flat.truncate(flat.len() / 4 * 4);
        // A common part, so that correlations differ from zero; one asset is a hundredth as volatile.
        for day in flat.chunks_exact_mut(4) {
            day[1] += 0.8 * day[0];
            day[2] += 0.3 * day[0];
            day[3] *= 0.01;
        }
        flat
    })
}

fn sample_correlation(sums: &CovarianceSums) -> Vec<f64> {
    let covariance = sums.covariance().unwrap();
    let n = covariance.order();
    let element = |at: usize| {
        let (i, j) = (at / n, at % n);
        covariance.get(i, j) / libm::sqrt(covariance.get(i, i) * covariance.get(j, j))
    };
    (0..n * n).map(element).collect()
}

fn as_matrix(rows: &[f64], n: usize) -> Symmetric {
    let mut matrix = Symmetric::zeros(n);
    for i in 0..n {
        for j in i..n {
            matrix.set(i, j, rows[i * n + j]);
        }
    }
    matrix
}

proptest! {
    #[test]
    fn sums_give_the_papers_intensity(returns in returns()) {
        let found = Shrinkage::from_sums(&CovarianceSums::of(4, &returns).unwrap()).unwrap().kappa;
        let expected = by_definition(4, &returns);
        prop_assert!((found - expected).abs() <= 1e-6 * expected.max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn members_together_equal_their_pooled_days(returns in returns(), cuts in prop::collection::vec(0..80usize, 0..4)) {
        let pooled = CovarianceSums::of(4, &returns).unwrap();
        let days = returns.len() / 4;
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % days).chain([0, days]).collect();
        cuts.sort_unstable();
        let mut summed = CovarianceSums::none(4).unwrap();
        for cut in cuts.windows(2).rev() {
            summed.add(&CovarianceSums::of(4, &returns[cut[0] * 4..cut[1] * 4]).unwrap()).unwrap();
        }
        prop_assert_eq!(summed.days(), pooled.days());
        let [a, b] = [&summed, &pooled].map(|sums| Shrinkage::from_sums(sums).unwrap().kappa);
        prop_assert!((a - b).abs() <= 1e-6 * b.max(1.0), "{} is not {}", a, b);
    }

    #[test]
    fn what_is_shrunk_is_positive_definite(returns in returns(), kappa in 0.0..50.0f64, repeat in any::<bool>()) {
        let mut returns = returns;
        if repeat {
            // Two assets that move as one: the sample is singular.
            returns.chunks_exact_mut(4).for_each(|day| day[2] = day[1]);
        }
        let sums = CovarianceSums::of(4, &returns).unwrap();
        let mut correlation = sample_correlation(&sums);
        let before = correlation.clone();
        Shrinkage { kappa }.apply(&mut correlation, &[true; 4], returns.len() / 4).unwrap();
        prop_assert!(as_matrix(&correlation, 4).cholesky().is_ok());
        for (at, (after, before)) in correlation.iter().zip(&before).enumerate() {
            prop_assert!(after.abs() <= 1.0 + 1e-12);
            if at % 5 == 0 {
                prop_assert_eq!(after, before, "the diagonal stays");
            }
        }
    }
}

#[test]
fn correlations_move_to_their_mean_by_the_intensity() {
    let mut correlation = vec![1.0, 0.8, 0.0, 0.8, 1.0, 0.4, 0.0, 0.4, 1.0];
    Shrinkage { kappa: 30.0 }.apply(&mut correlation, &[true; 3], 60).unwrap();
    let expected = [1.0, 0.6, 0.2, 0.6, 1.0, 0.4, 0.2, 0.4, 1.0];
    for (found, expected) in correlation.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-15, "{found} is not {expected}");
    }
    let mut partly = vec![1.0, 0.8, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0, 1.0];
    let before = partly.clone();
    Shrinkage { kappa: 60.0 }.apply(&mut partly, &[true, true, false], 60).unwrap();
    assert_eq!(partly, before, "one pair is its own mean, and the unknown asset keeps its zeros");
    assert_eq!(Shrinkage { kappa: 0.0 }.intensity(500), INTENSITY_MIN);
    assert_eq!(Shrinkage { kappa: 900.0 }.intensity(500), 1.0);
    assert_eq!(Shrinkage { kappa: 0.0 }.intensity(0), 1.0);
}

#[test]
fn bad_returns_and_sums_are_refused() {
    assert!(matches!(CovarianceSums::of(1, &[0.1]), Err(ModelError::Setting { name: "assets", .. })));
    assert!(matches!(CovarianceSums::of(0, &[]), Err(ModelError::Setting { name: "assets", .. })));
    assert!(matches!(CovarianceSums::of(2, &[0.1; 3]), Err(ModelError::Length { expected: 2, found: 3, .. })));
    for bad in [f64::NAN, f64::INFINITY, 51.0] {
        assert!(matches!(CovarianceSums::of(2, &[0.1, bad]), Err(ModelError::Number { position: 1, .. })));
    }
    let few = CovarianceSums::of(2, &[0.1; 58]).unwrap();
    assert_eq!(few.covariance(), Err(ExamplesError::TooFewRecords { found: 29, least: 30 }.into()));
    let still = CovarianceSums::of(2, &[0.1, 0.0].repeat(40)).unwrap();
    assert!(matches!(Shrinkage::from_sums(&still), Err(ModelError::Number { what: "variances", position: 1, .. })));
    assert!(CovarianceSums::from_vec(2, vec![0.0; 10]).is_err());
    assert_eq!(sums_len(2), 11);
    assert!(CovarianceSums::from_vec(2, vec![f64::NAN; 11]).is_err());
    let extreme = CovarianceSums::of(2, &[50.0, -50.0, -50.0, 50.0].repeat(500)).unwrap();
    assert!(Shrinkage::from_sums(&extreme).unwrap().kappa.is_finite());
}
