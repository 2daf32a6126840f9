//! What a load is held against: the slots of the largest fleet, and whether they ever clear it.

use super::demand::Requests;
use crate::simulate::{FleetSpec, Scaler, Timeline, Trace};

const HOUR_US: u64 = 3_600_000_000;
/// Requests that are replayed where a queue only grows.
const FIRST: f64 = 1e6;
/// Microseconds, over three years, in which those must be served: the engine counts four.
const LONGEST_US: f64 = 1e14;

/// Slots of the largest fleet; of a schedule the mean over the window, which is what it can serve.
pub(super) fn capacity_slots(fleet: &FleetSpec, window_us: u64) -> f64 {
    replicas(fleet, 0, window_us) * f64::from(fleet.slots_per_replica)
}

/// The most replicas there may be at a time; of a schedule the mean between two instants.
fn replicas(fleet: &FleetSpec, from_us: u64, to_us: u64) -> f64 {
    let held = |n: u32| n.clamp(fleet.min_replicas, fleet.max_replicas.max(fleet.min_replicas));
    match &fleet.scaler {
        Scaler::Fixed => f64::from(fleet.min_replicas),
        Scaler::Rule(_) | Scaler::PerRequest => f64::from(held(u32::MAX)),
        Scaler::Schedule(steps) => {
            let ends = steps.iter().skip(1).map(|it| it.0).chain([u64::MAX]);
            let each = steps.iter().zip(ends).map(|((from, n), to)| {
                let us = to.min(to_us).saturating_sub((*from).max(from_us));
                us as f64 * f64::from(held(*n))
            });
            each.sum::<f64>() / to_us.saturating_sub(from_us).max(1) as f64
        }
    }
}

/// Requests a second and replica in the hour that has the most of them for the replicas that are
/// scheduled in it; infinite where no request comes while one is.
///
/// 7,200 requests in an hour of 4 replicas and 3,600 in one of a single replica: 1, of the second.
pub(super) fn busiest_rps_per_replica(trace: &Trace, fleet: &FleetSpec) -> f64 {
    let window_us = trace.window_us();
    let hour_s = (window_us as f64 / 1e6).clamp(1e-6, 3600.0);
    let hours = trace.at_us().chunk_by(|a, b| a / HOUR_US == b / HOUR_US);
    let rates = hours.filter_map(|hour| {
        let from_us = hour.first()? / HOUR_US * HOUR_US;
        let replicas = replicas(fleet, from_us, (from_us + HOUR_US).min(window_us));
        (replicas > 0.0).then(|| hour.len() as f64 / hour_s / replicas)
    });
    rates.max_by(f64::total_cmp).unwrap_or(f64::INFINITY)
}

/// Whether a log leaves more requests than all slots at the end of its window, in its last part. A
/// short log with long services asks for more than that and is served all the same.
pub(super) fn is_left(timeline: &Timeline, capacity_slots: f64) -> bool {
    let last = timeline.parts.last();
    last.is_some_and(|it| it.queue > 0.0 && it.queue + it.in_service > capacity_slots)
}

/// The first requests of a generator whose queue only grows, so few that they end; nothing where
/// it does not, or where there are no fewer.
pub(super) fn first_of(requests: &Requests, capacity_slots: f64) -> Option<Requests> {
    let load = requests.mean_load().filter(|it| *it >= capacity_slots)?;
    let Requests::Generated { gaps, rate_per_s, n, service } = requests else { return None };
    // So many are served one after the other in half the time that may be spent.
    let most = FIRST.min(LONGEST_US / 2.0 * capacity_slots / (load / rate_per_s * 1e6));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to a million")]
    let first = most.max(1.0) as u64;
    (first < *n).then_some(Requests::Generated {
        gaps: *gaps,
        rate_per_s: *rate_per_s,
        n: first,
        service: *service,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_as_full_as_its_fullest_hour() {
        let check = |steps: &[(u64, u32)], expected: f64| {
            let hours = [(0, 7_200_u64), (1, 3_600)];
            let at = hours
                .iter()
                .flat_map(|(h, n)| (0..*n).map(move |i| h * HOUR_US + i * (HOUR_US / n)));
            let trace = Trace::new(at.collect(), 2 * HOUR_US);
            let fleet = FleetSpec {
                max_replicas: 8,
                scaler: Scaler::Schedule(steps.into()),
                ..FleetSpec::fixed(0, 2)
            };
            let found = busiest_rps_per_replica(&trace, &fleet);
            assert!(found.total_cmp(&expected).is_eq(), "{steps:?}: {found}");
        };
        check(&[(0, 4), (HOUR_US, 1)], 1.0);
        check(&[(0, 1), (HOUR_US, 1)], 2.0);
        check(&[(0, 4), (HOUR_US, 0)], 0.5);
        check(&[(0, 0), (HOUR_US + HOUR_US / 2, 4)], 0.5);
        check(&[(0, 0)], f64::INFINITY);
    }
}
