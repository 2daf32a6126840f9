//! Request logs: one row, or one span, per request.
//!
//! Comes in: batches of rows of any log that is known. Goes out: one [`RequestLog`] per workload
//! and the account of every row: part of the demand, left out for a stated reason, or refused. Keys,
//! end users, addresses of clients and texts of prompts and answers are never read.

mod account;
mod builder;
mod clock;
mod columns;
mod log;
mod mapping;
mod otel;
mod outcome;
mod overlap;
mod passes;
mod plain;
mod rollup;
mod seen;
mod side_by_side;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::cell::Cell;
use super::rejected::Rejected;
use crate::units::TokenCounts;
use crate::usage::schema;

pub(in crate::ingest) use account::{Fate, RequestAccount};
pub(in crate::ingest) use builder::RequestBuilder;
use columns::Role;
pub use log::{RequestFacts, RequestLog, push_requests};
pub(in crate::ingest) use mapping::{LogMapping, RawLogMappings, near_miss, workload_of_file};
use outcome::Outcome;
pub use outcome::Tells;
pub(in crate::ingest) use rollup::DayCounts;
pub(in crate::ingest) use side_by_side::add_side_by_side;

/// What is wrong with a row: the header of the column at fault, if one is, and the reason.
type Fault = (Option<String>, String);

/// The request logs that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum RequestFormat {
    /// `timestamp, prompt_tokens, completion_tokens`.
    Generic,
    /// Azure LLM inference trace: `TIMESTAMP, ContextTokens, GeneratedTokens`.
    AzureLlm,
    /// Mooncake: milliseconds from the start, `input_length, output_length`.
    Mooncake,
    /// The table `LiteLLM_SpendLogs`.
    LiteLlm,
    /// A table `LiteLLM_Daily...Spend`: counts by day.
    LiteLlmDaily,
    /// BurstGPT, with or without sessions: seconds from midnight of the first day.
    BurstGpt,
    /// OpenTelemetry spans of generative AI.
    OtelGenAi,
    /// Columns that the config names, by the place of the mapping in it.
    Mapped(usize),
}

impl RequestFormat {
    /// The format for people.
    pub(in crate::ingest) const fn as_str(self) -> &'static str {
        match self {
            RequestFormat::Generic => "request log",
            RequestFormat::AzureLlm => "Azure LLM trace",
            RequestFormat::Mooncake => "Mooncake trace",
            RequestFormat::LiteLlm => "LiteLLM spend log",
            RequestFormat::LiteLlmDaily => "LiteLLM daily spend",
            RequestFormat::BurstGpt => "BurstGPT trace",
            RequestFormat::OtelGenAi => "OpenTelemetry GenAI spans",
            RequestFormat::Mapped(_) => "request log by [[mapping]]",
        }
    }

    /// Whether a column is read, by its header.
    pub(in crate::ingest) fn wants(self, header: &str, mappings: &[LogMapping]) -> bool {
        match self {
            RequestFormat::OtelGenAi => otel::wants(header),
            RequestFormat::LiteLlmDaily => rollup::wants(header),
            other => !columns::roles(other, header, mappings).is_empty(),
        }
    }
}

/// Tells the request log that a file is by its headers, if it is one. A mapping of the config that
/// is for the file and whose columns it has comes first.
pub(in crate::ingest) fn detect(
    headers: &[String],
    file: &str,
    mappings: &[LogMapping],
) -> Option<RequestFormat> {
    if let Some(at) = mapping::fitting(headers, file, mappings) {
        return Some(RequestFormat::Mapped(at));
    }
    let names: BTreeSet<String> = headers.iter().map(|it| schema::normalized(it)).collect();
    let has = |wanted: &[&str]| wanted.iter().all(|it| names.contains(*it));
    let tokens = has(&["prompt_tokens", "completion_tokens"]);
    let gateway = ["model_group", "custom_llm_provider", "call_type", "completionstarttime"];
    if has(&["starttime", "endtime"]) && tokens && gateway.iter().any(|it| has(&[it])) {
        Some(RequestFormat::LiteLlm)
    } else if rollup::fits(&names) {
        Some(RequestFormat::LiteLlmDaily)
    } else if otel::fits(headers) {
        Some(RequestFormat::OtelGenAi)
    } else if has(&["timestamp", "model", "request_tokens", "response_tokens"]) {
        Some(RequestFormat::BurstGpt)
    } else if has(&["timestamp", "contexttokens", "generatedtokens"]) {
        Some(RequestFormat::AzureLlm)
    } else if has(&["timestamp", "input_length", "output_length"]) {
        Some(RequestFormat::Mooncake)
    } else {
        is_generic(headers, &names).then_some(RequestFormat::Generic)
    }
}

/// A time and what only requests have, and nothing of a usage table.
fn is_generic(headers: &[String], names: &BTreeSet<String>) -> bool {
    let known: Vec<&str> =
        headers.iter().filter_map(|it| schema::find(it)).map(|it| it.name).collect();
    let tokens = [schema::PROMPT_TOKENS, schema::COMPLETION_TOKENS];
    let is_log = tokens.iter().any(|it| known.contains(it))
        || schema::REQUEST_LOG_COLUMNS.iter().any(|it| names.contains(*it));
    let of_log = |name: &&str| {
        [schema::PERIOD_START, schema::WORKLOAD, "model"].contains(name) || tokens.contains(name)
    };
    let is_usage = names.contains(schema::COST) || !known.iter().all(of_log);
    known.contains(&schema::PERIOD_START) && is_log && !is_usage
}

