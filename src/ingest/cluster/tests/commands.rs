//! Command lines of engines, and the facts of workloads drawn from them.

use super::super::engine::{Engine, EngineFacts};
use super::*;

fn read(image: &str, command: &[&str], args: &[&str]) -> Option<EngineFacts> {
    let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    engine::read(Some(image), &owned(command), &owned(args))
}

fn check(image: &str, command: &[&str], args: &[&str], expected: EngineFacts) {
    assert_eq!(read(image, command, args), Some(expected), "{command:?} {args:?}");
}

fn vllm() -> EngineFacts {
    let (engine, model) = (Some(Engine::Vllm), Some("org/m-8b".to_owned()));
    EngineFacts { engine, model, ..EngineFacts::default() }
}

fn fraction(of: f64) -> Option<crate::units::Fraction> {
    crate::units::Fraction::try_from(of).ok()
}

#[test]
fn vllm_lines_read() {
    let tp = |n| EngineFacts { tensor_parallel_size: Some(n), ..vllm() };
    check("own:1", &["vllm", "serve", "org/m-8b"], &["-tp", "2"], tp(2));
    check("own", &["/opt/venv/bin/vllm"], &["serve", "--port", "80", "org/m-8b", "-tp=2"], tp(2));
    check(
        "own",
        &["tini", "--", "vllm", "serve", "--enforce-eager", "org/m-8b"],
        &[],
        EngineFacts { enforce_eager: Some(true), ..vllm() },
    );
    let module = ["python3", "-m", "vllm.entrypoints.openai.api_server"];
    check("own", &module, &["--model", "org/m-8b", "--tensor_parallel_size=4"], tp(4));
    // The last of two counts; the version is that of the engine's own image.
    let args = ["--model=org/m-8b", "--tensor-parallel-size", "2", "--tensor-parallel-size", "8"];
    let version = Some("v0.8.5.post1".to_owned());
    let facts = EngineFacts { version, ..tp(8) };
    check("hub.corp:5000/vllm/vllm-openai:v0.8.5.post1@sha256:00", &[], &args, facts);
    check("vllm/vllm-openai:latest", &[], &["org/m-8b"], vllm());
    let every = [
        "--max-model-len",
        "32k",
        "--max-num-seqs",
        "64",
        "--max-num-batched-tokens=8K",
        "--gpu-memory-utilization",
        "0.92",
        "--quantization",
        "fp8",
        "--dtype=auto",
        "--kv-cache-dtype",
        "fp8_e5m2",
        "--served-model-name",
        "chat",
        "chat-v2",
        "-pp",
        "2",
        "-dp",
        "3",
        "--enable-lora",
        "--lora-modules",
        "de=/a/de",
        "fr=/a/fr",
        "--no-enforce-eager",
    ];
    check(
        "own",
        &["vllm", "serve", "org/m-8b"],
        &every,
        EngineFacts {
            max_model_len: Some(32_000),
            max_num_seqs: Some(64),
            max_num_batched_tokens: Some(8192),
            gpu_memory_utilization: fraction(0.92),
            quantization: Some("fp8".to_owned()),
            kv_cache_dtype: Some("fp8_e5m2".to_owned()),
            served_model_names: vec!["chat".to_owned(), "chat-v2".to_owned()],
            lora_names: vec!["de".to_owned(), "fr".to_owned()],
            pipeline_parallel_size: Some(2),
            data_parallel_size: Some(3),
            enforce_eager: Some(false),
            ..vllm()
        },
    );
    // Values of no use are unknown: a length of -1 or auto, a fraction above 1, no GPU.
    let odd = ["--max-model-len", "-1", "--gpu-memory-utilization", "9", "-tp", "0"];
    check("own", &["vllm", "serve", "org/m-8b"], &odd, vllm());
}

