//! What an engine needs beside weights and KV cache: the peak of its activations, CUDA graphs, and
//! memory that `PyTorch` does not see.

use super::Deployment;
use crate::catalog::{EngineMemory, GpuSpec};
use crate::size::architecture::{Architecture, FeedForward, Mixer};
use crate::size::engine::Engine;

const GIB: f64 = 1_073_741_824.0;
const MIB: f64 = 1_048_576.0;

/// H100, H200, GH200, H20: the GPUs of `FlashAttention` 3.
const HOPPER: u32 = 90;

/// Tokens llama.cpp computes at once by default.
pub(super) const LLAMA_CPP_UBATCH: f64 = 512.0;

/// Bytes of an activation.
const ACTIVATION: f64 = 2.0;

/// The limits of a step: what was asked, else the engine's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Sequences at once.
    pub(super) max_num_seqs: u32,
    /// Tokens of one step.
    pub(super) max_num_batched_tokens: u64,
}

impl Limits {
    /// The defaults of vLLM by version and GPU: since 0.8 a step of 8,192 tokens and 1,024
    /// sequences where the GPU has 70 GiB or more and is not an A100, else 2,048 and 256; before,
    /// as many tokens as the context, but 512 beyond 32,768, where prompts are cut in pieces.
    pub(super) fn of(it: &Deployment, gpu: &GpuSpec, context: u64) -> Limits {
        const LARGE: f64 = 70.0 * GIB;
        let large = gpu.cuda_total.to_f64() >= LARGE && !gpu.name.starts_with("A100");
        let (sequences, tokens) = match it.engine {
            Engine::Vllm(_) if !it.engine.is_vllm_since(8) => {
                (256, if context > 32_768 { 512 } else { context.max(2_048) })
            }
            Engine::Vllm(_) if large => (1_024, 8_192),
            Engine::Vllm(_) => (256, 2_048),
            Engine::Sglang => (1_024, sglang_chunk(gpu)),
            Engine::TensorRtLlm => (2_048, 8_192),
            Engine::LlamaCpp => (1, 512),
        };
        Limits {
            max_num_seqs: it.max_num_seqs.unwrap_or(sequences).max(1),
            max_num_batched_tokens: it.max_num_batched_tokens.unwrap_or(tokens).max(1),
        }
    }
}

/// Tokens of a prompt `SGLang` computes at once, by the memory of the GPU. Source: `SGLang` 0.5.16's
/// defaults as aiconfigurator's `sglang_backend.py` mirrors them.
pub(super) fn sglang_chunk(gpu: &GpuSpec) -> u64 {
    match gpu.cuda_total.to_f64() / 1e9 {
        gb if gb < 35.0 => 2_048,
        gb if gb < 60.0 => 4_096,
        gb if gb < 160.0 => 8_192,
        _ => 16_384,
    }
}

/// Bytes of activations at their peak, on the GPU that has most: of pipeline stages the last, which
/// samples.
///
/// vLLM profiles one full step and then its sampler with every sequence at once, and keeps the
/// larger: T x 2 B x (3 I/n + 2 h) + 0.14 GiB, or S x V x 14 B of logits (37.5 B up to 0.16, which
/// sorted them) + 2.7 T h x 2 B + the workspace of experts. Llama 3.1 8B, S 1,024, T 8,192: 1.88 GiB,
/// logged 1.89. Source: start-up logs of vLLM.
///
/// TensorRT-LLM: 2 T h x a factor by GPUs, plus 15 %, as aiconfigurator has it.
pub(super) fn activation_bytes(
    model: &Architecture,
    it: &Deployment,
    limits: Limits,
    constants: &EngineMemory,
) -> f64 {
    let tokens = limits.max_num_batched_tokens as f64;
    let hidden = model.hidden_size as f64;
    match it.engine {
        Engine::Vllm(_) | Engine::Sglang => {
            let logits = sampler_bytes(model, it, limits, constants)
                + constants.hidden_copies * tokens * hidden * ACTIVATION
                + expert_workspace(model, it, tokens);
            forward_bytes(model, it, tokens, constants).max(logits)
        }
        Engine::TensorRtLlm => {
            let dense = [11.0, 6.5, 5.0, 5.0];
            let sparse = [22.0, 13.0, 10.0, 10.0];
            let by_gpus = if model.experts().is_some() { sparse } else { dense };
            let at = it.tensor_parallel_size.max(1).ilog2().min(3) as usize;
            let margin = 1.15;
            (ACTIVATION * tokens * hidden * by_gpus[at] * margin).max(90.0 * MIB)
        }
        Engine::LlamaCpp => {
            let step = LLAMA_CPP_UBATCH.min(tokens);
            step * (model.vocab_size as f64 * 4.0 + hidden * 4.0)
        }
    }
}

