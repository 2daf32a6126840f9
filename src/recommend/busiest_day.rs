//! The advised plan on the busiest day: how many instances are on, and who waits.
//!
//! The day is replayed alone, with the hour before it so that it does not begin with an empty fleet.

use super::Recommendation;
use super::candidates::Entry;
use super::demand::{Load, Question, RequestLoad};
use super::plan::{Plan, Way};
use super::stage::Stage;
use super::ways::rented;
use crate::classify::{replicas, whole_days};
use crate::simulate::{Billing, FleetSpec, ServiceModel, Timeline, Trace, run_sampled};
use crate::units::{Period, Timestamp};

/// Length of a part, microseconds: a quarter of an hour.
const PART_US: u64 = 15 * 60_000_000;
/// Replayed before the day and not kept.
const BEFORE_US: u64 = 4 * PART_US;

/// A plan over one day.
#[derive(Clone, Debug, PartialEq)]
pub struct BusiestDay {
    /// Whose.
    pub plan_id: String,
    /// From midnight to midnight; the whole window where it holds no whole day.
    pub day: Period,
    /// The requests that arrive on it.
    pub requests: u64,
    /// How it goes.
    pub timeline: Timeline,
}

/// The advised plan, else today's, on the day with the most requests.
pub(super) fn busiest_day(question: &Question<'_>, found: &Recommendation) -> Option<BusiestDay> {
    let Load::Requests(load) = &question.load else { return None };
    let advised = found.advice.plan_id.as_ref();
    let plan = match advised {
        Some(id) => found.plans.iter().find(|it| it.id == *id)?,
        None => found.plans.iter().find(|it| it.way == Way::Today)?,
    };
    let candidate =
        found.candidates.iter().find(|it| Some(&it.id) == plan.candidate_id.as_ref())?;
    let entry = Entry::again(question, &found.baseline, candidate)?;
    let hosted = match plan.way {
        Way::Today => 1,
        _ => plan.offers.first()?.gpu_count / candidate.gpu_count.max(1),
    };
    let stage = Stage { question, load, entry: &entry, hosted, load_factor: 1.0 };
    let window = question.described.workload.demand_window;
    let day = most_requests(load, window, whole_days(window, question.context.zone));
    let us = |at: Timestamp| u64::try_from(at.us() - window.start().us()).unwrap_or(0);
    let (from, to) = (us(day.start()), us(day.end()));
    let before_us = if from < BEFORE_US { 0 } else { BEFORE_US };
    let trace = load.trace.between(from - before_us, to);
    let start = day.start().plus_us(-i64::try_from(before_us).unwrap_or(0));
    let (service, fleet, billing) = stage.set_up(plan, (start, trace.window_us()))?;
    let timeline = timeline(&trace, (&service, &fleet, &billing), before_us)?;
    let requests = load.trace.between(from, to).len() as u64;
    Some(BusiestDay { plan_id: plan.id.clone(), day, requests, timeline })
}

/// The first of the days with the most requests, else the whole window.
fn most_requests(load: &RequestLoad<'_>, window: Period, days: Vec<(Period, usize)>) -> Period {
    let at_us = load.trace.at_us();
    let until = |at: Timestamp| {
        let us = u64::try_from(at.us() - window.start().us()).unwrap_or(0);
        at_us.partition_point(|it| *it < us)
    };
    let counted = days.into_iter().map(|(day, _)| (until(day.end()) - until(day.start()), day));
    let most = counted.reduce(|best, it| if it.0 > best.0 { it } else { best });
    most.map_or(window, |it| it.1)
}

/// The parts of a run after its first `before_us`.
fn timeline(
    trace: &Trace,
    (service, fleet, billing): (&ServiceModel, &FleetSpec, &Billing),
    before_us: u64,
) -> Option<Timeline> {
    let n_parts = u32::try_from(trace.window_us().div_ceil(PART_US)).ok()?;
    let (replay, mut timeline) =
        run_sampled(&trace.served_by(service), fleet, billing, None, n_parts);
    replay.outcome()?;
    let before = before_us.checked_div(timeline.width_us).unwrap_or(0);
    timeline.parts.drain(..usize::try_from(before).unwrap_or(0).min(timeline.parts.len()));
    (!timeline.parts.is_empty()).then_some(timeline)
}

impl Stage<'_> {
    /// How a plan serves, scales and is billed over so many microseconds from an instant on.
    fn set_up(
        &self,
        plan: &Plan,
        window: (Timestamp, u64),
    ) -> Option<(ServiceModel, FleetSpec, Billing)> {
        if plan.way == Way::Today {
            let n = replicas(&self.question.described.workload.deployment)?;
            let offer = self.entry.buyable.payg.first()?;
            return Some((self.speed_of(n)?.0, self.fleet(n), rented(offer)));
        }
        let (base, above) = (plan.offers.first()?, plan.offers.last()?);
        match (&plan.way, plan.scaling.policy) {
            (Way::PaygFixed | Way::Reserved { .. } | Way::Spot, "fixed") => {
                let n = plan.scaling.min;
                Some((self.speed_of(n)?.0, self.fleet(n), rented(base)))
            }
            (Way::PaygAutoscaled | Way::Reserved { .. }, _) => {
                let (service, fleet) = self.following(plan)?;
                Some((service, fleet, Billing { base_rate: base.rate, ..rented(above) }))
            }
            (Way::PaygScheduled, _) => {
                let (service, fleet) = self.on_schedule(plan, window)?;
                Some((service, fleet, rented(base)))
            }
            (Way::Serverless | Way::ReservedServerless { .. }, _) => self.workers_as_set(plan),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One request of 10 s at 0:30 of the second hour, on one replica of one slot that is always on.
    #[test]
    fn the_hour_before_is_not_kept() {
        const MINUTE_US: u64 = 60_000_000;
        let trace = Trace::new(vec![90 * MINUTE_US], 120 * MINUTE_US);
        let service = ServiceModel::Fixed { service_us: 10 * MINUTE_US };
        let rate = crate::units::MoneyPerHour::parse("2", crate::units::Currency::USD).unwrap();
        let set_up = (&service, &FleetSpec::fixed(1, 1), &Billing::by_the_microsecond(rate));
        let whole = timeline(&trace, set_up, 0).unwrap();
        assert_eq!(whole.parts.len(), 8);
        let kept = timeline(&trace, set_up, BEFORE_US).unwrap();
        assert_eq!(kept.parts[..], whole.parts[4..]);
        let busy: Vec<f64> = kept.parts.iter().map(|it| it.busy).collect();
        assert_eq!(busy, [0.0, 0.0, 10.0 / 15.0, 0.0]);
        assert!(timeline(&trace, set_up, 120 * MINUTE_US).is_none());
    }
}
