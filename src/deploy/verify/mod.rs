//! Whether an advice came true: what was promised against what was measured after the change.
//!
//! Comes in: the advice of a report with what its workload cost then, and what the new files say. Goes out: a
//! list of answers, what was realised of the promise, and the next thing to do. The saving is that at constant traffic
//! of [`bridge`](crate::bridge), so that more requests are no broken promise and fewer no saving.

mod load;
mod quality;

use serde::Serialize;

use super::Advised;
use super::check::{Check, Verdict};
use crate::bridge::{Realised, Traffic, realised};
use crate::catalog::LaunchRules;
use crate::report::{counted, duration, money};
use crate::units::{Money, MoneyError};

pub use quality::{Quality, QualityError};

/// What the new files say of the workload.
#[derive(Clone, Debug, Default)]
pub struct After {
    /// Hours of the new window.
    pub hours: f64,
    /// Cost, tokens, requests and length; nothing where the workload is not in the new files.
    pub traffic: Option<Traffic>,
    /// Time to the first token.
    pub ttft: Option<Measured>,
    /// Time per output token.
    pub tpot: Option<Measured>,
    /// Requests that failed, of how many.
    pub failed: Option<(u64, u64)>,
    /// Most of the KV cache in use in any hour.
    pub kv_cache_peak: Option<f64>,
    /// Most requests in the batch of one engine.
    pub running_peak: Option<f64>,
    /// Mean share of time GPUs were active.
    pub gpu_active: Option<f64>,
    /// Most of a GPU's memory in use.
    pub memory_peak: Option<f64>,
    /// The GPU that is paid for.
    pub gpu: Option<String>,
    /// GPU-hours that are paid for.
    pub gpu_hours: Option<f64>,
    /// Results of the quality check, before and after.
    pub quality: Option<Quality>,
}

/// A latency as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// 95th percentile; nothing where it lies beyond the last bound of a histogram.
    pub p95_s: Option<f64>,
    /// Share within the limit.
    pub within: Option<f64>,
    /// How many were measured.
    pub n: u64,
    /// Where they are from.
    pub source: &'static str,
}

/// The answers for one workload.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The workload.
    pub workload: String,
    /// Id of its advice.
    pub advice: String,
    /// `switch`, `schedule`, `stop`.
    pub action: String,
    /// What it was to save in 730 hours.
    pub promised: Option<Money>,
    /// What it saves at the traffic of then; nothing where a cost is not known.
    pub realised: Option<Money>,
    /// That over the promise.
    pub share: Option<f64>,
    /// Cost avoided beside it: what came on top would have cost more before.
    pub avoided: Option<Money>,
    /// The answers.
    pub checks: Vec<Check>,
    /// Why it must be undone; nothing where no rule says so.
    pub stop: Option<String>,
    /// What to do next.
    pub next: String,
}

/// Verifies one advice.
pub fn verify(
    advised: &Advised,
    before: Traffic,
    after: &After,
    rules: &LaunchRules,
) -> Result<Verification, MoneyError> {
    let advice = &advised.workload.advice;
    let is_stop = advice.action == "stop";
    let promised =
        before.cost.and_then(|it| Money::parse(&advice.monthly_savings, it.currency()).ok());
    let found = realised(before, after.traffic, is_stop)?;
    let mut checks = vec![
        saving(promised, found, is_stop),
        changed(advised, after, is_stop),
        length(after, rules),
    ];
    if !is_stop {
        checks.extend(load::latencies(&advised.workload.slo, after));
        checks.push(load::errors(after, rules));
        checks.extend(load::occupancy(advised, after, rules));
        checks.push(quality::check(advised, after.quality.as_ref(), rules));
    }
    let stop = stop_rule(advised, found, after, &checks);
    let share = promised.zip(found).and_then(|(promised, found)| {
        (promised.atto() > 0).then(|| found.saving.to_f64() / promised.to_f64())
    });
    Ok(Verification {
        workload: advised.workload.name.clone(),
        advice: advice.id.clone(),
        action: advice.action.clone(),
        promised,
        realised: found.map(|it| it.saving),
        share,
        avoided: found.and_then(|it| it.avoided),
        next: next(advised, stop.as_deref(), &checks),
        stop,
        checks,
    })
}

impl Verification {
    /// The worst answer; a check that was not measured is no failure.
    pub fn has_failed(&self) -> bool {
        self.stop.is_some() || self.checks.iter().any(|it| it.verdict == Verdict::Fail)
    }
}

