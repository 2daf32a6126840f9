//! The fields of a config under their many names.

use serde_json::{Map, Value};

use super::family::Family;

/// The fields of the text model, which multimodal configs keep one level down.
pub(super) struct Config<'a> {
    pub(super) root: &'a Map<String, Value>,
    text: &'a Map<String, Value>,
}

/// Another name of a field in older families (`gptj`, `bloom`, `falcon`, `qwen`).
const OLD_NAMES: [(&str, &[&str]); 6] = [
    ("hidden_size", &["n_embd", "n_embed"]),
    ("num_hidden_layers", &["n_layer"]),
    ("num_attention_heads", &["n_head"]),
    ("num_key_value_heads", &["num_kv_heads"]),
    ("intermediate_size", &["ffn_hidden_size", "n_inner"]),
    ("max_position_embeddings", &["n_positions", "seq_length"]),
];

impl<'a> Config<'a> {
    pub(super) fn new(root: &'a Map<String, Value>) -> Config<'a> {
        let text = root.get("text_config").and_then(Value::as_object).unwrap_or(root);
        Config { root, text }
    }

    pub(super) fn value(&self, field: &str) -> Option<&'a Value> {
        self.text.get(field).or_else(|| self.root.get(field)).filter(|it| !it.is_null())
    }

    /// A positive count; anything else counts as absent.
    pub(super) fn count(&self, field: &str) -> Option<u64> {
        let read = |name: &str| self.value(name).and_then(Value::as_u64).filter(|it| *it > 0);
        read(field).or_else(|| {
            let (_, others) = OLD_NAMES.into_iter().find(|(it, _)| *it == field)?;
            others.iter().find_map(|it| read(it))
        })
    }

    pub(super) fn first(&self, fields: &[&str]) -> Option<u64> {
        fields.iter().find_map(|field| self.count(field))
    }

    pub(super) fn flag(&self, field: &str) -> Option<bool> {
        self.value(field).and_then(Value::as_bool)
    }

    pub(super) fn word(&self, field: &str) -> Option<&'a str> {
        self.value(field).and_then(Value::as_str)
    }

    pub(super) fn list(&self, field: &str) -> Option<&'a [Value]> {
        self.value(field).and_then(Value::as_array).map(Vec::as_slice)
    }

    /// Width of the feed-forward layers. `qwen` counts gate and up together.
    pub(super) fn intermediate_size(&self, family: Family) -> Option<u64> {
        // The dense layers of Llama 4 are wider than its experts.
        let stated = self.first(&["intermediate_size_mlp", "intermediate_size"]);
        match family.0 {
            "llama4" if self.dense_layers_of_llama4() == Some(0) => self.count("intermediate_size"),
            "qwen" => stated.map(|it| it / 2),
            _ if family.widens_fourfold() => {
                stated.or_else(|| self.count("hidden_size")?.checked_mul(4))
            }
            _ => stated,
        }
    }

    /// Layers between those with experts.
    pub(super) fn dense_layers_of_llama4(&self) -> Option<u64> {
        let step = self.count("interleave_moe_layer_step")?;
        let layers = self.count("num_hidden_layers")?;
        Some(layers - layers / step)
    }

    pub(super) fn head_dim(&self, family: Family) -> Option<u64> {
        self.first(&["head_dim", "kv_channels"]).or_else(|| {
            let derived = family.derives_head_dim().then(|| {
                let hidden = self.count("hidden_size")?;
                let heads = self.count("num_attention_heads")?;
                (hidden % heads == 0).then_some(hidden / heads)
            });
            derived.flatten()
        })
    }

    /// Absent only in configs older than grouped queries, where every head has its own, and in
    /// Falcon 7B, where all share one.
    pub(super) fn key_value_heads(&self, family: Family) -> Option<u64> {
        if self.flag("multi_query") == Some(true)
            && self.flag("new_decoder_architecture") != Some(true)
        {
            return Some(1);
        }
        let ungrouped = || self.count("num_attention_heads").filter(|_| family.is_ungrouped());
        self.count("num_key_value_heads").or_else(ungrouped)
    }

    /// Share of a head that carries the position.
    pub(super) fn rotary_share(&self, family: Family, head_dim: Option<u64>) -> Option<f64> {
        let of = |table: &str| {
            self.value(table).and_then(|it| it.get("partial_rotary_factor")).and_then(Value::as_f64)
        };
        let direct = ["partial_rotary_factor", "rotary_pct"]
            .into_iter()
            .find_map(|it| self.value(it).and_then(Value::as_f64));
        let by_width = || Some(self.count("rotary_dim")? as f64 / head_dim? as f64);
        direct
            .or_else(|| of("rope_parameters"))
            .or_else(by_width)
            .or_else(|| family.rotary_share())
            .filter(|it| *it < 1.0)
    }

    pub(super) fn n_experts(&self) -> Option<u64> {
        let names = ["num_experts", "num_local_experts", "n_routed_experts"];
        self.first(&names).filter(|it| *it > 1)
    }

    pub(super) fn top_k(&self) -> Option<u64> {
        self.first(&["num_experts_per_tok", "num_experts_per_token", "top_k_experts"])
    }

    pub(super) fn has_moe(&self) -> bool {
        self.n_experts().is_some()
    }

    pub(super) fn has_mla(&self) -> bool {
        self.count("kv_lora_rank").is_some()
    }

    /// The fields a model of this family cannot be sized without, where they are absent.
    pub(super) fn missing(&self, family: Family) -> Vec<String> {
        let mut missing = self.missing_basics(Some(family));
        let mut need = |field: &str, found: bool| {
            if !found {
                missing.push(field.to_owned());
            }
        };
        need("head_dim", self.head_dim(family).is_some() || self.has_mla());
        need("num_key_value_heads", self.key_value_heads(family).is_some() || self.has_mla());
        need("num_experts_per_tok", self.top_k().is_some() || !self.has_moe());
        if self.has_mla() {
            for field in ["qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"] {
                need(field, self.count(field).is_some());
            }
        }
        let state: &[&str] = match family.0 {
            "qwen3_5" | "qwen3_next" => &super::parts::GATED_DELTA,
            "nemotron_h" => &super::parts::MAMBA_2,
            _ => &[],
        };
        for field in state {
            need(field, self.count(field).is_some());
        }
        missing.extend(super::vision::missing(self));
        missing
    }

    pub(super) fn missing_basics(&self, family: Option<Family>) -> Vec<String> {
        let mut missing: Vec<&str> =
            ["num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size"]
                .into_iter()
                .filter(|field| self.count(field).is_none())
                .collect();
        let width = family.map_or_else(
            || self.count("intermediate_size"),
            |family| self.intermediate_size(family),
        );
        if width.is_none() && self.count("moe_intermediate_size").is_none() {
            missing.push("intermediate_size");
        }
        missing.into_iter().map(str::to_owned).collect()
    }
}
