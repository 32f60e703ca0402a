//! Whether parts make a whole run, and in which order.

use super::Head;

/// A part and how far it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its file.
    pub name: String,
    /// What it says of itself.
    pub head: Head,
    /// Number after that of its last whole row.
    pub end: u64,
}

/// Why parts do not make a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is none.
    #[error("there is no part; name the files that `--shard` wrote")]
    Nothing,
    /// A part is of another run.
    #[error("{name} is of another run than {first}: {what}")]
    Foreign {
        /// Which file.
        name: String,
        /// The first file.
        first: String,
        /// What differs.
        what: String,
    },
    /// Rows that no part has.
    #[error("rows {from} to {last} of {total} are missing{remedy}")]
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        last: u64,
        /// Rows of the run.
        total: u64,
        /// What to do.
        remedy: String,
    },
    /// Rows that two parts have.
    #[error("rows {from} to {last} are in {first} and in {second}; leave one of the two out")]
    Doubled {
        /// The first of them.
        from: u64,
        /// The last of them.
        last: u64,
        /// A file.
        first: String,
        /// Another.
        second: String,
    },
}

/// The order in which parts make a whole run.
///
/// # Errors
/// Everything that is foreign, missing or there twice.
pub fn join(parts: &[Found]) -> Result<Vec<usize>, Vec<JoinError>> {
    let Some(first) = parts.first() else { return Err(vec![JoinError::Nothing]) };
    let mut problems = Vec::new();
    for part in parts {
        if let Some(what) = first.head.difference(&part.head) {
            problems.push(JoinError::Foreign { name: part.name.clone(), first: first.name.clone(), what });
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let total = first.head.total;
    let mut order: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].end > parts[*at].head.from).collect();
    order.sort_by_key(|at| (parts[*at].head.from, parts[*at].end));
    // The part that reaches furthest so far.
    let mut furthest: Option<&Found> = None;
    let cut = |row: u64| parts.iter().find(|part| part.end == row && part.end < part.head.to);
    let mut gap = |from: u64, to: u64| {
        let remedy =
            cut(from).map_or_else(String::new, |part| format!("; {} broke off: `--resume` goes on", part.name));
        problems.push(JoinError::Missing { from, last: to - 1, total, remedy });
    };
    let mut doubled = Vec::new();
    for part in order.iter().map(|at| &parts[*at]) {
        let reached = furthest.map_or(0, |part| part.end);
        match furthest {
            Some(before) if part.head.from < reached => {
                let (from, last) = (part.head.from, part.end.min(reached) - 1);
                let (first, second) = (before.name.clone(), part.name.clone());
                doubled.push(JoinError::Doubled { from, last, first, second });
            }
            _ if part.head.from > reached => gap(reached, part.head.from),
            _ => {}
        }
        if part.end > reached {
            furthest = Some(part);
        }
    }
    let reached = furthest.map_or(0, |part| part.end);
    if reached < total {
        gap(reached, total);
    }
    problems.extend(doubled);
    if problems.is_empty() { Ok(order) } else { Err(problems) }
}
