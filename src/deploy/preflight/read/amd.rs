//! GPUs of AMD, from `amd-smi` and `rocm-smi`.

use crate::deploy::topo::nvidia_smi::GpuFacts;

use super::super::facts::{GpuState, Health, HostFacts, Maker};
use super::super::section::{Section, Sections};
use super::super::text::{amount, clip, pair};
use super::tree::Tree;

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

pub(super) fn read(sections: &Sections, facts: &mut HostFacts) {
    let places = [Section::Outside, Section::AmdSmi, Section::RocmSmi];
    let lines: Vec<&str> = sections.of_any(&places).collect();
    let mut gpus: Vec<(u32, GpuFacts)> = Vec::new();
    let mut driver: Option<String> = None;
    let mut tree = Tree::default();
    let mut now: Option<u32> = None;
    for line in lines {
        if let Some(index) = line.strip_prefix("GPU: ").and_then(|it| it.trim().parse().ok()) {
            tree.reset();
            now = Some(index);
            gpu(&mut gpus, index);
        } else if let Some((index, key, value)) = rocm(line) {
            now = None;
            take_rocm(gpu(&mut gpus, index), key, value);
        } else if let Some(("Driver version", value)) = pair(line) {
            driver = Some(clip(value));
        } else if let Some(("/opt/rocm/.info/version", value)) = pair(line) {
            facts.rocm = Some(clip(value));
        } else if let Some(("/sys/module/amdgpu/version", value)) = pair(line) {
            driver.get_or_insert_with(|| clip(value));
        } else if let Some(("/dev/kfd", value)) = pair(line) {
            facts.kfd = Some(value == "usable");
        } else if let (Some(index), Some(leaf)) = (now, tree.line(line)) {
            take_amd(gpu(&mut gpus, index), leaf.part(), leaf.key, leaf.value);
        }
    }
    gpus.sort_by_key(|it| it.0);
    facts.gpus.extend(gpus.into_iter().map(|(index, mut gpu)| {
        gpu.driver_version = gpu.driver_version.or_else(|| driver.clone());
        let (maker, health) = (Maker::Amd, Health::default());
        GpuState { index, maker, facts: gpu, capability: None, health }
    }));
}

/// The GPU of this number, made when it is new.
fn gpu(gpus: &mut Vec<(u32, GpuFacts)>, index: u32) -> &mut GpuFacts {
    let at = gpus.iter().position(|it| it.0 == index).unwrap_or(gpus.len());
    if at == gpus.len() {
        gpus.push((index, GpuFacts { index: Some(index), ..GpuFacts::default() }));
    }
    &mut gpus[at].1
}

/// `GPU[0]\t\t: VRAM Total Memory (B): 205822885888`
fn rocm(line: &str) -> Option<(u32, &str, &str)> {
    let (index, rest) = line.trim().strip_prefix("GPU[")?.split_once(']')?;
    let (key, value) = pair(rest.trim_start().strip_prefix(':')?)?;
    Some((index.parse().ok()?, key, value))
}

fn take_rocm(gpu: &mut GpuFacts, key: &str, value: &str) {
    match key {
        // "Card series" until ROCm 5, a hexadecimal number in some releases.
        "Card Series" | "Card series" | "Device Name" if !value.starts_with("0x") => {
            gpu.name.get_or_insert_with(|| clip(value));
        }
        "VRAM Total Memory (B)" => gpu.memory.total = amount(value).map(|it| it / MIB),
        "VRAM Total Used Memory (B)" => gpu.memory.used = amount(value).map(|it| it / MIB),
        _ => return,
    }
    if let (Some(total), Some(used)) = (gpu.memory.total, gpu.memory.used) {
        gpu.memory.free = Some(total.saturating_sub(used));
    }
}

/// What `amd-smi` calls MB is 2^20 bytes.
fn take_amd(gpu: &mut GpuFacts, part: &str, key: &str, value: &str) {
    match (part, key) {
        (_, "MARKET_NAME" | "Market Name") if value != "N/A" => {
            gpu.name.get_or_insert_with(|| clip(value));
        }
        ("DRIVER", "VERSION") => gpu.driver_version = Some(clip(value)),
        ("VRAM", "SIZE") | (_, "TOTAL_VRAM") => {
            gpu.memory.total = amount(value).or(gpu.memory.total);
        }
        (_, "USED_VRAM") => gpu.memory.used = amount(value),
        (_, "FREE_VRAM") => gpu.memory.free = amount(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_rocm_smi() {
        let check = |line: &str, expected: Option<(u32, &str, &str)>| {
            assert_eq!(rocm(line), expected, "{line}");
        };
        check(
            "GPU[0]\t\t: Card Series: \t\tAMD Instinct MI210",
            Some((0, "Card Series", "AMD Instinct MI210")),
        );
        check(
            "GPU[1]\t\t: VRAM Total Memory (B): 68702699520",
            Some((1, "VRAM Total Memory (B)", "68702699520")),
        );
        check("GPU[x]\t\t: Card Series: a", None);
        check("GPU 0: NVIDIA L4", None);
    }
}
