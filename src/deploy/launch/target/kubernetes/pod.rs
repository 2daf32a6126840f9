//! The pod of a plan: its container with every flag and the reason it has, its probes, its GPUs.

use super::super::super::quote::json;
use super::super::super::text::Text;
use super::super::super::{Launch, Own, Serve, Train, What};
use super::super::parts;
use super::super::shell::torchrun;
use crate::catalog::Vendor;

/// What the pod belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A Deployment.
    Deployment,
    /// A revision of Knative, which takes fewer fields.
    Knative,
    /// A Job.
    Job,
}

/// The fields of a pod's spec.
pub(super) fn render(text: &mut Text, indent: usize, launch: &Launch, style: Style) {
    text.note(
        indent,
        "Without it a Service named vllm would set VLLM_PORT, which vLLM reads as its own.",
    );
    text.line(indent, "enableServiceLinks: false");
    if style == Style::Deployment {
        let (drain, _) = grace(launch);
        text.note(indent, "Requests in progress end before the pod is killed.");
        text.line(indent, &format!("terminationGracePeriodSeconds: {drain}"));
    }
    node(text, indent, launch, style);
    text.line(indent, "containers:");
    let at = indent + 2;
    match &launch.what {
        What::Serve(it) => serving(text, at, launch, it, style),
        What::Own(it) => own(text, at, launch, it),
        What::Train(it) => training(text, at, launch, it),
    }
    volumes(text, indent, launch);
}

/// Seconds until a pod is killed, and those in which its requests end.
fn grace(launch: &Launch) -> (u32, u32) {
    const BESIDE_S: u32 = 30;
    match &launch.what {
        What::Serve(it) => (it.shutdown_s + BESIDE_S, it.shutdown_s),
        What::Own(_) | What::Train(_) => (launch.drain_s + BESIDE_S, launch.drain_s),
    }
}

fn node(text: &mut Text, indent: usize, launch: &Launch, style: Style) {
    let product = launch.names.as_ref().and_then(|it| it.kubernetes.as_deref());
    if let Some(product) = product {
        text.note(indent, "The GPU that was sized, as GPU feature discovery labels its nodes.");
        if style == Style::Knative {
            text.note(indent, "Knative takes it with kubernetes.podspec-nodeselector enabled.");
        }
        text.line(indent, "nodeSelector:");
        let label = match launch.gpu.vendor {
            Vendor::Amd => "amd.com/gpu.product-name",
            Vendor::Nvidia | Vendor::Intel => "nvidia.com/gpu.product",
        };
        text.line(indent + 2, &format!("{label}: {}", json(product)));
    }
    if style != Style::Knative && launch.gpu.vendor == Vendor::Nvidia {
        text.line(indent, "tolerations:");
        text.line(indent + 2, "- key: nvidia.com/gpu").line(indent + 4, "operator: Exists");
        text.line(indent + 4, "effect: NoSchedule");
    }
}

fn serving(text: &mut Text, at: usize, launch: &Launch, serve: &Serve, style: Style) {
    text.line(at, "- name: vllm");
    text.line(at + 2, &format!("image: {}", json(&serve.image)));
    text.line(at + 2, "args:");
    match &serve.checkpoint {
        Some(checkpoint) => text.line(at + 4, &format!("- {}", json(checkpoint))),
        None => text.line(at + 4, "- $(MODEL)"),
    };
    for flag in serve.flags() {
        text.note(at + 4, &flag.why);
        for word in flag.words() {
            text.line(at + 4, &format!("- {}", json(word)));
        }
    }
    environment(text, at + 2, launch);
    text.line(at + 2, "ports:");
    if style == Style::Knative {
        text.line(at + 4, &format!("- containerPort: {}", serve.port));
    } else {
        text.line(at + 4, "- name: http").line(at + 6, &format!("containerPort: {}", serve.port));
    }
    let port = serve.port;
    text.note(
        at + 2,
        &format!("The port opens once the model is loaded, for which it has {} s.", launch.start_s),
    );
    probe(text, at + 2, "startupProbe", port, (5, launch.start_s.div_ceil(5)));
    text.note(at + 2, "/health fails when the engine died; then the pod starts again.");
    probe(text, at + 2, "livenessProbe", port, (10, 3));
    probe(text, at + 2, "readinessProbe", port, (5, 1));
    resources(text, at + 2, launch, launch.gpus_per_replica);
    text.line(at + 2, "volumeMounts:");
    text.line(at + 4, "- name: shared-memory").line(at + 6, "mountPath: /dev/shm");
    text.line(at + 4, "- name: cache").line(at + 6, "mountPath: /root/.cache");
}

fn probe(text: &mut Text, at: usize, name: &str, port: u16, (period, failures): (u32, u32)) {
    text.line(at, &format!("{name}:")).line(at + 2, "httpGet:").line(at + 4, "path: /health");
    text.line(at + 4, &format!("port: {port}"));
    text.line(at + 2, &format!("periodSeconds: {period}"));
    text.line(at + 2, &format!("failureThreshold: {}", failures.max(1)));
}

