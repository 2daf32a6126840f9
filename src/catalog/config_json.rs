//! A Hugging Face `config.json` becomes a [`ModelArch`]; what it does not say is an error by name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::CatalogError;
use super::model::{Mla, ModelArch, Moe, VisionTower};

/// How the library that wrote the config fills what the file leaves out.
struct Family {
    /// `model_type` in the file.
    model_type: &'static str,
    /// The name in the catalog.
    name: &'static str,
    /// Default of `tie_word_embeddings`.
    tied: bool,
    /// Whether an absent `head_dim` is `hidden_size / num_attention_heads`.
    derives_head_dim: bool,
}

const fn family(
    model_type: &'static str,
    name: &'static str,
    tied: bool,
    derives_head_dim: bool,
) -> Family {
    Family { model_type, name, tied, derives_head_dim }
}

/// Defaults of the configuration classes of the transformers library.
const FAMILIES: [Family; 20] = [
    family("llama", "llama", false, true),
    family("mistral", "mistral", false, true),
    family("mistral3", "mistral3", false, true),
    family("qwen2", "qwen2", false, true),
    family("qwen3", "qwen3", false, false),
    family("qwen3_vl", "qwen3_vl", false, false),
    family("gemma", "gemma", true, false),
    family("gemma2", "gemma2", true, false),
    family("gemma3", "gemma3", true, false),
    family("gemma3_text", "gemma3", true, false),
    family("phi3", "phi3", false, true),
    family("llava", "llava", false, true),
    family("mixtral", "mixtral", false, true),
    family("qwen2_moe", "qwen2_moe", false, true),
    family("qwen3_moe", "qwen3_moe", false, false),
    family("gpt_oss", "gpt_oss", false, false),
    family("llama4", "llama4", false, false),
    family("deepseek_v2", "deepseek_v2", false, true),
    family("deepseek_v3", "deepseek_v3", false, true),
    family("kimi_k2", "deepseek_v3", false, true),
];

/// Reads the `config.json` of a decoder. Dense models get their parameters from
/// [`ModelArch::dense_params`], without a vision tower; of experts, latent attention and sliding windows the fields are
/// read and the parameters left unknown.
pub fn model_from_config_json(text: &str, id: &str) -> Result<ModelArch, CatalogError> {
    let unreadable = |message: String| CatalogError::ConfigJson { id: id.to_owned(), message };
    let value: Value = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    let Value::Object(root) = value else {
        return Err(unreadable("the top level is not an object".to_owned()));
    };
    let config = Config::new(&root);
    let family = known_family(&config, id)?;
    let missing = config.missing(&family);
    if !missing.is_empty() {
        return Err(CatalogError::MissingFields { id: id.to_owned(), fields: missing.join(", ") });
    }
    let mut model = build(&config, &family, id);
    if config.has_moe() {
        model.moe = moe(&config);
    } else {
        model.params_total = model
            .dense_params()
            .and_then(|params| params.checked_add(config.bias_params(&model).unwrap_or(0)));
        model.params_active = model.params_total;
    }
    Ok(model)
}

/// The fields of the text model, which multimodal configs keep one level down.
struct Config<'a> {
    root: &'a Map<String, Value>,
    text: &'a Map<String, Value>,
}

impl<'a> Config<'a> {
    fn new(root: &'a Map<String, Value>) -> Config<'a> {
        let text = root.get("text_config").and_then(Value::as_object).unwrap_or(root);
        Config { root, text }
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        self.text.get(field).or_else(|| self.root.get(field)).filter(|it| !it.is_null())
    }

    /// A positive count; anything else counts as absent.
    fn count(&self, field: &str) -> Option<u64> {
        self.value(field).and_then(Value::as_u64).filter(|it| *it > 0)
    }

    fn first(&self, fields: &[&str]) -> Option<u64> {
        fields.iter().find_map(|field| self.count(field))
    }

    fn flag(&self, field: &str) -> Option<bool> {
        self.value(field).and_then(Value::as_bool)
    }

    fn word(&self, field: &str) -> Option<&'a str> {
        self.value(field).and_then(Value::as_str)
    }

