use super::*;
use crate::{
    Aggregation, Answer, Exclusion, Failure, Member, Outcome, ReputationRule, Ticks, Update,
    privacy::FixedPoint,
    simulation::{Shard, ShardMember, Training},
    task::{Average, Intercept, Newton},
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

mod pooled;
mod resume;

/// Answers by a fixed list: at tick `after` the answer comes.
struct Scripted {
    id: MemberId,
    after: u64,
    answer: Answer,
    asked: u32,
}

impl Member for Scripted {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, opened: &Opened, now_tick: u64) -> Answer {
        self.asked += 1;
        if now_tick >= opened.opened_tick + self.after { self.answer.clone() } else { Answer::NotYet }
    }
}

struct Steps(u64);

impl Ticks for Steps {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

struct Stopped;

impl Ticks for Stopped {
    fn next(&mut self) -> u64 {
        0
    }
}

fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

fn update(values: &[f64], records: u64) -> Answer {
    Answer::Update(Update { values: values.to_vec(), records })
}

fn member(name: &str, answer: Answer) -> Scripted {
    Scripted { id: id(name), after: 0, answer, asked: 0 }
}

fn settings() -> Settings {
    Settings {
        aggregation: Aggregation::WeightedMean,
        quorum: 1,
        wait_ticks_max: 5,
        tolerance: 0.0,
        norm_max: 100.0,
        records_max: 1_000,
        reputation: None,
        noise: None,
    }
}

/// A model of two numbers whose best is (1, 2).
fn holdout(parameters: &[f64]) -> f64 {
    linear::squared_distance(parameters, &[1.0, 2.0])
}

fn coordinator(settings: Settings, names: &[&str]) -> Coordinator<Average> {
    let members = names.iter().map(|name| id(name)).collect();
    Coordinator::new(Average::new(2).unwrap(), settings, members, vec![0.0, 0.0], None).unwrap()
}

fn round(coordinator: &mut Coordinator<Average>, members: &mut [Scripted]) -> RoundReport {
    let mut open = coordinator.open(0, 0).unwrap();
    open.collect(members, &mut Steps(0));
    coordinator.close(open, &holdout)
}

fn why(report: &RoundReport, name: &str) -> Exclusion {
    report.excluded.iter().find(|excluded| excluded.member == id(name)).unwrap().why.clone()
}

#[test]
fn a_round_moves_the_model_to_the_weighted_mean() {
    let mut coordinator = coordinator(settings(), &["b", "a"]);
    let report =
        round(&mut coordinator, &mut [member("a", update(&[1.0, 1.0], 30)), member("b", update(&[1.0, 5.0], 10))]);
    assert_eq!((report.outcome, report.round, report.members, report.records), (Outcome::Accepted, 1, 2, 40));
    assert_eq!(coordinator.parameters(), [1.0, 2.0]);
    assert_eq!((report.loss, report.concentration), (Some(0.0), 0.625));
    assert_eq!(coordinator.state().round, 1);
}

#[test]
fn a_bad_update_is_excluded_by_name_and_the_round_goes_on() {
    let cases = [
        ("nan", update(&[0.0, f64::NAN], 10), Exclusion::NotFinite { index: 1, kind: "NaN" }),
        ("inf", update(&[f64::NEG_INFINITY, 0.0], 10), Exclusion::NotFinite { index: 0, kind: "-inf" }),
        ("dimension", update(&[0.0], 10), Exclusion::Dimension { found: 1, expected: 2 }),
        ("empty", update(&[0.0, 0.0], 0), Exclusion::NoRecords),
        ("boast", update(&[0.0, 0.0], 1_001), Exclusion::TooManyRecords { found: 1_001, most: 1_000 }),
        ("large", update(&[300.0, 400.0], 10), Exclusion::TooLarge { found: Some(500.0), most: 100.0 }),
        ("overflow", update(&[1e300, 1e300], 10), Exclusion::TooLarge { found: None, most: 100.0 }),
        (
            "one-class",
            Answer::Failed(Failure::OneClass { records: 7 }),
            Exclusion::Failed { failure: Failure::OneClass { records: 7 } },
        ),
        ("silent", Answer::NotYet, Exclusion::Late { waited_ticks: 5 }),
    ];
    let mut names = vec!["good"];
    names.extend(cases.iter().map(|(name, _, _)| *name));
    let mut coordinator = coordinator(settings(), &names);
    let mut members: Vec<Scripted> = cases.iter().map(|(name, answer, _)| member(name, answer.clone())).collect();
    members.push(member("good", update(&[1.0, 2.0], 10)));
    let report = round(&mut coordinator, &mut members);
    assert_eq!((&report.outcome, report.members, report.waited_ticks), (&Outcome::Accepted, 1, 5));
    assert_eq!(coordinator.parameters(), [1.0, 2.0]);
    assert_eq!(report.excluded.len(), cases.len());
    for (name, _, expected) in cases {
        assert_eq!(why(&report, name), expected, "{name}");
    }
    let json = serde_json::to_value(&report).unwrap();
    let named = json["excluded"].as_array().unwrap().iter().find(|excluded| excluded["member"] == "nan").unwrap();
    assert_eq!((&named["reason"], &named["index"], &named["kind"]), (&"not_finite".into(), &1.into(), &"NaN".into()));
}

#[test]
fn a_round_waits_no_longer_than_it_must_nor_than_it_may() {
    let mut coordinator = coordinator(settings(), &["quick", "slow", "too-slow"]);
    let mut slow = member("slow", update(&[1.0, 2.0], 10));
    slow.after = 5;
    let mut too_slow = member("too-slow", update(&[1.0, 2.0], 10));
    too_slow.after = 6;
    let mut members = [member("quick", update(&[1.0, 2.0], 10)), slow, too_slow];
    let report = round(&mut coordinator, &mut members);
    assert_eq!((report.members, report.waited_ticks), (2, 5));
    assert_eq!(why(&report, "too-slow"), Exclusion::Late { waited_ticks: 5 });
    assert_eq!(members.each_ref().map(|member| member.asked), [1, 6, 6]);
    members[2].after = 2;
    members[1].after = 1;
    assert_eq!(round(&mut coordinator, &mut members).waited_ticks, 2, "everybody answered");
}

#[test]
fn a_clock_that_stands_still_does_not_hold_a_round() {
    let mut coordinator = coordinator(settings(), &["silent"]);
    let mut members = [member("silent", Answer::NotYet)];
    let mut open = coordinator.open(7, 0).unwrap();
    open.collect(&mut members, &mut Stopped);
    assert_eq!(members[0].asked, 6);
    let report = coordinator.close(open, &holdout);
    assert_eq!(report.outcome, Outcome::Refused { why: Refusal::NoQuorum { found: 0, least: 1 } });
    assert_eq!(coordinator.parameters(), [0.0, 0.0]);
}

#[test]
fn answers_that_nobody_waits_for_are_errors() {
    let mut coordinator = coordinator(settings(), &["a", "b"]);
    let mut open = coordinator.open(10, 0).unwrap();
    let good = update(&[1.0, 2.0], 10);
    assert_eq!(open.receive(&id("c"), good.clone(), 10), Err(ReceiveError::Unknown { member: id("c") }));
    open.receive(&id("a"), good.clone(), 15).unwrap();
    assert_eq!(open.receive(&id("a"), good.clone(), 15), Err(ReceiveError::Settled { member: id("a") }));
    assert_eq!(
        open.receive(&id("b"), good, 16),
        Err(ReceiveError::Late { member: id("b"), now_tick: 16, last_tick: 15 })
    );
    assert_eq!(open.waiting().collect::<Vec<_>>(), [&id("b")]);
}

#[test]
fn what_does_worse_on_the_hold_out_is_rolled_back() {
    let mut coordinator = coordinator(Settings { tolerance: 1.0, ..settings() }, &["a"]);
    let report = round(&mut coordinator, &mut [member("a", update(&[1.0, 5.0], 1))]);
    let worse = Refusal::Worse { before: Some(5.0), after: Some(9.0), tolerance: 1.0 };
    assert_eq!((report.outcome, report.loss), (Outcome::Refused { why: worse }, Some(5.0)));
    assert_eq!(coordinator.parameters(), [0.0, 0.0]);
    let report = round(&mut coordinator, &mut [member("a", update(&[1.0, 4.4], 1))]);
    assert_eq!(report.outcome, Outcome::Accepted, "0.76 worse is within the tolerance of 1");
    assert_eq!(report.round, 2);
}

#[test]
fn a_hold_out_that_gives_no_number_accepts_nothing() {
    let mut coordinator = coordinator(settings(), &["a"]);
    let mut open = coordinator.open(0, 0).unwrap();
    open.receive(&id("a"), update(&[1.0, 2.0], 1), 0).unwrap();
    let report = coordinator.close(open, &|parameters: &[f64]| if parameters[0] > 0.5 { f64::NAN } else { 3.0 });
    let worse = Refusal::Worse { before: Some(3.0), after: None, tolerance: 0.0 };
    assert_eq!(report.outcome, Outcome::Refused { why: worse });
}

#[test]
fn two_openings_of_a_round_cannot_both_count() {
    let mut coordinator = coordinator(settings(), &["a"]);
    let mut first = coordinator.open(0, 0).unwrap();
    let mut second = coordinator.open(0, 0).unwrap();
    assert_eq!((first.opened().round, second.opened().round), (1, 1));
    assert_ne!(first.opened().attempt, second.opened().attempt);
    first.receive(&id("a"), update(&[1.0, 2.0], 1), 0).unwrap();
    second.receive(&id("a"), update(&[1.0, 2.0], 1), 0).unwrap();
    assert_eq!(coordinator.close(second, &holdout).outcome, Outcome::Accepted);
    let stale = coordinator.close(first, &holdout);
    assert_eq!(stale.outcome, Outcome::Refused { why: Refusal::Stale { opened: 1, current: 2 } });
    assert_eq!(coordinator.state().round, 1);
}

#[test]
fn reputation_excludes_who_harms_the_model_and_nobody_else() {
    let rule = ReputationRule {
        tolerance: 1e-3,
        tolerance_accepted: 1e-3,
        tolerance_weight: 1e-3,
        memory_permille: 500,
        bad_rounds_max: 2,
    };
    let settings = Settings { reputation: Some(rule), quorum: 2, tolerance: 1e9, ..settings() };
    let mut coordinator = coordinator(settings, &["a", "b", "c", "liar"]);
    let mut members = [
        member("a", update(&[1.0, 2.1], 10)),
        member("b", update(&[1.1, 2.0], 10)),
        member("c", update(&[0.9, 1.9], 10)),
        member("liar", update(&[-7.0, -7.0], 10)),
    ];
    let first = round(&mut coordinator, &mut members);
    let liar = first.contributions.iter().find(|contribution| contribution.member == id("liar")).unwrap();
    assert!(liar.gain.unwrap() < -1.0 && liar.score == 0.5, "{liar:?}");
    assert!(first.contributions.iter().all(|c| c.member == id("liar") || (c.gain.unwrap() > 0.0 && c.score == 1.0)));
    let second = round(&mut coordinator, &mut members);
    assert!(second.concentration > first.concentration, "the liar weighs half");
    let third = round(&mut coordinator, &mut members);
    assert_eq!(why(&third, "liar"), Exclusion::Reputation { bad_rounds: 2 });
    assert_eq!(members[3].asked, 2, "it is not asked any more");
    assert!(holdout(coordinator.parameters()) < 0.01);
}

#[test]
fn who_does_some_harm_loses_weight_in_the_same_round_and_brings_its_score_along() {
    let rule = ReputationRule {
        tolerance: 10.0,
        tolerance_accepted: 10.0,
        tolerance_weight: 0.01,
        memory_permille: 0,
        bad_rounds_max: 1,
    };
    let settings = Settings { reputation: Some(rule), quorum: 2, tolerance: 1e9, ..settings() };
    let names = ["a", "b", "c", "off"];
    let members = || {
        [
            member("a", update(&[1.0, 2.1], 10)),
            member("b", update(&[1.1, 2.0], 10)),
            member("c", update(&[0.9, 1.9], 10)),
            member("off", update(&[3.0, 5.0], 10)),
        ]
    };
    let mut unweighed = coordinator(Settings { reputation: None, ..settings }, &names);
    let plain = round(&mut unweighed, &mut members());
    let mut weighed = coordinator(settings, &names);
    let report = round(&mut weighed, &mut members());
    let off = report.contributions.iter().find(|one| one.member == id("off")).unwrap();
    assert!(off.score > 0.5 && off.score < 1.0 && !off.excluded, "{off:?}");
    assert!(report.contributions.iter().all(|one| one.member == id("off") || one.score == 1.0));
    assert!((off.weight - off.score / (3.0 + off.score)).abs() < 1e-12, "what the round ended with: {off:?}");
    assert!(report.loss < plain.loss && report.concentration > plain.concentration, "{report:?} {plain:?}");
    // In another training it begins with what it had.
    let scores = |member: &MemberId| if *member == id("off") { off.score } else { 1.0 };
    let mut next = coordinator(Settings { reputation: None, ..settings }, &names).with_scores(scores);
    let carried = round(&mut next, &mut members());
    assert_eq!((carried.loss, carried.concentration), (report.loss, report.concentration));
    // What is no score is none above 1, and none below 0.
    let odd = coordinator(settings, &names).with_scores(|member| if *member == id("a") { f64::NAN } else { 7.0 });
    assert_eq!(odd.state().standings.iter().map(|one| one.score).collect::<Vec<_>>(), [0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn a_round_with_too_few_members_for_its_rule_is_not_opened_and_costs_nothing() {
    let grid = FixedPoint { fraction_bits: 32, clip: 1.0, noise_multiplier: 10.0, honest_min: 1 };
    for aggregation in [Aggregation::Krum { liars_bps: 2_000 }, Aggregation::MultiKrum { liars_bps: 2_000 }] {
        let settings = Settings { aggregation, noise: Some(grid), ..settings() };
        let budget = Budget::new(5.0, 1e-5, 1, 2027).unwrap();
        let ids = ["a", "b", "c"].map(id).to_vec();
        let task = Average::new(2).unwrap();
        let mut state = Coordinator::new(task, settings, ids, vec![0.0; 2], Some(budget)).unwrap().state().clone();
        assert!(Coordinator::resume(task, state.clone()).unwrap().open(0, 2027).is_ok());
        state.standings[1].excluded = true;
        let mut two = Coordinator::resume(task, state.clone()).unwrap();
        let refused = two.open(0, 2027).unwrap_err();
        let expected = AggregationError::TooFewMembers { found: 2, least: 3, liars: 0 };
        assert_eq!(refused, OpenError::Aggregation(expected));
        assert!(refused.to_string().contains("choose another one, such as the coordinate median"), "{refused}");
        assert_eq!((two.state().attempt, two.state().budget), (0, Some(budget)));
    }
}

#[test]
fn a_round_that_cannot_reach_its_quorum_is_not_opened() {
    let mut state = coordinator(Settings { quorum: 2, ..settings() }, &["a", "b"]).state().clone();
    state.standings[1].excluded = true;
    let mut resumed = Coordinator::resume(Average::new(2).unwrap(), state).unwrap();
    assert_eq!(resumed.open(0, 0).unwrap_err(), OpenError::TooFewMembers { left: 1, quorum: 2 });
}

#[test]
fn who_is_put_out_is_asked_no_more_and_a_checkpoint_knows() {
    let mut coordinator = coordinator(Settings { quorum: 2, ..settings() }, &["a", "b", "c"]);
    coordinator.exclude(&id("c"));
    coordinator.exclude(&id("nobody"));
    let state = checkpoint::unseal(&coordinator.checkpoint().unwrap()).unwrap();
    let mut resumed = Coordinator::resume(Average::new(2).unwrap(), state).unwrap();
    let mut members =
        [member("a", update(&[1.0, 2.0], 1)), member("b", update(&[1.0, 2.0], 1)), member("c", update(&[9.0, 9.0], 1))];
    let report = round(&mut resumed, &mut members);
    assert_eq!((report.members, why(&report, "c"), members[2].asked), (2, Exclusion::Earlier, 0));
    resumed.exclude(&id("b"));
    assert_eq!(resumed.open(0, 0).unwrap_err(), OpenError::TooFewMembers { left: 1, quorum: 2 });
}

#[test]
fn a_spent_budget_opens_no_round_and_says_the_numbers() {
    let grid = FixedPoint { fraction_bits: 32, clip: 1.0, noise_multiplier: 10.0, honest_min: 1 };
    let settings = Settings { noise: Some(grid), ..settings() };
    let budget = Budget::new(0.5, 1e-5, 1, 2027).unwrap();
    let task = Average::new(2).unwrap();
    let mut coordinator = Coordinator::new(task, settings, vec![id("a")], vec![0.0; 2], Some(budget)).unwrap();
    let mut opened = 0;
    let refused = loop {
        match coordinator.open(0, 2027) {
            Ok(_) if opened < 100 => opened += 1,
            other => break other.unwrap_err(),
        }
    };
    assert!(crate::privacy::epsilon(10.0, opened, 1e-5).unwrap() <= 0.5);
    assert!(crate::privacy::epsilon(10.0, opened + 1, 1e-5).unwrap() > 0.5);
    let OpenError::Budget(BudgetError::Spent { epsilon, spent_epsilon, asked_epsilon, .. }) = refused else {
        panic!("{refused}")
    };
    assert!(spent_epsilon <= epsilon && epsilon < asked_epsilon);
    assert_eq!(coordinator.state().attempt, u64::from(opened), "a refused opening changes nothing");
    assert!(coordinator.open(0, 2028).is_ok(), "a new year");
}

#[test]
fn settings_and_members_must_fit() {
    let new = |settings: Settings, names: &[&str], parameters: Vec<f64>| {
        let members = names.iter().map(|name| id(name)).collect();
        Coordinator::new(Average::new(2).unwrap(), settings, members, parameters, None).map(|_| ()).unwrap_err()
    };
    let zero = vec![0.0; 2];
    assert_eq!(new(settings(), &["a", "a"], zero.clone()), CoordinatorError::Twice { member: id("a") });
    assert_eq!(new(settings(), &[], zero.clone()), CoordinatorError::Members { found: 0, most: MEMBERS_MAX });
    assert_eq!(
        new(Settings { quorum: 3, ..settings() }, &["a", "b"], zero.clone()),
        CoordinatorError::Quorum { quorum: 3, members: 2 }
    );
    assert_eq!(new(settings(), &["a"], vec![0.0]), CoordinatorError::Parameters { found: 1, expected: 2 });
    assert_eq!(
        new(settings(), &["a"], vec![0.0, f64::INFINITY]),
        CoordinatorError::NotFinite { index: 1, kind: "inf" }
    );
    assert!(matches!(
        new(Settings { tolerance: f64::NAN, ..settings() }, &["a"], zero.clone()),
        CoordinatorError::Settings(SettingsError::Negative { name: "tolerance", .. })
    ));
    assert!(matches!(
        new(Settings { quorum: 0, ..settings() }, &["a"], zero.clone()),
        CoordinatorError::Settings(SettingsError::Range { name: "quorum", .. })
    ));
    let grid = FixedPoint { fraction_bits: 32, clip: 1.0, noise_multiplier: 10.0, honest_min: 2 };
    assert_eq!(
        new(Settings { noise: Some(grid), ..settings() }, &["a", "b"], zero),
        CoordinatorError::Settings(SettingsError::HonestAboveQuorum { honest_min: 2, quorum: 1 })
    );
    for bad in ["", "A", "a b", &"a".repeat(65)] {
        assert_eq!(MemberId::new(bad).unwrap_err().found, bad);
    }
}

proptest! {
    /// Who answers first, and in which order members are listed, changes no bit of the model.
    #[test]
    fn arrival_order_does_not_matter(
        values in prop::collection::vec(prop::array::uniform2(-3.0f64..3.0), 6),
        delays in prop::collection::vec(0u64..5, 6),
        turn in 0usize..6,
    ) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let run = |delays: &[u64], turn: usize| {
            let mut coordinator = coordinator(Settings { tolerance: 1e9, ..settings() }, &names);
            let mut members: Vec<Scripted> = (0..6)
                .map(|k| Scripted { after: delays[k], ..member(names[k], update(&values[k], 1 + k as u64)) })
                .collect();
            members.rotate_left(turn);
            round(&mut coordinator, &mut members);
            coordinator.parameters().to_vec()
        };
        prop_assert_eq!(run(&[0; 6], 0), run(&delays, turn));
    }

    /// Whatever members send, the model stays finite and never gets worse by more than the tolerance.
    #[test]
    fn no_answer_breaks_the_model(
        answers in prop::collection::vec(
            (prop::collection::vec(prop::num::f64::ANY, 0..4), 0u64..2_000, 0u64..9),
            1..7,
        ),
        rule in 0usize..4,
    ) {
        let rules = [
            Aggregation::WeightedMean,
            Aggregation::CoordinateMedian,
            Aggregation::GeometricMedian,
            Aggregation::CentredClipping,
        ];
        let names = ["a", "b", "c", "d", "e", "f"];
        let settings = Settings { aggregation: rules[rule], norm_max: f64::INFINITY, tolerance: 0.5, ..settings() };
        let mut coordinator = coordinator(settings, &names);
        let mut members: Vec<Scripted> = answers
            .iter()
            .zip(names)
            .map(|((values, records, after), name)| Scripted { after: *after, ..member(name, update(values, *records)) })
            .collect();
        let report = round(&mut coordinator, &mut members);
        prop_assert!(coordinator.parameters().iter().all(|value| value.is_finite()));
        prop_assert!(holdout(coordinator.parameters()) <= 5.5);
        prop_assert_eq!(report.members + report.excluded.len(), 6);
    }
}
