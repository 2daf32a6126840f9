//! From the user's files to workloads: read, check, account for every row, join.
//!
//! Comes in: paths (or standard input) and the config. Goes out: [`Ingested`], whose rows were all
//! kept or rejected with file, row, column and reason, and whose amounts add up to those of the
//! files. A fault of a file is an [`IngestError`]; a fault of a row is a [`Rejected`] row.
//! Nothing here knows a price, and no column that is not mapped is ever read into a message.

mod assemble;
mod cell;
mod config;
mod error;
mod raw;
mod reconcile;
mod rejected;
mod requests;
mod source;
mod usage_rows;
mod window;

use chrono_tz::Tz;

use crate::catalog::edit_distance;
use crate::units::{Period, Timestamp};
use crate::usage::{UsageTable, schema};

pub use assemble::assemble;
pub use config::{Config, ConfigError, Policy, Reporting, WorkloadConfig, parse_config};
pub use error::IngestError;
pub use reconcile::{CategoryTotals, CostTotals, Reconciliation};
pub use rejected::{Rejected, RejectedKind};
pub use requests::RequestLog;
pub use source::{Source, expand};
pub use window::WindowCut;

/// What the caller decides about reading.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Zone of wall clocks without an offset, and of `--month`.
    pub zone: Tz,
    /// Share of rows in percent that may be rejected before the run stops.
    pub max_rejected_percent: f64,
    /// Which part of the data to analyse.
    pub cut: WindowCut,
}

/// One file, as it was understood.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// What it was taken for.
    pub format: &'static str,
    /// Rows in it.
    pub rows: u64,
    /// Headers that were used.
    pub columns_used: Vec<String>,
    /// Headers that were not.
    pub columns_ignored: Vec<String>,
}

/// Everything that was read, with the account of it.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Rows of usage tables inside the window.
    pub usage: UsageTable,
    /// Request logs, cut to the window.
    pub requests: Vec<RequestLog>,
    /// The window of the analysis.
    pub window: Period,
    /// True when the only data are request logs that count from their own zero.
    pub relative: bool,
    /// Rows that were refused.
    pub rejected: Vec<Rejected>,
    /// The account.
    pub reconciliation: Reconciliation,
    /// The files.
    pub files: Vec<InputFile>,
    /// What the reader must know, one sentence each.
    pub notices: Vec<String>,
}

/// Reads all sources and accounts for every row.
pub fn read(
    sources: &[Source],
    config: &Config,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let mut usage = usage_rows::UsageBuilder::default();
    let mut logs = requests::RequestBuilder::default();
    let mut files = Vec::new();
    let mut notices = Vec::new();
    for source in sources {
        let table = raw::read(source)?;
        let file = source.name().to_owned();
        let format = raw::detect(&table, &file)?;
        let used = match format {
            raw::Format::Usage => usage.add(&table, &file, options.zone)?,
            raw::Format::Requests(kind) => logs.add(&table, &file, kind, config, options.zone)?,
        };
        files.push(InputFile {
            sha256: table.sha256,
            format: format.as_str(),
            rows: table.rows_in,
            columns_ignored: {
                let ignored = ignored(&table.headers, &used);
                notices.extend(ignored.iter().filter_map(|it| misspelt(it, &file)));
                ignored
            },
            columns_used: used,
            name: file,
        });
    }
    let mut ingested = finish(usage, logs, files, options)?;
    ingested.notices.splice(0..0, notices);
    Ok(ingested)
}

/// Joins what the files gave, removes duplicates, checks the limit, cuts the window.
fn finish(
    usage: usage_rows::UsageBuilder,
    logs: requests::RequestBuilder,
    files: Vec<InputFile>,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let usage = usage.finish()?;
    let logs = logs.finish();
    let first_file = || files.first().map(|it| it.name.clone()).unwrap_or_default();
    let rows_in = files.iter().map(|it| it.rows).sum();
    let mut rejected = usage.rejected;
    rejected.extend(logs.rejected);
    // In the order of files, then rows, whichever stage refused them.
    let place = |name: &str| files.iter().position(|it| it.name == name);
    rejected.sort_by_key(|it| (place(&it.file), it.row));
    check_limit(&rejected, rows_in, options.max_rejected_percent)?;
    let relative = logs.logs.iter().any(|it| it.trace.relative);
    if relative && (!usage.table.is_empty() || logs.logs.iter().any(|it| !it.trace.relative)) {
        return Err(IngestError::MixedClocks);
    }
    let span = window::span_of(&usage.table, &logs.logs)
        .ok_or_else(|| IngestError::NoRows { file: first_file() })?;
    let window = options.cut.resolve(span, options.zone)?;
    let cut = window::cut_table(&usage.table, window);
    let n_requests = |logs: &[RequestLog]| logs.iter().map(|it| it.trace.len() as u64).sum::<u64>();
    let n_all = n_requests(&logs.logs);
    let requests: Vec<RequestLog> =
        logs.logs.into_iter().map(|it| it.cut_to(window)).filter(|it| !it.is_empty()).collect();
    if cut.is_empty() && requests.is_empty() {
        return Err(IngestError::EmptyWindow { window, data: span });
    }
    let duplicates = rejected.iter().filter(|it| it.kind == RejectedKind::Duplicate).count() as u64;
    let rows = reconcile::RowCounts {
        rows_in,
        rejected: rejected.len() as u64,
        duplicates,
        outside_window: window::rows_outside(&usage.table, window) + n_all - n_requests(&requests),
    };
    let reconciliation = reconcile::reconcile(
        &rows,
        usage.file_totals,
        usage.rejected_totals,
        (&usage.table, &cut),
        usage.amounts_from_floats,
    )?;
    Ok(Ingested {
        usage: cut,
        requests,
        window,
        relative,
        rejected,
        reconciliation,
        files,
        notices: usage.notices,
    })
}

/// Stops the run when too many rows were refused; duplicates do not count.
fn check_limit(rejected: &[Rejected], rows_in: u64, percent: f64) -> Result<(), IngestError> {
    let faulty: Vec<&Rejected> =
        rejected.iter().filter(|it| it.kind == RejectedKind::Faulty).collect();
    if faulty.len() as f64 * 100.0 > rows_in as f64 * percent {
        let first = faulty.first().map(ToString::to_string).unwrap_or_default();
        return Err(IngestError::TooManyRejected {
            n_rejected: faulty.len() as u64,
            rows_in,
            percent,
            first,
        });
    }
    Ok(())
}

/// A header that is ignored but looks like a column: a slip that would turn numbers into unknowns.
fn misspelt(header: &str, file: &str) -> Option<String> {
    let name = schema::normalized(header);
    let names = schema::COLUMNS.iter().flat_map(|it| it.aliases.iter().chain([&it.name]));
    let near = names.chain([&schema::COST]).find(|it| {
        name.len() > 3
            && it.len() > 3
            && edit_distance(&name, it) <= 1 + usize::from(name.len() > 7)
    })?;
    Some(format!(
        "{file}: the column `{}` is ignored; did you mean `{near}`?",
        rejected::excerpt(header)
    ))
}

fn ignored(headers: &[String], used: &[String]) -> Vec<String> {
    headers.iter().filter(|it| !used.contains(it)).cloned().collect()
}

/// An instant as a row number is to a file: for messages only.
fn show_time(at: Timestamp) -> String {
    at.to_rfc3339()
}
