//! The number formats weights are served in, and what a matrix takes in each.

use std::fmt;

use super::params::{Matrix, Role};

/// How weights are stored while they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 32 bits.
    Fp32,
    /// 16 bits: bf16, or fp16 where the GPU has no bf16.
    Bf16,
    /// 8-bit floating point, weights and activations.
    Fp8,
    /// 8-bit integers, weights and activations (w8a8).
    Int8,
    /// 8-bit integers, weights only (w8a16); products are computed in 16 bits.
    Int8WeightOnly,
    /// 4-bit integers, weights only (AWQ, GPTQ); products are computed in 16 bits.
    Int4,
    /// 4-bit normal float of bitsandbytes, weights only.
    Nf4,
    /// 4-bit floating point with one scale of 8 bits for 32 weights.
    Mxfp4,
    /// 4-bit floating point with one fp8 scale for 16 weights, weights and activations.
    Nvfp4,
    /// A mixture of llama.cpp.
    Gguf(GgufMixture),
}

/// A mixture of block formats by the name of its files, such as `Q4_K_M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GgufMixture {
    label: &'static str,
    /// Bits per weight over the whole file, in 10^-4.
    bits_e4: u32,
}

/// Bits per weight of a whole file. Source: ggml-org/llama.cpp tools/quantize/README.md at 311c2c9,
/// measured on Llama 3.1 8B; `Q4_0` is 4.53 for 70B by its own log. 2026-11-25.
const GGUF_MIXTURES: [GgufMixture; 23] = [
    mixture("gguf:IQ1_S", 20_042),
    mixture("gguf:IQ1_M", 21_460),
    mixture("gguf:IQ2_XXS", 23_824),
    mixture("gguf:IQ2_XS", 25_882),
    mixture("gguf:IQ2_S", 27_403),
    mixture("gguf:IQ2_M", 29_294),
    mixture("gguf:IQ3_XXS", 32_548),
    mixture("gguf:IQ3_XS", 34_977),
    mixture("gguf:IQ3_S", 36_606),
    mixture("gguf:IQ3_M", 37_628),
    mixture("gguf:IQ4_XS", 44_597),
    mixture("gguf:IQ4_NL", 46_818),
    mixture("gguf:Q2_K_S", 29_697),
    mixture("gguf:Q2_K", 31_593),
    mixture("gguf:Q3_K_S", 36_429),
    mixture("gguf:Q3_K_L", 42_979),
    mixture("gguf:Q4_0", 45_300),
    mixture("gguf:Q4_K_S", 46_672),
    mixture("gguf:Q4_K_M", 48_944),
    mixture("gguf:Q5_K_S", 55_704),
    mixture("gguf:Q5_K_M", 57_036),
    mixture("gguf:Q6_K", 65_633),
    mixture("gguf:Q8_0", 85_008),
];

const fn mixture(label: &'static str, bits_e4: u32) -> GgufMixture {
    GgufMixture { label, bits_e4 }
}

impl Precision {
    /// What advice and tables try, from the widest to the narrowest.
    pub const CANDIDATES: [Precision; 4] =
        [Precision::Bf16, Precision::Fp8, Precision::Int8, Precision::Int4];

    /// Formats that belong to no engine's own files.
    const PLAIN: [Precision; 9] = [
        Precision::Fp32,
        Precision::Bf16,
        Precision::Fp8,
        Precision::Int8,
        Precision::Int8WeightOnly,
        Precision::Int4,
        Precision::Nf4,
        Precision::Mxfp4,
        Precision::Nvfp4,
    ];

    /// Every format there is.
    pub fn all() -> impl Iterator<Item = Precision> {
        Precision::PLAIN.into_iter().chain(GGUF_MIXTURES.into_iter().map(Precision::Gguf))
    }

