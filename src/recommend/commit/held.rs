//! Commitments that are held: what of them demand uses, and what demand they leave.

use std::collections::BTreeSet;

use super::case::{month_of, months_after};
use super::hours::Hours;
use super::member::Member;
use super::{HeldInUse, Instance, Part};
use crate::catalog::{Catalog, GpuMatch, Offer};
use crate::commitment::{Held, liability_left, net_of_held, prepaid_left};
use crate::ingest::{HeldCommitment, HeldOf};
use crate::recommend::candidates::{Candidate, Verdict};
use crate::recommend::offers::is_same_instance;
use crate::recommend::{Action, Context};
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
            HeldOf::Spend => false,
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

/// Whether a commitment in money per hour covers the instance of an offer: its provider sells a plan for it.
pub(in crate::recommend) fn covers(
    held: &HeldCommitment,
    offer: &Offer,
    catalog: &Catalog,
) -> bool {
    let is_plan = |it: &Offer| it.purchase.is_in_money() && is_same_instance(it, offer);
    held.of == HeldOf::Spend
        && held.provider == offer.provider
        && catalog.offers.iter().any(is_plan)
}

/// Whether a workload that runs on a commitment by the bill runs on one of those declared and not over, or on
/// none at all by the bill. Who runs on one that nobody declared must not be sold another.
pub(super) fn is_declared<'a>(
    it: &Member,
    held: impl IntoIterator<Item = &'a HeldCommitment>,
    context: &Context<'_>,
) -> bool {
    let catalog = context.catalog;
    let mut running = held.into_iter().filter(|of| of.term.end() > context.as_of);
    !it.is_committed
        || running.any(|of| is_of(of, &it.instance, catalog) || covers(of, &it.by_use, catalog))
}

/// The workloads of which a replica fits on what is held and that run elsewhere after the advice.
pub(super) fn could_carry(
    held: &HeldCommitment,
    (parts, members): (&[Part<'_>], &[Member]),
    catalog: &Catalog,
) -> Vec<String> {
    let Some((gpus, count)) = gpus_of(held, catalog) else { return Vec::new() };
    let fits = |it: &Candidate| {
        it.replica.is_some()
            && it.verdict != Verdict::Refused
            && gpus.contains(&it.gpu.as_str())
            && it.gpu_count <= count
    };
    let on_it = members.iter().filter(|it| is_of(held, &it.instance, catalog));
    let on_it: BTreeSet<&str> = on_it.map(|it| it.workload.as_str()).collect();
    let is_there = |name: &str| on_it.contains(name);
    let stops = |it: &Part<'_>| it.is_followed && it.found.advice.action == Action::Stop;
    let could = |it: &&Part<'_>| {
        let runs_elsewhere = !stops(it) && !is_there(&it.workload.name);
        runs_elsewhere && it.found.candidates.iter().any(fits)
    };
    parts.iter().filter(could).map(|it| it.workload.name.clone()).collect()
}

/// The names that the GPUs of a commitment go by, and how many an instance has.
fn gpus_of<'a>(held: &HeldCommitment, catalog: &'a Catalog) -> Option<(Vec<&'a str>, u32)> {
    match &held.of {
        HeldOf::Spend => None,
        HeldOf::Gpu { gpu, count } => match catalog.resolve_gpu(gpu) {
            GpuMatch::Known(all) => Some((all.iter().map(|it| it.name.as_str()).collect(), *count)),
            _ => None,
        },
        HeldOf::InstanceType(name) => {
            let is_it = |it: &&Offer| it.provider == held.provider && it.instance_type == *name;
            let offer = catalog.offers.iter().find(is_it)?;
            Some((offer.gpus.iter().map(String::as_str).collect(), offer.gpu_count))
        }
    }
}

/// Takes back what is said of the use of a commitment where a workload runs on its GPUs and nobody knows on which
/// instances: 3 GPUs where instances have 1, 2 or 4 are priced as one of 4, and may be three of 1.
pub(super) fn own_up(it: &mut HeldInUse, members: &[Member], catalog: &Catalog) {
    let is_used_up = it.used.is_none_or(|(used_us, _)| used_us >= it.paid_us);
    let Some((gpus, _)) = gpus_of(&it.held, catalog).filter(|_| !is_used_up) else { return };
    let held = &it.held;
    let may_run_on = |of: &&Member| {
        let at = &of.instance;
        let place = at.provider == held.provider && at.region == held.region;
        place && of.odd_gpus.is_some() && gpus.contains(&at.gpu.as_str())
    };
    let Some(of) = members.iter().find(may_run_on) else { return };
    it.used = None;
    it.not_known = Some(format!(
        "{} runs on {} GPUs, which is no number of whole instances of {}: whether they are on this commitment is not \
         known",
        of.workload,
        of.odd_gpus.unwrap_or_default(),
        of.instance.gpu_count
    ));
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

    /// All but these.
    pub(super) fn without(&self, ids: &[String]) -> HeldHere<'a> {
        let all = self.all.iter().copied().filter(|it| !ids.contains(&it.id)).collect();
        HeldHere { all, as_of: self.as_of }
    }

    /// Those that still run or are yet to begin.
    fn left(&self) -> impl Iterator<Item = &'a HeldCommitment> {
        self.all.iter().copied().filter(|it| it.term.end() > self.as_of)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a HeldCommitment> {
        self.all.iter().copied()
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
        if held.is_empty() {
            return Some(hours.clone());
        }
        let net = net_of_held(&hours.steps.to_vec(), hours.start, &held)?;
        Some(Hours { start: hours.start, steps: net.steps.into_iter().collect() })
    }

    /// What of each the demand would have used while it ran. `term_months` is the term that is looked at
    /// next: what ends within it is marked.
    pub(super) fn in_use(&self, hours: &Hours, term_months: u32) -> Option<Vec<HeldInUse>> {
        let held: Vec<Held> = self
            .all
            .iter()
            .map(|it| Held { n: it.instances, rate: it.rate, term: it.term })
            .collect();
        let uses = net_of_held(&hours.steps.to_vec(), hours.start, &held)?.held;
        let soon = months_after(self.as_of, term_months)?;
        let each = self.all.iter().zip(uses).map(|(it, of)| {
            let paid_us = of.used_us + of.stranded_us;
            in_use(it, (paid_us, Some((of.used_us, of.stranded_cost))), (self.as_of, soon))
        });
        each.collect()
    }
}

/// A commitment with what of the time paid for was used, and what the rest cost. What ends before `soon`
/// is marked.
pub(super) fn in_use(
    held: &HeldCommitment,
    (paid_us, used): (u64, Option<(u64, Money)>),
    (as_of, soon): (Timestamp, Timestamp),
) -> Option<HeldInUse> {
    let whole = held.rate.times(u64::from(held.instances)).ok()?;
    let term_us = u64::try_from(held.term.len_us()).ok()?;
    let zero = Money::zero(held.rate.currency());
    let owed = liability_left(held.rate, held.instances, held.term, as_of)?;
    let paid_ahead = prepaid_left(whole.cost_of_us(term_us).ok()?, held.term, as_of)?;
    let (liability, prepaid_left) = if held.prepaid { (zero, paid_ahead) } else { (owed, zero) };
    Some(HeldInUse {
        held: held.clone(),
        paid_us,
        used,
        not_known: None,
        used_today_us: None,
        liability,
        prepaid_left,
        could_carry: Vec::new(),
        has_ended: held.term.end() <= as_of,
        renewal: None,
        ends_within_term: held.term.end() > as_of && held.term.end() <= soon,
    })
}
