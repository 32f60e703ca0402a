//! Reads the tables of a scenario key by key and collects every problem with its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Most problems that are told of one file; a file with more is no scenario but something else.
pub const PROBLEMS_MAX: usize = 100;

/// One problem of a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioProblem {
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What was read and what to write instead.
    pub message: String,
}

/// All problems of a scenario file, in the order of its lines. Displays as one line each, `crash.toml:12: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioProblems {
    /// The file's name, as it is shown.
    pub file: String,
    /// The problems; never empty.
    pub problems: Vec<ScenarioProblem>,
}

impl ScenarioProblems {
    pub(super) fn new(file: &str, mut problems: Vec<ScenarioProblem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        problems.truncate(PROBLEMS_MAX);
        Self { file: file.to_owned(), problems }
    }
}

impl fmt::Display for ScenarioProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, ScenarioProblem { line, message }) in self.problems.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            match line {
                0 => write!(f, "{end}{}: {message}", self.file)?,
                line => write!(f, "{end}{}:{line}: {message}", self.file)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioProblems {}

/// The file that is being read.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Whether a part could not be parsed, which may hold what is missing.
    pub(super) is_broken: bool,
    pub(super) problems: Vec<ScenarioProblem>,
}

/// One table: what of it was not read yet.
pub(super) struct Section<'t> {
    /// How it is told of, such as `[[shocks]]`; empty for the file.
    name: String,
    /// Where it begins.
    pub(super) line: usize,
    entries: BTreeMap<String, (Range<usize>, Spanned<DeValue<'t>>)>,
    /// Keys that were read.
    taken: BTreeSet<String>,
}

impl Section<'_> {
    /// Whether any of these keys was there, right or wrong.
    pub(super) fn had(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.taken.contains(*key))
    }
}

/// A value and its line.
pub(super) type Found<T> = Option<(T, usize)>;

impl<'t> Reader<'t> {
    /// Parses the file as far as it can be; what cannot be parsed is a problem already.
    pub(super) fn new(text: &'t str) -> (Self, Section<'t>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self { text, is_broken: !errors.is_empty(), problems: Vec::new() };
        for error in errors {
            let line = reader.line(error.span().map_or(0, |span| span.start));
            reader.problem(line, error.message());
        }
        let root = reader.table("", 1, root.into_inner());
        (reader, root)
    }

    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn table(&self, name: &str, line: usize, table: DeTable<'t>) -> Section<'t> {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'t, str>>, Spanned<DeValue<'t>>)| {
            let span = key.span();
            (key.into_inner().into_owned(), (span, value))
        };
        Section { name: name.to_owned(), line, entries: table.into_iter().map(entry).collect(), taken: BTreeSet::new() }
    }

