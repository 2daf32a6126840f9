//! The replicas of a fleet: which are Off, Starting, Ready, busy, and since when.

use std::collections::VecDeque;

use super::ledger::Ledger;
use super::plan::FleetSpec;

/// No replica, and no instant.
const NONE: u32 = u32::MAX;
pub(super) const NEVER: u64 = u64::MAX;

/// A set of replica numbers that finds its lowest member in two steps per 4,096.
#[derive(Debug)]
struct NumberSet {
    words: Vec<u64>,
    /// Bit w is set when word w is not empty.
    summary: Vec<u64>,
}

impl NumberSet {
    fn new(n: u32) -> NumberSet {
        let words = n.div_ceil(64) as usize;
        NumberSet { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    #[inline]
    fn insert(&mut self, number: u32) {
        let word = (number / 64) as usize;
        self.words[word] |= 1 << (number % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    #[inline]
    fn remove(&mut self, number: u32) {
        let word = (number / 64) as usize;
        self.words[word] &= !(1 << (number % 64));
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
    }

    #[inline]
    fn lowest(&self) -> Option<u32> {
        let group = self.summary.iter().position(|bits| *bits != 0)?;
        let word = group * 64 + self.summary[group].trailing_zeros() as usize;
        let bit = self.words[word].trailing_zeros();
        u32::try_from(word * 64).ok().map(|base| base + bit)
    }
}

#[derive(Clone, Copy, Debug)]
struct Replica {
    in_service: u32,
    /// Neighbours in the list of idle replicas that may go Off.
    idle_before: u32,
    idle_after: u32,
    started: u64,
    ready: u64,
    /// Since when it has been busy, or idle.
    since: u64,
}

const OFF: Replica = Replica {
    in_service: 0,
    idle_before: NONE,
    idle_after: NONE,
    started: 0,
    ready: NEVER,
    since: 0,
};

/// All replicas with their books.
#[derive(Debug)]
pub(super) struct Pool {
    replicas: Vec<Replica>,
    slots: u32,
    n_min: u32,
    idle_timeout_us: u64,
    cold_start_us: u64,
    /// Ready with a free slot.
    available: NumberSet,
    off: NumberSet,
    /// Starting replicas; all starts take the same time, so in order of becoming Ready.
    starting: VecDeque<(u64, u32)>,
    /// Idle replicas that may go Off, the longest idle first.
    first_idle: u32,
    last_idle: u32,
    n_on: u32,
    pub(super) n_in_service: u64,
    pub(super) n_starts: u64,
    pub(super) ledger: Ledger,
}

impl Pool {
    /// The fleet at the window start: the minimum Ready, the rest Off. The fleet has been checked.
    pub(super) fn new(fleet: &FleetSpec, ledger: Ledger) -> Pool {
        let reach = fleet.reach();
        let mut pool = Pool {
            replicas: vec![OFF; reach as usize],
            slots: fleet.slots_per_replica,
            n_min: fleet.min_replicas,
            idle_timeout_us: fleet.idle_timeout_us,
            cold_start_us: fleet.cold_start_us,
            available: NumberSet::new(reach),
            off: NumberSet::new(reach),
            starting: VecDeque::with_capacity((reach - fleet.min_replicas) as usize),
            first_idle: NONE,
            last_idle: NONE,
            n_on: fleet.min_replicas,
            n_in_service: 0,
            n_starts: 0,
            ledger,
        };
        for number in 0..reach {
            if number < fleet.min_replicas {
                pool.replicas[number as usize].ready = 0;
                pool.available.insert(number);
            } else {
                pool.off.insert(number);
            }
        }
        pool
    }

    /// Replicas Ready or Starting.
    pub(super) const fn n_on(&self) -> u32 {
        self.n_on
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
            replica.since = now;
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
        if replica.in_service == self.slots {
            self.available.insert(number);
        }
        replica.in_service -= 1;
        self.n_in_service -= 1;
        if replica.in_service == 0 {
            let busy = self.ledger.inside(replica.since, now);
            if number >= self.n_min {
                self.ledger.busy_us += busy;
                self.link_idle(number, now);
            } else {
                self.ledger.base_busy_us += busy;
            }
        }
    }

    /// When the next Starting replica becomes Ready.
    #[inline]
    pub(super) fn next_ready(&self) -> u64 {
        self.starting.front().map_or(NEVER, |first| first.0)
    }

    /// The replica that is due becomes Ready.
    pub(super) fn become_ready(&mut self, now: u64) {
        if let Some((_, number)) = self.starting.pop_front() {
            self.replicas[number as usize].ready = now;
            self.available.insert(number);
            self.link_idle(number, now);
        }
    }

    /// The lowest-numbered Off replica starts, if one is Off.
    pub(super) fn start(&mut self, now: u64) {
        let Some(number) = self.off.lowest() else { return };
        self.off.remove(number);
        self.replicas[number as usize] = Replica { started: now, ..OFF };
        self.starting.push_back((now.saturating_add(self.cold_start_us), number));
        self.n_on += 1;
        self.n_starts += 1;
        self.ledger.on_changes(now, 1);
    }

    /// When the replica that has been idle longest goes Off.
    #[inline]
    pub(super) fn next_idle_off(&self) -> u64 {
        match self.replicas.get(self.first_idle as usize) {
            Some(replica) => replica.since.saturating_add(self.idle_timeout_us),
            None => NEVER,
        }
    }

    /// The replica that has been idle longest goes Off.
    pub(super) fn turn_off_idle(&mut self, now: u64) {
        let number = self.first_idle;
        let Some(replica) = self.replicas.get(number as usize).copied() else { return };
        self.unlink_idle(number);
        self.available.remove(number);
        self.off.insert(number);
        self.n_on -= 1;
        self.ledger.on_changes(now, -1);
        self.ledger.lifetime(replica.started, replica.ready, now);
    }

    /// Cuts what still runs at the window end and hands over the books. Nothing is in service.
    pub(super) fn close(mut self) -> (Ledger, u64) {
        for (number, replica) in (0_u32..).zip(&self.replicas) {
            let off = self.off.words[(number / 64) as usize] >> (number % 64) & 1 == 1;
            if number >= self.n_min && !off {
                self.ledger.lifetime(replica.started, replica.ready, NEVER);
            }
        }
        self.ledger.close();
        (self.ledger, self.n_starts)
    }

    fn link_idle(&mut self, number: u32, now: u64) {
        let before = self.last_idle;
        let replica = &mut self.replicas[number as usize];
        replica.since = now;
        replica.idle_before = before;
        replica.idle_after = NONE;
        match self.replicas.get_mut(before as usize) {
            Some(last) => last.idle_after = number,
            None => self.first_idle = number,
        }
        self.last_idle = number;
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_number_is_found_across_words() {
        let mut set = NumberSet::new(10_000);
        assert_eq!(set.lowest(), None);
        for number in [9_999, 4_097, 4_096, 70, 64, 3] {
            set.insert(number);
            assert_eq!(set.lowest(), Some(number));
        }
        for number in [3, 64, 70, 4_096, 4_097] {
            assert_eq!(set.lowest(), Some(number));
            set.remove(number);
        }
        assert_eq!(set.lowest(), Some(9_999));
    }
}
