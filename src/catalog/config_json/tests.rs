//! Configs as models are published with, against the rows of the catalog.

use serde_json::{Map, Value};

use super::*;
use crate::catalog::Catalog;

/// Configs by the id of their row: the fields that decide memory and speed, as published.
const CONFIGS: &str = include_str!("configs.json");

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

/// A config and the row of the same model say the same in every field but where they come from.
#[test]
fn configs_agree_with_the_rows_of_the_catalog() {
    let catalog = Catalog::embedded().unwrap();
    let configs: Map<String, Value> = serde_json::from_str(CONFIGS).unwrap();
    assert_eq!(configs.len(), 39);
    for (id, config) in &configs {
        let row = catalog.model(id).unwrap();
        let mut read = model_from_config_json(&config.to_string(), id).unwrap();
        // A row keeps of the quantization what decides sizes.
        let table = |it: &ModelArch| it.quantization.clone().unwrap_or_default();
        let same = table(row).iter().all(|(key, value)| table(&read).get(key) == Some(value));
        assert!(same && read.quantization.is_some() == row.quantization.is_some(), "{id}");
        read = ModelArch {
            quantization: row.quantization.clone(),
            params_total: row.params_total,
            params_active: row.params_active,
            aliases: row.aliases.clone(),
            notes: row.notes.clone(),
            source: row.source.clone(),
            ..read
        };
        assert_eq!(&read, row, "{id}");
    }
}

/// Taking any field away, or making it absurd, is an error by name or a model, never a panic.
#[test]
fn damaged_configs_do_not_panic() {
    let configs: Map<String, Value> = serde_json::from_str(CONFIGS).unwrap();
    let odd = [Value::Null, 0.into(), 1.into(), u64::MAX.into(), (-1).into(), "x".into()];
    for (id, config) in &configs {
        let root = config.as_object().unwrap();
        for inner in [None, Some("text_config"), Some("vision_config")] {
            let Some(table) = inner.map_or(Some(root), |it| root.get(it)?.as_object()) else {
                continue;
            };
            for (field, value) in table.keys().flat_map(|it| odd.iter().map(move |v| (it, v))) {
                let mut changed = table.clone();
                changed.insert(field.clone(), value.clone());
                let mut whole = root.clone();
                match inner {
                    Some(inner) => drop(whole.insert(inner.to_owned(), changed.into())),
                    None => whole = changed,
                }
                let read = model_from_config_json(&Value::Object(whole).to_string(), id);
                assert!(read.is_ok() || !read.unwrap_err().to_string().is_empty());
            }
        }
    }
}

#[test]
fn llama_8b_derives_its_head() {
    let model = model_from_config_json(LLAMA_8B, "mine").unwrap();
    assert_eq!((model.head_dim, model.native_dtype.as_str()), (Some(128), "bfloat16"));
}

#[test]
fn qwen2_ties_and_slides_as_it_says() {
    let text = r#"{"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864,
        "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2,
        "vocab_size": 151936, "tie_word_embeddings": true, "sliding_window": 32768,
        "use_sliding_window": false}"#;
    let model = model_from_config_json(text, "q").unwrap();
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
    assert!(matches!(model_from_config_json("{", "mine"), Err(CatalogError::ConfigJson { .. })));
}

/// The config of this model with fields of its decoder replaced.
fn changed(id: &str, fields: &[(&str, Value)]) -> Result<ModelArch, CatalogError> {
    let mut configs: Map<String, Value> = serde_json::from_str(CONFIGS).unwrap();
    let root = configs.get_mut(id).unwrap().as_object_mut().unwrap();
    for (field, value) in fields {
        let table = match root.get_mut("text_config").and_then(Value::as_object_mut) {
            Some(text) if !field.contains('.') => text,
            _ => match field.split_once('.') {
                Some((table, _)) => root[table].as_object_mut().unwrap(),
                None => &mut *root,
            },
        };
        table.insert(field.rsplit('.').next().unwrap().to_owned(), value.clone());
    }
    model_from_config_json(&Value::Object(root.clone()).to_string(), "mine")
}

