#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use super::super::{
    Class, FoundOut, LearningError, Ledger, Lesson, NoiseSettings, Price, RoundsSettings, Told, day_number,
    fixture::{members, of_seed},
    learn, learn_once, price,
};
use super::*;
use quaestor_federation::{Aggregation, AggregationError, privacy::Budget, round::OpenError};
use quaestor_risk::{
    data::Shard,
    judge::{Basis, Plan},
    models::drawdown::DrawdownFit,
    train::{self, Settings, TrainError},
};
use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
};

fn settings() -> Settings {
    Settings { trees: 1, ..Settings::default() }
}

fn rounds(noise_multiplier: Option<f64>, tell: impl FnMut(&Told) + 'static) -> Federated {
    let noise = noise_multiplier.map(|noise_multiplier| NoiseSettings {
        noise_multiplier,
        rounds: 6,
        clip: 4.0,
        delta: 1e-5,
        window: 14,
    });
    let settings =
        RoundsSettings { aggregation: Aggregation::WeightedMean, quorum_bps: 5_000, noise, noise_key: [7; 32] };
    Federated::new(settings, Box::new(tell))
}

fn lesson(rounds: &mut Federated) -> Result<Lesson, LearningError> {
    lesson_by(DrawdownFit::Newton, rounds)
}

fn lesson_by(drawdown_fit: DrawdownFit, rounds: &mut Federated) -> Result<Lesson, LearningError> {
    of_class(drawdown_fit, |class| learn(class, rounds))
}

