//! The replicas of a fleet: which are Off, Starting, Ready, busy, draining, and since when.

use std::collections::VecDeque;

use super::ledger::{Class, Ledger};
use super::number_set::NumberSet;
use super::plan::{Delay, FleetSpec};
use super::random::Random;

/// No replica, and no instant.
const NONE: u32 = u32::MAX;
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Replica {
    in_service: u32,
    /// Neighbours in the list of idle replicas that may go Off.
    idle_before: u32,
    idle_after: u32,
    class: Class,
    /// Serves what it has and then goes Off.
    draining: bool,
    started: u64,
    ready: u64,
    /// Since when it has been busy.
    busy_since: u64,
    /// When it goes Off if it stays idle.
    off_at: u64,
}

const OFF: Replica = Replica {
    in_service: 0,
    idle_before: NONE,
    idle_after: NONE,
    class: Class::Elastic,
    draining: false,
    started: 0,
    ready: NEVER,
    busy_since: 0,
    off_at: NEVER,
};

/// All replicas with their books.
#[derive(Debug)]
pub(super) struct Pool {
    replicas: Vec<Replica>,
    slots: u32,
    n_min: u32,
    idle_timeout: Delay,
    cold_start: Delay,
    random: Random,
    /// Ready with a free slot, not draining.
    available: NumberSet,
    /// Ready, not draining, above the minimum.
    ready: NumberSet,
    off: NumberSet,
    /// Starting replicas in order of becoming Ready.
    starting: VecDeque<(u64, u32)>,
    /// When the first of them does.
    next_ready_us: u64,
    /// Idle replicas that may go Off, the next to go first.
    first_idle: u32,
    last_idle: u32,
    /// When the first of them goes.
    next_idle_off_us: u64,
    n_on: u32,
    n_ready: u32,
    n_busy: u32,
    pub(super) n_in_service: u64,
    pub(super) ledger: Ledger,
}

impl Pool {
    /// The fleet at the window start: the minimum and what a schedule holds then Ready, the rest
    /// Off. The fleet has been checked.
    pub(super) fn new(fleet: &FleetSpec, ledger: Ledger) -> Pool {
        let reach = fleet.numbers();
        let mut pool = Pool {
            replicas: vec![OFF; reach as usize],
            slots: fleet.slots_per_replica,
            n_min: fleet.min_replicas,
            idle_timeout: if fleet.scaler.leaves_by_idle_timeout() {
                fleet.idle_timeout
            } else {
                Delay::Constant(NEVER)
            },
            cold_start: fleet.cold_start,
            random: Random::new(fleet.seed),
            available: NumberSet::new(reach),
            ready: NumberSet::new(reach),
            off: NumberSet::new(reach),
            starting: VecDeque::with_capacity((reach - fleet.min_replicas) as usize),
            next_ready_us: NEVER,
            first_idle: NONE,
            last_idle: NONE,
            next_idle_off_us: NEVER,
            n_on: fleet.min_replicas,
            n_ready: fleet.min_replicas,
            n_busy: 0,
            n_in_service: 0,
            ledger,
        };
        for number in 0..reach {
            if number < fleet.min_replicas {
                let base = Replica { class: Class::Base, ready: 0, ..OFF };
                pool.replicas[number as usize] = base;
                pool.available.insert(number);
            } else {
                pool.off.insert(number);
            }
        }
        pool
    }

    /// Replicas Ready or Starting, without those that drain.
    pub(super) const fn n_on(&self) -> u32 {
        self.n_on
    }

    /// Replicas Ready, without those that drain.
    pub(super) const fn n_ready(&self) -> u32 {
        self.n_ready
    }

    /// Replicas Ready, those that drain included.
    pub(super) fn n_up(&self) -> u64 {
        u64::from(self.ledger.n_on()).saturating_sub(self.n_starting())
    }

