//! The metadata of a GGUF becomes a [`ModelArch`]: what llama.cpp fills in where a key is absent is
//! filled in here.

use std::collections::BTreeMap;

use super::WeightFile;
use super::error::WeightsError;
use super::gguf::MetadataValue;
use super::sums::WeightSums;
use crate::catalog::model::{LinearAttention, Mla, ModelArch, Moe};

/// Architectures of llama.cpp with another name in the catalog.
const FAMILIES: [(&str, &str); 11] = [
    ("command-r", "cohere"),
    ("glm4moe", "glm4_moe"),
    ("gpt-oss", "gpt_oss"),
    ("minimax-m2", "minimax"),
    ("phi2", "phi"),
    ("qwen2moe", "qwen2_moe"),
    ("qwen35", "qwen3_5"),
    ("qwen35moe", "qwen3_5"),
    ("qwen3moe", "qwen3_moe"),
    ("qwen3next", "qwen3_next"),
    ("qwen3vl", "qwen3_vl"),
];

/// One layer in so many attends to everything, the others to a window, where no key says so.
const SLIDING_PERIODS: [(&str, u64); 5] =
    [("cohere2", 4), ("gemma2", 2), ("gemma3", 6), ("gemma3n", 5), ("gpt_oss", 2)];

/// `LLAMA_EXPERT_GATING_FUNC_TYPE_SIGMOID`: of the `deepseek2` models, those from V3 on.
const SIGMOID_GATING: u64 = 2;
/// One layer in four is full, where a hybrid does not say, and in Llama 4.
const FULL_ATTENTION_INTERVAL: u64 = 4;
/// What the chunked layers of Llama 4 attend within.
const LLAMA4_CHUNK: u64 = 8192;

/// The architecture of the model in a GGUF called `id`. A key that differs from layer to layer, or
/// is 0 because the model has no such part, leaves its field unknown.
pub fn model_from_gguf(
    id: &str,
    file: &WeightFile,
    sums: &WeightSums,
) -> Result<ModelArch, WeightsError> {
    let lacks = |keys: String| WeightsError::MissingKeys { file: id.to_owned(), keys };
    let Some(MetadataValue::Text(arch)) = file.metadata.get("general.architecture") else {
        return Err(lacks("general.architecture".to_owned()));
    };
    let keys = Keys { metadata: &file.metadata, arch };
    let missing: Vec<String> = ["block_count", "embedding_length", "attention.head_count"]
        .into_iter()
        .filter(|key| keys.value(key).is_none())
        .map(|key| format!("{arch}.{key}"))
        .collect();
    if !missing.is_empty() {
        return Err(lacks(missing.join(", ")));
    }
    Ok(build(id, &keys, sums))
}

struct Keys<'a> {
    metadata: &'a BTreeMap<String, MetadataValue>,
    arch: &'a str,
}

impl Keys<'_> {
    fn value(&self, key: &str) -> Option<&MetadataValue> {
        self.metadata.get(&format!("{}.{key}", self.arch))
    }

    /// A positive count; of one per layer, the one all layers share, 0 aside.
    fn count(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            MetadataValue::Count(it) => Some(*it).filter(|it| *it > 0),
            MetadataValue::Counts(by_layer) => shared(by_layer.iter().copied()),
            MetadataValue::Text(_) | MetadataValue::Length(_) | MetadataValue::Other => None,
        }
    }

    /// A value for every layer, where the file gives one.
    fn by_layer(&self, key: &str) -> Option<&[u64]> {
        match self.value(key)? {
            MetadataValue::Counts(by_layer) => Some(by_layer),
            _ => None,
        }
    }

    fn slides(&self) -> Option<&[u64]> {
        self.by_layer("attention.sliding_window_pattern")
    }

    fn layers(&self) -> Option<u64> {
        let blocks = self.count("block_count")?;
        blocks.checked_sub(self.count("nextn_predict_layers").unwrap_or(0))
    }

    fn vocab_size(&self) -> Option<u64> {
        let tokens = match self.metadata.get("tokenizer.ggml.tokens") {
            Some(MetadataValue::Length(it)) => Some(*it).filter(|it| *it > 0),
            _ => None,
        };
        tokens.or_else(|| self.count("vocab_size"))
    }

    /// llama.cpp's default is `embedding_length / head_count`.
    fn head_dim(&self) -> Option<u64> {
        let derived =
            || self.count("embedding_length")?.checked_div(self.count("attention.head_count")?);
        self.count("attention.key_length_mla")
            .or_else(|| self.count("attention.key_length"))
            .or_else(derived)
    }

    fn family(&self) -> String {
        let family = match self.arch {
            "llama" if self.has_experts() => "mixtral",
            "deepseek2" if self.count("expert_gating_func") == Some(SIGMOID_GATING) => {
                "deepseek_v3"
            }
            "deepseek2" => "deepseek_v2",
            arch => FAMILIES.iter().find(|(name, _)| *name == arch).map_or(arch, |(_, it)| *it),
        };
        family.to_owned()
    }

    fn has_experts(&self) -> bool {
        self.count("expert_count").is_some_and(|it| it > 1)
    }
}

