//! What keeps a training from its model.

use super::*;
use std::{fs, path::Path};

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");
/// Noon of 1 January 2021.
const NOON: u64 = 1_609_502_400;

/// Of no member, in this folder.
fn training(folder: &Path) -> Training {
    Training {
        prices: PRICES.into(),
        records: vec![],
        synthetic: None,
        stable: vec!["USDC".into()],
        until: day_of(NOON),
        now: u64::MAX,
        test_days: 90,
        aggregation: Rule::WeightedMean,
        drawdown_fit: Fit::Newton,
        trees: 1,
        noise_multiplier: None,
        delta: 1e-5,
        budget: None,
        folder: folder.to_owned(),
        poison: None,
    }
}

#[test]
fn a_budget_without_noise_is_refused_before_anything_is_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let budget = Some(YearBudget { epsilon: 8.0, year: 2021 });
    let refused = Training { budget, prices: "none".into(), ..training(&models) }.run(|_| ()).unwrap_err();
    assert!(matches!(refused, LearningError::NoNoise { .. }), "{refused}");
    assert!(refused.to_string().contains("epsilon 8 a year"), "{refused}");
    assert!(refused.to_string().contains("set `training.noise_multiplier` in agent.toml, such as 5"), "{refused}");
    assert!(!models.exists());
}

#[test]
fn averages_with_noise_are_refused_before_anything_is_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let noisy = Training { drawdown_fit: Fit::FedAvg, noise_multiplier: Some(40.0), ..training(&models) };
    let refused = Training { prices: "none".into(), ..noisy }.run(|_| ()).unwrap_err();
    assert!(matches!(refused, LearningError::NoisyAverages), "{refused}");
    assert!(refused.to_string().contains("fit by `newton`, or train without noise"), "{refused}");
    assert!(!models.exists());
}

#[test]
fn two_trainings_never_share_a_folder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let first = Grounds::enter(&models).unwrap();
    let made_up = Training { synthetic: Some(1), ..training(&models) };
    let busy = made_up.run(|_| ()).unwrap_err();
    assert!(matches!(busy, LearningError::Busy { .. }), "{busy}");
    assert!(busy.to_string().contains("another training runs in") && busy.to_string().contains("wait"), "{busy}");
    drop(first);
    // The file that is left behind means nothing.
    assert_eq!(fs::read_dir(&models).unwrap().count(), 1);
    Grounds::enter(&models).unwrap();
}

#[test]
fn who_has_nothing_to_learn_from_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let nobody = training(&models).run(|_| ()).unwrap_err();
    assert!(nobody.to_string().contains("nobody to learn from"), "{nobody}");
    assert!(!models.exists());
}

#[test]
fn a_training_never_fills_the_folder_beyond_what_the_agent_looks_through() {
    let folder = tempfile::tempdir().unwrap();
    (0..4_088).for_each(|number| fs::write(folder.path().join(number.to_string()), "").unwrap());
    let full = Grounds::enter(folder.path()).unwrap_err();
    assert!(full.to_string().contains("has 4089 entries, and no room for another model; remove"), "{full}");
    fs::remove_file(folder.path().join("0")).unwrap();
    Grounds::enter(folder.path()).unwrap();
}

#[test]
fn a_ledger_that_cannot_be_read_stops_training() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("privacy-ledger.json"), "{").unwrap();
    let budget = Some(YearBudget { epsilon: 8.0, year: 2021 });
    let found = Training { budget, noise_multiplier: Some(40.0), ..training(folder.path()) };
    let mut rounds = Federated::new(found.rounds().unwrap(), Box::new(|_| ()));
    let error = found.charge(&mut rounds).unwrap_err();
    assert!(error.to_string().contains("is no privacy ledger"), "{error}");
}

#[test]
fn years_are_those_of_the_calendar() {
    for (unix_secs, year) in [(0, 1970), (NOON, 2021), (1_609_459_199, 2020), (1_609_459_200, 2021)] {
        assert_eq!(year_of(unix_secs), year);
    }
    assert_eq!((year_of(u64::MAX), day_of(u64::MAX)), (u32::MAX, u32::MAX));
    assert_eq!(day_of(NOON), 18_628);
}