    /// Tells a problem.
    pub(super) fn problem(&mut self, line: usize, message: impl fmt::Display) {
        let problem = ScenarioProblem { line, message: message.to_string() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The table `[key]`, if it is there.
    pub(super) fn section(&mut self, parent: &mut Section<'t>, key: &str) -> Option<Section<'t>> {
        let (value, line) = self.take(parent, key)?;
        match value {
            DeValue::Table(table) => Some(self.table(&format!("[{key}]"), line, table)),
            other => {
                self.problem(line, format!("`{key}` is {}; write a table `[{key}]`", other.type_str()));
                None
            }
        }
    }

    /// The tables `[[key]]`, at most so many.
    pub(super) fn sections(&mut self, parent: &mut Section<'t>, key: &str, most: usize) -> Vec<Section<'t>> {
        let Some((value, line)) = self.take(parent, key) else { return Vec::new() };
        let name = format!("[[{key}]]");
        let DeValue::Array(items) = value else {
            self.problem(line, format!("`{key}` is no list; write a table `{name}` for each"));
            return Vec::new();
        };
        if items.len() > most {
            self.problem(line, format!("{} tables `{name}`; write {most} at most", items.len()));
        }
        let mut found = Vec::new();
        for item in items.into_iter().take(most) {
            let line = self.line(item.span().start);
            match item.into_inner() {
                DeValue::Table(table) => found.push(self.table(&name, line, table)),
                other => self.problem(line, format!("`{key}` holds {}; write a table `{name}`", other.type_str())),
            }
        }
        found
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, section: &mut Section<'t>, key: &str, example: &str) -> Found<String> {
        let (value, line) = self.take(section, key)?;
        match value {
            DeValue::String(text) => Some((text.into_owned(), line)),
            other => self.mistyped(line, key, &other, example),
        }
    }

    /// A list of texts, if it is there.
    pub(super) fn texts(&mut self, section: &mut Section<'t>, key: &str, example: &str) -> Found<Vec<String>> {
        let (value, line) = self.take(section, key)?;
        let DeValue::Array(items) = value else { return self.mistyped(line, key, &value, example) };
        let mut found = Vec::new();
        for item in items {
            match item.into_inner() {
                DeValue::String(text) => found.push(text.into_owned()),
                other => return self.mistyped(line, key, &other, example),
            }
        }
        Some((found, line))
    }

    /// A whole number from `least` to `most`, if it is there.
    pub(super) fn integer(&mut self, section: &mut Section<'t>, key: &str, least: i64, most: i64) -> Found<i64> {
        let (value, line) = self.take(section, key)?;
        let wanted = format!("a whole number from {least} to {most}");
        let DeValue::Integer(number) = &value else { return self.mistyped(line, key, &value, &wanted) };
        let found = i64::from_str_radix(number.as_str(), number.radix()).ok();
        match found.filter(|found| (least..=most).contains(found)) {
            Some(found) => Some((found, line)),
            None => {
                self.problem(line, format!("`{key}` is {number}; write {wanted}"));
                None
            }
        }
    }

    /// A text or a whole number above or equal to zero, as text, if it is there.
    pub(super) fn text_or_count(&mut self, section: &mut Section<'t>, key: &str, example: &str) -> Found<Written> {
        let (value, line) = self.take(section, key)?;
        match &value {
            DeValue::String(text) => Some((Written::Text(text.to_string()), line)),
            DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
                Ok(found) => Some((Written::Count(found), line)),
                Err(_) => {
                    self.problem(line, format!("`{key}` is {number}; write {example}"));
                    None
                }
            },
            other => self.mistyped(line, key, other, example),
        }
    }

    /// Tells that none of these keys, of which one must be there, is; nothing where one is there and wrong.
    pub(super) fn missing(&mut self, section: &Section<'t>, keys: &[&str], example: &str) {
        if !self.is_broken && !section.had(keys) {
            let key = keys.join("`, `");
            let place = if section.name.is_empty() { String::new() } else { format!(" in {}", section.name) };
            self.problem(section.line, format!("`{key}` is missing{place}; write such as {example}"));
        }
    }

    /// Tells every key that was not asked for.
    pub(super) fn close(&mut self, section: Section<'t>, known: &[&str]) {
        for (key, (place, _)) in section.entries {
            let line = self.line(place.start);
            let place = if section.name.is_empty() { "a scenario".to_owned() } else { section.name.clone() };
            self.problem(line, format!("`{key}` is no key of {place}; keys here are {}", known.join(", ")));
        }
    }

    fn take(&mut self, section: &mut Section<'t>, key: &str) -> Found<DeValue<'t>> {
        let (place, value) = section.entries.remove(key)?;
        section.taken.insert(key.to_owned());
        Some((value.into_inner(), self.line(place.start)))
    }

    fn mistyped<T>(&mut self, line: usize, key: &str, found: &DeValue<'_>, example: &str) -> Found<T> {
        self.problem(line, format!("`{key}` is {}; write {example}", found.type_str()));
        None
    }
}

/// A value that may be a text or a count.
pub(super) enum Written {
    /// In quotes.
    Text(String),
    /// A number.
    Count(u64),
}
