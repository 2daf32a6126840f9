//! The rules of thumb for training memory: bytes a parameter, activations apart.

use crate::catalog::Sizing;
use crate::size::Precision;
use crate::units::Bytes;

/// Format of the gradients in mixed-precision training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradients {
    /// 2 bytes, as the weights.
    Bf16,
    /// 4 bytes, as Megatron keeps them.
    Fp32,
}

impl Gradients {
    const fn bytes(self) -> f64 {
        match self {
            Gradients::Bf16 => 2.0,
            Gradients::Fp32 => 4.0,
        }
    }
}

/// Memory of full training with `AdamW`, without activations.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingEstimate {
    /// bf16 weights.
    pub weights: Bytes,
    /// Gradients.
    pub gradients: Bytes,
    /// fp32 master weights and both moments.
    pub optimizer: Bytes,
    /// All three.
    pub total: Bytes,
    /// One line per part.
    pub formulas: Vec<String>,
}

/// `AdamW` in mixed precision: 2 B weights + 2 B gradients (4 in fp32) + 12 B optimizer (master
/// weights and two moments of 4 B) = 16 B a parameter (18 with fp32 gradients), activations apart.
/// 7e9 parameters: 112 GB (126 GB). Source: Megatron-LM's theoretical memory usage, 18 B.
pub fn training_rule_of_thumb(params: f64, gradients: Gradients) -> TrainingEstimate {
    const WEIGHT_BYTES: f64 = 2.0;
    const OPTIMIZER_BYTES: f64 = 12.0;
    let part = |bytes: f64| Bytes::from_f64_rounded(params * bytes);
    let line = |name: &str, bytes: f64| {
        format!("{name} = {params:.0} params x {bytes} B = {:.1} GB", params * bytes / 1e9)
    };
    let parts = [
        ("weights", WEIGHT_BYTES),
        ("gradients", gradients.bytes()),
        ("optimizer", OPTIMIZER_BYTES),
    ];
    TrainingEstimate {
        weights: part(WEIGHT_BYTES),
        gradients: part(gradients.bytes()),
        optimizer: part(OPTIMIZER_BYTES),
        total: parts.iter().map(|&(_, bytes)| part(bytes)).sum(),
        formulas: parts.iter().map(|&(name, bytes)| line(name, bytes)).collect(),
    }
}

/// Memory of fine-tuning with `LoRA` by the rule of thumb.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraEstimate {
    /// Frozen bf16 weights.
    pub base: Bytes,
    /// What the rule adds for the adapter, its optimizer and activations.
    pub adapter: Bytes,
    /// Both.
    pub total: Bytes,
}

/// The rule of thumb: rank 16 adds about 4 GB, linear in the rank. 7e9 parameters at rank 16:
/// 14 + 4 = 18 GB. The rule is far above the adapter itself (see [`super::lora_params`]): at 16 B a
/// parameter, rank 16 on q and v of Llama 2 7B is 0.13 GB; activations are the rest.
pub fn lora_rule_of_thumb(params: f64, rank: u32, sizing: &Sizing) -> LoraEstimate {
    const RULE_RANK: f64 = 16.0;
    let base = Bytes::from_f64_rounded(params * Precision::Bf16.rule_of_thumb_bytes());
    let adapter =
        Bytes::from_f64_rounded(sizing.lora_rank_16_gb * 1e9 * f64::from(rank) / RULE_RANK);
    LoraEstimate { base, adapter, total: base + adapter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn adamw_is_16_or_18_bytes() {
        let it = training_rule_of_thumb(7e9, Gradients::Bf16);
        assert_eq!(it.total, Bytes::new(112_000_000_000));
        assert_eq!(it.formulas[2], "optimizer = 7000000000 params x 12 B = 84.0 GB");
        let it = training_rule_of_thumb(7e9, Gradients::Fp32);
        assert_eq!(it.total, Bytes::new(126_000_000_000));
    }

    #[test]
    fn lora_by_the_rule() {
        let sizing = fixtures::sizing();
        let it = lora_rule_of_thumb(7e9, 16, &sizing);
        assert_eq!(it.total, Bytes::new(18_000_000_000));
        assert_eq!(lora_rule_of_thumb(7e9, 8, &sizing).adapter, Bytes::new(2_000_000_000));
    }
}
