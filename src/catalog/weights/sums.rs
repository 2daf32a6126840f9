//! What the tensors of a checkpoint add up to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::TensorInfo;
use crate::units::Bytes;

/// Modules that hold the embedding, as Hugging Face, Mistral and llama.cpp name them.
const EMBEDDINGS: [&str; 5] =
    ["embed_tokens", "tok_embeddings", "token_embd", "word_embeddings", "wte"];
/// Modules that hold the output layer; Mistral and llama.cpp call the whole module `output`.
const LM_HEADS: [&str; 2] = ["lm_head", "embed_out"];
/// Dtypes that may hold several weights in an element: int4 in AWQ and GPTQ, fp4 in gpt-oss.
const PACKED: [&str; 5] = ["U8", "I16", "U16", "I32", "U32"];
/// Dtypes of positions, masks and scales, never of weights.
const NO_WEIGHTS: [&str; 5] = ["BOOL", "I64", "U64", "C64", "F8_E8M0"];

/// The tensors of one dtype.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DtypeSum {
    /// As the format names it.
    pub dtype: String,
    /// How many tensors have it.
    pub n_tensors: u64,
    /// Their elements.
    pub n_elements: u64,
    /// Their bytes.
    pub bytes: Bytes,
}

/// A checkpoint by dtype and by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightSums {
    /// All tensors.
    pub bytes: Bytes,
    /// By dtype, most bytes first.
    pub by_dtype: Vec<DtypeSum>,
    /// Weights in tensors whose dtype holds one an element, scales and buffers of such a dtype
    /// included.
    pub params: u64,
    /// Bytes of tensors whose dtype may hold several weights in an element; how many, the header
    /// does not say.
    pub packed: Bytes,
    /// The embedding.
    pub embedding: Bytes,
    /// The output layer; nothing where it shares the embedding.
    pub lm_head: Option<Bytes>,
    /// Routed experts.
    pub experts: Bytes,
    /// Weights of the routed experts, counted as `params`.
    pub expert_params: u64,
}

impl WeightSums {
    /// Adds up.
    pub fn of(tensors: &[TensorInfo]) -> WeightSums {
        let mut sums = WeightSums::default();
        let mut by_dtype: BTreeMap<&str, DtypeSum> = BTreeMap::new();
        for tensor in tensors {
            let dtype = tensor.dtype.as_str();
            let sum = by_dtype
                .entry(dtype)
                .or_insert_with(|| DtypeSum { dtype: dtype.to_owned(), ..DtypeSum::default() });
            sum.n_tensors += 1;
            sum.n_elements = sum.n_elements.saturating_add(tensor.n_elements);
            sum.bytes = sum.bytes + tensor.bytes;
            sums.add(tensor);
        }
        sums.by_dtype = by_dtype.into_values().collect();
        sums.by_dtype.sort_by_key(|it| Reverse(it.bytes));
        sums
    }

    /// All weights of the checkpoint, where every dtype says how many it holds.
    pub fn params_total(&self) -> Option<u64> {
        (self.packed == Bytes::ZERO).then_some(self.params)
    }

    /// Weights one token touches, with `top_k` of `n_experts` experts: all but the experts it
    /// passes over, `params - expert params x (n - k) / n`.
    pub fn params_active(&self, top_k: u64, n_experts: u64) -> Option<u64> {
        let passed_over = u128::from(n_experts.checked_sub(top_k)?);
        let idle = u128::from(self.expert_params) * passed_over;
        let idle = idle.checked_div(u128::from(n_experts))?;
        self.params_total()?.checked_sub(u64::try_from(idle).ok()?)
    }

