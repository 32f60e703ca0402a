use super::*;
use proptest::prelude::*;

/// Three clouds: calm and near the peak, middling, stormy and deep below it.
fn days(count: usize) -> Vec<Point> {
    let clouds = [[0.3, -0.05], [0.7, -0.25], [1.5, -0.7]];
    (0..count)
        .map(|day| {
            let [volatility, drawdown] = clouds[day % 3];
            let t = day as f64;
            [volatility + 0.04 * libm::sin(t * 1.9), drawdown + 0.03 * libm::cos(t * 2.3)]
        })
        .collect()
}

fn together(members: &[&[Point]], rounds: usize) -> RegimeParameters {
    let mut summed = Moments::none(2);
    for member in members {
        summed.add(&moments(member).unwrap()).unwrap();
    }
    let mut regimes = RegimeParameters::start(3, scaling(&summed).unwrap()).unwrap();
    for _ in 0..rounds {
        let mut sums = vec![0.0; 9];
        for member in members {
            linalg::add(&mut sums, &regimes.sums(member).unwrap()).unwrap();
        }
        regimes = regimes.step(&sums).unwrap();
    }
    regimes
}

fn near(left: &RegimeParameters, right: &RegimeParameters, tolerance: f64) {
    assert_eq!(left.centres.len(), right.centres.len());
    for (l, r) in left.centres.iter().flatten().zip(right.centres.iter().flatten()) {
        assert!((l - r).abs() < tolerance, "{l} is not {r}");
    }
}

#[test]
fn linfa_and_summed_steps_find_the_clouds() {
    let days = days(600);
    let local = RegimeParameters::fit(&days, 3).unwrap();
    let (left, right) = days.split_at(170);
    near(&together(&[left, right], 20), &local, 1e-6);
    for (day, point) in days.iter().enumerate() {
        assert_eq!(local.regime(*point), Some(day % 3));
    }
    assert_eq!(local.regime([5.0, -0.9]), Some(2));
    assert_eq!(local.regime([f64::NAN, 0.0]), None);
    assert_eq!(local.regime([0.3, f64::INFINITY]), None);
}

#[test]
fn a_regime_without_days_keeps_its_centre() {
    let scaling = Scaling { means: vec![0.0; 2], deviations: vec![1.0; 2] };
    let regimes = RegimeParameters { centres: vec![[0.0, 0.0], [9.0, 0.0]], scaling };
    let moved = regimes.step(&regimes.sums(&[[0.2, 0.4], [0.4, 0.0]]).unwrap()).unwrap();
    near(&moved, &RegimeParameters { centres: vec![[0.3, 0.2], [9.0, 0.0]], ..regimes.clone() }, 1e-12);
    assert_eq!(regimes.regime([4.5, 0.0]), Some(0), "of two equally near ones the calmer");
}

#[test]
fn bad_days_and_centres_are_refused() {
    assert!(matches!(
        RegimeParameters::fit(&days(2), 3),
        Err(ModelError::Examples(ExamplesError::TooFewRecords { .. }))
    ));
    assert!(matches!(RegimeParameters::fit(&days(30), 9), Err(ModelError::Setting { name: "regimes", .. })));
    assert!(matches!(RegimeParameters::fit(&days(30), 0), Err(ModelError::Setting { name: "regimes", .. })));
    assert_eq!(RegimeParameters::fit(&[], 3), Err(ExamplesError::Empty.into()));
    let still: Vec<Point> = days(30).iter().map(|day| [day[0], 0.0]).collect();
    let constant = RegimeParameters::fit(&still, 3).unwrap_err().to_string();
    assert!(constant.starts_with("feature `drawdown` is 0 in all 30 records"), "{constant}");
    let fitted = RegimeParameters::fit(&days(60), 3).unwrap();
    assert!(fitted.sums(&[[f64::NAN, 0.0]]).is_err());
    assert!(fitted.step(&[0.0; 8]).is_err());
    assert!(fitted.step(&[f64::NAN; 9]).is_err());
    let mut reversed = fitted.clone();
    reversed.centres.reverse();
    assert!(matches!(reversed.check(), Err(ModelError::Number { what: "centres", .. })));
}

proptest! {
    #[test]
    fn any_split_has_the_centres_of_the_whole(cut in 1..299usize, rounds in 1..6usize) {
        let days = days(300);
        let (left, right) = days.split_at(cut);
        let whole = together(&[&days], rounds);
        near(&together(&[left, right], rounds), &whole, 1e-9);
        near(&together(&[right, left], rounds), &whole, 1e-9);
    }
}

#[test]
fn lloyds_steps_bring_days_nearer_to_their_centres() {
    let days = days(60);
    let distances: Vec<f64> =
        (0..4).map(|rounds| together(&[&days], rounds).mean_square_distance(&days).unwrap()).collect();
    assert!(distances[0] > distances[3] && distances.is_sorted_by(|one, two| one >= two), "{distances:?}");
    let two = RegimeParameters {
        centres: vec![[0.0, 0.0], [2.0, 0.0]],
        scaling: Scaling { means: vec![0.0, 0.0], deviations: vec![1.0, 2.0] },
    };
    // A day one and a half from the second centre and one deviation of drawdown beside it; and one on the first.
    assert_eq!(two.mean_square_distance(&[[3.5, 2.0], [0.0, 0.0]]), Some((1.5 * 1.5 + 1.0) / 2.0));
    assert_eq!(two.mean_square_distance(&[]), None);
    assert_eq!(two.mean_square_distance(&[[0.0, f64::NAN]]), None);
}
