//! What several snapshots say about when GPUs were held.

use proptest::prelude::*;

use super::gpu::GpuCapacity;
use super::hold::{Holder, hold};
use super::*;

const DAY_1: &str = "2026-10-01T12:00:00Z";
const DAY_2: &str = "2026-10-02T12:00:00Z";
const DAY_3: &str = "2026-10-03T12:00:00Z";

fn machine() -> String {
    node("n1", "x://m1", "", r#""nvidia.com/gpu": "2""#)
}

/// Workload, GPUs, from and to as hours since the first of October.
fn spans(view: &ClusterView) -> Vec<(&str, u64, Option<i64>, Option<i64>)> {
    let start = time("2026-10-01T00:00:00Z").us();
    let hour = |it: Timestamp| (it.us() - start) / 3_600_000_000;
    let claims = claims(view, "m1", None).iter();
    claims
        .map(|it| (it.workload.as_str(), milli(it.gpu_parts), it.from.map(hour), it.to.map(hour)))
        .collect()
}

fn pod<'a>(name: &'a str, owner: &'a str, start: &'a str) -> PodText<'a> {
    PodText { name, owner, start, ..POD }
}

#[test]
fn a_pod_holds_until_the_snapshot_without_it() {
    let web = pod("web-0", "StatefulSet/web", "2026-10-01T02:00:00Z").json();
    let job = pod("job-aaaaa", "Job/job", "2026-10-01T06:00:00Z").json();
    let first = snapshot(DAY_1, &[machine(), web.clone(), job]);
    let second = snapshot(DAY_2, &[machine(), web.clone()]);
    let third = snapshot(DAY_3, &[machine(), web]);
    // In any order: the job was seen at hour 12 and is gone at hour 36.
    let view = ClusterView::new(vec![third, first, second]);
    assert_eq!(spans(&view), [("web", 1000, Some(2), None), ("job", 1000, Some(6), Some(36))]);
    let said = view.notices().join("\n");
    assert!(said.contains("1 GPU pods ended between two snapshots"), "{said}");
    assert!(said.contains("at most 24.0 h too long"), "{said}");
}

#[test]
fn a_newcomer_ends_the_pods_it_replaces() {
    // Two GPUs, both held by the old version at hour 12. The new one starts at hours 20 and 21, so
    // the old pods ended by then, although the next snapshot is of hour 36: never more than two
    // GPUs at once.
    let old = |name| pod(name, "ReplicaSet/chat-bbbbbb", "2026-10-01T00:00:00Z").json();
    let new = |name, start| pod(name, "ReplicaSet/chat-cccccc", start).json();
    let first = snapshot(DAY_1, &[machine(), old("chat-bbbbbb-aaaaa"), old("chat-bbbbbb-bbbbb")]);
    let second = snapshot(
        DAY_2,
        &[
            machine(),
            new("chat-cccccc-aaaaa", "2026-10-01T20:00:00Z"),
            new("chat-cccccc-bbbbb", "2026-10-01T21:00:00Z"),
        ],
    );
    let view = ClusterView::new(vec![first, second]);
    assert_eq!(
        spans(&view),
        [
            ("chat", 1000, Some(0), Some(20)),
            ("chat", 1000, Some(0), Some(21)),
            ("chat", 1000, Some(20), None),
            ("chat", 1000, Some(21), None),
        ]
    );
}

