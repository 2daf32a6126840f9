//! Lower bounds that let the search skip plans that cannot win.
//!
//! Each bound is the cost of a month that no plan of its kind can go below: a fixed fleet has at least
//! the instances its planning batch asks for; an autoscaled one has an instance that starts or is on
//! from each arrival until the idle timeout after it, and no request is faster than alone; by a
//! schedule one is on in the hours of the week it learns from; serverless bills at least the time that
//! full batches take, at the lower of its prices by use and always on; a commitment is at least one
//! instance. Of the work only that counts which must be done inside the window: no more requests than
//! have to keep their limits, none of which waits longer than its limit. A plan is measured against the
//! best of its own kind, each term of its own, so every way of buying stays in the report.

use std::collections::BTreeMap;

use super::candidates::Entry;
use super::demand::{Question, RequestLoad, Timing};
use super::offers::may_advise;
use super::plan::{Plan, Way};
use super::schedule::WeekLoad;
use super::stage::Stage;
use crate::catalog::{Offer, Purchase};
use crate::simulate::{ServiceModel, Source};
use crate::units::{Fraction, HOURS_PER_MONTH};

/// Hours of the month every cost refers to.
const HOURS: f64 = HOURS_PER_MONTH as f64;

/// Ways of buying that are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Fixed,
    Autoscaled,
    Scheduled,
    /// Of a term in months.
    Reserved(u32),
    /// The same with serverless workers above it.
    ReservedServerless(u32),
    Spot,
    Serverless,
}

impl Kind {
    pub(super) const fn of(plan: &Plan) -> Kind {
        match plan.way {
            Way::Reserved { months } => Kind::Reserved(months),
            Way::ReservedServerless { months } => Kind::ReservedServerless(months),
            Way::Serverless => Kind::Serverless,
            Way::PaygAutoscaled => Kind::Autoscaled,
            Way::PaygScheduled => Kind::Scheduled,
            Way::Spot => Kind::Spot,
            Way::PaygFixed | Way::PaygFollowing | Way::Shared { .. } | Way::Today | Way::Api => {
                Kind::Fixed
            }
        }
    }
}

/// The cheapest plan of each kind that meets the limits, at home and elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Best {
    costs: BTreeMap<(Kind, bool), f64>,
    /// What a plan must cost less than in any case, elsewhere and at home.
    otherwise: [f64; 2],
}

impl Default for Best {
    fn default() -> Best {
        Best { costs: BTreeMap::new(), otherwise: [f64::INFINITY; 2] }
    }
}

impl Best {
    /// Remembers what was found.
    pub(super) fn learn(&mut self, question: &Question<'_>, plans: &[Plan]) {
        for plan in plans.iter().filter(|it| it.meets_slo) {
            let kind = Kind::of(plan);
            let allowed = plan.offers.iter().all(|it| may_advise(question, it));
            let cost = self.costs.entry((kind, allowed)).or_insert(f64::INFINITY);
            *cost = cost.min(plan.monthly_cost.to_f64());
        }
    }

    /// The cheapest so far that may be advised, of any kind; infinite before the first.
    pub(super) fn of_all(&self) -> f64 {
        let allowed = self.costs.iter().filter(|(key, _)| key.1);
        allowed.map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min)
    }

    /// For a search of what is cheaper than all so far and may be advised, and of nothing else.
    pub(super) fn only_below_all(&self) -> Best {
        let cheapest = self.of_all();
        Best { costs: BTreeMap::new(), otherwise: [0.0, cheapest] }
    }

    /// The cheapest so far of a kind, where this offer belongs; infinite before the first, and where
    /// nothing is to be skipped.
    pub(super) fn of(&self, question: &Question<'_>, kind: Kind, offer: &Offer) -> f64 {
        if question.context.is_exhaustive() {
            return f64::INFINITY;
        }
        let allowed = may_advise(question, offer);
        let otherwise = self.otherwise[usize::from(allowed)];
        self.costs.get(&(kind, allowed)).copied().unwrap_or(otherwise).min(otherwise)
    }
}

/// Time that the requests of a window hold slots of one candidate in it, at least; microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    /// Each as fast as alone.
    alone_us: u128,
    /// Each as slow as in full batches.
    full_us: u128,
}

impl Work {
    /// 10 requests of 60 s that may wait 5 s, the last 20 s before the end, and one may miss that:
    /// 8 x 60 s + 15 s = 495 s.
    pub(super) fn of(question: &Question<'_>, load: &RequestLoad<'_>, entry: &Entry) -> Work {
        let stage = Stage { question, load, entry, hosted: 1, load_factor: 1.0 };
        let total = |service: ServiceModel| {
            let held = least(held_us(load, &service), question.slo.attainment);
            held.into_iter().map(u128::from).sum()
        };
        // A look at every request is spared where it cannot raise a bound: work below the share of the time
        // in which an instance is on anyway, and batches of workers that nobody offers.
        let all_us =
            stage.mean_service_s(1).map_or(f64::INFINITY, |it| it * 1e6) * load.trace.len() as f64;
        let on_us = load.on_share * f64::from(stage.slots()) * load.trace.window_us() as f64;
        let matters = all_us > on_us;
        let has_workers = !entry.buyable.serverless.is_empty();
        Work {
            alone_us: stage.speed(1).filter(|_| matters).map_or(0, total),
            full_us: stage.speed(stage.slots()).filter(|_| has_workers).map_or(0, total),
        }
    }
}

