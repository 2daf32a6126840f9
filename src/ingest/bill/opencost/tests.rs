//! Allocations of `OpenCost` with totals worked by hand.

use serde_json::{Value, json};

use super::super::super::raw::{Column, RawTable, RowNumbers, Texts};
use super::super::charge::QuantityUnit;
use super::super::columns::fixtures::{Read, csv_table, read};
use super::{FORMAT, is_own, provider_of, table};

/// One allocation of a day in June.
fn allocation(name: &str, day: u8, properties: &Value, gpu: [f64; 3], total: f64) -> Value {
    let [count, hours, cost] = gpu;
    let (start, end) =
        (format!("2026-06-{day:02}T00:00:00Z"), format!("2026-06-{:02}T00:00:00Z", day + 1));
    json!({
        "name": name, "properties": properties,
        "window": {"start": start, "end": end},
        "start": start, "end": format!("2026-06-{day:02}T12:00:00Z"), "minutes": 720,
        "cpuCost": total - cost, "gpuCount": count, "gpuUsageAverage": 0.5, "gpuHours": hours,
        "gpuCost": cost, "gpuEfficiency": 0.25, "pvs": {"cluster=c:name=pv-1": {"cost": 1}},
        "totalCost": total
    })
}

fn answer() -> Value {
    let server = json!({
        "cluster": "c", "namespace": "llm", "controllerKind": "deployment",
        "controller": "server", "pod": "server-0", "providerID": "i-0c41d9a2b3c4d5e6f",
        "labels": {"team": "search"}, "namespaceLabels": {"kubernetes_io_metadata_name": "llm"},
        "annotations": {"secret": "s"}
    });
    let web = json!({"cluster": "c", "namespace": "web", "controller": "front"});
    json!({"code": 200, "data": [
        {
            "llm/server-0": allocation("llm/server-0", 1, &server, [2.0, 24.0, 60.0], 66.5),
            "web/front": allocation("web/front", 1, &web, [0.0, 0.0, 0.0], 1.25),
            "__idle__": allocation("__idle__", 1, &json!({"cluster": "c"}), [1.0, 12.0, 30.0],
             31.5),
        },
        null,
        {
            "llm/server-0": allocation("llm/server-0", 2, &server, [2.0, 24.0, 60.0], 66.5),
            "ns/__unallocated__": allocation("ns/__unallocated__", 2, &json!({"namespace": "ns",
             "controller": "__unallocated__"}), [0.0; 3], 0.5),
        },
    ]})
}

fn read_json(document: Value) -> Read {
    read(&FORMAT, &table(document, "bill").unwrap().unwrap())
}

#[test]
fn the_json_is_read_with_gpu_hours() {
    let found = read_json(answer());
    // 2 x 66.5 + 1.25 + 31.5 + 0.5.
    assert_eq!(found.sums(), ("166.25".to_owned(), "166.25".to_owned()));
    // A row without GPUs has no GPU-hours, not 0 of them.
    assert_eq!(found.quantities(), [Some(24.0), None, Some(12.0), Some(24.0), None]);
    assert_eq!(found.period(3), ("2026-06-02T00:00:00Z".to_owned(), 12.0));
    assert_eq!(found.faults(), [""; 0]);
    assert_eq!(
        found.format,
        "OpenCost allocation (JSON; shares of a cluster's cost, not an invoice)"
    );
    let line = &found.rows[0].line;
    assert_eq!(line.workload.as_deref(), Some("server"));
    assert_eq!((line.namespace.as_deref(), line.pod.as_deref()), (Some("llm"), Some("server-0")));
    assert_eq!((line.provider.as_deref(), line.currency), (Some("aws"), None));
    assert_eq!((line.unit, line.gpu_count), (QuantityUnit::GpuHours, Some(2.0)));
    assert_eq!(line.tags.iter().collect::<Vec<_>>(), [(&"team".to_owned(), &"search".to_owned())]);
    // The node is shared: the instance is not what this row charges for.
    assert_eq!(line.resource_id, None);
    let web = &found.rows[1].line;
    assert_eq!((web.unit, web.gpu_count, &web.provider), (QuantityUnit::None, None, &None));
}

