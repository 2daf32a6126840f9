//! The departures to come: a binary heap of packed (time, replica) keys.
//!
//! A key is the time shifted left by 16 bits with the replica below it, so one integer comparison
//! orders by time and then by number. Times stay below the horizon of 2^47 microseconds.

/// Bits of a key that name the replica.
const REPLICA_BITS: u32 = 16;

/// When a request leaves, and which replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Departure(u64);

impl Departure {
    /// `at_us` below the horizon, `replica` below 2^16.
    #[inline]
    pub(super) const fn new(at_us: u64, replica: u32) -> Departure {
        Departure((at_us << REPLICA_BITS) | replica as u64)
    }

    #[inline]
    pub(super) const fn at_us(self) -> u64 {
        self.0 >> REPLICA_BITS
    }

    #[inline]
    pub(super) const fn replica(self) -> u32 {
        (self.0 & ((1 << REPLICA_BITS) - 1)) as u32
    }
}

/// Departures, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Departures(Vec<Departure>);

impl Departures {
    pub(super) fn with_capacity(n: usize) -> Departures {
        Departures(Vec::with_capacity(n))
    }

    /// `n` slots of replica 0 that are free from the start.
    pub(super) fn all_at_zero(n: usize) -> Departures {
        Departures(vec![Departure::new(0, 0); n])
    }

    /// Takes away those that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&Departure) -> bool) {
        self.0.retain(keep);
        // In rising order they are a heap.
        self.0.sort_unstable();
    }

    #[inline]
    pub(super) fn first(&self) -> Option<Departure> {
        self.0.first().copied()
    }

    /// When the second departs; never where there is none.
    #[inline]
    pub(super) fn second_us(&self) -> u64 {
        let at = |place: usize| self.0.get(place).map_or(u64::MAX, |it| it.at_us());
        at(1).min(at(2))
    }

    #[inline]
    pub(super) fn push(&mut self, departure: Departure) {
        let place = self.0.len();
        self.0.push(departure);
        rise(&mut self.0, place, departure);
    }

    /// Takes the earliest away. The hole sinks to a leaf along the smaller children and the last
    /// key rises from there: it came from a leaf, so it seldom rises far, and the loop down has no
    /// comparison that the processor could guess wrong.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Departure> {
        let last = self.0.pop()?;
        let keys = self.0.as_mut_slice();
        let Some(first) = keys.first().copied() else { return Some(last) };
        let mut place = 0;
        let mut child = 1;
        while child + 1 < keys.len() {
            child += usize::from(keys[child + 1] < keys[child]);
            keys[place] = keys[child];
            place = child;
            child = 2 * place + 1;
        }
        if child < keys.len() {
            keys[place] = keys[child];
            place = child;
        }
        rise(keys, place, last);
        Some(first)
    }

    /// Takes the earliest away and puts `departure` in; does nothing to an empty heap.
    #[inline]
    pub(super) fn replace_first(&mut self, departure: Departure) {
        let keys = self.0.as_mut_slice();
        let n = keys.len();
        let mut place = 0;
        loop {
            let left = 2 * place + 1;
            if left >= n {
                break;
            }
            let right = left + 1;
            let child = if right < n { left + usize::from(keys[right] < keys[left]) } else { left };
            if departure <= keys[child] {
                break;
            }
            keys[place] = keys[child];
            place = child;
        }
        if let Some(slot) = keys.get_mut(place) {
            *slot = departure;
        }
    }
}

/// Puts `departure` at `place` or as far above it as it belongs.
#[inline]
fn rise(keys: &mut [Departure], mut place: usize, departure: Departure) {
    while place > 0 {
        let parent = (place - 1) / 2;
        if keys[parent] <= departure {
            break;
        }
        keys[place] = keys[parent];
        place = parent;
    }
    keys[place] = departure;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn leaves_in_order(keys in proptest::collection::vec((0_u64..50, 0_u32..9), 0..60)) {
            let mut heap = Departures::default();
            for (at, replica) in &keys {
                heap.push(Departure::new(*at, *replica));
            }
            if let Some(first) = heap.first() {
                heap.replace_first(Departure::new(first.at_us() + 7, first.replica()));
            }
            let mut expected = keys;
            expected.sort_unstable();
            if let Some(first) = expected.first_mut() {
                first.0 += 7;
            }
            expected.sort_unstable();
            let mut found = Vec::new();
            while let Some(it) = heap.pop() {
                found.push((it.at_us(), it.replica()));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
