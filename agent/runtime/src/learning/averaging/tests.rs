#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use super::super::{NoiseSettings, RoundsSettings, Told, day_number, fixture};
use super::*;
use quaestor_federation::{Aggregation, RoundReport};
use quaestor_risk::{
    data::Shard,
    models::drawdown::DrawdownFit,
    train::{Contribution, PlainRounds, Rounds, Settings, Trained, train},
};
use std::{cell::RefCell, rc::Rc, sync::OnceLock};

/// The four made-up members in their last year, and public records.
fn members() -> &'static (Vec<Shard>, Shard) {
    static BUILT: OnceLock<(Vec<Shard>, Shard)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let (shards, holdout) = fixture::members();
        let recent = |shard: &Shard| shard.within(day_number("2020-09-01").unwrap()..u32::MAX).unwrap();
        (shards.iter().map(recent).collect(), holdout.clone())
    })
}

fn settings() -> Settings {
    Settings { trees: 1, drawdown_fit: DrawdownFit::FedAvg, ..Settings::default() }
}

fn rounds(aggregation: Aggregation, tell: impl FnMut(&Told) + 'static) -> Federated {
    let settings = RoundsSettings { aggregation, quorum_bps: 5_000, noise: None, noise_key: [7; 32] };
    Federated::new(settings, Box::new(tell))
}

fn theta(trained: &Trained) -> &[f64] {
    trained.parameters.drawdown.as_ref().map_or(&[], |part| &part.theta)
}

fn apart(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(one, two)| (one - two).abs()).fold(0.0, f64::max)
}

const RULES: [Aggregation; 7] = [
    Aggregation::WeightedMean,
    Aggregation::CoordinateMedian,
    Aggregation::TrimmedMean { trim_bps: 2_000 },
    Aggregation::GeometricMedian,
    Aggregation::Krum { liars_bps: 2_000 },
    Aggregation::MultiKrum { liars_bps: 2_000 },
    Aggregation::CentredClipping,
];

/// Averages through a federation, everything else without.
struct Averages(Federated);

impl Rounds for Averages {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        PlainRounds.sum(part, contributions, holdout)
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        PlainRounds.newton(part, shards, holdout, ridge)
    }

    fn average(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        self.0.average(part, shards, holdout, ridge)
    }
}

/// What came of it, who was found out, and the rounds that were held.
fn averaged(
    aggregation: Aggregation,
    shards: &[Shard],
    poisoned: Option<&str>,
) -> (Trained, Vec<String>, Vec<RoundReport>) {
    let told: Rc<RefCell<Vec<RoundReport>>> = Rc::default();
    let heard = Rc::clone(&told);
    let mut federated = rounds(aggregation, move |told| {
        if let Told::Round(_, report) = told {
            heard.borrow_mut().push(report.clone());
        }
    });
    if let Some(member) = poisoned {
        federated.poison(member);
    }
    let mut averages = Averages(federated);
    let trained = train(shards, Some(&members().1), &settings(), &mut averages).unwrap();
    let excluded = averages.0.excluded().map(str::to_owned).collect();
    let held = told.borrow().clone();
    (trained, excluded, held)
}

#[test]
fn rounds_of_averages_are_those_of_honest_members_without_a_federation() {
    let (trained, excluded, held) = averaged(Aggregation::WeightedMean, &members().0, None);
    assert!(trained.missing.is_empty() && excluded.is_empty(), "{:?}", trained.missing);
    let plain = train(&members().0, None, &settings(), &mut PlainRounds).unwrap();
    let off = apart(theta(&trained), theta(&plain));
    assert!(off < 1e-6, "{off}");
    // Every round is judged on public records, and the last is better than the first.
    assert!((2..=AVERAGING_ROUNDS as usize).contains(&held.len()), "{}", held.len());
    assert!(held.iter().all(|report| report.members == 4 && matches!(report.outcome, Outcome::Accepted)));
    assert!(held.last().unwrap().loss < held.first().unwrap().loss, "{held:?}");
}

#[test]
fn every_rule_averages_and_takes_no_honest_member_for_a_liar() {
    for rule in RULES {
        let (trained, excluded, held) = averaged(rule, &members().0, None);
        assert!(trained.missing.is_empty() && excluded.is_empty(), "{rule:?}: {excluded:?} {:?}", trained.missing);
        // Better than the coin that zero is.
        let loss = held.last().and_then(|report| report.loss).unwrap();
        assert!(loss < 0.65, "{rule:?}: {loss}");
    }
    for out in 0..members().0.len() {
        let others = members().0.iter().enumerate().filter(|(place, _)| *place != out);
        let others: Vec<Shard> = others.map(|(_, shard)| shard.clone()).collect();
        let (trained, excluded, _) = averaged(Aggregation::WeightedMean, &others, None);
        assert!(trained.missing.is_empty() && excluded.is_empty(), "without {out}: {excluded:?}");
    }
}

#[test]
fn who_poisons_averages_is_found_out_and_nobody_else() {
    for poisoned in members().0.iter().map(Shard::member) {
        let (trained, excluded, _) = averaged(Aggregation::WeightedMean, &members().0, Some(poisoned));
        assert_eq!(excluded, [poisoned]);
        assert!(trained.missing.is_empty(), "{:?}", trained.missing);
    }
}

#[test]
fn with_noise_no_parameters_leave_a_member() {
    let noise = NoiseSettings { noise_multiplier: 5.0, rounds: 6, clip: 4.0, delta: 1e-5, window: 14 };
    let settings_of = RoundsSettings {
        aggregation: Aggregation::WeightedMean,
        quorum_bps: 5_000,
        noise: Some(noise),
        noise_key: [7; 32],
    };
    let mut federated =
        Federated::new(settings_of, Box::new(|told| assert!(!matches!(told, Told::Round(Part::Drawdown, _)))));
    let why = federated.average(Part::Drawdown, &[], None, 1.0).unwrap_err().to_string();
    assert_eq!(why, "with noise no parameters leave a member: they are no sum of bounded records");
    let forest = quaestor_risk::models::forest::ForestSettings { trees: 1, depth_max: 2, leaf_records_min: 1, seed: 1 };
    let why = federated.join(Part::Forest, &[], forest, None).unwrap_err().to_string();
    assert_eq!(why, "with noise no trees leave a member: they are no sum of bounded records");
    let (shards, holdout) = members();
    let trained = train(shards, Some(holdout), &settings(), &mut federated).unwrap();
    let said = "drawdown: with noise a part without sums of bounded records is not trained";
    assert!(trained.missing.iter().any(|missing| missing.to_string() == said), "{:?}", trained.missing);
}
