//! A script that makes pods or a serverless endpoint through RunPod's REST API, version 2.
//!
//! Fields are those of its OpenAPI document: `POST /v2/pods` and `POST /v2/serverless`, where unknown fields
//! are refused. A token is a secret of the account, named and never written.

use super::super::flag::Flag;
use super::super::fleet::Scaled;
use super::super::quote::sh;
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, What};
use super::shell::torchrun;
use super::{Target, parts, script};

/// Shortest and longest idle timeout of a worker, in seconds.
const IDLE_S: (u32, u32) = (1, 3_600);
/// Gigabytes of a container beside the weights.
const DISK_GB: f64 = 40.0;

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    let gpu = launch.names.as_ref().and_then(|it| it.runpod.as_deref()).ok_or_else(|| {
        LaunchError::CannotExpress {
            target: Target::Runpod,
            what: format!("RunPod has no {}, as far as is known", launch.gpu.name),
            instead: "use another --target".to_owned(),
        }
    })?;
    if let What::Train(it) = &launch.what
        && it.nodes > 1
    {
        return Err(LaunchError::CannotExpress {
            target: Target::Runpod,
            what: format!(
                "{} nodes train together, and pods of one account do not see each other",
                it.nodes
            ),
            instead: "use --target skypilot, slurm or kubernetes".to_owned(),
        });
    }
    let mut text = Text::new();
    text.line(0, "#!/usr/bin/env bash");
    parts::head(&mut text, launch);
    if let Fleet::Scheduled { .. } = &launch.fleet {
        parts::timetable(&mut text, launch, &|pod, on| {
            format!("{}/THIS.sh {} \"$POD_{pod}\"", "/path/to", if on { "start" } else { "stop" })
        });
    }
    text.line(0, "#");
    text.note(0, "Needs curl and jq. RUNPOD_API_KEY is read from the environment and given to curl over a pipe.");
    if parts::environment(launch).iter().any(|it| it.1.is_none()) {
        text.note(0, "Once before: a secret named huggingface in the account, with the token (Settings, Secrets).");
    }
    text.line(0, "set -euo pipefail").gap();
    script::required(
        &mut text,
        "RUNPOD_API_KEY",
        "A key of the account, which this script only passes on.",
    );
    call(&mut text);
    what_runs(&mut text, launch);
    match &launch.fleet {
        Fleet::Scaled(it) => endpoint(&mut text, launch, it)?,
        _ => pods(&mut text, launch, gpu),
    }
    Ok(text.done())
}

/// `call METHOD PATH [BODY]`.
fn call(text: &mut Text) {
    text.gap().line(0, "call() {");
    text.line(4, "curl --fail-with-body --silent --show-error --request \"$1\" \\");
    text.line(8, "--header @<(printf 'Authorization: Bearer %s' \"$RUNPOD_API_KEY\") \\");
    text.line(8, "--header 'Content-Type: application/json' ${3:+--data \"$3\"} \\");
    text.line(8, "\"https://api.runpod.io/v2/$2\"");
    text.line(0, "}").gap();
}

fn what_runs(text: &mut Text, launch: &Launch) {
    let image = match &launch.what {
        What::Serve(it) => &it.image,
        What::Own(it) => &it.image,
        What::Train(it) => &it.image,
    };
    text.line(0, &format!("image={}", sh(image)));
    match &launch.what {
        What::Serve(serve) => {
            script::model(text, serve);
            script::arguments(text, "args", &serve.flags());
            text.line(0, "args=(\"$model\" \"${args[@]}\")");
        }
        What::Own(_) => {
            text.line(0, "args=()");
        }
        What::Train(train) => {
            script::arguments(text, "args", &torchrun(train));
            text.note(0, "Your program, and what it is told.");
            text.line(0, &format!("args=(torchrun \"${{args[@]}}\" {})", train.script.join(" ")));
        }
    }
    text.gap();
    environment(text, launch);
}

