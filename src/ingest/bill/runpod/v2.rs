//! Bills of `RunPod`'s API v2: records with both ends of their bucket, and totals to prove them.
//!
//! A record has neither the time billed nor the type of GPU: its money is known and its hours are
//! not, until another source tells them. The answer for all resources together
//! (`/v2/billing`) repeats the money of the others and is refused.

use serde_json::{Map, Value};

use super::super::super::IngestError;
use super::super::super::raw::{MixedRows, RawTable, flatten};
use super::super::super::rejected::excerpt;
use super::super::charge::{BillFormat, Bound, Fault, Line, Parts, Terms};
use super::super::columns::{Columns, any_is, is_one_of, json_amount};
use super::super::reading::{Reading, same_costs};
use super::{ENDPOINT, GPU, Grouping, Ids, POD, VOLUME, grouping};
use crate::units::{Currency, Money};

const TOTAL: &str = "totalAmount";
const START: &str = "startTime";
const END: &str = "endTime";
const HINT: &str = "save the whole answer of `/v2/billing/pods` or `/v2/billing/serverless`";

/// Pods, serverless endpoints and network volumes.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

fn fits(headers: &[String]) -> bool {
    let ids = any_is(headers, &[POD, VOLUME]) || any_is(headers, ENDPOINT);
    [TOTAL, START, END].iter().all(|it| any_is(headers, &[it])) && ids
}

fn wants(header: &str) -> bool {
    is_one_of(header, &[TOTAL, START, END, POD, GPU, VOLUME]) || is_one_of(header, ENDPOINT)
}

/// Whether a document is an answer of v2.
pub(in crate::ingest) fn is_own(document: &Value) -> bool {
    let metadata = document.get("metadata").and_then(Value::as_object);
    let records = document.get("records").and_then(Value::as_array);
    let (Some(metadata), Some(records)) = (metadata, records) else { return false };
    let has_total = |object: Option<&Value>| object.is_some_and(|it| it.get(TOTAL).is_some());
    has_total(metadata.get("totals")) || has_total(records.first())
}

/// The records of an answer of v2 as a table, once they are as many and as dear as its `metadata`
/// says; `None` when the document is none.
pub(in crate::ingest) fn table(
    document: Value,
    file: &str,
) -> Option<Result<RawTable, IngestError>> {
    if !is_own(&document) {
        return None;
    }
    let Value::Object(mut document) = document else { return None };
    let records = objects(document.remove("records").unwrap_or_default());
    let metadata = document.remove("metadata").unwrap_or_default();
    Some(
        records
            .ok_or_else(|| unreadable(file, "a record is not an object"))
            .and_then(|it| rows(it, &metadata, file)),
    )
}

fn objects(list: Value) -> Option<Vec<Map<String, Value>>> {
    let Value::Array(list) = list else { return None };
    let object = |it| match it {
        Value::Object(object) => Some(object),
        _ => None,
    };
    list.into_iter().map(object).collect()
}

fn rows(
    records: Vec<Map<String, Value>>,
    metadata: &Value,
    file: &str,
) -> Result<RawTable, IngestError> {
    if records.is_empty() {
        return Err(IngestError::NoRows { file: file.to_owned() });
    }
    prove(&records, metadata, file)?;
    let names_something = |record: &Map<String, Value>| {
        record.keys().any(|it| is_one_of(it, &[POD, VOLUME]) || is_one_of(it, ENDPOINT))
    };
    if !records.iter().any(names_something) {
        return Err(unreadable(
            file,
            "the records name no pod, endpoint or volume, and may repeat the money of others",
        ));
    }
    let mut rows = MixedRows::default();
    for (number, record) in (1..).zip(records) {
        rows.push(number, flatten(record, &wants));
    }
    Ok(rows.finish())
}

fn unreadable(file: &str, reason: impl Into<String>) -> IngestError {
    IngestError::Unreadable { file: file.to_owned(), reason: reason.into(), hint: HINT.to_owned() }
}

/// Fails unless the records are as many as `metadata` counts, and add up to its totals.
fn prove(records: &[Map<String, Value>], metadata: &Value, file: &str) -> Result<(), IngestError> {
    let count = metadata.get("recordCount").and_then(Value::as_u64);
    if count != Some(records.len() as u64) {
        let said = count.map_or("no count".to_owned(), |it| it.to_string());
        let found = records.len();
        let reason = format!("metadata.recordCount is {said}, but the file has {found} records");
        return Err(unreadable(file, reason));
    }
    let totals = metadata
        .get("totals")
        .and_then(Value::as_object)
        .ok_or_else(|| unreadable(file, "metadata.totals is missing"))?;
    for (name, total) in totals {
        let shown = excerpt(name);
        let Ok(Some(total)) = json_amount(total) else {
            return Err(unreadable(file, format!("metadata.totals.{shown} is not an amount")));
        };
        // A record without a readable amount is refused by itself; then no total can be proven.
        let amounts: Option<Vec<(i128, bool)>> =
            records.iter().map(|it| json_amount(it.get(name)?).ok()?).collect();
        if let Some(amounts) = amounts {
            prove_total(&shown, &amounts, total, file)?;
        }
    }
    Ok(())
}

/// Fails when the sum of the amounts is not the total.
///
/// Where they are binary floats, the total is the provider's sum of floats: it may be off by one
/// rounding (2^-53 of the sum of the sizes) for each amount and for each of the two texts, and a
/// difference that small is none. Decimal texts and whole numbers must agree to the last digit.
fn prove_total(
    name: &str,
    amounts: &[(i128, bool)],
    total: (i128, bool),
    file: &str,
) -> Result<(), IngestError> {
    let sum: i128 = amounts.iter().map(|it| it.0).fold(0, i128::saturating_add);
    let has_floats = total.1 || amounts.iter().any(|it| it.1);
    let sizes: u128 = amounts.iter().map(|it| it.0.unsigned_abs()).fold(0, u128::saturating_add);
    let slack = if has_floats { sizes.saturating_mul(amounts.len() as u128 + 2) >> 53 } else { 0 };
    if sum.abs_diff(total.0) <= slack {
        return Ok(());
    }
    let show = |atto| Money::from_atto(atto, Currency::USD).to_decimal_string();
    Err(unreadable(
        file,
        format!(
            "metadata.totals.{name} is {}, but the records add up to {}: a difference of {}",
            show(total.0),
            show(sum),
            show(total.0.saturating_sub(sum)),
        ),
    ))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    Ok(Box::new(Records {
        grouping: grouping(first),
        ids: Ids::find(&mut columns)?,
        total: columns.need(&[TOTAL], HINT)?,
        ends: (columns.need(&[START], HINT)?, columns.need(&[END], HINT)?),
        used: columns.used(),
    }))
}

struct Records {
    ids: Ids,
    total: usize,
    /// Start and end.
    ends: (usize, usize),
    grouping: Option<Grouping>,
    used: Vec<String>,
}

impl Bound for Records {
    fn line_columns(&self) -> &[usize] {
        self.ids.0.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        Ok(self.ids.line(texts, false))
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        _line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let costs = same_costs(read.needed_cost(self.total)?);
        let period = read.period(self.ends);
        read.charge(costs, period, None)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let what = self.grouping.map_or("nothing named", Grouping::as_str);
        format!("RunPod billing v2 ({what})")
    }
}