fn of_class<T>(drawdown_fit: DrawdownFit, work: impl FnOnce(&Class<'_>) -> T) -> T {
    let (shards, holdout) = members();
    let day = |text| day_number(text).unwrap();
    let recent: Vec<Shard> = shards.iter().map(|one| one.within(day("2021-01-01")..u32::MAX).unwrap()).collect();
    // A short test, for it is training that is looked at.
    let plan = Plan { test_from: day("2021-06-20"), fold_days: 60, embargo_days: 14 };
    let settings = Settings { drawdown_fit, ..settings() };
    work(&Class { shards: &recent, holdout, settings: &settings, plan, basis: Basis::Members })
}

#[test]
fn with_noise_no_round_is_without_and_each_is_counted() {
    let told: Rc<RefCell<Vec<Part>>> = Rc::default();
    let heard = Rc::clone(&told);
    let mut federated = rounds(Some(5.0), move |told| {
        if let Told::Round(part, _) = told {
            heard.borrow_mut().push(*part);
        }
    });
    let (shards, holdout) = members();
    let trained = train::train(shards, Some(holdout), &settings(), &mut federated).unwrap();
    let parts = told.borrow().clone();
    let count = |part| parts.iter().filter(|one| **one == part).count();
    let expected =
        [(Part::Volatility, 1), (Part::Scaling, 1), (Part::Drawdown, 6), (Part::Quantile, 7), (Part::Tail, 1)];
    assert_eq!(expected.map(|(part, _)| (part, count(part))), expected);
    let spent = federated.privacy().unwrap();
    assert_eq!(spent.rounds as usize, parts.len(), "every round told is a release, and nothing else is one");
    assert_eq!(spent.epsilon_record, quaestor_federation::privacy::epsilon(5.0, 16, 1e-5).unwrap());
    let missing: Vec<String> = trained.missing.iter().map(ToString::to_string).collect();
    assert!(missing.len() == 2 && missing[0].starts_with("forest: with noise"), "{missing:?}");
}

#[test]
fn the_ledger_is_written_before_members_are_asked() {
    let (kept, ahead) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (written, seen) = (Rc::clone(&kept), Rc::clone(&ahead));
    let mut federated = rounds(Some(5.0), move |told| {
        if let Told::Round(..) = told {
            seen.set(seen.get() + 1);
            assert_eq!(written.get(), seen.get(), "a round is told after its charge was kept");
        }
    });
    federated.charge(Budget::new(20.0, 1e-5, 1, 2027).unwrap(), 2027);
    let count = Rc::clone(&kept);
    federated.keep(move |budget| {
        assert!(budget.spent_epsilon().unwrap() > 0.0);
        count.set(count.get() + 1);
        Ok(())
    });
    let (shards, holdout) = members();
    train::train(shards, Some(holdout), &settings(), &mut federated).unwrap();
    let spent = federated.privacy().unwrap();
    assert_eq!(kept.get(), spent.rounds);
    let ledger = federated.budget().unwrap().spent_epsilon().unwrap();
    assert!((ledger - spent.epsilon_record).abs() < 1e-9, "{ledger} {}", spent.epsilon_record);
}

#[test]
fn where_the_ledger_cannot_be_written_nothing_is_released() {
    for writable in [0, 3] {
        let released = Rc::new(Cell::new(0));
        let seen = Rc::clone(&released);
        let mut federated = rounds(Some(5.0), move |told| {
            if let Told::Round(..) = told {
                seen.set(seen.get() + 1);
            }
        });
        federated.charge(Budget::new(20.0, 1e-5, 1, 2027).unwrap(), 2027);
        let mut left = writable;
        federated.keep(move |_| {
            left -= 1;
            let full = || std::io::Error::other("the disk is full");
            if left >= 0 { Ok(()) } else { Err(LearningError::File { file: "ledger".into(), source: full() }) }
        });
        let error = lesson(&mut federated).unwrap_err().to_string();
        assert_eq!(error, "ledger: the disk is full");
        assert_eq!(released.get(), writable);
    }
    // The same of a real ledger in a folder that is none.
    let mut federated = rounds(Some(5.0), |told| assert!(!matches!(told, Told::Round(..))));
    federated.charge(Budget::new(20.0, 1e-5, 1, 2027).unwrap(), 2027);
    let ledger = Ledger::new("/dev/null/ledger.json".into());
    federated.keep(move |budget| ledger.write(budget));
    assert!(matches!(lesson(&mut federated), Err(LearningError::File { .. })));
}

/// At one clip of noise, which hides no part.
#[test]
fn a_clean_training_releases_exactly_what_it_was_said_to_cost() {
    let enough = quaestor_federation::privacy::epsilon(1.0, 32, 1e-5).unwrap() + 1e-6;
    let priced: Rc<RefCell<Vec<Price>>> = Rc::default();
    let heard = Rc::clone(&priced);
    let mut federated = rounds(Some(1.0), move |told| {
        if let Told::Price(price) = told {
            heard.borrow_mut().push(*price);
        }
    });
    federated.charge(Budget::new(enough, 1e-5, 1, 2027).unwrap(), 2027);
    let card = lesson(&mut federated).unwrap().card;
    assert_eq!(federated.excluded().count(), 0);
    let spent = federated.privacy().unwrap();
    let priced = priced.borrow();
    assert_eq!((priced.len(), priced[0].sums, spent.rounds), (1, 32, 32));
    assert!((priced[0].epsilon_record - spent.epsilon_record).abs() < 1e-12);
    let year = card.privacy.unwrap().year.unwrap();
    assert_eq!(year.year, 2027);
    assert!((year.epsilon_record - spent.epsilon_record).abs() < 1e-9, "{year:?}");
}

#[test]
fn a_training_that_the_budget_does_not_cover_releases_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut federated = rounds(Some(1.0), |told| assert!(!matches!(told, Told::Round(..) | Told::Stage(_))));
    let short = quaestor_federation::privacy::epsilon(1.0, 31, 1e-5).unwrap() + 1e-6;
    federated.charge(Budget::new(short, 1e-5, 1, 2027).unwrap(), 2027);
    federated.keep(|_| panic!("nothing is charged"));
    federated.checkpoint(folder.path());
    let refused = lesson(&mut federated).unwrap_err();
    assert!(matches!(&refused, LearningError::Uncovered(found) if found.covered == 31), "{refused}");
    assert!(!Checkpointed::is_there(folder.path()), "there is nothing to go on from");
}

