//! The event loop: one queue, replicas that come and go, every rule in integer microseconds.
//!
//! At one instant, in this order: departures, interruptions, replicas becoming Ready (then the
//! queue is served), arrivals in their order, time-outs of the queue and of idle replicas, the
//! scaler. Queue delay and request count decide at instants with an arrival, a departure, a Ready,
//! an interruption, a time-out of the queue or a request reaching its threshold; a schedule at its own instants and
//! whenever capacity is taken or back; the other rules at their intervals. A start that takes no
//! time is Ready at its own instant, which is then gone through once more.
//!
//! A request without service time needs a free slot but does not hold it.

mod interruption;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::catalog::ScalerRule;

use super::heap::{Departure, Departures};
use super::latency::{BETWEEN_LOOKS, Measure};
use super::ledger::{Class, Ledger};
use super::outcome::Impossible;
use super::periodic::{Periodic, View};
use super::plan::{FleetSpec, HORIZON_US, Scaler};
use super::pool::{NEVER, Pool};
use super::service::Request;
use super::spot::Market;

/// Starts beyond this many, plus [`STARTS_PER_REQUEST`] for each request, end a run: replicas that
/// leave at once and are wanted at once would otherwise start for ever.
const STARTS_ALWAYS: u64 = 100_000;
const STARTS_PER_REQUEST: u64 = 16;

/// Most requests that wait at once, 192 MiB of them: a queue so long is the load's, not the plan's.
const MAX_WAITING: usize = 1 << 23;

/// Instants between two looks at whether the run is to go on: a quarter of a second at most.
const TURNS_BETWEEN_LOOKS: u64 = 1 << 20;

/// What arrives after the last request: nothing, ever.
pub(super) const NO_REQUEST: Request = Request { at_us: NEVER, service_us: 0, prefill_us: 0 };

/// What a loop counted of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) timed_out: u64,
    /// Requests served by a replica that was not Ready when they arrived.
    pub(super) delayed: u64,
    /// Service time asked for, and that of the requests that were served.
    pub(super) offered_us: u128,
    pub(super) served_us: u128,
}

/// What decides when.
#[derive(Debug)]
enum Decide {
    Never,
    /// Step by step: the place of the step that holds.
    Schedule(Arc<[(u64, u32)]>, usize),
    QueueDelay(u64),
    RequestCount(u32),
    Periodic(Box<Periodic>),
}

/// A run in progress.
struct Engine<'a, M> {
    decide: Decide,
    slots: u64,
    slots_per_replica: u32,
    n_min: u32,
    n_max: u32,
    cancel_starts: bool,
    /// Whether a departure can start or cancel a replica. Under queue delay it cannot, for nothing
    /// drains and no request gets older by it.
    decides_at_departures: bool,
    queue_timeout_us: u64,
    /// What a request waits until it counts as too old.
    threshold_us: u64,
    holds_requests: bool,
    idle_caps: Arc<[(u64, u32)]>,
    market: Option<Box<Market>>,
    pool: Pool,
    departures: Departures,
    queue: VecDeque<Request>,
    /// Requests that have left the queue: the place of its head among all that ever waited.
    head: u64,
    /// Places before this one have started a replica.
    triggered: u64,
    /// Places before this one have reached the threshold.
    due: u64,
    /// When the request at place `due` reaches it.
    next_due_us: u64,
    /// When the next step of a schedule begins.
    next_step_us: u64,
    last_arrival: u64,
    counts: Counts,
    is_stopped: &'a dyn Fn() -> bool,
    measure: &'a mut M,
}

