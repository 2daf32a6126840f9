//! What the objects of a workload say about how it is run today.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::EngineFacts;
use super::gpu::GpuCapacity;
use super::join::JoinedPod;
use super::raw::{Meta, PodShape};
use super::{Work, gpu, owner};

/// Limits a scaler keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScalerFacts {
    /// True for a KEDA `ScaledObject`, false for a `HorizontalPodAutoscaler`.
    pub by_keda: bool,
    /// Fewest replicas; the default of the API where not stated.
    pub min_replicas: Option<u64>,
    /// Most replicas.
    pub max_replicas: Option<u64>,
    /// What it scales on: `cpu`, `External`, `prometheus`, ...
    pub triggers: Vec<String>,
}

/// What a workload seems to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KindHint {
    /// A training launcher or a kind made for training.
    Training,
    /// An inference engine that keeps running.
    Serving,
    /// A job: it runs to its end, whether it trains or infers.
    Finite,
}

/// A workload that uses GPUs, as its objects show it; nothing where they do not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WorkloadFacts {
    /// Kind of its controller.
    pub controller: String,
    /// Namespace.
    pub namespace: String,
    /// Team by label of pod, controller or namespace; where none names a team, the system it is
    /// part of.
    pub owner: Option<String>,
    /// Environment by the same labels.
    pub environment: Option<String>,
    /// GPU as the labels of its nodes name it, the one behind most of its GPUs.
    pub gpu_product: Option<String>,
    /// Machine type of those nodes.
    pub instance_type: Option<String>,
    /// True when its pods were on more than one GPU product.
    pub mixed_gpus: bool,
    /// GPUs of one replica, thousandths.
    pub gpus_per_replica_milli: Option<u64>,
    /// Replicas wanted.
    pub replicas: Option<u64>,
    /// Replicas ready.
    pub ready_replicas: Option<u64>,
    /// What scales it.
    pub scaler: Option<ScalerFacts>,
    /// What its command line says.
    pub engine: Option<EngineFacts>,
    /// What it seems to do.
    pub kind_hint: Option<KindHint>,
    /// Names of the nodes its GPU pods were seen on.
    pub nodes: BTreeSet<String>,
}

/// A pod of a workload, with the node it is on.
pub(super) struct Placed<'a> {
    pub joined: &'a JoinedPod<'a>,
    pub node: Option<&'a super::Node>,
    pub capacity: Option<GpuCapacity>,
}

/// What is known of one workload before its facts are drawn.
pub(super) struct Evidence<'a> {
    pub name: &'a owner::Identity,
    /// Its controllers as the latest snapshot shows them, the topmost kinds first.
    pub work: Vec<&'a Work>,
    /// Its pods, the latest last.
    pub pods: Vec<Placed<'a>>,
    pub namespace: Option<&'a Meta>,
    pub scaler: Option<&'a ScalerFacts>,
    /// True when some node shares its GPUs, so that a request of 1 need not be a GPU.
    pub any_sharing: bool,
}

/// The facts, or nothing for a workload without a GPU or an engine.
pub(super) fn facts(evidence: &Evidence<'_>) -> Option<WorkloadFacts> {
    let shapes = || evidence.work.iter().flat_map(|it| it.shapes.iter().map(|it| &it.0));
    let of_pods = || evidence.pods.iter().rev().map(|it| &it.joined.pod.shape);
    let has_gpu = |it: &PodShape| it.requests.any_gpu();
    let engine = shapes().chain(of_pods()).find_map(|it| it.engine.clone());
    let serves = engine.as_ref().is_some_and(|it| it.engine.is_some());
    if !(serves || shapes().chain(of_pods()).any(has_gpu)) {
        return None;
    }
    // The controller whose pods hold the GPUs; a router or a proxy may stand beside it.
    let main = evidence.work.iter().find(|it| it.shapes.iter().any(|it| has_gpu(&it.0)));
    let main = main.or_else(|| evidence.work.first());
    let pod_meta = evidence.pods.last().map(|it| &it.joined.pod.meta);
    let metas = [
        pod_meta,
        main.map(|it| &it.pod_meta),
        main.map(|it| &it.meta),
        evidence.work.first().map(|it| &it.meta),
        evidence.namespace,
    ];
    let (gpu_product, instance_type, mixed_gpus) = product(&evidence.pods);
    let on_gpus = || evidence.pods.iter().filter(|it| has_gpu(&it.joined.pod.shape));
    Some(WorkloadFacts {
        controller: evidence.name.kind.clone(),
        namespace: evidence.name.namespace.clone(),
        owner: owner::owner(&metas),
        environment: owner::environment(&metas),
        gpu_product,
        instance_type,
        mixed_gpus,
        gpus_per_replica_milli: per_replica(main.copied(), evidence),
        replicas: main.and_then(|it| it.replicas),
        ready_replicas: main.and_then(|it| it.ready),
        scaler: evidence.scaler.cloned(),
        kind_hint: kind_hint(evidence, engine.as_ref()),
        engine,
        nodes: on_gpus().filter_map(|it| it.node).map(|it| it.meta.name.clone()).collect(),
    })
}

