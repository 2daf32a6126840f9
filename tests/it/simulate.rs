//! `gpuadvise simulate`: what scripts read, cases by hand, and mistakes.

use serde_json::Value;

use crate::support::{Bench, Ran};

const KEYS: [&str; 31] = [
    "requests",
    "cold_starts",
    "delayed_requests",
    "wait_mean_s",
    "wait_p50_s",
    "wait_p95_s",
    "wait_p99_s",
    "sojourn_mean_s",
    "replicas_on_mean",
    "replicas_busy_mean",
    "replicas_starting_mean",
    "billed_seconds",
    "cost",
    "cost_parts",
    "refused",
    "timed_out",
    "cancelled_starts",
    "interruptions",
    "slo_attainment",
    "unstable",
    "offered_load",
    "utilization",
    "server_occupancy",
    "quantiles_exact",
    "window_s",
    "seed",
    "platform",
    "currency",
    "slots",
    "ttft_p95_s",
    "notes",
];

/// Arrivals at 10, 20 and 30 s; the window ends a microsecond later. A dollar is 1,000 s.
const EVEN: [&str; 7] =
    ["simulate", "--arrivals", "even:0.1:3", "--service", "const:2", "--price", "3.6"];

const USAGE: &str = "\
period_start,period_end,workload,provider,region,gpu,gpu_count,billed_cost,effective_cost,requests
2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,10
2026-10-01T01:00:00Z,2026-10-01T02:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,0
2026-10-01T02:00:00Z,2026-10-01T03:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,20
2026-10-01T00:00:00Z,2026-10-01T03:00:00Z,train,runpod,global,L40S,2,6.54,6.54,
";

fn json(words: &[&str]) -> Value {
    json_of(&Bench::new().run(&[words, &["--format", "json"]].concat()))
}

fn json_of(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "stdout: {}\nstderr: {}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn one_object_with_the_promised_keys() {
    let found = json(&[&EVEN[..], &["--slots", "1", "--policy", "fixed:1"]].concat());
    for key in KEYS {
        assert!(found.get(key).is_some(), "{key} is missing");
    }
    for part in ["busy", "starting", "idle", "rounding", "committed_unused"] {
        assert!(found["cost_parts"][part].is_string(), "{part}");
    }
    assert!(found["slo_attainment"].is_null() && found["platform"].is_null());
}

/// One replica all the time: 30.000001 s at 0.001 USD a second, 4.000001 s of them busy.
#[test]
fn a_fixed_fleet_by_hand() {
    let words = [&EVEN[..], &["--slots", "1", "--policy", "fixed:1"]].concat();
    let found = json(&words);
    assert_eq!(found["cost"], "0.030000001");
    assert_eq!(found["cost_parts"]["busy"], "0.004000001");
    assert_eq!(found["cost_parts"]["idle"], "0.026");
    assert_eq!(found["billed_seconds"], 30.000_001);
    assert_eq!((&found["requests"], &found["cold_starts"]), (&Value::from(3), &Value::from(0)));
    assert_eq!(found["wait_p99_s"], 0.0);
    let more = ["--cold-start", "3", "--idle-timeout", "exp:5", "--min", "1", "--max", "1"];
    let idle = json(&[&words[..], &more].concat());
    assert_eq!(idle["cost"], found["cost"]);
    assert!(
        idle["notes"][0].as_str().unwrap().contains("--cold-start, --idle-timeout have no effect")
    );
    let reserved = json(&[&words[..], &["--reserved-price", "1.8"]].concat());
    assert_eq!(reserved["cost_parts"]["committed_unused"], "0.013");
    assert_eq!(reserved["cost_parts"]["idle"], "0.00");
}

