//! Google Cloud billing export, standard and detailed (`gcp_billing_export_resource_v1_*`), as JSON
//! lines or with its records flattened to `service.description` or `service_description`.
//!
//! `cost` is before credits, so a row is never read without them. Credits that are the price of
//! usage (committed and sustained use, negotiated spending, reseller margin, subscription) lower
//! billed and effective cost of their row; what is granted on top (promotions, free tier, kinds not
//! known) is a credit of its own. Σ cost + Σ credits is the invoice, over all cost types (Google,
//! "Structure of Detailed data export", read 2026-11).
//!
//! Google has no amortized export: a commitment is charged by fee rows (`Commitment v1: ...`) over
//! its term. It pays for usage through credits or, since 2025-07, through lower prices on usage and
//! a credit on the fee (`FEE_UTILIZATION_OFFSET`) that leaves the unused part. Either way the net of
//! a row counts once. Fee rows have no list cost: the usage that they cover has it.
//!
//! A commitment to resources (GPUs, cores, memory, local disks) takes its use off at the price without
//! it, by `COMMITTED_USAGE_DISCOUNT`. What it takes off is a part of the row, billed nothing and not
//! yet of a known cost; the fee is spread over such parts when the books close. Fee and use share no
//! id: what they have in common is the name in [`commitment`].

use chrono_tz::Tz;

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms,
};
use super::columns::{self, LineColumns, any_is, is_one_of};
use super::exact::share;
use super::reading::Reading;
use super::sums;
use crate::units::{Currency, Timestamp};

mod commitment;
mod credits;
mod line;
#[cfg(test)]
mod tests;

/// Google Cloud billing export.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

/// Columns of texts, in the order in which [`line::Texts`] takes them.
const LINE: [&[&str]; 18] = [
    &["currency"],
    &["costtype"],
    &["servicedescription"],
    &["skudescription"],
    &["projectid"],
    &["locationregion"],
    &["locationlocation"],
    &["resourceglobalname"],
    &["resourcename"],
    &["labels"],
    &["systemlabels"],
    &["usagepricingunit"],
    &["usageunit"],
    &["adjustmentinfotype"],
    &["adjustmentinfomode"],
    &["consumptionmodeldescription"],
    &["subscriptioninstanceid"],
    &["skuid"],
];
/// Place of the currency in [`LINE`].
const CURRENCY: usize = 0;
const COST: &[&str] = &["cost"];
const CREDITS: &[&str] = &["credits"];
const START: &[&str] = &["usage_start_time"];
const END: &[&str] = &["usage_end_time"];
const MONTH: &[&str] = &["invoicemonth"];
const LIST: &[&str] = &["costatlist"];
const CONTRACTED: &[&str] = &["costateffectivepricedefault"];
const PRICED_AMOUNT: &[&str] = &["usageamountinpricingunits"];
const AMOUNT: &[&str] = &["usageamount"];
const NUMBERS: [&[&str]; 9] =
    [COST, CREDITS, START, END, MONTH, LIST, CONTRACTED, PRICED_AMOUNT, AMOUNT];

fn fits(headers: &[String]) -> bool {
    let has = |names: &[&str]| any_is(headers, names);
    has(&["skudescription", "skuid", "servicedescription"])
        && has(COST)
        && has(START)
        && has(&["currency"])
}

fn wants(header: &str) -> bool {
    LINE.iter().chain(&NUMBERS).any(|names| is_one_of(header, names))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let whole = "this looks like a Google Cloud billing export: export it again with all columns";
    let bill =
        "a cost without its credits is more than the invoice: export the column `credits` as JSON";
    let mut found = columns::Columns::of(first, file);
    let columns = Columns {
        cost: found.need(COST, whole)?,
        credits: found.need(CREDITS, bill)?,
        start: found.need(START, whole)?,
        end: found.need(END, whole)?,
        month: found.find(MONTH)?,
        list: found.find(LIST)?,
        contracted: found.find(CONTRACTED)?,
        priced_amount: found.find(PRICED_AMOUNT)?,
        amount: found.find(AMOUNT)?,
    };
    let line = found.line(LINE, &[])?;
    let detailed = any_is(&first.headers, &["resourceglobalname", "resourcename"]);
    Ok(Box::new(Export { line, columns, detailed, used: found.used() }))
}

/// Where the numbers and times are.
struct Columns {
    cost: usize,
    credits: usize,
    start: usize,
    end: usize,
    month: Option<usize>,
    list: Option<usize>,
    contracted: Option<usize>,
    priced_amount: Option<usize>,
    amount: Option<usize>,
}

struct Export {
    line: LineColumns<{ LINE.len() }>,
    columns: Columns,
    detailed: bool,
    used: Vec<String>,
}

impl Export {
    /// The costs of a row: those of the usage itself, its credits if it has any, and what of it a
    /// commitment covers.
    fn costs(&self, read: &mut Reading<'_>, line: &Terms) -> Result<Amounts, Fault> {
        let cost = read.needed_cost(self.columns.cost)?;
        let column = self.columns.credits;
        let credits = credits::read(read, column).map_err(|why| read.fault(column, why))?;
        let net = cost.checked_add(credits.of_price);
        let net = net.ok_or_else(|| read.fault(column, "cost and credits are too large"))?;
        let mut costs = Costs { billed: Some(net), effective: Some(net), ..Costs::default() };
        if line.category != Some(ChargeCategory::Purchase) {
            costs.list = read.amount(self.columns.list);
            costs.contracted = read.amount(self.columns.contracted).or(Some(cost));
            // Taxes and adjustments have no price: where others are told theirs, it is their cost.
            if line.category != Some(ChargeCategory::Usage) && self.columns.list.is_some() {
                costs.list = costs.list.or(Some(cost));
            }
        }
        let spread = line.spread && line.category == Some(ChargeCategory::Usage);
        let covered = if spread { Covered::of(cost, credits.of_commitment) } else { None };
        Ok(Amounts { costs, credits, covered })
    }

