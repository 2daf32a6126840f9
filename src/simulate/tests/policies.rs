//! Rules of platforms worked by hand. At 3.60 an hour a microsecond costs one nano-unit, so costs
//! are billed times; all is in seconds.

use proptest::prelude::*;

use super::Waits;
use crate::catalog::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
use crate::simulate::periodic::{Periodic, View};
use crate::simulate::run::{Way, replay};
use crate::simulate::*;
use crate::units::{Currency, MoneyPerHour};

const S: u64 = 1_000_000;

fn plain() -> Billing {
    Billing::by_the_microsecond(MoneyPerHour::parse("3.6", Currency::USD).unwrap())
}

/// One slot, from 0 to 4 replicas.
fn fleet(scaler: Scaler, cold_start: u64) -> FleetSpec {
    FleetSpec {
        max_replicas: 4,
        scaler,
        cold_start: Delay::Constant(cold_start * S),
        ..FleetSpec::fixed(0, 1)
    }
}

/// Requests `(arrival, service)` and the window.
fn outcome(
    rows: &[(u64, u64)],
    window: u64,
    fleet: &FleetSpec,
    billing: &Billing,
) -> (Outcome, Vec<u64>) {
    let trace = Trace::new(rows.iter().map(|it| it.0 * S).collect(), window * S);
    let service = ServiceModel::PerRequest(rows.iter().map(|it| it.1 * S).collect());
    let way = match fleet.scaler {
        Scaler::PerRequest => Way::PerRequest,
        _ => Way::Events,
    };
    let mut waits = Waits::default();
    let _ = replay(&trace.served_by(&service), (fleet, billing), way, &mut waits);
    let it = run(&trace.served_by(&service), fleet, billing, None).outcome().unwrap();
    let per_s = waits.0.iter().map(|us| us / S).collect();
    assert!(waits.0.iter().all(|us| us % S == 0));
    (it, per_s)
}

/// What a trace worked by hand must give, in seconds.
#[derive(Debug, PartialEq)]
struct Expect {
    waits: &'static [u64],
    starts: u64,
    busy: u64,
    starting: u64,
    idle: u64,
    /// The nano-units of the whole cost over 10^6.
    cost: u64,
}

fn check(name: &str, rows: &[(u64, u64)], window: u64, fleet: &FleetSpec, expected: &Expect) {
    let (it, waits) = outcome(rows, window, fleet, &plain());
    assert_eq!(waits, expected.waits, "{name}");
    let s = |of: fn(&Usage) -> u64| it.all(of) / S;
    let times = [s(|it| it.busy_us), s(|it| it.starting_us), s(|it| it.idle_us)];
    assert_eq!(
        (it.cold_starts, times),
        (expected.starts, [expected.busy, expected.starting, expected.idle]),
        "{name}"
    );
    let nano = it.total_cost().unwrap().atto() / 1_000_000_000;
    assert_eq!(nano, i128::from(expected.cost * S), "{name}");
}

fn small_knative() -> ConcurrencyRule {
    ConcurrencyRule {
        target: 1.0,
        interval_us: 2 * S,
        stable_window_us: 8 * S,
        panic_window_us: 2 * S,
        panic_threshold: 2.0,
        max_scale_up_rate: 10.0,
        max_scale_down_rate: 2.0,
        scale_to_zero_grace_us: 4 * S,
        scale_down_delay_us: 0,
    }
}

/// Ticks every 2, stable over 8, panic over 2, starts take 1. One request of 3 at 0.
/// Tick 0: nothing has passed, 0 wanted. Tick 2: mean 1, so r0 starts, Ready at 3, busy to 6.
/// Ticks 4 to 12: the stable mean is 1, 1, 6/8, 4/8, 2/8: one is wanted; at 14 it is 0, and r0
/// stays for the grace of 4: at 18 it goes Off. On from 2 to 18.
#[test]
fn knative_to_one_and_back_to_zero() {
    let fleet = fleet(Scaler::Rule(ScalerRule::Concurrency(small_knative())), 1);
    let expected = Expect { waits: &[3], starts: 1, busy: 3, starting: 1, idle: 12, cost: 16 };
    check("knative", &[(0, 3)], 40, &fleet, &expected);
}

