//! Log lines, on stderr: stdout belongs to results.

use super::{Exit, Failure};
use crate::config::{LogConfig, LogFormat};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// What the command line says of log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct LogArgs {
    /// Which log lines are written, such as `info,quaestor=debug`; goes before the configuration
    #[arg(
        long = "log",
        value_name = "FILTER",
        env = "QUAESTOR_LOG",
        hide_env_values = true,
        global = true,
        help_heading = "Log lines (on stderr)",
        value_parser = filter
    )]
    pub filter: Option<String>,
    /// `text` or `json`; goes before the configuration
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        global = true,
        help_heading = "Log lines (on stderr)",
        hide_possible_values = true
    )]
    pub format: Option<LogFormat>,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Starts writing log lines as `configured`, or as the command line says. Colours only on a terminal without `NO_COLOR`.
///
/// # Errors
/// If log lines are written already.
pub fn start(args: &LogArgs, configured: &LogConfig) -> Result<(), Failure> {
    let directives = args.filter.as_ref().unwrap_or(&configured.filter);
    let filter = EnvFilter::try_new(directives).map_err(|error| Failure::new(Exit::Configuration, error))?;
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match args.format.unwrap_or(configured.format) {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            lines.with_ansi(!plain && io::stderr().is_terminal()).boxed()
        }
    };
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    started.map_err(|error| Failure::new(Exit::Internal, error))
}
