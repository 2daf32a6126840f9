//! Words for people: what the model names by identifiers, and names that came from the data.

use super::comparison::signed;
use super::model::{AdviceReport, PlanReport, ReportModel, WasteReport, WorkloadReport};
use super::number::{DASH, Medium, by_rounding, date};
use crate::size::Precision;
use crate::units::{Currency, Money};
use crate::workload::{Direction, Kind, Shape};

/// Longest name shown; the JSON has it in full.
const LONGEST_NAME: usize = 80;

/// What a way of buying is called.
pub(crate) fn purchase(id: &str) -> String {
    let term = |months| format!("{months} month{}", if months == "1" { "" } else { "s" });
    if let Some(months) = id.strip_prefix("reserved_").and_then(|rest| rest.strip_suffix("mo")) {
        return format!("reserved for {}", term(months));
    }
    if let Some(months) =
        id.strip_prefix("reserved_").and_then(|it| it.strip_suffix("mo_serverless"))
    {
        return format!("reserved for {}, the rest serverless", term(months));
    }
    match id {
        "today" => "as today".to_owned(),
        "payg_fixed" => "pay as you go, fixed fleet".to_owned(),
        "payg_autoscaled" => "pay as you go, autoscaled".to_owned(),
        "payg_following" => "pay as you go, following demand".to_owned(),
        "payg_scheduled" => "pay as you go, on a schedule".to_owned(),
        "shared" => "a part of a shared instance".to_owned(),
        "serverless_flex" => "serverless".to_owned(),
        "api" => "an API by the token".to_owned(),
        "serverless_active" => "serverless with always-on workers".to_owned(),
        other => shown(&other.replace('_', " ")),
    }
}

