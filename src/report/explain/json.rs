//! The explanation for scripts: every number raw, with its formula, its inputs and what became of it.

use serde_json::{Value, json};

use super::derive::{Derivation, Outcome};
use super::sheet::Sheet;
use super::shown::PathSheet;
use super::{Evidence, rows};
use crate::report::RenderError;
use crate::report::number::Medium;

/// Version of the JSON shape; a field that changes meaning or goes raises it.
const SCHEMA_VERSION: &str = "1.0";

/// A value of a report.
pub(super) fn path(it: &PathSheet<'_>) -> Result<String, RenderError> {
    written(&json!({
        "schema_version": SCHEMA_VERSION,
        "kind": "path",
        "path": it.path(),
        "value": it.value(),
        "number": it.number.as_ref().map(number),
        "rests_on": it.behind(Medium::Terminal),
        "fields": it.fields.iter().map(number).collect::<Vec<_>>(),
    }))
}

/// A workload, or its advice.
pub(super) fn workload(
    evidence: &Evidence,
    at: usize,
    it: &Sheet<'_>,
) -> Result<String, RenderError> {
    let workload = evidence.workloads().get(at).unwrap_or(&Value::Null);
    let prices = it.plan().into_iter().flat_map(|plan| rows::prices(evidence, plan));
    let prices = prices.map(|(id, row)| json!({"offer_id": id, "row": row}));
    written(&json!({
        "schema_version": SCHEMA_VERSION,
        "kind": if it.about_advice { "advice" } else { "workload" },
        "workload": workload.get("name"),
        "label": evidence.label(at),
        "evidence": workload.get("evidence"),
        "advice": workload.get("advice"),
        "numbers": it.numbers.iter().map(number).collect::<Vec<_>>(),
        "prices": prices.collect::<Vec<_>>(),
        "inputs": rows::inputs(evidence),
        "reproduce": super::ticket::command(evidence),
    }))
}

fn number(it: &Derivation) -> Value {
    let (check, again) = match &it.outcome {
        Outcome::Agrees => ("agrees", None),
        Outcome::Differs(again) => ("differs", Some(again)),
        Outcome::MayDiffer(again, _) => ("may_differ", Some(again)),
        Outcome::From(_) => ("no_formula", None),
        Outcome::Unknown => ("not_known", None),
    };
    let inputs = it.inputs.iter().map(|it| json!({"path": it.path, "value": it.raw}));
    json!({
        "path": it.path,
        "value": it.raw,
        "unit": Some(it.unit.word(it.currency)).filter(|it| !it.is_empty()),
        "meaning": it.meaning,
        "formula": it.words,
        "inputs": inputs.collect::<Vec<_>>(),
        "check": check,
        "recomputed": again.map(super::unit::Number::to_json),
    })
}

fn written(value: &Value) -> Result<String, RenderError> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}
