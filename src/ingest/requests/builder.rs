//! Collects the rows of all request logs of a run and makes one log per workload of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use rayon::prelude::*;

use super::super::IngestError;
use super::super::raw::RawTable;
use super::super::rejected::{Rejected, RejectedKind, excerpt};
use super::super::stem;
use super::account::{Fate, RequestAccount};
use super::columns::{Columns, Labels, Plain, Row};
use super::log::{Gathered, Record, RequestLog};
use super::otel::{Call, Nesting, SpanColumns, Verdict};
use super::overlap::{self, Sketch, Sketches};
use super::passes::Passes;
use super::rollup::{DayColumns, Repeat, Rollups};
use super::seen::{self, Seen};
use super::{
    Fault, LogMapping, LogSource, RequestFormat, RequestRow, RequestSubject, Requests,
    workload_of_file,
};
use crate::units::{RequestTokens, TokenCounts};

/// Most duplicates that are listed; the others are counted.
const MOST_DUPLICATES_LISTED: usize = 100_000;

/// Collects the requests of all logs of a run.
#[derive(Default)]
pub(in crate::ingest) struct RequestBuilder {
    dated: Logs,
    relative: Logs,
    /// Where somebody else sums them up: the requests since they were last taken. Nothing else is
    /// kept of them then.
    rows: Option<Vec<RequestRow>>,
    /// Calls of spans with their workloads, until all spans are known.
    calls: Vec<(String, Box<Call>)>,
    nesting: Nesting,
    rollups: Rollups,
    seen: Seen,
    /// What is known of the file that is being read.
    open: OpenFile,
    sketches: Sketches,
    /// Whether no other file is read, so that no sample of this one is compared with any.
    is_alone: bool,
    account: RequestAccount,
    rejected: Vec<Rejected>,
    /// Duplicates that are listed, and that are not.
    duplicates: (usize, u64),
    notices: Vec<String>,
}

/// The requests of each workload, by name.
type Logs = IndexMap<String, Gathered, FixedState>;

/// What a file's batches tell together.
#[derive(Default)]
struct OpenFile {
    passes: Passes,
    sketch: Sketch,
}

/// A row of a file, by its number.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    row: u64,
}

impl RequestBuilder {
    /// For whoever takes the requests one by one.
    pub(in crate::ingest) fn for_rows() -> RequestBuilder {
        RequestBuilder { rows: Some(Vec::new()), ..RequestBuilder::default() }
    }

    /// Of a run with so many files.
    pub(in crate::ingest) fn of_files(n: usize) -> RequestBuilder {
        RequestBuilder { is_alone: n == 1, ..RequestBuilder::default() }
    }

    /// Whether somebody else takes the requests one by one.
    pub(super) fn is_for_rows(&self) -> bool {
        self.rows.is_some()
    }

