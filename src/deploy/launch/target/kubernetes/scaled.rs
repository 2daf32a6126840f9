//! What scales a Deployment: a ScaledObject of KEDA, by the clock or by the queue of vLLM.

use super::super::super::clock::{OnOff, When, when};
use super::super::super::quote::json;
use super::super::super::text::Text;
use super::super::super::{Fleet, Launch, What};
use super::metadata;

/// Seconds an instance stays where the plan does not say.
const DEFAULT_IDLE_S: u32 = 300;

pub(super) fn render(text: &mut Text, launch: &Launch) {
    let copies = launch.copies();
    let (least, most, idle_s) = match &launch.fleet {
        // Nothing proves that less is enough but the clock, so there is nothing to wait for.
        Fleet::Scheduled { week, least, most, lead_min, .. } => {
            let always = |level: &u32| when(week, *level, *lead_min) == When::Always;
            let n = (1..=*most).take_while(always).count();
            (u32::try_from(n).unwrap_or(0).max(*least), *most, Some(0))
        }
        Fleet::Scaled(it) => (it.least.unwrap_or(1), it.most, it.idle_timeout_s),
        Fleet::Fixed { .. } | Fleet::Jobs => return,
    };
    text.line(0, "---").line(0, "apiVersion: keda.sh/v1alpha1").line(0, "kind: ScaledObject");
    metadata(text, 0, launch, launch.slug());
    text.line(0, "spec:");
    text.line(2, "scaleTargetRef:").line(4, &format!("name: {}", json(launch.slug())));
    text.note(
        2,
        match &launch.fleet {
            Fleet::Scaled(it) if it.least.is_none() => {
                "Instances of the plan x replicas on each; the plan does not say the least, one is ours."
            }
            _ => "Instances of the plan x replicas on each.",
        },
    );
    text.line(2, &format!("minReplicaCount: {}", least * copies));
    text.line(2, &format!("maxReplicaCount: {}", most * copies));
    let stays = idle_s.unwrap_or(DEFAULT_IDLE_S);
    text.note(
        2,
        match idle_s {
            Some(_) => "Seconds until the last replica goes, and below until others do, as in the plan.",
            None => "Seconds until the last replica goes, and below until others do: the default of KEDA, the plan does not say.",
        },
    );
    text.line(2, &format!("cooldownPeriod: {stays}"));
    text.line(2, "advanced:").line(4, "horizontalPodAutoscalerConfig:").line(6, "behavior:");
    text.line(8, "scaleDown:");
    text.line(10, &format!("stabilizationWindowSeconds: {}", stays.min(3_600)));
    text.line(2, "triggers:");
    triggers(text, launch, least, copies);
}

fn triggers(text: &mut Text, launch: &Launch, least: u32, copies: u32) {
    match &launch.fleet {
        Fleet::Scheduled { week, zone, most, lead_min, .. } => {
            text.note(4, &format!("By the hour of the week of the plan; each starts {lead_min} min early, which a start takes."));
            for level in least + 1..=*most {
                match when(week, level, *lead_min) {
                    // A level that is never off is below the least.
                    When::Never | When::Always => {}
                    When::At(all) => {
                        for it in &all {
                            cron(text, it, zone.name(), level * copies);
                        }
                    }
                }
            }
        }
        Fleet::Scaled(scaled) => {
            let target = scaled.target.unwrap_or_else(|| f64::from(slots(launch) * copies));
            let each = (target / f64::from(copies)).max(1.0);
            let model = match &launch.what {
                What::Serve(it) => format!("model_name={}", json(&it.model)),
                What::Own(_) | What::Train(_) => {
                    format!("namespace=\"default\",pod=~\"{}-.*\"", launch.slug())
                }
            };
            text.note(
                4,
                &format!(
                    "Requests in progress and waiting, per replica: the rule `{}` of the plan.",
                    scaled.rule
                ),
            );
            text.line(4, "- type: prometheus").line(6, "metricType: AverageValue");
            text.line(6, "metadata:");
            text.note(8, "Your Prometheus.");
            text.line(8, "serverAddress: http://prometheus-operated.monitoring.svc:9090");
            let query = format!(
                "sum(vllm:num_requests_running{{{model}}}) + sum(vllm:num_requests_waiting{{{model}}})"
            );
            text.line(8, &format!("query: {}", json(&query)));
            text.line(8, &format!("threshold: {}", json(&format!("{each}"))));
            text.note(8, "No answer is no zero: without metrics nothing is scaled down.");
            text.line(8, "ignoreNullValues: \"false\"");
        }
        Fleet::Fixed { .. } | Fleet::Jobs => {}
    }
}

fn slots(launch: &Launch) -> u32 {
    match &launch.what {
        What::Serve(it) => it.replica.memory.max_num_seqs,
        What::Own(it) => it.slots.unwrap_or(1),
        What::Train(_) => 1,
    }
}

fn cron(text: &mut Text, at: &OnOff, zone: &str, replicas: u32) {
    text.line(4, "- type: cron").line(6, "metadata:");
    text.line(8, &format!("timezone: {}", json(zone)));
    text.line(8, &format!("start: {}", json(&at.on))).line(8, &format!("end: {}", json(&at.off)));
    text.line(8, &format!("desiredReplicas: {}", json(&replicas.to_string())));
}
