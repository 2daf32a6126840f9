//! Traces worked by hand, event by event. At 3.60 an hour a microsecond costs one nano-unit, so the
//! cost in nano-units is the billed time in microseconds.

use crate::catalog::{HorizontalRule, ScalerRule};
use crate::simulate::*;
use crate::units::{Currency, Fraction, MoneyPerHour};

use super::Waits;
use crate::simulate::run::{Way, replay};

const S: u64 = 1_000_000;

fn nano_per_us() -> MoneyPerHour {
    MoneyPerHour::parse("3.6", Currency::USD).unwrap()
}

fn plain() -> Billing {
    Billing::by_the_microsecond(nano_per_us())
}

fn serverless(scaler: Scaler) -> FleetSpec {
    FleetSpec {
        max_replicas: 3,
        scaler,
        idle_timeout: Delay::Constant(5 * S),
        cold_start: Delay::Constant(10 * S),
        ..FleetSpec::fixed(0, 1)
    }
}

const ONE_EACH: Scaler = Scaler::Rule(ScalerRule::RequestCount { requests: 1 });

/// What a case must give; times in seconds, costs in seconds at one nano-unit per microsecond.
#[derive(Debug, PartialEq)]
struct Expect {
    waits: Vec<u64>,
    starts: u64,
    delayed: u64,
    busy: u64,
    starting: u64,
    idle: u64,
    billed: u64,
    cost: u64,
    /// Cost of busy, starting, idle, rounding, base busy, base idle.
    parts: [u64; 6],
}

fn check(name: &str, case: (&[u64], u64, u64), plan: &(FleetSpec, Billing), expected: &Expect) {
    let (arrivals, service, window) = case;
    let trace = Trace::new(arrivals.iter().map(|at| at * S).collect(), window * S);
    let service = ServiceModel::Fixed { service_us: service * S };
    let mut waits = Waits::default();
    let _ = replay(&trace.served_by(&service), (&plan.0, &plan.1), Way::Events, &mut waits);
    let it = run(&trace.served_by(&service), &plan.0, &plan.1, None).outcome().expect(name);
    let in_s = |nano: crate::units::Money| {
        let micro = nano.atto() / 1_000_000_000;
        assert_eq!(micro % i128::from(S), 0, "{name}");
        u64::try_from(micro / i128::from(S)).unwrap()
    };
    let found = Expect {
        waits: waits.0.iter().map(|wait| wait / S).collect(),
        starts: it.cold_starts,
        delayed: it.delayed_requests,
        busy: it.all(|it| it.busy_us) / S,
        starting: it.all(|it| it.starting_us) / S,
        idle: it.all(|it| it.idle_us) / S,
        billed: it.elastic.billed_us / S,
        cost: in_s(it.total_cost().unwrap()),
        parts: [
            it.elastic.parts.busy,
            it.elastic.parts.starting,
            it.elastic.parts.idle,
            it.elastic.parts.rounding,
            it.base.parts.busy,
            it.base.parts.idle,
        ]
        .map(in_s),
    };
    assert_eq!(&found, expected, "{name}");
}

/// One request per replica: 0 starts r0, the tie at 2 starts r1 and r2. r0 is Ready at 10 and
/// serves the first until 14; r1 and r2 are Ready at 12 and serve until 16. r0 would go Off at 19,
/// but the request of 19 arrives first and is warm until 23; r1 and r2 go Off at 21, r0 at 28.
/// Lifetimes 28, 19, 19.
#[test]
fn request_count() {
    let case: (&[u64], u64, u64) = (&[0, 2, 2, 19], 4, 100);
    let fleet = serverless(ONE_EACH);
    let expect = |billed, rounding, starting_cost| Expect {
        waits: vec![10, 10, 10, 0],
        starts: 3,
        delayed: 3,
        busy: 16,
        starting: 30,
        idle: 20,
        billed,
        cost: billed,
        parts: [16, starting_cost, 20, rounding, 0, 0],
    };
    check("to the microsecond", case, &(fleet.clone(), plain()), &expect(66, 0, 30));
    // 28 and 19 are raised to 30, then rounded up to 32.
    let rounded = Billing { minimum_us: 30 * S, granularity_us: 8 * S, ..plain() };
    check("minimum and granularity", case, &(fleet.clone(), rounded), &expect(96, 30, 30));
    let from_ready = Billing { free_start_us: u64::MAX, ..plain() };
    check("start not billed", case, &(fleet, from_ready), &expect(36, 0, 0));
}

