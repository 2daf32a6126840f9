//! Finds the outputs in a text and reads them in turn.

use std::fmt;

use serde::Serialize;

use super::amd::Title;
use super::error::TopoError;
use super::merge::{Parts, PeerMatrix};
use super::model::Topology;
use super::nccl::{Log, NcclFacts};
use super::nvidia_smi::{Collector, Kind};
use super::smi_matrix::{self, Matrix};
use super::table::Table;
use super::text::clean;

/// Lines between the title of one of AMD's tables and its header.
const TITLE_REACH: usize = 3;

/// An output a text can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Source {
    /// `nvidia-smi topo -m`
    SmiTopoMatrix,
    /// `nvidia-smi topo -p2p`
    SmiPeerMatrix,
    /// `nvidia-smi -q`
    SmiQuery,
    /// `nvidia-smi --query-gpu`
    SmiQueryCsv,
    /// `nvidia-smi -L`
    SmiList,
    /// `nvidia-smi`
    SmiTable,
    /// A log of NCCL or RCCL.
    NcclLog,
    /// `rocm-smi --showtopo`
    RocmTopo,
    /// `amd-smi topology`
    AmdSmiTopo,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SmiTopoMatrix => "nvidia-smi topo -m",
            Self::SmiPeerMatrix => "nvidia-smi topo -p2p",
            Self::SmiQuery => "nvidia-smi -q",
            Self::SmiQueryCsv => "nvidia-smi --query-gpu",
            Self::SmiList => "nvidia-smi -L",
            Self::SmiTable => "nvidia-smi",
            Self::NcclLog => "log of NCCL",
            Self::RocmTopo => "rocm-smi --showtopo",
            Self::AmdSmiTopo => "amd-smi topology",
        })
    }
}

/// Where an output starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Which output.
    pub source: Source,
    /// Its first line, from 1.
    pub line: usize,
}

/// Something about the text the reader of the verdict should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Note {
    /// The right edge of the matrix is lost: some ways to network cards are not known.
    NicCellsMissing,
    /// Facts of GPUs that are not in the matrix were left out.
    FactsOfOtherGpus {
        /// How many GPUs.
        gpus: usize,
    },
    /// A log of NCCL without lines about channels stands beside other outputs.
    LogWithoutChannels,
    /// The log is of several nodes; the topology is of the one with most GPUs in it.
    OneNodeOfSeveral,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NicCellsMissing => f.write_str(
                "the right edge of the matrix is lost, so some network cards are not judged",
            ),
            Self::FactsOfOtherGpus { gpus } => {
                write!(f, "facts of {gpus} GPUs that are not in the matrix were left out")
            }
            Self::LogWithoutChannels => f.write_str(
                "the log of NCCL has no line about channels: run with NCCL_DEBUG=INFO \
                 NCCL_DEBUG_SUBSYS=INIT,GRAPH,ENV,P2P,SHM,NET",
            ),
            Self::OneNodeOfSeveral => {
                f.write_str("the log is of several nodes; this is the one with most GPUs in it")
            }
        }
    }
}

/// Everything a text says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The outputs found, in order.
    pub sections: Vec<Section>,
    /// The GPUs of the host; empty where a log does not say which node a GPU is in.
    pub topology: Topology,
    /// The log of NCCL.
    pub nccl: Option<NcclFacts>,
    /// What to know about the text.
    pub notes: Vec<Note>,
}

impl Reading {
    /// True where the text holds this output.
    pub fn has(&self, source: Source) -> bool {
        self.sections.iter().any(|it| it.source == source)
    }
}

/// Reads every output in the text.
pub fn read(text: &str) -> Result<Reading, TopoError> {
    let lines: Vec<String> = text.lines().map(clean).collect();
    let mut scan = Scan::default();
    let mut at = 0;
    while at < lines.len() {
        at = scan.step(&lines, at)?;
    }
    scan.parts.finish(scan.collector.finish(), scan.log.finish(), scan.sections, lines.len())
}

#[derive(Default)]
struct Scan {
    parts: Parts,
    collector: Collector,
    log: Log,
    sections: Vec<Section>,
    /// Title of the next of AMD's tables: source, title, line.
    title: Option<(Source, Title, usize)>,
    /// False after a command that asks for another capability than reading and writing.
    is_memory_access: Option<bool>,
}

impl Scan {
    /// Reads from `lines[at]`; the answer is the line to go on with.
    fn step(&mut self, lines: &[String], at: usize) -> Result<usize, TopoError> {
        let line = lines[at].as_str();
        let rocm = Title::of_rocm(line).map(|it| (Source::RocmTopo, it, at));
        if let Some(it) =
            rocm.or_else(|| Title::of_amd_smi(line).map(|it| (Source::AmdSmiTopo, it, at)))
        {
            self.title = Some(it);
            return Ok(at + 1);
        }
        if let Some((table, next)) = Table::read(lines, at) {
            self.table(&table)?;
            return Ok(next);
        }
        if let Some(source) = self.line(line) {
            self.section(source, at + 1);
        }
        Ok(at + 1)
    }

    fn table(&mut self, table: &Table) -> Result<(), TopoError> {
        let title =
            self.title.take().filter(|it| table.line.saturating_sub(it.2) <= TITLE_REACH + 1);
        if let Some((source, title, _)) = title {
            self.section(source, table.line);
            return self.parts.amd.add(title, table);
        }
        match smi_matrix::read(table)? {
            Matrix::Links(topology) => {
                self.section(Source::SmiTopoMatrix, table.line);
                self.parts.add_links(topology, table.line)
            }
            Matrix::Peers(gpus, peers) => {
                self.section(Source::SmiPeerMatrix, table.line);
                if self.is_memory_access.take() == Some(false) {
                    return Ok(());
                }
                self.parts.add_peers(PeerMatrix { gpus, peers, line: table.line })
            }
        }
    }

    fn line(&mut self, line: &str) -> Option<Source> {
        if self.log.line(line) {
            return Some(Source::NcclLog);
        }
        if self.parts.amd.add_numa(line) {
            return Some(Source::RocmTopo);
        }
        if let Some((_, option)) = line.split_once("topo -p2p ") {
            // n is NVLink alone, a atomics; r, w and p (PCIe) are about memory.
            let capability = option.trim_start().chars().next();
            self.is_memory_access = Some(!matches!(capability, Some('n' | 'a')));
            return None;
        }
        if self.parts.add_nic_name(line) {
            return None;
        }
        Some(match self.collector.line(line)? {
            Kind::Query => Source::SmiQuery,
            Kind::Csv => Source::SmiQueryCsv,
            Kind::List => Source::SmiList,
            Kind::Board => Source::SmiTable,
        })
    }

    fn section(&mut self, source: Source, line: usize) {
        if self.sections.last().is_none_or(|it| it.source != source) {
            self.sections.push(Section { source, line });
        }
    }
}
