//! FOCUS cost and usage, versions 1.0 to 1.4.
//!
//! Columns by their names in any case, with or without `_`. Provider is `ServiceProviderName`, else
//! `ProviderName`, else `PublisherName` (1.4 removed the last two). Times without an offset are UTC,
//! as the specification demands. Null is an empty field or `NULL`; it is never 0.

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms, Use,
};
use super::columns::{self, Columns};
use super::provider::provider_name;
use crate::units::{Currency, Period};
use crate::usage::PricingCategory;

/// FOCUS.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

/// Texts that make a line, in the order in which [`Focus::line`] reads them.
const LINE: [&str; 26] = [
    "serviceprovidername",
    "providername",
    "publishername",
    "billingcurrency",
    "chargecategory",
    "chargeclass",
    "pricingcategory",
    "commitmentdiscountid",
    "commitmentdiscountstatus",
    "capacityreservationid",
    "capacityreservationstatus",
    "resourceid",
    "resourcename",
    "regionid",
    "subaccountid",
    "servicecategory",
    "servicename",
    "skumeter",
    "skupricedetails",
    "chargedescription",
    "tags",
    "pricingunit",
    "consumedunit",
    "xusagetype",
    "xskumetername",
    "invoiceid",
];
/// Amounts and times.
const NUMBERS: [&str; 9] = [
    "billedcost",
    "effectivecost",
    "listcost",
    "contractedcost",
    "pricingquantity",
    "consumedquantity",
    "chargeperiodstart",
    "chargeperiodend",
    "billingperiodstart",
];
/// Columns without which nothing can be said.
const REQUIRED: [&str; 6] = [
    "BilledCost",
    // Without it what a commitment covers would cost nothing.
    "EffectiveCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
];
/// Columns that came with a version, the newest first.
const VERSIONS: [(&str, &[&str]); 4] = [
    ("1.4", &["commitmentprogrameligibilitydetails", "invoicedetailid"]),
    ("1.3", &["hostprovidername", "serviceprovidername", "contractapplied", "allocatedmethodid"]),
    ("1.2", &["invoiceid", "pricingcurrency", "billingaccounttype", "subaccounttype"]),
    (
        "1.1",
        &["capacityreservationid", "commitmentdiscountquantity", "servicesubcategory", "skumeter"],
    ),
];

fn fits(headers: &[String]) -> bool {
    let names: Vec<String> = headers.iter().map(|it| columns::plain(it)).collect();
    let has = |name: &str| names.iter().any(|it| it == name);
    let known = LINE.iter().chain(&NUMBERS).filter(|it| has(it)).count();
    has("chargeperiodstart") && has("billedcost") && has("chargecategory") || known >= 10
}

fn wants(header: &str) -> bool {
    let name = columns::plain(header);
    LINE.contains(&name.as_str()) || NUMBERS.contains(&name.as_str())
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let columns = Columns::of(first, file)?;
    for name in REQUIRED {
        if columns.find(&name.to_ascii_lowercase()).is_none() {
            return Err(IngestError::MissingColumn {
                file: file.to_owned(),
                column: name,
                hint: format!(
                    "this looks like FOCUS, which always has {name}: export it again with all mandatory columns"
                ),
            });
        }
    }
    // By all headers: most columns that tell the version are not read.
    let headers: Vec<String> = first.headers.iter().map(|it| columns::plain(it)).collect();
    let version = VERSIONS
        .iter()
        .find(|(_, names)| names.iter().any(|it| headers.iter().any(|header| header == it)))
        .map_or("1.0", |(version, _)| *version);
    let number = |name: &str| columns.find(name);
    let (at, slots) = columns.line(&LINE);
    let focus = Focus {
        at,
        slots,
        billed: number("billedcost"),
        effective: number("effectivecost"),
        list: number("listcost"),
        contracted: number("contractedcost"),
        pricing_quantity: number("pricingquantity"),
        consumed_quantity: number("consumedquantity"),
        start: number("chargeperiodstart"),
        end: number("chargeperiodend"),
        billing_start: number("billingperiodstart"),
        version,
        columns,
    };
    Ok(Box::new(focus))
}

