//! Snapshots in order of time, with each node and each pod once: first seen, last seen, gone.

use std::collections::{BTreeMap, BTreeSet};

use super::raw::Meta;
use super::{Node, Pod, Snapshot};
use crate::units::Timestamp;

/// A node over all snapshots.
#[derive(Clone, Debug)]
pub(super) struct JoinedNode<'a> {
    /// As the latest snapshot shows it.
    pub node: &'a Node,
    /// The most GPUs it ever offered.
    pub resources: super::Resources,
    /// When it was created.
    pub from: Option<Timestamp>,
    /// The first snapshot without it.
    pub to: Option<Timestamp>,
    last: usize,
}

/// A pod over all snapshots.
#[derive(Clone, Debug)]
pub(super) struct JoinedPod<'a> {
    /// As the latest snapshot shows it.
    pub pod: &'a Pod,
    /// Index of its node, if a snapshot lists it.
    pub node: Option<usize>,
    /// True when it was seen running, or has ended and says from when to when it ran.
    pub ran: bool,
    /// When it started.
    pub from: Option<Timestamp>,
    /// When it ended, or the first snapshot that shows that it has.
    pub to: Option<Timestamp>,
    /// The latest instant it was surely running; nothing when its end is known.
    pub last_seen: Option<Timestamp>,
    /// True when `to` is the instant itself.
    pub end_known: bool,
    last: usize,
}

/// All snapshots.
pub(super) struct Joined<'a> {
    pub snapshots: Vec<&'a Snapshot>,
    pub nodes: Vec<JoinedNode<'a>>,
    pub pods: Vec<JoinedPod<'a>>,
    /// Clusters the snapshots come from.
    pub n_clusters: usize,
}

/// Puts the snapshots in order and follows every node and pod through them.
pub(super) fn join(snapshots: &[Snapshot]) -> Joined<'_> {
    let mut ordered: Vec<&Snapshot> = snapshots.iter().collect();
    ordered.sort_by_key(|it| it.at);
    let clusters = clusters(&ordered);
    let (nodes, places) = nodes(&ordered, &clusters);
    let pods = pods(&ordered, &clusters, &places);
    let n_clusters = clusters.iter().collect::<BTreeSet<_>>().len();
    Joined { snapshots: ordered, nodes, pods, n_clusters }
}

/// The cluster of each snapshot. Snapshots that share an object are of one cluster; a list without
/// pods or without nodes also meets others of its kind by the names of nodes.
fn clusters(snapshots: &[&Snapshot]) -> Vec<usize> {
    let mut root: Vec<usize> = (0..snapshots.len()).collect();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (at, snapshot) in snapshots.iter().enumerate() {
        for mark in marks(snapshot) {
            let other = *first.entry(mark).or_insert(at);
            let (a, b) = (root.get(at).copied(), root.get(other).copied());
            if let (Some(a), Some(b)) = (a, b)
                && a != b
            {
                let joined = a.min(b);
                root.iter_mut().filter(|it| **it == a || **it == b).for_each(|it| *it = joined);
            }
        }
    }
    root
}

fn marks(snapshot: &Snapshot) -> BTreeSet<String> {
    let mark = |kind: &str, meta: &Meta| {
        let named = || format!("{kind}/{}/{}", meta.namespace(), meta.name);
        meta.uid.clone().unwrap_or_else(named)
    };
    let mut marks = BTreeSet::new();
    marks.extend(snapshot.nodes.iter().map(|it| mark("Node", &it.meta)));
    marks.extend(snapshot.pods.iter().map(|it| mark("Pod", &it.meta)));
    marks.extend(snapshot.work.iter().map(|it| mark(&it.kind, &it.meta)));
    marks.extend(snapshot.namespaces.iter().filter_map(|it| it.uid.clone()));
    let metas =
        snapshot.pods.iter().map(|it| &it.meta).chain(snapshot.work.iter().map(|it| &it.meta));
    let owners = metas.flat_map(|it| it.owner_references.as_deref().unwrap_or_default());
    marks.extend(owners.filter_map(|it| it.uid.clone()));
    if snapshot.pods.is_empty() {
        marks.extend(snapshot.nodes.iter().map(|it| format!("node name {}", it.meta.name)));
    }
    if snapshot.nodes.is_empty() {
        let names = snapshot.pods.iter().filter_map(|it| it.shape.node_name.as_ref());
        marks.extend(names.map(|it| format!("node name {it}")));
    }
    marks
}

