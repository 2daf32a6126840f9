//! Whether a host can start what a launch plan asks of it, from facts collected on the host.
//!
//! [`SCRIPT`] prints the facts on the host; [`read`] reads that text, or what was pasted of
//! `nvidia-smi`, into [`HostFacts`]; [`check`] holds them against the [`Needs`] of a plan; [`table`](super::table)
//! shows the answers. What was not measured is said to be so and never passes. No file, no clock, no
//! environment: text comes in, values go out.

mod check;
mod error;
mod facts;
mod needs;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod text;
mod version;

pub use check::{check, failed};
pub use error::PreflightError;
pub use facts::{
    Access, Cached, Container, Containers, Disk, Download, GpuState, Health, Host, HostFacts,
    Maker, Measured, MemorySlice, Report, Settings, SmiFailure, Token,
};
pub use needs::{Gate, GpuNeed, ImageNeed, Needs, Toolkit, WeightsNeed};
pub use read::read;
pub use version::Version;

/// The collector: a POSIX shell script that prints the facts and no secret.
pub const SCRIPT: &str = include_str!("collect.sh");

/// Version of the text [`SCRIPT`] prints, in its first line.
pub const FORMAT: u32 = 1;
