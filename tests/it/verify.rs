//! A week after a switch: what is kept, what is broken, and what nobody measured.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Bench, Ran, root};

/// Requests and tokens of chat-prod in an hour of the sample month.
const PER_HOUR: (u64, u64, u64) = (1_040, 1_680_000, 165_000);

/// A week of chat-prod after its switch: so many L40S at so much an hour.
fn usage(gpus: u32, each: f64, active: f64, kv: f64) -> String {
    let mut text = "period_start,workload,provider,region,gpu,gpu_count,effective_cost,requests,prompt_tokens,completion_tokens,gpu_util,kv_cache_usage\n".to_owned();
    for hour in 0..168 {
        let (requests, prompt, completion) = PER_HOUR;
        let cost = f64::from(gpus) * each;
        let (day, hour) = (1 + hour / 24, hour % 24);
        let _ = writeln!(
            text,
            "2026-12-{day:02}T{hour:02}:00:00Z,chat-prod,aws,us-east-1,L40S,{gpus},{cost:.3},{requests},{prompt},{completion},{active},{kv}"
        );
    }
    text
}

/// A log of the same requests, of which each takes so long to its first token.
fn log(ttft_s: f64) -> String {
    let mut text =
        "timestamp,workload,prompt_tokens,completion_tokens,latency_s,ttft_s,status\n".to_owned();
    let (requests, prompt, completion) = PER_HOUR;
    for hour in 0..168 {
        let (day, hour) = (1 + hour / 24, hour % 24);
        for n in 0..requests {
            let second = n * 3_600 / requests;
            let (minute, second) = (second / 60, second % 60);
            let _ = writeln!(
                text,
                "2026-12-{day:02}T{hour:02}:{minute:02}:{second:02}Z,chat-prod,{},{},{:.3},{ttft_s},200",
                prompt / requests,
                completion / requests,
                ttft_s + 7.5
            );
        }
    }
    text
}

fn results(score: f64) -> String {
    format!(r#"{{"results": {{"ifeval": {{"prompt_level_strict_acc,none": {score}}}}}}}"#)
}

fn verify(bench: &Bench, files: &[&str], more: &[&str]) -> Ran {
    let report = root().join("reports/usage");
    let report = report.to_str().unwrap();
    let words =
        [&["verify", report, "--workload", "chat-prod"][..], more, &["--usage"], files].concat();
    bench.run(&words)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str::<Value>(&ran.stdout)
        .unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))[0]
        .clone()
}

