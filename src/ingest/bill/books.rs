//! The books of all bills of a run: every amount under one booking and one period.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use indexmap::IndexSet;

use super::super::rejected::Rejected;
use super::super::rules::Claimed;
use super::amortize;
use super::booking::{Booking, Fate, Machines};
use super::charge::{ChargeCategory, Costs};
use super::sums::Sums;
use super::tally::{GroupKey, Tally};
use crate::units::{Currency, MoneyError, Period, Timestamp};

/// A provider and its resource.
pub(super) type Resource = (Option<String>, String);

/// An amount of the account.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct Entry {
    /// Where it belongs.
    pub(in crate::ingest) booking: Arc<Booking>,
    /// When.
    pub(in crate::ingest) period: Period,
    /// How much.
    pub(in crate::ingest) sums: Sums,
}

/// Whether the effective costs of a provider were rounded away.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Rounding {
    pub(super) effective_seen: bool,
    pub(super) effective_fraction: bool,
    pub(super) billed_fraction: bool,
    /// A use was invoiced whose effective cost is 0.
    pub(super) lost: bool,
}

impl Rounding {
    /// All effective costs are whole where the billed ones are not, or all are 0 where something
    /// was billed.
    fn is_rounded(self) -> bool {
        if self.effective_seen {
            !self.effective_fraction && self.billed_fraction
        } else {
            self.lost
        }
    }
}

/// Rows that go with a machine, if it is one with GPUs.
#[derive(Clone)]
struct Hold {
    /// The number of the machine.
    resource: u32,
    /// The number of the booking where it is none.
    booking: u32,
    /// Whose the rows say they are.
    claimed: Claimed,
}

/// What the numbers of a [`Tally`] mean.
#[derive(Default)]
pub(super) struct Names {
    bookings: IndexSet<Booking, FixedState>,
    providers: IndexSet<Option<String>, FixedState>,
    resources: IndexSet<Resource, FixedState>,
    /// By their numbers.
    holds: Vec<Hold>,
    /// For each resource with GPUs what it was booked to.
    machines: Machines,
    /// Distinct lines whose tags cannot be read.
    pub(super) unread_tags: u64,
}

impl Names {
    /// The number of a booking.
    pub(super) fn number(&mut self, booking: &Booking) -> u32 {
        let at = match self.bookings.get_index_of(booking) {
            Some(at) => at,
            None => self.bookings.insert_full(booking.clone()).0,
        };
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The number of a provider.
    pub(super) fn provider(&mut self, provider: Option<String>) -> u32 {
        u32::try_from(self.providers.insert_full(provider).0).unwrap_or(u32::MAX)
    }

    /// The number of a new hold.
    pub(super) fn hold(&mut self, resource: Resource, booking: &Booking, claimed: Claimed) -> u32 {
        let resource = u32::try_from(self.resources.insert_full(resource).0).unwrap_or(u32::MAX);
        let booking = self.number(booking);
        self.holds.push(Hold { resource, booking, claimed });
        u32::try_from(self.holds.len() - 1).unwrap_or(u32::MAX)
    }

    /// Remembers that a resource has GPUs.
    pub(super) fn machine(&mut self, resource: Resource, booking: &Booking) {
        self.machines.entry(resource).or_default().insert(booking.clone());
    }

    /// The bookings.
    pub(super) fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.iter()
    }

    /// Where a hold goes: with its machine, or where it belongs without one.
    ///
    /// A machine that was given to another workload within the bill has several bookings: its cores
    /// and memory go to the one that they name too, as the labels of all its rows change together.
    /// Where they name none of them the first in their order takes them, an assigned one before one
    /// that is not.
    fn released(&mut self, hold: u32) -> u32 {
        let Some(Hold { resource, booking, claimed }) = self.holds.get(hold as usize) else {
            return 0;
        };
        let booking = *booking;
        let resource = self.resources.get_index(*resource as usize);
        let machine = resource.and_then(|it| self.machines.get(it)).and_then(|bookings| {
            let same = |it: &&Booking| {
                (&it.workload, &it.owner, &it.environment)
                    == (&claimed.workload, &claimed.owner, &claimed.environment)
            };
            let same_workload = |it: &&Booking| it.workload == claimed.workload;
            let named = bookings.iter().find(same);
            named.or_else(|| bookings.iter().find(same_workload)).or_else(|| bookings.first())
        });
        match (machine, self.bookings.get_index(booking as usize)) {
            (Some(machine), Some(own)) => {
                // Whose it is the machine tells; how it was bought and in what the row does.
                let booking = Booking {
                    category: own.category,
                    currency: own.currency,
                    pricing: own.pricing,
                    commitment: own.commitment.clone(),
                    commitment_used: own.commitment_used,
                    spread: own.spread,
                    ..machine.clone()
                };
                self.number(&booking)
            }
            _ => booking,
        }
    }
}

/// Everything booked so far.
pub(in crate::ingest) struct Books {
    names: Names,
    tally: Tally,
    is_empty: bool,
}

