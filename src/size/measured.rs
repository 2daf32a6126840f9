//! The prediction against measured serving runs, where the reference data is at hand.

use std::collections::BTreeMap;

use super::{Architecture, Constants, Deployment, Precision, TokenProfile, fit, fixtures};
use crate::catalog::{GpuSpec, ModelArch};

/// Median and 90th percentile of |error| with the one set of constants. Published for the set: 12 %
/// and 38 % on 1,042 runs with `nvfp4`; here the bf16 and fp8 rows of a sample.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests may look for the reference data")]
fn tpot_agrees_with_measured_runs() {
    let Ok(folder) = std::env::var("GPUADVISE_REFERENCE") else {
        println!("SKIPPED: GPUADVISE_REFERENCE is not set");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/cases/silicon_serving.csv")).unwrap();
    let rows = rows(&text);
    let errors = |precision: Option<&str>| -> Vec<f64> {
        let kept = rows.iter().filter(|row| precision.is_none_or(|it| row["precision"] == it));
        kept.filter_map(error_of).map(f64::abs).collect()
    };
    for (name, precision) in [("all", None), ("fp8", Some("fp8")), ("unnamed", Some(""))] {
        let errors = errors(precision);
        let (median, p90) = (quantile(&errors, 50), quantile(&errors, 90));
        println!("{name}: {} runs, median {median:.3}, p90 {p90:.3}", errors.len());
    }
    let errors = errors(None);
    assert!(errors.len() > 400);
    assert!(quantile(&errors, 50) < 0.13 && quantile(&errors, 90) < 0.42);
}

fn rows(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| header.iter().copied().zip(line.split(',')).collect()).collect()
}

/// Relative error of the predicted TPOT; nothing for rows the sizer does not cover.
fn error_of(row: &BTreeMap<&str, &str>) -> Option<f64> {
    let arch = model(row["model_path"]).filter(|_| row["mode"] == "agg")?;
    // Rows without a precision name the bf16 checkpoint.
    let precision = match row["precision"] {
        "" => Precision::Bf16,
        other => Precision::parse(other)?,
    };
    let gpu = gpu(row["system"])?;
    let number = |name: &str| row[name].parse::<f64>().ok();
    let (prompt, completion) = (number("isl")?, number("osl")?);
    let profile = TokenProfile::new(1, prompt, completion)?;
    let n = row["tp_size"].parse().ok()?;
    let (engine, capacity) = (fixtures::engine(), fixtures::capacity());
    let constants = Constants { engine: &engine, capacity: &capacity };
    let model = Architecture::of(&arch).ok()?;
    let found = fit(&model, &gpu, &Deployment::new(precision, n), &profile, constants);
    // `batch_size` is the client's concurrency.
    let tpot_ms = found.replica()?.tpot_s(row["batch_size"].parse().ok()?) * 1e3;
    Some(tpot_ms / number("silicon_tpot_ms")? - 1.0)
}

fn model(path: &str) -> Option<ModelArch> {
    match path {
        "Qwen/Qwen3-32B" => Some(fixtures::qwen3_32b()),
        "meta-llama/Llama-3.1-70B" => Some(fixtures::llama_70b()),
        "nvidia/Llama-3.1-8B-Instruct-FP8" => Some(fixtures::llama_8b()),
        _ => None,
    }
}

/// GB200 is left out: in its rows `batch_size` is half the concurrency their ids state.
fn gpu(system: &str) -> Option<GpuSpec> {
    match system {
        "h100_sxm" => Some(fixtures::h100()),
        "h200_sxm" => Some(fixtures::h200()),
        "b200_sxm" => Some(fixtures::b200()),
        _ => None,
    }
}

/// The least value that at least this share, in percent, does not exceed.
fn quantile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}