    /// Takes the requests since the last time. Their workloads are the places of their names.
    pub(in crate::ingest) fn take_rows(&mut self) -> Vec<RequestRow> {
        self.rows.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The workloads so far.
    pub(in crate::ingest) fn names(&self) -> impl Iterator<Item = &str> {
        self.dated.keys().map(String::as_str)
    }

    /// Whether there are requests without a date.
    pub(in crate::ingest) fn has_relative(&self) -> bool {
        !self.relative.is_empty()
    }

    /// Rows refused so far.
    pub(in crate::ingest) fn n_rejected(&self) -> u64 {
        self.rejected.len() as u64 + self.duplicates.1
    }

    /// Adds a batch of rows; returns the headers that were used.
    pub(in crate::ingest) fn add(
        &mut self,
        raw: &RawTable,
        source: LogSource<'_>,
    ) -> Result<Vec<String>, IngestError> {
        let used: BTreeSet<usize> = match source.format {
            RequestFormat::OtelGenAi => SpanColumns::bind(raw).used().collect(),
            RequestFormat::LiteLlmDaily => DayColumns::bind(raw).used().collect(),
            other => Columns::bind(raw, other, source.mappings, source.zone).used().collect(),
        };
        for at in &used {
            raw.check_type(*at, source.file)?;
        }
        match source.format {
            RequestFormat::OtelGenAi => self.add_spans(raw, source),
            RequestFormat::LiteLlmDaily => self.add_days(raw, source),
            _ => self.add_rows(raw, source)?,
        }
        Ok(used.into_iter().filter_map(|at| raw.headers.get(at).cloned()).collect())
    }

    /// Ends a file: an error where an earlier one holds the same requests.
    pub(in crate::ingest) fn close(
        &mut self,
        file: &str,
        format: RequestFormat,
    ) -> Result<(), IngestError> {
        let OpenFile { passes, sketch } = std::mem::take(&mut self.open);
        self.notices.extend(passes.notice(file));
        if self.is_alone {
            return Ok(());
        }
        for overlap in self.sketches.close(file, format, &sketch) {
            if overlap.verdict == overlap::Verdict::Same {
                return Err(IngestError::SameRequestsTwice {
                    percent: overlap.percent(),
                    first: overlap.first,
                    second: file.to_owned(),
                    smaller: overlap.smaller,
                });
            }
            self.notices.push(overlap.notice(file));
        }
        Ok(())
    }

    /// For a later part of the file that is being read, whose rows stand alone.
    pub(super) fn part(&self) -> RequestBuilder {
        let open = OpenFile { sketch: self.open.sketch.part(), ..OpenFile::default() };
        RequestBuilder { open, is_alone: self.is_alone, ..RequestBuilder::default() }
    }

    /// Adds requests of which only times and tokens are known, in no order.
    pub(super) fn add_plain(&mut self, name: &str, at_us: Vec<i64>, tokens: Vec<RequestTokens>) {
        self.account.read += at_us.len() as u64;
        let log = place_of(&mut self.dated, name);
        self.dated[log].absorb(Gathered::plain(at_us, tokens));
    }

    /// Notes one of them for the sample of the open file, which nothing is compared with where it is alone.
    #[inline]
    pub(super) fn note_plain(&mut self, at_us: i64, tokens: RequestTokens, whose: u64) {
        if !self.is_alone {
            let (prompt, completion) = (tokens.prompt.into(), tokens.completion.into());
            let tokens = Some(TokenCounts { prompt, completion });
            let record = Record { at_us, tokens, ..Record::default() };
            self.open.sketch.note(&record, whose, false);
        }
    }

    /// Adds such a part.
    pub(super) fn absorb(&mut self, part: RequestBuilder) -> Result<(), IngestError> {
        for (into, from) in [(&mut self.dated, part.dated), (&mut self.relative, part.relative)] {
            for (name, requests) in from {
                into.entry(name).or_default().absorb(requests);
            }
        }
        self.open.sketch.absorb(part.open.sketch);
        self.rejected.extend(part.rejected);
        Ok(self.account.absorb(part.account)?)
    }

    fn add_rows(&mut self, raw: &RawTable, source: LogSource<'_>) -> Result<(), IngestError> {
        let columns = Columns::bind(raw, source.format, source.mappings, source.zone);
        let mut names = Names::new(source);
        let plain = columns.plain();
        let mut known: Vec<Option<Known<'_>>> = Vec::new();
        known.resize_with(plain.as_ref().map_or(0, Plain::n_labels), || None);
        for at in 0..raw.len() {
            self.account.read += 1;
            if let Some((at_us, tokens, labels)) = plain.as_ref().and_then(|it| it.row(at))
                && let Some(known) = self.known(&mut known[labels], (&columns, at), &mut names)
            {
                let record = known.record(at_us, tokens);
                if !self.is_alone {
                    self.open.sketch.note(&record, known.whose, false);
                }
                add(&mut self.rows, &mut self.dated, known.log, &record);
                continue;
            }
            let place = Place { file: source.file, row: raw.row_number(at) };
            match columns.row(at, &mut self.open.passes) {
                Ok(row) => {
                    if !self.is_left_out(&row, place)? {
                        let has_id = row.id.is_some();
                        self.open.sketch.add(&row.record(), &row.labels, has_id);
                        let name = names.workload(&row.labels);
                        let logs = if columns.is_relative() {
                            &mut self.relative
                        } else {
                            &mut self.dated
                        };
                        let log = place_of(logs, name);
                        add(&mut self.rows, logs, log, &row.record());
                    }
                }
                Err(fault) => self.reject(place, fault),
            }
        }
        Ok(())
    }

    /// What the labels of a row mean, looked up once for all rows that have them.
    fn known<'a, 'k>(
        &mut self,
        known: &'k mut Option<Known<'a>>,
        (columns, row): (&Columns<'a>, usize),
        names: &mut Names<'_>,
    ) -> Option<&'k Known<'a>> {
        if known.is_none() {
            let labels = columns.labels(row).ok()?;
            let log = place_of(&mut self.dated, names.workload(&labels));
            *known = Some(Known { log, whose: overlap::whose(&labels), labels });
        }
        known.as_ref()
    }

    /// Whether a row is no request of its own: it was there before, or calls a tool.
    fn is_left_out(&mut self, row: &Row<'_>, place: Place<'_>) -> Result<bool, IngestError> {
        if let Some(id) = &row.id {
            let content = seen::content(&row.record(), &row.labels);
            if self.seen.is_repeated(seen::id_of(id), content) {
                self.repeat(place, "the same request, by its id, came before");
                return Ok(true);
            }
        }
        if let Some(spend) = row.spend {
            self.account.add_spend(spend)?;
        }
        if row.no_model_call {
            self.account.count(Fate::OtherOperation);
            return Ok(true);
        }
        if let Some(status) = &row.unknown_status {
            self.account.count_status(excerpt(status));
        }
        self.account.count_outcome(row.outcome);
        Ok(false)
    }

    fn add_spans(&mut self, raw: &RawTable, source: LogSource<'_>) {
        let columns = SpanColumns::bind(raw);
        let mut names = Names::new(source);
        for at in 0..raw.len() {
            let place = Place { file: source.file, row: raw.row_number(at) };
            let spans = match columns.row(at) {
                Ok(spans) => spans,
                Err(fault) => {
                    self.account.read += 1;
                    self.reject(place, fault);
                    continue;
                }
            };
            for (span, parent) in spans.parents {
                self.nesting.note(span, parent);
            }
            for verdict in spans.verdicts {
                self.account.read += 1;
                match verdict {
                    Ok(Verdict::Call(call)) => self.add_call(call, place, &mut names),
                    Ok(Verdict::Not(fate)) => self.account.count(fate),
                    Err(fault) => self.reject(place, fault),
                }
            }
        }
    }

    fn add_call(&mut self, call: Box<Call>, place: Place<'_>, names: &mut Names<'_>) {
        let content = seen::content(&call.record(), &call.labels());
        let repeated = call.key.is_some_and(|key| self.seen.is_repeated(key, content));
        if repeated {
            self.repeat(place, "the same span, by its trace and span id, came before");
            return;
        }
        self.open.sketch.add(&call.record(), &call.labels(), call.key.is_some());
        let name = names.workload(&call.labels()).to_owned();
        self.calls.push((name, call));
    }

    fn add_days(&mut self, raw: &RawTable, source: LogSource<'_>) {
        let columns = DayColumns::bind(raw);
        let mut names = Names::new(source);
        for at in 0..raw.len() {
            self.account.read += 1;
            let place = Place { file: source.file, row: raw.row_number(at) };
            match columns.row(at) {
                Ok(row) if row.of_tool => self.account.count(Fate::OtherOperation),
                Ok(row) => {
                    let name = names.workload(&row.labels).to_owned();
                    if self.rollups.add(name, &row) == Repeat::Yes {
                        self.repeat(place, "a row with this id came before; the larger counts");
                    }
                }
                Err(fault) => self.reject(place, fault),
            }
        }
    }

    fn reject(&mut self, place: Place<'_>, (column, reason): Fault) {
        self.account.count(Fate::Rejected);
        let (file, row) = (place.file.to_owned(), place.row);
        self.rejected.push(Rejected { file, row, column, reason, kind: RejectedKind::Faulty });
    }

    fn repeat(&mut self, place: Place<'_>, reason: &str) {
        self.account.count(Fate::Duplicate);
        if self.duplicates.0 == MOST_DUPLICATES_LISTED {
            self.duplicates.1 += 1;
            return;
        }
        self.duplicates.0 += 1;
        let (file, row, reason) = (place.file.to_owned(), place.row, reason.to_owned());
        let kind = RejectedKind::Duplicate;
        self.rejected.push(Rejected { file, row, column: None, reason, kind });
    }

    /// The logs, each in order of arrival.
    pub(in crate::ingest) fn finish(mut self) -> Requests {
        self.finish_calls();
        self.account.reused_ids = self.seen.n_reused_ids();
        self.dated.sort_unstable_keys();
        self.relative.sort_unstable_keys();
        let dated = self.dated.into_iter().map(|it| (it, false));
        let gathered: Vec<_> =
            dated.chain(self.relative.into_iter().map(|it| (it, true))).collect();
        let finished: Vec<_> = gathered
            .into_par_iter()
            .map(|((workload, requests), relative)| requests.finish(workload, relative))
            .collect();
        let mut logs: Vec<RequestLog> = Vec::new();
        for (log, kept) in finished {
            self.account.add_log(&log, kept);
            logs.push(log);
        }
        logs.sort_by(|a, b| a.workload.cmp(&b.workload));
        let days = self.rollups.finish(&mut self.account);
        let mut notices = self.account.notices();
        notices.extend(self.notices);
        let unlisted = self.duplicates.1;
        let (rejected, account) = (self.rejected, self.account);
        Requests { logs, days, rejected, unlisted, account, notices }
    }

    /// Adds the calls of spans, each once however many spans report it.
    pub(in crate::ingest) fn finish_calls(&mut self) {
        let mut calls = std::mem::take(&mut self.calls);
        // Spans of one id with different content: their order must not be that of the files.
        calls.sort_by(|(_, a), (_, b)| match a.key.cmp(&b.key) {
            std::cmp::Ordering::Equal if a.key.is_some() => format!("{a:?}").cmp(&format!("{b:?}")),
            other => other,
        });
        let nested: Vec<_> = calls.iter().map(|(_, it)| (it.key, it.has_tokens())).collect();
        let kept = self.nesting.requests(&nested);
        for ((name, call), kept) in calls.into_iter().zip(kept) {
            if kept {
                let record = call.record();
                self.account.count_outcome(record.outcome);
                let log = place_of(&mut self.dated, &name);
                add(&mut self.rows, &mut self.dated, log, &record);
            } else {
                self.account.count(Fate::Nested);
            }
        }
    }
}

/// The place of a workload's log. No text is made for a name that is there already.
fn place_of(logs: &mut Logs, name: &str) -> usize {
    let known = logs.get_index_of(name);
    known.unwrap_or_else(|| logs.insert_full(name.to_owned(), Gathered::default()).0)
}

/// Adds a request to its log, or to the rows where somebody else sums them up.
fn add(rows: &mut Option<Vec<RequestRow>>, logs: &mut Logs, log: usize, record: &Record<'_>) {
    match rows {
        None => logs[log].add(record),
        Some(rows) => rows.push(record.row(log)),
    }
}

/// What the labels of a row mean.
struct Known<'a> {
    labels: Labels<'a>,
    /// The place of the log that the row belongs to.
    log: usize,
    whose: u64,
}

impl Known<'_> {
    fn record(&self, at_us: i64, tokens: TokenCounts) -> Record<'_> {
        let (model, team) = (self.labels.model.as_deref(), self.labels.team.as_deref());
        Record { at_us, tokens: Some(tokens), model, team, ..Record::default() }
    }
}

