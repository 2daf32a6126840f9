//! The words on the command line and what a script may rely on.

use crate::support::{Bench, Ran};

const USAGE: &str = "\
period_start,workload,provider,region,gpu,gpu_count,billed_cost,effective_cost,requests
2026-10-01T00:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,10
2026-10-01T01:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,0
2026-10-01T02:00:00Z,chat,runpod,global,L40S,1,1.09,1.09,20
";

fn check(ran: &Ran, code: i32) {
    assert_eq!(ran.code, code, "stdout: {}\nstderr: {}", ran.stdout, ran.stderr);
}

#[test]
fn help_names_every_command_and_exit_code() {
    let bench = Bench::new();
    let ran = bench.run(&["--help"]);
    check(&ran, 0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn version_is_the_crates() {
    let ran = Bench::new().run(&["--version"]);
    check(&ran, 0);
    assert_eq!(ran.stdout.trim(), concat!("gpuadvise ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_are_exit_code_2() {
    let bench = Bench::new();
    for words in [
        &["analyse"][..],
        &["analyze"],
        &["analyze", "a.csv", "--max-rejected", "many"],
        &["analyze", "a.csv", "--time-zone", "Mars/Olympus"],
        &["analyze", "a.csv", "--since", "7d", "--month"],
        &["describe", "a.csv", "--quiet", "--verbose"],
        &["size", "no-such-model"],
        &["size", "meta-llama/Meta-Llama-3.1-8B", "--gpu", "H900"],
    ] {
        let ran = bench.run(words);
        check(&ran, 2);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn stdin_gz_and_globs_read_the_same() {
    let bench = Bench::new();
    let plain = bench.write("logs/a.csv", USAGE);
    let mut packed = Vec::new();
    {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
        encoder.write_all(USAGE.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    let gz = bench.write("gz/a.csv.gz", packed);
    let described = bench.run(&["describe", &plain, "--format", "json"]);
    check(&described, 0);
    let from_stdin = bench.run_with_stdin(&["describe", "-", "--format", "json"], USAGE);
    assert_eq!(from_stdin.stdout, described.stdout);
    assert_eq!(bench.run(&["describe", &gz, "--format", "json"]).stdout, described.stdout);
    assert_eq!(bench.run(&["describe", "logs/*.csv", "--format", "json"]).stdout, described.stdout);
}

#[test]
fn the_report_lands_where_it_is_asked_for() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", USAGE);
    let ran = bench.run(&["analyze", &file]);
    check(&ran, 0);
    for name in ["report.html", "report.md", "report.json", "charts/chat-heat-map.svg"] {
        assert!(bench.path("reports/usage").join(name).is_file(), "{name}");
    }
    let ran = bench.run(&["analyze", &file, "--output", "elsewhere", "--format", "json"]);
    check(&ran, 0);
    let written = std::fs::read_to_string(bench.path("elsewhere/report.json")).unwrap();
    assert_eq!(ran.stdout, written, "stdout shows the same JSON as the file");
    let left: Vec<_> = std::fs::read_dir(bench.path("elsewhere"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 8, "seven files and the charts, nothing half-written: {left:?}");
}

#[test]
fn rows_are_joined_with_a_request_log_by_name() {
    let bench = Bench::new();
    let bill = bench.write(
        "bill.csv",
        USAGE
            .replace(",requests", "")
            .replace(",10\n", "\n")
            .replace(",0\n", "\n")
            .replace(",20\n", "\n"),
    );
    let log = bench.write(
        "requests.csv",
        "timestamp,workload,prompt_tokens,completion_tokens\n\
         2026-10-01T00:10:00Z,chat,100,20\n2026-10-01T02:30:00Z,chat,300,40\n",
    );
    let ran = bench.run(&["analyze", &bill, &log, "--format", "json", "--output", "out"]);
    check(&ran, 0);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let chat = &report["workloads"][0];
    assert_eq!(chat["baseline"]["requests"], 2);
    assert_eq!(chat["baseline"]["prompt_tokens"], 400);
    assert_eq!(chat["baseline"]["effective_cost"], "3.27");
    assert_eq!(chat["advice"]["action"], "not_enough_data", "three hours carry no switch");
    assert_eq!(report["reconciliation"]["difference"], "0.00");
}

#[test]
fn fail_above_sets_the_exit_code() {
    let bench = Bench::new();
    let header = "period_start,workload,provider,gpu,gpu_count,cost,requests,gpu_util\n";
    let rows: String = (0..24 * 9)
        .map(|hour| {
            format!(
                "2026-10-{:02}T{:02}:00:00Z,demo,runpod,L40S,1,1.09,0,0\n",
                1 + hour / 24,
                hour % 24
            )
        })
        .collect();
    let file = bench.write("idle.csv", format!("{header}{rows}"));
    let ran = bench.run(&["analyze", &file, "--output", "out", "--fail-above", "100"]);
    check(&ran, 5);
    assert!(ran.stdout.contains("stop"), "{}", ran.stdout);
    check(&bench.run(&["analyze", &file, "--output", "out", "--fail-above", "100000"]), 0);
}

#[test]
fn the_articles_arithmetic_is_printed_to_the_digit() {
    let bench = Bench::new();
    let given =
        ["size", "--params", "70e9", "--layers", "80", "--kv-heads", "8", "--head-dim", "128"];
    let ran = bench.run(&given);
    check(&ran, 0);
    let row = |precision: &str| {
        let line = ran.stdout.lines().find(|it| it.starts_with(precision)).unwrap();
        line.split_whitespace().skip(1).map(|it| it.parse::<f64>().unwrap()).collect::<Vec<_>>()
    };
    let rounded = |values: Vec<f64>| values.into_iter().map(f64::round).collect::<Vec<_>>();
    assert_eq!(row("bf16")[1], 10.7);
    assert_eq!(rounded(row("bf16")), [140.0, 11.0, 17.0, 168.0]);
    assert_eq!(rounded(row("int4")), [35.0, 11.0, 4.0, 50.0]);
    let own = bench.run(&[&given[..], &["--overhead-gb", "5", "--quantization", "int4"]].concat());
    let total = own
        .stdout
        .lines()
        .find(|it| it.starts_with("int4"))
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap();
    assert_eq!(total.parse::<f64>().unwrap().round(), 51.0);
    let by_id = bench.run(&["size", "meta-llama/Meta-Llama-3-70B", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&by_id.stdout).unwrap();
    assert_eq!((json["rule_of_thumb"]["weights_bytes"].as_f64().unwrap() / 1e9).round(), 141.0);
}

/// What a named deployment refuses, by name and with a way out.
#[test]
fn size_refuses_by_name() {
    let bench = Bench::new();
    let llama = "meta-llama/Meta-Llama-3.1-8B";
    for (words, says) in [
        (&[llama, "--gpu", "T4", "--quantization", "fp8"][..], "T4 has no fp8 rate"),
        (&[llama, "--gpu", "H100 SXM5", "--tensor-parallel-size", "3"], "do not divide by 3"),
        (&[llama, "--gpu", "L40S", "--tensor-parallel-size", "4"], "no measured bandwidth"),
        (&[llama, "--max-model-len", "10000000"], "ends at 131,072 tokens"),
        (&[llama, "--prompt-tokens", "200000", "--completion-tokens", "1"], "ends at 131,072"),
        (&[llama, "--prompt-tokens", "5000", "--gpu", "L4"], "do not fit the 4,096"),
        (&[llama, "--images", "2"], "takes no images"),
        (
            &[llama, "--gpu", "H100", "--gpu-count", "3", "--tensor-parallel-size", "2"],
            "no whole number",
        ),
        (&[llama, "--max-model-len", "0"], "--max-model-len"),
        (&[llama, "--quantization", "gguf:Q4"], "not one of"),
        (&[llama, "--gpu", "L4", "--requests-per-s", "1", "--task", "poetry"], "not one of"),
        (&[llama, "--method", "rule-of-thumb", "--engine", "vllm"], "knows no engine"),
    ] {
        let ran = bench.run(&[&["size"], words].concat());
        check(&ran, 2);
        assert!(ran.stderr.contains(says), "{words:?}: {}", ran.stderr);
    }
}

/// Every field of a config at its largest, one after the other: an answer or a refusal, no panic.
#[test]
fn no_config_is_a_bug() {
    let bench = Bench::new();
    let config = serde_json::json!({
        "model_type": "deepseek_v2", "vocab_size": 102_400, "hidden_size": 2_048,
        "intermediate_size": 10_944, "moe_intermediate_size": 1_408, "num_hidden_layers": 27,
        "num_attention_heads": 16, "num_key_value_heads": 16, "n_shared_experts": 2,
        "n_routed_experts": 64, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
        "max_position_embeddings": 163_840
    });
    let fields: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
    for field in fields.iter().filter(|it| *it != "model_type") {
        let mut spoiled = config.clone();
        spoiled[field] = serde_json::json!(u64::MAX);
        let file = bench.write("config.json", spoiled.to_string());
        for words in [&[][..], &["--gpu", "H100 SXM5"], &["--train", "full"]] {
            let ran = bench.run(&[&["size", file.as_str()], words].concat());
            assert!([0, 2, 3].contains(&ran.code), "{field} {words:?}: {}", ran.stderr);
        }
    }
}

/// The keys that programs read, and null where they do not apply.
#[test]
fn size_json_has_its_keys() {
    let bench = Bench::new();
    for (words, verdict) in [
        (&["meta-llama/Meta-Llama-3.1-8B", "--gpu", "H100 SXM5"][..], Some("fits")),
        (&["meta-llama/Llama-3.1-405B", "--gpu", "L4", "--gpu-count", "1"], Some("does_not_fit")),
        (&["meta-llama/Meta-Llama-3.1-8B", "--train", "lora"], None),
        (&["black-forest-labs/FLUX.1-dev"], None),
    ] {
        let ran = bench.run(&[&["size"], words, &["--format", "json"]].concat());
        check(&ran, 0);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        for part in [
            "weights",
            "kv_cache",
            "activation",
            "cuda_graph",
            "non_torch",
            "gradient",
            "optimizer",
            "logits",
            "total",
            "usable",
        ] {
            let key = format!("{part}_bytes");
            assert!(json["per_gpu"].get(&key).is_some(), "{words:?} lacks {key}");
        }
        for key in [
            "kv_cache_tokens",
            "max_concurrency",
            "ttft_s",
            "tpot_s",
            "output_tokens_per_s",
            "requests_per_s",
        ] {
            assert!(json.get(key).is_some(), "{words:?} lacks {key}");
        }
        assert_eq!(json.get("verdict").and_then(|it| it.as_str()), verdict, "{words:?}");
        if verdict == Some("fits") {
            let tpot = &json["tpot_s"];
            let at = |key: &str| tpot[key].as_f64().unwrap();
            assert!(at("low") < at("value") && at("value") < at("high"));
            let bytes = |key: &str| json["per_gpu"][key].as_f64().unwrap();
            let parts: f64 = [
                "weights_bytes",
                "kv_cache_bytes",
                "activation_bytes",
                "cuda_graph_bytes",
                "non_torch_bytes",
                "context_bytes",
            ]
            .map(bytes)
            .iter()
            .sum();
            assert!((parts - bytes("total_bytes")).abs() < 4.0);
            assert!(bytes("total_bytes") < bytes("memory_bytes"));
        }
    }
}

#[test]
fn prices_check_and_list() {
    let bench = Bench::new();
    let ran = bench.run(&["prices", "check"]);
    check(&ran, 0);
    assert!(ran.stdout.contains("no fault found"), "{}", ran.stdout);
    let ran = bench.run(&["prices", "list", "--gpu", "H100", "--format", "csv"]);
    check(&ran, 0);
    assert!(ran.stdout.lines().count() > 20);
    bench.write("pricing/offers/own.toml", "[[offer]]\ninstance_type = \"x\"\nprice = \"1\"\n");
    let ran = bench.run(&["prices", "check", "--pricing", "pricing"]);
    check(&ran, 4);
    assert!(
        ran.stderr.starts_with("error: ") && ran.stderr.contains("offers/own.toml:"),
        "{}",
        ran.stderr
    );
}

#[test]
fn tables_fit_80_columns() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", USAGE);
    for words in [
        &["describe", &file][..],
        &["analyze", &file, "--output", "o"],
        &["prices", "list"],
        &["prices", "check"],
        &["size", "meta-llama/Meta-Llama-3.1-8B"],
        &["size", "meta-llama/Meta-Llama-3.1-8B", "--gpu", "H100", "--explain"],
        &["size", "Qwen/Qwen3-32B", "--gpu", "L40S", "--requests-per-s", "2", "--task", "chat"],
        &["size", "Qwen/Qwen3-32B", "--method", "rule-of-thumb"],
        &["size", "Qwen/Qwen3-32B", "--train", "qlora", "--gpu", "H100 SXM5", "--gpu-count", "2"],
        &["size", "black-forest-labs/FLUX.1-dev"],
    ] {
        let ran = bench.run(words);
        check(&ran, 0);
        for line in ran.stdout.lines() {
            assert!(
                line.chars().count() <= 80,
                "{words:?}: {} columns: {line}",
                line.chars().count()
            );
        }
    }
}

#[test]
fn size_tells_the_start_phase_by_phase() {
    let bench = Bench::new();
    let deployment = ["size", "Qwen/Qwen3-32B", "--gpu", "H100 SXM5"];
    let cold_start = |more: &[&str]| {
        let ran = bench.run(&[&deployment[..], &["--format", "json"], more].concat());
        check(&ran, 0);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        json["cold_start"].clone()
    };
    let start = cold_start(&["--storage", "nvme"]);
    for end in ["low_s", "expected_s", "high_s"] {
        let phases = start["phases"].as_array().unwrap();
        let sum: f64 = phases.iter().map(|it| it[end].as_f64().unwrap()).sum();
        assert!((sum - start[end].as_f64().unwrap()).abs() < 1e-4, "{end}: {start}");
    }
    assert_eq!((&start["storage"], &start["host_factor"]), (&"nvme".into(), &().into()));
    let measured = cold_start(&["--measured-start", "Qwen/Qwen3-32B=90s"]);
    let range = ["low_s", "expected_s", "high_s"].map(|it| measured[it].as_f64().unwrap());
    assert_eq!(range, [81.0, 90.0, 99.0], "a measured start is not predicted again");
    for (word, code, message) in [
        ("Qwen/Qwen3-32B=3s", 3, "--measured-start: 3 s"),
        ("no/such=90s", 2, "no model `no/such`"),
        ("Qwen/Qwen3-32B=9s,10s", 2, "as long as the whole start"),
    ] {
        let ran = bench.run(&[&deployment[..], &["--measured-start", word]].concat());
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}

#[test]
fn collect_prints_commands_and_runs_none() {
    let bench = Bench::new();
    let list = bench.run(&["collect", "--as-of", "2026-11-05"]);
    check(&list, 0);
    for source in ["runpod", "aws-focus", "prometheus-dcgm", "kubernetes", "litellm"] {
        assert!(list.stdout.contains(source), "{source}: {}", list.stdout);
    }
    let recipe = bench.run(&["collect", "runpod", "--as-of", "2026-11-05"]);
    check(&recipe, 0);
    assert!(recipe.stdout.contains("RUNPOD_API_KEY"), "{}", recipe.stdout);
    assert!(recipe.stdout.contains("2026-10-01"), "the last full month: {}", recipe.stdout);
    let unknown = bench.run(&["collect", "runpot", "--as-of", "2026-11-05"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("runpod"), "{}", unknown.stderr);
}

#[test]
fn ingest_writes_the_usage_table_that_reads_back_the_same() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", USAGE);
    let json = bench.run(&["ingest", &file, "--format", "json", "--output", "table.parquet"]);
    check(&json, 0);
    let again = bench.run(&["ingest", "table.parquet", "--format", "json"]);
    check(&again, 0);
    let account = |ran: &Ran| -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        value["reconciliation"].clone()
    };
    let (first, second) = (account(&json), account(&again));
    assert_eq!(first, second);
    assert_eq!(first["billed_total"], "3.27");
    assert_eq!(first["assigned"], "3.27");
}

#[test]
fn redacted_output_names_nobody_and_keeps_the_numbers() {
    let bench = Bench::new();
    let text = USAGE.replace("chat", "secret-project").replace("requests\n", "requests,owner\n");
    let text: String = text
        .lines()
        .enumerate()
        .map(|(at, line)| if at == 0 { format!("{line}\n") } else { format!("{line},Zelda\n") })
        .collect();
    let file = bench.write("project-x.csv", text);
    for words in [&["ingest"][..], &["analyze", "--output", "out"], &["describe"]] {
        let ran = bench.run(&[words, &[file.as_str(), "--redact"]].concat());
        check(&ran, 0);
        for name in ["secret-project", "Zelda", "project-x"] {
            assert!(!ran.stdout.contains(name), "{name} in {}", ran.stdout);
        }
    }
    let report = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
    for name in ["secret-project", "Zelda", "project-x"] {
        assert!(!report.contains(name), "{name} in report.json");
    }
    assert!(report.contains("\"billed_cost\": \"3.27\""), "the numbers stay");
}

/// Every number of a report, in order, without those of the files and of the run.
fn figures(report: &str) -> Vec<String> {
    fn walk(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Number(number) => into.push(number.to_string()),
            // Amounts are decimal texts.
            serde_json::Value::String(text) if text.parse::<f64>().is_ok() => {
                into.push(text.clone());
            }
            serde_json::Value::Array(items) => items.iter().for_each(|it| walk(it, into)),
            serde_json::Value::Object(fields) => fields.values().for_each(|it| walk(it, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(report).unwrap(), &mut found);
    found
}

#[test]
fn pseudonyms_change_no_figure_and_depend_on_the_key() {
    let bench = Bench::new();
    // Requests of an hour are spread by chance, which must not depend on what a workload is called.
    let rows: String = (0..96)
        .map(|hour| {
            let (day, of_day) = (1 + hour / 24, hour % 24);
            let n = 40 + 90 * (of_day % 7);
            let (prompt, completion) = (n * 3000, n * 280);
            format!(
                "2026-10-{day:02}T{of_day:02}:00:00Z,chat,runpod,global,H100-SXM-80GB,1,3.99,3.99,{n},{prompt},{completion}\n"
            )
        })
        .collect();
    let header = USAGE.split_once('\n').unwrap().0.to_owned() + ",prompt_tokens,completion_tokens";
    let file = bench.write("usage.csv", format!("{header}\n{rows}"));
    let workload = "[workload.chat]\nmodel = \"meta-llama/Llama-3.1-8B-Instruct\"\n";
    bench.write("gpuadvise.toml", workload);
    let key = "[report]\nredact_key = \"a key of our own\"\n";
    let config = bench.write("own.toml", workload.to_owned() + key);
    let run = |words: &[&str]| {
        let ran = bench.run(&[&["analyze", file.as_str(), "--format", "json"], words].concat());
        check(&ran, 0);
        ran.stdout
    };
    let (open, hidden) = (run(&[]), run(&["--redact"]));
    let keyed = run(&["--redact", "--config", &config]);
    assert_eq!(figures(&open), figures(&hidden));
    assert_eq!(figures(&open), figures(&keyed));
    let name = |report: &str| {
        let report: serde_json::Value = serde_json::from_str(report).unwrap();
        report["workloads"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(&open), "chat");
    assert!(name(&hidden) != name(&keyed) && !keyed.contains("a key of our own"));
}

/// A run that waits for its input says in one line that it was ended, also to programs.
#[test]
fn an_interrupted_run_says_so() {
    for (words, expected) in [
        (&[][..], "error: interrupted: no file was written"),
        (&["--log-format", "json"][..], "\"error\""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_gpuadvise"))
            .args([&["analyze", "-", "--output", "out"], words].concat())
            .current_dir(folder.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        std::thread::sleep(std::time::Duration::from_secs(2));
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success()
        );
        let ran = child.wait_with_output().unwrap();
        drop(stdin);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(130), "{said}");
        assert!(said.contains(expected) && said.contains("no file was written"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
