//! The books of all bills of a run: every amount under one booking and one period.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use indexmap::{IndexMap, IndexSet};

use super::super::rejected::Rejected;
use super::booking::{Booking, Fate, Machines};
use super::charge::{ChargeCategory, Costs};
use super::sums::Sums;
use crate::units::{Currency, MoneyError, Period, Timestamp};

/// Most rejected rows that are kept one by one; all are counted.
const MOST_REJECTED_KEPT: usize = 100_000;

/// A group of amounts: the booking, and the period in microseconds.
pub(super) type GroupKey = (u32, i64, i64);
/// A provider and its resource.
pub(super) type Resource = (Option<String>, String);

/// An amount of the account.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct Entry {
    /// Where it belongs.
    pub(in crate::ingest) booking: Booking,
    /// When.
    pub(in crate::ingest) period: Period,
    /// How much.
    pub(in crate::ingest) sums: Sums,
}

/// Whether the effective costs of a provider were rounded away.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounding {
    pub(super) effective_seen: bool,
    pub(super) effective_fraction: bool,
    pub(super) billed_fraction: bool,
}

/// Everything booked so far.
#[derive(Default)]
pub(in crate::ingest) struct Books {
    pub(super) bookings: IndexSet<Booking, FixedState>,
    pub(super) groups: IndexMap<GroupKey, Sums, FixedState>,
    pub(super) resources: IndexSet<Resource, FixedState>,
    /// Amounts that may belong to a machine with GPUs: resource, booking otherwise, period.
    pub(super) held: IndexMap<(u32, GroupKey), Sums, FixedState>,
    /// For each resource with GPUs the booking of its companions.
    pub(super) machines: Machines,
    /// The totals of the files, added row by row and not by booking.
    pub(super) totals: BTreeMap<(Currency, Option<ChargeCategory>), Sums>,
    /// List and contracted costs of purchases that later charges carry.
    pub(super) left_out: BTreeMap<Currency, Costs>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) n_rejected: u64,
    pub(super) from_floats: u64,
    pub(super) rounding: BTreeMap<Option<String>, Rounding>,
    /// First and last instant of usage.
    pub(super) span: Option<(i64, i64)>,
    /// Rows on an invoice, rows on none yet, rows that correct an earlier month.
    pub(super) invoice: [u64; 3],
}

impl Books {
    /// Rows refused so far.
    pub(in crate::ingest) fn n_rejected(&self) -> u64 {
        self.n_rejected
    }

