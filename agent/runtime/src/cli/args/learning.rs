//! What the commands about training together take.

pub use crate::learning::Rule;

use super::JsonArg;
use crate::learning::Fit;
use clap::ValueEnum;
use std::path::PathBuf;

/// `privacy`
#[derive(Debug, Clone, PartialEq, clap::Subcommand)]
pub enum PrivacyCommand {
    /// Print the ε of rounds with this noise: exact, and never below the true value
    #[command(
        after_help = "Examples:\n  quaestor privacy epsilon --noise-multiplier 10 --rounds 50 --delta 1e-5\n  quaestor privacy epsilon \
                      --noise-multiplier 40 --rounds 8 --delta 1e-5 --window 30 --json"
    )]
    Epsilon(EpsilonArgs),
    /// Print the least noise for an ε
    #[command(after_help = "Example:\n  quaestor privacy noise --epsilon 1 --rounds 8 --delta 1e-5")]
    Noise(NoiseArgs),
}

/// `privacy epsilon`
#[derive(Debug, Clone, Copy, PartialEq, clap::Args)]
pub struct EpsilonArgs {
    /// Standard deviation of the noise, in clips
    #[arg(long, value_name = "SIGMA")]
    pub noise_multiplier: f64,
    /// Rounds in which noise is released, everybody's records in each
    #[arg(long, value_name = "COUNT")]
    pub rounds: u32,
    /// δ
    #[arg(long)]
    pub delta: f64,
    /// Records that one day's price enters, for the ε of a day
    #[arg(long, value_name = "RECORDS", default_value_t = 1)]
    pub window: u32,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `privacy noise`
#[derive(Debug, Clone, Copy, PartialEq, clap::Args)]
pub struct NoiseArgs {
    /// The ε of a record
    #[arg(long)]
    pub epsilon: f64,
    /// Rounds in which noise is released, everybody's records in each
    #[arg(long, value_name = "COUNT")]
    pub rounds: u32,
    /// δ
    #[arg(long)]
    pub delta: f64,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `federation`
#[derive(Debug, Clone, PartialEq, clap::Subcommand)]
pub enum FederationCommand {
    /// Train a made-up federation in this process, with liars, dropouts and stragglers, and compare
    #[command(
        after_help = "Examples:\n  quaestor federation simulate --members 10 --liars 0.3 --attack sign-flip --aggregation multi-krum\n  \
                      quaestor federation simulate --members 1000 --rounds 20 --dropouts 0.1 --stragglers 0.05\n  quaestor federation \
                      simulate --noise-multiplier 5 --rounds 8 --json\n\nThe last line says how long it took, and on Linux how much memory \
                      the process had at most (`elapsed_secs` and `peak_memory_bytes` with --json)."
    )]
    Simulate(SimulateArgs),
}

/// What liars send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// The honest direction, reversed and four times as long
    SignFlip,
    /// The honest direction, a hundred times too long
    Scale,
    /// Trained on turned labels
    LabelFlip,
    /// Not a number
    Nan,
}

/// `federation simulate`
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct SimulateArgs {
    /// Members
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub members: usize,
    /// Rounds
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub rounds: u32,
    /// Records of each member
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub records: usize,
    /// Features of a record
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub features: usize,
    /// How updates become one
    #[arg(long, value_enum, default_value_t = Rule::WeightedMean)]
    pub aggregation: Rule,
    /// Share of members that lie; robust rules take less than a half
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share_bps)]
    pub liars: u16,
    /// What liars send
    #[arg(long, value_enum, default_value_t = Attack::SignFlip)]
    pub attack: Attack,
    /// Chance of each member to be gone in a round
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share_bps)]
    pub dropouts: u16,
    /// Share of members that answer too late
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share_bps)]
    pub stragglers: u16,
    /// Exclude members that keep making the model worse
    #[arg(long)]
    pub reputation: bool,
    /// Members add noise of so many clips together
    #[arg(long, value_name = "SIGMA")]
    pub noise_multiplier: Option<f64>,
    /// δ at which the ε of the noise is stated
    #[arg(long, default_value_t = 1e-5, requires = "noise_multiplier")]
    pub delta: f64,
    /// Average parameters of local fits instead of summing gradients and Hessians
    #[arg(long, conflicts_with = "noise_multiplier")]
    pub averaging: bool,
    /// Where all randomness comes from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// A share such as `0.3` in basis points.
