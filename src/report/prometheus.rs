//! `gpuadvise.prom`: the report for the textfile collector of Prometheus' `node_exporter`.
//!
//! Gauges only, in base units: seconds, ratios of 1, and the currency of the report in the name, so
//! that nothing adds up euros and dollars. What was not measured has no line. The time of the run
//! is the day of the report, not the clock: the same report gives the same bytes.

mod families;

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::model::{ReportModel, WorkloadReport};
use super::words;

/// Longest label value: the names of machines and people are shorter.
const LONGEST_LABEL: usize = 200;

/// A name and a value for it.
type Label = (&'static str, String);

/// A metric and its lines.
struct Family {
    name: String,
    help: &'static str,
    samples: Vec<(Vec<Label>, String)>,
}

impl Family {
    fn new(name: impl Into<String>, help: &'static str) -> Family {
        Family { name: name.into(), help, samples: Vec::new() }
    }

    /// Adds a line where there is a value.
    fn add(&mut self, labels: &[Label], value: Option<impl ToString>) {
        if let Some(value) = value {
            self.samples.push((labels.to_vec(), value.to_string()));
        }
    }

    fn one(mut self, labels: &[Label], value: Option<impl ToString>) -> Family {
        self.add(labels, value);
        self
    }
}

/// The metrics of a report.
pub(crate) fn render(report: &ReportModel) -> String {
    let mut text = String::new();
    for family in families::all(report).iter().filter(|it| !it.samples.is_empty()) {
        let name = &family.name;
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} gauge", family.help);
        for (labels, value) in &family.samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let braces =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{braces} {value}");
        }
    }
    text
}

/// A value between quotes, as the text format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The labels of each workload. Two lines with equal labels would spoil the whole file, so names
/// that are equal once they are cut give way to the slug, which is unique.
fn workload_labels(report: &ReportModel) -> Vec<Vec<Label>> {
    let mut taken = BTreeSet::new();
    let label = |it: &WorkloadReport| words::plain(&it.name);
    let mut names = Vec::new();
    for workload in &report.workloads {
        let name = label(workload);
        let fits = name.chars().count() <= LONGEST_LABEL;
        let name = if fits && taken.insert(name.clone()) { name } else { workload.slug.clone() };
        taken.insert(name.clone());
        let owner = workload.owner.as_deref().map(words::plain).unwrap_or_default();
        names.push(vec![("workload", name), ("owner", words::clip(&owner, LONGEST_LABEL))]);
    }
    names
}

/// A day, or the first of a month, or an instant, as seconds since 1970.
pub(super) fn seconds(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp());
    }
    let day = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
    let day = NaiveDate::parse_from_str(&day, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc().timestamp())
}

/// A finite number.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|it| it.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_their_quotes() {
        assert_eq!(escaped("a\"} 1\n# \\"), "a\\\"} 1\\n# \\\\");
        assert_eq!(seconds("2026-11-01"), Some(1_793_491_200));
        assert_eq!(seconds("2026-11"), Some(1_793_491_200));
        assert_eq!(seconds("2026-11-01T00:00:01Z"), Some(1_793_491_201));
        assert_eq!(seconds("soon"), None);
    }
}
