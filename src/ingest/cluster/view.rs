//! All snapshots of a run, joined: from a billed machine, a pod or a model to the workload.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{self, Evidence, Placed, ScalerFacts, WorkloadFacts};
use super::gpu::GpuCapacity;
use super::hold::{self, Held, Holder, Machine};
use super::join::{self, Joined};
use super::notices::Notices;
use super::owner::{self, Controllers, Identity};
use super::raw::Meta;
use super::{Snapshot, Work, resource};
use crate::units::Timestamp;

/// Who used what, over all snapshots.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterView {
    /// Machines and scale sets.
    machines: Vec<Machine>,
    /// Where a name in a bill leads; nothing when two machines bear it.
    by_name: BTreeMap<String, Option<usize>>,
    /// Workload of each controller seen or inferred.
    controllers: BTreeMap<Identity, String>,
    /// Workload of each pod, by namespace and name.
    pods: BTreeMap<(String, String), String>,
    /// Workload of each model name; nothing when several serve it.
    models: BTreeMap<String, Option<String>>,
    facts: BTreeMap<String, WorkloadFacts>,
    notices: Vec<String>,
    times: Vec<Timestamp>,
}

impl ClusterView {
    /// Joins snapshots, in whatever order they come.
    pub(crate) fn new(snapshots: Vec<Snapshot>) -> ClusterView {
        let mut view = build(&snapshots);
        view.times = snapshots.iter().filter_map(|it| it.at).collect();
        view.times.sort_unstable();
        drop(snapshots);
        view
    }

    /// When the snapshots were taken, in order.
    pub(crate) fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// A billed machine: when it was there and who held its GPUs. `resource_id` and
    /// `resource_name` as a bill states them; to be asked for rows of machines only. Nothing when no
    /// snapshot lists it, or when two machines bear the name. What the claims leave of it is idle.
    pub(crate) fn machine(
        &self,
        resource_id: &str,
        resource_name: Option<&str>,
    ) -> Option<&Machine> {
        let names = resource::names_in_bill(resource_id, resource_name);
        let mut known = names.iter().filter_map(|it| self.by_name.get(it)).copied();
        known.find_map(|it| it).and_then(|at| self.machines.get(at))
    }

    /// The workload of a pod: as a snapshot shows it, else by the controller whose pods are named
    /// so.
    pub(crate) fn workload_of_pod(&self, namespace: &str, pod: &str) -> Option<&str> {
        if let Some(found) = self.pods.get(&(namespace.to_owned(), pod.to_owned())) {
            return Some(found);
        }
        let own = self.controllers.iter().filter(|(it, _)| it.namespace == namespace);
        let makers = own.filter(|(it, _)| owner::made_by(pod, it));
        makers.max_by_key(|(it, _)| it.name.len()).map(|(_, workload)| workload.as_str())
    }

    /// The workload of a controller; the kind in any case, as `Deployment` or `deployment`.
    pub(crate) fn workload_of_controller(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
    ) -> Option<&str> {
        let find = |wanted: &Identity| {
            let matches = |it: &Identity| {
                it.namespace == wanted.namespace
                    && it.name == wanted.name
                    && it.kind.eq_ignore_ascii_case(&wanted.kind)
            };
            self.controllers.iter().find(|(it, _)| matches(it)).map(|(_, called)| called.as_str())
        };
        let wanted = Identity::new(namespace, kind, name);
        find(&wanted).or_else(|| find(&owner::maker_by_name(&wanted)?))
    }

    /// The workload that serves a model, by the name clients ask for, an adapter's name or the
    /// model's id; nothing when several workloads serve it.
    pub(crate) fn workload_of_model(&self, model: &str) -> Option<&str> {
        self.models.get(model)?.as_deref()
    }

    /// Facts of every workload that uses GPUs or serves a model, by its name.
    pub(crate) fn facts(&self) -> &BTreeMap<String, WorkloadFacts> {
        &self.facts
    }

    /// What the reader must know, one sentence each.
    pub(crate) fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }
}

