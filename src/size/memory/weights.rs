//! Weights as an engine allocates them on the GPU that holds most.

use super::Deployment;
use crate::size::Precision;
use crate::size::architecture::{Architecture, Mixer};
use crate::size::engine::Engine;
use crate::size::params::{Matrix, Role};

const MIB: f64 = 1024.0 * 1024.0;

/// Bytes of the weights on one GPU: every fused matrix as the caching allocator rounds it, the
/// vocabulary tables padded to 64 rows a GPU, norms, and the table of rotary angles. With
/// pipeline stages the first holds the embedding and the last the output layer; this is the larger
/// of the two. Llama 3.1 8B in bf16 under vLLM: 14.99 GiB, as its log prints.
pub(super) fn weight_bytes(model: &Architecture, it: &Deployment) -> f64 {
    if it.engine == Engine::LlamaCpp {
        return llama_cpp(model, it);
    }
    // Where the files are at hand, the formula says how they are split, and they how much there is.
    let exact = model
        .checkpoint
        .as_ref()
        .map_or(1.0, |files| files.bytes.to_f64() / checkpoint_bytes(model, it.precision).max(1.0));
    exact * formula(model, it)
}

/// Bytes of the checkpoint by the formula: every matrix once, the vocabulary tables as they are.
fn checkpoint_bytes(model: &Architecture, precision: Precision) -> f64 {
    let has_experts = model.experts().is_some();
    let wide = precision.unquantized_bytes();
    let matrices = model.matrices(1);
    let stored = matrices.iter().filter(|it| it.role != Role::Absorbed);
    let matrices: f64 =
        stored.map(|it| it.layers as f64 * precision.matrix_bytes(it, has_experts)).sum();
    let small = model.num_hidden_layers as f64 * model.small_per_layer as f64;
    matrices + (model.embedding_params() + small + model.vision_params()) * wide
}

fn formula(model: &Architecture, it: &Deployment) -> f64 {
    let tensor = u64::from(it.tensor_parallel_size.max(1));
    let stages = f64::from(it.pipeline_parallel_size.max(1));
    let has_experts = model.experts().is_some();
    let matrices: f64 = model
        .matrices(tensor)
        .iter()
        .filter(|matrix| matrix.role != Role::Absorbed || matches!(it.engine, Engine::Vllm(_)))
        .map(|matrix| {
            let bytes = it.precision.matrix_bytes(matrix, has_experts) * padding(model, it, matrix);
            let layers = (matrix.layers as f64 / stages).ceil();
            layers * allocated(bytes)
        })
        .sum();
    let wide = it.precision.unquantized_bytes();
    let table = padded(model.vocab_size).div_ceil(tensor) as f64 * model.hidden_size as f64 * wide;
    let on_one_stage = !model.tie_word_embeddings && it.pipeline_parallel_size <= 1;
    let tables = if on_one_stage { 2.0 } else { 1.0 };
    let small = (model.num_hidden_layers as f64 / stages) * model.small_per_layer as f64 * wide;
    // A vision tower stays as it is, and every GPU has all of it.
    let vision = model.vision_params() * wide;
    matrices + tables * allocated(table) + small + vision + rotary_table(model, wide)
}

/// llama.cpp leaves the embedding on the CPU, layers are split whole, every matrix as in the file.
fn llama_cpp(model: &Architecture, it: &Deployment) -> f64 {
    let gpus = f64::from(it.gpu_count().max(1));
    if let Some(files) = &model.checkpoint {
        return files.bytes.saturating_sub(files.embedding).to_f64() / gpus;
    }
    let embedding = if model.tie_word_embeddings { 0.0 } else { model.head_params() };
    (model.params() - embedding).max(0.0) * it.precision.bytes_per_weight() / gpus
}

/// MXFP4 kernels pad the width of an expert to whole tiles of 256: gpt-oss holds 3,072 of 2,880.
fn padding(model: &Architecture, it: &Deployment, matrix: &Matrix) -> f64 {
    const TILE: u64 = 256;
    let experts = model.experts().filter(|_| matrix.role == Role::Experts);
    let Some(experts) = experts.filter(|_| it.precision == Precision::Mxfp4) else { return 1.0 };
    let width = experts.intermediate_size.div_ceil(u64::from(it.tensor_parallel_size.max(1)));
    width.div_ceil(TILE).saturating_mul(TILE) as f64 / width as f64
}

/// Rows of a vocabulary table as engines pad it.
fn padded(vocab_size: u64) -> u64 {
    const TO: u64 = 64;
    vocab_size.div_ceil(TO).saturating_mul(TO)
}

/// Cosines and sines of every position the model knows. 131,072 positions of 128 dimensions: 32 MiB.
fn rotary_table(model: &Architecture, wide: f64) -> f64 {
    let width = model.mixers.iter().find_map(|it| match &it.kind {
        Mixer::Grouped(kind) => Some(kind.head_dim),
        Mixer::Latent(kind) => Some(kind.qk_rope_head_dim),
        Mixer::GatedDelta(_) | Mixer::Mamba2(_) => None,
    });
    let positions = model.max_position_embeddings.unwrap_or(0);
    positions as f64 * width.unwrap_or(0) as f64 * model.rotary_share * wide
}

/// What `PyTorch`'s caching allocator hands out: from 10 MiB on whole 2 MiB where at most 1 MiB of
/// them stays unused, else whole 512 bytes.
fn allocated(bytes: f64) -> f64 {
    let large = (bytes / (2.0 * MIB)).ceil() * (2.0 * MIB);
    if bytes >= 10.0 * MIB && large - bytes <= MIB { large } else { (bytes / 512.0).ceil() * 512.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_rounds() {
        let check = |bytes: f64, expected: f64| {
            assert!((allocated(bytes) - expected).abs() < 1e-6, "{bytes}");
        };
        check(1_000.0, 1_024.0);
        check(11.5 * MIB, 12.0 * MIB);
        check(10.5 * MIB, 10.5 * MIB);
        check(9.5 * MIB, 9.5 * MIB);
    }
}
