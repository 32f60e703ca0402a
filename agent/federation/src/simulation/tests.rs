use super::*;
use crate::{Aggregation, Exclusion, Outcome, aggregation::Attack, round::SettingsError};

mod attacks;
mod shards;

fn quiet(plan: &SimulationPlan) -> SimulationReport {
    simulate(plan, &mut |_| ()).unwrap()
}

#[test]
fn an_honest_federation_trains_the_pooled_model() {
    let report = quiet(&SimulationPlan::default());
    assert!(report.distance_to_pooled < 1e-9, "{}", report.distance_to_pooled);
    assert_eq!(report.trained, report.clean);
    assert!(report.trained.auc > 0.75 && report.untrained.auc == 0.5, "{:?}", report.trained);
    assert_eq!(report.rounds.len(), 10);
    assert!(report.synthetic && report.privacy.is_none());
}

#[test]
fn averaging_comes_close_to_the_pooled_model_and_not_to_the_last_digit() {
    let method = Method::Averaging { steps: 20, rate: 0.5 };
    let report = quiet(&SimulationPlan { method, rounds: 15, ..SimulationPlan::default() });
    assert!((report.trained.auc - report.pooled.auc).abs() < 0.01);
    assert!(report.distance_to_pooled > 1e-9);
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let trouble = Trouble {
        sign_flipped_bps: 2_000,
        gone_bps: 1_000,
        stragglers_bps: 1_000,
        straggler_ticks: 3,
        ..Trouble::default()
    };
    let plan =
        SimulationPlan { trouble, aggregation: Aggregation::CoordinateMedian, rounds: 3, ..SimulationPlan::default() };
    let json = |plan: &SimulationPlan| serde_json::to_string(&quiet(plan)).unwrap();
    assert_eq!(json(&plan), json(&plan));
    assert_ne!(json(&plan), json(&SimulationPlan { seed: 2, ..plan }));
}

#[test]
fn dropouts_stragglers_and_nan_are_named_and_survived() {
    let trouble = Trouble {
        not_finite_bps: 1_000,
        gone_bps: 2_000,
        stragglers_bps: 2_000,
        straggler_ticks: 11,
        ..Trouble::default()
    };
    // Other members each round mean other sums, so the hold-out loss goes up and down a little.
    let plan = SimulationPlan { members: 20, trouble, quorum_bps: 3_000, tolerance: 0.02, ..SimulationPlan::default() };
    let report = quiet(&plan);
    let count = |matches: fn(&Exclusion) -> bool| {
        report.rounds.iter().flat_map(|round| &round.excluded).filter(|excluded| matches(&excluded.why)).count()
    };
    assert!((10..=20).contains(&count(|why| matches!(why, Exclusion::NotFinite { index: 0, kind: "NaN" }))));
    assert!((20..=40).contains(&count(|why| matches!(why, Exclusion::Late { waited_ticks: 10 }))));
    assert!((20..=60).contains(&count(|why| matches!(why, Exclusion::Failed { .. }))));
    assert!(report.rounds.iter().all(|round| round.outcome == Outcome::Accepted && round.waited_ticks == 10));
    assert!((report.trained.auc - report.clean.auc).abs() < 0.01, "{:?} {:?}", report.trained, report.clean);
    // Slow, and in time.
    let slow = Trouble { straggler_ticks: 10, stragglers_bps: 2_000, ..Trouble::default() };
    let report = quiet(&SimulationPlan { members: 20, trouble: slow, ..SimulationPlan::default() });
    assert!(report.rounds.iter().all(|round| round.excluded.is_empty() && round.waited_ticks == 10));
}

#[test]
fn a_federation_with_too_many_dropouts_refuses_and_goes_on() {
    let trouble = Trouble { gone_bps: 10_000, ..Trouble::default() };
    let report = quiet(&SimulationPlan { trouble, rounds: 2, ..SimulationPlan::default() });
    for round in &report.rounds {
        assert_eq!(round.outcome, Outcome::Refused { why: Refusal::NoQuorum { found: 0, least: 5 } });
    }
    assert_eq!(report.trained, report.untrained);
}

