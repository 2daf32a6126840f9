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
use super::columns::{self, plain};
use super::exact::share;
use super::fields::{Fields, LineColumns, amount_at, header_of, needed_amount_at, number_at};
use super::sums;
use crate::units::{Currency, Period, Timestamp};

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
const COST: &[&str] = &["cost"];
const CREDITS: &[&str] = &["credits"];
const START: &[&str] = &["usagestarttime"];
const END: &[&str] = &["usageendtime"];
const MONTH: &[&str] = &["invoicemonth"];
const LIST: &[&str] = &["costatlist"];
const CONTRACTED: &[&str] = &["costateffectivepricedefault"];
const PRICED_AMOUNT: &[&str] = &["usageamountinpricingunits"];
const AMOUNT: &[&str] = &["usageamount"];
const NUMBERS: [&[&str]; 9] =
    [COST, CREDITS, START, END, MONTH, LIST, CONTRACTED, PRICED_AMOUNT, AMOUNT];

fn fits(headers: &[String]) -> bool {
    let fields = Fields::new(headers, plain);
    let described = fields.has(&["skudescription", "skuid", "servicedescription"]);
    described && fields.has(COST) && fields.has(START) && fields.has(&["currency"])
}

fn wants(header: &str) -> bool {
    let name = plain(header);
    LINE.iter().chain(&NUMBERS).any(|names| names.contains(&name.as_str()))
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let fields = Fields::new(&first.headers, plain);
    fields.check_once(LINE.iter().chain(&NUMBERS).copied().flatten(), file)?;
    let whole = "this looks like a Google Cloud billing export: export it again with all columns";
    let bill =
        "a cost without its credits is more than the invoice: export the column `credits` as JSON";
    let columns = Columns {
        cost: fields.need(COST, (file, "cost", whole))?,
        credits: fields.need(CREDITS, (file, "credits", bill))?,
        start: fields.need(START, (file, "usage_start_time", whole))?,
        end: fields.need(END, (file, "usage_end_time", whole))?,
        month: fields.place(MONTH),
        list: fields.place(LIST),
        contracted: fields.place(CONTRACTED),
        priced_amount: fields.place(PRICED_AMOUNT),
        amount: fields.place(AMOUNT),
    };
    let line = LineColumns::new(&fields, &LINE, &[]);
    for column in line.columns().iter().copied().chain(columns.all()) {
        first.check_type(column, file)?;
    }
    Ok(Box::new(Export { line, columns, fields }))
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

impl Columns {
    fn all(&self) -> impl Iterator<Item = usize> {
        let optional = [self.month, self.list, self.contracted, self.priced_amount, self.amount];
        [self.cost, self.credits, self.start, self.end]
            .into_iter()
            .chain(optional.into_iter().flatten())
    }
}

struct Export {
    line: LineColumns<{ LINE.len() }>,
    columns: Columns,
    fields: Fields,
}

impl Export {
    /// The costs of a row: those of the usage itself, its credits if it has any, and what of it a
    /// commitment covers.
    fn costs(
        &self,
        at: (&RawTable, usize),
        line: &Terms,
        out: &mut Parts,
    ) -> Result<Amounts, Fault> {
        let cost = needed_amount_at(at, self.columns.cost, out)?;
        let column = self.columns.credits;
        let credits = credits::read(at.0.cell(column, at.1), out)
            .map_err(|why| (header_of(at.0, column), why))?;
        let too_large = || (header_of(at.0, column), "cost and credits are too large".to_owned());
        let net = cost.checked_add(credits.of_price).ok_or_else(too_large)?;
        let mut costs = Costs { billed: Some(net), effective: Some(net), ..Costs::default() };
        if line.category != Some(ChargeCategory::Purchase) {
            costs.list = amount_at(at, self.columns.list, out)?;
            costs.contracted = amount_at(at, self.columns.contracted, out)?.or(Some(cost));
            // Taxes and adjustments have no price: where others are told theirs, it is their cost.
            if line.category != Some(ChargeCategory::Usage) && self.columns.list.is_some() {
                costs.list = costs.list.or(Some(cost));
            }
        }
        let spread = line.spread && line.category == Some(ChargeCategory::Usage);
        let covered = if spread { Covered::of(cost, credits.of_commitment) } else { None };
        Ok(Amounts { costs, credits, covered })
    }

    /// When a row was used.
    fn period(&self, table: &RawTable, row: usize) -> Result<Period, Fault> {
        let instant = |column: usize| {
            cell::time(table.cell(column, row), Tz::UTC)
                .and_then(|it| it.ok_or_else(|| "the time is empty".to_owned()))
                .map_err(|why| (header_of(table, column), why))
        };
        let (start, end) = (instant(self.columns.start)?, instant(self.columns.end)?);
        columns::period(start, end).map_err(|why| (header_of(table, self.columns.end), why))
    }

    /// The first instant of the invoice's month, which is written 202605.
    fn month(&self, table: &RawTable, row: usize) -> Result<Option<Timestamp>, Fault> {
        let Some(column) = self.columns.month else { return Ok(None) };
        let fault = |why: String| (header_of(table, column), why);
        let Some(text) = cell::text(table.cell(column, row)).map_err(fault)? else {
            return Ok(None);
        };
        let (year, month) = match text.len() {
            6 if text.bytes().all(|it| it.is_ascii_digit()) => text.split_at(4),
            _ => return Err(fault("the invoice month is not written as in 202605".to_owned())),
        };
        let first = Timestamp::parse(&format!("{year}-{month}-01"), Tz::UTC);
        first.map(Some).map_err(|why| fault(why.to_string()))
    }

    /// What was used, in hours where the line counts hours.
    fn quantity(&self, at: (&RawTable, usize), line: &Terms) -> Result<Option<f64>, Fault> {
        let (column, per_hour) = match line::Counted::noted(line.own) {
            line::Counted::PricingUnits(per_hour) => (self.columns.priced_amount, per_hour),
            line::Counted::Other => (self.columns.priced_amount, 1.0),
            line::Counted::Seconds => (self.columns.amount, 3600.0),
            line::Counted::Nothing => return Ok(None),
        };
        Ok(number_at(at, column)?.map(|amount| amount / per_hour))
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
    fn split(self, row: Part, counts: bool, out: &mut Parts) {
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
        line::Texts::of(&self.line.texts(texts)).line().map_err(|(place, why)| {
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
        let at = (table, row);
        let Amounts { costs, credits, covered } = self.costs(at, line, out)?;
        let (period, month) = (self.period(table, row), self.month(table, row));
        let is_fee = line.spread && line.category == Some(ChargeCategory::Purchase);
        let counts = line.unit != QuantityUnit::None;
        let quantity =
            if counts || is_fee || covered.is_some() { self.quantity(at, line) } else { Ok(None) };
        let main = Part {
            kind: if credits.leaves_unused { PartKind::Unused } else { PartKind::Main },
            period: period.clone().unwrap_or(Period::EPOCH_DAY),
            billing_start: month.as_ref().ok().copied().flatten(),
            costs,
            quantity: quantity.as_ref().ok().copied().flatten(),
        };
        match covered {
            Some(covered) => covered.split(main, counts, out),
            None => out.push(main),
        }
        if let Some(granted) = credits.granted {
            let amount = Some(granted);
            let costs = Costs {
                billed: amount,
                effective: amount,
                list: amount.filter(|_| costs.list.is_some()),
                contracted: amount.filter(|_| costs.contracted.is_some()),
            };
            out.push(Part { kind: PartKind::Credit, costs, quantity: None, ..main });
        }
        period.and(month).and(quantity).map(|_| ())
    }

    fn columns_used(&self) -> Vec<String> {
        self.fields.headers_of(self.line.columns().iter().copied().chain(self.columns.all()))
    }

    fn format(&self) -> String {
        let detailed = self.fields.has(&["resourceglobalname", "resourcename"]);
        let kind = if detailed { "detailed" } else { "standard" };
        format!("Google Cloud billing export ({kind})")
    }
}