/// Product and machine type behind most of the GPUs, and whether there are several products.
fn product(pods: &[Placed<'_>]) -> (Option<String>, Option<String>, bool) {
    let mut weights: BTreeMap<(Option<String>, Option<String>), u64> = BTreeMap::new();
    for pod in pods {
        let (Some(node), Some(milli)) = (pod.node, pod.milli()) else { continue };
        let labels = node.labels();
        let kind = labels
            .get("node.kubernetes.io/instance-type")
            .or_else(|| labels.get("beta.kubernetes.io/instance-type"))
            .map(str::to_owned);
        *weights.entry((gpu::product(&labels), kind)).or_default() += milli;
    }
    let products: BTreeSet<&Option<String>> = weights.keys().map(|it| &it.0).collect();
    let mixed = products.len() > 1;
    // The first of equals, in the order of names.
    let most = weights.iter().rev().max_by_key(|it| it.1).map(|it| it.0.clone());
    let (product, kind) = most.unwrap_or_default();
    (product, kind, mixed)
}

impl Placed<'_> {
    /// GPUs it asks for, thousandths.
    fn milli(&self) -> Option<u64> {
        let capacity = self.capacity?;
        let units = capacity.units_of(&self.joined.pod.shape.requests).ok()??;
        let parts = u128::from(capacity.parts_up_to(units.min(capacity.units)));
        u64::try_from(parts * 1000 / u128::from(gpu::GPU_PARTS)).ok()
    }
}

/// GPUs of a replica: whole GPUs as the template asks for them, else as a pod of it got them.
fn per_replica(work: Option<&Work>, evidence: &Evidence<'_>) -> Option<u64> {
    let placed = || evidence.pods.iter().rev().filter(|it| it.joined.pod.shape.requests.any_gpu());
    let whole = |it: &Placed<'_>| it.capacity.is_some_and(|it| it.is_whole());
    let all_whole = if placed().next().is_some() {
        placed().all(|it| it.capacity.is_none() || whole(it))
    } else {
        !evidence.any_sharing
    };
    let shapes = work.map_or(&[][..], |it| it.shapes.as_slice());
    let gpu_shapes = || shapes.iter().filter(|it| it.0.requests.any_gpu());
    if all_whole && gpu_shapes().next().is_some() {
        return gpu_shapes().try_fold(0u64, |sum, (shape, n)| {
            let gpus = shape.requests.whole_gpus()?.checked_mul(*n)?.checked_mul(1000)?;
            sum.checked_add(gpus)
        });
    }
    // A group of pods is a replica only as its template says; an operator's pods differ in role.
    let single = shapes.iter().map(|it| it.1).sum::<u64>() <= 1;
    placed().find_map(Placed::milli).filter(|_| single && !is_group(&evidence.name.kind))
}

/// Kinds of which a replica may be many pods.
fn is_group(kind: &str) -> bool {
    kind.starts_with("Ray")
        || is_training(kind)
        || matches!(kind, "LeaderWorkerSet" | "JobSet" | "Workflow")
}

fn is_training(kind: &str) -> bool {
    matches!(kind, "PyTorchJob" | "TFJob" | "JAXJob" | "MPIJob" | "TrainJob" | "TrainingJob")
}

fn kind_hint(evidence: &Evidence<'_>, engine: Option<&EngineFacts>) -> Option<KindHint> {
    let kind = evidence.name.kind.as_str();
    let finite = matches!(kind, "Job" | "CronJob" | "JobSet" | "RayJob" | "Workflow");
    let serves = engine.is_some_and(|it| it.engine.is_some());
    if is_training(kind) || engine.is_some_and(|it| it.trains) {
        return Some(KindHint::Training);
    }
    match (finite, serves) {
        (true, _) => Some(KindHint::Finite),
        (false, true) => Some(KindHint::Serving),
        (false, false) => None,
    }
}
