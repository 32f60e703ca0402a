use super::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|position| format!("f{position}")).collect()
}

fn examples(days: &[u32]) -> Examples {
    let features = days.iter().flat_map(|day| [f64::from(*day), 1.0]).collect();
    let targets = days.iter().map(|day| f64::from(day % 2)).collect();
    Examples::new(names(2), features, targets, days.to_vec()).unwrap()
}

fn refused(features: Vec<f64>, targets: Vec<f64>, days: Vec<u32>) -> ExamplesError {
    Examples::new(names(2), features, targets, days).unwrap_err()
}

#[test]
fn bad_records_are_refused_by_name() {
    let bad = |found| refused(vec![1.0, 2.0, 3.0, found], vec![0.0, 1.0], vec![7, 8]);
    for found in [f64::INFINITY, f64::NEG_INFINITY, -1.1e12] {
        assert_eq!(bad(found), ExamplesError::NotFinite { name: "f1".into(), record: 1, day: 8, found });
    }
    assert!(bad(f64::NAN).to_string().starts_with("`f1` of record 1 (day 8) is NaN"));
    let target = refused(vec![1.0; 4], vec![f64::INFINITY, 1.0], vec![7, 8]);
    assert_eq!(target, ExamplesError::NotFinite { name: "target".into(), record: 0, day: 7, found: f64::INFINITY });
    assert_eq!(refused(vec![], vec![], vec![]), ExamplesError::Empty);
    let short = refused(vec![1.0; 3], vec![0.0; 2], vec![1, 2]);
    assert_eq!(short, ExamplesError::Dimension { list: "features", expected: 4, found: 3 });
    let long = refused(vec![1.0; 4], vec![0.0; 3], vec![1, 2]);
    assert_eq!(long, ExamplesError::Dimension { list: "targets", expected: 2, found: 3 });
    assert_eq!(refused(vec![1.0; 4], vec![0.0; 2], vec![5, 5]), ExamplesError::DayTwice { record: 1, day: 5 });
    assert_eq!(
        refused(vec![1.0; 4], vec![0.0; 2], vec![5, 4]),
        ExamplesError::DaysUnordered { record: 1, before: 5, day: 4 }
    );
    assert_eq!(Examples::new(vec![], vec![], vec![0.0], vec![1]), Err(ExamplesError::Features { found: 0 }));
    let twice = Examples::new(vec!["a".into(), "a".into()], vec![1.0; 2], vec![0.0], vec![1]);
    assert_eq!(twice, Err(ExamplesError::FeatureTwice { name: "a".into() }));
}

#[test]
fn what_cannot_be_learned_from_is_refused_with_counts() {
    let shard = examples(&[1, 2, 3]);
    assert_eq!(shard.expect_varying(), Err(ExamplesError::Constant { name: "f1".into(), value: 1.0, records: 3 }));
    assert_eq!(shard.expect_records(3), Ok(()));
    assert_eq!(shard.expect_records(4), Err(ExamplesError::TooFewRecords { found: 3, least: 4 }));
    assert_eq!(shard.expect_both_classes(1), Ok(Classes { records: 3, events: 2 }));
    assert_eq!(shard.expect_both_classes(2), Err(ExamplesError::TooFewEvents { records: 3, events: 2, least: 2 }));
    let calm = shard.with_targets(vec![0.0; 3]).unwrap();
    assert_eq!(calm.expect_both_classes(0), Err(ExamplesError::OneClass { records: 3, events: 0 }));
    let stormy = shard.with_targets(vec![1.0; 3]).unwrap();
    assert_eq!(stormy.expect_both_classes(0), Err(ExamplesError::OneClass { records: 3, events: 3 }));
    let levels = shard.with_targets(vec![0.0, 0.5, 1.0]).unwrap();
    assert_eq!(levels.classes(), Err(ExamplesError::NotAClass { record: 1, found: 0.5 }));
}

#[test]
fn series_keep_their_own_days() {
    let all = Examples::joined(&[examples(&[4, 5, 6]), examples(&[1, 5]), examples(&[9])]).unwrap();
    assert_eq!(all.days(), [4, 5, 6, 1, 5, 9]);
    assert_eq!(all.series().collect::<Vec<_>>(), [0..3, 3..5, 5..6]);
    let kept = all.within(5..7).unwrap();
    assert_eq!(kept.days(), [5, 6, 5]);
    assert_eq!(kept.series().collect::<Vec<_>>(), [0..2, 2..3]);
    assert_eq!(kept.row(2), [5.0, 1.0]);
    assert_eq!(all.within(100..200), Err(ExamplesError::Empty));
}

#[test]
fn other_features_are_not_joined() {
    let other = Examples::new(vec!["f0".into(), "g".into()], vec![1.0; 2], vec![0.0], vec![1]).unwrap();
    assert_eq!(
        Examples::joined(&[examples(&[1]), other]),
        Err(ExamplesError::OtherFeatures { position: 1, expected: "f1".into(), found: "g".into() })
    );
    let wide = examples(&[1]).expect_features(&names(3)).unwrap_err();
    assert_eq!(wide, ExamplesError::OtherFeatures { position: 2, expected: "f2".into(), found: String::new() });
}