    /// Replicas with a request in service.
    pub(super) const fn n_busy(&self) -> u32 {
        self.n_busy
    }

    /// Replicas Starting.
    pub(super) fn n_starting(&self) -> u64 {
        self.starting.len() as u64
    }

    /// The lowest-numbered Ready replica with a free slot.
    #[inline]
    pub(super) fn available(&self) -> Option<u32> {
        self.available.lowest()
    }

    /// When a replica became Ready; [`NEVER`] while it has not.
    #[inline]
    pub(super) fn ready_at(&self, number: u32) -> u64 {
        self.replicas[number as usize].ready
    }

    /// Whether a replica takes no more requests and goes Off once it serves none.
    #[inline]
    pub(super) fn is_draining(&self, number: u32) -> bool {
        self.replicas[number as usize].draining
    }

    /// At which price a replica runs, or last ran.
    pub(super) fn class_of(&self, number: u32) -> Class {
        self.replicas[number as usize].class
    }

    /// When a replica started, if it is on.
    pub(super) fn started_at(&self, number: u32) -> Option<u64> {
        (!self.off.contains(number)).then(|| self.replicas[number as usize].started)
    }

    /// A request takes a slot of an available replica.
    #[inline]
    pub(super) fn occupy(&mut self, number: u32, now: u64) {
        let replica = &mut self.replicas[number as usize];
        let was_idle = replica.in_service == 0;
        replica.in_service += 1;
        if replica.in_service == self.slots {
            self.available.remove(number);
        }
        if was_idle {
            replica.busy_since = now;
            self.n_busy += 1;
            if number >= self.n_min {
                self.unlink_idle(number);
            }
        }
        self.n_in_service += 1;
    }

    /// A request leaves its slot.
    #[inline]
    pub(super) fn release(&mut self, number: u32, now: u64) {
        let replica = &mut self.replicas[number as usize];
        if replica.in_service == self.slots && !replica.draining {
            self.available.insert(number);
        }
        replica.in_service -= 1;
        self.n_in_service -= 1;
        if replica.in_service == 0 {
            self.n_busy -= 1;
            let (class, draining) = (replica.class, replica.draining);
            let busy = self.ledger.inside(replica.busy_since, now);
            self.ledger.of(class).busy_us += busy;
            if draining {
                self.end(number, now);
            } else if number >= self.n_min {
                self.link_idle(number, now);
            }
        }
    }

    /// When the next Starting replica becomes Ready.
    #[inline]
    pub(super) const fn next_ready(&self) -> u64 {
        self.next_ready_us
    }

    fn starting_changed(&mut self) {
        self.next_ready_us = self.starting.front().map_or(NEVER, |first| first.0);
    }

    /// The replica that is due becomes Ready.
    pub(super) fn become_ready(&mut self, now: u64) -> Option<u32> {
        let (_, number) = self.starting.pop_front()?;
        self.starting_changed();
        self.make_ready(number, now);
        Some(number)
    }

    fn make_ready(&mut self, number: u32, now: u64) {
        self.replicas[number as usize].ready = now;
        self.n_ready += 1;
        self.available.insert(number);
        self.ready.insert(number);
        self.link_idle(number, now);
    }

    /// The lowest-numbered Off replica starts, if one is Off.
    pub(super) fn start(&mut self, now: u64, class: Class) -> Option<u32> {
        let number = self.switch_on(now, class)?;
        let ready = now.saturating_add(self.cold_start.draw(&mut self.random));
        // Where all starts take equally long, the last to start is the last to be Ready.
        if self.starting.back().is_none_or(|it| it.0 <= ready) {
            self.starting.push_back((ready, number));
        } else {
            let place = self.starting.partition_point(|it| it.0 <= ready);
            self.starting.insert(place, (ready, number));
        }
        self.starting_changed();
        self.ledger.starts(now);
        Some(number)
    }

