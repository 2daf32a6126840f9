//! Whose pod it is: from a pod through its controllers to the workload a person would name.

use std::collections::BTreeMap;

use super::raw::{Meta, OwnerReference};

/// Labels that name a team, the surest first.
const TEAM: [&str; 7] = [
    "team",
    "owner",
    "squad",
    "app.kubernetes.io/team",
    "app.kubernetes.io/owner",
    "department",
    "cost-center",
];
/// A label that names a larger system, which is an owner only where no team is named.
const SYSTEM: [&str; 1] = ["app.kubernetes.io/part-of"];
/// Labels that name an environment.
const ENVIRONMENT: [&str; 4] =
    ["environment", "env", "app.kubernetes.io/environment", "tags.datadoghq.com/env"];
/// Labels that name a pod nothing controls.
const NAME: [&str; 3] = ["app.kubernetes.io/instance", "app.kubernetes.io/name", "app"];
/// Labels by which an operator marks its pods, and the kind they name.
const OPERATOR: [(&str, &str); 6] = [
    ("serving.kserve.io/inferenceservice", "InferenceService"),
    ("leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"),
    ("ray.io/originated-from-cr-name", "RayService"),
    ("ray.io/cluster", "RayCluster"),
    ("jobset.sigs.k8s.io/jobset-name", "JobSet"),
    ("training.kubeflow.org/job-name", "TrainingJob"),
];
const RAY_KIND: &str = "ray.io/originated-from-crd";
const HASH: &str = "pod-template-hash";
/// Owners of owners that are followed.
const MAX_DEPTH: usize = 8;

/// True for the labels that are read; all others are skipped.
pub(super) fn keeps_label(key: &str) -> bool {
    const OTHER: [&str; 6] = [
        HASH,
        RAY_KIND,
        "kubernetes.io/hostname",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "k8s.amazonaws.com/accelerator",
    ];
    const PREFIXES: [&str; 7] = [
        "nvidia.com/gpu.",
        "nvidia.com/mig",
        "gpu.nvidia.com/",
        "amd.com/gpu.",
        "beta.amd.com/gpu.",
        "cloud.google.com/gke-",
        "karpenter.k8s.aws/instance-gpu-",
    ];
    let lists: [&[&str]; 5] = [&TEAM, &SYSTEM, &ENVIRONMENT, &NAME, &OTHER];
    lists.iter().any(|it| it.contains(&key))
        || OPERATOR.iter().any(|it| it.0 == key)
        || PREFIXES.iter().any(|it| key.starts_with(it))
}

/// A controller, or a pod without one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub namespace: String,
    pub name: String,
    pub kind: String,
}

impl Identity {
    pub(super) fn new(namespace: &str, kind: &str, name: &str) -> Identity {
        Identity { namespace: namespace.to_owned(), name: name.to_owned(), kind: kind.to_owned() }
    }
}

/// The controllers seen in any snapshot, by who they are.
pub(super) type Controllers<'a> = BTreeMap<Identity, &'a Meta>;

/// The workload of a pod.
pub(super) fn of_pod(pod: &Meta, controllers: &Controllers<'_>) -> Identity {
    if let Some(found) = by_operator(pod) {
        return top(found, controllers);
    }
    match pod.controller() {
        // A static pod belongs to its node.
        Some(owner) if owner.kind != "Node" => top(owner_of(pod, owner, controllers), controllers),
        _ => {
            let label = NAME.iter().find_map(|it| pod.label(it));
            Identity::new(pod.namespace(), "Pod", label.unwrap_or_else(|| stem(pod)))
        }
    }
}

/// The workload a controller belongs to: itself, or what owns it.
pub(super) fn of_controller(found: Identity, controllers: &Controllers<'_>) -> Identity {
    top(found, controllers)
}

/// A name without the letters the server added to make it unique.
fn stem(meta: &Meta) -> &str {
    let generated = meta.generate_name.as_deref().map(|it| it.trim_end_matches('-'));
    generated.filter(|it| !it.is_empty()).unwrap_or(&meta.name)
}

fn by_operator(meta: &Meta) -> Option<Identity> {
    let (key, kind) = OPERATOR.iter().find(|it| meta.label(it.0).is_some())?;
    let kind = meta.label(RAY_KIND).filter(|_| kind.starts_with("Ray")).unwrap_or(kind);
    Some(Identity::new(meta.namespace(), kind, meta.label(key)?))
}

/// The owner of an object, and what its name says when the owner itself is not in the file.
fn owner_of(owned: &Meta, owner: &OwnerReference, controllers: &Controllers<'_>) -> Identity {
    let found = Identity::new(owned.namespace(), &owner.kind, &owner.name);
    if controllers.contains_key(&found) {
        return found;
    }
    let by_label = owned
        .label(HASH)
        .filter(|_| owner.kind == "ReplicaSet")
        .and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
    match by_label {
        Some(name) => Identity::new(owned.namespace(), "Deployment", name),
        None => maker_by_name(&found).unwrap_or(found),
    }
}

