//! Files in every format, clean and broken, and what is made of each line.

use super::metric::Metric;
use super::*;
use crate::units::Timestamp;

/// Reads text with UTC as the zone of wall clocks.
pub(super) fn parsed(file: &str, text: &str) -> Parsed {
    parsed_in(Tz::UTC, file, text)
}

fn parsed_in(zone: Tz, file: &str, text: &str) -> Parsed {
    let format = sniff(text.as_bytes()).unwrap_or_else(|| panic!("{file} is not recognised"));
    parse(text.as_bytes(), format, file, zone).unwrap()
}

/// A matrix of series, each with its labels as JSON and its samples.
pub(super) fn matrix(series: &[(&str, &str)]) -> String {
    let items: Vec<String> = series
        .iter()
        .map(|(labels, values)| format!("{{\"metric\":{{{labels}}},\"values\":[{values}]}}"))
        .collect();
    let items = items.join(",");
    format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{items}]}}}}"
    )
}

fn rejections(parsed: &Parsed) -> Vec<String> {
    parsed.rejected.iter().map(ToString::to_string).collect()
}

fn points(parsed: &Parsed, metric: Metric) -> Vec<(String, f64)> {
    let found = parsed.series.iter().filter(|it| it.metric == metric);
    found
        .flat_map(|it| &it.points)
        .map(|it| (Timestamp::from_us(it.0).to_rfc3339(), it.1))
        .collect()
}

fn error(text: &str) -> String {
    let format = sniff(text.as_bytes()).unwrap();
    parse(text.as_bytes(), format, "f", Tz::UTC).unwrap_err().to_string()
}

