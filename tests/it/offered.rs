//! What engines and request logs say of demand that was not served reaches the workload.

use std::path::PathBuf;

use gpuadvise::catalog::Catalog;
use gpuadvise::ingest::{self, Config, Ingested};
use gpuadvise::workload::{EngineBin, Offered, Workload};

use crate::account::{read, read_with};
use crate::support::{Bench, reference};

/// The one workload of some files.
fn only(found: &Ingested) -> Workload {
    let catalog = Catalog::embedded().unwrap();
    let mut workloads = ingest::assemble(found, &Config::default(), &catalog).unwrap();
    assert_eq!(workloads.len(), 1);
    workloads.remove(0)
}

fn offered(header: &str, rows: &[&str]) -> Offered {
    let bench = Bench::new();
    bench.write("log.csv", format!("{header}\n{}\n", rows.join("\n")));
    only(&read(&[bench.path("log.csv")]).unwrap()).offered.unwrap()
}

/// 2026-05-04T10:00Z.
const TEN: i64 = 1_777_888_800;

/// One metric of one engine, a value every 20 minutes from ten o'clock on.
fn series(metric: &str, instance: &str, values: &[&str]) -> String {
    let at = |(n, value): (i64, &&str)| format!("[{},\"{value}\"]", TEN + 1_200 * n);
    let values: Vec<String> = (0..).zip(values).map(at).collect();
    format!(
        r#"{{"metric":{{"__name__":"vllm:{metric}","instance":"{instance}","model_name":"acme/chat"}},"values":[{}]}}"#,
        values.join(",")
    )
}

fn two_engines() -> (Bench, PathBuf) {
    let result = [
        series("num_requests_running", "a:8000", &["4", "4", "4", "1", "1", "1"]),
        series("num_requests_running", "b:8000", &["2", "2", "2"]),
        series("num_requests_waiting", "a:8000", &["0", "0", "0", "0", "5", "0"]),
        series("kv_cache_usage_perc", "a:8000", &["0.2", "0.5", "0.2", "0.9", "0.9", "0.9"]),
        series("kv_cache_usage_perc", "b:8000", &["0.1", "0.1", "0.1"]),
        series("num_preemptions_total", "a:8000", &["0", "2", "2", "2", "9", "9"]),
        series("prefix_cache_queries_total", "b:8000", &["0", "800", "800"]),
        series("prefix_cache_hits_total", "b:8000", &["0", "300", "300"]),
    ];
    let text = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#,
        result.join(",")
    );
    let bench = Bench::new();
    bench.write("vllm.json", text);
    let path = bench.path("vllm.json");
    (bench, path)
}

#[test]
fn engines_of_a_workload_are_summed_by_the_hour() {
    let (_bench, path) = two_engines();
    let found = read(std::slice::from_ref(&path)).unwrap();
    let workload = only(&found);
    let [ten, eleven] = workload.engine[..] else { panic!("{:?}", workload.engine) };
    assert_eq!(ten.period.start().us(), TEN * 1_000_000);
    // Four at one engine and two at the other; the means of their caches are 0.3 and 0.1.
    assert_eq!((ten.engines, ten.running_mean, ten.running_max), (2, Some(6.0), Some(4.0)));
    assert_eq!((ten.kv_cache_usage_max, ten.waiting_max), (Some(0.5), Some(0.0)));
    assert!((ten.kv_cache_usage_mean.unwrap() - 0.2).abs() < 1e-9);
    let prefix = (ten.prefix_queries, ten.prefix_hits);
    assert_eq!((ten.preemptions, prefix), (Some(2), (Some(800), Some(300))));
    assert_eq!((eleven.engines, eleven.waiting_max), (1, Some(5.0)));
    assert_eq!((eleven.preemptions, eleven.prefix_queries), (Some(7), None));
    assert_eq!((eleven.swapped_max, eleven.requests), (None, None), "not measured");
}

