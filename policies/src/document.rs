//! A policy file as TOML, with the place of every key, and the sections and fields that are read from it.

use crate::{
    problem::{PROBLEMS_MAX, Problem, ProblemKind, begun, nearest},
    source::{Lines, is_hidden},
};
use std::{collections::BTreeMap, fmt::Write};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub use crate::source::FILE_BYTES_MAX;

/// Most letters of a name that the file gives: an account, asset, venue, counterparty or strategy.
pub(crate) const NAME_LEN_MAX: usize = 32;
/// Most letters of a path that are shown; one of names is shorter.
const PATH_LETTERS_MAX: usize = 200;
/// Most unknown keys for which a word that may be meant is looked for.
const SUGGESTIONS_MAX: usize = PROBLEMS_MAX;

/// Where a key and its value begin, byte offsets.
#[derive(Debug, Clone, Copy)]
struct Place {
    key: usize,
    value: usize,
}

/// The problems found so far in a document.
///
/// Only the first [`PROBLEMS_MAX`] in the order of the file are kept, by their byte offset and then as they were found, and
/// only these are placed in lines and columns: a file in which everything is wrong costs little more than a good one.
#[derive(Debug)]
pub(crate) struct Report<'d> {
    text: &'d str,
    root: Option<&'d DeTable<'d>>,
    lines: Lines,
    found: BTreeMap<(usize, usize), Problem>,
    /// How many problems there are, kept or not.
    count: usize,
    /// Lines with a syntax error, in order.
    broken: Vec<usize>,
    /// The first paths of which something was found that a syntax error only seems to cause.
    caused: Vec<String>,
    suggestions: usize,
}

impl<'d> Report<'d> {
    /// Of no file.
    pub(crate) fn empty() -> Self {
        Self::new("", None)
    }

    /// Of a document that was read from `text` with these syntax errors, or was changed afterwards: what is new stands where
    /// it belongs. Looks at every value once: no floats, no foreign letters, no native times.
    pub(crate) fn of(text: &'d str, root: &'d DeTable<'d>, errors: &[toml::de::Error]) -> Self {
        let mut report = Self::new(text, Some(root));
        let mut errors: Vec<_> =
            errors.iter().map(|error| (error.span().map_or(0, |span| span.start), error)).collect();
        errors.sort_by_key(|(offset, _)| *offset);
        report.broken = errors.iter().map(|(offset, _)| report.lines.line_of(*offset)).collect();
        for (offset, error) in errors {
            let is_double = error.message() == "duplicate key";
            let key =
                error.span().and_then(|span| text.get(span)).filter(|key| is_double && crate::document::is_name(key));
            let named = key.map(|key| format!(" `{key}`")).unwrap_or_default();
            let remedy = if is_double { "; remove one of the two" } else { "" };
            report.push(offset, "", ProblemKind::Syntax, || format!("{}{named}{remedy}", error.message()));
        }
        report.survey_table(&mut String::new(), root);
        report
    }

    fn new(text: &'d str, root: Option<&'d DeTable<'d>>) -> Self {
        let lines = Lines::of(text.as_bytes());
        let (found, broken, caused) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { text, root, lines, found, count: 0, broken, caused, suggestions: SUGGESTIONS_MAX }
    }

