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
use super::super::raw::RawTable;
use super::bucket::Bucket;
use super::cells::{
    LineColumns, NOT_TAGS, any_is, charge, fault, instant, is_one_of, names_of, needed_amount,
    optional, required, same_costs, tags,
};
use super::charge::{BillFormat, Bound, ChargeCategory, Fault, Line, Parts, Terms};
use crate::units::{Currency, Period, Timestamp};
use crate::usage::PricingCategory;

const OBJECT: &str = "object_id";
const DESCRIPTION: &str = "description";
const ENVIRONMENT: &[&str] = &["environment", "environment_name"];
const START: &str = "interval_start";
const COST: &str = "cost";
const TAGS: &str = "tags";
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
    let object = required(first, file, &[OBJECT], HINT)?;
    let start = required(first, file, &[START], HINT)?;
    let cost = required(first, file, &[COST], HINT)?;
    let description = optional(first, file, &[DESCRIPTION])?;
    let environment = optional(first, file, ENVIRONMENT)?;
    let tags = optional(first, file, &[TAGS])?;
    let starts: BTreeSet<Timestamp> =
        (0..first.len()).filter_map(|row| instant(first, start, row).ok()).collect();
    // A report is by hour or by day: midnights weeks or months apart are days too.
    let spaced = Bucket::between(&starts);
    let interval = if spaced == Some(Bucket::Hour) { Bucket::Hour } else { Bucket::Day };
    let line = [Some(object), description, environment, tags];
    Ok(Box::new(Report {
        used: names_of(first, line.into_iter().chain([Some(start), Some(cost)])),
        line: LineColumns::of(line),
        assumed: spaced.is_none(),
        object,
        description,
        environment,
        tags,
        start,
        cost,
        interval,
    }))
}

struct Report {
    line: LineColumns,
    object: usize,
    description: Option<usize>,
    environment: Option<usize>,
    tags: Option<usize>,
    start: usize,
    cost: usize,
    interval: Bucket,
    /// The interval is not seen in the file.
    assumed: bool,
    used: Vec<String>,
}

impl Report {
    fn period(&self, table: &RawTable, row: usize) -> Result<Period, Fault> {
        let start = instant(table, self.start, row)?;
        self.interval.from(start, start).ok_or_else(|| {
            let interval = self.interval.as_str();
            let reason = format!(
                "{start} does not begin an interval of a {interval}, which the first rows are"
            );
            fault(table, self.start, reason)
        })
    }
}

impl Bound for Report {
    fn line_columns(&self) -> &[usize] {
        self.line.as_slice()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let text = |column| self.line.text(texts, column).map(str::to_owned);
        let read = self.line.text(texts, self.tags).map_or(Some(BTreeMap::new()), tags);
        let own = if read.is_none() { BAD_TAGS } else { 0 };
        let mut found = read.unwrap_or_default();
        if let Some(environment) = text(self.environment) {
            found.entry("environment".to_owned()).or_insert(environment);
        }
        Ok(Line {
            provider: Some("modal".to_owned()),
            currency: Some(Currency::USD),
            category: Some(ChargeCategory::Usage),
            pricing: PricingCategory::Serverless,
            resource_id: text(Some(self.object)),
            resource_name: text(self.description),
            service: Some("Modal".to_owned()),
            workload: text(self.description).or_else(|| text(Some(self.object))),
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
        let costs = same_costs(needed_amount(table, self.cost, row, out)?);
        charge(out, costs, self.period(table, row), Ok(None))?;
        match self.tags {
            Some(column) if line.own == BAD_TAGS => Err(fault(table, column, NOT_TAGS)),
            _ => Ok(()),
        }
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
