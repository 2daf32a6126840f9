//! A prediction with the range a measurement is expected in.

use super::architecture::{Architecture, Mixer};
use super::memory::Deployment;
use super::{Engine, Precision};
use crate::catalog::{Capacity, GpuSpec};

/// A predicted number and the range that holds the measured one in 8 of 10 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The lower end.
    pub low: f64,
    /// The prediction.
    pub value: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// The same for `factor` times as much.
    #[must_use]
    pub fn times(self, factor: f64) -> Estimate {
        Estimate { low: self.low * factor, value: self.value * factor, high: self.high * factor }
    }
}

/// What backs a prediction, which decides how wide its range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Measurements of models and GPUs like these.
    Measured,
    /// Anything else.
    Uncovered,
}

/// Measured over predicted, at the ends of the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Band {
    low: f64,
    high: f64,
}

/// The bands of one coverage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bands {
    /// Of the time per output token.
    pub(super) tpot: Band,
    /// Of the time to the first token.
    pub(super) ttft: Band,
    /// Of tokens and requests a second.
    pub(super) rate: Band,
}

/// The first NVIDIA GPUs among those measured: A100.
const FIRST_MEASURED: u32 = 80;

/// GPUs that were measured together.
const MOST_IN_A_NODE: u32 = 8;

impl Coverage {
    /// What backs a model on a GPU: measured are dense models of attention with keys and values on
    /// NVIDIA GPUs since A100, in formats of serving engines.
    pub(super) fn of(model: &Architecture, gpu: &GpuSpec, deployment: &Deployment) -> Coverage {
        let is_dense = model.experts().is_none()
            && model.mixers.iter().all(|it| matches!(it.kind, Mixer::Grouped(_)));
        let is_served = deployment.engine != Engine::LlamaCpp
            && !matches!(deployment.precision, Precision::Fp32 | Precision::Gguf(_));
        let is_measured = gpu.cuda_arch >= Some(FIRST_MEASURED);
        let is_one_node = deployment.tensor_parallel_size <= MOST_IN_A_NODE
            && deployment.pipeline_parallel_size <= 1;
        if is_dense && is_served && is_measured && is_one_node {
            Coverage::Measured
        } else {
            Coverage::Uncovered
        }
    }
}

impl Band {
    /// The ends, as multiples of a prediction.
    pub(super) const fn new(low: f64, high: f64) -> Band {
        Band { low, high }
    }

    /// The range around a prediction.
    pub(super) fn around(self, value: f64) -> Estimate {
        Estimate { low: value * self.low, value, high: value * self.high }
    }
}

impl Bands {
    /// The bands of a coverage: what held 85 of 100 measured over predicted when they were taken.
    pub(super) fn of(coverage: Coverage, it: &Capacity) -> Bands {
        let bands = |tpot, ttft, rate| {
            let band = |(low, high)| Band::new(low, high);
            Bands { tpot: band(tpot), ttft: band(ttft), rate: band(rate) }
        };
        match coverage {
            Coverage::Measured => bands(
                (it.tpot_low, it.tpot_high),
                (it.ttft_low, it.ttft_high),
                (it.rate_low, it.rate_high),
            ),
            Coverage::Uncovered => bands(
                (it.tpot_low_uncovered, it.tpot_high_uncovered),
                (it.ttft_low_uncovered, it.ttft_high_uncovered),
                (it.rate_low_uncovered, it.rate_high_uncovered),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn less_backing_never_narrows_a_range() {
        let capacity = fixtures::capacity();
        let [measured, uncovered] =
            [Coverage::Measured, Coverage::Uncovered].map(|it| Bands::of(it, &capacity));
        let check = |inner: Band, outer: Band| {
            assert!(outer.low <= inner.low && inner.low <= 1.0, "{inner:?} in {outer:?}");
            assert!(outer.high >= inner.high && inner.high >= 1.0, "{inner:?} in {outer:?}");
        };
        check(measured.tpot, uncovered.tpot);
        check(measured.ttft, uncovered.ttft);
        check(measured.rate, uncovered.rate);
    }

    #[test]
    fn what_is_covered() {
        let check = |arch, gpu: &GpuSpec, precision, expected| {
            let model = Architecture::of(&arch).unwrap();
            assert_eq!(Coverage::of(&model, gpu, &Deployment::new(precision, 1)), expected);
        };
        let (h100, t4) = (fixtures::h100(), fixtures::t4());
        check(fixtures::llama_8b(), &h100, Precision::Fp8, Coverage::Measured);
        check(fixtures::llama_8b(), &t4, Precision::Bf16, Coverage::Uncovered);
        check(fixtures::llama_8b(), &h100, Precision::Fp32, Coverage::Uncovered);
        let amd = GpuSpec { cuda_arch: None, ..h100 };
        check(fixtures::llama_8b(), &amd, Precision::Fp8, Coverage::Uncovered);
    }
}
