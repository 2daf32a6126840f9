//! Changes to a text at the places of the words of its command, in the style that it is written in.

use super::super::quote::{json, sh};
use super::words::{Command, Style, Word};

/// A change, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The flag or key.
    pub(super) what: String,
    /// Nothing where it was not set.
    pub(super) old: Option<String>,
    /// Nothing where it goes.
    pub(super) new: Option<String>,
    pub(super) why: String,
}

/// The changes to a text so far.
pub(super) struct Edits<'a> {
    text: &'a str,
    command: &'a Command<'a>,
    /// Start and end of what goes, and what comes in its place.
    pieces: Vec<(usize, usize, String)>,
    changes: Vec<Change>,
    /// What has to be changed elsewhere.
    by_hand: Vec<String>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str, command: &'a Command<'a>) -> Edits<'a> {
        Edits { text, command, pieces: Vec::new(), changes: Vec::new(), by_hand: Vec::new() }
    }

    /// The value of the last of these flags: what follows it, or stands after its `=`.
    pub(super) fn value_of(&self, names: &[&str]) -> Option<Word<'a>> {
        let words = &self.command.words;
        let at = words.iter().rposition(|it| names.contains(&it.flag().as_str()))?;
        let word = words.get(at)?;
        match word.text.split_once('=') {
            Some((flag, value)) => Some(Word { text: value, start: word.start + flag.len() + 1 }),
            None => words.get(at + 1).copied().filter(|it| !it.is_flag()),
        }
    }

    pub(super) fn replace(&mut self, what: &str, word: Word<'_>, new: &str, why: &str) {
        if word.text == new || self.pieces.iter().any(|it| it.0 == word.start) {
            return;
        }
        if word.text.contains(['$', '{']) {
            self.by_hand(format!(
                "{what} is {} where it is filled in: it should be {new}, {why}",
                word.text
            ));
            return;
        }
        self.pieces.push((word.start, word.end(), new.to_owned()));
        self.changes.push(Change {
            what: what.to_owned(),
            old: Some(word.text.to_owned()),
            new: Some(new.to_owned()),
            why: why.to_owned(),
        });
    }

    /// What the file does not hold, or holds as a variable.
    pub(super) fn by_hand(&mut self, what: String) {
        self.by_hand.push(what);
    }

    /// A flag that is not there, after the last word of the command.
    pub(super) fn insert(&mut self, flag: &str, value: &str, why: &str) {
        let words = &self.command.words;
        let Some(last) = words.last() else { return };
        let at = self.end_of(last);
        let line: &str = self.line_of(last.start);
        let indent: String = line.chars().take_while(|it| it.is_whitespace()).collect();
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let joined = words.iter().any(|it| it.text.starts_with("--") && it.text.contains('='));
        let all = if joined {
            vec![format!("{flag}={value}")]
        } else {
            vec![flag.to_owned(), value.to_owned()]
        };
        let quoted: Vec<String> = all.iter().map(|it| json(it)).collect();
        let plain: Vec<String> = all.iter().map(|it| sh(it)).collect();
        let piece = match self.command.style {
            Style::List => {
                let gap = format!("{newline}{indent}- ");
                format!("{gap}{}", quoted.join(&gap))
            }
            Style::Flow => format!(", {}", quoted.join(", ")),
            Style::Array => format!("{newline}{indent}{}", plain.join(" ")),
            Style::Shell => {
                let first = words.first().map_or(0, |it| it.start);
                let goes_on = self
                    .text
                    .get(first..at)
                    .is_some_and(|it| it.contains("\\\n") || it.contains("\\\r\n"));
                let gap = if goes_on { format!(" \\{newline}{indent}") } else { " ".to_owned() };
                format!("{gap}{}", plain.join(" "))
            }
        };
        self.pieces.push((at, at, piece));
        self.changes.push(Change {
            what: flag.to_owned(),
            old: None,
            new: Some(value.to_owned()),
            why: why.to_owned(),
        });
    }

    /// A flag that must not be there, with its value where it has one.
    pub(super) fn remove(&mut self, names: &[&str], has_value: bool, why: &str) {
        let words = &self.command.words;
        let Some(at) = words.iter().rposition(|it| names.contains(&it.flag().as_str())) else {
            return;
        };
        let Some(word) = words.get(at).copied() else { return };
        let attached = word.text.split_once('=').map(|it| it.1);
        let follows = words
            .get(at + 1)
            .copied()
            .filter(|it| has_value && attached.is_none() && !it.is_flag());
        let (start, mut end) = self.span(&word);
        if let Some(value) = &follows {
            end = self.span(value).1;
        }
        self.pieces.push((start, end, String::new()));
        self.changes.push(Change {
            what: word.flag(),
            old: Some(attached.or(follows.map(|it| it.text)).unwrap_or("set").to_owned()),
            new: None,
            why: why.to_owned(),
        });
    }

    /// The text with every change, what they are, and what is left to do by hand; nothing where two of them would
    /// touch the same place.
    pub(super) fn done(mut self) -> Option<(String, Vec<Change>, Vec<String>)> {
        // Of two pieces at one place the first comes first.
        self.pieces.sort_by_key(|it| (it.0, it.1));
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for (start, end, piece) in &self.pieces {
            if *start < at {
                return None;
            }
            out.push_str(self.text.get(at..*start)?);
            out.push_str(piece);
            at = *end;
        }
        out.push_str(self.text.get(at..)?);
        Some((out, self.changes, self.by_hand))
    }

    /// The end of a word with its closing quote, where the quote holds the word alone.
    fn end_of(&self, word: &Word<'_>) -> usize {
        let opened = self.text.get(..word.start).and_then(|it| it.chars().next_back());
        let closed = self.text.get(word.end()..).and_then(|it| it.chars().next());
        let quoted = matches!(opened, Some('"' | '\'')) && opened == closed;
        word.end() + usize::from(quoted)
    }

    /// What a word takes with the blanks, the quote and the line before it.
    fn span(&self, word: &Word<'_>) -> (usize, usize) {
        let end = self.end_of(word);
        let mut start = word.start;
        if end > word.end() {
            start -= 1;
        }
        let before = self.text.get(..start).unwrap_or_default();
        match self.command.style {
            Style::List => {
                let line = before.rfind('\n').unwrap_or(0);
                let carriage = usize::from(before.get(..line).is_some_and(|it| it.ends_with('\r')));
                (line - carriage, end)
            }
            Style::Flow => (before.trim_end().trim_end_matches(',').len(), end),
            Style::Shell | Style::Array => {
                let trimmed = before.trim_end_matches([' ', '\t']);
                // A line of its own goes with the mark that leads to it.
                let whole = trimmed
                    .strip_suffix('\n')
                    .map(|it| it.trim_end_matches(['\\', ' ', '\t', '\r']));
                (whole.unwrap_or(trimmed).len(), end)
            }
        }
    }

    fn line_of(&self, at: usize) -> &'a str {
        let start = self.text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
        self.text.get(start..).and_then(|it| it.lines().next()).unwrap_or_default()
    }
}
