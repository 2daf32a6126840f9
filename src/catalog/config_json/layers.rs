//! How many layers of each kind a config builds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::family::Family;
use super::fields::Config;

/// The layers of each kind where they differ, and their order where the config spells it.
pub(super) struct Layers {
    pub(super) pattern: BTreeMap<String, u64>,
    pub(super) order: Option<String>,
    /// Window of the sliding layers, if there are any.
    pub(super) sliding_window: Option<u64>,
}

/// As listed, or by the alternation the family is built with.
pub(super) fn layers(config: &Config<'_>, family: Family) -> Layers {
    let window = window(config, family);
    let order = config.word("hybrid_override_pattern").map(str::to_owned);
    let pattern = order
        .as_deref()
        .map(|it| count(it.chars().map(letter)))
        .or_else(|| listed(config))
        .or_else(|| alternating(config, family, window))
        .unwrap_or_default();
    let sliding_window = window.filter(|_| pattern.contains_key("sliding_attention"));
    Layers { pattern, order, sliding_window }
}

/// A window in use. One that no context exceeds never binds.
fn window(config: &Config<'_>, family: Family) -> Option<u64> {
    let used = config.flag("use_sliding_window").unwrap_or(family.slides());
    let longest = config.count("max_position_embeddings");
    config.count("sliding_window").filter(|it| used && longest.is_none_or(|longest| *it < longest))
}

fn count<'a>(kinds: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut pattern = BTreeMap::new();
    for kind in kinds {
        *pattern.entry(kind.to_owned()).or_insert(0) += 1;
    }
    pattern
}

/// The letters of Nemotron-H.
fn letter(it: char) -> &'static str {
    match it {
        'M' => "mamba",
        '*' => "full_attention",
        'E' => "moe",
        _ => "mlp",
    }
}

/// The kinds by name; nothing where all layers are full attention.
fn listed(config: &Config<'_>) -> Option<BTreeMap<String, u64>> {
    let kinds = config.list("layer_types").or_else(|| config.list("layers_block_type"))?;
    let pattern = count(kinds.iter().filter_map(Value::as_str).map(|it| match it {
        "attention" => "full_attention",
        other => other,
    }));
    Some(pattern).filter(|it| it.len() > 1 || !it.contains_key("full_attention"))
}

fn alternating(
    config: &Config<'_>,
    family: Family,
    window: Option<u64>,
) -> Option<BTreeMap<String, u64>> {
    let layers = config.count("num_hidden_layers")?;
    let split = |full: u64, other: &str| {
        let kinds = [("full_attention".to_owned(), full), (other.to_owned(), layers - full)];
        Some(kinds.into_iter().filter(|(_, it)| *it > 0).collect())
    };
    if let Some(cross) = config.list("cross_attention_layers") {
        let cross = u64::try_from(cross.len()).ok().filter(|it| *it < layers)?;
        return split(layers - cross, "cross_attention");
    }
    if let Some(chunk) = config.list("no_rope_layers").filter(|it| !it.is_empty()) {
        // 1 stands for a layer with rotary embedding, which attends within its chunk.
        let full = chunk.iter().filter(|it| it.as_u64() == Some(0)).count();
        return split(u64::try_from(full).ok().filter(|it| *it <= layers)?, "chunked_attention");
    }
    match family.0 {
        "llama4" if config.count("attention_chunk_size").is_some() => {
            split(layers / 4, "chunked_attention")
        }
        "qwen3_5" | "qwen3_next" => {
            split(layers / config.count("full_attention_interval").unwrap_or(4), "linear_attention")
        }
        "gemma2" | "gpt_oss" => split(layers / 2, "sliding_attention"),
        "gemma3" | "gemma4" => {
            let period = ["sliding_window_pattern", "_sliding_window_pattern"];
            split(layers / config.first(&period).unwrap_or(6), "sliding_attention")
        }
        // With a window that is switched on, the first layers stay full.
        _ if family.0.starts_with("qwen") => {
            let full = config.count("max_window_layers").filter(|it| *it < layers)?;
            window.and_then(|_| split(full, "sliding_attention"))
        }
        _ => window.and_then(|_| split(0, "sliding_attention")),
    }
}
