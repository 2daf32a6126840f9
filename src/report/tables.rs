//! The tables of the page: which values of the model stand in which column.

mod action;
mod ahead;
mod appendix;
mod commitments;
mod decisions;
mod forecast;
mod savings_rate;
mod schedule;

pub(crate) use action::{all_advice, at_prices, doubts, takes, takes_in_full, verify, weeks};
pub(crate) use commitments::{
    NOT_ADDED, best_cases, commitment_tables, has_commitments, held_in_words, spend_cases,
};
pub(crate) use decisions::{
    all_decided, asked_for, decided, decision_in_words, promises, state_behind, to_do, weak,
};
pub(crate) use forecast::{budget, budget_lines, forecast, forecast_lines, moved, previous};
pub(crate) use savings_rate::savings_rate;
pub(crate) use schedule::{schedule, schedule_in_words};

pub(crate) use appendix::{
    assumptions, catalog, commitments, coverage, currencies, inputs, prices, reconciliation,
    rejected, rows, unmatched,
};

use std::collections::BTreeSet;

use super::model::{CandidateReport, PlanReport, ReportModel, WorkloadReport};
use super::number::{DASH, Medium};
use super::table::Table;
use super::words::{self, shown};
use crate::units::{Currency, Money};

/// Most plans shown of a workload; the JSON has all.
const MOST_PLANS: usize = 12;
/// Most candidates shown of a workload.
const MOST_CANDIDATES: usize = 12;

/// Numbers on a page.
const PAGE: Medium = Medium::Page;

/// An amount with two decimals, or a dash.
pub(crate) fn money(amount: Option<Money>) -> String {
    money_in(amount, PAGE)
}

/// The same as another medium writes it.
pub(crate) fn money_in(amount: Option<Money>, medium: Medium) -> String {
    amount.map_or_else(|| DASH.to_owned(), |it| medium.money(it))
}

/// A count, or a dash.
fn count(value: Option<u64>) -> String {
    value.map_or_else(|| DASH.to_owned(), |it| PAGE.count(it))
}

/// A measured number, or a dash.
fn quantity(value: Option<f64>) -> String {
    value.map_or_else(|| DASH.to_owned(), |it| PAGE.measure(it))
}

/// A share, or a dash.
pub(crate) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| DASH.to_owned(), |it| PAGE.percent(it))
}

/// A duration, or a dash.
fn duration(value: Option<f64>) -> String {
    value.map_or_else(|| DASH.to_owned(), |it| PAGE.duration(it))
}

/// Text from the data, or a dash.
fn text(value: Option<&String>) -> String {
    value.map_or_else(|| DASH.to_owned(), |it| shown(it))
}

/// Cost per unit with the unit's name, or a dash: of the unit that the config names, where it does.
pub(crate) fn unit_cost(workload: &WorkloadReport, medium: Medium) -> String {
    match &workload.baseline.unit_cost.per_unit {
        Some(it) => format!("{}/{}", medium.unit_cost(it.cost), shown(&it.name)),
        None => common_unit_cost(workload, medium),
    }
}

/// The same of tokens or requests, whose names are short.
pub(crate) fn common_unit_cost(workload: &WorkloadReport, medium: Medium) -> String {
    let unit = &workload.baseline.unit_cost;
    match (unit.per_million_tokens, unit.per_thousand_requests) {
        (Some(cost), _) => format!("{}/1M tok", medium.unit_cost(cost)),
        (None, Some(cost)) => format!("{}/1k req", medium.unit_cost(cost)),
        (None, None) => DASH.to_owned(),
    }
}

/// GPUs in use today with their name.
pub(crate) fn gpus_now(workload: &WorkloadReport) -> String {
    match (workload.baseline.gpu_count, workload.baseline.gpu.as_ref()) {
        (Some(count), Some(gpu)) => format!("{} × {}", PAGE.quantity(count), shown(gpu)),
        (None, Some(gpu)) => shown(gpu),
        (Some(1.0), None) => "1 GPU".to_owned(),
        (Some(count), None) => format!("{} GPUs", PAGE.quantity(count)),
        (None, None) => DASH.to_owned(),
    }
}

/// All workloads, each linked to its card.
pub(crate) fn workloads(report: &ReportModel) -> Table {
    let currency = report.currency;
    let cost = format!("Cost, {currency}#");
    let saving = format!("Saves, {currency}/month#");
    let heads =
        ["Workload", "What it is", "GPUs now", "Busy#", &cost, "Unit cost#", "Advice", &saving];
    let mut table = Table::new(
        format!("Workloads, dearest first. Cost is the effective cost of {}.", report.period_label),
        &heads,
    );
    for workload in &report.workloads {
        let rank = words::rank(report, workload).map(|it| format!("{it} ")).unwrap_or_default();
        let advice = &workload.advice;
        table.push_linked(
            format!("w-{}", workload.slug),
            vec![
                shown(&workload.name),
                words::class(workload),
                gpus_now(workload),
                percent(workload.baseline.busy_fraction),
                money(workload.baseline.effective_cost),
                unit_cost(workload, PAGE),
                format!("{rank}{}{}", words::action(advice), state_behind(workload)),
                saving_or_blank(advice.monthly_savings),
            ],
        );
    }
    table
}

