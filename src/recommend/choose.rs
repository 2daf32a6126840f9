//! From plans to one decision: the cheapest that meets the limits, if it is worth it and allowed.

use std::collections::BTreeSet;

use super::advice::{Action, Advice, Grade};
use super::baseline::Baseline;
use super::candidates::Candidate;
use super::decide::{decide, kept_while_frozen};
use super::demand::{Question, precision_word};
use super::doubt::{self, Doubt};
use super::plan::{Plan, PlanParts, Scaling, Way};
use super::request_plans::unit_of;
use super::risk::Risk;
use super::savings::{self, Daily};
use super::slice::Slice;
use super::stage::portion;
use super::term::Ended;
use super::{DurationCurve, Recommendation, money, no_plan, rates, term};
use crate::classify::gpus_per_replica;
use crate::simulate::{Outcome, seed_of};
use crate::size::Precision;
use crate::units::{Currency, Money};

/// What a search found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) plans: Vec<Plan>,
    pub(super) slices: Vec<Slice>,
    /// Demand in the instances of each candidate, the one that speaks for no plan first.
    pub(super) curves: Vec<(Option<String>, DurationCurve)>,
    pub(super) today_candidate: Option<String>,
    pub(super) today_outcome: Option<Outcome>,
    pub(super) n_sized: u64,
    pub(super) n_pruned: u64,
    pub(super) n_ranked: u64,
    pub(super) n_out_of_time: u64,
    /// The currency of the catalog's prices, where the bill is in another.
    pub(super) other_currency: Option<Currency>,
}

/// Ranks the plans and decides.
pub(super) fn choose(
    question: &Question<'_>,
    baseline: Baseline,
    mut found: Found,
) -> Recommendation {
    let currency = baseline.monthly_cost.map_or(Currency::USD, Money::currency);
    let mut notices = question.notices.clone();
    if found.n_out_of_time > 0 {
        notices.push(format!(
            "the time for the search was up: {} candidates that fit were not simulated",
            found.n_out_of_time
        ));
    }
    let mut currencies = found.plans.iter().map(|it| it.monthly_cost.currency());
    found.other_currency = currencies.find(|it| *it != currency);
    if found.other_currency.is_some() {
        found.plans.clear();
    }
    if question.is_critical() {
        found.plans.iter_mut().for_each(never_at_zero);
    }
    found.plans.extend(today_plan(question, &baseline, &found));
    sort_plans(&mut found.plans);
    keep_distinct(&mut found.plans);
    let advice = decide(question, &baseline, &found, currency);
    let mut advice = kept_while_frozen(question, advice);
    if found.plans.len() > 1 && advice.action != Action::Stop {
        advice.reasons.extend(term::limits(question));
    }
    if let Some(ended) = term::ended(question).filter(|_| advice.action != Action::Stop) {
        notices.push(after_the_end(&ended, &baseline));
        if ended.still_costs.is_some() {
            advice.reasons.insert(0, format!("{}: see whether it may be stopped", ended.said));
        }
    }
    let missed = missed_today(question, found.today_outcome.as_ref());
    if let Some(missed) = missed.or_else(|| no_plan::too_slow_today(question, &found)) {
        advice.reasons.insert(0, missed.clone());
        notices.push(missed);
    }
    notices.extend(no_plan::to_tell(question, &baseline, &advice));
    notices.extend(baseline.note.clone().filter(|it| !advice.reasons.contains(it)));
    let advised = found.plans.iter().find(|it| Some(&it.id) == advice.plan_id.as_ref());
    let duration_curve = curve_of(advised, found.curves);
    let about = (advised, found.candidates.as_slice(), duration_curve.as_ref());
    let saved_by_day = weigh(question, &baseline, about, &mut advice);
    Recommendation {
        slo: question.slo,
        today_busy: found.today_outcome.as_ref().and_then(Outcome::busy_share),
        baseline,
        candidates: found.candidates,
        plans: found.plans,
        slices: found.slices,
        advice,
        saved_by_day,
        duration_curve,
        busiest_day: None,
        n_sized: found.n_sized,
        n_pruned: found.n_pruned,
        n_ranked: found.n_ranked,
        n_out_of_time: found.n_out_of_time,
        notices,
    }
}

