//! Laws that hold on every trace.

use proptest::prelude::*;

use super::Waits;
use crate::catalog::ScalerRule;
use crate::simulate::run::{Way, replay, settle};
use crate::simulate::*;
use crate::units::{Currency, Fraction, MoneyPerHour};

fn rate(nano: i128) -> MoneyPerHour {
    MoneyPerHour::from_nano(nano, Currency::USD)
}

/// Requests with their service times; times are small so that ties are common.
fn requests() -> impl Strategy<Value = (Trace, ServiceModel)> {
    (proptest::collection::vec((0_u64..60, 0_u64..15), 0..40), 30_u64..90).prop_map(
        |(mut rows, window)| {
            rows.sort_unstable();
            rows.retain(|(at, _)| *at < window);
            let (at, service) = rows.into_iter().unzip();
            (Trace::new(at, window), ServiceModel::PerRequest(service))
        },
    )
}

fn fleets() -> impl Strategy<Value = FleetSpec> {
    let scaler = prop_oneof![
        (0_u64..12).prop_map(|threshold_us| Scaler::Rule(ScalerRule::QueueDelay { threshold_us })),
        (1_u32..6).prop_map(|requests| Scaler::Rule(ScalerRule::RequestCount { requests })),
    ];
    (1_u32..4, 0_u32..3, 1_u32..5, scaler, 1_u64..12, 0_u64..12).prop_map(
        |(slots_per_replica, min_replicas, more, scaler, idle_timeout, cold_start)| FleetSpec {
            slots_per_replica,
            min_replicas,
            max_replicas: min_replicas + more,
            scaler,
            idle_timeout: Delay::Constant(idle_timeout),
            cold_start: Delay::Constant(cold_start),
            ..FleetSpec::fixed(0, 1)
        },
    )
}

fn waits(trace: &Trace, service: &ServiceModel, fleet: &FleetSpec, way: Way) -> Vec<u64> {
    let billing = Billing::by_the_microsecond(rate(1));
    let mut waits = Waits::default();
    assert!(replay(&trace.served_by(service), (fleet, &billing), way, &mut waits).is_ok());
    waits.0
}

