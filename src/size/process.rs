//! Memory of one process of transformers that generates text, without a serving engine.
//!
//! The cache is as long as the text, for every layer, and a prompt is computed in one go: nothing is
//! paged, bounded or prepared in advance.

use std::num::{NonZeroU32, NonZeroU64};

use super::Precision;
use super::architecture::{Architecture, FeedForward, Mixer};
use super::params::Role;
use crate::catalog::Training;
use crate::units::Bytes;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessQuestion {
    /// Format of the weights.
    pub precision: Precision,
    /// Tokens of each prompt.
    pub prompt_tokens: NonZeroU64,
    /// Tokens of prompt and answer together.
    pub total_tokens: NonZeroU64,
    /// Sequences at once.
    pub batch: NonZeroU64,
    /// GPUs the layers are spread over, whole layers on each.
    pub gpu_count: NonZeroU32,
}

/// Peak memory over all GPUs.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessMemory {
    /// Weights.
    pub weights: Bytes,
    /// Keys and values of all tokens.
    pub kv_cache: Bytes,
    /// What computing the prompt needs on every GPU.
    pub activations: Bytes,
    /// CUDA context and libraries on every GPU.
    pub non_torch: Bytes,
    /// All of them.
    pub total: Bytes,
    /// One line per part.
    pub formulas: Vec<String>,
}

impl ProcessMemory {
    /// What `torch.cuda.max_memory_allocated` reports, summed over the GPUs.
    pub fn torch_allocated(&self) -> Bytes {
        self.total.saturating_sub(self.non_torch)
    }
}

/// Peak memory. Qwen2.5 7B in bf16, 30,720 tokens of prompt and 2,048 of answer: 14.2 + 1.75 + 4.07
/// = 20.0 GiB against 19.97 measured. Source: transformers' models.
pub fn process(model: &Architecture, it: &ProcessQuestion, constants: &Training) -> ProcessMemory {
    const HALF: f64 = 2.0;
    let batch = it.batch.get() as f64;
    let gpus = f64::from(it.gpu_count.get());
    let weights = weight_bytes(model, it.precision);
    let per_token = HALF * cached_elements(model);
    let kv_cache = batch * it.total_tokens.get() as f64 * per_token;
    // Gate, up and their product; residual, norm, and input and output of the projection.
    let width = 3.0 * widest_block(model) + 4.0 * model.hidden_size as f64;
    let activations = gpus * batch * it.prompt_tokens.get() as f64 * HALF * width;
    let non_torch = gpus * constants.process_context_gb * 1e9;
    let bytes = Bytes::from_f64_rounded;
    let total = [weights, kv_cache, activations, non_torch].map(bytes).into_iter().sum::<Bytes>();
    let gib = |amount: f64| bytes(amount).to_gib();
    let formulas = vec![
        format!(
            "weights = {:.0} params in {} = {:.2} GiB",
            model.params(),
            it.precision,
            gib(weights)
        ),
        format!(
            "kv_cache = {batch} x {} tokens x {per_token} B = {:.2} GiB",
            it.total_tokens,
            gib(kv_cache)
        ),
        format!(
            "activations = {gpus} GPUs x {batch} x {} tokens x {width:.0} x {HALF} B = {:.2} GiB",
            it.prompt_tokens,
            gib(activations)
        ),
        format!("non_torch = {gpus} GPUs of context = {:.2} GiB", gib(non_torch)),
        format!("total = all parts = {:.2} GiB", total.to_gib()),
    ];
    ProcessMemory {
        weights: bytes(weights),
        kv_cache: bytes(kv_cache),
        activations: bytes(activations),
        non_torch: bytes(non_torch),
        total,
        formulas,
    }
}

/// Matrices in their format, all else as the checkpoint has it.
fn weight_bytes(model: &Architecture, precision: Precision) -> f64 {
    let has_experts = model.experts().is_some();
    let matrices = model.matrices(1);
    let stored = matrices.iter().filter(|it| it.role != Role::Absorbed);
    let (params, bytes) = stored.fold((0.0, 0.0), |(params, bytes), it| {
        let matrix = it.layers as f64 * precision.matrix_bytes(it, has_experts);
        (params + it.params(), bytes + matrix)
    });
    bytes + (model.params() - params).max(0.0) * precision.unquantized_bytes()
}

/// Elements every token adds to the cache; of latent attention the unfolded keys and values.
/// Layers with a state add none, and their few megabytes are left out.
fn cached_elements(model: &Architecture) -> f64 {
    let each = |kind: &Mixer| match kind {
        Mixer::Grouped(it) => 2.0 * it.num_key_value_heads as f64 * it.head_dim as f64,
        Mixer::Latent(it) => {
            let head = it.qk_nope_head_dim.saturating_add(it.qk_rope_head_dim) as f64
                + it.v_head_dim as f64;
            it.num_attention_heads as f64 * head
        }
        Mixer::GatedDelta(_) | Mixer::Mamba2(_) => 0.0,
    };
    model.mixers.iter().map(|it| it.count as f64 * each(&it.kind)).sum()
}

/// Width of the widest feed-forward block. Experts take turns, each with its share of the tokens.
fn widest_block(model: &Architecture) -> f64 {
    let width = |kind: &FeedForward| match kind {
        FeedForward::Dense { intermediate_size, .. } => *intermediate_size as f64,
        FeedForward::Experts(it) => {
            let share = it.top_k as f64 / it.count as f64;
            (share * it.intermediate_size as f64).max(it.shared_intermediate_size as f64)
        }
    };
    model.feed_forwards.iter().map(|it| width(&it.kind)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::size::fixtures;

    fn sized(id: &str, prompt: u64, total: u64, batch: u64) -> ProcessMemory {
        let catalog = Catalog::embedded().unwrap();
        let model = Architecture::of(catalog.model(id).unwrap()).unwrap();
        let count = |it| NonZeroU64::new(it).unwrap();
        let question = ProcessQuestion {
            precision: Precision::Bf16,
            prompt_tokens: count(prompt),
            total_tokens: count(total),
            batch: count(batch),
            gpu_count: NonZeroU32::MIN,
        };
        process(&model, &question, &fixtures::training())
    }

    #[test]
    fn a_long_prompt() {
        let it = sized("Qwen/Qwen2.5-7B", 30_720, 32_768, 1);
        let gib = |bytes: Bytes| format!("{:.2}", bytes.to_gib());
        let parts = [it.weights, it.kv_cache, it.activations, it.torch_allocated()].map(gib);
        assert_eq!(parts, ["14.19", "1.75", "4.07", "20.01"]);
    }

    #[test]
    fn absurd_lengths_saturate() {
        let it = sized("Qwen/Qwen2.5-7B", u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(it.total, Bytes::new(u64::MAX));
    }
}
