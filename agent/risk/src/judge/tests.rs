use super::*;
use crate::{
    fixture::{day, shards},
    models::{drawdown::DrawdownFit, tail::ResidualSums},
    train::{BoundedShard, Contribution, NewtonShard, Part, PlainRounds, RoundsError},
};

/// Two folds at the end of the data; UNI and AAVE have no year yet, ETH and BTC are cut to theirs.
fn recent() -> Vec<Shard> {
    shards().iter().map(|shard| shard.within(day("2020-09-01")..u32::MAX).unwrap()).collect()
}

fn settings() -> Settings {
    Settings { trees: 8, ..Settings::default() }
}

fn plan() -> Plan {
    Plan { test_from: day("2021-05-01"), fold_days: 30, embargo_days: 14 }
}

#[test]
fn every_rival_is_judged_on_the_same_records() {
    let found = judge(&recent(), None, &settings(), plan(), &mut PlainRounds).unwrap();
    assert_eq!(found.folds.len(), 2);
    for task in Task::ALL {
        let rows: Vec<_> = found.rows.iter().filter(|row| row.task == task).collect();
        assert!(rows.iter().all(|row| row.records == rows[0].records && row.records > 100), "{rows:?}");
        for way in [Way::Together, Way::Pooled, Way::Alone, Way::Naive] {
            assert!(rows.iter().any(|row| row.way == way), "{task} {way}");
        }
        assert_eq!(found.members.iter().filter(|row| row.task == task).count(), 4 * task.metrics().len());
    }
    assert_eq!(found.coverage.len(), 4 * 7);
    let judged: Vec<_> = found.verdicts.iter().map(|verdict| verdict.metric).collect();
    assert_eq!(judged, [Metric::Qlike, Metric::Brier, Metric::Pinball, Metric::FisslerZiegel]);
    // Without noise and liars, what is summed is what pooling gives.
    for family in [Family::Har, Family::Logistic, Family::FilteredHistory, Family::QuantileRegression] {
        let score = |way| found.row(family, way).unwrap().scores.clone();
        assert_eq!(score(Way::Together), score(Way::Pooled), "{family}");
    }
    // Averaged parameters are judged too, and are others than those from sums.
    let averaged = found.row(Family::Averaged, Way::Together).unwrap();
    assert_eq!(averaged.fallbacks, 0);
    assert_ne!(averaged.scores, found.row(Family::Logistic, Way::Together).unwrap().scores);
    let auc = found.row(Family::Combined, Way::Together).unwrap().score(Metric::Auc).unwrap();
    assert_eq!(found.auc_bps(), Some((auc * 10_000.0) as u64));
}

#[test]
fn a_model_of_averages_is_judged_as_one_and_sums_are_its_rival() {
    let averaging = Settings { drawdown_fit: DrawdownFit::FedAvg, ..settings() };
    let [by_sums, found] =
        [settings(), averaging].map(|settings| judge(&recent(), None, &settings, plan(), &mut PlainRounds).unwrap());
    // The same two fits in both, each in its row: which of them is the model shows in what the model says.
    for family in [Family::Logistic, Family::Averaged] {
        let row = |judgement: &Judgement| judgement.row(family, Way::Together).unwrap().clone();
        assert_eq!((row(&found), row(&found).fallbacks), (row(&by_sums), 0), "{family}");
    }
    let said = |judgement: &Judgement, way| judgement.row(Family::Combined, way).unwrap().scores.clone();
    assert_ne!(said(&found, Way::Together), said(&by_sums, Way::Together));
    // Who sees all records, or only its own, averages nothing.
    for way in [Way::Pooled, Way::Alone] {
        assert_eq!(said(&found, way), said(&by_sums, way));
        assert_eq!(found.row(Family::Averaged, way), None);
    }
    let verdict = found.verdicts.iter().find(|verdict| verdict.task == Task::Drawdown).unwrap();
    let rivals = || verdict.beats.iter().chain(&verdict.equals).chain(&verdict.loses_to);
    assert!(rivals().any(|rival| (rival.family, rival.way) == (Family::Logistic, Way::Together)), "{verdict:?}");
}

/// Somebody sent residuals that are all twenty standard deviations below zero.
struct Poisoned;

impl Rounds for Poisoned {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        _: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        let sum = PlainRounds.sum(part, contributions, None)?;
        match part {
            Part::Tail => Ok(ResidualSums::of(&vec![-20.0; sum[0] as usize])?.as_slice().to_vec()),
            _ => Ok(sum),
        }
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        _: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        PlainRounds.newton(part, shards, None, ridge)
    }
}

