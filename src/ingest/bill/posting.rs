//! Posts the rows of a file to the books, side by side where the file has pieces.
//!
//! A row costs one look-up of its tuple of codes, the reading of its numbers, and one addition.
//! Everything that depends on texts only (what the SKU is, whose it is) is found out once per
//! distinct tuple. Workers own their books; sums are whole numbers, so it does not matter which
//! worker took which row.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use rayon::prelude::*;

use super::super::IngestError;
use super::super::raw::{FileFacts, RawTable, TableInput};
use super::super::rejected::{Rejected, RejectedKind};
use super::booking::{Booking, Fate, Resolved, Resolver, gpu_hours_per_unit};
use super::books::{Books, Rounding};
use super::charge::{BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts};
use super::sums::Sums;
use crate::catalog::SkuMatch;
use crate::units::{Currency, Timestamp};

/// Most columns that make a line.
const MOST_LINE_COLUMNS: usize = 48;
/// Rows of a batch where a file is read in order.
const BATCH_ROWS: usize = 1 << 16;
/// 10^18: a whole currency unit.
const ONE: i128 = 1_000_000_000_000_000_000;

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
}

impl Charged {
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

    fn note(&mut self, books: &Books) {
        for booking in books.bookings.iter().filter(|it| it.fate != Fate::Rejected) {
            self.providers.insert(booking.provider.clone());
            if let Some(account) = &booking.sub_account {
                self.accounts.insert((booking.provider.clone(), account.clone()));
            }
        }
        self.span = match (self.span, books.span) {
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
    let mut state: Option<(Box<dyn Bound>, Posting)> = None;
    // JSON lines may bring new columns with every batch, so each batch is bound anew when its
    // headers differ from those before.
    let mut headers: Vec<String> = Vec::new();
    let mut described = None;
    let mut charged = Charged::default();
    let facts = input.batches(&format.wants, BATCH_ROWS, &mut |table| {
        if state.is_none() || headers != table.headers {
            if let Some((_, posting)) = state.take() {
                charged.note(&posting.books);
                books.absorb(posting.books)?;
            }
            headers.clone_from(&table.headers);
            let bound = (format.bind)(&table, file)?;
            described.get_or_insert_with(|| (bound.format(), bound.columns_used()));
            state = Some((bound, Posting::default()));
        }
        match &mut state {
            Some((bound, posting)) => posting.batch(&table, bound.as_ref(), resolver),
            None => Ok(()),
        }
    })?;
    if let Some((_, posting)) = state {
        charged.note(&posting.books);
        books.absorb(posting.books)?;
    }
    let Some((format, columns_used)) = described else {
        return Err(IngestError::NoRows { file: file.to_owned() });
    };
    Ok(PostedFile { facts, format, columns_used, charged })
}

/// The pieces of a Parquet file, every worker its own.
fn side_by_side(
    input: &TableInput,
    format: &BillFormat,
    resolver: Resolver<'_>,
    books: &mut Books,
) -> Result<PostedFile, IngestError> {
    let file = resolver.file;
    let no_rows = || IngestError::NoRows { file: file.to_owned() };
    let pieces = input.pieces().ok_or_else(no_rows)?;
    let first = pieces.pieces.first().ok_or_else(no_rows)?;
    let bound = (format.bind)(&pieces.piece((0, first.1.min(1000)), &format.wants)?, file)?;
    let workers = rayon::current_num_threads().min(pieces.pieces.len()).max(1);
    let (posted, sha256) = rayon::join(
        || {
            (0..workers)
                .into_par_iter()
                .map(|worker| {
                    let mut posting = Posting::default();
                    for piece in pieces.pieces.iter().skip(worker).step_by(workers) {
                        let table = pieces.piece(*piece, &format.wants)?;
                        posting.batch(&table, bound.as_ref(), resolver)?;
                    }
                    Ok(posting)
                })
                .collect::<Vec<Result<Posting, IngestError>>>()
        },
        || pieces.sha256(),
    );
    let mut charged = Charged::default();
    for posting in posted {
        let posting = posting?;
        charged.note(&posting.books);
        books.absorb(posting.books)?;
    }
    let facts = FileFacts {
        rows_in: pieces.rows(),
        rejected: Vec::new(),
        sha256: sha256?,
        headers: pieces.headers.clone(),
    };
    let (format, columns_used) = (bound.format(), bound.columns_used());
    Ok(PostedFile { facts, format, columns_used, charged })
}

/// A line and where its parts go.
struct LineState {
    line: Line,
    sku: SkuMatch,
    gpu_hours_per_unit: Option<f64>,
    /// By [`PartKind`], filled when the first such part comes.
    places: [Option<Place>; 4],
    rounding: usize,
}

/// Where a kind of part of a line goes, by numbers of the books.
#[derive(Clone)]
enum Place {
    Booked(u32),
    Held(u32, u32),
    /// The rest, and for each share: thousandths of GPUs held, thousandths there are, from, to,
    /// booking.
    Shared(u32, Vec<Share>),
    Nowhere,
}

#[derive(Clone)]
struct Share {
    held: u64,
    of: u64,
    from: i64,
    to: i64,
    booking: u32,
}

/// A worker.
#[derive(Default)]
struct Posting {
    books: Books,
    /// Texts of each line column.
    texts: Vec<IndexMap<String, u32, FixedState>>,
    /// From the codes of a line to its place in `lines`.
    tuples: IndexMap<[u32; MOST_LINE_COLUMNS], (), FixedState>,
    lines: Vec<Result<LineState, Fault>>,
    rounding: Vec<(Option<String>, Rounding)>,
    totals: Vec<((Currency, Option<ChargeCategory>), Sums)>,
    parts: Parts,
}

impl Posting {
    /// Posts the rows of a batch.
    fn batch(
        &mut self,
        table: &RawTable,
        bound: &dyn Bound,
        resolver: Resolver<'_>,
    ) -> Result<(), IngestError> {
        let columns = bound.line_columns();
        self.texts.resize_with(columns.len().min(MOST_LINE_COLUMNS), IndexMap::default);
        let coded: Vec<_> = columns.iter().map(|it| table.coded(*it)).collect();
        // From the codes of this batch to those of the worker.
        let maps: Vec<Vec<u32>> = coded
            .iter()
            .zip(&mut self.texts)
            .map(|(coded, known)| {
                let codes = coded.values.iter().map(|text| code_of(known, text));
                std::iter::once(0).chain(codes).collect()
            })
            .collect();
        let mut last: Option<([u32; MOST_LINE_COLUMNS], usize)> = None;
        for row in 0..table.len() {
            let mut tuple = [0_u32; MOST_LINE_COLUMNS];
            for (slot, (coded, map)) in tuple.iter_mut().zip(coded.iter().zip(&maps)) {
                let code = coded.codes.get(row).copied().unwrap_or(0);
                *slot = map.get(code as usize).copied().unwrap_or(0);
            }
            let at = match last {
                Some((known, at)) if known == tuple => at,
                _ => self.line_of(&tuple, bound, resolver),
            };
            last = Some((tuple, at));
            self.row(table, row, at, (bound, resolver))?;
        }
        for (key, sums) in self.totals.drain(..) {
            self.books.totals.entry(key).or_default().add(&sums)?;
        }
        for (provider, seen) in &self.rounding {
            self.books.rounding.insert(provider.clone(), *seen);
        }
        Ok(())
    }

    /// The place of a line in `lines`, made when it is seen first.
    fn line_of(
        &mut self,
        tuple: &[u32; MOST_LINE_COLUMNS],
        bound: &dyn Bound,
        resolver: Resolver<'_>,
    ) -> usize {
        if let Some(at) = self.tuples.get_index_of(tuple) {
            return at;
        }
        let texts: Vec<Option<&str>> = self
            .texts
            .iter()
            .zip(tuple)
            .map(|(known, code)| {
                let at = (*code as usize).checked_sub(1)?;
                known.get_index(at).map(|(text, _)| text.as_str())
            })
            .collect();
        let state = bound.line(&texts).map(|line| {
            let sku = resolver.sku(&line);
            let gpu_hours_per_unit = match &sku {
                SkuMatch::Gpu(gpu) => gpu_hours_per_unit(&line, gpu),
                _ => None,
            };
            let rounding = self.rounding.iter().position(|it| it.0 == line.provider);
            let rounding = rounding.unwrap_or_else(|| {
                self.rounding.push((line.provider.clone(), Rounding::default()));
                self.rounding.len() - 1
            });
            let places = [None, None, None, None];
            LineState { line, sku, gpu_hours_per_unit, places, rounding }
        });
        self.lines.push(state);
        self.tuples.insert_full(*tuple, ()).0
    }

    /// Posts a row, or rejects it with the amounts that could be read.
    fn row(
        &mut self,
        table: &RawTable,
        row: usize,
        at: usize,
        (bound, resolver): (&dyn Bound, Resolver<'_>),
    ) -> Result<(), IngestError> {
        let mut parts = std::mem::take(&mut self.parts);
        parts.clear();
        let nothing = Line::default();
        let fault = match self.lines.get(at) {
            Some(Ok(state)) => bound.row(table, row, &state.line, &mut parts).err(),
            Some(Err(fault)) => {
                // Only its amounts are of use; what else is wrong with it does not matter.
                let _ = bound.row(table, row, &nothing, &mut parts);
                Some(fault.clone())
            }
            None => None,
        };
        self.books.from_floats += parts.from_floats;
        if let Some((column, reason)) = fault {
            self.reject(&parts, at)?;
            let file = resolver.file.to_owned();
            let (row, kind) = (table.row_number(row), RejectedKind::Faulty);
            self.books.reject(Rejected { file, row, column, reason, kind });
        } else {
            for (number, part) in parts.iter().enumerate() {
                self.post(part, at, u64::from(number == 0), resolver)?;
            }
        }
        self.parts = parts;
        Ok(())
    }

    fn reject(&mut self, parts: &Parts, at: usize) -> Result<(), IngestError> {
        let line = self.lines.get(at).and_then(|it| it.as_ref().ok()).map(|it| &it.line);
        let currency = line.and_then(|it| it.currency).unwrap_or(Currency::USD);
        let category = line.and_then(|it| it.category);
        for (number, part) in parts.iter().enumerate() {
            let sums = Sums { rows: u64::from(number == 0), ..Sums::of(part.costs, None) };
            self.total((currency, category), &sums)?;
            let booking = Booking::empty(Fate::Rejected, category, currency);
            let number = self.books.number(&booking);
            let key = (number, part.period.start().us(), part.period.end().us());
            self.books.groups.entry(key).or_default().add(&sums)?;
        }
        Ok(())
    }

    fn total(
        &mut self,
        key: (Currency, Option<ChargeCategory>),
        sums: &Sums,
    ) -> Result<(), IngestError> {
        match self.totals.iter_mut().find(|it| it.0 == key) {
            Some((_, known)) => known.add(sums)?,
            None => self.totals.push((key, *sums)),
        }
        Ok(())
    }

    /// Adds a part to the totals and to its place.
    /// The first part of a row counts it.
    fn post(
        &mut self,
        part: &Part,
        at: usize,
        rows: u64,
        resolver: Resolver<'_>,
    ) -> Result<(), IngestError> {
        let place = self.place(at, part.kind, resolver);
        let Some(Ok(state)) = self.lines.get(at) else { return Ok(()) };
        if matches!(place, Place::Nowhere) {
            return Ok(());
        }
        let currency = state.line.currency.unwrap_or(Currency::USD);
        let category = match part.kind {
            PartKind::Credit => Some(ChargeCategory::Credit),
            PartKind::Unused => Some(ChargeCategory::Usage),
            PartKind::Main | PartKind::PurchaseForLater => state.line.category,
        };
        let gpu_hours = part.quantity.zip(state.gpu_hours_per_unit).map(|(a, b)| a * b);
        if let Some((_, seen)) = self.rounding.get_mut(state.rounding) {
            note_rounding(seen, &part.costs);
        }
        let mut costs = part.costs;
        if part.kind == PartKind::PurchaseForLater {
            let left_out = Costs { billed: None, effective: None, ..costs };
            self.books.left_out.entry(currency).or_default().add(&left_out)?;
            costs = Costs { list: None, contracted: None, ..costs };
        }
        let (start, end) = (part.period.start().us(), part.period.end().us());
        // The money of a charge before the billed month belongs to that month; its hours do not.
        let moved = part.billing_start.filter(|it| it.us() > start).map(Timestamp::us);
        let (booked, hours) = match moved {
            Some(billing) => ((billing, billing + (end - start)), None),
            None => ((start, end), gpu_hours),
        };
        match state.line.invoiced {
            Some(true) => self.books.invoice[0] += 1,
            Some(false) => self.books.invoice[1] += 1,
            None => {}
        }
        self.books.invoice[2] += u64::from(state.line.correction);
        if category == Some(ChargeCategory::Usage) && moved.is_none() {
            let span = self.books.span.get_or_insert((start, end));
            *span = (span.0.min(start), span.1.max(end));
        }
        let sums = Sums { rows, ..Sums::of(costs, hours) };
        self.total((currency, category), &sums)?;
        self.add(&place, booked, &sums)?;
        if moved.is_some() && gpu_hours.is_some() {
            let hours = Sums { rows: 0, ..Sums::of(Costs::default(), gpu_hours) };
            self.add(&place, (start, end), &hours)?;
        }
        Ok(())
    }

    /// Adds sums to a place.
    fn add(
        &mut self,
        place: &Place,
        (start, end): (i64, i64),
        sums: &Sums,
    ) -> Result<(), IngestError> {
        match place {
            Place::Nowhere => {}
            Place::Booked(booking) => {
                self.books.groups.entry((*booking, start, end)).or_default().add(sums)?;
            }
            Place::Held(resource, booking) => {
                let key = (*resource, (*booking, start, end));
                self.books.held.entry(key).or_default().add(sums)?;
            }
            Place::Shared(rest_booking, shares) => {
                let mut rest = *sums;
                let here = shares.iter().filter(|it| it.from <= start && start < it.to);
                for share in here {
                    let mut part = Sums {
                        costs: sums.costs.share(share.held, share.of),
                        nano_gpu_hours: sums
                            .nano_gpu_hours
                            .map(|it| it * i128::from(share.held) / i128::from(share.of.max(1))),
                        rows: 0,
                    };
                    if rest.rows == sums.rows {
                        part.rows = sums.rows;
                    }
                    rest.costs = rest.costs.less(&part.costs)?;
                    rest.nano_gpu_hours =
                        rest.nano_gpu_hours.zip(part.nano_gpu_hours).map(|(a, b)| a - b);
                    rest.rows = 0;
                    self.books.groups.entry((share.booking, start, end)).or_default().add(&part)?;
                }
                if rest.rows > 0 || !is_nothing(&rest) {
                    self.books.groups.entry((*rest_booking, start, end)).or_default().add(&rest)?;
                }
            }
        }
        Ok(())
    }

    /// The place of a kind of part of a line.
    fn place(&mut self, at: usize, kind: PartKind, resolver: Resolver<'_>) -> Place {
        let slot = kind as usize;
        let Some(Ok(state)) = self.lines.get(at) else { return Place::Nowhere };
        if let Some(place) = &state.places[slot] {
            return place.clone();
        }
        // Azure writes one id in several cases.
        let id = state.line.resource_id.as_ref().map(|it| it.to_ascii_lowercase());
        let resource = id.map(|id| (state.line.provider.clone(), id));
        let is_gpu = matches!(state.sku, SkuMatch::Gpu(_));
        let resolved = resolver.resolve(&state.line, kind, &state.sku);
        let place = match resolved {
            Resolved::Nowhere => Place::Nowhere,
            Resolved::To(booking) => {
                let gpu_cost = matches!(booking.fate, Fate::Assigned | Fate::Unassigned);
                if let Some(resource) = resource.filter(|_| is_gpu && gpu_cost) {
                    self.books.machine(resource, &booking);
                }
                Place::Booked(self.books.number(&booking))
            }
            Resolved::WithMachine(booking) => match resource {
                Some(resource) => {
                    let booking = self.books.number(&booking);
                    Place::Held(self.books.resource(resource), booking)
                }
                None => Place::Booked(self.books.number(&booking)),
            },
            Resolved::Shared(rest, shares) => {
                let shares = shares
                    .into_iter()
                    .map(|(claim, booking)| Share {
                        held: claim.gpus_milli,
                        of: claim.node_gpus_milli,
                        from: claim.from.map_or(i64::MIN, Timestamp::us),
                        to: claim.to.map_or(i64::MAX, Timestamp::us),
                        booking: self.books.number(&booking),
                    })
                    .collect();
                Place::Shared(self.books.number(&rest), shares)
            }
        };
        if let Some(Ok(state)) = self.lines.get_mut(at) {
            state.places[slot] = Some(place.clone());
        }
        place
    }
}

fn is_nothing(sums: &Sums) -> bool {
    let costs = &sums.costs;
    [costs.billed, costs.effective, costs.list, costs.contracted]
        .iter()
        .all(|it| it.unwrap_or(0) == 0)
        && sums.nano_gpu_hours.unwrap_or(0) == 0
}

fn code_of(known: &mut IndexMap<String, u32, FixedState>, text: &str) -> u32 {
    if let Some(code) = known.get(text) {
        return *code;
    }
    let code = u32::try_from(known.len() + 1).unwrap_or(u32::MAX);
    known.insert(text.to_owned(), code);
    code
}

fn note_rounding(seen: &mut Rounding, costs: &Costs) {
    let has_fraction = |it: i128| it % ONE != 0;
    if !seen.effective_fraction {
        if let Some(effective) = costs.effective.filter(|it| *it != 0) {
            seen.effective_seen = true;
            seen.effective_fraction = has_fraction(effective);
        }
        if !seen.billed_fraction {
            seen.billed_fraction = costs.billed.is_some_and(has_fraction);
        }
    }
}
