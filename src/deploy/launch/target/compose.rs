//! A file for Docker Compose: one service for each replica that an instance hosts.

use super::super::quote::{json, yaml};
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, What};
use super::shell::torchrun;
use super::{Target, parts};
use crate::catalog::Vendor;

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    parts::only_fixed(launch, Target::Compose)?;
    let mut text = Text::new();
    parts::head(&mut text, launch);
    parts::timetable(&mut text, launch, &parts::switch_instance(launch));
    text.line(0, "#");
    text.note(0, "Start: docker compose --file THIS up --detach --wait. Stop: docker compose --file THIS down.");
    text.line(0, &format!("name: {}", yaml(launch.slug()))).gap();
    text.line(0, "services:");
    let copies = if matches!(launch.what, What::Train(_)) { 1 } else { launch.copies() };
    for copy in 0..copies {
        let name = if copies == 1 { "server".to_owned() } else { format!("server-{copy}") };
        service(&mut text, launch, &name, copy);
    }
    if matches!(launch.what, What::Serve(_)) {
        text.gap();
        text.note(0, "Weights and compiled graphs stay when a container goes.");
        text.line(0, "volumes:").line(2, "huggingface:").line(2, "vllm:");
    }
    Ok(text.done())
}

fn service(text: &mut Text, launch: &Launch, name: &str, copy: u32) {
    text.line(2, &format!("{name}:"));
    let image = match &launch.what {
        What::Serve(it) => &it.image,
        What::Own(it) => &it.image,
        What::Train(it) => &it.image,
    };
    text.line(4, &format!("image: {}", json(image)));
    if matches!(launch.fleet, Fleet::Fixed { instances: 0 }) {
        text.note(4, "The advice is to stop it. To run it again: docker compose --file THIS --profile again up");
        text.line(4, "profiles: [again]");
    }
    command(text, launch);
    environment(text, launch, copy);
    ports_and_health(text, launch, copy);
    match &launch.what {
        What::Train(_) => {
            text.note(4, "Your program, and its checkpoints.");
            text.line(4, "volumes:").line(6, "- .:/workspace/job");
            text.line(4, "working_dir: /workspace/job");
            text.line(4, "restart: \"no\"");
        }
        What::Serve(_) => {
            text.line(4, "volumes:");
            text.line(6, "- huggingface:/root/.cache/huggingface");
            text.line(6, "- vllm:/root/.cache/vllm");
            text.line(4, "restart: unless-stopped");
        }
        What::Own(_) => {
            text.line(4, "restart: unless-stopped");
        }
    }
    text.note(4, "GPUs of a replica share memory; the default of 64 MB is too small.");
    text.line(4, "ipc: host");
    gpus(text, launch, copy);
}

fn command(text: &mut Text, launch: &Launch) {
    match &launch.what {
        What::Serve(serve) => {
            text.line(4, "command:");
            if let Some(checkpoint) = &serve.checkpoint {
                text.line(6, &format!("- {}", json(checkpoint)));
            } else {
                let what = serve.asks_checkpoint().unwrap_or("a checkpoint");
                text.note(
                    6,
                    &format!(
                        "vLLM makes no {} of {} while it loads: name one that you have checked.",
                        serve.deployment.precision, serve.model
                    ),
                );
                text.line(6, &format!("- \"${{MODEL:?set MODEL to {what}}}\""));
            }
            for flag in serve.flags() {
                text.note(6, &flag.why);
                for word in flag.words() {
                    text.line(6, &format!("- {}", json(word)));
                }
            }
        }
        What::Own(_) => {}
        What::Train(train) => {
            text.line(4, "command:").line(6, "- torchrun");
            for flag in torchrun(train) {
                text.note(6, &flag.why);
                for word in flag.words() {
                    text.line(6, &format!("- {}", json(word)));
                }
            }
            text.note(6, "Your program, and what it is told.");
            for word in &train.script {
                text.line(6, &format!("- {}", json(word)));
            }
        }
    }
}

fn environment(text: &mut Text, launch: &Launch, copy: u32) {
    let mut all = parts::environment(launch);
    let serves = !matches!(launch.what, What::Train(_));
    if launch.gpu.vendor == Vendor::Amd && serves && launch.copies() > 1 {
        let ids: Vec<String> = parts::devices(launch, copy).iter().map(u32::to_string).collect();
        let why = "the GPUs of this replica, of all that the container sees".to_owned();
        all.push((parts::visible(launch), Some(ids.join(",")), why));
    }
    if all.is_empty() {
        return;
    }
    text.line(4, "environment:");
    for (name, value, why) in all {
        text.note(6, &why);
        match value {
            Some(value) => text.line(6, &format!("{name}: {}", json(&value))),
            None => text.line(6, &format!("{name}: ${{{name}:?is not set}}")),
        };
    }
    if matches!(launch.what, What::Serve(_)) {
        text.note(6, "Where it is set, every request must carry it.");
        text.line(6, "VLLM_API_KEY: ${VLLM_API_KEY:-}");
    }
}

fn ports_and_health(text: &mut Text, launch: &Launch, copy: u32) {
    let (port, grace) = match &launch.what {
        What::Serve(it) => (it.port, it.shutdown_s + 30),
        What::Own(it) => (it.port, launch.drain_s),
        What::Train(_) => return,
    };
    let outside = u32::from(port) + copy;
    text.line(4, "ports:").line(6, &format!("- \"{outside}:{port}\""));
    if matches!(launch.what, What::Serve(_)) {
        text.note(
            4,
            &format!("Healthy once the model is loaded, for which it has {} s.", launch.start_s),
        );
        text.line(4, "healthcheck:");
        text.line(
            6,
            &format!("test: [CMD, curl, --fail, --silent, \"http://127.0.0.1:{port}/health\"]"),
        );
        text.line(6, &format!("start_period: {}s", launch.start_s));
        text.line(6, "interval: 10s").line(6, "timeout: 5s").line(6, "retries: 3");
    }
    text.note(4, "Requests in progress end before it is killed.");
    text.line(4, &format!("stop_grace_period: {grace}s"));
}

fn gpus(text: &mut Text, launch: &Launch, copy: u32) {
    if launch.gpu.vendor == Vendor::Amd {
        text.line(4, "devices:").line(6, "- /dev/kfd").line(6, "- /dev/dri");
        text.line(4, "group_add: [video]");
        return;
    }
    text.line(4, "deploy:").line(6, "resources:").line(8, "reservations:").line(10, "devices:");
    text.line(12, "- driver: nvidia").line(14, "capabilities: [gpu]");
    if launch.copies() > 1 {
        let ids: Vec<String> =
            parts::devices(launch, copy).iter().map(|it| json(&it.to_string())).collect();
        text.line(14, &format!("device_ids: [{}]", ids.join(", ")));
    } else {
        let n = match &launch.what {
            What::Train(it) => it.gpus_per_node,
            _ => launch.gpus_per_replica,
        };
        text.line(14, &format!("count: {n}"));
    }
}
