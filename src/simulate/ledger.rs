//! The books of a run: replica time by what it was used for, lifetimes as billed.

use crate::units::MoneyPerHour;

use super::plan::{Billing, US_PER_HOUR};

/// At which price a replica runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A minimum replica: the whole window at the base rate.
    Base,
    /// One that comes and goes.
    Elastic,
    /// On demand in place of spot.
    Fallback,
}

/// Replica time inside the window and what of it is billed, for one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) rate: MoneyPerHour,
    pub(super) starting_us: u64,
    /// The part of `starting_us` that is billed.
    pub(super) billed_starting_us: u64,
    /// Ready, busy or not.
    pub(super) ready_us: u64,
    /// At least one request in service.
    pub(super) busy_us: u64,
    /// Lifetimes after minimum and granularity.
    pub(super) billed_us: u64,
    /// Cost of the lifetimes, each rounded once; nothing after an overflow.
    pub(super) nano: Option<i128>,
}

/// All times are clipped at the window end.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) window_us: u64,
    billing: Billing,
    accounts: [Account; 3],
    /// Ready + Starting replica time per hour of the window.
    pub(super) on_us_by_hour: Vec<u64>,
    pub(super) max_on: u32,
    on: u32,
    on_since: u64,
    /// Slot time in service, all replicas.
    pub(super) slot_busy_us: u128,
    /// Starts, those after the window included.
    pub(super) n_starts: u64,
    pub(super) n_starts_inside: u64,
    /// Of the starts inside the window.
    pub(super) n_cancelled_starts: u64,
    pub(super) n_interruptions: u64,
    /// Service time of requests that an interruption cut and that began again.
    pub(super) lost_us: u64,
}

impl Ledger {
    /// Empty books; `base` replicas are on from the start.
    pub(super) fn new(
        window_us: u64,
        billing: Billing,
        fallback: MoneyPerHour,
        base: u32,
    ) -> Ledger {
        let hours = usize::try_from(window_us.div_ceil(US_PER_HOUR)).unwrap_or(0);
        let empty = |rate| Account {
            rate,
            starting_us: 0,
            billed_starting_us: 0,
            ready_us: 0,
            busy_us: 0,
            billed_us: 0,
            nano: Some(0),
        };
        Ledger {
            window_us,
            billing,
            accounts: [empty(billing.base_rate), empty(billing.rate), empty(fallback)],
            on_us_by_hour: vec![0; hours],
            max_on: base,
            on: base,
            on_since: 0,
            slot_busy_us: 0,
            n_starts: 0,
            n_starts_inside: 0,
            n_cancelled_starts: 0,
            n_interruptions: 0,
            lost_us: 0,
        }
    }

