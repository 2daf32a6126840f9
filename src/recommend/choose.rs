//! From plans to one decision: the cheapest that meets the limits, if it is worth it and allowed.

use super::advice::{Action, Advice, Grade, stable_id};
use super::baseline::Baseline;
use super::candidates::Candidate;
use super::demand::{Load, Question, age_days};
use super::plan::{Plan, PlanParts, Scaling, Way};
use super::{DurationCurve, Recommendation, offers, waste};
use crate::simulate::Outcome;
use crate::size::Precision;
use crate::units::{Currency, Money};
use crate::workload::{Direction, Kind, PricingCategory, Shape};

/// What a search found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) plans: Vec<Plan>,
    pub(super) curve: Option<DurationCurve>,
    pub(super) today_candidate: Option<String>,
    pub(super) today_outcome: Option<Outcome>,
    pub(super) n_sized: u64,
    pub(super) n_pruned: u64,
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
    if found.plans.iter().any(|it| it.monthly_cost.currency() != currency) {
        notices.push(format!(
            "the bill is in {currency} and the catalog in another currency: plans cannot be compared"
        ));
        found.plans.clear();
    }
    found.plans.extend(today_plan(question, &baseline, &found));
    sort_plans(&mut found.plans);
    keep_distinct(&mut found.plans);
    let advice = decide(question, &baseline, &found.plans, currency);
    let mut curve = found.curve;
    if let Some(curve) = &mut curve {
        curve.reserved_units = found
            .plans
            .iter()
            .find(|it| matches!(it.way, Way::Reserved { .. }) && it.meets_slo && it.allowed)
            .map(|it| it.scaling.min);
    }
    Recommendation {
        slo: question.slo,
        waste: waste::findings(question),
        today_busy: found
            .today_outcome
            .as_ref()
            .map(|it| it.busy_us as f64 / (it.busy_us + it.idle_us).max(1) as f64),
        baseline,
        candidates: found.candidates,
        plans: found.plans,
        advice,
        duration_curve: curve,
        n_sized: found.n_sized,
        n_pruned: found.n_pruned,
        notices,
    }
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
    let mut seen = std::collections::BTreeSet::new();
    plans.retain(|it| seen.insert(it.id.clone()));
}

/// What the bill says, as a plan beside the others.
fn today_plan(question: &Question<'_>, baseline: &Baseline, found: &Found) -> Option<Plan> {
    let deployment = &question.described.workload.deployment;
    let monthly_cost = baseline.monthly_cost?;
    let zero = Money::zero(monthly_cost.currency());
    let outcome = found.today_outcome.as_ref();
    let precision = deployment.quantization.clone().or_else(|| deployment.dtype.clone());
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
        gpu_count: deployment.tensor_parallel_size.unwrap_or(gpus.max(1)),
        precision: precision.unwrap_or_else(|| "as today".to_owned()),
        monthly_cost,
        parts: PlanParts { busy: monthly_cost, idle: zero, starting: zero, committed_unused: zero },
        latencies: outcome.and_then(Plan::latencies_of),
        attainment: outcome.and_then(Outcome::attainment),
        meets_slo: outcome.is_none_or(|it| it.meets(question.slo.attainment) && !it.unstable),
        allowed: true,
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
        },
    })
}

fn decide(
    question: &Question<'_>,
    baseline: &Baseline,
    plans: &[Plan],
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
    if question.described.class.shape == Shape::Idle {
        return idle(question, today);
    }
    if question.described.workload.deployment.pricing_category == PricingCategory::Committed {
        let why = "it runs on a commitment that is paid either way; decide before it is renewed";
        return keep(question, currency, why.to_owned());
    }
    if let Load::Nothing(why) = &question.load {
        return no_advice(question, currency, why.clone());
    }
    if question.days < assumed.min_days_switch {
        let why = format!(
            "{:.1} h of data; a switch needs at least {} days",
            hours, assumed.min_days_switch
        );
        return no_advice(question, currency, why);
    }
    let best = plans.iter().find(|it| it.way != Way::Today && it.meets_slo && it.allowed);
    let Some(best) = best else {
        let why = if plans.iter().all(|it| it.way == Way::Today || !it.allowed) {
            "the catalog has no offer for it at this provider"
        } else {
            "no plan meets the limits"
        };
        return keep(question, currency, why.to_owned());
    };
    let saving = today.checked_sub(best.monthly_cost).unwrap_or(Money::zero(currency));
    let least = question.context.policy.min_monthly_savings.unwrap_or(assumed.min_monthly_savings);
    if saving.to_f64() < least.max(today.to_f64() * assumed.min_savings_share) {
        let why = if saving.is_negative() || saving.is_zero() {
            format!(
                "the cheapest alternative costs {} a month, not less than today",
                two_decimals(best.monthly_cost)
            )
        } else {
            format!(
                "the best alternative saves {} a month, less than {} or {:.0} % of the cost",
                two_decimals(saving),
                least,
                assumed.min_savings_share * 100.0
            )
        };
        let mut advice = keep(question, currency, why);
        advice.reasons.extend(elsewhere(plans, today));
        return advice;
    }
    let mut advice = switch(question, best, saving);
    advice.reasons.extend(elsewhere(plans, best.monthly_cost));
    advice
}