fn build(id: &str, keys: &Keys<'_>, sums: &WeightSums) -> ModelArch {
    let family = keys.family();
    let moe = moe(keys);
    let params_active = match &moe {
        Some(moe) => sums.params_active(moe.top_k, moe.n_experts),
        None => sums.params_total(),
    };
    let dtype = sums.by_dtype.first().map(|it| it.dtype.as_str()).unwrap_or_default();
    let native_dtype = match dtype {
        "BF16" => "bfloat16",
        "F16" => "float16",
        "F32" => "float32",
        _ => "",
    };
    let quantization = native_dtype.is_empty().then(|| {
        let words = [("quant_method", "gguf"), ("dtype", dtype)];
        words.into_iter().map(|(key, word)| (key.to_owned(), word.into())).collect()
    });
    let kv_heads = kv_heads(keys);
    let windowed_head_dim = keys.count("attention.key_length_swa");
    ModelArch {
        id: id.to_owned(),
        params_total: sums.params_total(),
        params_active,
        num_hidden_layers: keys.layers(),
        hidden_size: keys.count("embedding_length"),
        intermediate_size: keys.count("feed_forward_length"),
        num_attention_heads: keys.count("attention.head_count"),
        num_key_value_heads: kv_heads.map(|it| it.windowed),
        head_dim: windowed_head_dim.or_else(|| keys.head_dim()),
        num_global_key_value_heads: kv_heads.and_then(|it| it.global),
        global_head_dim: windowed_head_dim.and_then(|_| keys.head_dim()),
        attn_output_gate: matches!(family.as_str(), "qwen3_next" | "qwen3_5"),
        vocab_size: keys.vocab_size(),
        max_position_embeddings: keys.count("context_length"),
        tie_word_embeddings: sums.lm_head.is_none(),
        sliding_window: keys.count("attention.sliding_window"),
        attention_chunk_size: (family == "llama4").then_some(LLAMA4_CHUNK),
        layer_pattern: layer_pattern(keys, &family).unwrap_or_default(),
        mla: mla(keys),
        moe,
        linear_attn: linear_attn(keys),
        native_dtype: native_dtype.to_owned(),
        quantization,
        source: "GGUF metadata".to_owned(),
        family,
        ..ModelArch::default()
    }
}

/// Key and value heads of a layer, and of the full layers where these have another number.
#[derive(Clone, Copy)]
struct KvHeads {
    windowed: u64,
    global: Option<u64>,
}

fn kv_heads(keys: &Keys<'_>) -> Option<KvHeads> {
    let heads = keys.count("attention.head_count");
    // Files for absorbed latent attention count one key head; the model has one a query head.
    if keys.count("attention.kv_lora_rank").is_some() {
        return heads.map(|windowed| KvHeads { windowed, global: None });
    }
    let alike = keys.count("attention.head_count_kv");
    if keys.value("attention.head_count_kv").is_none() || alike.is_some() {
        return alike.or(heads).map(|windowed| KvHeads { windowed, global: None });
    }
    let (by_layer, slides) = (keys.by_layer("attention.head_count_kv")?, keys.slides()?);
    let of = |kind: bool| {
        let pairs = by_layer.iter().zip(slides).filter(|(_, slides)| (**slides > 0) == kind);
        shared(pairs.map(|(heads, _)| *heads))
    };
    Some(KvHeads { windowed: of(true)?, global: Some(of(false)?) })
}

/// The one positive value of all layers, 0 aside.
fn shared(by_layer: impl Iterator<Item = u64>) -> Option<u64> {
    let mut positive = by_layer.filter(|it| *it > 0);
    let first = positive.next()?;
    positive.all(|it| it == first).then_some(first)
}

fn moe(keys: &Keys<'_>) -> Option<Moe> {
    keys.has_experts().then_some(())?;
    let width = keys.count("expert_feed_forward_length");
    Some(Moe {
        n_experts: keys.count("expert_count")?,
        top_k: keys.count("expert_used_count")?,
        moe_intermediate_size: width.or_else(|| keys.count("feed_forward_length"))?,
        n_shared_experts: keys.count("expert_shared_count"),
        shared_expert_intermediate: keys.count("expert_shared_feed_forward_length"),
        n_dense_layers: keys.count("leading_dense_block_count"),
    })
}

