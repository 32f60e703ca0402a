//! What is refused before a file is read as TOML: size, depth, endless signs and words, and characters that show
//! something else than they say. What passes costs the parser a bounded time and memory, whatever it says.

mod depth;
mod tokens;

use crate::problem::{PROBLEMS_MAX, Problem, ProblemKind};
use depth::Depth;
use tokens::{Token, Tokens};

/// Largest policy file, bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Most keys and lists around a value, its own among them: `assets.WETH.feeds[0]` has four.
const DEPTH_MAX: usize = 16;
/// Most words, texts, signs, escapes and lines. Each costs the parser some hundred bytes, and one that is wrong costs an
/// error; a policy with everything that the language allows has a third of them.
const TOKENS_MAX: usize = 64 * 1024;
/// Longest word without quotes, bytes: twice a name, three times a number.
const WORD_BYTES_MAX: usize = 64;
/// Longest text with its quotes, bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// The text of `bytes`.
///
/// # Errors
/// Every place that no voter could trust to say what it shows, and the first that is too much.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, Vec<Problem>> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(vec![too_large()]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = Lines::of(bytes).position_of(bytes, error.valid_up_to());
        vec![problem(line, column, "this is not UTF-8; save the file as UTF-8".into())]
    })?;
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark; save it as UTF-8 without one";
        return Err(vec![problem(1, 1, message.into())]);
    }
    let mut found: Vec<(usize, String)> = hidden(text).collect();
    found.extend(too_much(text));
    if found.is_empty() {
        return Ok(text);
    }
    let lines = Lines::of(bytes);
    let placed = |(offset, message): (usize, String)| {
        let (line, column) = lines.position_of(bytes, offset);
        problem(line, column, message)
    };
    Err(found.into_iter().map(placed).collect())
}

/// The one problem of a file that is larger than [`FILE_BYTES_MAX`].
pub(crate) fn too_large() -> Problem {
    let message = format!("the file is larger than {FILE_BYTES_MAX} bytes (256 KiB); shorten its comments and lists");
    problem(1, 1, message)
}

/// Where the lines of a file begin, so that places are told without walking over the whole file for each.
#[derive(Debug)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        crate::work::add(bytes.len());
        let after = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(offset, _)| offset + 1);
        Self { starts: std::iter::once(0).chain(after).collect() }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Line and column of a byte offset in the file that these are the lines of, both from 1, the column in characters.
    /// It walks over that line.
    pub(crate) fn position_of(&self, bytes: &[u8], offset: usize) -> (usize, usize) {
        let line = self.line_of(offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or_default();
        let in_line = bytes.get(start..offset.min(bytes.len())).unwrap_or_default();
        crate::work::add(in_line.len());
        // A byte of the form 10xxxxxx continues a character.
        let column = in_line.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        (line, column + 1)
    }
}

/// Whether a character cannot be seen, or turns round what stands beside it: zero-width characters, bidirectional
/// controls, invisible operators and tags, line ends that editors show and TOML does not know (Unicode TR 36, TR 55).
pub(crate) fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{8}' | '\u{b}'..='\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first places with a hidden character. A carriage return alone is one: editors show a new line where TOML has none.
fn hidden(text: &str) -> impl Iterator<Item = (usize, String)> {
    crate::work::add(text.len());
    let alone = |offset: usize| text.as_bytes().get(offset + 1) != Some(&b'\n');
    let found = text
        .char_indices()
        .filter(move |(offset, character)| is_hidden(*character) || (*character == '\r' && alone(*offset)));
    found.take(PROBLEMS_MAX).map(|(offset, character)| {
        let code = u32::from(character);
        (offset, format!("the character U+{code:04X} cannot be seen or turns round its line; remove it"))
    })
}

/// The first place where there is more of something than a policy ever has. Looked for before the file is parsed, because
/// what parses and drops nested tables calls itself once a level, and keeps an error for each sign that is wrong.
fn too_much(text: &str) -> Option<(usize, String)> {
    crate::work::add(text.len());
    let (mut depth, mut count) = (Depth::default(), 0);
    for (from, token, to) in Tokens::of(text) {
        count += match token {
            Token::Blank => 0,
            Token::Text { escapes } => 1 + escapes,
            Token::Sign(_) | Token::Word | Token::Lines | Token::End => 1,
        };
        depth.step(token, from);
        let trouble = match token {
            Token::Lines => {
                "a text over several lines is not part of the language; write it in one line, in one pair of quotes"
                    .into()
            }
            Token::Word if to - from > WORD_BYTES_MAX => {
                let length = to - from;
                format!("this word has {length} bytes, and no name or number more than {WORD_BYTES_MAX}; shorten it")
            }
            Token::Text { .. } if to - from > TEXT_BYTES_MAX => {
                let length = to - from;
                format!("this text has {length} bytes; a text has at most {TEXT_BYTES_MAX}: shorten it")
            }
            _ if token != Token::End && depth.now() > DEPTH_MAX => {
                format!("this is nested deeper than {DEPTH_MAX} keys and lists; take out brackets, braces or points")
            }
            _ if count > TOKENS_MAX => {
                format!(
                    "here the file has more than {TOKENS_MAX} words, signs and lines; a policy has fewer: shorten it"
                )
            }
            _ => continue,
        };
        return Some((from, trouble));
    }
    None
}

fn problem(line: usize, column: usize, message: String) -> Problem {
    Problem { line, column, path: String::new(), kind: ProblemKind::Source, message }
}

#[cfg(test)]
mod tests;
