//! Plans for workloads with requests: each replayed request by request.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::DurationCurve;
use super::baseline::Baseline;
use super::bounds::{Best, Bounds, Kind, Work, one_instance};
use super::candidates::{self, Entry};
use super::choose::Found;
use super::demand::{Question, RequestLoad};
use super::levels::Wanted;
use super::offers::{family, may_advise};
use super::plan::{Plan, Way};
use super::slice::{self, Slice};
use super::spot_plans;
use super::stage::{Fixed, Stage};
use super::term;
use crate::catalog::{Offer, Purchase};
use crate::classify::replicas;
use crate::simulate::{Billing, FleetSpec, Outcome, steps_by_hour};
use crate::workload::PricingCategory;

/// Candidates of a workload that are simulated side by side.
const ROUND: usize = 4;

/// Sizes the candidates and simulates the plans of the chosen ones.
pub(super) fn search(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    baseline: &Baseline,
) -> Found {
    let selection = candidates::select(question, load, baseline);
    let mut found = Found {
        n_sized: selection.n_sized,
        n_pruned: selection.n_elsewhere,
        candidates: Vec::new(),
        ..Found::default()
    };
    // Side by side in rounds: each is measured against the best of the rounds before, so that what
    // is left out does not depend on the number of threads.
    let entries = selection.chosen.iter().chain(&selection.left);
    let (wanted, n_ranked) = Wanted::of(question, load, entries);
    found.n_ranked = n_ranked;
    let mut best = Best::default();
    for round in selection.chosen.chunks(ROUND) {
        if question.context.is_stopped() {
            found.n_out_of_time += round.len() as u64;
            continue;
        }
        let simulated: Vec<_> = round
            .par_iter()
            .map(|entry| {
                let today = entry.is_today.then(|| today(question, load, entry));
                (plans_of(question, load, (entry, &wanted), best.clone()), today)
            })
            .collect();
        for (entry, (of_entry, today)) in round.iter().zip(simulated) {
            if let Some(outcome) = today {
                found.today_candidate = Some(entry.candidate.id.clone());
                found.today_outcome = outcome;
            }
            // That of today's GPU comes first where there is one, else the most promising one's.
            let id = Some(&entry.candidate.id);
            found.curves.extend(of_entry.curves.into_iter().map(|it| (id.cloned(), it)));
            best.learn(question, &of_entry.plans);
            found.candidates.push(entry.candidate.clone());
            found.plans.extend(of_entry.plans);
            found.slices.extend(of_entry.slices);
        }
    }
    better_of_the_rest(question, load, (selection.left, best, &wanted), &mut found);
    found.candidates.extend(selection.all);
    found
}

/// Simulates what was not chosen and may be advised, where its lower bound is below the best plan of
/// all: nothing that could win is skipped.
fn better_of_the_rest(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    (left, mut best, wanted): (Vec<Entry>, Best, &Wanted),
    found: &mut Found,
) {
    let mut rest = Vec::new();
    for round in left.chunks(ROUND) {
        let may_win: Vec<bool> = round
            .par_iter()
            .map(|entry| may_be_best(question, load, (entry, &best, wanted)))
            .collect();
        if may_win.contains(&true) && question.context.is_stopped() {
            found.n_out_of_time += may_win.iter().filter(|it| **it).count() as u64;
            continue;
        }
        let below = best.only_below_all();
        let simulated: Vec<_> = round
            .par_iter()
            .zip(&may_win)
            .map(|(entry, may)| {
                may.then(|| plans_of(question, load, (entry, wanted), below.clone()))
            })
            .collect();
        for (entry, of_entry) in round.iter().zip(simulated) {
            let candidate = entry.candidate.clone();
            let Some(of_entry) = of_entry else {
                found.n_pruned += 1;
                let why = if wanted.has_any(entry) {
                    rest.push(entry);
                    "not simulated: no plan of it can cost less than the best"
                } else {
                    "not simulated: by its hourly levels others cost less"
                };
                found.candidates.push(candidate.left(why));
                continue;
            };
            best.learn(question, &of_entry.plans);
            found.candidates.push(candidate);
            found.plans.extend(of_entry.plans);
            found.slices.extend(of_entry.slices);
        }
    }
    if !question.context.is_stopped() {
        found.slices.extend(slice::with_fewer_gpus(question, load, &rest, &found.slices));
    }
}

/// Whether a plan of a candidate could cost less than all so far.
fn may_be_best(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    (entry, best, wanted): (&Entry, &Best, &Wanted),
) -> bool {
    if !wanted.has_any(entry) {
        return false;
    }
    let below = best.only_below_all();
    let work = Work::of(question, load, entry);
    instance_sizes(entry).into_iter().any(|hosted| {
        let stage = Stage { question, load, entry, hosted, load_factor: entry.load_factor };
        let bounds = Bounds::of(&stage, work);
        offers_here(&stage).any(|offer| bounds.may_win(&below, question, offer))
    })
}

