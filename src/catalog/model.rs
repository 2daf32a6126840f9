//! What a model is: the fields of a Hugging Face `config.json` that decide memory and speed.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::error::CatalogError;
use super::file::PricingFile;
use super::raw::{RawModel, RawModels};

/// Multi-head latent attention (`DeepSeek`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of config.json")]
pub struct Mla {
    pub kv_lora_rank: u64,
    pub q_lora_rank: Option<u64>,
    pub qk_nope_head_dim: Option<u64>,
    pub qk_rope_head_dim: u64,
    pub v_head_dim: Option<u64>,
    pub index_n_heads: Option<u64>,
    pub index_head_dim: Option<u64>,
    pub index_topk: Option<u64>,
}

/// Mixture of experts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of config.json")]
pub struct Moe {
    pub n_experts: u64,
    pub top_k: u64,
    pub moe_intermediate_size: u64,
    pub n_shared_experts: Option<u64>,
    pub shared_expert_intermediate: Option<u64>,
    pub n_dense_layers: Option<u64>,
}

/// Layers with a state of fixed size in the place of a KV cache; the field names tell the kinds
/// apart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of config.json")]
pub enum LinearAttention {
    /// Gated `DeltaNet` (Qwen3-Next, Qwen3.5).
    GatedDelta {
        linear_num_key_heads: u64,
        linear_num_value_heads: u64,
        linear_key_head_dim: u64,
        linear_value_head_dim: u64,
        linear_conv_kernel_dim: u64,
        mamba_ssm_dtype: Option<String>,
    },
    /// Mamba 2 (Nemotron-H).
    Mamba2 {
        mamba_num_heads: u64,
        mamba_head_dim: u64,
        ssm_state_size: u64,
        n_groups: u64,
        conv_kernel: u64,
        mamba_ssm_cache_dtype: Option<String>,
    },
}

/// The transformer that makes tokens of an image, in pixels per side and counts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionTower {
    /// Layers.
    pub depth: u64,
    /// Width.
    pub hidden_size: u64,
    /// Width of the feed-forward layers.
    pub intermediate_size: u64,
    /// Attention heads.
    pub num_heads: u64,
    /// Side of the square of pixels that is one patch.
    pub patch_size: u64,
    /// Side of the image it was trained on; the largest where it takes any.
    pub image_size: Option<u64>,
    /// Side of the square of patches that becomes one token.
    pub spatial_merge_size: Option<u64>,
    /// Width of what it hands to the decoder.
    pub out_hidden_size: Option<u64>,
}

/// A pipeline that makes images: text encoders, denoiser and the decoder of its latents.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diffusion {
    /// What turns noise into a latent, step by step.
    pub denoiser: Denoiser,
    /// What reads the prompt.
    pub text_encoders: Vec<TextEncoder>,
    /// What turns a latent into an image.
    pub vae: Vae,
}

/// What turns noise into a latent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Denoiser {
    /// Convolutions and attention at several resolutions.
    Unet {
        /// Parameters.
        params: u64,
        /// Channels by resolution, the finest first.
        block_out_channels: Vec<u64>,
        /// Latents denoised for one image: 2 with classifier-free guidance.
        latents_per_image: u64,
    },
    /// A transformer over patches.
    Dit {
        /// Parameters.
        params: u64,
        /// Width.
        hidden_size: u64,
        /// Width of the feed-forward layers, as a multiple of the width.
        mlp_ratio: f64,
        /// Side of the square of latent pixels that is one token.
        patch_size: u64,
        /// Tokens of the longest prompt.
        text_tokens_max: u64,
        /// Latents denoised for one image: 1 where guidance is distilled.
        latents_per_image: u64,
    },
}

impl Denoiser {
    /// Its parameters.
    pub fn params(&self) -> u64 {
        match self {
            Denoiser::Unet { params, .. } | Denoiser::Dit { params, .. } => *params,
        }
    }
}

/// A model that reads the prompt.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextEncoder {
    /// Its name.
    pub name: String,
    /// Parameters.
    pub params: u64,
}

/// The decoder of latents, with its encoder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vae {
    /// Parameters.
    pub params: u64,
    /// Channels by resolution, the finest first.
    pub block_out_channels: Vec<u64>,
    /// Pixels of the image per pixel of the latent, along one side.
    pub scale_factor: u64,
    /// Whether it runs in 32 bits whatever the pipeline runs in.
    pub force_upcast: bool,
}

