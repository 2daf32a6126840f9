//! A deployment in words and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::asked::Asked;
use super::deployment::Found;
use super::head;
use super::numbers::{bytes, estimate, gib, range, rounded, short};
use crate::catalog::GpuSpec;
use crate::cli::SizeArgs;
use crate::report;
use crate::size::{Carried, Coverage, Deployment, GpuMemory, Precision, Serving};

pub(super) fn title(name: &str, gpu: &GpuSpec, deployment: &Deployment, copies: u32) -> String {
    let split = match (deployment.tensor_parallel_size, deployment.pipeline_parallel_size) {
        (1, 1) => String::new(),
        (tensor, 1) => format!(", tensor parallel {tensor}"),
        (1, stages) => format!(", {stages} pipeline stages"),
        (tensor, stages) => format!(", tensor parallel {tensor} x {stages} pipeline stages"),
    };
    let replicas = if copies > 1 { format!(", {copies} replicas") } else { String::new() };
    format!(
        "{name} in {} on {} x {}{split}{replicas}, {}\n",
        format_of(gpu, deployment),
        deployment.gpu_count() * copies,
        gpu.name,
        deployment.engine
    )
}

/// The format as the GPU runs it: fp16 where it has no bf16.
fn format_of(gpu: &GpuSpec, deployment: &Deployment) -> &'static str {
    match deployment.precision {
        Precision::Bf16 if !gpu.native_bf16 => "fp16",
        other => other.as_str(),
    }
}

/// The memory of one GPU as a small table; the parts add up to the GPU.
pub(super) fn memory_text(memory: &GpuMemory, heading: &str) -> String {
    let mut text = format!("\nMEMORY OF {heading}\n");
    let share = |bytes: f64| format!("{:>5.1} %", bytes / memory.total_memory * 100.0);
    for (name, part) in [
        ("weights", memory.weights),
        ("KV cache", memory.kv_cache),
        ("activation peak", memory.activation),
        ("CUDA graphs", memory.cuda_graphs),
        ("CUDA context", memory.context),
        ("outside PyTorch", memory.non_torch),
        ("free", memory.total_memory - memory.total()),
    ] {
        // What does not fit has no share of it.
        if part >= 0.0 {
            let _ = writeln!(text, "  {name:<18} {:>12}  {}", gib(part), share(part));
        }
    }
    let _ = writeln!(
        text,
        "  {:<18} {:>12}  of which the engine may use {}",
        "memory",
        gib(memory.total_memory),
        gib(memory.usable)
    );
    text
}

/// Said where requests hold more tokens than the cache does when every layer keeps all of them.
fn kept_less(memory: &GpuMemory, context: u64) -> &'static str {
    let held = memory.max_concurrency(context) * context as f64;
    if held > memory.kv_cache_tokens() as f64 * 1.05 {
        ", as some layers keep only their window or a state"
    } else {
        ""
    }
}

pub(super) fn text(args: &SizeArgs, found: &Found<'_>, asked: &Asked) -> String {
    let mut text = title(found.name, found.gpu, &found.deployment, found.copies);
    let memory = &found.replica.memory;
    let heading = if found.deployment.gpu_count() > 1 { "EACH GPU" } else { "THE GPU" };
    text.push_str(&memory_text(memory, heading));
    let _ = writeln!(
        text,
        "\nKV CACHE   {} tokens; {} requests of {} tokens at once{}",
        report::count(memory.kv_cache_tokens()),
        short(memory.max_concurrency(asked.context)),
        report::count(asked.context),
        kept_less(memory, asked.context)
    );
    let _ = writeln!(text, "REQUESTS   {}", asked.sentence());
    match &found.carried {
        Carried::Saturated { why } => {
            let _ = writeln!(text, "SATURATED  {why}");
        }
        Carried::UpTo(serving) => text.push_str(&serving_text(found, serving)),
    }
    let _ = writeln!(text, "\nSTART      {}", found.start.sentence());
    if args.explain {
        let _ = writeln!(text, "\nEXPLAINED, for each GPU");
        for line in &found.explanation {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "\nA START, phase by phase");
        for line in &found.start.explanation {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn serving_text(found: &Found<'_>, serving: &Serving) -> String {
    let copies = f64::from(found.copies);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nSPEED with {} in progress{}, and the range of 8 in 10 measurements;\n  {}",
        serving.concurrency,
        if found.copies > 1 {
            format!(" on each of {} replicas; rates and price of all", found.copies)
        } else {
            String::new()
        },
        backing(found.replica.coverage)
    );
    for (name, value) in [
        ("time to first token", format!("{} ms", range(&serving.ttft_s, 1e3))),
        ("time per token", format!("{} ms", range(&serving.tpot_s, 1e3))),
        ("output tokens/s", range(&serving.output_tokens_per_s, copies)),
        ("requests/s", range(&serving.requests_per_s, copies)),
    ] {
        let _ = writeln!(text, "  {name:<20} {value}");
    }
    match found.usd_per_million(serving) {
        Some((price, per_million)) => {
            let _ = writeln!(
                text,
                "  {:<20} {price:.2} USD an hour, {per_million:.2} per million output tokens",
                "price"
            );
        }
        None => text.push_str("  price                none known for so many of this GPU\n"),
    }
    if let Some(it) = &found.calibration {
        let _ = writeln!(
            text,
            "  calibrated           every time x {:.2} of the prediction, by your measurement",
            it.time_factor()
        );
    }
    text
}

/// What stands behind the ranges, in words.
pub(super) const fn backing(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Measured => "models and GPUs like these were measured",
        Coverage::Uncovered => "nothing like this was measured",
    }
}

/// The parts of one GPU under the names of serving and training, null where they do not apply.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerGpu {
    pub(super) weights: Option<f64>,
    pub(super) kv_cache: Option<f64>,
    pub(super) activation: Option<f64>,
    pub(super) cuda_graph: Option<f64>,
    pub(super) non_torch: Option<f64>,
    pub(super) context: Option<f64>,
    pub(super) gradient: Option<f64>,
    pub(super) optimizer: Option<f64>,
    pub(super) logits: Option<f64>,
    pub(super) total: Option<f64>,
    pub(super) usable: Option<f64>,
    pub(super) memory: Option<f64>,
}

