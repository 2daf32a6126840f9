//! The rule of thumb for serving memory: weights, KV cache, overhead. Printed beside what an
//! engine really allocates, never instead of it.

use super::Precision;
use crate::catalog::Sizing;
use crate::units::Bytes;

/// Bytes of one element of a 16-bit KV cache.
const KV_ELEMENT_BYTES: f64 = 2.0;

/// What decides the size of a KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvShape {
    /// Transformer layers.
    pub num_hidden_layers: u64,
    /// Key and value heads.
    pub num_key_value_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
}

/// What the rule of thumb adds on top of weights and KV cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overhead {
    /// A share of the weights, usually 0.10 to 0.15.
    FractionOfWeights(f64),
    /// A stated amount.
    Bytes(Bytes),
}

/// What is asked of the rule of thumb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// Number of weights.
    pub params: f64,
    /// Shape of the KV cache.
    pub kv: KvShape,
    /// Format of the weights; the KV cache stays at 16 bits.
    pub precision: Precision,
    /// Tokens of each sequence.
    pub context: u64,
    /// Sequences at once.
    pub batch: u64,
    /// What comes on top.
    pub overhead: Overhead,
}

/// The answer, with the formula of every part.
#[derive(Clone, Debug, PartialEq)]
pub struct VramEstimate {
    /// Weights.
    pub weights: Bytes,
    /// KV cache of all sequences.
    pub kv_cache: Bytes,
    /// Activations, fragmentation, runtime.
    pub overhead: Bytes,
    /// All three.
    pub total: Bytes,
    /// One line per part: formula, inputs, result.
    pub formulas: Vec<String>,
}

/// KV cache of one token in bytes: a key and a value of 16 bits for every layer and KV head.
/// Llama 3 8B: 2 x 32 x 8 x 128 x 2 B = 131,072 B; Llama 3 70B: 327,680 B.
pub fn kv_cache_per_token(shape: &KvShape) -> Bytes {
    const KEY_AND_VALUE: f64 = 2.0;
    Bytes::from_f64_rounded(
        KEY_AND_VALUE
            * shape.num_hidden_layers as f64
            * shape.num_key_value_heads as f64
            * shape.head_dim as f64
            * KV_ELEMENT_BYTES,
    )
}

/// Memory by the rule of thumb: params x bytes per weight, plus KV cache per token x context x
/// batch, plus overhead. 70e9 parameters in bf16, 4,096 tokens, batch 8, overhead 12 %:
/// 140 + 10.7 + 16.8 = 168 GB. In int4 with an overhead of 5 GB: 35 + 10.7 + 5 = 51 GB; 12 % of
/// the weights would be 4.2 GB and give 50 GB.
pub fn rule_of_thumb(question: &Question) -> VramEstimate {
    let Question { params, kv, precision, context, batch, overhead } = *question;
    let bytes_per_weight = precision.rule_of_thumb_bytes();
    let weights = Bytes::from_f64_rounded(params * bytes_per_weight);
    let per_token = kv_cache_per_token(&kv);
    let kv_cache = per_token * context * batch;
    let (overhead_bytes, overhead_formula) = match overhead {
        Overhead::FractionOfWeights(share) => {
            let bytes = Bytes::from_f64_rounded(weights.to_f64() * share);
            (bytes, format!("{:.0} % of the weights", share * 100.0))
        }
        Overhead::Bytes(bytes) => (bytes, "as given".to_owned()),
    };
    let total = weights + kv_cache + overhead_bytes;
    let formulas = vec![
        format!(
            "weights = {params:.0} params x {bytes_per_weight} B ({precision}) = {:.1} GB",
            weights.to_gb()
        ),
        format!(
            "kv_cache = 2 x {} layers x {} kv heads x {} head_dim x {KV_ELEMENT_BYTES} B \
             x {context} tokens x batch {batch} = {:.1} GB",
            kv.num_hidden_layers,
            kv.num_key_value_heads,
            kv.head_dim,
            kv_cache.to_gb()
        ),
        format!("overhead = {overhead_formula} = {:.1} GB", overhead_bytes.to_gb()),
        format!("total = weights + kv_cache + overhead = {:.1} GB", total.to_gb()),
    ];
    VramEstimate { weights, kv_cache, overhead: overhead_bytes, total, formulas }
}

