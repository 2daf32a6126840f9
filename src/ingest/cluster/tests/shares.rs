//! Shares of machines of the clouds and of every way to share a GPU.

use super::*;

const AT: &str = "2026-10-02T00:00:00Z";

#[test]
fn an_aws_node_is_shared_by_its_pods() {
    // 8 GPUs: chat has two pods of 2 (4), train one of 3; 1 is free, so 7 of 8 are claimed. The
    // pending pod and the one without GPUs hold nothing.
    let chat = PodText {
        owner: "ReplicaSet/chat-7d9c5b8f6b",
        labels: r#""pod-template-hash": "7d9c5b8f6b", "team": "product""#,
        limits: r#""nvidia.com/gpu": 2, "cpu": "3500m""#,
        ..POD
    };
    let items = [
        node(
            "ip-10-0-0-7.ec2.internal",
            "aws:///us-east-1a/i-0c41d9",
            r#""nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count": "8",
               "node.kubernetes.io/instance-type": "p5.48xlarge""#,
            r#""nvidia.com/gpu": "8""#,
        ),
        PodText { name: "chat-7d9c5b8f6b-aaaaa", node: "ip-10-0-0-7.ec2.internal", ..chat }.json(),
        PodText { name: "chat-7d9c5b8f6b-bbbbb", node: "ip-10-0-0-7.ec2.internal", ..chat }.json(),
        PodText {
            name: "train-x2x4z",
            owner: "PyTorchJob/train",
            node: "ip-10-0-0-7.ec2.internal",
            limits: r#""nvidia.com/gpu": "3""#,
            ..POD
        }
        .json(),
        PodText { name: "next", phase: "Pending", node: "ip-10-0-0-7.ec2.internal", ..POD }.json(),
        PodText { name: "web", limits: r#""cpu": "1""#, node: "ip-10-0-0-7.ec2.internal", ..POD }
            .json(),
    ];
    let view = ClusterView::new(vec![snapshot(AT, &items)]);
    let expected = vec![("chat", 4000, 8000), ("train", 3000, 8000)];
    assert_eq!(shares(&view, "i-0c41d9", None), expected);
    assert_eq!(shares(&view, "arn:aws:ec2:us-east-1:1:instance/i-0c41d9", None), expected);
    assert_eq!(shares(&view, "i-0c41da", Some("ip-10-0-0-7.ec2.internal")), []);
    assert!(view.machine("i-0c41d9", None).is_some() && view.machine("i-0c41da", None).is_none());
    let chat = &view.facts()["chat"];
    assert_eq!(chat.owner.as_deref(), Some("product"));
    assert_eq!(chat.gpu_product.as_deref(), Some("NVIDIA-H100-80GB-HBM3"));
    assert_eq!(chat.instance_type.as_deref(), Some("p5.48xlarge"));
    assert_eq!(chat.controller, "Deployment");
    assert_eq!(chat.kind_hint, None);
    assert_eq!(view.facts()["train"].kind_hint, Some(KindHint::Training));
    assert_eq!(claims(&view, "i-0c41d9", None)[0].from, Some(time(POD.start)));
    assert_eq!(claims(&view, "i-0c41d9", None)[0].to, None);
    assert!(!view.facts().contains_key("web"));
    assert_eq!(view.workload_of_pod("ml", "web"), Some("web"));
}

#[test]
fn a_gcp_node_in_time_slices_is_shared_by_slices() {
    // One L4 in 4 slices: a request of 1 is a quarter. Two pods of rag hold 500 of 1000, embed 250.
    let pod = PodText { node: "gke-lab-l4-a", owner: "StatefulSet/rag", ..POD };
    let items = [
        node(
            "gke-lab-l4-a",
            "gce://lab/us-central1-a/gke-lab-l4-a",
            r#""nvidia.com/gpu.product": "NVIDIA-L4-SHARED", "nvidia.com/gpu.replicas": "4",
               "nvidia.com/gpu.count": "1""#,
            r#""nvidia.com/gpu": "4""#,
        ),
        PodText { name: "rag-0", ..pod }.json(),
        PodText { name: "rag-1", ..pod }.json(),
        PodText { name: "embed", owner: "", ..pod }.json(),
    ];
    let view = ClusterView::new(vec![snapshot(AT, &items)]);
    let expected = vec![("embed", 250, 1000), ("rag", 500, 1000)];
    let path = "//compute.googleapis.com/projects/lab/zones/us-central1-a/instances/";
    assert_eq!(shares(&view, &format!("{path}gke-lab-l4-a"), None), expected);
    assert_eq!(shares(&view, &format!("{path}4711"), Some("gke-lab-l4-a")), expected);
    assert_eq!(view.facts()["rag"].gpu_product.as_deref(), Some("NVIDIA-L4"));
    assert_eq!(view.facts()["rag"].gpus_per_replica_milli, Some(250));
}

#[test]
fn an_azure_scale_set_is_billed_as_one() {
    // Two machines of 4 GPUs; chat holds 4 on the first and 1 on the second: 5 of 8.
    let set = "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Compute/\
               virtualMachineScaleSets/aks-gpu";
    let machine = |name: &str, n: u32| {
        let id = format!("azure://{set}/virtualMachines/{n}");
        node(name, &id, "", r#""nvidia.com/gpu": "4""#)
    };
    let pod = PodText { owner: "StatefulSet/chat", ..POD };
    let items = [
        machine("n1", 0),
        machine("n2", 1),
        PodText { name: "chat-0", limits: r#""nvidia.com/gpu": "4""#, ..pod }.json(),
        PodText { name: "chat-1", node: "n2", ..pod }.json(),
    ];
    let view = ClusterView::new(vec![snapshot(AT, &items)]);
    assert_eq!(shares(&view, &set.to_uppercase(), None), [("chat", 5000, 8000)]);
    let machine = format!("{}/virtualmachines/1", set.to_lowercase());
    assert_eq!(shares(&view, &machine, None), [("chat", 1000, 4000)]);
    assert_eq!(shares(&view, "aks-gpu_0", None), [("chat", 4000, 4000)]);
}

/// Shares on one node by the names of its pods.
fn check(labels: &str, capacity: &str, pods: &[&str], expected: &[u64], gpus_milli: u64) {
    let mut items = vec![node("n1", "x://machine-1", labels, capacity)];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (limits, name) in pods.iter().zip(names) {
        items.push(PodText { name, limits, ..POD }.json());
    }
    let view = ClusterView::new(vec![snapshot(AT, &items)]);
    let found = shares(&view, "machine-1", None);
    let milli: Vec<u64> = found.iter().map(|it| it.1).collect();
    assert_eq!(milli, expected, "{labels} {capacity} {:?}", view.notices());
    assert!(found.iter().all(|it| it.2 == gpus_milli), "{found:?}");
    assert!(milli.iter().sum::<u64>() <= gpus_milli);
}

#[test]
fn every_way_to_share_adds_up_to_the_gpus() {
    let gpu = r#""nvidia.com/gpu": "1""#;
    // 7 MIG devices of one A100, all taken: 1000/7 = 142.86, all equal.
    let mig = r#""nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
                 "nvidia.com/gpu.count": "7""#;
    check(mig, r#""nvidia.com/gpu": "7""#, &[gpu; 7], &[142; 7], 1000);
    assert_eq!(GPU_PARTS % 7, 0);
    // 40 GB in pieces of 10 GB: four to a GPU, so 8 are two GPUs.
    let mig = r#""nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.10gb""#;
    check(mig, r#""nvidia.com/gpu": "8""#, &[gpu], &[250], 2000);
    // Two of 71 GB fill an H200 of 141 GB.
    let mig = r#""nvidia.com/gpu.product": "NVIDIA-H200-141GB-MIG-3g.71gb""#;
    check(mig, r#""nvidia.com/gpu": "2""#, &[gpu, gpu], &[500, 500], 1000);
    // Mixed: 1 whole GPU beside one cut into 4g and 3g, of which the 3g is taken: 3/7 of it,
    // units 7 to 9 of 14: floor(10 x 2000 / 14) - 1000 = 428.
    let mixed = r#""nvidia.com/gpu": "1", "nvidia.com/mig-4g.20gb": "1",
                   "nvidia.com/mig-3g.20gb": "1""#;
    let small = r#""nvidia.com/mig-3g.20gb": 1"#;
    check(r#""nvidia.com/gpu.count": "2""#, mixed, &[gpu, small], &[1000, 428], 2000);
    // HAMi: 2 GPUs of 24,576 MiB in up to 10 parts each; 6,144 MiB are a quarter, 50 % a half.
    let hami = r#""nvidia.com/gpu.count": "2", "nvidia.com/gpu.memory": "24576""#;
    let quarter = r#""nvidia.com/gpu": "1", "nvidia.com/gpumem": "6144""#;
    let half = r#""nvidia.com/gpu": "2", "nvidia.com/gpumem-percentage": "50""#;
    check(hami, r#""nvidia.com/gpu": "20""#, &[quarter, half], &[250, 1000], 2000);
    // Without the size of a GPU, or without the number of GPUs, nothing is claimed.
    check(r#""nvidia.com/gpu.count": "2""#, r#""nvidia.com/gpu": "20""#, &[quarter], &[], 2000);
    check("", r#""nvidia.com/gpu": "20""#, &[quarter], &[], 2000);
    check(hami, r#""nvidia.com/gpu": "20""#, &[gpu], &[], 2000);
    // A failed device is no longer offered and still paid: 1 of 8, not of 7.
    check(r#""nvidia.com/gpu.count": "8""#, r#""nvidia.com/gpu": "7""#, &[gpu], &[1000], 8000);
    // GKE: two clients a GPU, two GPUs.
    let gke = r#""cloud.google.com/gke-max-shared-clients-per-gpu": "2""#;
    check(gke, r#""nvidia.com/gpu": "4""#, &[gpu], &[500], 2000);
    check("", r#""amd.com/gpu": "8""#, &[r#""amd.com/gpu": "8""#], &[8000], 8000);
    // More than there is: the first to start keeps its part.
    check("", r#""nvidia.com/gpu": "2""#, &[r#""nvidia.com/gpu": "2""#, gpu], &[2000], 2000);
}

#[test]
fn init_containers_count_by_the_larger() {
    let shape = |inits: &str| -> PodShape {
        let text = format!(
            r#"{{"containers": [{{"resources": {{"requests": {{"nvidia.com/gpu": "1"}}}}}},
            {{"resources": {{"limits": {{"nvidia.com/gpu": "1"}}}}}}, {{}}],
            "initContainers": [{inits}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let init = |n: u32, more: &str| {
        format!(r#"{{"resources": {{"limits": {{"nvidia.com/gpu": "{n}"}}}}{more}}}"#)
    };
    let sidecar = init(1, r#", "restartPolicy": "Always""#);
    for (inits, expected) in [
        (init(1, ""), 2),
        (init(4, ""), 4),
        (sidecar.clone(), 3),
        // The sidecar runs beside the later init container: 1 + 4.
        (format!("{sidecar}, {}", init(4, "")), 5),
        (format!("{}, {sidecar}", init(4, "")), 4),
    ] {
        assert_eq!(shape(&inits).requests.whole_gpus(), Some(expected), "{inits}");
    }
}

#[test]
fn workloads_are_named_as_people_name_them() {
    let check = |labels: &str, owner: &str, name: &str, expected: &str| {
        let pod = PodText { name, owner, labels, ..POD }.json();
        let machine = node("n1", "x://m", "", r#""nvidia.com/gpu": "8""#);
        let view = ClusterView::new(vec![snapshot(AT, &[machine, pod])]);
        assert_eq!(view.workload_of_pod("ml", name), Some(expected), "{owner} {labels}");
        assert!(view.facts().contains_key(expected));
    };
    check("", "ReplicaSet/chat-7d9c5b8f6b", "chat-7d9c5b8f6b-aaaaa", "chat");
    check(r#""pod-template-hash": "aa""#, "ReplicaSet/chat-aa", "chat-aa-x", "chat");
    check("", "Job/night-29123456", "night-29123456-x2x4z", "night");
    check("", "Job/once", "once-x2x4z", "once");
    let kserve = r#""serving.kserve.io/inferenceservice": "llama""#;
    check(kserve, "ReplicaSet/llama-predictor-7d9c5b8f6b", "llama-predictor-7d9c5b8f6b-a", "llama");
    check(r#""leaderworkerset.sigs.k8s.io/name": "big""#, "StatefulSet/big-0", "big-0-1", "big");
    check(
        r#""ray.io/cluster": "svc-raycluster-ab2cd""#,
        "RayCluster/svc-raycluster-ab2cd",
        "w",
        "svc",
    );
    check(r#""app": "notebook""#, "", "notebook-jane", "notebook");
    check("", "Node/n1", "static-n1", "static-n1");
}

#[test]
fn names_are_as_long_as_they_must_be() {
    let deployment = |namespace: &str, name: &str| {
        format!(
            r#"{{"kind": "Deployment",
            "metadata": {{"name": "{name}", "namespace": "{namespace}"}}}}"#
        )
    };
    let items = [deployment("eu", "chat"), deployment("us", "chat"), deployment("us", "rag")];
    let view = ClusterView::new(vec![snapshot(AT, &items)]);
    let of = |namespace, name| view.workload_of_controller(namespace, "deployment", name);
    assert_eq!(of("eu", "chat"), Some("eu/chat"));
    assert_eq!(of("us", "rag"), Some("rag"));
    assert_eq!(of("eu", "rag"), None);
    let set = view.workload_of_controller("us", "ReplicaSet", "chat-7d9c5b8f6b");
    assert_eq!(set, Some("us/chat"));
    assert_eq!(view.workload_of_pod("us", "rag-7d9c5b8f6b-x2x4z"), Some("rag"));
    assert_eq!(view.workload_of_pod("eu", "rag-7d9c5b8f6b-x2x4z"), None);
}
