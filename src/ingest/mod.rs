//! From the user's files to workloads: read, check, account for every row, join.
//!
//! Comes in: paths (or standard input) and the config. Goes out: [`Ingested`], whose rows were all
//! kept or rejected with file, row, column and reason, and whose amounts add up to those of the
//! files. A fault of a file is an [`IngestError`]; a fault of a row is a [`Rejected`] row.
//! Nothing here knows a price, and no column that is not mapped is ever read into a message.

mod assemble;
mod bill;
mod cell;
mod cluster;
mod config;
mod coverage;
mod error;
mod fx;
mod measured;
mod open;
mod raw;
mod reconcile;
mod redact;
mod rejected;
mod requests;
mod rules;
mod source;
mod telemetry;
mod usage_rows;
mod window;

use chrono_tz::Tz;

use crate::catalog::{Catalog, edit_distance};
use crate::units::{Period, Timestamp};
use crate::usage::{UsageTable, schema};

pub use assemble::assemble;
pub use bill::{Fate, InvoiceState};
pub use config::{Config, ConfigError, Policy, Reporting, WorkloadConfig, parse_config};
pub use coverage::{Coverage, SourceKind};
pub use error::IngestError;
pub use fx::{FxRates, Rates};
pub use reconcile::{
    AccountLine, CategoryTotals, CommitmentTotals, CostTotals, CurrencyTotals, PartTotals,
    Reconciliation, Unmatched,
};
pub use redact::redact;
pub use rejected::{Rejected, RejectedKind};
pub use requests::{RequestFacts, RequestLog};
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
    /// Whether files without a single time will do: an inventory can be shown, not analysed.
    pub facts_will_do: bool,
}

/// One file, as it was understood.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// What it was taken for, with the version where the format has some.
    pub format: String,
    /// What it tells about.
    pub kind: SourceKind,
    /// Rows in it.
    pub rows: u64,
    /// Rows of it that were refused.
    pub rejected: u64,
    /// Headers that were used.
    pub columns_used: Vec<String>,
    /// Headers that were not.
    pub columns_ignored: Vec<String>,
}

/// What became of the requests of all logs.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts {
    /// Requests read.
    pub read: u64,
    /// Those that are demand, failed ones among them.
    pub in_demand: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that are no demand, by reason.
    pub left_out: Vec<(&'static str, u64)>,
}

impl RequestCounts {
    fn of(account: &requests::RequestAccount) -> RequestCounts {
        let left_out = account.by_fate.iter().map(|(fate, n)| (fate.as_str(), *n));
        RequestCounts {
            read: account.read,
            in_demand: account.in_demand,
            failed: account.failed,
            left_out: left_out.collect(),
        }
    }
}

/// A rule of the config, and what came of it.
#[derive(Clone, Debug)]
pub struct RuleMatch {
    /// What it asks for.
    pub rule: String,
    /// Distinct lines of bills, requests and devices it decided something of.
    pub matched: u64,
}

/// Everything that was read, with the account of it.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Rows of usage tables, bills and telemetry inside the window.
    pub usage: UsageTable,
    /// Request logs, cut to the window.
    pub requests: Vec<RequestLog>,
    /// What the cluster says of workloads.
    pub facts: std::collections::BTreeMap<String, WorkloadConfig>,
    /// The window of the analysis.
    pub window: Period,
    /// True when the only data are request logs that count from their own zero.
    pub relative: bool,
    /// False when nothing in the files has a time; the window then means nothing.
    pub dated: bool,
    /// What became of every request.
    pub request_counts: RequestCounts,
    /// Rows that were refused.
    pub rejected: Vec<Rejected>,
    /// The account.
    pub reconciliation: Reconciliation,
    /// Which days each kind of source covers.
    pub coverage: Coverage,
    /// Whether the amounts of the bills may still change.
    pub invoice: InvoiceState,
    /// The files.
    pub files: Vec<InputFile>,
    /// The rules of the config, and what each matched.
    pub rules: Vec<RuleMatch>,
    /// What the reader must know, one sentence each.
    pub notices: Vec<String>,
}

