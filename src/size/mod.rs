//! How much memory a model needs, which GPUs hold it, and how fast they serve it.
//!
//! Comes in: a model's architecture, a GPU, how many of them, a precision, and how long requests
//! are. Goes out: the rule of thumb's memory estimate, or a [`Fit`]: a [`Replica`] that answers
//! every question of speed in closed form, or the reason why there is none. It never opens a file,
//! never knows a price, and never returns an error: "does not fit" is an answer.

mod architecture;
mod cold_start;
mod engine;
mod fit;
mod interconnect;
mod memory;
mod params;
mod precision;
mod replica;
mod rule_of_thumb;
mod speed;
mod table;
mod training;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod measured;

pub use architecture::{
    Architecture, Experts, FeedForward, GatedDelta, Grouped, Latent, Layers, Mamba2, Mixer, Reach,
};
pub use cold_start::cold_start_s;
pub use engine::{Engine, Version};
pub use fit::{Constants, Fit, fit};
pub use interconnect::{
    BothRules, Collective, Evidence, GradientCost, PeerToPeerLoss, Split, SplitAdvice,
    SplitQuestion, advise_split, all_reduce_time, both_rules, data_parallel_step, line_rate_time,
    peer_to_peer_loss,
};
pub use memory::{Deployment, GpuMemory, KvCacheDtype, KvLayout};
pub use params::{Matrix, Role};
pub use precision::Precision;
pub use replica::{Coverage, Replica, TokenProfile};
pub use rule_of_thumb::{
    KvShape, Overhead, Question, VramEstimate, kv_cache_per_token, quick_estimate, rule_of_thumb,
};
pub use table::{SizeRow, table};
pub use training::{
    Gradients, LoraEstimate, LoraTarget, TrainingEstimate, lora_params, lora_rule_of_thumb,
    training_rule_of_thumb,
};