    /// The number of a booking.
    pub(super) fn number(&mut self, booking: &Booking) -> u32 {
        let at = match self.bookings.get_index_of(booking) {
            Some(at) => at,
            None => self.bookings.insert_full(booking.clone()).0,
        };
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The number of a resource.
    pub(super) fn resource(&mut self, resource: Resource) -> u32 {
        u32::try_from(self.resources.insert_full(resource).0).unwrap_or(u32::MAX)
    }

    /// Keeps a rejected row.
    pub(super) fn reject(&mut self, row: Rejected) {
        self.n_rejected += 1;
        if self.rejected.len() < MOST_REJECTED_KEPT {
            self.rejected.push(row);
        }
    }

    /// Remembers that a resource has GPUs. Of several bookings of one machine the first in their
    /// order takes its companions, an assigned one before one that is not.
    pub(super) fn machine(&mut self, resource: Resource, booking: &Booking) {
        let known = self.machines.entry(resource).or_insert_with(|| booking.clone());
        if booking < known {
            known.clone_from(booking);
        }
    }

    /// Takes the books of a part of the rows.
    pub(super) fn absorb(&mut self, other: Books) -> Result<(), MoneyError> {
        let numbers: Vec<u32> = other.bookings.iter().map(|it| self.number(it)).collect();
        let resources: Vec<u32> = other.resources.into_iter().map(|it| self.resource(it)).collect();
        let at = |table: &[u32], number: u32| table.get(number as usize).copied().unwrap_or(0);
        for ((booking, start, end), sums) in other.groups {
            self.groups.entry((at(&numbers, booking), start, end)).or_default().add(&sums)?;
        }
        for ((resource, (booking, start, end)), sums) in other.held {
            let key = (at(&resources, resource), (at(&numbers, booking), start, end));
            self.held.entry(key).or_default().add(&sums)?;
        }
        for (resource, booking) in other.machines {
            self.machine(resource, &booking);
        }
        for (key, sums) in other.totals {
            self.totals.entry(key).or_default().add(&sums)?;
        }
        for (currency, costs) in other.left_out {
            self.left_out.entry(currency).or_default().add(&costs)?;
        }
        for (provider, seen) in other.rounding {
            let known = self.rounding.entry(provider).or_default();
            known.effective_seen |= seen.effective_seen;
            known.effective_fraction |= seen.effective_fraction;
            known.billed_fraction |= seen.billed_fraction;
        }
        for (known, more) in self.invoice.iter_mut().zip(other.invoice) {
            *known += more;
        }
        self.n_rejected += other.n_rejected;
        let room = MOST_REJECTED_KEPT.saturating_sub(self.rejected.len());
        self.rejected.extend(other.rejected.into_iter().take(room));
        self.from_floats += other.from_floats;
        self.span = match (self.span, other.span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Ok(())
    }

    /// Closes the books: what was held goes to its machine, or to where it belongs without one.
    pub(in crate::ingest) fn close(mut self) -> Result<Closed, MoneyError> {
        for ((resource, (booking, start, end)), sums) in std::mem::take(&mut self.held) {
            let resource = self.resources.get_index(resource as usize);
            let machine = resource.and_then(|it| self.machines.get(it)).cloned();
            let number = match (machine, self.bookings.get_index(booking as usize)) {
                (Some(machine), Some(own)) => {
                    let booking = Booking { pricing: own.pricing, ..machine };
                    self.number(&booking)
                }
                _ => booking,
            };
            self.groups.entry((number, start, end)).or_default().add(&sums)?;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(self.groups.len());
        for ((booking, start, end), sums) in self.groups {
            let (start, end) = (Timestamp::from_us(start), Timestamp::from_us(end));
            if let (Some(booking), Some(period)) =
                (self.bookings.get_index(booking as usize), Period::new(start, end))
            {
                entries.push(Entry { booking: booking.clone(), period, sums });
            }
        }
        entries.sort_by(|a, b| (&a.booking, a.period).cmp(&(&b.booking, b.period)));
        let rounded =
            |it: &Rounding| it.effective_seen && !it.effective_fraction && it.billed_fraction;
        let span = self.span.and_then(|(start, end)| {
            Period::new(Timestamp::from_us(start), Timestamp::from_us(end))
        });
        Ok(Closed {
            entries,
            totals: self.totals,
            left_out: self.left_out,
            rejected: self.rejected,
            n_rejected: self.n_rejected,
            from_floats: self.from_floats,
            rounded: self
                .rounding
                .into_iter()
                .filter(|(_, it)| rounded(it))
                .map(|(provider, _)| provider)
                .collect(),
            span,
            invoice: InvoiceState::of(self.invoice),
        })
    }
}

/// The books when all bills were read.
#[derive(Default)]
pub(in crate::ingest) struct Closed {
    /// Every amount, by booking and period.
    pub(in crate::ingest) entries: Vec<Entry>,
    /// The totals of the files.
    pub(in crate::ingest) totals: BTreeMap<(Currency, Option<ChargeCategory>), Sums>,
    /// List and contracted costs of purchases that later charges carry.
    pub(in crate::ingest) left_out: BTreeMap<Currency, Costs>,
    /// Rows that were refused, at most as many as are kept.
    pub(in crate::ingest) rejected: Vec<Rejected>,
    /// All of them.
    pub(in crate::ingest) n_rejected: u64,
    /// Amounts that came from binary floats.
    pub(in crate::ingest) from_floats: u64,
    /// Providers whose effective costs are all whole numbers while their billed costs are not.
    pub(in crate::ingest) rounded: Vec<Option<String>>,
    /// From the first to the last instant of usage.
    pub(in crate::ingest) span: Option<Period>,
    /// Whether the amounts may still change.
    pub(in crate::ingest) invoice: InvoiceState,
}

/// Whether the amounts of the bills may still change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvoiceState {
    /// No bill says.
    #[default]
    Unknown,
    /// Some charges are on no invoice yet.
    Estimated,
    /// Every charge is on an invoice.
    Final,
    /// Every charge is on an invoice, and some correct earlier months.
    Corrected,
}

impl InvoiceState {
    fn of([invoiced, open, corrections]: [u64; 3]) -> InvoiceState {
        match (invoiced, open, corrections) {
            (0, 0, _) => InvoiceState::Unknown,
            (_, 1.., _) => InvoiceState::Estimated,
            (_, 0, 1..) => InvoiceState::Corrected,
            (_, 0, 0) => InvoiceState::Final,
        }
    }

    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            InvoiceState::Unknown => "do not say whether they are final",
            InvoiceState::Estimated => "estimated: not all on an invoice yet",
            InvoiceState::Final => "final",
            InvoiceState::Corrected => "final, with corrections of earlier months",
        }
    }
}

impl Closed {
    /// Whether an entry is a GPU cost that becomes rows of the usage table.
    pub(in crate::ingest) fn is_usage(entry: &Entry) -> bool {
        matches!(entry.booking.fate, Fate::Assigned | Fate::Unassigned)
    }
}
