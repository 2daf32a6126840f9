//! One plan on one source of requests: checks, the loop that fits, and the books turned into an
//! outcome.

use crate::units::{Fraction, Money, MoneyPerHour};

use super::arrivals_only;
use super::engine::{self, Counts};
use super::fixed;
use super::latency::{Latencies, Measure};
use super::ledger::{Account, Class, Ledger};
use super::outcome::{CostParts, Impossible, Outcome, Replay, Usage};
use super::per_request;
use super::plan::{Billing, Delay, FleetSpec, HORIZON_US, Scaler, SloLimits};
use super::service::{Request, Source};
use super::timeline::{Sampler, Timeline};

/// Most decisions of a rule in a window: over three years of the fastest rule a platform may have.
const MAX_DECISIONS: u64 = 1 << 30;

/// Which loop replays the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The event engine, for any fleet with a queue.
    Events,
    /// The loop over free slots, for a fleet that never changes.
    FreeSlots,
    /// The loop without a queue.
    PerRequest,
    /// The same over arrivals alone, for starts and idle timeouts that are always as long.
    ArrivalsOnly([u64; 2]),
}

/// Replays `source` on `fleet` and bills it; `slo` are the limits to count attainment against.
pub fn run(
    source: &impl Source,
    fleet: &FleetSpec,
    billing: &Billing,
    slo: Option<SloLimits>,
) -> Replay {
    let latencies = Latencies::new(source, slo);
    measured(source, (fleet, billing), slo, latencies)
}

/// As [`run`], given up as [`Impossible::Hopeless`] once so many requests have missed the limits that
/// `attainment` cannot be reached any more. What it returns otherwise is what [`run`] returns.
pub fn run_while_attained(
    source: &impl Source,
    (fleet, billing): (&FleetSpec, &Billing),
    slo: SloLimits,
    attainment: Fraction,
) -> Replay {
    let latencies = Latencies::new(source, Some(slo)).while_attained(source.len(), attainment);
    measured(source, (fleet, billing), Some(slo), latencies)
}

fn measured(
    source: &impl Source,
    (fleet, billing): (&FleetSpec, &Billing),
    slo: Option<SloLimits>,
    mut latencies: Latencies,
) -> Replay {
    let way = match fleet.scaler {
        Scaler::PerRequest => match (fleet.cold_start, fleet.idle_timeout) {
            (Delay::Constant(start), Delay::Constant(idle)) => Way::ArrivalsOnly([start, idle]),
            _ => Way::PerRequest,
        },
        _ if fleet.is_constant() => Way::FreeSlots,
        _ => Way::Events,
    };
    let books = replay(source, (fleet, billing), way, &mut latencies);
    answer(source.window_us(), fleet, books, latencies, slo)
}

/// As [`run`], with how it went over about `n_parts` equal parts of the window.
pub fn run_sampled(
    source: &impl Source,
    fleet: &FleetSpec,
    billing: &Billing,
    slo: Option<SloLimits>,
    n_parts: u32,
) -> (Replay, Timeline) {
    // The short ways know no instants between the requests.
    let way = match fleet.scaler {
        Scaler::PerRequest => Way::PerRequest,
        _ => Way::Events,
    };
    let mut latencies = Latencies::new(source, slo);
    let currency = billing.rate.currency();
    let mut sampler = Sampler::new(&mut latencies, currency, source.window_us(), n_parts);
    let books = replay(source, (fleet, billing), way, &mut sampler);
    let timeline = sampler.timeline();
    (answer(source.window_us(), fleet, books, latencies, slo), timeline)
}

/// The books and the latencies of a run as its answer.
fn answer(
    window_us: u64,
    fleet: &FleetSpec,
    books: Result<Books, Impossible>,
    mut latencies: Latencies,
    slo: Option<SloLimits>,
) -> Replay {
    let books = match books {
        Ok(books) => books,
        Err(why) => return Replay::Impossible(why),
    };
    match settle(window_us, fleet, books) {
        Some(mut outcome) => {
            (outcome.queue_wait, outcome.ttft) = latencies.summaries();
            let wait = outcome.queue_wait.map(|it| it.mean_us);
            outcome.sojourn_mean_us = wait.zip(outcome.sojourn_mean_us).map(|(a, b)| a + b);
            outcome.execution_timeouts = latencies.n_ended();
            outcome.attained = slo.map(|_| latencies.n_attained());
            Replay::Done(Box::new(outcome))
        }
        None => Replay::Impossible(Impossible::CostTooLarge),
    }
}

/// What the loops leave behind.
pub(super) struct Books {
    ledger: Ledger,
    counts: Counts,
}