fn own(text: &mut Text, at: usize, launch: &Launch, own: &Own) {
    text.line(at, "- name: server").line(at + 2, &format!("image: {}", json(&own.image)));
    environment(text, at + 2, launch);
    text.line(at + 2, "ports:").line(at + 4, &format!("- containerPort: {}", own.port));
    text.note(at + 2, "Ready when its port is open: what else it answers this plan does not know.");
    for (name, period, failures) in
        [("startupProbe", 5, launch.start_s.div_ceil(5)), ("readinessProbe", 5, 1)]
    {
        text.line(at + 2, &format!("{name}:")).line(at + 4, "tcpSocket:");
        text.line(at + 6, &format!("port: {}", own.port));
        text.line(at + 4, &format!("periodSeconds: {period}"));
        text.line(at + 4, &format!("failureThreshold: {failures}"));
    }
    resources(text, at + 2, launch, launch.gpus_per_replica);
    text.line(at + 2, "volumeMounts:");
    text.line(at + 4, "- name: shared-memory").line(at + 6, "mountPath: /dev/shm");
    text.line(at + 4, "- name: cache").line(at + 6, "mountPath: /root/.cache");
}

fn training(text: &mut Text, at: usize, launch: &Launch, train: &Train) {
    text.line(at, "- name: train").line(at + 2, &format!("image: {}", json(&train.image)));
    text.line(at + 2, "workingDir: /workspace/job");
    text.line(at + 2, "command: [torchrun]").line(at + 2, "args:");
    for flag in torchrun(train) {
        text.note(at + 4, &flag.why);
        for word in flag.words() {
            text.line(at + 4, &format!("- {}", json(word)));
        }
    }
    if train.nodes > 1 {
        let name = launch.slug();
        text.note(
            at + 4,
            "The first pod of the job, by the Service below; each node by its own number.",
        );
        text.line(at + 4, &format!("- --rdzv-endpoint={name}-0.{name}:29500"));
        text.line(at + 4, &format!("- --rdzv-id={name}"));
        text.line(at + 4, "- --node-rank=$(NODE_RANK)");
    }
    text.note(at + 4, "Your program, and what it is told.");
    for word in &train.script {
        text.line(at + 4, &format!("- {}", json(word)));
    }
    environment(text, at + 2, launch);
    resources(text, at + 2, launch, train.gpus_per_node);
    text.line(at + 2, "volumeMounts:");
    text.line(at + 4, "- name: shared-memory").line(at + 6, "mountPath: /dev/shm");
    text.line(at + 4, "- name: job").line(at + 6, "mountPath: /workspace/job");
}

fn environment(text: &mut Text, at: usize, launch: &Launch) {
    text.line(at, "env:");
    let name = launch.slug();
    if let What::Serve(serve) = &launch.what
        && serve.checkpoint.is_none()
    {
        text.note(at + 2, &format!("vLLM makes no {} of {} while it loads: the pod waits until the ConfigMap names one.", serve.deployment.precision, serve.model));
        text.line(at + 2, "- name: MODEL")
            .line(at + 4, "valueFrom:")
            .line(at + 6, "configMapKeyRef:");
        text.line(at + 8, &format!("name: {name}-model")).line(at + 8, "key: checkpoint");
    }
    if let What::Train(train) = &launch.what
        && train.nodes > 1
    {
        text.line(at + 2, "- name: NODE_RANK").line(at + 4, "valueFrom:").line(at + 6, "fieldRef:");
        text.line(
            at + 8,
            "fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']",
        );
    }
    for (variable, value, why) in parts::environment(launch) {
        text.note(at + 2, &why);
        text.line(at + 2, &format!("- name: {variable}"));
        if let Some(value) = value {
            text.line(at + 4, &format!("value: {}", json(&value)));
        } else {
            text.line(at + 4, "valueFrom:").line(at + 6, "secretKeyRef:");
            text.line(at + 8, &format!("name: {name}-huggingface")).line(at + 8, "key: token");
        }
    }
    if matches!(launch.what, What::Serve(_)) {
        text.note(at + 2, "Where the secret has it, every request to /v1 must carry it.");
        text.line(at + 2, "- name: VLLM_API_KEY")
            .line(at + 4, "valueFrom:")
            .line(at + 6, "secretKeyRef:");
        text.line(at + 8, &format!("name: {name}-api")).line(at + 8, "key: key");
        text.line(at + 8, "optional: true");
    }
    if matches!(launch.what, What::Own(_)) && parts::environment(launch).is_empty() {
        text.note(at + 2, "What your server needs; secrets as secretKeyRef.");
        text.line(at + 2, "[]");
    }
}

fn resources(text: &mut Text, at: usize, launch: &Launch, gpus: u32) {
    let name = match launch.gpu.vendor {
        Vendor::Amd => "amd.com/gpu",
        Vendor::Nvidia => "nvidia.com/gpu",
        Vendor::Intel => "gpu.intel.com/i915",
    };
    text.line(at, "resources:").line(at + 2, "limits:");
    text.line(at + 4, &format!("{name}: {}", json(&gpus.to_string())));
}

fn volumes(text: &mut Text, at: usize, launch: &Launch) {
    text.line(at, "volumes:");
    text.note(at + 2, "GPUs of a replica share memory; the default of 64 MB is too small.");
    text.line(at + 2, "- name: shared-memory").line(at + 4, "emptyDir:");
    text.line(at + 6, "medium: Memory").line(at + 6, "sizeLimit: 16Gi");
    if let What::Train(_) = launch.what {
        text.note(at + 2, "Your program and its checkpoints: a claim that all nodes can write.");
        text.line(at + 2, "- name: job").line(at + 4, "persistentVolumeClaim:");
        text.line(at + 6, &format!("claimName: {}", launch.slug()));
    } else {
        text.note(at + 2, "Weights live as long as the pod. A claim that many pods read makes every later start shorter.");
        text.line(at + 2, "- name: cache").line(at + 4, "emptyDir: {}");
    }
}
