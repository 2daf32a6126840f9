//! A training job: one pod, or one for each node with a Service by which they find each other.

use super::super::super::text::Text;
use super::super::super::{Launch, Train};
use super::{label, metadata, pod};

pub(super) fn render(text: &mut Text, launch: &Launch, train: &Train) {
    let name = launch.slug();
    text.line(0, "---").line(0, "apiVersion: batch/v1").line(0, "kind: Job");
    metadata(text, 0, launch, name);
    text.line(0, "spec:");
    if train.nodes > 1 {
        text.note(2, "One pod for each node, which knows its number.");
        text.line(2, "completionMode: Indexed");
        text.line(2, &format!("completions: {}", train.nodes));
        text.line(2, &format!("parallelism: {}", train.nodes));
    }
    if train.is_spot {
        text.note(2, "A node that is taken away is no failure of the program: the pod starts again elsewhere.");
        text.line(2, "podFailurePolicy:").line(4, "rules:");
        text.line(6, "- action: Ignore").line(8, "onPodConditions:");
        text.line(10, "- type: DisruptionTarget").line(12, "status: \"True\"");
    }
    text.line(2, "backoffLimit: 3");
    text.note(2, "A finished job gives its GPUs back, and is gone after a day.");
    text.line(2, "ttlSecondsAfterFinished: 86400");
    text.line(2, "template:").line(4, "metadata:").line(6, "labels:").line(8, &label(launch));
    text.line(4, "spec:").line(6, "restartPolicy: Never");
    if train.nodes > 1 {
        text.line(6, &format!("subdomain: {name}"));
    }
    pod::render(text, 6, launch, pod::Style::Job);
    text.line(0, "---").line(0, "apiVersion: v1").line(0, "kind: PersistentVolumeClaim");
    metadata(text, 0, launch, name);
    text.line(0, "spec:");
    let mode = if train.nodes > 1 { "ReadWriteMany" } else { "ReadWriteOnce" };
    text.note(2, "Your program, which is put there before, and its checkpoints.");
    text.line(2, &format!("accessModes: [{mode}]"));
    text.line(2, "resources:").line(4, "requests:").line(6, "storage: 500Gi");
    if train.nodes > 1 {
        text.line(0, "---").line(0, "apiVersion: v1").line(0, "kind: Service");
        metadata(text, 0, launch, name);
        text.line(0, "spec:");
        text.note(2, "Names for the pods of the job, before they are ready too.");
        text.line(2, "clusterIP: None").line(2, "publishNotReadyAddresses: true");
        text.line(2, "selector:").line(4, &label(launch));
    }
}
