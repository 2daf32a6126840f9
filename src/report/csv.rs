//! `--format csv`: one row per workload with its advice, numbers raw and exact.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
//! formula, so text from the data that begins so gets an apostrophe in front. Numbers of our own
//! stay numbers.

use super::RenderError;
use super::model::{ReportModel, WorkloadReport};
use crate::units::Money;

/// The header.
const COLUMNS: [&str; 27] = [
    "workload",
    "owner",
    "environment",
    "kind",
    "shape",
    "provider",
    "region",
    "gpu",
    "gpu_count",
    "pricing_category",
    "busy_fraction",
    "currency",
    "effective_cost",
    "billed_cost",
    "gpu_hours",
    "requests",
    "cost_per_million_tokens",
    "cost_per_thousand_requests",
    "baseline_monthly_cost",
    "action",
    "plan_id",
    "recommended_monthly_cost",
    "monthly_savings",
    "grade",
    "advice_id",
    "rank",
    "reason",
];

/// The workloads as CSV.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for workload in &report.workloads {
        writer.write_record(row(report, workload))?;
    }
    let bytes =
        writer.into_inner().map_err(|failed| RenderError::Csv(failed.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A row of texts with its line end, each guarded as above.
pub(crate) fn line(cells: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory takes every record.
    let _ = writer.write_record(cells.iter().map(|it| match it.parse::<f64>() {
        Ok(_) => it.clone(),
        Err(_) => guarded(it),
    }));
    writer.into_inner().map(|it| String::from_utf8_lossy(&it).into_owned()).unwrap_or_default()
}

/// One workload.
fn row(report: &ReportModel, workload: &WorkloadReport) -> [String; 27] {
    let baseline = &workload.baseline;
    let advice = &workload.advice;
    let text = |value: &Option<String>| value.as_deref().map(guarded).unwrap_or_default();
    let money = |value: Option<Money>| value.map(Money::to_decimal_string).unwrap_or_default();
    // Of all advice: what saves, what is kept, what has too little data.
    let rank = report.portfolio.all_advice.iter().position(|it| *it == advice.id);
    [
        guarded(&workload.name),
        text(&workload.owner),
        text(&workload.environment),
        workload.kind.as_str().to_owned(),
        workload.shape.as_str().to_owned(),
        text(&baseline.provider),
        text(&baseline.region),
        text(&baseline.gpu),
        number(baseline.gpu_count),
        guarded(&baseline.pricing_category),
        number(baseline.busy_fraction),
        report.currency.to_string(),
        money(baseline.effective_cost),
        money(baseline.billed_cost),
        number(baseline.gpu_hours),
        baseline.requests.map(|it| it.to_string()).unwrap_or_default(),
        money(baseline.unit_cost.per_million_tokens),
        money(baseline.unit_cost.per_thousand_requests),
        money(baseline.monthly_cost),
        guarded(&advice.action),
        text(&advice.plan_id),
        money(super::words::recommended(workload).map(|plan| plan.monthly_cost)),
        advice.monthly_savings.to_decimal_string(),
        guarded(&advice.grade),
        guarded(&advice.id),
        rank.map(|at| (at + 1).to_string()).unwrap_or_default(),
        guarded(super::words::why(workload)),
    ]
}

/// A float that is a number, else an empty cell.
fn number(value: Option<f64>) -> String {
    value.filter(|it| it.is_finite()).map(|it| it.to_string()).unwrap_or_default()
}

/// Text that no spreadsheet takes for a formula.
pub(super) fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_lose_their_teeth() {
        for bad in ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(guarded(bad), format!("'{bad}"));
        }
        assert_eq!(guarded("chat-prod"), "chat-prod");
    }
}
