//! What to set, each with its reason; nothing is advised that the text gives no cause for.
//!
//! Facts: NCCL user guide, environment variables and troubleshooting (GPU Direct, ACS, shared memory);
//! defaults of `NCCL_P2P_LEVEL` in NCCL's `src/graph/paths.cc` (commit 04cdb80, seen 2026-11-28):
//! peer-to-peer up to PXB, on AMD hosts of two GPUs up to SYS; older copies of that file take it up to
//! PHB on Intel, and up to PXB on ARM and Intel Broadwell.

mod gpu;
mod network;

use std::fmt;

use serde::Serialize;

use super::super::model::{Evidence, Link, Peer, Refusal, Topology};
use super::super::nccl::NcclFacts;
use super::super::read::Reading;
use super::super::text::gpus;
use super::connection::is_virtual;
use super::groups::{FabricClass, Groups};
use super::peer::{PeerVerdict, is_amd, is_geforce, pcie_pairs};

/// When an advice holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Condition {
    /// The text shows the need.
    Now,
    /// Once a run or a check shows the need.
    IfNeeded,
}

/// One setting to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The setting.
    pub setting: String,
    /// What to do with it.
    pub change: String,
    /// Why.
    pub reason: String,
    /// When.
    pub when: Condition,
}

impl Advice {
    fn new(when: Condition, setting: &str, change: &str, reason: &str) -> Self {
        let (setting, change, reason) = (setting.to_owned(), change.to_owned(), reason.to_owned());
        Self { setting, change, reason, when }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = if self.when == Condition::Now { "now" } else { "if needed" };
        write!(f, "{when}: {}: {} ({})", self.setting, self.change, self.reason)
    }
}

/// Every advice, what holds now first.
pub(super) fn advice(reading: &Reading, groups: &Groups, peer: PeerVerdict) -> Vec<Advice> {
    let topology = &reading.topology;
    let mut out = Vec::new();
    if topology.gpus.len() > 1 {
        out.extend(p2p_disable(reading, groups, peer));
        out.extend(p2p_level(reading, groups, peer));
        out.extend(iommu(reading, groups));
        out.extend(shared_memory(reading));
        out.extend(nvls(reading, groups));
        out.extend(cpu_affinity(groups));
    }
    out.extend(network::advice(reading));
    out.extend(gpu::advice(reading, groups));
    out.sort_by_key(|it| it.when);
    out
}

fn p2p_disable(reading: &Reading, groups: &Groups, peer: PeerVerdict) -> Option<Advice> {
    let value = reading.nccl.as_ref()?.setting("NCCL_P2P_DISABLE")?;
    if value == "0" || peer == PeerVerdict::Fails {
        return None;
    }
    let reason = if groups.islands.is_empty() {
        "it sends everything through host memory; keep it only if runs hang without it"
    } else {
        "it leaves NVLink unused and sends everything through host memory"
    };
    Some(Advice::new(Condition::Now, "NCCL_P2P_DISABLE", "unset it", reason))
}

fn p2p_level(reading: &Reading, groups: &Groups, peer: PeerVerdict) -> Option<Advice> {
    let topology = &reading.topology;
    let log = reading.nccl.as_ref();
    if let Some(level) = log.and_then(|it| it.setting("NCCL_P2P_LEVEL")) {
        let hides = level == "LOC" || (level == "NVL" && through_host(topology, Peer::Unknown));
        return hides.then(|| {
            Advice::new(
                Condition::IfNeeded,
                "NCCL_P2P_LEVEL",
                "unset it or raise it to PHB or SYS, and measure",
                "the level that is set keeps pairs on PCIe from peer-to-peer",
            )
        });
    }
    let far = pcie_pairs(topology).any(|(link, peer)| {
        link > Link::Pxb && !is_settled(peer) && link != Link::Pcie { hops: None }
    });
    let staged = topology.through_host.iter().any(|it| *it.2);
    let refused = log.is_some_and(|it| !it.refused.is_empty());
    let nvidia = !is_amd(reading) && !is_geforce(topology);
    let open = (far && !has_large_island(groups)) || staged;
    let worth = open && nvidia && peer != PeerVerdict::Fails && !refused;
    worth.then(|| {
        Advice::new(
            Condition::IfNeeded,
            "NCCL_P2P_LEVEL",
            "try PHB, then SYS, and measure all_reduce_perf with its check of results",
            "by default NCCL goes through host memory beyond PCIe switches (PXB), older versions beyond \
             the host bridge; if it hangs or counts errors, unset it",
        )
    })
}