/// As above with three requests of 3 at 0. Tick 2: stable and panic mean 3, over twice the one
/// Ready that counts at least: panic, r0, r1 and r2 start, Ready at 3, busy to 6. Tick 4 and 6:
/// mean of the last 2 is 3; Ready are 3 and 3/3 < 2: no longer over, but panic lasts until more
/// than 8 after 2. Tick 8: means 18/8, wanted 3; 10: 12/8 and still panic, 3 stay. Tick 12: panic
/// ends, the mean is 6/8: 1, so r2 and r1 go Off; 14: 0, floor(1/2) = 0, grace until 18: r0 Off.
/// On: 16 + 10 + 10.
#[test]
fn knative_panics() {
    let fleet = fleet(Scaler::Rule(ScalerRule::Concurrency(small_knative())), 1);
    let rows = [(0, 3), (0, 3), (0, 3)];
    let expected =
        Expect { waits: &[3, 3, 3], starts: 3, busy: 9, starting: 3, idle: 24, cost: 36 };
    check("panic", &rows, 40, &fleet, &expected);
}

/// One decision of the Knative autoscaler after a load that has been the same all the time, and a
/// panic window that saw another.
fn knative_wants(rule: ConcurrencyRule, ready: u32, stable: u64, panic: u64) -> u32 {
    let rule = ConcurrencyRule {
        interval_us: 2 * S,
        stable_window_us: 60 * S,
        panic_window_us: 6 * S,
        ..rule
    };
    let mut periodic = Periodic::of(ScalerRule::Concurrency(rule)).unwrap();
    let view = |in_flight| View { on: ready, ready, slots: 100, min: 0, in_flight };
    let mut last = 0;
    for tick in 0..=30 {
        let now = tick * 2 * S;
        // The mean over 60 is `stable` where the last 6 are `panic`.
        let before = (60 * stable - 6 * panic) / 54;
        let watched = if tick <= 27 { before } else { panic };
        periodic.advance(now, watched, watched);
        if tick == 27 || tick == 30 {
            last = periodic.decide(now, view(watched));
        } else {
            let _ = periodic.decide(now, View { ready: 1_000, on: 1_000, ..view(watched) });
        }
    }
    last
}

/// Cases of `pkg/autoscaler/scaling/autoscaler_test.go` (knative/serving@98e5ef90): desired pods
/// by observed concurrency, target and pods Ready.
#[test]
fn knative_by_its_own_cases() {
    let rule = |target, max_scale_up_rate, max_scale_down_rate| ConcurrencyRule {
        target,
        max_scale_up_rate,
        max_scale_down_rate,
        panic_threshold: 1e9,
        scale_to_zero_grace_us: 0,
        ..small_knative()
    };
    // 30 requests at a target of 3: 10 pods; but at most ceil(1.1 x 2) = 3.
    assert_eq!(knative_wants(rule(3.0, 1.1, 2.0), 2, 30, 30), 3);
    // At most ten times as many, then ten times as many again.
    assert_eq!(knative_wants(rule(10.0, 10.0, 10.0), 1, 1000, 1000), 10);
    assert_eq!(knative_wants(rule(10.0, 10.0, 10.0), 10, 1000, 1000), 100);
    // At least floor(100 / 10) = 10 although 1 would do.
    assert_eq!(knative_wants(rule(10.0, 10.0, 10.0), 100, 1, 1), 10);
    // Nothing in flight: none.
    assert_eq!(knative_wants(rule(10.0, 10.0, 2.0), 1, 0, 0), 0);
    // 100 over the stable window, 999 in panic: 10 pods; 100 once they panic at twice the Ready.
    let panics = ConcurrencyRule { panic_threshold: 2.0, ..rule(10.0, 1000.0, 2.0) };
    assert_eq!(knative_wants(panics, 10, 108, 999), 100);
    assert_eq!(knative_wants(rule(10.0, 1000.0, 2.0), 10, 108, 999), 11);
}

