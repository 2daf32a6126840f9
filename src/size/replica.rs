//! One engine copy on its GPUs: what it holds and how fast it serves.
//!
//! A request takes `prompt / prefill rate + completion x tpot`, both rates at the number B of
//! requests in progress. Engines compute the prompts of the *other* requests between the tokens
//! of one, or before its first; a request's own prompt is the first part of its service time and is
//! not counted again. With P the work of one prompt and t the time of a step without prompts:
//!
//! ```text
//! prompt(B)  = P + w (B - 1) P
//! tpot(B)    = t(B) + (1 - w) (B - 1) P / completion
//! service(B) = prompt(B) + completion x tpot(B) = completion x t(B) + B P
//! ```
//!
//! which is B / throughput exactly when every one of B requests brings one prompt. Llama 3.1 8B in
//! bf16 on an A100 80GB SXM4, 1,000 tokens in and 200 out, B = 16: P = 84.1 ms, t = 11.61 ms, tpot =
//! 17.60 ms, service = 3.67 s, so 4.36 requests a second.

use super::calibration::Calibration;
use super::estimate::{Bands, Coverage, Estimate};
use super::memory::GpuMemory;
use super::slo::Serving;
use super::speed::Speed;
use super::{Precision, StartQuestion, StartUp};
use crate::catalog::ColdStart;
use crate::units::Bytes;

/// How long the requests of a workload are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenProfile {
    pub(super) p95_total_tokens: u64,
    pub(super) mean_prompt: f64,
    pub(super) mean_completion: f64,
}

impl TokenProfile {
    /// Tokens of the mean request, prompt and completion, rounded up.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub fn mean_tokens(&self) -> u64 {
        (self.mean_prompt + self.mean_completion).ceil() as u64
    }

    /// The 95th percentile of prompt + completion tokens of a request, and the means of both.
    /// Nothing when a mean is negative or not a number. Every request runs one step at least, so
    /// a smaller mean completion counts as one token.
    pub fn new(
        p95_total_tokens: u64,
        mean_prompt: f64,
        mean_completion: f64,
    ) -> Option<TokenProfile> {
        let sound = |it: f64| it.is_finite() && it >= 0.0;
        (sound(mean_prompt) && sound(mean_completion)).then(|| TokenProfile {
            p95_total_tokens: p95_total_tokens.max(1),
            mean_prompt,
            mean_completion: mean_completion.max(1.0),
        })
    }

    /// 95th percentile of prompt + completion tokens.
    pub const fn p95_total_tokens(&self) -> u64 {
        self.p95_total_tokens
    }

    /// Mean prompt tokens.
    pub const fn mean_prompt(&self) -> f64 {
        self.mean_prompt
    }

    /// Mean completion tokens, at least one.
    pub const fn mean_completion(&self) -> f64 {
        self.mean_completion
    }
}

/// One engine copy that fits its GPUs; only [`fit`](super::fit) makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// Format of the weights.
    pub precision: Precision,
    /// GPUs the layers are split over.
    pub tensor_parallel_size: u32,
    /// True where 16 bits mean fp16, because the GPU has no bf16.
    pub runs_fp16: bool,
    /// False where the driver's licence forbids use in data centres.
    pub datacenter_license: bool,
    /// How long the requests are that the speeds below hold for.
    pub profile: TokenProfile,
    /// How it starts, with everything but the weights at hand.
    pub start: StartQuestion,
    /// Memory of each GPU.
    pub memory: GpuMemory,
    /// What backs the speeds.
    pub coverage: Coverage,
    pub(super) bands: Bands,
    pub(super) speed: Speed,
}

impl Replica {
    /// Weights each GPU holds.
    pub fn weights_bytes_per_gpu(&self) -> Bytes {
        Bytes::from_f64_rounded(self.memory.weights)
    }

    /// Memory of each GPU the engine may use.
    pub fn usable_per_gpu(&self) -> Bytes {
        Bytes::from_f64_rounded(self.memory.usable)
    }

    /// Tokens the KV cache holds, over all sequences.
    pub fn kv_cache_tokens(&self) -> u64 {
        self.memory.kv_cache_tokens()
    }

    /// The engine's own default limit of sequences.
    pub const fn max_num_seqs(&self) -> u32 {
        self.memory.max_num_seqs
    }

