//! Health, power, fabric and processes from `nvidia-smi -q`.

use super::super::facts::{Health, MemorySlice};
use super::super::text::{amount, clip};
use super::tree::{Leaf, Tree};

/// What `nvidia-smi -q` says beyond the plain facts.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) gpus: Vec<Extra>,
    pub(super) attached: Option<u32>,
    /// Memory of each process; none where no part about processes was read.
    pub(super) holders: Option<Vec<Option<u64>>>,
}

/// Beyond the plain facts, of one GPU.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) bus_id: String,
    pub(super) health: Health,
    pub(super) capability: Option<(u32, u32)>,
}

/// Reads the lines of one or more outputs of `nvidia-smi -q`.
pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Query {
    let mut query = Query::default();
    let mut tree = Tree::default();
    let mut inside = false;
    for line in lines {
        let text = line.trim();
        if text.contains("==NVSMI LOG==") {
            inside = true;
            tree.reset();
        } else if let Some(bus_id) = text.strip_prefix("GPU ").filter(|it| is_bus_id(it)) {
            tree.reset();
            inside = true;
            query.gpus.push(Extra { bus_id: bus_id.to_owned(), ..Extra::default() });
        } else if inside && let Some(leaf) = tree.line(line) {
            query.take(&leaf);
        }
    }
    query
}

/// `00000000:01:00.0`
fn is_bus_id(text: &str) -> bool {
    let is_shape = |it: char| it.is_ascii_hexdigit() || it == ':' || it == '.';
    (12..=16).contains(&text.len()) && text.chars().all(is_shape) && text.contains(':')
}

impl Query {
    fn take(&mut self, leaf: &Leaf<'_>) {
        if leaf.key == "Attached GPUs" {
            self.attached = amount(leaf.value).and_then(|it| u32::try_from(it).ok());
        }
        match (leaf.key, leaf.value) {
            ("Processes", "None") => {
                self.holders.get_or_insert_default();
            }
            ("Process ID", _) => self.holders.get_or_insert_default().push(None),
            ("Used GPU Memory", value) => {
                if let Some(last) = self.holders.as_mut().and_then(|it| it.last_mut()) {
                    *last = amount(value);
                }
            }
            _ => {}
        }
        let Some(gpu) = self.gpus.last_mut() else { return };
        if leaf.is_in("MIG Device") {
            slice(&mut gpu.health.slices, leaf);
            return;
        }
        if leaf.key == "Product Architecture" {
            gpu.capability = capability_of(leaf.value);
        }
        gpu.health.take(leaf);
    }
}

/// The compute capabilities of an architecture (CUDA C++ Programming Guide, "Compute Capabilities").
fn capability_of(architecture: &str) -> Option<(u32, u32)> {
    Some(match architecture {
        "Pascal" => (60, 62),
        "Volta" => (70, 72),
        "Turing" => (75, 75),
        "Ampere" => (80, 87),
        "Ada Lovelace" => (89, 89),
        "Hopper" => (90, 90),
        "Blackwell" => (100, 121),
        _ => return None,
    })
}

fn slice(slices: &mut Vec<MemorySlice>, leaf: &Leaf<'_>) {
    match (leaf.part(), leaf.key) {
        ("MIG Device", "Index") => slices.push(MemorySlice::default()),
        ("FB Memory Usage", "Total") => {
            if let Some(last) = slices.last_mut() {
                last.total_mib = amount(leaf.value);
            }
        }
        ("FB Memory Usage", "Free") => {
            if let Some(last) = slices.last_mut() {
                last.free_mib = amount(leaf.value);
            }
        }
        _ => {}
    }
}

impl Health {
    fn take(&mut self, leaf: &Leaf<'_>) {
        let Leaf { key, value, .. } = *leaf;
        // A GPU that fell off the bus answers every question so.
        self.unreadable |=
            value.contains("ERR!") || value == "Unknown Error" || value == "GPU is lost";
        if value == "GPU requires reset" {
            self.recovery.get_or_insert_with(|| "Reset".to_owned());
        }
        if leaf.is_in("ECC Errors") {
            self.error(leaf);
            return;
        }
        let yes = match value {
            "Yes" => Some(true),
            "No" => Some(false),
            _ => None,
        };
        match (leaf.part(), key) {
            ("Retired Pages", "Pending Page Blacklist" | "Pending")
            | ("Remapped Rows", "Pending") => either(&mut self.repair_pending, yes),
            ("Remapped Rows", "Remapping Failure Occurred") => either(&mut self.repair_failed, yes),
            (_, "GPU Recovery Action") => self.recovery = Some(clip(value)),
            // Before driver 530 or so the part is "Power Readings" and the key "Power Limit".
            ("GPU Power Readings" | "Power Readings", "Current Power Limit" | "Power Limit") => {
                self.power_limit_w = amount(value);
            }
            ("GPU Power Readings" | "Power Readings", "Default Power Limit") => {
                self.power_default_w = amount(value);
            }
            ("Fabric", "State") if value != "N/A" => {
                self.fabric.get_or_insert_default().0 = clip(value);
            }
            ("Fabric", "Status") if value != "N/A" => {
                self.fabric.get_or_insert_default().1 = clip(value);
            }
            _ => self.slowdown(leaf),
        }
    }

    /// Counters since the driver was loaded; those of the card's life say nothing about now.
    fn error(&mut self, leaf: &Leaf<'_>) {
        let is_yes = Some(leaf.value == "Yes").filter(|_| matches!(leaf.value, "Yes" | "No"));
        match leaf.key {
            "SRAM Threshold Exceeded" => self.sram_threshold = is_yes,
            // Since R570 or so.
            "Channel Repair Pending" | "TPC Repair Pending" => {
                either(&mut self.repair_pending, is_yes);
            }
            "Unrepairable Memory" => either(&mut self.repair_failed, is_yes),
            _ => {}
        }
        // Until Volta the counters stand below "Double Bit", later each key says it.
        let of_old = leaf.is_in("Double Bit") && leaf.key == "Total";
        if !leaf.is_in("Volatile") || !(leaf.key.contains("Uncorrectable") || of_old) {
            return;
        }
        if let Some(count) = amount(leaf.value) {
            let sum = self.uncorrected.get_or_insert_default();
            *sum = sum.saturating_add(count);
        }
    }

    fn slowdown(&mut self, leaf: &Leaf<'_>) {
        let is_reason = leaf.is_in("Clocks Event Reasons") || leaf.is_in("Clocks Throttle Reasons");
        let is_bad =
            matches!(leaf.key, "HW Thermal Slowdown" | "HW Power Brake Slowdown" | "HW Slowdown")
                || leaf.key == "SW Thermal Slowdown";
        if is_reason && is_bad && leaf.value == "Active" {
            self.slowdowns.push(leaf.key.to_owned());
        }
    }
}

/// True if any says so.
fn either(here: &mut Option<bool>, found: Option<bool>) {
    if let Some(found) = found {
        *here = Some(here.unwrap_or_default() || found);
    }
}
