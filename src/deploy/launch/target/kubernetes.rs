//! Objects of Kubernetes: a Deployment or a Job, what finds it, what scales it.
//!
//! A schedule becomes a ScaledObject of KEDA with triggers by the clock, a fleet that follows requests
//! one by the queue of vLLM, and one that goes to zero a Service of Knative, which holds a request until
//! a pod is ready: the queue of a pod that is gone can wake none.

mod job;
mod knative;
mod pod;
mod scaled;

use super::super::quote::json;
use super::super::text::Text;
use super::super::{Fleet, Launch, LaunchError, What};
use super::{Target, parts};

pub(super) fn render(launch: &Launch) -> Result<String, LaunchError> {
    can_follow(launch)?;
    let mut text = Text::new();
    parts::head(&mut text, launch);
    text.line(0, "#");
    secrets(&mut text, launch);
    text.note(0, "Apply: kubectl apply --filename THIS. Undo: kubectl delete --filename THIS.");
    match (&launch.what, &launch.fleet) {
        (What::Train(train), _) => job::render(&mut text, launch, train),
        (_, Fleet::Scaled(it)) if it.least == Some(0) => knative::render(&mut text, launch, it),
        _ => served(&mut text, launch),
    }
    Ok(text.done())
}

/// Fails for a fleet that follows what nothing here measures.
fn can_follow(launch: &Launch) -> Result<(), LaunchError> {
    let Fleet::Scaled(it) = &launch.fleet else { return Ok(()) };
    parts::by_requests(it, Target::Kubernetes)?;
    if !matches!(launch.what, What::Serve(_)) && it.least != Some(0) {
        return Err(LaunchError::CannotExpress {
            target: Target::Kubernetes,
            what: "the fleet follows the queue of a server whose metrics are not known".to_owned(),
            instead: "use --target runpod, whose own queue is followed".to_owned(),
        });
    }
    Ok(())
}

/// What has to be there before: secrets and settings that this file only refers to.
fn secrets(text: &mut Text, launch: &Launch) {
    let name = launch.slug();
    if needs_token(launch) {
        text.note(
            0,
            &format!(
                "Once before, with the token in a file: kubectl create secret generic {name}-huggingface --from-file=token=TOKEN_FILE"
            ),
        );
    }
    if let What::Serve(serve) = &launch.what
        && let Some(what) = serve.asks_checkpoint()
    {
        text.note(
            0,
            &format!(
                "Once before, with {what} of {} that you have checked: kubectl create configmap {name}-model --from-literal=checkpoint=ORGANIZATION/NAME",
                serve.model
            ),
        );
    }
}

fn needs_token(launch: &Launch) -> bool {
    parts::environment(launch).iter().any(|it| it.0 == "HF_TOKEN")
}

/// A Deployment, its Service, what protects it, and what scales it.
fn served(text: &mut Text, launch: &Launch) {
    let name = launch.slug();
    let copies = launch.copies();
    let (least, scales) = match &launch.fleet {
        Fleet::Fixed { instances } => (*instances, false),
        Fleet::Scheduled { least, .. } => (*least, true),
        Fleet::Scaled(it) => (it.least.unwrap_or(1), true),
        Fleet::Jobs => (1, false),
    };
    text.line(0, "---");
    text.line(0, "apiVersion: apps/v1").line(0, "kind: Deployment");
    metadata(text, 0, launch, name);
    text.line(0, "spec:");
    if scales {
        text.note(2, "How many there are is set by the ScaledObject below.");
    } else {
        text.note(2, "Instances of the plan x replicas on each.");
        text.line(2, &format!("replicas: {}", least * copies));
    }
    text.note(2, "A new pod gets its GPUs from an old one: there are no spare ones to roll over.");
    text.line(2, "strategy:").line(4, "type: RollingUpdate").line(4, "rollingUpdate:");
    text.line(6, "maxSurge: 0").line(6, "maxUnavailable: 1");
    text.line(2, "selector:").line(4, "matchLabels:").line(6, &label(launch));
    text.line(2, "template:").line(4, "metadata:").line(6, "labels:").line(8, &label(launch));
    text.line(4, "spec:");
    pod::render(text, 6, launch, pod::Style::Deployment);
    service(text, launch);
    if least * copies > 1 {
        text.line(0, "---").line(0, "apiVersion: policy/v1").line(0, "kind: PodDisruptionBudget");
        metadata(text, 0, launch, name);
        text.line(0, "spec:");
        text.note(2, "Nodes are emptied one replica at a time.");
        text.line(2, "maxUnavailable: 1");
        text.line(2, "selector:").line(4, "matchLabels:").line(6, &label(launch));
    }
    scaled::render(text, launch);
}

fn service(text: &mut Text, launch: &Launch) {
    let port = match &launch.what {
        What::Serve(it) => it.port,
        What::Own(it) => it.port,
        What::Train(_) => return,
    };
    text.line(0, "---").line(0, "apiVersion: v1").line(0, "kind: Service");
    metadata(text, 0, launch, launch.slug());
    text.line(0, "spec:").line(2, "selector:").line(4, &label(launch));
    text.line(2, "ports:").line(4, "- name: http").line(6, "port: 80");
    text.line(6, &format!("targetPort: {port}"));
}

fn metadata(text: &mut Text, indent: usize, launch: &Launch, name: &str) {
    text.line(indent, "metadata:");
    text.line(indent + 2, &format!("name: {}", json(name)));
    text.line(indent + 2, "labels:").line(indent + 4, &label(launch));
    text.line(indent + 4, "app.kubernetes.io/managed-by: gpuadvise");
    text.line(indent + 2, "annotations:");
    text.line(
        indent + 4,
        &format!("gpuadvise/advice: {}", json(&launch.advised.workload.advice.id)),
    );
}

fn label(launch: &Launch) -> String {
    format!("app.kubernetes.io/name: {}", json(launch.slug()))
}
