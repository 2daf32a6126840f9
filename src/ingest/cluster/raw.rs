//! The shape of Kubernetes objects, with the few fields that are needed and no others.
//!
//! Environment values, annotations, volumes and the contents of secrets have no field here, so they
//! are skipped as text and never held. Command lines are read into [`EngineFacts`] at once and
//! dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::engine::{self, EngineFacts};
use super::gpu;
use crate::units::Timestamp;

/// What tells an item's kind.
#[derive(Deserialize)]
pub(super) struct Head {
    pub kind: Option<String>,
}

/// An object of which `S` is the spec and `T` the status.
#[derive(Deserialize)]
pub(super) struct Object<S, T> {
    pub metadata: Meta,
    #[serde(default = "Option::default")]
    pub spec: Option<S>,
    #[serde(default = "Option::default")]
    pub status: Option<T>,
}

/// Who an object is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub name: String,
    pub namespace: Option<String>,
    pub uid: Option<String>,
    pub generate_name: Option<String>,
    pub labels: Option<Labels>,
    pub owner_references: Option<Vec<OwnerReference>>,
    pub creation_timestamp: Option<Stamp>,
}

impl Meta {
    /// The owner that controls it.
    pub(super) fn controller(&self) -> Option<&OwnerReference> {
        let owners = self.owner_references.as_deref()?;
        owners.iter().find(|it| it.controller == Some(true)).or_else(|| owners.first())
    }

    /// Its namespace; nothing for objects of the whole cluster.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// The value of a label that is not blank.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref()?.get(key)
    }
}

/// A link to an owner.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub uid: Option<String>,
    pub controller: Option<bool>,
}

/// A JSON object of which only some keys are kept.
struct KeptKeys<V, F>(fn(&str) -> bool, F, PhantomData<V>);

impl<'de, V, W, F> Visitor<'de> for KeptKeys<V, F>
where
    V: Deserialize<'de>,
    F: FnMut(V) -> Result<W, &'static str>,
{
    type Value = BTreeMap<String, W>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if (self.0)(&key) {
                let value = (self.1)(map.next_value()?).map_err(A::Error::custom)?;
                kept.insert(key, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept)
    }
}

/// The labels that name a GPU, an owner, an environment or a controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a label that is not blank.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|it| !it.trim().is_empty())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Labels, D::Error> {
        let text = |value: Option<String>| Ok(value.unwrap_or_default());
        from.deserialize_map(KeptKeys(super::owner::keeps_label, text, PhantomData)).map(Labels)
    }
}

/// Amounts of GPU resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resources(pub BTreeMap<String, u64>);

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Resources, D::Error> {
        from.deserialize_map(KeptKeys(gpu::is_resource, quantity, PhantomData)).map(Resources)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
    Other(IgnoredAny),
}

/// A whole number, which every extended resource is; `2k` is 2000.
fn quantity(value: Quantity) -> Result<u64, &'static str> {
    const FAULT: &str = "an amount of a GPU resource is not a whole number";
    match value {
        Quantity::Number(number) => Ok(number),
        Quantity::Text(text) => match text.trim().strip_suffix('k') {
            Some(thousands) => thousands.parse::<u64>().ok().and_then(|it| it.checked_mul(1000)),
            None => text.trim().parse().ok(),
        }
        .ok_or(FAULT),
        Quantity::Other(_) => Err(FAULT),
    }
}

