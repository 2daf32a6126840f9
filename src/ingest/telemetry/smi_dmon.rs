//! Text of `nvidia-smi dmon`: fixed columns, a header that repeats, a clock only with `-o DT`.

use chrono_tz::Tz;

use super::clock::WallClock;
use super::collect::Collector;
use super::metric::Metric;
use super::series::Labels;
use crate::ingest::IngestError;
use crate::ingest::rejected::excerpt;

/// Column, its unit, metric. `fb` is in MiB, although the header says MB.
const COLUMNS: &[(&str, &str, Metric)] = &[
    ("sm", "%", Metric::GpuUtil),
    ("mem", "%", Metric::MemCopyUtil),
    ("fb", "MB", Metric::FbUsed),
    ("pwr", "W", Metric::PowerUsage),
];

/// Where the columns are.
#[derive(PartialEq)]
struct Header {
    n_columns: usize,
    index: usize,
    /// Date and time of day.
    clock: Option<(usize, usize)>,
    metrics: Vec<(usize, &'static str, Metric)>,
}

/// Reads all lines.
pub(super) fn parse(text: &str, zone: Tz, into: &mut Collector<'_>) -> Result<(), IngestError> {
    let mut header: Option<Header> = None;
    let mut names: Vec<&str> = Vec::new();
    let mut wall = WallClock::new(zone);
    let mut clockless = false;
    for (row, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(head) = line.strip_prefix('#') {
            let words: Vec<&str> = head.split_whitespace().collect();
            if words.contains(&"Idx") {
                let next = read_header(&names, &words, row, into)?;
                if header.as_ref().is_some_and(|it| *it != next) {
                    into.notice(&format!("line {row}: the columns change here"));
                }
                header = Some(next);
            } else if !words.is_empty() {
                names = words;
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        into.rows += 1;
        let cells: Vec<&str> = line.split_whitespace().collect();
        match &header {
            Some(header) if header.n_columns == cells.len() => {
                clockless |= read_row(header, &cells, row, &mut wall, into);
            }
            Some(header) => {
                let reason = format!("{} cells under {} columns", cells.len(), header.n_columns);
                into.reject(row, None, reason);
            }
            None => into.reject(row, None, "no header above it".to_owned()),
        }
    }
    if clockless {
        into.notice(
            "dmon without `-o DT` has no clock: its mean is known, not when the GPU was busy; \
             record with `nvidia-smi dmon -s pum -o DT`",
        );
    }
    Ok(())
}

/// A header of two lines; a fault in it is one of the file.
fn read_header(
    names: &[&str],
    units: &[&str],
    row: u64,
    into: &mut Collector<'_>,
) -> Result<Header, IngestError> {
    let unreadable = |reason: String| IngestError::Unreadable {
        file: into.file().to_owned(),
        reason: format!("line {row}: {reason}"),
        hint: "record with `nvidia-smi dmon -s pum -o DT`".to_owned(),
    };
    let place = |name: &str| names.iter().position(|it| it.eq_ignore_ascii_case(name));
    let index = place("gpu").ok_or_else(|| unreadable("no column `gpu`".to_owned()))?;
    if names.len() != units.len() {
        return Err(unreadable(format!("{} units for {} columns", units.len(), names.len())));
    }
    let mut metrics = Vec::new();
    for (name, unit, metric) in COLUMNS {
        let Some(at) = place(name) else { continue };
        let found = units.get(at).copied().unwrap_or_default();
        if found != *unit {
            let found = excerpt(found);
            return Err(unreadable(format!("the column `{name}` is in {found}, not in {unit}")));
        }
        metrics.push((at, *name, *metric));
    }
    let clock = place("Date").zip(place("Time"));
    for (at, name) in names.iter().enumerate() {
        let is_clock = clock.is_some_and(|it| it.0 == at || it.1 == at);
        if at == index || is_clock || metrics.iter().any(|it| it.0 == at) {
            into.uses(name);
        } else {
            into.ignores(name);
        }
    }
    Ok(Header { n_columns: names.len(), index, clock, metrics })
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
    let index = cell(header.index);
    if !index.bytes().all(|it| it.is_ascii_digit()) {
        into.reject(row, Some("gpu"), format!("`{}` is not a number", excerpt(index)));
        return false;
    }
    let at = match header.clock {
        None => None,
        Some((date, time)) => match read_clock(cell(date), cell(time), wall) {
            Ok(at) => Some(at),
            Err(reason) => {
                into.reject(row, Some("Date"), reason);
                return false;
            }
        },
    };
    let labels = Labels {
        file: into.file().to_owned(),
        gpu_index: Some(index.to_owned()),
        ..Labels::default()
    };
    for (at_column, name, metric) in &header.metrics {
        let text = cell(*at_column);
        let value = if text == "-" { Ok(f64::NAN) } else { text.parse() };
        match value {
            Ok(value) => into.sample((name, *metric), &labels, at, value, row),
            Err(_) => into.reject(row, Some(name), format!("`{}` is not a number", excerpt(text))),
        }
    }
    at.is_none()
}

/// `20260504` and `10:00:00`.
fn read_clock(date: &str, time: &str, wall: &mut WallClock) -> Result<i64, String> {
    match (date.get(..4), date.get(4..6), date.get(6..)) {
        (Some(year), Some(month), Some(day)) if date.len() == 8 => {
            wall.read(&format!("{year}-{month}-{day} {time}"))
        }
        _ => Err(format!("`{}` is not a date such as 20260504", excerpt(date))),
    }
}
