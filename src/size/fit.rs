//! Whether a model in a precision fits a number of GPUs, and if not, why.

use std::fmt;

use super::dense::Dense;
use super::replica::GpuMemory;
use super::speed::{Setting, Speed};
use super::{Precision, Replica, TokenProfile};
use crate::catalog::{Assumptions, Capacity, GpuSpec, ModelArch, Sizing, Wiring};
use crate::units::Bytes;

/// GPUs that may share a model's layers where no switch joins them; more is refused without a
/// measured bandwidth, which differs tenfold between host topologies.
const MOST_WITHOUT_A_SWITCH: u32 = 2;

/// The tunable numbers sizing needs.
#[derive(Clone, Copy, Debug)]
pub struct Constants<'a> {
    /// Memory.
    pub sizing: &'a Sizing,
    /// Speed.
    pub capacity: &'a Capacity,
}

impl<'a> From<&'a Assumptions> for Constants<'a> {
    fn from(all: &'a Assumptions) -> Constants<'a> {
        Constants { sizing: &all.sizing, capacity: &all.capacity }
    }
}

/// The answer to "does it fit".
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// It does, and this is what runs.
    Fits(Box<Replica>),
    /// Weights, reserve and one request of p95 length need more than a GPU has.
    DoesNotFit {
        /// How much more, on each GPU.
        short_by: Bytes,
    },
    /// The GPU cannot run the precision at full rate.
    UnsupportedDtype {
        /// Why.
        why: String,
    },
    /// The model cannot, or should not, be split over that many of these GPUs.
    RefusedTopology {
        /// Why.
        why: String,
    },
    /// The sizer does not know this architecture yet, or its config lacks fields.
    UnsupportedArchitecture {
        /// What is in the way.
        why: String,
    },
}

impl Fit {
    /// The replica, if there is one.
    pub fn replica(&self) -> Option<&Replica> {
        match self {
            Fit::Fits(replica) => Some(replica),
            Fit::DoesNotFit { .. }
            | Fit::UnsupportedDtype { .. }
            | Fit::RefusedTopology { .. }
            | Fit::UnsupportedArchitecture { .. } => None,
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fit::Fits(it) => write!(
                f,
                "fits: {} of weights per GPU, KV cache for {} tokens, {} requests at once",
                it.weights_bytes_per_gpu(),
                it.kv_cache_tokens(),
                it.slots(it.max_num_seqs())
            ),
            Fit::DoesNotFit { short_by } => write!(f, "does not fit: short by {short_by} per GPU"),
            Fit::UnsupportedDtype { why } => write!(f, "unsupported precision: {why}"),
            Fit::RefusedTopology { why } => write!(f, "refused: {why}"),
            Fit::UnsupportedArchitecture { why } => write!(f, "unsupported architecture: {why}"),
        }
    }
}

/// Fits `arch` in `precision` on `tensor_parallel_size` GPUs for requests as in `profile`.
///
/// Per GPU, utilization x CUDA total = weights / n + reserve + KV cache. Quantized checkpoints keep
/// embedding and output layer at 16 bits, and so does this. Llama 3.1 8B in bf16 on one L4 (22.07
/// GiB): 21.33 - 16.06 - 3.5 GB leave 1.77 GB for 13,482 tokens.
pub fn fit(
    arch: &ModelArch,
    gpu: &GpuSpec,
    tensor_parallel_size: u32,
    precision: Precision,
    profile: &TokenProfile,
    constants: Constants<'_>,
) -> Fit {
    let model = match Dense::of(arch) {
        Ok(model) => model,
        Err(what) => {
            return Fit::UnsupportedArchitecture { why: format!("{}: {what}", arch.id) };
        }
    };
    if let Some(why) = missing_rate(gpu, precision) {
        return Fit::UnsupportedDtype { why };
    }
    if let Some(why) = bad_split(&model, gpu, tensor_parallel_size) {
        return Fit::RefusedTopology { why };
    }
    let memory = GpuMemory::of(&model, gpu.cuda_total, tensor_parallel_size, precision, constants);
    let kv_cache_tokens = memory.kv_cache_tokens();
    if kv_cache_tokens < profile.p95_total_tokens {
        let needed = profile.p95_total_tokens as f64 * memory.kv_per_token;
        return Fit::DoesNotFit { short_by: Bytes::from_f64_rounded(needed - memory.free()) };
    }
    let setting = Setting { model: &model, gpu, tensor_parallel_size, precision, profile };
    let Some(speed) = Speed::of(&setting, constants.sizing, constants.capacity) else {
        return Fit::UnsupportedDtype { why: format!("{} has no {precision} rate", gpu.name) };
    };
    let capacity = constants.capacity;
    Fit::Fits(Box::new(Replica {
        precision,
        tensor_parallel_size,
        runs_fp16: !gpu.native_bf16,
        datacenter_license: gpu.datacenter_license,
        profile: *profile,
        num_hidden_layers: model.num_hidden_layers,
        weights_per_gpu: Bytes::from_f64_rounded(memory.weights),
        usable_per_gpu: Bytes::from_f64_rounded(memory.usable),
        kv_cache_tokens,
        max_num_seqs: sequences(capacity.max_num_seqs),
        tpot_bands: [capacity.tpot_band, capacity.tpot_band_uncovered],
        speed,
    }))
}

/// Why the GPU cannot run the precision at full rate. An int8 rate below the 16-bit one means the
/// unit was cut (B300: 154 against 2,250) or never there (V100), and w8a8 would slow the model.
fn missing_rate(gpu: &GpuSpec, precision: Precision) -> Option<String> {
    let name = &gpu.name;
    match precision {
        Precision::Bf16 | Precision::Int4 => None,
        Precision::Fp8 => gpu.fp8_tflops.is_none().then(|| format!("{name} has no fp8 rate")),
        Precision::Int8 => match gpu.int8_tops {
            None => Some(format!("{name} has no int8 rate")),
            Some(tops) if tops < gpu.bf16_tflops => Some(format!(
                "the int8 rate of {name}, {tops} TOPS, is below its 16-bit rate of {} TFLOPS",
                gpu.bf16_tflops
            )),
            Some(_) => None,
        },
    }
}

/// Why the model is not split over `n` of these GPUs.
fn bad_split(model: &Dense, gpu: &GpuSpec, n: u32) -> Option<String> {
    let wide = u64::from(n);
    if n == 0 {
        return Some("a replica needs at least one GPU".to_owned());
    }
    if !model.num_attention_heads.is_multiple_of(wide) {
        return Some(format!("{} attention heads do not divide by {n}", model.num_attention_heads));
    }
    let kv = model.num_key_value_heads;
    if !kv.is_multiple_of(wide) && !wide.is_multiple_of(kv) {
        return Some(format!("{kv} KV heads can be neither divided by {n} nor repeated to it"));
    }
    if let Some(width) = model.intermediate_size.filter(|it| !it.is_multiple_of(wide)) {
        return Some(format!("a feed-forward width of {width} does not divide by {n}"));
    }
    let switched = gpu.wiring == Wiring::Switched;
    (!switched && n > MOST_WITHOUT_A_SWITCH).then(|| {
        format!(
            "no measured bandwidth for {n} {} without a switch; beyond {MOST_WITHOUT_A_SWITCH} GPUs \
             it differs tenfold from host to host",
            gpu.name
        )
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; the catalog holds a small whole number"
)]
fn sequences(number: f64) -> u32 {
    (number as u32).max(1)
}

#[cfg(test)]
mod tests;
