//! Bills of `RunPod` with totals worked by hand.

use serde_json::{Value, json};

use super::super::charge::QuantityUnit;
use super::super::columns::fixtures::{Read, json_table, read};
use super::{Grouping, grouping, v1, v2};
use crate::usage::PricingCategory;

fn read_v1(text: &str) -> Read {
    read(&v1::FORMAT, &json_table(text, &v1::FORMAT))
}

const PODS: &str = r#"[
  {"amount": 47.84, "time": "2026-06-01T00:00:00Z", "podId": "p1", "timeBilledMs": 57600000,
   "diskSpaceBilledGb": 20},
  {"amount": 0.0000012, "time": "2026-06-02 00:00:00", "podId": "p1", "timeBilledMs": 3600,
   "diskSpaceBilledGB": 20},
  {"amount": "2.5", "time": "2026-06-02T00:00:00Z", "podId": "p2", "gpuTypeId": "NVIDIA L40S",
   "timeBilledMs": 10800000},
  {"amount": 0, "time": "2026-06-03T00:00:00Z", "podId": "p2", "timeBilledMs": 0}
]"#;

#[test]
fn pods_are_read_with_their_hours_and_whole_buckets() {
    let found = read_v1(PODS);
    // 47.84 + 0.0000012 + 2.5 + 0.
    assert_eq!(found.sums(), ("50.3400012".to_owned(), "50.3400012".to_owned()));
    // The text and the whole number are exact.
    assert_eq!(found.n_floats(), 2);
    // 57,600,000 ms = 16 h; 3,600 ms = 0.001 h; 10,800,000 ms = 3 h; nothing billed is zero.
    assert_eq!(found.quantities(), [Some(16.0), Some(0.001), Some(3.0), Some(0.0)]);
    assert_eq!(found.period(1), ("2026-06-02T00:00:00Z".to_owned(), 24.0));
    assert_eq!(found.format, "RunPod billing v1 (pods, by day)");
    assert_eq!(found.faults(), [""; 0]);
    let line = &found.rows[2].line;
    assert_eq!(line.workload.as_deref(), Some("p2"));
    assert_eq!(line.resource_id.as_deref(), Some("p2"));
    assert_eq!(line.gpu_name.as_deref(), Some("NVIDIA L40S"));
    assert_eq!(line.region, None);
    assert_eq!(line.pricing, PricingCategory::Standard);
    assert_eq!(line.unit, QuantityUnit::Hours(1.0));
    assert_eq!(found.used, ["amount", "time", "podId", "timeBilledMs", "gpuTypeId"]);
}

#[test]
fn endpoints_are_serverless_workloads() {
    let found = read_v1(
        r#"[
      {"amount": 1.25, "time": "2026-06-01T00:00:00Z", "endpointId": "e1",
       "timeBilledMs": 172800000},
      {"amount": 0.75, "time": "2026-06-01T01:00:00Z", "endpointId": "e1",
       "gpuTypeId": "NVIDIA A40", "timeBilledMs": 1800000}
    ]"#,
    );
    assert_eq!(found.sums().0, "2.00");
    // Workers run side by side: 48 h in one hour are no fault.
    assert_eq!(found.quantities(), [Some(48.0), Some(0.5)]);
    assert_eq!(found.period(0), ("2026-06-01T00:00:00Z".to_owned(), 1.0));
    assert_eq!(found.format, "RunPod billing v1 (endpoints, by hour)");
    let line = &found.rows[1].line;
    assert_eq!(line.workload.as_deref(), Some("e1"));
    assert_eq!(line.pricing, PricingCategory::Serverless);
    assert_eq!(line.gpu_name.as_deref(), Some("NVIDIA A40"));
}

