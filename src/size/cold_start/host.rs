//! One measured start tells how slow its host is.

use super::{StartQuestion, StartUp};
use crate::catalog::ColdStart;

/// How many times slower or faster than the fitted host a host may be.
const MOST: f64 = 20.0;

/// A start that was measured, of any model.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredStart {
    /// What was started.
    pub question: StartQuestion,
    /// Seconds from process to ready, with what the question allocates and pulls.
    pub total_s: f64,
    /// Seconds of the weights, where the log says: vLLM's "Loading weights took".
    pub weights_s: Option<f64>,
}

/// What one measured start says of every other start on its host.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    measured: StartQuestion,
    factor: f64,
    weight_gb_s: Option<f64>,
}

impl Host {
    /// The factor c of the host, by what is left of the measured total without weights, image and
    /// allocation; and its bandwidth, where the time of the weights was measured too. Nothing where
    /// either is no number of a start. On an A100 node Qwen1.5 7B took 46.7 s, 8.7 of them for 15.4 GB of weights:
    /// c = (46.7 - 8.7) / (8.7 + 1.25 + 0.377 x 32) = 1.73 and 1.76 GB/s. Qwen1.5 4B, 40 layers and 7.9 GB,
    /// then takes 1.73 x 25.03 + 7.9 / 1.76 = 47.7 s; measured 47.1.
    pub fn of(measured: &MeasuredStart, it: &ColdStart) -> Option<Host> {
        let predicted = StartUp::of(&measured.question, None, it);
        let weights_s = measured.weights_s.unwrap_or(predicted.weights.value);
        let fixed_s = predicted.fixed_s() - predicted.weights.value + weights_s;
        let work_s = predicted.total().value - predicted.fixed_s();
        let factor = (measured.total_s - fixed_s) / work_s;
        let all =
            measured.question.weights_per_gpu.to_gb() * f64::from(measured.question.gpu_count);
        let weight_gb_s = measured.weights_s.map(|seconds| all / seconds);
        let is_rate = |it: f64| it.is_finite() && it > 0.0;
        ((1.0 / MOST..=MOST).contains(&factor) && weight_gb_s.is_none_or(is_rate)).then(|| Host {
            measured: measured.question.clone(),
            factor,
            weight_gb_s,
        })
    }

    /// Whether the measured start was this very one, so that nothing is left to predict.
    pub(super) fn is_of(&self, question: &StartQuestion) -> bool {
        self.measured == *question
    }

    /// How many times longer the host works than the fitted one.
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// 10^9 bytes of weights a second, all GPUs together, where measured.
    pub const fn weight_gb_s(&self) -> Option<f64> {
        self.weight_gb_s
    }
}