/// A saving; a dash where there is none to show.
fn saving_or_blank(saving: Money) -> String {
    if saving.is_zero() { DASH.to_owned() } else { PAGE.money(saving) }
}

/// What the workload does and costs today.
pub(crate) fn today(workload: &WorkloadReport, currency: Currency) -> Table {
    let baseline = &workload.baseline;
    let mut table = Table::new("Today", &["What", "Value#"]);
    let mut row = |what: &str, value: String| {
        if value != DASH {
            table.push(vec![what.to_owned(), value]);
        }
    };
    row("Owner", text(workload.owner.as_ref()));
    row("Environment", text(workload.environment.as_ref()));
    row("Provider", text(baseline.provider.as_ref()));
    row("Region", text(baseline.region.as_ref()));
    row("GPUs", gpus_now(workload));
    row("Bought as", shown(&baseline.pricing_category));
    row("Model", text(baseline.model.as_ref()));
    row("Precision", text(baseline.precision.as_ref()));
    row(&format!("Effective cost of the window, {currency}"), money(baseline.effective_cost));
    row(&format!("Billed cost of the window, {currency}"), money(baseline.billed_cost));
    row(&format!("A month of 730 h, {currency}"), money(baseline.monthly_cost));
    row("GPU-hours paid", quantity(baseline.gpu_hours));
    row(&format!("Effective rate, {currency} per GPU-hour"), money(baseline.rate_per_gpu_hour));
    row("Requests", count(baseline.requests));
    row("Prompt tokens", count(baseline.prompt_tokens));
    row("Completion tokens", count(baseline.completion_tokens));
    let source = match baseline.busy_source.as_deref() {
        Some("telemetry") => "Busy, share of paid GPU time (telemetry)",
        Some("model") => "Busy, share of paid GPU time (service-time model)",
        _ => "Busy, share of paid GPU time",
    };
    row(source, percent(baseline.busy_fraction));
    if baseline.priced_from_catalog {
        table.note = Some("No bill was given: the cost is a catalog price.".to_owned());
    }
    table
}

/// The latency limits.
pub(crate) fn slo(workload: &WorkloadReport) -> Table {
    let slo = &workload.slo;
    let mut table = Table::new("Latency limits", &["Limit", "Value#"]);
    table.push(vec!["Time to first token, p95".to_owned(), duration(slo.ttft_p95_s)]);
    table.push(vec!["Time per output token, p95".to_owned(), duration(slo.tpot_p95_s)]);
    table.push(vec!["Share of requests within both".to_owned(), PAGE.percent(slo.attainment)]);
    if slo.assumed {
        table.note = Some("Assumed: nobody set limits for this workload.".to_owned());
    }
    table
}

/// The statistics of the demand.
pub(crate) fn features(workload: &WorkloadReport) -> Table {
    let mut table = Table::new("Statistics of the demand", &["Statistic", "Value#"]);
    for (name, value) in &workload.features {
        table.push(vec![shown(&name.replace('_', " ")), json_value(value)]);
    }
    table
}

/// A value of the features: a number, text, or a small map.
fn json_value(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => DASH.to_owned(),
        Value::Bool(it) => if *it { "yes" } else { "no" }.to_owned(),
        Value::Number(it) => quantity(it.as_f64()),
        Value::String(it) => shown(it),
        Value::Array(items) => items.iter().map(json_value).collect::<Vec<_>>().join("; "),
        Value::Object(map) => {
            let parts = map.iter().map(|(key, it)| format!("{}: {}", shown(key), json_value(it)));
            parts.collect::<Vec<_>>().join("; ")
        }
    }
}

/// The plans worth showing: the one of today, the recommended one, the cheapest of every way of
/// buying (also of those that need something declared first, and of spot where it misses a limit),
/// then the next cheapest, in the model's order.
pub(crate) fn plans_shown(workload: &WorkloadReport, most: usize) -> Vec<&PlanReport> {
    let advised = workload.advice.plan_id.as_deref();
    let mut purchases = BTreeSet::new();
    let class = |plan: &PlanReport, first: bool| match () {
        () if plan.purchase == "today" => 0_u8,
        () if Some(plan.id.as_str()) == advised => 1,
        () if first => 2,
        () if plan.meets_slo && plan.allowed => 3,
        () if plan.meets_slo => 4,
        () => 5,
    };
    let mut order: Vec<(u8, usize)> = workload
        .plans
        .iter()
        .enumerate()
        .map(|(at, plan)| {
            let eligible = plan.allowed && plan.meets_slo;
            let kept_out = plan.needs.is_some() || !plan.meets_slo && !plan.spot_range.is_empty();
            let first =
                (eligible || kept_out) && purchases.insert((plan.purchase.as_str(), eligible));
            (class(plan, first), at)
        })
        .collect();
    order.sort_unstable();
    order.truncate(most);
    // Today and the recommended plan lead; the others keep the order of the model.
    order.sort_by_key(|(class, at)| (*class.min(&2), *at));
    order.iter().filter_map(|(_, at)| workload.plans.get(*at)).collect()
}