    /// The lowest-numbered Off replica is Ready at the window start: it has run before.
    pub(super) fn begin_ready(&mut self, class: Class) -> Option<u32> {
        let number = self.switch_on(0, class)?;
        self.make_ready(number, 0);
        Some(number)
    }

    fn switch_on(&mut self, now: u64, class: Class) -> Option<u32> {
        let number = self.off.lowest()?;
        self.off.remove(number);
        self.replicas[number as usize] = Replica { started: now, class, ..OFF };
        self.n_on += 1;
        self.ledger.on_changes(now, 1);
        Some(number)
    }

    /// The youngest start ends, of several the highest-numbered: nobody knows which of them would
    /// be Ready last.
    pub(super) fn cancel_start(&mut self, now: u64) -> Option<()> {
        let age = |it: &(u64, u32)| (self.replicas[it.1 as usize].started, it.1);
        let youngest = (0..self.starting.len()).max_by_key(|place| age(&self.starting[*place]));
        let (_, number) = youngest.and_then(|place| self.starting.remove(place))?;
        self.starting_changed();
        let inside = self.replicas[number as usize].started < self.ledger.window_us;
        self.ledger.n_cancelled_starts += u64::from(inside);
        self.n_on -= 1;
        self.end(number, now);
        Some(())
    }

    /// When the next idle replica goes Off.
    #[inline]
    pub(super) const fn next_idle_off(&self) -> u64 {
        self.next_idle_off_us
    }

    /// The next idle replica goes Off.
    pub(super) fn turn_off_idle(&mut self, now: u64) -> Option<u32> {
        let number = self.first_idle;
        (number != NONE).then(|| {
            self.retire(number, now);
            number
        })
    }

    /// The highest-numbered Ready replica above the minimum leaves; false when there is none.
    pub(super) fn retire_highest(&mut self, now: u64) -> bool {
        let highest = self.ready.highest();
        highest.inspect(|number| self.retire(*number, now)).is_some()
    }

    /// The highest-numbered Ready one on demand leaves; false when there is none.
    pub(super) fn retire_fallback(&mut self, now: u64) -> bool {
        let is_on_demand =
            |it: &u32| self.ready.contains(*it) && self.class_of(*it) == Class::Fallback;
        let highest = (0..self.numbers()).rev().find(is_on_demand);
        highest.inspect(|number| self.retire(*number, now)).is_some()
    }

    /// The highest-numbered one on demand that starts goes Off; false when there is none.
    pub(super) fn end_start_of_fallback(&mut self, now: u64) -> bool {
        let numbers = self.starting.iter().map(|it| it.1);
        let highest = numbers.filter(|it| self.class_of(*it) == Class::Fallback).max();
        highest.inspect(|number| self.interrupt(*number, now)).is_some()
    }

    /// Replicas of a class that are Starting.
    pub(super) fn n_starting_of(&self, class: Class) -> u32 {
        let starting = self.starting.iter().filter(|it| self.class_of(it.1) == class);
        u32::try_from(starting.count()).unwrap_or(u32::MAX)
    }

    fn numbers(&self) -> u32 {
        u32::try_from(self.replicas.len()).unwrap_or(u32::MAX)
    }

    /// A Ready replica takes no more requests and goes Off once it serves none.
    pub(super) fn retire(&mut self, number: u32, now: u64) {
        self.n_on -= 1;
        self.n_ready -= 1;
        self.ready.remove(number);
        self.available.remove(number);
        if self.replicas[number as usize].in_service == 0 {
            self.unlink_idle(number);
            self.end(number, now);
        } else {
            self.replicas[number as usize].draining = true;
        }
    }

    /// A replica is told to leave, whether it is Starting, Ready or draining already.
    pub(super) fn interrupt(&mut self, number: u32, now: u64) {
        if let Some(place) = self.starting.iter().position(|it| it.1 == number) {
            self.starting.remove(place);
            self.starting_changed();
            self.n_on -= 1;
            self.end(number, now);
        } else if self.ready.contains(number) {
            self.retire(number, now);
        }
    }

