//! The life of the process: steps until it is told to stop, waits that are bounded, a clean end within five seconds.

use super::{Agent, AgentError, StartError};
use crate::config::Config;
use quaestor_core::Catalog;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle, LocalSet};
use tokio_util::sync::CancellationToken;

/// Longest wait after a step that failed; the first is the poll interval, each next one twice as long.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A step under way has this long to end once the process is told to stop. What it was about is in the journal.
const DRAIN: Duration = Duration::from_secs(4);

/// Why a running agent ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It cannot go on: the journal cannot be written.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A task of the process panicked.
    #[error("the task `{task}` panicked; what was under way is in the journal, start the agent again")]
    Panicked {
        /// Its name.
        task: &'static str,
    },
}

/// Runs an agent until `stop` is cancelled. A chain that does not answer is waited for; a journal that cannot be
/// written ends the agent.
///
/// # Errors
/// If it does not start, or cannot go on.
pub async fn run(config: Config, catalog: Catalog, stop: CancellationToken) -> Result<(), RunError> {
    let agent = tokio::select! {
        started = Agent::start(config, catalog) => started?,
        // A node that does not answer must not hold up the end; nothing was begun yet.
        () = stop.cancelled() => return Ok(()),
    };
    // The journal's connection stays on one thread.
    LocalSet::new().run_until(supervise(agent, stop)).await
}

async fn supervise(agent: Agent, stop: CancellationToken) -> Result<(), RunError> {
    let mut task: JoinHandle<Result<(), AgentError>> = tokio::task::spawn_local(steps(agent, stop.clone()));
    tokio::select! {
        done = &mut task => ended("agent", done),
        () = stop.cancelled() => match tokio::time::timeout(DRAIN, &mut task).await {
            Ok(done) => ended("agent", done),
            Err(_) => {
                task.abort();
                tracing::warn!("the step under way did not end in time; what it was about is in the journal");
                Ok(())
            }
        },
    }
}

fn ended(task: &'static str, done: Result<Result<(), AgentError>, JoinError>) -> Result<(), RunError> {
    match done {
        Ok(result) => Ok(result?),
        Err(error) if error.is_panic() => Err(RunError::Panicked { task }),
        Err(_) => Ok(()),
    }
}

async fn steps(mut agent: Agent, stop: CancellationToken) -> Result<(), AgentError> {
    let poll = Duration::from_millis(agent.config.chain.poll_interval_ms);
    let mut wait = poll;
    while !stop.is_cancelled() {
        match agent.step().await {
            Ok(()) => wait = poll,
            Err(error @ (AgentError::Journal(_) | AgentError::Bundle { .. })) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "step ended");
                wait = (wait * 2).min(BACKOFF_MAX).max(poll);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
    agent.stopped()
}
