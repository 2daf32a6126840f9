//! The distinct lines of a file: what their texts say and where their parts go, found out once,
//! whichever worker meets them first.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use indexmap::{IndexMap, IndexSet};

use super::super::cluster;
use super::super::raw::{RawTable, Tuples};
use super::booking::{Booking, Resolved, Resolver, gpu_hours_per_unit};
use super::books::Names;
use super::charge::{Bound, Fault, Line, PartKind, Terms};
use super::shared::{Life, Share, Shared};
use crate::catalog::SkuMatch;
use crate::units::{Currency, Timestamp};

/// The lines of a file, for all workers.
pub(super) struct Lines<'a> {
    /// The format, bound to the file.
    pub(super) bound: Box<dyn Bound>,
    /// What lines are resolved with.
    pub(super) resolver: Resolver<'a>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By their texts, each with its length before it.
    handles: IndexMap<Box<[u8]>, Handle, FixedState>,
    /// By number, with what the recogniser says of it; or what is wrong with it.
    lines: Vec<Arc<Result<(Line, SkuMatch), Fault>>>,
    /// Machines are few and lines are many.
    skus: IndexMap<SkuTexts, SkuMatch, FixedState>,
    shared: Vec<Arc<Shared>>,
    names: Names,
}

/// Provider, machine, count in bits, GPU, texts.
type SkuTexts = (Option<String>, Option<String>, Option<u64>, Option<String>, Vec<String>);

/// What every row needs of its line, side by side with those of the other lines: lines are many and
/// large, and rows take them in any order.
#[derive(Clone, Copy)]
pub(super) struct Handle {
    /// What of it is no text.
    pub(super) terms: Terms,
    /// The currency of its amounts, where that can be told.
    pub(super) currency: Option<Currency>,
    /// Hours of a GPU for one unit of its quantity.
    pub(super) gpu_hours_per_unit: Option<f64>,
    /// The number of its provider.
    pub(super) provider: u32,
    /// Whether something is wrong with it.
    pub(super) is_faulty: bool,
    /// Whether its SKU is one of GPUs.
    pub(super) is_gpu: bool,
    /// A hash of what it charges, whatever the file writes beside that.
    pub(super) print: u64,
    number: u32,
    /// By [`PartKind`], filled when the first such part comes.
    places: [Option<Place>; PartKind::COUNT],
}

/// The lines that a worker has met, by numbers of its own for their texts: batches repeat them, and
/// numbers are shorter than texts.
#[derive(Default)]
pub(super) struct Met {
    /// By column.
    texts: Vec<IndexSet<Box<str>, FixedState>>,
    tuples: IndexSet<Box<[u32]>, FixedState>,
    /// By the place of their tuple.
    pub(super) handles: Vec<Handle>,
    /// The first row in each currency.
    pub(super) currencies: BTreeMap<Currency, u64>,
}

impl Met {
    /// For each tuple of a batch the place of its line in `handles`.
    pub(super) fn places(
        &mut self,
        table: &RawTable,
        tuples: &Tuples<'_>,
        lines: &Lines<'_>,
    ) -> Vec<usize> {
        let columns = tuples.columns();
        self.texts.resize_with(columns.len(), IndexSet::default);
        // From the codes of the batch to numbers; 0 is for none, as there.
        let numbers: Vec<Vec<u32>> = columns
            .iter()
            .zip(&mut self.texts)
            .map(|(column, known)| {
                let number = |text: &String| match known.get_index_of(text.as_str()) {
                    Some(at) => at,
                    None => known.insert_full(text.as_str().into()).0,
                };
                let numbers = column.values.iter().map(number);
                let numbers = numbers.map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
                std::iter::once(0).chain(numbers).collect()
            })
            .collect();
        let mut key = Vec::with_capacity(columns.len());
        (0..tuples.len())
            .map(|tuple| {
                key.clear();
                key.extend(
                    tuples
                        .codes(tuple)
                        .zip(&numbers)
                        .map(|(code, numbers)| numbers.get(code as usize).copied().unwrap_or(0)),
                );
                if let Some(at) = self.tuples.get_index_of(key.as_slice()) {
                    return at;
                }
                let handle = lines.find(tuples, tuple);
                if let Some(currency) = handle.currency {
                    let row = table.row_number(tuples.first_row(tuple));
                    let first = self.currencies.entry(currency).or_insert(row);
                    *first = row.min(*first);
                }
                self.handles.push(handle);
                self.tuples.insert_full(key.as_slice().into()).0
            })
            .collect()
    }
}

