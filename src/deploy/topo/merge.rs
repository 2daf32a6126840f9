//! Puts the outputs of one host together.

use super::amd::AmdTables;
use super::error::TopoError;
use super::model::{Evidence, Gpu, Link, Peer, Topology};
use super::nccl::NcclFacts;
use super::nvidia_smi::{GpuFacts, Known};
use super::pairs::Pairs;
use super::read::{Note, Reading, Section};
use super::text::{clip, number};

/// One matrix of `topo -p2p`.
#[derive(Clone, Debug)]
pub(crate) struct PeerMatrix {
    /// Numbers of its GPUs.
    pub gpus: Vec<u32>,
    /// Status of each two.
    pub peers: Pairs<Peer>,
    /// Line of its header.
    pub line: usize,
}

/// The outputs read so far.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    links: Option<(Topology, usize)>,
    peers: Option<PeerMatrix>,
    pub(crate) amd: AmdTables,
    /// Label and name of network cards.
    nic_names: Vec<(String, String)>,
}

impl Parts {
    /// Takes a matrix of links in; the same one twice is a slip of the hand.
    pub(crate) fn add_links(&mut self, topology: Topology, line: usize) -> Result<(), TopoError> {
        match &self.links {
            Some((first, _)) if first.links == topology.links => Ok(()),
            Some((first, first_line)) => {
                Err(mixed(&nvidia(&first.gpus), *first_line, &nvidia(&topology.gpus), line))
            }
            None => {
                self.links = Some((topology, line));
                Ok(())
            }
        }
    }

    /// Takes a matrix of peer access in; of reading and writing the worse counts.
    pub(crate) fn add_peers(&mut self, matrix: PeerMatrix) -> Result<(), TopoError> {
        let Some(first) = &mut self.peers else {
            self.peers = Some(matrix);
            return Ok(());
        };
        if first.gpus != matrix.gpus {
            let gpus = |it: usize| format!("peer access of {it} GPUs");
            let (one, other) = (gpus(first.gpus.len()), gpus(matrix.gpus.len()));
            return Err(mixed(&one, first.line, &other, matrix.line));
        }
        for (a, b, &peer) in matrix.peers.iter() {
            if first.peers.get(a, b).is_some_and(|it| matches!(it, Peer::Works(_))) {
                first.peers.set(a, b, peer);
            }
        }
        Ok(())
    }

    /// Takes a line such as `NIC0: mlx5_0` in; false for another line.
    pub(crate) fn add_nic_name(&mut self, line: &str) -> bool {
        let Some((label, name)) = line.trim().split_once(": ") else { return false };
        let is_label = label.strip_prefix("NIC").and_then(number).is_some_and(|it| it.1.is_empty());
        if is_label {
            self.nic_names.push((label.to_owned(), clip(name)));
        }
        is_label
    }

    /// The reading of all parts.
    pub(crate) fn finish(
        mut self,
        facts: Known,
        log: NcclFacts,
        sections: Vec<Section>,
        lines: usize,
    ) -> Result<Reading, TopoError> {
        if let Some((gpu, first, second)) = facts.conflict {
            let (first, second) = (clip(&first), clip(&second));
            return Err(TopoError::MixedNames { gpu, first, second });
        }
        let facts = facts.gpus;
        let nccl = (log.lines > 0).then_some(log);
        let mut notes = Vec::new();
        let from_log = nccl.as_ref().and_then(NcclFacts::topology);
        let is_from_log = from_log.is_some();
        let known = self.matrix()?;
        let has_matrix = known.is_some();
        let mut topology = match known.or(from_log) {
            Some(it) => it,
            None if !facts.is_empty() => listed(&facts),
            None => match &nccl {
                Some(log) if log.is_silent() => {
                    return Err(TopoError::LogWithoutChannels { lines: log.lines });
                }
                Some(_) => Topology::unconnected(Vec::new()),
                None => return Err(TopoError::NothingRecognised { lines }),
            },
        };
        self.name_nics(&mut topology);
        if has_matrix && topology.nics.iter().any(|it| it.links.contains(&Link::Unknown)) {
            notes.push(Note::NicCellsMissing);
        }
        let others = add_facts(&mut topology, facts);
        if others > 0 {
            notes.push(Note::FactsOfOtherGpus { gpus: others });
        }
        if let Some(log) = &nccl {
            log.add_channels_to(&mut topology);
            if log.is_silent() {
                notes.push(Note::LogWithoutChannels);
            }
            if is_from_log && !has_matrix && log.is_multi_node() {
                notes.push(Note::OneNodeOfSeveral);
            }
        }
        fast_links_work(&mut topology);
        Ok(Reading { sections, topology, nccl, notes })
    }