/// The deployment of a replica set, the cron job of a job, as the name alone says.
pub(super) fn maker_by_name(made: &Identity) -> Option<Identity> {
    let (kind, name) = match made.kind.to_lowercase().as_str() {
        "replicaset" => ("Deployment", without_hash(&made.name)?),
        "job" => ("CronJob", without_schedule(&made.name)?),
        _ => return None,
    };
    Some(Identity::new(&made.namespace, kind, name))
}

fn top(start: Identity, controllers: &Controllers<'_>) -> Identity {
    let mut found = start;
    for _ in 0..MAX_DEPTH {
        let Some(meta) = controllers.get(&found) else { break };
        let next = match (by_operator(meta), meta.controller()) {
            (Some(owner), _) if owner != found => owner,
            (_, Some(owner)) => owner_of(meta, owner, controllers),
            _ => {
                found.name = stem(meta).to_owned();
                break;
            }
        };
        if next == found {
            break;
        }
        found = next;
    }
    if found.kind == "RayCluster" && !controllers.contains_key(&found) {
        // A RayService names its clusters SERVICE-raycluster-xxxxx.
        if let Some((service, _)) = found.name.rsplit_once("-raycluster-") {
            found = Identity::new(&found.namespace, "RayService", service);
        }
    }
    found
}

/// Letters Kubernetes uses in generated names: no vowels, no 0, 1 or 3.
fn is_generated(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}

/// `chat-7d9c5b8f6b` without the hash of its template.
fn without_hash(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    ((6..=10).contains(&hash.len()) && is_generated(hash)).then_some(stem)
}

/// `nightly-29123456` without the minute it was scheduled for.
fn without_schedule(name: &str) -> Option<&str> {
    let (stem, minute) = name.rsplit_once('-')?;
    (minute.len() == 8 && minute.bytes().all(|b| b.is_ascii_digit())).then_some(stem)
}

/// True when `pod` can be a pod of the controller: its name and what that kind appends.
pub(super) fn made_by(pod: &str, controller: &Identity) -> bool {
    let Some(rest) = pod.strip_prefix(&controller.name).and_then(|it| it.strip_prefix('-')) else {
        return false;
    };
    let number = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
    let random = |it: &str| it.len() == 5 && is_generated(it);
    let parts: Vec<&str> = rest.split('-').collect();
    match (controller.kind.as_str(), parts.as_slice()) {
        ("Deployment" | "Rollout", [hash, pod]) => {
            (6..=10).contains(&hash.len()) && is_generated(hash) && random(pod)
        }
        ("StatefulSet", [n]) => number(n),
        ("LeaderWorkerSet", [n] | [n, _]) => number(n) && parts.iter().all(|it| number(it)),
        ("ReplicaSet" | "DaemonSet" | "Job", [pod]) => random(pod),
        ("Job", [n, pod]) => number(n) && random(pod),
        ("CronJob", [minute, pod]) => minute.len() == 8 && number(minute) && random(pod),
        ("CronJob", [minute, n, pod]) => minute.len() == 8 && number(n) && random(pod),
        _ => false,
    }
}

/// The owner by the labels of pod, controller and namespace, in that order: a team where any of
/// them names one, else the system they are part of.
pub(super) fn owner(metas: &[Option<&Meta>]) -> Option<String> {
    first_label(metas, &TEAM).or_else(|| first_label(metas, &SYSTEM))
}

/// The environment by the same labels.
pub(super) fn environment(metas: &[Option<&Meta>]) -> Option<String> {
    first_label(metas, &ENVIRONMENT)
}

fn first_label(metas: &[Option<&Meta>], keys: &[&str]) -> Option<String> {
    metas
        .iter()
        .flatten()
        .find_map(|meta| keys.iter().find_map(|it| meta.label(it)))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_are_gone_keep_their_makers_name() {
        let check = |pod: &str, kind: &str, name: &str, expected: bool| {
            assert_eq!(made_by(pod, &Identity::new("n", kind, name)), expected, "{pod} {kind}");
        };
        check("chat-7d9c5b8f6b-x2x4z", "Deployment", "chat", true);
        check("chat-eu-7d9c5b8f6b-x2x4z", "Deployment", "chat", false);
        check("chat-7d9c5b8f6b", "Deployment", "chat", false);
        check("rag-0", "StatefulSet", "rag", true);
        check("rag-db-0", "StatefulSet", "rag", false);
        check("big-0-3", "LeaderWorkerSet", "big", true);
        check("train-x2x4z", "Job", "train", true);
        check("train-12-x2x4z", "Job", "train", true);
        check("night-29123456-x2x4z", "CronJob", "night", true);
        check("night-x2x4z", "CronJob", "night", false);
    }

    #[test]
    fn names_lose_only_generated_endings() {
        assert_eq!(without_hash("chat-7d9c5b8f6b"), Some("chat"));
        assert_eq!(without_hash("chat-prod"), None);
        assert_eq!(without_hash("chat-service"), None);
        assert_eq!(without_schedule("night-29123456"), Some("night"));
        assert_eq!(without_schedule("night-2912345"), None);
    }
}
