//! From the user's files to workloads: read, check, account for every row, join.
//!
//! Comes in: paths (or standard input) and the config. Goes out: [`Ingested`], whose rows were all
//! kept or rejected with file, row, column and reason, and whose amounts add up to those of the
//! files. A fault of a file is an [`IngestError`]; a fault of a row is a [`Rejected`] row.
//! Nothing here knows a price, and no column that is not mapped is ever read into a message.

mod aside;
mod asked;
mod assemble;
mod benchmark;
mod bill;
mod budget;
mod cell;
mod cluster;
mod config;
mod coverage;
mod decisions;
mod email;
mod engine_hours;
mod error;
mod finish;
mod future;
mod fx;
mod held;
mod least;
mod measured;
mod open;
pub(crate) mod pages;
mod raw;
mod reconcile;
mod redact;
mod rejected;
mod request_rows;
mod requests;
mod rolled_up;
mod rules;
mod series;
mod shelved;
mod source;
mod telemetry;
mod usage_rows;
mod window;

use chrono_tz::Tz;

pub(crate) use cluster::TOKENS;

use crate::catalog::{Catalog, edit_distance};
use crate::units::{Period, Timestamp};
use crate::usage::{UsageTable, schema};
use crate::workload::{EngineBin, EngineLatencies};

pub use aside::AsideFolder;
pub use asked::AskedCommitment;
pub use assemble::{assemble, assemble_each};
pub use benchmark::{BenchmarkError, MeasuredPoint, read_benchmark};
pub use bill::{Fate, InvoiceState};
pub use budget::Budget;
pub use config::{Config, ConfigError, Policy, Reporting, WorkloadConfig, parse_config};
pub use coverage::{Coverage, SourceKind};
pub use decisions::{Decision, DecisionState, Decisions, Promise, UnitThen, parse_decisions};
pub use email::{Attached, EmailConfig, PasswordIn, SmtpConfig, SmtpLogin, SmtpTls, mailbox};
pub use error::IngestError;
pub use fx::{FxRates, Rates};
pub use held::{HeldCommitment, HeldOf};
pub use reconcile::{
    AccountLine, CategoryTotals, CommitmentTotals, CostTotals, CurrencyTotals, PartTotals,
    Reconciliation, Unmatched,
};
pub use redact::{redact, redact_held, without_names};
pub use rejected::{Rejected, RejectedKind};
pub use request_rows::{PlainLog, RowsRead, plain_columns, plain_log, read_rows};
pub use requests::{
    PlainColumns, RequestFacts, RequestFate, RequestLog, RequestRow, Tells, push_requests,
};
pub use shelved::{Shelved, ShelvedWorkload};
pub use source::{Source, expand, file_name, stem};
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
    /// Where rows may go that are too many for memory; nowhere where all must be at hand.
    pub aside: Option<AsideFolder>,
    /// Whether the hash of each file is asked for. That of a single Parquet file takes a second look at its
    /// bytes, which is spared else.
    pub hashes: bool,
}

/// One file, as it was understood.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal, where it was asked for.
    pub sha256: Option<String>,
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
    /// Rows that start before the window, where a part of the data was asked for: what is usual.
    pub before: UsageTable,
    /// The rows of both, where they were too many for memory: those of the two are then empty.
    pub aside: Option<std::sync::Arc<Shelved>>,
    /// Request logs, cut to the window.
    pub requests: Vec<RequestLog>,
    /// What serving engines measured inside the window, by workload, in time order.
    pub engine: std::collections::BTreeMap<String, Vec<EngineBin>>,
    /// How long they took in the hours of the window, by workload.
    pub engine_latencies: std::collections::BTreeMap<String, EngineLatencies>,
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
    finish::finish(gathered, config, options)
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
