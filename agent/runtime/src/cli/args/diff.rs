//! `policy diff`.

use super::JsonArg;
use std::path::PathBuf;

pub(super) const HELP: &str = "A witness is a decision that one policy allows and the other refuses. That none was found is no \
     proof that there is none, and is said so.\n\nExit codes: 0 whatever the verdict is; 2 the command line is wrong; 3 a file is wrong or \
     missing.\n\nExamples:\n  quaestor policy diff policy.toml next-policy.toml\n  quaestor policy diff policy.toml next-policy.toml \
     --md > forum.md\n  quaestor policy diff policy.toml next-policy.toml --json | jq -r .verdict\n  quaestor policy diff policy.toml \
     next-policy.toml --out witnesses && quaestor verify witnesses/1-widens-refused.json";

/// `policy diff`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DiffArgs {
    /// The policy in force
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The policy that would follow
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Print Markdown, for a forum
    #[arg(long, conflicts_with = "json")]
    pub md: bool,
    /// How many decisions are tried for each change, at most
    #[arg(long, value_name = "COUNT", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub trials: u32,
    /// How many treasuries are made at random for what has no witness yet
    #[arg(long, value_name = "COUNT", default_value_t = 400, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub random: u32,
    /// Write each witness here as two receipts for `quaestor verify`: who refuses, and who allows
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
