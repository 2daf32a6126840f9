//! The books of a run: instance time by what it was used for, lifetimes as billed.

use super::plan::{Billing, US_PER_HOUR};

/// Instance time inside the window and billed lifetimes. All times are clipped at the window end.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) window_us: u64,
    billing: Billing,
    /// Ready + Starting instance time per hour of the window.
    pub(super) on_us_by_hour: Vec<u64>,
    pub(super) max_on: u32,
    on: u32,
    on_since: u64,
    /// Elastic replicas only.
    pub(super) starting_us: u64,
    /// Elastic replicas only: Ready, busy or not.
    pub(super) ready_us: u64,
    /// Elastic replicas only: at least one request in service.
    pub(super) busy_us: u64,
    /// The same of the minimum replicas.
    pub(super) base_busy_us: u64,
    /// Slot time in service, all replicas.
    pub(super) slot_busy_us: u128,
    pub(super) billed_us: u64,
    /// Sum of the elastic lifetimes, each rounded once; nothing after an overflow.
    pub(super) elastic_nano: Option<i128>,
}

impl Ledger {
    /// Empty books; `base` replicas are on from the start.
    pub(super) fn new(window_us: u64, billing: Billing, base: u32) -> Ledger {
        let hours = usize::try_from(window_us.div_ceil(US_PER_HOUR)).unwrap_or(0);
        Ledger {
            window_us,
            billing,
            on_us_by_hour: vec![0; hours],
            max_on: base,
            on: base,
            on_since: 0,
            starting_us: 0,
            ready_us: 0,
            busy_us: 0,
            base_busy_us: 0,
            slot_busy_us: 0,
            billed_us: 0,
            elastic_nano: Some(0),
        }
    }

    /// The part of [from, to) inside the window.
    #[inline]
    pub(super) fn inside(&self, from: u64, to: u64) -> u64 {
        to.min(self.window_us).saturating_sub(from)
    }

    /// From `at` on, `change` more (or fewer) replicas are Starting or Ready.
    pub(super) fn on_changes(&mut self, at: u64, change: i32) {
        self.account_on(at);
        self.on = self.on.saturating_add_signed(change);
        if at < self.window_us {
            self.max_on = self.max_on.max(self.on);
        }
    }

    fn account_on(&mut self, at: u64) {
        let until = at.min(self.window_us);
        let mut from = self.on_since;
        while from < until {
            let hour = from / US_PER_HOUR;
            let to = until.min((hour + 1) * US_PER_HOUR);
            if let Some(sum) =
                usize::try_from(hour).ok().and_then(|h| self.on_us_by_hour.get_mut(h))
            {
                *sum += (to - from) * u64::from(self.on);
            }
            from = to;
        }
        self.on_since = self.on_since.max(until);
    }

    /// An elastic replica went Off at `off`, or was still on at the window end (`off` later).
    /// One that never became Ready has `ready` past the window.
    pub(super) fn lifetime(&mut self, started: u64, ready: u64, off: u64) {
        self.starting_us += self.inside(started, ready.min(off));
        self.ready_us += self.inside(ready, off);
        let from = if self.billing.bill_start { started } else { ready };
        let billed = if off <= self.window_us {
            self.billing.billed_us(off.saturating_sub(from))
        } else {
            self.inside(from, off)
        };
        self.billed_us = self.billed_us.saturating_add(billed);
        self.elastic_nano = self.elastic_nano.and_then(|sum| {
            let cost = self.billing.rate.nano_cost_of_us(billed).ok()?;
            sum.checked_add(cost)
        });
    }

    /// Closes the books at the window end.
    pub(super) fn close(&mut self) {
        self.account_on(self.window_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Currency, MoneyPerHour};

    #[test]
    fn on_time_is_split_by_hour_and_cut_at_the_end() {
        let rate = MoneyPerHour::from_nano(0, Currency::USD);
        let window_us = 2 * US_PER_HOUR + 1000;
        let mut ledger = Ledger::new(window_us, Billing::by_the_microsecond(rate), 1);
        ledger.on_changes(US_PER_HOUR - 10, 2);
        ledger.on_changes(US_PER_HOUR + 20, -1);
        ledger.on_changes(window_us + 5, 7);
        ledger.close();
        let second = 3 * 20 + 2 * (US_PER_HOUR - 20);
        assert_eq!(ledger.on_us_by_hour, [US_PER_HOUR + 20, second, 2000]);
        assert_eq!(ledger.max_on, 3);
    }
}