impl Default for Books {
    fn default() -> Books {
        Books { names: Names::default(), tally: Tally::default(), is_empty: true }
    }
}

impl Books {
    /// Rows refused so far.
    pub(in crate::ingest) fn n_rejected(&self) -> u64 {
        self.tally.n_rejected
    }

    /// Billed cost of all rows so far, per currency.
    pub(in crate::ingest) fn billed(&self) -> BTreeMap<Currency, i128> {
        let mut sums = BTreeMap::new();
        for ((currency, _), it) in &self.tally.totals {
            *sums.entry(*currency).or_default() += it.costs.billed.unwrap_or(0);
        }
        sums
    }

    /// Takes what was added up for a file.
    pub(super) fn absorb(&mut self, names: Names, tally: Tally) -> Result<(), MoneyError> {
        if self.is_empty {
            *self = Books { names, tally, is_empty: false };
            return Ok(());
        }
        let own = &mut self.names;
        own.unread_tags += names.unread_tags;
        let bookings: Vec<u32> = names.bookings.iter().map(|it| own.number(it)).collect();
        let providers: Vec<u32> = names.providers.into_iter().map(|it| own.provider(it)).collect();
        let mut holds = Vec::with_capacity(names.holds.len());
        for Hold { resource, booking, claimed } in names.holds {
            let resource = names.resources.get_index(resource as usize);
            let booking = names.bookings.get_index(booking as usize);
            if let (Some(resource), Some(booking)) = (resource, booking) {
                holds.push(own.hold(resource.clone(), booking, claimed));
            }
        }
        for (resource, bookings) in names.machines {
            own.machines.entry(resource).or_default().extend(bookings);
        }
        let at = |table: &[u32], number: u32| table.get(number as usize).copied().unwrap_or(0);
        self.tally.absorb(
            tally,
            |booking| at(&bookings, booking),
            |hold| at(&holds, hold),
            |provider| at(&providers, provider),
        )
    }

    /// Closes the books: what was held goes to its machine, or to where it belongs without one, and
    /// fees that the bill does not spread go to what they cover.
    pub(in crate::ingest) fn close(self) -> Result<Closed, MoneyError> {
        let Books { mut names, mut tally, .. } = self;
        let unread_tags = names.unread_tags;
        tally.release(|hold| names.released(hold))?;
        let span = tally.span().and_then(|(start, end)| {
            Period::new(Timestamp::from_us(start), Timestamp::from_us(end))
        });
        let by_booking = {
            let mut order: Vec<usize> = (0..names.bookings.len()).collect();
            order.sort_by_key(|at| names.bookings.get_index(*at));
            let mut ranks = vec![0; order.len()];
            for (rank, at) in order.into_iter().enumerate() {
                ranks[at] = rank;
            }
            ranks
        };
        let bookings: Vec<Arc<Booking>> = names.bookings.into_iter().map(Arc::new).collect();
        // Sums are large: their places are sorted, and each is copied once.
        let key = |(at, (booking, start, end)): (usize, &GroupKey)| {
            (by_booking.get(*booking as usize).copied(), *start, *end, at)
        };
        let mut order: Vec<_> = tally.groups.keys().enumerate().map(key).collect();
        order.sort_unstable();
        let entries = order.into_iter().filter_map(|(_, start, end, at)| {
            let ((booking, ..), sums) = tally.groups.get_index(at)?;
            let period = Period::new(Timestamp::from_us(start), Timestamp::from_us(end))?;
            let booking = Arc::clone(bookings.get(*booking as usize)?);
            Some(Entry { booking, period, sums: *sums })
        });
        let mut entries = entries.collect();
        let mut totals = tally.totals.into_iter().collect();
        let mut notices = amortize::spread_fees(&mut entries, &mut totals)?;
        if unread_tags > 0 {
            notices.push(format!(
                "the tags of {unread_tags} distinct lines are no JSON object: nothing is taken from them"
            ));
        }
        let mut rounded: Vec<Option<String>> = names
            .providers
            .into_iter()
            .zip(tally.rounding)
            .filter(|(_, it)| it.is_rounded())
            .map(|(provider, _)| provider)
            .collect();
        rounded.sort();
        Ok(Closed {
            entries,
            totals,
            left_out: tally.left_out,
            rejected: tally.rejected,
            n_rejected: tally.n_rejected,
            from_floats: tally.from_floats,
            rounded,
            span,
            invoice: InvoiceState::of(tally.invoice),
            notices,
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
    /// What the reader must know.
    pub(in crate::ingest) notices: Vec<String>,
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

    /// With what a provider says itself: whether its amounts may still change.
    pub(in crate::ingest) const fn said(self, estimated: Option<bool>) -> InvoiceState {
        match (estimated, self) {
            (Some(true), _) => InvoiceState::Estimated,
            (Some(false), InvoiceState::Unknown) => InvoiceState::Final,
            (_, of_rows) => of_rows,
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
