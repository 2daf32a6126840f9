//! Commitments that are held: what of them demand uses, and what demand they leave.

use super::case::{month_of, months_after};
use super::hours::Hours;
use super::{HeldInUse, Instance};
use crate::catalog::{Catalog, GpuMatch};
use crate::commitment::{Held, liability_left, net_of_held, prepaid_left};
use crate::ingest::{HeldCommitment, HeldOf};
use crate::units::{Money, Timestamp};

/// Whether a commitment is of an instance.
pub(in crate::recommend) fn is_of(
    held: &HeldCommitment,
    instance: &Instance,
    catalog: &Catalog,
) -> bool {
    let place = held.provider == instance.provider && held.region == instance.region;
    place
        && match &held.of {
            HeldOf::InstanceType(name) => *name == instance.instance_type,
            HeldOf::Gpu { gpu, count } => {
                let named = match catalog.resolve_gpu(gpu) {
                    GpuMatch::Known(all) => all.iter().any(|it| it.name == instance.gpu),
                    _ => false,
                };
                named && *count == instance.gpu_count
            }
        }
}

/// What is held of one instance, the lowest rate first: so the highest saving is used first.
pub(super) struct HeldHere<'a> {
    all: Vec<&'a HeldCommitment>,
    as_of: Timestamp,
}

impl<'a> HeldHere<'a> {
    pub(super) fn new(mut all: Vec<&'a HeldCommitment>, as_of: Timestamp) -> HeldHere<'a> {
        all.sort_by(|a, b| (a.rate.nano(), &a.id).cmp(&(b.rate.nano(), &b.id)));
        HeldHere { all, as_of }
    }

    /// Those that still run or are yet to begin.
    fn left(&self) -> impl Iterator<Item = &'a HeldCommitment> {
        self.all.iter().copied().filter(|it| it.term.end() > self.as_of)
    }

    /// Their instances.
    pub(super) fn n_left(&self) -> u32 {
        self.left().map(|it| it.instances).fold(0, u32::saturating_add)
    }

    /// When they end, in months since the year 0, and their instances.
    pub(super) fn ends(&self) -> Vec<(u32, u32)> {
        self.left().map(|it| (month_of(it.term.end()), it.instances)).collect()
    }

    /// The demand that those left do not cover. The window stands for the time to come, so they are laid
    /// over all of it: also one that began in its middle.
    pub(super) fn net(&self, hours: &Hours) -> Option<Hours> {
        let always = hours.span()?;
        let held: Vec<Held> =
            self.left().map(|it| Held { n: it.instances, rate: it.rate, term: always }).collect();
        let steps = net_of_held(&hours.steps, hours.start, &held)?.steps;
        Some(Hours { start: hours.start, steps })
    }

    /// What of each the demand would have used while it ran. `term_months` is the term that is looked at
    /// next: what ends within it is marked.
    pub(super) fn in_use(&self, hours: &Hours, term_months: u32) -> Option<Vec<HeldInUse>> {
        let held: Vec<Held> = self
            .all
            .iter()
            .map(|it| Held { n: it.instances, rate: it.rate, term: it.term })
            .collect();
        let uses = net_of_held(&hours.steps, hours.start, &held)?.held;
        let soon = months_after(self.as_of, term_months)?;
        let each = self.all.iter().zip(uses).map(|(it, of)| {
            let paid_us = of.used_us + of.stranded_us;
            let whole = it.rate.times(u64::from(it.instances)).ok()?;
            let term_us = u64::try_from(it.term.len_us()).ok()?;
            let zero = Money::zero(it.rate.currency());
            let owed = liability_left(it.rate, it.instances, it.term, self.as_of)?;
            let paid_ahead = prepaid_left(whole.cost_of_us(term_us).ok()?, it.term, self.as_of)?;
            let (liability, prepaid_left) =
                if it.prepaid { (zero, paid_ahead) } else { (owed, zero) };
            Some(HeldInUse {
                held: (*it).clone(),
                paid_us,
                used_us: of.used_us,
                stranded_cost: of.stranded_cost,
                liability,
                prepaid_left,
                has_ended: it.term.end() <= self.as_of,
                ends_within_term: it.term.end() > self.as_of && it.term.end() <= soon,
            })
        });
        each.collect()
    }
}
