//! A row per workload: what it is, what it costs, and what to do.

use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::{tables, words};
use crate::units::{Currency, Money};
use crate::workload::Direction;

use super::super::layout::{Cell, Table, letters};

/// Columns that charts and totals name.
pub(in crate::report::workbook) const NAME: usize = 0;
const GPU_HOURS: usize = 14;
const REQUESTS: usize = 15;
const PROMPT_TOKENS: usize = 16;
const COMPLETION_TOKENS: usize = 17;
pub(super) const EFFECTIVE: usize = 18;
pub(super) const BILLED: usize = 19;
/// Today's month.
pub(in crate::report::workbook) const MONTH_TODAY: usize = 22;
/// What the advice saves, whatever was decided about it.
pub(super) const FOUND: usize = 23;
/// The same where it is asked for: 0 of what was rejected or put off.
pub(super) const ASKED: usize = 24;
/// The month with what is asked for.
pub(in crate::report::workbook) const MONTH_AFTER: usize = 25;

fn heads(currency: Currency) -> Vec<String> {
    let money = |what: &str| format!("{what}, {currency}");
    let mut heads: Vec<String> = [
        "Workload",
        "Owner",
        "Environment",
        "Kind",
        "Shape",
        "Trend",
        "Provider",
        "Region",
        "GPU",
        "GPUs at once",
        "Bought as",
        "Model",
        "Precision",
        "Busy, share of paid time",
        "GPU-hours",
        "Requests",
        "Prompt tokens",
        "Completion tokens",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    heads.extend([
        money("Effective cost of the window"),
        money("Billed cost of the window"),
        money("Cost per 1M tokens"),
        money("Cost per 1k requests"),
        money("Month of 730 h today"),
        money("Saving found a month"),
        money("Saving asked for a month"),
        money("Month of 730 h with the advice"),
        "Action".to_owned(),
        "Grade".to_owned(),
        "Latency limits assumed".to_owned(),
    ]);
    heads
}

/// The table, the dearest workload first.
pub(super) fn table(report: &ReportModel) -> Table {
    let rows: Vec<Vec<Cell>> =
        (2..).zip(&report.workloads).map(|(number, it)| row(it, number)).collect();
    let totals = &report.totals;
    let mut table = Table {
        name: "Workloads",
        heads: heads(report.currency),
        rows,
        totals: Vec::new(),
        frozen: 1,
    };
    if report.workloads.is_empty() {
        return table;
    }
    #[expect(clippy::cast_precision_loss, reason = "a spreadsheet has doubles only")]
    let whole = |it: Option<u64>| it.map(|it| it as f64);
    table.count(GPU_HOURS, totals.gpu_hours);
    table.count(REQUESTS, whole(totals.requests));
    table.count(PROMPT_TOKENS, whole(totals.prompt_tokens));
    table.count(COMPLETION_TOKENS, whole(totals.completion_tokens));
    table.total(EFFECTIVE, totals.effective_cost);
    table.total(BILLED, totals.billed_cost);
    table.total(MONTH_TODAY, totals.baseline_monthly_cost);
    let by = &report.portfolio.savings_by_decision;
    table.total(FOUND, Some(by.identified));
    table.total(ASKED, Some(by.asked_for));
    table.total(MONTH_AFTER, by.monthly_cost_after);
    table
}

fn row(it: &WorkloadReport, number: u32) -> Vec<Cell> {
    let today = &it.baseline;
    let text = |value: &Option<String>| Cell::maybe(value.as_ref(), Cell::text);
    let trend = it.direction.map(|it| match it {
        Direction::Growing => "growing",
        Direction::Declining => "declining",
        Direction::Flat => "flat",
    });
    vec![
        Cell::text(&it.name),
        text(&it.owner),
        text(&it.environment),
        Cell::text(it.kind.as_str()),
        Cell::text(it.shape.as_str()),
        Cell::maybe(trend, Cell::text),
        text(&today.provider),
        text(&today.region),
        text(&today.gpu),
        Cell::maybe(today.gpu_count, Cell::Number),
        Cell::text(&today.pricing_category),
        text(&today.model),
        text(&today.precision),
        Cell::maybe(today.busy_fraction, Cell::Share),
        Cell::maybe(today.gpu_hours, Cell::Number),
        Cell::maybe(today.requests, Cell::Whole),
        Cell::maybe(today.prompt_tokens, Cell::Whole),
        Cell::maybe(today.completion_tokens, Cell::Whole),
        Cell::maybe(today.effective_cost, Cell::Money),
        Cell::maybe(today.billed_cost, Cell::Money),
        Cell::maybe(today.unit_cost.per_million_tokens, Cell::Rate),
        Cell::maybe(today.unit_cost.per_thousand_requests, Cell::Rate),
        Cell::maybe(today.monthly_cost, Cell::Money),
        Cell::Money(it.advice.monthly_savings),
        Cell::Money(tables::asked_for(it)),
        Cell::maybe(after(it), |month| {
            let (today, saves) = (letters(MONTH_TODAY), letters(ASKED));
            Cell::Formula(format!("={today}{number}-{saves}{number}"), month)
        }),
        Cell::Text(words::action(&it.advice)),
        Cell::text(&it.advice.grade),
        Cell::maybe(has_limits(it).then_some(it.slo.assumed), Cell::yes),
    ]
}

/// Batch and training have no limits, so none are assumed.
fn has_limits(it: &WorkloadReport) -> bool {
    it.slo.ttft_p95_s.is_some() || it.slo.tpot_p95_s.is_some()
}

/// What the formula of the last amount comes to.
fn after(it: &WorkloadReport) -> Option<Money> {
    it.baseline.monthly_cost?.checked_sub(tables::asked_for(it)).ok()
}
