//! The JSON of `aws ce get-cost-and-usage` as rows: one for each period and group.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::super::IngestError;
use super::super::super::raw::{MixedRows, RawTable, flatten};
use super::{GROUP_PREFIX, wants};

const HINT: &str = "save each page of `aws ce get-cost-and-usage --output json` once and whole";

/// Whether a document is an answer of Cost Explorer, or a list of its pages.
pub(in crate::ingest) fn is_own(document: &Value) -> bool {
    let pages = pages(document);
    !pages.is_empty() && pages.iter().all(|it| it.get("ResultsByTime").is_some_and(Value::is_array))
}

/// Whether any period of the document is not yet final by AWS's own word.
pub(in crate::ingest) fn estimated(document: &Value) -> Option<bool> {
    let said = results(document).filter_map(|it| it.get("Estimated")?.as_bool());
    said.reduce(|a, b| a || b)
}

/// Whether the last page of the document names a next one: the rest of the bill is elsewhere.
pub(in crate::ingest) fn is_unfinished(document: &Value) -> bool {
    let token = pages(document).last().and_then(|it| it.get("NextPageToken"));
    token.is_some_and(Value::is_string)
}

fn pages(document: &Value) -> Vec<&Value> {
    match document {
        Value::Array(pages) => pages.iter().collect(),
        one => vec![one],
    }
}

fn results(document: &Value) -> impl Iterator<Item = &Value> {
    let lists = pages(document).into_iter().filter_map(|it| it.get("ResultsByTime")?.as_array());
    lists.flatten()
}

fn unreadable(file: &str, reason: impl Into<String>) -> IngestError {
    IngestError::Unreadable { file: file.to_owned(), reason: reason.into(), hint: HINT.to_owned() }
}

/// The groups of all periods of all pages as a table; `None` when the document is none of Cost
/// Explorer. Pages grouped in different ways, or a group that comes twice, are the same money twice
/// and an error.
pub(in crate::ingest) fn table(
    document: Value,
    file: &str,
) -> Option<Result<RawTable, IngestError>> {
    is_own(&document).then(|| {
        let headers = group_headers(&document, file)?;
        let mut rows = MixedRows::default();
        let mut seen = BTreeSet::new();
        let pages = match document {
            Value::Array(pages) => pages,
            one => vec![one],
        };
        for result in pages.into_iter().flat_map(|it| take_list(it, "ResultsByTime")) {
            let period = result.get("TimePeriod").cloned().unwrap_or_default();
            let start = text_of(period.get("Start"));
            for (keys, metrics) in groups(result) {
                let number = rows.len() as u64 + 1;
                if keys.len() != headers.len() {
                    let n_keys = headers.len();
                    let reason = format!("group {number} does not have {n_keys} keys");
                    return Err(unreadable(file, reason));
                }
                if !seen.insert((start.clone(), keys.clone())) {
                    let reason = format!("group {number} came before for the same period");
                    return Err(unreadable(file, reason));
                }
                let mut row: Map<String, Value> =
                    headers.iter().cloned().zip(keys.into_iter().map(Value::String)).collect();
                row.insert("TimePeriod".to_owned(), period.clone());
                row.insert("Metrics".to_owned(), metrics);
                rows.push(number, flatten(row, &wants));
            }
        }
        if rows.len() == 0 {
            return Err(IngestError::NoRows { file: file.to_owned() });
        }
        Ok(rows.finish())
    })
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The list under a key, out of its object; empty where there is none.
fn take_list(mut object: Value, key: &str) -> Vec<Value> {
    match object.get_mut(key).map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// What the keys of the groups mean, as headers; the same on all pages.
fn group_headers(document: &Value, file: &str) -> Result<Vec<String>, IngestError> {
    let mut found: Option<Vec<String>> = None;
    for page in pages(document) {
        let definitions = page.get("GroupDefinitions").and_then(Value::as_array);
        let header = |it: &Value| {
            format!("{GROUP_PREFIX}{}.{}", text_of(it.get("Type")), text_of(it.get("Key")))
        };
        let headers: Vec<String> = definitions.into_iter().flatten().map(header).collect();
        if found.as_ref().is_some_and(|before| *before != headers) {
            return Err(unreadable(file, "its pages are grouped in different ways"));
        }
        found = Some(headers);
    }
    Ok(found.unwrap_or_default())
}

/// The groups of a period as keys and metrics; where nothing was grouped, its total without keys.
fn groups(mut result: Value) -> Vec<(Vec<String>, Value)> {
    let total = result.get_mut("Total").map(Value::take);
    let groups = take_list(result, "Groups");
    if groups.is_empty() {
        let total = total.filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
        return total.into_iter().map(|it| (Vec::new(), it)).collect();
    }
    let split = |mut group: Value| {
        let metrics = group.get_mut("Metrics").map(Value::take).unwrap_or_default();
        let keys = take_list(group, "Keys");
        (keys.iter().map(|it| text_of(Some(it))).collect(), metrics)
    };
    groups.into_iter().map(split).collect()
}
