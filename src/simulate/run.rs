//! One plan on one trace: checks, the engine that fits, and the books turned into an outcome.

use crate::units::{Money, MoneyPerHour};

use super::arrivals::Trace;
use super::engine::{self, Counts};
use super::fixed;
use super::latency::{Latencies, Measure};
use super::ledger::Ledger;
use super::outcome::{CostParts, Impossible, Outcome, Replay};
use super::plan::{Billing, FleetSpec, HORIZON_US, SloLimits};
use super::pool::Pool;
use super::service::ServiceModel;

/// Which loop replays the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The event engine, for any fleet.
    Events,
    /// The loop over free slots, for a fleet that never changes.
    FreeSlots,
}

/// Replays `trace` on `fleet` and bills it; `slo` are the limits to count attainment against.
pub fn run(
    trace: &Trace,
    service: &ServiceModel,
    fleet: &FleetSpec,
    billing: &Billing,
    slo: Option<SloLimits>,
) -> Replay {
    let constant = fleet.reach() == fleet.min_replicas;
    let way = if constant { Way::FreeSlots } else { Way::Events };
    let mut latencies = Latencies::new(trace.len(), service, slo);
    let books = match replay(trace, service, (fleet, billing), way, &mut latencies) {
        Ok(books) => books,
        Err(why) => return Replay::Impossible(why),
    };
    match settle(trace, fleet, billing, books) {
        Some(mut outcome) => {
            (outcome.queue_wait, outcome.ttft) = latencies.summaries();
            outcome.sojourn_mean_us = sojourn(&outcome, trace);
            outcome.attained = slo.map(|_| latencies.n_attained());
            Replay::Done(Box::new(outcome))
        }
        None => Replay::Impossible(Impossible::CostTooLarge),
    }
}

/// What the loops leave behind.
pub(super) struct Books {
    ledger: Ledger,
    n_starts: u64,
    counts: Counts,
}

/// Checks the plan and replays the trace one of the two ways.
pub(super) fn replay(
    trace: &Trace,
    service: &ServiceModel,
    (fleet, billing): (&FleetSpec, &Billing),
    way: Way,
    measure: &mut impl Measure,
) -> Result<Books, Impossible> {
    fleet.check()?;
    service.check(trace)?;
    let currencies = (billing.rate.currency(), billing.base_rate.currency());
    if currencies.0 != currencies.1 {
        return Err(Impossible::MixedCurrencies(currencies.0, currencies.1));
    }
    if trace.window_us() == 0 {
        return Err(Impossible::NoWindow);
    }
    if trace.window_us() >= HORIZON_US {
        return Err(Impossible::BeyondHorizon);
    }
    let ledger = Ledger::new(trace.window_us(), *billing, fleet.min_replicas);
    let pool = Pool::new(fleet, ledger);
    let requests = service.requests(trace);
    let (pool, counts) = match way {
        Way::Events => engine::replay(requests, fleet, pool, measure)?,
        Way::FreeSlots => fixed::replay(requests, fleet, pool, measure)?,
    };
    let (ledger, n_starts) = pool.close();
    Ok(Books { ledger, n_starts, counts })
}

/// The outcome without its latencies; nothing when a cost does not fit its type.
pub(super) fn settle(
    trace: &Trace,
    fleet: &FleetSpec,
    billing: &Billing,
    books: Books,
) -> Option<Outcome> {
    let Books { ledger, n_starts, counts } = books;
    let window_us = trace.window_us();
    let base = u64::from(fleet.min_replicas);
    let base_us = base * window_us;
    let base_nano =
        billing.base_rate.nano_cost_of_us(window_us).ok()?.checked_mul(i128::from(base))?;
    let elastic_nano = ledger.elastic_nano?;
    let billed_start_us = if billing.bill_start { ledger.starting_us } else { 0 };
    let [busy, starting, idle] =
        split(elastic_nano, billing.rate, [ledger.busy_us, billed_start_us])?;
    let [base_busy, _, base_idle] = split(base_nano, billing.base_rate, [ledger.base_busy_us, 0])?;
    let money = |nano| Money::from_nano(nano, billing.rate.currency()).ok();
    let ready_us = ledger.ready_us + base_us;
    let slots = f64::from(fleet.slots_per_replica);
    let offered_load = counts.service_us as f64 / window_us as f64;
    let busy_us = ledger.busy_us + ledger.base_busy_us;
    Some(Outcome {
        requests: counts.requests,
        cold_starts: n_starts,
        delayed_requests: counts.delayed,
        queue_wait: None,
        ttft: None,
        sojourn_mean_us: (counts.requests > 0)
            .then(|| counts.service_us as f64 / counts.requests as f64),
        attained: None,
        busy_us,
        idle_us: ready_us.saturating_sub(busy_us),
        starting_us: ledger.starting_us,
        billed_us: ledger.billed_us,
        base_us,
        elastic_cost: money(elastic_nano)?,
        base_cost: money(base_nano)?,
        parts: CostParts {
            busy: money(busy)?,
            starting: money(starting)?,
            idle: money(idle)?,
            base_busy: money(base_busy)?,
            base_idle: money(base_idle)?,
        },
        on_us_by_hour: ledger.on_us_by_hour,
        max_on: ledger.max_on,
        server_occupancy: (ready_us > 0)
            .then(|| ledger.slot_busy_us as f64 / (ready_us as f64 * slots)),
        offered_load,
        unstable: offered_load >= f64::from(fleet.reach()) * slots,
    })
}

/// Mean wait added to the mean service that [`settle`] left in the field.
fn sojourn(outcome: &Outcome, trace: &Trace) -> Option<f64> {
    debug_assert_eq!(outcome.requests, trace.len() as u64, "every request is served once");
    Some(outcome.queue_wait?.mean_us + outcome.sojourn_mean_us?)
}

/// `total` split into the cost of two times and the rest, none of them negative: where lifetimes
/// were rounded down, the first parts give way, so that the three add up to the total.
fn split(total: i128, rate: MoneyPerHour, times_us: [u64; 2]) -> Option<[i128; 3]> {
    let first = rate.nano_cost_of_us(times_us[0]).ok()?.min(total);
    let second = rate.nano_cost_of_us(times_us[1]).ok()?.min(total - first);
    Some([first, second, total - first - second])
}
