//! The engine against the naive simulator: the same outcome on every small trace.

use proptest::prelude::*;

use super::{Waits, naive};
use crate::catalog::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
use crate::simulate::run::{Way, replay, settle};
use crate::simulate::*;
use crate::units::{Currency, MoneyPerHour};

fn targets() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![0.5, 0.7, 1.0, 1.4, 2.0, 3.0])
}

fn events() -> impl Strategy<Value = Scaler> {
    prop_oneof![
        (0_u64..12).prop_map(|threshold_us| Scaler::Rule(ScalerRule::QueueDelay { threshold_us })),
        (1_u32..6).prop_map(|requests| Scaler::Rule(ScalerRule::RequestCount { requests })),
        schedules(),
    ]
}

/// The last step is not empty, or requests would wait for ever.
fn schedules() -> impl Strategy<Value = Scaler> {
    (proptest::collection::vec((1_u64..70, 0_u32..5), 0..5), 0_u32..4, 1_u32..3).prop_map(
        |(mut steps, first, last)| {
            steps.extend([(0, first), (80, last)]);
            steps.sort_unstable_by_key(|it| it.0);
            Scaler::Schedule(steps.into())
        },
    )
}

fn knative() -> impl Strategy<Value = ScalerRule> {
    let windows = (1_u64..5, 1_u64..8, 1_u64..4);
    let rates = (1.0_f64..4.0, 1.05_f64..5.0, 1.1_f64..3.0);
    (targets(), windows, rates, 0_u64..20, 0_u64..12).prop_map(
        |(target, (interval_us, stable, panic), (threshold, up, down), grace, delay)| {
            ScalerRule::Concurrency(ConcurrencyRule {
                target,
                interval_us,
                stable_window_us: interval_us * stable,
                panic_window_us: interval_us * panic,
                panic_threshold: threshold,
                max_scale_up_rate: up,
                max_scale_down_rate: down,
                scale_to_zero_grace_us: grace,
                scale_down_delay_us: delay,
            })
        },
    )
}

fn others_by_clock() -> impl Strategy<Value = ScalerRule> {
    let baseten = (targets(), 1_u64..5, 1_u64..6, 0_u64..20, 0.1_f64..1.0).prop_map(
        |(target, interval_us, window, scale_down_delay_us, scale_down_share)| {
            let window_us = interval_us * window;
            ScalerRule::InFlight(InFlightRule {
                target,
                interval_us,
                window_us,
                scale_down_delay_us,
                scale_down_share,
            })
        },
    );
    let keda = (targets(), 1_u64..5, 0.0_f64..0.6, 0_u64..20, 1_u64..4, 1_u64..20).prop_map(
        |(target, interval_us, tolerance, stabilization_us, polling, cooldown_us)| {
            ScalerRule::Horizontal(HorizontalRule {
                target,
                interval_us,
                tolerance,
                stabilization_us,
                polling_us: interval_us * polling,
                cooldown_us,
            })
        },
    );
    let every = (0_u64..12, 0_u64..12, 0_u64..12, 1_u64..20);
    let steps = (any::<bool>(), targets(), 1_u64..5, 1_u64..6, every).prop_map(
        |(busy, threshold, interval_us, window, (up, down, stabilization_us, to_zero_after_us))| {
            ScalerRule::Stepwise(StepwiseRule {
                metric: if busy { StepMetric::BusyShare } else { StepMetric::Pending },
                threshold: if busy { threshold / 3.0 } else { threshold },
                window_us: interval_us * window,
                interval_us,
                up_every_us: up,
                down_every_us: down,
                stabilization_us,
                to_zero_after_us,
            })
        },
    );
    prop_oneof![baseten, keda, steps]
}

fn any_scaler() -> impl Strategy<Value = Scaler> {
    prop_oneof![
        3 => events(),
        1 => knative().prop_map(Scaler::Rule),
        2 => others_by_clock().prop_map(Scaler::Rule),
    ]
}

/// Times that may be chance, and are seldom nothing.
fn delays() -> impl Strategy<Value = Delay> {
    prop_oneof![
        (1_u64..12).prop_map(Delay::Constant),
        (1.0_f64..12.0).prop_map(|mean_us| Delay::Exponential { mean_us }),
        (0.0_f64..=1.0, 1_u64..4, 4_u64..20)
            .prop_map(|(share, short_us, long_us)| Delay::Mixture { share, short_us, long_us }),
    ]
}

