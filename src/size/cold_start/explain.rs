//! The phases of a start in words, with their numbers.

use super::storage::Reading;
use super::{Host, StartQuestion, StartUp};
use crate::catalog::ColdStart;
use crate::size::estimate::Estimate;

impl StartUp {
    /// One line per phase that takes time: name, seconds with their range, formula.
    pub fn explain(
        &self,
        question: &StartQuestion,
        host: Option<&Host>,
        it: &ColdStart,
    ) -> Vec<String> {
        let phases = self.phases();
        let spent = phases.iter().filter(|(_, seconds)| seconds.value > 0.0);
        let mut lines: Vec<String> = spent
            .map(|(name, seconds)| line(name, seconds, &formula(name, question, host, it)))
            .collect();
        lines.push(line("total", &self.total(), "the sum of the phases"));
        lines
    }
}

fn line(name: &str, seconds: &Estimate, formula: &str) -> String {
    format!("{name} {:.1} s ({:.1} to {:.1}): {formula}", seconds.value, seconds.low, seconds.high)
}

fn formula(name: &str, question: &StartQuestion, host: Option<&Host>, it: &ColdStart) -> String {
    let layers = question.num_hidden_layers;
    let c = host.map_or_else(String::new, |it| format!(" x {:.2} of this host", it.factor()));
    let linear =
        |fixed: f64, per_layer: f64| format!("({fixed} + {per_layer} x {layers} layers){c}");
    match name {
        "allocation" => "the scaler's decision, GPU and driver".to_owned(),
        "image" => format!("image / {} GB/s", it.image_bandwidth_gb_s),
        "framework" => format!("{} s{c}", it.framework_s),
        "checks" => format!("{} s for each ordered pair of GPUs{c}", it.p2p_pair_s),
        "weights" => {
            let reading = Reading::of(question, host, it);
            format!("{:.2} GB / {:.2} GB/s, {}", reading.gb, reading.gb_s, origin(question, host))
        }
        "tracing" => linear(it.tracing_s, it.tracing_per_layer_s),
        "compilation" if question.has_compiled_code => {
            format!(
                "{} with compiled code at hand",
                linear(it.cached_code_s, it.cached_code_per_layer_s)
            )
        }
        "compilation" => {
            format!(
                "{} without compiled code at hand",
                linear(it.compile_s, it.compile_per_layer_s)
            )
        }
        "graphs" => {
            let collector = if question.is_old() {
                format!(" + {} s of garbage collection", it.old_graphs_s)
            } else {
                String::new()
            };
            format!("{}{collector}", linear(it.graphs_s, it.graphs_per_layer_s))
        }
        _ => format!(
            "the rest of {}, which sizes the KV cache",
            linear(it.engine_s, it.engine_per_layer_s)
        ),
    }
}

fn origin(question: &StartQuestion, host: Option<&Host>) -> String {
    match (host.and_then(Host::weight_gb_s), question.storage) {
        (Some(_), _) => "as measured".to_owned(),
        (None, super::Storage::Unnamed) => "storage not named".to_owned(),
        (None, storage) => storage.as_str().to_owned(),
    }
}