/// The key length of a head is its part without position plus the rotated part all heads share.
fn mla(keys: &Keys<'_>) -> Option<Mla> {
    let rope = keys.count("rope.dimension_count")?;
    let value_dim = keys.count("attention.value_length_mla");
    Some(Mla {
        kv_lora_rank: keys.count("attention.kv_lora_rank")?,
        q_lora_rank: keys.count("attention.q_lora_rank"),
        qk_nope_head_dim: keys.head_dim().and_then(|it| it.checked_sub(rope)),
        qk_rope_head_dim: rope,
        v_head_dim: value_dim.or_else(|| keys.count("attention.value_length")),
        index_n_heads: keys.count("attention.indexer.head_count"),
        index_head_dim: keys.count("attention.indexer.key_length"),
        index_topk: keys.count("attention.indexer.top_k"),
    })
}

/// Layers of each kind; empty where all are alike, nothing where the number of layers is unknown.
fn layer_pattern(keys: &Keys<'_>, family: &str) -> Option<BTreeMap<String, u64>> {
    let layers = keys.layers()?;
    if let Some(heads) = keys.by_layer("attention.head_count_kv")
        && heads.contains(&0)
    {
        return Some(mixed_pattern(keys, heads));
    }
    let split = |other: &str, full: u64| {
        let full = full.min(layers);
        let kinds = [(other, layers - full), ("full_attention", full)];
        Some(kinds.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect())
    };
    if keys.value("ssm.conv_kernel").is_some() && keys.count("attention.head_count").is_some() {
        let interval = keys.count("full_attention_interval").unwrap_or(FULL_ATTENTION_INTERVAL);
        return split("linear_attention", layers / interval);
    }
    if family == "llama4" {
        return split("chunked_attention", layers / FULL_ATTENTION_INTERVAL);
    }
    keys.count("attention.sliding_window")?;
    if let Some(slides) = keys.slides().filter(|it| !it.is_empty()) {
        return split("sliding_attention", full_layers(slides, layers));
    }
    let default = SLIDING_PERIODS.iter().find(|(name, _)| *name == family).map(|(_, it)| *it);
    let period = match keys.value("attention.sliding_window_pattern") {
        Some(MetadataValue::Count(period)) => *period,
        _ => default?,
    };
    // A period of 0 means that all layers slide.
    split("sliding_attention", layers.checked_div(period).unwrap_or(0))
}

/// How many of the layers do not slide, where the pattern repeats itself.
fn full_layers(slides: &[u64], layers: u64) -> u64 {
    let n_full = |slides: &[u64]| slides.iter().filter(|it| **it == 0).count() as u64;
    let period = slides.len() as u64;
    let rest = usize::try_from(layers % period).unwrap_or(0);
    (layers / period) * n_full(slides) + n_full(slides.get(..rest).unwrap_or_default())
}

/// A hybrid that says of each layer how many key heads it has: none in a state-space layer, and
/// none in a layer that is feed-forward only.
fn mixed_pattern(keys: &Keys<'_>, heads: &[u64]) -> BTreeMap<String, u64> {
    let widths = keys.by_layer("feed_forward_length").unwrap_or_default();
    let has_lone_widths = widths.contains(&0);
    let feed_forward = if keys.has_experts() { "moe" } else { "mlp" };
    let mut pattern = BTreeMap::new();
    for (at, heads) in heads.iter().enumerate() {
        let kind = if *heads > 0 {
            "full_attention"
        } else if has_lone_widths && widths.get(at).is_some_and(|it| *it > 0) {
            feed_forward
        } else {
            "mamba"
        };
        *pattern.entry(kind.to_owned()).or_insert(0) += 1;
    }
    pattern
}

/// Gated delta nets and Mamba 2; of older state-space layers nothing is known.
fn linear_attn(keys: &Keys<'_>) -> Option<LinearAttention> {
    let conv_kernel = keys.count("ssm.conv_kernel")?;
    let state_size = keys.count("ssm.state_size")?;
    let n_groups = keys.count("ssm.group_count")?;
    let n_heads = keys.count("ssm.time_step_rank")?;
    let head_dim = keys.count("ssm.inner_size")? / n_heads;
    Some(if keys.arch.starts_with("qwen3") {
        LinearAttention::GatedDelta {
            linear_num_key_heads: n_groups,
            linear_num_value_heads: n_heads,
            linear_key_head_dim: state_size,
            linear_value_head_dim: head_dim,
            linear_conv_kernel_dim: conv_kernel,
            mamba_ssm_dtype: None,
        }
    } else {
        LinearAttention::Mamba2 {
            mamba_num_heads: n_heads,
            mamba_head_dim: head_dim,
            ssm_state_size: state_size,
            n_groups,
            conv_kernel,
            mamba_ssm_cache_dtype: None,
        }
    })
}
