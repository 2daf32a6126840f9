//! The parts of the page, in the order of their weight.

use super::charts::{ACTIONS, COSTS};
use super::month::month;
use super::page::{Row, Section, View, add};
use super::read::{Amount, Basis, Decision, Promise, Range, Signed, Workload};
use crate::report::RenderError;
use crate::report::account::part_in_words;
use crate::report::comparison::signed;
use crate::report::html::range_in_words;
use crate::report::model::Interval;
use crate::report::number::{by_rounding, date};
use crate::report::words::{
    Move, billed_to_spend, clip, commits, decision_of, find_who_uses, is_pressing, is_weak, listed,
    live, plain, shown, used,
};
use crate::units::{Currency, Money};

/// Actions shown; the others are one row, so that the sum stays right.
const MOST_ACTIONS: usize = 5;
/// Owners or workloads shown.
const MOST_OWNERS: usize = 8;
/// Remarks shown, and characters of each.
const MOST_NOTICES: usize = 3;
const LONGEST_NOTICE: usize = 400;
/// Actions that a sentence names one by one.
const MOST_NAMED: usize = 8;
/// What is marked done while its advice still comes up.
const NOT_SEEN: &str = "done, not yet seen";

/// What is asked for, one sentence each.
pub(super) fn decisions(view: &View<'_>) -> Result<Vec<String>, RenderError> {
    let to_do = view.to_do();
    let state = |it: &Workload| it.advice.decision.as_ref().map(|it| it.counts_as.clone());
    let is_approved = |it: &Workload| state(it).as_deref() == Some("approved");
    let is_sure = |it: &Workload| matches!(it.advice.grade.as_str(), "A" | "B");
    let is_late = |it: &Workload| it.advice.decision.as_ref().is_some_and(|it| it.overdue);
    let is_done = |it: &Workload| it.advice.decision.as_ref().is_some_and(Decision::is_done);
    // Each piece of advice is in the first group that takes it.
    let group = |it: &Workload| match () {
        () if is_late(it) => 0,
        () if is_done(it) => 5,
        () if is_approved(it) => 4,
        () if is_weak(&it.advice.grade) => 3,
        () if is_sure(it) => 1,
        () => 2,
    };
    let groups = [
        ("Carry out what is overdue", "approved, and its day is over"),
        ("Approve now", "grade A or B"),
        ("Approve a test", "grade C: something is assumed or not measured yet"),
        ("Look closer before a test", "weak: grade D or below"),
        ("Nothing more to decide for what is approved", "it is on its way"),
        ("Look at what is done, not yet seen", "marked done, and its advice still comes up"),
    ];
    let mut lines = Vec::new();
    for (at, (what, why)) in groups.into_iter().enumerate() {
        let found: Vec<_> = to_do.iter().filter(|it| group(it.1) == at).collect();
        if found.is_empty() {
            continue;
        }
        // Few enough to name: the reader need not look them up.
        let named =
            |it: &&(usize, &Workload)| format!("S{} {}", it.0, clip(&plain(&it.1.name), 40));
        let places: Vec<String> = if found.len() <= 2 {
            found.iter().map(named).collect()
        } else {
            in_runs(&found.iter().map(|it| it.0).collect::<Vec<_>>())
        };
        let saved = found.iter().map(|it| view.report.money(it.1.advice.monthly_savings)).collect();
        let found: Vec<_> = found.into_iter().copied().collect();
        lines.push(format!(
            "{what}, {}: {} {} a month ({why}).{}",
            places.join(", "),
            view.medium.money(add(saved, view.report)?),
            view.report.currency,
            owed(view, &found)?.map_or_else(String::new, |it| format!(" {it}."))
        ));
    }
    let period = clip(&plain(&view.report.file.period_label), 40);
    lines.extend(view.unclaimed().map(|cost| {
        let what = find_who_uses(cost, view.medium);
        format!("{what} {} in {period}.", view.report.currency)
    }));
    Ok(lines)
}

/// Rising numbers of actions, of many each run of neighbours as one: S1, S3 to S90, and the first few
/// of these.
fn in_runs(numbers: &[usize]) -> Vec<String> {
    if numbers.len() <= MOST_NAMED {
        return numbers.iter().map(|it| format!("S{it}")).collect();
    }
    let runs: Vec<&[usize]> = numbers.chunk_by(|a, b| a + 1 == *b).collect();
    let name = |run: &&[usize]| match *run {
        [first, .., last] => format!("S{first} to S{last}"),
        _ => run.first().map_or_else(String::new, |it| format!("S{it}")),
    };
    let mut names: Vec<String> = runs.iter().take(MOST_NAMED).map(name).collect();
    let left: usize = runs.iter().skip(MOST_NAMED).map(|it| it.len()).sum();
    names.extend((left > 0).then(|| format!("{left} more")));
    names
}