/// Every 10 over 20, target 1, delay 20, half the surplus. Four requests of 25 at 0. Tick 0: none
/// has passed, 0. Tick 10: mean 4: r0 to r3 start, Ready at 15, busy to 40. Tick 20 to 50: means 4,
/// 4, 4, 2: at 50 two are wanted, since then. At 60 the mean is 0. At 70, 20 later, half of 4 - 0
/// leave: r3 and r2; the delay begins again: at 90 half of 2: r1; at 110 half of 1 rounded up: r0.
/// On: 60 x 2 + 80 + 100 = 300.
#[test]
fn in_flight_leaves_by_halves() {
    let rule = InFlightRule {
        window_us: 20 * S,
        scale_down_delay_us: 20 * S,
        ..InFlightRule::published(1.0)
    };
    let fleet = fleet(Scaler::Rule(ScalerRule::InFlight(rule)), 5);
    let rows = [(0, 25); 4];
    let expected = Expect {
        waits: &[15, 15, 15, 15],
        starts: 4,
        busy: 100,
        starting: 20,
        idle: 180,
        cost: 300,
    };
    check("in flight", &rows, 200, &fleet, &expected);
}

/// Every 5, KEDA polls every 10, target 2, tolerance 0.1, stabilization 20, cooldown 30. Two slots.
/// Six requests at 3: five of 40, one of 20. Tick 5: no poll. Tick 10: a poll starts r0, Ready at
/// 12: two are served. Tick 15: 6 in flight for 1: 3 wanted, r1 and r2 start, Ready at 17. Ticks to
/// 30: 6 / (3 x 2) = 1, all stay. At 37 the last, of 20, leaves, at 52 r0's two, at 57 the other
/// three. Tick 40 and later: 5 / 6 is beyond the tolerance, 3 wanted all the same; tick 55: 3 in
/// flight: 2 wanted, but 3 were at 50: held. Tick 60: nothing in flight, 1 wanted, 3 held until
/// 3 was last wanted, at 50, plus 20: at 75 the most of 55 to 75 is 2: r2 goes Off. At 55 2 was
/// wanted, so at 80 1 is: r1 Off. At 57 the last left: at 90, more than 30 later, r0 goes Off.
/// On: 80 + 65 + 60.
#[test]
fn horizontal_with_keda() {
    let rule = HorizontalRule {
        target: 2.0,
        interval_us: 5 * S,
        tolerance: 0.1,
        stabilization_us: 20 * S,
        polling_us: 10 * S,
        cooldown_us: 30 * S,
    };
    let scaler = Scaler::Rule(ScalerRule::Horizontal(rule));
    let fleet = FleetSpec { slots_per_replica: 2, ..fleet(scaler, 2) };
    let rows = [(3, 40), (3, 40), (3, 40), (3, 40), (3, 40), (3, 20)];
    let expected = Expect {
        waits: &[9, 9, 14, 14, 14, 14],
        starts: 3,
        busy: 120,
        starting: 6,
        idle: 79,
        cost: 205,
    };
    check("horizontal", &rows, 200, &fleet, &expected);
}

