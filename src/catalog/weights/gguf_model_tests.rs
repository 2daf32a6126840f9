//! Architectures from the metadata of GGUF files.

use super::*;
use crate::catalog::model::{LinearAttention, ModelArch};

fn counts(pairs: &[(&str, u64)]) -> Vec<(String, MetadataValue)> {
    pairs.iter().map(|(key, it)| ((*key).to_owned(), MetadataValue::Count(*it))).collect()
}

/// A model of llama.cpp's architecture `arch` with keys given without their prefix.
fn model(
    arch: &str,
    pairs: &[(&str, u64)],
    by_layer: &[(&str, Vec<u64>)],
    tensors: Vec<TensorInfo>,
) -> ModelArch {
    let mut metadata: BTreeMap<String, MetadataValue> = BTreeMap::new();
    let named = MetadataValue::Text(arch.to_owned());
    metadata.insert("general.architecture".to_owned(), named);
    metadata.insert("tokenizer.ggml.tokens".to_owned(), MetadataValue::Length(128_256));
    let lists =
        by_layer.iter().map(|(key, it)| ((*key).to_owned(), MetadataValue::Counts(it.clone())));
    for (key, value) in counts(pairs).into_iter().chain(lists) {
        metadata.insert(format!("{arch}.{key}"), value);
    }
    let file = WeightFile { tensors, metadata };
    model_from_gguf("m.gguf", &file, &WeightSums::of(&file.tensors)).unwrap()
}

fn tensor(name: &str, dtype: &str, n_elements: u64, bytes: u64) -> TensorInfo {
    TensorInfo {
        name: name.to_owned(),
        dtype: dtype.to_owned(),
        shape: vec![n_elements],
        n_elements,
        bytes: Bytes::new(bytes),
    }
}

const LLAMA_8B: [(&str, u64); 7] = [
    ("block_count", 32),
    ("embedding_length", 4096),
    ("feed_forward_length", 14_336),
    ("attention.head_count", 32),
    ("attention.head_count_kv", 8),
    ("context_length", 131_072),
    ("vocab_size", 1),
];

#[test]
fn llama_8b_is_the_model_of_its_config() {
    let tensors = vec![
        tensor("token_embd.weight", "Q4_K", 2560, 1440),
        tensor("blk.0.ffn_norm.weight", "F32", 5, 20),
    ];
    let found = model("llama", &LLAMA_8B, &[], tensors);
    assert_eq!(found.family, "llama");
    assert_eq!(found.num_hidden_layers, Some(32));
    assert_eq!((found.hidden_size, found.intermediate_size), (Some(4096), Some(14_336)));
    assert_eq!((found.num_attention_heads, found.num_key_value_heads), (Some(32), Some(8)));
    assert_eq!((found.head_dim, found.vocab_size), (Some(128), Some(128_256)));
    assert_eq!((found.params_total, found.params_active), (Some(2565), Some(2565)));
    assert!(found.tie_word_embeddings && found.layer_pattern.is_empty());
    let quantization = found.quantization.unwrap();
    assert_eq!(quantization["dtype"].as_str(), Some("Q4_K"));
    let whole = model("llama", &LLAMA_8B, &[], vec![tensor("output.weight", "BF16", 1, 2)]);
    assert_eq!((whole.native_dtype.as_str(), whole.quantization), ("bfloat16", None));
    assert!(!whole.tie_word_embeddings);
}

#[test]
fn experts_are_counted_by_what_is_used() {
    let keys = [LLAMA_8B.as_slice(), &[("expert_count", 8), ("expert_used_count", 2)]].concat();
    let tensors = vec![
        tensor("token_embd.weight", "F16", 100, 200),
        tensor("blk.0.ffn_up_exps.weight", "Q8_0", 800, 850),
    ];
    let found = model("llama", &keys, &[], tensors);
    assert_eq!(found.family, "mixtral");
    assert_eq!((found.params_total, found.params_active), (Some(900), Some(300)));
    let moe = found.moe.unwrap();
    assert_eq!((moe.n_experts, moe.top_k, moe.moe_intermediate_size), (8, 2, 14_336));
}

#[test]
fn latent_attention_is_read_from_absorbed_and_older_files() {
    let shared = [
        ("block_count", 62),
        ("nextn_predict_layers", 1),
        ("embedding_length", 7168),
        ("attention.head_count", 128),
        ("attention.kv_lora_rank", 512),
        ("attention.q_lora_rank", 1536),
        ("rope.dimension_count", 64),
        ("expert_gating_func", 2),
    ];
    let absorbed = [
        ("attention.head_count_kv", 1),
        ("attention.key_length", 576),
        ("attention.value_length", 512),
        ("attention.key_length_mla", 192),
        ("attention.value_length_mla", 128),
    ];
    let older = [
        ("attention.head_count_kv", 128),
        ("attention.key_length", 192),
        ("attention.value_length", 128),
    ];
    for keys in [absorbed.as_slice(), &older] {
        let found = model("deepseek2", &[&shared, keys].concat(), &[], vec![]);
        assert_eq!((found.family.as_str(), found.num_hidden_layers), ("deepseek_v3", Some(61)));
        assert_eq!((found.head_dim, found.num_key_value_heads), (Some(192), Some(128)));
        let mla = found.mla.unwrap();
        assert_eq!((mla.kv_lora_rank, mla.qk_rope_head_dim), (512, 64));
        assert_eq!((mla.qk_nope_head_dim, mla.v_head_dim), (Some(128), Some(128)));
    }
}

