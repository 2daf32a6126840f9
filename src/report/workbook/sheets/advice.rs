//! A row per advice, in the order to follow them.

use crate::report::model::{AdviceReport, ReportModel, WorkloadReport};
use crate::report::words;

use super::super::layout::{Cell, Table};

const SAVES: usize = 5;
const EFFORT: usize = 11;
const COST: usize = 12;

/// The table: what saves first, then what to keep, then what has too little data.
pub(super) fn table(report: &ReportModel) -> Table {
    let currency = report.currency;
    let money = |what: &str| format!("{what}, {currency}");
    let workloads: Vec<&WorkloadReport> = words::all_ranked(report);
    let rows: Vec<Vec<Cell>> = workloads.iter().map(|it| row(report, it)).collect();
    let heads = vec![
        "Rank".to_owned(),
        "Workload".to_owned(),
        "Owner".to_owned(),
        "Action".to_owned(),
        "What to do".to_owned(),
        money("Saving found a month"),
        money("Low end"),
        money("High end"),
        "Chance of a loss".to_owned(),
        "Grade".to_owned(),
        "Sure of the low end".to_owned(),
        "Effort, h".to_owned(),
        money("Cost of the change"),
        "Paid back after, days".to_owned(),
        "What runs today is".to_owned(),
        "Undo".to_owned(),
        "Only together with".to_owned(),
        "Decision".to_owned(),
        "Decided owner".to_owned(),
        "Due".to_owned(),
        "Advice id".to_owned(),
        "Why".to_owned(),
    ];
    let mut table = Table { name: "Advice", heads, rows, totals: Vec::new(), frozen: 2 };
    if report.workloads.is_empty() {
        return table;
    }
    table.total(SAVES, Some(report.totals.monthly_savings));
    let changes = || workloads.iter().filter_map(|it| it.advice.change.as_ref());
    if changes().next().is_some() {
        table.count(EFFORT, Some(changes().map(|it| it.effort_hours).sum()));
        table.total(COST, crate::units::Money::sum(changes().map(|it| it.cost), currency).ok());
    }
    table
}

fn row(report: &ReportModel, it: &WorkloadReport) -> Vec<Cell> {
    let advice = &it.advice;
    let range = advice.interval.as_ref();
    let change = advice.change.as_ref();
    let decision = advice.decision.as_ref();
    let mut cells = vec![
        Cell::maybe(words::rank(report, it), Cell::Text),
        Cell::text(&it.name),
        Cell::maybe(it.owner.as_ref(), Cell::text),
        Cell::Text(words::action(advice)),
        Cell::prose(report, &advice.summary),
        Cell::Money(advice.monthly_savings),
        Cell::maybe(range, |it| Cell::Money(it.low)),
        Cell::maybe(range, |it| Cell::Money(it.high)),
        Cell::maybe(advice.probability_of_loss, Cell::Share),
        Cell::text(&advice.grade),
        Cell::maybe(advice.confidence, Cell::Share),
        Cell::maybe(change, |it| Cell::Number(it.effort_hours)),
        Cell::maybe(change, |it| Cell::Money(it.cost)),
        Cell::maybe(change.and_then(|it| it.pay_back_days), Cell::Number),
        Cell::maybe(change, |it| {
            Cell::text(if it.restart == "none" { "kept" } else { it.restart })
        }),
    ];
    cells.extend([
        Cell::maybe(Some(&advice.undo).filter(|it| !it.is_empty()), |it| Cell::prose(report, it)),
        together(report, advice),
        Cell::maybe(decision, |it| Cell::text(it.state)),
        Cell::maybe(decision.and_then(|it| it.owner.as_ref()), Cell::text),
        Cell::maybe(decision.and_then(|it| it.due.clone()), Cell::Day),
        Cell::text(&advice.id),
        Cell::prose(report, words::why(it)),
    ]);
    cells
}

/// The names of the workloads that must move with it.
fn together(report: &ReportModel, advice: &AdviceReport) -> Cell {
    let names: Vec<&str> = report
        .workloads
        .iter()
        .filter(|it| advice.together_with.contains(&it.advice.id))
        .map(|it| it.name.as_str())
        .collect();
    Cell::maybe(Some(names.join("; ")).filter(|it| !it.is_empty()), Cell::Text)
}
