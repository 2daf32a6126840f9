//! How the GPUs are connected, in sentences.

use std::collections::BTreeMap;

use super::super::model::{Link, Topology};
use super::super::read::{Reading, Source};
use super::super::text::{gpus, list, ranges};
use super::groups::{FabricClass, Group, Groups, has_switches, pairs};

/// Ways at the host bridge from which on they look like those of a virtual machine.
const MANY_HOST_BRIDGES: usize = 4;

/// The sentences, the most important first.
pub(super) fn sentences(reading: &Reading, groups: &Groups, names: &[String]) -> Vec<String> {
    let topology = &reading.topology;
    let count = topology.gpus.len();
    let name = if names.is_empty() { String::new() } else { format!(" ({})", list(names)) };
    match count {
        0 => return vec!["the log does not say which GPUs share a host".to_owned()],
        1 => {
            return vec![format!("1 GPU{name}: nothing to connect")]
                .into_iter()
                .chain(mig(topology))
                .collect();
        }
        _ => {}
    }
    let mut out = vec![format!("{count} GPUs{name}: {}", main(topology, groups))];
    out.extend(outsiders(topology, groups));
    out.extend(missing_nvlink(topology));
    out.extend(same_node_far_apart(topology));
    if is_virtual(reading) {
        out.push(
            "the host bridge (PHB) everywhere is what a virtual machine shows: the real PCIe switches \
             and sockets are hidden"
                .to_owned(),
        );
    }
    out.extend(mig(topology));
    out
}

fn main(topology: &Topology, groups: &Groups) -> String {
    match groups.islands.as_slice() {
        [] => without_fast_links(topology, groups),
        [it] if it.gpus.len() == topology.gpus.len() => island(topology, it),
        islands if islands.iter().all(|it| it.gpus.len() == 2) => {
            let pair = |it: &Group| match it.links {
                Some(links) => format!("{} ({links} links)", joined(&it.gpus)),
                None => joined(&it.gpus),
            };
            let pairs = islands.iter().map(pair);
            let (count, what) = match islands.len() {
                1 => ("1 pair".to_owned(), fast_name(topology)),
                n => (format!("{n} pairs"), fast_name(topology)),
            };
            format!("{count} joined by {what}: {}; otherwise {}", list(pairs), between(topology))
        }
        islands => {
            let part = |it: &Group| format!("{} {}", ranges(&it.gpus), island(topology, it));
            format!("{}; otherwise {}", list(islands.iter().map(part)), between(topology))
        }
    }
}

fn joined(gpus: &[u32]) -> String {
    gpus.iter().map(u32::to_string).collect::<Vec<_>>().join("-")
}

fn fast_name(topology: &Topology) -> &'static str {
    let is_amd =
        topology.links.iter().any(|it| matches!(it.2, Link::Xgmi { .. } | Link::Pcie { .. }));
    if is_amd { "Infinity Fabric" } else { "NVLink" }
}

fn island(topology: &Topology, group: &Group) -> String {
    let links = group.links.map_or(String::new(), |it| format!(" ({it} links each)"));
    match group.fabric {
        FabricClass::NvSwitch => format!("all joined by NVLink through a switch{links}"),
        FabricClass::NvLinkBridge => {
            format!("joined by NVLink{}", links.replace(" each", ""))
        }
        FabricClass::XgmiMesh => xgmi(topology, group),
        _ if group.all_to_all => {
            let counts = link_counts(topology, group);
            format!("all joined by NVLink directly ({counts} links between each two)")
        }
        _ => {
            let positions = positions(topology, group);
            let all = pairs(&positions).count();
            let fast = pairs(&positions)
                .filter(|&(a, b)| topology.links.get(a, b).is_some_and(|it| it.is_fast()))
                .count();
            let counts = link_counts(topology, group);
            format!(
                "joined by NVLink as a mesh: {fast} of {all} pairs have links of their own ({counts} \
                 each), the others go over PCIe or by way of a third GPU"
            )
        }
    }
}

fn xgmi(topology: &Topology, group: &Group) -> String {
    let positions = positions(topology, group);
    let hops = pairs(&positions).filter_map(|(a, b)| match topology.links.get(a, b) {
        Some(Link::Xgmi { hops }) => *hops,
        _ => None,
    });
    match hops.max() {
        None => "all joined by Infinity Fabric".to_owned(),
        Some(1) => "all joined by Infinity Fabric directly".to_owned(),
        Some(most) => format!("joined by Infinity Fabric, up to {most} links on the way"),
    }
}

fn positions(topology: &Topology, group: &Group) -> Vec<usize> {
    group.gpus.iter().filter_map(|&it| topology.position(it)).collect()
}

/// "6", "1 or 2".
fn link_counts(topology: &Topology, group: &Group) -> String {
    let mut counts: Vec<u8> = pairs(&positions(topology, group))
        .filter_map(|(a, b)| match topology.links.get(a, b) {
            Some(Link::NvLink { links }) => *links,
            _ => None,
        })
        .collect();
    counts.sort_unstable();
    counts.dedup();
    let text: Vec<String> = counts.iter().map(u8::to_string).collect();
    if text.is_empty() { "some".to_owned() } else { text.join(" or ") }
}