/// Nothing to gain: it is refused, or NCCL uses it.
fn is_settled(peer: Peer) -> bool {
    matches!(peer, Peer::Fails(_) | Peer::Works(Evidence::NcclChannel))
}

/// With fast links between more than two GPUs, `PCIe` between them hardly counts.
fn has_large_island(groups: &Groups) -> bool {
    groups.islands.iter().any(|it| it.gpus.len() > 2)
}

/// True where data goes through host memory between GPUs whose peer access is `peer` or works.
fn through_host(topology: &Topology, peer: Peer) -> bool {
    topology.through_host.iter().any(|(a, b, &it)| {
        let known = topology.peers.get(a, b).copied();
        it && (known == Some(peer) || matches!(known, Some(Peer::Works(_))))
    })
}

/// Translation of addresses sends peer traffic up to the CPU, or nowhere.
fn iommu(reading: &Reading, groups: &Groups) -> Option<Advice> {
    let topology = &reading.topology;
    let warned = warns(reading.nccl.as_ref(), "iommu=pt");
    let open = pcie_pairs(topology).any(|it| it.1 == Peer::Unknown) && !has_large_island(groups);
    let refused = topology.peers.iter().any(|it| {
        // What the GPU itself does not support no setting of the host changes.
        matches!(it.2, Peer::Fails(why) if *why != Refusal::Gpu)
    });
    if is_virtual(reading) {
        return refused.then(|| {
            Advice::new(
                Condition::IfNeeded,
                "virtual machine",
                "ask the provider for peer-to-peer between passed-through GPUs",
                "translation of addresses cannot be switched off from inside",
            )
        });
    }
    if is_geforce(topology) && !warned {
        return None;
    }
    let when = if warned { Condition::Now } else { Condition::IfNeeded };
    (open || refused || warned).then(|| {
        Advice::new(
            when,
            "IOMMU and ACS (bare metal)",
            "kernel option iommu=pt or VT-d/AMD-Vi off, and ACS off on the PCIe bridges; `lspci -vvv | grep \
             ACSCtl` then shows SrcValid- everywhere",
            "with them peer-to-peer is refused, slow, or hangs; never inside a virtual machine",
        )
    })
}

fn shared_memory(reading: &Reading) -> Option<Advice> {
    let log = reading.nccl.as_ref();
    let full = warns(log, "No space left on device") || warns(log, "shared memory segment");
    let used = reading.topology.through_host.iter().any(|it| *it.2);
    let fails = reading.topology.peers.iter().any(|it| matches!(it.2, Peer::Fails(_)));
    let when = if full { Condition::Now } else { Condition::IfNeeded };
    (full || used || fails).then(|| {
        Advice::new(
            when,
            "--shm-size (containers)",
            "1g and more, or --ipc=host; in Kubernetes an emptyDir of medium Memory at /dev/shm",
            "the way through host memory needs room in /dev/shm, of which a container has 64 MiB",
        )
    })
}

