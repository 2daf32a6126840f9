//! More GPUs than the peak needs.

use super::super::evidence::{number, span};
use super::ledger::{Hour, Ledger, Part};
use super::{Case, Waste, WasteKind};
use crate::catalog::Assumptions;
use crate::units::{Fraction, Period};
use crate::workload::{EngineBin, Workload};

/// The largest share of the fleet that each signal saw in use, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    /// KV cache in use in the fullest engine.
    kv_cache: Option<f64>,
    /// Requests in the fullest batch / the most it may hold.
    batch: Option<f64>,
    /// GPUs active, mean over an hour.
    active: Option<f64>,
    /// Memory in use. Says nothing of an engine that takes its share at the start.
    memory: Option<f64>,
    /// Days from the first to the last hour measured.
    days: f64,
    /// The same of the engine.
    engine_days: f64,
}

impl Peak {
    fn of(workload: &Workload, ledger: &Ledger) -> Peak {
        let largest = |pick: fn(&EngineBin) -> Option<f64>| {
            workload.engine.iter().filter_map(pick).reduce(f64::max)
        };
        let totals = &workload.totals;
        let most = workload.settings.max_num_seqs.filter(|it| *it > 0);
        let kv_cache =
            largest(|it| it.kv_cache_usage_max).or(totals.kv_cache_usage_max.map(Fraction::get));
        let batch = largest(|it| it.running_max).zip(most).map(|(it, most)| it / f64::from(most));
        let engine = kv_cache.is_some() || batch.is_some() || most.is_some();
        let pre_allocates = engine || workload.deployment.max_model_len.is_some();
        let measured = ledger.hours.iter().filter(|it| it.measured > 0.0);
        let active = measured.map(|it| it.active / it.measured).reduce(f64::max);
        let is_measured = |hour: &Hour| is_seen(hour, active.is_some());
        let first = ledger.hours.iter().position(is_measured);
        let last = ledger.hours.iter().rposition(is_measured);
        let hours = first.zip(last).map_or(0, |(first, last)| last - first + 1);
        let memory = totals.memory_fraction_max.filter(|_| !pre_allocates);
        let memory = memory.map(Fraction::get);
        let spans = workload.engine.iter().map(|it| it.period);
        let engine_days = spans.reduce(Period::cover).map_or(0.0, |it| it.hours() / 24.0);
        Peak { kv_cache, batch, active, memory, days: hours as f64 / 24.0, engine_days }
    }

    /// The share of the fleet the peak needs: the larger of the engine's cache and batch where both
    /// are known, since a GPU is active at any batch; else the most any signal saw, GPU activity among
    /// them. Memory says nothing here: another replica takes as much again.
    fn share(&self) -> Option<f64> {
        if let Some((kv_cache, batch)) = self.kv_cache.zip(self.batch) {
            return Some(kv_cache.max(batch));
        }
        let active = self.active?;
        Some([self.kv_cache, self.batch].into_iter().flatten().fold(active, f64::max))
    }

    /// Whether GPU activity needs no more of the fleet than the engine does: all signals agree.
    fn agree(&self, need: f64) -> bool {
        let all = [self.kv_cache, self.batch, self.active];
        all.iter().all(|it| it.is_some_and(|it| it <= need))
    }

    fn in_words(&self) -> String {
        let parts = [
            (self.active, "GPUs active, busiest hour"),
            (self.kv_cache, "KV cache in use"),
            (self.batch, "batch in use"),
            (self.memory, "memory in use"),
        ];
        let words: Vec<String> = parts
            .into_iter()
            .filter_map(|(share, what)| share.map(|it| format!("{what} {} %", number(it * 100.0))))
            .collect();
        words.join(", ")
    }
}

