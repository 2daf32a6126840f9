//! The GPUs of one host out of a log, and what its channels say about each two.

use super::super::model::{Evidence, Gpu, Peer, Refusal, Topology};
use super::{Channel, Endpoint, NcclFacts, Place, Side, Transport};

/// A number in brackets above this is a PCI address.
const MOST_DEVICES: u32 = 256;

/// The lines of one host.
struct View<'a> {
    facts: &'a NcclFacts,
    /// None for lines that name no host.
    host: Option<usize>,
    /// PCI addresses in the order of the devices, where the lines name GPUs by them.
    buses: Vec<&'a str>,
}

impl NcclFacts {
    /// The host with most GPUs in the log, as a topology; none where the log names no GPU or mixes
    /// nodes without their names.
    pub(crate) fn topology(&self) -> Option<Topology> {
        let view = View::of(self)?;
        let gpu = |(index, bus_id): (u32, Option<String>)| {
            let mut gpu = Gpu { index, ..Gpu::default() };
            gpu.facts.bus_id = bus_id;
            gpu
        };
        let mut topology = Topology::unconnected(view.devices()?.into_iter().map(gpu).collect());
        for it in self.paths.iter().filter(|it| it.host == view.host) {
            if let (Some(a), Some(b)) = (view.bus(&it.from), view.bus(&it.to)) {
                topology.links.set(a, b, it.link);
            }
        }
        (!topology.gpus.is_empty()).then_some(topology)
    }

    /// Adds to a topology, from this log or another output, how NCCL moved data between its GPUs.
    pub(crate) fn add_channels_to(&self, topology: &mut Topology) {
        let Some(view) = View::of(self) else { return };
        for it in view.channels() {
            let position = |end| topology.position(view.index(end)?);
            let (Some(a), Some(b)) = (position(&it.from), position(&it.to)) else { continue };
            let known = topology.peers.get(a, b).copied();
            match &it.transport {
                Transport::PeerToPeer { way } if !way.starts_with("MNNVL") => {
                    if matches!(known, Some(Peer::Unknown | Peer::Works(Evidence::FastLink))) {
                        topology.peers.set(a, b, Peer::Works(Evidence::NcclChannel));
                    }
                }
                Transport::SharedMemory => topology.through_host.set(a, b, true),
                _ => {}
            }
        }
        for &(a, b) in &self.refused {
            let (Some(a), Some(b)) = (topology.position(a), topology.position(b)) else { continue };
            if topology.peers.get(a, b) == Some(&Peer::Unknown) {
                topology.peers.set(a, b, Peer::Fails(Refusal::Nccl));
            }
        }
    }
}

impl<'a> View<'a> {
    /// The host with most ranks; the only one of lines that name none, unless they mix nodes.
    fn of(facts: &'a NcclFacts) -> Option<Self> {
        let view = |host| Self { facts, host, buses: Vec::new() };
        let mut best = if facts.hosts == 0 {
            let network = |it: &Channel| matches!(it.transport, Transport::Network { .. });
            (!facts.channels.iter().any(network)).then(|| view(None))?
        } else {
            let size = |it: &usize| (view(Some(*it)).ranks(), std::cmp::Reverse(*it));
            view((0..facts.hosts).max_by_key(size))
        };
        best.buses = best.addresses();
        best.buses.sort_by_key(|it| (u64::from_str_radix(it, 16).ok(), *it));
        best.buses.dedup();
        Some(best)
    }

    /// PCI addresses of the table of ways; without it those of channels, where no line gives the
    /// number of a GPU: each process may see one GPU alone, as number 0.
    fn addresses(&self) -> Vec<&'a str> {
        let here = self.facts.paths.iter().filter(|it| it.host == self.host);
        let ways: Vec<&str> = here.flat_map(|it| [it.from.as_str(), it.to.as_str()]).collect();
        if !ways.is_empty() || self.places().any(|it| it.nvml_dev.is_some()) {
            return ways;
        }
        let devices = self.local_ends().filter_map(|it| it.device.as_deref());
        let ends: Vec<&str> = devices.filter(|it| device_number(it).is_none()).collect();
        if ends.is_empty() {
            return ends;
        }
        ends.into_iter().chain(self.places().filter_map(|it| it.bus_id.as_deref())).collect()
    }

    fn ranks(&self) -> usize {
        let mut ranks: Vec<u32> = self.local_ends().map(|it| it.rank).collect();
        ranks.extend(self.places().map(|it| it.rank));
        ranks.sort_unstable();
        ranks.dedup();
        ranks.len()
    }

    fn places(&self) -> impl Iterator<Item = &'a Place> {
        let host = self.host;
        self.facts.places.iter().filter(move |it| it.host == host)
    }

    fn channels(&self) -> impl Iterator<Item = &'a Channel> {
        let host = self.host;
        self.facts.channels.iter().filter(move |it| it.host == host)
    }

    /// The ends of channels that are on the host which wrote the line.
    fn local_ends(&self) -> impl Iterator<Item = &'a Endpoint> {
        self.channels().flat_map(|it| match (&it.transport, it.side) {
            (Transport::Network { .. }, Some(Side::Send)) => vec![&it.from],
            (Transport::Network { .. }, Some(Side::Receive)) => vec![&it.to],
            (Transport::Network { .. }, None) => Vec::new(),
            _ => vec![&it.from, &it.to],
        })
    }

    /// Numbers and PCI addresses of the GPUs, by number.
    fn devices(&self) -> Option<Vec<(u32, Option<String>)>> {
        let mut devices: Vec<(u32, Option<String>)> = Vec::new();
        let mut see =
            |index: u32, bus: Option<&str>| match devices.iter_mut().find(|it| it.0 == index) {
                Some(known) => known.1 = known.1.take().or(bus.map(str::to_owned)),
                None => devices.push((index, bus.map(str::to_owned))),
            };
        for (at, bus) in self.buses.iter().enumerate() {
            see(u32::try_from(at).ok()?, Some(bus));
        }
        if self.buses.is_empty() {
            for it in self.places() {
                see(it.nvml_dev.unwrap_or(it.cuda_dev), it.bus_id.as_deref());
            }
        }
        for index in self.local_ends().filter_map(|it| self.index(it)) {
            see(index, None);
        }
        for &(a, b) in &self.facts.refused {
            see(a, None);
            see(b, None);
        }
        devices.sort_by_key(|it| it.0);
        Some(devices)
    }

    fn bus(&self, address: &str) -> Option<usize> {
        self.buses.iter().position(|&it| it == address)
    }

    /// The number of the GPU at an end of a channel.
    fn index(&self, end: &Endpoint) -> Option<u32> {
        let device = end.device.as_deref();
        if let Some(at) = device.and_then(|it| self.bus(it)) {
            return u32::try_from(at).ok();
        }
        if let Some(it) = self.places().find(|it| it.rank == end.rank) {
            return Some(it.nvml_dev.unwrap_or(it.cuda_dev));
        }
        let number = device.and_then(device_number);
        // A PCI address without a line that says whose it is: on one node ranks count the GPUs.
        number.or_else(|| (!self.facts.is_multi_node()).then_some(end.rank))
    }
}

/// The number of a GPU in brackets; none for a PCI address.
fn device_number(device: &str) -> Option<u32> {
    device.parse().ok().filter(|&it| it < MOST_DEVICES)
}
