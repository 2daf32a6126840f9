//! The GPUs of NVIDIA, their processes and the ways between them.

use crate::deploy::topo::Peer;
use crate::deploy::topo::nvidia_smi;

use super::super::facts::{GpuState, HostFacts, Maker, SmiFailure};
use super::super::section::{Section, Sections, refusal};
use super::super::text::amount;
use super::GPU_SECTIONS;
use super::health;

pub(super) fn read(sections: &Sections, facts: &mut HostFacts) {
    let lines: Vec<&str> = sections.of_any(GPU_SECTIONS).collect();
    let query = health::read(lines.iter().copied());
    let capabilities = capabilities(&lines);
    facts.gpus = nvidia_smi::gpus(&lines.join("\n"))
        .into_iter()
        .enumerate()
        .map(|(at, gpu)| {
            let index = gpu.index.or_else(|| u32::try_from(at).ok()).unwrap_or_default();
            // The list and the tables go without addresses; `-q` lists in the order of numbers.
            let extra = query
                .gpus
                .iter()
                .find(|it| gpu.bus_id.as_deref() == Some(it.bus_id.as_str()))
                .or_else(|| query.gpus.get(at));
            let asked = capabilities.iter().find(|it| it.0 == index).map(|it| (it.1, it.1));
            GpuState {
                index,
                maker: Maker::Nvidia,
                capability: asked.or_else(|| extra.and_then(|it| it.capability)),
                health: extra.map(|it| it.health.clone()).unwrap_or_default(),
                facts: gpu,
            }
        })
        .filter(|it| it.facts.name.as_deref().is_none_or(|it| !it.contains("AMD")))
        .collect();
    facts.attached_gpus = query.attached;
    facts.smi_failure = lines.iter().find_map(|it| failure(it));
    facts.holders = processes(sections).or(query.holders);
    if facts.holders.is_none() {
        facts.holders = board(&lines);
    }
    facts.peers = peers(sections);
    for gpu in &mut facts.gpus {
        gpu.health.unreadable |= lines.iter().any(|it| is_broken_row(it, gpu.index));
    }
}

/// What stands instead of an output.
fn failure(line: &str) -> Option<SmiFailure> {
    if let Some((tool, reason)) = refusal(line) {
        return (tool == "nvidia-smi" && reason.starts_with("no answer"))
            .then_some(SmiFailure::Hangs);
    }
    let has = |words: &str| line.contains(words);
    Some(if has("Driver/library version mismatch") {
        SmiFailure::Mismatch
    } else if has("couldn't communicate with the NVIDIA driver") {
        SmiFailure::NoDriver
    } else if has("No devices were found") {
        SmiFailure::NoDevices
    } else if has("Unable to determine the device handle") || has("GPU is lost") {
        SmiFailure::GpuLost
    } else if has("Failed to initialize NVML") {
        SmiFailure::Other
    } else {
        return None;
    })
}

/// Number and capability, from `--query-gpu=index,...,compute_cap,...`.
fn capabilities(lines: &[&str]) -> Vec<(u32, u32)> {
    let mut columns: Option<(usize, usize)> = None;
    let mut out = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let at = |name: &str| cells.iter().position(|it| *it == name);
        if let (Some(index), Some(capability)) = (at("index"), at("compute_cap")) {
            columns = Some((index, capability));
        } else if let Some((index, capability)) = columns {
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            match (cell(index).parse(), capability_of(cell(capability))) {
                (Ok(index), Some(capability)) => out.push((index, capability)),
                _ => columns = None,
            }
        }
    }
    out
}

/// 89 of `8.9`, 120 of `12.0`.
fn capability_of(text: &str) -> Option<u32> {
    let (major, minor) = text.split_once('.')?;
    let minor: u32 = minor.parse().ok().filter(|it| *it < 10)?;
    major.parse::<u32>().ok().filter(|it| *it < 100)?.checked_mul(10)?.checked_add(minor)
}

/// The memory of processes, from `--query-compute-apps=gpu_bus_id,used_memory`.
fn processes(sections: &Sections) -> Option<Vec<Option<u64>>> {
    let mut lines = sections.lines(Section::SmiProcesses);
    lines.find(|it| it.contains("used_gpu_memory") && it.contains(','))?;
    Some(
        lines
            .filter_map(|it| it.rsplit_once(','))
            .filter(|it| it.0.contains(':'))
            .map(|it| amount(it.1))
            .collect(),
    )
}

