//! Request logs that hold the same requests: in another container, over another time, by ids and by
//! what their rows say.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use crate::support::{Bench, Ran};

/// One request every 7 to 12 s of as many lengths as there are.
fn request(n: u64) -> (String, u64, u64) {
    let at = i64::try_from(1_790_000_000_123 + n * 7000 + n * n % 5000).unwrap();
    let at = chrono::DateTime::from_timestamp_millis(at).unwrap();
    (at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), 20 + n * n % 3001, 1 + n * 31 % 499)
}

fn csv(rows: std::ops::Range<u64>) -> String {
    let mut text = "timestamp,prompt_tokens,completion_tokens\n".to_owned();
    for (at, prompt, completion) in rows.map(request) {
        writeln!(text, "{at},{prompt},{completion}").unwrap();
    }
    text
}

fn jsonl(rows: std::ops::Range<u64>) -> String {
    let row = |(at, prompt, completion)| {
        format!("{{\"ts\":\"{at}\",\"input_tokens\":{prompt},\"output_tokens\":{completion}}}\n")
    };
    rows.map(|it| row(request(it))).collect()
}

fn gz(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
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
fn a_log_without_ids_is_not_counted_twice() {
    let bench = Bench::new();
    let month = bench.write("june.csv", csv(0..3000));
    let copies = [
        bench.write("copy.csv.gz", gz(&csv(0..3000))),
        bench.write("copy.jsonl", jsonl(0..3000)),
        bench.write("until-20.csv", csv(0..2000)),
    ];
    for copy in &copies {
        for files in [[month.as_str(), copy], [copy, month.as_str()]] {
            let (ran, _) = ingest(&bench, files);
            assert_eq!(ran.code, 3, "{}", ran.stderr);
            assert!(
                ran.stderr.contains("hold the same requests: 100 % of those of"),
                "{}",
                ran.stderr
            );
            let hint = "hint: give one of the two, or logs whose times do not overlap; rows with";
            assert!(ran.stderr.contains(hint), "{}", ran.stderr);
            assert!(!ran.stderr.contains("   "), "{}", ran.stderr);
            assert!(ran.stderr.contains("june.csv and") || ran.stderr.contains("and june.csv"));
        }
    }
    // A tenth of the second half is in the first, too.
    let parts = [bench.write("a.csv", csv(0..1600)), bench.write("b.csv", csv(1440..3000))];
    let (ran, found) = ingest(&bench, [&parts[0], &parts[1]]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(found["reconciliation"]["rows_kept"], 3160);
    let said = found["notices"].to_string();
    assert!(
        said.contains("a.csv and b.csv: 10 % of the requests of b.csv have an equal one"),
        "{said}"
    );
    // Parts that follow each other are no copies.
    let rest = bench.write("rest.csv", csv(1600..3000));
    let (ran, found) = ingest(&bench, [&parts[0], &rest]);
    assert_eq!((ran.code, &found["reconciliation"]["rows_kept"]), (0, &Value::from(3000)));
    assert!(!found["notices"].to_string().contains("equal one"));
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

#[test]
fn part_files_of_servers_with_coarse_times_are_read() {
    // Two servers under a load test: one request a second, all of one length.
    let bench = Bench::new();
    let server = |n: i64| {
        let mut text = "timestamp,prompt_tokens,completion_tokens\n".to_owned();
        for second in 0..n {
            let at = chrono::DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap();
            writeln!(text, "{},512,128", at.format("%Y-%m-%dT%H:%M:%SZ")).unwrap();
        }
        text
    };
    let parts = [bench.write("a.csv", server(500)), bench.write("b.csv", server(490))];
    let (ran, found) = ingest(&bench, [&parts[0], &parts[1]]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(found["reconciliation"]["rows_kept"], 990);
    assert!(!found["notices"].to_string().contains("a.csv and b.csv"));
    // As many rows, all equal: a copy, or chance.
    let same = bench.write("b.csv", format!("{}\n", server(500)));
    let (ran, found) = ingest(&bench, [&parts[0], &same]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(found["notices"].to_string().contains("a.csv and b.csv have as many requests"));
}