/// The same cut at 20: r0 lives 20, r1 and r2 18 each, none of them raised or rounded; the request
/// of 19 is served to its end but busy for one second.
#[test]
fn the_window_end_cuts() {
    let rounded = Billing { minimum_us: 30 * S, granularity_us: 8 * S, ..plain() };
    let fleet = serverless(ONE_EACH);
    let expected = Expect {
        waits: vec![10, 10, 10, 0],
        starts: 3,
        delayed: 3,
        busy: 13,
        starting: 30,
        idle: 13,
        billed: 56,
        cost: 56,
        parts: [13, 30, 13, 0, 0, 0],
    };
    check("cut", (&[0, 2, 2, 19], 4, 20), &(fleet.clone(), rounded), &expected);
    // A lifetime that ends exactly at the window end has ended, and is rounded: 28 to 32.
    let expected = Expect {
        waits: vec![10, 10, 10, 0],
        starts: 3,
        delayed: 3,
        busy: 16,
        starting: 30,
        idle: 20,
        billed: 96,
        cost: 96,
        parts: [16, 30, 20, 30, 0, 0],
    };
    check("ends with the window", (&[0, 2, 2, 19], 4, 28), &(fleet.clone(), rounded), &expected);
    // Ready after the window: the start is billed for 3, the request served at 17, nothing busy.
    let expected = Expect {
        waits: vec![10],
        starts: 1,
        delayed: 1,
        busy: 0,
        starting: 3,
        idle: 0,
        billed: 3,
        cost: 3,
        parts: [0, 3, 0, 0, 0, 0],
    };
    check("served after the window", (&[7], 4, 10), &(fleet, plain()), &expected);
}

/// Threshold 4, two slots. At 4 the first is due and r0 starts. At 5 two are due, no more than r0's
/// slots. At 6 three are due: r1. At 7 four: no. At 8 five: r2. Ready at 14, 16 and 18.
#[test]
fn queue_delay() {
    let scaler = Scaler::Rule(ScalerRule::QueueDelay { threshold_us: 4 * S });
    let fleet = FleetSpec { slots_per_replica: 2, max_replicas: 5, ..serverless(scaler) };
    let expected = Expect {
        waits: vec![14, 13, 14, 13, 14],
        starts: 3,
        delayed: 5,
        busy: 60,
        starting: 30,
        idle: 15,
        billed: 105,
        cost: 105,
        parts: [60, 30, 15, 0, 0, 0],
    };
    check("queue delay", (&[0, 1, 2, 3, 4], 20, 100), &(fleet.clone(), plain()), &expected);
    // With at most one replica the fifth waits for the departures at 34 and 54.
    let one = FleetSpec { max_replicas: 1, ..fleet.clone() };
    let expected = Expect {
        waits: vec![14, 13, 32, 31, 50],
        starts: 1,
        delayed: 5,
        busy: 60,
        starting: 10,
        idle: 5,
        billed: 75,
        cost: 75,
        parts: [60, 10, 5, 0, 0, 0],
    };
    check("one at most", (&[0, 1, 2, 3, 4], 20, 100), &(one, plain()), &expected);
}

/// Two base replicas at the full rate; both free at 10, the third goes to the lower number.
#[test]
fn fixed() {
    let expected = Expect {
        waits: vec![0, 0, 10],
        starts: 0,
        delayed: 0,
        busy: 25,
        starting: 0,
        idle: 5,
        billed: 0,
        cost: 30,
        parts: [0, 0, 0, 0, 25, 5],
    };
    check("fixed", (&[0, 0, 0], 10, 15), &(FleetSpec::fixed(2, 1), plain()), &expected);
}

/// One reserved replica at half the rate serves the first; the second starts r1, Ready at 3, busy
/// until 13, Off at 15.
#[test]
fn reserved_base_with_overflow() {
    let half = MoneyPerHour::parse("1.8", Currency::USD).unwrap();
    let fleet = FleetSpec {
        min_replicas: 1,
        idle_timeout: Delay::Constant(2 * S),
        cold_start: Delay::Constant(3 * S),
        ..serverless(ONE_EACH)
    };
    let billing = Billing { base_rate: half, ..plain() };
    let expected = Expect {
        waits: vec![0, 3],
        starts: 1,
        delayed: 1,
        busy: 20,
        starting: 3,
        idle: 12,
        billed: 15,
        cost: 25,
        parts: [10, 3, 2, 0, 5, 5],
    };
    check("overflow", (&[0, 0], 10, 20), &(fleet, billing), &expected);
}