#[test]
fn a_poisoned_model_loses_and_the_verdict_says_so() {
    let found = judge(&recent(), None, &settings(), plan(), &mut Poisoned).unwrap();
    let verdict = found.verdicts.iter().find(|verdict| verdict.task == Task::Tail).unwrap();
    assert!(!verdict.pays() && verdict.beats.is_empty());
    assert!(verdict.loses_to.iter().any(|rival| (rival.family, rival.way) == (Family::FilteredHistory, Way::Pooled)));
    assert!(verdict.sentence.contains("**it does not win**"), "{}", verdict.sentence);
    let breaches = found.row(Family::FilteredHistory, Way::Together).unwrap().score(Metric::Breaches);
    assert_eq!(breaches, Some(0.0));
    let shortfall = found.verdicts.iter().find(|verdict| verdict.metric == Metric::FisslerZiegel).unwrap();
    assert!(!shortfall.pays(), "{shortfall:?}");
    let pooled =
        shortfall.loses_to.iter().any(|rival| (rival.family, rival.way) == (Family::FilteredHistory, Way::Pooled));
    assert!(pooled, "{shortfall:?}");
    let says = "value at risk with expected shortfall: filtered history together has FZ0 ";
    assert!(shortfall.sentence.starts_with(says) && shortfall.sentence.contains("**it does not win**"));
    // No loss was as great as foretold.
    let used = found.coverage.iter().find(|row| (row.family, row.way) == (Family::FilteredHistory, Way::Together));
    assert_eq!((used.unwrap().shortfall.z2, used.unwrap().shortfall.severity), (1.0, None));
}

/// Nobody stays for Newton's method.
struct Deserted;

impl Rounds for Deserted {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        _: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        PlainRounds.sum(part, contributions, None)
    }

    fn newton(&mut self, _: Part, _: &[NewtonShard], _: Option<&NewtonShard>, _: f64) -> Result<Vec<f64>, RoundsError> {
        Err("everybody left".into())
    }
}

#[test]
fn where_rounds_fail_the_naive_forecast_stands_in_and_is_counted() {
    let found = judge(&recent(), None, &settings(), plan(), &mut Deserted).unwrap();
    let row = found.row(Family::Combined, Way::Together).unwrap();
    assert_eq!(row.fallbacks, row.records);
    let naive = found.row(Family::BaseRate, Way::Naive).unwrap();
    assert_eq!(row.scores, naive.scores);
    assert_eq!(found.row(Family::Combined, Way::Pooled).unwrap().fallbacks, 0);
    assert_eq!(found.row(Family::FilteredHistory, Way::Together).unwrap().fallbacks, 0);
}

#[test]
fn what_cannot_be_judged_says_why() {
    let text =
        |shards: &[Shard], plan| judge(shards, None, &settings(), plan, &mut PlainRounds).unwrap_err().to_string();
    let shards = recent();
    assert_eq!(text(&[], plan()), "there is no shard to judge; give at least one member's");
    let short = "an embargo of 13 days is shorter than the horizon of 14; make it at least as long";
    assert_eq!(text(&shards, Plan { embargo_days: 13, ..plan() }), short);
    let volatility =
        "an embargo of 3 days is shorter than the 7 days that volatility looks ahead; make it at least as long";
    assert_eq!(text(&shards, Plan { embargo_days: 3, ..plan() }), volatility);
    let early = text(&shards, Plan { test_from: day("2020-10-01"), ..plan() });
    assert!(early.starts_with("fold 0 cannot be trained: no member has enough records to train"), "{early}");
    assert!(early.contains("`eth-holder`: 16 records are fewer than the 60 that are needed"), "{early}");
}

/// Adds up, and writes down what it was handed of members and of public records.
#[derive(Default)]
struct Watched {
    handed: Vec<(Part, Vec<Contribution>, Option<Contribution>)>,
    fitted: Vec<(Part, Vec<NewtonShard>, Option<NewtonShard>)>,
}

impl Rounds for Watched {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        self.handed.push((part, contributions.to_vec(), holdout.cloned()));
        PlainRounds.sum(part, contributions, None)
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        self.fitted.push((part, shards.to_vec(), holdout.cloned()));
        PlainRounds.newton(part, shards, None, ridge)
    }
}

/// One of them is public.
fn split(shards: &[Shard]) -> (&[Shard], &Shard) {
    let (public, members) = shards.split_last().unwrap();
    (members, public)
}