/// Every 10 over 10, up every 20, down every 10 after 20, to zero after 50, threshold 1.5 pending.
/// Four requests of 30 at 0, starts take 5. Tick 0: r0 starts, Ready at 5, serves to 35. Tick 10:
/// mean 4: r1 starts, Ready at 15, serves to 45. Tick 20: 4 / 2 reaches 1.5, but it is 10 since the
/// last. Tick 30: r2, Ready at 35; at 35 r0 is free and r2 new: the third goes to r0 (before a
/// start becomes Ready), the fourth to r2, both until 65. Tick 40: mean 3.5 over 3 Ready: below 1.5
/// and one fewer would be above it: stays. Tick 50: 2.5 / 2 is below: since 50. Tick 70: r2 goes
/// Off. At 80, (0 pending) r1. Tick 90 .. : one stays. The last left at 65: at 120 r0 Off.
/// On: 120 + 70 + 40.
#[test]
fn stepwise_by_pending() {
    let rule = StepwiseRule {
        metric: StepMetric::Pending,
        threshold: 1.5,
        window_us: 10 * S,
        interval_us: 10 * S,
        up_every_us: 20 * S,
        down_every_us: 10 * S,
        stabilization_us: 20 * S,
        to_zero_after_us: 50 * S,
    };
    let fleet = fleet(Scaler::Rule(ScalerRule::Stepwise(rule)), 5);
    let expected =
        Expect { waits: &[5, 15, 35, 35], starts: 3, busy: 120, starting: 15, idle: 95, cost: 230 };
    check("pending", &[(0, 30); 4], 300, &fleet, &expected);
    // By busy slots, at 0.8. Tick 0: r0, Ready at 5, serves to 35. Tick 10: 0.5. Tick 20: 1: r1,
    // Ready at 25, serves to 55. Tick 30: 1.5 over 2. At 35 r0 takes the third, to 65. Tick 40: 2
    // over 2: r2, Ready at 45, takes the fourth, to 75. Tick 50: 2.5 over 3 = 0.83, but 10 since the
    // last. Tick 60: the same: r3, Ready at 65, idle. Tick 70: 1.5 over 4, over 3 still below: since
    // 70. Tick 90: r3 Off. Tick 100: r2. Tick 110: r1. The last left at 75: at 130 r0 Off.
    // On: 130 + 90 + 60 + 30.
    let rule = StepwiseRule { metric: StepMetric::BusyShare, threshold: 0.8, ..rule };
    let fleet = FleetSpec { scaler: Scaler::Rule(ScalerRule::Stepwise(rule)), ..fleet };
    let expected = Expect {
        waits: &[5, 25, 35, 45],
        starts: 4,
        busy: 120,
        starting: 20,
        idle: 170,
        cost: 310,
    };
    check("busy share", &[(0, 30); 4], 300, &fleet, &expected);
}

/// Two from the start, none from 20, one from 40; starts take 5. Both busy to 10; the request of 15
/// holds r0 until 30: from 20 it drains, r1 goes Off. The request of 25 waits for r1, the lowest
/// number Off at 40 is r0 again, Ready at 45, busy to 50; it is on to the end of the window at 60.
#[test]
fn a_schedule_drains() {
    let steps = [(0, 2), (20 * S, 0), (40 * S, 1)];
    let fleet = fleet(Scaler::Schedule(steps.into()), 5);
    let rows = [(0, 10), (0, 10), (15, 15), (25, 5)];
    let expected =
        Expect { waits: &[0, 0, 0, 20], starts: 1, busy: 40, starting: 5, idle: 25, cost: 70 };
    check("schedule", &rows, 60, &fleet, &expected);
}

/// r0 is Ready from 0; 10 starts r1 and r2, which are not wanted any more at 20 and are Ready at 60. r0
/// stays Ready all the time, for one is always wanted, and serves at 30; at 60 r2 and r1 leave. On:
/// 100 + 2 x 50.
#[test]
fn what_is_wanted_stays_ready_while_others_start() {
    let steps = [(0, 1), (10 * S, 3), (20 * S, 1)];
    let fleet = fleet(Scaler::Schedule(steps.into()), 50);
    let expected = Expect { waits: &[0], starts: 2, busy: 5, starting: 100, idle: 95, cost: 200 };
    check("late starts", &[(30, 5)], 100, &fleet, &expected);
}

