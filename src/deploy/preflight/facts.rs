//! What is known of a host; what was not measured is `None`.

mod storage;

use std::collections::BTreeMap;

use crate::deploy::topo::nvidia_smi::GpuFacts;
use serde::Serialize;

pub use storage::{Access, Cached, Disk, Download, Measured};

/// Everything a text says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostFacts {
    /// What kind of text it is.
    pub report: Report,
    /// Tools the collector looked for and did not find.
    pub absent: Vec<String>,
    /// The GPUs, by number.
    pub gpus: Vec<GpuState>,
    /// GPUs `nvidia-smi -q` counts, which are more than it lists when the text is cut.
    pub attached_gpus: Option<u32>,
    /// Why `nvidia-smi` gives nothing.
    pub smi_failure: Option<SmiFailure>,
    /// Memory of each process on a GPU, MiB, none where the driver does not tell.
    pub holders: Option<Vec<Option<u64>>>,
    /// Errors of GPUs the kernel reported, at most 20: Xid numbers, 0 for others.
    pub xids: Option<Vec<u32>>,
    /// Pairs of GPUs without peer access and all pairs, by the driver.
    pub peers: Option<(usize, usize)>,
    /// `ROCm` installed on the host.
    pub rocm: Option<String>,
    /// True where `/dev/kfd` may be opened.
    pub kfd: Option<bool>,
    /// The disk of the weights.
    pub disk: Disk,
    /// The download of the weights.
    pub download: Download,
    /// Environment variables.
    pub settings: Settings,
    /// What can start a container.
    pub containers: Containers,
    /// The machine.
    pub host: Host,
    /// A port and whether nobody listens on it.
    pub port: Option<(u16, bool)>,
}

impl HostFacts {
    /// True where the collector looked for a tool in vain.
    pub fn is_absent(&self, tool: &str) -> bool {
        self.absent.iter().any(|it| it == tool)
    }
}

/// What kind of text the facts are from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Of the collector, to its end.
    Whole,
    /// Of the collector, without its end.
    Cut {
        /// The last section that is there.
        last: String,
    },
    /// Outputs of tools without the collector.
    #[default]
    Pasted,
}

/// Maker of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuState {
    /// Its number.
    pub index: u32,
    /// Its maker.
    pub maker: Maker,
    /// What the tool says of it.
    pub facts: GpuFacts,
    /// Its compute capability, 89 for 8.9: lowest and highest it can be.
    pub capability: Option<(u32, u32)>,
    /// Its health.
    pub health: Health,
}

/// Health of a GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Uncorrectable memory errors since the driver was loaded.
    pub uncorrected: Option<u64>,
    /// True where its SRAM has had more errors than the maker's threshold.
    pub sram_threshold: Option<bool>,
    /// True where a page or row waits for a reset to be replaced.
    pub repair_pending: Option<bool>,
    /// True where a row could not be replaced.
    pub repair_failed: Option<bool>,
    /// What the driver asks for: None, Reset, Reboot and others.
    pub recovery: Option<String>,
    /// True where values read ERR! or Unknown Error.
    pub unreadable: bool,
    /// Reasons why the hardware holds its clocks down now.
    pub slowdowns: Vec<String>,
    /// Power limit, watts.
    pub power_limit_w: Option<u64>,
    /// Power limit it is sold with, watts.
    pub power_default_w: Option<u64>,
    /// State of the `NVLink` fabric and its status, as printed; none without one.
    pub fabric: Option<(String, String)>,
    /// Memory of its MIG devices.
    pub slices: Vec<MemorySlice>,
}

/// Memory of a MIG device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemorySlice {
    /// All of it, MiB.
    pub total_mib: Option<u64>,
    /// What is free, MiB.
    pub free_mib: Option<u64>,
}

/// Why `nvidia-smi` gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmiFailure {
    /// "couldn't communicate with the NVIDIA driver"
    NoDriver,
    /// "Driver/library version mismatch"
    Mismatch,
    /// "No devices were found"
    NoDevices,
    /// "Unable to determine the device handle", "GPU is lost": a GPU does not answer.
    GpuLost,
    /// "Failed to initialize NVML" for another reason.
    Other,
    /// It did not answer in time.
    Hangs,
}

/// What is known of the token of the hub, never the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// In `HF_TOKEN`.
    Set,
    /// In the older variable.
    SetOldName,
    /// In a file of the cache.
    InFile,
    /// It holds characters no token has, such as a line end.
    Malformed,
    /// Nowhere.
    NotSet,
}

/// Environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// The token.
    pub token: Option<Token>,
    /// The others that are set, with the value where it is harmless.
    pub set: BTreeMap<String, String>,
    /// True where the environment is in the text.
    pub listed: bool,
}

/// What can start a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Containers {
    /// Docker.
    pub docker: Option<Container>,
    /// Runtimes the daemon knows.
    pub runtimes: Vec<String>,
    /// True where a device description of NVIDIA is there.
    pub has_cdi: bool,
    /// True where NVIDIA's tools for containers are installed; none where nobody looked.
    pub has_toolkit: Option<bool>,
}

/// State of Docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// Its daemon answers.
    Answers,
    /// The user may not ask the daemon.
    Denied,
    /// No daemon answers.
    Silent,
    /// Not installed.
    Absent,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Kernel, as `uname` prints it.
    pub kernel: Option<String>,
    /// CPUs.
    pub cpus: Option<u32>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Memory to be had without swapping, bytes.
    pub available_bytes: Option<u64>,
    /// What the control group still allows, bytes; none without a limit.
    pub group_bytes: Option<u64>,
    /// Size of `/dev/shm`, bytes.
    pub shm_bytes: Option<u64>,
    /// What of it is free, bytes.
    pub shm_free_bytes: Option<u64>,
    /// What the collector ran in: docker, kubernetes, podman, no.
    pub container: Option<String>,
    /// Product name of the machine.
    pub machine: Option<String>,
}

impl Host {
    /// True where the collector ran in a container.
    pub fn is_container(&self) -> Option<bool> {
        self.container.as_deref().map(|it| it != "no")
    }

    /// Memory a process can have, bytes.
    pub fn usable_bytes(&self) -> Option<u64> {
        match (self.available_bytes, self.group_bytes) {
            (Some(all), Some(group)) => Some(all.min(group)),
            (all, group) => all.or(group),
        }
    }
}
