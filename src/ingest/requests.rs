//! Request logs: one row per request.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::cell;
use super::cluster::ClusterView;
use super::raw::RawTable;
use super::rejected::{Rejected, RejectedKind};
use super::{Config, IngestError, window};
use crate::units::{Period, TokenCounts};
use crate::usage::schema;
use crate::workload::ArrivalTrace;

/// The requests of one workload.
#[derive(Clone, Debug)]
pub struct RequestLog {
    /// The workload.
    pub workload: String,
    /// Its requests in order of arrival.
    pub trace: ArrivalTrace,
}

impl RequestLog {
    /// True for no request.
    pub fn is_empty(&self) -> bool {
        self.trace.is_empty()
    }

    /// From the first to the last arrival, rounded outward to whole minutes.
    pub fn span(&self) -> Option<Period> {
        window::minutes_around(*self.trace.at_us.first()?, *self.trace.at_us.last()?)
    }

    /// The requests inside `window`.
    pub(super) fn cut_to(self, window: Period) -> RequestLog {
        let at = &self.trace.at_us;
        let from = at.partition_point(|us| *us < window.start().us());
        let to = at.partition_point(|us| *us < window.end().us());
        let tokens = self.trace.tokens.get(from..to).unwrap_or_default().to_vec();
        let trace = ArrivalTrace { at_us: at[from..to].to_vec(), tokens, ..self.trace };
        RequestLog { trace, ..self }
    }
}

/// One request while it is read.
struct Request {
    at_us: i64,
    tokens: Option<TokenCounts>,
}

/// Collects the requests of all logs of a run.
#[derive(Default)]
pub(super) struct RequestBuilder {
    by_workload: BTreeMap<String, Vec<Request>>,
    relative: BTreeMap<String, bool>,
    rejected: Vec<Rejected>,
}

/// What came of it.
pub(super) struct Requests {
    pub(super) logs: Vec<RequestLog>,
    pub(super) rejected: Vec<Rejected>,
}

/// Where the columns of a log are.
struct Columns {
    time: (usize, String),
    workload: Option<(usize, String)>,
    prompt: Option<(usize, String)>,
    completion: Option<(usize, String)>,
    milliseconds_from_start: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestFormat {
    Generic,
    AzureLlm,
    Mooncake,
}
impl RequestFormat {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RequestFormat::Generic => "request log",
            RequestFormat::AzureLlm => "Azure LLM trace",
            RequestFormat::Mooncake => "Mooncake trace",
        }
    }
    pub(super) fn wants(self, header: &str, _config: &Config) -> bool {
        let name = schema::normalized(header);
        schema::find(header).is_some()
            || ["contexttokens", "generatedtokens", "input_length", "output_length", "timestamp"].contains(&name.as_str())
    }
}
pub(super) fn detect(headers: &[String], _file: &str, _mappings: &[LogMapping]) -> Option<RequestFormat> {
    let has = |name: &str| headers.iter().any(|it| schema::normalized(it) == name);
    if has("contexttokens") && has("timestamp") { return Some(RequestFormat::AzureLlm); }
    if has("input_length") && has("timestamp") { return Some(RequestFormat::Mooncake); }
    let known: Vec<&str> = headers.iter().filter_map(|it| schema::find(it)).map(|it| it.name).collect();
    let usage = has("cost") || known.iter().any(|n| !matches!(*n, "period_start"|"workload"|"prompt_tokens"|"completion_tokens"|"model"));
    let log = known.contains(&"prompt_tokens") || known.contains(&"completion_tokens") || schema::REQUEST_LOG_COLUMNS.iter().any(|n| has(n));
    (known.contains(&"period_start") && !usage && log).then_some(RequestFormat::Generic)
}
#[derive(serde::Deserialize)]
pub(super) struct RawLogMapping { file: String, workload: String }
#[derive(Clone, Debug)]
pub(super) struct LogMapping { pattern: glob::Pattern, workload: String }
impl LogMapping {
    pub(super) fn check(raw: RawLogMapping) -> Result<LogMapping, String> {
        let pattern = glob::Pattern::new(&raw.file).map_err(|e| format!("`{}` is not a pattern: {}", raw.file, e.msg))?;
        Ok(LogMapping { pattern, workload: raw.workload })
    }
    pub(super) fn workload_of_file(&self, file: &str) -> Option<&str> {
        self.pattern.matches(file).then_some(self.workload.as_str())
    }
}

impl RequestBuilder {
    pub(super) fn n_rejected(&self) -> u64 {
        self.rejected.len() as u64
    }

