//! What the files of all targets have in common: their head, the environment, when instances are on.

use super::super::clock::{When, changes, when};
use super::super::fleet::Scaled;
use super::super::quote::sh;
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, What};
use super::Target;
use crate::catalog::Vendor;

/// The head of every file: what it is, why, how to check, undo and prove it.
pub(super) fn head(text: &mut Text, launch: &Launch) {
    let advised = &launch.advised;
    let workload = &advised.workload;
    let advice = &workload.advice;
    text.note(
        0,
        &format!(
            "Launch plan of {}, from the report of {} (gpuadvise {})",
            workload.name, advised.as_of, advised.version
        ),
    );
    let label = advised.label.as_deref().map_or_else(String::new, |it| format!("{it}, "));
    text.note(
        0,
        &format!("Advice {label}{}, grade {}: {}", advice.id, advice.grade, advice.summary),
    );
    text.note(0, &format!("It runs {}.", runs(launch)));
    text.note(0, &fleet_sentence(launch));
    if advised.plan.purchase != "today" {
        let words = crate::report::purchase_in_words(&advised.plan.purchase);
        text.note(0, &format!("Bought: {words}."));
    }
    text.line(0, "#");
    text.note(0, &format!("Before: gpuadvise preflight REPORT.json {}", sh(&workload.name)));
    if let Some(step) = advice.steps.iter().find(|it| it.contains("lm_eval")) {
        text.note(0, &format!("Quality: {step}"));
    }
    if !advice.undo.is_empty() {
        text.note(0, &format!("Undo: {}", advice.undo));
    }
    for check in &advice.verify {
        text.note(0, &format!("Accept from {}: {}: {}", check.date, check.metric, check.threshold));
    }
    if !advised.is_today || advice.action == "stop" {
        let after = "After a week: gpuadvise verify REPORT.json --usage NEW... --workload";
        text.note(0, &format!("{after} {}", sh(&workload.name)));
    }
}

/// What runs on which GPUs.
fn runs(launch: &Launch) -> String {
    let gpus = format!("{} x {}", launch.gpus_per_replica, launch.gpu.name);
    match &launch.what {
        What::Serve(it) => {
            format!("{} in {} by vLLM, {gpus} a replica", it.model, it.deployment.precision)
        }
        What::Own(it) => match &it.model {
            Some(model) => format!("{model} by an image of your own, {gpus} a replica"),
            None => format!("an image of your own, {gpus} a replica"),
        },
        What::Train(it) => format!(
            "a training job on {} x {}, {} a node",
            it.gpus(),
            launch.gpu.name,
            it.gpus_per_node
        ),
    }
}

/// How many instances there are, as it was simulated.
fn fleet_sentence(launch: &Launch) -> String {
    let place = &launch.place;
    let instance = match (&place.instance_type, &place.region) {
        (Some(name), Some(region)) => format!("{name} ({}, {region})", place.provider),
        (Some(name), None) => format!("{name} ({})", place.provider),
        (None, _) => {
            let n = match &launch.what {
                What::Train(it) => it.gpus_per_node,
                What::Serve(_) | What::Own(_) => place.gpus_per_instance,
            };
            let gpus = if n == 1 { "GPU" } else { "GPUs" };
            format!("{n} {gpus} at {}", place.provider)
        }
    };
    let hosts = match launch.copies() {
        1 => String::new(),
        n => format!(", {n} replicas on each"),
    };
    match &launch.fleet {
        Fleet::Fixed { instances: 0 } => {
            "No instance: the advice is to stop it, and this is how it would run again.".to_owned()
        }
        Fleet::Fixed { instances } => {
            format!("Instances: {instances} x {instance}, always on{hosts}.")
        }
        Fleet::Scheduled { least, most, zone, .. } => {
            format!(
                "Instances: {least} to {most} x {instance} by the hour of the week, {zone}{hosts}."
            )
        }
        Fleet::Scaled(it) => {
            let least =
                it.least.map_or_else(|| "the platform's least".to_owned(), |n| n.to_string());
            let idle = it
                .idle_timeout_s
                .map_or_else(String::new, |s| format!(", each stays {s} s after its last request"));
            format!("Instances: {least} to {} x {instance} as requests come{idle}{hosts}.", it.most)
        }
        Fleet::Jobs => {
            format!(
                "Instances: {instance}{hosts}, only while there is work: switch them off after it."
            )
        }
    }
}

