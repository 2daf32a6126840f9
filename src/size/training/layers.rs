//! What one token leaves behind in the layers for the backward pass.

use super::{Method, QuantizedBase, TrainingDtype, TrainingQuestion, lora};
use crate::catalog::Training;
use crate::size::architecture::{Architecture, FeedForward, Mixer};
use crate::size::training::lora::LoraTarget;

/// Bytes one token leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept {
    /// In all layers together.
    pub(super) in_all: f64,
    /// In the layer that keeps most.
    pub(super) in_one: f64,
}

/// Which inputs of matrices stay: those of trained matrices, and of all where bitsandbytes keeps
/// them. The others are not needed, as a frozen matrix has no gradient.
#[derive(Clone, Copy)]
struct Inputs {
    of_mixer: bool,
    of_up: bool,
    of_down: bool,
}

impl Inputs {
    fn of(method: &Method) -> Inputs {
        use LoraTarget::{Down, Gate, K, Q, Up, V};
        let adapter = match method {
            Method::Full
            | Method::Qlora(_, QuantizedBase::Nf4 | QuantizedBase::Nf4DoubleQuantized) => {
                return Inputs { of_mixer: true, of_up: true, of_down: true };
            }
            Method::Lora(it) | Method::Qlora(it, QuantizedBase::Int4) | Method::Dora(it) => it,
        };
        let has = |any: &[LoraTarget]| any.iter().any(|it| adapter.targets.contains(it));
        Inputs { of_mixer: has(&[Q, K, V]), of_up: has(&[Gate, Up]), of_down: has(&[Down]) }
    }
}

/// Bytes of one activation.
pub(super) fn element_bytes(dtype: TrainingDtype) -> f64 {
    match dtype {
        TrainingDtype::Bf16 | TrainingDtype::Mixed => 2.0,
        TrainingDtype::Fp32 => 4.0,
    }
}

/// Bytes of a token, with `FlashAttention`: norms, residuals and outputs of projections,
/// `layer_bytes` for every unit of width; queries, keys and values; gate, up and their product; and
/// the inputs of trained matrices. Llama 2 7B, `LoRA` on q and v: 32 x (20.7 x 4,096 + 2 x 12,288 +
/// 6 x 11,008 + 2 x 4,096) = 5.9 MB.
pub(super) fn kept(
    model: &Architecture,
    question: &TrainingQuestion,
    constants: &Training,
) -> Kept {
    let element = element_bytes(question.dtype);
    let hidden = model.hidden_size as f64;
    let inputs = Inputs::of(&question.method);
    // Both halves of a layer count in elements; `layer_bytes` in bytes of 16-bit training.
    let around = constants.layer_bytes / 2.0 * hidden;
    let mixers = model.mixers.iter().map(|it| {
        let input = if inputs.of_mixer { hidden } else { 0.0 };
        (it.count as f64, mixer(&it.kind) + input)
    });
    let blocks =
        model.feed_forwards.iter().map(|it| (it.count as f64, block(&it.kind, hidden, inputs)));
    let sum = |(all, most): (f64, f64), (count, width): (f64, f64)| {
        (all + count * width, width.max(most))
    };
    let (all_mixers, one_mixer) = mixers.fold((0.0, 0.0), sum);
    let (all_blocks, one_block) = blocks.fold((0.0, 0.0), sum);
    let layers = model.num_hidden_layers as f64;
    let dora = dora_elements(model, &question.method);
    let share = if question.compiled { constants.compiled_share } else { 1.0 };
    Kept {
        in_all: share * element * (layers * around + all_mixers + all_blocks + dora),
        in_one: share * element * (around + one_mixer + one_block + dora / layers),
    }
}

/// Elements of queries, keys and values, or of what stands for them.
fn mixer(kind: &Mixer) -> f64 {
    match kind {
        Mixer::Grouped(it) => {
            let gates = if it.output_gate { 2.0 } else { 1.0 };
            let heads = gates * it.num_attention_heads as f64 + 2.0 * it.num_key_value_heads as f64;
            heads * it.head_dim as f64
        }
        Mixer::Latent(it) => {
            let key = it.qk_nope_head_dim as f64 + it.qk_rope_head_dim as f64;
            let heads = it.num_attention_heads as f64 * (2.0 * key + it.v_head_dim as f64);
            let compressed = it.kv_lora_rank as f64 + it.qk_rope_head_dim as f64;
            heads + it.q_lora_rank.unwrap_or(0) as f64 + compressed
        }
        Mixer::GatedDelta(it) => {
            let keys = it.num_key_heads as f64 * it.key_head_dim as f64;
            2.0 * keys + 2.0 * it.num_value_heads as f64 * it.value_head_dim as f64
        }
        Mixer::Mamba2(it) => {
            let inner = it.num_heads as f64 * it.head_dim as f64;
            2.0 * inner + 2.0 * it.n_groups as f64 * it.state_size as f64
        }
    }
}

/// Elements of a feed-forward part: up, and with a gate also gate and product. An expert's output is
/// kept too, for the gradient of its weight.
fn block(kind: &FeedForward, hidden: f64, inputs: Inputs) -> f64 {
    let of = |width: f64, matrices: u64| {
        let up = if inputs.of_up { hidden } else { 0.0 };
        let down = if inputs.of_down { width } else { 0.0 };
        width * if matrices < 3 { 1.0 } else { 3.0 } + up + down
    };
    match kind {
        FeedForward::Dense { intermediate_size, matrices } => {
            of(*intermediate_size as f64, *matrices)
        }
        FeedForward::Experts(it) => {
            let routed = it.top_k as f64 * (of(it.intermediate_size as f64, it.matrices) + hidden);
            let shared = it.shared_intermediate_size as f64;
            routed + if shared > 0.0 { of(shared, it.matrices) } else { 0.0 }
        }
    }
}

/// `DoRA` scales the outputs of matrix and adapter apart and keeps both. Source: PEFT's
/// `DoraLinearLayer`.
fn dora_elements(model: &Architecture, method: &Method) -> f64 {
    match method {
        Method::Dora(it) => 2.0 * lora::passed_outputs(model, &it.targets),
        Method::Full | Method::Lora(_) | Method::Qlora(..) => 0.0,
    }
}
