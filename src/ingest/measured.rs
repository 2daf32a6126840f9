//! Rows of the usage table that bills and telemetry give, and what the cluster says of workloads.

use std::collections::BTreeMap;

use super::bill::Entry;
use super::cluster::{ClusterView, KindHint, WorkloadFacts};
use super::config::WorkloadConfig;
use super::fx::Rates;
use super::rules::{Claimed, Subject, by_tags};
use super::telemetry::{self, Entity, TelemetryBin};
use super::Config;
use crate::units::{Money, MoneyError, Period, Timestamp};
use crate::usage::{UsageRow, UsageTable};
use crate::workload::{Kind, Settings};

/// Width of the periods that telemetry is summed over.
const BIN_US: i64 = 3_600_000_000;

/// What GPUs and engines measured, by workload and hour.
#[derive(Default)]
pub(super) struct Measured {
    rows: Vec<MeasuredRow>,
    snapshots: Vec<Timestamp>,
    notices: Vec<String>,
}

struct MeasuredRow {
    claimed: Claimed,
    gpu: Option<String>,
    model: Option<String>,
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
        let mut measured =
            Measured { notices: aggregated.notices, snapshots: view.times().to_vec(), ..Measured::default() };
        let mut nobodys = Vec::new();
        for (entity, bins) in aggregated.entities {
            let owners = owners(&entity, config, view);
            if owners.iter().all(|it| it.workload.is_none()) && !bins.is_empty() {
                nobodys.push(entity.show());
            }
            for claimed in owners {
                let rows = bins.iter().map(|bin| MeasuredRow {
                    claimed: claimed.clone(),
                    gpu: entity.gpu_name.clone(),
                    model: entity.model.clone(),
                    bin: bin.clone(),
                });
                measured.rows.extend(rows);
            }
        }
        if let [first, rest @ ..] = nobodys.as_slice() {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            measured.notices.push(format!(
                "no rule, pod or model says whose the measurements of {first}{more} are: they are in no workload"
            ));
        }
        measured
    }

    /// True without a measured hour.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// From the first to the last measured hour.
    pub(super) fn span(&self) -> Option<Period> {
        self.rows.iter().map(|it| it.bin.period).reduce(Period::cover)
    }

    /// When cluster snapshots were taken.
    pub(super) fn snapshots(&self) -> &[Timestamp] {
        &self.snapshots
    }

    /// What the reader must know.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// Appends the rows to a table.
    pub(super) fn push_rows(&self, table: &mut UsageTable) {
        for row in &self.rows {
            table.push(&UsageRow {
                period: Some(row.bin.period),
                workload: row.claimed.workload.as_deref(),
                owner: row.claimed.owner.as_deref(),
                environment: row.claimed.environment.as_deref(),
                gpu: row.gpu.as_deref(),
                requests: row.bin.requests,
                prompt_tokens: row.bin.prompt_tokens,
                completion_tokens: row.bin.completion_tokens,
                gpu_util: row.bin.gpu_active,
                memory_fraction: row.bin.memory_fraction,
                kv_cache_usage: row.bin.kv_cache_usage,
                vram_used_mib: row.bin.vram_used_mib,
                model: row.model.as_deref(),
                ..UsageRow::default()
            });
        }
    }
}

/// Whose a device or an engine is: several where pods share a GPU by time.
fn owners(entity: &Entity, config: &Config, view: &ClusterView) -> Vec<Claimed> {
    let of_pod = |pod: Option<&str>| {
        let subject = Subject {
            model: entity.model.as_deref(),
            endpoint: entity.instance.as_deref(),
            namespace: entity.namespace.as_deref(),
            pod,
            host: entity.host.as_deref(),
            resource_id: entity.uuid(),
            ..Subject::default()
        };
        let mut claimed = config.rules.claim(&subject);
        let by_cluster = entity
            .namespace
            .as_deref()
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
    };
    let mut found: Vec<Claimed> = if entity.pods_sharing.len() > 1 {
        entity.pods_sharing.iter().map(|pod| of_pod(Some(pod))).collect()
    } else {
        vec![of_pod(entity.pod.as_deref())]
    };
    found.dedup();
    found
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
    row: UsageRow<'a>,
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
        ..row
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