    /// The topology of the matrices, where there is any.
    fn matrix(&mut self) -> Result<Option<Topology>, TopoError> {
        let amd = self.amd.topology();
        if let (Some((first, line)), Some((labels, amd_line))) = (&self.links, &self.amd.gpus) {
            let amd = format!("{} GPUs of AMD", labels.len());
            return Err(mixed(&nvidia(&first.gpus), *line, &amd, *amd_line));
        }
        let links = self.links.take();
        let Some(matrix) = self.peers.take() else {
            return Ok(links.map(|it| it.0).or(amd));
        };
        let gpu = |&index: &u32| Gpu { index, ..Gpu::default() };
        let (mut topology, line) = links.unwrap_or_else(|| {
            (Topology::unconnected(matrix.gpus.iter().map(gpu).collect()), matrix.line)
        });
        let positions: Vec<Option<usize>> =
            matrix.gpus.iter().map(|&it| topology.position(it)).collect();
        if positions.contains(&None) {
            let other = format!("peer access of {} GPUs", matrix.gpus.len());
            return Err(mixed(&nvidia(&topology.gpus), line, &other, matrix.line));
        }
        for (a, b, &peer) in matrix.peers.iter() {
            if let (Some(a), Some(b)) = (positions[a], positions[b]) {
                topology.peers.set(a, b, peer);
            }
        }
        Ok(Some(topology))
    }

    fn name_nics(&self, topology: &mut Topology) {
        for nic in &mut topology.nics {
            let name = self.nic_names.iter().find(|it| it.0 == nic.label);
            nic.name = name.map(|it| it.1.clone());
        }
    }
}

impl NcclFacts {
    /// True where no line says how GPUs talk.
    fn is_silent(&self) -> bool {
        self.channels.is_empty()
            && self.paths.is_empty()
            && self.places.is_empty()
            && self.rings.is_empty()
            && self.refused.is_empty()
    }
}

fn mixed(first: &str, first_line: usize, second: &str, second_line: usize) -> TopoError {
    let (first, second) = (first.to_owned(), second.to_owned());
    TopoError::MixedHosts { first, first_line, second, second_line }
}

fn nvidia(gpus: &[Gpu]) -> String {
    format!("{} GPUs of NVIDIA", gpus.len())
}

/// GPUs of which only facts are known.
fn listed(facts: &[GpuFacts]) -> Topology {
    let gpu = |it: &GpuFacts| Some(Gpu { index: it.index?, ..Gpu::default() });
    Topology::unconnected(facts.iter().filter_map(gpu).collect())
}

/// Gives each GPU its facts; the answer is how many facts are of other GPUs.
fn add_facts(topology: &mut Topology, facts: Vec<GpuFacts>) -> usize {
    let mut others = 0;
    for it in facts {
        match topology.gpus.iter_mut().find(|gpu| Some(gpu.index) == it.index) {
            Some(gpu) => gpu.facts.fill_from(it),
            None => others += 1,
        }
    }
    others
}

/// `NVLink` and Infinity Fabric carry peer access unless the driver said no. Between MIG devices there
/// is none, so where GPUs are split nothing is assumed.
fn fast_links_work(topology: &mut Topology) {
    let fast: Vec<(usize, usize)> =
        topology.links.iter().filter(|it| it.2.is_fast()).map(|it| (it.0, it.1)).collect();
    for (a, b) in fast {
        let is_split = |at: usize| topology.gpus[at].facts.mig_mode == Some(true);
        if topology.peers.get(a, b) == Some(&Peer::Unknown) && !is_split(a) && !is_split(b) {
            topology.peers.set(a, b, Peer::Works(Evidence::FastLink));
        }
    }
}
