//! Bills of Modal: `modal billing report`, as CSV or JSON.
//!
//! Columns: `modal/cli/billing.py` of Modal's client, read 2026-11-25. The CSV is headed `Object
//! ID`, `Description`, `Environment`, `Interval Start`, `Cost` and, where tags were asked for,
//! `Tags`; the JSON has the same in snake case; the SDK calls the environment `environment_name`.
//! Costs are Python decimals, so that zero may be `0E-10`. Times without an offset are UTC. Only
//! full intervals are in a report, and intervals without use are left out: a missing one is zero.
//!
//! The SDK's `cost_by_resource` splits a cost by kinds of resource. The report of the command line
//! has no such column, and Modal names no list of the kinds ("subject to change"), so nothing is
//! concluded from it: hours and GPUs of Modal are not known from its bill.

use std::collections::{BTreeMap, BTreeSet};

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::bucket::Bucket;
use super::charge::{BillFormat, Bound, ChargeCategory, Fault, Line, Parts, Terms};
use super::columns::{Columns, LineColumns, NOT_TAGS, any_is, is_one_of, tags};
use super::reading::{Reading, same_costs};
use crate::units::{Currency, Period, Timestamp};
use crate::usage::PricingCategory;

const OBJECT: &str = "object_id";
const DESCRIPTION: &str = "description";
const ENVIRONMENT: &[&str] = &["environment", "environment_name"];
const START: &str = "interval_start";
const COST: &str = "cost";
const TAGS: &str = "tags";
/// Place of the tags in the line.
const TAGS_AT: usize = 3;
/// In [`Line::own`]: its tags could not be read, and its rows are refused for that.
const BAD_TAGS: u8 = 1;
const HINT: &str = "write the report with `modal billing report --csv` or `--json`";

/// Reports by hour or by day.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

fn fits(headers: &[String]) -> bool {
    [OBJECT, DESCRIPTION, START, COST].iter().all(|it| any_is(headers, &[it]))
        && any_is(headers, ENVIRONMENT)
}

fn wants(header: &str) -> bool {
    is_one_of(header, &[OBJECT, DESCRIPTION, START, COST, TAGS]) || is_one_of(header, ENVIRONMENT)
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    columns.need(&[OBJECT], HINT)?;
    let start = columns.need(&[START], HINT)?;
    let cost = columns.need(&[COST], HINT)?;
    let starts: BTreeSet<Timestamp> =
        (0..first.len()).filter_map(|row| cell::utc_at(first, start, row).ok()?).collect();
    // A report is by hour or by day: midnights weeks or months apart are days too.
    let spaced = Bucket::between(&starts);
    let interval = if spaced == Some(Bucket::Hour) { Bucket::Hour } else { Bucket::Day };
    let line = columns.line([&[OBJECT], &[DESCRIPTION], ENVIRONMENT, &[TAGS]], &[])?;
    let (assumed, used) = (spaced.is_none(), columns.used());
    Ok(Box::new(Report { line, start, cost, interval, assumed, used }))
}

struct Report {
    /// Object, description, environment, tags.
    line: LineColumns<4>,
    start: usize,
    cost: usize,
    interval: Bucket,
    /// The interval is not seen in the file.
    assumed: bool,
    used: Vec<String>,
}

impl Report {
    fn period(&self, read: &Reading<'_>) -> Result<Period, Fault> {
        let start = read.instant(self.start, "start")?;
        self.interval.from(start, start).ok_or_else(|| {
            let interval = self.interval.as_str();
            let reason = format!(
                "{start} does not begin an interval of a {interval}, which the first rows are"
            );
            read.fault(self.start, reason)
        })
    }
}

impl Bound for Report {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let [object, description, environment, tagged] = self.line.texts(texts);
        let read = tagged.map_or(Some(BTreeMap::new()), tags);
        let own = if read.is_none() { BAD_TAGS } else { 0 };
        let mut found = read.unwrap_or_default();
        if let Some(environment) = environment {
            found.entry("environment".to_owned()).or_insert(environment.to_owned());
        }
        Ok(Line {
            provider: Some("modal".to_owned()),
            currency: Some(Currency::USD),
            category: Some(ChargeCategory::Usage),
            pricing: PricingCategory::Serverless,
            resource_id: object.map(str::to_owned),
            resource_name: description.map(str::to_owned),
            service: Some("Modal".to_owned()),
            workload: description.or(object).map(str::to_owned),
            tags: found,
            own,
            ..Line::default()
        })
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let costs = same_costs(read.needed_cost(self.cost)?);
        let period = self.period(&read);
        let period = read.keep(period).unwrap_or(Period::EPOCH_DAY);
        if let Some(column) = self.line.column(TAGS_AT).filter(|_| line.own == BAD_TAGS) {
            read.fail(column, NOT_TAGS);
        }
        read.charge(costs, period, None)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let assumed = if self.assumed { ", assumed from a single start" } else { "" };
        format!("Modal billing report (by {}{assumed})", self.interval.as_str())
    }
}

#[cfg(test)]
mod tests;
