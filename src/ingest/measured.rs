//! Rows of the usage table that bills and telemetry give, and what the cluster says of workloads.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use super::bill::Entry;
use super::cluster::{ClusterView, KindHint, WorkloadFacts};
use super::config::WorkloadConfig;
use super::engine_hours;
use super::fx::Rates;
use super::requests::DayCounts;
use super::rules::{Claimed, Subject, by_tags};
use super::telemetry::{self, Device, Entity, EntityKey, Holder, TelemetryBin, Timed};
use crate::units::{Money, MoneyError, Period, Timestamp};
use crate::usage::{UsageRow, UsageTable};
use crate::workload::{EngineBin, EngineLatencies, Histogram, Kind, Settings};

/// Width of the periods that telemetry is summed over.
const BIN_US: i64 = 3_600_000_000;

/// Most devices without a clock that are told of one by one.
const MOST_UNTIMED: usize = 8;

/// What GPUs and engines measured, by workload and hour, and counts of whole days.
#[derive(Default)]
pub(super) struct Measured {
    rows: Vec<MeasuredRow>,
    days: Vec<DayCounts>,
    /// What each engine counted, by its workload.
    latencies: Vec<(String, Vec<Count>)>,
    snapshots: Vec<Timestamp>,
    notices: Vec<String>,
}

/// What was counted, in the bin from when, up to which bound in seconds, and how many.
type Count = (Timed, Timestamp, f64, u64);

struct MeasuredRow {
    claimed: Claimed,
    gpu: Option<String>,
    model: Option<String>,
    of_engine: bool,
    bin: TelemetryBin,
}

impl Measured {
    /// Sums series by device and hour, and finds out whose each device is.
    pub(super) fn of(
        series: Vec<telemetry::Series>,
        config: &Config,
        view: &ClusterView,
    ) -> Measured {
        let aggregated = telemetry::aggregate(series, BIN_US);
        let mut measured = Measured {
            notices: aggregated.notices,
            snapshots: view.times().to_vec(),
            ..Measured::default()
        };
        let (mut nobodys, mut untimed) = (Vec::new(), Vec::new());
        for observed in &aggregated.observed {
            let entity = &observed.entity;
            if let Some(facts) = &observed.untimed {
                untimed.push(without_clock(entity, facts));
            }
            measured.notices.extend(holes(observed));
            measured.notices.extend(first_tokens(observed));
            let mut claimed_any = observed.bins.is_empty();
            let mut of_workloads = BTreeSet::new();
            for bin in &observed.bins {
                for claimed in owners(entity, bin.period, (config, view)) {
                    claimed_any |= claimed.workload.is_some();
                    of_workloads.extend(claimed.workload.clone());
                    measured.rows.push(MeasuredRow {
                        claimed,
                        gpu: entity.gpu_name.clone(),
                        model: entity.model.clone(),
                        of_engine: matches!(entity.key, EntityKey::Engine { .. }),
                        bin: bin.clone(),
                    });
                }
            }
            if !claimed_any {
                nobodys.push(name_of(entity));
            }
            // An engine that changed hands is of no one workload.
            if let (1, Some(workload)) = (of_workloads.len(), of_workloads.pop_first()) {
                measured.latencies.push((workload, observed.latencies.clone()));
            }
        }
        measured.tell(&nobodys, &untimed);
        measured
    }

    fn tell(&mut self, nobodys: &[String], untimed: &[String]) {
        if let [first, rest @ ..] = nobodys {
            let more =
                if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            self.notices.push(format!(
                "no rule, pod or model says whose the measurements of {first}{more} are: they are in no workload"
            ));
        }
        self.notices.extend(untimed.iter().take(MOST_UNTIMED).cloned());
        if untimed.len() > MOST_UNTIMED {
            self.notices
                .push(format!("{} more devices without times", untimed.len() - MOST_UNTIMED));
        }
    }

    /// Adds counts of whole days.
    pub(super) fn with_days(self, days: Vec<DayCounts>) -> Measured {
        Measured { days, ..self }
    }