struct Focus {
    /// Columns of the line that the file has.
    at: Vec<usize>,
    /// For each of [`LINE`] its place among them.
    slots: [Option<usize>; LINE.len()],
    billed: Option<usize>,
    effective: Option<usize>,
    list: Option<usize>,
    contracted: Option<usize>,
    pricing_quantity: Option<usize>,
    consumed_quantity: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    billing_start: Option<usize>,
    version: &'static str,
    columns: Columns,
}

/// [`Line::own`] of lines whose hours are in `ConsumedQuantity`.
const BY_CONSUMED: u8 = 1;

impl Bound for Focus {
    fn line_columns(&self) -> &[usize] {
        &self.at
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let text = |at: usize| {
            let slot = self.slots.get(at).copied().flatten()?;
            columns::filled(texts.get(slot).copied().flatten())
        };
        let own = |at: usize| text(at).map(str::to_owned);
        let fault = |at: usize, reason: String| {
            let slot = self.slots.get(at).copied().flatten().and_then(|it| self.at.get(it));
            (slot.map(|it| self.columns.header(*it)), reason)
        };
        let category = text(4).ok_or_else(|| fault(4, "the charge category is missing".into()))?;
        let category = ChargeCategory::parse(category).ok_or_else(|| {
            fault(4, columns::none_of(category, "Usage, Purchase, Tax, Credit, Adjustment"))
        })?;
        let missing = "the billing currency is missing, which FOCUS never allows";
        let code = text(3).ok_or_else(|| fault(3, missing.to_owned()))?;
        let currency = Currency::parse(code)
            .map_err(|_| fault(3, columns::none_of(code, "the three-letter currency codes")))?;
        let pricing = match text(6) {
            None => PricingCategory::default(),
            Some(word) => PricingCategory::parse(word).ok_or_else(|| {
                fault(6, columns::none_of(word, "Standard, Dynamic, Committed, Other"))
            })?,
        };
        let status = |at: usize| match text(at) {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("used") => Ok(Some(Use::Used)),
            Some(word) if word.eq_ignore_ascii_case("unused") => Ok(Some(Use::Unused)),
            Some(word) => Err(fault(at, columns::none_of(word, "Used, Unused"))),
        };
        let details = text(18).map(columns::object).unwrap_or_default();
        let detail = |key: &str| {
            let found = details.iter().find(|(it, _)| columns::plain(it) == key);
            found.map(|(_, value)| value.clone()).filter(|it| !it.is_empty())
        };
        let (unit, by_consumed) = unit_of(text(21), text(22));
        let provider = text(0).or_else(|| text(1)).or_else(|| text(2)).map(provider_name);
        Ok(Line {
            provider,
            currency: Some(currency),
            category: Some(category),
            correction: text(5).is_some_and(|it| it.eq_ignore_ascii_case("correction")),
            pricing,
            commitment: own(7),
            commitment_use: status(8)?,
            capacity: own(9),
            capacity_use: status(10)?,
            resource_id: own(11),
            resource_name: own(12),
            region: own(13),
            sub_account: own(14),
            service: own(16),
            instance_type: detail("instancetype"),
            // What is sold by the GPU-hour has GPUs, whatever else is said of it.
            gpu_count: detail("gpucount")
                .and_then(|it| it.parse().ok())
                .or_else(|| (unit == QuantityUnit::GpuHours).then_some(1.0)),
            gpu_name: detail("gpuname").or_else(|| detail("gpumodel")),
            sku_texts: [text(17), text(24), text(23), text(19)]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
            unit,
            tags: text(20).map(columns::object).unwrap_or_default(),
            invoiced: self.slots[25].map(|_| text(25).is_some()),
            own: if by_consumed { BY_CONSUMED } else { 0 },
            ..Line::default()
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        let code = columns::filled(texts.get(self.slots[3]?).copied().flatten())?;
        Currency::parse(code).ok()
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut fault = None;
        let mut floats = 0;
        let mut last = cell::LastFloat::default();
        let mut amount = |column: Option<usize>| {
            let column = column?;
            match cell::atto_at(table, (column, row), &mut last) {
                Ok(found) => found.map(|(atto, from_float)| {
                    floats += u64::from(from_float);
                    atto
                }),
                Err(reason) => {
                    fault.get_or_insert((Some(self.columns.header(column)), reason));
                    None
                }
            }
        };
        let costs = Costs {
            billed: amount(self.billed),
            effective: amount(self.effective),
            list: amount(self.list),
            contracted: amount(self.contracted),
        };
        let time = |column: Option<usize>| match column {
            None => Ok(None),
            Some(column) => cell::utc_at(table, column, row)
                .map_err(|reason| (Some(self.columns.header(column)), reason)),
        };
        let period = self.period(time(self.start), time(self.end));
        let quantity_at =
            if line.own == BY_CONSUMED { self.consumed_quantity } else { self.pricing_quantity };
        let quantity = match quantity_at {
            Some(column) if line.unit != QuantityUnit::None => {
                cell::number(table.cell(column, row))
                    .map_err(|reason| (Some(self.columns.header(column)), reason))
            }
            _ => Ok(None),
        };
        let billing_start = time(self.billing_start);
        out.from_floats += floats;
        out.push(Part {
            kind: kind_of(line, costs),
            period: period.as_ref().copied().unwrap_or(Period::EPOCH_DAY),
            billing_start: billing_start.as_ref().copied().unwrap_or_default(),
            costs,
            quantity: quantity.as_ref().copied().unwrap_or_default(),
        });
        match fault {
            Some(fault) => Err(fault),
            None if costs.billed.is_none() => Err((
                self.billed.map(|it| self.columns.header(it)),
                "the billed cost is missing, which FOCUS never allows".to_owned(),
            )),
            None => {
                period?;
                quantity?;
                billing_start.map(|_| ())
            }
        }
    }

    fn columns_used(&self) -> Vec<String> {
        let numbers = [
            self.billed,
            self.effective,
            self.list,
            self.contracted,
            self.pricing_quantity,
            self.consumed_quantity,
            self.start,
            self.end,
            self.billing_start,
        ];
        self.columns.headers(self.at.iter().copied().chain(numbers.into_iter().flatten()))
    }

    fn format(&self) -> String {
        format!("FOCUS {}", self.version)
    }
}

impl Focus {
    fn period(
        &self,
        start: Result<Option<crate::units::Timestamp>, Fault>,
        end: Result<Option<crate::units::Timestamp>, Fault>,
    ) -> Result<Period, Fault> {
        let header = |at: Option<usize>| at.map(|it| self.columns.header(it));
        let start =
            start?.ok_or_else(|| (header(self.start), "the start is missing".to_owned()))?;
        let end = end?.ok_or_else(|| (header(self.end), "the end is missing".to_owned()))?;
        columns::period(start, end).map_err(|reason| (header(self.end), reason))
    }
}

/// What the quantity counts, and whether it is the consumed one: where the unit of the price is no
/// unit of time, that of consumption may be.
fn unit_of(priced: Option<&str>, consumed: Option<&str>) -> (QuantityUnit, bool) {
    match priced.map(QuantityUnit::parse) {
        Some(QuantityUnit::None) | None => {
            (consumed.map(QuantityUnit::parse).unwrap_or_default(), true)
        }
        Some(unit) => (unit, false),
    }
}

/// A purchase that costs nothing by itself because later charges carry it is left out of the list
/// and contracted totals, which would count it twice (FOCUS: effective cost 0 on such purchases).
fn kind_of(line: &Terms, costs: Costs) -> PartKind {
    let for_later = line.category == Some(ChargeCategory::Purchase)
        && costs.effective == Some(0)
        && costs.billed.is_some_and(|it| it != 0);
    if for_later { PartKind::PurchaseForLater } else { PartKind::Main }
}
