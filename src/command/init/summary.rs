//! What `init` says when the file is written.

use std::path::Path;

use super::Draft;
use crate::ingest::{Fate, Ingested};
use crate::report::{self, Blank};
use crate::units::{Currency, Money};

/// Columns of a line.
const WIDTH: usize = 80;
/// Blanks that are told.
const MOST_BLANKS: usize = 3;

/// The lines on stdout.
pub(super) fn text(draft: &Draft<'_>, path: &Path, next: &str) -> String {
    let mut lines = vec![format!("{} is written", path.display())];
    let reading = draft.reading;
    if let Some(ingested) = &reading.ingested {
        lines.push(found(draft, ingested));
        lines.extend(unclaimed(draft, ingested));
    }
    for log in &reading.unmapped {
        lines.push(format!("not read: {}; fill in its [[mapping]]", log.file));
    }
    if !reading.unrated.is_empty() {
        let codes: Vec<&str> = reading.unrated.iter().map(Currency::as_str).collect();
        lines.push(format!(
            "no rate between currencies, {} among them: fill in [fx]",
            codes.join(", ")
        ));
    }
    lines.extend(blanks(draft));
    // A path is never cut: it is there to be copied.
    lines.push(format!("next: {next}"));
    let mut text = String::new();
    for line in &lines {
        text.push_str(&report::plain(line));
        text.push('\n');
    }
    text
}

fn found(draft: &Draft<'_>, ingested: &Ingested) -> String {
    let n = draft.workloads.len();
    let workloads = if n == 1 { "1 workload".to_owned() } else { format!("{n} workloads") };
    let costs = draft.workloads.iter().filter_map(|it| it.workload.totals.effective_cost);
    let currency = ingested.reconciliation.currency;
    let total = costs.clone().next().and_then(|_| Money::sum(costs, currency).ok());
    let hours = report::measure(ingested.window.hours());
    match total {
        Some(total) => {
            format!("{workloads}, {} {currency} effective in {hours} h", report::money(total))
        }
        None => format!("{workloads} in {hours} h, cost not known"),
    }
}

/// GPUs in no workload.
fn unclaimed(draft: &Draft<'_>, ingested: &Ingested) -> Option<String> {
    let account = &ingested.reconciliation;
    let part = account.parts.iter().find(|it| it.fate == Fate::Unassigned)?;
    let cost = part.totals.effective.or(part.totals.billed).filter(|it| !it.is_zero())?;
    if !draft.reading.unrated.is_empty() {
        return Some("GPUs are in no workload: name them under [[rule]]".to_owned());
    }
    let amount = report::money(cost);
    Some(format!("{amount} {} of GPUs are in no workload: see [[rule]]", account.currency))
}

/// The best blanks with what they touch, on the right of 80 columns.
fn blanks(draft: &Draft<'_>) -> Vec<String> {
    if draft.blanks.is_empty() {
        return vec!["no blank of a workload would change what analyze says".to_owned()];
    }
    let currency = draft.reading.ingested.as_ref().map(|it| it.reconciliation.currency);
    let unit = currency.map(|it| format!("{it} A MONTH")).unwrap_or_default();
    let mut lines = vec![right("BLANKS WORTH FILLING, BY THE SPEND THEY TOUCH", &unit)];
    for (at, blank) in draft.blanks.iter().take(MOST_BLANKS).enumerate() {
        let Blank { worth, why, .. } = blank;
        let amount = worth.map_or_else(|| "–".to_owned(), report::money);
        lines.push(right(&format!("{}  {}", at + 1, report::plain(&blank.place())), &amount));
        let why = wrapped(&report::plain(why), WIDTH - 3);
        lines.extend(why.into_iter().map(|it| format!("   {it}")));
    }
    if draft.blanks.len() > MOST_BLANKS {
        lines.push(format!("   and {} more in the file", draft.blanks.len() - MOST_BLANKS));
    }
    lines
}

/// A text on the left, cut where it must be, and an amount on the right.
fn right(text: &str, amount: &str) -> String {
    let room = WIDTH.saturating_sub(amount.chars().count() + 1);
    let text = report::clip(text, room);
    format!("{text:<room$} {amount}").trim_end().to_owned()
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(report::clip(word, columns)),
        }
    }
    lines
}

/// The command to run when the blanks are filled; with `config` where no run finds it by itself.
pub(super) fn next_command(files: &[String], config: Option<&Path>) -> String {
    let mut words = vec!["gpuadvise".to_owned(), "analyze".to_owned()];
    words.extend(files.iter().map(|it| quoted(it)));
    if let Some(path) = config {
        words.extend(["--config".to_owned(), quoted(&path.display().to_string())]);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let harmless = |it: char| it.is_alphanumeric() || "-_./:=+,@%".contains(it);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_can_be_copied() {
        let files = ["bill.csv", "exports/*.json", "it's.csv"].map(str::to_owned);
        assert_eq!(
            next_command(&files, None),
            r"gpuadvise analyze bill.csv 'exports/*.json' 'it'\''s.csv'"
        );
        let given = next_command(&files[..1], Some(Path::new("my config.toml")));
        assert_eq!(given, "gpuadvise analyze bill.csv --config 'my config.toml'");
    }

    #[test]
    fn lines_fit() {
        assert_eq!(right("a", "1.00").chars().count(), WIDTH);
        assert_eq!(right(&"x".repeat(200), "1.00").chars().count(), WIDTH);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }
}
