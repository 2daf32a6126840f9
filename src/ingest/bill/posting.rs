//! Posts the rows of a file to the books, side by side where the file has pieces.
//!
//! A row costs the reading of its numbers and one addition. Everything that depends on texts only
//! (what the SKU is, whose it is) is found out once per distinct line. Workers own their sums, which
//! are whole numbers, so it does not matter which worker took which row.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono_tz::Tz;
use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::super::IngestError;
use super::super::cluster::GPU_PARTS;
use super::super::raw::{FileFacts, RawTable, TableInput};
use super::super::rejected::{Rejected, RejectedKind};
use super::booking::{Booking, Fate, Resolver};
use super::books::{Books, Names};
use super::charge::{BillFormat, ChargeCategory, Costs, Part, PartKind, Parts, Terms};
use super::lines::{Handle, Lines, Met, Place};
use super::sketch::{Common, Sketch};
use super::sums::{self, Sums};
use super::tally::{DAY_US, Tally};
use crate::units::{Currency, Timestamp};

/// Rows of a batch where a file is read in order.
const BATCH_ROWS: usize = 1 << 16;

/// A file whose rows are in the books.
pub(in crate::ingest) struct PostedFile {
    /// What is known of it.
    pub(in crate::ingest) facts: FileFacts,
    /// Its format with the version.
    pub(in crate::ingest) format: String,
    /// Headers that were used.
    pub(in crate::ingest) columns_used: Vec<String>,
    /// Who is paid, and when.
    pub(in crate::ingest) charged: Charged,
}

/// Who is paid in a file, and when: two exports of one provider over one time are one money.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct Charged {
    /// Providers.
    providers: BTreeSet<Option<String>>,
    /// Accounts of GPU charges, with their provider.
    accounts: BTreeSet<(Option<String>, String)>,
    /// From the first to the last instant of usage.
    span: Option<(i64, i64)>,
    /// Some of its rows.
    sketch: Sketch,
    /// The first row in each currency.
    currencies: BTreeMap<Currency, u64>,
}

impl Charged {
    /// The first row in each currency.
    pub(in crate::ingest) fn first_rows(&self) -> impl Iterator<Item = (Currency, u64)> {
        self.currencies.iter().map(|(currency, row)| (*currency, *row))
    }

    /// Whether two files can hold charges of one time.
    pub(in crate::ingest) fn overlaps(&self, other: &Charged) -> bool {
        match (self.span, other.span) {
            (Some(a), Some(b)) => a.0 < b.1 && b.0 < a.1,
            _ => false,
        }
    }

