//! The number formats weights are served in.

use std::fmt;

use crate::catalog::Sizing;

/// How weights are stored while they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 16 bits: bf16, or fp16 where the GPU has no bf16.
    Bf16,
    /// 8-bit floating point, weights and activations.
    Fp8,
    /// 8-bit integers, weights and activations (w8a8).
    Int8,
    /// 4-bit integers, weights only (AWQ, GPTQ); products are computed in 16 bits.
    Int4,
}

impl Precision {
    /// All of them, from the widest to the narrowest.
    pub const ALL: [Precision; 4] =
        [Precision::Bf16, Precision::Fp8, Precision::Int8, Precision::Int4];

    /// The name in files, on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Precision::Bf16 => "bf16",
            Precision::Fp8 => "fp8",
            Precision::Int8 => "int8",
            Precision::Int4 => "int4",
        }
    }

    /// The precision a name of Hugging Face, vLLM or a quantization method stands for.
    pub fn parse(text: &str) -> Option<Precision> {
        match text.trim().to_ascii_lowercase().as_str() {
            "bf16" | "bfloat16" | "fp16" | "float16" | "half" => Some(Precision::Bf16),
            "fp8" | "fp8_e4m3" | "fp8_e5m2" | "float8_e4m3fn" => Some(Precision::Fp8),
            "int8" | "w8a8" => Some(Precision::Int8),
            "int4" | "w4a16" | "awq" | "gptq" | "awq_marlin" | "gptq_marlin" => {
                Some(Precision::Int4)
            }
            _ => None,
        }
    }

    /// Bytes per weight of the rule of thumb: 2, 1, 1 and 0.5, every weight counted alike.
    pub const fn rule_of_thumb_bytes(self) -> f64 {
        match self {
            Precision::Bf16 => 2.0,
            Precision::Fp8 | Precision::Int8 => 1.0,
            Precision::Int4 => 0.5,
        }
    }

    /// Bytes per quantized weight as an engine holds it. Four bits carry scales and zero points
    /// of their groups: 0.53 B (AWQ and GPTQ, groups of 128).
    pub(super) const fn engine_bytes(self, sizing: &Sizing) -> f64 {
        match self {
            Precision::Bf16 => 2.0,
            Precision::Fp8 | Precision::Int8 => 1.0,
            Precision::Int4 => sizing.int4_bytes_per_weight,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for it in Precision::ALL {
            assert_eq!(Precision::parse(it.as_str()), Some(it));
        }
        assert_eq!(Precision::parse(" AWQ "), Some(Precision::Int4));
        assert_eq!(Precision::parse("float16"), Some(Precision::Bf16));
        assert_eq!(Precision::parse("nvfp4"), None);
    }
}
