//! From plans to one decision: the cheapest that meets the limits, if it is worth it and allowed.

use std::collections::BTreeSet;

use super::advice::{Action, Advice, Grade, stable_id};
use super::baseline::Baseline;
use super::candidates::Candidate;
use super::demand::{Load, Question, precision_word};
use super::plan::{Plan, PlanParts, Scaling, Way};
use super::request_plans::unit_of;
use super::risk::Risk;
use super::savings;
use super::stage::portion;
use super::switch::{capped, switch};
use super::{DurationCurve, Recommendation, money};
use crate::classify::{WasteKind, gpus_per_replica};
use crate::simulate::{Outcome, seed_of};
use crate::size::Precision;
use crate::units::{Currency, Money};
use crate::workload::{PricingCategory, Shape};

/// What a search found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) plans: Vec<Plan>,
    /// Demand in the instances of each candidate, the one that speaks for no plan first.
    pub(super) curves: Vec<(Option<String>, DurationCurve)>,
    pub(super) today_candidate: Option<String>,
    pub(super) today_outcome: Option<Outcome>,
    pub(super) n_sized: u64,
    pub(super) n_pruned: u64,
    pub(super) n_out_of_time: u64,
}

/// Ranks the plans and decides.
pub(super) fn choose(
    question: &Question<'_>,
    baseline: Baseline,
    mut found: Found,
) -> Recommendation {
    let currency = baseline.monthly_cost.map_or(Currency::USD, Money::currency);
    let mut notices = question.notices.clone();
    notices.extend(baseline.note.clone());
    if found.n_out_of_time > 0 {
        notices.push(format!(
            "the time for the search was up: {} candidates that fit were not simulated",
            found.n_out_of_time
        ));
    }
    if found.plans.iter().any(|it| it.monthly_cost.currency() != currency) {
        notices.push(format!(
            "the bill is in {currency} and the catalog in another currency: plans cannot be compared"
        ));
        found.plans.clear();
    }
    found.plans.extend(today_plan(question, &baseline, &found));
    sort_plans(&mut found.plans);
    keep_distinct(&mut found.plans);
    let mut advice = decide(question, &baseline, (&found.plans, found.n_out_of_time), currency);
    if let Some(missed) = missed_today(question, found.today_outcome.as_ref()) {
        advice.reasons.insert(0, missed.clone());
        notices.push(missed);
    }
    let advised = found.plans.iter().find(|it| Some(&it.id) == advice.plan_id.as_ref());
    let saves = matches!(advice.action, Action::Switch | Action::Stop);
    let saved_by_day = saves.then(|| savings::by_day(question, advised)).flatten();
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
    let duration_curve = curve_of(advised, found.curves);
    Recommendation {
        slo: question.slo,
        today_busy: found.today_outcome.as_ref().and_then(Outcome::busy_share),
        baseline,
        candidates: found.candidates,
        plans: found.plans,
        advice,
        saved_by_day,
        duration_curve,
        n_sized: found.n_sized,
        n_pruned: found.n_pruned,
        n_out_of_time: found.n_out_of_time,
        notices,
    }
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

/// What the simulation says where today's fleet misses its limits, which matters more than a saving.
fn missed_today(question: &Question<'_>, outcome: Option<&Outcome>) -> Option<String> {
    let outcome = outcome.filter(|it| !it.meets(question.slo.attainment) || it.unstable)?;
    let share = outcome.attainment()?;
    Some(format!(
        "by the simulation today's fleet misses its limits: {:.0} % of requests keep them, {:.0} % should",
        share.percent(),
        question.slo.attainment.percent()
    ))
}

/// Those that meet the limits first, then the cheapest.
fn sort_plans(plans: &mut [Plan]) {
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
fn bytes(plan: &Plan) -> f64 {
    Precision::parse(&plan.precision).map_or(f64::INFINITY, Precision::rule_of_thumb_bytes)
}

/// One plan per id: a fixed reserved fleet can be found on two ways.
fn keep_distinct(plans: &mut Vec<Plan>) {
    let mut seen = BTreeSet::new();
    plans.retain(|it| seen.insert(it.id.clone()));
}

/// What the bill says, as a plan beside the others.
fn today_plan(question: &Question<'_>, baseline: &Baseline, found: &Found) -> Option<Plan> {
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
        meets_slo: outcome.is_none_or(|it| it.meets(question.slo.attainment) && !it.unstable),
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

fn decide(
    question: &Question<'_>,
    baseline: &Baseline,
    (plans, n_out_of_time): (&[Plan], u64),
    currency: Currency,
) -> Advice {
    let assumed = &question.context.catalog.assumptions.advice;
    let hours = question.described.workload.demand_window.hours();
    if hours < assumed.min_hours_facts {
        return no_advice(
            question,
            currency,
            format!("{:.0} minutes of data carry facts only", hours * 60.0),
        );
    }
    let Some(today) = baseline.monthly_cost else {
        return no_advice(
            question,
            currency,
            "today's cost is not known: give the bill, or GPU and provider in the config"
                .to_owned(),
        );
    };
    if question.days < assumed.min_days_switch {
        let least = assumed.min_days_switch;
        let why =
            format!("{hours:.1} h of data; stopping or switching needs at least {least} days");
        return no_advice(question, currency, why);
    }
    let avoidable = baseline.avoidable.unwrap_or(today);
    if question.described.class.shape == Shape::Idle {
        return idle(question, avoidable);
    }
    if question.described.workload.deployment.pricing_category == PricingCategory::Committed {
        let why = "it runs on a commitment that is paid either way; decide before it is renewed";
        return keep(question, currency, why.to_owned());
    }
    if let Load::Nothing(why) = &question.load {
        return no_advice(question, currency, why.clone());
    }
    let best = best_of(plans);
    let Some(best) = best else {
        let why = if n_out_of_time > 0 {
            "the time for the search was up before a plan was simulated".to_owned()
        } else if plans.iter().all(|it| it.way == Way::Today || !it.allowed) {
            no_offer(question)
        } else {
            "no plan meets the limits".to_owned()
        };
        return keep(question, currency, why);
    };
    let saving = avoidable.checked_sub(best.monthly_cost).unwrap_or(Money::zero(currency));
    let least = question.context.policy.min_monthly_savings.unwrap_or(assumed.min_monthly_savings);
    if saving.to_f64() < least.max(today.to_f64() * assumed.min_savings_share) {
        let why = if saving.is_negative() || saving.is_zero() {
            format!(
                "the cheapest alternative costs {} a month, not less than today",
                money::for_prose(best.monthly_cost)
            )
        } else {
            format!(
                "the best alternative saves {} a month, less than {} or {:.0} % of the cost",
                money::for_prose(saving),
                least,
                assumed.min_savings_share * 100.0
            )
        };
        let mut advice = keep(question, currency, why);
        advice.reasons.extend(elsewhere(plans, today));
        advice.reasons.extend(undeclared(plans, today));
        return advice;
    }
    let mut advice = switch(question, best, saving);
    advice.reasons.extend(elsewhere(plans, best.monthly_cost));
    advice.reasons.extend(undeclared(plans, best.monthly_cost));
    advice
}

/// The cheapest plan that meets the limits and may be advised.
fn best_of(plans: &[Plan]) -> Option<&Plan> {
    let mut eligible = plans.iter().filter(|it| it.way != Way::Today && it.meets_slo && it.allowed);
    let cheapest = eligible.next();
    // Within a percent a fleet that never starts anything is the better plan.
    let steady = cheapest.and_then(|first| {
        let near = first.monthly_cost.scale(101, 100).ok()?;
        let mut rest =
            plans.iter().filter(|it| it.meets_slo && it.allowed && it.monthly_cost <= near);
        rest.find(|it| it.way == Way::PaygFixed && first.way == Way::PaygAutoscaled)
    });
    steady.or(cheapest)
}

/// Why nothing can be compared.
fn no_offer(question: &Question<'_>) -> String {
    let deployment = &question.described.workload.deployment;
    match (&deployment.gpu, &deployment.gpu_label) {
        (None, Some(label)) => format!("the catalog knows no GPU `{label}`"),
        (None, None) => "the GPU is not known: set gpu in the config".to_owned(),
        _ => "the catalog has no offer for it at this provider".to_owned(),
    }
}

/// The cheapest plan at another provider, where it beats the advice and the policy forbids it.
fn elsewhere(plans: &[Plan], best: Money) -> Option<String> {
    let other = plans.iter().find(|it| it.meets_slo && !it.allowed && it.needs.is_none())?;
    (other.monthly_cost < best).then(|| {
        format!(
            "elsewhere: {} would cost {} a month; policy.switch_provider = true allows it",
            other.label(),
            money::for_prose(other.monthly_cost)
        )
    })
}

/// The cheapest plan of each way that would beat the advice if more were declared.
fn undeclared(plans: &[Plan], best: Money) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let cheaper = plans.iter().filter(|it| it.meets_slo && it.monthly_cost < best);
    cheaper
        .filter_map(|it| Some((it, it.needs?)))
        .filter(|(it, _)| seen.insert(it.way.as_word()))
        .map(|(it, needs)| {
            let cost = money::for_prose(it.monthly_cost);
            format!("not advised: {} would cost {cost} a month; it needs {needs}", it.label())
        })
        .collect()
}

fn no_advice(question: &Question<'_>, currency: Currency, why: String) -> Advice {
    plain(question, Action::NotEnoughData, currency, why, Grade::F)
}

fn keep(question: &Question<'_>, currency: Currency, why: String) -> Advice {
    plain(question, Action::Keep, currency, why, Grade::B)
}

fn plain(
    question: &Question<'_>,
    action: Action,
    currency: Currency,
    why: String,
    grade: Grade,
) -> Advice {
    let name = &question.described.workload.name;
    let verb = match action {
        Action::NotEnoughData => "No advice yet",
        _ => "Keep as it is",
    };
    Advice {
        id: stable_id(name, action, None),
        action,
        plan_id: None,
        summary: format!("{verb}: {why}."),
        monthly_savings: Money::zero(currency),
        risk: None,
        grade: capped(question, grade).0,
        reasons: vec![why],
        steps: Vec::new(),
        undo: String::new(),
        wrong_if: Vec::new(),
    }
}

/// Paid and asked for nothing: stop it, unless it is kept on purpose or paid for anyway.
fn idle(question: &Question<'_>, today: Money) -> Advice {
    let workload = question.described.workload;
    let currency = today.currency();
    if workload.settings.standby {
        return keep(question, currency, "it is declared as standby".to_owned());
    }
    if today.is_zero() || workload.deployment.pricing_category == PricingCategory::Committed {
        let why = "it is idle, but it runs on a commitment that is paid either way: give the capacity to another workload";
        return keep(question, currency, why.to_owned());
    }
    let finding = question.described.waste.iter().find(|it| it.kind == WasteKind::Idle);
    let Some(finding) = finding else {
        let why = "it looks idle, but too little of its time was measured to stop it: see what runs there";
        return no_advice(question, currency, why.to_owned());
    };
    let confirmed = finding.confirmed;
    let (grade, mut reasons) = capped(question, Grade::A);
    reasons.insert(0, finding.evidence.clone());
    reasons.push("its disk stays and stays billed: that part is not subtracted".to_owned());
    if !confirmed {
        reasons.push(
            "only one signal was measured: confirm with the owner before stopping".to_owned(),
        );
    }
    let owner = workload.owner.as_deref().unwrap_or("the owner, who is not known");
    Advice {
        id: stable_id(&workload.name, Action::Stop, None),
        action: Action::Stop,
        plan_id: None,
        summary: "Stop it and keep the disk: it is paid for and nobody uses it.".to_owned(),
        monthly_savings: today,
        risk: None,
        grade: if confirmed { grade } else { grade.max(Grade::C) },
        reasons,
        steps: vec![
            format!("Ask {owner} whether anything still needs it."),
            "Stop the instance, or scale it to zero; do not delete its volumes.".to_owned(),
            "Look at the bill after two days: its GPU-hours must be zero.".to_owned(),
        ],
        undo: "Start the instance again from the same volume.".to_owned(),
        wrong_if: vec![
            "it serves something that neither the request counts nor the GPU metrics show"
                .to_owned(),
        ],
    }
}
