//! `quaestor demo`.

use super::{Exit, Failure, Output, args::DemoArgs};
use crate::demo::{self, DemoError, Fact, Step};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(super) async fn run(args: &DemoArgs, output: Output) -> Result<Exit, Failure> {
    let exe = std::env::current_exe().map_err(|error| Failure::new(Exit::Internal, error))?;
    let folder = make_folder()?;
    output.line("A DAO on a local chain, its treasury, and the agent that proposes for it.")?;
    let mut printed = Ok(());
    let story = demo::demo(exe, &folder, |number, step| {
        if printed.is_ok() {
            printed = tell(output, number, step);
        }
    });
    let told = tokio::select! {
        told = story => told,
        _ = tokio::signal::ctrl_c() => {
            // Dropping the story ended agent and chain.
            if args.keep {
                return Err(Failure::new(Exit::Failed, format!("stopped before its end; files: {}", folder.display())));
            }
            let _ = std::fs::remove_dir_all(&folder);
            return Err(Failure::new(Exit::Failed, "stopped before its end"));
        }
    };
    printed?;
    let report = told.map_err(|error| failed(&error, &folder))?;
    output.line(if args.keep || !report.ok {
        format!("files: {}", folder.display())
    } else {
        format!("{} steps in {} s", report.steps.len(), report.elapsed_secs)
    })?;
    if !args.keep && report.ok {
        // A temporary folder that cannot be removed is no failure of the story.
        let _ = std::fs::remove_dir_all(&folder);
    }
    let text = serde_json::to_string(&report).map_err(|error| Failure::new(Exit::Internal, error))?;
    output.write(format_args!("{text}\n"))?;
    Ok(if report.ok { Exit::Ok } else { Exit::Failed })
}

fn make_folder() -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("quaestor-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(folder)
}

fn tell(output: Output, number: usize, step: &Step) -> Result<(), Failure> {
    let mark = if step.ok { "ok" } else { "FALSE" };
    output.line(format_args!("{number:>2}. {:<5} {}", mark, step.name))?;
    for Fact { name, value, words } in &step.detail.0 {
        match (words, value) {
            (Some(words), _) => words.lines().try_for_each(|line| output.line(format_args!("          {line}")))?,
            (None, Value::Bool(true)) => output.line(format_args!("          {name}"))?,
            (None, Value::Bool(false)) => output.line(format_args!("    FALSE {name}"))?,
            (None, Value::String(text)) => output.line(format_args!("          {name}: {text}"))?,
            (None, other) => output.line(format_args!("          {name}: {other}"))?,
        }
    }
    Ok(())
}

/// The stage could not be set. What was written of it is named; an empty folder goes.
fn failed(error: &DemoError, folder: &Path) -> Failure {
    let left = match std::fs::remove_dir(folder) {
        Ok(()) => String::new(),
        Err(_) => format!("; files: {}", folder.display()),
    };
    Failure::new(Exit::Failed, format!("{error}{left}"))
}
