//! The GPUs of one host and what lies between each two of them.

use std::fmt;

use serde::Serialize;

use super::nvidia_smi::GpuFacts;
use super::pairs::Pairs;

/// What joins two GPUs, or a GPU and a network card.
///
/// The `PCIe` names are those of the legend of `nvidia-smi topo -m`, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Link {
    /// `NVLink`; how many links is not known from a log.
    NvLink {
        /// Links between the two, all together.
        links: Option<u8>,
    },
    /// `NVLink` by way of another GPU, in logs of NCCL (`NVB`).
    NvLinkThrough,
    /// AMD's Infinity Fabric between GPUs.
    Xgmi {
        /// Physical links on the way, from the weight (15 for each).
        hops: Option<u8>,
    },
    /// At most one `PCIe` bridge.
    Pix,
    /// Several `PCIe` bridges, not the host's.
    Pxb,
    /// The host's `PCIe` bridge, so through the CPU.
    Phb,
    /// Between two host bridges of one NUMA node.
    Node,
    /// Between NUMA nodes, over the link of the sockets.
    Sys,
    /// `PCIe` as AMD's tools call it.
    Pcie {
        /// 2 within a socket, 3 across sockets.
        hops: Option<u8>,
    },
    /// Not stated.
    Unknown,
}

impl Link {
    /// The word of `nvidia-smi topo -m`, `NV` with the number of links; none for another word.
    pub fn from_smi(word: &str) -> Option<Self> {
        Some(match word {
            "PIX" => Self::Pix,
            "PXB" => Self::Pxb,
            "PHB" => Self::Phb,
            "NODE" => Self::Node,
            // SOC is the word of drivers before 2016 or so.
            "SYS" | "SOC" => Self::Sys,
            "N/A" | "-" => Self::Unknown,
            _ => Self::NvLink { links: Some(word.strip_prefix("NV")?.parse().ok()?) },
        })
    }

    /// The path types of NCCL (`topoPathTypeStr` in its `src/graph/topo.cc`).
    pub fn from_nccl(word: &str) -> Option<Self> {
        Some(match word {
            "NVL" => Self::NvLink { links: None },
            "NVB" => Self::NvLinkThrough,
            "PIX" => Self::Pix,
            "PXB" => Self::Pxb,
            "PHB" => Self::Phb,
            "SYS" => Self::Sys,
            _ => return None,
        })
    }

    /// `NVLink` or Infinity Fabric, which do not share the `PCIe`.
    pub fn is_fast(self) -> bool {
        matches!(self, Self::NvLink { .. } | Self::NvLinkThrough | Self::Xgmi { .. })
    }

    /// `PCIe` between sockets.
    pub fn crosses_sockets(self) -> bool {
        matches!(self, Self::Sys | Self::Pcie { hops: Some(3..) })
    }

    /// `PCIe` of any distance.
    pub fn is_pcie(self) -> bool {
        !self.is_fast() && self != Self::Unknown
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NvLink { links: Some(it) } => write!(f, "NV{it}"),
            Self::NvLink { links: None } => f.write_str("NVL"),
            Self::NvLinkThrough => f.write_str("NVB"),
            Self::Xgmi { hops: Some(it) } => write!(f, "XGMI/{it}"),
            Self::Xgmi { hops: None } => f.write_str("XGMI"),
            Self::Pix => f.write_str("PIX"),
            Self::Pxb => f.write_str("PXB"),
            Self::Phb => f.write_str("PHB"),
            Self::Node => f.write_str("NODE"),
            Self::Sys => f.write_str("SYS"),
            Self::Pcie { hops: Some(it) } => write!(f, "PCIE/{it}"),
            Self::Pcie { hops: None } => f.write_str("PCIE"),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// How a working peer access is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Evidence {
    /// The driver's status matrix says OK (or AMD's access table ENABLED).
    Driver,
    /// NCCL set up a peer-to-peer channel between the two.
    NcclChannel,
    /// The two share an `NVLink` or Infinity Fabric link; nobody asked the driver.
    FastLink,
}

/// Why a peer access does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Refusal {
    /// `CNS`.
    Chipset,
    /// `GNS`.
    Gpu,
    /// `TNS`.
    Topology,
    /// `DR`.
    RegistryKey,
    /// `NS`, or AMD's access table DISABLED.
    NotSupported,
    /// NCCL asked and was refused.
    Nccl,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chipset => "the driver says the chipset does not support it (CNS)",
            Self::Gpu => "the driver says the GPU does not support it (GNS)",
            Self::Topology => "the driver says the way between them does not support it (TNS)",
            Self::RegistryKey => "a setting of the driver disables it (DR)",
            Self::NotSupported => "the driver says it is not supported",
            Self::Nccl => "NCCL asked the driver and was refused",
        })
    }
}

/// Whether two GPUs can write into each other's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Peer {
    /// It works.
    Works(Evidence),
    /// It does not.
    Fails(Refusal),
    /// The text does not say: a matrix of links alone never does for `PCIe`.
    Unknown,
}

/// One GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// Number in the tool's output.
    pub index: u32,
    /// Memory nodes of the CPU near to it, as printed: "0", "0-1", "0,3-9".
    pub numa: Option<String>,
    /// CPUs near to it, as printed.
    pub cpus: Option<String>,
    /// What the other outputs say about it.
    pub facts: GpuFacts,
}

/// One network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nic {
    /// Label of its column: `NIC0`, `mlx5_0`.
    pub label: String,
    /// Its name from the legend, where the label is only a number.
    pub name: Option<String>,
    /// The way to each GPU, in the order of the GPUs.
    pub links: Vec<Link>,
}

impl Nic {
    /// The name NCCL knows it by.
    pub fn device(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.label)
    }
}

/// The GPUs of one host and their connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// By index.
    pub gpus: Vec<Gpu>,
    /// Network cards in the order of the matrix.
    pub nics: Vec<Nic>,
    /// The connection of each two GPUs, by position in `gpus`.
    pub links: Pairs<Link>,
    /// Peer access of each two GPUs, by position in `gpus`.
    pub peers: Pairs<Peer>,
    /// True for each two between which NCCL moved data through host memory.
    pub through_host: Pairs<bool>,
}

impl Topology {
    /// GPUs of which no connection is known yet.
    pub(crate) fn unconnected(gpus: Vec<Gpu>) -> Self {
        let n = gpus.len();
        Self {
            gpus,
            nics: Vec::new(),
            links: Pairs::new(n, Link::Unknown),
            peers: Pairs::new(n, Peer::Unknown),
            through_host: Pairs::new(n, false),
        }
    }

    /// Position of the GPU with this number.
    pub fn position(&self, index: u32) -> Option<usize> {
        self.gpus.iter().position(|it| it.index == index)
    }

    /// The numbers of GPUs at these positions.
    pub(crate) fn indices(&self, positions: &[usize]) -> Vec<u32> {
        positions.iter().filter_map(|&it| self.gpus.get(it)).map(|it| it.index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_links() {
        let check = |word: &str, expected: Option<&str>| {
            let found = Link::from_smi(word).map(|it| it.to_string());
            assert_eq!(found.as_deref(), expected, "{word}");
        };
        check("NV18", Some("NV18"));
        check("SOC", Some("SYS"));
        check("NODE", Some("NODE"));
        check("N/A", Some("?"));
        check("NV", None);
        check("NV999", None);
        check("X", None);
        check("OK", None);
    }
}
