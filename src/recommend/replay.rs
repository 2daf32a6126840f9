//! One plan on demand that it was not made for: the same fleet by the same rules at the same prices.
//!
//! What a search found on one stretch of time is set up and left alone on another: so many instances,
//! scaled by the same rule up to as many as it had, each serving as many requests at once. What it
//! costs there, and whether it keeps the limits, is what advice is judged by.

use super::baseline::{Baseline, baseline};
use super::candidates::{Candidate, Entry};
use super::choose::{Found, today_plan};
use super::demand::{Load, Question};
use super::plan::{Plan, Way};
use super::stage::{Fixed, Stage};
use super::ways::rented;
use super::{
    Context, Described, api_plan, level_plans, request_plans, schedule, slice, spot_plans,
};
use crate::catalog::Offer;
use crate::simulate::{Billing, Delay, FleetSpec, Scaler, ServiceModel, Week};
use crate::units::{Timestamp, whole_us};

/// The plan as it would have been on the demand of `described`: its cost, latencies and whether it
/// keeps the limits are of that demand, everything that is set up is as it was. `candidate` is what
/// the plan runs, from the recommendation that the plan comes from; plans for GPUs in use have none.
///
/// Today's plan costs what the bill of `described` says. Nothing where the plan cannot be set up there:
/// a plan of another kind of demand, or one whose platform is not in the catalog.
///
/// One instance at 2 an hour, made for a week, costs 1,460 in a month of any other week too; whether
/// it carries that week is another question.
pub fn replay(
    plan: &Plan,
    candidate: Option<&Candidate>,
    described: Described<'_>,
    context: Context<'_>,
) -> Option<Plan> {
    let question = Question::of(described, context);
    let baseline = baseline(&question);
    let again = match (&question.load, candidate) {
        (load, _) if plan.way == Way::Today => today(&question, load, (&baseline, candidate)),
        _ if plan.way == Way::Api => api_plan::plan(&question),
        (Load::Level(series), _) => level_plans::again(&question, series, plan),
        (Load::Requests(load), Some(candidate)) => {
            let entry = Entry::again(&question, &baseline, candidate)?;
            let hosted = match plan.way {
                Way::Shared { .. } => 1,
                _ => plan.offers.first()?.gpu_count / candidate.gpu_count.max(1),
            };
            let stage =
                Stage { question: &question, load, entry: &entry, hosted, load_factor: 1.0 };
            stage.again(plan)
        }
        _ => None,
    }?;
    Some(Plan {
        id: plan.id.clone(),
        allowed: plan.allowed,
        needs: plan.needs,
        conditions: plan.conditions.clone(),
        scaling: plan.scaling.clone(),
        ..again
    })
}

fn today(
    question: &Question<'_>,
    load: &Load<'_>,
    (baseline, candidate): (&Baseline, Option<&Candidate>),
) -> Option<Plan> {
    let outcome = match (load, candidate) {
        (Load::Requests(load), Some(candidate)) => {
            let entry = Entry::again(question, baseline, candidate)?;
            request_plans::today(question, load, &entry)
        }
        _ => None,
    };
    let today_candidate = candidate.map(|it| it.id.clone());
    let found = Found { today_candidate, today_outcome: outcome, ..Found::default() };
    today_plan(question, baseline, &found)
}

impl Stage<'_> {
    /// A plan for requests, set up as it was.
    fn again(&self, plan: &Plan) -> Option<Plan> {
        let (base, above) = (plan.offers.first()?, plan.offers.last()?);
        match (&plan.way, plan.scaling.policy) {
            (Way::PaygFixed | Way::Reserved { .. }, "fixed") => {
                let fixed = self.fixed_again(plan.scaling.min, base)?;
                self.fixed_plan(base, plan.way.clone(), &fixed)
            }
            (Way::Shared { gpus, .. }, _) => {
                let fixed = self.fixed_again(gpus / plan.gpu_count.max(1), base)?;
                let again = self.fixed_plan(base, plan.way.clone(), &fixed)?;
                slice::at_cost(again, plan.monthly_cost, fixed.outcome.busy_share())
            }
            (Way::PaygAutoscaled | Way::Reserved { .. }, _) => {
                let billing = Billing { base_rate: base.rate, ..rented(above) };
                self.following_again(plan, &billing)
            }
            (Way::PaygScheduled, _) => self.schedule_again(plan, &rented(base)),
            (Way::Spot, _) => {
                let fixed = self.fixed_again(plan.scaling.min, base)?;
                spot_plans::for_requests(self, (base, above), &fixed, f64::INFINITY)
            }
            (Way::Serverless | Way::ReservedServerless { .. }, _) => self.workers_again(plan),
            _ => None,
        }
    }

    /// The speed of so many instances on this load; that of full ones where they cannot keep up.
    pub(super) fn speed_of(&self, instances: u32) -> Option<(ServiceModel, u32)> {
        let full = || Some((self.speed(self.slots())?, self.slots()));
        self.service(instances).or_else(full)
    }

    fn fixed_again(&self, n: u32, offer: &Offer) -> Option<Fixed> {
        let (service, batch) = self.speed_of(n)?;
        let outcome = self.replay(&service, &self.fleet(n), &rented(offer))?;
        Some(Fixed { n, batch, outcome })
    }

    fn following_again(&self, plan: &Plan, billing: &Billing) -> Option<Plan> {
        let (service, fleet) = self.following(plan)?;
        let outcome = self.replay(&service, &fleet, billing)?;
        self.elastic_plan((plan.way.clone(), plan.offers.clone()), &fleet, billing, &outcome)
    }

    /// Instances that come with so many requests each, on as many as it had at most.
    pub(super) fn following(&self, plan: &Plan) -> Option<(ServiceModel, FleetSpec)> {
        let scaling = &plan.scaling;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests; `as` saturates"
        )]
        let requests = scaling.value? as u32;
        let batch = (requests / self.hosted.max(1)).clamp(1, self.slots().max(1));
        let service = self.speed(self.within_tpot(batch))?;
        let fleet = FleetSpec {
            idle_timeout: Delay::Constant(whole_us(scaling.idle_timeout_s?)),
            cold_start: Delay::Constant(whole_us(scaling.cold_start_s?)),
            ..self.by_request_count(requests, (scaling.min, scaling.ceiling()))
        };
        Some((service, fleet))
    }

    fn schedule_again(&self, plan: &Plan, billing: &Billing) -> Option<Plan> {
        let start = self.question.described.workload.demand_window.start();
        let (service, fleet) = self.on_schedule(plan, (start, self.load.trace.window_us()))?;
        let outcome = self.replay(&service, &fleet, billing)?;
        self.elastic_plan((plan.way.clone(), plan.offers.clone()), &fleet, billing, &outcome)
    }

    /// So many instances by the hour of the week, over so many microseconds from an instant on.
    pub(super) fn on_schedule(
        &self,
        plan: &Plan,
        (start, window_us): (Timestamp, u64),
    ) -> Option<(ServiceModel, FleetSpec)> {
        let week = Week::parse(plan.scaling.schedule.as_deref()?).ok()?;
        let zone = self.question.context.zone;
        let hours = week.steps(start, window_us, zone, 0);
        let start_us = whole_us(plan.scaling.cold_start_s?);
        let (service, _) = self.speed_of(week.most())?;
        let fleet = FleetSpec {
            max_replicas: week.most(),
            scaler: Scaler::Schedule(schedule::ahead(&hours, start_us).into()),
            cold_start: Delay::Constant(start_us),
            ..self.fleet(0)
        };
        Some((service, fleet))
    }
}
