//! What the commands about the forecast take.

use super::{ConfigArg, JsonArg};

/// `risk`
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum RiskCommand {
    /// Print the forecast at the newest block deep enough, against the policy's ceilings, and which model makes it
    #[command(
        after_help = "What is unknown breaches any ceiling on it. A model that cannot be used is replaced as the policy's `risk.fallback` \
                      says.\n\nExamples:\n  quaestor risk show\n  quaestor risk show --config agent.toml --json | jq .permitted"
    )]
    Show(RiskArgs),
    /// Print why the forecast is what it is: what drives the drawdown score, second opinions, what is unknown
    #[command(
        after_help = "Examples:\n  quaestor risk explain\n  quaestor risk explain --config agent.toml --json | jq '.drivers[0]'"
    )]
    Explain(RiskArgs),
}

/// `risk show` and `risk explain`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct RiskArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
