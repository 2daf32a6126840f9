//! `rollup` from the command line: logs in every form, tables that are read back, and faults.

use std::io::Write;

use crate::support::{Bench, Ran};

/// A log of a part of an hour: every ten seconds a request of `chat`, every minute one of `batch`.
fn log(from_s: u32, to_s: u32) -> String {
    let mut rows = "timestamp,workload,prompt_tokens,completion_tokens,status\n".to_owned();
    for second in (from_s..to_s).step_by(10) {
        let at = format!("2026-10-01T00:{:02}:{:02}Z", second / 60, second % 60);
        let status = if second % 600 == 0 { 500 } else { 200 };
        rows.push_str(&format!("{at},chat,{},20,{status}\n", 100 + second % 7));
        if second % 60 == 0 {
            rows.push_str(&format!("{at},batch,1000,5,200\n"));
        }
    }
    rows
}

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[track_caller]
fn fails(bench: &Bench, words: &[&str], code: i32, says: &str) {
    let ran = bench.run(words);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(says), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("hint: ").count(), 1, "{}", ran.stderr);
    let left: Vec<_> =
        std::fs::read_dir(bench.path(".")).unwrap().map(|it| it.unwrap().file_name()).collect();
    let is_ours = |it: &&std::ffi::OsString| it.to_string_lossy().starts_with(".gpuadvise");
    assert_eq!(left.iter().find(is_ours), None, "something was left");
}

#[test]
fn every_form_of_a_log_gives_the_same_table() {
    let bench = Bench::new();
    bench.write("log.csv", log(0, 3600));
    let ran = done(bench.run(&["rollup", "log.csv", "--output", "csv.parquet"]));
    assert_eq!(
        ran.stdout,
        "420 rows = 420 requests + 0 that no GPU saw + 0 rejected, in 120 rows of csv.parquet\n"
    );
    let mut lines = String::new();
    for row in log(0, 3600).lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        lines.push_str(&format!(
            "{{\"timestamp\":\"{}\",\"workload\":\"{}\",\"prompt_tokens\":{},\"completion_tokens\":{},\"status\":{}}}\n",
            cells[0], cells[1], cells[2], cells[3], cells[4]
        ));
    }
    bench.write("log.jsonl", lines);
    done(bench.run(&["rollup", "log.jsonl", "--output", "jsonl.parquet"]));
    packed(&bench);
    for name in ["log.csv.gz", "log.csv.zst", "log.jsonl.gz"] {
        done(bench.run(&["rollup", name, "--output", &format!("{name}.parquet")]));
    }
    // Two files in one call are one log, whatever their order.
    bench.write("late.csv", log(1830, 3600));
    bench.write("early.csv", log(0, 1830));
    done(bench.run(&["rollup", "late.csv", "early.csv", "--output", "two.parquet"]));
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert!(bytes("csv.parquet") == bytes("jsonl.parquet"));
    assert!(bytes("csv.parquet") == bytes("two.parquet"));
    for name in ["log.csv.gz", "log.csv.zst", "log.jsonl.gz"] {
        assert!(bytes("csv.parquet") == bytes(&format!("{name}.parquet")), "{name}");
    }
}

/// Packs `log.csv` and `log.jsonl`.
fn packed(bench: &Bench) {
    let read = |name: &str| std::fs::read(bench.path(name)).unwrap();
    for name in ["log.csv", "log.jsonl"] {
        let level = flate2::Compression::fast();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), level);
        gz.write_all(&read(name)).unwrap();
        std::fs::write(bench.path(&format!("{name}.gz")), gz.finish().unwrap()).unwrap();
    }
    let zst = zstd::bulk::compress(&read("log.csv"), 1).unwrap();
    std::fs::write(bench.path("log.csv.zst"), zst).unwrap();
}

