//! Opens every source, finds out what it is, and gives it to the reader of its format.
//!
//! Cluster snapshots are read first, because they say whose a machine of a bill is; all other files
//! in the order they were named.

use std::collections::BTreeMap;

use super::bill::{self, Books, Charged, Resolver};
use super::cluster::{self, ClusterView, Snapshot};
use super::coverage::SourceKind;
use super::measured::Measured;
use super::raw::{self, FileFacts, Opened, TableInput};
use super::rejected::{Rejected, excerpt};
use super::requests::{LogSource, RequestFormat, RequestSubject, add_side_by_side};
use super::rules::Subject;
use super::{
    Config, IngestError, InputFile, ReadOptions, Source, misspelt, requests, rolled_up, telemetry,
    usage_rows,
};
use crate::catalog::Catalog;
use crate::units::Currency;
use crate::usage::schema;

/// Rows of a request log that are in memory at once.
pub(super) const BATCH_ROWS: usize = 1 << 16;
/// Most headers an error message lists.
const MAX_HEADERS_SHOWN: usize = 20;

/// What all sources gave.
pub(super) struct Gathered {
    pub(super) usage: usage_rows::UsageBuilder,
    pub(super) logs: requests::RequestBuilder,
    pub(super) books: Books,
    pub(super) measured: Measured,
    pub(super) view: ClusterView,
    pub(super) files: Vec<InputFile>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) notices: Vec<String>,
    /// Whether amounts may still change, where a provider says.
    pub(super) estimated: Option<bool>,
    series: Vec<telemetry::Series>,
    charged: Vec<(String, String, Charged, Content)>,
}

/// The billed total of a file per currency, where it is not 0.
type Content = Vec<(Currency, i128)>;

/// What everything is read with.
#[derive(Clone, Copy)]
struct Reader<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    options: &'a ReadOptions,
    /// Whether the hash of each file is needed: it is asked for, or one may be the copy of another.
    hashes: bool,
}

/// Reads every source.
pub(super) fn gather(
    sources: &[Source],
    config: &Config,
    catalog: &Catalog,
    options: &ReadOptions,
) -> Result<Gathered, IngestError> {
    let mut gathered = Gathered {
        usage: usage_rows::UsageBuilder::with_aside(options.aside.clone()),
        logs: requests::RequestBuilder::of_files(sources.len()),
        books: Books::default(),
        measured: Measured::default(),
        view: ClusterView::new(Vec::new()),
        files: Vec::new(),
        rejected: Vec::new(),
        notices: Vec::new(),
        estimated: None,
        series: Vec::new(),
        charged: Vec::new(),
    };
    let reader = Reader { config, catalog, options, hashes: options.hashes || sources.len() > 1 };
    let mut snapshots = Vec::new();
    let mut is_snapshot = Vec::with_capacity(sources.len());
    for source in sources {
        let head = raw::peek(source)?;
        is_snapshot.push(head.as_deref().is_some_and(cluster::looks_like));
    }
    for (source, _) in sources.iter().zip(&is_snapshot).filter(|(_, is)| **is) {
        snapshots.push(gathered.snapshot(source)?);
    }
    gathered.view = ClusterView::new(snapshots);
    gathered.notices.extend(gathered.view.notices());
    for (source, _) in sources.iter().zip(&is_snapshot).filter(|(_, is)| !**is) {
        match gathered.source(source, reader) {
            // An answer without rows, such as that for endpoints of somebody who has none.
            Err(IngestError::NoRows { file }) if sources.len() > 1 => {
                gathered.notices.push(format!("{file} has no rows"));
            }
            read => read?,
        }
    }
    let series = std::mem::take(&mut gathered.series);
    let file_order = |name: &str| sources.iter().position(|it| it.name() == name);
    gathered.files.sort_by_key(|it| file_order(&it.name));
    gathered.measured = Measured::of(series, config, &gathered.view);
    gathered.notices.extend(gathered.measured.notices());
    Ok(gathered)
}

