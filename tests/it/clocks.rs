//! Bills by the hour, requests by the second and telemetry by the minute of one workload, over the
//! days on which clocks change: every hour counts once, and a day has as many as its clock showed.

use std::fmt::Write;

use serde_json::Value;

use crate::support::Bench;

const HOUR_S: i64 = 3600;

/// A day: its name, its zone, its first instant, how many hours it has.
const DAYS: [(&str, &str, &str, i64); 5] = [
    ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z", 25),
    ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z", 23),
    ("2026-11-01", "America/New_York", "2026-11-01T04:00:00Z", 25),
    ("2026-03-08", "America/New_York", "2026-03-08T05:00:00Z", 23),
    ("2026-10-25", "UTC", "2026-10-25T00:00:00Z", 24),
];

fn instant(s: i64) -> String {
    let at = chrono::DateTime::from_timestamp(s, 0).unwrap();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An hour of one p5.48xlarge (8 H100) for 1.5 dollars each.
fn bill(start: i64, hours: i64) -> String {
    let mut text = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName,Tags\n".to_owned();
    for hour in 0..hours {
        let from = start + hour * HOUR_S;
        writeln!(
            text,
            "1.5,1.5,USD,Usage,{},{},1,Hours,p5.48xlarge,i-1,Compute,AWS,\"{{\"\"workload\"\":\"\"chat\"\"}}\"",
            instant(from),
            instant(from + HOUR_S)
        )
        .unwrap();
    }
    text
}

/// Two requests an hour, in its first and in its last second.
fn requests(start: i64, hours: i64) -> String {
    let mut text = "timestamp,workload,prompt_tokens,completion_tokens\n".to_owned();
    for hour in 0..hours {
        for second in [0, HOUR_S - 1] {
            writeln!(text, "{},chat,100,20", instant(start + hour * HOUR_S + second)).unwrap();
        }
    }
    text
}

/// A sample a minute of the one GPU that the pod `chat-0` had.
fn telemetry(start: i64, hours: i64) -> String {
    let points: Vec<String> =
        (0..hours * 60).map(|minute| format!("[{},\"50\"]", start + minute * 60)).collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"DCGM_FI_DEV_GPU_UTIL","UUID":"GPU-1","gpu":"0","modelName":"NVIDIA H100 80GB HBM3","Hostname":"n1","exported_namespace":"ml","exported_pod":"chat-0"}},"values":[{}]}}]}}}}"#,
        points.join(",")
    )
}

fn hours_of(found: &Value, source: &str) -> Value {
    let rows = found["coverage"]["sources"].as_array().unwrap();
    rows.iter().find(|it| it["source"] == source).unwrap()["hours"].clone()
}

#[test]
fn a_day_has_the_hours_of_its_clock_in_every_source() {
    for (day, zone, start, hours) in DAYS {
        let what = format!("{day} in {zone}");
        let bench = Bench::new();
        let first = chrono::DateTime::parse_from_rfc3339(start).unwrap().timestamp();
        let files = [
            bench.write("bill.csv", bill(first, hours)),
            bench.write("requests.csv", requests(first, hours)),
            bench.write("gpus.json", telemetry(first, hours)),
        ];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let json = ["--format", "json", "--time-zone", zone, "--output", "out.parquet"];
        let ran = bench.run(&[&["ingest"][..], &files, &json].concat());
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(found["coverage"]["days"], serde_json::json!([day]), "{what}");
        assert_eq!(found["coverage"]["day_hours"], serde_json::json!([hours]), "{what}");
        for source in ["cost", "requests", "gpu_metrics"] {
            assert_eq!(hours_of(&found, source), serde_json::json!([hours]), "{what}: {source}");
        }
        // 1.5 an hour, all of it of the one workload.
        let cents = 150 * hours;
        let total = format!("{}.{:02}", cents / 100, cents % 100);
        let account = &found["reconciliation"];
        assert_eq!(
            (&account["billed_total"], &account["assigned"]),
            (&total.clone().into(), &total.into())
        );
        let json = ["--format", "json", "--time-zone", zone, "--output", "out"];
        let ran = bench.run(&[&["analyze"][..], &files, &json].concat());
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let workloads = report["workloads"].as_array().unwrap();
        assert_eq!(workloads.len(), 1, "{what}");
        let chat = &workloads[0];
        assert_eq!(chat["name"], "chat");
        let baseline = &chat["baseline"];
        assert_eq!(baseline["requests"], 2 * hours, "{what}");
        assert_eq!(baseline["prompt_tokens"], 200 * hours, "{what}");
        // Eight GPUs the whole day long: hours that counted twice would be sixteen.
        assert_eq!(baseline["gpu_hours"].as_f64(), Some(8.0 * hours as f64), "{what}");
    }
}

