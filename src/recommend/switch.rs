//! The advice to switch: its reasons, steps and undo, and what caps its grade.

use super::advice::{Action, Advice, Grade, stable_id};
use super::change::Change;
use super::demand::{Load, Question, age_days};
use super::doubt::Doubt;
use super::plan::{Plan, Way, term};
use super::task::{SIDE_BY_SIDE, Task, evaluation_command};
use super::{money, offers, verify};
use crate::catalog::Offer;
use crate::classify::Censoring;
use crate::size::Precision;
use crate::units::Money;
use crate::workload::{Direction, Kind};

pub(super) fn switch(question: &Question<'_>, plan: &Plan, saving: Money) -> Advice {
    let workload = question.described.workload;
    let (grade, caps) = capped(question, Grade::A);
    let (grade, mut more) = capped_by_price(grade, Some(plan), question);
    let (grade, change_caps) = capped_by_change(grade, question, plan);
    let mut reasons = vec![format!(
        "{} a month today, {} on this plan, over {:.0} days of the workload's own demand",
        money::for_prose(saving.checked_add(plan.monthly_cost).unwrap_or(saving)),
        money::for_prose(plan.monthly_cost),
        question.days
    )];
    if let (Some(latencies), Some(limit)) = (plan.latencies, question.slo.ttft_p95_s) {
        reasons.push(format!(
            "simulated TTFT p95 {:.2} s against a limit of {limit} s{}",
            latencies.ttft_p95_s,
            if question.slo.assumed { " (assumed)" } else { "" }
        ));
    }
    if let [low, .., high] = plan.spot_range.as_slice() {
        reasons.push(format!(
            "from {} to {} interruptions an hour it costs {} to {} a month",
            low.interruptions_per_hour,
            high.interruptions_per_hour,
            money::for_prose(low.monthly_cost),
            money::for_prose(high.monthly_cost)
        ));
    }
    reasons.extend(quotes(plan).map(|(it, last)| {
        format!("the price of {} is quoted to you and holds until {last}", it.provider)
    }));
    reasons.extend(caps);
    reasons.append(&mut more);
    reasons.extend(change_caps);
    let label = plan.label();
    let (action, summary) = match plan.way {
        Way::PaygScheduled => {
            let what = label.split_once(": ").map_or(label.as_str(), |it| it.1);
            (Action::Schedule, format!("Schedule {what}."))
        }
        Way::Shared { .. } => {
            let what = label.split_once(": ").map_or(label.as_str(), |it| it.1);
            (Action::Switch, format!("Share instances: {what}."))
        }
        _ => (Action::Switch, format!("Switch to {label}.")),
    };
    Advice {
        id: stable_id(&workload.name, action, Some(&plan.id)),
        action,
        plan_id: Some(plan.id.clone()),
        summary,
        monthly_savings: saving,
        risk: None,
        savings_by_price: None,
        change: None,
        grade,
        reasons,
        steps: steps(question, plan),
        undo: match plan.way {
            Way::Reserved { months } | Way::ReservedServerless { months } => format!("None for the commitment: it is paid for {}, used or not.", term(months)),
            _ => "Send the traffic back to today's deployment, which stays until the check has passed.".to_owned(),
        },
        verify: verify::switched(question, plan, saving),
        wrong_if: wrong_if(question, plan),
        doubt: Doubt::default(),
        together_with: Vec::new(),
    }
}

/// To buy the term, of a plan that needs one.
fn reserve(plan: &Plan, place: &str) -> Option<String> {
    let (Way::Reserved { months } | Way::ReservedServerless { months }) = &plan.way else {
        return None;
    };
    Some(format!(
        "Confirm the price, then reserve {} instance{} for {}{place}: from then on all of it is owed.",
        plan.scaling.min,
        if plan.scaling.min == 1 { "" } else { "s" },
        term(*months)
    ))
}

