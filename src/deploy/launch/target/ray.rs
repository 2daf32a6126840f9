//! An application of Ray Serve for what serves, a program of Ray Train for what trains.

use super::super::quote::{json, yaml};
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, Serve, Train, What};
use super::{Target, parts};

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    match &launch.what {
        What::Serve(serve) => serving(launch, serve),
        What::Train(train) => Ok(training(launch, train)),
        What::Own(own) => Err(LaunchError::CannotExpress {
            target: Target::Ray,
            what: format!("Ray Serve runs applications in Python, and {} is an image", own.image),
            instead: "use --target docker, compose, kubernetes or runpod".to_owned(),
        }),
    }
}

fn serving(launch: &Launch, serve: &Serve) -> Result<String, LaunchError> {
    if let Fleet::Scaled(scaled) = &launch.fleet {
        parts::by_requests(scaled, Target::Ray)?;
    }
    let Some(checkpoint) = &serve.checkpoint else {
        return Err(LaunchError::CannotExpress {
            target: Target::Ray,
            what: format!(
                "its file takes no name from the environment, and {} is to be served",
                serve.asks_checkpoint().unwrap_or("a checkpoint")
            ),
            instead: "name it with --checkpoint ORGANIZATION/NAME".to_owned(),
        });
    };
    let mut text = Text::new();
    parts::head(&mut text, launch);
    let name = launch.slug();
    parts::changing(&mut text, launch, &|n| match n {
        0 => format!("python -c 'from ray import serve; serve.delete(\"{name}\")'"),
        n => format!(
            "sed 's/num_replicas: .*/num_replicas: {n}/' THIS.yaml >{name}.now.yaml && serve deploy {name}.now.yaml"
        ),
    });
    text.line(0, "#");
    text.note(
        0,
        &format!("Start: serve deploy THIS.yaml, on a cluster whose nodes run {}.", serve.image),
    );
    text.note(
        0,
        &format!(
            "Its vLLM is {}: the memory below was sized for that version.",
            serve.deployment.engine
        ),
    );
    if serve.is_gated {
        text.note(
            0,
            &format!(
                "{} is gated: the nodes have HF_TOKEN in their environment, from a secret.",
                serve.model
            ),
        );
    }
    text.line(0, "applications:");
    text.line(2, &format!("- name: {}", yaml(name)));
    text.line(4, "route_prefix: /").line(4, "import_path: ray.serve.llm:build_openai_app");
    text.line(4, "args:").line(6, "llm_configs:");
    text.line(8, "- model_loading_config:");
    text.note(14, "The name clients ask for stays, whatever the checkpoint is called.");
    text.line(14, &format!("model_id: {}", json(&serve.model)));
    text.line(14, &format!("model_source: {}", json(checkpoint)));
    if let Some(accelerator) = launch.names.as_ref().and_then(|it| it.ray.as_deref()) {
        text.note(10, "The GPU that was sized.");
        text.line(10, &format!("accelerator_type: {}", json(accelerator)));
    }
    text.line(10, "engine_kwargs:");
    let here = ["--served-model-name", "--port", "--shutdown-timeout"];
    for flag in serve.flags().iter().filter(|it| !here.contains(&it.name)) {
        text.note(12, &flag.why);
        let key = flag.name.trim_start_matches('-').replace('-', "_");
        text.line(12, &format!("{key}: {}", value(flag.value.as_deref())));
    }
    deployment(&mut text, launch, serve);
    runtime(&mut text, launch);
    Ok(text.done())
}

/// A value as YAML reads it: numbers as numbers.
fn value(text: Option<&str>) -> String {
    match text {
        None => "true".to_owned(),
        Some(it) if it.parse::<f64>().is_ok() => it.to_owned(),
        Some(it) => yaml(it),
    }
}

