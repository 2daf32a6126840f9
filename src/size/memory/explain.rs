//! How each part of the memory came about: one line a part, with its inputs.

use super::overhead::{self, Limits};
use super::{Deployment, GpuMemory};
use crate::catalog::{EngineMemory, GpuSpec};
use crate::size::architecture::Architecture;
use crate::size::engine::Engine;
use crate::size::params::Role;

const GIB: f64 = 1_073_741_824.0;

impl GpuMemory {
    /// The formula of every part with its numbers, in the order of the parts.
    pub fn explain(
        &self,
        model: &Architecture,
        gpu: &GpuSpec,
        it: &Deployment,
        constants: &EngineMemory,
    ) -> Vec<String> {
        let gib = |bytes: f64| format!("{:.2} GiB", bytes / GIB);
        let limits = Limits {
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: self.max_num_batched_tokens,
        };
        let total = gpu.cuda_total.to_f64();
        let budget = format!("{:.4} x {} = {}", self.usable / total, gib(total), gib(self.usable));
        vec![
            format!("usable = {budget}"),
            format!("weights = {} = {}", weights(model, it), gib(self.weights)),
            format!(
                "activation = {} = {}",
                overhead::activation_formula(model, it, limits, constants),
                gib(self.activation)
            ),
            format!(
                "cuda_graph = {} = {}{}",
                if it.enforce_eager { "none, eager" } else { "first graph + layers x graphs" },
                gib(self.cuda_graphs),
                if it.engine.is_vllm_since(21) { "" } else { ", outside the usable share" }
            ),
            format!("non_torch = as logged for {} = {}", it.engine, gib(self.non_torch)),
            format!("kv_cache = {} = {}", left(it.engine), gib(self.kv_cache)),
            format!(
                "kv_cache_tokens = kv_cache / {:.0} B a token = {}",
                self.layout.bytes_per_token(),
                self.kv_cache_tokens()
            ),
        ]
    }
}

/// Weights by what holds them, on one GPU.
fn weights(model: &Architecture, it: &Deployment) -> String {
    if let Some(files) = &model.checkpoint {
        return format!("{} B in the files, split over {} GPUs", files.bytes.get(), it.gpu_count());
    }
    let has_experts = model.experts().is_some();
    let matrices = model.matrices(u64::from(it.tensor_parallel_size.max(1)));
    let of = |roles: &[Role]| {
        matrices
            .iter()
            .filter(|matrix| roles.contains(&matrix.role))
            .map(crate::size::params::Matrix::params)
            .sum::<f64>()
    };
    let term = |params: f64, role: Role, what: &str| {
        let bytes = it.precision.bytes_of(role, has_experts);
        format!("{:.3}e9 in {what} x {bytes:.4} B", params / 1e9)
    };
    let mut terms = vec![term(
        of(&[Role::Attention, Role::FeedForward]),
        Role::FeedForward,
        "attention and feed-forward",
    )];
    if has_experts {
        terms.push(term(of(&[Role::Experts]), Role::Experts, "experts"));
    }
    let tables = model.embedding_params() / f64::from(it.tensor_parallel_size.max(1));
    terms.push(format!(
        "{:.3}e9 in vocabulary tables x {:.4} B",
        tables / 1e9,
        it.precision.unquantized_bytes()
    ));
    if it.pipeline_parallel_size > 1 {
        terms.push(format!("the fullest of {} stages", it.pipeline_parallel_size));
    }
    format!("{}, as allocated", terms.join(" + "))
}

/// What the KV cache is cut from.
const fn left(engine: Engine) -> &'static str {
    match engine {
        Engine::Vllm(_) => "usable - weights - activation - non_torch",
        Engine::Sglang => "usable - weights - non_torch",
        Engine::TensorRtLlm => "its share of (usable - weights - activation - non_torch)",
        Engine::LlamaCpp => "the cells of every sequence",
    }
}
