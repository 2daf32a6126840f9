//! The time of one engine step, in closed form: a roofline with what rooflines miss.
//!
//! With B sequences running, T = B (1 + prompt / completion) tokens in a step on average, L layers
//! and n GPUs to a layer:
//!
//! ```text
//! step(B)  = max(weights(B), B x products) + B x KV cache + L x launches + B x sequence + all-reduce(B)
//! tpot(B)  = step(B) + (1 - w) (B - 1) P / completion
//! ttft(B)  = overhead + step(B) + P + w (B - 1) P
//! ```
//!
//! P is the work of one prompt. Engines mix the prompts of the others into the steps of running
//! sequences; the share w of them is computed before one's own first token instead. Every prompt
//! is counted once, so ttft + completion x tpot is B / throughput. Weights of experts are read as
//! far as the tokens of a step visit them, E (1 - (1 - k/E)^B). Unpacking weight-only formats
//! is worth some bytes a weight, from `unpack_tokens` tokens a step in full.
//!
//! The constants are one set for all models, fitted on 561 measured runs of dense models (TPOT)
//! and 249 rows of public benchmarks (throughput); those of experts on 1,476 runs more.

use super::architecture::{Architecture, Mixer, Reach};
use super::engine::Engine;
use super::interconnect::Collective;
use super::memory::{Deployment, kv_read_bytes};
use super::params::Role;
use super::rates::{Rate, Rates};
use super::replica::TokenProfile;
use crate::catalog::{Capacity, GpuSpec};

/// Bytes of a 16-bit number, as activations are.
const BYTES_16_BIT: f64 = 2.0;

/// All-reduces of a layer: after its mixer and after its feed-forward part.
const ALL_REDUCES: f64 = 2.0;

/// GPUs of the largest measured all-reduce; more behave like so many.
const MOST_REDUCED: u32 = 8;

/// Seconds of the parts of a step on one set of GPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed {
    /// Reading the weights every token uses.
    weights_s: f64,
    /// Reading all routed experts.
    experts_s: f64,
    /// ln(1 - k/E), k of E experts visited by a token.
    missed: f64,
    /// Unpacking weight-only formats, in full.
    unpack_s: f64,
    /// Tokens in a step from which unpacking takes that long.
    unpack_tokens: f64,
    /// Products of one token.
    products_s: f64,
    /// Reading the KV cache of one sequence of mean length.
    kv_cache_s: f64,
    /// Launches and small kernels of one step, all layers.
    launches_s: f64,
    /// Scheduling, sampling and answering one sequence.
    sequence_s: f64,
    /// Adding up over the GPUs of a layer: how, how often, and bytes of one token.
    all_reduce: Option<(Collective, f64, f64)>,
    /// Work of one prompt of mean length.
    prompt_s: f64,
    /// Share of the others' prompts that one waits for before the first token.
    wait: f64,
    /// Time of a request outside the engine.
    overhead_s: f64,
    /// Mean length of a prompt.
    prompt_tokens: f64,
    /// Mean length of an answer, at least one token.
    completion_tokens: f64,
    /// Stages of layers, between which the sequences take turns.
    stages: f64,
    /// Measured over predicted time, 1 without a measurement.
    time_factor: f64,
    /// The same for the time to the first token, on top.
    ttft_factor: f64,
}

/// What a step is made of.
pub(super) struct Setting<'a> {
    pub(super) model: &'a Architecture,
    pub(super) gpu: &'a GpuSpec,
    pub(super) deployment: &'a Deployment,
    pub(super) profile: &'a TokenProfile,
}

