//! A script that runs the plan on a host itself: vLLM or torchrun without a container.

use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, Serve, Train, What};
use super::Target;
use super::{parts, script};
use crate::deploy::launch::flag::Flag;

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    parts::only_fixed(launch, Target::Shell)?;
    let mut text = Text::new();
    text.line(0, "#!/usr/bin/env bash");
    parts::head(&mut text, launch);
    parts::timetable(&mut text, launch, &parts::switch_instance(launch));
    if matches!(launch.fleet, Fleet::Scheduled { .. }) {
        text.note(
            0,
            "On each instance, so that the server starts with it, in crontab -e there: @reboot bash THIS.sh, with what it needs from the environment.",
        );
    }
    text.line(0, "set -euo pipefail").gap();
    match &launch.what {
        What::Serve(serve) => serving(&mut text, launch, serve),
        What::Own(own) => {
            environment(&mut text, launch);
            text.note(0, &format!("Serves on port {}, as far as the plan knows.", own.port));
            let program = launch.program_of(own, Target::Shell)?;
            text.line(0, &format!("exec {}", program.join(" ")));
        }
        What::Train(train) => training(&mut text, launch, train),
    }
    Ok(text.done())
}

fn serving(text: &mut Text, launch: &Launch, serve: &Serve) {
    let copies = launch.copies();
    script::model(text, serve);
    text.gap();
    environment(text, launch);
    if copies > 1 {
        text.note(0, &format!("An instance hosts {copies} replicas: run this once for each, with REPLICA=0 to {}.", copies - 1));
        text.line(0, "replica=${REPLICA:-0}");
        text.line(0, &parts::device_list(launch));
        text.line(0, &format!("export {}=${{devices[$replica]}}", parts::visible(launch)));
        text.line(0, &format!("port=$(({} + replica))", serve.port));
    } else {
        text.line(0, &format!("port={}", serve.port));
    }
    text.gap();
    parts::installed(text, launch);
    let flags: Vec<Flag> = serve.flags().into_iter().filter(|it| it.name != "--port").collect();
    script::arguments(text, "args", &flags);
    let name = launch.slug();
    let replica = if copies > 1 { "-$replica" } else { "" };
    text.line(0, &format!("pid=${{XDG_RUNTIME_DIR:-/tmp}}/{name}{replica}.pid")).gap();
    text.line(0, "case ${1:-start} in");
    text.line(0, "start)");
    text.line(4, "echo \"$$\" >\"$pid\"");
    text.line(4, "exec vllm serve \"$model\" \"${args[@]}\" --port \"$port\"");
    text.line(4, ";;");
    script::wait(text, launch, "$port");
    text.line(0, "stop)");
    text.note(4, &format!("Requests in progress have {} s to end.", serve.shutdown_s));
    text.line(4, "kill -TERM \"$(<\"$pid\")\"");
    text.line(4, ";;");
    script::otherwise(text);
}

fn environment(text: &mut Text, launch: &Launch) {
    for (name, value, why) in parts::environment(launch) {
        if let Some(value) = value {
            text.note(0, &why);
            text.line(0, &format!("export {name}={}", super::super::quote::sh(&value)));
        } else {
            script::required(text, name, &why);
            text.line(0, &format!("export {name}"));
        }
    }
}

fn training(text: &mut Text, launch: &Launch, train: &Train) {
    environment(text, launch);
    text.gap();
    script::arguments(text, "args", &torchrun(train));
    text.gap();
    text.note(0, "Your program, and what it is told.");
    text.line(0, &format!("program=({})", train.script.join(" ")));
    text.gap();
    text.line(0, "exec torchrun \"${args[@]}\" \"${program[@]}\"");
}

/// The flags of torchrun.
pub(super) fn torchrun(train: &Train) -> Vec<Flag> {
    let each = match train.gpus_per_node {
        1 => "one process for the GPU of a node".to_owned(),
        n => format!("one process for each of the {n} GPUs of a node"),
    };
    if train.nodes == 1 {
        return vec![
            switch("--standalone", "one node: its processes find each other by themselves"),
            Flag::new("--nproc-per-node", train.gpus_per_node, each),
            Flag::new(
                "--max-restarts",
                restarts(train),
                "a failed process starts all of them again from the last checkpoint, so often",
            ),
        ];
    }
    vec![
        Flag::new("--nnodes", train.nodes, "all nodes of the job"),
        Flag::new("--nproc-per-node", train.gpus_per_node, each),
        Flag::new(
            "--max-restarts",
            restarts(train),
            "a failed process starts all of them again from the last checkpoint, so often",
        ),
        Flag::new("--rdzv-backend", "c10d", "the nodes find each other at the first of them"),
    ]
}

/// How often a job starts again by itself: on spot as often as it must.
const fn restarts(train: &Train) -> u32 {
    if train.is_spot { 100 } else { 3 }
}

pub(super) fn switch(name: &'static str, why: &str) -> Flag {
    Flag { name, value: None, why: why.to_owned() }
}