/// The environment as one object of JSON.
fn environment(text: &mut Text, launch: &Launch) {
    let mut flags = Vec::new();
    for (name, value, why) in parts::environment(launch) {
        let value = value.unwrap_or_else(|| "{{ RUNPOD_SECRET_huggingface }}".to_owned());
        flags.push(Flag { name: "--arg", value: Some(format!("{name} {}", sh(&value))), why });
    }
    if let (Some(port), Fleet::Scaled(_)) = (port(launch), &launch.fleet) {
        let why = "the port that requests and health checks go to; vLLM answers /ping too";
        for name in ["PORT", "PORT_HEALTH"] {
            flags.push(Flag {
                name: "--arg",
                value: Some(format!("{name} {port}")),
                why: why.to_owned(),
            });
        }
    }
    text.line(0, "environment=$(");
    text.line(4, "words=(");
    for flag in &flags {
        text.note(8, &flag.why);
        text.line(8, &format!("{} {}", flag.name, flag.value.as_deref().unwrap_or_default()));
    }
    text.line(4, ")");
    text.line(4, "jq --null-input \"${words[@]}\" '$ARGS.named'");
    text.line(0, ")").gap();
}

fn port(launch: &Launch) -> Option<u16> {
    match &launch.what {
        What::Serve(it) => Some(it.port),
        What::Own(it) => Some(it.port),
        What::Train(_) => None,
    }
}

/// What every body has: `--arg` words and the fields made of them.
fn common(text: &mut Text, launch: &Launch) {
    text.line(
        4,
        &format!(
            "--arg name {} --arg image \"$image\" --arg args \"${{args[*]}}\" \\",
            sh(launch.slug())
        ),
    );
    text.line(4, "--argjson env \"$environment\" \\");
}

fn ports(launch: &Launch) -> String {
    port(launch).map_or_else(String::new, |it| format!("ports: [\"{it}/http\"], "))
}

/// Gigabytes of the container: weights of all GPUs, and the image's own needs.
fn disk_gb(launch: &Launch) -> u32 {
    let weights = match &launch.what {
        What::Serve(it) => {
            it.replica.weights_bytes_per_gpu().to_f64() * f64::from(launch.gpus_per_replica) / 1e9
        }
        What::Own(_) | What::Train(_) => 60.0,
    };
    super::super::whole((weights * 1.2 + DISK_GB) / 10.0) * 10
}

fn args_field(launch: &Launch) -> &'static str {
    if matches!(launch.what, What::Own(_)) { "" } else { "args: $args, " }
}

fn cuda(launch: &Launch) -> String {
    let version = launch.image.as_ref().and_then(|it| it.toolkit.strip_prefix("CUDA "));
    let short = version.map(|it| it.split('.').take(2).collect::<Vec<_>>().join("."));
    short.map_or_else(String::new, |it| format!(", minCudaVersion: \"{it}\""))
}

fn pods(text: &mut Text, launch: &Launch, gpu: &str) {
    let (n, count) = match &launch.what {
        What::Train(it) => (1, it.gpus_per_node),
        _ => (launch.fleet.most().max(1), launch.place.gpus_per_instance),
    };
    let cloud = match launch.place.instance_type.as_deref() {
        Some(it) if it.ends_with("COMMUNITY") => "COMMUNITY",
        _ => "SECURE",
    };
    text.line(0, "case ${1:-create} in").line(0, "create)");
    if matches!(launch.fleet, Fleet::Fixed { instances: 0 }) {
        text.note(4, "The advice is to stop it: this is how it would run again.");
    }
    text.note(4, &format!("{count} x {} a pod: an instance of the plan.", launch.gpu.name));
    text.line(4, "body=$(jq --null-input \\");
    let mut inner = Text::new();
    common(&mut inner, launch);
    text.lines(4, &inner.done());
    text.line(8, &format!(
        "'{{name: $name, image: $image, {}env: $env, {}disk: {}, cloud: \"{cloud}\", gpu: {{id: \"{gpu}\", count: {count}{}}}}}')",
        args_field(launch), ports(launch), disk_gb(launch), cuda(launch)
    ));
    text.line(4, &format!("for ((pod = 1; pod <= {n}; pod++)); do"));
    text.line(8, "call POST pods \"$body\" | jq --raw-output .id").line(4, "done").line(4, ";;");
    text.note(0, "With the id of a pod, as create printed it. A stopped pod costs its disk only.");
    text.line(0, "start | stop | terminate)");
    text.line(4, "call POST \"pods/${2:?name a pod}/action\" \"{\\\"action\\\": \\\"$1\\\"}\"")
        .line(4, ";;");
    text.line(0, "*)").line(4, "echo 'use: create, start POD, stop POD or terminate POD' >&2");
    text.line(4, "exit 2").line(4, ";;").line(0, "esac");
}

