//! Deployments that could carry the requests: GPU x count x precision, sized, priced by an
//! estimate, the most promising ones chosen for simulation.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::baseline::Baseline;
use super::demand::{Question, RequestLoad, Timing, precision_word};
use super::offers::{self, Buyable};
use super::task::Task;
use super::term;
use crate::catalog::{GpuSpec, ModelArch, Offer, Vendor};
use crate::classify::{Censoring, engine_deployment, gpus_per_replica};
use crate::size::{self, Constants, Fit, Precision, Replica, TokenProfile};
use crate::units::{Currency, HOURS_PER_MONTH, Money};
use crate::workload::Direction;

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its plans were simulated.
    Simulated,
    /// It fits but was not simulated.
    Left,
    /// It does not fit, or is not allowed.
    Refused,
}

/// One deployment.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Stable id, such as `h100-sxm5-x1-fp8`.
    pub id: String,
    /// Catalog GPU.
    pub gpu: String,
    /// GPUs of one replica.
    pub gpu_count: u32,
    /// Stages they are split into.
    pub pipeline_parallel_size: u32,
    /// Precision in words.
    pub precision: String,
    /// The replica, where the model was sized.
    pub replica: Option<Replica>,
    /// Requests one replica serves at once.
    pub slots: Option<u32>,
    /// Planning batch of the fleet the estimate is for.
    pub planning_batch: Option<u32>,
    /// Estimated monthly cost, by which candidates are ranked.
    pub estimate: Option<Money>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was refused or left; nothing when it was simulated.
    pub reason: Option<String>,
}

/// A candidate that may be simulated.
pub(super) struct Entry {
    pub(super) candidate: Candidate,
    pub(super) buyable: Buyable,
    /// Today's GPU in today's precision.
    pub(super) is_today: bool,
    /// Load factor that leaves the headroom a change needs, growth included.
    pub(super) load_factor: f64,
    /// How much longer a request takes here than on today's GPU, at most; for measured times.
    pub(super) slowdown: f64,
    /// Whether any offer of it may be advised.
    is_allowed: bool,
    estimate: f64,
}

impl Candidate {
    /// The candidate when it is not simulated.
    pub(super) fn left(self, why: &str) -> Candidate {
        Candidate { verdict: Verdict::Left, reason: Some(why.to_owned()), ..self }
    }
}

