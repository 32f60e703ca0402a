//! `quaestor run`.

use super::{Exit, Failure, LogArgs, args::RunArgs, start_telemetry};
use crate::{
    agent::{self, AgentError, RunError, StartError},
    chain::ChainError,
    config::Config,
};
use quaestor_core::Catalog;
use std::{io::Read, thread};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(args: &RunArgs, log: &LogArgs, catalog: Catalog) -> Result<Exit, Failure> {
    let config = Config::load(&args.config.config)?;
    start_telemetry(log, &config.log)?;
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    if args.while_stdin_open {
        stop_with_stdin(stop.clone());
    }
    agent::run(config, catalog, stop).await?;
    Ok(Exit::Ok)
}

fn stop_on_signals(stop: &CancellationToken) -> Result<(), Failure> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(|error| Failure::new(Exit::Internal, error))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(())
}

/// A thread of its own: a read of standard input cannot be interrupted, and must not hold up the end of the runtime.
fn stop_with_stdin(stop: CancellationToken) {
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        stop.cancel();
    });
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        Self::new(Exit::Chain, error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::RpcUrl(error) => error.into(),
            StartError::Key(error) => error.into(),
            StartError::Journal(error) => error.into(),
            StartError::Agent(error) => error.into(),
            error => Self::new(Exit::Chain, error),
        }
    }
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Journal(error) => error.into(),
            error @ AgentError::Bundle { .. } => Self::new(Exit::Configuration, error),
            error => Self::new(Exit::Chain, error),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Start(error) => error.into(),
            RunError::Agent(error) => error.into(),
            error @ RunError::Panicked { .. } => Self::new(Exit::Internal, error),
        }
    }
}
