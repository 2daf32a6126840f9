//! CSV of `nvidia-smi --query-gpu=... --format=csv`: units in header and cells, local time.

use chrono_tz::Tz;

use super::clock::WallClock;
use super::collect::Collector;
use super::metric::Metric;
use super::series::Labels;
use crate::ingest::IngestError;
use crate::ingest::rejected::excerpt;

/// Query name, unit, metric.
const COLUMNS: &[(&str, &str, Metric)] = &[
    ("utilization.gpu", "%", Metric::GpuUtil),
    ("utilization.memory", "%", Metric::MemCopyUtil),
    ("memory.used", "MiB", Metric::FbUsed),
    ("memory.free", "MiB", Metric::FbFree),
    ("memory.reserved", "MiB", Metric::FbReserved),
    ("memory.total", "MiB", Metric::FbTotal),
    ("power.draw", "W", Metric::PowerUsage),
];

/// A header cell without its unit, and the unit.
pub(super) fn name_and_unit(cell: &str) -> (&str, Option<&str>) {
    match cell.trim().split_once('[') {
        Some((name, unit)) => (name.trim(), Some(unit.trim_end_matches(']').trim())),
        None => (cell.trim(), None),
    }
}

/// The metric a query name stands for.
pub(super) fn is_metric(name: &str) -> bool {
    COLUMNS.iter().any(|it| it.0 == name)
}

/// A column that is read.
struct Column {
    at: usize,
    name: &'static str,
    unit: &'static str,
    metric: Metric,
}

/// Where the columns are.
struct Header {
    n_columns: usize,
    timestamp: Option<usize>,
    index: Option<usize>,
    uuid: Option<usize>,
    gpu_name: Option<usize>,
    metrics: Vec<Column>,
}

/// Reads all lines.
pub(super) fn parse(text: &str, zone: Tz, into: &mut Collector<'_>) -> Result<(), IngestError> {
    let mut header: Option<(&str, Header)> = None;
    let mut wall = WallClock::new(zone);
    let mut clockless = false;
    // Row 1 is the line below the first header.
    for (row, line) in (0..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.iter().any(|it| is_metric(name_and_unit(it).0)) || header.is_none() {
            match &header {
                Some((first, _)) if *first == line => {}
                before => {
                    if before.is_some() {
                        into.notice(&format!("row {row}: the columns change here"));
                    }
                    header = Some((line, read_header(&cells, row, into)?));
                }
            }
            continue;
        }
        into.rows += 1;
        let Some((_, header)) = &header else { continue };
        if header.n_columns == cells.len() {
            clockless |= read_row(header, &cells, row, &mut wall, into);
        } else {
            let reason = format!("{} cells under {} columns", cells.len(), header.n_columns);
            into.reject(row, None, reason);
        }
    }
    if clockless {
        into.notice(
            "there is no column `timestamp`: the mean is known, not when the GPU was busy; query \
             `timestamp,index,uuid,name,utilization.gpu,memory.used,memory.total,power.draw`",
        );
    }
    Ok(())
}

fn read_header(cells: &[&str], row: u64, into: &mut Collector<'_>) -> Result<Header, IngestError> {
    let parsed: Vec<_> = cells.iter().map(|it| name_and_unit(it)).collect();
    let place = |names: &[&str]| parsed.iter().position(|it| names.contains(&it.0));
    let mut metrics = Vec::new();
    for (name, unit, metric) in COLUMNS {
        let Some(at) = place(&[name]) else { continue };
        if let Some(found) = parsed.get(at).and_then(|it| it.1).filter(|it| it != unit) {
            let found = excerpt(found);
            return Err(IngestError::Unreadable {
                file: into.file().to_owned(),
                reason: format!("row {row}: the column `{name}` is in {found}, not in {unit}"),
                hint: "export it again with nvidia-smi, which writes %, MiB and W".to_owned(),
            });
        }
        metrics.push(Column { at, name, unit, metric: *metric });
    }
    let header = Header {
        n_columns: cells.len(),
        timestamp: place(&["timestamp"]),
        index: place(&["index"]),
        uuid: place(&["uuid", "gpu_uuid"]),
        gpu_name: place(&["name", "gpu_name"]),
        metrics,
    };
    if header.index.or(header.uuid).is_none() {
        return Err(IngestError::MissingColumn {
            file: into.file().to_owned(),
            column: "uuid",
            hint: "query `timestamp,index,uuid,name` too: without them the GPUs of a host cannot \
                   be told apart"
                .to_owned(),
        });
    }
    if header.metrics.is_empty() {
        into.notice("no column measures anything; query `utilization.gpu` and `memory.used` too");
    }
    let known = [header.timestamp, header.index, header.uuid, header.gpu_name];
    for (at, (name, _)) in parsed.iter().enumerate() {
        if known.contains(&Some(at)) || header.metrics.iter().any(|it| it.at == at) {
            into.uses(name);
        } else {
            into.ignores(name);
        }
    }
    Ok(header)
}

/// Reads a row; true if it has no time.
fn read_row(
    header: &Header,
    cells: &[&str],
    row: u64,
    wall: &mut WallClock,
    into: &mut Collector<'_>,
) -> bool {
    let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
    let text = |at: Option<usize>| at.map(cell).filter(|it| is_measured(it)).map(ToOwned::to_owned);
    let at = match header.timestamp {
        None => None,
        Some(at) => match wall.read(&cell(at).replace('/', "-")) {
            Ok(at) => Some(at),
            Err(reason) => {
                into.reject(row, Some("timestamp"), reason);
                return false;
            }
        },
    };
    let uuid = text(header.uuid);
    let gpu_name = text(header.gpu_name);
    // nvidia-smi lists a slice under a UUID of its own and names its profile after the GPU.
    let is_slice = uuid.as_ref().is_some_and(|it| it.starts_with("MIG-"));
    let profile = gpu_name.as_ref().and_then(|it| it.split_once(" MIG ")).map(|it| it.1.to_owned());
    let labels = Labels {
        file: into.file().to_owned(),
        gpu_index: text(header.index),
        mig_id: uuid.clone().filter(|_| is_slice),
        mig_profile: profile.filter(|_| is_slice),
        uuid,
        gpu_name,
        ..Labels::default()
    };
    for column in &header.metrics {
        match number(cell(column.at), column.unit) {
            Ok(value) => into.sample((column.name, column.metric), &labels, at, value, row),
            Err(reason) => into.reject(row, Some(column.name), reason),
        }
    }
    at.is_none()
}

/// `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `N/A` and an empty cell say that nothing was
/// measured.
fn is_measured(cell: &str) -> bool {
    !cell.is_empty() && !cell.starts_with('[') && !matches!(cell, "N/A" | "-")
}

/// `97 %`, `71234 MiB`, `598.31 W`, or the number alone (`nounits`); NaN if nothing was measured.
fn number(cell: &str, unit: &str) -> Result<f64, String> {
    if !is_measured(cell) {
        return Ok(f64::NAN);
    }
    let bare = cell.strip_suffix(unit).unwrap_or(cell).trim_end();
    bare.parse().map_err(|_| format!("`{}` is not a number of {unit}", excerpt(cell)))
}