fn build(snapshots: &[Snapshot]) -> ClusterView {
    let joined = join::join(snapshots);
    let names = Names::of(&joined);
    let mut notices = Notices::default();
    let split: BTreeSet<usize> = joined
        .pods
        .iter()
        .filter(|it| it.pod.shape.requests.splits_gpu())
        .filter_map(|it| it.node)
        .collect();
    let mut capacities: Vec<Option<GpuCapacity>> = Vec::new();
    for (at, it) in joined.nodes.iter().enumerate() {
        let found = GpuCapacity::of(&it.node.labels(), &it.resources, split.contains(&at));
        capacities.push(found.unwrap_or_else(|why| {
            notices.unread.push((format!("node {}", it.node.meta.name), why));
            None
        }));
    }
    let held = machines(&joined, &names, &capacities, &mut notices);
    let (machines, by_name) = index(&joined, held);
    let facts = all_facts(&joined, &names, &capacities);
    let pods = joined.pods.iter().zip(&names.of_pods).map(|(pod, identity)| {
        let meta = &pod.pod.meta;
        ((meta.namespace().to_owned(), meta.name.clone()), names.name(identity))
    });
    ClusterView {
        times: Vec::new(),
        machines,
        by_name,
        pods: pods.collect(),
        controllers: names.controllers(),
        models: models(&facts),
        facts,
        notices: notices.sentences(&joined),
    }
}

/// The workload of every pod and controller, and what it is called.
struct Names<'a> {
    /// In the order of the joined pods.
    of_pods: Vec<Identity>,
    /// Controllers of all snapshots, as the latest shows them.
    work: BTreeMap<Identity, &'a Work>,
    /// The workload each of them belongs to.
    top: BTreeMap<Identity, Identity>,
    called: BTreeMap<Identity, String>,
}

impl<'a> Names<'a> {
    fn of(joined: &Joined<'a>) -> Names<'a> {
        let all = joined.snapshots.iter().flat_map(|it| &it.work);
        let work: BTreeMap<Identity, &Work> = all
            .map(|it| (Identity::new(it.meta.namespace(), &it.kind, &it.meta.name), it))
            .collect();
        let metas: Controllers<'_> = work.iter().map(|(id, it)| (id.clone(), &it.meta)).collect();
        let of_pods: Vec<Identity> =
            joined.pods.iter().map(|it| owner::of_pod(&it.pod.meta, &metas)).collect();
        let mut top: BTreeMap<Identity, Identity> =
            work.keys().map(|it| (it.clone(), owner::of_controller(it.clone(), &metas))).collect();
        for found in &of_pods {
            top.entry(found.clone()).or_insert_with(|| found.clone());
        }
        let workloads: BTreeSet<&Identity> = top.values().collect();
        let called = workloads.iter().map(|it| ((*it).clone(), called(it, &workloads))).collect();
        Names { of_pods, work, top, called }
    }

    fn name(&self, identity: &Identity) -> String {
        self.called.get(identity).cloned().unwrap_or_else(|| identity.name.clone())
    }

    fn controllers(&self) -> BTreeMap<Identity, String> {
        self.top.iter().map(|(it, top)| (it.clone(), self.name(top))).collect()
    }
}

/// The shortest of name, `namespace/name` and `namespace/kind/name` that no other workload bears.
fn called(own: &Identity, all: &BTreeSet<&Identity>) -> String {
    let others = || all.iter().filter(|it| ***it != *own && it.name == own.name);
    if others().next().is_none() {
        own.name.clone()
    } else if others().all(|it| it.namespace != own.namespace) {
        format!("{}/{}", own.namespace, own.name)
    } else {
        format!("{}/{}/{}", own.namespace, own.kind.to_lowercase(), own.name)
    }
}

/// Who held the GPUs of each node.
fn machines(
    joined: &Joined<'_>,
    names: &Names<'_>,
    capacities: &[Option<GpuCapacity>],
    notices: &mut Notices,
) -> Vec<Machine> {
    let mut holders: Vec<Vec<Holder>> = capacities.iter().map(|_| Vec::new()).collect();
    for (pod, identity) in joined.pods.iter().zip(&names.of_pods) {
        if !(pod.ran && pod.pod.shape.requests.any_gpu()) {
            continue;
        }
        let meta = &pod.pod.meta;
        let shown = format!("{}/{}", meta.namespace(), meta.name);
        let Some(at) = pod.node else {
            notices.nowhere.push(shown);
            continue;
        };
        // A node whose GPUs cannot be told was named already.
        let (Some(Some(capacity)), Some(held), Some(node)) =
            (capacities.get(at), holders.get_mut(at), joined.nodes.get(at))
        else {
            continue;
        };
        match capacity.units_of(&pod.pod.shape.requests) {
            Err(why) => notices.unread.push((format!("pod {shown}"), why)),
            Ok(None) => {}
            Ok(Some(units)) => {
                notices.uncertain(pod);
                held.push(Holder {
                    workload: names.name(identity),
                    namespace: meta.namespace().to_owned(),
                    pod: meta.name.clone(),
                    units,
                    // It was on the node while the node was there.
                    from: pod.from.or(node.from),
                    to: pod.to.into_iter().chain(node.to).min(),
                    last_seen: pod.last_seen,
                    end_known: pod.end_known,
                });
            }
        }
    }
    let held = joined.nodes.iter().zip(capacities).zip(holders);
    held.map(|((node, capacity), holders)| {
        let Some(capacity) = capacity else { return Machine::default() };
        let Held { claims, crowded } = hold::hold(capacity, holders);
        notices.crowded.extend(crowded);
        Machine::new(capacity, (node.from, node.to), claims)
    })
    .collect()
}

/// Machines and scale sets under every name a bill may use.
fn index(
    joined: &Joined<'_>,
    mut machines: Vec<Machine>,
) -> (Vec<Machine>, BTreeMap<String, Option<usize>>) {
    let mut by_name: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut sets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, it) in joined.nodes.iter().enumerate() {
        let id = it.node.provider_id.as_deref();
        for name in resource::names_of_node(id, &it.node.meta.name) {
            by_name.entry(name).and_modify(|it| *it = None).or_insert(Some(at));
        }
        if let Some(set) = id.and_then(resource::scale_set) {
            sets.entry(set).or_default().push(at);
        }
    }
    for (set, nodes) in sets {
        let members: Vec<&Machine> = nodes.iter().filter_map(|at| machines.get(*at)).collect();
        let set_of_machines = Machine::of_set(&members);
        by_name.insert(set, Some(machines.len()));
        machines.push(set_of_machines);
    }
    (machines, by_name)
}

