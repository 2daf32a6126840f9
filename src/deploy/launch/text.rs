//! A file as it is written line by line, with its comments.

use super::quote::comment;

/// Longest line of a comment.
const WIDTH: usize = 100;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
}

impl Text {
    pub(super) fn new() -> Text {
        Text::default()
    }

    /// A line, indented by so many spaces.
    pub(super) fn line(&mut self, indent: usize, text: &str) -> &mut Text {
        if !text.is_empty() {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(text);
        }
        self.out.push('\n');
        self
    }

    /// Lines as they stand.
    pub(super) fn lines(&mut self, indent: usize, text: &str) -> &mut Text {
        for line in text.lines() {
            self.line(indent, line);
        }
        self
    }

    /// A comment, on as many lines as it needs.
    pub(super) fn note(&mut self, indent: usize, text: &str) -> &mut Text {
        for line in wrapped(&comment(text), WIDTH.saturating_sub(indent + 2)) {
            self.line(indent, &format!("# {line}"));
        }
        self
    }

    /// A line without anything.
    pub(super) fn gap(&mut self) -> &mut Text {
        self.line(0, "")
    }

    pub(super) fn done(self) -> String {
        self.out
    }
}

/// A text in lines of at most so many characters, longer words whole.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|it| !it.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
