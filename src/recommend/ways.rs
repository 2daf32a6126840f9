//! The ways to buy the capacity of one stage, besides a fixed fleet: each replayed and billed.

use std::collections::BTreeSet;

use super::money;
use super::plan::{Elastic, Plan, PlanParts, Scaling, Way};
use super::rehearsal::Settings;
use super::schedule;
use super::stage::{Fixed, Stage};
use super::term;
use crate::catalog::{Offer, Purchase, ScalerRule};
use crate::commitment::SavingsCurve;
use crate::simulate::{
    Billing, Delay, DemandStep, FleetSpec, Outcome, Scaler, ServiceModel, Spot, Usage,
    steps_by_hour,
};
use crate::units::{HOURS_PER_MONTH, Money, whole_us};

/// What an instance has before another comes.
#[derive(Clone, Copy)]
struct Aim {
    /// Requests a replica has in service, which its speed holds for.
    batch: u32,
    /// Requests of an instance, those that wait among them.
    requests: u32,
}

impl Stage<'_> {
    /// Pay as you go that follows the load; also what it found, for the commitment curve. `minimum` is
    /// the cheapest number of instances always on, where it is known: at another rate of the same
    /// rounding everything costs as many times more, so the same number is the cheapest.
    pub(super) fn autoscaled(
        &self,
        offer: &Offer,
        fixed: &Fixed,
        minimum: Option<u32>,
    ) -> (Option<Plan>, Option<Outcome>) {
        let billing = rented(offer);
        let most = fixed.n.saturating_mul(2).saturating_add(1);
        let best = self.by_cheapest_aim(fixed, |aim| {
            let service = self.at_batch(aim.batch)?;
            let fleet = self.by_request_count(aim.requests, (0, most));
            match minimum {
                Some(min_replicas) => {
                    let fleet = FleetSpec { min_replicas, ..fleet };
                    self.replay(&service, &fleet, &billing).map(|it| (fleet, it))
                }
                None => self.with_cheapest_minimum(&service, &fleet, &billing, fixed.n),
            }
        });
        let Some((fleet, outcome)) = best else { return (None, None) };
        let way = (Way::PaygAutoscaled, vec![offer.clone()]);
        (self.elastic_plan(way, &fleet, &billing, &outcome), Some(outcome))
    }

    /// The same with settings that were found elsewhere; nothing where they do not keep the limits.
    pub(super) fn autoscaled_at(
        &self,
        offer: &Offer,
        fixed: &Fixed,
        settings: Settings,
    ) -> Option<(Option<Plan>, Option<Outcome>)> {
        let requests = settings.rule.1?;
        let from = |aim: &Aim| (f64::from(aim.requests) - requests).abs();
        let aim = self.aims(fixed).min_by(|a, b| from(a).total_cmp(&from(b)))?;
        let service = self.at_batch(aim.batch)?;
        let most = fixed.n.saturating_mul(2).saturating_add(1);
        let fleet = self.by_request_count(aim.requests, (settings.min, most));
        let billing = rented(offer);
        let outcome = self.replay_to_meet(&service, &fleet, &billing)?;
        let way = (Way::PaygAutoscaled, vec![offer.clone()]);
        Some((self.elastic_plan(way, &fleet, &billing, &outcome), Some(outcome)))
    }

    /// What an instance may have before another comes: as many as it serves, and more where they may wait.
    fn aims(&self, fixed: &Fixed) -> impl Iterator<Item = Aim> {
        let batch = self.target_batch(fixed);
        let usual = Aim { batch, requests: batch.saturating_mul(self.hosted) };
        std::iter::once(usual).chain(self.waiting_aim())
    }

    /// The cheapest of the aims whose outcome keeps the limits; where none does, the cheapest.
    fn by_cheapest_aim(
        &self,
        fixed: &Fixed,
        run: impl Fn(Aim) -> Option<(FleetSpec, Outcome)>,
    ) -> Option<(FleetSpec, Outcome)> {
        let cost = |it: &Outcome| it.total_cost().map_or(f64::INFINITY, Money::to_f64);
        let is_better = |a: &Outcome, b: &Outcome| match (self.meets(a), self.meets(b)) {
            (true, false) => true,
            (false, true) => false,
            _ => cost(a) < cost(b),
        };
        self.aims(fixed)
            .filter_map(run)
            .reduce(|best, it| if is_better(&it.1, &best.1) { it } else { best })
    }

    /// Where a request may wait for longer than an instance takes to start, an instance may have more
    /// than it serves at once: as many again as it serves in half of the time that is left, at most
    /// so many times.
    ///
    /// 21 at once for 10 s each, a limit of 300 s and a start of 180 s: in half of the 120 s left it
    /// serves six times 21, which wait, so it has 147.
    fn waiting_aim(&self) -> Option<Aim> {
        let assumed = &self.question.context.catalog.assumptions.simulate;
        let batch = self.within_tpot(self.slots());
        let left_s = self.load.limits.ttft_us? as f64 / 1e6 - self.rented_start_s();
        let waiting = waiting(left_s, self.mean_service_s(batch)?, assumed.autoscale_most_waiting);
        let at_once = batch.saturating_mul(self.hosted);
        (waiting > 0).then(|| Aim { batch, requests: at_once.saturating_mul(waiting + 1) })
    }

    /// Rented instances that come with so many requests each and leave when idle.
    pub(super) fn by_request_count(&self, requests: u32, (min, max): (u32, u32)) -> FleetSpec {
        let assumed = &self.question.context.catalog.assumptions.simulate;
        FleetSpec {
            max_replicas: max,
            scaler: Scaler::Rule(ScalerRule::RequestCount { requests }),
            idle_timeout: Delay::Constant(whole_us(assumed.autoscale_idle_timeout_s)),
            cold_start: Delay::Constant(whole_us(self.rented_start_s())),
            ..self.fleet(min)
        }
    }

    /// Pay as you go by the hour of the week: the fewest instances a schedule needs to meet the
    /// limits, found by raising every hour with requests alike. It is made from all weeks but the
    /// last and has to meet the limits in the whole window and in the week it has not seen. Nothing
    /// where there are no two weeks to learn from, no quieter hour, a last week unlike the others, or
    /// where its hours alone cost a month's `limit`.
    pub(super) fn scheduled(&self, offer: &Offer, fixed: &Fixed, limit: f64) -> Option<Plan> {
        /// Hours with requests are raised by at most so many instances.
        const MOST_MORE: u32 = 4;
        let week = self.load.week.as_ref().filter(|it| it.n_weeks >= 2)?;
        let service = self.at_batch(fixed.batch)?;
        let per_hour = schedule::requests_per_hour(self, fixed)?;
        let start_us = whole_us(self.rented_start_s());
        let billing = rented(offer);
        let trace = &self.load.trace;
        let last_week = trace.since(week.last_week_us);
        // A week with less than half the usual requests proves nothing about the usual ones.
        let share = last_week.len() as f64 / trace.len().max(1) as f64;
        let usual = last_week.window_us() as f64 / trace.window_us() as f64;
        if share < usual / 2.0 {
            return None;
        }
        for more in 0..=MOST_MORE.min(fixed.n) {
            let schedule = week.schedule(per_hour, more, fixed.n)?;
            let (start, window_us) =
                (self.question.described.workload.demand_window.start(), trace.window_us());
            let hours = schedule.steps(start, window_us, self.question.context.zone, 0);
            let steps = schedule::ahead(&hours, start_us);
            let share = schedule::mean(&steps, window_us);
            if share * offer.rate.to_f64() * HOURS_PER_MONTH as f64 >= limit {
                return None;
            }
            let unseen = schedule::since(&steps, week.last_week_us);
            let by = |steps: schedule::Steps| FleetSpec {
                max_replicas: fixed.n,
                scaler: Scaler::Schedule(steps.into()),
                cold_start: Delay::Constant(start_us),
                ..self.fleet(0)
            };
            if self.trial(&last_week.served_by(&service), &by(unseen), &billing).is_none() {
                continue;
            }
            let fleet = by(steps);
            if let Some(outcome) = self.replay_to_meet(&service, &fleet, &billing) {
                let way = (Way::PaygScheduled, vec![offer.clone()]);
                let mut plan = self.elastic_plan(way, &fleet, &billing, &outcome)?;
                plan.scaling.min = hours.iter().map(|it| it.1).min().unwrap_or(0);
                plan.scaling.schedule = Some(schedule.to_string());
                return Some(plan);
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
        plan.scaling = Scaling { policy: "fixed", min: fixed.n, max: fixed.n, ..plan.scaling };
        Some(plan)
    }

    /// The fleet with so many instances always on that it costs the least of those that meet the
    /// limits, or fewer where that costs little more, for they cannot follow demand that falls; where
    /// none does, with the most that were tried. More always on may cost less: they spare starts, or
    /// have a lower price. So it tries on until those always on cost as much by themselves as the
    /// best, or two more in a row were dearer, after which one is rarely cheaper.
    pub(super) fn with_cheapest_minimum(
        &self,
        service: &ServiceModel,
        fleet: &FleetSpec,
        billing: &Billing,
        most: u32,
    ) -> Option<(FleetSpec, Outcome)> {
        let little = 1.0 + self.question.context.catalog.assumptions.advice.min_savings_share;
        let mut met: Vec<(f64, FleetSpec, Outcome)> = Vec::new();
        let (mut best, mut last, mut n_dearer) = (f64::INFINITY, None, 0);
        let least = u32::from(self.question.is_critical());
        for min_replicas in minimums(most).into_iter().filter(|it| *it >= least) {
            let alone = money::month_of(billing.base_rate, min_replicas)?;
            if alone.to_f64() >= best || n_dearer == 2 {
                break;
            }
            let fleet = FleetSpec { min_replicas, ..fleet.clone() };
            let Some(outcome) = self.replay_to_meet(service, &fleet, billing) else {
                last = Some(fleet);
                continue;
            };
            let cost = money::monthly(outcome.total_cost().ok()?, self.load.trace.window_us())?;
            let cost = cost.to_f64();
            n_dearer = if cost < best { 0 } else { n_dearer + 1 };
            best = best.min(cost);
            met.push((cost, fleet, outcome));
        }
        let chosen = met.into_iter().find(|it| it.0 <= best * little);
        chosen.map(|(_, fleet, outcome)| (fleet, outcome)).or_else(|| {
            let fleet = last?;
            let outcome = self.replay(service, &fleet, billing)?;
            Some((fleet, outcome))
        })
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
        let curve = on_demand.and_then(|outcome| {
            let steps = steps_by_hour(&outcome.on_us_by_hour, self.load.trace.window_us());
            let steps = term::since_change(self.question, steps);
            SavingsCurve::new(steps, overflow.rate, reserved.rate)
        });
        let best = curve.map(|it| term::chosen_n(self.question, &it));
        let most = term::most_committed(self.question, best);
        let mut plans = Vec::new();
        if fixed.n <= most {
            plans.extend(self.fixed_plan(reserved, way.clone(), fixed));
        }
        let Some(best) = best else { return plans };
        for n in best.saturating_sub(1).max(1)..=best.saturating_add(1).min(most) {
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
        let billing = Billing { base_rate: reserved.rate, ..rented(overflow) };
        let most = fixed.n.saturating_mul(2).max(base.saturating_add(1));
        let (fleet, outcome) = self.by_cheapest_aim(fixed, |aim| {
            let service = self.at_batch(aim.batch)?;
            let fleet = self.by_request_count(aim.requests, (base, most));
            let outcome = self.replay(&service, &fleet, &billing)?;
            Some((fleet, outcome))
        })?;
        let offers = vec![reserved.clone(), overflow.clone()];
        self.elastic_plan((way, offers), &fleet, &billing, &outcome)
    }

    /// A plan whose instances come and go above its minimum.
    pub(super) fn elastic_plan(
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
        let (policy, value) = policy_of(&fleet.scaler);
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
            schedule: None,
        };
        let total = base.checked_add(elastic).ok()?;
        let remarks = offers.iter().filter_map(by_the_second).collect();
        let hours = steps_by_hour(&outcome.on_us_by_hour, window_us);
        let above_us = |it: &DemandStep| {
            it.on_us.saturating_sub(u64::from(fleet.min_replicas).saturating_mul(it.len_us))
        };
        let on_us_by_hour = hours.iter().map(above_us).collect();
        let elastic = Some(Elastic { monthly: elastic, on_us_by_hour });
        let plan = self.plan(way, offers, (total, parts), (outcome, scaling));
        Some(Plan { elastic, remarks, ..plan })
    }
}

/// How many times what is served at once may wait: what is served in half of the time left.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn waiting(left_s: f64, service_s: f64, most: f64) -> u32 {
    (left_s / service_s / 2.0).min(most).floor() as u32
}

