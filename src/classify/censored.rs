//! Offered against served: whether today's capacity cut demand off, so that what was measured is
//! less than what was asked for.
//!
//! Every sign comes with the time or the requests it was looked for in. A sign nobody looked for is
//! absent, and a workload without signs counts as served only where queues and refusals were both
//! measured.

use serde::Serialize;

use super::evidence::{grouped, number, percent};
use crate::catalog::DemandLimits;
use crate::workload::{EngineBin, Workload};

/// Hours in which something was, of the hours in which it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HoursWith {
    /// Hours with it.
    pub hours: u64,
    /// Hours in which an engine measured it.
    pub of: u64,
    /// The most of it.
    pub most: f64,
}

impl HoursWith {
    /// Hours with it over hours measured.
    pub fn share(&self) -> f64 {
        self.hours as f64 / self.of.max(1) as f64
    }
}

/// A count and what it is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PartOf {
    /// How many.
    pub n: u64,
    /// Of how many.
    pub of: u64,
}

impl PartOf {
    /// The one over the other; 0 of 0 is 0.
    pub fn share(&self) -> f64 {
        self.n as f64 / self.of.max(1) as f64
    }
}

/// Whether demand was cut off.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Censoring {
    /// Queues and refusals were measured, and there were too few to matter.
    Served,
    /// It was.
    Censored {
        /// Attempts over attempts that were let in, from refusals: 1.05 is 5 % more. A retry counts
        /// again, since no log tells it apart. Nothing where no refusal was counted.
        offered_over_served: Option<f64>,
    },
    /// Nobody measured enough to say; what is missing.
    NotMeasured(String),
}

/// Signs that demand was cut off, each nothing where it was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Censored {
    /// Hours with requests waiting in an engine.
    pub queue: Option<HoursWith>,
    /// Hours with a full KV cache.
    pub kv_cache_full: Option<HoursWith>,
    /// Hours with requests swapped out to host memory.
    pub swapped: Option<HoursWith>,
    /// Requests refused for a limit, of those offered.
    pub throttled: Option<PartOf>,
    /// Requests that failed, of those let in.
    pub failed: Option<PartOf>,
    /// Sequences evicted, of the requests finished in the same hours.
    pub preempted: Option<PartOf>,
    /// Prompt tokens found in the prefix cache, of those looked up: work that was not done.
    pub prefix_hits: Option<PartOf>,
    /// Whether demand was cut off.
    pub verdict: Censoring,
    /// The verdict, then every sign with its numbers, then what was not measured.
    pub sentences: Vec<String>,
}

/// Looks for signs that demand was cut off.
pub fn censored(workload: &Workload, limits: &DemandLimits) -> Censored {
    let bins = &workload.engine;
    let offered = workload.offered.as_ref();
    let mut found = Censored {
        queue: hours_with(bins, |it| it.waiting_max, limits.queue_requests),
        kv_cache_full: hours_with(bins, |it| it.kv_cache_usage_max, limits.kv_cache_limit),
        swapped: hours_with(bins, |it| it.swapped_max, 1.0),
        throttled: offered
            .and_then(|it| Some((it.throttled?, it.requests)))
            .map(|(n, requests)| PartOf { n, of: requests.saturating_add(n) }),
        failed: offered.and_then(|it| Some(PartOf { n: it.failed?, of: it.requests })),
        preempted: sums(bins, |it| it.preemptions.zip(it.requests)),
        prefix_hits: sums(bins, |it| it.prefix_hits.zip(it.prefix_queries))
            .or_else(|| log_hits(workload))
            .filter(|it| it.of > 0),
        verdict: Censoring::Served,
        sentences: Vec::new(),
    };
    found.verdict = found.verdict(limits);
    found.sentences = found.said(limits);
    found
}

/// Hours in which a value reached a limit, of those in which it was measured.
fn hours_with(
    bins: &[EngineBin],
    value: impl Fn(&EngineBin) -> Option<f64>,
    limit: f64,
) -> Option<HoursWith> {
    let values: Vec<f64> = bins.iter().filter_map(value).collect();
    let most = values.iter().copied().reduce(f64::max)?;
    let hours = values.iter().filter(|it| **it >= limit).count() as u64;
    Some(HoursWith { hours, of: values.len() as u64, most })
}

/// Sums over the hours that have both numbers.
fn sums(bins: &[EngineBin], both: impl Fn(&EngineBin) -> Option<(u64, u64)>) -> Option<PartOf> {
    bins.iter().filter_map(both).fold(None, |sum, (n, of)| {
        let sum = sum.unwrap_or(PartOf { n: 0, of: 0 });
        Some(PartOf { n: sum.n.saturating_add(n), of: sum.of.saturating_add(of) })
    })
}

