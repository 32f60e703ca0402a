//! What a policy may say, and hardly anybody means: what the language allows and `policy check` points at.
//!
//! Three sorts: an example where the DAO's own belongs; a rule that can never refuse, or that refuses only what another
//! refuses too; and what costs or another rule always forbid.

mod caps;
mod prices;
mod risk;
mod routes;
mod shares;
mod strategies;
mod wholes;

pub use shares::stable_share_left;

use crate::{
    document::Report,
    examples,
    problem::{Problem, ProblemKind},
    voted::VotedPolicy,
};
use quaestor_core::Terms;
use toml::de::DeTable;

impl VotedPolicy {
    /// What is allowed and yet looks like a slip, in the order of the file, each with line, column and what to write. Lines
    /// of a variation are those of its base.
    pub fn warnings(&self) -> Vec<Problem> {
        let root = DeTable::parse_recoverable(&self.text).0.into_inner();
        let report = Report::of(&self.text, &root, &[]);
        let mut eye = Eye { report, terms: &self.terms, policy: self };
        examples(&mut eye.report, &root);
        caps::look(&mut eye);
        prices::look(&mut eye);
        shares::look(&mut eye);
        routes::look(&mut eye);
        risk::look(&mut eye);
        strategies::look(&mut eye);
        wholes::look(&mut eye);
        let mut found = eye.report.into_problems();
        found.sort_by_key(|problem| (problem.line, problem.column));
        found
    }
}

/// Who looks, and at what.
struct Eye<'p, 's> {
    report: Report<'s>,
    terms: &'p Terms,
    policy: &'p VotedPolicy,
}

impl Eye<'_, '_> {
    /// Warns of a rule at `path` that can never refuse, or that another makes pointless.
    fn idle(&mut self, path: &str, message: impl Into<String>) {
        self.report.at(path, ProblemKind::Idle, message);
    }

    /// Warns of what is always forbidden at `path`.
    fn blocked(&mut self, path: &str, message: impl Into<String>) {
        self.report.at(path, ProblemKind::Blocked, message);
    }

    /// Whether any strategy may pay somebody outside of the treasury.
    fn pays_others(&self) -> bool {
        self.policy.strategies().iter().any(|strategy| strategy.pays_others())
    }
}

/// Addresses and hashes that stand for others.
fn examples(report: &mut Report<'_>, root: &DeTable<'_>) {
    for path in examples::paths(root) {
        let wanted = examples::wanted(&path);
        report.at(&path, ProblemKind::Example, format!("is an example, one digit repeated; write {wanted}"));
    }
}
