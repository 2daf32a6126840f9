//! `recommendations.csv` and `recommendations.parquet`: a row per change that is advised.
//!
//! The first 26 columns are those of the table `COST_OPTIMIZATION_RECOMMENDATIONS` of AWS Data
//! Exports, in its order and with its types, so that a query over that table takes both. A column
//! whose meaning we cannot fill is null; `docs/outputs.md` has the meaning of each. Keep and too
//! little data are no recommendations there, so they have no row here. Amounts are doubles in
//! Parquet, as in that table; the CSV and `report.json` have them in full.

mod columns;
mod parquet;

use super::RenderError;
use super::csv::guarded;
use super::model::{AdviceReport, ReportModel, WorkloadReport};
use super::words;
use crate::units::Money;
use columns::columns;

pub(crate) use parquet::render as render_parquet;

/// The values of a column, a row each.
enum Values {
    Text(Vec<Option<String>>),
    Money(Vec<Option<Money>>),
    Real(Vec<Option<f64>>),
    Whole(Vec<Option<i64>>),
    Flag(Vec<Option<bool>>),
    /// Microseconds since 1970.
    Instant(Vec<Option<i64>>),
}

/// A column with its name.
struct Column {
    name: &'static str,
    values: Values,
}

/// The workloads whose advice is a change: the ranking first, then what saves nothing by itself.
fn changes(report: &ReportModel) -> Vec<&WorkloadReport> {
    let mut found: Vec<&WorkloadReport> =
        report.workloads.iter().filter(|it| is_change(&it.advice)).collect();
    found.sort_by_key(|it| match words::place(report, it) {
        0 => usize::MAX,
        place => place,
    });
    found
}

fn is_change(advice: &AdviceReport) -> bool {
    !matches!(advice.action.as_str(), "keep" | "not_enough_data")
}

/// The rows as CSV: text that a spreadsheet would take for a formula is guarded, null is empty.
pub(crate) fn render_csv(report: &ReportModel) -> Result<String, RenderError> {
    let columns = columns(report);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|it| it.name))?;
    for row in 0..changes(report).len() {
        writer.write_record(columns.iter().map(|it| cell(&it.values, row)))?;
    }
    let bytes =
        writer.into_inner().map_err(|failed| RenderError::Csv(failed.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One value as CSV has it.
fn cell(values: &Values, row: usize) -> String {
    fn at<T: Clone>(values: &[Option<T>], row: usize) -> Option<T> {
        values.get(row).cloned().flatten()
    }
    let text = match values {
        Values::Text(it) => at(it, row).map(|it| guarded(&it)),
        Values::Money(it) => at(it, row).map(Money::to_decimal_string),
        Values::Real(it) => at(it, row).map(|it| it.to_string()),
        Values::Whole(it) => at(it, row).map(|it| it.to_string()),
        Values::Flag(it) => at(it, row).map(|it| it.to_string()),
        Values::Instant(it) => at(it, row).and_then(|it| {
            let instant = chrono::DateTime::from_timestamp_micros(it)?;
            Some(instant.format("%Y-%m-%dT%H:%M:%SZ").to_string())
        }),
    };
    text.unwrap_or_default()
}
