//! The rows at the end of every derivation: input files, price rows, files of the catalog.

use serde_json::Value;

use super::Evidence;
use super::definitions::Origin;
use super::place::{Step, places};
use super::unit::Unit;
use crate::report::number::{self, Medium};
use crate::report::plain;

/// Digits of a hash that are shown; JSON has all.
const SHOWN_OF_HASH: usize = 16;

/// A field that is text, safe to print.
pub(super) fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).map(plain).unwrap_or_default()
}

/// The first digits of a row's hash.
pub(super) fn hash(row: &Value, digits: usize) -> String {
    text(row, "sha256").chars().take(digits).collect()
}

/// The files read.
pub(super) fn inputs(evidence: &Evidence) -> Vec<&Value> {
    let found = evidence.root.pointer("/provenance/inputs").and_then(Value::as_array);
    found.into_iter().flatten().collect()
}

/// `usage.parquet: usage table, 6,970 rows, sha256 468d06bc21b9506d`.
pub(super) fn input_in_words(row: &Value, medium: Medium) -> String {
    let rows = row.get("rows").and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{}: {}, {}, sha256 {}",
        text(row, "file"),
        text(row, "format"),
        medium.counted(rows, "row"),
        hash(row, SHOWN_OF_HASH)
    )
}

/// The price rows of a plan: the id, and the row where the catalog has it.
pub(super) fn prices<'a>(
    evidence: &'a Evidence,
    plan: &'a Value,
) -> Vec<(&'a str, Option<&'a Value>)> {
    let rows = evidence.root.pointer("/provenance/prices").and_then(Value::as_array);
    let of = |id: &str| rows.into_iter().flatten().find(|it| text(it, "offer_id") == id);
    let ids = plan.get("offer_ids").and_then(Value::as_array).into_iter().flatten();
    ids.filter_map(Value::as_str).map(|id| (id, of(id))).collect()
}

/// `aws/p5.4xlarge/...: 6.88 USD an hour, as of 29 Sep 2026, from ...`.
pub(super) fn price_in_words(
    evidence: &Evidence,
    (id, row): (&str, Option<&Value>),
    medium: Medium,
) -> String {
    let Some(row) = row else {
        return format!("{}: the rate on the bill, no row of the catalog", plain(id));
    };
    let named = crate::units::Currency::parse(&text(row, "currency"));
    let currency = named.unwrap_or(evidence.currency);
    let rate = row.get("price_per_hour").and_then(|it| Unit::Rate.read(it, currency));
    format!(
        "{}: {}, as of {}, from {}",
        plain(id),
        rate.map_or_else(|| number::DASH.to_owned(), |it| Unit::Rate.show(&it, currency, medium)),
        number::date(&text(row, "as_of")),
        text(row, "source")
    )
}

/// What a number rests on that is not made of others.
pub(super) fn behind(
    evidence: &Evidence,
    steps: &[Step],
    origin: Origin,
    medium: Medium,
) -> Vec<String> {
    let files = || inputs(evidence).into_iter().map(|it| input_in_words(it, medium));
    match origin {
        Origin::Files | Origin::Demand => files().collect(),
        Origin::Replay => {
            let plan = places(&evidence.root, steps, "workloads[].plans[]");
            let rows = plan.iter().flat_map(|it| prices(evidence, it.value));
            let rows = rows.map(|it| price_in_words(evidence, it, medium));
            let seed = evidence.root.pointer("/provenance/seed").and_then(Value::as_u64);
            rows.chain(files()).chain(seed.map(|it| format!("seed {it}"))).collect()
        }
        Origin::Sizing => {
            let rows = ["models.toml", "gpus.toml"].into_iter().flat_map(|file| {
                places(&evidence.root, steps, &format!("provenance.catalog[{file}]"))
            });
            let words = |row: &Value| {
                let newest = number::date(&text(row, "newest_as_of"));
                let n = row.get("rows").and_then(Value::as_u64).unwrap_or_default();
                format!(
                    "{} of the catalog: {}, newest {newest}, sha256 {}",
                    text(row, "file"),
                    medium.counted(n, "row"),
                    hash(row, SHOWN_OF_HASH)
                )
            };
            rows.map(|it| words(it.value)).collect()
        }
        Origin::Config | Origin::Method | Origin::Catalog => Vec::new(),
    }
}
