//! The numbers of the whole report, a row each, those that are sums as sums of the other sheets.

use super::workloads::{ASKED, BILLED, EFFECTIVE, FOUND, MONTH_AFTER, MONTH_TODAY};
use crate::report::model::ReportModel;
use crate::units::Money;

use super::super::layout::{Cell, Table};

/// Column of the billed cost in the reconciliation.
const PART_BILLED: usize = 2;

/// The table: what is measured, its value, its unit, and what it is of.
pub(super) fn table(report: &ReportModel, workloads: &Table, account: &Table) -> Table {
    let mut rows = window(report);
    rows.extend(spend(report, workloads));
    rows.extend(savings(report, workloads));
    rows.extend(ahead(report));
    rows.extend(files(report, account));
    for notice in &report.notices {
        rows.push(vec![Cell::text("Note"), Cell::Empty, Cell::Empty, Cell::prose(report, notice)]);
    }
    Table {
        name: "Summary",
        heads: ["What", "Value", "Unit", "Meaning"].map(ToOwned::to_owned).to_vec(),
        rows,
        totals: Vec::new(),
        frozen: 1,
    }
}

fn line(what: &str, value: Cell, unit: &str, meaning: &str) -> Vec<Cell> {
    let text = |it: &str| if it.is_empty() { Cell::Empty } else { Cell::text(it) };
    vec![Cell::text(what), value, text(unit), text(meaning)]
}

fn window(report: &ReportModel) -> Vec<Vec<Cell>> {
    let totals = &report.totals;
    vec![
        line("Period", Cell::text(&report.period_label), "", ""),
        line("Window from", Cell::Day(totals.window_start.clone()), "", ""),
        line("Window until", Cell::Day(totals.window_end.clone()), "", "first day after it"),
        line("Length of the window", Cell::Number(totals.window_hours), "h", ""),
        line(
            "As of",
            Cell::Day(report.provenance.as_of.clone()),
            "",
            "the day the report speaks of",
        ),
    ]
}

/// A sum of a column of the workloads; empty where there is no such total.
fn sum(workloads: &Table, column: usize, total: Option<Money>) -> Cell {
    if workloads.rows.is_empty() {
        return Cell::maybe(total, Cell::Money);
    }
    Cell::maybe(total, |it| Cell::Formula(format!("=SUM({})", workloads.range(column)), it))
}

fn spend(report: &ReportModel, workloads: &Table) -> Vec<Vec<Cell>> {
    let (totals, unit) = (&report.totals, report.currency.as_str());
    let money = |it: Option<Money>| Cell::maybe(it, Cell::Money);
    let rates = &totals.effective_savings_rate;
    vec![
        line(
            "Effective cost",
            sum(workloads, EFFECTIVE, totals.effective_cost),
            unit,
            "of the workloads in the window, upfront payments spread over their term",
        ),
        line(
            "Billed cost",
            sum(workloads, BILLED, totals.billed_cost),
            unit,
            "of the workloads in the window, as invoiced",
        ),
        line("List cost", money(totals.list_cost), unit, "the same usage at public prices"),
        line(
            "Savings rate over list",
            Cell::maybe(rates.over_list, Cell::Share),
            "of list cost",
            "what was paid less than public prices",
        ),
        line(
            "Savings rate over contracted",
            Cell::maybe(rates.over_contracted, Cell::Share),
            "of contracted cost",
            "what was paid less than negotiated prices",
        ),
        line(
            "GPU-hours",
            Cell::maybe(totals.gpu_hours, Cell::Number),
            "GPU-hours",
            "paid in the window",
        ),
        line("Requests", Cell::maybe(totals.requests, Cell::Whole), "requests", ""),
        line("Prompt tokens", Cell::maybe(totals.prompt_tokens, Cell::Whole), "tokens", ""),
        line("Completion tokens", Cell::maybe(totals.completion_tokens, Cell::Whole), "tokens", ""),
        line(
            "Cost per million tokens",
            Cell::maybe(totals.cost_per_million_tokens, Cell::Rate),
            unit,
            "idle included",
        ),
    ]
}