    /// The books of one class.
    #[inline]
    pub(super) fn of(&mut self, class: Class) -> &mut Account {
        &mut self.accounts[class as usize]
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

    /// A replica starts.
    #[inline]
    pub(super) fn starts(&mut self, at: u64) {
        self.n_starts += 1;
        self.n_starts_inside += u64::from(at < self.window_us);
    }

    /// Replicas that are Starting or Ready, those that drain included.
    pub(super) const fn n_on(&self) -> u32 {
        self.on
    }

    /// Cost to `at` of `base` minimum replicas and of the lifetimes that ended.
    pub(super) fn nano_ended(&self, base: u32, at: u64) -> Option<i128> {
        let each = self.accounts[Class::Base as usize].rate.nano_cost_of_us(at).ok()?;
        let base = each.checked_mul(i128::from(base))?;
        let mut ended = self.accounts.iter().skip(1).map(|it| it.nano);
        ended.try_fold(base, |sum, nano| sum.checked_add(nano?))
    }

    /// Cost to `at` of a lifetime that runs on.
    pub(super) fn nano_running(
        &self,
        class: Class,
        started: u64,
        ready: u64,
        at: u64,
    ) -> Option<i128> {
        let from = started.saturating_add(self.billing.free_start_us).min(ready);
        self.accounts[class as usize].rate.nano_cost_of_us(at.saturating_sub(from)).ok()
    }

    fn account_on(&mut self, at: u64) {
        let until = at.min(self.window_us);
        let mut from = self.on_since;
        if self.on == 0 {
            from = until;
        }
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

    /// A replica that comes and goes went Off at `off`, or was still on at the window end (`off`
    /// later). One that never became Ready has `ready` past the window.
    pub(super) fn lifetime(&mut self, class: Class, started: u64, ready: u64, off: u64) {
        let starting = self.inside(started, ready.min(off));
        let serving = self.inside(ready, off);
        // What of the start is free comes first: a machine is found before a model is loaded.
        let from = started.saturating_add(self.billing.free_start_us).min(ready);
        let billed = if off <= from && off < ready {
            // Nothing of it is billable, so neither is the minimum.
            0
        } else if off <= self.window_us {
            self.billing.billed_us(off.saturating_sub(from))
        } else {
            self.inside(from, off)
        };
        let billed_starting = self.inside(from, ready.min(off));
        let account = self.of(class);
        account.starting_us += starting;
        account.billed_starting_us += billed_starting;
        account.ready_us += serving;
        account.billed_us = account.billed_us.saturating_add(billed);
        account.nano = account.nano.and_then(|sum| {
            let cost = account.rate.nano_cost_of_us(billed).ok()?;
            sum.checked_add(cost)
        });
    }

    /// Closes the books at the window end: `base` replicas were Ready all the time.
    pub(super) fn close(&mut self, base: u32) {
        self.account_on(self.window_us);
        let window_us = self.window_us;
        let account = self.of(Class::Base);
        let all = window_us.saturating_mul(u64::from(base));
        account.ready_us = all;
        account.billed_us = all;
        let each = account.rate.nano_cost_of_us(window_us).ok();
        account.nano = each.and_then(|it| it.checked_mul(i128::from(base)));
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
        let mut ledger = Ledger::new(window_us, Billing::by_the_microsecond(rate), rate, 1);
        ledger.on_changes(US_PER_HOUR - 10, 2);
        ledger.on_changes(US_PER_HOUR + 20, -1);
        ledger.on_changes(window_us + 5, 7);
        ledger.close(1);
        let second = 3 * 20 + 2 * (US_PER_HOUR - 20);
        assert_eq!(ledger.on_us_by_hour, [US_PER_HOUR + 20, second, 2000]);
        assert_eq!(ledger.max_on, 3);
    }

    #[test]
    fn the_free_part_of_a_start_is_not_billed() {
        let rate = MoneyPerHour::parse("3.6", Currency::USD).unwrap();
        let check = |free_start_us, ready, off, expected| {
            let billing = Billing { free_start_us, ..Billing::by_the_microsecond(rate) };
            let mut ledger = Ledger::new(1000, billing, rate, 0);
            ledger.lifetime(Class::Elastic, 100, ready, off);
            let it = ledger.of(Class::Elastic);
            assert_eq!((it.billed_us, it.billed_starting_us, it.ready_us), expected);
        };
        check(0, 150, 300, (200, 50, 150));
        check(20, 150, 300, (180, 30, 150));
        check(u64::MAX, 150, 300, (150, 0, 150));
        // Cancelled after 10 of 50, of which 20 are free: nothing to raise to a minimum.
        check(20, u64::MAX, 110, (0, 0, 0));
        let billing = Billing { minimum_us: 60, ..Billing::by_the_microsecond(rate) };
        let billed = |free_start_us, ready, off| {
            let mut ledger = Ledger::new(1000, Billing { free_start_us, ..billing }, rate, 0);
            ledger.lifetime(Class::Elastic, 100, ready, off);
            ledger.of(Class::Elastic).billed_us
        };
        assert_eq!([billed(20, u64::MAX, 110), billed(u64::MAX, u64::MAX, 140)], [0, 0]);
        assert_eq!([billed(5, u64::MAX, 110), billed(u64::MAX, 150, 150)], [60, 60]);
        check(5, u64::MAX, 110, (5, 5, 0));
        // Still on at the window end.
        check(20, 150, u64::MAX, (880, 30, 850));
    }
}
