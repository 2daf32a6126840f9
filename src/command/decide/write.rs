//! A decision into the text of the file: what else stands there stays byte for byte.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::ingest::{Decision, DecisionState};
use crate::report::toml_string;
use crate::units::Money;

/// What a new file begins with.
const HEAD: &str = "# Decisions on the advice of gpuadvise. docs/decisions.md has every key.\n";

/// Where the values of each decision stand.
#[derive(Deserialize)]
struct Places {
    #[serde(default)]
    decision: Vec<BTreeMap<String, Spanned<toml::Value>>>,
}

/// A key with its value as TOML; nothing where the key is not to stand there.
type Key = (&'static str, Option<String>);

/// The text with the decision, in the entry at `place` or as a new last one.
pub(super) fn changed(text: &str, place: Option<usize>, decision: &Decision) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let keys = keys(decision);
    let entry = toml::from_str::<Places>(text).ok().zip(place);
    let entry = entry
        .and_then(|(mut it, at)| (at < it.decision.len()).then(|| it.decision.swap_remove(at)));
    match entry {
        Some(values) => updated(text, &values, &keys, end),
        None => appended(text, &keys, end),
    }
}

fn appended(text: &str, keys: &[Key], end: &str) -> String {
    let old = if text.is_empty() { HEAD } else { text };
    let line_end = if old.ends_with('\n') { "" } else { end };
    format!("{old}{line_end}{end}[[decision]]{end}{}", lines(keys.iter(), end))
}

/// Values that differ are written over, keys that go lose their line, new ones stand behind the last.
fn updated(
    text: &str,
    values: &BTreeMap<String, Spanned<toml::Value>>,
    keys: &[Key],
    end: &str,
) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (key, new) in keys {
        match (values.get(*key), new) {
            (Some(old), Some(new)) if !same(old.get_ref(), new) => {
                edits.push((old.span(), new.clone()));
            }
            (Some(old), None) => edits.push((line_of(text, &old.span()), String::new())),
            _ => {}
        }
    }
    let is_new = |it: &&Key| !values.contains_key(it.0);
    let last = values.values().map(|it| line_of(text, &it.span()).end).max().unwrap_or(text.len());
    let mut added = lines(keys.iter().filter(is_new), end);
    if !added.is_empty() && !text[..last].ends_with('\n') {
        added.insert_str(0, end);
    }
    edits.push((last..last, added));
    edits.sort_by_key(|it| (it.0.start, it.0.end));
    let mut new = text.to_owned();
    for (range, with) in edits.into_iter().rev() {
        new.replace_range(range, &with);
    }
    new
}

fn lines<'a>(keys: impl Iterator<Item = &'a Key>, end: &str) -> String {
    let line = |(key, value): &Key| Some(format!("{key} = {}{end}", value.as_ref()?));
    keys.filter_map(line).collect()
}

/// The whole lines that a value stands on, with their end.
fn line_of(text: &str, value: &Range<usize>) -> Range<usize> {
    let start = text[..value.start].rfind('\n').map_or(0, |it| it + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |it| value.end + it + 1);
    start..end
}

/// Whether a value is what its new text means, however it is written.
fn same(old: &toml::Value, new: &str) -> bool {
    let read = toml::from_str::<BTreeMap<String, toml::Value>>(&format!("new = {new}"));
    match (old, read.ok().and_then(|mut it| it.remove("new"))) {
        (toml::Value::String(quoted), Some(toml::Value::Datetime(date))) => {
            *quoted == date.to_string()
        }
        (old, new) => new.as_ref() == Some(old),
    }
}

/// Every key of a decision, in the order of a new entry.
fn keys(decision: &Decision) -> [Key; 13] {
    let promise = decision.promise.as_ref();
    let unit = promise.and_then(|it| it.unit.as_ref());
    let quoted = |it: &String| toml_string(it);
    let money = |it: Money| toml_string(&it.to_decimal_string());
    let currency = promise.map(|it| toml_string(it.monthly_savings.currency().as_str()));
    let until = match decision.state {
        DecisionState::Snoozed(until) => Some(until.to_string()),
        _ => None,
    };
    [
        ("advice", Some(quoted(&decision.advice))),
        ("workload", Some(quoted(&decision.workload))),
        ("state", Some(toml_string(decision.state.as_str()))),
        ("until", until),
        ("owner", decision.owner.as_ref().map(quoted)),
        ("due", decision.due.map(|it| it.to_string())),
        ("reason", decision.reason.as_ref().map(quoted)),
        ("decided", decision.decided.map(|it| it.to_string())),
        ("promised_monthly_savings", promise.map(|it| money(it.monthly_savings))),
        ("currency", currency),
        ("baseline_monthly_cost", promise.and_then(|it| it.monthly_cost).map(money)),
        ("baseline_unit_cost", unit.map(|it| money(it.cost))),
        ("baseline_unit", unit.map(|it| toml_string(&it.unit))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::parse_decisions;

    const FILE: &str = "# ours\n[[decision]] # first\nadvice = 'a-1'\nworkload = \"chat\" # the old one\n\
                        state = \"snoozed\"\nuntil = 2026-12-01\n# until the audit\nreason = \"\"\"audit\n\
                        [[decision]]\"\"\"\n\n[[decision]]\nadvice = \"a-2\"\nworkload = \"x\"\nstate = \"done\"";

    fn decision(text: &str, at: usize) -> Decision {
        parse_decisions(text, "d.toml").unwrap().list[at].clone()
    }

    #[test]
    fn only_what_changes_is_written() {
        let mut first = decision(FILE, 0);
        assert_eq!(changed(FILE, Some(0), &first), FILE);
        first.state = DecisionState::Rejected;
        first.owner = Some("Mara \"M\"".to_owned());
        let new = changed(FILE, Some(0), &first);
        let expected = FILE
            .replace("\"snoozed\"\nuntil = 2026-12-01\n", "\"rejected\"\n")
            .replace("[[decision]]\"\"\"\n", "[[decision]]\"\"\"\nowner = \"Mara \\\"M\\\"\"\n");
        assert_eq!(new, expected);
        assert_eq!(decision(&new, 0), first);
        // The last entry ends without a line end.
        let mut second = decision(FILE, 1);
        second.owner = Some("Jo".to_owned());
        assert_eq!(changed(FILE, Some(1), &second), format!("{FILE}\nowner = \"Jo\"\n"));
    }

    #[test]
    fn a_new_entry_stands_last() {
        let third = Decision { advice: "a-3".to_owned(), ..decision(FILE, 1) };
        let entry = "\n[[decision]]\nadvice = \"a-3\"\nworkload = \"x\"\nstate = \"done\"\n";
        assert_eq!(changed(FILE, None, &third), format!("{FILE}\n{entry}"));
        assert_eq!(changed("", None, &third), format!("{HEAD}{entry}"));
        let windows = changed("# ours\r\n", None, &third);
        assert_eq!(windows, format!("# ours\r\n{}", entry.replace('\n', "\r\n")));
    }
}