#[test]
fn shell_lines_read_and_variables_stay_unknown() {
    let script = "set -e\nexport X=1; nvidia-smi # vllm serve no\nexec vllm serve 'org/m-8b' \\\n  \
                  --tensor-parallel-size \"2\" --max-model-len $LEN --api-key \"$KEY\" \
                  > /tmp/log 2>&1";
    let incomplete = true;
    let known = EngineFacts { tensor_parallel_size: Some(2), incomplete, ..vllm() };
    check("own", &["/bin/bash", "-lc"], &[script], known.clone());
    check("own", &["sh", "-euxc", script], &[], known);
    // The kubelet's variables in a command without a shell.
    let args = ["--model", "$(MODEL)", "--max-num-seqs=$(SEQS)"];
    let none = EngineFacts { model: None, incomplete, ..vllm() };
    check("vllm/vllm-openai", &[], &args, none);
    // A variable that stands alone may be any option; one that is no option of ours does not
    // matter.
    let line = ["-c", "vllm serve org/m-8b $EXTRA"];
    check("own", &["sh"], &line, EngineFacts { incomplete, ..vllm() });
    check("own", &["sh", "-c", "vllm serve org/m-8b --port $PORT"], &[], vllm());
    check(
        "own",
        &["sh", "-c", "vllm serve org/m-8b --config /c.yaml"],
        &[],
        EngineFacts { incomplete, ..vllm() },
    );
    // A wrapper script around the engine's image hides its options.
    let hidden = EngineFacts { model: None, incomplete, ..vllm() };
    check("vllm/vllm-openai", &["/run.sh"], &["--model", "a"], hidden);
    assert_eq!(read("own", &["sh", "-c", "sleep 1"], &[]), None);
}

#[test]
fn other_engines_read() {
    let of = |engine, model: &str| EngineFacts {
        engine: Some(engine),
        model: Some(model.to_owned()),
        ..EngineFacts::default()
    };
    let sglang = [
        "--model-path",
        "org/m",
        "--tp-size",
        "8",
        "--context-length",
        "16384",
        "--mem-fraction-static",
        "0.85",
        "--quantization",
        "w8a8_fp8",
        "--max-running-requests",
        "48",
        "--disable-cuda-graph",
        "--served-model-name",
        "s",
    ];
    let command = ["python3", "-m", "sglang.launch_server"];
    check(
        "lmsysorg/sglang:v0.4.6",
        &command,
        &sglang,
        EngineFacts {
            version: Some("v0.4.6".to_owned()),
            tensor_parallel_size: Some(8),
            max_model_len: Some(16384),
            mem_fraction_static: fraction(0.85),
            quantization: Some("w8a8_fp8".to_owned()),
            max_num_seqs: Some(48),
            enforce_eager: Some(true),
            served_model_names: vec!["s".to_owned()],
            ..of(Engine::Sglang, "org/m")
        },
    );
    let tgi =
        ["--model-id=org/m", "--num-shard", "4", "--max-total-tokens", "8192", "--quantize", "awq"];
    check(
        "ghcr.io/huggingface/text-generation-inference:3.2",
        &[],
        &tgi,
        EngineFacts {
            version: Some("3.2".to_owned()),
            tensor_parallel_size: Some(4),
            max_model_len: Some(8192),
            quantization: Some("awq".to_owned()),
            ..of(Engine::Tgi, "org/m")
        },
    );
    check(
        "own",
        &["trtllm-serve", "/m", "--tp_size", "2"],
        &[],
        EngineFacts { tensor_parallel_size: Some(2), ..of(Engine::TensorRtLlm, "/m") },
    );
    for command in
        [&["torchrun", "--nproc-per-node", "8", "t.py"][..], &["accelerate", "launch", "t"]]
    {
        check("own", command, &[], EngineFacts { trains: true, ..EngineFacts::default() });
    }
}

