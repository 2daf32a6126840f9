//! A Hugging Face `config.json` becomes a [`ModelArch`]; what it does not say is an error by name.

mod family;
mod fields;
mod layers;
mod parts;
#[cfg(test)]
mod tests;
mod vision;

use serde_json::Value;

use super::error::CatalogError;
use super::model::ModelArch;
use family::Family;
use fields::Config;

/// Reads the `config.json` of a decoder with all that decides memory and speed: experts, latent
/// and linear attention, windows and chunks, vision tower, quantization. It states no parameters;
/// the sizer counts them.
pub fn model_from_config_json(text: &str, id: &str) -> Result<ModelArch, CatalogError> {
    let unreadable = |message: String| CatalogError::ConfigJson { id: id.to_owned(), message };
    let value: Value = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    let Value::Object(root) = value else {
        return Err(unreadable("the top level is not an object".to_owned()));
    };
    let config = Config::new(&root);
    let family = known_family(&config, id)?;
    let missing = config.missing(family);
    if !missing.is_empty() {
        return Err(CatalogError::MissingFields { id: id.to_owned(), fields: missing.join(", ") });
    }
    Ok(build(&config, family, id))
}

fn known_family(config: &Config<'_>, id: &str) -> Result<Family, CatalogError> {
    let stated = config.root.get("model_type").and_then(Value::as_str).unwrap_or_default();
    if let Some(found) = family::family(stated) {
        return Ok(found);
    }
    let mut missing = config.missing_basics(None);
    if stated.is_empty() {
        missing.insert(0, "model_type".to_owned());
    }
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!(", and the file lacks {}", missing.join(", "))
    };
    Err(CatalogError::UnknownArchitecture { id: id.to_owned(), found: stated.to_owned(), missing })
}

fn build(config: &Config<'_>, family: Family, id: &str) -> ModelArch {
    let dtype = ["dtype", "torch_dtype"].into_iter().find_map(|field| config.word(field));
    let layers = layers::layers(config, family);
    let head_dim = config.head_dim(family);
    let gate = config.flag("attn_output_gate").unwrap_or(family.has_output_gate());
    let moe = config.has_moe().then(|| parts::moe(config, family)).flatten();
    ModelArch {
        id: id.to_owned(),
        family: family.0.to_owned(),
        num_hidden_layers: config.count("num_hidden_layers"),
        hidden_size: config.count("hidden_size"),
        intermediate_size: config.intermediate_size(family),
        num_attention_heads: config.count("num_attention_heads"),
        num_key_value_heads: config.key_value_heads(family),
        head_dim,
        partial_rotary_factor: config.rotary_share(family, head_dim),
        attn_output_gate: gate,
        num_global_key_value_heads: config.count("num_global_key_value_heads"),
        global_head_dim: config.count("global_head_dim"),
        attention_k_eq_v: config.flag("attention_k_eq_v") == Some(true),
        vocab_size: config.count("vocab_size"),
        max_position_embeddings: config.count("max_position_embeddings"),
        tie_word_embeddings: config.flag("tie_word_embeddings").unwrap_or(family.tied()),
        sliding_window: layers.sliding_window,
        attention_chunk_size: config.count("attention_chunk_size"),
        layer_pattern: layers.pattern,
        layer_order: layers.order,
        mla: parts::mla(config),
        moe,
        linear_attn: parts::linear_attention(config),
        vision: vision::vision(config),
        native_dtype: dtype.unwrap_or_default().to_owned(),
        quantization: parts::quantization(config),
        source: "config.json".to_owned(),
        ..ModelArch::default()
    }
}