/// Replays `requests` on a fleet that has been checked.
pub(super) fn replay(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    ledger: Ledger,
    is_stopped: &dyn Fn() -> bool,
    measure: &mut impl Measure,
) -> Result<(Ledger, Counts), Impossible> {
    let decide = match &fleet.scaler {
        Scaler::Fixed | Scaler::PerRequest => Decide::Never,
        Scaler::Schedule(steps) => Decide::Schedule(Arc::clone(steps), 0),
        Scaler::Rule(ScalerRule::QueueDelay { threshold_us }) => Decide::QueueDelay(*threshold_us),
        Scaler::Rule(ScalerRule::RequestCount { requests }) => Decide::RequestCount(*requests),
        Scaler::Rule(rule) => match Periodic::of(*rule) {
            Some(periodic) => Decide::Periodic(Box::new(periodic)),
            None => Decide::Never,
        },
    };
    let by_delay = matches!(decide, Decide::QueueDelay(_)) && fleet.spot.is_none();
    let mut engine = Engine {
        threshold_us: if let Decide::QueueDelay(us) = &decide { *us } else { NEVER },
        decides_at_departures: !by_delay || fleet.cancel_starts,
        decide,
        slots: u64::from(fleet.slots_per_replica),
        slots_per_replica: fleet.slots_per_replica,
        n_min: fleet.min_replicas,
        n_max: fleet.reach(),
        cancel_starts: fleet.cancel_starts,
        queue_timeout_us: fleet.queue_timeout_us.unwrap_or(NEVER),
        holds_requests: fleet.holds_requests,
        idle_caps: Arc::clone(&fleet.idle_caps),
        market: fleet.spot.map(|spot| Box::new(Market::new(spot, fleet.numbers(), fleet.seed))),
        pool: Pool::new(fleet, ledger),
        departures: Departures::default(),
        queue: VecDeque::new(),
        head: 0,
        triggered: 0,
        due: 0,
        next_due_us: NEVER,
        next_step_us: NEVER,
        last_arrival: 0,
        counts: Counts::default(),
        is_stopped,
        measure,
    };
    engine.begin();
    engine.run(requests)?;
    Ok((engine.pool.close(), engine.counts))
}

