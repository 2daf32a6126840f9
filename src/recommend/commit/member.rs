//! What a workload would ask for of which instance once its advice is followed.

use super::hours::Hours;
use super::{Instance, Part};
use crate::catalog::{Catalog, Offer, Purchase};
use crate::classify::{Waste, WasteKind};
use crate::recommend::demand::whole_gpus;
use crate::recommend::offers::{is_moved, is_same_instance};
use crate::recommend::plan::{Plan, Way};
use crate::recommend::{Action, Context, term};
use crate::simulate::{DemandStep, LevelDemand, steps_by_hour};
use crate::units::{Money, MoneyPerHour, Period};
use crate::workload::{Demand, LevelSeries, PricingCategory, Workload};

/// A workload on an instance that one could commit to.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a workload")]
pub(super) struct Member {
    pub(super) workload: String,
    pub(super) instance: Instance,
    /// The pay-as-you-go row of the instance, at the user's own rate where there is one.
    pub(super) by_use: Offer,
    pub(super) hours: Hours,
    /// Whether the hours count from the start of a log and no date is known.
    pub(super) is_relative: bool,
    /// What its own advice commits already: instances and their rate.
    pub(super) own: Option<(u32, MoneyPerHour)>,
    /// Whether the bill says that it runs on a commitment.
    pub(super) is_committed: bool,
    /// Whether it says so of a part.
    pub(super) is_partly_committed: bool,
    /// How it runs then, in words.
    pub(super) presumes: String,
    /// When it ends, leaves or is asked about again, where the user says so.
    pub(super) until: Option<Until>,
    /// Whether somebody rejected that it commits. What was rejected is not asked for again.
    pub(super) is_rejected: bool,
    /// What its demand holds of hours that are paid and that surely nobody used.
    pub(super) unused: Option<Money>,
    /// GPUs billed today, where they are no multiple of those of the instance: it is priced there, and does not
    /// run there.
    pub(super) odd_gpus: Option<u32>,
}

/// How long a workload is there for a commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Until {
    /// Whole months from the day of the report.
    pub(super) months: u32,
    /// What happens then: `ends on 1 Feb 2027`.
    pub(super) what: String,
}

impl Member {
    /// Why its demand does not count for a new term of so many months; nothing where it does.
    pub(super) fn absent(&self, months: u32) -> Option<String> {
        if self.is_rejected {
            return Some("is not to commit, as was decided".to_owned());
        }
        Some(self.until.as_ref().filter(|it| it.months < months)?.what.clone())
    }
}

/// The workload after its advice, as today where that is not followed; nothing where it then has no instance of its own: stopped, on
/// serverless workers, on spot, behind an API, or on what the catalog does not know.
fn member(part: Part<'_>, context: &Context<'_>) -> Option<Member> {
    let Part { workload, found, is_followed, changed_at, .. } = part;
    let catalog = context.catalog;
    let advised = found.plans.iter().find(|it| Some(&it.id) == found.advice.plan_id.as_ref());
    let (plan, is_kept) = match found.advice.action {
        Action::Stop if is_followed => return None,
        Action::Switch | Action::Schedule if is_followed => (advised?, false),
        _ => (of_today(workload, &found.plans, catalog)?, true),
    };
    let by_use = by_use(plan, &found.plans, catalog)?;
    let window = workload.demand_window;
    let steps = if is_kept {
        level(workload, by_use.gpu_count).or_else(|| billed_count(workload, by_use.gpu_count))?
    } else if plan.candidate_id.is_none() {
        level(workload, by_use.gpu_count)?
    } else {
        on_time(plan, &found.plans, by_use, window)?
    };
    let hours = Hours::new(window.start(), steps);
    let hours = changed_at.map_or_else(|| hours.clone(), |at| hours.clone().since(at));
    let hours = match plan.way {
        Way::ReservedServerless { .. } if !is_kept => hours.capped(plan.scaling.min),
        _ => hours,
    };
    let base = plan.offers.first().filter(|_| plan.is_committed() && !is_kept);
    Some(Member {
        workload: workload.name.clone(),
        instance: Instance {
            provider: by_use.provider.clone(),
            region: by_use.region.clone(),
            instance_type: by_use.instance_type.clone(),
            gpu: plan.gpu.clone(),
            gpu_count: by_use.gpu_count,
        },
        by_use: by_use.clone(),
        hours,
        is_relative: matches!(&workload.demand, Demand::Arrivals(log) if log.relative),
        own: base.map(|it| (plan.scaling.min, it.rate)),
        is_committed: workload.deployment.pricing_category == PricingCategory::Committed,
        is_partly_committed: workload.totals.committed_cost.is_some_and(|it| !it.is_zero()),
        presumes: if is_kept {
            format!("{} as today", workload.name)
        } else {
            format!("{} after its advice: {}", workload.name, plan.label())
        },
        until: until(part, context),
        is_rejected: !is_followed
            && part.months_put_off.is_none()
            && advised.is_some_and(Plan::is_committed),
        // A simulated fleet has no such hours.
        odd_gpus: workload
            .deployment
            .gpu_count
            .map(whole_gpus)
            .filter(|it| is_kept && it % by_use.gpu_count.max(1) != 0),
        unused: unused(part.waste).filter(|_| is_kept || plan.candidate_id.is_none()),
    })
}

