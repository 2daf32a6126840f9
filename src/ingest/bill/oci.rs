//! Oracle Cloud Infrastructure cost report, in Oracle's own columns (`lineItem/...`, `cost/...`).
//!
//! `cost/myCost` is billed, effective and contracted at once, as in Oracle's own mapping to FOCUS,
//! and holds the overage already: `cost/myCostOverage` is never added. No column tells a list price.
//! Corrections are rows of their own with `lineItem/isCorrection`; they are added as they stand
//! (Oracle, "Cost Reports", read 2026-11). Broken nodes of a dedicated GPU pool are in the quantity
//! and the cost of a row although nobody pays for them; the report does not mark them.

use chrono_tz::Tz;

use std::collections::BTreeMap;

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms,
};
use super::columns::{self, none_of, plain};
use super::fields::{Fields, LineColumns, header_of, needed_amount_at, number_at};
use crate::units::{Currency, Period};

#[cfg(test)]
mod tests;

/// Oracle's cost report.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

/// Columns of texts, in the order in which [`CostReport::line`] takes them; the tags come behind.
const LINE: [&[&str]; 13] = [
    &["costcurrencycode"],
    &["lineitemiscorrection"],
    &["productservice"],
    &["productdescription"],
    &["productresource"],
    &["costproductsku"],
    &["costskuunitdescription"],
    &["costbillingunitreadable"],
    &["productresourceid"],
    &["productregion"],
    &["productcompartmentname"],
    &["productcompartmentid"],
    &["lineitemtenantid"],
];
/// Places in [`LINE`].
const CURRENCY: usize = 0;
const CORRECTION: usize = 1;
const COST: &[&str] = &["costmycost"];
const START: &[&str] = &["lineitemintervalusagestart"];
const END: &[&str] = &["lineitemintervalusageend"];
const QUANTITY: &[&str] = &["usagebilledquantity"];
const NUMBERS: [&[&str]; 4] = [COST, START, END, QUANTITY];

fn fits(headers: &[String]) -> bool {
    let fields = Fields::new(headers, plain);
    fields.has(COST) && fields.has(START)
}

fn wants(header: &str) -> bool {
    let name = plain(header);
    tag_of(header).is_some()
        || LINE.iter().chain(&NUMBERS).any(|names| names.contains(&name.as_str()))
}

/// The key of a tag column. `Oracle-Tags` name the person who created a resource, so they are not
/// read.
fn tag_of(header: &str) -> Option<&str> {
    let header = header.trim_start_matches('\u{feff}').trim();
    header.strip_prefix("tags/").filter(|key| !key.starts_with("Oracle-Tags"))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let fields = Fields::new(&first.headers, plain);
    fields.check_once(LINE.iter().chain(&NUMBERS).copied().flatten(), file)?;
    let hint = "this looks like a cost report of Oracle Cloud: give it with all its columns";
    let cost = fields.need(COST, (file, "cost/myCost", hint))?;
    let start = fields.need(START, (file, "lineItem/intervalUsageStart", hint))?;
    let end = fields.need(END, (file, "lineItem/intervalUsageEnd", hint))?;
    let quantity = fields.place(QUANTITY);
    let tagged = first.headers.iter().enumerate();
    let (tag_columns, tag_keys): (Vec<usize>, Vec<String>) =
        tagged.filter_map(|(at, header)| Some((at, tag_of(header)?.to_owned()))).unzip();
    let line = LineColumns::new(&fields, &LINE, &tag_columns);
    let report = CostReport { line, tag_keys, cost, start, end, quantity, fields };
    for column in report.all_columns() {
        first.check_type(column, file)?;
    }
    Ok(Box::new(report))
}

struct CostReport {
    line: LineColumns<{ LINE.len() }>,
    tag_keys: Vec<String>,
    cost: usize,
    start: usize,
    end: usize,
    quantity: Option<usize>,
    fields: Fields,
}

impl CostReport {
    fn all_columns(&self) -> impl Iterator<Item = usize> {
        let numbers = [self.cost, self.start, self.end];
        self.line.columns().iter().copied().chain(numbers).chain(self.quantity)
    }

