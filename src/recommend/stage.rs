//! One candidate on instances of one size: its service rates, its fleets, its plans.

use std::sync::Arc;

use super::candidates::Entry;
use super::demand::{Question, RequestLoad, Timing, whole_us};
use super::money;
use super::offers::may_advise;
use super::plan::{Plan, PlanParts, Scaling, Way};
use super::schedule;
use crate::catalog::{IdleCap, Offer, Purchase, ScalerRule, ServerlessPlatform};
use crate::simulate::{
    Billing, Delay, FleetAnswer, FleetSpec, Outcome, SavingsCurve, Scaler, ServiceModel, Spot,
    Usage, least_fleet, run, steps_by_hour,
};
use crate::units::Money;

/// One candidate on instances that host `hosted` replicas each.
pub(super) struct Stage<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) load: &'a RequestLoad<'a>,
    pub(super) entry: &'a Entry,
    pub(super) hosted: u32,
    /// What the fleet must carry over the load of the data; 1 for today's.
    pub(super) load_factor: f64,
}

/// The least fixed fleet that meets the limits, with what it found.
pub(super) struct Fixed {
    pub(super) n: u32,
    pub(super) batch: u32,
    pub(super) outcome: Outcome,
}

impl Stage<'_> {
    /// Whether an offer is an instance of this size.
    pub(super) fn hosts(&self, offer: &Offer) -> bool {
        offer.gpu_count / self.entry.candidate.gpu_count == self.hosted
    }

    /// Requests one replica may serve at once.
    pub(super) fn slots(&self) -> u32 {
        self.entry.candidate.slots.unwrap_or(1)
    }

    /// Service rates of a fleet of `instances`, and the batch they hold for; nothing when saturated
    /// or when a token takes longer than the limit.
    pub(super) fn service(&self, instances: u32) -> Option<(ServiceModel, u32)> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { slots, .. }, _) => self.at_batch(*slots).map(|it| (it, *slots)),
            (Timing::Model { .. }, Some(replica)) => {
                let replicas = instances.saturating_mul(self.hosted);
                let busiest = self.load.busiest_rps * self.load_factor;
                let planned = replica.planning_batch(busiest, replicas, self.slots());
                // Work nobody waits for may queue: full batches then.
                let batch = planned.or_else(|| self.is_patient().then(|| self.slots()))?;
                self.at_batch(batch).map(|service| (service, batch))
            }
            _ => None,
        }
    }

    /// Service rates with `batch` sequences running, where a token keeps its limit.
    pub(super) fn at_batch(&self, batch: u32) -> Option<ServiceModel> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { service_us, .. }, _) => {
                Some(ServiceModel::Fixed { service_us: scaled(*service_us, self.entry.slowdown) })
            }
            (Timing::Model { .. }, Some(replica)) => {
                let tpot_us = replica.tpot_s(batch) * 1e6;
                let keeps = self.load.limits.tpot_us.is_none_or(|limit| tpot_us <= limit);
                let prefill_us_per_token = 1e6 / replica.prefill_tokens_per_s(batch);
                keeps.then_some(ServiceModel::Tokens { prefill_us_per_token, tpot_us })
            }
            _ => None,
        }
    }

    /// Seconds the mean request holds a slot with `batch` running.
    pub(super) fn mean_service_s(&self, batch: u32) -> Option<f64> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { service_us, .. }, _) => {
                Some(*service_us as f64 / 1e6 * self.entry.slowdown)
            }
            (Timing::Model { .. }, Some(replica)) => Some(replica.mean_service_time_s(batch)),
            _ => None,
        }
    }

    /// Whether nobody waits for the answer.
    pub(super) fn is_patient(&self) -> bool {
        self.question.slo.ttft_p95_s.is_none()
    }

    /// `n` instances of this size, to be changed where a plan differs.
    fn fleet(&self, n: u32) -> FleetSpec {
        FleetSpec::fixed(n, self.slots().saturating_mul(self.hosted))
    }

    pub(super) fn replay(
        &self,
        service: &ServiceModel,
        fleet: &FleetSpec,
        billing: &Billing,
    ) -> Option<Outcome> {
        run(&self.load.trace.served_by(service), fleet, billing, Some(self.load.limits)).outcome()
    }

    fn meets(&self, outcome: &Outcome) -> bool {
        outcome.meets(self.question.slo.attainment) && !outcome.unstable
    }

    pub(super) fn least_fixed(&self) -> Option<Fixed> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let max = self.question.context.catalog.assumptions.simulate.max_replicas as u32;
        // The rate does not matter here: only who waits how long.
        let rate = self.entry.buyable.payg.first().or(self.entry.buyable.serverless.first())?.rate;
        let answer = least_fleet(1, max.div_ceil(self.hosted), |n| {
            let (service, batch) = self.service(n)?;
            let fleet = self.fleet(n);
            let billing = Billing::by_the_microsecond(rate);
            // A measured time has no model to add headroom to, so the trial takes longer instead.
            if let ServiceModel::Fixed { service_us } = &service {
                let service_us = scaled(*service_us, self.load_factor);
                let trial = self.replay(&ServiceModel::Fixed { service_us }, &fleet, &billing)?;
                self.meets(&trial).then_some(())?;
            }
            let outcome = self.replay(&service, &fleet, &billing)?;
            self.meets(&outcome).then_some((batch, outcome))
        });
        match answer {
            FleetAnswer::Fleet { n, outcome: (batch, outcome) } => {
                Some(Fixed { n, batch, outcome })
            }
            FleetAnswer::Saturated => None,
        }
    }

    /// `fixed.n` instances of one offer all the time.
    pub(super) fn fixed_plan(&self, offer: &Offer, way: Way, fixed: &Fixed) -> Option<Plan> {
        let total = money::month_of(offer.rate, fixed.n)?;
        let busy = portion(total, fixed.outcome.busy_share().unwrap_or(0.0))?;
        let idle = total.checked_sub(busy).ok()?;
        let zero = Money::zero(total.currency());
        let committed = matches!(way, Way::Reserved { .. });
        let parts = PlanParts {
            busy,
            idle: if committed { zero } else { idle },
            starting: zero,
            committed_unused: if committed { idle } else { zero },
        };
        let scaling = Scaling {
            policy: "fixed",
            value: None,
            min: fixed.n,
            max: fixed.n,
            idle_timeout_s: None,
            cold_start_s: None,
            slots: Some(self.slots()),
        };
        Some(self.plan(way, vec![offer.clone()], (total, parts), (&fixed.outcome, scaling)))
    }

    /// Requests per replica an autoscaler aims at: the batch of the fixed fleet, at least a few, at
    /// most the target share of the slots, and never so many that tokens miss their limit.
    pub(super) fn target_batch(&self, fixed: &Fixed) -> u32 {
        let assumed = &self.question.context.catalog.assumptions.simulate;
        if matches!(self.load.timing, Timing::Measured { .. }) {
            return self.slots();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let (least, most) = (
            assumed.autoscale_least_target as u32,
            (f64::from(self.slots()) * assumed.autoscale_target).floor() as u32,
        );
        // Work nobody waits for fills its replicas before it asks for more.
        let wanted = if self.is_patient() { most } else { fixed.batch.max(least) };
        let mut batch = wanted.min(most.max(1));
        while batch > 1 && self.at_batch(batch).is_none() {
            batch -= batch.div_ceil(8);
        }
        batch.max(1)
    }

    fn cold_start_s(&self) -> f64 {
        let workload = self.question.described.workload;
        let assumed = &self.question.context.catalog.assumptions.cold_start;
        workload.settings.cold_start_s.unwrap_or_else(|| match &self.entry.candidate.replica {
            Some(replica) => replica.cold_start_s(assumed),
            None => assumed.unknown_model_s,
        })
    }

    /// A start on a rented instance: its boot comes first, unless the user measured the whole.
    fn rented_start_s(&self) -> f64 {
        match self.question.described.workload.settings.cold_start_s {
            Some(measured) => measured,
            None => {
                self.cold_start_s()
                    + self.question.context.catalog.assumptions.cold_start.instance_boot_s
            }
        }
    }

    /// Pay as you go that follows the load; also what it found, for the commitment curve.
    pub(super) fn autoscaled(
        &self,
        offer: &Offer,
        fixed: &Fixed,
    ) -> (Option<Plan>, Option<Outcome>) {
        let assumed = &self.question.context.catalog.assumptions;
        let target = self.target_batch(fixed);
        let Some(service) = self.at_batch(target) else { return (None, None) };
        let billing = rented(offer);
        let fleet = FleetSpec {
            max_replicas: fixed.n.saturating_mul(2).saturating_add(1),
            scaler: Scaler::Rule(ScalerRule::RequestCount {
                requests: target.saturating_mul(self.hosted),
            }),
            idle_timeout: Delay::Constant(whole_us(assumed.simulate.autoscale_idle_timeout_s)),
            cold_start: Delay::Constant(whole_us(self.rented_start_s())),
            ..self.fleet(0)
        };
        let Some((fleet, outcome)) = self.with_least_minimum(&service, fleet, &billing, fixed.n)
        else {
            return (None, None);
        };
        let plan = self.elastic_plan(
            (Way::PaygAutoscaled, vec![offer.clone()]),
            &fleet,
            &billing,
            &outcome,
        );
        (plan, Some(outcome))
    }

    /// Pay as you go by the hour of the week: the fewest instances a schedule needs to meet the
    /// limits, found by raising every hour with requests alike. Nothing where the data have no two
    /// of every hour of the week, or the week has no quieter hour.
    pub(super) fn scheduled(&self, offer: &Offer, fixed: &Fixed) -> Option<Plan> {
        /// Hours with requests are raised by at most so many instances.
        const MOST_MORE: u32 = 4;
        let week = self.load.week.as_ref().filter(|it| it.n_weeks >= 2)?;
        let service = self.at_batch(fixed.batch)?;
        let per_hour = schedule::requests_per_hour(self, fixed)?;
        let start_us = whole_us(self.rented_start_s());
        let billing = rented(offer);
        for more in 0..=MOST_MORE.min(fixed.n) {
            let steps = week.steps(per_hour, more, fixed.n, start_us)?;
            let fleet = FleetSpec {
                max_replicas: fixed.n,
                scaler: Scaler::Schedule(steps.into()),
                cold_start: Delay::Constant(start_us),
                ..self.fleet(0)
            };
            let outcome = self.replay(&service, &fleet, &billing)?;
            if self.meets(&outcome) {
                let way = (Way::PaygScheduled, vec![offer.clone()]);
                return self.elastic_plan(way, &fleet, &billing, &outcome);
            }
        }
        None
    }

    /// The fixed fleet on spot capacity, on demand while there is none.
    pub(super) fn on_spot(
        &self,
        spot: &Offer,
        on_demand: &Offer,
        fixed: &Fixed,
        market: Spot,
    ) -> Option<Plan> {
        let service = self.at_batch(fixed.batch)?;
        let fleet = FleetSpec {
            // Room for replicas that start while others still drain.
            max_replicas: fixed.n.saturating_mul(2).saturating_add(2),
            scaler: Scaler::hold(fixed.n),
            cold_start: Delay::Constant(whole_us(self.rented_start_s())),
            spot: Some(market),
            seed: self.question.context.seed,
            ..self.fleet(0)
        };
        let billing = rented(spot);
        let outcome = self.replay(&service, &fleet, &billing)?;
        let offers = vec![spot.clone(), on_demand.clone()];
        let mut plan = self.elastic_plan((Way::Spot, offers), &fleet, &billing, &outcome)?;
        (plan.scaling.min, plan.scaling.max) = (fixed.n, fixed.n);
        Some(plan)
    }

    /// The fleet with no instance always on, or with the fewest that meet the limits.
    fn with_least_minimum(
        &self,
        service: &ServiceModel,
        fleet: FleetSpec,
        billing: &Billing,
        most: u32,
    ) -> Option<(FleetSpec, Outcome)> {
        let mut last = None;
        let mut tries = vec![0, 1, 2, most / 2, most.saturating_sub(1)];
        tries.retain(|it| *it <= most);
        tries.sort_unstable();
        tries.dedup();
        for min_replicas in tries {
            let fleet = FleetSpec { min_replicas, ..fleet.clone() };
            let outcome = self.replay(service, &fleet, billing)?;
            let meets = self.meets(&outcome);
            last = Some((fleet, outcome));
            if meets {
                break;
            }
        }
        last
    }

    /// Serverless workers by the rules of their platform.
    pub(super) fn serverless(&self, offer: &Offer, fixed: &Fixed) -> Option<Plan> {
        let (fleet, billing, service) = self.workers(offer, fixed)?;
        let (fleet, outcome) = self.with_least_minimum(&service, fleet, &billing, fixed.n)?;
        self.elastic_plan((Way::Serverless, vec![offer.clone()]), &fleet, &billing, &outcome)
    }

    /// Workers of a platform with no minimum, how they are billed and how fast they serve.
    fn workers(&self, offer: &Offer, fixed: &Fixed) -> Option<(FleetSpec, Billing, ServiceModel)> {
        let platform = self.question.context.catalog.platform(&offer.provider)?;
        let (scaler, slots, batch) = self.scaler_of(platform, fixed)?;
        let service = self.at_batch(batch)?;
        let billing = Billing {
            rate: offer.rate,
            base_rate: offer.rate,
            free_start_us: if platform.bill_start? { 0 } else { u64::MAX },
            granularity_us: whole_us(platform.granularity_s?),
            minimum_us: whole_us(platform.minimum_s.unwrap_or(0.0)),
        };
        let fleet = FleetSpec {
            slots_per_replica: slots,
            max_replicas: platform
                .max_workers
                .unwrap_or(fixed.n.saturating_mul(8).saturating_add(8)),
            scaler,
            idle_timeout: Delay::Constant(whole_us(platform.idle_timeout_s.unwrap_or(0.0))),
            cold_start: Delay::Constant(whole_us(self.cold_start_s())),
            queue_timeout_us: platform.queue_timeout_s.map(whole_us),
            holds_requests: platform.holds_requests.unwrap_or(true),
            idle_caps: idle_caps(platform),
            ..self.fleet(0)
        };
        Some((fleet, billing, service))
    }

    /// The platform's scaler, the slots of a worker and the batch its speed is taken at.
    fn scaler_of(&self, platform: &ServerlessPlatform, fixed: &Fixed) -> (Scaler, u32, u32) {
        let per_worker = if platform.concurrency_is_configurable {
            self.target_batch(fixed).saturating_mul(self.hosted)
        } else {
            platform.concurrency_per_worker?
        };
        let rule = *platform.scalers.first()?;
        let rule = if platform.concurrency_is_configurable {
            rule.for_concurrency(platform.concurrency_per_worker.unwrap_or(1), per_worker)
        } else {
            rule
        };
        let scaler = Scaler::Rule(rule);
        Some((scaler, per_worker, per_worker.div_ceil(self.hosted).min(self.slots()).max(1)))
    }

    /// A reserved base at the best point of the savings curve and one to each side.
    pub(super) fn reserved(
        &self,
        reserved: &Offer,
        overflow: &Offer,
        on_demand: Option<&Outcome>,
        fixed: &Fixed,
    ) -> Vec<Plan> {
        let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) =
            reserved.purchase
        else {
            return Vec::new();
        };
        let way = Way::Reserved { months };
        let mut plans: Vec<Plan> =
            self.fixed_plan(reserved, way.clone(), fixed).into_iter().collect();
        let Some(outcome) = on_demand else { return plans };
        let steps = steps_by_hour(&outcome.on_us_by_hour, self.load.trace.window_us());
        let Some(curve) = SavingsCurve::new(steps, overflow.rate, reserved.rate) else {
            return plans;
        };
        let best = curve.best_n();
        for n in best.saturating_sub(1).max(1)..=best.saturating_add(1) {
            if n < fixed.n {
                plans.extend(self.base_and_overflow((way.clone(), n), reserved, overflow, fixed));
            }
        }
        plans
    }

    fn base_and_overflow(
        &self,
        (way, base): (Way, u32),
        reserved: &Offer,
        overflow: &Offer,
        fixed: &Fixed,
    ) -> Option<Plan> {
        let assumed = &self.question.context.catalog.assumptions;
        let target = self.target_batch(fixed);
        let service = self.at_batch(target)?;
        let billing = Billing { base_rate: reserved.rate, ..rented(overflow) };
        let fleet = FleetSpec {
            max_replicas: fixed.n.saturating_mul(2).max(base.saturating_add(1)),
            scaler: Scaler::Rule(ScalerRule::RequestCount {
                requests: target.saturating_mul(self.hosted),
            }),
            idle_timeout: Delay::Constant(whole_us(assumed.simulate.autoscale_idle_timeout_s)),
            cold_start: Delay::Constant(whole_us(self.rented_start_s())),
            ..self.fleet(base)
        };
        let outcome = self.replay(&service, &fleet, &billing)?;
        let offers = vec![reserved.clone(), overflow.clone()];
        self.elastic_plan((way, offers), &fleet, &billing, &outcome)
    }

    /// A reserved base with serverless workers above it, at the best point of the savings curve
    /// against their rate and one to each side.
    pub(super) fn reserved_with_serverless(
        &self,
        (reserved, serverless): (&Offer, &Offer),
        on_demand: &Outcome,
        fixed: &Fixed,
    ) -> Vec<Plan> {
        let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) =
            reserved.purchase
        else {
            return Vec::new();
        };
        let steps = steps_by_hour(&on_demand.on_us_by_hour, self.load.trace.window_us());
        let Some(curve) = SavingsCurve::new(steps, serverless.rate, reserved.rate) else {
            return Vec::new();
        };
        let best = curve.best_n();
        let mut plans = Vec::new();
        for base in best.saturating_sub(1).max(1)..=best.saturating_add(1) {
            let Some((fleet, billing, service)) = self.workers(serverless, fixed) else { break };
            let fleet = FleetSpec {
                min_replicas: base,
                max_replicas: fleet.max_replicas.saturating_add(base),
                ..fleet
            };
            let billing = Billing { base_rate: reserved.rate, ..billing };
            let Some(outcome) = self.replay(&service, &fleet, &billing) else { continue };
            let way = Way::ReservedServerless { months };
            let offers = vec![reserved.clone(), serverless.clone()];
            plans.extend(self.elastic_plan((way, offers), &fleet, &billing, &outcome));
        }
        plans
    }

    /// A plan whose instances come and go above its minimum.
    fn elastic_plan(
        &self,
        (way, offers): (Way, Vec<Offer>),
        fleet: &FleetSpec,
        billing: &Billing,
        outcome: &Outcome,
    ) -> Option<Plan> {
        let window_us = self.load.trace.window_us();
        let base = money::month_of(billing.base_rate, fleet.min_replicas)?;
        let both = |cost: fn(&Usage) -> Money| {
            let sum = cost(&outcome.elastic).checked_add(cost(&outcome.fallback)).ok()?;
            money::monthly(sum, window_us)
        };
        let elastic = both(|it| it.cost)?;
        let starting = both(|it| it.parts.starting)?;
        let busy_elastic = both(|it| it.parts.busy)?;
        let busy_base = money::monthly(outcome.base.parts.busy, window_us)?;
        let busy_base = if busy_base > base { base } else { busy_base };
        let unused = base.checked_sub(busy_base).ok()?;
        // What the other parts leave of the whole, so that the parts add up to the last digit.
        let idle = elastic.checked_sub(starting).ok()?.checked_sub(busy_elastic).ok()?;
        let committed = matches!(way, Way::Reserved { .. } | Way::ReservedServerless { .. });
        let zero = Money::zero(base.currency());
        let parts = PlanParts {
            busy: busy_elastic.checked_add(busy_base).ok()?,
            idle: if committed { idle } else { idle.checked_add(unused).ok()? },
            starting,
            committed_unused: if committed { unused } else { zero },
        };
        let (policy, value) = match &fleet.scaler {
            Scaler::Fixed => ("fixed", None),
            Scaler::Schedule(_) => ("schedule", None),
            Scaler::PerRequest => ("per_request", None),
            Scaler::Rule(ScalerRule::QueueDelay { threshold_us }) => {
                ("queue_delay", Some(*threshold_us as f64 / 1e6))
            }
            Scaler::Rule(rule) => (rule.as_word(), rule.target()),
        };
        let scaling = Scaling {
            policy,
            value,
            min: fleet.min_replicas,
            max: outcome.max_on.max(fleet.min_replicas),
            idle_timeout_s: fleet
                .scaler
                .leaves_by_idle_timeout()
                .then(|| fleet.idle_timeout.mean_us() / 1e6),
            cold_start_s: Some(fleet.cold_start.mean_us() / 1e6),
            slots: Some(fleet.slots_per_replica / self.hosted.max(1)),
        };
        let total = base.checked_add(elastic).ok()?;
        Some(self.plan(way, offers, (total, parts), (outcome, scaling)))
    }

    fn plan(
        &self,
        way: Way,
        offers: Vec<Offer>,
        (monthly_cost, parts): (Money, PlanParts),
        (outcome, scaling): (&Outcome, Scaling),
    ) -> Plan {
        let candidate = &self.entry.candidate;
        let offer_ids: Vec<&str> = offers.iter().map(|it| it.id.as_str()).collect();
        Plan {
            id: format!(
                "{}:{}:{}:min{}",
                way.as_word(),
                candidate.id,
                offer_ids.join("+"),
                scaling.min
            ),
            candidate_id: Some(candidate.id.clone()),
            gpu: candidate.gpu.clone(),
            gpu_count: candidate.gpu_count,
            pipeline_parallel_size: candidate.pipeline_parallel_size,
            precision: candidate.precision.clone(),
            monthly_cost,
            parts,
            latencies: Plan::latencies_of(outcome),
            attainment: outcome.attainment(),
            meets_slo: self.meets(outcome),
            allowed: offers.iter().all(|it| may_advise(self.question, it)),
            needs: None,
            spot_range: Vec::new(),
            cold_starts: Some(outcome.cold_starts),
            delayed_requests: Some(outcome.delayed_requests),
            scaling,
            way,
            offers,
        }
    }
}

/// An instance that is rented while it is on.
fn rented(offer: &Offer) -> Billing {
    Billing {
        granularity_us: u64::from(offer.billing_granularity_s.unwrap_or(1)) * 1_000_000,
        ..Billing::by_the_microsecond(offer.rate)
    }
}

const DAY_US: u64 = 86_400_000_000;

/// Workers left after so many days without a request.
fn idle_caps(platform: &ServerlessPlatform) -> Arc<[(u64, u32)]> {
    let cap = |it: &IdleCap| (u64::from(it.after_days) * DAY_US, it.max_workers);
    platform.idle_caps.iter().map(cap).collect()
}

/// A time made longer by a factor.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn scaled(us: u64, factor: f64) -> u64 {
    (us as f64 * factor).round() as u64
}

/// A share of an amount, to the nano-unit.
pub(super) fn portion(total: Money, share: f64) -> Option<Money> {
    const PARTS: u64 = 1_000_000_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1")]
    let numerator = (share.clamp(0.0, 1.0) * PARTS as f64).round() as u64;
    total.scale(numerator, PARTS).ok()
}
