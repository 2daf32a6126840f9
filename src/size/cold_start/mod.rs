//! How long an engine takes from nothing to ready, phase by phase.
//!
//! ```text
//! T = D + I / B_image + c F + W / B + c E(L) [+ c compile] [+ c checks]
//! E(L) = tracing + compiled code from its cache + profiling + CUDA graphs
//! ```
//!
//! D is allocation, I the image, F the framework, W the weights, B the bandwidth of the storage, L
//! the layers and c how much slower than the measured host this one is. The constants are least
//! squares over upb-cn/vllm-startup-profiler (vLLM 0.10.1.1, dense models to 14B, one GPU); the rest
//! of the starts people publish are slower, and the range says by how much. Llama 3.1 8B in bf16:
//! 8.7 + 16.06 / 1.3 + 1.25 + 0.377 x 32 = 34.4 s.

mod explain;
mod host;
mod snapshot;
mod storage;

pub use host::{Host, MeasuredStart};
pub use snapshot::Snapshot;
pub use storage::Storage;

use super::architecture::Architecture;
use super::engine::Engine;
use super::estimate::{Band, Coverage, Estimate};
use super::memory::Deployment;
use crate::catalog::{ColdStart, GpuSpec};
use crate::units::Bytes;

/// The first vLLM 0.x whose captures of CUDA graphs stop the garbage collector and that trusts the
/// driver on peer-to-peer.
const QUICK_START: u16 = 10;

/// What is started, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct StartQuestion {
    /// Weights on each GPU.
    pub weights_per_gpu: Bytes,
    /// GPUs of the engine copy.
    pub gpu_count: u32,
    /// Layers of the model.
    pub num_hidden_layers: u64,
    /// What serves it.
    pub engine: Engine,
    /// No compiled code and no CUDA graphs.
    pub enforce_eager: bool,
    /// Whether starts like this one were measured.
    pub coverage: Coverage,
    /// Where the weights come from.
    pub storage: Storage,
    /// Whether the code compiled by an earlier start is at hand.
    pub has_compiled_code: bool,
    /// Whether a GPU must be allocated first.
    pub allocates: bool,
    /// The image that must be pulled first; nothing where it is at hand.
    pub image: Option<Bytes>,
}

/// Seconds of every phase, in the order they happen.
#[derive(Clone, Debug, PartialEq)]
pub struct StartUp {
    /// The scaler's decision, the GPU and its driver.
    pub allocation: Estimate,
    /// Pulling the image.
    pub image: Estimate,
    /// Python and the framework, to the first log line of the engine.
    pub framework: Estimate,
    /// What several GPUs check of each other.
    pub checks: Estimate,
    /// Weights from storage to the GPUs.
    pub weights: Estimate,
    /// Tracing the model's Python code.
    pub tracing: Estimate,
    /// Compiling it, or loading what an earlier start compiled.
    pub compilation: Estimate,
    /// The profiling run that sizes the KV cache, and its allocation.
    pub profiling: Estimate,
    /// Capturing CUDA graphs.
    pub graphs: Estimate,
}

impl StartQuestion {
    /// An engine copy of `deployment` where GPU and image are at hand and its code was compiled
    /// before; weights come from a storage that is not named.
    pub fn new(
        model: &Architecture,
        gpu: &GpuSpec,
        deployment: &Deployment,
        weights_per_gpu: Bytes,
    ) -> StartQuestion {
        let is_measured = Coverage::of(model, gpu, deployment) == Coverage::Measured
            && deployment.gpu_count() == 1
            && matches!(deployment.engine, Engine::Vllm(_));
        StartQuestion {
            weights_per_gpu,
            gpu_count: deployment.gpu_count(),
            num_hidden_layers: model.num_hidden_layers,
            engine: deployment.engine,
            enforce_eager: deployment.enforce_eager,
            coverage: if is_measured { Coverage::Measured } else { Coverage::Uncovered },
            storage: Storage::Unnamed,
            has_compiled_code: true,
            allocates: false,
            image: None,
        }
    }

    /// Whether this is a vLLM that starts in the old, slow way.
    fn is_old(&self) -> bool {
        matches!(self.engine, Engine::Vllm(_)) && !self.engine.is_vllm_since(QUICK_START)
    }

