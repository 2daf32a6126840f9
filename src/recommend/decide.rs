//! The decision on one workload: stop, go over to the best plan, keep, or say what is missing.

use std::collections::BTreeSet;

use super::advice::{Action, Advice, Grade, stable_id};
use super::baseline::Baseline;
use super::change::Change;
use super::choose::Found;
use super::choose::bytes;
use super::demand::{Load, Question};
use super::doubt::Doubt;
use super::offers::keys_to_allow;
use super::plan::{Plan, Way};
use super::switch::{capped, switch};
use super::{money, no_plan, term, verify};
use crate::catalog::Offer;
use crate::classify::{Waste, WasteKind};
use crate::units::{Currency, Money};
use crate::workload::{PricingCategory, Shape};

pub(super) fn decide(
    question: &Question<'_>,
    baseline: &Baseline,
    found: &Found,
    currency: Currency,
) -> Advice {
    let plans = found.plans.as_slice();
    let assumed = &question.context.catalog.assumptions.advice;
    let hours = question.described.workload.demand_window.hours();
    if hours < assumed.min_hours_facts {
        return no_advice(question, currency, no_plan::too_short(question));
    }
    let Some(today) = baseline.monthly_cost else {
        let why = baseline.note.clone().unwrap_or_default();
        return no_advice(question, currency, why);
    };
    if question.days < assumed.min_days_switch {
        return no_advice(question, currency, no_plan::too_short(question));
    }
    let category = question.described.workload.deployment.pricing_category;
    if today.is_negative() {
        let why = "its cost is negative by credits or corrections, so there is no price to save against: see what \
                   they are for, and give its cost without them";
        return keep(question, currency, why.to_owned());
    }
    if today.is_zero() && category != PricingCategory::Committed {
        let why = "its cost is 0.00, so nothing can be saved: where credits, another account or owned \
                   hardware pay for it, give that cost as effective_cost";
        return keep(question, currency, why.to_owned());
    }
    let avoidable = baseline.avoidable.unwrap_or(today);
    let ended = term::ended(question);
    // What is over costs nothing more, so that there is nothing to stop either.
    if let Some(it) = ended.as_ref().filter(|it| it.still_costs.is_none()) {
        return keep(question, currency, format!("{}: nothing is left to save", it.said));
    }
    if question.described.class.shape == Shape::Idle {
        return idle(question, avoidable, WasteKind::Idle);
    }
    if category == PricingCategory::Committed {
        let why = "it runs on a commitment that is paid either way; decide before it is renewed";
        return keep(question, currency, why.to_owned());
    }
    let is_forgotten = waste_of(question, WasteKind::Forgotten).is_some();
    if let Some(costs) = ended.and_then(|it| it.still_costs).filter(|_| is_forgotten) {
        let saving = if costs < avoidable { costs } else { avoidable };
        return idle(question, saving, WasteKind::Forgotten);
    }
    if let Load::Nothing(why) = &question.load {
        return no_advice(question, currency, why.clone());
    }
    let Some(best) = best_of(plans) else {
        let mut advice = keep(question, currency, no_plan::why(question, baseline, found));
        advice.reasons.extend(elsewhere(question, plans, None));
        return advice;
    };
    let mut advice = on_plan(question, (plans, best), (today, avoidable));
    if let Some(only) = no_plan::only_as_billed(question, found) {
        if advice.action == Action::Keep {
            advice.summary = format!("Keep as it is: {only}.");
        }
        advice.reasons.insert(0, only);
    }
    advice.reasons.extend(no_plan::no_commitment_yet(question));
    advice
}

/// The advice, or to keep what runs where the user says that nothing may change yet.
pub(super) fn kept_while_frozen(question: &Question<'_>, advice: Advice) -> Advice {
    let Some([why, then]) = term::frozen(question, &advice) else { return advice };
    let mut kept = keep(question, advice.monthly_savings.currency(), why);
    kept.reasons.push(then);
    kept
}

