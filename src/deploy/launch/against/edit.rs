//! Changes to a text at the places of its words, in the style that it is written in.

use super::super::quote::{json, sh};
use super::words::Word;

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

/// How a text writes the words of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `- --flag` in lines of their own.
    List,
    /// `["--flag", "value"]`.
    Flow,
    /// `--flag value`.
    Shell,
}

/// The changes to a text so far.
pub(super) struct Edits<'a> {
    text: &'a str,
    found: &'a [Word<'a>],
    /// Start and end of what goes, and what comes in its place.
    pieces: Vec<(usize, usize, String)>,
    changes: Vec<Change>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str, found: &'a [Word<'a>]) -> Edits<'a> {
        Edits { text, found, pieces: Vec::new(), changes: Vec::new() }
    }

    pub(super) fn found(&self) -> &'a [Word<'a>] {
        self.found
    }

    /// The value of the last of these flags: what follows it, or stands after its `=`.
    pub(super) fn value_of(&self, names: &[&str]) -> Option<Word<'a>> {
        let at = self.found.iter().rposition(|it| names.contains(&it.flag()))?;
        let word = self.found.get(at)?;
        match word.text.split_once('=') {
            Some((flag, value)) => Some(Word { text: value, start: word.start + flag.len() + 1 }),
            None => self.found.get(at + 1).copied().filter(|it| !it.text.starts_with("--")),
        }
    }

    /// The words that follow a key of YAML.
    pub(super) fn after_key(&self, key: &str) -> Vec<Word<'a>> {
        let pairs = self.found.windows(2).filter(|it| it[0].text == key);
        pairs.map(|it| it[1]).collect()
    }

    pub(super) fn replace(&mut self, what: &str, word: Word<'_>, new: &str, why: &str) {
        if word.text == new || self.pieces.iter().any(|it| it.0 == word.start) {
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

    /// A flag that is not there, after the last one that is.
    pub(super) fn insert(&mut self, flag: &str, value: &str, why: &str) {
        let Some(last) = self.last() else { return };
        let style = self.style(&last);
        let at = self.end_of(&last);
        let indent: String =
            self.line_of(last.start).chars().take_while(|it| it.is_whitespace()).collect();
        let joined = self.found.iter().any(|it| it.text.starts_with("--") && it.text.contains('='));
        let words = if joined {
            vec![format!("{flag}={value}")]
        } else {
            vec![flag.to_owned(), value.to_owned()]
        };
        let piece = match style {
            Style::List => {
                let words: Vec<String> = words.iter().map(|it| json(it)).collect();
                format!("\n{indent}- {}", words.join(&format!("\n{indent}- ")))
            }
            Style::Flow => {
                let words: Vec<String> = words.iter().map(|it| json(it)).collect();
                format!(", {}", words.join(", "))
            }
            Style::Shell => {
                let words: Vec<String> = words.iter().map(|it| sh(it)).collect();
                let goes_on = self.text.lines().any(|it| it.trim_end().ends_with('\\'));
                let gap = if goes_on { format!(" \\\n{indent}") } else { " ".to_owned() };
                format!("{gap}{}", words.join(" "))
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
        let Some(at) = self.found.iter().rposition(|it| names.contains(&it.flag())) else { return };
        let Some(word) = self.found.get(at).copied() else { return };
        let attached = word.text.split_once('=').map(|it| it.1);
        let follows = self.found.get(at + 1).copied().filter(|_| has_value && attached.is_none());
        for it in [Some(word), follows].into_iter().flatten() {
            let (start, end) = self.span(&it);
            self.pieces.push((start, end, String::new()));
        }
        self.changes.push(Change {
            what: word.flag().to_owned(),
            old: Some(attached.or(follows.map(|it| it.text)).unwrap_or("set").to_owned()),
            new: None,
            why: why.to_owned(),
        });
    }

    /// The text with every change, and what they are.
    pub(super) fn done(mut self) -> (String, Vec<Change>) {
        // Of two pieces at one place the first comes first.
        self.pieces.sort_by_key(|it| (it.0, it.1));
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for (start, end, piece) in &self.pieces {
            if *start < at {
                continue;
            }
            out.push_str(self.text.get(at..*start).unwrap_or_default());
            out.push_str(piece);
            at = *end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        (out, self.changes)
    }

    /// The last word of the command: that of the last flag, or its value.
    fn last(&self) -> Option<Word<'a>> {
        let flag = self.found.iter().rposition(|it| {
            it.text.starts_with("--") && it.text.len() > 2 && !it.flag().contains(':')
        });
        let serve = || self.found.iter().position(|it| it.text == "serve");
        let at = flag.or_else(serve)?;
        let word = self.found.get(at)?;
        let next = self.found.get(at + 1);
        let is_value = |it: &&Word<'_>| {
            !word.text.contains('=')
                && !it.text.ends_with(':')
                && !it.text.starts_with('-')
                && self.is_beside(word, it)
        };
        Some(*next.filter(is_value).unwrap_or(word))
    }

    /// Whether a word can be the value of the one before: on the same line, the next item of a list, or after
    /// a line that goes on.
    fn is_beside(&self, word: &Word<'_>, next: &Word<'_>) -> bool {
        let between = self.text.get(word.end()..next.start).unwrap_or_default();
        let lines = between.matches('\n').count();
        lines == 0
            || between.contains('\\')
            || (lines == 1 && between.trim_end().ends_with(['-', '"', '\'']))
    }

    fn style(&self, word: &Word<'_>) -> Style {
        if self.line_of(word.start).trim_start().starts_with("- ") {
            return Style::List;
        }
        let after = self.text.get(self.end_of(word)..).unwrap_or_default();
        if after.trim_start().starts_with([',', ']']) { Style::Flow } else { Style::Shell }
    }

    /// The end of a word with its closing quote.
    fn end_of(&self, word: &Word<'_>) -> usize {
        let quoted = self.text.get(word.end()..).is_some_and(|it| it.starts_with(['"', '\'']));
        let opened = self.text.get(..word.start).is_some_and(|it| it.ends_with(['"', '\'']));
        word.end() + usize::from(quoted && opened)
    }

    /// What a word takes with the blanks, the quotes and the line before it.
    fn span(&self, word: &Word<'_>) -> (usize, usize) {
        let end = self.end_of(word);
        let before = self.text.get(..word.start).unwrap_or_default().trim_end_matches(['"', '\'']);
        match self.style(word) {
            Style::List => (before.rfind('\n').unwrap_or(0), end),
            Style::Flow => {
                let start = before.trim_end().trim_end_matches(',').len();
                (start, end)
            }
            Style::Shell => {
                let trimmed = before.trim_end_matches([' ', '\t']);
                // A line of its own goes with the mark that leads to it.
                let whole =
                    trimmed.strip_suffix('\n').map(|it| it.trim_end_matches(['\\', ' ', '\t']));
                (whole.unwrap_or(trimmed).len(), end)
            }
        }
    }

    fn line_of(&self, at: usize) -> &'a str {
        let start = self.text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
        self.text.get(start..).and_then(|it| it.lines().next()).unwrap_or_default()
    }
}