    /// The range of phases whose time is the host's.
    fn band(&self, host: Option<&Host>, it: &ColdStart) -> Band {
        match (self.coverage, host) {
            (_, Some(host)) if host.is_of(self) => Band::new(it.calibrated_low, it.calibrated_high),
            (Coverage::Measured, Some(_)) => Band::new(it.calibrated_low, it.calibrated_high),
            (Coverage::Measured, None) => Band::new(it.host_low, it.host_high),
            (Coverage::Uncovered, _) => Band::new(it.host_low, it.host_high_uncovered),
        }
    }
}

impl StartUp {
    /// The start of `question`; on a host that was measured with `host`. With 32 layers, code
    /// compiled before: tracing 0.21 + 0.166 x 32 = 5.5 s, its code 0.05 + 0.144 x 32 = 4.7,
    /// CUDA graphs 0.31 + 0.027 x 32 = 1.2, profiling the rest of 1.25 + 0.377 x 32: 2.0. Without
    /// that code compiling takes 2.29 + 0.489 x 32 = 17.9 s.
    pub fn of(question: &StartQuestion, host: Option<&Host>, it: &ColdStart) -> StartUp {
        let band = question.band(host, it);
        let factor = host.map_or(1.0, Host::factor);
        let work = |seconds: f64| band.around(seconds * factor);
        let layers = question.num_hidden_layers as f64;
        let linear = |fixed: f64, per_layer: f64| fixed + per_layer * layers;
        let tracing = linear(it.tracing_s, it.tracing_per_layer_s);
        let cached = linear(it.cached_code_s, it.cached_code_per_layer_s);
        let graphs = linear(it.graphs_s, it.graphs_per_layer_s);
        let warm = linear(it.engine_s, it.engine_per_layer_s);
        let (tracing_s, compilation_s, graphs_s) = if question.enforce_eager {
            (0.0, 0.0, 0.0)
        } else {
            let is_cold = !question.has_compiled_code;
            let compiled = linear(it.compile_s, it.compile_per_layer_s);
            let collector = if question.is_old() { it.old_graphs_s } else { 0.0 };
            (tracing, if is_cold { compiled } else { cached }, graphs + collector)
        };
        StartUp {
            allocation: band.around(if question.allocates { it.allocation_s } else { 0.0 }),
            image: image(question, it),
            framework: work(it.framework_s),
            checks: work(checks_s(question, it)),
            weights: storage::weights(question, host, it),
            tracing: work(tracing_s),
            compilation: work(compilation_s),
            profiling: work(warm - tracing - cached - graphs),
            graphs: work(graphs_s),
        }
    }

    /// Every phase with its name, in the order they happen.
    pub fn phases(&self) -> [(&'static str, Estimate); 9] {
        [
            ("allocation", self.allocation),
            ("image", self.image),
            ("framework", self.framework),
            ("checks", self.checks),
            ("weights", self.weights),
            ("tracing", self.tracing),
            ("compilation", self.compilation),
            ("profiling", self.profiling),
            ("graphs", self.graphs),
        ]
    }

    /// The sum of the phases; its ends are those of phases that are all quick, or all slow.
    pub fn total(&self) -> Estimate {
        let nothing = Estimate { low: 0.0, value: 0.0, high: 0.0 };
        self.phases().iter().fold(nothing, |sum, (_, it)| Estimate {
            low: sum.low + it.low,
            value: sum.value + it.value,
            high: sum.high + it.high,
        })
    }

    /// What is not the work of the host's CPU: allocation, image and weights.
    fn fixed_s(&self) -> f64 {
        self.allocation.value + self.image.value + self.weights.value
    }
}

/// Pulling and unpacking an image: 10 GB / 0.037 GB/s = 270 s.
fn image(question: &StartQuestion, it: &ColdStart) -> Estimate {
    let seconds = question.image.map_or(0.0, |image| image.to_gb() / it.image_bandwidth_gb_s);
    Band::new(it.unnamed_storage_low, it.unnamed_storage_high).around(seconds)
}

/// Before 0.10 vLLM tried every ordered pair of its GPUs: 8 x 7 x 0.54 = 30 s.
fn checks_s(question: &StartQuestion, it: &ColdStart) -> f64 {
    let n = f64::from(question.gpu_count);
    if question.is_old() { n * (n - 1.0).max(0.0) * it.p2p_pair_s } else { 0.0 }
}

#[cfg(test)]
mod tests;