/// At most two, timeout 10, starts take 2. 0 starts r0, 1 starts r1, the request of 2 is refused.
/// r0 serves from 2 to 4, r1 from 3 to 7. Of both idle the younger, r1, serves at 8 until 9, so r0
/// goes Off at 14 and r1 at 19. On: 14 + 18.
#[test]
fn per_request_serves_with_the_youngest() {
    let fleet = FleetSpec {
        max_replicas: 2,
        idle_timeout: Delay::Constant(10 * S),
        ..fleet(Scaler::PerRequest, 2)
    };
    let rows = [(0, 2), (1, 4), (2, 1), (8, 1)];
    let expected =
        Expect { waits: &[2, 2, 0], starts: 2, busy: 7, starting: 4, idle: 21, cost: 32 };
    check("per request", &rows, 60, &fleet, &expected);
    let (it, _) = outcome(&rows, 60, &fleet, &plain());
    assert_eq!((it.requests, it.refused, it.delayed_requests), (4, 1, 2));
}

const ONE_EACH: Scaler = Scaler::Rule(ScalerRule::RequestCount { requests: 1 });

fn serverless(cold_start: u64, idle_timeout: u64) -> FleetSpec {
    FleetSpec { idle_timeout: Delay::Constant(idle_timeout * S), ..fleet(ONE_EACH, cold_start) }
}

/// One worker. The second waits from 1 and leaves at 7, the third is served at the instant at which
/// it would have left.
#[test]
fn waits_that_are_too_long() {
    let one = FleetSpec { max_replicas: 1, queue_timeout_us: Some(6 * S), ..serverless(2, 5) };
    let rows = [(0, 10), (1, 1), (6, 2)];
    let expected = Expect { waits: &[2, 6], starts: 1, busy: 12, starting: 2, idle: 5, cost: 19 };
    check("time-out", &rows, 60, &one, &expected);
    assert_eq!(outcome(&rows, 60, &one, &plain()).0.timed_out, 1);
}

/// A cold fleet refuses, and is woken: 0 starts r0, 1 is refused too and starts none, 4 finds it
/// Ready since 3 and is served to 6.
#[test]
fn a_cold_fleet_refuses() {
    let fleet = FleetSpec { holds_requests: false, ..serverless(3, 5) };
    let rows = [(0, 2), (1, 2), (4, 2)];
    let expected = Expect { waits: &[0], starts: 1, busy: 2, starting: 3, idle: 6, cost: 11 };
    check("refused", &rows, 60, &fleet, &expected);
    assert_eq!(outcome(&rows, 60, &fleet, &plain()).0.refused, 2);
}

/// After 3 days at most two, after 7 none for ever.
#[test]
fn days_without_requests_cap_the_fleet() {
    const DAY: u64 = 86_400;
    let caps = [(3 * DAY * S, 2), (7 * DAY * S, 0)];
    let fleet = FleetSpec { idle_caps: caps.into(), ..serverless(1, 1) };
    let at_once = |at: u64| [(at, 10), (at, 10), (at, 10)];
    let rows: Vec<(u64, u64)> =
        [0, 3 * DAY - 1, 6 * DAY - 1, 13 * DAY - 1].into_iter().flat_map(at_once).collect();
    let (it, waits) = outcome(&rows, 20 * DAY, &fleet, &plain());
    // Three start; again three, a second before the three days are over; then two; then none.
    assert_eq!((it.cold_starts, it.refused), (8, 3));
    assert_eq!(waits, [1, 1, 1, 1, 1, 1, 1, 1, 11]);
}

/// A Mixture of share 1 is its short start, of share 0 its long one.
#[test]
fn snapshots_found_always_and_never() {
    for (share, start) in [(1.0, 2), (0.0, 20)] {
        let mixture = Delay::Mixture { share, short_us: 2 * S, long_us: 20 * S };
        let mixed = FleetSpec { cold_start: mixture, ..serverless(0, 5) };
        let rows = [(0, 3), (100, 3)];
        let (found, expected) = (
            outcome(&rows, 200, &mixed, &plain()),
            outcome(&rows, 200, &serverless(start, 5), &plain()),
        );
        assert_eq!(found, expected);
        assert_eq!(found.1, [start, start]);
    }
}

