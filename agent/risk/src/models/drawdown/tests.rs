use super::*;
use crate::{Classes, ExamplesError, models::Moments};
use proptest::prelude::*;

/// Records with an event where a wave of the features says so; no randomness. `noise` shifts the wave.
fn shard(records: usize, width: usize, noise: f64) -> Examples {
    let names = (0..width).map(|position| format!("f{position}")).collect();
    let feature = |record: usize, position: usize| {
        let t = record as f64 + 0.37 * noise;
        libm::sin(t * (1.3 + 0.71 * position as f64) + noise) + 0.2 * libm::cos(t * 0.11 * (position + 1) as f64)
    };
    let mut features = Vec::new();
    let mut targets = Vec::new();
    for record in 0..records {
        let row: Vec<f64> = (0..width).map(|position| feature(record, position)).collect();
        let wave = row.iter().enumerate().fold(-0.8, |sum, (position, x)| sum + x / (1.0 + position as f64));
        let jitter = 1.5 * libm::sin(record as f64 * 12.9898 + noise * 78.233);
        targets.push(if wave + jitter > 0.0 { 1.0 } else { 0.0 });
        features.extend(row);
    }
    Examples::new(names, features, targets, (0..).take(records).collect()).unwrap()
}

fn scaled(shard: &Examples) -> Examples {
    Scaling::from_moments(&Moments::of_features(shard), shard.names()).unwrap().apply(shard).unwrap()
}

fn furthest(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).fold(0.0, |most: f64, (l, r)| most.max((l - r).abs()))
}

#[test]
fn newton_on_summed_sums_reaches_the_pooled_fit_in_ten_rounds() {
    let members: Vec<Examples> = (0..5).map(|member| shard(200, 30, f64::from(member))).collect();
    let pooled = Examples::joined(&members).unwrap();
    let scaling = Scaling::from_moments(&Moments::of_features(&pooled), pooled.names()).unwrap();
    let members: Vec<Examples> = members.iter().map(|member| scaling.apply(member).unwrap()).collect();
    let target = fit(&scaling.apply(&pooled).unwrap(), 1.0).unwrap();
    let mut theta = vec![0.0; 31];
    for _ in 0..10 {
        let mut sums = NewtonSums::none(31);
        for member in &members {
            sums.add(&newton_sums(member, &theta).unwrap()).unwrap();
        }
        theta = sums.step(&theta, 1.0).unwrap();
    }
    let off = furthest(&theta, &target);
    assert!(off < 1e-9, "off by {off:e}");
}

#[test]
fn linfa_finds_the_same_fit() {
    // Events rare, frequent and even, so that linfa's choice of its positive class goes both ways.
    for (noise, flip) in [(0.0, false), (0.0, true), (3.0, false), (3.0, true)] {
        let mut examples = scaled(&shard(300, 6, noise));
        if flip {
            examples = examples.with_targets(examples.targets().iter().map(|t| 1.0 - t).collect()).unwrap();
        }
        let ours = fit(&examples, 0.5).unwrap();
        let theirs = local_steps(&examples, &[0.0; 7], 0.5, ITERATIONS_MAX).unwrap();
        let off = furthest(&ours, &theirs);
        assert!(off < 1e-5, "off by {off:e}");
        let warm = local_steps(&examples, &ours, 0.5, ITERATIONS_MAX).unwrap();
        assert!(furthest(&ours, &warm) < 1e-5);
    }
}

#[test]
fn even_classes_keep_their_sign_whichever_comes_first() {
    for first in [0.0, 1.0] {
        let features = (0..40).map(|record| f64::from(record % 2) * 2.0 - 1.0 + 0.1 * libm::sin(f64::from(record)));
        let mut targets: Vec<f64> = (0..40).map(|record| f64::from(record % 2)).collect();
        if first == 1.0 {
            // Four records of each class change sides, the first one among them.
            for record in [0, 10, 20, 30] {
                targets[record] = 1.0;
                targets[record + 1] = 0.0;
            }
        }
        let examples = Examples::new(vec!["x".into()], features.collect(), targets, (0..40).collect()).unwrap();
        assert_eq!(examples.classes().unwrap(), Classes { records: 40, events: 20 });
        assert_eq!(examples.targets()[0], first);
        let theta = local_steps(&examples, &[0.0; 2], 1.0, ITERATIONS_MAX).unwrap();
        assert!(theta[0] > 0.5, "the feature speaks for the event: {theta:?}");
        assert!(furthest(&theta, &fit(&examples, 1.0).unwrap()) < 1e-5);
    }
}