    /// Whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.count == 0
    }

    /// The problems, in the order of the file.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let placed = |((offset, _), problem): ((usize, usize), Problem)| {
            let (line, column) = self.lines.position_of(self.text.as_bytes(), offset);
            Problem { line, column, path: begun(&problem.path, PATH_LETTERS_MAX), ..problem }
        };
        self.found.into_iter().map(placed).collect()
    }

    /// Reports a problem at the value of `path`, or at the nearest section above it that is there.
    pub(crate) fn at(&mut self, path: &str, kind: ProblemKind, message: impl Into<String>) {
        self.at_once(path, kind, || message.into());
    }

    /// The same with a message that is made only if it is told.
    fn at_once(&mut self, path: &str, kind: ProblemKind, message: impl FnOnce() -> String) {
        let offset = self.place(path).map(|place| place.value).unwrap_or_else(|| self.above(path));
        self.push(offset, path, kind, message);
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
        self.lines.line_of(self.place(path).map_or(0, |place| place.key))
    }

    /// Whether the file has something at `path`.
    pub(crate) fn is_there(&self, path: &str) -> bool {
        self.place(path).is_some()
    }

    /// Whether something was reported of `section` or inside it.
    pub(crate) fn has_problem_in(&self, section: &str) -> bool {
        let inside =
            |path: &str| path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.found.values().any(|problem| inside(&problem.path)) || self.caused.iter().any(|path| inside(path))
    }

    /// The known word that may be meant by `word`.
    fn meant<'k>(&mut self, word: &str, known: &[&'k str]) -> Option<&'k str> {
        self.suggestions = self.suggestions.checked_sub(1)?;
        nearest(word, known.iter().copied())
    }

    /// Where `path` stands: names between points, and numbers of entries in brackets.
    fn place(&self, path: &str) -> Option<Place> {
        crate::work::add(path.len());
        let (mut table, mut rest) = (self.root?, path);
        loop {
            let (name, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            let (key, mut value) = table.get_key_value(name)?;
            let mut place = Place { key: key.span().start, value: value.span().start };
            rest = after;
            while let Some(entry) = rest.strip_prefix('[') {
                let (number, after) = entry.split_once(']')?;
                let DeValue::Array(list) = value.get_ref() else { return None };
                value = list.get(number.parse::<usize>().ok()?)?;
                let at = value.span().start;
                (place, rest) = (Place { key: at, value: at }, after);
            }
            let Some(inner) = rest.strip_prefix('.') else { return rest.is_empty().then_some(place) };
            let DeValue::Table(inside) = value.get_ref() else { return None };
            (table, rest) = (inside, inner);
        }
    }

    fn above(&self, path: &str) -> usize {
        let mut path = path;
        while let Some(end) = path.rfind(['.', '[']) {
            path = path.get(..end).unwrap_or_default();
            if let Some(place) = self.place(path) {
                return place.key;
            }
        }
        0
    }

    fn push(&mut self, offset: usize, path: &str, kind: ProblemKind, message: impl FnOnce() -> String) {
        crate::work::add(1);
        self.count += 1;
        // What a syntax error only seems to cause is left out: what is missing, and the rest of its line.
        if kind != ProblemKind::Syntax
            && !self.broken.is_empty()
            && (kind == ProblemKind::Missing || self.broken.binary_search(&self.lines.line_of(offset)).is_ok())
        {
            if self.caused.len() < PROBLEMS_MAX {
                self.caused.push(path.to_owned());
            }
            return;
        }
        let is_full = self.found.len() >= PROBLEMS_MAX;
        if is_full && self.found.last_key_value().is_some_and(|((last, _), _)| *last <= offset) {
            return;
        }
        let mut here = self.found.range((offset, 0)..=(offset, usize::MAX)).map(|(_, problem)| problem);
        // The first word on a value says what is wrong with it; what follows from that is left out.
        if kind != ProblemKind::Missing && !path.is_empty() && here.any(|it| it.path == path) {
            return;
        }
        let message = message();
        crate::work::add(message.len());
        let problem = Problem { line: 0, column: 0, path: path.to_owned(), kind, message };
        self.found.insert((offset, self.count), problem);
        if self.found.len() > PROBLEMS_MAX {
            self.found.pop_last();
        }
    }

    /// `path` is that of the table, and is the same again afterwards.
    fn survey_table(&mut self, path: &mut String, table: &DeTable<'_>) {
        let end = path.len();
        for (key, value) in table {
            let name = key.get_ref();
            crate::work::add(1 + name.len());
            if end > 0 {
                path.push('.');
            }
            path.push_str(name);
            if !is_name(name) {
                let rule = "a name begins with a letter and has at most 32 letters, digits, `_` and `-`, all ASCII";
                let message = || format!("`{}` is not a name: {rule}", begun(name, NAME_LEN_MAX).escape_default());
                self.push(key.span().start, path, ProblemKind::Value, message);
            }
            self.survey(path, value);
            path.truncate(end);
        }
    }

    fn survey(&mut self, path: &mut String, value: &Spanned<DeValue<'_>>) {
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Float(float) => self.push(at, path, ProblemKind::Type, || {
                format!(
                    "`{float}` is a float; write an amount as text with its unit, such as `\"1250.5 USDC\"`, and a \
                     share in whole basis points, such as `2500`"
                )
            }),
            DeValue::Datetime(time) => self
                .push(at, path, ProblemKind::Type, || format!("write a time as text in quotes, such as `\"{time}\"`")),
            DeValue::String(text) => self.survey_text(at, path, text),
            DeValue::Integer(_) | DeValue::Boolean(_) => {}
            DeValue::Array(list) => {
                let end = path.len();
                for (position, item) in list.iter().enumerate() {
                    crate::work::add(1);
                    // Writing to a `String` cannot fail.
                    let _ = write!(path, "[{position}]");
                    self.survey(path, item);
                    path.truncate(end);
                }
            }
            DeValue::Table(table) => self.survey_table(path, table),
        }
    }

    /// Only the policy's own name is free text; everything else is compared or resolved, so it must look like what it is.
    fn survey_text(&mut self, at: usize, path: &str, text: &str) {
        if text.chars().any(is_hidden) {
            let message = "an escape in this text stands for a character that cannot be seen; remove it";
            self.push(at, path, ProblemKind::Value, || message.to_owned());
        } else if path != "policy.name" && !text.is_ascii() {
            let message =
                || format!("`{text}` has letters that are not ASCII and may look like others; write it in ASCII");
            self.push(at, path, ProblemKind::Value, message);
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
            let (at, key) = (key.span().start, key.get_ref());
            if !known.contains(&key.as_ref()) {
                let meant = report.meant(key, known);
                report.push(at, &self.path_of(key), ProblemKind::Unknown, || {
                    let remedy = match meant {
                        Some(meant) => format!("write `{meant}`, if that is meant"),
                        None => format!("the keys here are: {}", known.join(", ")),
                    };
                    format!("`{key}` is not part of the language; {remedy}")
                });
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
            let message = || format!("is missing; write such as `{key} = {example}`");
            report.at_once(&self.path_of(key), ProblemKind::Missing, message);
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

    /// Whether a table stands there.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
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
        // `+5` would be a second spelling of `5`.
        let is_plain = found.radix() == 10 && found.as_str().bytes().all(|byte| byte.is_ascii_digit());
        let number = if is_plain { found.as_str().parse::<u64>().ok() } else { None };
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

#[cfg(test)]
mod tests;
