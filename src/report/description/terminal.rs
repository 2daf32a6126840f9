//! `describe` on a terminal of 80 columns: a table, a paragraph for the workloads that cost most,
//! then what was found.

use std::cmp::Reverse;
use std::fmt::Write;

use super::{DescriptionReport, Told, words};
use crate::classify::{UnitCost, Waste};
use crate::report::number::Medium;
use crate::report::terminal::cell::{fit, pad_right};
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
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "{}, time zone {}, {}",
        plain(report.window),
        report.zone.name(),
        TERM.counted(report.workloads.len() as u64, "workload")
    );
    if let Some(cost) = report.fleet.unit_costs.per_million_tokens.and_then(|it| it.amount) {
        let (cost, currency) = (TERM.unit_cost(cost), cost.currency());
        let _ = writeln!(text, "{cost} {currency} a million tokens over all, idle time included");
    }
    text.push_str(&table(report, style));
    let columns = style.columns.max(80);
    for told in dearest(report).into_iter().take(MOST_PARAGRAPHS) {
        text.push('\n');
        text.push_str(&hanging("", &words::paragraph(told, report, TERM), columns));
    }
    let more = report.workloads.len().saturating_sub(MOST_PARAGRAPHS);
    if more > 0 {
        let _ = writeln!(text, "\n{more} more in words with --format md");
    }
    let (waste, missing) = findings(report);
    let pools = "POOLS, what a shared fleet would need: no saving";
    for (heading, lines) in [
        (words::waste_heading(report, TERM), waste),
        ("NOT MEASURED".to_owned(), missing),
        ("UNEXPECTED COST".to_owned(), anomalies(report)),
        (pools.to_owned(), words::pools(report, TERM)),
        ("OUTAGES".to_owned(), words::outages(report)),
    ] {
        if lines.is_empty() {
            continue;
        }
        text.push('\n');
        text.push_str(&bold(&heading, style));
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
        let name = pad_right(&fit(&plain(&told.workload.name), 16), 16);
        let _ = write!(text, "{name} {:<22}", clip(&what_it_is(told), 22));
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
        size if size >= 1e6 || (size > 0.0 && size < 0.001) => format!("{value:.0e}"),
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

/// Findings of all workloads and across them, confirmed before others and the largest first, and
/// apart from them what nobody measured.
fn findings(report: &DescriptionReport<'_>) -> (Vec<String>, Vec<String>) {
    let own = report.workloads.iter();
    let own = own.flat_map(|told| told.description.waste.iter().map(move |it| (Some(told), it)));
    let mut all: Vec<_> = own.chain(report.fleet.waste.iter().map(|it| (None, it))).collect();
    all.sort_by_key(|(_, it)| (Reverse(it.confirmed), Reverse(it.cost.map(Money::atto))));
    let (waste, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| words::is_waste(it.1));
    let said = |all: Vec<(Option<&Told<'_>>, &Waste)>| {
        all.into_iter().map(|(told, it)| words::finding(told, it, TERM)).collect()
    };
    (said(waste), said(missing))
}

/// What was not expected, or that it was looked for.
fn anomalies(report: &DescriptionReport<'_>) -> Vec<String> {
    let mut said: Vec<String> = report
        .workloads
        .iter()
        .flat_map(|it| {
            let found = &it.description.anomalies;
            words::anomalies(it.workload, found, report.zone, TERM)
        })
        .collect();
    let judged = report.workloads.iter().filter(|it| it.description.anomalies.reason.is_none());
    let judged = judged.count();
    if said.is_empty() && judged > 0 {
        said.push(format!(
            "None: {} judged by its own past.",
            TERM.counted(judged as u64, "workload")
        ));
    }
    said
}

/// One row per workload.
pub(super) fn csv(report: &DescriptionReport<'_>) -> String {
    let named = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let mut header = named(&["workload", "shape", "kind", "confidence"]);
    header.extend(COLUMNS.iter().map(|(key, _)| (*key).to_owned()));
    header.extend(named(&[
        "effective_cost",
        "gpu_hours",
        "cost_per_million_tokens",
        "cost_per_thousand_requests",
        "confirmed_waste",
        "to_investigate",
    ]));
    let mut text = csv_line(&header);
    for told in report.workloads {
        let (it, totals) = (told.description, &told.workload.totals);
        let features = it.features.to_json();
        let mut cells = vec![
            told.workload.name.clone(),
            it.class.shape.to_string(),
            it.class.kind.as_str().to_owned(),
            it.class.confidence.get().to_string(),
        ];
        cells.extend(COLUMNS.iter().map(|(key, _)| {
            let value = features.get(*key).filter(|it| !it.is_null());
            value.map(ToString::to_string).unwrap_or_default()
        }));
        let money = |it: Option<Money>| it.map(Money::to_decimal_string).unwrap_or_default();
        let unit = |it: Option<UnitCost>| money(it.and_then(|it| it.amount));
        cells.extend([
            money(totals.effective_cost),
            totals.gpu_hours.map(|it| it.to_string()).unwrap_or_default(),
            unit(it.unit_costs.per_million_tokens),
            unit(it.unit_costs.per_thousand_requests),
        ]);
        cells.extend(words::totals(&it.waste.iter()).map(money));
        text.push_str(&csv_line(&cells));
    }
    text
}
