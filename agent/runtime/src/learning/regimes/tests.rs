#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use super::super::{RoundsSettings, Told, fixture};
use super::*;
use quaestor_federation::{Aggregation, Outcome};
use quaestor_risk::{
    data::Shard,
    models::regime,
    parameters::regime_point,
    train::{PlainRounds, Rounds},
};
use std::{cell::Cell, rc::Rc};

fn points(shard: &Shard) -> Vec<Point> {
    shard.drawdown().rows().map(regime_point).collect()
}

/// Where rounds start, what each member sends, and public days.
fn begun() -> (RegimeParameters, Vec<Contribution>, Vec<Point>) {
    let (shards, holdout) = fixture::members();
    let all: Vec<Point> = shards.iter().flat_map(points).collect();
    let scaling = regime::scaling(&regime::moments(&all).unwrap()).unwrap();
    let from = RegimeParameters::start(3, scaling).unwrap();
    let send = |shard: &Shard| Contribution {
        member: shard.member().to_owned(),
        records: shard.days().len() as u64,
        values: from.sums(&points(shard)).unwrap(),
    };
    let sent = shards.iter().map(send).collect();
    (from, sent, points(holdout))
}

fn rounds(tell: impl FnMut(&Told) + 'static) -> Federated {
    let settings =
        RoundsSettings { aggregation: Aggregation::WeightedMean, quorum_bps: 5_000, noise: None, noise_key: [7; 32] };
    Federated::new(settings, Box::new(tell))
}

#[test]
fn an_honest_round_is_the_sum_and_is_judged_by_the_distance_of_public_days() {
    let (from, sent, public) = begun();
    let loss = Rc::new(Cell::new(0.0));
    let heard = Rc::clone(&loss);
    let mut federated = rounds(move |told| {
        if let Told::Round(_, report) = told {
            assert_eq!(report.outcome, Outcome::Accepted);
            heard.set(report.loss.unwrap());
        }
    });
    let sums = federated.centres(Part::Regimes, &sent, &from, Some(&public)).unwrap();
    let plain = PlainRounds.sum(Part::Regimes, &sent, None).unwrap();
    assert!(sums.iter().zip(&plain).all(|(one, two)| (one - two).abs() < 1e-9), "{sums:?} {plain:?}");
    let next = from.step(&sums).unwrap();
    assert!((loss.get() - next.mean_square_distance(&public).unwrap()).abs() < 1e-9);
    assert_eq!(federated.excluded().count(), 0);
}

#[test]
fn centres_that_leave_public_days_are_rolled_back_and_whoever_moved_them_is_out() {
    let (from, sent, public) = begun();
    for place in 0..sent.len() {
        // Counts stay as they are; only where the days lie is turned or far too far.
        for factor in [-40.0, 40.0] {
            let mut lying = sent.clone();
            for regime in lying[place].values.chunks_exact_mut(3) {
                regime[1] *= factor;
                regime[2] *= factor;
            }
            let mut federated = rounds(|_| ());
            let sums = federated.centres(Part::Regimes, &lying, &from, Some(&public)).unwrap();
            assert_eq!(federated.excluded().collect::<Vec<_>>(), [sent[place].member.as_str()], "times {factor}");
            let mut others = sent.clone();
            others.remove(place);
            let plain = PlainRounds.sum(Part::Regimes, &others, None).unwrap();
            assert!(sums.iter().zip(&plain).all(|(one, two)| (one - two).abs() < 1e-9));
        }
    }
}

#[test]
fn a_regime_of_fewer_days_than_none_is_never_accepted() {
    let (from, sent, public) = begun();
    let mut lying = sent[..2].to_vec();
    lying[0].values[0] = -1e4;
    // Of two nobody can be told from the other, with public days or without.
    for public in [Some(public.as_slice()), None] {
        let refused = rounds(|_| ()).centres(Part::Regimes, &lying, &from, public).unwrap_err();
        assert!(refused.to_string().starts_with("no sum was accepted: rolled back"), "{refused}");
    }
}