impl Entry {
    /// How many replicas the instances on offer host, fewest first.
    pub(super) fn instance_sizes(&self) -> Vec<u32> {
        let offers = all_offers(&self.buyable);
        let mut sizes: Vec<u32> =
            offers.map(|it| it.gpu_count / self.candidate.gpu_count).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// A candidate of before, to be simulated again as it is.
    pub(super) fn again(
        question: &Question<'_>,
        baseline: &Baseline,
        candidate: &Candidate,
    ) -> Option<Entry> {
        let catalog = question.context.catalog;
        let gpu = catalog.gpu(&candidate.gpu)?;
        let today = question.described.workload.deployment.gpu.as_deref();
        let base = today.and_then(|it| catalog.gpu(it)).filter(|_| candidate.replica.is_none());
        Some(Entry {
            candidate: candidate.clone(),
            buyable: offers::buyable(question, baseline, gpu, candidate.gpu_count),
            is_today: false,
            load_factor: 1.0,
            slowdown: base.map_or(1.0, |it| slowdown(it, gpu)),
            is_allowed: true,
            estimate: 0.0,
        })
    }
}

/// All candidates and the entries to simulate.
pub(super) struct Selection {
    pub(super) all: Vec<Candidate>,
    /// To simulate for the best plan of every kind.
    pub(super) chosen: Vec<Entry>,
    /// To simulate where they could be the best of all.
    pub(super) left: Vec<Entry>,
    pub(super) n_sized: u64,
    /// Left out for good: they may not be advised.
    pub(super) n_elsewhere: u64,
}

/// Sizes every GPU, count and allowed precision, and chooses what to simulate.
pub(super) fn select(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    baseline: &Baseline,
) -> Selection {
    let mut entries: Vec<Entry> = Vec::new();
    let mut all: Vec<Candidate> = Vec::new();
    let n_sized;
    match &load.timing {
        Timing::Measured { slots, .. } => {
            entries = measured(question, baseline, load, *slots);
            n_sized = entries.len() as u64;
        }
        Timing::Model { arch, profile, precision } => {
            let sized = sized(question, baseline, load, (arch, profile, *precision));
            n_sized = sized.len() as u64;
            for (candidate, entry) in sized {
                match entry {
                    Some(entry) => entries.push(entry),
                    None => all.push(candidate),
                }
            }
        }
    }
    entries.sort_by(|a, b| {
        let estimate = a.estimate.partial_cmp(&b.estimate).unwrap_or(Ordering::Equal);
        b.is_today
            .cmp(&a.is_today)
            .then(b.is_allowed.cmp(&a.is_allowed))
            .then(estimate)
            .then_with(|| a.candidate.id.cmp(&b.candidate.id))
    });
    let (chosen, left) = divide(question, entries);
    let (left, elsewhere): (Vec<Entry>, Vec<Entry>) =
        left.into_iter().partition(|it| it.is_allowed);
    let n_elsewhere = elsewhere.len() as u64;
    all.extend(elsewhere.into_iter().map(|it| {
        it.candidate
            .left("not simulated: others that may not be advised have a lower cost estimate")
    }));
    Selection { all, chosen, left, n_sized, n_elsewhere }
}

/// The entries to simulate: today's, then the cheapest by estimate, one precision for each GPU and
/// count (the highest within a percent of its cheapest), some of them beyond the policy, which are
/// shown but never advised.
fn divide(question: &Question<'_>, entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let limit = (question.context.catalog.assumptions.advice.simulated_candidates as usize).max(1);
    if question.context.is_exhaustive() {
        return (entries, Vec::new());
    }
    let n_elsewhere = limit / 4;
    let best = best_per_hardware(&entries);
    let (mut chosen, mut left) = (Vec::new(), Vec::new());
    let mut room = [limit - n_elsewhere, n_elsewhere];
    for (at, entry) in entries.into_iter().enumerate() {
        let kind = usize::from(!entry.is_allowed);
        if entry.is_today || (best.contains(&at) && room[kind] > 0) {
            room[kind] = room[kind].saturating_sub(1);
            chosen.push(entry);
        } else {
            left.push(entry);
        }
    }
    (chosen, left)
}

/// For each GPU and count the entry of highest precision among those that cost the least, or a
/// percent more.
fn best_per_hardware(entries: &[Entry]) -> BTreeSet<usize> {
    let mut by_hardware: BTreeMap<(&str, u32), Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let key = (entry.candidate.gpu.as_str(), entry.candidate.gpu_count);
        by_hardware.entry(key).or_default().push(at);
    }
    let bits = |at: &usize| {
        let precision = entries[*at].candidate.replica.as_ref().map(|it| it.precision);
        precision.map_or(0, |it| {
            Precision::CANDIDATES.len()
                - Precision::CANDIDATES.iter().position(|p| *p == it).unwrap_or(0)
        })
    };
    by_hardware
        .into_values()
        .filter_map(|group| {
            let least = group.iter().map(|at| entries[*at].estimate).fold(f64::INFINITY, f64::min);
            let near = group.into_iter().filter(|at| entries[*at].estimate <= least * 1.01);
            // The first of equals, which is the cheaper one.
            near.max_by_key(|at| (bits(at), std::cmp::Reverse(*at)))
        })
        .collect()
}

