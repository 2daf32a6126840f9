//! Serverless workers by the rules of their platform, alone or above a reserved base, and what must
//! be set there first.

use super::plan::{Plan, Way};
use super::rehearsal::Settings;
use super::stage::{Fixed, Stage};
use super::term;
use super::ways::policy_of;
use crate::catalog::{Offer, Purchase, ScalerRule, ServerlessPlatform, StartPhase};
use crate::commitment::SavingsCurve;
use crate::simulate::{
    Billing, Delay, FleetSpec, Outcome, Scaler, ServiceModel, Source, steps_by_hour,
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
    /// What its cost leaves out.
    remarks: Vec<String>,
}

impl Workers<'_> {
    /// Them above a base that is always on.
    fn above(&self, base: u32) -> FleetSpec {
        let caps = self.fleet.idle_caps.iter();
        FleetSpec {
            min_replicas: base,
            max_replicas: self.fleet.max_replicas.saturating_add(base),
            idle_caps: caps.map(|it| (it.0, it.1.saturating_add(base))).collect(),
            ..self.fleet.clone()
        }
    }
}

/// A start of a platform's worker.
struct WorkerStart {
    takes: Delay,
    /// The first part of it that is not billed.
    free_us: u64,
    /// Seconds of a start without a snapshot that would be free, and are billed here.
    free_but_billed_s: f64,
}