/// A scaler in the word and the number of a plan.
pub(super) fn policy_of(scaler: &Scaler) -> (&'static str, Option<f64>) {
    match scaler {
        Scaler::Fixed => ("fixed", None),
        Scaler::Schedule(_) => ("schedule", None),
        Scaler::PerRequest => ("per_request", None),
        Scaler::Rule(ScalerRule::QueueDelay { threshold_us }) => {
            ("queue_delay", Some(*threshold_us as f64 / 1e6))
        }
        Scaler::Rule(rule) => (rule.as_word(), rule.target()),
    }
}

/// How many instances always on are tried where at most so many make sense: each up to 8, then the
/// quarters; of 20 these are 0 to 8, 10, 15 and 20.
fn minimums(most: u32) -> BTreeSet<u32> {
    /// Up to here each number is tried.
    const EACH: u32 = 8;
    let quarters = [most / 4, most / 2, most - most / 4, most];
    (0..=most.min(EACH)).chain(quarters).collect()
}

/// That a rented instance is billed by the second here where its provider does not say how.
fn by_the_second(offer: &Offer) -> Option<String> {
    let is_rented = matches!(offer.purchase, Purchase::PayAsYouGo | Purchase::Spot);
    (is_rented && offer.billing_granularity_s.is_none()).then(|| {
        format!("billed by the second: to what {} rounds up is not stated", offer.provider)
    })
}

