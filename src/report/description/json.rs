//! The description for scripts: an array with an object for each workload.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{DescriptionReport, Told, words};
use crate::classify::{ClockChange, Holes};
use crate::report::RenderError;
use crate::report::number::Medium;

/// Holes that are listed one by one.
const MAX_HOLES: usize = 20;

/// The whole array.
pub(super) fn render(report: &DescriptionReport<'_>) -> Result<String, RenderError> {
    let rows: Vec<Value> = report.workloads.iter().map(|it| row(report, it)).collect();
    let mut text = serde_json::to_string_pretty(&rows)?;
    text.push('\n');
    Ok(text)
}

fn row(report: &DescriptionReport<'_>, told: &Told<'_>) -> Value {
    let it = told.description;
    json!({
        "workload": told.workload.name,
        "span_s": it.features.span_s,
        "n": it.features.n,
        "features": it.features.to_json(),
        "null_because": it.features.null_because(),
        "summary": words::paragraph(told, report, Medium::Terminal),
        "class": {
            "shape": it.class.shape,
            "direction": it.class.direction,
            "kind": it.class.kind,
            "modality": it.modality.modality,
            "confidence": it.class.confidence,
            "evidence": it.class.evidence,
            "modality_evidence": it.modality.evidence,
            "rule_of_thumb": it.class.rule_of_thumb,
        },
        "seasonality": it.seasonality,
        "changes": it.changes,
        "holes": it.holes.as_ref().map(holes),
        "outages": report.fleet.outages_of(&told.workload.name),
        "longest_idle_gap_outside_outages_s": report.fleet.longest_idle_gap_s(told.workload, &it.features),
        "clock_changes": told.clock_changes.iter().map(|it| clock_change(it, report.zone)).collect::<Vec<_>>(),
        "demand": it.bought,
        "offered": it.censored,
        "unit_cost": it.unit_costs,
        "anomalies": it.anomalies,
        "waste": it.waste,
        "pool": report.fleet.pool_of(&told.workload.name),
    })
}

/// Holes by their length and number; the first of them one by one.
fn holes(it: &Holes) -> Value {
    json!({
        "without_row_s": it.without_row_s(),
        "n": it.without_row.len(),
        "first": it.without_row.iter().take(MAX_HOLES).collect::<Vec<_>>(),
        "meaning": it.meaning.as_str(),
        "measured_zero_s": it.measured_zero_s,
    })
}

/// What a clock change did, also in words.
fn clock_change(it: &ClockChange, zone: Tz) -> Value {
    let mut value = json!(it);
    value["words"] = json!(it.words(zone));
    value
}