/// Reads all sources and accounts for every row.
pub fn read(
    sources: &[Source],
    config: &Config,
    catalog: &Catalog,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let gathered = open::gather(sources, config, catalog, options)?;
    finish(gathered, config, options)
}

/// Joins what the files gave, removes duplicates, checks the limit, cuts the window.
fn finish(
    gathered: open::Gathered,
    config: &Config,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let open::Gathered { usage, logs, books, measured, view, files, mut notices, .. } = gathered;
    let usage = usage.finish()?;
    let logs = logs.finish();
    let measured = measured.with_days(logs.days);
    notices.extend(logs.notices);
    let closed = books.close()?;
    let first_file = || files.first().map(|it| it.name.clone()).unwrap_or_default();
    let rows_in = files.iter().map(|it| it.rows).sum();
    let mut rejected = usage.rejected;
    rejected.extend(logs.rejected);
    let kept_of_bills = closed.rejected.len() as u64;
    rejected.extend(closed.rejected.iter().cloned());
    rejected.extend(gathered.rejected);
    // In the order of files, then rows, whichever stage refused them.
    let place = |name: &str| files.iter().position(|it| it.name == name);
    rejected.sort_by_key(|it| (place(&it.file), it.row));
    // Bills keep a part of very many rejected rows, and count them all.
    let uncounted = closed.n_rejected - kept_of_bills;
    check_limit(&rejected, uncounted, rows_in, options.max_rejected_percent)?;
    let relative = logs.logs.iter().any(|it| it.trace.relative);
    let dated = !usage.table.is_empty() || closed.span.is_some() || !measured.is_empty();
    if relative && (dated || logs.logs.iter().any(|it| !it.trace.relative)) {
        return Err(IngestError::MixedClocks);
    }
    let currencies = currencies(&usage.table, &closed);
    let rates = Rates::of(&currencies, config.reporting.currency, &config.fx)?;
    let joined = join(&usage.table, &closed, &measured, &rates)?;
    notices.extend(usage.notices);
    notices.extend(joined.notices);
    let span = [window::span_of(&usage.table, &logs.logs), closed.span, measured.span()]
        .into_iter()
        .flatten()
        .reduce(Period::cover)
        .or_else(|| closed.entries.iter().map(|it| it.period).reduce(Period::cover));
    let is_inventory =
        |it: &InputFile| matches!(it.kind, SourceKind::Telemetry | SourceKind::Configuration);
    let dated = span.is_some();
    let span = match span {
        Some(span) => span,
        None if files.iter().all(is_inventory) && options.facts_will_do => Period::EPOCH_DAY,
        None if files.iter().all(is_inventory) => {
            return Err(IngestError::NoTimes { file: first_file() });
        }
        None => return Err(IngestError::NoRows { file: first_file() }),
    };
    // Invoice months are months of UTC.
    let zone =
        if closed.span.is_some() && options.cut.month.is_some() { Tz::UTC } else { options.zone };
    let window = options.cut.resolve(span, zone)?;
    let cut = options.cut.is_some().then_some(window);
    let table = match cut {
        Some(window) => window::cut_table(&joined.table, window),
        None => joined.table,
    };
    let n_requests = |logs: &[RequestLog]| logs.iter().map(|it| it.trace.len() as u64).sum::<u64>();
    let n_all = n_requests(&logs.logs);
    let requests: Vec<RequestLog> =
        logs.logs.into_iter().map(|it| it.cut_to(window)).filter(|it| !it.is_empty()).collect();
    if dated && table.is_empty() && requests.is_empty() && closed.entries.is_empty() {
        return Err(IngestError::EmptyWindow { window, data: span });
    }
    let duplicates = rejected.iter().filter(|it| it.kind == RejectedKind::Duplicate).count() as u64;
    let outside_rows = cut.map_or(0, |window| window::rows_outside(&usage.table, window));
    let rows = reconcile::RowCounts {
        rows_in,
        rejected: rejected.len() as u64 + uncounted,
        duplicates,
        outside_window: outside_rows + n_all - n_requests(&requests),
    };
    let tables = reconcile::TableTotals {
        table: &usage.table,
        file: usage.file_totals,
        rejected: usage.rejected_totals,
        from_floats: usage.amounts_from_floats,
    };
    let bills = reconcile::Bills { closed: &closed, rates: &rates, cut };
    let reconciliation = reconcile::reconcile(&rows, &tables, &bills)?;
    let coverage = coverage::coverage(&table, &requests, &measured, window, options.zone);
    notices.extend(coverage.notices());
    let rules = config.rules.matched();
    Ok(Ingested {
        usage: table,
        requests,
        facts: measured::facts(&view),
        window,
        relative,
        dated,
        request_counts: RequestCounts::of(&logs.account),
        rejected,
        reconciliation,
        coverage,
        invoice: if gathered.estimated { InvoiceState::Estimated } else { closed.invoice },
        files,
        rules: rules.into_iter().map(|(rule, matched)| RuleMatch { rule, matched }).collect(),
        notices,
    })
}

