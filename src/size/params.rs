//! The matrices of a model: how many weights each GPU holds, and how many a token touches.

use super::architecture::{
    Architecture, Experts, FeedForward, GatedDelta, Grouped, ImageTokens, Latent, Mamba2, Mixer,
};

/// What a matrix is for, which decides whether a quantized checkpoint keeps it at 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Projections of attention, linear attention and state spaces.
    Attention,
    /// Copies of latent projections that an engine unfolds beside the checkpoint's.
    Absorbed,
    /// Dense blocks and shared experts.
    FeedForward,
    /// Routed experts.
    Experts,
    /// Routers and gates of experts, always at 16 bits or more.
    Router,
}

/// Equal matrices, one in each of some layers, as one GPU holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// What they are for.
    pub role: Role,
    /// Layers that have one.
    pub layers: u64,
    /// Outputs; those of fused and stacked matrices together.
    pub rows: u64,
    /// Inputs.
    pub cols: u64,
}

impl Matrix {
    /// Weights of all of them.
    pub fn params(&self) -> f64 {
        self.layers as f64 * self.rows as f64 * self.cols as f64
    }
}

impl Architecture {
    /// The matrices of all layers on one of `n` GPUs, fused and split as serving engines do:
    /// queries, keys and values in one, gate and up in one, experts stacked. Key-value heads that
    /// do not reach for every GPU are held several times. Llama 3.1 8B on 4 GPUs: 32 matrices of
    /// (32 + 2 x 8) x 128 / 4 = 1,536 x 4,096 for queries, keys and values.
    pub fn matrices(&self, n: u64) -> Vec<Matrix> {
        let n = n.max(1);
        let mut all = Vec::with_capacity(12);
        for it in &self.mixers {
            let mut push = |role, rows: u64, cols: u64| {
                all.push(Matrix { role, layers: it.count, rows, cols });
            };
            match &it.kind {
                Mixer::Grouped(kind) => grouped(kind, self.hidden_size, n, &mut push),
                Mixer::Latent(kind) => latent(kind, self.hidden_size, n, &mut push),
                Mixer::GatedDelta(kind) => gated_delta(kind, self.hidden_size, n, &mut push),
                Mixer::Mamba2(kind) => mamba2(kind, self.hidden_size, n, &mut push),
            }
        }
        for it in &self.feed_forwards {
            let mut push = |role, rows: u64, cols: u64| {
                all.push(Matrix { role, layers: it.count, rows, cols });
            };
            match &it.kind {
                FeedForward::Dense { intermediate_size, matrices } => {
                    block(
                        Role::FeedForward,
                        *intermediate_size,
                        *matrices,
                        self.hidden_size,
                        n,
                        &mut push,
                    );
                }
                FeedForward::Experts(kind) => experts(kind, self.hidden_size, n, &mut push),
            }
        }
        all
    }

    /// Weights of the vocabulary tables: embedding and output layer, or one when they are tied.
    pub fn embedding_params(&self) -> f64 {
        let tables = if self.tie_word_embeddings { 1.0 } else { 2.0 };
        tables * self.head_params()
    }

    /// Weights of one vocabulary table, which is what every step reads as the output layer.
    pub fn head_params(&self) -> f64 {
        self.vocab_size as f64 * self.hidden_size as f64
    }

    /// Weights of the vision tower with the projector behind it: layers of 4 h^2 + 2 h I, the patch
    /// embedding, and a projector that joins m x m patches and maps them to the width of the
    /// decoder. `LLaVA` 1.5's tower, 24 layers of 1,024 and 4,096: 0.30e9 and 0.02e9.
    pub fn vision_params(&self) -> f64 {
        const COLOURS: f64 = 3.0;
        let Some(it) = &self.vision else { return 0.0 };
        let (hidden, width) = (it.hidden_size as f64, it.intermediate_size as f64);
        let layers = it.depth as f64 * (4.0 * hidden * hidden + 2.0 * hidden * width);
        let patches = COLOURS * (it.patch_size as f64).powi(2) * hidden;
        let joined = hidden * (it.spatial_merge_size.unwrap_or(1) as f64).powi(2);
        let out = it.out_hidden_size.unwrap_or(self.hidden_size) as f64;
        let projector = joined * joined.max(out) + joined.max(out) * out;
        layers + patches + projector
    }

    /// Tokens an image of `width` x `height` pixels becomes; nothing for a model that takes none.
    /// `LLaVA` 1.5: (336 / 14)^2 = 576 whatever the image; Qwen3-VL at 1,024 x 1,024, squares of
    /// 16 x 2 pixels: 32 x 32 = 1,024. Source: the processors of the transformers library.
    pub fn image_tokens(&self, width: u32, height: u32) -> Option<u64> {
        Some(match self.images? {
            ImageTokens::Fixed(tokens) => tokens,
            ImageTokens::ByArea { side, longest } => {
                let most = u64::from(width.max(height));
                let limit = longest.filter(|it| *it < most);
                let across = |pixels: u32| {
                    let pixels = u64::from(pixels);
                    limit.map_or(pixels, |limit| pixels * limit / most).div_ceil(side.max(1)).max(1)
                };
                across(width).saturating_mul(across(height))
            }
        })
    }

