//! Serverless workers by the rules of their platform, alone or above a reserved base, and what must
//! be set there first.

use super::plan::{Plan, Way};
use super::stage::{Fixed, Stage};
use crate::catalog::{Catalog, Offer, Purchase, ScalerRule, ServerlessPlatform, StartPhase};
use crate::simulate::{
    Billing, Delay, FleetSpec, Outcome, SavingsCurve, Scaler, ServiceModel, Source, steps_by_hour,
};
use crate::size::{StartQuestion, StartUp};
use crate::units::{Fraction, HOURS_PER_MONTH, whole_us};

/// Workers of one platform under one rule.
struct Workers<'a> {
    platform: &'a ServerlessPlatform,
    rule: ScalerRule,
    fleet: FleetSpec,
    billing: Billing,
    service: ServiceModel,
}

impl Stage<'_> {
    /// Serverless workers under the rule of their platform that costs the least, with as many always
    /// on as a month's `limit` pays for. A rule after the first is left out where the time of full
    /// batches, `bound`, costs as much as the best before it.
    pub(super) fn serverless(
        &self,
        offer: &Offer,
        fixed: &Fixed,
        (bound, limit): (f64, f64),
    ) -> Option<Plan> {
        let platform = self.question.context.catalog.platform(&offer.provider)?;
        let mut best: Option<Plan> = None;
        let mut limit = limit;
        for rule in &platform.scalers {
            if best.is_some() && bound >= limit {
                break;
            }
            let Some(plan) = self.by_rule(offer, fixed, (platform, *rule), limit) else { continue };
            if plan.meets_slo {
                limit = limit.min(plan.monthly_cost.to_f64());
            }
            let rank = |it: &Plan| (!it.meets_slo, it.monthly_cost);
            if best.as_ref().is_none_or(|it| rank(&plan) < rank(it)) {
                best = Some(plan);
            }
        }
        best
    }

    fn by_rule(
        &self,
        offer: &Offer,
        fixed: &Fixed,
        rule: (&ServerlessPlatform, ScalerRule),
        limit: f64,
    ) -> Option<Plan> {
        let mut workers = self.workers(offer, fixed, rule)?;
        let always_on = always_on(self.question.context.catalog, offer);
        workers.billing.base_rate = always_on.map_or(offer.rate, |it| it.rate);
        // More workers always on than the limit pays for cannot win.
        let each = workers.billing.base_rate.to_f64() * HOURS_PER_MONTH as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let most = fixed.n.min((limit / each) as u32);
        let Workers { service, fleet, billing, .. } = &workers;
        let (fleet, outcome) = self.with_least_minimum(service, fleet, billing, most)?;
        let base = always_on.filter(|_| fleet.min_replicas > 0);
        let offers = base.into_iter().chain([offer]).cloned().collect();
        let mut plan = self.elastic_plan((Way::Serverless, offers), &fleet, billing, &outcome)?;
        plan.conditions = self.conditions(&workers, outcome.max_on);
        Some(plan)
    }

    /// A reserved base with serverless workers above it, at the best point of the savings curve
    /// against their rate and one to each side, under the default rule of their platform.
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
        let curve = SavingsCurve::new(steps, serverless.rate, reserved.rate);
        let platform = self.question.context.catalog.platform(&serverless.provider);
        let rule = platform.and_then(|it| Some((it, *it.scalers.first()?)));
        let workers = rule.and_then(|it| self.workers(serverless, fixed, it));
        let (Some(curve), Some(workers)) = (curve, workers) else { return Vec::new() };
        let billing = Billing { base_rate: reserved.rate, ..workers.billing };
        let best = curve.best_n();
        let mut plans = Vec::new();
        for base in best.saturating_sub(1).max(1)..=best.saturating_add(1) {
            let fleet = FleetSpec {
                min_replicas: base,
                max_replicas: workers.fleet.max_replicas.saturating_add(base),
                ..workers.fleet.clone()
            };
            let Some(outcome) = self.replay(&workers.service, &fleet, &billing) else { continue };
            let way = Way::ReservedServerless { months };
            let offers = vec![reserved.clone(), serverless.clone()];
            plans.extend(self.elastic_plan((way, offers), &fleet, &billing, &outcome).map(|it| {
                let conditions = self.conditions(&workers, outcome.max_on.saturating_sub(base));
                Plan { conditions, ..it }
            }));
        }
        plans
    }

    /// Workers of a platform with no minimum, how they are billed and how fast they serve.
    fn workers<'a>(
        &self,
        offer: &Offer,
        fixed: &Fixed,
        (platform, rule): (&'a ServerlessPlatform, ScalerRule),
    ) -> Option<Workers<'a>> {
        let may_set = platform.concurrency_is_configurable;
        let per_worker = if may_set {
            self.target_batch(fixed).saturating_mul(self.hosted)
        } else {
            platform.concurrency_per_worker?
        };
        // Its speed is that of a worker with so many running.
        let batch = per_worker.div_ceil(self.hosted).min(self.slots()).max(1);
        let service = self.at_batch(batch)?;
        let (cold_start, free_start_us) = self.worker_start(platform);
        let billing = Billing {
            rate: offer.rate,
            base_rate: offer.rate,
            free_start_us,
            granularity_us: whole_us(platform.granularity_s?),
            minimum_us: whole_us(platform.minimum_s.unwrap_or(0.0)),
        };
        let fleet = FleetSpec {
            slots_per_replica: per_worker,
            max_replicas: platform
                .max_workers
                .unwrap_or(fixed.n.saturating_mul(8).saturating_add(8)),
            scaler: Scaler::Rule(rule.for_concurrency(platform.scalers_stated_for, per_worker)),
            idle_timeout: Delay::Constant(whole_us(platform.idle_timeout_s.unwrap_or(0.0))),
            cold_start,
            queue_timeout_us: platform.queue_timeout_s.map(whole_us),
            // Raised where it may be, as `conditions` asks for.
            execution_timeout_us: platform
                .execution_timeout_max_s
                .or(platform.execution_timeout_s)
                .map(whole_us),
            holds_requests: platform.holds_requests.unwrap_or(true),
            idle_caps: platform.idle_caps_us().into(),
            ..self.fleet(0)
        };
        Some(Workers { platform, rule, fleet, billing, service })
    }

    /// What a plan with at most so many workers sets that the platform has otherwise.
    fn conditions(&self, workers: &Workers<'_>, most: u32) -> Vec<String> {
        let Workers { platform, rule, fleet, service, .. } = workers;
        let mut all = Vec::new();
        if platform.scalers.first() != Some(rule) {
            let by = match rule {
                ScalerRule::Stepwise(it) => format!(" by {}", it.metric.as_word()),
                _ => String::new(),
            };
            all.push(format!("choose the scaler {}{by}", rule.as_word()));
        }
        if let Some(default) = platform.default_max_workers.filter(|it| *it < most) {
            all.push(format!("raise the most workers from {default} to {most}"));
        }
        if let Some(balance) = platform.balance_for(most) {
            all.push(format!("have {balance} USD in the account, which {most} workers take"));
        }
        let slots = fleet.slots_per_replica;
        let may_set = platform.concurrency_is_configurable;
        let default = platform.concurrency_per_worker.filter(|it| may_set && *it != slots);
        if let Some(default) = default {
            all.push(format!("let a worker serve {slots} requests at once instead of {default}"));
        }
        let published = rule.target().filter(|_| !platform.scaler_follows_concurrency);
        if let (Scaler::Rule(set), Some(published)) = (&fleet.scaler, published)
            && let Some(value) = set.target().filter(|it| it.total_cmp(&published).is_ne())
        {
            all.push(format!("set {} to {value} (published: {published})", rule.as_word()));
        }
        all.extend(self.longer_time_out(platform, service));
        all
    }

    /// The time-out to raise where requests take longer.
    fn longer_time_out(
        &self,
        platform: &ServerlessPlatform,
        service: &ServiceModel,
    ) -> Option<String> {
        let default_s = platform.execution_timeout_s?;
        let max_s = platform.execution_timeout_max_s.filter(|it| *it > default_s)?;
        let (default_us, max_us) = (whole_us(default_s), whole_us(max_s));
        let (mut n_longer, mut longest_us) = (0_u64, 0);
        for request in self.load.trace.served_by(service).requests() {
            n_longer += u64::from(request.service_us > default_us);
            longest_us = longest_us.max(request.service_us);
        }
        let wanted_s = longest_us.min(max_us).div_ceil(1_000_000);
        (n_longer > 0).then(|| {
            format!(
                "raise the execution time-out from {default_s} s to {wanted_s} s or more: {n_longer} of {} requests take longer than it is",
                self.load.trace.len()
            )
        })
    }

    /// A start of a platform's worker, and the first part of it that is not billed. A worker is found
    /// before it loads, unless the user measured the whole; a snapshot makes some starts short.
    fn worker_start(&self, platform: &ServerlessPlatform) -> (Delay, u64) {
        let settings = &self.question.described.workload.settings;
        let assumed = &self.question.context.catalog.assumptions.cold_start;
        let (full_s, free_s) = match (settings.cold_start_s, &self.entry.candidate.replica) {
            (None, Some(replica)) => {
                let question = StartQuestion { allocates: true, ..replica.start.clone() };
                let start = StartUp::of(&question, None, assumed);
                (start.total().value, free_part(&start, &platform.free_start_phases))
            }
            _ => (self.cold_start_s(), 0.0),
        };
        let all_free = platform.bill_start == Some(false);
        let free_us = if all_free { u64::MAX } else { whole_us(free_s) };
        let long_us = whole_us(full_s);
        match settings.cold_start_snapshot_s {
            // What of a short start is free, no platform says: none of it here.
            Some(short_s) => {
                let share = settings.cold_start_snapshot_share.map(Fraction::get);
                let share = share.unwrap_or(assumed.snapshot_share);
                let start = Delay::Mixture { share, short_us: whole_us(short_s), long_us };
                (start, if all_free { u64::MAX } else { 0 })
            }
            None => (Delay::Constant(long_us), free_us),
        }
    }
}

/// The price of the same worker when it is always on, where one is listed and stands.
fn always_on<'a>(catalog: &'a Catalog, flex: &Offer) -> Option<&'a Offer> {
    let key = |it: &Offer| {
        (it.provider.clone(), it.instance_type.clone(), it.region.clone(), it.gpu_count)
    };
    catalog.offers.iter().find(|it| {
        it.purchase == Purchase::ServerlessActive
            && key(it) == key(flex)
            && it.gpus == flex.gpus
            && it.rate.currency() == flex.rate.currency()
            && catalog.is_simulated(it)
    })
}

/// Seconds of a start that a platform does not bill.
fn free_part(start: &StartUp, free: &[StartPhase]) -> f64 {
    let seconds = |phase: &StartPhase| match phase {
        StartPhase::Allocation => start.allocation.value,
        StartPhase::Image => start.image.value,
        StartPhase::Framework => start.framework.value,
        StartPhase::Weights => start.weights.value,
        StartPhase::Engine => start.checks.value + start.profiling.value,
        StartPhase::Compile => start.tracing.value + start.compilation.value + start.graphs.value,
    };
    free.iter().map(seconds).sum()
}
