//! What one worker adds up: sums by numbers, in whole units, so that no order matters.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use super::super::rejected::Rejected;
use super::books::Rounding;
use super::charge::{ChargeCategory, Costs};
use super::held::Held;
use super::shared::Shared;
use super::sums::Sums;
use crate::units::{Currency, MoneyError};

/// Most rejected rows that are kept one by one; all are counted.
const MOST_REJECTED_KEPT: usize = 100_000;
/// A day.
pub(super) const DAY_US: i64 = 86_400_000_000;
/// The longest day, when clocks go back.
const MOST_OF_A_DAY_US: i64 = 25 * 3_600_000_000;
/// 10^18: a whole currency unit.
const ONE: i128 = 1_000_000_000_000_000_000;

/// A group of amounts: the booking, and the period in microseconds.
pub(super) type GroupKey = (u32, i64, i64);
/// A currency and a charge category.
pub(super) type TotalKey = (Currency, Option<ChargeCategory>);

/// Sums; what their numbers mean is in [`super::books::Names`].
#[derive(Default)]
pub(super) struct Tally {
    pub(super) groups: IndexMap<GroupKey, Sums, FixedState>,
    held: Held,
    /// The totals of the files, added row by row and not by booking. Few, so a list.
    pub(super) totals: Vec<(TotalKey, Sums)>,
    /// List and contracted costs of purchases that later charges carry.
    pub(super) left_out: BTreeMap<Currency, Costs>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) n_rejected: u64,
    /// Amounts that came from binary floats.
    pub(super) from_floats: u64,
    /// By the number of the provider.
    pub(super) rounding: Vec<Rounding>,
    /// First and last instant of usage, of rows that cover a day at most or are of GPUs, and of all.
    spans: [Option<(i64, i64)>; 2],
    /// Starts of months of UTC that bill months of another zone.
    pub(super) months: BTreeSet<i64>,
    /// Rows on an invoice, rows on none yet, rows that correct an earlier month.
    pub(super) invoice: [u64; 3],
}

impl Tally {
    /// Notes when something was used. A charge for a whole month that is not over, such as a hosted
    /// zone or the fee of a reservation, does not make the data longer.
    /// The rent of a GPU for a month does: it was paid to have it all that time.
    pub(super) fn note_usage(&mut self, (start, end): (i64, i64), is_gpu: bool) {
        let is_short = is_gpu || end - start <= MOST_OF_A_DAY_US;
        let [short, all] = &mut self.spans;
        for span in [is_short.then_some(short), Some(all)].into_iter().flatten() {
            let known = span.get_or_insert((start, end));
            *known = (known.0.min(start), known.1.max(end));
        }
    }

