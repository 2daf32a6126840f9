//! What was decided, what is left to do, and what became of promises.

use super::money_in;
use crate::report::comparison::signed;
use crate::report::decisions::{counts_as, is_asked};
use crate::report::model::{CountsAs, DecisionReport, PromiseReport, ReportModel, WorkloadReport};
use crate::report::number::{DASH, Medium, by_rounding, date};
use crate::report::table::Table;
use crate::report::words::{is_weak, plain, rank, ranked, shown};
use crate::units::{Currency, Money};

/// The workloads whose advice is asked for, in the order of the ranking: not what was rejected or put off.
pub(crate) fn to_do(report: &ReportModel) -> Vec<&WorkloadReport> {
    ranked(report).into_iter().filter(|it| is_asked(it)).collect()
}

/// What the advice of a workload saves where it is asked for, else nothing. These add up to
/// `portfolio.savings_by_decision.asked_for`.
pub(crate) fn asked_for(workload: &WorkloadReport) -> Money {
    let saving = workload.advice.monthly_savings;
    if is_asked(workload) { saving } else { Money::zero(saving.currency()) }
}

/// What is asked for and saved by weak advice.
pub(crate) fn weak(report: &ReportModel) -> Money {
    let asked = to_do(report).into_iter().map(|it| &it.advice);
    let weak = asked.filter(|it| is_weak(&it.grade));
    let zero = Money::zero(report.currency);
    weak.fold(zero, |sum, it| sum.checked_add(it.monthly_savings).unwrap_or(sum))
}

/// What is said where nothing is asked for although something could be saved.
pub(crate) fn all_decided(report: &ReportModel) -> Option<&'static str> {
    let sums = &report.portfolio.savings_by_decision;
    let is_so = sums.asked_for.is_zero() && !sums.identified.is_zero();
    is_so.then_some("all that could be saved was rejected or put off")
}

/// What was decided about the advice, to stand behind its name; nothing for what is open.
pub(crate) fn state_behind(workload: &WorkloadReport) -> &'static str {
    match counts_as(workload) {
        CountsAs::Open => "",
        CountsAs::Approved => ", approved",
        CountsAs::Rejected => ", rejected",
        CountsAs::Snoozed => ", snoozed",
    }
}

/// `approved, owner Mara, due 15 Nov 2026, overdue: needs a quote first`.
pub(crate) fn decision_in_words(it: &DecisionReport) -> String {
    let mut parts = vec![match (it.counts_as, it.state) {
        (CountsAs::Approved, _) => "approved".to_owned(),
        (CountsAs::Open, "done") => "marked done, and still comes up".to_owned(),
        (CountsAs::Open, "snoozed") => "snoozed before".to_owned(),
        (_, other) => other.to_owned(),
    }];
    parts.extend(it.until.as_ref().map(|until| format!("until {}", date(until))));
    parts.extend(it.owner.as_ref().map(|owner| format!("owner {}", shown(owner))));
    parts.extend(it.due.as_ref().map(|due| format!("due {}", date(due))));
    parts.extend(it.overdue.then(|| "overdue".to_owned()));
    let reason = it.reason.as_ref().map(|it| format!(": {}", plain(it)));
    parts.join(", ") + &reason.unwrap_or_default()
}

/// `open 10.00 + approved 3.00 + rejected 2.00 + snoozed 1.00 = identified 16.00`; nothing where
/// nobody decided.
fn split(report: &ReportModel, medium: Medium) -> Option<String> {
    let sums = &report.portfolio.savings_by_decision;
    if report.workloads.iter().all(|it| it.advice.decision.is_none()) {
        return None;
    }
    let parts = [
        ("open", sums.open),
        ("approved", sums.approved),
        ("rejected", sums.rejected),
        ("snoozed", sums.snoozed),
    ];
    let rounded = by_rounding(sums.identified, &parts.map(|it| it.1));
    let parts = parts.map(|(word, amount)| format!("{word} {}", medium.money(amount))).into_iter();
    let parts = parts.chain(rounded.map(|it| format!("rounding {}", signed(it, medium))));
    let parts: Vec<String> = parts.collect();
    Some(format!("{} = identified {}", parts.join(" + "), medium.money(sums.identified)))
}

