//! How the library that wrote a config fills what the file leaves out: the defaults of the
//! configuration classes of transformers, by family.

/// `model_type` in the file and the family in the catalog.
const FAMILIES: [(&str, &str); 51] = [
    ("bloom", "bloom"),
    ("cohere", "cohere"),
    ("deepseek_v2", "deepseek_v2"),
    ("deepseek_v3", "deepseek_v3"),
    ("deepseek_v32", "deepseek_v32"),
    ("falcon", "falcon"),
    ("gemma", "gemma"),
    ("gemma2", "gemma2"),
    ("gemma3", "gemma3"),
    ("gemma3_text", "gemma3"),
    ("gemma4", "gemma4"),
    ("gemma4_text", "gemma4"),
    ("glm4_moe", "glm4_moe"),
    ("glm_moe_dsa", "glm_moe_dsa"),
    ("gpt_neox", "gpt_neox"),
    ("gpt_oss", "gpt_oss"),
    ("gptj", "gptj"),
    ("granite", "granite"),
    ("internlm", "internlm"),
    ("kimi_k2", "deepseek_v3"),
    ("kimi_k25", "kimi_k25"),
    ("kimi_vl", "kimi_vl"),
    ("llama", "llama"),
    ("llama4", "llama4"),
    ("llama4_text", "llama4"),
    ("llava", "llava"),
    ("minimax_m2", "minimax"),
    ("mistral", "mistral"),
    ("mistral3", "mistral3"),
    ("mixtral", "mixtral"),
    ("mllama", "mllama"),
    ("nemotron_h", "nemotron_h"),
    ("phi", "phi"),
    ("phi3", "phi3"),
    ("qwen", "qwen"),
    ("qwen2", "qwen2"),
    ("qwen2_5_vl", "qwen2"),
    ("qwen2_moe", "qwen2_moe"),
    ("qwen2_vl", "qwen2"),
    ("qwen3", "qwen3"),
    ("qwen3_5", "qwen3_5"),
    ("qwen3_5_moe", "qwen3_5"),
    ("qwen3_5_moe_text", "qwen3_5"),
    ("qwen3_5_text", "qwen3_5"),
    ("qwen3_moe", "qwen3_moe"),
    ("qwen3_next", "qwen3_next"),
    ("qwen3_vl", "qwen3_vl"),
    ("qwen3_vl_moe", "qwen3_moe"),
    ("stablelm", "stablelm"),
    ("Yi", "llama"),
    ("yi", "llama"),
];

/// The family of this `model_type`.
pub(super) fn family(model_type: &str) -> Option<Family> {
    let (_, name) = FAMILIES.into_iter().find(|(it, _)| *it == model_type)?;
    Some(Family(name))
}

/// A family by its name in the catalog.
#[derive(Clone, Copy)]
pub(super) struct Family(pub(super) &'static str);

impl Family {
    /// Default of `tie_word_embeddings`.
    pub(super) fn tied(self) -> bool {
        self.is_one_of(&["bloom", "cohere", "falcon", "gemma", "gemma2", "gemma3", "gemma4"])
    }

    /// Whether an absent `head_dim` is `hidden_size / num_attention_heads`. The others state it,
    /// since their heads have another width.
    pub(super) fn derives_head_dim(self) -> bool {
        !self.is_one_of(&["gemma", "gemma2", "gemma3", "gemma4", "gpt_oss", "llama4"])
            && !self.is_one_of(&["qwen3", "qwen3_5", "qwen3_moe", "qwen3_next", "qwen3_vl"])
    }

    /// Whether every query head has its own key and value where the config counts none.
    pub(super) fn is_ungrouped(self) -> bool {
        self.is_one_of(&["bloom", "falcon", "gpt_neox", "gptj", "internlm"])
            || self.is_one_of(&["llama", "llava", "phi", "qwen"])
    }

    /// Whether an absent feed-forward width is four times the width.
    pub(super) fn widens_fourfold(self) -> bool {
        self.is_one_of(&["bloom", "falcon", "gptj"])
    }

    /// Share of a head that carries the position where the config does not say.
    pub(super) fn rotary_share(self) -> Option<f64> {
        self.is_one_of(&["qwen3_5", "qwen3_next"]).then_some(0.25)
    }

    /// Whether the query projection is twice as wide for a gate on the output. Qwen3-Next does
    /// not say so in its config.
    pub(super) fn has_output_gate(self) -> bool {
        self.is_one_of(&["qwen3_5", "qwen3_next"])
    }

    /// Whether a window that is named is in use. Qwen configs name one and switch it off.
    pub(super) fn slides(self) -> bool {
        !self.0.starts_with("qwen")
    }

    /// Whether one of these.
    pub(super) fn is_one_of(self, names: &[&str]) -> bool {
        names.contains(&self.0)
    }
}
