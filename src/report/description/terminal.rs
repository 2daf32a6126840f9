//! `describe` on a terminal of 80 columns: a table, a paragraph for the workloads that cost most,
//! then what was found.

use std::cmp::Reverse;
use std::fmt::Write;

use super::{DescriptionReport, Told, words};
use crate::report::number::Medium;
use crate::report::{TerminalStyle, clip, csv_line, hanging, plain};
use crate::units::Money;
use crate::workload::Kind;

/// Numbers in a terminal.
const TERM: Medium = Medium::Terminal;
/// Workloads with a paragraph of their own; Markdown has all.
const MOST_PARAGRAPHS: usize = 6;
/// Findings of one sort shown; JSON and Markdown have all.
const MOST_FINDINGS: usize = 6;

/// The numbers of the table: name in JSON, heading.
const COLUMNS: [(&str, &str); 5] = [
    ("mean_rate", "RATE/S"),
    ("peak_to_mean_1h", "PEAK/H"),
    ("interarrival_cv", "CV"),
    ("active_hours_per_day", "ACTIVE"),
    ("busy_hours_per_day", "BUSY"),
];

/// The whole page.
pub(super) fn render(report: &DescriptionReport<'_>, style: &TerminalStyle) -> String {
    let mut text = table(report, style);
    let columns = style.columns.max(80);
    for told in dearest(report).into_iter().take(MOST_PARAGRAPHS) {
        text.push('\n');
        text.push_str(&hanging("", &words::paragraph(told, TERM), columns));
    }
    let more = report.workloads.len().saturating_sub(MOST_PARAGRAPHS);
    if more > 0 {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "\n{more} more in words with --format md");
    }
    for (heading, lines) in [
        ("WASTE", waste(report)),
        ("ANOMALIES", anomalies(report)),
        ("POOLS", words::pools(report, TERM)),
        ("OUTAGES", words::outages(report)),
    ] {
        if lines.is_empty() {
            continue;
        }
        text.push('\n');
        text.push_str(&bold(heading, style));
        text.push('\n');
        for line in lines.iter().take(MOST_FINDINGS) {
            text.push_str(&hanging("  ", line, columns));
        }
        if lines.len() > MOST_FINDINGS {
            let _ = writeln!(text, "  {} more with --format md", lines.len() - MOST_FINDINGS);
        }
    }
    text
}

fn bold(text: &str, style: &TerminalStyle) -> String {
    if style.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// The workloads by what they cost, then by requests.
fn dearest<'a>(report: &'a DescriptionReport<'_>) -> Vec<&'a Told<'a>> {
    let mut order: Vec<&Told<'_>> = report.workloads.iter().collect();
    let totals = |it: &Told<'_>| {
        let totals = &it.workload.totals;
        (totals.effective_cost.map(Money::atto), totals.requests, it.description.features.n)
    };
    order.sort_by_key(|it| Reverse(totals(it)));
    order
}

fn table(report: &DescriptionReport<'_>, style: &TerminalStyle) -> String {
    let mut heading = format!("{:<16} {:<22}", "WORKLOAD", "WHAT IT IS");
    for (_, head) in COLUMNS {
        let _ = write!(heading, " {head:>7}");
    }
    let mut text = bold(&heading, style);
    text.push('\n');
    for told in report.workloads {
        let name = clip(&plain(&told.workload.name), 16);
        let _ = write!(text, "{name:<16} {:<22}", clip(&what_it_is(told), 22));
        let features = told.description.features.to_json();
        for (key, _) in COLUMNS {
            let value = features.get(key).and_then(serde_json::Value::as_f64);
            let shown = value.map_or_else(|| "-".to_owned(), number);
            let _ = write!(text, " {shown:>7}");
        }
        text.push('\n');
    }
    text.push_str(
        "RATE/S requests a second, PEAK/H peak over mean hour, CV of the gaps, ACTIVE and\n\
         BUSY hours a day; - not known: --format json says why, md has all statistics\n",
    );
    text
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Shape and kind in few letters.
pub(super) fn what_it_is(told: &Told<'_>) -> String {
    let kind = match told.description.class.kind {
        Kind::Training => "training",
        Kind::FineTuning => "fine-tuning",
        Kind::BatchInference => "batch",
        Kind::RealTimeInference => "real-time",
        Kind::Unknown => "use unknown",
    };
    format!("{}, {kind}", told.description.class.shape)
}

/// Findings of all workloads and across them, the largest first, confirmed before others.
fn waste(report: &DescriptionReport<'_>) -> Vec<String> {
    let mut all: Vec<_> = report
        .workloads
        .iter()
        .flat_map(|told| told.description.waste.iter().map(move |it| (Some(told), it)))
        .chain(report.fleet.waste.iter().map(|it| (None, it)))
        .collect();
    all.sort_by_key(|(_, it)| (Reverse(it.confirmed), Reverse(it.cost.map(Money::atto))));
    all.into_iter().map(|(told, it)| words::finding(told, it, TERM)).collect()
}

fn anomalies(report: &DescriptionReport<'_>) -> Vec<String> {
    let told = report.workloads.iter();
    told.flat_map(|it| words::anomalies(it, report.zone, TERM)).collect()
}

/// One row per workload.
pub(super) fn csv(report: &DescriptionReport<'_>) -> String {
    let mut header = vec!["workload".to_owned(), "shape".to_owned(), "kind".to_owned()];
    header.extend(COLUMNS.iter().map(|(key, _)| (*key).to_owned()));
    let mut text = csv_line(&header);
    for told in report.workloads {
        let features = told.description.features.to_json();
        let class = &told.description.class;
        let mut cells = vec![
            told.workload.name.clone(),
            class.shape.to_string(),
            class.kind.as_str().to_owned(),
        ];
        cells.extend(COLUMNS.iter().map(|(key, _)| {
            let value = features.get(*key).filter(|it| !it.is_null());
            value.map(ToString::to_string).unwrap_or_default()
        }));
        text.push_str(&csv_line(&cells));
    }
    text
}