#[test]
fn what_a_kind_of_layer_lacks_is_named() {
    for (id, fields, expected) in [
        (
            "deepseek-ai/DeepSeek-V3",
            &["v_head_dim", "num_experts_per_tok"][..],
            "num_experts_per_tok, v_head_dim",
        ),
        ("Qwen/Qwen3.5-9B", &["linear_key_head_dim"], "linear_key_head_dim"),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", &["ssm_state_size"], "ssm_state_size"),
        ("google/gemma-3-12b-it", &["head_dim"], "head_dim"),
        ("google/gemma-3-12b-it", &["vision_config.patch_size"], "vision_config.patch_size"),
        ("Qwen/Qwen-7B", &["intermediate_size"], "intermediate_size"),
    ] {
        let absent: Vec<(&str, Value)> = fields.iter().map(|it| (*it, Value::Null)).collect();
        let error = changed(id, &absent).unwrap_err();
        assert_eq!(error.to_string(), format!("mine: config.json lacks {expected}"), "{id}");
    }
}

#[test]
fn layers_are_counted_however_they_are_spelled() {
    let kinds = |id: &str, fields: &[(&str, Value)]| {
        let model = changed(id, fields).unwrap();
        let pattern: Vec<(String, u64)> = model.layer_pattern.into_iter().collect();
        (pattern, model.sliding_window)
    };
    let named = |it: &[(&str, u64)]| -> Vec<(String, u64)> {
        it.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect()
    };
    let full = |n: u64, other: &str, m: u64| named(&[("full_attention", n), (other, m)]);
    // Qwen slides in the layers above max_window_layers, and only where the window is switched on.
    let slide = [
        ("use_sliding_window", true.into()),
        ("sliding_window", 4096.into()),
        ("max_window_layers", 21.into()),
    ];
    assert_eq!(
        kinds("Qwen/Qwen3-0.6B", &slide),
        (named(&[("full_attention", 21), ("sliding_attention", 7)]), Some(4096))
    );
    assert_eq!(kinds("Qwen/Qwen3-0.6B", &slide[1..]), (Vec::new(), None));
    let no_rope: Vec<Value> = (0..48).map(|it| Value::from(u64::from(it % 8 != 7))).collect();
    let scout = "meta-llama/Llama-4-Scout-17B-16E-Instruct";
    let found = kinds(scout, &[("no_rope_layers", no_rope.into())]).0;
    assert_eq!(found, named(&[("chunked_attention", 42), ("full_attention", 6)]));
    let blocks: Vec<Value> = ["mamba", "moe", "attention", "moe"].map(Value::from).to_vec();
    let nano = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16";
    let fields = [("hybrid_override_pattern", Value::Null), ("layers_block_type", blocks.into())];
    assert_eq!(kinds(nano, &fields).0, named(&[("full_attention", 1), ("mamba", 1), ("moe", 2)]));
    let all: Vec<Value> = vec!["full_attention".into(); 28];
    assert_eq!(kinds("Qwen/Qwen3-0.6B", &[("layer_types", all.into())]), (Vec::new(), None));
    let next = [("full_attention_interval", 6.into())];
    let found = kinds("Qwen/Qwen3-Next-80B-A3B-Instruct", &next).0;
    assert_eq!(found, full(8, "linear_attention", 40));
}

#[test]
fn dense_layers_between_experts() {
    let dense = |fields: &[(&str, Value)]| {
        changed("Qwen/Qwen3-235B-A22B", fields).unwrap().moe.unwrap().n_dense_layers
    };
    assert_eq!(dense(&[("decoder_sparse_step", 2.into())]), Some(47));
    assert_eq!(dense(&[("mlp_only_layers", vec![Value::from(0), 1.into()].into())]), Some(2));
}