/// Says of an advice that saves something how sure that is, what it is at other prices and what would
/// change it; the saving day by day comes back.
pub(super) fn weigh(
    question: &Question<'_>,
    baseline: &Baseline,
    (advised, candidates, curve): (Option<&Plan>, &[Candidate], Option<&DurationCurve>),
    advice: &mut Advice,
) -> Option<Daily> {
    if !advice.action.is_to_do() {
        return None;
    }
    let saved_by_day = savings::by_day(question, advised);
    advice.risk = saved_by_day.as_ref().and_then(|days| {
        let seed = seed_of(question.context.seed, &question.described.workload.seed_name, 0);
        Risk::of(advice.monthly_savings, days, &question.context.catalog.assumptions.risk, seed)
    });
    let most = question.context.catalog.assumptions.risk.most_loss;
    if let Some(risk) = advice.risk.filter(|it| it.probability_of_loss > most) {
        advice.grade = advice.grade.max(Grade::D);
        advice.reasons.push(format!(
            "{:.0} of 100 months like those seen cost more on it than today: grade D",
            risk.probability_of_loss * 100.0
        ));
    }
    if let Some(plan) = advised.filter(|it| it.is_committed()) {
        let base = "its range is against today's fleet as it is billed: the commitments over all workloads say what a \
                    term comes to where the fleet would follow demand";
        advice.reasons.push(base.to_owned());
        if let Some(why) = term::young(question) {
            advice.grade = advice.grade.max(Grade::C);
            advice
                .reasons
                .push(format!("{why}, and {} lasts for a term: grade C at best", plan.label()));
        }
    }
    let saving = advice.monthly_savings;
    advice.savings_by_price = Some(rates::savings_by_price(question, advised, saving));
    advice.doubt = advised.map_or_else(Doubt::default, |plan| {
        doubt::doubt(question, baseline, (plan, candidates, curve), saving)
    });
    saved_by_day
}

/// Demand in the instances of the advised plan, with what it reserves of them; else the first curve.
fn curve_of(
    advised: Option<&Plan>,
    curves: Vec<(Option<String>, DurationCurve)>,
) -> Option<DurationCurve> {
    let is_of = |(candidate, curve): &(Option<String>, DurationCurve)| {
        let unit = advised.and_then(|it| Some(unit_of(it.offers.first()?.gpu_count, &it.gpu)));
        advised.is_some_and(|it| it.candidate_id == *candidate)
            && unit.as_ref() == Some(&curve.unit)
    };
    let at = curves.iter().position(is_of);
    let mut curve = curves.into_iter().nth(at.unwrap_or(0))?.1;
    curve.reserved_units =
        advised.filter(|it| at.is_some() && it.is_committed()).map(|it| it.scaling.min);
    Some(curve)
}

/// What a month at this rate has of a workload that nothing asks for any more.
fn after_the_end(ended: &Ended, baseline: &Baseline) -> String {
    match baseline.monthly_cost.filter(|_| ended.still_costs.is_none()) {
        Some(cost) => format!(
            "{}: unless it runs again, {} of a month at this rate does not come back",
            ended.said,
            money::for_prose(cost)
        ),
        None => format!("{}: see whether it may be stopped", ended.said),
    }
}

/// What the simulation says where today's fleet misses its limits, which matters more than a saving.
fn missed_today(question: &Question<'_>, outcome: Option<&Outcome>) -> Option<String> {
    let outcome = outcome.filter(|it| !it.meets(question.slo.attainment) || it.unstable)?;
    let share = outcome.attainment()?;
    let [keep, should] = told_apart(share.percent(), question.slo.attainment.percent());
    Some(format!(
        "by the simulation today's fleet misses its limits: {keep} % of requests keep them, {should} % should"
    ))
}

/// Two percentages with as many decimals as show the difference, at most four: 94.97 and 95.00.
fn told_apart(a: f64, b: f64) -> [String; 2] {
    let with = |n: usize| [a, b].map(|it| format!("{it:.n$}"));
    (0..4).map(with).find(|it| it[0] != it[1]).unwrap_or_else(|| with(4))
}