/// Names the workloads of a file's requests; what the rules say of a subject is asked once.
pub(super) struct Names<'a> {
    source: LogSource<'a>,
    by_rule: BTreeMap<String, Option<String>>,
    of_file: Option<&'a str>,
    stem: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn new(source: LogSource<'a>) -> Names<'a> {
        let own = match source.format {
            RequestFormat::Mapped(at) => source.mappings.get(at).and_then(LogMapping::workload),
            _ => None,
        };
        Names {
            source,
            by_rule: BTreeMap::new(),
            of_file: own.or_else(|| workload_of_file(source.file, source.mappings)),
            stem: stem(source.file),
        }
    }

    /// The workload: by a rule, by the row itself, by a mapping for the file, by what the format
    /// groups requests by, else the name of the file without its extensions.
    pub(super) fn workload<'b>(&'b mut self, labels: &'b Labels<'_>) -> &'b str {
        let source = self.source;
        let by_rule = self.by_rule.entry(labels.text()).or_insert_with(|| labels.named_by(source));
        let grouped = match source.format {
            RequestFormat::LiteLlm
            | RequestFormat::LiteLlmDaily
            | RequestFormat::OtelGenAi
            | RequestFormat::BurstGpt => labels.group(),
            _ => None,
        };
        let name = by_rule.as_deref().or(labels.workload.as_deref()).or(self.of_file).or(grouped);
        name.unwrap_or(self.stem)
    }
}