fn nvls(reading: &Reading, groups: &Groups) -> Option<Advice> {
    let log = reading.nccl.as_ref()?;
    let switched = groups.islands.iter().any(|it| it.fabric == FabricClass::NvSwitch);
    if log.setting("NCCL_NVLS_ENABLE") == Some("0") && switched {
        return Some(Advice::new(
            Condition::IfNeeded,
            "NCCL_NVLS_ENABLE",
            "unset it and measure",
            "switches of Hopper and later add on the way (NVLS), which shortens an all-reduce",
        ));
    }
    warns(Some(log), "NVLS").then(|| {
        Advice::new(
            Condition::IfNeeded,
            "NVLS",
            "start the fabric manager of the driver's version, or set NCCL_NVLS_ENABLE=0 until then",
            "NCCL warns that it could not use the switches for adding",
        )
    })
}

fn cpu_affinity(groups: &Groups) -> Option<Advice> {
    let single = |it: &str| it.parse::<u32>().is_ok();
    if groups.sockets.len() < 2 || !groups.sockets.iter().all(|it| single(&it.numa)) {
        return None;
    }
    let node = |it: &super::groups::Socket| format!("node {} for {}", it.numa, gpus(&it.gpus));
    let nodes = groups.sockets.iter().map(node).collect::<Vec<_>>().join(", ");
    Some(Advice::new(
        Condition::IfNeeded,
        "numactl --cpunodebind --membind",
        &nodes,
        "a process on the far socket copies its data over the link between the sockets",
    ))
}

/// True where NCCL warns of something with these words.
fn warns(log: Option<&NcclFacts>, words: &str) -> bool {
    log.is_some_and(|it| it.warnings.iter().any(|it| it.contains(words)))
}

#[cfg(test)]
mod tests {
    use super::super::super::read::read;
    use super::super::judge;

    #[test]
    fn what_a_text_asks_for() {
        let check = |text: &str, expected: &[&str]| {
            let verdict = judge(&read(text).unwrap());
            let found: Vec<&str> = verdict.advice.iter().map(|it| it.setting.as_str()).collect();
            assert_eq!(found, expected, "{text}");
        };
        let nvlink = "GPU0 GPU1\nGPU0 X NV12\nGPU1 NV12 X\n";
        let phb = "GPU0 GPU1\nGPU0 X PHB\nGPU1 PHB X\n";
        let set = |name: &str| format!("a:1:1 [0] NCCL INFO {name}\n");
        let disabled = set("NCCL_P2P_DISABLE set by environment to 1");
        let shm = set("Channel 00 : 0[0] -> 1[1] via SHM/direct/direct");
        let p2p = set("Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM");
        let socket = set("Channel 00/0 : 0[0] -> 2[0] [send] via NET/Socket/0");
        let level = set("NCCL_P2P_LEVEL set by environment to LOC");
        let iommu = "a:1:1 [0] init.cc:1 NCCL WARN Missing \"iommu=pt\" from kernel command line\n";
        let geforce = "GPU 0: NVIDIA GeForce RTX 4090\nGPU 1: NVIDIA GeForce RTX 4090\n";
        let bare = "NCCL_P2P_LEVEL";
        let acs = "IOMMU and ACS (bare metal)";
        let shm_size = "--shm-size (containers)";
        check(nvlink, &[]);
        check(&format!("{nvlink}{disabled}{shm}"), &["NCCL_P2P_DISABLE", bare, shm_size]);
        check(phb, &[bare, acs]);
        check(&format!("{phb}{p2p}"), &[]);
        check(&format!("{phb}{level}{shm}"), &[bare, acs, shm_size]);
        check(&format!("{geforce}{phb}"), &[]);
        check(&format!("{phb}{p2p}{iommu}"), &[acs]);
        check(
            &format!("{nvlink}{p2p}{socket}"),
            &["NCCL_NET, NCCL_IB_DISABLE, NCCL_SOCKET_IFNAME"],
        );
        let b200 = "GPU 0: NVIDIA B200\nGPU 1: NVIDIA B200\n";
        check(&format!("{b200}{phb}"), &["NVLink of GPUs 0-1", bare, acs]);
        check("index, persistence_mode\n0, Disabled\n", &["persistence of GPU 0"]);
    }
}