/// What is owed in all once the commitments of some actions are signed.
fn owed(view: &View<'_>, of: &[(usize, &Workload)]) -> Result<Option<String>, RenderError> {
    let signed = of.iter().filter_map(|(at, it)| Some((at, it.advice.commitment.as_ref()?)));
    let signed: Vec<(&usize, &Signed)> = signed.collect();
    if signed.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = signed.iter().map(|it| format!("S{}", it.0)).collect();
    let names = if names.len() > MOST_NAMED {
        format!("{} of them", names.len())
    } else {
        names.join(", ")
    };
    let sum = add(signed.iter().map(|it| view.report.money(it.1.owed)).collect(), view.report)?;
    let (sum, currency) = (view.medium.money(sum), view.report.currency);
    Ok(Some(format!("A commitment is part of {names}: {sum} {currency} owed in all, used or not")))
}

/// Every part that has something to say.
pub(super) fn sections(view: &View<'_>, news: &[String]) -> Result<Vec<Section>, RenderError> {
    let title = "Changed since the mail before".to_owned();
    let changed = Section { title, lines: news.to_vec(), ..Section::default() };
    let mut sections = vec![changed, month(view)?];
    if view.is_all() {
        sections.extend(why(view));
    }
    sections.push(actions(view)?);
    sections.push(if view.is_all() { owners(view)? } else { workloads(view)? });
    if view.is_all() {
        sections.push(promises(view));
        sections.push(commitments(view));
        sections.push(notices(view));
        sections.push(reconciled(view));
    }
    sections.retain(|it| !it.rows.is_empty() || !it.lines.is_empty());
    Ok(sections)
}

/// The parts of the page of a report, which has its actions, remarks and proof in places of their own.
pub(super) fn beside_actions(view: &View<'_>) -> Result<Vec<Section>, RenderError> {
    let mut sections = vec![month(view)?];
    sections.extend(why(view));
    sections.push(owners(view)?);
    sections.push(promises(view));
    sections.push(commitments(view));
    sections.retain(|it| !it.rows.is_empty());
    Ok(sections)
}

pub(super) fn not_measured() -> String {
    "not measured".to_owned()
}

/// Why spend moved since the earlier report.
fn why(view: &View<'_>) -> Option<Section> {
    let previous = view.report.file.previous.as_ref()?;
    let since = &previous.since;
    let difference = view.report.money(since.difference);
    let steps = since.steps.iter().map(|it| (shown(&it.name), view.report.money(it.amount)));
    let mut rows = Vec::new();
    let mut amounts = Vec::new();
    for (name, amount) in steps {
        amounts.push(amount);
        rows.push(Row::new(name, "", signed(amount, view.medium)));
    }
    rows.extend(rounding(&amounts, difference, view));
    rows.push(Row::new("Together", "", signed(difference, view.medium)).strong());
    let title = format!("Why, since {}", clip(&plain(&previous.period_label), 40));
    Some(Section { title, rows, ..Section::default() })
}

/// At most five actions, those first that need a word now; the others as one, and their sum.
fn actions(view: &View<'_>) -> Result<Section, RenderError> {
    let to_do = view.to_do();
    let saved = |it: &Workload| view.report.money(it.advice.monthly_savings);
    let pressing: Vec<bool> = to_do.iter().map(|it| presses(it.1)).collect();
    let shown_at = listed(&pressing, MOST_ACTIONS);
    let is_shown = |at: &usize| shown_at.contains(at);
    let mut rows: Vec<Row> = shown_at
        .iter()
        .filter_map(|at| to_do.get(*at))
        .map(|(place, it)| {
            let plan = it.advice.plan_id.as_ref();
            let plan = plan.and_then(|id| it.plans.iter().find(|plan| plan.id == *id));
            let to = plan.map(|to| Move {
                purchase: &to.purchase,
                gpus: (it.baseline.gpu.as_deref(), &to.gpu),
                precisions: (it.baseline.precision.as_deref(), &to.precision),
                least: to.min_replicas,
            });
            let what = decision_of(&it.name, &it.advice.action, to);
            Row::new(
                format!("S{place} {what}"),
                action_note(view, it),
                view.medium.money(saved(it)),
            )
        })
        .collect();
    let amounts_where = |wanted: bool| -> Vec<Money> {
        let found = to_do.iter().enumerate().filter(|(at, _)| is_shown(at) == wanted);
        found.map(|(_, it)| saved(it.1)).collect()
    };
    let (mut amounts, others) = (amounts_where(true), amounts_where(false));
    if !others.is_empty() {
        let n = others.len();
        let rest = add(others, view.report)?;
        amounts.push(rest);
        rows.push(Row::new(format!("{n} more"), "in the report", view.medium.money(rest)));
    }
    if to_do.len() > 1 {
        let all = view.savings()?;
        rows.extend(rounding(&amounts, all, view));
        rows.push(
            Row::new("Together, no overlap", together(view)?, view.medium.money(all)).strong(),
        );
    }
    let title = format!("What to do, {} a month", view.report.currency);
    Ok(Section { title, rows, chart: Some(ACTIONS), ..Section::default() })
}