/// Of a start of 10 the first 6 find a machine and are free: each lifetime of 10 + 3 + 5 is billed
/// 12, of 8-second steps 16.
#[test]
fn the_first_part_of_a_start_is_free() {
    let rows = [(0, 3), (100, 3)];
    let cost = |granularity| {
        let billing = Billing { free_start_us: 6 * S, granularity_us: granularity * S, ..plain() };
        let (it, _) = outcome(&rows, 200, &serverless(10, 5), &billing);
        it.total_cost().unwrap().atto() / 1_000_000_000
    };
    assert_eq!([cost(0), cost(8)], [24_000_000, 32_000_000]);
}

/// The base replica is free at 4 and takes the request that waits: the start of 10 that was for it
/// ends after 4.
#[test]
fn a_start_that_is_not_needed_ends() {
    let fleet = FleetSpec { min_replicas: 1, cancel_starts: true, ..serverless(10, 5) };
    let expected = Expect { waits: &[0, 4], starts: 1, busy: 8, starting: 4, idle: 12, cost: 24 };
    check("cancelled", &[(0, 4), (0, 4)], 20, &fleet, &expected);
    let (it, _) = outcome(&[(0, 4), (0, 4)], 20, &fleet, &plain());
    assert_eq!(it.cancelled_starts, 1);
    // Nor does a request that leaves keep it.
    let impatient = FleetSpec { queue_timeout_us: Some(2 * S), ..fleet };
    let (it, _) = outcome(&[(0, 4), (0, 4)], 20, &impatient, &plain());
    assert_eq!((it.timed_out, it.elastic.starting_us), (1, 2 * S));
}

/// Refused at 0 and at 5; the range from 10 on is served warm at 20. Nobody is called by a refusal:
/// one start of 3, Ready at 13, busy from 20 to 24.
#[test]
fn a_schedule_is_not_woken_by_who_is_refused() {
    let fleet = FleetSpec {
        holds_requests: false,
        scaler: Scaler::Schedule([(0, 0), (10 * S, 1), (30 * S, 0)].into()),
        ..serverless(3, 5)
    };
    let (it, waits) = outcome(&[(0, 4), (5, 4), (20, 4)], 40, &fleet, &plain());
    assert_eq!((it.refused, it.cold_starts, waits), (2, 1, vec![0]));
    assert_eq!(it.total_cost().unwrap().atto() / 1_000_000_000, i128::from(20 * S));
}

fn spot(per_hour: f64, notice: u64, outage: u64, fallback: Option<&str>) -> Spot {
    Spot {
        interruptions_per_hour: per_hour,
        notice_us: notice * S,
        outage_us: outage * S,
        fallback: fallback.map(|it| MoneyPerHour::parse(it, Currency::USD).unwrap()),
    }
}