impl Gathered {
    /// For each currency of the bills the first file and row in it.
    pub(super) fn first_rows(&self) -> BTreeMap<Currency, (String, u64)> {
        let mut first = BTreeMap::new();
        for (file, _, charged, _) in &self.charged {
            for (currency, row) in charged.first_rows() {
                first.entry(currency).or_insert_with(|| (file.clone(), row));
            }
        }
        first
    }

    fn snapshot(&mut self, source: &Source) -> Result<Snapshot, IngestError> {
        let (bytes, sha256) = raw::whole(source)?;
        let snapshot = cluster::parse(&bytes, source.name(), None)?;
        self.rejected.extend(snapshot.rejected.iter().cloned());
        self.files.push(InputFile {
            name: source.name().to_owned(),
            sha256: Some(sha256),
            format: "Kubernetes objects".to_owned(),
            kind: SourceKind::Configuration,
            rows: snapshot.items,
            rejected: snapshot.rejected.len() as u64,
            columns_used: snapshot.counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect(),
            columns_ignored: Vec::new(),
        });
        Ok(snapshot)
    }

    fn source(&mut self, source: &Source, reader: Reader<'_>) -> Result<(), IngestError> {
        let file = source.name();
        match raw::open(source)? {
            Opened::Text { bytes, sha256 } => self.telemetry(&bytes, sha256, file, reader),
            Opened::Document { value, sha256 } => self.document(value, sha256, file, reader),
            Opened::Table(input) => {
                let is_document = input.single().is_some_and(is_document)
                    || input.array().is_some_and(bill::is_document)
                    || input.pages().is_some_and(bill::is_document);
                if is_document {
                    match input.into_document()? {
                        Opened::Document { value, sha256 } => {
                            return self.document(value, sha256, file, reader);
                        }
                        Opened::Table(input) => return self.table(input, file, reader),
                        Opened::Text { .. } => return Ok(()),
                    }
                }
                self.table(input, file, reader)
            }
        }
    }

    /// A JSON value that is no list of flat rows.
    fn document(
        &mut self,
        value: serde_json::Value,
        sha256: String,
        file: &str,
        reader: Reader<'_>,
    ) -> Result<(), IngestError> {
        let has = |key: &str| value.get(key).is_some();
        if has("status") && (has("data") || has("errorType") || has("error")) {
            let bytes = value.to_string().into_bytes();
            return self.telemetry(&bytes, sha256, file, reader);
        }
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        let keys: Vec<String> = match &value {
            serde_json::Value::Object(object) => object.keys().cloned().collect(),
            _ => Vec::new(),
        };
        match bill::table_of_document(value, file)? {
            Some(rows) => {
                self.notices.extend(rows.notices);
                let said = [self.estimated, rows.estimated].into_iter().flatten();
                self.estimated = said.reduce(|a, b| a || b);
                self.table(TableInput::ready(file, rows.table, sha256), file, reader)
            }
            None if is_empty => Err(IngestError::NoRows { file: file.to_owned() }),
            None => Err(unknown(&keys, file)),
        }
    }

    fn telemetry(
        &mut self,
        bytes: &[u8],
        sha256: String,
        file: &str,
        reader: Reader<'_>,
    ) -> Result<(), IngestError> {
        let Some(format) = telemetry::sniff(bytes) else {
            return Err(unknown(&[], file));
        };
        let read = telemetry::parse(bytes, format, file, reader.options.zone)?;
        let n_rejected = read.rejected.len() as u64;
        self.files.push(InputFile {
            name: file.to_owned(),
            sha256: Some(sha256),
            format: format.as_str().to_owned(),
            kind: SourceKind::Telemetry,
            rows: read.rows,
            rejected: n_rejected,
            columns_used: read.columns_used,
            columns_ignored: read.columns_ignored,
        });
        self.rejected.extend(read.rejected);
        self.notices.extend(read.notices);
        self.series.extend(read.series);
        Ok(())
    }