/// The plans simulated.
pub(crate) fn plans(workload: &WorkloadReport, currency: Currency) -> Table {
    let monthly = format!("{currency}/month#");
    let heads = [
        "Plan",
        &monthly,
        "Busy#",
        "Idle#",
        "Starting#",
        "Unused#",
        "TTFT p95#",
        "Within limits#",
        "Cold starts#",
        "Remarks",
    ];
    let mut table = Table::new(format!("Plans simulated; amounts in {currency} a month"), &heads);
    let plans = plans_shown(workload, MOST_PLANS);
    for plan in &plans {
        let parts = &plan.cost_parts;
        let within = percent(plan.slo_attainment);
        let strong = workload.advice.plan_id.as_deref() == Some(plan.id.as_str());
        table.push_strong(
            strong,
            vec![
                plan_label(plan, strong),
                PAGE.money(plan.monthly_cost),
                PAGE.money(parts.busy),
                PAGE.money(parts.idle),
                PAGE.money(parts.starting),
                PAGE.money(parts.committed_unused),
                duration(plan.ttft_p95_s),
                if plan.meets_slo { within } else { format!("{within}, misses") },
                count(plan.cold_starts),
                remarks(plan, currency),
            ],
        );
    }
    if plans.len() < workload.plans.len() {
        let all = workload.plans.len();
        table.note = Some(format!("{} of {all} plans; report.json has all.", plans.len()));
    }
    table
}

/// A plan's label with what marks it.
fn plan_label(plan: &PlanReport, strong: bool) -> String {
    let label = shown(&plan.label);
    match (plan.purchase.as_str(), strong) {
        ("today", _) => format!("{label} (today)"),
        (_, true) => format!("{label} (recommended)"),
        _ if !plan.allowed && plan.needs.is_none() => format!("{label} (another provider)"),
        _ => label,
    }
}

/// Why a plan is not advised, and what its cost depends on.
fn remarks(plan: &PlanReport, currency: Currency) -> String {
    let needs = plan.needs.as_ref().map(|it| format!("not advised: it needs {it}"));
    let range = match plan.spot_range.as_slice() {
        [low, .., high] if low.monthly_cost != high.monthly_cost => Some(format!(
            "{} to {} at {} to {} interruptions an hour",
            PAGE.money(low.monthly_cost),
            PAGE.money(high.monthly_cost),
            PAGE.quantity(low.interruptions_per_hour),
            PAGE.quantity(high.interruptions_per_hour)
        )),
        _ => None,
    };
    let more = plan.remarks.iter().map(|it| PAGE.prose(&words::plain(it), currency));
    needs.into_iter().chain(range).chain(more).collect::<Vec<_>>().join("; ")
}

/// The ways to run the workload that were sized: those that fit first.
pub(crate) fn candidates(workload: &WorkloadReport, currency: Currency) -> Table {
    let floor = format!("At least, {currency}/month#");
    let heads = [
        "GPUs",
        "Precision",
        "Fits",
        "Needed#",
        "Usable#",
        "Slots#",
        "TPOT#",
        "Output tok/s#",
        &floor,
        "Why not",
    ];
    let mut table = Table::new("Ways to run it, memory per GPU", &heads);
    let fitting = workload.candidates.iter().filter(|it| it.fits);
    let others = workload.candidates.iter().filter(|it| !it.fits);
    for candidate in fitting.chain(others).take(MOST_CANDIDATES) {
        table.push(candidate_row(candidate));
    }
    if table.rows.len() < workload.candidates.len() {
        let (some, all) = (table.rows.len(), workload.candidates.len());
        table.note = Some(format!("{some} of {all} candidates; report.json has all."));
    }
    table
}

/// One candidate.
fn candidate_row(it: &CandidateReport) -> Vec<String> {
    let bytes = |value: Option<u64>| value.map_or_else(|| DASH.to_owned(), |it| PAGE.gib(it));
    vec![
        format!("{} × {}", it.gpu_count, shown(&it.gpu)),
        shown(&it.precision),
        if it.fits { "yes" } else { "no" }.to_owned(),
        bytes(it.total_bytes),
        bytes(it.usable_bytes),
        count(it.slots.map(u64::from)),
        duration(it.tpot_s),
        quantity(it.output_tokens_per_s),
        money(it.cost_estimate),
        it.reason.as_ref().map(|reason| words::plain(reason)).unwrap_or_default(),
    ]
}