/// Requests in bursts with silence between them, so that fleets go down to nothing.
fn requests() -> impl Strategy<Value = (Vec<Request>, u64)> {
    let rows = proptest::collection::vec((0_u64..120, 0_u64..25), 0..40);
    (rows, 60_u64..140, 1_u64..20).prop_map(|(rows, window, grain)| {
        let mut rows: Vec<(u64, u64)> =
            rows.into_iter().map(|(at, service)| (at / grain * grain, service)).collect();
        rows.sort_unstable();
        rows.retain(|it| it.0 < window);
        let request = |(at_us, service_us)| Request { at_us, service_us, prefill_us: 0 };
        (rows.into_iter().map(request).collect(), window)
    })
}

fn spots() -> impl Strategy<Value = Spot> {
    (20.0_f64..80.0, 0_u64..12, 0_u64..15).prop_map(|(life_us, notice_us, outage_us)| Spot {
        interruptions_per_hour: 3.6e9 / life_us,
        notice_us,
        outage_us,
        fallback: None,
    })
}

fn fleets(scaler: impl Strategy<Value = Scaler>) -> impl Strategy<Value = FleetSpec> {
    let sizes = (1_u32..4, 0_u32..3, 1_u32..5);
    let times = (1_u64..12, 0_u64..12, proptest::option::weighted(0.3, 1_u64..20));
    let caps = prop_oneof![
        3 => Just(Vec::new()),
        1 => (10_u64..30, 30_u64..50).prop_map(|(a, b)| vec![(a, 2), (b, 0)]),
    ];
    let ways = (any::<bool>(), prop::bool::weighted(0.8), caps, any::<u64>());
    (sizes, times, ways, scaler).prop_map(
        |(
            (slots, min, more),
            (idle, cold, queue_timeout_us),
            (cancel, holds, caps, seed),
            scaler,
        )| {
            FleetSpec {
                slots_per_replica: slots,
                min_replicas: min,
                max_replicas: min + more,
                scaler,
                idle_timeout: Delay::Constant(idle),
                cold_start: Delay::Constant(cold),
                cancel_starts: cancel,
                queue_timeout_us,
                execution_timeout_us: None,
                holds_requests: holds,
                idle_caps: caps.into(),
                spot: None,
                seed,
            }
        },
    )
}

fn billings() -> impl Strategy<Value = Billing> {
    let free = prop_oneof![0_u64..12, Just(u64::MAX)];
    (free, 0_u64..9, 0_u64..20).prop_map(|(free_start_us, granularity_us, minimum_us)| {
        // A nano-unit per microsecond.
        let rate = MoneyPerHour::from_nano(3_600_000_000, Currency::USD);
        Billing { rate, base_rate: rate, free_start_us, granularity_us, minimum_us }
    })
}

/// What the engine finds, in the terms of the naive simulator; nothing where it gives up.
fn by_engine(
    requests: &[Request],
    window: u64,
    fleet: &FleetSpec,
    billing: &Billing,
) -> Option<naive::Found> {
    let trace = Trace::new(requests.iter().map(|it| it.at_us).collect(), window);
    let service = ServiceModel::PerRequest(requests.iter().map(|it| it.service_us).collect());
    let source = trace.served_by(&service);
    let mut waits = Waits::default();
    let books = replay(&source, (fleet, billing), Way::Events, &mut waits).ok()?;
    let it = settle(window, fleet, books)?;
    let ready = it.all(|it| it.busy_us + it.idle_us) * u64::from(fleet.slots_per_replica);
    let slot_busy = it.server_occupancy.map_or(0.0, |share| share * ready as f64);
    for usage in [it.elastic, it.fallback] {
        assert_eq!(usage.cost.atto(), i128::from(usage.billed_us) * 1_000_000_000);
    }
    Some(naive::Found {
        waits: waits.0,
        refused: it.refused,
        timed_out: it.timed_out,
        delayed: it.delayed_requests,
        starts: it.cold_starts,
        cancelled: it.cancelled_starts,
        interruptions: it.interruptions,
        lost: it.lost_us,
        busy: it.all(|it| it.busy_us),
        idle: it.all(|it| it.idle_us),
        starting: it.all(|it| it.starting_us),
        slot_busy: format!("{slot_busy:.0}").parse().unwrap(),
        billed: it.elastic.billed_us,
        billed_fallback: it.fallback.billed_us,
        max_on: it.max_on,
    })
}

