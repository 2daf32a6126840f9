//! What programs read: the published schema, the metrics, and that a redacted report names nobody
//! in any of its files.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Bench, Ran, root};

fn done(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Nine days of two workloads that name people, with a team, an account and a path.
fn usage() -> String {
    let header = "period_start,workload,owner,environment,sub_account,provider,region,gpu,gpu_count,pricing_category,billed_cost,effective_cost,requests,gpu_util\n";
    let rows: String = (0..24 * 9)
        .map(|hour| {
            let at = format!("2026-10-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
            format!(
                "{at},falcon-chat,Zelda Quux,zeldas-sandbox,acct-778899,runpod,global,L40S,1,Standard,1.09,1.09,0,0\n\
                 {at},\"=heron|x\",Zelda Quux,production,acct-778899,aws,us-east-1,H100-SXM-80GB,1,Standard,3.99,3.99,{},0.4\n",
                300 + 40 * (hour % 24)
            )
        })
        .collect();
    header.to_owned() + &rows
}

const BUDGET: &str = "[budget]\nmonthly = 9000\n";

#[test]
fn reports_fit_the_published_schema() {
    let schema = json(&root().join("docs/report.schema.json"));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let check = |name: &str, report: &serde_json::Value| {
        let faults: Vec<String> = validator
            .iter_errors(report)
            .map(|it| format!("{}: {it}", it.instance_path()))
            .take(20)
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    };
    check("reports/usage", &json(&root().join("reports/usage/report.json")));
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage());
    done(&bench.run(&["analyze", &file, "--output", "first"]));
    check("fresh", &json(&bench.path("first/report.json")));
    let before = bench.write("before.csv", usage().replace("2026-10-", "2026-09-"));
    done(&bench.run(&["analyze", &before, "--output", "september"]));
    let first = bench.path("september/report.json");
    let config = bench.write("gpuadvise.toml", BUDGET);
    let previous = first.display().to_string();
    let words =
        ["analyze", &file, "--output", "second", "--config", &config, "--previous", &previous];
    done(&bench.run(&words));
    let second = json(&bench.path("second/report.json"));
    assert!(!second["previous"].is_null());
    check("with budget and an earlier report", &second);
    done(&bench.run(&["analyze", &file, "--output", "third", "--redact"]));
    check("redacted", &json(&bench.path("third/report.json")));
}

/// Every text inside a file: of a workbook its parts, of Parquet its unpacked pages.
fn texts(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    match path.extension().and_then(|it| it.to_str()) {
        Some("xlsx") => {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            let mut all = Vec::new();
            for at in 0..archive.len() {
                let mut part = archive.by_index(at).unwrap();
                all.extend_from_slice(part.name().unwrap().as_bytes());
                part.read_to_end(&mut all).unwrap();
            }
            all
        }
        Some("parquet") => {
            use polars::prelude::*;
            let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().unwrap();
            let mut all = String::new();
            for column in frame.columns() {
                all.push_str(column.name());
                for at in 0..frame.height() {
                    all += &column.get(at).unwrap().to_string();
                }
            }
            all.into_bytes()
        }
        _ => bytes,
    }
}

fn all_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_file_of_a_redacted_report_names_anybody() {
    const NAMES: [&str; 6] = ["falcon", "heron", "Zelda", "zeldas", "778899", "project-x"];
    let bench = Bench::new();
    let file = bench.write("project-x/usage-project-x.csv", usage());
    let count = |folder: &str, words: &[&str]| {
        done(&bench.run(&[&["analyze", &file, "--output", folder], words].concat()));
        let files = all_files(&bench.path(folder));
        assert!(files.iter().any(|it| it.ends_with("report.xlsx")));
        assert!(files.iter().any(|it| it.ends_with("recommendations.parquet")));
        let mut named = Vec::new();
        for path in files {
            let text = texts(&path);
            for name in NAMES {
                let found = text.windows(name.len()).any(|it| it == name.as_bytes());
                if found || path.file_name().unwrap().to_string_lossy().contains(name) {
                    named.push(format!("{name} in {}", path.display()));
                }
            }
        }
        named
    };
    assert!(count("open", &[]).len() > 10, "the search finds names where they are");
    let named = count("hidden", &["--redact"]);
    assert!(named.is_empty(), "{named:#?}");
}

/// By the tool of Prometheus itself, where it is installed.
#[test]
fn promtool_finds_no_fault() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage());
    done(&bench.run(&["analyze", &file, "--output", "out"]));
    let metrics = std::fs::File::open(bench.path("out/gpuadvise.prom")).unwrap();
    let ran =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::from(metrics)).output();
    match ran {
        Ok(ran) => {
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(ran.status.success() && said.trim().is_empty(), "{said}");
        }
        Err(_) => eprintln!("skipped: promtool is not installed"),
    }
}
