//! What the data say of each workload, and where they say it.

use std::collections::BTreeMap;

use crate::ingest::{Ingested, SourceKind};
use crate::report::{self, Analysed};
use crate::usage::UsageRow;
use crate::workload::{Kind, Workload};

/// A value that every run finds by itself.
pub(super) struct Inferred {
    /// The key of the config it would be.
    pub(super) key: &'static str,
    /// The value as TOML writes it.
    pub(super) value: String,
    /// What says so.
    pub(super) from: String,
}

/// Rows of the usage table by workload, and the words for where they came from.
pub(super) struct Sources<'a> {
    ingested: &'a Ingested,
    rows: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(ingested: &'a Ingested) -> Sources<'a> {
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let table = &ingested.usage;
        for at in 0..table.len() {
            if let Some(name) = table.workload.get(at) {
                rows.entry(name).or_default().push(at);
            }
        }
        Sources { ingested, rows }
    }

    fn rows_of(&self, workload: &str) -> impl Iterator<Item = UsageRow<'_>> {
        let rows = self.rows.get(workload).map_or(&[][..], Vec::as_slice);
        rows.iter().filter_map(|at| self.ingested.usage.row(*at))
    }

    /// Which kinds of files may have given a row with, or without, a cost.
    fn given_by(&self, with_cost: bool) -> String {
        let kinds: &[(SourceKind, &str)] = if with_cost {
            &[(SourceKind::Bill, "the bill"), (SourceKind::Usage, "the usage table")]
        } else {
            &[
                (SourceKind::Usage, "the usage table"),
                (SourceKind::Telemetry, "the telemetry"),
                (SourceKind::Requests, "the request log"),
            ]
        };
        let is_there = |kind: SourceKind| self.ingested.files.iter().any(|it| it.kind == kind);
        let words: Vec<&str> = kinds.iter().filter(|it| is_there(it.0)).map(|it| it.1).collect();
        if words.is_empty() { "the data".to_owned() } else { words.join(" or ") }
    }

    /// What there is about a workload, one phrase each.
    pub(super) fn evidence(&self, workload: &Workload) -> Vec<String> {
        let (mut costs, mut counts, mut metrics) = (0_u64, 0_u64, 0_u64);
        for row in self.rows_of(&workload.name) {
            costs += u64::from(has_cost(&row));
            counts += u64::from(row.requests.is_some());
            metrics += u64::from(row.gpu_util.is_some() || row.kv_cache_usage.is_some());
        }
        let rows = |n: u64| format!("{} row{}", report::count(n), if n == 1 { "" } else { "s" });
        let mut found = Vec::new();
        if costs > 0 {
            found.push(format!("cost in {} of {}", rows(costs), self.given_by(true)));
        }
        if let Some(log) = self.ingested.requests.iter().find(|it| it.workload == workload.name) {
            let n = report::count(log.trace.len() as u64);
            found.push(format!("a request log of {n} requests"));
        }
        if counts > 0 {
            found.push(format!("request counts in {}", rows(counts)));
        }
        if metrics > 0 {
            found.push(format!("GPU metrics in {}", rows(metrics)));
        }
        if self.ingested.facts.contains_key(&workload.name) {
            found.push("its objects in the cluster".to_owned());
        }
        found
    }

    /// Models as the request log of a workload names them.
    pub(super) fn models(&self, workload: &Workload) -> &[String] {
        let mut logs = self.ingested.requests.iter();
        let log = logs.find(|it| it.workload == workload.name);
        log.map_or(&[], |it| it.facts.models.as_slice())
    }

    /// What every run infers, in the order of docs/config.md.
    pub(super) fn inferred(&self, it: &Analysed) -> Vec<Inferred> {
        let mut found = Vec::new();
        let workload = &it.workload;
        let now = &workload.deployment;
        let facts = self.ingested.facts.get(&workload.name);
        let mut add = |key, value: Option<String>, in_cluster: bool, field: Field| {
            if let Some(value) = value {
                let from = self.source(&workload.name, in_cluster, field);
                found.push(Inferred { key, value, from });
            }
        };
        let text = |it: &Option<String>| it.as_deref().map(report::toml_string);
        let number = |it: Option<u64>| it.map(|it| it.to_string());
        let told = |pick: &dyn Fn(&crate::ingest::WorkloadConfig) -> bool| facts.is_some_and(pick);
        add("owner", text(&workload.owner), told(&|it| it.owner.is_some()), |it| {
            it.owner.is_some()
        });
        let in_cluster = told(&|it| it.environment.is_some());
        add("environment", text(&workload.environment), in_cluster, |it| it.environment.is_some());
        add("provider", text(&now.provider), false, |it| it.provider.is_some());
        add("region", text(&now.region), false, |it| it.region.is_some());
        add("gpu", text(&now.gpu), told(&|it| it.gpu.is_some()), |it| it.gpu.is_some());
        let count = now.gpu_count.and_then(whole);
        add("gpu_count", number(count), false, |it| {
            it.gpu_hours.is_some() || it.gpu_count.is_some()
        });
        add("model", text(&now.model), told(&|it| it.model.is_some()), |it| it.model.is_some());
        add("dtype", text(&now.dtype), told(&|it| it.dtype.is_some()), |it| it.dtype.is_some());
        let in_cluster = told(&|it| it.quantization.is_some());
        add("quantization", text(&now.quantization), in_cluster, |it| it.quantization.is_some());
        let in_cluster = told(&|it| it.tensor_parallel_size.is_some());
        let tensor = now.tensor_parallel_size.map(u64::from);
        add("tensor_parallel_size", number(tensor), in_cluster, |it| {
            it.tensor_parallel_size.is_some()
        });
        let in_cluster = told(&|it| it.max_model_len.is_some());
        add("max_model_len", number(now.max_model_len), in_cluster, |it| {
            it.max_model_len.is_some()
        });
        let batch = workload.settings.max_num_seqs.map(u64::from);
        add("max_num_seqs", number(batch), true, |_| false);
        found.extend(kind(it));
        found
    }

    fn source(&self, workload: &str, in_cluster: bool, field: Field) -> String {
        if in_cluster {
            return "the cluster".to_owned();
        }
        let mut rows = self.rows_of(workload).filter(|it| field(it));
        let paid = rows.next().is_none_or(|it| has_cost(&it)) || rows.any(|it| has_cost(&it));
        self.given_by(paid)
    }
}