/// Today's deployment, and every GPU that holds as much: without a model nobody can say how fast it
/// is there, but work is at most slower by the larger of the two ratios of bandwidth and compute.
fn measured(
    question: &Question<'_>,
    baseline: &Baseline,
    load: &RequestLoad<'_>,
    slots: u32,
) -> Vec<Entry> {
    let Some(today) = as_today(question, baseline, slots) else { return Vec::new() };
    let catalog = question.context.catalog;
    let Some(base) = catalog.gpu(&today.candidate.gpu) else { return vec![today] };
    let mut entries = Vec::new();
    for gpu in &catalog.gpus {
        let usable = gpu.vendor == Vendor::Nvidia
            && gpu.name != base.name
            && gpu.cuda_total >= base.cuda_total
            && gpu.native_bf16 >= base.native_bf16
            && (gpu.datacenter_license || question.context.policy.geforce);
        if !usable {
            continue;
        }
        let slowdown = slowdown(base, gpu);
        let buyable = offers::buyable(question, baseline, gpu, today.candidate.gpu_count);
        let is_allowed = all_offers(&buyable).any(|it| offers::may_advise(question, it));
        let counts = |it: &Offer| !is_allowed || offers::may_advise(question, it);
        let Timing::Measured { service_us, .. } = &load.timing else { continue };
        let busy_s =
            load.trace.len() as f64 * *service_us as f64 / 1e6 * slowdown / f64::from(slots);
        let rate = all_offers(&buyable)
            .filter(|it| counts(it))
            .map(|it| it.rate.to_f64())
            .fold(f64::INFINITY, f64::min);
        if !rate.is_finite() {
            continue;
        }
        let window_s = (load.trace.window_us() as f64 / 1e6).max(1.0);
        let estimate = (busy_s / window_s).max(load.active_share) * rate * HOURS_PER_MONTH as f64;
        let candidate = Candidate {
            id: slug(&gpu.name, today.candidate.gpu_count, &today.candidate.precision),
            gpu: gpu.name.clone(),
            estimate: Money::from_float(estimate, Currency::USD).ok(),
            ..today.candidate.clone()
        };
        let load_factor = today.load_factor;
        entries.push(Entry {
            candidate,
            buyable,
            is_today: false,
            load_factor,
            slowdown,
            is_allowed,
            estimate,
        });
    }
    entries.push(today);
    entries
}

/// How much longer a request takes on `gpu` than on `base`, at most.
fn slowdown(base: &GpuSpec, gpu: &GpuSpec) -> f64 {
    (base.memory_bandwidth_gb_s / gpu.memory_bandwidth_gb_s)
        .max(base.bf16_tflops / gpu.bf16_tflops)
        .max(1.0)
}

/// What every plan but today's must carry over today's load: the headroom of a change, a month's
/// growth where it is declared, else where demand is growing, and the attempts that today's capacity
/// turned away.
fn load_factor(question: &Question<'_>) -> f64 {
    let headroom = question.context.catalog.assumptions.capacity.downgrade_headroom;
    let described = question.described;
    let growing = described.class.direction == Some(Direction::Growing);
    let trend = described.trend.filter(|_| growing).map_or(0.0, |it| it.value);
    let refused = match described.censored {
        Censoring::Censored { offered_over_served } => offered_over_served.unwrap_or(1.0),
        _ => 1.0,
    };
    let growth = term::growth_ahead(question).unwrap_or(trend);
    (1.0 + growth.clamp(0.0, 2.0)) * refused.clamp(1.0, 3.0) / (1.0 - headroom.clamp(0.0, 0.9))
}

/// The deployment as it is, for requests whose time was measured on it.
fn as_today(question: &Question<'_>, baseline: &Baseline, slots: u32) -> Option<Entry> {
    let deployment = &question.described.workload.deployment;
    let gpu = question.context.catalog.gpu(deployment.gpu.as_deref()?)?;
    let gpu_count = gpus_per_replica(deployment);
    let precision = precision_word(deployment);
    let buyable = offers::buyable(question, baseline, gpu, gpu_count);
    let candidate = Candidate {
        id: slug(&gpu.name, gpu_count, &precision),
        gpu: gpu.name.clone(),
        gpu_count,
        pipeline_parallel_size: 1,
        precision,
        replica: None,
        slots: Some(slots),
        planning_batch: None,
        estimate: None,
        verdict: Verdict::Simulated,
        reason: None,
    };
    Some(Entry {
        candidate,
        buyable,
        is_today: true,
        is_allowed: true,
        load_factor: load_factor(question),
        slowdown: 1.0,
        estimate: 0.0,
    })
}

