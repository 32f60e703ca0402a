use super::*;
use proptest::prelude::*;

const LOG: HarTarget = HarTarget { form: HarForm::Log, horizon_days: 7 };

/// Returns whose volatility rises and falls in waves; no randomness.
fn waves(days: usize, phase: f64) -> Vec<f64> {
    let day = |t: f64| (0.03 + 0.02 * libm::sin(t / 23.0 + phase)) * libm::sin(t * 1.7 + phase * 3.0);
    (0..days).map(|t| day(t as f64)).collect()
}

#[test]
fn a_record_knows_nothing_of_its_target() {
    let returns = waves(60, 0.0);
    let shard = examples(100, &returns, LOG).unwrap();
    assert_eq!(shard.len(), 60 - 30 - 7 + 1);
    // Thirty returns are known on the day of the thirtieth.
    assert_eq!(shard.days()[0], 129);
    assert_eq!(shard.row(0), regressors(HarForm::Log, &returns[..30]).unwrap());
    let later: f64 = returns[30..37].iter().map(|r| r * r).sum::<f64>() / 7.0;
    assert!((shard.targets()[0] - libm::log(later)).abs() < 1e-12);
    let mut changed = returns.clone();
    changed[30..].fill(0.5);
    assert_eq!(examples(100, &changed, LOG).unwrap().row(0), shard.row(0));
}

#[test]
fn the_windows_are_the_newest_days() {
    let mut returns = vec![0.0; 23];
    returns.extend([0.01; 6]);
    returns.push(0.02);
    let [day, week, month] = regressors(HarForm::Level, &returns).unwrap();
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found} is not {expected}");
    near(day, 4e-4);
    near(week, (6.0 * 1e-4 + 4e-4) / 7.0);
    near(month, (6.0 * 1e-4 + 4e-4) / 30.0);
    assert_eq!(regressors(HarForm::Level, &returns[1..]), None);
}

#[test]
fn short_and_broken_series_are_refused() {
    let short = examples(0, &waves(36, 0.0), LOG).unwrap_err();
    assert_eq!(short, ExamplesError::TooFewRecords { found: 36, least: 37 }.into());
    let mut broken = waves(60, 0.0);
    broken[31] = f64::NAN;
    assert!(matches!(examples(0, &broken, LOG), Err(ModelError::Number { position: 31, .. })));
    for horizon_days in [0, 91] {
        let target = HarTarget { horizon_days, ..LOG };
        assert!(matches!(examples(0, &broken, target), Err(ModelError::Setting { name: "horizon_days", .. })));
    }
}

#[test]
fn calm_and_stormy_months_are_told_apart() {
    let shard = examples(0, &waves(700, 0.0), LOG).unwrap();
    for form in [HarForm::Level, HarForm::Log] {
        let target = HarTarget { form, ..LOG };
        let shard = examples(0, &waves(700, 0.0), target).unwrap();
        let trained = HarParameters::from_moments(&Moments::of_regression(&shard), target, 1.0).unwrap();
        let mean_variance = |records: &[usize]| -> f64 {
            let forecast = |record: &usize| trained.daily_variance(&waves(700, 0.0)[..record + MONTH_DAYS]).unwrap();
            records.iter().map(forecast).sum::<f64>() / records.len() as f64
        };
        let mut order: Vec<usize> = (0..shard.len()).collect();
        order.sort_by(|a, b| shard.targets()[*a].total_cmp(&shard.targets()[*b]));
        let (calm, stormy) = (mean_variance(&order[..100]), mean_variance(&order[shard.len() - 100..]));
        assert!(stormy > 3.0 * calm, "{form:?}: {stormy} after storms, {calm} after calm");
    }
    let trained = HarParameters::from_moments(&Moments::of_regression(&shard), LOG, 1.0).unwrap();
    let returns = waves(200, 0.0);
    let daily = trained.daily_variance(&returns).unwrap();
    assert!((trained.horizon_volatility(&returns).unwrap() - libm::sqrt(7.0 * daily)).abs() < 1e-15);
    assert!((trained.yearly_volatility(&returns).unwrap() - libm::sqrt(365.0 * daily)).abs() < 1e-15);
}

#[test]
fn a_forecast_stays_finite() {
    let wild = HarParameters { target: LOG, intercept: 700.0, weights: [50.0; 3], residual_variance: 10.0 };
    assert_eq!(wild.daily_variance(&[1e9; 30]), Some(VARIANCE_MAX));
    assert_eq!(wild.daily_variance(&[f64::NAN; 30]), None);
    assert_eq!(wild.daily_variance(&[0.01; 29]), None);
    let negative = HarParameters { target: HarTarget { form: HarForm::Level, ..LOG }, intercept: -1.0, ..wild };
    assert_eq!(negative.daily_variance(&[0.0; 30]), Some(VARIANCE_MIN));
}

proptest! {
    #[test]
    fn members_together_equal_their_pooled_records(
        lengths in prop::collection::vec(80..200usize, 2..5), level in any::<bool>(),
    ) {
        let target = HarTarget { form: if level { HarForm::Level } else { HarForm::Log }, horizon_days: 3 };
        let series: Vec<Examples> = lengths
            .iter()
            .enumerate()
            .map(|(member, days)| examples(0, &waves(*days, member as f64), target).unwrap())
            .collect();
        let pooled = Moments::of_regression(&Examples::joined(&series).unwrap());
        let mut summed = Moments::none(4);
        for shard in series.iter().rev() {
            summed.add(&Moments::of_regression(shard)).unwrap();
        }
        let [pooled, summed] =
            [pooled, summed].map(|moments| HarParameters::from_moments(&moments, target, 1.0).unwrap());
        let returns = waves(120, 0.5);
        let [a, b] = [&pooled, &summed].map(|model| model.daily_variance(&returns).unwrap());
        prop_assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b}");
    }
}
