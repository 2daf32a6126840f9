//! What became of a request, by the words and numbers that logs have for it.

use super::super::cell::Cell;

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Outcome {
    /// It was answered.
    #[default]
    Served,
    /// It was offered and not answered: an error, a timeout, a client that left.
    Failed,
    /// It was refused for a limit (429), before it reached a GPU.
    Throttled,
    /// It was answered from a cache of answers and reached no GPU.
    Cached,
}

/// How much a log tells of what became of its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tells {
    /// Nothing: every request counts as answered.
    #[default]
    Nothing,
    /// Which failed, but not why.
    Failures,
    /// Also which of them were refused for a limit.
    Refusals,
}

/// How much a status cell tells: a code of HTTP all, a word that there was a failure.
pub(super) fn tells(cell: Cell<'_>, outcome: Outcome) -> Tells {
    let is_code = |text: &str| {
        let number = text.strip_prefix("HTTP").unwrap_or(text).trim_start();
        number.starts_with(|it: char| it.is_ascii_digit())
    };
    match cell.trimmed() {
        Cell::Null => Tells::Nothing,
        _ if outcome == Outcome::Throttled => Tells::Refusals,
        Cell::Int(_) | Cell::Float(_) => Tells::Refusals,
        Cell::Text(text) if is_code(text) => Tells::Refusals,
        _ => Tells::Failures,
    }
}

/// Words for an answer.
const SERVED: &[&str] = &[
    "success",
    "successful",
    "succeeded",
    "ok",
    "completed",
    "complete",
    "done",
    "finished",
    "stop",
    "length",
    "true",
    "unset",
    "status_code_ok",
    "status_code_unset",
    "tool_calls",
    "200 ok",
];
/// Parts of words for a limit.
const THROTTLED: &[&str] = &[
    "429",
    "throttl",
    "ratelimit",
    "rate_limit",
    "rate limit",
    "too_many_requests",
    "too many requests",
];
/// Parts of words for a failure.
const FAILED: &[&str] = &[
    "fail",
    "error",
    "exception",
    "timeout",
    "timed_out",
    "timed out",
    "cancel",
    "abort",
    "reject",
    "refused",
    "false",
];

/// The outcome a status cell tells; `Err` for a word that is none of those known. Numbers are the
/// codes of HTTP: 429 is throttled, 400 and more failed.
pub(super) fn of_status(cell: Cell<'_>) -> Result<Option<Outcome>, ()> {
    match cell.trimmed() {
        Cell::Null => Ok(None),
        Cell::Text(text) => of_word(text).map(Some),
        Cell::Bool(served) => Ok(Some(if served { Outcome::Served } else { Outcome::Failed })),
        Cell::Int(code) => of_code(code).map(Some).ok_or(()),
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates; only 0 to 599 count")]
        Cell::Float(code) if code.fract() == 0.0 => of_code(code as i128).map(Some).ok_or(()),
        _ => Err(()),
    }
}

fn of_word(text: &str) -> Result<Outcome, ()> {
    let word = text.to_ascii_lowercase();
    // `503`, `200.0`, `429 Too Many Requests`, `HTTP 504`.
    let number = word.strip_prefix("http").unwrap_or(&word).trim_start();
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return number.get(..digits).and_then(|it| it.parse().ok()).and_then(of_code).ok_or(());
    }
    if is_throttled(&word) {
        Ok(Outcome::Throttled)
    } else if FAILED.iter().any(|it| word.contains(it)) {
        Ok(Outcome::Failed)
    } else if SERVED.contains(&word.as_str()) {
        Ok(Outcome::Served)
    } else {
        Err(())
    }
}

/// Whether a status or the type of an error speaks of a limit on the rate of requests.
pub(super) fn is_throttled(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    THROTTLED.iter().any(|it| word.contains(it))
}

fn of_code(code: i128) -> Option<Outcome> {
    match code {
        429 => Some(Outcome::Throttled),
        400..=599 => Some(Outcome::Failed),
        // 0 is how gRPC says OK.
        0 | 100..=399 => Some(Outcome::Served),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_words_or_codes() {
        let check = |text: &'static str, expected: Result<Option<Outcome>, ()>| {
            assert_eq!(of_status(Cell::Text(text)), expected, "{text}");
        };
        for text in ["success", "OK", "200", "204", "200.0", "HTTP 200", "0", "true", "stop"] {
            check(text, Ok(Some(Outcome::Served)));
        }
        for text in [
            "failure",
            "ERROR",
            "500",
            "499",
            "503 Service Unavailable",
            "Timeout",
            "client_cancelled",
            "false",
        ] {
            check(text, Ok(Some(Outcome::Failed)));
        }
        for text in ["429", "429 Too Many Requests", "RateLimitError", "throttled"] {
            check(text, Ok(Some(Outcome::Throttled)));
        }
        check("", Ok(None));
        check("purple", Err(()));
        check("7", Err(()));
        assert_eq!(of_status(Cell::Int(502)), Ok(Some(Outcome::Failed)));
        assert_eq!(of_status(Cell::Float(429.0)), Ok(Some(Outcome::Throttled)));
        assert_eq!(of_status(Cell::Bool(true)), Ok(Some(Outcome::Served)));
    }

    #[test]
    fn a_code_tells_refusals_and_a_word_only_failures() {
        let served = |cell| tells(cell, Outcome::Served);
        assert_eq!(served(Cell::Null), Tells::Nothing);
        assert_eq!(served(Cell::Text("success")), Tells::Failures);
        assert_eq!(served(Cell::Bool(true)), Tells::Failures);
        assert_eq!(served(Cell::Int(200)), Tells::Refusals);
        assert_eq!(served(Cell::Text("HTTP 200")), Tells::Refusals);
        assert_eq!(tells(Cell::Text("RateLimitError"), Outcome::Throttled), Tells::Refusals);
    }
}
