//! The event loop: one queue, replicas that come and go, every rule in integer microseconds.
//!
//! At one instant, in this order: departures (then the queue is served), replicas becoming Ready
//! (then the queue is served), arrivals in their order, idle time-outs, the scaler. The scaler
//! decides at instants with an arrival, a departure, a Ready, or a request reaching its threshold.
//! A start that takes no time is Ready at its own instant, which is then gone through once more.
//!
//! A request without service time needs a free slot but does not hold it.

use std::collections::VecDeque;

use super::heap::{Departure, Departures};
use super::latency::Measure;
use super::outcome::Impossible;
use super::plan::{FleetSpec, HORIZON_US, Scaler};
use super::pool::{NEVER, Pool};
use super::service::Request;

/// Starts beyond this many, plus [`STARTS_PER_REQUEST`] for each request, end a run: replicas that
/// leave at once and are wanted at once would otherwise start for ever.
const STARTS_ALWAYS: u64 = 100_000;
const STARTS_PER_REQUEST: u64 = 16;

/// What the engine counted of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) requests: u64,
    /// Requests served by a replica that was not Ready when they arrived.
    pub(super) delayed: u64,
    pub(super) service_us: u128,
}

/// A run in progress.
struct Engine<'a, M> {
    scaler: Scaler,
    slots: u64,
    n_max: u32,
    pool: Pool,
    departures: Departures,
    queue: VecDeque<Request>,
    /// Requests that have left the queue: the place of its head among all that ever waited.
    head: u64,
    /// Places before this one have started a replica.
    triggered: u64,
    /// Places before this one have reached the threshold.
    due: u64,
    counts: Counts,
    measure: &'a mut M,
}

/// Replays `requests` on a fleet that has been checked.
pub(super) fn replay(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    pool: Pool,
    measure: &mut impl Measure,
) -> Result<(Pool, Counts), Impossible> {
    let mut engine = Engine {
        scaler: fleet.scaler,
        slots: u64::from(fleet.slots_per_replica),
        n_max: fleet.reach(),
        pool,
        departures: Departures::default(),
        queue: VecDeque::new(),
        head: 0,
        triggered: 0,
        due: 0,
        counts: Counts::default(),
        measure,
    };
    engine.run(requests)?;
    Ok((engine.pool, engine.counts))
}

impl<M: Measure> Engine<'_, M> {
    fn run(&mut self, mut requests: impl Iterator<Item = Request>) -> Result<(), Impossible> {
        let mut arrival = requests.next();
        loop {
            let next_arrival = arrival.map_or(NEVER, |it| it.at_us);
            let next_departure = self.departures.first().map_or(NEVER, Departure::at_us);
            let threshold = self.next_threshold();
            let now = next_arrival
                .min(next_departure)
                .min(self.pool.next_ready())
                .min(self.pool.next_idle_off())
                .min(threshold);
            let drained =
                arrival.is_none() && self.queue.is_empty() && self.departures.first().is_none();
            if drained && now > self.pool.ledger.window_us {
                return Ok(());
            }
            if now == NEVER {
                return Err(Impossible::NeverServed { waiting: self.queue.len() as u64 });
            }
            if now >= HORIZON_US {
                return Err(Impossible::BeyondHorizon);
            }
            let mut decide = threshold == now;
            if next_departure == now {
                decide = true;
                self.depart(now);
                self.serve_queue(now)?;
            }
            if self.pool.next_ready() == now {
                decide = true;
                while self.pool.next_ready() == now {
                    self.pool.become_ready(now);
                }
                self.serve_queue(now)?;
            }
            while let Some(request) = arrival.filter(|it| it.at_us == now) {
                decide = true;
                self.arrive(request)?;
                arrival = requests.next();
            }
            while self.pool.next_idle_off() == now {
                self.pool.turn_off_idle(now);
            }
            if decide {
                self.scale(now)?;
            }
        }
    }

    fn depart(&mut self, now: u64) {
        while let Some(departure) = self.departures.first() {
            if departure.at_us() != now {
                break;
            }
            self.departures.pop();
            self.pool.release(departure.replica(), now);
        }
    }

    fn serve_queue(&mut self, now: u64) -> Result<(), Impossible> {
        while !self.queue.is_empty() {
            let Some(replica) = self.pool.available() else { break };
            if let Some(request) = self.queue.pop_front() {
                self.head += 1;
                self.serve(request, replica, now)?;
            }
        }
        Ok(())
    }

    fn arrive(&mut self, request: Request) -> Result<(), Impossible> {
        self.counts.requests += 1;
        self.counts.service_us += u128::from(request.service_us);
        if self.queue.is_empty()
            && let Some(replica) = self.pool.available()
        {
            return self.serve(request, replica, request.at_us);
        }
        self.queue.push_back(request);
        Ok(())
    }

    #[inline]
    fn serve(&mut self, request: Request, replica: u32, now: u64) -> Result<(), Impossible> {
        let delayed = self.pool.ready_at(replica) > request.at_us;
        self.counts.delayed += u64::from(delayed);
        self.measure.record(now - request.at_us, request.prefill_us);
        if request.service_us == 0 {
            return Ok(());
        }
        let leaves = now.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        self.pool.occupy(replica, now);
        self.pool.ledger.slot_busy_us += u128::from(self.pool.ledger.inside(now, leaves));
        self.departures.push(Departure::new(leaves, replica));
        Ok(())
    }

    /// When the next waiting request reaches the threshold.
    #[inline]
    fn next_threshold(&self) -> u64 {
        let Scaler::QueueDelay { threshold_us } = self.scaler else { return NEVER };
        let place = usize::try_from(self.due.max(self.head) - self.head).unwrap_or(usize::MAX);
        self.queue.get(place).map_or(NEVER, |it| it.at_us.saturating_add(threshold_us))
    }

    fn scale(&mut self, now: u64) -> Result<(), Impossible> {
        match self.scaler {
            Scaler::Fixed => {}
            Scaler::QueueDelay { .. } => {
                self.due = self.due.max(self.head);
                self.triggered = self.triggered.max(self.head);
                while self.next_threshold() <= now {
                    self.due += 1;
                }
                let n_older = self.due - self.head;
                while self.triggered < self.due
                    && n_older > self.slots * self.pool.n_starting()
                    && self.pool.n_on() < self.n_max
                {
                    self.triggered += 1;
                    self.pool.start(now);
                }
            }
            Scaler::RequestCount { requests, per_replicas } => {
                let in_system = self.queue.len() as u64 + self.pool.n_in_service;
                let wanted = in_system.saturating_mul(u64::from(per_replicas));
                while wanted > u64::from(self.pool.n_on()) * u64::from(requests)
                    && self.pool.n_on() < self.n_max
                {
                    self.pool.start(now);
                }
            }
        }
        let n_allowed = STARTS_ALWAYS + STARTS_PER_REQUEST.saturating_mul(self.counts.requests);
        if self.pool.n_starts > n_allowed { Err(Impossible::Thrashing) } else { Ok(()) }
    }
}
