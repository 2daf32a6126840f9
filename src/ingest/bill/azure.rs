//! Azure cost details, actual and amortized, in the header variants of the agreements.
//!
//! Enterprise (`CostInBillingCurrency` or `Cost`), Customer Agreement (`costInBillingCurrency`,
//! `billingCurrency`), pay as you go (`PreTaxCost`, `UsageQuantity`, `UsageDateTime`), and exports
//! in other languages, which put the English name in brackets: `Maßeinheit (UnitOfMeasure)`. The
//! variants are those of `OpenCost`'s header sets and of Microsoft's cost details schemas.
//!
//! An actual export holds what is invoiced: covered usage costs 0, and the `Purchase` rows hold the
//! money. An amortized export holds the shares of the commitment on covered usage and on `Unused...`
//! rows, and no purchases (Microsoft, "Understand reservation usage for EA", read 2026-11). So a
//! covered row that costs something tells its effective cost and was billed 0; a covered row that
//! costs 0 was billed 0, and its effective cost is not in the file unless the file is amortized.

use super::super::IngestError;
use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::charge::{BillFormat, Bound, Fault, Line, Parts, Terms};
use super::columns::{self, filled, plain};
use super::fields::{Fields, LineColumns};
use crate::units::Currency;

mod dates;
mod line;
mod row;
#[cfg(test)]
mod tests;

/// Azure cost details.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

/// Columns of texts, in the order in which [`line::Texts`] takes them.
const LINE: [&[&str]; 20] = [
    &["chargetype"],
    &["pricingmodel"],
    &["billingcurrencycode", "billingcurrency", "currency"],
    &["pricingcurrency", "pricingcurrencycode"],
    &["benefitid"],
    &["reservationid"],
    &["productorderid"],
    &["productordername"],
    &["resourceid", "instanceid", "instancename"],
    &["resourcename"],
    &["resourcelocation"],
    &["subscriptionid", "subscriptionguid"],
    &["metercategory"],
    &["metersubcategory"],
    &["metername"],
    &["productname", "product"],
    &["consumedservice"],
    &["unitofmeasure"],
    &["additionalinfo"],
    &["tags"],
];
/// Place of the charge type in [`LINE`].
const CHARGE_TYPE: usize = 0;
/// Place of the pricing model in [`LINE`].
const PRICING_MODEL: usize = 1;
/// Place of the reservation in [`LINE`].
const RESERVATION: usize = 5;
const COST: &[&str] = &["costinbillingcurrency", "pretaxcost", "cost"];
const DATE: &[&str] = &["date", "usagedatetime"];
const QUANTITY: &[&str] = &["quantity", "usagequantity"];
/// The quantity of pay as you go, which counts single hours under a unit of 100 Hours.
const USAGE_QUANTITY: &[&str] = &["usagequantity"];
const PERIOD_START: &[&str] = &["billingperiodstartdate"];
const PERIOD_END: &[&str] = &["billingperiodenddate"];
const LIST_PRICE: &[&str] = &["paygprice"];
const LIST_COST: &[&str] = &["paygcostinbillingcurrency"];
const UNIT_PRICE: &[&str] = &["unitprice"];
const NUMBERS: [&[&str]; 8] =
    [COST, DATE, QUANTITY, PERIOD_START, PERIOD_END, LIST_PRICE, LIST_COST, UNIT_PRICE];

/// The plain name of a header; of `Maßeinheit (UnitOfMeasure)` what stands in brackets.
fn key(header: &str) -> String {
    let bracketed = header.trim().strip_suffix(')').and_then(|it| it.rsplit_once('('));
    plain(bracketed.map_or(header, |(_, english)| english))
}

fn fits(headers: &[String]) -> bool {
    let fields = Fields::new(headers, key);
    let meter = fields.has(&["metercategory"]) && fields.has(&["meterid", "metername"]);
    meter && fields.has(COST) && fields.has(DATE)
}