fn savings(report: &ReportModel, workloads: &Table) -> Vec<Vec<Cell>> {
    let (totals, portfolio) = (&report.totals, &report.portfolio);
    let unit = format!("{} a month", report.currency);
    let by = &portfolio.savings_by_decision;
    // The range is of all advice, so it is that of what is asked for only where that is the same.
    let is_all = by.asked_for == by.identified;
    let range = portfolio.interval.as_ref().filter(|_| is_all);
    let loss = portfolio.probability_of_loss.filter(|_| is_all);
    let waste = &portfolio.waste;
    let window = report.currency.as_str();
    vec![
        line(
            "Month today",
            sum(workloads, MONTH_TODAY, totals.baseline_monthly_cost),
            &unit,
            "730 hours as it runs today",
        ),
        line(
            "Saving found",
            sum(workloads, FOUND, Some(by.identified)),
            &unit,
            "all advice, whatever was decided, at constant traffic",
        ),
        line(
            "Saving asked for",
            sum(workloads, ASKED, Some(by.asked_for)),
            &unit,
            "what is open and what was approved; the rest was rejected or put off",
        ),
        line(
            "Month with the advice",
            sum(workloads, MONTH_AFTER, by.monthly_cost_after),
            &unit,
            "730 hours with what is asked for",
        ),
        line(
            "Saving, low end",
            Cell::maybe(range, |it| Cell::Money(it.low)),
            &unit,
            "nine of ten months save at least this; empty where not all advice is asked for",
        ),
        line(
            "Saving, high end",
            Cell::maybe(range, |it| Cell::Money(it.high)),
            &unit,
            "nine of ten months save at most this",
        ),
        line(
            "Chance of a loss",
            Cell::maybe(loss, Cell::Share),
            "",
            "that all actions together cost more than they save",
        ),
        line("Saving open", Cell::Money(by.open), &unit, "not decided, or asked again"),
        line("Saving approved", Cell::Money(by.approved), &unit, "accepted and not done yet"),
        line("Saving rejected", Cell::Money(by.rejected), &unit, ""),
        line("Saving snoozed", Cell::Money(by.snoozed), &unit, "put off"),
        line(
            "Confirmed waste",
            Cell::Money(waste.confirmed_waste),
            window,
            "in the window; not added to the savings",
        ),
        line("Waste to investigate", Cell::Money(waste.to_investigate), window, "in the window"),
    ]
}

/// The first span of the forecast, and the last month against its budget.
fn ahead(report: &ReportModel) -> Vec<Vec<Cell>> {
    let unit = report.currency.as_str();
    let mut rows = Vec::new();
    if let Some(span) = report.forecast.as_ref().and_then(|it| it.spans.first()) {
        for (case, it) in [("as it is", span.as_is), ("with the advice", span.with_advice)] {
            let of = |end: &str| format!("Forecast {} {case}{end}", span.label);
            rows.push(line(&of(""), Cell::Money(it.mean), unit, "expected effective cost"));
            rows.push(line(&of(", low end"), Cell::Money(it.low), unit, ""));
            rows.push(line(&of(", high end"), Cell::Money(it.high), unit, ""));
        }
    }
    if let Some(month) = report.budget.as_ref().and_then(|it| it.months.last()) {
        let total = &month.total;
        let of = |what: &str| format!("{what} {}", month.label);
        rows.push(line(&of("Budget"), Cell::maybe(total.budget, Cell::Money), unit, ""));
        let word = total.word.unwrap_or("");
        rows.push(line(
            &of("Spend less budget"),
            Cell::maybe(total.variance, Cell::Money),
            unit,
            word,
        ));
    }
    rows
}

/// What was read, and whether all of it is accounted for.
fn files(report: &ReportModel, account: &Table) -> Vec<Vec<Cell>> {
    let it = &report.reconciliation;
    let unit = report.currency.as_str();
    let billed = Cell::maybe(it.line.billed_total, |total| {
        Cell::Formula(format!("=SUM({})", account.range(PART_BILLED)), total)
    });
    vec![
        line("Rows read", Cell::Whole(it.rows_in), "rows", ""),
        line("Rows kept", Cell::Whole(it.rows_kept), "rows", ""),
        line("Rows rejected", Cell::Whole(it.rows_rejected), "rows", "duplicates among them"),
        line("Billed in the files", billed, unit, "the sum of the reconciliation"),
        line(
            "Difference",
            Cell::maybe(it.line.difference, Cell::Money),
            unit,
            "what the account cannot explain",
        ),
    ]
}
