//! Every sign, its absence and its limit.

use super::*;
use crate::catalog::Catalog;
use crate::units::{Period, Timestamp};
use crate::workload::{Demand, Offered, UsageTotals};

fn limits() -> DemandLimits {
    Catalog::embedded().unwrap().assumptions.demand
}

/// One hour of one engine that measured everything and had nothing to report.
fn calm(at: i64) -> EngineBin {
    let start = Timestamp::from_s(at * 3600);
    EngineBin {
        period: Period::new(start, start.plus_us(3_600_000_000)).unwrap(),
        engines: 1,
        kv_cache_usage_max: Some(0.4),
        kv_cache_usage_mean: Some(0.2),
        running_mean: Some(3.0),
        running_max: Some(8.0),
        waiting_max: Some(0.0),
        swapped_max: None,
        requests: Some(500),
        preemptions: Some(0),
        prefix_queries: Some(1_000),
        prefix_hits: Some(250),
    }
}

fn workload(engine: Vec<EngineBin>, offered: Option<Offered>) -> Workload {
    let window = Period::new(Timestamp::from_s(0), Timestamp::from_s(360_000)).unwrap();
    let totals = UsageTotals { prompt_tokens: Some(80_000), ..UsageTotals::default() };
    Workload { engine, offered, totals, ..Workload::of_demand(Demand::Unknown, window) }
}

fn log(throttled: Option<u64>) -> Offered {
    Offered { requests: 10_000, failed: Some(40), throttled, ..Offered::default() }
}

/// 100 hours of which the first `n` differ.
fn hours(n: i64, differ: impl Fn(EngineBin) -> EngineBin) -> Vec<EngineBin> {
    (0..100).map(|at| if at < n { differ(calm(at)) } else { calm(at) }).collect()
}

fn check(
    engine: Vec<EngineBin>,
    offered: Option<Offered>,
    verdict: &Censoring,
    says: &str,
) -> Censored {
    let found = censored(&workload(engine, offered), &limits());
    assert_eq!(found.verdict, *verdict, "{:#?}", found.sentences);
    assert!(found.sentences.join(" ").contains(says), "{says}: {:#?}", found.sentences);
    found
}

#[test]
fn each_sign_alone_says_that_capacity_was_short() {
    let cut = Censoring::Censored { offered_over_served: None };
    let queue = |n| hours(n, |it| EngineBin { waiting_max: Some(7.0), ..it });
    check(queue(5), None, &cut, "waited in 5 of 100 hours measured (5 %), at most 7 at once");
    let full = hours(6, |it| EngineBin { kv_cache_usage_max: Some(0.99), ..it });
    check(full, None, &cut, "limit of 95 % in 6 of 100 hours measured (6 %), at most at 99 %");
    let evicted = hours(100, |it| EngineBin { preemptions: Some(10), ..it });
    check(evicted, None, &cut, "1,000 sequences were evicted, 20 per 1,000 requests");
    let swapped = hours(1, |it| EngineBin { swapped_max: Some(2.0), ..it });
    check(swapped, None, &cut, "swapped out in 1 of 1 hours measured");
    // 12 refused of 10,012 offered: 1.0012 times what was let in.
    let refused = Censoring::Censored { offered_over_served: Some(1.0012) };
    check(Vec::new(), Some(log(Some(12))), &refused, "12 of 10,012 (0.12 %) requests offered");
}

#[test]
fn a_little_is_served() {
    let queue = hours(4, |it| EngineBin { waiting_max: Some(7.0), ..it });
    let found = check(queue, Some(log(Some(10))), &Censoring::Served, "no sign that capacity");
    assert_eq!(found.throttled, Some(PartOf { n: 10, of: 10_010 }));
    assert_eq!(found.failed, Some(PartOf { n: 40, of: 10_000 }));
    assert_eq!(found.prefix_hits, Some(PartOf { n: 25_000, of: 100_000 }));
    assert_eq!(found.sentences.last().unwrap(), "Not measured: retries.");
}

#[test]
fn not_measured_is_not_no_queue() {
    let unknown = |why: &str| Censoring::NotMeasured(why.to_owned());
    let neither = unknown("neither queues nor refusals were measured");
    let found = check(Vec::new(), None, &neither, "Not measured: queues, refusals (429), failures");
    assert_eq!((found.queue, found.throttled, found.prefix_hits), (None, None, None));
    let queues = unknown("queues were not measured");
    check(Vec::new(), Some(log(Some(0))), &queues, "0 of 10,000 (0 %) requests offered");
    let refusals = unknown("refusals were not measured");
    check(hours(0, |it| it), Some(log(None)), &refusals, "in 0 of 100 hours measured");
    // An engine that reports its cache and no queue.
    let silent = hours(100, |it| EngineBin { waiting_max: None, ..it });
    check(silent, Some(log(Some(0))), &queues, "Not measured: queues, retries.");
}

#[test]
fn the_log_tells_of_the_prefix_cache_where_the_engine_does_not() {
    let offered = Offered { cached_prompt_tokens: Some(20_000), ..log(None) };
    let found = censored(&workload(Vec::new(), Some(offered)), &limits());
    assert_eq!(found.prefix_hits, Some(PartOf { n: 20_000, of: 80_000 }));
    assert!(found.sentences.join(" ").contains("25 % of the prompt"), "{:?}", found.sentences);
}