/// Requests that are interrupted are served in the end, with every wait counted once.
#[test]
fn spot_loses_time_and_no_request() {
    let rows: Vec<(u64, u64)> = (0..200).map(|i| (10 * i, 25)).collect();
    for scaler in [
        ONE_EACH,
        Scaler::Rule(ScalerRule::QueueDelay { threshold_us: 4 * S }),
        Scaler::hold(4),
        Scaler::Rule(ScalerRule::InFlight(InFlightRule::published(1.0))),
    ] {
        let calm = FleetSpec { scaler: scaler.clone(), ..serverless(10, 60) };
        let never = FleetSpec { spot: Some(spot(0.0, 0, 60, Some("7.2"))), ..calm.clone() };
        let (plain_run, spot_run) =
            (outcome(&rows, 2_000, &calm, &plain()), outcome(&rows, 2_000, &never, &plain()));
        // Waits of spot are known as requests leave: the same, in another order.
        assert_eq!(plain_run.0, spot_run.0, "{scaler:?}");
        for (per_hour, notice, outage, fallback) in [
            (40.0, 0, 0, None),
            (40.0, 5, 30, None),
            (40.0, 120, 0, None),
            (40.0, 0, 60, Some("7.2")),
        ] {
            let fleet =
                FleetSpec { spot: Some(spot(per_hour, notice, outage, fallback)), ..calm.clone() };
            let trace = Trace::new(rows.iter().map(|it| it.0 * S).collect(), 2_000 * S);
            let service = ServiceModel::Fixed { service_us: 25 * S };
            let it = run(&trace.served_by(&service), &fleet, &plain(), None).outcome().unwrap();
            assert_eq!((it.requests, it.refused + it.timed_out), (200, 0), "{scaler:?}");
            assert_eq!(it.sojourn_mean_us, it.queue_wait.map(|wait| wait.mean_us + 25e6));
            assert!(it.interruptions > 10 && it.delayed_requests <= 200, "{it:?}");
            // A notice that is longer than the service loses nothing.
            assert_eq!(it.lost_us == 0, notice > 25, "{scaler:?} {it:?}");
            assert_eq!(it.fallback.billed_us > 0, fallback.is_some(), "{scaler:?}");
            let at_fallback = i128::from(it.fallback.billed_us) * 2_000_000_000;
            assert_eq!(it.fallback.cost.atto(), at_fallback, "{scaler:?}");
        }
    }
}

/// A whole fleet of spot is on demand only while there is no spot: with interruptions every 500 of a
/// replica's life and outages of 20, two replicas spend about 8 % of the time in an outage, never
/// most of it; also where capacity is back before those that were told to leave have drained.
#[test]
fn replicas_on_demand_are_replaced_when_spot_is_back() {
    let by_requests = Scaler::Rule(ScalerRule::RequestCount { requests: 1 });
    let snapshots = Delay::Mixture { share: 0.8, short_us: S, long_us: 25 * S };
    let chance = Delay::Exponential { mean_us: 5e6 };
    for (n, notice, service, per_hour, cold_start, scaler) in [
        (2, 0, 0, 7.2, Delay::Constant(5 * S), Scaler::hold(2)),
        (2, 0, 17, 7.2, Delay::Constant(5 * S), Scaler::hold(2)),
        (2, 30, 17, 7.2, Delay::Constant(5 * S), Scaler::hold(2)),
        (1, 5, 8, 14.4, Delay::Constant(5 * S), Scaler::hold(1)),
        (1, 30, 8, 14.4, Delay::Constant(5 * S), Scaler::hold(1)),
        (1, 0, 8, 14.4, snapshots, Scaler::hold(1)),
        (1, 30, 8, 14.4, chance, Scaler::hold(1)),
        (2, 0, 8, 14.4, snapshots, by_requests.clone()),
        (3, 0, 8, 14.4, Delay::Constant(S), by_requests.clone()),
        (3, 5, 8, 14.4, chance, by_requests),
    ] {
        let fleet = FleetSpec {
            max_replicas: n,
            cold_start,
            idle_timeout: Delay::Constant(60 * S),
            spot: Some(spot(per_hour, notice, 20, Some("7.2"))),
            ..fleet(scaler, 5)
        };
        let trace = Trace::new((0..10_000).map(|i| 10 * i * S).collect(), 100_000 * S);
        let service = ServiceModel::Fixed { service_us: service * S };
        let it = run(&trace.served_by(&service), &fleet, &plain(), None).outcome().unwrap();
        let share = it.fallback.billed_us as f64 / it.all(|it| it.billed_us) as f64;
        assert!(it.interruptions > 300, "{it:?}");
        assert!((0.01..0.2).contains(&share), "{fleet:?}: {share}");
        assert!(it.max_on <= 3 * n, "{}", it.max_on);
    }
}

