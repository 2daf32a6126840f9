//! A month of each shape, and the class it must get.

use chrono_tz::Tz;

use super::super::{changes, features, hourly};
use super::*;
use crate::catalog::Catalog;
use crate::units::{Period, Timestamp};
use crate::workload::{
    ActivityBin, ArrivalTrace, CountBin, CountSeries, Kind, LevelBin, LevelSeries, UsageTotals,
};

fn limits() -> Classify {
    Catalog::embedded().unwrap().assumptions.classify
}

/// Monday 2026-10-05.
const START_S: i64 = 1_791_158_400;

fn hour(at: usize, n: i64) -> Period {
    let start = Timestamp::from_s(START_S + 3600 * i64::try_from(at).unwrap());
    Period::new(start, start.plus_us(n * 3_600_000_000)).unwrap()
}

fn counts(n_hours: usize, requests: impl Fn(usize) -> f64) -> Demand {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
    let bin = |at| CountBin {
        period: hour(at, 1),
        requests: requests(at).round() as u64,
        prompt_tokens: Some(1),
        completion_tokens: Some(1),
        interarrival_cv: Some(1.0),
    };
    Demand::Counts(CountSeries { bins: (0..n_hours).map(bin).collect(), width_us: 3_600_000_000 })
}

fn level(n_hours: usize, gpus: impl Fn(usize) -> f64) -> Demand {
    let bin = |at| LevelBin { period: hour(at, 1), gpus: gpus(at) };
    let bins = (0..n_hours).map(bin).collect();
    Demand::Level(LevelSeries { bins, width_us: 3_600_000_000, absent_is_zero: true })
}

fn workload(demand: Demand, n_hours: usize) -> Workload {
    let totals = UsageTotals {
        gpu_hours: Some(720.0),
        prompt_tokens: matches!(demand, Demand::Counts(_)).then_some(1),
        ..UsageTotals::default()
    };
    let window = hour(0, i64::try_from(n_hours).unwrap());
    Workload { totals, ..Workload::of_demand(demand, window) }
}

fn class_of(workload: &Workload) -> WorkloadClass {
    let features = features(&workload.seen(), Tz::UTC);
    let hourly = hourly(&workload.seen(), workload.window, Tz::UTC);
    let changes = changes(&hourly, Tz::UTC, &limits());
    classify(workload, (&features, &hourly, &changes), &limits(), (None, Tz::UTC))
}

fn check(demand: Demand, n_hours: usize, shape: Shape, kind: Kind, rule: &str) -> WorkloadClass {
    let class = class_of(&workload(demand, n_hours));
    assert_eq!((class.shape, class.kind), (shape, kind), "{:?}", class.evidence);
    assert!(class.rule_of_thumb.contains(rule), "{}", class.rule_of_thumb);
    let says = |it: &String| it.ends_with('.') && !it.contains("NaN");
    assert!(class.evidence.iter().all(says), "{:?}", class.evidence);
    class
}

const MONTH: usize = 720;

#[test]
fn every_shape_of_requests() {
    use Kind::{BatchInference, RealTimeInference, Unknown};
    let office = |at: usize| at % 24 >= 9 && at % 24 < 18 && at / 24 % 7 < 5;
    let steady = counts(MONTH, |at| 1000.0 + (at % 7) as f64 * 20.0);
    let class = check(steady, MONTH, Shape::Steady, RealTimeInference, "so reserved");
    assert!((class.confidence.get() - 0.7).abs() < 1e-9, "{:?}", class.confidence);
    assert_eq!(class.direction, Some(Direction::Flat));
    let diurnal = counts(MONTH, |at| if office(at) { 900.0 } else { 3.0 });
    check(diurnal, MONTH, Shape::Diurnal, RealTimeInference, "either");
    let nightly = counts(MONTH, |at| if (1..4).contains(&(at % 24)) { 5000.0 } else { 0.0 });
    check(nightly, MONTH, Shape::Diurnal, BatchInference, "3 busy hours a day is under 4");
    let launch = counts(MONTH, |at| if (400..404).contains(&at) { 5000.0 } else { 50.0 });
    check(launch, MONTH, Shape::Bursty, RealTimeInference, "serverless");
    // Three hours in every 61: not the same hours of the day.
    let sporadic = counts(MONTH, |at| if at % 61 < 3 { 40.0 } else { 0.0 });
    check(sporadic, MONTH, Shape::Sporadic, Unknown, "pay as you go");
    let growing = counts(MONTH, |at| 100.0 + at as f64);
    let class = check(growing, MONTH, Shape::Steady, RealTimeInference, "reserved");
    assert_eq!(class.direction, Some(Direction::Growing));
    let falling = counts(MONTH, |at| 1000.0 - at as f64);
    assert_eq!(class_of(&workload(falling, MONTH)).direction, Some(Direction::Declining));
    check(counts(MONTH, |_| 0.0), MONTH, Shape::Idle, Unknown, "nothing was in use");
}