/// Every decision about advice that comes up.
pub(crate) fn decided(report: &ReportModel, medium: Medium) -> Table {
    let saves = format!("{}/month#", report.currency);
    let heads = ["Advice", "Workload", "Decided", "Date", "Owner", &saves, "Reason"];
    let mut table = Table::new("Decided", &heads);
    let or_dash = |it: Option<String>| it.unwrap_or_else(|| DASH.to_owned());
    for workload in &report.workloads {
        let Some(it) = &workload.advice.decision else { continue };
        let (word, day) = word_and_day(it);
        table.push(vec![
            or_dash(rank(report, workload)),
            shown(&workload.name),
            word.to_owned(),
            or_dash(day.map(|it| date(it))),
            or_dash(it.owner.as_ref().map(|it| shown(it))),
            medium.money(workload.advice.monthly_savings),
            or_dash(it.reason.as_ref().map(|it| plain(it))),
        ]);
    }
    table.note = split(report, medium).map(|it| it + ".");
    table
}

/// The decision and the day it speaks of: the one it is due or put off to, else that of the decision.
fn word_and_day(it: &DecisionReport) -> (&'static str, Option<&String>) {
    match (it.counts_as, &it.due) {
        (CountsAs::Approved, Some(due)) if it.overdue => ("overdue since", Some(due)),
        (CountsAs::Approved, Some(due)) => ("approved, due", Some(due)),
        (CountsAs::Approved, None) => ("approved", it.decided.as_ref()),
        (CountsAs::Rejected, _) => ("rejected", it.decided.as_ref()),
        (CountsAs::Snoozed, _) => ("snoozed until", it.until.as_ref()),
        (CountsAs::Open, _) if it.until.is_some() => ("asked again", it.until.as_ref()),
        (CountsAs::Open, _) => ("done, still up", it.decided.as_ref()),
    }
}

/// What was promised, and what came of it at the traffic of then.
pub(crate) fn promises(report: &ReportModel, medium: Medium) -> Table {
    let heads = ["Promises", "Decision", "Promised#", "Realised#", "Unit", "Cost then#", "Now#"];
    let caption = "Promises: savings of a month of 730 h at the traffic of then";
    let mut table = Table::new(caption, &heads);
    let unit =
        |cost: Option<Money>| cost.map_or_else(|| DASH.to_owned(), |it| medium.unit_cost(it));
    for it in &report.portfolio.promises {
        let own =
            |it: Currency| if it == report.currency { String::new() } else { format!(" {it}") };
        table.push(vec![
            shown(&it.workload),
            it.state.to_owned(),
            medium.money(it.promised_monthly_savings) + &own(it.currency),
            money_in(it.realised_monthly_savings, medium),
            it.unit.as_ref().map_or_else(|| DASH.to_owned(), |it| shown(it)),
            unit(it.unit_cost_then),
            unit(it.unit_cost_now),
        ]);
    }
    let all = &report.portfolio.promises;
    let mut said: Vec<String> = all.iter().filter_map(|it| so_far(it, medium)).collect();
    let why = all.iter().filter_map(not_known).collect::<Vec<_>>().join("; ");
    said.extend((!why.is_empty()).then(|| format!("Not known: {why}.")));
    table.note = (!said.is_empty()).then(|| said.join(" "));
    table
}

/// `chat since 1 Nov 2026, 1.02 months: 305.75 promised, 254.79 realised; ...`.
fn so_far(it: &PromiseReport, medium: Medium) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(it.to_date.as_ref().map(|of| {
        let realised = match (of.realised, &of.not_known) {
            (Some(amount), _) => format!("{} realised", medium.money(amount)),
            (None, why) => {
                format!("realised not known, {}", why.as_deref().map(plain).unwrap_or_default())
            }
        };
        format!(
            "{} months, {} promised, {realised}",
            medium.quantity(of.months),
            medium.money(of.promised)
        )
    }));
    parts.extend(it.why.as_ref().map(|it| plain(it)));
    parts.extend(
        it.bill_moved_by_traffic
            .filter(|it| !it.is_zero())
            .map(|it| format!("traffic moved the bill of a month by {}", signed(it, medium))),
    );
    let since = it.to_date.as_ref().map(|it| format!(" since {}", date(&it.since)));
    let lead = format!("{}{}", shown(&it.workload), since.unwrap_or_default());
    (!parts.is_empty()).then(|| format!("{lead}: {}.", parts.join("; ")))
}

fn not_known(it: &PromiseReport) -> Option<String> {
    Some(format!("{}: {}", shown(&it.workload), it.not_known.as_ref()?))
}