fn deployment(text: &mut Text, launch: &Launch, serve: &Serve) {
    let copies = launch.copies();
    text.line(10, "deployment_config:");
    text.note(12, "Requests at once in the simulated plan; others wait.");
    text.line(12, &format!("max_ongoing_requests: {}", serve.replica.memory.max_num_seqs));
    text.note(12, "Requests in progress end before a replica goes.");
    text.line(12, &format!("graceful_shutdown_timeout_s: {}", serve.shutdown_s));
    match &launch.fleet {
        Fleet::Fixed { instances } => {
            text.line(12, &format!("num_replicas: {}", (*instances).max(1) * copies));
        }
        Fleet::Scheduled { least, .. } => {
            text.note(12, "The least of the week; the lines above set it by the hour.");
            text.line(12, &format!("num_replicas: {}", (*least).max(1) * copies));
        }
        Fleet::Jobs => {
            text.line(12, "num_replicas: 1");
        }
        Fleet::Scaled(scaled) => {
            let slots = f64::from(serve.replica.memory.max_num_seqs);
            let target = scaled.target.map_or(slots, |it| it / f64::from(copies)).max(1.0);
            text.line(12, "autoscaling_config:");
            text.note(14, "Least and most of the plan; where its least is not known, one.");
            text.line(14, &format!("min_replicas: {}", scaled.least.unwrap_or(1) * copies));
            text.line(14, &format!("max_replicas: {}", scaled.most * copies));
            text.note(
                14,
                &format!(
                    "Requests a replica at which the rule `{}` of the plan aims.",
                    scaled.rule
                ),
            );
            text.line(14, &format!("target_ongoing_requests: {target}"));
            if let Some(idle_s) = scaled.idle_timeout_s {
                text.note(14, "The idle timeout of the plan.");
                text.line(14, &format!("downscale_delay_s: {idle_s}"));
            }
        }
    }
}

fn runtime(text: &mut Text, launch: &Launch) {
    let known: Vec<_> =
        parts::environment(launch).into_iter().filter(|it| it.1.is_some()).collect();
    if known.is_empty() {
        return;
    }
    text.line(10, "runtime_env:").line(12, "env_vars:");
    for (name, value, why) in known {
        text.note(14, &why);
        text.line(14, &format!("{name}: {}", json(&value.unwrap_or_default())));
    }
}

/// A program with a `TorchTrainer`, which calls the training function of the user's own module.
fn training(launch: &Launch, train: &Train) -> String {
    let mut text = Text::new();
    parts::head(&mut text, launch);
    text.line(0, "#");
    text.note(0, &format!("Start: ray job submit --working-dir . -- python THIS.py, on a cluster whose nodes run {}.", train.image));
    text.note(0, "Your module has `train_loop(config)`, which calls ray.train.report(metrics, checkpoint=...) every checkpoint_interval_s.");
    text.line(0, "import os").gap();
    text.line(0, "from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig");
    text.line(0, "from ray.train.torch import TorchTrainer").gap();
    let module = train.script.first().map_or("train", String::as_str);
    let module =
        module.rsplit('/').next().unwrap_or(module).trim_end_matches(".py").replace('-', "_");
    text.line(0, &format!("from {module} import train_loop")).gap();
    text.line(0, "environment = {");
    for (name, value, why) in
        parts::environment(launch).into_iter().filter(|it| it.0 != "CHECKPOINT_INTERVAL_S")
    {
        text.note(4, &why);
        text.line(4, &format!("{}: {},", json(name), json(&value.unwrap_or_default())));
    }
    text.line(0, "}").gap();
    text.line(0, "trainer = TorchTrainer(").line(4, "train_loop,");
    text.note(4, &format!("Seconds between checkpoints: {}.", train.checkpoint.1));
    text.line(
        4,
        &format!("train_loop_config={{\"checkpoint_interval_s\": {}}},", train.checkpoint.0),
    );
    text.line(4, "scaling_config=ScalingConfig(");
    text.note(8, "One worker for each GPU.");
    text.line(8, &format!("num_workers={},", train.gpus())).line(8, "use_gpu=True,");
    if let Some(accelerator) = launch.names.as_ref().and_then(|it| it.ray.as_deref()) {
        text.line(8, &format!("accelerator_type={},", json(accelerator)));
    }
    text.line(4, "),").line(4, "run_config=RunConfig(");
    text.line(8, &format!("name={},", json(launch.slug())));
    text.note(8, "Where checkpoints go: a path or bucket that every node can write.");
    text.line(8, "storage_path=os.environ[\"RAY_STORAGE_PATH\"],");
    let (failures, why) = if train.is_spot {
        (-1, "As often as instances are taken away, which has no limit.")
    } else {
        (3, "Failures of the program before the job has failed.")
    };
    text.note(8, why);
    text.line(8, &format!("failure_config=FailureConfig(max_failures={failures}),"));
    text.line(8, "checkpoint_config=CheckpointConfig(num_to_keep=3),");
    text.line(8, "worker_runtime_env={\"env_vars\": environment},");
    text.line(4, "),").line(0, ")").gap();
    text.line(0, "result = trainer.fit()").line(0, "print(result.checkpoint)");
    text.done()
}