    fn add(&mut self, tensor: &TensorInfo) {
        let is_packed = PACKED.contains(&tensor.dtype.as_str());
        let params = if is_packed || NO_WEIGHTS.contains(&tensor.dtype.as_str()) {
            0
        } else {
            tensor.n_elements
        };
        self.bytes = self.bytes + tensor.bytes;
        self.params = self.params.saturating_add(params);
        if is_packed {
            self.packed = self.packed + tensor.bytes;
        }
        if tensor.name.contains(".experts.") || tensor.name.contains("_exps.") {
            self.experts = self.experts + tensor.bytes;
            self.expert_params = self.expert_params.saturating_add(params);
        }
        // Copies inside a layer belong to multi-token prediction.
        let module = tensor.name.rsplit_once('.').map_or("", |(module, _)| module);
        let last = module.rsplit_once('.').map_or(module, |(_, last)| last);
        if module.contains("layers.") {
            return;
        }
        if EMBEDDINGS.contains(&last) {
            self.embedding = self.embedding + tensor.bytes;
        } else if LM_HEADS.contains(&last) || module == "output" {
            self.lm_head = Some(self.lm_head.unwrap_or_default() + tensor.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dtype: &str, n_elements: u64, bytes: u64) -> TensorInfo {
        TensorInfo {
            name: name.to_owned(),
            dtype: dtype.to_owned(),
            shape: vec![n_elements],
            n_elements,
            bytes: Bytes::new(bytes),
        }
    }

    #[test]
    fn roles_are_told_by_name() {
        let sums = WeightSums::of(&[
            tensor("model.embed_tokens.weight", "BF16", 100, 200),
            tensor("lm_head.weight", "BF16", 100, 200),
            tensor("model.layers.0.self_attn.q_proj.weight", "F8_E4M3", 64, 64),
            tensor("model.layers.0.self_attn.q_proj.weight_scale_inv", "F32", 1, 4),
            tensor("model.layers.0.mlp.experts.0.up_proj.weight", "BF16", 40, 80),
            tensor("model.layers.0.mlp.shared_experts.up_proj.weight", "BF16", 10, 20),
            tensor("model.layers.61.embed_tokens.weight", "BF16", 100, 200),
            tensor("vision.embeddings.position_ids", "I64", 7, 56),
        ]);
        assert_eq!(sums.bytes, Bytes::new(824));
        assert_eq!((sums.embedding, sums.lm_head), (Bytes::new(200), Some(Bytes::new(200))));
        assert_eq!((sums.experts, sums.expert_params), (Bytes::new(80), 40));
        assert_eq!(sums.params_total(), Some(415));
        assert_eq!(sums.params_active(2, 8), Some(385));
        assert_eq!(sums.params_active(9, 8), None);
        assert_eq!(sums.params_active(0, 0), None);
        let dtypes: Vec<&str> = sums.by_dtype.iter().map(|it| it.dtype.as_str()).collect();
        assert_eq!(dtypes, ["BF16", "F8_E4M3", "I64", "F32"]);
    }

    #[test]
    fn packed_weights_have_bytes_and_no_count() {
        let sums = WeightSums::of(&[
            tensor("model.embed_tokens.weight", "F16", 100, 200),
            tensor("model.layers.0.mlp.up_proj.qweight", "I32", 32, 128),
            tensor("model.layers.0.mlp.up_proj.scales", "F16", 2, 4),
        ]);
        assert_eq!((sums.packed, sums.params_total()), (Bytes::new(128), None));
        assert_eq!((sums.bytes, sums.lm_head), (Bytes::new(332), None));
    }

    #[test]
    fn llama_cpp_names_are_known() {
        let sums = WeightSums::of(&[
            tensor("token_embd.weight", "Q6_K", 256, 210),
            tensor("output_norm.weight", "F32", 1, 4),
            tensor("output.weight", "Q6_K", 256, 210),
            tensor("blk.0.attn_output.weight", "Q4_K", 256, 144),
            tensor("blk.0.ffn_up_exps.weight", "Q4_K", 256, 144),
        ]);
        assert_eq!((sums.embedding, sums.lm_head), (Bytes::new(210), Some(Bytes::new(210))));
        assert_eq!(sums.experts, Bytes::new(144));
    }
}