#[test]
fn a_gpu_type_alone_is_no_resource() {
    let found = read_v1(
        r#"[
      {"amount": 3.5, "time": "2026-06-01T00:00:00Z", "gpuTypeId": "NVIDIA L4",
       "timeBilledMs": 7200000},
      {"amount": 3.5, "time": "2026-06-08T00:00:00Z", "gpuTypeId": "NVIDIA L4",
       "timeBilledMs": 7200000}
    ]"#,
    );
    assert_eq!(found.format, "RunPod billing v1 (GPU types of pods, assumed, by week)");
    assert_eq!(found.period(1), ("2026-06-08T00:00:00Z".to_owned(), 168.0));
    let line = &found.rows[0].line;
    assert_eq!((&line.resource_id, &line.workload), (&None, &None));
    assert_eq!(line.gpu_name.as_deref(), Some("NVIDIA L4"));
}

#[test]
fn volumes_are_storage() {
    let found = read_v1(
        r#"[
      {"amount": 0.7, "time": "2026-06-01T00:00:00Z", "networkVolumeId": "v1",
       "diskSpaceBilledGb": 300},
      {"amount": 0.7, "time": "2026-07-01T00:00:00Z", "networkVolumeId": "v1",
       "diskSpaceBilledGb": 300}
    ]"#,
    );
    assert_eq!(found.sums().0, "1.40");
    // June has 30 days.
    assert_eq!(found.period(0), ("2026-06-01T00:00:00Z".to_owned(), 720.0));
    let line = &found.rows[0].line;
    assert_eq!(line.resource_id.as_deref(), Some("v1"));
    assert_eq!((&line.workload, line.unit), (&None, QuantityUnit::None));
}

#[test]
fn a_single_start_is_a_day_unless_a_pod_was_billed_for_longer() {
    for (time, ms, format, hours) in [
        ("2026-06-01T00:00:00Z", 1, "pods, by day, assumed from a single start", 24.0),
        // 90 h do not fit in a day.
        ("2026-06-01T00:00:00Z", 324_000_000, "pods, by week, assumed from a single start", 168.0),
        // Not at midnight: no bucket but an hour begins there.
        ("2026-06-01T07:00:00Z", 1, "pods, by hour", 1.0),
    ] {
        let records = json!([{"amount": 1.5, "time": time, "podId": "p", "timeBilledMs": ms}]);
        let found = read_v1(&records.to_string());
        assert_eq!(found.format, format!("RunPod billing v1 ({format})"));
        assert_eq!(found.period(0), (time.to_owned(), hours), "{time}");
    }
}