#[test]
fn hours_outside_the_window_are_cut() {
    let (_bench, path) = two_engines();
    let cut = gpuadvise::ingest::WindowCut {
        since: Some("2026-05-04T11:00:00Z".to_owned()),
        ..gpuadvise::ingest::WindowCut::default()
    };
    let found = read_with(&[path], "", &cut).unwrap();
    let starts: Vec<i64> = only(&found).engine.iter().map(|it| it.period.start().us()).collect();
    assert_eq!(starts, [(TEN + 3_600) * 1_000_000]);
}

#[test]
fn names_of_engines_are_redacted() {
    let (_bench, path) = two_engines();
    let mut found = read(&[path]).unwrap();
    let mut workloads = vec![only(&found)];
    ingest::redact(&mut found, &mut workloads, "key");
    let names: Vec<&String> = found.engine.keys().collect();
    assert_eq!(names, [&workloads[0].name]);
    assert!(names[0].starts_with("workload-"), "{names:?}");
}

#[test]
fn the_answer_of_prometheus_gives_what_its_engine_measured() {
    let Some(folder) = reference() else { return };
    let path = folder.join("formats/prometheus_query_range_vllm.json");
    let [hour] = only(&read(&[path]).unwrap()).engine[..] else { panic!("one hour") };
    let expected = EngineBin {
        period: hour.period,
        engines: 1,
        kv_cache_usage_max: Some(0.66),
        kv_cache_usage_mean: hour.kv_cache_usage_mean,
        running_mean: hour.running_mean,
        running_max: Some(14.0),
        waiting_max: Some(3.0),
        swapped_max: None,
        requests: Some(223),
        preemptions: None,
        prefix_queries: None,
        prefix_hits: None,
    };
    assert_eq!(hour, expected);
    // 0, 6, 14, 1, 0, 2, 4, 0, 8 and 3 for five minutes each, the last as long as it was seen.
    let mean = hour.running_mean.unwrap();
    assert!((3.5..=4.3).contains(&mean), "{mean}");
}

#[test]
fn a_log_tells_of_refusals_only_where_it_can() {
    let codes = offered(
        "timestamp,prompt_tokens,completion_tokens,status",
        &[
            "2026-06-10T08:00:00Z,100,20,200",
            "2026-06-10T08:00:01Z,100,20,200",
            "2026-06-10T08:00:02Z,100,20,500",
            "2026-06-10T08:00:03Z,,,429",
            "2026-06-10T08:00:04Z,100,20,200",
        ],
    );
    assert_eq!((codes.requests, codes.failed, codes.throttled), (4, Some(1), Some(1)));
    let words = "timestamp,prompt_tokens,completion_tokens,status";
    let fine = ["2026-06-10T08:00:00Z,100,20,success", "2026-06-10T08:00:09Z,100,20,success"];
    let none = offered(words, &fine);
    assert_eq!((none.failed, none.throttled), (Some(0), Some(0)), "a refusal would be a failure");
    let some = offered(words, &[fine[0], "2026-06-10T08:00:09Z,100,20,failure"]);
    assert_eq!((some.failed, some.throttled), (Some(1), None), "a failure may be a refusal");
    let silent = offered(
        "timestamp,prompt_tokens,completion_tokens,latency_s",
        &["2026-06-10T08:00:00Z,100,20,1.5", "2026-06-10T08:00:09Z,100,20,2.5"],
    );
    assert_eq!((silent.failed, silent.throttled, silent.cached), (None, None, None));
    assert_eq!((silent.latency_mean_s, silent.latency_p95_s), (Some(2.0), Some(2.5)));
}

#[test]
fn a_gateway_tells_calls_for_images_and_answers_from_a_cache() {
    let header = "request_id,call_type,spend,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,status,cache_hit";
    let row = |id: u32, call: &str, hit: &str| {
        format!(
            "r{id},{call},0,100,20,2026-06-10T08:0{id}:00Z,2026-06-10T08:0{id}:02Z,hosted_vllm/m,draw,success,{hit}"
        )
    };
    let rows = [
        row(1, "aimage_generation", "False"),
        row(2, "acompletion", "True"),
        row(3, "acompletion", "False"),
    ];
    let found = offered(header, &[&rows[0], &rows[1], &rows[2]]);
    assert_eq!((found.requests, found.images, found.cached), (2, Some(1), Some(1)));
}