/// Finding somebody out takes more sums than the price of a clean training.
#[test]
fn a_budget_that_ends_on_the_way_stops_the_training_which_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let enough = quaestor_federation::privacy::epsilon(5.0, 32, 1e-5).unwrap() + 1e-6;
    let poisoned = |epsilon: Option<f64>, ledger: Budget| {
        let mut federated = rounds(Some(5.0), |_| {});
        federated.poison("uni-holder");
        federated.charge(ledger.voted(epsilon, 1e-5).unwrap(), 2027);
        federated.checkpoint(folder.path());
        let lesson = lesson(&mut federated);
        (lesson, federated.budget().copied().unwrap(), federated.privacy())
    };
    let (stopped, ledger, _) = poisoned(Some(enough), Budget::unlimited(1e-5, 1, 2027).unwrap());
    assert!(matches!(stopped, Err(LearningError::Spent(_))), "{stopped:?}");
    assert!(Checkpointed::is_there(folder.path()), "what was released is not lost");
    let (refused, ledger, _) = poisoned(Some(enough), ledger);
    assert!(matches!(refused, Err(LearningError::Uncovered(_))), "{refused:?}");
    assert!(Checkpointed::is_there(folder.path()), "a refusal loses nothing");
    let (lesson, ledger, spent) = poisoned(None, ledger);
    let (spent, year) = (spent.unwrap(), lesson.unwrap().card.privacy.unwrap().year.unwrap());
    assert!(spent.rounds > 32);
    assert_eq!(year.epsilon_record, ledger.spent_epsilon().unwrap());
    assert!((year.epsilon_record - spent.epsilon_record).abs() < 1e-9, "each release is charged once");
}

/// At five clips of noise; at ten the noise of the training drowns one of four, and who is out is no longer sure.
#[test]
fn a_member_that_poisons_is_found_under_noise_and_honest_ones_are_not() {
    let (shards, holdout) = members();
    for poisoned in [None, Some("uni-holder"), Some("aave-holder")] {
        let mut federated = rounds(Some(5.0), |_| {});
        if let Some(member) = poisoned {
            federated.poison(member);
        }
        train::train(shards, Some(holdout), &settings(), &mut federated).unwrap();
        assert_eq!(federated.excluded().collect::<Vec<_>>(), Vec::from_iter(poisoned));
    }
}

/// A run that ends, as if killed, when it tells of its round `at`; how many rounds it told.
fn killed(noise: Option<f64>, folder: &Path, at: usize) -> usize {
    let told = Rc::new(Cell::new(0));
    let seen = Rc::clone(&told);
    let mut federated = rounds(noise, move |told| {
        if let Told::Round(..) = told {
            seen.set(seen.get() + 1);
            assert!(seen.get() < at, "killed");
        }
    });
    federated.checkpoint(folder);
    assert!(catch_unwind(AssertUnwindSafe(|| lesson(&mut federated))).is_err());
    told.get()
}

#[test]
fn a_killed_training_gives_the_model_of_one_that_was_not() {
    let whole = lesson(&mut rounds(None, |_| {})).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    // In the first sum, inside of Newton's method, between parts, in the last training.
    for at in [1, 6, 9, 30] {
        before += killed(None, folder.path(), at);
    }
    let (resumed, told) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (parts, count) = (Rc::clone(&resumed), Rc::clone(&told));
    let mut federated = rounds(None, move |told| match told {
        Told::Resumed(done) => parts.set(*done),
        Told::Round(..) => count.set(count.get() + 1),
        _ => {}
    });
    federated.checkpoint(folder.path());
    let again = lesson(&mut federated).unwrap();
    assert_eq!(again.card.hash, whole.card.hash);
    assert!(resumed.get() > 6 && before > 40, "{} parts after {before} rounds", resumed.get());
    assert!(Checkpointed::is_there(folder.path()), "it is kept until the model is written");
    federated.forget().unwrap();
    assert!(!Checkpointed::is_there(folder.path()));
}