/// The currencies of a run.
fn currencies(table: &UsageTable, closed: &bill::Closed) -> Vec<crate::units::Currency> {
    let of_bills = closed.totals.keys().map(|(currency, _)| *currency);
    let of_table = (!table.is_empty()).then_some(table.currency);
    let found: std::collections::BTreeSet<_> = of_bills.chain(of_table).collect();
    found.into_iter().collect()
}

/// The usage rows of all sources in one table.
struct Joined {
    table: UsageTable,
    notices: Vec<String>,
}

fn join(
    table: &UsageTable,
    closed: &bill::Closed,
    measured: &measured::Measured,
    rates: &Rates,
) -> Result<Joined, IngestError> {
    let mut joined = UsageTable::new(rates.to);
    let mut notices = Vec::new();
    for at in 0..table.len() {
        if let Some(row) = table.row(at) {
            joined.push(&measured::in_currency(row, rates)?);
        }
    }
    let (mut dropped, mut without_effective) = (0_u64, 0_u64);
    for entry in closed.entries.iter().filter(|it| bill::Closed::is_usage(it)) {
        let rounded = closed.rounded.contains(&entry.booking.provider);
        let gpu_hours = entry.sums.gpu_hours().filter(|it| *it >= 0.0);
        dropped += u64::from(gpu_hours.is_none() && entry.sums.gpu_hours().is_some());
        if entry.sums.rows == 0 && gpu_hours.is_none() {
            continue;
        }
        let row = measured::row_of_bill(entry, gpu_hours, rounded);
        without_effective += u64::from(row.effective_cost.is_none() && row.billed_cost.is_some());
        joined.push(&measured::in_currency(row, rates)?);
    }
    if dropped > 0 {
        notices.push(format!(
            "{dropped} corrections take back more GPU-hours than these files hold for their period: \
             their money is counted, their hours are not"
        ));
    }
    if without_effective > 0 {
        notices.push(format!(
            "{without_effective} sums of bill rows have no effective cost: the billed cost stands in for it"
        ));
    }
    for provider in &closed.rounded {
        let name = provider.as_deref().unwrap_or("a provider without a name");
        notices.push(format!(
            "{name}: every effective cost in the bill is a whole number while the billed costs are not, so they \
             were rounded away: the analysis uses the billed cost"
        ));
    }
    measured.push_rows(&mut joined);
    Ok(Joined { table: joined, notices })
}

/// Stops the run when too many rows were refused; duplicates do not count.
fn check_limit(
    rejected: &[Rejected],
    uncounted: u64,
    rows_in: u64,
    percent: f64,
) -> Result<(), IngestError> {
    let faulty: Vec<&Rejected> =
        rejected.iter().filter(|it| it.kind == RejectedKind::Faulty).collect();
    let n_rejected = faulty.len() as u64 + uncounted;
    if n_rejected as f64 * 100.0 > rows_in as f64 * percent {
        let first = faulty.first().map(ToString::to_string).unwrap_or_default();
        return Err(IngestError::TooManyRejected { n_rejected, rows_in, percent, first });
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

/// What each kind of telemetry can prove, and what it cannot: source, proves, does not prove.
pub fn telemetry_proofs() -> Vec<[&'static str; 3]> {
    telemetry::proves().iter().map(|it| [it.source, it.proves, it.not]).collect()
}

/// An instant as a row number is to a file: for messages only.
fn show_time(at: Timestamp) -> String {
    at.to_rfc3339()
}