    /// The precision as the GPU runs it: `fp16` where there is no bf16.
    pub const fn precision_label(&self) -> &'static str {
        match (self.precision, self.runs_fp16) {
            (Precision::Bf16, true) => "fp16",
            _ => self.precision.as_str(),
        }
    }

    /// Requests served at once: min(limit, requests of p95 length the KV cache holds), where `limit`
    /// is the lower of the engine's `max_num_seqs` and the platform's concurrency per worker.
    /// At least 1: a replica that cannot hold one request does not fit.
    pub fn slots(&self, limit: u32) -> u32 {
        let held = self.memory.max_concurrency(self.profile.p95_total_tokens);
        whole(held.floor()).min(limit).max(1)
    }

    /// Seconds per output token with `batch` sequences running; see the head of this file.
    pub fn tpot_s(&self, batch: u32) -> f64 {
        self.speed.tpot_s(f64::from(batch.max(1)))
    }

    /// Seconds of a step of `batch` sequences without prompts: what a token takes on the decode
    /// workers of a disaggregated service.
    pub fn decode_step_s(&self, batch: u32) -> f64 {
        self.speed.decode_step_s(f64::from(batch.max(1)))
    }

    /// Seconds to the first token that 95 of 100 requests keep with `batch` running: one waits for
    /// none to all of the prompts that come before, each as likely, so 1.9 times the mean.
    pub fn ttft_p95_s(&self, batch: u32) -> f64 {
        const P95_OVER_MEAN: f64 = 1.9;
        self.speed.ttft_s(f64::from(batch.max(1)), P95_OVER_MEAN)
    }

    /// Prompt tokens a second of one request with `batch` running, at the mean prompt length.
    /// Infinite when prompts are empty.
    pub fn prefill_tokens_per_s(&self, batch: u32) -> f64 {
        if self.profile.mean_prompt <= 0.0 {
            return f64::INFINITY;
        }
        self.profile.mean_prompt / self.speed.prefill_s(f64::from(batch.max(1)))
    }

    /// How `batch` requests in progress are served, with ranges.
    pub fn serving(&self, batch: u32) -> Serving {
        let bands = self.bands;
        let mean_ttft = self.speed.ttft_s(f64::from(batch.max(1)), 1.0);
        Serving {
            concurrency: batch.max(1),
            ttft_s: bands.ttft.around(mean_ttft),
            tpot_s: bands.tpot.around(self.tpot_s(batch)),
            output_tokens_per_s: bands.rate.around(self.output_tokens_per_s(batch)),
            requests_per_s: bands.rate.around(self.requests_per_s(batch)),
        }
    }

    /// A ratio of two predicted rates, with the range a rate is expected in.
    pub fn ratio(&self, value: f64) -> Estimate {
        self.bands.rate.around(value)
    }

    /// The same replica as one measurement corrects it. The ranges stay as wide: a measurement moves
    /// the level, and one operating point strays from the next as far as before.
    #[must_use]
    pub fn calibrated(&self, by: &Calibration) -> Replica {
        Replica { speed: self.speed.slowed(by.time, by.ttft), ..self.clone() }
    }

    /// Seconds a request holds its slot: prompt / prefill rate + completion x tpot; a request runs
    /// one step at least.
    pub fn service_time_s(&self, prompt: f64, completion: f64, batch: u32) -> f64 {
        prompt / self.prefill_tokens_per_s(batch) + completion.max(1.0) * self.tpot_s(batch)
    }

    /// Service time of the mean request.
    pub fn mean_service_time_s(&self, batch: u32) -> f64 {
        self.service_time_s(self.profile.mean_prompt, self.profile.mean_completion, batch)
    }

    /// Requests a second with `batch` slots always taken: batch / mean service time.
    pub fn requests_per_s(&self, batch: u32) -> f64 {
        f64::from(batch.max(1)) / self.mean_service_time_s(batch)
    }

    /// Output tokens a second with `batch` slots always taken.
    pub fn output_tokens_per_s(&self, batch: u32) -> f64 {
        self.output_tokens_per_s_at(f64::from(batch.max(1)))
    }

    /// The same for a mean number of slots taken.
    pub(super) fn output_tokens_per_s_at(&self, batch: f64) -> f64 {
        let completion = self.profile.mean_completion;
        let service_s = self.speed.prefill_s(batch) + completion * self.speed.tpot_s(batch);
        batch * completion / service_s
    }

    /// The planning batch of a fleet of `replicas`: the least B >= 1 with B >= (rate / N) x S(B),
    /// S the mean service time. Nothing when no B up to `slots` carries the load: saturated.
    ///
    /// S never falls with B, so raising B to (rate / N) x S(B) again and again from 1 climbs to
    /// the least solution and never past it.
    pub fn planning_batch(&self, busiest_rps: f64, replicas: u32, slots: u32) -> Option<u32> {
        if !busiest_rps.is_finite() || replicas == 0 {
            return None;
        }
        let rate = busiest_rps.max(0.0) / f64::from(replicas);
        let mut batch = 1;
        while batch <= slots {
            let needed = rate * self.mean_service_time_s(batch);
            if f64::from(batch) >= needed {
                return Some(batch);
            }
            if needed > f64::from(slots) {
                return None;
            }
            batch = whole(needed.ceil()).max(batch + 1);
        }
        None
    }

    /// Seconds from process start to ready; see [`StartUp`].
    pub fn cold_start_s(&self, constants: &ColdStart) -> f64 {
        StartUp::of(&self.start, None, constants).total().value
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the caller has compared with a u32 limit"
)]
fn whole(number: f64) -> u32 {
    number as u32
}
