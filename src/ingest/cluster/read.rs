//! One item of a list after the other: its kind, then the fields of that kind.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::super::rejected::{RejectedKind, excerpt};
use super::raw::{
    Head, Meta, NodeSpec, NodeStatus, Object, PodShape, PodStatus, Resources, ScalerSpec, Stamp,
    Template, WorkSpec, WorkStatus,
};
use super::{Node, Pod, Scaler, ScalerFacts, Snapshot, Work};
use crate::units::Timestamp;

/// Kinds that start pods from a template we know.
const WORK: [&str; 8] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "LeaderWorkerSet",
    "Rollout",
];
/// Kinds of which only the name, the labels and the owner are read.
const NAMED: [&str; 12] = [
    "InferenceService",
    "LLMInferenceService",
    "RayCluster",
    "RayService",
    "RayJob",
    "PyTorchJob",
    "TFJob",
    "JAXJob",
    "MPIJob",
    "TrainJob",
    "JobSet",
    "Workflow",
];

/// Reads items one by one.
#[derive(Default)]
pub(super) struct Reader {
    /// The latest instant seen.
    pub latest: Option<Timestamp>,
    /// Objects seen, to find those listed twice.
    seen: BTreeSet<String>,
}

/// Why an item is refused.
pub(super) struct Refusal {
    pub reason: String,
    pub kind: RejectedKind,
    /// Lines from the start of the item to the fault.
    pub lines_below: usize,
}

impl Refusal {
    fn faulty(reason: String, lines_below: usize) -> Refusal {
        Refusal { reason, kind: RejectedKind::Faulty, lines_below }
    }
}

impl Reader {
    /// Adds one item to the snapshot, or says why not; `list_kind` is the kind the list states.
    pub(super) fn item(
        &mut self,
        snapshot: &mut Snapshot,
        text: &[u8],
        list_kind: Option<&str>,
    ) -> Result<(), Refusal> {
        let head: Head = read(text, "object")?;
        let kind =
            head.kind.as_deref().or(list_kind).ok_or_else(|| {
                Refusal::faulty("the object does not state its kind".to_owned(), 0)
            })?;
        match kind {
            "Node" => {
                let node: Object<NodeSpec, NodeStatus> = read(text, kind)?;
                self.once(kind, &node.metadata)?;
                snapshot.nodes.push(self.node(node));
            }
            "Pod" => {
                let pod: Object<PodShape, PodStatus> = read(text, kind)?;
                self.once(kind, &pod.metadata)?;
                snapshot.lists_pods = true;
                snapshot.pods.push(self.pod(pod));
            }
            "HorizontalPodAutoscaler" | "ScaledObject" => {
                let scaler: Object<ScalerSpec, IgnoredAny> = read(text, kind)?;
                self.once(kind, &scaler.metadata)?;
                snapshot.scalers.extend(scaler_of(kind, scaler));
            }
            "Namespace" => {
                let found: Object<IgnoredAny, IgnoredAny> = read(text, kind)?;
                self.once(kind, &found.metadata)?;
                snapshot.namespaces.push(found.metadata);
            }
            _ if WORK.contains(&kind) => {
                let work: Object<WorkSpec, WorkStatus> = read(text, kind)?;
                self.once(kind, &work.metadata)?;
                snapshot.work.push(work_of(kind, work));
            }
            _ if NAMED.contains(&kind) => {
                let found: Object<IgnoredAny, IgnoredAny> = read(text, kind)?;
                self.once(kind, &found.metadata)?;
                let spec = None;
                snapshot
                    .work
                    .push(work_of(kind, Object { metadata: found.metadata, spec, status: None }));
            }
            // Secrets, config maps, services and all else: counted, not read.
            _ => {}
        }
        *snapshot.counts.entry(excerpt(kind)).or_default() += 1;
        Ok(())
    }

    /// An object listed twice counts once.
    fn once(&mut self, kind: &str, meta: &Meta) -> Result<(), Refusal> {
        if self.seen.insert(format!("{kind}/{}/{}", meta.namespace(), meta.name)) {
            return Ok(());
        }
        let reason = format!("the {kind} `{}` was listed before", excerpt(&meta.name));
        Err(Refusal { reason, kind: RejectedKind::Duplicate, lines_below: 0 })
    }

    fn saw(&mut self, at: Option<Stamp>) -> Option<Timestamp> {
        let at = at.map(|it| it.0);
        self.latest = self.latest.max(at);
        at
    }

    fn node(&mut self, node: Object<NodeSpec, NodeStatus>) -> Node {
        let (mut resources, mut conditions) = (Resources::default(), Vec::new());
        if let Some(status) = node.status {
            let allocatable = status.allocatable.unwrap_or_default();
            resources = status.capacity.unwrap_or_default().larger(&allocatable);
            conditions = status.conditions.unwrap_or_default();
        }
        for condition in conditions {
            self.saw(condition.last_heartbeat_time);
        }
        self.saw(node.metadata.creation_timestamp);
        let provider_id = node.spec.and_then(|it| it.provider_id).filter(|it| !it.is_empty());
        Node { meta: node.metadata, provider_id, resources }
    }

