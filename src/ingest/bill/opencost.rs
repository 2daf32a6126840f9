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
use super::cells::{
    LineColumns, NOT_TAGS, any_is, charge, fault, instant, is_one_of, names_of, needed_amount,
    optional, period_between, plain, quantity, required, same_costs, tags,
};
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Parts, QuantityUnit, Terms,
};
use crate::units::{Period, Timestamp};

pub(in crate::ingest) use document::{is_own, table};

const NAME: &[&str] = &["name"];
const NAMESPACE: &[&str] = &["properties.namespace", "Namespace"];
const CONTROLLER: &[&str] = &["properties.controller", "ControllerName"];
const POD: &[&str] = &["properties.pod", "Pod"];
const PROVIDER_ID: &[&str] = &["properties.providerID"];
const LABELS: &[&str] = &["properties.labels", "Labels"];
const GPU_COUNT: &[&str] = &["gpuCount", "GPUs"];
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
    is_csv || all(&[NAME, START, END, TOTAL, &["cpuCost", "gpuCost"]])
}

fn wants(header: &str) -> bool {
    let texts = [NAME, NAMESPACE, CONTROLLER, POD, PROVIDER_ID, LABELS];
    let numbers = [GPU_COUNT, GPU_HOURS, TOTAL, START, END, WINDOW_START, WINDOW_END, DATE];
    texts.iter().chain(&numbers).any(|it| is_one_of(header, it)) || label_of(header).is_some()
}

