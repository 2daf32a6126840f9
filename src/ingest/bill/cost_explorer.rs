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
use super::super::rejected::excerpt;
use super::cells::{
    LineColumns, amount, any_is, charge, fault, is_one_of, names_of, number, optional,
    period_between, required,
};
use super::charge::{BillFormat, Bound, Costs, Fault, Line, Parts, QuantityUnit, Terms};
use crate::units::Currency;

pub(in crate::ingest) use document::{estimated, is_own, is_unfinished, table};
use group::Group;

const START: &str = "TimePeriod.Start";
const END: &str = "TimePeriod.End";
const BILLED: &[&[&str]] =
    &[&["Metrics.UnblendedCost.Amount"], &["Metrics.NetUnblendedCost.Amount"]];
const EFFECTIVE: &[&[&str]] =
    &[&["Metrics.AmortizedCost.Amount"], &["Metrics.NetAmortizedCost.Amount"]];
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
    let metric = |names: &[&[&str]]| names.iter().any(|it| is_one_of(header, it));
    is_one_of(header, &[START, END])
        || header.starts_with(GROUP_PREFIX)
        || metric(BILLED)
        || metric(EFFECTIVE)
        || metric(&[USAGE, USAGE_UNIT])
        || unit_header(header)
}

/// Whether a column holds the currency of a cost.
fn unit_header(header: &str) -> bool {
    header.starts_with("Metrics.") && header.ends_with("Cost.Unit")
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let ends = (required(first, file, &[START], HINT)?, required(first, file, &[END], HINT)?);
    let first_of = |choice: &[&[&'static str]]| {
        choice.iter().map(|it| optional(first, file, it)).find(|it| !matches!(it, Ok(None)))
    };
    let billed = first_of(BILLED).transpose()?.flatten();
    let effective = first_of(EFFECTIVE).transpose()?.flatten();
    if billed.is_none() && effective.is_none() {
        return Err(IngestError::MissingColumn {
            file: file.to_owned(),
            column: "UnblendedCost",
            hint: HINT.to_owned(),
        });
    }
    let (usage, usage_unit) = (optional(first, file, USAGE)?, optional(first, file, USAGE_UNIT)?);
    let groups: Vec<(usize, Group)> = (0..)
        .zip(&first.headers)
        .filter_map(|(at, it)| Some((at, Group::parse(it.strip_prefix(GROUP_PREFIX)?))))
        .collect();
    let currencies = [billed, effective].map(|it| {
        let cost = first.headers.get(it?)?.strip_suffix(".Amount")?;
        first.headers.iter().position(|header| header.strip_suffix(".Unit") == Some(cost))
    });
    let line = groups
        .iter()
        .map(|it| Some(it.0))
        .chain([currencies[0], currencies[1], usage_unit])
        .collect::<Vec<_>>();
    let others = [billed, effective, usage, Some(ends.0), Some(ends.1)];
    Ok(Box::new(Results {
        used: names_of(first, line.iter().copied().chain(others)),
        headers: first.headers.clone(),
        line: LineColumns::of(line),
        ends,
        billed,
        effective,
        usage,
        usage_unit,
        currencies,
        groups,
    }))
}

struct Results {
    line: LineColumns,
    headers: Vec<String>,
    /// Start and end.
    ends: (usize, usize),
    billed: Option<usize>,
    effective: Option<usize>,
    usage: Option<usize>,
    usage_unit: Option<usize>,
    /// Where the currencies of billed and effective cost stand.
    currencies: [Option<usize>; 2],
    groups: Vec<(usize, Group)>,
    used: Vec<String>,
}

impl Results {
    /// The currency of both costs.
    fn currency_of(&self, texts: &[Option<&str>]) -> Result<Option<Currency>, Fault> {
        let mut found = None;
        for column in self.currencies.into_iter().flatten() {
            let Some(text) = self.line.text(texts, Some(column)) else { continue };
            let header = || self.headers.get(column).cloned();
            let currency = Currency::parse(text).map_err(|_| {
                (header(), format!("`{}` is not a currency such as USD", excerpt(text)))
            })?;
            if found.is_some_and(|before| before != currency) {
                return Err((header(), "the costs of one row are in two currencies".to_owned()));
            }
            found = Some(currency);
        }
        Ok(found)
    }

    fn costs(&self, table: &RawTable, row: usize, out: &mut Parts) -> Result<Costs, Fault> {
        let mut read = |column: Option<usize>| match column {
            Some(column) => amount(table, column, row, out),
            None => Ok(None),
        };
        let costs = Costs {
            billed: read(self.billed)?,
            effective: read(self.effective)?,
            ..Costs::default()
        };
        // A metric that was asked for is in every group.
        for (column, cost) in [(self.billed, costs.billed), (self.effective, costs.effective)] {
            if let (Some(column), None) = (column, cost) {
                return Err(fault(table, column, "there is no amount"));
            }
        }
        Ok(costs)
    }
}

impl Bound for Results {
    fn line_columns(&self) -> &[usize] {
        self.line.as_slice()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let mut line = group::blank_line();
        line.currency = self.currency_of(texts)?;
        let unit = self.line.text(texts, self.usage_unit).unwrap_or_default();
        if matches!(unit, "Hrs" | "Hours" | "Hour") {
            line.unit = QuantityUnit::Hours(1.0);
        }
        for (column, group) in &self.groups {
            if let Some(text) = self.line.text(texts, Some(*column)) {
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
        let costs = self.costs(table, row, out)?;
        let hours = match self.usage {
            // What is no number is a fault of the row even where it counts no hours.
            Some(column) => {
                let is_hours = line.unit != QuantityUnit::None;
                number(table, column, row).map(|it| it.filter(|_| is_hours))
            }
            None => Ok(None),
        };
        charge(out, costs, period_between(table, self.ends, row), hours)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let by: Vec<&str> = self.groups.iter().map(|it| it.1.key()).collect();
        if by.is_empty() {
            "AWS Cost Explorer (ungrouped)".to_owned()
        } else {
            format!("AWS Cost Explorer (by {})", by.join(" and "))
        }
    }
}

#[cfg(test)]
mod tests;
