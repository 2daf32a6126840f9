//! What a log of NCCL or RCCL says: who runs where, over which transport each two ranks talk.
//!
//! Lines of several processes and nodes stand mixed; each names its host at the start, except where
//! a tool cut that away. A channel line is about one direction of one channel, so two GPUs have many.

mod channel;
mod graph;
mod host;
mod line;
mod log;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::model::Link;

pub(crate) use log::Log;

/// What the log says, all lines together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NcclFacts {
    /// Lines of NCCL in the text.
    pub lines: usize,
    /// Version as printed, such as `2.18.5+cuda12.2`.
    pub version: Option<String>,
    /// True for AMD's RCCL.
    pub is_rccl: bool,
    /// Ranks of the largest communicator.
    pub ranks: Option<u32>,
    /// Nodes of the largest communicator.
    pub nodes: Option<u32>,
    /// Hosts that wrote lines; their names are not kept.
    pub hosts: usize,
    /// Where ranks run.
    pub places: Vec<Place>,
    /// Channel lines in their order.
    pub channels: Vec<Channel>,
    /// Rings: channel and the order of its ranks.
    pub rings: BTreeMap<u32, Vec<u32>>,
    /// Trees: the parent and children of a rank in a channel.
    pub trees: Vec<Tree>,
    /// Ways between GPUs by PCI address, as NCCL measured them.
    pub paths: Vec<Path>,
    /// Variables NCCL found set, by name.
    pub settings: BTreeMap<String, String>,
    /// GPUs whose peer access the driver refused, by number, smaller first.
    pub refused: Vec<(u32, u32)>,
    /// CPUs NCCL bound the helper threads of a GPU to, by number of the GPU.
    pub affinity: BTreeMap<u32, String>,
    /// Whether switches can add on the way (NVLS).
    pub nvls: Option<bool>,
    /// What NCCL warns of, each once.
    pub warnings: Vec<String>,
}

/// Where a rank runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Rank.
    pub rank: u32,
    /// Number among the GPUs of its process.
    pub cuda_dev: u32,
    /// Number in `nvidia-smi`, where printed.
    pub nvml_dev: Option<u32>,
    /// PCI address in NCCL's short form, such as `1a000`.
    pub bus_id: Option<String>,
    /// Which of the hosts, from 0 in order of sight; none where lines name no host.
    pub host: Option<usize>,
}

/// One line about one direction of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// Number of the channel.
    pub channel: u32,
    /// Who sends.
    pub from: Endpoint,
    /// Who receives.
    pub to: Endpoint,
    /// Which of the two wrote the line, where it says so.
    pub side: Option<Side>,
    /// How.
    pub transport: Transport,
    /// Which of the hosts wrote the line.
    pub host: Option<usize>,
}

/// One end of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Rank.
    pub rank: u32,
    /// What stands in brackets: a number of a GPU or a PCI address, by version.
    pub device: Option<String>,
}

/// The end that wrote a line about the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Side {
    /// The sender.
    Send,
    /// The receiver.
    Receive,
}

/// How two ranks talk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Transport {
    /// GPU to GPU. The way in is CUMEM or IPC between processes, a direct pointer within one,
    /// indirect by another GPU, MNNVL between nodes.
    PeerToPeer {
        /// The way as printed, `/read` where the receiver fetches.
        way: String,
    },
    /// Through memory of the host.
    SharedMemory,
    /// By a network card.
    Network {
        /// Plugin: IB, Socket, Libfabric and others.
        plugin: String,
        /// The card reads and writes GPU memory itself.
        gpu_direct: bool,
    },
    /// Another.
    Other {
        /// As printed.
        name: String,
    },
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerToPeer { way } => write!(f, "P2P/{way}"),
            Self::SharedMemory => f.write_str("SHM"),
            Self::Network { plugin, gpu_direct: true } => write!(f, "NET/{plugin}/GDRDMA"),
            Self::Network { plugin, gpu_direct: false } => write!(f, "NET/{plugin}"),
            Self::Other { name } => f.write_str(name),
        }
    }
}

/// Place of a rank in the tree of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Number of the channel.
    pub channel: u32,
    /// Rank.
    pub rank: u32,
    /// Its parent; none at the root.
    pub up: Option<u32>,
    /// Its children.
    pub down: Vec<u32>,
}

/// The way between two GPUs of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Path {
    /// PCI address in NCCL's short form.
    pub from: String,
    /// The other.
    pub to: String,
    /// What joins them.
    pub link: Link,
    /// Which of the hosts.
    pub host: Option<usize>,
}

impl NcclFacts {
    /// Channel lines of each transport.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for it in &self.channels {
            *out.entry(it.transport.to_string()).or_default() += 1;
        }
        out
    }

    /// A variable NCCL found set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// True where the log is of more than one node.
    pub fn is_multi_node(&self) -> bool {
        let network = |it: &Channel| matches!(it.transport, Transport::Network { .. });
        match self.nodes {
            Some(it) => it > 1,
            None => self.hosts > 1 || self.channels.iter().any(network),
        }
    }
}
