//! Which GPUs belong together: by fast links, by socket, by the class of what joins them.

use serde::Serialize;

use super::super::model::{Link, Topology};

/// Most `NVLink` links of one GPU up to Blackwell; more between all than this needs a switch.
const MOST_LINKS: usize = 18;

/// GPUs of boards with switches, by part of the name; `NVL` cards are `PCIe` cards with bridges.
const SWITCHED: &[&str] = &["H100 80GB HBM3", "H200", "H20", "B200", "B300", "GB200", "GB300"];

/// What joins the GPUs of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum FabricClass {
    /// `NVLink` through switches: every GPU reaches every other with all its links.
    NvSwitch,
    /// Two GPUs joined by `NVLink`, by a bridge as far as the text shows.
    NvLinkBridge,
    /// `NVLink` from GPU to GPU, more than two.
    NvLinkMesh,
    /// AMD's Infinity Fabric from GPU to GPU.
    XgmiMesh,
    /// `PCIe` within a socket.
    Pcie {
        /// Generation of the slowest GPU, where known.
        generation: Option<u32>,
    },
    /// `PCIe` and the link of the sockets.
    AcrossSockets,
    /// Not stated.
    Unknown,
}

/// GPUs that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Their numbers.
    pub gpus: Vec<u32>,
    /// What joins them.
    pub fabric: FabricClass,
    /// Fewest `NVLink` links between two of them that have any, where known.
    pub links: Option<u8>,
    /// True where every two have a fast link of their own.
    pub all_to_all: bool,
}

/// GPUs near to a memory node of the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// The node as printed.
    pub numa: String,
    /// Their numbers.
    pub gpus: Vec<u32>,
}

/// Every grouping of one host.
pub(super) struct Groups {
    pub(super) islands: Vec<Group>,
    pub(super) near: Vec<Group>,
    pub(super) sockets: Vec<Socket>,
    pub(super) whole: Option<FabricClass>,
}

impl Groups {
    pub(super) fn of(topology: &Topology) -> Self {
        let joined = |join: fn(Link) -> bool| {
            let parts = components(topology, join);
            let parts = parts.into_iter().filter(|it| it.len() > 1);
            parts.map(|it| group(topology, &it)).collect::<Vec<Group>>()
        };
        let islands = joined(Link::is_fast);
        let near = joined(|it| it.is_fast() || (it.is_pcie() && !it.crosses_sockets()));
        let all: Vec<usize> = (0..topology.gpus.len()).collect();
        let whole = (all.len() > 1).then(|| group(topology, &all).fabric);
        Self { islands, near, sockets: sockets(topology), whole }
    }
}

/// Sets of positions connected by links that `join`.
fn components(topology: &Topology, join: fn(Link) -> bool) -> Vec<Vec<usize>> {
    let mut part: Vec<usize> = (0..topology.gpus.len()).collect();
    for (a, b, &link) in topology.links.iter() {
        if join(link) && part[a] != part[b] {
            let (from, to) = (part[a].max(part[b]), part[a].min(part[b]));
            part.iter_mut().filter(|it| **it == from).for_each(|it| *it = to);
        }
    }
    let members = |root| (0..part.len()).filter(|&it| part[it] == root).collect::<Vec<usize>>();
    (0..part.len()).map(members).filter(|it| !it.is_empty()).collect()
}

fn group(topology: &Topology, members: &[usize]) -> Group {
    let links: Vec<Link> =
        pairs(members).filter_map(|(a, b)| topology.links.get(a, b).copied()).collect();
    let count = |it: &Link| match it {
        Link::NvLink { links } => *links,
        _ => None,
    };
    Group {
        gpus: topology.indices(members),
        fabric: fabric(topology, members, &links),
        links: links.iter().filter_map(count).min(),
        all_to_all: links.iter().all(|it| it.is_fast()),
    }
}

/// Each two of the members.
pub(super) fn pairs(members: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    members.iter().enumerate().flat_map(|(at, &a)| members[at + 1..].iter().map(move |&b| (a, b)))
}