/// Go over to the best plan, if it saves enough for the work it takes.
fn on_plan(
    question: &Question<'_>,
    (plans, best): (&[Plan], &Plan),
    (today, avoidable): (Money, Money),
) -> Advice {
    let rules = &question.context.catalog.assumptions;
    let assumed = &rules.advice;
    let currency = today.currency();
    let saving = avoidable.checked_sub(best.monthly_cost).unwrap_or(Money::zero(currency));
    let least = question.context.policy.min_monthly_savings.unwrap_or(assumed.min_monthly_savings);
    if saving.to_f64() < least.max(today.to_f64() * assumed.min_savings_share) {
        let why = if saving.is_negative() || saving.is_zero() {
            no_cheaper(plans, best, (today, avoidable))
        } else {
            format!(
                "the best alternative saves {} a month, less than {} or {:.0} % of the cost",
                money::for_prose(saving),
                least,
                assumed.min_savings_share * 100.0
            )
        };
        let mut advice = keep(question, currency, why);
        advice.reasons.extend(elsewhere(question, plans, Some(today)));
        advice.reasons.extend(undeclared(plans, today));
        return advice;
    }
    let change = Change::switch(question, best, saving);
    if let Some(change) = change.filter(|it| it.is_never_worth_it(&rules.change)) {
        return keep(question, currency, never_worth_it(change, saving));
    }
    if let Some(why) = change.and_then(|it| ends_before(question, it, saving)) {
        return keep(question, currency, why);
    }
    let mut advice = switch(question, best, saving);
    advice.change = change;
    advice.reasons.extend(elsewhere(question, plans, Some(best.monthly_cost)));
    advice.reasons.extend(undeclared(plans, best.monthly_cost));
    advice
}

/// Why nothing is saved: the cheapest plan costs no less than what a change could save, or is today's own.
fn no_cheaper(plans: &[Plan], best: &Plan, (today, avoidable): (Money, Money)) -> String {
    let as_billed = best.way == Way::PaygFixed && best.offers.iter().all(Offer::is_own_rate);
    if as_billed || best.monthly_cost == today && avoidable == today {
        // Within a percent of the cheapest the plan that changes less is preferred.
        let cheapest = eligible(plans).map(|it| it.monthly_cost).find(|it| *it < avoidable);
        return match cheapest {
            None => "no cheaper plan was found: the way it runs today is the cheapest of those that were compared"
                .to_owned(),
            Some(cost) => format!(
                "no plan is worth a change: the cheapest of those compared costs {} a month, less than 1 % below the \
                 way it runs today",
                money::for_prose(cost)
            ),
        };
    }
    let cost = money::for_prose(best.monthly_cost);
    if avoidable == today {
        format!("the cheapest alternative costs {cost} a month, not less than today")
    } else {
        format!(
            "the cheapest alternative costs {cost} a month, not less than the {} of today's that no commitment covers",
            money::for_prose(avoidable)
        )
    }
}

/// Why a saving is left alone that takes too much work.
fn never_worth_it(change: Change, saving: Money) -> String {
    let months = change.pay_back_days.map_or(f64::INFINITY, |it| it / 365.0 * 12.0);
    format!(
        "the best alternative saves {} a month and takes {:.0} h of work and a trial for {}, which it \
         earns back in {months:.0} months",
        money::for_prose(saving),
        change.effort_hours,
        money::for_prose(change.cost)
    )
}

/// Why a saving is left alone whose work the workload does not live to earn back.
fn ends_before(question: &Question<'_>, change: Change, saving: Money) -> Option<String> {
    let (left, pay_back) = (term::days_left(question)?, change.pay_back_days?);
    let until = question.described.workload.settings.future.until_in_words()?;
    (pay_back > left).then(|| {
        format!(
            "{until}, as the config says: the best alternative saves {} a month and earns its work of {} back \
             in {pay_back:.0} days, of which {:.0} are left",
            money::for_prose(saving),
            money::for_prose(change.cost),
            left.max(0.0)
        )
    })
}

/// The plans that meet the limits and may be advised, the cheapest first.
fn eligible(plans: &[Plan]) -> impl Iterator<Item = &Plan> {
    plans.iter().filter(|it| it.way != Way::Today && it.meets_slo && it.allowed)
}

/// The cheapest plan that meets the limits and may be advised.
fn best_of(plans: &[Plan]) -> Option<&Plan> {
    let cheapest = eligible(plans).next();
    // Within a percent a fleet that never starts anything is the better plan.
    let steady = cheapest.and_then(|first| {
        let near = first.monthly_cost.scale(101, 100).ok()?;
        let mut rest =
            plans.iter().filter(|it| it.meets_slo && it.allowed && it.monthly_cost <= near);
        rest.find(|it| it.way == Way::PaygFixed && first.way == Way::PaygAutoscaled)
    });
    steady.or_else(|| keeping_precision(plans, cheapest?)).or(cheapest)
}

