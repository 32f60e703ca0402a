use super::*;
use proptest::prelude::*;

mod checked;

const FAR: f64 = 1e9;

/// `honest` vectors around (1, −2, 3) within 0.5, then `liars` vectors that agree on a far place.
fn crowd(honest: usize, liars: usize) -> Vec<Vec<f64>> {
    let near = |index: usize, coordinate: usize| ((index * 7 + coordinate * 3) % 11) as f64 / 11.0 - 0.5;
    let honest = (0..honest).map(|index| vec![1.0 + near(index, 0), -2.0 + near(index, 1), 3.0 + near(index, 2)]);
    honest.chain((0..liars).map(|_| vec![FAR, -FAR, FAR])).collect()
}

fn aggregate(rule: Aggregation, vectors: &[Vec<f64>]) -> Result<Vec<f64>, AggregationError> {
    let vectors: Vec<&[f64]> = vectors.iter().map(Vec::as_slice).collect();
    rule.aggregate(&vectors, &vec![1.0; vectors.len()])
}

/// How far the result is from where honest members are.
fn astray(rule: Aggregation, members: usize, liars: usize) -> f64 {
    let found = aggregate(rule, &crowd(members - liars, liars)).unwrap();
    libm::sqrt(linear::squared_distance(&found, &[1.0, -2.0, 3.0]))
}

const RULES: [Aggregation; 7] = [
    Aggregation::WeightedMean,
    Aggregation::CoordinateMedian,
    Aggregation::TrimmedMean { trim_bps: 3_000 },
    Aggregation::GeometricMedian,
    Aggregation::Krum { liars_bps: 3_000 },
    Aggregation::MultiKrum { liars_bps: 3_000 },
    Aggregation::CentredClipping,
];

#[test]
fn below_and_at_its_breakdown_a_rule_stays_with_the_honest() {
    for rule in RULES {
        for members in [9, 10, 11, 20, 31] {
            for liars in 0..=rule.breakdown(members) {
                let astray = astray(rule, members, liars);
                assert!(astray < 12.0, "{rule:?} with {liars} liars of {members} is {astray:e} away");
            }
        }
    }
}

#[test]
fn beyond_its_breakdown_a_rule_is_lost() {
    for rule in RULES {
        for members in [9, 10, 11, 20] {
            // Krum has n − f − 2 neighbours: f + 1 far liars still have an honest one among theirs.
            let beyond = match rule {
                Aggregation::Krum { .. } => members - rule.breakdown(members) - 1,
                _ => rule.breakdown(members) + 1,
            };
            let astray = astray(rule, members, beyond);
            assert!(astray > FAR / 100.0, "{rule:?} with {beyond} liars of {members} is only {astray:e} away");
        }
    }
}

#[test]
fn breakdown_is_what_the_papers_state() {
    let at = |rule: Aggregation| [1, 2, 3, 10, 11].map(|members| rule.breakdown(members));
    assert_eq!(at(Aggregation::WeightedMean), [0; 5]);
    assert_eq!(at(Aggregation::CoordinateMedian), [0, 0, 1, 4, 5]);
    assert_eq!(at(Aggregation::GeometricMedian), [0, 0, 1, 4, 5]);
    assert_eq!(at(Aggregation::TrimmedMean { trim_bps: 3_000 }), [0, 0, 0, 3, 3]);
    assert_eq!(at(Aggregation::Krum { liars_bps: 3_000 }), [0, 0, 0, 3, 3]);
    assert_eq!(at(Aggregation::MultiKrum { liars_bps: 4_900 }), [0, 0, 0, 0, 0], "4 of 10 need 11, 5 of 11 need 13");
}

#[test]
fn known_small_cases() {
    let vectors = [vec![1.0, 10.0], vec![2.0, 20.0], vec![6.0, 0.0]];
    let borrowed: Vec<&[f64]> = vectors.iter().map(Vec::as_slice).collect();
    assert_eq!(Aggregation::WeightedMean.aggregate(&borrowed, &[1.0, 1.0, 2.0]).unwrap(), [3.75, 7.5]);
    assert_eq!(aggregate(Aggregation::CoordinateMedian, &vectors).unwrap(), [2.0, 10.0]);
    assert_eq!(aggregate(Aggregation::CoordinateMedian, &vectors[..2]).unwrap(), [1.5, 15.0]);
    assert_eq!(aggregate(Aggregation::TrimmedMean { trim_bps: 3_400 }, &vectors).unwrap(), [2.0, 10.0]);
    // The geometric median of a triangle with an angle of 120° or more is that corner.
    let flat = [vec![0.0, 0.0], vec![10.0, 1.0], vec![-10.0, 1.0]];
    let corner = aggregate(Aggregation::GeometricMedian, &flat).unwrap();
    assert!(linear::norm(&corner) < 1e-4, "{corner:?}");
    // Of an equilateral triangle it is the middle.
    let even = [vec![0.0, 0.0], vec![2.0, 0.0], vec![1.0, libm::sqrt(3.0)]];
    let middle = aggregate(Aggregation::GeometricMedian, &even).unwrap();
    assert!(linear::squared_distance(&middle, &[1.0, 1.0 / libm::sqrt(3.0)]) < 1e-16, "{middle:?}");
    // Krum takes a vector of the crowd, never an average.
    let crowd = crowd(9, 0);
    assert!(crowd.contains(&aggregate(Aggregation::Krum { liars_bps: 3_000 }, &crowd).unwrap()));
}