    /// The name in files, on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Bf16 => "bf16",
            Precision::Fp8 => "fp8",
            Precision::Int8 => "int8",
            Precision::Int8WeightOnly => "w8a16",
            Precision::Int4 => "int4",
            Precision::Nf4 => "nf4",
            Precision::Mxfp4 => "mxfp4",
            Precision::Nvfp4 => "nvfp4",
            Precision::Gguf(mixture) => mixture.label,
        }
    }

    /// The precision a name of Hugging Face, vLLM or a quantization method stands for.
    pub fn parse(text: &str) -> Option<Precision> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "fp32" | "float32" | "float" => Some(Precision::Fp32),
            "bf16" | "bfloat16" | "fp16" | "float16" | "half" => Some(Precision::Bf16),
            "fp8" | "fp8_e4m3" | "fp8_e5m2" | "float8_e4m3fn" => Some(Precision::Fp8),
            "int8" | "w8a8" => Some(Precision::Int8),
            "w8a16" => Some(Precision::Int8WeightOnly),
            "int4" | "w4a16" | "awq" | "gptq" | "awq_marlin" | "gptq_marlin" => {
                Some(Precision::Int4)
            }
            "nf4" | "bitsandbytes" => Some(Precision::Nf4),
            "mxfp4" => Some(Precision::Mxfp4),
            "nvfp4" => Some(Precision::Nvfp4),
            _ => GGUF_MIXTURES
                .into_iter()
                .find(|it| it.label.eq_ignore_ascii_case(text))
                .map(Precision::Gguf),
        }
    }

    /// The format a `quantization_config` describes, by its method, bits and number type; an error
    /// names what is not understood.
    pub fn of_config(config: &toml::Table) -> Result<Precision, String> {
        let word = |name: &str| config.get(name).and_then(toml::Value::as_str);
        let method = word("quant_method").unwrap_or_default().to_ascii_lowercase();
        let weights = first_group(config, "weights");
        let number = |name: &str| config.get(name).and_then(toml::Value::as_integer);
        let bits = number("bits")
            .or_else(|| number("w_bit"))
            .or_else(|| weights?.get("num_bits")?.as_integer());
        let is_float =
            weights.and_then(|it| it.get("type")).and_then(toml::Value::as_str) == Some("float");
        let has_activations = first_group(config, "input_activations").is_some();
        let eight_bit = config.get("load_in_8bit").and_then(toml::Value::as_bool) == Some(true);
        let found = match (method.as_str(), bits) {
            ("fp8" | "fbgemm_fp8", _) => Some(Precision::Fp8),
            ("mxfp4", _) => Some(Precision::Mxfp4),
            ("bitsandbytes", _) if !eight_bit => Some(Precision::Nf4),
            ("compressed-tensors", Some(8)) if is_float => Some(Precision::Fp8),
            ("compressed-tensors", Some(8)) if has_activations => Some(Precision::Int8),
            ("compressed-tensors", Some(4)) if is_float => Some(Precision::Nvfp4),
            ("bitsandbytes", _) | ("gptq" | "compressed-tensors", Some(8)) => {
                Some(Precision::Int8WeightOnly)
            }
            ("awq" | "gptq", None | Some(4)) | ("compressed-tensors", Some(4)) => {
                Some(Precision::Int4)
            }
            ("modelopt", _) => word("quant_algo").and_then(Precision::parse),
            _ => None,
        };
        found.ok_or_else(|| match bits {
            Some(bits) => format!("quantization `{method}` with {bits} bits is not known"),
            None => format!("quantization `{method}` does not say its bits"),
        })
    }

    /// The mixture of llama.cpp nearest to a file's bits per weight.
    pub fn nearest_gguf(bits: f64) -> Precision {
        let away = |it: &GgufMixture| (it.bits() - bits).abs();
        let nearest = GGUF_MIXTURES.into_iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        nearest.map_or(Precision::Bf16, |it| {
            if bits > 12.0 { Precision::Bf16 } else { Precision::Gguf(it) }
        })
    }

    /// Bytes per weight of the rule of thumb: 4, 2, 1 and 0.5, every weight counted alike.
    pub fn rule_of_thumb_bytes(self) -> f64 {
        match self {
            Precision::Fp32 => 4.0,
            Precision::Bf16 => 2.0,
            Precision::Fp8 | Precision::Int8 | Precision::Int8WeightOnly => 1.0,
            Precision::Int4 | Precision::Nf4 | Precision::Mxfp4 | Precision::Nvfp4 => 0.5,
            Precision::Gguf(mixture) => mixture.bits() / BITS_PER_BYTE,
        }
    }

    /// Bytes per quantized weight as an engine holds it, scales of groups included: 4-bit integers
    /// in groups of 128 with a scale of 16 bits and a zero point of 4 bits, 0.5195; NF4 with an
    /// fp32 scale for 64 weights, 0.5625; MXFP4 with 8 bits for 32, 0.53125; NVFP4 with 8 bits for
    /// 16, 0.5625. Sources: AWQ and GPTQ g128, bitsandbytes, the OCP and NVIDIA block formats.
    pub fn bytes_per_weight(self) -> f64 {
        let with_scale = |bits: f64, group: f64| (4.0 + bits / group) / BITS_PER_BYTE;
        match self {
            Precision::Fp32 => 4.0,
            Precision::Bf16 => 2.0,
            Precision::Fp8 | Precision::Int8 | Precision::Int8WeightOnly => 1.0,
            Precision::Int4 => with_scale(20.0, 128.0),
            Precision::Nf4 => with_scale(32.0, 64.0),
            Precision::Mxfp4 => with_scale(8.0, 32.0),
            Precision::Nvfp4 => with_scale(8.0, 16.0),
            Precision::Gguf(mixture) => mixture.bits() / BITS_PER_BYTE,
        }
    }

    /// Bytes per weight of what stays as the checkpoint has it: vocabulary tables and norms.
    pub fn unquantized_bytes(self) -> f64 {
        match self {
            Precision::Fp32 => 4.0,
            Precision::Gguf(mixture) => mixture.bits() / BITS_PER_BYTE,
            _ => 2.0,
        }
    }

    /// Bytes per weight of a matrix of `role`; `has_experts` tells whether the model has experts,
    /// of which MXFP4 checkpoints quantize nothing else. Routers and unfolded copies stay wide.
    pub fn bytes_of(self, role: Role, has_experts: bool) -> f64 {
        let narrow = match role {
            Role::Router | Role::Absorbed => false,
            Role::Experts => true,
            Role::Attention | Role::FeedForward => self != Precision::Mxfp4 || !has_experts,
        };
        if narrow { self.bytes_per_weight() } else { self.unquantized_bytes() }
    }

    /// Bytes of one matrix of its group, with a scale of 16 bits per output where weights have 8
    /// bits: 4,096 x 4,096 in fp8 take 16,785,408.
    pub fn matrix_bytes(self, matrix: &Matrix, has_experts: bool) -> f64 {
        let each = self.bytes_of(matrix.role, has_experts);
        let scales = if (each - 1.0).abs() < f64::EPSILON { 2.0 } else { 0.0 };
        matrix.rows as f64 * (matrix.cols as f64 * each + scales)
    }
}