fn steps(question: &Question<'_>, plan: &Plan) -> Vec<String> {
    let mut steps = Vec::new();
    steps.extend(quality_steps(question, plan));
    let other_region = plan.offers.iter().any(|it| offers::is_elsewhere(question, it));
    if other_region {
        steps.push(
            "Confirm that data may leave today's region, that callers bear the distance, and the quota there."
                .to_owned(),
        );
    }
    let same_place = plan.offers.iter().all(|it| offers::is_at_home(question, it));
    let place = plan.offers.first().map_or(String::new(), |it| {
        format!(" at {} in {} ({})", it.provider, it.region, it.instance_type)
    });
    let is_other = Change::is_replaced(question, plan);
    let reserve = reserve(plan, &place);
    match (&reserve, is_other) {
        (None, _) => {
            steps.push(format!("Start the new deployment{place}: {}.", plan.label()));
        }
        // What is owed for a term is signed when the test has passed.
        (Some(_), true) => steps.push(format!("Start the new deployment{place} by use first.")),
        (Some(_), false) => (),
    }
    if !plan.conditions.is_empty() {
        let platform = plan.offers.last().map_or("the platform", |it| it.provider.as_str());
        steps.push(format!("At {platform}: {}.", plan.conditions.join("; ")));
    }
    steps.extend(room_to_grow(plan));
    if plan.scaling.schedule.is_some() {
        steps.push(format!(
            "Keep the instances of the weekly schedule ready by the clock of {}: start each {:.0} s \
             before its hour begins.",
            question.context.zone,
            plan.scaling.cold_start_s.unwrap_or(0.0)
        ));
    }
    if !same_place {
        steps.push(
            "Check data residency, network cost and quota at the new provider first.".to_owned(),
        );
    }
    if plan.way == Way::Spot {
        steps.push(
            "Let instances on demand take over while there is no spot, and try one interruption."
                .to_owned(),
        );
    }
    if is_other || reserve.is_none() {
        steps.push(match question.load {
            Load::Requests(_) => {
                "Send a tenth of the traffic there for a day, compare TTFT and errors, then the rest."
                    .to_owned()
            }
            _ => "Run one job there, compare its time and its result, then move the rest.".to_owned(),
        });
        steps.push("Stop what ran before; its GPU-hours on the next bill must be zero.".to_owned());
    }
    steps.extend(reserve);
    steps.extend(in_tranches(question, plan));
    steps
}

/// That a reserved base is bought in steps, where the policy caps what may end in a quarter.
fn in_tranches(question: &Question<'_>, plan: &Plan) -> Option<String> {
    let cap = question.context.policy.max_expiring_share_per_quarter?;
    (plan.is_committed() && plan.scaling.min >= 2).then(|| {
        format!(
            "Do not reserve all at once: at most {:.0} % of them may end in one quarter. The commitments over \
             all workloads give the month of each.",
            cap.percent()
        )
    })
}

/// How many instances to allow where they come and go.
fn room_to_grow(plan: &Plan) -> Option<String> {
    let comes_and_goes = matches!(
        plan.way,
        Way::PaygAutoscaled
            | Way::Serverless
            | Way::Reserved { .. }
            | Way::ReservedServerless { .. }
    );
    let (ceiling, needed) = (plan.scaling.ceiling(), plan.scaling.max);
    (comes_and_goes && ceiling > needed).then(|| {
        format!("Allow up to {ceiling} instances: the window needed {needed}, and demand may grow.")
    })
}

/// What to check before a lower precision serves: a benchmark of the task, and one's own prompts.
fn quality_steps(question: &Question<'_>, plan: &Plan) -> Vec<String> {
    let precision = Precision::parse(&plan.precision);
    let Some(precision) = precision.filter(|_| changes_precision(question, plan)) else {
        return Vec::new();
    };
    let workload = question.described.workload;
    let task = Task::of(workload.settings.task.as_deref());
    let mut steps = Vec::new();
    if let Some(model) = &workload.deployment.model {
        let split = plan.gpu_count / plan.pipeline_parallel_size.max(1);
        let command = evaluation_command(model, precision, split, task);
        steps.push(format!("{}. Measure both: {command}", sentence(task.caveat(precision))));
    }
    steps.push(SIDE_BY_SIDE.to_owned());
    steps
}

/// With a capital first letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |it| it.to_uppercase().collect::<String>() + letters.as_str())
}

/// The prices of a plan that were quoted to the user, each with its last day.
fn quotes(plan: &Plan) -> impl Iterator<Item = (&Offer, &str)> {
    plan.offers.iter().filter_map(|it| Some((it, it.valid_until.as_deref()?)))
}

