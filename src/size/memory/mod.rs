//! Memory of one GPU as a serving engine allocates it.
//!
//! Comes in: an architecture, a GPU and a deployment. Goes out: every part of the GPU's memory, and
//! what is left for the KV cache. The budget is that of vLLM's own start-up: utilization x total
//! = weights + activation peak + non-torch + KV cache, and since 0.21 + CUDA graphs, which older
//! versions put on top. TensorRT-LLM gives a share of what is left, `SGLang` a share of the whole.

mod explain;
mod kv_cache;
mod overhead;
mod weights;

pub(super) use kv_cache::kv_read_bytes;
pub use kv_cache::{KvCacheDtype, KvLayout};

use super::Precision;
use super::architecture::Architecture;
use super::engine::Engine;
use crate::catalog::{EngineMemory, GpuSpec};
use crate::units::Bytes;
use overhead::Limits;

/// How a model is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deployment {
    /// What serves it.
    pub engine: Engine,
    /// Format of the weights.
    pub precision: Precision,
    /// Format of the KV cache.
    pub kv_cache_dtype: KvCacheDtype,
    /// GPUs each layer is split over.
    pub tensor_parallel_size: u32,
    /// Stages of layers, one after the other.
    pub pipeline_parallel_size: u32,
    /// Share of the memory the engine may use; nothing for its default.
    pub gpu_memory_utilization: Option<f64>,
    /// Longest context; nothing for the model's.
    pub max_model_len: Option<u64>,
    /// Most sequences at once; nothing for the engine's default.
    pub max_num_seqs: Option<u32>,
    /// Most tokens of a step; nothing for the engine's default.
    pub max_num_batched_tokens: Option<u64>,
    /// No CUDA graphs.
    pub enforce_eager: bool,
    /// All-reduce bandwidth between the GPUs as measured on the host, 10^9 bytes a second; nothing
    /// for that of the fabric.
    pub bus_bandwidth_gb_s: Option<f64>,
}

impl Deployment {
    /// The defaults of the default engine on `n` GPUs.
    pub const fn new(precision: Precision, n: u32) -> Deployment {
        Deployment {
            engine: Engine::DEFAULT,
            precision,
            kv_cache_dtype: KvCacheDtype::Auto,
            tensor_parallel_size: n,
            pipeline_parallel_size: 1,
            gpu_memory_utilization: None,
            max_model_len: None,
            max_num_seqs: None,
            max_num_batched_tokens: None,
            enforce_eager: false,
            bus_bandwidth_gb_s: None,
        }
    }

    /// GPUs of one replica.
    pub const fn gpu_count(&self) -> u32 {
        self.tensor_parallel_size.saturating_mul(self.pipeline_parallel_size)
    }
}

/// The memory of one GPU, part by part, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuMemory {
    /// What the engine may use.
    pub usable: f64,
    /// Weights.
    pub weights: f64,
    /// Peak of the activations.
    pub activation: f64,
    /// CUDA graphs.
    pub cuda_graphs: f64,
    /// What `PyTorch` does not see.
    pub non_torch: f64,
    /// The CUDA context, outside the share.
    pub context: f64,
    /// What stands outside the share of the memory: the context, and CUDA graphs where they are not
    /// counted inside.
    pub outside: f64,
    /// Memory the engine sees.
    pub total_memory: f64,
    /// What is left for the KV cache; negative where nothing is.
    pub kv_cache: f64,
    /// How that is paged.
    pub layout: KvLayout,
    /// Tokens that all sequences share, where an engine allocates one context and no pages
    /// (llama.cpp).
    pub shared_context: Option<u64>,
    /// Most sequences at once.
    pub max_num_seqs: u32,
    /// Most tokens of a step.
    pub max_num_batched_tokens: u64,
    /// Longest context.
    pub max_model_len: u64,
}

