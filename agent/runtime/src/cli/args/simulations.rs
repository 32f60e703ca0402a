//! What the commands about simulations take.

use super::{JsonArg, ReadArgs};
use std::path::PathBuf;

/// What every simulation is run with.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct SetupArgs {
    /// The policy to run
    #[arg(long, value_name = "FILE", required_unless_present = "weights", conflicts_with = "weights")]
    pub policy: Option<PathBuf>,
    /// In place of a policy: shares of the treasury in basis points to return to, such as ETH=5000,BTC=3000; the rest is cash
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// What it meets.
    #[command(flatten)]
    pub world: WorldArgs,
}

/// What a policy meets in a simulation: prices, and what is assumed beside them.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct WorldArgs {
    /// Decide every so many bars, the first one included, instead of at the policy's schedule
    #[arg(long, value_name = "BARS", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: Option<u64>,
    /// Prices of one step, and what there is beside them: a file or a folder of CSV, .csv.gz or Parquet; `data --help`
    // Required, but of a command that only says what there is.
    #[arg(long, value_name = "FILE|DIR", required = true)]
    pub data: Option<PathBuf>,
    /// How data is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// The first day or time at which it decides; earlier bars are the past that its feeds show
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// The last day or time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Holdings, flows, costs, delays, depths of pools, yields and constant prices: a TOML file
    #[arg(long, value_name = "FILE")]
    pub assume: Option<PathBuf>,
    /// What the treasury is worth at first, in dollars, spread by the policy's targets
    #[arg(long, value_name = "USD")]
    pub value: Option<u64>,
    /// Slippage of a swap, beside the fee of its pool
    #[arg(long, value_name = "BPS")]
    pub slippage_bps: Option<u64>,
    /// Fee of a swap, in place of that of its pool
    #[arg(long, value_name = "BPS")]
    pub fee_bps: Option<u64>,
    /// How long signers take from a proposal to its execution
    #[arg(long, value_name = "HOURS")]
    pub signers_hours: Option<u64>,
    /// What of a purchase is the target: what is spent (after-costs, as on chain), or what is bought (before-costs)
    #[arg(long, value_name = "WHICH", value_parser = ["after-costs", "before-costs"])]
    pub targets: Option<String>,
    /// Execute in the next bar, or in the same one at the very price that was decided on, as nobody can
    #[arg(long, value_name = "WHEN", value_parser = ["next-bar", "same-bar"])]
    pub fill: Option<String>,
    /// A trained model, for a policy that names one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Train a model every so many days on what was known then, from before the first decision on; until one is good enough
    /// the plain estimate of volatility forecasts
    #[arg(long, value_name = "DAYS", conflicts_with = "model", value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub train_every: Option<u32>,
    /// Seed of whatever is drawn, such as delays, named in the result
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// `backtest`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct BacktestArgs {
    /// What is run.
    #[command(flatten)]
    pub setup: SetupArgs,
    /// Write a report for people, a self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write value, shares and runway as a picture, an SVG file
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Write values, returns and weights bar by bar as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The same as Parquet
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `stress`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct StressArgs {
    /// What is run; nothing of it where shipped scenarios are only named or printed.
    #[command(flatten)]
    pub setup: SetupArgs,
    /// What to run: a file, or the name of a shipped scenario; several times for several. Without it all shipped ones
    #[arg(long, value_name = "FILE|NAME")]
    pub scenario: Vec<String>,
    /// Name the shipped scenarios
    #[arg(long, exclusive = true)]
    pub list: bool,
    /// Print a shipped scenario, to start one's own from
    #[arg(long, value_name = "NAME", exclusive = true)]
    pub show: Option<String>,
    /// Write a report for people, a self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the values of each scenario bar by bar as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `compare`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CompareArgs {
    /// A result, as `--json` printed it
    #[arg(value_name = "A.json")]
    pub a: PathBuf,
    /// Another one
    #[arg(value_name = "B.json")]
    pub b: PathBuf,
    /// Results for programs: every number of both, by its path.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `fidelity`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct FidelityArgs {
    /// The policy to run, of whatever chain; without it, simulations/examples/fidelity-policy.toml
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Holdings, flows and delays: a TOML file as of `backtest`; without it, simulations/examples/fidelity.toml for its own
    /// policy, and for any other that file's delays
    #[arg(long, value_name = "FILE")]
    pub assume: Option<PathBuf>,
    /// Daily prices: a file or a folder of CSV, .csv.gz or Parquet; without it, the shipped ones of USDC, ETH and BTC
    #[arg(long, value_name = "FILE|DIR")]
    pub data: Option<PathBuf>,
    /// How data is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// The first day at whose close the agent decides
    #[arg(long, value_name = "DAY", default_value = "2021-04-15")]
    pub from: String,
    /// How many days
    #[arg(long, value_name = "DAYS", default_value_t = 75, value_parser = clap::value_parser!(u16).range(60..=300))]
    pub days: u16,
    /// Write the whole result, each bar and each proposal of both, as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keep the agent's files, and say where they are; so they are where the two differ
    #[arg(long)]
    pub keep: bool,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