/// Fails for a fleet that follows its requests, which a single host cannot.
pub(super) fn only_fixed(launch: &Launch, target: Target) -> Result<(), LaunchError> {
    match &launch.fleet {
        Fleet::Scaled(it) => Err(LaunchError::CannotExpress {
            target,
            what: format!(
                "up to {} instances come and go with the requests, and nothing there starts one",
                it.most
            ),
            instead: "use --target kubernetes, runpod or ray".to_owned(),
        }),
        Fleet::Fixed { .. } | Fleet::Scheduled { .. } | Fleet::Jobs => Ok(()),
    }
}

/// Fails for a rule that aims at seconds of waiting, where requests in progress are what is counted.
pub(super) fn by_requests(scaled: &Scaled, target: Target) -> Result<(), LaunchError> {
    if scaled.rule != "queue_delay" {
        return Ok(());
    }
    Err(LaunchError::CannotExpress {
        target,
        what: "the plan adds instances when requests have waited for some seconds, and there requests are counted"
            .to_owned(),
        instead: "run analyze with the scaler request_count for this platform".to_owned(),
    })
}

/// Environment of what serves: name, value or nothing for one that is passed on, why.
pub(super) fn environment(launch: &Launch) -> Vec<(&'static str, Option<String>, String)> {
    const ENGINE_WAITS_S: u32 = 600;
    let mut all = Vec::new();
    let (gated, model) = match &launch.what {
        What::Serve(it) => (it.is_gated, Some(it.model.as_str())),
        What::Own(it) => (it.is_gated, it.model.as_deref()),
        What::Train(_) => (false, None),
    };
    if gated {
        all.push((
            "HF_TOKEN",
            None,
            format!(
                "{} is gated: a token of an account that has accepted its licence",
                model.unwrap_or("the model")
            ),
        ));
    }
    if let What::Serve(_) = &launch.what {
        if launch.start_s > ENGINE_WAITS_S {
            all.push((
                "VLLM_ENGINE_READY_TIMEOUT_S",
                Some(launch.start_s.to_string()),
                "a start may take so long; vLLM gives up after 600 s".to_owned(),
            ));
        }
        all.push((
            "VLLM_NO_USAGE_STATS",
            Some("1".to_owned()),
            "nothing is reported to the makers of vLLM".to_owned(),
        ));
    }
    if let What::Train(it) = &launch.what {
        all.extend(
            it.environment
                .iter()
                .map(|(name, value, why)| (*name, Some(value.clone()), why.clone())),
        );
        all.push((
            "CHECKPOINT_INTERVAL_S",
            Some(it.checkpoint.0.to_string()),
            format!("for your program to read, seconds between checkpoints: {}", it.checkpoint.1),
        ));
    }
    all
}

/// When each instance is on, as lines of cron with the command that switches it; nothing for a fleet that
/// is always on.
pub(super) fn timetable(text: &mut Text, launch: &Launch, switch: &dyn Fn(u32, bool) -> String) {
    let Fleet::Scheduled { week, zone, most, lead_min, .. } = &launch.fleet else { return };
    text.line(0, "#");
    text.note(
        0,
        &format!(
            "The bill stops only while an instance is off. On a machine that is always on, in crontab -e (each starts {lead_min} min \
             early, which a start takes; what begins with $ is set there too, cron knows nothing of your shell):"
        ),
    );
    text.line(0, &format!("#     CRON_TZ={zone}"));
    for instance in 1..=*most {
        match when(week, instance, *lead_min) {
            When::Always => {
                text.line(0, &format!("#     # instance {instance} is always on"));
            }
            When::Never => {}
            When::At(all) => {
                for it in all {
                    text.line(0, &format!("#     {}  {}", it.on, switch(instance, true)));
                    text.line(0, &format!("#     {}  {}", it.off, switch(instance, false)));
                }
            }
        }
    }
}

