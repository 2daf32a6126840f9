//! `gpuadvise verify`: whether advice that was followed came true.

use std::fmt::Write as _;

use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::talk::Talk;
use super::{CommandResult, output, past_report};
use crate::bridge::Traffic;
use crate::cli::{Format, Global, InputArgs, VerifyArgs};
use crate::deploy::{self, Advised, After, Measured, Quality, Verification};
use crate::ingest::Coverage;
use crate::report;
use crate::workload::{Histogram, Workload};

const MICROS_PER_HOUR: f64 = 3.6e9;

pub(super) fn run(args: &VerifyArgs, global: &Global, talk: Talk) -> CommandResult {
    let format = output::text_format(global.format, "verify", "use --format table or json")?;
    if !matches!(global.format, Format::Table | Format::Json) {
        return Err(Failure::usage("verify has a table and JSON", "use --format table or json"));
    }
    if global.redact {
        return Err(Failure::usage(
            "verify cannot replace names that are in its report",
            "run analyze --redact, then verify that report",
        ));
    }
    let asked = asked(args)?;
    known_names(args, &asked)?;
    let files = InputArgs { files: args.usage.clone(), part: args.part.clone() };
    let inputs = Inputs::read(&files, global, talk)?;
    let rules = &inputs.catalog.assumptions.launch;
    let mut found = Vec::new();
    for advised in &asked {
        let name = &advised.workload.name;
        let workload = inputs.workloads.iter().find(|it| it.name == *name);
        let mut after = after(advised, workload, &inputs);
        after.quality = quality(args, name, asked.len())?;
        found.push(deploy::verify(advised, advised.before(), &after, rules)?);
    }
    let text = match format {
        report::Format::Json => {
            let mut text = serde_json::to_string_pretty(&found).unwrap_or_default();
            text.push('\n');
            text
        }
        _ => table(&found),
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    let failed = found.iter().any(Verification::has_failed);
    Ok(if failed { ExitStatus::CheckFailed } else { ExitStatus::Done })
}

/// What is verified: the advice that was named, else all to change something.
fn asked(args: &VerifyArgs) -> Result<Vec<Advised>, Failure> {
    if !args.workload.is_empty() {
        let named = args.workload.iter().map(|name| {
            let it = super::launch::advised(&args.report, name)?;
            if is_change(&it) {
                return Ok(it);
            }
            Err(Failure::usage(
                format!(
                    "the report advises to change nothing of {name}, so there is nothing to verify"
                ),
                "name another workload, or leave --workload out",
            ))
        });
        return named.collect();
    }
    let all = past_report::read(&args.report, |text| {
        Advised::read_all(text).map_err(|error| match error {
            deploy::AdvisedError::Report(error) => error,
            other => report::PastError::Value { field: "advice", found: other.to_string() },
        })
    })?;
    let found: Vec<Advised> = all.into_iter().filter(is_change).collect();
    if found.is_empty() {
        return Err(Failure::usage(
            "the report advises to change nothing, so there is nothing to verify",
            "name a workload with --workload",
        ));
    }
    Ok(found)
}

fn is_change(it: &Advised) -> bool {
    matches!(it.workload.advice.action.as_str(), "switch" | "schedule" | "stop")
}

/// Why a cost cannot be set against the window: a bill that starts later or ends earlier than the other files.
fn uncovered(coverage: &Coverage) -> Option<String> {
    /// A bill may miss so much at its ends; holes in it may be hours in which nothing ran.
    const MISSING: f64 = 0.05;
    let row = coverage.rows.iter().find(|it| it.source == "cost")?;
    let (first, last) =
        (row.hours.iter().position(|it| *it > 0)?, row.hours.iter().rposition(|it| *it > 0)?);
    let hours = |from: usize, to: usize| -> f64 {
        coverage.day_hours.get(from..to).into_iter().flatten().map(|it| f64::from(*it)).sum()
    };
    let n = coverage.day_hours.len();
    let missing = hours(0, first) + hours(last + 1, n);
    let (from, to) = (coverage.days.get(first)?, coverage.days.get(last)?);
    (missing > MISSING * hours(0, n)).then(|| {
        format!("the bill is of {from} to {to}, the other files of more: cut them with --since and --until")
    })
}

/// What the new files say of a workload.
fn after(advised: &Advised, workload: Option<&Workload>, inputs: &Inputs) -> After {
    let window_us = inputs.ingested.window.len_us();
    let hours = window_us as f64 / MICROS_PER_HOUR;
    let seller = advised.workload.baseline.provider.as_deref();
    let is_billed = inputs.workloads.iter().any(|it| {
        it.totals.effective_cost.is_some()
            && (seller.is_none() || it.deployment.provider.as_deref() == seller)
    });
    let uncovered = uncovered(&inputs.ingested.coverage);
    let Some(it) = workload else {
        return After { hours, is_billed, uncovered, ..After::default() };
    };
    let totals = &it.totals;
    let tokens = match (totals.prompt_tokens, totals.completion_tokens) {
        (None, None) => None,
        (prompt, completion) => Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0))),
    };
    let slo = &advised.workload.slo;
    let max = |of: &dyn Fn(&crate::workload::EngineBin) -> Option<f64>| {
        it.engine.iter().filter_map(of).reduce(f64::max)
    };
    let kv = max(&|it| it.kv_cache_usage_max);
    let offered = it.offered.as_ref();
    After {
        hours,
        is_billed,
        uncovered,
        traffic: Some(Traffic {
            cost: totals.effective_cost,
            tokens,
            requests: totals.requests,
            window_us: u64::try_from(window_us).unwrap_or(0),
        }),
        ttft: ttft(it, slo.ttft_p95_s),
        tpot: it.engine_latencies.tpot.as_ref().map(|it| counted(it, slo.tpot_p95_s)),
        failed: offered.and_then(|it| Some((it.failed?, it.requests))),
        kv_cache_peak: kv.or(totals.kv_cache_usage_max.map(crate::units::Fraction::get)),
        running_peak: max(&|it| it.running_max),
        gpu_active: totals.gpu_util.map(crate::units::Fraction::get),
        memory_peak: totals.memory_fraction_max.map(crate::units::Fraction::get),
        gpu: it.deployment.gpu.clone().or_else(|| it.deployment.gpu_label.clone()),
        gpu_hours: totals.gpu_hours,
        quality: None,
    }
}