impl GpuMemory {
    /// Works out every part. Llama 3.1 8B in bf16 under vLLM 0.19 on an H100 at 0.95: 75.23 usable
    /// - 14.99 weights - 1.88 activations - 0.25 non-torch leave 58.11 GiB, 476,016 tokens.
    pub fn of(
        model: &Architecture,
        gpu: &GpuSpec,
        it: &Deployment,
        constants: &EngineMemory,
    ) -> GpuMemory {
        let total = gpu.cuda_total.to_f64();
        let max_model_len =
            it.max_model_len.or(model.max_position_embeddings).unwrap_or(DEFAULT_CONTEXT);
        let limits = Limits::of(it, gpu, max_model_len);
        let weights = weights::weight_bytes(model, it);
        let activation = overhead::activation_bytes(model, it, limits, constants);
        let cuda_graphs = overhead::graph_bytes(model, it, gpu, limits, constants);
        let non_torch = overhead::non_torch_bytes(it, constants);
        let context = overhead::context_bytes(it, gpu, constants);
        let share = it.gpu_memory_utilization.unwrap_or_else(|| match it.engine {
            Engine::Vllm(_) if it.engine.is_vllm_since(21) => constants.vllm_share_since_0_21,
            Engine::Vllm(_) => constants.vllm_share,
            Engine::Sglang => sglang_share(it, gpu, limits),
            Engine::TensorRtLlm => constants.trtllm_share,
            Engine::LlamaCpp => 1.0,
        });
        let fixed = weights + activation + non_torch;
        let (usable, kv_cache) = match it.engine {
            Engine::Vllm(_) if it.engine.is_vllm_since(21) => {
                (share * total, share * total - fixed - cuda_graphs)
            }
            Engine::Vllm(_) => (share * total, share * total - fixed),
            // What was free before the weights came, times the share, less the weights.
            Engine::Sglang => (share * (total - context), share * (total - context) - weights),
            Engine::TensorRtLlm => (total, share * (total - fixed)),
            // It allocates the whole context of every sequence, or fails by what is missing.
            Engine::LlamaCpp => {
                let needed = kv_cache::llama_cpp_bytes(model, it, max_model_len);
                let left = total - fixed;
                (total, if needed <= left { needed } else { left - needed })
            }
        };
        let layout = KvLayout::of(model, it, limits.max_num_batched_tokens, constants);
        // The other engines leave room for both, or cut the cache from what is left after them.
        let outside = match it.engine {
            Engine::Vllm(_) if it.engine.is_vllm_since(21) => context,
            Engine::Vllm(_) | Engine::Sglang => context + cuda_graphs,
            Engine::TensorRtLlm | Engine::LlamaCpp => 0.0,
        };
        GpuMemory {
            usable,
            weights,
            activation,
            cuda_graphs,
            non_torch,
            context,
            outside,
            total_memory: total,
            kv_cache,
            layout,
            shared_context: (it.engine == Engine::LlamaCpp).then_some(max_model_len),
            max_num_seqs: limits.max_num_seqs,
            max_num_batched_tokens: limits.max_num_batched_tokens,
            max_model_len,
        }
    }

    /// Tokens the KV cache holds when every layer keeps all of them.
    pub fn kv_cache_tokens(&self) -> u64 {
        if let Some(context) = self.shared_context {
            return if self.kv_cache >= 0.0 { context } else { 0 };
        }
        Bytes::from_f64_rounded(self.layout.tokens(self.kv_cache)).get()
    }

    /// What is taken of the GPU in all: the parts of the share, and what stands outside it.
    pub fn total(&self) -> f64 {
        self.weights
            + self.activation
            + self.cuda_graphs
            + self.non_torch
            + self.context
            + self.kv_cache.max(0.0)
    }

    /// How much share and what stands outside it exceed the GPU; nothing where they do not.
    pub fn excess(&self) -> Option<f64> {
        Some(self.usable + self.outside - self.total_memory).filter(|it| *it > 0.0)
    }

    /// Requests of `tokens` the KV cache holds at once.
    pub fn max_concurrency(&self, tokens: u64) -> f64 {
        if let Some(context) = self.shared_context {
            let held = context as f64 / tokens.max(1) as f64;
            return if self.kv_cache >= 0.0 { held.min(f64::from(self.max_num_seqs)) } else { 0.0 };
        }
        self.layout.max_concurrency(self.kv_cache, tokens)
    }
}

/// Context assumed for a model that states none.
const DEFAULT_CONTEXT: u64 = 4_096;

/// `SGLang`'s default share for weights and caches: what is left of the memory after 512 MB, 1.5 MB
/// a token of a prompt piece, 1 GB for every 8 GPUs and 2 MB for every sequence of a graph; at
/// least 10 GB on GPUs beyond 60. Source: aiconfigurator's `sglang_backend.py`, `SGLang` 0.5.16.
fn sglang_share(it: &Deployment, gpu: &GpuSpec, limits: Limits) -> f64 {
    const MIB: f64 = 1_048_576.0;
    let total = gpu.cuda_total.to_f64() / MIB;
    let graphs = f64::from(limits.max_num_seqs.min(512));
    let reserve = 512.0
        + 1.5 * overhead::sglang_chunk(gpu) as f64
        + f64::from(it.gpu_count()) / 8.0 * 1_024.0
        + 2.0 * graphs;
    let reserve = if total > 60.0 * 1_024.0 { reserve.max(10.0 * 1_024.0) } else { reserve };
    ((total - reserve) / total).max(0.0)
}
