//! How much memory a model needs, which GPUs hold it, and how fast they serve it.
//!
//! Comes in: a model's architecture, a GPU, how many of them, a precision, and how long requests
//! are. Goes out: the rule of thumb's memory estimate, or a [`Fit`]: a [`Replica`] that answers
//! every question of speed in closed form, or the reason why there is none. It never opens a file,
//! never knows a price, and never returns an error: "does not fit" is an answer.

mod architecture;
mod calibration;
mod cold_start;
mod diffusion;
mod engine;
mod estimate;
mod fit;
mod interconnect;
mod levers;
mod memory;
mod params;
mod precision;
mod process;
mod rates;
mod replica;
mod rule_of_thumb;
mod slo;
mod speed;
mod table;
mod training;

#[cfg(test)]
mod fixtures;

pub use architecture::{
    Architecture, Checkpoint, Experts, FeedForward, GatedDelta, Grouped, Latent, Layers, Mamba2,
    Mixer, Reach,
};
pub use calibration::{Calibration, OperatingPoint};
pub use cold_start::{Host, MeasuredStart, Snapshot, StartQuestion, StartUp, Storage};
pub use diffusion::{DiffusionMemory, DiffusionQuestion, diffusion};
pub use engine::{Engine, Version};
pub use estimate::{Coverage, Estimate};
pub use fit::{Constants, Fit, fit};
pub use interconnect::{
    BothRules, Collective, Evidence, GradientCost, PeerToPeerLoss, Split, SplitAdvice,
    SplitQuestion, advise_split, all_reduce_time, both_rules, data_parallel_step, line_rate_time,
    peer_to_peer_loss,
};
pub use levers::{Lever, levers};
pub use memory::{Deployment, GpuMemory, KvCacheDtype, KvLayout};
pub use params::{Matrix, Role};
pub use precision::Precision;
pub use process::{ProcessMemory, ProcessQuestion, process};
pub use replica::{Replica, TokenProfile};
pub use rule_of_thumb::{
    KvShape, Overhead, Question, VramEstimate, kv_cache_per_token, quick_estimate, rule_of_thumb,
};
pub use slo::{Carried, Serving, Slo};
pub use table::{SizeRow, splits, table};
pub use training::{
    Accumulation, Adapter, Gradients, LoraEstimate, LoraTarget, Loss, Method, Optimizer,
    QuantizedBase, TrainingDtype, TrainingEstimate, TrainingMemory, TrainingQuestion, ZeroStage,
    lora_params, lora_rule_of_thumb, training, training_rule_of_thumb,
};
