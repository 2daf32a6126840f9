//! `nvidia-smi -q`: a tree of `key : value` by indentation, one tree per GPU.

use super::super::text::clip_to;
use super::{GpuFacts, amount, said, switch};

/// Longest name or mode kept, characters.
const MAX_VALUE: usize = 80;

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) gpus: Vec<GpuFacts>,
    /// Versions stand once, above the GPUs.
    driver: Option<String>,
    cuda: Option<String>,
    inside: bool,
    /// Sections the line is in: indentation and name.
    path: Vec<(usize, String)>,
}

impl Query {
    pub(super) fn line(&mut self, line: &str) -> bool {
        let text = line.trim();
        if text.contains("==NVSMI LOG==") {
            *self = Self { gpus: std::mem::take(&mut self.gpus), inside: true, ..Self::default() };
            return true;
        }
        if let Some(bus_id) = text.strip_prefix("GPU ").filter(|it| is_bus_id(it)) {
            self.inside = true;
            self.path.clear();
            self.gpus.push(GpuFacts {
                bus_id: Some(bus_id.to_owned()),
                driver_version: self.driver.clone(),
                cuda_version: self.cuda.clone(),
                ..GpuFacts::default()
            });
            return true;
        }
        if !self.inside || text.is_empty() {
            return false;
        }
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = text.split_once(" : ").or_else(|| text.split_once(": ")) else {
            // A section, unless the output is over.
            self.inside = indent > 0 && text.len() < MAX_VALUE;
            if self.inside {
                self.enter(indent, text);
            }
            return self.inside;
        };
        let is_top =
            matches!(key.trim(), "Timestamp" | "Driver Version" | "CUDA Version" | "Attached GPUs");
        if indent == 0 && !is_top {
            self.inside = false;
            return false;
        }
        self.path.retain(|it| it.0 < indent);
        let section = self.path.last().map_or("", |it| it.1.as_str());
        let in_part = self.path.iter().any(|it| it.1 == "MIG Device");
        match (self.gpus.last_mut(), key.trim()) {
            (_, "Driver Version") => self.driver = value_of(value),
            (_, "CUDA Version") => self.cuda = value_of(value),
            (Some(gpu), key) if !in_part => take(gpu, section, key, value),
            _ => {}
        }
        true
    }

    fn enter(&mut self, indent: usize, name: &str) {
        self.path.retain(|it| it.0 < indent);
        self.path.push((indent, name.to_owned()));
    }
}

/// `00000000:01:00.0`
fn is_bus_id(text: &str) -> bool {
    let shape: String =
        text.chars().map(|it| if it.is_ascii_hexdigit() { 'x' } else { it }).collect();
    shape == "xxxxxxxx:xx:xx.x" || shape == "xxxx:xx:xx.x"
}

fn value_of(value: &str) -> Option<String> {
    said(value).map(|it| clip_to(it, MAX_VALUE))
}

fn take(gpu: &mut GpuFacts, section: &str, key: &str, value: &str) {
    match (section, key) {
        (_, "Product Name") => gpu.name = value_of(value),
        (_, "Persistence Mode") => gpu.persistence = switch(value),
        (_, "Compute Mode") => gpu.compute_mode = value_of(value),
        (_, "Virtualization Mode" | "Virtualization mode") => gpu.virtualization = value_of(value),
        ("MIG Mode", "Current") => gpu.mig_mode = switch(value),
        ("ECC Mode" | "Ecc Mode", "Current") => gpu.ecc = switch(value),
        ("PCIe Generation", "Max") => gpu.pcie.gen_max = amount(value),
        ("PCIe Generation", "Current") => gpu.pcie.gen_current = amount(value),
        ("Link Width", "Max") => gpu.pcie.width_max = amount(value),
        ("Link Width", "Current") => gpu.pcie.width_current = amount(value),
        ("FB Memory Usage", "Total") => gpu.memory.total = amount(value),
        ("FB Memory Usage", "Used") => gpu.memory.used = amount(value),
        ("FB Memory Usage", "Free") => gpu.memory.free = amount(value),
        _ => {}
    }
}
