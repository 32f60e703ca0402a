//! Updates that each pass their own check, and an aggregate that does not.

use crate::{
    Aggregate, Aggregation, Answer, Coordinator, Kind, MemberId, Outcome, Refusal, Settings, Shape, Task, Update,
};

/// Averages, and says what becomes of the average.
struct Became<F>(usize, F);

impl<F: Fn(&[f64]) -> Vec<f64>> Task for Became<F> {
    fn shape(&self) -> Shape {
        Shape { kind: Kind::Mean, parameters: self.0, update: self.0 }
    }

    fn advance(&self, _: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        Ok((self.1)(&aggregate.values))
    }
}

/// Why a round of these updates, of which none is excluded, is refused. The model stays where it was.
fn refusal(
    aggregation: Aggregation,
    norm_max: f64,
    updates: &[&[f64]],
    becomes: impl Fn(&[f64]) -> Vec<f64>,
) -> Refusal {
    let settings = Settings {
        aggregation,
        quorum: updates.len(),
        wait_ticks_max: 0,
        tolerance: f64::MAX,
        norm_max,
        records_max: 100,
        reputation: None,
        noise: None,
    };
    let members: Vec<MemberId> = (0..updates.len()).map(|at| MemberId::new(format!("m{at}")).unwrap()).collect();
    let width = updates[0].len();
    let start = vec![0.25; width];
    let mut coordinator =
        Coordinator::new(Became(width, becomes), settings, members.clone(), start.clone(), None).unwrap();
    let mut open = coordinator.open(0, 0).unwrap();
    for (member, update) in members.iter().zip(updates) {
        open.receive(member, Answer::Update(Update { values: update.to_vec(), records: 100 }), 0).unwrap();
    }
    let report = coordinator.close(open, &|_: &[f64]| 0.0);
    assert_eq!((report.members, report.excluded.len()), (updates.len(), 0));
    assert_eq!(coordinator.parameters(), start);
    match report.outcome {
        Outcome::Refused { why } => why,
        Outcome::Accepted => panic!("{updates:?} were taken"),
    }
}

/// Medians of coordinates may lie farther out than any of the vectors.
#[test]
fn an_aggregate_longer_than_any_update_may_be_is_refused() {
    let updates: [&[f64]; 3] = [&[1.0, 1.0, 0.0], &[1.0, 0.0, 1.0], &[0.0, 1.0, 1.0]];
    let found = refusal(Aggregation::CoordinateMedian, 1.5, &updates, <[f64]>::to_vec);
    assert_eq!(found, Refusal::Norm { found: Some(libm::sqrt(3.0)), most: 1.5 });
}

#[test]
fn a_sum_that_overflows_is_refused() {
    let found = refusal(Aggregation::WeightedMean, f64::INFINITY, &[&[1.0, 1e308], &[1.0, 1e308]], <[f64]>::to_vec);
    assert_eq!(found, Refusal::NotFinite { of: "aggregate", index: 1, kind: "inf" });
}

#[test]
fn parameters_that_are_no_model_are_refused() {
    let updates: [&[f64]; 2] = [&[1.0, 2.0], &[3.0, 4.0]];
    let of = |becomes: fn(&[f64]) -> Vec<f64>| refusal(Aggregation::WeightedMean, 10.0, &updates, becomes);
    assert_eq!(of(|_| vec![0.0, f64::NAN]), Refusal::NotFinite { of: "parameters", index: 1, kind: "NaN" });
    assert_eq!(of(|found| found[..1].to_vec()), Refusal::Length { found: 1, expected: 2 });
}
