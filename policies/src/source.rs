//! What is refused before a file is read as TOML: size, depth, and characters that show something else than they say.

use crate::problem::{Problem, ProblemKind};

/// Largest policy file, bytes.
pub const FILE_BYTES_MAX: usize = 64 * 1024;
/// Most brackets and braces that may be open at once.
const OPEN_MAX: usize = 6;
/// Most points in one key, such as the two of `assets.WETH.decimals`.
const POINTS_MAX: usize = 4;

/// The text of `bytes`.
///
/// # Errors
/// Every place that no voter could trust to say what it shows.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, Vec<Problem>> {
    let whole = |message: String| vec![problem(1, 1, message)];
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; a policy has at most {FILE_BYTES_MAX}", bytes.len());
        return Err(whole(message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position_of(bytes, error.valid_up_to());
        vec![problem(line, column, "this is not UTF-8; save the file as UTF-8".into())]
    })?;
    if text.starts_with('\u{feff}') {
        return Err(whole("the file begins with a byte order mark; save it as UTF-8 without one".into()));
    }
    let mut problems = hidden(text);
    problems.extend(too_deep(text));
    if problems.is_empty() { Ok(text) } else { Err(problems) }
}

/// Line and column of a byte offset, both from 1, the column in characters.
pub(crate) fn position_of(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
    let in_line = before.get(start..).unwrap_or_default();
    // A byte of the form 10xxxxxx continues a character.
    let column = in_line.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    (line + 1, column + 1)
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

fn hidden(text: &str) -> Vec<Problem> {
    let found = text.char_indices().filter(|(_, character)| is_hidden(*character));
    found
        .take(crate::problem::PROBLEMS_MAX)
        .map(|(offset, character)| {
            let (line, column) = position_of(text.as_bytes(), offset);
            let code = u32::from(character);
            problem(
                line,
                column,
                format!("the character U+{code:04X} cannot be seen or turns round its line; remove it"),
            )
        })
        .collect()
}

/// The first place that is nested deeper than a policy ever is. Looked for before the file is parsed, because what
/// parses and drops nested tables calls itself once a level.
fn too_deep(text: &str) -> Option<Problem> {
    let mut scan = Scan::default();
    for (offset, byte) in text.bytes().enumerate() {
        let opens = |quotes: &[u8; 3]| text.as_bytes().get(offset..).is_some_and(|rest| rest.starts_with(quotes));
        let trouble = if scan.inside.is_none() && (opens(b"\"\"\"") || opens(b"'''")) {
            "texts over several lines are not part of the language; write it in one line".into()
        } else {
            match scan.step(byte) {
                Step::Fine => continue,
                Step::Open => format!("more than {OPEN_MAX} brackets are open here; a policy needs fewer"),
                Step::Points => format!("this key has more than {POINTS_MAX} points; a policy needs fewer"),
            }
        };
        let (line, column) = position_of(text.as_bytes(), offset);
        return Some(problem(line, column, trouble));
    }
    None
}

enum Step {
    Fine,
    Open,
    Points,
}

/// Where a scan stands; it knows no more of TOML than what is a comment and what is a text.
#[derive(Default)]
struct Scan {
    /// The byte that ends the comment or text at hand.
    inside: Option<u8>,
    escaped: bool,
    open: usize,
    points: usize,
}

impl Scan {
    fn step(&mut self, byte: u8) -> Step {
        match self.inside {
            // A text and a comment end with the line; what TOML makes of an open text is for the parser to say.
            Some(_) if byte == b'\n' => (self.inside, self.escaped) = (None, false),
            Some(_) if self.escaped => self.escaped = false,
            Some(b'"') if byte == b'\\' => self.escaped = true,
            Some(end) if byte == end => self.inside = None,
            Some(_) => {}
            None => return self.outside(byte),
        }
        Step::Fine
    }

    fn outside(&mut self, byte: u8) -> Step {
        match byte {
            b'#' => self.inside = Some(b'\n'),
            b'"' | b'\'' => self.inside = Some(byte),
            b'[' | b'{' => (self.open, self.points) = (self.open + 1, 0),
            b']' | b'}' => self.open = self.open.saturating_sub(1),
            b'.' => self.points += 1,
            b'\n' | b'=' | b',' => self.points = 0,
            _ => {}
        }
        match () {
            () if self.open > OPEN_MAX => Step::Open,
            () if self.points > POINTS_MAX => Step::Points,
            () => Step::Fine,
        }
    }
}

fn problem(line: usize, column: usize, message: String) -> Problem {
    Problem { line, column, path: String::new(), kind: ProblemKind::Source, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text_of(text.as_bytes()).unwrap_err().remove(0).to_string()
    }

    #[test]
    fn ordinary_text_passes_with_either_line_end() {
        for good in [
            "",
            "a = 1\r\n# naïve é\r\n",
            "a = \"\" # \"\"\" ... ... [[[[[[[[\n",
            "a = [[1], ['x']]\n",
            "a.b.c = 'it''s'",
        ] {
            assert_eq!(text_of(good.as_bytes()).unwrap(), good);
        }
    }

    #[test]
    fn what_hides_is_refused_where_it_stands() {
        assert!(refused("\u{feff}a = 1").contains("byte order mark"));
        assert!(refused("a = 1\n# é \u{202e}x").starts_with("2:5: the character U+202E"));
        assert!(refused("a = \"x\u{200b}\"").starts_with("1:7:"));
        assert!(text_of(b"a = \"\xff\"").unwrap_err()[0].to_string().starts_with("1:6: this is not UTF-8"));
        assert!(refused(&" ".repeat(FILE_BYTES_MAX + 1)).contains("65537 bytes"));
    }

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_parsed() {
        assert!(refused(&format!("a = {}", "[".repeat(1000))).contains("brackets"));
        assert!(refused(&format!("a{} = 1", ".a".repeat(1000))).contains("points"));
        assert!(refused("a = \"\"\"x\"\"\"").contains("several lines"));
        assert!(refused("a = '''x'''").contains("several lines"));
    }
}
