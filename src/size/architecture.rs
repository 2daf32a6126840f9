//! A model as the sizer sees it: layers by what mixes their tokens and by what they feed forward.
//!
//! Every architecture is a sum over such groups: dense transformers with multi-head, grouped-query
//! or multi-query attention, experts, latent attention, sliding windows and chunks, linear
//! attention and state spaces. Parameters, weight bytes, KV cache and work per token all follow
//! from the groups, so a new architecture is a new group and not a new formula elsewhere.

use crate::catalog::{LinearAttention, Mla, ModelArch, Moe, VisionTower};
use crate::units::Bytes;

/// Layers of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers<T> {
    /// How many.
    pub count: u64,
    /// Of what kind.
    pub kind: T,
}

/// How far back a token attends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the first token.
    Full,
    /// To the tokens of a window that moves along.
    Sliding(u64),
    /// To the start of its own chunk.
    Chunked(u64),
    /// To the tokens of images only (Llama 3.2 Vision).
    Images,
}

/// Multi-head, grouped-query or multi-query attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouped {
    /// Query heads.
    pub num_attention_heads: u64,
    /// Key and value heads.
    pub num_key_value_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// How far back it attends.
    pub reach: Reach,
    /// Whether the output has a gate, which doubles the query projection (Qwen 3.5).
    pub output_gate: bool,
    /// Whether keys serve as values, so that there is no value projection (Gemma 4's global layers).
    pub keys_are_values: bool,
}

/// Multi-head latent attention (`DeepSeek`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latent {
    /// Query heads.
    pub num_attention_heads: u64,
    /// Width of the compressed keys and values.
    pub kv_lora_rank: u64,
    /// Width of the compressed queries, where they are compressed.
    pub q_lora_rank: Option<u64>,
    /// Width of the part of a key without position.
    pub qk_nope_head_dim: u64,
    /// Width of the part with position, one for all heads.
    pub qk_rope_head_dim: u64,
    /// Width of a value.
    pub v_head_dim: u64,
    /// Heads and width of the indexer of sparse attention.
    pub indexer: Option<(u64, u64)>,
}

/// Gated delta-rule linear attention (Qwen 3.5, Qwen3-Next).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatedDelta {
    /// Key heads.
    pub num_key_heads: u64,
    /// Value heads.
    pub num_value_heads: u64,
    /// Width of a key head.
    pub key_head_dim: u64,
    /// Width of a value head.
    pub value_head_dim: u64,
    /// Tokens the convolution sees.
    pub conv_kernel: u64,
}

/// Mamba-2 state-space layer (Nemotron-H).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mamba2 {
    /// Heads.
    pub num_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Size of the state of one channel.
    pub state_size: u64,
    /// Groups that share their projections.
    pub n_groups: u64,
    /// Tokens the convolution sees.
    pub conv_kernel: u64,
}

/// What mixes the tokens of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixer {
    /// Attention with keys and values for every token.
    Grouped(Grouped),
    /// Attention with one compressed vector for every token.
    Latent(Latent),
    /// Linear attention with a state for every sequence.
    GatedDelta(GatedDelta),
    /// State space with a state for every sequence.
    Mamba2(Mamba2),
}

/// Mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    /// Routed experts.
    pub count: u64,
    /// Experts one token visits.
    pub top_k: u64,
    /// Width of one expert.
    pub intermediate_size: u64,
    /// Width of all shared experts together; 0 without.
    pub shared_intermediate_size: u64,
    /// Matrices of an expert: 3 with a gate, 2 without.
    pub matrices: u64,
}

/// What a layer feeds forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedForward {
    /// One block for every token.
    Dense {
        /// Its width.
        intermediate_size: u64,
        /// Its matrices: 3 with a gate, 2 without.
        matrices: u64,
    },
    /// A few of many blocks for every token.
    Experts(Experts),
}

/// A model with every number the sizer needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The Hugging Face id, or the name of the file it came from.
    pub id: String,
    /// Layers, however they are built.
    pub num_hidden_layers: u64,
    /// Width.
    pub hidden_size: u64,
    /// Vocabulary.
    pub vocab_size: u64,
    /// Whether the output layer shares the embedding.
    pub tie_word_embeddings: bool,
    /// Longest context, where known.
    pub max_position_embeddings: Option<u64>,
    /// Layers by what mixes their tokens.
    pub mixers: Vec<Layers<Mixer>>,
    /// Layers by what they feed forward.
    pub feed_forwards: Vec<Layers<FeedForward>>,
    /// Share of a head that carries the position.
    pub(super) rotary_share: f64,
    /// What makes tokens of images.
    pub vision: Option<VisionTower>,
    /// How many tokens an image becomes, where known.
    pub(super) images: Option<ImageTokens>,
    /// What the files of the weights hold, where they are at hand.
    pub checkpoint: Option<Checkpoint>,
    /// Norms and biases of one layer, in parameters.
    pub(super) small_per_layer: u64,
    /// All parameters as the catalog states them.
    pub(super) stated_params: Option<u64>,
}