/// Prompt tokens from the prefix cache by the request log.
fn log_hits(workload: &Workload) -> Option<PartOf> {
    let n = workload.offered.as_ref()?.cached_prompt_tokens?;
    Some(PartOf { n, of: workload.totals.prompt_tokens? })
}

impl Censored {
    /// Signs that reach their limit: of these each alone says that capacity was short.
    fn signs(&self, limits: &DemandLimits) -> Vec<&'static str> {
        let often = |it: Option<HoursWith>| {
            it.is_some_and(|it| it.hours > 0 && it.share() >= limits.limited_hours_share)
        };
        let part =
            |it: Option<PartOf>, least: f64| it.is_some_and(|it| it.n > 0 && it.share() >= least);
        let signs = [
            (part(self.throttled, limits.throttled_share), "requests were refused"),
            (often(self.queue), "requests waited"),
            (often(self.kv_cache_full), "the KV cache was full"),
            (part(self.preempted, limits.preemptions_per_1000 / 1000.0), "sequences were evicted"),
            (self.swapped.is_some_and(|it| it.hours > 0), "requests were swapped out"),
        ];
        signs.into_iter().filter(|it| it.0).map(|it| it.1).collect()
    }

    fn verdict(&self, limits: &DemandLimits) -> Censoring {
        if !self.signs(limits).is_empty() {
            let refused = self.throttled.filter(|it| it.n > 0 && it.of > it.n);
            let offered_over_served = refused.map(|it| it.of as f64 / (it.of - it.n) as f64);
            return Censoring::Censored { offered_over_served };
        }
        match (self.queue.is_some(), self.throttled.is_some()) {
            (true, true) => Censoring::Served,
            (true, false) => Censoring::NotMeasured("refusals were not measured".to_owned()),
            (false, true) => Censoring::NotMeasured("queues were not measured".to_owned()),
            (false, false) => {
                Censoring::NotMeasured("neither queues nor refusals were measured".to_owned())
            }
        }
    }

    fn said(&self, limits: &DemandLimits) -> Vec<String> {
        let verdict = match &self.verdict {
            Censoring::Served => "Served: no sign that capacity cut demand off.".to_owned(),
            Censoring::NotMeasured(why) => {
                format!("Whether capacity cut demand off is not known: {why}.")
            }
            Censoring::Censored { offered_over_served } => {
                let signs = self.signs(limits).join(", ");
                let least = match offered_over_served {
                    Some(ratio) => format!(
                        "{} times as many attempts as were let in, a retry counted again",
                        number(*ratio)
                    ),
                    None => "how much more was asked for is not known".to_owned(),
                };
                format!("Cut off by today's capacity: {signs}; {least}.")
            }
        };
        let signs = [
            self.queue.map(|it| {
                format!("Requests waited in {}, at most {} at once.", in_hours(it), number(it.most))
            }),
            self.throttled.map(|it| {
                format!("{} requests offered were refused for a limit.", of_share(it))
            }),
            self.failed.map(|it| format!("{} requests let in failed; the log does not say why.", of_share(it))),
            self.kv_cache_full.map(|it| {
                format!(
                    "The KV cache was at its limit of {} % in {}, at most at {} %.",
                    percent(limits.kv_cache_limit),
                    in_hours(it),
                    percent(it.most)
                )
            }),
            self.preempted.map(|it| {
                format!(
                    "{} sequences were evicted, {} per 1,000 requests.",
                    grouped(it.n as f64),
                    number(it.share() * 1000.0)
                )
            }),
            self.swapped.map(|it| format!("Requests were swapped out in {}.", in_hours(it))),
            self.prefix_hits.map(|it| {
                format!(
                    "{} % of the prompt was in the prefix cache: the tokens measured overstate the work by that.",
                    percent(it.share())
                )
            }),
        ];
        let missing = [
            (self.queue.is_none(), "queues"),
            (self.throttled.is_none(), "refusals (429)"),
            (self.failed.is_none(), "failures"),
            (self.kv_cache_full.is_none(), "KV cache"),
            (self.preempted.is_none(), "evictions"),
            (self.prefix_hits.is_none(), "prefix cache"),
            (true, "retries"),
        ];
        let missing: Vec<&str> = missing.into_iter().filter(|it| it.0).map(|it| it.1).collect();
        let missing = format!("Not measured: {}.", missing.join(", "));
        std::iter::once(verdict).chain(signs.into_iter().flatten()).chain([missing]).collect()
    }
}

/// `12 of 700 hours measured (1.71 %)`.
fn in_hours(it: HoursWith) -> String {
    format!(
        "{} of {} hours measured ({} %)",
        grouped(it.hours as f64),
        grouped(it.of as f64),
        percent(it.share())
    )
}

/// `120 of 10,000 (1.2 %)`.
fn of_share(it: PartOf) -> String {
    format!("{} of {} ({} %)", grouped(it.n as f64), grouped(it.of as f64), percent(it.share()))
}

#[cfg(test)]
mod tests;