    /// A provider that both bill, unless the accounts they name are others.
    pub(in crate::ingest) fn shared<'a>(&'a self, other: &Charged) -> Option<&'a Option<String>> {
        let both = self.providers.iter().filter(|it| other.providers.contains(*it));
        both.into_iter().find(|provider| {
            let own = |it: &Charged| it.accounts.iter().any(|(of, _)| of == *provider);
            let shared =
                self.accounts.iter().any(|it| it.0 == **provider && other.accounts.contains(it));
            shared || !own(self) || !own(other)
        })
    }

    /// The rows that two files have in common.
    pub(in crate::ingest) fn common(&self, other: &Charged) -> Common {
        Common::of(&self.sketch, &other.sketch)
    }

    fn note(&mut self, names: &Names, span: Option<(i64, i64)>, seen: &Seen) {
        seen.sketch.rows().keys().for_each(|it| self.sketch.note(*it, ()));
        for (currency, row) in &seen.currencies {
            let first = self.currencies.entry(*currency).or_insert(*row);
            *first = (*row).min(*first);
        }
        for booking in names.bookings().filter(|it| it.fate != Fate::Rejected) {
            self.providers.insert(booking.provider.clone());
            if let Some(account) = &booking.sub_account {
                self.accounts.insert((booking.provider.clone(), account.clone()));
            }
        }
        self.span = match (self.span, span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}

/// Reads a bill and posts its rows.
pub(in crate::ingest) fn post(
    input: TableInput,
    format: &BillFormat,
    resolver: Resolver<'_>,
    books: &mut Books,
) -> Result<PostedFile, IngestError> {
    if input.pieces().is_some() {
        side_by_side(&input, format, resolver, books)
    } else {
        in_order(input, format, resolver, books)
    }
}

/// Rows one batch after the other.
fn in_order(
    input: TableInput,
    format: &BillFormat,
    resolver: Resolver<'_>,
    books: &mut Books,
) -> Result<PostedFile, IngestError> {
    let file = resolver.file;
    let mut state: Option<(Lines<'_>, Posting)> = None;
    // JSON lines may bring new columns with every batch, so each batch is bound anew when its
    // headers differ from those before.
    let mut headers: Vec<String> = Vec::new();
    let mut described = None;
    let mut charged = Charged::default();
    let mut close = |(lines, mut posting): (Lines<'_>, Posting)| {
        let names = lines.into_names();
        charged.note(&names, posting.tally.span(), &posting.seen());
        books.absorb(names, posting.tally)
    };
    let facts = input.batches(&format.wants, BATCH_ROWS, &mut |table| {
        if state.is_none() || headers != table.headers {
            state.take().map(&mut close).transpose()?;
            headers.clone_from(&table.headers);
            let bound = (format.bind)(&table, file)?;
            described.get_or_insert_with(|| (bound.format(), bound.columns_used()));
            state = Some((Lines::new(bound, resolver), Posting::default()));
        }
        match &mut state {
            Some((lines, posting)) => posting.batch(&table, lines),
            None => Ok(()),
        }
    })?;
    state.take().map(&mut close).transpose()?;
    let Some((format, columns_used)) = described else {
        return Err(IngestError::NoRows { file: file.to_owned() });
    };
    Ok(PostedFile { facts, format, columns_used, charged })
}

/// The pieces of a Parquet file, each by the worker that is free.
fn side_by_side(
    input: &TableInput,
    format: &BillFormat,
    resolver: Resolver<'_>,
    books: &mut Books,
) -> Result<PostedFile, IngestError> {
    let no_rows = || IngestError::NoRows { file: resolver.file.to_owned() };
    let pieces = input.pieces().ok_or_else(no_rows)?;
    let head = pieces.pieces.first().ok_or_else(no_rows)?.head(1000);
    let bound = (format.bind)(&pieces.piece(&head, &format.wants)?, resolver.file)?;
    let lines = Lines::new(bound, resolver);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut posting = Posting::default();
        while let Some(piece) = pieces.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let table = pieces.piece(piece, &format.wants)?;
            posting.batch(&table, &lines)?;
        }
        let seen = posting.seen();
        Ok((posting.tally, seen))
    };
    let workers = rayon::current_num_threads().min(pieces.pieces.len()).max(1);
    let (parts, sha256) = rayon::join(
        || (0..workers).into_par_iter().map(|_| work()).collect::<Vec<Result<_, IngestError>>>(),
        || pieces.sha256(),
    );
    let (mut tallies, mut seen) = (Vec::new(), Vec::new());
    for part in parts {
        let (tally, of_part) = part?;
        tallies.push(tally);
        seen.push(of_part);
    }
    let mut rejected: Vec<_> = tallies.iter_mut().flat_map(|it| it.rejected.drain(..)).collect();
    let mut whole = tallies.pop().unwrap_or_default();
    for tally in tallies {
        whole.absorb(tally, |it| it, |it| it, |it| it)?;
    }
    // Each worker keeps the first it meets, so the first of all are among them.
    rejected.sort_by_key(|it| it.row);
    whole.rejected = rejected;
    let (format, columns_used) = (lines.bound.format(), lines.bound.columns_used());
    let names = lines.into_names();
    let mut charged = Charged::default();
    for it in &seen {
        charged.note(&names, whole.span(), it);
    }
    books.absorb(names, whole)?;
    let facts = FileFacts {
        rows_in: pieces.rows(),
        rejected: Vec::new(),
        sha256: sha256?,
        headers: pieces.headers.clone(),
    };
    Ok(PostedFile { facts, format, columns_used, charged })
}

/// What a worker saw of a file beside its amounts.
struct Seen {
    sketch: Sketch,
    currencies: BTreeMap<Currency, u64>,
}

/// A worker.
#[derive(Default)]
struct Posting {
    met: Met,
    tally: Tally,
    parts: Parts,
    sketch: Sketch,
}

impl Posting {
    fn seen(&mut self) -> Seen {
        Seen {
            sketch: std::mem::take(&mut self.sketch),
            currencies: std::mem::take(&mut self.met.currencies),
        }
    }

    /// Posts the rows of a batch.
    fn batch(&mut self, table: &RawTable, lines: &Lines<'_>) -> Result<(), IngestError> {
        let tuples = table.tuples(lines.bound.line_columns());
        let places = self.met.places(table, &tuples, lines);
        for (row, tuple) in tuples.of_rows.iter().enumerate() {
            if let Some(place) = places.get(*tuple as usize) {
                self.row((table, row), *place, lines)?;
            }
        }
        Ok(())
    }