/// The label of a break-even for a page, its way of buying in words and its rates rounded.
pub(crate) fn break_even(label: &str, currency: Currency) -> String {
    let word = |it: &str| match Money::parse(it, currency) {
        Ok(rate) if it.contains('.') => Medium::Page.unit_cost(rate),
        _ if it.starts_with("reserved_") => purchase(it),
        _ => it.to_owned(),
    };
    plain(label).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What an action is called.
pub(crate) fn action(advice: &AdviceReport) -> String {
    action_in_words(&advice.action)
}

fn action_in_words(action: &str) -> String {
    match action {
        "not_enough_data" => "too little data".to_owned(),
        other => shown(&other.replace('_', " ")),
    }
}

/// What a finding is called.
pub(crate) fn waste(finding: &str) -> String {
    let words = shown(&finding.replace('_', " ")).replacen("over ", "over-", 1);
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `commits for 36 months, to 1 Nov 2029: 33,819.00 USD owed in all`, the amount already written.
pub(crate) fn commits(months: u32, end: &str, owed: &str) -> String {
    let plural = if months == 1 { "" } else { "s" };
    format!("commits for {months} month{plural}, to {}: {owed} owed in all", date(&shown(end)))
}

/// `saves from 12 Nov 2026, 1,999.99 by 31 Dec 2026`, the amount already written.
pub(crate) fn live(from: &str, year_end: &str, saved: Option<String>) -> String {
    let [from, year_end] = [from, year_end].map(|it| date(&shown(it)));
    let by = saved.map_or_else(String::new, |it| format!(", {it} by {year_end}"));
    format!("saves from {from}{by}")
}

/// What GPUs cost, those of workloads and those of none.
pub(crate) fn gpus_cost(
    (of_workloads, of_none): (Option<Money>, Option<Money>),
    (currency, medium): (Currency, Medium),
) -> String {
    match (of_workloads, of_none) {
        (Some(cost), Some(none)) => {
            let all =
                cost.checked_add(none).map_or_else(|_| DASH.to_owned(), |it| medium.money(it));
            let none = medium.money(none);
            format!("GPUs cost {all} {currency}, {none} of it for GPUs that no workload claims.")
        }
        (Some(cost), None) => format!("GPUs cost {} {currency}.", medium.money(cost)),
        (None, Some(cost)) => {
            format!("No workload claims the GPUs, which cost {} {currency}.", medium.money(cost))
        }
        (None, None) => "What the GPUs cost was not measured.".to_owned(),
    }
}

/// What GPUs cost, of a window that is no month with its days and what a month comes to: a saving a month
/// stands beside it.
pub(crate) fn with_basis(
    spent: String,
    (window_hours, month): (f64, Option<Money>),
    medium: Medium,
) -> String {
    // From February to a long month, and the hour that a clock is put forward or back.
    let is_month = (671.0..=745.0).contains(&window_hours);
    match month.filter(|_| !is_month) {
        Some(month) => format!(
            "{} in {}, {} a month.",
            spent.trim_end_matches('.'),
            if window_hours < 48.0 {
                medium.duration(window_hours * 3600.0)
            } else {
                medium.duration_in_days(window_hours / 24.0)
            },
            medium.money(month)
        ),
        None => spent,
    }
}

/// ` (+0.01 by rounding)` behind parts whose cents do not add up to those of the whole.
pub(crate) fn rest(whole: Option<Money>, parts: &[Money], medium: Medium) -> String {
    let rest = whole.and_then(|it| by_rounding(it, parts));
    rest.map_or_else(String::new, |it| format!(" ({} by rounding)", signed(it, medium)))
}

/// How the spend comes from what was billed to workloads; nothing where they are the same.
pub(crate) fn billed_to_spend(
    (billed, effective): (Option<Money>, Option<Money>),
    medium: Medium,
) -> Option<String> {
    let (billed, effective) = (billed?, effective?);
    let more = by_rounding(effective, &[billed])?;
    Some(format!(
        "GPU spend is effective cost, with fees spread over their term: {} billed to workloads {} {} = {}",
        medium.money(billed),
        if more.is_negative() { "-" } else { "+" },
        medium.money(more).trim_start_matches(['-', '\u{2212}']),
        medium.money(effective)
    ))
}

/// What of a held commitment is used, today and after the advice.
pub(crate) fn used(after: f64, today: Option<f64>, medium: Medium) -> String {
    let (after, today) = (medium.percent(after), today.map(|it| medium.percent(it)));
    match today {
        Some(today) if today == after => format!("used {after}, also after the advice"),
        Some(today) => format!("used {today} today, {after} after the advice"),
        None => format!("used {after} after the advice"),
    }
}

/// What to do about GPUs that no workload claims.
pub(crate) fn find_who_uses(cost: Money, medium: Medium) -> String {
    format!("Find who uses the GPUs that no workload claims, {}", medium.money(cost))
}

/// What a forecast leaves out, by workload and why; `is_none` where it has nothing at all.
pub(crate) fn not_forecast(missing: &[(&str, &str)], is_none: bool) -> Option<String> {
    match (is_none, missing) {
        (_, []) => None,
        (true, [(_, why), ..]) => Some(format!("none: {}", plain(why))),
        (false, [(name, why)]) => Some(format!("without {}: {}", shown(name), plain(why))),
        (false, all) => Some(format!("without {} workloads", all.len())),
    }
}

/// How sure a finding is.
pub(crate) fn waste_state(it: &WasteReport) -> &'static str {
    match it.finding.as_str() {
        "data_missing" => "not measured",
        _ if it.confirmed => "confirmed",
        _ => "to investigate",
    }
}

/// What an action leads to, beside what runs today.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move<'a> {
    /// The way of buying.
    pub(crate) purchase: &'a str,
    /// GPUs today and then.
    pub(crate) gpus: (Option<&'a str>, &'a str),
    /// Precision today and then.
    pub(crate) precisions: (Option<&'a str>, &'a str),
    /// The fewest instances at any time.
    pub(crate) least: Option<u32>,
}

impl Move<'_> {
    /// ` on other GPUs in int4`, as far as either changes.
    fn changes(&self) -> String {
        let gpus =
            if self.gpus.0.is_some_and(|it| it != self.gpus.1) { " on other GPUs" } else { "" };
        let then = Precision::parse(self.precisions.1);
        let is_other = self.precisions.0.and_then(Precision::parse).zip(then);
        match is_other.filter(|(now, then)| now != then) {
            Some(_) => format!("{gpus} in {}", shown(self.precisions.1)),
            None => gpus.to_owned(),
        }
    }
}

/// An action as something to decide, without the names of GPUs.
pub(crate) fn decision(workload: &WorkloadReport) -> String {
    let baseline = &workload.baseline;
    let plan = recommended(workload).map(|it| Move {
        purchase: &it.purchase,
        gpus: (baseline.gpu.as_deref(), &it.gpu),
        precisions: (baseline.precision.as_deref(), &it.precision),
        least: it.min_replicas,
    });
    decision_of(&workload.name, &workload.advice.action, plan)
}