/// The larger of the two peaks in words, or the rule of another engine.
pub(super) fn activation_formula(
    model: &Architecture,
    it: &Deployment,
    limits: Limits,
    constants: &EngineMemory,
) -> String {
    let (tokens, hidden) = (limits.max_num_batched_tokens, model.hidden_size);
    match it.engine {
        Engine::Vllm(_) | Engine::Sglang => {
            let forward = forward_bytes(model, it, tokens as f64, constants);
            if activation_bytes(model, it, limits, constants) <= forward {
                return format!("{tokens} tokens through the widest layer");
            }
            format!(
                "{} sequences x {} words x {} B + {} x {tokens} tokens x {hidden} x 2 B{}",
                limits.max_num_seqs,
                model.vocab_size,
                logits_bytes(it, constants),
                constants.hidden_copies,
                if model.experts().is_some() { " + workspace of experts" } else { "" }
            )
        }
        Engine::TensorRtLlm => format!("2 x {tokens} tokens x {hidden} x a factor by GPUs + 15 %"),
        Engine::LlamaCpp => format!("{LLAMA_CPP_UBATCH} tokens x {} words x 4 B", model.vocab_size),
    }
}

/// Logits of every sequence with their copies.
fn sampler_bytes(
    model: &Architecture,
    it: &Deployment,
    limits: Limits,
    constants: &EngineMemory,
) -> f64 {
    logits_bytes(it, constants) * f64::from(limits.max_num_seqs) * model.vocab_size as f64
}

/// Bytes of one logit with its copies, by version.
fn logits_bytes(it: &Deployment, constants: &EngineMemory) -> f64 {
    if it.precision == crate::size::Precision::Fp32 {
        constants.logits_bytes_fp32
    } else if it.engine.is_vllm_since(17) || it.engine == Engine::Sglang {
        constants.logits_bytes
    } else {
        constants.logits_bytes_sorted
    }
}

/// The widest layer of one step, and what the compiler keeps.
fn forward_bytes(
    model: &Architecture,
    it: &Deployment,
    tokens: f64,
    constants: &EngineMemory,
) -> f64 {
    let n = f64::from(it.tensor_parallel_size.max(1));
    let width = model
        .feed_forwards
        .iter()
        .filter_map(|layers| match layers.kind {
            FeedForward::Dense { intermediate_size, .. } => Some(intermediate_size as f64),
            FeedForward::Experts(_) => None,
        })
        .fold(0.0, f64::max);
    let hidden = model.hidden_size as f64;
    tokens * ACTIVATION * (3.0 * width / n + 2.0 * hidden) + constants.compiled_gib * GIB
}

/// What the routed tokens of a step take between the two products of their experts:
/// T k x 2 B x (max(2 m/n, h) + max(m/n, h)).
fn expert_workspace(model: &Architecture, it: &Deployment, tokens: f64) -> f64 {
    let Some(experts) = model.experts() else { return 0.0 };
    // The kernels of MXFP4 need none.
    if it.precision == crate::size::Precision::Mxfp4 {
        return 0.0;
    }
    let n = f64::from(it.tensor_parallel_size.max(1));
    let width = experts.intermediate_size as f64 / n;
    let hidden = model.hidden_size as f64;
    tokens * experts.top_k as f64 * ACTIVATION * ((2.0 * width).max(hidden) + width.max(hidden))
}