/// What is known of a request, for the rules of the config to decide whose it is.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct RequestSubject<'a> {
    /// The file.
    pub(in crate::ingest) file: &'a str,
    /// The model as the log names it.
    pub(in crate::ingest) model: Option<&'a str>,
    /// The name under which a gateway offers it.
    pub(in crate::ingest) model_group: Option<&'a str>,
    /// Who serves it.
    pub(in crate::ingest) provider: Option<&'a str>,
    /// Address of the server.
    pub(in crate::ingest) api_base: Option<&'a str>,
    /// Name of the service that reported the span.
    pub(in crate::ingest) endpoint: Option<&'a str>,
    /// Team.
    pub(in crate::ingest) team: Option<&'a str>,
    /// Tags as the log has them.
    pub(in crate::ingest) tags: &'a [String],
}

/// Names a workload, where a rule of the config does.
pub(in crate::ingest) type Rules<'a> = &'a (dyn Fn(&RequestSubject<'_>) -> Option<String> + Sync);

/// A file that is read, with what the config says of it.
#[derive(Clone, Copy)]
pub(in crate::ingest) struct LogSource<'a> {
    /// Its name.
    pub(in crate::ingest) file: &'a str,
    /// What it is.
    pub(in crate::ingest) format: RequestFormat,
    /// The mappings of the config.
    pub(in crate::ingest) mappings: &'a [LogMapping],
    /// The rules of the config.
    pub(in crate::ingest) rules: Rules<'a>,
    /// Zone of wall clocks without an offset.
    pub(in crate::ingest) zone: Tz,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestFate {
    /// The log does not tell.
    #[default]
    Untold,
    /// It was answered.
    Served,
    /// It was offered and not answered.
    Failed,
    /// It was refused for a limit, or answered from a cache: no GPU saw it.
    LeftOut,
}

impl RequestFate {
    /// What a word for a status says; one that is not known counts as an answer.
    pub fn of_word(text: &str) -> RequestFate {
        RequestFate::of_status(Cell::Text(text))
    }

    /// What a status code of HTTP says.
    pub fn of_code(code: i64) -> RequestFate {
        RequestFate::of_status(Cell::Int(code.into()))
    }

    fn of_status(cell: Cell<'_>) -> RequestFate {
        let outcome = outcome::of_status(cell).ok().flatten().unwrap_or_default();
        RequestFate::of(outcome, outcome::tells(cell, outcome))
    }

    fn of(outcome: Outcome, tells: Tells) -> RequestFate {
        match outcome {
            Outcome::Served if tells == Tells::Nothing => RequestFate::Untold,
            Outcome::Served => RequestFate::Served,
            Outcome::Failed => RequestFate::Failed,
            Outcome::Throttled | Outcome::Cached => RequestFate::LeftOut,
        }
    }
}

/// A request as a rollup needs it.
#[derive(Clone, Copy, Debug)]
pub struct RequestRow {
    /// Whose it is, by the place of the name.
    pub workload: u32,
    /// When it came, microseconds since 1970.
    pub at_us: i64,
    /// Its tokens, where they were counted.
    pub tokens: Option<TokenCounts>,
    /// What became of it.
    pub fate: RequestFate,
}

/// The columns of a log that is nothing but times, names and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainColumns {
    /// When a request came.
    pub time: String,
    /// Whose it is; without one all belong to the workload that the file is named after.
    pub workload: Option<String>,
    /// Its prompt tokens.
    pub prompt: String,
    /// Its completion tokens.
    pub completion: String,
    /// What became of it, where the log tells.
    pub status: Option<String>,
}

impl PlainColumns {
    /// Their headers.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let always = [&self.time, &self.prompt, &self.completion];
        always.into_iter().chain(&self.workload).chain(&self.status)
    }
}

/// The columns of a generic log without ids and latencies, by their headers. What a model is called
/// decides nothing there.
pub(in crate::ingest) fn plain_columns(headers: &[String]) -> Option<PlainColumns> {
    let mut found: [Option<&String>; 5] = [None; 5];
    for header in headers {
        for role in columns::roles(RequestFormat::Generic, header, &[]) {
            let at = match role {
                Role::Time => 0,
                Role::Workload => 1,
                Role::Prompt => 2,
                Role::Completion => 3,
                Role::Status => 4,
                Role::Model => continue,
                _ => return None,
            };
            found[at] = found[at].or(Some(header));
        }
    }
    let [time, workload, prompt, completion, status] = found.map(Option::<&String>::cloned);
    Some(PlainColumns { time: time?, workload, prompt: prompt?, completion: completion?, status })
}

/// What came of it.
pub(in crate::ingest) struct Requests {
    /// One log per workload, by name; a workload with dated and with relative times has two.
    pub(in crate::ingest) logs: Vec<RequestLog>,
    /// Counts of whole days, for the usage table.
    pub(in crate::ingest) days: Vec<DayCounts>,
    /// Rows that were refused.
    pub(in crate::ingest) rejected: Vec<Rejected>,
    /// Duplicates that are counted and not listed.
    pub(in crate::ingest) unlisted: u64,
    /// Every row or span by its fate.
    pub(in crate::ingest) account: RequestAccount,
    /// What the reader must know, one sentence each.
    pub(in crate::ingest) notices: Vec<String>,
}