/// Today's fleet on today's demand, for the latencies it has now.
pub(super) fn today(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    entry: &Entry,
) -> Option<Outcome> {
    let deployment = &question.described.workload.deployment;
    // Serverless workers come and go: their latency is not that of a fixed fleet.
    if deployment.pricing_category == PricingCategory::Serverless {
        return None;
    }
    let n = replicas(deployment)?;
    let stage = Stage { question, load, entry, hosted: 1, load_factor: 1.0 };
    let (service, _) = stage.service(n)?;
    let offer = entry.buyable.payg.first()?;
    let fleet = FleetSpec::fixed(n, stage.slots());
    stage.replay(&service, &fleet, &Billing::by_the_microsecond(offer.rate))
}

/// What was found of one candidate.
#[derive(Default)]
struct OfEntry {
    plans: Vec<Plan>,
    curves: Vec<DurationCurve>,
    slices: Vec<Slice>,
}

/// Plans of one candidate, its smallest instances first. A plan is simulated only if its lower bound
/// is below the best plan of its kind so far, so what cannot win its own column of the report is
/// left out, and nothing else.
fn plans_of(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    (entry, wanted): (&Entry, &Wanted),
    mut best: Best,
) -> OfEntry {
    let mut of_entry = OfEntry::default();
    if !wanted.has_any(entry) {
        return of_entry;
    }
    let mut on_its_own = None;
    let work = Work::of(question, load, entry);
    for hosted in instance_sizes(entry) {
        let load_factor = entry.load_factor;
        let stage = Stage { question, load, entry, hosted, load_factor };
        let bounds = Bounds::of(&stage, work);
        if !offers_here(&stage).any(|offer| bounds.may_win(&best, question, offer)) {
            continue;
        }
        let Some(fixed) = stage.least_fixed() else { continue };
        let (mut found, on_demand) = rented_plans((&stage, &fixed), (&bounds, &best), wanted);
        for (spot, on_demand) in entry.buyable.spot.iter().filter(|(it, _)| stage.hosts(it)) {
            let limit = best.of(question, Kind::Spot, spot);
            if wanted.has(entry, Kind::Spot, spot) && bounds.fixed(spot) < limit {
                found.extend(spot_plans::for_requests(&stage, (spot, on_demand), &fixed, limit));
            }
        }
        found.extend(reserved_plans(
            (&stage, wanted),
            &fixed,
            on_demand.as_ref().map(|it| &it.0),
            &best,
        ));
        for workers in entry.buyable.serverless.iter().filter(|(it, _)| stage.hosts(it)) {
            let (flex, always_on) = workers;
            let limit = best.of(question, Kind::Serverless, flex);
            let bound = always_on.as_ref().map_or(f64::INFINITY, |it| bounds.serverless(it));
            let bound = bounds.serverless(flex).min(bound);
            if wanted.has(entry, Kind::Serverless, flex) && bound < limit {
                found.extend(stage.serverless(workers, &fixed, (bound, limit)));
            }
        }
        // Of what may be advised, so that the page speaks of instances the reader can buy.
        let ours = on_demand.as_ref().filter(|it| it.1);
        of_entry.curves.extend(ours.and_then(|it| duration_curve(&stage, &it.0)));
        best.learn(question, &found);
        of_entry.plans.extend(found);
        on_its_own = on_its_own.or((hosted == 1).then_some(fixed));
    }
    of_entry.slices = slice::slices(question, load, entry, on_its_own);
    of_entry
}

