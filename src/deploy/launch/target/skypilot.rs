//! A service of SkyServe for what serves, a task for what trains.

use super::super::quote::{json, sh, yaml};
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, Serve, Train, What};
use super::shell::torchrun;
use super::{Target, parts};

/// Providers that SkyPilot calls by another name, and those it calls as we do.
const CLOUDS: [(&str, &str); 10] = [
    ("aws", "aws"),
    ("azure", "azure"),
    ("gcp", "gcp"),
    ("lambda", "lambda"),
    ("oci", "oci"),
    ("runpod", "runpod"),
    ("vast", "vast"),
    ("nebius", "nebius"),
    ("verda", "verda"),
    ("digitalocean", "do"),
];

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    if let Fleet::Scaled(it) = &launch.fleet
        && it.least != Some(it.most)
    {
        return Err(LaunchError::CannotExpress {
            target: Target::Skypilot,
            what: "SkyServe scales by requests a second, and the plan by requests in progress"
                .to_owned(),
            instead: "use --target kubernetes, ray or runpod".to_owned(),
        });
    }
    let gpu = launch.names.as_ref().and_then(|it| it.skypilot.as_deref()).ok_or_else(|| {
        LaunchError::CannotExpress {
            target: Target::Skypilot,
            what: format!("SkyPilot has no name for {}, as far as is known", launch.gpu.name),
            instead: "use another --target".to_owned(),
        }
    })?;
    let mut text = Text::new();
    parts::head(&mut text, launch);
    let name = launch.slug();
    let given = given(launch);
    parts::changing(&mut text, launch, &|n| match n {
        0 => format!("sky serve down --yes {name}"),
        n => format!(
            "sed 's/replicas: .*/replicas: {n}/' THIS.yaml >{name}.now.yaml && (sky serve update --yes{given} {name} {name}.now.yaml || sky serve up --yes{given} --service-name {name} {name}.now.yaml)"
        ),
    });
    text.line(0, "#");
    match &launch.what {
        What::Train(it) if it.is_spot => {
            text.note(
                0,
                &format!(
                    "Start, and again after an interruption: sky jobs launch{given} THIS.yaml"
                ),
            );
        }
        What::Train(_) => {
            text.note(0, &format!("Start: sky launch --down{given} THIS.yaml, which gives the GPUs back when the job has ended."));
        }
        What::Serve(_) | What::Own(_) => {
            text.note(0, &format!("Start: sky serve up --service-name {name}{given} THIS.yaml. Its controller is a machine of its own, which costs."));
            text.note(0, &format!("Stop: sky serve down {name}"));
        }
    }
    text.line(0, &format!("name: {}", yaml(name))).gap();
    resources(&mut text, launch, gpu);
    environment(&mut text, launch);
    match &launch.what {
        What::Serve(serve) => serving(&mut text, launch, serve),
        What::Own(own) => {
            service(&mut text, launch, None);
            let program = launch.program_of(own, Target::Skypilot)?;
            text.gap().line(0, "run: |").line(2, &format!("exec {}", program.join(" ")));
        }
        What::Train(train) => training(&mut text, launch, train),
    }
    Ok(text.done())
}

/// What is passed on from where the command is typed.
fn given(launch: &Launch) -> String {
    let mut words = String::new();
    if parts::environment(launch).iter().any(|it| it.1.is_none()) {
        words.push_str(" --secret HF_TOKEN");
    }
    if matches!(&launch.what, What::Serve(it) if it.asks_checkpoint().is_some()) {
        words.push_str(" --env MODEL");
    }
    words
}

fn resources(text: &mut Text, launch: &Launch, gpu: &str) {
    let place = &launch.place;
    text.line(0, "resources:");
    let provider = place.provider.trim_end_matches("-serverless");
    match CLOUDS.iter().find(|it| it.0 == provider) {
        Some((_, cloud)) => {
            let region = place.region.as_deref().map_or_else(String::new, |it| format!("/{it}"));
            text.note(2, "Where the plan was priced.");
            text.line(2, &format!("infra: {}", json(&format!("{cloud}{region}"))));
        }
        None => {
            text.note(
                2,
                &format!(
                    "SkyPilot does not rent from {}: it takes the cheapest of the clouds you have.",
                    place.provider
                ),
            );
        }
    }
    let count = match &launch.what {
        What::Train(it) => it.gpus_per_node,
        _ => place.gpus_per_instance,
    };
    text.line(2, &format!("accelerators: {}", json(&format!("{gpu}:{count}"))));
    let image = match &launch.what {
        What::Serve(it) => &it.image,
        What::Own(it) => &it.image,
        What::Train(it) => &it.image,
    };
    text.note(2, "The image is the environment of `run` below; its own entrypoint is not used.");
    text.line(2, &format!("image_id: {}", json(&format!("docker:{image}"))));
    match &launch.what {
        What::Serve(it) => text.line(2, &format!("ports: {}", it.port)),
        What::Own(it) => text.line(2, &format!("ports: {}", it.port)),
        What::Train(_) => text,
    };
    if place.is_spot {
        text.note(2, "As the plan: instances that can be taken away.");
        text.line(2, "use_spot: true");
    }
    text.line(2, "disk_size: 512");
}