/// Replicas beyond what the peak needs with its headroom: peak 40 % of 4 replicas of one GPU, 20 %
/// headroom: 1.92, so 2 are needed and 2 could go, half of the cost of the hours left. One replica
/// that needs less than half of itself has no amount: a smaller GPU may do.
pub(super) fn over_provisioned(
    case: &Case<'_>,
    ledger: &mut Ledger,
    assumptions: &Assumptions,
) -> Option<Waste> {
    let limits = case.limits;
    let peak = Peak::of(case.workload, ledger);
    let is_used = ledger.hours.iter().any(Hour::is_used);
    if !is_used || peak.days < 1.0 {
        return None;
    }
    let gpus = most_gpus(ledger)?;
    let need = gpus * peak.share()? * (1.0 + assumptions.capacity.downgrade_headroom);
    let unit = f64::from(case.workload.deployment.tensor_parallel_size.unwrap_or(1).max(1));
    let target = (need / unit).ceil().max(1.0) * unit;
    let is_known = gpus <= 1.0 || case.workload.deployment.tensor_parallel_size.is_some();
    let seen = format!(
        "At the peak of {}: {}; {} of {} GPUs needed, headroom of {} % included.",
        span(peak.days * 86_400.0),
        peak.in_words(),
        if need < 0.01 { "under 0.01".to_owned() } else { number(need.min(gpus)) },
        number(gpus),
        number(assumptions.capacity.downgrade_headroom * 100.0)
    );
    if is_known && target + unit <= gpus {
        let by_gpus = peak.active.is_some();
        let claim = ledger.claim(Part::Stoppable, |_, hour| {
            freed(hour, target, unit).filter(|_| is_seen(hour, by_gpus))
        })?;
        let confirmed =
            peak.agree(target / gpus) && peak.days.min(peak.engine_days) >= limits.cycle_days;
        let action = format!(
            "{} about latency at the peak, then go from {} to {} GPUs. A GPU freed inside an instance that stays frees no money: only whole instances lower the bill.",
            case.ask(),
            number(gpus),
            number(target)
        );
        return Some(case.finding(
            WasteKind::OverProvisioned,
            confirmed,
            Some(claim),
            (seen, action),
        ));
    }
    let fits_less = need <= limits.small_need * gpus
        && peak.memory.is_none_or(|it| it < assumptions.classify.rule_memory_fraction);
    let is_open = ledger.hours.iter().any(|it| it.is_open(Part::Stoppable) && it.is_used());
    (fits_less && is_open).then(|| {
        let action = if is_known {
            "No whole replica can go, so no amount is known: see whether a smaller GPU carries the peak."
        } else {
            "How many GPUs a replica spans is not known, so no amount is: set tensor_parallel_size in the config."
        };
        case.finding(WasteKind::OverProvisioned, false, None, (seen, action.to_owned()))
    })
}

/// GPUs billed in the hour with the most.
fn most_gpus(ledger: &Ledger) -> Option<f64> {
    let gpus = |it: &Hour| it.gpu_hours(Part::Stoppable) + it.gpu_hours(Part::Committed);
    ledger.hours.iter().map(gpus).reduce(f64::max).map(thousandths).filter(|it| *it >= 1.0)
}

/// Rounded to a thousandth of a GPU: bills sum their GPU-hours from rounded pieces.
fn thousandths(gpus: f64) -> f64 {
    (gpus * 1e3).round() / 1e3
}

/// Whether the peak would show if it were in this hour.
fn is_seen(hour: &Hour, by_gpus: bool) -> bool {
    if by_gpus { hour.measured > 0.0 } else { hour.requests.is_some() }
}

/// The share of an hour that whole replicas above the target stand for.
fn freed(hour: &Hour, target: f64, unit: f64) -> Option<(u64, u64)> {
    let stoppable = thousandths(hour.gpu_hours(Part::Stoppable));
    let gpus = stoppable + thousandths(hour.gpu_hours(Part::Committed));
    let freed = (((gpus - target) / unit).floor() * unit).min(stoppable);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let thousand = |it: f64| (it * 1e3).round() as u64;
    (freed > 0.0).then(|| (thousand(freed), thousand(stoppable)))
}
