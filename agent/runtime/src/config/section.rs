//! Reads TOML tables key by key and collects every problem with its place. What is never asked for is an unknown key.

use super::ConfigProblem;
use std::{collections::BTreeMap, fmt::Display, ops::Range};
use toml::de::{DeTable, DeValue};

/// Bytes of the file from which a value was read.
pub(super) type Span = Range<usize>;

/// The file that is being read.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<ConfigProblem>,
}

/// One table: what of it was not read yet.
#[derive(Debug)]
pub(super) struct Section<'t> {
    name: String,
    span: Span,
    entries: BTreeMap<String, (Span, Span, DeValue<'t>)>,
}

impl<'t> Reader<'t> {
    /// Parses the file as far as it can be; what cannot be parsed is a problem already.
    pub(super) fn new(text: &'t str) -> (Self, Section<'t>) {
        let mut reader = Self { text, problems: Vec::new() };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.problem(error.span().unwrap_or(0..0), error.message());
        }
        for (place, found) in text.char_indices() {
            if is_deceptive(found) {
                let message = format!(
                    "the invisible character U+{:04X} can make a text look like another; remove it",
                    u32::from(found)
                );
                reader.problem(place..place, message);
            }
        }
        let section = Section::new(String::new(), 0..0, root.into_inner());
        (reader, section)
    }

    /// Reports a problem at `span`.
    pub(super) fn problem(&mut self, span: Span, message: impl Display) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let problem = ConfigProblem { line, column, message: message.to_string() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Every problem, in the order of the places.
    pub(super) fn finish(mut self) -> Vec<ConfigProblem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }

    /// The table `key`; an empty one if it is absent.
    pub(super) fn section(&mut self, parent: &mut Section<'t>, key: &str) -> Section<'t> {
        let name = parent.full(key);
        match parent.entries.remove(key) {
            Some((span, _, DeValue::Table(table))) => Section::new(name, span, table),
            Some((_, span, other)) => {
                self.problem(span, format!("`{name}` is {}; write a table `[{name}]`", other.type_str()));
                Section::new(name, 0..0, DeTable::new())
            }
            None => Section::new(name, parent.span.clone(), DeTable::new()),
        }
    }

    /// The table `key`, if it is given.
    pub(super) fn section_if_given(&mut self, parent: &mut Section<'t>, key: &str) -> Option<Section<'t>> {
        parent.has(key).then(|| self.section(parent, key))
    }

    /// A text.
    pub(super) fn text(&mut self, section: &mut Section<'t>, key: &str, wanted: &str) -> Option<(String, Span)> {
        match section.entries.remove(key) {
            Some((_, span, DeValue::String(text))) => Some((text.into_owned(), span)),
            found => self.missing(section, key, found, wanted),
        }
    }

    /// A text, or `default` if the key is absent.
    pub(super) fn text_or(&mut self, section: &mut Section<'t>, key: &str, default: &str) -> Option<(String, Span)> {
        if section.has(key) {
            return self.text(section, key, &format!("a text such as \"{default}\""));
        }
        Some((default.to_owned(), section.span.clone()))
    }

    /// A whole number from `least` to `most`; `default` if the key is absent, an error if there is no default.
    pub(super) fn integer(
        &mut self,
        section: &mut Section<'t>,
        key: &str,
        (least, most): (u64, u64),
        default: Option<u64>,
    ) -> Option<u64> {
        let wanted = format!("a whole number from {least} to {most}");
        match section.entries.remove(key) {
            Some((_, span, DeValue::Integer(digits))) => {
                let found = u64::from_str_radix(digits.as_str(), digits.radix()).ok();
                let fits = found.filter(|found| (least..=most).contains(found));
                if fits.is_none() {
                    self.problem(span, format!("`{}` is out of range; write {wanted}", section.full(key)));
                }
                fits
            }
            None if default.is_some() => default,
            found => self.missing(section, key, found, &wanted),
        }
    }

    /// A number from `least` to `most`, with or without a fraction; `None` if the key is absent.
    pub(super) fn number(&mut self, section: &mut Section<'t>, key: &str, (least, most): (f64, f64)) -> Option<f64> {
        let wanted = format!("a number from {least} to {most}");
        let (text, span) = match section.entries.remove(key)? {
            (_, span, DeValue::Float(digits)) => (digits.as_str().to_owned(), span),
            (_, span, DeValue::Integer(digits)) if digits.radix() == 10 => (digits.as_str().to_owned(), span),
            found => return self.missing(section, key, Some(found), &wanted),
        };
        let fits = text.parse().ok().filter(|found| (least..=most).contains(found));
        if fits.is_none() {
            self.problem(span, format!("`{}` is out of range; write {wanted}", section.full(key)));
        }
        fits
    }

    /// `true` or `false`; `false` if the key is absent.
    pub(super) fn flag(&mut self, section: &mut Section<'t>, key: &str) -> Option<bool> {
        match section.entries.remove(key) {
            None => Some(false),
            Some((_, _, DeValue::Boolean(found))) => Some(found),
            found => self.missing(section, key, found, "true or false"),
        }
    }

    /// A list of texts; `None` if the key is absent.
    pub(super) fn texts(&mut self, section: &mut Section<'t>, key: &str, wanted: &str) -> Option<Vec<(String, Span)>> {
        let (list, span) = match section.entries.remove(key)? {
            (_, span, DeValue::Array(list)) => (list, span),
            found => return self.missing(section, key, Some(found), wanted),
        };
        let mut texts = Vec::new();
        for item in list {
            let place = item.span();
            match item.into_inner() {
                DeValue::String(text) => texts.push((text.into_owned(), place)),
                other => {
                    let name = section.full(key);
                    self.problem(place, format!("an entry of `{name}` is {}; write {wanted}", other.type_str()));
                }
            }
        }
        if texts.is_empty() {
            self.problem(span, format!("`{}` is empty; write {wanted}", section.full(key)));
        }
        Some(texts)
    }

    /// Whatever stands at `key`: a text or a table.
    pub(super) fn text_or_section(
        &mut self,
        section: &mut Section<'t>,
        key: &str,
        wanted: &str,
    ) -> Option<Result<(String, Span), Section<'t>>> {
        match section.entries.remove(key) {
            Some((_, span, DeValue::String(text))) => Some(Ok((text.into_owned(), span))),
            Some((_, span, DeValue::Table(table))) => Some(Err(Section::new(section.full(key), span, table))),
            found => self.missing(section, key, found, wanted),
        }
    }

    /// Reports every key of `section` that was not asked for.
    pub(super) fn close(&mut self, section: Section<'t>, known: &[&str]) {
        let known = known.join(", ");
        for (key, (span, _, _)) in &section.entries {
            self.problem(span.clone(), format!("unknown key `{}`; the keys here are: {known}", section.full(key)));
        }
    }

    fn missing<T>(
        &mut self,
        section: &Section<'t>,
        key: &str,
        found: Option<(Span, Span, DeValue<'t>)>,
        wanted: &str,
    ) -> Option<T> {
        let name = section.full(key);
        match found {
            // What stands there is not repeated: it may be a secret in the wrong place.
            Some((_, span, other)) => self.problem(span, format!("`{name}` is {}; write {wanted}", other.type_str())),
            None => self.problem(section.span.clone(), format!("`{name}` is missing; write {wanted}")),
        }
        None
    }
}

impl<'t> Section<'t> {
    fn new(name: String, span: Span, table: DeTable<'t>) -> Self {
        let entry = |(key, value): (toml::Spanned<toml::de::DeString<'t>>, toml::Spanned<DeValue<'t>>)| {
            let (key_span, value_span) = (key.span(), value.span());
            (key.into_inner().into_owned(), (key_span, value_span, value.into_inner()))
        };
        Self { name, span, entries: table.into_iter().map(entry).collect() }
    }

    /// Whether `key` was given and not read yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> Span {
        self.span.clone()
    }

    /// Whether `key` is given as a whole number.
    pub(super) fn has_integer(&self, key: &str) -> bool {
        matches!(self.entries.get(key), Some((_, _, DeValue::Integer(_))))
    }

    pub(super) fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// Characters that are not seen, or turn the direction of what follows.
fn is_deceptive(found: char) -> bool {
    matches!(found, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{00AD}')
}