#[test]
fn windows_follow_the_file_or_the_family() {
    let check = |arch: &str, extra: &[(&str, u64)], layers: u64, sliding: u64| {
        let base = [
            ("block_count", layers),
            ("embedding_length", 2880),
            ("attention.head_count", 64),
            ("attention.sliding_window", 128),
        ];
        let found = model(arch, &[&base, extra].concat(), &[], vec![]);
        assert_eq!(found.layer_pattern.get("sliding_attention"), Some(&sliding), "{arch}");
        assert_eq!(found.layer_pattern["full_attention"], layers - sliding, "{arch}");
    };
    check("gpt-oss", &[], 24, 12);
    check("gemma3", &[], 34, 29);
    check("gemma2", &[], 26, 13);
    check("gemma3", &[("attention.sliding_window_pattern", 0)], 34, 34);
    check("olmo2", &[("attention.sliding_window_pattern", 4)], 32, 24);
    let phi3 = [
        ("block_count", 32),
        ("embedding_length", 3072),
        ("attention.head_count", 32),
        ("attention.sliding_window", 2047),
    ];
    let found = model("phi3", &phi3, &[], vec![]);
    assert_eq!((found.sliding_window, found.layer_pattern.len()), (Some(2047), 0));
}

#[test]
fn layers_that_differ_are_told_apart() {
    let gemma4 = [
        ("block_count", 6),
        ("embedding_length", 2816),
        ("attention.head_count", 16),
        ("attention.sliding_window", 1024),
        ("attention.key_length", 512),
        ("attention.key_length_swa", 256),
    ];
    let by_layer = [
        ("attention.head_count_kv", vec![8, 8, 8, 8, 8, 2]),
        ("attention.sliding_window_pattern", vec![1, 1, 1, 1, 1, 0]),
    ];
    let found = model("gemma4", &gemma4, &by_layer, vec![]);
    let heads = (found.num_key_value_heads, found.num_global_key_value_heads);
    assert_eq!(heads, (Some(8), Some(2)));
    assert_eq!((found.head_dim, found.global_head_dim), (Some(256), Some(512)));
    assert_eq!(found.layer_pattern["sliding_attention"], 5);
    // A pattern of four layers for a model of six repeats itself; no number of layers takes long.
    let shorter = [("attention.sliding_window_pattern", vec![0, 1, 1, 1])];
    let found = model("gemma4", &gemma4, &shorter, vec![]);
    assert_eq!(found.layer_pattern["full_attention"], 2);
    let endless = [("block_count", u64::MAX)];
    let found = model("gemma4", &[&gemma4[1..], &endless].concat(), &shorter, vec![]);
    assert_eq!(found.layer_pattern["full_attention"], 1 << 62);
    // Heads that differ for no stated reason stay unknown.
    let found = model("deci", &gemma4, &[("attention.head_count_kv", vec![8, 4])], vec![]);
    assert_eq!(found.num_key_value_heads, None);
}

#[test]
fn hybrids_keep_their_linear_layers() {
    let state = [
        ("embedding_length", 2048),
        ("attention.head_count", 16),
        ("ssm.conv_kernel", 4),
        ("ssm.state_size", 128),
        ("ssm.group_count", 16),
        ("ssm.time_step_rank", 32),
        ("ssm.inner_size", 4096),
    ];
    let next = [&state, [("block_count", 48), ("attention.head_count_kv", 2)].as_slice()];
    let found = model("qwen3next", &next.concat(), &[], vec![]);
    assert_eq!(found.layer_pattern["linear_attention"], 36);
    assert!(found.attn_output_gate);
    let delta = found.linear_attn.unwrap();
    let LinearAttention::GatedDelta { linear_value_head_dim, .. } = delta else {
        panic!("{delta:?}");
    };
    assert_eq!(linear_value_head_dim, 128);
    let hybrid = [&state, [("block_count", 5)].as_slice()].concat();
    let by_layer = [
        ("attention.head_count_kv", vec![0, 0, 2, 0, 0]),
        ("feed_forward_length", vec![0, 1856, 0, 0, 1856]),
    ];
    let found = model("nemotron_h", &hybrid, &by_layer, vec![]);
    let pattern: Vec<(&str, u64)> =
        found.layer_pattern.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(pattern, [("full_attention", 1), ("mamba", 2), ("mlp", 2)]);
    assert_eq!((found.num_key_value_heads, found.intermediate_size), (Some(2), Some(1856)));
    assert!(matches!(found.linear_attn, Some(LinearAttention::Mamba2 { .. })));
}

#[test]
fn what_is_missing_is_named() {
    let check = |metadata: Vec<(String, MetadataValue)>, expected: &str| {
        let file = WeightFile { tensors: vec![], metadata: metadata.into_iter().collect() };
        let error = model_from_gguf("m.gguf", &file, &WeightSums::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(vec![], "m.gguf: the metadata lacks general.architecture");
    let mut clip = counts(&[("clip.embedding_length", 1152)]);
    let named = MetadataValue::Text("clip".to_owned());
    clip.push(("general.architecture".to_owned(), named));
    check(clip, "m.gguf: the metadata lacks clip.block_count, clip.attention.head_count");
}
