//! `report.xlsx`: the report for a spreadsheet.
//!
//! One table per sheet with a filter, numbers as numbers, totals as formulas with their results
//! beside them, so that a reader without a calculation engine sees them too. Text from the data is
//! written as text whatever it begins with, and enters no formula, chart title or sheet name.
//! The dates of the document are the day of the report: the same report gives the same bytes.

mod charts;
mod layout;
mod sheets;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use super::RenderError;
use super::model::ReportModel;
use layout::{Formats, write};

/// The workbook as the bytes of its file.
pub(crate) fn render(report: &ReportModel) -> Result<Vec<u8>, RenderError> {
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(report));
    let formats = Formats::new();
    let tables = sheets::all(report);
    for table in &tables {
        let sheet = workbook.add_worksheet();
        write(sheet, table, &formats)?;
    }
    charts::insert(&mut workbook, report, &tables)?;
    Ok(workbook.save_to_buffer()?)
}

/// Title and dates; nothing of who or where.
fn properties(report: &ReportModel) -> DocProperties {
    let properties = DocProperties::new().set_title("GPU spend and advice").set_author("gpuadvise");
    let day = day(&report.provenance.as_of).or_else(|| ExcelDateTime::from_ymd(2000, 1, 1).ok());
    match day {
        Some(day) => properties.set_creation_datetime(&day),
        None => properties,
    }
}

/// A day, or an instant as its day; nothing for other text.
fn day(text: &str) -> Option<ExcelDateTime> {
    let day = chrono::NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    ExcelDateTime::parse_from_str(&day.format("%Y-%m-%d").to_string()).ok()
}