#[test]
fn what_is_nobodys_has_no_workload() {
    let found = read_json(answer());
    let idle = &found.rows[2].line;
    assert_eq!(idle.resource_name.as_deref(), Some("__idle__"));
    assert_eq!((&idle.workload, &idle.namespace, &idle.pod), (&None, &None, &None));
    // A namespace's own pods without a controller are its cost.
    let bare = &found.rows[4].line;
    assert_eq!(bare.resource_name.as_deref(), Some("ns/__unallocated__"));
    assert_eq!((&bare.workload, bare.namespace.as_deref()), (&None, Some("ns")));
    for (name, expected) in [
        ("node-1/__idle__", "__idle__"),
        ("__unmounted__/__unmounted__/__unmounted__", "__unmounted__"),
        ("__unallocated__", "__unallocated__"),
        ("__unallocated__/__unallocated__", "__unallocated__"),
    ] {
        let properties = json!({"namespace": "x", "controller": "y", "pod": "z"});
        let one = allocation(name, 1, &properties, [0.0; 3], 1.0);
        let line = &read_json(json!({"code": 200, "data": [{name: one}]})).rows[0].line;
        assert_eq!(line.resource_name.as_deref(), Some(expected), "{name}");
        assert_eq!((&line.workload, &line.namespace, &line.pod), (&None, &None, &None), "{name}");
    }
}

#[test]
fn nothing_unread_becomes_a_column() {
    let found = table(answer(), "bill").unwrap().unwrap();
    for header in &found.headers {
        assert!(!header.contains("pv-1") && !header.contains("metadata_name"), "{header}");
        assert!(!header.contains("secret"), "{header}");
    }
}

#[test]
fn the_csv_export_has_days_and_no_gpu_hours() {
    let table = csv_table(
        "Date,Namespace,ControllerKind,ControllerName,Pod,Container,Labels,GPUs,GPUCost,TotalCost\n\
         2026-06-01,llm,deployment,server,server-0,v,\"{\"\"team\"\":\"\"search\"\"}\",2,60,66.5\n\
         2026-06-01,web,,,job-1,main,,0,0,0.00000012345678901234567\n\
         2026-06-01,__unmounted__,,,__unmounted__,__unmounted__,,0,0,3\n\
         2026-06-01,llm,deployment,server,server-0,vllm,,2,60,NaN\n\
         2026-06-01T06:00:00Z,llm,deployment,server,server-0,vllm,,2,60,1\n\
         2026-06-01,llm,deployment,server,server-0,vllm,,-2,60,1\n\
         2026-06-01,llm,deployment,server,server-0,vllm,team,2,60,1\n",
    );
    let found = read(&FORMAT, &table);
    // 66.5 + 3 + the float 1.2345678901234567e-7 rounded half-even to 18 places.
    assert_eq!(found.sums().0, "69.500000123456789012");
    assert_eq!(found.n_floats(), 1);
    // `GPUs` is a mean over a time that is not told.
    assert_eq!(found.quantities()[..3], [None, None, None]);
    assert_eq!(found.period(0), ("2026-06-01T00:00:00Z".to_owned(), 24.0));
    assert_eq!(
        found.faults(),
        [
            "4 TotalCost: `NaN` is not a decimal amount",
            "5 Date: 2026-06-01T06:00:00Z is not a date",
            "6 GPUs: `-2` is negative",
            "7 Labels: the tags are not a JSON object",
        ]
    );
    // The amounts of rows 5 to 7 could be read.
    assert!(found.rows[4..].iter().all(|it| it.parts.len() == 1));
    assert!(found.format.starts_with("OpenCost allocation (CSV export;"));
    let line = &found.rows[0].line;
    assert_eq!((line.workload.as_deref(), line.gpu_count), (Some("server"), Some(2.0)));
    assert_eq!((line.tags["team"].as_str(), line.unit), ("search", QuantityUnit::None));
    assert_eq!(found.rows[1].line.pod.as_deref(), Some("job-1"));
    assert_eq!(found.rows[2].line.resource_name.as_deref(), Some("__unmounted__"));
}

