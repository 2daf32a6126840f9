//! A script that runs the plan's container on a host with `docker run`.

use super::super::quote::sh;
use super::super::text::Text;
use super::super::{Launch, LaunchError, Serve, What};
use super::shell::{switch, torchrun};
use super::{Target, parts, script};
use crate::catalog::Vendor;
use crate::deploy::launch::flag::Flag;

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    parts::only_fixed(launch, Target::Docker)?;
    let mut text = Text::new();
    text.line(0, "#!/usr/bin/env bash");
    parts::head(&mut text, launch);
    parts::timetable(&mut text, launch, &parts::switch_instance(launch));
    text.line(0, "set -euo pipefail").gap();
    image(&mut text, launch);
    if let What::Serve(serve) = &launch.what {
        script::model(&mut text, serve);
    }
    for (name, _, why) in parts::environment(launch).iter().filter(|it| it.1.is_none()) {
        script::required(&mut text, name, why);
    }
    replica(&mut text, launch);
    text.gap();
    script::arguments(&mut text, "container", &container(launch));
    let command = command(launch);
    if !command.is_empty() {
        text.gap();
        script::arguments(&mut text, "args", &command);
    }
    text.gap();
    words(&mut text, launch, !command.is_empty());
    Ok(text.done())
}

fn image(text: &mut Text, launch: &Launch) {
    let reference = match &launch.what {
        What::Serve(it) => &it.image,
        What::Own(it) => &it.image,
        What::Train(it) => &it.image,
    };
    if let Some(known) = &launch.image {
        let driver = known
            .min_driver
            .as_deref()
            .map_or_else(String::new, |it| format!(", made for driver {it} and later"));
        text.note(0, &format!("{}, {}{driver}", known.version, known.toolkit));
    }
    text.line(0, &format!("image={}", sh(reference)));
}

/// Which GPUs and which port a replica has, where an instance hosts several.
fn replica(text: &mut Text, launch: &Launch) {
    let copies = launch.copies();
    let name = launch.slug();
    if copies == 1 || matches!(launch.what, What::Train(_)) {
        text.line(0, &format!("name={name}"));
        return;
    }
    text.note(
        0,
        &format!(
            "An instance hosts {copies} replicas: run this once for each, with REPLICA=0 to {}.",
            copies - 1
        ),
    );
    text.line(0, "replica=${REPLICA:-0}");
    text.line(0, &parts::device_list(launch));
    text.line(0, &format!("name={name}-$replica"));
}

/// The flags of `docker run`.
fn container(launch: &Launch) -> Vec<Flag> {
    let mut flags = gpus(launch);
    flags.push(switch(
        "--ipc=host",
        "GPUs of one replica and workers that load data share memory; the default of 64 MB is too small",
    ));
    for (name, value, why) in parts::environment(launch) {
        flags.push(match value {
            Some(value) => Flag::new("--env", format!("{name}={value}"), why),
            None => Flag::new("--env", name, "its value comes from the environment of this script"),
        });
    }
    match &launch.what {
        What::Serve(it) => flags.extend(serving(launch, it)),
        What::Own(it) => {
            if launch.copies() == 1 {
                flags.push(published(it.port));
            }
            flags.push(Flag::new(
                "--stop-timeout",
                launch.drain_s,
                "requests in progress end before it is killed",
            ));
        }
        What::Train(_) => {
            flags.push(Flag::new(
                "--volume",
                ".:/workspace/job",
                "your program, and its checkpoints",
            ));
            flags.push(Flag::new("--workdir", "/workspace/job", "where it runs"));
            return flags;
        }
    }
    let why = "it comes back with the instance, unless it was stopped by hand";
    flags.push(Flag::new("--restart", "unless-stopped", why));
    flags
}

fn gpus(launch: &Launch) -> Vec<Flag> {
    if launch.gpu.vendor == Vendor::Amd {
        return vec![
            Flag::new("--device", "/dev/kfd", "the compute interface of AMD GPUs"),
            Flag::new("--device", "/dev/dri", "the GPUs themselves"),
            Flag::new("--group-add", "video", "who may open them"),
        ];
    }
    let (each, all) = (launch.gpus_per_replica, launch.place.gpus_per_instance);
    match launch.copies() {
        1 if each >= all => vec![Flag::new("--gpus", "all", "every GPU of the instance")],
        1 => vec![Flag::new("--gpus", each, format!("of the {all} GPUs of the instance"))],
        // Each replica has its own, by number.
        _ => Vec::new(),
    }
}

