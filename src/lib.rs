//! gpuadvise reads the usage logs of GPU workloads and says what they cost, what kind they are,
//! whether a smaller deployment would carry them, and which way to buy it is cheapest.
//!
//! The modules below are in reading order, which is also the order of the layers: a module imports
//! only from those above it (`tests/it/architecture.rs` checks it).

pub mod units;

pub mod catalog;

pub mod usage;

pub mod workload;

pub mod ingest;

pub mod size;

pub mod classify;

pub mod rollup;

pub mod simulate;

pub mod commitment;

pub mod recommend;

pub mod bridge;

pub mod report;

pub mod deploy;

pub mod cli;

pub mod command;