/// A start at 10 s is ready at 13; the request at 20 comes at the end of the idle timeout and is warm;
/// the replica leaves at 27 and the request at 30 starts another.
#[test]
fn a_serverless_fleet_by_hand() {
    let fleet = ["--slots", "1", "--policy", "request-count:1", "--cold-start", "3"];
    let words = [&EVEN[..], &fleet, &["--idle-timeout", "5", "--slo-ttft", "1"]].concat();
    let found = json(&words);
    assert_eq!(found["cold_starts"], 2);
    assert_eq!(found["delayed_requests"], 2);
    assert_eq!(found["wait_mean_s"], 2.0);
    assert_eq!(found["sojourn_mean_s"], 4.0);
    assert_eq!(found["billed_seconds"], 17.000_001);
    assert_eq!(found["cost"], "0.017000001");
    assert_eq!(found["slo_attainment"], 1.0 / 3.0);
    let coarse = json(&[&words[..], &["--bill-start", "false", "--granularity", "10"]].concat());
    assert_eq!(coarse["billed_seconds"], 20.0);
    assert_eq!(coarse["cost_parts"]["rounding"], "0.006");
    let warm = Bench::new().run(&[&EVEN[..], &fleet, &["--idle-timeout", "60"]].concat());
    assert!(warm.stdout.contains("waited for a start   1 request, 33 %"), "{}", warm.stdout);
}

/// The first instant of a generator is a Monday. Requests come at 1, 2, ... 120 s; the replica is on from
/// 60 s, and the last request keeps it on past 120 s, where the window ends a microsecond later.
#[test]
fn a_schedule_starts_on_monday() {
    let base = ["simulate", "--arrivals", "even:1:120", "--service", "const:0.25", "--price", "1"];
    let fleet = ["--slots", "1", "--cold-start", "0", "--policy", "schedule:mon 00:01-00:02=1"];
    let found = json(&[&base[..], &fleet].concat());
    assert_eq!((&found["cold_starts"], &found["delayed_requests"]), (&1.into(), &59.into()));
    assert_eq!(found["billed_seconds"], 60.000_001);
    assert_eq!(found["unstable"], false);
    let slow = json(&[&base[..4], &["const:0.6", "--price", "1"], &fleet].concat());
    assert_eq!(slow["unstable"], true);
}

#[test]
fn an_unstable_load_has_no_waits() {
    let words =
        ["simulate", "--arrivals", "poisson:2:1000", "--service", "const:1", "--price", "1"];
    let words = [&words[..], &["--slots", "1", "--policy", "fixed:1", "--slo-ttft", "1"]].concat();
    let found = json(&words);
    assert_eq!(found["unstable"], true);
    for key in [
        "wait_mean_s",
        "wait_p50_s",
        "wait_p95_s",
        "wait_p99_s",
        "sojourn_mean_s",
        "slo_attainment",
    ] {
        assert!(found[key].is_null(), "{key}");
    }
    assert!(found["utilization"].as_f64().unwrap() > 1.5);
    assert!(found["offered_load"].as_f64().unwrap() > 1.5);
    let ran = Bench::new().run(&words);
    assert!(ran.code == 0 && ran.stdout.starts_with("Unstable: "), "{}", ran.stdout);
}

