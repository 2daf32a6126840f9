//! Bills of AWS Cost Explorer: the JSON of `aws ce get-cost-and-usage`.
//!
//! Fields: the API reference of `GetCostAndUsage`, `ResultByTime`, `Group` and `MetricValue`, read
//! 2026-11-25. A document has one row for each period and group. What the keys of a group mean
//! stands in `GroupDefinitions`; [`table`] writes it into the headers, as in
//! `Group.DIMENSION.SERVICE` and `Group.TAG.team`. Billed cost is `UnblendedCost`
//! (`NetUnblendedCost` where that alone was asked for), effective cost is `AmortizedCost` (else
//! `NetAmortizedCost`); `BlendedCost`, an average over the accounts of an organization, is neither.
//! There are no resource ids, unless the groups are made by `RESOURCE_ID`.

mod document;
mod group;

use super::super::IngestError;
use super::super::raw::RawTable;
use super::charge::{BillFormat, Bound, Costs, Fault, Line, Parts, QuantityUnit, Terms};
use super::columns::{Columns, LineColumns, any_is, is_one_of};
use super::reading::Reading;
use crate::units::Currency;

pub(in crate::ingest) use document::{estimated, is_own, is_unfinished, table};
use group::Group;

const START: &str = "TimePeriod.Start";
const END: &str = "TimePeriod.End";
const BILLED: &[&str] = &["Metrics.UnblendedCost.Amount", "Metrics.NetUnblendedCost.Amount"];
const EFFECTIVE: &[&str] = &["Metrics.AmortizedCost.Amount", "Metrics.NetAmortizedCost.Amount"];
const USAGE: &[&str] = &["Metrics.UsageQuantity.Amount"];
const USAGE_UNIT: &[&str] = &["Metrics.UsageQuantity.Unit"];
const GROUP_PREFIX: &str = "Group.";
const HINT: &str = "ask for the metrics with `--metrics UnblendedCost AmortizedCost UsageQuantity`";

/// Cost and usage by period and group.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

fn fits(headers: &[String]) -> bool {
    any_is(headers, &[START])
        && any_is(headers, &[END])
        && headers.iter().any(|it| it.starts_with("Metrics."))
}

fn wants(header: &str) -> bool {
    [&[START, END], BILLED, EFFECTIVE, USAGE, USAGE_UNIT].iter().any(|it| is_one_of(header, it))
        || header.starts_with(GROUP_PREFIX)
        || unit_header(header)
}

/// Whether a column holds the currency of a cost.
fn unit_header(header: &str) -> bool {
    header.starts_with("Metrics.") && header.ends_with("Cost.Unit")
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::ranked(first, file, |it| it);
    let ends = (columns.need(&[START], HINT)?, columns.need(&[END], HINT)?);
    let (billed, effective) = (columns.find(BILLED)?, columns.find(EFFECTIVE)?);
    if billed.is_none() && effective.is_none() {
        return Err(IngestError::MissingColumn {
            file: file.to_owned(),
            column: "UnblendedCost",
            hint: HINT.to_owned(),
        });
    }
    let usage = columns.find(USAGE)?;
    let (group_columns, groups): (Vec<usize>, Vec<Group>) = (0..)
        .zip(&first.headers)
        .filter_map(|(at, it)| Some((at, Group::parse(it.strip_prefix(GROUP_PREFIX)?))))
        .unzip();
    let currency_of = |it: Option<usize>| {
        let cost = first.headers.get(it?)?.strip_suffix(".Amount")?;
        first.headers.iter().position(|header| header.strip_suffix(".Unit") == Some(cost))
    };
    let fields = [currency_of(billed), currency_of(effective), columns.find(USAGE_UNIT)?];
    let line = columns.line_of(fields, &group_columns)?;
    let used = columns.used();
    Ok(Box::new(Results { line, ends, billed, effective, usage, groups, used }))
}

struct Results {
    /// The currencies of billed and effective cost, the unit of usage, and the groups behind.
    line: LineColumns<3>,
    /// Start and end.
    ends: (usize, usize),
    billed: Option<usize>,
    effective: Option<usize>,
    usage: Option<usize>,
    groups: Vec<Group>,
    used: Vec<String>,
}

impl Results {
    /// The currency of both costs.
    fn currency_of(&self, texts: &[Option<&str>]) -> Result<Option<Currency>, Fault> {
        let mut found = None;
        for field in [0, 1] {
            let Some(currency) = self.line.currency(texts, field)? else { continue };
            if found.is_some_and(|before| before != currency) {
                return Err(self.line.fault(field, "the costs of one row are in two currencies"));
            }
            found = Some(currency);
        }
        Ok(found)
    }
}

impl Bound for Results {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let mut line = group::blank_line();
        line.currency = self.currency_of(texts)?;
        let [_, _, unit] = self.line.texts(texts);
        if matches!(unit, Some("Hrs" | "Hours" | "Hour")) {
            line.unit = QuantityUnit::Hours(1.0);
        }
        for (group, text) in self.groups.iter().zip(self.line.more(texts)) {
            if let Some(text) = text {
                group.write(text, &mut line);
            }
        }
        Ok(line)
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        self.currency_of(texts).ok().map(|it| it.unwrap_or(Currency::USD))
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        // A metric that was asked for is in every group.
        let billed = self.billed.and_then(|it| read.cost(it));
        let effective = self.effective.and_then(|it| read.cost(it));
        let costs = Costs { billed, effective, ..Costs::default() };
        let period = read.period(self.ends);
        // What is no number is a fault of the row even where it counts no hours.
        let hours = read.number(self.usage).filter(|_| line.unit != QuantityUnit::None);
        read.charge(costs, period, hours)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let by: Vec<&str> = self.groups.iter().map(Group::key).collect();
        if by.is_empty() {
            "AWS Cost Explorer (ungrouped)".to_owned()
        } else {
            format!("AWS Cost Explorer (by {})", by.join(" and "))
        }
    }
}

#[cfg(test)]
mod tests;
