//! The committed samples and reports are what the program writes today, on any number of threads.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Bench, root};

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let inside =
                files(&path).into_iter().map(|(it, bytes)| (format!("{name}/{it}"), bytes));
            found.extend(inside);
        } else {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

fn same(written: &Path, committed: &Path) {
    let (written, committed) = (files(written), files(committed));
    let names = |it: &BTreeMap<String, Vec<u8>>| it.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written), names(&committed));
    for (name, bytes) in written {
        assert!(
            bytes == committed[&name],
            "{name} differs; CONTRIBUTING.md says how to write it again"
        );
    }
}

#[test]
fn the_samples_are_what_sample_writes() {
    let bench = Bench::new();
    let ran = bench.run(&["sample", "--output", "samples"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    same(&bench.path("samples"), &root().join("samples"));
    assert!(std::fs::metadata(root().join("samples/usage.parquet")).unwrap().len() < 1_000_000);
}

#[test]
fn the_reports_are_what_analyze_writes_on_any_number_of_threads() {
    let bench = Bench::new();
    let samples = root().join("samples/usage.parquet").display().to_string();
    for threads in ["8", "1"] {
        let ran = bench.run(&["analyze", &samples, "--threads", threads, "--output", threads]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        same(&bench.path(threads), &root().join("reports/usage"));
    }
}

#[test]
fn every_format_shows_the_same_saving_and_the_parts_add_up() {
    let report = std::fs::read_to_string(root().join("reports/usage/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let nano = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        let (whole, fraction) = text.split_once('.').unwrap();
        let digits = format!("{}{fraction:0<18}", whole.trim_start_matches('-'));
        let sign = if text.starts_with('-') { -1 } else { 1 };
        sign * digits.parse::<i128>().unwrap()
    };
    let workloads = report["workloads"].as_array().unwrap();
    let savings: i128 = workloads.iter().map(|it| nano(&it["advice"]["monthly_savings"])).sum();
    assert_eq!(savings, nano(&report["totals"]["monthly_savings"]));
    assert_eq!(savings, nano(&report["portfolio"]["monthly_savings"]));
    let costs: i128 = workloads.iter().map(|it| nano(&it["baseline"]["effective_cost"])).sum();
    assert_eq!(costs, nano(&report["totals"]["effective_cost"]));
    for workload in workloads {
        for plan in workload["plans"].as_array().unwrap() {
            let parts = plan["cost_parts"].as_object().unwrap();
            assert!(parts["storage"].is_null(), "no storage is counted yet");
            let parts: i128 = parts.values().filter(|it| !it.is_null()).map(nano).sum();
            assert_eq!(parts, nano(&plan["monthly_cost"]), "{}", plan["id"]);
        }
        if let Some(id) = workload["advice"]["plan_id"].as_str() {
            let plans = workload["plans"].as_array().unwrap();
            let plan = plans.iter().find(|it| it["id"] == id).expect("the advised plan is listed");
            let saving = nano(&workload["baseline"]["monthly_cost"]) - nano(&plan["monthly_cost"]);
            assert_eq!(saving, nano(&workload["advice"]["monthly_savings"]), "{id}");
            assert_eq!((&plan["meets_slo"], &plan["allowed"]), (&true.into(), &true.into()));
        }
    }
    let account = &report["reconciliation"];
    let parts = ["assigned", "unassigned", "excluded", "difference"].map(|it| nano(&account[it]));
    assert_eq!(parts.iter().sum::<i128>(), nano(&account["billed_total"]));
    let number = |key: &str| account[key].as_u64().unwrap();
    assert_eq!(number("rows_in"), number("rows_kept") + number("rows_rejected"));
    let text = report["totals"]["monthly_savings"].as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap();
    let cents = (fraction[..2].parse::<u32>().unwrap(), &fraction[2..3] >= "5");
    let shown = format!("{}.{:02}", &whole[whole.len() - 3..], cents.0 + u32::from(cents.1));
    for name in ["report.html", "report.md"] {
        let page = std::fs::read_to_string(root().join("reports/usage").join(name)).unwrap();
        assert!(page.contains(&shown), "{name} does not show {shown}");
    }
}
