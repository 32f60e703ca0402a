//! What the commands take that hold a policy against the chain.

use super::{ConfigArg, JsonArg, KeyArgs, WorldArgs, env_name};
use crate::cli::person::address;
use alloy::primitives::Address;
use clap::{Args, FromArgMatches};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

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

/// `policy propose`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PolicyProposeArgs {
    /// The policy to vote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where its file will be for everyone: `https://…`, `ipfs://…`, `file:PATH`, or `tx:0x…`
    #[arg(long, value_name = "URI")]
    pub uri: String,
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Why: a Markdown file; without it a place is left for it
    #[arg(long, value_name = "FILE")]
    pub motivation: Option<PathBuf>,
    /// Prices, for what the change would have done (`policy impact`)
    #[arg(long, value_name = "FILE|DIR")]
    pub data: Option<PathBuf>,
    /// Holdings, flows, costs and delays for the same
    #[arg(long, value_name = "FILE", requires = "data")]
    pub assume: Option<PathBuf>,
    /// Its first day or time
    #[arg(long, value_name = "TIME", requires = "data")]
    pub from: Option<String>,
    /// Its last day or time
    #[arg(long, value_name = "TIME", requires = "data")]
    pub to: Option<String>,
    /// The Governor whose timelock owns the registry, where no policy names it
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub governor: Option<Address>,
    /// Who will propose, where no key is named
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with_all = ["key_env", "keystore"])]
    pub proposer: Option<Address>,
    /// The environment variable that holds the proposer's private key
    #[arg(long, value_name = "NAME", value_parser = env_name, conflicts_with = "keystore")]
    pub key_env: Option<String>,
    /// The proposer's encrypted keystore
    #[arg(long, value_name = "FILE", requires = "password_env")]
    pub keystore: Option<PathBuf>,
    /// The environment variable that holds the keystore's password
    #[arg(long, value_name = "NAME", requires = "keystore", value_parser = env_name)]
    pub password_env: Option<String>,
    /// Write the description, to put it in the forum first
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the call for Safe's Transaction Builder, where a Safe owns the registry, and send nothing
    #[arg(long, value_name = "FILE", conflicts_with = "yes")]
    pub safe_tx: Option<PathBuf>,
    /// Show it and write the files, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before sending
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

impl PolicyProposeArgs {
    /// The proposer's key, if one was named.
    pub fn key(&self) -> KeyArgs {
        let Self { key_env, keystore, password_env, .. } = self.clone();
        KeyArgs { key_env, keystore, password_env }
    }

    /// What both policies meet, as `policy impact` would be told it.
    pub fn world(&self) -> Option<WorldArgs> {
        let command = WorldArgs::augment_args(clap::Command::new("impact").no_binary_name(true));
        let words = self.said(|path| path.as_os_str().to_owned());
        WorldArgs::from_arg_matches(&command.try_get_matches_from(words).ok()?).ok()
    }

    /// The same as a person types it, with files by their names.
    pub fn world_words(&self) -> String {
        let words = self.said(|path| path.file_name().unwrap_or_default().to_owned());
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    fn said(&self, named: fn(&Path) -> OsString) -> Vec<OsString> {
        let files = [("--data", &self.data), ("--assume", &self.assume)];
        let files = files.map(|(key, path)| (key, path.as_deref().map(named)));
        let times =
            [("--from", &self.from), ("--to", &self.to)].map(|(key, text)| (key, text.as_ref().map(OsString::from)));
        let said = files.into_iter().chain(times).filter_map(|(key, value)| Some([OsString::from(key), value?]));
        said.flatten().collect()
    }
}