/// Half of the saving must be there, as the advice says; nine tenths are a promise kept.
fn saving(promised: Option<Money>, found: Option<Realised>, is_stop: bool) -> Check {
    const KEPT: f64 = 0.9;
    const LEAST: f64 = 0.5;
    let name = "saving";
    let Some(promised) = promised else {
        return Check::unknown(name, "what was promised")
            .because("the report has no cost of it: it was made without a bill");
    };
    let needed = format!("{} a month", money(promised));
    let Some(found) = found else {
        return Check::unknown(name, needed).because("give the bill of the days after the change");
    };
    let share = found.saving.to_f64() / promised.to_f64();
    let traffic = match (found.unit, is_stop) {
        (_, true) => "",
        (Some(_), false) => ", at the traffic of then",
        (None, false) => ", traffic not known and taken as unchanged",
    };
    let check = Check::pass(
        name,
        format!("{} a month, {:.0} %{traffic}", money(found.saving), share * 100.0),
        needed,
    );
    match share {
        s if s >= KEPT => check,
        s if s >= LEAST => {
            check.warn("part of it is missing: `gpuadvise diff` of both reports says by which step")
        }
        _ => check.fail(
            "less than half of it is there: `gpuadvise diff` of both reports says by which step",
        ),
    }
}

/// Whether the change was made at all, as far as the bill shows it.
fn changed(advised: &Advised, after: &After, is_stop: bool) -> Check {
    let name = "change made";
    if is_stop {
        let needed = "0 GPU-hours";
        return match (after.traffic.is_some(), after.gpu_hours) {
            (false, _) => Check::pass(name, "not on the bill any more", needed),
            (true, Some(hours)) if hours > 0.0 => {
                Check::pass(name, format!("{hours:.1} GPU-hours"), needed)
                    .fail("it still runs: stop it")
            }
            (true, Some(_)) => Check::pass(name, "0 GPU-hours", needed),
            (true, None) => Check::unknown(name, needed),
        };
    }
    let plan = &advised.plan;
    match &after.gpu {
        None => Check::unknown(name, plan.gpu.clone()),
        Some(gpu) if *gpu == plan.gpu => Check::pass(name, gpu.clone(), plan.gpu.clone()),
        Some(gpu) => Check::pass(name, gpu.clone(), plan.gpu.clone()).warn(
            "the bill shows other GPUs than the plan: the change is not done, or only in part",
        ),
    }
}

fn length(after: &After, rules: &LaunchRules) -> Check {
    let needed = format!("{:.0} h", rules.verify_hours);
    let check = Check::pass("days measured", format!("{:.0} h", after.hours), needed);
    if after.hours + 1e-9 >= rules.verify_hours {
        check
    } else {
        check.warn("weekends and week days differ: wait for a whole week before this is the answer")
    }
}

/// Why it must be undone: the limits are broken, nothing is saved, or the answers got worse.
fn stop_rule(
    advised: &Advised,
    found: Option<Realised>,
    after: &After,
    checks: &[Check],
) -> Option<String> {
    let slo = &advised.workload.slo;
    let limits =
        [("the time to the first token", after.ttft), ("the time per output token", after.tpot)];
    for (what, measured) in limits {
        if let Some(share) = measured.and_then(|it| it.within)
            && share < slo.attainment
        {
            return Some(format!(
                "{what} was within its limit in {:.1} % of the requests, {:.0} % are promised",
                share * 100.0,
                slo.attainment * 100.0
            ));
        }
    }
    if checks.iter().any(|it| it.name == quality::NAME && it.verdict == Verdict::Fail) {
        return Some("the quality check failed".to_owned());
    }
    let made = checks.iter().any(|it| it.name == "change made" && it.verdict == Verdict::Pass);
    found
        .filter(|it| made && it.saving.atto() <= 0)
        .map(|it| format!("it saves nothing: {} a month at the traffic of then", money(it.saving)))
}

fn next(advised: &Advised, stop: Option<&str>, checks: &[Check]) -> String {
    let advice = &advised.workload.advice;
    let is = |verdict: Verdict| checks.iter().find(|it| it.verdict == verdict);
    if let Some(why) = stop {
        let undo = if advice.undo.is_empty() { "undo it" } else { advice.undo.as_str() };
        return format!("stop: {why}. {undo}");
    }
    if let Some(failed) = is(Verdict::Fail) {
        let what = failed.remedy.as_deref().unwrap_or("find out why");
        return format!("look into {}: {what}", failed.name);
    }
    let missing: Vec<&str> =
        checks.iter().filter(|it| it.verdict == Verdict::NotMeasured).map(|it| it.name).collect();
    if !missing.is_empty() {
        return format!("measure what is missing ({}), then verify again", missing.join(", "));
    }
    if let Some(warned) = is(Verdict::Warn) {
        let what = warned.remedy.as_deref().unwrap_or_default();
        return format!("keep it; {}: {what}", warned.name);
    }
    format!("done: gpuadvise decide REPORT.json {} --done", advice.id)
}

/// Seconds for people, with how many were measured.
fn shown(measured: &Measured) -> String {
    let p95 = measured.p95_s.map_or_else(|| "beyond the last bound".to_owned(), duration);
    format!("{p95}, {} ({})", counted(measured.n, "request"), measured.source)
}