#[test]
fn on_public_records_nothing_is_judged_that_members_records_are_needed_for() {
    let shards = recent();
    let (members, public) = split(&shards);
    let found = judge_public(members, public, &settings(), plan(), &mut PlainRounds).unwrap();
    assert_eq!((found.basis, found.folds.len(), found.members.len()), (Basis::Public, 2, 0));
    assert!(found.rows.iter().all(|row| matches!(row.way, Way::Together | Way::Naive)), "{:?}", found.rows);
    assert!(found.rows.iter().all(|row| row.family != Family::Averaged), "{:?}", found.rows);
    assert!(found.coverage.iter().all(|row| row.member == public.member()));
    assert_eq!(
        found.absent.iter().map(|one| one.rival.as_str()).collect::<Vec<_>>(),
        ["pooled", "alone", "averaged logistic"]
    );
    assert!(found.absent.iter().all(|one| one.reason.contains("outside of ε")));
    let won: Vec<_> = found.verdicts.iter().filter(|verdict| verdict.loses_to.is_empty()).collect();
    let is_of_compared = |one: &&Verdict| one.sentence.ends_with("; nothing that was compared beats it.");
    assert!(!won.is_empty() && won.iter().all(is_of_compared), "{won:?}");
    // The same model is judged on the same days as with all rivals; what is scored is public.
    let days = public.within(day("2021-05-01")..u32::MAX).unwrap();
    let combined = found.row(Family::Combined, Way::Together).unwrap();
    assert_eq!((combined.records, combined.fallbacks), (days.days().len(), 0));
    assert!(found.auc_bps().is_some());
    // Naive forecasts know public events alone: other members' numbers change nothing in them.
    let fewer = judge_public(&members[..2], public, &settings(), plan(), &mut PlainRounds).unwrap();
    for family in [Family::Ewma, Family::BaseRate, Family::EwmaNormal] {
        assert_eq!(fewer.row(family, Way::Naive), found.row(family, Way::Naive), "{family}");
    }
    assert_ne!(fewer.row(Family::Combined, Way::Together), found.row(Family::Combined, Way::Together));
}

/// Gives nothing of members: every sum is that of public records.
struct Deaf;

impl Rounds for Deaf {
    fn noisy(&self) -> bool {
        true
    }

    fn sum(&mut self, part: Part, _: &[Contribution], _: Option<&Contribution>) -> Result<Vec<f64>, RoundsError> {
        panic!("{part} as it is")
    }

    fn sum_bounded(
        &mut self,
        _: Part,
        _: &[BoundedShard],
        holdout: Option<&BoundedShard>,
    ) -> Result<Vec<f64>, RoundsError> {
        let mut sum = vec![0.0; holdout.unwrap().width()];
        for row in holdout.unwrap().rows() {
            sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        }
        Ok(sum)
    }

    fn newton(
        &mut self,
        part: Part,
        _: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        PlainRounds.newton(part, std::slice::from_ref(holdout.unwrap()), None, ridge)
    }
}

#[test]
fn on_public_records_members_enter_a_judgement_by_the_rounds_and_in_no_other_way() {
    let shards = recent();
    let of =
        |member: usize| judge_public(&shards[member..=member], &shards[3], &settings(), plan(), &mut Deaf).unwrap();
    // Two members with the same days and different records.
    assert_ne!(shards[0].drawdown().targets(), shards[1].drawdown().targets());
    let found = of(0);
    assert_eq!(found, of(1));
    assert_eq!(found.row(Family::Logistic, Way::Together).unwrap().fallbacks, 0);
}

#[test]
fn on_public_records_too_no_fold_knows_its_test() {
    let plan = Plan { fold_days: 90, ..plan() };
    let fold = Fold { train: day("2020-09-01")..day("2021-04-17"), test: day("2021-05-01")..0 };
    let recent = |shards: Vec<Shard>| -> Vec<Shard> {
        shards.iter().map(|shard| shard.within(day("2020-09-01")..u32::MAX).unwrap()).collect()
    };
    let (all, cut) = (recent(shards()), recent(crate::fixture::shards_until(fold.test.start)));
    let mut judged = Watched::default();
    let (members, public) = split(&all);
    let folds = judge_public(members, public, &settings(), plan, &mut judged).unwrap().folds;
    assert_eq!((folds.len(), &folds[0].train), (1, &fold.train));
    // A training to which the prices of the test have not come yet.
    let mut trained = Watched::default();
    let before: Vec<Shard> = cut.iter().map(|shard| shard.within(fold.train.clone()).unwrap()).collect();
    let (members, public) = split(&before);
    crate::train::train(members, Some(public), &settings(), &mut trained).unwrap();
    assert!(judged.handed.iter().any(|(_, _, public)| public.is_some()) && judged.fitted.len() == 2);
    assert!(judged.handed == trained.handed && judged.fitted == trained.fitted);
}

#[test]
fn public_records_of_one_class_have_no_auc_and_none_at_all_are_an_error() {
    let shards = recent();
    let (members, public) = split(&shards);
    // Days of rising prices.
    let calm = Plan { test_from: day("2021-02-01"), ..plan() };
    let until = |day| members.iter().map(|shard| shard.within(0..day).unwrap()).collect::<Vec<_>>();
    let found = judge_public(&until(day("2021-02-05")), public, &settings(), calm, &mut PlainRounds).unwrap();
    assert_eq!(found.auc_bps(), None);
    let gone = public.within(0..day("2021-01-01")).unwrap();
    let error = judge_public(members, &gone, &settings(), plan(), &mut PlainRounds).unwrap_err().to_string();
    assert_eq!(error, "the public records have none in 2 test folds; give prices up to the members' last days");
}
