//! The words of `topo`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `topo`
#[derive(Debug, Args)]
pub struct TopoArgs {
    /// What nvidia-smi, rocm-smi, amd-smi or NCCL printed, or - for stdin [default: this host is asked]
    pub file: Option<PathBuf>,
}