/// One row of `pricing/models.toml`, or a parsed `config.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelArch {
    /// The Hugging Face id, or the name of the file it came from.
    pub id: String,
    /// Other checkpoints of this very architecture, and other names of it.
    pub aliases: Vec<String>,
    /// The architecture family (`llama`, `qwen2`, `flux`, ...).
    pub family: String,
    /// All parameters, where known.
    pub params_total: Option<u64>,
    /// Parameters one token touches.
    pub params_active: Option<u64>,
    /// Transformer layers. The fields below are absent for image pipelines.
    pub num_hidden_layers: Option<u64>,
    /// Width.
    pub hidden_size: Option<u64>,
    /// Width of the feed-forward layers.
    pub intermediate_size: Option<u64>,
    /// Query heads.
    pub num_attention_heads: Option<u64>,
    /// Key and value heads.
    pub num_key_value_heads: Option<u64>,
    /// Width of a head; from the config, never `hidden_size / num_attention_heads`.
    pub head_dim: Option<u64>,
    /// Share of a head that carries the position; all of it where absent.
    pub partial_rotary_factor: Option<f64>,
    /// Whether the query projection is twice as wide, its second half a gate on the output.
    pub attn_output_gate: bool,
    /// Key and value heads of the full-attention layers, where the sliding ones have another
    /// number (Gemma 4).
    pub num_global_key_value_heads: Option<u64>,
    /// Width of a head of the full-attention layers, where it differs.
    pub global_head_dim: Option<u64>,
    /// Whether the full-attention layers use their keys as values, stored once.
    pub attention_k_eq_v: bool,
    /// Vocabulary.
    pub vocab_size: Option<u64>,
    /// Longest context.
    pub max_position_embeddings: Option<u64>,
    /// Whether the output layer shares the embedding.
    pub tie_word_embeddings: bool,
    /// Window of the sliding layers.
    pub sliding_window: Option<u64>,
    /// Length of the chunks the chunked layers attend within.
    pub attention_chunk_size: Option<u64>,
    /// How many layers of each kind, where they differ.
    pub layer_pattern: BTreeMap<String, u64>,
    /// The order of the kinds, where the source gives one.
    pub layer_order: Option<String>,
    /// Latent attention.
    pub mla: Option<Mla>,
    /// Experts.
    pub moe: Option<Moe>,
    /// Linear-attention or state-space layers.
    pub linear_attn: Option<LinearAttention>,
    /// Vision tower.
    pub vision: Option<VisionTower>,
    /// Image pipeline, where it is one.
    pub diffusion: Option<Diffusion>,
    /// The dtype of the published weights; empty where the source does not say.
    pub native_dtype: String,
    /// The quantization of the published weights.
    pub quantization: Option<toml::Table>,
    /// Remarks.
    pub notes: String,
    /// Where the fields come from.
    pub source: String,
}

impl ModelArch {
    /// The id and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// The rows of `models.toml`, checked.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: RawModels,
) -> Result<Vec<ModelArch>, CatalogError> {
    let mut models: Vec<ModelArch> = Vec::with_capacity(rows.model.len());
    for row in rows.model {
        let start = row.span().start;
        let model = check(file, row)?;
        let taken = |name: &str| {
            models.iter().any(|it| it.names().any(|other| other.eq_ignore_ascii_case(name)))
        };
        if let Some(name) = model.names().find(|it| taken(it)) {
            let at = file.place_of(start, if name == model.id { "id" } else { "aliases" });
            return Err(CatalogError::Duplicate { at, what: "the model", name: name.to_owned() });
        }
        models.push(model);
    }
    Ok(models)
}

fn check(file: &PricingFile<'_>, row: Spanned<RawModel>) -> Result<ModelArch, CatalogError> {
    let start = row.span().start;
    let raw = row.into_inner();
    file.filled(start, "id", &raw.id)?;
    for alias in &raw.aliases {
        file.filled(start, "aliases", alias)?;
    }
    file.filled(start, "family", &raw.family)?;
    file.provenance(start, &raw.source, &raw.as_of)?;
    for (column, value) in [
        ("params_total", raw.params_total),
        ("params_active", raw.params_active),
        ("num_hidden_layers", raw.num_hidden_layers),
        ("hidden_size", raw.hidden_size),
        ("intermediate_size", raw.intermediate_size),
        ("num_attention_heads", raw.num_attention_heads),
        ("num_key_value_heads", raw.num_key_value_heads),
        ("head_dim", raw.head_dim),
        ("num_global_key_value_heads", raw.num_global_key_value_heads),
        ("global_head_dim", raw.global_head_dim),
        ("vocab_size", raw.vocab_size),
        ("max_position_embeddings", raw.max_position_embeddings),
        ("sliding_window", raw.sliding_window),
        ("attention_chunk_size", raw.attention_chunk_size),
    ] {
        file.positive(start, column, value.map(|it| it as f64))?;
    }
    file.positive(start, "partial_rotary_factor", raw.partial_rotary_factor)?;
    Ok(ModelArch {
        id: raw.id,
        aliases: raw.aliases,
        family: raw.family,
        params_total: raw.params_total,
        params_active: raw.params_active,
        num_hidden_layers: raw.num_hidden_layers,
        hidden_size: raw.hidden_size,
        intermediate_size: raw.intermediate_size,
        num_attention_heads: raw.num_attention_heads,
        num_key_value_heads: raw.num_key_value_heads,
        head_dim: raw.head_dim,
        partial_rotary_factor: raw.partial_rotary_factor,
        attn_output_gate: raw.attn_output_gate,
        num_global_key_value_heads: raw.num_global_key_value_heads,
        global_head_dim: raw.global_head_dim,
        attention_k_eq_v: raw.attention_k_eq_v,
        vocab_size: raw.vocab_size,
        max_position_embeddings: raw.max_position_embeddings,
        tie_word_embeddings: raw.tie_word_embeddings,
        sliding_window: raw.sliding_window,
        attention_chunk_size: raw.attention_chunk_size,
        layer_pattern: raw.layer_pattern,
        layer_order: raw.layer_order,
        mla: raw.mla,
        moe: raw.moe,
        linear_attn: raw.linear_attn,
        vision: raw.vision,
        diffusion: raw.diffusion,
        native_dtype: raw.native_dtype,
        quantization: raw.quantization,
        notes: raw.notes,
        source: raw.source,
    })
}
