//! Why no plan can be advised, in a sentence that names what stands in the way and what to change.

use std::collections::BTreeSet;

use super::advice::Advice;
use super::baseline::Baseline;
use super::candidates::{self, Candidate, all_offers};
use super::choose::Found;
use super::demand::{Load, Question, RequestLoad, Timing};
use super::offers::{self, Barrier};
use super::plan::Way;
use crate::catalog::{GpuSpec, Offer};
use crate::size::Replica;

/// How the sentence of limits that nothing keeps begins.
const NO_PLAN: &str = "no plan meets the limits: ";
/// A cost of which nobody knows whether it was used.
const COST_ALONE: &str = "its cost is known and its use is not: give GPU metrics or a request log, as nobody can say \
     how much of it was needed";

/// Barriers that are told, those first that leave out most.
const MOST_BARRIERS: usize = 3;

/// Data too short for advice: how much is missing, for which kind of advice.
pub(super) fn too_short(question: &Question<'_>) -> String {
    let assumed = &question.context.catalog.assumptions.advice;
    let hours = question.described.workload.demand_window.hours();
    let (switch, commitment) = (assumed.min_days_switch, assumed.min_days_commitment);
    let have = if hours < assumed.min_hours_facts {
        format!("{:.0} minutes of data carry facts only", hours * 60.0)
    } else {
        format!("{hours:.1} h of data carry no advice")
    };
    format!(
        "{have}: stopping or switching needs {switch} days, {:.0} h more, a commitment {commitment} days: give a \
         longer export",
        (switch * 24.0 - hours).ceil()
    )
}

/// What must be told at the top, beside the advice: that limits are kept by nothing, and that a cost stands
/// without any use.
pub(super) fn to_tell(
    question: &Question<'_>,
    baseline: &Baseline,
    advice: &Advice,
) -> Vec<String> {
    let impossible = advice.reasons.iter().find(|it| it.starts_with(NO_PLAN)).cloned();
    let totals = &question.described.workload.totals;
    let unmeasured = totals.requests.is_none() && totals.gpu_util.is_none();
    let is_paid = baseline.effective_cost.is_some_and(|it| !it.is_zero());
    let unused = (unmeasured && is_paid).then(|| COST_ALONE.to_owned());
    impossible.into_iter().chain(unused).collect()
}

/// Data too short for a commitment.
pub(super) fn no_commitment_yet(question: &Question<'_>) -> Option<String> {
    let least = question.context.catalog.assumptions.advice.min_days_commitment;
    (question.days < least).then(|| {
        format!(
            "no commitment is weighed: that needs {least} days of data, {:.1} more than there are",
            least - question.days
        )
    })
}

/// Why there is no plan that both meets the limits and may be advised.
pub(super) fn why(question: &Question<'_>, baseline: &Baseline, found: &Found) -> String {
    if let (Some(listed), Some(billed)) = (found.other_currency, baseline.monthly_cost) {
        let billed = billed.currency();
        return format!(
            "the bill is in {billed} and the catalog in {listed}, so plans cannot be compared: set report.currency = \
             \"{listed}\" and the rate of {billed} under [fx] in gpuadvise.toml"
        );
    }
    if found.n_out_of_time > 0 {
        return "the time for the search was up before a plan was simulated: give a longer --time-budget".to_owned();
    }
    if let Load::Requests(load) = &question.load {
        let here: Vec<&Candidate> =
            found.candidates.iter().filter(|it| is_sold(question, baseline, it)).collect();
        if !here.is_empty() {
            return limits(question, load, &here);
        }
    }
    if let Some(forbidden) = forbidden(question, found) {
        return forbidden;
    }
    let deployment = &question.described.workload.deployment;
    let gpu = match (&deployment.gpu, &deployment.gpu_label) {
        (Some(gpu), _) => gpu,
        (None, Some(label)) => {
            let near = question.context.catalog.suggest_gpu(label);
            let near = if near.is_empty() {
                String::new()
            } else {
                format!(", near are {}", near.join(", "))
            };
            return format!(
                "the catalog knows no GPU `{label}`{near}: set gpu of the workload in gpuadvise.toml to a name of \
                 `gpuadvise prices list`"
            );
        }
        (None, None) => {
            return "the GPU is not known: set gpu of the workload in gpuadvise.toml".to_owned();
        }
    };
    let holds = |it: &Candidate| {
        let spec = question.context.catalog.gpu(&it.gpu);
        spec.map(|spec| u64::from(it.gpu_count) * spec.cuda_total.get())
    };
    let refused = found.candidates.iter().filter_map(|it| Some((it, it.reason.as_ref()?)));
    let last = refused.max_by_key(|it| holds(it.0));
    match last.filter(|_| found.candidates.iter().all(|it| it.replica.is_none())) {
        Some((it, reason)) => format!(
            "the model fits no GPU of the catalog; in {} on {} x {}: {reason}. Set quantization or a smaller \
             max_model_len of the workload in gpuadvise.toml",
            it.precision, it.gpu_count, it.gpu
        ),
        None => format!(
            "the catalog has no offer of {gpu} that can be compared: give its price as a [[quote]] in gpuadvise.toml"
        ),
    }
}

