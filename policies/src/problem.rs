//! What is wrong with a policy file, where, and what to write instead.

use serde::Serialize;
use std::fmt;

/// Most problems that are reported of one file; a file with more is no policy but something else.
pub(crate) const PROBLEMS_MAX: usize = 100;

/// What sort of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The file is too large, too deep, or has characters that hide something.
    Source,
    /// It is not TOML.
    Syntax,
    /// A key that the language does not have.
    Unknown,
    /// A key that is needed is not there.
    Missing,
    /// A value of another type than the key has.
    Type,
    /// A value that the key cannot have.
    Value,
    /// Two places that do not go together.
    Conflict,
    /// A warning: an example stands where the DAO's own belongs.
    Example,
    /// A warning: a rule that can never refuse, or only what another refuses too.
    Idle,
    /// A warning: something that costs or another rule always forbid.
    Blocked,
}

/// One problem of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, such as `assets.WETH.decimals`; empty for the file as a whole.
    pub path: String,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// What was read and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All problems of a policy file, in the order of the file. Displays as one line each, `policy.toml:12:7: …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems {
    /// The file's name, as it is shown.
    pub file: String,
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// The same problems, shown under another file name.
    #[must_use]
    pub fn in_file(self, file: impl Into<String>) -> Self {
        Self { file: file.into(), ..self }
    }

    /// Of a file that is larger than [`crate::FILE_BYTES_MAX`], for those who do not read it whole.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(vec![crate::source::too_large()])
    }

    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.truncate(PROBLEMS_MAX);
        Self { file: "policy.toml".into(), problems }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let line_end = if position == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{problem}", self.file)?;
        }
        if self.problems.len() == PROBLEMS_MAX {
            write!(f, "\n{}: there may be more; no more than {PROBLEMS_MAX} are said at once", self.file)?;
        }
        Ok(())
    }
}

/// The known word nearest to `word`, if it is near enough to be a slip: a third of its letters, at least one.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().count();
    let slips_max = (length / 3).max(1);
    // As many letters as one has more must be put in at the least, which says no without comparing them.
    let near = known.into_iter().filter(|candidate| candidate.chars().count().abs_diff(length) <= slips_max);
    let measured = near.map(|candidate| (edits(word, candidate), candidate));
    measured.filter(|(slips, _)| *slips <= slips_max).min().map(|(_, candidate)| candidate)
}

/// Most words that a message lists.
const LISTED_MAX: usize = 24;

/// Words in a row, as a message lists what could be written. It stays short whatever the file calls things: at most so many,
/// and without those that are no names.
pub(crate) fn listed<'k>(known: impl Iterator<Item = &'k str>) -> String {
    let mut words: Vec<&str> = known.filter(|word| word.len() <= crate::document::NAME_LEN_MAX).collect();
    let more = words.len().saturating_sub(LISTED_MAX);
    words.truncate(LISTED_MAX);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    words.join(", ") + &rest
}

/// The beginning of a text that may be long, with `…` for the rest.
pub(crate) fn begun(text: &str, letters_max: usize) -> String {
    match text.char_indices().nth(letters_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// How many letters must be put in, left out or exchanged (Levenshtein).
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    crate::work::add(left.chars().count() * row.len());
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let above = *cell;
            before = (diagonal + usize::from(a != b)).min(above + 1).min(before + 1);
            diagonal = above;
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(nearest("slipage_bps_max", ["slippage_bps_max", "day_bps_max"]), Some("slippage_bps_max"));
        assert_eq!(nearest("colour", ["slippage_bps_max", "day_bps_max"]), None);
        // Words of other lengths are not compared at all.
        assert_eq!(crate::work::of(|| nearest(&"a".repeat(1_000), ["slippage_bps_max", "day_bps_max"])), (0, None));
    }

    #[test]
    fn a_list_of_words_stays_short() {
        let names: Vec<String> = (0..64).map(|number| format!("A{number}")).chain(["x".repeat(1_000)]).collect();
        assert_eq!(listed(names.iter().take(2).map(String::as_str)), "A0, A1");
        let all = listed(names.iter().map(String::as_str));
        assert!(all.ends_with("A22, A23 and 40 more"), "{all}");
    }
}
