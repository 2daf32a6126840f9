//! What stands in which column.

use serde_json::json;

use super::{Column, Values, changes};
use crate::report::build_workload::rounded;
use crate::report::model::{PlanReport, ReportModel, WorkloadReport};
use crate::report::{prometheus, words};
use crate::units::Money;

/// Hours of work up to which an effort has its word; AWS does not say where it draws these lines.
const EFFORTS: [(f64, &str); 4] =
    [(1.0, "VeryLow"), (8.0, "Low"), (40.0, "Medium"), (160.0, "High")];
/// The type of what is advised about, which no table of AWS has.
const TYPE: &str = "GpuWorkload";

/// A value of one row.
type Of<T> = fn(&ReportModel, &WorkloadReport) -> Option<T>;

fn all<T>(report: &ReportModel, rows: &[&WorkloadReport], of: Of<T>) -> Vec<Option<T>> {
    rows.iter().map(|row| of(report, row)).collect()
}

/// The columns, those of AWS in their order and ours behind them.
pub(super) fn columns(report: &ReportModel) -> Vec<Column> {
    let rows = changes(report);
    let text = |name, of: Of<String>| Column { name, values: Values::Text(all(report, &rows, of)) };
    let money =
        |name, of: Of<Money>| Column { name, values: Values::Money(all(report, &rows, of)) };
    let real = |name, of: Of<f64>| Column { name, values: Values::Real(all(report, &rows, of)) };
    let flag = |name, of: Of<bool>| Column { name, values: Values::Flag(all(report, &rows, of)) };
    let whole = |name, of: Of<i64>| Column { name, values: Values::Whole(all(report, &rows, of)) };
    let instant =
        |name, of: Of<i64>| Column { name, values: Values::Instant(all(report, &rows, of)) };
    vec![
        text("account_id", |_, _| None),
        text("account_name", |_, _| None),
        text("action_type", |_, it| Some(words::capitalized(&it.advice.action))),
        text("currency_code", |report, _| Some(report.currency.to_string())),
        text("current_resource_details", |_, it| Some(current_details(it))),
        text("current_resource_summary", |_, it| Some(current_summary(it))),
        text("current_resource_type", |_, _| Some(TYPE.to_owned())),
        money("estimated_monthly_cost_after_discount", |_, it| it.baseline.monthly_cost),
        money("estimated_monthly_cost_before_discount", |_, _| None),
        money("estimated_monthly_savings_after_discount", |_, it| Some(it.advice.monthly_savings)),
        money("estimated_monthly_savings_before_discount", |_, it| {
            it.advice.savings_by_price.as_ref()?.at_list
        }),
        real("estimated_savings_percentage_after_discount", |_, it| percentage(it)),
        real("estimated_savings_percentage_before_discount", |_, _| None),
        text("implementation_effort", |_, it| effort(it)),
        instant("last_refresh_timestamp", |report, _| {
            Some(prometheus::seconds(&report.provenance.as_of)? * 1_000_000)
        }),
        text("recommendation_id", |_, it| Some(it.advice.id.clone())),
        whole("recommendation_lookback_period_in_days", |report, _| {
            days(report.totals.window_hours)
        }),
        text("recommendation_source", |_, _| Some("gpuadvise".to_owned())),
        text("recommended_resource_details", |_, it| Some(details(words::recommended(it)?))),
        text("recommended_resource_summary", |_, it| Some(words::recommended(it)?.label.clone())),
        text("recommended_resource_type", |_, it| words::recommended(it).map(|_| TYPE.to_owned())),
        text("region", |_, it| it.baseline.region.clone()),
        text("resource_arn", |_, _| None),
        flag("restart_needed", |_, it| Some(it.advice.change.as_ref()?.restart != "none")),
        flag("rollback_possible", |_, it| Some(can_go_back(it))),
        text("tags", |_, it| tags(it)),
        text("workload", |_, it| Some(it.name.clone())),
        text("owner", |_, it| it.owner.clone()),
        text("grade", |_, it| Some(it.advice.grade.clone())),
        money("interval_low", |_, it| Some(it.advice.interval.as_ref()?.low)),
        money("interval_high", |_, it| Some(it.advice.interval.as_ref()?.high)),
        real("interval_level", |_, it| Some(it.advice.interval.as_ref()?.level)),
        real("probability_of_loss", |_, it| it.advice.probability_of_loss),
        text("plan_id", |_, it| it.advice.plan_id.clone()),
        text("decision", |_, it| Some(it.advice.decision.as_ref()?.state.to_owned())),
        real("effort_hours", |_, it| Some(it.advice.change.as_ref()?.effort_hours)),
        text("summary", |_, it| Some(it.advice.summary.clone())),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "windows are days to years")]
fn days(hours: f64) -> Option<i64> {
    (hours.is_finite() && hours < 1e9).then(|| (hours / 24.0).round() as i64)
}

/// The saving as per cent of today's month: 12,492.17 of 20,036.35 are 62.347537.
fn percentage(it: &WorkloadReport) -> Option<f64> {
    let today = it.baseline.monthly_cost.filter(|it| it.atto() > 0)?;
    Some(rounded(it.advice.monthly_savings.to_f64() / today.to_f64() * 100.0))
}

fn effort(it: &WorkloadReport) -> Option<String> {
    let hours = it.advice.change.as_ref()?.effort_hours;
    let found = EFFORTS.iter().find(|(most, _)| hours <= *most);
    Some(found.map_or("VeryHigh", |it| it.1).to_owned())
}

/// Not where a term is paid to its end.
fn can_go_back(it: &WorkloadReport) -> bool {
    words::recommended(it).is_none_or(|plan| !plan.purchase.starts_with("reserved"))
}

/// `8 x A100 80GB SXM4, Standard, aws`.
fn current_summary(it: &WorkloadReport) -> String {
    let today = &it.baseline;
    let gpus = match (today.gpu_count, &today.gpu) {
        (Some(count), Some(gpu)) => Some(format!("{} x {gpu}", rounded(count))),
        (_, gpu) => gpu.clone(),
    };
    let parts = [gpus, Some(today.pricing_category.clone()), today.provider.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn current_details(it: &WorkloadReport) -> String {
    let today = &it.baseline;
    json!({
        "provider": today.provider,
        "region": today.region,
        "gpu": today.gpu,
        "gpuCount": today.gpu_count,
        "pricingCategory": today.pricing_category,
        "model": today.model,
        "precision": today.precision,
    })
    .to_string()
}

fn details(plan: &PlanReport) -> String {
    json!({
        "provider": plan.provider,
        "region": plan.region,
        "instanceType": plan.instance_type,
        "gpu": plan.gpu,
        "gpuCount": plan.gpu_count,
        "precision": plan.precision,
        "purchase": plan.purchase,
        "minReplicas": plan.min_replicas,
        "maxReplicas": plan.max_replicas,
        "offerIds": plan.offer_ids,
    })
    .to_string()
}

/// The map of tags as JSON: what we know of whose it is.
fn tags(it: &WorkloadReport) -> Option<String> {
    let pairs = [("owner", &it.owner), ("environment", &it.environment)];
    let known: serde_json::Map<String, serde_json::Value> = pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_deref()?.into())))
        .collect();
    (!known.is_empty()).then(|| serde_json::Value::Object(known).to_string())
}