/// The bytes of weight files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// All tensors.
    pub bytes: Bytes,
    /// The embedding, where the output layer has a tensor of its own.
    pub embedding: Bytes,
}

/// How many tokens an image becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageTokens {
    /// Every image is brought to one size first.
    Fixed(u64),
    /// One token for every square of this many pixels a side, of an image whose longer side is at
    /// most so long.
    ByArea {
        /// Side of the square.
        side: u64,
        /// Longest side.
        longest: Option<u64>,
    },
}

impl ImageTokens {
    /// Known for `LLaVA` 1.5 and Gemma 3, which resize, and for Qwen, Mistral and Kimi, which do not.
    fn of(arch: &ModelArch) -> Option<ImageTokens> {
        let tower = arch.vision.as_ref()?;
        let side = tower.patch_size.checked_mul(tower.spatial_merge_size.unwrap_or(1))?;
        match arch.family.as_str() {
            "llava" | "gemma3" => {
                let tokens = (tower.image_size? / side.max(1)).checked_pow(2)?;
                Some(ImageTokens::Fixed(tokens))
            }
            family if ["qwen", "mistral", "kimi"].iter().any(|it| family.starts_with(it)) => {
                Some(ImageTokens::ByArea { side, longest: tower.image_size })
            }
            _ => None,
        }
    }
}

/// Families whose feed-forward part has two matrices, up and down, and no gate.
const UNGATED_FAMILIES: [&str; 6] = ["falcon", "phi", "gptj", "gpt_neox", "bloom", "nemotron_h"];

impl Architecture {
    /// The model as groups of layers, or why it cannot be sized.
    pub fn of(arch: &ModelArch) -> Result<Architecture, String> {
        if arch.diffusion.is_some() {
            return Err("an image pipeline has no tokens to serve".to_owned());
        }
        let mut fields = Fields { missing: Vec::new() };
        let hidden_size = fields.need("hidden_size", arch.hidden_size);
        let vocab_size = fields.need("vocab_size", arch.vocab_size);
        let num_hidden_layers = fields.need("num_hidden_layers", arch.num_hidden_layers);
        let mixers = mixers(arch, num_hidden_layers, &mut fields)?;
        let feed_forwards = feed_forwards(arch, num_hidden_layers, &mut fields);
        if !fields.missing.is_empty() {
            return Err(format!("{} missing from its config", fields.missing.join(", ")));
        }
        let small_per_layer = small_per_layer(arch, hidden_size, &mixers);
        let it = Architecture {
            id: arch.id.clone(),
            num_hidden_layers,
            hidden_size,
            vocab_size,
            tie_word_embeddings: arch.tie_word_embeddings,
            max_position_embeddings: arch.max_position_embeddings,
            mixers,
            feed_forwards,
            rotary_share: arch.partial_rotary_factor.unwrap_or(1.0),
            vision: arch.vision.clone(),
            images: ImageTokens::of(arch),
            checkpoint: None,
            small_per_layer,
            stated_params: arch.params_total,
        };
        it.consistent()
    }

    /// The same model without the files of one of its checkpoints.
    #[must_use]
    pub fn without_checkpoint(&self) -> Architecture {
        Architecture { checkpoint: None, ..self.clone() }
    }

    /// Refuses a stated parameter count that the vocabulary alone exceeds.
    fn consistent(self) -> Result<Architecture, String> {
        let stated = self.stated_params.map(|it| it as f64);
        if stated.is_some_and(|it| self.embedding_params() > it) {
            return Err("its vocabulary tables hold more weights than the whole model".to_owned());
        }
        Ok(self)
    }
}

/// Fields a config must have, and those that were looked for in vain.
struct Fields {
    missing: Vec<String>,
}

impl Fields {
    /// The value, or 1 and a note that it is missing.
    fn need(&mut self, name: &str, value: Option<u64>) -> u64 {
        let value = value.filter(|&it| it > 0);
        let noted = format!("`{name}`");
        if value.is_none() && !self.missing.contains(&noted) {
            self.missing.push(noted);
        }
        value.unwrap_or(1)
    }
}

