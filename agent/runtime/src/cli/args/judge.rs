//! `policy judge`.

use super::JsonArg;
use std::path::PathBuf;

pub(super) const HELP: &str = "The files have the forms of a bundle, from which they can be taken:\n  jq .snapshot bundles/1.json > \
     snapshot.json\n  jq .history bundles/1.json > history.json\n  jq '.decision.judged[0].intent' bundles/1.json > intent.json\n\n\
     Exit codes: 0 allowed; 1 refused; 2 the command line is wrong; 3 a file is wrong or missing.\n\n\
     Examples:\n  quaestor policy judge policy.toml --intent intent.json --snapshot snapshot.json\n  quaestor policy judge \
     next-policy.toml --intent intent.json --snapshot snapshot.json \\\n    --history history.json --assume-anchored --out \
     receipt.json\n  quaestor verify receipt.json";

/// `policy judge`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct JudgeArgs {
    /// The policy file
    #[arg(value_name = "FILE", default_value = "policy.toml")]
    pub file: PathBuf,
    /// The intent, JSON; or a list of intents, judged in order as one decision
    #[arg(long, value_name = "FILE")]
    pub intent: PathBuf,
    /// What was read of the chain, JSON
    #[arg(long, value_name = "FILE")]
    pub snapshot: PathBuf,
    /// What the agent did before, JSON; without it, nothing
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// The model file whose forecasts the policy's ceilings look at, if the policy names one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// A forecast, JSON, instead of a model's; whoever checks the receipt must take it on trust
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub forecast: Option<PathBuf>,
    /// Judge as if this file were the policy in force, whatever the snapshot says
    #[arg(long)]
    pub assume_anchored: bool,
    /// Write the receipt here: policy, inputs and verdicts, for `quaestor verify`; `--json` prints the same
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
