//! Room for the weights, and the time to download and to read them.

use super::super::facts::{Access, Cached, HostFacts};
use super::super::needs::Needs;
use super::super::text::{duration, gb};
use super::Check;

const CACHE: &str = "weights on disk";
const SPACE: &str = "disk space";
const READ: &str = "disk read";
const DOWNLOAD: &str = "download";

/// vLLM gives its engine 10 minutes to be ready, download included (`VLLM_ENGINE_READY_TIMEOUT_S`,
/// vllm/envs.py, vLLM 0.19.1).
const READY_TIMEOUT_S: u64 = 600;

/// Share of the weights that counts as all, percent: sizes in catalogs are of parameters alone.
const WHOLE: u64 = 97;

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let is_there = facts.disk.cached.is_some_and(|it| is_whole(it, needs));
    vec![
        cache(facts, needs),
        space(facts, needs, is_there),
        read(facts, needs),
        download(facts, needs, is_there),
    ]
}

fn is_whole(cached: Cached, needs: &Needs) -> bool {
    let enough = cached.bytes.saturating_mul(100) >= needs.weights.bytes.saturating_mul(WHOLE);
    enough && !cached.incomplete && cached.bytes > 0
}

fn is_offline(facts: &HostFacts) -> bool {
    ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
        .iter()
        .filter_map(|it| facts.settings.set.get(*it))
        .any(|it| matches!(it.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on"))
}

fn cache(facts: &HostFacts, needs: &Needs) -> Check {
    let needed = format!("{}, or a download", gb(needs.weights.bytes));
    let Some(cached) = facts.disk.cached else { return Check::unknown(CACHE, needed) };
    let found = if cached.bytes == 0 { "none".to_owned() } else { gb(cached.bytes) };
    let answer = Check::pass(CACHE, found, needed);
    match (is_whole(cached, needs), is_offline(facts)) {
        (false, true) => answer.fail(
            "HF_HUB_OFFLINE forbids the download and the cache has not all of the weights: fill it \
             first with `hf download`, or unset it",
        ),
        (false, false) if cached.incomplete => {
            answer.warn("a download was broken off: it goes on at the start, or `hf download` now")
        }
        _ => answer,
    }
}

fn space(facts: &HostFacts, needs: &Needs, is_there: bool) -> Check {
    let cached = facts.disk.cached.map_or(0, |it| it.bytes);
    // What is there already needs no second place.
    let wanted = needs.weights.disk_bytes().saturating_sub(cached);
    let needed = format!("{} free", gb(wanted));
    let Some(free) = facts.disk.free_bytes else { return Check::unknown(SPACE, needed) };
    let answer = Check::pass(SPACE, format!("{} free", gb(free)), needed);
    let missing = needs.weights.bytes.saturating_sub(cached);
    if free >= wanted {
        answer
    } else if is_there || free >= missing.saturating_add(missing / 50) {
        answer.warn("the weights fit, with little left for caches of compiled kernels and logs")
    } else {
        answer.fail(
            "the weights do not fit: free some, or put the cache on a larger disk with HF_HOME=DIR",
        )
    }
}

fn read(facts: &HostFacts, needs: &Needs) -> Check {
    let limit = needs.start_budget_s.unwrap_or(READY_TIMEOUT_S).min(READY_TIMEOUT_S);
    let budget = needs.start_budget_s;
    let needed = match budget {
        Some(it) => format!("a start in {}", duration(it)),
        None => format!("within {}", duration(READY_TIMEOUT_S)),
    };
    let speed = facts
        .disk
        .read
        .and_then(|it| Some((it.per_second()?, it.seconds_for(needs.weights.bytes)?)));
    let Some((rate, seconds)) = speed else {
        let unknown = Check::unknown(READ, needed);
        return match &facts.disk.why_not {
            Some(why) => unknown.because(why.clone()),
            None => unknown,
        };
    };
    let answer = Check::pass(READ, format!("{}/s: {}", gb(rate), duration(seconds)), needed);
    if budget.is_some_and(|it| seconds > it) {
        answer.fail(
            "reading the weights alone takes longer than the plan's start: put them on a local NVMe \
             disk, or keep a worker running",
        )
    } else if seconds > READY_TIMEOUT_S {
        answer.warn("longer than vLLM waits for its engine: set VLLM_ENGINE_READY_TIMEOUT_S higher")
    } else if seconds.saturating_mul(2) > limit {
        answer
            .warn("more than half of the time for a start, which also compiles and captures graphs")
    } else {
        answer
    }
}

fn download(facts: &HostFacts, needs: &Needs, is_there: bool) -> Check {
    const NEEDED: &str = "once, before the first start";
    if is_there {
        return Check::pass(DOWNLOAD, "not needed", NEEDED);
    }
    let cached = facts.disk.cached.map_or(0, |it| it.bytes);
    let missing = needs.weights.bytes.saturating_sub(cached);
    if let Some(speed) = facts.download.speed
        && let (Some(rate), Some(seconds)) = (speed.per_second(), speed.seconds_for(missing))
    {
        let answer =
            Check::pass(DOWNLOAD, format!("{}/s: {}", mb(rate), duration(seconds)), NEEDED);
        let budget = needs.start_budget_s.unwrap_or(READY_TIMEOUT_S).min(READY_TIMEOUT_S);
        return if seconds <= budget {
            answer
        } else {
            answer.warn(format!(
                "longer than a start may take: download first with `hf download {}`, or set \
                 VLLM_ENGINE_READY_TIMEOUT_S higher",
                needs.model
            ))
        };
    }
    match facts.download.access {
        Some(Access::Unreachable) => Check::pass(DOWNLOAD, "hub does not answer", NEEDED).fail(
            "the host does not reach the hub: open it, set HF_ENDPOINT to a mirror, or copy the \
             weights here and set HF_HUB_OFFLINE=1",
        ),
        Some(Access::NotFound) => Check::pass(DOWNLOAD, "not on the hub (404)", NEEDED)
            .fail("no such model or file: check the name of the model"),
        Some(Access::TooMany) => Check::pass(DOWNLOAD, "too many requests (429)", NEEDED)
            .warn("the hub limits this address: set HF_TOKEN, or try later"),
        Some(Access::Other(it)) => Check::pass(DOWNLOAD, format!("status {it}"), NEEDED)
            .warn("the hub or a proxy answers with an error: try later, or look at the proxy"),
        Some(Access::Refused(_) | Access::Granted) | None => {
            let unknown = Check::unknown(DOWNLOAD, NEEDED);
            match &facts.download.why_not {
                Some(why) => unknown.because(why.clone()),
                None => unknown,
            }
        }
    }
}

/// `85 MB`
fn mb(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
