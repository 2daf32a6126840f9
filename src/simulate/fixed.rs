//! The short way for a fleet that never changes: no events, only the times at which slots are free.
//!
//! Requests are served in order, so each takes the slot that is free first; the books and the
//! choice of replica are those of the engine, and so is the outcome. Where all slots belong to one
//! replica, or every replica has one, nothing has to be chosen and a heap of free times is all.

use super::engine::Counts;
use super::heap::{Departure, Departures};
use super::latency::{BETWEEN_LOOKS, Measure};
use super::ledger::{Class, Ledger};
use super::number_set::NumberSet;
use super::outcome::Impossible;
use super::plan::{FleetSpec, HORIZON_US};
use super::service::Request;

/// Slots up to which room for all departures is taken before the first request.
const RESERVED_SLOTS: u64 = 1 << 16;

/// Replays `requests` on a checked fleet of minimum replicas only.
pub(super) fn replay(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    ledger: Ledger,
    measure: &mut impl Measure,
) -> Result<(Ledger, Counts), Impossible> {
    let n_slots = u64::from(fleet.slots_per_replica) * u64::from(fleet.min_replicas);
    if (fleet.min_replicas == 1 || fleet.slots_per_replica == 1) && n_slots <= RESERVED_SLOTS {
        return by_free_times(requests, fleet, ledger, measure);
    }
    let mut replicas = Replicas::new(fleet, ledger);
    let room = usize::try_from(n_slots.min(RESERVED_SLOTS)).unwrap_or(0);
    // Per slot in use, when it is free again: requests already waiting for it included.
    let mut frees = Departures::with_capacity(room);
    let mut counts = Counts::default();
    let mut slot_busy_us = 0;
    let window_us = replicas.ledger.window_us;
    for request in requests {
        if counts.requests.is_multiple_of(BETWEEN_LOOKS) && measure.is_hopeless() {
            return Err(Impossible::Hopeless);
        }
        counts.requests += 1;
        counts.offered_us += u128::from(request.service_us);
        // Of the slots that are free by now the last stays in the heap, for the next to leave.
        while frees.second_us() <= request.at_us {
            if let Some(free) = frees.pop() {
                replicas.release(free);
            }
        }
        let mut is_in_heap = false;
        if let Some(free) = frees.first().filter(|it| it.at_us() <= request.at_us) {
            is_in_heap = true;
            replicas.release(free);
        }
        let (replica, starts) = match (replicas.available.lowest(), frees.first()) {
            (Some(replica), _) => (replica, request.at_us),
            (None, Some(free)) => (free.replica(), free.at_us()),
            // A checked fleet has a slot, and a slot is free or has a departure.
            (None, None) => return Err(Impossible::NoReplicas),
        };
        measure.record(starts - request.at_us, request.prefill_us);
        if request.service_us == 0 {
            if is_in_heap {
                frees.pop();
            }
            continue;
        }
        let leaves = starts.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        slot_busy_us += u128::from(leaves.min(window_us).saturating_sub(starts));
        let departure = Departure::new(leaves, replica);
        if starts > request.at_us {
            frees.replace_first(departure);
            continue;
        }
        replicas.occupy(replica, starts);
        if is_in_heap {
            frees.replace_first(departure);
        } else {
            frees.push(departure);
        }
    }
    while let Some(free) = frees.pop() {
        replicas.release(free);
    }
    let mut ledger = replicas.ledger;
    ledger.of(Class::Base).busy_us = replicas.busy_us;
    ledger.slot_busy_us = slot_busy_us;
    ledger.close(fleet.min_replicas);
    counts.served_us = counts.offered_us;
    Ok((ledger, counts))
}

/// Which replicas have a free slot, and how long all of them were busy.
struct Replicas {
    ledger: Ledger,
    slots: u32,
    available: NumberSet,
    /// Requests in service, and since when there are any.
    serves: Vec<(u32, u64)>,
    busy_us: u64,
}

impl Replicas {
    fn new(fleet: &FleetSpec, ledger: Ledger) -> Replicas {
        let mut available = NumberSet::new(fleet.min_replicas);
        (0..fleet.min_replicas).for_each(|number| available.insert(number));
        Replicas {
            ledger,
            slots: fleet.slots_per_replica,
            available,
            serves: vec![(0, 0); fleet.min_replicas as usize],
            busy_us: 0,
        }
    }

    #[inline]
    fn occupy(&mut self, number: u32, now: u64) {
        let (n, since) = &mut self.serves[number as usize];
        if *n == 0 {
            *since = now;
        }
        *n += 1;
        if *n == self.slots {
            self.available.remove(number);
        }
    }

    #[inline]
    fn release(&mut self, free: Departure) {
        self.available.insert(free.replica());
        let (n, since) = &mut self.serves[free.replica() as usize];
        *n -= 1;
        if *n == 0 {
            self.busy_us += self.ledger.inside(*since, free.at_us());
        }
    }
}

/// As [`replay`], for one replica or for replicas of one slot: the time a replica is busy is then
/// the time at which any slot, or the sum of the times at which each slot, is in use.
fn by_free_times(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    mut ledger: Ledger,
    measure: &mut impl Measure,
) -> Result<(Ledger, Counts), Impossible> {
    let n_slots = fleet.slots_per_replica * fleet.min_replicas;
    let mut frees = Departures::all_at_zero(n_slots as usize);
    let mut counts = Counts::default();
    let (mut slot_busy_us, mut any_busy_us, mut busy_until) = (0_u128, 0_u64, 0_u64);
    let window_us = ledger.window_us;
    for request in requests {
        if counts.requests.is_multiple_of(BETWEEN_LOOKS) && measure.is_hopeless() {
            return Err(Impossible::Hopeless);
        }
        counts.requests += 1;
        counts.offered_us += u128::from(request.service_us);
        let free = frees.first().map_or(0, Departure::at_us);
        let starts = request.at_us.max(free);
        measure.record(starts - request.at_us, request.prefill_us);
        if request.service_us == 0 {
            continue;
        }
        let leaves = starts.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        let ends = leaves.min(window_us);
        slot_busy_us += u128::from(ends.saturating_sub(starts));
        any_busy_us += ends.saturating_sub(starts.max(busy_until));
        busy_until = busy_until.max(leaves);
        frees.replace_first(Departure::new(leaves, 0));
    }
    let one_slot_each = u64::try_from(slot_busy_us).unwrap_or(u64::MAX);
    ledger.of(Class::Base).busy_us =
        if fleet.min_replicas == 1 { any_busy_us } else { one_slot_each };
    ledger.slot_busy_us = slot_busy_us;
    ledger.close(fleet.min_replicas);
    counts.served_us = counts.offered_us;
    Ok((ledger, counts))
}
