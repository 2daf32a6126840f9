//! Files that are cut, empty or odd, and what must never be kept of a good one.

use super::*;
use crate::ingest::rejected::RejectedKind;

fn fault(text: &[u8]) -> String {
    parse(text, "c.json", None).unwrap_err().to_string()
}

#[test]
fn a_broken_file_says_what_is_wrong() {
    let good = list(&[POD.json()]);
    assert_eq!(fault(&good.as_bytes()[..200]), "c.json: the JSON ends in the middle of the list");
    assert_eq!(fault(b""), "c.json: the JSON ends in the middle of the list");
    assert_eq!(fault(b"{\"items\": [],\n \"kind\": \"List\"}"), "c.json: the list has no items");
    assert_eq!(fault(b"{\"kind\": \"List\"}"), "c.json: the list has no items");
    assert_eq!(fault(b"{\"items\": [\n{},\n{x}]}"), "c.json: line 3 is not JSON");
    // A pod of these tests is five lines long.
    let two = format!("{good}\n{good}");
    assert_eq!(fault(two.as_bytes()), "c.json: a second document starts on line 6");
    assert!(parse(format!("\u{feff}{good}").as_bytes(), "c.json", None).is_ok());
}

#[test]
fn a_broken_item_is_rejected_and_the_others_stay() {
    let broken = [
        r#"{"kind": "Pod", "metadata": {"name": "a", "namespace": "ml"}, "spec":
           {"containers": "TOPSECRET, expected nothing"}}"#,
        r#"{"kind": "Pod", "metadata": {"namespace": "ml"}}"#,
        r#"{"kind": "Node", "metadata": {"name": "n"},
           "status": {"capacity": {"nvidia.com/gpu": "x7"}}}"#,
        r#"{"kind": "Pod", "metadata": {"name": "b"}, "status": {"startTime": "TOPSECRET"}}"#,
        r#"{"metadata": {"name": "c"}}"#,
        "7",
    ];
    let mut items: Vec<String> = broken.map(str::to_owned).into();
    items.extend([POD.json(), POD.json(), r#"{"kind": "Secret", "data": 5}"#.to_owned()]);
    let found = parse(list(&items).as_bytes(), "c.json", None).unwrap();
    let said: Vec<String> = found.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "c.json: row 1: line 2: no Pod has this shape: a sequence was expected, not this \
             string",
            "c.json: row 2: line 3: no Pod has this shape: missing field `name`",
            "c.json: row 3: line 5: no Node has this shape: an amount of a GPU resource is not a \
             whole number",
            "c.json: row 4: line 6: no Pod has this shape: a time is not one such as \
             2026-10-05T14:00:00Z",
            "c.json: row 5: line 7: the object does not state its kind",
            "c.json: row 6: line 8: no object has this shape: an object was expected, not this \
             integer",
            "c.json: row 8: line 14: the Pod `p` was listed before",
        ]
    );
    assert_eq!(found.rejected[6].kind, RejectedKind::Duplicate);
    // Rows in = kept + rejected.
    assert_eq!(found.items, found.counts.values().sum::<u64>() + found.rejected.len() as u64);
    assert_eq!(found.counts["Pod"], 1);
}

#[test]
fn a_pod_on_an_unknown_node_is_named() {
    let lost = PodText { name: "lost", node: "gone", ..POD }.json();
    let machine = node("n1", "aws:///a/i-1", "", r#""nvidia.com/gpu": "99999999""#);
    let items = [machine, lost, PodText { name: "here", ..POD }.json()];
    let view = ClusterView::new(vec![snapshot("2026-10-02T00:00:00Z", &items)]);
    let said = view.notices().join("\n");
    assert!(said.contains("1 GPU pods are on nodes that no snapshot lists"), "{said}");
    assert!(said.contains("the first is `ml/lost`"), "{said}");
    assert!(said.contains("`node n1`: it offers more GPUs than a machine can hold"), "{said}");
    assert_eq!(shares(&view, "i-1", None), []);
}

#[test]
fn a_list_is_told_from_other_json() {
    for (text, expected) in [
        (list(&[POD.json()]), true),
        (r#" {"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}"#.to_owned(), true),
        (r#"{"items":[{"apiVersion":"v1","kind":"Pod"}],"kind":"List"}"#.to_owned(), true),
        (r#"{"status":"success","data":{"resultType":"matrix"}}"#.to_owned(), false),
        (r#"{"apiVersion":"v1","kind":"Pod","metadata":{}}"#.to_owned(), false),
        (r#"{"items":[{"period":1}]}"#.to_owned(), false),
        (r#"[{"apiVersion":"v1"}]"#.to_owned(), false),
        ("period_start,workload".to_owned(), false),
    ] {
        assert_eq!(looks_like(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn nothing_secret_is_kept() {
    let pod = r#"{"kind": "Pod", "metadata": {"name": "p", "namespace": "ml", "uid": "u",
        "annotations": {"note": "TOPSECRET-1"}, "labels": {"app": "chat", "token": "TOPSECRET-2"},
        "managedFields": [{"manager": "TOPSECRET-3"}]},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "vllm/vllm-openai:v0.9.1",
        "command": ["sh", "-c"], 
        "args": ["K=TOPSECRET-4 vllm serve org/m --ssl-keyfile /TOPSECRET-7 --api-key=TOPSECRET-5",
        "--hf-token=TOPSECRET-6"], "env": [{"name": "HF_TOKEN", "value": "TOPSECRET-9"}],
        "envFrom": [{"prefix": "TOPSECRET-10"}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}}}], "volumes": [{"name": "TOPSECRET-11"}]},
        "status": {"phase": "Running", "startTime": "2026-10-01T00:00:00Z",
        "message": "TOPSECRET-12"}}"#;
    let secret = r#"{"kind": "Secret", "metadata": {"name": "TOPSECRET-13"},
        "data": {"k": "TOPSECRET-14"}}"#;
    let config =
        r#"{"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "TOPSECRET-15"}}"#;
    let keda = r#"{"kind": "ScaledObject", "metadata": {"name": "s", "namespace": "ml"}, "spec":
        {"scaleTargetRef": {"name": "chat"}, "triggers": [{"type": "redis",
        "metadata": {"password": "TOPSECRET-16"}}]}}"#;
    let machine = node("n1", "aws:///a/i-1", "", r#""nvidia.com/gpu": "8""#);
    let items = [machine.as_str(), pod, secret, config, keda].map(str::to_owned);
    let found = snapshot("2026-10-02T00:00:00Z", &items);
    let shown = format!("{found:?}");
    assert!(shown.contains("org/m") && shown.contains("redis"), "it was read");
    assert!(!shown.contains("TOPSECRET"), "{shown}");
    assert_eq!(found.counts["Secret"], 1);
    let view = ClusterView::new(vec![found]);
    let shown = format!("{view:?}");
    assert!(shown.contains("org/m"));
    assert!(!shown.contains("TOPSECRET"), "{shown}");
}
