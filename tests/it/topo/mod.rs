//! Connections of real machines, read and judged.

mod data;
mod laws;
