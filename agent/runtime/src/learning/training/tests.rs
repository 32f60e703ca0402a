//! What the agent trains, and what keeps it from it.

use super::*;
use quaestor_risk::data::date;
use std::{fs, path::Path};

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");
/// Noon of 1 January 2021.
const NOON: u64 = 1_609_502_400;

fn config(training: &str) -> Config {
    let text = format!(
        "[chain]\nrpc_url = \"http://127.0.0.1:9\"\nchain_id = 31337\n\
         [contracts]\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
         brake = \"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512\"\n\
         gate = \"0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0\"\n\
         multisend_call_only = \"0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9\"\ndeployed_block = 0\n\
         [operator]\naddress = \"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\"\nkey = \"env:NEVER_ASKED\"\n\
         [files]\nmodels = \"m\"\n{training}"
    );
    Config::parse(&text, Path::new("dao/agent.toml")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn year(epsilon_permille: u64) -> RiskTerms {
    RiskTerms { epsilon_permille_year_max: Some(epsilon_permille), ..RiskTerms::default() }
}

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
fn the_agent_trains_on_days_before_its_moment_and_is_charged_what_the_policy_says() {
    let with_table =
        config("[training]\nprices = \"p\"\nrecords = [\"own.csv\"]\nnoise_multiplier = 2.5\ndelta = 1e-6\n");
    let by_averages = config("[training]\nprices = \"p\"\nrecords = [\"own.csv\"]\ndrawdown_fit = \"fedavg\"\n");
    // The moment lies in the last year, and is made up for in this one.
    let when = When { slot: NOON - 86_400, chain: NOON, machine: NOON + 5 };
    let found = Training::of_agent(&with_table, &year(2_125), when).unwrap();
    assert_eq!(date(found.until), "2020-12-31");
    assert_eq!((found.noise_multiplier, found.delta, found.now), (Some(2.5), 1e-6, NOON + 5));
    assert_eq!(found.budget, Some(YearBudget { epsilon: 2.125, year: 2021 }));
    assert_eq!((found.folder, found.records), ("dao/m".into(), vec!["dao/own.csv".into()]));
    assert_eq!((found.synthetic, found.poison), (None, None));
    assert_eq!(Training::of_agent(&with_table, &RiskTerms::default(), when).unwrap().budget, None);
    assert_eq!(found.drawdown_fit, Fit::Newton);
    assert_eq!(Training::of_agent(&by_averages, &year(2_125), when).unwrap().drawdown_fit, Fit::FedAvg);
    assert_eq!(Training::of_agent(&config(""), &year(2_125), when), None);
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