fn environment(text: &mut Text, launch: &Launch) {
    let all = parts::environment(launch);
    let (known, secret): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.1.is_some());
    let asks = match &launch.what {
        What::Serve(serve) => serve.asks_checkpoint().map(|what| (what, serve)),
        What::Own(_) | What::Train(_) => None,
    };
    if !known.is_empty() || asks.is_some() {
        text.gap().line(0, "envs:");
    }
    if let Some((what, serve)) = asks {
        text.note(
            2,
            &format!(
                "Without a value it must be given: --env MODEL={what} of {} that you have checked.",
                serve.model
            ),
        );
        text.line(2, "MODEL: null");
    }
    for (name, value, why) in known {
        text.note(2, &why);
        text.line(2, &format!("{name}: {}", json(&value.unwrap_or_default())));
    }
    if !secret.is_empty() {
        text.gap().line(0, "secrets:");
        for (name, _, why) in secret {
            text.note(2, &format!("{why}; without a value here it must be given: --secret {name}"));
            text.line(2, &format!("{name}: null"));
        }
    }
}

/// The service: how it is known to be ready, and how many there are.
fn service(text: &mut Text, launch: &Launch, path: Option<&str>) {
    let replicas = match &launch.fleet {
        Fleet::Fixed { instances } => (*instances).max(1),
        Fleet::Scheduled { least, .. } => (*least).max(1),
        Fleet::Scaled(it) => it.most,
        Fleet::Jobs => 1,
    };
    text.gap().line(0, "service:");
    text.note(2, "Ready once the model is loaded.");
    text.line(2, "readiness_probe:");
    text.line(4, &format!("path: {}", path.unwrap_or("/")));
    text.line(4, &format!("initial_delay_seconds: {}", launch.start_s));
    text.note(2, "Instances of the plan; by the hour of the week the lines above set it.");
    text.line(2, &format!("replicas: {replicas}"));
}

fn serving(text: &mut Text, launch: &Launch, serve: &Serve) {
    service(text, launch, Some("/health"));
    text.gap().line(0, "run: |");
    text.line(2, "args=(");
    for flag in serve.flags() {
        text.note(6, &flag.why);
        text.line(6, &flag.words().map(sh).collect::<Vec<_>>().join(" "));
    }
    let copies = launch.copies();
    if copies > 1 {
        text.note(6, &format!("an instance hosts {copies} replicas behind one port"));
        text.line(6, &format!("--data-parallel-size {copies}"));
    }
    text.line(2, ")");
    let model = serve.checkpoint.as_deref().map_or_else(|| "\"$MODEL\"".to_owned(), sh);
    text.line(2, &format!("exec vllm serve {model} \"${{args[@]}}\""));
}

fn training(text: &mut Text, launch: &Launch, train: &Train) {
    text.gap();
    text.note(0, "Your program is in this folder, which is copied to every node.");
    text.line(0, "workdir: .");
    if train.nodes > 1 {
        text.line(0, &format!("num_nodes: {}", train.nodes));
    }
    text.gap().line(0, "run: |").line(2, "args=(");
    for flag in torchrun(train) {
        text.note(6, &flag.why);
        text.line(6, &flag.words().map(sh).collect::<Vec<_>>().join(" "));
    }
    if train.nodes > 1 {
        text.note(6, "all nodes meet at the first of them, each by its own number");
        text.line(6, "--node-rank \"$SKYPILOT_NODE_RANK\"");
        text.line(6, &format!("--rdzv-id {}", launch.slug()));
        text.line(6, "--rdzv-endpoint \"$(head -n 1 <<<\"$SKYPILOT_NODE_IPS\"):29500\"");
    }
    text.line(2, ")");
    text.line(2, &format!("exec torchrun \"${{args[@]}}\" {}", train.script.join(" ")));
}
