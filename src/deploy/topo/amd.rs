//! The tables of `rocm-smi --showtopo` and `amd-smi topology`: weight, hops, type, access.
//!
//! AMD's documentation of the numbers (ROCm/rocm-systems pull request 7372, seen 2026-11-28): each
//! physical `xGMI` link on the way adds 15 to the weight, a segment of `PCIe` 20; hops are 1 for `xGMI` of any
//! length, 2 for `PCIe` within a NUMA node of the CPU, 3 across.

use super::error::TopoError;
use super::model::{Evidence, Gpu, Link, Peer, Refusal, Topology};
use super::pairs::Pairs;
use super::smi_matrix::{complete, square};
use super::table::Table;
use super::text::{gpu_label, number};

/// Weight of one physical `xGMI` link.
const XGMI_WEIGHT: u32 = 15;

/// Which of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    Weight,
    Hops,
    Type,
    Access,
    /// One this does not read: bandwidth, atomics, DMA.
    Other,
}

impl Title {
    /// The title in a line of `rocm-smi`.
    pub(crate) fn of_rocm(line: &str) -> Option<Self> {
        if !line.contains("==") || !line.contains(" between two GPUs") {
            return None;
        }
        let title = line.trim_matches(|it: char| it == '=' || it.is_whitespace());
        Some(match title.split_once(" between").map_or(title, |(it, _)| it) {
            "Weight" => Self::Weight,
            "Hops" => Self::Hops,
            "Link Type" => Self::Type,
            _ => Self::Other,
        })
    }

    /// The title in a line of `amd-smi`.
    pub(crate) fn of_amd_smi(line: &str) -> Option<Self> {
        Some(match line.trim().strip_suffix(" TABLE:")? {
            "ACCESS" => Self::Access,
            "WEIGHT" => Self::Weight,
            "HOPS" => Self::Hops,
            "LINK TYPE" => Self::Type,
            title if title.len() < 40 && title.to_uppercase() == title => Self::Other,
            _ => return None,
        })
    }
}

/// The tables of one host as they come.
#[derive(Clone, Debug, Default)]
pub(crate) struct AmdTables {
    /// Labels of the GPUs and the line of the first table.
    pub gpus: Option<(Vec<String>, usize)>,
    weights: Option<Pairs<Option<u32>>>,
    hops: Option<Pairs<Option<u32>>>,
    types: Option<Pairs<AmdType>>,
    access: Option<Pairs<Access>>,
    /// Number of a GPU and its NUMA node.
    numa: Vec<(u32, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AmdType {
    Xgmi,
    Pcie,
    Unnamed,
}

/// Whether one GPU reaches the memory of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Enabled,
    Disabled,
    Unsaid,
}

impl AmdTables {
    /// Takes one table in.
    pub(crate) fn add(&mut self, title: Title, table: &Table) -> Result<(), TopoError> {
        if title == Title::Other {
            return Ok(());
        }
        match &self.gpus {
            Some((first, first_line)) if first != &table.gpus => {
                return Err(TopoError::MixedHosts {
                    first: format!("{} GPUs of AMD", first.len()),
                    first_line: *first_line,
                    second: format!("{} GPUs of AMD", table.gpus.len()),
                    second_line: table.line,
                });
            }
            _ => self.gpus = Some((table.gpus.clone(), table.line)),
        }
        let rows = complete(table)?;
        let numbers = |word: &str| match number(word) {
            Some((it, "")) => Some(Some(it)),
            _ => silent(word).then_some(None),
        };
        match title {
            Title::Weight => self.weights = Some(square(table, &rows, None, numbers)?),
            Title::Hops => self.hops = Some(square(table, &rows, None, numbers)?),
            Title::Type => self.types = Some(square(table, &rows, AmdType::Unnamed, link_type)?),
            Title::Access => self.access = Some(square(table, &rows, Access::Unsaid, access)?),
            Title::Other => {}
        }
        Ok(())
    }

    /// Takes a line such as `GPU[0] : (Topology) Numa Node: 1` in; false for another line.
    pub(crate) fn add_numa(&mut self, line: &str) -> bool {
        let Some((gpu, what)) = line.split_once("(Topology) Numa ") else { return false };
        let gpu = gpu.trim_start().trim_start_matches("GPU").trim_start_matches(['[', ' ']);
        if let (Some((gpu, _)), Some(node)) = (number(gpu), what.strip_prefix("Node:")) {
            self.numa.push((gpu, super::text::clip(node)));
        }
        true
    }