/// Whether a candidate could serve, and an offer of it may be advised.
fn is_sold(question: &Question<'_>, baseline: &Baseline, candidate: &Candidate) -> bool {
    let gpu = question.context.catalog.gpu(&candidate.gpu);
    gpu.filter(|gpu| may_serve(question, candidate, gpu)).is_some_and(|gpu| {
        let buyable = offers::buyable(question, baseline, gpu, candidate.gpu_count);
        all_offers(&buyable).any(|it| offers::may_advise(question, it))
    })
}

/// Whether a candidate fits, on a GPU that is considered.
fn may_serve(question: &Question<'_>, candidate: &Candidate, gpu: &GpuSpec) -> bool {
    let Load::Requests(load) = &question.load else { return true };
    let refused = match &load.timing {
        Timing::Model { arch, .. } => candidates::refusal(question, gpu, arch).is_some(),
        Timing::Measured { .. } => false,
    };
    candidate.slots.is_some() && !refused
}

/// Where today's own rate is all that was compared, what of the policy is the reason.
pub(super) fn only_as_billed(question: &Question<'_>, found: &Found) -> Option<String> {
    let mut others = found.plans.iter().filter(|it| it.allowed && it.way != Way::Today);
    if !others.all(|it| it.offers.iter().all(Offer::is_own_rate)) {
        return None;
    }
    forbidden(question, found).map(|why| format!("only today's own rate was compared: {why}"))
}

/// What of the policy leaves out every offer that could be used, or that the catalog has none; nothing
/// where some is left.
///
/// Of 44 offers of an A100 80GB SXM4 at gcp `policy.providers = ["lambda"]` leaves out 43; without it 13
/// would be left, as the others are behind another barrier too.
fn forbidden(question: &Question<'_>, found: &Found) -> Option<String> {
    let catalog = question.context.catalog;
    let serving = found
        .candidates
        .iter()
        .filter(|it| catalog.gpu(&it.gpu).is_some_and(|gpu| may_serve(question, it, gpu)));
    let mut gpus: BTreeSet<&str> = serving.map(|it| it.gpu.as_str()).collect();
    if matches!(question.load, Load::Level(_)) {
        gpus.extend(question.described.workload.deployment.gpu.as_deref());
    }
    let offers: Vec<&Offer> = gpus.iter().flat_map(|it| catalog.offers_for(it)).collect();
    let behind = |it: &Offer| -> Vec<Barrier> {
        Barrier::ALL.into_iter().filter(|barrier| barrier.holds(question, it)).collect()
    };
    let barriers: Vec<Vec<Barrier>> = offers.iter().map(|it| behind(it)).collect();
    let of = match gpus.iter().next() {
        None => return None,
        Some(gpu) if gpus.len() == 1 => format!("of {gpu}"),
        Some(_) => format!("of the {} GPUs that fit", gpus.len()),
    };
    if barriers.is_empty() {
        return Some(format!(
            "the catalog has no offer {of}: give a [[quote]] in gpuadvise.toml, or offers/PROVIDER.toml in a \
             --pricing folder"
        ));
    }
    if barriers.iter().any(Vec::is_empty) {
        return None;
    }
    let held = |it: Barrier| barriers.iter().filter(|all| all.contains(&it)).count();
    let mut told: Vec<(usize, Barrier)> =
        Barrier::ALL.into_iter().map(|it| (held(it), it)).filter(|it| it.0 > 0).collect();
    told.sort_by_key(|it| std::cmp::Reverse(it.0));
    told.truncate(MOST_BARRIERS);
    let told: Vec<String> = told
        .into_iter()
        .map(|(n, it)| format!("{} leaves out {n}", in_words(question, it)))
        .collect();
    let alone = |it: Barrier| barriers.iter().filter(|all| all.as_slice() == [it]).count();
    let most = Barrier::ALL.into_iter().map(|it| (alone(it), it)).rev().max_by_key(|it| it.0);
    let next = match most {
        Some((n, it)) if n > 0 => format!("without {} {n} would be left", in_words(question, it)),
        _ => "each is left out by more than one of them".to_owned(),
    };
    Some(format!(
        "of the catalog's {} offers {of} none may be advised: {}; {next}: change that in gpuadvise.toml",
        offers.len(),
        told.join(", ")
    ))
}