/// Whether a row has a value.
type Field = fn(&UsageRow<'_>) -> bool;

fn has_cost(row: &UsageRow<'_>) -> bool {
    row.billed_cost.is_some() || row.effective_cost.is_some()
}

/// A whole number of GPUs; a share of one is no count.
fn whole(gpus: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let count = gpus.round() as u64;
    (count > 0 && (gpus - gpus.round()).abs() < 1e-9).then_some(count)
}

/// The kind that the demand shows, with the signs of it.
fn kind(it: &Analysed) -> Option<Inferred> {
    let word = match it.description.class.kind {
        Kind::Training => "training",
        Kind::FineTuning => "fine_tuning",
        Kind::BatchInference => "batch_inference",
        Kind::RealTimeInference => "real_time_inference",
        Kind::Unknown => return None,
    };
    let from = if it.workload.settings.kind.is_some() {
        "the cluster".to_owned()
    } else {
        let signs =
            it.description.class.evidence.iter().find_map(|it| it.split_once("Looks like "));
        let signs = signs.and_then(|(_, signs)| signs.split_once(": "));
        let signs = signs.map(|(_, signs)| format!(": {}", signs.trim_end_matches('.')));
        format!("the demand{}", signs.unwrap_or_default())
    };
    Some(Inferred { key: "kind", value: report::toml_string(word), from })
}