    /// What the tables say together; none where no table was read.
    pub(crate) fn topology(&self) -> Option<Topology> {
        let (labels, _) = self.gpus.as_ref()?;
        let gpu = |(at, label): (usize, &String)| {
            let index = gpu_label(label).or_else(|| u32::try_from(at).ok())?;
            let mut gpu = Gpu { index, ..Gpu::default() };
            gpu.numa = self.numa.iter().find(|it| it.0 == index).map(|it| it.1.clone());
            gpu.facts.bus_id = label.contains(':').then(|| label.clone());
            Some(gpu)
        };
        let gpus = labels.iter().enumerate().filter_map(gpu).collect();
        let mut topology = Topology::unconnected(gpus);
        for a in 0..topology.gpus.len() {
            for b in a + 1..topology.gpus.len() {
                let link = self.link(a, b);
                topology.links.set(a, b, link);
                topology.peers.set(a, b, self.peer(link, a, b));
            }
        }
        Some(topology)
    }

    fn link(&self, a: usize, b: usize) -> Link {
        let weight = cell(self.weights.as_ref(), a, b).flatten();
        let hops = cell(self.hops.as_ref(), a, b).flatten().and_then(|it| u8::try_from(it).ok());
        let xgmi_links = weight.filter(|it| it % XGMI_WEIGHT == 0).map(|it| it / XGMI_WEIGHT);
        let xgmi = Link::Xgmi { hops: xgmi_links.and_then(|it| u8::try_from(it).ok()) };
        match cell(self.types.as_ref(), a, b) {
            Some(AmdType::Xgmi) => xgmi,
            Some(AmdType::Pcie) => Link::Pcie { hops },
            // Weights alone tell the two apart while fewer than four links are on the way: two
            // segments of PCIe are 40, and 60 could be either.
            _ if xgmi_links.is_some_and(|it| (1..4).contains(&it)) => xgmi,
            _ => Link::Unknown,
        }
    }

    fn peer(&self, link: Link, a: usize, b: usize) -> Peer {
        match cell(self.access.as_ref(), a, b) {
            Some(Access::Enabled) => Peer::Works(Evidence::Driver),
            Some(Access::Disabled) => Peer::Fails(Refusal::NotSupported),
            _ if link.is_fast() => Peer::Works(Evidence::FastLink),
            _ => Peer::Unknown,
        }
    }
}

fn cell<T: Copy>(table: Option<&Pairs<T>>, a: usize, b: usize) -> Option<T> {
    table?.get(a, b).copied()
}

/// Words for no answer; `rocm-smi` prints XXXX for a link it cannot name.
fn silent(word: &str) -> bool {
    matches!(word, "N/A" | "XXXX" | "UNKNOWN" | "-")
}

fn link_type(word: &str) -> Option<AmdType> {
    match word {
        "XGMI" => Some(AmdType::Xgmi),
        "PCIE" => Some(AmdType::Pcie),
        _ => silent(word).then_some(AmdType::Unnamed),
    }
}

fn access(word: &str) -> Option<Access> {
    match word {
        "ENABLED" | "True" => Some(Access::Enabled),
        "DISABLED" | "False" => Some(Access::Disabled),
        _ => silent(word).then_some(Access::Unsaid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        let rocm = "=========== Link Type between two GPUs ===========";
        assert_eq!(Title::of_rocm(rocm), Some(Title::Type));
        assert_eq!(Title::of_rocm("the Hops between two GPUs"), None);
        assert_eq!(Title::of_amd_smi("LINK TYPE TABLE:"), Some(Title::Type));
        assert_eq!(Title::of_amd_smi("NUMA BW TABLE:"), Some(Title::Other));
        assert_eq!(Title::of_amd_smi("see the link table:"), None);
    }

    #[test]
    fn lines_of_numa_nodes() {
        let mut it = AmdTables::default();
        assert!(it.add_numa("GPU[0]\t\t: (Topology) Numa Node: 7"));
        assert!(it.add_numa("GPU 1          : (Topology) Numa Node: 1"));
        assert!(it.add_numa("GPU[0]\t\t: (Topology) Numa Affinity: 7"));
        assert!(!it.add_numa("Numa Node: 7"));
        assert_eq!(it.numa, [(0, "7".to_owned()), (1, "1".to_owned())]);
    }
}