/// The same of a workload by its name, an action, and what it leads to.
pub(crate) fn decision_of(name: &str, action: &str, to: Option<Move<'_>>) -> String {
    let name = shown(name);
    match (action, to) {
        ("stop", _) => format!("Stop {name}"),
        // Only what goes to zero runs in no other hours.
        ("schedule", Some(to)) => match to.least {
            Some(0) => format!("Run {name}{} only in the hours it is used", to.changes()),
            _ => format!("Run {name}{}, with fewer instances in quiet hours", to.changes()),
        },
        ("schedule", None) => format!("Run {name} on a schedule"),
        ("switch", Some(to)) => {
            let changes = to.changes();
            let comma = if changes.is_empty() { "" } else { "," };
            format!("Move {name} to {}{comma}{changes}", purchase(to.purchase))
        }
        ("switch", None) => format!("Move {name} to a cheaper plan"),
        (other, _) => format!("{name}: {}", action_in_words(other)),
    }
}

/// Whether advice needs a word now: it is overdue, or sure enough to be approved and not approved yet.
pub(crate) fn is_pressing(grade: &str, is_approved: bool, is_overdue: bool) -> bool {
    is_overdue || !is_approved && matches!(grade, "A" | "B")
}

/// Whether advice is too doubtful to be tried before somebody looked closer, as its grade says: a likely
/// loss makes it D.
pub(crate) fn is_weak(grade: &str) -> bool {
    !matches!(grade, "A" | "B" | "C")
}

/// `, 120.00 of it by weak advice`, behind a sum that has some.
pub(crate) fn of_it_weak(weak: Money, medium: Medium) -> String {
    if weak.is_zero() {
        return String::new();
    }
    format!(", {} of it by weak advice", medium.money(weak))
}

/// Which of some actions are shown where at most `most` have room: those that press, then the first of the
/// others, all in the order they have.
pub(crate) fn listed(pressing: &[bool], most: usize) -> Vec<usize> {
    let which = |wanted: bool| {
        let found = pressing.iter().enumerate().filter(move |it| *it.1 == wanted);
        found.map(|it| it.0)
    };
    let mut found: Vec<usize> = which(true).chain(which(false)).take(most).collect();
    found.sort_unstable();
    found
}

/// What a workload is: its kind, its shape, and where it is going when that is known.
pub(crate) fn class(workload: &WorkloadReport) -> String {
    let direction = match workload.direction {
        Some(Direction::Growing) => ", growing",
        Some(Direction::Declining) => ", declining",
        Some(Direction::Flat) | None => "",
    };
    match (workload.kind, workload.shape) {
        (Kind::Unknown, Shape::Unknown) => format!("use and demand unknown{direction}"),
        (Kind::Unknown, shape) => format!("use unknown, {}{direction}", shape.as_str()),
        (kind, Shape::Unknown) => format!("{}, demand unknown{direction}", kind.as_str()),
        (kind, shape) => format!("{}, {}{direction}", kind.as_str(), shape.as_str()),
    }
}

/// A GPU without memory and form factor, for narrow columns: `A100 80GB SXM4` is `A100`.
pub(crate) fn gpu_short(gpu: &str) -> String {
    let mut words = gpu.split_whitespace();
    match (words.next(), words.next()) {
        (Some("RTX"), Some(second)) => format!("RTX {second}"),
        (Some(first), _) => first.to_owned(),
        (None, _) => String::new(),
    }
}

/// The plan the advice names.
pub(crate) fn recommended(workload: &WorkloadReport) -> Option<&PlanReport> {
    let id = workload.advice.plan_id.as_deref()?;
    workload.plans.iter().find(|plan| plan.id == id)
}

/// The workloads whose advice saves something, in the order of the ranking.
pub(crate) fn ranked(report: &ReportModel) -> Vec<&WorkloadReport> {
    let by_advice = |id: &String| report.workloads.iter().find(|it| it.advice.id == *id);
    report.portfolio.ranking.iter().filter_map(by_advice).collect()
}

/// All workloads in the one ranking of their advice: what saves, what is kept, what has too little data.
pub(crate) fn all_ranked(report: &ReportModel) -> Vec<&WorkloadReport> {
    let all = &report.portfolio.all_advice;
    let mut ranked: Vec<(usize, &WorkloadReport)> = report
        .workloads
        .iter()
        .map(|it| (all.iter().position(|id| *id == it.advice.id).unwrap_or(all.len()), it))
        .collect();
    ranked.sort_by_key(|it| it.0);
    ranked.into_iter().map(|it| it.1).collect()
}

