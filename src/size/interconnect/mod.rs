//! What it costs that GPUs exchange data: inside a node, between nodes, and which split it favours.
//!
//! Comes in: the fabric of a GPU or a network as measured, bytes, numbers of GPUs. Goes out: seconds,
//! by the rule that divides bytes by the line rate and by what was measured, and advice how to split
//! a model.

mod collective;
mod data_parallel;
mod line_rate;
mod peer_to_peer;
mod split;

pub use collective::{Collective, Evidence, all_reduce_time};
pub use data_parallel::{GradientCost, data_parallel_step};
pub use line_rate::{BothRules, both_rules, line_rate_time};
pub use peer_to_peer::{PeerToPeerLoss, peer_to_peer_loss};
pub use split::{Split, SplitAdvice, SplitQuestion, advise_split};