#[test]
fn who_was_found_out_before_a_kill_stays_out() {
    let poisoned = |folder: Option<&Path>, tell: Box<dyn FnMut(&Told)>| {
        let mut federated = rounds(None, tell);
        federated.poison("uni-holder");
        folder.iter().for_each(|folder| federated.checkpoint(folder));
        let hash = catch_unwind(AssertUnwindSafe(|| lesson(&mut federated).unwrap().card.hash));
        (hash.ok(), federated.excluded().map(str::to_owned).collect::<Vec<_>>())
    };
    let (whole, excluded) = poisoned(None, Box::new(|_| {}));
    assert_eq!(excluded, ["uni-holder"]);
    let folder = tempfile::tempdir().unwrap();
    // In the round after that in which it was found out.
    let mut found = false;
    let kill = move |told: &Told| match told {
        Told::Excluded(..) => found = true,
        Told::Round(..) => assert!(!found, "killed"),
        _ => {}
    };
    assert_eq!(poisoned(Some(folder.path()), Box::new(kill)).0, None);
    assert_eq!(poisoned(Some(folder.path()), Box::new(|_| {})), (whole, excluded));
}

/// One that is honest while it is judged.
#[test]
fn who_is_found_out_on_all_days_has_it_judged_again_before_it_is_trained_on_all_days_once_more() {
    let folder = tempfile::tempdir().unwrap();
    // Judged with honest members, and killed before anything of all days is released.
    let mut stages = 0;
    let mut honest = rounds(Some(5.0), move |told| {
        stages += usize::from(matches!(told, Told::Stage(_)));
        assert!(stages < 2, "killed");
    });
    honest.checkpoint(folder.path());
    assert!(catch_unwind(AssertUnwindSafe(|| lesson(&mut honest))).is_err());
    assert_eq!(honest.privacy().unwrap().rounds, 16);
    drop(honest);
    // The same training goes on, and one of them lies from here on; killed while it is judged again, it goes on once more.
    let going_on = |killed: bool| {
        let (told, price_of) = (Rc::new(RefCell::new(vec![])), Rc::new(Cell::new(0)));
        let (heard, priced) = (Rc::clone(&told), Rc::clone(&price_of));
        let mut federated = rounds(Some(5.0), move |told| match told {
            Told::Stage(stage) => heard.borrow_mut().push(*stage),
            Told::Round(part, _) => {
                let judges_again = heard.borrow().len() == 3;
                assert!(!(killed && judges_again && *part == Part::Drawdown), "killed");
            }
            Told::Price(price) => priced.set(price.sums),
            _ => {}
        });
        federated.checkpoint(folder.path());
        let lesson = of_class(DrawdownFit::Newton, |class| {
            federated.begin(class).unwrap();
            federated.poison("uni-holder");
            price(class, &mut federated).unwrap();
            catch_unwind(AssertUnwindSafe(|| learn_once(class, &mut federated).unwrap())).ok()
        });
        assert_eq!(federated.excluded().collect::<Vec<_>>(), ["uni-holder"]);
        (lesson, told.take(), price_of.get(), federated.privacy().unwrap().rounds)
    };
    let (killed, told, price, released) = going_on(true);
    let (judging, all_days) = ("judging on later days", "training on all days");
    assert!(killed.is_none());
    assert_eq!((told, price), (vec![judging, all_days, judging], 16));
    // A second time on all days with the liar in it, and three sums of the judging without.
    assert_eq!(released, 2 * 16 + 3);
    let (lesson, told, price, released) = going_on(false);
    assert_eq!(told, [judging, all_days, judging, all_days]);
    // The kill came while a round was open, which is held again.
    assert_eq!((price, released), (30, 4 * 16 + 1));
    let card = lesson.unwrap().card;
    let judged = |member: &str| card.judgement.members.iter().any(|row| row.member == member);
    assert!(judged("eth-holder") && !judged("uni-holder"), "scores are of those that the model is of");
}

/// Adds without noise what members would release with it.
struct Quiet(Vec<(Part, f64, f64)>);

impl Rounds for Quiet {
    fn noisy(&self) -> bool {
        true
    }

