//! How many bytes a block of each GGML type takes.

/// A tensor type of GGML: `block_elements` weights in `block_bytes` bytes, scales included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GgmlType {
    id: u32,
    /// The name in GGML, without its prefix.
    pub(super) name: &'static str,
    pub(super) block_elements: u64,
    pub(super) block_bytes: u64,
}

impl GgmlType {
    /// The type with this number in a file; none for those never assigned or removed.
    pub(super) fn of(id: u32) -> Option<GgmlType> {
        GGML_TYPES.into_iter().find(|it| it.id == id)
    }

    /// Bytes of a tensor whose rows are whole blocks: `elements / block x block bytes`.
    ///
    /// Source: `ggml_row_size` and `ggml_nbytes` of GGML. A `Q4_K` tensor of 4096 x 14336 takes
    /// 58,720,256 / 256 x 144 = 33,030,144 bytes. Nothing where the count overflows.
    pub(super) fn bytes(self, n_elements: u64) -> Option<u64> {
        (n_elements / self.block_elements).checked_mul(self.block_bytes)
    }
}

const fn ggml(id: u32, name: &'static str, (block_elements, block_bytes): (u64, u64)) -> GgmlType {
    GgmlType { id, name, block_elements, block_bytes }
}

/// The enum `ggml_type` of ggml.h with the sizes of the block structs in ggml-common.h, as of
/// 2026-11: `Q4_K` is two fp16 scales, 12 bytes of block scales and 256 x 4 bits, 144 bytes.
const GGML_TYPES: [GgmlType; 35] = [
    ggml(0, "F32", (1, 4)),
    ggml(1, "F16", (1, 2)),
    ggml(2, "Q4_0", (32, 18)),
    ggml(3, "Q4_1", (32, 20)),
    ggml(6, "Q5_0", (32, 22)),
    ggml(7, "Q5_1", (32, 24)),
    ggml(8, "Q8_0", (32, 34)),
    ggml(9, "Q8_1", (32, 36)),
    ggml(10, "Q2_K", (256, 84)),
    ggml(11, "Q3_K", (256, 110)),
    ggml(12, "Q4_K", (256, 144)),
    ggml(13, "Q5_K", (256, 176)),
    ggml(14, "Q6_K", (256, 210)),
    ggml(15, "Q8_K", (256, 292)),
    ggml(16, "IQ2_XXS", (256, 66)),
    ggml(17, "IQ2_XS", (256, 74)),
    ggml(18, "IQ3_XXS", (256, 98)),
    ggml(19, "IQ1_S", (256, 50)),
    ggml(20, "IQ4_NL", (32, 18)),
    ggml(21, "IQ3_S", (256, 110)),
    ggml(22, "IQ2_S", (256, 82)),
    ggml(23, "IQ4_XS", (256, 136)),
    ggml(24, "I8", (1, 1)),
    ggml(25, "I16", (1, 2)),
    ggml(26, "I32", (1, 4)),
    ggml(27, "I64", (1, 8)),
    ggml(28, "F64", (1, 8)),
    ggml(29, "IQ1_M", (256, 56)),
    ggml(30, "BF16", (1, 2)),
    ggml(34, "TQ1_0", (256, 54)),
    ggml(35, "TQ2_0", (256, 66)),
    ggml(39, "MXFP4", (32, 17)),
    ggml(40, "NVFP4", (64, 36)),
    ggml(41, "Q1_0", (128, 18)),
    ggml(42, "Q2_0", (64, 18)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn blocks_have_their_published_bits_per_weight() {
        let check = |name: &str, bits: f64| {
            let found = GGML_TYPES.into_iter().find(|it| it.name == name).unwrap();
            let has = found.block_bytes as f64 * 8.0 / found.block_elements as f64;
            assert!((has - bits).abs() < 1e-9, "{name}: {has}");
        };
        // The figures llama.cpp's quantize prints, bits per weight.
        for (name, bits) in [
            ("F32", 32.0),
            ("BF16", 16.0),
            ("Q8_0", 8.5),
            ("Q6_K", 6.5625),
            ("Q5_K", 5.5),
            ("Q5_1", 6.0),
            ("Q4_K", 4.5),
            ("Q4_0", 4.5),
            ("IQ4_NL", 4.5),
            ("IQ4_XS", 4.25),
            ("MXFP4", 4.25),
            ("NVFP4", 4.5),
            ("Q3_K", 3.4375),
            ("IQ3_S", 3.4375),
            ("IQ3_XXS", 3.0625),
            ("Q2_K", 2.625),
            ("IQ2_S", 2.5625),
            ("IQ2_XS", 2.3125),
            ("IQ2_XXS", 2.0625),
            ("TQ2_0", 2.0625),
            ("IQ1_M", 1.75),
            ("TQ1_0", 1.6875),
            ("IQ1_S", 1.5625),
        ] {
            check(name, bits);
        }
    }

    /// Llama 3.1 70B in `Q4_0` with `Q6_K` for the output layer: "model size = 37.22 GiB (4.53 BPW)"
    /// in the log of llama.cpp, github.com/ollama/ollama/pull/6279.
    #[test]
    fn llama_70b_takes_what_llama_cpp_reports() {
        let bytes = |id: u32, n_elements: u64| GgmlType::of(id).unwrap().bytes(n_elements).unwrap();
        let (hidden, vocab, layers) = (8192, 128_256, 80);
        let matrices = 2 * hidden * hidden + 2 * 1024 * hidden + 3 * 28_672 * hidden;
        let norms = 2 * hidden * layers + hidden + 64;
        let total = bytes(2, layers * matrices + vocab * hidden)
            + bytes(14, vocab * hidden)
            + bytes(0, norms);
        assert_eq!(total, 39_961_870_592);
        assert!((Bytes::new(total).to_gib() - 37.22).abs() < 0.005);
    }

    #[test]
    fn bytes_are_blocks_times_their_bytes() {
        assert_eq!(GgmlType::of(12).unwrap().bytes(4096 * 14_336), Some(33_030_144));
        assert_eq!(GgmlType::of(28).unwrap().bytes(u64::MAX), None);
        assert_eq!(GgmlType::of(4), None);
        assert_eq!(GgmlType::of(31), None);
    }
}
