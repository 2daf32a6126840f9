//! Whether latencies stayed inside their limits, and whether what runs is used.

use super::super::advised::SloOf;
use super::super::check::Check;
use super::{After, Measured, shown};
use crate::catalog::LaunchRules;
use crate::deploy::Advised;
use crate::report::duration;

/// Both latencies against their limits.
pub(super) fn latencies(slo: &SloOf, after: &After) -> Vec<Check> {
    [
        ("TTFT p95", slo.ttft_p95_s, after.ttft, "give a request log with ttft_s, or the buckets of vllm:time_to_first_token_seconds"),
        ("TPOT p95", slo.tpot_p95_s, after.tpot, "give the buckets of vllm:request_time_per_output_token_seconds or vllm:inter_token_latency_seconds"),
    ]
    .into_iter()
    .filter_map(|(name, limit, measured, how)| Some(latency(name, limit?, measured, how, slo)))
    .collect()
}

fn latency(
    name: &'static str,
    limit_s: f64,
    measured: Option<Measured>,
    how: &str,
    slo: &SloOf,
) -> Check {
    let assumed = if slo.assumed { " (assumed)" } else { "" };
    let needed = format!("at most {}{assumed}", duration(limit_s));
    let Some(it) = measured.filter(|it| it.n > 0) else {
        return Check::unknown(name, needed).because(how);
    };
    let check = Check::pass(name, shown(&it), needed);
    match is_broken(&it, limit_s, slo.attainment) {
        None => Check { verdict: super::Verdict::NotMeasured, ..check },
        Some(true) => check
            .fail("requests wait longer than promised: more replicas, or back to what ran before"),
        Some(false) => check,
    }
}

/// Whether fewer requests are within the limit than are promised: the one rule for the check and for the stop.
/// By the share where it is known, else by the 95th percentile, which answers for a promise of 95 % alone; nothing
/// where neither answers.
pub(super) fn is_broken(measured: &Measured, limit_s: f64, attainment: f64) -> Option<bool> {
    if measured.n == 0 {
        return None;
    }
    let by_p95 = || {
        let over = measured.p95_s? > limit_s;
        // Over at 95 % breaks what promises at least 95 %; inside at 95 % keeps what promises at most that.
        ((over && attainment >= 0.95) || (!over && attainment <= 0.95)).then_some(over)
    };
    measured.within.map_or_else(by_p95, |it| Some(it < attainment))
}

/// Requests that failed.
pub(super) fn errors(after: &After, rules: &LaunchRules) -> Check {
    let name = "failed requests";
    let needed = format!("at most {:.0} %", rules.verify_errors * 100.0);
    let Some((failed, of)) = after.failed.filter(|it| it.1 > 0) else {
        return Check::unknown(name, needed).because("give a request log with a status");
    };
    let share = failed as f64 / of as f64;
    let check = Check::pass(name, format!("{:.2} % of {of}", share * 100.0), needed);
    if share > rules.verify_errors {
        check.fail("look for what they have in common: length, time, replica")
    } else {
        check
    }
}

/// Whether the peak fills what is there, and whether the GPUs work: too little of either is money left.
pub(super) fn occupancy(advised: &Advised, after: &After, rules: &LaunchRules) -> Vec<Check> {
    vec![peak(advised, after, rules), activity(after, rules)]
}

/// The KV cache or the requests in the batch at their peak; memory says nothing where an engine takes it all at
/// its start, as vLLM does.
fn peak(advised: &Advised, after: &After, rules: &LaunchRules) -> Check {
    let name = "use at peak";
    let needed = format!("above {:.0} %", rules.verify_peak * 100.0);
    let slots = advised.plan.max_num_seqs.map(f64::from);
    let concurrency = after.running_peak.zip(slots).map(|(running, slots)| running / slots);
    let preallocates = advised.plan.engine.as_deref().is_some_and(|it| it.starts_with("vllm"));
    let memory = after.memory_peak.filter(|_| !preallocates);
    let found = [
        (after.kv_cache_peak, "of the KV cache"),
        (concurrency, "of the requests at once"),
        (memory, "of the memory"),
    ];
    let most = found
        .into_iter()
        .filter_map(|(share, what)| Some((share?, what)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((share, what)) = most else {
        return Check::unknown(name, needed)
            .because("give vllm:kv_cache_usage_perc or vllm:num_requests_running");
    };
    let check = Check::pass(name, format!("{:.0} % {what}", share * 100.0), needed);
    if share > rules.verify_peak {
        check
    } else {
        check.warn(
            "it has room at its peak: run analyze on the new data, fewer or smaller GPUs may do",
        )
    }
}

fn activity(after: &After, rules: &LaunchRules) -> Check {
    let name = "GPU activity";
    let needed = format!("above {:.0} %", rules.verify_active * 100.0);
    let Some(share) = after.gpu_active else {
        return Check::unknown(name, needed)
            .because("give DCGM_FI_PROF_GR_ENGINE_ACTIVE or DCGM_FI_DEV_GPU_UTIL");
    };
    let check = Check::pass(name, format!("{:.0} % of the time", share * 100.0), needed);
    if share > rules.verify_active {
        check
    } else {
        check.warn(
            "GPUs are paid for and idle: fewer replicas, a shorter schedule, or scale to zero",
        )
    }
}