    fn sum(&mut self, part: Part, _: &[Contribution], _: Option<&Contribution>) -> Result<Vec<f64>, RoundsError> {
        panic!("{part} as it is")
    }

    fn sum_bounded(
        &mut self,
        _: Part,
        shards: &[BoundedShard],
        _: Option<&BoundedShard>,
    ) -> Result<Vec<f64>, RoundsError> {
        let mut sum = vec![0.0; shards[0].width()];
        for row in shards.iter().flat_map(BoundedShard::rows) {
            sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        }
        Ok(sum)
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let exact = train::PlainRounds.newton(part, shards, holdout, ridge)?;
        let (parameters, loss) = (exact.len(), shards[0].loss());
        let mut theta = match loss {
            Loss::Logistic => vec![0.0; parameters],
            Loss::Pinball(target) => target.start(parameters - 1)?,
        };
        let task = Descent { parameters, ridge, loss };
        let apart = |theta: &[f64]| theta.iter().zip(&exact).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        let mut after_six = 0.0;
        for round in 0..400 {
            let mut values = vec![0.0; parameters];
            for shard in shards {
                let gradient = shard.sums(&theta)?.gradient;
                values.iter_mut().zip(gradient).for_each(|(sum, number)| *sum += number);
            }
            let records = shards.iter().map(NewtonShard::records).sum();
            let aggregate = quaestor_federation::Aggregate { values, records, members: shards.len() };
            theta = task.advance(&theta, &aggregate).map_err(|refusal| refusal.to_string())?;
            if round == 5 {
                after_six = apart(&theta);
            }
        }
        self.0.push((part, after_six, apart(&theta)));
        Ok(theta)
    }
}

#[test]
fn gradients_alone_lead_to_the_fit_on_pooled_records() {
    let (shards, holdout) = members();
    let mut quiet = Quiet(Vec::new());
    train::train(shards, Some(holdout), &settings(), &mut quiet).unwrap();
    assert_eq!(quiet.0.iter().map(|(part, ..)| *part).collect::<Vec<_>>(), [Part::Drawdown, Part::Quantile]);
    for (part, after_six, at_last) in quiet.0 {
        assert!(after_six < 0.6 && at_last < 1e-3, "{part}: {after_six} after six rounds, {at_last} at last");
    }
}

/// Inside of FedAvg's rounds, of the judging and of the last training, with a member that weighs less than others.
#[test]
fn a_training_by_averages_that_was_killed_gives_the_same_bytes() {
    let run = |folder: &Path, at: usize| {
        let (averages, lowest) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(1.0)));
        let (seen, least) = (Rc::clone(&averages), Rc::clone(&lowest));
        let mut federated = rounds(None, move |told| {
            if let Told::Round(Part::Drawdown, report) = told {
                seen.set(seen.get() + 1);
                let judged = report.contributions.iter().map(|one| one.score);
                least.set(judged.fold(least.get(), f64::min));
                assert!(seen.get() < at, "killed");
            }
        });
        federated.poison("eth-holder");
        federated.poison_factor = 5.0;
        federated.checkpoint(folder);
        let lesson = catch_unwind(AssertUnwindSafe(|| lesson_by(DrawdownFit::FedAvg, &mut federated).unwrap())).ok();
        let bytes = lesson.map(|lesson| lesson.model.file().to_bytes().unwrap());
        (bytes, lowest.get(), averages.get())
    };
    let [whole, folder] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (expected, lowest, held) = run(whole.path(), usize::MAX);
    assert!(expected.is_some() && lowest > 0.0 && lowest < 0.9, "{lowest}");
    let (mut kills, mut found) = (0, None);
    // Each goes on where the one before was killed, and comes at least as far.
    while found.is_none() && kills < held {
        found = run(folder.path(), 12).0;
        kills += usize::from(found.is_none());
    }
    assert!((3..=held / 11 + 1).contains(&kills), "{kills} kills in {held} rounds of averages");
    assert!(found == expected);
}

