//! `status`.

use super::{Exit, Failure, Output, args::StatusArgs};
use crate::{config::Config, status};
use quaestor_core::Catalog;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) async fn run(args: &StatusArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(&args.config.config)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let status = status::read(&config, catalog, now).await;
    output.line(&status)?;
    output.document(&status)?;
    Ok(status.exit())
}
