//! How a command ends.

use crate::{
    config::{ConfigProblems, RpcUrlError},
    journal::JournalError,
    keys::KeyError,
};
use quaestor_simulations::market::MarketError;
use std::{fmt::Display, process::ExitCode};

/// The exit code of a command. Scripts rely on these numbers; they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it is done, or what was checked is right. Also `run` when a signal ended it and it stopped cleanly.
    Ok,
    /// 1: what was checked is not right: refused, not verified, a step of the demo false.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: a configuration, policy or keystore file is wrong or missing.
    Configuration,
    /// 4: the chain, the node or a source of data: unreachable, another chain, no code at an address, not an owner.
    Chain,
    /// 5: the journal cannot be opened or written.
    Journal,
    /// 6: nothing that was checked is wrong, but not everything could be checked.
    Unchecked,
    /// 70: a fault of this program; please report it.
    Internal,
}

/// The table of exit codes in `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
   0  done, or what was checked is right; `run` ended cleanly by a signal
   1  what was checked is not right: refused, not verified, a step of the demo false
   2  the command line is wrong
   3  a configuration, policy or keystore file is wrong or missing
   4  the chain, the node or a source of data: unreachable, another chain, no code at an address,
      not an owner
   5  the journal cannot be opened or written
   6  nothing that was checked is wrong, but not everything could be checked
  70  a fault of this program";

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Chain => 4,
            Self::Journal => 5,
            Self::Unchecked => 6,
            Self::Internal => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked: told on stderr, and with `--json` also as
/// `{"ok":false,"exit":…,"error":…,"detail":…}` on stdout.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// For people: what happened and what to do.
    pub message: String,
    /// For programs: the same in parts; `null` when the message says it all.
    pub detail: serde_json::Value,
}

impl Failure {
    /// A failure that its message says whole.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), detail: serde_json::Value::Null }
    }

    /// With the same in parts, for programs.
    #[must_use]
    pub fn with_detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}

impl From<ConfigProblems> for Failure {
    fn from(problems: ConfigProblems) -> Self {
        let parts = problems.problems.iter().map(
            |problem| serde_json::json!({ "line": problem.line, "column": problem.column, "message": problem.message }),
        );
        let detail = serde_json::json!({ "file": problems.file, "problems": parts.collect::<Vec<_>>() });
        Self::new(Exit::Configuration, &problems).with_detail(detail)
    }
}

impl From<RpcUrlError> for Failure {
    fn from(error: RpcUrlError) -> Self {
        Self::new(Exit::Configuration, error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Configuration, error)
    }
}

impl From<MarketError> for Failure {
    fn from(error: MarketError) -> Self {
        Self::new(Exit::Configuration, error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::new(Exit::Journal, error)
    }
}