/// The processes in the table of bare `nvidia-smi`: `|  0  N/A  N/A  4242  C  python3  5303MiB |`.
fn board(lines: &[&str]) -> Option<Vec<Option<u64>>> {
    let start = lines.iter().position(|it| it.starts_with("| Processes:"))?;
    let mut out = Vec::new();
    for line in lines.iter().skip(start) {
        let words: Vec<&str> = line.trim().trim_matches('|').split_whitespace().collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else { continue };
        let is_type = |it: &&str| matches!(*it, "C" | "G" | "C+G");
        if words.len() > 4 && amount(first).is_some() && words.iter().any(is_type) {
            out.push(amount(last));
        }
    }
    Some(out)
}

/// A row of the table with ERR! in it: `|  3  ERR!   On | 00000000:41:00.0 Off | ERR! |`; or one of
/// `--query-gpu=index,...`: `3, [Unknown Error], [GPU is lost]`.
fn is_broken_row(line: &str, index: u32) -> bool {
    if line.contains("[Unknown Error]") || line.contains("[GPU is lost]") {
        return line.split(',').next().and_then(|it| it.trim().parse().ok()) == Some(index);
    }
    let mut words = line.trim().trim_start_matches('|').split_whitespace();
    let first = words.next().and_then(|it| it.parse::<u32>().ok());
    first == Some(index) && line.trim_start().starts_with('|') && line.contains("ERR!")
}

/// Pairs the driver refuses peer access to, and all pairs it answers for.
fn peers(sections: &Sections) -> Option<(usize, usize)> {
    let lines: Vec<&str> = sections.of_any(&[Section::Outside, Section::SmiTopo]).collect();
    let reading = crate::deploy::topo::read(&lines.join("\n")).ok()?;
    if !reading.has(crate::deploy::topo::Source::SmiPeerMatrix) {
        return None;
    }
    let peers = || reading.topology.peers.iter().map(|it| it.2);
    let refused = peers().filter(|it| matches!(it, Peer::Fails(_))).count();
    let works = peers().filter(|it| matches!(it, Peer::Works(_))).count();
    (refused + works > 0).then_some((refused, refused + works))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures() {
        let check = |line: &str, expected| assert_eq!(failure(line), expected, "{line}");
        check(
            "Failed to initialize NVML: Driver/library version mismatch",
            Some(SmiFailure::Mismatch),
        );
        check("Failed to initialize NVML: Unknown Error", Some(SmiFailure::Other));
        check("No devices were found", Some(SmiFailure::NoDevices));
        check(
            "Unable to determine the device handle for GPU0000:65:00.0: Unknown Error",
            Some(SmiFailure::GpuLost),
        );
        check("-- nvidia-smi: no answer in 30 s", Some(SmiFailure::Hangs));
        check("-- nvidia-smi: not found", None);
        check("Driver Version : 550.54.14", None);
    }

    #[test]
    fn capabilities_of_csv() {
        let lines = ["index, compute_cap", "0, 8.9", "1, 12.0", "2, [N/A]", "3, 9.0"];
        assert_eq!(capabilities(&lines), [(0, 89), (1, 120)]);
        assert_eq!(capability_of("9"), None);
    }

    #[test]
    fn processes_of_the_table() {
        let table = [
            "| Processes:                                                    |",
            "|  GPU   GI   CI        PID   Type   Process name   GPU Memory  |",
            "|    0   N/A  N/A      4242      C   python3           5303MiB  |",
            "|    1   N/A  N/A      4243      G   Xorg                  N/A  |",
            "|  No running processes found                                   |",
        ];
        assert_eq!(board(&table), Some(vec![Some(5303), None]));
        assert_eq!(board(&table[..2]), Some(vec![]));
        assert_eq!(board(&table[2..]), None);
        assert!(is_broken_row("|   3  ERR!            On  | 00000000:41:00.0 Off |  ERR! |", 3));
        assert!(is_broken_row("3, [Unknown Error], [GPU is lost]", 3));
        assert!(!is_broken_row("|   3  NVIDIA L4       On  | 00000000:41:00.0 Off |   0 |", 3));
    }
}
