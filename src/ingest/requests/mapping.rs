//! `[mapping]` of the config: which columns of a log mean what, and which file is whose.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::clock::TimeFormat;
use super::columns::Role;
use crate::ingest::file_name;
use crate::usage::schema;

/// One `[[mapping]]` as the config has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::ingest) struct RawLogMapping {
    file: Option<String>,
    workload: Option<String>,
    timestamp: Option<String>,
    timestamp_format: Option<String>,
    prompt_tokens: Option<String>,
    completion_tokens: Option<String>,
    workload_column: Option<String>,
    latency_s: Option<String>,
    latency_ms: Option<String>,
    ttft_s: Option<String>,
    ttft_ms: Option<String>,
    status: Option<String>,
    model: Option<String>,
    request_id: Option<String>,
}

/// All mappings of a config, whether written as `[mapping]` or as `[[mapping]]`.
#[derive(Debug, Default)]
pub(in crate::ingest) struct RawLogMappings(Vec<(Option<usize>, RawLogMapping)>);

impl RawLogMappings {
    /// Each mapping with its place in the text; a single `[mapping]` has none of its own.
    pub(in crate::ingest) fn into_list(self) -> Vec<(Option<usize>, RawLogMapping)> {
        self.0
    }
}

impl<'de> Deserialize<'de> for RawLogMappings {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<RawLogMappings, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = RawLogMappings;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawLogMappings, A::Error> {
                let one = RawLogMapping::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawLogMappings(vec![(None, one)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawLogMappings, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element::<toml::Spanned<RawLogMapping>>()? {
                    all.push((Some(one.span().start), one.into_inner()));
                }
                Ok(RawLogMappings(all))
            }
        }
        from.deserialize_any(OneOrMany)
    }
}

/// A mapping that was checked.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct LogMapping {
    /// Files it is for; all when absent.
    pattern: Option<glob::Pattern>,
    /// The workload of their requests, where no column says otherwise.
    workload: Option<String>,
    /// Nothing for a rule that only says whose a file is.
    columns: Option<MappedColumns>,
}

/// The columns of a log by the headers the user gave.
#[derive(Clone, Debug)]
struct MappedColumns {
    /// Header and meaning, each meaning once.
    headers: Vec<(String, Role)>,
    format: TimeFormat,
}

impl LogMapping {
    /// Checks a mapping; an error is what is wrong with it, in words for the user.
    pub(in crate::ingest) fn check(raw: RawLogMapping) -> Result<LogMapping, String> {
        let pattern = match &raw.file {
            None => None,
            Some(text) => Some(
                glob::Pattern::new(text)
                    .map_err(|error| format!("`{text}` is not a pattern: {}", error.msg))?,
            ),
        };
        if raw.latency_s.is_some() && raw.latency_ms.is_some() {
            return Err("`latency_s` and `latency_ms` exclude each other".to_owned());
        }
        if raw.ttft_s.is_some() && raw.ttft_ms.is_some() {
            return Err("`ttft_s` and `ttft_ms` exclude each other".to_owned());
        }
        let named = [
            ("timestamp", Role::Time, raw.timestamp),
            ("prompt_tokens", Role::Prompt, raw.prompt_tokens),
            ("completion_tokens", Role::Completion, raw.completion_tokens),
            ("workload_column", Role::Workload, raw.workload_column),
            ("latency_s", Role::LatencyS, raw.latency_s),
            ("latency_ms", Role::LatencyMs, raw.latency_ms),
            ("ttft_s", Role::TtftS, raw.ttft_s),
            ("ttft_ms", Role::TtftMs, raw.ttft_ms),
            ("status", Role::Status, raw.status),
            ("model", Role::Model, raw.model),
            ("request_id", Role::Id, raw.request_id),
        ];
        let mut headers = Vec::new();
        let mut first_key = None;
        for (key, role, header) in named {
            let Some(header) = header else { continue };
            if header.trim().is_empty() {
                return Err(format!("`{key}` names no column"));
            }
            first_key = first_key.or(Some(key));
            headers.push((header, role));
        }
        let columns = match first_key {
            Some("timestamp") => {
                let format = raw.timestamp_format.as_deref().map(TimeFormat::parse).transpose()?;
                Some(MappedColumns { headers, format: format.unwrap_or(TimeFormat::Auto) })
            }
            Some(key) => {
                return Err(format!("`{key}` needs `timestamp`, the time of each request"));
            }
            None if raw.timestamp_format.is_some() => {
                return Err("`timestamp_format` needs `timestamp`".to_owned());
            }
            None if pattern.is_none() || raw.workload.is_none() => {
                return Err("a mapping needs `file` and `workload`, or `timestamp`".to_owned());
            }
            None => None,
        };
        Ok(LogMapping { pattern, workload: raw.workload, columns })
    }

    fn is_for(&self, file: &str) -> bool {
        self.pattern.as_ref().is_none_or(|it| it.matches(file_name(file)))
    }

    /// The workload it gives to requests whose row names none.
    pub(super) fn workload(&self) -> Option<&str> {
        self.workload.as_deref()
    }

    /// How its times are written.
    pub(super) fn time_format(&self) -> Option<&TimeFormat> {
        self.columns.as_ref().map(|it| &it.format)
    }

    /// What a header means, if it is one that was named.
    pub(super) fn roles(&self, header: &str) -> impl Iterator<Item = Role> {
        let name = schema::normalized(header);
        let columns = self.columns.iter().flat_map(|it| &it.headers);
        columns.filter(move |(it, _)| schema::normalized(it) == name).map(|(_, role)| *role)
    }

    /// The first column it names that a file has not.
    fn missing(&self, headers: &[String]) -> Option<&str> {
        let has = |name: &str| {
            let name = schema::normalized(name);
            headers.iter().any(|it| schema::normalized(it) == name)
        };
        let columns = self.columns.iter().flat_map(|it| &it.headers);
        columns.map(|(header, _)| header.as_str()).find(|it| !has(it))
    }
}

/// The first mapping of columns whose pattern matches the file and whose columns it has.
pub(super) fn fitting(headers: &[String], file: &str, mappings: &[LogMapping]) -> Option<usize> {
    mappings
        .iter()
        .position(|it| it.columns.is_some() && it.is_for(file) && it.missing(headers).is_none())
}

/// Why no mapping fits a file although the pattern of one matches its name.
pub(in crate::ingest) fn near_miss(
    headers: &[String],
    file: &str,
    mappings: &[LogMapping],
) -> Option<String> {
    let mut of_file = mappings.iter().filter(|it| it.pattern.is_some() && it.is_for(file));
    let missing = of_file.find_map(|it| it.missing(headers))?;
    Some(format!("the `[[mapping]]` for this file names the column `{missing}`, which it has not"))
}

/// The workload that a rule on file names gives: the first mapping with a pattern that matches.
pub(in crate::ingest) fn workload_of_file<'a>(
    file: &str,
    mappings: &'a [LogMapping],
) -> Option<&'a str> {
    mappings
        .iter()
        .filter(|it| it.pattern.is_some() && it.is_for(file))
        .find_map(|it| it.workload.as_deref())
}
