//! Launch plans of every sample workload for every target: held by snapshots, sized again, free of secrets.

use std::collections::BTreeMap;

use gpuadvise::catalog::Catalog;
use gpuadvise::deploy::{Advised, Launch, LaunchError, Options, Target, against};
use serde_json::Value;

use crate::support::{Bench, Ran, root};

/// A run in the folder of the project.
fn gpuadvise(words: &[&str]) -> Ran {
    let report = root().join("reports/usage");
    let words: Vec<&str> = words
        .iter()
        .map(|it| if *it == "reports/usage" { report.to_str().unwrap() } else { it })
        .collect();
    Bench::new().run(&words)
}

const WORKLOADS: [&str; 12] = [
    "office-assistant",
    "chat-prod",
    "train-ranker",
    "support-desk",
    "img-gen",
    "agents-beta",
    "whisper-stt",
    "old-demo",
    "enrich-nightly",
    "finetune-adhoc",
    "launch-api",
    "notebooks",
];

fn report() -> String {
    std::fs::read_to_string(root().join("reports/usage/report.json")).unwrap()
}

/// What the user would say: an image of the server that vLLM is not, and the checkpoint in the format sized.
fn options(report: &str, workload: &str) -> Options {
    let advised = Advised::read(report, workload).unwrap();
    let format = match advised.plan.precision.as_str() {
        "int4" => Some("w4a16"),
        "int8" => Some("w8a8"),
        _ => None,
    };
    let model = advised.workload.baseline.model.clone().unwrap_or_default();
    let name = model.rsplit('/').next().unwrap_or_default().to_owned();
    let own = matches!(workload, "img-gen" | "whisper-stt");
    Options {
        image: own.then(|| format!("registry.example.com/{workload}:2026-11-01")),
        checkpoint: format.filter(|_| !own).map(|it| format!("acme/{name}-quantized.{it}")),
        program: own.then(|| "python serve.py --port 8000".to_owned()),
        ..Options::default()
    }
}

fn launch(
    report: &str,
    workload: &str,
    target: Target,
    options: &Options,
) -> Result<Launch, LaunchError> {
    let advised = Advised::read(report, workload).unwrap();
    Launch::of(advised, &Catalog::embedded().unwrap(), options, target)
}

/// Writes the plans into the folder that `GPUADVISE_LAUNCH` names, for their validators in `.ci/run`.
fn kept(target: Target, file: &str, text: &str) {
    if let Some(folder) = std::env::var_os("GPUADVISE_LAUNCH") {
        let folder = std::path::Path::new(&folder).join(target.as_str());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
    }
}

#[test]
fn every_plan_of_every_target() {
    let report = report();
    let mut n_refused = 0;
    for workload in WORKLOADS {
        let options = options(&report, workload);
        for target in Target::ALL {
            let text = launch(&report, workload, target, &options).and_then(|it| it.text(target));
            let trains = matches!(workload, "train-ranker" | "finetune-adhoc" | "notebooks");
            let shown = match &text {
                Ok(text) => {
                    kept(target, &format!("{workload}.{}", target.extension(trains)), text);
                    text.clone()
                }
                Err(error) => {
                    n_refused += 1;
                    format!("error: {error}\nhint: {}\n", error.hint())
                }
            };
            let name = format!("launch_{target}_{workload}");
            insta::with_settings!({ snapshot_path => "snapshots/launch", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(name, shown);
            });
        }
    }
    // A fleet of serverless workers on five targets that start none, two images on Ray, and a GPU that
    // RunPod does not have.
    assert_eq!(n_refused, 8);
}

