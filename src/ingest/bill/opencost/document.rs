//! The JSON of `OpenCost`'s allocation API as rows: one list of windows, each an object of
//! allocations by name.

use serde_json::{Map, Value};

use super::super::super::IngestError;
use super::super::super::raw::{MixedRows, RawTable, flatten};
use super::{HINT, wants};

/// Whether a document is an answer of the allocation API, or its refusal.
pub(in crate::ingest) fn is_own(document: &Value) -> bool {
    let Some(code) = document.get("code").and_then(Value::as_u64) else { return false };
    match document.get("data") {
        Some(Value::Array(windows)) => {
            let mut found = windows.iter().filter_map(Value::as_object).flat_map(Map::values);
            match found.next() {
                // Assets come in the same envelope, with a `type`, and hold the same money.
                Some(one) => one.get("totalCost").is_some() && one.get("type").is_none(),
                None => windows.iter().all(|it| it.is_null() || it.is_object()),
            }
        }
        Some(Value::Null) | None => code >= 400,
        Some(_) => false,
    }
}

/// The allocations of all windows as a table; `None` when the document is no allocation.
pub(in crate::ingest) fn table(
    document: Value,
    file: &str,
) -> Option<Result<RawTable, IngestError>> {
    if !is_own(&document) {
        return None;
    }
    let Value::Object(mut document) = document else { return None };
    let code = document.get("code").and_then(Value::as_u64).unwrap_or_default();
    Some(match document.remove("data") {
        Some(Value::Array(windows)) if code < 400 => rows(windows, file),
        _ => Err(IngestError::Unreadable {
            file: file.to_owned(),
            reason: format!("the OpenCost API answered with code {code} and no allocations"),
            hint: HINT.to_owned(),
        }),
    })
}

fn rows(windows: Vec<Value>, file: &str) -> Result<RawTable, IngestError> {
    let mut rows = MixedRows::default();
    for window in windows {
        let Value::Object(allocations) = window else { continue };
        for (name, allocation) in allocations {
            let number = rows.len() as u64 + 1;
            let mut fields = match allocation {
                Value::Object(fields) => fields,
                // Refused for the cost that it does not have.
                _ => Map::new(),
            };
            fields.entry("name").or_insert(Value::String(name));
            cut(&mut fields);
            rows.push(number, flatten(fields, &wants));
        }
    }
    if rows.len() == 0 {
        return Err(IngestError::NoRows { file: file.to_owned() });
    }
    Ok(rows.finish())
}

/// Empties the objects whose keys differ from row to row and are not read: volumes, load balancers,
/// annotations, labels of namespaces. Each would become columns of its own.
fn cut(fields: &mut Map<String, Value>) {
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (key, value) in properties.iter_mut() {
                    if key != "labels" && value.is_object() {
                        *value = Value::Null;
                    }
                }
            }
            ("window", _) => {}
            (_, value) if value.is_object() => *value = Value::Null,
            _ => {}
        }
    }
}
