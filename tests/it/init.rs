//! `init`: a config for the user's own data, and nothing that changes what they say.

use crate::support::{Bench, Ran, root};

const FOCUS: &str = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,ResourceId,RegionId,ServiceCategory,SkuPriceDetails,PricingUnit,PricingQuantity,Tags\n";

/// Days of one instance in a FOCUS file.
fn instance(days: u32, id: &str, (kind, rate): (&str, &str), currency: &str, tags: &str) -> String {
    let details = format!("\"{{\"\"InstanceType\"\":\"\"{kind}\"\"}}\"");
    (1..=days)
        .map(|day| {
            format!(
                "{rate},{rate},{currency},Usage,2026-10-{day:02}T00:00:00Z,2026-10-{:02}T00:00:00Z,AWS,{id},us-east-1,Compute,{details},Hours,24,{tags}\n",
                day + 1
            )
        })
        .collect()
}

fn check(ran: &Ran, code: i32) {
    assert_eq!(ran.code, code, "stdout: {}\nstderr: {}", ran.stdout, ran.stderr);
}

fn read(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.path(name)).unwrap()
}

#[test]
fn the_sample_gets_a_config_that_changes_nothing() {
    let bench = Bench::new();
    let samples = std::fs::read(root().join("samples/usage.parquet")).unwrap();
    bench.write("data/usage.parquet", samples);
    let words = ["analyze", "data/usage.parquet", "--format", "json", "--output", "out"];
    let before = bench.run(&words);
    check(&before, 0);
    let ran = bench.run(&["init", "data/usage.parquet"]);
    check(&ran, 0);
    insta::assert_snapshot!("init_summary", ran.stdout);
    let written = read(&bench, "data/gpuadvise.toml");
    insta::assert_snapshot!("init_sample", written);
    assert_eq!(bench.run(&words).stdout, before.stdout, "the config as written changes the report");
    // The same bytes again, wherever they go.
    let again = bench.run(&["init", "data/usage.parquet", "--output", "-", "--threads", "1"]);
    check(&again, 0);
    assert_eq!(again.stdout, written);
    let ran = bench.run(&["init", "data/usage.parquet"]);
    check(&ran, 8);
    assert!(ran.stderr.contains("is there already") && ran.stderr.contains("hint: name another"));
    assert_eq!(read(&bench, "data/gpuadvise.toml"), written);
    // The report asks for what the file numbers first.
    let report: serde_json::Value = serde_json::from_str(&before.stdout).unwrap();
    let blanks = report["blanks"].as_array().unwrap();
    assert_eq!(blanks.len(), 5);
    let first = &blanks[0];
    let (name, key) = (first["workload"].as_str().unwrap(), first["key"].as_str().unwrap());
    assert!(written.contains(&format!("# 1. [workload.{name}] {key}, ")), "{first}");
    let table = bench.run(&["analyze", "data/usage.parquet", "--output", "out"]);
    assert!(table.stdout.contains("best blank   to fill in gpuadvise.toml: "), "{}", table.stdout);
}