    fn table(
        &mut self,
        input: TableInput,
        file: &str,
        reader: Reader<'_>,
    ) -> Result<(), IngestError> {
        let input = if reader.hashes { input } else { input.without_hash() };
        let headers = input.headers.clone();
        if rolled_up::fits(&headers) {
            return self.rolled_up(input, file, reader);
        }
        if let Some(format) = bill::detect(&headers, file)? {
            let resolver = Resolver {
                catalog: reader.catalog,
                config: reader.config,
                cluster: &self.view,
                file,
            };
            let before = self.books.n_rejected();
            let billed_before = self.books.billed();
            let posted = bill::post(input, format, resolver, &mut self.books)?;
            let content: Content = self
                .books
                .billed()
                .into_iter()
                .map(|(it, sum)| (it, sum - billed_before.get(&it).copied().unwrap_or(0)))
                .filter(|it| it.1 != 0)
                .collect();
            let rejected = self.books.n_rejected() - before + posted.facts.rejected.len() as u64;
            self.refuse_copy(file, posted.facts.sha256.as_ref(), &posted.format)?;
            self.refuse_same_money(file, &posted.format, posted.charged, content)?;
            let format = (posted.format, SourceKind::Bill);
            self.push(file, posted.facts, format, posted.columns_used, rejected);
            return Ok(());
        }
        let mappings = &reader.config.mappings;
        if let Some(format) = requests::detect(&headers, file, mappings) {
            return self.requests(input, file, format, reader);
        }
        if !is_usage(&headers, file)? {
            if let Some(reason) = requests::near_miss(&headers, file, mappings) {
                return Err(IngestError::Unreadable {
                    file: file.to_owned(),
                    reason,
                    hint: "mend the [mapping] of gpuadvise.toml".to_owned(),
                });
            }
            return Err(unknown(&headers, file));
        }
        let (before, zone) = (self.usage.n_rejected(), reader.options.zone);
        let by_parts = self.usage.add_parts(&input, &is_usage_column, (file, zone))?;
        let (facts, used) = if let Some(read) = by_parts {
            read
        } else {
            let (table, facts) = input.whole(&is_usage_column)?;
            let used = self.usage.add(&table, file, zone)?;
            (facts, used)
        };
        let rejected = self.usage.n_rejected() - before + facts.rejected.len() as u64;
        self.refuse_copy(file, facts.sha256.as_ref(), "usage table")?;
        let ignored = ignored(&facts.headers, &used);
        self.notices.extend(ignored.iter().filter_map(|it| misspelt(it, file)));
        self.push(file, facts, ("usage table".to_owned(), SourceKind::Usage), used, rejected);
        Ok(())
    }

    /// A table that was rolled up of request logs.
    fn rolled_up(
        &mut self,
        input: TableInput,
        file: &str,
        reader: Reader<'_>,
    ) -> Result<(), IngestError> {
        let (table, facts) = input.whole(&rolled_up::wants)?;
        let (table, notices) = rolled_up::usage(&table, file)?;
        let before = self.usage.n_rejected();
        self.usage.add(&table, file, reader.options.zone)?;
        let rejected = self.usage.n_rejected() - before;
        self.refuse_copy(file, facts.sha256.as_ref(), "rolled-up request log")?;
        self.notices.extend(notices);
        let used = facts.headers.iter().filter(|it| rolled_up::wants(it)).cloned().collect();
        let name = ("rolled-up request log".to_owned(), SourceKind::Usage);
        self.push(file, facts, name, used, rejected);
        Ok(())
    }