fn without_fast_links(topology: &Topology, groups: &Groups) -> String {
    if topology.links.iter().all(|it| *it.2 == Link::Unknown) {
        return "how they are connected is not stated; `nvidia-smi topo -m` says it".to_owned();
    }
    let near: Vec<String> = groups
        .near
        .iter()
        .filter(|it| it.gpus.len() < topology.gpus.len())
        .map(|it| format!("{} by {}", ranges(&it.gpus), ways(topology, &positions(topology, it))))
        .collect();
    let all: Vec<usize> = (0..topology.gpus.len()).collect();
    let fast = fast_name(topology);
    if near.is_empty() {
        let who = if all.len() == 2 { "the two meet" } else { "every two meet" };
        format!("no {fast}; {who} by {}", ways(topology, &all))
    } else {
        format!("no {fast}; {}; otherwise {}", list(near), between(topology))
    }
}

/// The slowest way between groups.
fn between(topology: &Topology) -> String {
    let slowest = topology.links.iter().map(|it| *it.2).filter(|it| it.is_pcie()).max();
    match slowest {
        Some(it) if it.crosses_sockets() => format!("PCIe across sockets ({it})"),
        Some(it) => format!("PCIe, at most {}", way(it)),
        None => "not stated".to_owned(),
    }
}

/// The ways between the members, nearest first.
fn ways(topology: &Topology, members: &[usize]) -> String {
    let mut links: Vec<Link> =
        pairs(members).filter_map(|(a, b)| topology.links.get(a, b).copied()).collect();
    links.sort_unstable();
    links.dedup();
    links.iter().map(|&it| way(it)).collect::<Vec<_>>().join(" or ")
}

fn way(link: Link) -> String {
    match link {
        Link::Pix => "one PCIe switch (PIX)".to_owned(),
        Link::Pxb => "several PCIe switches (PXB)".to_owned(),
        Link::Phb => "the CPU's host bridge (PHB)".to_owned(),
        Link::Node => "host bridges of one memory node (NODE)".to_owned(),
        Link::Sys => "the link between sockets (SYS)".to_owned(),
        Link::Pcie { hops: Some(2) } => "PCIe within a socket".to_owned(),
        Link::Pcie { hops: Some(_) } => "PCIe across sockets".to_owned(),
        Link::Pcie { hops: None } => "PCIe".to_owned(),
        Link::Unknown => "a way that is not stated".to_owned(),
        Link::NvLink { .. } | Link::NvLinkThrough | Link::Xgmi { .. } => link.to_string(),
    }
}

/// GPUs outside the only island of more than two.
fn outsiders(topology: &Topology, groups: &Groups) -> Option<String> {
    let largest = groups.islands.iter().map(|it| it.gpus.len()).max()?;
    let outside: Vec<u32> = topology
        .gpus
        .iter()
        .map(|it| it.index)
        .filter(|it| groups.islands.iter().all(|island| !island.gpus.contains(it)))
        .collect();
    match outside.as_slice() {
        [] => None,
        [it] if largest > 2 => Some(format!(
            "GPU {it} has no link to the others, where its kind has: the link or its driver is down"
        )),
        more => Some(format!("no fast link at {}", gpus(more))),
    }
}

fn missing_nvlink(topology: &Topology) -> Option<String> {
    let is_stated = topology.links.iter().any(|it| *it.2 != Link::Unknown);
    let none = topology.links.iter().all(|it| !it.2.is_fast());
    let name = topology
        .gpus
        .iter()
        .find_map(|it| it.facts.name.as_deref().filter(|it| has_switches(it)))?;
    (is_stated && none).then(|| {
        format!("{name} comes with NVLink and none is up: ask `nvidia-smi nvlink -s` and the fabric manager")
    })
}

/// SYS between GPUs of one memory node, which some hosts with one bridge per slot report.
fn same_node_far_apart(topology: &Topology) -> Option<String> {
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for (a, b, &link) in topology.links.iter() {
        let numa = topology.gpus[a].numa.as_deref();
        if let (Link::Sys, Some(it)) = (link, numa)
            && numa == topology.gpus[b].numa.as_deref()
        {
            *nodes.entry(it).or_default() += 1;
        }
    }
    (!nodes.is_empty()).then(|| {
        format!(
            "the driver says SYS also between GPUs of memory node {}: every slot has a host bridge of \
             its own",
            list(nodes.keys())
        )
    })
}

/// True where the driver or the matrix shows a virtual machine.
pub(super) fn is_virtual(reading: &Reading) -> bool {
    let topology = &reading.topology;
    if let Some(it) = topology.gpus.iter().find_map(|it| it.facts.is_virtual()) {
        return it;
    }
    if !reading.has(Source::SmiTopoMatrix) {
        return false;
    }
    let gpus = topology.links.iter().map(|it| *it.2).filter(|it| it.is_pcie());
    let nics = topology.nics.iter().flat_map(|it| it.links.iter().copied());
    let ways: Vec<Link> = gpus.chain(nics).collect();
    let spans_nodes =
        topology.gpus.iter().any(|it| it.numa.as_ref().is_some_and(|it| it.contains(['-', ','])));
    ways.len() >= MANY_HOST_BRIDGES
        && ways.iter().all(|it| *it == Link::Phb)
        && (spans_nodes || !topology.nics.is_empty())
}

fn mig(topology: &Topology) -> Vec<String> {
    let split = |it: &&super::super::model::Gpu| {
        it.facts.mig_mode == Some(true) || !it.facts.mig_devices.is_empty()
    };
    let numbers: Vec<u32> = topology.gpus.iter().filter(split).map(|it| it.index).collect();
    if numbers.is_empty() {
        return Vec::new();
    }
    let devices: usize = topology.gpus.iter().map(|it| it.facts.mig_devices.len()).sum();
    let listed = if devices > 0 { format!(" into {devices} MIG devices") } else { String::new() };
    vec![format!(
        "{} {} split{listed}; parts cannot reach each other or another GPU",
        gpus(&numbers),
        if numbers.len() == 1 { "is" } else { "are" }
    )]
}