/// Of the plans within a percent of the cheapest the one of the highest precision: a few cents are not
/// worth a quality check.
fn keeping_precision<'a>(plans: &'a [Plan], cheapest: &Plan) -> Option<&'a Plan> {
    let near = cheapest.monthly_cost.scale(101, 100).ok()?;
    let fits =
        |it: &&Plan| it.way != Way::Today && it.meets_slo && it.allowed && it.monthly_cost <= near;
    // The first of equals, which is the cheapest of its precision.
    let by_bytes = |a: &&Plan, b: &&Plan| bytes(a).total_cmp(&bytes(b));
    plans.iter().filter(fits).rev().max_by(by_bytes)
}

/// The cheapest plan at another provider or in another region, where it beats the advice, if any, and the
/// policy forbids it.
pub(super) fn elsewhere(
    question: &Question<'_>,
    plans: &[Plan],
    best: Option<Money>,
) -> Option<String> {
    let other = plans.iter().find(|it| it.meets_slo && !it.allowed && it.needs.is_none())?;
    let keys = keys_to_allow(question, &other.offers)?;
    best.is_none_or(|best| other.monthly_cost < best).then(|| {
        format!(
            "elsewhere: {} would cost {} a month; {keys} allows it",
            other.label(),
            money::for_prose(other.monthly_cost)
        )
    })
}

/// The cheapest plan of each way that would beat the advice if more were declared.
pub(super) fn undeclared(plans: &[Plan], best: Money) -> Vec<String> {
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
    let summary = format!("{verb}: {why}.");
    let (grade, caps) = capped(question, grade);
    // Of no advice the grade is the lowest there is, and nothing else caps it.
    let caps = caps.into_iter().filter(|_| action != Action::NotEnoughData);
    Advice {
        id: stable_id(name, action, None),
        action,
        plan_id: None,
        summary,
        monthly_savings: Money::zero(currency),
        risk: None,
        savings_by_price: None,
        change: None,
        grade,
        reasons: [why].into_iter().chain(caps).collect(),
        steps: Vec::new(),
        undo: String::new(),
        verify: Vec::new(),
        wrong_if: Vec::new(),
        doubt: Doubt::default(),
        together_with: Vec::new(),
    }
}

fn waste_of<'a>(question: &Question<'a>, kind: WasteKind) -> Option<&'a Waste> {
    question.described.waste.iter().find(|it| it.kind == kind)
}

/// Paid and asked for nothing: stop it, unless it is kept on purpose or paid for anyway.
fn idle(question: &Question<'_>, today: Money, kind: WasteKind) -> Advice {
    let workload = question.described.workload;
    let currency = today.currency();
    if workload.settings.standby {
        return keep(question, currency, "it is declared as standby".to_owned());
    }
    if question.is_critical() {
        let why = "it is declared critical: a path that must answer at once is not stopped, also where \
                   nothing asks for it now; ask its owner";
        return keep(question, currency, why.to_owned());
    }
    if today.is_zero() || workload.deployment.pricing_category == PricingCategory::Committed {
        let why = "it is idle, but it runs on a commitment that is paid either way: give the capacity to another workload";
        return keep(question, currency, why.to_owned());
    }
    let Some(finding) = waste_of(question, kind) else {
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
    let owner = workload.owner.as_deref().unwrap_or("the owner, who is not known,");
    Advice {
        id: stable_id(&workload.name, Action::Stop, None),
        action: Action::Stop,
        plan_id: None,
        summary: "Stop it and keep the disk: it is paid for and nobody uses it.".to_owned(),
        monthly_savings: today,
        risk: None,
        savings_by_price: None,
        change: Change::stop(today, &question.context.catalog.assumptions.change),
        grade: if confirmed { grade } else { grade.max(Grade::C) },
        reasons,
        steps: vec![
            format!("Ask {owner} whether anything still needs it."),
            "Stop the instance, or scale it to zero; do not delete its volumes.".to_owned(),
            "Look at the bill after two days: its GPU-hours must be zero.".to_owned(),
        ],
        undo: "Start the instance again from the same volume.".to_owned(),
        verify: verify::stopped(question),
        wrong_if: vec![
            "it serves something that neither the request counts nor the GPU metrics show"
                .to_owned(),
        ],
        doubt: Doubt::default(),
        together_with: Vec::new(),
    }
}
