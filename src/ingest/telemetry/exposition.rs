//! Text of a `/metrics` page: one scrape, several, or a dump with a time on every line.

use chrono_tz::Tz;

use super::collect::Collector;
use super::metric::Metric;
use super::series::Labels;
use crate::ingest::cell::{self, Cell};
use crate::ingest::rejected::excerpt;
use crate::units::Timestamp;

/// One sample line taken apart.
pub(super) struct Line<'a> {
    /// Metric name.
    pub(super) name: &'a str,
    /// Labels with their escapes undone.
    pub(super) labels: Vec<(&'a str, String)>,
    /// The value as written.
    pub(super) value: &'a str,
    /// The time as written: milliseconds, or seconds in `OpenMetrics`.
    pub(super) at: Option<&'a str>,
}

/// Reads all lines. A time in a comment (`# 2026-05-04T10:00:00Z`, or Unix seconds) is that of the
/// lines below it; a line's own time goes before; without either the scrape has no clock.
pub(super) fn parse(text: &str, into: &mut Collector<'_>) {
    let mut scraped: Option<i64> = None;
    let mut clockless = false;
    for (row, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            scraped = time_of_comment(comment).or(scraped);
            continue;
        }
        into.rows += 1;
        let Some(parts) = split(line) else {
            // The line's own text could be anything, so only a name that is known is shown.
            let name = line.split(['{', ' ']).next().filter(|it| Metric::from_name(it).is_some());
            into.reject(row, name, "the line is not `name{labels} value`".to_owned());
            continue;
        };
        let Some(metric) = Metric::from_name(parts.name) else {
            into.ignores(parts.name);
            continue;
        };
        into.uses(parts.name);
        match reading(&parts) {
            Ok((value, at)) => {
                let find = |name: &str| {
                    parts.labels.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
                };
                let labels = Labels::pick(into.file(), find);
                let at = at.or(scraped);
                clockless |= at.is_none();
                into.sample((parts.name, metric), &labels, at, value, row);
            }
            Err(reason) => into.reject(row, Some(parts.name), reason),
        }
    }
    if clockless {
        into.notice(
            "the scrape has no time: it shows which GPUs and engines there are, not how busy they \
             were over time",
        );
    }
}

fn reading(parts: &Line<'_>) -> Result<(f64, Option<i64>), String> {
    let value =
        parts.value.parse().map_err(|_| format!("`{}` is not a number", excerpt(parts.value)))?;
    let at = match parts.at {
        Some(text) => cell::time(Cell::Text(text), Tz::UTC)?.map(Timestamp::us),
        None => None,
    };
    Ok((value, at))
}

/// The instant a comment names, if it is not the help or type of a metric.
fn time_of_comment(comment: &str) -> Option<i64> {
    let words: Vec<&str> = comment.split_whitespace().collect();
    if matches!(words.first(), Some(&("HELP" | "TYPE" | "UNIT" | "EOF"))) {
        return None;
    }
    if let [alone] = words.as_slice()
        && let Ok(seconds) = alone.parse::<u64>()
    {
        return cell::time(Cell::Int(i128::from(seconds)), Tz::UTC).ok()?.map(Timestamp::us);
    }
    // A wall clock without an offset could be anyone's.
    let instant = |text: &str| {
        let tail = text.get(19..)?;
        let has_zone = tail.ends_with(['Z', 'z']) || tail.contains(['+', '-']);
        Timestamp::parse(text, Tz::UTC).ok().filter(|_| has_zone)
    };
    words
        .iter()
        .find_map(|it| instant(it.trim_matches(['(', ')', ',', ';'])))
        .or_else(|| words.windows(2).find_map(|it| instant(&it.join(" "))))
        .map(Timestamp::us)
}

/// Takes a line apart: `name{label="value",...} value [time] [# exemplar]`.
pub(super) fn split(line: &str) -> Option<Line<'_>> {
    let at = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(at);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => split_labels(inside)?,
        None => (Vec::new(), rest),
    };
    let rest = rest.split_once(" # ").map_or(rest, |it| it.0);
    let mut words = rest.split_whitespace();
    let value = words.next()?;
    let at = words.next();
    if words.next().is_some() {
        return None;
    }
    is_name(name).then_some(Line { name, labels, value, at })
}

fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !text.is_empty() && text.chars().all(legal) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Labels up to the closing brace, and what follows it.
fn split_labels(mut rest: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if !is_name(name) {
            return None;
        }
        let (value, after) = split_quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name, value));
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// A label value up to its closing quote, with `\\`, `\"` and `\n` undone.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}