impl Speed {
    /// Works out the parts; nothing when the GPU cannot run the precision.
    pub(super) fn of(it: &Setting<'_>, capacity: &Capacity) -> Option<Speed> {
        let Setting { model, gpu, deployment, profile } = *it;
        let rates = Rates::of(gpu, deployment.precision, capacity)?;
        let work = Work::of(model, deployment, &rates, capacity);
        let layers = model.num_hidden_layers as f64;
        let sparse: u64 = model.expert_layers();
        let wait = if deployment.engine == Engine::Sglang {
            capacity.prompt_wait_sglang
        } else {
            capacity.prompt_wait
        };
        let mut speed = Speed {
            weights_s: work.weights,
            experts_s: work.experts,
            missed: missed(model),
            unpack_s: work.unpacking,
            unpack_tokens: capacity.unpack_tokens,
            products_s: work.products,
            kv_cache_s: kv_cache_s(it, capacity),
            launches_s: (layers * capacity.layer_us + sparse as f64 * capacity.expert_layer_us)
                * 1e-6,
            sequence_s: sequence_us(deployment.engine, capacity) * 1e-6,
            all_reduce: all_reduce(model, gpu, deployment),
            prompt_s: 0.0,
            wait,
            overhead_s: capacity.request_overhead_s,
            prompt_tokens: profile.mean_prompt,
            completion_tokens: profile.mean_completion,
            stages: f64::from(deployment.pipeline_parallel_size.max(1)),
            time_factor: 1.0,
            ttft_factor: 1.0,
        };
        let attention = attention_operations(model, profile.mean_prompt)
            / f64::from(deployment.tensor_parallel_size.max(1));
        speed.prompt_s = profile.mean_prompt * work.products
            + attention / (gpu.bf16_tflops * 1e12 * capacity.attention_mfu)
            + speed.all_reduce_s(profile.mean_prompt);
        Some(speed)
    }

    /// The same where time was measured to be `time` times as long, and that to the first token
    /// `ttft` times on top.
    pub(super) fn slowed(self, time: f64, ttft: f64) -> Speed {
        Speed { time_factor: self.time_factor * time, ttft_factor: self.ttft_factor * ttft, ..self }
    }

    /// Seconds a prompt of mean length takes with `batch` sequences running, from its first token
    /// computed to its last, prompts of others in between.
    pub(super) fn prefill_s(&self, batch: f64) -> f64 {
        self.time_factor * self.prompt_s * (1.0 + self.wait * self.others(batch))
    }

    /// Seconds from one token of a sequence to its next with `batch` sequences running.
    pub(super) fn tpot_s(&self, batch: f64) -> f64 {
        let prompts_s = (1.0 - self.wait) * self.others(batch) * self.prompt_s;
        self.time_factor * (self.step_s(batch) + prompts_s / self.completion_tokens)
    }

    /// Seconds to the first token with `batch` sequences running, where `behind` is how long one
    /// waits for the prompts of others, as a share of the mean wait.
    pub(super) fn ttft_s(&self, batch: f64, behind: f64) -> f64 {
        let prompt_s = self.prompt_s * (1.0 + behind * self.wait * self.others(batch));
        let engine_s = self.time_factor * (self.step_s(batch) + prompt_s);
        self.ttft_factor * (self.overhead_s + engine_s)
    }

    /// Seconds of a step of `batch` sequences without prompts.
    pub(super) fn decode_step_s(&self, batch: f64) -> f64 {
        self.time_factor * self.step_s(batch)
    }

    /// Prompts of others a stage computes while it computes one's own.
    fn others(&self, batch: f64) -> f64 {
        (batch - 1.0).max(0.0) / self.stages
    }

    /// The same as predicted.
    fn step_s(&self, batch: f64) -> f64 {
        let batch = batch / self.stages;
        let tokens = batch * (1.0 + self.prompt_tokens / self.completion_tokens);
        let unpacking = ((tokens - 1.0) / self.unpack_tokens).clamp(0.0, 1.0);
        let visited = 1.0 - libm::exp(self.missed * batch.max(1.0));
        let weights_s = self.weights_s + self.experts_s * visited + self.unpack_s * unpacking;
        weights_s.max(batch * self.products_s)
            + batch * (self.kv_cache_s + self.sequence_s)
            + self.launches_s
            + self.all_reduce_s(batch)
    }

