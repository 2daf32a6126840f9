//! Allocations of `OpenCost`: the JSON of its API, its CSV export, and the Parquet of its exporter.
//!
//! An allocation divides the cost of a cluster among its pods at the prices `OpenCost` was given.
//! It is no invoice: it repeats the money of the cloud's bill, and the two must not be added.
//!
//! Fields: `core/pkg/opencost/allocation_json.go` and `pkg/costmodel/csv_export.go` of
//! opencost/opencost, and `src/rename_cols.json` of opencost/opencost-parquet-exporter, read
//! 2026-11-25. The currency is in none of them. `gpuHours` are those that were allocated; the CSV
//! has only `GPUs`, the mean while the pod ran, and not how long it ran, so that its GPU-hours are
//! not known. `gpuUsageAverage` counts GPUs and `gpuEfficiency` is a ratio: neither is money or
//! time billed, and neither is read.

mod document;

use std::collections::BTreeMap;

use super::super::IngestError;
use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::charge::{BillFormat, Bound, ChargeCategory, Fault, Line, Parts, QuantityUnit, Terms};
use super::columns::{Columns, LineColumns, NOT_TAGS, any_is, is_one_of, tags};
use super::reading::{Reading, same_costs};
use crate::units::Period;

pub(in crate::ingest) use document::{is_own, table};

/// Columns of texts, in the order in which the line takes them; single labels come behind.
const LINE: [&[&str]; 7] = [
    &["name"],
    &["properties.namespace", "Namespace"],
    &["properties.controller", "ControllerName"],
    &["properties.pod", "Pod"],
    &["properties.providerID"],
    &["properties.labels", "Labels"],
    &["gpuCount", "GPUs"],
];
/// Places in [`LINE`].
const LABEL_OBJECT: usize = 5;
const GPU_COUNT: usize = 6;
const GPU_HOURS: &[&str] = &["gpuHours"];
const TOTAL: &[&str] = &["totalCost"];
const START: &[&str] = &["start", "running_start_time"];
const END: &[&str] = &["end", "running_end_time"];
const WINDOW_START: &[&str] = &["window.start"];
const WINDOW_END: &[&str] = &["window.end"];
const DATE: &[&str] = &["Date"];
/// What starts the header of a column that holds one label, in lower case.
const LABEL_PREFIXES: &[&str] = &["properties.labels.", "properties_labels_", "label."];
const HINT: &str = "save the whole answer of `/allocation/compute`, or the export as it is";
/// In [`Line::own`]: its labels could not be read, and its rows are refused for that.
const BAD_TAGS: u8 = 1;
const DAY_US: i64 = 24 * 3_600_000_000;

/// What `OpenCost` calls the cost of what no pod asked for, of what has no owner, and of volumes
/// that no pod mounts.
const IDLE: &str = "__idle__";
const UNALLOCATED: &str = "__unallocated__";
const UNMOUNTED: &str = "__unmounted__";

/// All three forms.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

fn fits(headers: &[String]) -> bool {
    let all = |names: &[&[&str]]| names.iter().all(|it| any_is(headers, it));
    let is_csv = all(&[DATE, &["Namespace"], &["ControllerName"], TOTAL]);
    is_csv || all(&[&["name"], START, END, TOTAL, &["cpuCost", "gpuCost"]])
}

fn wants(header: &str) -> bool {
    let numbers = [GPU_HOURS, TOTAL, START, END, WINDOW_START, WINDOW_END, DATE];
    LINE.iter().chain(&numbers).any(|it| is_one_of(header, it)) || label_of(header).is_some()
}

/// The label that a column of its own holds.
fn label_of(header: &str) -> Option<&str> {
    let lower = header.to_ascii_lowercase();
    let prefix = LABEL_PREFIXES.iter().find(|it| lower.starts_with(**it))?;
    header.get(prefix.len()..).filter(|it| !it.is_empty())
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    let total = columns.need(TOTAL, HINT)?;
    let when = match columns.find(DATE)? {
        Some(date) => When::Day(date),
        None => When::Run {
            ends: (columns.need(START, HINT)?, columns.need(END, HINT)?),
            window: columns.find(WINDOW_START)?.zip(columns.find(WINDOW_END)?),
        },
    };
    let (label_columns, labels): (Vec<usize>, Vec<String>) = (0..)
        .zip(&first.headers)
        .filter_map(|(at, header)| Some((at, label_of(header)?.to_owned())))
        .unzip();
    Ok(Box::new(Allocations {
        line: columns.line(LINE, &label_columns)?,
        labels,
        gpu_hours: columns.find(GPU_HOURS)?,
        total,
        when,
        form: match when {
            When::Day(_) => "CSV export",
            When::Run { .. } if any_is(&first.headers, &["running_start_time"]) => "Parquet export",
            When::Run { .. } => "JSON",
        },
        used: columns.used(),
    }))
}

/// Which columns tell the period.
#[derive(Clone, Copy)]
enum When {
    /// A whole day of UTC.
    Day(usize),
    /// From start to end of what ran, or the window where it ran for no time.
    Run { ends: (usize, usize), window: Option<(usize, usize)> },
}

struct Allocations {
    /// The columns of [`LINE`], and those of single labels behind.
    line: LineColumns<{ LINE.len() }>,
    labels: Vec<String>,
    gpu_hours: Option<usize>,
    total: usize,
    when: When,
    form: &'static str,
    used: Vec<String>,
}