    /// Posts a row, or rejects it with the amounts that could be read.
    fn row(
        &mut self,
        (table, row): (&RawTable, usize),
        place: usize,
        lines: &Lines<'_>,
    ) -> Result<(), IngestError> {
        let Posting { met, tally, parts, sketch } = self;
        let Some(handle) = met.handles.get_mut(place) else { return Ok(()) };
        parts.clear();
        let mut read = lines.bound.row(table, row, &handle.terms, parts);
        tally.from_floats += parts.from_floats;
        if handle.is_faulty {
            // Only its amounts are of use; what else is wrong with it does not matter.
            read = Err(lines.fault(handle));
        }
        let Err((column, reason)) = read else {
            parts.iter().filter_map(|it| print_of(handle, it)).for_each(|it| sketch.note(it, ()));
            let mut numbered = parts.iter().enumerate();
            return numbered.try_for_each(|(number, part)| {
                post_part(part, u64::from(number == 0), (handle, lines), tally)
            });
        };
        reject(parts, (handle, lines), tally)?;
        let file = lines.resolver.file.to_owned();
        let (row, kind) = (table.row_number(row), RejectedKind::Faulty);
        tally.reject(Rejected { file, row, column, reason, kind });
        Ok(())
    }
}

/// A hash of what a part charges; nothing where it is free.
fn print_of(handle: &Handle, part: &Part) -> Option<u64> {
    let amount = |it: Option<i128>| it.unwrap_or(0);
    let (billed, effective) = (amount(part.costs.billed), amount(part.costs.effective));
    let (start, end) = (part.period.start().us(), part.period.end().us());
    let row = (handle.print, start, end, billed, effective);
    (billed != 0 || effective != 0).then(|| FixedState::default().hash_one(row))
}

