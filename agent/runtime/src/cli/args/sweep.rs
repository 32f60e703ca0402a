//! What `sweep` and `merge` take.

use super::{PartArgs, ResultArgs, SetupArgs};
use quaestor_simulations::sweep::{Axis, Metric, ROWS_MAX, WalkForward};
use std::path::PathBuf;

/// `sweep`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct SweepArgs {
    /// What is run, and what everything else is that is not varied.
    #[command(flatten)]
    pub setup: SetupArgs,
    /// Vary a key of the policy or an assumption: a range or a list of values; repeat for each
    #[arg(long, value_name = "KEY=LOW..HIGH:STEP|A,B,…", value_parser = axis)]
    pub vary: Vec<Axis>,
    /// Run so many configurations, each value drawn on its own, instead of every value with every other
    #[arg(long, value_name = "NUMBER", value_parser = rows(), conflicts_with_all = ["latin_hypercube", "random_weights"])]
    pub random: Option<u64>,
    /// Run so many configurations that fill the space of values evenly
    #[arg(long, value_name = "NUMBER", value_parser = rows(), conflicts_with = "random_weights")]
    pub latin_hypercube: Option<u64>,
    /// Run so many random weights of the assets of --weights, or of a policy's strategy of kind `weights`; what else is varied
    /// takes its values in turn
    #[arg(long, value_name = "NUMBER", value_parser = rows())]
    pub random_weights: Option<u64>,
    /// By what the best is picked: sharpe, cagr, calmar, final_value or max_drawdown
    #[arg(long, value_name = "FIGURE", default_value = "sharpe", value_parser = metric)]
    pub by: Metric,
    /// Also pick what is best on so many bars and hold it in the next ones, again and again
    #[arg(long, value_name = "TRAIN,TEST", value_parser = lengths)]
    pub walk_forward: Option<WalkForward>,
    /// Where its rows are kept.
    #[command(flatten)]
    pub parts: PartArgs,
    /// What its report shows.
    #[command(flatten)]
    pub heat: HeatArg,
    /// Where results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

/// What the report of a sweep shows.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct HeatArg {
    /// Two keys that the heat map of a sweep's report shows, across and down [default: the first two]
    #[arg(long, value_name = "KEY,KEY", requires = "out")]
    pub heat: Option<String>,
}

/// `merge`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct MergeArgs {
    /// Parts of one sweep or of one Monte-Carlo simulation, in any order
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,
    /// What the report of a sweep shows.
    #[command(flatten)]
    pub heat: HeatArg,
    /// Where results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

fn axis(text: &str) -> Result<Axis, String> {
    Axis::parse(text).map_err(|error| error.to_string())
}

fn rows() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=ROWS_MAX)
}

fn metric(text: &str) -> Result<Metric, String> {
    let known = || Metric::ALL.map(|(name, _)| name).join(", ");
    Metric::named(text).ok_or_else(|| format!("write one of: {}", known()))
}

fn lengths(text: &str) -> Result<WalkForward, String> {
    let read = || {
        let (train, test) = text.split_once(',')?;
        Some(WalkForward { train: train.trim().parse().ok()?, test: test.trim().parse().ok()? })
    };
    read().ok_or_else(|| "write two numbers of bars, such as 250,30".to_owned())
}