    /// All weights of the decoder, counted: vocabulary tables, matrices, norms and biases. Llama 3.1 8B:
    /// 8,030,261,248. Source: the tensors of the published checkpoints.
    pub fn counted_params(&self) -> f64 {
        let matrices: f64 = self
            .matrices(1)
            .iter()
            .filter(|it| it.role != Role::Absorbed)
            .map(Matrix::params)
            .sum();
        let small = self.num_hidden_layers as f64 * self.small_per_layer as f64;
        matrices + small + self.hidden_size as f64 + self.embedding_params()
    }

    /// All weights: as the source states them, else counted.
    pub fn params(&self) -> f64 {
        self.stated_params.map_or_else(|| self.counted_params(), |it| it as f64)
    }

    /// Weights one token touches: of the experts the few it visits; the output layer once, the
    /// embedding not at all. Qwen3-30B-A3B: 3.0e9 of 30.5e9.
    pub fn active_params(&self) -> f64 {
        let matrices: f64 = self
            .matrices(1)
            .iter()
            .filter(|it| it.role != Role::Absorbed)
            .map(|it| {
                if it.role == Role::Experts {
                    it.params() * self.expert_share()
                } else {
                    it.params()
                }
            })
            .sum();
        matrices + self.head_params()
    }

    /// Query heads, which tensor parallelism divides; nothing for a model without attention.
    pub fn num_attention_heads(&self) -> Option<u64> {
        self.mixers.iter().find_map(|it| match it.kind {
            Mixer::Grouped(kind) => Some(kind.num_attention_heads),
            Mixer::Latent(kind) => Some(kind.num_attention_heads),
            Mixer::GatedDelta(_) | Mixer::Mamba2(_) => None,
        })
    }

    /// The experts, where the model has some.
    pub fn experts(&self) -> Option<Experts> {
        self.feed_forwards.iter().find_map(|it| match it.kind {
            FeedForward::Experts(experts) => Some(experts),
            FeedForward::Dense { .. } => None,
        })
    }

    /// Layers with routed experts.
    pub(super) fn expert_layers(&self) -> u64 {
        let sparse =
            self.feed_forwards.iter().filter(|it| matches!(it.kind, FeedForward::Experts(_)));
        sparse.map(|it| it.count).sum()
    }

    /// Share of the routed experts that one token visits; 1 without experts.
    fn expert_share(&self) -> f64 {
        self.experts().map_or(1.0, |it| it.top_k as f64 / it.count as f64)
    }
}

/// Queries, keys and values in one matrix, and the output projection.
fn grouped(it: &Grouped, hidden: u64, n: u64, push: &mut impl FnMut(Role, u64, u64)) {
    let query = it.num_attention_heads.saturating_mul(it.head_dim).div_ceil(n);
    let key = it.num_key_value_heads.div_ceil(n).saturating_mul(it.head_dim);
    let gates = if it.output_gate { 2 } else { 1 };
    let keys = if it.keys_are_values { 1 } else { 2 };
    let rows = query.saturating_mul(gates).saturating_add(key.saturating_mul(keys));
    push(Role::Attention, rows, hidden);
    push(Role::Attention, hidden, query);
}

/// Down and up projections of queries and of keys with values, and the output projection. The
/// narrow down projections are on every GPU; engines unfold the up projection of keys and values
/// a second time for decoding.
fn latent(it: &Latent, hidden: u64, n: u64, push: &mut impl FnMut(Role, u64, u64)) {
    let heads = it.num_attention_heads.div_ceil(n);
    let key = it.qk_nope_head_dim.saturating_add(it.qk_rope_head_dim);
    let compressed = it.kv_lora_rank.saturating_add(it.qk_rope_head_dim);
    if let Some(rank) = it.q_lora_rank {
        push(Role::Attention, rank, hidden);
    }
    push(Role::Attention, heads.saturating_mul(key), it.q_lora_rank.unwrap_or(hidden));
    push(Role::Attention, compressed, hidden);
    let up = heads.saturating_mul(it.qk_nope_head_dim.saturating_add(it.v_head_dim));
    push(Role::Attention, up, it.kv_lora_rank);
    push(Role::Absorbed, up, it.kv_lora_rank);
    push(Role::Attention, hidden, heads.saturating_mul(it.v_head_dim));
    if let Some((index_heads, index_dim)) = it.indexer {
        let queries = index_heads.saturating_mul(index_dim);
        push(Role::Attention, queries, it.q_lora_rank.unwrap_or(hidden));
        push(Role::Attention, index_dim.saturating_add(index_heads), hidden);
    }
}

