//! A file cut into TOML's tokens, as the parser cuts it, so that what is counted here is what the parser will meet.

/// What a piece of the file is. Offsets are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// One of `. = , [ ] { }`.
    Sign(u8),
    /// A bare key, number or whatever else stands without quotes.
    Word,
    /// A text with its quotes, and how many backslashes are in it.
    Text { escapes: usize },
    /// Three quotes: a text over several lines begins.
    Lines,
    /// Spaces and tabs, or a comment.
    Blank,
    /// The end of a line.
    End,
}

/// The tokens of a text with where each begins and ends; after [`Token::Lines`] there are none.
pub(super) struct Tokens<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    fn rest(&self) -> &'t [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, from) = (self.rest(), self.at);
        let until = |ends: &[u8]| rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len());
        let (token, length) = match rest.first()? {
            b'"' if rest.starts_with(b"\"\"\"") => (Token::Lines, rest.len()),
            b'\'' if rest.starts_with(b"'''") => (Token::Lines, rest.len()),
            b'"' => basic(rest),
            b'\'' => {
                let inside = rest.iter().skip(1).position(|byte| *byte == b'\'' || *byte == b'\n');
                let end = inside.map_or(rest.len(), |found| found + 1);
                // The quote belongs to the text, the end of the line does not.
                (Token::Text { escapes: 0 }, end + usize::from(rest.get(end) == Some(&b'\'')))
            }
            b' ' | b'\t' => {
                (Token::Blank, rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len()))
            }
            b'#' => (Token::Blank, until(b"\r\n")),
            b'\r' if rest.get(1) == Some(&b'\n') => (Token::End, 2),
            b'\r' | b'\n' => (Token::End, 1),
            sign @ (b'.' | b'=' | b',' | b'[' | b']' | b'{' | b'}') => (Token::Sign(*sign), 1),
            // A quote inside a word is part of it.
            _ => (Token::Word, until(b".=,[]{} \t#\r\n")),
        };
        self.at = from + length;
        Some((from, token, self.at))
    }
}

/// A text in double quotes at the beginning of `rest`. It ends with the line too; what TOML makes of an open text is for
/// the parser to say.
fn basic(rest: &[u8]) -> (Token, usize) {
    let (mut at, mut escapes) = (1, 0);
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (None, _) => return (Token::Text { escapes }, rest.len()),
            (Some(b'"'), _) => return (Token::Text { escapes }, at + 1),
            (Some(b'\n'), _) => return (Token::Text { escapes }, at),
            (Some(b'\\'), next) => {
                escapes += 1;
                at += if matches!(next, Some(b'"' | b'\\')) { 2 } else { 1 };
            }
            (Some(_), _) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Token::{Blank, End, Lines, Sign, Text, Word};

    #[test]
    fn a_file_is_cut_as_toml_cuts_it() {
        let cut = |text: &str| Tokens::of(text).map(|(_, token, _)| token).collect::<Vec<_>>();
        let text = |escapes| Text { escapes };
        assert_eq!(cut("a = \"x\"\r\n"), [Word, Blank, Sign(b'='), Blank, text(0), End]);
        assert_eq!(cut("[a.'b']# [[["), [Sign(b'['), Word, Sign(b'.'), text(0), Sign(b']'), Blank]);
        // A quote inside a word opens nothing, so that what follows is not hidden by it.
        assert_eq!(cut("x\"[["), [Word, Sign(b'['), Sign(b'[')]);
        assert_eq!(cut(r#""a\"[\\"["#), [text(2), Sign(b'[')]);
        assert_eq!(cut("\"open [\n[ 'open [\n["), [text(0), End, Sign(b'['), Blank, text(0), End, Sign(b'[')]);
        assert_eq!(cut("\"\" '''"), [text(0), Blank, Lines]);
        let pieces = "a=[1,\t{ é = \"ü\\u00e9\" }] # ö";
        let whole: String = Tokens::of(pieces).map(|(from, _, to)| &pieces[from..to]).collect();
        assert_eq!(whole, pieces);
    }
}
