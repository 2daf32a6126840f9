//! A row per plan that was simulated, the workloads in their order and the plans in theirs.

use crate::report::model::{PlanReport, ReportModel, WorkloadReport};
use crate::report::pages;
use crate::report::words;

use super::super::layout::{Cell, Table, letters};

/// Columns that charts and formulas name.
pub(in crate::report::workbook) const LABEL: usize = 1;
const MONTH: usize = 10;
/// The first of the parts that the month is the sum of.
pub(in crate::report::workbook) const FIRST_PART: usize = 11;
/// What the parts are called, in their order.
pub(in crate::report::workbook) const COST_PARTS: [&str; 5] =
    ["Serving", "On and idle", "Starting", "Committed, unused", "Storage"];

/// The table.
pub(super) fn table(report: &ReportModel) -> Table {
    let currency = report.currency;
    let mut heads: Vec<String> = [
        "Workload",
        "Plan",
        "Advised",
        "Bought as",
        "Provider",
        "Region",
        "Instance",
        "GPU",
        "GPUs a replica",
        "Precision",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    heads.push(format!("Month of 730 h, {currency}"));
    heads.extend(COST_PARTS.map(|it| format!("{it}, {currency}")));
    heads.extend(
        [
            "TTFT p50, s",
            "TTFT p95, s",
            "TTFT p99, s",
            "Requests within limits",
            "Keeps its limits",
            "Allowed by policy",
            "Needs",
            "Cold starts",
            "Requests delayed",
            "Replicas at least",
            "Replicas at most",
            "Oldest price",
            "Plan id",
        ]
        .map(ToOwned::to_owned),
    );
    let mut rows = Vec::new();
    for workload in pages::in_detail(report) {
        for plan in &workload.plans {
            let number = rows.len() + 2;
            rows.push(row(workload, plan, number));
        }
    }
    Table { name: "Plans", heads, rows, totals: Vec::new(), frozen: 2 }
}

fn row(workload: &WorkloadReport, plan: &PlanReport, number: usize) -> Vec<Cell> {
    let parts = &plan.cost_parts;
    let (first, last) = (letters(FIRST_PART), letters(FIRST_PART + COST_PARTS.len() - 1));
    let advised = workload.advice.plan_id.as_ref() == Some(&plan.id);
    let oldest = plan.price_as_of.iter().min();
    assert_eq!(FIRST_PART, MONTH + 1, "the parts follow their sum");
    vec![
        Cell::text(&workload.name),
        Cell::text(&plan.label),
        Cell::yes(advised),
        Cell::Text(words::purchase(&plan.purchase)),
        Cell::text(&plan.provider),
        Cell::text(&plan.region),
        Cell::maybe(plan.instance_type.as_ref(), Cell::text),
        Cell::text(&plan.gpu),
        Cell::Whole(plan.gpu_count.into()),
        Cell::text(&plan.precision),
        Cell::Formula(format!("=SUM({first}{number}:{last}{number})"), plan.monthly_cost),
        Cell::Money(parts.busy),
        Cell::Money(parts.idle),
        Cell::Money(parts.starting),
        Cell::Money(parts.committed_unused),
        Cell::maybe(parts.storage, Cell::Money),
        Cell::maybe(plan.ttft_p50_s, Cell::Number),
        Cell::maybe(plan.ttft_p95_s, Cell::Number),
        Cell::maybe(plan.ttft_p99_s, Cell::Number),
        Cell::maybe(plan.slo_attainment, Cell::Share),
        Cell::yes(plan.meets_slo),
        Cell::yes(plan.allowed),
        Cell::maybe(plan.needs.as_ref(), Cell::text),
        Cell::maybe(plan.cold_starts, Cell::Whole),
        Cell::maybe(plan.delayed_requests, Cell::Whole),
        Cell::maybe(plan.min_replicas, |it| Cell::Whole(it.into())),
        Cell::maybe(plan.max_replicas, |it| Cell::Whole(it.into())),
        Cell::maybe(oldest, |it| Cell::Day(it.clone())),
        Cell::text(&plan.id),
    ]
}