#[test]
fn unclaimed_resources_become_rules_that_only_lack_a_name() {
    let bench = Bench::new();
    let rows = instance(10, "i-0b77*[x]", ("g5.xlarge", "24.144"), "USD", "")
        + &instance(10, "i-0c41d9", ("p5.48xlarge", "2359.68"), "USD", "")
        + &instance(
            10,
            "i-0aaa",
            ("g6.xlarge", "19.3152"),
            "USD",
            "\"{\"\"app\"\": \"\"chat\"\"}\"",
        );
    let bill = bench.write("bill.csv", format!("{FOCUS}{rows}"));
    let ran = bench.run(&["init", &bill]);
    check(&ran, 0);
    assert!(ran.stdout.contains("GPUs are in no workload: see [[rule]]"), "{}", ran.stdout);
    let written = read(&bench, "gpuadvise.toml");
    let rules: Vec<&str> =
        written.lines().filter(|it| it.starts_with("# resource_id = ")).collect();
    assert_eq!(
        rules,
        ["# resource_id = \"i-0c41d9\"", "# resource_id = \"i-0b77[*][[]x[]]\""],
        "{written}"
    );
    // 2359.68 a day for ten days are 23,596.80 in 240 hours, and 71,773.60 in 730.
    assert!(written.contains("# 1. [[rule]] for i-0c41d9, 71,773.60 USD a month"), "{written}");
    // Without their #, and with names, they claim these resources and no others.
    let mut named = String::new();
    let mut names = ["train", "notebook"].into_iter();
    for line in written.lines() {
        let line = match line.strip_prefix("# ") {
            Some("[[rule]]") => "[[rule]]".to_owned(),
            Some(rule) if rule.starts_with("resource_id = ") => rule.to_owned(),
            Some(rule) if rule.starts_with("workload = \"\"") => {
                format!("workload = \"{}\"", names.next().unwrap())
            }
            _ => line.to_owned(),
        };
        named += &line;
        named.push('\n');
    }
    bench.write("gpuadvise.toml", named);
    let ran = bench.run(&["analyze", &bill, "--format", "json", "--output", "out"]);
    check(&ran, 0);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found: Vec<&str> = report["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["train", "notebook", "chat"]);
    assert_eq!(report["reconciliation"]["unassigned"], "0.00");
}

const CLUSTER: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [
{"kind": "Node", "metadata": {"name": "n1", "uid": "u1", "labels": {"nvidia.com/gpu.product": "NVIDIA-A10G"}},
 "spec": {"providerID": "aws:///us-east-1a/i-0c41d9"}, "status": {"capacity": {"nvidia.com/gpu": "1"}}},
{"kind": "Pod", "metadata": {"name": "vllm-0", "namespace": "ml", "uid": "u2", "labels": {"team": "search"},
  "ownerReferences": [{"kind": "StatefulSet", "name": "vllm"}]},
 "spec": {"nodeName": "n1", "containers": [{"image": "vllm/vllm-openai", "args": ["--model", "Qwen/Qwen2.5-7B",
  "--max-model-len", "8192", "--max-num-seqs", "32"], "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
 "status": {"phase": "Running", "startTime": "2026-10-01T00:00:00Z"}}]}"#;

#[test]
fn what_the_cluster_says_is_marked_as_such() {
    let bench = Bench::new();
    let rows = instance(2, "i-0c41d9", ("g5.xlarge", "24.144"), "USD", "");
    let bill = bench.write("bill.csv", format!("{FOCUS}{rows}"));
    let cluster = bench.write("cluster.json", CLUSTER);
    let words = ["analyze", &bill, &cluster, "--format", "json", "--output", "out"];
    let before = bench.run(&words);
    check(&before, 0);
    check(&bench.run(&["init", &bill, &cluster]), 0);
    let written = read(&bench, "gpuadvise.toml");
    for line in [
        "# model = \"Qwen/Qwen2.5-7B\"  # inferred from the cluster\n",
        "# owner = \"search\"  # inferred from the cluster\n",
        "# max_num_seqs = 32  # inferred from the cluster\n",
        "# provider = \"aws\"  # inferred from the bill\n",
        "its objects in the cluster.\n",
    ] {
        assert!(written.contains(line), "{line} is not in\n{written}");
    }
    assert_eq!(bench.run(&words).stdout, before.stdout);
}

#[test]
fn a_blank_that_is_not_filled_in_stops_the_run() {
    let bench = Bench::new();
    let bill = bench
        .write("bill.csv", FOCUS.to_owned() + &instance(2, "i-1", ("g5.xlarge", "1"), "USD", ""));
    check(&bench.run(&["init", &bill]), 0);
    let open = read(&bench, "gpuadvise.toml")
        .replace("# [[rule]]", "[[rule]]")
        .replace("# resource_id", "resource_id")
        .replace("# workload = \"\"", "workload = \"\"");
    bench.write("gpuadvise.toml", open);
    let ran = bench.run(&["analyze", &bill]);
    check(&ran, 3);
    assert!(ran.stderr.contains("a name is empty"), "{}", ran.stderr);
}

#[test]
fn a_log_of_unknown_columns_is_asked_about_and_ends_nothing() {
    let bench = Bench::new();
    let bill = bench
        .write("bill.csv", FOCUS.to_owned() + &instance(2, "i-1", ("g5.xlarge", "1"), "USD", ""));
    let log = bench.write(
        "edge[1].csv",
        "when,route,tokens_prompt,tokens_output,duration_ms\n\
         2026-10-01T10:00:00+02:00,/v1,100,20,900\n2026-10-01T11:00:00+02:00,/v1,100,20,900\n",
    );
    check(&bench.run(&["analyze", &bill, &log]), 3);
    let ran = bench.run(&["init", &bill, &log]);
    check(&ran, 0);
    assert!(ran.stdout.contains("not read: edge[1].csv"), "{}", ran.stdout);
    let written = read(&bench, "gpuadvise.toml");
    assert!(written.contains("# time_zone = \"Etc/GMT-2\"  # inferred"), "{written}");
    let at = written.find("# [[mapping]]").unwrap();
    let mapping: String = written[at..].lines().map(|it| it[2..].to_owned() + "\n").collect();
    insta::assert_snapshot!(mapping, @r#"
    [[mapping]]
    file = "edge[[]1[]].csv"
    timestamp = "when"  # by its name: look at it
    prompt_tokens = "tokens_prompt"  # by its name: look at it
    completion_tokens = "tokens_output"  # by its name: look at it
    latency_ms = "duration_ms"  # by its name: look at it
    "#);
    bench.write("gpuadvise.toml", format!("{}{mapping}", &written[..at]));
    check(&bench.run(&["analyze", &bill, &log, "--output", "out"]), 0);
    // Alone it is a config all the same.
    let alone = bench.run(&["init", &log, "--output", "-"]);
    check(&alone, 0);
    assert!(alone.stdout.contains("# [[mapping]]"), "{}", alone.stdout);
}

#[test]
fn amounts_in_two_currencies_are_asked_about_and_not_added() {
    let bench = Bench::new();
    let rows = instance(2, "i-1", ("g5.xlarge", "24.5"), "USD", "\"{\"\"app\"\": \"\"chat\"\"}\"")
        + &instance(2, "i-2", ("g5.xlarge", "22.25"), "EUR", "\"{\"\"app\"\": \"\"rag\"\"}\"");
    let bill = bench.write("bill.csv", format!("{FOCUS}{rows}"));
    check(&bench.run(&["analyze", &bill]), 3);
    let ran = bench.run(&["init", &bill]);
    check(&ran, 0);
    assert!(ran.stdout.contains("fill in [fx]"), "{}", ran.stdout);
    let written = read(&bench, "gpuadvise.toml");
    assert!(written.contains("44.50 EUR and 49.00 USD"), "{written}");
    assert!(written.contains("[workload.chat]") && written.contains("[workload.rag]"), "{written}");
    assert!(!written.contains("effective") && !written.contains("a month"), "{written}");
    let filled = written.replace("# currency", "currency").replace("# EUR = \"\"", "EUR = \"1.1\"");
    bench.write("gpuadvise.toml", filled);
    let ran = bench.run(&["analyze", &bill, "--format", "json", "--output", "out"]);
    check(&ran, 0);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    // 49.00 USD and 44.50 EUR at 1.1.
    assert_eq!(report["totals"]["effective_cost"], "97.95");
}

#[test]
fn standard_input_gets_a_config_in_the_current_folder() {
    let bench = Bench::new();
    let bill = FOCUS.to_owned() + &instance(2, "i-1", ("g5.xlarge", "1"), "USD", "");
    let ran = bench.run_with_stdin(&["init", "-"], &bill);
    check(&ran, 0);
    assert!(
        ran.stdout.contains("next: gpuadvise analyze - --config gpuadvise.toml"),
        "{}",
        ran.stdout
    );
    assert!(read(&bench, "gpuadvise.toml").contains("# resource_id = \"i-1\""));
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn flags_without_a_meaning_are_refused() {
    let bench = Bench::new();
    let file = bench.write("a.csv", "x");
    check(&bench.run(&["init", &file, "--format", "json"]), 2);
    check(&bench.run(&["init", &file, "--config", "x.toml"]), 2);
    check(&bench.run(&["init", &file, "--redact"]), 2);
    assert!(!bench.path("gpuadvise.toml").exists());
}