#[test]
fn a_matrix_gives_series_and_refuses_what_is_no_sample() {
    let text = matrix(&[
        (
            r#""__name__":"DCGM_FI_DEV_GPU_UTIL","UUID":"GPU-a","gpu":"3","api_key":"sk-secret""#,
            concat!(
                r#"[1790000000,"50"],[1790000060.5,"NaN"],[1790000120,"+Inf"],[1790000180,"140"],"#,
                r#"[1790000240,"abc"],[1790000300],[1790000360,"25"]"#
            ),
        ),
        (r#""__name__":"node_load1","instance":"h""#, r#"[1790000000,"1"]"#),
        (r#""job":"vllm""#, r#"[1790000000,"1"]"#),
    ]);
    let found = parsed("f.json", &text);
    assert_eq!(
        points(&found, Metric::GpuUtil),
        [("2026-09-21T14:13:20Z".to_owned(), 0.5), ("2026-09-21T14:19:20Z".to_owned(), 0.25)]
    );
    assert_eq!(
        rejections(&found),
        [
            "f.json: row 5: `DCGM_FI_DEV_GPU_UTIL`: series 1, sample 5: `abc` is not a number",
            "f.json: row 6: `DCGM_FI_DEV_GPU_UTIL`: series 1, sample 6: it is not a time \
             and a value",
            "f.json: row 4: `DCGM_FI_DEV_GPU_UTIL`: series 1, sample 4: `140` is above 100 %",
        ]
    );
    assert_eq!(found.rows, 9);
    assert_eq!(
        found.notices,
        [
            "f.json: samples that are NaN, infinite or not available, so not measured and not \
             zero: 2",
            "f.json: metrics or columns that are not read (2): node_load1, series without a name: \
             rate() or sum()",
        ]
    );
    assert!(!format!("{found:?}").contains("sk-secret"));
}

#[test]
fn an_answer_that_is_none_says_where_and_why() {
    let whole = matrix(&[(r#""__name__":"up""#, r#"[1790000000,"1"]"#)]);
    let status = r#"{"status":"error","errorType":"bad_data","error":"exceeded maximum"}"#;
    let scalar = r#"{"status":"success","data":{"resultType":"string","result":[]}}"#;
    let no_list = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
    for (text, expected) in [
        (&whole[..whole.len() - 9], "f: the JSON ends too early, at line 1, column 110"),
        (status, "f: the server answered with an error (bad_data): exceeded maximum"),
        (scalar, "f: the answer is a string, not a matrix of series"),
        (no_list, "f: at line 1, column 61 is not what a Prometheus answer has there"),
        (&format!("{whole} done"), "f: no JSON at line 1, column 121"),
    ] {
        assert_eq!(error(text), expected);
    }
    let none = parsed("f", &matrix(&[]));
    assert!(none.notices[0].contains("the query found no series"), "{:?}", none.notices);
}

#[test]
fn a_vector_is_one_instant_and_answers_may_follow_each_other() {
    let vector = concat!(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"#,
        r#""DCGM_FI_DEV_FB_TOTAL","UUID":"GPU-a"},"value":[1790000000,"81559"]}]}}"#
    );
    let found = parsed("f", &format!("{vector}\n{vector}\n"));
    assert_eq!(points(&found, Metric::FbTotal).len(), 2);
    assert!(found.notices[0].contains("one instant (a vector)"));
    let wrong = vector.replace("vector", "matrix");
    let found = parsed("f", &wrong);
    assert_eq!(rejections(&found), ["f: row 1: `values`: series 1 has none"]);
}

#[test]
fn a_scrape_is_read_line_by_line() {
    let text = "\
# HELP vllm:num_requests_running Number of requests.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine=\"0\",model_name=\"a \\\"b\\\" \\\\ {c}\"} 8.0
vllm:num_requests_running{engine=\"0\",model_name=\"x\" 8.0
vllm:kv_cache_usage_perc{engine=\"0\",} 0.25 1790000000500
vllm:kv_cache_usage_perc{engine=\"1\"} 0.5 1790000000 # {trace_id=\"x\"} 0.4
vllm:kv_cache_usage_perc{engine=\"1\"} half
password=hunter2 and more
process_open_fds 12
# EOF
";
    let found = parsed("m.prom", text);
    assert_eq!(
        rejections(&found),
        [
            "m.prom: row 4: `vllm:num_requests_running`: the line is not `name{labels} value`",
            "m.prom: row 7: `vllm:kv_cache_usage_perc`: `half` is not a number",
            "m.prom: row 8: the line is not `name{labels} value`",
        ]
    );
    assert_eq!(found.rows, 7);
    let running = found.series.iter().find(|it| it.metric == Metric::RequestsRunning).unwrap();
    assert_eq!(running.labels.model.as_deref(), Some("a \"b\" \\ {c}"));
    assert_eq!(running.untimed, [8.0]);
    // Milliseconds as Prometheus writes them, seconds as OpenMetrics does.
    assert_eq!(
        points(&found, Metric::KvCacheUsage),
        [
            ("2026-09-21T14:13:20.500000Z".to_owned(), 0.25),
            ("2026-09-21T14:13:20Z".to_owned(), 0.5)
        ]
    );
}

#[test]
fn a_comment_may_tell_when_a_scrape_was_made() {
    let scrape = |comment: &str| {
        format!(
            "# HELP vllm:num_requests_running At 2020-01-01T00:00:00Z.\n# {comment}\n\
             vllm:num_requests_running 3\n"
        )
    };
    for (comment, expected) in [
        ("2026-09-21T14:13:20Z", Some("2026-09-21T14:13:20Z")),
        ("scraped at 2026-09-21T16:13:20+02:00 by cron", Some("2026-09-21T14:13:20Z")),
        ("2026-09-21 14:13:20Z", Some("2026-09-21T14:13:20Z")),
        ("1790000000", Some("2026-09-21T14:13:20Z")),
        // Nobody knows whose wall clock it is.
        ("2026-09-21T14:13:20", None),
        ("attempt 3", None),
    ] {
        let found = parsed("f", &scrape(comment));
        let times: Vec<String> =
            points(&found, Metric::RequestsRunning).into_iter().map(|it| it.0).collect();
        assert_eq!(times, Vec::from_iter(expected), "{comment}");
        assert_eq!(found.notices.iter().any(|it| it.contains("no time")), expected.is_none());
    }
}

#[test]
fn dmon_repeats_its_header_and_has_a_clock_only_when_told() {
    let found = parsed(
        "d.txt",
        "\
# gpu     sm    mem    jpg
# Idx      %      %      %
    0     90     40      -
    1      -      0      -
# gpu     sm    mem    jpg
# Idx      %      %      %
    0     30     20      -
    0     30
    0      x     20      -
",
    );
    let of = |metric| {
        let series = found.series.iter().filter(move |it| it.metric == metric);
        series.map(|it| (it.labels.gpu_index.clone().unwrap(), it.untimed.clone()))
    };
    // `-` is not measured: GPU 1 is there, without a reading.
    assert_eq!(
        of(Metric::GpuUtil).collect::<Vec<_>>(),
        [("0".to_owned(), vec![0.9, 0.3]), ("1".to_owned(), vec![])]
    );
    assert_eq!(
        rejections(&found),
        ["d.txt: row 8: 2 cells under 4 columns", "d.txt: row 9: `sm`: `x` is not a number",]
    );
    assert!(found.notices[0].contains("has no clock"));
    let timed = parsed(
        "d.txt",
        "\
#Date       Time        gpu     sm    mem
#YYYYMMDD   HH:MM:SS    Idx      %      %
 20260921   14:13:20      0     90     40
 2026092    14:13:20      0     90     40
",
    );
    assert_eq!(points(&timed, Metric::GpuUtil), [("2026-09-21T14:13:20Z".to_owned(), 0.9)]);
    assert_eq!(
        rejections(&timed),
        ["d.txt: row 4: `Date`: `2026092` is not a date such as 20260504"]
    );
}

#[test]
fn a_changed_header_is_followed_or_ends_the_file() {
    let changed = "\
# gpu     sm
# Idx      %
    0     90
# gpu     fb     sm
# Idx     MB      %
    0   1000     30
";
    let found = parsed("d.txt", changed);
    let util = found.series.iter().find(|it| it.metric == Metric::GpuUtil).unwrap();
    assert_eq!(util.untimed, [0.9, 0.3]);
    assert!(found.notices[0].contains("line 5: the columns change here"), "{:?}", found.notices);
    for (header, expected) in [
        ("# device sm\n# Idx %", "f: line 5: no column `gpu`"),
        ("# gpu fb\n# Idx GB", "f: line 5: the column `fb` is in GB, not in MB"),
        ("# gpu sm mem\n# Idx %", "f: line 5: 2 units for 3 columns"),
    ] {
        assert_eq!(error(&format!("# gpu sm\n# Idx %\n 0 90\n{header}\n 0 1\n")), expected);
    }
}

#[test]
fn query_csv_has_units_blanks_and_slices() {
    let text = "\
timestamp, index, uuid, name, utilization.gpu [%], memory.used [MiB], power.draw [W], fan.speed [%]
2026/09/21 14:13:20.500, 0, GPU-a, NVIDIA L4, 90 %, 1000 MiB, 70.5 W, [N/A]
timestamp, index, uuid, name, utilization.gpu [%], memory.used [MiB], power.draw [W], fan.speed [%]
2026/09/21 14:14:20.500, 0, GPU-a, NVIDIA L4, [Unknown Error], 1000 GiB, 70.5, 30 %
2026/09/21 14:14:20.501, 1, MIG-b, NVIDIA A100-SXM4-40GB MIG 2g.10gb, [N/A], 512 MiB, [N/A], [N/A]
2026/09/21 14:15:20.500, 0, GPU-a
";
    let found = parsed("q.csv", text);
    assert_eq!(points(&found, Metric::GpuUtil), [("2026-09-21T14:13:20.500000Z".to_owned(), 0.9)]);
    assert_eq!(points(&found, Metric::PowerUsage).len(), 2);
    assert_eq!(
        rejections(&found),
        [
            "q.csv: row 3: `memory.used`: `1000 GiB` is not a number of MiB",
            "q.csv: row 5: 3 cells under 8 columns",
        ]
    );
    let slice = found.series.iter().find(|it| it.labels.mig_id.is_some()).unwrap();
    assert_eq!(slice.labels.mig_profile.as_deref(), Some("2g.10gb"));
    assert_eq!(found.columns_ignored, ["fan.speed"]);
    assert_eq!(
        error("index, memory.used [GiB]\n0, 3 GiB\n"),
        "f: row 0: the column `memory.used` is in GiB, not in MiB"
    );
    assert_eq!(
        error("name, memory.used [MiB]\nNVIDIA L4, 3 MiB\n"),
        "f: the column `uuid` is missing"
    );
}

#[test]
fn local_times_are_the_zones_over_both_changes_of_the_clock() {
    let rows = |times: &[&str]| {
        let rows: Vec<String> = times.iter().map(|it| format!("{it}, 0, GPU-a, 50 %\n")).collect();
        format!("timestamp, index, uuid, utilization.gpu [%]\n{}", rows.concat())
    };
    // Berlin, 25 October 2026: 02:00 to 03:00 comes twice, first at +2, then at +1.
    let autumn = parsed_in(
        Tz::Europe__Berlin,
        "q.csv",
        &rows(&["2026/10/25 02:40:00", "2026/10/25 02:20:00", "2026/10/25 03:00:00"]),
    );
    let times: Vec<String> = points(&autumn, Metric::GpuUtil).into_iter().map(|it| it.0).collect();
    assert_eq!(times, ["2026-10-25T00:40:00Z", "2026-10-25T01:20:00Z", "2026-10-25T02:00:00Z"]);
    // 29 March 2026: 02:00 to 03:00 does not exist.
    let spring = parsed_in(Tz::Europe__Berlin, "q.csv", &rows(&["2026/03/29 02:30:00"]));
    assert_eq!(
        rejections(&spring),
        ["q.csv: row 1: `timestamp`: `2026-03-29 02:30:00` does not exist in Europe/Berlin: the \
          clocks went forward"]
    );
}

#[test]
fn an_empty_file_or_one_that_is_no_text_is_named() {
    let of = |bytes: &[u8]| {
        parse(bytes, TelemetryFormat::Exposition, "f", Tz::UTC).unwrap_err().to_string()
    };
    assert_eq!(of(b" \n"), "f: the file is empty");
    assert_eq!(of(b"up 1\n\xff\xfe"), "f: no UTF-8 text at byte 5");
}
