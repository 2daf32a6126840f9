//! Plans for workloads with requests: each replayed request by request.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::DurationCurve;
use super::baseline::Baseline;
use super::bounds::{Best, Bounds, Work};
use super::candidates::{self, Entry};
use super::choose::Found;
use super::contest::{Contest, contest};
use super::demand::{Question, RequestLoad};
use super::levels::Wanted;
use super::offers::may_advise;
use super::rehearsal::Hints;
use super::slice::{self, Slice};
use super::stage::{Fixed, Stage};
use crate::catalog::Offer;
use crate::classify::replicas;
use crate::simulate::{Billing, FleetSpec, Outcome, steps_by_hour};
use crate::workload::PricingCategory;

/// Why a candidate was not replayed on all requests, where there are many.
const OTHERS_COST_LESS: &str =
    "not simulated in whole: by its hourly levels and on some of its days others cost less";

/// Sizes the candidates and simulates the plans of the chosen ones, then of the others what could be
/// the best of all.
pub(super) fn search<'a>(
    question: &'a Question<'a>,
    load: &'a RequestLoad<'a>,
    baseline: &Baseline,
) -> Found {
    let selection = candidates::select(question, load, baseline);
    let mut found = Found {
        n_sized: selection.n_sized,
        n_pruned: selection.n_elsewhere,
        candidates: Vec::new(),
        ..Found::default()
    };
    let entries = selection.chosen.iter().chain(&selection.left);
    let (wanted, n_ranked) = Wanted::of(question, load, entries);
    found.n_ranked = n_ranked;
    if let Some(entry) = selection.chosen.iter().find(|it| it.is_today)
        && !question.context.is_stopped()
    {
        found.today_candidate = Some(entry.candidate.id.clone());
        found.today_outcome = today(question, load, entry);
    }
    let chosen: Vec<&Entry> = selection.chosen.iter().collect();
    let first = contest(question, load, &chosen, (&wanted, Best::default()));
    let best = first.best.clone();
    for entry in &chosen {
        let candidate = entry.candidate.clone();
        let is_in = wanted.has_any(entry) || entry.is_today;
        found.n_pruned += u64::from(!is_in);
        found.candidates.push(if is_in { candidate } else { candidate.left(OTHERS_COST_LESS) });
    }
    take(question, load, (&chosen, first, &wanted.hints), &mut found);
    better_of_the_rest(question, load, (&selection.left, &best, &wanted), &mut found);
    found.candidates.extend(selection.all);
    found
}

/// Simulates what was not chosen and may be advised, where its lower bound is below the best plan of
/// all: nothing that could win is skipped.
fn better_of_the_rest<'a>(
    question: &'a Question<'a>,
    load: &'a RequestLoad<'a>,
    (left, best, wanted): (&'a [Entry], &Best, &Wanted),
    found: &mut Found,
) {
    let below = best.only_below_all();
    let may_win: Vec<bool> =
        left.par_iter().map(|it| may_be_best(question, load, (it, &below, wanted))).collect();
    let of = |wins: bool| left.iter().zip(&may_win).filter(move |it| *it.1 == wins).map(|it| it.0);
    let (in_it, out): (Vec<&Entry>, Vec<&Entry>) = (of(true).collect(), of(false).collect());
    for (entry, may_win) in left.iter().zip(&may_win) {
        let candidate = entry.candidate.clone();
        found.candidates.push(match (may_win, wanted.has_any(entry)) {
            (true, _) => candidate,
            (false, true) => {
                candidate.left("not simulated: no plan of it can cost less than the best")
            }
            (false, false) => candidate.left(OTHERS_COST_LESS),
        });
    }
    found.n_pruned += out.len() as u64;
    let rest = contest(question, load, &in_it, (wanted, below));
    take(question, load, (&in_it, rest, &wanted.hints), found);
    if !question.context.is_stopped() {
        let rest: Vec<&Entry> = out.into_iter().filter(|it| wanted.has_any(it)).collect();
        found.slices.extend(slice::with_fewer_gpus(question, load, &rest, &found.slices));
    }
}

/// Adds what a contest found, in the order of its candidates.
fn take(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    (entries, contest, hints): (&[&Entry], Contest<'_>, &Hints),
    found: &mut Found,
) {
    found.n_out_of_time += contest.out_of_time.len() as u64;
    let mut alone: BTreeMap<usize, Fixed> = BTreeMap::new();
    for site in contest.sites {
        // That of today's GPU comes first where there is one, else the most promising one's. Of what may
        // be advised, so that the page speaks of instances the reader can buy.
        let ours = site.on_demand.as_ref().filter(|it| it.1);
        let curve = ours.and_then(|it| duration_curve(&site.stage, &it.0));
        let id = &entries[site.entry].candidate.id;
        found.curves.extend(curve.map(|it| (Some(id.clone()), it)));
        found.plans.extend(site.plans);
        if site.stage.hosted == 1 {
            alone.insert(site.entry, site.fixed);
        }
    }
    let known: Vec<(&Entry, Option<Fixed>)> = entries
        .iter()
        .enumerate()
        .filter(|it| !contest.out_of_time.contains(&it.0))
        .map(|(at, entry)| (*entry, alone.remove(&at)))
        .collect();
    let slices: Vec<Vec<Slice>> = known
        .into_par_iter()
        .map(|(entry, fixed)| {
            slice::slices(question, load, entry, (fixed, hints.fixed(entry, 1)), None)
        })
        .collect();
    found.slices.extend(slices.into_iter().flatten());
}

/// Whether a plan of a candidate could cost less than all so far.
fn may_be_best(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    (entry, below, wanted): (&Entry, &Best, &Wanted),
) -> bool {
    if !wanted.has_any(entry) {
        return false;
    }
    let may_win = |work| {
        entry.instance_sizes().into_iter().any(|hosted| {
            let stage = Stage { question, load, entry, hosted, load_factor: entry.load_factor };
            let bounds = Bounds::of(&stage, work);
            stage.offers().any(|offer| bounds.may_win(below, question, offer))
        })
    };
    // What cannot win without its work, which takes a look at every request, cannot with it.
    may_win(Work::default()) && may_win(Work::of(question, load, entry))
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
