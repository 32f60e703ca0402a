//! What a policy may say, and hardly anybody means: what the language allows and `policy check` points at.

use crate::{
    document::Report,
    examples,
    problem::{Problem, ProblemKind},
    voted::VotedPolicy,
};
use toml::de::DeTable;

impl VotedPolicy {
    /// What is allowed and yet looks like a slip, in the order of the file, each with line, column and what to write. Lines
    /// of a variation are those of its base.
    pub fn warnings(&self) -> Vec<Problem> {
        let root = DeTable::parse_recoverable(&self.text).0.into_inner();
        let mut report = Report::of(&self.text, &root, &[]);
        examples(&mut report, &root);
        let mut found = report.into_problems();
        found.sort_by_key(|problem| (problem.line, problem.column));
        found
    }
}

/// Addresses and hashes that stand for others.
fn examples(report: &mut Report<'_>, root: &DeTable<'_>) {
    for path in examples::paths(root) {
        let wanted = examples::wanted(&path);
        report.at(&path, ProblemKind::Example, format!("is an example, one digit repeated; write {wanted}"));
    }
}