/// Checks the plan and replays the source one of the ways.
pub(super) fn replay(
    source: &impl Source,
    (fleet, billing): (&FleetSpec, &Billing),
    way: Way,
    measure: &mut impl Measure,
) -> Result<Books, Impossible> {
    fleet.check()?;
    source.check()?;
    let fallback = fleet.spot.and_then(|it| it.fallback).unwrap_or(billing.rate);
    let currency = billing.rate.currency();
    for other in [billing.base_rate.currency(), fallback.currency()] {
        if other != currency {
            return Err(Impossible::MixedCurrencies(currency, other));
        }
    }
    if source.window_us() == 0 {
        return Err(Impossible::NoWindow);
    }
    if source.window_us() >= HORIZON_US {
        return Err(Impossible::BeyondHorizon);
    }
    let is_endless = |interval: u64| interval == 0 || source.window_us() / interval > MAX_DECISIONS;
    if matches!(fleet.scaler, Scaler::Rule(rule) if rule.interval_us().is_some_and(is_endless)) {
        return Err(Impossible::TooFast);
    }
    let ledger = Ledger::new(source.window_us(), *billing, fallback, fleet.min_replicas);
    let limit_us = fleet.execution_timeout_us.unwrap_or(u64::MAX);
    let requests = source.requests().map(|it| Request::ended(it, limit_us));
    let (ledger, counts) = match way {
        Way::Events => engine::replay(requests, fleet, ledger, &|| source.is_stopped(), measure)?,
        Way::FreeSlots => fixed::replay(requests, fleet, ledger, measure)?,
        Way::PerRequest => per_request::replay(requests, fleet, ledger, measure)?,
        Way::ArrivalsOnly(times) => arrivals_only::replay(requests, fleet, times, ledger, measure)?,
    };
    Ok(Books { ledger, counts })
}

/// The outcome without its latencies, the mean service in the place of the sojourn; nothing when a
/// cost does not fit its type.
pub(super) fn settle(window_us: u64, fleet: &FleetSpec, books: Books) -> Option<Outcome> {
    let Books { mut ledger, counts } = books;
    let [base, elastic, fallback] =
        [Class::Base, Class::Elastic, Class::Fallback].map(|class| usage(*ledger.of(class)));
    let (base, elastic, fallback) = (base?, elastic?, fallback?);
    let ready_us: u64 = [base, elastic, fallback].iter().map(|it| it.busy_us + it.idle_us).sum();
    let slots = f64::from(fleet.slots_per_replica);
    let offered_load = counts.offered_us as f64 / window_us as f64;
    let served = counts.requests - counts.refused - counts.timed_out;
    Some(Outcome {
        requests: counts.requests,
        refused: counts.refused,
        timed_out: counts.timed_out,
        execution_timeouts: 0,
        cold_starts: ledger.n_starts_inside,
        cancelled_starts: ledger.n_cancelled_starts,
        delayed_requests: counts.delayed,
        interruptions: ledger.n_interruptions,
        lost_us: ledger.lost_us,
        queue_wait: None,
        ttft: None,
        sojourn_mean_us: (served > 0).then(|| counts.served_us as f64 / served as f64),
        attained: None,
        base,
        elastic,
        fallback,
        on_us_by_hour: ledger.on_us_by_hour,
        max_on: ledger.max_on,
        server_occupancy: (ready_us > 0)
            .then(|| ledger.slot_busy_us as f64 / (ready_us as f64 * slots)),
        offered_load,
        unstable: offered_load >= f64::from(fleet.reach()) * slots
            && counts.refused + counts.timed_out == 0,
    })
}

/// What the replicas of one price did and cost.
fn usage(account: Account) -> Option<Usage> {
    let total = account.nano?;
    let idle_us = account.ready_us.saturating_sub(account.busy_us);
    let [busy, starting, idle, rounding] =
        split(total, account.rate, [account.busy_us, account.billed_starting_us, idle_us])?;
    let money = |nano| Money::from_nano(nano, account.rate.currency()).ok();
    Some(Usage {
        busy_us: account.busy_us,
        idle_us,
        starting_us: account.starting_us,
        billed_us: account.billed_us,
        cost: money(total)?,
        parts: CostParts {
            busy: money(busy)?,
            starting: money(starting)?,
            idle: money(idle)?,
            rounding: money(rounding)?,
        },
    })
}

/// `total` split into the cost of three times and the rest, none of them negative: where lifetimes
/// were rounded down, the first parts give way, so that the four add up to the total.
fn split(total: i128, rate: MoneyPerHour, times_us: [u64; 3]) -> Option<[i128; 4]> {
    let mut left = total;
    let mut parts = [0; 4];
    for (part, us) in parts.iter_mut().zip(times_us) {
        *part = rate.nano_cost_of_us(us).ok()?.min(left);
        left -= *part;
    }
    parts[3] = left;
    Some(parts)
}
