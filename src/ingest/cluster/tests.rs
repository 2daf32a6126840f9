//! Small clusters written by hand, with shares worked by hand.

mod bad_input;
mod commands;
mod shares;
mod time;

use super::*;

/// A snapshot of these items, taken at `at`.
fn snapshot(at: &str, items: &[String]) -> Snapshot {
    let text = list(items);
    let found = parse(text.as_bytes(), "cluster.json", Some(time(at))).unwrap();
    assert_eq!(found.rejected, []);
    assert_eq!(found.items, items.len() as u64);
    found
}

fn list(items: &[String]) -> String {
    format!(r#"{{"apiVersion": "v1", "items": [{}], "kind": "List"}}"#, items.join(",\n"))
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text, chrono_tz::Tz::UTC).unwrap()
}

/// A node with labels and resources as JSON members.
fn node(name: &str, provider_id: &str, labels: &str, capacity: &str) -> String {
    format!(
        r#"{{"kind": "Node", "metadata": {{"name": "{name}", "uid": "uid-{name}",
        "labels": {{{labels}}}}}, "spec": {{"providerID": "{provider_id}"}},
        "status": {{"capacity": {{{capacity}}}, "allocatable": {{"cpu": "8"}}}}}}"#
    )
}

/// What a test says about a pod.
#[derive(Clone, Copy)]
struct PodText<'a> {
    name: &'a str,
    node: &'a str,
    /// `Kind/name` of its controller, or nothing.
    owner: &'a str,
    /// Members of the resource limits.
    limits: &'a str,
    labels: &'a str,
    phase: &'a str,
    start: &'a str,
    /// Members of the container besides its resources.
    container: &'a str,
}

const POD: PodText<'static> = PodText {
    name: "p",
    node: "n1",
    owner: "",
    limits: r#""nvidia.com/gpu": "1""#,
    labels: "",
    phase: "Running",
    start: "2026-10-01T00:00:00Z",
    container: r#""image": "busybox""#,
};

impl PodText<'_> {
    fn json(&self) -> String {
        let PodText { name, node, limits, labels, phase, start, container, .. } = self;
        let owner = self.owner.split_once('/').map_or_else(String::new, |(kind, name)| {
            format!(r#""ownerReferences": [{{"kind": "{kind}", "name": "{name}"}}],"#)
        });
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}", "namespace": "ml", {owner}
            "uid": "uid-{name}", "labels": {{{labels}}}}},
            "spec": {{"nodeName": "{node}", "containers": [{{{container},
            "resources": {{"limits": {{{limits}}}}}}}]}},
            "status": {{"phase": "{phase}", "startTime": "{start}"}}}}"#
        )
    }
}

/// Claims on a machine.
fn claims<'a>(view: &'a ClusterView, id: &str, name: Option<&str>) -> &'a [Claim] {
    view.machine(id, name).map_or(&[], |it| it.claims.as_slice())
}

/// Thousandths of a GPU.
fn milli(parts: u64) -> u64 {
    parts / (GPU_PARTS / 1000)
}

/// Workload, GPUs held and GPUs of the machine, in thousandths.
fn shares<'a>(view: &'a ClusterView, id: &str, name: Option<&str>) -> Vec<(&'a str, u64, u64)> {
    let claims = claims(view, id, name).iter();
    let shown =
        |it: &'a Claim| (it.workload.as_str(), milli(it.gpu_parts), milli(it.node_gpu_parts));
    claims.map(shown).collect()
}