/// Those that meet the limits first, then the cheapest.
pub(super) fn sort_plans(plans: &mut [Plan]) {
    plans.sort_by(|a, b| {
        b.meets_slo
            .cmp(&a.meets_slo)
            .then_with(|| {
                a.monthly_cost.partial_cmp(&b.monthly_cost).unwrap_or(std::cmp::Ordering::Equal)
            })
            // At equal cost the plan that changes less: today's precision comes before lower ones.
            .then_with(|| bytes(b).total_cmp(&bytes(a)))
            .then_with(|| a.id.cmp(&b.id))
    });
}

/// Bytes per weight of a plan's precision; most for one that is not known.
pub(super) fn bytes(plan: &Plan) -> f64 {
    Precision::parse(&plan.precision).map_or(f64::INFINITY, Precision::rule_of_thumb_bytes)
}

/// One plan per id: a fixed reserved fleet can be found on two ways.
fn keep_distinct(plans: &mut Vec<Plan>) {
    let mut seen = BTreeSet::new();
    plans.retain(|it| seen.insert(it.id.clone()));
}

/// What the bill says, as a plan beside the others.
pub(super) fn today_plan(
    question: &Question<'_>,
    baseline: &Baseline,
    found: &Found,
) -> Option<Plan> {
    let deployment = &question.described.workload.deployment;
    let monthly_cost = baseline.monthly_cost?;
    let outcome = found.today_outcome.as_ref();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let gpus = deployment.gpu_count.map_or(0, |it| it.ceil() as u32);
    Some(Plan {
        id: "today".to_owned(),
        candidate_id: found.today_candidate.clone(),
        way: Way::Today,
        offers: Vec::new(),
        gpu: deployment
            .gpu
            .clone()
            .or_else(|| deployment.gpu_label.clone())
            .unwrap_or_else(|| "GPU not named".to_owned()),
        gpu_count: gpus_per_replica(deployment),
        pipeline_parallel_size: 1,
        precision: precision_word(deployment),
        monthly_cost,
        parts: today_parts(monthly_cost, outcome),
        elastic: None,
        latencies: outcome.and_then(Plan::latencies_of),
        attainment: outcome.and_then(Outcome::attainment),
        meets_slo: outcome.map_or_else(
            || no_plan::too_slow_today(question, found).is_none(),
            |it| it.meets(question.slo.attainment) && !it.unstable,
        ),
        allowed: true,
        needs: None,
        conditions: Vec::new(),
        spot_range: Vec::new(),
        remarks: Vec::new(),
        cold_starts: None,
        delayed_requests: None,
        scaling: Scaling {
            policy: "as_billed",
            value: None,
            min: gpus,
            max: gpus,
            idle_timeout_s: None,
            cold_start_s: None,
            slots: None,
            schedule: None,
        },
    })
}

/// Busy and idle by the simulation of today's fleet; all busy where nothing was simulated.
fn today_parts(monthly_cost: Money, outcome: Option<&Outcome>) -> PlanParts {
    let zero = Money::zero(monthly_cost.currency());
    let busy = outcome
        .and_then(Outcome::busy_share)
        .and_then(|share| portion(monthly_cost, share))
        .unwrap_or(monthly_cost);
    let idle = monthly_cost.checked_sub(busy).unwrap_or(zero);
    PlanParts { busy, idle, starting: zero, committed_unused: zero }
}

/// A path that must answer at once is not advised to wait for a start.
fn never_at_zero(plan: &mut Plan) {
    let elastic = matches!(plan.way, Way::PaygAutoscaled | Way::PaygScheduled | Way::Serverless);
    if elastic && plan.scaling.min == 0 {
        plan.allowed = false;
        plan.needs = Some("a path that may wait for a start; the config says it is critical");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_show_enough_digits_to_differ() {
        let check = |a: f64, b: f64, expected: [&str; 2]| assert_eq!(told_apart(a, b), expected);
        check(80.0, 95.0, ["80", "95"]);
        check(94.97, 95.0, ["94.97", "95.00"]);
        check(94.999_999, 95.0, ["95.0000", "95.0000"]);
    }
}