/// What a workload would ask for with its advice and without, found out while its hours are known.
#[derive(Clone, Debug)]
pub struct Standing {
    advised: Option<Member>,
    today: Option<Member>,
}

impl Standing {
    /// Of a workload with what was found for it.
    pub fn of(part: Part<'_>, context: &Context<'_>) -> Standing {
        let advised = member(part, context);
        let action = part.found.advice.action;
        let is_changed =
            part.is_followed && matches!(action, Action::Switch | Action::Schedule | Action::Stop);
        let mut today = if is_changed {
            as_today(part, context)
        } else {
            advised.clone().map(|it| Member { is_rejected: false, ..it })
        };
        // Often the same all the same: one copy of the hours will do.
        if let (Some(advised), Some(today)) = (&advised, &mut today)
            && advised.hours == today.hours
        {
            today.hours = advised.hours.clone();
        }
        Standing { advised, today }
    }
}

/// The workloads after their advice.
pub(super) fn all_advised(parts: &[Part<'_>], context: &Context<'_>) -> Vec<Member> {
    let of = |it: &Part<'_>| match it.standing {
        Some(known) => known.advised.clone(),
        None => member(*it, context),
    };
    parts.iter().filter_map(of).collect()
}

/// All of them as they run today, none of the advice followed and none of it rejected.
pub(super) fn all_today(parts: &[Part<'_>], context: &Context<'_>) -> Vec<Member> {
    let of = |it: &Part<'_>| match it.standing {
        Some(known) => known.today.clone(),
        None => as_today(*it, context),
    };
    parts.iter().filter_map(of).collect()
}

fn as_today(part: Part<'_>, context: &Context<'_>) -> Option<Member> {
    let member = member(Part { is_followed: false, ..part }, context)?;
    Some(Member { is_rejected: false, ..member })
}

/// What was paid in hours without any use, of the findings that two signals confirm.
pub(super) fn unused(waste: &[Waste]) -> Option<Money> {
    use WasteKind::{Forgotten, Idle, OffHours, UnusedCommitment};
    let is_time = |it: &&Waste| {
        it.confirmed && matches!(it.kind, Idle | Forgotten | OffHours | UnusedCommitment)
    };
    let costs: Vec<Money> = waste.iter().filter(is_time).filter_map(|it| it.cost).collect();
    let sum = Money::sum(costs.iter().copied(), costs.first()?.currency()).ok()?;
    (!sum.is_zero()).then_some(sum)
}

fn until(part: Part<'_>, context: &Context<'_>) -> Option<Until> {
    let future = &part.workload.settings.future;
    let leaves = term::months_left(part.workload, context).zip(future.until_in_words());
    let leaves = leaves.map(|(months, words)| Until {
        months,
        what: words.strip_prefix("it ").unwrap_or(&words).to_owned(),
    });
    let again = part.months_put_off.map(|months| Until {
        months,
        what: match months {
            0 => "is asked about again within a month".to_owned(),
            1 => "is asked about again in a month".to_owned(),
            n => format!("is asked about again in {n} months"),
        },
    });
    leaves.into_iter().chain(again).min_by_key(|it| it.months)
}

fn is_by_use(plan: &Plan) -> bool {
    matches!(
        plan.way,
        Way::PaygFixed | Way::PaygAutoscaled | Way::PaygScheduled | Way::PaygFollowing
    )
}

/// The cheapest plan by use on the GPU, at the provider and in the region of today: it names the instance.
fn of_today<'a>(workload: &Workload, plans: &'a [Plan], catalog: &Catalog) -> Option<&'a Plan> {
    let (gpu, provider) =
        (workload.deployment.gpu.as_deref()?, workload.deployment.provider.as_deref()?);
    plans.iter().find(|it| {
        let stays = |it: &Offer| it.provider == provider && !is_moved(workload, it, catalog);
        let at_home = it.offers.first().is_some_and(stays);
        is_by_use(it) && it.gpu == gpu && at_home
    })
}

