//! Real prices and synthetic members, for tests.

mod scene;

pub(crate) use scene::{model_file, parameters, scene, with_forest_that_says, with_vault};

use crate::data::{Closes, Market, Shard, Target, demo_profiles, synthesise};
use chrono::NaiveDate;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::OnceLock;

/// The day since 1970-01-01 of `2020-03-12`.
pub(crate) fn day(text: &str) -> u32 {
    text.parse::<NaiveDate>().unwrap().to_epoch_days().try_into().unwrap()
}

fn closes(symbol: &str) -> Closes {
    let path = format!("{}/../../simulations/data/daily/{symbol}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split(',').collect();
        (day(columns[0]), columns[4].parse().unwrap())
    };
    Closes::new(symbol, symbol == "USDC", &text.lines().skip(1).map(row).collect::<Vec<_>>()).unwrap()
}

/// Closes of the assets that the demo's members hold.
pub(crate) fn market() -> Market {
    Market::new(["AAVE", "BTC", "ETH", "UNI", "USDC"].map(closes).to_vec()).unwrap()
}

/// The demo's four members; built once, for it takes seconds without optimisation.
pub(crate) fn shards() -> Vec<Shard> {
    static BUILT: OnceLock<Vec<Shard>> = OnceLock::new();
    BUILT.get_or_init(|| members(&market())).clone()
}

/// The same as if there were no prices from `end` on.
pub(crate) fn shards_until(end: u32) -> Vec<Shard> {
    let cut = |closes: &Closes| {
        let days = closes.days().start..closes.days().end.min(end);
        let rows: Vec<_> = days.map(|day| (day, closes.close(day).unwrap())).collect();
        Closes::new(closes.symbol(), closes.is_stable(), &rows).unwrap()
    };
    members(&Market::new(market().assets().iter().map(cut).collect()).unwrap())
}

fn members(market: &Market) -> Vec<Shard> {
    let member = |(stream, profile)| {
        let mut generator = ChaCha20Rng::seed_from_u64(2021);
        generator.set_stream(stream);
        Shard::new(&synthesise(market, &profile, &mut generator).unwrap(), market, Target::default()).unwrap()
    };
    (1..).zip(demo_profiles()).map(member).collect()
}