    /// True without a measured hour.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.days.is_empty()
    }

    /// From the first to the last measured hour.
    pub(super) fn span(&self) -> Option<Period> {
        let measured = self.rows.iter().map(|it| it.bin.period);
        measured.chain(self.days.iter().map(|it| it.period)).reduce(Period::cover)
    }

    /// What engines measured in the hours that begin inside a window, by workload, in time order.
    pub(super) fn engine(&self, window: Period) -> BTreeMap<String, Vec<EngineBin>> {
        let inside = |it: &&MeasuredRow| window.contains(it.bin.period.start());
        let of_engines = self.rows.iter().filter(|it| it.of_engine).filter(inside);
        engine_hours::by_workload(
            of_engines.filter_map(|it| Some((it.claimed.workload.as_deref()?, &it.bin))),
        )
    }

    /// How long engines took in the hours that begin inside a window, by workload.
    pub(super) fn latencies(&self, window: Period) -> BTreeMap<String, EngineLatencies> {
        let mut all: BTreeMap<String, EngineLatencies> = BTreeMap::new();
        for (workload, counts) in &self.latencies {
            let of = |what: Timed| {
                let inside = |it: &&Count| it.0 == what && window.contains(it.1);
                let mut bounds: Vec<(f64, u64)> = Vec::new();
                for (_, _, bound, n) in counts.iter().filter(inside) {
                    match bounds.iter_mut().find(|it| it.0.total_cmp(bound).is_eq()) {
                        Some(it) => it.1 = it.1.saturating_add(*n),
                        None => bounds.push((*bound, *n)),
                    }
                }
                Histogram::new(bounds)
            };
            let found = EngineLatencies { ttft: of(Timed::FirstToken), tpot: of(Timed::EachToken) };
            all.entry(workload.clone()).or_default().add(&found);
        }
        all
    }

    /// When cluster snapshots were taken.
    pub(super) fn snapshots(&self) -> &[Timestamp] {
        &self.snapshots
    }

    /// What the reader must know.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// Appends the rows inside a period to a table. Requests are counted by one source per workload:
    /// by rows that the table has already, else by engines, else by daily counts. Returns the
    /// workloads whose further counts were left out.
    pub(super) fn push_rows(&self, table: &mut UsageTable, within: Option<Period>) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut counted: BTreeSet<String> =
            table.counted_workloads().into_iter().map(str::to_owned).collect();
        let mut left_out = BTreeSet::new();
        let inside = |it: Period| within.is_none_or(|within| within.contains(it.start()));
        let by_engine: BTreeSet<String> = self
            .rows
            .iter()
            .filter(|it| it.bin.requests.is_some())
            .filter_map(|it| it.claimed.workload.clone())
            .collect();
        for row in self.rows.iter().filter(|it| inside(it.bin.period)) {
            let name = row.claimed.workload.as_ref();
            let is_counted = name.is_some_and(|it| counted.contains(it));
            if let (true, Some(name), Some(_)) = (is_counted, name, row.bin.requests) {
                left_out.insert(name.clone());
            }
            let own = |count: Option<u64>| count.filter(|_| !is_counted);
            table.push(&UsageRow {
                period: Some(row.bin.period),
                workload: row.claimed.workload.as_deref(),
                owner: row.claimed.owner.as_deref(),
                environment: row.claimed.environment.as_deref(),
                gpu: row.gpu.as_deref(),
                requests: own(row.bin.requests),
                prompt_tokens: own(row.bin.prompt_tokens),
                completion_tokens: own(row.bin.completion_tokens),
                gpu_util: row.bin.gpu_active,
                memory_fraction: row.bin.memory_fraction,
                kv_cache_usage: row.bin.kv_cache_usage,
                vram_used_mib: row.bin.vram_used_mib,
                model: row.model.as_deref(),
                ..UsageRow::default()
            });
        }
        counted.extend(by_engine);
        for day in self.days.iter().filter(|it| inside(it.period)) {
            if counted.contains(&day.workload) {
                left_out.insert(day.workload.clone());
                continue;
            }
            table.push(&UsageRow {
                period: Some(day.period),
                workload: Some(&day.workload),
                requests: Some(day.requests),
                prompt_tokens: Some(day.prompt_tokens),
                completion_tokens: Some(day.completion_tokens),
                ..UsageRow::default()
            });
        }
        left_out.into_iter().collect()
    }
}

/// A device or an engine in a sentence.
fn name_of(entity: &Entity) -> String {
    match &entity.key {
        EntityKey::Gpu { device: Device::Uuid(uuid), .. } => format!("the GPU `{uuid}`"),
        EntityKey::Gpu { device: Device::Place { host, index }, .. } => {
            format!("GPU {index} of `{host}`")
        }
        EntityKey::Engine { instance, .. } => format!("the engine at `{instance}`"),
    }
}

