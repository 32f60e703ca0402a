//! A policy file as TOML, with the place of every key, and the sections and fields that are read from it.

use crate::{
    problem::{Problem, ProblemKind, nearest},
    source::{is_hidden, position_of},
};
use std::collections::BTreeMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub use crate::source::FILE_BYTES_MAX;

/// Most letters of a name that the file gives: an account, asset, venue, counterparty or strategy.
const NAME_LEN_MAX: usize = 32;

/// Where a key and its value begin, byte offsets.
#[derive(Debug, Clone, Copy)]
struct Place {
    key: usize,
    value: usize,
}

/// The problems found so far, and the places that they are reported at.
#[derive(Debug)]
pub(crate) struct Report<'s> {
    text: &'s str,
    places: BTreeMap<String, Place>,
    pub(crate) problems: Vec<Problem>,
}

impl<'s> Report<'s> {
    /// Of no file.
    pub(crate) fn empty() -> Self {
        Self { text: "", places: BTreeMap::new(), problems: Vec::new() }
    }

    /// Reads `text` as TOML and looks at every value once: no floats, no foreign letters, no native times.
    pub(crate) fn read(text: &'s str) -> (Spanned<DeTable<'s>>, Self) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut report = Self { text, places: BTreeMap::new(), problems: Vec::new() };
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            let remedy = if error.message() == "duplicate key" { "; remove one of the two" } else { "" };
            report.push(offset, "", ProblemKind::Syntax, format!("{}{remedy}", error.message()));
        }
        report.survey_table("", root.get_ref());
        (root, report)
    }

    /// The same of a document that was read from `text` and then changed: what is new stands where it belongs.
    pub(crate) fn of(text: &'s str, root: &DeTable<'_>) -> Self {
        let mut report = Self { text, ..Self::empty() };
        report.survey_table("", root);
        report
    }

    /// All problems. What a syntax error only seems to cause is left out: what is missing, and the rest of its line.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let of_syntax = |problem: &Problem| problem.kind == ProblemKind::Syntax;
        let lines: Vec<usize> = self.problems.iter().filter(|it| of_syntax(it)).map(|it| it.line).collect();
        let caused = |problem: &Problem| {
            !of_syntax(problem)
                && !lines.is_empty()
                && (problem.kind == ProblemKind::Missing || lines.contains(&problem.line))
        };
        self.problems.into_iter().filter(|problem| !caused(problem)).collect()
    }

    /// Reports a problem at the value of `path`, or at the nearest section above it that is there.
    pub(crate) fn at(&mut self, path: &str, kind: ProblemKind, message: impl Into<String>) {
        let offset = self.places.get(path).map(|place| place.value).unwrap_or_else(|| self.above(path));
        self.push(offset, path, kind, message.into());
    }

    /// Reports a value that the key cannot have.
    pub(crate) fn value(&mut self, path: &str, message: impl Into<String>) {
        self.at(path, ProblemKind::Value, message);
    }

    /// Reports two places that do not go together.
    pub(crate) fn conflict(&mut self, path: &str, message: impl Into<String>) {
        self.at(path, ProblemKind::Conflict, message);
    }

    /// Line of `path`, for messages that name a second place.
    pub(crate) fn line_of(&self, path: &str) -> usize {
        let offset = self.places.get(path).map_or(0, |place| place.key);
        position_of(self.text.as_bytes(), offset).0
    }

    /// The paths of the fields of `section`, sorted by the bytes of their names.
    pub(crate) fn fields_of(&self, section: &str) -> Vec<String> {
        let prefix = format!("{section}.");
        let inside = self.places.range(prefix.clone()..).map(|(path, _)| path);
        inside.take_while(|path| path.starts_with(&prefix)).cloned().collect()
    }

    /// Whether the file has something at `path`.
    pub(crate) fn is_there(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Whether something was reported of `section` or inside it.
    pub(crate) fn has_problem_in(&self, section: &str) -> bool {
        let inside =
            |path: &str| path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.problems.iter().any(|problem| inside(&problem.path))
    }

    fn at_key(&mut self, path: &str, kind: ProblemKind, message: String) {
        let offset = self.places.get(path).map_or(0, |place| place.key);
        self.push(offset, path, kind, message);
    }

    fn above(&self, path: &str) -> usize {
        let mut path = path;
        while let Some(end) = path.rfind(['.', '[']) {
            path = path.get(..end).unwrap_or_default();
            if let Some(place) = self.places.get(path) {
                return place.key;
            }
        }
        0
    }

    fn push(&mut self, offset: usize, path: &str, kind: ProblemKind, message: String) {
        let (line, column) = position_of(self.text.as_bytes(), offset);
        let known = |it: &Problem| it.path == path && it.line == line && it.column == column && !path.is_empty();
        // The first word on a value says what is wrong with it; what follows from that is left out.
        if kind == ProblemKind::Missing || !self.problems.iter().any(known) {
            self.problems.push(Problem { line, column, path: path.to_owned(), kind, message });
        }
    }

    fn survey_table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref();
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            self.places.insert(inner.clone(), Place { key: key.span().start, value: value.span().start });
            if !is_name(name) {
                let rule = "a name begins with a letter and has at most 32 letters, digits, `_` and `-`, all ASCII";
                let message = format!("`{}` is not a name: {rule}", name.escape_default());
                self.at_key(&inner, ProblemKind::Value, message);
            }
            self.survey(&inner, value);
        }
    }

    fn survey(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Float(float) => {
                let message = format!(
                    "`{float}` is a float; write an amount as text with its unit, such as `\"1250.5 USDC\"`, and a \
                     share in whole basis points, such as `2500`"
                );
                self.at(path, ProblemKind::Type, message);
            }
            DeValue::Datetime(time) => {
                self.at(path, ProblemKind::Type, format!("write a time as text in quotes, such as `\"{time}\"`"));
            }
            DeValue::String(text) => self.survey_text(path, text),
            DeValue::Integer(_) | DeValue::Boolean(_) => {}
            DeValue::Array(list) => {
                for (position, item) in list.iter().enumerate() {
                    let inner = format!("{path}[{position}]");
                    let at = item.span().start;
                    self.places.insert(inner.clone(), Place { key: at, value: at });
                    self.survey(&inner, item);
                }
            }
            DeValue::Table(table) => self.survey_table(path, table),
        }
    }

    /// Only the policy's own name is free text; everything else is compared or resolved, so it must look like what it is.
    fn survey_text(&mut self, path: &str, text: &str) {
        if text.chars().any(is_hidden) {
            self.value(path, "an escape in this text stands for a character that cannot be seen; remove it");
        } else if path != "policy.name" && !text.is_ascii() {
            self.value(
                path,
                format!("`{text}` has letters that are not ASCII and may look like others; write it in ASCII"),
            );
        }
    }
}