/// `85600` as `85,600`.
fn counted(n: u64) -> String {
    let text = n.to_string();
    let mut out = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The flags of vLLM in a file of whatever form: comments left out, quotes and list marks taken off.
fn flags(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|it| !it.starts_with('#'));
    let words: Vec<String> = lines
        .flat_map(str::split_whitespace)
        .map(|it| {
            it.trim_matches(['"', '\'', '-', ':']).to_owned()
                + if it.starts_with("--") || it.starts_with("\"--") { "\0" } else { "" }
        })
        .filter(|it| !it.is_empty())
        .collect();
    let mut found = BTreeMap::new();
    for pair in words.windows(2) {
        let key = pair[0].trim_end_matches('\0').replace('_', "-");
        found.entry(key).or_insert_with(|| pair[1].trim_end_matches('\0').to_owned());
    }
    found
}

/// The flags of vLLM as `gpuadvise size` takes them.
fn size_flags(flags: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let needed = [
        "tensor-parallel-size",
        "max-model-len",
        "max-num-seqs",
        "max-num-batched-tokens",
        "gpu-memory-utilization",
        "kv-cache-dtype",
    ];
    let fp8 = flags.get("quantization").filter(|it| *it == "fp8");
    let flag = |name: &&str| (format!("--{name}"), flags[*name].clone());
    let quantization = fp8.map(|it| ("--quantization".to_owned(), it.clone()));
    needed.iter().map(flag).chain(quantization).collect()
}

/// `launch` and `size --engine` agree: the command is read back from the file and sized again.
#[test]
fn a_command_read_back_is_sized_alike() {
    let report = report();
    let whole: Value = serde_json::from_str(&report).unwrap();
    let mut n_checked = 0;
    for workload in WORKLOADS {
        let options = options(&report, workload);
        for target in Target::ALL {
            let Ok(text) =
                launch(&report, workload, target, &options).and_then(|it| it.text(target))
            else {
                continue;
            };
            let flags = flags(&text);
            if !flags.contains_key("max-num-seqs") {
                continue;
            }
            n_checked += 1;
            let advised = Advised::read(&report, workload).unwrap();
            let model =
                options.checkpoint.clone().or(advised.workload.baseline.model.clone()).unwrap();
            let engine = if target == Target::Ray { "vllm@0.26" } else { "vllm@0.19" };
            let mut words = vec![
                "size",
                &model,
                "--gpu",
                &advised.plan.gpu,
                "--engine",
                engine,
                "--format",
                "json",
            ];
            let given = size_flags(&flags);
            for (name, value) in &given {
                words.extend([name.as_str(), value.as_str()]);
            }
            let ran = gpuadvise(&words);
            assert_eq!(ran.code, 0, "{target} {workload}: {}", ran.stderr);
            let sized: Value = serde_json::from_str(&ran.stdout).unwrap();
            let tokens = sized["kv_cache_tokens"].as_u64().unwrap();
            let shown = counted(tokens);
            let flat: String = text
                .lines()
                .map(|it| it.trim().trim_start_matches("# "))
                .collect::<Vec<_>>()
                .join(" ");
            assert!(
                flat.contains(&format!("caches {shown} tokens")),
                "{target} {workload}: {shown} tokens"
            );
            assert_eq!(sized["verdict"], "fits", "{target} {workload}");
            if target != Target::Ray {
                against_the_report(&whole, &advised, &sized, workload);
            }
        }
    }
    assert!(n_checked >= 50, "{n_checked}");
}

/// The same weights as the candidate of the report, and no less cache: the plan runs fewer requests at once
/// than the engine would by default, which needs less beside it.
fn against_the_report(whole: &Value, advised: &Advised, sized: &Value, workload: &str) {
    let found =
        whole["workloads"].as_array().unwrap().iter().find(|it| it["name"] == workload).unwrap();
    let id = advised.plan.candidate_id.as_deref();
    let Some(candidate) =
        found["candidates"].as_array().unwrap().iter().find(|it| it["id"].as_str() == id)
    else {
        return;
    };
    assert_eq!(sized["per_gpu"]["weights_bytes"], candidate["total_bytes"], "{workload}");
    assert!(
        sized["kv_cache_tokens"].as_u64() >= candidate["kv_cache_tokens"].as_u64(),
        "{workload}"
    );
}