fn verdict(found: &Value, name: &str) -> String {
    let checks = found["checks"].as_array().unwrap();
    let it = checks.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    it["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_promise_that_was_kept() {
    let bench = Bench::new();
    let usage = bench.write("usage.csv", usage(2, 1.861, 0.8, 0.7));
    let log = bench.write("requests.csv", log(0.5));
    let after = bench.write("after.json", results(0.79));
    let before = bench.write("before.json", results(0.80));
    let quality = ["--quality", &after, "--quality-before", &before, "--format", "json"];
    let ran = verify(&bench, &[&usage, &log], &quality);
    let found = json(&ran);
    for name in [
        "saving",
        "change made",
        "days measured",
        "TTFT p95",
        "use at peak",
        "GPU activity",
        "quality",
    ] {
        assert_eq!(verdict(&found, name), "pass", "{name}: {}", ran.stdout);
    }
    // The log has no time between tokens, so that limit is not known to be kept.
    assert_eq!(verdict(&found, "TPOT p95"), "not_measured");
    assert!(found["share"].as_f64().unwrap() > 0.9, "{}", found["share"]);
    assert!(found["stop"].is_null());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = verify(&bench, &[&usage, &log], &quality[..4]).stdout;
    assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
    assert!(text.contains("measure what is missing (TPOT p95)"), "{text}");
}

#[test]
fn limits_that_break_stop_it() {
    let bench = Bench::new();
    let usage = bench.write("usage.csv", usage(2, 1.861, 0.8, 0.7));
    let log = bench.write("requests.csv", log(3.0));
    let ran = verify(&bench, &[&usage, &log], &["--format", "json"]);
    let found = json(&ran);
    assert_eq!(verdict(&found, "TTFT p95"), "fail");
    assert_eq!(verdict(&found, "quality"), "not_measured");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let stop = found["stop"].as_str().unwrap();
    assert!(stop.contains("the time to the first token"), "{stop}");
}

#[test]
fn answers_that_got_worse_stop_it() {
    let bench = Bench::new();
    let usage = bench.write("usage.csv", usage(2, 1.861, 0.8, 0.7));
    let after = bench.write("after.json", results(0.70));
    let before = bench.write("before.json", results(0.80));
    let quality = ["--quality", &after, "--quality-before", &before, "--format", "json"];
    let ran = verify(&bench, &[&usage], &quality);
    let found = json(&ran);
    assert_eq!(verdict(&found, "quality"), "fail");
    assert_eq!(found["stop"], "the quality check failed");
    assert!(found["next"].as_str().unwrap().contains("Send the traffic back"), "{}", found["next"]);
    assert_eq!(ran.code, 7);
}

/// Three times the price: half of the saving is not there. Idle GPUs with an empty cache: money is left.
#[test]
fn less_than_promised_is_said() {
    let bench = Bench::new();
    let dear = bench.write("dear.csv", usage(4, 1.861 * 1.6, 0.2, 0.1));
    let ran = verify(&bench, &[&dear], &["--format", "json"]);
    let found = json(&ran);
    assert_eq!(verdict(&found, "saving"), "fail", "{}", ran.stdout);
    for name in ["use at peak", "GPU activity"] {
        assert_eq!(verdict(&found, name), "warn", "{name}");
    }
    assert_eq!(ran.code, 7);
}

/// Nothing in the new files is no saving: of a workload that is gone, of one that served nothing, or of a bill
/// that ends before the log does.
#[test]
fn nothing_seen_is_no_promise_kept() {
    let bench = Bench::new();
    let week = usage(2, 1.861, 0.8, 0.7);
    let other = bench.write("other.csv", week.replace("chat-prod", "someone-else"));
    let ran = verify(&bench, &[&other], &["--format", "json"]);
    let found = json(&ran);
    assert_eq!(verdict(&found, "saving"), "not_measured", "{}", ran.stdout);
    assert!(found["realised"].is_null(), "{}", ran.stdout);
    let (requests, prompt, completion) = PER_HOUR;
    let idle = week.replace(&format!(",{requests},{prompt},{completion},"), ",0,0,0,");
    let idle = bench.write("idle.csv", idle);
    let ran = verify(&bench, &[&idle], &["--format", "json"]);
    assert_eq!(verdict(&json(&ran), "saving"), "not_measured", "{}", ran.stdout);
    let until: Vec<&str> = week.lines().filter(|it| !it.starts_with("2026-12-06")).collect();
    let until: Vec<&str> = until.into_iter().filter(|it| !it.starts_with("2026-12-07")).collect();
    let short = bench.write("short.csv", until.join("\n") + "\n");
    let log = bench.write("requests.csv", log(0.5));
    let ran = verify(&bench, &[&short, &log], &["--format", "json"]);
    assert_eq!(verdict(&json(&ran), "saving"), "not_measured", "{}", ran.stdout);
    assert!(ran.stdout.contains("the bill is of 2026-12-01 to 2026-12-05"), "{}", ran.stdout);
}

/// A fleet of fixed size costs the same however few come: the bill fell as promised, so it is no failure.
#[test]
fn fewer_requests_are_no_broken_promise() {
    let bench = Bench::new();
    let (requests, prompt, completion) = PER_HOUR;
    let few = usage(2, 1.861, 0.8, 0.7).replace(
        &format!(",{requests},{prompt},{completion},"),
        &format!(",{},{},{},", requests / 8, prompt / 8, completion / 8),
    );
    let few = bench.write("few.csv", few);
    let ran = verify(&bench, &[&few], &["--format", "json"]);
    let found = json(&ran);
    assert_eq!(verdict(&found, "saving"), "warn", "{}", ran.stdout);
    assert!(found["stop"].is_null(), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_verified_says_so() {
    let bench = Bench::new();
    let usage = bench.write("usage.csv", usage(2, 1.861, 0.8, 0.7));
    let wrong = bench.write("wrong.json", "{}");
    for (more, code, message) in [
        (&["--quality", "chat-prd=after.json"][..], 2, "none of the workloads"),
        (&["--quality", &wrong], 3, "no scores under `results`"),
        (&["--quality", "/nowhere.json"], 3, "cannot be read"),
        (&["--format", "csv"], 2, "verify has a table and JSON"),
    ] {
        let ran = verify(&bench, &[&usage], more);
        assert_eq!(ran.code, code, "{more:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{more:?}: {}", ran.stderr);
    }
    let report = root().join("reports/usage");
    let ran =
        bench.run(&["verify", report.to_str().unwrap(), "--workload", "nobody", "--usage", &usage]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}