/// Whether `name` can name something in a policy.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    letters && name.len() <= NAME_LEN_MAX && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// A table that is read key by key.
#[derive(Debug, Clone)]
pub(crate) struct Section<'d> {
    /// Its path, such as `assets.WETH`.
    pub(crate) path: String,
    table: &'d DeTable<'d>,
}

impl<'d> Section<'d> {
    /// The file itself.
    pub(crate) fn root(table: &'d DeTable<'d>) -> Self {
        Self { path: String::new(), table }
    }

    /// The path of `key`.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports every key that is not among `known`.
    pub(crate) fn only(&self, report: &mut Report<'_>, known: &[&str]) {
        for (key, _) in self.table {
            let key = key.get_ref();
            if !known.contains(&key.as_ref()) {
                let remedy = match nearest(key, known.iter().copied()) {
                    Some(meant) => format!("write `{meant}`, if that is meant"),
                    None => format!("the keys here are: {}", known.join(", ")),
                };
                let message = format!("`{key}` is not part of the language; {remedy}");
                report.at_key(&self.path_of(key), ProblemKind::Unknown, message);
            }
        }
    }

    /// The field `key`, if it is there.
    pub(crate) fn may(&self, key: &str) -> Option<Field<'d>> {
        let value = self.table.get(key)?.get_ref();
        Some(Field { path: self.path_of(key), value })
    }

    /// The field `key`; reports it when it is not there, with `example` of what to write.
    pub(crate) fn need(&self, report: &mut Report<'_>, key: &str, example: &str) -> Option<Field<'d>> {
        let found = self.may(key);
        if found.is_none() {
            report.at(
                &self.path_of(key),
                ProblemKind::Missing,
                format!("is missing; write such as `{key} = {example}`"),
            );
        }
        found
    }

    /// The section `key`; reports it when it is not there.
    pub(crate) fn need_section(&self, report: &mut Report<'_>, key: &str) -> Option<Section<'d>> {
        match self.may(key) {
            Some(field) => field.section(report),
            None => {
                let path = self.path_of(key);
                report.at(&path, ProblemKind::Missing, format!("is missing; write a section `[{path}]`"));
                None
            }
        }
    }

    /// Everything in it by name, sorted by the bytes of the name.
    pub(crate) fn entries(&self) -> Vec<(&'d str, Field<'d>)> {
        let entry = |(key, value): (&'d Spanned<_>, &'d Spanned<DeValue<'d>>)| {
            let name: &std::borrow::Cow<'d, str> = key.get_ref();
            (name.as_ref(), Field { path: self.path_of(name), value: value.get_ref() })
        };
        let mut entries: Vec<_> = self.table.iter().map(entry).collect();
        // The parser sorts too, unless another crate asks it to keep the order of the file.
        entries.sort_by_key(|(name, _)| *name);
        entries
    }

    /// The subsections of the section `key`, by name; nothing when it is not there.
    pub(crate) fn named(&self, report: &mut Report<'_>, key: &str) -> Vec<(&'d str, Section<'d>)> {
        let Some(section) = self.may(key).and_then(|field| field.section(report)) else { return Vec::new() };
        let entries = section.entries().into_iter();
        entries.filter_map(|(name, field)| field.section(report).map(|inner| (name, inner))).collect()
    }
}

/// A value with its path.
#[derive(Debug, Clone)]
pub(crate) struct Field<'d> {
    /// Its path, such as `assets.WETH.decimals`.
    pub(crate) path: String,
    /// What stands there.
    pub(crate) value: &'d DeValue<'d>,
}

