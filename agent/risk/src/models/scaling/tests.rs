use super::*;
use smartcore::{
    api::{Transformer, UnsupervisedEstimator},
    linalg::basic::{arrays::Array, matrix::DenseMatrix},
    preprocessing::numerical::{StandardScaler, StandardScalerParameters},
};

fn shard(rows: &[[f64; 2]]) -> Examples {
    let names = vec!["volatility".to_owned(), "drawdown".to_owned()];
    let days = (0..).take(rows.len()).collect();
    Examples::new(names, rows.iter().flatten().copied().collect(), vec![0.0; rows.len()], days).unwrap()
}

#[test]
fn summed_moments_scale_like_smartcore_on_all_records() {
    let rows = [[0.4, -0.1], [0.9, -0.35], [0.2, 0.0], [1.4, -0.6], [0.55, -0.2]];
    let mut moments = Moments::none(2);
    for part in [&rows[..2], &rows[2..]] {
        moments.add(&Moments::of_features(&shard(part))).unwrap();
    }
    let all = shard(&rows);
    let scaled = Scaling::from_moments(&moments, all.names()).unwrap().apply(&all).unwrap();

    let matrix = DenseMatrix::from_2d_array(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>()).unwrap();
    let theirs = StandardScaler::fit(&matrix, StandardScalerParameters::default()).unwrap().transform(&matrix).unwrap();
    for (record, row) in scaled.rows().enumerate() {
        for (position, found) in row.iter().enumerate() {
            let expected = theirs.get((record, position));
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }
}

#[test]
fn a_constant_feature_is_named() {
    let all = shard(&[[0.4, 0.3], [0.9, 0.3], [0.2, 0.3]]);
    let refused = Scaling::from_moments(&Moments::of_features(&all), all.names()).unwrap_err();
    // The mean of three 0.3 need not be 0.3 to the last bit.
    let ModelError::Examples(ExamplesError::Constant { name, value, records: 3 }) = refused else {
        panic!("{refused}")
    };
    assert_eq!(name, "drawdown");
    assert!((value - 0.3).abs() < 1e-15);
}

/// A fit then gives it no weight, and says the same whatever it is.
#[test]
fn a_constant_feature_that_is_spared_weighs_nothing() {
    let rows = [[0.4, 0.3], [0.9, 0.3], [0.2, 0.3], [0.7, 0.3], [0.3, 0.3], [0.8, 0.3]];
    let all = shard(&rows).with_targets(vec![0.0, 1.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
    let moments = Moments::of_features(&all);
    let scaling = Scaling::sparing_constants(&moments, all.names()).unwrap();
    let scaled = scaling.apply(&all).unwrap();
    // The mean of six 0.3 need not be 0.3 to the last bit.
    assert!(scaled.rows().all(|row| row[1].abs() < 1e-15));
    let theta = crate::models::drawdown::fit(&scaled, 1.0).unwrap();
    assert!(theta[0].abs() > 0.01 && theta[1].abs() < 1e-15, "{theta:?}");
    // Where nothing is constant it is the same scaling.
    let varying = shard(&[[0.4, 0.3], [0.9, 0.1], [0.2, 0.7]]);
    let moments = Moments::of_features(&varying);
    let names = varying.names();
    assert_eq!(Scaling::sparing_constants(&moments, names), Scaling::from_moments(&moments, names));
}

#[test]
fn impossible_sums_and_scalings_are_refused() {
    let all = shard(&[[0.4, 0.3], [0.9, 0.1]]);
    let packed = Moments::of_features(&all).as_slice().to_vec();
    assert!(Moments::from_vec(2, packed.clone()).is_ok());
    assert_eq!(
        Moments::from_vec(3, packed.clone()),
        Err(ModelError::Length { what: "moments", expected: 10, found: 6 })
    );
    for bad in [f64::NAN, f64::INFINITY] {
        let mut packed = packed.clone();
        packed[4] = bad;
        assert!(matches!(Moments::from_vec(2, packed), Err(ModelError::Number { position: 4, .. })));
    }
    assert!(matches!(Moments::from_vec(2, vec![0.0; 6]), Err(ModelError::Number { position: 0, .. })));
    let flat = Scaling { means: vec![0.0; 2], deviations: vec![1.0, 0.0] };
    assert!(matches!(flat.apply(&all), Err(ModelError::Number { what: "deviations", position: 1, .. })));
    let narrow = Scaling { means: vec![0.0], deviations: vec![1.0] };
    assert_eq!(narrow.apply(&all), Err(ModelError::Length { what: "means", expected: 2, found: 1 }));
}