    fn pod(&mut self, pod: Object<PodShape, PodStatus>) -> Pod {
        let status = pod.status;
        let phase = status.as_ref().and_then(|it| it.phase.clone()).unwrap_or_default();
        let start = self.saw(status.as_ref().and_then(|it| it.start_time));
        let states = status.and_then(|it| it.container_statuses).unwrap_or_default();
        let ends = states.into_iter().filter_map(|it| it.state?.terminated?.finished_at);
        let last = ends.max().filter(|_| matches!(phase.as_str(), "Succeeded" | "Failed"));
        let finish = self.saw(last);
        self.saw(pod.metadata.creation_timestamp);
        Pod { meta: pod.metadata, shape: pod.spec.unwrap_or_default(), phase, start, finish }
    }
}

/// An object, or why its shape is not that of its kind. Values stay out of the reason.
fn read<T: DeserializeOwned>(text: &[u8], kind: &str) -> Result<T, Refusal> {
    serde_json::from_slice(text).map_err(|error| {
        let reason = format!("no {} has this shape: {}", excerpt(kind), without_values(&error));
        Refusal::faulty(reason, error.line().saturating_sub(1))
    })
}

/// What serde says, without the text it quotes from the file.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let said = message.rsplit_once(" at line ").map_or(message.as_str(), |it| it.0);
    match said.rsplit_once(", expected ") {
        // `invalid type: string "...", expected a sequence`: the last comma follows the quoted
        // value.
        Some((found, expected)) if said.starts_with("invalid ") => {
            let found = found.split([' ', ':']).filter(|it| !it.is_empty()).nth(2);
            let expected = if expected.starts_with("struct ") { "an object" } else { expected };
            format!("{expected} was expected, not this {}", found.unwrap_or("value"))
        }
        _ => said.to_owned(),
    }
}

fn scaler_of(kind: &str, scaler: Object<ScalerSpec, IgnoredAny>) -> Option<Scaler> {
    let spec = scaler.spec?;
    let triggers: Vec<String> = match kind {
        "ScaledObject" => {
            spec.triggers.unwrap_or_default().into_iter().filter_map(|it| it.r#type).collect()
        }
        _ => spec
            .metrics
            .unwrap_or_default()
            .into_iter()
            .filter_map(|it| it.resource.and_then(|it| it.name).or(it.r#type))
            .collect(),
    };
    // Defaults of the two APIs: autoscaling/v2 minReplicas 1; KEDA minReplicaCount 0,
    // maxReplicaCount 100.
    let (min, max) = match kind {
        "ScaledObject" => {
            (spec.min_replica_count.or(Some(0)), spec.max_replica_count.or(Some(100)))
        }
        _ => (spec.min_replicas.or(Some(1)), spec.max_replicas),
    };
    Some(Scaler {
        namespace: scaler.metadata.namespace().to_owned(),
        target_kind: spec.scale_target_ref.kind.unwrap_or_else(|| "Deployment".to_owned()),
        target: spec.scale_target_ref.name,
        facts: ScalerFacts {
            by_keda: kind == "ScaledObject",
            min_replicas: min,
            max_replicas: max,
            triggers,
        },
    })
}

fn work_of(kind: &str, work: Object<WorkSpec, WorkStatus>) -> Work {
    let meta = work.metadata;
    let mut pod_meta = Meta { labels: None, ..meta.clone() };
    let mut found = Work {
        kind: kind.to_owned(),
        pod_meta: pod_meta.clone(),
        meta,
        shapes: Vec::new(),
        replicas: None,
        ready: None,
    };
    let mut add = |template: Option<Template>, n: u64| {
        let Some(template) = template else { return };
        if pod_meta.labels.is_none() {
            pod_meta.labels = template.metadata.and_then(|it| it.labels);
        }
        if let Some(shape) = template.spec.filter(|_| n > 0) {
            found.shapes.push((shape, n));
        }
    };
    if let Some(spec) = work.spec {
        found.replicas = spec.replicas.or(spec.parallelism);
        add(spec.template, 1);
        if let Some(job) = spec.job_template.and_then(|it| it.spec) {
            found.replicas = job.parallelism;
            add(job.template, 1);
        }
        if let Some(group) = spec.leader_worker_template {
            let size = group.size.unwrap_or(1).max(1);
            let has_leader = group.leader_template.is_some();
            add(group.leader_template, 1);
            add(group.worker_template, size - u64::from(has_leader));
        }
    }
    found.pod_meta = pod_meta;
    if let Some(status) = work.status {
        found.replicas = found.replicas.or(status.desired_number_scheduled);
        // A controller that has reported leaves out what is zero.
        let reported = status.observed_generation.is_some() || status.replicas.is_some();
        let ready = status.ready_replicas.or(status.number_ready);
        found.ready = ready.or(reported.then_some(0));
    }
    found
}