fn wrong_if(question: &Question<'_>, plan: &Plan) -> Vec<String> {
    let mut wrong = vec![];
    wrong.extend(quotes(plan).map(|(it, last)| {
        format!("it is not bought by {last}, when the quote of {} ends", it.provider)
    }));
    if question.slo.assumed && question.slo.ttft_p95_s.is_some() {
        wrong.push("the real latency limit is stricter than the one assumed".to_owned());
    }
    if plan.is_committed() {
        wrong.push("demand falls or moves before the term ends".to_owned());
    }
    if plan.way == Way::Spot {
        wrong.push("instances are taken back more often, or for longer, than assumed".to_owned());
    }
    if let Some(cold_start) = plan.scaling.cold_start_s {
        wrong.push(format!("a start takes much longer than the {cold_start:.0} s simulated"));
        if plan.way == Way::PaygScheduled {
            wrong.push(
                "the week changes: requests outside the schedule wait for its next hour".to_owned(),
            );
        }
        if matches!(plan.way, Way::PaygAutoscaled | Way::PaygScheduled) {
            wrong.push("the provider has no free instance when the fleet must grow".to_owned());
        }
    }
    if plan.scaling.min == 0 && plan.scaling.cold_start_s.is_some() && question.is_interactive() {
        wrong.push(
            "the first request after a pause must not wait for a start: say purpose = \"critical\""
                .to_owned(),
        );
    }
    let single = plan.scaling.max == 1
        && question.described.class.kind == Kind::RealTimeInference
        && !matches!(plan.way, Way::Shared { .. });
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

pub(super) fn changes_precision(question: &Question<'_>, plan: &Plan) -> bool {
    let deployment = &question.described.workload.deployment;
    let today = deployment.quantization.as_deref().or(deployment.dtype.as_deref());
    let parse = |word: &str| Precision::parse(word);
    let now = today.and_then(parse).unwrap_or(Precision::Bf16);
    parse(&plan.precision).is_some_and(|it| it != now)
}

/// What caps any advice on this workload.
pub(super) fn capped(question: &Question<'_>, grade: Grade) -> (Grade, Vec<String>) {
    let mut caps = Vec::new();
    let mut grade = grade;
    if question.days < 7.0 {
        grade = grade.max(Grade::C);
        caps.push(format!(
            "{:.0} days of data are less than a week: grade C at best",
            question.days
        ));
    }
    let overlapping = question.described.workload.overlapping_rows;
    if overlapping > 0 {
        grade = grade.max(Grade::D);
        caps.push(format!(
            "{overlapping} rows overlap an earlier period, so GPU-hours may count twice: grade D"
        ));
    }
    if question.slo.assumed
        && question.is_interactive()
        && matches!(question.load, Load::Requests(_))
    {
        grade = grade.max(Grade::C);
        caps.push("no latency limit is set, so one is assumed: grade C at best".to_owned());
    }
    if matches!(question.described.censored, Censoring::Censored { .. }) {
        grade = grade.max(Grade::C);
        caps.push(
            "today's capacity cut demand off, so more was asked for than measured: grade C at best"
                .to_owned(),
        );
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
    let totals = &question.described.workload.totals;
    if totals.requests.is_none() && totals.gpu_util.is_none() {
        cap(
            Grade::C,
            "nothing measures its use, so all that is billed counts as used; GPU metrics or a request log \
             may show less: grade C at best"
                .to_owned(),
        );
    }
    if plan.way == Way::Spot {
        cap(
            Grade::C,
            "nobody measured how often spot is taken back here: grade C at best".to_owned(),
        );
    }
    if matches!(plan.way, Way::Shared { .. }) {
        cap(
            Grade::C,
            "nobody measured how engines on one instance disturb each other: grade C at best"
                .to_owned(),
        );
    }
    let home = plan.offers.iter().all(|it| offers::is_at_home(question, it));
    if !home {
        cap(Grade::B, "another provider: grade B at best".to_owned());
    }
    if plan.offers.iter().any(|it| offers::is_elsewhere(question, it)) {
        cap(
            Grade::B,
            "another region: transfer between regions and the distance to callers are not priced: grade B \
             at best"
                .to_owned(),
        );
    }
    if plan.is_committed() {
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