fn check(
    (requests, window): &(Vec<Request>, u64),
    fleet: &FleetSpec,
    billing: &Billing,
) -> Result<(), TestCaseError> {
    let mut expected = naive::replay(requests, *window, fleet, billing);
    let mut found = by_engine(requests, *window, fleet, billing);
    if fleet.spot.is_some() {
        // Measured as they leave.
        for it in [&mut expected, &mut found].into_iter().flatten() {
            it.waits.sort_unstable();
        }
    }
    prop_assert_eq!(found, expected, "{:?} {:?}", fleet, requests);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn rules_that_decide_at_events(
        trace in requests(), fleet in fleets(events()), billing in billings(),
    ) {
        check(&trace, &fleet, &billing)?;
    }

    #[test]
    fn knative_decides_alike(
        trace in requests(), fleet in fleets(knative().prop_map(Scaler::Rule)), billing in billings(),
    ) {
        check(&trace, &FleetSpec { cancel_starts: false, ..fleet }, &billing)?;
    }

    #[test]
    fn other_rules_that_decide_by_the_clock(
        trace in requests(), fleet in fleets(others_by_clock().prop_map(Scaler::Rule)),
        billing in billings(),
    ) {
        check(&trace, &FleetSpec { cancel_starts: false, ..fleet }, &billing)?;
    }

    #[test]
    fn spot_with_and_without_fallback(
        trace in requests(), fleet in fleets(events()), spot in spots(), billing in billings(),
        on_demand in proptest::bool::ANY,
    ) {
        let spot = Spot { fallback: on_demand.then_some(billing.rate), ..spot };
        // Of two that arrived at once, either may be served again first.
        let (mut requests, window) = trace;
        requests.dedup_by_key(|it| it.at_us);
        let fleet = FleetSpec { spot: Some(spot), cancel_starts: false, ..fleet };
        check(&(requests, window), &fleet, &billing)?;
    }

    /// Whatever the rule, the chance and the price: parts are the whole, no request is lost or
    /// served twice, the same seed is the same outcome, and twice the price twice the cost.
    #[test]
    fn any_rule_keeps_its_books(
        trace in requests(), fleet in fleets(any_scaler()), spot in proptest::option::of(spots()),
        (cold_start, idle_timeout) in (delays(), delays()), on_demand in 0_i128..9,
    ) {
        let (requests, window) = trace;
        let trace = Trace::new(requests.iter().map(|it| it.at_us).collect(), window);
        let service = ServiceModel::PerRequest(requests.iter().map(|it| it.service_us).collect());
        let source = trace.served_by(&service);
        let per_us = |nano: i128| MoneyPerHour::from_nano(nano * 3_600_000_000, Currency::USD);
        let outcome = |price: i128| {
            let fallback = Some(per_us(on_demand * price));
            let spot = spot.map(|it| Spot { fallback, ..it });
            let cancel_starts = fleet.cancel_starts && spot.is_none();
            let fleet =
                FleetSpec { idle_timeout, cold_start, cancel_starts, spot, ..fleet.clone() };
            run(&source, &fleet, &Billing::by_the_microsecond(per_us(price)), None)
        };
        let found = outcome(1);
        prop_assert_eq!(&found, &outcome(1));
        let (Some(it), Some(twice)) = (found.outcome(), outcome(2).outcome()) else {
            return Ok(());
        };
        let total = it.total_cost().unwrap().atto();
        prop_assert_eq!(twice.total_cost().unwrap().atto(), 2 * total);
        prop_assert_eq!(it.requests, trace.len() as u64);
        let cancel_starts = fleet.cancel_starts && spot.is_none();
        let fleet = FleetSpec { idle_timeout, cold_start, cancel_starts, spot, ..fleet };
        let mut waits = Waits::default();
        let billing = Billing::by_the_microsecond(per_us(1));
        if spot.is_none() {
            prop_assert!(replay(&source, (&fleet, &billing), Way::Events, &mut waits).is_ok());
            prop_assert_eq!(waits.0.len() as u64, it.requests - it.refused - it.timed_out);
        }
        let billed = it.all(|it| it.billed_us);
        prop_assert_eq!(it.all(|it| it.busy_us + it.idle_us + it.starting_us), billed);
        prop_assert_eq!(it.on_us_by_hour.iter().sum::<u64>(), billed);
        prop_assert!(it.delayed_requests <= it.requests && it.cancelled_starts <= it.cold_starts);
        for usage in [it.base, it.elastic, it.fallback] {
            let CostParts { busy, starting, idle, rounding } = usage.parts;
            prop_assert!(rounding.is_zero());
            let parts = [busy, starting, idle].map(crate::units::Money::atto).iter().sum::<i128>();
            prop_assert_eq!(parts, usage.cost.atto());
        }
    }
}
