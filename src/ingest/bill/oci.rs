//! Oracle Cloud Infrastructure cost report, in Oracle's own columns (`lineItem/...`, `cost/...`).
//!
//! `cost/myCost` is billed, effective and contracted at once, as in Oracle's own mapping to FOCUS,
//! and holds the overage already: `cost/myCostOverage` is never added. No column tells a list price.
//! Corrections are rows of their own with `lineItem/isCorrection`; they are added as they stand
//! (Oracle, "Cost Reports", read 2026-11). Broken nodes of a dedicated GPU pool are in the quantity
//! and the cost of a row although nobody pays for them; the report does not mark them.

use std::collections::BTreeMap;

use super::super::IngestError;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Parts, QuantityUnit, Terms,
};
use super::columns::{Columns, LineColumns, any_is, is_one_of, none_of};
use super::reading::Reading;
use crate::units::Currency;

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
const COST: &[&str] = &["cost/myCost"];
const START: &[&str] = &["lineItem/intervalUsageStart"];
const END: &[&str] = &["lineItem/intervalUsageEnd"];
const QUANTITY: &[&str] = &["usagebilledquantity"];
const HINT: &str = "this looks like a cost report of Oracle Cloud: give it with all its columns";
const NUMBERS: [&[&str]; 4] = [COST, START, END, QUANTITY];

fn fits(headers: &[String]) -> bool {
    any_is(headers, COST) && any_is(headers, START)
}

fn wants(header: &str) -> bool {
    tag_of(header).is_some() || LINE.iter().chain(&NUMBERS).any(|names| is_one_of(header, names))
}

/// The key of a tag column. `Oracle-Tags` name the person who created a resource, so they are not
/// read.
fn tag_of(header: &str) -> Option<&str> {
    let header = header.trim_start_matches('\u{feff}').trim();
    header.strip_prefix("tags/").filter(|key| !key.starts_with("Oracle-Tags"))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    let tagged = first.headers.iter().enumerate();
    let (tag_columns, tag_keys): (Vec<usize>, Vec<String>) =
        tagged.filter_map(|(at, header)| Some((at, tag_of(header)?.to_owned()))).unzip();
    Ok(Box::new(CostReport {
        cost: columns.need(COST, HINT)?,
        ends: (columns.need(START, HINT)?, columns.need(END, HINT)?),
        quantity: columns.find(QUANTITY)?,
        line: columns.line(LINE, &tag_columns)?,
        tag_keys,
        used: columns.used(),
    }))
}

struct CostReport {
    line: LineColumns<{ LINE.len() }>,
    tag_keys: Vec<String>,
    cost: usize,
    /// Start and end.
    ends: (usize, usize),
    quantity: Option<usize>,
    used: Vec<String>,
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
            _,
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
        let currency = self.line.currency(texts, CURRENCY)?;
        let correction = match correction.map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(self.line.fault(CORRECTION, none_of(other, "true and false")));
            }
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
        self.line.currency_or_usd(texts, CURRENCY)
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let cost = Some(read.needed_cost(self.cost)?);
        let period = read.period(self.ends);
        let quantity = match line.unit {
            QuantityUnit::None => None,
            _ => read.number(self.quantity),
        };
        let costs = Costs { billed: cost, effective: cost, list: None, contracted: cost };
        read.charge(costs, period, quantity)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        "OCI cost report".to_owned()
    }
}
