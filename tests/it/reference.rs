//! The program against real traces and independently computed statistics, where they are at hand.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::support::{Bench, reference};

/// Our name of a statistic and the reference's.
const NAMES: &[(&str, &str)] = &[
    ("mean_rate", "mean_rate"),
    ("peak_to_mean_1m", "p2m_1m"),
    ("peak_to_mean_1h", "p2m_1h"),
    ("interarrival_cv", "cv_iat"),
    ("burstiness", "B"),
    ("burstiness_finite", "B_n"),
    ("idc_1m", "fano_1m"),
    ("idc_1h", "fano_1h"),
    ("active_hours_per_day", "act_h_day"),
    ("busy_hours_per_day", "busy_h_day"),
    ("h90", "h90_day"),
    ("longest_idle_gap_s", "idle_gap_s"),
    ("acf_24h", "acf24"),
    ("acf_168h", "acf168"),
];

/// The same for binned counts of ten minutes, where the reference calls the bin its native one.
const NAMES_OF_COUNTS: &[(&str, &str)] = &[
    ("mean_rate", "mean_rate"),
    ("peak_to_mean_10m", "p2m_native"),
    ("peak_to_mean_1h", "p2m_1h"),
    ("interarrival_cv", "cv_iat_within_window_reqweighted"),
    ("idc_10m", "fano_native"),
    ("idc_1h", "fano_1h"),
    ("active_hours_per_day", "act_h_day"),
    ("busy_hours_per_day", "busy_h_day"),
    ("h90", "h90_day"),
    ("longest_idle_gap_s", "idle_gap_s"),
    ("acf_24h", "acf24"),
    ("acf_168h", "acf168"),
];

/// Compares to four significant digits, or to the last digit the reference prints.
fn same(name: &str, ours: Option<f64>, theirs: Option<f64>, printed: &str) -> f64 {
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        panic!("{name}: ours {ours:?}, the reference {theirs:?}");
    };
    let decimals = printed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let last_digit = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap()) + 1e-12;
    let difference = (ours - theirs).abs();
    let limit = (theirs.abs() * 5e-5).max(last_digit);
    assert!(difference <= limit, "{name}: ours {ours}, the reference {theirs}");
    difference / theirs.abs().max(1e-12)
}

