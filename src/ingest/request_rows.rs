//! Requests one by one, for whoever sums them up: nothing of them is kept here.

use std::path::PathBuf;

use chrono_tz::Tz;

use super::cluster::ClusterView;
use super::open::{BATCH_ROWS, claim, unknown};
use super::raw::{self, Opened};
use super::rejected::Rejected;
use super::requests::{
    self, LogSource, PlainColumns, RequestBuilder, RequestFormat, RequestRow, RequestSubject,
};
use super::{Config, IngestError, Source};

/// A Parquet log that is nothing but times, names and tokens: whoever can read its columns faster
/// may do so.
#[derive(Clone, Debug)]
pub struct PlainLog {
    /// Where it is.
    pub path: PathBuf,
    /// What messages call it.
    pub name: String,
    /// Its columns.
    pub columns: PlainColumns,
}

/// What is known when all requests were taken.
#[derive(Clone, Debug, Default)]
pub struct RowsRead {
    /// The workloads, in the order of their numbers.
    pub names: Vec<String>,
    /// Rows of the files.
    pub rows: u64,
    /// Rows that are no requests.
    pub rejected: Vec<Rejected>,
    /// Such rows that are not listed.
    pub unlisted: u64,
    /// What the reader must know, one sentence each.
    pub notices: Vec<String>,
}

/// The file as a plain log, if it is one: no rule of the config says whose its requests are, and its
/// times need no zone.
pub fn plain_log(
    source: &Source,
    config: &Config,
    zone: Tz,
) -> Result<Option<PlainLog>, IngestError> {
    let Some(path) = source.path() else { return Ok(None) };
    if !asks_nobody(config, zone) || !raw::is_parquet(source)? {
        return Ok(None);
    }
    let Opened::Table(input) = raw::open(source)? else { return Ok(None) };
    let (path, name) = (path.to_owned(), source.name().to_owned());
    let columns = plain(&input.headers, source.name());
    Ok(columns.map(|columns| PlainLog { path, name, columns }))
}

/// The same of a Parquet file of which no more than the footer is here.
pub fn plain_columns(
    footer: Vec<u8>,
    name: &str,
    config: &Config,
    zone: Tz,
) -> Result<Option<PlainColumns>, IngestError> {
    if !asks_nobody(config, zone) {
        return Ok(None);
    }
    Ok(plain(&raw::headers_of_footer(footer, name)?, name))
}

fn asks_nobody(config: &Config, zone: Tz) -> bool {
    config.rules.is_empty() && config.mappings.is_empty() && zone == Tz::UTC
}

fn plain(headers: &[String], name: &str) -> Option<PlainColumns> {
    let is_generic = requests::detect(headers, name, &[]) == Some(RequestFormat::Generic);
    requests::plain_columns(headers).filter(|_| is_generic)
}

/// Reads request logs of any format and gives their requests to `take`, which may end it.
pub fn read_rows(
    sources: &[Source],
    config: &Config,
    zone: Tz,
    take: &mut dyn FnMut(Vec<RequestRow>) -> Result<(), IngestError>,
) -> Result<RowsRead, IngestError> {
    let mut logs = RequestBuilder::for_rows();
    let mut read = RowsRead::default();
    let view = ClusterView::new(Vec::new());
    for source in sources {
        let file = source.name();
        let Opened::Table(input) = raw::open(source)? else { return Err(unknown(&[], file)) };
        let mappings = &config.mappings;
        let Some(format) = requests::detect(&input.headers, file, mappings) else {
            return Err(no_requests(file));
        };
        if format == RequestFormat::LiteLlmDaily {
            return Err(no_requests(file));
        }
        let rules = |subject: &RequestSubject<'_>| claim(subject, format, (config, &view));
        let source = LogSource { file, format, mappings, rules: &rules, zone };
        let wants = |header: &str| format.wants(header, mappings);
        let facts = input.batches(&wants, BATCH_ROWS, &mut |table| {
            logs.add(&table, source)?;
            if logs.has_relative() {
                return Err(undated(file));
            }
            take(logs.take_rows())
        })?;
        logs.close(file, format)?;
        read.rows += facts.rows_in;
        read.rejected.extend(facts.rejected);
    }
    logs.finish_calls();
    take(logs.take_rows())?;
    read.names = logs.names().map(str::to_owned).collect();
    let requests = logs.finish();
    read.rejected.extend(requests.rejected);
    read.unlisted = requests.unlisted;
    read.notices = requests.notices;
    Ok(read)
}

fn no_requests(file: &str) -> IngestError {
    IngestError::Unreadable {
        file: file.to_owned(),
        reason: "this is no log with a row for each request".to_owned(),
        hint: "give bills, telemetry and usage tables to analyze as they are".to_owned(),
    }
}

fn undated(file: &str) -> IngestError {
    IngestError::Unreadable {
        file: file.to_owned(),
        reason: "its times count from the start of the log, so they are in no minute of a calendar"
            .to_owned(),
        hint: "give the log to analyze or describe as it is".to_owned(),
    }
}
