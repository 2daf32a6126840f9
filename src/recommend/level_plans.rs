//! Plans for workloads without requests: the GPUs they used, bought another way.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::DurationCurve;
use super::baseline;
use super::choose::Found;
use super::demand::{Question, precision_word, whole_gpus};
use super::money;
use super::offers;
use super::plan::{Elastic, Plan, PlanParts, Scaling, SpotPoint, Way};
use super::request_plans::{break_even_label, unit_of};
use super::spot_plans;
use super::term;
use crate::catalog::{Offer, Purchase};
use crate::commitment::SavingsCurve;
use crate::simulate::{DemandStep, LevelCost, LevelDemand};
use crate::units::Money;
use crate::workload::LevelSeries;

/// Simulates the ways to buy the GPUs in use. No speed is known, so the GPU stays what it is.
pub(super) fn search(question: &Question<'_>, series: &LevelSeries) -> Found {
    let deployment = &question.described.workload.deployment;
    let spec = deployment.gpu.as_deref().and_then(|it| question.context.catalog.gpu(it));
    let Some(gpu) = spec else { return Found::default() };
    let baseline = baseline::baseline(question);
    let buyable = offers::buyable(question, &baseline, gpu, gpus_of_a_job(question));
    let mut found = Found::default();
    // Many offers have instances of one size.
    let mut demands: BTreeMap<u32, Option<Rc<LevelDemand>>> = BTreeMap::new();
    let mut demand_on = |offer: &Offer| {
        let of_size = || demand_on(question, series, offer).map(Rc::new);
        demands.entry(offer.gpu_count).or_insert_with(of_size).clone()
    };
    for offer in &buyable.payg {
        if let Some(demand) = demand_on(offer) {
            found.plans.extend(by_use(question, &demand, offer));
        }
    }
    for (spot, on_demand) in &buyable.spot {
        if let Some(demand) = demand_on(spot) {
            found.plans.extend(on_spot(question, &demand, spot, on_demand));
        }
    }
    let commits = term::may_commit(question);
    for (reserved, overflow) in &buyable.reserved {
        let Some(demand) = demand_on(overflow) else { continue };
        let is_new =
            found.curves.iter().all(|it| it.1.unit != unit_of(overflow.gpu_count, &gpu.name));
        if is_new && offers::may_advise(question, reserved) {
            let curve = curve(&demand, Some((reserved, overflow)), &gpu.name);
            found.curves.extend(curve.map(|it| (None, it)));
        }
        if commits {
            found.plans.extend(with_base(question, &demand, reserved, overflow));
        }
    }
    for offer in &buyable.payg {
        let unit = unit_of(offer.gpu_count, &gpu.name);
        if found.curves.iter().all(|it| it.1.unit != unit) {
            let curve = demand_on(offer).and_then(|it| plain_curve(&it, offer, &gpu.name));
            found.curves.extend(curve.map(|it| (None, it)));
        }
    }
    found
}

/// GPUs of one node that a job uses at once: it cannot be spread over smaller instances.
fn gpus_of_a_job(question: &Question<'_>) -> u32 {
    /// GPUs of the largest common node.
    const MOST: u32 = 8;
    whole_gpus(question.described.workload.deployment.gpu_count.unwrap_or(1.0)).min(MOST)
}

fn demand_on(question: &Question<'_>, series: &LevelSeries, offer: &Offer) -> Option<LevelDemand> {
    LevelDemand::new(series, question.described.workload.demand_window, offer.gpu_count)
}

fn by_use(question: &Question<'_>, demand: &LevelDemand, offer: &Offer) -> Option<Plan> {
    let cost = demand.cost(0, offer.rate, offer.rate)?;
    level_plan(question, (Way::PaygFollowing, 0), vec![offer.clone()], &cost, demand)
}

/// The same base, bought at the same prices, for other demand.
pub(super) fn again(question: &Question<'_>, series: &LevelSeries, plan: &Plan) -> Option<Plan> {
    let (base, above) = (plan.offers.first()?, plan.offers.last()?);
    let demand = demand_on(question, series, above)?;
    if plan.way == Way::Spot {
        return on_spot(question, &demand, base, above);
    }
    let n = plan.scaling.min;
    let cost = demand.cost(n, above.rate, base.rate)?;
    level_plan(question, (plan.way.clone(), n), plan.offers.clone(), &cost, &demand)
}

/// The hours in use at the spot rate, made longer by what interruptions cost; nothing where nobody
/// said how often the work writes checkpoints.
fn on_spot(
    question: &Question<'_>,
    demand: &LevelDemand,
    spot: &Offer,
    on_demand: &Offer,
) -> Option<Plan> {
    let assumed = &question.context.catalog.assumptions.cold_start;
    let settings = &question.described.workload.settings;
    let start_s =
        settings.cold_start_s.unwrap_or(assumed.instance_boot_s + assumed.unknown_model_s);
    let offers = (spot, on_demand);
    let stretches = spot_plans::stretches(question, longest_use_us(demand), offers, start_s)?;
    let cost = demand.cost(0, spot.rate, spot.rate)?;
    let offers = vec![spot.clone(), on_demand.clone()];
    let mut plan = level_plan(question, (Way::Spot, 0), offers, &cost, demand)?;
    plan.spot_range = spot_plans::range_of(plan.monthly_cost, &stretches)?;
    plan.monthly_cost = spot_plans::stretched(plan.monthly_cost, stretches.first()?.factor)?;
    plan.parts.busy = plan.monthly_cost;
    // In time at every rate of the range, or it does not keep its deadline.
    let in_time = |it: &SpotPoint| it.attainment.is_none_or(|it| it >= question.slo.attainment);
    plan.meets_slo = plan.spot_range.iter().all(in_time);
    plan.attainment = spot_plans::in_time(&stretches);
    plan.remarks.extend(spot_plans::deadline_in_words(&stretches));
    Some(plan)
}