fn describe(bench: &Bench, file: &str) -> Vec<Value> {
    let ran = bench.run(&["describe", file, "--format", "json", "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn stats(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("traces/stats.json")).unwrap())
        .unwrap()
}

/// Every statistic both define, of a log of requests.
fn check_log(trace: &str, file: &str, n: u64) {
    let Some(folder) = reference() else { return };
    let bench = Bench::new();
    let described =
        describe(&bench, &folder.join("traces").join(trace).join(file).display().to_string());
    assert_eq!(described[0]["n"], n);
    let all = stats(&folder);
    let of_trace = all[trace].as_object().unwrap();
    let theirs = of_trace.values().find(|it| it["kind"] == "arrivals").unwrap();
    let ours = &described[0]["features"];
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (our_name, their_name) in NAMES {
        let Some(value) = theirs.get(*their_name).filter(|it| it.is_number()) else { continue };
        worst =
            worst.max(same(our_name, ours[our_name].as_f64(), value.as_f64(), &value.to_string()));
        compared += 1;
    }
    for (our_name, their_name) in [("gaps_over", "gaps_gt_s"), ("warm_fraction", "warm_frac")] {
        for (key, value) in theirs[their_name].as_object().into_iter().flatten() {
            let Some(found) = ours[our_name].get(key) else { continue };
            worst = worst.max(same(
                &format!("{our_name}[{key}]"),
                found.as_f64(),
                value.as_f64(),
                &value.to_string(),
            ));
            compared += 1;
        }
    }
    assert!(compared >= 8, "only {compared} statistics compared");
    eprintln!("{trace}: {compared} statistics, worst relative difference {worst:.1e}");
}

#[test]
fn azure_llm_2023_conv_is_described_as_the_reference_does() {
    check_log("azure_llm_2023_conv", "AzureLLMInferenceTrace_conv.csv", 19_366);
}

#[test]
fn mooncake_conversation_is_described_as_the_reference_does() {
    check_log("mooncake_conversation", "conversation_trace.jsonl", 12_031);
}

/// One workload per client, requests = rate x 600 rounded, the CV null below two requests.
fn servegen_as_usage(packed: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(packed).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut table = "period_start,period_end,workload,requests,interarrival_cv\n".to_owned();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let start: u64 = cells[1].parse().unwrap();
        let requests = (cells[2].parse::<f64>().unwrap() * 600.0).round();
        let cv = if requests < 2.0 { "" } else { cells[3] };
        let time = |s: u64| {
            format!("1970-01-{:02}T{:02}:{:02}:00Z", 1 + s / 86_400, s / 3600 % 24, s / 60 % 60)
        };
        table.push_str(&format!(
            "{},{},client {},{requests},{cv}\n",
            time(start),
            time(start + 600),
            cells[0]
        ));
    }
    table
}

#[test]
fn servegen_m_large_is_described_as_the_reference_does() {
    let Some(folder) = reference() else { return };
    let bench = Bench::new();
    let table = servegen_as_usage(&folder.join("traces/servegen_m_large/servegen_m_large.csv.gz"));
    let file = bench.write("servegen.csv", table);
    let described: BTreeMap<String, Value> = describe(&bench, &file)
        .into_iter()
        .map(|it| (it["workload"].as_str().unwrap().to_owned(), it["features"].clone()))
        .collect();
    let mut rows = csv::Reader::from_path(folder.join("traces/stats_series.csv")).unwrap();
    let headers = rows.headers().unwrap().clone();
    let (mut clients, mut compared, mut worst) = (0, 0, 0.0_f64);
    for row in rows.records().map(Result::unwrap) {
        let cell = |name: &str| row[headers.iter().position(|it| it == name).unwrap()].to_owned();
        if cell("trace") != "servegen_m_large" {
            continue;
        }
        clients += 1;
        let ours = &described[&cell("series")];
        for (our_name, their_name) in NAMES_OF_COUNTS {
            let printed = cell(their_name);
            let Ok(theirs) = printed.parse::<f64>() else { continue };
            let name = format!("{} {our_name}", cell("series"));
            // The table prints whole seconds as 56400.0 and small rates with six decimals.
            worst = worst.max(same(&name, ours[our_name].as_f64(), Some(theirs), &printed));
            compared += 1;
        }
    }
    assert_eq!(clients, 162);
    assert!(compared > 162 * 8, "only {compared} compared");
    eprintln!(
        "servegen_m_large: {compared} statistics of 162 clients, worst relative difference {worst:.1e}"
    );
}

#[test]
fn the_azure_trace_is_analysed_whole() {
    let Some(folder) = reference() else { return };
    let bench = Bench::new();
    let name = "AzureLLMInferenceTrace_conv";
    let config = bench.write(
        "azure.toml",
        format!(
            "[workload.{name}]\nmodel = \"meta-llama/Meta-Llama-3.1-8B\"\ngpu = \"A100 80GB SXM4\"\n\
             gpu_count = 1\nkind = \"real_time_inference\"\n"
        ),
    );
    let file = folder.join(format!("traces/azure_llm_2023_conv/{name}.csv")).display().to_string();
    let ran =
        bench.run(&["analyze", &file, "--config", &config, "--format", "json", "--output", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["reconciliation"]["rows_kept"], 19_366);
    let workload = &report["workloads"][0];
    assert_eq!(workload["baseline"]["requests"], 19_366);
    assert_eq!(workload["baseline"]["priced_from_catalog"], true);
    assert_eq!(workload["advice"]["action"], "not_enough_data", "an hour carries no switch");
    assert!(workload["plans"].as_array().unwrap().len() > 10);
}