impl Stage<'_> {
    /// Serverless workers under the rule of their platform that costs the least, with at most as many
    /// always on as a month's `limit` pays for. A rule after the first is left out where the time of full
    /// batches, `bound`, costs as much as the best before it.
    pub(super) fn serverless(
        &self,
        offers: &(Offer, Option<Offer>),
        fixed: &Fixed,
        (bound, limit): (f64, f64),
    ) -> Option<Plan> {
        let platform = self.question.context.catalog.platform(&offers.0.provider)?;
        let mut best: Option<Plan> = None;
        let mut limit = limit;
        for rule in &platform.scalers {
            if best.is_some() && bound >= limit {
                break;
            }
            let Some(plan) = self.by_rule(offers, fixed, (platform, *rule), limit) else {
                continue;
            };
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
        offers: &(Offer, Option<Offer>),
        fixed: &Fixed,
        rule: (&ServerlessPlatform, ScalerRule),
        limit: f64,
    ) -> Option<Plan> {
        let workers = self.workers_for(offers, fixed, rule)?;
        // More workers always on than the limit pays for cannot win.
        let each = workers.billing.base_rate.to_f64() * HOURS_PER_MONTH as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let most = fixed.n.min(workers.fleet.max_replicas).min((limit / each) as u32);
        let Workers { service, fleet, billing, .. } = &workers;
        let found = self.with_cheapest_minimum(service, fleet, billing, most)?;
        self.plan_of_workers(offers, workers, found)
    }

    /// Serverless workers with settings that were found elsewhere; nothing where they do not keep the
    /// limits.
    pub(super) fn serverless_at(
        &self,
        offers: &(Offer, Option<Offer>),
        fixed: &Fixed,
        settings: Settings,
    ) -> Option<Plan> {
        let platform = self.question.context.catalog.platform(&offers.0.provider)?;
        let workers = |rule: &ScalerRule| self.workers_for(offers, fixed, (platform, *rule));
        let is_set = |it: &Workers<'_>| policy_of(&it.fleet.scaler) == settings.rule;
        let workers = platform.scalers.iter().filter_map(workers).find(is_set)?;
        let fleet = FleetSpec { min_replicas: settings.min, ..workers.fleet.clone() };
        let outcome = self.replay_to_meet(&workers.service, &fleet, &workers.billing)?;
        self.plan_of_workers(offers, workers, (fleet, outcome))
    }

    fn workers_for<'a>(
        &self,
        (flex, always_on): &(Offer, Option<Offer>),
        fixed: &Fixed,
        rule: (&'a ServerlessPlatform, ScalerRule),
    ) -> Option<Workers<'a>> {
        let (per_worker, most) = (self.per_worker(rule.0, fixed)?, most_workers(rule.0, fixed));
        let mut workers = self.workers(flex, (per_worker, most), rule)?;
        workers.billing.base_rate = always_on.as_ref().map_or(flex.rate, |it| it.rate);
        Some(workers)
    }

    fn plan_of_workers(
        &self,
        (flex, always_on): &(Offer, Option<Offer>),
        workers: Workers<'_>,
        (fleet, outcome): (FleetSpec, Outcome),
    ) -> Option<Plan> {
        let billing = &workers.billing;
        let base = always_on.as_ref().filter(|_| fleet.min_replicas > 0);
        let offers = base.into_iter().chain([flex]).cloned().collect();
        let plan = self.elastic_plan((Way::Serverless, offers), &fleet, billing, &outcome)?;
        let conditions = self.conditions(&workers, &outcome, (fleet.min_replicas, outcome.max_on));
        Some(Plan { conditions, remarks: workers.remarks, ..plan })
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
        let steps = term::since_change(self.question, steps);
        let curve = SavingsCurve::new(steps, serverless.rate, reserved.rate);
        let platform = self.question.context.catalog.platform(&serverless.provider);
        let rule = platform.and_then(|it| Some((it, *it.scalers.first()?)));
        let workers = rule.and_then(|it| {
            let (per_worker, most) = (self.per_worker(it.0, fixed)?, most_workers(it.0, fixed));
            self.workers(serverless, (per_worker, most), it)
        });
        let (Some(curve), Some(workers)) = (curve, workers) else { return Vec::new() };
        let billing = Billing { base_rate: reserved.rate, ..workers.billing };
        let best = curve.best_n();
        let most = term::most_committed(self.question, Some(best));
        let mut plans = Vec::new();
        for base in best.saturating_sub(1).max(1)..=best.saturating_add(1).min(most) {
            let fleet = workers.above(base);
            let Some(outcome) = self.replay(&workers.service, &fleet, &billing) else { continue };
            let way = Way::ReservedServerless { months };
            let offers = vec![reserved.clone(), serverless.clone()];
            plans.extend(self.elastic_plan((way, offers), &fleet, &billing, &outcome).map(|it| {
                let most = outcome.max_on.saturating_sub(base);
                let conditions = self.conditions(&workers, &outcome, (0, most));
                Plan { conditions, remarks: workers.remarks.clone(), ..it }
            }));
        }
        plans
    }

    pub(super) fn workers_again(&self, plan: &Plan) -> Option<Plan> {
        let (service, fleet, billing) = self.workers_as_set(plan)?;
        let outcome = self.replay(&service, &fleet, &billing)?;
        self.elastic_plan((plan.way.clone(), plan.offers.clone()), &fleet, &billing, &outcome)
    }

    /// A plan with serverless workers, alone or above a commitment, as it was set; nothing where the
    /// platform or its rule is not in the catalog.
    pub(super) fn workers_as_set(&self, plan: &Plan) -> Option<(ServiceModel, FleetSpec, Billing)> {
        let (base, flex) = (plan.offers.first()?, plan.offers.last()?);
        let scaling = &plan.scaling;
        let platform = self.question.context.catalog.platform(&flex.provider)?;
        let per_worker = scaling.slots?.saturating_mul(self.hosted);
        let is_set = |rule: &&ScalerRule| {
            let set = rule.for_concurrency(platform.scalers_stated_for, per_worker);
            policy_of(&Scaler::Rule(set)) == (scaling.policy, scaling.value)
        };
        let rule = (platform, *platform.scalers.iter().find(is_set)?);
        // What is set there may be more than was ever on.
        let committed = if plan.is_committed() { scaling.min } else { 0 };
        let set = platform.default_max_workers.unwrap_or(0);
        let most = scaling.ceiling().saturating_sub(committed).max(set);
        let workers = self.workers(flex, (per_worker, most), rule)?;
        let fleet = if plan.is_committed() {
            workers.above(committed)
        } else {
            FleetSpec { min_replicas: scaling.min, ..workers.fleet.clone() }
        };
        let billing = Billing { base_rate: base.rate, ..workers.billing };
        Some((workers.service, fleet, billing))
    }

    /// Requests a worker of a platform serves at once.
    fn per_worker(&self, platform: &ServerlessPlatform, fixed: &Fixed) -> Option<u32> {
        if platform.concurrency_is_configurable {
            return Some(self.target_batch(fixed).saturating_mul(self.hosted));
        }
        // It takes no more at once than its engine.
        Some(platform.concurrency_per_worker?.min(self.slots().saturating_mul(self.hosted)))
    }

    /// At most so many workers of a platform with no minimum, how they are billed and how fast they
    /// serve.
    fn workers<'a>(
        &self,
        offer: &Offer,
        (per_worker, most): (u32, u32),
        (platform, rule): (&'a ServerlessPlatform, ScalerRule),
    ) -> Option<Workers<'a>> {
        // Its speed is that of a worker with so many running.
        let batch = per_worker.div_ceil(self.hosted).min(self.slots()).max(1);
        let service = self.at_batch(batch)?;
        let start = self.worker_start(platform);
        let billing = Billing {
            rate: offer.rate,
            base_rate: offer.rate,
            free_start_us: start.free_us,
            granularity_us: whole_us(platform.granularity_s?),
            minimum_us: whole_us(platform.minimum_s.unwrap_or(0.0)),
        };
        let fleet = FleetSpec {
            slots_per_replica: per_worker,
            max_replicas: most,
            scaler: Scaler::Rule(rule.for_concurrency(platform.scalers_stated_for, per_worker)),
            idle_timeout: Delay::Constant(whole_us(platform.idle_timeout_s.unwrap_or(0.0))),
            cold_start: start.takes,
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
        let remarks = billed_in_full(platform, start.free_but_billed_s).into_iter().collect();
        Some(Workers { platform, rule, fleet, billing, service, remarks })
    }

    /// What a plan with so many workers always on and at most so many in all sets that the platform
    /// has otherwise.
    fn conditions(
        &self,
        workers: &Workers<'_>,
        outcome: &Outcome,
        (least, most): (u32, u32),
    ) -> Vec<String> {
        let Workers { platform, rule, fleet, service, .. } = workers;
        let mut all = Vec::new();
        if platform.scalers.first() != Some(rule) {
            let by = match rule {
                ScalerRule::Stepwise(it) => format!(" by {}", it.metric.as_word()),
                _ => String::new(),
            };
            all.push(format!("choose the scaler {}{by}", rule.as_word()));
        }
        if least > 0 {
            let s = if least == 1 { "" } else { "s" };
            all.push(format!("keep {least} worker{s} always on"));
        }
        if let Some(default) = platform.default_max_workers.filter(|it| *it < most) {
            all.push(format!("raise the most workers from {default} to {most}"));
        }
        if let Some(balance) = platform.balance_for(most) {
            all.push(format!("have {balance} USD in the account, which {most} workers take"));
        }
        let rates = (workers.billing.base_rate, workers.billing.rate);
        let over = platform.over_spend_limit((least, most), rates);
        if let Some((limit, spent)) = over {
            all.push(format!(
                "have the spend limit raised from {limit} USD an hour: {most} workers spend {spent:.2}"
            ));
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
        let served = self.load.trace.served_by(service);
        let times = || served.requests().map(|it| it.service_us);
        all.extend(longer_time_out(platform, times));
        all.extend(longer_life(platform, outcome, times()));
        all
    }

    /// A worker is found before it loads, unless the user measured the whole; a snapshot makes some
    /// starts short.
    fn worker_start(&self, platform: &ServerlessPlatform) -> WorkerStart {
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
        let free_us = |free_s: f64| if all_free { u64::MAX } else { whole_us(free_s) };
        let long_us = whole_us(full_s);
        let Some(short_s) = settings.cold_start_snapshot_s else {
            let takes = Delay::Constant(long_us);
            return WorkerStart { takes, free_us: free_us(free_s), free_but_billed_s: 0.0 };
        };
        let share = settings.cold_start_snapshot_share.map(Fraction::get);
        let share = share.unwrap_or(assumed.snapshot_share);
        WorkerStart {
            takes: Delay::Mixture { share, short_us: whole_us(short_s), long_us },
            // What of a short start is free, no platform says: none of any start here.
            free_us: free_us(0.0),
            free_but_billed_s: if all_free { 0.0 } else { free_s },
        }
    }
}

