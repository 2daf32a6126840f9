//! The distinct lines of a file: what their texts say and where their parts go, found out once,
//! whichever worker meets them first.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::fast::FixedState;
use indexmap::{Equivalent, IndexMap};

use super::super::raw::Tuples;
use super::booking::{Booking, Resolved, Resolver, gpu_hours_per_unit};
use super::books::Names;
use super::charge::{Bound, Fault, Line, PartKind};
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
    lines: IndexMap<LineTexts, Arc<LineState>, FixedState>,
    /// Machines are few and lines are many.
    skus: IndexMap<SkuTexts, SkuMatch, FixedState>,
    names: Names,
}

type LineTexts = Box<[Option<Box<str>>]>;
/// Provider, machine, count in bits, GPU, texts.
type SkuTexts = (Option<String>, Option<String>, Option<u64>, Option<String>, Vec<String>);

/// The texts of a line that is looked for.
struct Texts<'a>(&'a [Option<&'a str>]);

impl Hash for Texts<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As a slice of owned texts does.
        self.0.hash(state);
    }
}

impl Equivalent<LineTexts> for Texts<'_> {
    fn equivalent(&self, key: &LineTexts) -> bool {
        self.0.iter().copied().eq(key.iter().map(Option::as_deref))
    }
}

/// A line and where its parts go.
pub(super) struct LineState {
    /// What it says, or what is wrong with it.
    pub(super) line: Result<Line, Fault>,
    /// The currency of its amounts, where that can be told.
    pub(super) currency: Option<Currency>,
    /// Hours of a GPU for one unit of its quantity.
    pub(super) gpu_hours_per_unit: Option<f64>,
    /// The number of its provider.
    pub(super) provider: usize,
    sku: SkuMatch,
    /// By [`PartKind`], filled when the first such part comes.
    places: [OnceLock<Place>; 4],
}

/// Where a kind of part of a line goes, by numbers of [`Names`].
pub(super) enum Place {
    /// To a booking.
    Booked(u32),
    /// To a hold, until it is known whether its resource has GPUs.
    Held(u32),
    /// To those who held a part of the machine at the time, the rest to a booking.
    Shared(u32, Vec<Share>),
    /// Nowhere: it divides what other rows hold.
    Nowhere,
}

/// A part of a machine that a workload held.
pub(super) struct Share {
    /// Thousandths of GPUs held.
    pub(super) held: u64,
    /// Thousandths of GPUs there are.
    pub(super) of: u64,
    /// From then, in microseconds.
    pub(super) from: i64,
    /// Until then.
    pub(super) to: i64,
    /// The booking.
    pub(super) booking: u32,
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

    /// The lines of tuples of texts.
    pub(super) fn of(&self, tuples: &Tuples<'_>) -> Vec<Arc<LineState>> {
        let mut known = self.known();
        let known = &mut *known;
        let mut lines = Vec::new();
        for texts in tuples.texts() {
            let line = known.lines.get(&Texts(&texts)).cloned();
            lines.push(line.unwrap_or_else(|| {
                let state = Arc::new(self.state(&texts, known));
                let texts = texts.iter().map(|it| it.map(Box::from)).collect();
                known.lines.insert(texts, Arc::clone(&state));
                state
            }));
        }
        lines
    }

    fn state(&self, texts: &[Option<&str>], known: &mut Known) -> LineState {
        let line = self.bound.line(texts);
        let currency = match &line {
            Ok(line) => Some(line.currency.unwrap_or(Currency::USD)),
            Err(_) => self.bound.currency(texts),
        };
        let sku = line.as_ref().map_or(SkuMatch::None, |line| {
            let texts = (
                line.provider.clone(),
                line.instance_type.clone(),
                line.gpu_count.map(f64::to_bits),
                line.gpu_name.clone(),
                line.sku_texts.clone(),
            );
            known.skus.entry(texts).or_insert_with(|| self.resolver.sku(line)).clone()
        });
        let gpu_hours_per_unit = match (&line, &sku) {
            (Ok(line), SkuMatch::Gpu(gpu)) => gpu_hours_per_unit(line, gpu),
            _ => None,
        };
        let provider = line.as_ref().ok().and_then(|it| it.provider.clone());
        let provider = known.names.provider(provider);
        LineState { line, currency, gpu_hours_per_unit, provider, sku, places: Default::default() }
    }

    /// The place of a kind of part of a line.
    pub(super) fn place<'s>(&self, state: &'s LineState, kind: PartKind) -> &'s Place {
        state.places[kind as usize].get_or_init(|| match &state.line {
            Ok(line) => self.resolved(line, kind, &state.sku),
            Err(_) => Place::Nowhere,
        })
    }

    fn resolved(&self, line: &Line, kind: PartKind, sku: &SkuMatch) -> Place {
        let resolved = self.resolver.resolve(line, kind, sku);
        let names = &mut self.known().names;
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
            (Resolved::WithMachine(booking), None) => Place::Booked(names.number(&booking)),
            (Resolved::WithMachine(booking), Some(resource)) => {
                Place::Held(names.hold(resource, &booking))
            }
            (Resolved::Shared(rest, shares), _) => {
                let shares = shares.into_iter().map(|(claim, booking)| Share {
                    held: claim.gpus_milli,
                    of: claim.node_gpus_milli,
                    from: claim.from.map_or(i64::MIN, Timestamp::us),
                    to: claim.to.map_or(i64::MAX, Timestamp::us),
                    booking: names.number(&booking),
                });
                let shares = shares.collect();
                Place::Shared(names.number(&rest), shares)
            }
        }
    }
}
