//! The comparison for scripts: exact amounts, the parts of every difference by name.

use serde_json::{Map, Value, json};

use super::{Comparison, words};
use crate::bridge::{Finding, Steps, Unit};
use crate::report::RenderError;
use crate::report::past::PastReport;
use crate::units::Money;

/// Version of the JSON shape; a field that changes meaning or goes raises it.
const SCHEMA_VERSION: &str = "1.0";

/// The whole of it.
pub(super) fn render(it: &Comparison) -> Result<String, RenderError> {
    let bridge = &it.bridge;
    let workloads = bridge.workloads.iter().map(|moved| {
        json!({
            "name": moved.name,
            "old_cost": moved.old,
            "new_cost": moved.new,
            "difference": moved.difference,
            "steps": steps(&moved.steps),
            "rest_because": moved.rest_because,
        })
    });
    let advice = bridge.promises.iter().map(|it| {
        json!({
            "workload": it.workload,
            "id": it.id,
            "action": it.action,
            "outcome": it.outcome.as_str(),
            "evidence": it.evidence,
            "promised_monthly_savings": it.promised,
            "realised_monthly_savings": it.realised,
            "traffic_unit": it.unit.map(Unit::as_str),
            "monthly_cost_avoidance": it.avoided,
        })
    });
    let prices = it.prices.as_ref().map(|all| {
        let rows = all.iter().map(|it| {
            json!({
                "offer_id": it.id,
                "currency": it.new.per_hour.currency(),
                "old_price_per_hour": it.old.per_hour,
                "new_price_per_hour": it.new.per_hour,
                "old_as_of": it.old.as_of,
                "new_as_of": it.new.as_of,
            })
        });
        rows.collect::<Vec<_>>()
    });
    let value = json!({
        "schema_version": SCHEMA_VERSION,
        "currency": it.new.month.currency,
        "old": month(&it.old, bridge.old, it.spend[0]),
        "new": month(&it.new, bridge.new, it.spend[1]),
        "difference": it.difference,
        "steps": all_steps(it),
        "workloads": workloads.collect::<Vec<_>>(),
        "advice": advice.collect::<Vec<_>>(),
        "same_advice": bridge.same_advice,
        "waste_new": findings(&it.waste_new),
        "waste_gone": findings(&it.waste_gone),
        "catalog_prices_changed": prices,
        "notices": words::notices(it),
    });
    let mut text = serde_json::to_string_pretty(&value)?;
    text.push('\n');
    Ok(text)
}

/// The steps of the workloads together, and what no workload claims: they add up to the difference.
fn all_steps(it: &Comparison) -> Map<String, Value> {
    let mut all = steps(&it.bridge.steps);
    all.insert(words::UNCLAIMED.to_owned(), json!(it.unclaimed));
    all
}

fn month(it: &PastReport, cost: Money, spend: Money) -> Value {
    json!({
        "period_label": it.period_label,
        "window_start": it.window[0],
        "window_end": it.window[1],
        "window_hours": it.month.window.hours(),
        "gpu_cost": spend,
        "effective_cost": cost,
        "unclaimed_cost": it.unclaimed,
        "cost_per_million_tokens": it.cost_per_million_tokens,
        "outside_workloads": it.outside,
    })
}

fn steps(it: &Steps) -> Map<String, Value> {
    it.parts().map(|(step, amount)| (step.as_str().to_owned(), json!(amount))).collect()
}

fn findings(all: &[Finding]) -> Vec<Value> {
    let row = |it: &Finding| {
        json!({
            "workload": it.workload,
            "finding": it.finding,
            "confirmed": it.confirmed,
            "cost": it.cost,
        })
    };
    all.iter().map(row).collect()
}