impl Allocations {
    /// The labels; `None` where they cannot be read.
    fn tags(&self, texts: &[Option<&str>]) -> Option<BTreeMap<String, String>> {
        let object = self.line.texts(texts)[LABEL_OBJECT];
        let mut found = object.map_or(Some(BTreeMap::new()), tags)?;
        let single = self.labels.iter().zip(self.line.more(texts));
        found.extend(single.filter_map(|(label, text)| Some((label.clone(), text?.to_owned()))));
        Some(found)
    }

    fn period(&self, read: &Reading<'_>) -> Result<Period, Fault> {
        match self.when {
            When::Day(column) => {
                let start = read.instant(column, "start")?;
                Period::new(start, start.plus_us(DAY_US))
                    .filter(|_| start == start.floor_to(DAY_US))
                    .ok_or_else(|| read.fault(column, format!("{start} is not a date")))
            }
            When::Run { ends, window } => read
                .between(ends)
                .or_else(|fault| window.and_then(|window| read.between(window).ok()).ok_or(fault)),
        }
    }

    /// The exact cost, or that of the float which a CSV export wrote with more than 18 decimals.
    fn cost(&self, read: &mut Reading<'_>) -> Result<i128, Fault> {
        read.needed_cost(self.total).or_else(|fault| {
            let Cell::Text(text) = read.cell(self.total) else { return Err(fault) };
            let float = text.trim().parse().ok().and_then(|it| cell::atto(Cell::Float(it)).ok()?);
            read.counted(float).ok_or(fault)
        })
    }
}

impl Bound for Allocations {
    /// The count of GPUs is among them although it is a number: it tells whether the line has GPUs,
    /// and hardly changes while a pod runs.
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let [name, namespace, controller, pod, provider_id, _, gpus] = self.line.texts(texts);
        let of_cluster = cluster_cost(name.or(namespace));
        // A count that cannot be read is a fault of the row.
        let gpus = gpus.and_then(|it| cell::quantity(Cell::Text(it)).ok()?);
        let has_gpus = gpus.is_none_or(|it| it > 0.0) && self.gpu_hours.is_some();
        let owned = |text: Option<&str>| {
            let text = text.filter(|it| of_cluster.is_none() && !is_made_up(it));
            text.map(str::to_owned)
        };
        let labels = self.tags(texts);
        let resource_name = of_cluster.or(name).map(str::to_owned);
        Ok(Line {
            provider: provider_id.and_then(provider_of),
            category: Some(ChargeCategory::Usage),
            resource_name,
            service: Some(match of_cluster {
                Some(name) => format!("OpenCost {name}: cost of the cluster that no pod has"),
                None => "OpenCost allocation".to_owned(),
            }),
            gpu_count: gpus.filter(|it| *it > 0.0),
            unit: if has_gpus { QuantityUnit::GpuHours } else { QuantityUnit::None },
            own: if labels.is_none() { BAD_TAGS } else { 0 },
            tags: labels.unwrap_or_default(),
            workload: owned(controller),
            namespace: owned(namespace),
            pod: owned(pod),
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
        let costs = same_costs(self.cost(&mut read)?);
        let period = self.period(&read);
        let period = read.keep(period).unwrap_or(Period::EPOCH_DAY);
        read.quantity(self.line.column(GPU_COUNT));
        let gpu_hours = self.gpu_hours.filter(|_| line.unit == QuantityUnit::GpuHours);
        let hours = read.quantity(gpu_hours);
        if let Some(column) = self.line.column(LABEL_OBJECT).filter(|_| line.own == BAD_TAGS) {
            read.fail(column, NOT_TAGS);
        }
        read.charge(costs, period, hours)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let form = self.form;
        format!("OpenCost allocation ({form}; shares of a cluster's cost, not an invoice)")
    }
}

/// Whether a name is one that `OpenCost` made up for what has none.
fn is_made_up(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Which cost of the cluster an allocation of this name is, if it is nobody's: idle, unmounted, or
/// unallocated as a whole. `ns/__unallocated__` belongs to a namespace and is not.
fn cluster_cost(name: Option<&str>) -> Option<&'static str> {
    let segments = || name.into_iter().flat_map(|it| it.split('/'));
    if segments().any(|it| it == IDLE) {
        Some(IDLE)
    } else if segments().any(|it| it == UNMOUNTED) {
        Some(UNMOUNTED)
    } else if name.is_some() && segments().all(|it| it == UNALLOCATED) {
        Some(UNALLOCATED)
    } else {
        None
    }
}

/// The provider of a node by its id: `aws:///us-east-1a/i-0c..`, `gce://..`, `azure://..`,
/// `ocid1.instance..`, or the bare id of an EC2 instance, which `OpenCost` cuts out.
fn provider_of(id: &str) -> Option<String> {
    let id = id.trim().to_ascii_lowercase();
    let is_ec2 = |it: &str| {
        it.strip_prefix("i-")
            .is_some_and(|hex| hex.len() >= 8 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let name = match id.split_once("://").map(|it| it.0) {
        Some("aws") => "aws",
        Some("azure") => "azure",
        Some("gce") => "gcp",
        Some("oci") => "oci",
        None if is_ec2(&id) => "aws",
        None if id.starts_with("ocid1.") => "oci",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests;