    fn n_experts(&self) -> Option<u64> {
        self.first(&["num_experts", "num_local_experts", "n_routed_experts"]).filter(|it| *it > 1)
    }

    fn has_moe(&self) -> bool {
        self.n_experts().is_some()
    }

    fn has_mla(&self) -> bool {
        self.count("kv_lora_rank").is_some()
    }

    fn head_dim(&self, family: &Family) -> Option<u64> {
        self.count("head_dim").or_else(|| {
            let derived = family.derives_head_dim.then(|| {
                let hidden = self.count("hidden_size")?;
                let heads = self.count("num_attention_heads")?;
                (hidden % heads == 0).then_some(hidden / heads)
            });
            derived.flatten()
        })
    }

    /// Absent only in Llama configs older than grouped queries, where every head has its own.
    fn key_value_heads(&self, family: &Family) -> Option<u64> {
        let grouped = self.count("num_key_value_heads");
        let ungrouped = || self.count("num_attention_heads");
        if matches!(family.name, "llama" | "llava") { grouped.or_else(ungrouped) } else { grouped }
    }

    /// The fields a model of this family cannot be sized without, where they are absent.
    fn missing(&self, family: &Family) -> Vec<&'static str> {
        let mut missing = self.missing_basics();
        if self.head_dim(family).is_none() && !self.has_mla() {
            missing.push("head_dim");
        }
        if self.key_value_heads(family).is_none() && !self.has_mla() {
            missing.push("num_key_value_heads");
        }
        if self.has_moe() && self.first(&["num_experts_per_tok", "num_experts_per_token"]).is_none()
        {
            missing.push("num_experts_per_tok");
        }
        if self.has_mla() && self.count("qk_rope_head_dim").is_none() {
            missing.push("qk_rope_head_dim");
        }
        missing
    }

    fn missing_basics(&self) -> Vec<&'static str> {
        [
            "num_hidden_layers",
            "hidden_size",
            "num_attention_heads",
            "vocab_size",
            "intermediate_size",
        ]
        .into_iter()
        .filter(|field| self.count(field).is_none())
        .filter(|field| {
            *field != "intermediate_size" || self.count("moe_intermediate_size").is_none()
        })
        .collect()
    }

    /// Biases some Llama-like configs switch on: (H + 2 K) d + h for attention, 2 I + h for the
    /// feed-forward part, per layer.
    fn bias_params(&self, model: &ModelArch) -> Option<u64> {
        let hidden = model.hidden_size?;
        let mut per_layer = 0_u64;
        if self.flag("attention_bias") == Some(true) {
            let heads = model
                .num_attention_heads?
                .checked_add(model.num_key_value_heads?.checked_mul(2)?)?;
            per_layer = heads.checked_mul(model.head_dim?)?.checked_add(hidden)?;
        }
        if self.flag("mlp_bias") == Some(true) {
            let wide = model.intermediate_size?.checked_mul(2)?.checked_add(hidden)?;
            per_layer = per_layer.checked_add(wide)?;
        }
        per_layer.checked_mul(model.num_hidden_layers?)
    }
}

fn known_family(config: &Config<'_>, id: &str) -> Result<Family, CatalogError> {
    let stated = config.root.get("model_type").and_then(Value::as_str).unwrap_or_default();
    if let Some(found) = FAMILIES.into_iter().find(|it| it.model_type == stated) {
        return Ok(found);
    }
    let mut missing = config.missing_basics();
    if stated.is_empty() {
        missing.insert(0, "model_type");
    }
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!(", and the file lacks {}", missing.join(", "))
    };
    Err(CatalogError::UnknownArchitecture { id: id.to_owned(), found: stated.to_owned(), missing })
}