impl<'d> Field<'d> {
    /// As a table.
    pub(crate) fn section(self, report: &mut Report<'_>) -> Option<Section<'d>> {
        match self.value {
            DeValue::Table(table) => Some(Section { path: self.path, table }),
            _ => self.mistyped(report, &format!("a section, such as `[{}]`", self.path)),
        }
    }

    /// As a list.
    pub(crate) fn list(&self, report: &mut Report<'_>, most: usize) -> Vec<Field<'d>> {
        match self.value {
            DeValue::Array(items) => {
                if items.len() > most {
                    report.value(&self.path, format!("has {} entries; write at most {most}", items.len()));
                }
                let field = |(position, item): (usize, &'d Spanned<DeValue<'d>>)| Field {
                    path: format!("{}[{position}]", self.path),
                    value: item.get_ref(),
                };
                items.iter().enumerate().take(most).map(field).collect()
            }
            _ => self.mistyped(report, "a list in brackets").unwrap_or_default(),
        }
    }

    /// As a text.
    pub(crate) fn text(&self, report: &mut Report<'_>, example: &str) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.mistyped(report, &format!("a text in quotes, such as `{example}`")),
        }
    }

    /// As a whole number from `least` to `most`, in decimal digits.
    pub(crate) fn integer(&self, report: &mut Report<'_>, least: u64, most: u64) -> Option<u64> {
        let DeValue::Integer(found) = self.value else {
            return self.mistyped(report, &format!("a whole number from {least} to {most}, without quotes"));
        };
        let number = if found.radix() == 10 { found.as_str().parse::<u64>().ok() } else { None };
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let message =
                    format!("{found} will not do; write a whole number from {least} to {most} in decimal digits");
                report.value(&self.path, message);
                None
            }
        }
    }

    /// Reports that the value has another type than `wanted`.
    pub(crate) fn mistyped<T>(&self, report: &mut Report<'_>, wanted: &str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a section",
        };
        report.at(&self.path, ProblemKind::Type, format!("is {found}; write {wanted}"));
        None
    }
}