#[test]
fn every_shape_of_levels() {
    // A run of ten days has an autocorrelation of 0.83 at 24 hours and is not diurnal.
    let run = level(MONTH, |at| if (100..340).contains(&at) { 8.0 } else { 0.0 });
    let class = check(run, MONTH, Shape::Sporadic, Kind::Training, "either");
    assert!(class.confidence.get() <= 0.4, "{:?}", class.confidence);
}

#[test]
fn levels_that_never_stop_have_no_kind() {
    check(level(MONTH, |_| 4.0), MONTH, Shape::Steady, Kind::Unknown, "reserved");
    check(level(MONTH, |_| 0.0), MONTH, Shape::Idle, Kind::Unknown, "nothing");
    let schedule = level(MONTH, |at| if at % 24 < 8 { 4.0 } else { 0.0 });
    check(schedule, MONTH, Shape::Diurnal, Kind::Unknown, "8 busy hours a day is between");
    let adapters = level(MONTH, |at| if at % 97 < 6 { 1.0 } else { 0.0 });
    check(adapters, MONTH, Shape::Sporadic, Kind::FineTuning, "pay as you go");
}

#[test]
fn short_windows_say_so() {
    let at_us = (0..3000).map(|s| (START_S + s) * 1_000_000).collect();
    let log = ArrivalTrace { at_us, tokens: Vec::new(), relative: false };
    let class = check(Demand::Arrivals(log.into()), 1, Shape::Steady, Kind::Unknown, "not known");
    assert!(class.evidence[0].contains("too short"), "{:?}", class.evidence);
    assert!((class.confidence.get() - 0.2).abs() < 1e-12);
    check(Demand::Unknown, 48, Shape::Unknown, Kind::Unknown, "not known");
    check(Demand::Arrivals(ArrivalTrace::default().into()), 48, Shape::Unknown, Kind::Unknown, "");
}

#[test]
fn active_gpus_without_a_counted_request_are_not_idle() {
    let mut uncounted = workload(counts(MONTH, |_| 0.0), MONTH);
    assert_eq!(class_of(&uncounted).shape, Shape::Idle);
    uncounted.activity = vec![ActivityBin { period: hour(0, 1), gpus: 2.0, active: 0.9 }];
    let class = class_of(&uncounted);
    assert_eq!(class.shape, Shape::Unknown);
    assert!(class.evidence[0].contains("active up to 45 %"), "{:?}", class.evidence);
}

#[test]
fn a_gpu_measured_as_inactive_is_idle_and_a_declared_kind_wins() {
    let mut pod = workload(level(MONTH, |_| 1.0), MONTH);
    pod.activity = vec![ActivityBin { period: hour(0, 1), gpus: 1.0, active: 0.02 }];
    assert_eq!(class_of(&pod).shape, Shape::Idle);
    pod.settings.kind = Some(Kind::RealTimeInference);
    let class = class_of(&pod);
    assert_eq!(class.kind, Kind::RealTimeInference);
    assert!((class.confidence.get() - 0.95).abs() < 1e-12);
}

#[test]
fn the_rule_takes_hours_of_replicas_before_those_of_the_demand() {
    let all_day = workload(counts(MONTH, |_| 1000.0), MONTH);
    let features = features(&all_day.demand, Tz::UTC);
    let hourly = hourly(&all_day.demand, all_day.window, Tz::UTC);
    let check = |busy: Option<f64>, expected: &str| {
        let class = classify(
            &all_day,
            (&features, &hourly, &Changes::default()),
            &limits(),
            (busy, Tz::UTC),
        );
        assert_eq!(class.replica_busy_hours_per_day, busy);
        assert_eq!(class.rule_of_thumb, format!("The rule of thumb: {expected}."));
    };
    check(None, "24 busy hours a day is over 8, so reserved");
    let little = "at least one replica is busy 0.2 hours a day, which is under 4, so pay as you go";
    check(Some(0.2), little);
}