    /// Adds the requests of a file; returns the headers that were used.
    pub(super) fn add(
        &mut self,
        raw: &RawTable,
        file: &str,
        format: RequestFormat,
        (config, _view): (&Config, &ClusterView),
        zone: Tz,
    ) -> Result<Vec<String>, IngestError> {
        let columns = Columns::of(raw, file, format)?;
        let default_name = config.workload_of_file(file);
        for row in 0..raw.len() {
            match columns.request(raw, row, zone) {
                Ok((name, request)) => {
                    let name = name.unwrap_or_else(|| default_name.clone());
                    if !self.by_workload.contains_key(&name) {
                        self.relative.insert(name.clone(), columns.milliseconds_from_start);
                        self.by_workload.insert(name.clone(), Vec::new());
                    }
                    if let Some(requests) = self.by_workload.get_mut(&name) {
                        requests.push(request);
                    }
                }
                Err((column, reason)) => self.rejected.push(Rejected {
                    file: file.to_owned(),
                    row: raw.row_number(row),
                    column: Some(column),
                    reason,
                    kind: RejectedKind::Faulty,
                }),
            }
        }
        let used = [Some(columns.time), columns.workload, columns.prompt, columns.completion];
        Ok(used.into_iter().flatten().map(|(_, header)| header).collect())
    }

    /// The logs, each in order of arrival; requests at one instant keep the order of the files.
    pub(super) fn finish(self) -> Requests {
        let relative = self.relative;
        let logs = self
            .by_workload
            .into_iter()
            .map(|(workload, mut requests)| {
                requests.sort_by_key(|it| it.at_us);
                let has_tokens = requests.iter().all(|it| it.tokens.is_some());
                let tokens = if has_tokens {
                    requests.iter().filter_map(|it| it.tokens).collect()
                } else {
                    Vec::new()
                };
                let trace = ArrivalTrace {
                    at_us: requests.iter().map(|it| it.at_us).collect(),
                    tokens,
                    relative: relative.get(&workload).copied().unwrap_or(false),
                };
                RequestLog { workload, trace }
            })
            .collect();
        Requests { logs, rejected: self.rejected }
    }
}

impl Columns {
    fn of(raw: &RawTable, file: &str, format: RequestFormat) -> Result<Columns, IngestError> {
        let named = |name: &str| {
            let at = raw.headers.iter().position(|it| schema::normalized(it) == name)?;
            Some((at, raw.headers[at].clone()))
        };
        let meaning = |name: &str| {
            let at = raw
                .headers
                .iter()
                .position(|it| schema::find(it).is_some_and(|spec| spec.name == name))?;
            Some((at, raw.headers[at].clone()))
        };
        let (time, prompt, completion) = match format {
            RequestFormat::Generic => (
                meaning(schema::PERIOD_START),
                meaning(schema::PROMPT_TOKENS),
                meaning(schema::COMPLETION_TOKENS),
            ),
            RequestFormat::AzureLlm => {
                (named("timestamp"), named("contexttokens"), named("generatedtokens"))
            }
            RequestFormat::Mooncake => {
                (named("timestamp"), named("input_length"), named("output_length"))
            }
        };
        let columns = Columns {
            time: time.ok_or_else(|| IngestError::MissingColumn {
                file: file.to_owned(),
                column: "timestamp",
                hint: "name the time of each request `timestamp`".to_owned(),
            })?,
            workload: meaning(schema::WORKLOAD),
            prompt,
            completion,
            milliseconds_from_start: format == RequestFormat::Mooncake,
        };
        let used = [
            Some(&columns.time),
            columns.workload.as_ref(),
            columns.prompt.as_ref(),
            columns.completion.as_ref(),
        ];
        for (at, _) in used.into_iter().flatten() {
            raw.check_type(*at, file)?;
        }
        Ok(columns)
    }

    /// A request and the workload its row names, or the column at fault and why.
    fn request(
        &self,
        raw: &RawTable,
        row: usize,
        zone: Tz,
    ) -> Result<(Option<String>, Request), (String, String)> {
        let (time_at, time_header) = &self.time;
        let in_time = |reason: String| (time_header.clone(), reason);
        let cell = raw.cell(*time_at, row);
        let missing = || in_time("the time is missing".to_owned());
        let at_us = if self.milliseconds_from_start {
            let ms = cell::quantity(cell).map_err(in_time)?.ok_or_else(missing)?;
            if ms > 1e14 {
                return Err(in_time("the time is too far from the start".to_owned()));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
            let us = (ms * 1e3).round() as i64;
            us
        } else {
            cell::time(cell, zone).map_err(in_time)?.ok_or_else(missing)?.us()
        };
        let count = |column: &Option<(usize, String)>| match column {
            None => Ok(None),
            Some((at, header)) => {
                cell::count(raw.cell(*at, row)).map_err(|it| (header.clone(), it))
            }
        };
        let tokens = match (count(&self.prompt)?, count(&self.completion)?) {
            (Some(prompt), Some(completion)) => Some(TokenCounts { prompt, completion }),
            _ => None,
        };
        let name = match &self.workload {
            None => None,
            Some((at, header)) => {
                cell::text(raw.cell(*at, row)).map_err(|it| (header.clone(), it))?
            }
        };
        Ok((name, Request { at_us, tokens }))
    }
}