#[test]
fn the_bad_log_among_thirty_is_named() {
    let bench = Bench::new();
    bench.write("log.csv", log(0, 60));
    bench.write("log.jsonl", "");
    packed(&bench);
    let whole = std::fs::read(bench.path("log.csv.gz")).unwrap();
    for at in 0..30 {
        bench.write(&format!("{at:02}.csv"), log(at * 60, at * 60 + 60));
    }
    std::fs::remove_file(bench.path("17.csv")).unwrap();
    std::fs::write(bench.path("17.csv.gz"), &whole[..whole.len() / 2]).unwrap();
    fails(&bench, &["rollup", "[0-9]*.csv*", "--output", "t.parquet"], 3, "17.csv.gz");
    assert!(!bench.path("t.parquet").exists());
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing() {
    let bench = Bench::new();
    bench.write("log.csv", log(0, 3600));
    // No file may become longer than nothing: what a full disk says, without filling one.
    let program = env!("CARGO_BIN_EXE_gpuadvise");
    let script =
        format!("trap '' XFSZ; ulimit -f 0; exec '{program}' rollup log.csv --output t.parquet");
    let ran = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(bench.path("."))
        .output()
        .unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(8), "{stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains("cannot be written"), "{stderr}");
    let left: Vec<_> = std::fs::read_dir(bench.path("."))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["log.csv"]);
}

#[test]
fn tables_are_merged_and_read_as_a_log() {
    let bench = Bench::new();
    for (name, from, to) in [("whole", 0, 3600), ("a", 0, 1830), ("b", 1830, 3600)] {
        bench.write(&format!("{name}.csv"), log(from, to));
        let output = format!("{name}.parquet");
        done(bench.run(&["rollup", &format!("{name}.csv"), "--output", &output]));
    }
    done(bench.run(&["rollup", "b.parquet", "a.parquet", "--output", "both.parquet"]));
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert!(bytes("whole.parquet") == bytes("both.parquet"));
    let ran = done(bench.run(&["describe", "whole.parquet", "--format", "json"]));
    let described: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let chat = &described[1];
    assert_eq!((&chat["workload"], &chat["n"]), (&"chat".into(), &360.into()));
    // One request every ten seconds: no gap differs from another.
    assert_eq!(chat["features"]["interarrival_cv"], 0.0);
    fails(
        &bench,
        &["rollup", "a.parquet", "b.csv", "--output", "c.parquet"],
        2,
        "some of the files are logs",
    );
}

#[test]
fn what_is_wrong_is_said_and_nothing_stays() {
    let bench = Bench::new();
    bench.write("log.csv", log(0, 600));
    fails(&bench, &["rollup", "log.csv"], 2, "needs a file");
    fails(&bench, &["rollup", "log.csv", "--output", "table.csv"], 2, "is no .parquet");
    bench.write("taken", "no folder");
    fails(&bench, &["rollup", "log.csv", "--output", "taken/table.parquet"], 8, "cannot be made");
    bench.write("bad.csv", "timestamp,prompt_tokens,completion_tokens\n2026-10-01,x,1\n");
    fails(&bench, &["rollup", "bad.csv", "--output", "t.parquet"], 3, "rejected");
    bench.write("days.csv", "timestamp,input_length,output_length\n0,1,1\n");
    fails(&bench, &["rollup", "days.csv", "--output", "t.parquet"], 3, "start of the log");
    assert!(!bench.path("t.parquet").exists());
}

#[test]
fn the_query_of_an_engine_is_printed() {
    let bench = Bench::new();
    for engine in ["duckdb", "spark", "trino", "bigquery", "clickhouse"] {
        let ran = done(bench.run(&["rollup", "--emit-sql", engine]));
        assert!(ran.stdout.contains("GROUP BY minute, workload"), "{}", ran.stdout);
        // Whoever charges by bytes charges for each time that the log is named.
        assert_eq!(ran.stdout.matches("FROM log\n").count(), 1, "{engine}: {}", ran.stdout);
        assert!(!ran.stdout.contains(['{', '}']) || engine == "duckdb", "{engine}: {}", ran.stdout);
    }
}