/// Where a kind of part of a line goes, by numbers of [`Names`].
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// To a booking.
    Booked(u32),
    /// To a hold, until it is known whether its resource has GPUs.
    Held(u32),
    /// To several, by the number of [`Lines::shared`].
    Shared(u32),
    /// Nowhere: it divides what other rows hold.
    Nowhere,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bound: Box<dyn Bound>, resolver: Resolver<'a>) -> Lines<'a> {
        Lines { bound, resolver, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the numbers mean, when all rows are posted.
    pub(super) fn into_names(self) -> Names {
        self.known.into_inner().unwrap_or_else(PoisonError::into_inner).names
    }

    /// The number of a booking.
    pub(super) fn number(&self, booking: &Booking) -> u32 {
        self.known().names.number(booking)
    }

    /// What is wrong with a line.
    pub(super) fn fault(&self, handle: &Handle) -> Fault {
        let known = self.known();
        match known.lines.get(handle.number as usize).map(AsRef::as_ref) {
            Some(Err(fault)) => fault.clone(),
            _ => (None, "the line cannot be read".to_owned()),
        }
    }

    /// A machine that is shared.
    pub(super) fn shared(&self, number: u32) -> Option<Arc<Shared>> {
        self.known().shared.get(number as usize).cloned()
    }

    /// The line of a tuple of texts.
    fn find(&self, tuples: &Tuples<'_>, tuple: usize) -> Handle {
        let mut key = Vec::new();
        for text in tuples.texts(tuple) {
            let len = text.map_or(0, |it| it.len() as u64 + 1);
            key.extend_from_slice(&len.to_le_bytes());
            key.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        let mut known = self.known();
        if let Some(handle) = known.handles.get(key.as_slice()) {
            return *handle;
        }
        let texts: Vec<Option<&str>> = tuples.texts(tuple).collect();
        let handle = self.new_line(&texts, &mut known);
        known.handles.insert(key.into(), handle);
        handle
    }

    fn new_line(&self, texts: &[Option<&str>], known: &mut Known) -> Handle {
        let line = self.bound.line(texts);
        let currency = match &line {
            Ok(line) => Some(line.currency.unwrap_or(Currency::USD)),
            Err(_) => self.bound.currency(texts),
        };
        known.names.unread_tags += u64::from(line.as_ref().is_ok_and(|it| it.unread_tags));
        let provider = line.as_ref().ok().and_then(|it| it.provider.clone());
        let mut handle = Handle {
            terms: line.as_ref().map(Line::terms).unwrap_or_default(),
            currency,
            gpu_hours_per_unit: None,
            provider: known.names.provider(provider),
            is_faulty: line.is_err(),
            is_gpu: false,
            print: line.as_ref().map(print_of).unwrap_or_default(),
            number: u32::try_from(known.lines.len()).unwrap_or(u32::MAX),
            places: [None; PartKind::COUNT],
        };
        let line = line.map(|line| {
            let sku = known.sku(&line, self.resolver);
            if let SkuMatch::Gpu(gpu) = &sku {
                handle.is_gpu = true;
                handle.gpu_hours_per_unit = gpu_hours_per_unit(&line, gpu);
            }
            (line, sku)
        });
        known.lines.push(Arc::new(line));
        handle
    }

    /// The place of a kind of part of a line.
    pub(super) fn place(&self, handle: &mut Handle, kind: PartKind) -> Place {
        let slot = &mut handle.places[kind as usize];
        if let Some(place) = slot {
            return *place;
        }
        let place = self.known().place(handle.number as usize, kind, self.resolver);
        *slot = Some(place);
        place
    }
}

impl Known {
    fn sku(&mut self, line: &Line, resolver: Resolver<'_>) -> SkuMatch {
        let texts = (
            line.provider.clone(),
            line.instance_type.clone(),
            line.gpu_count.map(f64::to_bits),
            line.gpu_name.clone(),
            line.sku_texts.clone(),
        );
        self.skus.entry(texts).or_insert_with(|| resolver.sku(line)).clone()
    }

    /// The place of a kind of part, found out by the first that asks.
    fn place(&mut self, number: usize, kind: PartKind, resolver: Resolver<'_>) -> Place {
        let slot = kind as usize;
        let known = self.handles.get_index(number).and_then(|(_, it)| it.places[slot]);
        if let Some(place) = known {
            return place;
        }
        let Some(line) = self.lines.get(number).map(Arc::clone) else { return Place::Nowhere };
        let place = match line.as_ref() {
            Ok((line, sku)) => self.resolved(line, sku, resolver.resolve(line, kind, sku)),
            Err(_) => Place::Nowhere,
        };
        if let Some((_, handle)) = self.handles.get_index_mut(number) {
            handle.places[slot] = Some(place);
        }
        place
    }

    fn resolved(&mut self, line: &Line, sku: &SkuMatch, resolved: Resolved) -> Place {
        let names = &mut self.names;
        // Azure writes one id in several cases.
        let id = line.resource_id.as_ref().map(|it| it.to_ascii_lowercase());
        let resource = id.map(|id| (line.provider.clone(), id));
        match (resolved, resource) {
            (Resolved::Nowhere, _) => Place::Nowhere,
            (Resolved::To(booking), resource) => {
                if let (SkuMatch::Gpu(_), true, Some(resource)) =
                    (sku, booking.is_gpu_cost(), resource)
                {
                    names.machine(resource, &booking);
                }
                Place::Booked(names.number(&booking))
            }
            (Resolved::WithMachine(booking, _), None) => Place::Booked(names.number(&booking)),
            (Resolved::WithMachine(booking, claimed), Some(resource)) => {
                Place::Held(names.hold(resource, &booking, claimed))
            }
            (Resolved::Shared(rest, shares, lives), _) => {
                let start = |it: Option<Timestamp>| it.map_or(i64::MIN, Timestamp::us);
                let end = |it: Option<Timestamp>| it.map_or(i64::MAX, Timestamp::us);
                let shares = shares.into_iter().map(|(claim, booking)| Share {
                    held: claim.gpu_parts,
                    of: claim.node_gpu_parts,
                    from: start(claim.from),
                    to: end(claim.to),
                    booking: names.number(&booking),
                });
                let shares = shares.collect();
                let life = |it: cluster::Life| Life {
                    gpus: it.gpu_parts,
                    from: start(it.from),
                    to: end(it.to),
                };
                let lives = lives.into_iter().map(life).collect();
                self.shared.push(Arc::new(Shared { shares, lives, rest: names.number(&rest) }));
                Place::Shared(u32::try_from(self.shared.len() - 1).unwrap_or(u32::MAX))
            }
        }
    }
}

/// A hash of what a line charges: the same in a copy of the file in another container.
fn print_of(line: &Line) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let texts = [&line.provider, &line.sub_account, &line.resource_id, &line.resource_name];
    (texts, &line.region, &line.service, &line.instance_type, &line.sku_texts).hash(&mut hasher);
    (line.category, line.currency, &line.commitment, line.correction).hash(&mut hasher);
    hasher.finish()
}