/// Plans on instances by use, and what the run that follows demand found: of an offer that may be
/// advised where there is one, else of the first.
fn rented_plans(
    (stage, fixed): (&Stage<'_>, &Fixed),
    (bounds, best): (&Bounds, &Best),
    wanted: &Wanted,
) -> (Vec<Plan>, Option<(Outcome, bool)>) {
    let (question, entry) = (stage.question, stage.entry);
    let mut found = Vec::new();
    let mut on_demand = None;
    let mut minimums: BTreeMap<Option<u32>, u32> = BTreeMap::new();
    for offer in entry.buyable.payg.iter().filter(|it| stage.hosts(it)) {
        found.extend(stage.fixed_plan(offer, Way::PaygFixed, fixed));
        // A commitment is weighed against the fleet that follows demand, so that must be known.
        let mut reserved = entry.buyable.reserved.iter().map(|it| &it.0);
        let weighed = reserved.any(|it| {
            stage.hosts(it) && wanted.has_reserved(entry, it) && bounds.may_win(best, question, it)
        });
        let follows = wanted.has(entry, Kind::Autoscaled, offer)
            && bounds.autoscaled(offer) < best.of(question, Kind::Autoscaled, offer);
        if weighed || follows {
            let granularity = offer.billing_granularity_s;
            let known = minimums.get(&granularity).copied();
            let (plan, outcome) = stage.autoscaled(offer, fixed, known);
            minimums.extend(plan.as_ref().map(|it| (granularity, it.scaling.min)));
            found.extend(plan);
            // The run of an offer that may be advised speaks for the commitment and the curve.
            let ours = may_advise(question, offer);
            if let Some(outcome) = outcome
                && (on_demand.is_none() || ours)
            {
                on_demand = Some((outcome, ours));
            }
        }
        let limit = best.of(question, Kind::Scheduled, offer);
        if wanted.has(entry, Kind::Scheduled, offer) && bounds.scheduled(offer) < limit {
            found.extend(stage.scheduled(offer, fixed, limit));
        }
    }
    (found, on_demand)
}

/// How many replicas the instances on offer host, fewest first.
pub(super) fn instance_sizes(entry: &Entry) -> Vec<u32> {
    let offers = candidates::all_offers(&entry.buyable);
    let mut sizes: Vec<u32> = offers.map(|it| it.gpu_count / entry.candidate.gpu_count).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn offers_here<'a>(stage: &'a Stage<'a>) -> impl Iterator<Item = &'a Offer> {
    candidates::all_offers(&stage.entry.buyable).filter(|it| stage.hosts(it))
}

fn reserved_plans(
    (stage, wanted): (&Stage<'_>, &Wanted),
    fixed: &Fixed,
    on_demand: Option<&Outcome>,
    best: &Best,
) -> Vec<Plan> {
    let question = stage.question;
    if !term::may_commit(question) {
        return Vec::new();
    }
    let mut plans = Vec::new();
    for (reserved, overflow) in
        stage.entry.buyable.reserved.iter().filter(|(it, _)| stage.hosts(it))
    {
        let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) =
            reserved.purchase
        else {
            continue;
        };
        let may_win = |kind| {
            wanted.has(stage.entry, kind, reserved)
                && one_instance(reserved) < best.of(question, kind, reserved)
        };
        if may_win(Kind::Reserved(months)) {
            plans.extend(stage.reserved(reserved, overflow, on_demand, fixed));
        }
        if may_win(Kind::ReservedServerless(months)) {
            plans.extend(with_serverless(stage, reserved, on_demand, fixed));
        }
    }
    plans
}

/// The same commitment with the serverless workers of its provider, or of any where providers may be
/// mixed.
fn with_serverless(
    stage: &Stage<'_>,
    reserved: &Offer,
    on_demand: Option<&Outcome>,
    fixed: &Fixed,
) -> Vec<Plan> {
    let mixes = stage.question.context.policy.switch_provider;
    let same = |it: &&Offer| mixes || family(&it.provider) == family(&reserved.provider);
    let serverless = stage.entry.buyable.serverless.iter().map(|(flex, _)| flex);
    let mut workers = serverless.filter(|it| stage.hosts(it));
    match (workers.find(same), on_demand) {
        (Some(serverless), Some(outcome)) => {
            stage.reserved_with_serverless((reserved, serverless), outcome, fixed)
        }
        _ => Vec::new(),
    }
}

/// Demand of the autoscaled run in instances, with the break-even of the cheapest reserved offer that
/// may be advised.
fn duration_curve(stage: &Stage<'_>, outcome: &Outcome) -> Option<DurationCurve> {
    let steps = steps_by_hour(&outcome.on_us_by_hour, stage.load.trace.window_us());
    let mut hours: Vec<f64> = steps
        .iter()
        .filter(|step| step.len_us > 0)
        .map(|step| step.on_us as f64 / step.len_us as f64)
        .collect();
    hours.sort_by(|a, b| b.total_cmp(a));
    let gpus = stage.hosted * stage.entry.candidate.gpu_count;
    let mut pairs = stage.entry.buyable.reserved.iter();
    let pair = pairs.find(|(it, _)| stage.hosts(it) && may_advise(stage.question, it));
    (!hours.is_empty()).then(|| DurationCurve {
        hours_sorted: hours,
        unit: unit_of(gpus, &stage.entry.candidate.gpu),
        break_even_share: pair
            .map(|(reserved, overflow)| reserved.rate.to_f64() / overflow.rate.to_f64()),
        break_even_label: pair.map(|(reserved, overflow)| break_even_label(reserved, overflow)),
        reserved_units: None,
    })
}

/// What one instance is, in words.
pub(super) fn unit_of(gpus: u32, gpu: &str) -> String {
    if gpus == 1 { gpu.to_owned() } else { format!("{gpus}-GPU {gpu}") }
}

/// The two rates behind a break-even, in words.
pub(super) fn break_even_label(reserved: &Offer, overflow: &Offer) -> String {
    format!(
        "{} {} at {} against {} an hour",
        reserved.provider,
        reserved.purchase,
        reserved.rate.to_decimal_string(),
        overflow.rate.to_decimal_string()
    )
}