/// Whether somebody has to say something about it now.
fn presses(it: &Workload) -> bool {
    let decision = it.advice.decision.as_ref();
    let is_approved = decision.is_some_and(|it| it.counts_as == "approved");
    is_pressing(&it.advice.grade, is_approved, decision.is_some_and(|it| it.overdue))
}

/// `Search · grade C · no loss · 26 h of work · approved, due 15 Nov 2026`.
fn action_note(view: &View<'_>, it: &Workload) -> String {
    let advice = &it.advice;
    let decision = advice.decision.as_ref();
    let owner = decision.and_then(|it| it.owner.as_ref()).or(it.owner.as_ref());
    let mut parts = vec![owner.map_or_else(|| "no owner".to_owned(), |it| clip(&plain(it), 40))];
    parts.push(format!("grade {}", shown(&advice.grade)));
    parts.extend(advice.commitment.as_ref().map(|it| {
        let owed = view.medium.money(view.report.money(it.owed));
        commits(it.term_months, &it.end, &format!("{owed} {}", view.report.currency))
    }));
    parts.extend(range(view, advice.interval, advice.probability_of_loss));
    parts.extend(advice.live.as_ref().map(|it| {
        let saved = view.report.money(it.savings_by_year_end);
        live(&it.from, &it.year_end, (!saved.is_zero()).then(|| view.medium.money(saved)))
    }));
    parts.extend(
        advice
            .change
            .as_ref()
            .map(|it| format!("{} of work", view.medium.duration(it.effort_hours * 3600.0))),
    );
    parts.push(match decision {
        None => "to decide".to_owned(),
        Some(it) => {
            let due = it.due.as_ref().map(|due| format!(", due {}", date(&shown(due))));
            let late = if it.overdue { ", overdue" } else { "" };
            let state = if it.is_done() { NOT_SEEN.to_owned() } else { shown(&it.counts_as) };
            format!("{state}{}{late}", due.unwrap_or_default())
        }
    });
    parts.join(" · ")
}

/// What all actions save by the end of the year, and what is owed for them.
fn together(view: &View<'_>) -> Result<String, RenderError> {
    let by_year_end = Some(by_year_end(view)).filter(|it| !it.is_empty());
    let parts = by_year_end.into_iter().chain(owed(view, &view.to_do())?);
    Ok(parts.collect::<Vec<_>>().join(" · "))
}

/// `34,199.21 by 31 Dec 2026`, of all that is asked for.
fn by_year_end(view: &View<'_>) -> String {
    let to_do = view.to_do();
    let year_end = to_do.iter().find_map(|it| it.1.advice.live.as_ref());
    let sum = view.report.file.portfolio.savings_by_year_end.filter(|_| view.is_all());
    let said = year_end
        .zip(sum)
        .map(|(it, sum)| format!("{} by {}", view.money(sum), date(&shown(&it.year_end))));
    said.unwrap_or_default()
}

fn range(view: &View<'_>, range: Option<Range>, loss: Option<f64>) -> Option<String> {
    let it = range?;
    let [low, high] = [it.low, it.high].map(|it| view.report.money(it));
    let basis = if it.basis == Basis::Days { "days" } else { "weeks" };
    let interval = Interval { low, high, level: it.level, cvar: low, basis, n: it.n };
    range_in_words(view.medium, Some(&interval), loss)
}

