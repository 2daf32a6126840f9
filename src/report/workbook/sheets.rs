//! The sheets: which values of the model stand in which column.

mod advice;
mod plans;
mod summary;
mod workloads;

use super::layout::{Cell, Table};
use crate::report::account::part_in_words;
use crate::report::model::ReportModel;
use crate::report::pages;
use crate::units::Money;

pub(super) use plans::{COST_PARTS, FIRST_PART, LABEL};
pub(super) use workloads::{MONTH_AFTER, MONTH_TODAY, NAME};

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Hours of a day that has 24; the profile has no other.
const HOURS: u64 = 24;

/// All sheets in their order.
pub(super) fn all(report: &ReportModel) -> Vec<Table> {
    let workloads = workloads::table(report);
    let advice = advice::table(report);
    let account = reconciliation(report);
    vec![
        summary::table(report, &workloads, &account),
        workloads,
        plans::table(report),
        advice,
        hourly(report),
        account,
        assumptions(report),
    ]
}

/// Mean demand by hour of the week: 168 rows a workload, however long the window.
fn hourly(report: &ReportModel) -> Table {
    let mut rows = Vec::new();
    for workload in pages::in_detail(report) {
        for (day, hours) in WEEKDAYS.iter().zip(&workload.demand_by_weekday_hour) {
            for (hour, demand) in (0..HOURS).zip(hours) {
                rows.push(vec![
                    Cell::text(&workload.name),
                    Cell::text(day),
                    Cell::Whole(hour),
                    Cell::maybe(*demand, Cell::Number),
                    Cell::text(&workload.demand_unit),
                ]);
            }
        }
    }
    let zone = &report.time_zone;
    let heads = ["Workload", "Weekday", &format!("Hour, {zone}"), "Mean demand", "Unit of demand"];
    Table {
        name: "Hourly demand",
        heads: heads.map(ToOwned::to_owned).to_vec(),
        rows,
        totals: Vec::new(),
        frozen: 1,
    }
}

/// The places of the account, whose sum is what the files say.
fn reconciliation(report: &ReportModel) -> Table {
    let account = &report.reconciliation;
    let currency = report.currency;
    let mut rows: Vec<Vec<Cell>> = account
        .parts
        .iter()
        .map(|it| {
            vec![
                Cell::text(part_in_words(it.part)),
                Cell::Whole(it.rows),
                Cell::maybe(it.billed, Cell::Money),
                Cell::maybe(it.effective, Cell::Money),
            ]
        })
        .collect();
    let difference = Cell::maybe(account.line.difference, Cell::Money);
    rows.push(vec![Cell::text("difference"), Cell::Empty, difference, Cell::Empty]);
    let heads = [
        "Place in the account",
        "Rows",
        &format!("Billed cost, {currency}"),
        &format!("Effective cost, {currency}"),
    ];
    let mut table = Table {
        name: "Reconciliation",
        heads: heads.map(ToOwned::to_owned).to_vec(),
        rows,
        totals: Vec::new(),
        frozen: 1,
    };
    table.total(2, account.line.billed_total);
    // Effective costs of rejected rows may be unknown: no total that the rows do not add up to.
    let effective = account.parts.iter().filter_map(|it| it.effective);
    let sum = Money::sum(effective, currency).ok();
    table.total(3, account.line.effective_total.filter(|it| Some(*it) == sum));
    table
}

/// Every tunable number.
fn assumptions(report: &ReportModel) -> Table {
    let rows = report.provenance.assumptions.iter().map(|it| {
        vec![
            Cell::text(&it.key),
            Cell::Number(it.value),
            Cell::text(&it.unit),
            Cell::text(&it.reason),
            Cell::text(&it.source),
        ]
    });
    Table {
        name: "Assumptions",
        heads: ["Assumption", "Value", "Unit", "Reason", "Source"].map(ToOwned::to_owned).to_vec(),
        rows: rows.collect(),
        totals: Vec::new(),
        frozen: 1,
    }
}
