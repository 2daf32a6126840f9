//! What `nvidia-smi` says of each GPU: `-q`, `--query-gpu`, `-L` and the table it prints bare.
//!
//! [`gpus`] reads any of them, or several in one text, whatever else stands around them. What a tool
//! answers with N/A, Not Supported or Insufficient Permissions is `None`. Serial numbers and UUIDs are
//! not kept.

mod board;
mod csv;
mod list;
mod query;

use serde::Serialize;

use super::text::clean;

/// What is known of one GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GpuFacts {
    /// Its number; none where the output does not number them.
    pub index: Option<u32>,
    /// Product name.
    pub name: Option<String>,
    /// PCI address, as printed.
    pub bus_id: Option<String>,
    /// Version of the driver.
    pub driver_version: Option<String>,
    /// Newest CUDA version the driver supports.
    pub cuda_version: Option<String>,
    /// Its memory.
    pub memory: MemoryMib,
    /// True where it is split into MIG devices.
    pub mig_mode: Option<bool>,
    /// The MIG devices listed.
    pub mig_devices: Vec<MigDevice>,
    /// Its slot.
    pub pcie: PcieSlot,
    /// True where its memory is error-corrected.
    pub ecc: Option<bool>,
    /// True where the driver stays loaded without a client.
    pub persistence: Option<bool>,
    /// Who may use it: Default, `Exclusive_Process`, Prohibited.
    pub compute_mode: Option<String>,
    /// None (bare metal), Pass-Through, VGPU and others, as printed.
    pub virtualization: Option<String>,
}

/// Memory of a GPU, MiB as the driver counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemoryMib {
    /// All of it.
    pub total: Option<u64>,
    /// What is free.
    pub free: Option<u64>,
    /// What is taken.
    pub used: Option<u64>,
}

/// `PCIe` generation and lanes. An idle GPU lowers its generation, not its lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PcieSlot {
    /// Generation in use.
    pub gen_current: Option<u32>,
    /// Highest generation of GPU and slot.
    pub gen_max: Option<u32>,
    /// Lanes in use.
    pub width_current: Option<u32>,
    /// Most lanes.
    pub width_max: Option<u32>,
}

/// A part of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigDevice {
    /// Such as `1g.10gb`.
    pub profile: String,
}

impl GpuFacts {
    /// Takes from `other` what is not known here.
    pub fn fill_from(&mut self, other: Self) {
        fn fill<T>(here: &mut Option<T>, there: Option<T>) {
            if here.is_none() {
                *here = there;
            }
        }
        fill(&mut self.index, other.index);
        fill(&mut self.name, other.name);
        fill(&mut self.bus_id, other.bus_id);
        fill(&mut self.driver_version, other.driver_version);
        fill(&mut self.cuda_version, other.cuda_version);
        fill(&mut self.memory.total, other.memory.total);
        fill(&mut self.memory.free, other.memory.free);
        fill(&mut self.memory.used, other.memory.used);
        fill(&mut self.mig_mode, other.mig_mode);
        fill(&mut self.pcie.gen_current, other.pcie.gen_current);
        fill(&mut self.pcie.gen_max, other.pcie.gen_max);
        fill(&mut self.pcie.width_current, other.pcie.width_current);
        fill(&mut self.pcie.width_max, other.pcie.width_max);
        fill(&mut self.ecc, other.ecc);
        fill(&mut self.persistence, other.persistence);
        fill(&mut self.compute_mode, other.compute_mode);
        fill(&mut self.virtualization, other.virtualization);
        if self.mig_devices.is_empty() {
            self.mig_devices = other.mig_devices;
        }
    }

    /// True inside a virtual machine, as far as the driver knows.
    pub fn is_virtual(&self) -> Option<bool> {
        self.virtualization.as_deref().map(|it| it != "None")
    }
}

/// Which output a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Csv,
    List,
    Board,
}

/// Reads the outputs line by line.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    query: query::Query,
    csv: csv::Csv,
    list: list::List,
    board: board::Board,
}