    /// Seconds to add up `tokens` tokens over the GPUs, all layers.
    fn all_reduce_s(&self, tokens: f64) -> f64 {
        self.all_reduce.map_or(0.0, |(collective, times, bytes)| {
            times * collective.all_reduce_s(tokens * bytes)
        })
    }
}

/// What the matrices of a model cost one GPU, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Work {
    /// Reading those every token uses.
    weights: f64,
    /// Reading all routed experts.
    experts: f64,
    /// Unpacking weight-only formats.
    unpacking: f64,
    /// Products of one token.
    products: f64,
}

impl Work {
    /// Sums over the matrices as one GPU holds them, and the output layer; the embedding is looked
    /// up. Llama 3.1 8B in bf16 on an A100: 15.0 GB at 1,835 GB/s = 8.18 ms, and 7.50e9 weights x 2
    /// at 181 TFLOPS = 82.9 us a token.
    fn of(
        model: &Architecture,
        deployment: &Deployment,
        rates: &Rates,
        capacity: &Capacity,
    ) -> Work {
        let precision = deployment.precision;
        let n = deployment.tensor_parallel_size.max(1);
        let experts = model.experts();
        let mut work = Work::default();
        // Engines unfold some latent projections a second time and use one of the two.
        for matrix in model.matrices(u64::from(n)).iter().filter(|it| it.role != Role::Absorbed) {
            let each = precision.bytes_of(matrix.role, experts.is_some());
            let is_wide = each >= precision.unquantized_bytes();
            let rate = if is_wide { rates.wide } else { rates.narrow };
            let bytes = matrix.layers as f64 * precision.matrix_bytes(matrix, experts.is_some());
            if let (Role::Experts, Some(experts)) = (matrix.role, experts) {
                let share = experts.top_k as f64 / experts.count as f64;
                // Not measured: experts in weight-only formats pay what dense matrices pay.
                let unpacking = matrix.params() * rate.unpack_bytes;
                work.experts += (bytes + unpacking) / rates.wide.bandwidth;
                work.products +=
                    matrix.params() * share * 2.0 / (rate.operations * capacity.experts_mfu);
            } else {
                work.add(rate, matrix.params(), bytes);
            }
        }
        let head = model.head_params() / f64::from(n);
        work.add(rates.wide, head, head * precision.unquantized_bytes());
        work
    }

    /// Adds matrices that every token uses.
    fn add(&mut self, rate: Rate, params: f64, bytes: f64) {
        self.weights += bytes / rate.bandwidth;
        self.unpacking += params * rate.unpack_bytes / rate.bandwidth;
        self.products += params * 2.0 / rate.operations;
    }
}

/// Microseconds an engine spends on one sequence in a step.
fn sequence_us(engine: Engine, capacity: &Capacity) -> f64 {
    match engine {
        Engine::TensorRtLlm | Engine::LlamaCpp => capacity.sequence_us_tensorrt_llm,
        Engine::Vllm(_) if !engine.is_vllm_since(12) => capacity.sequence_us_before_0_12,
        Engine::Vllm(_) | Engine::Sglang => capacity.sequence_us,
    }
}

/// ln of the share of the experts that one token leaves out; 0 without experts.
fn missed(model: &Architecture) -> f64 {
    model.experts().map_or(0.0, |it| {
        let share = it.top_k as f64 / it.count as f64;
        libm::log((1.0 - share).max(f64::MIN_POSITIVE))
    })
}

/// Seconds one GPU reads the cache of one sequence of mean length. Llama 3.1 8B on an A100 with
/// 1,000 tokens in and 200 out: 1,100 x 131,072 B at 0.82 x 2,039 GB/s = 86.2 us.
fn kv_cache_s(it: &Setting<'_>, capacity: &Capacity) -> f64 {
    let context = it.profile.mean_prompt + it.profile.mean_completion / 2.0;
    let bandwidth = it.gpu.memory_bandwidth_gb_s * 1e9;
    let seconds = it.model.mixers.iter().map(|layers| {
        let mbu = match layers.kind {
            Mixer::Latent(_) => capacity.latent_kv_mbu,
            Mixer::Grouped(_) | Mixer::GatedDelta(_) | Mixer::Mamba2(_) => capacity.kv_mbu,
        };
        let bytes = kv_read_bytes(&layers.kind, it.deployment, context);
        layers.count as f64 * bytes / (bandwidth * mbu)
    });
    seconds.sum()
}