/// The pay-as-you-go row of the instances of a plan.
fn by_use<'a>(plan: &'a Plan, plans: &'a [Plan], catalog: &'a Catalog) -> Option<&'a Offer> {
    let base = plan.offers.first()?;
    if is_by_use(plan) {
        return Some(base);
    }
    if !plan.is_committed() {
        return None;
    }
    let is_twin = |it: &&Offer| it.purchase == Purchase::PayAsYouGo && is_same_instance(base, it);
    let overflow = plan.offers.get(1).filter(is_twin);
    let of_plans = || plans.iter().flat_map(|it| &it.offers).find(is_twin);
    overflow.or_else(of_plans).or_else(|| catalog.offers_for(&plan.gpu).find(is_twin))
}

/// GPUs in use by the hour, in instances: what is billed, else what asks for them.
fn level(workload: &Workload, gpus_per_instance: u32) -> Option<Vec<DemandStep>> {
    let series: &LevelSeries = match (&workload.demand, &workload.billed_level) {
        (Demand::Level(series), _) | (_, Some(series)) => series,
        _ => return None,
    };
    let demand = LevelDemand::new(series, workload.demand_window, gpus_per_instance)?;
    Some(demand.steps_by_hour().into_iter().map(nearly_whole).collect())
}

/// Demand within a second of a whole number of instances is that number: rows that end at the last second
/// of an hour leave one out, and seem to hold a little more until then. 2 instances for 3,599 of 3,600 s are
/// 2.
fn nearly_whole(step: DemandStep) -> DemandStep {
    const SECOND_US: u64 = 1_000_000;
    let nearest = step.on_us.saturating_add(step.len_us / 2).checked_div(step.len_us).unwrap_or(0);
    let whole_us = nearest.saturating_mul(step.len_us);
    let is_near = whole_us.abs_diff(step.on_us) <= nearest.saturating_mul(SECOND_US);
    DemandStep { on_us: if is_near { whole_us } else { step.on_us }, ..step }
}

/// The GPUs of today all the time, in instances.
fn billed_count(workload: &Workload, gpus_per_instance: u32) -> Option<Vec<DemandStep>> {
    let gpus = whole_gpus(workload.deployment.gpu_count?);
    always(workload.demand_window, gpus.div_ceil(gpus_per_instance.max(1)))
}

/// `n` instances in every hour.
pub(super) fn always(window: Period, n: u32) -> Option<Vec<DemandStep>> {
    const HOUR_US: u64 = 3_600_000_000;
    let window_us = u64::try_from(window.len_us()).ok()?;
    let hours = usize::try_from(window_us.div_ceil(HOUR_US)).ok()?;
    let mut steps = steps_by_hour(&vec![0; hours], window_us);
    for step in &mut steps {
        step.on_us = step.len_us.saturating_mul(u64::from(n));
    }
    Some(steps)
}

/// Ready and Starting time of the run by use of the same deployment on the same size of instance: of
/// the plan itself where it comes and goes, else of the autoscaled one; of neither, its fixed fleet.
fn on_time(plan: &Plan, plans: &[Plan], by_use: &Offer, window: Period) -> Option<Vec<DemandStep>> {
    let gpus = |it: &Plan| it.offers.first().map(|offer| offer.gpu_count);
    let elsewhere = |it: &&Plan| it.offers.first().is_none_or(|o| o.provider != by_use.provider);
    let run = match plan.way {
        Way::PaygFixed => None,
        Way::PaygAutoscaled | Way::PaygScheduled => Some(plan),
        _ => plans
            .iter()
            .filter(|it| it.way == Way::PaygAutoscaled && it.candidate_id == plan.candidate_id)
            .filter(|it| gpus(it) == Some(by_use.gpu_count))
            .min_by_key(elsewhere),
    };
    let Some((run, elastic)) = run.and_then(|it| Some((it, it.elastic.as_ref()?))) else {
        return always(window, plan.scaling.min);
    };
    // A schedule counts all of its instances as coming and going.
    let base = if run.way == Way::PaygAutoscaled { run.scaling.min } else { 0 };
    let mut steps = steps_by_hour(&elastic.on_us_by_hour, u64::try_from(window.len_us()).ok()?);
    for step in &mut steps {
        step.on_us = step.on_us.saturating_add(u64::from(base).saturating_mul(step.len_us));
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_no_part_of_an_instance() {
        const HOUR: u64 = 3_600_000_000;
        let check = |on_us: u64, expected: u64| {
            let found = nearly_whole(DemandStep { len_us: HOUR, on_us });
            assert_eq!(found, DemandStep { len_us: HOUR, on_us: expected });
        };
        check(2 * (HOUR - 1_000_000), 2 * HOUR);
        check(HOUR - 1, HOUR);
        check(HOUR + 1, HOUR);
        check(500_000, 500_000);
        check(HOUR - 1_000_001, HOUR - 1_000_001);
        check(0, 0);
        let nothing = DemandStep { len_us: 0, on_us: 0 };
        assert_eq!(nearly_whole(nothing), nothing);
    }
}
