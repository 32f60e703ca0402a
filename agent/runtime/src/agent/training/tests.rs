//! What the agent trains, and how its thread ends.

use super::*;
use crate::learning::{Fit, Grounds, Rule};
use quaestor_core::policy::FederationTerms;
use quaestor_policies::AGGREGATIONS;
use quaestor_risk::data::date;
use std::{path::Path, time::Duration};

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

fn training(folder: &Path) -> Training {
    Training {
        prices: folder.join("prices"),
        records: vec![],
        synthetic: None,
        stable: vec!["USDC".into()],
        until: 1,
        now: 1,
        test_days: 14,
        aggregation: Rule::WeightedMean,
        drawdown_fit: Fit::Newton,
        trees: 1,
        noise_multiplier: None,
        delta: 1e-5,
        exact_scores: false,
        year: 1970,
        epsilon_year_max: None,
        folder: folder.to_owned(),
        poison: None,
    }
}

fn ended(training: Training) -> Ended {
    let running = begin(7, training);
    assert_eq!(running.slot, 7);
    running.ended.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn the_thread_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    match ended(training(folder.path())) {
        Ended::Failed { reason } => assert!(reason.contains("prices"), "{reason}"),
        other => panic!("{other:?}"),
    }
    match ended(Training { epsilon_year_max: Some(8.0), ..training(folder.path()) }) {
        Ended::Failed { reason } => assert!(reason.contains("`training.noise_multiplier`"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let _other = Grounds::enter(folder.path()).unwrap();
    // Whoever has nothing to learn from does not ask for the folder.
    let prices = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily").into();
    let made_up = Training { prices, synthetic: Some(1), until: u32::MAX, now: u64::MAX, ..training(folder.path()) };
    assert!(matches!(ended(made_up), Ended::Busy { .. }));
}

#[test]
fn the_agent_trains_on_days_before_its_moment_and_is_charged_what_the_policy_says() {
    let with_table =
        config("[training]\nprices = \"p\"\nrecords = [\"own.csv\"]\nnoise_multiplier = 2.5\ndelta = 1e-6\n");
    let by_averages = config("[training]\nprices = \"p\"\nrecords = [\"own.csv\"]\ndrawdown_fit = \"fedavg\"\n");
    // The moment lies in the last year, and is made up for in this one.
    let when = When { slot: NOON - 86_400, chain: NOON, machine: NOON + 5 };
    let found = training_of(&with_table, &year(2_125), when).unwrap();
    assert_eq!(date(found.until), "2020-12-31");
    assert_eq!((found.noise_multiplier, found.delta, found.now), (Some(2.5), 1e-6, NOON + 5));
    assert!(!found.exact_scores);
    assert_eq!((found.epsilon_year_max, found.year), (Some(2.125), 2021));
    assert_eq!((found.folder, found.records), ("dao/m".into(), vec!["dao/own.csv".into()]));
    assert_eq!((found.synthetic, found.poison), (None, None));
    assert_eq!(training_of(&with_table, &RiskTerms::default(), when).unwrap().epsilon_year_max, None);
    assert_eq!(found.drawdown_fit, Fit::Newton);
    assert_eq!(training_of(&by_averages, &year(2_125), when).unwrap().drawdown_fit, Fit::FedAvg);
    assert_eq!(training_of(&config(""), &year(2_125), when), None);
}

#[test]
fn the_policy_says_how_members_are_added_up() {
    let config = config("[training]\nprices = \"p\"\nrecords = [\"own.csv\"]\naggregation = \"krum\"\n");
    let when = When { slot: NOON - 86_400, chain: NOON, machine: NOON + 5 };
    let of = |aggregation: Option<&str>| {
        let federation = FederationTerms { aggregation: aggregation.map(str::to_owned), ..FederationTerms::default() };
        training_of(&config, &RiskTerms { federation, ..RiskTerms::default() }, when).unwrap().aggregation
    };
    assert_eq!(of(None), Rule::Krum);
    // Whatever a policy may name there is a rule for.
    for (name, rule) in AGGREGATIONS.iter().zip(Rule::value_variants()) {
        assert_eq!(of(Some(name)), *rule, "{name}");
    }
    assert_eq!(AGGREGATIONS.len(), Rule::value_variants().len());
}