/// Every GPU, count and precision: an entry where it fits and can be bought.
fn sized(
    question: &Question<'_>,
    baseline: &Baseline,
    load: &RequestLoad<'_>,
    (arch, profile, today): (&ModelArch, &TokenProfile, Precision),
) -> Vec<(Candidate, Option<Entry>)> {
    let catalog = question.context.catalog;
    let constants = Constants::from(&catalog.assumptions);
    let precisions = precisions(question, today);
    let base = engine_deployment(question.described.workload, today);
    let rows = size::table(arch, &catalog.gpus, &base, &precisions, profile, constants);
    rows.into_iter()
        .filter_map(|row| {
            let gpu = catalog.gpu(&row.gpu)?;
            let mut candidate = Candidate {
                id: slug(&row.gpu, row.deployment.gpu_count(), row.deployment.precision.as_str()),
                gpu: row.gpu.clone(),
                gpu_count: row.deployment.gpu_count(),
                pipeline_parallel_size: row.deployment.pipeline_parallel_size,
                precision: row.deployment.precision.as_str().to_owned(),
                replica: None,
                slots: None,
                planning_batch: None,
                estimate: None,
                verdict: Verdict::Refused,
                reason: None,
            };
            let Fit::Fits(replica) = row.fit else {
                candidate.reason = Some(row.fit.to_string());
                return Some((candidate, None));
            };
            let limit = question.described.workload.settings.max_num_seqs;
            candidate.slots = Some(replica.slots(limit.unwrap_or(replica.max_num_seqs())));
            candidate.replica = Some(*replica);
            if let Some(why) = refusal(question, gpu, arch) {
                candidate.reason = Some(why);
                return Some((candidate, None));
            }
            let entry = entry(
                question,
                baseline,
                load,
                (&mut candidate, gpu, row.deployment.precision == today),
            );
            Some((candidate, entry))
        })
        .collect()
}

/// Why a GPU that holds the model is not considered.
pub(super) fn refusal(question: &Question<'_>, gpu: &GpuSpec, arch: &ModelArch) -> Option<String> {
    let is_today = question.described.workload.deployment.gpu.as_deref() == Some(gpu.name.as_str());
    if !gpu.datacenter_license && !question.context.policy.geforce {
        let why = "its driver licence excludes data centres; allow it with policy.geforce";
        return Some(why.to_owned());
    }
    if !gpu.native_bf16 && arch.native_dtype == "bfloat16" && !is_today {
        return Some(format!("the weights are bf16, which {} does not have", gpu.name));
    }
    let why = "speeds are not calibrated for this vendor: listed, not simulated";
    (gpu.vendor != Vendor::Nvidia).then(|| why.to_owned())
}

fn entry(
    question: &Question<'_>,
    baseline: &Baseline,
    load: &RequestLoad<'_>,
    (candidate, gpu, same_precision): (&mut Candidate, &GpuSpec, bool),
) -> Option<Entry> {
    let deployment = &question.described.workload.deployment;
    let same_gpu = deployment.gpu.as_deref() == Some(gpu.name.as_str());
    let same_count = gpus_per_replica(deployment) == candidate.gpu_count;
    let is_today = same_gpu && same_precision && same_count;
    let buyable = offers::buyable(question, baseline, gpu, candidate.gpu_count);
    if buyable.payg.is_empty() && buyable.serverless.is_empty() {
        candidate.reason = Some("no offer in the catalog that the policy allows".to_owned());
        return None;
    }
    let load_factor = load_factor(question);
    let is_allowed = all_offers(&buyable).any(|it| offers::may_advise(question, it));
    let counts = |it: &Offer| !is_allowed || offers::may_advise(question, it);
    let Some((estimate, batch)) = estimate(load, candidate, &buyable, (load_factor, &counts))
    else {
        candidate.reason = Some("saturated: no fleet of it carries the busiest hour".to_owned());
        return None;
    };
    candidate.planning_batch = Some(batch);
    candidate.estimate = Money::from_float(estimate, Currency::USD).ok();
    candidate.verdict = Verdict::Simulated;
    let slowdown = 1.0;
    Some(Entry {
        candidate: candidate.clone(),
        buyable,
        is_today,
        load_factor,
        slowdown,
        is_allowed,
        estimate,
    })
}