#[test]
fn credentials_are_not_kept() {
    for model in [
        "https://user:word@host/m",
        "https://host/m?token=abc",
        "hf_abcdefghijklmnop",
        "s3://b/sk-live-1",
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "two words",
    ] {
        let args = ["--model", model, "--served-model-name", model, "--quantization", model];
        let found = read("own", &["vllm", "serve"], &args).unwrap();
        assert_eq!(found, EngineFacts { model: None, ..vllm() }, "{model}");
    }
    let cache = "/hub/models--org--m/snapshots/0123456789abcdef0123456789abcdef01234567";
    let found = read("own", &["vllm", "serve", cache], &[]).unwrap();
    assert_eq!(found.model.as_deref(), Some(cache));
}

#[test]
fn facts_come_from_the_template_and_the_scaler() {
    let deployment = r#"{"kind": "Deployment",
        "metadata": {"name": "chat", "namespace": "ml",
        "labels": {"app.kubernetes.io/part-of": "llm"}},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"env": "prod"}}, "spec": {
            "containers": [{"image": "envoy", "args": ["-c", "/x"]},
            {"image": "vllm/vllm-openai:v0.9.1", "args": ["--model", "org/m-70b", "-tp", "4",
              "--served-model-name", "chat"], "resources": {"limits": {"nvidia.com/gpu": "4"}}}]}}},
        "status": {"observedGeneration": 7, "replicas": 3}}"#;
    let namespace =
        r#"{"kind": "Namespace", "metadata": {"name": "ml", "labels": {"team": "search"}}}"#;
    let hpa = r#"{"kind": "HorizontalPodAutoscaler", "metadata": {"name": "keda-hpa-chat",
        "namespace": "ml"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "chat"},
        "minReplicas": 1, "maxReplicas": 9, "metrics": [{"type": "External"}]}}"#;
    let keda = r#"{"kind": "ScaledObject", "metadata": {"name": "chat", "namespace": "ml"},
        "spec": {"scaleTargetRef": {"name": "chat"}, "maxReplicaCount": 6,
        "triggers": [{"type": "prometheus", "metadata": {"serverAddress": "http://p"}}]}}"#;
    let group = r#"{"kind": "LeaderWorkerSet", "metadata": {"name": "big", "namespace": "ml"},
        "spec": {"replicas": 2, "leaderWorkerTemplate": {"size": 3,
        "workerTemplate": {"spec": {"containers": [{"image": "own",
        "command": ["vllm", "serve", "org/m-70b"],
        "resources": {"limits": {"nvidia.com/gpu": "8"}}}]}}}}}"#;
    let items = [deployment, namespace, keda, hpa, group].map(str::to_owned);
    let view = ClusterView::new(vec![snapshot("2026-10-01T00:00:00Z", &items)]);
    let chat = &view.facts()["chat"];
    assert_eq!(chat.owner.as_deref(), Some("search"), "a team before a system");
    assert_eq!(chat.environment.as_deref(), Some("prod"));
    assert_eq!((chat.replicas, chat.ready_replicas), (Some(3), Some(0)));
    assert_eq!(chat.gpus_per_replica_milli, Some(4000));
    assert_eq!(chat.kind_hint, Some(KindHint::Serving));
    let scaler = ScalerFacts {
        by_keda: true,
        min_replicas: Some(0),
        max_replicas: Some(6),
        triggers: vec!["prometheus".to_owned()],
    };
    assert_eq!(chat.scaler, Some(scaler));
    let engine = chat.engine.as_ref().unwrap();
    assert_eq!(engine.tensor_parallel_size, Some(4));
    assert_eq!(engine.version.as_deref(), Some("v0.9.1"));
    // Three pods of 8 GPUs are one replica.
    assert_eq!(view.facts()["big"].gpus_per_replica_milli, Some(24_000));
    assert_eq!(view.facts()["big"].ready_replicas, None, "it has not reported");
    assert_eq!(view.workload_of_model("chat"), Some("chat"));
    assert_eq!(view.workload_of_model("org/m-70b"), None, "two serve it");
}