#[test]
fn local_steps_start_where_they_are_told() {
    let examples = scaled(&shard(300, 6, 1.0));
    let start = [0.3, -0.2, 0.1, 0.0, 0.5, -0.1, -0.4];
    assert_eq!(local_steps(&examples, &start, 1.0, 0).unwrap(), start);
    let loss = |theta: &[f64]| newton_sums(&examples, theta).unwrap().penalised_loss(theta, 1.0);
    let two = local_steps(&examples, &start, 1.0, 2).unwrap();
    assert!(loss(&two) < loss(&start));
    assert!(loss(&two) > loss(&local_steps(&examples, &start, 1.0, ITERATIONS_MAX).unwrap()));
}

#[test]
fn a_shard_of_one_class_has_sums_and_no_fit() {
    let calm = scaled(&shard(50, 3, 0.0)).with_targets(vec![0.0; 50]).unwrap();
    assert_eq!(newton_sums(&calm, &[0.0; 4]).unwrap().records, 50);
    let one_class = ModelError::from(ExamplesError::OneClass { records: 50, events: 0 });
    assert_eq!(fit(&calm, 1.0).unwrap_err(), one_class);
    assert_eq!(local_steps(&calm, &[0.0; 4], 1.0, 3).unwrap_err(), one_class);
}

#[test]
fn bad_input_is_refused() {
    let examples = scaled(&shard(50, 3, 0.0));
    assert!(matches!(newton_sums(&examples, &[0.0; 3]), Err(ModelError::Length { expected: 4, found: 3, .. })));
    assert!(matches!(newton_sums(&examples, &[f64::NAN; 4]), Err(ModelError::Number { position: 0, .. })));
    let levels = examples.with_targets(vec![0.5; 50]).unwrap();
    assert_eq!(newton_sums(&levels, &[0.0; 4]), Err(ExamplesError::NotAClass { record: 0, found: 0.5 }.into()));
    let sums = newton_sums(&examples, &[0.0; 4]).unwrap();
    assert!(matches!(sums.step(&[0.0; 4], f64::NAN), Err(ModelError::Setting { name: "ridge", .. })));
    assert!(matches!(sums.step(&[0.0; 5], 1.0), Err(ModelError::Length { .. })));
    assert!(matches!(local_steps(&examples, &[0.0; 4], 1.0, 1_001), Err(ModelError::Setting { .. })));
    let mut vector = sums.to_vec();
    assert_eq!(NewtonSums::from_slice(4, 50, &vector).unwrap(), sums);
    vector[7] = f64::INFINITY;
    assert!(matches!(NewtonSums::from_slice(4, 50, &vector), Err(ModelError::Number { position: 7, .. })));
    assert!(matches!(NewtonSums::from_slice(5, 50, &vector), Err(ModelError::Length { .. })));
}

#[test]
fn records_that_a_feature_separates_have_a_fit_with_a_ridge_only() {
    let features = (0..40).map(|record| f64::from(record) - 19.5).collect();
    let targets = (0..40).map(|record| if record < 20 { 0.0 } else { 1.0 }).collect();
    let apart = Examples::new(vec!["x".into()], features, targets, (0..40).collect()).unwrap();
    let theta = fit(&apart, 1.0).unwrap();
    assert!(theta[0] > 0.0 && theta[1].abs() < 1e-6, "{theta:?}");
    assert!(fit(&apart, 0.0).is_err());
}