/// Where to look for the node a pod names.
struct Places<'a> {
    /// By snapshot and name.
    exact: BTreeMap<(usize, &'a str), usize>,
    /// By cluster and name, over all snapshots.
    ever: BTreeMap<(usize, &'a str), BTreeSet<usize>>,
}

fn nodes<'a>(snapshots: &[&'a Snapshot], clusters: &[usize]) -> (Vec<JoinedNode<'a>>, Places<'a>) {
    let mut joined: Vec<JoinedNode<'a>> = Vec::new();
    let mut by_key: BTreeMap<(Option<usize>, String), usize> = BTreeMap::new();
    let mut places = Places { exact: BTreeMap::new(), ever: BTreeMap::new() };
    for (at, (snapshot, cluster)) in snapshots.iter().zip(clusters).enumerate() {
        for node in &snapshot.nodes {
            // A name may come back for another machine; the provider's id does not.
            let key = match &node.provider_id {
                Some(id) => (None, id.to_lowercase()),
                None => (Some(*cluster), node.meta.name.clone()),
            };
            let index = *by_key.entry(key).or_insert(joined.len());
            let from = node.meta.creation_timestamp.map(|it| it.0);
            match joined.get_mut(index) {
                Some(known) => {
                    known.resources = known.resources.clone().larger(&node.resources);
                    (known.node, known.last) = (node, at);
                }
                None => joined.push(JoinedNode {
                    node,
                    resources: node.resources.clone(),
                    from,
                    to: None,
                    last: at,
                }),
            }
            places.exact.insert((at, &node.meta.name), index);
            places.ever.entry((*cluster, &node.meta.name)).or_default().insert(index);
        }
    }
    for node in &mut joined {
        node.to = later(snapshots, clusters, node.last)
            .find(|(_, it)| !it.nodes.is_empty())
            .and_then(|(_, it)| it.at);
    }
    (joined, places)
}

/// Snapshots of the same cluster taken after snapshot `at`.
fn later<'s, 'a>(
    snapshots: &'s [&'a Snapshot],
    clusters: &'s [usize],
    at: usize,
) -> impl Iterator<Item = (usize, &'a Snapshot)> + 's {
    let own = (clusters.get(at), snapshots.get(at).and_then(|it| it.at));
    let all = snapshots.iter().copied().enumerate().zip(clusters).skip(at + 1);
    all.filter(move |((_, it), cluster)| {
        Some(*cluster) == own.0 && own.1.is_some() && it.at > own.1
    })
    .map(|(it, _)| it)
}

fn pods<'a>(
    snapshots: &[&'a Snapshot],
    clusters: &[usize],
    places: &Places<'a>,
) -> Vec<JoinedPod<'a>> {
    let mut joined: Vec<JoinedPod<'a>> = Vec::new();
    let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (snapshot, cluster)) in snapshots.iter().zip(clusters).enumerate() {
        for pod in &snapshot.pods {
            let named = || format!("{cluster}/{}/{}", pod.meta.namespace(), pod.meta.name);
            let index =
                *by_key.entry(pod.meta.uid.clone().unwrap_or_else(named)).or_insert(joined.len());
            let node = pod.shape.node_name.as_deref().and_then(|name| {
                let unique = || {
                    let ever = places.ever.get(&(*cluster, name))?;
                    ever.first().filter(|_| ever.len() == 1)
                };
                places.exact.get(&(at, name)).or_else(unique).copied()
            });
            if joined.get(index).is_none() {
                joined.push(JoinedPod {
                    pod,
                    node,
                    ran: false,
                    from: None,
                    to: None,
                    last_seen: None,
                    end_known: false,
                    last: at,
                });
            }
            if let Some(known) = joined.get_mut(index) {
                known.observe(pod, node, at, snapshot.at);
            }
        }
    }
    let spaces: Vec<BTreeSet<&str>> = snapshots.iter().map(|it| namespaces(it)).collect();
    for pod in joined.iter_mut().filter(|it| it.to.is_none()) {
        let space = pod.pod.meta.namespace();
        let covers =
            |at: usize| spaces.get(at).is_some_and(|it| it.contains(space) || it.len() > 1);
        pod.to = later(snapshots, clusters, pod.last)
            .find(|(at, it)| it.lists_pods && covers(*at))
            .and_then(|(_, it)| it.at);
    }
    joined
}

/// Namespaces of a snapshot's pods: a list of one namespace says nothing about the others.
fn namespaces(snapshot: &Snapshot) -> BTreeSet<&str> {
    snapshot.pods.iter().map(|it| it.meta.namespace()).collect()
}

impl<'a> JoinedPod<'a> {
    fn observe(&mut self, pod: &'a Pod, node: Option<usize>, index: usize, at: Option<Timestamp>) {
        (self.pod, self.last) = (pod, index);
        self.node = node.or(self.node);
        self.from = self.from.or(pod.start);
        match pod.phase.as_str() {
            "Running" => {
                self.ran = true;
                self.last_seen = at;
            }
            "Succeeded" | "Failed" => {
                let whole = self.from.is_some() && pod.finish.is_some();
                self.ran |= whole;
                self.end_known |= pod.finish.is_some();
                self.to = self.to.or(pod.finish).or(at);
            }
            _ => {}
        }
    }
}