#[test]
fn seeds_give_means_and_threads_change_nothing() {
    let words =
        ["simulate", "--arrivals", "gamma:2:1.5:3000", "--service", "exp:1", "--price", "2"];
    let fleet = ["--slots", "2", "--policy", "queue-delay:1", "--cold-start", "exp:20"];
    let more = ["--idle-timeout", "30", "--max", "9", "--seeds", "4", "--spot-rate", "2,20"];
    let words = [&words[..], &fleet, &more, &["--format", "json"]].concat();
    let one = Bench::new().run(&[&words[..], &["--threads", "1"]].concat());
    let two = Bench::new().run(&[&words[..], &["--threads", "2"]].concat());
    let found = json_of(&one);
    assert_eq!(one.stdout, two.stdout);
    let rates = found["spot_rates"].as_array().unwrap();
    let shown: Vec<f64> =
        rates.iter().map(|it| it["spot_interruptions_per_hour"].as_f64().unwrap()).collect();
    assert_eq!(shown, [0.0, 2.0, 20.0]);
    for it in rates {
        let runs = it["runs"].as_array().unwrap();
        let of = |key: &str| runs.iter().map(|it| it[key].as_f64().unwrap()).collect::<Vec<_>>();
        let mean = of("billed_seconds").iter().sum::<f64>() / 4.0;
        assert!((it["billed_seconds"].as_f64().unwrap() - mean).abs() < 1e-6 * mean);
        assert!(it["standard_errors"]["billed_seconds"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(rates[0]["interruptions"], 0.0);
    assert!(rates[2]["interruptions"].as_f64() > rates[1]["interruptions"].as_f64());
}

#[test]
fn a_platform_fills_what_flags_leave_open() {
    let base =
        ["simulate", "--arrivals", "poisson:0.05:200", "--service", "const:3", "--price", "1.1"];
    let words = [&base[..], &["--platform", "runpod-serverless", "--cold-start", "20"]].concat();
    let found = json(&words);
    assert_eq!(found["slots"], 1);
    let platform = &found["platform"];
    assert_eq!(platform["name"], "runpod-serverless");
    assert_eq!(platform["taken"]["policy"], "queue-delay:4");
    assert!(platform["taken"]["idle_timeout"].is_string() && platform["source"].is_string());
    let billed = found["billed_seconds"].as_f64().unwrap();
    assert!((billed.fract()).abs() < 1e-6, "rounded to seconds: {billed}");
    let own = json(&[&words[..], &["--idle-timeout", "60", "--slots", "4"]].concat());
    assert_eq!(own["slots"], 4);
    assert!(own["platform"]["taken"]["idle_timeout"].is_null());
    assert_ne!(own["cold_starts"], found["cold_starts"]);
}

#[test]
fn each_workload_with_requests_is_a_row() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", USAGE);
    let fleet = ["--slots", "1", "--policy", "request-count:1", "--cold-start", "30"];
    let more = ["--service", "const:5", "--idle-timeout", "5", "--price", "2"];
    let words = [&["simulate", &file][..], &fleet, &more].concat();
    let found = json_of(&bench.run(&[&words[..], &["--format", "json", "--charts", "c"]].concat()));
    let workloads = found["workloads"].as_array().unwrap();
    assert_eq!(workloads.len(), 1);
    assert_eq!(workloads[0]["workload"], "chat");
    assert_eq!(workloads[0]["requests"], 30);
    assert!(workloads[0]["notes"][0].as_str().unwrap().contains("made from its count"));
    for name in ["c/chat-queue.svg", "c/chat-replicas.svg", "c/chat-cost.svg"] {
        let svg = std::fs::read_to_string(bench.path(name)).unwrap();
        assert!(svg.starts_with("<svg") && svg.len() < 100_000, "{name}");
    }
    let csv = bench.run(&[&words[..], &["--format", "csv"]].concat());
    assert_eq!(csv.stdout.lines().count(), 2, "{}", csv.stdout);
    let md = bench.run(&[&words[..], &["--format", "md", "--workload", "chat"]].concat());
    assert!(md.code == 0 && md.stdout.contains("| --- | --- |"), "{}{}", md.stdout, md.stderr);
    let none = bench.run(&[&words[..], &["--workload", "chad"]].concat());
    assert!(none.code == 2 && none.stderr.contains("did you mean chat?"), "{}", none.stderr);
    let level = bench.run(&[&words[..], &["--workload", "train"]].concat());
    assert!(level.code == 3 && level.stderr.contains("it has no requests"), "{}", level.stderr);
    let unknown =
        bench.run(&["simulate", &file, "--slots", "1", "--policy", "fixed:1", "--price", "1"]);
    assert!(unknown.code == 3 && unknown.stderr.contains("service_time_s"), "{}", unknown.stderr);
}

#[test]
fn people_see_ranges_rates_and_limits() {
    let base = ["simulate", "--arrivals", "poisson:1:2000", "--service", "exp:5", "--price", "0.8"];
    let fleet = ["--slots", "4", "--policy", "keda:4", "--cold-start", "60"];
    let words = [&base[..], &fleet].concat();
    let text = |more: &[&str]| {
        let ran = Bench::new().run(&[&words[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.lines().all(|it| it.chars().count() <= 80), "{}", ran.stdout);
        ran.stdout
    };
    let spot = text(&["--spot-rate", "0.01,20", "--spot-outage", "60"]);
    for expected in ["SPOT/H", "TAKEN BACK", "   0.01 ", "     20 ", "At most 512 replicas at once"]
    {
        assert!(spot.contains(expected), "{expected}: {spot}");
    }
    let seeds = text(&["--seeds", "3", "--max", "9"]);
    let brackets =
        "Means over 3 seeds, from seed 1 on; in brackets the least and the most of them.";
    assert!(seeds.contains(brackets) && !seeds.contains("512"), "{seeds}");
    let cost = seeds.lines().find(|it| it.starts_with("  cost  ")).unwrap();
    assert!(cost.contains(" (") && cost.contains(" to ") && cost.ends_with(") USD"), "{cost}");
    let capped =
        ["--policy", "schedule:mon-sun 00:00-24:00=3", "--cold-start", "0", "--slots", "4"];
    let ran = Bench::new().run(&[&base[..], &capped, &["--max", "2"]].concat());
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("asks for up to 3 replicas, --max allows 2"), "{words}");
    assert!(words.contains("of those of the schedule (8 on average)"), "{words}");
}

/// One slot, 5 s of service, a request a second: those lost and those late show in tables and in words.
#[test]
fn people_see_who_was_not_served() {
    let base = ["simulate", "--arrivals", "poisson:1:2000", "--service", "const:5", "--price", "1"];
    let fleet = ["--slots", "1", "--max", "1", "--policy", "keda:1", "--cold-start", "60"];
    let limit = ["--slo-ttft", "2"];
    let leave = ["--queue-timeout", "9"];
    let text = |more: &[&str]| {
        let ran = Bench::new().run(&[&base[..], &fleet, &limit, more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    let check = |more: &[&str], expected: &[&str], absent: &[&str]| {
        let shown = text(more);
        assert!(shown.lines().all(|it| it.chars().count() <= 80), "{shown}");
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for it in expected {
            assert!(shown.contains(it), "{more:?}: {it} is missing: {shown}");
        }
        for it in absent {
            assert!(!shown.contains(it), "{more:?}: {it} is shown: {shown}");
        }
    };
    let rates = [&leave[..], &["--spot-rate", "1,60"]].concat();
    let heads =
        ["UNSERVED", "KEPT", "WAITED and the waits are of requests that came into service."];
    check(&rates, &heads, &["! ", " !"]);
    let too_few = " ! Fewer requests keep the limit than the 90 % asked for.";
    check(&[&rates[..], &["--slo-attainment", "0.9"]].concat(), &[too_few, " !"], &[]);
    check(&["--spot-rate", "1,60"], &["Unstable"], &["UNSERVED", "KEPT"]);
    check(&leave, &["gave up waiting", "of those served"], &["no request waited"]);
    let page = text(&[&rates[..], &["--format", "md"]].concat());
    assert!(page.starts_with("| SPOT/H | REQUESTS | UNSERVED | STARTS |"), "{page}");
    assert!(page.contains("| MEAN |") && page.contains("| KEPT |"), "{page}");
}

/// An hour of spot with 60 interruptions an hour, and replicas on demand in its outages.
#[test]
fn people_see_what_the_fallback_cost() {
    let words = ["simulate", "--arrivals", "even:1:3600", "--service", "const:2", "--price", "1"];
    let fleet = ["--slots", "1", "--policy", "keda:1", "--cold-start", "10", "--spot-rate", "60"];
    let words = [&words[..], &fleet, &["--spot-outage", "60"]].concat();
    let line = |more: &[&str]| {
        let ran = Bench::new().run(&[&words[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.lines().find(|it| it.contains("on demand in outages")).map(str::to_owned)
    };
    assert_eq!(line(&[]), None);
    let shown = line(&["--spot-fallback", "3"]).unwrap();
    assert!(shown.ends_with(" USD of it"), "{shown}");
    let found = json(&[&words[..], &["--spot-fallback", "3"]].concat());
    assert_ne!(found["cost_by_price"]["fallback"], "0.00");
}

/// Of a log from 08:00 to 11:00 only the hour from 09:00 on; charts of what is gone go, others stay.
#[test]
fn a_part_of_a_log_and_its_charts() {
    let bench = Bench::new();
    let rows = (0..180).map(|minute| {
        format!("2026-10-05T{:02}:{:02}:30Z,chat,9,9\n", 8 + minute / 60, minute % 60)
    });
    let head = "timestamp,workload,prompt_tokens,completion_tokens";
    let log = format!("{head}\n{}", rows.collect::<String>());
    let file = bench.write("log.csv", log);
    let words = ["simulate", &file, "--service", "5", "--slots", "1", "--policy", "fixed:1"];
    let part = ["--since", "2026-10-05T09:00:00Z", "--until", "2026-10-05T10:00:00Z"];
    let more = ["--price", "1", "--charts", "c", "--format", "json"];
    let found = json_of(&bench.run(&[&words[..], &part, &more].concat()));
    let found = &found["workloads"][0];
    assert_eq!((&found["requests"], &found["window_s"]), (&60.into(), &3600.0.into()));
    assert_eq!(found["seeds"], 1);
    bench.write("c/notes-cost.svg", "<svg>drawn by hand</svg>");
    let generator = ["simulate", "--arrivals", "even:1:9", "--service", "1", "--slots", "1"];
    let ran = bench.run(&[&generator[..], &["--policy", "fixed:1"], &more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let is_there = |name: &str| bench.path(name).exists();
    assert!(is_there("c/cost.svg") && is_there("c/notes-cost.svg") && !is_there("c/chat-cost.svg"));
}

#[test]
fn a_time_budget_ends_a_run() {
    let words = ["simulate", "--arrivals", "poisson:1000:20000000", "--service", "const:0.001"];
    let more = ["--slots", "1", "--policy", "fixed:4", "--price", "1", "--time-budget", "0.001"];
    let ran = Bench::new().run(&[&words[..], &more].concat());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("the time budget was spent "), "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
    let words = ["simulate", "--arrivals", "poisson:1000:1e10", "--service", "const:0.001"];
    let ran = Bench::new().run(&[&words[..], &more].concat());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
}

#[test]
fn every_mistake_is_named() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", USAGE);
    let base = ["simulate", "--arrivals", "even:0.1:3", "--service", "const:2", "--price", "3.6"];
    let elastic = ["--slots", "1", "--cold-start", "1"];
    let check = |words: &[&str], expected: &str| {
        let ran = bench.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    };
    for (more, expected) in [
        (&["--slots", "0", "--policy", "fixed:1"][..], "0 is not in 1..=65536"),
        (&["--slots", "1"], "--policy"),
        (&["--slots", "1", "--policy", "nqueue-delay:4"], "did you mean queue-delay?"),
        (&["--policy", "fixed:1"], "give --slots"),
        (&["--policy", "fixed:1", "--slots", "1", "--max", "2"], "--max does not apply"),
        (&["--policy", "fixed:1", "--slots", "1", "--spot-rate", "1"], "mon-sun 00:00-24:00=N"),
        (&["--platform", "runpod-serverles", "--cold-start", "1"], "near are: runpod-serverless"),
        (&["--policy", "pending", "--slots", "1"], "give --cold-start"),
        (&["--policy", "fixed:1", "--slots", "1", "--spot-notice", "1"], "--spot-rate"),
        (&["--policy", "fixed:1", "--slots", "1", "--format", "html"], "simulate has no HTML"),
    ] {
        check(&[&base[..], more].concat(), expected);
    }
    for (more, expected) in [
        (&["--policy", "request-count:1"][..], "give --idle-timeout"),
        (&["--policy", "pending", "--max", "0"], "can never serve"),
        (&["--policy", "pending", "--min", "3", "--max", "2"], "--min 3 is above --max 2"),
        (&["--policy", "knative:1", "--idle-timeout", "5"], "the mean of 60 s"),
        (&["--policy", "schedule:mon 01:00-02:00=0"], "can never serve"),
        (&["--policy", "schedule:mon 01:00"], "is not a range"),
        (&["--policy", "pending", "--reserved-price", "1"], "give --min"),
        (&["--policy", "per-request", "--idle-timeout", "1", "--queue-timeout", "3"], "none waits"),
    ] {
        check(&[&base[..], &elastic, more].concat(), expected);
    }
    let rest = ["--price", "1", "--slots", "1", "--policy", "fixed:1"];
    let with = |words: &[&'static str]| [&["simulate"], words, &rest].concat();
    check(&with(&["--arrivals", "poisson:0:9", "--service", "1"]), "RATE is a number above 0");
    check(&with(&["--arrivals", "poisson:1:0", "--service", "1"]), "N is a whole number from 1");
    check(&with(&["--arrivals", "even:1:9", "--service", "-1"]), "is not a number of seconds");
    check(&with(&["--arrivals", "even:1:9", "--service", "tokens"]), "have no tokens");
    check(&with(&["--arrivals", "file", "--service", "1"]), "needs a file");
    check(&with(&[]), "--arrivals");
    check(&["simulate"], "gpuadvise simulate requests.csv --service const:5");
    check(&with(&["--arrivals", "even:1:9", "--service", "exp:1e9"]), "and up to 100000000");
    let arrivals = ["simulate", &file, "--arrivals", "even:1:9", "--service", "1"];
    check(&[&arrivals[..], &rest].concat(), "a generator needs no file");
}