#[test]
fn drivers_sum_to_the_log_odds_and_the_largest_is_first() {
    let model = LogisticParameters {
        features: vec!["volatility".into(), "drawdown".into(), "burn".into()],
        fit: DrawdownFit::Newton,
        scaling: Scaling { means: vec![0.5, -0.2, 0.0], deviations: vec![0.25, 0.1, 2.0] },
        theta: vec![1.0, -2.0, 0.5, -3.0],
    };
    model.check().unwrap();
    let features = [1.0, -0.5, 2.0];
    let drivers = model.explain(&features).unwrap();
    let named: Vec<&str> = drivers.iter().map(|driver| driver.feature.as_str()).collect();
    assert_eq!(named, ["drawdown", "volatility", "burn"]);
    assert!((drivers[0].log_odds - 6.0).abs() < 1e-12 && (drivers[0].deviations + 3.0).abs() < 1e-12);
    let total: f64 = drivers.iter().map(|driver| driver.log_odds).sum::<f64>() - 3.0;
    assert!((total - model.log_odds(&features).unwrap()).abs() < 1e-12);
    assert!((model.probability(&features).unwrap() - sigmoid(5.5)).abs() < 1e-12);
    assert!(matches!(model.explain(&features[..2]), Err(ModelError::Length { .. })));
    assert!(matches!(model.probability(&[f64::NAN; 3]), Err(ModelError::Number { .. })));
}

#[test]
fn extreme_records_have_finite_sums_and_probabilities() {
    let features = [1e12, -1e12, 0.0, 1e12, -1e12, 1e-300];
    let examples =
        Examples::new(vec!["a".into(), "b".into()], features.to_vec(), vec![0.0, 1.0, 0.0], vec![1, 2, 3]).unwrap();
    for theta in [[1.0, -1.0, 0.0], [1e12, 1e12, -1e12], [-1e12, 0.0, 5.0]] {
        let sums = newton_sums(&examples, &theta).unwrap();
        assert!(sums.to_vec().iter().all(|number| number.is_finite()));
    }
    let model = |deviation: f64| LogisticParameters {
        features: examples.names().to_vec(),
        fit: DrawdownFit::FedAvg,
        scaling: Scaling { means: vec![0.0; 2], deviations: vec![deviation; 2] },
        theta: vec![3.0, -3.0, 0.0],
    };
    assert_eq!(model(1.0).probability(examples.row(0)), Ok(1.0));
    assert_eq!(model(1.0).probability(examples.row(2)), Ok(0.0));
    assert!(matches!(model(1e-300).probability(examples.row(0)), Err(ModelError::Number { .. })));
}

#[test]
fn the_logistic_curve_is_finite_everywhere() {
    for score in [-1e300, -800.0, -40.0, 0.0, 40.0, 800.0, 1e300] {
        for target in [0.0, 1.0] {
            let Curve { loss, slope, bend } = log_loss(score, target);
            assert!(loss.is_finite() && loss >= 0.0 && slope.abs() <= 1.0 && (0.0..=0.25).contains(&bend));
        }
        assert!((sigmoid(score) + sigmoid(-score) - 1.0).abs() < 1e-15);
    }
}

proptest! {
    #[test]
    fn any_split_has_the_sums_of_the_whole(
        records in 20..80usize, noise in 0.0..9.0f64, cut in 1..19usize, theta in prop::collection::vec(-2.0..2.0f64, 5),
    ) {
        let whole = shard(records, 4, noise);
        let day = u32::try_from(cut).unwrap();
        let parts = [whole.within(0..day).unwrap(), whole.within(day..u32::MAX).unwrap()];
        let expected = newton_sums(&whole, &theta).unwrap();
        for order in [[0, 1], [1, 0]] {
            let mut sums = NewtonSums::none(5);
            for part in order {
                sums.add(&newton_sums(&parts[part], &theta).unwrap()).unwrap();
            }
            prop_assert_eq!(sums.records, expected.records);
            prop_assert!(furthest(&sums.to_vec(), &expected.to_vec()) < 1e-10);
        }
        let mut added = vec![0.0; newton::sums_len(5)];
        contributions(&whole, &theta, |part| crate::linalg::add(&mut added, part).unwrap()).unwrap();
        prop_assert!(furthest(&added, &expected.to_vec()) < 1e-10);
    }

    #[test]
    fn slopes_and_bends_are_derivatives(score in -20.0..20.0f64, event in any::<bool>()) {
        let target = f64::from(u8::from(event));
        let h = 1e-5;
        let [below, at, above] = [score - h, score, score + h].map(|score| log_loss(score, target));
        prop_assert!(((above.loss - below.loss) / (2.0 * h) - at.slope).abs() < 1e-8);
        prop_assert!(((above.slope - below.slope) / (2.0 * h) - at.bend).abs() < 1e-8);
    }
}
