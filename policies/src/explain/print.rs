//! An explanation as plain text for a terminal, and as Markdown for a forum.

use super::{Explanation, Sentence};
use std::fmt::Write;

/// Letters in a line of plain text.
const WIDTH: usize = 80;

impl Explanation {
    /// As plain text in lines of at most 80 letters, longer words apart. Ends with a line end.
    pub fn to_text(&self) -> String {
        let mut page = format!("{}\n{}\n\n", self.name, "=".repeat(self.name.chars().count()));
        wrap(&mut page, &self.preface(), "", "");
        for section in &self.sections {
            let line = "-".repeat(section.heading.chars().count());
            // Writing to a `String` cannot fail.
            let _ = writeln!(page, "\n{}\n{line}", section.heading);
            for Sentence { text, .. } in &section.sentences {
                wrap(&mut page, text, "- ", "  ");
            }
        }
        page
    }

    /// As Markdown (CommonMark). Nothing that a policy says is taken for markup.
    pub fn to_markdown(&self) -> String {
        let mut page = format!("# {}\n\n{}\n", escaped(&self.name), escaped(&self.preface()));
        for section in &self.sections {
            let _ = write!(page, "\n## {}\n\n", escaped(&section.heading));
            for Sentence { text, .. } in &section.sentences {
                let _ = writeln!(page, "- {}", escaped(text));
            }
        }
        page
    }

    fn preface(&self) -> String {
        format!(
            "What this policy lets the agent propose, in plain English. It was made from the file of hash {} alone. Where the \
             two differ the file prevails, for its hash is what the members vote.",
            self.hash
        )
    }
}

/// Appends `text` in lines, the first of which begins with `first` and the others with `next`.
fn wrap(page: &mut String, text: &str, first: &str, next: &str) {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let space = usize::from(!is_empty);
        if !is_empty && line.chars().count() + space + word.chars().count() > WIDTH {
            page.push_str(&line);
            page.push('\n');
            line = next.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    page.push_str(&line);
    page.push('\n');
}

/// With a backslash before whatever Markdown could take for markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (position, letter) in text.char_indices() {
        // A list, a heading or a numbered item can begin only at the beginning.
        let begins = position == 0 && matches!(letter, '#' | '-' | '+' | '=' | '0'..='9');
        let is_markup = matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' | '!');
        match letter {
            '0'..='9' if begins => {
                escaped.push(letter);
                continue;
            }
            _ if begins || is_markup => escaped.push('\\'),
            _ => {}
        }
        escaped.push(letter);
    }
    escaped
}
