//! Against statistics computed by others on public traces; needs the folder with the traces.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

use super::features::{Features, features};
use crate::units::{Period, Timestamp, TokenCounts};
use crate::workload::{ArrivalTrace, CountBin, CountSeries, Demand, LevelBin, LevelSeries};

/// Half a unit in the fourth significant digit of a number, which is what the reference was rounded
/// to, and a little for the binary form of the decimal.
fn in_fourth_digit(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { 0.5001 * 10_f64.powf(number.abs().log10().floor() - 3.0) }
}

#[expect(clippy::disallowed_methods, reason = "tests against the traces run only where they are")]
fn reference(folder: &str) -> Option<PathBuf> {
    let found = std::env::var("GPUADVISE_REFERENCE").ok().map(|it| Path::new(&it).join(folder));
    if found.is_none() {
        println!("skipped: GPUADVISE_REFERENCE names no folder with traces");
    }
    found
}

fn named(features: &Features) -> Vec<(&'static str, Option<f64>)> {
    vec![
        ("span_s", Some(features.span_s)),
        ("n", Some(features.n as f64)),
        ("mean_rate", features.mean_rate),
        ("p2m_1m", features.peak_to_mean_1m),
        ("p2m_1h", features.peak_to_mean_1h),
        ("cv_iat", features.interarrival_cv),
        ("cv_iat_within_window_reqweighted", features.interarrival_cv),
        ("B", features.burstiness),
        ("B_n", features.burstiness_finite),
        ("fano_1m", features.idc_1m),
        ("fano_1h", features.idc_1h),
        ("act_h_day", features.active_hours_per_day),
        ("busy_h_day", features.busy_hours_per_day),
        ("h90_day", features.h90),
        ("idle_gap_s", features.longest_idle_gap_s),
        ("acf24", features.acf_24h),
        ("acf168", features.acf_168h),
        ("mean", features.mean),
        ("p95", features.p95),
        ("max", features.max),
        ("frac_zero", features.share_zero),
    ]
}

/// The worst relative difference; the rounding of the reference is part of it.
fn compare(series: &str, expected: &Map<String, Value>, found: &[(&str, Option<f64>)]) -> f64 {
    let mut worst = 0.0_f64;
    let mut n_compared = 0;
    for (name, value) in found {
        let Some(expected) = expected.get(*name).and_then(Value::as_f64) else { continue };
        let Some(value) = value else { panic!("{series}: {name} is null, not {expected}") };
        let difference = (value - expected).abs();
        assert!(
            difference <= in_fourth_digit(expected),
            "{series}: {name} {value}, not {expected}"
        );
        let difference = if difference > 0.0 { difference / expected.abs() } else { 0.0 };
        worst = worst.max(difference);
        n_compared += 1;
    }
    assert!(n_compared > 5, "{series}: only {n_compared} statistics in common");
    worst
}

fn stats(folder: &Path, trace: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder.join("stats.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[trace].as_object().unwrap().clone()
}

/// The rows of one trace, by series.
fn stats_series(folder: &Path, trace: &str) -> Vec<(String, Map<String, Value>)> {
    let mut reader = csv::Reader::from_path(folder.join("stats_series.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut series = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        if &row[0] != trace {
            continue;
        }
        let numbers = header.iter().zip(&row).skip(2).filter_map(|(name, text)| {
            Some((name.to_owned(), Value::from(text.parse::<f64>().ok()?)))
        });
        series.push((row[1].to_owned(), numbers.collect()));
    }
    series
}

fn log(at_us: Vec<i64>, relative: bool) -> Demand {
    let tokens = vec![TokenCounts::default(); at_us.len()];
    Demand::Arrivals(ArrivalTrace { at_us, tokens, relative })
}

fn check_log(folder: &Path, trace: &str, series: &str, demand: &Demand) {
    let expected = &stats(folder, trace)[series];
    let features = features(demand, Tz::UTC);
    let mut found = named(&features);
    found.retain(|it| it.0 != "max" && it.0 != "mean");
    let worst = compare(trace, expected.as_object().unwrap(), &found);
    let json = features.to_json();
    for (ours, theirs) in [("warm_fraction", "warm_frac"), ("gaps_over", "gaps_gt_s")] {
        for (timeout, value) in json[ours].as_object().unwrap() {
            let expected = expected[theirs][timeout].as_f64().unwrap();
            let value = value.as_f64().unwrap();
            assert!((value - expected).abs() <= in_fourth_digit(expected), "{ours} {timeout}");
        }
    }
    println!("{trace}: worst relative difference {worst:.1e}");
}

#[test]
fn azure_conversation() {
    let Some(folder) = reference("traces") else { return };
    let path = folder.join("azure_llm_2023_conv/AzureLLMInferenceTrace_conv.csv");
    let mut at_us: Vec<i64> = csv::Reader::from_path(path)
        .unwrap()
        .records()
        .map(|row| Timestamp::parse(&row.unwrap()[0], Tz::UTC).unwrap().us())
        .collect();
    at_us.sort_unstable();
    check_log(&folder, "azure_llm_2023_conv", "requests", &log(at_us, false));
}

#[test]
fn mooncake_conversation() {
    let Some(folder) = reference("traces") else { return };
    let path = folder.join("mooncake_conversation/conversation_trace.jsonl");
    let mut at_us: Vec<i64> = BufReader::new(File::open(path).unwrap())
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
            row["timestamp"].as_i64().unwrap() * 1000
        })
        .collect();
    at_us.sort_unstable();
    let demand = log(at_us, true);
    check_log(&folder, "mooncake_conversation", "requests (raw, 3-s ticks)", &demand);
    assert_eq!(features(&demand, Tz::UTC).idc_1s, None);
}

