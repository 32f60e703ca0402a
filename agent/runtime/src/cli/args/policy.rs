//! What the commands take that hold a policy against the chain.

use super::{ConfigArg, JsonArg};
use std::path::PathBuf;

/// `policy fetch`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PolicyFetchArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Where the file is written, unless it is there already; a file that exists is never replaced [default: where the
    /// agent looks]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The file of this epoch, whatever became of it, instead of the one in force
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub epoch: Option<u64>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy verify`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PolicyVerifyArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy audit`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PolicyAuditArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// First block that is looked at [default: the contracts' own, `deployed_block`]
    #[arg(long, value_name = "BLOCK")]
    pub from: Option<u64>,
    /// A folder or file of earlier policies, beside those of the configuration; repeat for each. What is in none is fetched
    /// from where the registry says that it is
    #[arg(long, value_name = "DIR|FILE")]
    pub policies: Vec<PathBuf>,
    /// Write what was done as ERC-4824 activities, for a DAO's `activityLogURI`
    #[arg(long, value_name = "FILE")]
    pub activities: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
