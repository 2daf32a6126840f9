//! Silences worked by hand.

use std::sync::LazyLock;

use super::*;
use crate::catalog::Catalog;
use crate::workload::{ArrivalTrace, CountBin, CountSeries, LevelBin, LevelSeries};

fn limits() -> &'static Classify {
    static ALL: LazyLock<Classify> =
        LazyLock::new(|| Catalog::embedded().unwrap().assumptions.classify);
    &ALL
}

fn period(from_h: i64, to_h: i64) -> Period {
    // From Monday 2026-10-05 on.
    let at = |h: i64| Timestamp::parse("2026-10-05", Tz::UTC).unwrap().plus_us(h * HOUR_US);
    Period::new(at(from_h), at(to_h)).unwrap()
}

/// Hours with their GPUs; an hour of `None` has no row.
fn level(absent_is_zero: bool, hours: impl Iterator<Item = Option<f64>>) -> Demand {
    let bin =
        |(at, gpus): (i64, Option<f64>)| Some(LevelBin { period: period(at, at + 1), gpus: gpus? });
    let bins = (0..).zip(hours).filter_map(bin).collect();
    Demand::Level(LevelSeries { bins, width_us: HOUR_US, absent_is_zero })
}

#[test]
fn a_hole_is_no_zero() {
    let hours = || [Some(1.0), Some(0.0), None, None, Some(2.0)].into_iter();
    let check = |demand: Demand, meaning: HoleMeaning| {
        let expected = Holes { without_row: vec![period(2, 4)], meaning, measured_zero_s: 3600.0 };
        assert_eq!(holes(&demand), Some(expected));
    };
    check(level(false, hours()), HoleMeaning::Unknown);
    check(level(true, hours()), HoleMeaning::BilledNothing);
    let bin = |at: i64, requests: u64| CountBin {
        period: period(at, at + 1),
        requests,
        prompt_tokens: None,
        completion_tokens: None,
        interarrival_cv: None,
    };
    let bins = vec![bin(0, 5), bin(1, 0), bin(4, 1)];
    check(Demand::Counts(CountSeries { bins, width_us: HOUR_US }), HoleMeaning::CountedAsZero);
    let log = ArrivalTrace { at_us: vec![0, 5], ..ArrivalTrace::default() };
    assert_eq!(holes(&Demand::Arrivals(log.into())), None);
    assert_eq!(holes(&Demand::Unknown), None);
}

/// 28 days of hours, silent where asked.
fn month(is_silent: impl Fn(usize) -> bool) -> Demand {
    level(false, (0..28 * 24).map(|at| Some(f64::from(u8::from(!is_silent(at))))))
}

fn found(demands: &[Demand]) -> Vec<Outage> {
    let names = ["a", "b", "c", "d"];
    let watched: Vec<Watched> = names
        .into_iter()
        .zip(demands)
        .filter_map(|(name, demand)| Watched::of(name, demand, Tz::UTC))
        .collect();
    outages(&watched, Tz::UTC, limits())
}

#[test]
fn a_common_silence_of_the_active_is_an_outage() {
    let gone = |at: usize| (250..260).contains(&at);
    let own = |k: usize| move |at: usize| gone(at) || at % 50 == k;
    let demands = [month(own(1)), month(own(2)), month(own(3))];
    let all = found(&demands);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].period, all[0].workloads.len()), (period(250, 260), 3));
    assert!(all[0].chance < 0.001);
    let outside = longest_idle_outside(&demands[0], &[all[0].period]);
    assert_eq!(outside, Some(3600.0));
    // Two workloads say nothing, nor does a common night, nor a weekend.
    assert!(found(&demands[..2]).is_empty());
    let nights = [0, 1, 2, 3].map(|_| month(|at| at % 24 < 6));
    assert!(found(&nights).is_empty());
    let weekends = [0, 1, 2, 3].map(|_| month(|at| at / 24 % 7 > 4));
    assert!(found(&weekends).is_empty());
    // Nor where one of them runs on.
    let mut one_runs = demands.to_vec();
    one_runs.push(month(|_| false));
    assert!(found(&one_runs).is_empty());
}

#[test]
fn data_that_end_before_are_not_silent() {
    let gone = |at: usize| (250..260).contains(&at);
    let short = level(false, (0..200).map(|_| Some(1.0)));
    let demands = [month(gone), month(gone), month(gone), short];
    let all = found(&demands);
    assert_eq!((all.len(), all[0].workloads.join(" ")), (1, "a b c".to_owned()));
    assert!(found(&[month(gone), month(gone), demands[3].clone()]).is_empty());
}
