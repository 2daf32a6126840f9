//! Deployments that could carry the requests: GPU x count x precision, sized, priced by an
//! estimate, the most promising ones chosen for simulation.

use std::cmp::Ordering;

use super::baseline::Baseline;
use super::demand::{Question, RequestLoad, Timing};
use super::offers::{self, Buyable};
use crate::catalog::{GpuSpec, ModelArch};
use crate::size::{self, Constants, Fit, Precision, Replica, TokenProfile};
use crate::units::{Currency, Money};

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
    /// Load factor that leaves the headroom a downgrade needs.
    pub(super) load_factor: f64,
    estimate: f64,
}

/// All candidates and the entries to simulate.
pub(super) struct Selection {
    pub(super) all: Vec<Candidate>,
    pub(super) chosen: Vec<Entry>,
    pub(super) n_sized: u64,
    pub(super) n_pruned: u64,
}

/// Sizes every GPU, count and allowed precision, and chooses what to simulate.
pub(super) fn select(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    baseline: &Baseline,
) -> Selection {
    let mut entries: Vec<Entry> = Vec::new();
    let mut all: Vec<Candidate> = Vec::new();
    let mut n_sized = 0;
    match &load.timing {
        Timing::Measured { slots, .. } => {
            if let Some(entry) = as_today(question, baseline, *slots) {
                entries.push(entry);
            }
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
        b.is_today.cmp(&a.is_today).then(estimate).then_with(|| a.candidate.id.cmp(&b.candidate.id))
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let limit = question.context.catalog.assumptions.advice.simulated_candidates as usize;
    let left: Vec<Entry> = entries.split_off(entries.len().min(limit.max(1)));
    let n_pruned = left.len() as u64;
    all.extend(left.into_iter().map(|entry| Candidate {
        verdict: Verdict::Left,
        reason: Some(format!("not simulated: {limit} candidates have a lower cost estimate")),
        ..entry.candidate
    }));
    Selection { all, chosen: entries, n_sized, n_pruned }
}

/// The deployment as it is, for requests whose time was measured on it.
fn as_today(question: &Question<'_>, baseline: &Baseline, slots: u32) -> Option<Entry> {
    let deployment = &question.described.workload.deployment;
    let gpu = question.context.catalog.gpu(deployment.gpu.as_deref()?)?;
    let gpu_count = deployment.tensor_parallel_size.unwrap_or(1);
    let precision =
        deployment.quantization.clone().or_else(|| deployment.dtype.clone()).unwrap_or_else(|| "as today".to_owned());
    let buyable = offers::buyable(question, baseline, gpu, gpu_count);
    let candidate = Candidate {
        id: slug(&gpu.name, gpu_count, &precision),
        gpu: gpu.name.clone(),
        gpu_count,
        precision,
        replica: None,
        slots: Some(slots),
        planning_batch: None,
        estimate: None,
        verdict: Verdict::Simulated,
        reason: None,
    };
    Some(Entry { candidate, buyable, is_today: true, load_factor: 1.0, estimate: 0.0 })
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
    let rows = size::table(arch, &catalog.gpus, &precisions, profile, constants);
    rows.into_iter()
        .filter_map(|row| {
            let gpu = catalog.gpu(&row.gpu)?;
            let mut candidate = Candidate {
                id: slug(&row.gpu, row.gpu_count, row.precision.as_str()),
                gpu: row.gpu.clone(),
                gpu_count: row.gpu_count,
                precision: row.precision.as_str().to_owned(),
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
            if !gpu.datacenter_license && !question.context.policy.geforce {
                candidate.reason =
                    Some("its driver licence excludes data centres; allow it with policy.geforce".to_owned());
                return Some((candidate, None));
            }
            let entry = entry(question, baseline, load, (&mut candidate, gpu, row.precision == today));
            Some((candidate, entry))
        })
        .collect()
}

fn entry(
    question: &Question<'_>,
    baseline: &Baseline,
    load: &RequestLoad<'_>,
    (candidate, gpu, same_precision): (&mut Candidate, &GpuSpec, bool),
) -> Option<Entry> {
    let deployment = &question.described.workload.deployment;
    let same_gpu = deployment.gpu.as_deref() == Some(gpu.name.as_str());
    let same_count = deployment.tensor_parallel_size.unwrap_or(1) == candidate.gpu_count;
    let is_today = same_gpu && same_precision && same_count;
    let buyable = offers::buyable(question, baseline, gpu, candidate.gpu_count);
    if buyable.payg.is_empty() && buyable.serverless.is_empty() {
        candidate.reason = Some("no offer in the catalog that the policy allows".to_owned());
        return None;
    }
    let headroom = question.context.catalog.assumptions.capacity.downgrade_headroom;
    let load_factor = if is_today { 1.0 } else { 1.0 / (1.0 - headroom.clamp(0.0, 0.9)) };
    let Some((estimate, batch)) = estimate(load, candidate, &buyable, load_factor) else {
        candidate.reason = Some("saturated: no fleet of it carries the busiest hour".to_owned());
        return None;
    };
    candidate.planning_batch = Some(batch);
    candidate.estimate = Money::from_float(estimate, Currency::USD).ok();
    candidate.verdict = Verdict::Simulated;
    Some(Entry { candidate: candidate.clone(), buyable, is_today, load_factor, estimate })
}

/// A cost that ranks candidates before anything is simulated: the cheaper of a fixed fleet for the
/// busiest hour and of paying only for the time that full batches need; and the planning batch.
fn estimate(
    load: &RequestLoad<'_>,
    candidate: &Candidate,
    buyable: &Buyable,
    load_factor: f64,
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
    let fixed = buyable.payg.iter().chain(buyable.reserved.iter().map(|(offer, _)| offer)).map(|offer| {
        let hosted = (offer.gpu_count / candidate.gpu_count).max(1);
        f64::from(n.div_ceil(hosted)) * offer.rate.to_f64()
    });
    let mean_rps = load.trace.len() as f64 / (load.trace.window_us() as f64 / 1e6).max(1.0);
    let busy = mean_rps * load_factor / best;
    let elastic = buyable.serverless.iter().chain(&buyable.payg).map(|offer| {
        let hosted = (offer.gpu_count / candidate.gpu_count).max(1);
        busy.max(0.02) * offer.rate.to_f64() / f64::from(hosted)
    });
    let least = fixed.chain(elastic).fold(f64::INFINITY, f64::min);
    Some((least * 730.0, batch))
}

/// Today's precision and those below it that the task allows: 4 bits only for a known task that
/// loses little.
fn precisions(question: &Question<'_>, today: Precision) -> Vec<Precision> {
    let task = question.described.workload.settings.task.as_deref();
    let tolerant = matches!(
        task,
        Some("chat" | "summarization" | "generation" | "rag" | "translation" | "extraction" | "classification")
    );
    Precision::ALL
        .into_iter()
        .filter(|it| it.rule_of_thumb_bytes() <= today.rule_of_thumb_bytes())
        .filter(|it| *it == today || tolerant || *it != Precision::Int4)
        .collect()
}

fn slug(gpu: &str, count: u32, precision: &str) -> String {
    let clean: String = format!("{gpu}-x{count}-{precision}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    clean
}
