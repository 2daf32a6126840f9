//! Request logs that hold the same requests: in another container, over another time, by ids and by
//! what their rows say.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Bench, Ran};

/// One request every 7 to 12 s of as many lengths as there are.
fn request(n: u64) -> (String, u64, u64) {
    let at = i64::try_from(1_790_000_000_123 + n * 7000 + n * n % 5000).unwrap();
    let at = chrono::DateTime::from_timestamp_millis(at).unwrap();
    (at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), 20 + n * n % 3001, 1 + n * 31 % 499)
}

fn litellm(ids: std::ops::Range<u64>) -> String {
    let mut text =
        "request_id,startTime,endTime,prompt_tokens,completion_tokens,model_group\n".to_owned();
    for n in ids {
        let (at, prompt, completion) = request(n);
        writeln!(text, "chatcmpl-secret{n},{at},,{prompt},{completion},chat").unwrap();
    }
    text
}

/// What two files come to; each log is called as its file.
fn ingest(bench: &Bench, files: [&str; 2]) -> (Ran, Value) {
    let ran = bench.run(&["ingest", files[0], files[1], "--format", "json"]);
    let found = serde_json::from_str(&ran.stdout).unwrap_or_default();
    (ran, found)
}

#[test]
fn a_request_with_an_id_counts_once_however_often_it_was_exported() {
    let bench = Bench::new();
    let first = bench.write("until-20.csv", litellm(0..200));
    let month = bench.write("june.csv", litellm(0..300));
    for files in [[&first, &month], [&month, &first]] {
        let (ran, found) = ingest(&bench, files.map(String::as_str));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let account = &found["reconciliation"];
        let counts = ["rows_in", "rows_kept", "duplicates"].map(|it| account[it].as_u64());
        assert_eq!(counts, [Some(500), Some(300), Some(200)]);
        let explained = bench.run(&["ingest", files[0], files[1], "--explain"]);
        assert_eq!(explained.code, 0, "{}", explained.stderr);
        let all = [&ran, &explained].map(|it| format!("{}{}", it.stdout, it.stderr)).concat();
        assert!(all.contains("the same request, by its id, came before"), "{all}");
        assert!(!all.contains("secret"), "{all}");
    }
}
