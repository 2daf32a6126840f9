//! What a platform's rules do to a run and to a plan, and what is said of the rules it lacks.

use serde_json::Value;

use crate::support::{Bench, Ran};

/// Arrivals at 10, 20 and 30 s; the window ends a microsecond later. A dollar is 1,000 s.
const EVEN: [&str; 7] =
    ["simulate", "--arrivals", "even:0.1:3", "--service", "const:2", "--price", "3.6"];

fn run(words: &[&str]) -> Ran {
    Bench::new().run(&[&EVEN[..], words].concat())
}

fn json(words: &[&str]) -> Value {
    let ran = run(&[words, &["--format", "json"]].concat());
    assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Each request is ended after 1 s: 2.000001 s busy, as the last one begins with the window's end.
#[test]
fn requests_are_ended_in_service() {
    let words = ["--slots", "1", "--policy", "fixed:1", "--execution-timeout", "1"];
    let found = json(&[&words[..], &["--slo-ttft", "9"]].concat());
    assert_eq!((&found["requests"], &found["execution_timeouts"]), (&3.into(), &3.into()));
    assert_eq!(found["cost_parts"]["busy"], "0.002000001");
    assert_eq!(found["slo_attainment"], 0.0);
    let text = run(&words).stdout;
    assert!(text.contains("ended in service     3 requests, 100 %"), "{text}");
    let modal = ["--platform", "modal", "--cold-start", "1"];
    assert_eq!(json(&modal)["platform"]["taken"]["execution_timeout"], "300 s");
    let longer = json(&[&modal[..], &["--execution-timeout", "600"]].concat());
    assert!(longer["platform"]["taken"]["execution_timeout"].is_null());
}

#[test]
fn money_in_the_account_caps_the_workers() {
    let base = ["--platform", "runpod-serverless", "--cold-start", "1"];
    let check = |more: &[&str], max: Value, assumed: &str| {
        let found = json(&[&base[..], more].concat());
        assert_eq!(found["platform"]["taken"]["max"], max, "{more:?}");
        let text = found["platform"]["assumed"].as_str().unwrap();
        assert!(text.contains(assumed), "{more:?}: {text}");
    };
    check(&[], "3 until raised".into(), "");
    check(&["--balance", "250"], "20 instead of 3 of an account with 250 USD".into(), "");
    check(&["--balance", "0", "--max", "9"], "5 instead of 9 of an account with 0 USD".into(), "");
    check(&["--balance", "250", "--max", "9"], Value::Null, "");
    check(&["--max", "9"], Value::Null, "has the 100 USD that 9 workers take");
    check(&["--max", "61"], Value::Null, "61 workers are allowed, although the highest cap is 60");
    let refused = |words: &[&str], expected: &str| {
        let ran = run(words);
        assert!(ran.code == 2 && ran.stderr.contains(expected), "{words:?}: {}", ran.stderr);
    };
    refused(&[&base[..], &["--balance", "0", "--min", "6"]].concat(), "above the 5 workers");
    let modal = ["--platform", "modal", "--cold-start", "1", "--balance", "5"];
    refused(&modal, "no source states how many workers a balance allows at modal");
    refused(&["--slots", "1", "--policy", "fixed:1", "--balance", "5"], "--platform");
}

#[test]
fn what_no_source_states_is_said() {
    let elastic = ["--slots", "1", "--cold-start", "3", "--policy", "request-count:1"];
    let assumed = |name: &str, more: &[&str]| {
        let words = [&elastic[..], &["--idle-timeout", "5", "--platform", name], more].concat();
        let text = run(&words).stdout;
        let found = json(&words)["platform"]["assumed"].as_str().unwrap().to_owned();
        assert_eq!(text.contains("\nAssumed: "), !found.is_empty(), "{text}");
        found
    };
    let check = |name: &str, more: &[&str], said: &[&str], unsaid: &[&str]| {
        let found = assumed(name, more);
        assert!(said.iter().all(|it| found.contains(it)), "{name}: {found}");
        assert!(!unsaid.iter().any(|it| found.contains(it)), "{name}: {found}");
    };
    let start = "bill_start is not stated: starts are billed";
    check("sagemaker", &[], &[start, "minimum_s is", "max_workers is"], &["holds_requests"]);
    check("sagemaker", &["--bill-start", "true", "--max", "5"], &[], &[start, "max_workers is"]);
    check("vast-serverless", &[], &["holds_requests is not stated: requests wait"], &[start]);
    let free = "free in a start: allocation, image; without --free-start";
    check("baseten", &[], &[free], &[start]);
    check("baseten", &["--free-start", "2"], &[], &[free, start]);
    check("modal", &[], &["queue_timeout_s is not"], &["execution_timeout_s", "free in a start"]);
    check("knative", &[], &["queue_timeout_s is not"], &["bill_start", "granularity_s"]);
}

/// The values of a scaler go with the slots where the catalog states for how many they stand, and
/// both are told; what the config says is never changed.
#[test]
fn a_value_of_a_scaler_is_told_with_the_published_one() {
    let bench = Bench::new();
    let check = |words: &[&str], config: &str, expected: &str| {
        let config = bench.write("own.toml", config);
        let all = [&EVEN[..], words, &["--cold-start", "1", "--format", "json"]].concat();
        let ran = bench.run(&[&all[..], &["--config", &config]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(found["platform"]["taken"]["policy"], expected, "{words:?}");
    };
    let modal = ["--platform", "modal", "--slots", "16"];
    check(&modal, "", "request-count:16 (published: request-count:1)");
    check(&["--platform", "modal"], "", "request-count:1");
    let own =
        "[[platform]]\nprovider = \"modal\"\nscaler = { kind = \"request_count\", value = 3 }\n";
    check(&modal, own, "request-count:3");
    let pending = "{ kind = \"stepwise\", metric = \"pending\", threshold = 24 }";
    let own = format!("[[platform]]\nprovider = \"hf-endpoints\"\nscaler = {pending}\n");
    check(&["--platform", "hf-endpoints", "--slots", "16"], &own, "stepwise 24");
}

/// What is said of a key is not said where nothing is taken of it.
#[test]
fn only_what_was_taken_is_listed_and_assumed() {
    let check = |words: &[&str], said: &[&str], unsaid: &[&str]| {
        let found = json(&[&["--cold-start", "1"], words].concat());
        let text = format!("{} {}", found["platform"], found["notes"]);
        assert!(said.iter().all(|it| text.contains(it)), "{words:?}: {text}");
        assert!(!unsaid.iter().any(|it| text.contains(it)), "{words:?}: {text}");
    };
    let runpod = ["--platform", "runpod-serverless"];
    check(
        &runpod,
        &["7 minutes is unhealthy", "\"idle_caps\":\"2 after 3 days, 0 after 7 days\""],
        &["900 USD"],
    );
    check(
        &[&runpod[..], &["--balance", "9"]].concat(),
        &["of an account with 9 USD"],
        &["900 USD"],
    );
    let least = ["--min", "1", "--max", "2"];
    check(&[&runpod[..], &least].concat(), &["\"1 after 7 days\""], &["3 days"]);
    check(
        &[&runpod[..], &["--policy", "per-request"]].concat(),
        &["without effect is queue_timeout_s, holds_requests, idle_caps of the platform"],
        &["\"idle_caps\"", "\"holds_requests\"", "\"queue_timeout\""],
    );
    let run = ["--platform", "gcp-cloud-run", "--policy", "keda:1"];
    check(&run, &["3.5 times the usual start is not simulated"], &["as long as it takes"]);
    check(&[&run[..], &["--queue-timeout", "9"]].concat(), &[], &["3.5 times"]);
    check(&["--platform", "knative"], &["target-burst-capacity 211 are not simulated"], &[]);
    let spot = ["--spot-rate", "1", "--spot-fallback", "1"];
    check(&[&runpod[..], &spot].concat(), &["--spot-fallback is below --price"], &[]);
}

/// After a week without a request RunPod allows no worker.
#[test]
fn refusals_of_an_idle_endpoint_are_explained() {
    let words = ["simulate", "--arrivals", "even:1e-6:3", "--service", "const:2", "--price", "3.6"];
    let more = ["--platform", "runpod-serverless", "--cold-start", "1", "--format", "json"];
    let ran = Bench::new().run(&[&words[..], &more].concat());
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["refused"], 3);
    let note = "after 7 days without a request the platform allows no worker: 3 requests refused";
    assert!(found["notes"].to_string().contains(note), "{}", found["notes"]);
}

#[test]
fn flags_about_files_need_files() {
    for flag in [
        ["--since", "7d"],
        ["--until", "2026-10-01"],
        ["--month", "2026-10"],
        ["--max-rejected", "5"],
        ["--as-of", "2026-10-01"],
    ] {
        let ran = run(&[&["--slots", "1", "--policy", "fixed:1"], &flag[..]].concat());
        let said = ran.stderr.contains(&format!("{} is about files", flag[0]));
        assert!(ran.code == 2 && said, "{flag:?}: {}", ran.stderr);
    }
}

/// A queue of more than 8 million is cut, and told as unstable.
#[test]
fn a_queue_that_only_grows_is_an_outcome() {
    let words = ["simulate", "--arrivals", "poisson:100:10000000", "--service", "exp:10"];
    let fleet = ["--policy", "request-count:1", "--slots", "1", "--max", "1", "--cold-start", "1"];
    let bill = ["--idle-timeout", "5", "--price", "3.6", "--format", "json"];
    let ran = Bench::new().run(&[&words[..], &fleet, &bill].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&found["unstable"], &found["requests"]), (&true.into(), &1_000_000.into()));
    assert!((found["utilization"].as_f64().unwrap() - 1000.0).abs() < 5.0, "{found}");
    assert!(found["wait_p95_s"].is_null(), "{found}");
    let note = "the first 1,000,000 of 10,000,000 requests were replayed";
    assert!(found["notes"].to_string().contains(note), "{}", found["notes"]);
}

/// Three requests of 1,000 s in a minute ask for 50 slots and have one each; twelve leave nine
/// waiting at its end.
#[test]
fn a_log_is_unstable_only_with_a_queue_at_its_end() {
    let bench = Bench::new();
    for (n, unstable) in [(3, false), (12, true)] {
        let mut rows = "timestamp,workload,prompt_tokens,completion_tokens\n".to_owned();
        for second in 0..n {
            rows.push_str(&format!("2026-10-05T00:00:{second:02}Z,chat,10,10\n"));
        }
        let file = bench.write("requests.csv", rows);
        let words = ["simulate", &file, "--service", "const:1000", "--slots", "1", "--price", "1"];
        let fleet = ["--policy", "request-count:1", "--max", "3", "--cold-start", "1"];
        let all = [&words[..], &fleet, &["--idle-timeout", "5", "--format", "json"]].concat();
        let ran = bench.run(&all);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(found["workloads"][0]["unstable"], unstable, "{found}");
        assert_eq!(found["workloads"][0]["wait_mean_s"].is_null(), unstable, "{found}");
    }
}

/// Two starts of 3 s in 17.000001 s, of each of which 2 are free; the last start is a microsecond.
#[test]
fn a_part_of_a_start_is_free() {
    let words = ["--slots", "1", "--policy", "request-count:1", "--cold-start", "3"];
    let found = json(&[&words[..], &["--idle-timeout", "5", "--free-start", "2"]].concat());
    assert_eq!(found["cost_parts"]["starting"], "0.001");
    assert_eq!(found["billed_seconds"], 15.0);
    let twice = [&words[..], &["--free-start", "2", "--bill-start", "false"]].concat();
    let ran = run(&twice);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}

#[test]
fn every_missing_rule_is_named_at_once() {
    let check = |words: &[&str], expected: &[&str]| {
        let ran = run(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
        let all = expected.iter().all(|it| ran.stderr.contains(it));
        assert!(all && ran.stdout.is_empty(), "{words:?}: {}", ran.stderr);
    };
    let replicate = ["--platform", "replicate"];
    let all = "no source states scaler, idle_timeout_s, concurrency_per_worker of replicate";
    check(&replicate, &[all, "--policy, --idle-timeout (under", "--slots and --cold-start"]);
    let by_rule = [&replicate[..], &["--policy", "keda:2", "--cold-start", "1"]].concat();
    check(&by_rule, &["no source states concurrency_per_worker of replicate", "give --slots"]);
    check(&["--platform", "gcp-cloud-run"], &["states scaler of", "--policy and --cold-start"]);
    check(&["--platform", "no such place"], &["there are: runpod-serverless, modal, baseten"]);
    check(&["--platform", "runpod-serverles"], &["near are: runpod-serverless"]);
}

#[test]
fn a_fixed_fleet_takes_nothing_that_it_has_no_use_for() {
    let words = ["--slots", "1", "--policy", "fixed:1", "--platform", "hf-endpoints"];
    let text = run(&words).stdout;
    assert!(text.contains("Nothing is taken from hf-endpoints: flags say all."), "{text}");
    assert!(!text.contains("Assumed") && !text.contains("Source"), "{text}");
    let found = json(&words);
    assert_eq!(
        (found["platform"]["taken"].as_object().unwrap().len(), found["platform"]["assumed"] == ""),
        (0, true)
    );
}

#[test]
fn a_rule_of_the_config_has_a_floor() {
    let bench = Bench::new();
    for (interval, expected) in [
        ("0", "`interval_s` is 0, expected more than 0 seconds"),
        ("nan", "`interval_s` is NaN, expected from 0 to 366 days"),
        ("1e-9", "`interval_s` is 0.000000001, expected more than 0 seconds"),
        ("0.05", "`interval_s` is 0.05, expected at least 0.1 seconds"),
    ] {
        let rule = format!("{{ kind = \"horizontal\", target = 1, interval_s = {interval} }}");
        let config = format!("[[platform]]\nprovider = \"ours\"\nscaler = {rule}\n");
        let config = bench.write("own.toml", config);
        let words = ["--platform", "ours", "--slots", "1", "--cold-start", "1"];
        let ran = bench.run(&[&EVEN[..], &words, &["--config", &config]].concat());
        assert!(ran.code != 0 && ran.stdout.is_empty(), "{interval}: {}", ran.stdout);
        assert!(ran.stderr.contains("own.toml:3: "), "{interval}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{interval}: {}", ran.stderr);
    }
}

/// Three weeks of office hours on a GPU that is always on.
fn usage() -> String {
    let mut rows = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
        effective_cost,requests\n"
        .to_owned();
    for hour in 0..(21 * 24) {
        let (day, of_day) = (hour / 24, hour % 24);
        let works = day % 7 < 5 && (9..17).contains(&of_day);
        let row = format!(
            "2026-10-{:02}T{of_day:02}:00:00Z,2026-10-{:02}T{of_day:02}:59:59.999999Z,chat,runpod,global,A100 80GB PCIe,1,1,1.64,{}\n",
            day + 5,
            day + 5,
            if works { 4 } else { 0 }
        );
        rows.push_str(&row);
    }
    rows
}

fn serverless(config: &str, more: &[&str], bench: &Bench) -> Vec<Value> {
    let file = bench.write("usage.csv", usage());
    bench.write("gpuadvise.toml", config);
    let words = ["analyze", &file, "--format", "json", "--as-of", "2026-10-26"];
    let ran = bench.run(&[&words[..], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let plans = report["workloads"][0]["plans"].as_array().unwrap();
    plans.iter().filter(|it| it["purchase"] == "serverless_flex").cloned().collect()
}

/// Of two workers the one that is dearer by use and cheaper always on is the cheaper one, although the
/// other meets the limits with none always on.
#[test]
fn the_price_of_workers_always_on_is_weighed() {
    let bench = Bench::new();
    let row = |name: &str, purchase: &str, price: &str| {
        format!(
            "[[offer]]\ninstance_type = \"{name}\"\ngpu = \"A100-80GB\"\ngpu_count = 1\nregion = \"global\"\n\
             purchase = \"{purchase}\"\nprice_per_hour = \"{price}\"\nas_of = \"2026-10-01\"\nsource = \"a quote\"\n"
        )
    };
    let by_use =
        [row("A", "serverless_flex", "1.80"), row("B", "serverless_flex", "4.00")].concat();
    let best = |rows: &str| {
        let config = "[workload.chat]\nkind = \"batch_inference\"\nservice_time_s = 2600.0\nmax_num_seqs = 4\n";
        bench.write("pricing/offers/runpod-serverless.toml", rows);
        let plans = serverless(config, &["--pricing", "pricing"], &bench);
        let ours = plans.into_iter().filter(|it| it["provider"] == "runpod-serverless");
        let cost = |it: &Value| it["monthly_cost"].as_str().unwrap().parse::<f64>().unwrap();
        ours.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap()
    };
    let before = best(&by_use);
    assert_eq!(before["min_replicas"], 0, "{before}");
    assert!(before["offer_ids"].to_string().contains("/A/"), "{before}");
    let after = best(&(by_use + &row("B", "serverless_active", "0.20")));
    assert_eq!((&after["min_replicas"], &after["meets_slo"]), (&1.into(), &true.into()), "{after}");
    let ids = after["offer_ids"].to_string();
    assert!(ids.contains("/B/") && ids.contains("serverless_active"), "{after}");
    let conditions = after["conditions"].to_string();
    assert!(conditions.contains("keep 1 worker always on"), "{after}");
    assert!(!before["conditions"].to_string().contains("always on"), "{before}");
}

/// Requests of 650 s are ended by default at RunPod (600 s) and Modal (300 s), where both may be told
/// to wait longer; the plans do, and say so.
#[test]
fn a_plan_says_what_must_be_set_first() {
    let config =
        "[workload.chat]\nkind = \"batch_inference\"\nservice_time_s = 650.0\nmax_num_seqs = 4\n";
    let plans = serverless(config, &[], &Bench::new());
    let of = |name: &str| {
        let plan = plans.iter().find(|it| it["provider"] == name);
        let plan = plan.unwrap_or_else(|| panic!("no plan at {name}: {plans:?}"));
        let all = plan["conditions"].as_array().unwrap();
        all.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join("; ")
    };
    let runpod = of("runpod-serverless");
    let expected = "raise the execution time-out from 600 s to 650 s or more: 480 of 480 requests";
    assert!(runpod.contains(expected), "{runpod}");
    assert!(runpod.contains("let a worker serve 4 requests at once instead of 1"), "{runpod}");
    assert!(of("modal").contains("from 300 s to 650 s"), "{}", of("modal"));
    assert!(!runpod.contains("live longer"), "{runpod}");
}

/// A request at RunPod lives 24 h from its submission; one of 25 h needs more.
#[test]
fn a_plan_says_when_a_request_outlives_its_platform() {
    let config =
        "[workload.chat]\nkind = \"batch_inference\"\nservice_time_s = 90000.0\nmax_num_seqs = 4\n";
    let plans = serverless(config, &[], &Bench::new());
    let plan = plans.iter().find(|it| it["provider"] == "runpod-serverless").unwrap();
    let said = plan["conditions"].to_string();
    let expected = "let a request live longer than 86400 s from its submission: 99 % wait up to ";
    assert!(said.contains(expected) && said.contains("the longest takes 90000 s"), "{said}");
}

/// The value of a scaler that goes with the requests a worker serves must be set; the user's own
/// stands, and one that follows by itself needs nothing.
#[test]
fn a_plan_says_what_value_to_set() {
    let bench = Bench::new();
    let rows = "[[platform]]\nprovider = \"runpod-serverless\"\nbill_start = true\ngranularity_s = 1\n\
        idle_timeout_s = 5.0\nconcurrency_per_worker = 1\nconcurrency_is_configurable = true\n\
        scaler = { kind = \"request_count\", value = 4 }\nsource = \"a test\"\nas_of = \"2026-10-01\"\n";
    let workload =
        "[workload.chat]\nkind = \"batch_inference\"\nservice_time_s = 5.0\nmax_num_seqs = 16\n";
    let own = "[[platform]]\nprovider = \"runpod-serverless\"\nscaler = { kind = \"request_count\", value = 4 }\n";
    let follows = "scaler_follows_concurrency = true\n";
    for (rows, config, is_said) in [
        (rows.to_owned(), workload.to_owned(), true),
        (rows.to_owned(), format!("{workload}{own}"), false),
        (format!("{rows}{follows}"), workload.to_owned(), false),
    ] {
        bench.write("pricing/serverless.toml", rows);
        let plans = serverless(&config, &["--pricing", "pricing"], &bench);
        let conditions = plans[0]["conditions"].to_string();
        let said = conditions.contains("set request_count to 64 (published: 4)");
        assert_eq!(said, is_said, "{config}: {conditions}");
        assert!(conditions.contains("16 requests at once instead of 1"), "{conditions}");
    }
}

/// A price for workers that are always on is theirs, and that of the others stays.
#[test]
fn workers_that_are_always_on_have_their_own_price() {
    let bench = Bench::new();
    let row = |purchase: &str, price: &str| {
        format!(
            "[[offer]]\ninstance_type = \"AMPERE_80\"\ngpu = \"A100-80GB\"\ngpu_count = 1\nregion = \"global\"\n\
             purchase = \"{purchase}\"\nprice_per_hour = \"{price}\"\nas_of = \"2026-10-01\"\nsource = \"a quote\"\n"
        )
    };
    let config = "[workload.chat]\nkind = \"real_time_inference\"\nservice_time_s = 5.0\nmax_num_seqs = 4\n\
        cold_start_s = 60.0\nslo = { ttft_p95 = \"1s\" }\n";
    let flex = row("serverless_flex", "2.00");
    let cost = |rows: String, offers: usize| {
        bench.write("pricing/offers/runpod-serverless.toml", rows);
        let plans = serverless(config, &["--pricing", "pricing"], &bench);
        let plan = plans.iter().find(|it| it["provider"] == "runpod-serverless").unwrap();
        assert_eq!(plan["min_replicas"], 1, "{plan}");
        assert_eq!(plan["offer_ids"].as_array().unwrap().len(), offers, "{plan}");
        plan["monthly_cost"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let before = cost(flex.clone(), 1);
    let after = cost(format!("{flex}{}", row("serverless_active", "1.50")), 2);
    assert!((before - after - 0.5 * 730.0).abs() < 1e-6, "{before} {after}");
}