    /// What a draining replica serves ends with it.
    pub(super) fn kill(&mut self, number: u32, now: u64) {
        let replica = &mut self.replicas[number as usize];
        let (class, in_service, since) = (replica.class, replica.in_service, replica.busy_since);
        replica.in_service = 0;
        self.n_in_service -= u64::from(in_service);
        self.n_busy -= u32::from(in_service > 0);
        let busy = self.ledger.inside(since, now);
        self.ledger.of(class).busy_us += busy;
        self.end(number, now);
    }

    /// Books a lifetime.
    fn end(&mut self, number: u32, now: u64) {
        let replica = self.replicas[number as usize];
        self.off.insert(number);
        self.ledger.on_changes(now, -1);
        self.ledger.lifetime(replica.class, replica.started, replica.ready, now);
    }

    /// Replicas of a class that are on and not draining.
    pub(super) fn count_of(&self, class: Class) -> u32 {
        let numbers = (0_u32..).zip(&self.replicas);
        let on =
            numbers.filter(|(n, it)| it.class == class && !it.draining && !self.off.contains(*n));
        u32::try_from(on.count()).unwrap_or(u32::MAX)
    }

    /// Cost from the window start to `at`: lifetimes that ended as they were billed, those that run
    /// by their time so far.
    pub(super) fn nano_cost_at(&self, at: u64) -> Option<i128> {
        let mut nano = self.ledger.nano_ended(self.n_min, at)?;
        for (number, replica) in (0_u32..).zip(&self.replicas) {
            if number >= self.n_min && !self.off.contains(number) {
                let Replica { class, started, ready, .. } = *replica;
                nano = nano.checked_add(self.ledger.nano_running(class, started, ready, at)?)?;
            }
        }
        Some(nano)
    }

    /// Cuts what still runs at the window end and hands over the books. Nothing is in service.
    pub(super) fn close(mut self) -> Ledger {
        for (number, replica) in (0_u32..).zip(&self.replicas) {
            if number >= self.n_min && !self.off.contains(number) {
                self.ledger.lifetime(replica.class, replica.started, replica.ready, NEVER);
            }
        }
        self.ledger.close(self.n_min);
        self.ledger
    }

    /// Puts an idle replica into the list by the time it goes Off: at the end, where all wait
    /// equally long.
    fn link_idle(&mut self, number: u32, now: u64) {
        let off_at = now.saturating_add(self.idle_timeout.draw(&mut self.random));
        let mut before = self.last_idle;
        while let Some(other) = self.replicas.get(before as usize) {
            if other.off_at <= off_at {
                break;
            }
            before = other.idle_before;
        }
        let after = match self.replicas.get_mut(before as usize) {
            Some(before) => std::mem::replace(&mut before.idle_after, number),
            None => std::mem::replace(&mut self.first_idle, number),
        };
        match self.replicas.get_mut(after as usize) {
            Some(after) => after.idle_before = number,
            None => self.last_idle = number,
        }
        let replica = &mut self.replicas[number as usize];
        replica.off_at = off_at;
        replica.idle_before = before;
        replica.idle_after = after;
        if before == NONE {
            self.next_idle_off_us = off_at;
        }
    }

    fn unlink_idle(&mut self, number: u32) {
        let Replica { idle_before, idle_after, .. } = self.replicas[number as usize];
        match self.replicas.get_mut(idle_before as usize) {
            Some(before) => before.idle_after = idle_after,
            None => self.first_idle = idle_after,
        }
        match self.replicas.get_mut(idle_after as usize) {
            Some(after) => after.idle_before = idle_before,
            None => self.last_idle = idle_before,
        }
        if idle_before == NONE {
            let first = self.replicas.get(idle_after as usize);
            self.next_idle_off_us = first.map_or(NEVER, |it| it.off_at);
        }
    }
}