/// No token reaches a file, wherever it is put: options, names of the report, the environment.
#[test]
fn no_token_is_written() {
    let report = report();
    let token = "hf_abcdEFGHijklMNOP1234";
    for target in Target::ALL {
        for options in [
            Options {
                image: Some(format!("registry.example.com/{token}:v1")),
                ..options(&report, "img-gen")
            },
            Options { checkpoint: Some(format!("acme/{token}")), ..options(&report, "chat-prod") },
            Options { program: Some(format!("train.py --token={token}")), ..Options::default() },
        ] {
            for workload in ["img-gen", "chat-prod", "train-ranker"] {
                let text =
                    launch(&report, workload, target, &options).and_then(|it| it.text(target));
                assert!(!text.is_ok_and(|it| it.contains(token)), "{target} {workload}");
            }
        }
        let named = report
            .replace("Qwen/Qwen2.5-32B", &format!("Qwen/Qwen2.5-32B-{token}"))
            .replace("\"Search\"", &format!("\"{token}\""));
        for workload in WORKLOADS {
            let options = options(&report, workload);
            let text = launch(&named, workload, target, &options).and_then(|it| it.text(target));
            assert!(!text.is_ok_and(|it| it.contains(token)), "{target} {workload}");
        }
    }
}

/// Names of the data cannot leave their place: what is in them stays a comment or a quoted word.
#[test]
fn names_stay_inert() {
    let evil = "x\\\"; rm -rf ~ #\\n- injected: true\\n$(id) `id`";
    let report = report()
        .replace("\"name\": \"chat-prod\"", &format!("\"name\": \"{evil}\""))
        .replace("Switch to pay", &format!("{evil} Switch to pay"));
    let name = serde_json::from_str::<String>(&format!("\"{evil}\"")).unwrap();
    for target in Target::ALL {
        let options = options(&self::report(), "chat-prod");
        let text = launch(&report, &name, target, &options).and_then(|it| it.text(target)).unwrap();
        for line in text.lines().filter(|it| !it.trim_start().starts_with('#')) {
            assert!(
                !line.contains("injected") && !line.contains("rm -rf") && !line.contains("$(id)"),
                "{target}: {line}"
            );
        }
    }
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
spec:
  replicas: 4
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:latest
          args:
            - Qwen/Qwen2.5-32B
            - --max-model-len=32768   # long
            - --enforce-eager
            - --enable-prefix-caching
          resources:
            limits:
              nvidia.com/gpu: 2
";

#[test]
fn a_manifest_gets_the_flags_of_the_plan() {
    let report = report();
    let launch =
        launch(&report, "chat-prod", Target::Kubernetes, &options(&report, "chat-prod")).unwrap();
    for (name, text) in [
        ("manifest", DEPLOYMENT),
        (
            "shell",
            "#!/bin/sh\nexport X=1\nvllm serve Qwen/Qwen2.5-32B \\\n    --tensor-parallel-size 2 \\\n    --quantization fp8 \\\n    --api-key \"$KEY\"\n",
        ),
        (
            "line",
            "docker run --gpus all vllm/vllm-openai:v0.8.5 --model Qwen/Qwen2.5-32B -tp 2 --max-num-seqs 64\n",
        ),
        (
            "flow",
            "services: {chat: {image: \"vllm/vllm-openai:v0.8.5\", command: [\"--model\", \"Qwen/Qwen2.5-32B\", \"--max-num-seqs\", \"64\"]}}\n",
        ),
    ] {
        let diff = against(&launch, text, "chat.yaml").unwrap();
        insta::with_settings!({ snapshot_path => "snapshots/launch", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("against_{name}"), diff);
        });
        let new = patched(text, &diff);
        let flags = flags(&new.replace(['[', ']', ',', '=', '{', '}'], " "));
        assert_eq!(flags["max-num-seqs"], "15", "{name}\n{new}");
        assert_eq!(flags["max-model-len"], "8192", "{name}");
        assert!(
            new.contains("acme/Qwen2.5-32B-quantized.w4a16") && !new.contains("fp8"),
            "{name}\n{new}"
        );
        let again = against(&launch, &new, "chat.yaml").unwrap();
        assert!(again.contains("Nothing to change"), "{name}\n{again}");
    }
}