#[test]
fn a_wall_clock_that_is_shown_twice_is_told_by_the_order_of_the_rows() {
    // In Berlin 02:30 comes at 00:30 and at 01:30 UTC. Where the clock goes back from 02:30 to 02:10
    // the second pass has begun; two times in order may both be of the first, and the hour from
    // 01:00 to 02:00 UTC then has no request.
    let bench = Bench::new();
    let log = |times: [&str; 4]| {
        let mut text = "timestamp,workload,prompt_tokens,completion_tokens\n".to_owned();
        for time in times {
            writeln!(text, "{time},chat,100,20").unwrap();
        }
        bench.write("requests.csv", text)
    };
    let run = |file: &str| {
        let ran = bench.run(&["ingest", file, "--format", "json", "--time-zone", "Europe/Berlin"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(found["reconciliation"]["rows_kept"], 4, "no request is lost");
        found
    };
    let hours = |file: &str| {
        let found = run(file);
        (hours_of(&found, "requests"), found["window_start"].clone(), found["window_end"].clone())
    };
    let local = |second: &str| {
        let times = ["2026-10-25 01:30:00", "2026-10-25 02:30:00", second, "2026-10-25 03:30:00"];
        hours(&log(times))
    };
    let (start, end) = (Value::from("2026-10-24T23:30:00Z"), Value::from("2026-10-25T02:31:00Z"));
    let found = local("2026-10-25 02:30:01");
    assert_eq!(found, (serde_json::json!([3]), start.clone(), end.clone()));
    assert_eq!(local("2026-10-25 02:10:00"), (serde_json::json!([4]), start, end));
    // Newest first: nothing tells the two passes apart, and the reader is told so.
    let turned = log([
        "2026-10-25 03:30:00",
        "2026-10-25 02:10:00",
        "2026-10-25 02:30:00",
        "2026-10-25 01:30:00",
    ]);
    let found = run(&turned);
    assert_eq!(hours_of(&found, "requests"), serde_json::json!([3]));
    let said = found["notices"].to_string();
    assert!(said.contains("requests.csv: 2 requests lie in an hour that clocks show"), "{said}");
    // With offsets each is its own.
    let exact = log([
        "2026-10-25T01:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:01+01:00",
        "2026-10-25T03:30:00+01:00",
    ]);
    let (start, end) = ("2026-10-24T23:30:00Z".into(), "2026-10-25T02:31:00Z".into());
    assert_eq!(hours(&exact), (serde_json::json!([4]), start, end));
    // A time that the clocks skipped is no time.
    let skipped = log([
        "2026-03-29 01:30:00",
        "2026-03-29 02:30:00",
        "2026-03-29 03:30:00",
        "2026-03-29 04:30:00",
    ]);
    let ran = bench.run(&["ingest", &skipped, "--time-zone", "Europe/Berlin"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("row 2") && ran.stderr.contains("does not exist"),
        "{}",
        ran.stderr
    );
}

#[test]
fn wall_clocks_of_one_machine_go_on_through_the_hour_that_comes_twice() {
    // A sample a minute from 01:00 to 04:00 on the clock of Berlin: four hours by any other clock.
    let bench = Bench::new();
    let mut text =
        "timestamp, index, uuid, name, utilization.gpu [%], memory.used [MiB]\n".to_owned();
    for hour in ["01", "02", "02", "03"] {
        for minute in 0..60 {
            writeln!(
                text,
                "2026/10/25 {hour}:{minute:02}:00.000, 0, GPU-1, NVIDIA L4, 50 %, 9 MiB"
            )
            .unwrap();
        }
    }
    let file = bench.write("smi.csv", text);
    let ran = bench.run(&["ingest", &file, "--format", "json", "--time-zone", "Europe/Berlin"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["window_start"], "2026-10-24T23:00:00Z");
    assert_eq!(found["window_end"], "2026-10-25T03:00:00Z");
    assert_eq!(hours_of(&found, "gpu_metrics"), serde_json::json!([4]));
}

#[test]
fn rows_over_the_edge_of_the_window_are_told() {
    let bench = Bench::new();
    let day = |day: u32| {
        format!(
            "{day},{day},USD,Usage,2026-06-{day:02}T00:00:00Z,2026-06-{:02}T00:00:00Z,192,GPU-Hours,H100,i-1,Compute,Vendor\n",
            day + 1
        )
    };
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName\n";
    let file = bench.write("bill.csv", header.to_owned() + &(1..9).map(day).collect::<String>());
    let window = ["--since", "2026-06-03T12:00", "--until", "2026-06-06T12:00"];
    let ran =
        bench.run(&[&["ingest", file.as_str()], window.as_slice(), &["--format", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    // The 4th, the 5th and the 6th begin inside, the last reaches out of it; the 3rd reaches in.
    let parts = told["reconciliation"]["parts"].as_array().unwrap();
    let inside = parts.iter().find(|it| it["part"] == "unassigned").unwrap();
    assert_eq!(inside["billed"], "15.00");
    // Three whole days of money are those of three whole days.
    let window = [&told["window_start"], &told["window_end"]];
    assert_eq!(window, ["2026-06-04T00:00:00Z", "2026-06-07T00:00:00Z"]);
    let notice = "1 rows of GPU cost reach beyond the end of this one, 1 reach into it";
    assert!(ran.stdout.contains(notice), "{}", ran.stdout);
}
