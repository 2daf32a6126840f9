//! The tables that prove the report: sums, rows, files, prices, assumptions.

use super::{PAGE, money};
use crate::report::account::{part_in_words, source_in_words};
use crate::report::model::ReportModel;
use crate::report::number;
use crate::report::table::{Narrow, Table};
use crate::report::words::{self, shown};

/// Most lines of spend without a workload shown.
const MOST_UNMATCHED: usize = 30;
/// Longest id of a commitment or resource shown: what tells them apart often stands at the end.
const LONGEST_ID: usize = 120;
/// Most rejected rows shown.
const MOST_REJECTED: usize = 50;

/// File total = assigned + unassigned + excluded + difference, and the other totals.
pub(crate) fn reconciliation(report: &ReportModel) -> Table {
    let it = &report.reconciliation;
    let amount = format!("{}#", report.currency);
    let mut table = Table::new("From the files to the report", &["Amount", &amount]);
    table.push(vec!["Billed cost in the files".to_owned(), money(it.line.billed_total)]);
    for part in &it.parts {
        let words = format!("{}, {}", part_in_words(part.part), PAGE.counted(part.rows, "row"));
        table.push(vec![words, money(part.billed)]);
    }
    for (what, value) in [
        ("difference", it.line.difference),
        ("Effective cost in the files", it.line.effective_total),
        ("List cost in the files", it.line.list_total),
        ("Contracted cost in the files", it.line.contracted_total),
    ] {
        table.push(vec![what.to_owned(), money(value)]);
    }
    for line in &it.by_charge_category {
        table.push(vec![
            format!("Billed cost of charges of category {}", shown(&line.charge_category)),
            money(line.line.billed_total),
        ]);
    }
    if it.amounts_from_floats > 0 {
        table.note = Some(format!(
            "{} read from binary floats, each by its shortest decimal form.",
            PAGE.counted(it.amounts_from_floats, "amount")
        ));
    }
    table
}

/// The account in each currency, where there is more than one.
pub(crate) fn currencies(report: &ReportModel) -> Option<Table> {
    let lines = &report.reconciliation.by_currency;
    if lines.len() < 2 {
        return None;
    }
    let heads =
        ["Currency", "Rate", "Billed#", "Workloads#", "Unassigned#", "Rest#", "Difference#"];
    let mut table = Table::new("In the currencies of the bills", &heads);
    for it in lines {
        table.push(vec![
            it.currency.to_string(),
            it.rate.clone().unwrap_or_default(),
            money(it.line.billed_total),
            money(it.line.assigned),
            money(it.line.unassigned),
            money(it.line.excluded),
            money(it.line.difference),
        ]);
    }
    Some(table)
}

/// What was paid for commitments and what of them was used.
pub(crate) fn commitments(report: &ReportModel) -> Option<Table> {
    let found = &report.reconciliation.by_commitment;
    if found.is_empty() {
        return None;
    }
    let heads = ["Commitment", "Bought#", "Used#", "Unused#", "Difference#", "Why"];
    let mut table = Table::new("Commitments in the bills", &heads);
    for it in found {
        table.push(vec![
            words::clip(&words::plain(&it.id), LONGEST_ID),
            money(it.purchased),
            money(it.effective_used),
            money(it.effective_unused),
            money(it.difference),
            it.cause.unwrap_or_default().to_owned(),
        ]);
    }
    Some(table)
}

/// Spend that no workload has, the largest first.
pub(crate) fn unmatched(report: &ReportModel) -> Option<Table> {
    let found = &report.reconciliation.unmatched;
    if found.is_empty() {
        return None;
    }
    let heads = ["Spend without a workload", "Of", "GPU", "Billed#", "Rows#"];
    let mut table = Table::new("Not in any workload", &heads).narrow(Narrow::Lines);
    for it in found.iter().take(MOST_UNMATCHED) {
        table.push(vec![
            words::clip(
                &it.name().map_or_else(|| "no resource named".to_owned(), |it| words::plain(&it)),
                LONGEST_ID,
            ),
            it.provider.as_ref().map(|it| shown(it)).unwrap_or_default(),
            it.gpu.as_ref().map_or_else(|| "no GPU".to_owned(), |it| shown(it)),
            money(it.billed),
            PAGE.count(it.rows),
        ]);
    }
    if table.rows.len() < found.len() {
        table.note = Some(format!("{} more in report.json.", found.len() - table.rows.len()));
    }
    Some(table)
}

/// Rows read, used and refused.
pub(crate) fn rows(report: &ReportModel) -> Table {
    let it = &report.reconciliation;
    let mut table = Table::new("Rows", &["Rows", "Number#"]);
    for (what, value) in [
        ("read", it.rows_in),
        ("kept", it.rows_kept),
        ("rejected, duplicates among them", it.rows_rejected),
        ("duplicates", it.duplicates),
        ("kept, but outside the window", it.rows_outside_window),
    ] {
        table.push(vec![what.to_owned(), PAGE.count(value)]);
    }
    table
}

