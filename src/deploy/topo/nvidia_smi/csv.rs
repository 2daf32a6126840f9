//! `nvidia-smi --query-gpu=... --format=csv`, with and without header and units.

use super::super::text::clip_to;
use super::{GpuFacts, amount, said, switch};

/// Longest name kept, characters.
const MAX_VALUE: usize = 80;

/// Names of fields a header is known by.
const KNOWN: &[&str] = &[
    "index",
    "name",
    "gpu_name",
    "uuid",
    "gpu_uuid",
    "pci.bus_id",
    "gpu_bus_id",
    "driver_version",
    "memory.total",
    "memory.used",
    "memory.free",
    "mig.mode.current",
    "pcie.link.gen.current",
    "pcie.link.gen.gpucurrent",
    "pcie.link.gen.max",
    "pcie.link.gen.gpumax",
    "pcie.link.width.current",
    "pcie.link.width.max",
    "ecc.mode.current",
    "persistence_mode",
    "compute_mode",
    "compute_cap",
    "timestamp",
    "utilization.gpu",
    "temperature.gpu",
    "power.draw",
];

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Csv {
    pub(super) gpus: Vec<GpuFacts>,
    /// Fields asked for on a command line above.
    asked: Vec<String>,
    /// Fields of the rows that follow.
    fields: Vec<String>,
}

impl Csv {
    pub(super) fn line(&mut self, line: &str) -> bool {
        if let Some((_, rest)) = line.split_once("--query-gpu=") {
            self.asked = fields(rest.split_whitespace().next().unwrap_or_default());
            let headless = rest.contains("noheader");
            self.fields = if headless { self.asked.clone() } else { Vec::new() };
            return true;
        }
        if line.trim().is_empty() {
            return false;
        }
        let found = fields(line);
        let known = found.iter().filter(|it| KNOWN.contains(&it.as_str())).count();
        if (known > 1 && known * 2 > found.len()) || (known > 0 && found == self.asked) {
            self.fields = found;
            return true;
        }
        let values: Vec<&str> = line.split(',').map(str::trim).collect();
        if self.fields.is_empty() || values.len() != self.fields.len() {
            self.fields.clear();
            return false;
        }
        match row(&self.fields, &values) {
            Some(gpu) => self.gpus.push(gpu),
            None => self.fields.clear(),
        }
        !self.fields.is_empty()
    }
}

/// Names of fields without their units.
fn fields(line: &str) -> Vec<String> {
    let name = |it: &str| it.split_once('[').map_or(it, |it| it.0).trim().to_owned();
    line.trim().trim_matches('"').split(',').map(name).collect()
}

/// None where a value is of another kind than its field: the row is no row.
fn row(fields: &[String], values: &[&str]) -> Option<GpuFacts> {
    let mut gpu = GpuFacts::default();
    for (field, &value) in fields.iter().zip(values) {
        let is_number = amount::<u64>(value).is_some();
        let wants_number =
            field == "index" || field.starts_with("memory.") || field.starts_with("pcie.link.");
        if wants_number && said(value).is_some() && !is_number {
            return None;
        }
        let text = || said(value).map(|it| clip_to(it, MAX_VALUE));
        match field.as_str() {
            "index" => gpu.index = amount(value),
            "name" | "gpu_name" => gpu.name = text(),
            "pci.bus_id" | "gpu_bus_id" => gpu.bus_id = text(),
            "driver_version" => gpu.driver_version = text(),
            "memory.total" => gpu.memory.total = amount(value),
            "memory.used" => gpu.memory.used = amount(value),
            "memory.free" => gpu.memory.free = amount(value),
            "mig.mode.current" => gpu.mig_mode = switch(value),
            "pcie.link.gen.current" | "pcie.link.gen.gpucurrent" => {
                gpu.pcie.gen_current = amount(value);
            }
            "pcie.link.gen.max" => gpu.pcie.gen_max = amount(value),
            "pcie.link.width.current" => gpu.pcie.width_current = amount(value),
            "pcie.link.width.max" => gpu.pcie.width_max = amount(value),
            "ecc.mode.current" => gpu.ecc = switch(value),
            "persistence_mode" => gpu.persistence = switch(value),
            "compute_mode" => gpu.compute_mode = text(),
            _ => {}
        }
    }
    Some(gpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<GpuFacts> {
        let mut csv = Csv::default();
        for line in text.lines() {
            csv.line(line);
        }
        csv.gpus
    }

    #[test]
    fn headers_and_rows() {
        let check = |text: &str, gpus: usize| assert_eq!(read(text).len(), gpus, "{text}");
        check("name, memory.total [MiB]\nNVIDIA L4, 23034 MiB\n", 1);
        check("nvidia-smi --query-gpu=name --format=csv,noheader\nNVIDIA L4\nNVIDIA L4\n", 2);
        check("nvidia-smi --query-gpu=name --format=csv\nname\nNVIDIA L4\n", 1);
        check(
            "$ nvidia-smi --query-gpu=index,memory.free --format=csv,noheader,nounits\n0, 12\n",
            1,
        );
        check("index, name\n0, NVIDIA L4\n\nthe end, really\n1, x\n", 1);
        check("name, and, other, words\na, b, c, d\n", 0);
    }
}