/// An instance that is rented while it is on.
pub(super) fn rented(offer: &Offer) -> Billing {
    Billing {
        granularity_us: u64::from(offer.billing_granularity_s.unwrap_or(1)) * 1_000_000,
        ..Billing::by_the_microsecond(offer.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_wait_as_are_served_in_half_of_the_time_left() {
        let check = |left_s, service_s, expected| {
            assert_eq!(waiting(left_s, service_s, 7.0), expected, "{left_s} {service_s}");
        };
        check(120.0, 10.0, 6);
        check(60.0, 10.0, 3);
        check(19.0, 10.0, 0);
        check(-177.0, 10.0, 0);
        check(86_400.0, 10.0, 7);
    }

    #[test]
    fn each_minimum_up_to_eight_and_the_quarters_are_tried() {
        let check = |most: u32, more: &[u32]| {
            let expected = (0..=most.min(8)).chain(more.iter().copied());
            assert!(minimums(most).into_iter().eq(expected), "{most}: {:?}", minimums(most));
        };
        check(0, &[]);
        check(1, &[]);
        check(8, &[]);
        check(9, &[9]);
        check(20, &[10, 15, 20]);
        check(512, &[128, 256, 384, 512]);
        check(u32::MAX, &[u32::MAX / 4, u32::MAX / 2, u32::MAX - u32::MAX / 4, u32::MAX]);
    }
}