fn published(port: u16) -> Flag {
    Flag::new(
        "--publish",
        format!("{port}:{port}"),
        "where it is served, for every machine that reaches this one",
    )
}

fn serving(launch: &Launch, it: &Serve) -> Vec<Flag> {
    let mut flags =
        vec![Flag::new("--env", "VLLM_API_KEY", "where it is set, every request must carry it")];
    if launch.copies() == 1 {
        flags.push(published(it.port));
    }
    flags.extend([
        Flag::new(
            "--volume",
            "gpuadvise-huggingface:/root/.cache/huggingface",
            "weights are downloaded once, not at every start",
        ),
        Flag::new("--volume", "gpuadvise-vllm:/root/.cache/vllm", "compiled graphs too"),
        Flag::new(
            "--health-cmd",
            format!("curl --fail --silent http://127.0.0.1:{}/health", it.port),
            "it is healthy once the model is loaded",
        ),
        Flag::new("--health-interval", "10s", "asked so often"),
        Flag::new(
            "--health-start-period",
            format!("{}s", launch.start_s),
            "a start may take so long",
        ),
        Flag::new(
            "--stop-timeout",
            it.shutdown_s + 30,
            "requests in progress end before it is killed",
        ),
    ]);
    flags
}

/// What the container runs, after its image.
fn command(launch: &Launch) -> Vec<Flag> {
    match &launch.what {
        What::Serve(it) => it.flags(),
        What::Own(_) => Vec::new(),
        What::Train(it) => torchrun(it),
    }
}

fn words(text: &mut Text, launch: &Launch, has_command: bool) {
    let args = if has_command { " \"${args[@]}\"" } else { "" };
    let several = launch.copies() > 1;
    match &launch.what {
        What::Train(train) => {
            text.note(0, "Your program, and what it is told.");
            text.line(0, &format!("program=({})", train.script.join(" ")));
            text.line(0, &format!("exec docker run --rm --name \"$name\" \"${{container[@]}}\" \"$image\" torchrun{args} \"${{program[@]}}\""));
        }
        What::Serve(it) => {
            let (port, more) = if several {
                (format!("$(({} + replica))", it.port), replica_flags(launch, it.port))
            } else {
                (it.port.to_string(), String::new())
            };
            text.line(0, "case ${1:-start} in");
            text.line(0, "start)");
            text.line(
                4,
                &format!("docker run --detach --name \"$name\" \"${{container[@]}}\"{more} \\"),
            );
            text.line(8, &format!("\"$image\" \"$model\"{args}"));
            text.line(4, ";;");
            script::wait(text, launch, &port);
            stop(text);
        }
        What::Own(it) => {
            let more = if several { replica_flags(launch, it.port) } else { String::new() };
            text.line(0, "case ${1:-start} in");
            text.line(0, "start)");
            text.line(
                4,
                &format!(
                    "docker run --detach --name \"$name\" \"${{container[@]}}\"{more} \"$image\""
                ),
            );
            text.line(4, ";;");
            text.line(0, "wait)");
            text.note(
                4,
                "Ready when its port is open: what else it answers this plan does not know.",
            );
            text.line(4, &format!("timeout {} bash -c 'until (: </dev/tcp/127.0.0.1/{}) 2>/dev/null; do sleep 5; done'", launch.start_s, it.port));
            text.line(4, ";;");
            stop(text);
        }
    }
}

fn replica_flags(launch: &Launch, port: u16) -> String {
    let devices = match launch.gpu.vendor {
        Vendor::Amd => format!("--env \"{}=${{devices[$replica]}}\"", parts::visible(launch)),
        _ => "--gpus \"\\\"device=${devices[$replica]}\\\"\"".to_owned(),
    };
    format!(" {devices} --publish \"$(({port} + replica)):{port}\"")
}

fn stop(text: &mut Text) {
    text.line(0, "stop)");
    text.line(4, "docker stop \"$name\"");
    text.line(4, "docker rm \"$name\"");
    text.line(4, ";;");
    script::otherwise(text);
}