/// Holes of a recording: nobody measured, which is not idleness.
fn holes(observed: &telemetry::Observed) -> Option<String> {
    let hours: f64 = observed.gaps.iter().map(|it| it.hours()).sum();
    let step = observed.step_us.map_or(0.0, |it| it as f64 / 1e6);
    let restarts = match observed.restarts {
        0 => String::new(),
        n => format!(", and its counters restarted {n} times"),
    };
    (!observed.gaps.is_empty()).then(|| {
        format!(
            "{}: measured every {step:.0} s but for {hours:.1} h, which are unknown and not idle{restarts}",
            name_of(&observed.entity)
        )
    })
}

/// Time to the first token by the histogram of an engine: the least bound that holds 95 % of them.
fn first_tokens(observed: &telemetry::Observed) -> Option<String> {
    let total = observed.ttft_buckets.last()?.1;
    let within = |n: u64| n.saturating_mul(100) >= total.saturating_mul(95);
    let bound = observed.ttft_buckets.iter().find(|(_, n)| within(*n))?.0;
    (total > 0 && bound.is_finite()).then(|| {
        format!(
            "{}: 95 % of {total} first tokens came within {bound} s (bound of the histogram)",
            name_of(&observed.entity)
        )
    })
}

/// What a recording without a clock says: a fact, and no demand over time.
fn without_clock(entity: &Entity, facts: &telemetry::Untimed) -> String {
    let active = match facts.gpu_active {
        Some(it) => format!("active {:.0} % of {} samples", it * 100.0, facts.samples),
        None => format!("{} samples", facts.samples),
    };
    format!(
        "{}: {active} without a time: a fact about the device, not about when; record times to join it",
        name_of(entity)
    )
}

/// Whose a device or an engine was during a period: several where pods shared it by time, each of
/// which reports the whole device.
fn owners(
    entity: &Entity,
    during: Period,
    (config, view): (&Config, &ClusterView),
) -> Vec<Claimed> {
    let seen = |it: &&Holder| it.seen.is_none_or(|seen| seen.intersect(during).is_some());
    let mut found: Vec<Claimed> = Vec::new();
    for holder in entity.holders.iter().filter(seen) {
        let place = &holder.place;
        let claimed =
            owner(entity, (place.namespace.as_deref(), place.pod.as_deref()), (config, view));
        if !found.contains(&claimed) {
            found.push(claimed);
        }
    }
    if found.is_empty() {
        let place = (entity.namespace.as_deref(), entity.pod.as_deref());
        found.push(owner(entity, place, (config, view)));
    }
    found
}

fn owner(
    entity: &Entity,
    (namespace, pod): (Option<&str>, Option<&str>),
    (config, view): (&Config, &ClusterView),
) -> Claimed {
    let (instance, uuid) = match &entity.key {
        EntityKey::Engine { instance, .. } => (Some(instance.as_str()), None),
        EntityKey::Gpu { device: Device::Uuid(uuid), .. } => (None, Some(uuid.as_str())),
        EntityKey::Gpu { .. } => (None, None),
    };
    let (file, more_files) = match entity.files.split_first() {
        Some((file, more)) => (Some(file.as_str()), more),
        None => (None, &[][..]),
    };
    let subject = Subject {
        file,
        more_files,
        model: entity.model.as_deref(),
        endpoint: instance,
        namespace,
        pod,
        host: entity.host.as_deref(),
        resource_id: uuid,
        ..Subject::default()
    };
    let mut claimed = config.rules.claim(&subject);
    let by_cluster = namespace
        .zip(pod)
        .and_then(|(namespace, pod)| view.workload_of_pod(namespace, pod))
        .or_else(|| entity.model.as_deref().and_then(|it| view.workload_of_model(it)));
    claimed.workload = claimed
        .workload
        .or_else(|| by_cluster.map(str::to_owned))
        .or_else(|| config.workload_of_model(entity.model.as_deref()?))
        .or_else(|| pod.map(controller_of))
        .or_else(|| entity.model.clone());
    if let Some(facts) = claimed.workload.as_ref().and_then(|it| view.facts().get(it)) {
        claimed.owner = claimed.owner.or_else(|| facts.owner.clone());
        claimed.environment = claimed.environment.or_else(|| facts.environment.clone());
    }
    by_tags(claimed, &subject)
}

/// The controller a pod name was made from: `vllm-7f9c4d5b6-x2x4z` and `vllm-0` are of `vllm`.
fn controller_of(pod: &str) -> String {
    let is_hash = |part: &str| {
        part.len() >= 5
            && part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
            && part.bytes().any(|it| it.is_ascii_digit())
    };
    let is_ordinal = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let mut parts: Vec<&str> = pod.split('-').collect();
    if parts.len() > 1 && parts.last().is_some_and(|it| is_ordinal(it)) {
        parts.pop();
    } else if parts.len() > 2 && parts.last().is_some_and(|it| it.len() == 5) {
        parts.pop();
        if parts.len() > 1 && parts.last().is_some_and(|it| is_hash(it)) {
            parts.pop();
        }
    }
    parts.join("-")
}