/// The longest time in use without a pause: the longest job, as far as a level can tell. Rows of a
/// bill that end at 09:59:59 leave no pause before the next.
fn longest_use_us(demand: &LevelDemand) -> u64 {
    const PAUSE_US: u64 = 60_000_000;
    let mut steps = demand.steps();
    steps.retain(|it| it.on_us > 0 || it.len_us >= PAUSE_US);
    let runs = steps.chunk_by(|a, b| (a.on_us > 0) == (b.on_us > 0)).filter(|it| it[0].on_us > 0);
    runs.map(|run| run.iter().map(|it| it.len_us).sum()).max().unwrap_or(0)
}

/// The best base of the savings curve.
fn with_base(
    question: &Question<'_>,
    demand: &LevelDemand,
    reserved: &Offer,
    overflow: &Offer,
) -> Option<Plan> {
    let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) = reserved.purchase
    else {
        return None;
    };
    let steps = if term::has_changed(question) {
        term::since_change(question, demand.steps_by_hour())
    } else {
        demand.steps()
    };
    let curve = SavingsCurve::new(steps, overflow.rate, reserved.rate)?;
    let base = term::chosen_n(question, &curve);
    if base == 0 {
        return None;
    }
    let cost = demand.cost(base, overflow.rate, reserved.rate)?;
    let offers = vec![reserved.clone(), overflow.clone()];
    level_plan(question, (Way::Reserved { months }, base), offers, &cost, demand)
}

fn level_plan(
    question: &Question<'_>,
    (way, base): (Way, u32),
    offers: Vec<Offer>,
    cost: &LevelCost,
    demand: &LevelDemand,
) -> Option<Plan> {
    let deployment = &question.described.workload.deployment;
    let window_us = u64::try_from(question.described.workload.demand_window.len_us()).ok()?;
    let elastic = money::monthly(cost.elastic_cost, window_us)?;
    let base_cost = money::month_of(offers.first()?.rate, base)?;
    let used = money::monthly(cost.base_busy_cost, window_us)?;
    let used = if used > base_cost { base_cost } else { used };
    let zero = Money::zero(elastic.currency());
    let parts = PlanParts {
        busy: elastic.checked_add(used).ok()?,
        idle: zero,
        starting: zero,
        committed_unused: base_cost.checked_sub(used).ok()?,
    };
    let offer_ids: Vec<&str> = offers.iter().map(|it| it.id.as_str()).collect();
    Some(Plan {
        id: format!("{}:{}:min{base}", way.as_word(), offer_ids.join("+")),
        candidate_id: None,
        gpu: deployment.gpu.clone()?,
        gpu_count: offers.first()?.gpu_count,
        pipeline_parallel_size: 1,
        precision: precision_word(deployment),
        monthly_cost: money::sum(&[elastic, base_cost], elastic.currency())?,
        parts,
        elastic: Some(Elastic { monthly: elastic, on_us_by_hour: above(demand, base) }),
        latencies: None,
        attainment: None,
        meets_slo: true,
        allowed: offers.iter().all(|it| offers::may_advise(question, it)),
        needs: None,
        conditions: Vec::new(),
        spot_range: Vec::new(),
        remarks: Vec::new(),
        cold_starts: None,
        delayed_requests: None,
        scaling: Scaling {
            policy: "follows_use",
            value: None,
            min: base,
            max: demand.max_instances().max(base),
            idle_timeout_s: None,
            cold_start_s: None,
            slots: None,
            schedule: None,
        },
        way,
        offers,
    })
}

/// Time of instances above a base in each hour.
fn above(demand: &LevelDemand, base: u32) -> Vec<u64> {
    let steps = demand.steps_by_hour();
    let over = |it: &DemandStep| it.on_us.saturating_sub(u64::from(base) * it.len_us);
    steps.iter().map(over).collect()
}

fn curve(demand: &LevelDemand, pair: Option<(&Offer, &Offer)>, gpu: &str) -> Option<DurationCurve> {
    let mut hours: Vec<f64> = demand
        .steps_by_hour()
        .iter()
        .filter(|step| step.len_us > 0)
        .map(|step| step.on_us as f64 / step.len_us as f64)
        .collect();
    hours.sort_by(|a, b| b.total_cmp(a));
    let count = pair.map_or(1, |(_, overflow)| overflow.gpu_count);
    (!hours.is_empty()).then(|| DurationCurve {
        hours_sorted: hours,
        unit: unit_of(count, gpu),
        break_even_share: pair
            .map(|(reserved, overflow)| reserved.rate.to_f64() / overflow.rate.to_f64()),
        break_even_label: pair.map(|(reserved, overflow)| break_even_label(reserved, overflow)),
        reserved_units: None,
    })
}

fn plain_curve(demand: &LevelDemand, offer: &Offer, gpu: &str) -> Option<DurationCurve> {
    let plain = curve(demand, None, gpu)?;
    Some(DurationCurve { unit: unit_of(offer.gpu_count, gpu), ..plain })
}
