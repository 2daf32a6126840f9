//! How to spread a model over GPUs: copies, tensor parallel, pipeline parallel, or both.

use super::Collective;
use crate::catalog::{Capacity, GpuSpec, Wiring};
use crate::units::Bytes;

/// Bytes of a 16-bit activation.
const BYTES_16_BIT: f64 = 2.0;

/// What is to be spread.
#[derive(Clone, Copy, Debug)]
pub struct SplitQuestion<'a> {
    /// The GPUs.
    pub gpu: &'a GpuSpec,
    /// How many there are in one node.
    pub gpus: u32,
    /// Bus bandwidth the user measured over them, bytes a second.
    pub bus_bandwidth: Option<f64>,
    /// Layers of the model.
    pub num_hidden_layers: u64,
    /// Width of its hidden state.
    pub hidden_size: u64,
    /// Attention heads, which tensor parallelism divides.
    pub num_attention_heads: u64,
    /// Weights a token touches.
    pub params: f64,
    /// Weights and the KV cache to hold.
    pub bytes: Bytes,
    /// What a GPU has left for them.
    pub usable_per_gpu: Bytes,
}

/// How the GPUs of one copy share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Not at all: a GPU holds the model.
    OneGpu,
    /// Every layer over all of them.
    Tensor {
        /// GPUs per layer.
        tensor_parallel_size: u32,
    },
    /// Every GPU has layers of its own.
    Pipeline {
        /// Stages.
        pipeline_parallel_size: u32,
    },
    /// Groups of GPUs have layers of their own and split each.
    TensorInPipeline {
        /// GPUs per layer.
        tensor_parallel_size: u32,
        /// Stages.
        pipeline_parallel_size: u32,
    },
    /// The model needs more memory than all have.
    DoesNotFit {
        /// How much more.
        short_by: Bytes,
    },
}

/// The advice for throughput.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitAdvice {
    /// How one copy is split.
    pub split: Split,
    /// Copies the GPUs hold; 0 when it does not fit.
    pub copies: u32,
    /// Why, in one sentence.
    pub why: String,
}

/// The split with the highest throughput: as many copies as fit, each over as few GPUs as hold it,
/// tensor parallel as far as the wiring carries an all-reduce and pipeline parallel beyond.
///
/// Measured: of a model that fits on one GPU, 2, 4 and 8 GPUs of one copy give 0.73, 0.47 and 0.28
/// of as many copies (Llama 3 8B, A100 40GB SXM4); over `PCIe`, Llama 3 70B tensor parallel on 8
/// gives no more than on 4 (A100 `PCIe`, L40S), pipeline parallel 1.4 times (RTX PRO 6000).
pub fn advise_split(question: &SplitQuestion<'_>, capacity: &Capacity) -> SplitAdvice {
    let SplitQuestion { gpus, bytes, .. } = *question;
    let short_by = |n: u32| bytes.saturating_sub(question.usable_per_gpu * u64::from(n));
    let fits = |n: &u32| gpus.is_multiple_of(*n) && short_by(*n) == Bytes::ZERO;
    let Some(group) = (1..=gpus).find(fits) else {
        let short_by = short_by(gpus);
        let split = Split::DoesNotFit { short_by };
        return SplitAdvice { split, copies: 0, why: why(split, question, gpus) };
    };
    let widest = widest(question, group, capacity);
    let tensor = (1..=group.min(widest))
        .rev()
        .find(|&n| {
            group.is_multiple_of(n) && question.num_attention_heads.is_multiple_of(u64::from(n))
        })
        .unwrap_or(1);
    let split = match (tensor, group / tensor) {
        (1, 1) => Split::OneGpu,
        (n, 1) => Split::Tensor { tensor_parallel_size: n },
        (1, stages) => Split::Pipeline { pipeline_parallel_size: stages },
        (tensor_parallel_size, pipeline_parallel_size) => {
            Split::TensorInPipeline { tensor_parallel_size, pipeline_parallel_size }
        }
    };
    SplitAdvice { split, copies: gpus / group, why: why(split, question, group) }
}

