//! The time of one engine step, in closed form: a roofline with fixed costs.
//!
//! The formulas are those of public roofline models with the two terms they usually miss, a fixed
//! cost per layer and the all-reduce of tensor parallelism. One set of constants serves all GPUs:
//! MBU 0.85, MFU 0.60, 40 us a layer and 30 us more under tensor parallelism.
//!
//! On switched fabrics the 30 us hold the whole all-reduce: the set was fitted without a term for
//! its volume, and one on top (measured bus bandwidth) takes a point off the median error on the
//! measured runs and adds one to the 90th percentile. Over a bridge or `PCIe` the volume counts,
//! so there it is added at the measured bus bandwidth.

use super::Precision;
use super::architecture::{Architecture, Mixer};
use super::memory::{Deployment, KvLayout};
use super::params::Role;
use super::replica::TokenProfile;
use crate::catalog::{Capacity, GpuSpec, Wiring};

/// Bytes of a 16-bit number: activations, KV cache, unquantized weights.
pub(super) const BYTES_16_BIT: f64 = 2.0;

/// Seconds of the parts of a step on one set of GPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed {
    /// Reading the weights once.
    weights_s: f64,
    /// Reading the same weights in 16 bits, where they are unpacked from 4 bits, and the measured
    /// gain over that by tokens in the step.
    unpacked: Option<(f64, [(f64, f64); 5])>,
    /// Reading the KV cache of one sequence of mean length.
    kv_cache_s: f64,
    /// Products of one token.
    products_s: f64,
    /// Launches and small kernels of one step, all layers.
    fixed_s: f64,
    /// All-reduce volume of one token.
    all_reduce_s: f64,
    /// Work of one prompt of mean length.
    prompt_s: f64,
    /// Mean length of an answer, at least one token.
    completion_tokens: f64,
}

/// What a step is made of.
pub(super) struct Setting<'a> {
    pub(super) model: &'a Architecture,
    pub(super) gpu: &'a GpuSpec,
    pub(super) deployment: &'a Deployment,
    pub(super) layout: &'a KvLayout,
    pub(super) profile: &'a TokenProfile,
}

impl Speed {
    /// Works out the parts; nothing when the GPU has no rate for the precision.
    pub(super) fn of(it: &Setting<'_>, capacity: &Capacity) -> Option<Speed> {
        let Setting { model, gpu, deployment, profile, .. } = *it;
        let precision = deployment.precision;
        let n = f64::from(deployment.tensor_parallel_size);
        let layers = model.num_hidden_layers as f64;
        let bandwidth = n * gpu.memory_bandwidth_gb_s * 1e9 * capacity.mbu;
        let peak = compute_tera(gpu, precision, capacity)? * 1e12;

        // One vocabulary table takes part in a step, the output layer; the embedding is looked up.
        let touched = model.active_params();
        let has_experts = model.experts().is_some();
        let matrices = model.matrices(1);
        let read = matrices.iter().filter(|it| it.role != Role::Absorbed);
        let weight_bytes =
            read.map(|it| it.layers as f64 * precision.matrix_bytes(it, has_experts)).sum::<f64>()
                + model.head_params() * precision.unquantized_bytes();

        let kv_bytes = it.layout.bytes_per_token() * n;
        let context = profile.mean_prompt + profile.mean_completion / 2.0;

        let products_s = 2.0 * touched / (n * peak * capacity.mfu);
        let all_reduce_s =
            bus_bandwidth(gpu.wiring, capacity).map_or(0.0, |bus| all_reduce_bytes(model, n) / bus);
        let attention = 2.0 * query_width(model) * (profile.mean_prompt * profile.mean_prompt);
        let attention_s = attention / (n * gpu.bf16_tflops * 1e12 * capacity.attention_mfu);
        let parallel_us = if n > 1.0 { capacity.layer_parallel_us } else { 0.0 };

        Some(Speed {
            weights_s: weight_bytes / bandwidth,
            unpacked: (precision == Precision::Int4)
                .then(|| (touched * BYTES_16_BIT / bandwidth, int4_gain(capacity))),
            kv_cache_s: context * kv_bytes / bandwidth,
            products_s,
            fixed_s: layers * (capacity.layer_fixed_us + parallel_us) * 1e-6,
            all_reduce_s,
            prompt_s: profile.mean_prompt * (products_s + all_reduce_s) + attention_s,
            completion_tokens: profile.mean_completion,
        })
    }

    /// Seconds of one prompt of mean length on an otherwise idle engine.
    pub(super) const fn prompt_s(&self) -> f64 {
        self.prompt_s
    }

