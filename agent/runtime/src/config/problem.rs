//! What is wrong with a configuration file: all of it at once, with the place and what to write instead.

use std::{fmt, path::PathBuf};

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 for the file as a whole.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Every problem of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigProblems {
    /// The file.
    pub file: PathBuf,
    /// In the order of their places; never empty.
    pub problems: Vec<ConfigProblem>,
}

impl ConfigProblems {
    /// A problem of the file as a whole.
    pub(super) fn whole(file: PathBuf, message: String) -> Self {
        Self { file, problems: vec![ConfigProblem { line: 0, column: 0, message }] }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}{}", self.file.display())?;
            if problem.line > 0 {
                write!(f, ":{}:{}", problem.line, problem.column)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}