fn build(config: &Config<'_>, family: &Family, id: &str) -> ModelArch {
    let table = |field| config.root.get(field).and_then(Value::as_object).map(toml_table);
    let dtype = ["dtype", "torch_dtype"].into_iter().find_map(|field| config.word(field));
    let layer_pattern = layer_pattern(config, family.name);
    // Qwen configs name a window and switch it off; elsewhere a window that is named is in use.
    let slides = config.flag("use_sliding_window").unwrap_or(!family.name.starts_with("qwen"));
    ModelArch {
        id: id.to_owned(),
        family: family.name.to_owned(),
        num_hidden_layers: config.count("num_hidden_layers"),
        hidden_size: config.count("hidden_size"),
        intermediate_size: config.count("intermediate_size"),
        num_attention_heads: config.count("num_attention_heads"),
        num_key_value_heads: config.key_value_heads(family),
        head_dim: config.head_dim(family),
        vocab_size: config.count("vocab_size"),
        max_position_embeddings: config.count("max_position_embeddings"),
        tie_word_embeddings: config.flag("tie_word_embeddings").unwrap_or(family.tied),
        sliding_window: config.count("sliding_window").filter(|_| slides),
        layer_pattern,
        partial_rotary_factor: config.value("partial_rotary_factor").and_then(Value::as_f64),
        attn_output_gate: config.flag("attn_output_gate") == Some(true),
        num_global_key_value_heads: config.count("num_global_key_value_heads"),
        global_head_dim: config.count("global_head_dim"),
        attention_k_eq_v: config.flag("attention_k_eq_v") == Some(true),
        attention_chunk_size: config.count("attention_chunk_size"),
        mla: mla(config),
        vision: config.root.get("vision_config").and_then(Value::as_object).and_then(vision),
        native_dtype: dtype.unwrap_or_default().to_owned(),
        quantization: table("quantization_config"),
        source: "config.json".to_owned(),
        ..ModelArch::default()
    }
}

fn vision(tower: &Map<String, Value>) -> Option<VisionTower> {
    let count = |field: &str| tower.get(field).and_then(Value::as_u64).filter(|it| *it > 0);
    Some(VisionTower {
        depth: count("depth").or_else(|| count("num_hidden_layers"))?,
        hidden_size: count("hidden_size")?,
        intermediate_size: count("intermediate_size")?,
        num_heads: count("num_heads").or_else(|| count("num_attention_heads"))?,
        patch_size: count("patch_size")?,
        image_size: count("image_size"),
        spatial_merge_size: count("spatial_merge_size"),
        out_hidden_size: count("out_hidden_size"),
    })
}

/// Layers of each kind: as listed, or by the alternation the family is built with.
fn layer_pattern(config: &Config<'_>, family: &str) -> BTreeMap<String, u64> {
    let mut pattern = BTreeMap::new();
    if let Some(kinds) = config.value("layer_types").and_then(Value::as_array) {
        for kind in kinds.iter().filter_map(Value::as_str) {
            *pattern.entry(kind.to_owned()).or_insert(0) += 1;
        }
        if pattern.len() == 1 && pattern.contains_key("full_attention") {
            pattern.clear();
        }
        return pattern;
    }
    if config.flag("use_sliding_window") == Some(true)
        && let (Some(full), Some(layers)) =
            (config.count("max_window_layers"), config.count("num_hidden_layers"))
        && full < layers
    {
        pattern.insert("full_attention".to_owned(), full);
        pattern.insert("sliding_attention".to_owned(), layers - full);
        return pattern;
    }
    let period = match family {
        "gemma2" => Some(2),
        "gemma3" => Some(config.count("sliding_window_pattern").unwrap_or(6)),
        _ => None,
    };
    if let (Some(period), Some(layers)) = (period, config.count("num_hidden_layers")) {
        let full = layers / period;
        pattern.insert("full_attention".to_owned(), full);
        pattern.insert("sliding_attention".to_owned(), layers - full);
    }
    pattern
}

