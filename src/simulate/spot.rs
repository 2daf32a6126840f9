//! Spot capacity: who is told to leave when, and for how long there is none.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::plan::{Spot, US_PER_HOUR};
use super::pool::NEVER;
use super::random::{Random, seed_of, whole_us};
use super::service::Request;

/// What happens to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blow {
    /// It is told to leave.
    Notice,
    /// It goes Off.
    End,
}

/// The market as one fleet sees it.
#[derive(Debug)]
pub(super) struct Market {
    spot: Spot,
    random: Random,
    /// When, what, to which replica, of which life (the instant it started).
    blows: BinaryHeap<Reverse<(u64, Blow, u32, u64)>>,
    /// When there is capacity again, during an outage.
    pub(super) out_until: Option<u64>,
    /// Spot replicas that start in place of one on demand.
    pub(super) n_swaps: u32,
    /// Whether there may be replicas on demand.
    pub(super) stands_in: bool,
    /// What each replica serves, with the instants of its begin and end.
    in_service: Vec<Vec<(Request, u64, u64)>>,
}

impl Market {
    pub(super) fn new(spot: Spot, numbers: u32, seed: u64) -> Market {
        Market {
            spot,
            random: Random::new(seed_of(seed, "spot", 0)),
            blows: BinaryHeap::new(),
            out_until: None,
            n_swaps: 0,
            stands_in: false,
            in_service: vec![Vec::new(); numbers as usize],
        }
    }

    /// A spot replica has started: when it will be told to leave.
    pub(super) fn started(&mut self, number: u32, now: u64) {
        let rate = self.spot.interruptions_per_hour;
        if rate > 0.0 {
            let life = whole_us(self.random.exponential() / rate * US_PER_HOUR as f64);
            // No two lives of one number start at one instant.
            let told = now.saturating_add(life.max(1));
            self.blows.push(Reverse((told, Blow::Notice, number, now)));
        }
    }

    /// The next instant at which something happens.
    pub(super) fn next_us(&self) -> u64 {
        let blow = self.blows.peek().map_or(NEVER, |it| it.0.0);
        blow.min(self.out_until.unwrap_or(NEVER))
    }

    /// The next blow of this instant.
    pub(super) fn pop(&mut self, now: u64) -> Option<(Blow, u32, u64)> {
        let Reverse((at, blow, number, started)) = *self.blows.peek()?;
        (at == now).then(|| {
            self.blows.pop();
            (blow, number, started)
        })
    }

    /// A replica was told to leave: its end is set, and capacity is gone for a while.
    pub(super) fn told(&mut self, number: u32, started: u64, now: u64) {
        self.blows.push(Reverse((now + self.spot.notice_us, Blow::End, number, started)));
        if self.spot.outage_us > 0 {
            let outage = whole_us(self.random.exponential() * self.spot.outage_us as f64);
            let until = now.saturating_add(outage.max(1));
            self.out_until = Some(self.out_until.unwrap_or(0).max(until));
        }
    }

    /// Whether replicas on demand step in.
    pub(super) const fn has_fallback(&self) -> bool {
        self.spot.fallback.is_some()
    }

    pub(super) fn began(&mut self, number: u32, request: Request, now: u64, leaves: u64) {
        self.in_service[number as usize].push((request, now, leaves));
    }

    /// The request of a replica that leaves now: it and the instant its service began.
    pub(super) fn ended(&mut self, number: u32, now: u64) -> Option<(Request, u64)> {
        let served = &mut self.in_service[number as usize];
        let place = served.iter().position(|it| it.2 == now)?;
        let (request, began, _) = served.remove(place);
        Some((request, began))
    }

    /// What a replica serves is taken from it, in order of arrival.
    pub(super) fn cut(&mut self, number: u32) -> Vec<(Request, u64, u64)> {
        let mut cut = std::mem::take(&mut self.in_service[number as usize]);
        cut.sort_by_key(|it| it.0.at_us);
        cut
    }
}