/// Queries, keys, values and their gate in one matrix, two gates per value head, the convolution,
/// and the output projection.
fn gated_delta(it: &GatedDelta, hidden: u64, n: u64, push: &mut impl FnMut(Role, u64, u64)) {
    let keys = it.num_key_heads.saturating_mul(it.key_head_dim).div_ceil(n);
    let values = it.num_value_heads.saturating_mul(it.value_head_dim).div_ceil(n);
    let gates = it.num_value_heads.saturating_mul(2).div_ceil(n);
    let mixed = keys.saturating_mul(2).saturating_add(values);
    push(Role::Attention, mixed.saturating_add(values), hidden);
    push(Role::Attention, gates, hidden);
    push(Role::Attention, mixed, it.conv_kernel);
    push(Role::Attention, hidden, values);
}

/// State input, gate, both state projections and time steps in one matrix, the convolution, and
/// the output projection.
fn mamba2(it: &Mamba2, hidden: u64, n: u64, push: &mut impl FnMut(Role, u64, u64)) {
    let inner = it.num_heads.saturating_mul(it.head_dim).div_ceil(n);
    let states = it.n_groups.div_ceil(n).saturating_mul(it.state_size).saturating_mul(2);
    let mixed = inner.saturating_add(states);
    let heads = it.num_heads.div_ceil(n);
    push(Role::Attention, mixed.saturating_add(inner).saturating_add(heads), hidden);
    push(Role::Attention, mixed, it.conv_kernel);
    push(Role::Attention, hidden, inner);
}

/// Gate and up in one matrix, and down.
fn block(
    role: Role,
    intermediate: u64,
    matrices: u64,
    hidden: u64,
    n: u64,
    push: &mut impl FnMut(Role, u64, u64),
) {
    let width = intermediate.div_ceil(n);
    push(role, width.saturating_mul(matrices.saturating_sub(1)), hidden);
    push(role, hidden, width);
}

/// All experts of a layer stacked, each split over the GPUs; the router on every GPU.
fn experts(it: &Experts, hidden: u64, n: u64, push: &mut impl FnMut(Role, u64, u64)) {
    let width = it.intermediate_size.div_ceil(n);
    let ups = it.matrices.saturating_sub(1);
    push(Role::Experts, it.count.saturating_mul(width).saturating_mul(ups), hidden);
    push(Role::Experts, it.count.saturating_mul(hidden), width);
    push(Role::Router, it.count, hidden);
    if it.shared_intermediate_size > 0 {
        block(Role::FeedForward, it.shared_intermediate_size, it.matrices, hidden, n, push);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn parameters_are_counted_to_the_last_one() {
        for arch in [
            fixtures::llama_8b(),
            fixtures::llama_70b(),
            fixtures::llama_2_7b(),
            fixtures::llama_3_2_3b(),
            fixtures::qwen3_32b(),
        ] {
            let counted = Architecture::of(&arch).unwrap().counted_params();
            assert_eq!(Some(counted), arch.params_total.map(|it| it as f64), "{}", arch.id);
        }
    }

    /// Every architecture of the catalog, against the parameters its source states.
    #[test]
    fn the_catalog_is_counted() {
        let catalog = crate::catalog::Catalog::embedded().unwrap();
        let (mut checked, mut exact) = (0, 0);
        for arch in &catalog.models {
            let Ok(it) = Architecture::of(arch) else { continue };
            let Some(stated) = arch.params_total else { continue };
            let error = it.counted_params() / stated as f64 - 1.0;
            assert!(error.abs() < 0.001, "{}: {:.4} %", arch.id, error * 100.0);
            checked += 1;
            exact += usize::from(error.abs() < f64::EPSILON);
        }
        assert!(checked > 60 && exact >= 50, "{exact} of {checked}");
    }

    #[test]
    fn images_become_tokens() {
        let catalog = crate::catalog::Catalog::embedded().unwrap();
        let check = |id: &str, size: (u32, u32), expected: Option<u64>| {
            let it = Architecture::of(catalog.model(id).unwrap()).unwrap();
            assert_eq!(it.image_tokens(size.0, size.1), expected, "{id}");
        };
        check("llava-hf/llava-1.5-7b-hf", (2_000, 100), Some(576));
        check("google/gemma-3-4b-it", (100, 100), Some(256));
        check("Qwen/Qwen3-VL-8B-Instruct", (1_024, 1_024), Some(1_024));
        check("Qwen/Qwen3-VL-8B-Instruct", (1, 1), Some(1));
        check("Qwen/Qwen3-8B", (1_024, 1_024), None);
    }

    #[test]
    fn one_gpu_of_four() {
        let it = Architecture::of(&fixtures::llama_8b()).unwrap();
        let first = it.matrices(4)[0];
        assert_eq!((first.layers, first.rows, first.cols), (32, 1_536, 4_096));
        // 8 key-value heads on 16 GPUs: 2 query heads and one copy of key and value on each.
        assert_eq!(it.matrices(16)[0].rows, (2 + 2) * 128);
    }
}