    /// A log of requests.
    fn requests(
        &mut self,
        input: TableInput,
        file: &str,
        format: RequestFormat,
        reader: Reader<'_>,
    ) -> Result<(), IngestError> {
        let mappings = &reader.config.mappings;
        let view = &self.view;
        let rules = |subject: &RequestSubject<'_>| claim(subject, format, (reader.config, view));
        let source = LogSource { file, format, mappings, rules: &rules, zone: reader.options.zone };
        let logs = &mut self.logs;
        let before = logs.n_rejected();
        let mut used: Vec<String> = Vec::new();
        let wants = |header: &str| format.wants(header, mappings);
        let facts = if let Some((facts, headers)) = add_side_by_side(logs, &input, source)? {
            used = headers;
            facts
        } else {
            input.batches(&wants, BATCH_ROWS, &mut |table| {
                for header in logs.add(&table, source)? {
                    if !used.contains(&header) {
                        used.push(header);
                    }
                }
                Ok(())
            })?
        };
        if facts.rows_in == 0 {
            return Err(IngestError::NoRows { file: file.to_owned() });
        }
        let rejected = logs.n_rejected() - before + facts.rejected.len() as u64;
        self.refuse_copy(file, facts.sha256.as_ref(), format.as_str())?;
        self.logs.close(file, format)?;
        let name = (format.as_str().to_owned(), SourceKind::Requests);
        self.push(file, facts, name, used, rejected);
        Ok(())
    }

    /// Fails when an earlier file of another format bills the same provider for the same time: two
    /// exports of one bill would be added to twice its amount.
    fn refuse_same_money(
        &mut self,
        file: &str,
        format: &str,
        charged: Charged,
        content: Content,
    ) -> Result<(), IngestError> {
        for (first, first_format, other, other_content) in &self.charged {
            let both = other.shared(&charged);
            let common = other.common(&charged);
            if common.is_copy() {
                return Err(IngestError::SameMoneyTwice {
                    first: first.clone(),
                    first_format: first_format.clone(),
                    second: file.to_owned(),
                    second_format: format.to_owned(),
                    evidence: common.to_string(),
                });
            }
            if common.both > 0 {
                self.notices.push(format!(
                    "{first} and {file}: {common}: if the two exports overlap, what they share counts twice"
                ));
            } else if other.overlaps(&charged) && content == *other_content && !content.is_empty() {
                self.notices.push(format!(
                    "{first} and {file} have the same total for the same time: if they are one bill at two levels of \
                     detail, all of it counts twice"
                ));
            }
            let is_allocation = |it: &str| it.starts_with("OpenCost");
            // An allocation divides what a bill of any provider charges.
            let divides = is_allocation(first_format) != is_allocation(format);
            let same = both.is_some() && bill::repeat_each_other(first_format, format);
            if other.overlaps(&charged) && (same || divides) {
                return Err(IngestError::SameMoneyTwice {
                    first: first.clone(),
                    first_format: first_format.clone(),
                    second: file.to_owned(),
                    second_format: format.to_owned(),
                    evidence: format!(
                        "both bill {} for the same time",
                        both.cloned().flatten().unwrap_or_else(|| "a cluster".to_owned())
                    ),
                });
            }
        }
        self.charged.push((file.to_owned(), format.to_owned(), charged, content));
        Ok(())
    }

    /// Fails when a file has the very bytes of another one: a copy would count all of it twice.
    fn refuse_copy(
        &self,
        file: &str,
        sha256: Option<&String>,
        format: &str,
    ) -> Result<(), IngestError> {
        match self.files.iter().find(|it| sha256.is_some() && it.sha256.as_ref() == sha256) {
            None => Ok(()),
            Some(first) => Err(IngestError::SameMoneyTwice {
                first: first.name.clone(),
                first_format: first.format.clone(),
                second: file.to_owned(),
                second_format: format.to_owned(),
                evidence: "one is a copy of the other".to_owned(),
            }),
        }
    }

    fn push(
        &mut self,
        file: &str,
        facts: FileFacts,
        (format, kind): (String, SourceKind),
        columns_used: Vec<String>,
        rejected: u64,
    ) {
        self.rejected.extend(facts.rejected);
        self.files.push(InputFile {
            name: file.to_owned(),
            sha256: facts.sha256,
            format,
            kind,
            rows: facts.rows_in,
            rejected,
            columns_ignored: ignored(&facts.headers, &columns_used),
            columns_used,
        });
    }
}