fn mixers(
    arch: &ModelArch,
    num_hidden_layers: u64,
    fields: &mut Fields,
) -> Result<Vec<Layers<Mixer>>, String> {
    if let Some(mla) = &arch.mla {
        let heads = fields.need("num_attention_heads", arch.num_attention_heads);
        let kind = Mixer::Latent(latent(mla, heads, fields));
        return Ok(vec![Layers { count: num_hidden_layers, kind }]);
    }
    if arch.layer_pattern.is_empty() {
        let reach = arch.sliding_window.map_or(Reach::Full, Reach::Sliding);
        let kind = Mixer::Grouped(grouped(arch, reach, fields));
        return Ok(vec![Layers { count: num_hidden_layers, kind }]);
    }
    let mut groups = Vec::new();
    for (name, &count) in &arch.layer_pattern {
        let kind = match name.as_str() {
            _ if count == 0 => continue,
            "full_attention" => Mixer::Grouped(grouped(arch, Reach::Full, fields)),
            "sliding_attention" => {
                let window = fields.need("sliding_window", arch.sliding_window);
                Mixer::Grouped(grouped(arch, Reach::Sliding(window), fields))
            }
            "cross_attention" => Mixer::Grouped(grouped(arch, Reach::Images, fields)),
            "chunked_attention" => {
                let chunk = fields.need("attention_chunk_size", arch.attention_chunk_size);
                Mixer::Grouped(grouped(arch, Reach::Chunked(chunk), fields))
            }
            "linear_attention" | "mamba" => match linear(arch) {
                Some(kind) => kind,
                None => return Err(format!("the shape of its `{name}` layers is missing")),
            },
            "moe" | "mlp" => continue,
            other => return Err(format!("layers of kind `{other}` are not known")),
        };
        groups.push(Layers { count, kind });
    }
    Ok(groups)
}

/// Attention of the model; full layers may have heads of their own (Gemma 4).
fn grouped(arch: &ModelArch, reach: Reach, fields: &mut Fields) -> Grouped {
    let is_full = reach == Reach::Full;
    let own = |own: Option<u64>, shared: Option<u64>| own.filter(|_| is_full).or(shared);
    let key_value_heads = own(arch.num_global_key_value_heads, arch.num_key_value_heads);
    Grouped {
        num_attention_heads: fields.need("num_attention_heads", arch.num_attention_heads),
        num_key_value_heads: fields.need("num_key_value_heads", key_value_heads),
        head_dim: fields.need("head_dim", own(arch.global_head_dim, arch.head_dim)),
        reach,
        output_gate: arch.attn_output_gate,
        keys_are_values: is_full && arch.attention_k_eq_v,
    }
}

fn latent(mla: &Mla, num_attention_heads: u64, fields: &mut Fields) -> Latent {
    Latent {
        num_attention_heads,
        kv_lora_rank: fields.need("kv_lora_rank", Some(mla.kv_lora_rank)),
        q_lora_rank: mla.q_lora_rank,
        qk_nope_head_dim: fields.need("qk_nope_head_dim", mla.qk_nope_head_dim),
        qk_rope_head_dim: fields.need("qk_rope_head_dim", Some(mla.qk_rope_head_dim)),
        v_head_dim: fields.need("v_head_dim", mla.v_head_dim),
        indexer: mla.index_n_heads.zip(mla.index_head_dim),
    }
}

/// A linear layer as its config has it; nothing where the config has none.
fn linear(arch: &ModelArch) -> Option<Mixer> {
    Some(match *arch.linear_attn.as_ref()? {
        LinearAttention::GatedDelta {
            linear_num_key_heads,
            linear_num_value_heads,
            linear_key_head_dim,
            linear_value_head_dim,
            linear_conv_kernel_dim,
            ..
        } => Mixer::GatedDelta(GatedDelta {
            num_key_heads: linear_num_key_heads,
            num_value_heads: linear_num_value_heads,
            key_head_dim: linear_key_head_dim,
            value_head_dim: linear_value_head_dim,
            conv_kernel: linear_conv_kernel_dim,
        }),
        LinearAttention::Mamba2 {
            mamba_num_heads,
            mamba_head_dim,
            ssm_state_size,
            n_groups,
            conv_kernel,
            ..
        } => Mixer::Mamba2(Mamba2 {
            num_heads: mamba_num_heads,
            head_dim: mamba_head_dim,
            state_size: ssm_state_size,
            n_groups,
            conv_kernel,
        }),
    })
}