/// The range of all savings, where all of them are asked for.
pub(super) fn all_range(view: &View<'_>) -> Option<String> {
    let it = &view.report.file.portfolio;
    let all =
        view.is_all() && it.savings_by_decision.asked_for == it.savings_by_decision.identified;
    range(view, it.interval.filter(|_| all), it.probability_of_loss)
}

/// Who pays: the spend by owner, and what stands beside it.
fn owners(view: &View<'_>) -> Result<Section, RenderError> {
    let mut by_owner: Vec<(Option<&str>, Vec<Money>)> = Vec::new();
    for it in &view.workloads {
        let Some(cost) = it.baseline.effective_cost.map(|it| view.report.money(it)) else {
            continue;
        };
        match by_owner.iter_mut().find(|(owner, _)| *owner == it.owner.as_deref()) {
            Some((_, costs)) => costs.push(cost),
            None => by_owner.push((it.owner.as_deref(), vec![cost])),
        }
    }
    let mut costs = Vec::new();
    for (owner, amounts) in by_owner {
        let name = owner.map_or_else(|| "no owner".to_owned(), shown);
        let n = amounts.len() as u64;
        costs.push((name, view.medium.counted(n, "workload"), add(amounts, view.report)?));
    }
    let mut section = shares(view, "Who", costs, "owners")?;
    for part in &view.report.file.reconciliation.parts {
        let is_outside =
            ["unassigned", "commitment_unused", "capacity_unused"].contains(&part.place.as_str());
        let cost = part.effective.or(part.billed).map(|it| view.report.money(it));
        if let Some(cost) = cost.filter(|it| is_outside && !it.is_zero()) {
            let note = "beside the spend above";
            section.rows.push(Row::new(part_in_words(&part.place), note, view.medium.money(cost)));
        }
    }
    Ok(section)
}

/// What each workload of an owner costs.
fn workloads(view: &View<'_>) -> Result<Section, RenderError> {
    let costs = view.workloads.iter().filter_map(|it| {
        Some((shown(&it.name), String::new(), view.report.money(it.baseline.effective_cost?)))
    });
    shares(view, "Your workloads", costs.collect(), "workloads")
}

/// Parts of the spend, the largest first, and their sum.
fn shares(
    view: &View<'_>,
    title: &str,
    mut costs: Vec<(String, String, Money)>,
    noun: &str,
) -> Result<Section, RenderError> {
    costs.sort_by_key(|it| std::cmp::Reverse(it.2.atto()));
    let all = add(costs.iter().map(|it| it.2).collect(), view.report)?;
    let share = |part: Money| {
        let share = (all.atto() > 0).then(|| part.to_f64() / all.to_f64());
        share.map(|it| view.medium.percent(it)).unwrap_or_default()
    };
    let others = costs.split_off(costs.len().min(MOST_OWNERS));
    if !others.is_empty() {
        let rest = add(others.iter().map(|it| it.2).collect(), view.report)?;
        costs.push((format!("{} more {noun}", others.len()), String::new(), rest));
    }
    let several = costs.len() > 1;
    let amounts: Vec<Money> = costs.iter().map(|it| it.2).collect();
    let mut rows: Vec<Row> = costs
        .into_iter()
        .map(|(name, note, cost)| {
            let parts = [share(cost), note].into_iter().filter(|it| !it.is_empty());
            let note = parts.collect::<Vec<_>>().join(" · ");
            Row::new(name, note, view.medium.money(cost))
        })
        .collect();
    if several {
        rows.extend(rounding(&amounts, all, view));
        rows.push(Row::new("Together", "", view.medium.money(all)).strong());
    }
    Ok(Section {
        title: format!("{title}, {}", view.report.currency),
        rows,
        chart: Some(COSTS),
        ..Section::default()
    })
}

/// What the cents of the parts miss of the cents of their sum.
fn rounding(parts: &[Money], sum: Money, view: &View<'_>) -> Option<Row> {
    let left = by_rounding(sum, parts);
    left.map(|it| Row::new("Rounding", "", signed(it, view.medium)))
}

/// What was promised with decisions, and what came of it.
fn promises(view: &View<'_>) -> Section {
    let rows = view.report.file.portfolio.promises.iter().take(MOST_ACTIONS).map(|it| {
        let currency = Currency::parse(&it.currency).unwrap_or(view.report.currency);
        let amount = |it: Amount| view.medium.money(it.of(currency));
        let note = format!("promised {} {currency} a month", amount(it.promised_monthly_savings));
        let unknown = || not_realised(view, it);
        let value = it.realised_monthly_savings.map_or_else(unknown, amount);
        Row::new(shown(&it.workload), note, value)
    });
    Section {
        title: "Promises and what was realised, a month at the traffic of then".to_owned(),
        rows: rows.collect(),
        ..Section::default()
    }
}

