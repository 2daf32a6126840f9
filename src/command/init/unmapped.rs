//! Logs whose columns are not known: which of them might mean what.

use crate::usage::schema;

/// Longest list of columns that is shown.
const CUT: char = '…';

/// A file that a `[[mapping]]` would make readable.
pub(super) struct Unmapped {
    /// Its name.
    pub(super) file: String,
    /// Its columns as the error names them.
    pub(super) columns: String,
    /// Keys of a mapping and the columns they may be, the time first.
    pub(super) candidates: Vec<(&'static str, String)>,
}

impl Unmapped {
    /// From the file and the columns that [`crate::ingest::IngestError::UnknownFormat`] names;
    /// nothing without columns to choose from.
    pub(super) fn of(file: &str, columns: &str) -> Option<Unmapped> {
        let headers: Vec<&str> = columns.split(", ").filter(|it| !it.is_empty()).collect();
        if headers.len() < 2 {
            return None;
        }
        let mut candidates: Vec<(&'static str, String)> = Vec::new();
        for header in headers.iter().filter(|it| !it.ends_with(CUT)) {
            if let Some(key) = meaning(header)
                && candidates.iter().all(|it| it.0 != key)
            {
                candidates.push((key, (*header).to_owned()));
            }
        }
        candidates.sort_by_key(|it| it.0 != "timestamp");
        Some(Unmapped { file: file.to_owned(), columns: columns.to_owned(), candidates })
    }
}

/// What a column may be, by its name; a time whose unit the name does not tell is nothing.
fn meaning(header: &str) -> Option<&'static str> {
    let name = schema::normalized(header);
    let has = |words: &[&str]| words.iter().any(|it| name.contains(it));
    let ends = |words: &[&str]| words.iter().any(|it| name.ends_with(it));
    let lasts = has(&["latency", "duration", "elapsed", "request_time", "response_time"]);
    let first = has(&["ttft", "first_token", "firsttoken"]);
    if has(&["tok"]) && !first {
        if has(&["prompt", "input", "context"]) {
            return Some("prompt_tokens");
        }
        return has(&["completion", "output", "generated", "response"])
            .then_some("completion_tokens");
    }
    if lasts || first {
        let [seconds, milliseconds] =
            if first { ["ttft_s", "ttft_ms"] } else { ["latency_s", "latency_ms"] };
        if ends(&["_ms", "millis", "milliseconds"]) {
            return Some(milliseconds);
        }
        return ends(&["_s", "_sec", "secs", "seconds"]).then_some(seconds);
    }
    let is_time = ["ts", "time", "date", "at", "when", "start", "start_time", "starttime"]
        .contains(&name.trim_start_matches('@'))
        || has(&["timestamp", "datetime", "time_local", "time_iso", "created", "received"])
        || ends(&["_at", "_ts"]);
    if is_time {
        return Some("timestamp");
    }
    if name == "model" || ends(&["_model", "model_name"]) {
        return Some("model");
    }
    ends(&["status", "status_code"]).then_some("status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(columns: &str, expected: &[(&str, &str)]) {
        let found = Unmapped::of("log.csv", columns).unwrap();
        let found: Vec<(&str, &str)> =
            found.candidates.iter().map(|it| (it.0, it.1.as_str())).collect();
        assert_eq!(found, expected, "{columns}");
    }

    #[test]
    fn columns_are_guessed_by_name_and_never_by_an_unclear_unit() {
        check(
            "id, Input Tokens, tokens_out, createdAt, duration_ms, http_status",
            &[
                ("timestamp", "createdAt"),
                ("prompt_tokens", "Input Tokens"),
                ("latency_ms", "duration_ms"),
                ("status", "http_status"),
            ],
        );
        check("remote_addr, time_local, request_time", &[("timestamp", "time_local")]);
        check(
            "when, updated_at, served_model",
            &[("timestamp", "when"), ("model", "served_model")],
        );
        check("ttft_seconds, foo", &[("ttft_s", "ttft_seconds")]);
        check("timestamp_of_a_very_long_header_that_was_c…, b", &[]);
    }

    #[test]
    fn one_column_is_no_log() {
        assert!(Unmapped::of("a.txt", "hello").is_none());
        assert!(Unmapped::of("a.txt", "").is_none());
    }
}
