//! What it costs that GPUs exchange data: inside a node, between nodes, and which split it favours.
//!
//! Comes in: the fabric of a GPU or a network as measured, bytes, numbers of GPUs. Goes out: seconds,
//! by the rule that divides bytes by the line rate and by what was measured, and advice how to split
//! a model.

mod collective;

pub use collective::{Collective, Evidence, all_reduce_time};