#[test]
fn servegen_clients() {
    let Some(folder) = reference("traces") else { return };
    let file = File::open(folder.join("servegen_m_large/servegen_m_large.csv.gz")).unwrap();
    let mut clients: Vec<CountSeries> = Vec::new();
    for row in csv::Reader::from_reader(GzDecoder::new(file)).records() {
        let row = row.unwrap();
        let client: usize = row[0].parse().unwrap();
        let start = Timestamp::from_s(row[1].parse().unwrap());
        let rate: f64 = row[2].parse().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
        let requests = (rate * 600.0).round() as u64;
        let cv: f64 = row[3].parse().unwrap();
        clients.resize(clients.len().max(client + 1), CountSeries::default());
        clients[client].width_us = 600_000_000;
        clients[client].bins.push(CountBin {
            period: Period::new(start, start.plus_us(600_000_000)).unwrap(),
            requests,
            prompt_tokens: None,
            completion_tokens: None,
            interarrival_cv: (requests >= 2).then_some(cv),
        });
    }
    let mut worst = (0.0, String::new());
    let series = stats_series(&folder, "servegen_m_large");
    assert_eq!(series.len(), 162);
    for (name, expected) in series {
        let client: usize = name.strip_prefix("client ").unwrap().parse().unwrap();
        let features = features(&Demand::Counts(clients[client].clone()), Tz::UTC);
        let mut found = named(&features);
        found
            .extend([("p2m_native", features.peak_to_mean_10m), ("fano_native", features.idc_10m)]);
        assert_eq!((features.burstiness, features.idc_1m, features.acf_168h), (None, None, None));
        let difference = compare(&name, &expected, &found);
        if difference > worst.0 {
            worst = (difference, name);
        }
    }
    println!("servegen_m_large: worst relative difference {:.1e} at {}", worst.0, worst.1);
}

#[test]
fn helios_levels() {
    let Some(folder) = reference("traces") else { return };
    let mut worst = 0.0_f64;
    let series = stats_series(&folder, "helios_earth_vc");
    assert!(series.len() >= 8);
    for (name, expected) in series {
        let path = folder.join(format!("helios_earth_vc/{name}.csv.gz"));
        let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(path).unwrap()));
        let running = reader.headers().unwrap().iter().position(|it| it == "running_gpu_num");
        let bins = reader.records().map(|row| {
            let row = row.unwrap();
            let start = Timestamp::parse(&row[0], Tz::UTC).unwrap();
            let period = Period::new(start, start.plus_us(60_000_000)).unwrap();
            LevelBin { period, gpus: row[running.unwrap()].parse().unwrap() }
        });
        let series =
            LevelSeries { bins: bins.collect(), width_us: 60_000_000, absent_is_zero: false };
        let features = features(&Demand::Level(series), Tz::UTC);
        let mut found = named(&features);
        // Two hours of vcJkd have exactly a tenth of the peak, 0.3 of 3 GPUs, and are busy; the
        // reference compares with 0.1 x 3 in binary, which is a little more than 0.3.
        found.retain(|it| it.0 != "n" && (it.0 != "busy_h_day" || name != "vcJkd"));
        worst = worst.max(compare(&name, &expected, &found));
    }
    println!("helios_earth_vc: worst relative difference {worst:.1e}");
}