#[test]
fn reputation_saves_the_mean_from_a_minority() {
    let trouble = Trouble { sign_flipped_bps: 3_000, ..Trouble::default() };
    let reputation = ReputationPlan { tolerance: 5e-3, memory_permille: 500, bad_rounds_max: 2 };
    let plan = SimulationPlan { trouble, reputation: Some(reputation), rounds: 12, ..SimulationPlan::default() };
    let report = quiet(&plan);
    let last = report.rounds.last().unwrap();
    let out: Vec<_> =
        last.excluded.iter().filter(|excluded| matches!(excluded.why, Exclusion::Reputation { .. })).collect();
    assert_eq!(out.len(), 3, "{out:?}");
    assert!((report.trained.auc - report.clean.auc).abs() < 0.01);
    let without = quiet(&SimulationPlan { reputation: None, ..plan });
    assert!(without.trained.auc < report.trained.auc - 0.01, "{}", without.trained.auc);
}

#[test]
fn noise_costs_what_the_accountant_says_and_leaves_a_model() {
    let noise =
        NoisePlan { noise_multiplier: 10.0, clip: 4.0, delta: 1e-5, window: 5, honest_bps: 8_000, fraction_bits: 32 };
    let plan = SimulationPlan {
        members: 6,
        records_per_member: 300,
        features: 4,
        rounds: 4,
        quorum_bps: 10_000,
        ridge: 20.0,
        tolerance: 0.05,
        noise: Some(noise),
        ..SimulationPlan::default()
    };
    let report = quiet(&plan);
    let cost = report.privacy.unwrap();
    assert_eq!(cost.rounds, 4);
    assert_eq!(cost.epsilon_record, privacy::epsilon(10.0, 4, 1e-5).unwrap());
    assert!(cost.epsilon_day > 5.0 * cost.epsilon_record);
    // Four of six members are sure to be honest: they share the noise, and a single update has half of it.
    assert_eq!(cost.epsilon_record_single_updates, privacy::epsilon(5.0, 4, 1e-5).unwrap());
    assert!((report.trained.auc - report.pooled.auc).abs() < 0.02, "{:?} {:?}", report.trained, report.pooled);
    assert!(report.distance_to_pooled > 1e-6, "there is noise");
    assert_eq!(report, quiet(&plan), "and it follows from the seed");
}

#[test]
fn plans_that_make_no_sense_say_which_number() {
    let plan = SimulationPlan::default();
    let refuse = |plan: SimulationPlan| match simulate(&plan, &mut |_| ()) {
        Err(SimulationError::Plan(error)) => error,
        other => panic!("{:?}", other.map(|report| report.trained)),
    };
    assert!(matches!(refuse(SimulationPlan { members: 0, ..plan }), PlanError::Range { name: "members", .. }));
    assert!(matches!(refuse(SimulationPlan { rounds: 0, ..plan }), PlanError::Range { name: "rounds", .. }));
    let liars = Trouble { sign_flipped_bps: 6_000, scaled_bps: 6_000, ..Trouble::default() };
    assert!(matches!(refuse(SimulationPlan { trouble: liars, ..plan }), PlanError::Range { found: 12_000, .. }));
    let scale = Trouble { scale_factor: f64::NAN, ..Trouble::default() };
    assert!(matches!(refuse(SimulationPlan { trouble: scale, ..plan }), PlanError::NotPositive { .. }));
    let large = SimulationPlan { members: 10_000, records_per_member: 1_000_000, ..plan };
    assert!(matches!(refuse(large), PlanError::TooMuchData { .. }));
    assert!(matches!(
        refuse(SimulationPlan { aggregation: Aggregation::Krum { liars_bps: 5_000 }, ..plan }),
        PlanError::Settings(_)
    ));
    let noise =
        NoisePlan { noise_multiplier: 1.0, clip: 1.0, delta: 1.0, window: 1, honest_bps: 10_000, fraction_bits: 32 };
    assert!(matches!(refuse(SimulationPlan { noise: Some(noise), ..plan }), PlanError::Privacy(_)));
    let shared = NoisePlan { delta: 1e-5, ..noise };
    let robust = SimulationPlan { noise: Some(shared), aggregation: Aggregation::CoordinateMedian, ..plan };
    assert!(matches!(refuse(robust), PlanError::Settings(SettingsError::SharedNoise { honest_min: 5 })));
    let unknown = serde_json::from_str::<SimulationPlan>(r#"{"membres": 3}"#).unwrap_err().to_string();
    assert!(unknown.contains("membres"), "{unknown}");
    let read: SimulationPlan =
        serde_json::from_str(r#"{"members": 3, "aggregation": {"rule": "coordinate_median"}}"#).unwrap();
    assert_eq!(read, SimulationPlan { members: 3, aggregation: Aggregation::CoordinateMedian, ..plan });
}
