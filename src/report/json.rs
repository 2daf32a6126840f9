//! `report.json`: the model as it is, two blanks a level, one line feed at the end.

use super::RenderError;
use super::model::ReportModel;

/// The whole report for a script.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