/// How the GPUs of a layer add up their parts: by what means, how often in a step, and bytes of
/// one token. Nothing for a GPU alone.
fn all_reduce(
    model: &Architecture,
    gpu: &GpuSpec,
    deployment: &Deployment,
) -> Option<(Collective, f64, f64)> {
    let n = deployment.tensor_parallel_size;
    let found = Collective::of(gpu, n.min(MOST_REDUCED)).filter(|_| n > 1)?;
    let collective = match deployment.bus_bandwidth_gb_s {
        Some(given) => found.with_bus_bandwidth(given * 1e9),
        None => found,
    };
    let times = ALL_REDUCES * model.num_hidden_layers as f64;
    Some((collective, times, model.hidden_size as f64 * BYTES_16_BIT))
}

/// Operations of the attention of a prompt with itself: two products for each query head and
/// pair of tokens, half of the pairs, or a window's. Llama 3.1 8B with 1,000 tokens: 32 layers x
/// 32 heads x (128 + 128) x 2 x 500,000 = 2.6e11. Linear layers take no pairs.
fn attention_operations(model: &Architecture, prompt: f64) -> f64 {
    let of = |mixer: &Mixer| match mixer {
        Mixer::Grouped(it) => {
            let pairs = match it.reach {
                Reach::Full => prompt * prompt / 2.0,
                Reach::Sliding(window) => {
                    let window = prompt.min(window as f64);
                    window * prompt - window * window / 2.0
                }
                Reach::Chunked(chunk) => prompt * prompt.min(chunk as f64) / 2.0,
                Reach::Images => 0.0,
            };
            it.num_attention_heads as f64 * 2.0 * it.head_dim as f64 * pairs
        }
        Mixer::Latent(it) => {
            let key = it.qk_nope_head_dim as f64 + it.qk_rope_head_dim as f64;
            let widths = key + it.v_head_dim as f64;
            it.num_attention_heads as f64 * widths * prompt * prompt / 2.0
        }
        Mixer::GatedDelta(_) | Mixer::Mamba2(_) => 0.0,
    };
    model.mixers.iter().map(|layers| layers.count as f64 * of(&layers.kind) * 2.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::{Precision, fixtures};

    fn model() -> Architecture {
        Architecture::of(&fixtures::llama_8b()).unwrap()
    }

    #[test]
    fn attention_of_a_prompt() {
        assert!((attention_operations(&model(), 1_000.0) / 2.621_44e11 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn work_of_the_matrices() {
        let capacity = fixtures::capacity();
        let deployment = Deployment::new(Precision::Bf16, 1);
        let rates = Rates::of(&fixtures::a100(), Precision::Bf16, &capacity).unwrap();
        let work = Work::of(&model(), &deployment, &rates, &capacity);
        assert!((work.weights / 8.179e-3 - 1.0).abs() < 1e-3, "{work:?}");
        assert!((work.products / 8.294e-5 - 1.0).abs() < 1e-3, "{work:?}");
        assert!(work.unpacking.abs() + work.experts.abs() < 1e-12);
    }

    #[test]
    fn a_given_bus_bandwidth_replaces_that_of_the_fabric() {
        let l4 = fixtures::l4();
        let with = |given: Option<f64>| {
            let deployment =
                Deployment { bus_bandwidth_gb_s: given, ..Deployment::new(Precision::Bf16, 4) };
            all_reduce(&model(), &l4, &deployment).unwrap().0.all_reduce_s(1e8)
        };
        assert!(with(Some(20.0)) < with(None) / 3.0);
    }
}
