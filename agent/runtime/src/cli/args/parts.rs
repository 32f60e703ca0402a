//! What commands take whose rows can be made in parts.

use super::JsonArg;
use std::path::PathBuf;

/// Which rows are made, and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PartArgs {
    /// Make only part I of N, from one on, and write it to --part; `merge` joins the parts
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u64, u64)>,
    /// Where rows go as they are made; without it those of an interrupted run go to a file that it names
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub part: Option<PathBuf>,
    /// Go on with what an interrupted run of the same arguments kept
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
}

/// Where results of many rows go.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ResultArgs {
    /// Write a report for people, a self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the figures of each row as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the figures of each row as Parquet
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// Which part of how many, from one on.
fn shard(text: &str) -> Result<(u64, u64), String> {
    let read = || {
        let (part, of) = text.split_once('/')?;
        let (part, of) = (part.trim().parse().ok()?, of.trim().parse().ok()?);
        (1 <= part && part <= of && of <= 1_000_000).then_some((part, of))
    };
    read().ok_or_else(|| "write which part of how many, from one on, such as 2/8".to_owned())
}