/// A replica on demand that leaves before its replacement is Ready leaves no replica too many.
#[test]
fn no_replacement_stays_unwanted() {
    let steps: Vec<(u64, u32)> = (0..2_000).map(|i| (100 * i * S, u32::from(i % 2 == 0))).collect();
    let fleet = FleetSpec {
        max_replicas: 1,
        spot: Some(spot(6.0, 0, 30, Some("7.2"))),
        ..fleet(Scaler::Schedule(steps.into()), 10)
    };
    let (it, _) = outcome(&[], 200_000, &fleet, &plain());
    // One is wanted half of the time; some 150 interruptions add 10 each while one replaces another.
    let on: u64 = it.on_us_by_hour.iter().sum();
    assert!(on < 103_000 * S, "{}", on / S);
    assert!(it.fallback.billed_us > 0);
}

/// A request that was interrupted and has waited too long leaves at once.
#[test]
fn interrupted_past_its_timeout() {
    let rows: Vec<(u64, u64)> = (0..50).map(|i| (40 * i, 100)).collect();
    let fleet = FleetSpec {
        queue_timeout_us: Some(20 * S),
        spot: Some(spot(60.0, 0, 30, None)),
        ..serverless(10, 5)
    };
    let trace = Trace::new(rows.iter().map(|it| it.0 * S).collect(), 2_000 * S);
    let service = ServiceModel::Fixed { service_us: 100 * S };
    let it = run(&trace.served_by(&service), &fleet, &plain(), None).outcome().unwrap();
    assert!(it.timed_out > 0 && it.timed_out < 50 && it.lost_us > 0, "{it:?}");
    assert!(it.queue_wait.unwrap().p99_us <= 20 * S);
}

/// Per request, by its definition: for each request look through all replicas.
fn per_request_naive(
    rows: &[(u64, u64)],
    (min, most): (usize, usize),
    (cold, idle): (u64, u64),
) -> (Vec<u64>, u64, u64) {
    // Started, free again, above the minimum; one that idled for longer than the timeout is Off.
    let mut replicas: Vec<(u64, u64, bool)> = vec![(0, 0, false); min];
    let (mut waits, mut refused, mut starts) = (Vec::new(), 0, 0);
    for (at, service) in rows {
        replicas.retain(|it| !it.2 || it.1 + idle >= *at);
        let youngest = replicas.iter().rposition(|it| it.1 <= *at);
        if let Some(place) = youngest {
            replicas[place].1 = at + service;
            waits.push(0);
        } else if replicas.len() < most {
            replicas.push((*at, *at + cold + *service, true));
            waits.push(cold);
            starts += 1;
        } else {
            refused += 1;
        }
    }
    (waits, refused, starts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn per_request_is_its_definition(
        mut rows in proptest::collection::vec((0_u64..100, 1_u64..15), 0..40),
        min in 0_u32..3, more in 1_u32..4, cold in 0_u64..8, idle in 0_u64..12,
    ) {
        rows.sort_unstable();
        let fleet = FleetSpec {
            min_replicas: min,
            max_replicas: min + more,
            scaler: Scaler::PerRequest,
            idle_timeout: Delay::Constant(idle * S),
            cold_start: Delay::Constant(cold * S),
            ..FleetSpec::fixed(0, 1)
        };
        let (it, mut waits) = outcome(&rows, 120, &fleet, &plain());
        let sizes = (min as usize, (min + more) as usize);
        let (mut expected, refused, starts) = per_request_naive(&rows, sizes, (cold, idle));
        // The engine measures as they are served.
        waits.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!((waits, it.refused, it.cold_starts), (expected, refused, starts));
        let on: u64 = it.on_us_by_hour.iter().sum();
        prop_assert_eq!(it.all(|it| it.busy_us + it.idle_us + it.starting_us), on);
        prop_assert_eq!(it.all(|it| it.billed_us), on);
    }
}