/// Four requests per replica: four at once want one, five want two.
#[test]
fn several_requests_per_replica() {
    let starts = |n: usize| {
        let trace = Trace::new(vec![0; n], 100 * S);
        let service = ServiceModel::Fixed { service_us: S };
        let fleet = serverless(Scaler::Rule(ScalerRule::RequestCount { requests: 4 }));
        run(&trace.served_by(&service), &fleet, &plain(), None).outcome().unwrap().cold_starts
    };
    assert_eq!([starts(4), starts(5)], [1, 2]);
}

/// Without cold start and timeout each request has a lifetime of its service. At half a nano-unit
/// per microsecond each rounds to even on its own: three of 0.5 are 0, not 2.
#[test]
fn each_lifetime_is_rounded_once() {
    let half = MoneyPerHour::parse("1.8", Currency::USD).unwrap();
    let fleet = FleetSpec {
        idle_timeout: Delay::Constant(0),
        cold_start: Delay::Constant(0),
        ..serverless(ONE_EACH)
    };
    let cost = |service_us| {
        let trace = Trace::new(vec![0, 10, 20], S);
        let service = ServiceModel::Fixed { service_us };
        let billing = Billing::by_the_microsecond(half);
        let it = run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap();
        assert_eq!(
            (it.cold_starts, it.delayed_requests, it.elastic.billed_us),
            (3, 0, 3 * service_us)
        );
        it.elastic.cost.atto() / 1_000_000_000
    };
    assert_eq!([cost(1), cost(3), cost(2)], [0, 6, 3]);
}

/// On-time by hour is Ready plus Starting, base included.
#[test]
fn on_time_by_hour() {
    const H: u64 = 3600;
    let fleet =
        FleetSpec { min_replicas: 1, idle_timeout: Delay::Constant(H * S), ..serverless(ONE_EACH) };
    let trace = Trace::new(vec![0, 0], 3 * H * S);
    let service = ServiceModel::Fixed { service_us: 20 * S };
    let it = run(&trace.served_by(&service), &fleet, &plain(), None).outcome().unwrap();
    // r1 starts at 0, is Ready at 10, busy until 30, Off at 3630.
    assert_eq!(it.on_us_by_hour, [2 * H * S, (H + 30) * S, H * S]);
    assert_eq!(it.max_on, 2);
    let steps = steps_by_hour(&it.on_us_by_hour, trace.window_us());
    assert_eq!(steps[1], DemandStep { len_us: H * S, on_us: (H + 30) * S });
}

#[test]
fn limits_are_counted() {
    let trace = Trace::with_tokens(&[(0, 1000, 10), (0, 3000, 10)], 100 * S);
    let service = ServiceModel::Tokens { prefill_us_per_token: 1000.0, tpot_us: 100_000.0 };
    let slo = SloLimits { ttft_us: Some(2 * S), tpot_us: Some(100_000.0) };
    let it = run(&trace.served_by(&service), &FleetSpec::fixed(1, 1), &plain(), Some(slo))
        .outcome()
        .unwrap();
    // Services 2 s and 4 s; ttft 1 s and 2 + 3 s.
    let ttft = it.ttft.unwrap();
    assert_eq!((ttft.p50_us, ttft.p99_us, it.queue_wait.unwrap().p99_us), (S, 5 * S, 2 * S));
    assert_eq!(it.attained, Some(1));
    assert!(it.meets(Fraction::try_from(0.5).unwrap()));
    assert!(!it.meets(Fraction::try_from(0.51).unwrap()));
    assert_eq!(it.sojourn_mean_us, Some(4e6));
    assert!((it.server_occupancy.unwrap() - 0.06).abs() < 1e-12);
}

#[test]
fn without_requests_there_is_cost_and_no_latency() {
    let trace = Trace::new(Vec::new(), 10 * S);
    let service = ServiceModel::Fixed { service_us: S };
    let none =
        run(&trace.served_by(&service), &serverless(ONE_EACH), &plain(), None).outcome().unwrap();
    assert!(none.total_cost().unwrap().is_zero());
    assert_eq!((none.queue_wait, none.ttft, none.server_occupancy), (None, None, None));
    let fixed =
        run(&trace.served_by(&service), &FleetSpec::fixed(2, 1), &plain(), None).outcome().unwrap();
    assert_eq!(fixed.total_cost().unwrap().to_decimal_string(), "0.02");
    assert_eq!(fixed.attainment(), None);
}

