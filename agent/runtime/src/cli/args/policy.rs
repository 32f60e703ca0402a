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