/// When the number of replicas changes, as lines of cron with the command that sets it.
pub(super) fn changing(text: &mut Text, launch: &Launch, set: &dyn Fn(u32) -> String) {
    let Fleet::Scheduled { week, zone, lead_min, .. } = &launch.fleet else { return };
    text.line(0, "#");
    text.note(
        0,
        &format!(
            "The number by the hour of the week is set from outside, in crontab -e of a machine that is always on (a rise comes \
             {lead_min} min early, which a start takes; what begins with $ is set there too, cron knows nothing of your shell):"
        ),
    );
    text.line(0, &format!("#     CRON_TZ={zone}"));
    for (at, instances) in changes(week, *lead_min) {
        text.line(0, &format!("#     {at}  {}", set(instances * launch.copies())));
    }
}

/// The command that switches an instance on or off, by its provider.
pub(super) fn switch_instance(launch: &Launch) -> impl Fn(u32, bool) -> String {
    let place = launch.place.clone();
    move |instance, on| {
        let id = format!("\"$INSTANCE_{instance}\"");
        let region =
            place.region.as_deref().map_or_else(String::new, |it| format!(" --region {it}"));
        match (place.provider.as_str(), on) {
            ("aws", true) => format!("aws ec2 start-instances{region} --instance-ids {id}"),
            ("aws", false) => format!("aws ec2 stop-instances{region} --instance-ids {id}"),
            ("gcp", true) => format!("gcloud compute instances start {id} --zone \"$ZONE\""),
            ("gcp", false) => format!("gcloud compute instances stop {id} --zone \"$ZONE\""),
            ("azure", true) => format!("az vm start --ids {id}"),
            ("azure", false) => format!("az vm deallocate --ids {id}"),
            ("runpod", true) => format!("runpodctl start pod {id}"),
            ("runpod", false) => format!("runpodctl stop pod {id}"),
            (_, true) => format!("start-instance {id}   # the command of {}", place.provider),
            (_, false) => format!("stop-instance {id}   # the command of {}", place.provider),
        }
    }
}

/// The variable by which a process sees only some GPUs.
pub(super) fn visible(launch: &Launch) -> &'static str {
    match launch.gpu.vendor {
        Vendor::Amd => "HIP_VISIBLE_DEVICES",
        _ => "CUDA_VISIBLE_DEVICES",
    }
}

/// How vLLM gets onto a host that runs no container.
pub(super) fn installed(text: &mut Text, launch: &Launch) {
    let version = launch.image.as_ref().map_or("vllm", |it| it.version.as_str());
    text.note(
        0,
        &match launch.gpu.vendor {
            Vendor::Amd => format!(
                "Installed: {version} for ROCm as vLLM documents it; what pip installs by itself is for CUDA."
            ),
            _ => format!("Installed by: pip install {}", version.replace(' ', "==")),
        },
    );
}

/// The GPUs of a replica on its host, by their numbers there.
pub(super) fn devices(launch: &Launch, copy: u32) -> Vec<u32> {
    let n = launch.gpus_per_replica;
    (copy * n..(copy + 1) * n).collect()
}

/// `devices=(0,1 2,3)`: an array of bash with the GPUs of every replica of an instance.
pub(super) fn device_list(launch: &Launch) -> String {
    let of_copy =
        |copy| devices(launch, copy).iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let all: Vec<String> = (0..launch.copies()).map(of_copy).collect();
    format!("devices=({})", all.join(" "))
}
