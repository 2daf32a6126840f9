//! Settings of the network between nodes.

use super::super::super::model::{Link, Topology};
use super::super::super::nccl::{NcclFacts, Transport};
use super::super::super::read::Reading;
use super::super::super::text::{gpus, list};
use super::super::connection::is_virtual;
use super::{Advice, Condition};

pub(super) fn advice(reading: &Reading) -> Vec<Advice> {
    let hidden = is_virtual(reading) && !reading.topology.nics.is_empty();
    let near = if hidden { Some(hidden_cards()) } else { cards(&reading.topology) };
    let mut out: Vec<Advice> = near.into_iter().collect();
    if let Some(log) = &reading.nccl {
        out.extend(transport(log));
    }
    out
}

fn hidden_cards() -> Advice {
    Advice::new(
        Condition::IfNeeded,
        "NCCL_TOPO_FILE",
        "the file of the real topology the provider has for this machine type",
        "the virtual machine hides which network card is near to which GPU",
    )
}

/// The cards behind the same `PCIe` switch as a GPU.
fn cards(topology: &Topology) -> Option<Advice> {
    if topology.nics.is_empty() || topology.gpus.is_empty() {
        return None;
    }
    let is_near = |link: Option<&Link>| matches!(link, Some(Link::Pix | Link::Pxb));
    let near: Vec<&str> = topology
        .nics
        .iter()
        .filter(|it| it.links.iter().any(|it| is_near(Some(it))))
        .map(super::super::super::model::Nic::device)
        .collect();
    let far: Vec<u32> = (0..topology.gpus.len())
        .filter(|&gpu| !topology.nics.iter().any(|it| is_near(it.links.get(gpu))))
        .filter_map(|gpu| topology.gpus.get(gpu))
        .map(|it| it.index)
        .collect();
    if near.is_empty() {
        return Some(Advice::new(
            Condition::IfNeeded,
            "NCCL_NET_GDR_LEVEL",
            "for jobs of several nodes try PHB, then SYS, and measure",
            "no network card is behind the same PCIe switch as a GPU, so by default cards do not read GPU \
             memory themselves",
        ));
    }
    let reason = if far.is_empty() {
        "these cards are behind the same PCIe switches as the GPUs; others may be for storage or \
         management"
            .to_owned()
    } else {
        format!(
            "these cards are behind the same PCIe switches as GPUs; {} without one near",
            gpus(&far)
        )
    };
    let change = format!("for jobs of several nodes {}", list(near));
    Some(Advice::new(Condition::IfNeeded, "NCCL_IB_HCA", &change, &reason))
}

fn transport(log: &NcclFacts) -> Option<Advice> {
    let mut direct = 0;
    let mut staged = 0;
    let mut sockets = 0;
    for it in &log.channels {
        if let Transport::Network { plugin, gpu_direct } = &it.transport {
            match gpu_direct {
                true => direct += 1,
                false if plugin == "Socket" => sockets += 1,
                false => staged += 1,
            }
        }
    }
    if sockets > 0 {
        return Some(Advice::new(
            Condition::Now,
            "NCCL_NET, NCCL_IB_DISABLE, NCCL_SOCKET_IFNAME",
            "check why NCCL took TCP: no RDMA card or plugin in the container, or IB disabled",
            "between nodes the log says NET/Socket, which the CPU copies",
        ));
    }
    if direct == 0 && staged > 0 {
        return Some(Advice::new(
            Condition::Now,
            "GPUDirect RDMA",
            "load nvidia-peermem (or use DMA-BUF of the open driver), ACS off, cards near the GPUs; on AWS \
             an instance and plugin that support it",
            "between nodes the log has NET lines without GDRDMA: data is staged in host memory",
        ));
    }
    None
}