fn fabric(topology: &Topology, members: &[usize], links: &[Link]) -> FabricClass {
    let is_joined = {
        let inside = components(topology, Link::is_fast);
        inside.iter().any(|part| members.iter().all(|it| part.contains(it)))
    };
    if is_joined {
        if links.iter().any(|it| matches!(it, Link::Xgmi { .. })) {
            return FabricClass::XgmiMesh;
        }
        return nvlink(topology, members, links);
    }
    if links.iter().any(|it| it.crosses_sockets()) {
        FabricClass::AcrossSockets
    } else if links.contains(&Link::Unknown) {
        FabricClass::Unknown
    } else {
        let generation =
            members.iter().filter_map(|&it| topology.gpus[it].facts.pcie.gen_max).min();
        FabricClass::Pcie { generation }
    }
}

fn nvlink(topology: &Topology, members: &[usize], links: &[Link]) -> FabricClass {
    let name = |it: usize| topology.gpus[it].facts.name.as_deref().unwrap_or_default();
    if members.iter().all(|&it| has_switches(name(it))) {
        return FabricClass::NvSwitch;
    }
    if members.len() == 2 {
        return FabricClass::NvLinkBridge;
    }
    let Some(&Link::NvLink { links: Some(each) }) = links.first() else {
        return FabricClass::NvLinkMesh;
    };
    let same = links.iter().all(|it| *it == Link::NvLink { links: Some(each) });
    // Direct links to all others would be more than a GPU has.
    let each = usize::from(each);
    if same && each * (members.len() - 1) > MOST_LINKS.max(each) {
        FabricClass::NvSwitch
    } else {
        FabricClass::NvLinkMesh
    }
}

/// True for GPUs that are sold only on boards with switches.
pub(super) fn has_switches(name: &str) -> bool {
    !name.contains("NVL") && SWITCHED.iter().any(|it| name.contains(it))
}

fn sockets(topology: &Topology) -> Vec<Socket> {
    let mut out: Vec<Socket> = Vec::new();
    for gpu in &topology.gpus {
        let Some(numa) = &gpu.numa else { continue };
        match out.iter_mut().find(|it| &it.numa == numa) {
            Some(it) => it.gpus.push(gpu.index),
            None => out.push(Socket { numa: numa.clone(), gpus: vec![gpu.index] }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Gpu;
    use super::*;

    fn all_to_all(n: u32, links: u8) -> Topology {
        let gpus = (0..n).map(|index| Gpu { index, ..Gpu::default() }).collect();
        let mut it = Topology::unconnected(gpus);
        for (a, b) in pairs(&(0..it.gpus.len()).collect::<Vec<usize>>()) {
            it.links.set(a, b, Link::NvLink { links: Some(links) });
        }
        it
    }

    #[test]
    fn more_links_than_a_gpu_has_need_a_switch() {
        let check = |n, links, expected| {
            assert_eq!(Groups::of(&all_to_all(n, links)).whole, Some(expected), "{n} x NV{links}");
        };
        check(8, 18, FabricClass::NvSwitch);
        check(8, 12, FabricClass::NvSwitch);
        check(16, 6, FabricClass::NvSwitch);
        check(4, 18, FabricClass::NvSwitch);
        check(4, 6, FabricClass::NvLinkMesh);
        check(4, 4, FabricClass::NvLinkMesh);
        check(2, 12, FabricClass::NvLinkBridge);
        check(2, 18, FabricClass::NvLinkBridge);
    }

    #[test]
    fn names_of_boards_with_switches() {
        assert!(has_switches("NVIDIA H100 80GB HBM3"));
        assert!(has_switches("NVIDIA B200"));
        assert!(!has_switches("NVIDIA H100 NVL"));
        assert!(!has_switches("NVIDIA H100 PCIe"));
        assert!(!has_switches("Tesla V100-SXM2-32GB"));
    }
}