fn mla(config: &Config<'_>) -> Option<Mla> {
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

fn moe(config: &Config<'_>) -> Option<Moe> {
    Some(Moe {
        n_experts: config.n_experts()?,
        top_k: config.first(&["num_experts_per_tok", "num_experts_per_token"])?,
        moe_intermediate_size: config.first(&["moe_intermediate_size", "intermediate_size"])?,
        n_shared_experts: config.count("n_shared_experts"),
        shared_expert_intermediate: config.count("shared_expert_intermediate_size"),
        n_dense_layers: config.count("first_k_dense_replace"),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    const LLAMA_8B: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256,
        "max_position_embeddings": 131072, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
        "attention_bias": false, "mlp_bias": false}"#;

    /// The config with one field replaced; null takes it away.
    fn with(text: &str, field: &str, value: Value) -> String {
        let mut root: Map<String, Value> = serde_json::from_str(text).unwrap();
        root.insert(field.to_owned(), value);
        Value::Object(root).to_string()
    }

    #[test]
    fn llama_8b_has_its_published_parameters() {
        let model = model_from_config_json(LLAMA_8B, "mine").unwrap();
        assert_eq!(model.params_total, Some(8_030_261_248));
        assert_eq!((model.head_dim, model.native_dtype.as_str()), (Some(128), "bfloat16"));
        let biased = model_from_config_json(&with(LLAMA_8B, "attention_bias", true.into()), "mine");
        let extra = 32 * ((32 + 16) * 128 + 4096);
        assert_eq!(biased.unwrap().params_total, Some(8_030_261_248 + extra));
    }

    #[test]
    fn qwen2_ties_and_slides_as_it_says() {
        let text = r#"{"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864,
            "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2,
            "vocab_size": 151936, "tie_word_embeddings": true, "sliding_window": 32768,
            "use_sliding_window": false}"#;
        let model = model_from_config_json(text, "q").unwrap();
        assert_eq!(model.params_total, Some(494_032_768));
        assert_eq!(model.sliding_window, None);
    }

    #[test]
    fn gemma_layers_alternate() {
        let text = r#"{"model_type": "gemma3", "text_config": {"hidden_size": 2560,
            "intermediate_size": 10240, "num_attention_heads": 8, "num_key_value_heads": 4,
            "head_dim": 256, "num_hidden_layers": 34, "vocab_size": 262144,
            "sliding_window": 1024}, "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27,
            "intermediate_size": 4304, "num_attention_heads": 16, "patch_size": 14,
            "image_size": 896}}"#;
        let model = model_from_config_json(text, "g").unwrap();
        assert_eq!(model.layer_pattern["sliding_attention"], 29);
        assert_eq!(model.layer_pattern["full_attention"], 5);
        assert_eq!(model.params_total, Some(3_880_099_328));
        let tower = model.vision.unwrap();
        assert_eq!((tower.depth, tower.num_heads, tower.image_size), (27, 16, Some(896)));
    }

    #[test]
    fn experts_and_latent_attention_are_read() {
        let text = r#"{"model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432,
            "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
            "num_experts_per_tok": 8, "first_k_dense_replace": 3, "kv_lora_rank": 512,
            "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
            "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
            "vocab_size": 129280}"#;
        let model = model_from_config_json(text, "d").unwrap();
        assert_eq!(model.params_total, None);
        assert_eq!(model.mla.map(|it| it.kv_lora_rank), Some(512));
        assert_eq!(
            model.moe.map(|it| (it.n_experts, it.top_k, it.n_dense_layers)),
            Some((256, 8, Some(3)))
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |text: &str, expected: &str| {
            let error = model_from_config_json(text, "mine").unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("[1]", "mine: config.json cannot be read: the top level is not an object");
        check(&with(LLAMA_8B, "vocab_size", Value::Null), "mine: config.json lacks vocab_size");
        let qwen = with(LLAMA_8B, "model_type", "qwen2".into());
        check(
            &with(&qwen, "num_key_value_heads", Value::Null),
            "mine: config.json lacks num_key_value_heads",
        );
        check(
            &with(LLAMA_8B, "hidden_size", (-1).into()),
            "mine: config.json lacks hidden_size, head_dim",
        );
        check(
            &with(LLAMA_8B, "model_type", "rwkv7".into()),
            "mine: the architecture \"rwkv7\" is not known",
        );
        check(
            r#"{"hidden_size": 4096}"#,
            "mine: the architecture \"\" is not known, and the file lacks model_type, num_hidden_layers, num_attention_heads, vocab_size, intermediate_size",
        );
        assert!(matches!(
            model_from_config_json("{", "mine"),
            Err(CatalogError::ConfigJson { .. })
        ));
    }
}