pub(super) fn all_offers(buyable: &Buyable) -> impl Iterator<Item = &Offer> {
    let reserved = buyable.reserved.iter().map(|(offer, _)| offer);
    let serverless = buyable.serverless.iter().map(|(flex, _)| flex);
    let spot = buyable.spot.iter().map(|(offer, _)| offer);
    buyable.payg.iter().chain(serverless).chain(always_on(buyable)).chain(reserved).chain(spot)
}

fn always_on(buyable: &Buyable) -> impl Iterator<Item = &Offer> {
    buyable.serverless.iter().filter_map(|(_, always_on)| always_on.as_ref())
}

/// A cost that ranks candidates before anything is simulated: the cheaper of a fixed fleet, rented or
/// of workers always on, for the busiest hour and of paying only for the time that full batches need;
/// and the planning batch.
fn estimate(
    load: &RequestLoad<'_>,
    candidate: &Candidate,
    buyable: &Buyable,
    (load_factor, counts): (f64, &dyn Fn(&Offer) -> bool),
) -> Option<(f64, u32)> {
    let (replica, slots) = (candidate.replica.as_ref()?, candidate.slots?);
    let busiest = load.busiest_rps * load_factor;
    let best = replica.requests_per_s(slots).max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let mut n = ((busiest / best).ceil() as u32).max(1);
    let batch = loop {
        match replica.planning_batch(busiest, n, slots) {
            Some(batch) => break batch,
            None if n >= 4096 => return None,
            None => n += n.div_ceil(8),
        }
    };
    let reserved = buyable.reserved.iter().map(|(offer, _)| offer);
    let all_the_time = buyable.payg.iter().chain(reserved).chain(always_on(buyable));
    let fixed = all_the_time.filter(|it| counts(it)).map(|offer| {
        let hosted = (offer.gpu_count / candidate.gpu_count).max(1);
        f64::from(n.div_ceil(hosted)) * offer.rate.to_f64()
    });
    let mean_rps = load.trace.len() as f64 / (load.trace.window_us() as f64 / 1e6).max(1.0);
    // An instance is on at least in the minutes with a request, however fast it is.
    let busy = (mean_rps * load_factor / best).max(load.active_share);
    let by_use = buyable.serverless.iter().map(|(flex, _)| flex).chain(&buyable.payg);
    let elastic = by_use.filter(|it| counts(it)).map(|offer| {
        let hosted = (offer.gpu_count / candidate.gpu_count).max(1);
        (busy / f64::from(hosted)).max(load.active_share) * offer.rate.to_f64()
    });
    let least = fixed.chain(elastic).fold(f64::INFINITY, f64::min);
    Some((least * HOURS_PER_MONTH as f64, batch))
}

/// Today's precision and those below it that the task allows, 4 bits only for a known task that loses
/// little, and that the quality floor of the user allows.
fn precisions(question: &Question<'_>, today: Precision) -> Vec<Precision> {
    let settings = &question.described.workload.settings;
    let task = Task::of(settings.task.as_deref());
    let least_bits = settings.quality_floor_bits.map_or(0.0, f64::from);
    let narrower = Precision::CANDIDATES
        .into_iter()
        .filter(|it| *it != today && it.rule_of_thumb_bytes() <= today.rule_of_thumb_bytes())
        .filter(|it| task.allows(*it) && it.rule_of_thumb_bytes() * 8.0 >= least_bits);
    std::iter::once(today).chain(narrower).collect()
}

fn slug(gpu: &str, count: u32, precision: &str) -> String {
    let clean: String = format!("{gpu}-x{count}-{precision}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    clean
}
