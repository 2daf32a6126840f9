//! What the spot market does to a run: notices, ends, and capacity that comes back.

use super::super::latency::Measure;
use super::super::ledger::Class;
use super::super::pool::NEVER;
use super::super::service::Request;
use super::super::spot::Blow;
use super::Engine;

impl<M: Measure> Engine<'_, M> {
    /// Replicas are told to leave or go Off, capacity comes back.
    pub(super) fn interrupt(&mut self, now: u64) {
        while let Some((blow, number, started)) = self.market.as_mut().and_then(|it| it.pop(now)) {
            if self.pool.started_at(number) != Some(started) {
                continue;
            }
            match blow {
                Blow::Notice => {
                    let was_starting = self.pool.ready_at(number) == NEVER;
                    self.pool.interrupt(number, now);
                    if let Some(market) = &mut self.market {
                        self.pool.ledger.n_interruptions += 1;
                        market.told(number, started, now);
                        if was_starting {
                            // Which of those that start come in place of another is not fixed.
                            let starting = self.pool.n_starting_of(Class::Elastic);
                            market.n_swaps = market.n_swaps.min(starting);
                        }
                    }
                }
                Blow::End => self.end(number, now),
            }
        }
        if let Some(market) = &mut self.market
            && market.out_until.is_some_and(|until| until <= now)
        {
            market.out_until = None;
        }
    }

    /// While there is capacity a spot replica starts in place of each one on demand. One that finds
    /// every number taken, by replicas that drain, starts at a later decision.
    pub(super) fn swap_in(&mut self, now: u64) {
        let market = self.market.as_mut().filter(|it| it.stands_in && it.out_until.is_none());
        let Some(market) = market else { return };
        let on_demand = self.pool.count_of(Class::Fallback);
        market.stands_in = on_demand > 0;
        while market.n_swaps < on_demand
            && let Some(number) = self.pool.start(now, Class::Elastic)
        {
            market.started(number, now);
            market.n_swaps += 1;
        }
    }

    /// A spot replica is Ready: one on demand leaves, a Ready one if there is one.
    pub(super) fn swap_out(&mut self, now: u64) {
        let Some(market) = self.market.as_mut().filter(|it| it.n_swaps > 0) else { return };
        // None is left to replace where the scaler took it before.
        let left = self.pool.retire_fallback(now) || self.pool.end_start_of_fallback(now);
        market.n_swaps = if left { market.n_swaps - 1 } else { 0 };
    }

    /// A replica goes Off with what it serves, which begins again before all that arrived later.
    fn end(&mut self, number: u32, now: u64) {
        let Some(market) = &mut self.market else { return };
        let cut = market.cut(number);
        self.departures.retain(|it| it.replica() != number);
        for (request, began, leaves) in cut.into_iter().rev() {
            self.pool.ledger.lost_us += now - began;
            let unserved = self.pool.ledger.inside(now, leaves);
            self.pool.ledger.slot_busy_us -= u128::from(unserved);
            self.wait_again(request);
        }
        self.pool.kill(number, now);
    }

    /// A request waits again, before all that arrived later, and may start a replica again.
    fn wait_again(&mut self, request: Request) {
        let place = self.queue.partition_point(|it| it.at_us < request.at_us);
        self.queue.insert(place, request);
        let n_triggered = self.triggered.saturating_sub(self.head);
        self.head = self.head.saturating_sub(1);
        // Which of them are due is found at the end of this instant.
        self.due_from(self.head);
        self.triggered = self.head + n_triggered;
    }
}
