use super::*;
use crate::models::har::{HarForm, HarTarget};
use proptest::prelude::*;

/// Evenly spread quantiles of a logistic distribution with variance one, worst first.
fn logistic_draws(count: usize) -> Vec<f64> {
    let scale = libm::sqrt(3.0) / std::f64::consts::PI;
    let at = |k: usize| (k as f64 + 0.5) / count as f64;
    (0..count).map(|k| scale * libm::log(at(k) / (1.0 - at(k)))).collect()
}

fn tail(residuals: &[f64], confidence_bps: u16) -> TailParameters {
    TailParameters::from_sums(&ResidualSums::of(residuals).unwrap(), confidence_bps).unwrap()
}

/// Closed forms of the logistic distribution: the quantile is s·ln(p/(1−p)), and its mean below it is
/// s·(ln p + (1−p)/p·ln(1−p)).
#[test]
fn a_known_distribution_has_its_quantile_and_shortfall() {
    let scale = libm::sqrt(3.0) / std::f64::consts::PI;
    for confidence_bps in [9_000, 9_500, 9_900, 9_990] {
        let p = tail_share(confidence_bps).unwrap();
        let found = tail(&logistic_draws(200_000), confidence_bps);
        let quantile = -scale * libm::log(p / (1.0 - p));
        let shortfall = -scale * (libm::log(p) + (1.0 - p) / p * libm::log(1.0 - p));
        assert!((found.value_at_risk - quantile).abs() < 1e-3, "{found:?} {quantile}");
        assert!((found.expected_shortfall - shortfall).abs() < 1e-3, "{found:?} {shortfall}");
    }
}

#[test]
fn the_forecast_scales_the_losses() {
    let parameters = TailParameters { confidence_bps: 9_900, expected_shortfall: 3.0, value_at_risk: 2.5 };
    let losses = parameters.losses(0.1).unwrap();
    assert!((losses.value_at_risk - (1.0 - libm::exp(-0.25))).abs() < 1e-15);
    assert!((losses.expected_shortfall - (1.0 - libm::exp(-0.3))).abs() < 1e-15);
    assert_eq!(parameters.losses(0.0), Some(Losses { value_at_risk: 0.0, expected_shortfall: 0.0 }));
    assert_eq!(parameters.losses(1e9), Some(Losses { value_at_risk: 1.0, expected_shortfall: 1.0 }));
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        assert_eq!(parameters.losses(bad), None);
    }
}

#[test]
fn residuals_divide_by_what_was_forecast_before_them() {
    let target = HarTarget { form: HarForm::Level, horizon_days: 2 };
    // The forecast is the variance of the month.
    let model = HarParameters { target, intercept: 0.0, weights: [0.0, 0.0, 1.0], residual_variance: 0.0 };
    let mut returns = vec![0.01; 30];
    returns.extend([-0.03, -0.02]);
    let found = residuals(&model, &returns).unwrap();
    assert_eq!(found.len(), 1);
    assert!((found[0] + 0.05 / (0.01 * libm::sqrt(2.0))).abs() < 1e-12);
    let short = residuals(&model, &returns[1..]).unwrap_err();
    assert_eq!(short, ExamplesError::TooFewRecords { found: 31, least: 32 }.into());
    returns[3] = f64::NAN;
    assert!(matches!(residuals(&model, &returns), Err(ModelError::Number { position: 3, .. })));
}

#[test]
fn too_small_tails_are_refused_with_counts() {
    let few = ResidualSums::of(&logistic_draws(499)).unwrap();
    let refused = TailParameters::from_sums(&few, 9_900).unwrap_err();
    assert_eq!(refused, ExamplesError::TooFewRecords { found: 499, least: 500 }.into());
    assert!(TailParameters::from_sums(&few, 9_800).is_ok());
    let gains = ResidualSums::of(&[1.0; 1_000]).unwrap();
    assert!(matches!(TailParameters::from_sums(&gains, 9_900), Err(ModelError::Number { .. })));
    for confidence_bps in [0, 4_999, 9_991, 10_000] {
        assert!(matches!(TailParameters::from_sums(&few, confidence_bps), Err(ModelError::Setting { .. })));
    }
    assert!(ResidualSums::of(&[f64::NAN]).is_err());
    assert!(ResidualSums::from_vec(vec![0.0; 5]).is_err());
    let mut values = few.as_slice().to_vec();
    assert_eq!(ResidualSums::from_vec(values.clone()).unwrap(), few);
    values[9] = f64::NAN;
    assert!(ResidualSums::from_vec(values).is_err());
}

#[test]
fn residuals_beyond_the_last_bin_still_count() {
    let mut residuals = vec![1.0; 900];
    residuals.extend([-1e300; 50]);
    residuals.extend([-20.0; 50]);
    let found = tail(&residuals, 9_900);
    assert!((found.value_at_risk - 42.0).abs() < 1e-9, "the mean of 64 and 20: {found:?}");
    assert_eq!(found.expected_shortfall, found.value_at_risk);
}

proptest! {
    #[test]
    fn members_together_have_the_pooled_histogram(
        residuals in prop::collection::vec(-8.0..8.0f64, 200..600), cut in 0..200usize, confidence_bps in 8_000..9_700u16,
    ) {
        let (left, right) = residuals.split_at(cut);
        let mut summed = ResidualSums::of(right).unwrap();
        summed.add(&ResidualSums::of(left).unwrap());
        let pooled = tail(&residuals, confidence_bps);
        let together = TailParameters::from_sums(&summed, confidence_bps).unwrap();
        prop_assert_eq!(together.value_at_risk, pooled.value_at_risk, "counts are exact");
        prop_assert!((together.expected_shortfall - pooled.expected_shortfall).abs() < 1e-12);
    }

    #[test]
    fn the_histogram_is_within_a_bin_of_the_sorted_residuals(
        mut residuals in prop::collection::vec(-8.0..4.0f64, 300..600), confidence_bps in 8_000..9_800u16,
    ) {
        let found = tail(&residuals, confidence_bps);
        residuals.sort_by(f64::total_cmp);
        let rank = tail_share(confidence_bps).unwrap() * residuals.len() as f64;
        let exact = -residuals[libm::ceil(rank) as usize - 1];
        prop_assert!((found.value_at_risk - exact).abs() <= BIN_WIDTH + 1e-12, "{} is not {}", found.value_at_risk, exact);
        prop_assert!(found.expected_shortfall >= found.value_at_risk);
        let worse = residuals.iter().take(libm::floor(rank) as usize);
        let mean = -worse.clone().sum::<f64>() / worse.len() as f64;
        // The mean of a whole number of residuals against that of a broken one.
        prop_assert!((found.expected_shortfall - mean).abs() < 0.5);
    }
}
