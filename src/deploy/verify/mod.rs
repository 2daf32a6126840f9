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
    /// Whether the new files have a bill of the seller it ran at, so that no row of it means no cost.
    pub is_billed: bool,
    /// Why its cost cannot be set against the window; nothing where it can.
    pub uncovered: Option<String>,
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
    let found = match unknown(before, after, is_stop) {
        Some(_) => None,
        None => realised(before, after.traffic, is_stop)?,
    };
    let plain = match found {
        Some(Realised { unit: Some(_), .. }) => realised(before, after.traffic, true)?,
        _ => found,
    };
    let pair = found.zip(plain.map(|it| it.saving));
    let saving = match unknown(before, after, is_stop) {
        Some(why) => Check::unknown("saving", needed_saving(promised)).because(why),
        None => saving(promised, pair, is_stop),
    };
    let mut checks = vec![saving, changed(advised, after, is_stop), length(after, rules)];
    if !is_stop {
        checks.extend(load::latencies(&advised.workload.slo, after));
        checks.push(load::errors(after, rules));
        checks.extend(load::occupancy(advised, after, rules));
        checks.push(quality::check(advised, after.quality.as_ref(), rules));
    }
    let stop = stop_rule(advised, pair, after, &checks);
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

/// Why nothing can be said of the saving; nothing where it can.
fn unknown(before: Traffic, after: &After, is_stop: bool) -> Option<String> {
    if let Some(why) = &after.uncovered {
        return Some(why.clone());
    }
    let Some(traffic) = after.traffic else {
        if is_stop && after.is_billed {
            return None;
        }
        let why = if is_stop {
            "it is not in the new files, and neither is any bill of who it was bought from: give that bill"
        } else {
            "it is not in the new files: give its bill, with the name it has in the report"
        };
        return Some(why.to_owned());
    };
    if traffic.cost.is_none() {
        return Some("give the bill of the days after the change".to_owned());
    }
    let has = |it: Traffic| it.tokens.or(it.requests).map(|it| it > 0);
    let is_idle = !is_stop && has(before) == Some(true) && has(traffic) == Some(false);
    is_idle
        .then(|| "it served nothing in the new files, so no cost is that of its traffic".to_owned())
}

fn needed_saving(promised: Option<Money>) -> String {
    promised.map_or_else(|| "what was promised".to_owned(), |it| format!("{} a month", money(it)))
}

/// Half of the saving must be there, as the advice says; nine tenths are a promise kept. `found` has the saving at
/// the traffic of then, and the plain difference of the bills: fewer requests on a fleet of fixed size make
/// the first small though the second is all that was promised, so only both fail.
fn saving(promised: Option<Money>, found: Option<(Realised, Money)>, is_stop: bool) -> Check {
    const KEPT: f64 = 0.9;
    const LEAST: f64 = 0.5;
    let name = "saving";
    let Some(promised) = promised.filter(|it| it.atto() > 0) else {
        return Check::unknown(name, "what was promised")
            .because("the report has no cost of it: it was made without a bill");
    };
    let needed = needed_saving(Some(promised));
    let Some((found, plain)) = found else {
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
        _ if plain.to_f64() / promised.to_f64() >= LEAST => check.warn(format!(
            "the bill fell by {} a month, but less was served than then: fewer or smaller GPUs may do",
            money(plain)
        )),
        _ => check.fail(
            "less than half of it is there: `gpuadvise diff` of both reports says by which step",
        ),
    }
}

/// Whether the change was made at all, as far as the bill shows it: the GPU of the plan, and its hours.
fn changed(advised: &Advised, after: &After, is_stop: bool) -> Check {
    let name = "change made";
    if is_stop {
        let needed = "0 GPU-hours";
        return match (after.traffic.is_some(), after.gpu_hours) {
            (false, _) if after.is_billed => Check::pass(name, "not on the bill any more", needed),
            (true, Some(hours)) if hours > 0.0 => {
                Check::pass(name, format!("{hours:.1} GPU-hours"), needed)
                    .fail("it still runs: stop it")
            }
            (true, Some(_)) => Check::pass(name, "0 GPU-hours", needed),
            _ => Check::unknown(name, needed).because("give the bill of who it was bought from"),
        };
    }
    let plan = &advised.plan;
    let Some(gpu) = &after.gpu else { return Check::unknown(name, plan.gpu.clone()) };
    let most = most_gpus(advised);
    let needed = most.map_or_else(|| plan.gpu.clone(), |n| format!("at most {n} x {}", plan.gpu));
    let at_once = after.gpu_hours.filter(|_| after.hours > 0.0).map(|it| it / after.hours);
    let found = at_once.map_or_else(|| gpu.clone(), |it| format!("{it:.1} x {gpu}"));
    let check = Check::pass(name, found, needed);
    if *gpu != plan.gpu {
        return check.warn(
            "the bill shows other GPUs than the plan: the change is not done, or only in part",
        );
    }
    let baseline = &advised.workload.baseline;
    let was = baseline.gpu_hours.map(|it| it * 3.6e9 / advised.window_us as f64);
    // Hours of a bill are whole ones, and a switch overlaps: a twentieth more is no other plan.
    let is_over = most.zip(at_once).is_some_and(|(most, it)| it > f64::from(most) * 1.05);
    let is_as_before = baseline.gpu.as_deref() == Some(gpu)
        && advice_cuts_hours(advised)
        && was.zip(at_once).is_some_and(|(was, it)| it >= was * 0.95);
    match (is_over, is_as_before) {
        (true, _) => check.warn("more GPUs than the plan: what ran before may still run beside it"),
        (false, true) => {
            check.warn("as many GPU-hours as before: the schedule is not on, or not kept")
        }
        _ => check,
    }
}

/// The most GPUs of the plan at once, where it has a bound.
fn most_gpus(advised: &Advised) -> Option<u32> {
    let plan = &advised.plan;
    plan.max_replicas.map(|it| it.saturating_mul(plan.gpu_count))
}

/// Whether fewer hours are what the advice is about.
fn advice_cuts_hours(advised: &Advised) -> bool {
    advised.workload.advice.action == "schedule"
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
    found: Option<(Realised, Money)>,
    after: &After,
    checks: &[Check],
) -> Option<String> {
    let slo = &advised.workload.slo;
    let limits = [
        ("the time to the first token", slo.ttft_p95_s, after.ttft),
        ("the time per output token", slo.tpot_p95_s, after.tpot),
    ];
    for (what, limit, measured) in limits {
        let (Some(limit), Some(it)) = (limit, measured) else { continue };
        if load::is_broken(&it, limit, slo.attainment) == Some(true) {
            return Some(match it.within {
                Some(share) => format!(
                    "{what} was within its limit in {:.1} % of the requests, {:.0} % are promised",
                    share * 100.0,
                    slo.attainment * 100.0
                ),
                None => format!("95 % of the requests are not within the limit of {what}"),
            });
        }
    }
    if checks.iter().any(|it| it.name == quality::NAME && it.verdict == Verdict::Fail) {
        return Some("the quality check failed".to_owned());
    }
    let made = checks.iter().any(|it| it.name == "change made" && it.verdict == Verdict::Pass);
    found.filter(|(it, plain)| made && it.saving.atto() <= 0 && plain.atto() <= 0).map(|(it, _)| {
        format!("it saves nothing: {} a month at the traffic of then", money(it.saving))
    })
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