/// Whose a request is, by the rules of the config, else by the server that the cluster runs for its
/// model.
pub(super) fn claim(
    subject: &RequestSubject<'_>,
    format: RequestFormat,
    (config, view): (&Config, &ClusterView),
) -> Option<String> {
    let mut tags: BTreeMap<String, String> = subject
        .tags
        .iter()
        .filter_map(|it| it.split_once([':', '=']))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    if let Some(team) = subject.team {
        tags.entry("team".to_owned()).or_insert_with(|| team.to_owned());
    }
    let by_rule = |model: Option<&str>| {
        let subject = Subject {
            file: Some(subject.file),
            provider: subject.provider,
            model,
            endpoint: subject.endpoint.or(subject.api_base),
            tags: Some(&tags),
            ..Subject::default()
        };
        config.rules.claim(&subject).workload
    };
    let by_cluster = || {
        // A gateway puts the provider's name before the model's: `hosted_vllm/org/model`.
        let own = |it: &'_ str| it.split_once('/').map(|(_, own)| own.to_owned());
        let names = [subject.model_group, subject.model].into_iter().flatten();
        names
            .flat_map(|it| [Some(it.to_owned()), own(it)])
            .flatten()
            .find_map(|it| view.workload_of_model(&it).map(str::to_owned))
    };
    by_rule(subject.model_group)
        .or_else(|| by_rule(subject.model))
        .or_else(|| if format == RequestFormat::Generic { None } else { by_cluster() })
}

fn ignored(headers: &[String], used: &[String]) -> Vec<String> {
    headers.iter().filter(|it| !used.contains(it)).cloned().collect()
}

/// Whether a JSON object on one line is a document of its own rather than a row.
fn is_document(value: &serde_json::Value) -> bool {
    let pair = |a: &str, b: &str| value.get(a).is_some() && value.get(b).is_some();
    pair("status", "data")
        || pair("status", "errorType")
        || pair("kind", "items")
        || bill::is_document(value)
}

fn is_usage_column(header: &str) -> bool {
    schema::find(header).is_some() || schema::normalized(header) == schema::COST
}

/// Whether the headers are those of the usage table; an error where only the time is missing.
fn is_usage(headers: &[String], file: &str) -> Result<bool, IngestError> {
    let known: Vec<&str> =
        headers.iter().filter_map(|it| schema::find(it)).map(|it| it.name).collect();
    let has_cost = headers.iter().any(|it| schema::normalized(it) == schema::COST);
    let tells = |name: &&str| {
        !matches!(
            *name,
            schema::PERIOD_START
                | schema::WORKLOAD
                | schema::PROMPT_TOKENS
                | schema::COMPLETION_TOKENS
                | "model"
        )
    };
    let is_usage = has_cost || known.iter().any(tells);
    if is_usage && !known.contains(&schema::PERIOD_START) {
        if known.len() + usize::from(has_cost) < 2 {
            return Ok(false);
        }
        return Err(IngestError::MissingColumn {
            file: file.to_owned(),
            column: schema::PERIOD_START,
            hint: "name the start of each period `period_start` (or timestamp, ts, time, date)"
                .to_owned(),
        });
    }
    Ok(is_usage)
}

pub(super) fn unknown(headers: &[String], file: &str) -> IngestError {
    let mut columns: Vec<String> =
        headers.iter().take(MAX_HEADERS_SHOWN).map(|it| excerpt(it)).collect();
    if headers.len() > MAX_HEADERS_SHOWN {
        columns.push(format!("and {} more", headers.len() - MAX_HEADERS_SHOWN));
    }
    IngestError::UnknownFormat { file: file.to_owned(), columns: columns.join(", ") }
}
