use super::{
    Scaling, covariance::Shrinkage, drawdown, drawdown::DrawdownFit, drawdown::LogisticParameters, forest,
    har::HarForm, har::HarParameters, har::HarTarget, quantile::QuantileParameters, quantile::QuantileScaling, regime,
    tail::TailParameters,
};

/// A model's card names the versions that its fits came from; they are those that are built.
#[test]
fn the_versions_are_those_of_the_lock_file() {
    let lock = include_str!("../../../../Cargo.lock");
    for (name, version) in [
        ("linfa-logistic", drawdown::LINFA_VERSION),
        ("linfa-clustering", regime::LINFA_VERSION),
        ("smartcore", forest::SMARTCORE_VERSION),
    ] {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{name} is not built in version {version}");
    }
}

/// Inference has the same bits on every machine: these were found on x86-64 and hold anywhere.
#[test]
fn inference_has_the_same_bits_everywhere() {
    let scaling = || Scaling { means: vec![0.61, -0.17], deviations: vec![0.23, 0.11] };
    let features = vec!["volatility".to_owned(), "drawdown".to_owned()];
    let returns: Vec<f64> = (0..90).map(|day| 0.041 * libm::sin(f64::from(day) * 1.7)).collect();
    let target = HarTarget { form: HarForm::Log, horizon_days: 7 };
    let har = HarParameters { target, intercept: -1.3, weights: [0.07, 0.21, 0.55], residual_variance: 0.83 };
    let logistic = LogisticParameters {
        features: features.clone(),
        fit: DrawdownFit::Newton,
        scaling: scaling(),
        theta: vec![0.83, -0.41, -2.7],
    };
    let tail = TailParameters { confidence_bps: 9_900, expected_shortfall: 3.37, value_at_risk: 2.71 };
    let quantile = QuantileParameters {
        confidence_bps: 9_900,
        features,
        scaling: QuantileScaling { features: scaling(), target_deviation: 0.091 },
        shortfall_ratio: 1.29,
        theta: vec![-0.31, 0.13, -2.3],
    };
    let mut correlation = [1.0, 0.83, 0.12, 0.83, 1.0, 0.37, 0.12, 0.37, 1.0];
    Shrinkage { kappa: 17.3 }.apply(&mut correlation, &[true; 3], 89).unwrap();
    let row = [0.93, -0.38];
    let volatility = har.horizon_volatility(&returns).unwrap();
    let found = [
        volatility,
        logistic.probability(&row).unwrap(),
        tail.losses(volatility).unwrap().expected_shortfall,
        quantile.losses(&row).unwrap().value_at_risk,
        correlation[1],
    ];
    // Python's `math` gives 0.08696691662249…, 0.318105878830750…, 0.254036426469253…, 0.237485108691779…, 0.754191011235955….
    let expected: [u64; 5] =
        [4590931047435879021, 4599402105987372047, 4598247933340247764, 4597724323066618159, 4604968368259613265];
    assert_eq!(found.map(f64::to_bits), expected, "{found:?}");
}