proptest! {
    #[test]
    fn the_short_way_is_the_engine((trace, service) in requests(), n in 1_u32..5, slots in 1_u32..4) {
        let fleet = FleetSpec::fixed(n, slots);
        let billing = Billing::by_the_microsecond(rate(7_777_777_777_777));
        let [events, short] = [Way::Events, Way::FreeSlots].map(|way| {
            let mut waits = Waits::default();
            let books = replay(&trace.served_by(&service), (&fleet, &billing), way, &mut waits).ok().unwrap();
            (settle(trace.window_us(), &fleet, books).unwrap(), waits)
        });
        prop_assert_eq!(events, short);
    }

    #[test]
    fn only_arrivals_are_as_good_as_all_events(
        (trace, service) in requests(), min in 0_u32..3, more in 1_u32..4, start in 0_u64..12,
        idle in prop_oneof![0_u64..20, Just(u64::MAX)],
    ) {
        let fleet = FleetSpec {
            min_replicas: min,
            max_replicas: min + more,
            scaler: Scaler::PerRequest,
            cold_start: Delay::Constant(start),
            idle_timeout: Delay::Constant(idle),
            ..FleetSpec::fixed(0, 1)
        };
        let microseconds = Billing::by_the_microsecond(rate(7_777_777_777_777));
        let billing = Billing { granularity_us: 7, minimum_us: 11, ..microseconds };
        let [events, short] = [Way::PerRequest, Way::ArrivalsOnly([start, idle])].map(|way| {
            let mut waits = Waits::default();
            let books = replay(&trace.served_by(&service), (&fleet, &billing), way, &mut waits).ok().unwrap();
            // Of those that start at one instant, the order is open.
            waits.0.sort_unstable();
            (settle(trace.window_us(), &fleet, books).unwrap(), waits)
        });
        prop_assert_eq!(events, short);
    }

    #[test]
    fn more_replicas_or_slots_never_raise_a_wait(
        (trace, service) in requests(), n in 1_u32..5, slots in 1_u32..4,
    ) {
        let all = |n, slots| waits(&trace, &service, &FleetSpec::fixed(n, slots), Way::FreeSlots);
        let before = all(n, slots);
        for after in [all(n + 1, slots), all(n, slots + 1)] {
            prop_assert!(before.iter().zip(&after).all(|(before, after)| after <= before));
        }
    }

    #[test]
    fn no_request_is_lost_and_order_is_kept((trace, service) in requests(), fleet in fleets()) {
        let waits = waits(&trace, &service, &fleet, Way::Events);
        prop_assert_eq!(waits.len(), trace.len());
        let starts: Vec<u64> = trace.at_us().iter().zip(&waits).map(|(at, wait)| at + wait).collect();
        prop_assert!(starts.is_sorted());
    }

    #[test]
    fn the_books_balance((trace, service) in requests(), fleet in fleets(), price in 0_i128..1_000_000_000_000_000) {
        let billing = Billing { base_rate: rate(price / 2), ..Billing::by_the_microsecond(rate(price)) };
        let it = run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap();
        prop_assert_eq!(it.requests, trace.len() as u64);
        let billed = it.all(|it| it.billed_us);
        let busy = it.all(|it| it.busy_us);
        prop_assert!(busy <= billed);
        prop_assert_eq!(busy + it.all(|it| it.idle_us) + it.all(|it| it.starting_us), billed);
        prop_assert_eq!(it.on_us_by_hour.iter().sum::<u64>(), billed);
        for usage in [it.base, it.elastic, it.fallback] {
            let CostParts { busy, starting, idle, rounding } = usage.parts;
            let parts = [busy, starting, idle, rounding];
            prop_assert!(parts.iter().all(|part| !part.is_negative()));
            prop_assert_eq!(parts.iter().map(|part| part.atto()).sum::<i128>(), usage.cost.atto());
        }
        prop_assert!(it.max_on <= fleet.max_replicas && it.delayed_requests <= it.requests);
    }

    #[test]
    fn cost_is_linear_in_price_before_rounding(
        (trace, service) in requests(), fleet in fleets(), price in 0_i128..1000, times in 1_i128..9,
        granularity_us in 0_u64..20, minimum_us in 0_u64..20, free_start_us in 0_u64..20,
    ) {
        // A price in whole nano-units per microsecond makes every lifetime exact.
        let cost = |price: i128| {
            let per_hour = rate(price * 3_600_000_000);
            let billing = Billing { rate: per_hour, base_rate: per_hour, free_start_us, granularity_us, minimum_us };
            run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap().total_cost().unwrap().atto()
        };
        prop_assert_eq!(cost(price * times), cost(price) * times);
    }

    #[test]
    fn without_room_to_scale_the_timeout_is_nothing(
        (trace, service) in requests(), fleet in fleets(), n in 1_u32..4, timeout in 0_u64..99,
    ) {
        let fleet = FleetSpec { min_replicas: n, max_replicas: n, ..fleet };
        let billing = Billing::by_the_microsecond(rate(3_600_000_000));
        // By events, which could look at the timeout: the short way for fixed fleets cannot.
        let outcome = |idle_timeout_us, way| {
            let idle_timeout = Delay::Constant(idle_timeout_us);
            let fleet = FleetSpec { idle_timeout, ..fleet.clone() };
            let mut waits = Waits::default();
            let books = replay(&trace.served_by(&service), (&fleet, &billing), way, &mut waits).ok().unwrap();
            (settle(trace.window_us(), &fleet, books).unwrap(), waits)
        };
        prop_assert_eq!(outcome(0, Way::Events), outcome(timeout, Way::Events));
        prop_assert_eq!(outcome(0, Way::Events), outcome(timeout, Way::FreeSlots));
    }

    /// On a drained trace the mean number in service is the arrival rate times the mean service,
    /// and the mean number in the system the arrival rate times the mean sojourn.
    #[test]
    fn little((trace, service) in requests(), fleet in fleets()) {
        let billing = Billing::by_the_microsecond(rate(1));
        let long = Trace::new(trace.at_us().to_vec(), 10_000);
        let it = run(&long.served_by(&service), &fleet, &billing, None).outcome().unwrap();
        let ServiceModel::PerRequest(times) = &service else { return Ok(()) };
        let in_service: u64 = times.iter().sum();
        if let Some(occupancy) = it.server_occupancy {
            let slot_time = it.all(|it| it.busy_us + it.idle_us) as f64 * f64::from(fleet.slots_per_replica);
            prop_assert!((occupancy * slot_time - in_service as f64).abs() < 1e-6 * slot_time);
        }
        // The mean number is taken from the fleet as it went, not from what each request had.
        let (_, timeline) = run_sampled(&long.served_by(&service), &fleet, &billing, None, 1);
        let in_system: f64 = timeline.parts.iter().map(|it| it.queue + it.in_service).sum();
        prop_assert_eq!(timeline.parts.len(), 1);
        if let Some(sojourn) = it.sojourn_mean_us {
            prop_assert!((sojourn * it.requests as f64 - in_system * 10_000.0).abs() < 1e-6 * 10_000.0);
        }
    }
}

#[test]
fn a_run_is_given_up_only_where_it_cannot_meet() {
    // 20,000 requests 1 ms apart of 1.5 ms each: one slot falls behind, two never do.
    let trace = Trace::new((0..20_000).map(|it| it * 1_000).collect(), 20_000_000);
    let source = trace.served_by(&ServiceModel::Fixed { service_us: 1_500 });
    let billing = Billing::by_the_microsecond(rate(7_777_777));
    let slo = SloLimits { ttft_us: Some(2_000), tpot_us: None };
    let share = Fraction::try_from(0.95).unwrap();
    for scaler in [Scaler::Fixed, Scaler::Rule(ScalerRule::RequestCount { requests: 1 })] {
        for n in 1..4 {
            let fleet = FleetSpec { scaler: scaler.clone(), ..FleetSpec::fixed(n, 1) };
            let whole = run(&source, &fleet, &billing, Some(slo)).outcome().unwrap();
            assert_eq!(whole.meets(share), n > 1, "{n}");
            match run_while_attained(&source, (&fleet, &billing), slo, share) {
                Replay::Impossible(why) => assert_eq!((why, n), (Impossible::Hopeless, 1)),
                Replay::Done(outcome) => assert_eq!(*outcome, whole, "{n}"),
            }
        }
    }
}