    /// First and last instant of usage; that of longer rows only where there are no others.
    ///
    /// A month of another zone whose last hours were moved into it began as many hours late: its money
    /// is that of all its hours.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let (start, end) = self.spans[0].or(self.spans[1])?;
        let late = |first: &&i64| (1..DAY_US).contains(&(start - **first));
        Some((self.months.iter().find(late).copied().unwrap_or(start), end))
    }

    /// Keeps a rejected row.
    pub(super) fn reject(&mut self, row: Rejected) {
        self.n_rejected += 1;
        if self.rejected.len() < MOST_REJECTED_KEPT {
            self.rejected.push(row);
        }
    }

    /// Adds to the total of a currency and a charge category.
    pub(super) fn total(&mut self, key: TotalKey, sums: &Sums) -> Result<(), MoneyError> {
        if let Some((_, known)) = self.totals.iter_mut().find(|it| it.0 == key) {
            return known.add(sums);
        }
        self.totals.push((key, *sums));
        Ok(())
    }

    /// Adds to the group of a booking and a period.
    pub(super) fn group(
        &mut self,
        (booking, start, end): GroupKey,
        sums: &Sums,
    ) -> Result<(), MoneyError> {
        self.groups.entry((booking, start, end)).or_default().add(sums)
    }

    /// Keeps an amount that may belong to a machine with GPUs.
    pub(super) fn hold(&mut self, hold: u32, span: (i64, i64), sums: &Sums) {
        self.held.add(hold, span, sums);
    }

    /// Adds its part to each share, and the rest to its booking; `billed` as in
    /// [`Shared::portions`].
    pub(super) fn share(
        &mut self,
        shared: &Shared,
        (start, end): (i64, i64),
        sums: &Sums,
        billed: Option<u128>,
    ) -> Result<(), MoneyError> {
        // Each has what is given up to it less what was before, so that nothing is left of a row
        // that is held as a whole. The first counts the row.
        let mut given = sums.share(0, 1);
        for portion in shared.portions((start, end), billed) {
            let up_to = sums.share(portion.numerator, portion.denominator);
            let up_to = Sums { rows: sums.rows, ..up_to };
            self.group((portion.booking, start, end), &up_to.less(&given)?)?;
            given = up_to;
        }
        let rest = sums.less(&given)?;
        if rest.rows > 0 || !rest.is_nothing() {
            self.group((shared.rest, start, end), &rest)?;
        }
        Ok(())
    }

    /// Notes whether the costs of a provider have fractions.
    pub(super) fn note_rounding(&mut self, provider: u32, costs: &Costs) {
        let provider = provider as usize;
        if provider >= self.rounding.len() {
            self.rounding.resize_with(provider + 1, Rounding::default);
        }
        let Some(seen) = self.rounding.get_mut(provider) else { return };
        let has_fraction = |it: i128| it % ONE != 0;
        if !seen.effective_fraction {
            if let Some(effective) = costs.effective.filter(|it| *it != 0) {
                seen.effective_seen = true;
                seen.effective_fraction = has_fraction(effective);
            }
            seen.lost |= costs.effective == Some(0) && costs.billed.is_some_and(|it| it != 0);
            if !seen.billed_fraction {
                seen.billed_fraction = costs.billed.is_some_and(has_fraction);
            }
        }
    }

    /// Takes another tally, whose bookings, holds and providers have these numbers here.
    pub(super) fn absorb(
        &mut self,
        other: Tally,
        booking: impl Fn(u32) -> u32,
        hold: impl Fn(u32) -> u32,
        provider: impl Fn(u32) -> u32,
    ) -> Result<(), MoneyError> {
        self.groups.reserve(other.groups.len());
        for ((number, start, end), sums) in other.groups {
            self.group((booking(number), start, end), &sums)?;
        }
        self.held.absorb(other.held, hold);
        for (key, sums) in other.totals {
            self.total(key, &sums)?;
        }
        for (currency, costs) in other.left_out {
            self.left_out.entry(currency).or_default().add(&costs)?;
        }
        for (at, seen) in (0..).zip(other.rounding) {
            let at = provider(at) as usize;
            if at >= self.rounding.len() {
                self.rounding.resize_with(at + 1, Rounding::default);
            }
            if let Some(known) = self.rounding.get_mut(at) {
                known.effective_seen |= seen.effective_seen;
                known.effective_fraction |= seen.effective_fraction;
                known.billed_fraction |= seen.billed_fraction;
                known.lost |= seen.lost;
            }
        }
        self.months.extend(other.months);
        for (known, more) in self.invoice.iter_mut().zip(other.invoice) {
            *known += more;
        }
        self.n_rejected += other.n_rejected;
        let room = MOST_REJECTED_KEPT.saturating_sub(self.rejected.len());
        self.rejected.extend(other.rejected.into_iter().take(room));
        self.from_floats += other.from_floats;
        for (own, other) in self.spans.iter_mut().zip(other.spans) {
            *own = match (*own, other) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
        }
        Ok(())
    }

    /// Adds what was held to the bookings that it belongs to after all.
    pub(super) fn release(
        &mut self,
        mut booking: impl FnMut(u32) -> u32,
    ) -> Result<(), MoneyError> {
        let mut known = None;
        std::mem::take(&mut self.held).release(|hold, (start, end), times, sums| {
            let number = match known {
                Some((of, number)) if of == hold => number,
                _ => booking(hold),
            };
            known = Some((hold, number));
            let len = end - start;
            (0..i64::from(times))
                .try_for_each(|at| self.group((number, start + at * len, end + at * len), sums))
        })
    }
}
