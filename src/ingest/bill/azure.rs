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
use super::columns::{self, LineColumns, filled, is_one_of};
use super::reading::Reading;
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
/// Place of the currency in [`LINE`].
const CURRENCY: usize = 2;
/// Place of the reservation in [`LINE`].
const RESERVATION: usize = 5;
const COST: &[&str] = &["CostInBillingCurrency", "PreTaxCost", "Cost"];
const DATE: &[&str] = &["Date", "UsageDateTime"];
const QUANTITY: &[&str] = &["quantity", "usagequantity"];
const PERIOD_START: &[&str] = &["billingperiodstartdate"];
const PERIOD_END: &[&str] = &["billingperiodenddate"];
const LIST_PRICE: &[&str] = &["paygprice"];
const LIST_COST: &[&str] = &["paygcostinbillingcurrency"];
const UNIT_PRICE: &[&str] = &["unitprice"];
const HINT: &str = "this looks like Azure cost details: export them again with all columns";
const NUMBERS: [&[&str]; 8] =
    [COST, DATE, QUANTITY, PERIOD_START, PERIOD_END, LIST_PRICE, LIST_COST, UNIT_PRICE];

/// The name in a header: of `Maßeinheit (UnitOfMeasure)` what stands in brackets.
fn english(header: &str) -> &str {
    let bracketed = header.trim().strip_suffix(')').and_then(|it| it.rsplit_once('('));
    bracketed.map_or(header, |(_, english)| english)
}

fn has(headers: &[String], names: &[&str]) -> bool {
    headers.iter().any(|it| is_one_of(english(it), names))
}

fn fits(headers: &[String]) -> bool {
    let meter = has(headers, &["metercategory"]) && has(headers, &["meterid", "metername"]);
    meter && has(headers, COST) && has(headers, DATE)
}

fn wants(header: &str) -> bool {
    LINE.iter().chain(&NUMBERS).any(|names| is_one_of(english(header), names))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut found = columns::Columns::ranked(first, file, english);
    let columns = Columns {
        cost: found.need(COST, HINT)?,
        date: found.need(DATE, HINT)?,
        quantity: found.find(QUANTITY)?,
        period_start: found.find(PERIOD_START)?,
        period_end: found.find(PERIOD_END)?,
        list_price: found.find(LIST_PRICE)?,
        list_cost: found.find(LIST_COST)?,
        unit_price: found.find(UNIT_PRICE)?,
    };
    let line = found.line(LINE, &[])?;
    let order = dates::order(first, &columns, file)?;
    // The quantity of pay as you go counts single hours under a unit of 100 Hours.
    let single_hours =
        !has(&first.headers, &["quantity"]) && has(&first.headers, &["usagequantity"]);
    let (used, sight) = (found.used(), Sight::default());
    let mut details = CostDetails { line, columns, used, order, single_hours, sight };
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
    used: Vec<String>,
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
        let read = line::Texts::of(&self.line.texts(texts)).line(self.single_hours);
        Ok(Line { currency: self.line.currency(texts, CURRENCY)?, ..read })
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
        row::read(self, Reading::of((table, row), out), line)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
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
