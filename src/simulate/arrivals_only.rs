//! The short way for one request per replica where all starts and all idle timeouts take equally
//! long: only arrivals are events.
//!
//! What happened since the last arrival is made up for at the next one, departures first and then
//! idle replicas that left, each in order of time. A start needs no event: its request is served
//! when it ends. Rules and outcome are those of [`super::per_request`].

use std::collections::VecDeque;

use super::engine::Counts;
use super::heap::{Departure, Departures};
use super::latency::Measure;
use super::ledger::{Class, Ledger};
use super::outcome::Impossible;
use super::plan::{FleetSpec, HORIZON_US};
use super::pool::NEVER;
use super::service::Request;

#[derive(Clone, Copy, Debug, Default)]
struct Replica {
    /// How many had started before it.
    age: u64,
    started: u64,
    ready: u64,
    busy_since: u64,
    leaves: u64,
    /// Neighbours among the idle replicas that may go Off, the next to go first.
    before: u32,
    after: u32,
    off_at: u64,
}

struct Functions<'a, M> {
    ledger: Ledger,
    cold_start_us: u64,
    idle_timeout_us: u64,
    n_min: u32,
    n_on: u32,
    n_max: u32,
    /// The last one is no replica: before the first idle one and after the last.
    replicas: Vec<Replica>,
    none: u32,
    /// Numbers that are Off and have been on before; others are Off from `n_used` on.
    off: Vec<u32>,
    n_used: u32,
    departures: Departures,
    /// Idle replicas by age, the youngest last.
    idle: VecDeque<(u64, u32)>,
    counts: Counts,
    measure: &'a mut M,
}

/// Replays `requests` on a checked fleet of replicas with one slot, whose starts take
/// `cold_start_us` and whose idle replicas leave after `idle_timeout_us`.
pub(super) fn replay(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    [cold_start_us, idle_timeout_us]: [u64; 2],
    ledger: Ledger,
    measure: &mut impl Measure,
) -> Result<(Ledger, Counts), Impossible> {
    let (n_min, n_max) = (fleet.min_replicas, fleet.reach());
    let none = Replica { before: n_max, after: n_max, off_at: NEVER, ..Replica::default() };
    let mut functions = Functions {
        ledger,
        cold_start_us,
        idle_timeout_us,
        n_min,
        n_on: n_min,
        n_max,
        replicas: vec![none; n_max as usize + 1],
        none: n_max,
        off: Vec::new(),
        n_used: n_min,
        departures: Departures::default(),
        idle: (0..n_min).map(|number| (0, number)).collect(),
        counts: Counts::default(),
        measure,
    };
    let mut now = 0;
    for request in requests {
        if request.at_us > now {
            now = request.at_us;
            functions.catch_up(now);
        }
        functions.arrive(request)?;
    }
    functions.catch_up(NEVER);
    // Those that never leave.
    while let Some(number) = functions.first_idle() {
        functions.turn_off(number, NEVER);
    }
    functions.ledger.close(n_min);
    Ok((functions.ledger, functions.counts))
}

impl<M: Measure> Functions<'_, M> {
    /// Departures to `now`, and idle replicas that left before it: at `now` an arrival comes first.
    #[inline]
    fn catch_up(&mut self, now: u64) {
        while let Some(departure) = self.departures.first().filter(|it| it.at_us() <= now) {
            self.departures.pop();
            self.becomes_idle(departure.replica());
        }
        loop {
            let first = self.replicas[self.none as usize].after;
            let off_at = self.replicas[first as usize].off_at;
            if off_at >= now {
                break;
            }
            self.turn_off(first, off_at);
        }
    }

    /// The idle replica that goes Off next.
    fn first_idle(&self) -> Option<u32> {
        let first = self.replicas[self.none as usize].after;
        (first != self.none).then_some(first)
    }

    #[inline]
    fn becomes_idle(&mut self, number: u32) {
        let replica = &mut self.replicas[number as usize];
        let now = replica.leaves;
        let key = (replica.age, number);
        let busy = self.ledger.inside(replica.busy_since, now);
        let class = if number < self.n_min { Class::Base } else { Class::Elastic };
        self.ledger.of(class).busy_us += busy;
        if self.idle.back().is_none_or(|it| *it < key) {
            self.idle.push_back(key);
        } else {
            let place = self.idle.partition_point(|it| *it < key);
            self.idle.insert(place, key);
        }
        if number >= self.n_min {
            let off_at = now.saturating_add(self.idle_timeout_us);
            replica.off_at = off_at;
            let mut after = self.none;
            let mut before = self.replicas[after as usize].before;
            while before != self.none && self.replicas[before as usize].off_at > off_at {
                (before, after) = (self.replicas[before as usize].before, before);
            }
            self.join(before, number);
            self.join(number, after);
        }
    }

    #[inline]
    fn join(&mut self, before: u32, after: u32) {
        self.replicas[before as usize].after = after;
        self.replicas[after as usize].before = before;
    }

    fn turn_off(&mut self, number: u32, now: u64) {
        let Replica { age, started, ready, before, after, .. } = self.replicas[number as usize];
        self.join(before, after);
        if let Ok(place) = self.idle.binary_search(&(age, number)) {
            self.idle.remove(place);
        }
        self.off.push(number);
        self.n_on -= 1;
        self.ledger.on_changes(now, -1);
        self.ledger.lifetime(Class::Elastic, started, ready, now);
    }

    #[inline]
    fn arrive(&mut self, request: Request) -> Result<(), Impossible> {
        self.counts.requests += 1;
        self.counts.offered_us += u128::from(request.service_us);
        if let Some((_, number)) = self.idle.pop_back() {
            if number >= self.n_min {
                let Replica { before, after, .. } = self.replicas[number as usize];
                self.join(before, after);
            }
            return self.serve(request, number, request.at_us);
        }
        if self.n_on == self.n_max {
            self.counts.refused += 1;
            return Ok(());
        }
        let number = self.start(request.at_us);
        self.counts.delayed += u64::from(self.cold_start_us > 0);
        self.serve(request, number, self.replicas[number as usize].ready)
    }

    fn start(&mut self, now: u64) -> u32 {
        let number = self.off.pop().unwrap_or_else(|| {
            self.n_used += 1;
            self.n_used - 1
        });
        self.n_on += 1;
        self.ledger.starts(now);
        self.ledger.on_changes(now, 1);
        let replica = &mut self.replicas[number as usize];
        replica.age = self.ledger.n_starts;
        replica.started = now;
        replica.ready = now.saturating_add(self.cold_start_us);
        number
    }

    #[inline]
    fn serve(&mut self, request: Request, number: u32, now: u64) -> Result<(), Impossible> {
        let leaves = now.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        self.measure.record(now - request.at_us, request.prefill_us);
        self.counts.served_us += u128::from(request.service_us);
        let replica = &mut self.replicas[number as usize];
        replica.busy_since = now;
        replica.leaves = leaves;
        self.ledger.slot_busy_us += u128::from(self.ledger.inside(now, leaves));
        // Without service time it holds its replica to the end of the instant.
        self.departures.push(Departure::new(leaves.max(now + 1), number));
        Ok(())
    }
}