/// Three hours of the exporter's Parquet, the last with faults.
fn parquet() -> RawTable {
    let texts = |cells: [&str; 3]| {
        let mut column = Texts::default();
        for cell in cells {
            column.push(cell);
        }
        Column::Text(column)
    };
    let columns = [
        ("name", texts(["llm/server-0/vllm"; 3])),
        ("properties.namespace", texts(["llm"; 3])),
        ("properties.controller", texts(["server"; 3])),
        ("properties.pod", texts(["server-0"; 3])),
        ("properties.providerID", texts(["gce://p/z/n"; 3])),
        ("label.team", texts(["search", "search", ""])),
        ("properties.labels.app", texts(["vllm"; 3])),
        (
            "running_start_time",
            texts(["2026-06-01T05:00:00Z", "2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z"]),
        ),
        (
            "running_end_time",
            texts(["2026-06-01T06:00:00Z", "2026-06-01T06:00:00Z", "2026-06-01T08:00:00Z"]),
        ),
        (
            "window.start",
            texts(["2026-06-01T05:00:00Z", "2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z"]),
        ),
        (
            "window.end",
            texts(["2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z", "2026-06-01T08:00:00Z"]),
        ),
        ("gpuCount", Column::Float(vec![Some(2.0), Some(2.0), Some(2.0)])),
        ("gpuHours", Column::Float(vec![Some(2.0), None, Some(-1.0)])),
        ("gpuCost", Column::Float(vec![Some(4.0); 3])),
        ("totalCost", Column::Float(vec![Some(4.75), Some(0.1), Some(2.0)])),
    ];
    let (headers, columns) =
        columns.into_iter().map(|(header, it)| (header.to_owned(), it)).unzip();
    RawTable::new(headers, columns, RowNumbers::From(1, 3))
}

#[test]
fn the_parquet_export_has_flattened_names() {
    let found = read(&FORMAT, &parquet());
    assert_eq!(found.sums().0, "4.85");
    assert_eq!(found.n_floats(), 3);
    assert_eq!(found.quantities()[..2], [Some(2.0), None]);
    // What ran for no time costs for its window.
    assert_eq!(found.period(1), ("2026-06-01T06:00:00Z".to_owned(), 1.0));
    assert_eq!(found.faults(), ["3 gpuHours: `-1` is negative"]);
    assert!(found.format.starts_with("OpenCost allocation (Parquet export;"));
    let line = &found.rows[0].line;
    assert_eq!(line.provider.as_deref(), Some("gcp"));
    assert_eq!((line.tags["team"].as_str(), line.tags["app"].as_str()), ("search", "vllm"));
    assert!(!found.rows[2].line.tags.contains_key("team"));
}

#[test]
fn faulty_allocations_are_refused() {
    let mut document = answer();
    let first = &mut document["data"][0];
    // OpenCost writes a cost that is no number as null.
    first["llm/server-0"]["totalCost"] = Value::Null;
    first["web/front"]["totalCost"] = json!("NaN");
    first["__idle__"]["start"] = json!("yesterday");
    first["__idle__"]["window"] = json!({"start": 5, "end": false});
    let second = &mut document["data"][2];
    second["llm/server-0"]["gpuHours"] = json!([1]);
    second["ns/__unallocated__"] = json!(12.5);
    let found = read_json(document);
    assert_eq!(
        found.faults(),
        [
            "1 totalCost: the cost is empty; an unknown cost is not zero",
            "2 totalCost: `NaN` is not a decimal amount",
            "3 start: `yesterday` is not a timestamp such as 2026-10-05T14:00:00Z",
            "4 gpuHours: `[1]` is not a number",
            "5 totalCost: the cost is empty; an unknown cost is not zero",
        ]
    );
}

#[test]
fn documents_without_allocations_say_so() {
    for (document, expected) in [
        (json!({"code": 200, "data": []}), "bill: no row to analyse"),
        (json!({"code": 200, "data": [{}, null]}), "bill: no row to analyse"),
        (
            json!({"code": 500, "data": null, "message": "bad window"}),
            "bill: the OpenCost API answered with code 500 and no allocations",
        ),
    ] {
        let error = table(document, "bill").unwrap().err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
    for document in [
        json!([]),
        json!({"code": 200}),
        json!({"code": 200, "data": {"x": {"totalCost": 1}}}),
        // An asset, in the same envelope.
        json!({"code": 200, "data": [{"n": {"type": "Node", "totalCost": 1}}]}),
        json!({"status": "success", "data": {"resultType": "matrix", "result": []}}),
        json!({"ResultsByTime": []}),
    ] {
        assert!(!is_own(&document), "{document}");
        assert!(table(document, "bill").is_none());
    }
}

#[test]
fn node_ids_tell_the_provider() {
    for (id, expected) in [
        ("aws:///us-east-1a/i-0c41d9a2b3c4d5e6f", Some("aws")),
        ("i-0c41d9a2", Some("aws")),
        ("azure:///subscriptions/s/resourceGroups/g", Some("azure")),
        ("gce://project/zone/node", Some("gcp")),
        ("ocid1.instance.oc1.iad.abc", Some("oci")),
        ("i-love-gpus", None),
        ("gke-cluster-pool-1", None),
    ] {
        assert_eq!(provider_of(id).as_deref(), expected, "{id}");
    }
}