    /// The first instant of the invoice's month, which is written 202605.
    fn month(&self, read: &mut Reading<'_>) -> Option<Timestamp> {
        let column = self.columns.month?;
        let month = |cell| {
            let Some(text) = cell::text(cell)? else { return Ok(None) };
            let (year, month) = match text.len() {
                6 if text.bytes().all(|it| it.is_ascii_digit()) => text.split_at(4),
                _ => return Err("the invoice month is not written as in 202605".to_owned()),
            };
            let first = Timestamp::parse(&format!("{year}-{month}-01"), Tz::UTC);
            first.map(Some).map_err(|why| why.to_string())
        };
        read.note(column, month(read.cell(column)))?
    }

    /// What was used, in hours where the line counts hours.
    fn quantity(&self, read: &mut Reading<'_>, line: &Terms) -> Option<f64> {
        let (column, per_hour) = match line::Counted::noted(line.own) {
            line::Counted::PricingUnits(per_hour) => (self.columns.priced_amount, per_hour),
            line::Counted::Other => (self.columns.priced_amount, 1.0),
            line::Counted::Seconds => (self.columns.amount, 3600.0),
            line::Counted::Nothing => return None,
        };
        read.number(column).map(|amount| amount / per_hour)
    }
}

/// The amounts of a row.
struct Amounts {
    costs: Costs,
    credits: credits::Credits,
    covered: Option<Covered>,
}

/// What a commitment covers of a row: so much of its cost, both of one sign.
#[derive(Clone, Copy)]
struct Covered {
    part: i128,
    whole: i128,
}

impl Covered {
    /// Of a cost and the credits of commitments to resources; of 10 and -3 it is 3 of 10.
    fn of(cost: i128, credit: i128) -> Option<Covered> {
        let takes_off = cost.signum() * credit.signum() < 0;
        let part = if credit.unsigned_abs() < cost.unsigned_abs() { -credit } else { cost };
        takes_off.then_some(Covered { part, whole: cost })
    }

    fn share(self, amount: i128) -> i128 {
        // It does not fit only where the amount itself hardly does.
        share(amount, self.part, self.whole).unwrap_or(0)
    }

    /// The two parts of a row. The covered one is billed nothing; the other takes what is left, and
    /// is none where nothing is.
    fn split(self, row: Part, counts: bool, out: &mut Reading<'_>) {
        let of_price = Costs {
            billed: Some(0),
            effective: None,
            list: row.costs.list.map(|it| self.share(it)),
            contracted: row.costs.contracted.map(|it| self.share(it)),
        };
        // In whole 10^-9, as they are added up.
        let quantity = row.quantity.and_then(sums::nano);
        let used = quantity.map(|it| self.share(it));
        let rest = quantity.zip(used).map(|(all, used)| all - used);
        let left = Part {
            costs: row.costs.less(&of_price).unwrap_or(row.costs),
            quantity: rest.filter(|it| counts && *it != 0).map(sums::from_nano),
            ..row
        };
        if left.quantity.is_some() || left.costs.each().iter().flatten().any(|it| *it != 0) {
            out.push(left);
        }
        let (kind, quantity) = (PartKind::Covered, used.map(sums::from_nano));
        out.push(Part { kind, costs: of_price, quantity, ..row });
    }
}

impl Bound for Export {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let currency = self.line.currency(texts, CURRENCY)?;
        let read = line::Texts::of(&self.line.texts(texts)).line();
        let line = read.map_err(|(field, why)| self.line.fault(field, why))?;
        Ok(Line { currency, ..line })
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
        let Amounts { costs, credits, covered } = self.costs(&mut read, line)?;
        let period = read.period((self.columns.start, self.columns.end));
        let billing_start = self.month(&mut read);
        let is_fee = line.spread && line.category == Some(ChargeCategory::Purchase);
        let counts = line.unit != QuantityUnit::None;
        let counted = counts || is_fee || covered.is_some();
        let quantity = if counted { self.quantity(&mut read, line) } else { None };
        let kind = if credits.leaves_unused { PartKind::Unused } else { PartKind::Main };
        let main = Part { kind, period, billing_start, costs, quantity };
        match covered {
            Some(covered) => covered.split(main, counts, &mut read),
            None => read.push(main),
        }
        if let Some(granted) = credits.granted {
            let amount = Some(granted);
            let costs = Costs {
                billed: amount,
                effective: amount,
                list: amount.filter(|_| costs.list.is_some()),
                contracted: amount.filter(|_| costs.contracted.is_some()),
            };
            read.push(Part { kind: PartKind::Credit, costs, quantity: None, ..main });
        }
        read.end()
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let kind = if self.detailed { "detailed" } else { "standard" };
        format!("Google Cloud billing export ({kind})")
    }
}