#[test]
fn faulty_rows_of_v1_name_their_column() {
    let found = read_v1(
        r#"[
      {"amount": 1.5, "time": "2026-06-01T00:00:00Z", "podId": "p", "timeBilledMs": 1,
       "unknown": {"a": [1]}},
      {"amount": "a lot", "time": "2026-06-02T00:00:00Z", "podId": "p", "timeBilledMs": 1},
      {"amount": true, "time": "2026-06-02T00:00:00Z", "podId": "p", "timeBilledMs": 1},
      {"time": "2026-06-02T00:00:00Z", "podId": "p", "timeBilledMs": 1},
      {"amount": 1.5, "time": "soon", "podId": "p", "timeBilledMs": 1},
      {"amount": 1.5, "podId": "p", "timeBilledMs": 1},
      {"amount": 1.5, "time": "2026-06-02T00:00:00Z", "podId": "p", "timeBilledMs": -5},
      {"amount": 1.5, "time": "2026-06-02T00:00:00Z", "podId": "p", "timeBilledMs": "5 s"},
      {"amount": 1.5, "time": "2026-06-02T00:00:00Z", "podId": "p"}
    ]"#,
    );
    assert_eq!(
        found.faults(),
        [
            "2 amount: `a lot` is not a decimal amount",
            "3 amount: `true` is not a decimal amount",
            "4 amount: the cost is empty; an unknown cost is not zero",
            "5 time: `soon` is not a timestamp such as 2026-10-05T14:00:00Z",
            "6 time: the start is missing",
            "7 timeBilledMs: `-5` is negative",
            "8 timeBilledMs: `5 s` is not a number",
        ]
    );
    // Rows 1 and 9 are kept; not billed by time is not zero.
    assert_eq!(found.sums().0, "3.00");
    assert_eq!(found.rows[8].parts[0].quantity, None);
    // The amounts of rows 5 to 8 could be read, those of 2 to 4 could not.
    let parts: Vec<usize> = found.rows.iter().map(|it| it.parts.len()).collect();
    assert_eq!(parts, [1, 0, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn a_row_inside_a_bucket_is_refused() {
    let days = json_table(PODS, &v1::FORMAT);
    let hours = json_table(
        r#"[{"amount": 1.5, "time": "2026-06-09T04:00:00Z", "podId": "p", "timeBilledMs": 1}]"#,
        &v1::FORMAT,
    );
    let bound = (v1::FORMAT.bind)(&days, "bill").unwrap();
    assert_eq!(bound.format(), "RunPod billing v1 (pods, by day)");
    let line = bound.line(&[Some("p"), None]).unwrap();
    let mut out = super::super::charge::Parts::default();
    let (column, reason) = bound.row(&hours, 0, &line.terms(), &mut out).unwrap_err();
    assert_eq!(column.as_deref(), Some("time"));
    assert_eq!(
        reason,
        "2026-06-09T04:00:00Z does not begin a bucket of a day, which the first rows are; \
         put each bucketSize in a file of its own"
    );
}

#[test]
fn groupings_tell_which_files_are_the_same_money() {
    for (text, expected) in [
        (PODS, Some(Grouping::Pods)),
        (r#"[{"amount": 1, "time": "t", "gpuTypeId": "L4"}]"#, Some(Grouping::GpuTypes)),
        (
            r#"[{"endpointId": "e", "gpuTypeId": "L4"}, {"endpointId": "f"}]"#,
            Some(Grouping::Endpoints),
        ),
        (r#"[{"podId": "p"}, {"gpuTypeId": "L4"}]"#, Some(Grouping::Mixed)),
        (r#"[{"serverlessId": "s"}]"#, Some(Grouping::Endpoints)),
        (r#"[{"networkVolumeId": "v"}]"#, Some(Grouping::NetworkVolumes)),
        (r#"[{"podId": ""}, {"podId": null}]"#, None),
        ("[]", None),
    ] {
        assert_eq!(
            grouping(&json_table(text, &v1::FORMAT)).map(Grouping::as_str),
            expected.map(Grouping::as_str),
            "{text}"
        );
    }
}

#[test]
fn only_its_own_headers_fit() {
    let fits = |headers: &[&str]| {
        let headers: Vec<String> = headers.iter().map(|it| (*it).to_owned()).collect();
        ((v1::FORMAT.fits)(&headers), (v2::FORMAT.fits)(&headers))
    };
    assert_eq!(fits(&["amount", "time", "networkVolumeId"]), (true, false));
    assert_eq!(fits(&["amount", "time"]), (false, false));
    assert_eq!(fits(&["podId", "startTime", "endTime", "totalAmount"]), (false, true));
    assert_eq!(fits(&["startTime", "endTime", "totalAmount"]), (false, false));
    assert_eq!(fits(&["period_start", "workload", "cost"]), (false, false));
}

fn answer() -> Value {
    let record = |start: &str, end: &str, total: f64, gpu: f64, disk: f64| {
        json!({"podId": "p7", "startTime": start, "endTime": end, "totalAmount": total,
               "gpuAmount": gpu, "cpuAmount": 0, "diskAmount": disk})
    };
    json!({
        "records": [
            record("2026-06-01T00:00:00Z", "2026-06-01T01:00:00Z", 0.1, 0.08, 0.02),
            record("2026-06-01T01:00:00Z", "2026-06-01T02:00:00Z", 0.2, 0.18, 0.02),
        ],
        // Binary floats: 0.1 + 0.2 is 0.30000000000000004, and a provider that adds floats says so.
        "metadata": {
            "query": {"bucketSize": "hour"}, "recordCount": 2, "uniquePodCount": 1,
            "totals": {"totalAmount": 0.1 + 0.2, "gpuAmount": 0.26, "cpuAmount": 0,
             "diskAmount": 0.04}
        }
    })
}

fn read_v2(document: Value) -> Read {
    read(&v2::FORMAT, &v2::table(document, "bill").unwrap().unwrap())
}

#[test]
fn v2_knows_money_and_no_hours() {
    let found = read_v2(answer());
    assert_eq!(found.sums(), ("0.30".to_owned(), "0.30".to_owned()));
    assert_eq!(found.quantities(), [None, None]);
    assert_eq!(found.period(1), ("2026-06-01T01:00:00Z".to_owned(), 1.0));
    assert_eq!(found.format, "RunPod billing v2 (pods)");
    assert_eq!(found.faults(), [""; 0]);
    let line = &found.rows[0].line;
    assert_eq!(line.workload.as_deref(), Some("p7"));
    assert_eq!((line.unit, &line.gpu_name), (QuantityUnit::None, &None));
}

#[test]
fn v2_endpoints_are_serverless() {
    let mut document = answer();
    for record in document["records"].as_array_mut().unwrap() {
        let record = record.as_object_mut().unwrap();
        record.remove("podId");
        record.insert("serverlessId".to_owned(), json!("e9"));
    }
    let found = read_v2(document);
    assert_eq!(found.format, "RunPod billing v2 (endpoints)");
    assert_eq!(found.rows[0].line.pricing, PricingCategory::Serverless);
    assert_eq!(found.rows[0].line.resource_id.as_deref(), Some("e9"));
}

#[test]
fn v2_that_does_not_add_up_is_refused() {
    let check = |change: fn(&mut Value), expected: &str| {
        let mut document = answer();
        change(&mut document);
        let error = v2::table(document, "bill").unwrap().err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check(
        |it| it["metadata"]["totals"]["totalAmount"] = json!(0.31),
        "bill: metadata.totals.totalAmount is 0.31, but the records add up to 0.30: \
         a difference of 0.01",
    );
    // What floats can lose is 2^-53 of the sum a few times: 10^-12 is no rounding.
    check(
        |it| it["metadata"]["totals"]["gpuAmount"] = json!(0.259_999_999_999),
        "bill: metadata.totals.gpuAmount is 0.259999999999, but the records add up to 0.26: \
         a difference of -0.000000000001",
    );
    // Exact amounts must agree exactly.
    check(
        |it| it["metadata"]["totals"]["cpuAmount"] = json!("0.000000000000000001"),
        "bill: metadata.totals.cpuAmount is 0.000000000000000001, but the records add up to 0.00: \
         a difference of 0.000000000000000001",
    );
    check(
        |it| {
            it["records"].as_array_mut().unwrap().pop();
        },
        "bill: metadata.recordCount is 2, but the file has 1 records",
    );
    check(
        |it| {
            it["metadata"].as_object_mut().unwrap().remove("totals");
        },
        "bill: metadata.totals is missing",
    );
    check(
        |it| it["metadata"]["totals"]["diskAmount"] = json!(null),
        "bill: metadata.totals.diskAmount is not an amount",
    );
    check(|it| it["records"] = json!([]), "bill: no row to analyse");
    check(|it| it["records"][1] = json!(7), "bill: a record is not an object");
    check(
        |it| {
            for record in it["records"].as_array_mut().unwrap() {
                record.as_object_mut().unwrap().remove("podId");
            }
        },
        "bill: the records name no pod, endpoint or volume, and may repeat the money of others",
    );
}

#[test]
fn faulty_rows_of_v2_name_their_column() {
    let mut document = answer();
    document["records"][0]["totalAmount"] = json!("much");
    document["records"][1]["endTime"] = json!("2026-06-01T01:00:00Z");
    let found = read_v2(document);
    assert_eq!(
        found.faults(),
        [
            "1 totalAmount: `much` is not a decimal amount",
            "2 endTime: the period ends at 2026-06-01T01:00:00Z, not after its start",
        ]
    );
    assert_eq!(found.rows[1].parts.len(), 1);
}

#[test]
fn other_documents_are_not_v2() {
    for document in [
        json!([]),
        json!({"records": [], "metadata": {}}),
        json!({"records": {"a": 1}, "metadata": {"totals": {"totalAmount": 1}}}),
        json!({"records": [{"amount": 1}], "metadata": {"totals": {}}}),
        json!({"status": "success", "data": {"result": []}}),
    ] {
        assert!(v2::table(document.clone(), "bill").is_none(), "{document}");
    }
}