/// Why nothing was realised: what still comes up was not carried out, or cannot be seen yet.
fn not_realised(view: &View<'_>, it: &Promise) -> String {
    let still_up = view.report.file.workloads.iter().find(|of| of.advice.id == it.advice);
    match still_up.map(|of| of.advice.decision.as_ref().is_some_and(Decision::is_done)) {
        None => not_measured(),
        Some(true) => NOT_SEEN.to_owned(),
        Some(false) => "not done".to_owned(),
    }
}

/// What is owed.
fn commitments(view: &View<'_>) -> Section {
    let held = view.report.file.held_commitments.iter().filter(|it| !it.has_ended);
    let rows = held.take(MOST_ACTIONS).map(|it| {
        let currency = Currency::parse(&it.currency).unwrap_or(view.report.currency);
        let used = it.utilization.map_or_else(
            || "not paid for in the window".to_owned(),
            |share| used(share, it.utilization_today, view.medium),
        );
        let note = format!("{used} · to {}", date(&shown(&it.end)));
        Row::new(
            shown(&it.id),
            note,
            format!("{} {currency}", view.medium.money(it.liability.of(currency))),
        )
    });
    Section {
        title: "Commitments, still owed".to_owned(),
        rows: rows.collect(),
        ..Section::default()
    }
}

fn notices(view: &View<'_>) -> Section {
    let all = &view.report.file.notices;
    let say =
        |it: &String| clip(&view.medium.prose(&plain(it), view.report.currency), LONGEST_NOTICE);
    let mut lines: Vec<String> = all.iter().take(MOST_NOTICES).map(say).collect();
    if all.len() > MOST_NOTICES {
        lines.push(format!("{} more in the report.", all.len() - MOST_NOTICES));
    }
    Section { title: "Read before you use a number".to_owned(), lines, ..Section::default() }
}

/// The line that proves the total.
fn reconciled(view: &View<'_>) -> Section {
    let it = &view.report.file.reconciliation;
    let line = match it.billed_total {
        None => "No billed cost in the files.".to_owned(),
        Some(total) => {
            let parts: Vec<String> = it
                .parts
                .iter()
                .filter_map(|it| Some((it, view.report.money(it.billed?))))
                .filter(|(it, amount)| !amount.is_zero() || it.place == "assigned")
                .map(|(it, amount)| {
                    format!("{} {}", part_in_words(&it.place), view.medium.money(amount))
                })
                .collect();
            format!(
                "Billed {} {} = {}, difference {}.",
                view.money(total),
                view.report.currency,
                parts.join(" + "),
                it.difference.map_or_else(not_measured, |it| view.money(it))
            )
        }
    };
    let spend = billed_to_spend(view.billed(), view.medium).map(|it| it + ".");
    let lines = [line].into_iter().chain(spend).collect();
    Section { title: "Reconciled".to_owned(), lines, ..Section::default() }
}

/// What the numbers mean, what goes with the mail, and what made it.
pub(super) fn small_print(view: &View<'_>, attached: &[String]) -> Vec<String> {
    let mut lines = vec![
        "Saved is a lower bill at today's traffic, in a month of 730 h; avoided growth is not \
         counted. Effective cost spreads upfront payments over their term."
            .to_owned(),
    ];
    if !view.is_all() {
        lines.push("Only your workloads are in this mail.".to_owned());
    }
    lines.extend(attached.iter().map(|it| plain(it)));
    lines.push(format!(
        "Made by gpuadvise {}.",
        clip(&plain(&view.report.file.provenance.version), 20)
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_actions_are_named_in_runs() {
        let text = |numbers: &[usize]| in_runs(numbers).join(", ");
        assert_eq!(text(&[1, 2, 3, 5]), "S1, S2, S3, S5");
        let many: Vec<usize> = [2].into_iter().chain(43..706).collect();
        assert_eq!(text(&many), "S2, S43 to S705");
        let odd: Vec<usize> = (0..20).map(|it| it * 2 + 1).collect();
        assert_eq!(text(&odd), "S1, S3, S5, S7, S9, S11, S13, S15, 12 more");
    }
}