/// Most GPUs of a group of `group` that a layer is split over.
fn widest(question: &SplitQuestion<'_>, group: u32, capacity: &Capacity) -> u32 {
    let SplitQuestion { gpu, bus_bandwidth, .. } = *question;
    let by_wiring = match gpu.wiring {
        Wiring::Switched => gpu.fabric.groups.last().map_or(1, |it| it.gpus),
        Wiring::Pairs => 2,
        Wiring::PcieOnly => 1,
    };
    let given =
        bus_bandwidth.and_then(|it| Some(Collective::of(gpu, group)?.with_bus_bandwidth(it)));
    match given {
        Some(given) if pays(question, &given, capacity) => group,
        _ => by_wiring,
    }
}

/// Whether splitting every layer saves more time per token than its all-reduce takes: products of
/// 2 x weights x (1 - 1/n) at the reached rate against two all-reduces a layer. Llama 3 70B on 4
/// L40S: 484 us saved, 770 us taken at 5.1 GB/s, 157 us at 25 GB/s.
fn pays(question: &SplitQuestion<'_>, collective: &Collective, capacity: &Capacity) -> bool {
    let n = f64::from(collective.gpus().max(1));
    let rate = question.gpu.bf16_tflops * 1e12 * capacity.mfu;
    let saved_s = 2.0 * question.params / rate * (1.0 - 1.0 / n);
    collective.volume(token_bytes(question)) / collective.bus_bandwidth() < saved_s
}

/// Bytes that all-reduces of one token add up, two per layer.
fn token_bytes(question: &SplitQuestion<'_>) -> f64 {
    2.0 * question.num_hidden_layers as f64 * question.hidden_size as f64 * BYTES_16_BIT
}

fn why(split: Split, question: &SplitQuestion<'_>, group: u32) -> String {
    let SplitQuestion { gpu, gpus, .. } = *question;
    let name = &gpu.name;
    let megabytes = token_bytes(question) / 1e6;
    match split {
        Split::OneGpu if gpus == 1 => format!("one {name} holds the model"),
        Split::OneGpu => format!(
            "one {name} holds the model, so {gpus} copies beat any split of it in throughput: a \
             split adds {megabytes:.1} MB of all-reduce to every token and copies add nothing"
        ),
        Split::Tensor { .. } => match question.bus_bandwidth {
            Some(given) => format!(
                "the {megabytes:.1} MB that {group} {name} add up per token take less time at the \
                 given {:.0} GB/s than the split saves",
                given / 1e9
            ),
            None => format!(
                "it takes {group} {name} to hold the model, and the {} carries the {megabytes:.1} MB \
                 they add up per token",
                gpu.fabric.name
            ),
        },
        Split::Pipeline { .. } if gpu.wiring == Wiring::PcieOnly => format!(
            "over PCIe pipeline parallel beats tensor parallel: a token passes {:.0} kB from stage to \
             stage instead of adding up {megabytes:.1} MB, and the bandwidth of more than two GPUs \
             differs tenfold from host to host",
            stage_bytes(question) / 1e3
        ),
        Split::Pipeline { .. } => format!(
            "{} attention heads do not divide over {name} in one group of {group}",
            question.num_attention_heads
        ),
        Split::TensorInPipeline { tensor_parallel_size, .. } => format!(
            "{tensor_parallel_size} {name} add up {megabytes:.1} MB per token over the {}; beyond \
             them a token passes {:.0} kB from stage to stage",
            gpu.fabric.name,
            stage_bytes(question) / 1e3
        ),
        Split::DoesNotFit { short_by } => format!("{gpus} {name} have {short_by} too little"),
    }
}

/// Bytes of one token between two stages.
fn stage_bytes(question: &SplitQuestion<'_>) -> f64 {
    question.hidden_size as f64 * BYTES_16_BIT
}

#[cfg(test)]
mod tests;