#[test]
fn identical_vectors_are_their_own_aggregate() {
    for rule in RULES {
        let found = aggregate(rule, &vec![vec![0.5, -0.25]; 9]).unwrap();
        assert_eq!(found, [0.5, -0.25], "{rule:?}");
    }
}

#[test]
fn what_cannot_be_aggregated_says_why() {
    let vectors: [&[f64]; 2] = [&[1.0], &[1.0, 2.0]];
    assert_eq!(Aggregation::CoordinateMedian.aggregate(&[], &[]), Err(AggregationError::Empty));
    assert_eq!(
        Aggregation::CoordinateMedian.aggregate(&vectors, &[1.0, 1.0]),
        Err(AggregationError::Length { index: 1, found: 2, expected: 1 })
    );
    for weights in [&[1.0][..], &[0.0, 0.0], &[1.0, -1.0], &[1.0, f64::NAN], &[1.0, f64::INFINITY]] {
        let same: [&[f64]; 2] = [&[1.0], &[2.0]];
        assert_eq!(Aggregation::WeightedMean.aggregate(&same, weights), Err(AggregationError::Weights), "{weights:?}");
    }
    assert_eq!(
        aggregate(Aggregation::Krum { liars_bps: 4_000 }, &crowd(10, 0)),
        Err(AggregationError::TooFewMembers { found: 10, least: 11, liars: 4 })
    );
    assert_eq!(
        aggregate(Aggregation::TrimmedMean { trim_bps: 5_000 }, &crowd(10, 0)),
        Err(AggregationError::Share { found: 5_000 })
    );
}

proptest! {
    /// Up to the breakdown, whatever the liars send, every rule stays within reach of the honest vectors.
    #[test]
    fn no_lie_moves_a_rule_arbitrarily_far(
        honest in prop::collection::vec(prop::array::uniform3(-1.0f64..1.0), 7),
        lies in prop::collection::vec(prop::array::uniform3(-1e12f64..1e12), 3),
        seat in 0usize..10,
    ) {
        let mut vectors: Vec<Vec<f64>> = honest.iter().map(|vector| vector.to_vec()).collect();
        for lie in &lies {
            vectors.insert(seat.min(vectors.len()), lie.to_vec());
        }
        for rule in RULES.into_iter().filter(|rule| rule.breakdown(10) >= 3) {
            let found = aggregate(rule, &vectors).unwrap();
            // 2·(n − f)/(n − 2f) = 3.5 times the honest radius √3 bounds the geometric median; the others are closer.
            prop_assert!(linear::norm(&found) < 8.0, "{rule:?} went to {found:?}");
        }
    }

    /// The order in which members answer changes nothing but rounding.
    #[test]
    fn the_order_of_members_does_not_matter(
        vectors in prop::collection::vec(prop::collection::vec(-5.0f64..5.0, 4), 9),
        turn in 1usize..9,
    ) {
        let mut turned = vectors.clone();
        turned.rotate_left(turn);
        for rule in RULES {
            let (before, after) = (aggregate(rule, &vectors).unwrap(), aggregate(rule, &turned).unwrap());
            prop_assert!(linear::squared_distance(&before, &after) < 1e-12, "{rule:?}");
        }
    }

    /// Whole numbers from few, so that vectors repeat and distances tie.
    #[test]
    fn krum_takes_the_vector_with_the_nearest_neighbours(
        vectors in prop::collection::vec(prop::collection::vec((-3i8..4).prop_map(f64::from), 5), 9..14),
    ) {
        let liars = vectors.len() * 3 / 10;
        let score = |own: usize| {
            let others = (0..vectors.len()).filter(|other| *other != own);
            let mut distances: Vec<f64> =
                others.map(|other| linear::squared_distance(&vectors[own], &vectors[other])).collect();
            distances.sort_by(f64::total_cmp);
            distances[..vectors.len() - liars - 2].iter().sum::<f64>()
        };
        let scores: Vec<f64> = (0..vectors.len()).map(score).collect();
        let best = (0..vectors.len()).min_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        prop_assert_eq!(&aggregate(Aggregation::Krum { liars_bps: 3_000 }, &vectors).unwrap(), &vectors[best]);
    }
}