/// Why nothing is done about a workload, in one sentence.
pub(crate) fn why(workload: &WorkloadReport) -> &str {
    let advice = &workload.advice;
    advice.reasons.first().map_or(advice.summary.as_str(), String::as_str)
}

/// Place of the workload's advice in the ranking: `S1` is the first.
pub(crate) fn rank(report: &ReportModel, workload: &WorkloadReport) -> Option<String> {
    let place = place(report, workload);
    (place > 0).then(|| format!("S{place}"))
}

/// The same as a number; 0 for what is not in the ranking.
pub(crate) fn place(report: &ReportModel, workload: &WorkloadReport) -> usize {
    let found = report.portfolio.ranking.iter().position(|id| *id == workload.advice.id);
    found.map_or(0, |at| at + 1)
}

/// Text from the data, safe to print: no control or direction characters, one line, not too long.
pub(crate) fn shown(text: &str) -> String {
    clip(&plain(text), LONGEST_NAME)
}

/// Text from the data without control and direction characters.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .filter(|it| !matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .map(|it| if it.is_control() || matches!(it, '\u{2028}' | '\u{2029}') { ' ' } else { it })
        .collect()
}

/// A text with its first letter in upper case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// At most `longest` characters, the last one an ellipsis where something was cut.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_is_no_month_says_what_a_month_costs() {
        let check = |hours: f64, expected: &str| {
            let month = Money::parse("51948.22", Currency::USD).ok();
            let spent = "GPUs cost 25,618.30 USD.".to_owned();
            assert_eq!(with_basis(spent, (hours, month), Medium::Terminal), expected);
        };
        check(744.0, "GPUs cost 25,618.30 USD.");
        check(672.0, "GPUs cost 25,618.30 USD.");
        check(360.0, "GPUs cost 25,618.30 USD in 15 days, 51,948.22 a month.");
    }

    #[test]
    fn identifiers_become_words() {
        assert_eq!(purchase("reserved_12mo"), "reserved for 12 months");
        assert_eq!(purchase("reserved_1mo"), "reserved for 1 month");
        assert_eq!(purchase("spot_with_fallback"), "spot with fallback");
        assert_eq!(
            break_even("azure reserved_12mo at 4.199690411 against 5.06 an hour", Currency::USD),
            "azure reserved for 12 months at 4.20 against 5.06 an hour"
        );
        assert_eq!(gpu_short("A100 80GB SXM4"), "A100");
        assert_eq!(gpu_short("RTX PRO 6000 Blackwell Server"), "RTX PRO");
        assert_eq!(gpu_short(""), "");
    }

    #[test]
    fn a_schedule_is_called_what_it_is() {
        let to = |gpu, precision, least| Move {
            purchase: "payg_scheduled",
            gpus: (Some("A100 80GB SXM4"), gpu),
            precisions: (Some("bfloat16"), precision),
            least,
        };
        let check = |gpu, precision, least, said: &str| {
            assert_eq!(decision_of("chat", "schedule", Some(to(gpu, precision, least))), said);
        };
        let same = "A100 80GB SXM4";
        check(same, "bf16", Some(0), "Run chat only in the hours it is used");
        check("L40S", "bf16", Some(0), "Run chat on other GPUs only in the hours it is used");
        check(same, "bf16", Some(1), "Run chat, with fewer instances in quiet hours");
        check(
            "H100",
            "int4",
            Some(1),
            "Run chat on other GPUs in int4, with fewer instances in quiet hours",
        );
        check(same, "as today", None, "Run chat, with fewer instances in quiet hours");
    }

    #[test]
    fn what_presses_is_listed_also_where_it_saves_little() {
        assert_eq!(listed(&[false, false, false, true], 2), [0, 3]);
        assert_eq!(listed(&[true, true, true, false], 2), [0, 1]);
        assert_eq!(listed(&[false, true], 5), [0, 1]);
        assert!(is_pressing("A", false, false) && is_pressing("C", true, true));
        assert!(!is_pressing("A", true, false) && !is_pressing("C", false, false));
    }

    #[test]
    fn names_cannot_steer_the_terminal_or_the_page() {
        assert_eq!(shown("a\u{1b}[31mb\nc"), "a [31mb c");
        assert_eq!(shown("evil\u{202e}gpj.exe"), "evilgpj.exe");
        assert_eq!(shown(&"x".repeat(10_000)).chars().count(), LONGEST_NAME);
        assert_eq!(clip("ab", 2), "ab");
        assert_eq!(clip("abc", 2), "a…");
    }
}
