//! Whether a model in a precision fits a number of GPUs, and if not, why.

use std::fmt;

use super::architecture::{Architecture, FeedForward, Mixer};
use super::estimate::{Bands, Coverage};
use super::memory::{Deployment, GpuMemory};
use super::speed::{Setting, Speed};
use super::{Precision, Replica, StartQuestion, TokenProfile};
use crate::catalog::{Assumptions, Capacity, EngineMemory, GpuSpec, Wiring};
use crate::units::Bytes;

/// GPUs that may share a model's layers where no switch joins them; more is refused without a
/// measured bandwidth, which differs tenfold between host topologies.
const MOST_WITHOUT_A_SWITCH: u32 = 2;

/// The tunable numbers sizing needs.
#[derive(Clone, Copy, Debug)]
pub struct Constants<'a> {
    /// Memory.
    pub engine: &'a EngineMemory,
    /// Speed.
    pub capacity: &'a Capacity,
}

impl<'a> From<&'a Assumptions> for Constants<'a> {
    fn from(all: &'a Assumptions) -> Constants<'a> {
        Constants { engine: &all.engine, capacity: &all.capacity }
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

/// Fits `model` as `deployment` says on GPUs of this kind for requests as in `profile`.
///
/// Llama 3.1 8B in bf16 on one L4 (22.07 GiB) under vLLM 0.19: 19.86 GiB usable - 14.99 weights
/// - 0.91 activations - 0.25 non-torch leave 3.7 GiB for the KV cache.
pub fn fit(
    model: &Architecture,
    gpu: &GpuSpec,
    deployment: &Deployment,
    profile: &TokenProfile,
    constants: Constants<'_>,
) -> Fit {
    let precision = deployment.precision;
    if let Some(why) = missing_rate(gpu, precision) {
        return Fit::UnsupportedDtype { why };
    }
    if let Some(why) = bad_split(model, gpu, deployment) {
        return Fit::RefusedTopology { why };
    }
    let memory = GpuMemory::of(model, gpu, deployment, constants.engine);
    let request = memory.layout.request_bytes(profile.p95_total_tokens);
    let holds_one = memory.max_concurrency(profile.p95_total_tokens) >= 1.0;
    let short = if holds_one { 0.0 } else { (request - memory.kv_cache).max(1.0) };
    let short = short.max(memory.excess().unwrap_or(0.0));
    if short > 0.0 {
        return Fit::DoesNotFit { short_by: Bytes::from_f64_rounded(short) };
    }
    let setting = Setting { model, gpu, deployment, profile };
    let Some(speed) = Speed::of(&setting, constants.capacity) else {
        return Fit::UnsupportedDtype { why: format!("{} has no {precision} rate", gpu.name) };
    };
    let capacity = constants.capacity;
    let coverage = Coverage::of(model, gpu, deployment);
    let weights = Bytes::from_f64_rounded(memory.weights);
    Fit::Fits(Box::new(Replica {
        precision,
        tensor_parallel_size: deployment.tensor_parallel_size,
        runs_fp16: !gpu.native_bf16,
        datacenter_license: gpu.datacenter_license,
        profile: *profile,
        start: StartQuestion::new(model, gpu, deployment, weights),
        memory,
        coverage,
        bands: Bands::of(coverage, capacity),
        speed,
    }))
}

/// Why the GPU should not run the precision. An int8 rate below the 16-bit one means the unit was
/// cut (B300: 154 against 2,250) or never there (V100), and w8a8 would slow the model.
fn missing_rate(gpu: &GpuSpec, precision: Precision) -> Option<String> {
    let tops = gpu.int8_tops.filter(|tops| *tops < gpu.bf16_tflops);
    tops.filter(|_| precision == Precision::Int8).map(|tops| {
        format!(
            "the int8 rate of {}, {tops} TOPS, is below its 16-bit rate of {} TFLOPS",
            gpu.name, gpu.bf16_tflops
        )
    })
}

/// Why the model is not split over the GPUs in this way.
fn bad_split(model: &Architecture, gpu: &GpuSpec, deployment: &Deployment) -> Option<String> {
    let n = deployment.tensor_parallel_size;
    let wide = u64::from(n);
    if deployment.gpu_count() == 0 {
        return Some("a replica needs at least one GPU".to_owned());
    }
    let stages = u64::from(deployment.pipeline_parallel_size);
    if stages > model.num_hidden_layers {
        return Some(format!("{} layers do not fill {stages} stages", model.num_hidden_layers));
    }
    let uneven = |count: u64, what: &str| {
        (!count.is_multiple_of(wide)).then(|| format!("{count} {what} do not divide by {n}"))
    };
    for layers in &model.mixers {
        let why = match &layers.kind {
            Mixer::Grouped(it) => uneven(it.num_attention_heads, "attention heads").or_else(|| {
                let kv = it.num_key_value_heads;
                let odd = !kv.is_multiple_of(wide) && !wide.is_multiple_of(kv);
                odd.then(|| {
                    format!("{kv} KV heads can be neither divided by {n} nor repeated to it")
                })
            }),
            Mixer::Latent(it) => uneven(it.num_attention_heads, "attention heads"),
            Mixer::GatedDelta(it) => uneven(it.num_value_heads, "value heads")
                .or_else(|| uneven(it.num_key_heads, "key heads")),
            Mixer::Mamba2(it) => uneven(it.num_heads, "state-space heads"),
        };
        if why.is_some() {
            return why;
        }
    }
    for layers in &model.feed_forwards {
        let width = match &layers.kind {
            FeedForward::Dense { intermediate_size, .. } => *intermediate_size,
            FeedForward::Experts(it) => it.intermediate_size,
        };
        if !width.is_multiple_of(wide) {
            return Some(format!("a feed-forward width of {width} does not divide by {n}"));
        }
    }
    let is_known = gpu.wiring == Wiring::Switched || deployment.bus_bandwidth_gb_s.is_some();
    (!is_known && n > MOST_WITHOUT_A_SWITCH).then(|| {
        format!(
            "no measured bandwidth for {n} {} without a switch; beyond {MOST_WITHOUT_A_SWITCH} GPUs \
             it differs tenfold from host to host",
            gpu.name
        )
    })
}

#[cfg(test)]
mod tests;