/// A barrier by the key of the config that sets it.
fn in_words(question: &Question<'_>, barrier: Barrier) -> String {
    let policy = question.context.policy;
    let deployment = &question.described.workload.deployment;
    let list =
        |all: &[String]| all.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(", ");
    match barrier {
        Barrier::Providers => format!("policy.providers = [{}]", list(&policy.providers)),
        Barrier::Regions => format!("policy.regions = [{}]", list(&policy.regions)),
        Barrier::Expired => "valid_until of a [[quote]]".to_owned(),
        Barrier::Community => "policy.community = false".to_owned(),
        Barrier::TodaysRegion => {
            let region = deployment.region.as_deref().unwrap_or_default();
            format!("policy.switch_region = false with today's region {region}")
        }
        Barrier::Term => {
            format!("policy.max_term_months = {}", offers::max_term(&question.context))
        }
        Barrier::Provider => "policy.switch_provider = false".to_owned(),
    }
}

/// The least times of a replica with one request running: seconds to the first token of the mean prompt,
/// and per further token.
fn alone(replica: &Replica) -> (f64, f64) {
    let prefill_s = replica.profile.mean_prompt() / replica.prefill_tokens_per_s(1);
    (prefill_s, replica.tpot_s(1))
}

/// What today's replica misses where it takes longer per token than the limit even with one request
/// running.
pub(super) fn too_slow_today(question: &Question<'_>, found: &Found) -> Option<String> {
    let today = found.today_candidate.as_ref();
    let mut candidates = found.candidates.iter().filter(|it| Some(&it.id) == today);
    let (_, least) = alone(candidates.find_map(|it| it.replica.as_ref())?);
    let limit = question.slo.tpot_p95_s.filter(|it| least > *it)?;
    Some(format!(
        "today's fleet misses its limits: a token takes {} with one request running, {} is the limit",
        seconds(least),
        seconds(limit)
    ))
}

/// Which limit the fastest candidate does not keep, and what to change.
fn limits(question: &Question<'_>, load: &RequestLoad<'_>, here: &[&Candidate]) -> String {
    let slo = &question.slo;
    let kept = slo.attainment.percent();
    let sized = here.iter().filter_map(|it| Some((*it, alone(it.replica.as_ref()?))));
    let fastest = |pick: fn(&(f64, f64)) -> f64| {
        sized.clone().min_by(|a, b| pick(&a.1).total_cmp(&pick(&b.1))).map(|it| (it.0, pick(&it.1)))
    };
    let name = |it: &Candidate| format!("{} x {} in {}", it.gpu_count, it.gpu, it.precision);
    let (ttft, tpot) = (fastest(|it| it.0), fastest(|it| it.1));
    let mut missed = Vec::new();
    if let (Some((it, least)), Some(limit)) = (tpot, slo.tpot_p95_s)
        && least > limit
    {
        missed.push(format!(
            "{} per token cannot be kept: the fastest of {} candidates, {}, takes {} with one request running; \
             raise slo.tpot_p95",
            seconds(limit), here.len(), name(it), seconds(least)
        ));
    }
    if let (Some((it, least)), Some(limit)) = (ttft, slo.ttft_p95_s)
        && least > limit
    {
        missed.push(format!(
            "{} to the first token cannot be kept: the fastest of {} candidates, {}, takes {} for the mean prompt \
             alone; raise slo.ttft_p95",
            seconds(limit), here.len(), name(it), seconds(least)
        ));
    }
    if !missed.is_empty() {
        return format!(
            "{NO_PLAN}{} of the workload in gpuadvise.toml, or serve a smaller model",
            missed.join(", and ")
        );
    }
    let alone = match (ttft, tpot) {
        (Some((_, ttft)), Some((it, tpot))) => format!(
            "one request alone takes {} to its first token and {} per token on {}, but ",
            seconds(ttft),
            seconds(tpot),
            name(it)
        ),
        _ => String::new(),
    };
    format!(
        "{NO_PLAN}{alone}no fleet of {} candidates keeps them for {kept:.0} % of the requests, {:.2} \
         a second in the busiest hour; raise slo.ttft_p95 or slo.tpot_p95 of the workload in gpuadvise.toml, or \
         lower slo.attainment",
        here.len(),
        load.busiest_rps
    )
}

/// `4.2 ms`, `38 s`.
fn seconds(value: f64) -> String {
    let (value, unit) = if value < 1.0 { (value * 1e3, "ms") } else { (value, "s") };
    let text = format!("{value:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}