/// The quickest estimate: bf16 weights and a share on top. 70e9 parameters and 20 %: 168 GB.
pub fn quick_estimate(params: f64, sizing: &Sizing) -> Bytes {
    let weights = params * Precision::Bf16.rule_of_thumb_bytes();
    Bytes::from_f64_rounded(weights * (1.0 + sizing.quick_overhead_fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    const LLAMA_3_70B: KvShape =
        KvShape { num_hidden_layers: 80, num_key_value_heads: 8, head_dim: 128 };

    /// Compares weights, KV cache, overhead and total in GB as printed.
    fn check(precision: Precision, overhead: Overhead, expected: [&str; 4]) {
        let params = 70e9;
        let it = rule_of_thumb(&Question {
            params,
            kv: LLAMA_3_70B,
            precision,
            context: 4_096,
            batch: 8,
            overhead,
        });
        let printed = [
            format!("{:.0}", it.weights.to_gb()),
            format!("{:.1}", it.kv_cache.to_gb()),
            format!("{:.0}", it.overhead.to_gb()),
            format!("{:.0}", it.total.to_gb()),
        ];
        assert_eq!(printed, expected);
        assert_eq!(it.formulas.len(), 4);
    }

    #[test]
    fn the_articles_numbers_to_the_printed_digit() {
        let share = Overhead::FractionOfWeights(fixtures::sizing().overhead_fraction);
        let five_gb = Overhead::Bytes(Bytes::new(5_000_000_000));
        check(Precision::Bf16, share, ["140", "10.7", "17", "168"]);
        check(Precision::Int4, five_gb, ["35", "10.7", "5", "51"]);
        check(Precision::Int4, share, ["35", "10.7", "4", "50"]);
        check(Precision::Fp8, share, ["70", "10.7", "8", "89"]);
    }

    #[test]
    fn by_id_the_weights_are_141_gb() {
        let params = fixtures::llama_70b().params_total.unwrap() as f64;
        let weights = params * Precision::Bf16.rule_of_thumb_bytes();
        assert_eq!(format!("{:.0}", weights / 1e9), "141");
    }

    #[test]
    fn kv_cache_of_one_token() {
        assert_eq!(kv_cache_per_token(&LLAMA_3_70B), Bytes::new(327_680));
        let llama_3_8b = KvShape { num_hidden_layers: 32, ..LLAMA_3_70B };
        assert_eq!(kv_cache_per_token(&llama_3_8b), Bytes::new(131_072));
    }

    #[test]
    fn formulas_show_their_inputs() {
        let it = rule_of_thumb(&Question {
            params: 70e9,
            kv: LLAMA_3_70B,
            precision: Precision::Bf16,
            context: 4_096,
            batch: 8,
            overhead: Overhead::FractionOfWeights(0.12),
        });
        assert_eq!(it.formulas[0], "weights = 70000000000 params x 2 B (bf16) = 140.0 GB");
        assert_eq!(it.formulas[2], "overhead = 12 % of the weights = 16.8 GB");
    }

    #[test]
    fn the_quick_estimate_adds_a_fifth() {
        let it = quick_estimate(70e9, &fixtures::sizing());
        assert_eq!(it, Bytes::new(168_000_000_000));
    }

    #[test]
    fn absurd_inputs_saturate() {
        let kv = KvShape {
            num_hidden_layers: u64::MAX,
            num_key_value_heads: u64::MAX,
            head_dim: u64::MAX,
        };
        let it = rule_of_thumb(&Question {
            params: f64::NAN,
            kv,
            precision: Precision::Bf16,
            context: u64::MAX,
            batch: u64::MAX,
            overhead: Overhead::FractionOfWeights(f64::INFINITY),
        });
        assert_eq!((it.weights, it.total), (Bytes::ZERO, Bytes::new(u64::MAX)));
    }
}
