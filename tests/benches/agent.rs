//! How long an agent takes from its start to its first decision, how long a decision takes, and how much memory it
//! keeps: measured on the real program and the local chain.
//!
//! `cargo build --release && cargo bench -p quaestor-tests`

use quaestor::{
    agent::Record,
    demo::{DemoError, Scenery, Stage},
};
use std::time::{Duration, Instant};

/// Starts that are timed.
const STARTS: usize = 9;
/// Decisions before the memory is read.
const DECISIONS: usize = 200;
/// The agent's first step has ended by then.
const FIRST_LOOK: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), DemoError> {
    let folder = tempfile::tempdir().map_err(quaestor::demo::stage::io_error("a temporary folder"))?;
    let mut stage = Stage::set(quaestor_tests::quaestor(), folder.path(), &Scenery::MARCH_2020).await?;
    quaestor::demo::scene::adopt_first_policy(&mut stage).await?;
    stage.start_agent()?;
    stage.wait_for("take the policy", 0, |record| matches!(record, Record::PolicyInForce { .. })).await?;
    // An agent decides at points that come after its first look.
    tokio::time::sleep(FIRST_LOOK).await;
    stage.next_day().await?;
    stage.next_decision().await?;
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(timed_start(&mut stage).await?);
    }
    let mut decisions = Vec::with_capacity(DECISIONS);
    for _ in 0..DECISIONS {
        let begun = Instant::now();
        stage.next_decision().await?;
        decisions.push(begun.elapsed());
    }
    println!("start to first decision   median {:>7.1} ms of {STARTS}", millis(median(&mut starts)));
    println!("hour mined to decision    median {:>7.1} ms of {DECISIONS}", millis(median(&mut decisions)));
    match stage.agent_memory_bytes() {
        Some(bytes) => {
            println!("resident memory           {:>14.1} MB after {DECISIONS} decisions", bytes as f64 / 1e6)
        }
        None => println!("resident memory           not told by this system"),
    }
    Ok(())
}

/// From the spawn of the process to the journal row of its first decision, which was due while it was away.
async fn timed_start(stage: &mut Stage) -> Result<Duration, DemoError> {
    stage.stop_agent().await?;
    let skip = stage.rows()?.len();
    stage.next_hour().await?;
    let begun = Instant::now();
    stage.start_agent()?;
    stage.wait_for("take its first decision", skip, |record| matches!(record, Record::Decided { .. })).await?;
    Ok(begun.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