#[test]
fn an_ended_pod_states_its_end() {
    let running = pod("job-aaaaa", "Job/job", "2026-10-01T06:00:00Z");
    let ended = |phase: &str, status: &str| {
        running.json().replace(
            r#""phase": "Running","#,
            &format!(r#""phase": "{phase}", "containerStatuses": [{status}],"#),
        )
    };
    let finished =
        r#"{"state": {"terminated": {"finishedAt": "2026-10-01T09:00:00Z", "exitCode": 0}}}"#;
    for phase in ["Succeeded", "Failed"] {
        let only = snapshot(DAY_1, &[machine(), ended(phase, finished)]);
        let view = ClusterView::new(vec![only]);
        assert_eq!(spans(&view), [("job", 1000, Some(6), Some(9))], "{phase}");
    }
    // Evicted before a container ran: nothing was held.
    let view = ClusterView::new(vec![snapshot(DAY_1, &[machine(), ended("Failed", "{}")])]);
    assert_eq!(spans(&view), []);
    // Seen running at hour 12 and ended at hour 36, by no stated time: until then at most.
    let first = snapshot(DAY_1, &[machine(), running.json()]);
    let second = snapshot(DAY_2, &[machine(), ended("Failed", "{}")]);
    assert_eq!(spans(&ClusterView::new(vec![first, second])), [("job", 1000, Some(6), Some(36))]);
}

#[test]
fn another_list_ends_nothing_it_does_not_cover() {
    let web = pod("web-0", "StatefulSet/web", "2026-10-01T02:00:00Z").json();
    let first = || snapshot(DAY_1, &[machine(), web.clone()]);
    let open = [("web", 1000, Some(2), None)];
    // Nodes only; another namespace only; another cluster.
    let nodes = snapshot(DAY_2, &[machine()]);
    assert_eq!(spans(&ClusterView::new(vec![first(), nodes])), open);
    let other = pod("x-0", "StatefulSet/x", DAY_1).json().replace(r#""ml""#, r#""other""#);
    let elsewhere = snapshot(DAY_2, &[machine(), other]);
    let both = [open[0], ("x", 1000, Some(12), None)];
    assert_eq!(spans(&ClusterView::new(vec![first(), elsewhere])), both);
    let far = PodText { name: "far-0", node: "n9", owner: "StatefulSet/far", ..POD }.json();
    let far = snapshot(DAY_2, &[node("n9", "x://m9", "", ""), far]);
    let view = ClusterView::new(vec![first(), far]);
    assert_eq!(spans(&view), open);
    assert!(view.notices().join("\n").contains("as many clusters"));
}

#[test]
fn a_name_that_comes_back_is_another_machine() {
    let web = pod("web-0", "StatefulSet/web", "2026-10-01T02:00:00Z").json();
    let job = pod("job-aaaaa", "Job/job", "2026-10-02T06:00:00Z").json();
    let second = node("n1", "x://m2", "", r#""nvidia.com/gpu": "2""#);
    let view =
        ClusterView::new(vec![snapshot(DAY_1, &[machine(), web]), snapshot(DAY_2, &[second, job])]);
    assert_eq!(shares(&view, "m1", None), [("web", 1000, 2000)]);
    assert_eq!(shares(&view, "m2", None), [("job", 1000, 2000)]);
    assert_eq!(shares(&view, "n1", None), [], "the name alone does not say which");
}

#[test]
fn files_of_one_kind_join() {
    let nodes = parse(list(&[machine()]).as_bytes(), "nodes.json", None).unwrap();
    assert_eq!(nodes.at, None);
    // Items of a raw API answer do not state their kind.
    let pod = pod("web-0", "StatefulSet/web", "2026-10-01T02:00:00Z").json();
    let text = list(&[pod.replace(r#""kind": "Pod","#, "")]).replace("\"List\"", "\"PodList\"");
    let pods = parse(text.as_bytes(), "pods.json", None).unwrap();
    assert_eq!((pods.at, pods.at_inferred), (Some(time("2026-10-01T02:00:00Z")), true));
    let view = ClusterView::new(vec![pods, nodes]);
    assert_eq!(spans(&view), [("web", 1000, Some(2), None)]);
    let said = view.notices().join("\n");
    assert!(said.contains("nodes.json: nothing says when it was taken"), "{said}");
    assert!(said.contains("pods.json: taken when its latest time says"), "{said}");
}

#[test]
fn a_scale_set_states_the_gpus_it_had() {
    // One machine from hour 0, a second of the same size from hour 6: web's GPU is 1 of 2, then 1
    // of 4.
    let set =
        "/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/virtualMachineScaleSets/g";
    let member = |name: &str, n: u32, created: &str| {
        node(name, &format!("azure://{set}/virtualMachines/{n}"), "", r#""nvidia.com/gpu": "2""#)
            .replace(r#""uid":"#, &format!(r#""creationTimestamp": "{created}", "uid":"#))
    };
    let web = pod("web-0", "StatefulSet/web", "2026-10-01T02:00:00Z").json();
    let items =
        [member("n1", 0, "2026-10-01T00:00:00Z"), member("n2", 1, "2026-10-01T06:00:00Z"), web];
    let view = ClusterView::new(vec![snapshot(DAY_1, &items)]);
    assert_eq!(shares(&view, set, None), [("web", 1000, 2000), ("web", 1000, 4000)]);
    assert_eq!(claims(&view, set, None)[0].to, Some(time("2026-10-01T06:00:00Z")));
}

fn holders() -> impl Strategy<Value = Vec<Holder>> {
    let hour = |it: i64| Timestamp::from_s(it * 3600);
    let holder = (0u8..4, 1u64..9, proptest::option::of(0i64..40), 1i64..30, 0i64..30, 0u8..3);
    let holder = holder.prop_map(move |(workload, units, from, length, gap, end)| {
        let seen = from.unwrap_or(0) + length;
        Holder {
            workload: format!("w{workload}"),
            namespace: "ml".to_owned(),
            pod: String::new(),
            units,
            from: from.map(hour),
            to: (end > 0).then(|| hour(seen + gap)),
            last_seen: Some(hour(seen)),
            end_known: end == 2,
        }
    });
    proptest::collection::vec(holder, 0..20).prop_map(|mut all| {
        for (at, it) in all.iter_mut().enumerate() {
            it.pod = format!("p{at}");
        }
        all
    })
}

proptest! {
    #[test]
    fn no_machine_is_held_more_than_once(holders in holders(), replicas in 1u64..8) {
        let replicas_label = format!(r#""nvidia.com/gpu.replicas": "{replicas}""#);
        let text = format!(r#"{{"nvidia.com/gpu.count": "2", {replicas_label}}}"#);
        let labels: Labels = serde_json::from_str(&text).unwrap();
        let text = format!(r#"{{"nvidia.com/gpu": {}}}"#, 2 * replicas);
        let offered: Resources = serde_json::from_str(&text).unwrap();
        let capacity = GpuCapacity::of(&labels, &offered, false).unwrap().unwrap();
        let claims = hold(&capacity, holders.clone()).claims;
        for at in claims.iter().map(|it| it.from) {
            let alive = |it: &&Claim| it.from <= at && it.to.is_none_or(|to| Some(to) > at);
            let parts = claims.iter().filter(alive).map(|it| it.gpu_parts);
            prop_assert!(parts.sum::<u64>() <= 2 * GPU_PARTS);
        }
        // Who holds alone what fits gets all of it.
        if let [only] = holders.as_slice() && only.units <= 2 * replicas {
            let parts = claims.iter().map(|it| it.gpu_parts).collect::<Vec<_>>();
            prop_assert_eq!(parts, vec![capacity.parts_up_to(only.units)]);
        }
    }
}