/// The cheapest plan at another provider, where it beats the advice and the policy forbids it.
fn elsewhere(plans: &[Plan], best: Money) -> Option<String> {
    let other = plans.iter().find(|it| it.meets_slo && !it.allowed)?;
    (other.monthly_cost < best).then(|| {
        format!(
            "elsewhere: {} would cost {} a month; policy.switch_provider = true allows it",
            other.label(),
            two_decimals(other.monthly_cost)
        )
    })
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
    if workload.deployment.pricing_category == PricingCategory::Committed {
        let why = "it is idle, but it runs on a commitment that is paid either way: give the capacity to another workload";
        return keep(question, currency, why.to_owned());
    }
    let findings = waste::findings(question);
    let confirmed = findings.iter().any(|it| it.confirmed);
    let (grade, mut reasons) = capped_by_price(Grade::A, None, question);
    let evidence = findings.into_iter().map(|it| it.evidence);
    reasons.splice(0..0, evidence);
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

fn switch(question: &Question<'_>, plan: &Plan, saving: Money) -> Advice {
    let workload = question.described.workload;
    let (grade, caps) = capped(question, Grade::A);
    let (grade, mut more) = capped_by_price(grade, Some(plan), question);
    let (grade, change_caps) = capped_by_change(grade, question, plan);
    let mut reasons = vec![format!(
        "{} a month today, {} on this plan, over {:.0} days of the workload's own demand",
        two_decimals(saving.checked_add(plan.monthly_cost).unwrap_or(saving)),
        two_decimals(plan.monthly_cost),
        question.days
    )];
    if let (Some(latencies), Some(limit)) = (plan.latencies, question.slo.ttft_p95_s) {
        reasons.push(format!(
            "simulated TTFT p95 {:.2} s against a limit of {limit} s{}",
            latencies.ttft_p95_s,
            if question.slo.assumed { " (assumed)" } else { "" }
        ));
    }
    reasons.extend(caps);
    reasons.append(&mut more);
    reasons.extend(change_caps);
    Advice {
        id: stable_id(&workload.name, Action::Switch, Some(&plan.id)),
        action: Action::Switch,
        plan_id: Some(plan.id.clone()),
        summary: format!("Switch to {}.", plan.label()),
        monthly_savings: saving,
        grade,
        reasons,
        steps: steps(question, plan),
        undo: match plan.way {
            Way::Reserved { months } => format!("None for the commitment: it is paid for {months} months, used or not."),
            _ => "Send the traffic back to today's deployment, which stays until the check has passed.".to_owned(),
        },
        wrong_if: wrong_if(question, plan),
    }
}

fn steps(question: &Question<'_>, plan: &Plan) -> Vec<String> {
    let mut steps = Vec::new();
    if changes_precision(question, plan) {
        steps.push(format!(
            "Run a quality check of {} against today's precision on 50 to 100 of your own prompts, side by side.",
            plan.precision
        ));
    }
    let same_place = plan.offers.iter().all(|it| offers::is_at_home(question, it));
    let place = plan
        .offers
        .first()
        .map_or(String::new(), |it| format!(" at {} in {}", it.provider, it.region));
    steps.push(match &plan.way {
        Way::Reserved { months } => format!(
            "Confirm the price, then reserve {} instance(s) for {months} months{place}.",
            plan.scaling.min
        ),
        _ => format!("Start the new deployment{place}: {}.", plan.label()),
    });
    if !same_place {
        steps.push(
            "Check data residency, network cost and quota at the new provider first.".to_owned(),
        );
    }
    steps.push(
        "Send a tenth of the traffic there for a day, compare TTFT and errors, then the rest."
            .to_owned(),
    );
    steps.push("Stop what ran before; its GPU-hours on the next bill must be zero.".to_owned());
    steps
}

fn wrong_if(question: &Question<'_>, plan: &Plan) -> Vec<String> {
    let mut wrong = vec![];
    if question.slo.assumed && question.slo.ttft_p95_s.is_some() {
        wrong.push("the real latency limit is stricter than the one assumed".to_owned());
    }
    if matches!(plan.way, Way::Reserved { .. }) {
        wrong.push("demand falls or moves before the term ends".to_owned());
    }
    if let Some(cold_start) = plan.scaling.cold_start_s {
        wrong.push(format!("a start takes much longer than the {cold_start:.0} s simulated"));
        if plan.way == Way::PaygAutoscaled {
            wrong.push("the provider has no free instance when the fleet must grow".to_owned());
        }
    }
    let single = plan.scaling.max == 1 && question.described.class.kind == Kind::RealTimeInference;
    if single {
        wrong.push("one instance must never fail: nothing takes over while it restarts".to_owned());
    }
    if plan.candidate_id.is_some() {
        wrong.push(
            "the model is slower on this GPU than predicted: one measured hour settles it"
                .to_owned(),
        );
    }
    wrong
}

fn changes_precision(question: &Question<'_>, plan: &Plan) -> bool {
    let deployment = &question.described.workload.deployment;
    let today = deployment.quantization.as_deref().or(deployment.dtype.as_deref());
    let parse = |word: &str| Precision::parse(word);
    let now = today.and_then(parse).unwrap_or(Precision::Bf16);
    parse(&plan.precision).is_some_and(|it| it != now)
}

/// What caps any advice on this workload.
fn capped(question: &Question<'_>, grade: Grade) -> (Grade, Vec<String>) {
    let mut caps = Vec::new();
    let mut grade = grade;
    if question.slo.assumed
        && question.is_interactive()
        && matches!(question.load, Load::Requests(_))
    {
        grade = grade.max(Grade::C);
        caps.push("no latency limit is set, so one is assumed: grade C at best".to_owned());
    }
    (grade, caps)
}

/// What caps it because of the price rows.
fn capped_by_price(
    grade: Grade,
    plan: Option<&Plan>,
    question: &Question<'_>,
) -> (Grade, Vec<String>) {
    let limit = question.context.catalog.assumptions.advice.stale_price_days;
    let offers = plan.map_or(&[][..], |it| it.offers.as_slice());
    let mut caps = Vec::new();
    let mut grade = grade;
    if let Some(offer) = offers.iter().find(|it| it.derived) {
        grade = grade.max(Grade::B);
        caps.push(format!(
            "the price of {} is derived from another row: grade B at best",
            offer.id
        ));
    }
    let oldest = offers
        .iter()
        .filter_map(|it| Some((age_days(&it.as_of, question.context.as_of)?, it)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((age, offer)) = oldest.filter(|(age, _)| *age > limit) {
        grade = grade.max(Grade::B);
        caps.push(format!(
            "the price of {} is from {}, {age:.0} days old: grade B at best",
            offer.provider, offer.as_of
        ));
    }
    (grade, caps)
}

/// What caps it because of what changes.
fn capped_by_change(grade: Grade, question: &Question<'_>, plan: &Plan) -> (Grade, Vec<String>) {
    let deployment = &question.described.workload.deployment;
    let mut caps = Vec::new();
    let mut grade = grade;
    let mut cap = |at: Grade, why: String| {
        grade = grade.max(at);
        caps.push(why);
    };
    if changes_precision(question, plan) {
        cap(Grade::C, format!("quality in {} is not tested: grade C at best", plan.precision));
    }
    if deployment.gpu.as_deref() != Some(plan.gpu.as_str()) {
        cap(Grade::C, format!("speed on {} is predicted, not measured: grade C at best", plan.gpu));
    }
    let home = plan.offers.iter().all(|it| offers::is_at_home(question, it));
    if !home {
        cap(Grade::B, "another provider: grade B at best".to_owned());
    }
    if matches!(plan.way, Way::Reserved { .. }) {
        cap(
            Grade::B,
            "a commitment rests on one window being typical of the term: grade B at best"
                .to_owned(),
        );
        if question.described.class.direction == Some(Direction::Declining) {
            cap(
                Grade::D,
                "demand is declining, which a commitment cannot follow: grade D".to_owned(),
            );
        }
    }
    (grade, caps)
}

/// An amount in prose, rounded half to even to two decimals.
fn two_decimals(amount: Money) -> String {
    // 10^16 of 10^-18 are a cent.
    const CENT: i128 = 10_000_000_000_000_000;
    let (quotient, rest) = (amount.atto().div_euclid(CENT), amount.atto().rem_euclid(CENT));
    let up = rest * 2 > CENT || (rest * 2 == CENT && quotient % 2 != 0);
    let rounded = Money::from_atto((quotient + i128::from(up)) * CENT, amount.currency());
    grouped(&rounded.to_decimal_string()) + " " + amount.currency().as_str()
}

/// The digits before the point in groups of three: 20036.35 is 20,036.35.
fn grouped(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |it| ("-", it));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + "." + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_prose_are_grouped_and_rounded_half_to_even() {
        let check = |text: &str, shown: &str| {
            let amount = Money::parse(text, Currency::USD).unwrap();
            assert_eq!(two_decimals(amount), shown);
        };
        check("20036.346535", "20,036.35 USD");
        check("-1234567.005", "-1,234,567.00 USD");
        check("999.995", "1,000.00 USD");
        check("0.015", "0.02 USD");
    }
}