fn feed_forwards(
    arch: &ModelArch,
    num_hidden_layers: u64,
    fields: &mut Fields,
) -> Vec<Layers<FeedForward>> {
    let matrices = if UNGATED_FAMILIES.contains(&arch.family.as_str()) { 2 } else { 3 };
    // Where a layer is a mixer or a feed-forward part and not both, the pattern counts them apart.
    let apart = |name: &str| arch.layer_pattern.get(name).copied();
    let Some(moe) = &arch.moe else {
        let count = apart("mlp").unwrap_or(num_hidden_layers);
        return vec![Layers { count, kind: dense(arch, matrices, fields) }];
    };
    let sparse = Layers {
        count: apart("moe")
            .unwrap_or_else(|| num_hidden_layers.saturating_sub(moe.n_dense_layers.unwrap_or(0))),
        kind: FeedForward::Experts(experts(moe, matrices, fields)),
    };
    let others = apart("mlp").or(moe.n_dense_layers).unwrap_or(0);
    let mut groups = vec![sparse];
    if others > 0 {
        groups.push(Layers { count: others, kind: dense(arch, matrices, fields) });
    }
    groups
}

fn dense(arch: &ModelArch, matrices: u64, fields: &mut Fields) -> FeedForward {
    let intermediate_size = fields.need("intermediate_size", arch.intermediate_size);
    FeedForward::Dense { intermediate_size, matrices }
}

fn experts(moe: &Moe, matrices: u64, fields: &mut Fields) -> Experts {
    let each = fields.need("moe_intermediate_size", Some(moe.moe_intermediate_size));
    let shared = moe
        .shared_expert_intermediate
        .unwrap_or_else(|| moe.n_shared_experts.unwrap_or(0).saturating_mul(each));
    Experts {
        count: fields.need("n_experts", Some(moe.n_experts)),
        top_k: fields.need("top_k", Some(moe.top_k)),
        intermediate_size: each,
        shared_intermediate_size: shared,
        matrices,
    }
}

/// Norms and biases of a layer: two norms of the width (Gemma 2 and later four); Qwen 2 adds
/// biases to queries, keys and values; Qwen 3 and Gemma 3 norms for query and key heads.
fn small_per_layer(arch: &ModelArch, hidden_size: u64, mixers: &[Layers<Mixer>]) -> u64 {
    let family = arch.family.as_str();
    let norms = if matches!(family, "gemma2" | "gemma3" | "gemma4") { 4 } else { 2 };
    let heads = mixers.iter().find_map(|it| match it.kind {
        Mixer::Grouped(it) => Some(it),
        Mixer::Latent(_) | Mixer::GatedDelta(_) | Mixer::Mamba2(_) => None,
    });
    let extra = heads.map_or(0, |it| match family {
        "qwen" | "qwen2" | "qwen2_moe" => it
            .num_key_value_heads
            .saturating_mul(2)
            .saturating_add(it.num_attention_heads)
            .saturating_mul(it.head_dim),
        "qwen3" | "qwen3_moe" | "qwen3_vl" | "qwen3_5" | "qwen3_next" | "gemma3" | "gemma4" => {
            it.head_dim.saturating_mul(2)
        }
        _ => 0,
    });
    hidden_size.saturating_mul(norms).saturating_add(extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn missing_fields_are_named() {
        let arch = ModelArch { head_dim: None, vocab_size: Some(0), ..fixtures::llama_8b() };
        assert_eq!(
            Architecture::of(&arch),
            Err("`vocab_size`, `head_dim` missing from its config".to_owned())
        );
    }

    #[test]
    fn a_hybrid_is_counted_by_kind() {
        let mut arch = fixtures::llama_8b();
        arch.sliding_window = Some(1_024);
        arch.layer_pattern.insert("sliding_attention".to_owned(), 27);
        arch.layer_pattern.insert("full_attention".to_owned(), 5);
        let mixers = Architecture::of(&arch).unwrap().mixers;
        let reach = |at: usize| match mixers[at].kind {
            Mixer::Grouped(it) => it.reach,
            _ => panic!("not attention"),
        };
        assert_eq!((mixers[0].count, reach(0)), (5, Reach::Full));
        assert_eq!((mixers[1].count, reach(1)), (27, Reach::Sliding(1_024)));
        arch.layer_pattern.insert("hyena".to_owned(), 1);
        assert_eq!(Architecture::of(&arch), Err("layers of kind `hyena` are not known".to_owned()));
    }
}