fn all_facts(
    joined: &Joined<'_>,
    names: &Names<'_>,
    capacities: &[Option<GpuCapacity>],
) -> BTreeMap<String, WorkloadFacts> {
    let namespaces: BTreeMap<&str, &Meta> = joined
        .snapshots
        .iter()
        .flat_map(|it| &it.namespaces)
        .map(|it| (it.name.as_str(), it))
        .collect();
    let scalers = scalers(joined, names);
    let any_sharing = capacities.iter().flatten().any(|it| !it.is_whole());
    let mut pods: BTreeMap<&Identity, Vec<Placed<'_>>> = BTreeMap::new();
    for (joined_pod, identity) in joined.pods.iter().zip(&names.of_pods) {
        pods.entry(identity).or_default().push(Placed {
            joined: joined_pod,
            node: joined_pod.node.and_then(|at| joined.nodes.get(at)).map(|it| it.node),
            capacity: joined_pod.node.and_then(|at| capacities.get(at).copied().flatten()),
        });
    }
    let mut work: BTreeMap<&Identity, Vec<&Work>> = BTreeMap::new();
    for (own, top) in &names.top {
        // Old replica sets keep the template of the past.
        if let Some(found) = names.work.get(own).filter(|_| own.kind != "ReplicaSet" || own == top)
        {
            work.entry(top).or_default().push(found);
        }
    }
    let found = names.called.iter().filter_map(|(identity, name)| {
        let mut own = work.remove(identity).unwrap_or_default();
        own.sort_by_key(|it| (it.kind != identity.kind, it.kind == "Job", it.meta.name.clone()));
        let mut pods = pods.remove(identity).unwrap_or_default();
        pods.sort_by_key(|it| (it.joined.from, it.joined.pod.meta.name.clone()));
        let facts = facts::facts(&Evidence {
            name: identity,
            work: own,
            pods,
            namespace: namespaces.get(identity.namespace.as_str()).copied(),
            scaler: scalers.get(identity).copied(),
            any_sharing,
        })?;
        Some((name.clone(), facts))
    });
    found.collect()
}

/// What scales each workload; KEDA's own object before the autoscaler it makes.
fn scalers<'a>(joined: &Joined<'a>, names: &Names<'_>) -> BTreeMap<Identity, &'a ScalerFacts> {
    let mut found: BTreeMap<Identity, &ScalerFacts> = BTreeMap::new();
    let snapshots = joined.snapshots.iter();
    let mut all: Vec<_> = snapshots.flat_map(|it| &it.scalers).collect();
    all.sort_by_key(|it| it.facts.by_keda);
    for scaler in all {
        let target = Identity::new(&scaler.namespace, &scaler.target_kind, &scaler.target);
        let top = names.top.get(&target).cloned().unwrap_or(target);
        found.insert(top, &scaler.facts);
    }
    found
}

fn models(facts: &BTreeMap<String, WorkloadFacts>) -> BTreeMap<String, Option<String>> {
    let mut models: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (workload, facts) in facts {
        let Some(engine) = &facts.engine else { continue };
        let served = engine.served_model_names.iter().chain(&engine.lora_names);
        let names: BTreeSet<&String> = served.chain(&engine.model).collect();
        for name in names {
            models
                .entry(name.clone())
                .and_modify(|it| *it = None)
                .or_insert_with(|| Some(workload.clone()));
        }
    }
    models
}
