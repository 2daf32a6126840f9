//! Numbers worked by hand, and laws.

use std::sync::LazyLock;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::classify::hourly;
use crate::units::Timestamp;
use crate::workload::{
    ActivityBin, ArrivalTrace, CountBin, CountSeries, Deployment, LevelBin, LevelSeries, Settings,
    UsageTotals,
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

fn hours(from: i64, to: i64) -> Period {
    Period::new(Timestamp::from_s(from * 3600), Timestamp::from_s(to * 3600)).unwrap()
}

fn arrivals(at_s: &[i64]) -> Demand {
    let at_us = at_s.iter().map(|it| it * 1_000_000).collect();
    Demand::Arrivals(ArrivalTrace { at_us, tokens: Vec::new(), relative: false }.into())
}

fn counts(requests: &[u64], tokens: Option<(u64, u64)>) -> Demand {
    let bin = |(at, requests): (i64, &u64)| CountBin {
        period: hours(at, at + 1),
        requests: *requests,
        prompt_tokens: tokens.map(|it| it.0 * requests),
        completion_tokens: tokens.map(|it| it.1 * requests),
        interarrival_cv: None,
    };
    let bins = (0..).zip(requests).map(bin).collect();
    Demand::Counts(CountSeries { bins, width_us: 3_600_000_000 })
}

/// A workload whose requests take 10 s in one of two slots.
fn timed(demand: Demand, window: Period, slots: u32) -> Workload {
    let settings =
        Settings { service_time_s: Some(10.0), max_num_seqs: Some(slots), ..Settings::default() };
    Workload { settings, ..Workload::of_demand(demand, window) }
}

fn found(workload: &Workload) -> Bought {
    let hourly = hourly(&workload.demand, workload.demand_window, Tz::UTC);
    bought(workload, &hourly, &CATALOG)
}

fn load_of(workload: &Workload) -> ServiceLoad {
    found(workload).requests.unwrap().load.unwrap()
}

fn with_bill(workload: Workload, gpus: f64) -> Workload {
    let bins = vec![LevelBin { period: workload.window, gpus }];
    let level = LevelSeries { bins, width_us: 3_600_000_000, absent_is_zero: true };
    Workload { billed_level: Some(level), ..workload }
}

fn with_activity(workload: Workload, active: f64) -> Workload {
    let n = workload.window.len_us() / 3_600_000_000;
    let bin = |at| ActivityBin { period: hours(at, at + 1), gpus: 1.0, active };
    Workload { activity: (0..n).map(bin).collect(), ..workload }
}

#[test]
fn three_requests_are_30_seconds_in_service_and_25_busy() {
    let load = load_of(&timed(arrivals(&[0, 5, 60]), hours(0, 1), 2));
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
    // Never two at once on average, so each second in service is one of a replica.
    close(load.replica_seconds, 30.0);
    close(load.erlangs, 30.0 / 3600.0);
    close(load.busy_hours * 3600.0, 25.0);
    assert_eq!((load.by_model, load.from_arrivals, load.batch), (false, true, 1));
    // The window ends 4 s after the last arrival.
    let cut = Period::new(Timestamp::from_s(0), Timestamp::from_s(64)).unwrap();
    close(load_of(&timed(arrivals(&[0, 5, 60]), cut, 2)).busy_hours * 3600.0, 19.0);
}

#[test]
fn counts_are_independent_inside_their_hour() {
    // 360 requests of 10 s in an hour are one Erlang: busy 1 - 1/e of it.
    let load = load_of(&timed(counts(&[360, 0], None), hours(0, 2), 1));
    assert!((load.busy_hours - (1.0 - (-1.0_f64).exp())).abs() < 1e-9, "{}", load.busy_hours);
    assert!((load.erlangs - 0.5).abs() < 1e-9 && !load.from_arrivals);
}

/// Llama 3.1 8B in bf16 on an A100 80GB SXM4, 1,000 tokens in and 200 out: the head of
/// `size/replica.rs` has 84.1 ms + 200 x 17.60 ms at 16 at once.
#[test]
fn a_request_takes_what_the_plans_say_it_takes() {
    let check = |requests: u64, batch: u32, mean_s: f64| {
        let demand = counts(&[requests; 24], Some((1_000, 200)));
        let deployment = Deployment {
            model: Some("meta-llama/Meta-Llama-3.1-8B".to_owned()),
            gpu: Some("A100 80GB SXM4".to_owned()),
            gpu_count: Some(1.0),
            ..Deployment::default()
        };
        let workload = Workload { deployment, ..Workload::of_demand(demand, hours(0, 24)) };
        let load = load_of(&workload);
        assert_eq!((load.by_model, load.batch, load.gpus_per_replica), (true, batch, 1));
        assert!((load.mean_s - mean_s).abs() < 0.02, "{}", load.mean_s);
        let seconds = requests as f64 * 24.0 * load.mean_s / f64::from(batch);
        assert!((load.replica_seconds - seconds).abs() < 1e-6 * seconds);
        assert!(load.alone_s <= load.mean_s && load.least_replica_seconds <= load.replica_seconds);
    };
    // 4.36 requests a second fill a batch of 16: 15,680 an hour are a little less.
    check(15_680, 16, 3.67);
    check(60, 1, 2.09);
}

#[test]
fn sources_are_held_against_each_other() {
    // 720 GPU-hours, active 12.5 %, 1,512 requests of 10 s in 2 slots: 2.1 replica-hours.
    let at: Vec<i64> = (0..1_512).map(|it| it * 1_700).collect();
    let day = timed(arrivals(&at), hours(0, 720), 2);
    let workload = with_bill(with_activity(day, 0.0125), 1.0);
    let it = found(&workload);
    assert_eq!(it.decides, Some(DemandSource::Requests));
    assert_eq!(it.contradiction, None);
    assert_eq!(
        it.sentences,
        [
            "Billed 720 GPU-hours; GPUs were active 9 of them (1.25 %); its 1,512 requests need 4.2 replica-hours: \
             its requests say what it needs.",
            "That is 0.58 % of what was billed in the same time.",
            "A request takes 10 seconds by the config with 1 at once on a replica, and some request is in service \
             4.2 hours of the window.",
        ]
    );
    let per_day = it.replica_busy_hours_per_day.unwrap();
    assert!((per_day - 0.14).abs() < 1e-9, "{per_day}");
    let requests = it.requests.unwrap();
    assert_eq!((requests.requests, requests.hours), (1_512, Some(714.0)));
}

#[test]
fn what_is_known_decides() {
    let window = hours(0, 48);
    let check = |workload: Workload, decides: Option<DemandSource>, says: &str| {
        let it = found(&workload);
        assert_eq!(it.decides, decides, "{:?}", it.sentences);
        assert!(it.sentences.join(" ").contains(says), "{:?}", it.sentences);
        it.replica_busy_hours_per_day
    };
    let untimed = || Workload::of_demand(counts(&[5; 48], None), window);
    let why = "its 240 requests cannot be timed (the requests have no token counts";
    assert_eq!(check(with_bill(untimed(), 2.0), Some(DemandSource::Bill), why), None);
    let active = with_activity(with_bill(untimed(), 2.0), 0.5);
    let says = "Billed 96 GPU-hours; GPUs were active 24 of 48 GPU-hours measured (50 %)";
    assert_eq!(check(active, Some(DemandSource::Telemetry), says), Some(24.0));
    check(untimed(), None, "nothing says what it needs of GPUs");
    check(Workload::of_demand(Demand::Unknown, window), None, "Only money is known");
    let short = Workload { window: hours(0, 96), ..timed(arrivals(&[7]), window, 1) };
    check(short, Some(DemandSource::Requests), "The requests cover 2 of 4 days.");
    check(timed(arrivals(&[7]), window, 1), Some(DemandSource::Requests), "10 replica-seconds");
}

#[test]
fn contradictions_are_told_beyond_the_error_of_the_model() {
    let n_requests = |n: i64| {
        let at: Vec<i64> = (0..n).map(|it| it * 48 * 3600 / n).collect();
        timed(arrivals(&at), hours(0, 48), 1)
    };
    let check = |workload: Workload, says: &str| {
        let it = found(&workload);
        assert_eq!(it.contradiction.is_some(), !says.is_empty(), "{:?}", it.sentences);
        assert!(it.sentences.join(" ").contains(says), "{:?}", it.sentences);
    };
    // 1,728 requests of 10 s are a tenth of two days.
    check(with_activity(n_requests(1_728), 0.14), "");
    check(
        with_activity(n_requests(1_728), 0.60),
        "active 60 % of the time and the requests explain",
    );
    check(
        with_activity(n_requests(1_728), 0.01),
        "at least 10 % of the time and they are active 1 %",
    );
    check(with_activity(n_requests(1), 0.04), "");
    // Twice as many as one slot can serve.
    check(with_bill(n_requests(34_560), 1.0), "need at least 96 GPU-hours and 48 were held");
    check(with_bill(n_requests(34_560), 2.0), "");
    // Half of the time measured contradicts nothing.
    let mut half = with_activity(n_requests(1_728), 0.9);
    half.activity.truncate(24);
    check(half, "");
}

#[test]
fn hours_that_overlap_count_once() {
    let workload = Workload {
        billed_level: Some(LevelSeries {
            bins: [(0, 2), (1, 3), (5, 6)]
                .map(|(from, to)| LevelBin { period: hours(from, to), gpus: 2.0 })
                .to_vec(),
            width_us: 3_600_000_000,
            absent_is_zero: true,
        }),
        totals: UsageTotals::default(),
        ..Workload::of_demand(Demand::Unknown, hours(0, 24))
    };
    let bill = found(&workload).bill.unwrap();
    assert!((bill.gpu_hours - 10.0).abs() < 1e-9 && (bill.hours - 4.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn busy_time_is_within_the_window_and_within_the_service(
        mut at_s in proptest::collection::vec(0_i64..86_400, 1..80),
        slots in 1_u32..8,
    ) {
        at_s.sort_unstable();
        let load = load_of(&timed(arrivals(&at_s), hours(0, 24), slots));
        let in_service = load.replica_seconds * f64::from(load.batch) / 3600.0;
        prop_assert!((1..=slots).contains(&load.batch));
        prop_assert!(load.busy_hours <= 24.0 + 1e-9);
        prop_assert!(load.busy_hours <= in_service + 1e-9);
        prop_assert!((load.erlangs * 24.0 - in_service).abs() < 1e-9);
    }

    #[test]
    fn time_in_service_scales_with_requests(
        requests in proptest::collection::vec(0_u64..1_000, 1..48),
        times in 1_u64..9,
    ) {
        let window = hours(0, i64::try_from(requests.len()).unwrap());
        let more: Vec<u64> = requests.iter().map(|it| it * times).collect();
        let one = load_of(&timed(counts(&requests, None), window, 3));
        let all = load_of(&timed(counts(&more, None), window, 3));
        let in_service = |it: ServiceLoad| it.replica_seconds * f64::from(it.batch);
        let expected = in_service(one) * times as f64;
        prop_assert!((in_service(all) - expected).abs() <= 1e-9 * (1.0 + expected));
        prop_assert!(all.replica_seconds <= one.replica_seconds * times as f64 + 1e-6);
        prop_assert!(all.busy_hours >= one.busy_hours - 1e-9);
        prop_assert!(all.busy_hours <= window.hours() + 1e-9);
    }
}
