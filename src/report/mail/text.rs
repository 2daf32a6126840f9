//! The mail as text, complete by itself.

use std::fmt::Write;

use super::page::{Page, Row};
use crate::report::terminal::cell::{pad_left, width, wrapped};

/// Columns of a line: an answer may quote it twice and stay within 78.
const COLUMNS: usize = 74;

/// The text.
pub(super) fn render(page: &Page) -> String {
    let mut text = String::new();
    paragraph(&mut text, "", &page.title);
    paragraph(&mut text, "", &page.about);
    text.push('\n');
    for it in &page.headline {
        paragraph(&mut text, "", it);
    }
    if !page.decisions.is_empty() {
        text.push_str("\nDECISIONS\n");
        for (at, it) in (1..).zip(&page.decisions) {
            paragraph(&mut text, &format!("{at}. "), it);
        }
    }
    for section in &page.sections {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "\n{}", section.title.to_uppercase());
        for it in &section.rows {
            row(&mut text, it);
        }
        let lead = if section.lines.len() > 1 { "- " } else { "" };
        for it in &section.lines {
            paragraph(&mut text, lead, it);
        }
    }
    // What mail programs take for the end of the message proper.
    text.push_str("\n-- \n");
    for it in &page.small_print {
        paragraph(&mut text, "", it);
    }
    text
}

fn paragraph(text: &mut String, lead: &str, said: &str) {
    let indent = width(lead);
    for (at, line) in wrapped(said, COLUMNS - indent).iter().enumerate() {
        let lead = if at == 0 { lead.to_owned() } else { " ".repeat(indent) };
        let _ = writeln!(text, "{lead}{line}");
    }
}

/// The label, its number at the right end of the last line, and the note below.
fn row(text: &mut String, row: &Row) {
    if row.strong && row.note.is_empty() {
        let _ = writeln!(text, "{}", pad_left(&"-".repeat(width(&row.value)), COLUMNS));
    }
    let room = COLUMNS.saturating_sub(width(&row.value) + 2).max(20);
    let lines = wrapped(&row.label, room);
    for (at, line) in lines.iter().enumerate() {
        let gap = COLUMNS.saturating_sub(width(line));
        let value = if at + 1 == lines.len() { pad_left(&row.value, gap) } else { String::new() };
        let _ = writeln!(text, "{line}{value}");
    }
    if !row.note.is_empty() {
        paragraph(text, "  ", &row.note);
    }
}