/// Bytes of CUDA graphs: the first graph holds the workspace of the attention kernel, every other
/// a little per layer. On Hopper, `FlashAttention` 3 splits keys into 32: heads/n x head width x
/// captured tokens x 32 x 4 B. Llama 3.1 8B on an H100: 256 MiB + 50 x 32 x 0.42 MiB = 0.91 GiB.
pub(super) fn graph_bytes(
    model: &Architecture,
    it: &Deployment,
    gpu: &GpuSpec,
    limits: Limits,
    constants: &EngineMemory,
) -> f64 {
    const MOST_CAPTURED: u32 = 512;
    const SPLITS: f64 = 32.0;
    const STEP: u32 = 8;
    if it.enforce_eager || it.engine == Engine::LlamaCpp {
        return 0.0;
    }
    let captured = MOST_CAPTURED.min(limits.max_num_seqs.saturating_mul(2));
    let graphs = f64::from(captured.div_ceil(STEP)).min(constants.most_graphs);
    let n = u64::from(it.tensor_parallel_size.max(1));
    let workspace = if gpu.cuda_arch == Some(HOPPER) {
        let widest = model.mixers.iter().map(|layers| attention_width(&layers.kind, n));
        widest.fold(0.0, f64::max) * f64::from(captured) * SPLITS * 4.0
    } else {
        8.0 * MIB
    };
    let layers = model.num_hidden_layers as f64 / f64::from(it.pipeline_parallel_size.max(1));
    workspace + (graphs - 1.0).max(0.0) * layers * constants.graph_layer_mib * MIB
}

/// Numbers of the outputs of attention for one token on one GPU.
fn attention_width(mixer: &Mixer, n: u64) -> f64 {
    match mixer {
        Mixer::Grouped(it) => it.num_attention_heads.div_ceil(n) as f64 * it.head_dim as f64,
        Mixer::Latent(it) => it.num_attention_heads.div_ceil(n) as f64 * it.kv_lora_rank as f64,
        Mixer::GatedDelta(_) | Mixer::Mamba2(_) => 0.0,
    }
}

/// Bytes of the CUDA context, which the engine's share does not count. That of several GPUs was
/// measured on H100; 24 GB cards in pairs run where it would leave no room, so they take the other.
pub(super) fn context_bytes(it: &Deployment, gpu: &GpuSpec, constants: &EngineMemory) -> f64 {
    let gib = if it.tensor_parallel_size > 1 && gpu.cuda_arch >= Some(HOPPER) {
        constants.context_parallel_gib
    } else {
        constants.context_gib
    };
    gib * GIB
}

/// Bytes `PyTorch` does not see, inside the engine's share: library workspaces, NCCL buffers.
pub(super) fn non_torch_bytes(it: &Deployment, constants: &EngineMemory) -> f64 {
    let parallel = it.tensor_parallel_size > 1;
    let gib = match it.engine {
        Engine::Vllm(_) | Engine::Sglang => {
            let newer = it.engine.is_vllm_since(18) || it.engine == Engine::Sglang;
            match (newer, parallel) {
                (_, false) if it.pipeline_parallel_size > 1 => constants.non_torch_stage_gib,
                (true, false) => constants.non_torch_gib,
                (true, true) => constants.non_torch_parallel_gib,
                (false, false) => constants.non_torch_before_0_18_gib,
                (false, true) => constants.non_torch_parallel_before_0_18_gib,
            }
        }
        Engine::TensorRtLlm => {
            let nccl = match it.tensor_parallel_size {
                0 | 1 => 0.0,
                2 => constants.nccl_2_gb,
                _ => constants.nccl_4_gb,
            };
            (constants.other_gb + nccl) * 1e9 / GIB
        }
        Engine::LlamaCpp => constants.non_torch_before_0_18_gib,
    };
    gib * GIB
}
