//! The matrices `LoRA` adapts, and the exact number of weights it adds.

use std::num::NonZeroU32;

use crate::size::architecture::{Architecture, Experts, FeedForward, Grouped, Latent, Mixer};

/// A matrix of a transformer layer that `LoRA` can adapt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoraTarget {
    /// Query projection; of compressed queries both halves.
    Q,
    /// Key projection; with latent attention the one down to compressed keys and values.
    K,
    /// Value projection; with latent attention the one up to keys and values.
    V,
    /// Output projection of the attention.
    O,
    /// Gate of the feed-forward part.
    Gate,
    /// Upward projection.
    Up,
    /// Downward projection.
    Down,
}

impl LoraTarget {
    /// All of them.
    pub const ALL: [LoraTarget; 7] = [
        LoraTarget::Q,
        LoraTarget::K,
        LoraTarget::V,
        LoraTarget::O,
        LoraTarget::Gate,
        LoraTarget::Up,
        LoraTarget::Down,
    ];

    /// The name PEFT gives the matrix in Llama-like models.
    pub const fn as_str(self) -> &'static str {
        match self {
            LoraTarget::Q => "q_proj",
            LoraTarget::K => "k_proj",
            LoraTarget::V => "v_proj",
            LoraTarget::O => "o_proj",
            LoraTarget::Gate => "gate_proj",
            LoraTarget::Up => "up_proj",
            LoraTarget::Down => "down_proj",
        }
    }

    /// The target a name stands for: `q_proj`, or short `q`.
    pub fn parse(text: &str) -> Option<LoraTarget> {
        let text = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|it| {
            let name = it.as_str();
            name == text || name.strip_suffix("_proj") == Some(text.as_str())
        })
    }
}

/// What is trained beside the frozen weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Inner width of the two small matrices that stand for the change of a large one.
    pub rank: NonZeroU32,
    /// The adapted matrices.
    pub targets: Vec<LoraTarget>,
    /// Whether full copies of embedding and output layer are trained too, as for new tokens.
    pub trains_embeddings: bool,
}

/// Equal matrices that are adapted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Adapted {
    /// How many in all layers.
    copies: u64,
    /// How many of them one token passes.
    passed: u64,
    inputs: u64,
    outputs: u64,
}

/// Parameters of a `LoRA` adapter: rank x (inputs + outputs), summed over targets, layers and, where
/// experts are adapted, all of them. Llama 2 7B, rank 8 on q and v: 32 x 2 x 8 x (4,096 + 4,096) =
/// 4,194,304. A target that a layer lacks adds nothing. Source: PEFT's count for Llama 3.2 3B,
/// rank 32 on q and v: 9,175,040, met exactly.
pub fn lora_params(model: &Architecture, rank: NonZeroU32, targets: &[LoraTarget]) -> u64 {
    sum(model, targets, |it| it.copies.saturating_mul(it.inputs.saturating_add(it.outputs)))
        .saturating_mul(u64::from(rank.get()))
}

/// Magnitudes `DoRA` trains beside the `LoRA` matrices: one for every output of an adapted matrix.
/// Llama 2 7B on q and v: 32 x (4,096 + 4,096) = 262,144. Source: PEFT's `DoraLinearLayer`.
pub(super) fn dora_magnitudes(model: &Architecture, targets: &[LoraTarget]) -> u64 {
    sum(model, targets, |it| it.copies.saturating_mul(it.outputs))
}

/// Outputs of all adapted matrices that one token passes.
pub(super) fn passed_outputs(model: &Architecture, targets: &[LoraTarget]) -> f64 {
    sum(model, targets, |it| it.passed.saturating_mul(it.outputs)) as f64
}

fn sum(model: &Architecture, targets: &[LoraTarget], count: impl Fn(&Adapted) -> u64) -> u64 {
    adapted(model, targets).iter().map(count).fold(0, u64::saturating_add)
}

/// The adapted matrices of all layers.
fn adapted(model: &Architecture, targets: &[LoraTarget]) -> Vec<Adapted> {
    let hidden = model.hidden_size;
    let mut all = Vec::new();
    for &target in targets {
        for layers in &model.mixers {
            let sides = match &layers.kind {
                Mixer::Grouped(it) => grouped(it, hidden, target),
                Mixer::Latent(it) => latent(it, hidden, target),
                Mixer::GatedDelta(_) | Mixer::Mamba2(_) => Vec::new(),
            };
            all.extend(sides.into_iter().map(|(inputs, outputs)| Adapted {
                copies: layers.count,
                passed: layers.count,
                inputs,
                outputs,
            }));
        }
        for layers in &model.feed_forwards {
            match &layers.kind {
                FeedForward::Dense { intermediate_size, matrices } => {
                    all.extend(block(*intermediate_size, *matrices, hidden, target).map(
                        |(inputs, outputs)| Adapted {
                            copies: layers.count,
                            passed: layers.count,
                            inputs,
                            outputs,
                        },
                    ));
                }
                FeedForward::Experts(it) => all.extend(experts(it, layers.count, hidden, target)),
            }
        }
    }
    all
}

/// Inputs and outputs of a projection of the attention.
fn grouped(it: &Grouped, hidden: u64, target: LoraTarget) -> Vec<(u64, u64)> {
    let query = it.num_attention_heads.saturating_mul(it.head_dim);
    let key = it.num_key_value_heads.saturating_mul(it.head_dim);
    let gated = if it.output_gate { query.saturating_mul(2) } else { query };
    match target {
        LoraTarget::Q => vec![(hidden, gated)],
        LoraTarget::V if it.keys_are_values => Vec::new(),
        LoraTarget::K | LoraTarget::V => vec![(hidden, key)],
        LoraTarget::O => vec![(query, hidden)],
        LoraTarget::Gate | LoraTarget::Up | LoraTarget::Down => Vec::new(),
    }
}

