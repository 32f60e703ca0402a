//! What keeps a training from its model.

use super::*;
use quaestor_risk::data::date;
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
        exact_scores: false,
        year: 2021,
        epsilon_year_max: None,
        folder: folder.to_owned(),
        poison: None,
    }
}

#[test]
fn a_budget_without_noise_is_refused_before_anything_is_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let epsilon_year_max = Some(8.0);
    let refused = Training { epsilon_year_max, prices: "none".into(), ..training(&models) }.run(|_| ()).unwrap_err();
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
    let error = charged(&Training { epsilon_year_max: Some(8.0), ..training(folder.path()) }).unwrap_err();
    assert!(error.to_string().contains("is no privacy ledger"), "{error}");
}

/// The rounds of this training with noise, with the ledger that they charge.
fn charged(found: &Training) -> Result<Federated, LearningError> {
    let found = Training { noise_multiplier: Some(40.0), ..found.clone() };
    let mut rounds = Federated::new(found.rounds().unwrap(), Box::new(|_| ()));
    found.charge(&mut rounds).map(|()| rounds)
}

#[test]
fn a_ledger_is_kept_with_a_budget_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let without = training(folder.path());
    let limit = |rounds: Federated| rounds.budget().unwrap().epsilon();
    assert_eq!(limit(charged(&without).unwrap()), None);
    // One of a version that knew no other, with half of a μ² spent.
    let before = r#"{"epsilon":"4020000000000000","delta":"3ee4f8b588e368f1","group":1,"period":2021,"spent_mu_squared":"3fe0000000000000"}"#;
    fs::write(folder.path().join("privacy-ledger.json"), before).unwrap();
    let spent = |rounds: &Federated| rounds.budget().unwrap().spent_epsilon().unwrap();
    let found = charged(&without).unwrap();
    assert!(spent(&found) > 2.0, "{}", spent(&found));
    assert_eq!(limit(found), None);
    assert_eq!(limit(charged(&Training { epsilon_year_max: Some(4.5), ..without.clone() }).unwrap()), Some(4.5));
    // What a training without noise releases has no ε.
    let mut rounds = Federated::new(without.rounds().unwrap(), Box::new(|_| ()));
    without.charge(&mut rounds).unwrap();
    assert!(rounds.budget().is_none());
}

#[test]
fn a_ledger_that_was_removed_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let card = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    card("card-0x01.json", r#"{"hash":"0x01","privacy":null}"#);
    card("card-0x02.md", "no card for programs");
    charged(&training(folder.path())).unwrap();
    card("card-0x03.json", r#"{"hash":"0x03","privacy":{"epsilon_record":3.5,"epsilon_day":9.0,"delta":1e-5}}"#);
    let refused = charged(&training(folder.path())).unwrap_err();
    assert!(matches!(refused, LearningError::NoLedger { .. }), "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("card-0x03.json says that noise was spent") && said.contains("restore it from a copy"),
        "{said}"
    );
    fs::remove_file(folder.path().join("card-0x03.json")).unwrap();
    card("card-0x04.json", "{");
    assert!(matches!(charged(&training(folder.path())), Err(LearningError::File { .. })), "what it says is not known");
}

#[test]
fn years_are_those_of_the_calendar() {
    for (unix_secs, year) in [(0, 1970), (NOON, 2021), (1_609_459_199, 2020), (1_609_459_200, 2021)] {
        assert_eq!(year_of(unix_secs), year);
    }
    assert_eq!((year_of(u64::MAX), day_of(u64::MAX)), (u32::MAX, u32::MAX));
    assert_eq!(day_of(NOON), 18_628);
}

#[test]
fn with_noise_real_records_are_not_scored_unless_it_is_asked_for() {
    let (made_up, _) = crate::learning::fixture::members();
    let mut sources = Sources::prices(Path::new(PRICES), &["USDC".to_owned()], u32::MAX, u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    let from = day_of(NOON) - 365;
    let rows: String = (from..from + 400).map(|day| format!("{},10,20000,900,0\n", date(day))).collect();
    fs::write(&file, format!("date,ETH,USDC,burn_usd,revenue_usd\n{rows}")).unwrap();
    sources.add_records(&file, u32::MAX).unwrap();
    let real = sources.shards(Target::default()).unwrap();
    let mixed = [&made_up[..], &real[..]].concat();
    let plain = training(folder.path());
    let noisy = Training { noise_multiplier: Some(40.0), ..plain.clone() };
    let exact = Training { exact_scores: true, ..noisy.clone() };
    assert_eq!([&real, &mixed].map(|shards| noisy.basis(shards)), [Basis::Public; 2]);
    assert_eq!(
        [(&noisy, made_up), (&plain, &mixed), (&exact, &mixed)].map(|(it, shards)| it.basis(shards)),
        [Basis::Members; 3]
    );
}