/// A row with its amounts in the currency of the report.
pub(super) fn in_currency<'a>(
    row: &UsageRow<'a>,
    rates: &Rates,
) -> Result<UsageRow<'a>, MoneyError> {
    let convert = |amount: Option<Money>| {
        amount
            .map(|it| Ok(Money::from_atto(rates.convert(it.atto(), it.currency())?, rates.to)))
            .transpose()
    };
    Ok(UsageRow {
        billed_cost: convert(row.billed_cost)?,
        effective_cost: convert(row.effective_cost)?,
        list_cost: convert(row.list_cost)?,
        contracted_cost: convert(row.contracted_cost)?,
        ..row.clone()
    })
}

/// A table with its amounts in the currency of the report.
pub(super) fn table_in_currency(
    table: UsageTable,
    rates: &Rates,
) -> Result<UsageTable, MoneyError> {
    let from = table.currency;
    if from == rates.to || table.is_empty() {
        return Ok(UsageTable { currency: rates.to, ..table });
    }
    let convert = |atto: i128| rates.convert(atto, from);
    Ok(UsageTable {
        currency: rates.to,
        billed_cost: table.billed_cost.try_mapped(convert)?,
        effective_cost: table.effective_cost.try_mapped(convert)?,
        list_cost: table.list_cost.try_mapped(convert)?,
        contracted_cost: table.contracted_cost.try_mapped(convert)?,
        ..table
    })
}

/// The usage row of a sum of bill rows. Where effective costs were rounded away the billed cost
/// stands for them.
pub(super) fn row_of_bill(
    entry: &Entry,
    gpu_hours: Option<f64>,
    effective_rounded: bool,
) -> UsageRow<'_> {
    let booking = &entry.booking;
    let costs = &entry.sums.costs;
    // What a commitment covers is billed with the commitment: its 0 is no price.
    let effective_rounded = effective_rounded && booking.commitment.is_none();
    let money = |atto: Option<i128>| atto.map(|it| Money::from_atto(it, booking.currency));
    UsageRow {
        period: Some(entry.period),
        workload: booking.workload.as_deref(),
        provider: booking.provider.as_deref(),
        region: booking.region.as_deref(),
        sub_account: booking.sub_account.as_deref(),
        owner: booking.owner.as_deref(),
        environment: booking.environment.as_deref(),
        gpu: booking.gpu.as_deref(),
        gpu_hours,
        pricing_category: booking.pricing,
        billed_cost: money(costs.billed),
        effective_cost: money(if effective_rounded { costs.billed } else { costs.effective }),
        list_cost: money(costs.list),
        contracted_cost: money(if effective_rounded { None } else { costs.contracted }),
        ..UsageRow::default()
    }
}

/// What the cluster says of workloads, as the config would say it.
pub(super) fn facts(view: &ClusterView) -> BTreeMap<String, WorkloadConfig> {
    view.facts().iter().map(|(name, facts)| (name.clone(), declared(facts))).collect()
}

fn declared(facts: &WorkloadFacts) -> WorkloadConfig {
    let engine = facts.engine.clone().unwrap_or_default();
    let kind = match facts.kind_hint {
        Some(KindHint::Training) => Some(Kind::Training),
        // A server answers requests; whether somebody waits for them it does not say.
        Some(KindHint::Serving | KindHint::Finite) | None => None,
    };
    WorkloadConfig {
        owner: facts.owner.clone(),
        environment: facts.environment.clone(),
        model: engine.model,
        dtype: engine.dtype,
        quantization: engine.quantization,
        tensor_parallel_size: engine.tensor_parallel_size,
        max_model_len: engine.max_model_len,
        gpu: facts.gpu_product.clone(),
        settings: Settings { kind, max_num_seqs: engine.max_num_seqs, ..Settings::default() },
        ..WorkloadConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_name_their_controller() {
        for (pod, controller) in [
            ("vllm-0", "vllm"),
            ("vllm-7f9c4d5b6-x2x4z", "vllm"),
            ("chat-70b-6d4cf56db6-abcde", "chat-70b"),
            ("chat-70b", "chat-70b"),
            ("trainer", "trainer"),
        ] {
            assert_eq!(controller_of(pod), controller, "{pod}");
        }
    }
}