/// Adds what could be read of a row that is refused.
fn reject(
    parts: &Parts,
    (handle, lines): (&Handle, &Lines<'_>),
    tally: &mut Tally,
) -> Result<(), IngestError> {
    // An amount without a currency can be added to nothing.
    let Some(currency) = handle.currency else { return Ok(()) };
    let category = handle.terms.category;
    for (number, part) in parts.iter().enumerate() {
        let sums = Sums { rows: u64::from(number == 0), ..Sums::of(part.costs, None) };
        tally.total((currency, category), &sums)?;
        let booking = lines.number(&Booking::empty(Fate::Rejected, category, currency));
        tally.group((booking, part.period.start().us(), part.period.end().us()), &sums)?;
    }
    Ok(())
}

/// Adds a part to the totals and to its place. The first part of a row counts it.
fn post_part(
    part: &Part,
    rows: u64,
    (handle, lines): (&mut Handle, &Lines<'_>),
    tally: &mut Tally,
) -> Result<(), IngestError> {
    let place = lines.place(handle, part.kind);
    if matches!(place, Place::Nowhere) {
        return Ok(());
    }
    let terms = &handle.terms;
    let currency = handle.currency.unwrap_or(Currency::USD);
    let category = match part.kind {
        PartKind::Credit => Some(ChargeCategory::Credit),
        PartKind::Unused => Some(ChargeCategory::Usage),
        PartKind::Main | PartKind::PurchaseForLater | PartKind::Covered => terms.category,
    };
    let gpu_hours = part.quantity.zip(handle.gpu_hours_per_unit).map(|(a, b)| a * b);
    let is_use = matches!(part.kind, PartKind::Main | PartKind::Covered)
        && category == Some(ChargeCategory::Usage);
    if is_use && part.kind == PartKind::Main && !terms.committed {
        // Without a commitment the two costs of a use are one.
        tally.note_rounding(handle.provider, &part.costs);
    }
    let mut costs = part.costs;
    if part.kind == PartKind::PurchaseForLater {
        let left_out = Costs { billed: None, effective: None, ..costs };
        tally.left_out.entry(currency).or_default().add(&left_out)?;
        costs = Costs { list: None, contracted: None, ..costs };
    }
    let (start, end) = (part.period.start().us(), part.period.end().us());
    // The money of a charge outside the billed month belongs to that month. Its hours do not, unless
    // the month is that of another zone.
    let moved = part.billing_start.and_then(|it| into_month(it, (start, end)));
    let of_zone = moved.is_some_and(|it| it.of_zone.is_some());
    let booked = moved.map_or((start, end), |it| it.to);
    let hours_stay = moved.is_some() && !of_zone;
    let hours = gpu_hours.filter(|_| !hours_stay);
    match terms.invoiced {
        Some(true) => tally.invoice[0] += 1,
        Some(false) => tally.invoice[1] += 1,
        None => {}
    }
    tally.invoice[2] += u64::from(terms.correction);
    // What corrects an earlier time says nothing of the time that the bill covers.
    if is_use && !hours_stay && !terms.correction {
        tally.note_usage(booked, handle.is_gpu);
        tally.months.extend(moved.and_then(|it| it.of_zone));
    }
    let sums = Sums { rows, nano_committed: committed(part, terms), ..Sums::of(costs, hours) };
    tally.total((currency, category), &sums)?;
    // What a commitment covers may be less than what ran, and says nothing of it.
    let billed = hours.filter(|_| !terms.committed);
    add(place, booked, (&sums, billed), (lines, tally))?;
    if hours_stay && gpu_hours.is_some() {
        let hours = Sums { rows: 0, ..Sums::of(Costs::default(), gpu_hours) };
        add(place, (start, end), (&hours, None), (lines, tally))?;
    }
    Ok(())
}

/// What of a commitment whose fee is spread was bought or is covered, in 10^-9.
fn committed(part: &Part, terms: &Terms) -> i64 {
    let counts = match part.kind {
        PartKind::Covered => true,
        PartKind::Main => terms.spread && terms.category == Some(ChargeCategory::Purchase),
        _ => false,
    };
    let quantity = part.quantity.filter(|_| counts).and_then(sums::nano);
    quantity.and_then(|it| i64::try_from(it).ok()).unwrap_or(0)
}

/// Adds to a place; with the GPU-hours that a row bills of all that ran, where it tells them.
fn add(
    place: Place,
    (start, end): (i64, i64),
    (sums, billed): (&Sums, Option<f64>),
    (lines, tally): (&Lines<'_>, &mut Tally),
) -> Result<(), IngestError> {
    match place {
        Place::Nowhere => {}
        Place::Booked(booking) => tally.group((booking, start, end), sums)?,
        Place::Held(hold) => tally.hold(hold, (start, end), sums),
        Place::Shared(number) => {
            if let Some(shared) = lines.shared(number) {
                tally.share(&shared, (start, end), sums, billed.and_then(parts_us))?;
            }
        }
    }
    Ok(())
}

/// GPU-hours, of a correction too, in the unit of [`Shared::portions`].
fn parts_us(gpu_hours: f64) -> Option<u128> {
    /// Microseconds in a billionth of an hour, times 10: 36.
    const US_10: u128 = 36;
    let nano = sums::nano(gpu_hours)?.unsigned_abs();
    nano.checked_mul(US_10 * u128::from(GPU_PARTS) / 10)
}

/// A charge that was moved into the month that bills it.
#[derive(Clone, Copy)]
struct Moved {
    to: (i64, i64),
    /// The start of the month, where it is one of another zone: it ends within a day of that of UTC.
    of_zone: Option<i64>,
}

/// The period of a charge moved into the month that bills it, where it starts outside: to its first
/// instants when it is earlier, to its last when it is later (months of other zones end later).
fn into_month(billing: Timestamp, (start, end): (i64, i64)) -> Option<Moved> {
    /// The shortest month.
    const LEAST_MONTH_US: i64 = 28 * DAY_US;
    let (first, len) = (billing.us(), end - start);
    if start < first {
        return Some(Moved { to: (first, first + len), of_zone: None });
    }
    if start - first < LEAST_MONTH_US {
        return None;
    }
    let day = billing.in_zone(Tz::UTC).date();
    let next = day.checked_add_months(chrono::Months::new(1))?.and_hms_opt(0, 0, 0)?;
    let next = next.and_utc().timestamp_micros();
    let of_zone = (start < next + DAY_US).then_some(first);
    (start >= next).then(|| Moved { to: ((next - len).max(first), next), of_zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_stays_in_the_month_that_bills_it() {
        let at = |text: &str| Timestamp::parse(text, Tz::UTC).unwrap();
        let moved = |start: &str, end: &str| {
            let found = into_month(at("2026-05-01"), (at(start).us(), at(end).us()))?.to;
            Some((
                Timestamp::from_us(found.0).to_rfc3339(),
                Timestamp::from_us(found.1).to_rfc3339(),
            ))
        };
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(moved("2026-05-31T23:00", "2026-06-01"), None);
        assert_eq!(
            moved("2026-04-28T03:00", "2026-04-28T04:00"),
            pair("2026-05-01T00:00:00Z", "2026-05-01T01:00:00Z")
        );
        assert_eq!(
            moved("2026-06-01T03:00", "2026-06-01T04:00"),
            pair("2026-05-31T23:00:00Z", "2026-06-01T00:00:00Z")
        );
    }
}