/// The pool of the GPU, without the others that are in it.
fn pool(launch: &Launch) -> Result<String, LaunchError> {
    let pool = launch.names.as_ref().and_then(|it| it.runpod_pool.as_deref()).ok_or_else(|| {
        LaunchError::CannotExpress {
            target: Target::Runpod,
            what: format!("RunPod has no serverless {}, as far as is known", launch.gpu.name),
            instead: "use another --target".to_owned(),
        }
    })?;
    let others: Vec<String> = launch.pool_others.iter().map(|it| format!("\"{it}\"")).collect();
    let excluded = if others.is_empty() {
        String::new()
    } else {
        format!(", excludedTypes: [{}]", others.join(", "))
    };
    Ok(format!("pools: [\"{pool}\"]{excluded}"))
}

/// Requests that one worker serves at once.
fn slots(launch: &Launch) -> u32 {
    match &launch.what {
        What::Serve(it) => it.replica.memory.max_num_seqs,
        What::Own(it) => it.slots.unwrap_or(1),
        What::Train(_) => 1,
    }
}

fn endpoint(text: &mut Text, launch: &Launch, scaled: &Scaled) -> Result<(), LaunchError> {
    if scaled.rule == "queue_delay" {
        return Err(LaunchError::CannotExpress {
            target: Target::Runpod,
            what: "the plan starts workers by their delay in the queue, and a server with an API of its own has no queue there".to_owned(),
            instead: "run analyze with the scaler request_count for this platform, or wrap the server as a queue worker".to_owned(),
        });
    }
    let pool = pool(launch)?;
    let target = super::super::whole(scaled.target.unwrap_or(f64::from(slots(launch)))).max(1);
    let least = scaled.least.map_or_else(String::new, |it| format!("min: {it}, "));
    let idle = scaled
        .idle_timeout_s
        .map_or_else(String::new, |it| format!(", idleTimeout: {}", it.clamp(IDLE_S.0, IDLE_S.1)));
    text.line(0, "case ${1:-create} in").line(0, "create)");
    text.note(4, &format!("A pool without its other GPUs: {} is what was sized.", launch.gpu.name));
    text.note(
        4,
        "workers: least and most of the plan, and the seconds one stays after its last request.",
    );
    text.note(4, "scaling: requests a worker that the rule of the plan aims at. timeout: milliseconds of a request, a start and a whole answer.");
    text.line(4, "body=$(jq --null-input \\");
    let mut inner = Text::new();
    common(&mut inner, launch);
    text.lines(4, &inner.done());
    text.line(
        8,
        &format!(
            "'{{name: $name, type: \"LOAD_BALANCER\", image: $image, {}env: $env, {}disk: {},",
            args_field(launch),
            ports(launch),
            disk_gb(launch)
        ),
    );
    text.line(9, &format!("gpu: {{{pool}, count: {}{}}},", launch.gpus_per_replica, cuda(launch)));
    text.line(9, &format!("workers: {{{least}max: {}{idle}}},", scaled.most));
    text.line(
        9,
        &format!(
            "scaling: {{type: \"REQUEST_COUNT\", requestCount: {target}}}, timeout: {}}}')",
            (u64::from(launch.start_s) + u64::from(launch.drain_s)) * 1_000
        ),
    );
    text.line(4, "call POST serverless \"$body\" | jq --raw-output .id").line(4, ";;");
    text.note(0, "With the id of the endpoint, as create printed it: no worker any more.");
    text.line(0, "stop)");
    text.line(4, "call PATCH \"serverless/${2:?name an endpoint}\" '{\"workers\": {\"min\": 0, \"max\": 0}}'").line(4, ";;");
    text.line(0, "*)").line(4, "echo 'use: create or stop ENDPOINT' >&2").line(4, "exit 2");
    text.line(4, ";;").line(0, "esac");
    Ok(())
}
