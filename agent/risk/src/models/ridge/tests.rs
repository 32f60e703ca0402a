use super::*;
use linfa::{Dataset, traits::Fit};
use linfa_elasticnet::ElasticNet;
use ndarray::{Array1, Array2};
use proptest::prelude::*;

fn names() -> Vec<String> {
    vec!["day".to_owned(), "week".to_owned(), "month".to_owned()]
}

fn shard(rows: &[([f64; 3], f64)]) -> Examples {
    let features = rows.iter().flat_map(|(row, _)| *row).collect();
    let targets = rows.iter().map(|(_, target)| *target).collect();
    Examples::new(names(), features, targets, (0..).take(rows.len()).collect()).unwrap()
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn without_noise_and_ridge_the_true_weights_come_back() {
    let rows: Vec<_> = (0..40)
        .map(|day| {
            let t = f64::from(day);
            let row = [libm::sin(t), libm::cos(2.0 * t), libm::sin(0.3 * t) + 0.1 * t];
            (row, 0.5 + 2.0 * row[0] - row[1] + 0.25 * row[2])
        })
        .collect();
    let fit = fit(&shard(&rows), 0.0).unwrap();
    near(fit.intercept, 0.5, 1e-10);
    for (found, expected) in fit.weights.iter().zip([2.0, -1.0, 0.25]) {
        near(*found, expected, 1e-10);
    }
    assert!(fit.residual_variance < 1e-12);
}

#[test]
fn what_has_no_fit_is_refused() {
    let row = |t: f64| ([libm::sin(t), libm::cos(t), libm::sin(t)], t);
    let repeated: Vec<_> = (0..20).map(|day| row(f64::from(day))).collect();
    assert!(matches!(fit(&shard(&repeated), 0.0), Err(ModelError::Linalg { what: "ridge", .. })));
    assert!(fit(&shard(&repeated), 1e-3).is_ok());
    let few = fit(&shard(&repeated[..4]), 1.0).unwrap_err();
    assert_eq!(few, ExamplesError::TooFewRecords { found: 4, least: 5 }.into());
    for ridge in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(fit(&shard(&repeated), ridge), Err(ModelError::Setting { name: "ridge", .. })));
    }
    let flat: Vec<_> = repeated.iter().map(|(row, _)| (*row, 1.0)).collect();
    let refused = fit(&shard(&flat), 1.0).unwrap_err();
    assert!(refused.to_string().starts_with("feature `target` is 1 in all 20 records"), "{refused}");
}

fn records() -> impl Strategy<Value = Vec<([f64; 3], f64)>> {
    prop::collection::vec((prop::array::uniform3(-5.0..5.0f64), -3.0..3.0f64), 12..60)
}

proptest! {
    #[test]
    fn summed_shards_give_the_pooled_fit(rows in records(), cuts in prop::collection::vec(0..60usize, 0..4), ridge in 0.01..100.0f64) {
        let pooled = fit(&shard(&rows), ridge).unwrap();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % rows.len()).chain([0, rows.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let shards: Vec<Moments> =
            cuts.windows(2).map(|cut| Moments::of_regression(&shard(&rows[cut[0]..cut[1]]))).collect();
        for order in [false, true] {
            let mut all = Moments::none(4);
            let mut add = |shard: &Moments| all.add(shard).unwrap();
            if order { shards.iter().for_each(&mut add) } else { shards.iter().rev().for_each(&mut add) }
            let together = solve(&all, &names(), ridge).unwrap();
            near(together.intercept, pooled.intercept, 1e-9);
            near(together.residual_variance, pooled.residual_variance, 1e-9);
            for (found, expected) in together.weights.iter().zip(&pooled.weights) {
                near(*found, *expected, 1e-9);
            }
        }
    }
}

proptest! {
    // linfa's stopping rule is never met without an l1 part, so that each case takes all its iterations.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn linfa_finds_the_same_fit(rows in records(), ridge in 0.1..20.0f64) {
        let examples = shard(&rows);
        let ours = fit(&examples, ridge).unwrap();
        let scaling = Scaling::from_moments(&Moments::of_features(&examples), examples.names()).unwrap();
        let scaled = scaling.apply(&examples).unwrap();
        let x = Array2::from_shape_vec((rows.len(), 3), scaled.features().to_vec()).unwrap();
        let data = Dataset::new(x, Array1::from(scaled.targets().to_vec()));
        // Its loss is divided by twice the records, its penalty is not.
        let theirs = ElasticNet::params()
            .penalty(ridge / rows.len() as f64)
            .l1_ratio(0.0)
            .tolerance(1e-12)
            .max_iterations(300)
            .fit(&data)
            .unwrap();
        let mut intercept = theirs.intercept();
        for position in 0..3 {
            let weight = theirs.hyperplane()[position] / scaling.deviations[position];
            near(ours.weights[position], weight, 1e-6);
            intercept -= weight * scaling.means[position];
        }
        near(ours.intercept, intercept, 1e-6);
    }
}
