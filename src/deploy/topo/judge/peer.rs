//! Whether GPUs can write into each other's memory.

use serde::Serialize;

use super::super::model::{Evidence, Link, Peer, Refusal, Topology};
use super::super::read::{Reading, Source};
use super::super::text::list;

/// The answer for all pairs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PeerVerdict {
    /// Works between every two.
    Works,
    /// Does not work between any two.
    Fails,
    /// Works or is refused for some, the others differ or are not known.
    Partly,
    /// Not known for any two.
    Unknown,
    /// There is only one GPU.
    NotNeeded,
}

pub(super) fn verdict(topology: &Topology) -> PeerVerdict {
    let peers = || topology.peers.iter().map(|it| *it.2);
    let count = |is: fn(&Peer) -> bool| peers().filter(is).count();
    let works = count(|it| matches!(it, Peer::Works(_)));
    let fails = count(|it| matches!(it, Peer::Fails(_)));
    match peers().count() {
        0 => PeerVerdict::NotNeeded,
        all if works == all => PeerVerdict::Works,
        all if fails == all => PeerVerdict::Fails,
        _ if works + fails == 0 => PeerVerdict::Unknown,
        _ => PeerVerdict::Partly,
    }
}

pub(super) fn through_host(topology: &Topology, peer: PeerVerdict) -> Option<bool> {
    let seen = topology.through_host.iter().any(|it| *it.2);
    match peer {
        _ if seen => Some(true),
        PeerVerdict::Fails => Some(true),
        PeerVerdict::Works => Some(false),
        // A log connects neighbours of rings and trees, not every two.
        PeerVerdict::Partly if is_used_throughout(topology) => Some(false),
        PeerVerdict::Partly if !topology.peers.iter().any(|it| matches!(it.2, Peer::Works(_))) => {
            Some(true)
        }
        _ => None,
    }
}

fn is_used_throughout(topology: &Topology) -> bool {
    let peers = || topology.peers.iter().map(|it| *it.2);
    peers().any(|it| it == Peer::Works(Evidence::NcclChannel))
        && !peers().any(|it| matches!(it, Peer::Fails(_)))
}

pub(super) fn sentences(reading: &Reading, peer: PeerVerdict) -> Vec<String> {
    let topology = &reading.topology;
    let mut out = Vec::new();
    out.extend(known(topology, peer));
    out.extend(host_memory(topology));
    let geforce = is_geforce(topology);
    let open = pairs_that(topology, |it| it == Peer::Unknown);
    if !open.is_empty() {
        out.push(how_to_find_out(reading));
        if geforce {
            out.push(
                "NVIDIA's driver gives GeForce cards no peer-to-peer over PCIe; expect the way through \
                 host memory"
                    .to_owned(),
            );
        }
    }
    out
}

fn known(topology: &Topology, peer: PeerVerdict) -> Vec<String> {
    let all = topology.peers.iter().count();
    let mut out = Vec::new();
    let evidences = [
        (Evidence::Driver, "the driver says so; that data arrives only a run shows"),
        (Evidence::NcclChannel, "NCCL used it"),
        (Evidence::FastLink, "the GPUs share a fast link"),
    ];
    for (evidence, why) in evidences {
        let pairs = pairs_that(topology, |it| it == Peer::Works(evidence));
        if !pairs.is_empty() {
            out.push(format!("works {}: {why}", among(&pairs, all)));
        }
    }
    let refusals = [
        Refusal::Chipset,
        Refusal::Gpu,
        Refusal::Topology,
        Refusal::RegistryKey,
        Refusal::NotSupported,
        Refusal::Nccl,
    ];
    for refusal in refusals {
        let pairs = pairs_that(topology, |it| it == Peer::Fails(refusal));
        if !pairs.is_empty() {
            let last =
                if refusal == Refusal::Gpu { "; no setting of the host changes that" } else { "" };
            out.push(format!("does not work {}: {refusal}{last}", among(&pairs, all)));
        }
    }
    if peer == PeerVerdict::Unknown {
        out.push("not known".to_owned());
    }
    out
}

fn host_memory(topology: &Topology) -> Option<String> {
    let pairs: Vec<String> = topology
        .through_host
        .iter()
        .filter(|it| *it.2)
        .map(|(a, b, _)| format!("{}-{}", topology.gpus[a].index, topology.gpus[b].index))
        .collect();
    let all = topology.through_host.iter().count();
    let fits = topology
        .through_host
        .iter()
        .any(|(a, b, &it)| it && matches!(topology.peers.get(a, b), Some(Peer::Works(_))));
    (!pairs.is_empty()).then(|| {
        let although = if fits { ", although peer-to-peer works there" } else { "" };
        format!("NCCL moved data through host memory (SHM) {}{although}", among(&pairs, all))
    })
}

fn pairs_that(topology: &Topology, is: impl Fn(Peer) -> bool) -> Vec<String> {
    let index = |it: usize| topology.gpus[it].index;
    let pairs = topology.peers.iter().filter(|it| is(*it.2));
    pairs.map(|(a, b, _)| format!("{}-{}", index(a), index(b))).collect()
}

/// "between every two", "for 0-1 and 2-3", "for 21 of 28 pairs".
fn among(pairs: &[String], all: usize) -> String {
    match pairs.len() {
        n if n == all => "between every two".to_owned(),
        n if n > 8 => format!("for {n} of {all} pairs"),
        _ => format!("for {}", list(pairs)),
    }
}

fn how_to_find_out(reading: &Reading) -> String {
    let is_log = reading.sections.iter().all(|it| it.source == Source::NcclLog);
    if is_log && reading.nccl.as_ref().is_some_and(|it| !it.channels.is_empty()) {
        return "of the other pairs the log says nothing: it connects neighbours in rings and trees"
            .to_owned();
    }
    if is_amd(reading) {
        "a table of links does not say whether peer-to-peer works over PCIe: ask `amd-smi topology` \
         (ACCESS TABLE), and a run with NCCL_DEBUG=INFO: `via P2P` or `via SHM`"
            .to_owned()
    } else {
        "a table of links does not say whether peer-to-peer works over PCIe: ask `nvidia-smi topo -p2p \
         r`, and a run with NCCL_DEBUG=INFO: `via P2P` or `via SHM`"
            .to_owned()
    }
}

/// True where the GPUs are AMD's.
pub(super) fn is_amd(reading: &Reading) -> bool {
    reading.has(Source::RocmTopo)
        || reading.has(Source::AmdSmiTopo)
        || reading.nccl.as_ref().is_some_and(|it| it.is_rccl)
}

/// True where a GPU is a consumer card not joined by `NVLink`.
pub(super) fn is_geforce(topology: &Topology) -> bool {
    let fast = |at: usize| {
        (0..topology.gpus.len()).any(|it| topology.links.get(at, it).is_some_and(|it| it.is_fast()))
    };
    let name = |at: usize| topology.gpus[at].facts.name.as_deref().unwrap_or_default();
    (0..topology.gpus.len()).any(|it| name(it).contains("GeForce") && !fast(it))
}

/// Pairs on `PCIe` in which peer access may be switched on by settings of the host.
pub(super) fn pcie_pairs(topology: &Topology) -> impl Iterator<Item = (Link, Peer)> {
    let peer = |a, b| topology.peers.get(a, b).copied().unwrap_or(Peer::Unknown);
    topology.links.iter().filter(|it| it.2.is_pcie()).map(move |(a, b, &it)| (it, peer(a, b)))
}
