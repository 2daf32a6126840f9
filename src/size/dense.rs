//! What of a model decides memory and speed, for the architectures the sizer knows: dense
//! transformers with multi-head, grouped-query or multi-query attention.

use crate::catalog::ModelArch;

/// Families whose feed-forward part has three matrices (gate, up, down), so that parameters can be
/// counted from the shape alone.
const GATED_FAMILIES: [&str; 11] = [
    "llama", "mistral", "qwen2", "qwen3", "phi3", "cohere", "gemma", "gemma2", "gemma3", "granite",
    "olmo2",
];

/// A dense transformer with every number the sizer needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dense {
    pub(super) num_hidden_layers: u64,
    pub(super) hidden_size: u64,
    pub(super) intermediate_size: Option<u64>,
    pub(super) num_attention_heads: u64,
    pub(super) num_key_value_heads: u64,
    pub(super) head_dim: u64,
    /// All weights.
    pub(super) params: f64,
    /// Weights of one vocabulary table: the embedding, or the output layer.
    pub(super) embedding: f64,
    /// Weights of embedding and output layer together.
    pub(super) unquantized: f64,
}

impl Dense {
    /// The numbers, or why this architecture cannot be sized yet.
    pub(super) fn of(arch: &ModelArch) -> Result<Dense, String> {
        if let Some(what) = beyond_dense(arch) {
            return Err(format!("{what} is not supported yet"));
        }
        let mut missing = Vec::new();
        let mut field = |name: &'static str, value: Option<u64>| {
            let value = value.filter(|&it| it > 0);
            if value.is_none() {
                missing.push(format!("`{name}`"));
            }
            value.unwrap_or(1)
        };
        let num_hidden_layers = field("num_hidden_layers", arch.num_hidden_layers);
        let hidden_size = field("hidden_size", arch.hidden_size);
        let num_attention_heads = field("num_attention_heads", arch.num_attention_heads);
        let num_key_value_heads = field("num_key_value_heads", arch.num_key_value_heads);
        let head_dim = field("head_dim", arch.head_dim);
        let vocab_size = field("vocab_size", arch.vocab_size);
        let params = field("params_total", arch.params_total.or_else(|| dense_params(arch))) as f64;
        if !missing.is_empty() {
            return Err(format!("{} missing from its config", missing.join(", ")));
        }
        let embedding = vocab_size as f64 * hidden_size as f64;
        let unquantized = if arch.tie_word_embeddings { embedding } else { 2.0 * embedding };
        if unquantized > params {
            return Err("its vocabulary tables hold more weights than the whole model".to_owned());
        }
        Ok(Dense {
            num_hidden_layers,
            hidden_size,
            intermediate_size: arch.intermediate_size,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            params,
            embedding,
            unquantized,
        })
    }

    /// KV heads each of `n` GPUs holds. With more GPUs than heads every head is held several
    /// times: Llama 3 70B (8 heads) on 16 GPUs holds 1 on each.
    pub(super) fn kv_heads_per_gpu(&self, n: u32) -> u64 {
        self.num_key_value_heads.div_ceil(u64::from(n).max(1))
    }
}

/// What makes a model more than a dense transformer, by name.
fn beyond_dense(arch: &ModelArch) -> Option<&'static str> {
    let other_layers =
        arch.layer_pattern.iter().any(|(kind, &layers)| layers > 0 && kind != "full_attention");
    [
        (arch.diffusion.is_some(), "an image pipeline"),
        (arch.moe.is_some(), "mixture of experts"),
        (arch.mla.is_some(), "multi-head latent attention"),
        (arch.linear_attn.is_some(), "linear or state-space attention"),
        (arch.sliding_window.is_some(), "sliding-window attention"),
        (other_layers, "a hybrid of layer kinds"),
        (arch.vision.is_some(), "a vision tower"),
    ]
    .into_iter()
    .find_map(|(present, what)| present.then_some(what))
}

/// Parameters of a dense transformer with a gated feed-forward part, counted from its shape:
/// L x (2 h Hq d + 2 h Hkv d + 3 h I + 2 h) + h + V h (twice unless tied). Biases are left out,
/// under 0.01 %. Llama 3 8B: 8,030,261,248. Nothing for a family that may be built otherwise.
pub fn dense_params(arch: &ModelArch) -> Option<u64> {
    if !GATED_FAMILIES.contains(&arch.family.as_str()) {
        return None;
    }
    let hidden = arch.hidden_size?;
    let query = arch.num_attention_heads?.checked_mul(arch.head_dim?)?;
    let key = arch.num_key_value_heads?.checked_mul(arch.head_dim?)?;
    let attention = query.checked_add(key)?.checked_mul(2)?;
    let row = arch.intermediate_size?.checked_mul(3)?.checked_add(attention)?.checked_add(2)?;
    let layers = arch.num_hidden_layers?.checked_mul(hidden)?.checked_mul(row)?;
    let tables = if arch.tie_word_embeddings { 1 } else { 2 };
    let embedding = arch.vocab_size?.checked_mul(hidden)?.checked_mul(tables)?;
    layers.checked_add(hidden)?.checked_add(embedding)
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
        ] {
            assert_eq!(dense_params(&arch), arch.params_total, "{}", arch.id);
        }
        let unknown = ModelArch { family: "falcon".to_owned(), ..fixtures::llama_8b() };
        assert_eq!(dense_params(&unknown), None);
    }

    #[test]
    fn missing_fields_are_named() {
        let arch = ModelArch { head_dim: None, vocab_size: Some(0), ..fixtures::llama_8b() };
        assert_eq!(
            Dense::of(&arch),
            Err("`head_dim`, `vocab_size` missing from its config".to_owned())
        );
    }

    #[test]
    fn what_is_beyond_dense_is_named() {
        let mut arch = fixtures::llama_8b();
        arch.sliding_window = Some(4_096);
        assert_eq!(
            Dense::of(&arch),
            Err("sliding-window attention is not supported yet".to_owned())
        );
    }
}