/// By the request log where it has them, because it has each; else by the histogram of the engines.
fn ttft(workload: &Workload, limit_s: Option<f64>) -> Option<Measured> {
    let of_log = workload.offered.as_ref().and_then(|it| {
        Some(Measured {
            p95_s: Some(it.ttft_p95_s?),
            within: None,
            n: it.requests,
            source: "request log",
        })
    });
    of_log.or_else(|| Some(counted(workload.engine_latencies.ttft.as_ref()?, limit_s)))
}

fn counted(histogram: &Histogram, limit_s: Option<f64>) -> Measured {
    Measured {
        p95_s: histogram.quantile(0.95),
        within: limit_s.map(|it| histogram.share_within(it)),
        n: histogram.count(),
        source: "engine",
    }
}

/// Refuses a result of a workload that is not verified: a misspelt name would leave its check unmeasured.
fn known_names(args: &VerifyArgs, asked: &[Advised]) -> Result<(), Failure> {
    for word in args.quality.iter().chain(&args.quality_before) {
        let Some((name, _)) = word.split_once('=') else { continue };
        let is_known = asked.iter().any(|it| it.workload.name == name);
        let is_file = asked.len() == 1 && std::path::Path::new(word).exists();
        if !is_known && !is_file {
            return Err(Failure::usage(
                format!("`{name}` of `{word}` is none of the workloads that are verified"),
                "write WORKLOAD=FILE with the name as the report has it",
            ));
        }
    }
    Ok(())
}

/// The results of a workload: a file alone where one is verified, else the one named for it.
fn quality(args: &VerifyArgs, workload: &str, n: usize) -> Result<Option<Quality>, Failure> {
    let file_of = |words: &[String]| -> Result<Option<String>, Failure> {
        for word in words {
            match word.split_once('=') {
                Some((name, file)) if name == workload => return Ok(Some(file.to_owned())),
                // One is verified, and `=` is part of the name of a file.
                _ if n == 1 => return Ok(Some(word.clone())),
                Some(_) => {}
                None => {
                    return Err(Failure::usage(
                        format!("`{word}` is the result of which workload?"),
                        "write WORKLOAD=FILE, or verify one with --workload",
                    ));
                }
            }
        }
        Ok(None)
    };
    let text_of = |file: &str| {
        std::fs::read_to_string(file).map_err(|error| {
            let error = anyhow::Error::new(error).context(format!("{file} cannot be read"));
            Failure::new(ExitStatus::Input, error)
                .with_hint("name the results_*.json that `lm_eval --output_path` wrote")
        })
    };
    let Some(file) = file_of(&args.quality)? else { return Ok(None) };
    let before = file_of(&args.quality_before)?;
    let after = text_of(&file)?;
    let before = before.as_deref().map(text_of).transpose()?;
    Quality::read(&after, before.as_deref()).map(Some).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(file)).with_hint(hint)
    })
}

fn table(all: &[Verification]) -> String {
    let mut text = String::new();
    for (at, it) in all.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let of = match (it.realised, it.promised, it.share) {
            (Some(realised), Some(promised), Some(share)) => format!(
                "realised {} of {} a month ({:.0} %)",
                report::money(realised),
                report::money(promised),
                share * 100.0
            ),
            _ => "realised: not known".to_owned(),
        };
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}: {}, {of}", it.workload, it.action);
        if let Some(avoided) = it.avoided {
            let _ = writeln!(
                text,
                "beside it {} a month are avoided by more traffic",
                report::money(avoided)
            );
        }
        text.push_str(&deploy::table(&it.checks));
        for line in deploy::lines(&format!("next: {}", it.next), 80) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