    /// Seconds from one token of a sequence to its next with `batch` sequences running:
    /// max(memory, products) + prompts of the others + fixed + all-reduce.
    pub(super) fn tpot_s(&self, batch: f64) -> f64 {
        let weights_s = match &self.unpacked {
            None => self.weights_s,
            Some((sixteen_bit_s, gain)) => self.weights_s.max(sixteen_bit_s / at(gain, batch)),
        };
        let memory_s = weights_s + batch * self.kv_cache_s;
        let others_s = (batch - 1.0).max(0.0) * self.prompt_s / self.completion_tokens;
        memory_s.max(batch * self.products_s) + others_s + self.fixed_s + batch * self.all_reduce_s
    }
}

/// Width of the queries of all attention layers together.
fn query_width(model: &Architecture) -> f64 {
    let width = |mixer: &Mixer| match mixer {
        Mixer::Grouped(it) => it.num_attention_heads as f64 * it.head_dim as f64,
        Mixer::Latent(it) => {
            it.num_attention_heads as f64 * (it.qk_nope_head_dim + it.qk_rope_head_dim) as f64
        }
        Mixer::GatedDelta(_) | Mixer::Mamba2(_) => 0.0,
    };
    model.mixers.iter().map(|layers| layers.count as f64 * width(&layers.kind)).sum()
}

/// The peak rate products run at, 10^12 a second. 4-bit weights are unpacked to 16 bits first.
fn compute_tera(gpu: &GpuSpec, precision: Precision, capacity: &Capacity) -> Option<f64> {
    match precision {
        // Tensor cores take fp32 as TF32, at half the 16-bit rate.
        Precision::Fp32 => Some(gpu.bf16_tflops / 2.0),
        Precision::Bf16 => Some(gpu.bf16_tflops),
        Precision::Fp8 => gpu.fp8_tflops,
        Precision::Int8 => gpu.int8_tops,
        Precision::Nvfp4 if gpu.fp4_tflops.is_some() => gpu.fp4_tflops,
        Precision::Int8WeightOnly
        | Precision::Int4
        | Precision::Nf4
        | Precision::Mxfp4
        | Precision::Nvfp4
        | Precision::Gguf(_) => Some(gpu.bf16_tflops * capacity.int4_mfu_factor),
    }
}

/// Bus bandwidth in bytes a second where the volume of an all-reduce is not in the fixed cost.
fn bus_bandwidth(wiring: Wiring, capacity: &Capacity) -> Option<f64> {
    match wiring {
        Wiring::Switched => None,
        Wiring::Pairs => Some(capacity.pair_busbw_gb_s * 1e9),
        Wiring::PcieOnly => Some(capacity.pcie_busbw_gb_s * 1e9),
    }
}

/// Bytes of a ring all-reduce for one token, two per layer: 2 x L x 2 (n - 1)/n x h x 2 B.
/// Llama 3 8B on 2 GPUs: 2 x 32 x 1 x 4,096 x 2 = 524,288 B, 26 us at 20 GB/s.
fn all_reduce_bytes(model: &Architecture, n: f64) -> f64 {
    const PER_LAYER: f64 = 2.0;
    let ring = 2.0 * (n - 1.0) / n;
    PER_LAYER * model.num_hidden_layers as f64 * ring * (model.hidden_size as f64 * BYTES_16_BIT)
}

/// Measured speed of 4-bit weights over bf16 by tokens in a step.
fn int4_gain(capacity: &Capacity) -> [(f64, f64); 5] {
    [
        (1.0, capacity.int4_speedup_1),
        (16.0, capacity.int4_speedup_16),
        (64.0, capacity.int4_speedup_64),
        (128.0, capacity.int4_speedup_128),
        (256.0, capacity.int4_speedup_256),
    ]
}

/// The value at `x`, in straight lines between the points and flat beyond the ends.
fn at(points: &[(f64, f64); 5], x: f64) -> f64 {
    let (first, last) = (points[0], points[4]);
    if x <= first.0 {
        return first.1;
    }
    points.windows(2).find(|pair| x <= pair[1].0).map_or(last.1, |pair| {
        let share = (x - pair[0].0) / (pair[1].0 - pair[0].0);
        pair[0].1 + share * (pair[1].1 - pair[0].1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn the_gain_of_four_bits_is_interpolated() {
        let points = int4_gain(&fixtures::capacity());
        for (x, expected) in
            [(0.0, 2.35), (1.0, 2.35), (40.0, 1.78), (128.0, 1.08), (256.0, 0.97), (1e9, 0.97)]
        {
            assert!((at(&points, x) - expected).abs() < 1e-12, "{x}: {}", at(&points, x));
        }
    }

    #[test]
    fn all_reduce_of_one_token() {
        let model = Architecture::of(&fixtures::llama_8b()).unwrap();
        assert!((all_reduce_bytes(&model, 2.0) - 524_288.0).abs() < 1e-6);
        assert!(all_reduce_bytes(&model, 1.0).abs() < 1e-12);
    }
}