impl PerGpu {
    pub(super) fn of(memory: &GpuMemory) -> PerGpu {
        PerGpu {
            weights: Some(memory.weights),
            kv_cache: Some(memory.kv_cache.max(0.0)),
            activation: Some(memory.activation),
            cuda_graph: Some(memory.cuda_graphs),
            non_torch: Some(memory.non_torch),
            context: Some(memory.context),
            total: Some(memory.total()),
            usable: Some(memory.usable),
            memory: Some(memory.total_memory),
            ..PerGpu::default()
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "weights_bytes": self.weights.map(bytes),
            "kv_cache_bytes": self.kv_cache.map(bytes),
            "activation_bytes": self.activation.map(bytes),
            "cuda_graph_bytes": self.cuda_graph.map(bytes),
            "non_torch_bytes": self.non_torch.map(bytes),
            "context_bytes": self.context.map(bytes),
            "gradient_bytes": self.gradient.map(bytes),
            "optimizer_bytes": self.optimizer.map(bytes),
            "logits_bytes": self.logits.map(bytes),
            "total_bytes": self.total.map(bytes),
            "usable_bytes": self.usable.map(bytes),
            "memory_bytes": self.memory.map(bytes),
        })
    }
}

/// What is null where nothing is served.
pub(super) fn not_serving() -> Value {
    let mut value = served(None, 1);
    extend(&mut value, json!({ "kv_cache_tokens": null, "max_concurrency": null }));
    value
}

/// The deployment as its flags.
pub(super) fn deployed(gpu: &GpuSpec, it: &Deployment) -> Value {
    json!({
        "gpu": gpu.name,
        "gpu_count": it.gpu_count(),
        "tensor_parallel_size": it.tensor_parallel_size,
        "pipeline_parallel_size": it.pipeline_parallel_size,
        "engine": it.engine.to_string(),
        "precision": it.precision.as_str(),
        "kv_cache_dtype": it.kv_cache_dtype.as_str(),
    })
}

/// What a deployment serves; null where it cannot be said.
pub(super) fn served(serving: Option<&Serving>, copies: u32) -> Value {
    let all = f64::from(copies);
    json!({
        "concurrency": serving.map(|it| it.concurrency),
        "ttft_s": serving.map(|it| estimate(&it.ttft_s)),
        "tpot_s": serving.map(|it| estimate(&it.tpot_s)),
        "output_tokens_per_s": serving.map(|it| estimate(&it.output_tokens_per_s.times(all))),
        "requests_per_s": serving.map(|it| estimate(&it.requests_per_s.times(all))),
    })
}

/// Puts the members of `more` into `value`.
pub(super) fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (value, more) {
        all.extend(more);
    }
}

pub(super) fn in_json(args: &SizeArgs, found: &Found<'_>, asked: &Asked) -> Value {
    let memory = &found.replica.memory;
    let (verdict, reason, serving) = match &found.carried {
        Carried::UpTo(serving) => ("fits", None, Some(serving)),
        Carried::Saturated { why } => ("saturated", Some(why.as_str()), None),
    };
    let mut value = head(found.name, "engine");
    extend(&mut value, deployed(found.gpu, &found.deployment));
    extend(
        &mut value,
        json!({
            "params": found.model.params(),
            "replicas": found.copies,
            "verdict": verdict,
            "reason": reason,
            "max_model_len": asked.context,
            "max_num_seqs": memory.max_num_seqs,
            "max_num_batched_tokens": memory.max_num_batched_tokens,
            "per_gpu": PerGpu::of(memory).json(),
            "kv_cache_tokens": memory.kv_cache_tokens(),
            "max_concurrency": rounded(memory.max_concurrency(asked.context)),
            "usd_per_hour": found.usd_per_hour.map(rounded),
            "usd_per_million_output_tokens":
                serving.and_then(|it| found.usd_per_million(it)).map(|it| rounded(it.1)),
            "calibration": found.calibration.as_ref().map(|it| rounded(it.time_factor())),
            "cold_start": found.start.json(),
            "explain": args.explain.then_some(&found.explanation),
        }),
    );
    extend(&mut value, served(serving, found.copies));
    value
}
