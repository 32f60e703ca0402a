//! What a command prints: results on stdout, everything else on stderr. No colours, so nothing to switch off.

use super::{Exit, Failure};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
};

/// Prints the results of one command.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether results are one JSON document instead of lines for people.
    pub json: bool,
}

impl Output {
    /// A line of a result for people; nothing with `--json`.
    ///
    /// # Errors
    /// If stdout cannot be written; that its reader has gone (`| head`) is no error.
    pub fn line(&self, text: impl Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.write(format_args!("{text}\n")) }
    }

    /// The result as one JSON document on one line; nothing without `--json`.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub fn document(&self, result: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(result).map_err(|error| Failure::new(Exit::Internal, error))?;
        self.write(format_args!("{text}\n"))
    }

    /// What whoever reads the results must know: a line on stderr, whoever looks on.
    pub fn warn(&self, text: impl Display) {
        // Results are right without it.
        let _ = writeln!(io::stderr(), "warning: {text}");
    }

    /// How far it is: a line on stderr when a person looks on.
    pub fn progress(&self, text: impl Display) {
        if !self.json && io::stderr().is_terminal() {
            // A line of progress that cannot be shown is no reason to stop.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Tells a failure, and how the command ends for it.
    pub(super) fn failure(&self, failure: &Failure) -> Exit {
        let Failure { exit, message, detail } = failure;
        let _ = writeln!(io::stderr(), "error: {message}");
        let document = serde_json::json!({ "ok": false, "exit": exit.code(), "error": message, "detail": detail });
        let _ = self.document(&document);
        *exit
    }

    pub(super) fn write(&self, text: impl Display) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::new(Exit::Internal, format!("stdout cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }
}