/// What the first group of a compressed-tensors config says of its weights or activations.
fn first_group<'a>(config: &'a toml::Table, of: &str) -> Option<&'a toml::Table> {
    let groups = config.get("config_groups")?.as_table()?;
    groups.values().find_map(|it| it.get(of)?.as_table())
}

const BITS_PER_BYTE: f64 = 8.0;

impl GgufMixture {
    fn bits(self) -> f64 {
        f64::from(self.bits_e4) * 1e-4
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
        for it in Precision::all() {
            assert_eq!(Precision::parse(it.as_str()), Some(it));
        }
        assert_eq!(Precision::parse(" AWQ "), Some(Precision::Int4));
        assert_eq!(Precision::parse("float16"), Some(Precision::Bf16));
        assert_eq!(Precision::parse("gguf:q4_k_m").map(Precision::as_str), Some("gguf:Q4_K_M"));
        assert_eq!(Precision::parse("gguf:Q4"), None);
    }

    #[test]
    fn configs_say_their_format() {
        let check = |config: &str, expected: Result<Precision, &str>| {
            let found = Precision::of_config(&config.parse().unwrap());
            assert_eq!(found, expected.map_err(str::to_owned), "{config}");
        };
        check("quant_method = 'fp8'", Ok(Precision::Fp8));
        check("quant_method = 'gptq'\nbits = 8", Ok(Precision::Int8WeightOnly));
        check("quant_method = 'awq'\nbits = 4", Ok(Precision::Int4));
        check("quant_method = 'bitsandbytes'\nload_in_8bit = true", Ok(Precision::Int8WeightOnly));
        check("quant_method = 'modelopt'\nquant_algo = 'NVFP4'", Ok(Precision::Nvfp4));
        let groups = "quant_method = 'compressed-tensors'\n[config_groups.group_0.weights]\n";
        check(&format!("{groups}num_bits = 8\ntype = 'float'"), Ok(Precision::Fp8));
        check(&format!("{groups}num_bits = 4\ntype = 'int'"), Ok(Precision::Int4));
        let why = "quantization `xyz` does not say its bits";
        check("quant_method = 'xyz'", Err(why));
    }

    #[test]
    fn a_file_names_its_mixture_by_its_bits() {
        assert_eq!(Precision::nearest_gguf(4.89).as_str(), "gguf:Q4_K_M");
        assert_eq!(Precision::nearest_gguf(8.5).as_str(), "gguf:Q8_0");
        assert_eq!(Precision::nearest_gguf(16.0), Precision::Bf16);
    }

    #[test]
    fn scales_are_counted() {
        let check = |it: Precision, bytes: f64| {
            assert!(
                (it.bytes_per_weight() - bytes).abs() < 1e-9,
                "{it}: {}",
                it.bytes_per_weight()
            );
        };
        check(Precision::Int4, 0.519_531_25);
        check(Precision::Nf4, 0.5625);
        check(Precision::Mxfp4, 0.531_25);
        check(Precision::Nvfp4, 0.5625);
        check(Precision::parse("gguf:Q4_K_M").unwrap(), 0.6118);
        let square = Matrix { role: Role::Attention, layers: 1, rows: 4_096, cols: 4_096 };
        assert!((Precision::Fp8.matrix_bytes(&square, false) - 16_785_408.0).abs() < 1e-6);
    }

    #[test]
    fn what_stays_wide() {
        assert!((Precision::Int4.bytes_of(Role::Router, true) - 2.0).abs() < 1e-12);
        assert!((Precision::Mxfp4.bytes_of(Role::Attention, true) - 2.0).abs() < 1e-12);
        assert!((Precision::Mxfp4.bytes_of(Role::Experts, true) - 0.531_25).abs() < 1e-12);
        assert!(Precision::Mxfp4.bytes_of(Role::Attention, false) < 1.0);
    }
}
