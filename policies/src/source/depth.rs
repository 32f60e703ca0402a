//! How deep a place of a file is nested, told from its tokens alone.

use super::tokens::Token;

/// Follows the tokens of a file and says how many keys and lists lie around the last one: the parts of its section's
/// title, the parts of keys, and the brackets and braces that are open. Where brackets do not match it counts too many
/// rather than too few.
#[derive(Debug, Default)]
pub(super) struct Depth {
    /// Parts of the title of the section.
    section: usize,
    /// What is open, and how deep the place of each is. The caller stops at a depth, and with it this list.
    open: Vec<(u8, usize)>,
    now: usize,
    at: At,
}

/// Where in a line the last token stood.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before everything else.
    #[default]
    Start,
    /// Just after the first bracket of a section's title, which ends at this byte.
    Title(usize),
    /// Inside a section's title.
    InTitle,
    /// After a point, blanks aside: the next word goes on with the key.
    Point,
    /// Anywhere else.
    Elsewhere,
}

impl Depth {
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// Goes on over `token`, which begins at the byte `from`.
    pub(super) fn step(&mut self, token: Token, from: usize) {
        let title = matches!(self.at, At::Title(_) | At::InTitle);
        self.at = match token {
            Token::Blank => return,
            Token::End => {
                if title {
                    self.section = self.now;
                }
                self.now = self.around() + 1;
                if self.open.is_empty() { At::Start } else { At::Elsewhere }
            }
            Token::Sign(b'[') if self.at == At::Start && self.open.is_empty() => {
                self.now = 1;
                At::Title(from + 1)
            }
            // Two brackets side by side: the section is an entry of a list.
            Token::Sign(b'[') if self.at == At::Title(from) => {
                self.now += 1;
                At::InTitle
            }
            Token::Sign(b'.' | b'[' | b'{') if title => {
                self.now += 1;
                At::InTitle
            }
            _ if title => At::InTitle,
            Token::Sign(b'.') => {
                self.now += 1;
                At::Point
            }
            Token::Sign(sign @ (b'[' | b'{')) => {
                self.open.push((sign, self.now));
                self.now += 1;
                At::Elsewhere
            }
            Token::Sign(sign @ (b']' | b'}')) => {
                let opened = if sign == b']' { b'[' } else { b'{' };
                if let Some((_, before)) = self.open.pop_if(|(open, _)| *open == opened) {
                    self.now = before;
                }
                At::Elsewhere
            }
            Token::Sign(b',') => {
                self.now = self.around() + 1;
                At::Elsewhere
            }
            Token::Word | Token::Text { .. } if self.at != At::Point => {
                self.now = self.around() + 1;
                At::Elsewhere
            }
            Token::Sign(_) | Token::Word | Token::Text { .. } | Token::Lines => At::Elsewhere,
        };
    }

    /// Depth of what the next key or entry lies in.
    fn around(&self) -> usize {
        self.open.last().map_or(self.section, |(_, before)| *before)
    }
}
