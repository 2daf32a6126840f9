//! Hours in which something was: unions of periods and of service times.

use crate::units::Period;
use crate::workload::CountBin;

/// Hours that at least one of these periods covers; the periods are in order of their starts. Two
/// hours that share half of one are 1.5.
pub(super) fn union_hours(periods: impl Iterator<Item = Period>) -> f64 {
    let (mut covered_us, mut end_us) = (0_i64, i64::MIN);
    for it in periods {
        let from_us = it.start().us().max(end_us);
        covered_us = covered_us.saturating_add(it.end().us().saturating_sub(from_us).max(0));
        end_us = end_us.max(it.end().us());
    }
    covered_us as f64 / 3_600e6
}

/// Seconds of the window with at least one request in service, if none waits: the union of
/// [arrival, arrival + time). Requests of 10 s at 0, 5 and 60 s: 15 + 10.
pub(super) fn busy_of_arrivals(
    at_us: &[i64],
    time_s: impl Fn(usize) -> f64,
    window: Period,
) -> f64 {
    let (mut busy_s, mut end_s) = (0.0, f64::NEG_INFINITY);
    let last_s = window.len_us() as f64 / 1e6;
    for (at, arrival_us) in at_us.iter().enumerate() {
        let from_s = arrival_us.saturating_sub(window.start().us()) as f64 / 1e6;
        let to_s = (from_s + time_s(at)).min(last_s);
        busy_s += (to_s - from_s.max(end_s)).max(0.0);
        end_s = end_s.max(to_s);
    }
    busy_s
}

/// The same where only counts are known: with n independent requests of S seconds in a period of
/// w, some request is in service w x (1 - exp(-n S / w)) of it (M/G/infinity). 3,600 requests of
/// 1 s in an hour: 0.632 of it. Periods that overlap add up, to the window at most.
pub(super) fn busy_of_counts(bins: &[CountBin], time_s: f64, window: Period) -> f64 {
    let inside = |it: &CountBin| Some((it.period, it.period.intersect(window)?, it.requests));
    let busy_s: f64 = bins
        .iter()
        .filter_map(inside)
        .map(|(period, inside, requests)| {
            let erlangs = requests as f64 * time_s / (period.hours() * 3600.0);
            -(-erlangs).exp_m1() * inside.hours() * 3600.0
        })
        .sum();
    busy_s.min(window.hours() * 3600.0)
}