    fn fault(&self, place: usize, why: String) -> Fault {
        (self.line.column(place).map(|column| self.fields.header(column)), why)
    }

    fn period(&self, table: &RawTable, row: usize) -> Result<Period, Fault> {
        let instant = |column: usize| {
            cell::time(table.cell(column, row), Tz::UTC)
                .and_then(|it| it.ok_or_else(|| "the time is empty".to_owned()))
                .map_err(|why| (header_of(table, column), why))
        };
        let (start, end) = (instant(self.start)?, instant(self.end)?);
        columns::period(start, end).map_err(|why| (header_of(table, self.end), why))
    }
}

/// Hours of GPUs, which Oracle prices by `GPU Per Hour`, in the older column by a unit with `HOURS`.
/// Hours of cores and gigabytes are nothing that GPUs have.
fn unit_of(description: Option<&str>, units: [Option<&str>; 2]) -> QuantityUnit {
    let unit = units.map(Option::unwrap_or_default).join(" ").to_ascii_uppercase();
    let of_gpu = [description.unwrap_or_default(), &unit]
        .iter()
        .any(|text| words(text).any(|word| word == "GPU" || word == "GPUS"));
    let of_less = words(&unit).any(|word| {
        ["OCPU", "OCPUS", "ECPU", "ECPUS", "GIB", "GIGABYTE", "GB", "MEMORY"].contains(&word)
    });
    let by_hour = words(&unit).any(|word| word == "HOUR" || word == "HOURS");
    if of_gpu && by_hour && !of_less { QuantityUnit::GpuHours } else { QuantityUnit::None }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_alphanumeric())
}

impl Bound for CostReport {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let [
            currency,
            correction,
            service,
            description,
            resource,
            sku,
            sku_unit,
            unit,
            resource_id,
            region,
            compartment,
            compartment_id,
            tenant,
        ] = self.line.texts(texts);
        let currency = match currency {
            Some(text) => {
                Some(Currency::parse(text).map_err(|it| self.fault(CURRENCY, it.to_string()))?)
            }
            None => None,
        };
        let correction = match correction.map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(self.fault(CORRECTION, none_of(other, "true and false"))),
        };
        let tags = self.tag_keys.iter().zip(self.line.more(texts));
        let mut tags: BTreeMap<String, String> =
            tags.filter_map(|(key, value)| Some((key.clone(), value?.to_owned()))).collect();
        // A defined tag is `namespace.key`; who asks for the owner asks for the key.
        for (key, value) in tags.clone() {
            if let Some((_, own)) = key.split_once('.') {
                tags.entry(own.to_owned()).or_insert(value);
            }
        }
        Ok(Line {
            provider: Some("oci".to_owned()),
            currency,
            category: Some(ChargeCategory::Usage),
            correction,
            resource_id: resource_id.map(str::to_owned),
            region: region.map(str::to_owned),
            sub_account: compartment.or(compartment_id).or(tenant).map(str::to_owned),
            service: service.map(str::to_owned),
            sku_texts: [description, resource, sku]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
            unit: unit_of(description, [sku_unit, unit]),
            tags,
            ..Line::default()
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        columns::currency_in(self.line.texts(texts)[CURRENCY])
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let at = (table, row);
        let cost = Some(needed_amount_at(at, self.cost, out)?);
        let period = self.period(table, row);
        let quantity = match line.unit {
            QuantityUnit::None => Ok(None),
            _ => number_at(at, self.quantity),
        };
        out.push(Part {
            kind: PartKind::Main,
            period: period.clone().unwrap_or(Period::EPOCH_DAY),
            billing_start: None,
            costs: Costs { billed: cost, effective: cost, list: None, contracted: cost },
            quantity: quantity.as_ref().ok().copied().flatten(),
        });
        period.and(quantity).map(|_| ())
    }

    fn columns_used(&self) -> Vec<String> {
        self.fields.headers_of(self.all_columns())
    }

    fn format(&self) -> String {
        "OCI cost report".to_owned()
    }
}