/// The most workers of a platform, where it caps none so many that no plan reaches them.
fn most_workers(platform: &ServerlessPlatform, fixed: &Fixed) -> u32 {
    platform.max_workers.unwrap_or(fixed.n.saturating_mul(8).saturating_add(8))
}

/// The time-out to raise where requests take longer.
fn longer_time_out<I: Iterator<Item = u64>>(
    platform: &ServerlessPlatform,
    times: impl Fn() -> I,
) -> Option<String> {
    let default_s = platform.execution_timeout_s?;
    let max_s = platform.execution_timeout_max_s.filter(|it| *it > default_s)?;
    let default_us = whole_us(default_s);
    let (n_longer, n) = (times().filter(|it| *it > default_us).count(), times().count());
    let wanted_s = times().max()?.min(whole_us(max_s)).div_ceil(1_000_000);
    (n_longer > 0).then(|| {
        format!(
            "raise the execution time-out from {default_s} s to {wanted_s} s or more: {n_longer} of {n} requests take longer than it is"
        )
    })
}

/// The life of a request to make longer where it may end before its answer: it counts from submission,
/// waiting and service. Of the waits 99 % are known, and those that the life itself cut.
fn longer_life(
    platform: &ServerlessPlatform,
    outcome: &Outcome,
    times: impl Iterator<Item = u64>,
) -> Option<String> {
    let life_s = platform.queue_timeout_s?;
    let most_us = platform.execution_timeout_max_s.or(platform.execution_timeout_s).map(whole_us);
    let longest_us = times.max()?.min(most_us.unwrap_or(u64::MAX));
    let wait_us = outcome.queue_wait.map_or(0, |it| it.p99_us);
    let together_us = wait_us.saturating_add(longest_us);
    let cut = match outcome.timed_out {
        0 => String::new(),
        n => format!(", and {n} of {} wait until it ends", outcome.requests),
    };
    (outcome.timed_out > 0 || together_us > whole_us(life_s)).then(|| {
        format!(
            "let a request live longer than {life_s} s from its submission: 99 % wait up to {} s, the longest takes {} s{cut}",
            wait_us.div_ceil(1_000_000),
            longest_us.div_ceil(1_000_000)
        )
    })
}

/// That free phases of a start are billed here, where some of the starts are from a snapshot.
fn billed_in_full(platform: &ServerlessPlatform, free_s: f64) -> Option<String> {
    (free_s > 0.0).then(|| {
        format!(
            "every start is billed in full: {} does not bill the first {free_s:.1} s of one without a \
             snapshot, and what it bills of one with a snapshot is not stated",
            platform.provider
        )
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