#[test]
fn what_cannot_be_simulated_has_a_name() {
    let euro = MoneyPerHour::parse("1", Currency::parse("EUR").unwrap()).unwrap();
    let dear = MoneyPerHour::from_nano(i128::MAX / 2, Currency::USD);
    let elastic = serverless(ONE_EACH);
    let refuse = |fleet: FleetSpec, billing: Billing, service_us: u64, window_us: u64| {
        let trace = Trace::new(vec![0; usize::from(window_us > 0)], window_us);
        match run(&trace.served_by(&ServiceModel::Fixed { service_us }), &fleet, &billing, None) {
            Replay::Impossible(why) => Some(why),
            Replay::Done(_) => None,
        }
    };
    let never = Scaler::Rule(ScalerRule::QueueDelay { threshold_us: u64::MAX });
    let zero = Scaler::Rule(ScalerRule::RequestCount { requests: 0 });
    let too_fast = HorizontalRule { interval_us: 0, ..HorizontalRule::published(1.0) };
    let too_fast = Scaler::Rule(ScalerRule::Horizontal(too_fast));
    let [late, empty, back] =
        [&[(1, 2)][..], &[], &[(0, 1), (2 * S, 2), (S, 1)]].map(|it| Scaler::Schedule(it.into()));
    for (fleet, expected) in [
        (FleetSpec { slots_per_replica: 0, ..elastic.clone() }, Impossible::NoSlots),
        (FleetSpec { max_replicas: 0, ..elastic.clone() }, Impossible::NoReplicas),
        (FleetSpec { scaler: Scaler::Fixed, ..elastic.clone() }, Impossible::NoReplicas),
        (FleetSpec { max_replicas: 70_000, ..elastic.clone() }, Impossible::TooManyReplicas),
        (FleetSpec { scaler: zero, ..elastic.clone() }, Impossible::NoScalerValue),
        (FleetSpec { scaler: too_fast, ..elastic.clone() }, Impossible::TooFast),
        (FleetSpec { scaler: late, ..elastic.clone() }, Impossible::BadSchedule),
        (FleetSpec { scaler: empty, ..elastic.clone() }, Impossible::BadSchedule),
        (FleetSpec { scaler: back, ..elastic.clone() }, Impossible::BadSchedule),
        (FleetSpec { scaler: never, ..elastic.clone() }, Impossible::NeverServed { waiting: 1 }),
        (
            FleetSpec { cold_start: Delay::Constant(u64::MAX - 1), ..elastic.clone() },
            Impossible::BeyondHorizon,
        ),
    ] {
        assert_eq!(refuse(fleet.clone(), plain(), S, 10 * S), Some(expected), "{fleet:?}");
    }
    let mixed = Billing { base_rate: euro, ..plain() };
    assert!(matches!(refuse(elastic.clone(), mixed, S, S), Some(Impossible::MixedCurrencies(..))));
    assert_eq!(refuse(elastic.clone(), plain(), S, 0), Some(Impossible::NoWindow));
    assert_eq!(refuse(elastic.clone(), plain(), S, u64::MAX), Some(Impossible::BeyondHorizon));
    assert_eq!(refuse(elastic.clone(), plain(), u64::MAX, S), Some(Impossible::BeyondHorizon));
    let dear = Billing::by_the_microsecond(dear);
    assert_eq!(refuse(elastic.clone(), dear, S, 60 * S), Some(Impossible::CostTooLarge));
}

/// Replicas that leave at once and are wanted at once end in a name, not in a hang.
#[test]
fn starting_and_leaving_without_end() {
    let fleet = FleetSpec {
        slots_per_replica: 4,
        max_replicas: 5,
        idle_timeout: Delay::Constant(0),
        cold_start: Delay::Constant(0),
        ..serverless(ONE_EACH)
    };
    let trace = Trace::new(vec![0; 5], 10 * S);
    let service = ServiceModel::Fixed { service_us: S };
    let found = run(&trace.served_by(&service), &fleet, &plain(), None);
    assert_eq!(found, Replay::Impossible(Impossible::Thrashing));
}

#[test]
fn more_load_than_slots_is_unstable() {
    let trace = Trace::new((0..100).map(|i| i * S).collect(), 100 * S);
    let load = |service_us| {
        let service = ServiceModel::Fixed { service_us };
        let it = run(&trace.served_by(&service), &FleetSpec::fixed(2, 1), &plain(), None)
            .outcome()
            .unwrap();
        (it.offered_load, it.unstable)
    };
    assert_eq!(load(2 * S), (2.0, true));
    assert_eq!(load(S), (1.0, false));
}
