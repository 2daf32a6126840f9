//! The fields of an advice that have no line of their own, in words that people read.

use serde_json::Value;

use super::super::Evidence;
use super::super::derive::Derivation;
use super::super::place::{Place, Step, inside, places};
use super::{OWN_LINES, TERM};
use crate::report::number::date;
use crate::report::plain;

/// Each field as a line, `effort: 1 day`.
pub(super) fn others(evidence: &Evidence, at: usize) -> Vec<String> {
    let Some(advice) = advice(evidence, at) else { return Vec::new() };
    let other = children(&advice).into_iter().filter(|it| !OWN_LINES.contains(&it.0.as_str()));
    other
        .filter_map(|(key, it)| Some(format!("{}: {}", spaced(&key), words(evidence, &it)?)))
        .collect()
}

/// What was decided about it; nothing where nothing was.
pub(super) fn decided(evidence: &Evidence, at: usize) -> Option<String> {
    let advice = advice(evidence, at)?;
    let (_, it) = children(&advice).into_iter().find(|it| it.0 == "decision")?;
    words(evidence, &it)
}

fn advice(evidence: &Evidence, at: usize) -> Option<Place<'_>> {
    let own = [Step::Key("workloads".to_owned()), Step::At(at)];
    places(&evidence.root, &own, "workloads[].advice").into_iter().next()
}

/// The fields of an object with their names.
fn children<'a>(place: &Place<'a>) -> Vec<(String, Place<'a>)> {
    let keys = place.value.as_object().into_iter().flat_map(|map| map.keys());
    keys.filter_map(|key| Some((key.clone(), on(place, Step::Key(key.clone()))?))).collect()
}

fn on<'a>(place: &Place<'a>, step: Step) -> Option<Place<'a>> {
    let value = inside(place.value, &step)?;
    Some(Place { steps: [&place.steps[..], &[step]].concat(), value })
}

/// A value of any form; nothing for null and for what is empty.
fn words(evidence: &Evidence, place: &Place<'_>) -> Option<String> {
    let said = match place.value {
        Value::Null => return None,
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) => number(evidence, place),
        Value::String(it) if is_amount(it) => number(evidence, place),
        Value::String(it) if it.contains(' ') => plain(it),
        Value::String(it) => date(&plain(it)),
        Value::Array(list) => {
            let each = (0..list.len()).filter_map(|at| on(place, Step::At(at)));
            each.filter_map(|it| words(evidence, &it)).collect::<Vec<_>>().join("; ")
        }
        Value::Object(_) => fields(evidence, place),
    };
    (!said.is_empty()).then_some(said)
}

/// A number by its unit: 12492.168782564 is 12,492.17 USD.
fn number(evidence: &Evidence, place: &Place<'_>) -> String {
    Derivation::of(evidence, place).shown(TERM)
}

fn is_amount(text: &str) -> bool {
    text.contains('.') && text.parse::<f64>().is_ok()
}

/// An object: its sentence where it has one, a check as one, else each field after its name.
fn fields(evidence: &Evidence, place: &Place<'_>) -> String {
    let text = |key: &str| place.value.get(key).and_then(Value::as_str).map(plain);
    if let Some(sentence) = text("sentence") {
        return sentence;
    }
    if let (Some(metric), Some(threshold)) = (text("metric"), text("threshold")) {
        let from = text("date").map(|it| format!(", from {}", date(&it))).unwrap_or_default();
        return format!("{metric} {threshold}{from}");
    }
    let each = children(place).into_iter();
    let each = each.filter_map(|(key, it)| {
        let said = words(evidence, &it)?;
        let name = spaced(&key);
        // The unit stands behind the number.
        let name = [" hours", " days", " months"]
            .iter()
            .find_map(|it| name.strip_suffix(it))
            .unwrap_or(&name);
        Some(format!("{name} {said}"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn spaced(key: &str) -> String {
    key.replace('_', " ")
}
