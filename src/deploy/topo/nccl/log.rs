//! Reads a log line by line.

use std::collections::BTreeSet;

use super::super::text::{between, clip, clip_to, number};
use super::line::{Level, Line, split};
use super::{NcclFacts, Path, Place, channel, graph};

/// Most different warnings kept.
const MOST_WARNINGS: usize = 20;
/// Longest warning kept, characters.
const LONGEST_WARNING: usize = 160;

/// The state between two lines.
#[derive(Debug, Default)]
pub(crate) struct Log {
    facts: NcclFacts,
    hosts: Vec<String>,
    refused: BTreeSet<(u32, u32)>,
    /// Ways known; every process prints the same table.
    ways: BTreeSet<(Option<usize>, String, String)>,
}

impl Log {
    /// Takes a clean line in; false for one NCCL did not write.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        let Some(line) = split(line) else { return false };
        self.facts.lines += 1;
        match line.level {
            Level::Version => self.version(line.text),
            Level::Warn => self.warning(line.text),
            Level::Info => self.info(line),
        }
        true
    }

    /// What all lines said.
    pub(crate) fn finish(mut self) -> NcclFacts {
        self.facts.hosts = self.hosts.len();
        self.facts.refused = self.refused.into_iter().collect();
        self.facts.places.sort_by_key(|it| it.rank);
        self.facts
    }

    fn version(&mut self, text: &str) {
        self.facts.version = text.split_whitespace().next().map(clip);
    }

    fn warning(&mut self, text: &str) {
        let text = clip_to(text, LONGEST_WARNING);
        let known = self.facts.warnings.contains(&text);
        if !known && self.facts.warnings.len() < MOST_WARNINGS {
            self.facts.warnings.push(text);
        }
    }

    fn host(&mut self, name: Option<&str>) -> Option<usize> {
        let name = name?;
        let known = self.hosts.iter().position(|it| it == name);
        Some(known.unwrap_or_else(|| {
            self.hosts.push(name.to_owned());
            self.hosts.len() - 1
        }))
    }

    fn info(&mut self, line: Line<'_>) {
        let host = self.host(line.host);
        let text = line.text;
        if let Some(it) = text.strip_prefix("NCCL version ") {
            self.version(it);
        } else if let Some(it) = text.strip_prefix("RCCL version") {
            self.facts.is_rccl = true;
            self.version(it.trim_start_matches([' ', ':']));
        } else if let Some(it) = channel::read(text, host) {
            // Only RCCL ends the line with the communicator.
            self.facts.is_rccl |= text.contains(" comm 0x");
            self.facts.channels.push(it);
        } else if let Some((channel, ranks)) = graph::ring(text) {
            self.facts.rings.insert(channel, ranks);
        } else if let Some(it) = graph::paths(text, host) {
            let ways = &mut self.ways;
            let is_new = |it: &Path| ways.insert((it.host, it.from.clone(), it.to.clone()));
            self.facts.paths.extend(it.into_iter().filter(is_new));
        } else if text.starts_with("Trees ") {
            self.facts.trees.extend(graph::trees(text));
        } else if let Some((name, value)) = text.split_once(" set by environment to ") {
            self.setting(name, value);
        } else if let Some(pair) = refused(text) {
            self.refused.insert(pair);
        } else if let Some((gpu, cpus)) = affinity(text) {
            self.facts.affinity.insert(gpu, cpus);
        } else if text.starts_with("NVLS multicast support is ") {
            self.facts.nvls = Some(!text.contains(" is not "));
        } else {
            self.communicator(text, host);
        }
    }

    fn setting(&mut self, name: &str, value: &str) {
        let is_name = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
        if name.chars().all(is_name) {
            let value = clip(value.trim().trim_end_matches('.'));
            self.facts.settings.insert(clip(name), value);
        }
    }

    /// `comm 0x.. rank 1 nranks 2 cudaDev 1 nvmlDev 1 busId 9000`, `... nRanks 2 nNodes 2 ...`
    fn communicator(&mut self, text: &str, host: Option<usize>) {
        let field = |name: &str| between(text, name, " ").map(|it| it.trim_end_matches(','));
        let count = |name: &str| field(name).and_then(number).map(|it| it.0);
        let ranks = count(" nranks ").or_else(|| count(" nRanks "));
        self.facts.ranks = self.facts.ranks.max(ranks);
        self.facts.nodes = self.facts.nodes.max(count(" nNodes "));
        let (Some(rank), Some(cuda_dev)) = (count(" rank "), count(" cudaDev ")) else { return };
        let place = Place {
            rank,
            cuda_dev,
            nvml_dev: count(" nvmlDev "),
            bus_id: field(" busId ").map(|it| clip(&it.to_ascii_lowercase())),
            host,
        };
        if !self.facts.places.contains(&place) {
            self.facts.places.push(place);
        }
    }
}

/// The two GPUs the driver refused, smaller first.
fn refused(text: &str) -> Option<(u32, u32)> {
    let (a, b) = if let Some(it) = text.strip_prefix("Could not enable P2P between dev ") {
        it.split_once(" and dev ")?
    } else {
        let (_, it) =
            text.strip_prefix("P2P is disabled between ")?.split_once("connected GPUs ")?;
        it.split_once(" and ")?
    };
    let (a, b) = (number(a)?.0, number(b)?.0);
    (a != b).then_some((a.min(b), a.max(b)))
}

/// `Setting affinity for GPU 0 to ffff`, `ncclTopoGetCpuAffinity: Affinity for GPU 0 is 0-31. (`
fn affinity(text: &str) -> Option<(u32, String)> {
    let (_, rest) = text.split_once("ffinity for GPU ")?;
    let (gpu, rest) = number(rest)?;
    let cpus = rest.strip_prefix(" to ").or_else(|| rest.strip_prefix(" is "))?;
    let cpus = cpus.split_once(". (").map_or(cpus, |it| it.0);
    Some((gpu, clip(cpus.trim_end_matches('.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lines_say() {
        let mut log = Log::default();
        let text = "a:1:1 [0] NCCL INFO NCCL_P2P_DISABLE set by environment to 1\n\
            a:1:1 [0] NCCL INFO Could not enable P2P between dev 1(=3d000) and dev 0(=1a000)\n\
            b:1:1 [0] NCCL INFO P2P is disabled between NVLINK connected GPUs 2 and 3. This should\n\
            a:1:1 [0] NCCL INFO Setting affinity for GPU 1 to ffff,0000ffff\n\
            a:1:1 [0] NCCL INFO ncclTopoGetCpuAffinity: Affinity for GPU 0 is 0-31. (GPU affinity = 0-31\n\
            a:1:1 [1] NCCL INFO comm 0x5 rank 1 nranks 4 cudaDev 1 nvmlDev 5 busId 9A000 - Init COMPLETE\n\
            a:1:1 [1] NCCL INFO comm 0x5 rank 1 nRanks 4 nNodes 2 localRanks 2 localRank 1 MNNVL 0\n";
        assert!(text.lines().all(|it| log.line(it)));
        let it = log.finish();
        assert_eq!(it.setting("NCCL_P2P_DISABLE"), Some("1"));
        assert_eq!(it.refused, [(0, 1), (2, 3)]);
        assert_eq!(it.affinity[&1], "ffff,0000ffff");
        assert_eq!(it.affinity[&0], "0-31");
        assert_eq!((it.ranks, it.nodes, it.hosts), (Some(4), Some(2), 2));
        assert_eq!(
            (it.places[0].nvml_dev, it.places[0].bus_id.as_deref()),
            (Some(5), Some("9a000"))
        );
    }
}
