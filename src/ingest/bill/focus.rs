//! FOCUS cost and usage, versions 1.0 to 1.4.
//!
//! Columns by their names in any case, with or without `_`. Provider is `ServiceProviderName`, else
//! `ProviderName`, else `PublisherName` (1.4 removed the last two). Times without an offset are UTC,
//! as the specification demands. Null is an empty field or `NULL`; it is never 0.

use super::super::IngestError;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms, Use,
};
use super::columns::{Columns, LineColumns, any_is, is_one_of, none_of, tags};
use super::provider::provider_name;
use super::reading::Reading;
use crate::units::Currency;
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
/// Place of the currency in [`LINE`].
const CURRENCY: usize = 3;
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
    let has = |name: &str| any_is(headers, &[name]);
    let known = LINE.iter().chain(&NUMBERS).filter(|it| has(it)).count();
    has("chargeperiodstart") && has("billedcost") && has("chargecategory") || known >= 10
}

fn wants(header: &str) -> bool {
    is_one_of(header, &LINE) || is_one_of(header, &NUMBERS)
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    let mut required = [0; REQUIRED.len()];
    for (column, name) in required.iter_mut().zip(REQUIRED) {
        let hint = format!(
            "this looks like FOCUS, which always has {name}: export it again with all mandatory columns"
        );
        *column = columns.need(&[name], &hint)?;
    }
    let [billed, effective, _, _, start, end] = required;
    // By all headers: most columns that tell the version are not read.
    let version = VERSIONS.iter().find(|(_, names)| any_is(&first.headers, names));
    Ok(Box::new(Focus {
        line: columns.line(LINE.each_ref().map(std::slice::from_ref), &[])?,
        billed,
        effective,
        list: columns.find(&["ListCost"])?,
        contracted: columns.find(&["ContractedCost"])?,
        pricing_quantity: columns.find(&["PricingQuantity"])?,
        consumed_quantity: columns.find(&["ConsumedQuantity"])?,
        start,
        end,
        billing_start: columns.find(&["BillingPeriodStart"])?,
        version: version.map_or("1.0", |(version, _)| *version),
        used: columns.used(),
    }))
}

struct Focus {
    line: LineColumns<{ LINE.len() }>,
    billed: usize,
    effective: usize,
    list: Option<usize>,
    contracted: Option<usize>,
    pricing_quantity: Option<usize>,
    consumed_quantity: Option<usize>,
    start: usize,
    end: usize,
    billing_start: Option<usize>,
    version: &'static str,
    used: Vec<String>,
}

/// [`Line::own`] of lines whose hours are in `ConsumedQuantity`.
const BY_CONSUMED: u8 = 1;

impl Bound for Focus {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let found = self.line.texts(texts);
        let text = |at: usize| found[at];
        let own = |at: usize| text(at).map(str::to_owned);
        let fault = |at: usize, why: String| self.line.fault(at, why);
        let category = text(4).ok_or_else(|| fault(4, "the charge category is missing".into()))?;
        let category = ChargeCategory::parse(category).ok_or_else(|| {
            fault(4, none_of(category, "Usage, Purchase, Tax, Credit, Adjustment"))
        })?;
        let missing = "the billing currency is missing, which FOCUS never allows";
        let currency = self.line.currency(texts, CURRENCY)?;
        let currency = currency.ok_or_else(|| self.line.fault(CURRENCY, missing))?;
        let pricing = match text(6) {
            None => PricingCategory::default(),
            Some(word) => PricingCategory::parse(word)
                .ok_or_else(|| fault(6, none_of(word, "Standard, Dynamic, Committed, Other")))?,
        };
        let status = |at: usize| match text(at) {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("used") => Ok(Some(Use::Used)),
            Some(word) if word.eq_ignore_ascii_case("unused") => Ok(Some(Use::Unused)),
            Some(word) => Err(fault(at, none_of(word, "Used, Unused"))),
        };
        let details = text(18).and_then(tags).unwrap_or_default();
        let detail = |key: &str| {
            let found = details.iter().find(|(it, _)| is_one_of(it, &[key]));
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
            unread_tags: text(20).is_some_and(|it| tags(it).is_none()),
            tags: text(20).and_then(tags).unwrap_or_default(),
            invoiced: self.line.column(25).map(|_| text(25).is_some()),
            own: if by_consumed { BY_CONSUMED } else { 0 },
            ..Line::default()
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        self.line.currency(texts, CURRENCY).ok().flatten()
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let costs = Costs {
            billed: read.cost(self.billed),
            effective: read.amount(Some(self.effective)),
            list: read.amount(self.list),
            contracted: read.amount(self.contracted),
        };
        let period = read.period((self.start, self.end));
        let quantity = match line.unit {
            QuantityUnit::None => None,
            _ if line.own == BY_CONSUMED => read.number(self.consumed_quantity),
            _ => read.number(self.pricing_quantity),
        };
        let billing_start = read.time(self.billing_start);
        read.push(Part { kind: kind_of(line, costs), period, billing_start, costs, quantity });
        read.end()
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        format!("FOCUS {}", self.version)
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
