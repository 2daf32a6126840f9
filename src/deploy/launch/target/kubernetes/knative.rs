//! A fleet that goes to zero: a Service of Knative, which holds requests until a pod is ready.

use super::super::super::fleet::Scaled;
use super::super::super::text::Text;
use super::super::super::{Launch, What, whole};
use super::{metadata, pod};
use crate::deploy::launch::quote::json;

/// The longest window that Knative averages over.
const LONGEST_WINDOW_S: u32 = 3_600;
/// Seconds until a request is given up, at most, unless the cluster allows more.
const LONGEST_REQUEST_S: u32 = 600;

pub(super) fn render(text: &mut Text, launch: &Launch, scaled: &Scaled) {
    let copies = launch.copies();
    text.line(0, "---").line(0, "apiVersion: serving.knative.dev/v1").line(0, "kind: Service");
    metadata(text, 0, launch, launch.slug());
    text.line(0, "spec:").line(2, "template:").line(4, "metadata:").line(6, "annotations:");
    let mut annotate = |name: &str, value: String, why: &str| {
        text.note(8, why);
        text.line(8, &format!("{name}: {}", json(&value)));
    };
    let least = scaled.least.unwrap_or(0) * copies;
    annotate("autoscaling.knative.dev/min-scale", least.to_string(), "always on, as in the plan");
    let most = scaled.most * copies;
    annotate("autoscaling.knative.dev/max-scale", most.to_string(), "the most the plan needed");
    if let Some(target) = scaled.target {
        let each = (target / f64::from(copies)).max(1.0);
        annotate(
            "autoscaling.knative.dev/metric",
            "concurrency".to_owned(),
            "requests in progress are counted, which vLLM serves side by side",
        );
        annotate(
            "autoscaling.knative.dev/target",
            format!("{each}"),
            "requests a replica that the rule of the plan aims at",
        );
        annotate(
            "autoscaling.knative.dev/target-utilization-percentage",
            "100".to_owned(),
            "the target above is that of the plan, with no reserve beside it",
        );
    }
    if let Some(idle_s) = scaled.idle_timeout_s {
        let window = idle_s.clamp(6, LONGEST_WINDOW_S);
        annotate(
            "autoscaling.knative.dev/window",
            format!("{window}s"),
            "the last replica goes when a whole window had no request: the idle timeout of the plan",
        );
        if idle_s > window {
            annotate(
                "autoscaling.knative.dev/scale-to-zero-pod-retention-period",
                format!("{}s", idle_s - window),
                "and the rest of that timeout",
            );
        }
    }
    annotate(
        "serving.knative.dev/progress-deadline",
        format!("{}s", launch.start_s),
        "a start may take so long",
    );
    text.line(4, "spec:");
    if let What::Serve(it) = &launch.what {
        text.note(6, "No more at once than the simulated plan; others wait in front of the pod.");
        text.line(6, &format!("containerConcurrency: {}", it.replica.memory.max_num_seqs));
    }
    let slo = &launch.advised.workload.slo;
    let answer = whole(slo.ttft_p95_s.unwrap_or(0.0)) + launch.start_s + launch.drain_s;
    text.note(6, "A start and a whole answer; beyond 600 s the cluster must allow it (max-revision-timeout-seconds).");
    text.line(6, &format!("timeoutSeconds: {}", answer.min(LONGEST_REQUEST_S)));
    pod::render(text, 6, launch, pod::Style::Knative);
}