#[test]
fn a_rule_with_too_few_members_says_what_to_do_before_anything_is_released() {
    let (shards, holdout) = members();
    for aggregation in [Aggregation::Krum { liars_bps: 2_000 }, Aggregation::MultiKrum { liars_bps: 2_000 }] {
        for noise_multiplier in [None, Some(5.0)] {
            let mut federated = rounds(noise_multiplier, |told| assert!(!matches!(told, Told::Round(..))));
            federated.settings.aggregation = aggregation;
            federated.charge(Budget::new(20.0, 1e-5, 1, 2027).unwrap(), 2027);
            federated.keep(|_| panic!("nothing is charged"));
            let refused = train::train(&shards[..2], Some(holdout), &settings(), &mut federated).unwrap_err();
            let TrainError::Rounds { part: Part::Volatility, source } = &refused else { panic!("{refused}") };
            let typed = source.downcast_ref::<OpenError>().unwrap();
            assert!(matches!(
                typed,
                OpenError::Aggregation(AggregationError::TooFewMembers { found: 2, least: 3, .. })
            ));
            let said = "2 members, and this rule needs 3, of whom 0 may lie; choose another one, such as the coordinate \
                        median or the weighted mean, or train with more members";
            assert!(refused.to_string().ends_with(said), "{refused}");
        }
    }
    // Of four, one that is found out leaves enough; and a second one does not.
    let mut federated = rounds(None, |_| ());
    federated.settings.aggregation = Aggregation::MultiKrum { liars_bps: 2_000 };
    federated.excluded.insert("aave-holder".to_owned());
    train::train(shards, Some(holdout), &settings(), &mut federated).unwrap();
    federated.excluded.insert("btc-holder".to_owned());
    let refused = train::train(shards, Some(holdout), &settings(), &mut federated).unwrap_err();
    assert!(refused.to_string().contains("this rule needs 3"), "{refused}");
}

#[test]
fn where_everybody_was_found_out_it_is_said_with_what_to_do() {
    let mut federated = rounds(None, |_| ());
    federated.excluded.extend(members().0.iter().map(|shard| shard.member().to_owned()));
    let refused = lesson(&mut federated).unwrap_err();
    assert!(matches!(refused, LearningError::AllOut { members: 4 }), "{refused}");
    assert!(refused.to_string().contains("choose another rule"), "{refused}");
}

struct Checkpointed;

impl Checkpointed {
    fn is_there(folder: &Path) -> bool {
        super::super::checkpoint::Checkpoint::path(folder).exists()
    }
}

#[test]
fn with_noise_nothing_is_released_twice_and_no_release_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let before: usize = [3, 5, 9].map(|at| killed(Some(1.0), folder.path(), at)).iter().sum();
    let (told, priced) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (count, price_of) = (Rc::clone(&told), Rc::clone(&priced));
    let mut federated = rounds(Some(1.0), move |told| match told {
        Told::Round(..) => count.set(count.get() + 1),
        Told::Price(price) => price_of.set(price.sums as usize),
        _ => {}
    });
    federated.checkpoint(folder.path());
    lesson(&mut federated).unwrap();
    assert_eq!(priced.get(), told.get(), "what is done is not in the price of going on");
    let spent = federated.privacy().unwrap();
    assert_eq!(spent.rounds as usize, before + told.get());
    // Each kill came while a round was open, which is held again: three more than the thirty-two without kills.
    assert_eq!(spent.rounds, 32 + 3);
}

#[test]
fn a_damaged_checkpoint_is_told_and_training_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    killed(None, folder.path(), 9);
    let path = super::super::checkpoint::Checkpoint::path(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let said: Rc<RefCell<Vec<String>>> = Rc::default();
    let heard = Rc::clone(&said);
    let mut federated = rounds(None, move |told| match told {
        Told::Unusable(why) => heard.borrow_mut().push(why.clone()),
        Told::Resumed(_) => panic!("it is damaged"),
        _ => {}
    });
    federated.checkpoint(folder.path());
    lesson(&mut federated).unwrap();
    assert!(said.borrow().len() == 1 && said.borrow()[0].contains("is not what was written"), "{said:?}");
}
mod honest;
mod weights;
