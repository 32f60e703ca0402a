//! What the commands about simulations take.

use super::JsonArg;
use std::path::PathBuf;

/// `backtest`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct BacktestArgs {
    /// The policy to run
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Daily prices: a folder with a CSV file for each asset
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The first day on which it decides; earlier days are the past that its feeds show
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// The last day
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// Holdings, flows, costs, delays, yields and constant prices: a TOML file
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
    /// A trained model, for a policy that names one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Seed of whatever is drawn
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Write a report for people, a self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write values, returns and weights bar by bar as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