/// What `patch` makes of a text.
fn patched(old: &str, diff: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chat.yaml"), old).unwrap();
    std::fs::write(folder.path().join("diff"), diff).unwrap();
    let mut lines = Vec::new();
    let mut rest: Vec<&str> = old.lines().collect();
    rest.reverse();
    let mut in_hunk = false;
    let mut at = 1;
    for line in diff.lines() {
        if let Some(head) = line.strip_prefix("@@ -") {
            let start: usize = head.split([',', ' ']).next().unwrap().parse().unwrap();
            while at < start {
                lines.push(rest.pop().unwrap().to_owned());
                at += 1;
            }
            in_hunk = true;
        } else if in_hunk {
            match line.split_at_checked(1) {
                Some(("+", text)) => lines.push(text.to_owned()),
                Some(("-", text)) => {
                    assert_eq!(rest.pop(), Some(text));
                    at += 1;
                }
                Some((_, text)) => {
                    assert_eq!(rest.pop(), Some(text));
                    lines.push(text.to_owned());
                    at += 1;
                }
                None => {}
            }
        }
    }
    rest.reverse();
    lines.extend(rest.iter().map(|it| (*it).to_owned()));
    lines.join("\n") + "\n"
}

#[test]
fn what_cannot_be_launched_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("plan.yaml");
    std::fs::write(&output, "mine\n").unwrap();
    let two = folder.path().join("two.sh");
    std::fs::write(&two, "vllm serve a/b\nvllm serve c/d\n").unwrap();
    let none = folder.path().join("none.sh");
    std::fs::write(&none, "echo hello\n").unwrap();
    let (output, two, none) =
        (output.to_str().unwrap(), two.to_str().unwrap(), none.to_str().unwrap());
    let checkpoint = ["--checkpoint", "acme/m"];
    for (words, status, message) in [
        (vec!["launch", "reports/usage", "chatprod"], 2, "did you mean chat-prod?"),
        (vec!["launch", "reports/usage", "a-00000000"], 2, "no advice and no workload"),
        (vec!["launch", two, "chat-prod"], 3, "it is not JSON"),
        (vec!["launch", "reports/usage", "img-gen"], 2, "--image REPOSITORY:TAG"),
        (
            vec!["launch", "reports/usage", "img-gen", "--image", "own/server:latest"],
            2,
            "is not pinned",
        ),
        (
            vec!["launch", "reports/usage", "chat-prod", "--target", "ray"],
            2,
            "--checkpoint ORGANIZATION/NAME",
        ),
        (
            vec!["launch", "reports/usage", "launch-api", "--target", "docker"],
            2,
            "use --target kubernetes, runpod or ray",
        ),
        (vec!["launch", "reports/usage", "chat-prod", "--target", "nomad"], 2, "not one of docker"),
        (vec!["launch", "reports/usage", "chat-prod", "--output", output], 8, "is there already"),
        (
            [&["launch", "reports/usage", "chat-prod", "--against", two][..], &checkpoint].concat(),
            3,
            "more than once",
        ),
        (
            [&["launch", "reports/usage", "chat-prod", "--against", none][..], &checkpoint]
                .concat(),
            3,
            "no `vllm serve`",
        ),
    ] {
        let ran = gpuadvise(&words);
        assert_eq!(ran.code, status, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(std::fs::read_to_string(output).unwrap(), "mine\n");
    let forced =
        gpuadvise(&["launch", "reports/usage", "chat-prod", "--output", output, "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert!(std::fs::read_to_string(output).unwrap().contains("kind: Deployment"));
}

/// A file with a token is not read further: nothing of it is shown.
#[test]
fn a_token_in_what_runs_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.sh");
    let token = format!("hf_{}", "aB3".repeat(12));
    std::fs::write(&file, format!("export HF_TOKEN={token}\nvllm serve a/b\n")).unwrap();
    let file = file.to_str().unwrap();
    let ran = gpuadvise(&[
        "launch",
        "reports/usage",
        "chat-prod",
        "--checkpoint",
        "acme/m",
        "--against",
        file,
    ]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("line 1 has a token"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(&token) && ran.stdout.is_empty(), "{}", ran.stderr);
}

/// The report with one value of every plan of a workload replaced.
fn with_plan(report: &str, workload: &str, key: &str, value: &Value) -> String {
    let mut whole: Value = serde_json::from_str(report).unwrap();
    for it in whole["workloads"].as_array_mut().unwrap() {
        if it["name"] == workload {
            for plan in it["plans"].as_array_mut().unwrap() {
                plan[key] = value.clone();
            }
        }
    }
    whole.to_string()
}

/// vLLM does not start where its cache cannot hold one request of the longest: of 85,600 tokens a model that takes
/// 131,072 gets 83 x 1,024.
#[test]
fn a_length_nobody_said_is_one_that_starts() {
    let report = with_plan(&report(), "chat-prod", "max_model_len", &Value::Null);
    let options = options(&report, "chat-prod");
    let text = launch(&report, "chat-prod", Target::Docker, &options);
    let text = text.and_then(|it| it.text(Target::Docker)).unwrap();
    assert_eq!(flags(&text)["max-model-len"], "84992", "{text}");
    assert!(text.contains("the report does not say how long requests may be"), "{text}");
    let too_long = with_plan(&report, "chat-prod", "max_model_len", &Value::from(131_072));
    let error = launch(&too_long, "chat-prod", Target::Docker, &options).unwrap_err();
    assert!(matches!(error, LaunchError::DoesNotFit { .. }), "{error}");
}

/// A rule in seconds of waiting is refused where requests are counted.
#[test]
fn seconds_are_no_requests() {
    let mut policy = serde_json::json!({ "name": "queue_delay", "value": 4.0, "schedule": null });
    let mut targets = vec![Target::Kubernetes, Target::Ray, Target::Runpod];
    let report = report();
    let options = options(&report, "launch-api");
    while let Some(target) = targets.pop() {
        let scaled = with_plan(&report, "launch-api", "policy", &policy);
        let error = launch(&scaled, "launch-api", target, &options);
        let error = error.and_then(|it| it.text(target)).unwrap_err();
        assert!(matches!(error, LaunchError::CannotExpress { .. }), "{target}: {error}");
    }
    policy["name"] = "request_count".into();
    let counted = with_plan(&report, "launch-api", "policy", &policy);
    let text = launch(&counted, "launch-api", Target::Kubernetes, &options);
    assert!(text.and_then(|it| it.text(Target::Kubernetes)).is_ok());
}

/// What analyze never writes is refused, not launched.
#[test]
fn a_damaged_report_launches_nothing() {
    let report = report();
    for (key, value) in [
        ("tensor_parallel_size", 64),
        ("gpu_count", 4_000_000_000_u32),
        ("max_replicas", 4_000_000_000),
    ] {
        let damaged = with_plan(&report, "chat-prod", key, &Value::from(value));
        let error = Advised::read(&damaged, "chat-prod").unwrap_err().to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
    let named = report.replace("\"slug\": \"chat-prod\"", "\"slug\": \"$(id)\"");
    assert_ne!(named, report);
    assert!(Advised::read(&named, "chat-prod").is_err());
}