impl<M: Measure> Engine<'_, M> {
    /// What a schedule holds at the window start has run before.
    fn begin(&mut self) {
        if let Decide::Schedule(steps, _) = &self.decide {
            self.next_step_us = steps.get(1).map_or(NEVER, |it| it.0);
            let first = steps.first().filter(|it| it.0 == 0).map_or(0, |it| it.1);
            for _ in self.n_min..first.min(self.n_max) {
                if let (Some(number), Some(market)) =
                    (self.pool.begin_ready(Class::Elastic), &mut self.market)
                {
                    market.started(number, 0);
                }
            }
        }
    }

    fn run(&mut self, mut requests: impl Iterator<Item = Request>) -> Result<(), Impossible> {
        let mut arrival = requests.next().unwrap_or(NO_REQUEST);
        let mut turn = 0_u64;
        loop {
            turn += 1;
            if turn.is_multiple_of(BETWEEN_LOOKS) {
                self.look(turn)?;
            }
            let next_departure = self.departures.first().map_or(NEVER, Departure::at_us);
            let next_decision = self.next_decision(arrival.at_us);
            let next_blow = self.market.as_ref().map_or(NEVER, |it| it.next_us());
            // Most instants have an arrival or a departure and nothing else.
            let next_rare = self
                .pool
                .next_ready()
                .min(self.pool.next_idle_off())
                .min(next_decision)
                .min(next_blow)
                .min(self.next_expiry());
            let now = arrival.at_us.min(next_departure).min(next_rare);
            self.measure.until(now, &self.pool, self.queue.len());
            if arrival.at_us == NEVER && next_departure == NEVER && self.queue.is_empty() {
                if now > self.pool.ledger.window_us {
                    return Ok(());
                }
            } else if now >= HORIZON_US {
                return Err(self.why_too_late(now));
            }
            if let Decide::Periodic(periodic) = &mut self.decide {
                let in_service = self.pool.n_in_service;
                periodic.advance(now, self.queue.len() as u64 + in_service, in_service);
            }
            let mut changed = next_decision == now;
            let mut freed = false;
            if next_departure == now {
                changed |= self.decides_at_departures;
                freed = true;
                self.depart(now)?;
            }
            if next_rare == now {
                if next_blow == now {
                    (changed, freed) = (true, true);
                    self.interrupt(now);
                }
                if self.pool.next_ready() == now {
                    // A slot that a departure freed takes the request that waited longest.
                    if freed {
                        self.serve_queue(now)?;
                    }
                    (changed, freed) = (true, true);
                    self.become_ready(now);
                }
            }
            if freed && !self.queue.is_empty() {
                self.serve_queue(now)?;
            }
            while arrival.at_us == now {
                changed = true;
                self.arrive(arrival)?;
                arrival = requests.next().unwrap_or(NO_REQUEST);
            }
            // A request that an interruption sent back may be long due.
            if self.next_expiry() <= now {
                changed = true;
                self.expire(now);
            }
            while self.pool.next_idle_off() == now {
                let _ = self.pool.turn_off_idle(now);
            }
            if changed {
                self.scale(now)?;
            }
        }
    }

    /// Whether to go on.
    fn look(&self, turn: u64) -> Result<(), Impossible> {
        if self.measure.is_hopeless() {
            return Err(Impossible::Hopeless);
        }
        if turn.is_multiple_of(TURNS_BETWEEN_LOOKS) && (self.is_stopped)() {
            return Err(Impossible::Stopped);
        }
        Ok(())
    }

    /// Why the next instant is past the horizon.
    fn why_too_late(&self, now: u64) -> Impossible {
        match now {
            NEVER => Impossible::NeverServed { waiting: self.queue.len() as u64 },
            _ => Impossible::BeyondHorizon,
        }
    }

    #[inline]
    fn depart(&mut self, now: u64) -> Result<(), Impossible> {
        while let Some(departure) = self.departures.first() {
            if departure.at_us() != now {
                break;
            }
            let number = departure.replica();
            if self.market.is_none() && !self.queue.is_empty() && !self.pool.is_draining(number) {
                self.take_over(number, now)?;
                continue;
            }
            self.departures.pop();
            if let Some(market) = &mut self.market
                && let Some((request, began)) = market.ended(number, now)
            {
                self.book(request, began, number);
            }
            self.pool.release(number, now);
        }
        Ok(())
    }

    /// The request that waited longest takes the slot that is free first at this instant: of
    /// several, that of the lowest-numbered replica, as [`Self::serve_queue`] would choose, for no
    /// other slot is free while requests wait.
    #[inline]
    fn take_over(&mut self, number: u32, now: u64) -> Result<(), Impossible> {
        while let Some(request) = self.take_first() {
            self.book(request, now, number);
            if request.service_us > 0 {
                let leaves = now.saturating_add(request.service_us);
                if leaves >= HORIZON_US {
                    return Err(Impossible::BeyondHorizon);
                }
                self.pool.ledger.slot_busy_us += u128::from(self.pool.ledger.inside(now, leaves));
                self.departures.replace_first(Departure::new(leaves, number));
                return Ok(());
            }
        }
        self.departures.pop();
        self.pool.release(number, now);
        Ok(())
    }

    /// A request is served from `began` by a replica.
    #[inline]
    fn book(&mut self, request: Request, began: u64, number: u32) {
        self.counts.delayed += u64::from(self.pool.ready_at(number) > request.at_us);
        self.measure.record(began - request.at_us, request.prefill_us);
        self.counts.served_us += u128::from(request.service_us);
    }

    fn become_ready(&mut self, now: u64) {
        while self.pool.next_ready() == now {
            let number = self.pool.become_ready(now);
            if number.is_some_and(|it| self.pool.class_of(it) == Class::Elastic) {
                self.swap_out(now);
            }
        }
    }

    #[inline]
    fn serve_queue(&mut self, now: u64) -> Result<(), Impossible> {
        while !self.queue.is_empty() {
            let Some(replica) = self.pool.available() else { break };
            if let Some(request) = self.take_first() {
                self.serve(request, replica, now)?;
            }
        }
        Ok(())
    }

    /// The request that waited longest leaves the queue.
    #[inline]
    fn take_first(&mut self) -> Option<Request> {
        let first = self.queue.pop_front()?;
        self.head += 1;
        if self.head > self.due {
            self.due_from(self.head);
        }
        Some(first)
    }

    /// All before this place of the queue have reached the threshold, this one is the next.
    #[inline]
    fn due_from(&mut self, place: u64) {
        self.due = place;
        let waiting = usize::try_from(place - self.head).ok().and_then(|it| self.queue.get(it));
        self.next_due_us = waiting.map_or(NEVER, |it| it.at_us.saturating_add(self.threshold_us));
    }

    #[inline]
    fn arrive(&mut self, request: Request) -> Result<(), Impossible> {
        self.counts.requests += 1;
        self.counts.offered_us += u128::from(request.service_us);
        let gap = request.at_us - self.last_arrival;
        self.last_arrival = request.at_us;
        for (idle_us, most) in self.idle_caps.iter() {
            if gap >= *idle_us {
                self.n_max = self.n_max.min((*most).max(self.n_min));
            }
        }
        if self.queue.is_empty()
            && let Some(replica) = self.pool.available()
        {
            return self.serve(request, replica, request.at_us);
        }
        if self.n_max == 0 || (!self.holds_requests && self.pool.n_ready() == 0) {
            self.counts.refused += 1;
            if let Decide::Periodic(periodic) = &mut self.decide {
                periodic.refused(request.at_us);
            }
            // The scaler sees it all the same: a refused request wakes the fleet.
            let by_clock = matches!(self.decide, Decide::Never | Decide::Schedule(..));
            if self.pool.n_on() == 0 && self.n_max > 0 && !by_clock {
                self.start(request.at_us);
            }
            return Ok(());
        }
        if self.queue.len() >= MAX_WAITING {
            return Err(Impossible::TooManyWaiting);
        }
        self.queue.push_back(request);
        if self.next_due_us == NEVER {
            self.next_due_us = request.at_us.saturating_add(self.threshold_us);
        }
        Ok(())
    }

    #[inline]
    fn serve(&mut self, request: Request, replica: u32, now: u64) -> Result<(), Impossible> {
        let leaves = now.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        match &mut self.market {
            // Known to be served only at its end.
            Some(market) if request.service_us > 0 => market.began(replica, request, now, leaves),
            _ => {
                self.book(request, now, replica);
            }
        }
        if request.service_us == 0 {
            return Ok(());
        }
        self.pool.occupy(replica, now);
        self.pool.ledger.slot_busy_us += u128::from(self.pool.ledger.inside(now, leaves));
        self.departures.push(Departure::new(leaves, replica));
        Ok(())
    }

    /// When the request that has waited longest leaves unserved.
    #[inline]
    fn next_expiry(&self) -> u64 {
        if self.queue_timeout_us == NEVER {
            return NEVER;
        }
        self.queue.front().map_or(NEVER, |it| it.at_us.saturating_add(self.queue_timeout_us))
    }

    fn expire(&mut self, now: u64) {
        while self.next_expiry() <= now {
            self.take_first();
            self.counts.timed_out += 1;
        }
    }

    /// When the scaler decides next, besides at events.
    #[inline]
    fn next_decision(&mut self, next_arrival: u64) -> u64 {
        let Decide::Periodic(periodic) = &mut self.decide else {
            return self.next_due_us.min(self.next_step_us);
        };
        let idle = self.queue.is_empty() && self.pool.n_in_service == 0;
        if idle && self.pool.n_on() == self.n_min {
            periodic.sleep_until(next_arrival);
        }
        periodic.next_us
    }

    fn scale(&mut self, now: u64) -> Result<(), Impossible> {
        self.swap_in(now);
        match &mut self.decide {
            Decide::QueueDelay(_) => self.by_queue_delay(now),
            Decide::RequestCount(requests) => {
                let in_flight = self.queue.len() as u64 + self.pool.n_in_service;
                let requests = u64::from(*requests);
                // ceil(in flight / requests) are wanted.
                while u64::from(self.pool.n_on()) * requests < in_flight
                    && self.pool.n_on() < self.n_max
                {
                    if !self.start(now) {
                        break;
                    }
                }
            }
            Decide::Schedule(steps, at) => {
                while steps.get(*at + 1).is_some_and(|it| it.0 <= now) {
                    *at += 1;
                }
                self.next_step_us = steps.get(*at + 1).map_or(NEVER, |it| it.0);
                let wanted = steps.get(*at).map_or(0, |it| it.1);
                self.follow(wanted, now);
            }
            Decide::Periodic(periodic) if periodic.next_us <= now => {
                let view = View {
                    on: self.pool.n_on(),
                    ready: self.pool.n_ready(),
                    slots: self.slots_per_replica,
                    min: self.n_min,
                    in_flight: self.queue.len() as u64 + self.pool.n_in_service,
                };
                let wanted = periodic.decide(now, view);
                self.follow(wanted, now);
            }
            Decide::Never | Decide::Periodic(_) => {}
        }
        while self.cancel_starts
            && self.pool.n_starting() > 0
            && self.slots * (self.pool.n_starting() - 1) >= self.queue.len() as u64
        {
            self.pool.cancel_start(now);
        }
        // An idle cap of none: who still waits would wait for ever.
        if self.n_max == 0 && self.pool.n_on() == 0 {
            self.counts.refused += self.queue.len() as u64;
            self.head += self.queue.len() as u64;
            self.queue.clear();
            self.due_from(self.head);
        }
        let n_allowed = STARTS_ALWAYS + STARTS_PER_REQUEST.saturating_mul(self.counts.requests);
        if self.pool.ledger.n_starts > n_allowed { Err(Impossible::Thrashing) } else { Ok(()) }
    }

    fn by_queue_delay(&mut self, now: u64) {
        if self.queue.is_empty() {
            return;
        }
        self.triggered = self.triggered.max(self.head);
        while self.next_due_us <= now {
            self.due_from(self.due + 1);
        }
        let n_older = self.due - self.head;
        while self.triggered < self.due
            && n_older > self.slots * self.pool.n_starting()
            && self.pool.n_on() < self.n_max
            && self.start(now)
        {
            self.triggered += 1;
        }
    }

    /// Starts or retires until as many are on as wanted. Nothing Starting is cancelled: what is too
    /// many then leaves once it is Ready.
    fn follow(&mut self, wanted: u32, now: u64) {
        let wanted = wanted.clamp(self.n_min, self.n_max.max(self.n_min));
        while self.pool.n_on() < wanted + self.n_swapped() && self.start(now) {}
        // What is wanted stays Ready until what starts in its place is. On demand leaves first.
        while self.pool.n_on() > wanted + self.n_swapped()
            && self.pool.n_ready() > wanted
            && (self.market.is_some() && self.pool.retire_fallback(now)
                || self.pool.retire_highest(now))
        {}
    }

    /// Replicas on demand in whose place another starts: each is one too many for a while.
    fn n_swapped(&self) -> u32 {
        match self.market.as_ref().map_or(0, |it| it.n_swaps) {
            0 => 0,
            swaps => swaps.min(self.pool.count_of(Class::Fallback)),
        }
    }

    /// Starts a replica where capacity can be had.
    fn start(&mut self, now: u64) -> bool {
        let Some(market) = &mut self.market else {
            return self.pool.start(now, Class::Elastic).is_some();
        };
        if market.out_until.is_none() {
            let started = self.pool.start(now, Class::Elastic);
            started.map(|number| market.started(number, now)).is_some()
        } else {
            let stands_in =
                market.has_fallback() && self.pool.start(now, Class::Fallback).is_some();
            market.stands_in |= stands_in;
            stands_in
        }
    }
}
