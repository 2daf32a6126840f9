//! `describe` as a document: a table of the workloads, then each in full.

use std::fmt::Write;

use serde_json::Value;

use super::{DescriptionReport, Told, words};
use crate::classify::{POOL_CAVEATS, STATISTICS};
use crate::report::markdown::{escape, grid};
use crate::report::number::Medium;
use crate::report::table::Table;

/// Numbers as on the page.
const PAGE: Medium = Medium::Page;

/// The document.
pub(super) fn render(report: &DescriptionReport<'_>) -> String {
    let mut text = format!("# Demand, {}\n\n", escape(report.window));
    let mut table = Table::new("Workloads", &["workload", "what it is", "evidence"]);
    for told in report.workloads {
        table.push(vec![
            told.workload.name.clone(),
            super::terminal::what_it_is(told),
            told.description.class.evidence.join(" "),
        ]);
    }
    text.push_str(&grid(&table));
    let mut pools = words::pools(report, PAGE);
    if !pools.is_empty() {
        pools.extend(POOL_CAVEATS.map(str::to_owned));
    }
    for (heading, lines) in [
        ("Pools: what a shared fleet would need, no saving", pools),
        ("Outages", words::outages(report)),
        (
            "Waste across workloads",
            report.fleet.waste.iter().map(|it| words::finding(None, it, PAGE)).collect(),
        ),
    ] {
        section(&mut text, &format!("## {heading}"), &lines);
    }
    for told in report.workloads {
        workload(&mut text, report, told);
    }
    text
}

/// A heading and a list; nothing without lines.
fn section(text: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(text, "\n{heading}\n");
    for line in lines {
        let _ = writeln!(text, "- {}", escape(line));
    }
}

fn workload(text: &mut String, report: &DescriptionReport<'_>, told: &Told<'_>) {
    let it = told.description;
    let name = escape(&told.workload.name);
    let _ = writeln!(text, "\n## {name}\n\n{}", escape(&words::paragraph(told, report, PAGE)));
    let class = it.class.evidence.iter().chain([&it.class.rule_of_thumb, &it.modality.evidence]);
    section(text, "### Why", &class.cloned().collect::<Vec<_>>());
    section(text, "### What was bought", &it.bought.sentences);
    section(text, "### Offered and served", &it.censored.sentences);
    let waste: Vec<String> = it.waste.iter().map(|it| words::finding(None, it, PAGE)).collect();
    section(text, "### Waste", &waste);
    let mut unexpected = words::anomalies(told.workload, &it.anomalies, report.zone, PAGE);
    unexpected.extend(it.anomalies.reason.iter().map(|why| format!("Not looked for: {why}.")));
    section(text, "### Unexpected cost", &unexpected);
    unit_costs(text, told);
    text.push_str("\n### Statistics\n\n");
    text.push_str(&grid(&statistics(told)));
}

/// The unit cost by week.
fn unit_costs(text: &mut String, told: &Told<'_>) {
    let costs = &told.description.unit_costs;
    if let Some(why) = &costs.reason {
        section(text, "### Unit cost", &[format!("Not known: {why}.")]);
        return;
    }
    let mut table = Table::new("Unit cost", &["week from", "cost#", "units#", "unit cost#"]);
    for week in &costs.weeks {
        table.push(vec![
            crate::report::number::date(&week.period.start().to_date_string()),
            PAGE.money(week.cost),
            PAGE.count(week.units),
            week.amount
                .map_or_else(|| crate::report::number::DASH.to_owned(), |it| PAGE.unit_cost(it)),
        ]);
    }
    if !table.is_empty() {
        let _ = writeln!(text, "\n### Unit cost by week, {}\n", words::counted(costs));
        text.push_str(&grid(&table));
    }
}

/// Every statistic with its window, or why it is not known.
fn statistics(told: &Told<'_>) -> Table {
    let features = &told.description.features;
    let (values, reasons) = (features.to_json(), features.null_because());
    let mut table =
        Table::new("Statistics", &["statistic", "value#", "unit", "window", "needs", "meaning"]);
    for it in &STATISTICS {
        let Some(value) = values.get(it.name) else { continue };
        let reason = reasons.get(it.name).and_then(|it| it.as_str());
        let shown = match value.as_f64() {
            Some(value) => PAGE.measure(value),
            None if value.is_null() => crate::report::number::DASH.to_owned(),
            None => {
                match ["value", "low", "high"].map(|key| value.get(key).and_then(Value::as_f64)) {
                    [Some(value), Some(low), Some(high)] => format!(
                        "{} ({} to {})",
                        PAGE.measure(value),
                        PAGE.measure(low),
                        PAGE.measure(high)
                    ),
                    _ => "see JSON".to_owned(),
                }
            }
        };
        let meaning = reason.map_or_else(
            || it.meaning.to_owned(),
            |why| format!("{}; not known: {why}", it.meaning),
        );
        table.push(vec![
            it.name.to_owned(),
            shown,
            it.unit.to_owned(),
            it.window(),
            it.needs(),
            meaning,
        ]);
    }
    table
}
