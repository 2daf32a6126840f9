//! A row that was refused, with the place and the reason.

use std::fmt;

/// Longest excerpt of a cell in a message.
const EXCERPT_CHARS: usize = 40;

/// Why a row does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedKind {
    /// Something in it is wrong.
    Faulty,
    /// An identical row came before.
    Duplicate,
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The file.
    pub file: String,
    /// The row, counted from 1 without the header; the line for JSON lines.
    pub row: u64,
    /// The header of the column at fault.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// Which of the two kinds.
    pub kind: RejectedKind,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: row {}", self.file, self.row)?;
        if let Some(column) = &self.column {
            write!(f, ": `{column}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A cell as a message may show it: short, on one line, without control characters.
pub(super) fn excerpt(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT_CHARS).collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() { format!("{clean}…") } else { clean }
}