fn latent(it: &Latent, hidden: u64, target: LoraTarget) -> Vec<(u64, u64)> {
    let heads = it.num_attention_heads;
    let queries = heads.saturating_mul(it.qk_nope_head_dim.saturating_add(it.qk_rope_head_dim));
    let up = heads.saturating_mul(it.qk_nope_head_dim.saturating_add(it.v_head_dim));
    match target {
        LoraTarget::Q => match it.q_lora_rank {
            Some(rank) => vec![(hidden, rank), (rank, queries)],
            None => vec![(hidden, queries)],
        },
        LoraTarget::K => vec![(hidden, it.kv_lora_rank.saturating_add(it.qk_rope_head_dim))],
        LoraTarget::V => vec![(it.kv_lora_rank, up)],
        LoraTarget::O => vec![(heads.saturating_mul(it.v_head_dim), hidden)],
        LoraTarget::Gate | LoraTarget::Up | LoraTarget::Down => Vec::new(),
    }
}

/// Inputs and outputs of a matrix of a feed-forward block of `width`; without a gate it has two.
fn block(width: u64, matrices: u64, hidden: u64, target: LoraTarget) -> Option<(u64, u64)> {
    match target {
        LoraTarget::Gate if matrices < 3 => None,
        LoraTarget::Gate | LoraTarget::Up => Some((hidden, width)),
        LoraTarget::Down => Some((width, hidden)),
        LoraTarget::Q | LoraTarget::K | LoraTarget::V | LoraTarget::O => None,
    }
}

/// Every routed expert of every layer, and the shared one.
fn experts(
    it: &Experts,
    layers: u64,
    hidden: u64,
    target: LoraTarget,
) -> impl Iterator<Item = Adapted> {
    let routed = block(it.intermediate_size, it.matrices, hidden, target);
    let shared = block(it.shared_intermediate_size, it.matrices, hidden, target)
        .filter(|_| it.shared_intermediate_size > 0);
    let of = |(inputs, outputs), copies, passed| Adapted { copies, passed, inputs, outputs };
    let routed = routed
        .map(|sides| of(sides, layers.saturating_mul(it.count), layers.saturating_mul(it.top_k)));
    routed.into_iter().chain(shared.map(|sides| of(sides, layers, layers)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ModelArch;
    use crate::size::fixtures;

    fn rank(rank: u32) -> NonZeroU32 {
        NonZeroU32::new(rank).unwrap()
    }

    fn model(arch: &ModelArch) -> Architecture {
        Architecture::of(arch).unwrap()
    }

    #[test]
    fn lora_is_counted_to_the_last_weight() {
        use LoraTarget::{Q, V};
        let check = |arch: &ModelArch, of, targets: &[LoraTarget], expected| {
            let found = lora_params(&model(arch), rank(of), targets);
            assert_eq!(found, expected, "{} rank {of}", arch.id);
        };
        let llama_2 = fixtures::llama_2_7b();
        check(&llama_2, 8, &[Q, V], 4_194_304);
        check(&llama_2, 16, &[Q], 4_194_304);
        check(&llama_2, 16, &[Q, V], 8_388_608);
        check(&fixtures::llama_3_2_3b(), 32, &[Q, V], 9_175_040);
        // PEFT, rank 10 on gate, up and down.
        let feed_forward = [LoraTarget::Gate, LoraTarget::Up, LoraTarget::Down];
        check(&fixtures::llama_3_2_3b(), 10, &feed_forward, 9_461_760);
        check(&llama_2, 8, &[], 0);
    }

    #[test]
    fn dora_adds_a_magnitude_an_output() {
        let found =
            dora_magnitudes(&model(&fixtures::llama_2_7b()), &[LoraTarget::Q, LoraTarget::V]);
        assert_eq!(found, 262_144);
    }

    #[test]
    fn latent_attention_and_experts() {
        let catalog = crate::catalog::Catalog::embedded().unwrap();
        let of = |id: &str| model(catalog.model(id).unwrap());
        // Queries down 7,168 -> 1,536 and up to 128 x 192; 61 layers.
        let deepseek = of("deepseek-ai/DeepSeek-V3");
        let queries = (7_168 + 1_536) + (1_536 + 128 * 192);
        assert_eq!(lora_params(&deepseek, rank(8), &[LoraTarget::Q]), 61 * 8 * queries);
        // 48 layers of 128 experts; a token passes 8.
        let qwen = of("Qwen/Qwen3-30B-A3B");
        let down = lora_params(&qwen, rank(1), &[LoraTarget::Down]);
        assert_eq!(down, 48 * 128 * (768 + 2_048));
        assert!((passed_outputs(&qwen, &[LoraTarget::Down]) - 48.0 * 8.0 * 2_048.0).abs() < 1e-6);
    }

    #[test]
    fn a_layer_without_the_matrix_adds_nothing() {
        let mut arch = fixtures::llama_8b();
        arch.family = "phi".to_owned();
        assert_eq!(lora_params(&model(&arch), rank(8), &[LoraTarget::Gate]), 0);
    }

    #[test]
    fn names_read_back() {
        for it in LoraTarget::ALL {
            assert_eq!(LoraTarget::parse(it.as_str()), Some(it));
        }
        assert_eq!(LoraTarget::parse(" V "), Some(LoraTarget::V));
        assert_eq!(LoraTarget::parse("lm_head"), None);
    }

    #[test]
    fn absurd_shapes_saturate() {
        let arch =
            ModelArch { hidden_size: Some(u64::MAX), params_total: None, ..fixtures::llama_8b() };
        assert_eq!(lora_params(&model(&arch), rank(u32::MAX), &LoraTarget::ALL), u64::MAX);
    }
}
