//! A policy file with other values where they stand, and everything else as somebody wrote it.

use super::{
    Change, edit,
    place::{self, Place, Step},
    problem,
};
use crate::{
    problem::{Problem, ProblemKind, Problems},
    voted::VotedPolicy,
};
use quaestor_core::strategy::ParamValue;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

impl VotedPolicy {
    /// The text of the file with these values at these paths, comments and all else left as they are. Paths are those of
    /// [`crate::Variations`]; a key that the file does not have is put below the head of its section. The text parses to
    /// what [`VotedPolicy::vary`] gives, or has the problems that it has.
    ///
    /// # Errors
    /// If a path leads nowhere, or to a section that the file does not have, or two are the same.
    pub fn rewritten(&self, changes: &[(&str, ParamValue)]) -> Result<String, Problems> {
        let root = DeTable::parse_recoverable(&self.text).0.into_inner();
        let (mut edits, mut problems): (Vec<(Range<usize>, String)>, Vec<Problem>) = (Vec::new(), Vec::new());
        for (path, value) in changes {
            match self.edit(&root, path, value) {
                Ok((place, _)) if edits.iter().any(|(other, _)| *other == place && !place.is_empty()) => {
                    problems.push(problem(path, ProblemKind::Conflict, "is written twice; leave one of the two out"));
                }
                Ok(edit) => edits.push(edit),
                Err(message) => problems.push(problem(path, ProblemKind::Unknown, message)),
            }
        }
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        // From the end on, so that the places before stay where they are.
        edits.sort_by_key(|(place, _)| place.start);
        let mut text = self.text.to_string();
        for (place, new) in edits.into_iter().rev() {
            text.replace_range(place, &new);
        }
        Ok(text)
    }

    /// What is replaced by what.
    fn edit(&self, root: &DeTable<'_>, path: &str, value: &ParamValue) -> Result<(Range<usize>, String), String> {
        let (canonical, _) = Place::of(&self.terms, path)?;
        let steps = place::steps(&canonical).unwrap_or_default();
        let change = Change { path: canonical.into(), value: value.clone() };
        let written = edit::written(std::slice::from_ref(&change)).pop().unwrap_or_default();
        // A path begins with a name.
        let Some((Step::Key(section), rest)) = steps.split_first() else { return Err("is no path".into()) };
        let Some(mut found) = root.get(section.as_str()) else {
            return Err(format!("the file has no section `[{section}]`; write it there first"));
        };
        for (position, step) in rest.iter().enumerate() {
            match (inner(found, step), step) {
                (Some(next), _) => found = next,
                (None, Step::Key(key)) if position + 1 == rest.len() => return self.below(found, key, &written),
                (None, _) => return Err("leads to nothing in the file; write its section there first".into()),
            }
        }
        Ok((found.span(), written))
    }

    /// A new line below the head of the section `found`.
    fn below(&self, found: &Spanned<DeValue<'_>>, key: &str, written: &str) -> Result<(Range<usize>, String), String> {
        let head = found.span();
        let is_section = self.text.get(head.start..).is_some_and(|rest| rest.starts_with('['));
        if !is_section || !matches!(found.get_ref(), DeValue::Table(_)) {
            return Err(format!(
                "the file has no `{key}` there, and its section is written in one line; write it by hand"
            ));
        }
        let rest = self.text.get(head.end..).unwrap_or_default();
        match rest.find('\n') {
            Some(end) => Ok((head.end + end + 1..head.end + end + 1, format!("{key} = {written}\n"))),
            None => Ok((self.text.len()..self.text.len(), format!("\n{key} = {written}\n"))),
        }
    }
}

fn inner<'v, 'd>(value: &'v Spanned<DeValue<'d>>, step: &Step) -> Option<&'v Spanned<DeValue<'d>>> {
    match (value.get_ref(), step) {
        (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()),
        (DeValue::Array(list), Step::Item(position)) => list.get(*position),
        _ => None,
    }
}