/// An instant such as 2026-10-05T14:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(pub Timestamp);

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Stamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse(&text, Tz::UTC)
            .map(Stamp)
            .map_err(|_| D::Error::custom("a time is not one such as 2026-10-05T14:00:00Z"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeSpec {
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NodeStatus {
    pub capacity: Option<Resources>,
    pub allocatable: Option<Resources>,
    pub conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    pub last_heartbeat_time: Option<Stamp>,
}

/// What a pod, or the template of one, asks for and starts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "PodSpec")]
pub(super) struct PodShape {
    pub node_name: Option<String>,
    pub requests: Resources,
    pub engine: Option<EngineFacts>,
    /// True when devices are asked for through resource claims, which are not read.
    pub uses_claims: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    resource_claims: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    image: Option<String>,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
    resources: Option<Requirements>,
    restart_policy: Option<String>,
}

#[derive(Deserialize)]
struct Requirements {
    limits: Option<Resources>,
    requests: Option<Resources>,
}

impl Container {
    /// GPUs are not overcommitted: the limit is the request, and either may be left out.
    fn resources(&self) -> BTreeMap<String, u64> {
        let Some(asked) = &self.resources else { return BTreeMap::new() };
        let mut amounts = asked.requests.clone().unwrap_or_default().0;
        amounts.extend(asked.limits.clone().unwrap_or_default().0);
        amounts
    }

    /// An init container that keeps running beside the others.
    fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

impl From<PodSpec> for PodShape {
    /// The scheduler's rule: containers and sidecars add up, and each other init container needs
    /// its own beside the sidecars started before it; the larger counts, per resource.
    fn from(spec: PodSpec) -> PodShape {
        let containers = spec.containers.unwrap_or_default();
        let mut sum: BTreeMap<String, u64> = BTreeMap::new();
        let mut most: BTreeMap<String, u64> = BTreeMap::new();
        for init in spec.init_containers.unwrap_or_default() {
            for (name, amount) in init.resources() {
                let running = sum.entry(name.clone()).or_default();
                let with_it = running.saturating_add(amount);
                if init.is_sidecar() {
                    *running = with_it;
                }
                let peak = most.entry(name).or_default();
                *peak = with_it.max(*peak);
            }
        }
        for (name, amount) in containers.iter().flat_map(Container::resources) {
            let running = sum.entry(name).or_default();
            *running = running.saturating_add(amount);
        }
        for (name, amount) in sum {
            let peak = most.entry(name).or_default();
            *peak = amount.max(*peak);
        }
        most.retain(|_, amount| *amount > 0);
        let line = |it: &Container| {
            let none: &[String] = &[];
            engine::read(
                it.image.as_deref(),
                it.command.as_deref().unwrap_or(none),
                it.args.as_deref().unwrap_or(none),
            )
        };
        let mut engines: Vec<EngineFacts> = containers.iter().filter_map(line).collect();
        // A proxy or an exporter beside the server is none of the known programs, so one remains.
        engines.sort_by_key(|it| (it.engine.is_none(), it.engine));
        PodShape {
            node_name: spec.node_name,
            requests: Resources(most),
            engine: engines.into_iter().next(),
            uses_claims: spec.resource_claims.is_some_and(|it| !it.is_empty()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub phase: Option<String>,
    pub start_time: Option<Stamp>,
    pub container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Deserialize)]
pub(super) struct ContainerStatus {
    pub state: Option<ContainerState>,
}

#[derive(Deserialize)]
pub(super) struct ContainerState {
    pub terminated: Option<Terminated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terminated {
    pub finished_at: Option<Stamp>,
}

/// Spec of whatever starts pods: deployments, stateful sets, jobs, cron jobs, leader-worker sets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkSpec {
    pub replicas: Option<u64>,
    pub parallelism: Option<u64>,
    pub template: Option<Template>,
    pub job_template: Option<JobTemplate>,
    pub leader_worker_template: Option<LeaderWorkerTemplate>,
}

#[derive(Deserialize)]
pub(super) struct Template {
    pub metadata: Option<TemplateMeta>,
    pub spec: Option<PodShape>,
}

#[derive(Deserialize)]
pub(super) struct TemplateMeta {
    pub labels: Option<Labels>,
}

#[derive(Deserialize)]
pub(super) struct JobTemplate {
    pub spec: Option<JobTemplateSpec>,
}

#[derive(Deserialize)]
pub(super) struct JobTemplateSpec {
    pub parallelism: Option<u64>,
    pub template: Option<Template>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaderWorkerTemplate {
    pub size: Option<u64>,
    pub leader_template: Option<Template>,
    pub worker_template: Option<Template>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkStatus {
    pub observed_generation: Option<u64>,
    pub replicas: Option<u64>,
    pub ready_replicas: Option<u64>,
    pub desired_number_scheduled: Option<u64>,
    pub number_ready: Option<u64>,
}

/// Spec of a `HorizontalPodAutoscaler` or a KEDA `ScaledObject`; what a trigger connects to is not
/// read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalerSpec {
    pub scale_target_ref: TargetReference,
    pub min_replicas: Option<u64>,
    pub max_replicas: Option<u64>,
    pub min_replica_count: Option<u64>,
    pub max_replica_count: Option<u64>,
    pub metrics: Option<Vec<Metric>>,
    pub triggers: Option<Vec<Trigger>>,
}

#[derive(Deserialize)]
pub(super) struct TargetReference {
    pub kind: Option<String>,
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct Metric {
    pub r#type: Option<String>,
    pub resource: Option<MetricName>,
}

#[derive(Deserialize)]
pub(super) struct MetricName {
    pub name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Trigger {
    pub r#type: Option<String>,
}