impl Labels<'_> {
    fn all(&self) -> [&Option<Cow<'_, str>>; 7] {
        let Labels { model, model_group, provider, api_base, endpoint, team, tags, .. } = self;
        [model, model_group, provider, api_base, endpoint, team, tags]
    }

    /// All but the tags, which exports write in more ways than one.
    pub(super) fn but_tags(&self) -> [Option<&str>; 7] {
        let Labels { workload, model, model_group, provider, api_base, endpoint, team, .. } = self;
        [workload, model, model_group, provider, api_base, endpoint, team].map(|it| it.as_deref())
    }

    /// All labels that rules look at as one text.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.all().iter().any(|it| it.is_some()) {
            for label in self.all() {
                text.push_str(label.as_deref().unwrap_or_default());
                text.push('\u{1f}');
            }
        }
        text
    }

    fn named_by(&self, source: LogSource<'_>) -> Option<String> {
        let tags = self.tags.as_deref().and_then(|it| serde_json::from_str::<Vec<String>>(it).ok());
        (source.rules)(&RequestSubject {
            file: source.file,
            model: self.model.as_deref(),
            model_group: self.model_group.as_deref(),
            provider: self.provider.as_deref(),
            api_base: self.api_base.as_deref(),
            endpoint: self.endpoint.as_deref(),
            team: self.team.as_deref(),
            tags: &tags.unwrap_or_default(),
        })
    }

    /// What a gateway groups requests by.
    fn group(&self) -> Option<&str> {
        self.model_group.as_deref().or(self.model.as_deref()).or(self.endpoint.as_deref())
    }
}
