//! A batch script of Slurm: one task of an array for each replica, or one job for a training run.

use super::super::quote::sh;
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, Own, Serve, Train, What};
use super::shell::torchrun;
use super::{Target, parts, script};
use crate::deploy::launch::flag::Flag;

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    parts::only_fixed(launch, Target::Slurm)?;
    let mut text = Text::new();
    text.line(0, "#!/usr/bin/env bash");
    match &launch.what {
        What::Serve(it) => serving(&mut text, launch, it),
        What::Train(it) => training(&mut text, launch, it),
        What::Own(it) => own(&mut text, launch, it)?,
    }
    Ok(text.done())
}

fn directive(text: &mut Text, words: &str) {
    text.line(0, &format!("#SBATCH {words}"));
}

/// The head of a job of which every replica is one task.
fn replicas(text: &mut Text, launch: &Launch, ends_s: u32) {
    let replicas = launch.fleet.most().max(1) * launch.copies();
    directive(text, &format!("--job-name={}", launch.slug()));
    directive(text, "--nodes=1");
    directive(text, "--ntasks=1");
    directive(text, &format!("--gpus={}", launch.gpus_per_replica));
    directive(text, &format!("--array=0-{}", replicas - 1));
    directive(text, "--requeue");
    directive(text, &format!("--signal=B:TERM@{}", ends_s + 30));
    directive(text, "--output=%x-%A_%a.log");
    directive(text, "--open-mode=append");
    parts::head(text, launch);
    let name = launch.slug();
    if matches!(launch.fleet, Fleet::Scheduled { .. }) {
        let copies = launch.copies();
        parts::timetable(text, launch, &|instance, on| {
            if on {
                let before = (instance - 1) * copies;
                format!(
                    "sbatch --job-name={name}-{instance} --array=0-{} --export=ALL,PORT_OFFSET={before} THIS.sbatch",
                    copies - 1
                )
            } else {
                format!("scancel --full --signal=TERM --name={name}-{instance}")
            }
        });
    }
    if matches!(launch.fleet, Fleet::Fixed { instances: 0 }) {
        text.note(0, &format!("Stop what runs: scancel --full --signal=TERM --name={name}"));
    }
    text.line(0, "#");
    text.note(0, &format!("One task of the array for each replica, on nodes with {}: add the --partition, --gres or --constraint of your site, and its longest --time.", launch.gpu.name));
    text.note(0, &format!("--signal: so long before its end the job is told, and {ends_s} s of it are for requests in progress."));
    text.line(0, "set -euo pipefail").gap();
}

fn serving(text: &mut Text, launch: &Launch, serve: &Serve) {
    replicas(text, launch, serve.shutdown_s);
    script::model(text, serve);
    environment(text, launch);
    text.note(0, "Replicas on one node have ports of their own.");
    text.line(
        0,
        &format!("port=$(({} + ${{PORT_OFFSET:-0}} + ${{SLURM_ARRAY_TASK_ID:-0}}))", serve.port),
    )
    .gap();
    parts::installed(text, launch);
    let flags: Vec<Flag> = serve.flags().into_iter().filter(|it| it.name != "--port").collect();
    script::arguments(text, "args", &flags);
    text.gap();
    text.note(0, "The server in the background, so that the signal reaches this script, which passes it on and waits.");
    text.line(0, "srun vllm serve \"$model\" \"${args[@]}\" --port \"$port\" &");
    text.line(0, "server=$!");
    text.line(0, "trap 'kill -TERM \"$server\"' TERM");
    text.line(0, "echo \"http://$(hostname):$port\"");
    text.line(0, "wait \"$server\" || wait \"$server\"");
}

fn own(text: &mut Text, launch: &Launch, own: &Own) -> Result<(), LaunchError> {
    replicas(text, launch, launch.drain_s);
    environment(text, launch);
    text.note(0, &format!("Serves on port {}, as far as the plan knows.", own.port));
    let program = launch.program_of(own, Target::Slurm)?;
    text.line(0, &format!("exec srun {}", program.join(" ")));
    Ok(())
}

fn environment(text: &mut Text, launch: &Launch) {
    for (name, value, why) in parts::environment(launch) {
        if let Some(value) = value {
            text.note(0, &why);
            text.line(0, &format!("export {name}={}", sh(&value)));
        } else {
            script::required(text, name, &format!("{why}; sbatch passes the environment on"));
        }
    }
}

fn training(text: &mut Text, launch: &Launch, train: &Train) {
    directive(text, &format!("--job-name={}", launch.slug()));
    directive(text, &format!("--nodes={}", train.nodes));
    directive(text, "--ntasks-per-node=1");
    directive(text, &format!("--gpus-per-node={}", train.gpus_per_node));
    directive(text, "--exclusive");
    directive(text, "--requeue");
    directive(text, "--signal=B:TERM@300");
    directive(text, "--output=%x-%j.log");
    directive(text, "--open-mode=append");
    parts::head(text, launch);
    text.line(0, "#");
    text.note(0, &format!("On nodes with {}: add the --partition, --gres or --constraint of your site, and its longest --time.", launch.gpu.name));
    text.note(0, "--signal: the job is told 300 s before its end, to write a last checkpoint; --requeue starts it again.");
    text.line(0, "set -euo pipefail").gap();
    environment(text, launch);
    text.gap();
    script::arguments(text, "args", &torchrun(train));
    if train.nodes > 1 {
        text.note(0, "All nodes meet at the first of them.");
        text.line(0, "first=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)");
        text.line(0, "args+=(--rdzv-id \"$SLURM_JOB_ID\" --rdzv-endpoint \"$first:29500\")");
    }
    text.gap();
    text.note(0, "Your program, and what it is told.");
    text.line(0, &format!("program=({})", train.script.join(" "))).gap();
    text.line(0, "srun torchrun \"${args[@]}\" \"${program[@]}\" &");
    text.line(0, "job=$!");
    text.line(0, "trap 'kill -TERM \"$job\"' TERM");
    text.line(0, "wait \"$job\" || wait \"$job\"");
}
