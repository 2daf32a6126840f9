//! What an action takes, what it saves at other prices, how to see that it came true, and what would
//! change it.

use super::{money, money_in, state_behind};
use crate::report::model::{AdviceReport, ReportModel, WorkloadReport};
use crate::report::number::{self, Medium};
use crate::report::table::{Narrow, Table};
use crate::report::words::{self, capitalized, plain, shown};
use crate::units::Currency;

/// Numbers on a page.
const PAGE: Medium = Medium::Page;
/// Workloads up to which what saves is in the list of all advice too, and not only where it stands with its
/// saving and its rank: in the table of workloads.
const MOST_IN_FULL: usize = 30;
/// Characters of a reason in the list of all advice.
const LONGEST_REASON: usize = 160;

/// `8 h of work and a day of trial, 1,034.20 USD, earned back in 6 days`.
pub(crate) fn takes(advice: &AdviceReport, medium: Medium) -> Option<String> {
    let change = advice.change.as_ref()?;
    let trial = if change.restart == "replaced" { " and a day of trial" } else { "" };
    let back = change.pay_back_days.map_or_else(String::new, |days| {
        format!(", earned back in {}", medium.duration_in_days(days))
    });
    Some(format!(
        "{} of work{trial}, {} {}{back}",
        medium.duration(change.effort_hours * 3600.0),
        money_in(Some(change.cost), medium),
        change.cost.currency()
    ))
}

/// All advice in one ranking, each with a reason: what saves, what is kept, what has too little data.
pub(crate) fn all_advice(report: &ReportModel, medium: Medium) -> Table {
    let saves = format!("Saves, {}/month#", report.currency);
    let heads = ["Rank", "Workload", "Advice", saves.as_str(), "Grade", "Why"];
    let is_long = report.workloads.len() > MOST_IN_FULL;
    let n = report.portfolio.ranking.len();
    let title = if is_long && n > 0 {
        format!("All advice in one ranking, after S1 to S{n} of the table of workloads")
    } else {
        "All advice in one ranking".to_owned()
    };
    let mut table = Table::new(&title, &heads).narrow(Narrow::Stack);
    for it in words::all_ranked(report) {
        if is_long && words::place(report, it) > 0 {
            continue;
        }
        let saving = it.advice.monthly_savings;
        table.push(vec![
            words::rank(report, it).unwrap_or_else(|| number::DASH.to_owned()),
            shown(&it.name),
            words::action(&it.advice) + state_behind(it),
            if saving.is_zero() { number::DASH.to_owned() } else { medium.money(saving) },
            shown(&it.advice.grade),
            words::clip(&medium.prose(&plain(words::why(it)), report.currency), LONGEST_REASON),
        ]);
    }
    table
}

/// What happens to what runs today.
fn restart(advice: &AdviceReport) -> Option<&'static str> {
    Some(match advice.change.as_ref()?.restart {
        "none" => "what runs today goes on",
        "stopped" => "it is stopped",
        _ => "a new deployment takes its place",
    })
}

/// The same with what happens to what runs today.
pub(crate) fn takes_in_full(advice: &AdviceReport, medium: Medium) -> Option<String> {
    Some(format!("{}; {}", takes(advice, medium)?, restart(advice)?))
}

/// What to measure after the change.
pub(crate) fn verify(advice: &AdviceReport) -> Option<Table> {
    let mut table =
        Table::new("How to see that it came true", &["Measure", "It is right if", "From"]);
    for it in &advice.verify {
        let currency = advice.monthly_savings.currency();
        let threshold = PAGE.prose(&plain(&it.threshold), currency);
        table.push(vec![capitalized(&plain(&it.metric)), threshold, number::date(&it.date)]);
    }
    (!table.is_empty()).then_some(table)
}

/// The saving at three prices, where more than one is known.
pub(crate) fn at_prices(advice: &AdviceReport, currency: Currency) -> Option<Table> {
    let it = advice.savings_by_price.as_ref()?;
    if it.at_list.is_none() && it.in_cash.is_none() {
        return None;
    }
    let head = format!("{currency} a month#");
    let mut table = Table::new("The saving at three prices", &["At", &head]).narrow(Narrow::Table);
    table.push(vec![
        "your own rate, amortized: what the totals count".to_owned(),
        money(Some(it.at_own_rate)),
    ]);
    table.push(vec!["public list prices".to_owned(), money(it.at_list)]);
    table.push(vec!["the invoice, after credits".to_owned(), money(it.in_cash)]);
    Some(table)
}

/// What would make an advice wrong, where it stops to save, and what shocks do to it; one sentence each.
pub(crate) fn doubts(advice: &AdviceReport) -> Vec<String> {
    let points = advice.break_evens.iter().map(|it| it.sentence.clone());
    let shocks = advice.shocks.iter().map(|it| it.sentence.clone());
    advice.wrong_if.iter().cloned().chain(points).chain(shocks).collect()
}

/// The actions by week; nothing for less than two.
pub(crate) fn weeks(report: &ReportModel, medium: Medium) -> Table {
    let saving = format!("{} a month#", report.currency);
    let mut table = Table::new("A plan by week", &["Week from", "Work on", "Work#", &saving])
        .narrow(Narrow::Lines);
    if report.portfolio.ranking.len() < 2 {
        return table;
    }
    for week in &report.portfolio.plan {
        let mut names: Vec<String> =
            week.advice_ids.iter().filter_map(|id| named(report, id)).collect();
        let later = week.goes_on.as_ref().and_then(|id| named(report, id));
        names.extend(later.map(|it| format!("{it} (goes on)")));
        let saves = Some(week.monthly_savings).filter(|it| !it.is_zero());
        table.push(vec![
            number::date(&week.from),
            names.join(", "),
            medium.duration(week.effort_hours * 3600.0),
            money_in(saves, medium),
        ]);
    }
    table
}

/// `S1 chat-prod`.
fn named(report: &ReportModel, id: &str) -> Option<String> {
    let has = |it: &&WorkloadReport| it.advice.id == id;
    let workload = report.workloads.iter().find(has)?;
    let rank = words::rank(report, workload).unwrap_or_default();
    Some(format!("{rank} {}", shown(&workload.name)).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::fixture;

    #[test]
    fn what_stays_is_in_the_ranking_behind_what_saves() {
        let report = fixture::report();
        let table = all_advice(&report, Medium::Terminal);
        assert_eq!(table.rows.len(), report.workloads.len());
        let ranks: Vec<&str> = table.rows.iter().map(|it| it.cells[0].as_str()).collect();
        assert_eq!(ranks, ["S1", "S2", "–", "–"]);
        assert!(table.rows.iter().all(|it| !it.cells[5].is_empty()), "{:?}", table.rows);
        let style = crate::report::TerminalStyle::default();
        let text = crate::report::render(&report, crate::report::Format::Table, &style).unwrap();
        assert!(text.contains("KEEP AS IT IS, OR TOO LITTLE DATA"), "{text}");
        let mut many = report.clone();
        let kept = report.workloads[2].clone();
        many.workloads.extend((0..MOST_IN_FULL).map(|_| kept.clone()));
        let table = all_advice(&many, Medium::Terminal);
        assert_eq!(table.rows.len(), many.workloads.len() - 2);
        assert!(
            table.caption.ends_with("after S1 to S2 of the table of workloads"),
            "{}",
            table.caption
        );
    }
}
