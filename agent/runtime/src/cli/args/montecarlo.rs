//! What `montecarlo` takes.

use super::{PartArgs, ResultArgs, SetupArgs};

/// How futures are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FuturesArg {
    /// Bars of history in blocks of random length, the same bars for all assets
    Bootstrap,
    /// Correlated geometric Brownian motions
    Gbm,
    /// The same with jumps that all assets have at once
    Jump,
    /// A calm and a stormy regime that follow each other
    Regimes,
}

/// `montecarlo`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct MontecarloArgs {
    /// What is run, and the history that futures are fitted to: from `--from` to `--to`.
    #[command(flatten)]
    pub setup: SetupArgs,
    /// How futures are made up
    #[arg(long, value_name = "HOW", default_value = "bootstrap")]
    pub futures: FuturesArg,
    /// Made-up futures
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub paths: u64,
    /// Days of each, after the last of the data
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub days: u64,
    /// Mean length of a block of the bootstrap
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub block: u64,
    /// The fall from the highest value whose probability is asked
    #[arg(long, value_name = "PERCENT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub drawdown: u64,
    /// The runway below which the probability to fall is asked
    #[arg(long, value_name = "MONTHS", default_value_t = 12)]
    pub runway: u64,
    /// Where its paths are kept.
    #[command(flatten)]
    pub parts: PartArgs,
    /// Where results go.
    #[command(flatten)]
    pub results: ResultArgs,
}