/// Hours with data by day and kind of source, where a day lacks some.
pub(crate) fn coverage(report: &ReportModel) -> Option<Table> {
    let it = &report.coverage;
    if it.days.is_empty() {
        return None;
    }
    let heads = ["Source", "Days#", "Hours#", "Of#", "Days with holes"];
    let mut table = Table::new("What the data cover", &heads).narrow(Narrow::Lines);
    let whole: u64 = it.day_hours.iter().map(|hours| u64::from(*hours)).sum();
    for source in &it.sources {
        let hours: u64 = source.hours.iter().map(|hours| u64::from(*hours)).sum();
        let with_data = source.hours.iter().filter(|hours| **hours > 0).count();
        let holes: Vec<&str> = source
            .hours
            .iter()
            .zip(&it.day_hours)
            .zip(&it.days)
            .filter(|((hours, whole), _)| hours < whole)
            .map(|(_, day)| day.as_str())
            .collect();
        let shown = match holes.as_slice() {
            _ if hours == 0 => "no data".to_owned(),
            [] => "none".to_owned(),
            [first, .., last] if holes.len() > 3 => {
                format!("{} days from {first} to {last}", holes.len())
            }
            few => few.join(", "),
        };
        table.push(vec![
            source_in_words(source.source).to_owned(),
            PAGE.count(with_data as u64),
            PAGE.count(hours),
            PAGE.count(whole),
            shown,
        ]);
    }
    Some(table)
}

/// The rejected rows.
pub(crate) fn rejected(report: &ReportModel) -> Table {
    let rejected = &report.reconciliation.rejected;
    let mut table = Table::new("Rejected rows", &["File", "Row#", "Column", "What is wrong"]);
    for row in rejected.iter().take(MOST_REJECTED) {
        table.push(vec![
            shown(&row.file),
            PAGE.count(row.row),
            row.column.as_ref().map(|it| shown(it)).unwrap_or_default(),
            words::clip(&words::plain(&row.reason), 200),
        ]);
    }
    if table.rows.len() < rejected.len() {
        table.note = Some(format!(
            "{} of {} rejected rows; report.json has more.",
            PAGE.count(table.rows.len() as u64),
            PAGE.count(report.reconciliation.rows_rejected)
        ));
    }
    table
}

/// The assumptions with their reasons.
pub(crate) fn assumptions(report: &ReportModel) -> Table {
    let heads = ["Assumption", "Value#", "Unit", "Why", "Source"];
    let mut table = Table::new("Assumptions", &heads);
    for it in &report.provenance.assumptions {
        table.push(vec![
            shown(&it.key),
            PAGE.measure(it.value),
            shown(&it.unit),
            words::plain(&it.reason),
            words::plain(&it.source),
        ]);
    }
    table
}

/// The prices behind the advice, with their dates.
pub(crate) fn prices(report: &ReportModel) -> Table {
    let heads = ["Workload", "Plan", "Price of", "Source"];
    let mut table = Table::new("Prices behind the advice", &heads);
    for workload in &report.workloads {
        let Some(plan) = words::recommended(workload) else { continue };
        let dates: Vec<String> = plan.price_as_of.iter().map(|it| number::date(it)).collect();
        let sources: Vec<String> = plan.price_sources.iter().map(|it| words::plain(it)).collect();
        table.push(vec![
            shown(&workload.name),
            shown(&plan.label),
            dates.join(", "),
            sources.join("; "),
        ]);
    }
    table
}

/// The catalog files.
pub(crate) fn catalog(report: &ReportModel) -> Table {
    let heads = ["Catalog file", "Rows#", "Newest price or fact", "SHA-256"];
    let mut table = Table::new("Catalog", &heads).narrow(Narrow::Lines);
    for it in &report.provenance.catalog {
        table.push(vec![
            shown(&it.file),
            PAGE.count(it.rows),
            number::date(&it.newest_as_of),
            words::clip(&it.sha256, 16),
        ]);
    }
    table
}

/// The files read.
pub(crate) fn inputs(report: &ReportModel) -> Table {
    let heads = ["File", "Format", "Rows#", "Columns used", "Columns ignored", "SHA-256"];
    let mut table = Table::new("Files read", &heads);
    for it in &report.provenance.inputs {
        table.push(vec![
            shown(&it.file),
            shown(&it.format),
            PAGE.count(it.rows),
            words::plain(&it.columns_used.join(", ")),
            words::clip(&words::plain(&it.columns_ignored.join(", ")), 400),
            words::clip(&it.sha256, 16),
        ]);
    }
    table
}
