//! Experts, latent attention, linear attention and quantization of a config.

use serde_json::{Map, Value};

use crate::catalog::model::{LinearAttention, Mla, Moe};

use super::family::Family;
use super::fields::Config;

/// What a gated delta layer cannot be sized without.
pub(super) const GATED_DELTA: [&str; 5] = [
    "linear_num_key_heads",
    "linear_num_value_heads",
    "linear_key_head_dim",
    "linear_value_head_dim",
    "linear_conv_kernel_dim",
];

/// What a Mamba 2 layer cannot be sized without.
pub(super) const MAMBA_2: [&str; 5] =
    ["mamba_num_heads", "mamba_head_dim", "ssm_state_size", "n_groups", "conv_kernel"];

pub(super) fn mla(config: &Config<'_>) -> Option<Mla> {
    Some(Mla {
        kv_lora_rank: config.count("kv_lora_rank")?,
        q_lora_rank: config.count("q_lora_rank"),
        qk_nope_head_dim: config.count("qk_nope_head_dim"),
        qk_rope_head_dim: config.count("qk_rope_head_dim")?,
        v_head_dim: config.count("v_head_dim"),
        index_n_heads: config.count("index_n_heads"),
        index_head_dim: config.count("index_head_dim"),
        index_topk: config.count("index_topk"),
    })
}

pub(super) fn moe(config: &Config<'_>, family: Family) -> Option<Moe> {
    let width = config.first(&["moe_intermediate_size", "intermediate_size"])?;
    let shared = shared(config, family, width);
    Some(Moe {
        n_experts: config.n_experts()?,
        top_k: config.top_k()?,
        moe_intermediate_size: width,
        n_shared_experts: shared.map(|(n, _)| n),
        shared_expert_intermediate: shared.map(|(_, width)| width),
        n_dense_layers: Some(dense_layers(config, family)),
    })
}

/// Number of the shared experts and the width of all of them together. The dense part that Gemma 4
/// has beside its experts counts as one.
fn shared(config: &Config<'_>, family: Family, width: u64) -> Option<(u64, u64)> {
    if family.0 == "llama4" {
        return Some((1, width));
    }
    if family.0 == "gemma4" {
        return Some((1, config.count("intermediate_size")?));
    }
    let stated = config.first(&["n_shared_experts", "num_shared_experts"]);
    let total = ["shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"];
    match config.first(&total) {
        Some(total) => Some((stated.unwrap_or(1), total)),
        None => Some((stated?, stated?.checked_mul(width)?)),
    }
}

/// Layers without experts: the first ones, those between, or those that are named.
fn dense_layers(config: &Config<'_>, family: Family) -> u64 {
    if family.0 == "llama4" {
        return config.dense_layers_of_llama4().unwrap_or(0);
    }
    if let Some(first) = config.count("first_k_dense_replace") {
        return first;
    }
    let step = config.count("decoder_sparse_step").unwrap_or(1);
    let named = config.list("mlp_only_layers").unwrap_or_default();
    let is_dense = |layer: u64| {
        !(layer + 1).is_multiple_of(step) || named.iter().any(|it| it.as_u64() == Some(layer))
    };
    // No transformer has more layers than this; a config that says so is not worth the loop.
    let layers = config.count("num_hidden_layers").unwrap_or(0).min(10_000);
    (0..layers).map(|it| u64::from(is_dense(it))).sum()
}

pub(super) fn linear_attention(config: &Config<'_>) -> Option<LinearAttention> {
    let word = |field: &str| config.word(field).map(str::to_owned);
    if config.count("mamba_num_heads").is_some() {
        return Some(LinearAttention::Mamba2 {
            mamba_num_heads: config.count("mamba_num_heads")?,
            mamba_head_dim: config.count("mamba_head_dim")?,
            ssm_state_size: config.count("ssm_state_size")?,
            n_groups: config.count("n_groups")?,
            conv_kernel: config.count("conv_kernel")?,
            mamba_ssm_cache_dtype: word("mamba_ssm_cache_dtype"),
        });
    }
    Some(LinearAttention::GatedDelta {
        linear_num_key_heads: config.count("linear_num_key_heads")?,
        linear_num_value_heads: config.count("linear_num_value_heads")?,
        linear_key_head_dim: config.count("linear_key_head_dim")?,
        linear_value_head_dim: config.count("linear_value_head_dim")?,
        linear_conv_kernel_dim: config.count("linear_conv_kernel_dim")?,
        mamba_ssm_dtype: word("mamba_ssm_dtype"),
    })
}

/// How the published weights are quantized, as the config has it.
pub(super) fn quantization(config: &Config<'_>) -> Option<toml::Table> {
    config.value("quantization_config").and_then(Value::as_object).map(toml_table)
}

/// A JSON object as a TOML table; nulls, which TOML has not, are left out.
fn toml_table(object: &Map<String, Value>) -> toml::Table {
    object.iter().filter_map(|(key, value)| Some((key.clone(), toml_value(value)?))).collect()
}

fn toml_value(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => toml::Value::Boolean(*flag),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(toml_value).collect()),
        Value::Object(object) => toml::Value::Table(toml_table(object)),
    })
}