/// The label that a column of its own holds.
fn label_of(header: &str) -> Option<&str> {
    let lower = header.to_ascii_lowercase();
    let prefix = LABEL_PREFIXES.iter().find(|it| lower.starts_with(**it))?;
    header.get(prefix.len()..).filter(|it| !it.is_empty())
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let find = |names| optional(first, file, names);
    let total = required(first, file, TOTAL, HINT)?;
    let when = match find(DATE)? {
        Some(date) => When::Day(date),
        None => When::Run {
            ends: (required(first, file, START, HINT)?, required(first, file, END, HINT)?),
            window: find(WINDOW_START)?.zip(find(WINDOW_END)?),
        },
    };
    let labels: Vec<(usize, String)> = (0..)
        .zip(&first.headers)
        .filter_map(|(at, header)| Some((at, label_of(header)?.to_owned())))
        .collect();
    for (column, _) in &labels {
        first.check_type(*column, file)?;
    }
    let (name, namespace) = (find(NAME)?, find(NAMESPACE)?);
    let (controller, pod) = (find(CONTROLLER)?, find(POD)?);
    let (provider_id, label_object) = (find(PROVIDER_ID)?, find(LABELS)?);
    let (gpu_count, gpu_hours) = (find(GPU_COUNT)?, find(GPU_HOURS)?);
    let own = [name, namespace, controller, pod, provider_id, label_object, gpu_count];
    let line: Vec<Option<usize>> =
        own.into_iter().chain(labels.iter().map(|it| Some(it.0))).collect();
    let times = match when {
        When::Day(date) => vec![Some(date)],
        When::Run { ends, window } => {
            vec![Some(ends.0), Some(ends.1), window.map(|it| it.0), window.map(|it| it.1)]
        }
    };
    let used = line.iter().copied().chain([gpu_hours, Some(total)]).chain(times);
    Ok(Box::new(Allocations {
        used: names_of(first, used),
        headers: first.headers.clone(),
        line: LineColumns::of(line),
        name,
        namespace,
        controller,
        pod,
        provider_id,
        label_object,
        labels,
        gpu_count,
        gpu_hours,
        total,
        when,
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
    line: LineColumns,
    headers: Vec<String>,
    name: Option<usize>,
    namespace: Option<usize>,
    controller: Option<usize>,
    pod: Option<usize>,
    provider_id: Option<usize>,
    /// All labels as one JSON object.
    label_object: Option<usize>,
    /// One label a column.
    labels: Vec<(usize, String)>,
    gpu_count: Option<usize>,
    gpu_hours: Option<usize>,
    total: usize,
    when: When,
    used: Vec<String>,
}

impl Allocations {
    /// The labels; `None` where they cannot be read.
    fn tags(&self, texts: &[Option<&str>]) -> Option<BTreeMap<String, String>> {
        let object = self.line.text(texts, self.label_object);
        let mut found = object.map_or(Some(BTreeMap::new()), tags)?;
        for (column, label) in &self.labels {
            if let Some(value) = self.line.text(texts, Some(*column)) {
                found.insert(label.clone(), value.to_owned());
            }
        }
        Some(found)
    }

    /// GPUs of the allocation, where it says so; a count that cannot be read is a fault of the row.
    fn gpus(&self, texts: &[Option<&str>]) -> Option<f64> {
        let text = self.line.text(texts, self.gpu_count)?;
        cell::quantity(Cell::Text(text)).ok().flatten()
    }

    fn period(&self, table: &RawTable, row: usize) -> Result<Period, Fault> {
        match self.when {
            When::Day(column) => {
                let start = instant(table, column, row)?;
                let midnight: Timestamp = start.floor_to(DAY_US);
                Period::new(start, start.plus_us(DAY_US))
                    .filter(|_| start == midnight)
                    .ok_or_else(|| fault(table, column, format!("{start} is not a date")))
            }
            When::Run { ends, window } => {
                let run = period_between(table, ends, row);
                match (run, window) {
                    (Err(fault), Some(window)) => {
                        period_between(table, window, row).map_err(|_| fault)
                    }
                    (run, _) => run,
                }
            }
        }
    }

    /// The exact cost, or that of the float which a CSV export wrote with more than 18 decimals.
    fn costs(&self, table: &RawTable, row: usize, out: &mut Parts) -> Result<Costs, Fault> {
        let found = needed_amount(table, self.total, row, out).or_else(|fault| {
            let Cell::Text(text) = table.cell(self.total, row) else { return Err(fault) };
            let float = text.trim().parse::<f64>().map_err(|_| fault.clone())?;
            let Ok(Some((atto, _))) = cell::atto(Cell::Float(float)) else { return Err(fault) };
            out.from_floats += 1;
            Ok(atto)
        })?;
        Ok(same_costs(found))
    }
}

impl Bound for Allocations {
    /// The count of GPUs is among them although it is a number: it tells whether the line has GPUs,
    /// and hardly changes while a pod runs.
    fn line_columns(&self) -> &[usize] {
        self.line.as_slice()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let named = |column| {
            let text = self.line.text(texts, column)?;
            (!is_made_up(text)).then(|| text.to_owned())
        };
        let name = self.line.text(texts, self.name);
        let of_cluster = cluster_cost(name.or(self.line.text(texts, self.namespace)));
        let gpus = self.gpus(texts);
        let has_gpus = gpus.is_none_or(|it| it > 0.0) && self.gpu_hours.is_some();
        let owned = |column| if of_cluster.is_some() { None } else { named(column) };
        let labels = self.tags(texts);
        let resource_name = of_cluster.or(name).map(str::to_owned);
        Ok(Line {
            provider: self.line.text(texts, self.provider_id).and_then(provider_of),
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
            workload: owned(self.controller),
            namespace: owned(self.namespace),
            pod: owned(self.pod),
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
        let costs = self.costs(table, row, out)?;
        let hours = match self.gpu_hours {
            Some(column) if line.unit == QuantityUnit::GpuHours => quantity(table, column, row),
            _ => Ok(None),
        };
        let gpus = self.gpu_count.map_or(Ok(None), |it| quantity(table, it, row));
        charge(out, costs, self.period(table, row), gpus.and(hours))?;
        match self.label_object {
            Some(column) if line.own == BAD_TAGS => Err(fault(table, column, NOT_TAGS)),
            _ => Ok(()),
        }
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let form = match self.when {
            When::Day(_) => "CSV export",
            When::Run { .. } if self.headers.iter().any(|it| plain(it) == "runningstarttime") => {
                "Parquet export"
            }
            When::Run { .. } => "JSON",
        };
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
