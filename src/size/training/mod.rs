//! Memory of training on each GPU: full, `LoRA`, `QLoRA` and `DoRA`.
//!
//! Comes in: an architecture and how it is trained. Goes out: weights, gradients, optimizer,
//! activations, logits and what `PyTorch` does not see, one formula each. The peak is either the
//! start of the backward pass, with all activations, or the optimizer's step, when they are freed;
//! a part that shares its room with another is counted once, so the parts add up to the total.

mod layers;
mod lora;
mod parts;
mod rule_of_thumb;

use std::num::{NonZeroU32, NonZeroU64};

pub use lora::{Adapter, LoraTarget, lora_params};
pub use rule_of_thumb::{
    Gradients, LoraEstimate, TrainingEstimate, lora_rule_of_thumb, training_rule_of_thumb,
};

use super::architecture::Architecture;
use crate::catalog::Training;
use crate::units::Bytes;

/// What of a model is trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Every weight.
    Full,
    /// An adapter beside frozen weights.
    Lora(Adapter),
    /// An adapter beside frozen, quantized weights.
    Qlora(Adapter, QuantizedBase),
    /// An adapter and a magnitude for every output it changes.
    Dora(Adapter),
}

/// Format of frozen, quantized weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantizedBase {
    /// 4-bit normal float of bitsandbytes.
    Nf4,
    /// The same, its scales quantized to 8 bits again.
    Nf4DoubleQuantized,
    /// 4-bit integers (GPTQ).
    Int4,
}

/// What the optimizer keeps for every trained parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimizer {
    /// Two moments; `PyTorch`'s default step, which works on all parameters at once.
    AdamW,
    /// Two moments; the fused step, which needs no temporary copies.
    FusedAdamW,
    /// Two moments of 8 bits (bitsandbytes).
    AdamW8bit,
    /// The same in managed memory, on the CPU where the GPU is full.
    PagedAdamW8bit,
    /// One moment: SGD with momentum.
    Sgd,
    /// One moment.
    Lion,
    /// Sums over rows and columns instead of moments.
    Adafactor,
}

/// Number formats of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingDtype {
    /// Weights, gradients and optimizer in 16 bits.
    Bf16,
    /// Weights and gradients in 16 bits, master weights and optimizer in 32 (`DeepSpeed`).
    Mixed,
    /// All in 32 bits.
    Fp32,
}

/// How the loss turns logits into a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Over all tokens in 32 bits, as transformers does.
    Fp32,
    /// Over all tokens in 16 bits.
    Half,
    /// A few tokens at a time (torchtune, litgpt, Liger).
    Chunked,
}

/// What becomes of gradients between micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulation {
    /// A step after every micro-batch: gradients are gone when the next one's activations come.
    Never,
    /// Kept, split over the GPUs as weights and optimizer are.
    Synced,
    /// Kept whole on every GPU, because GPUs do not talk in between (FSDP under `no_sync`); of FSDP's
    /// flat parameters also for the frozen ones.
    Unsynced,
}

/// What data-parallel GPUs share out among each other: nothing, optimizer, and gradients, and
/// weights. FSDP's full shard is `Three`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZeroStage {
    /// Every GPU keeps all of it (DDP).
    Zero,
    /// The optimizer is split.
    One,
    /// Gradients too.
    Two,
    /// Weights too.
    Three,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingQuestion {
    /// What is trained.
    pub method: Method,
    /// With which optimizer.
    pub optimizer: Optimizer,
    /// In which number formats.
    pub dtype: TrainingDtype,
    /// Whether only the inputs of layers are kept and the rest is computed again.
    pub checkpointing: bool,
    /// Whether `torch.compile` fuses the layers.
    pub compiled: bool,
    /// How the loss is computed.
    pub loss: Loss,
    /// What becomes of gradients between micro-batches.
    pub accumulation: Accumulation,
    /// What the GPUs share out.
    pub zero: ZeroStage,
    /// Whether optimizer and gradients, and with [`ZeroStage::Three`] weights, wait on the CPU.
    pub cpu_offload: bool,
    /// GPUs, each with its own micro-batch.
    pub gpu_count: NonZeroU32,
    /// Tokens of a sequence.
    pub seq_len: NonZeroU64,
    /// Sequences on a GPU at once.
    pub micro_batch: NonZeroU64,
}

impl TrainingQuestion {
    /// The usual way on one GPU: mixed precision, `AdamW`, checkpointing, accumulated gradients.
    pub const fn new(method: Method, seq_len: NonZeroU64) -> TrainingQuestion {
        TrainingQuestion {
            method,
            optimizer: Optimizer::AdamW,
            dtype: TrainingDtype::Mixed,
            checkpointing: true,
            compiled: false,
            loss: Loss::Fp32,
            accumulation: Accumulation::Synced,
            zero: ZeroStage::Zero,
            cpu_offload: false,
            gpu_count: NonZeroU32::MIN,
            seq_len,
            micro_batch: NonZeroU64::MIN,
        }
    }

    /// Tokens of a micro-batch.
    fn tokens(&self) -> f64 {
        self.seq_len.get() as f64 * self.micro_batch.get() as f64
    }
}

/// Peak memory of each GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingMemory {
    /// Weights, and layers gathered from other GPUs.
    pub weights: Bytes,
    /// Gradients and the buckets they travel in.
    pub gradients: Bytes,
    /// What the optimizer keeps, and what its step needs beyond the room of the activations.
    pub optimizer: Bytes,
    /// Activations kept for the backward pass.
    pub activations: Bytes,
    /// Logits and their gradients.
    pub logits: Bytes,
    /// CUDA context, communication, and memory `PyTorch` reserves and does not use.
    pub non_torch: Bytes,
    /// All of them.
    pub total: Bytes,
    /// Parameters that are trained.
    pub trainable_params: f64,
    /// One line per part.
    pub formulas: Vec<String>,
}

impl TrainingMemory {
    /// What `torch.cuda.max_memory_allocated` reports.
    pub fn torch_allocated(&self) -> Bytes {
        self.total.saturating_sub(self.non_torch)
    }
}

/// Peak memory of each GPU. Llama 3.1 8B, `LoRA` of rank 16 on q and v in bf16, 2,048 tokens,
/// checkpointing: 15.0 GiB of weights, 3.4 of activations and logits, 2.4 outside `PyTorch`: 20.9.
/// Source: the parts as `DeepSpeed`, PEFT and `PyTorch` keep them; constants from measured peaks.
pub fn training(
    model: &Architecture,
    question: &TrainingQuestion,
    constants: &Training,
) -> TrainingMemory {
    parts::Peak::of(model, question, constants).memory()
}

#[cfg(test)]
mod tests;