/// What each request holds of a slot before the window ends, when it waits as long as it may.
fn held_us(load: &RequestLoad<'_>, service: &ServiceModel) -> Vec<u64> {
    let waits_us = load.limits.ttft_us.unwrap_or(u64::MAX);
    let window_us = load.trace.window_us();
    let left_us = |at_us: u64| window_us.saturating_sub(at_us.saturating_add(waits_us));
    let served = load.trace.served_by(service);
    served.requests().map(|it| it.service_us.min(left_us(it.at_us))).collect()
}

/// The least of some times: the share that must be served.
fn least(mut times: Vec<u64>, share: Fraction) -> Vec<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a length"
    )]
    let n = (times.len() as f64 * share.get()).floor() as usize;
    if n < times.len() {
        times.select_nth_unstable(n);
        times.truncate(n);
    }
    times
}

/// The bounds of one candidate on instances of one size.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Instances a fixed fleet has at least.
    least_instances: f64,
    /// Share of the time at least one instance starts or is on by itself.
    on_share: f64,
    /// Share of the time a schedule has at least one instance; nothing where there is none.
    scheduled_share: Option<f64>,
    /// Instances busy on average when no request is slower than alone.
    alone_instances: f64,
    /// The same when every batch is full, for the requests that must be served.
    full_instances: f64,
}

impl Bounds {
    pub(super) fn of(stage: &Stage<'_>, work: Work) -> Bounds {
        let hosted = f64::from(stage.hosted);
        let mean_rps =
            stage.load.trace.len() as f64 / (stage.load.trace.window_us() as f64 / 1e6).max(1.0);
        let slots = stage.slots();
        let best_rps = match (&stage.load.timing, &stage.entry.candidate.replica) {
            (Timing::Model { .. }, Some(replica)) => replica.requests_per_s(slots),
            (Timing::Measured { service_us, .. }, _) => {
                f64::from(slots) / (*service_us as f64 / 1e6 * stage.entry.slowdown)
            }
            (Timing::Model { .. }, None) => f64::INFINITY,
        };
        // Work nobody waits for may spread its busiest hour; what it needs on average it needs.
        let rps =
            if stage.is_patient() { mean_rps } else { stage.load.busiest_rps * stage.load_factor };
        let fits_once = matches!(stage.load.timing, Timing::Measured { .. });
        let needed = if fits_once { mean_rps } else { rps };
        let slots_us = f64::from(slots) * hosted * (stage.load.trace.window_us() as f64).max(1.0);
        Bounds {
            least_instances: (needed / best_rps / hosted).ceil().max(1.0),
            on_share: stage.load.on_share,
            scheduled_share: stage.load.week.as_ref().and_then(WeekLoad::least_share),
            alone_instances: work.alone_us as f64 / slots_us,
            full_instances: work.full_us as f64 / slots_us,
        }
    }

    /// GPUs of a fixed fleet, at least.
    pub(super) fn least_gpus(&self, stage: &Stage<'_>) -> f64 {
        self.least_instances * f64::from(stage.hosted * stage.entry.candidate.gpu_count)
    }

    pub(super) fn fixed(&self, offer: &Offer) -> f64 {
        self.least_instances * offer.rate.to_f64() * HOURS
    }

    pub(super) fn autoscaled(&self, offer: &Offer) -> f64 {
        self.on_share.max(self.alone_instances) * offer.rate.to_f64() * HOURS
    }

    /// Infinite where there is nothing to learn a schedule from.
    pub(super) fn scheduled(&self, offer: &Offer) -> f64 {
        self.scheduled_share.map_or(f64::INFINITY, |share| share * one_instance(offer))
    }

    /// Of workers at one of their prices.
    pub(super) fn serverless(&self, offer: &Offer) -> f64 {
        self.full_instances * offer.rate.to_f64() * HOURS
    }

    /// Of a fixed fleet of `n` on spot, on demand while there is none.
    pub(super) fn on_spot(&self, spot: &Offer, on_demand: &Offer, n: u32) -> f64 {
        self.least_instances.max(f64::from(n)) * one_instance(spot).min(one_instance(on_demand))
    }

    /// Of one instance or more, and what they cannot do at the lower of both prices.
    pub(super) fn reserved(&self, offer: &Offer, overflow: &Offer) -> f64 {
        let above = (self.alone_instances - 1.0).max(0.0);
        one_instance(offer) + above * one_instance(offer).min(one_instance(overflow))
    }

    /// Whether any plan of this offer could be the best of its kind.
    pub(super) fn may_win(&self, best: &Best, question: &Question<'_>, offer: &Offer) -> bool {
        let below = |bound: f64, kind| bound < best.of(question, kind, offer);
        match offer.purchase {
            Purchase::ServerlessFlex | Purchase::ServerlessActive => {
                below(self.serverless(offer), Kind::Serverless)
            }
            Purchase::Reserved { months } | Purchase::FlexCommitment { months } => {
                below(one_instance(offer), Kind::Reserved(months))
                    || below(one_instance(offer), Kind::ReservedServerless(months))
            }
            Purchase::Spot => below(self.fixed(offer), Kind::Spot),
            _ => {
                below(self.fixed(offer), Kind::Fixed)
                    || below(self.autoscaled(offer), Kind::Autoscaled)
                    || below(self.scheduled(offer), Kind::Scheduled)
            }
        }
    }
}

/// The least a commitment costs: one instance, used or not.
pub(super) fn one_instance(offer: &Offer) -> f64 {
    offer.rate.to_f64() * HOURS
}