fn share_bps(text: &str) -> Result<u16, String> {
    let share: f64 = text.parse().map_err(|_| format!("`{text}` is not a share; write such as 0.3"))?;
    match (0.0..=1.0).contains(&share) {
        // In range: at most 10,000.
        true => Ok((share * 10_000.0).round() as u16),
        false => Err(format!("`{text}` is not between 0 and 1; write such as 0.3")),
    }
}

/// `train`
#[derive(Debug, Clone, PartialEq, clap::Args)]
#[command(group(clap::ArgGroup::new("own").multiple(true).conflicts_with("config").args([
    "prices", "records", "synthetic", "stable", "out", "until", "test_days", "aggregation", "drawdown_fit", "trees",
    "noise_multiplier", "delta", "epsilon_year_max", "exact_scores", "poison",
])))]
pub struct TrainArgs {
    /// Train exactly what the agent of this configuration would train now, its policy's yearly budget included
    #[arg(long, value_name = "FILE", required_unless_present = "prices")]
    pub config: Option<PathBuf>,
    /// With --config: under this policy instead of the one in force, to try it before a vote
    #[arg(long, value_name = "FILE", requires = "config")]
    pub policy: Option<PathBuf>,
    /// Folder or file of daily prices, as `quaestor data check` reads them
    #[arg(long, value_name = "DIR")]
    pub prices: Option<PathBuf>,
    /// A member's own records: date, whole tokens of each asset, burn_usd, revenue_usd; repeat for each member
    #[arg(long = "records", value_name = "FILE")]
    pub records: Vec<PathBuf>,
    /// Make up four members on these prices, from this seed; their card says that they are synthetic
    #[arg(long, value_name = "SEED")]
    pub synthetic: Option<u64>,
    /// An asset that is meant to keep a dollar's worth; repeat for each
    #[arg(long = "stable", value_name = "SYMBOL", default_value = "USDC")]
    pub stable: Vec<String>,
    /// Where model and card are written
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub out: PathBuf,
    /// Train on days before this one; without it on all
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<u32>,
    /// Days before the end on which the model is judged
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(14..=3_650))]
    pub test_days: u32,
    /// How members are added up
    #[arg(long, value_enum, default_value_t = Rule::WeightedMean)]
    pub aggregation: Rule,
    /// How the drawdown probability is fitted
    #[arg(long, value_enum, default_value_t = Fit::Newton)]
    pub drawdown_fit: Fit,
    /// Trees of the second opinion
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub trees: u16,
    /// Noise of so many clips on everything that leaves a member; parts that are no sums of bounded records are left out
    #[arg(long, value_name = "SIGMA")]
    pub noise_multiplier: Option<f64>,
    /// δ at which the ε of the noise is stated
    #[arg(long, default_value_t = 1e-5, requires = "noise_multiplier")]
    pub delta: f64,
    /// With noise, judge on members' own records and against all rivals: exact scores, of which no ε speaks
    #[arg(long, requires = "noise_multiplier")]
    pub exact_scores: bool,
    /// ε that a record may cost in a year; a training that it does not cover is refused
    #[arg(long, value_name = "EPSILON", requires = "noise_multiplier")]
    pub epsilon_year_max: Option<f64>,
    /// A made-up member poisons what it sends, to see it found out
    #[arg(long, value_name = "MEMBER", requires = "synthetic")]
    pub poison: Option<String>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

fn day(text: &str) -> Result<u32, String> {
    crate::learning::day_number(text).ok_or_else(|| format!("`{text}` is not a date; write such as 2021-05-01"))
}
