//! A small model, trained on real prices and two synthetic members, and its files.
#![allow(unreachable_pub, dead_code, reason = "a fixture of several tests, of which each needs a part")]

use quaestor_risk::{
    card::Card,
    data::{Closes, Market, Shard, Target, demo_profiles, synthesise},
    judge::{Basis, Calibration, Judgement, Metric, Row, Task, Way},
    train::{PlainRounds, Settings, Trained, train},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The day since 1970-01-01 of `2020-03-12`.
pub fn day(text: &str) -> u32 {
    text.parse::<chrono::NaiveDate>().unwrap().to_epoch_days().try_into().unwrap()
}

/// A model of a holder of ETH and one of BTC, that knows days up to `last`.
pub fn trained(last: &str) -> Trained {
    let closes = |symbol: &str| {
        let path = format!("{}/../../simulations/data/daily/{symbol}.csv", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let rows = rows.filter(|row| ("2019-04-01"..=last).contains(&row[0]));
        let rows: Vec<_> = rows.map(|row| (day(row[0]), row[4].parse().unwrap())).collect();
        Closes::new(symbol, symbol == "USDC", &rows).unwrap()
    };
    let market = Market::new(["BTC", "ETH", "USDC"].map(closes).to_vec()).unwrap();
    let member = |(stream, profile)| {
        let mut generator = ChaCha20Rng::seed_from_u64(2020);
        generator.set_stream(stream);
        let records = synthesise(&market, &profile, &mut generator).unwrap();
        Shard::new(&records, &market, Target::default()).unwrap()
    };
    let shards: Vec<Shard> = (1..).zip(demo_profiles().into_iter().take(2)).map(member).collect();
    train(&shards, None, &Settings { trees: 4, ..Settings::default() }, &mut PlainRounds).unwrap()
}

/// A card of the model with this area under the ROC curve on later days, and no other score.
pub fn card(trained: &Trained, auc: Option<f64>) -> Card {
    let row = |auc| Row {
        task: Task::Drawdown,
        family: Task::Drawdown.used(),
        way: Way::Together,
        records: 100,
        fallbacks: 0,
        scores: vec![(Metric::Auc, auc)],
    };
    let judgement = Judgement {
        basis: Basis::Members,
        absent: vec![],
        folds: vec![],
        rows: auc.into_iter().map(row).collect(),
        members: vec![],
        coverage: vec![],
        calibration: Calibration { bins: vec![], intercept: None, slope: None },
        verdicts: vec![],
    };
    Card::new(trained, judgement, None).unwrap()
}

/// Writes the model into `folder` as training does, without its card; its path.
pub fn write_model(folder: &Path, trained: &Trained) -> PathBuf {
    let file = trained.file();
    let path = folder.join(format!("model-{}.json", file.hash().unwrap()));
    fs::create_dir_all(folder).unwrap();
    fs::write(&path, file.to_bytes().unwrap()).unwrap();
    path
}

/// Writes a card as training does; its path.
pub fn write_card(folder: &Path, card: &Card) -> PathBuf {
    let path = folder.join(format!("card-{}.json", card.hash));
    fs::write(&path, card.to_json().unwrap()).unwrap();
    path
}
