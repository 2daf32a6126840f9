//! What carries the requests of a workload on GPUs of its own, on an instance that has more of them.

use std::collections::BTreeMap;

use super::bounds::{Bounds, Work};
use super::candidates::Entry;
use super::demand::{Question, RequestLoad};
use super::offers::{AS_BILLED, may_advise};
use super::plan::{Plan, PlanParts, Way};
use super::stage::{Fixed, Stage, portion};
use super::term;
use crate::catalog::Offer;
use crate::units::Money;
use crate::workload::PricingCategory;

/// The least replicas that meet the limits, on a part of one instance.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The plan of as many instances: what it costs on a part of one, and with whom, is not known yet.
    pub(super) plan: Plan,
    /// The replicas.
    pub(super) replicas: u32,
    /// Share of the time of its slots that is spent serving.
    pub(super) busy: Option<f64>,
}

impl Slice {
    /// The instance.
    pub(super) fn offer(&self) -> Option<&Offer> {
        self.plan.offers.first()
    }

    /// GPUs of all its replicas.
    pub(super) fn gpus(&self) -> u32 {
        self.plan.gpu_count * self.replicas
    }
}

/// The slices of a candidate on the instances by use that may be advised, of the fixed fleet where that is
/// known, else of one that is sought from the likely number on, of at most so many `gpus`; none where its
/// instances are of one replica, and none for work that must not share: what must answer at once, what is
/// kept as a standby, what runs on a commitment, and what the user wants unchanged.
pub(super) fn slices(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    entry: &Entry,
    (known, likely): (Option<Fixed>, Option<u32>),
    gpus: Option<u32>,
) -> Vec<Slice> {
    let workload = question.described.workload;
    let committed = workload.deployment.pricing_category == PricingCategory::Committed;
    let is_frozen = term::frozen_until(question).is_some();
    let is_over = term::ended(question).is_some();
    if committed || is_frozen || is_over || question.is_critical() || workload.settings.standby {
        return Vec::new();
    }
    let has_room = |it: &&Offer| {
        it.gpu_count > entry.candidate.gpu_count
            && it.instance_type != AS_BILLED
            && may_advise(question, it)
    };
    let offers: Vec<&Offer> = entry.buyable.payg.iter().filter(has_room).collect();
    if offers.is_empty() {
        return Vec::new();
    }
    let stage = Stage { question, load, entry, hosted: 1, load_factor: entry.load_factor };
    let Some(fixed) = known.or_else(|| stage.least_fixed(likely, gpus)) else { return Vec::new() };
    let slice = |offer: &Offer| {
        let plan = stage.fixed_plan(offer, Way::PaygFixed, &fixed)?;
        Some(Slice { plan, replicas: fixed.n, busy: fixed.outcome.busy_share() })
    };
    offers.into_iter().filter_map(slice).collect()
}

/// The slices of candidates that could win nothing by themselves, where they may need fewer GPUs than
/// those known of the same GPU: another precision saves nothing alone where instances are sold whole.
pub(super) fn with_fewer_gpus(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    rest: &[&Entry],
    known: &[Slice],
) -> Vec<Slice> {
    let mut least: BTreeMap<&str, u32> = BTreeMap::new();
    for slice in known {
        let gpus = least.entry(&slice.plan.gpu).or_insert(u32::MAX);
        *gpus = slice.gpus().min(*gpus);
    }
    let mut found = Vec::new();
    for entry in rest {
        let Some(least) = least.get_mut(entry.candidate.gpu.as_str()) else { continue };
        let stage = Stage { question, load, entry, hosted: 1, load_factor: entry.load_factor };
        if Bounds::of(&stage, Work::default()).least_gpus(&stage) >= f64::from(*least) {
            continue;
        }
        let more = slices(question, load, entry, (None, None), Some(least.saturating_sub(1)));
        if let Some(gpus) = more.first().map(Slice::gpus) {
            *least = gpus;
            found.extend(more);
        }
    }
    found
}

/// A plan at its share of the cost; the parts add up to it.
pub(super) fn at_cost(plan: Plan, cost: Money, busy: Option<f64>) -> Option<Plan> {
    let zero = Money::zero(cost.currency());
    let busy = portion(cost, busy.unwrap_or(0.0))?;
    let idle = cost.checked_sub(busy).ok()?;
    let parts = PlanParts { busy, idle, starting: zero, committed_unused: zero };
    Some(Plan { monthly_cost: cost, parts, ..plan })
}
