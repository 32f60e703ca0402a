//! Made-up members on the shipped prices, for tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::{Sources, day_number};
use quaestor_risk::data::{Shard, Target};
use std::{path::Path, sync::OnceLock};

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");

/// The four members of a seed on days before `until` (`YYYY-MM-DD`), and public records.
pub(super) fn of_seed(seed: u64, until: &str) -> (Vec<Shard>, Shard) {
    let until = day_number(until).unwrap();
    let mut sources = Sources::prices(Path::new(PRICES), &["USDC".to_owned()], until, 2_000_000_000).unwrap();
    sources.add_synthetic(seed).unwrap();
    (sources.shards(Target::default()).unwrap(), sources.holdout(Target::default()).unwrap())
}

/// Those of the first seed on all days.
pub(super) fn members() -> &'static (Vec<Shard>, Shard) {
    static BUILT: OnceLock<(Vec<Shard>, Shard)> = OnceLock::new();
    BUILT.get_or_init(|| of_seed(1, "2100-01-01"))
}