fn wants(header: &str) -> bool {
    let name = key(header);
    LINE.iter().chain(&NUMBERS).any(|names| names.contains(&name.as_str()))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let fields = Fields::new(&first.headers, key);
    fields.check_once(LINE.iter().chain(&NUMBERS).copied().flatten(), file)?;
    let hint = "this looks like Azure cost details: export them again with all columns";
    let columns = Columns {
        cost: fields.need(COST, (file, "CostInBillingCurrency", hint))?,
        date: fields.need(DATE, (file, "Date", hint))?,
        quantity: fields.place(QUANTITY),
        period_start: fields.place(PERIOD_START),
        period_end: fields.place(PERIOD_END),
        list_price: fields.place(LIST_PRICE),
        list_cost: fields.place(LIST_COST),
        unit_price: fields.place(UNIT_PRICE),
    };
    let line = LineColumns::new(&fields, &LINE, &[]);
    for column in line.columns().iter().copied().chain(columns.all()) {
        first.check_type(column, file)?;
    }
    let order = dates::order(first, &columns, file)?;
    let single_hours = !fields.has(&["quantity"]) && fields.has(USAGE_QUANTITY);
    let mut details =
        CostDetails { line, columns, fields, order, single_hours, sight: Sight::default() };
    details.look(first);
    Ok(Box::new(details))
}

/// Where the numbers and dates are.
struct Columns {
    cost: usize,
    date: usize,
    quantity: Option<usize>,
    period_start: Option<usize>,
    period_end: Option<usize>,
    list_price: Option<usize>,
    list_cost: Option<usize>,
    unit_price: Option<usize>,
}

impl Columns {
    fn all(&self) -> impl Iterator<Item = usize> {
        let optional = [
            self.quantity,
            self.period_start,
            self.period_end,
            self.list_price,
            self.list_cost,
            self.unit_price,
        ];
        [self.cost, self.date].into_iter().chain(optional.into_iter().flatten())
    }
}

/// What the first rows show about the kind of export.
#[derive(Clone, Copy, Default)]
struct Sight {
    /// Purchases of commitments.
    purchases: bool,
    /// Covered usage that costs nothing.
    free: bool,
    /// Unused commitments, or covered usage that costs something.
    amortized: bool,
}

struct CostDetails {
    line: LineColumns<{ LINE.len() }>,
    columns: Columns,
    fields: Fields,
    order: dates::Order,
    single_hours: bool,
    sight: Sight,
}

impl CostDetails {
    /// Looks at the first rows for what only an actual or only an amortized export holds.
    fn look(&mut self, first: &RawTable) {
        let text = |place: usize, row: usize| match first.cell(self.line.column(place)?, row) {
            Cell::Text(text) => filled(Some(text)),
            _ => None,
        };
        let mut sight = Sight::default();
        for row in 0..first.len() {
            let committed = line::is_committed(text(PRICING_MODEL, row), text(RESERVATION, row));
            let charge = line::Charge::of(text(CHARGE_TYPE, row), committed);
            let cost = cell::atto(first.cell(self.columns.cost, row));
            match (charge, cost) {
                (line::Charge::ForLater, _) => sight.purchases = true,
                (line::Charge::Covered, Ok(Some((0, _)))) => sight.free = true,
                (line::Charge::Unused, _) | (line::Charge::Covered, Ok(Some(_))) => {
                    sight.amortized = true;
                }
                _ => {}
            }
        }
        self.sight = sight;
    }
}

impl Bound for CostDetails {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        line::Texts::of(&self.line.texts(texts)).line(self.single_hours).map_err(|(place, why)| {
            (self.line.column(place).map(|column| self.fields.header(column)), why)
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        columns::currency_in(self.line.texts(texts)[line::CURRENCY])
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        row::read(self, (table, row), line, out)
    }

    fn columns_used(&self) -> Vec<String> {
        self.fields.headers_of(self.line.columns().iter().copied().chain(self.columns.all()))
    }

    fn format(&self) -> String {
        let kind = match self.sight {
            Sight { amortized: true, purchases: false, .. } => " (amortized)",
            Sight { amortized: true, purchases: true, .. } => " (amortized, with purchases)",
            Sight { purchases: false, free: false, .. } => "",
            Sight { .. } => " (actual)",
        };
        format!("Azure cost details{kind}")
    }
}