impl Collector {
    /// Takes a clean line in; none for a line of something else.
    pub(crate) fn line(&mut self, line: &str) -> Option<Kind> {
        let taken = [
            (self.query.line(line), Kind::Query),
            (self.csv.line(line), Kind::Csv),
            (self.list.line(line), Kind::List),
            (self.board.line(line), Kind::Board),
        ];
        taken.into_iter().find(|it| it.0).map(|it| it.1)
    }

    /// The GPUs, what several outputs say of one put together. The outputs number them alike;
    /// where one does not number them its order counts.
    pub(crate) fn finish(self) -> Known {
        let mut out: Vec<GpuFacts> = Vec::new();
        let mut conflict = None;
        for source in [self.list.gpus, self.csv.gpus, self.query.gpus, self.board.gpus] {
            for (at, facts) in source.into_iter().enumerate() {
                let index = facts.index.or_else(|| u32::try_from(at).ok());
                match out.iter_mut().find(|it| it.index == index) {
                    Some(known) => {
                        conflict = conflict.or_else(|| conflict_of(known, &facts));
                        known.fill_from(facts);
                    }
                    None => out.push(GpuFacts { index, ..facts }),
                }
            }
        }
        out.sort_by_key(|it| it.index);
        Known { gpus: out, conflict }
    }
}

/// What all outputs say.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) gpus: Vec<GpuFacts>,
    /// Number and two names of a GPU that has two.
    pub(crate) conflict: Option<(u32, String, String)>,
}

fn conflict_of(known: &GpuFacts, other: &GpuFacts) -> Option<(u32, String, String)> {
    let (index, one, two) = (known.index?, known.name.as_ref()?, other.name.as_ref()?);
    // The table clips names ("A100 80G..."), and older drivers leave the maker out.
    let short = |it: &str| it.trim_end_matches('.').trim_start_matches("NVIDIA ").to_owned();
    let (short_one, short_two) = (short(one), short(two));
    let same = short_one.starts_with(&short_two) || short_two.starts_with(&short_one);
    (!same).then(|| (index, one.clone(), two.clone()))
}

/// The GPUs in a text.
pub fn gpus(text: &str) -> Vec<GpuFacts> {
    let mut collector = Collector::default();
    for line in text.lines() {
        collector.line(&clean(line));
    }
    collector.finish().gpus
}

/// A value, or none for the words that stand for no answer.
fn said(value: &str) -> Option<&str> {
    let value = value.trim();
    let silent = value.is_empty()
        || value.trim_matches(['[', ']']) == "N/A"
        || (value.starts_with('[') && value.ends_with(']'))
        || matches!(value, "Insufficient Permissions" | "Not Supported" | "Unknown Error");
    (!silent).then_some(value)
}

/// `Enabled`, `Disabled`, `On`, `Off`.
fn switch(value: &str) -> Option<bool> {
    match said(value)? {
        "Enabled" | "On" | "Active" => Some(true),
        "Disabled" | "Off" | "Not Active" => Some(false),
        _ => None,
    }
}

/// The number before a unit: `23034 MiB`, `16x`, `4`.
fn amount<T: std::str::FromStr>(value: &str) -> Option<T> {
    let value = said(value)?;
    let end = value.find(|it: char| !it.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_no_answer() {
        let check = |value: &str, expected: Option<u64>| assert_eq!(amount(value), expected);
        check("81559 MiB", Some(81_559));
        check("16x", Some(16));
        check("[N/A]", None);
        check("N/A", None);
        check("[Insufficient Permissions]", None);
        check("[Not Supported]", None);
        check("Requested functionality has been deprecated", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn outputs_of_one_host_are_put_together() {
        let text = "GPU 0: NVIDIA L4 (UUID: GPU-0)\nGPU 1: NVIDIA L4 (UUID: GPU-1)\n\
                    index, memory.total [MiB], pcie.link.width.current\n0, 23034 MiB, 8\n1, [N/A], 16\n";
        let gpus = gpus(text);
        assert_eq!(gpus.len(), 2);
        assert_eq!(gpus[0].memory.total, Some(23_034));
        assert_eq!(gpus[1].memory.total, None);
        assert_eq!(
            (gpus[1].name.as_deref(), gpus[1].pcie.width_current),
            (Some("NVIDIA L4"), Some(16))
        );
    }
}
